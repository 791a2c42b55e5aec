"""Miners that say yes to a stop and draw on: who did so three times in a week has its outlet cut first (CMD2). Pure.

Watts are the judge, so a unit without any is never called a liar, and neither is anybody when a fifth of the site went
on at once: then what carried the commands did not deliver them.
"""

from collections.abc import Sequence

from mine_controller.core.model.command import ACCEPTED, APPLIED
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import Chase, MinerBook, Shed
from mine_controller.core.model.wiring import Path
from mine_controller.core.view import View

LIES, WEEK_S = 3, 7 * 86_400
COMMON_CAUSE = 3  # so many at least in one curtailment, and a fifth of all, are nobody's lie


def lied(chase: Chase, path: Path, watts: int | None, now_s: int) -> bool:
    """Whether a chase that climbs leaves a yes behind: its proof is overdue, and its unit is measured as drawing."""
    said_yes = path.gentle and chase.answer in (ACCEPTED, APPLIED) and chase.sent_s is not None
    return said_yes and watts is not None and now_s >= (chase.sent_s or 0) + path.proof_s


def lies_often(book: MinerBook, now_s: int) -> bool:
    """Whether its word is not worth waiting for."""
    return len(book.lies) >= LIES and sum(now_s - at < WEEK_S for at in book.lies) >= LIES


def liars_of(view: View) -> frozenset[str]:
    """Everybody whose word is not worth waiting for."""
    found = ((name, book) for name, book in view.state.miners.items() if book.lies)
    return frozenset(name for name, book in found if lies_often(book, view.now_s))


def with_lies(view: View, names: Sequence[str], shed: Shed | None) -> tuple[View, tuple[Event, ...]]:
    """The state with these lies in its books, and an event for each unit that is known for it from now on."""
    if not names:
        return view, ()
    state, now_s = view.state, view.now_s
    began_s = shed.seen_s if shed is not None else now_s
    count = len(names) + (int(state.last.get("lies", 0)) if state.last.get("lies_since") == began_s else 0)
    last, books = {**state.last, "lies": count, "lies_since": began_s}, dict(state.miners)
    if count >= max(COMMON_CAUSE, view.fleet.size // 5):
        books = {
            name: book._replace(lies=tuple(at for at in book.lies if at < began_s)) for name, book in books.items()
        }
        return view._replace(state=state._replace(miners=books, last=last)), ()
    events = []
    for name in names:
        book = books.get(name, MinerBook())
        told = (*(at for at in book.lies if now_s - at < WEEK_S), now_s)
        books[name] = book._replace(lies=told)
        if len(told) == LIES:
            reason = Reason("liars", "known", (("miner", name), ("times", LIES)))
            events.append(Event("liar", "warning", name, reason))
    return view._replace(state=state._replace(miners=books, last=last)), tuple(events)
