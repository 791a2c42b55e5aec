"""`minectl bands`: what is mined at which price; changed in config.txt, with every comment kept."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from mine_controller.cli.listing import add_list, show_when_alone, tell_age
from mine_controller.cli.options import config_option, unanswered
from mine_controller.cli.output import json_text, safe, table
from mine_controller.cli.session import Asker, config_path, fail, load_config, tell_news, tell_problems
from mine_controller.config.model import Config, ConfigError

COLUMNS = ("", "band", "from", "below", "coin", "pool", "modes")
EXITS = "Exit: 0 done or shown · 1 refused · 2 config or usage"


@click.group(
    invoke_without_command=True,
    epilog=f"""\b
Examples:
  minectl bands                                        the bands, and which one holds
  minectl bands set 4 --max-price 6.5 --coin BTC       one of them, at once
  minectl bands set night --max-price 2 --coin DGB --modes "bitaxe turbo, avalon high"
  minectl bands set 4 --pool ""                        back to the first pool of its coin
  minectl bands remove night
  minectl bands reset --yes                            the five bands of the start
  minectl set-state strategy off --reason "holiday"    nothing is mined until clear-state strategy

\b
A price belongs to the cheapest band it is below of; one on an edge is the dearer band's.
{EXITS}""",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(context: click.Context, config: Path | None, as_json: bool) -> None:
    """List price bands; set one, take one out, go back to the five of the start."""
    show_when_alone(context, config, _list, as_json=as_json)


def _list(config: Config, *, as_json: bool) -> None:
    from mine_controller.ops import bands  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    now_s = int(time.time())
    try:
        rows, state = bands.rows(config, now_s), bands.state(config, now_s)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    if as_json:
        click.echo(json_text({"bands": rows, "state": state}))
    elif not rows:
        click.echo("This site has no [band] sections; `minectl bands reset` writes the usual five.")
    else:
        click.echo(table(COLUMNS, [_row(one) for one in rows]))
        idle = [] if "price" in config.policy.wiring.roles else ["They decide nothing: [wiring] has no active price."]
        for line in idle or _told(state, config.site.units.price):
            click.echo(safe(line))
        tell_age(config)


add_list(command, "bands", _list, "Every band from dear to cheap, what holds now, and what comes next.")


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    modes = ", ".join(one["modes"])
    mark = ">" if one["now"] else ""
    return (mark, one["name"], one["from"], one["below"], one["coin"] or None, one["pool"] or None, modes or None)


def _told(state: dict[str, Any] | None, unit: str) -> list[str]:
    if state is None:
        return ["No tick has decided yet which band holds."]
    price = "unknown" if state["price"] is None else f"{state['price']:g} {unit}"
    since = f" since {state['since']}" if state["since"] else ""
    lines = [f"Now {state['band'] or 'none'}{since}; the price is {price}."]
    if state["forced"]:
        lines.append(f"A person holds it: {state['forced']}.")
    if state["next"]:
        lines.append(f"Next: {state['next']['band']} at {state['next']['at']} ({state['next']['price']:g} {unit}).")
    elif not state["forced"]:
        lines.append(f"No change in what is published (known to {state['known_to'] or 'nowhere'}).")
    return lines


@command.command(
    name="set",
    epilog=f"""\b
Examples:
  minectl bands set 3 --max-price 11
  minectl bands set 4 --coin BTC --pool solo --modes "bitaxe overclock, nerdqaxe turbo, avalon high"
  minectl bands set 1 --coin off

\b
"" takes an option out, so that its default counts. A new name makes a new band, in its place by price.
{EXITS}""",
)
@click.argument("name")
@click.option("--max-price", help="Prices below this are its (p/kWh).")
@click.option("--coin", help="off, best, or a coin: BTC, BCH, DGB ...")
@click.option("--pool", help="Name of the [pool] it is mined at.")
@click.option("--modes", help='Mode per kind of miner: "bitaxe eco, avalon low".')
@click.option("--no-tick", is_flag=True, help="cron's next tick takes it.")
@config_option
@click.pass_context
def set_(context: click.Context, /, name: str, config: Path | None, no_tick: bool, **options: str | None) -> None:
    """Change one band, or make a new one; the result is checked first, `config undo` takes it back."""
    from mine_controller.config.bands import set_band  # noqa: PLC0415 - imported by the command that uses it

    values = {key: value for key, value in options.items() if value is not None}
    if not values:
        fail("say what to set: --max-price, --coin, --pool or --modes", 2)
    path = config_path(config or context.obj)
    _changed(path, lambda: set_band(path, name, values), no_tick=no_tick)


@command.command(epilog=f"\b\nExamples:\n  minectl bands remove night\n\n\b\n{EXITS}")
@click.argument("name")
@click.option("--no-tick", is_flag=True, help="cron's next tick takes it.")
@config_option
@click.pass_context
def remove(context: click.Context, name: str, no_tick: bool, config: Path | None) -> None:
    """Take one band out; its prices go to the next dearer one."""
    from mine_controller.config.bands import remove as take_out  # noqa: PLC0415 - imported by the command that uses it

    path = config_path(config or context.obj)
    _changed(path, lambda: take_out(path, name), no_tick=no_tick)


@command.command(epilog=f"\b\nExamples:\n  minectl bands reset --yes\n\n\b\n{EXITS}")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-tick", is_flag=True, help="cron's next tick takes it.")
@config_option
@click.pass_context
def reset(context: click.Context, yes: bool, no_tick: bool, config: Path | None) -> None:
    """Write the five bands of the start in place of all there are."""
    from mine_controller.config.bands import reset as begin_again  # noqa: PLC0415 - imported by the command

    if not yes:
        with unanswered("nothing was changed; --yes asks no question", 2):
            click.confirm("Put the five usual bands in place of yours?", abort=True, err=True)
    path = config_path(config or context.obj)
    _changed(path, lambda: begin_again(path), no_tick=no_tick)


def _changed(path: Path, change: Callable[[], Any], *, no_tick: bool) -> None:
    """Do it, tell what changed, tell the audit log, and have a tick take it at once."""
    from mine_controller.config.edit import EditError  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.config.news import notes  # noqa: PLC0415 - the same
    from mine_controller.ops.replies import start_tick, tell_changes  # noqa: PLC0415 - the same

    before = notes(path)
    try:
        done = change()
    except EditError as error:
        fail(f"{error}")
    except ConfigError as error:
        _not_so(path, error)
    for one in done:
        click.echo(safe(f"[{one.section}] {one.option}: {one.old or 'default'} -> {one.new or 'default'}"))
    if not done:
        click.echo("It is so already.")
        return
    tell_news(path, before)
    trouble = tell_changes(path, Asker(), [(f"{one.section}.{one.option}", one.old, one.new) for one in done], "bands")
    if trouble:
        click.echo(f"The change stands; the audit log could not be told: {trouble}.", err=True)
    config = load_config(path)
    if config.paths.db.exists() and not no_tick and start_tick(config).code:
        click.echo("The change stands; cron's next tick takes it.", err=True)


def _not_so(path: Path, error: ConfigError) -> NoReturn:
    click.echo(f"{path.name} stays as it is, because this would not check:", err=True)
    tell_problems(path, error.problems)
    raise SystemExit(2)
