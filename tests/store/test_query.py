import pytest
from store import ledger
from store.test_store import SHA, full_book, run_ticks

from mine_controller.core.model.reason import Event, Reason
from mine_controller.store import query
from mine_controller.store.db import iso
from mine_controller.store.history import COLUMNS, SERIES
from mine_controller.store.store import Extra, open_store


def files_of(paths):
    return sorted((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in paths.db.parent.rglob("*"))


def test_readers_of_a_site_that_never_ran_find_nothing_and_make_nothing(paths):
    found = query.last_book(paths)
    assert (found.book.image, found.trouble) == (None, ())
    assert query.history(paths) == query.events(paths) == query.ticks(paths) == query.record(paths, 1) == ()
    assert query.hours(paths) == query.miners(paths) == query.letters(paths) == query.anchors(paths) == ()
    assert (query.anchor(paths, 9), query.policy_text(paths, "x"), query.broken_event(paths)) == (None, None, None)
    assert query.day_series(paths, 0).at == []
    assert files_of(paths) == []


def test_a_dry_run_reads_what_a_tick_would_and_touches_no_file(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    before = files_of(paths)
    found = query.last_book(paths, ledger.BOOT, SHA)
    assert found.book.image is not None
    assert files_of(paths) == before
    with open_store(paths, "1.0") as store:
        assert store.load(ledger.BOOT, SHA) == found


def test_reading_goes_on_while_a_writer_is_in_the_middle_of_a_transaction(paths, rules):
    run_ticks(paths, rules, 2)
    with open_store(paths, "1.0") as store:
        store._db.execute("BEGIN IMMEDIATE")
        store._db.execute("DELETE FROM mine_states")
        assert len(query.history(paths)) == 2
        store._db.execute("ROLLBACK")


def test_a_column_that_does_not_exist_is_named(paths):
    with pytest.raises(ValueError, match="no column 'mode; DROP TABLE state'"):
        query.history(paths, columns=("mode; DROP TABLE state",))


def test_history_is_narrowed_by_time_newest_first(paths, rules):
    run_ticks(paths, rules, 5)
    rows = query.history(paths, ledger.NOON + 120, ledger.NOON + 360, ("tick_at", "mode"))
    assert rows == tuple((ledger.NOON + n, "RUNNING") for n in (360, 240, 120))


def test_clk2_the_newest_tick_is_the_one_of_the_state_and_not_the_latest_name(paths, rules):
    """A clock a day ahead, set right again: what was written by it would be shown as the newest for a day."""
    run_ticks(paths, rules, 2, start=ledger.NOON + 86_400)
    run_ticks(paths, rules, 3)
    assert [row.tick_at for row in query.ticks(paths, limit=2)] == [ledger.NOON + 240, ledger.NOON + 120]
    assert query.history(paths, columns=("tick_at",), most=1) == ((ledger.NOON + 240,),)
    assert len(query.ticks(paths)) == 3
    assert len(query.ticks(paths, until=ledger.NOON + 2 * 86_400)) == 5


def test_clk2_the_newest_event_is_the_one_written_last_and_not_the_latest_time(paths, rules):
    """A clock a day ahead, set right again: what it wrote would stand above what happens now, for a day."""
    day = 86_400
    for at in (ledger.NOON + day, ledger.NOON, ledger.NOON + 120):
        with open_store(paths, "1.0") as store:
            made = ledger.make_tick(rules, store.load(ledger.BOOT, SHA).book, at)
            extra = Extra((Event("trial", "info", "site", Reason("x", "y")),))
            store.save(made.tick, made.rounds, made.book, at, extra)

    def told(**narrowed):
        return [row.timestamp for row in query.events(paths, "trial", **narrowed)]

    assert told() == [iso(ledger.NOON + 120), iso(ledger.NOON), iso(ledger.NOON + day)]
    assert told(limit=2) == told()[:2]
    assert told(since=ledger.NOON) == told()
    assert told(since=ledger.NOON + day) == [iso(ledger.NOON + day)]


def fill(paths, count, gap):
    """Rows of a long history, straight into the table."""
    with open_store(paths, "1.0") as store:
        known = dict.fromkeys(COLUMNS) | {"mode": "RUNNING", "reason": "because", "power_w": 500_000, "rounds": 1}
        rows = []
        for at in range(ledger.NOON, ledger.NOON + count * gap, gap):
            row = known | {"timestamp": iso(at), "tick_at": at, "power_w": 500_000 + len(rows)}
            rows.append(tuple(row[name] for name in COLUMNS))
        store._db.execute("BEGIN")
        store._db.executemany(f"INSERT INTO mine_states VALUES ({','.join('?' * len(COLUMNS))})", rows)
        store._db.execute("COMMIT")


def test_a_day_of_trends_has_its_points_oldest_first(paths):
    fill(paths, 720, 120)
    series = query.day_series(paths, ledger.NOON + 120)
    assert (len(series.at), series.at[0], series.modes[0]) == (719, ledger.NOON + 120, "RUNNING")
    assert series.columns["power_w"][:2] == [500_001, 500_002]
    assert set(series.columns) == set(SERIES)


@pytest.mark.parametrize("count", [1, 1439, 1440, 1441, 2881, 8640])
def test_a_day_of_fast_ticks_is_thinned_and_keeps_its_newest_point(paths, count):
    fill(paths, count, 10)
    series = query.day_series(paths, 0)
    assert len(series.at) <= query.POINTS_MOST
    assert series.at[-1] == ledger.NOON + (count - 1) * 10
    assert series.at == sorted(series.at)


def test_the_day_and_the_newest_ticks_of_a_long_history_are_found_by_the_clustered_time(paths):
    fill(paths, 2000, 120)
    with open_store(paths, "1.0") as store:
        for sql in (
            "SELECT * FROM mine_states ORDER BY timestamp DESC LIMIT 10",
            "SELECT tick_at FROM mine_states WHERE timestamp BETWEEN '2026' AND '2027' ORDER BY timestamp",
            "SELECT text FROM events WHERE +timestamp BETWEEN '2026' AND '2027' ORDER BY id DESC LIMIT 5",
        ):
            plan = " ".join(row[3] for row in store._db.execute("EXPLAIN QUERY PLAN " + sql))
            assert "TEMP B-TREE" not in plan


def test_a_record_with_an_unknown_channel_number_is_refused_with_a_reason(paths, rules):
    run_ticks(paths, rules, 2)
    with open_store(paths, "1.0") as store:
        store._db.execute("DELETE FROM names")
    with pytest.raises(ValueError, match="is not known"):
        query.record(paths, ledger.NOON + 120)


def test_the_newest_events_of_each_of_some_are_found_however_many_others_there_are(paths):
    fill(paths, 1, 120)
    with open_store(paths, "1.0") as store:
        store._db.execute("BEGIN")
        store._db.executemany(
            "INSERT INTO events (timestamp, kind, severity, about, text, actor, reason, chain)"
            " VALUES (?, 'mode', 'info', ?, ?, '', '[]', '')",
            [(iso(ledger.NOON + at), f"a{at % 3}", f"event {at}") for at in range(30)],
        )
        store._db.execute("COMMIT")
    found = query.events_of(paths, ["a0", "a2", "x' OR '1"], ledger.NOON + 3, ledger.NOON + 28, 2)
    assert [(row.about, row.text) for row in found] == [
        ("a0", "event 27"), ("a2", "event 26"), ("a0", "event 24"), ("a2", "event 23"),
    ]  # fmt: skip
