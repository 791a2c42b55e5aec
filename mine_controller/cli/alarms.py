"""`minectl alarms`: what is wrong and not yet over."""

from pathlib import Path
from typing import Any

import click

from mine_controller.cli.asking import EXITS, asking_options, put
from mine_controller.cli.output import json_text, table
from mine_controller.cli.session import config_option, fail, load_config
from mine_controller.config.model import Config

COLUMNS = ("since", "severity", "kind", "about", "text")


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  minectl alarms              what is open, the worst first
  minectl alarms list --json
  minectl alarms ack          somebody has seen it: lets go what latched, once its cause is gone

\b
Exit: 0 shown (also when none is open) · 1 the database can't be read · 2 config""",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Open alarms."""
    context.obj = config
    if context.invoked_subcommand is None:
        _list(load_config(config, last_good=True), as_json=as_json)


@command.command(name="list", epilog="Example: minectl alarms list --json")
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def list_(context: click.Context, config: Path | None, as_json: bool) -> None:
    """What is open, the worst first."""
    _list(load_config(config or context.obj, last_good=True), as_json=as_json)


def _list(config: Config, *, as_json: bool) -> None:
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - imported by the command that uses it

    try:
        found = _open(config)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if as_json:
        click.echo(json_text(found))
    elif found:
        click.echo(table(COLUMNS, [[one[name] for name in COLUMNS] for one in found]))
    else:
        click.echo("No alarm is open.")


def _open(config: Config) -> list[dict[str, Any]]:
    """The open alarms, the worst and then the oldest first."""
    from mine_controller.core.model.reason import Reason  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.core.words import sentence  # noqa: PLC0415 - the same
    from mine_controller.ops.recall import kept_book  # noqa: PLC0415 - the same
    from mine_controller.store.db import iso  # noqa: PLC0415 - the same

    state = kept_book(config.paths).state
    ahead_s = int(state.last.get("wall_s") or 0) - int(state.last.get("plant_s") or 0)
    out = []
    for alarm in state.alarms.values():
        rule, code, numbers = alarm["reason"]
        text = sentence(Reason(rule, code, tuple((name, value) for name, value in numbers)))
        since = iso(alarm["since_s"] + ahead_s)
        out.append({name: alarm[name] for name in ("kind", "about", "severity")} | {"since": since, "text": text})
    return sorted(out, key=lambda one: (one["severity"] != "emergency", one["since"]))


@command.command(
    epilog=f"""\b
Example:
  minectl alarms ack --reason "looked at the fan, belt replaced"

\b
{EXITS}"""
)
@config_option
@click.option("--reason", default="", help="What you saw or did; stands in the audit log.")
@asking_options
@click.pass_context
def ack(context: click.Context, config: Path | None, reason: str, no_tick: bool, as_json: bool) -> None:
    """Say that a person has seen the alarms; lets go what latched, once its cause is gone."""
    from mine_controller.ops.replies import Wanted  # noqa: PLC0415 - imported by the command that uses it

    loaded = load_config(config or context.obj, last_good=True)
    put(loaded, [Wanted("ack", (), reason)], no_tick=no_tick, as_json=as_json)
