"""A branch that went dark at once, on the whole controller."""

import pytest
from core.plant import WALL, Plant, policy, request, wiring

from mine_controller.core.skips import skip_word

BRANCH = ("m000", "m001", "m002", "m003")


class Fused(Plant):
    """Miners behind a breaker that can trip: open, nothing on it draws, whatever it is told."""

    open = False

    def readings(self, asked):
        if self.open:
            self.power |= dict.fromkeys(BRANCH, 0)
        return super().readings(asked)


def site(count=12, on="breaker", **options):
    wires = wiring(count)
    miners = tuple(one._replace(**{on: "b1"}) if one.id in BRANCH else one for one in wires.miners)
    wires = wires._replace(miners=miners)
    plant = Fused(wires, policy(wires, **options))
    plant.ticks(4)
    return plant


def told(plant):
    """What was said of branches, in order."""
    return [e.kind for d in plant.decisions for e in d.events if e.kind in ("branch_tripped", "branch_back")]


def runs(plant, since):
    """Who of the branch was told to run since that second."""
    return {target[6:] for at, target, verb, _ in plant.sent if at > since and verb in ("run", "on")} & set(BRANCH)


@pytest.mark.parametrize("on", ["breaker", "phase"])
def test_hw1_a_branch_that_went_dark_is_not_started_until_a_person_has_seen_it(on):
    plant = site(on=on)
    plant.open, since = True, plant.now
    plant.ticks(12)  # min_off is long over
    assert told(plant) == ["branch_tripped"]
    assert runs(plant, since) == set()
    assert {skip_word(plant.decisions[-1].plan.skip[name]) for name in BRANCH} == {"tripped"}
    assert sum(plant.power[one.id] for one in plant.wiring.miners[4:]) == 8 * 3400
    plant.requests = (request("ack"),)
    plant.tick()
    assert told(plant) == ["branch_tripped", "branch_back"]
    plant.open = False
    plant.ticks(12)
    assert runs(plant, since) == set(BRANCH)
    assert all(plant.power[name] == 3400 for name in BRANCH)
    assert plant.violations == []


def test_hw1_it_is_over_when_somebody_closed_it_and_the_miners_came_by_themselves():
    plant = site()
    plant.open = True
    plant.ticks(3)
    plant.open = False
    plant.power |= dict.fromkeys(BRANCH[:1], 3400)
    plant.tick()
    assert told(plant) == ["branch_tripped"]  # one of four may have another supply
    plant.power |= dict.fromkeys(BRANCH[:2], 3400)
    plant.tick()
    assert told(plant) == ["branch_tripped", "branch_back"]


def test_hw1_of_a_phase_and_its_breakers_the_phase_is_told():
    plant = site()
    both = tuple(one._replace(phase="L1") if one.id in BRANCH else one for one in plant.wiring.miners)
    plant.wiring = plant.wiring._replace(miners=both)
    plant.policy = plant.policy._replace(wiring=plant.wiring)
    plant.open = True
    plant.ticks(3)
    [event] = plant.events("branch_tripped")
    assert (event.about, dict(event.reason.numbers)) == ("phase L1", {"branch": "phase L1", "miners": 4})


def idles(plant):
    plant.power |= dict.fromkeys(BRANCH, 5)


def blacks_out(plant):
    plant.power |= dict.fromkeys(plant.power, 0)


def loses_some(plant):
    plant.power |= dict.fromkeys(BRANCH[:3], 0)


def goes_blind(plant):
    plant.power |= dict.fromkeys(BRANCH, 0)
    plant.dead.add(plant.wiring.miners[0].outlet.partition("/")[0])


def is_told(plant):
    """By us, and to the end: at its outlets, which show 0 W then."""
    plant.liars = set(BRANCH)
    plant.requests = tuple(
        request("set-state", f"miner.{name}", "stop", until=WALL + plant.now + 7200, number=at)
        for at, name in enumerate(BRANCH)
    )


@pytest.mark.parametrize("happens", [idles, blacks_out, loses_some, goes_blind, is_told])
def test_hw1_what_is_no_trip(happens):
    plant = site()
    happens(plant)
    plant.ticks(3)
    assert told(plant) == []
    assert any(plant.power[name] < 3400 for name in BRANCH)


def test_hw1_how_many_make_a_trip_is_the_owners():
    plant = site(branch={"least": 5})
    plant.open = True
    plant.ticks(3)
    assert told(plant) == []


def test_a_site_without_branches_remembers_nothing_of_them():
    plant = Plant(wiring(4))
    plant.ticks(2)
    assert plant.state.memory["branch"] == {}
