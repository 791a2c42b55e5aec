"""`minectl release`: a miner leaves quarantine, after somebody has looked at it."""

from pathlib import Path

import click

from mine_controller.cli.asking import EXITS, asking_options, put
from mine_controller.cli.options import config_option
from mine_controller.cli.session import fail, load_config


@click.command(
    epilog=f"""\b
Examples:
  minectl release a017 --reason "new power supply"
  minectl release --all --reason "the PDU was the cause"

\b
Quarantine keeps a miner off after three failures in a day; `minectl status` and the page name who is in it.

\b
{EXITS}"""
)
@config_option
@click.argument("miner", required=False)
@click.option("--all", "everything", is_flag=True, help="Every miner in quarantine.")
@click.option("--reason", default="", help="Why; stands in the audit log.")
@asking_options
def command(
    config: Path | None, miner: str | None, everything: bool, reason: str, no_tick: bool, as_json: bool
) -> None:
    """Let MINER out of quarantine, or all of them."""
    from mine_controller.ops.replies import Wanted  # noqa: PLC0415 - imported by the command that uses it

    if everything == (miner is not None):
        fail("name one miner, or --all", 2)
    wanted = Wanted("release", (miner or "--all",), reason)
    put(load_config(config, last_good=True), [wanted], no_tick=no_tick, as_json=as_json)
