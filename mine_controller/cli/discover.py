"""`minectl discover`: search the network for miners, tell what they are, list the new ones in fleet.csv."""

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.output import json_text, safe, table
from mine_controller.cli.session import Asker, config_path, fail, load_config, news_of, tell_problems
from mine_controller.config.model import Config, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mine_controller.ops.discover import Looked, Plan, Shown
    from mine_controller.ops.fleet_file import Additions, Find, Fleet

COLUMNS = ("address", "kind", "model", "firmware", "mac", "known as", "note")
HIGHEST_PORT = 65_535


@click.command(
    epilog="""\b
Examples:
  minectl discover                              around the hosts of every section, else 10.0.0.0/24
  minectl discover 10.0.0.0/24 10.0.7.0/24
  minectl discover 10.0.1.1-80 --add            new units become lines of fleet.csv; nothing else in it changes
  minectl discover 10.0.0.0/24 --listen 6       also hears boards that only shout (NMMiner up to 1.8, UDP 12345)
  minectl discover 10.0.0.0/24 --xmrig-ports 8080,18088 --ports 8081 --json

\b
A search only reads: it knocks at ports 4028, 80 and 4433 and asks those that open who they are. Units that keep their
mac behind a login are read once more by the section whose hosts they are, with its login.
Known units that answer at another address than last time are told as moved; a second --add adds nothing twice.

\b
Exit: 0 searched · 1 nothing could be searched or added · 2 config or usage"""
)
@click.argument("networks", nargs=-1, metavar="[CIDR|RANGE]...")
@config_option
@click.option("--add", is_flag=True, help="Append new units to fleet.csv.")
@click.option("--ports", "more", metavar="N,N", default="", help="More ports, asked as a miner's API and a web page.")
@click.option(
    "--xmrig-ports", metavar="N,N", default="", help="Ports of XMRig programs; default: those of [xmrig ...]."
)
@click.option(
    "--listen", "listen_s", type=click.FloatRange(0, 60), default=0, help="Seconds to hear datagrams as well."
)
@click.option("--yes", is_flag=True, help="Search a network of the internet all the same.")
@click.option("--json", "as_json", is_flag=True, help="Everything found as JSON.")
@click.option("--progress", is_flag=True, hidden=True, help="Lines of `PROGRESS done all` on stderr, for a program.")
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    networks: tuple[str, ...],
    config: Path | None,
    add: bool,
    more: str,
    xmrig_ports: str,
    listen_s: float,
    yes: bool,
    as_json: bool,
    progress: bool,
) -> None:
    """Search networks or ranges for miners of every make."""
    from mine_controller.ops import discover  # noqa: PLC0415 - imported by the command that uses it

    loaded = _config(config, needed=add)
    try:
        found = discover.spans(networks, loaded)
    except discover.BadTargetError as error:
        fail(str(error), 2)
    public = [one.text for one in found if one.public]
    if public and not yes:
        fail(f"{', '.join(public)} is no private network: other people's machines are there; --yes if it is yours", 2)
    ports = discover.ports(loaded, _numbers(xmrig_ports, "--xmrig-ports"), _numbers(more, "--ports"))
    plan = discover.Plan(discover.addresses(found), ports, listen_s=listen_s)
    known = _known(loaded)
    began = time.monotonic()
    with _progress(in_lines=progress) as shown:
        looked = discover.look(plan, shown)
    finds = _judged(looked, plan, known)
    added = _added(loaded, finds, known) if add and loaded is not None else None
    if as_json:
        click.echo(json_text(_tree(looked, plan, finds, added, time.monotonic() - began)))
    else:
        _tell(looked, plan, finds, added, time.monotonic() - began)
        if added is None:
            _hint(finds, site=loaded is not None)
    if looked.tally.failed and looked.tally.failed.total() == looked.tally.done:
        fail(f"nothing could be searched: {_failed(looked)}; is this machine on that network?")
    if added is not None and added.left and not added.rows:
        fail(f"fleet.csv stays as it is: {_none_of(len(added.left))} be added")


def _config(given: Path | None, *, needed: bool) -> Config | None:
    """The site's config; None where there is none yet and nothing asks for it: a search works without."""
    if given is None and not needed and not config_path(None).exists():
        return None
    return load_config(given, last_good=not needed)


def _numbers(text: str, option: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if not (word.isascii() and word.isdecimal() and len(word) < 6 and 0 < int(word) <= HIGHEST_PORT):
            raise click.BadParameter(f"{word[:20]!r} is no port; write 8080,8081", param_hint=option)
    return tuple(int(word) for word in words)


def _known(config: Config | None) -> "Fleet":
    from mine_controller.ops.fleet_file import fleet  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store import query  # noqa: PLC0415 - the same
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        stored = () if config is None else query.miners(config.paths)
    except StoreTrouble as trouble:
        click.echo(f"Note: where units were before is not known: {trouble.text}.", err=True)
        stored = ()
    return fleet(config, stored, {})


def _judged(looked: "Looked", plan: "Plan", known: "Fleet") -> "tuple[Find, ...]":
    from mine_controller.ops.discover import guess  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.fleet_file import compared  # noqa: PLC0415 - the same
    from mine_controller.ops.identify import identified  # noqa: PLC0415 - the same
    from mine_controller.wire import http  # noqa: PLC0415 - the same
    from mine_controller.wire.scan import neighbours  # noqa: PLC0415 - the same

    miner_ports = (*plan.ports.cgminer, *plan.ports.whatsminer)
    guessed = {seen.host: guess(seen, looked.kinds) for seen in looked.seen}
    guessed = identified(guessed, known.sections, lambda section, until: http.live(until, section))
    fresh = known._replace(neighbours=neighbours())  # after the search: whoever answered is in the table now
    return compared(looked.seen, lambda seen: guessed[seen.host], fresh, miner_ports)


@contextmanager
def _progress(*, in_lines: bool = False) -> "Iterator[Shown]":
    """A bar on a terminal, lines where a program asks for them, nothing elsewhere."""
    if in_lines:
        yield _lines()
        return
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    with click.progressbar(length=1000, label="Knocking", file=sys.stderr, show_pos=False) as bar:

        def shown(done: int, doors: int) -> None:
            bar.update(done * 1000 // max(doors, 1) - bar.pos)

        yield shown


def _lines() -> "Shown":
    told = -1

    def shown(done: int, doors: int) -> None:
        nonlocal told
        percent = done * 100 // max(doors, 1)
        if percent != told:
            told = percent
            click.echo(f"PROGRESS {done} {doors}", err=True)

    return shown


# -- listing the new ones -------------------------------------------------------------------------------------------


def _added(config: Config, finds: "Sequence[Find]", known: "Fleet") -> "Additions":
    """Append the new units to fleet.csv, with an audit row each; ends with what is wrong when that can't be done."""
    from mine_controller.config.edit import EditError  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.config.fleet_edit import append  # noqa: PLC0415 - the same
    from mine_controller.config.news import notes  # noqa: PLC0415 - the same
    from mine_controller.ops.fleet_file import additions  # noqa: PLC0415 - the same
    from mine_controller.ops.replies import tell_changes  # noqa: PLC0415 - the same

    adding = additions(finds, known, config, time.strftime("%Y-%m-%d"))
    if not adding.rows:
        return adding
    path = config.paths.config
    before = notes(path)
    try:
        append(path, adding.rows)
    except EditError as error:
        fail(f"{error}.")
    except ConfigError as error:
        click.echo("fleet.csv stays as it is, because this would not check:", err=True)
        tell_problems(path, error.problems)
        sys.exit(2)
    changes = [(f"fleet.csv {row['id']}", "", f"{row['mac']} in {row['group']}") for row in adding.rows]
    trouble = tell_changes(path, Asker(), changes, "discovered")
    if trouble:
        click.echo(f"The lines stand; the audit log could not be told: {trouble}.", err=True)
    return adding._replace(notes=tuple(news_of(path, before)))


# -- telling --------------------------------------------------------------------------------------------------------


def _tell(looked: "Looked", plan: "Plan", finds: "Sequence[Find]", added: "Additions | None", took_s: float) -> None:
    miners = [find for find in finds if find.state != "other"]
    if miners:
        click.echo(table(COLUMNS, [_row(find) for find in miners]))
    others = [find.address for find in finds if find.state == "other"]
    counts = [
        (state, sum(find.state == state for find in miners)) for state in ("known", "moved", "new", "unknown make")
    ]
    told = ", ".join(f"{count} {state}" for state, count in counts if count) or "no miner"
    searched = len(plan.hosts)
    click.echo(f"{told} on {searched} address{'es' * (searched != 1)} in {took_s:.1f} s")
    if others:
        places = ", ".join(others[:8]) + (" ..." if len(others) > 8 else "")
        click.echo(f"{len(others)} more answer{'s' * (len(others) == 1)}, but as no miner that is known here: {places}")
    for note in filter(None, (looked.deaf, looked.tally.failed and f"not searched: {_failed(looked)}")):
        click.echo(f"Note: {note}", err=True)
    if added is not None:
        _tell_added(added)


def _hint(finds: "Sequence[Find]", *, site: bool) -> None:
    """What to type next, where there is anything new."""
    new = [find for find in finds if find.state == "new"]
    if new and not site:
        click.echo("There is no site yet that could list them: `minectl init --site home-fleet DIR` makes one.")
    elif any(find.unit and find.group for find in new):
        click.echo("`minectl discover --add` lists the new ones in fleet.csv.")
    elif new:
        click.echo("`minectl discover --add` says what the new ones need before they can be listed in fleet.csv.")


def _none_of(count: int) -> str:
    return "the new unit could not" if count == 1 else f"none of the {count} new units could"


def _row(find: "Find") -> tuple[object, ...]:
    state = {"known": find.id, "moved": f"{find.id}, moved from {find.was}"}.get(find.state, find.state)
    return (
        find.address,
        find.kind or None,
        find.model or None,
        find.firmware or None,
        find.unit or None,
        state,
        find.note,
    )


def _tell_added(added: "Additions") -> None:
    for row in added.rows:
        click.echo(f"{row['id']} is in fleet.csv now: {row['mac']}, [{row['group']}]")
    if not added.rows and not added.left:
        click.echo("fleet.csv stays as it is: there was nothing to add.")
    for note in added.notes:
        click.echo(f"note: {note}")
    for find, why in added.left:
        click.echo(safe(f"{find.address} ({find.kind}) was not added: {why}"), err=True)
    if added.commands:
        click.echo("Sections that would serve them (then search with --add once more):", err=True)
    for text in added.commands:
        click.echo("\n".join(f"  {safe(line)}" for line in text.split("\n")), err=True)


def _failed(looked: "Looked") -> str:
    return ", ".join(f"{count} doors: {why}" for why, count in looked.tally.failed.items())


def _tree(
    looked: "Looked", plan: "Plan", finds: "Sequence[Find]", added: "Additions | None", took_s: float
) -> dict[str, Any]:
    tally = looked.tally
    tree: dict[str, Any] = {
        "addresses": len(plan.hosts),
        "seconds": round(took_s, 2),
        "found": [find._asdict() for find in finds],
        "doors": {
            "knocked": tally.done,
            "refused": tally.refused,
            "silent": tally.silent,
            "failed": dict(tally.failed),
        },
        "note": looked.deaf,
    }
    if added is not None:
        tree["added"] = list(added.rows)
        tree["not_added"] = [{"address": find.address, "kind": find.kind, "why": why} for find, why in added.left]
        tree["commands"] = list(added.commands)
        tree["notes"] = list(added.notes)
    return tree
