"""`minectl pools`: the pools of the site, who works there, and how they are."""

from pathlib import Path

import click

from mine_controller.cli.listing import tell_age
from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, table
from mine_controller.cli.session import fail, load_config

COLUMNS = ("pool", "coin", "address", "fallback", "state", "miners", "hashing", "accepted", "last share", "why")


@click.command(
    epilog="""\b
Examples:
  minectl pools
  minectl pools --json
  minectl miners pool reserve --all      keep miners on another one

\b
Users and passwords are never shown. Exit: 0 shown · 1 the database can't be read · 2 config"""
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, as_json: bool) -> None:
    """Every [pool] section: where it is, which miners work there, and its health."""
    from mine_controller.core.wording.words import show_seconds  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.pools import rows  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    try:
        found = rows(loaded)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if as_json:
        click.echo(json_text(found))
        return
    if not found:
        click.echo("This site has no [pool NAME] section that takes part; `minectl config check` names who does not.")
        return
    told = []
    for one in found:
        accept, age_s = one["accept_pct"], one["share_age_s"]
        told.append((one["name"], one["coin"] or None, one["address"], one["fallback"] or None, one["state"],
                     one["miners"], one["connected"], None if accept is None else f"{accept:.1f} %",
                     None if age_s is None else f"{show_seconds(age_s)} ago", one["why"]))  # fmt: skip
    click.echo(table(COLUMNS, told))
    tell_age(loaded)
