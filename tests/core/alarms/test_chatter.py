"""Alarms that come and go, quickly or slowly: told once as that, held open, and over when it has been quiet."""

from core.alarm_desk import FAN, STOP, Desk, event, over, said


def test_three_raises_in_half_an_hour_are_chattering_one_message_and_held():
    desk = Desk(fan_fault={"cool_s": 0})
    for _ in range(3):
        desk.tick(FAN)
        desk.tick(over("fan_back", "fan 3"))
    assert said(desk.told)[-1] == ("chatter", "fan_fault")
    count = len(desk.told)
    for _ in range(4):
        desk.tick(FAN)
        desk.tick(over("fan_back", "fan 3"))
    assert len(desk.told) == count
    assert desk.only()["chatter"] == 1
    assert said(desk.ticks(16)) == [("clear", "fan_fault")]


def test_raises_further_apart_are_no_chattering():
    desk = Desk(fan_fault={"cool_s": 0})
    for _ in range(4):
        desk.tick(FAN, passed_s=1000)
        desk.tick(over("fan_back", "fan 3"))
    assert "chatter" not in [one.what for one in desk.told]


def flapping(desk, times, gone_s=1400, there_s=1400, kind="uplink_down"):
    """What is told while a level is there and gone by turns."""
    level, told = event(kind, "4g"), []
    for _ in range(times):
        told += [one for _ in range(there_s // 120) for one in desk.tick(levels=[level])]
        told += [one for _ in range(gone_s // 120) for one in desk.tick()]
    return said(told)


def test_a_line_that_comes_and_goes_for_days_is_told_as_that_and_held_until_it_was_quiet_for_two_hours():
    desk = Desk()
    begin = flapping(desk, 6)
    assert begin.count(("chatter", "uplink_down")) == 1
    assert len(begin) <= 10
    assert flapping(desk, 60) == []
    assert desk.only()["chatter"] == 2
    assert [one.reason.code for one in desk.log if one.kind == "alarm_chatters"] == ["comes_and_goes"]
    assert said(desk.ticks(45)) == []
    assert said(desk.ticks(15)) == [("clear", "uplink_down")]


def test_what_is_grave_is_told_each_time_it_comes_so_slowly():
    desk = Desk()
    for _ in range(8):
        assert ("raise", "heat_stop") in said((*desk.tick(STOP), *desk.ticks(5)))
        desk.tick(over("heat_stop_over", "inlet"))
        desk.ticks(20)
    assert "chatter" not in [one.what for one in desk.told]


def test_five_raises_in_more_than_six_hours_are_told_each_time():
    desk = Desk()
    assert ("chatter", "uplink_down") not in flapping(desk, 9, gone_s=4200)


def test_what_became_grave_while_it_was_held_is_told_each_time_it_comes_again():
    """Held open as a warning and seen once as an emergency, it was never told again for as long as it came and went."""
    desk, grave = Desk(), event("fan_meter_blind", "fans", "emergency")
    flicker = (event("fan_meter_blind", "fans", "warning"), over("fan_meter_back", "fans"))
    for _ in range(5):
        desk.tick(flicker[0])
        desk.ticks(5)
        desk.tick(flicker[1])
        desk.ticks(20)
    assert desk.only()["chatter"] == 2
    for _ in range(3):
        desk.tick(flicker[0])
        assert said(desk.tick(grave)) == [("escalate", "fan_meter_blind")]
        desk.ask("ack", desk.only()["id"])
        desk.ticks(5)
        assert ("clear", "fan_meter_blind") in said((*desk.tick(flicker[1]), *desk.ticks(20)))


def test_what_stood_for_long_has_not_been_quiet_since_it_came():
    """An event raises it once: its end, a minute before two hours were over, was told as two hours of quiet."""
    desk = Desk(fan_meter_blind={"cool_s": 0})
    for _ in range(5):
        desk.tick(event("fan_meter_blind", "fans"))
        desk.tick(over("fan_meter_back", "fans"))
        desk.ticks(20)
    desk.tick(event("fan_meter_blind", "fans"))
    desk.ticks(59)
    assert said((*desk.tick(over("fan_meter_back", "fans")), *desk.ticks(58))) == []
    assert said(desk.ticks(3)) == [("clear", "fan_meter_blind")]
