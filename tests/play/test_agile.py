"""Whole ticks on the home that mines by price: real drivers and protocols, bands, plugs, outages, money."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from play.days import quiet

from mine_controller.config import sites
from mine_controller.config.load import load
from mine_controller.core.money import ledger
from mine_controller.play import demo
from mine_controller.play.twin import Audited, Virtual, file_wish
from mine_controller.ports.live import ports_of
from mine_controller.ports.show import show
from mine_controller.store import query
from mine_controller.store.money import idle_of
from mine_controller.store.query import segments
from mine_controller.tick import tick
from mine_controller.twin import agile, home, story
from mine_controller.twin.faults import OK, Fault
from mine_controller.twin.site import Person
from mine_controller.twin.tariff import VAT

HEAD = "title test\ndate 2026-11-12\nweather harvest\n\n"
MINECTL = str(Path(sys.executable).parent / "minectl")
DEAR = "15:40"  # this day nobody mines from 16:00 to 19:00


class Played:
    """Ticks one after the other on some of the boards. `change` edits the text of config.txt."""

    def __init__(self, folder, text="", *, start="00:00", only=(), head=HEAD, change=None, guard=True):
        told = story.parse(head + text)
        hour, minute = start.split(":")
        start_wall_s = told.start_wall_s(agile.ZONE) + int(hour) * 3600 + int(minute) * 60
        self.site = agile.build(1, start_wall_s, story=told, only=only)
        self.config = demo.write_config(folder, self.site)
        if change is not None:
            path = self.config.paths.config
            path.write_text(change(path.read_text("utf-8")), "utf-8")
            self.config = load(path)
        self.virtual = Virtual(self.config, self.site)
        self.journal = Audited(self.virtual, guard=guard)
        self.ports = ports_of(self.virtual, self.journal)
        self.bands = []

    def on(self, hours):
        """So many hours more."""
        end_s = self.virtual.now_s + hours * 3600
        while self.virtual.now_s < end_s:
            began_s = self.virtual.now_s
            book = tick(self.ports, self.config.policy)
            self.journal.ticks.pop()
            self.bands.append((self.site.plant.start_wall_s + began_s, book.state.memory["band"]["band"]))
            self.virtual.until_next(began_s)
        return self

    def ask(self, key, value):
        """Somebody types set-state."""
        file_wish(self.config, self.site, Person(self.virtual.now_s, key, value))
        return self

    @property
    def log(self):
        return self.config.paths.log.read_text("utf-8").splitlines()

    def told(self, kind):
        return [line for line in self.log if f" {kind} " in line]

    @property
    def rigs(self):
        return self.site.house.rigs

    @property
    def violations(self):
        return self.journal.violations


def url(name):
    return agile.OWNED[name][1]


def works_for(rig):
    return rig.pools[rig.pool_in_use()][0]


def banded(coin="DGB", mode="", pool=""):
    """One band whatever power costs."""

    def change(text):
        before, _, rest = text.partition("[band 1]")
        lines = ["[band 1]", f"coin = {coin}", *([f"pool = {pool}"] if pool else [])]
        lines += [f"modes = {mode}"] if mode else []
        return (
            before.replace("default_band = off", "default_band = 1")
            + "\n".join(lines)
            + "\n\n[wiring]"
            + (rest.partition("[wiring]")[2])
        )

    return change


def slowly(text):
    """Long stretches in a fifth of the time."""
    return text.replace("tick_s = 120", "tick_s = 600")


def test_before_a_dear_slot_begins_every_board_is_off_and_after_it_all_are_back(tmp_path):
    """O19: the price was known, so nothing is used above standby; the Nanos go by their plugs."""
    day = Played(tmp_path, start=DEAR).on(0.5)
    working = {name for name, rig in day.rigs.items() if rig.power_w() > rig.standby_w + 1}
    assert working == set()
    assert {name for name, rig in day.rigs.items() if not rig.powered} == set(agile.PLUGS)
    day.on(3.7)
    assert {name for name, rig in day.rigs.items() if not rig.hashing} == set()
    account = day.site.house.account
    assert account.above_kwh < 0.01 * account.kwh
    assert day.violations == []


def test_boards_that_stand_idle_without_internet_stay_dark_when_it_comes_back_in_a_dear_slot(tmp_path):
    """O19: nobody had told them to stop, for they drew nothing; now they are told when the dear slot begins. They say
    that they wait for a pool: no start of theirs has failed."""
    story = "15:12 internet down for 70m\n"
    day = Played(tmp_path, story, start="15:10", only=("a01", "a02", "a03"), guard=False).on(2)
    assert day.site.house.account.above_kwh == 0
    assert day.told("start_failed") == []
    day.on(2.2)
    assert all(rig.hashing for rig in day.rigs.values()), "19:00, and power is cheap again"


def test_a_section_whose_plugs_are_off_is_no_device_that_fails_and_a_slow_mode_no_failed_start(tmp_path):
    """They can't answer in the dear slots; afterwards they boot, and draw less than half of what they may."""
    day = Played(tmp_path, start=DEAR, only=("a08", "a09"), guard=False).on(4.7)
    assert min(rig.starts for rig in day.rigs.values()) >= 1
    assert {rig.mode for rig in day.rigs.values()} != {"high"}
    assert [line for line in day.log if " WARN " in line] == []


def test_a_unit_that_stays_silent_when_its_plug_is_on_again_is_told_after_its_boot(tmp_path):
    day = Played(tmp_path, "18:50 device avalon desk silent\n", start=DEAR, only=("a08",), guard=False).on(3.4)
    assert day.told("device_unreachable") == [], "its plug came on a few minutes ago"
    day.on(0.4)
    assert len(day.told("device_unreachable")) == 1


def test_a_day_costs_what_the_store_says_it_did(tmp_path):
    """The report out of the record, and the account of the world that knows the truth."""
    day = Played(tmp_path, only=("a01", "a02", "a08"), guard=False).on(6)
    config, start = day.config, day.site.plant.start_wall_s
    nominal_w = {spec.id: spec.nominal_w for spec in config.policy.wiring.miners}
    found = segments(config.paths, start, start + 6 * 3600, idle_of(config.policy))
    total = ledger.total(ledger.by_miner(found, nominal_w).values())
    assert ledger.pence(total.paid) == pytest.approx(day.site.house.account.cost_p, rel=0.08)


KINDS = {
    "a01": ("bch", "bitaxe eco", "eco"),
    "a07": ("btc", "nerdqaxe eco", "eco"),
    "a08": ("bch", "avalon low", "low"),
    "a09": ("btc", "avalon medium", "medium"),
    "a11": ("bch", "", "standard"),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_switches_coin_pool_and_mode_over_its_own_protocol_and_tells_it_back(tmp_path, name):
    pool, modes, mode = KINDS[name]
    day = Played(tmp_path, only=(name,), change=banded(agile.OWNED[pool][0], modes), guard=False).on(1.1)
    rig = day.rigs[name]
    assert works_for(rig) == url(pool)
    assert rig.mode == mode
    channels = tick(day.ports, day.config.policy).image.channels
    said = {key.rpartition(":")[2]: value.value for key, value in channels.items()}
    assert said["pool"] == pool
    assert said.get("mode", mode) == mode
    assert [line for line in day.log if "errand_failed" in line] == []


def test_xmrig_goes_to_another_pool_of_its_own_coin_and_never_to_a_sha_one(tmp_path):
    day = Played(tmp_path, only=("a10", "a01"), change=banded("XMR", pool="xmr2"), guard=False).on(0.5)
    assert works_for(day.rigs["a10"]) == url("xmr2")
    assert works_for(day.rigs["a01"]) == url("dgb")


MUTE = {  # of each kind one that hears everything and does nothing: the coin it is to mine, where it stays
    "a02": ("BCH", "", "dgb"),
    "a07": ("BTC", "", "dgb"),
    "a08": ("BCH", "", "dgb"),
    "a09": ("BTC", "", "dgb"),
    "a10": ("XMR", "xmr2", "xmr"),
    "a11": ("BCH", "", "dgb"),
}


@pytest.mark.parametrize("name", MUTE)
def test_a_board_that_ignores_its_commands_is_named(tmp_path, name):
    coin, pool, stays = MUTE[name]
    change = banded(coin, pool=pool)
    day = Played(tmp_path, f"00:00 miner {name} mute\n", only=(name,), change=change, guard=False).on(0.8)
    assert works_for(day.rigs[name]) == url(stays)
    failed = day.told("errand_failed")
    assert failed
    assert all(f"{name} did not take" in line for line in failed)


def test_three_days_without_prices_use_what_is_published_and_then_the_default_band(tmp_path):
    """PRC1: said on the page and in one message; afterwards prices and bands are back by themselves."""
    day = Played(tmp_path, start="15:50", only=("a01",), change=slowly, guard=False).on(0.5)
    known_to = max(row.end_s for row in _slots(day))
    day.site.faults.put(agile.PRICES, Fault("gone"))
    day.on(72)
    inside = {band for at, band in day.bands if at < known_to - 1200}
    after = {band for at, band in day.bands if at >= known_to}
    assert len(inside - {"off"}) >= 2
    assert after == {"off"}
    assert not day.rigs["a01"].hashing
    warned = [json.loads(one.body)["kind"] for one in query.letters(day.config.paths) if one.level]
    assert warned == ["price_missing"]
    show(day.config, tick(day.ports, day.config.policy))
    page = (day.config.paths.www / "index.html").read_text("utf-8")
    assert "the price that counts now is not known: the default band holds" in page
    day.site.faults.put(agile.PRICES, OK)
    day.on(2)
    assert day.bands[-1][1] != "off"
    assert len(day.told("price_known")) == 1


def _slots(day):
    from mine_controller.core.money.prices import slots_of  # noqa: PLC0415 - for this one test

    return slots_of(tick(day.ports, day.config.policy).image, day.config.policy.wiring)


def test_the_hour_that_comes_twice_is_two_hours_of_slots(tmp_path):
    """PRC3: the clocks go back; every slot is met, none is an hour off."""

    def change(text):  # the first of the two hours is far below 2 p that night, the second far above
        for was, edge in (("4", "2.0"), ("7", "2.7"), ("12", "3.0")):
            text = text.replace(f"max_price = {was}\n", f"max_price = {edge}\n")
        return text

    head = HEAD.replace("2026-11-12", "2026-10-25")
    day = Played(tmp_path, only=("a01",), head=head, change=change, guard=False).on(4)
    tariff, begin_s = day.site.house.tariff, day.bands[0][0]

    def cheap(at):
        return tariff.price(int(at) // 1800 * 1800) * VAT <= 2.0

    assert day.told("price_missing") == []
    assert day.site.house.account.above_kwh == 0
    assert [cheap(begin_s + half * 1800) for half in range(8)] == [False, False, True, True, *[False] * 4]
    met = [at for at, band in day.bands if band == "5"]
    assert met == [at for at, _ in day.bands if cheap(at) and cheap(at + 120)]  # before a dearer slot a tick early


def test_a_person_goes_before_the_price_until_it_is_cleared(tmp_path):
    day = Played(tmp_path, start="08:00", only=("a01",), guard=False).on(0.2)
    day.ask("strategy", "off").on(0.3)
    assert not day.rigs["a01"].hashing
    day.ask("strategy", "clear").on(0.6)
    assert day.rigs["a01"].hashing


def test_only_the_champion_runs_in_a_band_that_asks_for_one(tmp_path):
    change = banded("DGB")
    day = Played(
        tmp_path,
        only=("a01", "a04", "a07"),
        change=lambda text: change(text).replace("[band 1]\n", "[band 1]\nchampion = 1\n"),
        guard=False,
    ).on(1.5)
    hashing = [name for name, rig in day.rigs.items() if rig.hashing]
    assert len(hashing) == 1
    assert day.violations == []


def test_a_tuned_bitaxe_ends_at_fewer_joules_and_its_band_lets_it_be(tmp_path):
    change = banded("DGB", "bitaxe overclock")

    def tuned(text):
        return change(text).replace("[wiring]", "[tuning one]\nminers = a01\nchip_max_c = 75\nstep_mv = 50\n\n[wiring]")

    day = Played(tmp_path, only=("a01", "a02"), change=tuned, guard=False)
    before = day.rigs["a01"].power_w() / day.rigs["a01"].rate_ths()
    day.on(7)
    rig = day.rigs["a01"]
    assert day.rigs["a02"].mode == "overclock"
    assert rig.power_w() / rig.rate_ths() < before
    assert rig.tuned.core_voltage_mv <= 1150
    assert day.told("tuning_step")


def at_a_plain_home(folder, sections, wired="", hours=1.0):
    """The boards of the home fleet after so long from 13:30 on, with these sections more in its config."""
    told = story.parse(HEAD)
    site = home.build(1, told.start_wall_s(home.ZONE) + 13 * 3600 + 1800, story=told, only=("bitaxe",))
    path = demo.write_config(folder, site).paths.config
    path.write_text(path.read_text("utf-8").replace("[wiring]", f"{sections}\n\n[wiring]{wired}"), "utf-8")
    day = demo.live_through(site, load(path), 1, hours, quiet)
    assert day.violations == ()
    return {name: rig.word() for name, rig in site.house.rigs.items() if not name.startswith("x")}


@pytest.mark.parametrize(("hours", "word"), [("14:00-15:00", "sleeping"), ("14:00-14:20", "hashing")])
def test_a_schedule_holds_at_a_plain_home_without_prices_too(tmp_path, hours, word):
    words = at_a_plain_home(tmp_path, f"[schedule quiet]\nhours = {hours}\nstop = yes")
    assert set(words.values()) == {word}


@pytest.mark.parametrize(("value", "word"), [("1", "sleeping"), ("400", "hashing")])
def test_the_guard_of_profit_serves_a_plain_home_on_a_fixed_tariff_too(tmp_path, value, word):
    """Some 17 J/TH at 30 p/kWh cost 12 p a TH/s and day."""
    sections = f"[tariff flat]\nprice = 30\ntimezone = Europe/London\n\n[profit BTC]\nvalue = {value}"
    words = at_a_plain_home(tmp_path, sections, "\nprice = tariff flat")
    assert set(words.values()) == {word}


DAYS = ("2026-01-14", "2026-03-29", "2026-07-01", "2026-12-23")


@pytest.mark.parametrize("day", DAYS)
def test_on_sampled_days_of_a_year_hardly_anything_is_used_above_the_off_price(tmp_path, day):
    """O19, on a winter's day, one the clocks change on, one of summer, and the dearest time of the year."""
    head = f"title test\ndate {day}\nweather harvest\n\n"
    played = Played(tmp_path, only=("a01", "a08"), head=head, change=slowly, guard=False).on(24)
    account = played.site.house.account
    assert account.above_kwh <= 0.01 * account.kwh
    assert account.cost_p < account.always_p


@pytest.mark.soak
def test_a_simulated_year_uses_at_most_one_percent_above_the_off_price(tmp_path):
    """O19 over every day, missing publications and both clock changes among them."""
    head = "title test\ndate 2026-01-01\nweather harvest\n\n"
    played = Played(tmp_path, only=("a01", "a08"), head=head, guard=False).on(365 * 24)
    account = played.site.house.account
    assert account.above_kwh <= 0.01 * account.kwh
    assert account.cost_p < 0.9 * account.always_p


def test_the_command_offers_this_site_and_there_is_a_template_of_it():
    assert "agile-home" in demo.SITES
    assert "agile-home" in sites.names()


def test_a_live_tick_over_sockets_reads_boards_plugs_and_prices(tmp_path):
    site = agile.build(1, story=story.parse(HEAD), only=("a01", "a08", "a11"))
    with demo.on_sockets(site) as servers:
        path = demo.write_config(tmp_path, site).paths.config
        path.write_text(path.read_text("utf-8").replace("live = yes", "live = no"), "utf-8")
        config = load(path)
        demo.live_tick(config, demo.go_on(site, servers))
        made = json.loads((config.paths.www / "status.json").read_text("utf-8"))
    assert {card["online"] for card in made["units"]} == {True}
    assert made["bands"]["band"] is not None
    assert made["bands"]["price"] is not None
    assert "Price bands" in (config.paths.www / "index.html").read_text("utf-8")


def test_the_demo_of_this_home_prints_what_power_cost(tmp_path):
    words = ["demo", "--site", "agile-home", "--hours", "2", "--no-serve", "--json", "--dir", str(tmp_path / "d")]
    done = subprocess.run([MINECTL, *words], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["site"], found["violations"]) == ("agile-home", [])
    assert found["above_off_kwh"] == 0
    assert found["cost_p"] < found["always_on_cost_p"]
    assert sum(found["hours_in_band"].values()) == pytest.approx(2, abs=0.1)


def test_the_packaged_day_goes_by_without_a_violation(tmp_path):
    """From noon: visitors, a swapped board, prices that fail just when tomorrow appears, the dear evening."""
    told = story.packaged("agile-day")
    site = agile.build(1, told.start_wall_s(agile.ZONE) + 15 * 3600, story=told)
    config = demo.write_config(tmp_path, site)
    day = demo.live_through(site, config, 1, 2, quiet)
    assert day.violations == ()
    assert site.unfit == []
    assert day.in_band_s["1"] >= 3600
    assert day.longest_tick_s <= 110
