"""Windows of the week, what holds while they are open, and mining on the surplus of the roof."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from core.plant import Plant, policy, request, wiring
from core.shelf import Shelf, boards
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.model.clock import Local
from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.reason import ECONOMICS
from mine_controller.core.model.wiring import BreakerSpec, Role
from mine_controller.core.money import windows
from mine_controller.core.money.windows import Window
from mine_controller.core.option import fill
from mine_controller.core.rules import schedule
from mine_controller.core.rules.schedule import Named, Section

NIGHT = {"hours": ("22:00-07:00",), "stop": True}
WEDNESDAY = 2
ZONES = ("Europe/London", "America/Chicago", "Australia/Lord_Howe")


def section(**more):
    return fill(Section, {"max_miners": 3, **more})


def local(hour, minute=0, weekday=WEDNESDAY, date="2026-07-15"):
    return Local(date, hour * 60 + minute, weekday)


# -- windows ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "days"), [
    ("", (0, 1, 2, 3, 4, 5, 6)), ("mon-fri", (0, 1, 2, 3, 4)), ("sat+sun", (5, 6)), ("sat-mon", (0, 5, 6)),
    ("wed", (2,)), ("mon-wed+fri", (0, 1, 2, 4)), ("monday", None), ("mon-tue-wed", None),
])  # fmt: skip
def test_weekdays_are_understood_or_refused(text, days):
    assert windows.days_of(text) == days


@pytest.mark.parametrize("text", ["22-07", "22:00", "24:00-02:00", "23:60-24:00", "-", "25:00-26:00"])
def test_hours_that_are_none_are_refused(text):
    assert windows.hours_of(text) is None


@pytest.mark.parametrize(("hour", "minute", "weekday", "opened"), [
    (21, 59, 4, False), (22, 0, 4, True), (23, 59, 4, True), (0, 0, 5, True), (6, 59, 5, True), (7, 0, 5, False),
    (22, 0, 5, False), (3, 0, 4, False), (22, 0, 0, False), (3, 0, 0, False),
])  # fmt: skip
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_began(hour, minute, weekday, opened):
    assert windows.is_open(Window(1320, 420, (4,)), hour * 60 + minute, weekday) == opened


minutes = st.integers(0, 1439)
days = st.sets(st.integers(0, 6), min_size=1).map(lambda found: tuple(sorted(found)))


@given(st.lists(st.builds(Window, minutes, st.integers(0, 1440), days), max_size=3), minutes, st.integers(0, 6))
def test_nothing_opens_or_closes_before_the_next_edge_and_something_does_there(found, minute, weekday):
    def opened(after):
        day, at = divmod(minute + after, 1440)
        return any(windows.is_open(window, at, (weekday + day) % 7) for window in found)

    edge = windows.next_edge(tuple(found), minute, weekday)
    for after in range(0, 10_080 if edge is None else edge, 7):
        assert opened(after) == opened(0)
    assert edge is None or opened(edge) != opened(0)


@pytest.mark.parametrize("zone", ZONES)
def test_on_every_change_of_the_clocks_a_window_is_open_while_the_wall_says_so(zone):
    """Changes of 2020 to 2035: quiet hours end when the wall says seven, never an hour off."""
    place, quiet = ZoneInfo(zone), section(hours=("22:00-07:00",))
    found = 0
    for day in (dt.datetime(2020, 1, 1, 12, tzinfo=place) + dt.timedelta(days=n) for n in range(16 * 365 + 4)):
        begin = int(day.timestamp())
        if int((day + dt.timedelta(days=1)).timestamp()) - begin == 86_400:
            continue
        found += 1
        for moment in range(begin, begin + 86_400, 600):
            here = dt.datetime.fromtimestamp(moment, place)
            now = Local(here.strftime("%Y-%m-%d"), here.hour * 60 + here.minute, here.weekday())
            assert schedule.stands(quiet, now, False) == (here.hour >= 22 or here.hour < 7)
    assert found >= 31


# -- sections ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("more", "date", "holds"), [
    ({}, "2026-07-15", True), ({"days": ("mon-tue",)}, "2026-07-15", False), ({"days": ("mon", "wed")}, "", True),
    ({"first_date": "10-01", "last_date": "03-31"}, "2026-07-15", False),
    ({"first_date": "10-01", "last_date": "03-31"}, "2026-12-31", True),
    ({"first_date": "10-01", "last_date": "03-31"}, "2026-03-31", True),
    ({"first_date": "04-01", "last_date": "09-30"}, "2026-04-01", True),
    ({"first_date": "04-01", "last_date": "09-30"}, "2026-10-01", False),
])  # fmt: skip
def test_a_section_holds_on_its_weekdays_and_in_its_season(more, date, holds):
    assert schedule.stands(section(**more), local(12, date=date or "2026-07-15"), away=False) == holds


@pytest.mark.parametrize(("when", "away", "holds"), [("always", False, True), ("always", True, True),
    ("away", False, False), ("away", True, True), ("home", True, False), ("home", False, True)])  # fmt: skip
def test_a_section_may_be_for_people_at_home_or_away(when, away, holds):
    assert schedule.stands(section(when=when), local(12), away) == holds


@pytest.mark.parametrize(("more", "word"), [
    ({"hours": ("22-7",)}, "hours"), ({"days": ("someday",)}, "days"), ({"first_date": "13-01"}, "first_date"),
    ({"first_date": "10-01"}, "go together"), ({"max_miners": -1}, "nothing holds"),
])  # fmt: skip
def test_a_section_that_can_not_be_meant_is_told(more, word):
    assert any(word in text for text in schedule.check(section(**more)))
    assert schedule.check(section()) == []


def test_a_section_without_an_edge_has_none():
    assert schedule.until_edge(section(), local(12)) is None
    assert schedule.until_edge(section(hours=("22:00-07:00",)), local(12)) == 600


@pytest.mark.parametrize(
    ("more", "left_h"),
    [
        ({"days": ("sat", "sun")}, 36),  # Saturday noon, to the end of Sunday
        ({"hours": ("08:00-24:00", "00:00-07:00")}, 19),
        ({"hours": ("08:00-14:00", "13:00-18:00")}, 6),
        ({"hours": ("00:00-12:00", "12:00-24:00")}, None),
    ],
)
def test_where_one_window_goes_on_where_another_ends_is_no_edge(more, left_h):
    edge = schedule.until_edge(section(**more), local(12, weekday=5))
    assert edge == (None if left_h is None else left_h * 60)


# -- the rule on a plant ----------------------------------------------------------------------------------------------


def scheduled(*sections, away=False, miners=24):
    named = tuple(Named(name, fill(Section, about)) for name, about in sections)
    wires = wiring(miners)
    return Plant(wires, policy(wires, schedule={"sections": named, "away": away}))


def settled(plant, ticks=12):
    plant.ticks(ticks)
    return sum(watts > 1000 for watts in plant.power.values())


def test_quiet_hours_stop_the_miners_gently_and_leave_their_outlets_alone():
    plant = scheduled(("night", NIGHT))
    assert settled(plant) == 24
    plant.local = local(22)
    assert settled(plant) == 0
    assert not [verb for _, target, verb, _ in plant.sent if verb == "off" and target.startswith("miner")]
    assert len(plant.events("schedule_begins")) == 1
    plant.local = local(7)
    assert settled(plant, 60) == 24
    assert len(plant.events("schedule_ends")) == 1
    assert plant.violations == []


def test_quiet_hours_leave_a_miner_alone_that_takes_no_word():
    plant = scheduled(("night", {"stop": True}))
    plant.mute = {"m003"}
    assert settled(plant, 20) == 1
    assert plant.power["m003"] > 1000
    assert not [target for _, target, verb, _ in plant.sent if verb == "off" and target.startswith("miner")]


@pytest.mark.parametrize("about", [{"stop": True}, {"max_miners": 0}, {"max_kw": 0.0}])
def test_quiet_hours_are_no_curtailment_however_they_are_written(about):
    """0 kW stood in the bill's report, and a miner that takes no word made it an emergency that opens the contactor."""
    plant = scheduled(("night", about))
    plant.mute = {"m003", "m004", "m005"}
    settled(plant, 20)
    assert not plant.events("curtail_unproven")
    assert plant.state.shed is None
    assert plant.state.mode == "RUNNING"


def test_quiet_hours_do_not_soften_a_branch_that_carries_too_much():
    """PDU1: two mute miners on a branch for one; economics wants both gone gently, the branch wants one gone."""
    wires = wiring(6, breakers=(BreakerSpec("b1", 5000),))
    units = tuple(unit._replace(breaker="b1" if unit.id in ("m000", "m001") else "") for unit in wires.miners)
    wires = wires._replace(miners=units)
    night = (Named("night", fill(Section, {"stop": True})),)
    plant = Plant(wires, policy(wires, schedule={"sections": night}))
    plant.mute = {"m000", "m001"}
    plant.ticks(12)
    assert plant.power["m000"] + plant.power["m001"] <= 5000


@pytest.mark.parametrize(("about", "left"), [({"max_miners": 7}, 7), ({"max_kw": 20.0}, 5), ({"max_kw": 0.0}, 0),
    ({"stop": True, "of": ("m001", "m002")}, 22)])  # fmt: skip
def test_an_open_window_narrows_to_its_own_figure(about, left):
    assert settled(scheduled(("day", about)), 20) == left


def test_two_open_windows_count_together():
    plant = scheduled(("one", {"max_miners": 9}), ("other", {"max_miners": 4}), ("closed", NIGHT))
    assert settled(plant) == 4
    reasons = [limit for limit in plant.decisions[-1].envelope.reasons if limit.reason.rule == "schedule"]
    assert [limit.amount for limit in reasons] == [4, 9]
    assert {limit.layer for limit in reasons} == {ECONOMICS}


def test_a_person_who_goes_away_opens_the_windows_for_it_until_it_is_cleared():
    plant = scheduled(("holiday", {"when": "away", "max_miners": 2}))
    assert settled(plant) == 24
    plant.requests = (request("set-state", "away", "yes"),)
    assert settled(plant, 20) == 2
    assert plant.state.overrides[0].until_s == 0  # economics: until changed, also on a live site
    plant.requests = (request("clear-state", "away"),)
    assert settled(plant, 60) == 24


def test_away_is_yes_or_no():
    plant = scheduled(("holiday", {"when": "away", "max_miners": 2}))
    plant.requests = (request("set-state", "away", "maybe"),)
    plant.tick()
    assert [one.verdict for one in plant.decisions[0].verdicts] == ["refused"]


# -- what a window changes is changed back ----------------------------------------------------------------------------


def shelf_of(*sections, **spec):
    named = tuple(Named(name, fill(Section, about)) for name, about in sections)
    shelf = Shelf(boards(2, **spec))
    options = fill(schedule.Options, {})._replace(sections=named)
    shelf.policy = shelf.policy._replace(rules={**shelf.policy.rules, "schedule": options})
    shelf.local = local(21)
    shelf.ticks(3)
    return shelf


ECO = {"hours": ("22:00-07:00",), "modes": ("eco",), "pool": "reserve"}
USUAL = {"b0": "standard", "b1": "standard"}


@pytest.mark.parametrize("gone", [True, False])
def test_when_a_window_ends_or_is_taken_out_modes_and_pools_are_what_they_were(gone):
    """Where nothing else says what they are to be: one night made a shelf slow for ever."""
    shelf = shelf_of(("night", ECO))
    shelf.local = local(22)
    shelf.ticks(40)
    assert set(shelf.mode.values()) == {"eco"}
    assert set(shelf.pool.values()) == {"reserve"}
    if gone:
        rules = {name: options for name, options in shelf.policy.rules.items() if name != "schedule"}
        shelf.policy = shelf.policy._replace(rules=rules)
    else:
        shelf.local = local(7)
    shelf.ticks(60)
    assert shelf.mode == USUAL
    assert set(shelf.pool.values()) == {"main"}
    assert len(shelf.events("schedule_ends")) == 1
    assert shelf.state.memory.get("schedule", {"open": []}) == {"open": []}
    assert shelf.violations == []


def test_of_two_windows_in_a_row_the_one_before_the_first_is_gone_back_to():
    late = {"hours": ("23:00-06:00",), "modes": ("turbo",)}
    shelf = shelf_of(("late", late), ("night", {**ECO, "pool": ""}))
    for hour, mode in ((22, "eco"), (23, "turbo"), (6, "eco"), (7, "standard")):
        shelf.local = local(hour)
        shelf.ticks(40)
        assert set(shelf.mode.values()) == {mode}


def test_who_is_given_another_mode_meanwhile_keeps_it_when_the_window_ends():
    shelf = shelf_of(("night", {**ECO, "pool": ""}))
    shelf.local = local(22)
    shelf.ticks(40)
    shelf.requests = (request("set-state", "mode.b0", "turbo"),)
    shelf.ticks(40)
    shelf.local = local(7)
    shelf.ticks(60)
    assert shelf.mode == {"b0": "turbo", "b1": "standard"}


def test_what_a_window_found_is_forgotten_a_day_after_somebody_else_changed_it():
    shelf = shelf_of(("night", {**ECO, "pool": ""}))
    shelf.local = local(22)
    shelf.ticks(40)
    shelf.local, shelf.mode["b0"] = local(7), "turbo"
    shelf.ticks(60)
    assert list(shelf.state.memory["schedule"]["before"]["mode"]) == ["b0"]
    shelf.now += 86_400
    shelf.ticks(3)
    assert shelf.state.memory["schedule"] == {"open": []}
    assert shelf.mode["b0"] == "turbo"


def test_of_two_windows_at_once_the_mode_that_holds_is_gone_back_from_too():
    """By name, not by order in the file, one of two wishes holds: the other one was looked for, and eco stayed."""
    shelf = shelf_of(("night", {**ECO, "modes": ("turbo",), "pool": ""}), ("eco", {**ECO, "pool": ""}))
    shelf.local = local(22)
    shelf.ticks(40)
    assert set(shelf.mode.values()) == {"eco"}
    shelf.local = local(7)
    shelf.ticks(60)
    assert shelf.mode == USUAL


@pytest.mark.parametrize(("fallback", "pool"), [("", "reserve"), ("reserve", "main")])
def test_what_somebody_set_between_two_nights_is_what_the_second_one_goes_back_to(fallback, pool):
    """No day passes between two nights: the mode of before the first came back after each. A pool may but stand in."""
    shelf = shelf_of(("night", {**ECO, "pool": "quiet"}), pools=("main", "reserve", "quiet"))
    shelf.policy = shelf.policy._replace(pools=(PoolFacts("main", fallback=fallback), PoolFacts("reserve")))
    shelf.local = local(22)
    shelf.ticks(40)
    assert set(shelf.pool.values()) == {"quiet"}
    shelf.local, shelf.mode["b0"], shelf.pool["b0"] = local(7), "turbo", "reserve"
    shelf.ticks(60)
    for hour in (22, 7):
        shelf.local = local(hour)
        shelf.ticks(60)
    assert shelf.mode == {"b0": "turbo", "b1": "standard"}
    assert shelf.pool == {"b0": pool, "b1": "main"}


def test_a_miner_that_does_not_tell_its_mode_is_left_in_the_one_it_was_given():
    shelf = shelf_of(("night", {**ECO, "pool": ""}))
    shelf.mode["b0"] = None
    shelf.local = local(22)
    shelf.ticks(40)
    shelf.local = local(7)
    shelf.ticks(60)
    assert {name for _, name, verb, value in shelf.told if (verb, value) == ("mode", "standard")} == {"b1"}


# -- solar ------------------------------------------------------------------------------------------------------------


class Roof(Plant):
    """A plant whose meter shows what the roof gives beyond what the miners draw."""

    def __init__(self, miners=10, sign=1, **options):
        wires = wiring(miners)
        roles = {**wires.roles, "export_w": Role("export_w", ("sel735 meter:power_w",), "cold", 240)}
        wires = wires._replace(
            roles=roles, endpoints={**wires.endpoints, "sel735 meter": wires.endpoints["foreman mine"]}
        )
        wires.endpoints["sel735 meter"] = wires.endpoints["sel735 meter"]._replace(name="sel735 meter")
        super().__init__(wires, policy(wires, solar=options), running=False)
        self.sun, self.sign, self.outages, self.stands = 0, sign, False, False

    def readings(self, asked):
        if not self.stands:
            self.meter = None if self.outages else self.sign * (self.sun - self.total)
        return super().readings(asked)

    @property
    def up(self):
        return sum(watts > 1000 for watts in self.power.values())


def test_miners_follow_the_sun_up_and_down_and_never_buy_for_long():
    roof = Roof(start_w=4000, stop_w=3400)
    for sun, least, most in ((2000, 0, 0), (15_000, 3, 4), (40_000, 9, 10), (12_000, 2, 3), (1000, 0, 0)):
        roof.sun = sun
        roof.ticks(60)
        assert least <= roof.up <= most
        assert roof.up * 3400 <= max(sun, 0)
    assert roof.violations == []


def test_a_cloud_shorter_than_the_dwell_ends_nothing():
    roof = Roof(start_w=4000, stop_w=3400, dwell_s=600, window_s=600, follow=False)
    roof.sun = 40_000
    roof.ticks(60)
    assert roof.up == 10
    roof.sun = 0
    roof.ticks(3)
    roof.sun = 40_000
    roof.ticks(10)
    assert roof.up == 10
    assert roof.events("solar_short") == []


def test_one_bright_reading_begins_nothing_before_the_dwell_is_over():
    roof = Roof(start_w=4000, stop_w=3400, dwell_s=600, window_s=60)
    for sun in (40_000, 0, 40_000, 0, 40_000, 40_000, 40_000, 0):
        roof.sun = sun
        roof.tick()
    assert roof.events("solar_enough") == []
    roof.sun = 40_000
    roof.ticks(7)
    assert len(roof.events("solar_enough")) == 1


def test_a_meter_that_counts_the_other_way_is_read_the_other_way():
    roof = Roof(sign=-1, positive="import", start_w=4000, stop_w=3400)
    roof.sun = 40_000
    roof.ticks(60)
    assert roof.up >= 9


def test_a_silent_meter_starts_nothing_and_after_its_grace_the_miners_rest():
    roof = Roof(start_w=4000, stop_w=3400)
    roof.sun = 20_000
    roof.ticks(60)
    running, roof.outages = roof.up, True
    roof.sun = 90_000
    roof.ticks(3)
    assert 0 < roof.up <= running
    roof.ticks(12)
    assert roof.up == 0
    assert [event.reason.code for event in roof.events("solar_short")] == ["blind"]


def test_a_meter_that_stands_still_is_told_and_the_miners_rest():
    """Each miner that started on it was taken for sun as well: in the end all ran, on bought power, for as long as it
    stood."""
    roof = Roof(start_w=4000, stop_w=3400)
    roof.sun = 9_000
    roof.tick()
    roof.sun, roof.stands = 0, True
    roof.ticks(40)
    assert [event.reason.code for event in roof.events("solar_short")] == ["blind"]
    assert (roof.up, len(roof.events("solar_enough"))) == (0, 1)
    told = [one.about for decision in roof.decisions for one in decision.tellings if one.kind == "device_frozen"]
    assert told == ["sel735 meter"]


def test_a_site_without_a_roof_knows_no_sun():
    plant = Plant(wiring(4))
    assert settled(plant) == 4
