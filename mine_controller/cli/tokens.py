"""`minectl tokens`: who may ask the local service for something."""

import time
from pathlib import Path

import click

from mine_controller.cli.asking import audited
from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, table
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config

EXITS = "Exit: 0 done or shown · 1 refused · 2 config or usage"


@click.group(
    invoke_without_command=True,
    epilog=f"""\b
Examples:
  minectl tokens                        names and roles; the tokens themselves are kept nowhere
  minectl tokens add phone              may ask: overrides, restarts, bands on and off
  minectl tokens add wall --role read   may look, where reading needs a token
  minectl tokens add desk --role admin  may also change miners, bands, pools and profiles
  minectl tokens revoke phone           at once; the service needs no restart

\b
{EXITS}""",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Add, list and revoke the tokens of `minectl serve`."""
    context.obj = config
    if context.invoked_subcommand is None:
        _list(load_config(config, last_good=True), as_json=as_json)


@command.command(name="list", epilog=f"\b\nExamples:\n  minectl tokens list --json\n\n\b\n{EXITS}")
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def list_(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Every token's name, role and day."""
    _list(load_config(config or context.obj, last_good=True), as_json=as_json)


def _list(config: Config, *, as_json: bool) -> None:
    from mine_controller.ops.tokens import TokenError, load  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import iso  # noqa: PLC0415 - the same

    try:
        known = load(config.paths)
    except TokenError as error:
        fail(str(error))
    rows = [(one.name, one.role, iso(one.added_at)) for one in known]
    if as_json:
        click.echo(json_text([dict(zip(("name", "role", "added"), row, strict=True)) for row in rows]))
    elif rows:
        click.echo(table(("name", "role", "added"), rows))
    else:
        click.echo("There is no token yet, so nothing can be asked over HTTP; `minectl tokens add NAME` makes one.")


@command.command(epilog=f"Examples:\n\n  minectl tokens add phone --role operate\n\n{EXITS}")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(("read", "operate", "admin")), default="operate", show_default=True, help="What it may."
)
@config_option
@click.pass_context
def add(context: click.Context, /, name: str, role: str, config: Path | None) -> None:
    """Make a token and print it, this once."""
    from mine_controller.ops.tokens import TokenError  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.tokens import add as make  # noqa: PLC0415 - the same

    loaded = load_config(config or context.obj, last_good=True)
    try:
        text = make(loaded.paths, name, role, int(time.time()))
    except TokenError as error:
        fail(str(error))
    audited(loaded.paths.config, [(f"token {name}", "", role)])
    click.echo(text)
    click.echo(f"Token {name} ({role}). It is shown this once: keep it where its user keeps passwords.", err=True)


@command.command(epilog=f"\b\nExamples:\n  minectl tokens revoke phone\n\n\b\n{EXITS}")
@click.argument("name")
@config_option
@click.pass_context
def revoke(context: click.Context, /, name: str, config: Path | None) -> None:
    """Take a token away; it counts no more from the next request on."""
    from mine_controller.ops.tokens import TokenError  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.tokens import revoke as take_away  # noqa: PLC0415 - the same

    loaded = load_config(config or context.obj, last_good=True)
    try:
        gone = take_away(loaded.paths, name)
    except TokenError as error:
        fail(str(error))
    audited(loaded.paths.config, [(f"token {name}", gone.role, "")])
    click.echo(f"{gone.name} ({gone.role}) is revoked.")
