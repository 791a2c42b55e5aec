"""A decision before it is taken: what the next tick would do on the last image, with values set and without.

Nothing is read anew, filed, stored or sent. What it can't foretell is said beside it: readings that change meanwhile.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mine_controller.api.asks import Problem
from mine_controller.config.model import Config
from mine_controller.core.decide import decide
from mine_controller.core.freeze import freeze
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image
from mine_controller.core.model.image import Request as Filed
from mine_controller.core.model.quantity import QUANTITIES, ROLES, WORDS
from mine_controller.core.model.reason import LAYERS, Limit, Reason
from mine_controller.core.model.state import Override, State
from mine_controller.core.overrides import INPUTS, ROLE_OF, WORDS_OF_LIFE
from mine_controller.core.refusal import Refused
from mine_controller.core.wording.words import speaker
from mine_controller.ops.prices import frozen
from mine_controller.ops.recall import last_seen
from mine_controller.ops.replies import Wanted, cautions, precheck
from mine_controller.store.answered import waiting

FEW = 6  # names of a group of commands
MOST_READINGS = 500
ROUND_S = 90
NOT_A_REASON = ("ban ", "breaker ")
Say = Callable[[Reason], str]  # a sentence in the units of the site's people


def previewed(config: Config, wanted: Sequence[Wanted], actor: str) -> dict[str, Any]:
    """`now` and `then`: what the next tick would decide without and with them; `changed` tells where they differ.

    A request that would be refused says so in `asked`, and takes no part. Problem 409 before the first tick.
    """
    book = frozen(config)
    if book.image is None:
        raise Problem(409, "no tick has run yet, so there is nothing to decide on: `minectl tick` runs one")
    image = _next(book.image, config)
    refused = {at: why for at, one in enumerate(wanted, 1) if (why := _refused(config, one))}
    requests = tuple(_request(at, one, image, actor) for at, one in enumerate(wanted, 1) if at not in refused)
    before = decide(image, book.state, config.policy)
    after = decide(image._replace(requests=requests), book.state, config.policy)
    verdicts = {one.request: (one.verdict, one.why) for one in after.verdicts}
    verdicts |= {at: ("refused", why) for at, why in refused.items()}
    asked = [_asked(config, one, *verdicts[at]) for at, one in enumerate(wanted, 1)]
    say = speaker(config.site.units)
    now, then = _told(image, before, say), _told(image, after, say)
    made = {"on": book.image.clock.wall_s, "live": config.site.live, "asked": asked, "now": now, "then": then}
    return made | {"changed": list(_changed(now, then))}


def _next(image: Image, config: Config) -> Image:
    """The last image as the next tick would open with it if no reading changed: a second later, nothing asked."""
    clock = image.clock
    begun = clock._replace(
        plant_s=clock.plant_s + 1, wall_s=clock.wall_s + 1, began_s=clock.plant_s + 1,
        soft_end_s=clock.plant_s + ROUND_S, opening=True, rebooted=False, stepped=False,
    )  # fmt: skip
    return freeze(image, (), config.policy.wiring, begun)


def _request(number: int, one: Wanted, image: Image, actor: str) -> Filed:
    """As it would lie in the inbox; its time begins with the image, not with now."""
    wall_s = image.clock.wall_s
    until = wall_s + max(1, one.until - int(time.time())) if one.until else 0
    return Filed(number, wall_s, "api", actor, one.verb, one.args, one.reason, until, one.flags)


def _refused(config: Config, one: Wanted) -> str:
    """What the config alone rules out, in a sentence; "" = nothing."""
    if one.verb != "set-state":
        return ""
    try:
        precheck(config, one, int(time.time()))
    except Refused as refused:
        return str(refused)
    return ""


def _asked(config: Config, one: Wanted, verdict: str, why: str) -> dict[str, Any]:
    notes = cautions(config, one, int(time.time())) if (one.verb, verdict) == ("set-state", "done") else ()
    return {"verb": one.verb, "args": list(one.args), "verdict": verdict, "why": why, "notes": list(notes)}


def _told(image: Image, decision: Decision, say: Say) -> dict[str, Any]:
    """A decision for a person: figures, limits with their sentences, commands by kind."""
    plan = decision.plan
    return {
        "mode": decision.mode,
        "why": say(decision.why),
        "miners_run": sum(plan.run),
        "miners": len(plan.run),
        "starts": _few([image.miners.ids[at] for at in plan.starts]),
        "stops": _few([image.miners.ids[at] for at in plan.stops]),
        "fans_on": list(plan.fans_on),
        "permitted_w": plan.permitted_w,
        "commands": list(_commands(decision, say)),
        "limits": list(limits(decision, say)),
    }


def _few(names: Sequence[str]) -> dict[str, Any]:
    return {"count": len(names), "names": list(names[:FEW])}


def _commands(decision: Decision, say: Say) -> Iterable[dict[str, Any]]:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in decision.commands:
        groups.setdefault((one.lane, one.verb, say(one.reason)), []).append(one.target)
    for (lane, verb, why), targets in groups.items():
        yield {"lane": lane, "verb": verb, "why": why, "targets": _few(targets)}


def limits(decision: Decision, say: Say) -> Iterable[dict[str, Any]]:
    """Every limit in words, each sentence once, those that bite marked."""
    binding = set(decision.envelope.binding)
    for one in dict.fromkeys(decision.envelope.reasons):
        if not one.what.startswith(NOT_A_REASON):
            yield _limit(one, say, bites=one in binding)


def _limit(one: Limit, say: Say, *, bites: bool) -> dict[str, Any]:
    told = {"layer": LAYERS[one.layer], "what": one.what, "amount": one.amount, "rule": one.reason.rule}
    return told | {"text": say(one.reason), "binding": bites}


def _changed(now: dict[str, Any], then: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for name in ("mode", "why", "miners_run", "starts", "stops", "fans_on", "permitted_w", "commands"):
        if now[name] != then[name]:
            yield {"what": name, "now": now[name], "then": then[name]}


# -- what can be set, and what is ------------------------------------------------------------------------------------


def board(config: Config) -> dict[str, Any]:
    """For a dashboard: the last decision with its limits, every key with its present value, and what people hold."""
    book = frozen(config)
    seen = last_seen(config.paths, config.policy)
    decision = seen.book.decision if seen is not None else None
    say = speaker(config.site.units)
    return {
        "site": config.site.name,
        "live": config.site.live,
        "tick_at": seen.tick_at if seen is not None else None,
        "mode": decision.mode if decision is not None else None,
        "why": say(decision.why) if decision is not None else None,
        "limits": list(limits(decision, say)) if decision is not None else [],
        "keys": list(_keys(config, book.image)),
        "readings": list(_readings(book.image)),
        "overrides": [] if book.image is None else _overrides(book.image, book.state),
        "waiting": [{"id": one.id, "verb": one.verb, "args": list(one.args), "actor": one.actor}
                    for one in waiting(config.paths)],
    }  # fmt: skip


def _keys(config: Config, image: Image | None) -> Iterable[dict[str, Any]]:
    wiring = config.policy.wiring
    for key in INPUTS:
        role = ROLE_OF.get(key, key)
        if role in wiring.roles:
            yield _input(key, role, image)
    lit = {one.name: one.on for one in image.fans} if image is not None else {}
    for fan in wiring.fans:
        on = lit.get(fan.name)
        now = None if on is None else ("off", "on")[on]
        yield _key(f"fan.{fan.name}", f"Fan {fan.name}", "fan", ("on", "off"), now)
    if wiring.fans:
        yield _number("fans", "How many fans run", "", 0, len(wiring.fans)) | {"group": "fan"}
    if wiring.miners:
        yield _key("miners", "All miners", "miner", ("run", "stop"), None)
        yield _number("max_power_kw", "Power at most", "kW", 0, 1_000_000) | {"group": "miner"}
    for miner in wiring.miners:
        yield _key(f"miner.{miner.id}", f"Miner {miner.id}", "one", ("run", "stop"), None)
    yield from _economy(config)


def _economy(config: Config) -> Iterable[dict[str, Any]]:
    wiring = config.policy.wiring
    for uplink in wiring.uplinks:
        yield _key(f"uplink.{uplink.name}", f"Uplink {uplink.name}", "input", (*WORDS["link"], "unknown"), None)
    rule = config.policy.rules.get("band")
    if rule is not None:
        yield _key("band", "Band", "price", (*(band.name for band in rule.sections), "off"), None)
        yield _key("strategy", "Mining by price", "price", WORDS_OF_LIFE["strategy"], None)
    yield _key("away", "Nobody is at home", "price", WORDS_OF_LIFE["away"], None)


def _input(key: str, role: str, image: Image | None) -> dict[str, Any]:
    """One input by what it measures: a word of a list, or a number with its bounds."""
    found = image.site.get(key) if image is not None else None
    value = found.value if found is not None else None
    why = found.why if found is not None and value is None else ""
    label = ROLES[role].label
    quantity = ROLES[role].quantity if role in ROLES and role != "price" else key
    if quantity in WORDS:
        return _key(key, label, "input", (*WORDS[quantity], "unknown"), value) | {"why": why}
    row = QUANTITIES[quantity]
    return _number(key, label, row.unit, row.low, row.high) | {"now": value, "why": why}


def _key(key: str, label: str, group: str, choices: Sequence[str], now: Any) -> dict[str, Any]:
    return {"key": key, "label": label, "group": group, "choices": list(choices), "now": now}


def _number(key: str, label: str, unit: str, low: float, high: float) -> dict[str, Any]:
    """A key whose value is a number; an input may be "unknown", too."""
    return {"key": key, "label": label, "group": "input", "unit": unit, "low": low, "high": high, "now": None}


def _readings(image: Image | None) -> Iterable[str]:
    """Channels as `reading.SECTION.NAME` calls them."""
    sources = dict.fromkeys(key.rpartition(":")[0] for key in image.channels) if image is not None else {}
    for source in list(sources)[:MOST_READINGS]:
        section, slash, name = source.partition("/")
        if slash and name:
            yield f"reading.{section}.{name}"


def _overrides(image: Image, state: State) -> list[dict[str, Any]]:
    return [_override(one, image) for one in state.overrides]


def _override(one: Override, image: Image) -> dict[str, Any]:
    clock = image.clock
    until = one.until_s - clock.plant_s + clock.wall_s if one.until_s else None
    return {
        "key": one.key,
        "value": one.value,
        "kind": one.kind,
        "until": until,
        "actor": one.actor,
        "reason": one.reason,
    }
