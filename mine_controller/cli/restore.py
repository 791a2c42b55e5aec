"""`minectl restore`: a copy put in force in one command, or the drill of it."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from mine_controller.cli.options import config_option, unanswered
from mine_controller.cli.output import json_text, safe, table
from mine_controller.cli.session import Asker, config_path, fail, load_config
from mine_controller.config.model import Config

if TYPE_CHECKING:
    from mine_controller.ops.restore import Drill, Restored

BUSY = 75


@click.command(
    epilog="""\b
Examples:
  minectl restore                   the newest: whole history, with the newest state of control over it
  minectl restore day-20260301.db   this copy and nothing else (a name in backups/, or a path)
  minectl restore --drill           the same into a folder of its own: opened, counted, nothing left

\b
Where there is no config.txt, the copy's comes first: every setting but the secrets, which it names.
The present database is moved aside, with the time in its name, and never deleted. The next tick
begins in INIT: it adopts what it measures and starts nothing before it has seen every input twice.
Exit: 0 done · 1 the copy can't be used, nothing was changed · 2 config
      · 75 a tick is at work and does not end"""
)
@config_option
@click.argument("copy", default="latest")
@click.option("--drill", "as_drill", is_flag=True, help="Try it in a folder of its own; nothing is changed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, copy: str, as_drill: bool, yes: bool, as_json: bool) -> None:
    """Put a copy in force (newest unless named); --drill tries it and changes nothing."""
    from mine_controller.store.db import StoreError, StoreTrouble  # noqa: PLC0415 - imported by the command that uses it

    if not as_drill:
        _settings_first(config_path(config), Path(copy))
    loaded = load_config(config, last_good=True)
    try:
        found = _drilled(loaded, copy) if as_drill else None
        done = None if as_drill else _restored(loaded, copy, yes)
    except (StoreError, StoreTrouble) as trouble:
        fail(f"nothing was restored: {trouble}")
    except OSError as error:
        fail(f"nothing was restored: {error.filename or loaded.paths.db}: {error.strerror}")
    if found is not None:  # a screen that nobody reads is no trouble of the restore
        _tell_drill(found, as_json)
    if done is not None:
        _tell(done, as_json)


def _settings_first(path: Path, copy: Path) -> None:
    """On a machine without a config: the copy's own, and what of it is to be typed before the rest can follow."""
    from mine_controller.config.lastgood import load_or_last_good  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.config.model import ConfigError  # noqa: PLC0415 - the same
    from mine_controller.ops.restore import unpacked  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    if path.exists() or not copy.is_file():
        return
    try:
        load_or_last_good(path)
    except ConfigError:
        try:
            notes = unpacked(copy, path)
        except (StoreTrouble, OSError) as trouble:
            fail(f"nothing was restored: {trouble}")
        for note in notes:
            click.echo(note, err=True)
        if any("to type again" in note for note in notes):
            fail(f"type what is missing into {path}, then the same command again: the database follows")


def _drilled(config: Config, copy: str) -> "Drill":
    from mine_controller.ops.restore import drill  # noqa: PLC0415 - imported by the command that uses it

    return drill(config, copy, int(time.time()), lambda what: click.echo(f"{what} ...", err=True))


def _tell_drill(found: "Drill", as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json_text(_drill_json(found)))
    else:
        click.echo(f"Drill with {found.copy.path.name}" + (f", control of {found.newer.name}" if found.newer else ""))
        click.echo(table(("table", "in the copy", "after the restore", "in the database now"), found.rows))
        known = f"{found.miners} miners, the starts and hours of {found.worn} of them"
        click.echo(f"A tick would begin in {found.mode} and know {known}.")
        for trouble in found.troubles:
            click.echo(safe(f"trouble: {trouble}"))
        click.echo("It can't be relied on." if found.troubles else "It works; nothing was changed.")
    sys.exit(1 if found.troubles else 0)


def _drill_json(found: "Drill") -> dict[str, object]:
    return {
        "ok": not found.troubles,
        "copy": found.copy.path.name,
        "newer": found.newer.name if found.newer else None,
        "rows": {name: {"copy": was, "restored": got, "now": now} for name, was, got, now in found.rows},
        "mode": found.mode,
        "miners": found.miners,
        "worn": found.worn,
        "files": list(found.files),
        "troubles": list(found.troubles),
    }


def _restored(config: Config, copy: str, yes: bool) -> "Restored":
    from mine_controller.ops.keep import waited  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.restore import chosen, put_in_force  # noqa: PLC0415 - the same
    from mine_controller.store.lock import Busy  # noqa: PLC0415 - the same

    path, newer = chosen(config, copy)
    over = f", with control of {newer.name} over it" if newer else ""
    if not yes:
        with unanswered("nothing was changed; --yes asks no question"):
            click.confirm(f"Put {path.name}{over} in force? What is now is moved aside.", abort=True, err=True)
    try:
        lock = waited(config, say=lambda: click.echo("a tick is at work; waiting for its end ...", err=True))
    except Busy as busy:
        fail(f"{busy}; `minectl doctor` tells what helps", BUSY)
    try:
        return put_in_force(config, copy, int(time.time()), Asker().who)
    finally:
        lock.__exit__(None, None, None)


def _tell(done: "Restored", as_json: bool) -> None:
    aside = str(done.aside) if done.aside else None
    if as_json:
        told = {"copy": done.copy.path.name, "newer": done.newer.name if done.newer else None, "aside": aside}
        click.echo(json_text(told | {"notes": list(done.notes)}))
        return
    before = f"what was before lies in {aside}" if aside else "there was none before"
    click.echo(f"{done.copy.path.name} is in force; {before}")
    for note in done.notes:
        click.echo(note)
    click.echo("The next tick begins in INIT.")
