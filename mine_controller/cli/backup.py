"""`minectl backup`: a whole copy of the database now, opened and looked at; or the list of copies."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, table
from mine_controller.cli.session import fail, load_config

if TYPE_CHECKING:
    from mine_controller.store.putback import Judged


@click.command(
    epilog="""\b
Examples:
  minectl backup                   a whole copy into backups/, verified by opening it
  minectl backup --to /media/usb   and somewhere else
  minectl backup --list            every copy there is, the newest first

\b
Copies hold fleet.csv and profiles.txt too, and config.txt with stars in place of its secrets.
The ticks make copies by themselves: one an hour of what control needs, whole ones by [keep].
Exit: 0 made (or shown) · 1 it could not be made or can't be trusted · 2 config"""
)
@config_option
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Folder for the copy.")
@click.option("--list", "listed", is_flag=True, help="Show the copies; make none.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, folder: Path | None, listed: bool, as_json: bool) -> None:
    """A whole copy of the database now, verified by opening it; or the list of copies."""
    from mine_controller.ops import keep  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreError, StoreTrouble  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    if listed:
        _list(keep.copies(loaded), as_json)
        return
    try:
        with click.progressbar(length=100, label="copying", file=sys.stderr) as bar:
            made = keep.by_hand(
                loaded, folder, int(time.time()), lambda done, total: bar.update(100 * done // max(1, total) - bar.pos)
            )
    except (StoreTrouble, StoreError) as trouble:
        fail(f"no copy was made: {trouble}")
    except (BrokenPipeError, PermissionError):
        raise  # whoever read it has enough, or a file is closed to this user: `main` knows how that ends
    except OSError as error:
        fail(f"no copy was made: {error.filename or loaded.paths.backups}: {error.strerror}")
    if as_json:
        click.echo(json_text(_row(made) | {"rows": dict(made.counts)}))
    else:
        click.echo(
            f"{made.path} ({made.size / 1e6:.1f} MB, {dict(made.counts)['mine_states']} ticks): opened, whole, good"
        )


def _row(one: "Judged") -> dict[str, Any]:
    from mine_controller.store.db import iso  # noqa: PLC0415 - imported by the command that uses it

    return {
        "file": one.path.name,
        "state_of": iso(one.tick_at) if one.tick_at else None,
        "holds": "unusable" if one.why else "history" if one.whole else "control",
        "mb": round((one.size or one.path.stat().st_size) / 1e6, 1),
        "beside": list(one.names),
        "trouble": one.why,
    }


def _list(found: "tuple[Judged, ...]", as_json: bool) -> None:
    rows = [_row(one) for one in found]
    if as_json:
        click.echo(json_text(rows))
    elif rows:
        click.echo(
            table(tuple(rows[0]), [[", ".join(v) if isinstance(v, list) else v for v in row.values()] for row in rows])
        )
    else:
        click.echo("There is no copy yet: the first hour of ticks makes one, `minectl backup` makes one now.")
