"""A limit of LuxOS: the strongest profile below it, and its thermal management as it was before.

LuxOS's ATM (advanced thermal management) steps a board down before it overheats, by default up to the maker's profile
again when it cools. While it is on a profile is not taken, and what `atmset` changes is kept over a restart (LuxOS's
documents of atm, atmset and profileset; pyasic's own client switches it off and on again). So a board is without it
for two requests only, whatever becomes of them, and afterwards it goes no higher than the limit.
"""

from collections.abc import Sequence

from mine_controller.core.model.command import (
    ACCEPTED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    Command,
    Outcome,
)
from mine_controller.devices import _cgminer_orders
from mine_controller.devices._cgminer import Fleet
from mine_controller.devices.kind import Report
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Wire

GUARD_S = 10.0  # with less time left it might not be switched on again
OFF, ON = "enabled=false", "enabled=true"
SILENT = "before the command: it does not tell whether its thermal management (ATM) is on"
HOTTER = "its thermal management (ATM) takes no highest profile, and may go above the limit"
BARE = "its thermal management (ATM) was switched off for this and is not surely on again: switch it on"
Steps = Sequence[tuple[Command, bytes]]


class Limit(NamedTuple):
    """What one unit's limit comes to."""

    session: str
    profile: str
    guarded: bool = False  # its ATM is on

    def heat(self, wanted: str) -> bytes:
        """ATM off or on."""
        return cgminer.request("atmset", f"{self.session},{wanted}")

    def order(self) -> bytes:
        """The profile."""
        return cgminer.request("profileset", f"{self.session},{self.profile}")


def apply(wire: Wire, options: Fleet, going: Steps, sessions: dict[str, str], report: Report) -> None:
    """The limits of a batch; `going` holds their first request, for the profiles. Each step with all units at once."""
    limits = _chosen(wire, options, going, sessions, report)
    commands = {command.id: command for command, _ in going}
    held = [commands[at] for at, limit in limits.items() if limit.guarded]
    if held and wire.now() + GUARD_S >= wire.until:
        for command in held:
            report(Outcome(command.id, NOT_SENT, "too little time to switch its thermal management off and on again"))
            del limits[command.id]
        held = []
    offs = _cgminer_orders.step(wire, options, [(command, limits[command.id].heat(OFF)) for command in held])
    asked = {command.id: _cgminer_orders.judged(command, answer) for command, answer in offs}
    bare = [command for command in held if asked[command.id].verdict in (ACCEPTED, UNKNOWN)]
    said = {at: _before(outcome) for at, outcome in asked.items()}
    free = [commands[at] for at in limits if at not in said or said[at].verdict == ACCEPTED]
    for command, answer in _cgminer_orders.step(wire, options, [(one, limits[one.id].order()) for one in free]):
        said[command.id] = _cgminer_orders.judged(command, answer)
    said |= _protected(wire, options, bare, limits, said)
    for outcome in said.values():
        report(outcome)


def _chosen(wire: Wire, options: Fleet, going: Steps, sessions: dict[str, str], report: Report) -> dict[str, Limit]:
    limits: dict[str, Limit] = {}

    def choose(command: Command, tree: cgminer.Tree) -> bytes | Outcome:
        rows = cgminer.rows(tree, "PROFILES")
        fits = [(watts, row) for row in rows if (watts := cgminer.number(row.get("Watts"))) is not None]
        fits = [(watts, row) for watts, row in fits if 0 < watts <= float(command.value)]
        name = max(fits, key=lambda fit: fit[0])[1].get("Profile Name") if fits else None
        if not isinstance(name, str) or "," in name:
            return Outcome(command.id, REFUSED, f"it has no profile of {command.value} W or less")
        limits[command.id] = Limit(sessions[command.id], name)
        return cgminer.request("atm")

    def guard(command: Command, tree: cgminer.Tree) -> bytes | Outcome:
        on = cgminer.row(tree, "ATM").get("Enabled")
        if not isinstance(on, bool) and cgminer.status(tree).code != cgminer.INVALID_COMMAND:
            return Outcome(command.id, REFUSED, SILENT)  # firmware that has no ATM does not know the word
        limits[command.id] = limits[command.id]._replace(guarded=on is True)
        return b""

    asks = _cgminer_orders.before(_cgminer_orders.step(wire, options, going), report, choose)
    known = {
        command.id for command, _ in _cgminer_orders.before(_cgminer_orders.step(wire, options, asks), report, guard)
    }
    return {at: limit for at, limit in limits.items() if at in known}


def _before(outcome: Outcome) -> Outcome:
    """Of the step that only prepares: where its answer was lost, the limit itself was not sent."""
    if outcome.verdict == UNKNOWN:
        return outcome._replace(verdict=UNREACHABLE, why=f"before the command: {outcome.why}")
    return outcome


def _protected(
    wire: Wire, options: Fleet, bare: Sequence[Command], limits: dict[str, Limit], said: dict[str, Outcome]
) -> dict[str, Outcome]:
    """ATM on again, no higher than the new profile where that was taken; by itself where that is not taken either."""
    highest = [command for command in bare if said[command.id].verdict == ACCEPTED]
    tops = {one.id: f"{ON},max_profile={limits[one.id].profile}" for one in highest}
    asks = [(command, limits[command.id].heat(tops.get(command.id, ON))) for command in bare]
    left = [command for command, answer in _cgminer_orders.step(wire, options, asks) if not _good(command, answer)]
    again = _cgminer_orders.step(wire, options, [(command, limits[command.id].heat(ON)) for command in left])
    found = {}
    for command, answer in again:
        outcome = said[command.id]
        if not _good(command, answer):
            found[command.id] = Outcome(command.id, UNKNOWN, BARE)
        elif outcome.verdict == ACCEPTED:
            found[command.id] = outcome._replace(why=HOTTER)
    return found


def _good(command: Command, answer: cgminer.Tree | Outcome) -> bool:
    return _cgminer_orders.judged(command, answer).verdict == ACCEPTED
