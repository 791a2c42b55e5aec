"""Without a way out and a pool nobody is started, and a router that is dead is no way out (NET1)."""

import pytest
from core.offgrid_plant import LINKS
from core.test_uplink import cut, last, on, site

from mine_controller.core.wording.words import sentence


def test_nobody_is_started_while_there_is_no_pool_to_work_for():
    plant = site(running=False)
    cut(plant)
    plant.pool_works = False
    plant.ticks(2)
    began = len(plant.sent)
    plant.ticks(4)
    assert [verb for _, _, verb, _ in plant.sent[began:] if verb == "run"] == []
    assert sentence(last(plant).envelope.no_start).endswith("no local pool that works: nothing starts")
    plant.pool_works = True
    plant.ticks(4)
    assert [verb for _, _, verb, _ in plant.sent[began:] if verb == "run"]


def strand(plant, *, idle=None):
    """The router is dead, and whoever has lost its work idles."""
    plant.links = dict.fromkeys(LINKS)
    for spec in plant.wiring.miners[:idle]:
        plant.power[spec.id] = 25
        plant.garbage[f"{spec.group}/{spec.mac}:word"] = "idle"


def test_a_router_that_is_dead_with_most_miners_out_of_work_is_no_way_out():
    plant = site()
    strand(plant)
    plant.ticks(5)
    assert plant.pool_open
    assert [event.kind for event in plant.events("offline")] == ["offline"]
    for spec in plant.wiring.miners:  # they found the pool, which is no line: it stays open
        plant.power[spec.id] = 3400
        del plant.garbage[f"{spec.group}/{spec.mac}:word"]
    plant.pool = dict.fromkeys(plant.pool, "local")
    plant.ticks(3)
    assert plant.pool_open
    plant.pool = dict.fromkeys(plant.pool, "main")  # and went home by themselves: they are not fetched back
    plant.ticks(3)
    assert on(plant, "local") == 0
    cut(plant, back=True)
    plant.ticks(8)
    assert not plant.pool_open
    assert len(plant.events("online")) == 1
    assert plant.violations == []


@pytest.mark.parametrize("idle", [0, 2, 10])
def test_a_router_that_is_dead_while_most_miners_work_proves_nothing(idle):
    plant = site()
    strand(plant, idle=idle)
    plant.ticks(8)
    assert not plant.pool_open
    assert plant.events("offline") == []


def test_behind_a_dead_router_and_without_a_local_pool_miners_stay_awake_and_their_work_ends_the_outage():
    plant = site(dummy_pool="", offline_pool="")
    strand(plant)
    plant.ticks(30)
    assert len(plant.events("offline")) == 1
    assert not any(limit.what == "max_miners" for limit in last(plant).envelope.reasons)
    for spec in plant.wiring.miners:
        plant.power[spec.id] = 3400
        del plant.garbage[f"{spec.group}/{spec.mac}:word"]
    plant.ticks(8)
    assert len(plant.events("online")) == 1
    plant.ticks(30)
    assert all(watts == 3400 for watts in plant.power.values())
