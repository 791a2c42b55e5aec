"""Errands: restart, mode, pool and the rest. POL1, CMD13, CMD14; what may wait never delays what may not."""

from itertools import pairwise

import pytest
from core.plant import request
from core.shelf import MODES, POOLS, SHELF, Shelf, boards
from hypothesis import example, given
from hypothesis import strategies as st

from mine_controller.core.model.command import ERRANDS
from mine_controller.core.model.decision import Verdict
from mine_controller.tick import permitted


def running(count=4, **more):
    shelf = Shelf(boards(count, **more))
    shelf.ticks(4)
    return shelf


def ask(shelf, *args, number=1, verb="errand"):
    """File a request, run a tick, give its verdict."""
    shelf.requests = (request(verb, *args, number=number),)
    before = len(shelf.decisions)
    shelf.tick()
    return next(one for decision in shelf.decisions[before:] for one in decision.verdicts)


def test_a_restart_is_sent_once_and_its_outcome_is_told():
    shelf = running()
    assert ask(shelf, "b1", "restart") == Verdict(1, "done", "1 of 1 taken")
    shelf.ticks(5)
    assert shelf.errands() == [("b1", "restart", "")]
    assert shelf.outcome() == {
        "miner": "b1", "what": "restart", "verb": "restart", "value": "", "verdict": "applied", "why": "", "request": 1,
    }  # fmt: skip
    assert shelf.state.errands == ()
    assert shelf.violations == []


def test_what_waits_for_flash_memory_holds_up_no_light_and_no_fan_and_what_is_heavy_keeps_its_turn():
    shelf = running()
    ask(shelf, "b1", "mode", "eco", number=1)
    shelf.ticks(3)
    for number, what in enumerate((("mode", "turbo"), ("locate", "on"), ("fan", "60"), ("restart",)), start=2):
        ask(shelf, "b1", *what, number=number)
    shelf.ticks(3)
    assert shelf.errands() == [("b1", "mode", "eco"), ("b1", "locate", "on"), ("b1", "fan", "60")]
    shelf.ticks(20)
    assert shelf.errands()[3:] == [("b1", "mode", "turbo"), ("b1", "restart", "")]


def test_a_command_carries_the_identity_that_must_answer_and_the_value():
    shelf = running()
    ask(shelf, "b2", "tune", "frequency_mhz=525 core_voltage_mv=1150")
    command = next(one for decision in shelf.decisions for one in decision.commands if one.verb == "tune")
    assert (command.unit, command.address, command.lane) == ("02:00:00:00:00:02", "10.0.0.3", SHELF)
    assert command.value == "frequency_mhz=525 core_voltage_mv=1150"


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("b9", "restart"), "there is no miner 'b9'; see fleet.csv"),
        (("row=z", "restart"), "there is no miner 'row=z'"),
        (("colour=red", "restart"), "means nobody"),
        (("b1", "dance"), "there is no errand 'dance'; there are restart"),
        (("b1", "mode", "warp"), "b1 has no mode 'warp'; it has eco, standard, turbo"),
        (("b1", "pool", "mian"), "b1 has no pool 'mian'; it has main, reserve"),
        (("b1", "mode"), "mode needs its word"),
        (("b1", "limit", "9000"), "more than it may draw (30 W)"),
        (("b1", "limit", "-3"), "limit is a number of watts"),
        (("b1", "fan", "101"), "fan is auto or a share"),
        (("b1", "locate", "blink"), "locate is on or off"),
        (("b1", "tune", "frequency_mhz=9999"), "frequency_mhz is between 1 and 5000 MHz"),
        (("b1", "tune", "rm=1"), "tune takes settings like"),
        (("b1", "restart", "now"), "restart takes no value"),
        (("b1",), "an errand takes whom, what and its value"),
    ],
)
def test_what_can_not_be_is_refused_with_a_sentence(args, why):
    shelf = running()
    verdict = ask(shelf, *args)
    assert verdict.verdict == "refused"
    assert why in verdict.why
    assert shelf.errands() == []


def test_a_kind_that_can_not_is_named_with_what_it_can():
    shelf = running(verbs=("run", "stop", "locate"))
    assert "takes no restart; it takes locate" in ask(shelf, "b1", "restart").why


def test_a_miner_nobody_reaches_is_refused_and_the_others_are_counted():
    shelf = running()
    shelf.silent = {"b3"}
    shelf.ticks(3)
    assert ask(shelf, "b3", "restart").verdict == "refused"
    verdict = ask(shelf, "--all", "fan", "auto", number=2)
    assert verdict.verdict == "done"
    assert verdict.why.startswith("3 of 4 taken; b3 is not reachable")


def test_whom_may_be_a_row_a_model_or_a_group():
    wires = boards(4)
    rows = tuple(spec._replace(row="ab"[at % 2]) for at, spec in enumerate(wires.miners))
    shelf = Shelf(wires._replace(miners=rows))
    shelf.more = [(f"{spec.mac} model:text", "Gamma 601") for spec in rows[:1]]
    shelf.ticks(3)
    for whom, count in (("row=a", 2), ("model=gamma", 1), (f"group={SHELF}", 4)):
        assert ask(shelf, whom, "locate", "on").why == f"{count} of {count} taken"


def test_an_unreachable_board_is_told_twice_and_no_more():
    shelf = running()
    shelf.verdicts = {"restart": "unreachable"}
    ask(shelf, "b1", "restart")
    shelf.ticks(20)
    assert shelf.errands() == [("b1", "restart", "")] * 2
    assert shelf.outcome()["verdict"] == "unreachable"


def test_a_second_errand_of_its_kind_takes_the_place_of_one_that_waits():
    shelf = running()
    shelf.word["b1"] = "booting"
    ask(shelf, "b1", "mode", "eco")
    ask(shelf, "b1", "mode", "turbo", number=2)
    assert [one.value for one in shelf.state.errands] == ["turbo"]
    shelf.word.clear()
    shelf.tick()
    assert shelf.errands() == [("b1", "mode", "turbo")]


def test_what_a_lane_had_no_time_for_goes_on_without_counting_as_a_try():
    shelf = running()
    shelf.verdicts = {"locate": "not_sent"}
    ask(shelf, "b1", "locate", "on")
    shelf.ticks(5)
    shelf.verdicts = {}
    shelf.ticks(2)
    assert len(shelf.errands()) == 7
    assert shelf.outcome()["verdict"] == "applied"


@pytest.mark.parametrize("verdict", ["refused", "unknown", "unsupported"])
def test_any_other_answer_ends_an_errand(verdict):
    shelf = running()
    shelf.verdicts = {"restart": verdict}
    ask(shelf, "b1", "restart")
    shelf.ticks(20)
    assert len(shelf.errands()) == 1
    assert shelf.outcome()["verdict"] == verdict


def test_a_kill_before_the_answer_leaves_unknown_and_is_not_replayed():
    shelf = running()
    shelf.requests = (request("errand", "b1", "restart"),)
    shelf.tick(rounds=1)
    shelf.state = shelf.decisions[-1].state  # committed before sending; the answer is lost
    shelf.ticks(5)
    assert len(shelf.errands()) == 1
    assert shelf.outcome()["verdict"] == "unknown"


def test_an_errand_waits_for_the_end_of_a_curtailment_and_then_gives_up():
    shelf = running()
    shelf.signal = "off"
    shelf.ticks(2)
    assert ask(shelf, "b1", "mode", "eco").verdict == "done"
    shelf.ticks(29)
    assert len(shelf.state.errands) == 1
    shelf.ticks(3)
    assert shelf.errands() == []
    assert shelf.outcome()["verdict"] == "not_sent"


def test_a_settling_miner_gets_no_second_command_and_its_silence_is_no_event():
    shelf = running(settle_s=900)
    ask(shelf, "b1", "restart")
    shelf.power["b1"] = 3
    shelf.tick()
    assert ask(shelf, "b1", "fan", "auto", number=2).verdict == "done"
    shelf.ticks(4)
    assert shelf.errands() == [("b1", "restart", "")]
    assert not [one for one in shelf.sent if one[1] == "miner b1" and one[2] == "run"]
    assert not shelf.events("miner_off_unasked")
    assert shelf.last().plan.skip["b1"].code == "settling"
    shelf.power["b1"] = 18
    shelf.ticks(6)
    assert not shelf.events("miner_on_unasked")
    assert shelf.errands()[-1] == ("b1", "fan", "auto")


def test_a_stop_comes_also_while_a_miner_settles():
    shelf = running(settle_s=600)
    ask(shelf, "b1", "restart")
    shelf.signal = "off"
    shelf.tick()
    assert "miner b1" in {target for _, target, verb, _ in shelf.sent if verb == "stop"}


def test_restarts_of_all_go_out_a_step_at_a_time():
    shelf = running(20)
    ask(shelf, "--all", "restart")
    assert len(shelf.errands()) == 2
    shelf.ticks(14)
    assert len(shelf.errands()) == 20
    assert shelf.violations == []


def test_in_shadow_mode_an_errand_ends_as_withheld():
    shelf = Shelf(boards(settle_s=900), live=False)
    shelf.ticks(3)
    shelf.verdicts = dict.fromkeys(ERRANDS, "withheld")
    ask(shelf, "b1", "restart")
    shelf.ticks(3)
    assert shelf.outcome()["verdict"] == "withheld"
    assert shelf.state.settling == {}


def test_no_journal_no_errand():
    shelf = running()
    for number, args in enumerate(
        (("b0", "restart"), ("b1", "locate", "off"), ("b2", "fan", "auto"), ("b3", "mode", "eco")), 1
    ):
        ask(shelf, *args, number=number)
    sent = [one for decision in shelf.decisions for one in decision.commands if one.verb in ERRANDS]
    assert len(sent) == 4
    assert permitted(tuple(sent), written=False) == ()


# -- settings ---------------------------------------------------------------------------------------------------------


def want(shelf, key, value):
    return ask(shelf, key, value, verb="set-state")


def test_a_wanted_mode_is_written_once_and_an_obeyed_one_never_again():
    """CMD13: obeyed settings are not repeated."""
    shelf = running()
    assert want(shelf, "mode.b1", "eco").why == "in force until cleared"
    shelf.ticks(40)
    assert shelf.errands() == [("b1", "mode", "eco")]
    assert shelf.mode["b1"] == "eco"
    assert shelf.last().mode == "RUNNING"
    assert shelf.violations == []


def test_a_whole_group_can_be_put_on_a_pool_and_back():
    shelf = running()
    want(shelf, f"pool.{SHELF}", "reserve")
    shelf.ticks(3)
    assert set(shelf.pool.values()) == {"reserve"}
    want(shelf, f"pool.{SHELF}", "main")
    shelf.ticks(3)
    assert set(shelf.pool.values()) == {"reserve"}
    shelf.ticks(8)
    assert set(shelf.pool.values()) == {"main"}
    assert len(shelf.errands("pool")) == 8


def test_a_small_boards_mode_and_pool_go_in_one_round_so_that_its_driver_makes_one_write_of_them():
    shelf = running(2, rest_s=60)
    wanted = ((f"mode.{SHELF}", "eco"), (f"pool.{SHELF}", "reserve"))
    shelf.requests = tuple(request("set-state", *one, number=at) for at, one in enumerate(wanted, 1))
    shelf.ticks(12)
    at = {(name, verb): at_s for at_s, name, verb, _ in reversed(shelf.told)}
    assert {verb for _, verb in at} >= {"mode", "pool"}
    assert all(at[name, "mode"] == at[name, "pool"] for name, verb in at if verb == "pool")


def test_its_own_name_counts_before_its_group():
    shelf = running()
    want(shelf, f"mode.{SHELF}", "eco")
    want(shelf, "mode.b2", "standard")
    shelf.ticks(30)
    assert [shelf.mode[name] for name in ("b0", "b1", "b2", "b3")] == ["eco", "eco", "standard", "eco"]


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("mode.b1", "warp", "b1 has no mode 'warp'; it has eco, standard, turbo"),
        ("pool.b1", "nowhere", "it has main, reserve"),
        ("mode.zz", "eco", "there is no miner or group 'zz'"),
    ],
)
def test_a_setting_nobody_has_is_refused(key, value, why):
    verdict = want(running(), key, value)
    assert verdict.verdict == "refused"
    assert why in verdict.why


def test_pol1_a_pool_changes_at_most_every_fifteen_minutes():
    shelf = running()
    for turn in range(30):
        if turn % 3 == 0:
            want(shelf, "pool.b1", POOLS[turn // 3 % 2])
        shelf.tick()
    times = [at for at, name, verb, _ in shelf.told if verb == "pool"]
    assert len(times) >= 3
    assert min(later - earlier for earlier, later in pairwise(times)) >= 900


def test_cmd14_flash_is_written_at_most_every_25_minutes_except_towards_less_power():
    shelf = running()
    want(shelf, "mode.b1", "turbo")
    shelf.ticks(2)
    want(shelf, "mode.b1", "eco")
    shelf.ticks(2)
    assert shelf.mode["b1"] == "eco"
    want(shelf, "mode.b1", "standard")
    shelf.ticks(8)
    assert shelf.mode["b1"] == "eco"
    shelf.ticks(8)
    assert shelf.mode["b1"] == "standard"


def test_a_board_that_tells_no_mode_is_written_to_at_most_once_an_hour():
    shelf = running()
    shelf.mode["b1"] = None
    want(shelf, "mode.b1", "eco")
    shelf.ticks(50)
    assert len(shelf.errands("mode")) == 2


def test_a_board_that_says_yes_and_stays_as_it_is_is_not_worn_out_by_repeats():
    shelf = running()
    shelf.verdicts = {"mode": "applied"}
    want(shelf, "mode.b1", "eco")
    shelf.ticks(30)
    assert 2 <= len(shelf.errands("mode")) <= 3


def test_a_board_that_refuses_a_setting_is_asked_again_after_hours_only():
    shelf = running()
    shelf.verdicts = {"mode": "refused"}
    want(shelf, "mode.b1", "eco")
    shelf.ticks(170)
    assert len(shelf.errands("mode")) == 1
    assert len(shelf.events("errand_failed")) == 1
    shelf.ticks(40)
    assert len(shelf.errands("mode")) == 2


@pytest.mark.parametrize("word", ["sleeping", "booting", "stopped", "offline"])
def test_nothing_is_written_to_a_board_that_sleeps_or_boots(word):
    shelf = running()
    shelf.word["b1"] = word
    want(shelf, "mode.b1", "eco")
    shelf.ticks(5)
    assert shelf.errands() == []


def test_min3_nothing_is_written_where_another_unit_answers():
    """MIN3: the address of a listed miner is taken by a stranger: no command, one warning."""
    shelf = running()
    shelf.silent = {"b1"}
    shelf.more = [("02:ff:00:00:00:99:address", shelf.at["b1"])]
    want(shelf, "mode.b1", "eco")
    shelf.ticks(10)
    assert shelf.errands() == []
    assert not [one for one in shelf.sent if one[1] == "miner b1"]
    told = shelf.events("stranger")
    assert len(told) == 1
    assert told[0].severity == "warning"
    assert shelf.image.miners.address[1] is None


def test_a_mode_is_not_raised_while_nothing_may_start():
    shelf = running()
    shelf.signal = None
    want(shelf, "mode.b1", "turbo")
    assert shelf.last().envelope.no_start is not None
    assert shelf.errands() == []
    want(shelf, "mode.b2", "eco")
    assert shelf.last().envelope.max_power_w is None
    assert shelf.errands() == [("b2", "mode", "eco")]


def test_a_board_that_is_being_started_is_left_alone():
    shelf = Shelf(running=False)
    shelf.start_s = 500
    while not shelf.state.chases:
        shelf.tick()
    (starting,) = (target[6:] for target in shelf.state.chases)
    ask(shelf, starting, "locate", "on")
    shelf.ticks(2)
    assert shelf.errands() == []
    shelf.ticks(8)
    assert shelf.errands() == [(starting, "locate", "on")]


ACTIONS = st.sampled_from(["off", "run", "errand", "mode", "pool", "silent", "loud"])
LULL = [("loud", 0, "eco", "main")] * 14


@given(st.lists(st.tuples(ACTIONS, st.integers(0, 3), st.sampled_from(MODES), st.sampled_from(POOLS)), max_size=14))
@example(
    [(verb, 0, "eco", "reserve") for verb in ("mode", "pool")]
    + LULL
    + [("mode", 0, "turbo", "main"), ("pool", 0, "turbo", "main")]
    + LULL
)
def test_no_story_of_wishes_and_signals_breaks_a_guard(story):
    """Errands never appear in a round with young stops, nor beside their own miner's chase; obeyed ones never again."""
    shelf = running()
    for action, at, mode, pool in story:
        if action in ("off", "run"):
            shelf.signal = action
        elif action == "errand":
            shelf.requests = (request("errand", f"b{at}", "restart"),)
        elif action in ("mode", "pool"):
            shelf.requests = (request("set-state", f"{action}.b{at}", mode if action == "mode" else pool),)
        else:
            shelf.silent = {f"b{at}"} if action == "silent" else set()
        shelf.tick()
        for decision in shelf.decisions[-6:]:
            errands = [one for one in decision.commands if one.verb in ERRANDS]
            begun = (decision.state.chases.get(f"miner b{at}") for at in decision.plan.stops)
            assert not (errands and any(chase is None or chase.began_s > shelf.now - 600 for chase in begun))
            assert not {one.target for one in errands} & set(decision.state.chases)
    assert shelf.violations == []
    for name in shelf.mode:
        for verb in ("mode", "pool"):
            values = [value for who, what, value in shelf.errands() if (who, what) == (name, verb)]
            assert all(one != other for one, other in pairwise(values))
