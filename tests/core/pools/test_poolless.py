"""Boards that cut their own power while no pool answers them, and say so: nobody's hand, no failed start."""

import pytest
from core.plant import Plant, request, wiring
from core.shelf import SHELF
from core.test_failover import Mine

from mine_controller.core.decide import _view
from mine_controller.core.pools.health import crews
from mine_controller.core.pools.poolless import KEY


class Thrifty(Mine):
    """Boards whose firmware takes the power from its chips while its pool is gone, and gives it back by itself."""

    def tick(self, *args, **more):
        for name, pool in self.pool.items():
            waits = self.word.get(name) == "waiting"
            if not self.works.get(pool, True) and self.power[name] > 6:
                self.power[name], self.word[name] = 3, "waiting"
            elif self.works.get(pool, True) and waits:
                self.power[name] = 18
                del self.word[name]
        return super().tick(*args, **more)

    def _do(self, name, command):
        """It takes a start, and has nothing to do."""
        if command.verb == "run" and self.word.get(name) == "waiting":
            return "applied"
        return super()._do(name, command)

    def put_aside(self):
        return {name: book.quarantined for name, book in self.state.miners.items() if book.quarantined}


def alone(**more):
    return Thrifty(1, check=False, facts=(), **more)


def test_cmd4_a_board_alone_that_waits_for_its_pool_half_a_day_is_not_put_aside():
    mine = alone()
    mine.works["main"] = False
    mine.ticks(360)
    assert mine.power["b0"] == 3
    assert not mine.put_aside()
    assert not mine.events("start_failed")
    mine.works["main"] = True
    mine.ticks(4)
    assert (mine.power["b0"], mine.state.mode) == (18, "RUNNING")
    assert mine.violations == []


def test_a_board_that_waits_is_told_to_run_a_few_times_a_day_and_holds_up_nobody():
    """Each start may write to its flash memory. Its room is kept: it may draw again at any moment."""
    mine = Thrifty(2, check=False, facts=())
    mine.pool["b1"], mine.works["reserve"] = "reserve", False
    mine.ticks(2)
    began = len(mine.sent)
    mine.ticks(720)
    assert [verb for _, target, verb, _ in mine.sent[began:] if target == "miner b1"] == ["run"] * 4
    assert mine.state.mode == "RUNNING"
    view, _ = _view(mine.image, mine.state, mine.policy)
    assert view.fleet.starting_w >= 30 - 3
    assert mine.violations == []


@pytest.mark.parametrize("pause", [1, 3, 12])
def test_cmd12_a_pool_that_comes_and_goes_is_no_second_writer(pause):
    mine = alone()
    for _ in range(8):
        mine.works["main"] = False
        mine.ticks(pause)
        mine.works["main"] = True
        mine.ticks(pause)
    assert mine.power["b0"] == 18
    assert not mine.put_aside()
    assert not [kind for kind in ("two_writers", "miner_off_unasked", "miner_on_unasked") if mine.events(kind)]


def test_a_board_that_goes_dark_without_that_word_three_times_is_put_aside_as_before():
    mine = alone()
    for _ in range(3):
        mine.power["b0"] = 3
        mine.ticks(2)
        mine.power["b0"] = 18
        mine.ticks(20)
    assert mine.put_aside()


def test_a_start_that_waited_for_its_pool_and_then_for_nothing_more_has_failed():
    """Its pool is back, by its own word, and it draws nothing all the same."""
    mine = alone()
    mine.works["main"] = False
    mine.ticks(12)
    mine.works["main"] = True
    for _ in range(12):
        mine.power["b0"], mine.word["b0"] = 3, "error"
        Mine.tick(mine)
    assert len(mine.events("start_failed")) == 1


def test_pol1_boards_that_wait_show_that_their_pool_is_down_and_are_put_on_the_stand_in():
    """No check of its port, and nobody's shares are missed: all of its boards are dark."""
    mine = Thrifty(check=False)
    mine.works["main"] = False
    mine.ticks(12)
    assert mine.on("reserve") == 4
    assert set(mine.power.values()) == {18}
    (event,) = mine.events("pool_down")
    assert dict(event.reason.numbers)["why"] == "its miners say that it does not answer"


def test_boards_that_sleep_are_no_word_for_a_pool_that_the_others_wait_for():
    mine = Thrifty(check=False)
    miners = mine.image.miners._replace(word=("waiting", "waiting", "waiting", "sleeping"))
    crew = crews(mine.image._replace(miners=miners), mine.wiring, (False,) * 4)["main"]
    assert (crew.waits, crew.running, len(crew.at)) == (True, 3, 4)


def test_a_pool_its_boards_waited_for_is_tried_again_and_believed_when_it_gives_work():
    """Their word ends with them: it was no pool for ever else, with nobody left on it to take it back."""
    mine = Thrifty(check=False)
    mine.works["main"] = False
    mine.ticks(12)
    mine.works["main"] = True
    mine.ticks(90)
    assert mine.on("main") == 4
    assert len(mine.events("pool_up")) == 1


def test_one_board_of_four_that_waits_shows_nothing_of_the_pool():
    mine = Thrifty(check=False)
    mine.power["b2"], mine.word["b2"] = 3, "waiting"
    mine.works["main"] = True
    for _ in range(20):
        mine.power["b2"], mine.word["b2"] = 3, "waiting"
        Mine.tick(mine)
    assert not mine.events("pool_down")
    assert mine.on("main") == 4


def test_a_pool_asked_for_by_hand_reaches_a_board_that_waits():
    mine = Thrifty(1, check=False)
    mine.policy = mine.policy._replace(pools=())
    mine.works["main"] = False
    mine.ticks(4)
    mine.requests = (request("errand", "b0", "pool", "reserve"),)
    mine.ticks(4)
    assert mine.pool["b0"] == "reserve"
    assert mine.power["b0"] == 18


def test_what_is_remembered_of_it_ends_when_it_runs_or_says_something_else():
    mine = alone()
    mine.works["main"] = False
    mine.ticks(3)
    assert mine.state.last[KEY] == ["b0"]
    mine.silent = {"b0"}
    mine.ticks(8)
    assert mine.state.last[KEY] == ["b0"]
    mine.silent = set()
    mine.word["b0"] = "sleeping"
    mine.tick()
    assert KEY not in mine.state.last


def test_o4_while_everything_must_stop_a_board_that_waits_is_told_too():
    mine = alone()
    mine.works["main"] = False
    mine.ticks(3)
    began = len(mine.sent)
    mine.signal = "off"
    mine.ticks(3)
    assert ("miner b0", "stop", SHELF) in [one[1:] for one in mine.sent[began:]]


def test_a_board_that_waits_is_told_after_ten_minutes_and_not_beside_its_pool():
    mine = alone()
    mine.works["main"] = False
    mine.ticks(4)
    assert not open_alarms(mine)
    mine.ticks(3)
    assert open_alarms(mine) == ["b0"]
    mine.works["main"] = True
    mine.ticks(6)
    assert not open_alarms(mine)


def open_alarms(mine):
    return [alarm["about"] for alarm in mine.state.alarms.values() if alarm["kind"] == "miner_waits"]


def test_a_board_that_has_to_be_dark_or_is_being_mended_is_not_told_to_wait():
    stopped, mended = alone(), alone(flags=("maintenance",))
    for mine in (stopped, mended):
        mine.works["main"] = False
    stopped.signal = "off"
    mended.word["b0"] = "waiting"
    for mine in (stopped, mended):
        mine.ticks(3)
        mine.power["b0"], mine.word["b0"] = 3, "waiting"
        mine.ticks(12)
        assert not open_alarms(mine)


@pytest.mark.parametrize("waited", range(9, 22))
def test_a_start_that_waited_has_its_whole_time_when_a_pool_answers(waited):
    """Whoever takes minutes to come up had failed to start at once, by when in its time the pool came back."""
    mine = alone(ramp_patience_s=300)
    mine.works["main"] = False
    mine.ticks(waited)
    mine.works["main"] = True
    for _ in range(4):
        mine.power["b0"], mine.word["b0"] = 3, "booting"
        Mine.tick(mine)
    assert not mine.events("start_failed")
    del mine.word["b0"]
    mine.power["b0"] = 18
    mine.ticks(2)
    assert "miner b0" not in mine.state.chases


class Row(Plant):
    """Large miners on outlets that are measured; some say a word of their own, some say nothing."""

    words, silent = {}, frozenset()

    def readings(self, asked):
        for one in super().readings(asked):
            spec = next((unit for unit in self.wiring.miners if one.key.startswith(f"{unit.group}/{unit.mac}:")), None)
            if spec is None or spec.id not in self.silent:
                word = self.words.get(spec.id) if spec is not None and one.quantity == "word" else None
                yield one if word is None else one._replace(value=word)


def test_a_miner_that_waits_and_loses_its_supply_is_told_as_any_other():
    """Its last word, of minutes ago, passed for why it is dark: nobody ever heard that it is gone."""
    row = Row(wiring(10))
    row.ticks(3)
    row.words, row.power["m003"] = {"m003": "waiting"}, 1000
    row.ticks(4)
    row.silent, row.power["m003"] = frozenset({"m003"}), 0
    row.ticks(10)
    assert [event.about for event in row.events("miner_off_unasked")] == ["m003"]
    assert "miner_offline m003" in row.state.alarms


def test_a_board_that_waits_and_is_heard_no_more_is_told_and_its_waiting_is_not_over():
    mine = alone()
    mine.works["main"] = False
    mine.ticks(12)
    assert open_alarms(mine) == ["b0"]
    mine.silent = {"b0"}
    mine.ticks(12)
    assert set(mine.state.alarms) == {"miner_waits b0", "miner_offline b0"}
    mine.silent, mine.works["main"] = set(), True
    mine.ticks(12)
    assert not mine.state.alarms
