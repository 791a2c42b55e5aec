"""The ladder of heat on a site whose timer is slow: what counts two ticks counts two of its own."""

import pytest
from core.rule_desk import Desk


@pytest.mark.parametrize(("between_c", "stops"), [(39.6, True), (39.5, False)])
def test_noise_between_two_readings_ten_minutes_apart_does_not_begin_the_count_anew(between_c, stops):
    desk = Desk("temperature")
    desk.clock = {"tick_s": 600}
    desk.see(600, inlet_c=40.5)
    desk.see(600, inlet_c=between_c)
    desk.see(600, inlet_c=40.5)
    assert (desk.limit("max_power_w") == 0) is stops
