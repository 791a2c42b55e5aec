"""The verb `list` of a command that lists when no verb is given: the same table, the same JSON.

What such a table shows is what the last tick saw, so it says when that is long ago.
"""

import time
from collections.abc import Callable
from pathlib import Path

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import safe
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config

Show = Callable[..., None]  # of (config, as_json=)


def show_when_alone(context: click.Context, config: Path | None, show: Show, *, as_json: bool) -> None:
    """Keep the config for the verbs; without one, list."""
    context.obj = config
    if context.invoked_subcommand is None:
        show(load_config(config, last_good=True), as_json=as_json)


def add_list(group: click.Group, word: str, show: Show, about: str) -> None:
    """Give the group, called `word` by people, its verb `list`."""

    @group.command(name="list", help=about, epilog=f"\b\nExamples:\n  minectl {word} list --json")
    @config_option
    @click.option("--json", "as_json", is_flag=True, help="As JSON.")
    @click.pass_context
    def list_(context: click.Context, config: Path | None, as_json: bool) -> None:
        show(load_config(config or context.obj, last_good=True), as_json=as_json)


def tell_age(config: Config, none: str = "nothing is known of them") -> None:
    """Beside a table for people: that nothing was seen yet, and so `none`, or that it is long ago, as `status` says."""
    from mine_controller.cli.screen import OLD_TICKS  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.render.text import span  # noqa: PLC0415 - the same
    from mine_controller.store import query  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        newest = query.ticks(config.paths, limit=1)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    age_s = int(time.time()) - newest[0].tick_at if newest else 0
    if not newest:
        click.echo(f"No tick has run yet: {none}. `minectl tick` runs one.", err=True)
    elif age_s > OLD_TICKS * config.site.tick_s:
        click.echo(f"OLD: the last tick was {safe(span(age_s))} ago; `minectl doctor` looks why.", err=True)
