"""The fleet summed up, to the watt: who is on, what the unknown count, what proves darkness, what there is room for."""

import pytest
from core.plant import Plant, wiring
from core.shelf import boards

from mine_controller.core.fleet import drawn, floor_w, full_w, on_above_w, rising, starting, sum_up, unlisted
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.image import Fan, Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase, MinerBook, State, Unit
from mine_controller.core.model.wiring import BreakerSpec, EndpointSpec
from mine_controller.core.power.room import Room, free_w
from mine_controller.core.reach import address, answers, commandable, ours, startable
from mine_controller.core.view import View

NOW = 10_000
WIRES = wiring(3, 2)
SPEC = WIRES.miners[0]
RUN = Chase("run", 0, 1, NOW)


def image(watts, *, words=None, outlets=None, fans=None, meter=None, power_at=NOW, channels=None):
    n = len(watts)
    words, outlets = words or [None] * n, outlets or [None] * n
    seen = [power_at if one is None else NOW for one in watts]
    miners = Miners(
        tuple(f"m{at:03}" for at in range(n)), tuple(watts), tuple(seen), tuple(words), (NOW,) * n, tuple(outlets),
        ("1",) * n,
    )  # fmt: skip
    site = {} if meter is None else {"site_power_w": Value(meter, NOW)}
    fans = fans if fans is not None else [(True, 1500), (True, 1500)]
    told = tuple(Fan(str(at), on, NOW, drawn_w, NOW) for at, (on, drawn_w) in enumerate(fans, 1))
    return Image(Clock(NOW, NOW), channels or {}, site, told, miners, {})


def summed(watts, state=None, wires=WIRES, **seen):
    return sum_up(image(watts, **seen), state or State(), wires)


# -- who is on ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("watts", "on"), [(510, False), (511, True), (0, False), (3400, True)])
def test_a_miner_is_on_above_fifteen_percent_of_its_power(watts, on):
    assert summed([watts, 0, 0]).on == (on, False, False)
    assert on_above_w(SPEC) == 510


@pytest.mark.parametrize(("watts", "on"), [(600, False), (601, True)])
def test_or_above_twice_its_standby_where_that_is_more(watts, on):
    wires = WIRES._replace(miners=tuple(spec._replace(standby_w=300) for spec in WIRES.miners))
    assert summed([watts, 0, 0], wires=wires).on[0] is on
    assert on_above_w(wires.miners[0]) == 600


def test_a_miner_nobody_can_see_is_on_and_counts_a_tenth_more_unless_it_says_that_it_sleeps():
    fleet = summed([None, 3000, 20], words=["hashing", None, None])
    assert (fleet.on, fleet.est_w, fleet.unknown, fleet.on_n) == ((True, True, False), (3740, 3000, 20), 1, 2)
    assert (fleet.measured_w, fleet.miners_w, fleet.proof_w) == (3020, 6760, 6760)
    for word in ("sleeping", "stopped"):
        asleep = summed([None, 0, 0], words=[word, None, None])
        assert (asleep.on[0], asleep.est_w[0], asleep.unknown) == (False, 3740, 1)
    assert summed([None, None, None]).measured_w is None
    assert summed([None, None, 5]).measured_w == 5


def test_a_unit_no_meter_was_ever_seen_for_counts_by_its_word_and_proves_nothing_by_it():
    wires = boards(2)
    fleet = sum_up(image([None, None], words=["sleeping", "hashing"], power_at=0, fans=[]), State(), wires)
    assert (fleet.on, fleet.est_w, fleet.trusted) == ((False, True), (3, 33), 0)
    assert (fleet.miners_w, fleet.proof_w) == (36, 66)
    free = wires._replace(roles={"stop": wires.roles["stop"]})
    fleet = sum_up(image([None, None], words=["sleeping", "hashing"], power_at=0, fans=[]), State(), free)
    assert (fleet.trusted, fleet.proof_w) == (1, 36)
    unplugged = sum_up(image([None, None], outlets=["off", "on"], power_at=0, fans=[]), State(), free)
    assert (unplugged.on, unplugged.trusted) == ((False, True), 1)


def test_learned_watts_only_raise_what_the_unseen_count():
    assert full_w(SPEC, State()) == 3400
    assert full_w(SPEC, State(units={"m000": Unit(run_dw=33_000)})) == 3400
    more = State(units={"m000": Unit(run_dw=36_000)})
    assert full_w(SPEC, more) == 3600
    assert summed([None, 0, 0], more).est_w[0] == 3960


# -- who starts -----------------------------------------------------------------------------------------------------


def test_who_was_told_to_run_counts_what_it_will_draw_beyond_what_it_draws():
    told = State(chases={"miner m000": RUN, "miner m001": RUN, "miner m002": Chase("stop", 0, 1, NOW), "fan 1": RUN})
    fleet = summed([25, 3400, 3400], told)
    assert (fleet.starting_n, fleet.starting_w) == (1, 3570 - 25 + 3570 - 3400)
    assert summed([25, 4000, 0], told).starting_w == 3545
    assert summed([25, 25, 25], State(chases={"miner gone": RUN})).starting_w == 0


def climbing(watts, ago_s=1, *, want="", now_s=NOW, learned_dw=0):
    """What the first of three miners that was seen to come on so long ago has still before it, by column."""
    book = MinerBook(on=True, last_start_s=0 if ago_s is None else now_s - ago_s)
    chases = {"miner m000": Chase(want, 0, 1, now_s)} if want else {}
    units = {"m000": Unit(run_dw=learned_dw)} if learned_dw else {}
    state = State(miners={"m000": book}, chases=chases, units=units)
    return rising(summed([watts, 25, 3400], state), state, WIRES, now_s)


def test_who_was_seen_to_come_on_lately_still_climbs_to_its_full_power():
    patience_s = SPEC.ramp_patience_s
    assert climbing(1750) == {0: 1650}
    assert climbing(1750, learned_dw=36_000) == {0: 1850}
    assert climbing(1750, patience_s - 1) == {0: 1650}
    assert climbing(1750, patience_s) == {}
    assert climbing(3399) == {0: 1}
    assert climbing(3400) == climbing(3500) == {}
    assert climbing(510) == {}, "it is not on"
    assert climbing(1750, None, now_s=5) == {}, "it was never seen to come on"


def test_who_is_being_told_to_run_is_not_counted_twice_and_who_is_told_to_stop_still_climbs():
    assert climbing(1750, want="run") == {}
    assert climbing(1750, want="stop") == {0: 1650}
    state = State(chases={"miner m000": RUN, "miner m002": RUN})
    assert starting([1750, 25, 4000], state, WIRES) == {0: 3570 - 1750, 2: 0}
    assert starting([1750, 25, 4000], State(), WIRES) == {}


# -- the site's meter -----------------------------------------------------------------------------------------------


def test_what_the_meter_shows_beyond_miners_and_fans_is_everything_else():
    fleet = summed([3000, 3000, 3000], meter=15_000)
    assert (fleet.fans_w, fleet.other_w, fleet.meter_w, fleet.proof_w) == (3000, 6000, 15_000, 9000)
    assert summed([3000, 3000, 3000], meter=11_000).other_w == 3000
    assert summed([3000, 3000, 3000]).other_w == 3000


def test_what_is_more_than_all_miners_may_draw_is_something_else_though_one_tells_nothing():
    """It vanished with the first silent outlet: what was let run left no room for it, and nothing was shed for it."""
    assert summed([3000, 3000, None], meter=15_000).other_w == 15_000 - 9740
    assert summed([3000, 3000, None], meter=10_000).other_w == 3000
    asleep = summed([3000, 3000, None], meter=15_000, power_at=0, words=[None, None, "sleeping"],
                    wires=WIRES._replace(miners=tuple(one._replace(outlet="") for one in WIRES.miners)))  # fmt: skip
    assert asleep.other_w == 15_000 - 9740, "a word of sleep makes no miner's watts a lamp's"


def test_what_nobody_sees_is_bounded_by_the_meter():
    assert summed([3000, 3000, None], meter=10_000).proof_w == 7000
    assert summed([3000, 3000, None], meter=8500).proof_w == 6000
    assert summed([3000, 3000, None], meter=20_000).proof_w == 9740
    assert summed([3000, 3000, None], meter=10_000, fans=[(True, None), (None, None)]).proof_w == 9740


@pytest.mark.parametrize(("meter", "proof_w"), [(8100, 6000), (8099, 9740), (0, 9740)])
def test_met2_a_meter_that_shows_less_than_what_is_known_alone_bounds_nobody(meter, proof_w):
    """One that stood at 0 W called silent outlets dark, whatever they fed: the larger of the two proves."""
    assert summed([3000, 3000, None], meter=meter).proof_w == proof_w


def test_a_meter_that_counts_in_kilowatts_still_bounds_those_who_tell_nothing_beside_sleepers():
    wires = wiring(100, 2)
    asleep = summed([25] * 99 + [None], meter=0, wires=wires, fans=[(False, 0), (False, 0)])
    assert asleep.proof_w == 25 * 99


def test_a_fan_nobody_sees_is_no_fan_less():
    assert summed([0, 0, 0], fans=[(True, None), (True, 1000)]).other_w == 1650 + 1000
    assert summed([0, 0, 0], fans=[(True, 749), (True, 750)]).other_w == 1650 + 750
    assert summed([0, 0, 0], fans=[(False, 9), (None, 9)]).other_w == 18
    assert summed([0, 0, 0], fans=[(True, None), (True, None)]).fans_w is None


def test_a_fan_told_on_whose_relay_has_gone_silent_counts_as_one_that_is_on():
    told = State(chases={"fan 1": Chase("on", 0, 1, NOW, NOW), "fan 2": Chase("off", 0, 1, NOW, NOW)})
    assert summed([0, 0, 0], told, fans=[(None, 9), (None, 9)]).other_w == 1650 + 9
    assert summed([0, 0, 0], told, fans=[(False, 9), (None, 1000)]).other_w == 9 + 1000


def test_the_floor_of_a_curtailment_is_five_percent_or_what_sleepers_draw():
    fleet = summed([0, 0, 0])
    assert floor_w(100_000, fleet) == 5000
    assert floor_w(1000, fleet) == 75 * 125 // 100 + 10_200 * 2 // 100
    large = fleet._replace(nominal_w=900_000)
    assert floor_w(1000, large) == 93 + 10_000


@pytest.mark.parametrize(("nominal_w", "standby_w"), [(0, 0), (1, 1), (18, 3), (36, 6), (3400, 0)])
def test_what_sleeps_as_it_is_told_to_is_below_the_floor_however_small_the_site_is(nominal_w, standby_w):
    fleet = summed([0, 0, 0])._replace(nominal_w=nominal_w, standby_w=standby_w)
    assert floor_w(0, fleet) > standby_w


# -- for people -----------------------------------------------------------------------------------------------------


def test_where_a_miners_watts_come_from_best_source_first():
    known = {f"{SPEC.outlet}:power_w": Value(3000, NOW)}
    state = State(units={"m001": Unit(run_dw=33_456)})
    found = drawn(image([3000, None, None], channels=known), state, WIRES)
    assert found == ((3000, "pdu", True), (3346, "learned", False), (3400, "configured", False))
    plate = WIRES._replace(miners=tuple(spec._replace(nameplate=True) for spec in WIRES.miners))
    assert drawn(image([3000, 5, None]), State(), plate)[0] == (3000, "miner", True)
    assert drawn(image([3000, 5, None]), State(), plate)[2] == (3400, "nameplate", False)


def test_a_unit_nobody_listed_is_shown_with_what_it_says():
    own = "foreman mine/aa:bb"
    told = {
        f"{own}:address": Value("77", 9000), f"{own}:word": Value("hashing", NOW), f"{own}:power_w": Value(3000, NOW),
        f"{own}:hashrate_ths": Value(100, NOW), f"{own} model:text": Value("S19", NOW),
        f"{own} firmware:text": Value("v1", NOW, "", "gone"), f"foreman mine/{SPEC.mac}:address": Value("1", NOW),
        "foreman mine/dead:address": Value(None, NOW), "other x/cc:address": Value("3", NOW),
        "foreman mine:address": Value("9", NOW),
    }  # fmt: skip
    ends = {"foreman mine": EndpointSpec("foreman mine", fleet=True), "other x": EndpointSpec("other x")}
    [one] = unlisted(image([0, 0, 0], channels=told), WIRES._replace(endpoints=ends))
    assert one == ("foreman mine", "aa:bb", "77", 9000, "hashing", 3000, 100.0, "S19", "")


# -- what there is room for -----------------------------------------------------------------------------------------


def view(watts, state=None, wires=WIRES, **seen):
    plant = Plant(wires)
    made = image(watts, **seen)
    state = state or State()
    return View(made, sum_up(made, state, wires), wires, plant.policy.site, state, {})


def test_room_is_what_the_lowest_ceiling_leaves_after_what_is_drawn_and_told():
    seen = view([3400, 25, 25])
    assert free_w(seen, Envelope()) is None
    assert free_w(seen, Envelope(max_power_w=9000, start_max_w=8000)) == 8000 - 3450
    told = view([3400, 25, 25], State(chases={"miner m001": RUN}))
    assert free_w(told, Envelope(max_power_w=9000)) == 9000 - 3450 - 3545
    metered = view([3400, 25, None], meter=12_000)
    assert metered.fleet.other_w == 12_000 - 7165
    assert free_w(metered, Envelope(max_power_w=20_000)) == 20_000 - 7165
    assert free_w(view([0, 0, 0], fans=[(False, 0)] * 2), Envelope(max_power_w=9000)) == 9000


def test_a_miner_fits_when_its_start_just_fits_and_takes_its_room():
    seen = view([25, 25, 25])
    more_w = 3400 * 105 // 100 - 25
    room = Room(seen, Envelope(max_power_w=75 + more_w))
    assert room.lacks(0) is None
    room.take(0)
    assert room.site_w == 0
    assert dict(room.lacks(1).numbers) == {"free_w": 0}
    assert room.lacks(1).code == "no_power"
    assert Room(seen, Envelope(max_power_w=74 + more_w)).lacks(0).code == "no_power"
    assert dict(Room(seen, Envelope(max_power_w=5)).lacks(0).numbers) == {"free_w": 0}
    assert Room(seen, Envelope()).lacks(0) is None


@pytest.mark.parametrize(("kind", "code"), [("breaker", "no_breaker"), ("phase", "no_phase")])
def test_a_branch_and_a_phase_have_room_of_their_own(kind, code):
    specs = tuple(spec._replace(**{kind: "left" if at < 2 else "right"}) for at, spec in enumerate(WIRES.miners))
    seen = view([25, 25, 25], wires=WIRES._replace(miners=specs))
    more_w = 3545

    def room(left_w):
        return Room(seen, Envelope(**{"breakers" if kind == "breaker" else "phases": {"left": left_w}}))

    assert room(50 + more_w).lacks(0) is None
    assert room(49 + more_w).lacks(0).code == code
    assert room(0).lacks(2) is None
    used = room(50 + 2 * more_w - 1)
    used.take(2)
    assert used.lacks(0) is None
    used.take(0)
    assert used.lacks(1).code == code


@pytest.mark.parametrize("kind", ["breaker", "phase"])
def test_a_branch_keeps_room_for_who_is_told_and_for_who_still_climbs(kind):
    specs = tuple(spec._replace(**{kind: "left"}) for spec in WIRES.miners)
    wires = WIRES._replace(miners=specs)
    state = State(chases={"miner m001": RUN}, miners={"m000": MinerBook(on=True, last_start_s=NOW - 1)})
    seen = view([1750, 25, 25], state, wires)
    least_w = 1750 + 1650 + 25 + 3545 + 25 + 3545  # the climbing one, the told one, and the one that asks
    kinds = "breakers" if kind == "breaker" else "phases"
    assert Room(seen, Envelope(**{kinds: {"left": least_w}})).lacks(2) is None
    [(word, name)] = Room(seen, Envelope(**{kinds: {"left": least_w - 1}})).lacks(2).numbers
    assert (word, name) == (kind, "left")


def phased(*names, apart_w, watts=(25, 25, 25), gone=()):
    """Three miners on these phases, of three that the site has."""
    specs = (spec._replace(phase=name) for spec, name in zip(WIRES.miners, names, strict=True))
    specs = tuple(spec._replace(paths=()) if at in gone else spec for at, spec in enumerate(specs))
    phases = tuple(BreakerSpec(name, 99_000) for name in ("L1", "L2", "L3"))
    wires = WIRES._replace(miners=specs, phases=phases)
    return Room(view(list(watts), wires=wires), Envelope(phases_apart_w=apart_w))


def test_a_start_waits_while_its_phase_would_be_too_far_above_the_least_loaded():
    held = phased("L1", "L2", "L1", apart_w=3569).lacks(0)
    assert (held.code, dict(held.numbers)) == ("phases_apart", {"phase": "L1", "ahead_w": 50 + 3545 - 25})
    assert phased("L1", "L2", "L1", apart_w=3570).lacks(0) is None
    assert phased("L1", "L2", "L1", apart_w=None).loads == {}
    room = phased("L1", "L2", "L1", apart_w=0)
    assert room.lacks(0).code == "phases_apart"
    assert room.lacks(1) is None, "one miner may always be the first"
    room.take(1)
    assert room.loads == {"L1": 50, "L2": 25 + 3545}
    assert room.lacks(0) is None
    room.take(0)
    assert room.lacks(2).code == "phases_apart"


def test_phases_are_compared_where_a_miner_of_ours_can_follow():
    assert phased("L1", "L1", "L1", apart_w=0).loads == {"L1": 75}
    alone = phased("L1", "L2", "L1", apart_w=0, gone=(1,))
    assert alone.loads == {"L1": 50}
    assert alone.lacks(0) is None
    other = phased("L1", "", "L2", apart_w=0, watts=(3400, 25, 25))
    assert other.lacks(1) is None, "who hangs on no phase loads none"


# -- what can be commanded ------------------------------------------------------------------------------------------


def test_a_lane_that_is_not_live_is_no_path():
    assert ours(WIRES) is WIRES
    lanes = {**WIRES.lanes, "foreman mine": WIRES.lanes["foreman mine"]._replace(live=False)}
    shut = ours(WIRES._replace(lanes=lanes))
    assert [path.lane for path in shut.miners[0].paths] == ["redfish pdu1"]
    seen = view([0, 0, 0], wires=WIRES._replace(lanes=lanes))
    assert (commandable(seen, "foreman mine"), commandable(seen, "redfish pdu1"), commandable(seen, "new x")) == (
        False, True, True,
    )  # fmt: skip


def test_an_end_answers_until_it_does_not():
    told = {"a x:health": Value("ok", NOW), "b x:health": Value(None, NOW, "", "dead")}
    seen = view([0, 0, 0], channels=told)
    assert (answers(seen, "a x"), answers(seen, "b x"), answers(seen, "never x")) == (True, False, True)


@pytest.mark.parametrize(("age_s", "found"), [(240, "42"), (241, None)])
def test_a_unit_is_called_as_its_lane_called_it_lately(age_s, found):
    gentle, outlet = SPEC.paths
    other = gentle._replace(lane="cloud mine")
    seen = view([0, 0, 0], channels={f"cloud mine/{SPEC.mac}:address": Value("42", NOW - age_s)})
    assert address(seen, SPEC, 0, other) == found
    assert address(seen, SPEC, 0, gentle) == "1"
    assert address(seen, SPEC, 0, outlet) == "A1"
    empty = view([0, 0, 0], channels={f"cloud mine/{SPEC.mac}:address": Value(None, NOW)})
    assert address(empty, SPEC, 0, other) is None
    assert address(view([0, 0, 0]), SPEC, 0, other) is None


def test_a_start_goes_by_the_outlet_where_that_is_off_and_by_the_unit_else():
    dead = {"redfish pdu1:health": Value(None, NOW)}
    lost = image([0, 0, 0]).miners._replace(address=(None, None, None))
    seen, off = view([0, 0, 0], outlets=["on"] * 3), view([0, 0, 0], outlets=["off"] * 3)
    assert startable(seen, SPEC, 0)
    assert not startable(seen._replace(image=seen.image._replace(miners=lost)), SPEC, 0)
    assert startable(off._replace(image=off.image._replace(miners=lost._replace(outlet=("off",) * 3))), SPEC, 0)
    assert not startable(view([0, 0, 0], outlets=["off"] * 3, channels=dead), SPEC, 0)
    assert startable(view([0, 0, 0], outlets=["on"] * 3, channels=dead), SPEC, 0)
    plug = SPEC._replace(paths=SPEC.paths[1:])
    assert not startable(view([0, 0, 0], outlets=["on"] * 3, channels=dead), plug, 0)
    assert startable(seen, plug, 0)
    assert not startable(seen, SPEC._replace(paths=()), 0)


def test_units_on_a_shelf_lend_no_trust_to_a_meter_that_shows_too_little():
    """What a meter may miss is two per cent of the mine that is there: with those on the shelf counted in, one that
    showed nothing bounded who told nothing, and the mine was called dark."""
    aside = tuple(SPEC._replace(id=f"s{at}", mac=f"s{at}", outlet="", flags=("spare",)) for at in range(200))
    seen = image([3400, None, 0, *[None] * 200], meter=0, fans=[(False, 0)] * 2)
    never = (NOW, 0, NOW, *[0] * 200)
    seen = seen._replace(miners=seen.miners._replace(power_at=never, word_at=never, address=("1",) * 3 + (None,) * 200))
    fleet = sum_up(seen, State(), WIRES._replace(miners=(*WIRES.miners, *aside)))
    assert (fleet.away_n, fleet.proof_w) == (200, 3400 + 3740)


def test_a_meter_that_shows_less_than_the_miners_is_no_proof_of_darkness():
    assert summed([3000, 3000, 3000], meter=11_000).proof_w == 9000
    assert summed([3000, 3000, 3000], meter=1000).proof_w == 9000


@pytest.mark.parametrize(
    ("about", "absent"),
    [
        ({}, True),
        ({"flags": ()}, False),
        ({"flags": ("protected",)}, False),
        ({"outlet": "redfish pdu1/A1"}, False),
        ({"power_at": 1}, False),
        ({"word_at": 1}, False),
        ({"address": "1"}, False),
        ({"miners": {SPEC.id: MinerBook()}}, False),
        ({"units": {SPEC.id: Unit(address="1")}}, False),
        ({"units": {SPEC.id: Unit(run_dw=34_000)}}, False),
        ({"units": {SPEC.id: Unit(mac=SPEC.mac)}}, True),
    ],
)
def test_only_one_marked_away_that_nobody_ever_heard_of_counts_nothing(about, absent):
    plain = {"flags": ("spare",), "outlet": ""} | about
    spec = SPEC._replace(flags=plain["flags"], outlet=plain["outlet"])
    seen = image([None, 0, 0])
    never = {what: (about.get(what, empty), NOW, NOW) for what, empty in (("power_at", 0), ("word_at", 0))}
    seen = seen._replace(miners=seen.miners._replace(**never, address=(about.get("address"), "1", "1")))
    state = State(miners=about.get("miners", {}), units=about.get("units", {}))
    fleet = sum_up(seen, state, WIRES._replace(miners=(spec, *WIRES.miners[1:])))
    assert (fleet.on_n, fleet.unknown, fleet.miners_w) == ((0, 0, 0) if absent else (1, 1, 3740))
    listed = sum_up(seen, state, WIRES)
    assert (fleet.nominal_w, fleet.standby_w) == ((6800, 50) if absent else (listed.nominal_w, listed.standby_w))
    assert fleet.away_n == int(absent)
