"""`minectl demo`: a day of the mine in under a minute, then the mine live on a local port."""

import contextlib
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import click

from mine_controller.cli.session import fail
from mine_controller.twin.story import StoryError

LIVE_EVERY_S = 30


@click.command(
    epilog="""\b
Examples:
  minectl demo                                    a day, then live ticks and the page on http://127.0.0.1:8080/
  minectl demo --hours 6 --seed 7 --story pdus-dead.txt
  minectl demo --no-serve --json                  print the day's summary as one JSON object and exit
"""
)
@click.option("--site", default="coop-container", show_default=True, type=click.Choice(["coop-container"]))
@click.option("--hours", default=24, show_default=True, type=click.IntRange(1, 240), help="Hours of history.")
@click.option(
    "--story", type=click.Path(dir_okay=False, path_type=Path), help="A story file, or the name of a packaged one."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Same seed, same day.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65_535), help="Port of the page; 0: a free one."
)
@click.option(
    "--dir", "folder", default=Path("demo"), type=click.Path(file_okay=False, path_type=Path), help="Site folder."
)
@click.option("--no-serve", is_flag=True, help="Only the history; print its summary.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
@click.option("--ticks", default=0, type=click.IntRange(0), help="Stop after so many live ticks (0: until Ctrl-C).")
def command(**given: Any) -> None:
    """Run a simulated mine: real drivers, rules and store against a twin of the 1 MW container."""
    if given["story"] == "list":
        from mine_controller.twin.story import names  # noqa: PLC0415

        click.echo("\n".join(names()))
        return
    folder: Path = given["folder"]
    _own(folder)
    try:
        _run(folder, given)
    except StoryError as error:
        fail(f"the story can't be read: {'; '.join(f'line {line}: {text}' for line, text in error.problems)}", 2)
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename or given['port']}; try another --dir or --port", 1)


def _own(folder: Path) -> None:
    """Begin with an empty folder of our own; never clear one that is not a demo's."""
    mark = folder / ".minectl-demo"
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        fail(f"{folder} exists and is no demo's folder; choose another with --dir", 2)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    mark.touch()


def _run(folder: Path, given: dict[str, Any]) -> None:
    from mine_controller.play import demo  # noqa: PLC0415 - heavy

    serve = not given["no_serve"]
    site = demo.build(given["seed"], given["hours"], given["story"], ending_now=serve)
    with demo.on_sockets(site) if serve else contextlib.nullcontext() as servers:
        config = demo.write_config(folder, site)
        total = int(given["hours"] * 3600 / config.site.tick_s)
        with click.progressbar(length=total, label="simulating", file=sys.stderr) as bar:
            day = demo.live_through(site, config, given["seed"], given["hours"], lambda at, _: bar.update(at - bar.pos))
        found = demo.summary(day)
        click.echo(json.dumps(found) if given["as_json"] else _text(found))
        if servers is not None:
            _serve(demo, config, demo.go_on(site, servers), given)


def _serve(demo: Any, config: Any, sources: Any, given: dict[str, Any]) -> None:
    """Live ticks every 30 s until Ctrl-C, and the page beside them."""
    from mine_controller.play.pages import serve_pages  # noqa: PLC0415

    demo.live_tick(config, sources)
    pages = serve_pages(config.paths.www, given["port"])
    click.echo(f"The page: http://127.0.0.1:{pages.server_port}/   (Ctrl-C ends the demo)", err=True)
    count = 1
    try:
        while not given["ticks"] or count < given["ticks"]:
            time.sleep(LIVE_EVERY_S)
            mode = demo.live_tick(config, sources)
            count += 1
            click.echo(f"{time.strftime('%H:%M:%S')} tick: {mode}", err=True)
    except KeyboardInterrupt:
        click.echo("demo ended", err=True)
    finally:
        pages.shutdown()


def _text(found: dict[str, Any]) -> str:
    share = 100 * found["energy_kwh"] / found["permitted_kwh"] if found["permitted_kwh"] else 0
    lines = [
        f"{found['ticks']} ticks in {found['wall_s']} s, the longest {found['longest_tick_s']} s of plant time",
        f"{found['energy_kwh']:.0f} kWh of {found['permitted_kwh']:.0f} permitted ({share:.1f} %)",
        f"{len(found['violations'])} guard violations",
    ]
    lines += [
        f"curtailed in {one['shed_100_s']} s after the signal: {one['power_before_w'] / 1000:.0f} kW ->"
        f" {(one['power_confirmed_w'] or 0) / 1000:.1f} kW, {one['gentle']} gently, {one['hard']} at the outlet"
        + (f"; EMERGENCY {one['emergency']}" if one["emergency"] else "")
        for one in found["events"]
    ]
    return "\n".join(lines)
