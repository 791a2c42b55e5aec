"""Miners that say they hash and bring no share for far longer than ever before: they cost power and earn nothing. Pure.

A word and a hash rate are what the unit thinks of itself; shares are what a pool took (safety.md, POL1). Each half hour
its counter is looked at, and the longest time without one is learned of each unit at its pool: a lottery board may
bring one a day. Six times that long is told.

`State.last["harvest"]`: `at_s` of the last look, `of` the rows, `mute` who brings none, since when.
"""

from collections.abc import Iterator
from typing import Any

from mine_controller.core.alarms.look import number
from mine_controller.core.pools.health import pool_of
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

KEY = "harvest"
HALF_S = 1800
FRESH_S = 600
LEARN_N = 12  # looks that saw shares, before any are missed
TIMES = 6  # the longest of twelve gaps is some three mean ones: eighteen of those without a share are no chance


class Row(NamedTuple):
    """What is known of one unit. `since_s`: when it last brought a share, began to hash, or came to its pool; `gap_s`
    its longest time without one."""

    accepted: int
    since_s: int
    gap_s: int
    looks: int
    pool: str


def harvest_book(view: View) -> dict[str, Any] | None:
    """The book after this round; None: unchanged."""
    book: dict[str, Any] = view.state.last.get(KEY) or {}
    now_s = view.now_s
    away_s = now_s - int(book.get("at_s") or 0)
    if book and 0 <= away_s < HALF_S - 5:
        return None
    was = {name: Row(*row) for name, row in (book.get("of") or {}).items()}
    if away_s >= 2 * HALF_S:  # nobody looked: what came in that time, and when, is not known
        was = {name: row._replace(since_s=now_s) for name, row in was.items()}
    rows = dict(_rows(view, was))
    mute = {name: row.since_s for name, row in rows.items() if _is_mute(row, now_s)}
    return {"at_s": now_s, "of": {name: list(row) for name, row in rows.items()}, "mute": mute}


def _rows(view: View, was: dict[str, Row]) -> Iterator[tuple[str, Row]]:
    channels, words, on = view.image.channels, view.image.miners.word, view.fleet.on
    for at, spec in enumerate(view.wiring.miners):
        accepted = number(channels.get(f"{spec.group}/{spec.mac}:accepted_n"), view.now_s - FRESH_S)
        row = was.get(spec.id)
        if accepted is not None and on[at] and words[at] == "hashing":
            yield spec.id, _seen(row, int(accepted), pool_of(view.image, spec), view.now_s)
        elif row is not None:  # it rests, or nobody knows: no time in which any could have come
            yield spec.id, row._replace(since_s=view.now_s)


def _seen(row: Row | None, accepted: int, pool: str, now_s: int) -> Row:
    if row is None or (pool and pool != row.pool):  # another pool asks for shares of another difficulty
        return Row(accepted, now_s, 0, 0, pool)
    came = accepted - row.accepted
    if came == 0:
        return row
    if came < 0:  # its counter began anew
        return row._replace(accepted=accepted, since_s=now_s)
    gap_s = row.gap_s if _is_mute(row, now_s) else max(row.gap_s, now_s - row.since_s)  # a fault is no custom
    return Row(accepted, now_s, gap_s, min(row.looks + 1, LEARN_N), row.pool)


def _is_mute(row: Row, now_s: int) -> bool:
    return row.looks >= LEARN_N and now_s - row.since_s >= TIMES * row.gap_s
