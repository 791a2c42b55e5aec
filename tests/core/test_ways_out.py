"""Nothing latches for ever, nothing grows for ever, nothing swings at an edge; no request breaks a tick."""

import pytest
from core.plant import Plant, policy, request, wiring

from mine_controller.core.freeze import freeze
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.state import Chase
from mine_controller.core.wording.words import sentence


def running(miners=24, **kwargs):
    plant = Plant(wiring(miners, **kwargs))
    plant.ticks(4)
    return plant


def flips(plant):
    return len(plant.events("mode"))


# -- the signal -----------------------------------------------------------------------------------------------------


def test_a_dead_pdu_keeps_only_its_own_miners_off_once_the_utility_says_run_again():
    plant = running(80)
    plant.dead = {"redfish pdu2"}
    plant.ticks(3)
    plant.signal = "off"
    plant.ticks(4)
    assert plant.events("curtail_unproven")
    plant.signal = "run"
    plant.ticks(60)
    assert sum(watts > 1000 for watts in plant.power.values()) == 40
    assert plant.decisions[-1].mode == "RUNNING"
    plant.dead = set()
    plant.ticks(25)
    assert plant.total == 80 * 3400
    assert not plant.violations


def test_an_unproven_event_is_held_for_its_ten_minutes_after_the_release_is_confirmed():
    plant = running(80)
    plant.dead = {"redfish pdu2"}
    plant.ticks(3)
    plant.signal = "off"
    plant.ticks(10)
    plant.signal = "run"
    said = plant.now
    since = len(plant.sent)
    plant.ticks(30)
    runs = [at for at, target, verb, _ in plant.sent[since:] if verb == "run"]
    assert min(runs) - said >= 600


def test_sig1_nothing_starts_on_the_word_before_a_missed_reading():
    plant = Plant(wiring(24), running=False)
    plant.ticks(6)
    assert plant.decisions[-1].mode == "RESUMING"
    plant.signal = None
    since = len(plant.sent)
    plant.tick()
    assert not [one for one in plant.sent[since:] if one[2] == "run"]
    assert plant.decisions[-1].mode == "RESUMING"  # one miss is no HOLD yet
    plant.signal = "run"
    plant.tick()
    assert [one for one in plant.sent[since:] if one[2] == "run"]


def test_a_stand_in_ends_for_good_when_the_real_page_says_off():
    plant = running()
    plant.signal = None
    plant.requests = (request("set-state", "signal", "run", flags=("stand-in", "site=test")),)
    plant.ticks(3)
    plant.signal = "off"
    plant.ticks(2)
    plant.signal = None
    plant.ticks(25)
    assert plant.total < 1000
    assert plant.state.overrides == ()
    assert plant.events("override_over")


# -- other timers ---------------------------------------------------------------------------------------------------


def test_at_ten_second_ticks_an_event_is_not_unproven_before_it_had_its_time():
    plant = Plant(wiring(24))
    plant.tick_s = 10
    plant.ticks(20)
    plant.signal = "off"
    plant.ticks(20)
    assert not plant.events("curtail_unproven")
    assert plant.state.shed.shed_100_s - plant.state.shed.signal_s <= 300
    assert not plant.violations


def test_at_ten_second_ticks_heat_sheds_a_step_each_two_minutes():
    plant = Plant(wiring(100))
    plant.audited = False
    plant.tick_s = 10
    plant.ticks(20)
    plant.inlet = 38.5
    began = plant.now
    while plant.now - began < 600:
        plant.tick()
    assert 60 <= sum(watts > 1000 for watts in plant.power.values()) <= 80


def test_at_ten_minute_ticks_the_site_starts_at_all():
    plant = Plant(wiring(12), running=False)
    plant.tick_s = 600
    for _ in range(20):
        plant.tick(rounds=1)
        plant.now += 1
    assert plant.total > 10 * 3400


# -- after a reboot -------------------------------------------------------------------------------------------------


def test_blindness_long_ago_does_not_count_after_a_reboot():
    plant = Plant(wiring(12))
    plant.inlet = None
    plant.tick()
    plant.inlet = 25.0
    plant.ticks(20)
    plant.inlet = None
    plant.tick(rebooted=True)
    assert plant.total == 12 * 3400
    assert not plant.events("inlet_blind")


def test_blindness_goes_on_counting_through_a_reboot():
    plant = running(12)
    plant.inlet = None
    plant.ticks(4)
    plant.tick(rebooted=True)
    plant.ticks(6)
    assert plant.total < 1000
    assert plant.decisions[-1].mode == "EMERGENCY"


# -- edges ----------------------------------------------------------------------------------------------------------


def test_humidity_at_its_limit_does_not_swing_fans_and_modes():
    plant = Plant(wiring(24), running=False)
    for number in range(60):
        plant.humidity = 81.0 if number % 2 else 79.0
        plant.tick()
    assert flips(plant) <= 3
    assert len([one for one in plant.sent if one[1].startswith("fan")]) <= 4
    plant.humidity = 79.0
    plant.ticks(25)
    assert plant.total == 24 * 3400


def test_hot_air_that_comes_and_goes_with_the_load_does_not_swing_the_load():
    plant = running()
    plant.audited = False
    for number in range(90):
        load = sum(watts > 1000 for watts in plant.power.values()) / 24
        plant.inlet = round(27.0 + 7.0 * load + 0.1 * (number % 3), 1)
        plant.tick()
    assert flips(plant) <= 18


def test_a_failed_fan_is_replaced_by_one_and_not_by_all():
    plant = Plant(wiring(24))
    plant.fan_on = {name: name in "12" for name in plant.fan_on}
    plant.ticks(3)
    plant.broken = {"1"}
    plant.ticks(6)
    assert sorted(name for name, on in plant.fan_on.items() if on) == ["1", "2", "3"]


def test_a_fan_mended_while_it_was_off_leaves_the_alarms_once_it_proves_itself():
    plant = Plant(wiring(24))
    plant.audited = False
    plant.ticks(3)
    plant.broken = {"1"}
    plant.ticks(4)
    assert "fan_fault fan 1" in plant.state.alarms
    plant.signal = "off"
    plant.ticks(30)
    plant.broken = set()
    plant.signal = "run"
    plant.inlet = 35.5  # every fan is wanted
    plant.ticks(20)
    assert plant.state.fans["1"].state == "proven"
    assert "fan_fault fan 1" not in plant.state.alarms


def test_watts_read_before_a_fan_went_off_do_not_make_its_relay_welded():
    plant = running()
    plant.signal = "off"
    plant.ticks(4)
    plant.dead = {"iotawatt fans"}
    plant.ticks(4)
    assert not plant.events("fan_welded")


def test_a_welded_fan_relay_is_told_and_cleared():
    plant = Plant(wiring(24), running=False)
    plant.audited = False
    plant.signal = "off"
    plant.ticks(3)
    plant.garbage["iotawatt fans/Fan_9:power_w"] = 1500
    plant.ticks(3)
    assert "fan_welded fan 9" in plant.state.alarms
    del plant.garbage["iotawatt fans/Fan_9:power_w"]
    plant.ticks(2)
    assert "fan_welded fan 9" not in plant.state.alarms


def test_one_miner_that_a_person_stopped_in_vain_keeps_nobody_else_off():
    plant = Plant(wiring(12, outlets=False))
    plant.ticks(4)
    plant.mute = {"m001"}
    plant.requests = (request("set-state", "miner.m001", "stop"),)
    plant.ticks(3)
    plant.power["m005"] = 25
    plant.ticks(10)
    assert plant.power["m001"] == 3400
    assert plant.power["m005"] == 3400


def test_in_the_cold_miners_that_were_lost_come_back_although_few_fans_run():
    plant = Plant(wiring(280))
    plant.audited = False
    plant.inlet, plant.ambient = 4.0, 0.0
    plant.ticks(25)
    plant.inlet = 15.0
    assert plant.fans_up == 2
    for name in list(plant.power)[:100]:
        plant.power[name] = 25
    plant.ticks(25)
    assert plant.total >= 275 * 3400  # all the cap has room for


def test_fresh_watts_that_say_no_air_unprove_a_fan_whose_relay_is_silent():
    plant = running()
    plant.dead = {"controlbyweb fans"}
    plant.ticks(4)
    assert all(book.state == "proven" for book in plant.state.fans.values())
    plant.broken = set("123456789")
    plant.tick()
    assert not any(book.state == "proven" for book in plant.state.fans.values())
    assert plant.events("air_lost")
    assert plant.total < 1000


def test_the_second_half_of_a_start_waits_when_a_fan_was_lost_in_between():
    plant = running(40)
    plant.stop = "on"
    plant.ticks(2)
    plant.stop = "off"
    plant.start_s = 100_000  # nobody wakes by itself after the outlet
    while not plant.state.chases or not any(chase.want == "run" for chase in plant.state.chases.values()):
        plant.tick()
    plant.broken = set("123456789") - {next(name for name, book in plant.state.fans.items() if book.state == "proven")}
    since = len(plant.sent)
    plant.tick()
    assert not [one for one in plant.sent[since:] if one[2] == "run"]
    assert not plant.violations


def test_a_probe_that_flutters_around_the_stop_limit_still_stops_everything():
    plant = running()
    for inlet in (40.1, 39.9, 40.1):
        plant.inlet = inlet
        plant.tick()
    assert plant.events("heat_stop")
    assert plant.total < 1000


def test_two_readings_over_the_stop_limit_far_apart_are_two_first_ones():
    plant = running()
    for inlet in (40.1, 39.9, 39.9, 39.9, 39.9, 40.1):
        plant.inlet = inlet
        plant.tick()
    assert not plant.events("heat_stop")


# -- what a person or a config can break ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [("max_power_kw", "9" * 400), ("fans", "9" * 5000), ("fans", "²"), ("max_power_kw", "٣"), ("fan.1", ""), ()],
)
def test_sec4_no_request_breaks_a_tick_or_a_rule(args):
    plant = running(4)
    plant.requests = (request("set-state", *args),)
    decision = plant.tick(rounds=1)
    assert decision.verdicts[0].verdict == "refused"
    plant.stop = "on"
    assert plant.tick().mode == "EMERGENCY"
    assert not plant.events("rule_failed")


def test_a_reading_of_watts_can_be_set():
    plant = Plant(wiring(4), policy(wiring(4), live=False))
    plant.ticks(3)
    plant.requests = (request("set-state", "reading.redfish pdu1.A1", "3000"),)
    plant.tick(rounds=1)
    assert plant.decisions[-1].plan.miners_w == plant.image.miners.power_w[0] * 0 + 3000 + sum(
        plant.image.miners.power_w[1:]
    )


def test_a_path_or_fan_that_the_config_took_away_in_the_middle_of_a_chase_breaks_nothing():
    plant = running(4)
    plant.signal = "off"
    plant.tick(rounds=2)
    chases = {f"miner m{at:03}": Chase("stop", 1, 1, plant.now - 60, plant.now - 50) for at in range(4)}
    plant.state = plant.state._replace(chases={**chases, "fan 99": Chase("on", 0, 1, 1, 1)})
    plant.wiring = wiring(4, outlets=False)
    plant.policy = policy(plant.wiring)
    plant.ticks(3)
    assert "fan 99" not in plant.state.chases
    assert plant.total < 1000


# -- what may not grow ----------------------------------------------------------------------------------------------


def test_units_that_come_and_go_are_let_go_after_a_day_and_what_is_wired_never():
    plant = running(4)
    plant.dead = {"roomalert intake"}
    stray = tuple(Reading(f"foreman mine/aa:{n}:word", "hashing", plant.now) for n in range(500))
    wired = set(plant.image.channels)
    image = freeze(plant.image, stray, plant.wiring, plant.image.clock)
    later = plant.image.clock._replace(plant_s=plant.now + 90_000)
    assert len(image.channels) == len(wired) + 500
    assert set(freeze(image, (), plant.wiring, later).channels) == wired


def test_a_day_of_trouble_leaves_the_state_as_large_as_an_hour_of_it():
    plant = Plant(wiring(12))
    plant.audited = False

    def trouble(hours):
        for number in range(hours * 30):
            plant.signal = "off" if number % 30 < 8 else "run"
            plant.mute = {f"m{number % 12:03}"}
            if number % 7 == 0:
                plant.power[f"m{number % 12:03}"] = 25
            plant.tick()
        return len(repr(plant.state)) + len(repr(plant.image.channels))

    assert trouble(20) < 1.3 * trouble(4)


def test_a_mark_of_ours_is_nobody_elses_to_write():
    plant = running(4)
    plant.inlets = (25.0, 25.0, -10.0)
    plant.tick(rounds=1)
    key = "roomalert intake/3:temp_c?"
    assert key in plant.image.channels
    forged = (Reading(key, None, plant.now, "no answer"), Reading(key, "x", plant.now))
    image = freeze(plant.image, forged, plant.wiring, plant.image.clock)
    assert image.channels[key] == plant.image.channels[key]


# -- TMP2 -----------------------------------------------------------------------------------------------------------


def swinging(plant, ticks, *, stuck=21.5):
    """Two probes that move with the load, one that does not."""
    for number in range(ticks):
        load = sum(watts > 1000 for watts in plant.power.values()) / len(plant.power)
        warm = round(24 + 4 * load + 0.1 * (number % 2), 1)
        plant.inlets = (warm, warm + 0.2, stuck)
        plant.tick()


def test_tmp2_a_probe_that_never_moves_while_the_load_does_has_no_vote_and_is_told_once():
    plant = Plant(wiring(24))
    swinging(plant, 4)
    assert plant.image.site["inlet_min_c"].value == 21.5
    plant.signal = "off"
    swinging(plant, 10)
    plant.signal = "run"
    swinging(plant, 30)
    assert [event.about for event in plant.events("sensor_stuck")] == ["roomalert intake/3"]
    assert "21.5 °C" in sentence(plant.events("sensor_stuck")[0].reason)
    assert "sensor_stuck roomalert intake/3" in plant.state.alarms
    assert plant.image.site["inlet_min_c"].value > 23
    assert not plant.violations


def test_tmp2_a_probe_that_moves_again_votes_again_and_the_alarm_is_over():
    plant = Plant(wiring(24))
    swinging(plant, 4)
    plant.signal = "off"
    swinging(plant, 10)
    plant.signal = "run"
    swinging(plant, 30)
    swinging(plant, 1, stuck=20.0)
    assert plant.image.site["inlet_min_c"].value == 20.0
    assert plant.events("sensor_moves")
    assert not [key for key in plant.state.alarms if key.startswith("sensor_stuck")]


def test_tmp2_an_even_load_proves_no_probe_stuck():
    plant = Plant(wiring(24))
    plant.ticks(60)
    assert not plant.events("sensor_stuck")


def test_tmp2_the_last_probe_keeps_its_vote_and_is_told():
    plant = running()
    plant.signal = "off"
    plant.ticks(10)
    plant.signal = "run"
    plant.ticks(30)
    assert len(plant.events("sensor_stuck")) == 3
    assert plant.image.site["inlet_c"].value == 25.0


def test_tmp2_watts_that_went_unknown_are_no_moved_load():
    plant = running()
    for at in range(24):
        plant.garbage[f"redfish pdu1/A{at + 1}:power_w"] = None
    plant.ticks(50)
    assert not plant.events("sensor_stuck")
