"""The life of an alarm, edge by edge: raised, told once, folded under its cause, over."""

from core.alarm_desk import FAN, HEAT, STOP, TICK_S, Desk, event, over, said

from mine_controller.core.alarms.catalogue import LOG_ONLY
from mine_controller.core.model.reason import Event, Reason

# -- the edges ------------------------------------------------------------------------------------------------------

LOST, AIR = event("air_lost", "fans"), over("air_back", "fans")


def test_an_event_is_an_alarm_at_once_where_its_kind_has_no_delay():
    desk = Desk()
    assert said(desk.tick(FAN)) == [("raise", "fan_fault")]
    assert desk.only()["state"] == "active"


def test_a_level_is_pending_for_its_delay_and_then_active():
    desk = Desk()
    assert desk.tick(levels=[HEAT]) == ()
    assert desk.alarms == {}
    assert said(desk.tick(levels=[HEAT])) == [("raise", "temperature_warning")]
    assert desk.only()["since_s"] == desk.now - TICK_S


def test_a_level_that_goes_before_its_delay_was_nothing():
    desk = Desk()
    desk.tick(levels=[HEAT])
    desk.ticks(5)
    assert (desk.told, desk.alarms, desk.book) == ([], {}, {})


def test_a_tick_that_comes_a_second_early_still_counts_as_one():
    desk = Desk()
    desk.tick(levels=[HEAT])
    assert desk.tick(levels=[HEAT], passed_s=TICK_S - 3)


def test_a_level_ends_after_its_off_delay_and_is_told_over_with_how_long():
    desk = Desk()
    desk.ticks(6, levels=[HEAT])
    assert desk.ticks(3) == []
    told = desk.tick()
    assert said(told) == [("clear", "temperature_warning")]
    assert (told[0].severity, told[0].state, told[0].for_s) == ("info", "cleared", 6 * TICK_S)
    assert desk.alarms == {}


def test_the_end_of_an_alarm_goes_wherever_the_alarm_went():
    """Who has mail or SMS alone would otherwise drive out for what was over minutes later."""
    desk = Desk()
    desk.tick(STOP, FAN)
    desk.tick(over("heat_stop_over", "inlet"), over("fan_back", "fan 3"))
    desk.ticks(40)
    levels = {(one.what, one.kind): one.level for one in desk.told}
    assert levels == {
        ("raise", "heat_stop"): 2,
        ("clear", "heat_stop"): 2,
        ("raise", "fan_fault"): 1,
        ("clear", "fan_fault"): 1,
    }


def test_the_end_of_several_at_once_goes_where_the_gravest_of_them_went():
    desk = Desk()
    desk.tick(FAN, event("fan_fault", "fan 4", severity="emergency"))
    desk.tick(over("fan_back", "fan 3"), over("fan_back", "fan 4"))
    desk.ticks(40)
    assert [(one.level, one.severity, one.others) for one in desk.told if one.what == "clear"] == [
        (2, "info", ("fan 4",))
    ]


def test_the_end_of_several_at_once_says_what_was_wrong_with_the_one_it_names_first():
    """It said of starlink, about starlink: "uplink lte is down (and lte)"."""
    desk = Desk()
    names = ("starlink", "lte", "fibre")
    desk.tick(*(event("uplink_down", name, uplink=name) for name in names))
    [end] = desk.tick(*(over("uplink_up", name) for name in names))
    assert (end.about, end.others) == ("starlink", ("lte", "fibre"))
    assert dict(end.reason.numbers) == {"uplink": "starlink"}


def test_nobody_hears_that_an_emergency_is_over_while_it_stands_again():
    """Its end waited for the cool-down, the emergency came back at once: "over" was the last word while it stood."""
    desk = Desk()
    desk.tick(LOST)
    desk.tick(AIR)
    desk.tick(LOST)
    desk.tick(AIR)
    desk.tick(LOST, passed_s=30)
    told = said(desk.ticks(4))
    assert ("clear", "air_lost") not in told
    desk.tick(AIR)
    ends = [one for one in desk.ticks(40) if one.what == "clear"]
    assert [(one.about, one.others) for one in ends] == [("fans", ())]


def test_the_end_that_waited_is_told_of_those_alone_that_do_not_stand_again():
    desk = Desk()
    rows = {name: event("uplink_down", name, "emergency", uplink=name) for name in ("a", "b", "c")}
    desk.tick(rows["c"])
    desk.tick(over("uplink_up", "c"))
    desk.tick(rows["a"], rows["b"], passed_s=10)
    desk.tick(over("uplink_up", "a"), over("uplink_up", "b"), passed_s=10)
    desk.tick(rows["a"], passed_s=10)
    ends = [one for one in desk.ticks(4) if one.what == "clear"]
    assert [(one.about, one.others, dict(one.reason.numbers)) for one in ends] == [("b", (), {"uplink": "b"})]
    desk.tick(over("uplink_up", "a"))
    ends = [one for one in desk.ticks(4) if one.what == "clear"]
    assert [(one.about, one.others, dict(one.reason.numbers)) for one in ends] == [("a", (), {"uplink": "a"})]


def test_the_log_says_of_an_alarm_that_is_over_as_long_as_the_letter():
    """It added the off-delay: 14 min in `events`, 8 min in the message about the same."""
    desk = Desk()
    desk.ticks(6, levels=[HEAT])
    [end] = desk.ticks(4)
    [line] = [one for one in desk.log if one.kind == "temperature_warning_over"]
    assert dict(line.reason.numbers)["for_s"] == end.for_s == 6 * TICK_S


def test_an_end_that_waited_since_an_older_version_is_information():
    desk = Desk()
    desk.tick(FAN)
    desk.tick(over("fan_back", "fan 3"))
    desk.tick(event("fan_fault", "fan 4", severity="emergency"))
    desk.tick(over("fan_back", "fan 4"))
    [waits] = [one for one in desk.book["held"].values() if one["what"] == "clear"]
    del waits["level"], waits["reasons"]
    desk.told.clear()
    desk.ticks(40)
    assert [one.level for one in desk.told if one.what == "clear"] == [0]


def test_what_waited_for_its_cool_down_and_has_been_good_since_is_not_told_as_wrong():
    desk = Desk(temperature_warning={"delay_s": 0})
    desk.tick(levels=[HEAT])
    assert said(desk.ticks(4)) == [("clear", "temperature_warning")]
    desk.tick(levels=[HEAT])
    assert desk.ticks(4) == [], "cooler again for 2 min as the cool-down ends, and so still on the list"
    assert desk.alarms == {}


def test_what_comes_back_from_the_shelf_while_it_ends_is_not_told_as_wrong():
    desk = Desk(temperature_warning={"delay_s": 0, "cool_s": 0})
    desk.tick(levels=[HEAT])
    desk.ask("shelve", desk.only()["id"], "240")
    desk.tick(levels=[HEAT])
    assert said(desk.ticks(4)) == [("clear", "temperature_warning")]


def test_a_level_that_dips_within_its_off_delay_is_the_same_alarm():
    desk = Desk()
    desk.ticks(3, levels=[HEAT])
    first = desk.only()["id"]
    desk.ticks(2)
    desk.ticks(3, levels=[HEAT])
    assert desk.only()["id"] == first
    assert said(desk.told) == [("raise", "temperature_warning")]


def test_what_is_unknown_neither_ends_nor_raises():
    desk = Desk()
    desk.ticks(3, levels=[HEAT])
    for _ in range(20):
        desk.tick(unknown=["temperature_warning inlet"])
    assert desk.only()["state"] == "active"
    assert len(desk.told) == 1


def test_what_has_been_unknown_for_a_day_is_let_go():
    desk = Desk()
    desk.ticks(3, levels=[HEAT])
    for _ in range(721):
        desk.tick(unknown=["temperature_warning inlet"])
    assert desk.alarms == {}


def test_a_round_that_judged_nothing_ends_nothing():
    desk = Desk()
    desk.ticks(3, levels=[HEAT])
    for _ in range(8):
        desk.tick(judged=False)
    assert desk.alarms


def test_an_event_that_ends_one_of_several_leaves_the_others():
    desk = Desk()
    desk.tick(FAN, event("fan_fault", "fan 4"))
    desk.tick(over("fan_back", "fan 3"))
    assert [alarm["about"] for alarm in desk.alarms.values()] == ["fan 4"]


def test_an_alarm_nothing_ends_leaves_after_a_day_without_a_word():
    desk = Desk()
    desk.tick(event("outlet_map", "m001"))
    assert desk.ticks(721) == []
    assert desk.alarms == {}


def test_what_nothing_ends_is_forgotten_a_day_after_it_was_seen_last_to_the_second():
    desk = Desk()
    desk.tick(event("outlet_map", "m001"))
    desk.ticks(300)
    desk.tick(event("outlet_map", "m001"))
    desk.ticks(719)
    assert [alarm["kind"] for alarm in desk.alarms.values()] == ["outlet_map"]
    desk.tick()
    assert desk.alarms == {}


def test_a_fan_nobody_mends_stands_on_the_list_after_a_day_and_after_two():
    """FAN: only its own return ends it; a day in which nothing more is said of it is no repair."""
    desk = Desk()
    desk.tick(FAN)
    desk.ticks(1441)
    assert [alarm["kind"] for alarm in desk.alarms.values()] == ["fan_fault"]
    desk.tick(over("fan_back", "fan 3"))
    assert desk.alarms == {}


def test_a_watch_that_an_event_may_end_is_let_go_as_well_after_a_day_of_not_knowing():
    desk = Desk()
    desk.ticks(3, levels=[event("backup_failed", "backup")])
    assert desk.alarms
    for _ in range(721):
        desk.tick(unknown=["backup_failed backup"])
    assert desk.alarms == {}


def test_an_alarm_that_grows_graver_is_told_again_and_an_ack_is_void():
    desk = Desk()
    desk.tick(event("signal_blind", "signal"))
    desk.ask("ack", desk.only()["id"])
    told = desk.tick(event("signal_blind", "signal", "emergency"))
    assert [(one.what, one.level) for one in told] == [("escalate", 2)]
    assert desk.only()["state"] == "active"


def test_a_curtailment_that_gets_worse_is_told_anew_although_it_was_acked_and_tells_what_is_so_now():
    """Who has seen that one PDU is silent has not seen that two hundred miners came back."""
    desk = Desk()
    first = event("curtail_unproven", "site", power_w=60_000)
    desk.tick(first)
    desk.ask("ack", desk.only()["id"])
    assert desk.tick(standing=(event("curtail_unproven", "site", power_w=50_000),)) == ()
    told = desk.tick(event("curtail_unproven", "site", power_w=685_000))
    assert [(one.what, one.state, dict(one.reason.numbers)) for one in told] == [
        ("escalate", "active", {"power_w": 685_000})
    ]
    now = event("curtail_unproven", "site", power_w=40_000)
    again = [one for _ in range(5) for one in desk.tick(standing=(now,))]
    assert [(one.what, dict(one.reason.numbers)) for one in again] == [("repeat", {"power_w": 40_000})]
    assert desk.tick(standing=(event("device_unreachable", "nobody"),)) == ()


def test_an_alarm_never_grows_milder_while_it_is_open():
    desk = Desk()
    desk.tick(event("signal_blind", "signal", "emergency"))
    desk.tick(event("signal_blind", "signal", "warning"))
    assert desk.only()["severity"] == "emergency"


def test_information_is_no_alarm_and_a_log_line_is_no_letter():
    desk = Desk()
    desk.tick(*(Event(kind, "warning", "x", Reason("x", "y")) for kind in sorted(LOG_ONLY)), over("fan_back"))
    assert (desk.told, desk.alarms) == ([], {})


def test_news_is_as_grave_as_its_owner_says():
    (told,) = Desk(block_found={"level": "warning"}).tick(event("block_found", "solo main"))
    assert (told.level, told.severity) == (1, "warning")


def test_a_warning_nobody_listed_is_told_all_the_same():
    desk = Desk()
    assert said(desk.tick(Event("never_heard", "warning", "x", Reason("x", "y")))) == [("raise", "never_heard")]


# -- notices --------------------------------------------------------------------------------------------------------


def test_a_change_of_the_signal_is_told_and_does_not_stand_and_carries_the_curtailment():
    desk = Desk()
    told = desk.tick(event("signal_changed", "signal"), event("curtail", "signal"))
    assert said(told) == [("notice", "signal_changed")]
    assert told[0].folded == (("curtail", 1),)
    assert desk.alarms == {}


def test_a_signal_that_changes_back_within_the_cool_down_is_told_late_and_with_its_last_word():
    desk = Desk()
    desk.tick(event("signal_changed", "signal", value="off"))
    assert desk.tick(event("signal_changed", "signal", value="run")) == ()
    told = desk.ticks(3)
    assert [one.reason.numbers for one in told] == [(("value", "run"),)]


# -- together, and one from another ---------------------------------------------------------------------------------


def test_280_miners_that_fail_in_one_tick_are_one_letter():
    desk = Desk()
    gone = [event("miner_offline", f"a{at:03}") for at in range(280)]
    told = desk.ticks(2, levels=gone)
    assert said(told) == [("raise", "miner_offline")]
    assert (told[0].about, len(told[0].others)) == ("a000", 279)
    told = desk.ticks(2)
    assert said(told) == [("clear", "miner_offline")]


def test_280_failed_starts_over_ten_ticks_are_at_most_three_letters():
    desk = Desk()
    for at in range(10):
        desk.tick(*(event("start_failed", f"a{at * 28 + n:03}") for n in range(28)))
    told = [one for one in desk.told if one.kind == "start_failed"] + desk.ticks(10)
    assert len(told) <= 3
    assert sum(1 + len(one.others) for one in told) == 280


def test_consequences_are_folded_under_the_first_out_and_counted():
    desk = Desk()
    told = desk.tick(event("air_lost", "fans"), *(event("fan_fault", f"fan {n}") for n in range(1, 10)))
    assert said(told) == [("raise", "air_lost")]
    assert told[0].folded == (("fan_fault", 9),)
    assert {alarm["state"] for alarm in desk.alarms.values() if alarm["kind"] == "fan_fault"} == {"suppressed"}


def test_a_consequence_that_outlives_its_cause_is_told_itself():
    desk = Desk()
    desk.tick(event("air_lost", "fans"), FAN)
    desk.tick(over("air_back", "fans"))
    told = desk.ticks(4)
    assert ("raise", "fan_fault") in said(told)


def test_a_consequence_that_goes_with_its_cause_is_never_told():
    desk = Desk()
    desk.tick(event("air_lost", "fans"), FAN)
    desk.tick(over("air_back", "fans"), over("fan_back", "fan 3"))
    desk.ticks(5)
    assert "fan_fault" not in [one.kind for one in desk.told]


def test_a_graver_consequence_is_not_folded():
    """DB1: a full disk is a warning; that the database can't be written for it is not folded under it."""
    desk = Desk()
    desk.tick(levels=[event("disk", "disk")])
    told = desk.tick(levels=[event("disk", "disk"), event("database", "store")])
    assert [(one.kind, one.level) for one in told] == [("database", 2)]


def test_that_nothing_starts_without_a_way_out_or_a_pool_is_told_with_the_reason_for_it():
    for kind, about in (("offline", "internet"), ("dummy_pool_dead", "dummy_pool local")):
        desk = Desk()
        desk.tick(event(kind, about))
        assert [one.kind for one in desk.tick(event("starts_held", "site")) if one.what == "raise"] == []


def test_what_is_unknown_because_the_mains_are_gone_is_one_emergency():
    desk = Desk()
    gone = [event("mains_lost", "site"), event("required_lost", "power")]
    told = [*desk.tick(levels=gone), *desk.ticks(6, levels=gone)]
    assert [one.kind for one in told if one.what == "raise"] == ["mains_lost"]


def test_a_folded_warning_that_becomes_an_emergency_under_an_emergency_is_told_when_that_is_over():
    desk = Desk()
    desk.ticks(4, levels=[event("site_silent", "site")])
    assert desk.tick(event("fan_meter_blind", "fans"), levels=[event("site_silent", "site")]) == ()
    told = desk.tick(event("fan_meter_blind", "fans", severity="emergency"), levels=[event("site_silent", "site")])
    assert [one.kind for one in told if one.what == "raise"] == []
    told = desk.ticks(12)
    assert [(one.kind, one.level) for one in told if one.what == "raise"] == [("fan_meter_blind", 2)]


def test_the_end_of_what_was_told_before_it_was_counted_under_another_one_is_told():
    desk, silent = Desk(), [event("site_silent", "site")]
    told = [*desk.tick(event("fan_meter_blind", "fans")), *desk.ticks(3), *desk.ticks(4, levels=silent)]
    told += desk.tick(event("fan_meter_blind", "fans", severity="emergency"), levels=silent)
    assert [(one.kind, one.what) for one in told] == [("fan_meter_blind", "raise"), ("site_silent", "raise")]
    over = [*desk.tick(event("fan_meter_back", "fans", severity="info"), levels=silent), *desk.ticks(12)]
    assert {one.kind for one in over if one.what == "clear"} == {"fan_meter_blind", "site_silent"}


def test_a_folded_warning_that_becomes_an_emergency_is_told():
    desk = Desk()
    gone = [event("device_unreachable", "power_signal coop")]
    desk.ticks(2, levels=gone)
    assert desk.tick(event("signal_blind", "signal"), levels=gone) == ()
    told = desk.tick(event("signal_blind", "signal", "emergency"), levels=gone)
    assert [(one.kind, one.level) for one in told] == [("signal_blind", 2)]


def test_net_a_silent_device_explains_only_what_it_feeds():
    desk = Desk()
    gone = [event("device_unreachable", "redfish pdu1")]
    desk.ticks(2, levels=gone)
    told = desk.tick(event("signal_blind", "signal"), event("start_failed", "m001"), levels=gone)
    assert said(told) == [("raise", "signal_blind")]


def test_a_second_emergency_of_a_kind_does_not_wait_for_a_cool_down():
    desk = Desk()
    desk.tick(event("rule_failed", "cap"))
    assert [one.about for one in desk.tick(event("rule_failed", "air"))] == ["air"]


def test_emergencies_of_280_units_one_after_another_are_a_letter_each_ten_minutes_after_the_third():
    desk = Desk()
    for at in range(20):
        desk.tick(levels=[event("chip_danger", f"a{n:03}") for n in range((at + 1) * 14)])
    assert len([one for one in desk.told if one.what == "raise"]) <= 3 + 20 * TICK_S // 600
    last = desk.ticks(6, levels=[event("chip_danger", f"a{n:03}") for n in range(280)])
    assert all(alarm["told_s"] for alarm in desk.alarms.values()), last


def test_a_cool_down_of_a_week_lasts_a_week_and_is_then_forgotten():
    desk = Desk(fan_fault={"cool_s": 604_800})
    for _ in range(6):
        desk.tick(FAN)
        desk.tick(over("fan_back", "fan 3"), passed_s=86_400)
    assert said(desk.told).count(("raise", "fan_fault")) == 1
    for _ in range(15):
        desk.tick(passed_s=86_400)
    assert desk.book == {}


def test_clk2_an_alarm_of_the_same_second_by_a_clock_that_was_set_back_is_another_occasion():
    """CLK2: the outbox takes one key once; of the second emergency nobody would have heard."""
    desk = Desk()
    desk.tick(STOP)
    desk.tick(over("heat_stop_over", "inlet"))
    desk.ticks(28)
    desk.wall -= 30 * TICK_S
    desk.tick(STOP)
    keys = [one.key for one in desk.told if one.what == "raise"]
    assert (len(keys), len(set(keys))) == (2, 2)


def test_an_alarm_that_an_older_program_raised_by_an_event_ends_by_the_watch_that_finds_it_since():
    """`quarantined` was an event; a release then left it on the list for a day, and nobody heard that it was over."""
    desk = Desk()
    stands = event("quarantined", "m001")
    desk.tick(stands)
    desk.ticks(3, levels=(stands,))
    assert [one.what for one in desk.tick()] == ["clear"]
    assert not desk.alarms
