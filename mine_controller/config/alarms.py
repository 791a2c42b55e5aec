"""[alarms] and [alarm KIND]: how often emergencies are told again, and how each kind of alarm is treated.

A kind without a section is treated as the catalogue says; what a section leaves out stays as the catalogue says.
"""

from collections import namedtuple
from collections.abc import Iterable
from functools import cache
from typing import Any

from mine_controller.config.lines import Section, nearest
from mine_controller.config.work import Work
from mine_controller.core.alarms.catalogue import KINDS, Kind, default_ways
from mine_controller.core.model.alarm import SEVERITIES, AlarmPolicy, Ways
from mine_controller.core.option import option
from mine_controller.record import NamedTuple

TITLE = "alarms"
KIND = "alarm"
EXAMPLE = "fan_fault"


class Options(NamedTuple):
    """Numbers of [alarms]."""

    repeat_s: int = option(600, unit="s", low=120, high=3600, help="an emergency nobody acked is told again after this")
    repeat_then_s: int = option(3600, unit="s", low=600, high=86_400, help="after three times, this far apart")


@cache
def options_of(name: str) -> Any:
    """The options of [alarm name]: a NamedTuple like any section's, its defaults those of the catalogue."""
    row, usual = KINDS[name], default_ways(name)
    fields: dict[str, tuple[Any, Any]] = {
        "on": (bool, option(usual.on, help="no = neither shown nor told; the log keeps its events")),
        "level": (str, option("", choices=SEVERITIES, help=f"how grave it is, instead of {row.severity}")),
        "delay_s": (int, option(usual.delay_s, unit="s", low=0, high=86_400, help="how long it must last first")),
        "off_delay_s": (int, option(usual.off_delay_s, unit="s", low=0, high=86_400, help="how long it must be gone")),
        "cool_s": (int, option(usual.cool_s, unit="s", low=0, high=604_800, help="how far apart its messages are")),
        "route": (str, option("", choices=SEVERITIES, help="told to whom this level is told, at least")),
    }
    if row.threshold is not None:
        fields |= {
            "threshold": (float, option(usual.threshold, unit=row.unit, low=-100, high=100_000, help="begins past it")),
            "clear": (float, option(usual.clear, unit=row.unit, low=-100, high=100_000, help="and ends past this")),
        }
    make: Any = namedtuple  # noqa: PYI024 - the fields differ by kind, so no class statement can declare them
    made = make("Options", fields, defaults=[about for _, about in fields.values()])
    made.__annotations__ = {field: annotation for field, (annotation, _) in fields.items()}
    return made


def tree(policy: AlarmPolicy) -> dict[str, dict[str, Any]]:
    """Section -> option -> value, of [alarms] and the kinds that have a section."""
    out = {TITLE: {"repeat_s": policy.repeat_s, "repeat_then_s": policy.repeat_then_s}}
    for name, ways in policy.kinds.items():
        out[f"{KIND} {name}"] = {field: getattr(ways, field) for field in options_of(name)._fields}
    return out


def read(sections: Iterable[Section], work: Work) -> AlarmPolicy:
    """Both sorts of section; every problem is told."""
    kinds: dict[str, Ways] = {}
    repeat = AlarmPolicy()
    for section in sections:
        if section.title == TITLE:
            options = work.fill(section, Options).options
            repeat = repeat._replace(**options._asdict()) if options is not None else repeat
        elif section.kind == TITLE:
            work.tell(section.line, section.title, "", f"[{TITLE}] takes no name; one kind is [{KIND} {EXAMPLE}]")
        elif section.kind == KIND and section.name not in KINDS:
            told = nearest(section.name, KINDS) if section.name else f"; for example [{KIND} {EXAMPLE}]"
            text = "needs the name of a kind" if not section.name else f"there is no alarm called {section.name}"
            work.tell(section.line, section.title, "", f"{text}{told} (`minectl alarms kinds` lists them)")
        elif section.kind == KIND:
            options = work.fill(section, options_of(section.name)).options
            if options is not None:
                kinds[section.name] = default_ways(section.name)._replace(**options._asdict())
                if not options.on and "on" not in section.entries:
                    text = "tells nobody: this kind is off until you write on = yes"
                    work.note(section.line, section.title, "on", text)
                work.check(section, wrong(KINDS[section.name], kinds[section.name]))
    return repeat._replace(kinds=kinds)


def wrong(row: Kind, ways: Ways) -> tuple[str, ...]:
    """Cross-checks of one kind."""
    out = []
    if row.safety and not ways.on:
        out.append("on: an alarm of safety can't be switched off")
    if row.safety and ways.level and SEVERITIES.index(ways.level) < SEVERITIES.index(row.severity):
        out.append(f"level: an alarm of safety can't be less than {row.severity}")
    if row.safety and ways.delay_s > default_ways(row.name).delay_s:
        out.append(f"delay_s: an alarm of safety waits no longer than {default_ways(row.name).delay_s} s")
    usual = default_ways(row.name)
    if row.safety and row.threshold is not None and ways.threshold > usual.threshold:
        out.append(f"threshold: an alarm of safety begins at {usual.threshold:g} {row.unit} at the latest")
    if row.threshold is not None and ways.threshold and ways.clear:
        backwards = ways.clear < ways.threshold if row.low else ways.clear > ways.threshold
        if backwards:
            out.append(f"clear: must be {'above' if row.low else 'below'} threshold = {ways.threshold:g}")
    return tuple(out)
