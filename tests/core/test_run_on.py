"""Fans run on after a stop: one probe that shows frost takes no air away."""

from core.plant import Plant, wiring


def test_cmd10_one_probe_stuck_in_frost_ends_no_run_on():
    """CMD10, TMP1: found by a story of the twin, where the coldest probe alone let the fans go down over hot boards."""
    plant = Plant(wiring())
    plant.ticks(4)
    plant.inlets = (25.0, 25.0, -10.0)
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(3)
    assert plant.fans_up >= 2
    assert plant.violations == []


def test_real_frost_lets_fans_go_down_earlier():
    plant = Plant(wiring())
    plant.inlet, plant.ambient = 1.0, -5.0
    plant.ticks(6)
    plant.signal = "off"
    plant.ticks(4)
    assert plant.fans_up <= 2
    assert plant.violations == []
