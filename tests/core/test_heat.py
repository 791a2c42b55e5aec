"""TMP1-TMP6, HUM1: inlet heat, blindness, garbage, and the start window."""

import math
from itertools import pairwise

import pytest
from core.plant import Plant, wiring
from core.rule_desk import Desk
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.wording.words import sentence


def running(miners=24):
    plant = Plant(wiring(miners))
    plant.ticks(4)
    return plant


def starts(plant):
    return [one for one in plant.sent if one[1].startswith("miner") and one[2] in ("run", "on")]


def test_warm_inlet_runs_every_fan():
    plant = running()
    plant.fan_on = dict.fromkeys(plant.fan_on, False) | {"1": True, "2": True}
    plant.inlet = 36.0
    plant.ticks(2)
    assert plant.fans_up == 9


def test_above_the_warning_every_fan_runs_until_a_degree_below_it():
    """A dark mine's fans went from one to all and back every few minutes, by the noise of a probe at 35 °C."""
    desk = Desk("temperature")
    desk.see(inlet_c=35.0)
    assert desk.limit("fans_min") is None
    desk.see(inlet_c=35.1)
    assert (desk.limit("fans_min"), desk.limit("max_power_w"), desk.limit("no_start")) == (4, None, None)
    for inlet_c in (34.9, 35.0, 34.1):
        desk.see(inlet_c=inlet_c)
        assert desk.limit("fans_min") == 4
    [held] = [one for one in desk.last.limits if one.what == "fans_min"]
    assert sentence(held.reason) == "the inlet was over 35.0 °C: every fan runs until it is 34.0 °C"
    desk.see(inlet_c=34.0)
    assert desk.limit("fans_min") is None
    desk.see(inlet_c=34.9)
    assert desk.limit("fans_min") is None


def test_law_4_an_inlet_nobody_knows_ends_no_hour_of_every_fan():
    desk = Desk("temperature")
    desk.fleet = {"on_n": 0}
    desk.see(inlet_c=35.1)
    desk.see(inlet_c=None)
    assert desk.limit("fans_min") == 4


@pytest.mark.parametrize("drawn_w", [0, 600, 90_000])
def test_a_shed_is_part_of_the_load_and_no_stop_of_all_however_little_is_left(drawn_w):
    """A mine that rested, or had been shed to its standby for hours, was EMERGENCY and "curtailed" by a mere shed."""
    desk = Desk("temperature")
    desk.fleet = {"miners_w": drawn_w}
    desk.see(inlet_c=39.5)
    for _ in range(150):
        desk.fleet = {"miners_w": min(drawn_w, 600)}
        desk.see(inlet_c=39.5)
        assert 0 < desk.limit("max_power_w") <= max(1, drawn_w)


def test_half_of_nothing_is_no_stop_of_all_before_its_time():
    desk = Desk("temperature")
    desk.fleet = {"miners_w": 0}
    desk.see(inlet_c=20.0)
    amounts = []
    for _ in range(12):
        desk.see(inlet_c=None)
        amounts.append(desk.limit("max_power_w"))
    assert next(amount for amount in amounts if amount is not None) > 0
    assert amounts[-1] == 0


def test_tmp_shed_takes_at_least_five_percent_each_tick_and_never_gives_back():
    plant = running(100)
    plant.inlet = 38.5
    counts = []
    for _ in range(6):
        plant.tick()
        counts.append(sum(watts > 1000 for watts in plant.power.values()))
    assert all(after <= before - max(1, before // 25) for before, after in pairwise(counts))
    assert not starts(plant)


def test_stop_needs_two_readings_above_forty_or_one_above_hardware():
    plant = running()
    plant.inlet = 41.0
    plant.tick()
    assert plant.total > 24 * 3000 * 0.8
    plant.tick()
    assert plant.total < 1000
    assert plant.decisions[-1].mode == "EMERGENCY"
    other = running()
    other.inlet = 46.0
    other.tick()
    assert other.total < 24 * 3400 // 2


def test_a_heat_stop_ends_by_itself_below_33_for_half_an_hour_twice_a_day():
    plant = running()
    plant.audited = False
    for _ in range(3):
        plant.inlet = 46.0
        plant.ticks(3)
        plant.inlet = 25.0
        plant.ticks(30)
    ends = plant.events("heat_stop_over")
    assert len(ends) == 2
    assert plant.decisions[-1].mode == "EMERGENCY"


def stopped_by_heat():
    plant = running()
    plant.audited = False
    plant.inlet = 46.0
    plant.ticks(3)
    assert plant.decisions[-1].mode == "EMERGENCY"
    return plant


def test_o12_a_heat_stop_ends_where_outside_is_no_cooler_after_an_hour_in_the_dark_and_twice_a_day():
    """34 degC outside never becomes 33 inside: the site would stay off until the evening."""
    plant = stopped_by_heat()
    plant.inlet = plant.ambient = 34.2
    plant.ticks(29)
    assert not plant.events("heat_stop_over")
    plant.ticks(4)
    assert len(plant.events("heat_stop_over")) == 1
    plant.ticks(25)
    assert plant.total > 24 * 3400 * 0.9
    for _ in range(2):
        plant.inlet = 46.0
        plant.ticks(3)
        plant.inlet = 34.2
        plant.ticks(35)
    assert len(plant.events("heat_stop_over")) == 2
    assert plant.decisions[-1].mode == "EMERGENCY"


@pytest.mark.parametrize("inlet_c", [35.0, 36.5, 39.0])
def test_a_heat_stop_stands_while_the_inlet_is_not_below_the_warning(inlet_c):
    plant = stopped_by_heat()
    plant.inlet = inlet_c
    plant.ticks(90)
    assert plant.decisions[-1].mode == "EMERGENCY"
    assert plant.total < 1000


def test_a_heat_stop_stands_while_miners_draw_however_long():
    plant = stopped_by_heat()
    plant.mute, plant.inlet = {spec.id for spec in plant.wiring.miners}, 34.2
    plant.dead = {name for name in plant.wiring.lanes if name.startswith("redfish")}
    plant.power = dict.fromkeys(plant.power, 3400)
    plant.ticks(60)
    assert not plant.events("heat_stop_over")


@pytest.mark.parametrize("inlet_c", [25.0, 34.2])
def test_law_4_minutes_in_which_nobody_saw_the_inlet_do_not_count_as_cool(inlet_c):
    plant = stopped_by_heat()
    plant.inlet = inlet_c
    plant.ticks(10)
    plant.inlet = None
    plant.ticks(24)
    plant.inlet = inlet_c
    plant.ticks(8)
    assert not plant.events("heat_stop_over")


def test_tmp1_unknown_inlet_holds_then_halves_then_stops():
    plant = running()
    plant.inlet = None
    plant.ticks(3)
    assert plant.total == 24 * 3400
    assert not starts(plant)
    plant.ticks(3)
    assert plant.total <= 24 * 3400 // 2 + 3400
    assert plant.events("inlet_blind")[0].severity == "emergency"
    plant.ticks(6)
    assert plant.total < 1000


def test_tmp1_blindness_during_a_heat_wave_frees_nothing():
    plant = running(100)
    plant.inlet = 38.5
    plant.ticks(4)
    shed = sum(watts > 1000 for watts in plant.power.values())
    plant.inlet = None
    plant.ticks(4)
    assert sum(watts > 1000 for watts in plant.power.values()) <= shed


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), "85", 85.0, -127.0, True, [1], 1e999, None])
def test_tmp3_garbage_from_every_probe_is_unknown_not_cold(garbage):
    plant = running()
    for n in (1, 2, 3):
        plant.garbage[f"roomalert intake/{n}:temp_c"] = garbage
    plant.ticks(4)
    assert plant.image.site["inlet_c"].value is None
    assert plant.image.site["inlet_c"].why
    assert plant.fans_up == 9


@given(
    st.one_of(
        st.floats(allow_nan=True, allow_infinity=True),
        st.text(max_size=5),
        st.booleans(),
        st.integers(-(10**30), 10**30),
    )
)
def test_tmp3_fuzz_no_reading_makes_a_number_out_of_range(value):
    plant = Plant(wiring(1))
    plant.audited = False
    plant.garbage["roomalert intake/1:temp_c"] = value
    plant.inlets = (20.0, None, None)
    plant.tick(rounds=1)
    inlet = plant.image.site["inlet_c"].value
    assert inlet is None or (math.isfinite(inlet) and -40 <= inlet <= 80)


def test_tmp4_a_sudden_fall_is_believed_only_after_three_readings():
    plant = running()
    plant.inlet = 2.0
    plant.ticks(1)
    assert plant.image.site["inlet_c"].value == 25.0
    plant.ticks(2)
    assert plant.image.site["inlet_c"].value == 2.0


def test_tmp4_a_sudden_rise_counts_at_once():
    plant = running()
    plant.inlet = 46.0
    plant.tick()
    assert plant.image.site["inlet_c"].value == 46.0


def test_tmp5_sensors_apart_by_more_than_8_k_the_hottest_counts():
    plant = running()
    plant.inlets = (25.0, 26.0, 37.0)
    plant.tick()
    assert plant.image.site["inlet_c"].value == 37.0
    plant.inlets = (35.0, 36.0, 37.0)
    plant.tick()
    assert plant.image.site["inlet_c"].value == 36.0


def test_hum1_unknown_humidity_blocks_starts_where_it_is_configured():
    plant = Plant(wiring(), running=False)
    plant.humidity = None
    plant.ticks(6)
    assert not starts(plant)
    without = Plant(wiring(humidity=False), running=False)
    without.ticks(6)
    assert starts(without)


def test_hum1_absurd_humidity_is_unknown():
    plant = Plant(wiring(), running=False)
    plant.humidity = 0.0
    plant.ticks(6)
    assert not starts(plant)


@pytest.mark.parametrize(("inlet", "humidity"), [(4.0, 50.0), (36.5, 30.0), (20.0, 85.0)])
def test_hum2_nothing_starts_outside_the_window(inlet, humidity):
    plant = Plant(wiring(), running=False)
    plant.inlet, plant.humidity = inlet, humidity
    plant.ticks(8)
    assert not starts(plant)


def test_hum2_cold_soaked_machines_wait_until_their_surfaces_are_above_the_dew_point():
    plant = Plant(wiring(), running=False)
    plant.inlet, plant.humidity = 6.0, 70.0
    plant.tick()
    plant.inlet = 22.0  # a warm wet front: dew point 16 °C, surfaces still near 6 °C
    plant.ticks(4)
    assert not starts(plant)


def test_hw3_smoke_cuts_the_outlets_at_once_and_stops_the_fans():
    plant = running()
    plant.smoke = "alarm"
    plant.tick()
    assert plant.total == 0
    assert plant.fans_up == 0
    assert {lane for _, target, _, lane in plant.sent if target.startswith("miner")} == {"redfish pdu1"}
    plant.smoke = "ok"
    plant.ticks(30)
    assert plant.total == 0


def test_g12_an_inlet_that_is_not_believed_is_no_known_one_that_a_warmer_one_could_be_worse_than():
    """`audit-ticks` called the owner's own record a breach: 4 °C with 22 outside takes every fan, 7 °C takes two."""
    plant = Plant(wiring(2, 4), running=False)
    plant.ticks(12)
    assert sum(plant.fan_on.values()) < 4
    plant.inlet, plant.ambient = 4.0, 22.0
    plant.ticks(4)
    assert plant.events("inlet_doubted")
    assert (sum(plant.fan_on.values()), plant.violations) == (4, [])


def test_without_a_smoke_input_that_rule_is_silent():
    plant = running()
    plant.smoke = None
    plant.ticks(3)
    assert plant.total == 24 * 3400


@pytest.mark.parametrize("shown_c", [0.5, -3.9, 8.9])
def test_tmp4_an_inlet_far_colder_than_outside_takes_no_fan_away(shown_c):
    """°F for °C, a cable, a probe in ice water: in the cold fewer fans are the heater, and here there is no cold."""
    plant = running(80)
    plant.ambient = 24.0
    plant.ticks(3)
    before = plant.fans_up
    plant.inlet = shown_c
    for _ in range(40):
        plant.tick()
        assert plant.fans_up >= before
    assert plant.fans_up == 9
    assert [event.kind for event in plant.events("inlet_doubted")] == ["inlet_doubted"]
    assert plant.decisions[-1].envelope.no_start.code == "doubted"
    plant.inlet = 25.0
    plant.ticks(4)
    assert plant.events("inlet_believed")
    assert plant.violations == []


@pytest.mark.parametrize(
    ("outside_c", "inlet_c", "doubted"),
    [(42.0, 25.2, 0), (42.0, 21.0, 0), (42.0, 20.9, 1), (45.0, 7.2, 1), (29.0, 14.0, 0), (29.0, 13.9, 1)],
)
def test_tmp4_hot_dry_air_is_cooled_further_by_a_wet_wall_and_believed(outside_c, inlet_c, doubted):
    """42 °C with a tenth of its water has a wet bulb of 20 °C: a wall of 75 % makes 25 °C of it. 7.2 °C is 45 °C of a
    probe that was set to the other unit."""
    plant = running()
    plant.ambient, plant.inlet = outside_c, inlet_c
    plant.ticks(4)
    assert len(plant.events("inlet_doubted")) == doubted
    held = plant.decisions[-1].envelope.no_start
    assert (held is not None and held.code == "doubted") == bool(doubted)


def test_tmp4_one_probe_of_three_in_ice_water_takes_no_fan_away_either():
    plant = running(80)
    plant.ambient, plant.inlets = 24.0, (25.0, 25.4, 0.5)
    plant.ticks(3)
    before = plant.fans_up
    for _ in range(30):
        plant.tick()
        assert plant.fans_up >= before
    assert not plant.events("inlet_doubted")


def test_a_cold_inlet_is_believed_where_outside_is_cold_or_is_not_measured():
    for outside in (-8.0, 15.4, None):
        plant = running(80)
        plant.ambient, plant.inlet = outside, 0.5
        plant.ticks(40)
        assert plant.fans_up < 9
        assert not plant.events("inlet_doubted")


def test_tmp5_probes_that_contradict_each_other_for_ten_minutes_are_told_once():
    plant = running()
    plant.inlets = (20.0, 24.0, 28.0)
    plant.ticks(8)
    assert not [key for key in plant.state.alarms if key.startswith("probes_apart")]
    plant.inlets = (20.0, 24.0, 28.1)
    plant.ticks(4)
    assert not [key for key in plant.state.alarms if key.startswith("probes_apart")]
    plant.ticks(4)
    assert [key for key in plant.state.alarms if key.startswith("probes_apart")] == ["probes_apart inlet"]
    plant.inlets = (20.0, 24.0, 25.9)
    plant.ticks(6)
    assert not [key for key in plant.state.alarms if key.startswith("probes_apart")]


def test_tmp4_a_doubt_lasts_while_nobody_knows_what_is_outside():
    plant = running(80)
    plant.ambient = 24.0
    plant.ticks(3)
    plant.inlet = 0.5
    plant.ticks(8)
    plant.ambient = None
    plant.ticks(12)
    assert plant.fans_up == 9
    assert not plant.events("inlet_believed")
    assert plant.decisions[-1].envelope.no_start is not None


def test_a_cold_inlet_takes_no_fan_below_the_need_while_what_is_outside_is_unknown():
    fewest = {}
    for outside in (2.0, None):
        plant = running(80)
        plant.ambient, plant.inlet = outside, 1.0
        plant.ticks(40)
        fewest[outside] = plant.fans_up
        assert not plant.events("inlet_doubted")
    assert (fewest[2.0], fewest[None]) == (2, 4)  # 4 is what 80 miners need
