"""`minectl probe`: one device, asked now."""

import sys
import time
from pathlib import Path

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import safe
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config, Endpoint

ASK_S = 20.0


@click.command(
    epilog="""\b
Examples:
  minectl probe "roomalert intake"        what is asked, how long it takes, what is read
  minectl probe intake --json             the name alone will do where only one section has it

\b
Nothing is switched. Exit: 0 read · 1 not read · 2 config, or no such section"""
)
@config_option
@click.argument("section", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, section: tuple[str, ...], as_json: bool) -> None:
    """Ask one device and show what is read."""
    from mine_controller.ops.probe import probe  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ports.live import live_wire  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    endpoint = endpoint_named(loaded, " ".join(section))
    report = probe(endpoint, live_wire(endpoint.section, time.monotonic() + ASK_S, loaded.paths.collect))
    click.echo(report.json() if as_json else "\n".join(safe(line) for line in report.text().splitlines()))
    sys.exit(1 if report.why else 0)


def endpoint_named(config: Config, words: str) -> Endpoint:
    """The section people mean: "roomalert intake", or just "intake"."""
    from mine_controller.config.lines import nearest  # noqa: PLC0415 - imported by the command that uses it

    found = config.endpoints.get(words)
    named = [one for one in config.endpoints.values() if words in (one.name, one.kind)]
    if found is None and len(named) != 1:
        waiting = next((note.text for note in config.notes if note.section == words and "fill in" in note.text), "")
        if waiting:
            fail(f"[{words}] is {waiting} (`minectl config edit`)", 2)
        many = f"; several are called so: {', '.join(one.section for one in named)}" if named else ""
        fail(f"no active section is called {words!r}{many or nearest(words, config.endpoints)}", 2)
    return found or named[0]
