"""Who said yes to a stop in part and draws on takes nobody's place: the load comes down all the same."""

import pytest
from core.offgrid_plant import SOURCE
from core.plant import Plant, policy, wiring

from mine_controller.core.model.quantity import ROLES
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import EndpointSpec, Role
from mine_controller.core.reach import CLOUD_LATE_S, LATE_S, stoppable
from mine_controller.core.view import View

PDU, FLEET, KEY = "redfish pdu1", "foreman mine", f"{SOURCE}/possible:supply_kw"


class Weak(Plant):
    """Miners on a source that says what it can give."""

    def __init__(self, *, outlets=True, outside=False):
        wires = wiring(24, 2, outlets=outlets, outside=("power_signal coop", FLEET) if outside else ())
        role = Role("supply_kw", (KEY,), ROLES["supply_kw"].vote, 240)
        ends = {**wires.endpoints, SOURCE: EndpointSpec(SOURCE)}
        wires = wires._replace(roles={**wires.roles, "supply_kw": role}, endpoints=ends)
        super().__init__(wires, policy(wires))
        self.kw = 100.0
        self.ticks(3)

    def readings(self, asked):
        told = [Reading(KEY, self.kw, self.now)] if SOURCE in asked else []
        return super().readings(asked) + told

    @property
    def all_w(self):
        return self.total + 1500 * self.fans_up


def brown_out(liars, ticks, *, dead=(), **site):
    plant = Weak(**site)
    plant.liars, plant.dead, plant.kw = {f"m{at:03}" for at in range(liars)}, set(dead), 60.0
    plant.ticks(ticks)
    return plant


@pytest.mark.parametrize(("liars", "outside", "ticks"), [(1, False, 2), (4, False, 2), (8, False, 2), (8, True, 7)])
@pytest.mark.parametrize("outlets", [True, False])
def test_cmd2_where_no_outlet_answers_others_stop_in_the_place_of_those_that_lie(liars, outside, ticks, outlets):
    plant = brown_out(liars, ticks, dead=[PDU], outlets=outlets, outside=outside)
    assert plant.all_w <= 60_000
    assert all(plant.power[name] == 3400 for name in plant.liars)
    assert plant.violations == []


def test_where_all_obey_nobody_more_than_needed_is_stopped():
    for liars in (0, 4):
        assert sum(watts == 3400 for watts in brown_out(liars, 4).power.values()) == 16


NOW = 10_000
SENT = NOW - 60  # its proof was due at NOW - 30


def counts(*, watts=(None, 0), word=(None, 0), now=NOW, began=SENT, outside=False):
    """Whether a stop that was sent and taken is counted on. Watts and word: (value, when)."""
    plant = Weak(outlets=False, outside=outside)
    units = plant.image.miners
    units = units._replace(
        power_w=(watts[0], *units.power_w[1:]), power_at=(watts[1], *units.power_at[1:]),
        word=(word[0], *units.word[1:]), word_at=(word[1], *units.word_at[1:]),
    )  # fmt: skip
    clock = plant.image.clock._replace(plant_s=now)
    told = Chase("stop", 0, 1, began, SENT, "accepted")
    state = plant.state._replace(chases={"miner m000": told})
    view = View(plant.image._replace(clock=clock, miners=units), None, plant.wiring, plant.policy.site, state, {})
    return stoppable(view, plant.wiring.miners[0], 0, plant.wiring.miners[0].paths)


DUE = SENT + 30


@pytest.mark.parametrize(
    ("known", "is_counted"),
    [
        ({"watts": (3400, DUE)}, False),
        ({"watts": (3400, DUE - 1)}, True),  # read before its stop had to show
        ({"word": ("hashing", DUE)}, False),
        ({"word": ("hashing", DUE - 1)}, True),
        ({"watts": (3400, DUE - 1), "word": ("sleeping", DUE)}, True),  # its PDU went silent, and it says it sleeps
        ({"watts": (3400, DUE - 1), "word": ("hashing", DUE)}, False),
        ({"word": ("hashing", DUE), "outside": True}, True),  # a cloud may not know yet
        ({"word": ("hashing", DUE), "outside": True, "began": SENT - CLOUD_LATE_S}, False),
        ({"now": DUE + LATE_S - 1}, True),
        ({"now": DUE + LATE_S}, False),  # told, and nothing was heard of it ever since
    ],
)
def test_whose_stop_is_counted_on(known, is_counted):
    assert counts(**known) is is_counted


class Late(Weak):
    """A cloud that tells of each miner what was so a while ago."""

    lag_s = 480

    def readings(self, asked):
        past = self.__dict__.setdefault("past", [])
        past.append((self.now, dict(self.power)))
        then = next((power for at, power in reversed(past) if at <= self.now - self.lag_s), past[0][1])
        words = {f"{FLEET}/{unit.mac}:word": then[unit.id] for unit in self.wiring.miners}
        return [
            one._replace(value="hashing" if words[one.key] > 500 else "sleeping") if one.key in words else one
            for one in super().readings(asked)
        ]


def test_where_a_cloud_tells_late_that_miners_obeyed_nobody_more_is_stopped_and_they_were_by_us():
    plant = Late(outlets=False, outside=True)
    plant.kw = 60.0
    plant.ticks(6)
    assert sum(watts == 3400 for watts in plant.power.values()) == 14
    assert plant.events("miner_off_unasked") == []
    assert plant.violations == []
