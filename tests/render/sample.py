"""A container of 280 miners and nine fans as five books: what tests draw the page from."""

from past import CDT, NOW, REPORT, history

from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock, Local
from mine_controller.core.model.command import Command
from mine_controller.core.model.decision import Decision, Envelope, Look, Plan
from mine_controller.core.model.image import Fan, Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import CONTRACT, EQUIPMENT, SAFETY, Limit, Reason
from mine_controller.core.model.state import Chase, FanBook, MinerBook, Override, Shed, State
from mine_controller.core.model.wiring import EndpointSpec, FanSpec, MinerSpec, Path, Role, Wiring
from mine_controller.render.given import SiteFacts

PLANT = 500_000
SNIPPETS = {
    "run": "Load control: no control period in effect",
    "off": "Load control: CONTROL PERIOD IN EFFECT since 13:24",
}
__all__ = ["CDT", "KINDS", "NOW", "PLANT", "REPORT", "book", "facts", "history", "wiring"]
KINDS = ("RUNNING", "CURTAILING", "CURTAILED", "EMERGENCY", "INIT")
ENDPOINTS = (
    "power_signal coop",
    "roomalert intake",
    "roomalert exhaust",
    "iotawatt fans",
    "controlbyweb fans",
    "sel735 meter",
    "foreman mine",
    "redfish pdu1",
    "redfish pdu2",
)


def wiring(count: int = 280, rows: int = 7) -> Wiring:
    """Seven racks of miners behind Foreman and two PDUs, nine metered fans."""
    each = max(1, -(-count // rows))
    miners = tuple(
        MinerSpec(
            id=f"a{at:03}",
            mac=f"02:00:00:00:{at // 256:02x}:{at % 256:02x}",
            group="foreman mine",
            nominal_w=3400,
            standby_w=25,
            outlet=f"redfish pdu{1 + at % 2}/A{at}",
            breaker=f"b{at // 12}",
            row="ABCDEFGHIJ"[at // each],
            paths=(Path("foreman mine", 60, gentle=True), Path("redfish pdu1", 10, gentle=False)),
        )
        for at in range(count)
    )
    fans = tuple(FanSpec(str(at), f"controlbyweb fans/{at}", f"iotawatt fans/Fan_{at}", 1500) for at in range(1, 10))
    keys = {
        "signal": ("power_signal coop:signal",),
        "inlet_c": ("roomalert intake/1:temp_c", "roomalert intake/2:temp_c", "roomalert intake/3:temp_c"),
        "outlet_c": ("roomalert exhaust/1:temp_c",),
        "ambient_c": ("roomalert intake/4:temp_c",),
        "humidity_pct": ("roomalert intake/1:humidity_pct",),
        "site_power_w": ("sel735 meter:power_w",),
        "smoke": ("roomalert intake/S1:contact",),
        "stop": ("stop:switch",),
    }
    roles = {name: Role(name, named, "one", 240) for name, named in keys.items()}
    endpoints = {name: EndpointSpec(name, fleet=name.startswith("foreman")) for name in ENDPOINTS}
    return Wiring(roles, fans, miners, (), {}, endpoints, absent=("water", "door", "mains"))


def facts(count: int = 280, **other) -> SiteFacts:
    """The site's facts; `other` replaces fields."""
    return SiteFacts(
        name="Prairie Creek container",
        wiring=wiring(count),
        version="0.1.0",
        cap_w=1_000_000,
        live=True,
        utc_offset_s=CDT,
        zone="CDT",
        absent=("water", "door", "mains"),
        require=("signal", "inlet", "fan_proof", "power"),
    )._replace(**other)


def book(kind: str, count: int = 280) -> Book:
    """One of KINDS."""
    return {
        "RUNNING": _running,
        "CURTAILING": _curtailing,
        "CURTAILED": _curtailed,
        "EMERGENCY": _emergency,
        "INIT": _blank,
    }[kind](count)


def _clock(**other):
    return Clock(PLANT, NOW, local=Local("2026-07-14", 842, 1), began_s=PLANT - 8, soft_end_s=PLANT + 82)._replace(
        **other
    )


def _image(powers, fans, site, wired, channels=None, **clock):
    """`powers` by miner; `fans` by (on, watts)."""
    now = PLANT - 6
    dead = tuple(watts is None for watts in powers)
    miners = Miners(
        tuple(spec.id for spec in wired.miners),
        tuple(powers),
        tuple(PLANT - 660 if gone else now for gone in dead),
        tuple(
            None if gone else "hashing" if (watts or 0) > 500 else "stopped"
            for gone, watts in zip(dead, powers, strict=True)
        ),
        tuple(now for _ in powers),
        tuple(None if gone else "on" for gone in dead),
        tuple(f"10.0.{at // 250}.{at % 250 + 1}" for at in range(len(powers))),
    )
    seen = {name + ":health": Value("ok", now, name + ":health") for name in ENDPOINTS}
    seen |= {name + "/1:temp_c": Value(30.1, now, name + "/1:temp_c") for name in ENDPOINTS}
    seen |= {name + ":fails": Value(0, now, name + ":fails") for name in ENDPOINTS}
    seen["redfish pdu2:health"] = Value(None, now, "redfish pdu2:health", "no answer in 6.0 s")
    seen["redfish pdu2:fails"] = Value(4, now, "redfish pdu2:fails")
    seen["redfish pdu2/1:temp_c"] = Value(30.1, PLANT - 490, "redfish pdu2/1:temp_c")
    seen["power_signal coop:text"] = Value(SNIPPETS[str(site["signal"][0])], now)
    for at, temp_c in enumerate((30.9, 31.2, 31.4), 1):
        seen[f"roomalert intake/{at}:temp_c"] = Value(temp_c, now, f"roomalert intake/{at}:temp_c")
    return Image(
        _clock(**clock),
        seen | (channels or {}),
        {name: Value(value, now, source) for name, (value, source) in site.items()},
        tuple(Fan(str(at), on, now, watts, now) for at, (on, watts) in enumerate(fans, 1)),
        miners,
        {},
    )


def _site(signal, inlet, outlet, power, stop="off"):
    return {
        "signal": (signal, "power_signal coop:signal"),
        "inlet_c": (inlet, "roomalert intake/2:temp_c"),
        "outlet_c": (outlet, "roomalert exhaust/1:temp_c"),
        "ambient_c": (33.8, "roomalert intake/4:temp_c"),
        "humidity_pct": (46.0, "roomalert intake/1:humidity_pct"),
        "dew_c": (18.4, "roomalert intake/1:humidity_pct"),
        "site_power_w": (power, "sel735 meter:power_w"),
        "smoke": ("ok", "roomalert intake/S1:contact"),
        "stop": (stop, "stop:switch"),
    }


def _books(wired, on=True, quarantined=()):
    return {
        spec.id: MinerBook(on=on, starts=14 + at % 3, quarantined="did not start" if at in quarantined else "")
        for at, spec in enumerate(wired.miners)
    }


def _fan_books(states):
    return {
        str(at): FanBook(state, PLANT - 9_000, PLANT - 6, (), 3600 * (4_100 + 11 * at), 40)
        for at, state in enumerate(states, 1)
    }


def _plan(wired, run, **other):
    return Plan(
        run=tuple(run),
        starts=(),
        stops=(),
        skip={},
        fans_on=tuple(str(at) for at in range(1, 10)),
        miners_w=930_000,
        measured_w=920_000,
        permitted_w=950_000,
    )._replace(**other)


CAP = Reason("cap", "room", (("total_w", 946_300), ("cap_w", 1_000_000)))
FORECAST = {
    "seconds": 118,
    "within_s": 300,
    "gentle": 246,
    "hard": 28,
    "unreachable": 0,
    "lanes": {"foreman mine": 246, "redfish pdu1": 15, "redfish pdu2": 13},
}
ALARM_FAN = {
    "kind": "fan_fault",
    "about": "fan 6",
    "severity": "warning",
    "since_s": PLANT - 9_000,
    "reason": ["watch", "fan_failed", [["fan", "6"], ["watts", 38], ["normal_w", 1500]]],
}
FANS_RUNNING = [(True, 1_478 + 7 * at) for at in range(5)] + [(True, 38)] + [(True, 1_503), (True, 1_466), (False, 0)]
FAN_STATES = ["proven"] * 5 + ["failed", "proven", "proven", "off"]


def _running(count):
    wired = wiring(count)
    powers = [3_312 + (at * 37) % 150 for at in range(count)]
    for at in (31, 32, 118, 203, 240, 64, 151, 152):
        if at < count:
            powers[at] = None if at in (64, 151, 152) else 24 if at == 118 else 0
    image = _image(powers, FANS_RUNNING, _site("run", 31.2, 43.9, 946_312), wired)
    limits = (
        Limit(EQUIPMENT, "start_miners", 28, Reason("ramp", "step", (("step", 28), ("recent", 0)))),
        Limit(SAFETY, "start_max_w", 950_000, CAP),
        Limit(SAFETY, "fans_min", 8, Reason("air", "need", (("wanted", 8), ("miners", 272), ("proven", 7)))),
    )
    skip = {
        "a031": Reason("wear", "quarantined", (("why", "did not start"),)),
        "a032": Reason("wear", "maintenance"),
        "a118": Reason("wear", "min_off", (("left_s", 214),)),
        "a203": Reason("wear", "quarantined", (("why", "did not start"),)),
    }
    state = State(
        miners=_books(wired, quarantined=(31, 203)),
        fans=_fan_books(FAN_STATES),
        chases={"miner a240": Chase("run", 0, 1, PLANT - 30, PLANT - 20, "accepted")},
        mode="RUNNING",
        mode_s=PLANT - 24_300,
        alarms={"fan_fault fan 6": ALARM_FAN},
        memory={"signal": {"word": "run", "at_s": PLANT - 6}},
    )
    why = Reason("decide", "running", (("on", 272), ("miners", count)))
    plan = _plan(wired, [watts is None or watts > 500 for watts in powers], skip=skip, fans_on=tuple("12345678"))
    decision = Decision(
        state, (), None, "RUNNING", why, Envelope(start_miners=28, binding=limits, reasons=limits), plan, ()
    )
    return Book(state, image, (), decision._replace(forecast=FORECAST))


def _off_limits(code="curtail_off", since=12):
    reason = Reason("signal", code, (("since_s", since),))
    return (Limit(CONTRACT, "max_power_w", 0, reason),)


def _curtailing(count):
    wired = wiring(count)
    powers = [3_350 if at % 3 else (25 if at % 2 else 3_340) for at in range(count)]
    powers[64:65] = [None] if count > 64 else []
    image = _image(powers, FANS_RUNNING, _site("off", 31.4, 42.0, 789_400), wired, opening=False)
    on = [at for at in range(count) if (powers[at] or 9_999) > 500]
    chases = {
        f"miner a{at:03}": Chase("stop", 1 if at % 9 == 0 else 0, 1, PLANT - 10, PLANT - 9, "accepted") for at in on
    }
    state = State(
        miners=_books(wired),
        fans=_fan_books(FAN_STATES),
        chases=chases,
        shed=Shed(PLANT - 130, PLANT - 12, "signal", 946_312, 47_315, PLANT - 11, gentle=31, hard=0),
        mode="CURTAILING",
        mode_s=PLANT - 12,
        alarms={"fan_fault fan 6": ALARM_FAN},
        memory={"signal": {"word": "off", "off_s": PLANT - 12, "signal_s": PLANT - 130}},
    )
    why = Reason("signal", "curtail_off", (("since_s", 12),))
    commands = tuple(
        Command(
            f"1.1.{at}",
            f"miner a{at:03}",
            "off" if at % 9 == 0 else "stop",
            "redfish pdu1" if at % 9 == 0 else "foreman mine",
            str(at),
            0,
            why,
        )
        for at in on
    )
    limits = _off_limits()
    decision = Decision(
        state,
        commands,
        Look(PLANT + 8, ("sel735 meter", "redfish pdu1")),
        "CURTAILING",
        why,
        Envelope(max_power_w=0, binding=limits, reasons=limits),
        _plan(wired, [False] * count, stops=tuple(on), permitted_w=0),
        (),
    )
    return Book(state, image, (), decision)


def _curtailed(count):
    wired = wiring(count)
    powers = [18 + at % 11 for at in range(count)]
    fans = [(True, 1_480)] * 5 + [(False, 0)] * 4
    states = ["proven"] * 5 + ["off"] * 4
    image = _image(powers, fans, _site("run", 29.6, 30.8, 14_870), wired)
    releasing = Reason("signal", "releasing", (("left_s", 412), ("held_s", 188)))
    limits = (
        Limit(CONTRACT, "max_power_w", 0, releasing),
        Limit(EQUIPMENT, "no_fan_down", 0, Reason("run_on", "running_on", (("left_s", 95),))),
    )
    state = State(
        miners=_books(wired, on=False),
        fans=_fan_books(states),
        overrides=(Override("fan.9", "off", "output", PLANT + 5_400, "rosa", "bearing is being changed", 41),),
        shed=Shed(
            PLANT - 2_280,
            PLANT - 2_160,
            "signal",
            946_312,
            47_315,
            PLANT - 2_159,
            PLANT - 2_148,
            PLANT - 2_136,
            PLANT - 2_110,
            9_204,
            251,
            22,
        ),
        mode="CURTAILED",
        mode_s=PLANT - 2_110,
        memory={"signal": {"word": "run", "off_s": PLANT - 2_160, "signal_s": PLANT - 2_280}},
    )
    skip = {spec.id: releasing for spec in wired.miners}
    decision = Decision(
        state,
        (),
        None,
        "CURTAILED",
        releasing,
        Envelope(max_power_w=0, binding=limits, reasons=limits),
        _plan(wired, [False] * count, skip=skip, permitted_w=0, fans_on=tuple("12345")),
        (),
    )
    return Book(state, image, (), decision)


def _emergency(count):
    wired = wiring(count)
    powers = [3_340 if at % 4 == 0 else 22 for at in range(count)]
    powers[3:4] = [None] if count > 3 else []
    image = _image(powers, FANS_RUNNING, _site("run", 40.6, 51.3, 252_440, stop="on"), wired)
    stop = Reason("override", "stop", (("since_s", 40),))
    hot = Reason("temperature", "stop", (("inlet_c", 40.6), ("limit_c", 40.0), ("reset_c", 33.0)))
    limits = (
        Limit(SAFETY, "max_power_w", 0, stop, "cut"),
        Limit(SAFETY, "max_power_w", 0, hot),
        Limit(SAFETY, "fans_min", 9, hot),
    )
    on = [at for at, watts in enumerate(powers) if watts is None or watts > 500]
    state = State(
        miners=_books(wired),
        fans=_fan_books(FAN_STATES),
        chases={f"miner a{at:03}": Chase("stop", 1, 1, PLANT - 10, PLANT - 9, "") for at in on},
        shed=Shed(PLANT - 40, PLANT - 40, "override", 946_312, 47_315, PLANT - 39, PLANT - 20, emergency="unproven"),
        mode="EMERGENCY",
        mode_s=PLANT - 40,
        alarms={
            "emergency_stop site": {
                "kind": "emergency_stop",
                "about": "site",
                "severity": "emergency",
                "since_s": PLANT - 40,
                "reason": ["override", "stop", []],
            },
            "heat_stop inlet": {
                "kind": "heat_stop",
                "about": "inlet",
                "severity": "emergency",
                "since_s": PLANT - 420,
                "reason": ["temperature", "stop", [["inlet_c", 40.6], ["limit_c", 40.0], ["reset_c", 33.0]]],
            },
            "fan_fault fan 6": ALARM_FAN,
        },
    )
    decision = Decision(
        state,
        tuple(Command(f"1.1.{at}", f"miner a{at:03}", "off", "redfish pdu1", f"A{at}", 1, stop) for at in on),
        Look(PLANT + 8, ("sel735 meter",)),
        "EMERGENCY",
        stop,
        Envelope(max_power_w=0, fans_min=9, binding=limits, reasons=limits),
        _plan(wired, [False] * count, stops=tuple(on), permitted_w=0),
        (),
    )
    return Book(state, image, (), decision)


def _blank(count):
    """The first tick of a new boot in which nothing answered."""
    wired = wiring(count)
    nothing = Value(None, 0, "", "no answer in 6.0 s")
    image = Image(
        _clock(rebooted=True),
        {name + ":health": Value(None, PLANT - 6, name, "no answer in 6.0 s") for name in ENDPOINTS[:6]},
        dict.fromkeys((*wired.roles, "dew_c"), nothing),
        tuple(Fan(spec.name, None, 0, None, 0) for spec in wired.fans),
        Miners(
            tuple(spec.id for spec in wired.miners),
            *((value,) * count for value in (None, 0, None, 0, None, None)),
        ),
        {},
    )
    why = Reason("boot", "first_scan", (("good", 0), ("scans", 2), ("missing", "signal, inlet, power")))
    limits = (Limit(SAFETY, "no_start", 0, why), Limit(SAFETY, "fans_min", 9, why))
    state = State(mode="INIT", mode_s=PLANT)
    decision = Decision(
        state,
        (),
        None,
        "INIT",
        why,
        Envelope(no_start=why, fans_min=9, binding=limits, reasons=limits),
        _plan(wired, [True] * count, measured_w=None, miners_w=1_047_200),
        (),
    )
    return Book(state, image, (), decision)
