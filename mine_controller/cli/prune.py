"""`minectl prune`: what is past its time is taken out, between ticks."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mine_controller.cli.options import config_option, unanswered
from mine_controller.cli.output import json_text, table
from mine_controller.cli.session import Asker, fail, load_config
from mine_controller.config.model import Config

if TYPE_CHECKING:
    from mine_controller.ops.keep import Pruned

DOUBTED_S = 86_400  # less makes no difference to what is kept for a week or longer


@click.command(
    epilog="""\b
Examples:
  minectl prune --dry-run        what is past its time, and what would be free
  minectl prune                  records after 400 days, telemetry after 7, stats after 90
  minectl prune --days 90        ticks too, and everything of them after 90 days
  minectl prune --vacuum         and give the room back to the disk

\b
The ticks take a little of it out each hour by themselves; this does it at once, in the pauses between
them. Events and the roll-up of each hour are kept for ever. Without --vacuum the file keeps its size and
fills its holes first: that wears a card least.
Exit: 0 done · 1 the database can't be written · 2 config · 75 a tick is at work and does not end"""
)
@config_option
@click.option("--days", type=click.IntRange(2, 4000), help="Keep ticks, records, telemetry and stats this many days.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--vacuum", is_flag=True, help="Write the file anew without its holes (needs as much room again).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, days: int | None, dry_run: bool, vacuum: bool, yes: bool, as_json: bool) -> None:
    """Take out what is past its time; --dry-run says what."""
    from mine_controller.ops import keep  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreError, StoreTrouble  # noqa: PLC0415 - the same
    from mine_controller.store.lock import Busy  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    if not loaded.paths.db.exists():
        fail("there is no database yet; `minectl tick` makes one")
    try:
        now_s = int(time.time())
        believed_s = keep.believed_s(loaded, now_s)
        if now_s - believed_s > DOUBTED_S:
            click.echo(f"Note: {_doubt(now_s, believed_s)}", err=True)
        found = keep.look(loaded, days, believed_s)
        if dry_run or not (found.rows or vacuum):
            _show(found, as_json)
            return
        if not yes:
            with unanswered("nothing was taken out; --yes asks no question"):
                click.confirm(_question(found, vacuum), abort=True, err=True)
        done, sizes = _pruned(loaded, found, vacuum)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    except StoreError as error:
        fail(str(error))
    except Busy as busy:
        fail(f"{busy}; `minectl doctor` tells what helps", 75)
    if as_json:
        click.echo(json_text({"rows": done, "bytes_before": sizes[0], "bytes_after": sizes[1]}))
    else:
        click.echo(f"{done} rows are gone; the file has {sizes[1] / 1e6:.1f} MB, it had {sizes[0] / 1e6:.1f} MB")


def _pruned(config: Config, found: "Pruned", vacuum: bool) -> tuple[int, tuple[int, int]]:
    from mine_controller.ops import keep  # noqa: PLC0415 - imported by the command that uses it

    with click.progressbar(length=max(1, found.rows), label="pruning", file=sys.stderr) as bar:
        done = keep.prune(config, found, Asker().who, lambda gone, _all: bar.update(gone - bar.pos))
    return done, keep.vacuum(config) if vacuum else (found.size, config.paths.db.stat().st_size)


def _doubt(now_s: int, believed_s: int) -> str:
    from mine_controller.store.db import iso  # noqa: PLC0415 - imported by the command that uses it

    known = f"by its ticks it is {iso(believed_s)} at the latest" if believed_s else "nothing tells how late it is"
    return f"nobody keeps this machine's clock right; it says {iso(now_s)}, and {known}: counted from there."


def _question(found: "Pruned", vacuum: bool) -> str:
    from mine_controller.ops.keep import vacuum_s  # noqa: PLC0415 - imported by the command that uses it

    text = f"Take {found.rows} rows out for good?"
    if vacuum:
        text += (
            f" Then write {found.size / 1e6:.0f} MB anew: about {vacuum_s(found)} s on a card, in which no tick runs."
        )
    return text


def _show(found: "Pruned", as_json: bool) -> None:
    if as_json:
        tables = {one.table: one.rows for one in found.old}
        click.echo(json_text({"rows": found.rows, "tables": tables, "bytes": found.size, "bytes_free": found.free}))
    elif found.rows:
        click.echo(table(("table", "rows past their time"), [(one.table, one.rows) for one in found.old]))
    else:
        click.echo(f"Nothing is past its time; {found.free / 1e6:.1f} of {found.size / 1e6:.1f} MB are holes.")
