"""The ladder of heat and the air, each as a rule by itself."""

import pytest
from core.rule_desk import Desk

from mine_controller.core.rules import air as air_room
from mine_controller.core.wording.words import sentence


def heat(**options):
    return Desk("temperature", **options)


def test_a_stop_takes_two_readings_above_forty_or_one_above_forty_five():
    desk = heat()
    desk.see(inlet_c=40.1)
    assert desk.limit("max_power_w") != 0
    desk.see()
    assert desk.limit("max_power_w") == 0
    assert desk.events() == ["heat_stop"]
    hot = heat()
    hot.see(inlet_c=45.1)
    assert hot.limit("max_power_w") == 0
    edge = heat()
    for _ in range(9):
        edge.see(inlet_c=40.0)
    assert edge.limit("max_power_w") != 0
    for _ in range(2):
        edge.see(inlet_c=45.0)
    assert edge.limit("max_power_w") == 0


def test_a_reading_that_is_the_same_one_is_no_second_one():
    desk = heat()
    desk.see(inlet_c=40.5)
    value = desk.view().image.site["inlet_c"]
    desk.see(inlet_c=value)
    assert desk.limit("max_power_w") != 0


@pytest.mark.parametrize(
    ("between_c", "passed_s", "stops"), [(39.6, 120, True), (39.5, 120, False), (39.6, 400, False)]
)
def test_noise_at_the_mark_does_not_begin_the_count_anew_and_a_cool_reading_does(between_c, passed_s, stops):
    desk = heat()
    desk.see(inlet_c=40.5)
    desk.see(passed_s, inlet_c=between_c)
    desk.see(inlet_c=40.5)
    assert (desk.limit("max_power_w") == 0) is stops


def test_above_the_shed_mark_five_percent_go_each_tick_and_ten_when_it_is_a_degree_more():
    desk = heat()
    desk.see(inlet_c=38.0)
    assert desk.limit("max_power_w") is None
    desk.see(inlet_c=38.1)
    assert (desk.limit("max_power_w"), desk.events()) == (34_000 * 95 // 100, ["heat_shed"])
    desk.see(114)
    assert desk.limit("max_power_w") == 32_300
    desk.see(1)
    assert desk.limit("max_power_w") == 30_685
    desk.see(inlet_c=39.0)
    assert desk.limit("max_power_w") == 30_685 * 95 // 100
    desk.see(inlet_c=39.1)
    assert desk.limit("max_power_w") == 29_150 * 90 // 100
    desk.fleet = {"miners_w": 20_000}
    desk.see()
    assert desk.limit("max_power_w") == 18_000


def test_shedding_ends_two_degrees_below_after_three_ticks():
    desk = heat()
    desk.see(inlet_c=38.1)
    held = desk.limit("max_power_w")
    for _ in range(9):
        desk.see(inlet_c=36.1)
    assert desk.limit("max_power_w") == held
    desk.see(inlet_c=36.0)
    desk.see(359)
    assert desk.limit("max_power_w") == held
    desk.see(1)
    assert desk.limit("max_power_w") is None
    assert desk.events() == ["heat_shed_over"]


def stopped(**options):
    desk = heat(**options)
    desk.see(inlet_c=46.0)
    desk.fleet = {"on_n": 0}
    return desk


def test_a_stop_ends_half_an_hour_below_the_reset():
    desk = stopped()
    for _ in range(12):
        desk.see(300, inlet_c=34.9)
    assert desk.limit("max_power_w") == 0, "below the warning, but not for an hour yet"
    desk = stopped()
    desk.see(inlet_c=32.9)
    desk.see(1799)
    assert desk.limit("max_power_w") == 0
    desk.see(1)
    assert desk.limit("max_power_w") is None
    edge = stopped()
    edge.fleet = {}
    edge.see(inlet_c=33.0)
    edge.see(90_000)
    assert edge.limit("max_power_w") == 0


def test_a_stop_ends_after_an_hour_of_rest_where_outside_is_no_cooler():
    desk = stopped()
    desk.see(inlet_c=34.9)
    desk.see(3599)
    assert desk.limit("max_power_w") == 0
    desk.see(1)
    assert desk.limit("max_power_w") is None
    lit = stopped()
    lit.fleet = {"on_n": 3}
    lit.see(inlet_c=34.9)
    lit.see(3600)
    assert lit.limit("max_power_w") == 0
    warm = stopped()
    warm.see(inlet_c=35.0)
    warm.see(3600)
    assert warm.limit("max_power_w") == 0


def test_after_two_ends_in_a_day_a_person_has_to_look():
    desk = stopped()
    for _ in range(2):
        desk.see(inlet_c=20.0)
        desk.see(1800)
        assert desk.limit("max_power_w") is None
        desk.see(inlet_c=46.0)
    desk.see(inlet_c=20.0)
    desk.see(1800)
    assert desk.limit("max_power_w") == 0
    desk.state = desk.state._replace(last={"acked_s": desk.now + 120})
    desk.see()
    assert desk.limit("max_power_w") is None


def test_a_person_can_not_end_a_stop_while_it_is_hot():
    for inlet_c, ends in ((38.0, False), (37.9, True)):
        desk = stopped()
        desk.state = desk.state._replace(last={"acked_s": desk.now + 120})
        desk.see(inlet_c=inlet_c)
        assert (desk.limit("max_power_w") != 0) is ends


@pytest.mark.parametrize(("silent_s", "share"), [(599, None), (600, 50), (1199, 50), (1200, 0)])
def test_an_inlet_nobody_knows_halves_the_load_and_then_stops_it(silent_s, share):
    desk = heat()
    desk.see(inlet_c=25.0)
    desk.see(silent_s, inlet_c=None)
    assert desk.limit("no_start") == 0
    amount = None if share is None else 34_000 * share // 100
    assert (desk.limit("max_power_w"), desk.events()) == (amount, [] if share is None else ["inlet_blind"])
    desk.fleet = {"on_n": 5}
    desk.see(0)
    assert (desk.limit("max_power_w"), desk.events()) == (amount, []), "half of what ran, and no half of a half"


def air(miners=100, fans=6, **options):
    desk = Desk("air", miners, fans, **options)
    desk.see(inlet_c=20.0, ambient_c=19.0)
    return desk


def test_the_need_and_what_fans_carry_are_the_same_arithmetic():
    options = air().options
    assert [air_room.need(n, options) for n in (0, 1, 36, 37, 73, 74, 147)] == [0, 2, 2, 3, 3, 4, 5]
    assert [air_room.carry(n, options) for n in (0, 1, 2, 3)] == [0, 36, 73, 110]
    assert [air_room.startable(n, options) for n in (0, 1, 2, 3)] == [0, 0, 36, 73]


def test_more_fans_run_as_the_inlet_climbs():
    desk = Desk("air", 10, 9)
    floors = {}
    for inlet_c in (26.0, 26.1, 29.5, 32.9, 33.0, 40.0, None):
        desk.see(inlet_c=inlet_c, ambient_c=None)
        floors[inlet_c] = desk.limit("fans_min")
    assert floors[26.0] == floors[None] == 2
    assert floors[26.1] == 3
    assert floors[29.5] == 6
    assert floors[32.9] == floors[33.0] == floors[40.0] == 9


def test_air_that_is_missing_gives_another_fan_its_time_and_then_sheds_to_what_the_rest_carries():
    desk = air()
    desk.fans |= dict.fromkeys("3456", "off")
    desk.see()
    assert desk.limit("max_miners") is None
    desk.see(39)
    assert desk.limit("max_miners") is None
    desk.see(1)
    assert (desk.limit("max_miners"), desk.events()) == (73, ["air_short"])
    desk.see()
    assert desk.events() == []
    desk.fans |= dict.fromkeys("3456", "proven")
    desk.see()
    assert (desk.limit("max_miners"), desk.events()) == (None, ["air_back"])
    desk.fans |= dict.fromkeys("3456", "off")
    desk.see()
    assert desk.limit("max_miners") is None, "its time begins anew"


def test_without_another_fan_it_sheds_at_once_and_without_any_air_everything_stops():
    desk = air()
    desk.fans |= dict.fromkeys("3456", "failed")
    desk.see()
    assert desk.limit("max_miners") == 73
    desk.fans |= dict.fromkeys("12", "failed")
    desk.see()
    assert (desk.limit("max_power_w"), desk.events()) == (0, ["air_lost"])
    desk.fans["1"] = "starting"
    desk.see()
    assert desk.limit("max_power_w") is None


def test_a_mine_that_is_dark_for_want_of_air_stays_so_and_tries_every_fan_until_one_is_proven():
    desk = air(miners=10)
    desk.fans = dict.fromkeys(desk.fans, "failed")
    desk.see()
    assert desk.events() == ["air_lost"]
    desk.fleet = {"on_n": 0}
    desk.see(900)
    assert (desk.limit("max_power_w"), desk.limit("fans_min"), desk.events()) == (0, 6, [])
    assert desk.codes("max_power_w") == ["lost"]
    desk.fans["3"] = "proven"
    desk.see()
    assert (desk.limit("max_power_w"), desk.events()) == (None, ["air_back"])
    desk.fans["3"] = "off"
    desk.see()
    assert desk.limit("max_power_w") is None, "a dark mine needs no air"


def test_fan2_an_inlet_far_above_outside_takes_ten_percent_off_each_tick():
    desk = air(10, 6)
    desk.see(inlet_c=30.0, ambient_c=25.0)
    desk.see(900)
    assert desk.limit("max_power_w") is None, "five degrees are none too many"
    desk.see(inlet_c=30.1)
    desk.see(239)
    assert desk.limit("max_power_w") is None
    desk.see(1)
    assert (desk.limit("max_power_w"), desk.limit("fans_min"), desk.limit("no_start")) == (30_600, 6, 0)
    assert desk.events() == ["recirculating"]
    desk.see(114)
    assert (desk.limit("max_power_w"), desk.events()) == (30_600, [])
    desk.see(1)
    assert desk.limit("max_power_w") == 27_540
    desk.fleet = {"miners_w": 20_000}
    desk.see(115)
    assert desk.limit("max_power_w") == 18_000


def test_fan2_a_cool_inlet_is_no_recirculation_however_cold_it_is_outside():
    desk = air(10, 6)
    desk.see(inlet_c=26.0, ambient_c=-10.0)
    desk.see(900)
    assert desk.limit("max_power_w") is None
    cold = air(10, 6)
    cold.see(inlet_c=30.0, ambient_c=0.0)
    cold.see(240)
    assert cold.limit("max_power_w") == 30_600


def test_fan2_it_is_over_when_the_inlet_was_near_outside_for_a_quarter_of_an_hour():
    desk = air(10, 6)
    desk.see(inlet_c=31.0, ambient_c=25.0)
    desk.see(240)
    for _ in range(9):
        desk.see(300, inlet_c=28.1)
    assert (desk.limit("max_power_w"), desk.limit("no_start")) == (30_600, 0)
    desk.see(inlet_c=28.0)
    desk.see(899)
    assert desk.limit("max_power_w") == 30_600
    desk.see(1)
    assert (desk.limit("max_power_w"), desk.events()) == (None, ["recirculating_over"])


@pytest.mark.parametrize("gone", ["ambient_c", "inlet_c"])
def test_fan2_a_probe_that_dies_ends_no_shedding_and_a_cool_inlet_or_a_dark_mine_does(gone):
    desk = air(10, 6)
    desk.see(inlet_c=31.0, ambient_c=25.0)
    desk.see(240)
    for _ in range(4):
        desk.see(300, **{gone: None})
    assert (desk.limit("max_power_w"), desk.limit("no_start"), desk.limit("fans_min")) == (30_600, 0, 6)
    where = "outside" if gone == "ambient_c" else "at the inlet"
    told = f"hot air came back in, and the temperature {where} is unknown: load stays down, every fan runs"
    assert (desk.events(), sentence(desk.last.limits[-1].reason)) == ([], told)
    if gone == "ambient_c":
        desk.see(inlet_c=26.0)
    else:
        desk.fleet = {"on_n": 0}
        desk.see()
    desk.see(899)
    assert desk.limit("no_start") == 0
    desk.see(1)
    assert (desk.limit("max_power_w"), desk.events()) == (None, ["recirculating_over"])


def test_fan2_a_climb_between_ends_the_quarter_of_an_hour():
    desk = air(10, 6)
    desk.see(inlet_c=31.0, ambient_c=25.0)
    desk.see(240)
    desk.see(inlet_c=28.0)
    desk.see(600, inlet_c=28.5)
    desk.see(inlet_c=28.0)
    desk.see(800)
    assert desk.limit("max_power_w") == 30_600


def test_fan4_no_fan_watts_at_all_block_starts_and_shed_only_while_it_is_warm():
    desk = air(10, 6)
    desk.fan_watts = None
    desk.see(inlet_c=25.0, ambient_c=20.1)
    assert (desk.limit("no_start"), desk.limit("no_fan_down"), desk.limit("max_power_w")) == (0, 0, None)
    assert desk.events() == ["fan_meter_blind"]
    desk.see(ambient_c=20.0)
    assert (desk.limit("max_power_w"), desk.events()) == (30_600, [])
    desk.see(114)
    assert desk.limit("max_power_w") == 30_600
    desk.see(1)
    assert desk.limit("max_power_w") == 27_540
    desk.see(inlet_c=34.9, ambient_c=None)
    assert desk.limit("max_power_w") is None
    desk.see(inlet_c=35.0)
    assert desk.limit("max_power_w") is not None
    desk.fan_watts = 1500
    desk.see(inlet_c=25.0)
    assert desk.events() == ["fan_meter_back"]
    dark = Desk("air", 10, 6)
    dark.fleet, dark.fan_watts = {"on_n": 0}, None
    dark.see(inlet_c=25.0)
    assert dark.limit("no_start") is None


def test_fan4_fan_watts_unknown_for_ten_minutes_are_an_emergency_where_the_site_requires_their_proof():
    told = {}
    for require in ((), ("fan_proof",)):
        desk = air(10, 6)
        desk.site = desk.site._replace(require=require)
        desk.fan_watts = None
        told[require] = []
        for passed_s in (120, 599, 1, 120):
            desk.see(passed_s, inlet_c=25.0, ambient_c=24.0)
            told[require].append([event.severity for event in desk.last.events])
    assert told[()] == [["warning"], [], [], []]
    assert told["fan_proof",] == [["warning"], [], ["emergency"], []]
    desk.fan_watts = 1500
    desk.see()
    desk.fan_watts = None
    desk.see()
    desk.see(600)
    assert [event.severity for event in desk.last.events] == ["emergency"], "another time, another telling"


def test_air_that_is_back_is_told_once():
    desk = air(miners=10, fans=9)
    desk.memory["short_told"] = 1
    desk.see()
    assert desk.events() == ["air_back"]
    desk.see()
    assert desk.events() == []


@pytest.mark.parametrize(("outside_c", "told"), [(25.0, []), (24.9, ["recirculating"]), (0.0, ["recirculating"])])
def test_fan2_an_inlet_far_above_outside_is_hot_air_coming_back(outside_c, told):
    desk = air(miners=10, fans=9)
    for _ in range(3):
        desk.see(inlet_c=30.0, ambient_c=outside_c)
    assert [one for one in desk.events() if one == "recirculating"] == told
    said = [dict(one.reason.numbers) for one in desk.last.limits if one.reason.code == "recirculating"]
    assert said == [{"inlet_c": 30.0, "outside_c": outside_c}] * (3 * len(told))
    desk.see(inlet_c=29.0, ambient_c=25.0)
    said = [dict(one.reason.numbers) for one in desk.last.limits if one.reason.code == "recirculating_held"]
    held = {"inlet_c": 29.0, "outside_c": 25.0, "left_s": 900}
    assert said == [held] * (2 * len(told)), "held until it is plainly over"


@pytest.mark.parametrize(("on_n", "told"), [(0, []), (1, ["recirculating"])])
def test_fan2_hot_air_coming_back_counts_from_the_first_miner_that_runs(on_n, told):
    desk = air(10, 6)
    desk.fleet = {"on_n": on_n, "miners_w": 3400 * on_n}
    desk.see(inlet_c=31.0, ambient_c=25.0)
    desk.see(240)
    assert desk.events() == told
    assert desk.limit("max_power_w") == (3060 if told else None)


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ({}, []),
        ({"warn_c": 38.0}, ["warn_c < shed_c < stop_c < hardware_c must hold"]),
        ({"shed_c": 40.0}, ["warn_c < shed_c < stop_c < hardware_c must hold"]),
        ({"stop_c": 42.0, "hardware_c": 42.0}, ["warn_c < shed_c < stop_c < hardware_c must hold"]),
        ({"stop_c": 42.0, "hardware_c": 42.1}, []),
        ({"reset_c": 35.0}, ["reset_c must be below warn_c"]),
        ({"reset_c": 34.9}, []),
        ({"blind_shed_s": 600, "blind_stop_s": 600}, ["blind_shed_s must be below blind_stop_s"]),
        ({"blind_shed_s": 599, "blind_stop_s": 600}, []),
        (
            {"warn_c": 38.0, "reset_c": 36.0, "shed_c": 37.0, "blind_shed_s": 500, "blind_stop_s": 300},
            ["warn_c < shed_c < stop_c < hardware_c must hold", "blind_shed_s must be below blind_stop_s"],
        ),
    ],
)
def test_a_ladder_of_heat_out_of_order_is_refused_with_its_sentence(written, wrong):
    desk = heat(**written)
    assert list(desk.rule.check(desk.options)) == wrong


@pytest.mark.parametrize(("easy_c", "wrong"), [(32.9, 0), (33.0, 1), (33.1, 1)])
def test_fans_that_would_all_run_before_they_need_to_are_refused(easy_c, wrong):
    desk = air(easy_c=easy_c, full_c=33.0)
    assert len(desk.rule.check(desk.options)) == wrong


@pytest.mark.parametrize(("inlet_c", "doubted"), [(9.0, False), (8.9, True)])
def test_tmp4_an_inlet_more_than_fifteen_degrees_below_outside_starts_nothing_and_runs_every_fan(inlet_c, doubted):
    """TMP4: said with both temperatures, once; it is over when a probe shows what air can be."""
    desk = air(10, 9)
    roles = {"inlet_c": inlet_c, "inlet_min_c": inlet_c, "inlet_max_c": inlet_c, "ambient_c": 24.0}
    desk.see(**roles)
    assert desk.events() == ["inlet_doubted"] * doubted
    assert (desk.limit("fans_min") == 9, desk.codes("no_start")) == (doubted, ["doubted"] * doubted)
    if doubted:
        told = [one.reason for one in (*desk.last.limits, *desk.last.events) if one.reason.code == "doubted"]
        assert [dict(one.numbers) for one in told] == [{"inlet_c": inlet_c, "outside_c": 24.0}] * 2
        began_s = desk.memory["doubt_s"]
        desk.see()
        assert (desk.events(), desk.codes("no_start")) == ([], ["doubted"])
        assert desk.memory["doubt_s"] == began_s == desk.now - 120
        desk.see(inlet_max_c=None)
        assert (desk.events(), desk.codes("no_start")) == ([], ["doubted"]), "not knowing ends no doubt"
        desk.see(inlet_max_c=9.0)
        assert (desk.events(), desk.memory["doubt_s"]) == (["inlet_believed"], 0)
        assert desk.last.events[0].reason.code == "believed"
        desk.see()
        assert desk.events() == []
        desk.see(inlet_max_c=0.0, ambient_c=24.0)
        assert dict(desk.last.events[0].reason.numbers) == {"inlet_c": 0.0, "outside_c": 24.0}, "told anew"
        desk.see(inlet_max_c=-16.0, ambient_c=0.0)
        told = [one.reason for one in desk.last.limits if one.reason.code == "doubted"]
        assert [dict(one.numbers) for one in told] == [{"inlet_c": -16.0, "outside_c": 0.0}]
