"""`minectl status`: what the mine does now, and why."""

import time
from pathlib import Path
from typing import Any

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config


@click.command(
    epilog="""\b
Examples:
  minectl status                 one screen: mode and why, what comes next, power, air, inputs
  minectl status --json          the same as www/status.json, for scripts
  minectl watch                  kept in view

\b
Exit: 0 shown · 1 no tick has run yet or the database can't be read · 2 config"""
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="The document of www/status.json.")
def command(config: Path | None, as_json: bool) -> None:
    """What the mine does now, and why."""
    loaded = load_config(config, last_good=True)
    now_s = int(time.time())
    try:
        shown = shown_at(loaded, now_s)
    except NothingToShowError as why:
        fail(str(why))
    if as_json:
        from mine_controller.cli.output import json_text  # noqa: PLC0415 - imported by the command that uses it

        click.echo(json_text(shown))
        return
    from mine_controller.cli.screen import screen  # noqa: PLC0415 - imported by the command that uses it

    click.echo("\n".join(screen(shown, loaded, now_s)))


class NothingToShowError(Exception):
    """Nothing is known of the mine; the text is one sentence with the remedy."""


def shown_at(config: Config, now_s: int) -> dict[str, Any]:
    """The document of now. NothingToShowError."""
    from mine_controller.ops.status import status  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        shown = status(config, now_s)
    except StoreTrouble as trouble:
        raise NothingToShowError(f"{trouble.text}; `minectl doctor` tells what helps") from trouble
    if shown is None:
        text = "no tick has run yet; `minectl tick` runs one, `minectl tick --dry-run` without changing anything"
        raise NothingToShowError(text)
    return shown
