"""`minectl drill`: tried on a good day, so that it works on the worst."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mine_controller.cli.options import config_option, seconds, unanswered
from mine_controller.cli.output import json_text, safe, table
from mine_controller.cli.session import Asker, fail, load_config
from mine_controller.config.model import Config

if TYPE_CHECKING:
    from mine_controller.ops.drills.scene import Result, Step, Work

SEND_S = 15.0
ABORTED = 130
ENDS = (signal.SIGTERM, signal.SIGHUP)
MARKS = {True: "ok", False: "NO", None: "  "}
EXITS = "Exit: 0 passed · 1 failed, or not tried · 2 config or usage · 130 ended before its end, all given back"
json_option = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.group(
    epilog=f"""\b
Examples:
  minectl drill curtail      the signal set to off: is the load down in time? (earnings of about 20 min)
  minectl drill fan 3        one fan off and on, proven by its watts
  minectl drill page         a test by every channel, and your ack
  minectl drill restore      does the newest copy work?
  minectl drill list         what came of former ones

\b
Ctrl-C, a lost line or a kill gives back what was set: at once, or when its time is over.
{EXITS}"""
)
@config_option
@click.pass_context
def command(context: click.Context, config: Path | None) -> None:
    """Try on the site itself: curtail, fan, page, restore."""
    context.obj = config


@command.command(
    epilog=f"""\b
Examples:
  minectl drill curtail --site "Coop container"

\b
The whole mine stops and comes back by itself, with the contract's own waiting time.
`minectl report events` has the full report of it afterwards.
{EXITS}"""
)
@click.option("--site", metavar="NAME", help="The site's name, typed; asked for without it.")
@json_option
@config_option
@click.pass_context
def curtail(context: click.Context, site: str | None, as_json: bool, config: Path | None) -> None:
    """Set the signal to off and watch until measurement proves that the load is down."""
    from mine_controller.ops.drills import curtail as drill  # noqa: PLC0415 - imported by the command that uses it

    loaded = load_config(config or context.obj, last_good=True)
    _typed(loaded, site)
    _tried(loaded, "curtail", drill.curtail, as_json=as_json)


def _typed(config: Config, site: str | None) -> None:
    """The site's name, so that nobody stops the wrong mine."""
    if site is None:
        click.echo(safe(f"This stops every miner of {config.site.name}."), err=True)
        with unanswered("nothing was done; --site NAME asks no question"):
            site = click.prompt("Type the site's name to go on", err=True)
    if site.strip() != config.site.name:
        fail(safe(f"{site.strip()!r} is not {config.site.name!r}: nothing was done"))


@command.command(
    epilog=f"""\b
Examples:
  minectl drill fan 3

\b
A fan that the heat or the run-on needs stays on, and the drill says so.
{EXITS}"""
)
@click.argument("name")
@json_option
@config_option
@click.pass_context
def fan(context: click.Context, name: str, as_json: bool, config: Path | None) -> None:
    """One fan off and on, proven by its watts."""
    from mine_controller.ops.drills import fan as drill  # noqa: PLC0415 - imported by the command that uses it

    _tried(load_config(config or context.obj, last_good=True), "fan", drill.fan(name), as_json=as_json)


@command.command(
    epilog=f"""\b
Examples:
  minectl drill page --wait 15m
  minectl drill page --no-ack      only whether the channels take it

\b
{EXITS}"""
)
@click.option("--wait", default="15m", show_default=True, metavar="TIME", help="How long an ack is waited for.")
@click.option("--no-ack", is_flag=True, help="Wait for nobody.")
@json_option
@config_option
@click.pass_context
def page(context: click.Context, wait: str, no_ack: bool, as_json: bool, config: Path | None) -> None:
    """A test by every channel, and somebody's ack."""
    from mine_controller.ops.drills import page as drill  # noqa: PLC0415 - imported by the command that uses it

    wait_s = 0 if no_ack else seconds(wait)
    _tried(load_config(config or context.obj, last_good=True), "page", drill.page(sent, wait_s), as_json=as_json)


def sent(config: Config) -> dict[str, str]:
    """Post one message by every channel that tells people: channel -> "" or why it did not go."""
    from importlib import import_module  # noqa: PLC0415 - imported by the command that uses it

    from mine_controller.notify.post import Call, post, senders  # noqa: PLC0415 - the same
    from mine_controller.notify.words import trial, write  # noqa: PLC0415 - the same
    from mine_controller.ports.tell import place  # noqa: PLC0415 - the same

    text = "this is a drill: `minectl alarms ack drill`, or `/ack drill` in the chat, acks it; nothing has happened"
    told = tuple(one._replace(text=text) for one in trial(place(config), shadow=not config.site.live))
    calls = []
    for title, options in senders(config.channels).items():
        if title.partition(" ")[0] == "deadman":
            continue  # it tells nobody anything
        channel: Any = import_module(f"mine_controller.notify.{title.partition(' ')[0]}")
        calls.append(Call(title, channel, options, write(channel, told, place(config)).message))
    answers = post(calls, time.monotonic() + SEND_S) if calls else {}
    return {title: "" if one.ok else one.why or "not told" for title, one in answers.items()}


@command.command(
    epilog=f"""\b
Examples:
  minectl drill restore
  minectl drill restore day-20260301.db

\b
Nothing of the site is touched. {EXITS}"""
)
@click.argument("copy", default="latest")
@json_option
@config_option
@click.pass_context
def restore(context: click.Context, copy: str, as_json: bool, config: Path | None) -> None:
    """Put a copy back into a folder of its own, open it, count it."""
    from mine_controller.ops.drills import restore as drill  # noqa: PLC0415 - imported by the command that uses it

    _tried(load_config(config or context.obj, last_good=True), "restore", drill.restore(copy), as_json=as_json)


@command.command(name="list", epilog="\b\nExamples:\n  minectl drill list --json")
@json_option
@config_option
@click.pass_context
def list_(context: click.Context, as_json: bool, config: Path | None) -> None:
    """What came of former drills, newest first."""
    from mine_controller.store import query  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same
    from mine_controller.store.events import numbers_of  # noqa: PLC0415 - the same

    loaded = load_config(config or context.obj, last_good=True)
    try:
        found = query.events(loaded.paths, kind="drill", limit=50)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    rows = []
    for row in found:
        told = numbers_of(row.reason)
        rows.append((row.timestamp, told.get("name"), told.get("result"), row.actor, told.get("text")))
    header = ("timestamp", "drill", "result", "actor", "text")
    if as_json:
        click.echo(json_text([dict(zip(header, row, strict=True)) for row in rows]))
    else:
        click.echo(table(header, rows) if rows else "No drill was held yet.")


# -- how one is held ---------------------------------------------------------------------------------------------------


def _tried(config: Config, name: str, work: "Work", *, as_json: bool) -> NoReturn:
    from mine_controller.ops.drills import scene as drill  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    for ends in ENDS:  # a lost line gives back what was set, like Ctrl-C
        signal.signal(ends, _abort)
    scene = drill.Scene(config, Asker(), _Screen(quiet=as_json), pause)
    try:
        result = drill.run(name, scene, work)
    except KeyboardInterrupt:
        fail("ended before its end; what was set is given back", ABORTED)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    _end(result, as_json)


def pause(seconds_: float) -> None:
    """Wait; tests put a clock of their own here."""
    time.sleep(seconds_)


def _abort(number: int, frame: FrameType | None) -> NoReturn:
    """Give back, and hear no further word meanwhile: the shell and the kernel both tell that a line is lost."""
    del number, frame
    for ends in ENDS:
        signal.signal(ends, _once)
    raise KeyboardInterrupt


def _once(number: int, frame: FrameType | None) -> None:
    """It is being done. (Not SIG_IGN: the tick that gives back would inherit it.)"""
    del number, frame


class _Screen:
    """Shows each step. Where none can be shown any more (a closed pipe, a lost line) that ends the drill by an OSError,
    once: what is to be given back and written down then hangs on no reader."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self._is_read = quiet, True

    def __call__(self, step: "Step") -> None:
        """One more step."""
        clock = time.strftime("%H:%M:%S", time.localtime(step.at))
        try:
            click.echo(safe(f"{clock}  {MARKS[step.good]}  {step.text}"), err=self._quiet)
        except OSError:
            if self._is_read:
                self._is_read = False
                raise


def _end(result: "Result", as_json: bool) -> NoReturn:
    if as_json:
        tree = result._asdict() | {"steps": [step._asdict() for step in result.steps], "result": result.word}
        click.echo(json_text(tree))
    else:
        took_s = result.ended_at - result.began_at
        click.echo(f"drill {result.name}: {result.word.upper()} in {took_s} s")
    sys.stdout.flush()
    sys.exit(0 if result.passed else 1)
