"""`minectl dummy-pool`: the local holding pool, a process of its own (a systemd unit starts it)."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.session import fail, load_config

if TYPE_CHECKING:
    from mine_controller.config.model import Config
    from mine_controller.stratum.server import Place, Pool

KIND = "dummy_pool"


@click.command(
    epilog="""\b
Examples:
  minectl dummy-pool                       as [dummy_pool NAME] in config.txt says
  minectl dummy-pool --host 10.0.1.5       without a section
  systemctl enable --now minectl-dummy-pool

\b
Shares found here earn nothing and burn power: it is for short outages and for containers that must stay warm.
Miners get it as their last pool; the tick opens it while every uplink is down and closes it afterwards.
kill -USR1 sends every miner home once. Exit: 0 ended · 1 an address can't be had · 2 config"""
)
@config_option
@click.option("--host", help="Address on the miners' LAN to listen on; nowhere else.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port for the miners.")
@click.option("--control-port", type=click.IntRange(0, 65_535), help="Port on loopback for the tick.")
@click.option("--open/--closed", "is_open", default=None, help="Take miners from the start, or once the tick says so.")
def command(
    config: Path | None, host: str | None, port: int | None, control_port: int | None, is_open: bool | None
) -> None:
    """Keep miners connected while the internet is gone."""
    import asyncio  # noqa: PLC0415 - the one command that needs an event loop

    from mine_controller.stratum.server import serve  # noqa: PLC0415

    place = _place(None if host and config is None else load_config(config, last_good=True), host)
    place = place._replace(
        port=place.port if port is None else port,
        control_port=place.control_port if control_port is None else control_port,
        open=place.open if is_open is None else is_open,
    )
    try:
        asyncio.run(serve(place, _started))
    except OSError as error:
        fail(f"can't listen on {place.host}:{place.port} (control {place.control_port}): {error.strerror or error}")
    sys.exit(0)


def _place(config: "Config | None", host: str | None) -> "Place":
    from mine_controller.stratum.server import Place  # noqa: PLC0415

    sections = [] if config is None else [one for one in config.endpoints.values() if one.kind == KIND]
    if len(sections) > 1:
        fail("config.txt has more than one [dummy_pool NAME]: one machine runs one", 2)
    if not sections:
        if not host:
            fail("there is no [dummy_pool NAME] in config.txt: write one, or give --host", 2)
        return Place(host)
    options = sections[0].options
    status = None if config is None else config.paths.run / "dummy-pool.json"
    hashrate_hs = options.miner_ths * 1e12
    return Place(
        host or options.host,
        options.port,
        options.control_port,
        options.most,
        hashrate_hs,
        status,
        options.start_open,
    )


def _started(pool: "Pool") -> None:
    state = "open" if pool.open else "closed until the tick opens it"
    click.echo(
        f"holding pool on {pool.place.host}:{pool.port}, control on 127.0.0.1:{pool.control_port}, "
        f"room for {pool.most} miners, {state}"
    )
