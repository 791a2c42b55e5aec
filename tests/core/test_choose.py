"""Who goes first: strategies order, and never change how much may run. Every miner left out has a canonical reason."""

import pytest
from core import offgrid_plant
from core.order_desk import view
from core.plant import Plant, policy, request, wiring
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.choose import _efficient, choose
from mine_controller.core.decide import decide
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reason import ECONOMICS, Limit, Reason
from mine_controller.core.model.state import Chase, MinerBook, State, Unit
from mine_controller.core.model.wiring import BreakerSpec
from mine_controller.core.wording.sentences import SENTENCES

STRATEGIES = ("wear", "efficiency", "mixed")


def ready(strategy, starts, dj_th, *, cap_kw=1000, running=False, wires=None):
    """A dark (or running) plant whose miners have these starts and this efficiency, at the moment it may choose."""
    wires = wires or wiring(len(starts))
    rules = policy(wires, cap_kw=cap_kw)
    plant = Plant(wires, rules._replace(site=rules.site._replace(strategy=strategy)), running=running)
    plant.audited = False
    plant.ticks(1)
    names = [spec.id for spec in wires.miners]
    books = {name: MinerBook(running, count, 100, 100) for name, count in zip(names, starts, strict=True)}
    units = {name: Unit(dj_th=value) for name, value in zip(names, dj_th, strict=True)}
    plant.state = plant.state._replace(miners=books, units=units)
    return plant


def first_starts(plant):
    """Columns in the order in which they were started."""
    plant.ticks(18)
    runs = [target[7:] for _, target, verb, _ in plant.sent if verb == "run"]
    return [int(name[1:]) for name in dict.fromkeys(runs)]


def test_wear_starts_the_fewest_starts_first():
    assert first_starts(ready("wear", [9, 2, 5, 0], [150, 300, 200, 0]))[:4] == [3, 1, 2, 0]


def test_efficiency_starts_the_best_first_and_counts_an_unknown_one_as_the_mean():
    assert first_starts(ready("efficiency", [9, 2, 5, 0], [150, 300, 200, 0]))[:4] == [0, 2, 3, 1]


def test_joules_of_another_algorithms_hashes_are_compared_with_nobodys():
    """A terahash of RandomX costs a billion times one of SHA-256: who makes it counts as the mean and is not in it."""
    wires = wiring(4)
    wires = wires._replace(miners=(*wires.miners[:3], wires.miners[3]._replace(group="xmrig office")))
    units = {spec.id: Unit(dj_th=dj_th) for spec, dj_th in zip(wires.miners, (150, 300, 0, 10**12), strict=True)}
    site = policy(wires).site._replace(strategy="efficiency")
    rank = _efficient(view()._replace(wiring=wires, site=site, state=State(units=units)), [0, 1, 2, 3])
    assert [rank(at)[1] for at in range(4)] == [150, 300, 225, 225]


def test_mixed_looks_at_efficiency_among_those_within_three_starts_of_the_fewest():
    assert first_starts(ready("mixed", [9, 2, 3, 0], [150, 300, 200, 250]))[:4] == [2, 3, 1, 0]


@pytest.mark.parametrize("tick_s", [60, 120])
def test_a_step_keeps_to_its_power_where_large_and_small_miners_stand_side_by_side(tick_s):
    """By the mean of the fleet six of 3.4 kW were one step of 11 kW: a generator was given twice what was written."""
    wires = wiring(60)
    mixed = tuple(spec._replace(nominal_w=3400 if at % 2 else 60) for at, spec in enumerate(wires.miners))
    wires = wires._replace(miners=mixed)
    plant = Plant(wires, policy(wires, ramp={"step_kw": 11}), running=False)
    plant.audited, plant.tick_s = False, tick_s
    plant.state = State(miners={spec.id: MinerBook(starts=spec.nominal_w < 1000) for spec in mixed})
    begun: list[tuple[int, int]] = []
    for _ in range(60):
        now, before = plant.now, len(plant.decisions)
        plant.tick()
        begun += [(now, mixed[at].nominal_w) for one in plant.decisions[before:] for at in one.plan.starts]
    assert len(begun) == 60
    steps = [sum(watts for at, watts in begun if 0 <= now - at < 120) for now, _ in begun]
    assert 6800 < max(steps) <= 11_000


def test_one_miner_larger_than_the_step_still_starts_by_itself():
    wires = wiring(40)
    wires = wires._replace(miners=tuple(spec._replace(nominal_w=60) for spec in wires.miners[1:]) + wires.miners[:1])
    plant = Plant(wires, policy(wires, ramp={"step_kw": 1}), running=False)
    plant.audited = False
    plant.ticks(24)
    assert plant.state.miners["m000"].on


@pytest.mark.parametrize(("strategy", "gone"), [("wear", {0, 1}), ("efficiency", {2, 3}), ("mixed", {1, 3})])
def test_what_has_to_go_goes_in_the_order_of_the_strategy(strategy, gone):
    plant = ready(strategy, [0, 1, 9, 2], [150, 210, 400, 390], running=True, cap_kw=1000)
    plant.ticks(2)
    rules = plant.policy
    plant.policy = rules._replace(site=rules.site._replace(power_cap_w=plant.fans_up * 1500 + 2 * 3400 + 1500))
    plant.ticks(1)
    assert {int(name[1:]) for name, watts in plant.power.items() if watts < 100} == gone


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 400)), min_size=6, max_size=6),
    st.integers(10, 60),
    st.booleans(),
    st.integers(2, 8),
)
def test_a_strategy_changes_the_order_only_never_the_permitted_power(miners, cap_kw, running, ticks):
    starts, dj_th = zip(*miners, strict=True)
    plant = ready("wear", starts, dj_th, cap_kw=cap_kw, running=running)
    plant.ticks(ticks)
    seen = []
    for strategy in STRATEGIES:
        rules = plant.policy._replace(site=plant.policy.site._replace(strategy=strategy))
        decision = decide(plant.image, plant.state, rules)
        seen.append((decision.plan.permitted_w, decision.envelope, len(decision.plan.starts), len(decision.plan.stops)))
    assert seen[0] == seen[1] == seen[2]


def test_every_miner_left_out_has_a_canonical_reason_with_a_sentence():
    plant = Plant(wiring(6), running=False)
    plant.power["m000"] = 25
    plant.garbage["redfish pdu1/A2:power_w"] = None
    plant.ticks(9)
    for decision in plant.decisions:
        assert set(decision.plan.skip) == {
            spec.id for spec, run in zip(plant.wiring.miners, decision.plan.run, strict=True) if not run
        }
        assert {(reason.rule, reason.code) for reason in decision.plan.skip.values()} <= set(SENTENCES)


def test_a_miner_that_does_not_fit_says_which_limit_is_full():
    wires = wiring(6)
    miners = tuple(one._replace(breaker="b1" if at < 3 else "", phase="L1") for at, one in enumerate(wires.miners))
    wires = wires._replace(
        miners=miners, breakers=(BreakerSpec("b1", 8000),), phases=(BreakerSpec("L1", 15_000, "L1"),)
    )
    plant = Plant(wires, policy(wires), running=False)
    plant.ticks(25)
    assert sum(plant.power[f"m00{at}"] > 1000 for at in range(3)) == 2
    assert sum(watts > 1000 for watts in plant.power.values()) == 4
    words = {name: reason.code for name, reason in plant.decisions[-1].plan.skip.items()}
    assert sorted(words.values()) == ["no_breaker", "no_phase"]
    assert plant.violations == []


def test_a_phase_over_its_limit_sheds_what_is_over():
    wires = wiring(6)
    wires = wires._replace(miners=tuple(one._replace(phase="L1") for one in wires.miners))
    plant = Plant(wires)
    plant.ticks(3)
    plant.wiring = wires._replace(phases=(BreakerSpec("L1", 11_000, "L1"),))
    plant.policy = plant.policy._replace(wiring=plant.wiring)
    plant.ticks(2)
    assert sum(watts > 1000 for watts in plant.power.values()) == 3


def on_branch(count, **branch):
    """Miners that all hang on one branch, which is nearly full with two of them."""
    wires = wiring(count)
    return wires._replace(miners=tuple(one._replace(**branch) for one in wires.miners))


@pytest.mark.parametrize("kind", ["breaker", "phase"])
def test_a_branch_over_its_limit_by_what_others_on_it_draw_sheds_its_own(kind):
    """G4: what nobody here may command, running or idle, loads the branch too; starts counted it all along."""
    wires = on_branch(8, **{kind: "b1"})
    others = tuple(one._replace(paths=()) for one in (wires.miners[0], *wires.miners[6:]))
    wires = wires._replace(miners=(others[0], *wires.miners[1:6], *others[1:]))
    plant = Plant(wires)
    plant.power |= {"m006": 300, "m007": 300}
    plant.ticks(3)
    name = "breakers" if kind == "breaker" else "phases"
    plant.wiring = wires._replace(**{name: (BreakerSpec("b1", 4 * 3400 + 500),)})
    plant.policy = plant.policy._replace(wiring=plant.wiring)
    plant.ticks(2)
    assert plant.total <= 4 * 3400 + 500
    assert sum(watts > 1000 for watts in plant.power.values()) == 3  # a fourth would be 150 W too many
    plant.ticks(20)
    assert sum(watts > 1000 for watts in plant.power.values()) == 3  # and nobody is started again


def test_sleepers_whose_pdu_is_silent_take_no_more_than_their_standby_from_a_branch():
    """At 110 % of its power each of them would have had one of those stopped that run beside it."""
    wires = on_branch(44, breaker="b1")._replace(breakers=(BreakerSpec("b1", 10 * 3400),))
    plant = Plant(wires, policy(wires))
    plant.power |= {f"m{at:03}": 25 for at in range(5, 40)}
    plant.ticks(3)
    plant.dead.add("redfish pdu1")
    plant.ticks(6)
    assert [plant.power[f"m{at:03}"] for at in range(40, 44)] == [3400] * 4


@pytest.mark.parametrize("kind", ["breaker", "phase"])
def test_a_branch_counts_who_was_told_to_run_and_draws_nothing_yet(kind):
    """PDU1: minutes pass between the word and the watts, and a tick in between must not hand the room out again."""
    limits = {"breakers" if kind == "breaker" else "phases": (BreakerSpec("b1", 8000),)}
    wires = on_branch(6, **{kind: "b1"})._replace(**limits)
    plant = Plant(wires, policy(wires), running=False)
    plant.start_s = 400
    for _ in range(16):
        plant.tick()
        assert plant.total <= 8000
    assert plant.total == 2 * 3400 + 4 * 25
    assert plant.violations == []


class Climbing(Plant):
    """Miners that stay at half of their power for minutes before they go all the way up."""

    def _grow(self):
        for name, since in list(self.starting.items()):
            if self.now - since >= self.start_s:
                self.power[name] = 1750
            if self.now - since >= self.start_s + 400:
                self.power[name] = 3400
                del self.starting[name]


@pytest.mark.parametrize("limit", ["cap", "breaker"])
def test_who_came_on_and_is_half_way_up_counts_at_full_power(limit):
    """MET1: a start is proven at half of its power; the other half comes minutes later."""
    wires = on_branch(20, breaker="b1")
    if limit == "breaker":
        wires = wires._replace(breakers=(BreakerSpec("b1", 30_000),))
    plant = Climbing(wires, policy(wires, cap_kw=36 if limit == "cap" else 1000), running=False)
    highest_w = 30_000 if limit == "breaker" else 36_000
    for _ in range(30):
        plant.tick()
        assert plant.total <= highest_w
    assert sum(watts == 3400 for watts in plant.power.values()) >= 6
    assert plant.violations == []


def three_phases(count, limit_w=40_000):
    wires = wiring(count)
    miners = tuple(one._replace(phase=f"L{at % 3 + 1}") for at, one in enumerate(wires.miners))
    return wires._replace(miners=miners, phases=tuple(BreakerSpec(f"L{at}", limit_w) for at in (1, 2, 3)))


def loads(plant):
    """The true watts of each phase."""
    names = [phase.name for phase in plant.wiring.phases]
    return [sum(plant.power[one.id] for one in plant.wiring.miners if one.phase == name) for name in names]


def test_phases_stay_level_while_miners_start_whatever_their_order():
    """G4: no phase is more than a tenth of its limit, or one miner, above the least loaded one."""
    wires = three_phases(30)
    plant = Plant(wires, policy(wires), running=False)
    plant.ticks(1)
    worn = {one.id: MinerBook(starts=9) for one in wires.miners if one.phase != "L1"}  # L1 would go first, all of it
    plant.state = plant.state._replace(miners=plant.state.miners | worn)
    for _ in range(30):
        plant.tick()
        assert max(loads(plant)) - min(loads(plant)) <= 4000
    assert loads(plant) == [34_000] * 3
    assert plant.violations == []


def test_a_phase_that_can_not_follow_holds_the_others_near_it():
    wires = three_phases(18)
    away = tuple(one._replace(flags=("maintenance",) if one.phase == "L2" else ()) for one in wires.miners)
    wires = wires._replace(miners=away)
    plant = Plant(wires, policy(wires, cap={"imbalance_pct": 30}), running=False)
    plant.ticks(30)
    assert loads(plant) == [3 * 3400 + 75, 6 * 25, 3 * 3400 + 75]
    words = {reason.code for reason in plant.decisions[-1].plan.skip.values()}
    assert words == {"maintenance", "phases_apart"}
    free = Plant(wires, policy(wires, cap={"imbalance_pct": 100}), running=False)
    free.ticks(30)
    assert loads(free) == [6 * 3400, 6 * 25, 6 * 3400]
    assert plant.violations == free.violations == []


def test_one_phase_that_is_limited_is_compared_with_nobody():
    wires = three_phases(12)
    wires = wires._replace(phases=wires.phases[:1])
    plant = Plant(wires, policy(wires), running=False)
    plant.ticks(30)
    assert plant.total == 12 * 3400


def test_a_part_that_stops_is_taken_from_all_phases():
    """A step down by wear alone would have taken one phase."""
    wires = three_phases(30)
    plant = Plant(wires)
    plant.ticks(3)
    worn = {one.id: MinerBook(on=True, starts=9) for one in wires.miners if one.phase != "L1"}
    plant.state = plant.state._replace(miners=plant.state.miners | worn)
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(power_cap_w=72_000))
    plant.ticks(3)
    assert 50_000 < plant.total <= 72_000
    assert max(loads(plant)) - min(loads(plant)) <= 4000


def test_a_protected_miner_stays_though_its_phase_is_the_fullest():
    wires = three_phases(9, 20_000)
    kept = tuple(one._replace(flags=("protected",) if one.phase == "L1" else ()) for one in wires.miners)
    plant = Plant(wires._replace(miners=kept))
    plant.ticks(3)
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(power_cap_w=30_000))
    plant.ticks(3)
    assert loads(plant)[0] == 3 * 3400
    assert plant.total <= 21_000


class Warm(Plant):
    """A plant whose miners tell the temperature of their boards."""

    boards: dict[str, float] = {}  # noqa: RUF012 - set anew by each test

    def readings(self, asked):
        found = super().readings(asked)
        one = found[0]
        return found + [
            one._replace(key=f"foreman mine/{unit.mac}:board_c", value=self.boards[unit.id])
            for unit in self.wiring.miners
            if unit.id in self.boards and "foreman mine" in asked
        ]


def test_cmd15_a_board_still_hot_from_its_stop_waits_until_it_has_cooled():
    """CMD15: no hot restart; a board that tells no temperature is not held back."""
    plant = Warm(wiring(4))
    plant.boards = {"m001": 64.0}
    plant.ticks(3)
    plant.signal = "off"
    plant.ticks(2)
    plant.signal = "run"
    plant.ticks(12)
    skip = plant.decisions[-1].plan.skip
    assert skip["m001"].code == "hot"
    assert dict(skip["m001"].numbers) == {"board_c": 64.0, "limit_c": 50}
    assert plant.power["m000"] > 1000
    plant.boards = {"m001": 41.0}
    plant.ticks(6)
    assert plant.power["m001"] > 1000


def test_cmd15_half_an_hour_after_a_stop_a_warm_board_is_a_warm_room():
    plant = Warm(wiring(4))
    plant.boards = {"m001": 55.0}
    plant.ticks(3)
    plant.signal = "off"
    plant.ticks(20)
    plant.signal = "run"
    plant.ticks(25)
    assert plant.power["m001"] > 1000


def test_g5_who_was_told_to_run_before_the_source_fell_is_called_off_in_the_tick_that_sees_it():
    """Slow firmware: three steps of starts draw nothing yet, and would come on over a source that is not there."""
    plant = offgrid_plant.Offgrid(offgrid_plant.wiring(40), running=False)
    plant.start_s = 600
    plant.ticks(4)
    assert len(plant.starting) == 12
    plant.possible_kw, before_w = 10.0, plant.total
    plant.tick()
    assert len(plant.starting) == 2
    assert plant.total == before_w
    plant.ticks(8)
    assert plant.all_w <= 10_000
    assert sum(book.starts for book in plant.state.miners.values()) == 2
    assert plant.violations == []


@pytest.mark.parametrize("word", ["set-state", "quarantine"])
def test_who_was_told_to_run_and_is_told_off_by_a_person_before_it_draws_is_called_off(word):
    plant = Plant(wiring(24), running=False)
    plant.start_s = 600
    while not plant.starting:
        plant.tick()
    told = sorted(plant.starting)
    plant.requests = (request(word, told[0]) if word == "quarantine" else request(word, f"miner.{told[0]}", "stop"),)
    plant.tick()
    assert told[0] not in plant.starting
    assert set(told[1:]) < set(plant.starting)
    plant.ticks(8)
    assert plant.state.miners[told[0]].starts == 0
    assert f"miner {told[0]}" not in plant.state.chases
    assert plant.violations == []


def test_a_step_down_that_what_runs_can_carry_calls_nobody_off():
    plant = offgrid_plant.Offgrid(offgrid_plant.wiring(40), running=False)
    plant.ticks(6)
    plant.start_s = 400
    plant.ticks(2)
    assert len(plant.starting) == 8
    plant.possible_kw = 60.0
    plant.tick()
    assert len(plant.starting) == 8
    assert plant.all_w <= 60_000
    plant.ticks(6)
    assert plant.all_w <= 60_000
    assert plant.violations == []


def test_g5_of_two_told_at_once_the_later_in_the_list_is_called_off_and_a_protected_one_after_all_others():
    wires = wiring(3)
    kept = wires.miners[2]._replace(flags=("protected",))
    told = {f"miner {spec.id}": Chase("run", 0, 1, 900) for spec in wires.miners}
    seen = view(3, wires=wires, running=False, chases=told)
    assert [choose(seen, Envelope(max_miners=left)).stops for left in (2, 1)] == [(2,), (1, 2)]
    guarded = view(3, wires=wires._replace(miners=(*wires.miners[:2], kept)), running=False, chases=told)
    assert [choose(guarded, Envelope(max_miners=left)).stops for left in (2, 1)] == [(1,), (0, 1)]


def test_who_is_one_too_many_is_told_what_says_so_and_not_that_he_waits_for_his_turn():
    few = Limit(ECONOMICS, "max_miners", 2, Reason("schedule", "miners", (("name", "night"), ("miners", 2))), "gentle")
    seen = view(running=False)
    seen = seen._replace(fleet=seen.fleet._replace(on=(True, True, False, False), on_n=2))
    told = choose(seen, Envelope(max_miners=2, binding=(few,))).skip
    assert set(told) >= {"m002", "m003"}
    assert {told["m002"], told["m003"]} == {few.reason}
    room = choose(seen, Envelope(max_miners=3, start_miners=0, binding=(few._replace(amount=3),))).skip
    assert {room["m002"].code, room["m003"].code} == {"waiting"}
