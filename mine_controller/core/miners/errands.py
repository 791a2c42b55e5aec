"""Errands: what a miner is told beside run and stop. Pure; sent in the opening round, and not while a stop is young.

Two sorts. A person's one-time errand (`restart`, `mode eco` ...) is sent once and ends with its outcome. A wanted
setting (mode or pool, by override or by a rule's wish) is a level: it is compared with what the unit says of itself,
and the difference is sent within budgets that spare flash memory and pool connections. An errand never delays a stop:
it comes behind them all, waits until each has been obeyed or has come to nothing for STUCK_S, for the miner's own start
or stop, and for the miner to settle.
"""

import re

from mine_controller.core.choose import may_obey
from mine_controller.core.compare.work import Compared
from mine_controller.core.forecast import ACT_LANE_S
from mine_controller.core.looks import AFTER_S, at_endpoint
from mine_controller.core.miners.wanted import FORMER, ONCE, SETTINGS, once, settings
from mine_controller.core.model.command import (
    ACCEPTED,
    APPLIED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
    Command,
)
from mine_controller.core.model.decision import Envelope, Look, Plan
from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.model.reason import Event, Reason, Wish
from mine_controller.core.model.state import Errand, State, Unit
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.pools.poolless import waits
from mine_controller.core.power.room import Room
from mine_controller.core.reach import commandable
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

COOLS = "cools"  # a tuned chip that is too hot does not wait for its flash memory
TOLD_BY = {"mode": "mode", "pool": "pool", "tune": "frequency_mhz"}  # where a unit tells what it is set to
HEAVY = ("restart", "mode", "pool", "limit", "tune")  # the miner must run, and settles afterwards
FLASH = ("mode", "tune", "limit")  # kept in flash memory; on small boards the pool too
STEPPED = ("restart", "mode", "limit", "tune")  # they move power: a share of the fleet at a time
AWAKE = ("hashing", "waiting", "error")
LASTS_S = 3600  # what could not be sent so long is over
POOL_APART_S = 900
FLASH_APART_S = 1500
BLIND_APART_S = 3600  # between writes of what the unit does not tell
REFUSED_S = 6 * 3600  # before a setting the unit refused, in words or by what it shows, is tried again
LEAST_SETTLE_S = 60
STEP_PCT = 10
STEP_S = 120
TRIES = 2
DONE = (APPLIED, ACCEPTED)
NEW = Unit()


class Told(NamedTuple):
    """The state with the errands of this round, what is sent for them, what is told, and when to look."""

    state: State
    commands: tuple[Command, ...]
    look: Look | None
    events: tuple[Event, ...]


def tell(view: View, envelope: Envelope, plan: Plan, compared: Compared) -> Told:
    """After `compare`: its commands stand, errands come behind them. `view.state` is the state before this round."""
    state, now_s = view.state, view.now_s
    settling = {name: until_s for name, until_s in state.settling.items() if until_s > now_s}
    _settle_runs(view, compared, settling)
    wished = any(wish.what.partition(" ")[0] in (*SETTINGS, *ONCE, *FORMER) for wish in envelope.wishes)
    if not state.errands and not wished:
        state = state if settling == state.settling else state._replace(settling=settling)
        return Told(state, (), compared.look, ())
    kept, events = _finished(state.errands, now_s)
    if not view.image.clock.opening or may_obey(view, plan.stops):
        return Told(state._replace(errands=kept, settling=settling), (), compared.look, events)
    work = _Work(view, envelope, plan, compared, settling, events)
    work.send(kept)
    state = state._replace(errands=tuple(work.kept), settling=work.settling, units=work.units)
    return Told(state, tuple(work.commands), work.look(), tuple(work.events))


def _settle_runs(view: View, compared: Compared, settling: dict[str, int]) -> None:
    """A start through the miner's own word may be a restart: its kind says how long that takes to settle."""
    started = {command.target[6:] for command in compared.commands if command.verb == "run"}
    for spec in view.wiring.miners if started else ():
        if spec.id in started and spec.settle_s:
            settling[spec.id] = view.now_s + spec.settle_s


def _finished(errands: tuple[Errand, ...], now_s: int) -> tuple[tuple[Errand, ...], tuple[Event, ...]]:
    """What is still open, and the outcomes of the rest. A tick that died before the answer leaves `unknown`."""
    kept: list[Errand] = []
    events: list[Event] = []
    for errand in errands:
        again = errand.answer == NOT_SENT or (errand.answer == UNREACHABLE and errand.tries < TRIES)
        if errand.sent_s is None or again:
            if now_s - errand.since_s <= LASTS_S:
                kept.append(errand)
            else:
                events.append(_outcome(errand, errand.answer or NOT_SENT))
            continue
        level = not errand.request and errand.verb in SETTINGS
        refused = errand.answer in (REFUSED, UNSUPPORTED) and now_s - errand.sent_s < REFUSED_S
        if errand.command:
            events.append(_outcome(errand, errand.answer or UNKNOWN))
        if level and (refused or errand.answer in DONE):  # what was taken stays until the unit says so itself
            kept.append(errand._replace(command=""))
    return tuple(kept), tuple(events)


def _outcome(errand: Errand, verdict: str) -> Event:
    done = verdict in DONE
    numbers = (
        ("miner", errand.miner),
        ("what", f"{errand.verb} {errand.value}".strip()),
        ("verb", errand.verb),
        ("value", errand.value),
        ("verdict", verdict),
        ("why", errand.why),
        ("request", errand.request),
    )
    kind, code = ("errand_done", "done") if done else ("errand_failed", "failed")
    return Event(kind, "info", errand.miner, Reason("errands", code, numbers))


def gone(errand: Errand) -> tuple[Event, ...]:
    """What is told where its miner is no longer listed; of a wanted setting nothing."""
    if not errand.request:
        return ()
    if errand.answer not in ("", NOT_SENT, UNREACHABLE):
        return (_outcome(errand, errand.answer),)
    verdict = UNKNOWN if errand.sent_s is not None and not errand.answer else NOT_SENT
    return (_outcome(errand._replace(why="it is no longer in fleet.csv"), verdict),)


def seen(view: View, spec: MinerSpec, quantity: str) -> str | int | float | None:
    """What the unit says of its own mode, pool or limit; None: it does not tell, or not lately."""
    told = view.image.channels.get(f"{spec.group}/{spec.mac}:{quantity}")
    if told is None or told.why or view.now_s - told.at_s > TEXT_MAX_AGE_S:
        return None
    return told.value


def raises(spec: MinerSpec, verb: str, value: str, now: str | float | None) -> bool:
    """True when this may make the miner draw more than it does; what is not known may."""
    if verb == "mode":
        known = now in spec.modes and value in spec.modes
        return not known or spec.modes.index(value) > spec.modes.index(str(now))
    if verb == "limit":
        return not isinstance(now, int | float) or int(value) > now
    if verb == "tune":  # compared by its clock; a voltage alone is never raised by a rule
        found = re.search(r"frequency_mhz=(\d+)", value)
        return found is None or not isinstance(now, int | float) or int(found[1]) > now
    return False


class _Work:
    """One opening round without a stop that may still be obeyed."""

    def __init__(
        self,
        view: View,
        envelope: Envelope,
        plan: Plan,
        compared: Compared,
        settling: dict[str, int],
        events: tuple[Event, ...],
    ) -> None:
        self.view, self.envelope, self.plan, self.compared = view, envelope, plan, compared
        self.settling, self.units, self.events = settling, dict(view.state.units), list(events)
        self.kept: list[Errand] = []
        self.refused: set[tuple[str, str]] = set()  # (miner, setting): not now, and in the way of nothing else
        self.commands: list[Command] = []
        self.column = {spec.id: at for at, spec in enumerate(view.wiring.miners)}
        self.room = Room(view, envelope)
        for at in plan.starts:
            self.room.take(at)
        self.lanes: dict[str, int] = {}
        self.steps = max(1, len(self.column) * STEP_PCT // 100) - len(plan.starts) - self._lately()

    def _lately(self) -> int:
        """Miners told something heavy within the last step."""
        now_s, specs = self.view.now_s, self.view.wiring.miners
        begun = [
            self.settling[spec.id] - max(spec.settle_s, LEAST_SETTLE_S) for spec in specs if spec.id in self.settling
        ]
        return sum(now_s - at < STEP_S for at in begun)

    def send(self, errands: tuple[Errand, ...]) -> None:
        """One-time errands first, then what settings still differ; an errand a miner and round.

        In the order in which they were asked for; but a light or a fan waits for no flash memory that another one does.
        """
        wanted = settings(self.view, self.envelope)
        busy: set[str] = set()
        queued: set[str] = set()  # something heavy of theirs waits
        for errand in errands:
            wish = wanted.get((errand.miner, errand.verb))
            if errand.miner not in self.column:
                self.events += gone(errand)
                continue
            if self._needless(errand, wish):
                continue
            if not errand.request and errand.answer in DONE:
                self.kept.append(errand)
                continue
            if not errand.request and errand.answer in (REFUSED, UNSUPPORTED):
                self.kept.append(errand)
                self.refused.add((errand.miner, errand.verb))
                continue
            behind = errand.miner in busy or (errand.verb in HEAVY and errand.miner in queued)
            sent = None if behind else self._try(errand, wish)
            self.kept.append(sent or errand)
            (queued if errand.verb in HEAVY and sent is None else busy).add(errand.miner)
        busy |= queued
        for (name, verb), wish in wanted.items():
            if name in busy or (name, verb) in self.refused:
                continue
            sent = self._try(self._of(name, verb, wish), wish)
            if sent is not None:
                self.kept += [sent, *self._beside(name, verb, wanted)]
                busy.add(name)
        for name, wish in once(self.view, self.envelope):
            verb, value = wish.what.partition(" ")[0], "" if wish.what.startswith("restart ") else str(wish.value)
            sent = None if name in busy else self._try(Errand(name, verb, value, 0, self.view.now_s), wish)
            self.kept += [sent] if sent is not None else []

    def _of(self, name: str, verb: str, wish: Wish) -> Errand:
        """A setting to be told; the tries are those to which the unit said yes while it shows another one."""
        errand = Errand(name, verb, str(wish.value), 0, self.view.now_s)
        said = self._said_yes(errand)
        return errand._replace(tries=said.tries) if said is not None else errand

    def _said_yes(self, errand: Errand) -> Errand | None:
        """The same setting as the unit took it."""
        same = (errand.miner, errand.verb, errand.value)
        return next((one for one in self.kept if (one.miner, one.verb, one.value) == same and one.answer in DONE), None)

    def _beside(self, name: str, sent: str, wanted: dict[tuple[str, str], Wish]) -> list[Errand]:
        """The other setting of a small board goes in the same write: its driver makes one of both."""
        at = self.column[name]
        spec, unit = self.view.wiring.miners[at], self.units.get(name, NEW)
        verb = "pool" if sent == "mode" else "mode"
        wish = wanted.get((name, verb))
        if wish is None or (name, verb) in self.refused or not self._is_small(spec):
            return []
        other = self._of(name, verb, wish)
        now = seen(self.view, spec, other.verb)
        early = other.verb == "pool" and unit.pool_s and self.view.now_s - unit.pool_s < POOL_APART_S
        if now is None or now == other.value or early or not self._has_room(spec, at, other, now):
            return []
        if self._is_deaf(other, now):
            return []
        return [self._sent(other, spec, at, wish)]

    def _is_small(self, spec: MinerSpec) -> bool:
        """A board that is read once a minute at most: its settings lie in flash memory, pools too."""
        board = self.view.wiring.endpoints.get(spec.group)
        return board is not None and board.rest_s > 0

    def _needless(self, errand: Errand, wish: Wish | None) -> bool:
        """A setting that nobody wants any more, or that the unit says it has."""
        if errand.request or errand.verb not in SETTINGS:
            return False
        spec = self.view.wiring.miners[self.column[errand.miner]]
        now = seen(self.view, spec, errand.verb)
        if now is None and errand.answer in DONE:
            return True  # nobody will ever know
        return wish is None or wish.value != errand.value or now == errand.value

    def _try(self, errand: Errand, wish: Wish | None) -> Errand | None:
        """The errand as sent, or None when it has to wait."""
        at = self.column[errand.miner]
        spec = self.view.wiring.miners[at]
        now = seen(self.view, spec, TOLD_BY.get(errand.verb, "limit_w"))
        if not errand.request and now == errand.value:
            return None  # obeyed already
        again = errand.answer in (NOT_SENT, UNREACHABLE)
        again = again or (wish is not None and wish.reason.code == COOLS)
        if self._in_the_way(spec, at, errand) or not (again or self._within_budget(spec, errand, now)):
            return None
        if not self._has_room(spec, at, errand, now) or self._is_deaf(errand, now):
            return None
        return self._sent(errand, spec, at, wish)

    def _in_the_way(self, spec: MinerSpec, at: int, errand: Errand) -> bool:
        """A start or stop under way, settling, no fresh identity, a lane that is not ours; for heavy ones, sleep.

        A start that waits for a pool is not in the way of another pool: it is what ends it.
        """
        view = self.view
        chase = self.compared.chases.get(f"miner {spec.id}")
        another = errand.verb == "pool" and chase is not None and chase.want == "run" and waits(view.image, at)
        if (chase is not None and not another) or spec.id in self.settling:
            return True
        if view.image.miners.address[at] is None or not commandable(view, spec.group):
            return True
        if errand.verb not in HEAVY:
            return False
        if errand.verb == "restart":
            return not self.plan.run[at] and view.image.miners.word[at] != "error"
        return not self.plan.run[at] or view.image.miners.word[at] not in AWAKE

    def _within_budget(self, spec: MinerSpec, errand: Errand, now: str | float | None) -> bool:
        unit, now_s = self.units.get(spec.id, NEW), self.view.now_s
        small = self._is_small(spec)
        if errand.verb == "pool" and unit.pool_s and now_s - unit.pool_s < POOL_APART_S:
            return False
        wrote_s = unit.pool_s if errand.verb == "pool" else unit.flash_s
        level = not errand.request and errand.verb in SETTINGS
        if level and now is None and wrote_s and now_s - wrote_s < BLIND_APART_S:
            return False
        if errand.verb in FLASH or (errand.verb == "pool" and small):
            fresh = (
                unit.wrote != f"{errand.verb} {errand.value}"
            )  # a board that does not obey is not worn out by repeats
            lower = fresh and errand.verb == "mode" and not raises(spec, "mode", errand.value, now)
            return lower or not unit.flash_s or now_s - unit.flash_s >= FLASH_APART_S
        return True

    def _has_room(self, spec: MinerSpec, at: int, errand: Errand, now: str | float | None) -> bool:
        """The lane's time, the step's share, and power where it may rise."""
        lane = self.view.wiring.lanes.get(spec.group)
        if lane is not None and not lane.batch:
            spent = self.lanes.get(lane.name)
            if spent is None:
                spent = sum(command.lane == lane.name for command in self.compared.commands)
            self.lanes[lane.name] = spent
            if (spent + 1) * max(lane.call_s, self.view.state.lanes.get(lane.name, 0)) > ACT_LANE_S * lane.width:
                return False
        if errand.verb not in STEPPED:
            return True
        if self.steps <= 0 and self._is_step(spec, errand, now):
            return False
        off = not self.view.fleet.on[at]
        if not off and not raises(spec, errand.verb, errand.value, now):
            return True
        if self.envelope.no_start is not None or (off and spec.id in self.envelope.bans):
            return False
        return self.room.lacks(at) is None

    def _is_step(self, spec: MinerSpec, errand: Errand, now: str | float | None) -> bool:
        """Whether it is a part of a ramp step: restarts, and what may raise power; small boards weigh nothing there."""
        if errand.verb == "restart":
            return True
        return errand.verb in STEPPED and not self._is_small(spec) and raises(spec, errand.verb, errand.value, now)

    def _sent(self, errand: Errand, spec: MinerSpec, at: int, wish: Wish | None) -> Errand:
        view, now_s = self.view, self.view.now_s
        clock, number = view.image.clock, len(self.compared.commands) + len(self.commands)
        asked = Reason("errands", "asked", (("what", f"{errand.verb} {errand.value}".strip()), ("miner", spec.id)))
        command = Command(
            id=f"{clock.began_s}.{clock.plant_s}.{number}",
            target=f"miner {spec.id}",
            verb=errand.verb,
            lane=spec.group,
            address=view.image.miners.address[at] or "",
            rung=0,
            reason=asked if wish is None or errand.request else wish.reason,
            unit=spec.mac,
            value=errand.value,
        )
        self.commands.append(command)
        self.lanes[spec.group] = self.lanes.get(spec.group, 0) + 1
        if errand.verb in HEAVY:
            self.settling[spec.id] = now_s + max(spec.settle_s, LEAST_SETTLE_S)
            self._book(spec, errand)
        now = seen(self.view, spec, TOLD_BY.get(errand.verb, "limit_w"))
        self._tell_ignored(errand, now)
        self.steps -= self._is_step(spec, errand, now)
        if errand.verb in STEPPED:
            self.room.take(at)
        return errand._replace(sent_s=now_s, tries=errand.tries + 1, answer="", why="", command=command.id)

    def _is_deaf(self, errand: Errand, now: str | float | None) -> bool:
        """Whether the unit said yes TRIES times and shows another setting still: that is a refusal, and told as it."""
        said = None if errand.request or errand.verb not in SETTINGS else self._said_yes(errand)
        if said is None or said.tries < TRIES:
            return False
        self._ignored(said, f"it said yes twice, and still shows {now}")
        self.kept.append(said._replace(answer=REFUSED))
        self.refused.add((said.miner, said.verb))
        return True

    def _tell_ignored(self, errand: Errand, now: str | float | None) -> None:
        """A setting that is sent again although the unit took it: it says yes and shows another one."""
        said = None if errand.request or errand.verb not in SETTINGS else self._said_yes(errand)
        if said is not None:
            self._ignored(said, f"it said yes, and still shows {now}")

    def _ignored(self, said: Errand, why: str) -> None:
        self.kept.remove(said)
        self.events.append(_outcome(said._replace(why=why[:120]), UNKNOWN))

    def _book(self, spec: MinerSpec, errand: Errand) -> None:
        unit, now_s = self.units.get(spec.id, NEW), self.view.now_s
        if errand.verb == "pool":
            unit = unit._replace(pool_s=now_s)
        if errand.verb in FLASH or (errand.verb == "pool" and self._is_small(spec)):
            unit = unit._replace(flash_s=now_s, wrote=f"{errand.verb} {errand.value}")
        self.units[spec.id] = unit

    def look(self) -> Look | None:
        """The round's look; what errands were sent for is looked at with it, where it is late enough."""
        look = self.compared.look
        if not self.commands or not self.view.site.live:
            return look
        now_s = self.view.now_s
        ends = dict.fromkeys(command.lane for command in self.commands)
        looks = [at_endpoint(self.view, end, now_s + AFTER_S, now_s) for end in ends]
        if look is None:
            return Look(now_s + AFTER_S, tuple(sorted(what for _, what in looks)))
        return look if look.at_s < now_s + AFTER_S else Look(look.at_s, (*look.what, *(what for _, what in looks)))
