"""What of the chases is over: proven, wanted no longer, failed; and outlets that feed another miner. Pure."""

from mine_controller.core.compare.work import Work
from mine_controller.core.fleet import risen_w, wordy
from mine_controller.core.miners.startless import why_failed
from mine_controller.core.model.command import UNREACHABLE
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import Chase
from mine_controller.core.outputs.levels import TARGETS
from mine_controller.core.pools.poolless import waits
from mine_controller.core.reach import CLOUD_LATE_S

RETRY_START_S = 600
UNSENT_S = 240  # a start nobody could be told of makes room for others after this
OBEYED_LATE_S = 120


def drop_settled(work: Work) -> None:
    """Chases that measurement has proven, or that are wanted no longer."""
    view, miners, stops = work.view, work.view.image.miners, set(work.plan.stops)
    specs, on = view.wiring.miners, view.fleet.on
    for target, chase in sorted(work.chases.items()):
        if not target.startswith("miner "):
            # an output has one command after another, until it says so itself
            if not target.startswith(TARGETS) and target[4:] not in view.fans:
                del work.chases[target]
            continue
        at = work.column.get(target[6:])
        if at is None or chase.rung >= len(specs[at].paths):  # the config took it, or its path, away
            del work.chases[target]
        elif chase.want != "stop":
            _settle_start(work, target, chase, at, stopped=at in stops)
        elif on[at]:
            if at not in stops and not _may_still_obey(work, chase, at):
                del work.chases[target]
        else:
            newest_s = miners.power_at[at] if miners.power_w[at] is not None else miners.word_at[at]
            if chase.sent_s is None or newest_s > chase.sent_s:
                work.done.append((target, work.chases.pop(target)))


def _may_still_obey(work: Work, chase: Chase, at: int) -> bool:
    """A stop that is wanted no longer but was sent: until its proof is overdue the unit may go dark by our word."""
    path = work.view.wiring.miners[at].paths[chase.rung]
    return chase.sent_s is not None and work.view.now_s - chase.sent_s <= path.proof_s + OBEYED_LATE_S


def _settle_start(work: Work, target: str, chase: Chase, at: int, stopped: bool) -> None:
    spec, miners = work.view.wiring.miners[at], work.view.image.miners
    watts, sent_s, waited_s = miners.power_w[at], chase.sent_s, work.view.now_s - chase.began_s
    unmetered = watts is None and wordy(spec, work.view.image, at)
    if stopped or work.envelope.max_power_w == 0:
        del work.chases[target]
    elif (watts is not None and watts >= risen_w(spec, work.view.image, work.view.state)) or (
        (unmetered or _is_slowed(work, at)) and _says_it_hashes(work, at, sent_s)
    ):
        work.done.append((target, work.chases.pop(target)))
    elif sent_s is None and waited_s > UNSENT_S:
        del work.chases[target]  # nobody was told: that is no failure of the miner's
    elif waited_s > RETRY_START_S and waits(work.view.image, at):  # when a pool answers, it has its patience still
        work.chases[target] = chase._replace(began_s=work.view.now_s)
    elif waited_s > 2 * spec.ramp_patience_s + RETRY_START_S:
        del work.chases[target]
        if sent_s is None or chase.answer == UNREACHABLE or (watts is None and not unmetered):
            return
        work.failed.append(spec.id)
        work.events.append(Event("start_failed", "warning", spec.id, why_failed(work.view, spec, watts)))


def _is_slowed(work: Work, at: int) -> bool:
    """It runs, and in a mode below its highest by its own word: half of nominal is nothing to wait for."""
    spec, view = work.view.wiring.miners[at], work.view
    mode = view.image.channels.get(f"{spec.group}/{spec.mac}:mode")
    return view.fleet.on[at] and mode is not None and mode.value in spec.modes[:-1]


def _says_it_hashes(work: Work, at: int, sent_s: int | None) -> bool:
    miners = work.view.image.miners
    return sent_s is not None and miners.word[at] == "hashing" and miners.word_at[at] > sent_s


def check_maps(work: Work) -> None:
    """PDU3: an outlet is off and dark, and minutes later its miner says that it hashes: the map is wrong, another one
    was cut. Words of a cloud lag by minutes."""
    miners, specs, books = work.view.image.miners, work.view.wiring.miners, work.view.state.miners
    if "off" not in miners.outlet:  # as in nearly every round
        return
    for at, (outlet, word) in enumerate(zip(miners.outlet, miners.word, strict=True)):
        if outlet != "off" or word != "hashing" or work.view.fleet.on[at]:
            continue
        spec = specs[at]
        book = books.get(spec.id)
        if book is None or book.on or book.quarantined or miners.word_at[at] <= book.last_stop_s + CLOUD_LATE_S:
            continue
        work.mapped_wrong.append(spec.id)
        reason = Reason("compare", "outlet_map", (("miner", spec.id), ("outlet", spec.outlet)))
        work.events.append(Event("outlet_map", "warning", spec.id, reason))
