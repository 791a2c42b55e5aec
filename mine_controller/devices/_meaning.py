"""What a located text means: the one match in it, and run, off or warn by comparators or by lists of words."""

import operator
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from mine_controller.devices._answer import clean
from mine_controller.devices._page import LONGEST_TEXT, plain
from mine_controller.devices.kind import BadReply

WORDS = ("off", "warn", "run")
_RULE = re.compile(r"(<=|>=|!=|==|<|>|=)\s*(-?[0-9]{1,12}(?:\.[0-9]{1,6})?)")
_NUMBER = re.compile(r"[-+]?[0-9]{1,12}(?:\.[0-9]{1,6})?")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


def one_match(texts: Sequence[str], pattern: str) -> str:
    """What the pattern's group catches in the located texts; two different catches are a contradiction."""
    short = [text for text in texts if len(text) <= LONGEST_TEXT]
    compiled = re.compile(pattern, re.IGNORECASE)
    found = {(match[1] if compiled.groups else match[0]) for text in short if (match := compiled.fullmatch(text))}
    caught = sorted((each or "").strip() for each in found)
    if not caught or caught == [""]:
        told = repr(clean(texts[0], 50)) if texts else "nothing"
        raise BadReply(f"found {told}, which does not fit the pattern")
    if len(caught) > 1:
        raise BadReply(f"two different values: {clean(caught[0], 25)!r} and {clean(caught[1], 25)!r}")
    return caught[0]


def meaning(text: str, options: Any) -> str:
    """run, off or warn. Raises BadReply for what is in no list, in two, or says itself that nothing is known."""
    if any(_rules(options, word) for word in WORDS):
        return _by_number(text, options)
    fits = [word for word in (*WORDS, "unknown") if text in [plain(each) for each in getattr(options, word)]]
    if not fits:
        raise BadReply(f"{clean(text, 50)!r} is in none of the lists of words")
    if len(fits) > 1:
        raise BadReply(f"{clean(text, 50)!r} means both {fits[0]} and {fits[1]}")
    if fits[0] == "unknown":
        raise BadReply(f"the page itself does not know: {clean(text, 50)!r}")
    return fits[0]


def _rules(options: Any, word: str) -> tuple[str, ...]:
    rules: tuple[str, ...] = getattr(options, f"{word}_if")
    return rules


def _by_number(text: str, options: Any) -> str:
    if not _NUMBER.fullmatch(text):
        raise BadReply(f"{clean(text, 50)!r} is no number")
    value = float(text)
    fits = [
        word for word in WORDS if _rules(options, word) and all(_holds(rule, value) for rule in _rules(options, word))
    ]
    if len(fits) != 1:
        raise BadReply(f"{value:g} means {' and '.join(fits) if fits else 'nothing by any rule'}")
    return fits[0]


def _holds(rule: str, value: float) -> bool:
    found = _RULE.fullmatch(rule.strip())
    return found is not None and _COMPARE[found[1]](value, float(found[2]))


def faults(options: Any) -> list[str]:
    """What is wrong with the options that give the meaning, as sentences."""
    numbers = [word for word in WORDS if _rules(options, word)]
    words = [word for word in (*WORDS, "unknown") if getattr(options, word)]
    found = []
    if bool(numbers) == bool(words):
        found.append("give either comparisons (run_if, off_if) or lists of words (run, off), not both or none")
    elif not {"run", "off"} <= set(numbers or words):
        found.append("both run and off need a meaning")
    for word in numbers:
        found += [
            f"{word}_if: {rule!r} is no comparison like >= 1"
            for rule in _rules(options, word)
            if not _RULE.fullmatch(rule.strip())
        ]
    if not found:
        found += _doubled(options, numbers) if numbers else _said_twice(options)
    try:
        if re.compile(options.pattern).groups > 1:
            found.append("pattern: one group at most")
    except re.error:
        found.append("pattern: not a pattern")
    return found


def _doubled(options: Any, words: Sequence[str]) -> list[str]:
    """A number that means two things is unknown for good: tried are the bounds, between them, and beyond."""
    bounds = sorted(
        {
            float(found[2])
            for word in words
            for rule in _rules(options, word)
            if (found := _RULE.fullmatch(rule.strip()))
        }
    )
    tried = [bounds[0] - 1, *bounds, *((low + high) / 2 for low, high in pairwise(bounds)), bounds[-1] + 1]
    for value in tried:
        fits = [word for word in words if all(_holds(rule, value) for rule in _rules(options, word))]
        if len(fits) > 1:
            return [f"{fits[0]}_if: {value:g} means both {fits[0]} and {fits[1]}"]
    return []


def _said_twice(options: Any) -> list[str]:
    listed = dict.fromkeys((word, plain(each)) for word in (*WORDS, "unknown") for each in getattr(options, word))
    first: dict[str, str] = {}
    twice = [(word, each) for word, each in listed if first.setdefault(each, word) != word]
    return [f"{word}: {each!r} means {first[each]} already" for word, each in twice]
