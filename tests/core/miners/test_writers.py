"""CMD12, quarantine and its way out, and what is nobody's to command."""

import pytest
from core.plant import Plant, policy, request, wiring

from mine_controller.core.miners.writers import watch_writers
from mine_controller.core.model.command import Outcome
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import MinerBook, State
from mine_controller.core.model.wiring import Lane
from mine_controller.core.reach import ours
from mine_controller.core.wording.words import sentence


def running(miners=24, **kwargs):
    plant = Plant(wiring(miners, **kwargs))
    plant.ticks(4)
    return plant


def foreign(plant, name, watts):
    """Somebody else's hand."""
    plant.power[name] = watts
    plant.starting.pop(name, None)
    plant.tick()


def starts(plant, name, since=0):
    return [one for one in plant.sent[since:] if one[1] == f"miner {name}" and one[2] in ("run", "on")]


def put_aside(plant):
    """What was told of miners in quarantine."""
    return [one for decision in plant.decisions for one in decision.tellings if one.kind == "quarantined"]


def test_cmd12_two_foreign_changes_in_an_hour_keep_our_hands_off_for_half_an_hour_and_are_told_once():
    plant = running()
    foreign(plant, "m003", 25)
    foreign(plant, "m003", 3400)
    assert [event.about for event in plant.events("two_writers")] == ["m003"]
    assert "two_writers m003" in plant.state.alarms
    plant.power["m003"] = 25
    since, began = len(plant.sent), plant.now
    while plant.now - began < 1800:
        plant.tick()
    assert not starts(plant, "m003", since)
    assert len(plant.events("two_writers")) == 1
    assert not plant.violations


def test_cmd12_hands_off_ends_and_the_miner_comes_back():
    plant = running()
    foreign(plant, "m003", 25)
    foreign(plant, "m003", 3400)
    plant.ticks(31)
    assert plant.events("one_writer")
    assert "two_writers m003" not in plant.state.alarms
    foreign(plant, "m003", 25)
    plant.ticks(12)
    assert plant.power["m003"] == 3400


def test_cmd12_lowering_goes_on_while_somebody_else_raises():
    plant = running()
    plant.signal = "off"
    plant.ticks(2)
    for _ in range(3):
        plant.power["m004"] = 3400
        plant.outlet["m004"] = True
        plant.tick()
        assert plant.power["m004"] < 100
    assert plant.events("two_writers")


def test_cmd12_the_third_unexplained_darkness_in_a_day_is_quarantine():
    plant = running()
    for _ in range(3):
        foreign(plant, "m003", 25)
        plant.ticks(32)
    assert plant.state.miners["m003"].quarantined
    assert [event.about for event in plant.events("quarantined")] == ["m003"]
    assert "three times" in sentence(plant.events("quarantined")[0].reason)
    assert plant.power["m003"] == 25


def test_cmd12_a_brown_out_of_many_is_no_second_writer():
    plant = running()
    for _ in range(3):
        for name in list(plant.power)[:12]:
            plant.power[name] = 25
        plant.ticks(30)
    assert not plant.events("two_writers")
    assert not any(book.quarantined for book in plant.state.miners.values())
    assert plant.total == 24 * 3400


def test_cmd12_our_own_curtailments_are_nobody_elses_changes():
    plant = running()
    for _ in range(2):
        plant.signal = "off"
        plant.ticks(3)
        plant.signal = "run"
        plant.ticks(25)
    assert not plant.events("two_writers")
    assert not plant.state.last.get("unasked")


def test_a_person_lifts_a_quarantine_and_the_miner_starts_again():
    plant = running()
    for _ in range(3):
        foreign(plant, "m003", 25)
        plant.ticks(32)
    plant.requests = (request("release", "m003"),)
    decision = plant.tick(rounds=1)
    assert decision.verdicts[0].verdict == "done"
    assert not plant.state.miners["m003"].quarantined
    plant.ticks(15)
    assert plant.power["m003"] == 3400


def test_whoever_lifts_a_quarantine_ends_what_was_told_of_a_second_writer():
    plant = running()
    for watts in (25, 3400, 25, 3400, 25):
        foreign(plant, "m003", watts)
    assert plant.state.miners["m003"].quarantined
    assert "two_writers m003" in plant.state.alarms
    plant.requests = (request("release", "m003"),)
    plant.tick()
    assert "two_writers m003" not in plant.state.alarms
    assert [event.about for event in plant.events("one_writer")] == ["m003"]


def test_a_person_puts_a_miner_into_quarantine_and_it_is_stopped_and_stays_off():
    plant = running()
    plant.requests = (request("quarantine", "m003", reason="smells burnt"),)
    plant.ticks(2)
    assert plant.power["m003"] < 100
    assert "smells burnt" in plant.state.miners["m003"].quarantined
    plant.ticks(10)
    assert plant.power["m003"] < 100
    assert not plant.violations


@pytest.mark.parametrize(("args", "reason"), [((), "x"), (("m999",), "x"), (("m003",), "")])
def test_a_quarantine_of_nobody_or_without_a_reason_is_refused(args, reason):
    plant = running()
    plant.requests = (request("quarantine", *args, reason=reason),)
    assert [verdict.verdict for verdict in plant.tick(rounds=1).verdicts] == ["refused"]


@pytest.mark.parametrize("args", [("m003",), ("nobody",), ()])
def test_releasing_what_is_not_in_quarantine_is_refused_with_who_is(args):
    plant = running()
    plant.requests = (request("release", *args),)
    verdict = plant.tick(rounds=1).verdicts[0]
    assert verdict.verdict == "refused"
    assert "nobody" in verdict.why


def test_how_many_failures_quarantine_is_the_wear_sections_number():
    wires = wiring(24)
    plant = Plant(wires, policy(wires, wear={"failures": 1}), running=True)
    plant.ticks(4)
    plant.power["m001"] = 25
    plant.mute = {"m001"}
    plant.ticks(30)
    assert plant.state.miners["m001"].quarantined == "did not start"


def test_cmd4_a_miner_that_is_put_aside_for_its_failed_starts_is_told_until_a_person_releases_it():
    """Of the failures after the first nothing is told: that nobody starts it any more was nobody's to know."""
    wires = wiring(24)
    plant = Plant(wires, policy(wires, wear={"failures": 2}), running=True)
    plant.ticks(4)
    plant.power["m001"] = 25
    plant.mute = {"m001"}
    plant.ticks(60)
    assert plant.state.miners["m001"].quarantined == "did not start"
    (told,) = put_aside(plant)
    assert (told.what, told.about, told.level) == ("raise", "m001", 1)
    assert sentence(told.reason) == "m001 is in quarantine until a person releases it: did not start"
    plant.now += 90_000
    plant.ticks(3)
    assert "quarantined m001" in plant.state.alarms, "it is so still, a day later"
    plant.requests = (request("release", "m001"),)
    plant.tick()
    assert "quarantined m001" not in plant.state.alarms
    assert [one.what for one in put_aside(plant)] == ["raise", "clear"]


def test_of_a_miner_that_a_person_put_aside_nobody_is_told():
    plant = running()
    plant.requests = (request("quarantine", "m003", reason="smells burnt"),)
    plant.ticks(4)
    assert plant.state.miners["m003"].quarantined
    assert not put_aside(plant)


def test_a_cloud_outage_of_hours_quarantines_nobody_and_the_fleet_comes_back():
    plant = Plant(wiring(12), running=False)
    plant.ticks(2)
    plant.dead = {"foreman mine"}
    plant.ticks(75)
    assert not plant.events("start_failed")
    assert plant.decisions[-1].mode != "RESUMING"
    plant.dead = set()
    plant.ticks(30)
    assert plant.total == 12 * 3400


def test_when_nobody_starts_it_is_no_miners_fault():
    plant = Plant(wiring(24), running=False)
    plant.audited = False
    plant.mute = set(plant.power)
    plant.ticks(110)
    assert sum(bool(book.quarantined) for book in plant.state.miners.values()) <= 4
    plant.mute = set()
    plant.ticks(60)
    assert plant.total >= 20 * 3400


def test_a_climb_that_failed_is_paused_and_then_really_tried_again():
    plant = Plant(wiring(10), running=False)
    plant.audited = False
    plant.mute = set(plant.power)
    while not plant.events("ramp_failed"):
        plant.tick()
    before = len(plant.decisions)
    plant.ticks(18)
    again = next(at for at in range(before, len(plant.decisions)) if plant.decisions[at].plan.starts)
    assert all(one.envelope.no_start is None for one in plant.decisions[again : again + 8])


# -- sections that are not live -------------------------------------------------------------------------------------


def not_live(wires, *names):
    return wires._replace(lanes={**wires.lanes, **{name: wires.lanes[name]._replace(live=False) for name in names}})


def test_a_pdu_that_is_not_live_is_never_commanded_and_the_gentle_way_is_used_again():
    plant = Plant(not_live(wiring(24), "redfish pdu1"))
    plant.ticks(4)
    plant.mute = {"m001"}
    plant.signal = "off"
    plant.ticks(4)
    assert "redfish pdu1" not in {lane for *_, lane in plant.sent}
    assert sum(watts > 1000 for watts in plant.power.values()) == 1
    assert not plant.violations


def test_a_fleet_that_is_not_live_is_stopped_at_its_live_outlets():
    plant = Plant(not_live(wiring(24), "foreman mine"))
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(2)
    assert {lane for *_, lane in plant.sent if lane != "controlbyweb fans"} == {"redfish pdu1"}
    assert plant.total == 0


def test_miners_nobody_may_command_are_counted_at_nominal_and_never_chased():
    wires = not_live(wiring(80), "redfish pdu1")
    theirs = {spec.id for spec in wires.miners if spec.outlet.startswith("redfish pdu1")}
    wires = wires._replace(miners=tuple(s._replace(paths=s.paths[1:]) if s.id in theirs else s for s in wires.miners))
    plant = Plant(wires, policy(wires, cap_kw=200), running=False)
    plant.ticks(60)
    assert not [one for one in plant.sent if one[1][6:] in theirs]
    assert not [target for target in plant.state.chases if target[6:] in theirs]
    on = sum(watts > 1000 for watts in plant.power.values())
    assert 5 <= on <= (190_000 - 40 * 3400) // 3400
    assert not plant.violations


def test_relays_that_are_not_live_are_not_commanded():
    plant = Plant(not_live(wiring(24), "controlbyweb fans"), running=False)
    plant.ticks(8)
    assert not plant.sent


def test_a_live_wiring_is_left_as_it_is():
    wires = wiring(4)
    assert ours(wires) is wires
    assert Lane("x").live


def test_in_shadow_a_curtailment_is_one_round_a_tick_and_wakes_nobody():
    wires = wiring(24)
    plant = Plant(wires, policy(wires, live=False))
    plant.ticks(4)
    plant.act = lambda decision: tuple(Outcome(one.id, "withheld") for one in decision.commands)
    before = len(plant.decisions)
    plant.signal = "off"
    plant.ticks(6)
    assert len(plant.decisions) - before == 6
    assert not [event for one in plant.decisions for event in one.events if event.severity == "emergency"]
    assert not [target for target in plant.state.chases if target.startswith("miner")]


# -- units without any meter ----------------------------------------------------------------------------------------


def test_a_site_without_any_watts_goes_by_the_miners_words():
    plant = Plant(wiring(12, outlets=False))
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(3)
    assert plant.total < 1000
    assert plant.events("curtail_unproven")[0].reason.code == "unverified"  # words prove nothing
    plant.signal = "run"
    plant.ticks(30)
    assert plant.total == 12 * 3400
    assert all(book.last_stop_s and book.last_start_s for book in plant.state.miners.values())
    assert not plant.violations


def test_a_metered_miner_whose_watts_are_gone_is_not_started_by_its_word():
    plant = running()
    plant.power["m001"] = 25
    plant.ticks(1)
    plant.garbage["redfish pdu1/A2:power_w"] = None
    since = len(plant.sent)
    plant.ticks(12)
    late = [one for one in starts(plant, "m001", since) if one[0] > plant.now - 900]
    assert not late


def held(now_s, *kinds, writers=None, unasked=None, last=None):
    """One look by itself: unasked changes of m000 in this round, and what was known before it."""
    plant = Plant(wiring(24))
    plant.tick()
    image = plant.image._replace(clock=plant.image.clock._replace(plant_s=now_s))
    known = {"watched_s": now_s - 120, **({"writers": writers} if writers else {}), **(last or {})}
    state = State(last=known | ({"unasked": unasked} if unasked else {}))
    seen = tuple(Event(f"miner_{kind}_unasked", "info", "m000", Reason("watch", kind)) for kind in kinds)
    found = watch_writers(image, seen, state)
    return found.state.last, [one.kind for one in found.events], found.state.miners


@pytest.mark.parametrize(("until_s", "over"), [(50_001, False), (50_000, True)])
def test_cmd12_hands_are_off_for_their_time_although_nothing_else_is_remembered(until_s, over):
    last, told, _ = held(50_000, writers={"m000": until_s})
    assert (last["writers"], told) == (({}, ["one_writer"]) if over else ({"m000": until_s}, []))


@pytest.mark.parametrize(("ago_s", "two"), [(3599, True), (3600, False)])
def test_cmd12_two_changes_within_an_hour_are_a_second_writer(ago_s, two):
    last, told, _ = held(50_000, "on", unasked={"m000": [[50_000 - ago_s, "off"]]})
    assert told == (["two_writers"] if two else [])
    assert last["writers"] == ({"m000": 51_800} if two else {})
    again, told, _ = held(50_060, "on", unasked=last["unasked"], writers=last["writers"])
    assert told == ([] if two else ["two_writers"])
    assert again["writers"] == {"m000": 51_860}


@pytest.mark.parametrize(("ago_s", "dark"), [(86_399, True), (86_400, False)])
def test_cmd12_three_times_dark_within_a_day(ago_s, dark):
    before = {"m000": [[50_000 - ago_s, "off"], [10_000, "off"]]}
    *_, miners = held(50_000, "off", unasked=before)
    assert bool(miners.get("m000", MinerBook()).quarantined) is dark
    *_, miners = held(50_000, "on", unasked={"m000": [[1, "off"], [2, "off"], [3, "off"]]})
    assert not any(book.quarantined for book in miners.values())


@pytest.mark.parametrize(("last", "seen"), [({"watched_s": 49_400}, True), ({"watched_s": 49_399}, False), ({}, True)])
def test_cmd12_after_a_gap_what_changed_is_adopted(last, seen):
    found, *_ = held(50_000, "off", last=last)
    assert bool(found.get("unasked")) is seen


def test_cmd12_nothing_is_written_where_nothing_happens():
    assert held(50_000) == ({"watched_s": 49_880}, [], {})


def test_cmd12_the_end_of_a_second_writer_is_told_of_those_who_had_one_and_once():
    """Of what waits or is switched off too; not of another alarm, nor of one whose end was told."""
    plant = Plant(wiring(24))
    plant.tick()
    alarms = {"two_writers m001": {}, "two_writers m002": {"clear_s": 1}, "chip_warning m003": {}}
    pending = {"two_writers m004": {}, "miner_idle m005": {}}
    state = State(alarms=alarms, last={"alarm_book": {"pending": pending}})
    events = watch_writers(plant.image, (), state).events
    assert [(event.kind, event.about) for event in events] == [("one_writer", "m001"), ("one_writer", "m004")]
