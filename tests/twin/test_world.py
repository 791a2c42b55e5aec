"""The container against the figures its physics was fitted to: temperatures within 1.5 K, seconds within 30 %."""

import pytest

from mine_controller.twin.boards import OFF, RUNNING, STANDBY, STARTING
from mine_controller.twin.world import Action, World


def mean_board_c(world):
    return sum(world.board_c(i) for i in range(280)) / 280


def fans_off(world, count):
    for fan in range(count):
        world.do(Action("fan", fan, "off"))


def seconds_until(world, true, most_s=3000):
    began = world.now_s
    while not true(world):
        assert world.now_s < began + most_s
        world.touch()
        world.advance(world.now_s + 1)
    return world.now_s - began


@pytest.mark.parametrize(
    ("fans", "inlet", "hot", "board"),
    [(9, 30.0, 46, 60), (7, 30.1, 51, 60), (6, 31.3, 54, 61), (5, 35.8, 58, 66), (4, 42.4, 65, 72)],
)
def test_fewer_fans_at_30_degrees_warm_inlet_aisle_and_boards_by_the_known_amounts(container, fans, inlet, hot, board):
    world = container(30, fans)
    assert world.inlet_c == pytest.approx(inlet, abs=1.5)
    assert world.hot_aisle_c == pytest.approx(hot, abs=1.5)
    assert mean_board_c(world) == pytest.approx(board, abs=1.5)
    assert world.miners_w() == pytest.approx(952_000, rel=0.03)


@pytest.mark.parametrize(("fans", "inlet"), [(2, 22.7), (3, 3.0), (4, -7.6), (9, -20)])
def test_in_winter_fewer_fans_are_the_heater(container, fans, inlet):
    assert container(-20, fans).inlet_c == pytest.approx(inlet, abs=1.5)


def test_three_of_nine_fans_can_be_lost_at_35_degrees(container):
    world = container(35)
    fans_off(world, 3)
    world.advance(2000)
    assert world.inlet_c == pytest.approx(36.3, abs=1.5)
    assert mean_board_c(world) == pytest.approx(66, abs=1.5)


def test_five_of_nine_fans_lost_at_35_degrees_leave_about_40_seconds(container):
    world = container(35)
    fans_off(world, 5)
    inlet_s = seconds_until(world, lambda w: w.inlet_c >= 45)
    assert inlet_s == pytest.approx(37, rel=0.3)
    world = container(35)
    fans_off(world, 5)
    assert seconds_until(world, lambda w: mean_board_c(w) >= 70) == pytest.approx(41, rel=0.3)


@pytest.mark.parametrize(("outside", "to_70_s", "to_80_s"), [(20, 42, 63), (30, 22, 42), (35, 12, 32), (40, 1, 22)])
def test_with_all_fans_lost_boards_reach_their_limit_before_any_tick(container, outside, to_70_s, to_80_s):
    world = container(outside)
    fans_off(world, 9)
    first = seconds_until(world, lambda w: mean_board_c(w) >= 70)
    assert first == pytest.approx(to_70_s, rel=0.3, abs=2)
    assert first + seconds_until(world, lambda w: mean_board_c(w) >= 80) == pytest.approx(to_80_s, rel=0.3)


@pytest.mark.parametrize(
    ("kind", "verb", "within_5", "within_2"), [("miner", "stop", 95, 144), ("outlet", "off", 432, 653)]
)
def test_stopped_boards_cool_fast_with_their_own_fans_and_slowly_in_the_dark(container, kind, verb, within_5, within_2):
    world = container(30)
    for i in range(280):
        world.do(Action(kind, i, verb))
    first = seconds_until(world, lambda w: mean_board_c(w) < 35)
    assert first == pytest.approx(within_5, rel=0.3)
    assert first + seconds_until(world, lambda w: mean_board_c(w) < 32) == pytest.approx(within_2, rel=0.3)


def test_stopping_miners_and_container_fans_together_drives_the_inlet_to_57_degrees(container):
    world = container(30)
    for i in range(280):
        world.do(Action("miner", i, "stop"))
    fans_off(world, 9)
    peak = 0.0
    for _ in range(100):
        world.advance(world.now_s + 2)
        peak = max(peak, world.inlet_c)
    assert peak == pytest.approx(57, abs=1.5)


@pytest.mark.parametrize(("fans", "shut", "seconds"), [(0, True, 14 * 60), (1, False, 3 * 60)])
def test_a_dark_container_freezes_in_minutes_at_minus_20(container, fans, shut, seconds):
    world = container(-20)
    for i in range(280):
        world.do(Action("outlet", i, "off"))
    world.fans.on = [n < fans for n in range(9)]
    world.fans.speed = [float(on) for on in world.fans.on]
    world.fans.dampers_shut = shut
    assert seconds_until(world, lambda w: mean_board_c(w) < 0) == pytest.approx(seconds, rel=0.3)


def test_firmware_trips_hot_miners_to_standby_and_wakes_them_only_when_cool_and_told(container):
    world = container(35, trips=True)
    fans_off(world, 9)
    world.advance(120)
    assert world.miners_w() < 60_000
    assert all(world.fleet.tripped)
    hot = max(range(280), key=world.board_c)
    world.fleet.tripped[hot] = True
    assert world.board_c(hot) > 50
    world.do(Action("miner", hot, "run"))
    assert world.boards.mode(hot) == STANDBY
    for fan in range(9):
        world.do(Action("fan", fan, "on"))
    world.advance(600)
    world.do(Action("miner", hot, "run"))
    assert world.boards.mode(hot) == STARTING


def test_an_outlet_boots_its_miner_in_50_30_and_90_seconds():
    world = World(3, miners=1)
    world.fans.on = [True] * 9
    world.schedule(100, Action("outlet", 0, "on"))
    seen = {}
    for at_s in (99, 120, 149, 151, 179, 225, 271):
        world.advance(at_s)
        seen[at_s] = world.miner_w(0)
    assert seen[99] == 0
    assert seen[120] == seen[149] == 25
    assert seen[151] == seen[179] == 150
    assert seen[225] == pytest.approx(1700, rel=0.06)
    assert seen[271] == pytest.approx(3400, rel=0.06)
    assert world.boards.mode(0) == RUNNING
    assert world.starts(0) == 1


def test_a_stop_sheds_within_ten_seconds_and_a_wake_up_takes_120():
    world = World(3, miners=4)
    world.run_all()
    world.schedule(7, Action("miner", 2, "stop"))
    world.advance(18)
    assert 25 <= world.miner_w(2) < 300
    assert world.miner_w(1) > 3000
    world.schedule(60, Action("miner", 2, "run"))
    world.advance(179)
    assert world.boards.mode(2) == STARTING
    world.advance(181)
    assert world.boards.mode(2) == RUNNING


def test_sleep_outlives_a_power_cut_unless_the_firmware_could_not_be_woken():
    world = World(3, miners=2)
    world.run_all()
    world.fleet.api_dies[1] = True
    for i in range(2):
        world.do(Action("miner", i, "stop"))
        world.do(Action("outlet", i, "off"))
        world.do(Action("outlet", i, "on"))
    assert [world.boards.mode(i) for i in range(2)] == [STANDBY, STARTING]


def test_mute_ones_do_nothing_liars_say_they_sleep_and_welded_outlets_stay_live():
    world = World(3, miners=3)
    world.run_all()
    world.fleet.mute[0] = world.fleet.liar[1] = world.fleet.welded[2] = True
    world.do(Action("miner", 0, "stop"))
    world.do(Action("miner", 1, "stop"))
    world.do(Action("outlet", 2, "off"))
    world.advance(60)
    assert [world.word(i) for i in range(3)] == ["hashing", "sleeping", "hashing"]
    assert all(world.miner_w(i) > 3000 for i in range(3))
    world.weld(2, stuck=False)
    assert world.boards.mode(2) == OFF


def test_a_broken_fan_draws_nothing_though_its_relay_is_on():
    world = World(3)
    world.run_all()
    world.fans.broken[3] = True
    world.touch()
    world.advance(60)
    assert world.fans.on[3]
    assert world.fans.fan_w(3) == 0
    assert world.fans.speed[3] == 0
    assert world.fans.fan_w(2) == pytest.approx(1500, rel=0.09)


def test_actions_happen_at_their_exact_second_whatever_the_stride():
    coarse, fine = World(5, miners=20), World(5, miners=20)
    for world in (coarse, fine):
        world.run_all()
        for i in range(20):
            world.schedule(13.5 + i, Action("miner", i, "stop"))
    coarse.advance(300)
    for at_s in range(301):
        fine.advance(at_s)
    assert coarse.energy_kwh() == pytest.approx(fine.energy_kwh(), rel=0.01)
    assert coarse.board_c(7) == pytest.approx(fine.board_c(7), abs=0.5)


def test_the_same_seed_gives_the_same_world_and_another_one_another():
    def kwh(seed):
        world = World(seed)
        world.run_all()
        world.advance(3600)
        return world.energy_kwh()

    assert kwh(1) == kwh(1)
    assert kwh(1) != kwh(2)


def test_miners_with_one_history_share_a_lot_again_after_a_staggered_stop():
    world = World(1)
    world.run_all()
    for i in range(280):
        world.schedule(i, Action("miner", i, "stop"))
    world.advance(2400)
    assert len(world.boards.lots) <= 4
    assert sum(len(lot.members) for lot in world.boards.lots) == 280
    assert world.miners_w() == pytest.approx(280 * 25)


def test_every_miner_has_a_counter_and_together_they_are_the_site():
    world = World(1, miners=40)
    world.run_all()
    for i in range(20):
        world.schedule(100 + i, Action("miner", i, "stop"))
    world.schedule(200, Action("outlet", 39, "off"))
    world.advance(300)
    dark_kwh = world.boards.miner_kwh(39)
    world.advance(7200)
    assert world.boards.miner_kwh(39) == dark_kwh
    assert sum(world.boards.miner_kwh(i) for i in range(40)) == pytest.approx(world.energy_kwh(), rel=1e-6)
    assert world.boards.miner_kwh(0) < world.boards.miner_kwh(30) / 10


def test_permitted_energy_counts_only_healthy_miners_while_the_signal_says_run():
    world = World(1, miners=10)
    world.advance(3600)
    assert world.permitted_kwh() == pytest.approx(34, rel=0.03)
    assert world.energy_kwh() == 0
    before = world.permitted_kwh()
    world.signal = "off"
    world.advance(7200)
    assert world.permitted_kwh() == before
    world.signal = "run"
    world.fleet.dead = [True] * 5 + [False] * 5
    world.touch()
    world.advance(10_800)
    assert world.permitted_kwh() - before == pytest.approx(17, rel=0.05)


def test_permitted_energy_is_capped_and_stops_when_no_fan_could_hold_the_inlet():
    capped = World(1, miners=10, cap_w=20_000)
    capped.advance(3600)
    assert capped.permitted_kwh() == pytest.approx(20)
    hot = World(1, weather="heat_wave", zone="UTC", start_wall_s=1_784_131_200)  # 16:00
    hot.advance(600)
    assert hot.permitted_kwh() == 0


def test_an_unknown_action_is_refused():
    with pytest.raises(ValueError, match="no action on a door"):
        World(1).do(Action("door", 0, "on"))
