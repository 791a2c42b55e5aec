"""Export: every sort of row, in pieces, oldest first."""

import sqlite3
from contextlib import closing

import pytest
from store import ledger
from store.test_store import full_book, run_ticks

from mine_controller.ops import export
from mine_controller.store import query
from mine_controller.store.codec import squeeze
from mine_controller.store.db import Places, iso

EVER = 253_402_300_799


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "PIECE", 3)
    paths = Places.under(tmp_path)
    rules = ledger.policy(4)
    run_ticks(paths, rules, 62, book=full_book(rules), events=1)
    return paths


def rows(paths, sort, since=0, until=EVER):
    return [row for piece in export.pieces(paths, sort, since, until) for row in piece]


def test_states_come_oldest_first_and_all_of_them(paths):
    found = rows(paths, "states")
    assert len(found) == export.how_many(paths, "states", 0, EVER) == 62
    assert [row[0] for row in found] == sorted(row[0] for row in found)
    assert len(found[0]) == len(export.SORTS["states"].columns)


@pytest.mark.parametrize("sort", ["states", "ticks", "events", "telemetry"])
def test_a_span_is_closed_at_both_ends(paths, sort):
    since, until = ledger.NOON + 120, ledger.NOON + 360
    found = rows(paths, sort, since, until)
    assert len(found) == 3 * (4 if sort == "telemetry" else 1)


def test_events_carry_their_hash(paths):
    found = rows(paths, "events")
    assert found[-1][-1] == query.chain(paths).last
    assert [row[0] for row in found] == list(range(1, 63))


def test_telemetry_is_a_row_a_miner_and_tick(paths):
    found = rows(paths, "telemetry")
    assert len(found) == 62 * 4
    first = dict(zip(export.TELEMETRY, found[0], strict=True))
    assert (first["timestamp"], first["miner_id"], first["word"]) == (iso(ledger.NOON), "a000", "hashing")
    assert 3300 <= first["power_w"] < 3500


@pytest.mark.parametrize(
    "body", ["{}", "null", "[", '{"word":[0],"words":[]}', '{"word":[5,5,5,5],"words":["hashing"]}']
)
def test_a_damaged_row_of_telemetry_is_told_with_its_time(paths, body):
    with closing(sqlite3.connect(paths.db)) as db, db:
        db.execute("UPDATE telemetry SET body = ? WHERE tick_at = ?", (body, ledger.NOON + 240))
    with pytest.raises(ValueError, match=iso(ledger.NOON + 240)):
        rows(paths, "telemetry")
    assert rows(paths, "telemetry", ledger.NOON + 241)


def test_stats_and_hours_are_what_an_hour_left(paths):
    assert len(rows(paths, "stats")) == 2 * 4
    found = rows(paths, "hours")
    assert {row[0] for row in found} == {iso(ledger.NOON), iso(ledger.NOON + 3600)}
    power = next(row for row in found if row[1] == "power_w")
    assert power[2] <= power[3] <= power[4]
    assert any(row[1] == "miner a003:chip_c" for row in found)


HOURS = (
    b"\0",
    squeeze(None),
    squeeze({"fleet": 0, "miners": {}}),
    squeeze({"fleet": 0, "miners": {}, "site": []}),
    squeeze({"fleet": 0, "miners": {}, "site": {"power_w": 5}}),
    squeeze({"fleet": 1, "miners": {"chip_c": [[1.0], [1.0], [1.0]]}, "site": {}}),
)


@pytest.mark.parametrize("body", HOURS, ids=range(len(HOURS)))
def test_a_damaged_hour_is_told_with_its_time(paths, body):
    with closing(sqlite3.connect(paths.db)) as db, db:
        db.execute("UPDATE hours SET body = ? WHERE hour_at = ?", (body, ledger.NOON + 3600))
    with pytest.raises(ValueError, match=iso(ledger.NOON + 3600)):
        rows(paths, "hours")


def test_miners_come_once(paths):
    assert [row[0] for row in rows(paths, "miners")] == ["a000", "a001", "a002", "a003"]
