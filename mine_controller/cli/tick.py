"""`minectl tick`: exit 0 done · 2 config · 75 another tick runs · 70 fault."""

import json
import os
import sys
from pathlib import Path

import click

from mine_controller.cli.session import config_option, fail, load_config
from mine_controller.config.model import Config
from mine_controller.core.model.book import Book


@click.command(
    epilog="""\b
Examples:
  minectl tick                         what cron runs every two minutes
  minectl tick --dry-run               read, decide, print the plan; change nothing anywhere
  minectl tick --dry-run --all --json  the same, asking every input, as JSON
"""
)
@config_option
@click.option("--dry-run", is_flag=True, help="Read and decide, print the plan with reasons, change nothing.")
@click.option("--all", "everything", is_flag=True, help="With --dry-run: ask every input, not only what is due.")
@click.option("--now", metavar="ISO", help="Pretend this wall time (dry run or shadow only).")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def command(config: Path | None, dry_run: bool, everything: bool, now: str | None, as_json: bool) -> None:
    """Read everything, decide once, act, prove by measurement, write it down."""
    from mine_controller.store.lock import Busy  # noqa: PLC0415 - start-up is part of every tick

    loaded = load_config(config, last_good=True)
    if now is not None and loaded.site.live and not dry_run:
        fail("--now is refused on a live site; use it with --dry-run or while [site] live = no", 2)
    from mine_controller.store.db import StoreError  # noqa: PLC0415

    try:
        book, code = _dry(loaded, everything, _wall(now)) if dry_run else _real(loaded, _wall(now))
    except Busy as busy:
        fail(f"another tick runs ({busy}); nothing was done", 75)
    except StoreError as error:
        fail(f"the database can't be used: {error}", 70)
    if dry_run or as_json:
        from mine_controller.ops.explain import plan_json, plan_text  # noqa: PLC0415

        click.echo(json.dumps(plan_json(book), indent=2) if as_json else plan_text(book))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a hung worker thread must not keep a finished tick alive


def _dry(config: Config, everything: bool, wall_s: int | None) -> tuple[Book, int]:
    from mine_controller.ports.dry import dry_tick  # noqa: PLC0415

    return dry_tick(config, everything=everything, wall_s=wall_s), 0


def _real(config: Config, wall_s: int | None) -> tuple[Book, int]:
    import gc  # noqa: PLC0415

    from mine_controller.ports.live import Live, end_on_signal, ports_of  # noqa: PLC0415
    from mine_controller.tick import tick  # noqa: PLC0415

    gc.disable()  # it ends in seconds; with 10,000 miners the search for cycles takes a third of its time
    live = Live(config, wall_s=wall_s)
    end_on_signal(live)
    book = tick(ports_of(live), config.policy)
    return book, 70 if live.clocks.ended else 0


def _wall(now: str | None) -> int | None:
    if now is None:
        return None
    from datetime import UTC, datetime  # noqa: PLC0415

    try:
        moment = datetime.fromisoformat(now)
    except ValueError:
        fail(f"--now takes an ISO time such as 2026-07-15T14:00:00Z, not {now!r}", 2)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
