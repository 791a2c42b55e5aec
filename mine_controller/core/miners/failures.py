"""What failed starts and stops at an outlet leave in the wear books: failures, quarantine, hard stops. Pure.

When nobody starts it is no miner's fault: the supply, the internet, a log-in. Who knows no start is judged apart
(`startless.py`), so that one such unit neither hides nor makes a common cause.
"""

from mine_controller.core.compare.work import Compared
from mine_controller.core.miners import startless
from mine_controller.core.model.state import MinerBook
from mine_controller.core.view import View
from mine_controller.core.watch import changed

DAY_S = 86_400
FAILURES = 3
COMMON_CAUSE = 4
NO_START = "did not start"  # why a miner is put aside


def in_a_row(view: View, compared: Compared) -> tuple[int, int]:
    """Starts in a row that came to nothing, and the plant second of the first; one proven start ends the row."""
    proven = any(chase.want == "run" for _, chase in compared.done)
    before = 0 if proven else int(view.state.last.get("failed_starts", 0))
    since_s = int(view.state.last.get("failing_since", view.now_s)) if before else view.now_s
    return before + len(compared.failed), since_s


def judge(
    view: View, compared: Compared, limit: int, row: tuple[int, int], known: frozenset[str] = frozenset()
) -> dict[str, MinerBook]:
    """Failures and hard stops into the wear books; `limit` failures in a day are quarantine.

    `row`: see `in_a_row`, without those of `known`, who said that they know no start and are judged by themselves.
    """
    if not (compared.failed or compared.done or compared.mapped_wrong):
        return view.state.miners
    books = dict(view.state.miners)
    now_s = view.now_s
    size = view.fleet.size
    crowd = max(COMMON_CAUSE, size // 5)  # when nobody starts, it is no miner's fault
    lately = startless.lately(known, books, now_s - DAY_S)
    common, many = row[0] >= crowd, startless.are_many(lately, size, crowd)
    if common or many:
        books = {
            name: _forgiven(book, row[1], limit)
            if (many and name in lately) or (common and name not in known)
            else book
            for name, book in books.items()
        }
    for name in compared.failed:
        if many if name in known else common:
            continue
        book = books.get(name, MinerBook())
        fails = (*(at for at in book.fails if now_s - at < DAY_S), now_s)
        books[name] = book._replace(fails=fails, quarantined=NO_START if len(fails) >= limit else book.quarantined)
    for name in compared.mapped_wrong:
        books[name] = books.get(name, MinerBook())._replace(quarantined="its outlet feeds another miner")
    rungs = gentle_rungs(view, compared)
    for target, chase in compared.done:
        if chase.want == "stop" and chase.rung >= rungs.get(target, 1) and target[6:] in books:
            books[target[6:]] = books[target[6:]]._replace(hard_stops=books[target[6:]].hard_stops + 1)
        was, on = books.get(target[6:]), chase.want == "run"
        if was is not None and was.on != on:  # by its word alone: `watch` did not take it yet, or can't see its watts
            books[target[6:]] = changed(was, on=on, now_s=now_s, day=view.image.clock.local.date)
    return books


def gentle_rungs(view: View, compared: Compared) -> dict[str, int]:
    """By target: how many of its rungs are gentle (a stop proven on one of them was gentle)."""
    if not compared.done:
        return {}
    by_id = {spec.id: spec for spec in view.wiring.miners}
    return {
        target: sum(path.gentle for path in by_id[target[6:]].paths)
        for target, _ in compared.done
        if target[6:] in by_id
    }


def _forgiven(book: MinerBook, since_s: int, limit: int) -> MinerBook:
    """Without the failures of a row that turned out to be nobody's: no internet, no supply, a PDU without its feed."""
    fails = tuple(at for at in book.fails if at < since_s)
    if fails == book.fails:
        return book
    freed = book.quarantined == NO_START and len(fails) < limit
    return book._replace(fails=fails, quarantined="" if freed else book.quarantined)
