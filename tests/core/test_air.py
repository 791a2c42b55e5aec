"""FAN1-FAN5, CMD10, CMD11: no load without proven air, no air taken away too early."""

from itertools import pairwise

import pytest
from core.plant import Plant, policy, wiring

from mine_controller.core.option import fill
from mine_controller.core.rules import air
from mine_controller.core.wording.words import sentence

OPTIONS = fill(air.Options)


def running(miners=24, fans=9):
    plant = Plant(wiring(miners, fans))
    plant.ticks(4)
    return plant


def hashing(plant):
    return sum(watts > 1000 for watts in plant.power.values())


@pytest.mark.parametrize(("miners", "fans"), [(0, 0), (1, 2), (24, 2), (100, 4), (280, 9)])
def test_need_is_the_air_of_the_miners_and_one_spare(miners, fans):
    assert air.need(miners, OPTIONS) == fans


def test_what_fans_can_start_is_never_more_than_their_need_allows():
    for proven in range(12):
        count = air.startable(proven, OPTIONS)
        assert air.need(count, OPTIONS) <= proven < air.need(count + 1, OPTIONS)


def test_fan1_a_fan_without_watts_is_failed_and_another_one_takes_its_place():
    plant = running()
    plant.fan_on = {name: name in ("1", "2", "3") for name in plant.fan_on}
    plant.ticks(2)
    plant.broken = {"1", "2"}
    plant.ticks(3)
    assert plant.fans_up >= 2
    assert {event.about for event in plant.events("fan_fault")} == {"fan 1", "fan 2"}


def test_fan1_with_too_few_fans_left_the_load_goes_down_to_what_they_carry():
    plant = running(280)
    plant.broken = {"1", "2", "3", "4", "5"}
    plant.ticks(3)
    assert 0 < hashing(plant) <= air.carry(4, OPTIONS)
    assert not plant.violations


def test_fan1_who_was_told_to_run_takes_a_place_of_what_the_fans_that_are_left_carry():
    """CMD11: dark still, they would come on one after another without air."""
    plant = Plant(wiring(280), running=False)
    plant.start_s = 600
    plant.ticks(6)
    told = len(plant.starting)
    plant.broken = {str(number) for number in range(2, 10)}
    plant.ticks(2)
    first = next(one for one in plant.decisions if one.envelope.max_miners is not None)
    assert first.envelope.max_miners == air.carry(1, OPTIONS) < told
    assert len(first.plan.stops) == told - air.carry(1, OPTIONS)
    plant.ticks(4)
    assert hashing(plant) <= air.carry(1, OPTIONS)
    assert not plant.violations


def test_fan3_a_fan_that_draws_while_off_is_told():
    plant = Plant(wiring(), running=False)
    plant.garbage["iotawatt fans/Fan_9:power_w"] = 1500
    plant.signal = "off"
    plant.ticks(4)
    assert plant.events("fan_welded")


def test_fan4_a_blind_fan_meter_blocks_starts_and_leaves_a_cool_load_alone():
    plant = running()
    plant.power["m000"] = 25
    plant.fan_meter = False
    plant.ticks(8)
    assert hashing(plant) == 23
    assert not [one for one in plant.sent if one[2] == "run"]
    plant.fan_meter = True
    plant.ticks(8)
    assert [one[1] for one in plant.sent if one[2] == "run"] == ["miner m000"], "who waited for it"


def test_fan4_a_meter_that_is_blind_still_is_not_told_as_readable_because_nothing_runs_any_more():
    """ "Over: fan meter blind", by SMS too, at each curtailment, of a meter that stood still for two hours more."""
    plant = running()
    plant.fan_meter = False
    plant.ticks(8)
    plant.signal = "off"
    plant.ticks(12)
    assert hashing(plant) == 0
    assert not plant.events("fan_meter_back")
    assert "fan_meter_blind fans" in plant.state.alarms
    plant.fan_meter = True
    plant.ticks(4)
    assert len(plant.events("fan_meter_back")) == 1
    assert "fan_meter_blind fans" not in plant.state.alarms


def test_fan4_a_meter_that_is_blind_while_nothing_runs_is_nobodys_matter():
    plant = Plant(wiring(), running=False)
    plant.signal, plant.fan_meter = "off", False
    plant.ticks(8)
    assert not plant.events("fan_meter_blind")


def test_fan4_a_blind_fan_meter_over_a_warm_inlet_sheds_ten_percent_a_tick():
    plant = running(100)
    plant.fan_meter = False
    plant.ticks(3)
    plant.ambient, plant.inlet = 22.0, 29.0
    before = hashing(plant)
    plant.ticks(2)
    assert hashing(plant) <= before * 0.82 + 1


def test_fan5_all_fans_lost_stops_everything_in_the_same_tick_and_tells():
    plant = running(40)
    plant.broken = set(plant.fan_on)
    plant.tick()
    assert plant.total < 40 * 3400 // 10
    assert any(event.severity == "emergency" for event in plant.events("air_lost"))


def test_fan5_air_is_not_back_because_nothing_is_powered_any_more():
    plant = running(40)
    plant.broken = set(plant.fan_on)
    plant.ticks(6)
    assert plant.total < 40 * 100
    assert plant.events("air_lost")
    assert not plant.events("air_back"), "no fan has moved since"
    plant.broken = set()
    plant.ticks(30)
    assert plant.events("air_back")


def test_cmd10_fans_run_on_ten_minutes_after_a_stop():
    plant = running()
    plant.signal = "off"
    plant.tick()
    dark = plant.now
    while plant.now - dark < 590:
        plant.tick()
        assert plant.fans_up >= 2
    plant.ticks(6)
    assert plant.fans_up <= 2
    assert not plant.violations


def test_cmd11_no_miner_starts_before_fans_are_proven_by_an_earlier_reading():
    plant = Plant(wiring(), running=False)
    plant.ticks(8)
    first_start = min(at for at, target, verb, _ in plant.sent if target.startswith("miner") and verb in ("run", "on"))
    first_fan = min(at for at, target, verb, _ in plant.sent if target.startswith("fan") and verb == "on")
    assert first_start - first_fan >= 100
    assert not plant.violations


def test_fans_that_never_prove_themselves_start_nothing():
    plant = Plant(wiring(), running=False)
    plant.broken = set(plant.fan_on)
    plant.ticks(12)
    assert plant.total < 1000


def test_in_the_cold_fans_go_down_one_by_one_but_never_below_two():
    plant = running(280)
    plant.audited = False
    plant.inlet = plant.ambient = 3.0
    seen = []
    for _ in range(40):
        plant.tick()
        seen.append(plant.fans_up)
    assert min(seen) == 2
    assert all(before - after <= 1 for before, after in pairwise(seen))
    plant.inlet = 28.0
    plant.ticks(3)
    assert plant.fans_up >= 8


def test_ramp_starts_ten_percent_per_120_s_until_all_run():
    plant = Plant(wiring(100), policy(wiring(100), signal={"jitter_s": 0}), running=False)
    counts = []
    for _ in range(30):
        plant.tick()
        counts.append(hashing(plant))
    assert counts[-1] == 100
    assert max(after - before for before, after in pairwise(counts)) <= 20
    assert not plant.violations


def test_fan2_hot_air_coming_back_in_sheds_although_the_fans_draw_watts():
    plant = running(100)
    plant.ambient, plant.inlet = 22.0, 30.0
    plant.ticks(2)
    assert hashing(plant) == 100
    plant.ticks(3)
    assert hashing(plant) <= 90
    assert plant.events("recirculating")


def test_a_silent_relay_board_does_not_unprove_fans_that_draw_their_watts():
    plant = running(280)
    plant.dead = {"controlbyweb fans"}
    plant.ticks(6)
    assert hashing(plant) == 280
    assert plant.decisions[-1].mode == "RUNNING"


@pytest.mark.parametrize("fans", [9, 3])
def test_fan1_a_relay_that_never_goes_on_keeps_no_other_fan_from_it(fans):
    """The fan with the fewest hours was told on for ever, eight good ones stood still, and no miner started."""
    plant = Plant(wiring(24, fans), running=False)
    obeys = plant._do
    plant._do = lambda name, command: "applied" if command.target == "fan 1" else obeys(name, command)
    plant.ticks(20)
    assert hashing(plant) == 24
    letters = [one for made in plant.decisions for one in made.tellings if one.kind == "fan_fault"]
    assert [(one.what, one.about) for one in letters] == [("raise", "fan 1")]
    assert sentence(letters[0].reason) == (
        "fan 1 was told on 3 times (answer: applied), and its relay shows off: failed"
    )
    plant._do = obeys
    plant.ambient = plant.inlet = 36.0
    plant.ticks(30)
    assert plant.fan_on["1"]
    assert plant.events("fan_back")
    assert not plant.violations
