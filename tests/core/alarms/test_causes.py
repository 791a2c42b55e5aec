"""What follows from what: which alarms an endpoint explains, how letters are named, how long an ack took."""

import pytest
from core import offgrid_plant
from core.alarm_desk import FAN, HEAT, STOP, WIRES, Desk, event, over, said
from core.test_failover import Mine

from mine_controller.core.alarms import causes
from mine_controller.core.alarms.causes import fed_by, related
from mine_controller.core.alarms.machine import Machine
from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.wiring import EndpointSpec, UplinkSpec

LINES = WIRES._replace(uplinks=(UplinkSpec("starlink", "uplink starlink"), UplinkSpec("lte", "uplink lte")))
BOTH = event("uplink_down", "starlink"), event("uplink_down", "lte")
PAGE = event("device_unreachable", "power_signal coop")


def test_an_endpoint_feeds_its_roles_its_fans_and_its_miners():
    everybody = {spec.id for spec in WIRES.miners}
    fans = {"fans", *(f"fan {spec.name}" for spec in WIRES.fans)}
    assert fed_by("roomalert intake", WIRES) == {"inlet", "ambient_c", "humidity_pct", "smoke", "controller"}
    assert fed_by("power_signal coop", WIRES) == {"signal", "controller"}
    assert fed_by("iotawatt fans", WIRES) == fans | {"controller"}
    assert fed_by("controlbyweb fans", WIRES) == fans | {"controller"}
    assert fed_by("foreman mine", WIRES) == everybody | {"controller"}
    assert fed_by("redfish pdu1", WIRES) == everybody | {"controller"}
    assert fed_by("redfish pdu2", WIRES) == {"controller"}


def test_an_endpoint_explains_what_it_feeds_and_nothing_else():
    def effect(kind, about):
        return {"kind": kind, "about": about}

    assert related("device_unreachable redfish pdu1", effect("miner_offline", "m001"), WIRES)
    assert not related("device_unreachable redfish pdu2", effect("miner_offline", "m001"), WIRES)
    assert not related("device_unreachable redfish pdu1", effect("smoke", "site"), WIRES)
    assert related("heat_stop inlet", effect("temperature_warning", "inlet"), WIRES)
    assert related("miner_offline m001", effect("start_failed", "m001"), WIRES)
    assert not related("miner_offline m001", effect("start_failed", "m002"), WIRES), "one of many explains its own only"


def test_a_blind_role_explains_the_device_that_feeds_it_and_what_cannot_be_judged_without_it():
    def blind(kind, about, cause):
        return related(cause, {"kind": kind, "about": about}, WIRES)

    assert blind("device_unreachable", "iotawatt fans", "fan_meter_blind fans")
    assert not blind("device_unreachable", "redfish pdu1", "fan_meter_blind fans")
    assert blind("fan_fault", f"fan {WIRES.fans[0].name}", "fan_meter_blind fans")


OFFGRID = offgrid_plant.wiring(4)


@pytest.mark.parametrize("kind", ["device_unreachable", "device_frozen"])
def test_a_device_that_tells_the_source_explains_a_source_that_nobody_can_judge(kind):
    """A meter that stood still made two letters of one cause, the second with another remedy."""
    blind = {"kind": "supply_blind", "about": "supply"}
    assert related(f"{kind} {offgrid_plant.METER}", blind, OFFGRID)
    assert related(f"{kind} {offgrid_plant.SOURCE}", blind, OFFGRID)
    assert not related(f"{kind} redfish pdu1", blind, OFFGRID)


def test_a_fan_meter_that_stands_still_is_one_letter_with_the_fans_it_shows():
    desk, still = Desk(), [event("device_frozen", "iotawatt fans"), event("device_frozen", "redfish pdu1")]
    told = [*desk.tick(event("fan_meter_blind", "fans"), levels=still), *desk.ticks(4, levels=still)]
    assert [(one.kind, one.about) for one in told if one.what == "raise"] == [
        ("fan_meter_blind", "fans"),
        ("device_frozen", "redfish pdu1"),
    ]
    before = Desk()
    told = [*before.ticks(4, levels=still[:1]), *before.tick(event("fan_meter_blind", "fans"), levels=still[:1])]
    assert [one.kind for one in told] == ["device_frozen"]


def test_an_uplink_explains_what_lies_beyond_it_and_nothing_on_the_site():
    """Of whatever kind it is: each of the internet's prices and pools would be a letter of its own else."""
    beyond = ("nordpool prices", "solopool mine")
    wires = WIRES._replace(endpoints=WIRES.endpoints | {name: EndpointSpec(name, outside=True) for name in beyond})
    explained = [
        name
        for name in (*wires.endpoints, "awattar gone")
        if related("uplink_down lte", {"kind": "device_unreachable", "about": name}, wires)
    ]
    assert explained == ["power_signal coop", "foreman mine", *beyond]


def test_net_what_lies_beyond_the_lines_is_counted_with_them_while_all_of_them_are_down():
    """NTF3: the page, the pools and the prices were a letter each, as no line is ever called "site"."""
    desk = Desk(LINES)
    beyond = [PAGE, event("pool_down", "main"), event("price_missing", "price"), event("signal_blind", "signal")]
    desk.tick(*BOTH, levels=[PAGE])
    assert [one.kind for one in desk.told] == ["uplink_down"]
    desk.tick(*beyond[1:], levels=[PAGE])
    desk.ticks(5, levels=[PAGE])
    assert {one.kind for one in desk.told} == {"uplink_down"}
    assert {alarm["state"] for alarm in desk.alarms.values()} == {"active", "suppressed"}


def test_net_one_line_of_two_explains_nothing():
    desk = Desk(LINES)
    desk.tick(BOTH[0], levels=[PAGE])
    told = desk.tick(event("pool_down", "main"), levels=[PAGE])
    assert {one.kind for one in told} == {"device_unreachable", "pool_down"}


def test_net_what_is_still_wrong_when_one_line_of_two_is_back_is_told_itself():
    desk = Desk(LINES)
    desk.tick(*BOTH)
    assert desk.ticks(5, event("pool_down", "main")) == []
    desk.tick(over("uplink_up", "lte"))
    assert [(one.kind, one.what) for one in desk.ticks(3)] == [("pool_down", "raise")]
    assert "uplink_down starlink" in desk.alarms


def test_that_there_is_no_way_out_at_all_is_told_beside_the_lines():
    """Each line says that another one is used: that none is left, and what comes of it, only this one tells."""
    desk = Desk(LINES)
    desk.tick(*BOTH)
    assert said(desk.tick(event("offline", "internet"))) == [("raise", "offline")]


def test_a_breaker_that_tripped_explains_its_own_miners_and_no_others():
    wires = WIRES._replace(miners=tuple(one._replace(breaker=f"b{at // 2}") for at, one in enumerate(WIRES.miners)))
    desk = Desk(wires)
    desk.tick(event("branch_tripped", "breaker b0"))
    dark = [event("miner_offline", "m000"), event("miner_offline", "m003")]
    told = desk.ticks(3, levels=dark)
    assert [(one.kind, one.about, one.others) for one in told] == [("miner_offline", "m003", ())]


def test_a_cause_that_comes_back_and_ends_again_gives_its_consequences_their_time_anew():
    desk, silent = Desk(LINES), [PAGE]
    desk.tick(*BOTH)
    desk.ticks(3, levels=silent)
    for _ in range(3):
        told = [*desk.tick(over("uplink_up", "lte"), levels=silent), *desk.tick(levels=silent)]
        assert [one.kind for one in told if one.what == "raise"] == [], "it may be asked seldom, and answer in a moment"
        desk.tick(event("uplink_down", "lte"), levels=silent)
        desk.ticks(20, levels=silent)
    desk.tick(over("uplink_up", "lte"), levels=silent)
    told = desk.ticks(2, levels=silent)
    assert [one.kind for one in told if one.what == "raise"] == ["device_unreachable"]


def test_an_emergency_is_not_left_under_a_cause_that_comes_back_as_a_warning():
    desk, blind = Desk(), event("inlet_blind", "inlet")
    gone, stopped = event("mains_lost", "mains"), event("mains_lost", "mains", severity="warning")
    desk.tick(blind, levels=[gone])
    desk.ticks(4, levels=[gone])
    desk.ticks(4)
    assert "mains_lost mains" not in desk.alarms
    told = desk.ticks(2, levels=[stopped])
    assert [(one.kind, one.level) for one in told if one.what == "raise"] == [("inlet_blind", 2), ("mains_lost", 1)]


def test_a_pool_that_is_down_explains_who_works_for_it_and_nobody_else():
    """Of 280 miners on a dead pool a second letter said, half an hour later, that they draw and do not hash."""
    desk = Desk()
    desk.works = {"m000": "main", "m001": "main", "m002": "reserve"}
    desk.tick(event("pool_down", "main"))
    silent = [event("miner_idle", name) for name in ("m000", "m001", "m002", "m003")]
    told = desk.ticks(20, levels=silent)
    assert [(one.kind, one.about, one.others) for one in told] == [("miner_idle", "m002", ("m003",))]
    desk.tick(over("pool_up", "main"), levels=silent)
    told = desk.ticks(40, levels=silent)
    assert [(one.kind, one.about, one.others) for one in told if one.what == "raise"] == [
        ("miner_idle", "m000", ("m001",))
    ]


def test_a_pool_that_is_down_explains_nobody_any_more_who_works_for_another():
    """Put on the stand-in, and no better there: for as long as its old pool was dead nobody heard of it."""
    desk, waits = Desk(), [event("miner_waits", name) for name in ("m000", "m001")]
    desk.works = {"m000": "main", "m001": "main"}
    desk.tick(event("pool_down", "main"))
    assert desk.ticks(20, levels=waits) == []
    desk.works = {"m000": "reserve", "m001": ""}
    told = desk.ticks(30, levels=waits)
    assert [(one.what, one.kind, one.about, one.others) for one in told] == [("raise", "miner_waits", "m000", ())]


def test_a_pool_that_is_down_explains_its_miners_by_what_they_told_of_their_pool():
    mine = Mine(check=False)
    mine.policy = mine.policy._replace(pools=(PoolFacts("main"), PoolFacts("reserve")))
    mine.pool["b3"] = "reserve"
    mine.works["main"], mine.word = False, {"b0": "error", "b3": "error"}
    mine.ticks(60)
    states = {key: alarm["state"] for key, alarm in mine.state.alarms.items()}
    assert states == {"pool_down main": "active", "miner_idle b0": "suppressed", "miner_idle b3": "active"}


def test_that_it_gets_warm_without_the_mains_is_no_letter_beside_theirs():
    """NTF3: the fans have no power, so it does; that it gets dangerous is told all the same."""
    desk, gone = Desk(), event("mains_lost", "mains")
    desk.tick(levels=[gone])
    assert {one.kind for one in desk.ticks(20, levels=[gone, HEAT])} == {"mains_lost"}
    told = desk.tick(levels=[gone, HEAT, event("temperature_danger", "inlet")])
    assert [one.kind for one in told] == ["temperature_danger"]
    assert [one.kind for one in desk.ticks(8, levels=[HEAT]) if one.what == "raise"] == ["temperature_warning"]


def test_an_ack_is_logged_once_with_how_long_it_took_since_it_was_told():
    desk = Desk(temperature_warning={"delay_s": 240})
    desk.ticks(3, levels=[HEAT])
    raised_s = desk.only()["raised_s"]
    assert raised_s == desk.only()["since_s"] + 240
    desk.now += 60
    desk.ask("ack", desk.only()["id"])
    acked_s = desk.now
    desk.tick(levels=[HEAT])
    desk.tick(levels=[HEAT])
    [logged] = [one for one in desk.log if one.kind == "alarm_acked"]
    assert dict(logged.reason.numbers)["for_s"] == acked_s - raised_s


def test_an_end_is_named_by_its_alarm_and_a_notice_by_its_kind():
    desk = Desk()
    desk.tick(FAN)
    name = desk.only()["id"]
    [told] = desk.tick(over("fan_back", "fan 3"))
    assert (told.what, told.kind, told.alarm) == ("clear", "fan_fault", name)
    assert told.key.startswith(f"{name}-")
    [notice] = [one for one in Desk().tick(event("signal_changed", "signal")) if one.what == "notice"]
    assert notice.alarm == ""
    assert notice.key.startswith("signal_changed-")


def test_a_failed_start_is_no_news_a_day_later_while_the_quarantine_it_led_to_stands():
    """A dead miner: dark, three starts, put aside. Nobody can judge its silence then, and after a day that is let go:
    the failed start of yesterday was told anew, with what to do before a quarantine."""
    desk, dark, aside = Desk(), event("miner_offline", "m001"), event("quarantined", "m001")
    desk.ticks(2, levels=[dark])
    desk.tick(event("start_failed", "m001"), levels=[dark])
    desk.tick(levels=[dark, aside])
    assert said(desk.told) == [("raise", "miner_offline"), ("raise", "quarantined")]
    desk.told.clear()
    for _ in range(800):
        desk.tick(levels=[aside], unknown=["miner_offline m001"])
    assert "miner_offline m001" not in desk.alarms
    assert desk.alarms["start_failed m001"]["under"] == "quarantined m001"
    assert not desk.told
    desk.ticks(4)
    assert said(desk.told) == [("clear", "quarantined"), ("raise", "start_failed")], "released, and still not tried"


def test_fans_that_stand_for_smoke_send_nobody_into_the_container():
    """One letter said to leave it, and to look at the fans' breaker and relay board, now."""
    desk, still = Desk(), event("air_lost", "fans")
    desk.tick(event("smoke", "site"), still)
    desk.ticks(40)
    assert {one.kind for one in desk.told} == {"smoke"}
    desk.tick(over("smoke_cleared", "site"))
    desk.ticks(4)
    assert said(desk.told)[-2:] == [("clear", "smoke"), ("raise", "air_lost")], "nothing else explains it then"


def test_an_emergency_that_explains_one_told_before_it_takes_over_its_repeats():
    """Two emergencies of one heat, two minutes apart, were both repeated for hours: two SMS an hour."""
    desk, hot = Desk(), event("temperature_danger", "inlet", limit_c=40.0)
    assert said(desk.tick(levels=[hot])) == [("raise", "temperature_danger")]
    [stop] = desk.tick(STOP, levels=[hot])
    assert (stop.what, stop.kind, stop.folded) == ("raise", "heat_stop", (("temperature_danger", 1),))
    repeats = desk.ticks(60, levels=[hot])
    assert {one.kind for one in repeats} == {"heat_stop"}
    assert said(desk.tick(over("heat_stop_over", "inlet"), levels=[hot])) == [("clear", "heat_stop")]
    assert said(desk.ticks(4, levels=[hot])) == [("repeat", "temperature_danger")], "it stands on: told by itself"
    desk.ticks(1, levels=[])
    assert said(desk.ticks(4)) == [("clear", "temperature_danger")], "told as there, so told as over"


def test_what_is_less_grave_or_gone_or_about_another_takes_nothing_over():
    desk, hot = Desk(), event("temperature_danger", "inlet", limit_c=40.0)
    chip = event("chip_danger", "a001", limit_c=95.0)
    desk.tick(event("heat_shed", "inlet"), levels=[hot, chip])
    assert desk.alarms["temperature_danger inlet"].get("under") is None, "a warning explains no emergency"
    assert desk.alarms["chip_danger a001"]["under"] == "temperature_danger inlet"
    desk.tick(event("water", "site"), levels=[hot, chip])
    assert desk.alarms["temperature_danger inlet"].get("under") is None
    desk.tick(STOP, levels=[hot, chip])
    assert desk.alarms["temperature_danger inlet"]["under"] == "heat_stop inlet"
    assert desk.alarms["chip_danger a001"]["under"], "what followed from the first is told no more than before"


def test_a_storm_of_emergencies_that_explain_nothing_is_not_compared_each_with_each(monkeypatch):
    """Ten thousand chips too hot at once, and the stop for it waited until all pairs of them had been looked at."""
    desk, asked = Desk(), []
    monkeypatch.setattr(causes, "related", lambda *given: asked.append(given) or related(*given))
    hot = [event("chip_danger", f"m{at:03}") for at in range(50)]
    desk.tick(levels=hot)
    assert len(desk.alarms) == len(hot)
    assert not asked
    desk.tick(STOP, levels=hot)
    assert len(asked) <= len(hot)
    assert {desk.alarms[f"chip_danger m{at:03}"]["under"] for at in range(50)} == {"heat_stop inlet"}


def test_orphans_by_the_thousand_are_sorted_by_kind_once(monkeypatch):
    """A cloud that came back without its miners: each of them had all alarms sorted anew, in one round."""
    desk, sorted_n = Desk(), []
    by_kind = Machine._by_kind
    monkeypatch.setattr(Machine, "_by_kind", lambda work: sorted_n.append(work.now_s) or by_kind(work))
    away = [event("miner_offline", f"m{at:03}") for at in range(4)]
    desk.ticks(8, levels=[event("device_unreachable", "foreman mine"), *away])
    assert sum("under" in alarm for alarm in desk.alarms.values()) == len(away)
    desk.ticks(8, levels=away)
    assert not any("under" in alarm for alarm in desk.alarms.values())
    assert len(sorted_n) == len(set(sorted_n))


def test_what_is_only_held_open_explains_nothing_that_is_there_while_it_is_gone():
    """A cloud that comes and goes for days hid a miner that died in one of its gaps for as long."""
    desk, cloud, dead = Desk(), event("device_unreachable", "foreman mine"), event("miner_offline", "m001")
    for _ in range(6):
        desk.ticks(11, levels=[cloud])
        desk.ticks(11)
    assert desk.alarms["device_unreachable foreman mine"]["chatter"] == 2
    desk.ticks(11, levels=[cloud, dead])
    assert desk.alarms["miner_offline m001"]["state"] == "suppressed"
    assert said(desk.ticks(4, levels=[dead])) == [("raise", "miner_offline")]
