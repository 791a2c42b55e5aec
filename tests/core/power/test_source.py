"""What is drawn and what a sag means: an overload is not counted against a source twice (MET2, law 4)."""

import pytest
from core.offgrid_plant import Offgrid, wiring

from mine_controller.core.fleet import sum_up
from mine_controller.core.option import fill
from mine_controller.core.power.source import Load, load
from mine_controller.core.rules import supply
from mine_controller.core.view import View


class Drooping(Offgrid):
    """More load than there is pulls the frequency down, at once."""

    def _of(self, end):
        self.hz = 50.0 - 4 * max(0.0, self.total / 1000 / self.possible_kw - 1)
        return super()._of(end)


def view_of(plant):
    return View(plant.image, None, plant.wiring, plant.policy.site, plant.state, {})


@pytest.mark.parametrize(
    ("says_kw", "load_kw", "watts"),
    [
        (60.0, 90, 60_000),  # the sag is that of 90 kW on a source that gives 60
        (60.0, 50, 50_000),  # it still sags under less than it says: no more than now
        (60.0, 20, 45_000),
        (60.0, 60, 60_000),
        (90.0, 60, 67_500),
    ],
)
def test_a_sag_under_more_than_the_source_says_is_not_counted_twice(says_kw, load_kw, watts):
    plant = Offgrid(wiring(4))
    plant.possible_kw = says_kw
    plant.tick()
    known = {"supply_kw": says_kw, "grid_hz": 49.0}
    burden = Load(load_kw * 1000, 0, 0)
    assert supply.available_w(known, view_of(plant), {}, fill(supply.Options, {"source_kw": 100.0}), burden) == watts


def test_law_4_the_last_word_of_a_silent_source_explains_no_sag():
    plant = Offgrid(wiring(4))
    plant.tick()
    plant.possible_kw = None
    plant.ticks(3)
    known = {"supply_kw": 60.0, "grid_hz": 49.0}
    assert supply.available_w(known, view_of(plant), {}, fill(supply.Options, {}), Load(90_000, 0, 0)) == 45_000


def test_a_brown_out_that_pulls_the_frequency_down_takes_off_what_the_source_says_and_no_more():
    """The frequency sags under the load that is shed in the same tick; a quarter more would be shed for nothing."""
    plant = Drooping(wiring(40, roles=("grid_hz", "supply_kw", "site_power_w")))
    plant.ticks(5)
    plant.possible_kw = 90.0
    plant.tick()
    assert 90_000 * 0.9 < plant.all_w <= 90_000
    assert plant.violations == []


@pytest.mark.parametrize(
    ("meter_w", "measured_w", "unknown_w", "total_w"),
    [
        (100_000, 94_000, 0, 100_000),
        (100_000, 99_000, 0, 100_000),  # miners that tell too much: with the fans 104, the meter bears it out
        (100_000, 100_000, 0, 100_000),  # the last watt that it does
        (100_000, 100_001, 0, 105_001),
        (100_000, 102_000, 0, 107_000),  # too far apart: one of them is wrong, and the larger counts
        (100_000, 95_000, 3_740, 103_740),  # whoever tells nothing counts on top
        (None, 95_000, 0, 100_000),
    ],
)
def test_met2_a_meter_counts_where_the_sum_bears_it_out(meter_w, measured_w, unknown_w, total_w):
    plant = Offgrid(wiring(4))
    plant.tick()
    view = view_of(plant)
    fleet = sum_up(plant.image, plant.state, plant.wiring)._replace(
        meter_w=meter_w, measured_w=measured_w, miners_w=measured_w + unknown_w,
        other_w=max(5_000, (meter_w or 0) - measured_w), starting_w=0,
    )  # fmt: skip
    burden = load(view._replace(fleet=fleet))
    assert burden.total_w == total_w
    assert burden.total_w == fleet.miners_w + burden.beside_w
