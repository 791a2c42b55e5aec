"""`minectl prices`: published slots with their bands, and the next changes."""

import time
from pathlib import Path

import click

from mine_controller.cli.listing import tell_age
from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, print_rows, safe
from mine_controller.cli.session import fail, load_config

COLUMNS = ("at", "price", "band", "coin", "asked")
HOUR_S = 3600


@click.command(
    epilog="""\b
Examples:
  minectl prices                what is published from now on
  minectl prices --back 24      and of the last 24 hours
  minectl prices --next         only the changes of band
  minectl prices --csv > agile.csv

\b
band is what will hold, asked what the price alone would ask for: a cheaper band waits for a second cheap slot.
Exit: 0 shown · 1 the database can't be read · 2 config"""
)
@config_option
@click.option("--hours", type=click.IntRange(1, 400 * 24), default=48, show_default=True, help="How far ahead.")
@click.option("--back", type=click.IntRange(0, 400 * 24), default=0, show_default=True, help="Hours back.")
@click.option("--next", "only_next", is_flag=True, help="Only the slots with which another band begins.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, hours: int, back: int, only_next: bool, as_csv: bool, as_json: bool) -> None:
    """The price of every published slot, its band, and what changes next."""
    from mine_controller.ops import prices  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    loaded, now_s = load_config(config, last_good=True), int(time.time())
    if "price" not in loaded.policy.wiring.roles:
        fail("[wiring] has no price: wire one, like price = octopus agile", 2)
    try:
        coming = prices.coming(loaded, now_s)
        rows = coming if only_next else prices.slots(loaded, now_s - back * HOUR_S, now_s + hours * HOUR_S, now_s)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if as_json:
        click.echo(json_text({"slots": rows, "next": coming}))
        return
    columns = COLUMNS[:4] if only_next else COLUMNS
    none = "No band changes in what is published." if only_next else "No published price is known."
    print_rows(columns, [[one[name] for name in columns] for one in rows], as_csv=as_csv, as_json=False, none=none)
    if coming and not as_csv and not only_next:
        first = coming[0]
        click.echo(safe(f"Next: band {first['band']} at {first['at']} ({first['price']:g} {loaded.site.units.price})."))
    if not as_csv:
        tell_age(loaded)
