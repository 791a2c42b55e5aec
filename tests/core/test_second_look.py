"""Every link fails at once: a second look within the tick, and a local pool that is open in time (NET1)."""

from core.test_uplink import LINKS, cut, on, site


def test_net1_the_local_pool_opens_in_the_tick_that_sees_every_link_fail():
    """Miners fail over by themselves; one that finds nothing within minutes idles, and a tick may be two of them."""
    plant = site()
    cut(plant)
    began = plant.now
    plant.tick()
    assert [(at - began <= 15, verb) for at, target, verb, _ in plant.told if target == "pool"] == [(True, "on")]
    assert [link["up"] for link in plant.state.memory["uplinks"]["links"].values()] == [0, 0]
    assert on(plant, "main") == 20, "nobody is moved before down_s"
    assert plant.violations == []


def test_one_link_that_fails_is_not_looked_at_twice_while_another_answers():
    plant = site()
    plant.links[LINKS[0]] = "down"
    plant.asked.clear()
    plant.tick()
    assert sum(f"uplink {LINKS[0]}" in asked for _, asked in plant.asked) == 1
    assert plant.told == []


def test_pol1_whoever_goes_home_by_itself_when_a_link_answers_is_not_fetched_back():
    """That would use up its change of pool, and it would come home a quarter of an hour late."""
    plant = site()
    cut(plant)
    plant.ticks(8)
    assert on(plant, "local") == 20
    cut(plant, back=True)
    plant.tick()
    plant.pool["w003"] = "main"
    plant.tick()
    assert plant.pool["w003"] == "main"
    plant.ticks(3)
    assert on(plant, "main") == 20


def test_whoever_went_to_the_local_pool_by_itself_is_not_sent_home_while_there_is_no_way():
    plant = site()
    cut(plant)
    plant.tick()
    plant.pool["w003"] = plant.pool["w004"] = "local"
    plant.tick()
    assert [word for word in plant.told if word[1] != "pool"] == []
    plant.ticks(6)
    assert on(plant, "local") == 20
    cut(plant, back=True)
    plant.ticks(9)
    assert on(plant, "main") == 20
