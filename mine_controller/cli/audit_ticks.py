"""`minectl audit-ticks`: recorded ticks against the guard invariants."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mine_controller.cli.options import config_option, db_option
from mine_controller.cli.output import json_text, moment, safe
from mine_controller.cli.session import fail, paths_of

if TYPE_CHECKING:
    from mine_controller.store.db import Paths

LAST_DAY_S = 86_400


@click.command(
    epilog="""\b
Examples:
  minectl audit-ticks                    the last 24 hours
  minectl audit-ticks --since 30d --json
  minectl audit-ticks --limit 10         the newest ten ticks
  minectl audit-ticks --db mine_data.db  out of a bundle: all its ticks, no config is needed

\b
Each recorded tick is decided again from what it had seen, and held against the guards G1 to G15.
Exit: 0 no violation · 1 violations, or the database can't be read · 2 config"""
)
@config_option
@click.option("--since", callback=moment, metavar="WHEN", help="From this time on (ISO, or how long ago); default 24h.")
@click.option("--limit", type=click.IntRange(1, 10_000_000), help="Only the newest so many ticks.")
@db_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, since: int | None, limit: int | None, db: Path | None, as_json: bool) -> None:
    """Check recorded ticks against the guard invariants."""
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - imported by the command that uses it

    usual = None if db is not None or limit is not None else int(time.time()) - LAST_DAY_S
    try:
        found = _audited(paths_of(config, db), usual if since is None else since, limit)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    except ValueError as error:
        fail(f"a record is damaged ({error}); --since after it leaves it out")
    if as_json:
        click.echo(json_text(found))
    else:
        _tell(found)
    sys.exit(1 if found["violations"] else 0)


def _audited(paths: "Paths", since: int | None, limit: int | None) -> dict[str, Any]:
    from mine_controller.ops.recall import MOST_TICKS, Gap, recall  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.play.audit import Record, audit  # noqa: PLC0415 - the same
    from mine_controller.store import query  # noqa: PLC0415 - the same

    ticks = query.ticks(paths, since or 0, limit=limit or MOST_TICKS)
    told: dict[str, Any] = {"ticks": 0, "rounds": 0, "skipped": [], "differ": 0, "violations": []}
    if not ticks:
        return told
    at = 0
    rounds = recall(paths, ticks[-1].tick_at, ticks[0].tick_at)
    with click.progressbar(length=len(ticks), label="auditing", file=sys.stderr) as bar:
        for one in rounds:
            tick_at = one.tick_at if isinstance(one, Gap) else one.recorded.tick_at
            if tick_at != at:
                at = tick_at
                bar.update(1)
            if isinstance(one, Gap):
                told["skipped"].append({"tick": one.tick_at, "why": one.why})
                continue
            told["ticks"] += one.recorded.round == 0
            told["rounds"] += 1
            told["differ"] += not one.same
            found = audit(Record(one.image, one.before, one.decision, one.policy))
            told["violations"] += [{"guard": v.guard, "tick": v.tick_at, "sentence": v.sentence} for v in found]
    return told


def _tell(found: dict[str, Any]) -> None:
    from mine_controller.store.db import iso  # noqa: PLC0415 - imported by the command that uses it

    for one in found["violations"]:
        click.echo(safe(f"{one['guard']} {iso(one['tick'])} (tick {one['tick']}): {one['sentence']}"))
    if found["differ"]:
        click.echo(f"This version of the program decides {found['differ']} rounds differently.")
    for one in found["skipped"][:3]:
        click.echo(safe(f"Not audited: {iso(one['tick'])}, {one['why']}"))
    more = f", {len(found['skipped'])} not audited" if found["skipped"] else ""
    click.echo(f"{found['ticks']} ticks, {found['rounds']} rounds: {len(found['violations'])} violations{more}")
    if not found["rounds"]:
        click.echo("Note: nothing was checked; --since reaches further back.", err=True)
