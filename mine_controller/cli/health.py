"""`minectl health`: one line and an exit code for monitoring."""

import sys
import time
from pathlib import Path

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, safe
from mine_controller.cli.session import config_path


@click.command(
    epilog="""\b
Examples:
  minectl health
  MINECTL OK - Coop container: last good tick 34 s ago; RUNNING: 280 of 280 miners run
    | age=34s;240;600 power_w=951600 inlet_c=31.2

\b
Exit: 0 good · 1 warning: the last good tick is older than 2 ticks, or a warning is open
      · 2 critical: older than 5 ticks, EMERGENCY, FAULT, database · 3 unknown: no tick yet, no config"""
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, as_json: bool) -> None:
    """One line and an exit code for monitoring: 0 good, 1 warning, 2 critical, 3 unknown."""
    from mine_controller.config.lastgood import load_or_last_good  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.config.model import ConfigError  # noqa: PLC0415 - the same
    from mine_controller.core.wording.spoken import UNITS, spoken  # noqa: PLC0415 - the same
    from mine_controller.ops.health import UNKNOWN, WORDS, Health, count, health  # noqa: PLC0415 - the same

    path = config_path(config)
    site, shadow, units = str(path), None, UNITS
    try:
        loaded = load_or_last_good(path)
    except ConfigError as error:
        first = error.problems[0]
        where = f"[{first.section}] " if first.section else ""
        found = Health(UNKNOWN, (f"the config can't be used, {count(error.problems)}: {where}{first.text}",))
    else:
        found, units = health(loaded, int(time.time())), loaded.site.units
        site, shadow = loaded.site.name, not loaded.site.live
    if as_json:
        figures = {name: value for name, value in found.figures if value != "U"}
        state = {
            "code": found.code,
            "state": WORDS[found.code],
            "site": site,
            "shadow": shadow,
            "says": list(found.says),
        }
        click.echo(json_text({**state, "figures": figures}))
    else:
        click.echo(safe(spoken(found.line(site), units), 500))
    sys.exit(found.code)
