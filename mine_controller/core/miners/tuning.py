"""A careful search for one miner's best setting: a step, a long look, and back where it was no better. Pure.

A setting is two whole numbers: MHz and mV of its chips, or the number of its mode and 0. Each one tried is looked at
for a whole window (ten minutes at least) in which the miner ran undisturbed; what disturbs it begins the window anew.
A setting counts only while chips stay cool, shares are taken and the hash rate follows the clock: chips that fall out
show there first. Nothing is ever set beyond the limits, voltage is never raised, and the setting it had when the search
began is kept, so that all of it can be taken back.

The book of one miner: phase (look, set, back, done, left), home, now and best (settings), dj and mths (milli-J/TH and
milli-TH/s at its best), move (which direction is tried), asked_s, away (looks in a row at another setting), again (it
was through before), and the window: seen_s, sum_ws, sum_mth, chip_c, acc, rej, at_s.
"""

from collections.abc import Sequence
from typing import Any

from mine_controller.record import NamedTuple

Setting = tuple[int, int]

OVERHEAT_K = 4.0  # so far beyond its limit nobody waits for the end of a window
GAP_S = 300  # looks further apart than this, and than two ticks, say nothing of the time between
AWAY_LOOKS = 3
DEAF_S = 3 * 3600
SHARES_LEAST = 20
MHZ_OFF, MV_OFF = 4, 2  # a board may round what it was set to


class Limits(NamedTuple):
    """What may be tried. `moves` in their order, each repeated while it helps; `low` and `high` bound both numbers.

    short_pct: so much less than the clock promises means chips fall out; 0 = the first number is no clock.
    """

    moves: tuple[Setting, ...]
    low: Setting
    high: Setting
    cooler: Setting  # the move that is sure to cool it
    goal: str = "efficiency"  # or rate
    chip_c: float = 65.0
    window_s: int = 900
    better_pct: float = 1.0
    short_pct: float = 5.0
    reject_pct: float = 3.0


class Look(NamedTuple):
    """A miner as it is now; None = not known. `steady`: it hashes and nothing was told it lately.

    gap_s: a look that lies further back than this says nothing of the time between. off: it draws nothing, and can take
    no setting.
    """

    now_s: int
    at: Setting | None = None
    steady: bool = False
    watts: float | None = None
    ths: float | None = None
    chip_c: float | None = None
    accepted: int | None = None
    rejected: int | None = None
    gap_s: int = GAP_S
    off: bool = False


class Step(NamedTuple):
    """The book after this look, the setting wanted of it (None: as it is), and what is told: a code, "" = nothing."""

    book: dict[str, Any]
    want: Setting | None
    code: str = ""
    why: str = ""


def step(book: dict[str, Any], look: Look, limits: Limits) -> Step:
    """One look. The book is not changed in place."""
    book = dict(book)
    if not book:
        if look.at is None or not look.steady:
            return Step({}, None)
        book = {"phase": "look", "home": list(look.at), "now": list(look.at), "move": 0}
        return Step(_window(book, look), None, "begun")
    phase = book["phase"]
    if phase == "left":
        return Step(book, None)
    if phase in ("set", "back"):
        return _await(book, look)
    if _is_away(book, look):
        return Step(book | {"phase": "left"}, None, "left", "somebody else changed its settings")
    return Step(book, None) if phase == "done" else _measure(book, look, limits)


def undo(book: dict[str, Any], look: Look) -> Step:
    """Back to where it was before; an empty book where nothing is left to be done."""
    home = _setting(book.get("home")) if book.get("phase") != "left" else None
    if home is None or same(look.at, home):
        return Step({}, None)
    if look.off or book.get("phase") != "back" or book.get("now") != list(home):  # a night's rest is no refusal
        book = dict(book) | {"phase": "back", "now": list(home), "asked_s": look.now_s}
    return Step(book, home) if look.now_s - int(book["asked_s"]) < DEAF_S else Step({}, None)


def is_beyond(book: dict[str, Any], limits: Limits) -> bool:
    """Whether what it is at, or its best, lies where nothing may be tried any more: the limits are stricter since."""
    if book.get("phase", "left") == "left":
        return False
    home, kept = _setting(book.get("home")), (_setting(book.get("now")), _setting(book.get("best")))
    return any(one != home and not _inside(one, limits) for one in kept if one is not None)


def retreat(book: dict[str, Any], look: Look) -> Step:
    """Home from beyond the limits, where its search begins anew; named where it does not go."""
    taken = undo(book, look)
    if taken.book or same(look.at, _setting(book.get("home"))):
        return taken
    return Step(book | {"phase": "left"}, None, "left", "it does not take the setting")


def can_cool(book: dict[str, Any], limits: Limits) -> bool:
    """Whether there is a cooler setting that may be tried."""
    return _moved(_setting(book.get("now")), limits.cooler, limits) is not None


def same(one: Setting | None, other: Setting | None) -> bool:
    """True for one setting, as far as a board tells it exactly."""
    if one is None or other is None:
        return False
    if max(one[0], other[0]) < 100:  # numbers of modes
        return one[0] == other[0]
    blind = not one[1] or not other[1]
    return abs(one[0] - other[0]) <= MHZ_OFF and (blind or abs(one[1] - other[1]) <= MV_OFF)


def better(dj: int, mths: int, book: dict[str, Any], limits: Limits) -> bool:
    """Whether this is worth more than the best so far."""
    pct = limits.better_pct
    if limits.goal == "rate":
        return mths * 100 > int(book["mths"]) * (100 + pct)
    return dj * 100 < int(book["dj"]) * (100 - pct)


def _setting(found: Any) -> Setting | None:
    return (int(found[0]), int(found[1])) if isinstance(found, list | tuple) and len(found) == 2 else None


def _window(book: dict[str, Any], look: Look) -> dict[str, Any]:
    """A new window from this look on."""
    return book | {
        "seen_s": 0, "sum_ws": 0, "sum_mth": 0, "chip_c": 0.0, "away": 0, "at_s": look.now_s,
        "acc": look.accepted, "rej": look.rejected,
    }  # fmt: skip


def _is_away(book: dict[str, Any], look: Look) -> bool:
    """Whether it was seen at another setting several times in a row; counted in the book."""
    if look.at is None or not look.steady or same(look.at, _setting(book["now"])):
        book["away"] = 0
        return False
    book["away"] = int(book.get("away") or 0) + 1
    return bool(book["away"] >= AWAY_LOOKS)


def _await(book: dict[str, Any], look: Look) -> Step:
    """A setting was asked for: it counts when the miner tells it itself."""
    want = _setting(book["now"])
    if same(look.at, want):
        if book["phase"] == "back":
            return Step(_window(book, look) | {"phase": "done", "done_s": look.now_s}, None, "done")
        return Step(_window(book, look) | {"phase": "look"}, None)
    if look.now_s - int(book.get("asked_s") or 0) >= DEAF_S:
        return Step(book | {"phase": "left"}, None, "left", "it does not take the setting")
    return Step(book, want)


def _measure(book: dict[str, Any], look: Look, limits: Limits) -> Step:
    """Add this look to the window; judge it when it is full, or at once when chips are much too hot."""
    if not look.steady or not same(look.at, _setting(book["now"])):
        return Step(_window(book, look) | {"away": book["away"]}, None)
    if look.chip_c is None or look.watts is None or look.ths is None or look.watts <= 0 or look.ths <= 0:
        return Step(_window(book, look), None)
    if look.chip_c > limits.chip_c + OVERHEAT_K:
        return _next(book, look, limits, "hot")
    passed_s = look.now_s - int(book["at_s"])
    if passed_s > look.gap_s:
        return Step(_window(book, look), None)
    book |= {
        "seen_s": book["seen_s"] + passed_s,
        "sum_ws": book["sum_ws"] + round(look.watts * passed_s),
        "sum_mth": book["sum_mth"] + round(look.ths * 1000 * passed_s),
        "chip_c": max(float(book["chip_c"]), look.chip_c),
        "at_s": look.now_s,
    }
    return Step(book, None) if book["seen_s"] < limits.window_s else _judge(book, look, limits)


def _judge(book: dict[str, Any], look: Look, limits: Limits) -> Step:
    """A full window: better, no better, or not to be had."""
    dj, mths = round(book["sum_ws"] * 1_000_000 / book["sum_mth"]), round(book["sum_mth"] / book["seen_s"])
    wrong = _wrong(book, look, mths, limits)
    if wrong:
        return _next(book, look, limits, wrong)
    if not book.get("best"):
        found = book | {"best": book["now"], "dj": dj, "mths": mths, "dj0": dj, "mths0": mths}
        return _next(found, look, limits, "")
    if better(dj, mths, book, limits):
        return _next(book | {"best": book["now"], "dj": dj, "mths": mths}, look, limits, "")
    return _next(book, look, limits, "no better")


def _wrong(book: dict[str, Any], look: Look, mths: int, limits: Limits) -> str:
    """Why this setting can't be kept, "" when it can."""
    if book["chip_c"] > limits.chip_c:
        return "hot"
    if _rejects_pct(book, look) > limits.reject_pct:
        return "rejects"
    best = _setting(book.get("best"))
    if limits.short_pct and best is not None:
        promised = int(book["mths"]) * int(book["now"][0]) / best[0]
        if mths < promised * (100 - limits.short_pct) / 100:
            return "short"
    return ""


def _rejects_pct(book: dict[str, Any], look: Look) -> float:
    """Of the shares of this window; 0 while there are too few of them to say."""
    counts = (look.accepted, look.rejected, book["acc"], book["rej"])
    if any(one is None for one in counts):
        return 0.0
    took, lost = counts[0] - counts[2], counts[1] - counts[3]
    return 100 * lost / (took + lost) if took >= 0 and lost >= 0 and took + lost >= SHARES_LEAST else 0.0


def _next(book: dict[str, Any], look: Look, limits: Limits, wrong: str) -> Step:
    """Where to from here. `wrong`: why the setting it has is not the best one, "" when it is."""
    best, move = _setting(book.get("best")), int(book["move"])
    if best is None:  # not even the setting it came with is cool
        target = _moved(_setting(book["now"]), limits.cooler, limits)
        if target is None:
            why = f"{wrong} even at the least that may be set"
            if book.get("again"):  # it was through once: given up, its modes would be a band's, which raises them
                return Step(_window(book, look) | {"phase": "done", "done_s": look.now_s}, None, "stays", why)
            return Step(book | {"phase": "left"}, None, "left", why)
        return _ask(book, look, target, "set", wrong)
    move += bool(wrong)
    while move < len(limits.moves):
        target = _moved(best, limits.moves[move], limits)
        if target is not None:
            return _ask(book | {"move": move}, look, target, "set", wrong)
        move += 1
    book["move"] = move
    if same(_setting(book["now"]), best):
        return Step(_window(book, look) | {"phase": "done", "done_s": look.now_s}, None, "done")
    return _ask(book, look, best, "back", wrong)


def _ask(book: dict[str, Any], look: Look, target: Setting, phase: str, wrong: str) -> Step:
    book = book | {"phase": phase, "now": list(target), "asked_s": look.now_s, "why": wrong}
    return Step(book, target, "back" if phase == "back" else "tries", wrong)


def _moved(at: Setting | None, by: Setting, limits: Limits) -> Setting | None:
    """One move on, None where a limit is in the way."""
    if at is None:
        return None
    to = (at[0] + by[0], at[1] + by[1])
    return to if _inside(to, limits) else None


def _inside(at: Setting, limits: Limits) -> bool:
    return all(low <= one <= high for one, low, high in zip(at, limits.low, limits.high, strict=True))


# -- who is the most efficient ----------------------------------------------------------------------------------------


def champions(
    names: Sequence[str], dj_th: dict[str, int], count: int, were: Sequence[str], better_pct: int = 5
) -> tuple[str, ...]:
    """The `count` most efficient of these, in order of `names`. Who was one stays unless another is clearly better.

    dj_th: learned tenths of a joule per terahash, 0 or missing = nothing is known: such ones come last.
    """

    def rank(name: str) -> tuple[float, int]:
        known = dj_th.get(name) or 0
        held = (100 - better_pct) / 100 if name in were else 1.0
        return (known * held if known else float("inf"), int(name not in were))

    chosen = set(sorted(names, key=lambda name: (*rank(name), names.index(name)))[:count])
    return tuple(name for name in names if name in chosen)
