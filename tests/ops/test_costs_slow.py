"""Costs of a site whose ticks come every ten minutes: no clock is so exact that none of them comes a second late."""

import time
from contextlib import nullcontext

import pytest
from cli.agile import Home

from mine_controller.ops.costs import report
from mine_controller.ports.clock import Clocks, Sources
from mine_controller.ports.journal import Journal
from mine_controller.ports.log import Log
from mine_controller.store import query
from mine_controller.tick import Ports, tick

LATE_S = (0, 3, 1, 90, 2, 0, 4, 1, 60, 2, 0, 1, 5)  # how much later than its turn each tick looks
EVERY_S = 600


def idle(book):
    del book


class Slow(Home):
    def live(self):
        sources = Sources(lambda: self.plant.now, lambda: self.wall, lambda: "boot-a", lambda: True)
        clocks = Clocks("Europe/London", EVERY_S, sources)
        journal = Journal(self.config, clocks, Log(self.config.paths.log))
        ports = Ports(nullcontext, clocks, self._ask, self._act, journal, self._wait, idle, idle, idle)
        first_s = self.plant.now
        for at, late_s in enumerate(LATE_S):
            self.plant.now = first_s + at * EVERY_S + late_s
            self.plant._grow()
            tick(ports, self.config.policy)


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    found = Slow(tmp_path_factory.mktemp("slow"))
    found.prices(*[9.0] * 12, ticks=len(LATE_S) * EVERY_S // 120)
    found.began = int(time.time()) - found.plant.now - EVERY_S * len(LATE_S)
    found.live()
    return found


def test_ticks_that_come_every_ten_minutes_leave_no_hour_out_of_the_costs(slow):
    ticks = sorted(one.tick_at for one in query.ticks(slow.config.paths, limit=50))
    assert len(ticks) == len(LATE_S)
    seen_s = sum(one.seconds for one in query.segments(slow.config.paths, 0, slow.wall + 1))
    assert abs(seen_s - (ticks[-1] - ticks[0])) < 60  # a tick is called by its beginning, and seen at its end
    assert report(slow.config, 2, "day", slow.wall).total["hours"] == round(seen_s / 3600, 2)


def test_a_tick_that_is_missing_there_is_a_gap_all_the_same(slow):
    slow.plant.now += 3 * EVERY_S
    before_s = sum(one.seconds for one in query.segments(slow.config.paths, 0, slow.wall + 1))
    slow.live()
    after_s = sum(one.seconds for one in query.segments(slow.config.paths, 0, slow.wall + 1))
    assert after_s - before_s <= EVERY_S * (len(LATE_S) - 1) + 60
