"""The verb `list` of a command that lists when no verb is given: the same table, the same JSON."""

from collections.abc import Callable
from pathlib import Path

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.session import load_config

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
