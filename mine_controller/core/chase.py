"""The ladder: one command not proven yet, and what to do about it next. Pure; the same in this round, the next tick and
the tick after a kill.

A chase climbs when refused, when twice unreachable, when proof is overdue (after one repeat), or when its outlet's last
call has come. After two tries on the top rung it rests until the next tick; a word given after a failed outlet
(`compare`) has its proof time before the outlet is tried again.
"""

from mine_controller.core.model.command import ACCEPTED, NOT_SENT, REFUSED, UNREACHABLE, UNSUPPORTED
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import Path
from mine_controller.record import NamedTuple

TRIES = 2
POLL_S = 8


class Ladder(NamedTuple):
    """The rungs one target may climb in this round. `last_call_s`: plant time at which the outlet must be used."""

    paths: tuple[Path, ...]
    top: int  # index of the highest rung allowed (economics never reaches an outlet)
    last_call_s: int | None
    may_send: bool = True  # increases are sent in the opening round only
    shut: tuple[int, ...] = ()  # gentle rungs that can't be used: nobody there knows the unit now


class Step(NamedTuple):
    """The chase after this round; `send` when its rung is to be commanded now; `look_s` when to look again."""

    chase: Chase
    send: bool
    look_s: int | None


def pursue(chase: Chase, ladder: Ladder, ticket_word: str, now_s: int, opening: bool) -> Step:
    """One round of one chase. `ticket_word` is what the endpoint says of its asynchronous job ("" unknown)."""
    if chase.sent_s is None:
        return _send(chase, ladder, now_s) if ladder.may_send else Step(chase, False, None)
    if ladder.last_call_s is not None and now_s >= ladder.last_call_s:
        outlet = _outlet(ladder)
        if outlet is not None and chase.rung < outlet and chase.tries <= TRIES:  # not a word after a failed outlet
            return _send(at_rung(chase, outlet), ladder, now_s)
    if chase.answer in (REFUSED, UNSUPPORTED) or ticket_word == "failed":
        return _climb(chase, ladder, now_s, opening)
    path = ladder.paths[chase.rung]
    if chase.answer == UNREACHABLE:
        if chase.tries < TRIES and chase.rung not in ladder.shut:
            return _send(chase, ladder, now_s)
        return _climb(chase, ladder, now_s, opening)
    due_s = chase.sent_s + path.proof_s
    if now_s < due_s:
        return Step(chase, False, min(due_s, now_s + POLL_S))
    # the miner's own rung once more, unless a second gentle one stands above it
    repeat = chase.rung == ladder.top or (chase.rung == 0 and (1 in ladder.shut or not ladder.paths[1].gentle))
    if repeat and chase.tries < TRIES and chase.answer != ACCEPTED and chase.rung not in ladder.shut:
        return _send(chase, ladder, now_s)
    return _climb(chase, ladder, now_s, opening)


def has_failed(chase: Chase, ladder: Ladder, now_s: int) -> bool:
    """Whether its rung was tried for all it is worth and nothing came of it."""
    if chase.sent_s is None:
        return False
    over = chase.tries >= TRIES and (
        chase.answer == UNREACHABLE or now_s >= chase.sent_s + ladder.paths[chase.rung].proof_s
    )
    return over or chase.answer in (REFUSED, UNSUPPORTED)


def _outlet(ladder: Ladder) -> int | None:
    return next((rung for rung, path in enumerate(ladder.paths) if not path.gentle and rung <= ladder.top), None)


def at_rung(chase: Chase, rung: int) -> Chase:
    """The chase begun anew on another rung."""
    return chase._replace(rung=rung, tries=0, sent_s=None, answer="", ticket=None)


def _send(chase: Chase, ladder: Ladder, now_s: int) -> Step:
    if chase.rung in ladder.shut:
        return Step(chase, False, None)  # nobody is known to be there: nothing is sent into the blue
    path = ladder.paths[chase.rung]
    sent = chase._replace(sent_s=now_s, tries=chase.tries + 1, answer="", ticket=None)
    return Step(sent, True, now_s + min(path.proof_s, POLL_S))


def _climb(chase: Chase, ladder: Ladder, now_s: int, opening: bool) -> Step:
    higher = next((rung for rung in range(chase.rung + 1, ladder.top + 1) if rung not in ladder.shut), None)
    if higher is not None:
        return _send(at_rung(chase, higher), ladder, now_s)
    if opening and chase.sent_s is not None and now_s > chase.sent_s:
        return _send(chase._replace(tries=1), ladder, now_s)
    return Step(chase, False, None)  # rests until the next tick


def answered(chase: Chase, verdict: str, why: str, ticket: str | None, at_s: int) -> Chase:
    """The chase with an outcome written in; what was not sent leaves no trace.

    Proof time runs from when its turn in the lane came (`at_s`), not from when the round was decided.
    """
    if verdict == NOT_SENT:
        return chase._replace(sent_s=None, tries=max(0, chase.tries - 1), answer="", command="")
    return chase._replace(answer=verdict, why=why[:120], ticket=ticket, sent_s=max(chase.sent_s or 0, at_s))
