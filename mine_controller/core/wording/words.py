"""Sentences for reasons, made where they are read, out of the table of core/wording/sentences.py. Pure.

Numbers whose name ends in _w are shown in kW from 10 kW up, all of one sentence in the same unit; _s as minutes and
seconds, _c with one decimal.
"""

import re
from collections.abc import Callable, Sequence

from mine_controller.core.model.reason import Reason
from mine_controller.core.wording.sentences import SENTENCES
from mine_controller.core.wording.spoken import Units, spoken

NEVER = "never"  # in a report of a curtailment, of what did not come
_AGO = re.compile(r"\blast known (\d{1,9}) s ago")  # in why something is unknown, as `freeze` writes it
FROM_W = 10_000  # watts that are shown in kW
STEPS = ("first_command_s", "shed_50_s", "shed_90_s", "shed_100_s")


def sentence(reason: Reason) -> str:
    """The sentence for a reason; an unknown code shows its data rather than nothing."""
    template = SENTENCES.get((reason.rule, reason.code))
    shown = {name: show(name, value) for name, value in reason.numbers}
    if template is None:
        return f"{reason.rule}: {reason.code}" + "".join(f" {name}={value}" for name, value in shown.items())
    shown |= _powers([(name, value) for name, value in reason.numbers if f"{{{name}}}" in template])
    if reason.code == "first_scan" and shown.get("missing"):
        shown["missing"] = "; missing: " + shown["missing"]
    if reason.code in ("report", "report_taken", "report_blind"):
        shown |= {name: f"+{shown[name]}" for name in STEPS if shown.get(name, NEVER) != NEVER}
        shown |= {"confirmed_w": "not proven"} if shown.get("confirmed_w") == NEVER else {}
    shown["because"] = f": {shown['why']}" if shown.get("why") else ""
    if "more" in shown:  # of a list that is cut short
        shown["more"] = f" and {shown['more']} more" if shown["more"] != "0" else ""
    said = template.format_map(_Shown(shown))
    return aged(said)


def aged(said: str) -> str:
    """The text with the age at the end of why something is unknown as people say it: 24 min for 1443 s."""
    return _AGO.sub(_ago, said) if "last known " in said else said


def _powers(numbers: list[tuple[str, float | str]]) -> dict[str, str]:
    """The powers of a sentence in which one is in kW and another is not: 10.2 kW beside 9.8 kW can be compared."""
    powers = {name: value for name, value in numbers if name.endswith("_w") and not isinstance(value, str)}
    beside = tuple(powers.values())
    return {name: show_watts(value, beside) for name, value in powers.items()} if len(powers) > 1 else {}


def show_watts(watts: float, beside: Sequence[float] = ()) -> str:
    """9600 W · 32 kW; in the unit of the greatest that stands `beside` it, with a decimal where they differ."""
    most, least = (pick(map(abs, (watts, *beside))) for pick in (max, min))
    if most < FROM_W:
        return f"{watts:.0f} W"
    if least >= FROM_W or abs(watts) >= 10 * FROM_W:
        return f"{watts / 1000:.0f} kW"
    few = 1 if abs(watts) >= 100 or not watts else 2
    return f"{watts / 1000:z.{few}f}".removesuffix(".0") + " kW"


def _ago(found: re.Match[str]) -> str:
    return f"last known {show_seconds(int(found[1]))} ago"


def speaker(units: Units) -> Callable[[Reason], str]:
    """`sentence` in these units."""
    return sentence if units == Units() else lambda reason: spoken(sentence(reason), units)


class _Shown(dict[str, str]):
    """A number the reason does not carry shows as a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"


def show(name: str, value: float | str) -> str:
    """One number the way people read it."""
    if isinstance(value, str):
        return value
    if name.endswith("_w"):
        return show_watts(value)
    if name.endswith("_s"):
        return show_seconds(int(value))
    if name.endswith(("_c", "_k")):
        return f"{value:z.1f}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def show_seconds(seconds: int) -> str:
    """12 s · 4 min · 1 h 20 min."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
