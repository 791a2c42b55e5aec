"""Supply: what a source can give, down at once and up slowly; demand; laws 4 and G12 for these inputs."""

from itertools import pairwise

import pytest
from core.offgrid_plant import DUMMY, METER, ROW, SOURCE, Offgrid, wiring
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.decide import decide
from mine_controller.core.due import due
from mine_controller.core.freeze import freeze
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.reading import Reading
from mine_controller.core.option import fill
from mine_controller.core.power.source import BadCurve, Load, at, curve, sag
from mine_controller.core.rules import demand, supply
from mine_controller.core.view import View
from mine_controller.core.wording.words import sentence

EVERYTHING = ("grid_hz", "voltage_v", "supply_kw", "battery_soc_pct", "generator_load_pct")


def last(plant):
    return plant.decisions[-1]


def view_of(plant):
    return View(plant.image, None, plant.wiring, plant.policy.site, plant.state, {})


# -- the formula ------------------------------------------------------------------------------------------------------


def test_a_curve_is_straight_between_its_points_and_level_beyond_them():
    points = curve(("25:450", "40:410", "50:360"))
    assert [at(points, where) for where in (-10, 25, 32.5, 40, 45, 60)] == [450, 450, 430, 410, 385, 360]
    assert at(curve(("30:100",)), 5) == at(curve(("30:100",)), 90) == 100


@pytest.mark.parametrize("points", [("25",), ("25:x",), ("40:1", "25:2"), ("25:1", "25:2"), ("",)])
def test_points_that_are_no_curve_are_refused(points):
    with pytest.raises(BadCurve):
        curve(points)


def test_a_sag_takes_away_from_where_it_begins_down_to_the_floor():
    assert [sag(hz, 49.5, 48.5, 50) for hz in (50.2, 49.5, 49.0, 48.5, 47.0)] == [1000, 1000, 750, 500, 500]


TABLE = [
    ({}, {"supply_kw": 130.0}, 130_000),
    ({"source_kw": 100.0}, {"supply_kw": 130.0}, 100_000),
    ({"source_kw": 200.0}, {"supply_kw": 130.0}, 130_000),
    ({"source_kw": 100.0}, {}, 100_000),
    ({"source_kw": 100.0, "reserve_kw": 15.0}, {}, 85_000),
    ({"source_curve": ("25:450", "40:410")}, {"ambient_c": 32.5}, 430_000),
    ({"source_curve": ("25:450", "40:410")}, {}, 410_000),
    ({"source_kw": 100.0}, {"grid_hz": 49.0}, 75_000),
    ({"source_kw": 100.0}, {"grid_hz": 49.6}, 100_000),
    ({"source_kw": 100.0}, {"grid_hz": 50.6}, 100_000),
    ({"source_kw": 100.0}, {"voltage_v": 230 * 0.85}, 50_000),
    ({"source_kw": 100.0}, {"voltage_v": 230 * 0.85, "grid_hz": 49.0}, 50_000),
    ({"source_kw": 100.0}, {"battery_soc_pct": 50}, 75_000),
    ({"source_kw": 100.0}, {"battery_soc_pct": 15}, 0),
    ({"source_kw": 100.0}, {"battery_soc_pct": 50, "grid_hz": 49.0}, 56_250),
    ({"source_kw": 100.0}, {"generator_load_pct": 60}, 90_000),
    ({"source_kw": 100.0}, {"generator_load_pct": 100}, 50_000),
    ({}, {"generator_load_pct": 60}, 90_000),
    ({}, {}, None),
]


@pytest.mark.parametrize(("options", "known", "watts"), TABLE)
def test_available_power_is_the_rating_less_what_sags_drains_and_loads_take_from_it(options, known, watts):
    plant = Offgrid(wiring(4))
    plant.tick()
    burden = Load(60_000, 0, 0)
    assert supply.available_w(known, view_of(plant), {}, fill(supply.Options, options), burden) == watts


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"source_curve": ("40:1", "25:2")}, "source_curve: the figures"),
        ({"soc_curve": ("20:60", "60:10")}, "soc_curve: a fuller battery"),
        ({"soc_curve": ()}, "soc_curve: a fuller battery"),
        ({"sag_hz": 2.0}, "sag_full_hz: must be more"),
        ({"sag_pct": 18.0}, "sag_full_pct: must be more"),
        ({}, ""),
    ],
)
def test_wrong_numbers_are_told(options, word):
    wrong = supply.check(fill(supply.Options, options))
    assert bool(wrong) == bool(word)
    assert "".join(wrong).startswith(word)


def test_without_a_source_the_rule_says_nothing():
    plant = Offgrid(wiring(4, roles=()))
    plant.ticks(4)
    assert last(plant).envelope.start_max_w is None


# -- down at once, up slowly ------------------------------------------------------------------------------------------


def test_a_step_down_is_followed_in_the_tick_that_sees_it():
    plant = Offgrid()
    plant.ticks(5)
    plant.possible_kw = 70.0
    plant.tick()
    assert plant.all_w <= 70_000
    assert last(plant).mode == "SHEDDING"
    assert "the source can give" in sentence(last(plant).why)
    assert plant.violations == []


def test_a_step_up_counts_once_it_was_there_for_minutes():
    plant = Offgrid()
    plant.possible_kw = 70.0
    plant.ticks(12)
    before = plant.all_w
    plant.possible_kw = 130.0
    plant.ticks(2)
    assert plant.all_w <= before
    plant.ticks(12)
    assert plant.all_w > 130_000 * 0.93
    assert plant.violations == []


def test_a_short_peak_of_the_source_starts_nobody():
    plant = Offgrid()
    plant.possible_kw = 70.0
    plant.ticks(12)
    began = len(plant.sent)
    for _ in range(6):
        plant.possible_kw = 130.0
        plant.tick()
        plant.possible_kw = 70.0
        plant.tick()
    assert [verb for _, _, verb, _ in plant.sent[began:] if verb == "run"] == []


def test_what_others_draw_is_not_there_for_miners():
    plant = Offgrid(wiring(40, roles=("supply_kw", "site_power_w")))
    plant.beside_w = 50_000
    plant.ticks(8)
    assert plant.all_w <= 130_000 * 0.98
    plant.beside_w = 80_000
    plant.tick()
    assert plant.all_w <= 130_000


def test_a_source_that_gives_nothing_stops_everybody_and_keeps_them_off():
    plant = Offgrid()
    plant.ticks(4)
    plant.possible_kw = 0.0
    plant.ticks(6)
    assert plant.total == 40 * 25
    assert last(plant).mode == "CURTAILED"
    assert plant.violations == []


def test_load_that_stays_over_what_there_is_is_told_once_and_a_step_that_works_is_not():
    plant = Offgrid()
    plant.ticks(4)
    plant.possible_kw = 100.0
    plant.ticks(4)
    assert plant.events("supply_short") == []
    plant.liars = {spec.id for spec in plant.wiring.miners}
    plant.possible_kw = 60.0
    plant.ticks(8)
    assert len(plant.events("supply_short")) == 1
    plant.liars = set()
    plant.ticks(8)
    assert len(plant.events("supply_enough")) == 1


def test_load_of_others_that_leaves_no_miner_running_is_not_called_a_source_too_weak_for_any():
    plant = Offgrid(wiring(roles=("supply_kw", "site_power_w")))
    plant.ticks(4)
    plant.beside_w, plant.possible_kw = 100_000, 90.0
    plant.ticks(6)
    assert plant.total == 40 * 25
    assert len(plant.events("supply_short")) == 1
    told = sentence(plant.events("supply_short")[0].reason)
    assert told.startswith("no miner runs, and 101 kW of the 90 kW")
    assert told.endswith("by others, or the meter is wrong")


def test_miners_on_their_way_up_count_in_full():
    """A slow start is half up long after it was told: what it still will draw is spoken for."""
    plant = Offgrid(running=False)
    plant.possible_kw = 60.0
    plant.start_s = 100_000
    for _ in range(7):
        plant.tick()
        for name in plant.starting:
            plant.power[name] = 1750
    assert len(plant.starting) == 16
    assert plant.total < 30_000
    assert 16 * 3400 < last(plant).envelope.start_max_w + 16 * 1650 < 60_000


# -- not knowing ------------------------------------------------------------------------------------------------------


def test_an_unknown_source_holds_and_then_counts_as_the_owner_wrote():
    plant = Offgrid(supply={"unknown_kw": 50.0})
    plant.ticks(5)
    held = plant.all_w
    plant.dead = {SOURCE}
    plant.ticks(3)
    assert plant.all_w == pytest.approx(held, rel=0.01)
    plant.ticks(5)
    assert plant.all_w <= 50_000
    told = plant.events("supply_blind")
    assert len(told) == 1
    assert "counts as giving 50 kW" in sentence(told[0].reason)
    plant.dead = set()
    plant.ticks(14)
    assert plant.all_w > 120_000
    assert len(plant.events("supply_known")) == 1
    assert plant.violations == []


def test_an_unknown_source_never_starts_anybody():
    plant = Offgrid(running=False)
    plant.dead = {SOURCE}
    plant.ticks(10)
    assert plant.total == 40 * 25
    assert last(plant).envelope.no_start.code in ("unknown", "silent")


def test_a_source_nobody_has_heard_is_not_called_one_that_gives_nothing():
    plant = Offgrid(supply={"grace_s": 300})
    plant.ticks(3)
    plant.dead = {SOURCE}
    plant.ticks(10)
    assert plant.total == 40 * 25
    why = last(plant).why
    assert sentence(why).startswith("supply_kw unknown for")
    assert sentence(why).endswith("the source counts as giving 0 W")
    assert plant.events("supply_short") == []
    assert len(plant.events("supply_blind")) == 1


def test_what_miners_may_draw_ends_where_their_starts_do():
    plant = Offgrid()
    plant.ticks(9)
    assert last(plant).plan.permitted_w <= 130_000 * 96 // 100
    assert last(plant).plan.permitted_w >= plant.total
    plant.possible_kw = 80.0
    plant.tick()
    assert last(plant).plan.permitted_w <= 80_000


def test_a_source_that_falls_silent_while_miners_start_ends_the_climb():
    plant = Offgrid(running=False, supply={"grace_s": 900})
    plant.ticks(4)
    begun = plant.total
    plant.dead = {SOURCE}
    plant.tick(rounds=1)  # a word up to four minutes old still counts
    plant.ticks(2)
    began = len(plant.sent)
    plant.ticks(2)
    assert [verb for _, _, verb, _ in plant.sent[began:] if verb == "run"] == []
    assert begun < plant.total < 100_000
    assert last(plant).envelope.no_start.rule == "supply"


def test_while_the_source_is_silent_a_better_voltage_raises_nothing():
    plant = Offgrid(wiring(40, roles=("supply_kw", "voltage_v")), supply={"grace_s": 3600})
    plant.volts = (212.0, 230.0, 230.0)
    plant.ticks(4)
    held_w = plant.state.memory["supply"]["held_w"]
    assert 60_000 < held_w < 125_000
    plant.dead = {SOURCE}
    plant.ticks(3)
    plant.volts = (230.0, 230.0, 230.0)
    plant.ticks(8)
    assert plant.state.memory["supply"]["held_w"] == held_w
    plant.dead = set()
    plant.ticks(4)
    assert plant.state.memory["supply"]["held_w"] == 130_000


def test_a_source_never_heard_of_leaves_what_runs_for_its_grace():
    plant = Offgrid()
    plant.dead = {SOURCE}
    plant.ticks(4)
    assert plant.total == 40 * 3400
    plant.ticks(4)
    assert plant.total == 40 * 25


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -5.0, "130", True, 1e9])
def test_garbage_from_the_source_is_unknown(value):
    plant = Offgrid(running=False)
    plant.garbage = {f"{SOURCE}/possible:supply_kw": value}
    plant.ticks(6)
    assert plant.total == 40 * 25


def test_two_sources_count_together_and_not_at_all_while_one_is_silent():
    wires = wiring(40)
    keys = (f"{SOURCE}/possible:supply_kw", f"{SOURCE}/solar:supply_kw")
    wires = wires._replace(roles={**wires.roles, "supply_kw": wires.roles["supply_kw"]._replace(keys=keys)})
    clock = Clock(1000, 1000)
    one = freeze(None, [Reading(keys[0], 40.0, 990)], wires, clock)
    assert (one.site["supply_kw"].value, one.site["supply_kw"].why) == (None, "never read")
    both = freeze(one, [Reading(keys[1], 20.0, 980)], wires, clock)
    assert (both.site["supply_kw"].value, both.site["supply_kw"].at_s) == (60.0, 980)
    old = freeze(both, [], wires, clock._replace(plant_s=1225))
    assert old.site["supply_kw"].value is None


WORSE = {"supply_kw": -25.0, "grid_hz": -0.7, "voltage_v": -25.0, "battery_soc_pct": -30, "generator_load_pct": 25}
STEPS = st.lists(
    st.tuples(st.sampled_from([40.0, 90.0, 130.0]), st.sampled_from([50.0, 49.6, 49.2, None]), st.integers(190, 240)),
    min_size=3,
    max_size=8,
)


def everything(story):
    plant = Offgrid(wiring(12, roles=EVERYTHING), supply={"source_kw": 45.0})
    for possible, hz, volts in story:
        plant.possible_kw, plant.hz, plant.volts = possible, hz, (230.0, float(volts), 231.0)
        plant.tick()
    return plant


@given(STEPS)
def test_no_story_of_a_weak_source_breaks_a_guard(story):
    assert everything(story).violations == []


@given(STEPS, st.sampled_from(EVERYTHING))
def test_g12_a_worse_source_never_runs_more_miners(story, role):
    plant = everything(story)
    image = plant.image
    if image.site[role].value is None:
        return
    value = image.site[role]._replace(value=image.site[role].value + WORSE[role], at_s=image.clock.plant_s)
    worse = image._replace(site={**image.site, role: value})
    assert sum(decide(worse, plant.state, plant.policy).plan.run) <= sum(
        decide(image, plant.state, plant.policy).plan.run
    )


@given(STEPS, st.sets(st.sampled_from(EVERYTHING)))
def test_law_4_not_knowing_the_source_never_frees(story, gone):
    """Fewer known values permit no start and never more than with them known, or than ran before."""
    plant = everything(story)
    image, now_s = plant.image, plant.now
    clock = image.clock._replace(plant_s=now_s, opening=True, began_s=now_s, soft_end_s=now_s + 90)
    known = freeze(image, plant.readings(set(plant.wiring.endpoints)), plant.wiring, clock)
    keys = {key for role in gone for key in plant.wiring.roles[role].keys}
    old = {key: one._replace(at_s=1) if key in keys else one for key, one in known.channels.items()}
    without = decide(freeze(known._replace(channels=old), (), plant.wiring, clock), plant.state, plant.policy)
    with_all = decide(known, plant.state, plant.policy)
    ran = sum(watts > 510 for watts in plant.power.values())
    assert not (gone and without.plan.starts)
    assert sum(without.plan.run) <= max(sum(with_all.plan.run), ran)


# -- the cap is shared ------------------------------------------------------------------------------------------------


def test_the_cap_is_shared_by_wear_inside_the_limits_of_the_phases():
    plant = Offgrid(wiring(30, phase_w=20_000), running=False)
    plant.possible_kw = 55.0
    plant.ticks(25)
    loads = [sum(plant.power[spec.id] for spec in plant.wiring.miners if spec.phase == name) for name in ("L1", "L2")]
    assert all(load <= 20_000 for load in loads)
    assert 55_000 * 0.9 < plant.all_w <= 55_000
    assert plant.violations == []


def test_demand_lets_a_short_peak_pass_and_keeps_the_quarter_hour():
    plant = Offgrid(wiring(40, roles=("site_power_w",)), demand={"limit_kw": 100.0}, running=False)
    plant.ticks(20)
    assert 100_000 * 0.9 < plant.all_w <= 97_000
    quiet = plant.all_w
    plant.beside_w = 8_000
    plant.tick()
    assert plant.total == pytest.approx(quiet, rel=0.01)  # over the limit for minutes, not for a quarter of an hour
    plant.ticks(7)
    assert plant.all_w <= 100_000
    assert plant.violations == []


@given(st.lists(st.integers(0, 60), min_size=20, max_size=40))
def test_demand_no_quarter_of_an_hour_is_above_what_was_agreed(beside_kw):
    """Whatever else hangs on the meter, as long as the miners can make room for it."""
    plant = Offgrid(wiring(12, roles=("site_power_w",)), demand={"limit_kw": 70.0})
    plant.audited = False
    seen = []
    for kw in beside_kw:
        plant.beside_w = kw * 1000
        began = plant.now
        plant.tick()
        seen += [plant.all_w] * ((plant.now - began) // 60)
    window = 15
    averages = [sum(seen[first : first + window]) / window for first in range(len(seen) - window + 1)]
    assert max(averages, default=0) <= 70_000 * 1.001


def test_a_demand_of_nought_is_no_contract():
    assert demand.Options._field_defaults["limit_kw"].default == 0


# -- due inputs -------------------------------------------------------------------------------------------------------


def test_a_site_of_ten_seconds_asks_only_what_is_due_and_knows_the_rest_with_its_age():
    plant = Offgrid(wiring(4, every_s={ROW: 60, SOURCE: 30, "uplink starlink": 120, "uplink lte": 120}))
    plant.tick_s = 10
    plant.ticks(40)
    times = {end: [at_s for at_s, asked in plant.asked if end in asked] for end in plant.wiring.endpoints}
    gaps = {end: {later - earlier for earlier, later in pairwise(seen[1:])} for end, seen in times.items()}
    assert gaps[METER] == {10}
    assert gaps[SOURCE] == {30}
    assert gaps[ROW] == {60}
    assert gaps["uplink lte"] == {120}
    assert plant.image.site["supply_kw"].value == 130.0
    now = {one.endpoint for one in due(plant.image, None, plant.wiring, plant.image.clock)}
    assert now == {METER, DUMMY}


def test_at_ten_seconds_a_step_down_is_followed_within_one_tick_of_its_reading():
    plant = Offgrid(wiring(40))
    plant.tick_s = 10
    plant.ticks(20)
    plant.possible_kw = 80.0
    plant.tick()
    assert plant.all_w <= 80_000
    plant.possible_kw = 130.0
    over = 0
    for _ in range(120):
        plant.tick()
        over += plant.all_w > 130_000
    assert over == 0
    assert plant.all_w > 120_000
    assert plant.violations == []
