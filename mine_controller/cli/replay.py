"""`minectl replay`: recorded ticks decided again, side by side, and compared to the byte."""

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from mine_controller.cli.options import config_option, db_option
from mine_controller.cli.output import json_text, moment, safe
from mine_controller.cli.session import fail, paths_of

if TYPE_CHECKING:
    from mine_controller.play.replay import Difference, Part, Replayed

LAST_DAY_S = 86_400
FOR_EVER_S = 253_402_300_799
SHOWN = 20


@click.command(
    epilog="""\b
Examples:
  minectl replay                              the last 24 hours
  minectl replay --since 30d --jobs 2
  minectl replay --since 2026-07-15 --from-anchor --json
  minectl replay --db mine_data.db            out of a bundle: all its ticks, no config is needed

\b
Every recorded tick is decided again from an hourly copy of the state on. What this very program decided (version
and hash of its core) must come out the same to the byte; the first difference is named: tick, field, both values,
the rule. What another one decided otherwise is printed, by rule and field, and is no fault.
Exit: 0 all the same · 1 a difference within this version, or the database can't be read · 2 config"""
)
@config_option
@click.option("--since", callback=moment, metavar="WHEN", help="From this time on (ISO, or how long ago); default 24h.")
@click.option("--until", callback=moment, metavar="WHEN", help="Up to this time.")
@click.option("--from-anchor", is_flag=True, help="Begin each hour anew from its copy of the state.")
@click.option("--jobs", type=click.IntRange(1), help="Processes side by side; default: one a processor.")
@db_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(**given: Any) -> None:
    """Decide recorded ticks again and compare."""
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - imported by the command that uses it

    began = time.monotonic()
    try:
        found = _replayed(given)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    except ValueError as error:
        fail(f"a record is damaged ({safe(error)}); --since after it leaves it out")
    told = summary(found, time.monotonic() - began)
    click.echo(json_text(told) if given["as_json"] else "\n".join(_lines(told)))
    sys.exit(1 if found.faults else 0)


def _replayed(given: dict[str, Any]) -> "Replayed":
    from mine_controller.play.replay import Replayed, parts, replay  # noqa: PLC0415 - heavy
    from mine_controller.play.sweep import jobs_here, spread  # noqa: PLC0415 - the same

    paths = paths_of(given["config"], given["db"])
    usual = 0 if given["db"] is not None else int(time.time()) - LAST_DAY_S
    since = usual if given["since"] is None else given["since"]
    todo = parts(paths, since, given["until"] or FOR_EVER_S, each_hour=given["from_anchor"])
    found = Replayed()
    with click.progressbar(length=_length(todo), label="replaying", file=sys.stderr) as bar:
        for at, one in spread(replay, todo, given["jobs"] or jobs_here()):
            found = found.plus(one)
            bar.update(_length(todo[at : at + 1]))
    return found


def _length(todo: "tuple[Part, ...]") -> int:
    return sum(part.until - part.since + 1 for part in todo)


def summary(found: "Replayed", seconds: float) -> dict[str, Any]:
    """The one JSON object of `replay --json`."""
    first = found.first
    return {
        "ticks": found.ticks,
        "rounds": found.rounds,
        "same": found.rounds - found.differ,
        "differ": found.differ,
        "faults": found.faults,
        "seconds": round(seconds, 2),
        "versions": list(found.codes),
        "changed": _changed(found),
        "first": None if first is None else _told(first),
        "differences": [_told(one) for one in found.differences],
        "skipped": [{"tick": one.tick_at, "why": one.why} for one in found.gaps],
    }


def _changed(found: "Replayed") -> dict[str, int]:
    """What another program decides otherwise: rounds by rule and field, the most frequent first."""
    told = Counter(f"{one.rule or 'nobody'}: {one.field.partition(' ')[0]}" for one in found.differences)
    return dict(told.most_common())


def _told(one: "Difference") -> dict[str, Any]:
    names = {"tick_at": "tick", "was": "recorded", "now": "decided", "code": "version"}
    return {names.get(name, name): value for name, value in one._asdict().items()}


def _lines(told: dict[str, Any]) -> list[str]:
    from mine_controller.ports.code import deciding  # noqa: PLC0415 - for the text alone

    lines = []
    if told["first"] is not None:
        kind = "First difference" if told["faults"] else f"Decided otherwise since {told['first']['version']}"
        lines += [f"{kind}: {_line(told['first'])}"]
        lines += ["What changed, by rule: " + ", ".join(f"{name} {count}x" for name, count in told["changed"].items())]
        others = [one for one in told["differences"] if one != told["first"]]
        lines += [f"  {_line(one)}" for one in others[:SHOWN]]
        lines += [f"  ... and {told['differ'] - SHOWN - 1} more rounds"] if told["differ"] > SHOWN + 1 else []
    lines += [f"Not decided again: {_when(one['tick'])}, {one['why']}" for one in told["skipped"][:3]]
    skipped = f", {len(told['skipped'])} ticks not decided again" if told["skipped"] else ""
    verdict = "nothing was compared"
    if told["rounds"]:
        share = 100 * told["same"] / told["rounds"]
        verdict = f"{told['same']} of {told['rounds']} rounds the same ({share:.2f} %)"
    lines.append(f"{told['ticks']} ticks by version {deciding()}: {verdict}{skipped}, in {told['seconds']:.1f} s")
    return [safe(line, 600) for line in lines]


def _when(tick_at: int) -> str:
    from mine_controller.store.db import iso  # noqa: PLC0415 - imported by the command that uses it

    return f"{iso(tick_at)} (tick {tick_at})"


def _line(one: dict[str, Any]) -> str:
    rule = f", rule {one['rule']}" if one["rule"] else ""
    place = f"{_when(one['tick'])} round {one['round']}"
    return f"{place}: {one['field']} was {one['recorded']}, now {one['decided']}{rule}"
