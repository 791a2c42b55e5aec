"""Units of a fleet on the LAN: who each is by its mac or serial, and what is told of it as columns. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from mine_controller.devices import _answer, _blame, _hosts
from mine_controller.devices.kind import BadReply, Findings, Found, Row, Told, told_of
from mine_controller.record import NamedTuple

MAC_DIGITS = 12
LONGEST_NAME = 240  # characters of a model or version that are looked at
_NO_HEX = re.compile(r"[^0-9a-f]")
_GROUP = "13579bdf"  # the second digit of a mac that stands for a group
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{3,39}")  # what fleet.csv takes for a miner without a mac
_MACS = ("MAC", "Mac", "mac", "MACAddr", "macaddr", "MAC Address")
_SERIALS = ("SerialNo", "Serial Number", "serial", "Serial", "SN", "DNA", "miner_id")
_cleaned = lru_cache(maxsize=256)(_answer.clean)  # a fleet has a few models and versions thousands of times


def identity(*rows: Mapping[str, Any]) -> str:
    """The mac (lower case, colons) that a unit tells, else its serial; "" when it tells neither."""
    for keys, read in ((_MACS, mac_of), (_SERIALS, serial_of)):
        for row in rows:
            for key in keys:
                if key in row and (found := read(row[key])):
                    return found
    return ""


def mac_of(value: Any) -> str:
    """A mac with colons; "" when it is none, or stands for none (all zeros, a group of units)."""
    digits = _NO_HEX.sub("", value.lower()) if isinstance(value, str) and len(value) < 40 else ""
    if len(digits) != MAC_DIGITS or digits == digits[0] * MAC_DIGITS or digits[1] in _GROUP:
        return ""
    return bytes.fromhex(digits).hex(":")


def serial_of(value: Any) -> str:
    """A serial as a channel's name, in capitals as fleet.csv keeps it; "" when it can't be one or is a blank (all the
    same character)."""
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if len(set(text)) > 1 and _SERIAL.fullmatch(text) else ""


def told(quantity: str, channel: str, value: float | str | None, why: str) -> Found:
    """A value, or unknown and why."""
    return Found(channel, quantity, value, "" if value is not None else why)


class Unit(NamedTuple):
    """What was read at one address. `unit` "" and no `found`: only `why` is known of it. `nameless`: one of the kind
    answers there and does not tell who it is (another login): a remembered `unit` gives way to who tells it."""

    host: str
    unit: str
    found: tuple[Found | Told, ...] = ()
    why: str = ""
    memory: str = ""
    nameless: bool = False


def unit_of(host: str, read: Callable[[], Unit]) -> Unit:
    """What `read` makes of the answers of one address, whatever they set off."""
    return _blame.alone(read, lambda why: Unit(host, "", (), f"{host}: {why}", nameless=True))


def fleet(units: Sequence[Unit]) -> tuple[Found, ...]:
    """All units together: an identity at two addresses is neither, a silent one is unknown unless it answers elsewhere.

    Raises BadReply when nobody can be read, with the first reason, one of who answers before that of an empty address:
    a group that is silent as a whole is an endpoint that fails, for these fleets as for boards with a web interface.
    """
    return findings(units).all()


def findings(units: Sequence[Unit]) -> Findings:
    """The same, of which a `Found` is made when somebody looks at it."""
    answered: dict[str, list[Unit]] = {}
    for each in units:
        if each.found:
            answered.setdefault(each.unit, []).append(each)
    nameless = [each for each in units if each.nameless]
    if units and not answered:
        raise BadReply(next((each.why for each in (*nameless, *units) if each.why), "nobody answered"))
    silent = {each.unit: each for each in units if each.unit and not each.found and each.unit not in answered}
    found = [one for group in answered.values() for one in _group([it for it in group if not it.nameless] or group)]
    found += [Found(unit, what, None, each.why) for unit, each in silent.items() for what in ("word", "power_w")]
    found += _hosts.unread([each.why for each in nameless if not each.unit])
    found += [Found(each.host, "memory", each.memory) for each in units if each.found and each.memory]
    return Findings(found)


def _group(group: list[Unit]) -> Iterable[Found | Told]:
    if len(group) == 1:
        return group[0].found
    return _hosts.doubled(group[0].unit, [each.host for each in group], ("word", "power_w"))


def down(host: str, unit: str, why: str) -> Unit:
    """A board whose miner process does not run: it hashes nothing, and who it is is only remembered."""
    found = (Found(unit, "word", "error"), Found(unit, "power_w", None, why)) if unit else ()
    return Unit(host, unit, found, f"{host}: {why}", nameless=bool(unit))


def facts(unit: str, host: str, model: Any, firmware: Any) -> list[Found]:
    """Where a unit is and what it says it is."""
    return list(told_of(unit, about(host, model, firmware)).found())


def about(host: str, model: Any, firmware: Any) -> list[Row]:
    """The same as rows for `told_of`."""
    rows: list[Row] = [(":address", host, "")]
    if model:
        rows.append((" model:text", _cleaned(str(model)[:LONGEST_NAME]), ""))
    if firmware:
        rows.append((" firmware:text", _cleaned(str(firmware)[:LONGEST_NAME]), ""))
    return rows
