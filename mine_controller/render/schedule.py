"""What happens next, and when: read off the decision. Pure."""

from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image
from mine_controller.render.given import Words
from mine_controller.render.text import clean
from mine_controller.render.times import Moments

# Reasons whose number left_s counts down to something worth knowing.
COUNTDOWNS = {
    ("signal", "releasing"): ("release", "earliest end of the curtailment"),
    ("temperature", "stop_cooling"): ("heat_stop", "earliest end of the heat stop"),
    ("run_on", "running_on"): ("run_on", "fans may go down"),
    ("wear", "min_off"): ("min_off", "first miner has rested long enough"),
    ("wear", "spacing"): ("spacing", "first miner may start again"),
}


def coming(book: Book, words: Words, when: Moments) -> dict[str, Any]:
    """`next` is what an owner wants to know first; `schedule` everything known to come, soonest first."""
    if book.image is None or book.decision is None:
        return {"next": {"what": "tick", "at": None, "text": "the first tick"}, "schedule": []}
    items = [_tick(book.image, when), *_climb(book.decision, words, book.image, when), *_work(book, when)]
    items += _countdowns(book.decision, when)
    items += [
        {"what": "override", "at": when.wall(one.until_s), "text": f"override of {clean(one.key, 60)} ends"}
        for one in book.state.overrides
        if one.until_s
    ]
    items.sort(key=lambda item: (item["at"] is None, item["at"], item["what"]))
    first = min(items, key=lambda item: _FIRST.get(item["what"], 9))
    return {"next": first, "schedule": items}


_FIRST = {"look": 0, "release": 1, "climb": 2, "tick": 3}


def _tick(image: Image, when: Moments) -> dict[str, Any]:
    clock = image.clock
    began_s = clock.began_s if 0 <= clock.plant_s - clock.began_s < clock.tick_s else clock.plant_s
    return {"what": "tick", "at": when.wall(began_s + clock.tick_s), "text": "next tick: reads everything again"}


def _work(book: Book, when: Moments) -> list[dict[str, Any]]:
    """Commands without proof yet, and when they are looked at again."""
    stops = sum(chase.want in ("stop", "off") for chase in book.state.chases.values())
    runs = len(book.state.chases) - stops
    what = " and ".join(
        part for part in (f"{stops} to go down" if stops else "", f"{runs} to come up" if runs else "") if part
    )
    if book.decision is None or not what:
        return []
    look, now_s = book.decision.look, book.image.clock.plant_s if book.image is not None else 0
    at = when.wall(look.at_s) if look is not None and look.at_s > now_s else None
    if at is not None and at >= when.now_s:  # else its tick has ended without
        return [{"what": "look", "at": at, "text": f"looks again for proof: {what}"}]
    return [{"what": "proof", "at": None, "text": f"waits for proof by watts: {what}"}]


def _climb(decision: Decision, words: Words, image: Image, when: Moments) -> list[dict[str, Any]]:
    """The next step up, or what forbids one."""
    if decision.mode != "RESUMING":
        return []
    at = _tick(image, when)["at"]
    if decision.envelope.no_start is not None:
        return [{"what": "climb", "at": at, "text": f"climb waits: {clean(words(decision.envelope.no_start))}"}]
    pace = [one.reason for one in decision.envelope.reasons if (one.reason.rule, one.reason.code) == ("ramp", "step")]
    step = dict(pace[0].numbers).get("step") if pace else None
    if step is None:
        return [{"what": "climb", "at": at, "text": "next step of the climb"}]
    return [{"what": "climb", "at": at, "text": f"next step of the climb: up to {step} more miners"}]


def _countdowns(decision: Decision, when: Moments) -> list[dict[str, Any]]:
    """Soonest end of each countdown that a reason carries."""
    soonest: dict[str, tuple[int, str]] = {}
    reasons = [decision.why, *(limit.reason for limit in decision.envelope.reasons)]
    for reason in (*reasons, *decision.plan.skip.values()):
        what, told = COUNTDOWNS.get((reason.rule, reason.code), ("", ""))
        left = dict(reason.numbers).get("left_s") if what else None
        if isinstance(left, int) and (what not in soonest or left < soonest[what][0]):
            soonest[what] = (left, told)
    now_s = when.clock.plant_s if when.clock is not None else 0
    return [{"what": what, "at": when.wall(now_s + left), "text": told} for what, (left, told) in soonest.items()]
