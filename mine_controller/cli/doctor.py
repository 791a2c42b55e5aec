"""`minectl doctor`: everything a site needs to run, each with its remedy."""

import sys
import time
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, safe
from mine_controller.cli.session import config_path

if TYPE_CHECKING:
    from mine_controller.ops.checks.check import Check
    from mine_controller.wire.door import Wire

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(
    epilog="""\b
Examples:
  minectl doctor                one line a check: ok, warn or fail, with what helps
  minectl doctor --live-probe   ask every device now, also those that answered in the last tick
  minectl doctor --live         and send a test by every channel
  minectl doctor --json

\b
Exit: 0 nothing failed (warnings may stand) · 1 something failed"""
)
@config_option
@click.option("--live-probe", "ask_now", is_flag=True, help="Ask every device now; nothing is switched.")
@click.option("--live", "send", is_flag=True, help="The same, and send a test message by every channel.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, ask_now: bool, send: bool, as_json: bool) -> None:
    """Check config, rights, clock, disk, devices, page; each with its remedy."""
    from mine_controller.ops.doctor import examine  # noqa: PLC0415 - imported by the command that uses it

    now_s, ask_now = int(time.time()), ask_now or send
    path = config_path(config)
    checks = examine(path, now_s=now_s, wire_for=partial(_wire, path), ask_now=ask_now, send=send, say=_progress)
    _progress("")
    failed = sum(check.verdict == "fail" for check in checks)
    warned = sum(check.verdict == "warn" for check in checks)
    if as_json:
        click.echo(json_text({"ok": not failed, "checks": [check._asdict() for check in checks]}))
    else:
        for check in checks:
            _tell(check)
        click.echo(f"{len(checks)} checks: {failed} failed, {warned} to look at")
    sys.exit(1 if failed else 0)


def _wire(path: Path, section: str, until: float) -> "Wire":
    from mine_controller.ports.live import live_wire  # noqa: PLC0415 - imported by the step that uses it

    return live_wire(section, until, _collect(path))


@cache
def _collect(path: Path) -> Path:
    """Where collect.db lies: known once `examine` has found the config good."""
    from mine_controller.config.lastgood import load_or_last_good  # noqa: PLC0415 - imported by the step that uses it

    return load_or_last_good(path).paths.collect


def _tell(check: "Check") -> None:
    verdict = click.style(f"{check.verdict:4}", fg=COLOURS[check.verdict])
    click.echo(f"{verdict}  {safe(f'{check.name}: {check.text}')}")
    if check.remedy:
        click.echo(f"      -> {safe(check.remedy)}")


def _progress(what: str) -> None:
    """On a terminal, which step is being taken; it goes away before the first line is printed."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{what + ' ...' if what else ''}")
        sys.stderr.flush()
