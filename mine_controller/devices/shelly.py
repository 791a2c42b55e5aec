"""Shelly energy meters over their HTTP interface (Gen2 and later RPC): Pro 3EM as a whole and by phase, EM1 channels.

Frequency comes in whole or tenth hertz: good for the page, too coarse to shed by. Forms as recorded from a Pro 3EM and
an EM1; with a password the unit asks for digest authentication with SHA-256, user admin. In `errors` it says that its
meter failed or that no clamp is chosen, in a phase's own `a_errors` that a current, voltage or power is beyond what it
can measure (the maker's interface description): whatever the figures are then, they count for nothing.
"""

from collections.abc import Sequence
from typing import Any

from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

CAN = Can(reads=("power_w", "voltage_v", "current_a", "grid_hz", "energy_kwh"))
LANE = LaneSpec()
PHASES = (("L1", "a_"), ("L2", "b_"), ("L3", "c_"))
FIELDS = (("power_w", "act_power"), ("voltage_v", "voltage"), ("current_a", "current"), ("grid_hz", "freq"))
FAILED = ("power_meter_failure", "ct_type_not_set")  # nothing it says then is measured
BEYOND = "out_of_range:"
# What is not to be believed when one is beyond its range; the power is made of both. (Two spellings in its papers.)
SPOILT = {
    "current": ("current_a", "power_w"),
    "voltage": ("voltage_v", "power_w"),
    "act_power": ("power_w",),
    "active_power": ("power_w",),
}


class Options(NamedTuple):
    """One meter."""

    url: str = option(kind="url", help="address of the meter", example="http://192.168.1.71")
    password: Secret = option(Secret(""), help="its password; the user is always admin")
    channels: tuple[str, ...] = option(
        (), help="numbers of its single-phase channels (EM1), where it is not one three-phase meter", example="0, 1"
    )
    timeout_s: float = option(3.0, low=0.5, high=6, unit="s", help="how long one request may take")


def faults(options: Options) -> list[str]:
    """What can't be right."""
    wrong = [one for one in options.channels if not (one.isdecimal() and len(one) <= 2)]
    return [f"channels: {_answer.clean(one)!r} is no number" for one in wrong]


def lacks(options: Options, channel: str, quantity: str) -> str:
    """The whole meter and its phases, or the channels that are written."""
    del quantity
    known = options.channels or ("", *(phase for phase, _ in PHASES))
    return (
        "" if channel in known else "channels " + ", ".join(known) if options.channels else "the whole and L1, L2, L3"
    )


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "em" and "data", or "em1 N" and "data1 N" for each channel. Raises WireError for the first."""
    del ask
    if not options.channels:
        return (_get(wire, options, "em", "EM.GetStatus?id=0"), _beside(wire, options, "data", "EMData.GetStatus?id=0"))
    replies = []
    for number in options.channels:
        replies.append(_get(wire, options, f"em1 {number}", f"EM1.GetStatus?id={number}"))
        replies.append(_beside(wire, options, f"data1 {number}", f"EM1Data.GetStatus?id={number}"))
    return tuple(replies)


def _request(options: Options, method: str) -> Request:
    auth = ("digest", "admin", options.password.reveal()) if options.password.reveal_length() else None
    return Request("GET", _access.under(options.url, f"rpc/{method}"), {"accept": "application/json"}, auth=auth)


def _get(wire: Wire, options: Options, name: str, method: str) -> Reply:
    answer = wire.call(_request(options, method), min(wire.until, wire.now() + options.timeout_s))
    return Reply(name, answer.status, dict(answer.headers), answer.body)


def _beside(wire: Wire, options: Options, name: str, method: str) -> Reply:
    return _access.ask_beside(wire, name, _request(options, method), options.timeout_s)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """The whole meter on channel "", its phases on "L1" "L2" "L3"; or each channel by its number. Raises BadReply."""
    by_name = {reply.name: reply for reply in replies}
    if not options.channels:
        if "em" not in by_name:
            raise BadReply("em: was not asked")
        return (*_whole(_answer.table(by_name["em"])), _energy("", by_name.get("data"), "total_act"))
    found: list[Found] = []
    for number in options.channels:
        if f"em1 {number}" not in by_name:
            raise BadReply(f"em1 {number}: was not asked")
        found += _fields(number, _answer.table(by_name[f"em1 {number}"]), "")
        found.append(_energy(number, by_name.get(f"data1 {number}"), "total_act_energy"))
    return tuple(found)


def _doubts(errors: Any) -> dict[str, str]:
    """Why not, by quantity, for what its errors say of itself."""
    found: dict[str, str] = {}
    for error in errors if isinstance(errors, list) else ():
        word = _answer.clean(error, 40)
        spoilt = SPOILT.get(word.removeprefix(BEYOND).strip(), ()) if word.startswith(BEYOND) else ()
        spoilt = tuple(quantity for quantity, _ in FIELDS) if word in FAILED else spoilt
        found |= dict.fromkeys(spoilt, f"it says {word}")
    return found


def _whole(tree: dict[str, Any]) -> list[Found]:
    if doubts := _doubts(tree.get("errors")):
        raise BadReply(f"em: {next(iter(doubts.values()))}")
    phases = [(channel, _doubts(tree.get(f"{prefix}errors")).get("power_w")) for channel, prefix in PHASES]
    doubt = next((f"{channel}: {why}" for channel, why in phases if why), "")
    total = None if doubt else _answer.number(tree.get("total_act_power"))
    found = [Found("", "power_w", total, doubt or ("" if total is not None else "it tells no total"))]
    hertz = [value for _, prefix in PHASES if (value := _answer.number(tree.get(f"{prefix}freq")))]
    if hertz:
        found.append(Found("", "grid_hz", sorted(hertz)[len(hertz) // 2]))
    for channel, prefix in PHASES:
        if f"{prefix}voltage" in tree:
            found += [one for one in _fields(channel, tree, prefix) if one.quantity != "grid_hz"]
    if not any(one.value is not None for one in found):
        raise BadReply("em: no values of a meter")
    return found


def _fields(channel: str, tree: dict[str, Any], prefix: str) -> list[Found]:
    doubts = _doubts(tree.get(f"{prefix}errors"))
    found = []
    for quantity, name in FIELDS:
        value = None if quantity in doubts else _answer.number(tree.get(prefix + name))
        why = doubts.get(quantity, f"it tells no {name}")
        found.append(Found(channel, quantity, value, why if value is None else ""))
    return found


def _energy(channel: str, reply: Reply | None, name: str) -> Found:
    """Wh as kWh; it is told by a call of its own, which may be missing."""
    why = "its counter was not asked"
    if reply is not None:
        try:
            watt_hours = _answer.number(_answer.table(reply).get(name))
        except BadReply as error:
            why = str(error)
        else:
            why = "it tells no energy"
            if watt_hours is not None:
                return Found(channel, "energy_kwh", round(watt_hours / 1000, 3))
    return Found(channel, "energy_kwh", None, why)
