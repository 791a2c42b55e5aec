"""`minectl history`: the plain rows of mine_states."""

from pathlib import Path

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import moment, print_rows
from mine_controller.cli.session import fail, load_config

SHORT = (
    "timestamp", "mode", "signal", "power_w", "inlet_c", "fans_on", "miners_hashing", "miners_total", "reason",
)  # fmt: skip


@click.command(
    epilog="""\b
Examples:
  minectl history                                   the last 20 ticks
  minectl history --since 24h --csv > day.csv       every column, for a spreadsheet
  minectl history --since 2026-07-15 --until 2026-07-16 --limit 1000 --json

\b
Times are UTC. The same rows by hand: sqlite3 -readonly mine_data.db
  "SELECT * FROM mine_states ORDER BY timestamp DESC LIMIT 10;"

\b
Exit: 0 shown · 1 the database can't be read · 2 config"""
)
@config_option
@click.option("--since", callback=moment, metavar="WHEN", help="From this time on (ISO, or how long ago: 2h).")
@click.option("--until", callback=moment, metavar="WHEN", help="Up to this time.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), help="How many rows at most (20; with --since 100000).")
@click.option("--csv", "as_csv", is_flag=True, help="Every column as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Every column as JSON.")
def command(
    config: Path | None, since: int | None, until: int | None, limit: int | None, as_csv: bool, as_json: bool
) -> None:
    """A row a tick, newest first: mode, signal, power, temperatures, fans, miners."""
    from mine_controller.core.wording.spoken import spoken  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store import query  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same
    from mine_controller.store.history import FIGURES  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    columns = FIGURES if as_csv or as_json else SHORT
    most = limit or (20 if since is None else 100_000)
    try:
        rows = query.history(loaded.paths, since or 0, until, columns, most)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if columns is SHORT:  # for people; what machines read stays as it was written
        rows = tuple((*row[:-1], spoken(row[-1] or "", loaded.site.units)) for row in rows)
    print_rows(columns, rows, as_csv=as_csv, as_json=as_json, none="No tick in that time.")
