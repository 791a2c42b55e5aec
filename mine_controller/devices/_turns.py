"""Commands of one lane, one after the other: whose turn comes, what an answer means, which outlets go as a group."""

import re
from collections.abc import Callable, Iterable, Sequence

from mine_controller.core.model.command import (
    ACCEPTED,
    APPLIED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.devices._access import NO_LOGIN
from mine_controller.devices._answer import clean, status_words
from mine_controller.devices.kind import BadReply, Report
from mine_controller.wire.door import Request, Response, Wire, WireError

LEAST_S = 0.5  # a call with less time than this would only end as unknown
LOGIN = status_words(NO_LOGIN)
GIVE_UP = 3  # unreachable this often in a row: the rest need not wait for its connect time-outs
LARGEST_GROUP = 1000
_RANGE = re.compile(r"([A-Za-z_]{0,16})([0-9]{1,4})-([A-Za-z_]{0,16})([0-9]{1,4})")
_OUTLET = re.compile(r"[A-Za-z0-9_.-]{1,64}")

Send = Callable[[Command], Outcome]


class LoginRefusedError(BadReply):
    """The unit refused the login earlier in this batch; nothing was sent."""


def one_login(wire: Wire) -> Wire:
    """The same wire for one unit's batch: after an answer of 401 a call sends nothing and raises LoginRefusedError.

    Units block a user after some wrong logins, and then its owner can't log in either.
    """
    refused = False

    def call(wanted: Request, until: float) -> Response:
        nonlocal refused
        if refused:
            raise LoginRefusedError(f"{LOGIN}; not tried again in this round")
        answer = wire.call(wanted, until)
        refused = answer.status == NO_LOGIN
        return answer

    return wire._replace(call=call)


def in_turn(wire: Wire, batch: Iterable[Command], report: Report, send: Send, on_pause_s: float = 0.0) -> None:
    """Send one command after the other while there is time. `send` may raise WireError or BadReply."""
    silent, last = 0, ""
    for command in batch:
        if command.verb == "on" == last:
            wire.sleep(on_pause_s)
        if silent >= GIVE_UP:
            outcome = Outcome(command.id, UNREACHABLE, "the unit can't be reached; not tried again in this round")
        else:
            outcome = one(wire, command, send)
        silent = silent + 1 if outcome.verdict == UNREACHABLE else 0
        last = command.verb
        report(outcome)


def one(wire: Wire, command: Command, send: Send) -> Outcome:
    """One command, whatever becomes of it."""
    if wire.now() + LEAST_S >= wire.until:
        return Outcome(command.id, NOT_SENT, "the lane's time was over")
    try:
        return send(command)
    except WireError as error:
        return lost(command, error)
    except BadReply as error:
        return unreadable(command, error)


def unreadable(command: Command, error: BadReply) -> Outcome:
    """An answer that says nothing of the command; after a refused login none was asked for."""
    return Outcome(command.id, REFUSED if isinstance(error, LoginRefusedError) else UNKNOWN, str(error))


def lost(command: Command, error: WireError) -> Outcome:
    """No answer: unknown when something may have reached the device."""
    return Outcome(command.id, UNKNOWN if error.sent else UNREACHABLE, error.why)


def judged(command: Command, answer: Response, why: str = "") -> Outcome:
    """What an HTTP status says about a command; `why` is the device's own reason for a refusal."""
    if why and answer.status == NO_LOGIN:
        why = f"{LOGIN}: {why}"
    told = clean(why or status_words(answer.status), 100)
    if answer.status == 202:
        return Outcome(command.id, ACCEPTED)
    if 200 <= answer.status < 300:
        return Outcome(command.id, APPLIED)
    if answer.status in (405, 501):
        return Outcome(command.id, UNSUPPORTED, told)
    if 400 <= answer.status < 500 and answer.status != 408:
        return Outcome(command.id, REFUSED, told)
    return Outcome(command.id, UNKNOWN, told)


def switchable(batch: Sequence[Command], report: Report) -> list[Command]:
    """The commands that may go to outlets; the others are reported at once."""
    good = []
    for command in batch:
        if command.verb not in ("on", "off"):
            report(Outcome(command.id, UNSUPPORTED, "outlets take on and off only"))
        elif not is_outlet(command.address):
            report(Outcome(command.id, REFUSED, f"{clean(command.address)!r} is no name of an outlet"))
        else:
            good.append(command)
    return good


def is_outlet(name: object) -> bool:
    """Whether a text can be the name of an outlet: as a channel it must not hold a slash or a colon."""
    return isinstance(name, str) and _OUTLET.fullmatch(name) is not None and name.strip(".") != ""


def groups_of(texts: Iterable[str]) -> dict[str, frozenset[str]]:
    """`("all: A1-A40", "left: A1 A3")` as names and outlets, largest first; what can't be read is no group."""
    found = {}
    for text in texts:
        name, _, members = text.partition(":")
        outlets = frozenset(outlet for word in members.split() for outlet in _expand(word))
        if name.strip() and outlets:
            found[name.strip()] = outlets
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def group_faults(texts: Iterable[str]) -> list[str]:
    """Sentences about groups that can't be read."""
    return [f"groups: {text!r} is no group like all: A1-A40" for text in texts if not groups_of([text])]


def _expand(word: str) -> list[str]:
    found = _RANGE.fullmatch(word)
    if not found:
        return [word]
    prefix, first, again, last = found[1], int(found[2]), found[3], int(found[4])
    if again not in ("", prefix) or not 0 <= last - first < LARGEST_GROUP:
        return []
    return [f"{prefix}{at}" for at in range(first, last + 1)]


def whole_groups(batch: Sequence[Command], groups: dict[str, frozenset[str]]) -> dict[str, list[Command]]:
    """Groups of which every outlet is to go off in this batch, no outlet twice. Never for on: inrush."""
    off = {command.address: command for command in batch if command.verb == "off"}
    chosen: dict[str, list[Command]] = {}
    for name, members in groups.items():
        if members <= off.keys():
            chosen[name] = [off.pop(member) for member in sorted(members)]
    return chosen
