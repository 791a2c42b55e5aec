"""A comparison under way: what was looked at, what is open, and the commands so far. Pure."""

from mine_controller.core.chase import Step
from mine_controller.core.due import ONCE
from mine_controller.core.looks import at_endpoint
from mine_controller.core.miners.waking import waking
from mine_controller.core.model.command import Command
from mine_controller.core.model.decision import Envelope, Look, Plan
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import MinerSpec, Path
from mine_controller.core.outputs.levels import command_id
from mine_controller.core.reach import address
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

TICKETS_A_ROUND = 5


class Compared(NamedTuple):
    """Chases after this round, what to send, when to look again."""

    chases: dict[str, Chase]
    commands: tuple[Command, ...]
    look: Look | None
    events: tuple[Event, ...]
    done: tuple[tuple[str, Chase], ...]  # proven this round: ("miner a017", its chase)
    failed: tuple[str, ...]  # miners whose start failed for good
    mapped_wrong: tuple[str, ...]  # miners that hash on while their outlet is dark
    lied: tuple[str, ...]  # miners that said yes to a stop and drew on until the ladder climbed


class Work(NamedTuple):
    """The lists and dicts are filled as the comparison goes; they are this round's own."""

    view: View
    envelope: Envelope
    plan: Plan
    chases: dict[str, Chase]
    commands: list[Command]
    looks: list[tuple[int, str]]
    events: list[Event]
    done: list[tuple[str, Chase]]
    failed: list[str]
    mapped_wrong: list[str]
    lied: list[str]
    column: dict[str, int]  # miner id -> column
    liars: frozenset[str] = frozenset()  # those whose word is not waited for


def new_id(work: Work) -> str:
    """What the next command is called."""
    return command_id(work.view, len(work.commands))


def note(work: Work, target: str, spec: MinerSpec, step: Step, reason: Reason, endpoint: str) -> None:
    """A step of a stop: its chase, its command if one is due, and when to look at `endpoint` again."""
    work.chases[target] = step.chase
    if step.look_s is not None:
        work.looks.append(at_endpoint(work.view, endpoint, step.look_s, step.chase.sent_s or work.view.now_s))
    if step.send:
        command(work, target, spec, step.chase, reason, "stop" if spec.paths[step.chase.rung].gentle else "off")


def command(work: Work, target: str, spec: MinerSpec, chase: Chase, reason: Reason, verb: str) -> None:
    """One command by the rung its chase is on."""
    path: Path = spec.paths[chase.rung]
    called = address(work.view, spec, work.column[spec.id], path)
    unit = spec.mac if path.gentle else ""
    own = verb == "run" and path.lane == spec.group
    mode = waking(work.view.image.channels, work.envelope.wishes, spec) if own else ""
    command = Command(new_id(work), target, verb, path.lane, called or "", chase.rung, reason, unit, mode)
    work.chases[target] = chase._replace(command=command.id)
    work.commands.append(command)


def look(work: Work) -> Look | None:
    """The earliest of all wishes to look, at every endpoint that has something open; a few overdue tickets beside."""
    view = work.view
    for wish in work.envelope.wishes:
        if wish.what.startswith("look "):
            work.looks.append((view.now_s + int(wish.value), wish.what.removeprefix("look ")))
    if not work.looks or not view.site.live:  # withheld commands change nothing that a second look could see
        return None
    at_s = max(view.now_s + 1, min(at for at, _ in work.looks))
    what = {endpoint for at, endpoint in work.looks if endpoint and (at <= at_s or not endpoint.startswith(ONCE))}
    meter = view.wiring.roles.get("site_power_w")
    if meter is not None and work.plan.stops:
        what |= {key.rpartition(":")[0].partition("/")[0] for key in meter.keys}
    return Look(at_s, (*sorted(what), *_tickets(work)))


def _tickets(work: Work) -> list[str]:
    """Jobs half-way through their proof time, oldest first: they explain, they never prove."""
    now_s = work.view.now_s
    asked = []
    for target, chase in sorted(work.chases.items(), key=lambda item: (item[1].sent_s or 0, item[0])):
        if chase.ticket and chase.sent_s is not None and now_s - chase.sent_s >= 15 and target.startswith("miner "):
            spec = work.view.wiring.miners[work.column[target[6:]]]
            asked.append(f"ticket:{spec.paths[chase.rung].lane}/{chase.ticket}")
    return asked[:TICKETS_A_ROUND]
