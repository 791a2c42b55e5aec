"""Frequency and voltage of a weak source: block, shed by steps, hold, come back. FRQ1, FRQ2."""

import pytest
from core.offgrid_plant import METER, PHASES, Offgrid, policy, wiring
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.model.reading import Value
from mine_controller.core.option import fill
from mine_controller.core.power.steps import Marks, Pace, step
from mine_controller.core.rules import grid, voltage
from mine_controller.core.wording.words import sentence

MARKS, PACE = Marks(49.8, 49.5, 49.0), Pace(25, 60, 2, 600)


def weak(*roles, running=True, count=20, nominal_hz=50.0, **options):
    plant = Offgrid(wiring(count, roles=roles), running=running)
    plant.policy = policy(plant.wiring, **options)
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(nominal_hz=nominal_hz))
    plant.ticks(4)
    return plant


def last(plant):
    return plant.decisions[-1]


def walk(figures, *, apart_s=10, drawn_w=100_000, pace=PACE):
    """The ceiling and whether starts are blocked after each figure."""
    kept, out, now_s = {}, [], 1000
    for figure in figures:
        now_s += apart_s
        done = step(kept, Value(figure, now_s), MARKS, pace, drawn_w, now_s)
        drawn_w = drawn_w if done.cap_w is None else min(drawn_w, done.cap_w)
        out.append((done.cap_w, done.blocked))
    return out


@pytest.mark.parametrize(
    ("figures", "end"),
    [
        ([50.0, 49.9], (None, False)),
        ([49.7], (None, True)),
        ([49.4], (None, True)),
        ([49.4, 50.0, 49.4], (None, True)),
        ([49.4, 49.4], (75_000, True)),
        ([49.4, None, 49.4], (75_000, True)),
        ([49.4, 49.4, 49.4], (75_000, True)),
        ([49.4] * 9, (56_250, True)),
        ([48.9], (None, True)),
        ([48.9, 48.9], (0, True)),
        ([49.4, 49.4, 49.9], (75_000, True)),
        ([49.4, 49.4, *[49.9] * 62], (None, False)),
        ([49.4, 49.4, *[49.6] * 90], (75_000, True)),
        ([49.4, 49.4, *[None] * 90], (75_000, True)),
        ([49.4, 49.4, *[49.9] * 50, None, *[49.9] * 50], (75_000, True)),
        ([None] * 5, (None, False)),
    ],
)
def test_frq2_steps_block_shed_and_hold(figures, end):
    assert walk(figures)[-1] == end


def test_two_looks_at_one_reading_are_one_reading():
    kept = {}
    first = step(kept, Value(49.0, 1000), MARKS, PACE, 100_000, 1000)
    again = step(kept, Value(49.0, 1000), MARKS, PACE, 100_000, 1090)
    near = step(kept, Value(49.0, 1005), MARKS, PACE, 100_000, 1091)
    assert (first.cap_w, again.cap_w, near.cap_w) == (None, None, None)
    assert step(kept, Value(49.0, 1010), MARKS, PACE, 100_000, 1092).cap_w == 75_000


def test_what_went_for_another_reason_since_the_first_low_reading_is_part_of_the_step():
    kept = {}
    step(kept, Value(49.3, 1000), MARKS, PACE, 100_000, 1000)
    assert step(kept, Value(49.3, 1010), MARKS, PACE, 60_000, 1010).cap_w == 75_000
    assert step(kept, Value(49.3, 1080), MARKS, PACE, 60_000, 1080).cap_w == 45_000
    step(kept, Value(49.9, 1090), MARKS, PACE, 45_000, 1090)
    assert "low_w" not in kept


def test_far_too_low_while_load_is_going_is_looked_at_once_more_before_everything_is_off():
    kept = {}
    step(kept, Value(48.6, 1000), MARKS, PACE, 100_000, 1000)
    going = step(kept, Value(48.9, 1010), MARKS, PACE, 80_000, 1010)
    assert (going.cap_w, going.look) == (75_000, True)
    assert step(kept, Value(48.9, 1020), MARKS, PACE, 60_000, 1020).cap_w == 0


@given(st.lists(st.sampled_from([50.0, 49.7, 49.4, 48.9, None]), max_size=30), st.integers(0, 29))
def test_g12_a_lower_figure_never_leaves_more(figures, where):
    if where >= len(figures) or figures[where] is None:
        return
    lower = [*figures[:where], figures[where] - 0.6, *figures[where + 1 :]]
    for (cap_w, blocked), (less_w, shut) in zip(walk(figures), walk(lower), strict=True):
        assert shut or not blocked
        assert less_w is not None or cap_w is None


# -- the rules --------------------------------------------------------------------------------------------------------


def test_frq2_a_low_frequency_is_looked_at_twice_within_the_tick_and_sheds_a_quarter():
    plant = weak("grid_hz")
    plant.hz = 49.3
    began = plant.now
    decision = plant.tick()
    looks = [at_s for at_s, asked in plant.asked if at_s >= began and METER in asked]
    assert 10 <= looks[1] - looks[0] <= 15
    assert plant.total <= 20 * 3400 * 0.76
    assert decision.mode == "SHEDDING"
    assert "49.3 Hz" in sentence(decision.why)
    assert len(plant.events("frequency_shed")) == 1
    assert plant.violations == []


def test_a_dip_that_is_over_at_the_second_look_sheds_nothing():
    plant = weak("grid_hz")

    def look(asked, read=plant.readings):
        out = read(asked)
        plant.hz = 50.0
        return out

    plant.hz, plant.readings = 49.3, look
    plant.tick()
    assert plant.total > 20 * 3390
    assert last(plant).envelope.no_start.code == "low"


def test_load_comes_back_only_after_ten_good_minutes_and_in_steps():
    plant = weak("grid_hz")
    plant.hz = 49.3
    plant.tick()
    down = plant.total
    plant.hz = 50.0
    plant.ticks(5)
    assert plant.total <= down
    plant.ticks(10)
    assert plant.total > 20 * 3390
    assert len(plant.events("frequency_back")) == 1
    assert plant.violations == []


def test_a_frequency_that_goes_on_falling_ends_with_everything_off():
    plant = weak("grid_hz")
    plant.hz = 48.7
    plant.tick()
    assert plant.total == 20 * 25
    plant.tick()
    assert last(plant).mode == "CURTAILED"
    assert plant.violations == []


@pytest.mark.parametrize(("nominal", "hz", "shed"), [(60.0, 59.65, True), (60.0, 59.8, False), (0.0, 59.65, True)])
def test_at_sixty_hertz_the_marks_are_those_of_sixty(nominal, hz, shed):
    plant = Offgrid(wiring(20, roles=("grid_hz",)))
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(nominal_hz=nominal))
    plant.hz = 60.0
    plant.ticks(3)
    plant.hz = hz
    plant.ticks(2)
    assert (plant.total < 20 * 3000) is shed


def test_which_grid_it_is_is_remembered_and_a_wild_figure_does_not_say():
    plant = Offgrid(wiring(4, roles=("grid_hz",)))
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(nominal_hz=0.0))
    plant.hz = 55.0
    plant.ticks(3)
    assert last(plant).envelope.no_start.code == "unknown"
    plant.hz = 60.0
    plant.ticks(2)
    plant.hz = 54.0
    plant.ticks(2)
    assert plant.total == 4 * 25


@pytest.mark.parametrize("value", [None, 0.0, float("nan"), 130.0, "50"])
def test_frq1_garbage_leaves_running_load_alone_and_starts_nobody(value):
    """FRQ1: missing or out of range is unknown, never 0 Hz."""
    plant = weak("grid_hz")
    plant.garbage = {f"{METER}:grid_hz": value}
    plant.ticks(6)
    assert plant.total > 20 * 3390
    assert last(plant).envelope.no_start.rule == "grid"
    assert sentence(last(plant).envelope.no_start).startswith("frequency unknown")


def test_a_voltage_below_the_band_sheds_and_each_phase_counts():
    plant = weak("voltage_v")
    plant.volts = (231.0, 205.0, 230.0)
    plant.ticks(2)
    assert plant.total <= 20 * 3400 * 0.76
    assert len(plant.events("voltage_shed")) == 1
    plant.volts = (231.0, 229.0, 230.0)
    plant.ticks(14)
    assert plant.total > 20 * 3390
    assert plant.violations == []


def test_law_4_a_phase_that_sagged_and_is_gone_since_frees_nobody():
    """A lost phase reads 0 V, which is refused as no voltage: the other two must not speak for it."""
    plant = weak("voltage_v")
    plant.volts = (231.0, 185.0, 230.0)
    plant.ticks(2)
    assert plant.total <= 20 * 25
    plant.volts = (231.0, None, 230.0)
    plant.ticks(14)
    assert plant.total <= 20 * 25
    assert last(plant).envelope.no_start.rule == "voltage"
    plant.volts = (231.0, 229.0, 230.0)
    plant.ticks(16)
    assert plant.total > 20 * 3390
    assert plant.violations == []


@pytest.mark.parametrize(("others", "share"), [((185.0, 230.0), 0), ((205.0, 230.0), 0.8), ((208.0, 230.0), 1)])
def test_a_phase_that_sags_sheds_though_another_one_is_not_known(others, share):
    """A lost phase pulls the others down: what is measured speaks against the load, and for nothing."""
    plant = weak("voltage_v")
    full_w = plant.total
    plant.volts = (None, 231.0, 230.0)
    plant.ticks(4)
    assert plant.total == full_w
    plant.volts = (None, *others)
    plant.ticks(2)
    assert plant.total <= max(20 * 25, full_w * share)
    assert plant.total > full_w * (share - 0.1)
    assert last(plant).envelope.no_start.rule == "voltage"
    plant.volts = (None, 230.0, 230.0)
    plant.ticks(14)
    assert plant.total <= max(20 * 25, full_w * share)
    plant.volts = (231.0, 230.0, 230.0)
    plant.ticks(16)
    assert plant.total > 20 * 3390
    assert plant.violations == []


def test_nobody_starts_on_a_source_one_phase_of_which_was_never_measured():
    plant = Offgrid(wiring(20, roles=("voltage_v",)), running=False)
    plant.volts = (231.0, 230.0, None)
    plant.ticks(6)
    assert plant.total <= 20 * 25


def test_a_voltage_above_the_band_starts_nobody_and_stops_nobody():
    plant = weak("voltage_v", running=False)
    plant.volts = (230.0, 230.0, 256.0)
    plant.tick()
    on = plant.total
    plant.ticks(3)
    assert plant.total == on
    assert last(plant).envelope.no_start.code == "too_high"
    assert len(plant.events("voltage_high")) == 1
    plant.volts = (230.0, 230.0, 230.0)
    plant.ticks(3)
    assert plant.total == on
    plant.ticks(20)
    assert plant.total > on
    assert len(plant.events("voltage_high_over")) == 1


def test_without_a_nominal_voltage_nothing_starts_and_it_says_why():
    plant = Offgrid(wiring(4, roles=("voltage_v",)), running=False)
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(nominal_v=0.0))
    plant.ticks(6)
    assert plant.total == 4 * 25
    assert "nominal_v" in sentence(last(plant).envelope.no_start)


def test_an_unknown_voltage_leaves_running_load_alone():
    plant = weak("voltage_v")
    plant.garbage = {f"{METER}/{phase}:voltage_v": None for phase in PHASES}
    plant.ticks(6)
    assert plant.total > 20 * 3390
    assert last(plant).envelope.no_start.rule == "voltage"


def test_absent_inputs_are_not_unknown():
    plant = weak(running=False)
    plant.ticks(12)
    assert plant.total > 20 * 3390


@pytest.mark.parametrize(
    ("rule", "options", "word"),
    [
        (grid, {"shed_hz": 49.5}, "off_hz"),
        (grid, {"block_hz": 49.8, "shed_hz": 49.9, "off_hz": 49.0}, "off_hz"),
        (grid, {"block_hz": 49.9, "shed_hz": 49.6, "off_hz": 49.0}, ""),
        (grid, {}, ""),
        (voltage, {"shed_pct": 95.0}, "off_pct"),
        (voltage, {}, ""),
    ],
)
def test_marks_out_of_order_are_told(rule, options, word):
    wrong = rule.check(fill(rule.Options, options))
    assert bool(wrong) == bool(word)
    assert "".join(wrong).startswith(word)


def test_the_rule_says_plainly_what_it_is_not():
    assert "no frequency response" in grid.__doc__


HERTZ = st.sampled_from([50.0, 49.7, 49.4, 48.8, None])


@given(st.lists(HERTZ, min_size=3, max_size=10), st.lists(st.integers(190, 260), min_size=10, max_size=10))
def test_no_story_of_a_weak_grid_breaks_a_guard(hertz, volts):
    plant = weak("grid_hz", "voltage_v", count=8)
    for hz, volt in zip(hertz, volts, strict=False):
        plant.hz, plant.volts = hz, (230.0, float(volt), 231.0)
        plant.tick()
    assert plant.violations == []
    for decision in plant.decisions:
        for limit in decision.envelope.reasons:
            assert "?" not in sentence(limit.reason)
