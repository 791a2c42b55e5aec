"""What is told of an alarm and when: repeats, acks, shelves, kinds switched off, and the laws of it all."""

import json
import re
from contextlib import suppress
from itertools import pairwise

import pytest
from core.alarm_desk import FAN, HEAT, STOP, WALL_S, WIRES, Desk, event, over, said
from hypothesis import example, given
from hypothesis import strategies as st

from mine_controller.config.catalogue import known
from mine_controller.core.alarms.advice import ADVICE
from mine_controller.core.alarms.catalogue import KINDS, default_ways
from mine_controller.core.alarms.machine import Given, name_of, step
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.wiring import UplinkSpec
from mine_controller.core.refusal import Refused

# -- emergencies, ack, shelf ----------------------------------------------------------------------------------------


def test_an_emergency_is_told_again_every_ten_minutes_three_times_and_then_every_hour():
    desk = Desk()
    at = []
    for _ in range(120):
        desk.tick(*([STOP] if not at else []))
        at += [desk.now for one in desk.told[len(at) :]]
    gaps = [after - before for before, after in pairwise(at)]
    assert gaps[:3] == [600, 600, 600]
    assert set(gaps[3:]) == {3600}
    assert len({one.key for one in desk.told}) == len(desk.told)
    assert {(one.alarm, one.level) for one in desk.told} == {(desk.only()["id"], 2)}


def test_an_acked_emergency_is_not_repeated_and_its_end_is_told():
    desk = Desk()
    desk.tick(STOP)
    state, why = desk.ask("ack", desk.only()["id"])
    assert (why, state.last["acked_one"]) == ("1 acked", {"at_s": desk.now, "keys": ["heat_stop inlet"]})
    assert "acked_s" not in state.last, "nobody said to have looked at anything else"
    assert desk.ticks(40) == []
    assert desk.only()["state"] == "acked"
    assert said(desk.tick(over("heat_stop_over", "inlet"))) == [("clear", "heat_stop")]
    assert [one.kind for one in desk.log] == ["alarm_acked"]


def test_the_ack_of_a_warning_lets_no_latch_go_and_the_ack_of_all_does():
    desk = Desk()
    desk.tick(FAN)
    assert "acked_s" not in desk.ask("ack", desk.only()["id"])[0].last
    assert desk.ask("ack")[0].last["acked_s"] == desk.now


def test_the_ack_of_a_cause_is_one_of_what_follows_from_it():
    desk = Desk()
    desk.tick(event("air_lost", "fans"), STOP)
    assert desk.alarms["heat_stop inlet"]["under"] == "air_lost fans"
    state, _ = desk.ask("ack", desk.alarms["air_lost fans"]["id"])
    assert state.last["acked_one"]["keys"] == ["heat_stop inlet"]


def test_the_ack_of_what_thousands_of_miners_follow_from_keeps_only_what_latches():
    """It stays in the state, which every tick writes."""
    desk = Desk()
    desk.tick(event("air_lost", "fans"))
    cause = desk.only()
    unit = {**cause, "kind": "miner_overheating", "under": "air_lost fans"}
    desk.alarms |= {f"miner_overheating a{at}": {**unit, "id": f"x{at}", "about": f"a{at}"} for at in range(9)}
    assert "acked_one" not in desk.ask("ack", cause["id"])[0].last


@pytest.mark.parametrize("whom", ["name", "--all"])
def test_sec_an_ack_from_a_chat_ends_the_repeats_and_lets_no_latch_go(whom):
    desk = Desk()
    desk.tick(STOP)
    state, why = desk.ask("ack", desk.only()["id"] if whom == "name" else whom, source="telegram")
    assert "acked_s" not in state.last
    assert "acked_one" not in state.last
    assert why == "1 acked; what heat_stop holds off is let go on the controller alone: minectl resume"
    assert desk.ticks(40) == []


def test_an_ack_of_all_is_taken_also_when_nothing_is_open():
    state, why = Desk().ask("ack", "--all")
    assert (state.last["acked_s"], why) == (10_000, "taken; no alarm is open")


def test_the_ack_of_a_drill_touches_no_alarm_and_lets_nothing_go():
    desk = Desk()
    desk.tick(STOP)
    before = desk.alarms
    state, why = desk.ask("ack", "drill")
    assert (state.alarms, why) == (before, "taken for the drill; no alarm is touched")
    assert not {"acked_s", "acked_one", "seen_s"} & state.last.keys()


def test_an_ack_of_nobody_is_refused_with_who_there_is():
    desk = Desk()
    desk.tick(FAN)
    with pytest.raises(Refused, match=desk.only()["id"]):
        desk.ask("ack", "zzzzz")


def test_a_shelved_alarm_says_nothing_until_its_time_and_then_again():
    desk = Desk()
    desk.tick(FAN)
    desk.ask("shelve", desk.only()["id"], "3600")
    assert desk.ticks(29) == []
    assert desk.only()["state"] == "shelved"
    assert said(desk.ticks(2)) == [("again", "fan_fault")]


def test_a_shelf_outlasts_the_alarm():
    desk = Desk()
    desk.tick(FAN)
    desk.ask("shelve", desk.only()["id"], "3600")
    desk.tick(over("fan_back", "fan 3"))
    assert desk.ticks(2, FAN) == []
    assert said(desk.told) == [("raise", "fan_fault")]


def test_a_shelved_warning_that_becomes_an_emergency_is_told_at_once_and_stays_told():
    """The signal page: put off for a day as a warning, and at the grace the whole mine goes down."""
    desk = Desk()
    desk.tick(event("signal_blind", "signal"))
    desk.ask("shelve", desk.only()["id"], "86400")
    assert desk.ticks(2) == []
    (told,) = desk.tick(event("signal_blind", "signal", "emergency"))
    assert (told.what, told.level, desk.only()["state"]) == ("escalate", 2, "active")
    assert said(desk.ticks(6)) == [("repeat", "signal_blind")]
    assert "is silent for 600 s" in desk.ask("shelve", desk.only()["id"], "600")[1], "as the emergency it is now"
    assert desk.ticks(4) == []


def test_unshelve_brings_it_back_at_once():
    desk = Desk()
    desk.tick(FAN)
    name = desk.only()["id"]
    desk.ask("shelve", name, "86400")
    desk.ticks(5)
    desk.ask("unshelve", name)
    assert said(desk.tick()) == [("again", "fan_fault")]


@pytest.mark.parametrize("seconds", ["86401", "0", "-1", "soon", "9" * 30, "٣"])
def test_a_shelf_of_more_than_a_day_or_of_no_time_is_refused(seconds):
    desk = Desk()
    desk.tick(FAN)
    with pytest.raises(Refused, match="24 h"):
        desk.ask("shelve", desk.only()["id"], seconds)


def test_a_shelf_needs_a_reason_one_alarm_and_a_time():
    desk = Desk()
    desk.tick(FAN)
    name = desk.only()["id"]
    with pytest.raises(Refused, match="a reason is needed"):
        desk.ask("shelve", name, "3600", reason="")
    with pytest.raises(Refused, match="24 h"):
        desk.ask("shelve", name)
    assert "shelved" not in desk.book or desk.book["shelved"] == {}
    assert desk.ask("shelve", name, "1")[1].endswith("is silent for 1 s")
    desk.tick(event("fan_fault", "fan 4"))
    with pytest.raises(Refused, match="one alarm is shelved"):
        desk.ask("shelve", "--all", "60")


def test_one_alarm_comes_from_the_shelf_by_itself_and_the_other_stays():
    desk = Desk()
    desk.tick(FAN, event("fan_fault", "fan 4"))
    names = [alarm["id"] for alarm in desk.alarms.values()]
    for name in names:
        desk.ask("shelve", name, "600")
    desk.ask("unshelve", names[0])
    assert desk.book["shelved"] == {"fan_fault fan 3": 0, "fan_fault fan 4": desk.now + 600}


def test_nothing_is_shelved_where_nothing_is_open():
    with pytest.raises(Refused, match="open: none"):
        Desk().ask("shelve", "--all", "60")


def test_what_is_not_on_the_shelf_does_not_come_back_from_it():
    desk = Desk()
    desk.tick(FAN)
    with pytest.raises(Refused, match="it is not shelved"):
        desk.ask("unshelve", desk.only()["id"])


def test_an_emergency_that_is_none_of_safety_may_be_shelved():
    desk = Desk()
    kind = next(name for name, one in KINDS.items() if one.severity == "emergency" and not one.safety)
    desk.tick(event(kind))
    assert "is silent for 60 s" in desk.ask("shelve", desk.only()["id"], "60")[1]


def test_an_emergency_of_safety_is_never_shelved():
    desk = Desk()
    desk.tick(STOP)
    with pytest.raises(Refused, match="safety"):
        desk.ask("shelve", desk.only()["id"], "60")
    desk.book["shelved"] = {"heat_stop inlet": desk.now + 3600}
    assert said(desk.tick()) == [("again", "heat_stop")]


# -- the owner's words ----------------------------------------------------------------------------------------------


def test_a_kind_switched_off_is_neither_shown_nor_told_and_remembered_as_known():
    desk = Desk(fan_fault={"on": False})
    desk.tick(FAN)
    assert (desk.told, desk.alarms) == ([], {})
    assert "fan_fault fan 3" in desk.book["pending"]
    desk.tick(over("fan_back", "fan 3"))
    assert desk.book == {}


def test_a_kind_switched_off_while_it_stands_goes_without_a_word():
    desk = Desk()
    desk.tick(FAN)
    desk.policy = AlarmPolicy(kinds={"fan_fault": default_ways("fan_fault")._replace(on=False)})
    assert desk.ticks(2) == []
    assert desk.alarms == {}


def test_a_delay_of_the_owners_holds_an_event_back_until_it_has_lasted():
    desk = Desk(fan_fault={"delay_s": 600})
    assert desk.ticks(1, FAN) == []
    assert desk.ticks(4) == []
    assert said(desk.tick()) == [("raise", "fan_fault")]


def test_level_and_route_are_the_owners():
    desk = Desk(fan_fault={"level": "emergency"}, curtailed={"route": "warning"})
    assert [one.level for one in desk.tick(FAN)] == [2]
    assert [(one.level, one.severity) for one in desk.tick(event("curtailed", "site"))] == [(1, "info")]


def test_nothing_handed_in_is_changed():
    desk = Desk()
    desk.tick(FAN, event("air_lost", "fans"))
    alarms, book = repr(desk.alarms), repr(desk.book)
    given = Given(desk.now + 9999, WALL_S, (over("air_back", "fans"), STOP), (HEAT,), frozenset(), judged=True)
    step(desk.alarms, desk.book, given, desk.policy, WIRES)
    assert (repr(desk.alarms), repr(desk.book)) == (alarms, book)


def test_an_alarm_of_an_older_program_goes_on_and_is_not_told_anew():
    desk = Desk()
    old = {"kind": "fan_fault", "about": "fan 3", "severity": "warning", "since_s": 9000, "reason": ["watch", "x", []]}
    desk.alarms = {"fan_fault fan 3": old}
    assert desk.ticks(3) == []
    assert len(desk.only()["id"]) == 5
    assert said(desk.tick(over("fan_back", "fan 3"))) == [("clear", "fan_fault")]


@pytest.mark.parametrize("damage", [{"severity": "loud"}, {"since_s": "x"}, {"reason": None}, {"kind": 7}])
def test_db3_a_damaged_alarm_is_let_go_and_its_condition_raises_it_anew(damage):
    desk = Desk()
    desk.tick(FAN)
    desk.alarms = {"fan_fault fan 3": {**desk.only(), **damage}}
    desk.tick()
    assert desk.alarms == {}
    assert said(desk.ticks(4, FAN))[-1:] == [("raise", "fan_fault")]


def test_of_two_that_explain_each_other_the_one_that_says_more_is_told():
    desk = Desk()
    gone = [event("device_unreachable", "power_signal coop")]
    desk.tick(levels=gone)
    told = desk.tick(event("signal_blind", "signal"), levels=gone)
    assert [(one.kind, one.folded) for one in told] == [("signal_blind", (("device_unreachable", 1),))]


def test_a_dead_uplink_explains_what_lies_behind_it_and_no_device_of_the_mine():
    desk = Desk(WIRES._replace(uplinks=(UplinkSpec("lte", "uplink lte"),)))
    gone = [event("device_unreachable", name) for name in ("foreman mine", "redfish pdu1")]
    desk.tick(event("uplink_down", "lte"))
    told = desk.ticks(3, levels=gone)
    assert [(one.about, one.others) for one in told] == [("redfish pdu1", ())]


# -- laws -----------------------------------------------------------------------------------------------------------

KEYS = ("m000", "m001", "m002")
STORY = st.lists(st.sets(st.sampled_from(KEYS)), min_size=1, max_size=40)


LASTING = st.lists(st.tuples(st.sets(st.sampled_from(KEYS)), st.sampled_from([1, 1, 2, 9])), min_size=1, max_size=12)


@given(LASTING, st.sampled_from(["device_unreachable", "sensor_stuck", "uplink_down"]))
@example([({"m000", "m001"}, 9)], "sensor_stuck")
def test_an_alarm_is_never_lost_and_never_told_twice(story, kind):
    """O14: raised and lasting longer than delay and cool-down is told once for each raise; chattering once in all."""
    desk = Desk(**{kind: {"off_delay_s": 0, "delay_s": 120}})
    told = {}
    for there in [there for there, ticks in story for _ in range(ticks)]:
        letters = desk.tick(levels=[event(kind, about) for about in sorted(there)])
        for letter in letters:
            if letter.what == "raise":
                for about in (letter.about, *letter.others):
                    name = desk.alarms[f"{kind} {about}"]["id"]
                    told[name] = told.get(name, 0) + 1
        for key, alarm in desk.alarms.items():
            waited_s = desk.now - alarm["raised_s"]
            if waited_s > 600 and not alarm.get("chatter"):
                assert told.get(alarm["id"]) == 1, (key, alarm)
    assert set(told.values()) <= {1}
    keys = [one.key for one in desk.told]
    assert len(set(keys)) == len(keys)


EDGES = [
    FAN, over("fan_back", "fan 3"), STOP, over("heat_stop_over", "inlet"), event("air_lost", "fans"),
    over("air_back", "fans"), event("signal_blind", "signal"), event("signal_blind", "signal", "emergency"),
    over("signal_back", "signal"), event("signal_changed", "signal"), event("start_failed", "m001"),
    event("miner_on_unasked", "m001", "warning"), event("block_found", "m001"), event("rule_failed", "cap"),
]  # fmt: skip
LEVELS = [HEAT, event("device_unreachable", "power_signal coop"), event("miner_offline", "m001"), event("disk", "disk")]
ROUND = st.tuples(
    st.lists(st.sampled_from(EDGES), max_size=4),
    st.lists(st.sampled_from(LEVELS), max_size=4, unique=True),
    st.sampled_from(["", "", "", "ack", "shelve", "unshelve"]),
    st.sampled_from([0, 1, 30, 120, 600, 90_000]),
)


@given(st.lists(ROUND, min_size=1, max_size=30))
def test_whatever_happens_letters_are_distinct_names_unique_and_the_shelf_is_silent(story):
    desk = Desk()
    for at, (edges, levels, verb, passed_s) in enumerate(story):
        if verb and desk.alarms:
            name = sorted(alarm["id"] for alarm in desk.alarms.values())[at % len(desk.alarms)]
            with suppress(Refused):
                desk.ask(verb, name, "3600")
        letters = desk.tick(*edges, levels=levels, passed_s=passed_s + 1)
        silent = {alarm["id"] for alarm in desk.alarms.values() if alarm["state"] in ("shelved", "suppressed")}
        assert not silent & {one.alarm for one in letters if one.what != "clear"}
        assert {alarm["state"] for alarm in desk.alarms.values()} <= {"active", "acked", "shelved", "suppressed"}
        assert len({alarm["id"] for alarm in desk.alarms.values()}) == len(desk.alarms)
        assert json.loads(json.dumps([desk.alarms, desk.book])) == [desk.alarms, desk.book]
    keys = [one.key for one in desk.told]
    assert len(set(keys)) == len(keys)


@given(STORY)
def test_killed_after_any_round_the_same_round_tells_the_same_keys(story):
    """DB4: what was not committed is decided again, and its letters carry the same keys."""
    desk = Desk(device_unreachable={"off_delay_s": 0})
    for there in story:
        kept = desk.alarms, desk.book, desk.now
        levels = [event("device_unreachable", about) for about in sorted(there)]
        once = desk.tick(levels=levels)
        desk.alarms, desk.book, desk.now = kept
        assert desk.tick(levels=levels) == once


def test_names_are_short_stable_and_never_shared():
    taken = set()
    for at in range(2000):
        name = name_of("fan_fault fan 1", WALL_S, taken)
        assert len(name) == 5
        assert at or name == name_of("fan_fault fan 1", WALL_S, set())
        taken.add(name)
    assert len(taken) == 2000


# -- the table ------------------------------------------------------------------------------------------------------


def test_every_kind_says_what_it_means_what_is_done_and_what_to_do():
    assert set(ADVICE) == set(KINDS)
    assert all(all(words) for words in ADVICE.values())
    assert "relay stays off" in ADVICE["fan_fault"][0]  # it draws nothing then, and has no belt to look at
    assert "login" in ADVICE["device_unreachable"][2]  # "the login was refused (401)" has no cable to look at


def test_every_section_named_in_what_is_told_is_one():
    named = set(re.findall(r"\[([a-z_]+)\]", " ".join(word for words in ADVICE.values() for word in words)))
    assert named
    assert named <= {"site", "wiring", *known("rule"), *known("device"), *known("channel")}


def test_every_first_out_is_a_kind_and_no_kind_follows_from_itself():
    for kind in KINDS.values():
        assert set(kind.under) <= set(KINDS)
        assert kind.name not in kind.under


def test_every_kind_can_end():
    for kind in KINDS.values():
        assert kind.over or kind.watched or kind.once or kind.lasts_s


@pytest.mark.parametrize(
    ("kind", "threshold", "severity"),
    [("temperature_warning", 35, "warning"), ("temperature_danger", 40, "emergency"), ("high_reject", 5, "warning")],
)
def test_figures_of_the_owners_list(kind, threshold, severity):
    assert (default_ways(kind).threshold, KINDS[kind].severity) == (threshold, severity)
    assert default_ways("temperature_warning").cool_s == 900
    assert default_ways("device_unreachable").cool_s == 300
    assert default_ways("miner_offline").cool_s == 0


def test_what_an_event_raised_stands_on_with_the_figures_of_its_limit_and_ends_with_its_own():
    def blind(code, silent_s):
        return Reason("signal", code, (("silent_s", silent_s), ("grace_s", 360), ("why", "gone")))

    def figures(told):
        return [(one.what, one.reason.code, dict(one.reason.numbers)["silent_s"]) for one in told]

    desk = Desk()
    raised = Event("signal_blind", "emergency", "signal", blind("blind", 360))
    assert figures(desk.tick(raised, limits=[blind("blind", 360)])) == [("raise", "blind", 360)]
    desk.tick(limits=[blind("other", 1), Reason("air", "blind"), blind("blind_held", 480)])
    assert dict(desk.only()["reason"][2])["silent_s"] == 480
    again = desk.tick(passed_s=600, limits=[blind("blind", 960)])
    assert figures(again) == [("repeat", "blind", 960)]
    assert figures(desk.tick(over("signal_back", "signal"))) == [("clear", "blind", 360)]
