"""Recorded ticks decided again: equal to the byte, or the first difference by name."""

import gc
import sqlite3
from contextlib import closing

import pytest
from play.days import play

from mine_controller.core.decide import decide
from mine_controller.core.freeze import freeze
from mine_controller.core.model.state import MinerBook, State, Unit
from mine_controller.play import replay as room
from mine_controller.play.replay import Part, paths_to
from mine_controller.play.sweep import spread
from mine_controller.ports.code import deciding
from mine_controller.store import query
from mine_controller.store.codec import sha
from mine_controller.store.policies import pack_policy
from mine_controller.store.ran_on import Policies

FOR_EVER_S = 1 << 36


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """Two hours and a half with a curtailment, recorded by a real tick's store."""
    _, config = play(tmp_path_factory.mktemp("day"), "14:00 signal off for 30m\n", hours=2.5, miners=12)
    return config.paths.db


@pytest.fixture
def copy(day, tmp_path):
    """A copy to spoil: `copy(sql, ...)` runs a statement on it and gives its path."""
    there = tmp_path / "copy.db"
    there.write_bytes(day.read_bytes())

    def spoil(sql="SELECT 1", *values):
        with closing(sqlite3.connect(there)) as db, db:
            db.execute(sql, values)
        db.close()
        return there

    return spoil


def replayed(db, since=0, *, each_hour=False):
    found = room.Replayed()
    for part in room.parts(paths_to(str(db)), since, FOR_EVER_S, each_hour=each_hour):
        found = found.plus(room.replay(part))
    return found


def rows(db, sql):
    with closing(sqlite3.connect(db)) as opened, opened:
        found = opened.execute(sql).fetchall()
    opened.close()
    return found


def test_the_sweeper_of_circles_is_given_back_as_it_was_even_after_a_damaged_record(copy):
    before = gc.get_threshold()
    replayed(copy())
    assert gc.get_threshold() == before
    with pytest.raises(ValueError, match="unreadable"):
        replayed(copy("UPDATE records SET body = x'00'"))
    assert gc.get_threshold() == before


@pytest.mark.parametrize("each_hour", [False, True])
def test_every_recorded_tick_comes_out_the_same(day, each_hour):
    """G11."""
    found = replayed(day, each_hour=each_hour)
    assert (found.ticks, found.differ, found.gaps, found.first) == (75, 0, (), None)
    assert found.rounds > found.ticks
    assert found.codes == (deciding(),)


def test_a_stretch_in_the_middle_begins_at_the_anchor_before_it(day):
    [(middle,)] = rows(day, "SELECT tick_at FROM mine_states ORDER BY tick_at LIMIT 1 OFFSET 50")
    found = replayed(day, middle)
    assert (found.ticks, found.differ, found.gaps) == (25, 0, ())


def test_stretches_side_by_side_say_what_one_alone_says(day, monkeypatch):
    alone = replayed(day)
    monkeypatch.setattr(room, "PART_S", 3600)
    todo = room.parts(paths_to(str(day)), 0, FOR_EVER_S)
    assert len(todo) > 2
    together = room.Replayed()
    for _, one in spread(room.replay, todo, 2):
        together = together.plus(one)
    assert together == alone


def with_cap(copy, watts):
    """A copy whose policy says another cap than the one the ticks ran on."""
    db = copy()
    [(sha,)] = rows(db, "SELECT sha FROM configs")
    policy = Policies(paths_to(str(db))).of(sha)
    tighter = policy._replace(site=policy.site._replace(power_cap_w=watts))
    return copy("UPDATE configs SET policy = ?", pack_policy(tighter))


def test_the_first_difference_is_named_with_tick_field_both_values_and_rule(copy):
    db = with_cap(copy, 20_000)
    found = replayed(db)
    [(first,)] = rows(db, "SELECT min(tick_at) FROM mine_states")
    assert found.faults == found.differ > 0
    assert (found.first.tick_at, found.first.round) == (first, 0)
    assert found.first.was != found.first.now
    assert found.first.rule in ("cap", "temperature", "air", "signal", "boot")
    assert any(one.rule == "cap" and "cap" in one.now for one in found.differences)


def test_what_another_version_decided_otherwise_is_no_fault(copy):
    db = with_cap(copy, 20_000)
    copy("UPDATE mine_states SET code = '0.0.1'")
    found = replayed(db)
    assert (found.faults, found.codes) == (0, ("0.0.1",))
    assert found.differ > 0
    assert found.first.code == "0.0.1"


def test_a_difference_of_the_hash_alone_is_found_in_the_state_at_the_next_anchor(copy, monkeypatch):
    """The wear book of one miner is miscounted: nothing that is written in words shows it."""
    usual = room.decide

    def miscounts(image, state, policy):
        decision = usual(image, state, policy)
        name = policy.wiring.miners[0].id
        book = decision.state.miners.get(name, MinerBook())._replace(hard_stops=7)
        return decision._replace(state=decision.state._replace(miners={**decision.state.miners, name: book}))

    monkeypatch.setattr(room, "decide", miscounts)
    db = copy()
    [(first,)] = rows(db, "SELECT tick_at FROM mine_states ORDER BY tick_at LIMIT 1 OFFSET 1")
    found = replayed(db, first)
    assert found.first.tick_at == first
    assert found.first.field == "state.miners.a001.hard_stops"
    assert (found.first.was, found.first.now) == ("0", "7")


def test_a_tick_that_is_missing_is_a_gap_until_the_next_anchor(copy):
    db = copy()
    [(lost,)] = rows(db, "SELECT tick_at FROM mine_states ORDER BY tick_at LIMIT 1 OFFSET 40")
    copy("DELETE FROM records WHERE id >= ? AND id < ?", lost * 64, (lost + 1) * 64)
    found = replayed(db)
    assert found.differ == 0
    assert found.gaps[0].tick_at > lost
    assert found.gaps[0].why == "its first state is not the one the tick before it left"
    assert found.ticks + len(found.gaps) == 74
    assert 0 < len(found.gaps) < 30


def test_a_config_that_is_not_kept_is_said(copy):
    found = replayed(copy("DELETE FROM configs"))
    assert found.ticks == 0
    assert found.gaps[0].why == "the config it ran on is not kept"


def test_a_damaged_record_is_no_silent_pass(copy):
    db = copy("UPDATE records SET body = x'00' WHERE id = (SELECT max(id) FROM records)")
    with pytest.raises(ValueError, match="unreadable body"):
        replayed(db)


def test_an_empty_database_has_nothing_to_replay(tmp_path):
    assert replayed(tmp_path / "none.db") == room.Replayed()


def test_leaves_that_differ_are_named_by_their_path():
    one = State(memory={"signal": {"since_s": 3}}, miners={"a1": MinerBook(starts=2)})
    other = one._replace(memory={"signal": {"since_s": 4}})
    assert list(room.unlike(one, other, "state")) == [("state.memory.signal.since_s", "3", "4")]
    assert list(room.unlike(one, one._replace(mode_s=0), "state")) == []
    assert list(room.unlike({"a": 1}, {}, "x")) == [("x.a", "1", "null")]


def test_answers_follow_their_unit_when_the_numbers_of_commands_have_moved(day):
    [recorded, *_] = [one for one in room.query.records(paths_to(str(day)), 0, FOR_EVER_S) if len(one.outcomes) > 1]
    moved = tuple(reversed(recorded.commands))
    renamed = tuple(command._replace(id=f"x.{at}") for at, command in enumerate(moved))
    by_unit = {command.id: command.target for command in (*recorded.commands, *renamed)}
    answers = room._answers(recorded, renamed)
    assert [by_unit[one.command] for one in answers] == [by_unit[one.command] for one in recorded.outcomes]
    assert room._answers(recorded, ()) == ()


def test_a_part_is_all_a_process_is_handed(day):
    assert room.replay(Part(str(day), 0, FOR_EVER_S)).ticks == 75


def decisions_of(db):
    """Every decision of the stretch, decided again."""
    seen = []
    policies = Policies(paths_to(str(db)))
    state, image = State(), None
    for recorded in query.records(paths_to(str(db)), 0, FOR_EVER_S):
        policy = policies.of(rows(db, "SELECT sha FROM configs")[0][0])
        image = freeze(image, recorded.readings, policy.wiring, recorded.clock, recorded.requests)
        seen.append(decide(image, state, policy))
        state = seen[-1].state
    return seen


def test_the_hash_that_keeps_the_units_written_is_the_hash(day):
    made = decisions_of(day)
    assert len({id(one.state.units) for one in made}) < len(made)  # some books are the very one before
    kept = room._Hash()
    assert [kept.of(one) for one in made] == [sha(one) for one in made]
    moved = made[-1]._replace(state=made[-1].state._replace(units={"a001": Unit(address="10.0.0.9")}))
    assert kept.of(moved) == sha(moved) != sha(made[-1])
    endless = moved._replace(forecast={"seconds": float("inf")})
    assert kept.of(endless) == sha(endless)
