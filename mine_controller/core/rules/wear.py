"""What a miner's wear book forbids: too soon after a stop, too many starts, quarantine, a flag (G2, G3, CMD15)."""

from typing import Any

from mine_controller.core.model.reason import EQUIPMENT, PERSON, Advice, Limit, Reason
from mine_controller.core.model.state import MinerBook
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = EQUIPMENT
NEEDS = ()
COOLED_S = 1800  # a board still warm so long after its stop is warmed by the room, or its sensor lies
FRESH_S = 240
_Known = tuple[str, dict[str, int]]  # today's date, and by miner until when somebody else's hand is respected


BY_PERSON = "put there by "  # how a person's quarantine begins: the miner is stopped too, not only kept from starting


class Options(NamedTuple):
    """Numbers of [wear]."""

    min_off_s: int = option(600, unit="s", low=60, high=7200, help="a miner stays off at least this long")
    starts_a_day: int = option(8, low=1, high=96, help="starts of any kind per miner and day")
    small_starts_a_day: int = option(
        48, low=1, high=96, help="the same of small boards, which nothing wears out; starts_a_day where that is more"
    )
    hot_board_c: int = option(
        50, unit="°C", low=30, high=70, help="a stopped miner whose boards are hotter starts when they have cooled"
    )
    failures: int = option(3, low=1, high=10, help="failed starts or stops in 24 h that quarantine a miner")


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Bans for the miners that are off and may not start yet."""
    del memory
    limits = []
    today = view.image.clock.local.date
    writers, books = view.state.last.get("writers") or {}, view.state.miners
    for spec, on in zip(view.wiring.miners, view.fleet.on, strict=True):
        if spec.flags and "maintenance" in spec.flags:
            limits.append(Limit(PERSON, f"ban {spec.id}", 0, Reason("wear", "maintenance")))
        elif not on:
            book = view.state.miners.get(spec.id)
            reason = (
                _ban(spec, book, view.now_s, (today, writers), _of(view, spec, options))
                or _settling(view, spec)
                or _hot(view, spec, book, options)
            )
            if reason is not None:
                limits.append(Limit(EQUIPMENT, f"ban {spec.id}", 0, reason))
                limits += _off(spec, book) if f"miner {spec.id}" in view.state.chases else ()  # on its way up, perhaps
        elif (book := books.get(spec.id)) is not None and book.quarantined:
            limits += _off(spec, book)
    return Advice(tuple(limits))


def _off(spec: MinerSpec, book: MinerBook | None) -> tuple[Limit, ...]:
    """Of a miner that a person put aside: it stops, too."""
    if book is None or not book.quarantined.startswith(BY_PERSON):
        return ()
    return (Limit(PERSON, f"off {spec.id}", 0, Reason("wear", "quarantined", (("why", book.quarantined),))),)


def _of(view: View, spec: MinerSpec, options: Options) -> Options:
    """The numbers as they count for this miner: boards that are read once a minute at most are small ones."""
    board = view.wiring.endpoints.get(spec.group)
    if board is None or not board.rest_s:
        return options
    return options._replace(starts_a_day=max(options.starts_a_day, options.small_starts_a_day))


def _ban(spec: MinerSpec, book: MinerBook | None, now_s: int, known: _Known, options: Options) -> Reason | None:
    today, writers = known
    if "spare" in spec.flags:
        return Reason("wear", "spare")
    if book is None:
        return None
    if writers.get(spec.id, 0) > now_s:
        return Reason("wear", "two_writers", (("left_s", writers[spec.id] - now_s),))
    if book.quarantined:
        return Reason("wear", "quarantined", (("why", book.quarantined),))
    off_s = now_s - book.last_stop_s
    if book.last_stop_s and off_s < options.min_off_s:
        return Reason("wear", "min_off", (("left_s", options.min_off_s - off_s),))
    if book.day == today and book.day_starts >= options.starts_a_day:
        return Reason("wear", "budget", (("starts", book.day_starts),))
    if book.last_start_s and now_s - book.last_start_s < options.min_off_s + 60:
        return Reason("wear", "spacing", (("left_s", options.min_off_s + 60 - now_s + book.last_start_s),))
    return None


def _settling(view: View, spec: MinerSpec) -> Reason | None:
    """Told something a moment ago: what it says now counts for little."""
    left_s = view.state.settling.get(spec.id, 0) - view.now_s
    return Reason("wear", "settling", (("left_s", left_s),)) if left_s > 0 else None


def _hot(view: View, spec: MinerSpec, book: MinerBook | None, options: Options) -> Reason | None:
    """CMD15: boards that are still hot from before their stop, where the unit tells its temperature."""
    if book is None or not 0 < book.last_stop_s > view.now_s - COOLED_S:
        return None
    for quantity in ("board_c", "chip_c"):
        told = view.image.channels.get(f"{spec.group}/{spec.mac}:{quantity}")
        if told is None or told.why or view.now_s - told.at_s > FRESH_S or not isinstance(told.value, int | float):
            continue
        if told.value > options.hot_board_c:
            return Reason("wear", "hot", (("board_c", told.value), ("limit_c", options.hot_board_c)))
        return None
    return None
