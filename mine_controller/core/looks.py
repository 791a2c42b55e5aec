"""When to look again after a command, and at what: (plant second, endpoint) each. Pure."""

from mine_controller.core.due import ONCE
from mine_controller.core.power.feed import asked_of
from mine_controller.core.view import View

FAN_PROOF_S = 22
AFTER_S = 20  # a board that rests is read once more, so long after a command


def at_endpoint(view: View, endpoint: str, at_s: int, sent_s: int) -> tuple[int, str]:
    """When to look at it, and how to say so: what rests is asked once, a while after the command."""
    spec = view.wiring.endpoints.get(endpoint)
    if spec is None or not spec.rest_s:
        return at_s, endpoint
    return (sent_s + AFTER_S, ONCE + endpoint) if view.now_s < sent_s + AFTER_S else (at_s, endpoint)


def at_fan(view: View, watts: str, since_s: int) -> list[tuple[int, str]]:
    """At the meter of a fan that was switched on at `since_s`, once it should turn, and beside it at what tells whether
    anything feeds the site: a source that died meanwhile is no fan's fault."""
    at_s = since_s + FAN_PROOF_S
    if not watts or view.now_s >= at_s + 2 * FAN_PROOF_S:
        return []
    return [(max(at_s, view.now_s + 5), end) for end in (watts.partition("/")[0], *asked_of(view.wiring))]
