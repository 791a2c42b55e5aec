"""What asic-rs said of a command, as an outcome: its yes is taken for "accepted", and nothing else for a yes.

Read in asic-rs 0.8.6: most of its controls turn every failure into False, some say True whatever happened (a restart
under LuxOS), and a Whatsminer that refuses anything, even a read, has its write API switched on by another maker's
back door. So False is unknown, and no Whatsminer is ever handed over. Nor does it command what a kind of our own does.
"""

import re
from collections.abc import Sequence
from typing import Any

from mine_controller.core.model.command import (
    ACCEPTED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.model.pool import Pool
from mine_controller.devices import _answer, _cgminer_orders, _errands, _hosts, _pools, _turns
from mine_controller.devices.kind import Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Job, Wire, WireError

VERBS = ("restart", "mode", "pool", "limit", "fan", "locate", "run", "stop")
MODES = ("low", "normal", "high")
SIGHTLESS = "before the command: it does not tell who it is: are user and password right?"
PASSWORD = "the login was refused: set user and password of the section to those of the unit"  # noqa: S105 - words
_LOGIN = re.compile(r"auth|unauthori[sz]ed|\b40[13]\b|password|login|credential", re.IGNORECASE)
_GONE = re.compile(r"connection refused|no route|connectionfailed|connection failed", re.IGNORECASE)
_CAN_NOT = re.compile(r"not supported|unsupported", re.IGNORECASE)

Logins = tuple[tuple[str, str, str], ...]


class Wanted(NamedTuple):
    """A value that was looked at: what goes into the job, or why nothing does."""

    value: str = ""
    pools: tuple[tuple[str, str, str], ...] = ()
    refusal: str = ""


def apply(wire: Wire, pools: Sequence[Pool], logins: Logins, batch: Sequence[Command], report: Report) -> None:
    """One process for the whole batch, every unit side by side."""
    going: list[tuple[Command, Job]] = []
    for command in batch:
        wanted = checked(command, pools)
        if wanted.refusal:
            report(Outcome(command.id, REFUSED, wanted.refusal))
            continue
        host, unit = _hosts.wanted(command)
        going.append((command, Job(host, command.verb, unit, wanted.value, logins, wanted.pools)))
    if going and wire.now() + _turns.LEAST_S >= wire.until:
        for command, _ in going:
            report(Outcome(command.id, NOT_SENT, "the lane's time was over"))
        return
    answers = wire.library([job for _, job in going], wire.until) if going else []
    for (command, _), told in zip(going, answers, strict=True):
        report(judged(command, told))


def checked(command: Command, pools: Sequence[Pool]) -> Wanted:
    """The value of a command as the verb takes it."""
    value = command.value
    try:
        if command.verb == "limit":
            _errands.watts(value, 1, 20_000)
        elif command.verb == "fan":
            percent = _errands.fan(value)
            value = _errands.AUTO if percent is None else str(percent)
        elif command.verb == "locate":
            _errands.switch(value)
    except ValueError as error:
        return Wanted(refusal=str(error))
    if command.verb == "mode" and value not in MODES:
        return Wanted(refusal=f"modes are {', '.join(MODES)}")
    rows = listed(pools, value) if command.verb == "pool" else ()
    if command.verb == "pool" and not rows:
        return Wanted(refusal=f"there is no pool {_answer.clean(value)!r} here")
    return Wanted(value, rows)


def listed(pools: Sequence[Pool], name: str) -> tuple[tuple[str, str, str], ...]:
    """The pool of this name and its stand-ins, each once, at most three: what a unit's three places get."""
    rows: list[Pool] = []
    while (pool := _pools.named(pools, name)) is not None and pool not in rows and len(rows) < 3:
        rows.append(pool)
        name = pool.fallback
    return tuple((pool.url, pool.user, pool.password.reveal()) for pool in rows)


def judged(command: Command, told: dict[str, Any] | WireError) -> Outcome:
    """What became of it."""
    if isinstance(told, WireError):
        verdict = UNSUPPORTED if told.kind == "missing" else UNKNOWN if told.sent else UNREACHABLE
        return Outcome(command.id, verdict, told.why)
    if told.get("none"):
        return Outcome(command.id, UNREACHABLE, "asic-rs finds no miner at this address")
    if "elsewhere" in told:
        kind = _answer.clean(told["elsewhere"], 20)
        return Outcome(
            command.id, UNSUPPORTED, f"asic-rs is not used for this firmware: put it into a section [{kind}]"
        )
    if "stranger" in told:
        return Outcome(command.id, REFUSED, _cgminer_orders.OTHER_UNIT if told["stranger"] else SIGHTLESS)
    if "refused" in told:
        return Outcome(command.id, REFUSED, _answer.clean(told["refused"], 120))
    if told.get("unsupported"):
        return Outcome(command.id, UNSUPPORTED, "asic-rs knows no such command for this firmware")
    if "error" in told:
        return _failed(command, _answer.clean(told["error"], 80))
    if told.get("said") is True:
        return Outcome(command.id, ACCEPTED, "taken, as far as asic-rs can tell")
    return Outcome(command.id, UNKNOWN, "asic-rs only says that it did not work")


def _failed(command: Command, text: str) -> Outcome:
    if _CAN_NOT.search(text):
        return Outcome(command.id, UNSUPPORTED, text)
    if _GONE.search(text):
        return Outcome(command.id, UNREACHABLE, text)
    if _LOGIN.search(text):
        return Outcome(command.id, REFUSED, PASSWORD)
    return Outcome(command.id, UNKNOWN, text or "asic-rs failed without a word")
