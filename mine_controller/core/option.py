"""One declaration per option: type, unit, bounds, default and one line of help.

A rule, a device kind or a channel declares its options as a NamedTuple whose defaults are `option(...)`:

    class Options(NamedTuple):
        grace_s: int = option(360, low=60, high=900, unit="s", help="how long a silent page is believed")

`config` reads the declarations by file name and hands back a filled tuple; nothing else knows how a value is written.
The annotation is the type: int, float, bool, str, Secret, or tuple[str, ...] (a comma list).
"""

from collections.abc import Iterable
from typing import Any, Self, TypeVar

from mine_controller.record import NamedTuple


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()


class Secret(str):
    """A password or token: prints as stars everywhere; `reveal()` is the only way to the text."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        """A secret made from a secret is the same secret, not its stars."""
        return super().__new__(cls, str.__str__(text) if isinstance(text, Secret) else text)

    def reveal(self) -> str:
        """The text itself, for the one line that sends it."""
        return str.__str__(self)

    def __str__(self) -> str:
        return "***" if self.reveal_length() else ""

    def reveal_length(self) -> int:
        """How many characters the secret has (0: none is set)."""
        return str.__len__(self)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class Option(NamedTuple):
    """What one option may be. `low` and `high` are hard limits of the code: no config goes past them."""

    default: Any
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    kind: str = ""  # "", url, host, path, regex, channel, words: a finer check than the annotation gives
    choices: tuple[str, ...] = ()
    example: str = ""  # what the sample shows where there is no default

    @property
    def required(self) -> bool:
        """True when the owner must write it."""
        return self.default is REQUIRED


def option(default: Any = REQUIRED, **about: Any) -> Any:
    """Declare an option as the default of a NamedTuple field; see `Option` for the words."""
    return Option(default, **about)


Filled = TypeVar("Filled")


def fill(options: type[Filled], values: dict[str, Any] | None = None) -> Filled:
    """Make the options tuple from already checked `values`, defaults elsewhere. KeyError names a missing one."""
    given = dict(values or {})
    out = {}
    for name, declared in declarations(options):
        if name in given:
            out[name] = given.pop(name)
        elif declared.required:
            raise KeyError(name)
        else:
            out[name] = declared.default
    if given:
        raise KeyError(min(given))
    return options(**out)


def declarations(options: Any) -> Iterable[tuple[str, Option]]:
    """(name, Option) of every field, in the order written."""
    return [(name, options._field_defaults[name]) for name in options._fields]
