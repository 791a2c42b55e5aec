"""The program's beginning: a tick at once, or the whole command line.

Cron starts a tick 262,800 times a year, and the library of the command line is the largest thing a quiet one would
import. So the words of `tick` are known here too; whatever is not among them, --help and mistakes first of all, is for
`cli.main`, where the same command stands with its help.
"""

import gc
import json
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mine_controller.cli.session import fail, load_config
from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    from mine_controller.config.model import Config
    from mine_controller.core.model.book import Book

LAST_S = 253_370_764_800  # the year 9999, of which nothing can be told in every time zone
_FLAGS = {"--dry-run": "dry_run", "--all": "everything", "--json": "as_json"}


class Asked(NamedTuple):
    """The words after `tick`."""

    config: Path | None = None
    dry_run: bool = False
    everything: bool = False
    now: str | None = None
    as_json: bool = False


def main() -> None:
    """Entry point."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed by whoever starts it: nothing else may take its place
            nowhere = Path(os.devnull).open("w" if number else "r", encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)
    if isinstance(sys.stdout, TextIOWrapper):  # a letter that the screen's encoding lacks is a question mark there
        sys.stdout.reconfigure(errors="replace")
    asked = _tick_of(sys.argv[1:])
    if asked is not None:
        gc.disable()  # what is imported from here on is as little worth the search as what comes after: see `_real`
        try:
            tick(asked)
        except (KeyboardInterrupt, OSError) as error:
            from mine_controller.cli.main import ended_by  # noqa: PLC0415 - see above

            leave(ended_by(error))
    from mine_controller.cli.main import main as whole  # noqa: PLC0415 - see above

    whole()


def _tick_of(words: Sequence[str]) -> Asked | None:
    """What a tick is told, None for anything but a tick and anything that is not plain."""
    if words[:1] != ["tick"]:
        return None
    told: dict[str, Any] = {}
    left = iter(words[1:])
    for word in left:
        if word in _FLAGS:
            told[_FLAGS[word]] = True
        elif word in ("--config", "-c") and (path := next(left, "")):
            told["config"] = Path(path)
        else:
            return None
    return Asked(**told)


def tick(asked: Asked) -> NoReturn:
    """One tick, and the end of this process: 0 done · 2 config · 75 another tick runs · 70 fault."""
    config = load_config(asked.config, last_good=True)
    if asked.now is not None and config.site.live and not asked.dry_run:
        fail("--now is refused on a live site; use it with --dry-run or while [site] live = no", 2)
    book, code = _ticked(config, asked, _wall(asked.now))
    if asked.dry_run or asked.as_json:
        from mine_controller.ops.explain import plan_json, plan_text  # noqa: PLC0415 - start-up counts here

        print(json.dumps(plan_json(book), indent=2) if asked.as_json else plan_text(book, config.site.units))
    leave(code)


def _ticked(config: "Config", asked: Asked, wall_s: int | None) -> "tuple[Book, int]":
    from mine_controller.store.db import StoreError  # noqa: PLC0415 - start-up counts here
    from mine_controller.store.lock import Busy  # noqa: PLC0415 - the same

    try:
        return _dry(config, asked, wall_s) if asked.dry_run else _real(config, wall_s)
    except Busy as busy:
        from mine_controller.store.skipped import note_skip  # noqa: PLC0415 - seldom

        note_skip(config.paths.lock)
        fail(f"another tick runs ({busy}); nothing was done", 75)
    except StoreError as error:
        fail(f"the database can't be used: {error}", 70)


def _dry(config: "Config", asked: Asked, wall_s: int | None) -> "tuple[Book, int]":
    from mine_controller.ports.dry import dry_tick  # noqa: PLC0415 - start-up counts here

    return dry_tick(config, everything=asked.everything, wall_s=wall_s), 0


def _real(config: "Config", wall_s: int | None) -> "tuple[Book, int]":
    from mine_controller.ports.live import Live, end_on_signal, ports_of  # noqa: PLC0415 - start-up counts here
    from mine_controller.tick import tick as corridor  # noqa: PLC0415 - the same

    gc.disable()  # it ends in seconds; with 10,000 miners the search for cycles takes a third of its time
    live = Live(config, wall_s=wall_s)
    end_on_signal(live)
    book = corridor(ports_of(live), config.policy)
    return book, 70 if live.clocks.ended else 0


def leave(code: int) -> NoReturn:
    """The end of this process, at once: a hung worker thread must not keep a finished tick alive."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # whoever starts it may have closed them
            stream.flush()
    os._exit(code)


def _wall(now: str | None) -> int | None:
    if now is None:
        return None
    from datetime import UTC, datetime  # noqa: PLC0415

    try:
        moment = datetime.fromisoformat(now)
    except ValueError:
        wall_s = -1
    else:
        wall_s = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if not 0 <= wall_s < LAST_S:
        fail(f"--now takes an ISO time such as 2026-07-15T14:00:00Z, not {now!r}", 2)
    return wall_s
