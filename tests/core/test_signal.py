"""SIG1-SIG7: the power signal, its silence and its return."""

import pytest
from core.plant import Plant, policy, request, wiring


def running(**kwargs):
    plant = Plant(wiring(), **kwargs)
    plant.ticks(4)
    return plant


def test_sig1_an_unreadable_page_blocks_starts_at_once_and_curtails_after_the_grace():
    plant = running()
    plant.signal = None
    seen = [(plant.now, plant.tick().mode, plant.total) for _ in range(5)]
    modes = [mode for _, mode, _ in seen]
    assert modes[0] in ("HOLD", "RUNNING")
    assert plant.decisions[-1].mode == "CURTAILED"
    first_dark = next(at for at, mode, _ in seen if mode.startswith("CURTAIL"))
    assert 360 - 120 <= first_dark - seen[0][0] <= 360
    assert plant.total < 1000


def test_sig1_blindness_is_a_warning_after_two_ticks_and_an_emergency_at_the_grace():
    plant = running()
    plant.signal = None
    plant.ticks(4)
    assert [event.severity for event in plant.events("signal_blind")] == ["warning", "emergency"]


def test_sig1_a_short_silence_changes_nothing_but_starts():
    plant = running()
    plant.signal = None
    plant.tick()
    plant.signal = "run"
    assert plant.tick().mode == "RUNNING"
    assert plant.total == 24 * 3400


def test_sig1_a_silence_in_the_middle_of_an_event_does_not_end_it():
    plant = running()
    plant.signal = "off"
    plant.ticks(3)
    plant.signal = None
    plant.ticks(12)
    assert plant.total < 1000
    assert plant.decisions[-1].mode == "CURTAILED"


def test_sig1_a_page_never_read_since_boot_starts_nothing_and_curtails_after_the_grace():
    plant = Plant(wiring())
    plant.signal = None
    plant.tick()
    assert not plant.sent
    plant.ticks(4)
    assert plant.total < 1000


def test_sig2_an_answer_read_again_is_not_a_new_reading():
    plant = running()
    key = "power_signal coop:signal"
    plant.signal = "off"
    plant.ticks(9)
    plant.signal = "run"
    plant.tick()
    stale = plant.image.channels[key]
    runs = plant.state.memory["signal"]["runs"]
    plant.signal = None
    plant.tick()
    assert plant.image.channels[key].at_s == stale.at_s
    assert plant.state.memory["signal"]["runs"] == runs


@pytest.mark.parametrize("word", ["MAYBE", "", "0", "RUN ", 1, 1.5, True, float("nan")])
def test_sig4_a_word_that_is_no_word_is_unknown(word):
    plant = running()
    plant.garbage["power_signal coop:signal"] = word
    plant.ticks(5)
    assert plant.decisions[-1].mode == "CURTAILED"


def prompt(**options):
    """A site that comes back as soon as the rule lets it."""
    return running(rules_policy=policy(wiring(), signal={"jitter_s": 0, "release_hold_s": 600} | options))


def test_sig5_flicker_starts_nothing_until_two_equal_readings_and_the_hold():
    """SIG5: for an hour every other reading says run; the hold is long over, two equal ones are still missing."""
    plant = prompt()
    for _ in range(15):
        for word in ("off", "run"):
            plant.signal = word
            assert plant.tick().mode == "CURTAILED"
    assert not plant.events("curtail_over")
    assert not [one for one in plant.sent if one[2] in ("run", "on") and one[1].startswith("miner")]
    assert plant.total < 1000
    plant.tick()
    assert len(plant.events("curtail_over")) == 1


def test_sig5_release_needs_two_readings_and_ten_minutes_of_proven_darkness():
    """SIG5: in a short event the hold comes last, in a long one the second reading."""
    short = prompt()
    short.signal = "off"
    short.tick()
    proven = short.state.shed.shed_100_s
    short.signal = "run"
    while not short.events("curtail_over"):
        looked = short.now
        short.tick()
        assert short.now - proven < 1200
    assert looked - 120 < proven + 600 <= looked
    short.ticks(12)
    starts = [at for at, target, verb, _ in short.sent if target.startswith("miner") and verb in ("run", "on")]
    assert min(starts) - proven >= 600
    long = prompt()
    long.signal = "off"
    long.ticks(10)
    long.signal = "run"
    assert long.tick().mode == "CURTAILED"
    assert not long.events("curtail_over")
    long.tick()
    assert long.events("curtail_over")
    assert not short.violations
    assert not long.violations


def test_sig6_two_sources_that_disagree_curtail():
    wires = wiring()
    two = wires.roles["signal"]._replace(keys=("power_signal coop:signal", "power_signal other:signal"))
    ends = {
        **wires.endpoints,
        "power_signal other": wires.endpoints["power_signal coop"]._replace(name="power_signal other"),
    }
    plant = Plant(wires._replace(roles={**wires.roles, "signal": two}, endpoints=ends))
    plant.ticks(3)
    plant.signal = "off"  # the coop says off; the other page still holds its "run"
    plant.image = plant.image._replace(
        channels={**plant.image.channels, "power_signal other:signal": plant.image.channels["power_signal coop:signal"]}
    )
    plant.ticks(2)
    assert plant.total < 1000


def test_sig7_an_event_that_lasts_for_days_stays_curtailed_and_is_told():
    plant = running()
    plant.audited = False
    plant.signal = "off"
    plant.ticks(30 * 9)
    assert plant.total < 1000
    assert plant.events("curtail_long")


def test_a_stand_in_counts_only_while_the_page_is_unknown():
    plant = running()
    plant.signal = None
    plant.requests = (request("set-state", "signal", "run", until=0, flags=("stand-in", "site=test")),)
    plant.ticks(6)
    assert plant.total == 24 * 3400
    plant.signal = "off"
    plant.ticks(2)
    assert plant.total < 1000


def test_a_stand_in_without_the_sites_name_is_refused():
    plant = running()
    plant.requests = (request("set-state", "signal", "run", flags=("stand-in",)),)
    decision = plant.tick(rounds=1)
    assert decision.verdicts[0].verdict == "refused"
    assert "--site" in decision.verdicts[0].why


def test_the_jitter_is_fixed_for_an_event_and_within_its_bound():
    plant = running(rules_policy=policy(wiring(), signal={"jitter_s": 0, "release_hold_s": 600}))
    plant.signal = "off"
    plant.ticks(2)
    proven = plant.state.shed.shed_100_s
    plant.signal = "run"
    plant.ticks(10)
    over = [decision for decision in plant.decisions if any(e.kind == "curtail_over" for e in decision.events)]
    assert over[0].state.last["watched_s"] - proven < 600 + 120


def test_a_fan_that_goes_off_late_in_a_curtailment_is_not_its_first_command():
    plant = Plant(wiring(), running=False)
    plant.fan_on = dict.fromkeys(plant.fan_on, True)
    plant.signal = "off"
    plant.ticks(8)
    assert {target.partition(" ")[0] for _, target, _, _ in plant.sent} == {"fan"}
    assert plant.state.shed.first_command_s is None


def test_an_order_during_a_stop_for_heat_has_its_own_report_for_the_bill():
    plant = Plant(wiring())
    plant.ticks(3)
    plant.inlet = 46.0
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(2)
    plant.signal = "run"
    plant.ticks(10)
    told = [dict(event.reason.numbers) for event in plant.events("curtail_report")]
    assert [one["cause"] for one in told] == ["temperature", "signal"]
    assert told[1]["shed_100_s"] == 120
    assert plant.state.shed.cause == "temperature"
    assert plant.violations == []


def test_an_order_makes_no_emergency_of_a_miner_that_the_stop_before_could_do_without():
    plant = Plant(wiring())
    plant.ticks(3)
    plant.mute = plant.welded = {"m001"}
    plant.inlet = 46.0
    plant.tick()
    plant.signal = "off"
    plant.ticks(4)
    assert (plant.state.shed.cause, plant.power["m001"]) == ("signal", 3400)
    assert plant.events("curtail_unproven") == []
