"""Drills on the site as it stands: does it obey, do fans prove what they do, is somebody reached, does a copy work?

A drill asks for what it tries the way a person does, by requests that ticks arbitrate and audit, and only in the
direction that is safe: a test value can make things stricter, never looser. Each request ends by itself after a bounded
time, and is taken back when the drill ends, however it ends. What counts is what was measured, never an answer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.freeze import freeze
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Fan
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import Shed
from mine_controller.core.model.wiring import FanSpec
from mine_controller.core.overrides import Refused
from mine_controller.core.watch import PROVEN_SHARE_PCT, WELDED_SHARE_PCT
from mine_controller.core.wording.words import speaker
from mine_controller.ops import replies
from mine_controller.ops.keep import waited
from mine_controller.ops.recall import kept_book, last_seen
from mine_controller.ops.replies import Answer, Person, Wanted
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.answered import waiting
from mine_controller.store.db import StoreError, StoreTrouble
from mine_controller.store.lock import Busy
from mine_controller.store.note import Who, note

OBEY_WITHIN_S = 300
CURTAIL_S, FAN_S = 1200, 900  # how long what was set lasts at most, should nobody take it back
FAN_TICKS = 4
LOOK_S = 2.0
UNENDED = 5  # so many ticks at most are looked back for one that has ended: one is at work, others were killed
LATE_S = 15  # so much after its time a tick of the timer is not waited for any longer
NAMES = ("curtail", "fan", "page", "restore")
UNSAFE = ("EMERGENCY", "FAULT", "MANUAL", "INIT")  # modes in which nothing is to be tried
ASIDE = (*UNSAFE, "CURTAILING", "CURTAILED")  # and no curtailment


class Step(NamedTuple):
    """One thing that was seen. `good` None: neither here nor there."""

    at: int
    text: str
    good: bool | None = None


class Result(NamedTuple):
    """What came of a drill. `passed` None: it could not be tried, and the last step says why."""

    name: str
    began_at: int
    ended_at: int
    passed: bool | None
    steps: tuple[Step, ...]
    figures: dict[str, Any]

    @property
    def word(self) -> str:
        """passed, failed or not tried."""
        return {True: "passed", False: "failed", None: "not tried"}[self.passed]


class NotTried(Exception):  # noqa: N818 - nothing went wrong: now is not the time
    """The drill can't be tried now; the text says why and what helps."""


class Scene:
    """Where a drill takes place: the site, who asks, and how it waits. `steps` grow as they are told."""

    def __init__(
        self,
        config: Config,
        person: Person,
        say: Callable[[Step], None] = lambda _step: None,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.config, self.person = config, person
        self._say, self.pause, self._now = say, pause, now
        self.steps: list[Step] = []

    @property
    def now_s(self) -> int:
        """Wall seconds."""
        return int(self._now())

    def tell(self, text: str, *, good: bool | None = None) -> None:
        """One more step."""
        step = Step(self.now_s, text, good)
        self.steps.append(step)
        self._say(step)

    def ask(self, wanted: Wanted) -> Answer:
        """File a request, have a tick take it, give the verdict. Raises StoreTrouble, NotTried."""
        number = replies.file(self.config, self.person, wanted)
        started, found = replies.take(self.config, [number], pause=self.pause)
        if not found[0].verdict:
            said = f": {started.said}" if started.said else ""
            raise NotTried(f"no tick took the request (exit {started.code}{said}); `minectl doctor` tells what helps")
        return found[0]

    def book(self) -> Book:
        """What the last tick left."""
        return kept_book(self.config.paths)

    def next_tick(self) -> int:
        """Wait for the timer's next tick; where none comes in its time, run one. A tick at work is waited for.

        Gives the seconds that have gone by for the mine.
        """
        before, plant_s = self._newest(), _plant_s(self.book())
        tick_s = self.config.site.tick_s
        left_s = max(0, min(tick_s, before + tick_s - self.now_s)) + LATE_S
        for _ in range(round(left_s / LOOK_S)):
            self.pause(LOOK_S)
            if self._newest() > before:
                break
        else:
            replies.start_behind(self.config, lambda: None, lambda: self._newest() > before, self.pause)
        return max(0, _plant_s(self.book()) - plant_s) or tick_s

    def _newest(self) -> int:
        """The newest tick that has ended."""
        rows = query.ticks(self.config.paths, limit=UNENDED)
        return next((row.tick_at for row in rows if row.ended_at is not None), 0)


Work = Callable[[Scene, dict[str, Any]], bool]


def run(name: str, scene: Scene, work: Work) -> Result:
    """Do it, and write into the event log what came of it. Raises StoreTrouble and whatever ends the drill."""
    began_at, figures = scene.now_s, dict[str, Any]()
    passed: bool | None = None
    try:
        passed = work(scene, figures)
    except NotTried as why:
        scene.tell(str(why), good=False)
    except BaseException:  # Ctrl-C, a lost line, a database in trouble: all are in the log, and go on up
        scene.tell("the drill was ended before its end", good=False)
        _log(scene, name, "ended")
        raise
    result = Result(name, began_at, scene.now_s, passed, tuple(scene.steps), figures)
    _log(scene, name, result.word)
    return result


def _log(scene: Scene, name: str, word: str) -> None:
    """A row in the event log; a drill whose row can't be written says so itself."""
    who = Who(scene.person.actor, scene.person.uid, scene.person.tty)
    text = scene.steps[-1].text if scene.steps else ""
    numbers = (("name", name), ("result", word), ("text", text[:200]), *who.numbers)
    if not scene.config.paths.db.exists():
        return
    try:
        lock = waited(scene.config, scene.pause, lambda: scene.tell("waits for the tick at work, to write this down"))
    except Busy as busy:
        scene.tell(f"the event log does not have it: {busy}", good=False)
        return
    try:
        note(scene.config.paths, [Event("drill", "info", name, Reason("drill", "done", numbers))], scene.now_s)
    except (StoreTrouble, StoreError) as trouble:
        scene.tell(f"the event log does not have it: {trouble}", good=False)
    finally:
        lock.__exit__(None, None, None)


@contextmanager
def held(scene: Scene, key: str, value: str, for_s: int, why: str) -> Iterator[None]:
    """A value set for the time of the block, and taken back whatever happens. Raises NotTried when it is refused."""
    wanted = Wanted("set-state", (key, value), why, scene.now_s + for_s)
    try:
        replies.precheck(scene.config, wanted, scene.now_s)
    except Refused as refused:
        raise NotTried(str(refused)) from None
    try:
        answer = scene.ask(wanted)
        if answer.verdict != "done":
            raise NotTried(f"{key} {value} was refused: {answer.why}")
        scene.tell(f"{key} is set to {value}, {answer.why}")
        yield
    finally:
        _clear(scene, key, why)


def _clear(scene: Scene, key: str, why: str) -> None:
    if not any(one.key == key for one in scene.book().state.overrides) and not _waiting(scene, key):
        return
    answer = scene.ask(Wanted("clear-state", (key,), why))
    scene.tell(f"{key} is given back: {answer.why}" if answer.verdict == "done" else f"{key}: {answer.why}")


def _waiting(scene: Scene, key: str) -> bool:
    """A request of this key that no tick has taken yet."""
    return any(one.args[:1] == (key,) for one in waiting(scene.config.paths))


# -- curtail -----------------------------------------------------------------------------------------------------------


def curtail(scene: Scene, figures: dict[str, Any]) -> bool:
    """The signal set to off; passed when measured power is below X in the contract's time."""
    _may_begin(scene, "signal")
    if scene.book().state.mode == "IDLE":
        raise NotTried("nothing runs, so nothing could be shed")
    within_s = int(getattr(scene.config.policy.rules.get("signal"), "obey_within_s", OBEY_WITHIN_S))
    before = scene.book().state.shed
    with held(scene, "signal", "off", CURTAIL_S, "drill curtail"):
        gone_s = 0
        while gone_s < within_s + scene.config.site.tick_s:
            shed = _fresh(scene.book().state.shed, before)
            if shed is not None and (shed.shed_100_s is not None or shed.emergency):
                break
            scene.tell(_so_far(shed))
            gone_s += scene.next_tick()
        shed = _fresh(scene.book().state.shed, before)
        stragglers = [name for name, chase in sorted(scene.book().state.chases.items()) if chase.want == "stop"]
        figures |= _figures(shed, within_s, stragglers)
        return _judged(scene, figures)


def _fresh(shed: Shed | None, before: Shed | None) -> Shed | None:
    """The event of this drill, not one of before."""
    return None if shed is None or (before is not None and shed.seen_s == before.seen_s) else shed


def _may_begin(scene: Scene, role: str = "", aside: tuple[str, ...] = ASIDE) -> None:
    config = scene.config
    if not config.site.live:
        raise NotTried("shadow mode sends nothing, so nothing can be proven; `live = yes` in [site] first")
    if role and role not in config.policy.wiring.roles:
        raise NotTried(f"nothing in [wiring] provides {role}")
    book = scene.book()
    if book.image is None:
        raise NotTried("no tick has run yet: `minectl tick`")
    if book.state.mode in aside:
        raise NotTried(f"the mine is in {book.state.mode}: a drill begins from a mine that runs")


def _so_far(shed: Shed | None) -> str:
    if shed is None:
        return "the tick has not begun to curtail"
    steps = (("50 %", shed.shed_50_s), ("90 %", shed.shed_90_s))
    gone = [name for name, at in steps if at is not None]
    return f"curtailing; of {shed.before_w} W {gone[-1] if gone else 'less than half'} gone, not proven yet"


def _figures(shed: Shed | None, within_s: int, stragglers: list[str]) -> dict[str, Any]:
    def since(at_s: int | None) -> int | None:
        return at_s - shed.signal_s if shed is not None and at_s is not None else None

    return {
        "obey_within_s": within_s,
        "first_command_s": since(shed.first_command_s if shed else None),
        "shed_50_s": since(shed.shed_50_s if shed else None),
        "shed_90_s": since(shed.shed_90_s if shed else None),
        "shed_100_s": since(shed.shed_100_s if shed else None),
        "before_w": shed.before_w if shed else None,
        "confirmed_w": shed.confirmed_w if shed else None,
        "floor_w": shed.floor_w if shed else None,
        "gentle": shed.gentle if shed else 0,
        "hard": shed.hard if shed else 0,
        "emergency": shed.emergency if shed else "",
        "stragglers": [name.removeprefix("miner ") for name in stragglers],
    }


def _judged(scene: Scene, figures: dict[str, Any]) -> bool:
    """One sentence with the figures; seconds count from the tick before the signal was seen, as a contract counts."""
    proven_s, within_s = figures["shed_100_s"], figures["obey_within_s"]
    late = ", ".join(figures["stragglers"][:12]) or "none"
    if proven_s is None:
        told = f"not proven below {figures['floor_w']} W; open: {late}"
        never = "no tick began to curtail; `minectl explain` tells why"
        scene.tell(never if figures["floor_w"] is None else told, good=False)
        return False
    text = f"{figures['before_w']} W -> {figures['confirmed_w']} W, proven {proven_s} s after the signal"
    good = proven_s <= within_s and not figures["emergency"]
    scene.tell(f"{text} ({within_s} s allowed); stragglers: {late}", good=good)
    return good


# -- fan ---------------------------------------------------------------------------------------------------------------


def fan(name: str) -> Work:
    """One fan on and off, each proven by its watts.

    While miners draw power no fan goes down, whoever asks: then only one that stands still can be tried, and its off
    is left for when the mine is dark.
    """

    def work(scene: Scene, figures: dict[str, Any]) -> bool:
        spec = _spec(scene.config, name)
        _may_begin(scene, aside=UNSAFE)
        seen = _fan(scene, name)
        if seen is None or (seen.on is None and seen.watts is None):
            raise NotTried(f"neither relay nor watts of fan {name} are known; `minectl probe` its sections")
        turns = seen.on is True or (seen.watts or 0) * 100 >= spec.normal_w * PROVEN_SHARE_PCT
        kept = _kept_on(scene)
        if turns and kept:
            raise NotTried(f"fan {name} turns and stays on ({kept}): name one that stands still, or wait until dark")
        for value in ("off", "on") if turns else ("on", "off"):
            if value == "off" and kept:
                scene.tell(f"off is not tried: {kept}")
                continue
            figures[value] = _turned(scene, spec, value)
            if not figures[value]["proven"]:
                return False
        return True

    return work


def _kept_on(scene: Scene) -> str:
    """Why no fan may go down now, "" when one may."""
    found = last_seen(scene.config.paths, scene.config.policy)
    decision = found.book.decision if found is not None else None
    why = decision.envelope.no_fan_down if decision is not None else None
    return speaker(scene.config.site.units)(why) if why else ""


def _spec(config: Config, name: str) -> FanSpec:
    fans = config.policy.wiring.fans
    spec = next((one for one in fans if one.name == name), None)
    if spec is None:
        raise NotTried(f"there is no fan {name!r}; fans are {', '.join(one.name for one in fans) or 'none'}")
    if not spec.watts:
        raise NotTried(f"[wiring] names no watts for fan {name}: nothing could prove what it does")
    return spec


def _fan(scene: Scene, name: str) -> Fan | None:
    """The fan as the last tick read it; the store keeps channels, and `freeze` makes fans of them."""
    image = scene.book().image
    if image is None:
        return None
    seen = freeze(image, (), scene.config.policy.wiring, image.clock._replace(rebooted=False))
    return next((one for one in seen.fans if one.name == name), None)


def _turned(scene: Scene, spec: FanSpec, value: str) -> dict[str, Any]:
    """Hold it so and look, for a few ticks; on reaches 60 % of its normal watts, off falls below 30 %."""
    began_s, asked_s, seen = scene.now_s, _plant_s(scene.book()), None
    with held(scene, f"fan.{spec.name}", value, FAN_S, "drill fan"):
        for look in range(FAN_TICKS):
            seen = _fan(scene, spec.name)
            if seen is not None and _shows(seen, spec, value, asked_s):
                took_s = scene.now_s - began_s
                scene.tell(f"fan {spec.name} is {value}: {seen.watts} W of {spec.normal_w} W, {took_s} s", good=True)
                return {"proven": True, "watts": seen.watts, "took_s": took_s}
            if look + 1 < FAN_TICKS:
                scene.next_tick()
        _why_not(scene, spec, value, seen)
    return {"proven": False, "watts": seen.watts if seen else None, "took_s": None}


def _plant_s(book: Book) -> int:
    return book.image.clock.plant_s if book.image is not None else 0


def _shows(seen: Fan, spec: FanSpec, value: str, since_s: int) -> bool:
    """Watts read after it was asked for; the relay's own word must not say the contrary."""
    if seen.watts is None or seen.watts_at <= since_s or seen.on is (value == "off"):
        return False
    share = seen.watts * 100
    on = share >= spec.normal_w * PROVEN_SHARE_PCT
    return on if value == "on" else share <= spec.normal_w * WELDED_SHARE_PCT


def _why_not(scene: Scene, spec: FanSpec, value: str, seen: Fan | None) -> None:
    """Say what stood in the way: a need of the site that came up meanwhile, or the relay and the fan themselves."""
    kept = _kept_on(scene) if value == "off" else ""
    if kept:
        raise NotTried(f"fan {spec.name} stays on, because something came up: {kept}")
    watts = "unknown" if seen is None or seen.watts is None else f"{seen.watts} W of {spec.normal_w} W"
    relay = {True: "on", False: "off", None: "unknown"}[seen.on if seen else None]
    scene.tell(f"fan {spec.name} was told {value} and that is not proven: relay {relay}, {watts}", good=False)


# -- page --------------------------------------------------------------------------------------------------------------


Send = Callable[[Config], dict[str, str]]  # channel -> "" when it took the message, else why not


def page(send: Send, wait_s: int) -> Work:
    """A test by every channel, and somebody's ack by any way. `wait_s` 0: nobody is waited for."""

    def work(scene: Scene, figures: dict[str, Any]) -> bool:
        began_s = scene.now_s
        sent = send(scene.config)
        if not sent:
            raise NotTried("no channel is configured: `minectl config sample telegram` shows one")
        for channel, why in sent.items():
            scene.tell(f"{channel}: {why or 'told'}", good=not why)
        figures["channels"] = {channel: why or "told" for channel, why in sent.items()}
        reached = not any(sent.values())
        if not wait_s or all(sent.values()):
            return reached
        scene.tell(f"waiting {wait_s // 60} min for an ack: `minectl alarms ack drill`, or `/ack drill` in the chat")
        by = _acked(scene, began_s, wait_s)
        figures |= {"acked_by": by or None, "acked_after_s": scene.now_s - began_s if by else None}
        scene.tell(f"acked by {by}" if by else "nobody acked in that time", good=bool(by))
        return reached and bool(by)

    return work


def _acked(scene: Scene, since: int, wait_s: int) -> str:
    for _ in range(max(1, round(wait_s / LOOK_S))):
        for row in query.events(scene.config.paths, kind="request", since=since, limit=50):
            if ": ack" in row.text:
                return row.actor or "somebody"
        for request in waiting(scene.config.paths):
            if request.verb == "ack" and request.at >= since:
                return request.actor or "somebody"
        scene.pause(LOOK_S)
    return ""


# -- restore -----------------------------------------------------------------------------------------------------------


def restore(copy: str) -> Work:
    """A copy put back into a folder of its own, opened as a tick would, counted; nothing of the site is touched."""

    def work(scene: Scene, figures: dict[str, Any]) -> bool:
        from mine_controller.ops import restore as restoring  # noqa: PLC0415 - one drill of four

        try:
            found = restoring.drill(scene.config, copy, scene.now_s, scene.tell)
        except StoreError as error:
            scene.tell(str(error), good=False)
            return False
        rows = sum(after for _table, _was, after, _now in found.rows)
        figures |= {"copy": found.copy.path.name, "rows": rows, "mode": found.mode, "miners": found.miners}
        for trouble in found.troubles:
            scene.tell(trouble, good=False)
        if not found.troubles:
            scene.tell(f"{found.copy.path.name} works: {rows} rows, {found.miners} miners known", good=True)
        return not found.troubles

    return work
