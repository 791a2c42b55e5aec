"""The mode is a label read off reasons and proof; no logic hides in it and nothing remembers it. Pure."""

from mine_controller.core.envelope import binding_power, is_full
from mine_controller.core.fleet import ids_of, wordy
from mine_controller.core.model.decision import Envelope, Plan
from mine_controller.core.model.reason import CONTRACT, ECONOMICS, EQUIPMENT, SAFETY, Limit, Reason
from mine_controller.core.model.state import Override, Shed
from mine_controller.core.pools import poolless
from mine_controller.core.view import View

MODES = (
    "FAULT",
    "EMERGENCY",
    "MANUAL",
    "CURTAILING",
    "CURTAILED",
    "SHEDDING",
    "HOLD",
    "INIT",
    "RESUMING",
    "RUNNING",
    "IDLE",
)

# Edges of safety 4.1. Any mode may go to a stronger one; these are the ways back down.
_DOWN = {
    "FAULT": {"INIT"},
    "EMERGENCY": {"INIT", "RESUMING", "HOLD", "RUNNING", "IDLE", "CURTAILED", "CURTAILING", "SHEDDING", "MANUAL"},
    "MANUAL": {"INIT", "RESUMING", "HOLD", "RUNNING", "IDLE", "CURTAILING", "CURTAILED", "SHEDDING"},
    "CURTAILING": {"CURTAILED", "RESUMING", "RUNNING", "HOLD", "INIT", "SHEDDING", "IDLE"},
    "CURTAILED": {"RESUMING", "RUNNING", "HOLD", "INIT", "SHEDDING", "IDLE"},
    "SHEDDING": {"RESUMING", "HOLD", "RUNNING", "IDLE", "INIT"},
    "HOLD": {"RESUMING", "RUNNING", "INIT", "IDLE"},
    "INIT": {"RESUMING", "RUNNING", "IDLE"},
    "RESUMING": {"RUNNING", "IDLE"},
    "RUNNING": {"IDLE", "RESUMING"},
    "IDLE": set(),
}
# RUNNING -> RESUMING is a climb after miners were lost; CURTAILED -> CURTAILING a restart under the signal.
# Why one is left out whom no climb will reach: it needs somebody, or room on its branch or phase.
OUT_OF_REACH = (
    "unreachable",
    "not_ours",
    "unmeasured",
    "no_breaker",
    "no_phase",
    "phases_apart",
    "tripped",
    "over_limit",  # it is being stopped, because there is none
)
AWAKE = ("hashing", "booting")  # words by which one that nothing measures is seen to run
WHOLE = ("max_power_w", "max_miners")  # limits of the mine as a whole: 0 = nobody
_RANK = {mode: at for at, mode in enumerate(MODES)}


def legal(was: str, now: str) -> bool:
    """True when the label may change so."""
    if was == now or _RANK[now] < _RANK[was]:
        return True
    return now in _DOWN[was]


def mode_of(view: View, envelope: Envelope, plan: Plan, shed: Shed | None, fault: bool) -> tuple[str, Reason]:
    """(mode, why). `fault`: the controller can't trust itself."""
    if fault:
        return "FAULT", next((limit.reason for limit in envelope.binding), Reason("decide", "fault"))
    stop = binding_power(envelope)
    if stop is not None and stop.amount == 0 and stop.layer < ECONOMICS:
        return _all_off(view, stop, shed)
    if any(override.kind == "output" and _holds(override, view) for override in view.state.overrides):
        reason = next((limit.reason for limit in envelope.reasons if limit.reason.rule == "override"), None)
        return "MANUAL", reason or Reason("override", "manual")
    if stop is not None and stop.amount < view.fleet.nominal_w and stop.layer <= CONTRACT:
        return "SHEDDING", stop.reason
    few = next((limit for limit in envelope.binding if limit.what == "max_miners" and limit.layer == SAFETY), None)
    if few is not None:
        return "SHEDDING", few.reason
    return _quiet(view, envelope, plan)


def _holds(override: Override, view: View) -> bool:
    """Not of a fan or a miner that the config has no more; it is kept for the day that one is back."""
    what, _, name = override.key.partition(".")
    if what == "fan":
        return any(spec.name == name for spec in view.wiring.fans)
    return what != "miner" or name in ids_of(view.wiring.miners)


def _all_off(view: View, stop: Limit, shed: Shed | None) -> tuple[str, Reason]:
    if stop.layer == SAFETY:
        return "EMERGENCY", stop.reason
    if stop.reason.rule == "override":
        return "MANUAL", stop.reason
    proven = shed is not None and shed.shed_100_s is not None and view.fleet.proof_w < shed.floor_w
    return ("CURTAILED" if proven else "CURTAILING"), stop.reason


def _quiet(view: View, envelope: Envelope, plan: Plan) -> tuple[str, Reason]:
    hold = envelope.no_start
    waiting = [name for name, reason in plan.skip.items() if reason.rule != "wear" and reason.code not in OUT_OF_REACH]
    if hold is not None and hold.code != "missed":  # one missed reading is no HOLD yet
        boot = next((limit.reason for limit in envelope.reasons if limit.reason.rule == "boot"), None)
        if boot is not None and boot.code != "clock_step" and not view.state.memory.get("boot", {}).get("told"):
            return "INIT", boot
        if waiting or view.fleet.unknown or hold.code in ("unknown", "blind", "meter_unknown"):
            return "HOLD", hold
    rest = next((one for one in envelope.binding if one.what in WHOLE and one.amount == 0), None)
    if rest is not None:  # by economics: whatever is graver was judged above
        return "IDLE" if not view.fleet.on_n else "RUNNING", rest.reason
    waits = poolless.told(view.state) if view.fleet.on_n else 0
    climbing = plan.starts or view.fleet.starting_n > waits
    # Who is kept off by name (a price, a person, a fault) comes back when that ends, by no step of a climb.
    room = _startable(view, envelope, [name for name in waiting if name not in envelope.bans])
    if climbing or room:
        return "RESUMING", _why_climbing(envelope, plan, view)
    if view.fleet.on_n == 0:
        return "IDLE", next(iter(plan.skip.values()), Reason("decide", "no_miners"))
    return "RUNNING", _running(view)


def _running(view: View) -> Reason:
    """How many are seen to run, and of how many nobody knows it: these count as running for limits alone."""
    unseen = _unseen(view)
    numbers = (("on", view.fleet.on_n - unseen), ("miners", len(view.fleet.on)))
    if unseen:
        return Reason("decide", "running_unseen", (*numbers, ("unseen", unseen)))
    return Reason("decide", "running", numbers)


def _unseen(view: View) -> int:
    """How many count as on and neither a meter nor, where there is none, their own word tells that they are."""
    fleet, miners = view.fleet, view.image.miners
    rows = zip(view.wiring.miners, fleet.on, miners.power_w, miners.word, strict=True) if fleet.unknown else ()
    return sum(
        on and watts is None and not (word in AWAKE and wordy(spec, view.image, at))
        for at, (spec, on, watts, word) in enumerate(rows)
    )


def _startable(view: View, envelope: Envelope, waiting: list[str]) -> bool:
    """True when at least one more miner could run under the ceilings (ramp and air only pace it)."""
    if not waiting or is_full(view, envelope):
        return False
    ceilings = [limit for limit in (envelope.max_power_w, envelope.start_max_w) if limit is not None]
    one_w = max(1, view.fleet.nominal_w // max(1, view.fleet.size))
    return not ceilings or min(ceilings) - view.fleet.miners_w - view.fleet.starting_w > one_w * 105 // 100


def _why_climbing(envelope: Envelope, plan: Plan, view: View) -> Reason:
    pace = next(
        (limit for limit in envelope.binding if limit.what == "start_miners" and limit.layer == EQUIPMENT), None
    )
    air = next((limit for limit in envelope.binding if limit.what == "start_miners" and limit.layer == SAFETY), None)
    if not plan.starts and air is not None and air.amount == 0:
        return air.reason
    on_n = view.fleet.on_n - _unseen(view)
    numbers = (("starts", len(plan.starts)), ("on", on_n), ("miners", len(view.fleet.on)))
    return Reason("decide", "climbing", numbers) if pace is None or plan.starts else pace.reason
