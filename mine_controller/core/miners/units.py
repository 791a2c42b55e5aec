"""What software finds out about each miner by itself: learned watts, efficiency, firmware, where it answers. Pure.

Learned slowly, in the opening round, a tenth of the fleet at a time. Watts count only of a miner that is proven on for
its whole ramp and disturbed by nothing; they stay within half and 1.3 times what is configured.
"""

from collections.abc import Iterable
from itertools import repeat
from operator import itemgetter

from mine_controller.core.fleet import Fleet, ids_of, macs_of
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.quantity import QUANTITIES
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import State, Unit
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.record import NamedTuple

NEW = Unit()
TURNS = 10
TURN_S = 120
SLOWNESS = 8  # a new value counts for an eighth
LEAST_SHARE, MOST_SHARE = 5, 13  # tenths of the configured power
WORST_DJ_TH = 10**14  # a processor that makes ten hashes a second of a hundred watts
TERA = 10**12
NAME_LENGTH = 60
LEAST_GONE, SHARE_GONE = 2, 5  # miners that leave the list at once, and one in so many of those known: told
_ADDRESS, _STRANGER, _MAC = (itemgetter(Unit._fields.index(name)) for name in ("address", "stranger", "mac"))
JUDGES = ("profit", "band")  # rules that judge miners by their joules, whatever the strategy
SEARCH = "tuning"  # and the one that looks at the hash rates of its own


class Found(NamedTuple):
    """The units after this round, and what is told of them."""

    units: dict[str, Unit]
    events: tuple[Event, ...]


def watch_units(image: Image, fleet: Fleet, state: State, policy: Policy) -> Found:
    """`state` holds this round's wear books already."""
    if not image.clock.opening:
        return Found(state.units, ())
    watch = _Watch(image, fleet, state, policy)
    changed: dict[str, Unit] = {}
    turn = image.clock.plant_s // TURN_S % TURNS
    specs, addresses = policy.wiring.miners, image.miners.address
    units = list(map(state.units.get, ids_of(specs), repeat(NEW)))
    moved, anew = set(_moved(units, addresses)), set(_anew(units, macs_of(specs)))
    for at in sorted(moved.union(anew, range(turn, len(specs), TURNS))):
        known = unit = units[at]
        if at in anew:
            unit = unit._replace(mac=specs[at].mac)
        if at in moved:
            unit = watch.placed(specs[at], unit, addresses[at])
        if at % TURNS == turn:
            unit = watch.learned(specs[at], unit, at)
        if unit is not known and unit != known:
            changed[specs[at].id] = unit
    book = {**state.units, **changed} if changed else state.units
    if len(book) > len(specs):
        book, events = _listed(book, {spec.id for spec in specs}, state)
        watch.events += events
    return Found(book, tuple(watch.events))


def _listed(book: dict[str, Unit], ids: set[str], state: State) -> tuple[dict[str, Unit], tuple[Event, ...]]:
    """The book without what was found out about those that left the list, and what is told of it. Who they were stays
    beside their wear: one that is listed again under another name is the same machine, and who put it aside meant it.
    """
    left = [name for name, unit in book.items() if name not in ids and unit != Unit(mac=unit.mac)]
    if not left:
        return book, ()
    known = sum(name in ids for name in book) + len(left)
    trace = {name: Unit(mac=book[name].mac) for name in left if name in state.miners}
    kept = {name: unit for name, unit in book.items() if name not in left}
    return {**kept, **trace}, _shrunk(known, len(left))


def _moved(units: list[Unit], addresses: tuple[str | None, ...]) -> Iterable[int]:
    """Places of those that answer elsewhere, or had a stranger in their place; as nearly always: nobody."""
    if tuple(map(_ADDRESS, units)) == addresses and not any(map(_STRANGER, units)):
        return ()
    pairs = enumerate(zip(units, addresses, strict=True))
    return (at for at, (unit, address) in pairs if address != unit.address or unit.stranger)


def _anew(units: list[Unit], macs: tuple[str, ...]) -> Iterable[int]:
    """Places of those whose books don't say yet who they are."""
    if tuple(map(_MAC, units)) == macs:
        return ()
    return (at for at, (unit, mac) in enumerate(zip(units, macs, strict=True)) if unit.mac != mac)


def _shrunk(known: int, gone: int) -> tuple[Event, ...]:
    """A list that loses so many at once was most likely cut off; from now on nobody stops them."""
    if gone < LEAST_GONE or gone * SHARE_GONE <= known:
        return ()
    numbers = (("gone", gone), ("known", known))
    return (Event("list_shrunk", "warning", "fleet.csv", Reason("units", "list_shrunk", numbers)),)


def _has(policy: Policy, rule: str) -> bool:
    return bool(getattr(policy.rules.get(rule), "sections", ()))


def learns_joules(policy: Policy) -> bool:
    """True where decisions go by joules, learned of hash rates; else nobody asks."""
    return policy.site.strategy != "wear" or any(_has(policy, name) for name in JUDGES)


def reads_rates(policy: Policy) -> bool:
    """True where any decision reads a hash rate; else no record need hold one."""
    return learns_joules(policy) or _has(policy, SEARCH)


class _Watch:
    """One look at the fleet."""

    def __init__(self, image: Image, fleet: Fleet, state: State, policy: Policy) -> None:
        self.image, self.fleet, self.state, self.policy = image, fleet, state, policy
        self.events: list[Event] = []
        self.claims: dict[tuple[str, str], str] | None = None
        self._judged = learns_joules(policy)

    def placed(self, spec: MinerSpec, unit: Unit, address: str | None) -> Unit:
        """Where it answers now; a move is followed, another unit in its place is told once."""
        if address is None:
            return unit if unit.stranger or not unit.address else self._missed(spec, unit)
        if unit.address == address:
            back = Reason("units", "stranger_left", (("miner", spec.id), ("address", address)))
            self.events.append(Event("stranger_left", "info", spec.id, back))
        elif _on_network(unit.address) and _on_network(address):
            numbers = (("miner", spec.id), ("was", unit.address), ("address", address))
            self.events.append(Event("moved", "info", spec.id, Reason("units", "moved", numbers)))
        return unit._replace(address=address, stranger="")

    def _missed(self, spec: MinerSpec, unit: Unit) -> Unit:
        other = self._who(spec.group, unit.address)
        if other in ("", spec.mac) or any(one.mac == other for one in self.policy.wiring.miners):
            return unit
        numbers = (("miner", spec.id), ("address", unit.address), ("unit", other))
        self.events.append(Event("stranger", "warning", spec.id, Reason("units", "stranger", numbers)))
        return unit._replace(stranger=other[:NAME_LENGTH])

    def _who(self, section: str, address: str) -> str:
        """The unit that answers there now, "" when none does."""
        if self.claims is None:
            now_s, oldest_s = self.image.clock.plant_s, 2 * self.image.clock.tick_s
            self.claims = {
                (key.partition("/")[0], str(value.value)): key[:-8].partition("/")[2]
                for key, value in self.image.channels.items()
                if key.endswith(":address") and value.value is not None and now_s - value.at_s <= oldest_s
            }
        return self.claims.get((section, address), "")

    def learned(self, spec: MinerSpec, unit: Unit, at: int) -> Unit:
        """Its firmware, and its running watts and efficiency when it has proven them."""
        unit = self._firmware(spec, unit)
        watts = exact_w(self.image, spec, at)
        if watts is None or not self._steady(spec, at):
            return unit
        sample_dw = min(max(round(watts * 10), spec.nominal_w * LEAST_SHARE), spec.nominal_w * MOST_SHARE)
        unit = unit._replace(run_dw=_slowly(unit.run_dw, sample_dw))
        if not self._judged:
            return unit
        dj_s, rate_hs, rate_ths = watts * 10, self._rate(spec, "rate_hs"), self._rate(spec, "hashrate_ths")
        if rate_hs:  # of small ones a hundredth of a terahash says nothing
            found = dj_s * TERA / rate_hs
        elif rate_ths:
            found = dj_s / rate_ths
        else:
            return unit
        return unit._replace(dj_th=_slowly(unit.dj_th, min(max(round(found), 1), WORST_DJ_TH)))

    def _rate(self, spec: MinerSpec, quantity: str) -> float:
        """Its rate by that channel; 0: none, not known, or too old."""
        told = self.image.channels.get(f"{spec.group}/{spec.mac}:{quantity}")
        if told is None or told.why or not isinstance(told.value, int | float):
            return 0.0
        late = self.image.clock.plant_s - told.at_s > QUANTITIES[quantity].max_age_s
        return 0.0 if late else max(0.0, float(told.value))

    def _steady(self, spec: MinerSpec, at: int) -> bool:
        """On, hashing by its own word where it has one, and neither just started nor told anything lately."""
        state, now_s = self.state, self.image.clock.plant_s
        book = state.miners.get(spec.id)
        if not self.fleet.on[at] or book is None or not book.on or self.image.miners.word[at] not in ("hashing", None):
            return False
        if f"miner {spec.id}" in state.chases or state.settling.get(spec.id, 0) > now_s:
            return False
        return now_s - book.last_start_s >= spec.ramp_patience_s

    def _firmware(self, spec: MinerSpec, unit: Unit) -> Unit:
        told = self.image.channels.get(f"{spec.group}/{spec.mac} firmware:text")
        if told is None or told.why or not isinstance(told.value, str) or not told.value:
            return unit
        firmware = told.value[:NAME_LENGTH]
        if unit.firmware and unit.firmware != firmware:
            numbers = (("miner", spec.id), ("was", unit.firmware), ("firmware", firmware))
            self.events.append(Event("firmware_changed", "warning", spec.id, Reason("units", "firmware", numbers)))
        return unit if unit.firmware == firmware else unit._replace(firmware=firmware)


def exact_w(image: Image, spec: MinerSpec, at: int) -> float | None:
    """Its watts, with the fractions its board tells where those are the very watts that count; None: not known."""
    whole, told = image.miners.power_w[at], image.channels.get(f"{spec.group}/{spec.mac}:draw_w")
    if whole is None or told is None or told.why or not isinstance(told.value, int | float):
        return whole
    return float(told.value) if abs(told.value - whole) <= 0.5 else whole


def _on_network(address: str) -> bool:
    """An address on the network; the number a fleet service gives a unit is none."""
    return address.count(".") == 3 or ":" in address


def _slowly(old: int, new: int) -> int:
    """An eighth of the way, to the nearest: rounded down, noise alone would carry joules per terahash off by 2 %."""
    return new if old == 0 else old + round((new - old) / SLOWNESS)
