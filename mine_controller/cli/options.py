"""Options that many commands have, and how they are read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from mine_controller.cli.session import fail

Decorated = TypeVar("Decorated", bound=Callable[..., object])
MOST_S = 36_525 * 86_400  # more is no number that a database holds, or no date that a page can show
CONFIG_FILE = click.Path(readable=False, path_type=Path)  # one that can't be read is told when it is, with what helps
SHOWN = 40  # letters of what was typed in a sentence


def config_option(function: Decorated) -> Decorated:
    """--config FILE, with the usual places as its default."""
    return config_as("config")(function)


def config_as(name: str) -> Callable[[Decorated], Decorated]:
    """The same, under another parameter's name."""
    return click.option("--config", "-c", name, type=CONFIG_FILE, metavar="FILE", help="config.txt of the site.")


def db_option(function: Decorated) -> Decorated:
    """--db FILE: a database out of a bundle or a backup, instead of a site's."""
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option("--db", type=kind, help="This database (out of a bundle) instead of a site's.")(function)


@contextmanager
def unanswered(sentence: str, code: int = 1) -> Iterator[None]:
    """A question in here that gets a no, Ctrl-C or nobody at all ends in this sentence."""
    try:
        yield
    except click.Abort:
        fail(sentence, code)


def typed(key: str) -> str:
    """A secret for this key of config.txt, asked for without showing it."""
    with unanswered("config.txt stays as it is: nothing was typed; file:PATH in place of - asks no question"):
        return str(click.prompt(key, hide_input=True, err=True))


def seconds(text: str) -> int:
    """30m, 2h, 45s, 1h30m or plain seconds, a hundred years at most. Raises click.BadParameter."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    total, digits = 0, ""
    for char in text.strip():
        if char.isascii() and char.isdigit():
            digits = (digits + char).lstrip("0") or "0"
            if len(digits) > len(str(MOST_S)):
                raise click.BadParameter(f"{text[:SHOWN]!r} is longer than a hundred years")
        elif char in units and digits:
            total, digits = total + int(digits) * units[char], ""
        else:
            raise click.BadParameter(f"{text!r} is no time; write 30m, 2h or 45s")
    if digits:
        total += int(digits)
    if not total:
        raise click.BadParameter(f"{text!r} is no time; write 30m, 2h or 45s")
    if total > MOST_S:
        raise click.BadParameter(f"{text[:SHOWN]!r} is longer than a hundred years")
    return total
