"""A Server Technology PRO2 PDU by its JAWS REST interface (firmware 8.0m or newer).

Outlets and cords as real units answered a public client and a test suite. Watts of single outlets exist on the models
with per-outlet sensing only; cords (inputs) always have them. A cord's energy is in kWh with a decimal. About that of
an outlet sources disagree: kWh in the words of one client, a whole number in two, watt-hours in the maker's SNMP.
"""

from collections.abc import Sequence
from typing import Any

from mine_controller.core.model.command import REFUSED, UNREACHABLE, UNSUPPORTED, Command, Outcome
from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer, _turns
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Wire

CAN = Can(reads=("switch", "power_w", "energy_kwh"), verbs=("on", "off"), outlets=True)
LANE = LaneSpec(width=1, call_s=1.0, batch=False, proof_s=10)


ENERGY = {"unknown": 0.0, "Wh": 0.001, "kWh": 1.0}  # in kWh


class Options(NamedTuple):
    """One PDU."""

    url: str = _access.URL
    user: str = _access.USER
    password: Secret = _access.PASSWORD
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE
    path: str = option("/jaws/", help="where the interface begins")
    groups: tuple[str, ...] = option(
        (), help="outlet groups of the unit that may be switched off in one call", example="all: AA1-AA24"
    )
    outlet_energy: str = option(
        "unknown",
        choices=tuple(ENERGY),
        help="unit of an outlet's energy counter: compare with the unit's own page; unknown = not read",
    )
    on_pause_s: float = _access.ON_PAUSE_S
    metered: bool = _access.METERED


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _turns.group_faults(options.groups)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:  # noqa: ARG001 - one call tells of all outlets
    """Replies "outlets" and "cords"."""
    outlets = _access.ask(wire, "outlets", _access.request(options, "GET", _url(options, "monitor/outlets")))
    if outlets.status == _access.NO_LOGIN:
        return (outlets,)
    return outlets, _access.ask_beside(wire, "cords", _access.request(options, "GET", _url(options, "monitor/cords")))


def _url(options: Options, path: str) -> str:
    return _access.under(options.url, options.path.strip("/") + "/" + path)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Per outlet `switch`, `power_w`, `energy_kwh`; the cords' sum without channel."""
    named = {reply.name: reply for reply in replies}
    if "outlets" not in named:
        raise BadReply("outlets: not asked")
    found: list[Found] = []
    for row in _answer.rows(named["outlets"]):
        name = row.get("id")
        if isinstance(name, str) and _turns.is_outlet(name):
            found += _outlet(name, row, ENERGY[options.outlet_energy])
    return (*found, *_total(named.get("cords")))


def _outlet(name: str, row: dict[str, Any], kwh: float) -> list[Found]:
    watts, energy = _answer.number(row.get("active_power")), _answer.number(row.get("energy")) if kwh else None
    why = "" if watts is not None else "no meter reading at this outlet"
    found = [_switch(name, row), Found(name, "power_w", watts, why)]
    return found if energy is None else [*found, Found(name, "energy_kwh", round(energy * kwh, 6))]


def _switch(name: str, row: dict[str, Any]) -> Found:
    """`state` is what the outlet is; a `control_state` that pends says that it is about to change."""
    state, control = str(row.get("state")).lower(), str(row.get("control_state", "")).lower()
    if "pend" in control:
        return Found(name, "switch", None, f"is switching ({_answer.clean(control, 20)})")
    if state in ("on", "off"):
        return Found(name, "switch", state)
    return Found(name, "switch", None, f"unknown state {_answer.clean(row.get('state'), 20)!r}")


def _total(cords: Reply | None) -> list[Found]:
    """The sum over the cords, only when every one of them is known."""
    if cords is None:
        return []
    try:
        rows = _answer.rows(cords, all_of_them=True)
    except BadReply as error:
        return [Found("", "power_w", None, str(error))]
    watts = [_answer.number(row.get("active_power")) for row in rows]
    energy = [_answer.number(row.get("energy")) for row in rows]
    if not rows or None in watts:
        return [Found("", "power_w", None, "a cord gives no watts" if rows else "the unit lists no cords")]
    found = [Found("", "power_w", sum(value for value in watts if value is not None))]
    if None not in energy:
        found.append(Found("", "energy_kwh", sum(value for value in energy if value is not None)))
    return found


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Whole groups in one call, the rest outlet by outlet. Any 2xx is a yes, with or without a body."""
    wire, commands = _turns.one_login(wire), _turns.switchable(batch, report)
    done: set[str] = set()
    for name, members in _turns.whole_groups(commands, _turns.groups_of(options.groups)).items():
        done |= _group_off(wire, options, name, members, report)
    rest = [command for command in commands if command.id not in done]
    _turns.in_turn(
        wire,
        rest,
        report,
        lambda command: _switch_to(wire, options, command, "outlets", command.address),
        options.on_pause_s,
    )


def _group_off(wire: Wire, options: Options, name: str, members: list[Command], report: Report) -> set[str]:
    """The ids of the commands this settled; empty when the unit did not take it, so that each outlet gets its turn."""
    if wire.now() >= wire.until:
        return set()
    outcome = _turns.one(wire, members[0], lambda command: _switch_to(wire, options, command, "groups", name))
    if outcome.verdict in (REFUSED, UNSUPPORTED, UNREACHABLE):
        return set()
    for command in members:
        report(outcome._replace(command=command.id))
    return {command.id for command in members}


def _switch_to(wire: Wire, options: Options, command: Command, what: str, name: str) -> Outcome:
    url = _url(options, f"control/{what}/{_access.part(name)}")
    wanted = _access.request(options, "PATCH", url, {"control_action": command.verb})
    answer = wire.call(wanted, min(wire.until, wire.now() + _access.COMMAND_S))
    why = f"the unit has no outlet {command.address}" if answer.status == 404 else ""
    return _turns.judged(command, answer, why)
