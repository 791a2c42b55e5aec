"""Pools that are down, who stands in for them, and blocks that were found (POL1).

A pool with a `fallback` that takes no more shares, or whose port can't be reached, for `down_s` is told as down and its
fallback stands in: "instead main" -> reserve. That is a word about pools, not about miners: whatever economics wants to
be on main is on reserve meanwhile, so a band and this rule never pull at one miner. Miners that nobody wants anywhere
get "home" to where they were. While the line itself is down no pool is judged.
"""

from collections.abc import Iterator
from typing import Any

from mine_controller.core.model.reason import ECONOMICS, Advice, Event, Reason, Wish
from mine_controller.core.option import option
from mine_controller.core.pools import blocks, health
from mine_controller.core.pools.homes import before_window
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = ECONOMICS
NEEDS = ()


class Options(NamedTuple):
    """Numbers of [failover]; which pool stands in for which says `fallback` of each [pool]."""

    down_s: int = option(300, unit="s", low=120, high=7200, help="a pool that works for nobody so long is down")
    back_s: int = option(900, unit="s", low=300, high=86_400, help="and good so long before its miners go back")
    retry_s: int = option(
        3600, unit="s", low=900, high=86_400, help="without a [stratum] check its miners try it again after this"
    )


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Events about pools and blocks; stand-ins as wishes."""
    kept: dict[str, Any] = {name: memory[name] for name in ("pools", "moved", "blocks") if name in memory}
    if not view.image.clock.opening:
        return Advice((), tuple(_wishes(kept)), (), kept)
    kept["blocks"], events = blocks.found(view.image, view.wiring, kept.get("blocks") or {})
    if view.pools:
        events += _judge(view, kept, options)
        _move(view, kept)
    return Advice((), tuple(_wishes(kept)), events, kept)


def _judge(view: View, kept: dict[str, Any], options: Options) -> tuple[Event, ...]:
    """Every pool's book, and who stands in for those that are down."""
    was, books, told = kept.get("pools") or {}, {}, {}
    pace = health.Pace(options.down_s, options.back_s, options.retry_s)
    found = health.crews(view.image, view.wiring, view.fleet.on)
    line_down, homes = health.line_is_down(view.image, view.wiring), (kept.get("moved") or {}).values()
    for pool in view.pools:
        book = health.count(was.get(pool.name) or {}, found.get(pool.name, health.Crew()), view.now_s)
        if line_down:
            books[pool.name] = book | {"since_s": 0, "bad_s": 0, "good_s": 0, "why": "the line is down"}
            continue
        link = health.link_of(view.image, view.wiring, pool.name)
        books[pool.name], told[pool.name] = health.judge(book, link, pace, view.now_s)
        over = health.left(books[pool.name], found.get(pool.name, health.Crew()), homes, pool.name)
        if over is not None:
            books[pool.name], told[pool.name] = over, "left"
    if not line_down:
        _stand_in(view, books)
    kept["pools"] = books
    return tuple(_events(books, found, told))


def _stand_in(view: View, books: dict[str, Any]) -> None:
    """A stand-in once chosen stays until it is down itself."""
    down = {name for name, book in books.items() if health.stands_aside(book)}
    doubtful = down | {name for name, book in books.items() if book.get("bad_s")}
    for name, book in books.items():
        chosen = str(book.get("instead") or "")
        if name not in down:
            books[name] = book | {"instead": ""}
        elif not chosen or chosen in down or chosen not in books:
            books[name] = book | {"instead": health.stand_in(name, view.pools, doubtful)}


def _events(books: dict[str, Any], found: dict[str, health.Crew], told: dict[str, str]) -> Iterator[Event]:
    for name, word in told.items():
        book, crew = books[name], found.get(name, health.Crew())
        numbers: tuple[tuple[str, int | str], ...] = (("pool", name), ("why", book["why"]), ("miners", len(crew.at)))
        known = crew.at and health.stands_aside(book) and not book.get("good_s")  # not one that is coming back
        late = known and not book.get("warned")  # who came when it was down already
        if word == "down" or late:
            code = "down_instead" if book["instead"] else "down"
            severity = "warning" if crew.at else "info"
            books[name] = book | {"warned": int(bool(crew.at))}
            yield Event("pool_down", severity, name, Reason("failover", code, (*numbers, ("instead", book["instead"]))))
        elif word:
            books[name] = book | {"warned": 0}
            yield Event("pool_up", "info", name, Reason("failover", word, numbers))


def _move(view: View, kept: dict[str, Any]) -> None:
    """Who is put elsewhere by a stand-in, and where it belongs. Whoever is anywhere else by now is left alone; who has
    said nothing for hours, off or asleep, comes back where it was put. After a window of a schedule it belongs where
    that found it, also when the window's own pool is down."""
    books, homes = kept.get("pools") or {}, kept.get("moved") or {}
    if not homes and not any(book.get("instead") for book in books.values()):
        kept.pop("moved", None)
        return
    line_down = health.line_is_down(view.image, view.wiring)
    instead = {name: str(book["instead"]) for name, book in books.items() if book.get("instead")}
    listed = [pool for pool in view.pools if pool.name in books]
    moved, before = dict[str, str](), before_window(view.state.memory)
    for spec in view.wiring.miners:
        now, put = health.pool_of(view.image, spec), homes.get(spec.id, "")
        home = before.get(spec.id) or put
        known = line_down or not now or now in health.along(home, listed) | health.along(put, listed)
        if home in books and known and (home in instead or now != home):
            moved[spec.id] = home
        elif now in instead and instead[now] in spec.pools and "pool" in spec.verbs:
            moved[spec.id] = now
    kept["moved"] = moved


def _wishes(kept: dict[str, Any]) -> Iterator[Wish]:
    for name, book in (kept.get("pools") or {}).items():
        if book.get("instead"):
            reason = Reason("failover", "instead", (("pool", name), ("instead", book["instead"]), ("why", book["why"])))
            yield Wish(ECONOMICS, f"instead {name}", str(book["instead"]), reason)
    for name, home in (kept.get("moved") or {}).items():
        yield Wish(ECONOMICS, f"home {name}", home, Reason("failover", "home", (("pool", home),)))
