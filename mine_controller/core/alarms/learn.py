"""What alarms remember of figures that drift: shares of the last hour, and what fans and air usually do. Pure.

shares  two marks of each miner's counters, half an hour apart; each half hour the older one, 60 to 90 min old, judges
        how much the pool refuses. What is lost on the way as a whole the rule of the uplinks takes from them.
learned a look an hour at each fan's watts and at the rise of the air per kilowatt and fan; the first three days make
        the learned value, which then follows by 1/2000 an hour while it is not off by more than the threshold.
"""

from typing import Any

from mine_controller.core.alarms.catalogue import ways_of
from mine_controller.core.alarms.look import number
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.view import View

HALF_S = 1800
HOUR_S = 3600
LEARN_N = 72  # looks that make the learned value
FOLLOW = 2000
SHARES_LEAST = 50  # fewer shares in an hour prove nothing
LOADED_PCT = 50


def share_book(view: View, policy: AlarmPolicy) -> dict[str, Any] | None:
    """The share book after this round; None: unchanged."""
    book: dict[str, Any] = view.state.last.get("shares") or {}
    marks: list[Any] = book.get("marks") or []
    if marks and 0 <= view.now_s - int(marks[-1][0]) < HALF_S - 5:
        return None
    seen = _counters(view)
    old = next((mark for mark in marks if HOUR_S - 5 <= view.now_s - int(mark[0]) <= 2 * HOUR_S), None)
    listed = {spec.id for spec in view.wiring.miners}
    was_bad = {name: row for name, row in (book.get("bad") or {}).items() if name in listed}
    bad = _bad(seen, old[1], was_bad, policy) if old is not None else was_bad
    kept = [mark for mark in marks if 0 <= view.now_s - int(mark[0]) <= HALF_S + 600]
    return {"marks": [*kept, [view.now_s, seen]], "bad": bad}


def _counters(view: View) -> dict[str, list[int]]:
    """By miner, shares accepted and rejected, and those that came too late where it counts them."""
    channels, oldest_s = view.image.channels, view.now_s - 600
    out = {}
    for spec in view.wiring.miners:
        own = f"{spec.group}/{spec.mac}"
        accepted = number(channels.get(f"{own}:accepted_n"), oldest_s)
        rejected = number(channels.get(f"{own}:rejected_n"), oldest_s)
        if accepted is not None and rejected is not None:
            stale = number(channels.get(f"{own}:stale_n"), oldest_s)
            out[spec.id] = [int(count) for count in (accepted, rejected, stale) if count is not None]
    return out


def _bad(
    seen: dict[str, list[int]], old: dict[str, list[int]], was_bad: dict[str, Any], policy: AlarmPolicy
) -> dict[str, list[float]]:
    """Miner -> [rejected %, shares]. A counter that fell began anew and proves nothing; unknown stays as it was."""
    ways, out = ways_of(policy, "high_reject"), {}
    for name in sorted({*seen, *was_bad}):
        before, now = old.get(name), seen.get(name)
        accepted = now[0] - before[0] if now and before else -1
        rejected = now[1] - before[1] if now and before else -1
        if accepted < 0 or rejected < 0 or accepted + rejected < SHARES_LEAST:
            if name in was_bad and now is None:
                out[name] = was_bad[name]
            continue
        share_pct = round(rejected * 100 / (accepted + rejected), 1)
        if share_pct > (ways.clear if name in was_bad else ways.threshold):
            out[name] = [share_pct, accepted + rejected]
    return out


def learned_book(view: View, policy: AlarmPolicy) -> dict[str, Any] | None:
    """The learned figures after this round; None: unchanged."""
    book: dict[str, Any] = view.state.last.get("learned") or {}
    at_s = int(book.get("at_s") or 0)
    if at_s and 0 <= view.now_s - at_s < HOUR_S - 5:
        return None
    figures = _figures(view)
    if not figures and not book:
        return None
    wired = {"air", *(f"fan {fan.name}" for fan in view.wiring.fans)}
    rows = {about: row for about, row in (book.get("of") or {}).items() if about in wired}
    for about, figure in figures.items():
        rows[about] = _row(rows.get(about) or {}, figure, view, about, policy)
    return {"at_s": view.now_s, "of": rows}


def _figures(view: View) -> dict[str, float]:
    """What can be looked at now: proven fans' watts; the rise of the air where the mine is well loaded."""
    out = {
        f"fan {fan.name}": float(fan.watts)
        for fan in view.image.fans
        if fan.watts is not None and fan.on is not False and view.fans[fan.name].state == "proven"
    }
    inlet_c, outlet_c, load_w = view.number("inlet_c"), view.number("outlet_c"), view.fleet.measured_w
    loaded = load_w is not None and load_w * 100 >= view.fleet.nominal_w * LOADED_PCT and view.fleet.nominal_w > 0
    if inlet_c is not None and outlet_c is not None and load_w is not None and loaded and view.proven_fans:
        out["air"] = round((outlet_c - inlet_c) * view.proven_fans * 1000 / load_w, 4)
    return out


def _row(row: dict[str, Any], figure: float, view: View, about: str, policy: AlarmPolicy) -> dict[str, Any]:
    """Looks (n), the learned value, `now` this figure, off_s since when it is off (0: it is not)."""
    looks, learned = int(row.get("n") or 0), float(row.get("is") or 0.0)
    if looks < LEARN_N:
        mean = round(learned + (figure - learned) / (looks + 1), 4)
        return {"n": looks + 1, "is": mean, "now": figure, "off_s": 0}
    ways = ways_of(policy, "filter_clogged")
    stands = f"filter_clogged {about}" in view.state.alarms
    share_pct = abs(figure - learned) * 100 / learned if learned > 0 else 0.0
    if share_pct > (ways.clear if stands else ways.threshold):
        return {"n": looks, "is": learned, "now": figure, "off_s": int(row.get("off_s") or 0) or view.now_s}
    return {"n": looks, "is": round(learned + (figure - learned) / FOLLOW, 4), "now": figure, "off_s": 0}


def forget(last: dict[str, Any], about: str) -> dict[str, Any]:
    """`last` with one figure to be learned anew: its owner has looked (cleaned, changed a belt)."""
    book = last.get("learned") or {}
    if about not in (book.get("of") or {}):
        return last
    return {**last, "learned": {**book, "of": {name: row for name, row in book["of"].items() if name != about}}}
