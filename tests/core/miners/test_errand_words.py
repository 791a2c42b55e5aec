"""What an errand may say, to the number: values on their bounds, and who is named when somebody can't."""

import pytest
from core.shelf import SHELF, Shelf, boards

from mine_controller.core.miners.asking import SHOWN, _check, _told, take_errand
from mine_controller.core.model.image import Request
from mine_controller.core.model.wiring import Lane
from mine_controller.core.refusal import Refused


def taken(*args, wires=None, verb="errand"):
    shelf = Shelf(wires or boards(5))
    shelf.ticks(2)
    request = Request(7, 1, "cli", "owner", verb, args, "testing")
    state, why = take_errand(request, shelf.image, shelf.state, shelf.policy)
    return [(one.miner, one.verb, one.value, one.request) for one in state.errands], why


@pytest.mark.parametrize(
    ("verb", "value"),
    [
        ("fan", "0"), ("fan", "100"), ("fan", "auto"), ("limit", "7"), ("locate", "on"), ("locate", "off"),
        ("restart", ""), ("tune", "frequency_mhz=1"), ("tune", "frequency_mhz=5000 core_voltage_mv=30000"),
        ("mode", "x"), ("pool", "x"),
    ],
)  # fmt: skip
def test_a_value_on_its_bound_is_taken(verb, value):
    _check((verb, value))


@pytest.mark.parametrize(
    ("verb", "value"),
    [
        ("fan", "101"), ("fan", "-1"), ("fan", "1000000"), ("fan", ""), ("fan", "²"), ("limit", "0"), ("limit", "x"),
        ("limit", "auto"), ("locate", ""), ("restart", "x"), ("tune", ""), ("tune", "frequency_mhz=0"),
        ("tune", "frequency_mhz=5001"), ("tune", "frequency_mhz=500 frequency_mhz=500"), ("mode", ""), ("pool", ""),
        ("tune", "frequency_mhz=500 fan=3"), ("tune", "frequency_mhz=500 nonsense"), ("tune", "core_voltage_mv=30001"),
    ],
)  # fmt: skip
def test_a_value_beyond_it_is_refused(verb, value):
    with pytest.raises(Refused):
        _check((verb, value))


def test_a_power_limit_may_be_a_tenth_over_what_a_miner_usually_draws():
    assert taken("b1", "limit", "33")[0] == [("b1", "limit", "33", 7)]
    with pytest.raises(Refused, match=r"b1: 34 W is more than it may draw \(30 W\)"):
        taken("b1", "limit", "34")


def test_a_power_limit_at_which_a_miner_would_count_as_off_is_a_typing_error():
    """35 in place of 3500: it would be started again and again, and end in quarantine."""
    assert taken("b1", "limit", "7")[0] == [("b1", "limit", "7", 7)]
    with pytest.raises(Refused, match=r"b1: 6 W is so little that it would count as off \(up to 6 W\)"):
        taken("b1", "limit", "6")


def test_three_who_can_not_are_named_and_the_rest_counted():
    cannot = {f"b{n}": f"b{n} sleeps" for n in range(SHOWN + 2)}
    assert _told(cannot) == "b0 sleeps; b1 sleeps; b2 sleeps; and 2 more"
    assert _told(dict(list(cannot.items())[:SHOWN])) == "b0 sleeps; b1 sleeps; b2 sleeps"


def test_a_lane_that_is_not_live_is_told_apart():
    wires = boards(2)
    shut = wires._replace(lanes={SHELF: Lane(SHELF, live=False)})
    with pytest.raises(Refused, match=r"\[bitaxe shelf\] has live = no"):
        taken("b1", "restart", wires=shut)


def test_a_new_errand_of_its_kind_takes_the_place_of_one_that_waits():
    shelf = Shelf(boards(3))
    shelf.ticks(2)
    state = shelf.state
    for number, (whom, verb, value) in enumerate([("b1", "mode", "eco"), ("b1", "fan", "30"), ("b2", "mode", "eco"),
                                                  ("b1", "mode", "turbo")], 1):  # fmt: skip
        request = Request(number, 1, "cli", "owner", "errand", (whom, verb, value), "testing")
        state, _ = take_errand(request, shelf.image, state, shelf.policy)
    assert [(one.miner, one.value) for one in state.errands] == [("b1", "30"), ("b2", "eco"), ("b1", "turbo")]
    sent = state._replace(errands=tuple(one._replace(sent_s=5, answer="applied") for one in state.errands))
    again = Request(9, 1, "cli", "owner", "errand", ("b1", "mode", "eco"), "testing")
    assert len(take_errand(again, shelf.image, sent, shelf.policy)[0].errands) == 4
    lost = state._replace(errands=tuple(one._replace(sent_s=5, answer="unreachable") for one in state.errands))
    assert len(take_errand(again, shelf.image, lost, shelf.policy)[0].errands) == 3
