"""OpenMPTCProuter: the bonded uplinks of an OpenWrt-based router, by its own ubus object.

`statusinterfaces` is light and asked each time; `status` runs pings and downloads on the router while one waits, so it
is asked every ten minutes at most; where it takes longer than there is, or fails, the light one is read in its place
until it is due again. Forms after OpenMPTCProuter's Lua source: `status` of a WAN is OK, WARNING or ERROR,
latency is a text in ms that may be empty, `tun_state` says whether the bonding itself stands. WARNING may mean that the
server did not answer through this line, or that its gateway did not and the server was never asked: the line counts as
up then only where the router's own tracker says `state` up, and as down where it says so.
"""

from collections.abc import Sequence
from typing import Any

from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer, _ubus
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Wire, WireError

CAN = Can(reads=("link", "latency_ms"))
LANE = LaneSpec()
OBJECT = "openmptcprouter"
TUNNEL = "tunnel"
CALLED_ALIKE = "two lines of the router are called so: give each a label of its own"
BUDGET_S = 15.0  # its `status` takes many seconds
LIGHT_S = 4.0  # of that are kept for `statusinterfaces` and the logout
LINKS = {"OK": "up", "WARNING": "up", "ERROR": "down"}


class Options(NamedTuple):
    """The router."""

    url: str = option(kind="url", help="address of the router", example="https://192.168.100.1")
    user: str = option("minectl", help="its rpcd user")
    password: Secret = option(Secret(""), help="that user's password")
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE
    full_every_s: int = option(
        600, low=600, high=86_400, unit="s", help="how often the router measures anew, which loads it for seconds"
    )


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Reply "status" where it is due and comes, else "interfaces". Raises WireError."""
    last = ask.memory.get("full", "")
    full = not last.isdecimal() or ask.at_s - int(last) >= options.full_every_s or int(last) > ask.at_s
    asked = (Reply("asked", 200, {}, str(ask.at_s).encode()),) if full else ()
    with _ubus.session(wire, options) as call:
        status = _measured(call, wire.until - LIGHT_S - wire.now()) if full else None
        return (status or call("interfaces", OBJECT, "statusinterfaces", {}), *asked)


def _measured(call: _ubus.Call, longest_s: float) -> Reply | None:
    """What the router tells after measuring; None where that does not come in time, or is refused."""
    try:
        status = call("status", OBJECT, "status", {}, longest_s)
        code, _ = _ubus.result({"status": status}, "status")
    except (WireError, BadReply):
        return None
    return None if code else status


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`link`, `latency_ms` of each WAN by its label where no other has that, else by its name; "tunnel" is the bond.

    Raises BadReply.
    """
    del options
    by_name = {reply.name: reply for reply in replies}
    name = "status" if "status" in by_name else "interfaces"
    code, tree = _ubus.result(by_name, name)
    if code:
        raise BadReply(f"{name}: {_ubus.words(code)}")
    wans = tree.get("wans")
    if not isinstance(wans, list):
        raise BadReply(f"{name}: names no uplinks")
    rows = [row for row in wans if isinstance(row, dict)]
    labels = [_shown(row.get("label")) for row in rows]
    taken = {label for label in labels if label and labels.count(label) > 1}
    found = [one for row in rows for one in _wan(row, {*taken, TUNNEL})]
    found += [Found(label, "link", None, CALLED_ALIKE) for label in sorted(taken - {TUNNEL})]
    whole = tree.get(OBJECT)
    if isinstance(whole, dict) and "tun_state" in whole:
        found.append(_tunnel(whole))
    if not found:
        raise BadReply(f"{name}: none of its uplinks has a name")
    if "asked" in by_name:
        found.append(Found("full", "memory", by_name["asked"].body.decode("ascii", "replace")))
    return tuple(found)


def _shown(name: Any) -> str:
    return _answer.clean(str(name or ""), 40).replace("/", " ")


def _wan(row: dict[str, Any], taken: set[str]) -> list[Found]:
    label = _shown(row.get("label"))
    name = label if label and label not in taken else _shown(row.get("name"))
    if not name or name in taken:
        return []
    status = row.get("status")
    word = LINKS.get(status) if isinstance(status, str) else None
    if (word is None or status == "WARNING") and row.get("state") == "down":
        word = "down"
    why = f"its status is {_answer.clean(str(status), 30)!r}"
    if word == "up" and row.get("state") != "up" and (silent := _silent(row)):
        word, why = None, f"the {silent} does not answer through it"
    found = [Found(name, "link", word, "" if word else why)]
    latency = _answer.number(row.get("latency"))
    if latency is not None:
        found.append(Found(name, "latency_ms", latency))
    return found


def _silent(row: dict[str, Any]) -> str:
    """Who did not answer through a line; "" where nobody is known not to. A gateway may be one that answers nobody."""
    if row.get("server_ping") == "DOWN":
        return "server"
    return "gateway" if row.get("gw_ping") == "DOWN" and row.get("server_ping") != "UP" else ""


def _tunnel(whole: dict[str, Any]) -> Found:
    word = {"UP": "up", "DOWN": "down"}.get(str(whole.get("tun_state")))
    return Found(TUNNEL, "link", word, "" if word else "the router has no tunnel")
