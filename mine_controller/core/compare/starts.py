"""Starts: the outlet first where it is off, then the miner's own word. Pure."""

from mine_controller.core.compare.settled import RETRY_START_S
from mine_controller.core.compare.work import Work, command
from mine_controller.core.fleet import wordy
from mine_controller.core.model.command import UNREACHABLE
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import Chase
from mine_controller.core.pools.poolless import waits

BOOT_S = 90  # from outlet on to the miner's own start
RETRY_IDLE_S = 6 * 3600  # to one that says that it waits for its pool: its word may be wrong, its flash memory wears


def start_miners(work: Work) -> None:
    """New starts, and the second half of a start: first the outlet, then the miner's own word."""
    view = work.view
    if work.envelope.no_start is not None or not view.image.clock.opening:
        return
    for at in work.plan.starts:
        work.chases.setdefault(f"miner {view.wiring.miners[at].id}", Chase("run", 0, 0, view.now_s))
    reason = Reason("choose", "start", (("starts", len(work.plan.starts)),))
    for target in sorted(work.chases):
        chase = work.chases[target]
        column = work.column.get(target[6:]) if target.startswith("miner ") else None
        if chase.want != "run" or column is None or view.fleet.on[column]:
            continue
        known = view.image.miners.power_w[column] is not None
        if known or wordy(view.wiring.miners[column], view.image, column):  # not knowing never frees
            _start(work, target, chase, column, reason)


def _start(work: Work, target: str, chase: Chase, at: int, reason: Reason) -> None:
    """An outlet that is off comes first; a miner that sleeps or stays dark is told to run once it has booted."""
    view = work.view
    spec, outlet = view.wiring.miners[at], view.image.miners.outlet[at]
    cut = next((rung for rung, path in enumerate(spec.paths) if not path.gentle), None)
    patience_s = RETRY_START_S + spec.ramp_patience_s
    if outlet == "off" and cut is not None:
        rung = cut
        fresh = chase.sent_s is None or chase.rung != cut or view.now_s - chase.sent_s >= spec.ramp_patience_s
    else:
        rung = 0
        if cut == 0 or view.image.miners.address[at] is None:
            return  # nobody to tell: the outlet's power must do, or patience ends
        booted = chase.rung != cut or chase.sent_s is None or view.now_s - chase.sent_s >= BOOT_S
        idle = waits(view.image, at)  # it is awake: a start would only write its settings once more
        again = chase.rung == 0 and (
            chase.sent_s is None
            or chase.answer == UNREACHABLE
            or ((idle or chase.tries < 2) and view.now_s - chase.sent_s >= (RETRY_IDLE_S if idle else patience_s))
        )
        fresh = booted and (again or chase.rung != 0)
    if fresh:
        tries = chase.tries + 1 if chase.rung == rung else 1
        sent = chase._replace(rung=rung, tries=tries, sent_s=view.now_s, answer="", ticket=None)
        command(work, target, spec, sent, reason, "run" if spec.paths[rung].gentle else "on")
