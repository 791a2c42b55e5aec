from typing import NamedTuple

import pytest

from mine_controller.twin import coop
from mine_controller.twin.world import World


class Still(NamedTuple):
    """Weather that does not move."""

    temp_c: float

    def ambient_c(self, _at_s):
        return self.temp_c

    def dew_c(self, _at_s):
        return min(-5.0, self.temp_c)


@pytest.fixture
def container():
    """A settled container at an outside temperature, without firmware trips."""

    def make(outside_c, fans=9, *, trips=False):
        world = World(1, trips=trips)
        world.weather = Still(outside_c)
        world.inlet_c = world.wall_c = outside_c
        world.run_all(fans)
        return world

    return make


@pytest.fixture
def small():
    """A 24-miner site with two PDUs and nothing wrong."""

    def make(**about):
        about = {"miners": 24, "pdus": 2, "extras": False} | about
        return coop.build(7, **about)

    return make
