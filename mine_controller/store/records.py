"""Records: what `decide` may read, exactly, and the hash of what it answered. Replay starts from these.

A record is one round: clock, readings as frozen's input, requests, the state's hash at the opening of the tick and the
decision's. Answers stand beside the commands. What `decide` may not read is telemetry and lies elsewhere.
"""

import json
from collections.abc import Sequence
from typing import Any

from mine_controller.core.columns import Readings, columned
from mine_controller.core.miners.units import reads_rates
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.image import Request
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.round import Round
from mine_controller.record import NamedTuple
from mine_controller.store.codec import Code, Keys, Name, Rows, fold, order_of, sha, squeeze, table, text, unsqueeze
from mine_controller.store.state import ClockFacts, pack_clock, unpack_clock

VERSION = 1
UNREAD = frozenset({"rate_hs", "hashrate_ths"})  # only efficiency is learned from them
ROUNDS = 64  # a record's id is tick_at * 64 + round


class Recorded(NamedTuple):
    """A record read back. `state_sha` "" where the tick's first state was not known (rounds after the opening)."""

    tick_at: int
    round: int
    clock: Clock
    readings: Readings
    requests: tuple[Request, ...]
    facts: ClockFacts
    state_sha: str
    decision_sha: str
    mode: str
    why: Reason
    binding: tuple[Any, ...]  # the binding limits as JSON: [layer, what, amount, [rule, code, numbers], how]
    commands: tuple[Command, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def record_id(tick_at: int, number: int) -> int:
    """Give the key of a record."""
    return tick_at * ROUNDS + min(number, ROUNDS - 1)


def unread(policy: Policy) -> frozenset[str]:
    """Give the quantities that no decision reads at a site of this policy."""
    return frozenset() if reads_rates(policy) else UNREAD


def pack_record(this: Round, facts: ClockFacts, state_sha: str, code: Code, left_out: frozenset[str] = UNREAD) -> bytes:
    """Give a round as a body. `code` shortens channel names it knows and gives others back as they are."""
    decision, told = this.decision, columned(this.readings)
    return squeeze(
        {
            "v": VERSION,
            "clock": pack_clock(this.clock),
            "readings": fold(_rows_of(told, code, left_out), code),
            "requests": this.requests,
            "facts": facts,
            "in": state_sha,
            "out": sha(decision),
            "said": [decision.mode, decision.why, decision.envelope.binding],
        },
        len(told),
    )


def _rows_of(told: Readings, code: Code, left_out: frozenset[str]) -> Rows:
    """Readings to fold; a unit's address is a name like that of its channel and is shortened like one."""
    keys, shared, values = [], [], []
    same: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # a fleet's readings share all of it, and are many
    for key, value, at_s, (why, trust) in zip(told.keys, told.values, told.ats, told.marks(), strict=True):
        quantity = key.rpartition(":")[2]
        if quantity not in left_out:
            named = quantity == "address" and isinstance(value, str)
            keys.append(key)
            values.append(code(value) if named and isinstance(value, str) else value)
            shares = (at_s, why, trust, int(named))
            shared.append(same.setdefault(shares, shares))
    return Rows(keys, shared, (values,))


def unpack_record(key: int, body: bytes, name: Name, keys: Keys | None = None) -> Recorded:
    """Undo `pack_record`; `keys` remembers spellings from record to record. Raises ValueError."""
    tree = unsqueeze(body)
    try:
        mode, why, binding = tree["said"]
        return Recorded(
            key // ROUNDS,
            key % ROUNDS,
            unpack_clock(tree["clock"]),
            _readings(tree["readings"], keys or Keys(name), name),
            tuple(_request(row) for row in tree["requests"]),
            ClockFacts(*tree["facts"]),
            tree["in"],
            tree["out"],
            mode,
            unpack_reason(why),
            tuple(binding),
        )
    except (KeyError, IndexError, TypeError, AttributeError, StopIteration) as error:
        raise ValueError(f"unreadable record {key}: {error!r}") from error


def _readings(tree: dict[str, Any], keys: Keys, name: Name) -> Readings:
    """Hundreds a record: left as columns, without a call of ours for each."""
    names: list[str] = []
    values: list[Any] = []
    lengths, ats, shared = [], [], []
    for spelled, (at_s, why, trust, named), (own,) in keys.groups(tree):
        if len(own) != len(spelled):
            raise IndexError("a column is shorter than its names")
        names += spelled
        values += [name(value) for value in own] if named else own
        lengths.append(len(spelled))
        ats.append(at_s)
        shared.append((why, trust))
    order = order_of(tree, lengths)
    return Readings(
        tuple(order.of(names)), order.of(values), list(map(ats.__getitem__, order.whose)), order.whose, shared
    )


def _request(row: Sequence[Any]) -> Request:
    filled = Request(*row)
    return filled._replace(args=tuple(filled.args), flags=tuple(filled.flags))


def unpack_reason(row: Sequence[Any]) -> Reason:
    """Give a reason out of its JSON."""
    rule, code, numbers = row
    return Reason(rule, code, tuple((name, value) for name, value in numbers))


def pack_commands(commands: Sequence[Command]) -> str:
    """Give a round's commands as JSON columns.

    A column that is the same all the way is one value; each reason stands once.
    """
    columns = table(commands, Command._fields)
    reasons = list(dict.fromkeys(columns["reason"]))
    places = {reason: place for place, reason in enumerate(reasons)}
    columns["reason"] = [places[reason] for reason in columns["reason"]]
    return text({**_evened(columns, "target"), "id": _ids(columns["id"]), "reasons": reasons})


def _ids(ids: list[str]) -> list[str] | dict[str, Any]:
    """Give the ids, or what they begin with and their last numbers ("<tick>.<round>" and n)."""
    parts = [one.rpartition(".") for one in ids]
    starts = {start for start, _, _ in parts}
    if len(starts) == 1 and all(last.isdecimal() and str(int(last)) == last for _, dot, last in parts if dot):
        numbers = [int(last) for _, dot, last in parts if dot]
        if len(numbers) == len(ids):
            return {"of": starts.pop(), "n": numbers}
    return ids


def _evened(columns: dict[str, list[Any]], counted: str) -> dict[str, Any]:
    """Give one value for each column that is the same all the way; the column `counted` keeps its length."""
    return {
        name: column[0] if name != counted and len({(type(value), value) for value in column}) == 1 else column
        for name, column in columns.items()
    }


def _rows(columns: dict[str, Any], fields: Sequence[str], counted: str) -> list[tuple[Any, ...]]:
    count = len(columns[counted])
    spread = (columns[field] if isinstance(columns[field], list) else [columns[field]] * count for field in fields)
    return list(zip(*spread, strict=True))


def unpack_commands(body: str) -> tuple[Command, ...]:
    """Undo `pack_commands`. Raises ValueError."""
    try:
        columns = json.loads(body)
        reasons = [unpack_reason(row) for row in columns["reasons"]]
        if isinstance(columns["id"], dict):
            columns["id"] = [f"{columns['id']['of']}.{number}" for number in columns["id"]["n"]]
        rows = [Command(*row) for row in _rows(columns, Command._fields, "target")]
        return tuple(row._replace(reason=reasons[int(str(row.reason))]) for row in rows)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"unreadable commands: {error!r}") from error


_ANSWER = ("verdict", "why", "ticket", "at_s")


def pack_answers(commands: Sequence[Command], outcomes: Sequence[Outcome]) -> str:
    """Give outcomes as JSON columns in the order they came; "command" is the command's place in its round.

    An answer to a command of another round keeps that command's id.
    """
    places: dict[str, int] = {command.id: place for place, command in enumerate(commands)}
    columns = table(outcomes, Outcome._fields)
    columns["command"] = [places.get(one, one) for one in columns["command"]]
    return text(_evened(columns, "command")) if outcomes else "{}"


def unpack_answers(body: str, commands: Sequence[Command]) -> tuple[Outcome, ...]:
    """Undo `pack_answers`. Raises ValueError."""
    columns = json.loads(body)
    if not columns:
        return ()
    try:
        ids = [one if isinstance(one, str) else commands[one].id for one in columns["command"]]
        return tuple(Outcome(one, *row) for one, row in zip(ids, _rows(columns, _ANSWER, "command"), strict=True))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"unreadable answers: {error!r}") from error
