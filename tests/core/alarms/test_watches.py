"""What is judged from the image each tick: on the plain plant, through `decide`."""

import pytest
from core.plant import Plant, miner, policy, request, wiring

from mine_controller.core import alarms as alarms_room
from mine_controller.core.alarms import known
from mine_controller.core.alarms.catalogue import default_ways
from mine_controller.core.alarms.of_miners import CHIP_C
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.wiring import BreakerSpec, Role
from mine_controller.core.wording.words import sentence


class Site(Plant):
    """A plant with readings of its own beside those of the plant."""

    def __init__(self, wires, *args, **kwargs):
        super().__init__(wires, *args, **kwargs)
        self.extra = {}

    def readings(self, asked):
        return [*super().readings(asked), *(Reading(key, value, self.now, "gone") for key, value in self.extra.items())]

    def told(self, kind=""):
        return [one for decision in self.decisions for one in decision.tellings if kind in ("", one.kind)]

    def open(self, kind):
        return [alarm["about"] for alarm in self.state.alarms.values() if alarm["kind"] == kind]


def running(miners=12, **kwargs):
    site = Site(wiring(miners, **kwargs))
    site.ticks(4)
    return site


def own(at, quantity):
    return f"foreman mine/{miner(at).mac}:{quantity}"


def with_role(wires, name, key, vote):
    return wires._replace(roles={**wires.roles, name: Role(name, (key,), vote, 240)})


# -- heat -----------------------------------------------------------------------------------------------------------


def test_a_warm_inlet_is_told_after_two_ticks_and_over_2_k_below():
    site = running()
    site.inlet = 35.6
    site.ticks(2)
    assert [(one.what, one.level) for one in site.told("temperature_warning")] == [("raise", 1)]
    site.inlet = 33.5
    site.ticks(8)
    assert site.open("temperature_warning") == ["inlet"]
    site.inlet = 32.9
    site.ticks(12)
    assert site.open("temperature_warning") == []
    assert [one.what for one in site.told("temperature_warning")] == ["raise", "clear"]


def test_tmp_a_heat_stop_is_one_message_with_the_rest_folded_and_it_repeats():
    site = running()
    site.audited = False
    site.inlet = 41.5
    site.ticks(3)
    emergencies = [one for one in site.told() if one.level == 2]
    assert {one.kind for one in emergencies} <= {"heat_stop", "temperature_danger"}
    assert len(emergencies) <= 2
    site.ticks(5)
    assert "repeat" in [one.what for one in site.told("heat_stop")]


def test_tmp1_an_inlet_nobody_knows_is_not_warm():
    site = running()
    site.inlet = None
    site.ticks(4)
    assert site.open("temperature_warning") == []


@pytest.mark.parametrize(("chip_c", "kind"), [(94.0, ""), (97.0, "chip_warning"), (106.0, "chip_danger")])
def test_chips_are_judged_by_the_marks_of_their_kind(chip_c, kind):
    site = running()
    site.extra[own(3, "chip_c")] = chip_c
    site.ticks(4)
    raised = {one.kind for one in site.told() if one.kind.startswith("chip_")}
    assert raised == ({kind} if kind else set())
    assert not kind or "m003" in sentence(site.told(kind)[0].reason)


def test_a_bitaxe_is_in_danger_where_a_container_machine_is_cool():
    assert CHIP_C["bitaxe"][1] < 80


def test_the_owners_mark_for_chips_goes_before_the_kinds():
    site = running()
    ways = {"chip_warning": default_ways("chip_warning")._replace(threshold=60.0)}
    site.policy = site.policy._replace(alarms=AlarmPolicy(kinds=ways))
    site.extra[own(3, "chip_c")] = 61.0
    site.ticks(4)
    assert site.open("chip_warning") == ["m003"]


# -- devices --------------------------------------------------------------------------------------------------------


def test_net_a_device_that_does_not_answer_is_told_within_240_s_and_its_return_too():
    site = running()
    site.dead = {"redfish pdu1"}
    began = site.now
    while not site.told("device_unreachable"):
        site.tick(rounds=1)
        assert site.now - began <= 240
    assert "no answer in 6.0 s" in sentence(site.told("device_unreachable")[0].reason)
    site.dead = set()
    site.ticks(4)
    assert [one.what for one in site.told("device_unreachable")] == ["raise", "clear"]


def test_a_silent_signal_page_is_one_warning_and_one_emergency_not_two_of_each():
    site = running()
    site.dead = {"power_signal coop"}
    site.ticks(6)
    told = [(one.kind, one.level) for one in site.told() if one.level and one.what in ("raise", "escalate")]
    assert told.count(("signal_blind", 2)) == 1
    assert len([one for one in told if one[1] == 1 and one[0] != "curtail"]) == 1


def test_fan1_a_fan_fault_is_told_once_within_three_ticks_and_its_end():
    site = running()
    site.broken = {"3"}
    site.ticks(3)
    assert len(site.told("fan_fault")) == 1
    site.broken = set()
    site.ticks(25)
    assert [one.what for one in site.told("fan_fault")] == ["raise", "clear"]


def test_fan5_a_dead_relay_board_is_one_emergency():
    site = running()
    site.audited = False
    site.broken = set(site.fan_on)
    site.ticks(3)
    assert len([one for one in site.told() if one.level == 2 and one.what == "raise"]) == 1
    assert len([one for one in site.told("fan_fault") if one.what == "raise"]) <= 1


# -- the shell's own ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [("store", "database"), ("disk", "disk"), ("config", "config_broken"), ("backup", "backup_failed")],
)
def test_db_what_the_shell_says_of_itself_is_an_alarm_and_ends_when_it_is_well(name, kind):
    """DB1, DB2, DB6: the shell's own troubles go the way of any reading."""
    site = running()
    site.extra[f"{name}:health"] = None
    site.tick()
    assert site.open(kind) == [name]
    site.extra[f"{name}:health"] = "ok"
    site.ticks(5)
    assert site.open(kind) == []


def test_a_clock_nobody_keeps_is_told_after_an_hour():
    site = running()
    view = _view(site, synced=False)
    seen = alarms_room.watches.look_round(view, (), AlarmPolicy())
    assert [one.kind for one in seen.wrong] == ["clock_unsynced"]
    assert default_ways("clock_unsynced").delay_s == 3600


def _view(site, **clock):
    from mine_controller.core.decide import _view as make  # noqa: PLC0415 - the private door of one test

    image = site.image._replace(clock=site.image.clock._replace(opening=True, **clock))
    return make(image, site.state, site.policy)[0]


def test_a_signal_run_against_the_utilitys_word_is_an_emergency_told_again_each_hour():
    site = running()
    flags = ("accept-penalty", "site=test")
    until = 1_789_000_000 + site.now + 4 * 3600
    site.requests = (request("set-state", "signal", "run", until=until, flags=flags, reason="they phoned"),)
    site.ticks(100)
    told = site.told("signal_forced")
    assert {one.level for one in told if one.what != "clear"} == {2}
    assert len(told) >= 5
    assert "they phoned" in sentence(told[0].reason)
    site.ticks(25)
    assert not site.open("signal_forced")


# -- miners ---------------------------------------------------------------------------------------------------------


class Dying(Site):
    """Miners that lose their supply: no watts, no word."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gone = set()

    def readings(self, asked):
        macs = {miner(int(name[1:])).mac for name in self.gone}
        for name in self.gone:
            self.power[name] = 0
        return [one for one in super().readings(asked) if not any(mac in one.key for mac in macs)]


def dying(miners):
    site = Dying(wiring(miners))
    site.audited = False
    site.ticks(4)
    return site


def test_280_miners_that_fail_in_one_tick_are_at_most_three_messages():
    """O13: a storm is no storm of messages."""
    site = dying(280)
    site.gone = set(site.power)
    count = len(site.told())
    site.ticks(8)
    assert 1 <= len(site.told()) - count <= 3
    assert len(site.open("miner_offline")) == 280


def test_a_miner_that_dies_is_told_within_240_s_and_when_it_is_back():
    site = dying(24)
    site.gone = {"m005"}
    began = site.now
    while not site.told("miner_offline"):
        site.tick(rounds=1)
        assert site.now - began <= 240
    site.gone = set()
    site.power["m005"] = 3400
    site.ticks(6)
    assert [one.what for one in site.told("miner_offline")] == ["raise", "clear"]


def test_a_curtailed_mine_has_no_miner_offline():
    site = running(24)
    site.signal = "off"
    site.ticks(8)
    assert not site.told("miner_offline")


def shares(site, hours, *, rejected_pct):
    for _ in range(round(hours * 30)):
        accepted = site.now // 4
        site.extra[own(2, "accepted_n")] = accepted
        site.extra[own(2, "rejected_n")] = accepted * rejected_pct // (100 - rejected_pct)
        site.tick()


def test_a_miner_whose_pool_refuses_more_than_5_pct_in_an_hour_is_told_and_3_pct_is_not():
    site = running()
    shares(site, 2.2, rejected_pct=3)
    assert not site.told("high_reject")
    site = running()
    shares(site, 2.2, rejected_pct=8)
    assert [one.about for one in site.told("high_reject")] == ["m002"]
    assert "8 %" in sentence(site.told("high_reject")[0].reason)


def test_counters_that_began_anew_prove_nothing():
    site = running()
    shares(site, 0.9, rejected_pct=3)
    site.extra[own(2, "accepted_n")], site.extra[own(2, "rejected_n")] = 10, 60
    site.ticks(40)
    assert not site.told("high_reject")


# -- power and air --------------------------------------------------------------------------------------------------


def test_a_branch_over_its_limit_is_an_emergency():
    wires = wiring(12, breakers=(BreakerSpec("b1", 10_000),))
    wires = wires._replace(miners=tuple(spec._replace(breaker="b1", paths=()) for spec in wires.miners))
    site = Site(wires)
    site.audited = False
    site.ticks(3)
    assert site.open("over_breaker") == ["breaker b1"]


def test_frequency_door_and_mains_have_their_alarms_where_they_are_wired():
    wires = with_role(wiring(4), "grid_hz", "mqtt supply:grid_hz", "cold")
    wires = with_role(wires, "door", "roomalert intake/switch 2:contact", "worst")
    wires = with_role(wires, "mains", "roomalert intake/switch 3:contact", "worst")
    site = Site(wires)
    site.extra = {"mqtt supply:grid_hz": 59.4, "roomalert intake/switch 2:contact": "alarm"}
    site.extra["roomalert intake/switch 3:contact"] = "alarm"
    site.ticks(8)
    for kind in ("frequency_low", "door_open", "mains_lost"):
        assert site.open(kind), kind
    assert "59.4 Hz where 60 Hz" in sentence(site.told("frequency_low")[0].reason)
    site.extra["mqtt supply:grid_hz"] = 59.9
    site.ticks(6)
    assert not site.open("frequency_low")
    site.extra["mqtt supply:grid_hz"] = 54.4  # a machine of 60 Hz that dies, and none of 50 Hz that races
    site.ticks(3)
    assert site.open("frequency_low")


class Dusty(Site):
    """Fans whose watts drift."""

    dust = 1.0

    def readings(self, asked):
        out = super().readings(asked)
        worn = [one for one in out if one.key == "iotawatt fans/Fan_2:power_w" and one.value]
        return [one._replace(value=round(one.value * self.dust)) if one in worn else one for one in out]


def test_o35_fan_watts_off_by_a_fifth_for_a_day_are_dust_and_an_hour_of_it_is_not():
    """O35: what the filter does to the fans is learned, not configured."""
    site = Dusty(wiring(2))
    site.audited = False
    site.tick_s = 600
    for _ in range(74 * 6):
        site.tick(rounds=1)
    site.dust = 0.75
    for _ in range(23 * 6):
        site.tick(rounds=1)
    assert not site.told("filter_clogged")
    for _ in range(3 * 6):
        site.tick(rounds=1)
    assert [one.about for one in site.told("filter_clogged")] == ["fan 2"]
    name = next(alarm["id"] for alarm in site.state.alarms.values() if alarm["kind"] == "filter_clogged")
    site.requests = (request("ack", name),)
    site.tick(rounds=1)
    assert site.state.last["learned"]["of"].get("fan 2", {"n": 1})["n"] == 1


# -- the machine inside decide --------------------------------------------------------------------------------------


def test_pro4_a_fault_in_the_alarms_takes_no_control_away_and_is_told_once(monkeypatch):
    site = running(24)

    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(alarms_room, "look_round", broken)
    site.signal = "off"
    site.ticks(4)
    assert site.total < 2000
    assert [(one.kind, one.level) for one in site.told("rule_failed")] == [("rule_failed", 2)]
    monkeypatch.undo()
    site.ticks(2)
    assert site.state.last["alarms_failed_s"] == 0


def test_alarms_that_what_they_remember_breaks_begin_anew_after_ten_minutes():
    """DB3: a memory that is no memory must not silence every alarm for ever."""
    site = running(24)
    site.state = site.state._replace(last={**site.state.last, "alarm_book": {"pending": {"x": 7}, "told": [1]}})
    site.broken = {"3"}
    site.ticks(12)
    assert len(site.told("rule_failed")) == 1
    site.broken = {"4"}
    site.ticks(6)
    assert site.open("fan_fault") == ["fan 4"]


def test_tmp_an_ack_by_its_name_lets_a_latched_heat_stop_go_once_it_is_cool():
    site = running()
    site.audited = False
    site.inlet = 46.0
    site.ticks(2)
    site.inlet = 30.0
    site.ticks(3)
    assert site.decisions[-1].mode == "EMERGENCY"
    site.requests = (request("ack", site.state.alarms["heat_stop inlet"]["id"]),)
    site.tick()
    assert "heat_stop inlet" not in site.state.alarms
    assert site.events("heat_stop_over")


def test_a_fault_free_day_with_one_event_is_at_most_ten_messages_and_no_emergency():
    """O13: an owner reads ten messages a day."""
    site = running(24)
    count = len(site.told())
    for at in range(720):
        site.signal = "off" if 300 <= at < 390 else "run"
        site.inlet = 24.0 + at % 7
        site.ambient = site.inlet - 2
        site.tick()
    told = site.told()[count:]
    assert len(told) <= 10, [(one.what, one.kind) for one in told]
    assert not [one for one in told if one.level == 2]


def test_an_ack_by_name_goes_through_the_inbox_and_a_wrong_name_is_refused():
    site = running()
    site.broken = {"3"}
    site.ticks(4)
    name = site.state.alarms["fan_fault fan 3"]["id"]
    site.requests = (
        request("ack", name, number=1),
        request("ack", "nobody", number=2),
        request("shelve", name, "60", number=3),
    )
    decision = site.tick(rounds=1)
    assert [one.verdict for one in decision.verdicts] == ["done", "refused", "done"]
    assert site.state.alarms["fan_fault fan 3"]["acked_by"] == "owner"
    assert site.state.alarms["fan_fault fan 3"]["state"] == "shelved"
    assert "acked_s" not in site.state.last


def test_o14_twelve_faults_in_a_week_are_told_once_each():
    """O14: each scripted fault is one raise."""
    site = running(24)
    site.audited = False
    for number in range(12):
        site.broken = {str(number % 9 + 1)}
        site.ticks(6)
        site.broken = set()
        site.ticks(60)
    raised = [one for one in site.told("fan_fault") if one.what == "raise"]
    assert len(raised) == 12
    assert known(site.state, "fan_fault fan 1") is False


def test_policy_of_a_site_is_the_catalogue_where_nothing_is_written():
    assert policy(wiring(2)).alarms == AlarmPolicy()


@pytest.mark.parametrize("flag", ["", "spare"])
def test_a_miner_that_is_listed_and_was_never_found_is_told_after_an_hour(flag):
    """Silence after a word has an alarm of its own; who never said a word has no silence."""
    wires = wiring(4, outlets=False)
    listed = tuple(one._replace(flags=(flag,) if flag and one.id == "m003" else ()) for one in wires.miners)
    site = Dying(wires._replace(miners=listed))
    site.audited = False
    site.gone = {"m003"}
    site.ticks(29)
    assert not site.told("miner_unseen")
    site.ticks(3)
    assert [one.what for one in site.told("miner_unseen")] == ([] if flag else ["raise"])
    assert site.open("miner_unseen") == ([] if flag else ["m003"])
    site.gone = set()
    site.power["m003"] = 3400
    site.ticks(4)
    assert site.open("miner_unseen") == []
    assert not site.told("miner_offline")
