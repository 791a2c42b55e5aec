from hypothesis import given
from hypothesis import strategies as st
from store import ledger

from mine_controller.core.model.book import Book
from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.image import Request
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.reason import Reason
from mine_controller.store.codec import sha
from mine_controller.store.records import (
    pack_answers,
    pack_commands,
    pack_record,
    record_id,
    unpack_answers,
    unpack_commands,
    unpack_record,
)

WORDS = st.text(max_size=6)
KEYS = (
    st.sampled_from(
        ["roomalert intake/1:temp_c", "foreman mine/aa:bb:address", "x:y", "foreman mine/aa:bb:word", "odd"]
    )
    | WORDS
)
SCALARS = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
READINGS = st.lists(st.builds(Reading, KEYS, SCALARS, st.integers(0, 9), WORDS, st.sampled_from(["measured", "test"])))
REASONS = st.builds(Reason, WORDS, WORDS, st.lists(st.tuples(WORDS, st.integers() | WORDS), max_size=2).map(tuple))
COMMANDS = st.lists(
    st.builds(
        Command,
        st.sampled_from(["7.0.1", "7.0.2", "7.1.2", "odd", "7.0.01"]),
        WORDS,
        WORDS,
        WORDS,
        WORDS,
        st.integers(0, 3),
        REASONS,
    )
)


def a_round(**changes):
    rules = ledger.policy(2)
    made = ledger.make_tick(rules, Book(ledger.full_state(rules)), ledger.NOON, requests=changes.pop("requests", ()))
    return made.rounds[0]._replace(**changes)


@given(READINGS)
def test_readings_come_back_exactly_and_in_order_whatever_names_are_shortened(readings):
    names = ["1", "aa:bb", "abc"]

    def code(name):
        return names.index(name) if name in names else name

    def name(code):
        return names[code] if isinstance(code, int) else code

    body = pack_record(a_round(readings=tuple(readings)), ledger.facts(ledger.NOON), "in", code)
    assert repr(unpack_record(record_id(7, 0), body, name).readings) == repr(tuple(readings))


def test_a_record_holds_clock_requests_facts_and_both_hashes():
    request = Request(3, 1, "cli", "ann", "set-state", ("signal", "off"), "test", 9, ("stand-in",), 1000, "pts/1")
    this = a_round(requests=(request,))
    found = unpack_record(
        record_id(77, 5), pack_record(this, ledger.facts(9), "aa", lambda name: name), lambda code: code
    )
    assert (found.tick_at, found.round, found.clock, found.requests) == (77, 5, this.clock, (request,))
    assert (found.facts, found.state_sha, found.decision_sha) == (ledger.facts(9), "aa", sha(this.decision))
    assert (found.mode, found.why) == (this.decision.mode, this.decision.why)


def test_what_no_rule_reads_is_not_recorded():
    this = a_round(readings=(Reading("a b/1:hashrate_ths", 1.5, 3), Reading("a b/1:power_w", 7, 3)))
    found = unpack_record(64, pack_record(this, ledger.facts(9), "", lambda name: name), lambda code: code)
    assert [reading.key for reading in found.readings] == ["a b/1:power_w"]


@given(COMMANDS)
def test_commands_come_back_exactly(commands):
    assert unpack_commands(pack_commands(commands)) == tuple(commands)


@given(
    st.lists(
        st.builds(
            Outcome,
            st.sampled_from(["7.0.1", "7.0.2", "elsewhere"]),
            WORDS,
            WORDS,
            st.none() | WORDS,
            st.integers(0, 99),
        )
    )
)
def test_answers_come_back_in_the_order_they_came(outcomes):
    reason = Reason("a", "b")
    commands = tuple(Command(f"7.0.{n}", f"miner {n}", "stop", "lane", "1", 0, reason) for n in (1, 2))
    assert unpack_answers(pack_answers(commands, outcomes), commands) == tuple(outcomes)


def test_a_hundred_and_sixty_stops_for_one_reason_take_four_kilobytes():
    rules = ledger.policy(160)
    commands = tuple(ledger.order(rules, ledger.NOON, n) for n in range(160))
    assert len(pack_commands(commands)) < 4500


def test_a_full_round_of_a_hundred_and_sixty_miners_takes_less_than_two_kilobytes():
    rules = ledger.policy(160)
    made = ledger.make_tick(rules, Book(ledger.full_state(rules)), ledger.NOON)
    names = {}
    body = pack_record(made.rounds[0], ledger.facts(9), "a" * 64, lambda name: names.setdefault(name, len(names)))
    assert len(body) < 1800
