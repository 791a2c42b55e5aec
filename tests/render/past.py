"""The day before the samples: a curtailment at dawn, a hot afternoon, a hole of silence, a fan lost."""

import math

from mine_controller.render.given import EventLine, History

NOW = 1_784_055_777  # a Tuesday in July, 14:02:57 where the mine stands
CDT = -5 * 3600


def history(kind: str = "RUNNING", hours: int = 24) -> History:
    """A day every two minutes."""
    ats = list(range(NOW - hours * 3600 + 60, NOW + 1, 120))
    rows = [_moment(at, kind) for at in ats]
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(6)]
    events = () if kind == "INIT" else _events(kind)
    return History(ats, *columns, events=events, report=None if kind == "INIT" else REPORT)


REPORT = {
    "ended_at": NOW - 25_600,
    "cause": "signal",
    "lasted_s": 5_420,
    "first_command_s": 127,
    "shed_50_s": 141,
    "shed_90_s": 156,
    "shed_100_s": 189,
    "before_w": 948_100,
    "confirmed_w": 8_912,
    "floor_w": 47_405,
    "gentle": 248,
    "hard": 26,
    "stragglers": "a017:1 a203:1",
    "emergency": "",
}


def _moment(at, kind):
    ago = NOW - at
    hour = (at + CDT) % 86_400 / 3600
    inlet = round(25 + 9.6 * math.exp(-(((hour - 14.6) / 4.4) ** 2)) + 1.1 * math.sin(at / 900), 1)
    power, fans, mode, signal = 946_000 + round(9_000 * math.sin(at / 700)), 8, "RUNNING", "run"
    if 25_600 < ago <= 31_000:
        power, fans, mode, signal = 9_400, 3, "CURTAILED", "off"
    elif 31_000 < ago <= 31_200:
        power, mode, signal = 420_000, "CURTAILING", "off"
    elif 24_300 < ago <= 25_600:
        power, mode = 9_400 + (25_600 - ago) * 720, "RESUMING"
    if 52_000 < ago < 55_000:
        power = inlet = None
        mode = "HOLD"
    if kind == "CURTAILED" and ago < 2300:
        power, mode, signal, fans = (9_800, "CURTAILED", "off", 5) if ago < 2100 else (510_000, "CURTAILING", "off", 8)
    if kind == "CURTAILING" and ago < 130:
        mode, signal = "CURTAILING", "off"
    if kind == "EMERGENCY" and ago < 500:
        power, mode, inlet = 312_000, "EMERGENCY", 40.6
    return power, 1_000_000, inlet, fans if hour > 9 else fans - 1, mode, signal


def _events(kind):
    lines = [
        EventLine(NOW - 31_120, "signal_changed", "warning", "signal", "power signal changed from run to off"),
        EventLine(NOW - 31_120, "mode", "info", "site", "RUNNING -> CURTAILING"),
        EventLine(
            NOW - 31_010,
            "curtailed",
            "info",
            "site",
            "8.9 kW measured, below 47 kW: proven down 189 s after it was asked for",
        ),
        EventLine(NOW - 25_610, "curtail_over", "info", "signal", "released after 1 h 30 min curtailed"),
        EventLine(NOW - 25_600, "mode", "info", "site", "CURTAILED -> RESUMING"),
        EventLine(NOW - 24_300, "mode", "info", "site", "RESUMING -> RUNNING"),
        EventLine(NOW - 9_000, "fan_fault", "warning", "fan 6", "fan 6 is told on and draws 38 W of 1500 W: failed"),
        EventLine(NOW - 4_200, "miner_off_unasked", "info", "a203", "a203 went dark by itself"),
    ]
    if kind in ("CURTAILING", "CURTAILED"):
        ago = 2_280 if kind == "CURTAILED" else 12
        lines.append(
            EventLine(NOW - ago, "signal_changed", "warning", "signal", "power signal changed from run to off")
        )
        lines.append(EventLine(NOW - ago, "mode", "info", "site", "RUNNING -> CURTAILING"))
    if kind == "EMERGENCY":
        text = "inlet 40.6 °C is over 40.0 °C: everything off until it is below 33.0 °C"
        lines.append(EventLine(NOW - 420, "heat_stop", "emergency", "inlet", text))
    return tuple(lines)
