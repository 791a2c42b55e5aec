"""`minectl alarms`: what is wrong and not yet over, who knows of it, and how each kind is treated."""

import time
from pathlib import Path
from typing import Any, NoReturn

import click

from mine_controller.cli.asking import EXITS, asking_options, duration, put
from mine_controller.cli.listing import tell_age
from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, print_rows, safe, table
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config

COLUMNS = ("id", "since", "severity", "state", "kind", "about", "text")
KINDS = ("kind", "severity", "on", "delay_s", "off_delay_s", "cool_s", "threshold", "clear", "unit", "route", "cause")
STATS = ("kind", "raised", "told", "chattering", "standing", "acked", "ack_mean_s")
LEFT_OUT = ("suppressed", "shelved")


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  minectl alarms                     what is open, the worst first
  minectl alarms list --all --json   also what follows from another alarm, and what is shelved
  minectl alarms ack a2b3c           seen: not told again; lets go what it latched
  minectl alarms ack --all           every one; lets go what latched, once its cause is gone
  minectl alarms shelve a2b3c --for 1h --reason "waiting for the part"
  minectl alarms kinds               every kind there is, with what counts here
  minectl alarms stats --days 7

\b
Exit: 0 shown (also when none is open) · 1 the database can't be read · 2 config""",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Open alarms; ack and shelve them; kinds and statistics."""
    context.obj = config
    if context.invoked_subcommand is None:
        _list(load_config(config, last_good=True), every=False, as_json=as_json)


@command.command(name="list", epilog="\b\nExamples:\n  minectl alarms list --json")
@config_option
@click.option("--all", "every", is_flag=True, help="Also consequences of another alarm, and what is shelved.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def list_(context: click.Context, config: Path | None, every: bool, as_json: bool) -> None:
    """What is open, the worst first."""
    _list(load_config(config or context.obj, last_good=True), every=every, as_json=as_json)


def _list(config: Config, *, every: bool, as_json: bool) -> None:
    from mine_controller.core.wording.spoken import spoken  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        found = _open(config)
    except StoreTrouble as trouble:
        _unreadable(trouble.text)
    shown = [one for one in found if every or one["state"] not in LEFT_OUT]
    hidden = len(found) - len(shown)
    if as_json:
        click.echo(json_text(shown))
    elif shown:
        told = [one | {"text": spoken(_text(one), config.site.units)} for one in shown]
        click.echo(table(COLUMNS, [[one[name] for name in COLUMNS] for one in told]))
    else:
        click.echo("No alarm is open.")
    if hidden and not as_json:
        click.echo(f"{hidden} more follow from another alarm or are shelved: minectl alarms list --all")
    if not as_json:
        tell_age(config)


def _open(config: Config) -> list[dict[str, Any]]:
    from mine_controller.ops.alarms import open_alarms  # noqa: PLC0415 - imported by the command that uses it

    return open_alarms(config)


def _unreadable(why: str) -> NoReturn:
    fail(f"{why}; `minectl doctor` tells what helps")


def _text(one: dict[str, Any]) -> str:
    """The sentence, with who has seen it and what follows from it."""
    folded = ", ".join(f"{many} {kind}" for kind, many in one["folded"].items())
    parts = [
        one["text"],
        f"with it {folded}" if folded else "",
        f"seen by {one['acked_by']}" if one["acked_by"] else "",
    ]
    return "; ".join(part for part in (*parts, "chattering" if one["chattering"] else "") if part)


@command.command(
    epilog=f"""\b
Examples:
  minectl alarms ack a2b3c --reason "looked at the fan, belt replaced"
  minectl alarms ack --all
  minectl alarms ack drill           answers `minectl drill page`, and touches no alarm

\b
{EXITS}"""
)
@click.argument("alarm", required=False)
@click.option("--all", "every", is_flag=True, help="Every open alarm (also when no name is given).")
@config_option
@click.option("--reason", default="", help="What you saw or did; stands in the audit log.")
@asking_options
@click.pass_context
def ack(
    context: click.Context,
    alarm: str | None,
    every: bool,
    config: Path | None,
    reason: str,
    no_tick: bool,
    as_json: bool,
) -> None:
    """Say that a person has seen an alarm, or all; lets go what latched, once its cause is gone."""
    if alarm and every:
        raise click.UsageError("either one alarm or --all")
    _put(config or context.obj, "ack", (alarm,) if alarm else (), reason, no_tick=no_tick, as_json=as_json)


@command.command(
    epilog=f"""\b
Examples:
  minectl alarms shelve a2b3c --for 1h --reason "waiting for the part"

\b
{EXITS}"""
)
@click.argument("alarm")
@click.option("--for", "for_s", callback=duration, required=True, metavar="TIME", help="How long, 24 h at most.")
@config_option
@click.option("--reason", required=True, help="Why; stands in the audit log.")
@asking_options
@click.pass_context
def shelve(
    context: click.Context, alarm: str, for_s: int, config: Path | None, reason: str, no_tick: bool, as_json: bool
) -> None:
    """Nothing is told of it for a time; never for an emergency of safety."""
    _put(config or context.obj, "shelve", (alarm, str(for_s)), reason, no_tick=no_tick, as_json=as_json)


@command.command(epilog=f"\b\nExamples:\n  minectl alarms unshelve a2b3c\n\n\b\n{EXITS}")
@click.argument("alarm", required=False)
@click.option("--all", "every", is_flag=True, help="Every shelved alarm.")
@config_option
@click.option("--reason", default="", help="Why; stands in the audit log.")
@asking_options
@click.pass_context
def unshelve(
    context: click.Context,
    alarm: str | None,
    every: bool,
    config: Path | None,
    reason: str,
    no_tick: bool,
    as_json: bool,
) -> None:
    """Back from the shelf before its time."""
    if bool(alarm) == every:
        raise click.UsageError("name one alarm, or --all")
    _put(config or context.obj, "unshelve", (alarm or "--all",), reason, no_tick=no_tick, as_json=as_json)


def _put(config: Path | None, verb: str, args: tuple[str, ...], reason: str, *, no_tick: bool, as_json: bool) -> None:
    from mine_controller.ops.replies import Wanted  # noqa: PLC0415 - imported by the command that uses it

    loaded = load_config(config, last_good=True)
    put(loaded, [Wanted(verb, args, reason)], no_tick=no_tick, as_json=as_json)


@command.command(epilog="\b\nExamples:\n  minectl alarms kinds --json")
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON, with what to do about each.")
@click.pass_context
def kinds(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Every kind of alarm, with what counts at this site; a section [alarm KIND] changes it."""
    from mine_controller.ops.alarms import kinds as every_kind  # noqa: PLC0415 - imported by the command that uses it

    rows = every_kind(load_config(config or context.obj, last_good=True))
    if as_json:
        click.echo(json_text(rows))
    else:
        click.echo(table(KINDS, [[_word(row[name]) for name in KINDS] for row in rows]))


def _word(value: Any) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else safe(value) if value == "" else value


@command.command(epilog="\b\nExamples:\n  minectl alarms stats --days 7 --json")
@config_option
@click.option("--days", type=click.IntRange(1, 400), default=7, show_default=True, help="How far back.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def stats(context: click.Context, config: Path | None, days: int, as_csv: bool, as_json: bool) -> None:
    """By kind: how often raised and told, chattering, open now, mean seconds until somebody acked it."""
    from mine_controller.ops.alarms import stats as count  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        rows = count(load_config(config or context.obj, last_good=True), int(time.time()), days)
    except StoreTrouble as trouble:
        _unreadable(trouble.text)
    shown = [[row[name] for name in STATS] for row in rows]
    print_rows(STATS, shown, as_csv=as_csv, as_json=as_json, none=f"No alarm in the last {days} days.")
