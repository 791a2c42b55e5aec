"""`minectl set-state`: an input or an output by a person's word, for a time, with a reason."""

import time
from pathlib import Path

import click

from mine_controller.cli.asking import EXITS, asking_options, duration, put, until
from mine_controller.cli.options import config_option
from mine_controller.cli.session import fail, load_config


@click.command(
    context_settings={"ignore_unknown_options": True},  # set-state ambient_c -12
    epilog=f"""\b
Examples:
  minectl set-state signal off --for 30m --reason "drill with the co-op"
  minectl set-state signal run --stand-in --site "Coop container" --for 2h --reason "phoned: page is down"
  minectl set-state inlet_c 39 --for 10m --reason "do the sirens work?"
  minectl set-state fan.3 off --for 1h --reason "belt is being changed"
  minectl set-state miner.a017 stop --for 4h --reason "hums"
  minectl set-state max_power_kw 400 --for 3h --reason "transformer works"
  minectl set-state strategy off --reason "on holiday"

\b
Inputs (a value, or `unknown`): signal run|off, inlet_c outlet_c ambient_c humidity_pct grid_hz voltage_v
supply_kw battery_soc_pct generator_load_pct site_power_w price_p_kwh, smoke water door mains ok|alarm,
uplink.NAME up|down, reading.SECTION.CHANNEL. Outputs: fan.N on|off, fans N, miner.ID run|stop,
miners run|stop, max_power_kw N. On a live site these can only make things stricter, and end after 4 h.

\b
Wishes, which hold until cleared or as long as --for says: strategy on|off, band NAME|off, away yes|no,
mode.ID WORD, pool.ID NAME (a miner, or a group like "bitaxe shelf").

\b
{EXITS}""",
)
@config_option
@click.argument("key")
@click.argument("value")
@click.option("--for", "for_s", callback=duration, metavar="TIME", help="How long: 30m, 2h (live: 4 h at most).")
@click.option("--reason", required=True, help="Why; stands in the audit log and in the banner.")
@click.option("--stand-in", is_flag=True, help="For `signal`: counts only while the real one can't be read.")
@click.option("--accept-penalty", is_flag=True, help="For `signal run`: against the utility's own word.")
@click.option("--site", metavar="NAME", help="The site's name, typed, for --stand-in and --accept-penalty.")
@asking_options
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    config: Path | None,
    key: str,
    value: str,
    for_s: int,
    reason: str,
    stand_in: bool,
    accept_penalty: bool,
    site: str | None,
    no_tick: bool,
    as_json: bool,
) -> None:
    """Override KEY with VALUE for a time, with a reason."""
    from mine_controller.core.overrides import Refused  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.replies import Wanted, cautions, precheck  # noqa: PLC0415 - the same

    loaded = load_config(config, last_good=True)
    flags = tuple(
        flag
        for flag, given in (("stand-in", stand_in), ("accept-penalty", accept_penalty), (f"site={site}", site))
        if given
    )
    wanted = Wanted("set-state", (key, value), reason.strip(), until(for_s), flags)
    now_s = int(time.time())
    try:
        precheck(loaded, wanted, now_s)
    except Refused as refused:
        fail(str(refused))
    for caution in cautions(loaded, wanted, now_s):
        click.echo(f"Note: {caution}.", err=True)
    put(loaded, [wanted], no_tick=no_tick, as_json=as_json)
