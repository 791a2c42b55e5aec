"""How a person's request is put to the mine and its answer told: shared by every command that asks for something."""

import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from mine_controller.cli.options import seconds
from mine_controller.cli.output import json_text, safe
from mine_controller.cli.session import Asker, fail
from mine_controller.config.model import Config
from mine_controller.ops.replies import BUSY, Answer, Started, Wanted, file_all, take

DONE, REFUSED, LATER, INTERRUPTED = 0, 1, 75, 130
WORKED = ("applied", "accepted")
FAILED = ("refused", "unsupported", "unreachable")
LATE = ("waits", "not_sent")
AT_THE_OUTLET = {"off": "stop", "on": "run"}  # what an outlet is told because of what was asked of its miner
EXITS = "Exit: 0 done · 1 refused · 2 config or usage · 75 filed, and the next tick takes it"
Decorated = TypeVar("Decorated", bound=Callable[..., object])


def asking_options(function: Decorated) -> Decorated:
    """--no-tick and --json, as every command that asks has them."""
    later = click.option("--no-tick", is_flag=True, help="Only file it; cron's next tick takes it.")
    as_json = click.option("--json", "as_json", is_flag=True, help="The verdict as JSON.")
    return later(as_json(function))


def duration(context: click.Context, parameter: click.Parameter, text: str | None) -> int:
    """--for: seconds, 0 when not given."""
    del context, parameter
    return 0 if text is None else seconds(text)


def until(for_s: int) -> int:
    """Wall time at which it ends; 0 = until changed."""
    return int(time.time()) + for_s if for_s else 0


Outcomes = Callable[[], list[dict[str, Any]]]  # what was sent: miner verb value lane verdict why


def put(
    config: Config, wanted: Sequence[Wanted], *, no_tick: bool, as_json: bool, outcomes: Outcomes = list
) -> NoReturn:
    """File every request, have a tick take them, tell each verdict, and end with the exit code of the worst.

    `outcomes` is asked once the tick is over, and each of them told in a line. Where another tick's round took the
    requests, its verdicts stand before its commands are answered: those are waited for.
    """
    from mine_controller.ops.outcomes import answered  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    person = Asker()
    numbers: list[int] = []
    started, found = Started(0), tuple[Answer, ...]()
    came: list[dict[str, Any]] = []
    try:
        numbers = file_all(config, person, wanted)
        if not no_tick:
            _waiting(len(numbers))
            started, found = take(config, numbers, busy=_busy)
            came = answered(outcomes) if started.code == BUSY else outcomes()
    except KeyboardInterrupt:
        if not numbers:
            raise
        ids = ", ".join(str(number) for number in numbers)
        fail(f"no longer waited for, but not taken back: the tick takes what is filed ({ids})", INTERRUPTED)
    except StoreTrouble as trouble:
        filed = f"filed as request {numbers[-1]}, but " if numbers else "nothing was filed: "
        fail(f"{filed}{trouble.text}; `minectl doctor` tells what helps", LATER if numbers else REFUSED)
    found = found or tuple(Answer(number) for number in numbers)
    if as_json:
        rows = [_json(one, answer) for one, answer in zip(wanted, found, strict=True)]
        told = {"outcomes": came} if came else {}
        click.echo(json_text({"requests": rows, **told, "tick": None if no_tick else started.code}))
    else:
        for one, answer in zip(wanted, found, strict=True):
            _tell(one, answer)
        for line in came:
            _tell_outcome(line)
        if not no_tick:
            _outlook(config, started, found)
    sys.stdout.flush()
    asked = {_verb(one) for one in wanted}
    same = [one | {"verb": AT_THE_OUTLET.get(one["verb"], one["verb"])} for one in came]
    mine = [one for one in same if one["verb"] in asked]  # not what was asked of them before
    sys.exit(_code({answer.verdict for answer in found}, mine, no_tick=no_tick))


def _verb(wanted: Wanted) -> str:
    """What a device is told because of it; "" where that is nothing."""
    if wanted.verb == "errand":
        return wanted.args[1]
    if wanted.verb == "quarantine":
        return "stop"
    key, _, value = " ".join(wanted.args).rpartition(" ")
    head = key.partition(".")[0]
    return value if head in ("miner", "miners") else head


def _code(verdicts: Collection[str], came: Sequence[dict[str, Any]], *, no_tick: bool) -> int:
    """The worst of what the tick said and of what devices said; a way that failed is none where another one worked."""
    if "refused" in verdicts or _failed(came):
        return REFUSED
    late = ("" in verdicts and not no_tick) or any(one["verdict"] in LATE for one in came)
    return LATER if late else DONE


def _failed(came: Sequence[dict[str, Any]]) -> bool:
    worked = {(one["miner"], one["verb"]) for one in came if one["verdict"] in WORKED}
    return any(one["verdict"] in FAILED and (one["miner"], one["verb"]) not in worked for one in came)


def already(told: str, *, as_json: bool, dry_run: bool = False) -> None:
    """There is nothing to ask for: the sentence for people, and for programs what they read of nothing asked."""
    nothing = {"dry_run": True, "requests": [], "cannot": {}} if dry_run else {"requests": [], "tick": None}
    click.echo(json_text(nothing) if as_json else told)


def audited(path: Path, changes: Sequence[tuple[str, str, str]]) -> None:
    """A row in the audit log for each change of a file of the site: (what, before, after); `path` is its config.txt."""
    from mine_controller.ops.replies import tell_changes  # noqa: PLC0415 - imported by the command that uses it

    trouble = tell_changes(path, Asker(), changes, "by hand")
    if trouble:
        click.echo(safe(f"The change stands; the audit log could not be told: {trouble}."), err=True)


def _waiting(count: int) -> None:
    if sys.stderr.isatty():
        what = "the request" if count == 1 else f"{count} requests"
        click.echo(
            f"A tick takes {what} now; it reads, acts and looks for proof, which may take a minute ...", err=True
        )


def _busy() -> None:
    click.echo("Another tick is at work; its next round takes the request. Waiting ...", err=True)


def _json(wanted: Wanted, answer: Answer) -> dict[str, Any]:
    return {
        "request": answer.request,
        "verb": wanted.verb,
        "args": list(wanted.args),
        "verdict": answer.verdict or None,
        "why": answer.why,
    }


def _tell(wanted: Wanted, answer: Answer) -> None:
    what = safe(" ".join((wanted.verb, *wanted.args)))
    if answer.verdict:
        click.echo(f"{what}: {answer.verdict}, {safe(answer.why)}", err=answer.verdict != "done")
    else:
        click.echo(f"{what}: filed as request {answer.request}; the next tick takes it")


def _tell_outcome(came: dict[str, Any]) -> None:
    what = " ".join(str(came[name]) for name in ("miner", "verb", "value") if came[name])
    if came["verdict"] in ("waits", "rests"):
        click.echo(safe(f"  {what}: {came['verdict']}: {came['why']}"))
        return
    why = f" ({came['why']})" if came["why"] else ""
    click.echo(safe(f"  {what}: {came['verdict']} by {came['lane']}{why}"))


def _outlook(config: Config, started: Started, found: Sequence[Answer]) -> None:
    """What the mine does now; or why no tick could be had."""
    if started.code not in (0, BUSY):
        said = f": {safe(started.said)}" if started.said else ""
        click.echo(f"The tick ended with {started.code}{said}. `minectl doctor` tells what helps.", err=True)
    if any(answer.verdict for answer in found):
        tell_mode(config)


def tell_mode(config: Config) -> None:
    """One line: mode, why, and the miners' power, as the newest tick has them."""
    from mine_controller.core.wording.spoken import spoken  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.render.text import watts  # noqa: PLC0415 - the same
    from mine_controller.store import query  # noqa: PLC0415 - the same

    rows = query.history(config.paths, columns=("mode", "reason", "power_w"), most=1)
    if rows:
        mode, reason, power_w = rows[0]
        power = "power unknown" if power_w is None else watts(power_w)
        click.echo(safe(spoken(f"Now {mode}: {reason} ({power})", config.site.units)))
