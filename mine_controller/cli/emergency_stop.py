"""`minectl emergency-stop`: everything off, at the outlets where there are any, now, until resumed."""

import sys
from pathlib import Path

import click

from mine_controller.cli.options import config_option, unanswered
from mine_controller.cli.session import Asker, fail, load_config, say
from mine_controller.config.model import Config

LATER, INTERRUPTED = 75, 130
SHOWN = 12  # ids in a sentence


@click.command(
    epilog="""\b
Examples:
  minectl emergency-stop                            asks for the site's name, then stops everything
  minectl emergency-stop --yes --reason "burning smell"
  minectl resume                                    ends it

\b
The fans go on turning (they stop on smoke). Works with a damaged database too: it is a file named
`stop`, which a tick that still commands sees within seconds; behind any tick at work one is started.

\b
Exit: 0 asked for, and a tick has acted on it · 1 it could not be asked for · 2 config
      · 75 asked for, but no tick could be started: the next one obeys"""
)
@config_option
@click.option("--reason", default="emergency stop", show_default=True, help="Why; everybody who is told reads it.")
@click.option("--yes", is_flag=True, help="Don't ask for the site's name.")
@click.option("--no-tick", is_flag=True, help="Leave it to cron's next tick, or to the one at work.")
def command(config: Path | None, reason: str, yes: bool, no_tick: bool) -> None:
    """Everything off, at the outlets where there are any, now, until resumed."""
    from mine_controller.core.wording.heartbeat import by_what  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.replies import give_to_owner  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same
    from mine_controller.store.stop import raise_stop  # noqa: PLC0415 - the same

    try:
        loaded = load_config(config, last_good=True)
    except SystemExit:
        say("minectl: nothing was stopped: mend what is said above, or open the main breaker")
        raise
    if not yes:
        with unanswered("nothing was stopped; --yes asks no question"):
            name = click.prompt(f'Stop everything at "{loaded.site.name}"? Type the site\'s name', err=True)
        if name.strip() != loaded.site.name:
            fail("that is not the site's name; nothing was done")
    person = Asker()
    where = f", {person.tty}" if person.tty else ""
    fresh = not loaded.paths.run.exists()
    try:
        raise_stop(loaded.paths, f"{person.actor} (uid {person.uid}{where})", reason)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; open the main breaker")
    if fresh and loaded.paths.run.exists():
        give_to_owner(loaded.paths.run)
    _told(loaded, person, reason)
    how = by_what(loaded.policy.wiring.miners)
    click.echo(f"EMERGENCY STOP is set: everything goes off {how} until `minectl resume`.")
    sys.stdout.flush()
    if no_tick:
        return
    _obey(loaded)


def _left(config: Config) -> None:
    """Who is not seen off yet, by name: those a person may have to unplug."""
    from mine_controller.core.miners.stopless import left, said  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.miners import seen_book  # noqa: PLC0415 - the same
    from mine_controller.render.fleet import units  # noqa: PLC0415 - the same

    book = seen_book(config)
    fleet, known = units(book, config.policy.wiring), said(book.state.last)
    on = [unit.spec for unit in fleet if unit.state in ("running", "starting", "stopping")]
    if on:
        more = f" and {len(on) - SHOWN} more" if len(on) > SHOWN else ""
        click.echo(f"Not seen off yet: {', '.join(spec.id for spec in on[:SHOWN])}{more}.")
    unknown = sum(unit.state == "unknown" for unit in fleet)
    if unknown:
        click.echo(f"Not known: whether {unknown} of {len(fleet)} are off.")
    deaf = [spec.id for spec in on if not left(spec, known)]
    if deaf:
        click.echo(f"Nothing can stop {', '.join(deaf[:SHOWN])}: pull the plug.", err=True)


def _told(config: Config, person: Asker, reason: str) -> None:
    """The audit row. The stop needs none of it: what goes wrong here is said and nothing more."""
    from mine_controller.ops.replies import Wanted, file  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        file(config, person, Wanted("emergency-stop", (), reason))
    except StoreTrouble as trouble:
        click.echo(f"The audit log could not be told: {trouble.text}.", err=True)


def _behind() -> None:
    click.echo("A tick is at work: it obeys if it still commands, and one behind it obeys at once. Waiting ...")
    sys.stdout.flush()


def _seen(config: Config) -> bool:
    """Whether a tick that has ended saw the stop; what can't be read has seen nothing."""
    from mine_controller.ops.miners import seen_book  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store import query  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        newest, image = query.ticks(config.paths, limit=1), seen_book(config).image
    except StoreTrouble:
        return False
    return image is not None and bool(newest) and newest[0].ended_at is not None and image.site["stop"].value == "on"


def _obey(config: Config) -> None:
    from mine_controller.cli.asking import tell_mode  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.replies import BUSY, start_behind  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        started = start_behind(config, _behind, lambda: _seen(config))
    except KeyboardInterrupt:
        fail("no longer waited for; the stop stands, and the next tick obeys it", INTERRUPTED)
    if started.code == BUSY:
        fail("another tick is still at work; the stop stands, and the next tick obeys it", LATER)
    if started.code:
        said = f" ({started.said})" if started.said else ""
        fail(f"the tick ended with {started.code}{said}; the stop stands, and the next tick obeys it", LATER)
    if not config.site.live:
        click.echo("Shadow mode: nothing was sent.")
    try:
        tell_mode(config)
        _left(config)
    except StoreTrouble as trouble:
        click.echo(f"What the tick did can't be read: {trouble.text}.", err=True)
