"""`minectl explain`: every reason behind a tick's decision."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mine_controller.cli.options import config_option, db_option
from mine_controller.cli.session import fail, load_config, paths_of
from mine_controller.config.model import Config
from mine_controller.core.wording.spoken import UNITS, Units

if TYPE_CHECKING:
    from mine_controller.ops.recall import Named
    from mine_controller.store.db import Paths


@click.command(
    epilog="""\b
Examples:
  minectl explain                          the last tick: limits, inputs, commands, who is left out
  minectl explain --tick 2026-07-15T19:02  the tick of that time (UTC), or the last one before it
  minectl explain --tick 1784142151        the tick of that number, as mine.log names it
  minectl explain --tick 3                 three ticks before the last one
  minectl explain --matrix                 cause and effect: each input good, worse, stale, unknown
  minectl explain --db mine_data.db        out of a bundle, on any machine; no config is needed

\b
Exit: 0 shown · 1 no such tick, or it can't be decided again · 2 config"""
)
@config_option
@click.option("--tick", "which", metavar="N|ISO", help="Which tick: how many back, its number, or a time.")
@click.option("--matrix", "as_matrix", is_flag=True, help="Decide on what was last seen with each input changed.")
@db_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(config: Path | None, which: str | None, as_matrix: bool, db: Path | None, as_json: bool) -> None:
    """Every reason behind the last (or another) tick's decision."""
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - imported by the command that uses it

    try:
        if as_matrix:
            shown = _matrix(load_config(config, last_good=True), as_json)
        else:
            shown = _explained(*_place(config, db), which, as_json)
    except StoreTrouble as trouble:
        fail(f"{trouble.text}; `minectl doctor` tells what helps")
    except ValueError as error:
        fail(f"the record is damaged ({error}); another tick may do: --tick 1")
    click.echo(shown)


def _place(config: Path | None, db: Path | None) -> "tuple[Paths, Units]":
    """Where the records lie, and what people there read; a database alone does not tell that."""
    if db is not None:
        return paths_of(config, db), UNITS
    loaded = load_config(config, last_good=True)
    return loaded.paths, loaded.site.units


def _explained(paths: "Paths", units: Units, which: str | None, as_json: bool) -> str:
    from mine_controller.cli.output import json_text  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.ops.explain import plan_json, plan_text  # noqa: PLC0415 - the same
    from mine_controller.ops.recall import Gap, Recalled, recall_tick  # noqa: PLC0415 - the same
    from mine_controller.store.db import iso  # noqa: PLC0415 - the same

    tick_at, older = _tick_at(paths, which)
    rounds = recall_tick(paths, tick_at)
    found = [one for one in rounds if isinstance(one, Recalled)]
    if not found:
        why = rounds[0].why if rounds and isinstance(rounds[0], Gap) else "no record of it is kept"
        fail(f"the tick of {iso(tick_at)} can't be decided again: {why}; see `minectl history --since 1d`")
    told = [_round(one) for one in found]
    live = found[-1].policy.site.live
    if as_json:
        last = plan_json(found[-1].book)
        return json_text({"tick": tick_at, "time": iso(tick_at), "older": older or None, "live": live,
                          "same": all(r["same"] for r in told), **last} | {"rounds": told})  # fmt: skip
    head = f"Tick {tick_at} of {iso(tick_at)}, {len(found)} round{'s' if len(found) != 1 else ''}"
    twice = [f"The clock ran over this time twice; this is the newer tick, the older one is --tick {older}."]
    differs = [] if all(one["same"] for one in told) else ["This version of the program decides it differently."]
    shadow = [] if live else ["It ran in shadow mode: what was decided was not sent."]
    return "\n".join(
        [head, *(twice if older else []), *differs, *shadow, plan_text(found[-1].book, units), *_rounds_text(told)]
    )


def _round(one: Any) -> dict[str, Any]:
    from mine_controller.core.wording.words import sentence  # noqa: PLC0415 - imported by the command that uses it

    verdicts: dict[str, int] = {}
    for outcome in one.recorded.outcomes:
        verdicts[outcome.verdict] = verdicts.get(outcome.verdict, 0) + 1
    return {
        "round": one.recorded.round,
        "at": one.image.clock.wall_s,
        "mode": one.decision.mode,
        "why": sentence(one.decision.why),
        "commands": len(one.decision.commands),
        "outcomes": verdicts,
        "same": one.same,
    }


def _rounds_text(told: list[dict[str, Any]]) -> list[str]:
    """What each round of a tick with several sent, and what came of it."""
    if len(told) == 1 and not told[0]["commands"]:
        return []
    lines = ["", "Rounds:"]
    for one in told:
        outcomes = ", ".join(f"{count} {verdict}" for verdict, count in one["outcomes"].items())
        sent = f"{one['commands']} commands" + (f": {outcomes}" if outcomes else "") if one["commands"] else "looked"
        lines.append(f"  {one['round']} +{one['at'] - told[0]['at']} s {one['mode']:11} {sent}")
    return lines


def _tick_at(paths: "Paths", which: str | None) -> "Named":
    """The tick people mean."""
    from mine_controller.ops.recall import Named, of_time  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store import query  # noqa: PLC0415 - the same

    if which is None or (which.isdecimal() and len(which) < 6):
        back = int(which or 0)
        rows = query.ticks(paths, limit=back + 1)
        if len(rows) > back:
            return Named(rows[back].tick_at)
        few = f"only {len(rows)} ticks are kept" if rows else "no tick has run yet; `minectl tick` runs one"
        fail(few)
    if which.isdecimal() and query.ticks(paths, int(which), int(which), 1):
        return Named(int(which))
    found = of_time(paths, int(which) if which.isdecimal() else _moment(which))
    if found is None:
        fail(f"no tick is kept from {which} or before; `minectl history` lists what there is")
    return found


def _moment(text: str) -> int:
    from mine_controller.cli.output import moment  # noqa: PLC0415 - imported by the command that uses it

    context = click.get_current_context()
    return moment(context, context.command.params[0], text) or int(time.time())


def _matrix(config: Config, as_json: bool) -> str:
    from mine_controller.cli.output import json_text  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.core.freeze import freeze  # noqa: PLC0415 - the same
    from mine_controller.core.wording.words import sentence  # noqa: PLC0415 - the same
    from mine_controller.ops.explain import matrix as page  # noqa: PLC0415 - the same
    from mine_controller.ops.explain import may_start  # noqa: PLC0415 - the same
    from mine_controller.ops.matrix import matrix  # noqa: PLC0415 - the same
    from mine_controller.ops.recall import kept_book  # noqa: PLC0415 - the same

    book, policy = kept_book(config.paths), config.policy
    if book.image is None:
        fail("nothing was seen yet; run `minectl tick` once, in shadow mode if you like")
    clock = book.image.clock  # a second later, because a value at a moment already judged is no news to the rules
    later = clock._replace(plant_s=clock.plant_s + 1, wall_s=clock.wall_s + 1, opening=True, rebooted=False)
    image = freeze(book.image, (), policy.wiring, later)
    rows = matrix(image, book.state, policy)
    if not as_json:
        return page(rows, config.site.units)
    return json_text(
        [
            {
                "input": name,
                "mode": decision.mode,
                "why": sentence(decision.why),
                "miners": sum(decision.plan.run),
                "fans": len(decision.plan.fans_on),
                "starts": may_start(decision),
                "commands": len(decision.commands),
            }
            for name, decision in rows
        ]
    )
