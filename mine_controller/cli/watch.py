"""`minectl watch`: the screen of `minectl status`, kept in view and drawn again as the mine moves."""

import os
import select
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.session import fail, load_config

if TYPE_CHECKING:
    from mine_controller.config.model import Config

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # the terminal's other screen, without a cursor
HOME, TO_END_OF_LINE, TO_END = "\x1b[H", "\x1b[K", "\x1b[J"
FOOT = "q ends, any other key looks now"
SMALLEST = 4  # rows


@click.command(
    epilog="""\b
Examples:
  minectl watch                  the mine on one screen, until q or Ctrl-C
  minectl watch --every 10s      looks less often; over a slow line
  NO_COLOR=1 minectl watch       without colours

\b
Reads what the last tick left and asks no device. Into a pipe or a file it writes the screen once, as
`minectl status` does.
Exit: 0 ended · 1 no tick has run yet or the database can't be read · 2 config"""
)
@config_option
@click.option("--every", default="2s", show_default=True, metavar="TIME", help="How often to look.")
@click.option("--times", default=0, type=click.IntRange(0), help="End after so many looks (0: never).")
def command(config: Path | None, every: str, times: int) -> None:
    """The mine in view, drawn again as it moves."""
    from mine_controller.cli.options import seconds  # noqa: PLC0415 - a wrong time is a usage error
    from mine_controller.cli.status import NothingToShowError  # noqa: PLC0415 - the same as `status` says

    loaded, every_s = load_config(config, last_good=True), seconds(every)
    try:
        if not sys.stdout.isatty():
            click.echo("\n".join(look(loaded)))
            return
        with _screen() as keys:
            _watch(loaded, every_s, times, keys)
    except NothingToShowError as why:  # said on the other screen it would be gone with that
        fail(str(why))


def look(config: "Config") -> list[str]:
    """The lines as they are now. NothingToShowError."""
    from mine_controller.cli.screen import screen  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.cli.status import shown_at  # noqa: PLC0415 - the same

    now_s = int(time.time())
    return screen(shown_at(config, now_s), config, now_s)


def fitted(lines: list[str], columns: int, rows: int, *, colour: bool) -> str:
    """The lines as one write to a terminal of this size: over what stood there, cut where it ends, a foot below."""
    rows = max(rows, SMALLEST)
    kept = lines if len(lines) < rows else [*lines[: rows - 2], f"... {len(lines) - rows + 2} more: minectl status"]
    drawn = [_cut(line, columns, colour=colour) for line in kept]
    drawn += [""] * (rows - 1 - len(drawn)) + [_cut(FOOT, columns - 1, colour=colour)]
    return HOME + f"{TO_END_OF_LINE}\r\n".join(drawn) + TO_END


def _cut(line: str, columns: int, *, colour: bool) -> str:
    plain = click.unstyle(line)
    if len(plain) > columns:
        return plain[: max(0, columns)]
    return line if colour else plain


def _watch(config: "Config", every_s: int, times: int, keys: int | None) -> None:
    """Look and draw until a person ends it; what is drawn already is not drawn again."""
    colour = not os.environ.get("NO_COLOR")
    drawn, count = "", 0
    with suppress(KeyboardInterrupt):
        while True:
            size = shutil.get_terminal_size()
            text = fitted(look(config), size.columns, size.lines, colour=colour)
            if text != drawn:
                sys.stdout.write(text)
                sys.stdout.flush()
                drawn = text
            count += 1
            if count == times or _pressed(keys, every_s) == b"q":
                return


def _pressed(keys: int | None, wait_s: float) -> bytes:
    """The key pressed within this time; b"" for none. The end of the input counts as q."""
    if keys is None:
        time.sleep(wait_s)
        return b""
    ready, _, _ = select.select([keys], [], [], wait_s)
    return (os.read(keys, 1) or b"q") if ready else b""


@contextmanager
def _screen() -> Iterator[int | None]:
    """The other screen, keys one by one; everything as it was before when it ends, however it ends."""
    import termios  # noqa: PLC0415 - only where a person watches
    import tty  # noqa: PLC0415 - the same

    keys = sys.stdin.fileno() if sys.stdin.isatty() else None
    before = termios.tcgetattr(keys) if keys is not None else None
    sys.stdout.write(ENTER)
    try:
        if keys is not None:
            tty.setcbreak(keys)
        yield keys
    finally:
        if keys is not None and before is not None:
            termios.tcsetattr(keys, termios.TCSADRAIN, before)
        sys.stdout.write(LEAVE)
        sys.stdout.flush()
