"""`minectl report`: what a site has to show: its curtailments for the bill, its costs, its wear."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import csv_text, json_text, moment, safe, table
from mine_controller.cli.session import fail, load_config

if TYPE_CHECKING:
    from mine_controller.ops.wear import Report as Worn

COLUMNS = ("key", "hours", "kwh", "mean_price", "cost", "always_on_cost", "saved", "saved_pct", "earned", "left")
TITLES = (
    "", "hours", "kWh", "{0}/kWh", "cost {0}", "always on {0}", "saved {0}", "saved %", "earned {0}", "left {0}",
)  # fmt: skip

WEAR = (
    "miner", "on", "starts", "starts_today", "hours", "hours_a_start", "hard_stops", "fails_24h", "lies_7d",
    "last_start", "quarantine",
)  # fmt: skip
WEAR_TITLES = (
    "miner", "on", "starts", "today", "hours", "h a start", "hard stops", "fails 24h", "lies 7d", "last start",
    "quarantine",
)  # fmt: skip


@click.group(
    epilog="""\b
Examples:
  minectl report events --since 30d    the curtailments, for the bill
  minectl report costs --by band       what power cost, and what it would have cost always on
  minectl report wear                  starts and hours of every miner and fan"""
)
def command() -> None:
    """What happened, for people who keep books."""


@command.command(
    epilog="""\b
Examples:
  minectl report events                          the last 90 days, a line a curtailment
  minectl report events --since 30d --html > july.html
  minectl report events --csv > events.csv       a row a curtailment
  minectl report events --csv --points > kw.csv  a row a measurement, before, during and after
  minectl report events --csv --told > told.csv  a row a message and channel

\b
Each has: signal, first command, 50, 90 and 100 % shed, power before and proven, stragglers, who was told.
The page stands by itself and names the last hash of the event log (`minectl events --verify`).
Exit: 0 shown · 1 the database can't be read · 2 config or usage"""
)
@click.option("--since", callback=moment, default="90d", show_default=True, metavar="WHEN", help="Ended since then.")
@click.option("--until", callback=moment, metavar="WHEN", help="Ended up to then.")
@click.option("--points", is_flag=True, help="With --csv: the measured power.")
@click.option("--told", is_flag=True, help="With --csv: who was told.")
@click.option("--html", "form", flag_value="html", help="As a page.")
@click.option("--csv", "form", flag_value="csv", help="As CSV.")
@click.option("--json", "form", flag_value="json", help="As JSON, with everything.")
@config_option
def events(since: int, until: int | None, points: bool, told: bool, form: str | None, config: Path | None) -> None:
    """Every curtailment, as a bill dispute needs it."""
    from mine_controller.ops import event_page  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.event_report import report  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    if (points or told) and (form != "csv" or (points and told)):
        fail("--points and --told each go with --csv alone", 2)
    loaded, now_s = load_config(config, last_good=True), int(time.time())
    try:
        found = report(loaded, since, now_s if until is None else until, now_s)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if form == "html":
        click.echo(event_page.page(found, loaded))
    elif form == "json":
        click.echo(json_text(event_page.tree(found)))
    elif points:
        click.echo(csv_text(event_page.POINTS, event_page.point_rows(found)))
    elif told:
        click.echo(csv_text(event_page.TOLD, event_page.told_rows(found)))
    elif form == "csv":
        click.echo(csv_text(event_page.HEADER, event_page.rows(found)))
    elif found.events:
        click.echo(table(event_page.SHORT, event_page.short_rows(found)))
    else:
        click.echo("No curtailment in that time.")


@command.command(
    epilog="""\b
Examples:
  minectl report costs                     the last 7 days, by day
  minectl report costs --days 30 --by band
  minectl report costs --by miner --csv > miners.csv
  minectl report costs --days 30 --svg > costs.svg

\b
Every stretch between two ticks costs the price of the slot it lies in. What no meter tells is guessed from what such
a miner draws and told apart; seconds of which nothing is known are in no sum. Always on: every miner at its nominal
power in the same slots and seconds. Earned: the hashes each miner told, at what [profit COIN] says now of the coin its
band has it mine; left is that less what its power cost. Money is in pence (cents).
Exit: 0 shown · 1 the database can't be read · 2 config or usage"""
)
@click.option("--days", type=click.IntRange(1, 4000), default=7, show_default=True, help="Local days, today included.")
@click.option("--by", type=click.Choice(["day", "band", "miner"]), default="day", show_default=True, help="A row for.")
@click.option("--csv", "form", flag_value="csv", help="As CSV.")
@click.option("--svg", "form", flag_value="svg", help="As a drawing.")
@click.option("--json", "form", flag_value="json", help="As JSON.")
@config_option
def costs(days: int, by: str, form: str | None, config: Path | None) -> None:
    """Energy, what it cost, and what was saved against always on."""
    from mine_controller.ops.costs import HEADER, report  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    if "price" not in loaded.policy.wiring.roles:
        fail(
            "[wiring] has no price: write your own as a section `[tariff NAME]`, and wire it: `price = tariff NAME`", 2
        )
    try:
        found = report(loaded, days, by, int(time.time()))
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    except ValueError as damaged:
        fail(f"{damaged}; `minectl doctor` tells what helps")
    if form == "json":
        click.echo(json_text(found._asdict()))
    elif form == "csv":
        click.echo(csv_text(HEADER, [tuple(one[name] for name in HEADER) for one in (*found.rows, found.total)]))
    elif form == "svg":
        from mine_controller.ops.chart import svg  # noqa: PLC0415 - drawn when asked for

        click.echo(svg(found, loaded.site.currency), nl=False)
    elif not found.rows:
        click.echo("Nothing is known of that time: no tick has seen a price in it.")
    else:
        minor = loaded.site.units.minor
        titles = [title.format(minor) for title in TITLES]
        click.echo(table(titles, [[one[name] for name in COLUMNS] for one in (*found.rows, found.total)]))
        for line in _notes(found.total, found.transitions, minor):
            click.echo(safe(line))


@command.command(
    epilog="""\b
Examples:
  minectl report wear                      starts, hours and hard stops, the most worn first; then the fans
  minectl report wear --csv > wear.csv     a row a miner, with when it was last started and stopped
  minectl report wear --fans --csv > fans.csv

\b
Counted on confirmed transitions only. A hard stop is an outlet switched off under a miner that had not slept.
Exit: 0 shown · 1 the database can't be read · 2 config or usage"""
)
@click.option("--fans", is_flag=True, help="With --csv: the fans.")
@click.option("--csv", "form", flag_value="csv", help="As CSV.")
@click.option("--json", "form", flag_value="json", help="As JSON, with everything.")
@config_option
def wear(fans: bool, form: str | None, config: Path | None) -> None:
    """How worn every miner and fan is, and how evenly."""
    from mine_controller.ops import wear as books  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    if fans and form != "csv":
        fail("--fans goes with --csv alone", 2)
    try:
        found = books.report(load_config(config, last_good=True))
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if form == "json":
        click.echo(json_text(found._asdict()))
    elif form == "csv":
        header, rows = (books.FANS, found.fans) if fans else (books.MINERS, found.miners)
        click.echo(csv_text(header, [tuple(row[name] for name in header) for row in rows]))
    else:
        click.echo(_wear_text(found))


def _wear_text(found: "Worn") -> str:
    """Both tables and the line on how evenly it is shared."""
    from mine_controller.ops.wear import spread  # noqa: PLC0415 - imported by the command that uses it

    blocks = []
    if found.miners:
        lines = [[_worn_cell(row, name) for name in WEAR] for row in found.miners]
        blocks.append("\n".join([table(WEAR_TITLES, lines), *filter(None, [spread(found)])]))
    if found.fans:
        blocks.append(table(("fan", "state", "starts", "hours"), [tuple(row.values()) for row in found.fans]))
    return "\n\n".join(blocks) or "Neither a miner nor a fan is listed."


def _worn_cell(row: dict[str, Any], name: str) -> Any:
    if name == "miner" and not row["listed"]:
        return f"{row[name]} (no longer listed)"
    return ("yes" if row[name] else "no") if name == "on" else row[name]


def _notes(total: dict[str, float], transitions: int, minor: str) -> list[str]:
    """What the table leaves out."""
    lines = [f"{transitions} change{'s' if transitions > 1 else ''} of band."] if transitions else []
    if total["guessed_kwh"]:
        lines.append(
            f"{total['guessed_kwh']:.3f} kWh more are guessed, for {total['guessed_cost']:.2f} {minor}: in no meter, "
            "and not in kWh and cost above; what is saved and left counts them, as the page does."
        )
    if total["unpriced_kwh"]:
        lines.append(f"{total['unpriced_kwh']:.3f} kWh were drawn while the price was not known: in no cost.")
    if total["unknown_hours"]:
        lines.append(f"Of {total['unknown_hours']:.2f} miner hours nothing is known: in no sum.")
    if total["unearned_hours"]:
        lines.append(f"What was earned in {total['unearned_hours']:.2f} miner hours is not known: in no earnings.")
    return lines
