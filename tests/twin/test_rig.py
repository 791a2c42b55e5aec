"""What a single miner does by itself: watts, heat, starts, shares, pools, and what is wrong with it."""

import pytest
from twin.lan import MAIN, SPARE, rig_of

from mine_controller.twin.rig import Habits, Heat, Mode
from mine_controller.twin.servers import antminer, bitaxe

MODES = {"eco": Mode(0.6, 0.75, 400, 1000), "standard": Mode(1.0, 1.0, 525, 1150)}
LASTING = Habits(sleep_lasts=True)


def small(**about):
    return rig_of({"kind": "bitaxe", "nominal_w": 17.0, "standby_w": 2.0, "rate_ths": 1.2, "modes": MODES}, **about)


def test_one_that_begins_running_is_warm_and_has_shares():
    rig = small()
    assert (rig.word(), rig.api(), rig.hashing, rig.starts) == ("hashing", "up", True, 0)
    assert rig.power_w() == pytest.approx(17.0)
    assert rig.rate_ths() == pytest.approx(1.2)
    assert 50 < rig.chip_c() < 65
    assert rig.ambient_c < rig.board_c() < rig.chip_c()
    accepted, rejected, stale = rig.shares()
    assert accepted + rejected + stale == 300
    assert rejected < 5


def test_a_stop_takes_seconds_and_a_run_half_a_minute():
    rig = small()
    rig.do("stop")
    assert (rig.word(), rig.stopped) == ("sleeping", True)
    assert rig.power_w() == pytest.approx(17.0)  # told, not yet done
    rig.advance(30)
    assert rig.power_w() == pytest.approx(2.0, abs=0.1)
    assert rig.rate_ths() == pytest.approx(0, abs=0.01)
    rig.do("run")
    rig.advance(33)
    assert rig.word() == "booting"
    rig.advance(40)
    assert rig.word() == "hashing"
    assert 2 < rig.power_w() < 17
    rig.advance(52)
    assert rig.power_w() == pytest.approx(17.0)
    assert rig.starts == 1


def test_it_counts_what_reached_it_and_not_its_plug():
    rig = small()
    rig.mute = True
    for verb, value in (("stop", ""), ("mode", "eco"), ("mode", "none such"), ("off", ""), ("on", "")):
        rig.do(verb, value)
    rig.store("mode", "eco")
    assert {verb: many for verb, many in rig.commands.items() if many} == {"stop": 1, "mode": 2}


def test_a_command_for_later_waits_for_its_second():
    rig = small()
    assert rig.do("stop", at_s=21.0)
    rig.advance(20.9)
    assert not rig.stopped
    rig.advance(21)
    assert rig.stopped


def test_a_command_that_makes_no_sense_is_not_taken():
    rig = small()
    wrong = [("mode", "warp"), ("pool", "7"), ("limit", "0"), ("fan", "101"), ("locate", "maybe"), ("tune", "mhz=5")]
    assert [rig.do(verb, value) for verb, value in [*wrong, ("dance", "")]] == [False] * 7
    assert rig.power_w() == pytest.approx(17.0)


def test_after_a_restart_nobody_answers_until_it_has_booted():
    rig = small(boot_s=8)
    rig.advance(100)
    rig.do("restart")
    assert (rig.api(), rig.word(), rig.uptime_s()) == ("silent", "offline", 0)
    rig.advance(107.9)
    assert rig.api() == "silent"
    rig.advance(110)
    assert (rig.api(), rig.uptime_s()) == ("up", 2)
    assert rig.shares() == (0, 0, 0)
    assert (rig.starts, rig.restarts) == (1, 1)


def test_a_pause_is_forgotten_by_a_restart_unless_the_firmware_keeps_it():
    forgets, keeps = small(boot_s=8), small(boot_s=8, habits=LASTING)
    for rig in (forgets, keeps):
        rig.do("stop")
        rig.advance(60)
        rig.do("restart")
        rig.advance(120)
    assert (forgets.word(), keeps.word()) == ("hashing", "sleeping")
    assert (forgets.starts, keeps.starts) == (1, 0)


def test_a_plug_cuts_at_once_and_gives_a_cold_start():
    rig = small(boot_s=8)
    rig.advance(10)
    rig.do("off")
    assert (rig.power_w(), rig.api(), rig.fan_rpm()) == (0, "silent", 0)
    rig.do("run")  # nobody is there to hear it
    rig.advance(600)
    assert rig.chip_c() == pytest.approx(rig.ambient_c, abs=0.5)
    rig.do("on")
    rig.do("on")
    rig.advance(640)
    assert (rig.word(), rig.starts) == ("hashing", 1)


def test_energy_is_what_was_drawn():
    rig = small()
    rig.advance(3600)
    assert rig.energy_kwh() == pytest.approx(0.017, rel=0.01)
    rig.do("off")
    rig.advance(7200)
    assert rig.energy_kwh() == pytest.approx(0.017, rel=0.01)


def test_a_mode_changes_watts_rate_and_clock_together():
    rig = small()
    rig.do("mode", "eco")
    assert rig.power_w() == pytest.approx(0.6 * 17)
    assert rig.rate_ths() == pytest.approx(0.9)
    assert (rig.mode, rig.tuned.frequency_mhz) == ("eco", 400)


def test_tuning_to_the_settings_of_a_mode_is_that_mode_and_another_is_none():
    rig = small()
    rig.do("tune", "frequency_mhz=400 core_voltage_mv=1000")
    assert rig.mode == "eco"
    rig.do("tune", "frequency_mhz=440")
    assert rig.mode == ""
    assert rig.rate_ths() == pytest.approx(0.99)
    assert rig.power_w() == pytest.approx(0.66 * 17)


def test_a_limit_holds_watts_and_costs_rate():
    rig = small()
    rig.do("limit", "9.5")
    assert rig.power_w() == pytest.approx(9.5)
    assert rig.rate_ths() == pytest.approx(0.6)


def test_a_setting_that_is_stored_waits_for_the_next_start():
    rig = small(boot_s=8)
    assert rig.store("mode", "eco")
    assert not rig.store("mode", "warp")
    assert not rig.store("stop", "")
    rig.advance(60)
    assert rig.mode == "standard"
    rig.do("restart")
    rig.advance(90)
    assert rig.mode == "eco"


def test_without_its_fan_it_overheats_stops_itself_and_goes_on_slower():
    rig = small()
    rig.do("fan", "0")
    rig.advance(300)
    assert rig.word() in ("error", "hashing")
    assert rig.starts >= 1
    assert rig.tuned.frequency_mhz <= 425
    assert rig.chip_c() < 80


def test_a_trip_that_waits_for_a_word_is_ended_by_run_only_when_it_is_cool():
    rig = small(heat=Heat(recovers=False))
    rig.do("fan", "0")
    while rig.word() != "error":
        rig.advance(rig.now_s + 2)
    rig.do("run")
    assert rig.word() == "error"  # still too hot
    rig.advance(rig.now_s + 300)
    assert rig.word() == "error"
    rig.do("fan", "auto")
    rig.do("run")
    rig.advance(rig.now_s + 60)
    assert rig.word() == "hashing"


def test_a_hot_room_costs_watts_and_turns_the_fan_up():
    cool, hot = small(ambient_c=10.0), small(ambient_c=35.0)
    assert hot.power_w() > cool.power_w()
    assert hot.chip_c() > cool.chip_c() + 10
    assert hot.fan_rpm() > cool.fan_rpm()


def test_shares_grow_with_work_and_only_while_a_pool_is_there():
    rig = small()
    before = sum(rig.shares())
    rig.advance(1200)
    assert sum(rig.shares()) == before + 100
    rig.reachable = frozenset()
    rig.advance(2400)
    assert sum(rig.shares()) == before + 100
    assert rig.hashing  # old firmware goes on for nobody


def test_firmware_that_wants_a_pool_hashes_nothing_without_one():
    rig = small(habits=Habits(needs_pool=True))
    rig.reachable = frozenset()
    assert (rig.hashing, rig.power_w(), rig.word()) == (False, 2.0, "stopped")
    rig.reachable = frozenset({MAIN[0]})
    assert rig.word() == "hashing"


@pytest.mark.parametrize("place", [SPARE[0], "spare.pool.example:4444", "spare.pool.example"])
def test_the_second_pool_stands_in_for_the_first(place):
    rig = small()
    assert rig.pool_in_use() == 0
    rig.reachable = frozenset({place})
    assert rig.pool_in_use() == 1


def test_pools_are_written_and_switched_by_number():
    rig = small()
    assert rig.do("pool", "1 stratum+tcp://new.example:1 me")
    assert rig.pools[1] == ("stratum+tcp://new.example:1", "me")
    assert rig.do("pool", "1")
    assert rig.pool_in_use() == 1
    assert rig.do("pool", "2 stratum+tcp://third.example:1 me")
    assert len(rig.pools) == 3


def test_a_liar_says_that_it_stopped_and_draws_on():
    rig = small()
    rig.liar = True
    rig.do("stop")
    rig.advance(60)
    assert (rig.word(), rig.told_hs(), rig.hashing) == ("sleeping", 0, True)
    assert rig.power_w() == pytest.approx(17)
    rig.do("run")
    assert rig.word() == "hashing"


def test_a_mute_one_takes_everything_and_does_nothing():
    rig = small()
    rig.mute = True
    assert all(rig.do(verb, value) for verb, value in [("stop", ""), ("mode", "eco"), ("restart", ""), ("fan", "30")])
    assert rig.store("mode", "eco")
    rig.advance(60)
    assert (rig.word(), rig.mode, rig.restarts, rig.fan_set) == ("hashing", "standard", 0, None)
    rig.do("off")
    assert rig.power_w() == 0  # but not without power


def test_one_whose_api_dies_can_only_be_woken_by_its_plug():
    rig = small(boot_s=8, habits=LASTING)
    rig.api_dies = True
    rig.do("stop")
    rig.advance(30)
    assert (rig.api(), rig.word()) == ("silent", "offline")
    assert rig.power_w() == pytest.approx(2, abs=0.1)
    rig.do("off")
    rig.do("on")
    rig.advance(90)
    assert (rig.api(), rig.word()) == ("up", "hashing")


def test_a_slow_boot_takes_minutes():
    rig = small(boot_s=50)
    rig.slow_boot = True
    rig.do("restart")
    rig.advance(419)
    assert rig.api() == "silent"
    rig.advance(421)
    assert rig.api() == "up"


def test_silence_and_tarpits_leave_the_machine_alone():
    rig = small()
    rig.silent = True
    assert (rig.api(), rig.word()) == ("silent", "offline")
    rig.silent, rig.tarpit = False, True
    assert (rig.api(), rig.word()) == ("tarpit", "offline")
    assert rig.power_w() == pytest.approx(17)


def test_the_average_stays_high_after_a_stop():
    rig = small()
    rig.do("stop")
    rig.advance(120)
    assert rig.told_hs() == 0
    assert rig.mean_hs() > 0.9e12


def test_its_own_meter_may_be_off():
    rig = small(bias=0.1)
    assert rig.told_w() == pytest.approx(18.7)
    assert rig.power_w() == pytest.approx(17)


def test_the_same_seed_gives_the_same_miner_and_time_never_goes_back():
    one, two = small(seed=3), small(seed=3)
    for rig in (one, two):
        rig.do("stop", at_s=10.0)
    one.advance(33)
    for at_s in (5, 11, 9, 33):
        two.advance(at_s)
    assert two.now_s == one.now_s == 33
    assert one.power_w() == pytest.approx(two.power_w())
    assert one.told_hs() == two.told_hs()
    assert small(seed=4).told_hs() != small(seed=3).told_hs()


def test_a_month_of_one_board_takes_a_moment():
    rig = rig_of(bitaxe.FACTS)
    rig.advance(30 * 86_400)
    assert rig.energy_kwh() == pytest.approx(17 * 24 * 30 / 1000, rel=0.01)


def test_a_large_one_sleeps_through_a_power_cut():
    rig = rig_of(antminer.FACTS)
    rig.do("stop")
    rig.advance(60)
    rig.do("off")
    rig.advance(120)
    rig.do("on")
    rig.advance(400)
    assert (rig.word(), rig.starts) == ("sleeping", 0)
    rig.do("run")
    rig.advance(600)
    assert rig.power_w() == pytest.approx(3050, rel=0.01)
