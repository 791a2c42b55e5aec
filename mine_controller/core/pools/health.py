"""Pools as the miners see them: who is on each, what it accepts, whether it can be believed dead, who stands in. Pure.

Only what miners count themselves, and a check of the pool's door, say anything here about a pool's health. What a
pool's own service tells of a wallet lags by minutes and jumps by luck: pages show it, nothing is decided by it (POL1).

The book of one pool, kept in the memory of the rule `failover`:

    who, acc, rej   a mark of the miners that count, and the sums of their counters when they were last looked at
    at_s, since_s   when that was, and since when the same miners have been running and counting
    rose_s          when the accepted sum rose last
    took, lost      accepted and rejected shares by hours: [this one, the one before]; hour_s: when this one began
    waits           1 while all its miners that run, or would, say that it does not answer them
    pause_s         how long one share is usually waited for; lately_s: the same by the last few; crew: by how many
    bad_s, good_s   since when it looks bad or good, 0 = it does not
    down_s          since when it is told as down; mute: 1 when it took no shares, so that an open port proves nothing
    instead         the pool that stands in
    try_s, tries    when its miners try it again; below 0: they are trying since then
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import ECONOMICS, Wish
from mine_controller.core.model.wiring import MinerSpec, Wiring
from mine_controller.core.pools import bests
from mine_controller.core.pools.poolless import waits
from mine_controller.record import NamedTuple

CHECK = "stratum"  # the kind that knocks at pools: "stratum watch/main:link"
ON_IT_S = 7200  # a unit that no longer answers still counts for the pool it named last
FRESH_S = 600
HOUR_S = 3600
GAP_S = 900  # not looked at for so long: what lies between says nothing
SHARES_LEAST = 3  # fewer say nothing about how often one is due
LEARNED = ("pause_s", "lately_s", "took", "lost", "crew")  # what many miners show says nothing of the few who stay
PATIENCE = 8  # so many usual pauses without a share are no chance any more (e^-8)
STEPS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21}
_SCALED = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?(?:e\+0[0-9])?) ?([KMGTPEZ]?)", re.IGNORECASE)


class Health(NamedTuple):
    """One pool, for pages and for `/api/pools/{id}/health`. None = not known.

    state: good, bad (not for long yet), down, or unknown. `best` is the best share its miners tell of, by difficulty.
    """

    name: str
    coin: str
    state: str
    why: str
    miners: int  # that name it as theirs
    connected: int  # of these, that answer and hash
    accept_pct: float | None
    share_age_s: int | None
    best: float | None
    link: str | None  # up or down by the check
    instead: str  # the pool that stands in now, "" = none


class Crew(NamedTuple):
    """The miners that name one pool: indexes into the wiring, and the sums over those that run and count.

    Who waits for a pool counts as running, dark or not. `waits`: all of them do.
    """

    at: tuple[int, ...] = ()
    running: int = 0
    who: int = 0
    accepted: int = 0
    rejected: int = 0
    counting: int = 0
    waits: bool = False


class Pace(NamedTuple):
    """How long a pool must look bad before it is down, and good before it is believed again (seconds)."""

    down_s: int
    back_s: int
    retry_s: int


def scaled(text: object) -> float | None:
    """A number with an SI letter behind it, as pools and small boards write difficulties: "4.57G".

    They write 999.7G as "1e+03G" (three digits by the C library: suffix_string of CKPool and ESP-Miner).
    """
    found = _SCALED.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 40 else None
    return float(found[1]) * STEPS[found[2].upper()] if found else None


# -- who is on which pool ---------------------------------------------------------------------------------------------


def pool_of(image: Image, spec: MinerSpec) -> str:
    """The pool a miner named last; "" when it never did, or too long ago."""
    told = image.channels.get(f"{spec.group}/{spec.mac}:pool")
    fits = told is not None and isinstance(told.value, str) and image.clock.plant_s - told.at_s <= ON_IT_S
    return str(told.value) if told is not None and fits else ""


def crews(image: Image, wiring: Wiring, lit: Sequence[bool]) -> dict[str, Crew]:
    """By pool who names it. `lit`: by miner whether it draws power."""
    found: dict[str, list[int]] = {}
    for at, spec in enumerate(wiring.miners):
        name = pool_of(image, spec)
        if name:
            found.setdefault(name, []).append(at)
    return {name: _crew(image, wiring, lit, ats) for name, ats in found.items()}


def _crew(image: Image, wiring: Wiring, lit: Sequence[bool], ats: list[int]) -> Crew:
    waiting = [at for at in ats if waits(image, at)]
    running = sorted({*waiting, *(at for at in ats if lit[at])}) if waiting else [at for at in ats if lit[at]]
    names, accepted, rejected = [], 0, 0
    for at in running:
        own = f"{wiring.miners[at].group}/{wiring.miners[at].mac}"
        took = counted(image, f"{own}:accepted_n")
        if took is not None:
            names.append(wiring.miners[at].id)
            accepted += took
            rejected += counted(image, f"{own}:rejected_n") or 0
    who, all_wait = crc32(" ".join(names).encode()), bool(waiting) and len(waiting) == len(running)
    return Crew(tuple(ats), len(running), who, accepted, rejected, len(names), all_wait)


def counted(image: Image, key: str) -> int | None:
    """A counter as lately read; None when it is not known now."""
    told = image.channels.get(key)
    fresh = told is not None and not told.why and image.clock.plant_s - told.at_s <= FRESH_S
    return int(told.value) if told is not None and fresh and isinstance(told.value, int | float) else None


def link_of(image: Image, wiring: Wiring, name: str) -> str | None:
    """Up or down, by the check of its door; None where none is configured or it can't tell."""
    for end, spec in wiring.endpoints.items():
        if end.partition(" ")[0] == CHECK:
            told = image.channels.get(f"{end}/{name}:link")
            oldest_s = image.clock.plant_s - max(FRESH_S, 2 * spec.every_s)
            if told is not None and not told.why and told.at_s >= oldest_s and told.value in ("up", "down"):
                return str(told.value)
    return None


def line_is_down(image: Image, wiring: Wiring) -> bool:
    """True when every way to the internet that is watched says it is down: no pool can be judged then (NET1)."""
    told = [image.channels.get(f"{link.channel}:link") for link in wiring.uplinks]
    return bool(told) and all(one is not None and one.value == "down" and not one.why for one in told)


# -- the book of one pool ---------------------------------------------------------------------------------------------


def count(book: Mapping[str, Any], crew: Crew, now_s: int) -> dict[str, Any]:
    """The book with this look's counters. Counters that fell, and other miners than before, begin anew."""
    kept = dict(book)
    learned_from = int(kept.get("crew") or 0)
    if crew.counting and crew.counting * 2 < learned_from:  # a slow board alone is none of the many
        for name in LEARNED:
            kept.pop(name, None)
    elif crew.counting and crew.counting < learned_from:  # the fewer, the longer; a pool may die as one of them goes
        slower = {name: int(kept[name]) * learned_from // crew.counting for name in ("pause_s", "lately_s")}
        kept |= {**slower, "crew": crew.counting}
    same = kept.get("who") == crew.who and now_s - int(kept.get("at_s") or 0) <= GAP_S
    took, lost = crew.accepted - int(kept.get("acc") or 0), crew.rejected - int(kept.get("rej") or 0)
    if not crew.counting:
        kept["since_s"] = 0
    elif not same or not kept.get("since_s"):
        kept["since_s"] = now_s
    elif took >= 0 and lost >= 0:
        _add(kept, took, lost, crew.counting, now_s)
    kept |= {"who": crew.who, "acc": crew.accepted, "rej": crew.rejected, "at_s": now_s}
    kept.pop("waits", None)
    return kept | ({"waits": 1} if crew.waits else {})


def _add(kept: dict[str, Any], took: int, lost: int, counting: int, now_s: int) -> None:
    old_s = now_s - int(kept.get("hour_s") or 0)
    if old_s >= HOUR_S or "took" not in kept:
        fresh = "took" in kept and old_s < 2 * HOUR_S
        for name in ("took", "lost"):
            kept[name] = [0, (kept.get(name) or [0, 0])[0] if fresh else 0]
        kept |= {"before_s": old_s if fresh else 0, "hour_s": now_s}
    kept["took"] = [kept["took"][0] + took, kept["took"][1]]
    kept["lost"] = [kept["lost"][0] + lost, kept["lost"][1]]
    if took:
        pause_s = (now_s - max(int(kept["since_s"]), int(kept.get("rose_s") or 0))) // took
        kept["lately_s"] = (3 * int(kept.get("lately_s") or pause_s) + pause_s) // 4
        kept["rose_s"] = now_s
        if sum(kept["took"]) >= SHARES_LEAST:
            mean_s = (kept["before_s"] + now_s - kept["hour_s"]) // sum(kept["took"])
            kept["pause_s"] = max(mean_s, kept["lately_s"])  # difficulty that has risen since counts as well
            kept["crew"] = counting


def accept_pct(book: Mapping[str, Any]) -> float | None:
    """Accepted of all shares in this hour and the one before."""
    took, lost = sum(book.get("took") or ()), sum(book.get("lost") or ())
    return round(took * 100 / (took + lost), 1) if took + lost >= SHARES_LEAST else None


def silent_s(book: Mapping[str, Any], now_s: int) -> int | None:
    """How long miners that run and count have had no share accepted; None while nobody does."""
    since_s = int(book.get("since_s") or 0)
    return now_s - max(since_s, int(book.get("rose_s") or 0)) if since_s else None


def is_silent(book: Mapping[str, Any], down_s: int, now_s: int) -> bool:
    """True when no share was taken for so long that chance does not explain it."""
    pause_s, quiet_s = book.get("pause_s"), silent_s(book, now_s)
    if quiet_s is None or (pause_s is None and not is_tried(book)):
        return False
    return quiet_s >= max(down_s, PATIENCE * int(pause_s or 0))


def proof(book: Mapping[str, Any], link: str | None, down_s: int, now_s: int) -> tuple[str, str]:
    """Good, bad or "" with the reason: what all its miners say and shares that were taken prove most, then the check,
    then their absence."""
    if book.get("waits"):
        return "bad", "its miners say that it does not answer"
    quiet_s, rose_s = silent_s(book, now_s), int(book.get("rose_s") or 0)
    if quiet_s is not None and quiet_s < down_s and rose_s > int(book.get("since_s") or 0):
        return "good", "it takes shares"
    if link == "down":
        return "bad", "its port can't be reached"
    if is_silent(book, down_s, now_s):
        return "bad", f"it took no share for {(quiet_s or 0) // 60} min"
    if link == "up" and not book.get("mute"):
        return "good", "it answers"
    return "", "it answers, but took no shares" if link == "up" else "nobody can tell"


def judge(book: Mapping[str, Any], link: str | None, pace: Pace, now_s: int) -> tuple[dict[str, Any], str]:
    """The book after this look and what is to be told: "down", "up" or ""."""
    kept = dict(book)
    word, kept["why"] = proof(kept, link, pace.down_s, now_s)
    for name, mine in (("bad_s", "bad"), ("good_s", "good")):
        kept[name] = (int(kept.get(name) or 0) or now_s) if word == mine else 0
    if not kept.get("down_s"):
        mute = word == "bad" and link != "down"
        silent = mute and not kept.get("waits")  # which took its time already
        if not silent and not (word == "bad" and now_s - kept["bad_s"] >= pace.down_s):
            return kept, ""
        return kept | {"down_s": now_s, "mute": int(mute), "try_s": now_s + pace.retry_s, "tries": 0}, "down"
    if kept["good_s"] and now_s - kept["good_s"] >= pace.back_s:
        return kept | _UP, "up"
    return _try_again(kept, word, pace, now_s), ""


def _try_again(kept: dict[str, Any], word: str, pace: Pace, now_s: int) -> dict[str, Any]:
    """Nobody is on it and no check can tell: after a while its miners are the check, ever more seldom."""
    early = bool(kept.get("waits")) and now_s - int(kept.get("bad_s") or 0) < pace.down_s  # not connected yet, perhaps
    if is_tried(kept) and word == "bad" and not early:
        tries = int(kept.get("tries") or 0) + 1
        return kept | {"tries": tries, "try_s": now_s + pace.retry_s * 2 ** min(tries, 4)}
    if not is_tried(kept) and word == "" and now_s >= int(kept.get("try_s") or 0):
        return kept | {"try_s": -now_s}
    return kept


def left(book: Mapping[str, Any], crew: Crew, homes: Collection[str], name: str) -> dict[str, Any] | None:
    """The book of a pool that nobody tries anew: no miner is on it or belongs to it, and nothing else tells of it. It
    is no more known to be down than any other then. None: it is not so."""
    told = book.get("bad_s") or book.get("good_s")
    return None if not is_tried(book) or crew.at or name in homes or told else {**book, **_UP}


_UP = {"down_s": 0, "mute": 0, "instead": "", "try_s": 0, "tries": 0}


def is_tried(book: Mapping[str, Any]) -> bool:
    """True while miners are sent to it to find out."""
    return bool(book.get("down_s")) and int(book.get("try_s") or 0) < 0


def stands_aside(book: Mapping[str, Any]) -> bool:
    """True while another pool is to stand in for it."""
    return bool(book.get("down_s")) and not is_tried(book)


# -- who stands in ----------------------------------------------------------------------------------------------------


def stand_in(name: str, pools: Iterable[PoolFacts], bad: Collection[str]) -> str:
    """The first pool along the chain of fallbacks that is not bad; "" when there is none."""
    after = {pool.name: pool.fallback for pool in pools}
    seen = {name}
    while (name := after.get(name, "")) and name not in seen:
        if name not in bad and name in after:
            return name
        seen.add(name)
    return ""


def along(name: str, pools: Iterable[PoolFacts]) -> set[str]:
    """The pool itself and every one that may have stood in for it."""
    after = {pool.name: pool.fallback for pool in pools}
    chain: set[str] = set()
    while name in after and name not in chain:
        chain.add(name)
        name = after[name]
    return chain


def resolve(wish: Wish | None, spec: MinerSpec, named: Mapping[str, Wish]) -> Wish | None:
    """The pool wanted of a miner after stand-ins: `wish` is the strongest "pool" wish, `named` all by what they want.

    Nobody wishes: where it was before it was put elsewhere ("home ID"). "instead POOL" replaces what economics wants
    and nothing stronger: a person's word stands, and so does the local pool while the line is down.
    """
    wish = named.get(f"home {spec.id}") if wish is None else wish
    if wish is None or wish.layer < ECONOMICS:
        return wish
    other = named.get(f"instead {wish.value}")
    return other if other is not None and other.value in spec.pools else wish


# -- for pages --------------------------------------------------------------------------------------------------------


def healths(
    image: Image, wiring: Wiring, pools: Iterable[PoolFacts], memory: Mapping[str, Any], lit: Sequence[bool]
) -> tuple[Health, ...]:
    """Every pool as it stands. `memory` is `state.memory["failover"]`, `lit` as for `crews`."""
    found, books = crews(image, wiring, lit), memory.get("pools") or {}
    return tuple(
        _health(image, wiring, pool, found.get(pool.name, Crew()), books.get(pool.name) or {}) for pool in pools
    )


def _health(image: Image, wiring: Wiring, pool: PoolFacts, crew: Crew, book: Mapping[str, Any]) -> Health:
    now_s, rose_s = image.clock.plant_s, int(book.get("rose_s") or 0)
    state = next((word for word in ("down", "bad", "good") if book.get(f"{word}_s")), "unknown")
    best = [one for at in crew.at for one in _bests(image, wiring.miners[at])]
    return Health(
        name=pool.name,
        coin=pool.coin,
        state=state,
        why=str(book.get("why") or ""),
        miners=len(crew.at),
        connected=sum(image.miners.word[at] == "hashing" for at in crew.at),
        accept_pct=accept_pct(book),
        share_age_s=now_s - rose_s if rose_s else None,
        best=max(best, default=None),
        link=link_of(image, wiring, pool.name),
        instead=str(book.get("instead") or "") if stands_aside(book) else "",
    )


def _bests(image: Image, spec: MinerSpec) -> Iterable[float]:
    """What a miner tells of its best share: a number, or as small boards write it."""
    told = _text(image, spec, "best")
    return (
        one
        for one in (bests.told_now(image, spec), scaled(told.value) if told is not None else None)
        if one is not None
    )


def _text(image: Image, spec: MinerSpec, what: str) -> Value | None:
    return image.channels.get(f"{spec.group}/{spec.mac} {what}:text")
