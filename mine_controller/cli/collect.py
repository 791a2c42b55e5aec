"""`minectl collect`: hears what is pushed to this machine, a process of its own (a systemd unit starts it)."""

import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.session import config_path, fail

if TYPE_CHECKING:
    from mine_controller.collect.orders import Orders
    from mine_controller.collect.process import Marked
    from mine_controller.config.model import Config
    from mine_controller.wire.collected import Hear

BUSY = 75


@click.command(
    epilog="""\b
Examples:
  minectl collect                        in the foreground; Ctrl-C ends it
  systemctl enable --now minectl-collect
  minectl probe "mqtt supply"            what the tick gets of it

\b
Needed for sections whose values are pushed: [mqtt NAME] with through = collect,
[nmminer NAME] with source = udp; and for [homeassistant] with commands.
It commands no device: what is asked for becomes a request that the next tick judges.
The tick notices within a minute when it does not run.
A changed config.txt, or file of a secret, is taken over by itself; a broken one is told once and the
last good one kept.
Exit: 0 ended, or no section needs it · 1 its folder can't be written · 2 config
· 70 fault · 75 another one runs"""
)
@config_option
def command(config: Path | None) -> None:
    """Hear what sensors and boards push, for the tick to read."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    path = config_path(config)
    found = _first(path)
    from mine_controller.store.lock import Busy, TickLock  # noqa: PLC0415 - imported by the command that uses it

    lock = found.paths.collect.with_name("collect.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with TickLock(lock):
            code = _collect(path, found, ended)
    except Busy as error:
        fail(f"another collect runs: {error}", BUSY)
    except OSError as error:
        fail(f"{lock.parent} can't be written: {error.strerror or error}")
    sys.exit(code)


def _first(path: Path) -> "Config":
    """The config, or else the last good one; with neither, one sentence and exit 2."""
    from mine_controller.config.lastgood import load_or_last_good  # noqa: PLC0415
    from mine_controller.config.model import ConfigError  # noqa: PLC0415

    try:
        found = load_or_last_good(path)
    except ConfigError as error:
        first, many = max(error.problems, key=lambda one: one.line > 0), len(error.problems)
        line = f"line {first.line}" if first.line else ""
        where = " ".join(part for part in (line, first.section, first.option, first.text) if part)
        fail(f"{path} is broken ({where}; {many} in all): `minectl config check` tells everything", 2)
    if found.last_good:
        click.echo(f"{path} is broken; collecting by the last good one", err=True)
    return found


def _collect(path: Path, config: "Config", ended: threading.Event) -> int:
    """Collect, with each new config anew; the exit code."""
    from mine_controller.collect import process  # noqa: PLC0415
    from mine_controller.config.lastgood import secret_files  # noqa: PLC0415

    while True:
        hears, orders = hears_of(config), orders_of(config)
        if not hears and not orders:
            click.echo("no section of config.txt is pushed: nothing to collect")
            return 0
        click.echo(f"collecting for {', '.join(f'[{section}]' for section in (*hears, *orders))}")
        stirred = process.Marked(config.paths.config, config.paths.fleet, *secret_files(config))
        try:
            is_new = partial(_is_new, path, stirred, mended=config.last_good)
            over = process.run(hears, config.paths.collect, ended, is_new, click.echo, orders=orders)
        except OSError as error:
            fail(f"{config.paths.collect.parent} can't be written: {error.strerror or error}")
        if over != process.CHANGED:
            return 0 if over == process.ENDED else 70
        config = _first(path)


def _is_new(path: Path, stirred: "Marked", *, mended: bool = False) -> bool:
    """Whether the config changed into another good one.

    `mended`: what runs is the last good one, and it may be a secret's file that is there again, config.txt no other.
    """
    changed = stirred()
    if not (changed or mended):
        return False
    from mine_controller.config.load import load  # noqa: PLC0415
    from mine_controller.config.model import ConfigError  # noqa: PLC0415

    try:
        load(path)
    except ConfigError as error:
        if changed:
            click.echo(
                f"{path} was changed and is broken ({len(error.problems)} problems): going on as before", err=True
            )
        return False
    return True


def orders_of(config: "Config") -> dict[str, "Orders"]:
    """Whose commands are taken, by what the owner lets each section ask for."""
    from mine_controller.collect.orders import Judged, Orders  # noqa: PLC0415
    from mine_controller.ops.homeassistant import Desk, desks  # noqa: PLC0415

    def orders(desk: Desk) -> Orders:
        def judge(topic: str, payload: str) -> Judged:
            return Judged(*desk.judge(topic, payload))

        return Orders(desk.broker, desk.topics, desk.place.listening, desk.place.answer, judge)

    return {section: orders(desk) for section, desk in desks(config).items()}


def hears_of(config: "Config") -> dict[str, "Hear"]:
    """What is to be heard for each section, by what its kind says."""
    from mine_controller.devices.ask import kind_named  # noqa: PLC0415

    found = {}
    for section, endpoint in config.endpoints.items():
        pushed = getattr(kind_named(endpoint.kind), "pushed", None)
        hear = pushed(endpoint.options) if pushed is not None else None
        if hear is not None:
            found[section] = hear
    return found
