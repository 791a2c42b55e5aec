"""What software finds out by itself: learned watts, efficiency, firmware, moves, strangers, units nobody listed."""

import pytest
from core.plant import Plant, policy, wiring
from core.shelf import SHELF, Shelf, boards
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.fleet import drawn, sum_up, unlisted
from mine_controller.core.miners import units
from mine_controller.core.wording.words import sentence

FIRST = "02:00:00:00:00:00"


def told(shelf, kind):
    return [sentence(event.reason) for event in shelf.events(kind)]


def test_a_changed_firmware_is_told_once_with_old_and_new():
    shelf = Shelf()
    shelf.more = [(f"{FIRST} firmware:text", "v2.6.0")]
    shelf.ticks(30)
    assert told(shelf, "firmware_changed") == []
    shelf.more = [(f"{FIRST} firmware:text", "v2.7.1")]
    shelf.ticks(30)
    assert told(shelf, "firmware_changed") == ["the firmware of b0 changed from v2.6.0 to v2.7.1"]
    assert shelf.events("firmware_changed")[0].severity == "warning"
    assert shelf.state.units["b0"].firmware == "v2.7.1"


def test_a_firmware_changed_while_the_controller_was_down_is_told_too():
    shelf = Shelf()
    shelf.more = [(f"{FIRST} firmware:text", "v2.6.0")]
    shelf.ticks(12)
    shelf.more = [(f"{FIRST} firmware:text", "v2.7.1")]
    shelf.now += 3600
    shelf.tick(rebooted=True)
    shelf.ticks(12)
    assert len(told(shelf, "firmware_changed")) == 1


def test_a_move_is_followed_silently_and_commands_go_to_the_new_address():
    shelf = Shelf()
    shelf.ticks(3)
    shelf.at["b0"] = "10.0.0.77"
    shelf.ticks(1)
    assert told(shelf, "moved") == ["b0 moved from 10.0.0.1 to 10.0.0.77"]
    assert shelf.events("moved")[0].severity == "info"
    shelf.signal = "off"
    shelf.ticks(1)
    commands = [one for decision in shelf.decisions for one in decision.commands if one.target == "miner b0"]
    assert [one.address for one in commands] == ["10.0.0.77"]


def test_two_listed_units_that_swap_addresses_are_moves_and_no_strangers():
    shelf = Shelf()
    shelf.ticks(3)
    shelf.at["b0"], shelf.at["b1"] = shelf.at["b1"], shelf.at["b0"]
    shelf.ticks(5)
    assert len(told(shelf, "moved")) == 2
    assert told(shelf, "stranger") == []


def test_min3_a_stranger_is_told_once_and_the_listed_one_is_followed_when_it_comes_back():
    """MIN3: another mac at the address: the listed one is gone at once, not when its word grows old."""
    shelf = Shelf()
    shelf.ticks(3)
    shelf.silent = {"b0"}
    shelf.more = [("02:ff:00:00:00:09:address", "10.0.0.1")]
    shelf.ticks(1)
    assert shelf.image.miners.address[0] is None
    shelf.signal = "off"
    shelf.ticks(6)
    assert told(shelf, "stranger") == [
        "10.0.0.1, where b0 answered, is now 02:ff:00:00:00:09, which fleet.csv does not list"
    ]
    assert not [one for one in shelf.sent if one[1] == "miner b0"]
    shelf.silent, shelf.at["b0"] = set(), "10.0.0.40"
    shelf.ticks(2)
    assert len(told(shelf, "moved")) == 1


def test_a_listed_unit_that_is_back_at_its_address_ends_the_alarm_and_the_next_stranger_is_told_again():
    shelf = Shelf()
    shelf.ticks(3)
    for times in (1, 2):
        shelf.silent, shelf.more = {"b0"}, [("02:ff:00:00:00:09:address", "10.0.0.1")]
        shelf.ticks(2)
        assert len(told(shelf, "stranger")) == times
        assert "stranger b0" in shelf.state.alarms
        shelf.silent, shelf.more = set(), []
        shelf.ticks(2)
        assert told(shelf, "stranger_left") == ["b0 answers at 10.0.0.1 again"] * times
        assert "stranger b0" not in shelf.state.alarms


def test_units_nobody_listed_are_shown_and_never_commanded():
    shelf = Shelf()
    mac = "02:ff:00:00:00:09"
    shelf.more = [(f"{mac}:address", "10.0.0.9"), (f"{mac}:power_w", 17), (f"{mac} model:text", "Gamma 601")]
    shelf.ticks(3)
    (one,) = unlisted(shelf.image, shelf.wiring)
    assert one[:3] == (SHELF, mac, "10.0.0.9")
    assert (one.word, one.power_w, one.hashrate_ths, one.model) == (None, 17, None, "Gamma 601")
    shelf.signal = "off"
    shelf.ticks(2)
    assert all(command.unit != mac for decision in shelf.decisions for command in decision.commands)


def test_running_watts_are_learned_slowly_within_half_and_a_third_more_of_the_configured():
    shelf = Shelf()
    shelf.ticks(12)
    assert shelf.state.units["b0"].run_dw == 180
    shelf.power["b0"] = 500
    shelf.ticks(25)
    assert 180 < shelf.state.units["b0"].run_dw < 300
    shelf.ticks(400)
    assert 380 <= shelf.state.units["b0"].run_dw <= 390


def test_nothing_is_learned_of_a_board_that_sleeps_or_has_just_started():
    shelf = Shelf(running=False)
    shelf.signal = "off"
    shelf.ticks(15)
    assert all(unit.run_dw == 0 for unit in shelf.state.units.values())


def test_power_is_told_with_its_source_the_best_first():
    wires = wiring(3)
    plant = Plant(wires)
    plant.ticks(12)
    assert {one.source for one in drawn(plant.image, plant.state, wires)} == {"pdu"}
    shelf = Shelf()
    shelf.ticks(12)
    assert {one.source for one in drawn(shelf.image, shelf.state, shelf.wiring)} == {"miner"}
    shelf.silent = {"b0"}
    shelf.ticks(4)
    assert drawn(shelf.image, shelf.state, shelf.wiring)[0] == (18, "learned", False)
    fresh = shelf.state._replace(units={})
    assert drawn(shelf.image, fresh, shelf.wiring)[0] == (30, "configured", False)
    nobody = shelf.wiring._replace(miners=tuple(one._replace(nameplate=True) for one in shelf.wiring.miners))
    assert drawn(shelf.image, fresh, nobody)[0].source == "nameplate"


def test_pdu1_learned_watts_never_make_an_unknown_miner_smaller_than_configured():
    """PDU1: for limits, what is not known counts at the configured power at least, and at the learned one if more."""
    shelf = Shelf()
    shelf.ticks(12)
    shelf.silent = {"b0"}
    shelf.ticks(4)
    assert sum_up(shelf.image, shelf.state, shelf.wiring).est_w[0] == 33
    big = shelf.state._replace(units={"b0": shelf.state.units["b0"]._replace(run_dw=380)})
    assert sum_up(shelf.image, big, shelf.wiring).est_w[0] == 41


@pytest.mark.parametrize(("strategy", "learned"), [("wear", 0), ("efficiency", 165), ("mixed", 165)])
def test_efficiency_is_learned_where_the_strategy_asks_for_it(strategy, learned):
    shelf = Shelf(strategy=strategy)
    shelf.more = [(f"{FIRST}:hashrate_ths", 1.09)]
    shelf.ticks(12)
    assert shelf.state.units["b0"].dj_th == learned


def test_a_miner_that_leaves_the_config_leaves_the_books():
    shelf = Shelf()
    shelf.ticks(12)
    shelf.wiring = boards(2)
    shelf.policy = shelf.policy._replace(wiring=shelf.wiring)
    shelf.tick()
    assert {name for name, unit in shelf.state.units.items() if unit.address or unit.run_dw} == {"b0", "b1"}


def test_policy_of_a_plant_has_no_pools_unless_written():
    assert policy(wiring(1)).pools == ()


@pytest.mark.parametrize(("left", "shrunk"), [(20, False), (19, True), (3, True)])
def test_cfg1_a_list_that_loses_more_than_a_fifth_at_once_is_told_once(left, shrunk):
    """An editor that died, a disk that was full: the miners that are gone from it are stopped by nobody."""
    plant = Plant(wiring(24))
    plant.ticks(4)
    plant.wiring = wiring(left)
    plant.policy = policy(plant.wiring)
    plant.ticks(3)
    said = [sentence(event.reason) for event in plant.events("list_shrunk")]
    known = "of 24 known miners are in fleet.csv no longer: nobody stops them now"
    assert said == ([f"{24 - left} {known}"] if shrunk else [])


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=6))
def test_noise_around_it_carries_what_is_learned_neither_up_nor_down(noise):
    """J/TH times ten of a small board: an eighth rounded down took two per cent off them."""
    learned = 150
    seen = [*noise, *(-one for one in noise)]
    for at in range(400):
        learned = units._slowly(learned, 150 + seen[at % len(seen)])
    assert abs(learned - 150) <= 2
