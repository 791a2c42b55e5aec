"""Wanted minus seen = commands, one batch, largest load first. Pure.

The difference is the queue, so there is no queue: what was not sent is simply still different the next time.
"""

from mine_controller.core.compare.fans import move_fans
from mine_controller.core.compare.settled import check_maps, drop_settled
from mine_controller.core.compare.starts import start_miners
from mine_controller.core.compare.stops import stop_miners
from mine_controller.core.compare.work import Compared, Work, look
from mine_controller.core.envelope import severest
from mine_controller.core.forecast import Deadline
from mine_controller.core.miners.liars import liars_of
from mine_controller.core.model.decision import Envelope, Plan
from mine_controller.core.outputs.levels import levels
from mine_controller.core.view import View


def compare(view: View, envelope: Envelope, plan: Plan, deadline: Deadline | None) -> Compared:
    """Commands for this round. None relies on another of the same round: order is a guard, not a sequence."""
    envelope = envelope._replace(how=severest(envelope, view)) if plan.stops else envelope
    busy = bool(view.state.chases or plan.stops or plan.starts)
    index = {spec.id: at for at, spec in enumerate(view.wiring.miners)} if busy else {}
    work = Work(view, envelope, plan, dict(view.state.chases), [], [], [], [], [], [], [], index)
    work = work._replace(liars=liars_of(view)) if plan.stops else work
    drop_settled(work)
    check_maps(work)
    stop_miners(work, deadline)
    move_fans(work)
    start_miners(work)
    work.commands.extend(levels(view, envelope, work.chases, len(work.commands)))
    return Compared(
        work.chases,
        tuple(work.commands),
        look(work),
        tuple(work.events),
        tuple(work.done),
        tuple(work.failed),
        tuple(work.mapped_wrong),
        tuple(work.lied),
    )
