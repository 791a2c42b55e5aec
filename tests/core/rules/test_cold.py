"""Smoke and water, cold, running on and the evaporative wall, each as a rule by itself."""

import pytest
from core.rule_desk import Desk

from mine_controller.core.wording.words import sentence


def test_hw3_smoke_latches_cuts_everything_and_ends_by_a_person_and_a_good_contact():
    desk = Desk("hazard")
    desk.see(smoke="ok", water="ok")
    assert desk.last.limits == ()
    desk.see(smoke="alarm")
    assert (desk.limit("max_power_w"), desk.limit("fans_max"), desk.events()) == (0, 0, ["smoke"])
    assert {limit.how for limit in desk.last.limits} == {"cut"}
    desk.state = desk.state._replace(last={"acked_s": desk.now + 120})
    desk.see()
    assert (desk.limit("max_power_w"), desk.events()) == (0, [])
    desk.see(smoke="ok")
    assert desk.limit("max_power_w") == 0, "nobody has looked since"
    said = "SMOKE was seen {}; its contact has been good for {}: outlets, fans stay off until a person has looked: "
    told = {sentence(limit.reason) for limit in desk.last.limits}
    assert told == {said.format("4 min ago", "0 s") + "minectl resume"}
    desk.see(3600)
    assert {sentence(limit.reason) for limit in desk.last.limits} == {
        said.format("64 min ago", "60 min") + "minectl resume"
    }
    desk.see(smoke="alarm")
    assert {sentence(limit.reason) for limit in desk.last.limits} == {"SMOKE: outlets off, fans off"}
    desk.see(smoke="ok")
    assert "has been good for 0 s" in sentence(desk.last.limits[0].reason), "it counts anew"
    desk.state = desk.state._replace(last={"acked_s": desk.now + 120})
    desk.see(smoke=None)
    assert desk.limit("max_power_w") == 0
    desk.state = desk.state._replace(last={"acked_s": desk.now + 120})
    desk.see(smoke="ok")
    assert (desk.limit("max_power_w"), desk.events()) == (None, ["smoke_cleared"])


def test_hw3_water_stops_no_fan_and_smoke_neither_where_the_owner_says_so():
    desk = Desk("hazard")
    desk.see(smoke="ok", water="alarm")
    assert (desk.limit("max_power_w"), desk.limit("fans_max"), desk.events()) == (0, None, ["water"])
    mild = Desk("hazard", fans_off_on_smoke=False)
    mild.see(smoke="alarm")
    assert (mild.limit("max_power_w"), mild.limit("fans_max")) == (0, None)


def test_hw3_nobody_is_told_that_fans_are_off_which_smoke_leaves_as_they_are():
    desk = Desk("hazard", fans_off_on_smoke=False)
    desk.see(smoke="alarm")
    told = {sentence(one.reason) for one in (*desk.last.limits, *desk.last.events)}
    assert told == {"SMOKE: outlets off"}
    desk.see(smoke="ok")
    told = {sentence(limit.reason) for limit in desk.last.limits}
    text = "SMOKE was seen 2 min ago; its contact has been good for 0 s: outlets stay off until a person has looked: "
    assert told == {text + "minectl resume"}
    desk.wiring = desk.wiring._replace(roles={})
    desk.see(smoke=None)
    told = {sentence(limit.reason) for limit in desk.last.limits}
    assert told == {"SMOKE was seen 4 min ago; its contact left the config: outlets off until minectl resume"}
    home = Desk("hazard", fans=0)
    home.see(smoke="alarm")
    assert {sentence(event.reason) for event in home.last.events} == {"SMOKE: outlets off"}


def test_hw3_a_smoke_contact_that_is_taken_out_of_the_config_holds_until_a_person_resumes():
    desk = Desk("hazard")
    desk.see(smoke="alarm", water="ok")
    desk.see(smoke=None)
    assert (desk.limit("max_power_w"), desk.events()) == (0, []), "unknown is not absent"
    roles = {name: role for name, role in desk.wiring.roles.items() if name != "smoke"}
    desk.wiring = desk.wiring._replace(roles=roles)
    desk.see()
    assert (desk.limit("max_power_w"), desk.limit("fans_max"), desk.events()) == (0, 0, [])
    text = "SMOKE was seen 4 min ago; its contact left the config: all off until minectl resume"
    assert {sentence(limit.reason) for limit in desk.last.limits} == {text}
    desk.state = desk.state._replace(last={"acked_s": desk.now + 120})
    desk.see()
    assert (desk.limit("max_power_w"), desk.limit("fans_max"), desk.events()) == (None, None, ["smoke_cleared"])
    [event] = desk.last.events
    assert sentence(event.reason) == "resumed; the config has no smoke contact any more"
    desk.see()
    assert desk.events() == []


def cold(**roles):
    desk = Desk("cold")
    roles = {"inlet_min_c": 20.0, "inlet_max_c": 20.0, "humidity_pct": 50.0, "dew_c": 5.0} | roles
    desk.see(**roles)
    return desk


@pytest.mark.parametrize(
    ("roles", "code"),
    [
        ({"inlet_min_c": 5.0, "dew_c": -9.0}, None),
        ({"inlet_min_c": 4.9, "dew_c": -9.0}, "too_cold"),
        ({"inlet_max_c": 36.0}, None),
        ({"inlet_max_c": 36.1}, "too_hot"),
        ({"humidity_pct": 80.0}, None),
        ({"humidity_pct": 80.1}, "humid"),
        ({"humidity_pct": None}, "humidity_unknown"),
        ({"dew_c": None}, "humidity_unknown"),
        ({"dew_c": 17.0}, None),
        ({"dew_c": 17.1}, "dew"),
    ],
)
def test_hum1_the_window_of_starts_is_shut_beyond_its_edges(roles, code):
    assert cold(**roles).codes("no_start") == ([code] if code else [])


def test_hum1_an_edge_opens_again_well_inside_or_after_ten_minutes():
    desk = cold(inlet_min_c=4.9, dew_c=-9.0)
    desk.see(inlet_min_c=5.9)
    assert desk.codes("no_start") == ["too_cold_held"]
    desk.see(inlet_min_c=6.0)
    assert desk.codes("no_start") == []
    desk = cold(inlet_min_c=4.9, dew_c=-9.0)
    desk.see(599, inlet_min_c=5.1)
    assert desk.codes("no_start") == ["too_cold_held"]
    desk.see(1)
    assert desk.codes("no_start") == []


def test_hum1_what_is_inside_its_limit_again_is_not_called_beyond_it():
    desk = cold(humidity_pct=80.1)
    desk.see(300, humidity_pct=77.5)
    told = [sentence(limit.reason) for limit in desk.last.limits]
    assert told == ["humidity 77.5 % was above 80 %: too wet to start for 5 min more at most"]
    desk = cold(dew_c=17.1)
    desk.see(60, dew_c=16.5)
    told = [sentence(limit.reason) for limit in desk.last.limits]
    assert told == ["surfaces at 20.0 °C were too near the dew point 16.5 °C: nothing starts for 9 min more at most"]


def test_hum2_surfaces_follow_warming_air_slowly_and_cooling_air_at_once():
    desk = cold(inlet_min_c=10.0, dew_c=6.0)
    desk.see(900, inlet_min_c=20.0)
    assert desk.memory["surface_c"] == 15.0
    desk.see(1800)
    assert desk.memory["surface_c"] == 20.0
    desk.see(1, inlet_min_c=12.0)
    assert desk.memory["surface_c"] == 12.0
    desk.see(9000, inlet_min_c=None)
    assert desk.memory["surface_c"] == 12.0
    desk.see(60, inlet_min_c=13.0)
    assert desk.memory["surface_c"] == 13.0


def test_cmd10_fans_run_on_until_it_was_dark_for_ten_minutes():
    desk = Desk("run_on")
    desk.see(inlet_c=20.0)
    assert (desk.limit("no_fan_down"), desk.limit("fans_min"), desk.codes("no_fan_down")) == (0, 2, ["lit"])
    desk.fleet = {"on_n": 0}
    desk.see()
    desk.see(599)
    assert (desk.limit("no_fan_down"), desk.limit("fans_min"), desk.codes("no_fan_down")) == (0, 2, ["running_on"])
    desk.see(1)
    assert (desk.limit("no_fan_down"), desk.limit("fans_min"), desk.codes("fans_min")) == (None, 3, ["going_down"])
    desk.fleet = {"on_n": 0, "unknown": 1}
    desk.see()
    assert desk.limit("no_fan_down") == 0


def test_cmd10_dark_is_less_than_a_twentieth_or_hardly_more_than_standby():
    desk = Desk("run_on", run_on_s=300)
    for watts, dark in ((1699, True), (1700, False)):
        desk.memory, desk.fleet = {}, {"miners_w": watts}
        desk.see(inlet_c=20.0)
        assert (desk.codes("no_fan_down") == ["running_on"]) is dark
    desk.fleet = {"miners_w": 4399, "standby_w": 4000}
    desk.see()
    assert desk.codes("no_fan_down") == ["running_on"]


def test_cmd10_in_the_frost_fans_may_go_down_earlier():
    for inlet_c, held in ((5.0, 0), (4.9, None), (None, 0)):
        desk = Desk("run_on")
        desk.see(inlet_c=inlet_c)
        assert desk.limit("no_fan_down") == held


def test_cmd10_after_a_boot_in_the_dark_no_fan_is_asked_for():
    desk = Desk("run_on")
    desk.fleet = {"on_n": 0}
    desk.see(inlet_c=20.0)
    assert (desk.limit("no_fan_down"), desk.limit("fans_min")) == (0, None)
    bare = Desk("run_on", fans=0)
    assert bare.see(inlet_c=20.0).limits == ()


def wall(**roles):
    desk = Desk("wall")
    desk.wiring = desk.wiring._replace(wall="controlbyweb fans/8")
    desk.see(**{"inlet_c": 31.0, "humidity_pct": 50.0, "ambient_c": 35.0} | roles)
    return desk


def pump(desk):
    [wish] = desk.last.wishes
    return wish.value, wish.reason.code


@pytest.mark.parametrize(
    ("roles", "word"),
    [
        ({"inlet_c": 30.0}, ("on", "warm")),
        ({"inlet_c": 29.9}, ("off", "cool")),
        ({"humidity_pct": 70.0}, ("on", "warm")),
        ({"humidity_pct": 70.1}, ("off", "damp")),
        ({"humidity_pct": None}, ("off", "unknown")),
        ({"inlet_c": None}, ("off", "unknown")),
        ({"water": "alarm"}, ("off", "hazard")),
        ({"smoke": "alarm"}, ("off", "hazard")),
    ],
)
def test_hum3_the_pump_starts_when_it_is_warm_and_dry_and_nothing_forbids_it(roles, word):
    assert pump(wall(**roles)) == word


def test_hum3_the_pump_holds_between_its_marks_and_stops_at_them_after_its_least_time():
    desk = wall()
    desk.see(299, inlet_c=26.0)
    assert pump(desk) == ("on", "warm")
    desk.see(1, inlet_c=26.1)
    assert pump(desk) == ("on", "warm")
    desk.see(inlet_c=26.0)
    assert pump(desk) == ("off", "cool")
    desk.see(299, inlet_c=31.0)
    assert pump(desk)[0] == "off"
    desk.see(1)
    assert pump(desk)[0] == "on"
    desk.see(1, humidity_pct=85.0)
    assert pump(desk)[0] == "on"
    desk.see(1, humidity_pct=85.1)
    assert pump(desk) == ("off", "humid")


def test_hum3_nobody_mining_or_no_air_stops_the_pump_at_once():
    desk = wall()
    desk.fleet = {"on_n": 0}
    desk.see(1)
    assert pump(desk) == ("off", "idle")
    desk.fleet = {"on_n": 0, "starting_n": 1}
    desk.see(300)
    assert pump(desk)[0] == "on"
    desk.fans = dict.fromkeys(desk.fans, "failed")
    desk.see(1)
    assert pump(desk) == ("off", "no_air")


def test_hum3_a_pump_that_cools_nothing_is_told_and_every_fan_runs():
    desk = wall(inlet_c=33.6, humidity_pct=64.9)
    desk.see(899)
    assert (desk.events(), desk.limit("fans_min")) == ([], None)
    desk.see(1)
    assert (desk.events(), desk.limit("fans_min")) == (["wall_dry"], 4)
    desk.see()
    assert (desk.events(), desk.limit("fans_min")) == ([], 4)
    desk.see(inlet_c=33.5)
    assert (desk.events(), desk.limit("fans_min")) == (["wall_wet"], None)
    wet = wall(inlet_c=33.6, humidity_pct=65.0)
    wet.see(900)
    assert wet.events() == []
