"""`minectl events`: what happened, filtered."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, moment, print_rows, safe
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config

if TYPE_CHECKING:
    from mine_controller.store.events import EventRow

COLUMNS = ("timestamp", "kind", "severity", "about", "actor", "text")
WHO = ("source", "uid", "tty")  # of a person's command: by which way, as whom, from where
ALIKE = 0.8  # of two names, for one to be the other misspelt
NO_ALARMS = (  # what stands in the log and neither is an alarm nor ends one
    "alarm_acked", "alarm_chatters", "drill", "override_over", "pruned", "renamed", "reset", "restored", "signal_first",
    "errand_done", "errand_failed", "tuning_done", "tuning_step",
)  # fmt: skip
SHORT = ("timestamp", "severity", "kind", "about", "text")


@click.command(
    epilog="""\b
Examples:
  minectl events                             the last 50
  minectl events --kind request --actor eve  what eve asked for, and the verdicts
  minectl events --about "fan 3" --since 7d  all about one fan
  minectl events --since 24h --csv           for a spreadsheet
  minectl events --verify                    is every row as it was written?

\b
Each row has a hash over itself and the row before it: --verify shows one that was changed or taken out.
Exit: 0 shown, or all is as it was written · 1 it is not, or the database can't be read
      2 config, or a misspelt kind"""
)
@config_option
@click.option("--kind", default="", help="Only this kind: signal_changed, curtail, fan_fault, request, mode ...")
@click.option("--since", callback=moment, metavar="WHEN", help="From this time on (ISO, or how long ago: 2h).")
@click.option("--until", callback=moment, metavar="WHEN", help="Up to this time.")
@click.option("--actor", default="", help="Only what this person asked for.")
@click.option("--about", default="", help='Only about this: site, "fan 3", a017 ...')
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="How many at most.")
@click.option("--verify", is_flag=True, help="Follow the hashes from the first row to the last.")
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
    verify: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    """What happened, newest first, filtered by kind, time, actor, and what it is about."""
    from mine_controller.core.wording.spoken import spoken  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store import query  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    if verify:
        _verify(loaded, as_json)
    last = 253_402_300_799 if until is None else until
    try:
        found = query.events(loaded.paths, kind, since or 0, last, actor, about, limit)
        if kind and not found and not query.events(loaded.paths, kind, limit=1):
            _unheard_of(kind)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    columns = (*COLUMNS, *WHO, "reason") if as_json else (*COLUMNS, *WHO) if as_csv else SHORT
    if columns is SHORT:  # for people; what machines read stays as it was written
        found = tuple(row._replace(text=spoken(row.text, loaded.site.units)) for row in found)
    rows = [_row(row, columns) for row in found]
    print_rows(columns, rows, as_csv=as_csv, as_json=as_json, none="Nothing of that sort happened.")


def _unheard_of(kind: str) -> None:
    """Nothing of a kind is no good news where its name is misspelt. What stands in the log is known."""
    near = misspelt(kind)
    if near:
        fail(f"there is no kind {kind[:40]!r} of events; did you mean {' or '.join(near)}?", 2)
    if not _is_declared(kind):
        click.echo(safe(f"minectl: no event of a kind {kind[:40]!r} was ever written here."), err=True)


def misspelt(kind: str) -> list[str]:
    """The kinds that somebody may have meant; none of what is a kind, or like none."""
    from difflib import get_close_matches  # noqa: PLC0415 - only where nothing was found

    return [] if _is_declared(kind) else get_close_matches(kind.casefold(), sorted(_declared()), 3, ALIKE)


def _is_declared(kind: str) -> bool:
    """An end has the name of what it ends before its own: fan_fault_over, smoke_cleared."""
    known = _declared()
    return kind in known or any(kind.startswith(f"{one}_") for one in known)


def _declared() -> set[str]:
    from mine_controller.core.alarms.catalogue import KINDS, LOG_ONLY, clears  # noqa: PLC0415 - the same

    return {*KINDS, *LOG_ONLY, *clears(), *NO_ALARMS}


def _row(row: "EventRow", columns: Sequence[str]) -> list[Any]:
    from mine_controller.store.events import numbers_of, unpacked  # noqa: PLC0415 - imported by the command that uses it

    numbers, reason = numbers_of(row.reason), unpacked(row.reason)
    known = row._asdict() | {name: numbers.get(name) for name in WHO} | {"reason": reason}
    return [known[name] for name in columns]


def _verify(config: Config, as_json: bool) -> NoReturn:
    from mine_controller.store import query  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    if not config.paths.db.exists():
        fail("there is no database, so nothing can be verified; `minectl tick` makes one, `minectl restore` has copies")
    try:
        found = query.chain(config.paths)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if as_json:
        click.echo(json_text(found._asdict()))
    elif found.broken is None:
        click.echo(f"{found.rows} events, every one as it was written; the last hash is {found.last or 'none'}")
    else:
        where = f"event {found.broken} ({found.at})"
        click.echo(f"{where} does not follow from the one before it: it was changed, or rows before it were taken out")
    sys.exit(0 if found.broken is None else 1)
