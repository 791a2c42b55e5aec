"""`minectl profiles`: tuning presets in profiles.txt: save one from a miner, put it on others."""

from pathlib import Path
from typing import Any

import click

from mine_controller.cli.asking import audited
from mine_controller.cli.listing import add_list, show_when_alone
from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, table
from mine_controller.cli.session import fail, load_config
from mine_controller.cli.telling import acting_options, apply_profile, known_miners, those_meant
from mine_controller.config.model import Config

COLUMNS = ("name", "kind", "MHz", "mV", "mode", "fan")


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  minectl profiles                                   what there is
  minectl profiles save quiet --from b01 --fan auto  as b01 runs now
  minectl profiles apply quiet --group "bitaxe shelf" --dry-run
  minectl profiles remove quiet

\b
They stand in profiles.txt beside config.txt, a section each, for people to read and edit.
Exit: 0 done or shown · 1 refused · 2 config or usage · 75 filed, and the next tick takes it""",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(context: click.Context, config: Path | None, as_json: bool) -> None:
    """List tuning presets; save one from a miner, put it on others, remove it."""
    show_when_alone(context, config, _list, as_json=as_json)


def _list(config: Config, *, as_json: bool) -> None:
    from mine_controller.ops.profiles import ProfileError, load, told  # noqa: PLC0415 - imported by the command

    try:
        rows = [told(one) for one in load(_folder(config)).values()]
    except ProfileError as error:
        fail(f"{error}", 2)
    if as_json:
        click.echo(json_text(rows))
    elif rows:
        click.echo(table(COLUMNS, [tuple(row.values()) for row in rows]))
    else:
        click.echo("There is no profile yet; `minectl profiles save NAME --from ID` makes one.")


add_list(command, "profiles", _list, 'Every profile and what it sets; "-" is left as it is.')


def _folder(config: Config) -> Path:
    return config.paths.config.parent


@command.command(
    epilog="""\b
Examples:
  minectl profiles save quiet --from b01
  minectl profiles save quiet --from b01 --fan 40 --replace
  minectl profiles save cool --kind bitaxe --frequency-mhz 450 --core-voltage-mv 1100

\b
Frequency and voltage (or the mode, of a make without them) are taken as the last tick read them.
Exit: 0 saved · 2 config or usage"""
)
@click.argument("name")
@click.option("--from", "source", metavar="ID", help="The miner whose settings are taken.")
@click.option("--kind", default="", help="Without --from: the kind it is for, like bitaxe.")
@click.option("--frequency-mhz", type=int, help="Chip frequency, MHz.")
@click.option("--core-voltage-mv", type=int, help="Core voltage, mV.")
@click.option("--mode", default="", help="A mode of the kind, like eco.")
@click.option("--fan", default="", help="auto or percent.")
@click.option("--replace", is_flag=True, help="Write over a profile of this name.")
@config_option
@click.pass_context
def save(
    context: click.Context,
    /,
    name: str,
    source: str | None,
    kind: str,
    replace: bool,
    config: Path | None,
    **given: Any,
) -> None:
    """Save a profile: as a miner runs now, as given, or both (what is given counts)."""
    from mine_controller.ops.profiles import (  # noqa: PLC0415 - imported by the command that uses it
        ProfileError,
        load,
        of_readings,
        profile,
        told,
        voltage_untold,
    )
    from mine_controller.ops.profiles import save as write  # noqa: PLC0415 - the same

    if (source is None) == (not kind):
        fail("say where it comes from: --from ID, or --kind with the settings", 2)
    loaded = load_config(config or context.obj, last_good=True)
    values = {key: str(value) for key, value in given.items() if value not in (None, "")}
    try:
        if source is not None:
            row = _unit(loaded, source)
            made = of_readings(name, row["group"].partition(" ")[0], row, values)
        else:
            made = profile(name, {"kind": kind, **values})
        before = load(_folder(loaded)).get(name)
        write(_folder(loaded), made, replace=replace)
    except ProfileError as error:
        fail(f"{error}", 2)
    was, settings = "" if before is None else _settings(told(before)), _settings(told(made))
    audited(loaded.paths.config, [(f"profiles.txt {name}", was, settings)])
    click.echo(f"{name} is saved: {settings}")
    if source is not None and voltage_untold(made.kind) and made.core_voltage_mv is None:
        told_volts = f"a {made.kind} tells the voltage that is measured, not the one that is set"
        click.echo(f"Note: {told_volts}: each keeps its own, unless --core-voltage-mv gives one.", err=True)


def _settings(told: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in told.items() if key != "name" and value is not None)


def _unit(config: Config, name: str) -> dict[str, Any]:
    from mine_controller.ops.miners import Filters  # noqa: PLC0415 - imported by the command that uses it

    return those_meant(known_miners(config), Filters((name,)))[0]


@command.command(
    epilog="""\b
Examples:
  minectl profiles apply quiet b01 b02
  minectl profiles apply quiet --group "bitaxe shelf" --dry-run

\b
Each setting is told once, a share of the fleet at a time; the driver keeps to what is safe for the board.
Exit: 0 done · 1 refused · 2 config or usage · 75 filed, and the next tick takes it"""
)
@click.argument("name")
@acting_options
@click.pass_context
def apply(context: click.Context, /, name: str, **options: Any) -> None:
    """Put a profile on miners of its kind."""
    apply_profile(context, name, options)


@command.command(epilog="\b\nExamples:\n  minectl profiles remove quiet")
@click.argument("name")
@config_option
@click.pass_context
def remove(context: click.Context, name: str, config: Path | None) -> None:
    """Take a profile out of profiles.txt; miners keep what they run with."""
    from mine_controller.ops.profiles import ProfileError, told  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.profiles import remove as take_out  # noqa: PLC0415 - the same

    loaded = load_config(config or context.obj, last_good=True)
    try:
        gone = take_out(_folder(loaded), name)
    except ProfileError as error:
        fail(f"{error}", 2)
    audited(loaded.paths.config, [(f"profiles.txt {name}", _settings(told(gone)), "")])
    click.echo(f"{name} is removed.")
