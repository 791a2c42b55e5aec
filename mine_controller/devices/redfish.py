"""A PDU that speaks DMTF Redfish: Server Technology PRO3X/PRO4X, Raritan PX3/PX4, Vertiv, Enlogic, HPE.

Resources as in DMTF's public rack PDU mockup (Outlet v1.4.4, PowerDistributionMetrics v1.4.0). The address of a
switching action is always taken from the resource: vendors put different ones there. Basic authentication on each call,
because units have few session slots.

HPE's G2 (P9S15A) and APC's units call their outlets OUTLET1, OUTLET2 ... and are read like any other. To switch them,
public clients of both and HPE's own power service for clusters (hms-power-control) post a body of another form. None
posts the standard's. Where a stop by the outlet does nothing use `http_pdu` for such a unit: method POST to
`/redfish/v1/PowerEquipment/RackPDUs/1/Outlets/OUTLET{outlet}/Outlet.PowerControl`, off_body in one line
`{"OutletNumber":{outlet},"StartupState":"on","Outletname":"OUTLET{outlet}","OnDelay":0,"OffDelay":0,"RebootDelay":5,`
`"OutletStatus":"off"}`, success_path OutletStatus. It sets name, start-up state and delays each time too: write yours.
"""

from collections.abc import Sequence
from typing import Any

from mine_controller.core.model.command import (
    REFUSED,
    UNREACHABLE,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer, _turns
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import BODY_CAP, Wire, WireError

CAN = Can(reads=("switch", "power_w", "energy_kwh"), verbs=("on", "off"), outlets=True)
LANE = LaneSpec(width=1, call_s=1.0, batch=False, proof_s=10)
BUDGET_S = 12.0  # without $expand every outlet is a call of its own

ROOT = "/redfish/v1/"
EXPANDED = "?$expand=.($levels=1)"
EXPAND_PAYS = 4  # from so many outlets on, one large answer is cheaper than one small one each
COLLECTION_CAP = 4 * BODY_CAP  # 48 expanded outlets with their sensors' excerpts are about 150 KiB
MOST_OUTLETS = 200
MOST_PAGES = 20  # of a collection that comes in parts
PAGE = "outlets:"
_ABSENT = ("Absent", "UnavailableOffline")
_NO_READING = "no meter reading at this outlet"


class Options(NamedTuple):
    """One PDU."""

    url: str = _access.URL
    user: str = _access.USER
    password: Secret = _access.PASSWORD
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE
    pdu: str = option("/redfish/v1/PowerEquipment/RackPDUs/1", help="path of the PDU's own resource")
    expand: str = option(
        "auto", choices=("auto", "yes", "no"), help="read all outlets in one call; auto asks the unit whether it can"
    )
    groups: tuple[str, ...] = option(
        (), help="outlet groups of the unit that may be switched off in one call", example="all: A1-A40, left: A1-A20"
    )
    on_pause_s: float = _access.ON_PAUSE_S
    metered: bool = _access.METERED


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _turns.group_faults(options.groups)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "root" (while `expand` is not settled), "outlets", its further pages "outlets:2" ..., "metrics" and,
    unexpanded, "outlet:A1" ..."""
    replies = []
    expand = options.expand if options.expand != "auto" else ask.memory.get("expand", "")
    if expand not in ("yes", "no"):
        root = _get(wire, options, "root", ROOT)
        replies.append(root)
        if root.status == _access.NO_LOGIN:
            return (root,)
        expand = "yes" if _can_expand(root) else "no"
    outlets = _get(wire, options, "outlets", _outlets(options) + (EXPANDED if expand == "yes" else ""))
    if outlets.status == _access.NO_LOGIN:
        return (*replies, outlets)
    if expand == "yes" and not 200 <= outlets.status < 300:
        replies.append(outlets._replace(name="expanded"))
        outlets = _get(wire, options, "outlets", _outlets(options))
    pages = _pages(wire, options, outlets)
    metrics = _access.ask_beside(wire, "metrics", _request(options, options.pdu.rstrip("/") + "/Metrics"))
    return (*replies, *pages, metrics, *_each(wire, options, ask, pages))


def _pages(wire: Wire, options: Options, first: Reply) -> list[Reply]:
    """The collection, whole: a unit may give it in parts, each with where the next one is (DSP0266, `nextLink`)."""
    pages, asked = [first], set()
    while len(pages) < MOST_PAGES:
        url = _access.on_host(options.url, _next(pages[-1]))
        if url is None or url in asked:
            break
        asked.add(url)
        wanted = _access.request(options, "GET", url, cap=COLLECTION_CAP)
        pages.append(_access.ask_beside(wire, f"{PAGE}{len(pages) + 1}", wanted))
    return pages


def _next(page: Reply) -> str:
    try:
        return str(_answer.table(page).get("Members@odata.nextLink", ""))
    except BadReply:
        return ""


def _each(wire: Wire, options: Options, ask: Ask, pages: Sequence[Reply]) -> list[Reply]:
    """The outlets that the collection only names, one by one."""
    named = [row for page in pages for row in _members(page) if "PowerState" not in row]
    replies = []
    for row in named[:MOST_OUTLETS]:
        name, url = _name(row), _access.on_host(options.url, str(row.get("@odata.id", "")))
        if url and _turns.is_outlet(name) and (not ask.channels or name in ask.channels):
            replies.append(_access.ask_beside(wire, f"outlet:{name}", _access.request(options, "GET", url)))
    return replies


def _request(options: Options, path: str) -> Any:
    return _access.request(options, "GET", _access.under(options.url, path), cap=COLLECTION_CAP)


def _get(wire: Wire, options: Options, name: str, path: str) -> Reply:
    return _access.ask(wire, name, _request(options, path))


def _outlets(options: Options) -> str:
    return options.pdu.rstrip("/") + "/Outlets"


def _can_expand(root: Reply) -> bool:
    try:
        features = _answer.dig(_answer.table(root), "ProtocolFeaturesSupported.ExpandQuery")
    except BadReply:
        return False
    return isinstance(features, dict) and features.get("Levels") is True and features.get("NoLinks") is True


def _members(outlets: Reply) -> list[dict[str, Any]]:
    """One page's members; none when it can't be read (then `parse` says so of the first)."""
    try:
        members = _answer.table(outlets).get("Members")
    except BadReply:
        return []
    return [row for row in members if isinstance(row, dict)] if isinstance(members, list) else []


def _name(row: dict[str, Any]) -> str:
    """How the outlet is called: its Id, or the last part of its path where the collection gives only that."""
    return str(row.get("Id") or str(row.get("@odata.id", "")).rstrip("/").rpartition("/")[2])


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Per outlet `switch`, `power_w`, `energy_kwh` (it grows with any load); the unit's total without channel."""
    named = {reply.name: reply for reply in replies}
    outlets = named.get("outlets")
    if outlets is None:
        raise BadReply(f"root: {_turns.LOGIN}" if "root" in named else "outlets: not asked")
    if not isinstance(_answer.table(outlets).get("Members"), list):
        raise BadReply("outlets: no list of outlets in it")
    pages = [outlets, *(reply for reply in replies if reply.name.startswith(PAGE))]
    found: list[Found] = []
    for row in (each for page in pages for each in _members(page)):
        name = _name(row)
        if not _turns.is_outlet(name):
            continue
        if "PowerState" in row:
            found += _outlet(name, row)
        elif (one := named.get(f"outlet:{name}")) is not None:
            found += _read_alone(name, one)
    found += _total(named.get("metrics"))
    return (*found, *_expansion(named, outlets, options))


def _read_alone(name: str, reply: Reply) -> list[Found]:
    try:
        return _outlet(name, _answer.table(reply))
    except BadReply as error:
        return [Found(name, "switch", None, str(error)), Found(name, "power_w", None, str(error))]


def _outlet(name: str, row: dict[str, Any]) -> list[Found]:
    state = _answer.dig(row, "Status.State")
    if state in _ABSENT:
        why = f"the outlet is {str(state).lower()}"
        return [Found(name, "switch", None, why), Found(name, "power_w", None, why)]
    watts, energy = _reading(row, "PowerWatts"), _reading(row, "EnergykWh")
    found = [_switch(name, row), Found(name, "power_w", watts, "" if watts is not None else _NO_READING)]
    return found if energy is None else [*found, Found(name, "energy_kwh", energy)]


def _switch(name: str, row: dict[str, Any]) -> Found:
    """On and off are facts; while it is switching the outlet is neither."""
    word = row.get("PowerState")
    if word in ("PoweringOn", "PoweringOff") or row.get("PowerStateInTransition") is True:
        return Found(name, "switch", None, f"is switching ({_answer.clean(word, 20)})")
    if word in ("On", "Off"):
        return Found(name, "switch", str(word).lower())
    return Found(name, "switch", None, f"unknown power state {_answer.clean(word, 20)!r}")


def _reading(row: dict[str, Any], what: str) -> float | None:
    return _answer.number(_answer.dig(row, f"{what}.Reading"))


def _total(metrics: Reply | None) -> list[Found]:
    if metrics is None:
        return []
    try:
        sums = _answer.table(metrics)
    except BadReply as error:
        return [Found("", "power_w", None, str(error))]
    watts, energy = _reading(sums, "PowerWatts"), _reading(sums, "EnergykWh")
    found = [Found("", "power_w", watts, "" if watts is not None else "the unit gives no total")]
    return found if energy is None else [*found, Found("", "energy_kwh", energy)]


def _expansion(named: dict[str, Reply], outlets: Reply, options: Options) -> list[Found]:
    """What to remember of `expand = auto`: who can't is asked one by one from now on. A fault proves nothing."""
    members = _members(outlets)
    if options.expand != "auto" or not members:
        return []
    if "PowerState" in members[0]:
        return [Found("expand", "memory", "yes")]
    failed, root = named.get("expanded"), named.get("root")
    if (failed is not None and failed.status >= 500 and failed.status != 501) or (
        root is not None and root.status != 200
    ):
        return []
    return [Found("expand", "memory", "no")]


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Whole groups in one call, the rest outlet by outlet: its resource (where to post, is it locked), then once."""
    wire, commands = _turns.one_login(wire), _turns.switchable(batch, report)
    grouped = _turns.whole_groups(commands, _turns.groups_of(options.groups))
    done: set[str] = set()
    for name, members in grouped.items():
        done |= _group_off(wire, options, name, members, report)
    rest = [command for command in commands if command.id not in done]
    known = _targets(wire, options, rest)
    _turns.in_turn(
        wire,
        rest,
        report,
        lambda command: _switch_one(wire, options, command, known.get(command.address)),
        options.on_pause_s,
    )


def _group_off(wire: Wire, options: Options, name: str, members: list[Command], report: Report) -> set[str]:
    """The ids of the commands this settled; empty when the group can't be used and nothing was sent."""
    try:
        path = f"{options.pdu.rstrip('/')}/OutletGroups/{_access.part(name)}"
        target = _group_target(_answer.table(_get(wire, options, "group", path)), members)
        url = _access.on_host(options.url, target)
    except (WireError, BadReply):
        return set()  # only a read failed: every outlet gets its own turn and its own reason
    if url is None or wire.now() >= wire.until:
        return set()
    outcome = _turns.one(wire, members[0], lambda command: _post_off(wire, options, command, url))
    if outcome.verdict in (REFUSED, UNSUPPORTED, UNREACHABLE):
        return set()
    for command in members:
        report(outcome._replace(command=command.id))
    return {command.id for command in members}


def _group_target(group: dict[str, Any], members: list[Command]) -> str:
    """Where the group is switched; "" when the unit's idea of the group holds an outlet that is not to go off.

    From OutletGroup v1.2 on a group may hold other groups, whose outlets go with it and are not in its list.
    """
    links = group.get("Links")
    if isinstance(links, dict) and (links.get("OutletGroups") or links.get("OutletGroups@odata.count")):
        return ""
    wanted = {command.address for command in members}
    listed = _answer.dig(group, "Links.Outlets")
    if isinstance(listed, list):
        theirs = {_name(row) if isinstance(row, dict) else "" for row in listed}
        if theirs != wanted:
            return ""
    return _target(group, "#OutletGroup.PowerControl")


def _post_off(wire: Wire, options: Options, command: Command, url: str) -> Outcome:
    return _post(wire, options, command, url, "Off")


def _target(row: dict[str, Any], action: str) -> str:
    actions = row.get("Actions")
    entry = actions.get(action) if isinstance(actions, dict) else None
    return str(entry.get("target", "")) if isinstance(entry, dict) else ""


def _targets(wire: Wire, options: Options, batch: Sequence[Command]) -> dict[str, dict[str, Any]]:
    """The outlets' resources out of one expanded collection, when the batch is large enough to be worth it."""
    if len(batch) < EXPAND_PAYS or options.expand == "no" or wire.now() >= wire.until:
        return {}
    try:
        outlets = _get(wire, options, "outlets", _outlets(options) + EXPANDED)
    except (WireError, BadReply):
        return {}  # each outlet is then asked alone and tells its own reason
    return {_name(row): row for row in _members(outlets) if "Actions" in row}


def _switch_one(wire: Wire, options: Options, command: Command, row: dict[str, Any] | None) -> Outcome:
    if row is None:
        try:
            path = f"{_outlets(options)}/{_access.part(command.address)}"
            row = _answer.table(_get(wire, options, "outlet", path))
        except WireError as error:
            return Outcome(command.id, UNREACHABLE, f"before switching: {error.why}")
        except BadReply as error:
            return Outcome(command.id, REFUSED, f"before switching: {error}")
    if _name(row) != command.address:
        return Outcome(command.id, REFUSED, f"the unit answered for outlet {_answer.clean(_name(row), 20)!r}")
    if row.get("PowerControlLocked") is True:
        return Outcome(command.id, REFUSED, "the outlet is locked at the PDU")
    target = _target(row, "#Outlet.PowerControl")
    if not target:
        return Outcome(command.id, UNSUPPORTED, "the outlet can't be switched")
    url = _access.on_host(options.url, target)
    if url is None:
        return Outcome(command.id, REFUSED, "the unit names an address elsewhere for switching")
    return _turns.one(wire, command, lambda each: _post(wire, options, each, url, "On" if each.verb == "on" else "Off"))


def _post(wire: Wire, options: Options, command: Command, url: str, state: str) -> Outcome:
    wanted = _access.request(options, "POST", url, {"PowerState": state})
    answer = wire.call(wanted, min(wire.until, wire.now() + _access.COMMAND_S))
    return _turns.judged(command, answer, _message(answer.body) if answer.status >= 400 else "")


def _message(body: bytes) -> str:
    """The message of a Redfish error, or ""."""
    try:
        found = _answer.tree(Reply("error", 200, {}, body))
    except BadReply:
        return ""
    message = _answer.dig(found, "error.message")
    return message if isinstance(message, str) else ""
