"""Who has said that it knows no stop is not counted on again: by the forecast, by a stop in part, over a restart."""

import json

import pytest
from core.plant import Plant, policy, wiring
from core.shelf import SHELF, Shelf, boards

from mine_controller.core.miners import stopless
from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNREACHABLE, UNSUPPORTED, Command, Outcome
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import BreakerSpec, Path
from mine_controller.core.settle import settle
from mine_controller.store.state import pack_state, unpack_state

WHY = Reason("test", "test")
CLOUD = "foreman mine"


class Nanos(Shelf):
    """A shelf on which some boards know no stop."""

    def __init__(self, wires=None, *, none=("b0",), says="unsupported", **site):
        super().__init__(wires, **site)
        self.none, self.says = set(none), says
        self.ticks(3)

    def _do(self, name, command):
        if command.verb == "stop" and command.lane == SHELF and name in self.none:
            return self.says
        return super()._do(name, command)

    def stopped(self):
        """Who was told to stop."""
        return [target[6:] for _, target, verb, _ in self.sent if verb == "stop"]

    def limited(self, max_w):
        """One tick under this power limit, asked of nobody's outlet."""
        rules = self.policy
        self.policy = rules._replace(site=rules.site._replace(power_cap_w=max_w))
        return self.ticks(1)


def told_off(shelf):
    """A curtailment, and back."""
    shelf.signal = "off"
    shelf.ticks(2)
    shelf.signal = "run"
    shelf.ticks(14)
    return shelf


def test_who_knows_no_stop_is_no_longer_promised():
    shelf = Nanos()
    before = shelf.last().forecast
    assert (before["gentle"], before["unreachable"]) == (4, 0)
    after = told_off(shelf).last().forecast
    assert (after["gentle"], after["unreachable"], after["lanes"]) == (3, 1, {SHELF: 3})
    assert shelf.state.last[stopless.KEY] == {SHELF: ["b0"]}


def test_it_is_remembered_over_a_restart():
    shelf = told_off(Nanos())
    kept, notes = unpack_state(json.loads(json.dumps(pack_state(shelf.state))))
    assert (kept.last[stopless.KEY], notes) == ({SHELF: ["b0"]}, ())
    shelf.state = kept
    shelf.tick(rebooted=True)
    shelf.ticks(3)
    assert shelf.last().forecast["unreachable"] == 1


def test_it_is_told_to_stop_all_the_same_and_counts_again_when_it_obeys():
    shelf = told_off(Nanos())
    shelf.none = set()
    told_off(shelf)
    assert stopless.KEY not in shelf.state.last
    assert shelf.stopped().count("b0") >= 2
    assert shelf.last().forecast["unreachable"] == 0


def test_another_firmware_is_another_chance():
    shelf = Nanos()
    shelf.more = [("02:00:00:00:00:00 firmware:text", "v1")]
    shelf.ticks(12)
    assert stopless.KEY in told_off(shelf).state.last
    shelf.more = [("02:00:00:00:00:00 firmware:text", "v2")]
    shelf.ticks(12)
    assert stopless.KEY not in shelf.state.last
    assert shelf.last().forecast["unreachable"] == 0


def test_where_an_outlet_can_cut_it_or_a_second_way_can_stop_it_that_is_what_counts():
    wires = wiring(4)
    plant = Plant(wires)
    plant.ticks(3)
    plant.state = plant.state._replace(last={**plant.state.last, stopless.KEY: {CLOUD: ["m000", "m001"]}})
    forecast = plant.tick().forecast
    assert (forecast["gentle"], forecast["hard"], forecast["unreachable"]) == (2, 2, 0)
    spec = wires.miners[0]._replace(paths=(Path(SHELF, 20, gentle=True), *wires.miners[0].paths))
    assert [path.lane for path in stopless.left(spec, {SHELF: frozenset({"m000"})})] == [CLOUD, "redfish pdu1"]


def test_a_limit_takes_the_load_from_those_that_can_be_stopped():
    """Asked of one that knows no stop, the watts would stay, and nobody else would be asked for them."""
    shelf = told_off(Nanos())
    assert set(shelf.power.values()) == {18}
    before = len(shelf.stopped())
    shelf.limited(60)
    assert shelf.stopped()[before:] == ["b1"]
    assert (shelf.power["b0"], sum(shelf.power.values())) == (18, 57)
    shelf.limited(1)
    assert set(shelf.stopped()[before:]) == {"b0", "b1", "b2", "b3"}, "it is asked when nobody else is left"


def test_a_limit_does_not_count_on_a_stop_that_nobody_can_send():
    """A board that runs and answers nothing any more: no address, no command; the watts come from one that hears."""
    shelf = Nanos(none=())
    shelf.silent = {"b0"}
    shelf.ticks(4)
    shelf.limited(60)
    assert shelf.stopped() == ["b1", "b2"], "what b0 draws is not known and counts as much"
    shelf.limited(1)
    assert set(shelf.stopped()) == {"b1", "b2", "b3"}
    shelf.silent = set()
    shelf.limited(1)
    assert shelf.power["b0"] == 3


def test_a_limit_takes_the_next_one_when_the_first_turns_out_not_to_hear():
    shelf = Nanos(says="unreachable")
    shelf.limited(60)
    shelf.ticks(1)
    assert set(shelf.stopped()) == {"b0", "b1"}
    assert shelf.power["b1"] == 3


def heard(verdict, *, lane=SHELF, verb="stop", last=None, target="miner b0"):
    state = State(last=last or {})
    return settle(state, [Command("c1", target, verb, lane, "1", 0, WHY)], [Outcome("c1", verdict)]).last


def test_what_answers_to_a_stop_leave_in_the_state():
    known = {stopless.KEY: {SHELF: ["b0", "b1"], CLOUD: ["b0"]}}
    assert heard(UNSUPPORTED) == {stopless.KEY: {SHELF: ["b0"]}}
    assert heard(UNSUPPORTED, last=known) == known
    for verdict in (REFUSED, UNREACHABLE):
        assert heard(verdict) == {}
        assert heard(verdict, last=known) == known
    for verdict in (ACCEPTED, APPLIED):
        assert heard(verdict, last=known) == {stopless.KEY: {SHELF: ["b1"], CLOUD: ["b0"]}}
    assert heard(UNSUPPORTED, verb="run") == heard(UNSUPPORTED, target="fan 3") == {}


def test_who_is_listed_no_more_is_forgotten():
    state = State(last={stopless.KEY: {SHELF: ["b0", "gone"]}})
    assert stopless.forgotten(state, (), boards(4).miners).last == {stopless.KEY: {SHELF: ["b0"]}}
    changed = Event("firmware_changed", "warning", "b0", WHY)
    assert stopless.forgotten(state, (changed,), boards(4).miners).last == {}


@pytest.mark.parametrize("damaged", ["x", 7, ["b0"], {SHELF: "b0"}, {SHELF: None}, None])
def test_a_damaged_memory_says_nothing(damaged):
    last = {stopless.KEY: damaged}
    assert stopless.said(last) == {}
    assert stopless.forgotten(State(last=last), (), ()).last == last
    assert policy(wiring(1)).wiring.miners[0].paths == stopless.left(wiring(1).miners[0], stopless.said(last))


@pytest.mark.parametrize("says", ["unsupported", "refused"])
def test_who_can_not_be_stopped_on_a_full_branch_keeps_no_other_branch_dark(says):
    """It takes all the room of its own branch, and is asked for ever: the others' miners start all the same."""
    specs = boards(4)
    placed = (spec._replace(breaker="ab"[at > 0]) for at, spec in enumerate(specs.miners))
    wires = specs._replace(miners=tuple(placed), breakers=(BreakerSpec("a", 10), BreakerSpec("b", 100)))
    shelf = Nanos(wires, says=says)
    shelf.signal = "off"
    shelf.ticks(2)
    assert shelf.power == {"b0": 18, "b1": 3, "b2": 3, "b3": 3}
    shelf.signal = "run"
    shelf.ticks(20)
    assert shelf.power == {"b0": 18, "b1": 18, "b2": 18, "b3": 18}
    assert shelf.stopped()[-1] == "b0", "it is asked all the same"


def test_a_round_after_the_first_knows_too_who_has_no_room_on_his_branch():
    """One that is asked to stop at every tick gives each tick a second look: that one must not say "its turn"."""
    specs = boards(4)
    placed = (spec._replace(breaker="a" if at < 2 else "b") for at, spec in enumerate(specs.miners))
    wires = specs._replace(miners=tuple(placed), breakers=(BreakerSpec("a", 10), BreakerSpec("b", 100)))
    shelf = Nanos(wires)
    shelf.signal = "off"
    shelf.ticks(2)
    shelf.signal = "run"
    shelf.ticks(20)
    at_last = shelf.last()
    assert not shelf.image.clock.opening
    assert (at_last.plan.skip["b1"].code, at_last.mode) == ("no_breaker", "RUNNING")
