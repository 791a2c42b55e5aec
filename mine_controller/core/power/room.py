"""How much more power miners may take: under the site's ceilings, on each branch and on each phase. Pure.

A miner on its way up counts at 1.05 x its power: the configured one, or the learned one where that is more. So does, on
its branch and its phase, who was told to run before and does not draw it yet. Phases stay near each other: a start
waits while it would put its phase too far above the least loaded one (a generator's windings share their load badly).
"""

from mine_controller.core.fleet import full_w, rising, starting
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.view import View

START_SHARE_PCT = 105


class Room:
    """What is left in this round; `take` uses it up, miner by miner."""

    def __init__(self, view: View, envelope: Envelope) -> None:
        self.view = view
        self.site_w = free_w(view, envelope)
        self.breakers, self.phases = dict(envelope.breakers), dict(envelope.phases)
        self.apart_w = envelope.phases_apart_w
        self.loads: dict[str, int] = {}  # of each phase that has miners of ours, by then
        if self.breakers or self.phases or self.apart_w is not None:
            self._count(view)

    def _count(self, view: View) -> None:
        fleet, state, wiring = view.fleet, view.state, view.wiring
        climbing = rising(fleet, state, wiring, view.now_s) | starting(fleet.est_w, state, wiring)
        if self.apart_w is not None:
            fed = {spec.phase for spec in wiring.miners if spec.paths}
            self.loads = {phase.name: 0 for phase in wiring.phases if phase.name in fed}
        for at, (spec, drawn_w) in enumerate(zip(wiring.miners, fleet.est_w, strict=True)):
            self._use(spec, drawn_w + climbing.get(at, 0))

    def _use(self, spec: MinerSpec, watts: int) -> None:
        if spec.breaker in self.breakers:
            self.breakers[spec.breaker] -= watts
        if spec.phase in self.phases:
            self.phases[spec.phase] -= watts
        if spec.phase in self.loads:
            self.loads[spec.phase] += watts

    def more_w(self, at: int) -> int:
        """What this miner would take beyond what it takes now, at full power."""
        spec = self.view.wiring.miners[at]
        return full_w(spec, self.view.state) * START_SHARE_PCT // 100 - self.view.fleet.est_w[at]

    def lacks(self, at: int) -> Reason | None:
        """Why it does not fit, or None."""
        spec, more_w = self.view.wiring.miners[at], self.more_w(at)
        if self.site_w is not None and more_w > self.site_w:
            return Reason("choose", "no_power", (("free_w", max(0, self.site_w)),))
        if self.breakers.get(spec.breaker, more_w) < more_w:
            return Reason("choose", "no_breaker", (("breaker", spec.breaker),))
        if self.phases.get(spec.phase, more_w) < more_w:
            return Reason("choose", "no_phase", (("phase", spec.phase),))
        if self.apart_w is not None and spec.phase in self.loads:
            ahead_w = self.loads[spec.phase] + more_w - min(self.loads.values())
            if ahead_w > max(self.apart_w, more_w):  # one miner may always be the first
                return Reason("choose", "phases_apart", (("phase", spec.phase), ("ahead_w", ahead_w)))
        return None

    def take(self, at: int) -> None:
        """It goes up."""
        spec, more_w = self.view.wiring.miners[at], self.more_w(at)
        if self.site_w is not None:
            self.site_w -= more_w
        self._use(spec, more_w)


def free_w(view: View, envelope: Envelope) -> int | None:
    """Watts the site's ceilings leave; None: there is no ceiling."""
    ceilings = [limit for limit in (envelope.max_power_w, envelope.start_max_w) if limit is not None]
    if not ceilings:
        return None
    fleet = view.fleet
    drawn_w = max(fleet.miners_w, (fleet.meter_w or 0) - fleet.other_w)
    return min(ceilings) - drawn_w - fleet.starting_w
