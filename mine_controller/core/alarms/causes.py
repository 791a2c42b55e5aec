"""What an alarm may be a consequence of, by what hangs on what at this site. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mine_controller.core.alarms.catalogue import kind_of
from mine_controller.core.model.quantity import SOURCE_ROLES
from mine_controller.core.model.wiring import MinerSpec, Wiring

LINE, POOL = "uplink_down", "pool_down"
DEVICE = ("device_unreachable", "device_frozen")
NOBODY: Mapping[str, str] = {}
WIDE = frozenset({"site", "fans", "inlet", "fleet", "mains", "store", "disk", "grid", "supply", "signal", "controller"})


def related(cause: str, effect: Mapping[str, Any], wiring: Wiring, works: Mapping[str, str] = NOBODY) -> bool:
    """True when an alarm with the key `cause` may have this one as its consequence: about the same or about all.

    A pool explains what is wrong with who names it (`works`: by miner). A line explains what lies beyond it; whether
    another one is left (`is_cut_off`) is asked beside this.
    """
    kind, _, about = cause.partition(" ")
    what, whom = str(effect["kind"]), str(effect["about"])
    if kind not in kind_of(what).under:
        return False
    if kind in DEVICE:
        return whom in fed_by(about, wiring)
    if kind == LINE:
        return _is_beyond(what, whom, wiring)
    if kind == POOL:
        return works.get(whom) == about
    if kind == "branch_tripped" and what in ("miner_offline", "miner_unseen"):
        return any(spec.id == whom and about in _branches(spec) for spec in wiring.miners)
    if what in DEVICE and kind.endswith("_blind"):
        return about in fed_by(whom, wiring)
    return not kind_of(kind).many or about == whom or about in WIDE


def explained(
    new: Iterable[str], alarms: Mapping[str, Mapping[str, Any]], wiring: Wiring, works: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """(key, cause) of emergencies that stood before one of these new ones, which explains them: it alone is repeated,
    or one heat rings twice. What they explain themselves stays under them. Whoever takes them is to note it at once.

    Of thousands of chips that are too hot no two are compared: nothing is ever their consequence.
    """
    causes = [key for key in new if alarms[key]["severity"] == "emergency" and alarms[key]["kind"] != LINE]
    if not causes:
        return
    grave = [key for key, alarm in alarms.items() if alarm["severity"] == "emergency" and "clear_s" not in alarm]
    able = {kind for what in {alarms[key]["kind"] for key in grave} for kind in kind_of(what).under}
    for cause in causes:
        if alarms[cause]["kind"] not in able or alarms[cause].get("under"):
            continue
        for key in grave:
            if key != cause and not alarms[key].get("under") and related(cause, alarms[key], wiring, works):
                yield key, cause


def is_cut_off(alarms: Mapping[str, Mapping[str, Any]], wiring: Wiring) -> bool:
    """True while every line of the site is told as down."""
    lines = [alarms.get(f"{LINE} {spec.name}") for spec in wiring.uplinks]
    return bool(lines) and all(line is not None and "clear_s" not in line for line in lines)


def fed_by(endpoint: str, wiring: Wiring) -> frozenset[str]:
    """What alarms are about that an endpoint feeds: roles, fans, miners."""
    names = {"inlet_c": "inlet", "signal": "signal", "site_power_w": "site"}
    roles = [name for name, role in wiring.roles.items() if any(_endpoint(key) == endpoint for key in role.keys)]
    out = [names.get(name, name) for name in roles]
    out += ["supply"] if any(name in SOURCE_ROLES for name in roles) else []
    for fan in wiring.fans:
        if endpoint in (_endpoint(fan.switch), _endpoint(fan.watts)):
            out += ["fans", f"fan {fan.name}"]
    out += [spec.id for spec in wiring.miners if endpoint in (spec.group, _endpoint(spec.outlet))]
    out += [name for name, relay in (("lamp", wiring.lamp), ("wall", wiring.wall)) if endpoint == _endpoint(relay)]
    return frozenset((*out, "controller"))


def _is_beyond(what: str, whom: str, wiring: Wiring) -> bool:
    """Of a device, and of the signal by what tells it, it is known where it stands; pools and prices are out there."""
    if what == "device_unreachable":
        return wiring.is_outside(whom)
    role = wiring.roles.get("signal") if what == "signal_blind" else None
    return role is None or any(wiring.is_outside(_endpoint(key)) for key in role.keys)


def _branches(spec: MinerSpec) -> tuple[str, str]:
    return f"breaker {spec.breaker}", f"phase {spec.phase}"


def _endpoint(channel: str) -> str:
    return channel.partition("/")[0].partition(":")[0]
