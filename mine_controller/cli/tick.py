"""`minectl tick`: exit 0 done · 2 config · 75 another tick runs · 70 fault."""

from pathlib import Path

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.start import Asked, tick


@click.command(
    epilog="""\b
Examples:
  minectl tick                         what cron runs every two minutes
  minectl tick --dry-run               read, decide, print the plan; change nothing anywhere
  minectl tick --dry-run --all --json  the same, asking every input, as JSON
"""
)
@config_option
@click.option("--dry-run", is_flag=True, help="Read and decide, print the plan with reasons, change nothing.")
@click.option("--all", "everything", is_flag=True, help="With --dry-run: ask every input, not only what is due.")
@click.option("--now", metavar="ISO", help="Pretend this wall time (dry run or shadow only).")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def command(config: Path | None, dry_run: bool, everything: bool, now: str | None, as_json: bool) -> None:
    """Read everything, decide once, act, prove by measurement, write it down."""
    tick(Asked(config, dry_run=dry_run, everything=everything, now=now, as_json=as_json))
