"""`minectl reset`: the whole history set aside, a new one begun."""

import time
from pathlib import Path

import click

from mine_controller.cli.options import config_option, unanswered
from mine_controller.cli.output import json_text
from mine_controller.cli.session import Asker, fail, load_config


@click.command(
    epilog="""\b
Examples:
  minectl reset                after the trial in shadow mode, before the site goes live
  minectl reset --keep-wear    the miners' starts and hours and the fans' figures go on counting

\b
Database and copies move into a folder with the time in its name; nothing is deleted, config.txt and
fleet.csv stay. Who did it is the first event of the new database. The next tick begins in INIT.
Exit: 0 done · 1 it could not be done · 2 config · 75 a tick is at work and does not end"""
)
@config_option
@click.option("--keep-wear", is_flag=True, help="Carry starts, hours and fans over.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, keep_wear: bool, yes: bool, as_json: bool) -> None:
    """Set the whole history aside and begin a new one."""
    from mine_controller.ops.keep import waited  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.reset import reset  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same
    from mine_controller.store.lock import Busy  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    if not yes:
        what = "Database and copies are moved aside" + ("; wear goes on counting" if keep_wear else ", wear as well")
        with unanswered("nothing was changed; --yes asks no question"):
            click.confirm(f"{what}, and {loaded.site.name} begins a new history. Do it?", abort=True, err=True)
    try:
        lock = waited(loaded, say=lambda: click.echo("a tick is at work; waiting for its end ...", err=True))
        try:
            aside = reset(loaded, int(time.time()), Asker().who, keep_wear=keep_wear)
        finally:
            lock.__exit__(None, None, None)
    except Busy as busy:
        fail(f"{busy}; `minectl doctor` tells what helps", 75)
    except StoreTrouble as trouble:
        fail(f"nothing was changed: {trouble.text}; `minectl doctor` tells what helps")
    except OSError as error:
        fail(f"nothing was changed: {error.filename or loaded.paths.db}: {error.strerror}")
    if as_json:
        click.echo(json_text({"aside": str(aside), "wear": "kept" if keep_wear else "new"}))
    else:
        click.echo(f"The old history lies in {aside}; the next tick begins in INIT.")
