"""The laws as properties: purity, one-sidedness, not knowing never frees, order of rules, isolation of rules."""

import random

import pytest
from core.plant import WALL, Plant, policy, request, wiring
from hypothesis import example, given
from hypothesis import strategies as st

from mine_controller.core import rules
from mine_controller.core.decide import decide
from mine_controller.core.envelope import narrow
from mine_controller.core.freeze import freeze
from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.reason import Limit, Reason
from mine_controller.core.model.state import State
from mine_controller.core.overrides import with_tests
from mine_controller.core.settle import settle
from mine_controller.core.wording.words import sentence
from mine_controller.play.audit import Record, audit

SIGNALS = st.sampled_from(["run", "off", None])
INLETS = st.one_of(st.none(), st.floats(-10, 50).map(lambda value: round(value, 1)))


def story(signals, inlets, *, seed=1):
    plant = Plant(wiring(12))
    chance = random.Random(seed)
    for signal, inlet in zip(signals, inlets, strict=False):
        plant.signal, plant.inlet = signal, inlet
        plant.mute = {f"m{chance.randrange(12):03}"}
        plant.tick()
    return plant


@given(st.lists(SIGNALS, min_size=4, max_size=14), st.lists(INLETS, min_size=14, max_size=14))
def test_no_story_of_signals_and_inlets_breaks_a_guard(signals, inlets):
    plant = story(signals, inlets)
    assert plant.violations == []


@given(
    st.lists(SIGNALS, min_size=2, max_size=8),
    st.lists(INLETS, min_size=8, max_size=8),
    st.sets(st.sampled_from(["signal", "inlet", "fans", "humidity", "pdu"])),
)
@example(["run", "off"], [None, 0.0, None, None, None, None, None, None], {"inlet"})
def test_not_knowing_never_frees(signals, inlets, gone):
    """Law 4: fewer known values never permit more than with them known, or than ran before."""
    plant = story(signals, inlets)
    ends = set(plant.wiring.endpoints)
    known = freeze(
        plant.image, plant.readings(ends), plant.wiring, plant.image.clock._replace(plant_s=plant.now, opening=True)
    )
    image = blind(known, plant.wiring, gone)
    with_all = decide(known, plant.state, plant.policy)
    without = decide(image, plant.state, plant.policy)
    ran = sum(watts > 510 for watts in plant.power.values())
    assert len(without.plan.starts) <= len(with_all.plan.starts)
    assert sum(without.plan.run) <= max(sum(with_all.plan.run), ran, unknown_on(image))
    held = without.envelope.no_fan_down is not None  # however few are asked for, none goes down
    fewest = min(with_all.envelope.fans_min, len(plant.wiring.fans))
    assert without.envelope.fans_min >= fewest or held or "pdu" in gone


def unknown_on(image):
    """Miners of unknown watts count as on; they were never permitted anything."""
    return sum(watts is None or watts > 510 for watts in image.miners.power_w)


def blind(image, wires, gone):
    old = image.clock.plant_s - 10_000

    def hit(key):
        return (
            ("signal" in gone and key.startswith("power_signal"))
            or ("inlet" in gone and ":temp_c" in key)
            or ("humidity" in gone and ":humidity_pct" in key)
            or ("fans" in gone and key.startswith("iotawatt"))
            or ("pdu" in gone and key.startswith("redfish"))
        )

    channels = {key: value._replace(at_s=old) if hit(key) else value for key, value in image.channels.items()}
    return freeze(image._replace(channels=channels), (), wires, image.clock)


@given(st.permutations(list(range(6))))
def test_the_order_of_limits_cannot_matter(order):
    reason = Reason("test", "x")
    limits = [
        Limit(0, "max_power_w", 500, reason), Limit(2, "max_power_w", 0, reason), Limit(3, "fans_min", 4, reason),
        Limit(0, "fans_min", 7, reason), Limit(3, "fans_max", 2, reason), Limit(3, "no_start", 0, reason),
    ]  # fmt: skip
    assert narrow(limits[at] for at in order) == narrow(limits)


@given(st.integers(0, 900_000), st.integers(0, 4))
def test_one_more_limit_never_widens(amount, layer):
    reason = Reason("test", "x")
    base = [Limit(0, "max_power_w", 400_000, reason), Limit(0, "fans_min", 3, reason)]
    more = narrow([*base, Limit(layer, "max_power_w", amount, reason), Limit(layer, "fans_min", amount % 9, reason)])
    assert more.max_power_w <= 400_000
    assert more.fans_min >= 3


def test_the_same_question_has_the_same_answer():
    plant = story(["run", "off", "off", "run"], [25.0, 30.0, 39.0, 25.0])
    assert decide(plant.image, plant.state, plant.policy) == decide(plant.image, plant.state, plant.policy)


@pytest.mark.parametrize("name", rules.NAMES)
def test_pro4_a_rule_that_raises_takes_its_safe_side_and_is_told_once(name, monkeypatch):
    plant = Plant(wiring(12))
    plant.ticks(4)

    def broken(view, memory, options):
        raise ZeroDivisionError

    monkeypatch.setattr(rules.load(name), "advise", broken)
    plant.audited = False
    plant.power["m000"] = 25
    plant.ticks(8)
    assert len(plant.events("rule_failed")) == 1
    assert not [one for one in plant.sent if one[2] == "run"]
    if rules.load(name).LAYER == 0:
        assert plant.decisions[-1].mode == "FAULT"
        assert plant.fans_up == 9
    if name == "signal":
        assert plant.total < 1000


def test_pro4_an_order_that_stands_goes_on_while_its_rule_fails(monkeypatch):
    plant = Plant(wiring(12))
    plant.ticks(4)
    plant.mute = {"m001"}
    plant.dead = {"redfish pdu1"}
    plant.signal = "off"
    plant.tick()
    assert plant.power["m001"] == 3400

    def broken(view, memory, options):
        raise ZeroDivisionError

    monkeypatch.setattr(rules.load("signal"), "advise", broken)
    plant.audited, plant.mute, plant.dead = False, set(), set()
    plant.ticks(2)
    assert plant.power["m001"] < 100
    assert plant.events("curtail_report") == []


def test_g14_a_test_value_on_a_live_site_can_only_lower():
    plant = Plant(wiring())
    plant.ticks(4)
    plant.inlet = 36.5
    plant.requests = (request("set-state", "inlet_c", "20"),)
    plant.power["m000"] = 25
    plant.ticks(5)
    assert not [one for one in plant.sent if one[2] == "run"]
    plant.requests = (request("set-state", "signal", "off"),)
    plant.ticks(2)
    assert plant.total < 1000
    assert plant.violations == []


def test_sec4_unknown_keys_and_values_are_refused_with_a_sentence():
    plant = Plant(wiring())
    for args in (
        ("inlet_c", "hot"),
        ("nonsense", "1"),
        ("fan.99", "on"),
        ("miner.x", "stop"),
        ("signal", "maybe"),
        ("inlet_c",),
    ):
        plant.requests = (request("set-state", *args),)
        decision = plant.tick(rounds=1)
        assert decision.verdicts[0].verdict == "refused"
        assert decision.verdicts[0].why


def test_an_override_on_a_live_site_ends_within_four_hours():
    plant = Plant(wiring())
    plant.requests = (request("set-state", "fans", "9")._replace(at=WALL + plant.now),)
    plant.tick(rounds=1)
    assert plant.state.overrides[0].until_s - plant.decisions[0].state.last["watched_s"] == 4 * 3600


def test_clk1_after_a_reboot_retained_readings_count_for_nothing():
    plant = Plant(wiring())
    plant.ticks(4)
    plant.dead = {"power_signal coop"}
    plant.tick(rebooted=True)
    assert plant.image.site["signal"].value is None
    assert plant.decisions[-1].mode == "INIT"


def test_clk2_no_start_in_a_tick_whose_clock_was_stepped():
    plant = Plant(wiring(), running=False)
    plant.ticks(3)
    before = len(plant.sent)
    plant.tick(stepped=True)
    assert not [one for one in plant.sent[before:] if one[2] == "run"]
    assert plant.events("clock_step")


def test_pro8_three_boots_in_an_hour_hold_every_start_for_half_an_hour():
    plant = Plant(wiring(), running=False)
    for _ in range(3):
        plant.tick(rebooted=True)
    began = plant.now
    plant.ticks(12)
    assert not [one for one in plant.sent if one[2] == "run" and one[0] < began + 1400]


def test_each_guard_can_fail():
    """A checker must be able to fail: handmade bad records."""
    plant = Plant(wiring())
    plant.ticks(4)
    before, image = plant.state, plant.image
    good = decide(image, before, plant.policy)
    record = Record(image, before, good, plant.policy)
    assert audit(record) == ()
    bad = good._replace(plan=good.plan._replace(run=()), mode="CURTAILED", why=Reason("x", ""))
    assert {one.guard for one in audit(record._replace(decision=bad))} >= {"G10", "G11"}


def test_a_single_reading_can_be_set_to_unknown_and_to_a_value_in_shadow():
    plant = Plant(wiring(), policy(wiring(), live=False))
    plant.ticks(3)
    plant.requests = (request("set-state", "reading.roomalert intake.1", "unknown"),)
    plant.inlets = (39.0, 25.0, 25.0)
    plant.tick(rounds=1)
    tested = with_tests(plant.image, plant.state, plant.wiring)
    assert tested.site["inlet_c"].value == 25.0
    assert plant.image.site["inlet_c"].value == 39.0


def test_lanes_learn_their_own_speed_from_the_answers():
    outcomes = tuple(Outcome(f"c{n}", "accepted", "", None, 1000 + 3 * n) for n in range(1, 11))
    commands = tuple(
        Command(f"c{n}", f"miner m{n:03}", "stop", "foreman mine", "1", 0, Reason("x", "y")) for n in range(1, 11)
    )
    assert settle(State(), commands, outcomes, 1000).lanes == {"foreman mine": 3.0}


def test_an_alarm_that_is_over_leaves_the_list():
    plant = Plant(wiring())
    plant.ticks(3)
    plant.fan_meter = False
    plant.ticks(4)
    assert [alarm["kind"] for alarm in plant.state.alarms.values()] == ["fan_meter_blind"]
    plant.fan_meter = True
    plant.ticks(2)
    assert plant.state.alarms == {}


def test_every_event_of_the_rules_has_a_sentence_without_a_hole():
    plant = story(
        ["run", "run", "off", None, None, None, None, "run"], [25.0, 36.0, 41.0, 46.0, None, None, None, 25.0]
    )
    plant.audited = False
    plant.broken = set(plant.fan_on)
    plant.ticks(3)
    for decision in plant.decisions:
        for event in decision.events:
            assert "?" not in sentence(event.reason).replace("welded?", "").replace("%?", "")
            assert "=" not in sentence(event.reason)
