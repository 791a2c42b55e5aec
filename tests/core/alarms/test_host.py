"""What the controller and its UPS say of themselves: alarms judged from the sections [machine] and [nut]."""

import re
from pathlib import Path

from core.alarms.test_watches import Site, _view
from core.plant import policy, wiring

from mine_controller.core import alarms as alarms_room
from mine_controller.core.alarms.catalogue import KINDS
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.wiring import EndpointSpec
from mine_controller.core.wording.words import sentence


def with_section(wires, name):
    return wires._replace(endpoints={**wires.endpoints, name: EndpointSpec(name)})


def guarded(section, **readings):
    site = Site(with_section(wiring(4), section))
    say(site, section, **readings)
    site.ticks(4)
    return site


def say(site, section, **readings):
    for name, value in readings.items():
        channel, _, quantity = name.rpartition("__")
        site.extra[f"{section}{'/' * bool(channel)}{channel}:{quantity}"] = value


def test_o37_a_hot_controller_is_told_after_its_delay_and_ends_below_its_dead_band():
    """O37."""
    site = guarded("machine self", board_c=62.0, memory__free_pct=60.0)
    assert site.open("controller_hot") == []
    say(site, "machine self", board_c=84.5)
    site.ticks(3)
    assert site.open("controller_hot") == ["machine self"]
    assert sentence(site.told("controller_hot")[0].reason) == "the controller is 84.5 °C hot"
    say(site, "machine self", board_c=77.0)
    site.ticks(8)
    assert site.open("controller_hot") == ["machine self"]
    say(site, "machine self", board_c=None)
    site.ticks(8)
    assert site.open("controller_hot") == ["machine self"], "not to know is not to be cool"
    say(site, "machine self", board_c=70.0)
    site.ticks(8)
    assert site.open("controller_hot") == []


def test_o37_a_throttled_board_is_told_though_no_zone_is_hot():
    """O37."""
    site = guarded("machine self", board_c=55.0, throttling__contact="alarm")
    site.ticks(3)
    assert "its supply is weak" in sentence(site.told("controller_hot")[0].reason)


def test_o37_a_controller_short_of_memory_is_told():
    """O37."""
    site = guarded("machine self", board_c=55.0, memory__free_pct=8.0)
    site.ticks(2)
    assert site.open("memory_low") == ["machine self"]
    say(site, "machine self", memory__free_pct=12.0)
    site.ticks(8)
    assert site.open("memory_low") == ["machine self"]
    say(site, "machine self", memory__free_pct=30.0)
    site.ticks(8)
    assert site.open("memory_low") == []


def test_pro1_three_ticks_in_a_row_that_could_not_begin_are_a_warning_told_once_and_over_after_half_an_hour():
    """PRO1."""
    site = guarded("machine self")
    say(site, "lock", row__skipped_n=2)
    site.ticks(1)
    assert site.open("ticks_skipped") == []
    say(site, "lock", row__skipped_n=3)
    site.ticks(1)
    (told,) = site.told("ticks_skipped")
    assert (told.level, site.open("ticks_skipped")) == (1, ["controller"])
    assert sentence(told.reason) == "3 ticks in a row could not begin: another process held the lock"
    say(site, "lock", row__skipped_n=1)
    site.ticks(16)
    assert site.open("ticks_skipped") == ["controller"], "it goes on"
    say(site, "lock", row__skipped_n=None)
    site.ticks(16)
    assert site.open("ticks_skipped") == ["controller"], "not to know is not to be well"
    seen = alarms_room.watches.look_round(_view(site), (), AlarmPolicy())
    assert ("ticks_skipped controller" in seen.unknown, seen.wrong) == (True, ())
    say(site, "lock", row__skipped_n=0)
    site.ticks(14)
    assert site.open("ticks_skipped") == ["controller"]
    site.ticks(3)
    assert [one.what for one in site.told("ticks_skipped")] == ["raise", "clear"]


def test_o35_a_ups_on_its_battery_is_a_warning_and_a_low_one_an_emergency():
    """O35."""
    site = guarded("nut ups", mains__contact="ok", battery__contact="ok", charge_pct=100.0)
    assert not site.told("ups_on_battery")
    say(site, "nut ups", mains__contact="alarm", charge_pct=71.0)
    site.ticks(1)
    (told,) = site.told("ups_on_battery")
    assert told.level == 1
    assert sentence(told.reason) == "nut ups lives on its battery, 71 % of it left"
    say(site, "nut ups", battery__contact="alarm", charge_pct=9.0)
    site.ticks(1)
    (told,) = site.told("ups_low")
    assert told.level == 2
    say(site, "nut ups", mains__contact=None, battery__contact=None, charge_pct=None)
    site.ticks(8)
    assert site.open("ups_low") == ["nut ups"], "a UPS that is silent is not charged"
    say(site, "nut ups", mains__contact="ok", battery__contact="ok", charge_pct=40.0)
    site.ticks(8)
    assert (site.open("ups_low"), site.open("ups_on_battery")) == ([], [])


def test_o35_a_worn_battery_on_the_mains_is_a_warning_and_hides_no_loss_of_them():
    """O35. NUT: `OL RB` for weeks, until somebody brings a new one; then `OB RB` and at last `OB LB RB`."""
    site = guarded("nut ups", mains__contact="ok", battery__contact="alarm", charge_pct=100.0, status__text="OL RB")
    site.ticks(32)
    (told,) = site.told("ups_worn")
    assert told.level == 1
    text = "the battery of nut ups would not carry the load (OL RB), 100 % of it left"
    assert sentence(told.reason) == text
    assert not site.told("ups_low"), "nobody is waked for a battery that nothing hangs on tonight"
    say(site, "nut ups", mains__contact="alarm", charge_pct=96.0, status__text="OB RB")
    site.ticks(1)
    (told,) = site.told("ups_low")
    assert told.level == 2, "the mains are gone, and what is left is not to be trusted"
    say(site, "nut ups", mains__contact="ok", battery__contact="ok", status__text="OL")
    site.ticks(8)
    assert (site.open("ups_low"), site.open("ups_worn")) == ([], [])


def test_o35_a_bad_battery_is_an_emergency_while_the_ups_does_not_say_where_its_power_comes_from():
    """O35. NUT: `OL`, then `BYPASS ALARM`: that the mains were there once says nothing of now."""
    site = guarded("nut ups", mains__contact="ok", battery__contact="ok", charge_pct=100.0, status__text="OL")
    say(site, "nut ups", mains__contact=None, battery__contact="alarm", status__text="BYPASS ALARM")
    site.ticks(1)
    (told,) = site.told("ups_low")
    assert told.level == 2
    say(site, "nut ups", mains__contact="ok", battery__contact="alarm", status__text="OL RB")
    site.ticks(32)
    say(site, "nut ups", mains__contact=None, battery__contact=None, status__text=None)
    site.ticks(4)
    assert (site.open("ups_low"), site.open("ups_worn")) == ([], ["nut ups"]), "one that is silent got no worse"


def test_o35_a_battery_that_charges_after_the_mains_came_back_is_no_news():
    """O35. `OL CHRG LB` for some minutes; its emergency ends, as the mains are what it waited for."""
    site = guarded("nut ups", mains__contact="alarm", battery__contact="alarm", charge_pct=8.0)
    assert site.open("ups_low") == ["nut ups"]
    say(site, "nut ups", mains__contact="ok", charge_pct=12.0)
    site.ticks(4)
    say(site, "nut ups", battery__contact="ok", charge_pct=35.0)
    site.ticks(8)
    assert [one.what for one in site.told("ups_low")] == ["raise", "clear"]
    assert not site.told("ups_worn")


def test_no_alarm_that_stands_waits_for_an_event_that_nobody_raises():
    """Every kind is watched, or its name stands in the code that raises it."""
    room = Path(alarms_room.__file__).parent.parent
    text = "".join(file.read_text() for file in room.rglob("*.py") if file.parent.name != "alarms")
    text += (room / "alarms" / "__init__.py").read_text()
    raised = {*re.findall(r'Event\(\s*f?"([a-z_]+)"', text), *re.findall(r'"([a-z_]+)"', text)}
    silent = [name for name, kind in KINDS.items() if not kind.watched and name not in raised]
    assert silent == [name for name in silent if name.startswith(("air_",))]


def with_channels(*names):
    wires = wiring(4)
    site = Site(wires, policy(wires)._replace(alarms=AlarmPolicy(channels=names)))
    site.ticks(4)
    return site


def test_ntf4_a_dead_channel_is_told_after_two_hours_and_over_with_the_next_message_it_takes():
    """NTF4: it was an alarm to nobody while others took what it should have told."""
    site = with_channels("email", "sms")
    say(site, "sms", health=None)
    site.ticks(58)
    assert not site.told("channel_dead"), "it is tried again by the hour"
    site.ticks(4)
    (told,) = site.told("channel_dead")
    assert (told.level, told.about, sentence(told.reason)) == (1, "sms", "sms takes no messages: gone")
    say(site, "sms", health="ok")
    site.ticks(1)
    assert site.open("channel_dead") == []


def test_ntf4_a_dead_channel_of_which_nothing_is_heard_any_more_is_not_alive_again():
    """NTF4: what it refused lies behind newer messages, or the machine was booted; nobody has seen it take one."""
    site = with_channels("email", "sms")
    say(site, "sms", health=None)
    site.ticks(64)
    assert site.open("channel_dead") == ["sms"]
    del site.extra["sms:health"]
    site.ticks(28 * 30)
    assert site.open("channel_dead") == ["sms"]
    assert [one.what for one in site.told("channel_dead")] == ["raise"]
    say(site, "sms", health="ok")
    site.ticks(1)
    assert site.open("channel_dead") == []


def test_ntf4_the_alarm_of_a_channel_that_leaves_the_config_is_over():
    """NTF4."""
    site = with_channels("email", "sms")
    say(site, "sms", health=None)
    site.ticks(64)
    assert site.open("channel_dead") == ["sms"]
    site.policy = site.policy._replace(alarms=AlarmPolicy(channels=("email",)))
    site.ticks(1)
    assert site.open("channel_dead") == []
