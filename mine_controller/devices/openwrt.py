"""A router with OpenWrt: its uplinks over ubus (JSON-RPC on /ubus), with mwan3 where that watches them.

Needs uhttpd-mod-ubus on the router and an rpcd user that may call `network.interface dump` and `mwan3 status`. An
interface that is "up" is only configured; whether the internet is behind it mwan3 knows, or the kind `uplink`, which
tries it. Forms as in OpenWrt's documentation: a refusal comes with HTTP status 200. mwan3 measures latency and loss
with `check_quality` only and says 0 for both without it; a link it calls "disconnecting" has missed a look or two and
still carries traffic, "offline" is what it has given up (its own source). Its word is a file, which stays as it was
when the process that pings has died (`running` no, `tracking` down), and an interface without a `track_ip` is "online"
for good (`tracking` disabled). After an ifup while its count of answers (`score`) is 0 the word sticks at "online" or
"connecting" though no ping comes back (openwrt/packages issue 18087): then the pings count.
"""

from collections.abc import Sequence
from typing import Any

from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer, _ubus
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Wire

CAN = Can(reads=("link", "latency_ms", "loss_pct"))
LANE = LaneSpec()
NO_MWAN3 = (3, 4)  # no such method, no such object
ALL_PCT = 100


class Options(NamedTuple):
    """The router."""

    url: str = option(kind="url", help="address of the router", example="https://192.168.100.1")
    user: str = option("minectl", help="its rpcd user")
    password: Secret = option(Secret(""), help="that user's password")
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE
    links: tuple[str, ...] = option((), help="the interfaces that are uplinks; default: wan and what begins with it")


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "dump" and "mwan3"; one login before, one logout after. Raises WireError."""
    del ask
    with _ubus.session(wire, options) as call:
        return (call("dump", "network.interface", "dump", {}), call("mwan3", "mwan3", "status", _SECTION))


_SECTION = {"section": "interfaces"}


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`link` of each uplink by its interface's name, with mwan3 also `latency_ms` and `loss_pct`. Raises BadReply."""
    by_name = {reply.name: reply for reply in replies}
    code, dump = _ubus.result(by_name, "dump")
    if code:
        raise BadReply(f"dump: {_ubus.words(code)}")
    interfaces = dump.get("interface")
    if not isinstance(interfaces, list):
        raise BadReply("dump: names no interfaces")
    watched = _watched(by_name)
    found = [one for row in interfaces if isinstance(row, dict) for one in _found(row, watched, options)]
    if not found:
        raise BadReply("dump: none of its interfaces is an uplink; name them in `links`")
    return tuple(found)


def _watched(by_name: dict[str, Reply]) -> dict[str, Any]:
    """What mwan3 says of each interface; nothing where it is not installed. Raises BadReply for another failure."""
    if "mwan3" not in by_name:
        return {}
    code, status = _ubus.result(by_name, "mwan3")
    if code and code not in NO_MWAN3:
        raise BadReply(f"mwan3: {_ubus.words(code)}")
    interfaces = status.get("interfaces")
    return interfaces if isinstance(interfaces, dict) else {}


def _found(row: dict[str, Any], watched: dict[str, Any], options: Options) -> list[Found]:
    name = _answer.clean(str(row.get("interface", "")), 40)
    if name not in options.links if options.links else not name.startswith("wan"):
        return []
    up, seen = row.get("up"), watched.get(name)
    if up is False:
        return [Found(name, "link", "down")]
    if not isinstance(seen, dict):
        return [Found(name, "link", None, "the router only says that it is configured; add mwan3 or a kind `uplink`")]
    unwatched = _unwatched(seen)
    return [Found(name, "link", None, unwatched)] if unwatched else [_link(name, seen), *_figures(name, seen)]


def _unwatched(seen: dict[str, Any]) -> str:
    """Why mwan3 knows nothing of it now; "" where it watches it, or where an older one does not say."""
    tracking = seen.get("tracking")
    if seen.get("running") is not False or (seen.get("status") != "online" and tracking != "down"):
        return ""
    if tracking == "disabled":
        return "mwan3 calls it online and has no track_ip to try"
    return "mwan3 does not watch it now: what it says of it is old"


def _link(name: str, seen: dict[str, Any]) -> Found:
    status = seen.get("status")
    if _all_fail(seen):
        return Found(name, "link", "down")
    if status == "online":
        return Found(name, "link", "up")
    if status in ("offline", "error", "disabled"):
        return Found(name, "link", "down")
    return Found(name, "link", None, f"mwan3 says {_answer.clean(str(status), 30)!r}")


def _all_fail(seen: dict[str, Any]) -> bool:
    """Whether its count has run down to nought and nobody it pings answers, whatever its word still is."""
    tracked = seen.get("track_ip")
    words = {str(one.get("status")) for one in tracked if isinstance(one, dict)} if isinstance(tracked, list) else ()
    return {*words} - {"skipped"} == {"down"} and _answer.number(seen.get("score")) == 0


def _figures(name: str, seen: dict[str, Any]) -> list[Found]:
    """The mean over what mwan3 pinged this time, where it measures; what got no answer back has no latency."""
    tracked = seen.get("track_ip")
    measured = [pair for one in tracked if (pair := _measured(one))] if isinstance(tracked, list) else []
    answered = [latency for latency, loss in measured if loss < ALL_PCT]
    found = [Found(name, "latency_ms", sum(answered) / len(answered))] if answered else []
    if measured:
        found.append(Found(name, "loss_pct", sum(loss for _, loss in measured) / len(measured)))
    return found


def _measured(one: Any) -> tuple[float, float] | None:
    """Latency in ms and loss in per cent; None where it was skipped (the figures are older then) or not measured."""
    if not isinstance(one, dict) or one.get("status") not in ("up", "down"):
        return None
    latency, loss = _answer.number(one.get("latency")), _answer.number(one.get("packetloss"))
    if latency is None or loss is None or latency < 0 or not 0 <= loss <= ALL_PCT:
        return None
    return (latency, loss) if latency or loss else None
