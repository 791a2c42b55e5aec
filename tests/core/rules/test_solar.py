"""The sun, as a rule by itself: when mining begins on it, what it bears, when it ends."""

import pytest
from core.rule_desk import Desk, wired

from mine_controller.core.rules import load


def solar(**options):
    desk = wired(Desk("solar", 10, 0, **{"dwell_s": 300, "window_s": 60} | options), "export_w")
    desk.fleet = {"miners_w": 0}
    return desk


def test_mining_begins_with_enough_sun_for_long_enough_and_ends_with_too_little():
    desk = solar()
    desk.see(export_w=300)
    assert desk.limit("max_miners") == 0
    desk.see(299)
    assert desk.limit("max_miners") == 0
    desk.see(1)
    assert (desk.limit("max_miners"), desk.limit("max_power_w"), desk.events()) == (None, 300, ["solar_enough"])
    desk.see(export_w=100)
    desk.see(300)
    assert desk.limit("max_miners") is None
    desk.see(export_w=99)
    desk.see(299)
    assert desk.limit("max_power_w") == 99
    desk.see(1)
    assert (desk.limit("max_miners"), desk.events()) == (0, ["solar_short"])
    desk.see(export_w=299)
    desk.see(900)
    assert desk.limit("max_miners") == 0


def test_a_cloud_ends_the_count():
    desk = solar()
    desk.see(export_w=400)
    desk.see(200, export_w=200)
    desk.see(200, export_w=400)
    desk.see(200)
    assert desk.limit("max_miners") == 0


def test_a_meter_that_was_silent_ends_the_count_too():
    """Law 4: nobody knows that there was no cloud."""
    desk = solar()
    desk.see(export_w=400)
    desk.see(200, export_w=None)
    desk.see(200, export_w=400)
    assert desk.limit("max_miners") == 0
    desk.see(299)
    assert desk.limit("max_miners") == 0
    desk.see(1)
    assert desk.limit("max_miners") is None
    desk.see(export_w=50)
    desk.see(200, export_w=None)
    desk.see(200, export_w=50)
    assert desk.limit("max_miners") == 0, "but what speaks against it may have lasted"


def test_a_long_window_is_as_long_with_ticks_of_seconds():
    desk = solar(dwell_s=0, window_s=3600)
    for export_w in (600, 1200):
        for _ in range(120):
            desk.see(15, export_w=export_w)
    assert abs(desk.limit("max_power_w") - 900) <= 20
    assert len(desk.memory["seen"]) <= 64


def test_what_the_miners_draw_is_sun_as_well_and_the_mean_of_the_window_counts():
    desk = solar(dwell_s=0, window_s=600)
    desk.fleet = {"miners_w": 1000}
    desk.see(export_w=500)
    assert desk.limit("max_power_w") == 1500
    desk.fleet = {"miners_w": 1500}
    desk.see(export_w=-100)
    assert desk.limit("max_power_w") == (1500 + 1400) // 2
    desk.see(600)
    assert desk.limit("max_power_w") == 1400
    taken = solar(dwell_s=0, positive="import", import_w=50)
    taken.see(export_w=-500)
    assert taken.limit("start_max_w") == 550


def test_without_following_the_sun_only_decides_whether():
    desk = solar(dwell_s=0, follow=False)
    desk.see(export_w=500)
    assert desk.last.limits == ()


@pytest.mark.parametrize("follow", [True, False])
def test_a_miner_that_has_told_nothing_for_long_is_no_sun(follow):
    """One that was unplugged counted as drawing the sun: at night the others were let run on what is bought."""
    desk = solar(dwell_s=0, follow=follow)
    desk.fleet = {"miners_w": 3740, "measured_w": None, "unknown": 1}
    for passed_s in (0, 600):
        desk.see(passed_s, export_w=-500)
        assert (desk.limit("max_miners"), desk.codes("max_miners")) == (0, ["short"])
    desk.see(export_w=300)
    assert desk.limit("max_miners") is None, "what is given away is sun, whoever is silent"
    assert desk.limit("max_power_w") == (4040 if follow else None)
    desk.fleet |= {"miners_w": 6740, "measured_w": 3000}
    desk.see(export_w=-3000)
    assert desk.limit("max_miners") == 0


def test_a_short_silence_of_a_miner_ends_no_mining_on_the_sun():
    desk = solar(dwell_s=0)
    desk.fleet = {"miners_w": 3400, "measured_w": 3400}
    desk.see(export_w=-1)
    desk.fleet = {"miners_w": 3740, "measured_w": None, "unknown": 1}
    desk.see(599)
    assert desk.limit("max_miners") is None
    desk.see(1)
    desk.fleet = {"miners_w": 3400, "measured_w": 3400}
    desk.see(1)
    assert "unseen_s" not in desk.memory


def test_a_silent_meter_starts_nobody_and_after_the_grace_the_miners_rest():
    desk = solar(dwell_s=0)
    desk.see(export_w=500)
    desk.see(599, export_w=None)
    assert (desk.codes("no_start"), desk.limit("max_miners")) == (["unknown"], None)
    desk.see(1)
    assert (desk.limit("max_miners"), desk.events()) == (0, ["solar_short"])
    desk.see()
    assert desk.events() == []
    fresh = solar()
    fresh.see(export_w=None)
    assert (fresh.limit("max_miners"), fresh.events()) == (0, [])


@pytest.mark.parametrize(("stop_w", "start_w", "wrong"), [(99, 100, 0), (100, 100, 1), (101, 100, 1)])
def test_the_sun_that_begins_it_is_more_than_the_sun_that_ends_it(stop_w, start_w, wrong):
    assert len(load("solar").check(solar(stop_w=stop_w, start_w=start_w).options)) == wrong


def test_each_reading_of_the_sun_counts_once_while_the_window_lasts():
    desk = solar(window_s=600)
    room, now_s = load("solar"), desk.now

    def seen(before, at_s=None):
        return room._seen(desk.view(), {"seen": before}, desk.options, now_s if at_s is None else at_s, 5)

    assert seen([[now_s - 601, 1], [now_s - 600, 2]]) == [[now_s - 600, 2], [now_s, 5]]
    assert seen([[now_s - 60, 3]], now_s - 60) == [[now_s - 60, 5]]
    assert len(seen([[now_s - 500 + at, 1] for at in range(80)])) == 64


def test_less_than_no_sun_is_no_power_and_after_blindness_what_was_seen_counts_for_nothing():
    desk = solar(dwell_s=300)
    desk.see(export_w=500)
    desk.see(300)
    desk.see(export_w=-50)
    assert (desk.limit("max_power_w"), desk.limit("start_max_w")) == (0, 0)
    desk.see(600, export_w=None)
    assert (desk.memory["seen"], desk.memory["open"], desk.memory["since_s"]) == ([], False, 0)


def test_a_meter_that_only_counts_what_goes_out_keeps_nobody_running_in_the_dark():
    """Many show what is bought as a figure of its own, and 0 here while it is: what the miners drew was taken for sun,
    all night."""
    desk = solar(dwell_s=300, window_s=60)
    desk.see(export_w=500)
    desk.see(300)
    assert desk.limit("max_miners") is None
    desk.fleet = {"miners_w": 450}
    desk.see(60, export_w=50)
    assert desk.limit("max_power_w") == 500
    desk.see(61, export_w=0)
    assert desk.limit("max_power_w") == 0
    desk.see(300)
    assert (desk.limit("max_miners"), desk.events()) == (0, ["solar_short"])


def test_nought_is_a_balance_on_a_meter_that_was_seen_to_count_both_ways():
    desk = solar(dwell_s=0, window_s=60)
    desk.see(export_w=-300)
    desk.see(61, export_w=500)
    desk.fleet = {"miners_w": 500}
    desk.see(61, export_w=0)
    desk.see(61, export_w=None)
    desk.see(61, export_w=0)
    assert (desk.limit("max_miners"), desk.limit("max_power_w")) == (None, 500)
