"""Units that are dark by nobody's word: while everything must stop they are told, or they go on by themselves."""

import pytest
from core.order_desk import view
from core.plant import Plant, wiring

from mine_controller.core.miners.awake import KEY, rests, watched
from mine_controller.core.model.state import Chase, MinerBook, State


def idle(plant, name):
    """It draws nothing and was not asked to: its pool is gone."""
    spec = next(spec for spec in plant.wiring.miners if spec.id == name)
    plant.power[name] = 25
    plant.garbage[f"foreman mine/{spec.mac}:word"] = "booting"


def running(miners=24, **kwargs):
    plant = Plant(wiring(miners, **kwargs))
    plant.ticks(4)
    return plant


def said(plant, name, since=0):
    return [verb for _, target, verb, _ in plant.sent[since:] if target == f"miner {name}"]


def test_o4_a_unit_that_is_idle_by_itself_is_told_once_with_all_others_and_its_outlet_is_left_alone():
    plant = running()
    idle(plant, "m003")
    plant.tick()
    began = len(plant.sent)
    plant.signal = "off"
    plant.ticks(5)
    assert said(plant, "m003", began) == ["stop"]
    assert plant.outlet["m003"]
    assert plant.state.last["awake"] == []
    assert not plant.violations


def test_nobody_is_told_anything_while_others_may_run():
    plant = running()
    idle(plant, "m003")
    began = len(plant.sent)
    plant.tick()
    assert plant.state.last["awake"] == ["m003"]
    assert "stop" not in said(plant, "m003", began)


def test_who_was_stopped_by_us_or_says_itself_that_it_sleeps_is_not_told_again():
    plant = running()
    plant.signal = "off"
    plant.ticks(3)
    assert not plant.state.last.get("awake")
    began = len(plant.sent)
    plant.state = plant.state._replace(last={**plant.state.last, "awake": ["m005"]})
    plant.ticks(5)
    assert [one for one in plant.sent[began:] if one[1].startswith("miner ")] == []


def test_a_start_that_came_to_nothing_is_taken_back_when_everything_must_stop():
    plant = running()
    idle(plant, "m003")
    plant.mute.add("m003")  # told to run, it stays as it is
    for _ in range(40):
        plant.tick()
        if plant.events("start_failed"):
            break
    assert plant.state.last["awake"] == ["m003"]
    began = len(plant.sent)
    plant.signal = "off"
    plant.ticks(3)
    assert said(plant, "m003", began) == ["stop"]


def test_one_that_does_not_hear_it_is_told_again_a_tick_later_and_never_cut():
    plant = running()
    idle(plant, "m003")
    plant.tick()
    plant.signal = "off"
    plant.tick()
    began = len(plant.sent)
    plant.state = plant.state._replace(last={**plant.state.last, "awake": ["m003"]})
    plant.dead.add("foreman mine")
    plant.ticks(2)
    assert plant.state.last["awake"] == ["m003"], "nothing has reached it"
    plant.dead.clear()
    plant.ticks(3)
    told = said(plant, "m003", began)
    assert set(told) == {"stop"}
    assert 2 <= len(told) <= 3
    assert plant.outlet["m003"]
    assert plant.state.last["awake"] == []


def test_who_is_on_again_is_forgotten():
    plant = running()
    idle(plant, "m003")
    plant.tick()
    plant.garbage.clear()
    plant.power["m003"] = 3400
    plant.starting.clear()
    plant.tick()
    assert plant.state.last["awake"] == []


@pytest.mark.parametrize(
    ("known", "watts", "word", "found"),
    [
        (("m000",), 25, "booting", True), (("m000",), 25, None, True), (("m000",), None, "booting", False),
        ((), 25, "booting", False), (("m001",), 25, "booting", False), (("m000",), 3400, "booting", False),
        (("m000",), 25, "sleeping", False), (("m000",), 25, "stopped", False),
    ],
)  # fmt: skip
def test_one_rests_that_is_known_to_is_measured_dark_and_does_not_say_that_it_sleeps(known, watts, word, found):
    seen = view(running=watts == 3400, last={KEY: known}, power_w=(watts, 25, 25, 25), word=(word,) * 4)
    assert rests(seen, 0) is found


@pytest.mark.parametrize(("want", "names"), [("stop", ()), ("run", ()), ("", ("m000",))])
def test_who_went_dark_by_our_word_is_not_dark_by_itself(want, names):
    chases = {"miner m000": Chase(want, 0, 1, 5)} if want else {}
    state = State(chases=chases, miners={})
    books = {"m000": MinerBook(last_stop_s=900), "m001": MinerBook(last_stop_s=800), "m002": MinerBook(on=True)}
    assert tuple(watched(state, books, 900).last.get(KEY) or ()) == names
