"""How much more power miners may take: under the site's ceilings, on each branch and on each phase. Pure.

A miner on its way up counts at 1.05 x its power: the configured one, or the learned one where that is more.
"""

from mine_controller.core.fleet import full_w
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reason import Reason
from mine_controller.core.view import View

START_SHARE_PCT = 105


class Room:
    """What is left in this round; `take` uses it up, miner by miner."""

    def __init__(self, view: View, envelope: Envelope) -> None:
        self.view = view
        self.site_w = free_w(view, envelope)
        self.breakers, self.phases = dict(envelope.breakers), dict(envelope.phases)
        if self.breakers or self.phases:
            for spec, drawn_w in zip(view.wiring.miners, view.fleet.est_w, strict=True):
                if spec.breaker in self.breakers:
                    self.breakers[spec.breaker] -= drawn_w
                if spec.phase in self.phases:
                    self.phases[spec.phase] -= drawn_w

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
        return None

    def take(self, at: int) -> None:
        """It goes up."""
        spec, more_w = self.view.wiring.miners[at], self.more_w(at)
        if self.site_w is not None:
            self.site_w -= more_w
        if spec.breaker in self.breakers:
            self.breakers[spec.breaker] -= more_w
        if spec.phase in self.phases:
            self.phases[spec.phase] -= more_w


def free_w(view: View, envelope: Envelope) -> int | None:
    """Watts the site's ceilings leave; None: there is no ceiling."""
    ceilings = [limit for limit in (envelope.max_power_w, envelope.start_max_w) if limit is not None]
    if not ceilings:
        return None
    fleet = view.fleet
    drawn_w = max(fleet.miners_w, (fleet.meter_w or 0) - fleet.other_w)
    return min(ceilings) - drawn_w - fleet.starting_w
