"""A site meter whose gateway stands still: it answers, and shows the same to the last digit while the load moves."""

import pytest
from core.offgrid_plant import Offgrid
from core.offgrid_plant import wiring as offgrid_wiring
from core.plant import Plant, wiring

from mine_controller.core.freeze import freeze
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Miners
from mine_controller.core.model.reading import Reading, Value
from mine_controller.core.model.wiring import Role, Wiring
from mine_controller.core.stuck import LATE_S, METER_STILL, STILL_AFTER_S, watch_meters
from mine_controller.core.wording.words import sentence

KEY, HZ, VOLTS = "gen meter:power_w", "gen meter:grid_hz", "gen meter/L1:voltage_v"
FLEET = wiring(100).miners  # 340 kW


def wires(**roles):
    keys = {"site_power_w": (KEY,), **roles}
    return Wiring({name: Role(name, ends, "high", 240) for name, ends in keys.items()}, (), FLEET, (), {}, {})


def shown_after(*steps, site=None, at_s=0, told=None):
    """What stands at KEY after (seconds, meter, watts of each miner or None, how old these are) steps.

    A meter of None is not read then. `told`: other keys that stand.
    """
    site, channels = site or wires(), {}
    for passed_s, meter, watts, *old_s in steps:
        at_s += passed_s
        shown = {KEY: meter, **(told or {})} if meter is not None else {}
        channels |= {key: Value(value, at_s, key) for key, value in shown.items()}
        read_s = (at_s - sum(old_s),) * len(FLEET)
        watch_meters(channels, Miners(tuple(one.id for one in FLEET), (watts,) * len(FLEET), read_s), site)
    return channels


def is_still(*steps, key=KEY, **more):
    return shown_after(*steps, **more)[key].why == METER_STILL


HOUR = STILL_AFTER_S
STOOD = ((0, 352_417, 3400), (LATE_S, 352_417, 3400), (60, 352_417, 25))


def test_met1_a_meter_that_stands_to_the_last_digit_for_an_hour_in_which_the_load_moved_is_unknown():
    assert is_still(*STOOD, (HOUR - LATE_S - 60, 352_417, 25))
    assert not is_still(*STOOD, (HOUR - LATE_S - 61, 352_417, 25)), "not yet an hour"
    held = shown_after(*STOOD, (HOUR, 352_417, 25))[KEY]
    assert (held.value, held.at_s) == (352_417, 0), "what it showed is of the time when it last moved"


def test_a_meter_that_moves_again_counts_at_once_and_one_that_moved_between_begins_anew():
    back = shown_after(*STOOD, (HOUR, 352_417, 25), (120, 14_022, 25))[KEY]
    assert (back.value, back.at_s, back.why) == (14_022, LATE_S + HOUR + 180, "")
    assert not is_still((0, 352_417, 3400), (60, 352_416, 25), (HOUR, 352_416, 25))


@pytest.mark.parametrize(
    ("meter", "watts", "still"),
    [
        (14_022, 25, False),  # the site sleeps at the same few watts
        (352_417, 3390, False),  # 1 kW up and down is what a coarse meter may not show
        (352_417, 3200, True),  # 20 kW are more than a twentieth of what it shows
        (350_000, 3200, False),  # one that counts in tens of kW moves when that many have gone
        (350_000, 2000, True),
        (0, 25, False),  # an import meter shows nothing while the sun carries everything
        (-2_417, 25, False),
    ],
)
def test_only_a_load_that_moved_by_more_than_its_digits_and_a_twentieth_proves_it(meter, watts, still):
    before = 25 if meter == 14_022 else 3400
    steps = ((0, meter, before), (LATE_S, meter, before), (60, meter, watts), (HOUR, meter, watts))
    assert is_still(*steps) is still


def test_watts_that_were_read_before_the_meter_moved_are_no_movement():
    """A PDU that missed the tick of the stop still counted as it was before; the meter then stood for good reasons."""
    assert not is_still((0, 1000, 3400, 120), (120, 1000, 6), (HOUR, 1000, 6), (HOUR, 1000, 6))
    assert not is_still((0, 1000, 3400), (120, 1000, 3400, 100), (120, 1000, 6), (HOUR, 1000, 6), (HOUR, 1000, 6))


def test_a_meter_that_is_late_or_was_not_asked_since_the_load_moved_stands_for_good_reasons():
    steady = ((0, 352_417, 3400), (HOUR // 2, 352_417, 3400), (HOUR, 352_417, 3400))
    assert not is_still(*steady, (8, None, 25)), "only the outlets were asked"
    assert not is_still(*steady, (8, None, 25), (30, 352_417, 25)), "it averages"
    assert is_still(*steady, (8, None, 25), (120, 352_417, 25), (120, 352_417, 25))


def test_a_load_that_moved_while_the_meter_was_silent_is_no_proof():
    """One that counts in kilowatts shows before and after an order the same."""
    silent = ((120, None, 3400), (120, None, 25), (HOUR, None, 25), (HOUR, None, 3400))
    assert not is_still((0, 352_000, 3400), (HOUR, 352_000, 3400), *silent, (120, 352_000, 3400), (HOUR, 352_000, 3400))


def test_watts_that_nobody_knows_are_no_movement():
    assert not is_still(*STOOD[:2], (60, 352_417, None), (HOUR, 352_417, None))


def test_frequency_and_voltage_of_a_meter_that_stands_still_are_unknown_while_they_stand_too():
    site = wires(grid_hz=(HZ,), voltage_v=(VOLTS,))
    steps = (*STOOD, (HOUR, 352_417, 25))
    for key in (HZ, VOLTS):
        assert is_still(*steps, site=site, key=key, told={HZ: 50.0, VOLTS: 231.4})
    elsewhere = wires(grid_hz=("grid relay:grid_hz",))
    assert not is_still(*steps, site=elsewhere, key="grid relay:grid_hz", told={"grid relay:grid_hz": 50.0})


def test_an_isochronous_generator_on_a_meter_that_lives_keeps_its_frequency():
    """50.00 Hz for days is what a good governor does."""
    site = wires(grid_hz=(HZ,))
    steps = ((0, 352_417, 3400), (60, 14_022, 25), (HOUR, 14_022, 25), (60, 14_031, 25))
    assert not is_still(*steps, site=site, key=HZ, told={HZ: 50.0})


def test_of_three_phases_that_are_added_one_without_load_may_stand():
    phases = tuple(f"gen meter/{name}:power_w" for name in ("L1", "L2", "L3"))
    site = Wiring({"site_power_w": Role("site_power_w", phases, "sum", 240)}, (), FLEET, (), {}, {})
    channels = {}
    for at_s, first_w, watts in ((0, 352_417, 3400), (60, 14_022, 25), (HOUR + 60, 14_023, 25)):
        told = dict(zip(phases, (first_w, 117, 117), strict=True))
        channels |= {key: Value(value, at_s, key) for key, value in told.items()}
        watch_meters(
            channels, Miners(tuple(one.id for one in FLEET), (watts,) * len(FLEET), (at_s,) * len(FLEET)), site
        )
    assert [channels[key].why for key in phases] == [""] * 3


def test_nothing_is_kept_of_a_site_without_a_meter_or_of_a_meter_that_is_silent():
    channels = {}
    watch_meters(channels, Miners(), wires())
    watch_meters(channels, Miners(("m000",), (5,), (1,)), Wiring({}, (), FLEET, (), {}, {}))
    assert channels == {}
    gone = {KEY: Value(7, 1, KEY, "no answer")}
    watch_meters(gone, Miners(("m000",), (5,), (1,)), wires()._replace(miners=FLEET[:1]))
    assert gone == {KEY: Value(7, 1, KEY, "no answer")}


def test_what_a_round_takes_in_again_is_judged_again():
    """A reading that says the same of a meter that stands still does not free it."""
    site, last = wires(), None
    for at_s, watts in ((0, 3400), (LATE_S, 3400), (LATE_S + 120, 25), (HOUR, 25), (HOUR + 120, 25)):
        told = [Reading(KEY, 352_417, 10_000 + at_s)]
        told += [Reading(f"{one.group}/{one.mac}:power_w", watts, 10_000 + at_s) for one in FLEET]
        told += [
            Reading(f"{one.outlet}:power_w", watts + n % 3 + at_s % 7, 10_000 + at_s) for n, one in enumerate(FLEET)
        ]
        last = freeze(last, told, site, Clock(10_000 + at_s, 1_789_000_000 + at_s))
    assert last.channels[KEY].why == METER_STILL
    assert last.site["site_power_w"].value is None


def roof(*steps, key="roof meter:power_w", **roles):
    """What the meter of a roof shows after (seconds, watts to the grid, watts of each miner) steps."""
    channels, at_s = {}, 0
    site = Wiring({name: Role(name, (one,), "cold", 240) for name, one in roles.items()}, (), FLEET, (), {}, {})
    for passed_s, shown_w, watts in steps:
        at_s += passed_s
        channels[key] = Value(shown_w, at_s, key)
        read_s = (at_s,) * len(FLEET)
        watch_meters(channels, Miners(tuple(one.id for one in FLEET), (watts,) * len(FLEET), read_s), site)
    return channels[key].why == METER_STILL


@pytest.mark.parametrize(("shown_w", "still"), [(4_312, True), (-4_312, True), (4_000, False), (0, False)])
def test_what_goes_to_the_grid_is_unknown_too_once_it_stood_for_an_hour_in_which_the_load_moved(shown_w, still):
    """Miners that start on a surplus must take from it: one that stands lets ever more of them start. A site that gives
    nothing away may show nothing all day, and a coarse meter the same for a while."""
    for roles in (
        {"export_w": "roof meter:power_w"},
        dict.fromkeys(("export_w", "site_power_w"), "roof meter:power_w"),
    ):
        steps = ((0, shown_w, 25), (LATE_S, shown_w, 25), (60, shown_w, 110), (HOUR, shown_w, 110))
        assert roof(*steps, **roles) is still
    assert not roof((0, 4_312, 25), (LATE_S, 4_312, 25), (60, 4_312, 110), (HOUR, 4_311, 110), **roles)


# -- what follows ---------------------------------------------------------------------------------------------------


def stood_still():
    """The mine goes down and comes back while its meter shows what it showed before."""
    plant = Plant(wiring(24, meter=True))
    plant.meter = 24 * 3400 + 9 * 1500 + 7
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(33)
    return plant


def test_met1_a_meter_that_stands_still_is_told_once_as_a_device_with_its_remedy():
    plant = stood_still()
    letters = [one for decision in plant.decisions for one in decision.tellings if one.kind == "device_frozen"]
    assert [(one.what, one.about) for one in letters] == [("raise", "sel735 meter")]
    assert "the same watts" in sentence(letters[0].reason)
    plant.meter = 9 * 1500 + 24 * 25
    plant.ticks(4)
    letters = [one for decision in plant.decisions for one in decision.tellings if one.kind == "device_frozen"]
    assert [one.what for one in letters] == ["raise", "clear"]
    assert not plant.violations


def test_met2_an_order_that_came_before_it_was_known_stays_unproven_to_its_end():
    """Whether meter or outlets stand still is for a person to see: what is known later takes nothing back."""
    plant = stood_still()
    assert plant.state.shed.emergency == "by_meter"
    assert plant.state.shed.shed_100_s is None


def test_met2_what_it_showed_against_the_outlets_is_over_with_the_order_once_it_is_known_to_stand_still():
    """An emergency by SMS every hour, with the meter's factor and clamps for a remedy, beside the letter that the meter
    is frozen."""
    plant = stood_still()
    assert "meters_disagree site" in plant.state.alarms, "it may be the outlets, and the order is not over"
    plant.signal = "run"
    plant.ticks(12)
    assert "device_frozen sel735 meter" in plant.state.alarms
    assert "meters_disagree site" not in plant.state.alarms
    [over] = plant.events("meters_agree")
    assert sentence(over.reason) == "site meter unknown: nothing may increase"
    plant.meter = 60_000
    plant.ticks(4)
    assert "device_frozen sel735 meter" not in plant.state.alarms
    assert "meters_disagree site" in plant.state.alarms, "it moves, and is as wrong as before"


def test_met2_the_next_order_is_proven_by_the_outlets_as_where_a_meter_is_silent():
    plant = stood_still()
    plant.signal = "run"
    plant.ticks(30)
    assert plant.decisions[-1].mode != "CURTAILED"
    plant.signal = "off"
    plant.ticks(3)
    assert plant.state.shed.cause == "signal"
    assert plant.state.shed.emergency == ""


def test_met1_outlets_that_fall_silent_are_not_proven_dark_by_a_meter_that_stood_low():
    """Its few watts of the last order were taken for the mine's, and the order for obeyed."""
    plant = Plant(wiring(24, meter=True), running=False)
    plant.meter = 1500 + 24 * 25 + 7
    plant.ticks(40)
    assert plant.total > 24 * 3000
    plant.dead = {"redfish pdu1"}
    plant.mute = set(plant.power)
    plant.signal = "off"
    plant.ticks(4)
    assert plant.state.shed.shed_100_s is None
    assert plant.events("curtail_unproven")


def test_frq1_an_off_grid_frequency_that_stands_still_with_its_meter_starts_nobody():
    roles = ("grid_hz", "supply_kw", "site_power_w", "voltage_v")
    plant = Offgrid(offgrid_wiring(roles=roles), supply={"source_kw": 130})
    plant.ticks(4)
    stands = {key: plant.image.channels[key].value for key in plant.image.channels if key.startswith("sel735 meter")}
    plant.garbage = {key: value for key, value in stands.items() if isinstance(value, int | float)}
    plant.possible_kw = 40.0
    plant.ticks(35)
    assert plant.image.site["grid_hz"].value is None
    assert "no_start" in {limit.what for limit in plant.decisions[-1].envelope.reasons}


def test_a_mine_comes_back_whose_meter_counts_in_kilowatts_and_showed_the_same_all_through_the_order():
    """The PDU was silent in the two ticks of the stop: its watts of before were taken for a load that moved, and the
    meter for one that stands still. With a meter that is unknown nobody starts, and so it stood on."""
    plant = Plant(wiring(24, meter=True))

    def ticks(count):
        for _ in range(count):
            plant.meter = round(plant.total, -3)
            plant.tick()

    ticks(4)
    plant.signal, plant.dead = "off", {"redfish pdu1"}
    ticks(2)
    plant.dead = set()
    ticks(33)
    assert plant.image.channels["sel735 meter:power_w"].why == ""
    plant.signal = "run"
    ticks(30)
    assert plant.total > 20 * 3000
    assert not plant.events("device_frozen")
