"""The home fleet: a room that warms, units that move, faults, and the config that fits it."""

import ipaddress

import pytest

from mine_controller.devices import _hosts
from mine_controller.twin import coop, home, story
from mine_controller.twin.config_text import COLUMNS, config_text

HEAD = "title test\ndate 2026-07-15\nweather july\n"


@pytest.fixture
def house():
    """A house with some makes only, and a story of the test's own."""

    def make(text="", only=("bitaxe", "nerdqaxe", "cgminer"), **about):
        return home.build(1, story=story.parse(HEAD + text), only=only, **about)

    return make


def test_twelve_miners_of_many_makes_are_listed_and_one_is_not():
    assert sum(kit.listed for kit in home.KITS) == 12
    assert len({kit.section.partition(" ")[0] for kit in home.KITS}) >= 7
    assert [kit.id for kit in home.KITS if not kit.listed] == ["x01"]


def test_every_unit_stands_at_an_address_of_its_own_inside_its_sections_hosts():
    places = [f"{home.NET}{kit.host}" for kit in home.KITS]
    assert len(set(places)) == len(places)
    for lot in home.LOTS:
        hosts = home.addresses(lot.hosts)
        assert hosts == _hosts.expand((lot.hosts,))
        assert all(ipaddress.ip_address(host).is_loopback for host in hosts)
        assert all(f"{home.NET}{kit.host}" in hosts for kit in home.KITS if kit.section == lot.section)


def test_macs_are_their_own_and_belong_to_nobody():
    macs = [home.mac(kit) for kit in home.KITS]
    assert len(set(macs)) == len(macs)
    assert all(int(mac[:2], 16) & 0b11 == 0b10 for mac in macs)


def test_the_room_warms_with_the_miners_and_more_with_the_window_shut(house):
    open_, shut = house(), house("00:00 window shut for 2h\n")
    for site in (open_, shut):
        site.advance(3600)
    assert open_.house.room_c > open_.house.weather.ambient_c(3600) + 0.5
    assert shut.house.room_c > open_.house.room_c + 5


def test_a_hot_room_makes_the_boards_hot_too(house):
    cool, hot = house(), house("00:00 weather heat_wave for 9h\n")
    for site in (cool, hot):
        site.advance(4 * 3600)
    assert hot.house.rigs["a01"].chip_c() > cool.house.rigs["a01"].chip_c() + 5


def test_only_listed_and_healthy_miners_count_as_permitted(house):
    whole, less = house(), house("00:00 miner a09 dead\n00:00 miner x01 dead\n")
    for site in (whole, less):
        site.advance(3600)
    nominal_w = sum(whole.house.rigs[kit.id].nominal_w for kit in whole.kits if kit.listed)
    assert whole.house.permitted_kwh() == pytest.approx(nominal_w / 1000, rel=1e-6)
    assert less.house.permitted_kwh() == pytest.approx((nominal_w - less.house.rigs["a09"].nominal_w) / 1000, rel=1e-6)
    assert less.house.energy_kwh() < whole.house.energy_kwh() - 1.2


def test_a_person_who_lets_them_draw_less_permits_less(house):
    site = house("00:00 person miners stop\n")
    site.advance(3600)
    assert site.house.permitted_kwh() == 0
    assert [(wish.key, wish.value) for wish in site.fetch_wishes()] == [("miners", "stop")]
    assert site.fetch_wishes() == ()


def test_what_a_person_asked_for_a_time_is_taken_back_at_its_end(house):
    site = house("00:10 person max_power_kw 0.5 for 20m\n")
    site.advance(3000)
    told = [(wish.at_s, wish.key, wish.value) for wish in site.fetch_wishes()]
    assert told == [(600, "max_power_kw", "0.5"), (1800, "max_power_kw", "clear")]


def test_a_dead_unit_is_gone_from_its_address_and_boots_when_it_is_mended(house):
    site = house("00:00 miner a01 dead for 10m\n")
    site.advance(300)
    assert site.fault_of(site.served["bitaxe shelf/a01"]).kind == "gone"
    assert site.house.rigs["a01"].power_w() == 0
    site.advance(601)
    assert site.fault_of(site.served["bitaxe shelf/a01"]).kind == "gone", "it boots first"
    site.advance(900)
    assert site.fault_of(site.served["bitaxe shelf/a01"]).kind == "ok"
    assert site.house.rigs["a01"].starts == 1


@pytest.mark.parametrize(("word", "kind"), [("silent", "silent"), ("tarpit", "drip"), ("well", "ok"), ("liar", "ok")])
def test_a_units_own_trouble_becomes_a_fault_of_its_line(house, word, kind):
    site = house(f"00:00 miner a01 {word}\n")
    site.advance(1)
    assert site.fault_of(site.served["bitaxe shelf/a01"]).kind == kind
    assert site.fault_of(site.served["bitaxe shelf/a02"]).kind == "ok"


def test_a_fault_of_a_section_is_one_of_all_its_units(house):
    site = house("00:00 device bitaxe shelf silent\n")
    site.advance(1)
    shelf = [served for served in site.served.values() if served.section == "bitaxe shelf"]
    assert {site.fault_of(served).kind for served in shelf if served.unit != "x01"} == {"silent"}
    assert site.fault_of(site.served["nerdqaxe shelf/a05"]).kind == "ok"


def test_a_swap_gives_a_unit_another_address_and_who_lived_there_the_old_one(house):
    site = house("00:10 swap a01 127.0.1.13 for 10m\n00:30 swap a02 127.0.1.16\n")

    def at(name):
        return site.served[f"bitaxe shelf/{name}"].host

    site.advance(700)
    assert (at("a01"), at("a03")) == ("127.0.1.13", "127.0.1.11")
    assert site.by_netloc["127.0.1.13:80"].unit == "a01"
    site.advance(1300)
    assert (at("a01"), at("a03")) == ("127.0.1.11", "127.0.1.13")
    site.advance(1900)
    assert at("a02") == "127.0.1.16"
    assert "127.0.1.12:80" not in site.by_netloc


def test_steps_for_units_a_house_does_not_have_change_nothing(house):
    site = house("00:00 fan 4 break\n00:00 miner a99 dead\n00:00 device redfish pdu1 silent\n00:00 signal off\n")
    site.advance(10)
    assert len(site.unfit) == 4
    assert site.told == []


def test_a_unit_goes_along_with_whoever_asks_it(house):
    site = house()
    site.reach(site.served["bitaxe shelf/a01"], 25)
    assert site.house.rigs["a01"].now_s == 25
    assert site.house.now_s == 0


def test_doors_are_open_at_every_address_where_somebody_may_move_in(house):
    site = house()
    shelf = [door for door in site.doors() if door.lot == "bitaxe shelf"]
    assert [door.host for door in shelf] == list(home.addresses("127.0.1.11-18"))
    assert {door.usual for door in shelf} == {80}
    bare = {door.lot: door.bare for door in site.doors()}
    assert (bare["bitaxe shelf"], bare["cgminer garage"]) == (False, True)
    assert all(served.bare == hasattr(served.server, "talk") for served in site.served.values())


def test_the_config_lists_every_owned_miner_and_no_stranger(house):
    config, fleet = config_text(house())
    rows = [line.split(",") for line in fleet.splitlines()]
    assert tuple(rows[0]) == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert [row[0] for row in rows[1:]] == ["a01", "a02", "a03", "a04", "a05", "a09"]
    assert "[bitaxe shelf]\nhosts = 127.0.1.11-18\nport = 80\n" in config
    assert "[pool solo]" in config
    assert config.rstrip().endswith("[end]")


def test_the_same_seed_is_the_same_house(house):
    def run():
        site = house("00:00 miner a02 dead for 20m\n")
        site.advance(5000)
        return site.house.energy_kwh(), site.house.room_c

    assert run() == run()


def test_the_packaged_day_holds_what_a_home_must_survive():
    told = story.packaged("home-day")
    words = {(event.what, event.words.rpartition(" ")[2]) for event in told.events}
    for needed in (
        ("miner", "dead"),
        ("miner", "liar"),
        ("miner", "slow_boot"),
        ("weather", "hot"),
        ("miner", "silent"),
    ):
        assert needed in words
    assert "swap" in {event.what for event in told.events}
    homes = {kit.id for kit in home.KITS}
    assert all(event.words.split()[0] in homes for event in told.events if event.what in ("miner", "swap"))


def test_both_sites_begin_their_stories_at_their_own_midnight():
    told = story.parse(HEAD)
    assert home.build(1, story=told, only=("bitaxe",)).plant.start_wall_s == told.start_wall_s(home.ZONE)
    assert coop.build(1, story=told, miners=2, pdus=1).plant.start_wall_s == told.start_wall_s(coop.ZONE)
