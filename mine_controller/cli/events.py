"""`minectl events`: what happened, filtered."""

from pathlib import Path

import click

from mine_controller.cli.output import moment, print_rows
from mine_controller.cli.session import config_option, fail, load_config

COLUMNS = ("timestamp", "kind", "severity", "about", "actor", "text")
SHORT = ("timestamp", "severity", "kind", "about", "text")


@click.command(
    epilog="""\b
Examples:
  minectl events                             the last 50
  minectl events --kind request --actor eve  what eve asked for, and the verdicts
  minectl events --about "fan 3" --since 7d  all about one fan
  minectl events --since 24h --csv           for a spreadsheet

\b
Exit: 0 shown · 1 the database can't be read · 2 config"""
)
@config_option
@click.option("--kind", default="", help="Only this kind: signal_changed, curtail, fan_fault, request, mode ...")
@click.option("--since", callback=moment, metavar="WHEN", help="From this time on (ISO, or how long ago: 2h).")
@click.option("--until", callback=moment, metavar="WHEN", help="Up to this time.")
@click.option("--actor", default="", help="Only what this person asked for.")
@click.option("--about", default="", help='Only about this: site, "fan 3", "miner a017" ...')
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="How many at most.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with the numbers of each reason.")
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    config: Path | None,
    kind: str,
    since: int | None,
    until: int | None,
    actor: str,
    about: str,
    limit: int,
    as_csv: bool,
    as_json: bool,
) -> None:
    """What happened, newest first, filtered by kind, time, actor, and what it is about."""
    import json  # noqa: PLC0415 - only for --json

    from mine_controller.store import query  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    last = 253_402_300_799 if until is None else until
    try:
        found = query.events(loaded.paths, kind, since or 0, last, actor, about, limit)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    columns = (*COLUMNS, "reason") if as_json else COLUMNS if as_csv else SHORT
    rows = [[json.loads(row.reason) if name == "reason" else getattr(row, name) for name in columns] for row in found]
    print_rows(columns, rows, as_csv=as_csv, as_json=as_json, none="Nothing of that sort happened.")
