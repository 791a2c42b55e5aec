"""`minectl fans`: the container fans, as seen and as held by a person."""

import time
from pathlib import Path
from typing import Any

import click

from mine_controller.cli.asking import EXITS, already, asking_options, duration, put, until
from mine_controller.cli.listing import add_list, show_when_alone, tell_age
from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, table
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config

COLUMNS = ("fan", "wanted", "on", "watts", "state", "hours", "held")


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  minectl fans                                    each fan: wanted, on, watts, proven or not, hours
  minectl fans on 3 4 --for 1h                    hold two fans on
  minectl fans off 3 --reason "belt" --for 2h     a fan that heat or the run-on needs stays on
  minectl fans all-on --for 30m
  minectl fans auto                               every fan back to automatic

\b
Exit: 0 done or shown · 1 refused · 2 config or usage · 75 filed, and the next tick takes it""",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(context: click.Context, config: Path | None, as_json: bool) -> None:
    """List fans; hold one or several on or off; back to automatic."""
    show_when_alone(context, config, _list, as_json=as_json)


def _list(config: Config, *, as_json: bool) -> None:
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - imported by the command that uses it

    if not config.policy.wiring.fans:
        none = "This site has no fan in [wiring]; `fan 1 = switch ..., watts ..., normal 1500` there adds one."
        click.echo(json_text([]) if as_json else none)
        return
    try:
        rows = _fans(config)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if as_json:
        click.echo(json_text(rows))
        return
    words = {True: "on", False: "off", None: None}
    shown = [
        (row["fan"], words[row["wanted"]], words[row["on"]], row["watts"], row["state"], row["hours"], row["held"])
        for row in rows
    ]
    click.echo(table(COLUMNS, shown))
    tell_age(config)


add_list(command, "fans", _list, "Each fan: wanted, on, watts, state, hours run.")


def _fans(config: Config) -> list[dict[str, Any]]:
    """Every wired fan as the last tick left it; unknown is None."""
    from mine_controller.ops.status import status  # noqa: PLC0415 - imported by the command that uses it

    document = status(config, int(time.time())) or {"fans": [], "overrides": []}
    seen = {one["name"]: one for one in document["fans"]}
    held = {one["key"]: f"{one['value']} by {one['actor']}" for one in document["overrides"]}
    nothing = {"wanted": None, "on": None, "watts": None, "state": "unknown", "run_s": 0}
    return [
        {"fan": spec.name}
        | {name: seen.get(spec.name, nothing)[name] for name in ("wanted", "on", "watts", "state")}
        | {
            "normal_w": spec.normal_w,
            "hours": round(seen.get(spec.name, nothing)["run_s"] / 3600, 1),
            "held": held.get(f"fan.{spec.name}") or held.get("fans"),
        }
        for spec in config.policy.wiring.fans
    ]


def _hold(config: Config, values: dict[str, str], for_s: int, reason: str, *, no_tick: bool, as_json: bool) -> None:
    """One set-state a fan, taken by one tick."""
    from mine_controller.core.overrides import Refused  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.replies import Wanted, cautions, precheck  # noqa: PLC0415 - the same

    wanted = [Wanted("set-state", pair, reason, until(for_s)) for pair in values.items()]
    now_s = int(time.time())
    try:
        for one in wanted:
            precheck(config, one, now_s)
    except Refused as refused:
        fail(str(refused))
    for caution in dict.fromkeys(caution for one in wanted for caution in cautions(config, one, now_s)):
        click.echo(f"Note: {caution}.", err=True)
    put(config, wanted, no_tick=no_tick, as_json=as_json)


for_option = click.option("--for", "for_s", callback=duration, metavar="TIME", help="How long (live: 4 h at most).")
reason_option = click.option("--reason", default="by hand", show_default=True, help="Why; stands in the audit log.")


@command.command(
    epilog=f"""\b
Examples:
  minectl fans on 3 4 --for 1h
  minectl fans on 9 --reason "smells warm at the end"

\b
{EXITS}"""
)
@click.argument("fan", nargs=-1, required=True)
@config_option
@for_option
@reason_option
@asking_options
@click.pass_context
def on(
    context: click.Context,
    fan: tuple[str, ...],
    config: Path | None,
    for_s: int,
    reason: str,
    no_tick: bool,
    as_json: bool,
) -> None:
    """Hold fans on for a time."""
    loaded = load_config(config or context.obj, last_good=True)
    _hold(loaded, {f"fan.{name}": "on" for name in fan}, for_s, reason, no_tick=no_tick, as_json=as_json)


@command.command(
    epilog=f"""\b
Examples:
  minectl fans off 3 --for 2h --reason "belt"

\b
{EXITS}"""
)
@click.argument("fan", nargs=-1, required=True)
@config_option
@for_option
@reason_option
@asking_options
@click.pass_context
def off(
    context: click.Context,
    fan: tuple[str, ...],
    config: Path | None,
    for_s: int,
    reason: str,
    no_tick: bool,
    as_json: bool,
) -> None:
    """Hold fans off, as far as heat, run-on and proof allow."""
    loaded = load_config(config or context.obj, last_good=True)
    _hold(loaded, {f"fan.{name}": "off" for name in fan}, for_s, reason, no_tick=no_tick, as_json=as_json)


@command.command(
    name="all-on",
    epilog=f"""\b
Examples:
  minectl fans all-on --for 30m

\b
{EXITS}""",
)
@config_option
@for_option
@reason_option
@asking_options
@click.pass_context
def all_on(context: click.Context, config: Path | None, for_s: int, reason: str, no_tick: bool, as_json: bool) -> None:
    """Every fan on."""
    loaded = load_config(config or context.obj, last_good=True)
    count = len(loaded.policy.wiring.fans)
    _hold(loaded, {"fans": str(count)}, for_s, reason, no_tick=no_tick, as_json=as_json)


@command.command(
    epilog=f"""\b
Examples:
  minectl fans auto       every fan
  minectl fans auto 3     one of them

\b
{EXITS}"""
)
@click.argument("fan", nargs=-1)
@config_option
@reason_option
@asking_options
@click.pass_context
def auto(
    context: click.Context, fan: tuple[str, ...], config: Path | None, reason: str, no_tick: bool, as_json: bool
) -> None:
    """Back to automatic: the fans named, or all of them."""
    from mine_controller.ops.recall import held_keys  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.replies import Wanted  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    loaded = load_config(config or context.obj, last_good=True)
    known = {spec.name for spec in loaded.policy.wiring.fans}
    if fan and not known:
        fail("this site has no fans in [wiring], so there is none to switch")
    for name in fan:
        if name not in known:
            fail(f"there is no fan {name!r}; fans are {', '.join(sorted(known, key=lambda one: (len(one), one)))}")
    try:
        keys = held_keys(loaded.paths)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    held = sorted(key for key in keys if key.partition(".")[0] in ("fan", "fans"))
    mine = [key for key in held if not fan or key.removeprefix("fan.") in fan]
    together = "a person holds all fans together: `minectl clear-state fans` ends that"
    if "fans" in held and not mine:
        fail(together)
    if "fans" in held and fan:
        click.echo(f"Note: {together}.", err=True)
    if not mine:
        told = f"Nobody holds {'these fans' if fan else 'a fan'}: they are automatic already."
        already(told, as_json=as_json)
        return
    put(loaded, [Wanted("clear-state", (key,), reason) for key in mine], no_tick=no_tick, as_json=as_json)
