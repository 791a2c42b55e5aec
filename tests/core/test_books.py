"""What a round leaves in the books: failures, quarantine, hard stops, failed rules, and the mode with its reason."""

from types import SimpleNamespace

import pytest
from core.plant import Plant, wiring

from mine_controller.core import decide as room
from mine_controller.core.compare import Compared
from mine_controller.core.model.decision import Envelope, Plan
from mine_controller.core.model.reason import CONTRACT, ECONOMICS, EQUIPMENT, SAFETY, Limit, Reason
from mine_controller.core.model.state import Chase, MinerBook, Override, Shed
from mine_controller.core.modes import mode_of
from mine_controller.core.wording.words import sentence

DAY_S = 86_400
STOP = Chase("stop", 0, 1, 900)


def view(miners=4, *, running=True, **state):
    plant = Plant(wiring(miners), running=running)
    plant.frozen = True
    plant.tick()
    found, _ = room._view(plant.image, plant.state, plant.policy)
    return found._replace(state=found.state._replace(**state))


def compared(*, done=(), failed=(), mapped=()):
    return Compared({}, (), None, (), tuple(done), tuple(failed), tuple(mapped), ())


def judged(given, books=None, *, row=0, miners=4, limit=3):
    seen = view(miners)
    seen = seen._replace(state=seen.state._replace(miners=books or {}))
    return seen.now_s, room._judge(seen, given, limit, (row, seen.now_s - 300))


# -- the wear books -------------------------------------------------------------------------------------------------


def test_nothing_that_happened_changes_no_book():
    books = {"m000": MinerBook(starts=3)}
    assert judged(compared(), books)[1] == books


def test_a_start_that_failed_is_remembered_for_a_day_and_too_many_are_quarantine():
    now_s, books = judged(compared(failed=["m000"]))
    assert books["m000"].fails == (now_s,)
    assert books["m000"].quarantined == ""
    old = MinerBook(fails=(now_s - DAY_S, now_s - DAY_S + 1))
    _, books = judged(compared(failed=["m000"]), {"m000": old})
    assert books["m000"].fails == (now_s - DAY_S + 1, now_s)
    assert books["m000"].quarantined == ""
    _, books = judged(compared(failed=["m000"]), {"m000": old._replace(fails=(now_s - 9, now_s - 5))})
    assert books["m000"].quarantined == "did not start"
    _, books = judged(compared(failed=["m000"]), {"m000": MinerBook(quarantined="by a person")})
    assert books["m000"].quarantined == "by a person"


@pytest.mark.parametrize(("row", "miners", "counts"), [(3, 4, True), (4, 4, False), (4, 25, True), (5, 25, False)])
def test_when_nobody_starts_it_is_no_miners_fault(row, miners, counts):
    _, books = judged(compared(failed=["m000"]), row=row, miners=miners)
    assert ("m000" in books) is counts


def test_what_turns_out_to_be_nobodys_fault_is_taken_back_as_far_as_the_row_goes():
    """No internet: boards stand idle and one start after the other comes to nothing."""
    now_s = view().now_s
    before, within = now_s - 301, now_s - 300
    books = {
        "m000": MinerBook(fails=(before, within)),
        "m001": MinerBook(fails=(before, within, now_s), quarantined="did not start"),
        "m002": MinerBook(fails=(before, within, now_s), quarantined="by a person"),
        "m003": MinerBook(fails=(before - 2, before - 1, before, now_s), quarantined="did not start"),
    }
    _, found = judged(compared(failed=["m000"]), books, row=4)
    assert {name: (len(book.fails), book.quarantined) for name, book in found.items()} == {
        "m000": (1, ""), "m001": (1, ""), "m002": (1, "by a person"), "m003": (3, "did not start"),
    }  # fmt: skip
    assert judged(compared(failed=["m003"]), books, row=3)[1]["m000"] == books["m000"]


def test_a_row_of_failed_starts_ends_with_the_first_that_succeeds():
    seen = view(last={"failed_starts": 3, "failing_since": 70})
    assert room._row(seen, compared(failed=["m000", "m001"])) == (5, 70)
    assert room._row(seen, compared()) == (3, 70)
    proven = [("miner m002", Chase("run", 0, 1, 900))]
    assert room._row(seen, compared(done=proven, failed=["m000"])) == (1, seen.now_s)
    assert room._row(seen, compared(done=[("miner m002", STOP)])) == (3, 70)
    assert room._row(view(last={}), compared()) == (0, seen.now_s)
    assert room._row(view(last={"failed_starts": 3}), compared()) == (3, seen.now_s)


def test_pdu3_a_miner_whose_outlet_feeds_another_is_put_aside():
    _, books = judged(compared(mapped=["m001"]), {"m001": MinerBook(starts=7)})
    assert books["m001"] == MinerBook(starts=7, quarantined="its outlet feeds another miner")


def test_a_stop_by_the_outlet_is_hard_and_one_by_its_own_word_is_not():
    books = {"m000": MinerBook(on=False, hard_stops=2), "m001": MinerBook(on=False, hard_stops=2)}
    done = [("miner m000", STOP._replace(rung=1)), ("miner m001", STOP), ("miner m003", STOP._replace(rung=1))]
    _, found = judged(compared(done=done), books)
    assert {name: book.hard_stops for name, book in found.items()} == {"m000": 3, "m001": 2}


def test_a_start_proven_by_its_word_is_on_in_its_book_and_counted_once():
    books = {"m000": MinerBook(on=False, starts=2), "m001": MinerBook(on=True, starts=2)}
    done = [(f"miner m00{n}", Chase("run", 0, 1, 900)) for n in range(3)]
    now_s, found = judged(compared(done=done), books)
    assert (found["m000"].on, found["m000"].starts, found["m000"].last_start_s) == (True, 3, now_s)
    assert found["m001"].starts == 2
    assert "m002" not in found
    assert judged(compared(done=[("miner m000", STOP)]), books)[1]["m000"].on is False


def test_how_many_rungs_of_a_miner_are_gentle():
    seen = view()
    assert room._gentle_rungs(seen, compared(done=[("miner m000", STOP), ("fan 1", STOP)])) == {"miner m000": 1}
    assert room._gentle_rungs(seen, compared()) == {}


# -- a rule that fails ----------------------------------------------------------------------------------------------


def failed(layer, memory=None):
    seen = view()
    return seen.now_s, room._failed("cap", layer, memory or {}, "KeyError", seen)


def whats(advice):
    return {limit.what: (limit.layer, limit.amount) for limit in advice.limits}


@pytest.mark.parametrize("layer", [CONTRACT, EQUIPMENT, ECONOMICS])
def test_pro4_a_rule_that_fails_lets_nothing_rise(layer):
    now_s, advice = failed(layer)
    assert whats(advice) == {"no_start": (layer, 0), "no_fan_down": (layer, 0)}
    assert advice.memory == {"failed_s": now_s}
    assert [event.severity for event in advice.events] == ["emergency" if layer == CONTRACT else "warning"]


def test_pro4_a_failing_rule_of_safety_wants_every_fan():
    assert whats(failed(SAFETY)[1]) == {"no_start": (SAFETY, 0), "no_fan_down": (SAFETY, 0), "fans_min": (SAFETY, 9)}


@pytest.mark.parametrize(("ago_s", "off"), [(359, False), (360, True)])
def test_pro4_a_failing_rule_of_the_contract_curtails_after_the_grace(ago_s, off):
    now_s, _ = failed(CONTRACT)
    _, advice = failed(CONTRACT, {"failed_s": now_s - ago_s, "own": 1})
    assert ("max_power_w" in whats(advice)) is off
    assert advice.memory == {"failed_s": now_s - ago_s, "own": 1}
    assert advice.events == ()
    assert dict(advice.limits[0].reason.numbers)["for_s"] == ago_s


# -- the mode -------------------------------------------------------------------------------------------------------


def limit(what, amount, layer=CONTRACT, rule="test", code="why"):
    return Limit(layer, what, amount, Reason(rule, code))


def plan(seen, **changes):
    blank = Plan((True,) * len(seen.wiring.miners), (), (), {}, (), seen.fleet.miners_w, seen.fleet.measured_w, 0)
    return blank._replace(**changes)


def mode(*binding, seen=None, shed=None, fault=False, envelope=None, **of_plan):
    seen = seen or view()
    envelope = (envelope or Envelope())._replace(binding=binding, reasons=binding)
    return mode_of(seen, envelope, plan(seen, **of_plan), shed, fault)


def test_the_mode_is_running_with_how_many_run():
    assert mode() == ("RUNNING", Reason("decide", "running", (("on", 4), ("miners", 4))))


def test_running_says_of_how_many_it_is_only_thought():
    seen = view()
    half = seen.image.miners._replace(power_w=(3400, 3400, None, None))
    seen = seen._replace(image=seen.image._replace(miners=half), fleet=seen.fleet._replace(unknown=2))
    assert sentence(mode(seen=seen)[1]) == "4 of 4 miners run, 2 of them unmeasured"
    never = seen.image._replace(miners=half._replace(power_at=(1, 1, 0, 0)))
    wires = tuple(spec._replace(outlet="") for spec in seen.wiring.miners)
    alone = seen._replace(image=never, wiring=seen.wiring._replace(miners=wires))
    assert sentence(mode(seen=alone)[1]) == "4 of 4 miners run", "where nothing measures, a word is all there is"


@pytest.mark.parametrize(
    ("rule", "code", "told"),
    [
        ("choose", "waiting", "RESUMING"),
        ("choose", "no_breaker", "RUNNING"),
        ("choose", "no_phase", "RUNNING"),
        ("branch", "tripped", "RUNNING"),
    ],
)
def test_who_has_no_room_on_his_branch_makes_no_climb(rule, code, told):
    seen = view(running=False)
    seen = seen._replace(fleet=seen.fleet._replace(on_n=3))
    assert mode(seen=seen, skip={"m000": Reason(rule, code)})[0] == told


def test_a_fault_is_a_fault_with_the_first_that_bites():
    assert mode(limit("no_start", 0), fault=True)[0] == "FAULT"
    assert mode(fault=True) == ("FAULT", Reason("decide", "fault"))


def test_everything_off_is_an_emergency_a_persons_word_or_a_curtailment():
    off = limit("max_power_w", 0)
    proven = Shed(1, 1, "signal", 100_000, 5000, shed_100_s=5)
    assert mode(off._replace(layer=SAFETY))[0] == "EMERGENCY"
    assert mode(limit("max_power_w", 0, 1, "override"))[0] == "MANUAL"
    assert mode(off, shed=proven)[0] == "CURTAILING", "it draws again"
    dark = view(running=False)
    assert mode(off, seen=dark, shed=proven)[0] == "CURTAILED"
    assert mode(off, seen=dark, shed=proven._replace(shed_100_s=None))[0] == "CURTAILING"
    assert mode(off, seen=dark, shed=None)[0] == "CURTAILING"
    assert mode(off, seen=dark, shed=proven._replace(floor_w=dark.fleet.proof_w))[0] == "CURTAILING"


def test_a_ceiling_below_the_whole_is_shedding_unless_it_is_economics():
    whole_w = view().fleet.nominal_w
    assert mode(limit("max_power_w", whole_w - 1))[0] == "SHEDDING"
    assert mode(limit("max_power_w", whole_w))[0] == "RUNNING"
    assert mode(limit("max_power_w", whole_w - 1, ECONOMICS))[0] == "RUNNING"
    assert mode(limit("start_max_w", 5))[0] == "RUNNING"


def test_a_count_of_safety_is_shedding_and_one_of_economics_is_rest():
    assert mode(limit("max_miners", 2, SAFETY))[0] == "SHEDDING"
    assert mode(limit("max_miners", 2, ECONOMICS))[0] == "RUNNING"
    rest = limit("max_miners", 0, ECONOMICS, "band", "off")
    assert mode(rest)[0] == "RUNNING"
    assert mode(rest, seen=view(running=False)) == ("IDLE", rest.reason)


def test_a_persons_output_in_force_is_manual():
    held = view()
    by_hand = Override("fans", "3", "output", 0, "owner", "why", 1)
    held = held._replace(state=held.state._replace(overrides=(by_hand,)))
    assert mode(seen=held) == ("MANUAL", Reason("override", "manual"))
    told = limit("fans_min", 3, 1, "override", "fans")
    assert mode(told, seen=held) == ("MANUAL", told.reason)
    tested = held._replace(state=held.state._replace(overrides=(by_hand._replace(kind="test"),)))
    assert mode(seen=tested)[0] == "RUNNING"


def test_a_hold_is_one_where_somebody_waits_or_something_is_not_known():
    hold = Envelope(no_start=Reason("signal", "warned"))
    waits = {"m000": Reason("choose", "waiting")}
    assert mode(envelope=hold)[0] == "RUNNING"
    assert mode(envelope=hold, skip=waits) == ("HOLD", hold.no_start)
    assert mode(envelope=hold, skip={"m000": Reason("wear", "budget")})[0] == "RUNNING"
    assert mode(envelope=hold, skip={"m000": Reason("choose", "unreachable")})[0] == "RUNNING"
    for code in ("unknown", "blind", "meter_unknown"):
        assert mode(envelope=hold._replace(no_start=Reason("signal", code)))[0] == "HOLD"
    missed = Envelope(no_start=Reason("signal", "missed"))
    assert mode(envelope=missed, skip={"m000": Reason("wear", "budget")})[0] == "RUNNING"


def test_after_a_boot_it_is_init_until_the_boot_rule_has_told():
    hold, boot = Envelope(no_start=Reason("boot", "first_scan")), limit("no_start", 0, SAFETY, "boot", "first_scan")
    seen = view(memory={})
    assert mode(boot, seen=seen, envelope=hold) == ("INIT", boot.reason)
    told = seen._replace(state=seen.state._replace(memory={"boot": {"told": 1}}))
    assert mode(boot, seen=told, envelope=hold)[0] == "RUNNING"
    stepped = limit("no_start", 0, SAFETY, "boot", "clock_step")
    assert mode(stepped, seen=seen, envelope=hold)[0] == "RUNNING"


def test_it_is_resuming_while_somebody_starts_or_could():
    assert mode(starts=(1,)) == ("RESUMING", Reason("decide", "climbing", (("starts", 1), ("on", 4), ("miners", 4))))
    dark, waits = view(running=False), {"m000": Reason("choose", "waiting")}
    assert mode(seen=dark, skip=waits)[0] == "RESUMING"
    room_w = dark.fleet.miners_w + 3400 * 105 // 100
    full = Envelope(start_max_w=room_w)
    assert mode(seen=dark, skip=waits, envelope=full) == ("IDLE", waits["m000"])
    assert mode(seen=dark, skip=waits, envelope=Envelope(start_max_w=room_w + 1))[0] == "RESUMING"
    assert mode(seen=dark, skip=waits, envelope=Envelope(max_power_w=room_w))[0] == "IDLE"
    assert mode(seen=dark)[0] == "IDLE"
    assert mode(seen=dark)[1] == Reason("decide", "no_miners")


def test_what_paces_a_climb_says_so():
    pace = limit("start_miners", 2, EQUIPMENT, "ramp", "pace")
    air = limit("start_miners", 0, SAFETY, "air", "wait")
    dark, waits = view(running=False), {"m000": Reason("choose", "waiting")}
    assert mode(pace, seen=dark, skip=waits)[1] == pace.reason
    assert mode(air, seen=dark, skip=waits)[1] == air.reason
    assert mode(air._replace(amount=1), seen=dark, skip=waits)[1].code == "climbing"
    assert mode(pace, air, starts=(1,))[1].code == "climbing"


def test_a_new_mode_is_an_event_and_the_same_one_is_none():
    seen = view()
    running = seen._replace(state=seen.state._replace(mode="RUNNING"))
    assert room._mode_event(running, "RUNNING", Reason("a", "b")) == ()
    [event] = room._mode_event(running, "HOLD", Reason("a", "b"))
    assert dict(event.reason.numbers) == {"was": "RUNNING", "mode": "HOLD", "rule": "a"}


def test_how_long_it_has_been_in_its_mode_and_what_started_in_the_last_hour():
    seen = view()
    now_s = seen.now_s
    kept = seen.state._replace(mode="RUNNING", mode_s=5, last={"starts": [now_s - 3600, now_s - 3599]})
    seen = seen._replace(state=kept)
    policy = SimpleNamespace(rules={})
    same = room._next_state(seen, {}, compared(failed=["m000"]), plan(seen, starts=(1, 2)), None, "RUNNING", policy)
    assert (same.mode, same.mode_s) == ("RUNNING", 5)
    assert same.last["starts"] == [now_s - 3599, now_s, now_s]
    assert (same.last["failed_starts"], same.last["plant_s"], same.last["watched_s"]) == (1, now_s, now_s)
    other = room._next_state(seen, {}, compared(), plan(seen), None, "HOLD", policy)
    assert (other.mode, other.mode_s) == ("HOLD", now_s)


def test_what_began_in_this_step_is_kept_in_watts_and_what_began_before_it_is_let_go():
    """[ramp] counts a step by it; kept for good, it would grow in the database by a pair with each start."""
    seen = view()
    now_s, one_w = seen.now_s, seen.wiring.miners[1].nominal_w
    kept = {"started_w": [[now_s - room.STEP_S, 7000], [now_s - room.STEP_S + 1, 900]]}
    seen = seen._replace(state=seen.state._replace(last=kept))
    policy = SimpleNamespace(rules={})
    state = room._next_state(seen, {}, compared(), plan(seen, starts=(1, 2)), None, "RUNNING", policy)
    assert state.last["started_w"] == [[now_s - room.STEP_S + 1, 900], [now_s, 2 * one_w]]
    state = room._next_state(seen, {}, compared(), plan(seen), None, "RUNNING", policy)
    assert state.last["started_w"] == [[now_s - room.STEP_S + 1, 900]]
