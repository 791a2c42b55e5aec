"""`minectl init`: a folder to run a mine in."""

import sys
from pathlib import Path

import click

from mine_controller.config.sites import InitError, init


@click.command(
    name="init",
    epilog="""\b
Examples:
  minectl init --site coop-container mysite

\b
Exit: 0 made · 2 no such site, or a folder that is not empty""",
)
@click.option("--site", default="coop-container", show_default=True, help="Which template: see sites/.")
@click.option("--force", is_flag=True, help="Also into a folder that is not empty; no file in it is written over.")
@click.argument("folder", type=click.Path(path_type=Path))
def command(site: str, folder: Path, force: bool) -> None:
    """Make FOLDER with config.txt, fleet.csv and www/ for a site."""
    try:
        made = init(site, folder, force=force)
    except InitError as error:
        click.echo(f"{error}.", err=True)
        sys.exit(2)
    for path in made:
        click.echo(path)
    click.echo(f"Now fill in what is CHANGE-ME: `minectl config --config {folder / 'config.txt'} edit`.", err=True)
