"""Lists of what the last tick saw say when that is long ago."""

import json

import pytest


@pytest.mark.parametrize("words", [("alarms",), ("alarms", "list"), ("fans",), ("miners",), ("miners", "show", "m001")])
def test_a_list_on_a_mine_that_stands_still_says_how_old_it_is(place, words):
    """'No alarm is open.' beside a controller that died yesterday is no good news."""
    place.ticks(2, of=12)
    assert "OLD: the last tick was 22 min ago" in place.run(*words).stderr


@pytest.mark.parametrize("words", [("alarms",), ("fans",), ("miners",)])
def test_a_list_of_what_was_seen_just_now_says_nothing_of_its_age_nor_does_one_for_programs(place, words):
    place.ticks(2)
    assert "last tick" not in place.run(*words).stderr
    place.ticks(1)
    shown = place.run(*words, "--json")
    json.loads(shown.stdout)
    assert shown.stderr == ""


@pytest.mark.parametrize(("tick_s", "ago", "old"), [(600, 7, False), (30, 2, True)])
def test_what_is_long_ago_goes_by_how_far_apart_ticks_are_as_status_does(place, tick_s, ago, old):
    """Twelve minutes where a tick is due each ten are nothing; two minutes are long where it is due each half."""
    place.ticks(2, of=ago)
    place.path.write_text(place.path.read_text().replace("[site]\n", f"[site]\ntick_s = {tick_s}\n", 1))
    assert ("OLD: the last tick was" in place.run("alarms").stderr) is old
    assert ("OLD: the last tick was" in place.run("status").stdout) is old


def test_before_the_first_tick_no_alarm_is_no_good_news(place):
    assert "No tick has run yet" in place.run("alarms").stderr


def test_a_home_without_fans_is_shown_that_as_every_list_shows_nothing(home):
    """It was refused its empty list with exit code 1, and a program that asked for JSON was given none."""
    for words in (("fans",), ("fans", "list")):
        done = home.run(*words)
        assert (done.exit_code, "has no fan in [wiring]" in done.stdout, done.stderr) == (0, True, ""), words
        done = home.run(*words, "--json")
        assert (done.exit_code, json.loads(done.stdout)) == (0, []), words
