"""`minectl export`: the history as CSV, JSON, one JSON object a line, or samples for Prometheus."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import csv_text, moment
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config

EVER = 253_402_300_799
SORTS = ("events", "states", "miners", "stats", "ticks", "telemetry", "hours")


@click.command(
    epilog="""\b
Examples:
  minectl export events --since 30d -o events.csv
  minectl export states --since 2026-07-01 --until 2026-08-01 --format ndjson -o july.ndjson
  minectl export telemetry --since 24h --format json | jq length
  minectl export states --format openmetrics -o years.om

\b
states: a row a tick · ticks: when and on which config · stats: hourly by miner, 90 days
hours: roll-ups, for ever · telemetry: every miner of every tick, a week · events: with the hash chain
openmetrics: for promtool, as docs/monitoring.md says
Times are UTC. In CSV a text that a spreadsheet would run as a formula gets an apostrophe in front.
Exit: 0 written · 1 it can't be read or written · 2 config"""
)
@config_option
@click.argument("sort", type=click.Choice(SORTS))
@click.option("--since", callback=moment, metavar="WHEN", help="From this time on (ISO, or how long ago: 2h).")
@click.option("--until", callback=moment, metavar="WHEN", help="Up to this time.")
@click.option(
    "--format", "form", type=click.Choice(("csv", "json", "ndjson", "openmetrics")), default="csv", show_default=True
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File; default: standard output.")
def command(
    config: Path | None, sort: str, since: int | None, until: int | None, form: str, output: Path | None
) -> None:
    """Write rows of the history for other programs."""
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - imported by the command that uses it

    if form == "openmetrics" and sort != "states":
        raise click.UsageError("only states are samples with names: minectl export states --format openmetrics")
    loaded = load_config(config, last_good=True)
    if not loaded.paths.db.exists():
        fail("there is no database yet; `minectl tick` makes one")
    try:
        written = _export(loaded, sort, (since or 0, EVER if until is None else until), form, output)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    except ValueError as error:
        fail(f"a row is damaged ({error}); --since after it leaves it out")
    except BrokenPipeError:
        raise  # whoever read it has enough; `main` knows how that ends
    except OSError as error:
        fail(f"{error.filename or output or 'standard output'}: {error.strerror}")
    if output is not None:
        click.echo(f"{written} rows in {output}")


def _export(config: Config, sort: str, span: tuple[int, int], form: str, output: Path | None) -> int:
    from mine_controller.ops import openmetrics  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.export import SORTS as ABOUT  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.export import how_many, pieces  # noqa: PLC0415 - the same

    columns, total, written = ABOUT[sort].columns, how_many(config.paths, sort, *span), 0
    if form == "openmetrics":
        texts, total = openmetrics.text(config.paths, config.site.name, *span), total * len(openmetrics.FAMILIES)
    else:
        texts = _text(columns, pieces(config.paths, sort, *span), form)
    with _opened(output) as file, click.progressbar(length=max(1, total), label=sort, file=sys.stderr) as bar:
        for piece in texts:
            file.write(piece[0])
            written += piece[1]
            bar.update(piece[1])
    return written // len(openmetrics.FAMILIES) if form == "openmetrics" else written  # each is read once a family


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    """The file whole or not at all; a half-written export is no export. A device or a pipe is written into."""
    if output is None:
        yield sys.stdout
        return
    if output.exists() and not output.is_file():
        with output.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    draft = output.with_name(f".{output.name}.draft")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            yield file
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def _text(columns: tuple[str, ...], pieces: Iterable[list[tuple[Any, ...]]], form: str) -> Iterator[tuple[str, int]]:
    """(text, rows in it), in order."""
    if form == "csv":
        yield csv_text(columns, []) + "\n", 0
        for rows in pieces:
            yield csv_text(columns, rows).partition("\n")[2] + "\n", len(rows)
        return
    between = "" if form == "ndjson" else ",\n"
    yield ("" if form == "ndjson" else "["), 0
    first = True
    for rows in pieces:
        lines = [json.dumps(dict(zip(columns, row, strict=True))) for row in rows]
        yield (
            ("" if first else between) + ("\n".join(lines) + "\n" if form == "ndjson" else ",\n".join(lines)),
            len(rows),
        )
        first = False
    yield ("" if form == "ndjson" else "]\n"), 0
