"""The mine in a few lines of plain text, out of the last book: the heartbeat, and what a chat is answered. Pure.

Unknown is said to be unknown, with the reason; every count says of how many.
"""

from collections.abc import Sequence
from typing import Any

from mine_controller.core.alarms.chatter import now_and_then
from mine_controller.core.fleet import on_above_w, sum_up
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.quantity import QUANTITIES, ROLES, RoleKind
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.wording.spoken import Units, spoken
from mine_controller.core.wording.words import sentence, show_seconds
from mine_controller.record import NamedTuple

AIR = ("inlet_c", "outlet_c", "ambient_c", "humidity_pct")
NAMED = 5
WHY = 80
OPEN = ("active", "acked")  # whoever is shelved or suppressed is not told of
NOTHING = "no tick has finished yet: nothing is known"
NEVER = Value(None, 0, "", "never seen")


class Place(NamedTuple):
    """What the lines need beside the book."""

    policy: Policy
    version: str
    units: Units = Units()


def status(book: Book, place: Place) -> tuple[str, ...]:
    """Mode and why, power, air, miners and fans, alarms, age of each input, how long the machine is up."""
    image = book.image
    if image is None or book.decision is None:
        return (NOTHING,)
    lines = (
        _mode(book, image),
        _power(image, place),
        _air(image, place),
        _counts(book, image, place),
        _alarms_in_short(book, image),
        _ages(image, place),
        f"Controller up {_long(image.clock.boot_s)}, minectl {place.version}",
    )
    return tuple(spoken(line, place.units) for line in lines if line)


def _mode(book: Book, image: Image) -> str:
    for_s = image.clock.plant_s - book.state.mode_s if book.state.mode_s else 0
    since = f" for {_long(for_s)}" if for_s > 0 else ""
    why = sentence(book.decision.why) if book.decision is not None else ""
    return f"{book.state.mode}{since}: {why}"


def _long(seconds: int) -> str:
    """As sentences have it; days from two days on."""
    days, rest = divmod(max(0, seconds), 86_400)
    return f"{days} d {rest // 3600} h" if days > 1 else show_seconds(max(0, seconds))


def _power(image: Image, place: Place) -> str:
    meter, wired = image.site.get("site_power_w", NEVER), "site_power_w" in place.policy.wiring.roles
    known = [watts for watts in image.miners.power_w if watts is not None]
    cap_w, of = place.policy.site.power_cap_w, len(image.miners.power_w)
    cap = f" of {_watts(cap_w)}" if cap_w else ""
    if isinstance(meter.value, int | float):
        share = f" ({meter.value * 100 / cap_w:.0f} %)" if cap_w else ""
        return f"Power {_watts(meter.value, cap_w)}{cap}{share}"
    why = f"; meter unknown: {meter.brief(WHY)}" if wired else ""
    told = f"{_watts(sum(known), cap_w)}{cap}, miners alone, {len(known)} of {of} known" if known else f"unknown{cap}"
    return f"Power {told}{why}" if of or wired else ""


def _watts(watts: float, beside_w: int = 0) -> str:
    """In kW from 1 kW up, and where what stands beside it is."""
    if max(abs(watts), beside_w) < 1000:
        return f"{watts:.0f} W"
    return f"{watts / 1000:z.{1 if abs(watts) >= 100 else 2}f} kW"


def _air(image: Image, place: Place) -> str:
    found = [(ROLES[role], image.site.get(role, NEVER)) for role in AIR if role in place.policy.wiring.roles]
    return ", ".join(_measure(role, value) for role, value in found)


def _measure(role: RoleKind, value: Value) -> str:
    if not isinstance(value.value, int | float):
        return f"{role.label} unknown"
    row = QUANTITIES[role.quantity]
    return f"{role.label} {value.value:.{row.decimals}f} {row.unit}"


def _counts(book: Book, image: Image, place: Place) -> str:
    wiring, parts = place.policy.wiring, []
    if wiring.miners and len(image.miners.power_w) == len(wiring.miners):
        fleet = sum_up(image, book.state, wiring)
        rows = zip(wiring.miners, image.miners.power_w, image.miners.word, strict=True)
        runs = [word == "hashing" if watts is None else watts > on_above_w(spec) for spec, watts, word in rows]
        unknown = f", {fleet.unknown} not measured" if fleet.unknown else ""
        parts.append(f"{sum(runs)} of {len(runs)} miners run{unknown}")
    if image.fans:
        unknown_n = sum(fan.on is None for fan in image.fans)
        parts.append(f"{sum(fan.on is True for fan in image.fans)} of {len(image.fans)} fans on")
        parts += [f"{unknown_n} fans unknown"] if unknown_n else []
    return ", ".join(parts)


def _alarms_in_short(book: Book, image: Image) -> str:
    found = list(_open(book))
    named = [f"{_kind(alarm)} {alarm['about']} ({_lasting(alarm, image)})" for alarm in found[:NAMED]]
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    many = "alarm" if len(found) == 1 else "alarms"
    return f"{len(found)} open {many}: {', '.join(named)}{more}" if found else "No open alarm"


def _open(book: Book) -> list[dict[str, Any]]:
    """The gravest first, then the oldest; an alarm of an older program has no state and counts as active."""
    grave = {"emergency": 0, "warning": 1}
    found = [alarm for alarm in book.state.alarms.values() if alarm.get("state", "active") in OPEN]
    return sorted(found, key=lambda one: (grave.get(str(one["severity"]), 2), int(one["since_s"]), str(one["about"])))


def _kind(alarm: dict[str, Any]) -> str:
    return str(alarm["kind"]).replace("_", " ")


def _lasting(alarm: dict[str, Any], image: Image) -> str:
    lasts = _long(image.clock.plant_s - int(alarm["since_s"]))
    return f"{lasts}, acked" if alarm.get("state") == "acked" else lasts


def _ages(image: Image, place: Place) -> str:
    roles = [name for name in place.policy.wiring.roles if name != "stop" and name in image.site]
    told = [f"{ROLES[name].label.lower()} {_age(image.site[name], image)}" for name in roles if name in ROLES]
    return f"Inputs: {', '.join(told)}" if told else ""


def _age(value: Value, image: Image) -> str:
    age_s = max(0, image.clock.plant_s - value.at_s)
    if value.value is not None:
        return _long(age_s)
    since = f"unknown for {_long(age_s)}" if value.at_s else "never seen"
    return f"{since} ({value.brief(WHY)})" if value.why else since


def by_what(miners: Sequence[MinerSpec]) -> str:
    """How an emergency stop stops them: where fleet.csv knows no outlet of a miner, it is only told."""
    bare = sum(not spec.outlet for spec in miners)
    if not bare:
        return "at the outlets"
    if bare == len(miners):
        return "by its own word, for fleet.csv knows no outlet,"
    return f"at the outlets, {bare} of {len(miners)} miners by their own word for want of one,"


# -- what a chat asks for ---------------------------------------------------------------------------------------------


def why(book: Book, place: Place) -> tuple[str, ...]:
    """Every limit that bites, the strongest first, and what comes next."""
    if book.image is None or book.decision is None:
        return (NOTHING,)
    limits = [f"{one.what}: {sentence(one.reason)}" for one in book.decision.envelope.binding]
    plan = book.decision.plan
    next_step = f"Miners may draw {_watts(plan.permitted_w)}; {len(plan.starts)} start and {len(plan.stops)} stop now"
    left_out: dict[Reason, int] = {}
    for reason in plan.skip.values():
        left_out[reason] = left_out.get(reason, 0) + 1
    skipped = [f"{many} stay off: {sentence(reason)}" for reason, many in list(left_out.items())[:NAMED]]
    lines = (_mode(book, book.image), *dict.fromkeys(limits), next_step, *skipped)
    return tuple(spoken(line, place.units) for line in lines)


def alarms(book: Book, place: Place) -> tuple[tuple[str, str, str], ...]:
    """Every open alarm as (name to ack it by, "" once that is done; severity; its line), the gravest first."""
    if book.image is None:
        return ()
    out = []
    for alarm in _open(book):
        rule, code, numbers = alarm["reason"]
        said = sentence(Reason(str(rule), str(code), tuple((name, value) for name, value in numbers)))
        head = f"{str(alarm['severity']).upper()} {_kind(alarm)} {alarm['about']} ({_lasting(alarm, book.image)})"
        name = str(alarm.get("id", "")) if alarm.get("state", "active") == "active" else ""
        out.append((name, str(alarm["severity"]), f"{head}: {now_and_then(alarm)}{spoken(said, place.units)}"))
    return tuple(out)


def fans(book: Book, place: Place) -> tuple[str, ...]:
    """A line a fan: what its relay says, what it draws, what is made of it."""
    if book.image is None:
        return (NOTHING,)
    seen = {fan.name: fan for fan in book.image.fans}
    out = []
    for spec in place.policy.wiring.fans:
        fan, kept = seen.get(spec.name), book.state.fans.get(spec.name)
        relay = "unknown" if fan is None or fan.on is None else "on" if fan.on else "off"
        metered = f"{fan.watts} W of {spec.normal_w} W" if fan and fan.watts is not None else "watts unknown"
        watts = metered if spec.watts else "no meter"
        out.append(f"Fan {spec.name}: {relay}, {watts}, {kept.state if kept is not None else 'not seen yet'}")
    return tuple(out) or ("no fan is wired",)
