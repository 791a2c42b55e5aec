"""A round in pieces, for whoever judges one of them: what a rule is shown, what was compared, what was planned."""

from core.plant import Plant, wiring

from mine_controller.core.compare.work import Compared
from mine_controller.core.decide import _view
from mine_controller.core.model.decision import Plan


def view(miners=4, *, running=True, **state):
    plant = Plant(wiring(miners), running=running)
    plant.frozen = True
    plant.tick()
    found, _ = _view(plant.image, plant.state, plant.policy)
    return found._replace(state=found.state._replace(**state))


def compared(*, done=(), failed=(), mapped=()):
    return Compared({}, (), None, (), tuple(done), tuple(failed), tuple(mapped), ())


def plan(seen, **changes):
    blank = Plan((True,) * len(seen.wiring.miners), (), (), {}, (), seen.fleet.miners_w, seen.fleet.measured_w, 0)
    return blank._replace(**changes)
