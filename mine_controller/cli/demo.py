"""`minectl demo`: a day of the mine in under a minute, then the mine live on a local port."""

import contextlib
import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mine_controller.cli.output import safe
from mine_controller.cli.session import fail
from mine_controller.twin.story import StoryError

if TYPE_CHECKING:
    from mine_controller.play.planted import Bug
    from mine_controller.twin.site import Site

LIVE_EVERY_S = 30
SITES = ("coop-container", "offgrid-container", "home-fleet", "agile-home")


@click.command(
    epilog="""\b
Examples:
  minectl demo                                    a day, then live ticks and the page on http://127.0.0.1:8080/
  minectl demo --hours 6 --seed 7 --story pdus-dead
  minectl demo --site home-fleet                  twelve mixed miners at 127.0.1.x, read one by one
  minectl demo --site agile-home                  eleven small boards that follow the half-hour price
  minectl demo --site offgrid-container           160 miners on a weak source, two uplinks, a holding pool
  minectl demo --story list                       the packaged stories
  minectl demo --no-serve --json                  print the day's summary as one JSON object and exit
  minectl demo --plant list                       faults that can be put into the program, to see the laws speak up
  minectl demo --plant no_cap --hours 6           a day with one of them: which laws it breaks

\b
While it serves, other commands work beside it: minectl status -c demo/config.txt
Exit: 0 ended · 1 the port is taken, the folder can't be written, or a planted fault broke laws, as it must
      2 no such story or fault, or not a demo's folder · 3 a planted fault that nobody saw"""
)
@click.option("--site", default="coop-container", show_default=True, type=click.Choice(SITES))
@click.option("--hours", default=24, show_default=True, type=click.IntRange(1, 240), help="Hours of history.")
@click.option("--story", help="A story file, or the name of a packaged one; `list` names those.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Same seed, same day.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65_535), help="Port of the page; 0: a free one."
)
@click.option(
    "--dir", "folder", default=Path("demo"), type=click.Path(file_okay=False, path_type=Path), help="Site folder."
)
@click.option("--no-serve", is_flag=True, help="Only the history; print its summary.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
@click.option("--plant", metavar="NAME", help="Put a fault into the program and tell which laws it breaks; or `list`.")
@click.option("--ticks", default=0, type=click.IntRange(0), help="Stop after so many live ticks (0: until Ctrl-C).")
def command(**given: Any) -> None:
    """Run a simulated mine: real drivers, rules and store against a twin of one of the sites."""
    if given["story"] == "list":
        from mine_controller.twin.story import names  # noqa: PLC0415

        click.echo("\n".join(names()))
        return
    if given["plant"] == "list":
        _list_bugs()
        return
    folder: Path = given["folder"]
    bug = _bug(given["plant"]) if given["plant"] else None
    try:
        with contextlib.ExitStack() as held:
            if bug is not None:
                _own(folder, held)
                sys.exit(_show_bug(bug, folder, given))
            _run(folder, given, held)
    except StoryError as error:
        fail(f"the story can't be read: {'; '.join(f'line {line}: {text}' for line, text in error.problems)}", 2)
    except FileNotFoundError as error:
        fail(f"there is no story {error.filename}; `minectl demo --story list` names the packaged ones", 2)
    except BrokenPipeError:
        raise  # whoever read it has enough; `main` knows how that ends
    except OSError as error:
        if error.filename and str(error.filename) == given["story"]:
            fail(f"the story can't be read: {error.strerror}: {error.filename}", 2)
        fail(f"{error.strerror or error}: {error.filename or given['port']}; try another --dir or --port", 1)


def _list_bugs() -> None:
    from mine_controller.play.planted import BUGS  # noqa: PLC0415 - heavy

    click.echo("\n".join(f"{bug.name:20} {', '.join(bug.by):10} {bug.what}" for bug in BUGS))


def _bug(name: str) -> "Bug":
    from mine_controller.play.shown import named  # noqa: PLC0415 - heavy

    bug = named(name)
    return bug if bug is not None else fail(f"no fault is called {safe(name)}; `minectl demo --plant list`", 2)


def _show_bug(bug: "Bug", folder: Path, given: dict[str, Any]) -> int:
    """Exit code 1: laws were broken, as they must be; 3: nobody saw it."""
    from mine_controller.play.shown import show  # noqa: PLC0415 - heavy

    total = given["hours"] * 30
    with click.progressbar(length=total, label="simulating", file=sys.stderr) as bar:
        shown = show(bug, folder, given["seed"], given["hours"], lambda at, _: bar.update(at - bar.pos))
    parts = {"without it": shown.clean, "its own story": shown.own, f"{given['hours']} h of the mine": shown.day}
    if given["as_json"]:
        told = {name: [law._asdict() for law in laws] for name, laws in parts.items()}
        click.echo(json.dumps({"bug": bug.name, "what": bug.what, "must_break": bug.by, "seen": shown.seen, **told}))
    else:
        click.echo(f"{bug.name}: {bug.what}. It must break {', '.join(bug.by)}.")
        for name, laws in parts.items():
            click.echo(f"{name}: {f'{len(laws)} laws broken' if laws else 'no law broken'}")
            for law in laws:
                click.echo(f"  {law.name:4} {law.times:3}x  first: {law.first}")
    return 1 if shown.seen else 3


def _own(folder: Path, held: contextlib.ExitStack) -> None:
    """Begin with an empty folder of our own, and keep it while we run; never clear one that is not a demo's."""
    from mine_controller.config.site import LOCK  # noqa: PLC0415 - a demo holds it between its ticks, others may then
    from mine_controller.store.lock import DEMO, Busy, TickLock  # noqa: PLC0415

    mark = folder / DEMO
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        fail(f"{folder} exists and is no demo's folder; choose another with --dir", 2)
    try:
        for path in (mark, folder / LOCK):
            if path.exists():
                with TickLock(path):
                    pass
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        held.enter_context(TickLock(mark))
    except Busy:
        fail(f"a demo runs in {folder}: end it, or choose another folder with --dir")


def _run(folder: Path, given: dict[str, Any], held: contextlib.ExitStack) -> None:
    from mine_controller.play import demo  # noqa: PLC0415 - heavy

    serve = not given["no_serve"]
    site = demo.build(given["seed"], given["hours"], given["story"], ending_now=serve, kind=given["site"])
    _own(folder, held)  # not before the story is read: a slip of the pen costs nobody yesterday's demo
    with demo.on_sockets(site, usual=True) if serve else contextlib.nullcontext() as servers:
        config = demo.write_config(folder, site)
        pages = _pages(config, given["port"]) if serve else None
        total = int(given["hours"] * 3600 / config.site.tick_s)
        with click.progressbar(length=total, label="simulating", file=sys.stderr) as bar:
            day = demo.live_through(site, config, given["seed"], given["hours"], lambda at, _: bar.update(at - bar.pos))
        _tell_unfit(site)
        found = demo.summary(day)
        click.echo(json.dumps(found) if given["as_json"] else _text(found))
        if servers is not None and pages is not None:
            demo.household(servers, config)
            _serve(demo, config, demo.go_on(site, servers, caught_up=True), given["ticks"], pages)


def _tell_unfit(site: "Site") -> None:
    """What the story asked of units that are not there: it changed nothing, and the day proves nothing about it."""
    asked = dict.fromkeys(f"{step.what} {step.words}" for step in site.unfit)
    if asked:
        click.echo(f"minectl: not done, because this site has no such unit: {safe(', '.join(asked))}", err=True)


def _pages(config: Any, port: int) -> Any:
    """The page's server, before the day is simulated: a taken port is told at once. OSError."""
    from mine_controller.play.pages import listen  # noqa: PLC0415

    return listen(config.paths.www, port)


def _serve(demo: Any, config: Any, sources: Any, most: int, pages: Any) -> None:
    """Live ticks every 30 s until Ctrl-C, each with config.txt as it is by then, and the page beside them."""
    from mine_controller.play.pages import answer  # noqa: PLC0415

    config = demo.as_written(config)
    mode = _tick(demo, config, sources)
    answer(pages)
    click.echo(f"The page: http://127.0.0.1:{pages.server_port}/   (Ctrl-C ends the demo)", err=True)
    click.echo(f"Try beside it: minectl status -c {config.paths.config}", err=True)
    click.echo(f"{time.strftime('%H:%M:%S')} tick: {mode}", err=True)
    count = 1
    try:
        while not most or count < most:
            _pause(config.paths)
            config = demo.as_written(config)
            mode = _tick(demo, config, sources)
            count += 1
            click.echo(f"{time.strftime('%H:%M:%S')} tick: {mode}", err=True)
    except KeyboardInterrupt:
        click.echo("demo ended", err=True)
    finally:
        pages.shutdown()


def _tick(demo: Any, config: Any, sources: Any) -> str:
    """One live tick; the mode it ended in."""
    from mine_controller.store.db import StoreError  # noqa: PLC0415
    from mine_controller.store.lock import Busy  # noqa: PLC0415

    try:
        mode: str = demo.live_tick(config, sources)
    except Busy:
        return "left out, because somebody else's tick is at work"
    except (StoreError, OSError) as error:  # a changed data_dir may name a place where nothing can be written
        return f"left out, because the site's files can't be used: {error}"
    return mode


def _pause(paths: Any) -> None:
    """Until the next tick; what a person asks for meanwhile makes it come at once.

    The lock is held: a tick started by hand would run on this machine's clock instead of the twin's. It is shared with
    commands that only write, as they do on a site between two ticks. Where it can't be had, the next tick comes no
    sooner for that.
    """
    from mine_controller.store.lock import Busy, TickLock  # noqa: PLC0415

    with contextlib.ExitStack() as held:
        with contextlib.suppress(Busy, OSError):
            held.enter_context(TickLock(paths.lock, shared=True))
        _wait(paths)


def _wait(paths: Any) -> None:
    asked_for = (paths.inbox, paths.stop, paths.run / "stop")
    before = [_changed_at(path) for path in asked_for]
    until = time.monotonic() + LIVE_EVERY_S
    while time.monotonic() < until and [_changed_at(path) for path in asked_for] == before:
        time.sleep(1)


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0  # not there


def _text(found: dict[str, Any]) -> str:
    share = 100 * found["energy_kwh"] / found["permitted_kwh"] if found["permitted_kwh"] else 0
    kwh = [f"{found[name]:.0f}" if found["permitted_kwh"] >= 100 else f"{found[name]:.1f}"
           for name in ("energy_kwh", "permitted_kwh")]  # fmt: skip
    lines = [
        f"{found['ticks']} ticks in {found['wall_s']} s, the longest {found['longest_tick_s']} s of plant time",
        f"{kwh[0]} kWh of {kwh[1]} permitted ({share:.1f} %)",
        f"{len(found['violations'])} guard violations",
    ]
    lines += [_economy(found)] if "cost_p" in found else []
    lines += [_curtailed(one) for one in found["events"]]
    return "\n".join(lines)


def _economy(found: dict[str, Any]) -> str:
    """What power cost, and the hours in each band."""
    pounds = [f"{found[name] / 100:.2f}" for name in ("cost_p", "always_on_cost_p")]
    hours = ", ".join(f"{name} {spent:.1f} h" for name, spent in found["hours_in_band"].items())
    saved = f"{found['saved_pct']:.0f} % saved, " if found["saved_pct"] is not None else ""
    return f"power for {pounds[0]}, always on {pounds[1]}: {saved}{found['band_changes']} changes of band ({hours})"


def _curtailed(one: dict[str, Any]) -> str:
    """One curtailment in a line; what was never proven is not called curtailed."""
    after = "the signal" if one["cause"] == "signal" else "it was asked for"
    before = one["power_before_w"] / 1000
    load = f"{before:.0f} kW" if before >= 100 else f"{before:.1f} kW"
    if one["shed_100_s"] is None:
        head = f"not proven down after {after}: {load} before"
    else:
        kw = (one["power_confirmed_w"] or 0) / 1000
        head = f"curtailed in {one['shed_100_s']} s after {after}: {load} -> {kw:.1f} kW"
    told = f"; EMERGENCY {one['emergency']}" if one["emergency"] else ""
    return f"{head}, {one['gentle']} gently, {one['hard']} at the outlet{told}"
