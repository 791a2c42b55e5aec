"""How long the load waits for fans that are still to come."""

import pytest
from core.rule_desk import Desk


@pytest.mark.parametrize(("states", "most"), [(("proven",), 36), (("starting",), 36), (("starting", "proven"), 73)])
def test_g12_what_the_fans_that_are_waited_for_could_not_carry_either_is_shed_at_once(states, most):
    """With one fan that turned 36 of 100 ran on; with the same fan lost all of them did, until its time was over."""
    desk = Desk("air", 100, 6)
    desk.fans = dict(zip(desk.fans, (*states, *["failed"] * 6), strict=False))
    desk.see(inlet_c=20.0, ambient_c=19.0)
    assert (desk.limit("max_miners"), desk.events()) == (most, ["air_short"])
    desk = Desk("air", 100, 6)
    desk.fans |= dict.fromkeys("3456", "off")
    desk.see(inlet_c=20.0, ambient_c=19.0)
    assert desk.limit("max_miners") is None, "who could carry it gets its time"


def test_load_that_those_who_may_come_can_just_carry_waits_for_them_untold():
    desk = Desk("air", 73, 6)
    desk.fans = dict(zip(desk.fans, ("proven", "off", *["failed"] * 4), strict=True))
    desk.see(inlet_c=20.0, ambient_c=19.0)
    assert (desk.limit("max_miners"), desk.events()) == (None, [])
