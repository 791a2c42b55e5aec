"""The site meter held against what is drawn where not all of that is known (MET1, MET2)."""

import pytest
from core.rule_desk import Desk, wired

from mine_controller.core.model.state import Shed, State


@pytest.mark.parametrize("gap", [{"unknown": 1}, {"fans_w": None}])
def test_met2_a_meter_under_what_alone_is_known_to_be_drawn_is_told_also_where_not_all_is_known(gap):
    """One at 0 W beside a mine that ran was told by nothing while a single outlet was silent."""
    desk = Desk("cap", 10, 4)
    desk.fleet = {"measured_w": 20_000, "fans_w": 5000, "other_w": 0, "meter_w": 17_000, "miners_w": 20_000} | gap
    told = [event.kind for _ in range(5) for event in desk.see().events]
    assert told == ["meters_disagree"]


SHORT = {"measured_w": 20_000, "other_w": 0, "meter_w": 17_000, "miners_w": 20_000}


@pytest.mark.parametrize("gap", [{"unknown": 1, "fans_w": 5000}, {"fans_w": None, "meter_w": 15_000}])
def test_met2_where_not_all_is_known_a_meter_that_lags_for_a_round_now_and_then_is_no_contradiction(gap):
    """With one outlet silent for days the first lag was remembered, and the next was told at once: in a stop at night
    as an emergency."""
    desk = Desk("cap", 10, 4)
    for _ in range(3):
        desk.fleet = SHORT | gap
        assert desk.see().events == ()
        desk.fleet |= {"meter_w": 25_000}
        for _ in range(30):
            assert desk.see().events == ()
    desk.state = State(shed=Shed(1, 1, "signal", 1, 1))
    desk.fleet = SHORT | gap
    assert desk.see().events == ()


def test_met2_where_not_all_is_known_a_contradiction_ends_with_a_meter_that_shows_what_is_known():
    """One outlet stays silent: what was told stood for ever."""
    desk = wired(Desk("cap", 10, 4), "site_power_w")
    desk.fleet = SHORT | {"unknown": 1, "fans_w": 5000}
    assert [event.kind for _ in range(5) for event in desk.see().events] == ["meters_disagree"]
    desk.fleet |= {"meter_w": None}
    assert desk.see().events == (), "no word is no agreement"
    desk.fleet |= {"meter_w": 25_000}
    assert [event.kind for _ in range(5) for event in desk.see().events] == ["meters_agree"]
    desk.fleet |= {"meter_w": 17_000}
    assert [event.kind for _ in range(5) for event in desk.see().events] == ["meters_disagree"]


def test_met2_a_contradiction_told_of_what_was_whole_stands_while_not_all_is_known():
    desk = wired(Desk("cap", 10, 4), "site_power_w")
    desk.fleet = SHORT | {"fans_w": 5000, "meter_w": 60_000}
    assert [event.kind for _ in range(5) for event in desk.see().events] == ["meters_disagree"]
    desk.fleet |= {"unknown": 1}
    assert [event.kind for _ in range(5) for event in desk.see().events] == []
    assert desk.memory["apart_told"]


def fanless(*roles, meter_w=0):
    """A home of 3.4 kW miners without fans whose meter shows so much; what was told in 25 hours of three minutes."""
    desk = wired(Desk("cap", miners=3, fans=0), "site_power_w", *roles)
    desk.fleet = {"fans_w": None, "other_w": 0, "meter_w": meter_w}
    return desk, [(event.kind, desk.now) for _ in range(500) for event in desk.see(180).events]


def test_met1_a_meter_of_a_home_that_shows_nothing_for_a_day_while_miners_draw_is_told_once():
    """Nothing found it; a day is longer than the sun shines."""
    desk, told = fanless()
    assert [kind for kind, _ in told] == ["meters_disagree"]
    assert told[0][1] - 10_000 >= 86_400
    desk.fleet |= {"meter_w": 10_000}
    desk.see()
    assert not desk.memory.get("nought_s")
    assert desk.memory["apart_told"] == 0


@pytest.mark.parametrize(
    ("roles", "meter_w"), [(("export_w",), 0), (("battery_soc_pct",), 0), (("supply_kw",), 0), ((), 1), ((), 30_000)]
)
def test_met1_a_meter_of_a_home_is_not_doubted_where_something_else_may_carry_the_load(roles, meter_w):
    assert fanless(*roles, meter_w=meter_w)[1] == []


def test_met1_a_meter_of_a_home_that_shows_nothing_by_night_only_is_not_doubted():
    """Each night begins anew: a roof of which nobody told carried the day."""
    desk = wired(Desk("cap", miners=3, fans=0), "site_power_w")
    for meter_w in (0, 500, 0, 500, 0):
        desk.fleet = {"fans_w": None, "other_w": 0, "meter_w": meter_w}
        assert [event.kind for _ in range(240) for event in desk.see(180).events] == []


def test_met2_what_a_cloud_still_tells_of_a_mine_that_lost_its_feed_contradicts_no_meter(monkeypatch):
    desk = Desk("cap", 10, 4)
    desk.fleet = SHORT | {"unknown": 1, "fans_w": 5000, "meter_w": 0}
    monkeypatch.setattr("mine_controller.core.rules.cap.is_dead", lambda _image: True)
    assert [event.kind for _ in range(8) for event in desk.see().events] == []


def test_met2_a_contradiction_is_told_once_also_where_the_meter_is_silent_in_between():
    desk = wired(Desk("cap", 10, 4), "site_power_w")
    desk.fleet = {"measured_w": 20_000, "fans_w": 5000, "other_w": 0, "meter_w": 60_000, "miners_w": 20_000}
    told = [event.kind for _ in range(5) for event in desk.see().events]
    for meter_w in (None, 60_000):
        desk.fleet |= {"meter_w": meter_w}
        told += [event.kind for _ in range(5) for event in desk.see().events]
    assert told == ["meters_disagree"]
