"""`minectl backtest`: another config on the twin, under the outside that was recorded."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mine_controller.cli.options import CONFIG_FILE, db_option
from mine_controller.cli.output import json_text, moment, safe, table
from mine_controller.cli.session import config_path, fail, load_config, paths_of, tell_problems

if TYPE_CHECKING:
    from mine_controller.config.model import Config
    from mine_controller.play.backtest import Ran
    from mine_controller.play.outside import Begin, Outside
    from mine_controller.store.db import Paths

    Drawn = tuple[Outside, list[Ran], str]

LAST_DAY_S = 86_400
FOR_EVER_S = 253_402_300_799
SAME = "the recorded config"
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  minectl backtest --config tomorrow.txt --since 7d
  minectl backtest --config tomorrow.txt --since 30d --svg tomorrow.svg
  minectl backtest --since 7d --sweep cap.margin_pct=3,5,8 --sweep ramp.step_pct=5,10
  minectl backtest --since 7d                  only: how well the twin repeats what was
  minectl backtest --sweep cap.margin_pct=3,5,8 --scheduler tcp://10.0.0.5:8786

\b
First the recorded config runs on the twin; how far that is from what was recorded stands beside every figure as the
twin's own error. A difference is that of two runs of the twin. Each --sweep changes one option of --config, or of the
site's own config; several make every combination. Nothing is sent or written.
Exit: 0 done · 1 nothing is recorded, or the database can't be read · 2 config"""
)
@click.option("--config", "-c", type=CONFIG_FILE, metavar="FILE", help="The config to try.")
@click.option("--of", type=CONFIG_FILE, metavar="FILE", help="config.txt of the site whose records are used.")
@click.option("--since", callback=moment, metavar="WHEN", help="From this time on (ISO, or how long ago); default 24h.")
@click.option("--until", callback=moment, metavar="WHEN", help="Up to this time.")
@click.option("--sweep", "sweeps", multiple=True, metavar="KEY=A,B,C", help="Try each of these values; repeatable.")
@click.option("--jobs", type=click.IntRange(1), help="Processes side by side; default: one a processor.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="Run on this Dask cluster instead.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of the twin.")
@click.option("--svg", type=_FILE, help="Draw power and inlet of every run into this file.")
@db_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(**given: Any) -> None:
    """Try another config on what was recorded."""
    from mine_controller.play.sweep import SchedulerError  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    began = time.monotonic()
    try:
        told, drawn = _backtested(given)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    except SchedulerError as error:
        fail(safe(error))
    except ValueError as error:
        fail(f"a record is damaged ({safe(error)}); --since after it leaves it out")
    told["seconds"] = round(time.monotonic() - began, 2)
    click.echo(json_text(told) if given["as_json"] else _text(told))
    if given["svg"] is not None:
        _draw(given["svg"], *drawn)


def _backtested(given: dict[str, Any]) -> "tuple[dict[str, Any], Drawn]":
    """What is told, and what a drawing is made of."""
    from mine_controller.play import backtest  # noqa: PLC0415 - heavy
    from mine_controller.play.ground import Start  # noqa: PLC0415 - the same
    from mine_controller.play.sweep import spread  # noqa: PLC0415 - the same

    if given["of"] is None and given["db"] is None and not config_path(None).exists():
        fail("say whose records are used: --of config.txt of the site, or --db FILE out of a bundle", 2)
    paths = paths_of(given["of"], given["db"])
    others = _others(given)
    zone = _zone(given, others)
    outside, begun = _recorded(paths, given)
    for name, one in others:
        if begun.policy.wiring.miners and not one.policy.wiring.miners:
            fail(f"{safe(name)} knows no miner, so there is nothing to compare: put fleet.csv beside it", 2)
    start = Start(begun.state, begun.image, given["seed"])
    tasks = [backtest.Run(SAME, begun.policy, zone, begun.tick_s, outside, start)]
    tasks += [backtest.Run(name, one.policy, zone, one.site.tick_s, outside, start) for name, one in others]
    found: dict[int, Ran] = {}
    with click.progressbar(length=len(tasks), label="running", file=sys.stderr) as bar:
        for at, ran in spread(backtest.run, tasks, _jobs(given), given["scheduler"]):
            found[at] = ran
            bar.update(1)
    same, *tried = (found[at] for at in range(len(tasks)))
    recorded = backtest.figures(outside.seen, begun.policy)
    told = {
        "since": outside.since,
        "until": outside.until,
        "ticks": len(outside.seen),
        "configs": [one.name for one in tried],
        "figures": backtest.compared(recorded, same, tried),
        "violations": {one.name: list(one.violations) for one in (same, *tried) if one.violations},
        "notes": list(backtest.notes(begun, outside)),
        "run_s": {one.name: one.seconds for one in (same, *tried)},
    }
    return told, (outside, [same, *tried], zone)


def _jobs(given: dict[str, Any]) -> int:
    from mine_controller.play.sweep import jobs_here  # noqa: PLC0415 - heavy

    return given["jobs"] or jobs_here()


def _recorded(paths: "Paths", given: dict[str, Any]) -> "tuple[Outside, Begin]":
    """What was outside, put together from stretches read side by side."""
    from mine_controller.play import outside as outer  # noqa: PLC0415 - heavy
    from mine_controller.play.replay import parts  # noqa: PLC0415 - the same
    from mine_controller.play.sweep import spread  # noqa: PLC0415 - the same

    usual = 0 if given["db"] is not None else int(time.time()) - LAST_DAY_S
    since = usual if given["since"] is None else given["since"]
    todo = parts(paths, since, given["until"] or FOR_EVER_S)
    read: dict[int, Outside] = {}
    with click.progressbar(length=len(todo), label="reading", file=sys.stderr) as bar:
        for at, one in spread(outer.recorded, todo, _jobs(given)):
            read[at] = one
            bar.update(1)
    begun = outer.begin(todo[0], todo[-1].until) if todo else None
    found = outer.joined([read[at] for at in range(len(todo))])
    if begun is None or len(found.seen) < 2:
        fail("fewer than two ticks are recorded in that time; --since reaches further back")
    return found, begun


def _others(given: dict[str, Any]) -> "list[tuple[str, Config]]":
    """The configs to try, by name. Exit 2 with every problem of the first that doesn't check."""
    from mine_controller.config.load import load  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.config.model import ConfigError  # noqa: PLC0415 - the same
    from mine_controller.play import sweep  # noqa: PLC0415 - the same

    try:
        combinations = sweep.grid([sweep.axis(text) for text in given["sweeps"]])
    except ValueError as error:
        fail(str(error), 2)
    if given["config"] is None and not given["sweeps"]:
        return []
    path = given["config"] or config_path(given["of"])
    out = []
    for values in combinations:
        over: dict[str, dict[str, str]] = {}
        for key, value in values:
            section, _, option = key.rpartition(".")
            over.setdefault(section, {})[option] = value
        try:
            name = ", ".join(f"{key}={value}" for key, value in values)
            out.append((name or path.name, load(path, over)))
        except ConfigError as error:
            tell_problems(path, error.problems)
            sys.exit(2)
    return out


def _zone(given: dict[str, Any], others: "list[tuple[str, Config]]") -> str:
    """Where the mine stands: by its own config, else by the one that is tried."""
    if given["db"] is None:
        return load_config(given["of"], last_good=True).site.timezone
    return others[0][1].site.timezone if others else "UTC"


def _draw(path: Path, outside: "Outside", runs: "list[Ran]", zone: str) -> None:
    from mine_controller.play.backtest import curve  # noqa: PLC0415 - heavy
    from mine_controller.ports.clock import utc_offset_s  # noqa: PLC0415 - the same
    from mine_controller.render.compare_svg import Course, drawing  # noqa: PLC0415 - the same
    from mine_controller.render.text import Zone  # noqa: PLC0415 - the same

    named = [("recorded", curve(outside.seen)), *((f"twin: {one.name}", one.curve) for one in runs)]
    courses = [Course(safe(name), *map(tuple, zip(*rows, strict=True))) for name, rows in named]
    text = drawing("Backtest", courses, Zone(utc_offset_s(zone, outside.since), zone))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{path} can't be written: {error.strerror}")


def _text(told: dict[str, Any]) -> str:
    from mine_controller.store.db import iso  # noqa: PLC0415 - imported by the command that uses it

    header = ["", "recorded", "twin", "its error", "%"]
    for name in told["configs"]:
        header += [name, "change"]
    rows = []
    for row in told["figures"]:
        cells: list[Any] = [f"{row['label']} {row['unit']}".rstrip(), row["recorded"], row["same"], row["error"]]
        cells.append(row["error_pct"])
        for other in row["others"]:
            cells += [other["value"], _signed(other["difference"])]
        rows.append(cells)
    lines = [f"{told['ticks']} ticks from {iso(told['since'])} to {iso(told['until'])}", "", table(header, rows)]
    for name, sentences in told["violations"].items():
        lines += ["", f"Guard violations of {name}:", *(f"  {one}" for one in sentences)]
    lines += ["", *told["notes"]] if told["notes"] else []
    return "\n".join(lines[:3] + [safe(line) for line in lines[3:]])


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{value:+g}" if value else "0"
