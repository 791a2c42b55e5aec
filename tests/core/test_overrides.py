"""What a person sets, judged by itself: until when, for what, and with whose name typed."""

import pytest
from core.plant import WALL, Plant, policy, request, wiring

from mine_controller.core.model.state import Override
from mine_controller.core.overrides import LONGEST_S, take_requests
from mine_controller.core.wording.words import sentence

SITE = "site=test"


class Judge:
    """A plant after its first tick; each `ask` is one request to it."""

    def __init__(self, *, live=True, fans=3):
        self.plant = Plant(wiring(4, fans), policy(wiring(4, fans), live=live))
        self.plant.tick()
        self.clock = self.plant.image.clock

    def ask(self, *args, verb="set-state", in_s=None, flags=(), reason="testing"):
        """(the verdict's sentence, "" when it was done; what is in force)"""
        until = 0 if in_s is None else self.clock.wall_s + in_s
        asked = request(verb, *args, until=until, flags=flags, reason=reason)._replace(at=self.clock.wall_s)
        image = self.plant.image._replace(requests=(asked,))
        state, (verdict,), _ = take_requests(image, self.plant.state, self.plant.policy)
        return "" if verdict.verdict == "done" else verdict.why, state.overrides

    def lasts_s(self, *args, **more):
        """Seconds that it is in force for, 0: until cleared; None: it was refused."""
        why, overrides = self.ask(*args, **more)
        return None if why else max(0, overrides[-1].until_s - self.clock.plant_s)


# -- until when -------------------------------------------------------------------------------------------------------


def test_sec4_a_time_that_is_over_is_refused_up_to_this_very_second():
    judge = Judge()
    assert judge.ask("fans", "2", in_s=-1) == ("the time asked for is already over", ())
    assert judge.ask("fans", "2", in_s=0) == ("the time asked for is already over", ())
    assert judge.lasts_s("fans", "2", in_s=1) == 1
    assert judge.ask("away", "yes", in_s=-WALL)[1] == ()


def test_sec4_on_a_live_site_four_hours_is_the_longest_and_what_nobody_bounds_has_them():
    judge = Judge()
    for in_s, lasts_s in (
        (None, LONGEST_S),
        (LONGEST_S - 1, LONGEST_S - 1),
        (LONGEST_S, LONGEST_S),
        (99_999, LONGEST_S),
    ):
        assert judge.lasts_s("fans", "2", in_s=in_s) == lasts_s
        assert judge.lasts_s("inlet_c", "30", in_s=in_s) == lasts_s
    assert judge.lasts_s("away", "yes") == 0
    assert judge.lasts_s("away", "yes", in_s=99_999) == 99_999


@pytest.mark.parametrize(("late_s", "lasts_s"), [(-60, LONGEST_S), (600, LONGEST_S - 600), (LONGEST_S - 1, 1)])
def test_sec4_the_four_hours_of_a_live_site_count_from_when_it_was_asked(late_s, lasts_s):
    judge = Judge()
    asked = request("set-state", "signal", "run", flags=("accept-penalty", SITE), reason="by phone")
    image = judge.plant.image._replace(requests=(asked._replace(at=judge.clock.wall_s - late_s),))
    state, (verdict,), _ = take_requests(image, judge.plant.state, judge.plant.policy)
    assert verdict.verdict == "done"
    assert state.overrides[-1].until_s - judge.clock.plant_s == lasts_s


def test_sec4_a_word_to_run_that_no_tick_took_for_four_hours_is_not_taken_weeks_later():
    judge = Judge()
    asked = request("set-state", "signal", "run", flags=("accept-penalty", SITE), reason="by phone")
    image = judge.plant.image._replace(requests=(asked._replace(at=judge.clock.wall_s - LONGEST_S),))
    state, (verdict,), _ = take_requests(image, judge.plant.state, judge.plant.policy)
    assert (verdict.verdict, state.overrides) == ("refused", ())
    assert "ask again" in verdict.why


def test_where_nothing_is_real_it_lasts_as_long_as_was_asked():
    judge = Judge(live=False)
    assert judge.lasts_s("fans", "2") == 0
    assert judge.lasts_s("fans", "2", in_s=99_999) == 99_999


def test_what_is_set_has_a_key_a_value_and_a_reason():
    judge = Judge()
    assert "takes a key and a value" in judge.ask("fans")[0]
    assert "takes a key and a value" in judge.ask("fans", "2", "3")[0]
    assert judge.ask("fans", "2", reason="") == ('a reason is needed: --reason "why"', ())


# -- the looser forms of the signal -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "flags", "found"),
    [
        ("run", ("stand-in", SITE), "person"),
        ("off", ("stand-in", SITE), "person"),
        ("run", ("accept-penalty", SITE), "penalty"),
        ("run", ("stand-in", "accept-penalty", SITE), "person"),
        ("run", (), "test"),
        ("run", (SITE,), "test"),
        ("off", ("accept-penalty", SITE), "--accept-penalty is for the power signal alone"),
        ("unknown", ("accept-penalty", SITE), "--accept-penalty is for the power signal alone"),
        ("run", ("accept-penalty",), '--accept-penalty needs the site\'s name typed: --site "test"'),
        ("run", ("stand-in", "site=tes"), '--stand-in needs the site\'s name typed: --site "test"'),
    ],
)
def test_g14_a_looser_word_for_the_signal_is_run_and_has_the_sites_name(value, flags, found):
    why, overrides = Judge().ask("signal", value, flags=flags)
    assert (why or overrides[0].kind) == found


@pytest.mark.parametrize("flag", ["stand-in", "accept-penalty"])
@pytest.mark.parametrize(("key", "value"), [("inlet_c", "20"), ("smoke", "ok"), ("grid_hz", "unknown")])
def test_g14_no_other_input_has_a_looser_form(flag, key, value):
    judge = Judge()
    assert judge.ask(key, value, flags=(flag, SITE)) == (f"--{flag} is for the power signal alone", ())
    assert judge.ask(key, value, flags=(SITE,))[1][0].kind == "test"


@pytest.mark.parametrize(("key", "value"), [("strategy", "off"), ("strategy", "on"), ("band", "2")])
def test_where_nothing_follows_a_price_nobody_is_told_that_this_was_switched(key, value):
    why, overrides = Judge().ask(key, value)
    assert why.startswith("this site has no [band] sections")
    assert overrides == ()


def test_who_was_sent_away_is_not_said_to_have_had_no_token():
    """A page of another place is sent away with a good one."""
    image = Judge().plant.image
    asked = request("denied", reason="POST /api/debug/fans: 403")._replace(at=image.clock.wall_s)
    judge = Judge()
    _, (verdict,), _ = take_requests(image._replace(requests=(asked,)), judge.plant.state, judge.plant.policy)
    assert verdict.why == "it was sent away; this is its audit row"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("band 3.modes", "bitaxe eco, avalon low", "avalon high"), 'from "bitaxe eco, avalon low" to "avalon high"'),
        (("token desk", "", "admin"), 'token desk from "" to "admin"'),
        (("more", "", "7 options"), "config more 7 options"),
    ],
)
def test_a_change_of_the_config_is_told_with_what_stood_before_and_what_stands_now(args, told):
    judge = Judge()
    image = judge.plant.image._replace(requests=(request("config", *args),))
    _, _, (event,) = take_requests(image, judge.plant.state, judge.plant.policy)
    assert told in sentence(event.reason)


# -- inputs and outputs -----------------------------------------------------------------------------------------------


def test_sec4_an_input_is_taken_up_to_the_ends_of_what_its_sensor_can_show():
    judge = Judge()
    for key, low, high in (("humidity_pct", "1", "100"), ("battery_soc_pct", "0", "100")):
        assert judge.ask(key, low)[0] == judge.ask(key, high)[0] == judge.ask(key, "unknown")[0] == ""
        assert f"is between {low} and 100 %" in judge.ask(key, str(int(low) - 0.1))[0]
        assert f"is between {low} and 100 %" in judge.ask(key, "100.1")[0]
        assert "is between" in judge.ask(key, "nan")[0]


def test_sec4_there_are_as_many_fans_to_ask_for_as_are_wired():
    judge = Judge()
    assert judge.ask("fans", "0")[0] == judge.ask("fans", "3")[0] == ""
    assert judge.ask("fans", "4")[0] == "fans is a number from 0 to 3"
    assert judge.ask("fan.3", "on")[0] == ""
    assert judge.ask("fan.4", "on")[0] == "there is no fan '4'; fans are 1, 2, 3"
    assert judge.ask("fan.3", "run")[0] == "fan.3 is one of on, off"
    assert judge.ask("fan", "on")[0].startswith("unknown key 'fan'")
    bare = Judge(fans=0)
    for key, value in (("fans", "0"), ("fans", "2"), ("fan.1", "on")):
        assert bare.ask(key, value)[0] == "this site has no fans in [wiring], so there is none to switch"
    assert judge.ask("miners.m001", "stop")[0].startswith("unknown key 'miners.m001'")
    assert judge.ask("miner.m009", "stop")[0] == "there is no miner 'm009'; see fleet.csv"


def test_who_is_put_aside_is_known_has_a_reason_and_is_not_put_aside_twice():
    judge = Judge()
    assert judge.ask("m009", verb="quarantine")[0] == "there is no miner 'm009'; see fleet.csv"
    assert judge.ask(verb="quarantine")[0] == "there is no miner ''; see fleet.csv"
    assert judge.ask("m001", verb="quarantine", reason="")[0].startswith("a reason is needed")
    judge.plant.requests = (request("quarantine", "m001"),)
    judge.plant.tick(rounds=1)
    judge.plant.requests = ()
    assert judge.ask("m001", verb="quarantine")[0].startswith("m001 is in quarantine already")
    assert judge.ask("m002", verb="release")[0].endswith("in quarantine: m001")
    assert judge.ask("m001", verb="release")[0] == judge.ask("--all", verb="release")[0] == ""


# -- how long it stands -----------------------------------------------------------------------------------------------


def test_an_override_ends_in_its_second_and_the_same_key_is_set_anew_not_twice():
    judge = Judge()
    judge.plant.requests = (request("set-state", "fans", "2"), request("set-state", "fans", "3", number=2))
    judge.plant.tick(rounds=1)
    judge.plant.requests = ()
    (kept,) = judge.plant.state.overrides
    assert kept.value == "3"
    for left_s, stands in ((1, True), (0, False)):
        until = kept._replace(until_s=judge.plant.image.clock.plant_s + left_s)
        state = judge.plant.state._replace(overrides=(until,))
        after, _, events = take_requests(judge.plant.image._replace(requests=()), state, judge.plant.policy)
        assert (len(after.overrides), [one.kind for one in events]) == ((1, []) if stands else (0, ["override_over"]))


def test_what_is_not_in_force_can_not_be_cleared_and_all_of_nothing_can():
    judge = Judge()
    assert judge.ask("fans", verb="clear-state")[0] == "no override of fans is in force"
    assert judge.ask("--all", verb="clear-state")[0] == judge.ask(verb="clear-state")[0] == ""


@pytest.mark.parametrize(
    ("kind", "key", "value", "stands"),
    [
        ("person", "signal", "run", False),
        ("person", "signal", "off", True),
        ("penalty", "signal", "run", True),
        ("person", "inlet_c", "30", True),
    ],
)
def test_g14_a_stand_in_ends_for_good_when_the_page_itself_says_off_and_nothing_else_does(kind, key, value, stands):
    judge = Judge()
    image = judge.plant.image
    image = image._replace(requests=(), site={**image.site, "signal": image.site["signal"]._replace(value="off")})
    told = Override(key, value, kind, 0, "owner", "", 1)
    state, _, _ = take_requests(image, judge.plant.state._replace(overrides=(told,)), judge.plant.policy)
    assert bool(state.overrides) is stands


# -- its end is told before it comes ----------------------------------------------------------------------------------


def told(plant):
    return [
        (one.about, sentence(one.reason))
        for decision in plant.decisions
        for one in decision.tellings
        if one.kind == "override_ends"
    ]


def held(*asked):
    """Four miners, and what was set at the first tick: (key, value, for so many seconds)."""
    plant = Plant(wiring(4, 3), policy(wiring(4, 3)))
    plant.tick()
    wall_s = plant.image.clock.wall_s
    plant.requests = tuple(
        request("set-state", *words, until=wall_s + for_s)._replace(id=at, at=wall_s)
        for at, (*words, for_s) in enumerate(asked, 1)
    )
    plant.tick()
    return plant


def test_who_holds_an_output_is_told_half_an_hour_before_it_is_let_go():
    """MANUAL of safety.md 4.1."""
    plant = held(("fans", "2", 7200))
    plant.ticks(43)
    assert told(plant) == []
    plant.tick()
    assert told(plant) == [("fans", "fans = 2, set by owner, ends in 30 min: then the rules decide again")]
    plant.ticks(20)
    assert len(told(plant)) == 1
    assert plant.state.overrides == ()
    assert "later" not in plant.state.memory["override"]


def test_what_was_set_for_half_an_hour_or_for_ever_is_told_of_by_nobody():
    plant = held(("fans", "2", 1800), ("max_power_kw", "5", 900))
    plant.ticks(30)
    assert told(plant) == []


def test_each_that_ends_is_told_of_and_one_set_again_counts_anew():
    plant = held(("fan.1", "on", 3600), ("fan.2", "on", 3600))
    plant.ticks(17)
    assert sorted(about for about, _ in told(plant)) == ["fan.1", "fan.2"]
    wall_s = plant.image.clock.wall_s
    again = request("set-state", "fan.1", "on", until=wall_s + 3600)
    plant.requests = (again._replace(id=9, at=wall_s),)
    plant.ticks(20)
    assert [about for about, _ in told(plant)[2:]] == ["fan.1"]


@pytest.mark.parametrize("known", [True, False])
def test_the_letter_of_an_emergency_stop_says_who_asked_for_it_and_why_where_that_is_known(known):
    """A switch at the door, or a file that somebody touched, tells no name."""
    plant = Plant(wiring(4))
    plant.ticks(3)
    plant.stop = "on"
    plant.requests = (request("emergency-stop", number=1),) if known else ()
    plant.tick()
    (told,) = [one for made in plant.decisions for one in made.tellings if one.kind == "emergency_stop"]
    who = f"{request('x').actor} ({request('x').reason})" if known else "a person"
    assert sentence(told.reason) == f"EMERGENCY STOP by {who}: everything off until resumed"
