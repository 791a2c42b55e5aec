"""`minectl record`: one device's answers, stored as a test case."""

import time
from pathlib import Path

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.probe import ASK_S, endpoint_named
from mine_controller.cli.session import fail, load_config, place_for


@click.command(
    epilog="""\b
Examples:
  minectl record "roomalert intake"               into ./roomalert-intake, or beside the database where
                                                  its user may not write here (sudo minectl)
  minectl record "foreman mine" --to /tmp/case

\b
Secrets are taken out; look into the files all the same before you send them to somebody.
Nothing is switched. Exit: 0 stored · 1 no answer, or the folder can't be written
· 2 config, or no such section"""
)
@config_option
@click.argument("section", nargs=-1, required=True)
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="The folder of the case.")
def command(config: Path | None, section: tuple[str, ...], folder: Path | None) -> None:
    """Store one device's raw replies as a test case, redacted."""
    from mine_controller.ops.record import record  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ports.live import live_wire  # noqa: PLC0415 - the same
    from mine_controller.wire.door import WireError  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    endpoint = endpoint_named(loaded, " ".join(section))
    target = folder or place_for(endpoint.section.replace(" ", "-").replace("/", "-"), loaded.paths)
    if target.exists() and any(target.iterdir()):
        fail(f"{target} is not empty; give another folder with --to")
    try:
        files = record(endpoint, live_wire(endpoint.section, time.monotonic() + ASK_S, loaded.paths.collect), target)
    except WireError as error:
        fail(f'no answer: {error.why}; `minectl probe "{endpoint.section}"` asks it again')
    except OSError as error:
        fail(f"{target} can't be written: {error.strerror}")
    for file in files:
        click.echo(file)
