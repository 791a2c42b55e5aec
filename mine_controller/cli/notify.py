"""`minectl notify`: does what is told arrive?"""

import time
from pathlib import Path
from typing import Any

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, table
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config

SEND_S = 15.0


@click.group(
    epilog="""\b
Examples:
  minectl notify test             a test message by every channel
  minectl notify test telegram    by one

\b
Exit: 0 every channel took it · 1 one did not, or there is none · 2 config"""
)
@config_option
@click.pass_context
def command(context: click.Context, config: Path | None) -> None:
    """The ways to the owner."""
    context.obj = config


@command.command(
    epilog="""\b
Examples:
  minectl notify test             a test message by every channel
  minectl notify test telegram    by one

\b
Exit: 0 every one took it · 1 one did not; its reason stands beside it · 2 config"""
)
@click.argument("channel", nargs=-1)
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def test(context: click.Context, channel: tuple[str, ...], config: Path | None, as_json: bool) -> None:
    """Send a test message by every channel, or by one."""
    loaded = load_config(config or context.obj)
    rows = _tried(loaded, _chosen(loaded, " ".join(channel)))
    _keep(loaded, rows)
    if as_json:
        click.echo(json_text(rows))
    else:
        click.echo(table(("channel", "result"), [(row["channel"], row["text"]) for row in rows]))
    if not all(row["ok"] for row in rows):
        raise SystemExit(1)


def _keep(config: Config, rows: list[dict[str, Any]]) -> None:
    """A channel that was told dead and takes the test is so no longer."""
    from mine_controller.ports.channels import note_tried  # noqa: PLC0415 - imported by the command that uses it

    note_tried(config.paths.run, [row["channel"] for row in rows if row["ok"]], int(time.time()))


def _chosen(config: Config, name: str) -> dict[str, Any]:
    from mine_controller.notify.post import senders  # noqa: PLC0415 - imported by the command that uses it

    ways = senders(config.channels)
    chosen = {title: options for title, options in ways.items() if not name or name in (title, title.partition(" ")[0])}
    if not ways:
        fail("no channel is configured: `minectl config sample telegram` shows one; also email, sms, discord, deadman")
    if not chosen:
        fail(f"no active section is called {name}; there are {', '.join(ways)}")
    return chosen


def _tried(config: Config, chosen: dict[str, Any]) -> list[dict[str, Any]]:
    from importlib import import_module  # noqa: PLC0415 - imported by the command that uses it

    from mine_controller.notify.post import Call, post  # noqa: PLC0415 - the same
    from mine_controller.notify.words import trial, write  # noqa: PLC0415 - the same
    from mine_controller.ports.tell import place  # noqa: PLC0415 - the same

    calls, remarks = [], {}
    for title, options in chosen.items():
        channel: Any = import_module(f"mine_controller.notify.{title.partition(' ')[0]}")
        written = write(channel, trial(place(config), shadow=not config.site.live), place(config))
        calls.append(Call(title, channel, options, written.message))
        remarks[title] = f"; plain text, because {written.trouble}" if written.trouble else ""
    out = []
    for title, sent in post(calls, time.monotonic() + SEND_S).items():
        text = ("told" if sent.ok else "not told") + (f": {sent.why}" if sent.why else "") + remarks[title]
        out.append({"channel": title, "ok": sent.ok, "text": text})
    return out
