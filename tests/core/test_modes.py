"""The mode and its reason: read off what limits, what was planned and what is proven."""

import pytest
from core.round_desk import plan, view

from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reason import CONTRACT, ECONOMICS, EQUIPMENT, SAFETY, Limit, Reason
from mine_controller.core.model.state import Override, Shed
from mine_controller.core.modes import mode_of
from mine_controller.core.wording.words import sentence


def limit(what, amount, layer=CONTRACT, rule="test", code="why"):
    return Limit(layer, what, amount, Reason(rule, code))


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
    assert sentence(mode(seen=seen)[1]) == "2 of 4 miners run, of 2 it is not known"
    never = seen.image._replace(miners=half._replace(power_at=(1, 1, 0, 0)))
    wires = tuple(spec._replace(outlet="") for spec in seen.wiring.miners)
    alone = seen._replace(image=never, wiring=seen.wiring._replace(miners=wires))
    assert sentence(mode(seen=alone)[1]) == "4 of 4 miners run", "where nothing measures, a word is all there is"
    quiet = alone._replace(image=never._replace(miners=never.miners._replace(word=("hashing",) * 3 + (None,))))
    assert sentence(mode(seen=quiet)[1]) == "3 of 4 miners run, of 1 it is not known"


def test_a_climb_counts_who_is_seen_to_run():
    """A replaced miner counted as one of four that run, beside "3 of 4 running, 1 unknown" of the same screen."""
    seen = view()
    some = seen.image.miners._replace(power_w=(3400, 3400, 25, None))
    fleet = seen.fleet._replace(unknown=1, on=(True, True, False, True), on_n=3)
    seen = seen._replace(image=seen.image._replace(miners=some), fleet=fleet)
    assert sentence(mode(seen=seen, starts=("m002",))[1]) == "starting 1; 2 of 4 run"


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


def test_who_is_kept_off_by_name_makes_no_climb():
    """A board that does not pay, or that the band rests, would read RESUMING for as long as the price stays."""
    rests = Reason("profit", "low")
    seen = view(running=False)
    some = seen._replace(fleet=seen.fleet._replace(on_n=3))
    kept_off = Envelope(bans={"m000": rests})
    assert mode(seen=some, envelope=kept_off, skip={"m000": rests})[0] == "RUNNING"
    assert mode(seen=seen, envelope=kept_off, skip={"m000": rests}) == ("IDLE", rests)
    waits = {"m000": rests, "m001": Reason("choose", "waiting")}
    assert mode(seen=some, envelope=kept_off, skip=waits)[0] == "RESUMING"
    held = kept_off._replace(no_start=Reason("supply", "near"))
    assert mode(seen=some, envelope=held, skip={"m000": rests})[0] == "HOLD", "nothing here loosens a hold"


@pytest.mark.parametrize(("most", "told"), [(2, "RUNNING"), (3, "RUNNING"), (4, "RESUMING")])
def test_as_many_as_may_run_are_no_climb(most, told):
    seen = view(running=False)
    seen = seen._replace(fleet=seen.fleet._replace(on_n=3))
    few = limit("max_miners", most, ECONOMICS, "schedule", "miners")
    waits = {"m003": Reason("choose", "waiting")}
    assert mode(few, seen=seen, envelope=Envelope(max_miners=most), skip=waits)[0] == told


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
    dear = limit("max_power_w", 0, ECONOMICS, "schedule", "power")
    assert mode(dear) == ("RUNNING", dear.reason)
    assert mode(dear, seen=view(running=False)) == ("IDLE", dear.reason)


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
