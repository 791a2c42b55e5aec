"""`minectl clear-state`: an override ends."""

from pathlib import Path

import click

from mine_controller.cli.asking import EXITS, asking_options, put
from mine_controller.cli.options import config_option
from mine_controller.cli.session import fail, load_config


@click.command(
    epilog=f"""\b
Examples:
  minectl clear-state signal    end the override of the power signal
  minectl clear-state --all     end every override

\b
`minectl status` lists what is in force.

\b
{EXITS}"""
)
@config_option
@click.argument("key", required=False)
@click.option("--all", "everything", is_flag=True, help="Every override.")
@click.option("--reason", default="", help="Why; stands in the audit log.")
@asking_options
def command(config: Path | None, key: str | None, everything: bool, reason: str, no_tick: bool, as_json: bool) -> None:
    """End the override of KEY, or all of them."""
    from mine_controller.ops.replies import Wanted  # noqa: PLC0415 - imported by the command that uses it

    if everything == (key is not None):
        fail("name one key, or --all; `minectl status` lists what is in force", 2)
    put(
        load_config(config, last_good=True),
        [Wanted("clear-state", (key or "--all",), reason)],
        no_tick=no_tick,
        as_json=as_json,
    )
