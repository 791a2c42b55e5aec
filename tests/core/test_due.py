"""Who is asked this round, to the second: turns, back-off, rest, tickets."""

import pytest

from mine_controller.core.due import LONGEST_BACKOFF_TICKS, Asked, due
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.decision import Look
from mine_controller.core.model.image import Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import EndpointSpec, MinerSpec, Wiring

NOW, TICK_S = 100_000, 120
PDU = "redfish pdu1"


def wires(*ends, miners=()):
    return Wiring({}, (), miners, (), {}, {end.name: end for end in ends})


def asked(every_s=0, *, age_s=None, fails=None, again=None, rest_s=0, look=None, tick_s=TICK_S, lit=False):
    told = {"tried": (1, age_s), "fails": (fails, 0), "again": (again, 0)}
    channels = {
        f"{PDU}:{name}": Value(value, NOW - (ago or 0))
        for name, (value, ago) in told.items()
        if value is not None and ago is not None
    }
    unit = MinerSpec("b1", "aa", PDU, 30, 3, flags=("plug",) if lit else ())
    miners = Miners(("b1",), (4,), (NOW,), (None,), (0,), (None,), (None,))
    image = Image(Clock(NOW, NOW), channels, {}, (), miners, {})
    clock = Clock(NOW, NOW, tick_s=tick_s)
    return due(image, look, wires(EndpointSpec(PDU, every_s, rest_s=rest_s), miners=(unit,)), clock)


def test_what_was_never_asked_is_asked():
    assert asked(every_s=3600) == (Asked(PDU),)
    assert due(None, None, wires(EndpointSpec(PDU, 3600)), Clock(NOW, NOW)) == (Asked(PDU),)


@pytest.mark.parametrize(("age_s", "is_asked"), [(569, False), (570, True), (600, True)])
def test_what_is_asked_seldom_is_asked_when_its_time_has_come_or_nearly(age_s, is_asked):
    assert asked(every_s=600, age_s=age_s) == ((Asked(PDU),) if is_asked else ())


def test_what_is_asked_each_tick_is_asked_each_tick():
    assert asked(age_s=1) == (Asked(PDU),)


@pytest.mark.parametrize(("fails", "ticks"), [(3, 1), (4, 2), (5, 3), (7, 5), (8, 5), (99, LONGEST_BACKOFF_TICKS)])
def test_what_fails_in_a_row_is_asked_ever_more_seldom(fails, ticks):
    wait_s = ticks * TICK_S - TICK_S // 4
    assert [one.endpoint for one in asked(age_s=wait_s, fails=fails)] == [PDU]
    assert asked(age_s=wait_s - 1, fails=fails) == ()


def test_what_fails_in_a_row_is_probed_and_asked_with_all_its_time_in_turn():
    """A page that takes two seconds when it is well would answer no probe, and so never be heard again."""
    assert [asked(age_s=9999, fails=fails)[0].probe for fails in (2, 3, 4, 5, 6, 98, 99)] == [
        *(False, True, False, True, False, False, True),
    ]


def test_what_is_probed_each_tick_for_an_open_stop_is_asked_with_all_its_time_in_between():
    """A service of miners that takes four seconds would never be heard again while a stop is open, and the stop stays
    open until it is heard."""
    probed = [asked(age_s=9999, fails=fails, lit=True)[0].probe for fails in range(3, 13)]
    assert probed == [*(True, True, True, True, False), *(True, True, True, True, False)]


@pytest.mark.parametrize(("fails", "wait_s"), [(1, 120), (3, 120), (4, 240), (9, 600)])
def test_what_is_asked_seldom_is_not_asked_in_ticks_of_a_fast_site(fails, wait_s):
    """A pool's service is asked at most every five minutes: one that refuses for it must not be asked each 50 s."""
    assert asked(every_s=300, age_s=wait_s - 3, fails=fails, tick_s=10) == ()
    assert asked(every_s=300, age_s=wait_s, fails=fails, tick_s=10) != ()
    assert asked(every_s=60, age_s=50, fails=fails, tick_s=10) != (), "boards are back as soon as ever"


def test_one_lost_answer_of_what_is_asked_seldom_is_asked_for_again_in_the_next_tick():
    assert asked(every_s=3600, age_s=90, fails=1) == (Asked(PDU),)
    assert asked(every_s=3600, age_s=89, fails=2) == ()
    assert asked(every_s=3600, age_s=90, fails=0) == ()


def test_a_driver_that_waits_for_something_is_asked_sooner_and_never_later():
    assert asked(every_s=3600, age_s=270, again=300) == (Asked(PDU),)
    assert asked(every_s=600, age_s=570, again=7200) == (Asked(PDU),)
    assert asked(every_s=3600, age_s=270) == ()


def test_a_broken_section_whose_plug_draws_power_is_asked_each_tick():
    assert asked(age_s=90, fails=9, lit=True) == (Asked(PDU, probe=True),)
    assert asked(age_s=89, fails=9, lit=True) == ()


@pytest.mark.parametrize(
    ("chase", "is_asked"), [("miner b1 stop", True), ("miner b1 run", False), ("fan 1 stop", False)]
)
def test_a_broken_section_with_a_unit_that_has_to_be_stopped_is_asked_each_tick(chase, is_asked):
    target, _, want = chase.rpartition(" ")
    channels = {f"{PDU}:tried": Value(1, NOW - 90), f"{PDU}:fails": Value(9, NOW)}
    image = Image(Clock(NOW, NOW), channels, {}, (), Miners(), {})
    wiring = wires(EndpointSpec(PDU), miners=(MinerSpec("b1", "aa", PDU, 30, 3),))
    found = due(image, None, wiring, Clock(NOW, NOW, tick_s=TICK_S), {target: Chase(want, 0, 1, NOW - 900)})
    assert found == ((Asked(PDU, probe=True),) if is_asked else ())


def test_what_rests_is_not_asked_and_a_clock_that_ran_back_is_no_rest():
    assert asked(age_s=59, rest_s=60) == ()
    assert asked(age_s=60, rest_s=60) == (Asked(PDU),)
    assert asked(age_s=0, rest_s=60) == ()
    assert asked(age_s=-5, rest_s=60, look=Look(NOW, (PDU,))) == (Asked(PDU),)
    assert asked(age_s=0, rest_s=0, look=Look(NOW, (PDU,))) == (Asked(PDU),)


def test_a_look_names_ends_and_tickets_and_asks_each_end_once():
    ends = wires(EndpointSpec(PDU), EndpointSpec("foreman mine"))
    look = Look(NOW, (PDU, PDU, "ticket:foreman mine/7", "ticket:foreman mine/8", "ticket:redfish pdu1/x/9", "nobody"))
    found = due(None, look, ends, Clock(NOW, NOW))
    assert found == (
        Asked(PDU),
        Asked("foreman mine", channels=("-",), tickets=("7", "8")),
        Asked("redfish pdu1/x", channels=("-",), tickets=("9",)),
    )
    both = due(None, Look(NOW, ("foreman mine", "ticket:foreman mine/7")), ends, Clock(NOW, NOW))
    assert both == (Asked("foreman mine", tickets=("7",)),)


def lit(watts, standby_w=3):
    """Whether a section that is silent is asked as if it should answer, at these watts of its one plug."""
    unit = MinerSpec("b1", "aa", PDU, 30, standby_w, flags=("plug",))
    miners = Miners(("b1",), (watts,), (NOW,), (None,), (0,), (None,), (None,))
    channels = {f"{PDU}:tried": Value(1, NOW - 90), f"{PDU}:fails": Value(9, NOW)}
    image = Image(Clock(NOW, NOW), channels, {}, (), miners, {})
    return bool(due(image, None, wires(EndpointSpec(PDU), miners=(unit,)), Clock(NOW, NOW, tick_s=TICK_S)))


def test_a_silent_section_is_asked_each_tick_only_while_its_plug_draws_more_than_standby():
    assert lit(4)
    assert not lit(3)
    assert not lit(None)
    assert not lit(None, standby_w=0), "a plug nobody can read draws nothing that is known"


def test_a_board_that_rests_is_looked_at_once_after_a_command_all_the_same():
    rests = {"age_s": 1, "rest_s": 60}
    assert asked(**rests, look=Look(NOW, (PDU,))) == ()
    assert asked(**rests, look=Look(NOW, (f"once:{PDU}",))) == (Asked(PDU),)
    assert asked(**rests, look=Look(NOW, (f"once:{PDU}", PDU, f"once:{PDU}"))) == (Asked(PDU),)
    assert asked(**rests, look=Look(NOW, ("once:nobody", "once:"))) == ()
