"""`minectl bundle`: one file for whoever is to look into a trouble, without secrets."""

import json
import sys
import time
from pathlib import Path

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.session import config_path, fail, load_config, place_for


@click.command(
    epilog="""\b
Examples:
  minectl bundle                          the last day, into minectl-TIME.tar.gz here, or beside the
                                          database where its user may not write here (sudo minectl)
  minectl bundle --ticks 5000 -o it.tar.gz
  tar xzf it.tar.gz; cd minectl-*/; minectl explain --db mine_data.db

\b
In it: the config as it counts with stars for secrets, the last ticks' records and policy, events, the end
of the log, doctor's findings, the newest answers that nobody could read (up to 2 MB), versions, checksums.
Hardware and local addresses too. Devices are not asked.
Exit: 0 written · 1 it could not be made · 2 config"""
)
@config_option
@click.option(
    "--ticks", type=click.IntRange(1, 100_000), default=720, show_default=True, help="The last so many ticks."
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
def command(config: Path | None, ticks: int, output: Path | None) -> None:
    """One file for whoever looks into a trouble: records, config, log, doctor; no secrets."""
    from mine_controller.config.replace import replace_file  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.bundle import bundle  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreError, StoreTrouble  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    if not loaded.paths.db.exists():
        fail("there is no database yet; `minectl tick` makes one")
    now_s = int(time.time())
    try:
        made = bundle(loaded, ticks, now_s, _doctor(config_path(config), now_s), _say)
    except (StoreTrouble, StoreError) as trouble:
        fail(f"no bundle was made: {trouble}")
    except OSError as error:
        fail(f"{error.filename or output}: {error.strerror}")
    target = output or place_for(f"{made.name}.tar.gz", loaded.paths)
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(made.body)  # a device or a pipe
        else:
            replace_file(target, made.body, 0o600)  # whole or not at all: one that is cut off is none
    except BrokenPipeError:
        raise  # whoever read it has enough; `main` knows how that ends
    except OSError as error:
        fail(f"{target}: {error.strerror}")
    click.echo(f"{target} ({len(made.body) / 1e6:.1f} MB); no secret of the config is in it, local addresses are")
    if made.samples:
        click.echo(made.samples)


def _say(what: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{what} ...", err=True)


def _doctor(path: Path, now_s: int) -> str:
    """What doctor finds in the machine and the site; no device is asked for a bundle."""
    from mine_controller.ops.doctor import examine  # noqa: PLC0415 - imported by the command that uses it

    checks = examine(path, now_s=now_s, wire_for=None, say=_say)
    return json.dumps([check._asdict() for check in checks], indent=1)
