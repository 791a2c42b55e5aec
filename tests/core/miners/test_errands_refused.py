"""Settings a unit refuses, in words or by showing another one: seldom asked again, and in the way of nothing else."""

import pytest
from core.plant import request
from core.shelf import Shelf, boards


def running(count=2, **more):
    shelf = Shelf(boards(count, **more))
    shelf.ticks(4)
    return shelf


def want(shelf, key, value):
    shelf.requests = (request("set-state", key, value),)
    shelf.tick()


def failed(shelf):
    return [dict(event.reason.numbers) for event in shelf.events("errand_failed")]


def test_pol1_a_board_that_refuses_a_mode_is_still_put_on_another_pool():
    shelf = running()
    shelf.verdicts = {"mode": "refused"}
    want(shelf, "mode.b1", "eco")
    want(shelf, "pool.b1", "reserve")
    shelf.ticks(20)
    assert shelf.errands() == [("b1", "mode", "eco"), ("b1", "pool", "reserve")]


@pytest.mark.parametrize("verdict", ["refused", "unsupported"])
def test_a_board_that_refuses_a_setting_is_restarted_when_a_person_says_so(verdict):
    shelf = running()
    shelf.verdicts = {"pool": verdict}
    want(shelf, "pool.b1", "reserve")
    shelf.requests = (request("errand", "b1", "restart"),)
    shelf.ticks(4)
    assert shelf.errands() == [("b1", "pool", "reserve"), ("b1", "restart", "")]


def test_what_a_small_board_refused_goes_along_with_no_other_setting():
    shelf = running(1, rest_s=60)
    shelf.verdicts = {"mode": "refused"}
    want(shelf, "mode.b0", "eco")
    shelf.ticks(2)
    want(shelf, "pool.b0", "reserve")
    shelf.ticks(30)
    assert shelf.errands() == [("b0", "mode", "eco"), ("b0", "pool", "reserve")]


@pytest.mark.parametrize(("key", "value"), [("mode", "turbo"), ("pool", "reserve")])
def test_a_board_that_says_yes_twice_and_shows_another_setting_has_refused_it_for_hours(key, value):
    """CMD14: its flash memory is not worn out by what it does not do."""
    shelf = running(1)
    shelf.verdicts[key] = "accepted"
    want(shelf, f"{key}.b0", value)
    shelf.ticks(60)
    assert shelf.errands() == [("b0", key, value)] * 2
    first, second = failed(shelf)
    assert (first["verdict"], second["verdict"]) == ("unknown", "unknown")
    assert "said yes, and still shows" in first["why"]
    assert "said yes twice, and still shows" in second["why"]
    shelf.ticks(160)
    assert len(shelf.errands()) == 4
    del shelf.verdicts[key]
    shelf.ticks(200)
    assert (len(shelf.errands()), getattr(shelf, key)["b0"], shelf.state.errands) == (5, value, ())


def test_a_board_that_obeys_in_between_is_not_counted_as_one_that_refuses():
    shelf = running(1)
    want(shelf, "pool.b0", "reserve")
    for _ in range(4):  # somebody puts it back at its own page
        shelf.ticks(10)
        assert shelf.pool["b0"] == "reserve"
        shelf.pool["b0"] = "main"
    shelf.ticks(10)
    assert shelf.errands() == [("b0", "pool", "reserve")] * 5


def test_another_wish_is_asked_for_at_once():
    shelf = running(1)
    shelf.verdicts["pool"] = "accepted"
    want(shelf, "pool.b0", "reserve")
    shelf.ticks(20)
    assert len(shelf.errands()) == 2
    del shelf.verdicts["pool"]
    shelf.pool["b0"] = "elsewhere"
    want(shelf, "pool.b0", "main")
    shelf.ticks(10)
    assert shelf.pool["b0"] == "main"
