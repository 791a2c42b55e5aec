"""The fleet summed up once a round: who is on, what they draw, what counts as dark. Pure.

Thresholds after DESIGN law 10: "still on" = above max(15 % of nominal, 2 x standby); the curtailed floor
X = max(5 % of the load before, 1.25 x standby + min(10 kW, 2 % of nominal)); an unknown miner counts nominal x 1.10.
Learned watts may only raise what an unknown or a starting miner counts: for limits, the configured power is the least.
"""

from collections.abc import Sequence
from operator import gt

from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Scalar
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import MinerSpec, Wiring
from mine_controller.core.once import Once, each
from mine_controller.record import NamedTuple

FLOOR_SPARE_W = 10_000
LEAST_SPARE_W = 2  # a paused board's own figure for its watts goes up and down by as much
FALL_S = 60  # the meter on the feed shows a mean, or what was a while ago: so long it may lag behind a stop
MOST_PATIENCE_S = 3600  # no kind of miner is given more for its ramp
APART_PCT = 10  # meter and sum: further apart than this one of them lies
RISEN_PCT = 50  # a start is proven at this share of what the miner is to draw
ASLEEP = frozenset({"sleeping", "stopped"})
AWAY = ("maintenance", "spare")  # flags of fleet.csv: a person says that it does not take part


def wordy(spec: MinerSpec, image: Image, at: int) -> bool:
    """True for a unit no meter was ever seen for: absent is not unknown, so its own word says whether it runs."""
    return image.miners.power_at[at] == 0 and not (spec.outlet and spec.outlet_metered)


def _is_aside(spec: MinerSpec) -> bool:
    return not spec.outlet and any(flag in spec.flags for flag in AWAY)


_aside_of = Once(lambda miners: tuple(at for at, spec in enumerate(miners) if _is_aside(spec)))


def shelved(spec: MinerSpec, image: Image, state: State, at: int) -> bool:
    """True for a unit marked away that hangs on no outlet we know and of which nobody ever heard or measured anything:
    absent, like one that is not listed. Once anything was heard of it, its silence is unknown, as anybody's.
    """
    if not _is_aside(spec):
        return False
    miners, unit = image.miners, state.units.get(spec.id)
    heard = miners.power_at[at] or miners.word_at[at] or miners.address[at] is not None
    known = spec.id in state.miners or (unit is not None and (unit.address or unit.run_dw))
    return not heard and not known


def full_w(spec: MinerSpec, state: State) -> int:
    """What it draws at full power, on the safe side: configured, or learned where that is more."""
    unit = state.units.get(spec.id)
    return spec.nominal_w if unit is None else max(spec.nominal_w, unit.run_dw // 10)


class Fleet(NamedTuple):
    """Columns in wiring order and their sums, all whole watts."""

    on: tuple[bool, ...]  # drawing; or unknown, unless it says itself that it sleeps
    est_w: tuple[int, ...]  # known watts, else nominal x 1.10
    unknown: int  # miners whose watts are not known
    on_n: int
    starting_n: int  # told to run, not yet seen on
    starting_w: int  # what they will draw beyond what they draw now (1.05 x nominal)
    measured_w: int | None  # sum of the known; None when none is
    miners_w: int  # sum of est_w
    nominal_w: int
    standby_w: int
    fans_w: int | None
    meter_w: int | None  # the site meter, when wired and fresh
    other_w: int  # fans and everything else on the meter, best estimate
    proof_w: int  # what curtailment is judged by: the sum; where some are unknown, no more than the meter less the fans
    trusted: int = 0  # of the unknown, those whose own word of sleep is the best proof this site can have
    most_w: int = 0  # miners_w, no word of sleep believed: the most that outlets and estimates account for
    fans_most_w: int = 0  # what the fans may draw, those nobody reads a tenth more than usual
    falling_w: int = 0  # what the site meter may still show of miners that have just gone down
    away_n: int = 0  # listed and on a shelf: in none of these sums, and no part of the mine's size

    @property
    def size(self) -> int:
        """How many the mine has: what is a fifth of it, and of how many something is told."""
        return len(self.on) - self.away_n


def on_above_w(spec: MinerSpec) -> int:
    """A miner drawing more than this is still on."""
    return max(spec.nominal_w * 15 // 100, 2 * spec.standby_w)


def risen_w(spec: MinerSpec, image: Image, state: State) -> int:
    """Watts that prove a start: half of what it draws when it runs, which a limit of its own or a lower clock may have
    put far below what is configured."""
    usual, unit = [spec.nominal_w], state.units.get(spec.id)
    told = image.channels.get(f"{spec.group}/{spec.mac}:limit_w")
    if told is not None and isinstance(told.value, int | float) and told.value > 0:
        usual.append(int(told.value))
    if unit is not None and unit.run_dw:
        usual.append(unit.run_dw // 10)
    return max((min(usual) * RISEN_PCT + 99) // 100, on_above_w(spec) + 1)


marks_of = Once(each(on_above_w))
ids_of = Once(each(lambda spec: spec.id))
macs_of = Once(each(lambda spec: spec.mac))
_nominal_w_of = Once(lambda miners: sum(spec.nominal_w for spec in miners))
_standby_w_of = Once(lambda miners: sum(spec.standby_w for spec in miners))


def floor_w(before_w: int, fleet: Fleet) -> int:
    """X: below this the site counts as curtailed."""
    return floor_of(before_w, fleet.nominal_w, fleet.standby_w)


def floor_of(before_w: int, nominal_w: int, standby_w: int) -> int:
    """The same of a fleet's watts; always above what is drawn when everybody sleeps."""
    return max(before_w * 5 // 100, standby_w * 125 // 100 + spare_w(nominal_w))


def spare_w(nominal_w: int) -> int:
    """What X has for whatever else may be drawn, whoever sleeps."""
    return min(FLOOR_SPARE_W, max(LEAST_SPARE_W, nominal_w * 2 // 100))


def sum_up(image: Image, state: State, wiring: Wiring) -> Fleet:
    """The fleet of this image."""
    on, est, unknown, spared_w, trusted = _estimated(image, state, wiring)
    told = starting(est, state, wiring)
    away = [wiring.miners[at] for at in _aside_of(wiring.miners) if shelved(wiring.miners[at], image, state, at)]
    nominal_w = _nominal_w_of(wiring.miners) - sum(spec.nominal_w for spec in away)
    miners_w = sum(est)
    measured = sum(watts for watts in image.miners.power_w if watts is not None)
    fans_w, meter_w = _fans_w(image), _meter_w(image)
    known = unknown == 0
    fans_most_w = _fans_guess_w(image, state, wiring)  # an unknown fan is no fan less
    proof = most_w = miners_w + spared_w  # a word spares room under the cap; it proves no darkness
    beyond_w = 0 if meter_w is None else meter_w - most_w - fans_most_w
    falling_w = min(beyond_w, _falling_w(est, state, wiring, image.clock.plant_s)) if beyond_w > 0 else 0
    other = fans_most_w + max(0, beyond_w - falling_w)  # what no miner can be drawing
    if meter_w is not None and not known and not _is_too_little(meter_w, measured + (fans_w or 0), nominal_w):
        proof = min(proof, max(measured, meter_w - (fans_w or 0)))  # the meter bounds what the unknown can draw
    return Fleet(
        tuple(on),
        tuple(est),
        unknown,
        sum(on),
        sum(not on[at] for at in told),
        sum(told.values()),
        measured if unknown < len(on) else None,
        miners_w,
        nominal_w,
        _standby_w_of(wiring.miners) - sum(spec.standby_w for spec in away),
        fans_w,
        meter_w,
        max(other, 0),
        proof,
        trusted,
        most_w,
        fans_most_w,
        falling_w,
        len(away),
    )


def _estimated(image: Image, state: State, wiring: Wiring) -> tuple[list[bool], list[int], int, int, int]:
    """By miner, whether it is on and its watts; how many are unknown, what words of sleep spare of their watts, and
    how many of those words count as proof."""
    powers, marks = image.miners.power_w, marks_of(wiring.miners)
    if None not in powers:
        return list(map(gt, powers, marks)), list(powers), 0, 0, 0  # type: ignore[arg-type]  # none of them is None
    on: list[bool] = []
    est: list[int] = []
    unknown = spared_w = trusted = 0
    by_word = not {"site_power_w", "signal"} & wiring.roles.keys() and not any(
        spec.outlet and spec.outlet_metered for spec in wiring.miners
    )
    for spec, watts, word, mark_w in zip(wiring.miners, powers, image.miners.word, marks, strict=True):
        if watts is not None:
            on.append(watts > mark_w)
            est.append(watts)
            continue
        at, most_w = len(on), full_w(spec, state) * 110 // 100
        if shelved(spec, image, state, at):
            on.append(False)
            est.append(0)
            continue
        unknown += 1
        asleep = word in ASLEEP  # its own word is second best: no stop is repeated to a sleeper, but it proves nothing
        unmetered = wordy(spec, image, at)
        on.append(not asleep and not (unmetered and image.miners.outlet[at] == "off"))
        est.append(spec.standby_w if unmetered and not on[at] else most_w)
        if by_word and unmetered and not on[at]:  # nothing can measure and no contract asks: words count
            trusted += 1
        else:
            spared_w += most_w - est[at]
    return on, est, unknown, spared_w, trusted


def starting(est: Sequence[int], state: State, wiring: Wiring) -> dict[int, int]:
    """By column, what a miner that was told to run will draw beyond what it draws: 1.05 x its full power by then."""
    told = [target[6:] for target, chase in state.chases.items() if chase.want == "run" and target.startswith("miner ")]
    if not told:
        return {}
    index = {spec.id: at for at, spec in enumerate(wiring.miners)}
    ats = [index[name] for name in told if name in index]
    return {at: max(0, full_w(wiring.miners[at], state) * 105 // 100 - est[at]) for at in ats}


def _falling_w(est: Sequence[int], state: State, wiring: Wiring, now_s: int) -> int:
    """Watts that those drew at most who were told to stop, or were seen to have stopped, in the last FALL_S."""
    watts = 0
    for spec, left_w in zip(wiring.miners, est, strict=True):
        chase, book = state.chases.get(f"miner {spec.id}"), state.miners.get(spec.id)
        told_s = chase.began_s if chase is not None and chase.want == "stop" and chase.sent_s else 0
        dark_s = book.last_stop_s if book is not None and not book.on else 0
        if max(told_s, dark_s) > max(0, now_s - FALL_S):
            watts += max(0, full_w(spec, state) - left_w)
    return watts


def rising(fleet: Fleet, state: State, wiring: Wiring, now_s: int) -> dict[int, int]:
    """By column, the same of a miner that was seen to come on and is still on its way up to its full power."""
    more: dict[int, int] = {}
    books = map(state.miners.get, ids_of(wiring.miners))
    for at in [at for at, book in enumerate(books) if book is not None and book.last_start_s > now_s - MOST_PATIENCE_S]:
        spec, on, drawn_w = wiring.miners[at], fleet.on[at], fleet.est_w[at]
        since_s = state.miners[spec.id].last_start_s
        if on and since_s and now_s - since_s < spec.ramp_patience_s:
            told = state.chases.get(f"miner {spec.id}")
            left_w = full_w(spec, state) - drawn_w
            if left_w > 0 and (told is None or told.want != "run"):
                more[at] = left_w
    return more


def branch_w(at: int, image: Image, fleet: Fleet, wiring: Wiring) -> int:
    """What a miner counts on its branch where load has to go: as for starts, save that a sleeper nobody measures counts
    its standby. At 110 % of its power one silent PDU would have those stopped that run beside it."""
    if image.miners.power_w[at] is None and not fleet.on[at]:
        return min(fleet.est_w[at], wiring.miners[at].standby_w)
    return fleet.est_w[at]


def dark_but(image: Image, fleet: Fleet, *words: str | None) -> int:
    """How many are dark by watts and say one of these words of themselves (None: nothing)."""
    pairs = () if all(fleet.on) else zip(image.miners.word, image.miners.power_w, fleet.on, strict=True)
    return sum(word in words and watts is not None and not lit for word, watts, lit in pairs)


def _fans_w(image: Image) -> int | None:
    known = [fan.watts for fan in image.fans if fan.watts is not None]
    return sum(known) if known else None


def _fans_guess_w(image: Image, state: State, wiring: Wiring) -> int:
    """What the fans may draw: an unknown one, or one switched on that shows next to nothing, counts a tenth more. Where
    the relay is silent, that it was told on stands for it: it may be on its way up."""
    watts = 0
    for fan, spec in zip(image.fans, wiring.fans, strict=True):
        told = state.chases.get(f"fan {fan.name}") if fan.on is None else None
        is_on = fan.on or (told is not None and told.want == "on")
        doubted = fan.watts is None or (is_on and fan.watts * 2 < spec.normal_w)
        watts += spec.normal_w * 110 // 100 if doubted or fan.watts is None else fan.watts
    return watts


def _meter_w(image: Image) -> int | None:
    value = image.site.get("site_power_w")
    return value.value if value is not None and isinstance(value.value, int) else None


def _is_too_little(meter_w: int, known_w: int, nominal_w: int) -> bool:
    """A meter that shows less than what is known to be drawn does not see all there is: it bounds nobody (MET2)."""
    return known_w - meter_w > max(known_w * APART_PCT // 100, spare_w(nominal_w))


class Drawn(NamedTuple):
    """A miner's power for people. source, best first: pdu, miner (its own word), learned, configured, nameplate."""

    power_w: int
    source: str
    measured: bool  # False: what it would draw, not what it draws


def drawn(image: Image, state: State, wiring: Wiring) -> tuple[Drawn, ...]:
    """What is known best of each miner's power, in wiring order; for pages, never for limits."""
    return tuple(_drawn(spec, image.miners.power_w[at], image, state) for at, spec in enumerate(wiring.miners))


def _drawn(spec: MinerSpec, watts: int | None, image: Image, state: State) -> Drawn:
    if watts is not None:
        metered = spec.outlet and spec.outlet_metered and f"{spec.outlet}:power_w" in image.channels
        return Drawn(watts, "pdu" if metered else "miner", measured=True)
    unit = state.units.get(spec.id)
    if unit is not None and unit.run_dw:
        return Drawn(round(unit.run_dw / 10), "learned", measured=False)
    return Drawn(spec.nominal_w, "nameplate" if spec.nameplate else "configured", measured=False)


class Unlisted(NamedTuple):
    """A unit that a fleet section reports and fleet.csv does not list: shown, never commanded. None = not known."""

    section: str
    unit: str  # mac or serial
    address: str
    at_s: int  # plant second at which it answered last
    word: str | None
    power_w: int | None
    hashrate_ths: float | None
    model: str
    firmware: str


def unlisted(image: Image, wiring: Wiring) -> tuple[Unlisted, ...]:
    """Every such unit, by section and identity. A unit that any section lists is listed."""
    listed = {spec.mac for spec in wiring.miners}
    fleets = {name for name, spec in wiring.endpoints.items() if spec.fleet}
    out = []
    for key in sorted(image.channels):
        if not key.endswith(":address"):
            continue
        section, _, unit = key[:-8].partition("/")
        if section in fleets and unit and unit not in listed and image.channels[key].value is not None:
            out.append(_unlisted(image, section, unit))
    return tuple(out)


def _unlisted(image: Image, section: str, unit: str) -> Unlisted:
    def told(what: str) -> Scalar:
        value = image.channels.get(f"{section}/{unit}{what}")
        return value.value if value is not None and not value.why else None

    at = image.channels[f"{section}/{unit}:address"]
    word, power_w, rate_ths = told(":word"), told(":power_w"), told(":hashrate_ths")
    return Unlisted(
        section,
        unit,
        str(at.value),
        at.at_s,
        str(word) if word is not None else None,
        power_w if isinstance(power_w, int) else None,
        float(rate_ths) if isinstance(rate_ths, int | float) else None,
        str(told(" model:text") or ""),
        str(told(" firmware:text") or ""),
    )
