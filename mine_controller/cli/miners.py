"""`minectl miners`: every miner as seen, what one or many of them are told, and the list itself."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mine_controller.cli.listing import tell_age
from mine_controller.cli.options import config_option, unanswered
from mine_controller.cli.output import json_text, safe, table
from mine_controller.cli.session import Asker, fail, load_config, tell_news, tell_problems
from mine_controller.cli.telling import VERBS, filter_options, known_miners, those_meant
from mine_controller.config.model import Config, ConfigError

if TYPE_CHECKING:
    from mine_controller.ops.miners import Filters

COLUMNS = (
    "id", "name", "model", "address", "state", "word", "watts", "rate", "chip °C", "mode", "pool", "starts", "flags",
    "quarantine",
)  # fmt: skip


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  minectl miners                                   all of them, as of the last tick
  minectl miners list --row a --json
  minectl miners show b01
  minectl miners stop b01 b02 --for 2h --reason "hums"
  minectl miners restart --model "S19" --dry-run
  minectl miners mode eco --group "bitaxe shelf"
  minectl miners add b07 02:11:22:33:44:55 --group "bitaxe shelf"

\b
Exit: 0 done or shown · 1 refused · 2 config or usage · 75 filed, and the next tick takes it""",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(context: click.Context, config: Path | None, as_json: bool) -> None:
    """List miners; stop, start, restart and tune one or many; change the list."""
    context.obj = config
    if context.invoked_subcommand is None:
        from mine_controller.ops.miners import Filters  # noqa: PLC0415 - imported by the command that uses it

        _list(load_config(config, last_good=True), Filters(everybody=True), as_json=as_json)


for verb in VERBS:
    command.add_command(verb)


# -- looking --------------------------------------------------------------------------------------------------------


@command.command(
    name="list",
    epilog="""\b
Examples:
  minectl miners list
  minectl miners list --model S19 --json
  minectl miners list --group "bitaxe shelf" --row a""",
)
@filter_options
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON, with everything known.")
@click.pass_context
def list_(
    context: click.Context, config: Path | None, model: str, row: str, group: str, everybody: bool, as_json: bool
) -> None:
    """Each miner as the last tick saw it; unknown is "-"."""
    from mine_controller.ops.miners import Filters  # noqa: PLC0415 - imported by the command that uses it

    del everybody  # all of them is what a list without a filter shows
    filters = Filters((), model, row, group, everybody=True)
    _list(load_config(config or context.obj, last_good=True), filters, as_json=as_json)


def _list(config: Config, filters: "Filters", *, as_json: bool) -> None:
    found = known_miners(config)
    if not found.rows and as_json:  # a program that asks is told what it can read
        click.echo(json_text([]))
        return
    if not found.rows:
        fail("fleet.csv lists no miner; `minectl discover --add` finds them, `minectl miners add` writes one")
    rows = those_meant(found, filters)
    if as_json:
        click.echo(json_text([*rows]))
        return
    click.echo(table(COLUMNS, [_line(row) for row in rows]))
    known = [row["power_w"] for row in rows if row["power_w"] is not None]
    running = sum(row["state"] == "running" for row in rows)
    click.echo(f"{running} of {len(rows)} running, {sum(known)} W ({len(known)} of {len(rows)} known)")
    tell_age(config)


def _line(row: dict[str, Any]) -> tuple[object, ...]:
    words = (row["id"], row["name"], row["model"], row["address"], row["state"], row["word"], row["power_w"])
    held = [f"held: {key} {told}" for key, told in row["held"].items()]
    flags = ", ".join([*row["flags"], *held])
    return (*words, _rate(row), row["chip_c"], row["mode"], row["pool"], row["starts"], flags, row["quarantine"] or "")


def _rate(row: dict[str, Any]) -> str | None:
    """TH/s; of what hashes too little for that, its own words in a fitting unit, with what it hashes."""
    if row["hashrate_ths"]:
        return f"{row['hashrate_ths']:.2f} TH/s"
    from mine_controller.render.cards import told_rate  # noqa: PLC0415 - only where a unit tells it in words
    from mine_controller.render.shelf import rate  # noqa: PLC0415 - as above

    told = told_rate(row["hashrate"] or "")
    if told is not None:
        return f"{rate(told[0])} {told[1]}".replace("\u00a0", " ").strip()
    return row["hashrate"] or ("0 TH/s" if row["hashrate_ths"] == 0 else None)


@command.command(
    epilog="""\b
Examples:
  minectl miners show b01
  minectl miners show b01 --json"""
)
@click.argument("name", metavar="ID")
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def show(context: click.Context, name: str, config: Path | None, as_json: bool) -> None:
    """Everything known of one miner: who it is, every reading with its age, its wear, what it can be told."""
    from mine_controller.ops.miners import PickError, everything  # noqa: PLC0415 - imported by the command

    loaded = load_config(config or context.obj, last_good=True)
    found = known_miners(loaded)
    try:
        tree = everything(loaded, found, name)
    except PickError as error:
        fail(f"{error}", 2)
    if as_json:
        click.echo(json_text(tree))
        return
    readings = tree.pop("readings")
    ways = tree.pop("ways")
    for key, value in tree.items():
        told = ", ".join(f"{key} {told}" for key, told in value.items()) if isinstance(value, dict) else value
        told = ", ".join(told) if isinstance(told, list) else told
        click.echo(f"{key:16} {'-' if told in (None, '') else safe(told)}")
    named = [f"{way['lane']}{' (says it has no stop)' if way['says_none'] else ''}" for way in ways]
    click.echo(f"{'ways to stop it':16} {', '.join(named) or 'none'}")
    lines = [(key.rpartition(":")[0], key.rpartition(":")[2], one["value"], one["age_s"], one["why"] or "")
             for key, one in readings.items()]  # fmt: skip
    click.echo(table(("channel", "reading", "value", "age s", "why"), lines))
    tell_age(loaded)


# -- the list itself ------------------------------------------------------------------------------------------------


@command.command(
    epilog="""\b
Examples:
  minectl miners add b07 02:11:22:33:44:55 --group "bitaxe shelf"
  minectl miners add a018 SN12345678 --group "foreman mine" --outlet "redfish pdu1/A18" --row a --nominal-w 3500

\b
Writes one line at the end of fleet.csv; the old text stays as fleet.csv.previous.
Exit: 0 added · 2 config or usage"""
)
@click.argument("name", metavar="ID")
@click.argument("mac", metavar="MAC|SERIAL")
@click.option("--group", default="", help="The section that serves it; needed where there are several.")
@click.option("--name", "label", default="", help="A name for people.")
@click.option("--outlet", default="", help='Its outlet, like "redfish pdu1/A1".')
@click.option("--breaker", default="", help="Its breaker in [wiring].")
@click.option("--phase", default="", help="Its phase.")
@click.option("--row", default="", help="Its row.")
@click.option("--nominal-w", type=click.IntRange(1, 20_000), help="What it draws, W.")
@click.option("--flags", default="", help="protected, maintenance, spare, plug.")
@click.option("--note", default="", help="Anything.")
@config_option
@click.pass_context
def add(context: click.Context, /, config: Path | None, nominal_w: int | None, label: str, **cells: str) -> None:
    """List one miner by hand; `minectl discover --add` lists all that it finds."""
    loaded = load_config(config or context.obj)
    row = {"id": cells.pop("name"), **cells, "name": label, "nominal_w": str(nominal_w or "")}
    row["group"] = row["group"] or _only_group(loaded)

    def change(path: Path) -> None:
        from mine_controller.config.fleet_edit import append  # noqa: PLC0415 - imported by the command that uses it

        append(path, [row], whole=True)

    done = f"{row['id']} is in fleet.csv now, served by [{row['group']}]; the next tick looks for it."
    _changed(loaded, change, [(row["id"], "", f"{row['mac']} in {row['group']}")], done)


def _only_group(config: Config) -> str:
    fleets = [name for name, spec in config.policy.wiring.endpoints.items() if spec.fleet]
    if len(fleets) != 1:
        fail(f"say which section serves it: --group {' or '.join(repr(name) for name in fleets) or 'SECTION'}", 2)
    return fleets[0]


@command.command(
    epilog="""\b
Examples:
  minectl miners remove b07
  minectl miners remove b07 b08 --yes
  minectl miners remove b07 --dry-run    the lines that would go, and nothing else

\b
Takes their lines out of fleet.csv and nothing else; what was written of their wear stays in the database, and
counts again when they are listed again under the same id. Another id for the same mac or serial, written over the old
one in fleet.csv, is a new name: wear, quarantine and what people hold follow it.
Exit: 0 removed · 2 config or usage"""
)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be taken out.")
@config_option
@click.pass_context
def remove(context: click.Context, ids: tuple[str, ...], yes: bool, dry_run: bool, config: Path | None) -> None:
    """Take miners out of the fleet; they are neither asked nor told anything any more."""
    loaded = load_config(config or context.obj)
    known = {spec.id: spec for spec in loaded.policy.wiring.miners}
    wrong = [name for name in ids if name not in known]
    if wrong:
        fail(f"there is no miner {wrong[0][:40]!r}; `minectl miners list` shows them", 2)
    rows = [(name, f"{known[name].mac} in {known[name].group}", "") for name in dict.fromkeys(ids)]
    _tell_running(loaded, ids)
    if dry_run:
        click.echo("\n".join(f"would take out {name}: {was}" for name, was, _ in rows))
        return
    if not yes:
        with unanswered("fleet.csv stays as it is; --yes asks no question", 2):
            click.confirm(f"Take {', '.join(ids)} out of fleet.csv?", abort=True, err=True)

    def change(path: Path) -> None:
        from mine_controller.config.fleet_edit import remove as take_out  # noqa: PLC0415 - imported by the command

        take_out(path, ids)

    done = f"{', '.join(dict.fromkeys(ids))}: out of fleet.csv; the old text stays as fleet.csv.previous."
    _changed(loaded, change, rows, done)


def _tell_running(config: Config, ids: Sequence[str]) -> None:
    """Whom of these nobody stops any more although they run: neither the utility's word nor heat reaches them."""
    from mine_controller.ops.miners import miners  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        lit = [row for row in miners(config).rows if row["id"] in ids and row["state"] == "running"]
    except StoreTrouble:
        return  # nothing is known of them: the list can be mended all the same
    if lit:
        names, first = ", ".join(row["id"] for row in lit), f"`minectl miners stop {lit[0]['id']}` comes before this"
        more = "it runs on, and nobody stops it" if len(lit) == 1 else "they run on, and nobody stops them"
        click.echo(f"Note: {names} ran at the last tick: taken out, {more}; {first}.", err=True)


def _changed(config: Config, change: Callable[[Path], None], rows: Sequence[tuple[str, str, str]], done: str) -> None:
    """Change fleet.csv, file an audit row each (id, before, after) and say what is `done`, with what the check notes
    of it; ends with what is wrong when that fails.
    """
    from mine_controller.config.edit import EditError  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.config.news import notes  # noqa: PLC0415 - the same
    from mine_controller.ops.replies import tell_changes  # noqa: PLC0415 - the same

    path = config.paths.config
    before = notes(path)
    try:
        change(path)
    except EditError as error:
        fail(f"{error}", 2)
    except ConfigError as error:
        click.echo("fleet.csv stays as it is, because this would not check:", err=True)
        tell_problems(path, error.problems)
        sys.exit(2)
    told = [(f"fleet.csv {name}", before, after) for name, before, after in rows]
    trouble = tell_changes(path, Asker(), told, "by hand")
    if trouble:
        click.echo(f"The change stands; the audit log could not be told: {trouble}.", err=True)
    click.echo(done)
    tell_news(path, before)
