"""A UPS by NUT (Network UPS Tools): what `upsd` tells of it on TCP 3493.

The protocol is RFC 9271: one line a request. `LIST VAR <ups>` is answered by `VAR <ups> <name> "<value>"` lines between
`BEGIN LIST` and `END LIST`, or by one line `ERR <word>`; reading needs no login. `ups.status` is words: OL on line, OB
on battery, LB battery low, RB battery to be replaced, FSD the UPS is being shut down, OVER overloaded, CAL calibrating,
BYPASS its battery protects nothing now, OFF it feeds nothing, WAIT upsd has only just reached the driver (upsd's
sstate.c). A battery is calibrated by living on it: a UPS that says CAL and not OL counts as on battery. With ALARM the
variable `ups.alarm` says what is wrong; that there is no battery or that it is not charged stands nowhere else ("No
battery installed!", "Battery charger fail!" in usbhid-ups.c). Some never say OB: without mains a CyberPower UT is "OL
DISCHRG" with 0 V at its input (networkupstools/nut, pull 811), as is an APC with 232 V there that is full (issue 1970);
what its input has then decides. One that charges as well has mains.

    nut ups/mains:contact      alarm: the UPS lives on its battery ([wiring] mains = nut ups/mains)
    nut ups/battery:contact    alarm: low, to be replaced, bypassed, missing, off, or being shut down
    nut ups:charge_pct  nut ups:runtime_s  nut ups:load_pct  nut ups:power_w  nut ups/input:voltage_v  nut ups:temp_c
"""

import ipaddress
import re
from collections.abc import Sequence

from mine_controller.core.option import option
from mine_controller.devices import _access, _answer
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Exchange, Wire, WireError

CAN = Can(reads=("contact", "charge_pct", "runtime_s", "load_pct", "power_w", "voltage_v", "temp_c", "text"))
LANE = LaneSpec()
HERE = True
CAP = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")
_VAR = re.compile(r'VAR (\S{1,60}) (\S{1,80}) "((?:[^"\\]|\\["\\])*)"')
_ERRORS = {
    "UNKNOWN-UPS": "upsd knows no UPS of this name: `upsc -l` lists them",
    "ACCESS-DENIED": "upsd lets this machine read nothing: see LISTEN and upsd.users",
    "DRIVER-NOT-CONNECTED": "the driver of the UPS does not run: upsdrvctl start",
    "DATA-STALE": "the UPS no longer answers its driver: check its cable",
}
NO_MAINS_V = 80.0  # where it does not say from which voltage on it lives on its battery: none of the world's mains
# What is told where the UPS has it: its variable, channel and quantity.
_FIGURES = (
    ("ups.load", "", "load_pct"),
    ("ups.realpower", "", "power_w"),
    ("input.voltage", "input", "voltage_v"),
    ("ups.temperature", "", "temp_c"),
)


class Options(NamedTuple):
    """A UPS."""

    host: str = option("127.0.0.1", kind="host", help="address of the machine on which upsd runs")
    port: int = option(3493, low=1, high=65_535, help="its port")
    ups: str = option("ups", help="name of the UPS in ups.conf")


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    out = []
    address, port = _access.place(options.host)
    if port:
        out.append("port: is an option of its own, not part of host")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        out.append("host: is a name; write the address, so that no name server is needed when the mains are gone")
    if not _NAME.fullmatch(options.ups):
        out.append("ups: is no name of a UPS (letters, digits, points and dashes)")
    return out


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """One line there, some dozens back. Raises WireError."""
    del ask
    line = f"LIST VAR {options.ups}\nLOGOUT\n".encode("ascii", "replace")
    address, _ = _access.place(options.host)
    (told,) = wire.many([Exchange(address, options.port, line, cap=CAP, whole=lambda: _whole)], wire.until)
    if isinstance(told, WireError):
        raise told
    return (Reply("vars", 200, {}, told),)


def _whole(data: bytes | bytearray) -> bool:
    """A list to its end, or one line of refusal."""
    return (b"\nEND LIST VAR " in data or data.startswith(b"ERR ")) and data.endswith(b"\n")


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """What the UPS says. Raises BadReply for a refusal, a list cut short and anything else."""
    text = next((reply.body for reply in replies if reply.name == "vars"), b"").decode("utf-8", "replace")
    lines = text.splitlines()
    if lines and lines[0].startswith("ERR "):
        word = _answer.clean(lines[0][4:], 40)
        raise BadReply(_ERRORS.get(word, f"upsd says {word}"))
    if not lines or lines[0] != f"BEGIN LIST VAR {options.ups}":
        raise BadReply("is no upsd, or of another UPS")
    if f"END LIST VAR {options.ups}" not in lines:
        raise BadReply("its list was cut short")
    told = {found[2]: found[3] for line in lines if (found := _VAR.fullmatch(line)) and found[1] == options.ups}
    return (*_status(told), *_battery(told), *_figures(told), *_texts(told))


def _status(told: dict[str, str]) -> list[Found]:
    status = told.get("ups.status", "")
    words = set(status.upper().split())
    if not words & {"OL", "OB", "FSD", "CAL"}:
        why = f"neither on line nor on battery: {_answer.clean(status, 30) or 'no status'}"
        mains = Found("mains", "contact", None, why)
    elif {"OL", "DISCHRG"} <= words and not words & {"OB", "FSD", "CAL", "CHRG"}:
        mains = _doubtful(told)
    else:
        mains = Found("mains", "contact", "alarm" if words & {"OB", "FSD"} or "OL" not in words else "ok")
    return [mains, _protects(words, told.get("ups.alarm", "").lower())]


def _doubtful(told: dict[str, str]) -> Found:
    """The mains of a UPS that says that it is on line and discharging at once."""
    volts, least = (_answer.number(told.get(name)) for name in ("input.voltage", "input.transfer.low"))
    if volts is None:
        return Found("mains", "contact", None, "says on line and discharging at once, and no input.voltage")
    return Found("mains", "contact", "ok" if volts >= (least or NO_MAINS_V) else "alarm")


def _protects(words: set[str], alarm: str) -> Found:
    """Whether the battery would carry the load now."""
    if words & {"LB", "RB", "FSD", "BYPASS", "OFF"} or ("ALARM" in words and ("batt" in alarm or "charger" in alarm)):
        return Found("battery", "contact", "alarm")
    if not words or "WAIT" in words:
        return Found("battery", "contact", None, "upsd waits for the driver" if words else "no status")
    return Found("battery", "contact", "ok")


def _battery(told: dict[str, str]) -> list[Found]:
    out = []
    for name, quantity in (("battery.charge", "charge_pct"), ("battery.runtime", "runtime_s")):
        value = _answer.number(told.get(name))
        out.append(Found("", quantity, value, "" if value is not None else f"tells no {name}"))
    return out


def _figures(told: dict[str, str]) -> list[Found]:
    values = ((channel, quantity, _answer.number(told.get(name))) for name, channel, quantity in _FIGURES)
    return [Found(channel, quantity, value) for channel, quantity, value in values if value is not None]


def _texts(told: dict[str, str]) -> list[Found]:
    model = told.get("ups.model") or told.get("device.model")
    texts = (("model", model), ("status", told.get("ups.status")), ("alarm", told.get("ups.alarm")))
    return [Found(channel, "text", _answer.clean(value, 40)) for channel, value in texts if value]
