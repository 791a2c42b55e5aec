"""Books of what was seen: miners' confirmed transitions and fans' proof. Pure; run before the rules."""

from mine_controller.core.alarms import stands
from mine_controller.core.fleet import ASLEEP, Fleet, risen_w, wordy
from mine_controller.core.model.image import Fan, Image
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import Chase, FanBook, MinerBook, State
from mine_controller.core.model.wiring import FanSpec, MinerSpec, Wiring
from mine_controller.core.pools.poolless import is_own
from mine_controller.core.power.feed import APART_S, is_dead, is_doubtful
from mine_controller.core.stuck import STUCK, is_stuck, probes

PROVEN_SHARE_PCT = 60  # fan watts above this share of normal are air
WELDED_SHARE_PCT = 30
SPIN_UP_S = 20
FAILED_AFTER = 3
RETRY_FAILED_S = 1800
DEAF_TRIES = 3  # told on so often,
DEAF_S = 120  # and for so long, while its relay shows off
DOUBT_S = 300  # by then a dead source is known: the next tick asks for all that would show it


def watch_miners(
    image: Image, fleet: Fleet, state: State, wiring: Wiring
) -> tuple[dict[str, MinerBook], tuple[Event, ...]]:
    """Starts and stops are counted here, on watts alone; an unknown miner changes nothing."""
    clock = image.clock
    passed_s = max(0, min(clock.plant_s - int(state.last.get("watched_s", clock.plant_s)), 600))
    books, events = dict(state.miners), []
    settling = {name for name, until_s in state.settling.items() if until_s > clock.plant_s}
    for at, (spec, watts, on) in enumerate(zip(wiring.miners, image.miners.power_w, fleet.on, strict=True)):
        if watts is None and (spec.id in settling or not _said(spec, image, at)):
            continue
        book = books.get(spec.id)
        if book is None:
            books[spec.id] = MinerBook(on=on, day=clock.local.date)
        elif book.on != on:
            books[spec.id] = changed(book, on=on, now_s=clock.plant_s, day=clock.local.date)
            meant = f"miner {spec.id}" in state.chases or spec.id in settling
            if not meant and not is_own(image, state, spec, at, on=on):
                reason = Reason("watch", "miner_on" if on else "miner_off", (("miner", spec.id),))
                events.append(Event("miner_" + ("on" if on else "off") + "_unasked", "info", spec.id, reason))
        elif on and passed_s:
            books[spec.id] = tuple.__new__(MinerBook, (*book[:-1], book.run_s + passed_s))  # `_replace`: thrice that
    return books, tuple(events)


def _said(spec: MinerSpec, image: Image, at: int) -> bool:
    """A unit without any meter is booked by its word."""
    return wordy(spec, image, at) and (image.miners.word[at] == "hashing" or image.miners.word[at] in ASLEEP)


def watch_starts(image: Image, fleet: Fleet, state: State, wiring: Wiring) -> tuple[Event, ...]:
    """What is told of a start that failed is over when the miner draws what proves one, whoever made it go."""
    found = (*state.alarms, *((state.last.get("alarm_book") or {}).get("pending") or {}))
    names = {key.partition(" ")[2] for key in found if key.startswith("start_failed ")}
    events = []
    for at, spec in enumerate(wiring.miners) if names else ():
        if spec.id not in names or not fleet.on[at]:
            continue
        watts, says = image.miners.power_w[at], image.miners.word[at] == "hashing" and wordy(spec, image, at)
        if says if watts is None else watts >= risen_w(spec, image, state):
            reason = Reason("watch", "start_worked", (("miner", spec.id),))
            events.append(Event("start_worked", "info", spec.id, reason))
    return tuple(events)


def changed(book: MinerBook, *, on: bool, now_s: int, day: str) -> MinerBook:
    """The book after a confirmed start or stop."""
    if not on:
        return book._replace(on=False, last_stop_s=now_s)
    day_starts = book.day_starts + 1 if book.day == day else 1
    return book._replace(on=True, starts=book.starts + 1, last_start_s=now_s, day=day, day_starts=day_starts)


def watch_fans(image: Image, state: State, wiring: Wiring) -> tuple[dict[str, FanBook], tuple[Event, ...]]:
    """Off -> starting -> proven -> suspect -> failed, by watts in time; a meter that is silent proves nothing new.

    While nothing feeds the site no fan that is told on is judged, and while that is in doubt, for some minutes at most,
    none that is starting is blamed.
    """
    books: dict[str, FanBook] = {}
    events: list[Event] = []
    now_s, dead, doubtful = image.clock.plant_s, is_dead(image), is_doubtful(image)
    passed_s = max(0, min(now_s - int(state.last.get("watched_s", now_s)), 600))
    for fan, spec in zip(image.fans, wiring.fans, strict=True):
        was = state.fans.get(spec.name, FanBook())
        if dead and fan.on is not False:
            book = _unfed(was)
        else:
            book = _fan(fan, spec, was, now_s)
            if doubtful and fan.on and _may_wait(fan, was, book, now_s):
                book = was
        chase = state.chases.get(f"fan {spec.name}")
        deaf = not dead and book.state == "off" and _is_deaf(fan, chase)
        if deaf:  # another one takes its place; it is tried again like any that failed
            book = book._replace(state="failed", since_s=now_s)
        if book.state == "proven" and was.state == "proven":
            book = book._replace(run_s=book.run_s + passed_s)
        books[spec.name] = book
        if book.state != was.state:
            events += [_deaf(spec, chase)] if deaf and chase is not None else _fan_events(fan, spec, book, state)
    return books, tuple(events)


def _may_wait(fan: Fan, was: FanBook, book: FanBook, now_s: int) -> bool:
    """Whether one that is starting is judged when the doubt is over. One that turns now is no matter of doubt."""
    turns = book.state == "proven" and now_s - fan.watts_at <= APART_S
    return was.state == "starting" and not turns and now_s - was.since_s < DOUBT_S


def _is_deaf(fan: Fan, chase: Chase | None) -> bool:
    """Told on again and again, and its relay has shown off since: nothing of it will ever draw too little."""
    if fan.on is not False or chase is None or chase.want != "on" or chase.tries < DEAF_TRIES:
        return False
    return fan.on_at - chase.began_s >= DEAF_S and fan.on_at >= (chase.sent_s or 0)


def _deaf(spec: FanSpec, chase: Chase) -> Event:
    numbers = (("fan", spec.name), ("tries", chase.tries), ("answer", chase.answer or "none"))
    return Event("fan_fault", "warning", f"fan {spec.name}", Reason("watch", "fan_deaf", numbers))


def _unfed(book: FanBook) -> FanBook:
    return book if book.state == "failed" else book._replace(state="unknown", bad_at=())


def _fan(fan: Fan, spec: FanSpec, book: FanBook, now_s: int) -> FanBook:
    if fan.on is None and fan.watts is not None and fan.watts * 100 >= spec.normal_w * PROVEN_SHARE_PCT:
        return book._replace(state="proven", proven_s=fan.watts_at, bad_at=())  # watts are the proof, not the relay
    if fan.on is None and fan.watts is not None and fan.watts_at > book.proven_s and book.state == "proven":
        return book._replace(state="unknown")  # the relay is silent, and fresh watts say there is no air
    if fan.on is None:
        return book if now_s - book.proven_s <= 240 or book.state == "failed" else book._replace(state="unknown")
    if not fan.on:
        welded = fan.watts is not None and fan.watts * 100 > spec.normal_w * WELDED_SHARE_PCT
        settled = fan.watts_at - book.since_s > 2 * SPIN_UP_S  # watts read before it went off say nothing
        state = "welded" if welded and book.state in ("off", "welded") and settled else "off"
        if book.state == "failed" and now_s - book.since_s < RETRY_FAILED_S:
            return book
        return book if book.state == state else book._replace(state=state, since_s=now_s, bad_at=())
    if book.state in ("off", "unknown", "welded"):
        book = book._replace(state="starting", since_s=now_s, bad_at=(), starts=book.starts + (book.state == "off"))
    return _proof(fan, spec, book, now_s)


def _proof(fan: Fan, spec: FanSpec, book: FanBook, now_s: int) -> FanBook:
    if fan.watts is None:
        if book.state == "proven" and now_s - fan.watts_at > 240:
            return book._replace(state="starting", since_s=now_s)
        return book
    if fan.watts * 100 >= spec.normal_w * PROVEN_SHARE_PCT:
        return book._replace(state="proven", proven_s=fan.watts_at, bad_at=(), since_s=book.since_s)
    if book.state == "failed":
        return book
    if book.state == "starting" and fan.watts_at < book.since_s + SPIN_UP_S:
        return book
    bad = (*book.bad_at, fan.watts_at) if fan.watts_at not in book.bad_at else book.bad_at
    if len(bad) >= FAILED_AFTER or (book.state == "starting" and len(bad) >= 2):
        return book._replace(state="failed", since_s=now_s, bad_at=bad)
    return book._replace(state="suspect" if book.state != "starting" else "starting", bad_at=bad)


def watch_sensors(image: Image, state: State, wiring: Wiring) -> tuple[Event, ...]:
    """TMP2: probes that `freeze` took out of the vote, told once, and again when they move."""
    events = []
    for key in probes(wiring):
        about, mark = key.rpartition(":")[0], image.channels.get(key + STUCK)
        told, stuck = stands(state, f"sensor_stuck {about}"), mark is not None and is_stuck(mark)
        if stuck and not told and mark is not None:
            low_w, high_w = (int(part) for part in mark.why.split()[:2])
            numbers = (
                ("sensor", about),
                ("value_c", float(mark.value or 0)),
                ("for_s", image.clock.plant_s - mark.at_s),
                ("moved_w", high_w - low_w),
            )
            events.append(Event("sensor_stuck", "warning", about, Reason("watch", "sensor_stuck", numbers)))
        elif told and not stuck:
            events.append(Event("sensor_moves", "info", about, Reason("watch", "sensor_moves", (("sensor", about),))))
    return tuple(events)


def _fan_events(fan: Fan, spec: FanSpec, book: FanBook, state: State) -> list[Event]:
    numbers = (
        ("fan", spec.name),
        ("watts", fan.watts if fan.watts is not None else "unknown"),
        ("normal_w", spec.normal_w),
    )
    if book.state == "failed":
        return [Event("fan_fault", "warning", f"fan {spec.name}", Reason("watch", "fan_failed", numbers))]
    if book.state == "welded":
        return [Event("fan_welded", "warning", f"fan {spec.name}", Reason("watch", "fan_welded", numbers))]
    about = f"fan {spec.name}"
    if book.state == "proven" and stands(state, f"fan_fault {about}"):  # it may have been off for long in between
        return [Event("fan_back", "info", about, Reason("watch", "fan_back", numbers))]
    if book.state == "off" and stands(state, f"fan_welded {about}"):
        return [Event("fan_freed", "info", about, Reason("watch", "fan_freed", numbers))]
    return []
