"""The command line: one file a command, imported only when called."""

import errno
import importlib
import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from mine_controller import __version__
from mine_controller.cli.session import Ended, fail, user_name

# command -> (module, one line of help). The help stands here so that `minectl --help` imports nothing else.
COMMANDS: dict[str, tuple[str, str]] = {
    "tick": ("tick", "Read everything, decide once, act, prove, write it down."),
    "status": ("status", "What the mine does now, and why."),
    "watch": ("watch", "The screen of `status`, kept in view and drawn again as the mine moves."),
    "explain": ("explain", "Every reason behind the last (or another) tick's decision."),
    "history": ("history", "The plain rows of mine_states."),
    "events": ("events", "What happened, filtered by kind, time, actor."),
    "alarms": ("alarms", "Open alarms."),
    "set-state": ("set_state", "Override an input or an output for a time, with a reason."),
    "clear-state": ("clear_state", "End an override, or all of them."),
    "emergency-stop": ("emergency_stop", "Everything off, at outlets where there are any, now, until resumed."),
    "resume": ("resume", "End an emergency stop or a latched alarm."),
    "release": ("release", "Let a miner out of quarantine."),
    "fans": ("fans", "List fans; hold one or several on or off; back to automatic."),
    "miners": ("miners", "List miners; stop, start, restart, tune one or many; change the list."),
    "profiles": ("profiles", "Tuning presets: save one from a miner, put it on others."),
    "bands": ("bands", "Price bands: list them, change one, back to the usual five."),
    "prices": ("prices", "Published prices with their bands, and what changes next."),
    "pools": ("pools", "The pools, who works there, and how they are."),
    "schedule": ("schedule", "Time windows, which of them hold, and band changes to come."),
    "discover": ("discover", "Search networks for miners, and list the new ones."),
    "notify": ("notify", "Send a test message by the configured channels."),
    "config": ("config", "Check, show, change, import the configuration."),
    "init": ("init", "Write a fresh site folder."),
    "demo": ("demo", "A simulated day, then live ticks on the twin, with the page served."),
    "health": ("health", "One line and an exit code for monitoring: 0 good, 1 warning, 2 critical, 3 unknown."),
    "doctor": ("doctor", "Check config, rights, clock, disk, devices, page; each with its remedy."),
    "probe": ("probe", "Ask one device and show what is read."),
    "record": ("record", "Store one device's raw replies as a test case, redacted."),
    "audit-ticks": ("audit_ticks", "Check recorded ticks against the guard invariants."),
    "replay": ("replay", "Decide recorded ticks again; all must come out the same."),
    "backtest": ("backtest", "Try another config on the twin under the recorded outside."),
    "backup": ("backup", "A whole copy of the database now, verified; or the list of copies."),
    "restore": ("restore", "Put a copy in force; --drill tries it and changes nothing."),
    "prune": ("prune", "Take out what is past its time."),
    "export": ("export", "Rows of the history as CSV, JSON or one object a line."),
    "bundle": ("bundle", "One file for whoever looks into a trouble, without secrets."),
    "reset": ("reset", "Set the whole history aside and begin a new one."),
    "collect": ("collect", "Hear what sensors and boards push, a process of its own."),
    "dummy-pool": ("dummy_pool", "The local holding pool, a process of its own."),
    "serve": ("serve", "The HTTP service: status, requests with a token, documentation at /docs."),
    "tokens": ("tokens", "Who may ask the service for something: add, list, revoke."),
    "drill": ("drill", "Try on the site itself: curtail, fan, page, restore."),
    "report": ("report", "What a site has to show: events, costs, wear."),
}

READ_NO_MORE, INTERRUPTED = 141, 130
_FOREIGN = re.compile("[\udc80-\udcff]")  # how Python has the bytes of a word typed that are no UTF-8
SHOWN = 40  # letters of such a word in a sentence
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
BAD_DISK = (*NO_ROOM, errno.EROFS, errno.EIO)  # what a disk says of a file that can't be opened or written


class Lazy(click.Group):
    """A group that imports a command's file when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mine_controller.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """The command, and how it ends. Colours go to a terminal that has them, and to nobody who wants none."""
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            ctx.color = False
        try:
            return super().invoke(ctx)
        except PermissionError as error:
            if error.filename is None:
                raise
            fail(f"{error.filename}: {error.strerror}; it is closed to the user {user_name(os.getuid())}")
        except UnicodeEncodeError as error:
            if not _FOREIGN.search(error.object):
                raise
            fail(f"{error.object[:SHOWN]!r} has a letter that is not UTF-8; set the terminal to UTF-8", 2)
        except (KeyboardInterrupt, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
                fail(f"{Path(str(error.filename)).name[:SHOWN]}...: {error.strerror}")
            if isinstance(error, OSError) and error.errno in BAD_DISK and error.filename is not None:
                fail(f"{error.filename}: {error.strerror}; `minectl doctor` tells what helps")
            ctx.exit(ended_by(error))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list for --help, without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  minectl init --site coop-container mysite    a folder for one site
  minectl config check                         everything that is wrong, at once
  minectl tick --dry-run                       what a tick would do; nothing is sent
  minectl status                               what the mine does now, and why

\b
Every command has --help with examples. Config: --config, $MINECTL_CONFIG, ./config.txt, /etc/minectl.""",
)
@click.version_option(__version__, prog_name="minectl")
def group() -> None:
    """Run a Bitcoin mine that nobody is standing next to."""


def ended_by(error: KeyboardInterrupt | OSError) -> int:
    """The exit code when nobody reads on (141), at Ctrl-C (130), and when the screen is a full disk (1), told.

    Whatever else it is, is raised again.
    """
    if isinstance(error, BrokenPipeError):
        _read_no_more()
        return READ_NO_MORE
    if isinstance(error, KeyboardInterrupt):
        click.echo("\nminectl: ended by Ctrl-C", err=True)
        return INTERRUPTED
    if error.errno not in NO_ROOM or error.filename is not None:
        raise error
    _read_no_more()
    click.echo(f"minectl: what was to be shown can't be written: {error.strerror}", err=True)
    return 1


def _read_no_more() -> None:
    """Standard output leads nowhere from now on, so that what is still in its buffer troubles nobody at the end."""
    with suppress(OSError, ValueError):  # a test's screen is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    signal.signal(signal.SIGHUP, lambda *_: None)  # the shell and the kernel both tell that a line is lost
    raise Ended(number)


def main() -> None:
    """Entry point. A pipe closed by its reader ends a command with 141, as the shell counts it; Ctrl-C with 130.

    `kill`, `timeout` and a lost line first let it put right what it has begun: a half-written file, the terminal, its
    processes. Who is not to hear of them (nohup) does not.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    try:
        group(prog_name="minectl")
    except Ended as ended:
        signal.signal(ended.args[0], signal.SIG_DFL)
        signal.raise_signal(ended.args[0])
