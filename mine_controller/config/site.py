"""[site]: the facts of the place, and where its files lie."""

import os
from collections.abc import Mapping
from pathlib import Path

from mine_controller.config.model import Paths, Site
from mine_controller.core.model.quantity import ROLES
from mine_controller.core.option import option
from mine_controller.record import NamedTuple

# What a site of this sort can't be without; `require` in [site] replaces it.
REQUIRED: dict[str, tuple[str, ...]] = {
    "coop-container": ("signal", "inlet", "fan_proof", "power"),
    "offgrid-container": ("inlet", "fan_proof", "power"),
    "home-fleet": (),
    "agile-home": (),
}
PROFILES = tuple(REQUIRED)
LOCK = "minectl.lock"  # in the data folder


def word(role: str) -> str:
    """How `require` and the list of absent protections call a role."""
    return ROLES[role].word


REQUIRABLE = (*(word(role) for role in ROLES if role != "stop"), "fan_proof", "site_meter", "outlets", "breakers")


class Options(NamedTuple):
    """Facts of [site]."""

    name: str = option(help="what the site is called in messages", example="My mine")
    profile: str = option("", choices=PROFILES, help="what sort of site it is: sets `require`")
    timezone: str = option("UTC", kind="zone", help="where the mine stands", example="America/Chicago")
    tick_s: int = option(120, unit="s", low=10, high=600, help="how far apart ticks are; the timer must agree")
    tick_minutes: int = option(0, unit="min", low=1, high=10, help="the same in minutes, instead of tick_s")
    power_cap_kw: float = option(0.0, unit="kW", low=0, high=100_000, help="what the site may draw at most; 0 = no cap")
    nominal_hz: float = option(0.0, unit="Hz", low=0, high=62, help="of the grid; 0 = the nearer of 50 and 60")
    nominal_v: float = option(
        0.0, unit="V", low=0, high=36_000, help="what the wired voltage should be; needed where one is", example="230"
    )
    live: bool = option(False, help="no = shadow mode: decides and shows everything, sends nothing")
    require: tuple[str, ...] = option((), choices=REQUIRABLE, help="protections without which the config is refused")
    strategy: str = option("wear", choices=("wear", "efficiency", "mixed"), help="which miners go first and last")
    currency: str = option("USD", help="of the prices; another one renames past sums and converts nothing")
    temperature_unit: str = option("C", choices=("C", "F"), help="for display only; options are in °C")
    log_level: str = option("info", choices=("debug", "info", "warning", "error"), help="how much mine.log tells")
    publish: str = option("full", choices=("full", "public"), help="public leaves addresses and wallets off the page")
    nominal_w: int = option(
        3400,
        unit="W",
        low=1,
        high=20_000,
        help="a miner's power until its section is active, whose own figure counts then",
    )
    standby_w: int = option(25, unit="W", low=0, high=500, help="and what it draws while stopped")
    data_dir: str = option("", kind="path", help="database, lock and backups; default: beside config.txt")
    www_dir: str = option("", kind="path", help="the page; default: www beside config.txt")
    run_dir: str = option("", kind="path", help="small files, on tmpfs; default: $RUNTIME_DIRECTORY or run in data_dir")
    log_file: str = option("", kind="path", help="the log; default: mine.log beside config.txt")


def tick_s(options: Options) -> int:
    """Seconds between ticks, however they were written."""
    return options.tick_minutes * 60 or options.tick_s


def required(options: Options) -> tuple[str, ...]:
    """The protections that must be there."""
    return options.require or REQUIRED.get(options.profile, ())


def site(options: Options) -> Site:
    """What the shell needs of [site]."""
    return Site(
        options.name,
        options.profile,
        options.timezone,
        tick_s(options),
        options.live,
        options.currency,
        options.temperature_unit,
        options.log_level,
        options.publish,
    )


def paths(config: Path, options: Options, environment: Mapping[str, str] = os.environ) -> Paths:
    """Where everything lies; relative paths are meant from the folder of config.txt."""
    folder = config.parent
    data = folder / options.data_dir
    runtime = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    run = folder / (options.run_dir or runtime or data / "run")
    return Paths(
        config=config,
        fleet=folder / "fleet.csv",
        db=data / "mine_data.db",
        inbox=data / "inbox.db",
        lock=data / LOCK,
        stop=data / "stop",
        www=folder / (options.www_dir or "www"),
        log=folder / (options.log_file or "mine.log"),
        run=run,
        backups=data / "backups",
        templates=folder / "templates",
        collect=run / "collect.db",
    )
