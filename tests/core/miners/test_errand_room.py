"""When there is room for an errand: the lane's time, the step's share, and power where it may rise."""

import pytest
from core.order_desk import WHY, view
from core.plant import request
from core.pools.test_poolless import alone
from core.shelf import SHELF, Shelf, boards

from mine_controller.core.choose import choose
from mine_controller.core.compare import compare
from mine_controller.core.miners.errands import _Work, raises, seen
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Errand


def room(verb, value="", *, now=None, running=True, envelope=None, at=0, steps=9, **lane):
    wires = boards(3)
    wires = wires._replace(lanes={SHELF: wires.lanes[SHELF]._replace(**lane)})
    shown = view(plant=Shelf(wires, running=running))
    given = envelope or Envelope()
    quiet = Envelope(start_miners=0)
    plan = choose(shown, quiet)
    work = _Work(shown, given, plan, compare(shown, quiet, plan, None), {}, ())
    work.steps = steps
    return work._has_room(shown.wiring.miners[at], at, Errand(f"b{at}", verb, value, 0, 0), now)


def test_what_moves_no_power_needs_none():
    shut = Envelope(no_start=WHY, bans={"b0": WHY}, max_power_w=0)
    for verb in ("pool", "fan", "locate"):
        assert room(verb, "x", envelope=shut, steps=0, running=False)


def test_who_runs_may_be_lowered_whatever_is_forbidden():
    shut = Envelope(no_start=WHY, max_power_w=0)
    assert room("mode", "eco", now="standard", envelope=shut, steps=0)
    assert not room("mode", "turbo", now="standard", envelope=shut)
    assert not room("restart", envelope=shut, steps=0)


def test_what_may_raise_power_needs_its_room():
    assert room("mode", "turbo", now="standard", envelope=Envelope(max_power_w=10_000))
    assert not room("mode", "turbo", now="standard", envelope=Envelope(max_power_w=20))
    assert not room("mode", "turbo", now="standard", envelope=Envelope(no_start=WHY))


def test_a_ban_keeps_who_is_off_and_not_who_runs():
    banned = Envelope(bans={"b0": WHY})
    assert room("mode", "turbo", now="standard", envelope=banned)
    assert not room("mode", "turbo", now="standard", envelope=banned, running=False)
    assert room("mode", "turbo", now="standard", envelope=banned, running=False, at=1)
    assert room("mode", "turbo", now="standard", running=False)


def test_a_restart_is_a_part_of_the_step():
    assert room("restart", steps=1)
    assert not room("restart", steps=0)
    assert not room("mode", "turbo", now="standard", steps=0)


@pytest.mark.parametrize(("call_s", "width", "batch", "fits"), [
    (20.0, 1, False, True), (500.0, 1, False, False), (500.0, 100, False, True), (500.0, 1, True, True),
])  # fmt: skip
def test_a_lane_that_calls_one_by_one_has_only_so_much_time(call_s, width, batch, fits):
    assert room("locate", "on", call_s=call_s, width=width, batch=batch) is fits


# -- what a unit says of itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age_s", "found"), [(TEXT_MAX_AGE_S, "eco"), (TEXT_MAX_AGE_S + 1, None)])
def test_what_a_unit_says_of_its_mode_counts_up_to_its_last_second(age_s, found):
    shelf = view(plant=Shelf(boards(1)))
    spec = shelf.wiring.miners[0]
    told = {f"{SHELF}/{spec.mac}:mode": Value("eco", shelf.now_s - age_s)}
    known = shelf._replace(image=shelf.image._replace(channels=told))
    assert seen(known, spec, "mode") == found
    assert seen(known, spec, "pool") is None


def test_a_mode_that_could_not_be_read_is_not_known():
    shelf = view(plant=Shelf(boards(1)))
    spec = shelf.wiring.miners[0]
    told = {f"{SHELF}/{spec.mac}:mode": Value("eco", shelf.now_s, "", "no answer")}
    assert seen(shelf._replace(image=shelf.image._replace(channels=told)), spec, "mode") is None


@pytest.mark.parametrize(
    ("verb", "value", "now", "more"),
    [
        ("mode", "standard", "standard", False),
        ("mode", "turbo", "standard", True),
        ("mode", "eco", None, True),
        ("limit", "50", 50, False),
        ("limit", "51", 50, True),
        ("tune", "frequency_mhz=525", 525, False),
        ("tune", "frequency_mhz=526", 525, True),
        ("tune", "core_voltage_mv=1100", 525, True),
        ("pool", "main", "reserve", False),
    ],
)
def test_as_much_as_now_raises_nothing_and_what_is_not_known_may(verb, value, now, more):
    assert raises(boards(1).miners[0], verb, value, now) is more


def test_a_stop_that_comes_to_nothing_holds_up_the_others_for_ten_minutes_and_not_for_ever():
    """O30: who is put aside and takes no stop was told it every tick, and for so long nobody else anything."""
    shelf = Shelf(boards(4))
    shelf.ticks(4)
    shelf.liars = {"b0"}
    shelf.requests = (request("quarantine", "b0", number=1),)
    shelf.tick()
    shelf.requests = (request("set-state", "mode.b2", "eco", number=2),)
    began = shelf.now
    while not shelf.errands():
        shelf.tick()
        assert shelf.now - began < 900
    assert shelf.now - began >= 360
    assert shelf.errands() == [("b2", "mode", "eco")]
    assert shelf.last().plan.stops == (0,)
    sent = [one.verb for one in shelf.last().commands]
    assert sent == sorted(sent, key=lambda verb: verb != "stop")
    shelf.requests = (request("set-state", "mode.b0", "eco", number=3),)
    shelf.ticks(12)
    assert {name for name, _, _ in shelf.errands()} == {"b2"}
    assert shelf.violations == []


def test_a_stop_that_has_just_begun_holds_them_up():
    shelf = Shelf(boards(4))
    shelf.ticks(4)
    shelf.liars = {"b0"}
    shelf.requests = (request("quarantine", "b0", number=1), request("set-state", "mode.b2", "eco", number=2))
    shelf.ticks(3)
    assert shelf.errands() == []


def test_a_mode_asked_for_by_hand_is_not_written_into_a_board_that_waits_to_run():
    """Only another pool ends its waiting."""
    mine = alone()
    mine.works["main"] = False
    mine.ticks(8)
    assert "miner b0" in mine.state.chases
    mine.requests = (request("errand", "b0", "mode", "eco"),)
    mine.ticks(4)
    assert mine.errands("mode") == []
    mine.works["main"] = True
    mine.ticks(6)
    assert mine.errands("mode") == [("b0", "mode", "eco")]
