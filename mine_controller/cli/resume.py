"""`minectl resume`: an emergency stop or a latched alarm ends."""

from pathlib import Path

import click

from mine_controller.cli.asking import EXITS, asking_options, put
from mine_controller.cli.options import config_option
from mine_controller.cli.session import fail, load_config


@click.command(
    epilog=f"""\b
Examples:
  minectl resume --reason "checked the container, false alarm"

\b
Ends an emergency stop, what smoke, water or heat has latched once its cause is gone, and the wait
of every breaker that tripped. The miners come back step by step, with the fans first.

\b
{EXITS}"""
)
@config_option
@click.option("--reason", default="", help="Why; stands in the audit log.")
@asking_options
def command(config: Path | None, reason: str, no_tick: bool, as_json: bool) -> None:
    """End an emergency stop or a latched alarm."""
    from mine_controller.ops.replies import Wanted  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same
    from mine_controller.store.stop import lower_stop, stop_requested  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    was = stop_requested(loaded.paths)
    if was is None:  # a read-only disk refuses the removal of what is not there as well: it is not tried
        click.echo("No emergency stop is in force; what an alarm has latched is asked to end.", err=as_json)
    else:
        try:
            lower_stop(loaded.paths)
        except StoreTrouble as trouble:
            fail(f"{trouble.text}; the stop still stands")
        click.echo(f"The emergency stop is withdrawn ({was}).", err=as_json)
    put(loaded, [Wanted("resume", (), reason)], no_tick=no_tick, as_json=as_json)
