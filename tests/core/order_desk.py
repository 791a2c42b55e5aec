"""A view of plain columns for `choose` and `compare`, and limits to hold against it."""

from core.plant import Plant, wiring

from mine_controller.core import choose as room
from mine_controller.core.compare import compare
from mine_controller.core.decide import _view
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reason import CONTRACT, Limit, Reason

WHY = Reason("test", "why")


def view(count=4, *, wires=None, running=True, plant=None, opening=True, **changes):
    """A view whose state, columns of miners and channels may be put in place."""
    plant = plant or Plant(wires or wiring(count), running=running)
    plant.frozen = True
    plant.tick()
    seen, _ = _view(plant.image, plant.state, plant.policy)
    columns = {name: value for name, value in changes.items() if hasattr(seen.image.miners, name)}
    state = {name: value for name, value in changes.items() if hasattr(seen.state, name)}
    image = seen.image._replace(
        clock=seen.image.clock._replace(opening=opening),
        miners=seen.image.miners._replace(**columns),
        channels={**seen.image.channels, **changes.get("channels", {})},
    )
    state.setdefault("chases", {})
    state.setdefault("miners", {})
    return seen._replace(image=image, state=seen.state._replace(**state), fans=changes.get("fans", seen.fans))


def limit(what, amount, layer=CONTRACT, rule="test"):
    return Limit(layer, what, amount, Reason(rule, "why"))


def sent(seen, envelope, deadline=None):
    plan = room.choose(seen, envelope)
    found = compare(seen, envelope, plan, deadline)
    return [(one.target, one.verb, one.lane) for one in found.commands if one.target.startswith("miner ")], found


ALL_OFF = Envelope(max_power_w=0, fans_min=9, binding=(limit("max_power_w", 0),))
