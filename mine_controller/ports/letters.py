"""What is to be told of alarms, as letters for the outbox: one JSON object each, for templates and buttons.

site kind about severity at text shadow   as every letter has them (`at` is wall time, `text` one sentence)
what      raise escalate repeat again clear notice chatter
alarm     the five letters that `minectl alarms ack` and the buttons take; "" for what does not stand
state     active acked cleared ""
since     wall time it began; for_s how long it has lasted; times how often it was told
cause, does, owner   what it means, what minectl does next, what the owner should do
others    what else of the same kind this letter is about; folded: consequences as {kind: how many}
"""

import json
from collections.abc import Sequence

from mine_controller.config.model import Config
from mine_controller.core.alarms.advice import advice_of
from mine_controller.core.alarms.chatter import pace_of
from mine_controller.core.model.alarm import SEVERITIES, Telling
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.wording.spoken import spoken
from mine_controller.core.wording.words import sentence, show_seconds
from mine_controller.store.outbox import Message

NAMED = 3
PLACED, PLACES_LONG = 4, 200  # this many miners are named with their place, within so many letters for all
LONGEST_LIST = 300
SUM_LETTERS, SUM_OF_SECRETS = 12, 2
SHADOW = "shadow mode, nothing is sent; live: "  # what it does stands there as if it were done
NOUNS = {
    "curtail": "curtailment",
    "dummy_pool": "local pool in use",
    "starts_held": "hold of starts",
}  # what is counted
PLAIN = ("", "goes on watching", "look at the log: `minectl events`")


def sum_of(config: Config) -> str:
    """What notes of deliveries know this config by: another one too after a new password in a file of its own.

    Of the passwords it has two digits only, from which nobody can try them out.
    """
    from hashlib import sha256  # noqa: PLC0415 - only where messages wait

    every = "\n".join(sorted(config.secrets))
    return config.sha[:SUM_LETTERS] + sha256(every.encode("utf-8", "replace")).hexdigest()[:SUM_OF_SECRETS]


def letter(telling: Telling, config: Config, clock: Clock) -> Message:
    """One telling as a message, due at once."""
    units = config.site.units
    advice = advice_of(telling.kind, telling.reason.code, PLAIN)
    cause, does, owner = (spoken(text, units) for text in advice)
    body = {
        "site": config.site.name,
        "kind": telling.kind,
        "severity": telling.severity,
        "about": telling.about,
        "at": str(clock.wall_s),
        "text": spoken(text_of(telling._replace(reason=placed(telling.reason, config.policy.wiring.miners))), units),
        "shadow": "" if config.site.live else "yes",
        "what": telling.what,
        "alarm": telling.alarm,
        "state": telling.state,
        "since": str(clock.wall_s - clock.plant_s + telling.since_s),
        "for_s": telling.for_s,
        "times": telling.times,
        "cause": cause,
        "does": "" if telling.what == "clear" else (does if config.site.live else f"{SHADOW}{does}"),
        "owner": "" if telling.what == "clear" else owner,
        "others": list(telling.others[:LONGEST_LIST]),
        "folded": dict(telling.folded),
    }
    return Message(telling.key, telling.level, json.dumps(body, ensure_ascii=False), clock.wall_s)


def text_of(telling: Telling) -> str:
    """The sentence of a letter, with the figure in it."""
    said = sentence(telling.reason)
    if telling.what == "clear":
        said = f"over after {show_seconds(telling.for_s)}: {said}"
    elif telling.what == "repeat":
        said = f"still, for {show_seconds(telling.for_s)}, and nobody has acked it: {said}"
    elif telling.what == "chatter":
        pace = pace_of(telling.times)
        often = f"raised {telling.times} times within {show_seconds(pace.within_s)}"
        said = f"{often}, so it is held open until it has been quiet for {show_seconds(pace.quiet_s)}: {said}"
    elif telling.what == "escalate":
        said = f"graver now: {said}"
    if telling.others:
        said += f" (and {_list(telling.others)})"
    if telling.folded:
        counted = ", ".join(f"{many} {NOUNS.get(kind) or kind.replace('_', ' ')}" for kind, many in telling.folded)
        said += f"; with it {counted}"
    return said


def placed(reason: Reason, miners: Sequence[MinerSpec]) -> Reason:
    """The reason with outlet and breaker behind the first miners that have to go out, as fleet.csv has them.

    The recorded one has names alone. Who no longer fits into a short message beside a place is counted.
    """
    numbers = dict(reason.numbers)
    names = [name for name in str(numbers.get("stragglers", "")).split(", ") if name]
    specs = {spec.id: spec for spec in miners if spec.id in names} if names else {}
    told = [name + (_place(specs[name]) if name in specs and at < PLACED else "") for at, name in enumerate(names)]
    if told == names:
        return reason
    shown, long = 1, len(told[0])
    while shown < len(told) and long + 2 + len(told[shown]) <= PLACES_LONG:
        long += 2 + len(told[shown])
        shown += 1
    numbers["stragglers"] = ", ".join(told[:shown])
    numbers["more"] = int(numbers.get("more", 0)) + len(told) - shown
    return reason._replace(numbers=tuple(numbers.items()))


def _place(spec: MinerSpec) -> str:
    known = ", ".join(filter(None, (spec.outlet, f"breaker {spec.breaker}" if spec.breaker else "")))
    return f" ({known})" if known else ""


def _list(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def of_event(event: Event, key: str, config: Config, clock: Clock) -> Message:
    """A letter about what the shell itself met, outside any decision."""
    level = SEVERITIES.index(event.severity)
    told = Telling(key, "notice", level, event.kind, event.about, event.severity, event.reason, clock.plant_s, 0)
    return letter(told, config, clock)
