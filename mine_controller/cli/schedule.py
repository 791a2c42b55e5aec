"""`minectl schedule`: the time windows of the site, which of them hold, and what the bands will do."""

import time
from pathlib import Path

import click

from mine_controller.cli.listing import tell_age
from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, safe, table
from mine_controller.cli.session import fail, load_config

COLUMNS = ("", "window", "hours", "days", "when", "holds", "next edge")


@click.command(
    epilog="""\b
Examples:
  minectl schedule
  minectl schedule --json
  minectl set-state away yes --reason "two weeks at the sea"

\b
> marks a window that holds now. Exit: 0 shown · 1 the database can't be read · 2 config"""
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, as_json: bool) -> None:
    """Time windows and band changes to come."""
    from mine_controller.ops import prices, windows  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    loaded, now_s = load_config(config, last_good=True), int(time.time())
    try:
        rows, coming = windows.rows(loaded, now_s), prices.coming(loaded, now_s)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if as_json:
        click.echo(json_text({"windows": rows, "bands": coming}))
        return
    if rows:
        told = [(">" if one["open"] else "", one["name"], ", ".join(one["hours"]), ", ".join(one["days"]) or "all",
                 one["when"], one["holds"], one["edge"]) for one in rows]  # fmt: skip
        click.echo(table(COLUMNS, told))
    else:
        click.echo("This site has no [schedule NAME] sections.")
    for one in coming:
        click.echo(safe(f"{one['at']}: band {one['band']} ({one['price']:g} {loaded.site.units.price})"))
    if rows or coming:
        tell_age(loaded, "none of it holds")
