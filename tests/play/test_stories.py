"""Whole ticks on the twin: the co-op container obeys through its real drivers, whatever breaks."""

import pytest
from play.days import packaged, play

CURTAIL = "14:00 signal off for 1h\n"


def log(config):
    return config.paths.log.read_text(encoding="utf-8")


def test_an_ordinary_event_is_proven_within_its_time_and_gently(tmp_path):
    day, config = play(tmp_path, CURTAIL)
    event = day.events[0].shed
    assert event.shed_100_s - event.signal_s <= 300
    assert event.confirmed_w < event.floor_w
    assert event.gentle + event.hard == 24
    assert event.hard <= 2  # the twin's cloud fails 2 % of its jobs, and a failed job climbs at once
    assert day.violations == ()
    assert "curtailed" in log(config)


def test_the_same_seed_gives_the_same_decisions_and_another_one_does_not(tmp_path):
    first, _ = play(tmp_path / "a", CURTAIL, hours=0.75)
    again, _ = play(tmp_path / "b", CURTAIL, hours=0.75)
    other, _ = play(tmp_path / "c", CURTAIL, hours=0.75, seed=2)
    assert first.sha == again.sha
    assert first.sha != other.sha


def test_mute_and_lying_miners_end_at_their_outlets(tmp_path):
    text = "13:31 miner a003 mute\n13:31 miner a007 liar\n" + CURTAIL
    day, _ = play(tmp_path, text)
    event = day.events[0].shed
    assert 2 <= event.hard <= 4
    assert event.shed_100_s - event.signal_s <= 300
    assert day.events[0].told == ""


def test_every_pdu_dead_behind_a_dead_cloud_ends_in_an_emergency_told(tmp_path):
    dead = "".join(f"13:50 device redfish pdu{n} silent\n" for n in (1, 2))
    day, config = play(tmp_path, dead + "13:50 device foreman mine silent\n" + CURTAIL, hours=1)
    assert day.events[0].told in ("unproven", "unverified")
    assert "curtail_unproven" in log(config)
    assert day.violations == ()


@pytest.mark.parametrize("story", ["pdus-dead", "blind-page", "silent-tenth"])
def test_packaged_stories_end_under_the_floor_or_told(tmp_path, story):
    day, _ = packaged(tmp_path, story, hours=1.25)
    assert day.events
    for event in day.events:
        in_time = event.shed.shed_100_s is not None and event.shed.shed_100_s - event.shed.signal_s <= 300
        assert in_time or event.told
    assert day.violations == ()
    assert day.longest_tick_s <= 110


def test_a_signal_page_that_goes_blank_during_an_event_ends_nothing(tmp_path):
    day, _ = play(tmp_path, CURTAIL + "14:10 page blank for 30m\n", hours=1.2)
    assert len(day.events) == 1
    assert day.events[0].shed.ended_s is None


@pytest.mark.parametrize("fault", ["html", "cut", "huge", "bomb", "drip", "unauthorised", "refuse"])
def test_a_bad_page_makes_the_signal_unknown_and_the_rest_of_the_tick_goes_on(tmp_path, fault):
    day, config = play(tmp_path, f"13:40 device power_signal coop {fault} for 4m\n", hours=0.4)
    assert day.violations == ()
    assert day.book_mode == "RUNNING"
    assert day.events == ()
    blind = [line for line in log(config).splitlines() if " signal_blind " in line]
    assert len(blind) == 1
    assert "not readable" in blind[0]


def test_a_dead_fan_is_noticed_and_another_takes_over_before_any_load_is_shed(tmp_path):
    day, config = play(tmp_path, "13:40 fan 1 break\n", hours=0.6)
    assert "fan_fault" in log(config)
    assert "air_short" not in log(config)
    assert day.violations == ()


def test_smoke_cuts_everything_and_stays_off(tmp_path):
    day, config = play(tmp_path, "13:40 smoke on for 5m\n", hours=0.6)
    assert day.book_mode == "EMERGENCY"
    assert day.site.world.miners_w() < 100
    assert not any(day.site.world.fans.on)
    assert "SMOKE" in log(config)


def test_after_the_event_the_mine_comes_back_in_steps_with_fans_first(tmp_path):
    day, _ = play(tmp_path, "14:00 signal off for 30m\n", hours=2.5)
    assert day.book_mode == "RUNNING"
    assert day.site.world.miners_w() > 0.9 * 24 * 3400
    assert max(day.site.world.starts(i) for i in range(24)) == 1
    assert day.violations == ()
