"""What miners are told from the command line: who is meant, a dry run, the question before many, each outcome."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from mine_controller.cli.asking import DONE, EXITS, REFUSED, already, asking_options, duration, put, until
from mine_controller.cli.options import config_option, unanswered
from mine_controller.cli.output import json_text, safe, table
from mine_controller.cli.session import fail, load_config
from mine_controller.config.model import Config
from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    from mine_controller.ops.miners import Asking, Filters, Miners

SHOWN_IDS = 12
Decorated = TypeVar("Decorated", bound=Callable[..., object])


def filter_options(function: Decorated) -> Decorated:
    """--model --row --group --all: who is meant beside ids."""
    every = click.option("--all", "everybody", is_flag=True, help="Every miner.")
    group = click.option("--group", metavar="SECTION", default="", help='Those of one section, like "bitaxe shelf".')
    row = click.option("--row", metavar="NAME", default="", help="Those of one row of fleet.csv.")
    model = click.option("--model", metavar="TEXT", default="", help="Those whose model holds this text.")
    return model(row(group(every(function))))


def acting_options(function: Decorated) -> Decorated:
    """Everything a command that tells miners something has in common."""
    ids = click.argument("ids", nargs=-1, metavar="[ID]...")
    reason = click.option("--reason", default="by hand", show_default=True, help="Why; stands in the audit log.")
    dry = click.option("--dry-run", is_flag=True, help="Only show what would be asked of whom.")
    yes = click.option("--yes", is_flag=True, help="Do not ask before telling more than one.")
    return ids(filter_options(reason(dry(yes(config_option(asking_options(function)))))))


class Given(NamedTuple):
    """What the options of `acting_options` say."""

    config: Config
    filters: "Filters"
    reason: str
    dry_run: bool
    yes: bool
    no_tick: bool
    as_json: bool


def given(context: click.Context, options: dict[str, Any]) -> Given:
    """The options of one call, with the config loaded."""
    from mine_controller.ops.miners import Filters  # noqa: PLC0415 - imported by the command that uses it

    filters = Filters(
        options["ids"], options["model"], options["row"], options["group"], everybody=options["everybody"]
    )
    return Given(
        load_config(options["config"] or context.obj, last_good=True),
        filters,
        options["reason"],
        options["dry_run"],
        options["yes"],
        options["no_tick"],
        options["as_json"],
    )


def known_miners(config: Config) -> "Miners":
    """The fleet as of the last tick, or one sentence and exit 1."""
    from mine_controller.ops.miners import miners  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        return miners(config)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")


def those_meant(found: "Miners", filters: "Filters") -> tuple[dict[str, Any], ...]:
    """Their rows, or one sentence and exit 2 when that is nobody."""
    from mine_controller.ops.miners import PickError, picked  # noqa: PLC0415 - imported by the command that uses it

    try:
        return picked(found, filters)
    except PickError as error:
        fail(f"{error}", 2)


# -- telling them something -----------------------------------------------------------------------------------------


def act(asked: Given, found: "Miners", asking: "Asking", what: str) -> NoReturn:
    """Show, ask, file, have a tick take it, tell each verdict and each outcome; ends with the exit code."""
    from mine_controller.ops.outcomes import outcomes  # noqa: PLC0415 - imported by the command that uses it

    able = [name for name, why in asking.cannot.items() if not why]
    _judged(asked.config, asking)
    nothing = "there is nothing to do: it is so already" if able else f"nobody of those meant can be told to {what}"
    if asked.dry_run:
        if asking.wanted and able:
            _warned(asked.config, asking)
        _dry(asked, asking, what, "" if asking.wanted and able else nothing)
    for why in filter(None, asking.cannot.values()):
        click.echo(f"Note: {safe(why)}.", err=True)
    if not able or not asking.wanted:
        fail(nothing)
    _warned(asked.config, asking)
    _confirmed(asked, able, what)
    put(
        asked.config,
        asking.wanted,
        no_tick=asked.no_tick,
        as_json=asked.as_json,
        outcomes=lambda: outcomes(asked.config, found.tick_at, able),
    )


def _judged(config: Config, asking: "Asking") -> None:
    """What the tick would refuse ends it here, a dry run too, in one sentence."""
    from mine_controller.core.refusal import Refused  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.replies import precheck  # noqa: PLC0415 - the same

    try:
        for one in asking.wanted:
            if one.verb == "set-state":
                precheck(config, one, int(time.time()))
    except Refused as refused:
        fail(str(refused))


def _warned(config: Config, asking: "Asking") -> None:
    """What a person should know beforehand is told."""
    from mine_controller.ops.replies import cautions  # noqa: PLC0415 - imported by the command that uses it

    now_s = int(time.time())
    kept = [one for one in asking.wanted if one.verb == "set-state" and one.args[0].startswith("miner")]
    told = [caution for one in kept for caution in cautions(config, one, now_s)]
    if not config.policy.site.live:
        told = ["shadow mode: it is decided and shown, nothing is sent"]
    for caution in dict.fromkeys([*told, *map(safe, asking.notes)]):
        click.echo(f"Note: {caution}.", err=True)


def _dry(asked: Given, asking: "Asking", what: str, nothing: str) -> NoReturn:
    """What would be filed, and who could not take it; nothing is written. `nothing`: why nobody would be asked."""
    cannot = {name: why for name, why in asking.cannot.items() if why}
    if asked.as_json:
        requests = [{"verb": one.verb, "args": list(one.args), "reason": one.reason} for one in asking.wanted]
        click.echo(json_text({"dry_run": True, "requests": requests, "cannot": cannot}))
        sys.exit(REFUSED if nothing else DONE)
    able = [name for name in asking.cannot if name not in cannot]
    click.echo(f"Would ask {len(able)} of {len(asking.cannot)} to {what}: {', '.join(able) or 'nobody'}")
    for one in asking.wanted:
        click.echo(safe(f"  request: {' '.join((one.verb, *one.args))} (reason: {one.reason})"))
    for why in cannot.values():
        click.echo(f"  can't: {safe(why)}")
    if nothing:
        fail(nothing)
    sys.exit(DONE)


def _confirmed(asked: Given, able: Sequence[str], what: str) -> None:
    if asked.yes or (len(able) == 1 and not asked.filters.everybody):
        return
    names = ", ".join(able[:SHOWN_IDS]) + (f" and {len(able) - SHOWN_IDS} more" if len(able) > SHOWN_IDS else "")
    with unanswered("nothing was asked of anybody; --yes asks no question", 2):
        click.confirm(
            f"Tell {len(able)} miner{'s' if len(able) > 1 else ''} ({names}) to {what}?", abort=True, err=True
        )


def asked_for(make: "Callable[[], Asking]") -> "Asking":
    """What `make` makes, or one sentence: exit 2 when nobody is meant, 1 when what is known can't be read."""
    from mine_controller.ops.miners import PickError  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        return make()
    except PickError as error:
        fail(f"{error}", 2)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")


def _errand(context: click.Context, options: dict[str, Any], pair: tuple[str, str]) -> NoReturn:
    from mine_controller.ops.miners import errand  # noqa: PLC0415 - imported by the command that uses it

    asked = given(context, options)
    found = known_miners(asked.config)
    _in_order(context, found, asked.filters.ids, pair[1])
    asking = asked_for(lambda: errand(asked.config, found, asked.filters, pair, asked.reason))
    act(asked, found, asking, " ".join(word for word in pair if word))


def _hold(context: click.Context, options: dict[str, Any], pair: tuple[str, str], for_s: int) -> NoReturn:
    from mine_controller.ops.miners import hold  # noqa: PLC0415 - imported by the command that uses it

    asked = given(context, options)
    found = known_miners(asked.config)
    _in_order(context, found, asked.filters.ids, pair[1])
    asking = asked_for(lambda: hold(asked.config, found, asked.filters, pair, asked.reason, until(for_s)))
    act(asked, found, asking, pair[1] if pair[0] == "miner" else " ".join(pair))


def _in_order(context: click.Context, found: "Miners", ids: Sequence[str], value: str) -> None:
    """Ends, with the line as it should be, a call that names the miner before what it is told."""
    known = {str(row["id"]).lower() for row in found.rows}
    if value.lower() in known and ids and ids[-1].lower() not in known:
        right = " ".join(("minectl miners", str(context.info_name), ids[-1], value, *ids[:-1]))
        fail(f"what they are told comes before the miners: `{right}`", 2)


def examples(*lines: str) -> str:
    """The epilog of one verb."""
    return "\b\nExamples:\n" + "\n".join(f"  minectl miners {line}" for line in lines) + f"\n\n\b\n{EXITS}"


for_option = click.option("--for", "for_s", callback=duration, metavar="TIME", help="How long: 30m, 2h.")
once_option = click.option("--once", is_flag=True, help="Tell it once, and do not keep it so.")


@click.command(epilog=examples('stop b01 --for 2h --reason "hums"', "stop --row a --dry-run", "stop --all --yes"))
@for_option
@acting_options
@click.pass_context
def stop(context: click.Context, /, for_s: int, **options: Any) -> None:
    """Keep miners off for a time (live: 4 h at most); gently where they can, in steps."""
    _hold(context, options, ("miner", "stop"), for_s)


@click.command(epilog=examples("start b01 --for 1h", "start --row a", "start --all --yes"))
@for_option
@acting_options
@click.pass_context
def start(context: click.Context, /, for_s: int, **options: Any) -> None:
    """Wish miners on for a time: safety, contract and equipment go before it."""
    _hold(context, options, ("miner", "run"), for_s)


@click.command(epilog=examples("auto b01", "auto --all"))
@acting_options
@click.pass_context
def auto(context: click.Context, /, **options: Any) -> None:
    """Back to automatic: end what people hold of these miners (stop, start, mode, pool)."""
    from mine_controller.ops.miners import freed  # noqa: PLC0415 - imported by the command that uses it

    asked = given(context, options)
    found = known_miners(asked.config)
    asking = asked_for(lambda: freed(asked.config, found, asked.filters, asked.reason))
    if not asking.wanted and asking.notes:
        fail("; ".join(map(safe, asking.notes)))
    if not asking.wanted:
        told = "Nobody holds these miners: they are automatic already."
        already(told, as_json=asked.as_json, dry_run=asked.dry_run)
        return
    act(asked, found, asking, "be automatic")


@click.command(epilog=examples("restart b01", "restart --model S19 --dry-run"))
@acting_options
@click.pass_context
def restart(context: click.Context, /, **options: Any) -> None:
    """Restart miners once, a share of the fleet at a time."""
    _errand(context, options, ("restart", ""))


@click.command(epilog=examples("mode eco b01 b02", 'mode eco --group "bitaxe shelf"', "mode turbo b01 --once"))
@click.argument("word", metavar="MODE")
@once_option
@for_option
@acting_options
@click.pass_context
def mode(context: click.Context, /, word: str, once: bool, for_s: int, **options: Any) -> None:
    """Keep miners in a mode of their kind until changed (`miners auto` ends it)."""
    if once:
        _errand(context, options, ("mode", word))
    _hold(context, options, ("mode", word), for_s)


@click.command(epilog=examples("pool main --all", "pool solo b01 --for 3h", "pool main b01 --once"))
@click.argument("name", metavar="POOL")
@once_option
@for_option
@acting_options
@click.pass_context
def pool(context: click.Context, /, name: str, once: bool, for_s: int, **options: Any) -> None:
    """Keep miners on a pool, by the name of its [pool] section, until changed."""
    if once:
        _errand(context, options, ("pool", name))
    _hold(context, options, ("pool", name), for_s)


@click.command(epilog=examples("limit 2800 a017", "limit 3000 --row a --dry-run"))
@click.argument("watts", type=click.IntRange(1, 20_000))
@acting_options
@click.pass_context
def limit(context: click.Context, /, watts: int, **options: Any) -> None:
    """Set the power limit of miners that have one, in watts."""
    _errand(context, options, ("limit", str(watts)))


@click.command(epilog=examples("fan auto b01", "fan 60 --row a"))
@click.argument("value", metavar="auto|PERCENT")
@acting_options
@click.pass_context
def fan(context: click.Context, /, value: str, **options: Any) -> None:
    """Set miners' own fans: automatic, or a share from 0 to 100 (container fans: `minectl fans`)."""
    if value != "auto" and not (value.isascii() and value.isdecimal() and len(value) < 4 and int(value) <= 100):
        raise click.BadParameter(f"{value[:20]!r} is neither auto nor a share from 0 to 100", param_hint="fan")
    _errand(context, options, ("fan", value))


@click.command(epilog=examples("locate on b01", "locate off --all"))
@click.argument("value", type=click.Choice(["on", "off"]), metavar="on|off")
@acting_options
@click.pass_context
def locate(context: click.Context, /, value: str, **options: Any) -> None:
    """Let miners blink, so that somebody finds them."""
    _errand(context, options, ("locate", value))


@click.command(epilog=examples("tune b01 --frequency-mhz 525 --core-voltage-mv 1150"))
@click.option("--frequency-mhz", type=click.IntRange(1, 5000), help="Chip frequency, MHz.")
@click.option("--core-voltage-mv", type=click.IntRange(1, 30_000), help="Core voltage, mV.")
@acting_options
@click.pass_context
def tune(context: click.Context, /, frequency_mhz: int | None, core_voltage_mv: int | None, **options: Any) -> None:
    """Set frequency and voltage exactly; what is safe for the board, its driver knows and keeps to."""
    pairs = (("frequency_mhz", frequency_mhz), ("core_voltage_mv", core_voltage_mv))
    value = " ".join(f"{name}={number}" for name, number in pairs if number is not None)
    if not value:
        fail("say what to set: --frequency-mhz, --core-voltage-mv or both", 2)
    _errand(context, options, ("tune", value))


@click.command(epilog=examples("profile quiet b01 b02", "profile quiet --row a --dry-run"))
@click.argument("name", metavar="PROFILE")
@acting_options
@click.pass_context
def profile(context: click.Context, /, name: str, **options: Any) -> None:
    """Put a saved profile on miners of its kind (`minectl profiles list` shows them)."""
    apply_profile(context, name, options)


def apply_profile(context: click.Context, name: str, options: dict[str, Any]) -> NoReturn:
    """Each setting of the profile as an errand to those meant that are of its kind."""
    from mine_controller.ops.miners import with_profile  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.profiles import ProfileError, find  # noqa: PLC0415 - the same

    asked = given(context, options)
    found = known_miners(asked.config)
    try:
        wanted = find(asked.config.paths.config.parent, name)
    except ProfileError as error:
        fail(f"{error}", 2)
    asking = asked_for(lambda: with_profile(asked.config, found, asked.filters, wanted, asked.reason))
    act(asked, found, asking, f"take profile {name}")


@click.command(
    epilog=examples(
        "quarantine", 'quarantine a017 --reason "smells burnt"', 'quarantine a017 --release --reason "new supply"'
    )
)
@click.option("--release", "out", is_flag=True, help="Let them out again.")
@acting_options
@click.pass_context
def quarantine(context: click.Context, /, out: bool, **options: Any) -> None:
    """Who is in quarantine; put miners in (they stay off until released), or let them out."""
    from mine_controller.ops.miners import quarantine as ask  # noqa: PLC0415 - imported by the command that uses it

    asked = given(context, options)
    found = known_miners(asked.config)
    if asked.filters.none and not out:
        _quarantined(found, as_json=asked.as_json)
        return
    asking = asked_for(lambda: ask(asked.config, found, asked.filters, asked.reason, release=out))
    act(asked, found, asking, "leave quarantine" if out else "go into quarantine")


def _quarantined(found: "Miners", *, as_json: bool) -> None:
    rows = [(row["id"], row["model"], row["quarantine"]) for row in found.rows if row["quarantine"]]
    if as_json:
        click.echo(json_text([{"id": name, "model": model, "why": why} for name, model, why in rows]))
    else:
        click.echo(table(("id", "model", "why"), rows) if rows else "Nobody is in quarantine.")


VERBS = (stop, start, auto, restart, mode, pool, limit, fan, locate, tune, profile, quarantine)
