"""What reached a mine from outside, out of its records: signal, prices, air, grid, supply, uplinks, and what broke.

Another config would have switched other miners, so recorded watts and inlet temperatures are of no use to it; what no
config can change is. Beside it stands what the mine itself came to, which is what a twin has to reproduce. Moments are
wall seconds (UTC). A moment that no tick saw belongs to nobody.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from mine_controller.core.fleet import on_above_w
from mine_controller.core.freeze import freeze
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.reading import Scalar
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import MinerSpec, Wiring
from mine_controller.core.money import prices
from mine_controller.play.replay import MOST_TICKS, Part, paths_to
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.ran_on import Policies
from mine_controller.twin.boards import factor

# Roles no config can change. Inlet, hot aisle and site power follow from what is switched: they are the twin's.
ROLES = (
    "signal", "ambient_c", "grid_hz", "voltage_v", "supply_kw", "battery_soc_pct", "generator_load_pct", "smoke",
    "water", "door", "mains", "stop", "export_w",
)  # fmt: skip
HOLE_S = 900  # ticks further apart than this say nothing of the time between them
DEAD_S = 1200  # a fed miner that draws nothing for so long has a fault of its own
FAN_DEAD_S = 600
FAN_DEAD_PCT = 30
SAMPLES = 200  # of a miner's watts: more say nothing new

Known = tuple[Scalar, str]  # a value, and why it is unknown


class Track(NamedTuple):
    """A value by time: it holds from its moment until the next one."""

    at_s: tuple[int, ...] = ()
    known: tuple[Known, ...] = ()

    def at(self, wall_s: float) -> Known:
        """What held then; before the first moment the first one did."""
        if not self.at_s:
            return None, "never recorded"
        return self.known[max(0, bisect_right(self.at_s, wall_s) - 1)]

    def then(self, other: "Track") -> "Track":
        """This one, and the other after it."""
        skip = 1 if self.known and other.known and self.known[-1] == other.known[0] else 0
        return Track(self.at_s + other.at_s[skip:], self.known + other.known[skip:])


class Seen(NamedTuple):
    """What one tick's end saw of the mine. None = not known."""

    at_s: int
    miners_w: int | None
    inlet_c: float | None
    signal: str | None
    price: float | None
    site_w: int | None
    starts: int  # miners seen on that were off before


class Outside(NamedTuple):
    """All of it. `tracks` by "role NAME", "price KEY", "link NAME", "health ENDPOINT", "miner ID" and "fan NAME"."""

    tracks: dict[str, Track]
    seen: tuple[Seen, ...]
    requests: tuple[tuple[int, Request], ...]  # what persons asked for, by the tick that took it
    watts: dict[str, tuple[int, ...]]  # by miner: deciwatts at 25 °C while it ran

    @property
    def since(self) -> int:
        """The first tick."""
        return self.seen[0].at_s

    @property
    def until(self) -> int:
        """The last tick."""
        return self.seen[-1].at_s

    def holes(self) -> tuple[tuple[int, int], ...]:
        """(from, to) of every time nobody saw."""
        return tuple((one.at_s, after.at_s) for one, after in pairwise(self.seen) if after.at_s - one.at_s > HOLE_S)

    def then(self, other: "Outside") -> "Outside":
        """This stretch and the one after it."""
        names = dict.fromkeys((*self.tracks, *other.tracks))
        tracks = {name: self.tracks.get(name, Track()).then(other.tracks.get(name, Track())) for name in names}
        asked = {request.id for _, request in self.requests}
        more = tuple(one for one in other.requests if one[1].id not in asked)
        ids = dict.fromkeys((*self.watts, *other.watts))
        watts = {name: (*self.watts.get(name, ()), *other.watts.get(name, ()))[:SAMPLES] for name in ids}
        return Outside(tracks, (*self.seen, *other.seen), (*self.requests, *more), watts)


class Begin(NamedTuple):
    """How the mine stood when the time begins: the state of the anchor before, and the first image after it."""

    state: State
    policy: Policy
    image: Image
    configs: int  # how many configs the time ran on
    tick_s: int


def recorded(part: Part) -> Outside:
    """What a stretch of records holds. Raises StoreTrouble, and ValueError for a damaged record or policy."""
    notes, kept = _Notes(), query.anchor(paths_to(part.db), part.since - 1)
    before = None if kept is None else kept.image
    for _at, image, policy in _images(part):
        if before is not None:
            notes.remember(before, policy.wiring.miners)
            before = None
        notes.take(image, policy)
    return notes.outside()


def begin(part: Part, until: int) -> Begin | None:
    """How it stood at the beginning of a stretch; the policy is the newest up to `until`. None: no record is kept."""
    paths = paths_to(part.db)
    rows = query.ticks(paths, part.since, until, MOST_TICKS)
    first = next(_images(part), None)
    if first is None or not rows:
        return None
    policy = Policies(paths).of(rows[0].config_sha, rows[0].code) or first[2]
    kept = query.anchor(paths, part.since - 1)
    configs = len({row.config_sha for row in rows})
    return Begin(State() if kept is None else kept.state, policy, first[1], configs, first[1].clock.tick_s)


def _images(part: Part) -> Iterator[tuple[int, Image, Policy]]:
    """(tick, image, policy) of each tick's last round, with what was asked for in any of them; nothing is decided."""
    paths = paths_to(part.db)
    policies = Policies(paths)
    names = {row.tick_at: (row.config_sha, row.code) for row in query.ticks(paths, part.since, part.until, MOST_TICKS)}
    kept = query.anchor(paths, part.since - 1)
    image = None if kept is None else kept.image
    last: tuple[int, Image, Policy] | None = None
    for one in query.records(paths, part.since, part.until):
        policy = policies.of(*names[one.tick_at]) if one.tick_at in names else None
        if policy is None:
            continue
        image = freeze(image, one.readings, policy.wiring, one.clock, one.requests)
        asked = one.requests
        if last is not None and last[0] == one.tick_at:
            asked = (*last[1].requests, *asked)
        elif last is not None:
            yield last
        last = (one.tick_at, image._replace(requests=asked), policy)
    if last is not None:
        yield last


class _Notes:
    """What is written down while the images go by."""

    def __init__(self) -> None:
        self.at: dict[str, list[int]] = {}
        self.known: dict[str, list[Known]] = {}
        self.seen: list[Seen] = []
        self.requests: dict[int, tuple[int, Request]] = {}
        self.watts: dict[str, list[int]] = {}
        self.on: dict[str, bool] = {}
        self.since: dict[str, int] = {}  # by "miner ID" and "fan NAME": when its trouble began

    def outside(self) -> Outside:
        """All that was noted."""
        tracks = {name: Track(tuple(at), tuple(self.known[name])) for name, at in self.at.items()}
        watts = {name: tuple(column) for name, column in self.watts.items()}
        return Outside(tracks, tuple(self.seen), tuple(self.requests.values()), watts)

    def _note(self, name: str, wall_s: int, known: Known) -> None:
        column = self.known.setdefault(name, [])
        if not column or column[-1] != known:
            self.at.setdefault(name, []).append(wall_s)
            column.append(known)

    def take(self, image: Image, policy: Policy) -> None:
        """One tick."""
        wall_s, wiring = image.clock.wall_s, policy.wiring
        for name, known in _outer(image, wiring):
            self._note(name, wall_s, known)
        for request in image.requests:
            self.requests.setdefault(request.id, (wall_s, request))
        starts = self._miners(image, wiring.miners)
        self._fans(image, wiring)
        self.seen.append(_seen(image, wiring, starts))

    def remember(self, image: Image, specs: Sequence[MinerSpec]) -> None:
        """Who was on before the stretch: a start at its edge is one."""
        watts = dict(zip(image.miners.ids, image.miners.power_w, strict=True))
        self.on = {spec.id: known > on_above_w(spec) for spec in specs if (known := watts.get(spec.id)) is not None}

    def _miners(self, image: Image, specs: Sequence[MinerSpec]) -> int:
        starts, inlet = 0, image.site.get("inlet_c")
        warm = factor(float(inlet.value)) if inlet is not None and isinstance(inlet.value, int | float) else 1.0
        for at, spec in enumerate(specs):
            watts = image.miners.power_w[at]
            if watts is None:
                continue
            on = watts > on_above_w(spec)
            starts += on and self.on.get(spec.id) is False
            if on and self.on.get(spec.id) and len(self.watts.setdefault(spec.id, [])) < SAMPLES:
                self.watts[spec.id].append(round(10 * watts / warm))
            self.on[spec.id] = on
            fed = image.miners.outlet[at] == "on" and image.miners.word[at] in ("offline", "error", None)
            self._trouble(f"miner {spec.id}", image.clock.wall_s, bad=fed and not on, after_s=DEAD_S)
        return starts

    def _fans(self, image: Image, wiring: Wiring) -> None:
        for fan, spec in zip(image.fans, wiring.fans, strict=True):
            if fan.watts is not None and fan.on is not None:
                still = fan.on and fan.watts * 100 < spec.normal_w * FAN_DEAD_PCT
                self._trouble(f"fan {spec.name}", image.clock.wall_s, bad=still, after_s=FAN_DEAD_S)

    def _trouble(self, name: str, wall_s: int, *, bad: bool, after_s: int) -> None:
        """A trouble that lasts is one from its beginning on."""
        if not bad:
            self.since.pop(name, None)
            if name in self.known:
                self._note(name, wall_s, ("well", ""))
        elif wall_s - self.since.setdefault(name, wall_s) >= after_s:
            self._note(name, self.since[name], ("dead", ""))


def _outer(image: Image, wiring: Wiring) -> Iterator[tuple[str, Known]]:
    """(track, value) of everything from outside that this image shows."""
    site, now_s = image.site, image.clock.plant_s
    for name in ROLES:
        held = site.get(name)
        if held is not None and (held.value is not None or name != "ambient_c"):  # the air is there, seen or not
            yield f"role {name}", (held.value, held.why)
    inlet = site.get("inlet_c")
    if "ambient_c" not in wiring.roles and inlet is not None and inlet.value is not None:
        yield "inlet", (inlet.value, "")
    dew = site.get("dew_c")
    if dew is not None and dew.value is not None:
        yield "dew", (dew.value, "")
    for key in wiring.roles[prices.ROLE].keys if prices.ROLE in wiring.roles else ():
        held = image.channels.get(key)
        yield f"price {key}", (None, "never read") if held is None else (held.value, "")
    for link in wiring.uplinks:
        held = image.channels.get(f"{link.channel}:link")
        fresh = held is not None and held.value is not None and now_s - held.at_s <= HOLE_S
        yield f"link {link.name}", (held.value, "") if held is not None and fresh else (None, "no answer")
    for name in wiring.endpoints:
        held = image.channels.get(f"{name}:health")
        if held is not None:
            yield f"health {name}", (held.value, held.why if held.value is None else "")


def _seen(image: Image, wiring: Wiring, starts: int) -> Seen:
    site = image.site

    def number(role: str) -> Any:
        held = site.get(role)
        return held.value if held is not None and isinstance(held.value, int | float) else None

    known = [watts for watts in image.miners.power_w if watts is not None]
    signal = site.get("signal")
    price = prices.price_at(prices.slots_of(image, wiring), image.clock.wall_s)
    said = str(signal.value) if signal is not None and signal.value is not None else None
    whole = 2 * len(known) > len(wiring.miners)
    return Seen(
        image.clock.wall_s,
        sum(known) if whole else None,
        number("inlet_c"),
        said,
        price,
        number("site_power_w"),
        starts,
    )


def ambient_shift_k(outside: Outside) -> float:
    """How far the probe outside shows more than there is: no inlet is colder than the air it takes in."""
    track = outside.tracks.get("role ambient_c", Track())
    pairs = ((row.inlet_c, track.at(row.at_s)[0]) for row in outside.seen)
    above = sorted(
        inlet_c - air_c for inlet_c, air_c in pairs if inlet_c is not None and isinstance(air_c, int | float)
    )
    return min(0.0, above[len(above) // 2]) if above else 0.0


def sizes(outside: Outside, specs: Iterable[MinerSpec]) -> dict[str, float]:
    """Watts of each miner at full power and 25 °C: the middle of what was measured, else as configured."""
    found: Mapping[str, tuple[int, ...]] = outside.watts
    return {spec.id: median(found[spec.id]) / 10 if found.get(spec.id) else float(spec.nominal_w) for spec in specs}


def joined(stretches: Sequence[Outside]) -> Outside:
    """All stretches, in the order of time."""
    whole = Outside({}, (), (), {})
    for one in stretches:
        whole = whole.then(one)
    return whole
