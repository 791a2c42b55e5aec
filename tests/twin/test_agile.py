"""The home that mines by price: its boards, plugs and price server, and the true account of its world."""

import datetime as dt
import json

import pytest

from mine_controller.devices import _hosts
from mine_controller.twin import agile, story
from mine_controller.twin.answer import asked
from mine_controller.twin.config_text import COLUMNS, config_text
from mine_controller.twin.servers.plug import GET, SET
from mine_controller.twin.tariff import SLOT_S, VAT

HEAD = "title test\ndate 2026-11-12\nweather harvest\n"
RATES = "/v1/products/AGILE-24-10-01/electricity-tariffs/E-1R-AGILE-24-10-01-H/standard-unit-rates/"


def house(text="", only=(), head=HEAD, **about):
    return agile.build(1, story=story.parse(head + text), only=only, **about)


def ask(site, section, target, at_s=0.0):
    served = site.served[section]
    return site.answer(served, asked("GET", f"http://127.0.0.1{target}", {}, b""), at_s)


def rates(site, at_s=0.0, query=""):
    return json.loads(ask(site, agile.PRICES, f"{RATES}?page_size=1500{query}", at_s).body)["results"]


def test_eleven_boards_of_five_makes_stand_at_addresses_of_their_own():
    assert len(agile.KITS) == 11
    assert {lot.kind for lot in agile.LOTS} == {"bitaxe", "nerdqaxe", "avalon", "xmrig", "nmminer"}
    for lot in agile.LOTS:
        hosts = _hosts.expand((lot.hosts,))
        assert all(f"{agile.NET}{kit.host}" in hosts for kit in agile.KITS if kit.section == lot.section)
    assert 500 < sum(rig.nominal_w for rig in house().house.rigs.values()) < 700


def test_what_cannot_be_stopped_by_word_stands_on_a_plug():
    site = house()
    by_id = {kit.id: kit for kit in agile.KITS}
    assert {by_id[name].about["model"] for name in agile.PLUGS} == {"Nano3s", "Nano3"}
    assert all(section in site.served for section in agile.PLUGS.values())


def test_a_plug_measures_and_cuts_its_miner_and_gives_it_back():
    site = house(only=("a08",))
    plug, rig = agile.PLUGS["a08"], site.house.rigs["a08"]
    told = json.loads(ask(site, plug, f"{GET}?id=0", 60).body)
    assert told["output"] is True
    assert told["apower"] == pytest.approx(rig.power_w(), rel=0.05)
    assert json.loads(ask(site, plug, f"{SET}?id=0&on=false", 61).body) == {"was_on": True}
    assert json.loads(ask(site, plug, f"{GET}?id=0", 62).body)["apower"] == 0
    assert site.fault_of(site.served["avalon desk/a08"]).kind == "gone"
    ask(site, plug, f"{SET}?id=0&on=true", 63)
    assert rig.powered
    assert rig.starts == 1


@pytest.mark.parametrize("target", [f"{SET}?id=1&on=true", "/rpc/Shelly.Reboot", f"{SET}?id=0&on=maybe"])
def test_a_plug_does_nothing_it_was_not_asked_for(target):
    site = house(only=("a08",))
    assert ask(site, agile.PLUGS["a08"], target).status >= 400
    assert site.house.rigs["a08"].powered


def test_the_next_day_appears_at_four_in_the_afternoon():
    site = house()
    ends = [max(row["valid_to"] for row in rates(site, at_s)) for at_s in (16 * 3600 - 60, 16 * 3600 + 60)]
    assert ends == ["2026-11-12T23:00:00Z", "2026-11-13T23:00:00Z"]


def test_a_missed_publication_comes_on_the_evening_of_the_next_day():
    site = house("00:00 publication missed\n")
    site.advance(1)
    assert max(row["valid_to"] for row in rates(site, 17 * 3600)) == "2026-11-12T23:00:00Z"
    assert max(row["valid_to"] for row in rates(site, 43 * 3600 + 60)) > "2026-11-13T22:00:00Z"


@pytest.mark.parametrize(("day", "count"), [("2026-10-25", 50), ("2026-03-29", 46), ("2026-06-01", 48)])
def test_a_day_on_which_clocks_change_has_as_many_half_hours_as_it_is_long(day, count):
    site = house(head=f"title test\ndate {day}\nweather harvest\n")
    zone = site.house.tariff.zone
    begin, end = (
        dt.datetime.combine(dt.date.fromisoformat(day) + dt.timedelta(days=n), dt.time(), zone) for n in (0, 1)
    )
    both = "&".join(f"{name}={at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}" for name, at in
                    (("period_from", begin), ("period_to", end)))  # fmt: skip
    assert len(rates(site, 20 * 3600, f"&{both}")) == count


def test_without_the_internet_neither_prices_nor_pools_are_reached():
    site = house("01:00 internet down for 1h\n", only=("a01", "a08"))
    site.advance(3601)
    assert site.fault_of(site.served[agile.PRICES]).kind == "gone"
    site.advance(3700)
    assert not site.house.rigs["a01"].hashing, "a Bitaxe without a pool hashes nothing"
    site.advance(7300)
    assert site.fault_of(site.served[agile.PRICES]).kind == "ok"
    assert site.house.rigs["a01"].hashing


def test_the_account_is_the_sum_over_the_slots_at_their_own_prices():
    site = house(only=("a01",))
    site.advance(6 * 3600)
    account, rig, start = site.house.account, site.house.rigs["a01"], site.plant.start_wall_s
    each = [site.house.tariff.price(start + n * SLOT_S) * VAT for n in range(12)]
    assert account.kwh == pytest.approx(rig.energy_kwh())
    assert account.always_p == pytest.approx(sum(each) * rig.nominal_w / 2000)
    assert account.cost_p == pytest.approx(account.kwh * sum(each) / 12, rel=0.01)


def test_in_a_slot_above_the_off_price_nothing_is_permitted():
    site = house(only=("a01",))
    dear = next(n for n in range(48) if site.house.tariff.price(site.plant.start_wall_s + n * SLOT_S) * VAT >= 20)
    site.advance(dear * SLOT_S)
    permitted, above = site.house.permitted_kwh(), site.house.account.above_kwh
    site.advance((dear + 1) * SLOT_S)
    assert site.house.permitted_kwh() == permitted
    assert site.house.account.above_kwh - above > 0.005, "nobody told it to stop here"


def test_the_config_has_bands_pools_by_coin_and_plugs_as_outlets():
    config, fleet = config_text(house())
    rows = [line.split(",") for line in fleet.splitlines()]
    assert tuple(rows[0]) == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert {row[4] for row in rows if row[9] == "plug"} == {"http_pdu plug1/0", "http_pdu plug2/0"}
    assert config.count("[band ") == 5
    assert "price = octopus agile" in config
    assert "coin = XMR" in config


@pytest.mark.parametrize("name", ["agile-day", "dst-day", "no-publication"])
def test_every_step_of_the_packaged_stories_fits_this_site(name):
    site = agile.build(1, story=story.packaged(name))
    site.advance(86_400)
    assert site.unfit == []
    assert site.told


def test_the_same_seed_is_the_same_house():
    def run():
        site = house("00:30 miner a02 dead for 20m\n", only=("a01", "a02"))
        site.advance(5000)
        return site.house.account, site.house.room_c

    assert run() == run()
