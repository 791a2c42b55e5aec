import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store import ledger

from mine_controller.core.freeze import freeze
from mine_controller.core.model.clock import Clock, Local
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase, Errand, FanBook, MinerBook, Override, Shed, State, Unit
from mine_controller.store.codec import canonical
from mine_controller.store.state import (
    ClockFacts,
    clock_facts,
    pack_clock,
    pack_image,
    pack_state,
    unpack_clock,
    unpack_image,
    unpack_state,
    with_clock_facts,
)

NAMES = st.text(max_size=6)
WHEN = st.integers(0, 100_000)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES
TREES = st.dictionaries(
    NAMES, st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)), max_size=3
)
TIMES = st.lists(WHEN, max_size=3).map(tuple)
BOOKS = st.builds(
    MinerBook, st.booleans(), WHEN, WHEN, WHEN, NAMES, WHEN, TIMES, NAMES, WHEN, TIMES, WHEN
)  # fmt: skip
STATES = st.builds(
    State,
    version=st.just(1),
    memory=st.dictionaries(NAMES, TREES, max_size=3),
    miners=st.dictionaries(NAMES, BOOKS, max_size=4),
    fans=st.dictionaries(NAMES, st.builds(FanBook, NAMES, WHEN, WHEN, TIMES, WHEN, WHEN), max_size=3),
    chases=st.dictionaries(
        NAMES,
        st.builds(Chase, NAMES, WHEN, WHEN, WHEN, st.none() | WHEN, NAMES, st.none() | NAMES, NAMES, NAMES),
        max_size=3,
    ),
    overrides=st.lists(st.builds(Override, NAMES, NAMES, NAMES, WHEN, NAMES, NAMES, WHEN), max_size=2).map(tuple),
    shed=st.none()
    | st.builds(
        Shed,
        WHEN,
        WHEN,
        NAMES,
        WHEN,
        WHEN,
        *[st.none() | WHEN] * 5,
        WHEN,
        WHEN,
        NAMES,
        *[st.none() | WHEN] * 2,
        WHEN,
        WHEN,
        WHEN,
        st.none() | WHEN,
        WHEN,
    ),
    mode=NAMES,
    mode_s=WHEN,
    alarms=st.dictionaries(NAMES, TREES, max_size=2),
    lanes=st.dictionaries(NAMES, st.floats(0, 1000), max_size=2),
    last=st.dictionaries(NAMES, LEAVES, max_size=3),
    errands=st.lists(
        st.builds(Errand, NAMES, NAMES, NAMES, WHEN, WHEN, WHEN, st.none() | WHEN, NAMES, NAMES, NAMES), max_size=3
    ).map(tuple),
    settling=st.dictionaries(NAMES, WHEN, max_size=2),
    units=st.dictionaries(NAMES, st.builds(Unit, WHEN, WHEN, NAMES, NAMES, NAMES, WHEN, WHEN, NAMES), max_size=4),
)


def through(state):
    return unpack_state(json.loads(json.dumps(pack_state(state))))


def packed(**changes):
    tree = json.loads(json.dumps(pack_state(ledger.full_state(ledger.policy(2))._replace(last={"plant_s": 10_000}))))
    tree.update(changes)
    return tree


@given(STATES)
def test_a_state_comes_back_exactly_and_without_a_note(state):
    back, notes = through(state)
    assert (back, notes) == (state, ())
    assert repr(back) == repr(state)
    assert canonical(back) == canonical(state)


@given(
    st.recursive(
        LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*State._fields, "", "on"]), inner)
    )
)
def test_any_tree_at_all_gives_a_state_and_never_an_error(tree):
    state, _ = unpack_state(tree)
    assert unpack_state(json.loads(json.dumps(pack_state(state))))[0] == state


def test_a_field_this_program_does_not_know_is_left_out_and_told():
    state, notes = unpack_state(packed(colour="blue"))
    assert len(state.miners) == 2
    assert notes == ("state: unknown field 'colour' left out",)


def test_a_missing_field_gets_its_default_and_is_told():
    tree = packed()
    del tree["miners"]["hard_stops"]
    state, notes = unpack_state(tree)
    assert [book.hard_stops for book in state.miners.values()] == [0, 0]
    assert notes == ("miners: hard_stops is missing",)


@pytest.mark.parametrize("bad", [-5, "soon", None, 1.5, True, 10**30, 200_000])
def test_a_miner_whose_last_stop_makes_no_sense_counts_as_just_stopped(bad):
    tree = packed()
    tree["miners"]["last_stop_s"][0] = bad
    state, notes = unpack_state(tree)
    assert state.miners["a000"].last_stop_s == 10_000
    assert state.miners["a001"].last_stop_s == 8000
    assert len(notes) == 1


def test_a_fan_with_a_damaged_proof_is_not_proven():
    tree = packed(
        fans={
            "": ["1"],
            "state": ["proven"],
            "since_s": [5],
            "proven_s": ["x"],
            "bad_at": [[]],
            "run_s": [1],
            "starts": [1],
        }
    )
    state, notes = unpack_state(tree)
    assert state.fans["1"].proven_s == 0
    assert len(notes) == 1


def test_a_chase_that_can_not_be_read_is_dropped_because_wanted_and_seen_make_it_again():
    tree = packed(chases={"": ["miner a000", "fan 1"], **{name: [] for name in Chase._fields}})
    for name, value in Chase("stop", 0, 1, 9000)._asdict().items():
        tree["chases"][name] = [value, value]
    tree["chases"]["want"][1] = 7
    state, notes = unpack_state(tree)
    assert list(state.chases) == ["miner a000"]
    assert len(notes) == 1


def test_a_curtailment_of_what_meters_show_below_nothing_goes_on():
    """A dark plug may show -1 W: that is no damage, and the event is neither begun anew nor told as a sick database."""
    state = State(last={"plant_s": 500}, shed=Shed(300, 300, "signal", -1, 80, confirmed_w=-2))
    assert unpack_state(json.loads(json.dumps(pack_state(state)))) == (state, ())


def test_a_damaged_errand_is_not_sent_again():
    errand = Errand("a000", "restart", "", 4, 9000, 1, 9001, "", "", "9.9.0")
    tree = packed(errands={name: [value, value] for name, value in errand._asdict().items()})
    tree["errands"]["sent_s"][0] = "soon"
    state, notes = unpack_state(tree)
    assert state.errands == (errand,)
    assert len(notes) == 1


def test_a_unit_whose_last_write_makes_no_sense_counts_as_just_written_to():
    tree = packed(units={"": ["a000"], **{name: [value] for name, value in Unit()._asdict().items()}})
    tree["units"]["flash_s"][0] = -3
    state, _ = unpack_state(tree)
    assert state.units["a000"].flash_s == 10_000


def test_a_state_of_another_version_is_read_as_far_as_it_goes_and_says_so():
    state, notes = unpack_state(packed(version=9))
    assert len(state.miners) == 2
    assert "version 9" in notes[0]


def test_columns_of_unequal_length_lose_the_field_and_not_the_miners():
    tree = packed()
    tree["miners"]["starts"].pop()
    state, notes = unpack_state(tree)
    assert [book.starts for book in state.miners.values()] == [0, 0]
    assert notes


def test_the_clock_facts_ride_in_the_state():
    facts = ClockFacts(10_000, "boot", 500, 1_772_366_400)
    assert clock_facts(with_clock_facts(State(last={"starts": [1]}), facts)) == facts


@pytest.mark.parametrize(
    "last",
    [
        {},
        {"plant_s": 1, "boot_id": 2, "boot_s": 3, "wall_s": 4},
        {"plant_s": -1, "boot_id": "a", "boot_s": 1, "wall_s": 1},
    ],
)
def test_clock_facts_that_are_none_are_none(last):
    assert clock_facts(State(last=last)) is None


def test_a_clock_comes_back_and_an_older_one_gets_the_new_fields_defaults():
    clock = Clock(10, 20, local=Local("2026-03-01", 5, 6), opening=False)
    assert unpack_clock(json.loads(json.dumps(pack_clock(clock)))) == clock
    assert unpack_clock(pack_clock(clock)[:6]).rebooted is False
    for broken in (None, [], [1, 2], [1, 2, True, False, 7, 1]):
        with pytest.raises(ValueError, match="clock"):
            unpack_clock(broken)


def test_an_image_comes_back_with_every_channel_and_its_age():
    rules = ledger.policy(3)
    image = freeze(None, ledger.readings(rules, ledger.NOON), rules.wiring, ledger.clock(ledger.NOON))
    later = freeze(image, ledger.readings(rules, ledger.NOON + 120)[:9], rules.wiring, ledger.clock(ledger.NOON + 120))
    odd = later._replace(channels={**later.channels, "x": Value(None, 0, "elsewhere", "never read")})
    back = unpack_image(json.loads(json.dumps(pack_image(odd))))
    assert repr(back.channels) == repr(odd.channels)
    assert (back.clock, back.tickets) == (odd.clock, odd.tickets)
    assert freeze(back, (), rules.wiring, later.clock).site == freeze(odd, (), rules.wiring, later.clock).site


def test_a_damaged_image_is_refused():
    for tree in (None, {}, {"tickets": {}, "clock": [1], "channels": {}}, {"tickets": {}, "channels": 3}):
        with pytest.raises(ValueError, match="unreadable"):
            unpack_image(tree)
