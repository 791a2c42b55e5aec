"""Recorded ticks decided again: byte for byte, from any tick on, with gaps said."""

import sqlite3
import time
from contextlib import closing

import pytest
from cli.place import Place

from mine_controller.core.model.reading import Reading
from mine_controller.ops import recall as room
from mine_controller.ops.recall import Gap, Recalled, kept_book, last_seen, of_time, recall, recall_tick
from mine_controller.ports import journal
from mine_controller.ports.code import deciding
from mine_controller.store import loading, query
from mine_controller.store.db import Places, StoreTrouble
from mine_controller.store.state import pack_state

FOR_EVER = 2**40


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def eventful(place):
    place.ticks(3, of=46)
    place.plant.signal = "off"
    place.ticks(4)
    place.plant.signal = "run"
    return place.ticks(35).ticks(4)


def test_every_round_is_decided_again_byte_for_byte(place):
    found = list(recall(eventful(place).config.paths, 0, FOR_EVER))
    assert all(isinstance(one, Recalled) and one.same for one in found)
    assert len({one.recorded.tick_at for one in found}) == 46
    assert {"RUNNING", "CURTAILING", "CURTAILED", "RESUMING"} <= {one.decision.mode for one in found}


def test_it_may_begin_at_any_tick_because_an_anchor_lies_before_it(place):
    paths = eventful(place).config.paths
    ticks = [row.tick_at for row in query.ticks(paths, limit=100)][::-1]
    assert len(query.anchors(paths)) >= 2
    for at in (1, 30, 35, 45):
        found = list(recall(paths, ticks[at], ticks[at]))
        assert [one.recorded.tick_at for one in found] == [ticks[at]] * len(found)
        assert all(one.same for one in found)


def test_the_book_of_the_last_round_is_the_one_the_store_keeps(place):
    paths = eventful(place).config.paths
    last = list(recall(paths, 0, FOR_EVER))[-1]
    kept = kept_book(paths)
    assert last.book.state.miners == kept.state.miners
    assert last.book.state.mode == kept.state.mode
    assert last.book.image.channels == kept.image.channels


def test_a_lost_tick_is_a_gap_until_the_next_anchor(place):
    paths = eventful(place).config.paths
    ticks = [row.tick_at for row in query.ticks(paths, limit=100)][::-1]
    with closing(sqlite3.connect(paths.db)) as db, db:
        db.execute("DELETE FROM records WHERE id / 64 = ?", (ticks[3],))
    db.close()
    found = list(recall(paths, 0, FOR_EVER))
    gaps = [one for one in found if isinstance(one, Gap)]
    assert gaps[0] == Gap(ticks[4], "its first state is not the one the tick before it left")
    assert gaps[-1].tick_at in query.anchors(paths)
    assert isinstance(found[-1], Recalled)
    assert found[-1].same


def run_twice(place):
    """A clock that is 100 minutes ahead for two hours and more, and is then set right: those minutes run again."""
    place.began = 1_789_000_000 - place.plant.now
    place.ticks(70)
    place.began -= 6_007
    return place.ticks(60)


def test_clk2_every_tick_of_hours_that_ran_twice_is_decided_again_but_the_one_after_the_step(place):
    paths = run_twice(place).config.paths
    ticks = [row.tick_at for row in query.ticks(paths, until=FOR_EVER, limit=200)]
    assert len(ticks) == 130
    first = 1_789_000_000 + 70 * 120 - 6_007  # it goes on from a tick whose name comes after it
    for at in ticks[::7]:
        assert at == first or all(isinstance(one, Recalled) and one.same for one in recall_tick(paths, at)), at
    assert not last_seen(paths, place.config.policy).decided_again
    every = list(recall(paths, 0, FOR_EVER))
    assert [one.tick_at for one in every if isinstance(one, Gap)] == [first]
    assert all(one.same for one in every if isinstance(one, Recalled))


def test_clk2_of_two_ticks_of_one_time_the_newer_one_is_meant_and_the_older_one_named(place):
    paths = run_twice(place).config.paths
    begins = 1_789_000_000
    assert of_time(paths, begins + 1_200) == (begins + 1_200, 0), "before the hours that ran twice"
    newer, older = of_time(paths, begins + 6_000)
    assert (newer, older) == (begins + 5_993, begins + 6_000)
    assert of_time(paths, begins + 5_999) == (begins + 5_993, begins + 5_880)
    assert of_time(paths, begins - 1) is None


def test_the_last_tick_is_seen_with_its_decision(place):
    seen = last_seen(place.ticks(3).config.paths, place.config.policy)
    assert (seen.book.decision.mode, seen.decided_again) == ("RUNNING", False)


def test_what_no_decision_reads_is_seen_as_the_last_tick_read_it(place, monkeypatch):
    """Records leave hash rates out: without them a page of the service showed those of an hour ago, or none."""
    real, rates = place.plant.readings, iter((99.5, 101.25, 104.75))

    def readings(of):
        told = "foreman mine/02:11:22:33:00:00:hashrate_ths"
        return [*real(of), *([Reading(told, next(rates), place.plant.now)] if "foreman mine" in of else [])]

    monkeypatch.setattr(place.plant, "readings", readings)
    seen = last_seen(place.ticks(3).config.paths, place.config.policy)
    assert not seen.decided_again
    assert seen.book.image.channels["foreman mine/02:11:22:33:00:00:hashrate_ths"].value == 104.75
    assert seen.book.image.channels == kept_book(place.config.paths).image.channels


def test_without_its_record_the_last_tick_is_decided_afresh_from_what_it_left(place):
    place.ticks(3)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("DELETE FROM records")
    db.close()
    seen = last_seen(place.config.paths, place.config.policy)
    assert (seen.book.decision.mode, seen.decided_again) == ("RUNNING", True)


def test_no_tick_is_nothing_seen(place):
    assert last_seen(place.config.paths, place.config.policy) is None
    assert list(recall(place.config.paths, 0, FOR_EVER)) == []


def test_what_was_seen_before_the_last_boot_is_still_shown(place):
    assert kept_book(place.ticks(1).config.paths).image is not None
    assert query.last_book(place.config.paths, "another boot").book.image is None


def test_a_round_of_another_program_is_said_to_differ(place, monkeypatch):
    place.ticks(2)
    real = room.decide
    monkeypatch.setattr(room, "decide", lambda *given: real(*given)._replace(mode="IDLE"))
    assert not any(one.same for one in recall(place.config.paths, 0, FOR_EVER))


@pytest.mark.parametrize("damage", ["garbage", "state"])
def test_a_database_that_can_not_be_read_is_trouble_and_no_empty_book(place, damage):
    paths = place.ticks(2).config.paths
    if damage == "state":
        with closing(sqlite3.connect(paths.db)) as db, db:
            db.execute("UPDATE state SET round = 3")
        db.close()
    else:
        paths.db.write_bytes(b"\0garbage" * 999)
    with pytest.raises(StoreTrouble):
        kept_book(paths)


def test_before_the_first_tick_the_book_is_empty_and_nothing_is_wrong(tmp_path):
    assert kept_book(Places.under(tmp_path)).state.alarms == {}


def other_state(state):
    tree = pack_state(state)
    del tree["units"]["mac"]
    return tree


def upgraded(place, monkeypatch):
    """Four ticks of a program that kept other fields and made another policy of the same config, then two of this, all
    in the middle of an hour: behind the copy of its state that each hour begins with the four can be followed."""
    place.began = int(time.time()) // 3600 * 3600 - 2400 - place.plant.now
    policy = place.config.policy
    with monkeypatch.context() as then:
        then.setattr(loading, "pack_state", other_state)
        then.setattr(journal, "deciding", lambda _run: "0.0+01d01d01")
        place.config = place.config._replace(policy=policy._replace(rules={}))
        place.ticks(4, of=6)
    place.config = place.config._replace(policy=policy)
    place.ticks(2)
    return [row.tick_at for row in query.ticks(place.config.paths, limit=100)][::-1]


def test_every_tick_after_an_upgrade_is_decided_again_from_the_first_on(place, monkeypatch):
    ticks = upgraded(place, monkeypatch)
    for at in ticks[4:]:
        found = recall_tick(place.config.paths, at)
        assert found
        assert all(isinstance(one, Recalled) and one.same for one in found)
    assert not last_seen(place.config.paths, place.config.policy).decided_again


def test_a_tick_of_before_an_upgrade_says_which_version_decided_it(place, monkeypatch):
    ticks = upgraded(place, monkeypatch)
    (gap,) = recall_tick(place.config.paths, ticks[2])
    why = f"version 0.0+01d01d01 decided it, which this program ({deciding()}) can't follow step by step"
    assert gap == Gap(ticks[2], why)
