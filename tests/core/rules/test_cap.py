"""The cap, the ramp and the boot, each as a rule by itself."""

import pytest
from core.plant import Plant, policy, wiring
from core.rule_desk import Desk, wired

from mine_controller.core.model.state import Shed, State
from mine_controller.core.model.wiring import BreakerSpec
from mine_controller.core.wording.words import sentence


def cap(**options):
    desk = Desk("cap", 10, 0, **options)
    desk.fleet = {"other_w": 10_000, "miners_w": 80_000}
    return desk


def test_met2_the_cap_keeps_its_margin_for_starts_and_sheds_above_its_mark():
    desk = cap()
    desk.see()
    assert (desk.limit("start_max_w"), desk.limit("max_power_w")) == (85_000, None)
    desk.fleet |= {"miners_w": 87_000}
    desk.see()
    assert desk.limit("max_power_w") is None
    desk.fleet |= {"miners_w": 87_001}
    desk.see()
    assert (desk.limit("max_power_w"), desk.limit("no_start"), desk.events()) == (85_000, 0, ["over_cap"])
    desk.fleet |= {"miners_w": 80_000}
    desk.see(359)
    assert (desk.limit("max_power_w"), desk.events()) == (85_000, [])
    desk.see(1)
    assert (desk.limit("max_power_w"), desk.events()) == (None, ["over_cap_cleared"])


def test_what_others_draw_asleep_is_under_the_cap_too():
    """A computer that draws 45 W asleep, under a small cap: what ran was under it, and the load stayed over it."""
    desk = cap()
    desk.fleet |= {"on_n": 4, "miners_w": 88_000}
    desk.see()
    assert desk.limit("max_power_w") == 85_000 - 6 * 25
    desk.fleet |= {"other_w": 94_900}
    desk.see()
    assert desk.limit("max_power_w") == 1, "a share of the load is no stop of all"
    desk.fleet |= {"other_w": 95_000}
    desk.see()
    assert desk.limit("max_power_w") == 0


def test_met2_the_larger_of_meter_and_sum_is_held_against_the_cap():
    desk = wired(cap(), "site_power_w")
    desk.see()
    assert desk.codes("no_start") == ["meter_unknown"]
    desk.fleet |= {"meter_w": 97_001}
    desk.see()
    assert (desk.limit("max_power_w"), desk.codes("no_start")) == (85_000, ["over"])


def test_met2_a_sum_that_is_partly_guessed_says_so():
    """Watts that nobody can tell count at their most: an owner must not read them as measured."""
    desk = cap()
    desk.fleet |= {"miners_w": 91_000, "unknown": 7}
    desk.see()
    [limit] = [limit for limit in desk.last.limits if limit.what == "max_power_w"]
    assert sentence(limit.reason) == (
        "101 kW, with 7 miners of unknown watts counted at what they can draw, "
        "is over the margin of the 100 kW cap: shedding"
    )
    desk.fleet |= {"meter_w": 99_000}
    desk.see()
    assert desk.codes("max_power_w") == ["over"]


def test_load_that_stays_down_for_a_while_is_not_said_to_be_over_the_cap():
    desk = cap()
    desk.fleet |= {"miners_w": 88_000}
    desk.see()
    desk.fleet |= {"miners_w": 80_000}
    desk.see()
    [limit] = [limit for limit in desk.last.limits if limit.what == "max_power_w"]
    assert sentence(limit.reason) == "90 kW of the 100 kW cap after it was over: load stays down for 4 min more"


def test_met2_a_guess_that_a_meter_does_not_bear_out_says_so():
    desk = cap()
    desk.fleet |= {"miners_w": 91_000, "unknown": 7, "meter_w": 60_000}
    desk.see()
    assert desk.codes("max_power_w") == ["over_guess"]


def test_watts_that_are_kept_for_miners_nobody_here_commands_are_not_told_as_drawn():
    """Six of them, dark: 10 kW are drawn, and 30 were said to be in use, and to be shed."""
    desk = cap()
    desk.wiring = desk.wiring._replace(miners=tuple(spec._replace(paths=()) for spec in desk.wiring.miners[:6]))
    desk.site = desk.site._replace(power_cap_w=30_000)
    desk.fleet |= {"est_w": (25,) * 6, "miners_w": 150}
    desk.see()
    told = {limit.what: sentence(limit.reason) for limit in desk.last.limits}
    kept = "30 kW of the 30 kW cap in use, with 20 kW kept for 6 miners that take no commands"
    assert told["start_max_w"] == kept
    over = "30 kW, with 20 kW that 6 miners that take no commands may still draw, is over the margin of the 30 kW cap"
    assert told["max_power_w"] == f"{over}: shedding"


def test_pdu1_branches_and_phases_have_their_limits_and_no_cap_is_none():
    desk = cap()
    desk.site = desk.site._replace(power_cap_w=0)
    desk.wiring = desk.wiring._replace(breakers=(BreakerSpec("b1", 12_800),), phases=(BreakerSpec("L1", 40_000),))
    desk.see()
    assert {limit.what: limit.amount for limit in desk.last.limits} == {"breaker b1": 12_800, "phase L1": 40_000}


def test_met2_a_meter_that_differs_by_more_than_a_tenth_is_told_after_two_ticks():
    desk = cap()
    desk.fleet = {"measured_w": 40_000, "fans_w": 5000, "other_w": 5000, "meter_w": 50_000, "miners_w": 40_000}
    for _ in range(5):
        desk.see()
    assert desk.memory["apart_s"] == 0
    desk.fleet |= {"meter_w": 50_001}
    desk.see()
    desk.see(239)
    assert desk.events() == []
    desk.see(1)
    assert desk.events() == ["meters_disagree"]
    desk.see()
    assert desk.events() == []
    desk.fleet |= {"meter_w": 50_000}
    desk.see()
    assert desk.events() == ["meters_agree"]


@pytest.mark.parametrize(("ended_s", "severity"), [(None, "emergency"), (900, "warning")])
def test_met2_while_darkness_has_to_be_proven_a_contradiction_is_an_emergency(ended_s, severity):
    desk = cap()
    desk.fleet = {"measured_w": 40_000, "fans_w": 5000, "other_w": 5000, "meter_w": 60_000, "miners_w": 40_000}
    desk.state = State(shed=Shed(1, 1, "signal", 1, 1, ended_s=ended_s))
    for _ in range(3):
        desk.see()
        if desk.events():
            break
    assert [(one.kind, one.severity) for one in desk.last.events] == [("meters_disagree", severity)]


def test_met2_a_contradiction_that_was_told_before_is_graver_once_it_outlasts_a_stop():
    desk = cap()
    desk.fleet = {"measured_w": 40_000, "fans_w": 5000, "other_w": 5000, "meter_w": 60_000, "miners_w": 40_000}
    told = [(one.kind, one.severity) for _ in range(5) for one in desk.see().events]
    assert told == [("meters_disagree", "warning")]
    desk.state = State(shed=Shed(desk.now, desk.now, "signal", 1, 1))
    desk.fleet |= {"measured_w": 250, "miners_w": 250}
    told = [(passed_s, one.severity) for passed_s in (239, 1, 120, 120) for one in desk.see(passed_s).events]
    assert told == [(1, "emergency")], "two ticks in which the meter could have followed; and once"
    desk.state = State(shed=Shed(1, 1, "signal", 1, 1, ended_s=desk.now))
    assert [one for _ in range(4) for one in desk.see().events] == []


@pytest.mark.parametrize(
    "gap", [{"meter_w": None}, {"measured_w": None}, {"unknown": 1}, {"fans_w": None}, {"nominal_w": 10**6}]
)
def test_met2_what_is_not_whole_is_not_compared(gap):
    desk = cap()
    whole = {"measured_w": 20_000, "fans_w": 5000, "other_w": 0, "meter_w": 60_000, "miners_w": 20_000}
    desk.fleet = whole | gap
    for _ in range(5):
        desk.see()
        assert "meters_disagree" not in desk.events()
    desk.fleet = whole
    found = []
    for _ in range(5):
        desk.see()
        found += desk.events()
    assert "meters_disagree" in found


def test_pdu4_a_fifth_is_one_of_the_miners_that_are_there():
    """Two of nine said so, and one more on a shelf made a fifth of ten of them: nothing was held."""
    desk = cap()
    desk.fleet = {"on_n": 8, "away_n": 1}
    desk.words = ("hashing",) * 10
    desk.see()
    [held] = [limit for limit in desk.last.limits if limit.what == "no_start"]
    assert dict(held.reason.numbers) == {"miners": 2, "of": 9}


def test_pdu4_a_fifth_that_says_it_hashes_in_the_dark_blocks_starts_and_is_told():
    desk = cap()
    desk.fleet = {"on_n": 8}
    desk.words = ("hashing",) * 10
    desk.see()
    assert desk.limit("no_start") is None
    desk.fleet = {"on_n": 7}
    desk.see()
    assert (desk.codes("no_start"), desk.events()) == (["words_disagree"], [])
    desk.see(599)
    assert desk.events() == []
    desk.see(1)
    assert desk.events() == ["watts_implausible"]
    desk.see()
    assert desk.events() == []
    desk.words = ("hashing",) * 7 + ("sleeping",) * 3
    desk.see()
    assert (desk.limit("no_start"), desk.events()) == (None, ["watts_plausible"])
    desk.words = ("hashing",) * 10
    desk.state = State(shed=Shed(1, 1, "signal", 1, 1))
    desk.see()
    assert desk.limit("no_start") is None


@pytest.mark.parametrize(("miners", "pct", "kw", "step"), [(280, 10, 100, 28), (280, 10, 50, 14), (5, 10, 100, 1),
                                                            (280, 5, 100, 14), (40, 10, 1, 1)])  # fmt: skip
def test_a_step_is_a_share_of_the_fleet_and_of_power_and_at_least_one(miners, pct, kw, step):
    desk = Desk("ramp", miners, step_pct=pct, step_kw=kw)
    assert desk.rule.step(desk.view(), desk.options) == step


def test_starts_of_the_last_two_minutes_count_against_the_step():
    desk = Desk("ramp", 40)
    desk.state = State(last={"starts": [10_000, 10_000, 10_001]})
    desk.see(119)
    assert desk.limit("start_miners") == 1
    desk.see(1)
    assert desk.limit("start_miners") == 3
    desk.see(1)
    assert desk.limit("start_miners") == 4
    desk.state = State(last={"starts": [desk.now] * 9})
    desk.see(1)
    assert desk.limit("start_miners") == 0


def test_a_step_with_miners_far_above_the_mean_is_held_to_its_watts_too():
    """Four may start at once by their mean; four of the largest would be more than the step."""
    desk = Desk("ramp", 40)
    small = desk.wiring.miners

    def largest(watts):
        desk.wiring = desk.wiring._replace(miners=(small[0]._replace(nominal_w=watts), *small[1:]))
        desk.see(1)
        return desk.limit("start_step_w")

    assert (largest(25_000), largest(25_001)) == (None, 100_000)
    for begun_w, room_w in ((60_000, 40_000), (120_000, 0)):
        desk.state = State(last={"started_w": [[desk.now, begun_w]]})
        assert largest(40_000) == room_w
    desk.now += 120
    assert largest(40_000) == 100_000


def test_two_steps_that_came_to_nothing_pause_the_climb_and_it_begins_anew():
    desk = Desk("ramp", 40)
    desk.state = State(last={"failed_starts": 7})
    desk.see()
    assert desk.limit("no_start") is None
    desk.state = State(last={"failed_starts": 8})
    desk.see()
    assert (desk.limit("no_start"), desk.events()) == (0, ["ramp_failed"])
    desk.see(1799)
    assert (desk.limit("no_start"), desk.events()) == (0, [])
    desk.see(1)
    assert (desk.limit("no_start"), desk.events()) == (None, ["ramp_again"])
    desk.state = State(last={"failed_starts": 15})
    desk.see()
    assert desk.limit("no_start") is None
    desk.state = State(last={"failed_starts": 16})
    desk.see()
    assert desk.limit("no_start") == 0


def boot(**options):
    desk = Desk("boot", **options)
    desk.roles = {"signal": "run", "inlet_c": 20.0}
    return desk


def test_pro8_nothing_starts_before_two_ticks_in_a_row_saw_everything():
    desk = boot()
    desk.see()
    assert (desk.codes("no_start"), desk.events()) == (["first_scan"], ["restarted"])
    desk.see(inlet_c=None)
    assert dict(desk.last.limits[0].reason.numbers) == {"good": 0, "scans": 2, "missing": "inlet_c"}
    desk.see(inlet_c=20.0)
    desk.clock = {"opening": False}
    desk.see(5)
    assert desk.codes("no_start") == ["first_scan"], "a second look within the tick is none"
    desk.clock = {}
    desk.see(115)
    assert (desk.last.limits, desk.events()) == ((), [])
    desk.see(inlet_c=None)
    assert desk.last.limits == ()


@pytest.mark.parametrize(("gap_s", "anew"), [(600, False), (601, True)])
def test_pro8_a_long_gap_is_a_boot(gap_s, anew):
    desk = boot()
    for _ in range(2):
        desk.see()
    desk.see(gap_s)
    assert (desk.events() == ["restarted"]) is anew
    slow = boot()
    slow.clock = {"tick_s": 400}
    slow.see()
    slow.see(800)
    assert slow.events() == []
    slow.see(801)
    assert slow.events() == ["restarted"]


def test_pro8_three_boots_in_an_hour_wait_for_half_an_hour():
    desk = boot()
    for _ in range(3):
        desk.clock = {"rebooted": True}
        desk.see(300)
    desk.clock = {}
    began = desk.now
    desk.see()
    desk.see()
    assert desk.codes("no_start") == ["storm"]
    while desk.now + 120 < began + 1800:
        desk.see()
    desk.see(began + 1799 - desk.now)
    assert desk.codes("no_start") == ["storm"]
    desk.see(1)
    assert desk.last.limits == ()
    far = boot()
    for passed_s in (0, 1800, 1800):
        far.clock = {"rebooted": True}
        far.see(passed_s)
    far.clock = {}
    far.see()
    far.see()
    assert far.last.limits == ()


def test_pro8_inputs_that_stay_away_are_told_and_their_return_too():
    desk = boot()
    desk.see(signal=None)
    while desk.now < 10_120 + 1080:
        desk.see()
    desk.see(119)
    assert desk.events() == []
    desk.see(1)
    assert desk.events() == ["inputs_missing"]
    assert dict(desk.last.events[0].reason.numbers)["what"] == "signal"
    desk.see()
    assert desk.events() == []
    desk.see(signal="run")
    desk.see()
    assert (desk.events(), desk.last.limits) == (["inputs_back"], ())


def test_pro8_inputs_that_come_back_after_another_boot_are_told_once_too():
    desk = boot()
    for _ in range(12):
        desk.see(signal=None)
    assert desk.memory.get("told")
    desk.clock = {"rebooted": True}
    desk.see()
    desk.clock = {}
    desk.see(signal="run")
    desk.see()
    assert (desk.events(), desk.last.limits) == (["inputs_back"], ())
    desk.clock = {"rebooted": True}
    desk.see(7200)
    desk.clock = {}
    desk.see()
    assert (desk.events(), desk.last.limits) == ([], ()), "nothing was missing this time"


def test_pro8_fan_watts_and_miner_watts_are_inputs_too():
    desk = boot()
    desk.fan_watts = None
    desk.see()
    assert dict(desk.last.limits[0].reason.numbers)["missing"] == "fan watts"
    desk.fan_watts = 1500
    desk.fleet = {"measured_w": None}
    desk.see()
    assert dict(desk.last.limits[0].reason.numbers)["missing"] == "miner watts"


def test_clk2_a_stepped_clock_starts_nothing_in_that_round():
    desk = boot()
    for _ in range(3):
        desk.see()
    desk.clock = {"stepped": True}
    desk.see()
    assert (desk.codes("no_start"), desk.events()) == (["clock_step"], ["clock_step"])
    desk.clock = {}
    desk.see()
    assert desk.last.limits == ()


class Lit(Plant):
    """Twelve miners, and a meter on the feed that shows lamps too."""

    def __init__(self):
        super().__init__(wiring(12, 3, meter=True))

    def readings(self, asked):
        self.meter = self.total + self.fans_up * 1500 + 2_500
        return super().readings(asked)


def test_met2_a_cap_is_held_against_other_load_also_while_one_outlet_is_silent():
    """What else the meter showed counted for nothing while one miner told nothing: the site stayed over its cap."""
    wires = wiring(24, 3, meter=True)
    plant = Plant(wires, policy(wires, cap_kw=100))
    plant.garbage[f"{wires.miners[-1].outlet}:power_w"] = "?"
    for _ in range(8):
        plant.meter = plant.total + plant.fans_up * 1500 + 12_000  # a chiller
        plant.tick()
    assert plant.total + plant.fans_up * 1500 + 12_000 <= 97_000


def test_met2_lamps_of_a_dark_mine_are_no_contradiction():
    """Found by a story of the twin: twelve miners went dark in an order, and 2.5 kW of lamps were an emergency."""
    plant = Lit()
    plant.ticks(4)
    assert plant.events("meters_disagree") == []
    plant.signal = "off"
    plant.ticks(6)
    assert len(plant.events("curtailed")) == 1
    assert plant.events("meters_disagree") == []


def test_phases_may_stand_apart_by_a_share_of_the_weakest_and_a_single_one_by_whatever_it_likes():
    desk = cap(imbalance_pct=20)
    desk.wiring = desk.wiring._replace(phases=(BreakerSpec("L1", 40_000), BreakerSpec("L2", 20_000)))
    desk.see()
    assert desk.limit("phases_apart_w") == 4000
    desk.wiring = desk.wiring._replace(phases=(BreakerSpec("L1", 40_000),))
    desk.see()
    assert desk.limit("phases_apart_w") is None
