"""MET2: an order is proven by the larger of two, what the outlets add up to and what the site meter shows."""

import pytest
from core.plant import Plant, wiring

from mine_controller.core import shed
from mine_controller.core.fleet import Fleet
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.decision import Look
from mine_controller.core.model.image import Fan, Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Shed
from mine_controller.core.wording.words import sentence

LAMPS_W = 900


class Metered(Plant):
    """A site whose meter shows the truth, `late_s` later; `hidden_w` is drawn behind outlets that say 0."""

    def __init__(self, late_s=0, hidden_w=0, lamps_w=LAMPS_W, wires=None, **more):
        super().__init__(wires or wiring(meter=True), **more)
        self.late_s, self.hidden_w, self.lamps_w, self.was = late_s, hidden_w, lamps_w, []

    def readings(self, asked):
        self.was.append((self.now, self.total + self.fans_up * 1500 + self.lamps_w + self.hidden_w))
        seen = [watts for at_s, watts in self.was if at_s <= self.now - self.late_s]
        self.meter = seen[-1] if seen else self.was[0][1]
        return super().readings(asked)


def ordered(plant, *, hidden_w=0):
    """Three ticks of mining, then the order, and the first tick under it."""
    plant.ticks(3)
    plant.signal, plant.hidden_w = "off", hidden_w
    plant.tick()
    return plant


def test_met2_outlets_that_say_nothing_is_drawn_prove_nothing_against_a_meter_that_shows_it():
    plant = ordered(Metered(), hidden_w=24 * 3400)
    assert plant.total < 24 * 50
    assert plant.events("curtailed") == []
    plant.ticks(3)
    told = plant.events("curtail_unproven")
    assert [one.severity for one in told] == ["emergency"]
    assert "the site meter shows" in sentence(told[0].reason)
    assert plant.decisions[-1].mode == "CURTAILING"
    plant.hidden_w = 0
    plant.tick()
    assert len(plant.events("curtailed")) == 1
    assert plant.decisions[-1].mode == "CURTAILED"


def test_met2_an_outlet_that_tells_no_watts_does_not_silence_the_meter():
    """One of a hundred has no meter for good: what the others hide is still on the bill."""
    plant = Metered(wires=wiring(100, meter=True))
    plant.garbage["redfish pdu1/A1:power_w"] = "broken"
    ordered(plant, hidden_w=90_000).ticks(3)
    assert plant.events("curtailed") == []
    assert [one.reason.code for one in plant.events("curtail_unproven")] == ["by_meter"]
    assert plant.decisions[-1].mode == "CURTAILING"
    plant.hidden_w = 0
    plant.ticks(2)
    assert len(plant.events("curtailed")) == 1
    assert (plant.decisions[-1].mode, plant.state.shed.emergency) == ("CURTAILED", "")
    plant.hidden_w = 90_000
    plant.ticks(4)
    plant.hidden_w = 0
    plant.tick()
    assert (len(plant.events("curtail_unproven")), len(plant.events("curtailed"))) == (2, 2)


def test_met2_lamps_beside_an_outlet_that_tells_no_watts_are_no_miners():
    plant = Metered(lamps_w=7_000, late_s=15)
    plant.garbage["redfish pdu1/A1:power_w"] = "broken"
    assert ordered(plant).state.shed.beside_w > 3_000


def test_met2_holds_where_no_fan_is_wired():
    """A mine in oil or in a hall: absent is not unknown."""
    plant = ordered(Metered(wires=wiring(fans=0, meter=True)), hidden_w=24 * 3400)
    plant.ticks(3)
    assert plant.events("curtailed") == []
    assert [one.reason.code for one in plant.events("curtail_unproven")] == ["by_meter"]


def test_met2_what_the_meter_showed_beside_miners_and_fans_before_is_no_miners():
    plant = ordered(Metered(hidden_w=3_000))
    assert len(plant.events("curtailed")) == 1


@pytest.mark.parametrize("late_s", [0, 15])
@pytest.mark.parametrize("on", [0, 1, 4, 12])
def test_met2_lamps_are_no_miners_where_the_order_finds_few_or_none_of_them_running(on, late_s):
    plant = Metered(late_s, lamps_w=2_500, running=False)
    plant.tick()
    plant.starting.clear()
    plant.power |= dict.fromkeys(list(plant.power)[:on], 3400)  # a meter that averages has not seen them yet
    plant.signal = "off"
    plant.tick()
    assert len(plant.events("curtailed")) == 1
    assert plant.decisions[-1].mode == "CURTAILED"


@pytest.mark.parametrize(("hidden", "proven"), [(12, False), (1, False), (0, True)])
def test_met2_what_a_pdu_hid_before_the_order_stands_beside_nothing(hidden, proven):
    """A story of the twin: 60 kW of 960 ran on behind a PDU that had gone dark with the order, called 14 kW."""
    plant = Metered()
    plant.ticks(3)
    names = list(plant.power)[:12]
    plant.garbage = {f"{spec.outlet}:power_w": 0 for spec in plant.wiring.miners if spec.id in names}
    plant.mute, plant.welded, plant.signal = set(names), set(names), "off"
    plant.tick()
    plant.power |= dict.fromkeys(names[hidden:], 0)
    plant.ticks(3)
    assert bool(plant.events("curtailed")) == proven
    assert bool(plant.events("curtail_unproven")) != proven


@pytest.mark.parametrize(("late_s", "ticks"), [(10, 1), (30, 1), (300, 4)])
def test_met2_a_meter_that_averages_is_waited_for_in_the_same_tick_but_not_for_ever(late_s, ticks):
    plant = ordered(Metered(late_s))
    for _ in range(ticks - 1):
        plant.tick()
    assert len(plant.events("curtailed")) == 1
    looks = [one.look for one in plant.decisions if one.look is not None and one.look.what == ("sel735 meter",)]
    assert len(looks) <= shed.METER_LATE_S // shed.METER_POLL_S + 1


def test_met2_a_meter_that_is_silent_leaves_the_proof_to_the_outlets():
    plant = Metered()
    plant.ticks(3)
    plant.signal, plant.dead = "off", {"sel735 meter"}
    plant.tick()
    assert len(plant.events("curtailed")) == 1


def test_met2_fans_that_nobody_reads_do_not_silence_the_meter():
    plant = Metered()
    plant.fan_meter = False
    ordered(plant, hidden_w=24 * 3400).ticks(3)
    assert plant.events("curtailed") == []
    assert len(plant.events("curtail_unproven")) == 1
    plant.hidden_w = 0
    plant.tick()
    assert len(plant.events("curtailed")) == 1


def test_met2_a_meter_that_averages_is_waited_for_again_when_miners_woke_in_the_dark():
    plant = ordered(Metered(late_s=20))
    plant.ticks(3)
    plant.power |= dict.fromkeys(list(plant.power)[:4], 3400)
    plant.readings(set())  # the meter sees them
    plant.now += 30
    plant.tick()
    assert plant.total < 24 * 50
    assert plant.decisions[-1].mode == "CURTAILED"
    assert len(plant.events("curtailed")) == 1


@pytest.mark.parametrize("ends", ["sel735 meter", "iotawatt fans"])
@pytest.mark.parametrize("from_tick", [2, 5])
@pytest.mark.parametrize("ticks", [1, 4])
def test_met2_a_meter_that_misses_readings_takes_back_nothing_of_what_it_showed(ends, from_tick, ticks):
    plant = ordered(Metered(), hidden_w=24 * 3400)
    for at in range(1, 14):
        plant.dead = {ends} if from_tick <= at < from_tick + ticks else set()
        plant.tick()
    assert plant.events("curtailed") == []
    assert len(plant.events("curtail_unproven")) == 1
    assert {one.mode for one in plant.decisions[-12:]} == {"CURTAILING"}
    plant.hidden_w = 0
    plant.ticks(2)
    assert len(plant.events("curtailed")) == 1
    assert plant.decisions[-1].mode == "CURTAILED"


def test_met2_fans_that_come_on_after_the_meter_was_read_account_for_none_of_what_it_showed():
    """12 kW ran on behind outlets that said 0 W; eight fans came on for the heat, and all was clear until next tick."""
    plant = ordered(Metered(), hidden_w=12_000)
    plant.ticks(10)
    assert plant.fans_up == 1
    plant.inlet = 42.0
    plant.ticks(3)
    assert plant.fans_up == 9
    assert plant.events("curtailed") == []
    assert {one.mode for one in plant.decisions} & {"CURTAILED"} == set()
    plant.hidden_w = 0
    plant.tick()
    assert len(plant.events("curtailed")) == 1


@pytest.mark.parametrize(("hidden_w", "proven"), [(24 * 3400, False), (0, True)])
def test_met2_an_order_takes_over_no_proof_that_the_meter_contradicts(hidden_w, proven):
    plant = Metered()
    plant.ticks(3)
    two = list(plant.power)[:2]
    plant.stop, plant.hidden_w, plant.mute, plant.welded = "on", hidden_w, set(two), set(two)
    plant.tick()
    plant.signal = "off"
    plant.tick()
    plant.power |= dict.fromkeys(two, 0)
    plant.ticks(6)
    assert (plant.state.shed.cause, plant.state.shed.shed_100_s is not None) == ("signal", proven)
    assert plant.state.shed.before_w > 80_000
    assert len(plant.events("curtail_unproven")) == (not proven)
    plant.signal, plant.stop = "run", "off"
    plant.ticks(12)
    report = dict(plant.events("curtail_report")[-1].reason.numbers)
    assert (report["cause"], report["shed_100_s"] != "never") == ("signal", proven)


# -- to the watt ------------------------------------------------------------------------------------------------------

FAN = Fan("1", True, 1000, None, 0)
ORDER = Shed(880, 1000, "signal", 100_000, 5_000, beside_w=1_000)


def fleet(miners_w=600, *, meter_w=20_000, fans_w=13_500, unknown=0):
    most_w = miners_w + unknown * 3_740
    return Fleet((), (), unknown, 0, 0, 0, miners_w, most_w, 100_000, 0, fans_w, meter_w, 0, most_w, 0, most_w, 14_850)


def image(*, meter_at=1000):
    return Image(Clock(1000, 1000), {}, {shed.METER: Value(20_000, meter_at)}, (FAN,), Miners(), {})


@pytest.mark.parametrize(
    ("order", "fleet_now", "meter_at", "proof_w"),
    [
        (ORDER, fleet(), 1000, 5_500),
        (ORDER, fleet(miners_w=7_000), 1000, 7_000),
        (ORDER, fleet(), 970, 5_500),
        (ORDER, fleet(), 969, 600),  # of before the stop, perhaps
        (ORDER, fleet(meter_w=None), 1000, 600),
        (ORDER, fleet(fans_w=None), 1000, 4_150),  # fans nobody reads draw no more than they may
        (ORDER, fleet(unknown=1), 1000, 5_500),  # whatever the others hide
        (ORDER, fleet(unknown=2), 1000, 8_080),
        (ORDER._replace(cause="temperature"), fleet(), 1000, 600),  # no contract asks, and a house may be on the meter
        (None, fleet(), 1000, 600),
    ],
)
def test_the_larger_counts_where_an_order_has_to_be_proven_and_the_meter_is_fresh(order, fleet_now, meter_at, proof_w):
    assert shed.against_meter(order, image(meter_at=meter_at), fleet_now, {}).proof_w == proof_w


@pytest.mark.parametrize(
    ("now", "beside_w"),
    [
        (fleet(80_000, meter_w=95_000, fans_w=13_500), 1_500),
        (fleet(80_000, meter_w=93_000, fans_w=13_500), 0),
        (fleet(78_000, meter_w=100_000, fans_w=13_500), 5_000),  # more than an error
        (fleet(76_000, meter_w=100_000, fans_w=13_500), 0),  # and this is a contradiction: a PDU lied before
        (fleet(80_000, meter_w=95_000, fans_w=None), 0),
        (fleet(80_000, meter_w=None), 0),
        (fleet(80_000, meter_w=95_000, unknown=1), 0),  # who tells nothing may draw as much
        (fleet(76_000, meter_w=95_000, unknown=1), 1_760),
    ],
)
def test_what_stood_beside_is_no_more_than_two_that_agree_may_differ(now, beside_w):
    assert shed._beside_w(now, 5_000) == beside_w


@pytest.mark.parametrize(
    ("now", "dark_w", "beside_w"),
    [
        (fleet(600, meter_w=3_400, fans_w=1_500), 2_750, 2_000),  # two hundredths of all: X's own spare
        (fleet(40_000, meter_w=41_400, fans_w=1_500), 2_750, 2_000),  # the meter is behind
        (fleet(600, meter_w=None), 2_750, 2_000),
        (fleet(600, meter_w=3_400, fans_w=1_500), 4_000, 1_000),  # no more in all than of the whole mine
        (fleet(600, meter_w=3_400, fans_w=2_650), 6_000, 150),
        (fleet(80_000, meter_w=85_500, fans_w=1_500), 4_000, 4_000),
    ],
)
def test_where_few_run_what_stands_beside_is_what_the_floor_has_to_spare(now, dark_w, beside_w):
    assert shed._beside_w(now, dark_w) == beside_w


LATE = fleet()._replace(proof_w=5_500)


@pytest.mark.parametrize(
    ("order", "now", "at_s", "look"),
    [
        (ORDER._replace(outlets_s=1000), LATE, 1000, Look(1003, ("sel735 meter",))),
        (ORDER._replace(outlets_s=1000), LATE, 1044, Look(1047, ("sel735 meter",))),
        (ORDER._replace(outlets_s=1000), LATE, 1045, None),
        (ORDER._replace(outlets_s=1000), fleet(), 1000, None),  # proven
        (ORDER._replace(outlets_s=1000), LATE._replace(most_w=5_000), 1000, None),  # somebody runs
        (ORDER._replace(outlets_s=1000, ended_s=1000), LATE, 1000, None),
        (None, LATE, 1000, None),
    ],
)
def test_the_meter_alone_is_looked_at_while_it_may_only_be_late(order, now, at_s, look):
    wires = wiring(meter=True)
    assert shed.look_again(order, now, wires, at_s, None) == look
    there = Look(1001, ("redfish pdu1",))
    assert shed.look_again(order, now, wires, at_s, there) == there
    assert shed.look_again(order, now, wiring(), at_s, None) is None


# -- an order beside a stop that is not proven ----------------------------------------------------------------------


def test_two_orders_a_day_apart_are_two_events_although_a_stop_before_them_was_never_proven():
    """Four miners that nobody can stop kept a smoke stop open, and the bill's report knew of neither order."""
    plant = Plant(wiring())
    plant.ticks(4)
    plant.welded = plant.mute = {spec.id for spec in plant.wiring.miners[:4]}
    plant.smoke = "alarm"
    plant.ticks(5)
    for _ in range(2):
        plant.signal = "off"
        plant.ticks(10)
        assert plant.state.shed.cause == "signal"
        plant.signal = "run"
        plant.ticks(20)
        assert plant.state.shed.cause == "hazard"
        assert "curtail_unproven site" in plant.state.alarms
    reports = [dict(one.reason.numbers) for one in plant.events("curtail_report")]
    assert [one["cause"] for one in reports] == ["hazard", "signal", "hazard", "signal"]
    assert [one["shed_100_s"] for one in reports] == ["never"] * 4
    assert all(one["lasted_s"] < 3600 for one in reports)
    letters = [one.what for made in plant.decisions for one in made.tellings if one.kind == "curtail_unproven"]
    assert letters[0] == "raise"
    assert "clear" not in letters, "it is told anew with each of them, and never as over"
    assert not plant.violations


def _beside_shelf(wires, count, flag="spare"):
    """The same mine with so many more rows that name units nobody ever heard of."""
    first = wires.miners[0]
    macs = [f"00:00:00:00:99:{at:02x}" for at in range(count)]
    more = [first._replace(id=f"shelf{mac}", mac=mac, outlet="", flags=(flag,), paths=first.paths[:1]) for mac in macs]
    plants = [Plant(one) for one in (wires, wires._replace(miners=(*wires.miners, *more)))]
    for plant in plants:
        plant.garbage |= dict.fromkeys([f"foreman mine/{mac}:{what}" for mac in macs for what in ("word", "address")])
    return plants


@pytest.mark.parametrize("flag", ["maintenance", "spare"])
def test_who_is_marked_away_and_was_never_seen_is_no_part_of_the_mine(flag):
    """One on a shelf: its silence proved no darkness, so every event paged all night and no fan ever went down."""
    plants = _beside_shelf(wiring(12), 1, flag)
    for plant in plants:
        ordered(plant).ticks(20)
    bare, more = ([(one.mode, one.plan.fans_on, one.plan.miners_w) for one in plant.decisions] for plant in plants)
    assert more == bare
    assert plants[1].decisions[-1].mode == "CURTAILED"
    assert plants[1].events("curtail_unproven") == []


def test_units_on_a_shelf_make_no_curtailment_proven_earlier_and_no_step_of_a_climb_larger():
    """Eight beside twenty-four: a mine that still drew more than its floor was called dark, and three in place of two
    started at a time."""
    plants = _beside_shelf(wiring(24), 8)
    for plant in plants:
        ordered(plant).ticks(4)
        plant.signal = "run"
        plant.ticks(20)
    bare, more = (
        [(one.plan.starts, one.plan.permitted_w, one.state.shed and one.state.shed.floor_w) for one in plant.decisions]
        for plant in plants
    )
    assert any(floor_w for _, _, floor_w in bare)
    assert any(starts for starts, _, _ in bare)
    assert more == bare
