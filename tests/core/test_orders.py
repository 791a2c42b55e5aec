"""Who starts, who stops, and what is said of who is left out: `choose` and `compare` on plain columns."""

import pytest
from core.order_desk import ALL_OFF, WHY, limit, sent, view
from core.plant import wiring

from mine_controller.core import choose as room
from mine_controller.core.chase import Ladder
from mine_controller.core.compare import compare
from mine_controller.core.compare.stops import _first_rung
from mine_controller.core.compare.work import Work
from mine_controller.core.forecast import Deadline
from mine_controller.core.model.command import REFUSED
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import EQUIPMENT, SAFETY, Reason, Wish
from mine_controller.core.model.state import Chase, FanBook, MinerBook
from mine_controller.core.model.wiring import BreakerSpec, Lane, Path
from mine_controller.core.reach import rungs_of

TO_COME_W = 3400 * 105 // 100 - 25  # of one that was told to run and draws its standby

# -- who stops ------------------------------------------------------------------------------------------------------


def test_as_many_stop_as_the_ceilings_ask_for_and_no_more():
    seen = view()
    assert room.choose(seen, Envelope(max_power_w=4 * 3400)).stops == ()
    assert room.choose(seen, Envelope(max_power_w=4 * 3400 - 1)).stops == (0,)
    assert len(room.choose(seen, Envelope(max_power_w=2 * 3400)).stops) == 2
    assert len(room.choose(seen, Envelope(max_miners=3)).stops) == 1
    assert room.choose(seen, Envelope(max_miners=4)).stops == ()
    assert len(room.choose(seen, Envelope(max_power_w=4 * 3400 - 1, max_miners=2)).stops) == 2
    assert len(room.choose(seen, Envelope(max_power_w=2 * 3400, max_miners=3)).stops) == 2
    assert len(room.choose(seen, Envelope(max_power_w=0)).stops) == 4
    assert len(room.choose(seen, Envelope(max_miners=0)).stops) == 4


def test_who_was_told_to_run_is_stopped_with_the_others_when_all_must_go():
    told = {"miner m001": Chase("run", 0, 1, 900), "miner m002": Chase("stop", 0, 1, 900)}
    seen = view(running=False, chases=told)
    assert room.choose(seen, Envelope(max_power_w=0)).stops == (1,)
    assert room.choose(seen, Envelope(max_power_w=TO_COME_W)).stops == ()


def test_g5_who_was_told_to_run_is_called_off_where_less_is_left_than_it_will_draw():
    told = {"miner m001": Chase("run", 0, 1, 900), "miner m002": Chase("run", 0, 1, 960)}
    seen = view(running=False, chases=told)
    assert room.choose(seen, Envelope(max_power_w=2 * TO_COME_W - 1)).stops == (2,)  # the last told
    assert room.choose(seen, Envelope(max_power_w=5)).stops == (1, 2)
    assert room.choose(seen, Envelope(max_miners=1)).stops == (2,)
    assert room.choose(seen, Envelope(max_miners=2)).stops == ()


def test_what_runs_goes_before_who_was_told_to_run_and_a_place_is_taken_from_who_was_told():
    wires = wiring(3)
    books = {spec.id: MinerBook(starts=at) for at, spec in enumerate(wires.miners)}
    seen = view(wires=wires, books=books, chases={"miner m002": Chase("run", 0, 1, 900)})
    dark = seen.fleet._replace(
        on=(True, True, False), est_w=(3400, 3400, 25), on_n=2, starting_n=1, starting_w=TO_COME_W
    )
    seen = seen._replace(fleet=dark)
    assert room.choose(seen, Envelope(max_power_w=7000)).stops == (0,)
    assert room.choose(seen, Envelope(max_power_w=3600)).stops == (0, 1)
    assert room.choose(seen, Envelope(max_power_w=3000)).stops == (0, 1, 2)
    assert room.choose(seen, Envelope(max_miners=2)).stops == (2,)
    assert room.choose(seen, Envelope(max_miners=1)).stops == (0, 2)


def test_each_branch_and_phase_sheds_its_own():
    wires = wiring(4)
    specs = tuple(spec._replace(breaker="ab"[at // 2], phase="L1") for at, spec in enumerate(wires.miners))
    seen = view(wires=wires._replace(miners=specs))
    assert room.choose(seen, Envelope(breakers={"a": 6800})).stops == ()
    assert room.choose(seen, Envelope(breakers={"a": 6799})).stops == (0,)
    assert room.choose(seen, Envelope(breakers={"b": 0})).stops == (2, 3)
    assert room.choose(seen, Envelope(phases={"L1": 3 * 3400})).stops == (0,)
    assert room.choose(seen, Envelope(breakers={"a": 3400}, phases={"L1": 3 * 3400})).stops == (0,)
    assert room.choose(seen, Envelope(breakers={"a": 3400, "b": 3400}, phases={"L1": 3400})).stops == (0, 1, 2)


def test_who_is_stopping_already_goes_first_and_the_protected_last():
    wires = wiring(3)
    specs = (wires.miners[0]._replace(flags=("protected",)), *wires.miners[1:])
    books = {"m001": MinerBook(starts=9), "m002": MinerBook(starts=1)}
    seen = view(wires=wires._replace(miners=specs), miners=books)
    assert room.choose(seen, Envelope(max_miners=2)).stops == (2,)
    assert set(room.choose(seen, Envelope(max_miners=1)).stops) == {1, 2}
    going = view(wires=wires._replace(miners=specs), miners=books, chases={"miner m001": Chase("stop", 0, 1, 900)})
    assert room.choose(going, Envelope(max_miners=2)).stops == (1,)


def test_who_must_be_off_stops_and_counts_as_gone():
    seen = view()
    assert room.choose(seen, Envelope(offs={"m002": WHY})).stops == (2,)
    assert room.choose(seen, Envelope(offs={"m002": WHY}, max_miners=3)).stops == (2,)


def on_phases(*names, protected=(), books=(), **changes):
    """Running miners, each on its phase; and who of them stops one after the other, while phases stay so near."""
    wires = wiring(len(names))
    specs = tuple(
        spec._replace(phase=name, flags=("protected",) if at in protected else ())
        for at, (spec, name) in enumerate(zip(wires.miners, names, strict=True))
    )
    phases = tuple(BreakerSpec(name, 99_000) for name in sorted({*names} - {""}))
    starts = {f"m00{at}": MinerBook(on=True, starts=count) for at, count in enumerate(books)}
    seen = view(wires=wires._replace(miners=specs, phases=phases), miners=starts, **changes)

    def stops(apart_w):
        everybody = list(range(len(names)))
        order = room._stop_order(seen, everybody)
        envelope = Envelope(phases_apart_w=apart_w)
        return list(room._level(seen, envelope, sorted(everybody, key=order), order))

    return stops


def test_who_stops_is_taken_from_each_phase_in_turn_unless_they_may_be_apart():
    stops = on_phases("L1", "L1", "L2", "L2", "L3", "L3")
    assert stops(None) == [0, 1, 2, 3, 4, 5]
    assert stops(0) == stops(6799) == [0, 2, 4, 1, 3, 5]
    assert stops(6800) == [0, 1, 2, 3, 4, 5]


def test_where_no_stop_leaves_the_phases_level_the_fullest_gives_first():
    """L3 may not stop and is far above the others: of those that may, the fuller one goes first."""
    stops = on_phases("L1", "L2", "L2", "L3", "L3", "L3", protected=(3, 4, 5))
    assert stops(0) == [1, 0, 2, 3, 4, 5]


def test_who_hangs_on_no_phase_stops_in_its_turn_and_unbalances_none():
    stops = on_phases("", "L1", "L2", "", "L1", "L2", books=(5, 1, 2, 0, 3, 4))
    assert stops(0) == [3, 1, 2, 4, 5, 0]


def test_who_is_on_its_way_down_goes_first_whatever_its_phase():
    going = {"miner m002": Chase("stop", 0, 1, 900), "miner m003": Chase("stop", 0, 1, 900)}
    assert on_phases("L1", "L1", "L2", "L2", chases=going)(0) == [2, 3, 0, 1]


# -- who starts, and why not ----------------------------------------------------------------------------------------


def test_starts_are_as_many_as_the_step_the_count_and_the_power_leave():
    seen = view(running=False)
    assert room.choose(seen, Envelope()).starts == (0, 1, 2, 3)
    assert room.choose(seen, Envelope(start_miners=2)).starts == (0, 1)
    assert room.choose(seen, Envelope(start_miners=0)).starts == ()
    assert room.choose(seen, Envelope(max_miners=1)).starts == (0,)
    assert room.choose(seen, Envelope(max_miners=3, start_miners=2)).starts == (0, 1)
    assert room.choose(seen, Envelope(no_start=WHY)).starts == ()
    assert room.choose(view(running=False, opening=False), Envelope()).starts == ()
    assert room.choose(seen, Envelope(start_max_w=100 + 2 * 3545)).starts == (0, 1)


def test_while_somebody_has_to_stop_for_a_limit_nobody_starts():
    seen = view()
    half = seen._replace(fleet=seen.fleet._replace(on=(True, True, False, False), on_n=2))
    assert room.choose(half, Envelope(max_power_w=4 * 3400 - 1, start_max_w=10**6)).starts == ()
    assert room.choose(half, Envelope(offs={"m000": WHY})).starts == (2, 3)


def test_who_is_banned_unseen_or_on_its_way_is_no_candidate():
    unseen = (25, None, 25, 25)
    seen = view(running=False, power_w=unseen, chases={"miner m002": Chase("run", 0, 1, 900)})
    found = room.choose(seen, Envelope(bans={"m003": WHY}))
    assert found.starts == (0,)
    assert {name: reason.code for name, reason in found.skip.items()} == {"m001": "unmeasured", "m003": "why"}
    assert found.run == (True, False, True, False)


def test_everybody_who_is_off_has_a_reason_and_the_gravest_counts():
    off = Envelope(binding=(limit("max_power_w", 0, rule="signal"),), max_power_w=0)
    stopped = room.choose(view(), off).skip
    assert {reason.rule for reason in stopped.values()} == {"signal"}
    resting = room.choose(view(running=False), off).skip
    assert {reason.rule for reason in resting.values()} == {"signal"}
    few = Envelope(binding=(limit("max_miners", 0, rule="band"),), max_miners=0)
    assert {reason.rule for reason in room.choose(view(running=False), few).skip.values()} == {"band"}
    lower = Envelope(binding=(limit("max_power_w", 3400, rule="cap"), limit("fans_max", 0)), max_power_w=3400)
    assert {reason.code for reason in room.choose(view(), lower).skip.values()} == {"over_limit"}
    held = Envelope(no_start=Reason("grid", "low"), binding=(limit("start_miners", 0),))
    assert {reason.rule for reason in room.choose(view(running=False), held).skip.values()} == {"grid"}


def test_who_merely_waits_says_for_what():
    seen = view(running=False)
    waits = room.choose(seen, Envelope(start_miners=1)).skip
    assert {reason.code for reason in waits.values()} == {"waiting"}
    full = room.choose(seen, Envelope(start_max_w=200)).skip
    assert {reason.code for reason in full.values()} == {"no_power"}
    gone = view(running=False, address=(None, "1", "1", "1"))
    assert room.choose(gone, Envelope(start_miners=0)).skip["m000"].code == "unreachable"
    wires = wiring(2)
    foreign = wires._replace(miners=(wires.miners[0]._replace(paths=()), wires.miners[1]))
    assert room.choose(view(wires=foreign, running=False), Envelope(start_miners=0)).skip["m000"].code == "not_ours"


# -- fans -----------------------------------------------------------------------------------------------------------


def fans(count=5, *, wanted=None, **changes):
    wires = wiring(4, count)
    return room.choose(view(wires=wires, **changes), wanted or Envelope()).fans_on


def test_fans_go_down_only_when_nothing_forbids_it():
    assert fans(wanted=Envelope(fans_min=2)) == ("1", "2")
    assert len(fans(wanted=Envelope(fans_min=2, no_fan_down=WHY))) == 5
    assert len(fans(wanted=Envelope(fans_min=2), opening=False)) == 5
    assert fans(wanted=Envelope(fans_max=0, no_fan_down=WHY)) == ()
    assert fans(wanted=Envelope(fans_min=4, fans_max=3)) == ("1", "2", "3")
    assert fans(0) == ()


def test_a_person_may_hold_a_fan_on_but_not_through_smoke():
    hold = Wish(1, "fan 5", "on", WHY)
    assert fans(wanted=Envelope(fans_min=2, wishes=(hold,))) == ("1", "5")
    assert fans(wanted=Envelope(fans_min=0, wishes=(hold,))) == ("5",)
    assert fans(wanted=Envelope(fans_max=0, wishes=(hold,))) == ()
    assert fans(wanted=Envelope(fans_min=2, wishes=(hold._replace(value="off", what="fan 1"),))) == ("2", "3")


def test_the_proven_come_first_then_the_least_run_and_a_failed_one_does_not_count():
    books = {str(n): FanBook("proven", run_s=100 - n) for n in range(1, 6)}
    assert fans(wanted=Envelope(fans_min=2), fans=books) == ("4", "5")
    books |= {"5": FanBook("failed"), "4": FanBook("suspect"), "3": FanBook("starting")}
    assert fans(wanted=Envelope(fans_min=2), fans=books) == ("1", "2")
    assert fans(wanted=Envelope(fans_min=3), fans=books) == ("1", "2", "3")
    assert fans(wanted=Envelope(fans_min=4), fans=books) == ("1", "2", "3", "4")
    assert fans(wanted=Envelope(fans_min=5), fans=books) == ("1", "2", "3", "4", "5")
    assert fans(wanted=Envelope(fans_min=1, no_fan_down=WHY), fans=books) == ("1", "2", "3", "4")


def test_fans_go_before_a_start_that_only_air_holds_up():
    ahead = Wish(3, "fans_for_start", 4, WHY)
    plain = Envelope(fans_min=1, wishes=(ahead,))
    assert len(fans(wanted=plain, running=False)) == 4
    assert len(fans(wanted=plain._replace(start_miners=0), running=False)) == 4
    assert len(fans(wanted=plain._replace(no_start=WHY), running=False)) == 1
    assert len(fans(wanted=plain._replace(max_power_w=0), running=False)) == 1
    assert len(fans(wanted=plain._replace(start_max_w=100, start_miners=0), running=False)) == 1
    assert len(fans(wanted=plain._replace(start_max_w=101, start_miners=0), running=False)) == 4
    assert len(fans(wanted=plain)) == 1, "everybody runs"


# -- commands -------------------------------------------------------------------------------------------------------


def test_everybody_is_told_gently_while_there_is_time_and_by_the_outlet_where_there_is_none():
    seen = view()
    far, _ = sent(seen, ALL_OFF, Deadline(seen.now_s + 600))
    assert {lane for _, _, lane in far} == {"foreman mine"}
    near, _ = sent(seen, ALL_OFF, Deadline(seen.now_s + 30))
    assert {(verb, lane) for _, verb, lane in near} == {("off", "redfish pdu1")}
    cut, _ = sent(seen, ALL_OFF._replace(how="cut"), Deadline(seen.now_s + 600))
    assert {lane for _, _, lane in cut} == {"redfish pdu1"}


def test_a_lane_that_reaches_only_some_in_time_leaves_the_rest_to_their_outlets():
    seen = view(8)
    # outlets: 40 s spare and proof, 4 s of calls; miners: 30 s of proof, a second each
    some, _ = sent(seen, ALL_OFF, Deadline(seen.now_s + 44 + 30 + 3))
    assert sorted(lane for _, _, lane in some) == ["foreman mine"] * 3 + ["redfish pdu1"] * 5


def test_a_gentle_limit_never_reaches_an_outlet_unless_it_is_meant_as_the_switch():
    lost = (None,) * 4
    gentle = ALL_OFF._replace(how="gentle", reasons=())
    assert sent(view(address=lost), gentle)[0] == []
    assert {lane for _, _, lane in sent(view(address=lost), ALL_OFF)[0]} == {"redfish pdu1"}
    wires = wiring(4)
    plugs = tuple(spec._replace(flags=("plug",), paths=spec.paths[1:]) for spec in wires.miners)
    assert {lane for _, _, lane in sent(view(wires=wires._replace(miners=plugs)), gentle)[0]} == {"redfish pdu1"}
    bare = tuple(spec._replace(paths=spec.paths[1:]) for spec in wires.miners)
    assert sent(view(wires=wires._replace(miners=bare)), gentle)[0] == []


def test_a_dead_pdu_cuts_nobody_who_can_be_told():
    dead = {"redfish pdu1:health": Value(None, 1, "", "dead")}
    seen = view(channels=dead)
    assert {lane for _, _, lane in sent(seen, ALL_OFF, Deadline(seen.now_s + 30))[0]} == {"foreman mine"}
    refused = {f"miner m00{n}": Chase("stop", 0, 1, seen.now_s - 60, seen.now_s - 50, REFUSED) for n in range(4)}
    assert {lane for _, _, lane in sent(view(channels=dead, chases=refused), ALL_OFF)[0]} == {"foreman mine"}
    assert {lane for _, _, lane in sent(view(chases=refused), ALL_OFF)[0]} == {"redfish pdu1"}


@pytest.mark.parametrize(("ago_s", "late"), [(160, False), (199, True)])
def test_a_partial_stop_of_safety_has_as_long_as_a_whole_one(ago_s, late):
    """From its oldest open command on: the outlets are used when 240 s less their own time are over."""
    seen = view()
    open_ = {"miner m000": Chase("stop", 0, 1, seen.now_s - ago_s, seen.now_s - 5)}
    lower = Envelope(max_power_w=3400, binding=(limit("max_power_w", 3400, SAFETY),))
    found, _ = sent(view(chases=open_), lower)
    lanes = {lane for _, _, lane in found}
    assert lanes == ({"redfish pdu1"} if late else {"foreman mine"})


def test_the_first_miner_of_a_fleet_is_as_reachable_as_the_others():
    found, _ = sent(view(address=(None, "1", "1", "1")), ALL_OFF)
    assert [(target, lane) for target, _, lane in found if lane == "redfish pdu1"] == [("miner m000", "redfish pdu1")]


def test_a_start_goes_to_the_outlet_first_and_to_the_miner_once_it_has_booted():
    dark = view(running=False, outlet=("off",) * 4)
    found, after = sent(dark, Envelope(start_miners=1))
    assert found == [("miner m000", "on", "redfish pdu1")]
    kept = {"miner m000": after.chases["miner m000"]._replace(sent_s=dark.now_s - 89, began_s=dark.now_s - 89)}
    on = {"outlet": ("on",) * 4, "running": False}
    assert sent(view(chases=kept, **on), Envelope(start_miners=0))[0] == []
    kept = {"miner m000": kept["miner m000"]._replace(sent_s=dark.now_s - 90)}
    assert sent(view(chases=kept, **on), Envelope(start_miners=0))[0] == [("miner m000", "run", "foreman mine")]
    assert sent(view(chases=kept, **on, address=(None,) * 4), Envelope(start_miners=0))[0] == []


def test_a_start_is_told_once_more_and_then_left():
    seen = view(running=False)
    for ago_s, tries, again in ((1199, 1, False), (1200, 1, True), (1200, 2, False)):
        kept = {"miner m000": Chase("run", 0, tries, seen.now_s - 1200, seen.now_s - ago_s)}
        found, _ = sent(view(running=False, chases=kept), Envelope(start_miners=0))
        assert bool(found) is again
    lost = {"miner m000": Chase("run", 0, 2, seen.now_s - 9, seen.now_s - 9, "unreachable")}
    assert sent(view(running=False, chases=lost), Envelope(start_miners=0))[0] == [
        ("miner m000", "run", "foreman mine")
    ]


def test_a_unit_without_an_outlet_is_told_by_its_own_word_alone():
    wires = wiring(2, outlets=False)
    assert sent(view(wires=wires, running=False), Envelope(start_miners=1))[0] == [
        ("miner m000", "run", "foreman mine")
    ]
    found, _ = sent(view(wires=wires), ALL_OFF)
    assert {lane for _, _, lane in found} == {"foreman mine"}


# -- fans' commands -------------------------------------------------------------------------------------------------


def fan_commands(envelope, chases=None, *, opening=True, broken=(), lanes=None, plan_fans=None):
    wires = wiring(2, 3)
    wires = wires._replace(lanes={**wires.lanes, **(lanes or {})})
    seen = view(wires=wires, opening=opening)
    chases = {name: chase(seen.now_s) for name, chase in (chases or {}).items()}
    seen = seen._replace(state=seen.state._replace(chases=chases))
    told = tuple(fan._replace(on=None if fan.name in broken else fan.on) for fan in seen.image.fans)
    seen = seen._replace(image=seen.image._replace(fans=told))
    plan = room.choose(seen, envelope)
    plan = plan if plan_fans is None else plan._replace(fans_on=plan_fans)
    found = compare(seen, envelope, plan, None)
    return [(one.target, one.verb, one.reason.code) for one in found.commands], found


def test_fans_beyond_the_need_go_off_in_the_opening_round_with_their_reason():
    assert fan_commands(Envelope(fans_min=1))[0] == [("fan 2", "off", "fan_down"), ("fan 3", "off", "fan_down")]
    assert fan_commands(Envelope(fans_min=1), opening=False, plan_fans=("1",))[0] == []
    assert fan_commands(Envelope(fans_min=1, no_fan_down=WHY), plan_fans=("1",))[0] == []
    smoke = Envelope(fans_max=0)
    assert len(fan_commands(smoke, opening=False)[0]) == 3
    assert fan_commands(Envelope(fans_min=1), broken=("3",))[0] == [("fan 2", "off", "fan_down")]


def test_a_fan_nobody_is_sure_of_is_told_on_by_whoever_wants_it():
    need = Envelope(fans_min=3, binding=(limit("fans_max", 9), limit("fans_min", 3, rule="air")))
    assert fan_commands(need, broken=("2",))[0] == [("fan 2", "on", "why")]
    assert fan_commands(Envelope(fans_min=3), broken=("2",))[0] == [("fan 2", "on", "fans_first")]


@pytest.mark.parametrize(
    ("ago_s", "tries", "opening", "again"),
    [(9, 1, True, False), (10, 1, True, True), (10, 1, False, True), (10, 2, False, False), (10, 2, True, True)],
)
def test_a_fan_that_does_not_obey_is_told_twice_a_tick_ten_seconds_apart(ago_s, tries, opening, again):
    told = {"fan 2": lambda now_s: Chase("on", 0, tries, now_s - 50, now_s - ago_s)}
    found, after = fan_commands(Envelope(fans_min=3), told, broken=("2",), opening=opening)
    assert bool(found) is again
    kept = after.chases["fan 2"]
    assert kept.tries == tries + again
    assert kept.began_s == kept.sent_s - 50 if again else True


def test_another_word_to_a_fan_begins_anew_and_one_that_obeyed_is_done():
    told = {
        "fan 2": lambda now_s: Chase("off", 0, 2, now_s - 50, now_s - 1),
        "fan 1": lambda now_s: Chase("on", 0, 1, 1),
    }
    found, after = fan_commands(Envelope(fans_min=3), told, broken=("2",))
    assert [verb for _, verb, _ in found] == ["on"]
    assert (after.chases["fan 2"].tries, after.chases["fan 2"].want) == (1, "on")
    assert "fan 1" not in after.chases


def test_a_relay_board_that_is_not_live_is_never_told():
    shut = {"controlbyweb fans": Lane("controlbyweb fans", live=False)}
    assert fan_commands(Envelope(fans_min=1), lanes=shut)[0] == []


# -- the first rung and the next look -------------------------------------------------------------------------------

GENTLE, FLEET, OUTLET = (Path(lane, 30, gentle=lane != "pdu") for lane in ("own", "fleet", "pdu"))


def first_rung(*paths, shut=(), top=9, how="gentle", **room_left):
    """Where a stop begins with these paths; by lane how many more it has time for."""
    seen = view()
    work = Work(seen, Envelope(how=how), room.choose(seen, Envelope()), {}, [], [], [], [], [], [], [], {})
    spec = seen.wiring.miners[0]._replace(paths=paths)
    ladder, [rungs] = Ladder(paths, top, None, shut=shut), rungs_of((spec,))
    return _first_rung(work, spec, rungs, ladder, room_left, Deadline(99_999))


def test_a_stop_begins_at_the_lowest_rung_where_the_unit_is_known():
    paths = (GENTLE, FLEET, OUTLET)
    assert first_rung(*paths) == 0
    assert first_rung(*paths, shut=(0,)) == 1
    assert first_rung(*paths, shut=(0, 1)) == 2
    assert first_rung(*paths, shut=(1,)) == 0
    assert first_rung(*paths, shut=(0,), top=1) == 1, "without its outlet as well"
    assert first_rung(GENTLE, FLEET, shut=(0,)) == 1
    assert first_rung(GENTLE, shut=(0,)) == 0


def test_a_stop_begins_at_the_outlet_when_everything_is_cut_or_the_lane_is_full():
    paths = (GENTLE, FLEET, OUTLET)
    assert first_rung(*paths, how="cut") == 2
    assert first_rung(*paths, how="cut", top=1) == 0, "nobody may cut it"
    assert first_rung(*paths, own=1) == 0
    assert first_rung(*paths, own=0) == 2
    assert first_rung(*paths, own=0, top=1) == 0


def looks(*wishes):
    seen = view(wires=wiring(4, 0))
    wanted = tuple(Wish(EQUIPMENT, f"look {end}", in_s, WHY) for end, in_s in wishes)
    envelope = Envelope(wishes=wanted)
    found = compare(seen, envelope, room.choose(seen, Envelope(start_miners=0)), None).look
    return None if found is None else (found.at_s - seen.now_s, found.what)


def test_what_rests_is_asked_in_the_look_that_is_at_its_very_second_and_not_before():
    assert looks(("once:a", 10)) == (10, ("once:a",))
    assert looks(("b", 10), ("once:a", 10)) == (10, ("b", "once:a"))
    assert looks(("b", 10), ("once:a", 11)) == (10, ("b",))
    assert looks(("b", 11), ("once:a", 10)) == (10, ("b", "once:a")), "who does not rest is asked each time"
    assert looks(("once:a", 0)) == (1, ("once:a",)), "a look is never in the second that is over"
    assert looks() is None
