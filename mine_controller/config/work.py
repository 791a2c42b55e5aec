"""The desk on which a config is put together: problems, notes and secrets gather here, options are filled here."""

import re
from collections.abc import Iterable
from typing import Any

from mine_controller.config.catalogue import declared
from mine_controller.config.lines import UNFILLED, Entry, Section, nearest
from mine_controller.config.model import Problem
from mine_controller.config.values import Place, WrongValueError, convert, is_literal
from mine_controller.core.option import Option, Secret, fill, option
from mine_controller.record import NamedTuple

MANY = 8
_QUOTED = re.compile(r"""(["']).*\1""")


class Common(NamedTuple):
    """Options that every endpoint has beside its own."""

    every_s: int = option(0, unit="s", low=0, high=86_400, help="ask at most this often; 0 = each tick")
    live: bool = option(True, help="no = asked, never commanded")
    budget_s: float = option(0.0, unit="s", low=0, high=60, help="what a whole read may take; 0 = the kind's own time")


class FleetCommon(NamedTuple):
    """And those that every section of miners has: the same fields first."""

    every_s: int = option(0, unit="s", low=0, high=86_400, help="ask at most this often; 0 = each tick")
    live: bool = option(True, help="no = asked, never commanded")
    budget_s: float = option(0.0, unit="s", low=0, high=60, help="what a whole read may take; 0 = the kind's own time")
    through: str = option(
        "", help="another section that knows the same miners: the second way to stop one", example="foreman mine"
    )


class Filled(NamedTuple):
    """One section as read. `options` None: something is wrong or not filled in yet."""

    options: Any
    extra: dict[str, Any]
    unfilled: tuple[str, ...]


def _near(key: str, known: Iterable[str], section: Section) -> str:
    """The nearest option; else all of a few, or the command that shows all of many."""
    names = list(known)
    told = nearest(key, names)
    many = "did you mean" not in told and len(names) > MANY
    return f" (`minectl config sample {section.kind}` shows them all)" if many else told


class Work:
    """What loading one config has gathered so far."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.secrets: list[Secret] = []
        self.literals: list[Entry] = []

    def tell(self, line: int, section: str, key: str, text: str, file: str = "") -> None:
        """One more problem."""
        self.problems.append(Problem(line, section, key, text, file))

    def note(self, line: int, section: str, key: str, text: str) -> None:
        """One more thing worth knowing that is not wrong."""
        self.notes.append(Problem(line, section, key, text))

    def fill(self, section: Section, options: Any, extra: Any = None) -> Filled:
        """The section's options; every problem of its values is told."""
        own = {name: about for name, about in declared(options).items() if about[1].kind != "sections"}
        common = {name: about for name, about in declared(extra).items() if name not in own} if extra else {}
        values, unfilled, good = self._values(section, own | common)
        missing = [name for name, (_, about) in own.items() if about.required and name not in section.entries]
        for name in missing:
            self.tell(section.line, section.title, name, f"is missing: {own[name][1].help}")
        mine = {name: value for name, value in values.items() if name in own}
        mine |= {name: about.default for name, (_, about) in own.items() if name not in mine and not about.required}
        shared = {name: values.get(name, about.default) for name, (_, about) in common.items()}
        if missing or unfilled or not good:
            return Filled(None, shared, unfilled)
        return Filled(fill(options, mine), shared, ())

    def _values(
        self, section: Section, known: dict[str, tuple[Any, Option]]
    ) -> tuple[dict[str, Any], tuple[str, ...], bool]:
        values: dict[str, Any] = {}
        unfilled: list[str] = []
        before = len(self.problems)
        for key, entry in section.entries.items():
            if key not in known:
                self.tell(
                    entry.line, section.title, key, f"is not an option of [{section.kind}]{_near(key, known, section)}"
                )
            elif entry.value == UNFILLED:
                unfilled.append(key)
            else:
                self._value(section, entry, known[key], values)
        return values, tuple(unfilled), len(self.problems) == before

    def _value(self, section: Section, entry: Entry, known: tuple[Any, Option], values: dict[str, Any]) -> None:
        annotation, about = known
        place = self.place._replace(private=True) if entry.trusted else self.place
        try:
            value = convert(annotation, about, entry.value, place)
        except WrongValueError as wrong:
            self.tell(entry.line, section.title, entry.key, str(wrong))
            return
        values[entry.key] = value
        if about.kind != "regex" and _QUOTED.fullmatch(entry.value):
            self.note(entry.line, section.title, entry.key, "stands in quotes, and they count as part of it")
        if isinstance(value, Secret):
            self.secrets.append(value)
            if not entry.trusted and is_literal(entry.value):
                self.literals.append(entry)

    def check(self, section: Section, found: Iterable[str]) -> None:
        """The module's own cross-checks; a text that begins with "option: " names the option."""
        for text in found:
            key, colon, rest = text.partition(": ")
            entry = section.entries.get(key if colon else re.split(r"[ ,]", text, maxsplit=1)[0])
            line = entry.line if entry else section.line
            if colon and key.isidentifier():
                self.tell(line, section.title, key, rest)
            else:
                self.tell(line, section.title, "", text)
