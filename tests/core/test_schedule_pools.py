"""Pools of a [schedule] window beside a pool that is down, or a line: afterwards each miner is on its own again."""

import pytest
from core.offgrid_plant import LINKS, POOLS, Offgrid
from core.offgrid_plant import wiring as offgrid
from core.test_failover import Mine
from core.test_schedule import local

from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.option import fill
from mine_controller.core.rules import schedule
from mine_controller.core.rules.schedule import Named, Section

HOUR_S, DAY_S = 3600, 86_400


def with_window(policy, hours, pool):
    section = fill(Section, {"hours": (hours,), "pool": pool})
    options = fill(schedule.Options, {})._replace(sections=(Named("night", section),))
    return policy._replace(rules={**policy.rules, "schedule": options})


class Night(Mine):
    """Four boards at home on main; by night they work for quiet. `fallbacks` by pool."""

    def __init__(self, **fallbacks):
        names = ("main", "quiet", "third")
        super().__init__(facts=tuple(PoolFacts(name, "BTC", name, fallbacks.get(name, "")) for name in names))
        self.policy = with_window(self.policy, "22:00-07:00", "quiet")
        self.local = local(21)
        self.ticks(3)

    def by(self, hour, ticks=20):
        self.local = local(hour)
        self.ticks(ticks)
        return self

    def only(self):
        (pool,) = set(self.pool.values())
        return pool


@pytest.mark.parametrize("late", [True, False])
def test_what_stands_in_when_a_window_opens_is_not_what_is_gone_back_to(late):
    """Main was down for an hour in the evening: the boards came back to its stand-in each morning, for ever."""
    mine = Night(main="third")
    mine.breaks("main")
    mine.ticks(10)
    assert mine.only() == "third"
    assert mine.by(22).only() == "quiet"
    if late:
        assert mine.by(7).only() == "third", "main is down still"
    mine.mends("main")
    mine.ticks(20)
    assert mine.by(7).only() == "main"
    assert "before" not in mine.state.memory["schedule"]
    assert "moved" not in mine.state.memory["failover"]


def test_a_mode_of_the_night_is_gone_back_to_also_while_a_pool_stands_in():
    mine = Night(main="third")
    section = fill(Section, {"hours": ("22:00-07:00",), "modes": ("eco",)})
    options = fill(schedule.Options, {})._replace(sections=(Named("night", section),))
    mine.policy = mine.policy._replace(rules={**mine.policy.rules, "schedule": options})
    mine.breaks("main")
    mine.ticks(10)
    assert mine.only() == "third"
    assert set(mine.by(22).mode.values()) == {"eco"}
    assert set(mine.by(7).mode.values()) == {"standard"}
    assert "before" not in mine.state.memory["schedule"]


@pytest.mark.parametrize("stand_in", ["main", "third"])
def test_a_pool_of_the_night_that_is_down_in_the_morning_calls_nobody_back_when_it_mends(stand_in):
    mine = Night(quiet=stand_in).by(22)
    mine.breaks("quiet")
    mine.ticks(15)
    assert mine.only() == stand_in
    assert mine.by(7).only() == "main"
    mine.mends("quiet")
    mine.ticks(40)
    assert mine.only() == "main"
    assert "before" not in mine.state.memory["schedule"]
    assert mine.by(22).only() == "quiet"


def lent(opens_s, down_s, up_s):
    """A plant whose lines are down between two moments, and whose window of reserve is open for two hours from one."""
    plant = Offgrid(
        offgrid(5, roles=(), uplinks=LINKS, dummy_pool="dummy_pool local"),
        uplinks={"offline_pool": POOLS[2], "sleep_after_s": 0},
    )
    from_h = (plant.now + opens_s) // HOUR_S % 24
    plant.policy = with_window(plant.policy, f"{from_h:02}:00-{from_h + 2:02}:00", "reserve")
    began_s, seen = plant.now, set()
    while plant.now < began_s + up_s + 4 * HOUR_S:
        down = down_s <= plant.now - began_s < up_s
        plant.links = dict.fromkeys(LINKS, "down" if down else "up")
        plant.tick()
        seen |= set(plant.pool.values()) if plant.now - began_s >= up_s + HOUR_S // 4 else set()
    return plant, seen


@pytest.mark.parametrize(("opens_h", "down_h", "up_h"), [(4, 3, 5), (4, 5, 8), (4, 5, 35)])
def test_the_local_pool_is_nobodys_own_however_long_the_line_was_down(opens_h, down_h, up_h):
    """It opens in the outage; the outage outlasts it; and does so by more than a day."""
    plant, seen = lent(opens_h * HOUR_S, down_h * HOUR_S, up_h * HOUR_S)
    assert set(plant.pool.values()) == {"main"}
    assert "local" not in seen
    assert "before" not in plant.state.memory["schedule"]
