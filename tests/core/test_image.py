"""What `freeze` makes of readings: votes of several probes, ages to the second, marks of meters that stand still."""

import math

import pytest
from core.plant import wiring

from mine_controller.core.freeze import FROZEN, FROZEN_APART_S, dew_point_c, freeze
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.wiring import FanSpec, Role

NOW = 10_000
WIRES = wiring(4, 2)
PROBE = "roomalert intake/{n}:temp_c"
WATTS = "redfish pdu1/A{n}:power_w"


def clock(now_s=NOW):
    return Clock(now_s, now_s)


def seen(*readings, now_s=NOW, last=None, wires=WIRES):
    return freeze(last, readings, wires, clock(now_s))


def inlet(*values, at_s=NOW, now_s=NOW, last=None):
    readings = [Reading(PROBE.format(n=n), value, at_s) for n, value in enumerate(values, 1)]
    return seen(*readings, now_s=now_s, last=last).site["inlet_c"]


def voted(vote, *given, now_s=NOW, max_age_s=240, name="voltage_v"):
    quantity = "contact" if vote == "worst" else "voltage_v"
    keys = tuple(f"meter m/{n}:{quantity}" for n in range(len(given)))
    wires = WIRES._replace(roles={name: Role(name, keys, vote, max_age_s)})
    readings = [Reading(key, value, at_s) for key, (value, at_s) in zip(keys, given, strict=True) if at_s is not None]
    return seen(*readings, now_s=now_s, wires=wires).site[name]


# -- votes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "elected"),
    [
        ((20.0, 24.0, 28.0), 24.0),
        ((20.0, 24.0, 28.1), 28.1),
        ((20.0, 24.0, None), 24.0),
        ((20.0, None, None), 20.0),
        ((25.0, 25.0, 20.0), 25.0),
    ],
)
def test_tmp5_of_three_probes_the_second_hottest_counts_while_they_agree(values, elected):
    assert inlet(*values).value == elected


def test_the_lowest_the_highest_and_the_sum():
    given = ((230.0, NOW), (225.0, NOW - 9), (240.0, NOW - 5))
    assert voted("cold", *given).value == 225.0
    assert voted("high", *given).value == 240.0
    total = voted("sum", *given)
    assert (total.value, total.at_s) == (695.0, NOW - 9)


def test_a_sum_of_which_one_part_is_not_known_is_not_known():
    found = voted("sum", (230.0, NOW), (225.0, NOW - 241))
    assert (found.value, found.at_s, found.source) == (None, NOW - 241, "meter m/1:voltage_v")
    assert found.why == "no new reading, last known 241 s ago"
    assert voted("sum", (230.0, NOW), (225.0, NOW - 240)).value == 455.0


def test_the_lowest_phase_is_not_known_while_one_phase_is_not():
    """Law 4: a lost phase reads 0 V, which the meter's window refuses; the others say nothing of it."""
    given = ((230.0, NOW), (229.0, NOW))
    assert voted("phases", *given, (185.0, NOW)).value == 185.0
    found = voted("phases", *given, (231.0, NOW - 241))
    assert (found.value, found.at_s, found.source) == (None, NOW - 241, "meter m/2:voltage_v")
    assert voted("phases", *given, (None, NOW)).value is None


def test_alarm_beats_ok_and_the_newer_of_two_the_same_speaks():
    found = voted("worst", ("ok", NOW), ("alarm", NOW - 50), name="smoke")
    assert (found.value, found.at_s) == ("alarm", NOW - 50)
    assert voted("worst", ("alarm", NOW - 50), ("alarm", NOW - 9), name="smoke").at_s == NOW - 9
    assert voted("worst", ("ok", NOW), ("ok", NOW), name="smoke").value == "ok"


@pytest.mark.parametrize(("words", "elected"), [(("run", "off"), "off"), (("run", "warn"), "warn"), (("run",), "run"),
                                                (("warn", "off"), "off")])  # fmt: skip
def test_sig6_of_signals_that_disagree_the_stricter_counts(words, elected):
    keys = tuple(f"page {n}:signal" for n in range(len(words)))
    wires = WIRES._replace(roles={"signal": Role("signal", keys, "worst", 240)})
    found = seen(*(Reading(key, word, NOW) for key, word in zip(keys, words, strict=True)), wires=wires)
    assert found.site["signal"].value == elected


def test_sig6_a_page_that_said_off_and_is_silent_since_is_not_outvoted():
    keys = ("page 1:signal", "page 2:signal")
    wires = WIRES._replace(roles={"signal": Role("signal", keys, "worst", 240)})
    off = seen(Reading(keys[0], "off", NOW), Reading(keys[1], "run", NOW), wires=wires)
    blind = (Reading(keys[0], None, NOW + 300, "no answer in 6.0 s"), Reading(keys[1], "run", NOW + 300))
    found = seen(*blind, now_s=NOW + 300, last=off, wires=wires).site["signal"]
    assert (found.value, found.at_s, found.source) == (None, NOW, keys[0])
    assert found.why == "page 1 said off: no answer in 6.0 s, last known 300 s ago"
    booted = freeze(off, blind, wires, clock(NOW + 300)._replace(rebooted=True)).site["signal"]
    assert booted.value is None
    back = (Reading(keys[0], "run", NOW + 300), Reading(keys[1], "run", NOW + 300))
    assert seen(*back, now_s=NOW + 300, last=off, wires=wires).site["signal"].value == "run"
    never_off = seen(Reading(keys[0], "run", NOW), Reading(keys[1], "run", NOW), wires=wires)
    assert seen(*blind, now_s=NOW + 300, last=never_off, wires=wires).site["signal"].value == "run"


def test_a_stop_that_is_on_anywhere_is_a_stop():
    keys = ("stop:switch", "stop panel/1:switch")
    wires = WIRES._replace(roles={"stop": Role("stop", keys, "worst", 240)})
    for first, second, word in (("off", "off", "off"), ("off", "on", "on"), ("on", "off", "on")):
        found = seen(Reading(keys[0], first, NOW), Reading(keys[1], second, NOW), wires=wires)
        assert found.site["stop"].value == word


# -- ages and reasons -----------------------------------------------------------------------------------------------


def test_a_value_counts_to_the_last_second_of_its_age_and_then_says_how_old_it_is():
    assert inlet(25.0, at_s=NOW - 240).value == 25.0
    found = inlet(25.0, at_s=NOW - 241)
    assert (found.value, found.at_s, found.why) == (None, NOW - 241, "no new reading, last known 241 s ago")


def test_what_was_never_read_says_so_or_why_its_end_does_not_answer():
    assert inlet().why == "never read"
    assert (inlet().at_s, inlet().source) == (0, "roomalert intake/1:temp_c")
    dead = Reading("roomalert intake:health", None, NOW, "no answer in 6.0 s")
    assert seen(dead).site["inlet_c"].why == "no answer in 6.0 s"
    assert seen(Reading(PROBE.format(n=1), None, NOW, "the probe is open")).site["inlet_c"].why == "the probe is open"


def test_what_fails_after_it_was_known_keeps_its_moment_and_gets_a_reason():
    first = seen(Reading(PROBE.format(n=1), 25.0, NOW))
    later = seen(Reading(PROBE.format(n=1), None, NOW + 300, "timed out"), now_s=NOW + 300, last=first)
    found = later.site["inlet_c"]
    assert (found.value, found.at_s, found.why) == (None, NOW, "timed out, last known 300 s ago")


def test_columns_of_miners_count_as_long_as_their_quantity_does():
    unit = WIRES.miners[0]
    own = f"{unit.group}/{unit.mac}"
    told = [(f"{unit.outlet}:power_w", 3000), (f"{own}:word", "hashing"), (f"{unit.outlet}:switch", "on"),
            (f"{own}:address", "7")]  # fmt: skip
    fresh = seen(*(Reading(key, value, NOW - 240) for key, value in told)).miners
    assert (fresh.power_w[0], fresh.word[0], fresh.outlet[0], fresh.address[0]) == (3000, "hashing", "on", "7")
    assert (fresh.power_at[0], fresh.word_at[0]) == (NOW - 240, NOW - 240)
    assert (fresh.power_w[1], fresh.word[1], fresh.outlet[1], fresh.address[1], fresh.power_at[1]) == (
        None, None, None, None, 0,
    )  # fmt: skip
    old = seen(*(Reading(key, value, NOW - 241) for key, value in told)).miners
    assert (old.power_w[0], old.word[0], old.outlet[0], old.address[0]) == (None, None, None, None)
    assert (old.power_at[0], old.word_at[0]) == (NOW - 241, NOW - 241)


def test_the_watts_of_each_miner_are_those_of_its_own_outlet_of_the_pdu():
    """Whatever the miner says of itself, and in whatever order the unit tells its outlets."""
    units = WIRES.miners
    told = [Reading(f"{unit.outlet}:power_w", 3000 + at, NOW) for at, unit in enumerate(units)]
    own = [Reading(f"{unit.group}/{unit.mac}:power_w", 99, NOW) for unit in units]
    assert len({unit.outlet for unit in units}) == 4
    assert seen(*reversed(told), *own).miners.power_w == (3000, 3001, 3002, 3003)
    assert seen(*told[1:]).miners.power_w == (None, 3001, 3002, 3003), "none stands in for another"


def test_a_miner_without_a_metered_outlet_is_measured_by_its_own_word():
    unit = WIRES.miners[0]
    bare = WIRES._replace(miners=(unit._replace(outlet_metered=False),))
    reading = Reading(f"{unit.group}/{unit.mac}:power_w", 2900, NOW)
    assert seen(reading, wires=bare).miners.power_w == (2900,)
    both = (reading, Reading(f"{unit.outlet}:power_w", 3100, NOW))
    assert seen(*both, wires=bare).miners.power_w == (2900,)
    assert seen(*both).miners.power_w[0] == 3100


def test_a_fan_is_known_as_long_as_its_relay_and_its_meter_speak():
    plain = (
        Reading("controlbyweb fans/1:switch", "on", NOW - 240),
        Reading("iotawatt fans/Fan_1:power_w", 900, NOW - 240),
    )
    fan = seen(*plain).fans[0]
    assert fan == ("1", True, NOW - 240, 900, NOW - 240)
    old = seen(*(reading._replace(at_s=NOW - 241) for reading in plain)).fans[0]
    assert (old.on, old.watts, old.on_at, old.watts_at) == (None, None, NOW - 241, NOW - 241)
    assert seen().fans[0] == ("1", None, 0, None, 0)
    low = WIRES._replace(fans=(FanSpec("1", "controlbyweb fans/1", "", 1500, active_low=True),))
    assert seen(*plain, wires=low).fans[0] == ("1", False, NOW - 240, None, 0)


def test_a_ticket_is_told_while_it_is_young():
    reading = Reading("foreman mine/77:ticket", "pending", NOW)
    assert seen(reading).tickets == {"foreman mine/77": "pending"}
    assert seen(now_s=NOW + 900, last=seen(reading)).tickets == {"foreman mine/77": "pending"}
    gone = seen(now_s=NOW + 901, last=seen(reading))
    assert gone.tickets == {}
    assert "foreman mine/77:ticket" not in gone.channels
    assert seen(Reading("foreman mine/78:ticket", None, NOW, "lost")).tickets == {}


def test_channels_nobody_wired_are_let_go_after_a_day_once_an_hour():
    stray = Reading("old x/1:temp_c", 20.0, 3600)
    kept = seen(stray, Reading(PROBE.format(n=1), 20.0, 3600), now_s=3600)
    day = seen(now_s=3600 + 86_400, last=kept)
    assert "old x/1:temp_c" in day.channels
    same_hour = seen(now_s=3600 + 86_401, last=day)
    assert "old x/1:temp_c" in same_hour.channels
    next_hour = seen(now_s=3600 + 86_400 + 3600, last=same_hour)
    assert "old x/1:temp_c" not in next_hour.channels
    assert PROBE.format(n=1) in next_hour.channels


# -- falls that are not believed at once ----------------------------------------------------------------------------


def test_tmp4_a_fall_of_more_than_twenty_is_believed_the_third_time():
    last = seen(Reading(PROBE.format(n=1), 45.0, NOW))
    values = []
    for step in range(1, 4):
        last = seen(Reading(PROBE.format(n=1), 24.9, NOW + step), now_s=NOW + step, last=last)
        values.append(last.channels[PROBE.format(n=1)].value)
    assert values == [45.0, 45.0, 24.9]
    assert PROBE.format(n=1) + "?" not in last.channels


def test_tmp4_a_fall_of_twenty_and_any_rise_are_believed_at_once():
    last = seen(Reading(PROBE.format(n=1), 45.0, NOW))
    assert seen(Reading(PROBE.format(n=1), 25.0, NOW + 1), last=last).channels[PROBE.format(n=1)].value == 25.0
    assert seen(Reading(PROBE.format(n=1), 79.0, NOW + 1), last=last).channels[PROBE.format(n=1)].value == 79.0


def test_tmp4_the_same_reading_twice_is_no_repetition_and_a_good_one_ends_the_doubt():
    key = PROBE.format(n=1)
    last = seen(Reading(key, 45.0, NOW))
    for _ in range(4):
        last = seen(Reading(key, 20.0, NOW + 1), now_s=NOW + 1, last=last)
    assert last.channels[key].value == 45.0
    assert last.channels[key].why == "fell 25 K at once; believed after 3 readings"
    last = seen(Reading(key, 44.0, NOW + 2), now_s=NOW + 2, last=last)
    last = seen(Reading(key, 20.0, NOW + 3), now_s=NOW + 3, last=last)
    last = seen(Reading(key, 20.0, NOW + 4), now_s=NOW + 4, last=last)
    assert last.channels[key].value == 44.0


# -- meters that stand still ----------------------------------------------------------------------------------------


def loads(*watts, rounds=4, apart_s=FROZEN_APART_S, changed=()):
    last = None
    for number in range(rounds):
        now_s = NOW + number * apart_s
        shown = [value + (number if at in changed else 0) for at, value in enumerate(watts)]
        readings = [Reading(WATTS.format(n=n), value, now_s) for n, value in enumerate(shown, 1)]
        last = freeze(last, [*readings, Reading("redfish pdu2/A1:power_w", 555, now_s)], WIRES, clock(now_s))
    return [last.channels[WATTS.format(n=n)].why for n in range(1, len(watts) + 1)], last


def test_pdu2_the_same_watts_four_times_are_not_believed_any_more():
    assert loads(3000, 3001, 3002, 3003, rounds=3)[0] == [""] * 4
    why, last = loads(3000, 3001, 3002, 3003)
    assert why == [FROZEN] * 4
    assert last.channels["redfish pdu2/A1:power_w"].why == ""


def test_pdu2_readings_near_together_prove_nothing():
    assert loads(3000, 3001, 3002, 3003, apart_s=9, rounds=12)[0] == [""] * 4
    assert loads(3000, 3001, 3002, 3003, apart_s=FROZEN_APART_S - 1, rounds=6)[0] == [""] * 4
    assert loads(3000, 3001, 3002, 3003, apart_s=FROZEN_APART_S - 1, rounds=7)[0] == [FROZEN] * 4, "every other one"


def test_pdu2_three_loads_are_too_few_and_idle_outlets_are_none():
    assert loads(3000, 3001, 3002, rounds=6)[0] == [""] * 3
    assert loads(3000, 3001, 3002, 200, rounds=6)[0] == [""] * 4
    assert loads(3000, 3001, 3002, 201)[0] == [FROZEN] * 4


def test_pdu2_one_load_that_moves_proves_a_meter_alive():
    assert loads(3000, 3001, 3002, 3003, rounds=6, changed=(2,))[0] == [""] * 4


# -- what is derived ------------------------------------------------------------------------------------------------


def test_the_dew_point_is_magnus():
    assert dew_point_c(25.0, 50.0) == 13.9
    assert dew_point_c(30.0, 100.0) == 30.0
    assert dew_point_c(-5.0, 80.0) == -7.9
    assert dew_point_c(20.0, 0.0) == dew_point_c(20.0, 1.0)
    assert math.isclose(dew_point_c(20.0, 1.0), -37.0, abs_tol=1.0)


def test_the_dew_point_is_as_old_as_its_older_part_and_unknown_without_one():
    warm, wet = Reading(PROBE.format(n=1), 25.0, NOW - 50), Reading("roomalert intake/1:humidity_pct", 50.0, NOW)
    found = seen(warm, wet).site
    assert (found["dew_c"].value, found["dew_c"].at_s) == (13.9, NOW - 50)
    assert seen(warm).site["dew_c"].value is None
    assert seen(wet).site["dew_c"].why == "never read"
    assert (found["inlet_min_c"].value, found["inlet_max_c"].value) == (25.0, 25.0)


def test_the_lowest_and_highest_inlet_stand_beside_the_voted_one():
    readings = [Reading(PROBE.format(n=n), value, NOW) for n, value in ((1, 20.0), (2, 24.0), (3, 27.0))]
    site = seen(*readings).site
    assert (site["inlet_min_c"].value, site["inlet_c"].value, site["inlet_max_c"].value) == (20.0, 24.0, 27.0)


def test_the_highest_phase_is_known_beside_the_lowest():
    keys = ("meter m/1:voltage_v", "meter m/2:voltage_v")
    wires = WIRES._replace(roles={"voltage_v": Role("voltage_v", keys, "cold", 240)})
    site = seen(Reading(keys[0], 229.0, NOW), Reading(keys[1], 241.0, NOW), wires=wires).site
    assert (site["voltage_v"].value, site["voltage_max_v"].value) == (229.0, 241.0)
    assert "dew_c" not in site


def test_min3_where_another_unit_answers_the_one_before_is_not_reachable():
    first, second = WIRES.miners[:2]
    key, other = f"{first.group}/{first.mac}:address", f"{first.group}/{second.mac}:address"
    last = seen(Reading(key, "10.0.0.9", NOW))
    taken = seen(Reading(other, "10.0.0.9", NOW + 5), now_s=NOW + 5, last=last)
    assert taken.channels[key].value is None
    assert taken.channels[key].why == f"{second.mac} answers there now"
    assert taken.miners.address[:2] == (None, "10.0.0.9")
    same = seen(Reading(other, "10.0.0.9", NOW), last=last)
    assert same.miners.address[0] == "10.0.0.9", "no newer word"
    elsewhere = seen(Reading(other, "10.0.0.8", NOW + 5), now_s=NOW + 5, last=last)
    assert elsewhere.miners.address[:2] == ("10.0.0.9", "10.0.0.8")


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, True, None, "3000"])
def test_pdu1_garbage_among_the_watts_of_a_pdu_is_unknown_wherever_it_stands(value, place):
    """What is no number must not end the round, nor take the other outlets' watts with it."""
    watts = [3000.0, 3001.0, 3002.0, 3003.0]
    watts[place] = value
    keys = [WATTS.format(n=n) for n in (1, 2, 3, 4)]
    image = freeze(None, [Reading(key, one, NOW) for key, one in zip(keys, watts, strict=True)], WIRES, clock())
    assert [image.channels[key].value for key in keys] == [None if at == place else 3000 + at for at in range(4)]
