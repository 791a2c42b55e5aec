"""CMD1-CMD13, PDU1-PDU3, MET1-MET2: the ladder, proof by watts, and what is told when it fails."""

import pytest
from core.plant import WALL, Plant, policy, request, wiring


def running(miners=24, **kwargs):
    plant = Plant(wiring(miners, **kwargs))
    plant.ticks(4)
    return plant


def curtail(plant, ticks=3):
    plant.signal = "off"
    return plant.ticks(ticks)


def cut(plant):
    return {target[6:] for _, target, verb, _ in plant.sent if target.startswith("miner") and verb == "off"}


def test_everybody_obedient_is_stopped_gently_in_time():
    plant = running()
    curtail(plant, 1)
    assert plant.total < 24 * 50
    assert not cut(plant)
    assert plant.decisions[-1].mode == "CURTAILED"


def test_cmd1_a_mute_miner_goes_to_its_outlet_in_the_same_event():
    plant = running()
    plant.mute = {"m003", "m007"}
    curtail(plant)
    assert cut(plant) == {"m003", "m007"}
    assert plant.power["m003"] == 0
    assert plant.state.shed.shed_100_s - plant.state.shed.signal_s <= 300


def test_cmd2_a_liar_that_says_yes_is_found_by_its_watts():
    plant = running()
    plant.liars = {"m005"}
    curtail(plant)
    assert cut(plant) == {"m005"}


def test_cmd3_a_miner_whose_api_dies_with_the_stop_counts_as_off():
    plant = running()
    curtail(plant, 1)
    plant.dead = {"foreman mine"}
    plant.ticks(3)
    assert not cut(plant)


def test_cmd4_a_start_without_rise_is_tried_again_and_then_given_up():
    plant = Plant(wiring(4), running=False)
    plant.mute = {"m001"}
    plant.ticks(40)
    runs = [one for one in plant.sent if one[1] == "miner m001" and one[2] == "run"]
    assert 2 <= len(runs) <= 4
    assert plant.events("start_failed")


@pytest.mark.parametrize(("mute", "blamed"), [(2, True), (10, False)])
def test_cmd4_when_nobody_starts_nobody_comes_nearer_to_quarantine(mute, blamed):
    """No internet: boards stand idle and every start comes to nothing, which is no board's fault."""
    plant = Plant(wiring(10), running=False)
    plant.mute = {f"m{at:03}" for at in range(mute)}
    for _ in range(200):
        plant.tick()
        if len(plant.events("start_failed")) >= min(mute, 4):
            break
    assert len(plant.events("start_failed")) >= min(mute, 4)
    assert any(book.fails for book in plant.state.miners.values()) is blamed


def test_cmd5_after_an_outlet_cycle_a_sleeping_miner_is_woken():
    """CMD5: its outlet is on again and it sleeps on, as it was told before the power went."""
    plant = running()
    plant.mute = plant.sleepers = {"m001"}
    curtail(plant)
    assert cut(plant) == {"m001"}
    plant.mute = set()
    plant.signal = "run"
    plant.ticks(25)
    assert [verb for _, target, verb, _ in plant.sent if target == "miner m001" and verb in ("on", "run")] == [
        "on",
        "run",
    ]
    assert plant.power["m001"] == 3400


def test_cmd6_what_a_lane_had_no_time_for_goes_on_next_round_largest_first():
    """CMD6: 25 calls fit into a round; the other 15 are the next one, at once."""
    plant = running(40)
    for at in range(40):
        plant.power[f"m{at:03}"] = 3000 + 5 * at
    began = plant.now
    curtail(plant, 1)
    gentle = [(at, target) for at, target, verb, _ in plant.sent if verb == "stop"]
    assert [target for _, target in gentle] == [f"miner m{at:03}" for at in reversed(range(40))]
    assert gentle[-1][0] - began == 40, "a second each and no pause between the rounds"
    assert not cut(plant)
    assert plant.total < 40 * 60


def test_cmd7_a_cloud_that_is_gone_never_stops_the_stop():
    plant = running()
    plant.dead = {"foreman mine"}
    plant.ticks(4)
    curtail(plant, 2)
    assert plant.total == 0
    assert plant.decisions[-1].mode == "CURTAILED"


def test_cmd8_a_welded_outlet_ends_in_an_emergency_with_its_name():
    plant = running()
    names = [f"m{at:03}" for at in range(5)]
    plant.mute = plant.welded = set(names)
    curtail(plant, 4)
    told = plant.events("curtail_unproven")
    assert told[0].severity == "emergency"
    assert "m000" in dict(told[0].reason.numbers)["stragglers"]


def test_cmd8_a_welded_outlet_does_not_keep_the_tick_in_a_loop():
    plant = running()
    plant.mute = plant.welded = {"m000"}
    plant.signal = "off"
    for _ in range(6):
        before = len(plant.sent)
        plant.tick()
        assert len([one for one in plant.sent[before:] if one[1] == "miner m000"]) <= 5


def test_cmd8_when_everything_is_cut_a_miner_on_a_welded_outlet_is_told_by_its_own_word_too():
    """CMD8, H6: smoke goes to the outlets at once; where one has failed, the miner's own word is what is left."""
    plant = running()
    plant.welded = {"m000"}
    plant.smoke = "alarm"
    plant.ticks(2)
    sent = [one[2] for one in plant.sent if one[1] == "miner m000"]
    assert sent[:2] == ["off", "off"], "the outlet first, and once more"
    assert "stop" in sent
    assert plant.power["m000"] <= 25
    assert {one[2] for one in plant.sent if one[1] == "miner m001"} == {"off"}


def test_cmd8_while_neither_obeys_both_are_tried_in_turn():
    """CMD8."""
    plant = running()
    plant.mute = plant.welded = {"m000"}
    plant.smoke = "alarm"
    for _ in range(5):
        before = len(plant.sent)
        plant.tick()
        assert len([one for one in plant.sent[before:] if one[1] == "miner m000"]) <= 6
    sent = [one[2] for one in plant.sent if one[1] == "miner m000"]
    assert {"off", "stop"} == set(sent)
    assert not plant.violations


def test_every_pdu_dead_and_the_api_mute_tells_an_emergency():
    plant = running(80)
    plant.dead = {"redfish pdu1", "redfish pdu2", "foreman mine"}
    plant.ticks(2)
    curtail(plant, 4)
    assert plant.events("curtail_unproven")
    assert plant.total == 80 * 3400


def test_pdu1_missing_watts_are_not_off():
    plant = running()
    for at in range(24):
        plant.garbage[f"redfish pdu1/A{at + 1}:power_w"] = None
    plant.ticks(3)
    plant.mute = {"m003"}
    decision = curtail(plant, 3)
    told = [target[6:] for _, target, verb, _ in plant.sent if verb == "stop"]
    assert set(told) == set(plant.power), "whom nobody measures is on, and told"
    assert plant.power["m003"] == 0, "and who hashes on goes at its outlet, which shows nothing"
    assert plant.total < 24 * 50
    assert decision.plan.measured_w is None
    assert decision.mode == "CURTAILING"
    assert plant.events("curtail_unproven")[0].reason.code == "unverified"


def test_pdu1_an_unmeasured_miner_counts_nominal_and_a_tenth_for_the_cap():
    plant = running()
    plant.garbage["redfish pdu1/A1:power_w"] = None
    plant.ticks(3)
    assert 23 * 3398 + 3740 <= plant.decisions[-1].plan.miners_w <= 23 * 3400 + 3740


def test_met1_a_configured_meter_that_is_silent_blocks_every_start():
    plant = Plant(wiring(meter=True), running=False)
    plant.ticks(8)
    assert not [one for one in plant.sent if one[2] == "run"]


def test_met2_meter_and_outlets_that_disagree_are_told_and_the_larger_counts():
    plant = Plant(wiring(meter=True))
    plant.meter = 24 * 3400 + 9 * 1500
    plant.ticks(4)
    plant.meter += 30_000
    plant.ticks(4)
    assert plant.events("meters_disagree")


def test_cap_starts_stop_at_95_percent_and_shedding_begins_at_97():
    wires = wiring(24)
    plant = Plant(wires, policy(wires, cap_kw=80), running=False)
    plant.ticks(25)
    assert 60_000 < plant.total + plant.fans_up * 1500 <= 76_000
    for name in plant.power:
        plant.power[name] = 3600 if plant.power[name] > 1000 else 25
    plant.power["m023"] = plant.power["m022"] = 3600
    plant.power["m021"] = 3600
    plant.ticks(2)
    assert plant.total + plant.fans_up * 1500 <= 80_000
    assert not plant.violations


def test_cmd13_an_obeyed_command_is_not_repeated():
    plant = running()
    curtail(plant, 2)
    before = len(plant.sent)
    plant.ticks(4)
    assert [one for one in plant.sent[before:] if one[1].startswith("miner")] == []


def test_cmd12_a_miner_that_comes_back_by_itself_while_curtailed_is_stopped_again():
    plant = running()
    curtail(plant, 2)
    plant.power["m004"] = 3400
    plant.tick()
    assert plant.power["m004"] < 100


def test_pro3_a_kill_between_journal_and_answer_goes_on_by_measurement():
    plant = running()
    plant.signal = "off"
    plant.tick(rounds=1)
    state = plant.decisions[-1].state  # committed before sending; the answers are lost
    plant.state = state
    sent = len([one for one in plant.sent if one[2] == "stop"])
    plant.tick()
    assert plant.total < 24 * 50
    again = [one for one in plant.sent if one[2] == "stop"]
    assert len(again) == sent


def test_g2_min_off_and_min_spacing_hold_after_a_curtailment():
    """CMD15, G2: the contract itself holds nobody here."""
    wires = wiring()
    plant = Plant(wires, policy(wires, signal={"release_hold_s": 0, "jitter_s": 0}))
    plant.ticks(4)
    curtail(plant, 1)
    stopped = {f"miner {name}": book.last_stop_s for name, book in plant.state.miners.items()}
    plant.signal = "run"
    plant.ticks(4)
    assert plant.events("curtail_over")
    plant.ticks(16)
    starts = {target: at for at, target, verb, _ in reversed(plant.sent) if verb == "run"}
    assert starts.keys() == stopped.keys()
    assert min(at - stopped[target] for target, at in starts.items()) >= 600
    assert not plant.violations


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_280_miners_behind_one_call_a_second_are_dark_in_300_s(share):
    plant = Plant(wiring(280))
    plant.audited = False
    plant.ticks(4)
    plant.mute = {f"m{at:03}" for at in range(0, 280, 10)} if share else set()
    curtail(plant, 4)
    shed = plant.state.shed
    assert shed.shed_100_s - shed.signal_s <= 300
    assert shed.gentle > 60


def test_a_manual_stop_of_one_miner_holds_and_ends():
    plant = running()
    plant.requests = (request("set-state", "miner.m002", "stop", until=WALL + plant.now + 1200),)
    plant.ticks(2)
    assert plant.power["m002"] < 100
    assert plant.decisions[-1].mode == "MANUAL"
    plant.ticks(20)
    assert plant.power["m002"] == 3400


def test_emergency_stop_cuts_everything_at_the_outlets_with_fans_on_until_resumed():
    plant = running()
    plant.stop = "on"
    plant.tick()
    assert plant.total == 0
    assert plant.fans_up >= 2
    assert plant.decisions[-1].mode == "EMERGENCY"
    plant.ticks(10)
    assert plant.total == 0
    plant.stop = "off"
    plant.ticks(25)
    assert plant.total == 24 * 3400


def test_pdu2_watts_that_never_change_under_load_are_unknown():
    plant = running()
    plant.frozen = True
    plant.ticks(6)
    assert plant.decisions[-1].plan.measured_w is None
    assert "same watts" in plant.image.channels["redfish pdu1/A1:power_w"].why
    plant.frozen = False
    plant.ticks(1)
    assert plant.decisions[-1].plan.measured_w is not None


def test_pdu3_an_outlet_that_goes_dark_while_its_miner_hashes_is_a_wrong_map():
    """Its own word is the proof, and comes minutes after the darkness; it is told once, and then it is left alone."""
    plant = running()
    plant.mute = {"m002"}
    plant.garbage[f"foreman mine/{plant.wiring.miners[2].mac}:word"] = "hashing"
    plant.signal = "off"
    began = plant.now
    while not plant.events("outlet_map"):
        plant.tick()
        assert plant.now - began <= 1200
    assert plant.now - began > 600  # the words of a cloud are minutes old
    plant.ticks(6)
    assert [event.about for event in plant.events("outlet_map")] == ["m002"]
    assert plant.state.miners["m002"].quarantined == "its outlet feeds another miner"
    assert [name for name, book in plant.state.miners.items() if book.quarantined] == ["m002"]


def test_pdu_dead_a_miner_behind_a_dead_pdu_is_stopped_by_its_own_word_again():
    plant = running(80)
    plant.dead = {"redfish pdu1"}
    plant.ticks(3)
    curtail(plant, 4)
    assert plant.total < 80 * 60
    assert all(chase.want != "stop" for chase in plant.state.chases.values())
    [event] = plant.events("curtail_unproven")
    assert event.reason.code == "unverified"
    assert dict(event.reason.numbers)["stragglers"].startswith("m000, m001"), "who is to be looked at has a name"
    plant.dead = set()
    plant.ticks(6)
    assert plant.events("curtailed")
    assert not plant.events("miner_off_unasked"), "they went dark by our word, whenever a meter is seen again"


def test_pdu4_watts_a_thousand_times_too_small_start_nothing_and_are_told():
    plant = Plant(wiring(), running=True)
    for spec in plant.wiring.miners:
        plant.garbage[f"{spec.outlet}:power_w"] = 3  # kilowatts read as watts
    plant.ticks(9)
    assert not [one for one in plant.sent if one[2] == "run"]
    assert plant.events("watts_implausible")


def test_cmd8_forty_outlets_that_do_not_act_when_there_is_no_time_for_words_are_told_by_their_own_after_all():
    """CMD8, O1: the cloud takes a second a miner, so most go by their outlets at once; a whole PDU does nothing."""
    plant = running(280)
    plant.welded = {spec.id for spec in plant.wiring.miners if spec.outlet.startswith("redfish pdu3/")}
    plant.signal = "off"
    began = plant.now
    plant.ticks(2)
    assert plant.total < 50_000
    last = max(second for second, target, verb, _ in plant.sent if verb == "stop" and target[6:] in plant.welded)
    assert last - began < 180
    assert not plant.violations
