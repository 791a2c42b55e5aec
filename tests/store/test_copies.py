"""Copies: hourly ones with the owner's lists, whole ones in pieces, rotation, and the way back."""

import json
import os
import sqlite3
from contextlib import closing, contextmanager

import pytest
from store import ledger
from store.test_store import SHA, full_book, run_ticks, shell
from store.trouble import LETTER, state_of

from mine_controller.store import copies, putback, query, rotation
from mine_controller.store.db import StoreError, StoreTrouble, iso, reading
from mine_controller.store.loading import Loaded
from mine_controller.store.note import Who
from mine_controller.store.spill import NAME
from mine_controller.store.store import open_store

DAY_S = 86_400


def whole(paths, name="whole.db", files=None):
    copies.back_up(paths.db, paths.backups / name, files or {})
    return paths.backups / name


def test_an_hourly_copy_holds_the_owners_lists(paths, rules, tmp_path):
    (tmp_path / "fleet.csv").write_bytes(b"id,mac\nm1,02:00\n")
    run_ticks(paths, rules, 1, book=full_book(rules))
    lists = (tmp_path / "fleet.csv", tmp_path / "profiles.txt")
    with open_store(paths, "1.0", beside=lists, more=lambda: {"config.txt": b"key = ***\n"}) as store:
        found = store.load(ledger.BOOT, SHA)
        made = ledger.make_tick(rules, found.book, ledger.NOON + 3600)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 3605)
    (copy,) = paths.backups.glob("hour-*.db")
    assert copies.kept_files(copy) == {"fleet.csv": b"id,mac\nm1,02:00\n", "config.txt": b"key = ***\n"}


def test_an_hourly_copy_that_fails_leaves_no_half_of_it(paths, rules, monkeypatch):
    """On a disk that was full each hour left another half, and held the room that the next commit wanted."""
    run_ticks(paths, rules, 2, book=full_book(rules))

    def full(*_about):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(copies, "_put_files", full)
    with open_store(paths, "1.0") as store:
        for hour in (1, 2):
            with pytest.raises(sqlite3.OperationalError):
                copies.keep_hour(store._db, paths.backups, ledger.NOON + hour * 3600)
    assert list(paths.backups.glob("hour-*.draft*")) == []


def test_a_list_damaged_inside_a_copy_is_not_given_back(paths, rules):
    run_ticks(paths, rules, 2)
    copy = whole(paths, files={"fleet.csv": b"good", "profiles.txt": b"good too"})
    with closing(sqlite3.connect(copy)) as db, db:
        db.execute("UPDATE kept_files SET body = ? WHERE name = 'fleet.csv'", (b"gooe",))
    assert copies.kept_files(copy) == {"profiles.txt": b"good too"}


def test_a_whole_copy_given_up_in_the_middle_leaves_nothing_behind(paths, rules, monkeypatch):
    """DB8: a person's command does not wait for a copy."""
    monkeypatch.setattr(copies, "STEP_PAGES", 2)
    run_ticks(paths, rules, 5)
    seen = []

    def step(remaining, total):
        seen.append((remaining, total))
        if len(seen) == 3:
            raise StoreTrouble("late", "a person asked for something")

    with pytest.raises(StoreTrouble, match="a person asked"):
        copies.back_up(paths.db, paths.backups / "whole.db", {}, step)
    assert seen[0][1] - seen[0][0] == 2
    assert list(paths.backups.iterdir()) == []


def test_a_whole_copy_ended_by_ctrl_c_leaves_nothing_behind(paths, rules):
    run_ticks(paths, rules, 1)

    def step(_remaining, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copies.back_up(paths.db, paths.backups / "whole.db", {}, step)
    assert not list(paths.backups.glob("whole*"))


def test_what_a_killed_tick_had_copied_by_then_does_not_lie_there_for_years(paths):
    """Its name is that of a day, and the next day has another one."""
    for name in ("day-20260301.db.draft", "hour-07.draft", "by-hand-20260301T120000Z.db.draft", "day-20260302.db"):
        make(paths.backups, name, 30)
    rotation.rotate(paths.backups, {"hour": 24, "day": 14}, 10**9)
    kept = {path.name for path in paths.backups.iterdir()}
    assert kept == {"by-hand-20260301T120000Z.db.draft", "day-20260302.db"}  # a person may be copying at this moment


def test_a_copy_that_would_fill_the_disk_is_not_begun(paths, rules, monkeypatch):
    """DB1: the tick's own commits need the room more."""
    run_ticks(paths, rules, 1)
    monkeypatch.setattr(copies, "LEFT_FREE", 10**18)
    with pytest.raises(StoreTrouble, match="a whole copy needs") as refused:
        whole(paths)
    assert refused.value.kind == "full"
    assert list(paths.backups.iterdir()) == []


def test_a_writer_gets_its_turn_while_a_whole_copy_is_made(paths, rules, monkeypatch):
    """DB8: the copy is made in pieces and begins again after a commit; both end well."""
    monkeypatch.setattr(copies, "STEP_PAGES", 5)
    run_ticks(paths, rules, 4)
    written = []

    def step(remaining, total):
        if not written and remaining:
            written.append(total)
            run_ticks(paths, rules, 1, start=ledger.NOON + 900)

    copies.back_up(paths.db, paths.backups / "whole.db", {}, step)
    assert written
    judged = putback.judge(paths.backups / "whole.db", count=True)
    assert (judged.why, dict(judged.counts)["mine_states"]) == ("", 5)


@pytest.mark.parametrize("damage", ["empty", "cut", "state", "other", "gone"])
def test_a_copy_that_can_not_be_trusted_says_why(paths, rules, damage):
    """DB2, DB3."""
    run_ticks(paths, rules, 3)
    copy = whole(paths)
    raw = copy.read_bytes()
    if damage == "state":
        with closing(sqlite3.connect(copy)) as db, db:
            db.execute("UPDATE state SET seq = seq + 1")
    elif damage == "gone":
        copy.unlink()
    else:
        copy.write_bytes({"empty": b"", "cut": raw[: len(raw) // 2], "other": b"hello" * 999}[damage])
    assert putback.judge(copy).why


def test_a_long_check_can_be_given_up(paths, rules, monkeypatch):
    monkeypatch.setattr(putback, "INSTRUCTIONS", 10)
    run_ticks(paths, rules, 2)
    assert "interrupted" in putback.judge(whole(paths), ended=lambda: True).why


def test_rows_are_counted_in_pieces_so_that_a_tick_can_save_meanwhile(paths, rules, monkeypatch):
    """One count of a year's records reads 300 MB, on a card 14 s: a drill of the restore had the next tick's saving
    fail, with an emergency."""
    said = []

    @contextmanager
    def traced(path):
        with reading(path) as db:
            db.set_trace_callback(said.append)
            yield db

    run_ticks(paths, rules, 3)
    with closing(sqlite3.connect(paths.db)) as db, db:
        for n in range(20):
            db.execute("INSERT INTO records VALUES (?, x'00')", (n + 1,))
            db.execute("INSERT INTO stats (miner_id, timestamp) VALUES (?, ?)", (f"m{n % 5}", iso(n // 5)))
            db.execute("INSERT INTO mine_states (timestamp, tick_at, rounds) VALUES (?, ?, 1)", (iso(n), n))
        true = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in putback.COUNTED}
    monkeypatch.setattr(putback, "reading", traced)
    monkeypatch.setattr(putback, "PIECE", 7, raising=False)
    assert dict(putback.judge(paths.db, check=False, count=True).counts) == true
    assert min(true["records"], true["stats"], true["mine_states"]) > 2 * 7
    counts = [one for one in said if "count(*)" in one and "sqlite_master" not in one]
    assert [one for one in counts if "LIMIT 7" not in one] == []


def test_a_copy_without_a_state_is_the_oldest_of_all_and_stops_nobody(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    good, bare, odd = (whole(paths, name) for name in ("good.db", "bare.db", "odd.db"))
    for path, order in ((bare, "DELETE FROM state"), (odd, "UPDATE state SET seq = NULL")):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("CREATE TABLE free AS SELECT * FROM state")
            db.execute("DROP TABLE state")
            db.execute("ALTER TABLE free RENAME TO state")
            db.execute(order)
    assert copies.order_of(bare) == copies.order_of(odd) == -1
    assert copies.highest(paths.backups) == copies.order_of(good) > 0


def test_the_automatic_way_back_takes_a_small_copy_before_a_newer_large_one(paths, rules, monkeypatch):
    """DB2: control can't wait for gigabytes; the history is put back by hand, later."""
    run_ticks(paths, rules, 31)
    large = whole(paths)
    (hour,) = paths.backups.glob("hour-*")
    monkeypatch.setattr(copies, "CHECKED_MOST", (hour.stat().st_size + large.stat().st_size) // 2)
    assert copies.newest_good(paths.backups).name.startswith("hour-")
    for path in paths.backups.glob("hour-*"):
        path.unlink()
    assert copies.newest_good(paths.backups) == large


# the way back


def test_a_restore_begins_in_init_and_says_who_did_it(paths, rules):
    run_ticks(paths, rules, 3, book=full_book(rules))
    copy = whole(paths, files={"fleet.csv": b"x"})
    done = putback.restore(paths, copy, ledger.NOON + 999, who=Who("eve"))
    assert done.files == {"fleet.csv": b"x"}
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert (found.book.state.mode, found.book.image, found.trouble) == ("INIT", None, ())
    assert set(found.book.state.miners) == {"a000", "a001", "a002", "a003"}
    (told,) = query.events(paths, kind="restored")
    assert (told.actor, "whole.db was put in force by eve" in told.text) == ("eve", True)
    assert query.broken_event(paths) is None


def test_after_a_restore_the_newest_state_is_the_restored_one_whatever_lies_in_the_folder(paths, rules):
    run_ticks(paths, rules, 2)
    old = whole(paths, "old.db")
    run_ticks(paths, rules, 62, start=ledger.NOON + 600)
    newer = copies.seq_of(copies.newest_good(paths.backups))
    putback.restore(paths, old, ledger.NOON)
    assert copies.seq_of(paths.db) > newer
    assert len(query.ticks(paths)) == 2


def test_the_newest_whole_copy_gets_the_control_of_a_newer_small_one(paths, rules):
    run_ticks(paths, rules, 3, book=full_book(rules))
    day = whole(paths, "day-20260301.db")
    run_ticks(paths, rules, 60, start=ledger.NOON + 360)
    chosen, newer = putback.choose(paths.backups)
    assert (chosen, newer.name) == (day, "hour-14.db")
    paths.db.write_bytes(b"dead")
    done = putback.restore(paths, chosen, ledger.NOON, newer=newer)
    assert done.aside.read_bytes() == b"dead"
    assert len(query.ticks(paths)) == 3
    assert state_of(paths).miners["a001"].run_s > 9000
    assert query.broken_event(paths) is None
    run_ticks(paths, rules, 1, start=ledger.NOON + 20_000)
    assert len(query.ticks(paths)) == 4


def test_a_message_told_since_the_whole_copy_is_not_told_again(paths, rules):
    made = ledger.make_tick(rules, full_book(rules), ledger.NOON)
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 5, LETTER)
    run_ticks(paths, rules, 1, start=ledger.NOON + 120)
    whole(paths)
    with closing(sqlite3.connect(paths.db)) as db, db:
        db.execute("UPDATE outbox SET told_at = 5")
    run_ticks(paths, rules, 31, start=ledger.NOON + 240)
    chosen, newer = putback.choose(paths.backups)
    putback.restore(paths, chosen, ledger.NOON, newer=newer)
    assert query.letters(paths, waiting=True) == ()


def test_a_restore_that_fails_half_way_leaves_what_was(paths, rules, monkeypatch):
    run_ticks(paths, rules, 2)
    copy = whole(paths)
    run_ticks(paths, rules, 1, start=ledger.NOON + 600)
    before = paths.db.read_bytes()

    def fails(*_given):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(putback, "_begin", fails)
    with pytest.raises(StoreTrouble):
        putback.restore(paths, copy, ledger.NOON)
    assert paths.db.read_bytes() == before
    assert list(paths.db.parent.glob("*restor*")) == []


def test_a_restore_killed_before_its_last_step_is_begun_again_from_the_copies(paths, rules, monkeypatch):
    """DB2: between the two renames there is no database, which is never taken for a first start."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    copy = whole(paths)

    def killed(*_given):
        raise KeyboardInterrupt

    monkeypatch.setattr(putback, "settle", killed)
    with pytest.raises(KeyboardInterrupt):
        putback.restore(paths, copy, ledger.NOON)
    assert not paths.db.exists()
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert (found.lost, "the database was gone" in found.trouble[0]) == (True, True)
    assert len(found.book.state.miners) == 4


def test_a_restore_forgets_what_waited_in_memory(paths, rules):
    run_ticks(paths, rules, 2)
    copy = whole(paths)
    paths.run.mkdir(exist_ok=True)
    (paths.run / NAME).write_text("{}")
    putback.restore(paths, copy, ledger.NOON)
    assert not (paths.run / NAME).exists()


def test_without_a_copy_there_is_nothing_to_choose(paths):
    with pytest.raises(StoreError, match="no usable copy"):
        putback.choose(paths.backups)


def test_beginning_anew_keeps_the_old_files_and_the_wear_where_it_is_wanted(paths, rules):
    run_ticks(paths, rules, 61, book=full_book(rules))
    kept = query.last_book(paths, ledger.BOOT, SHA)
    aside = putback.begin_anew(
        paths, ledger.NOON, Loaded(kept.book, tick_at=kept.tick_at), Who("eve", 1000, "/dev/pts/0")
    )
    assert (aside / "mine_data.db").exists()
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert (found.book.state.mode, found.trouble) == ("INIT", ())
    assert found.book.state.miners == kept.book.state.miners
    assert found.book.state.memory == {}
    (told,) = query.events(paths)
    assert (told.kind, told.actor, "wear kept" in told.text) == ("reset", "eve", True)
    numbers = dict(json.loads(told.reason)[2])
    assert (numbers["source"], numbers["uid"], numbers["tty"]) == ("cli", 1000, "/dev/pts/0")
    assert query.ticks(paths) == ()


# rotation


def make(folder, name, age_days, size=10):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(b"x" * size)
    at = ledger.NOON - age_days * DAY_S
    os.utime(path, (at, at))
    return path


def test_a_copy_of_a_day_stands_for_its_week_and_month_without_being_written_again(paths):
    first = make(paths.backups, "day-20260301.db", 0)
    rotation.stands_for(first, {"week": 8, "month": 12}, ledger.NOON)
    rotation.stands_for(make(paths.backups, "day-20260302.db", 0), {"week": 8, "month": 12}, ledger.NOON + DAY_S)
    links = {path.name: path.stat().st_ino for path in paths.backups.iterdir()}
    assert set(links) == {"day-20260301.db", "day-20260302.db", "week-2026W09.db", "week-2026W10.db", "month-202603.db"}
    assert links["month-202603.db"] == links["week-2026W09.db"] == links["day-20260301.db"]
    assert rotation.used(paths.backups) == 20


def test_what_is_past_its_count_goes_and_what_a_person_copied_stays(paths):
    for day in range(1, 21):
        make(paths.backups, f"day-202603{day:02}.db", 30 - day)
    make(paths.backups, "by-hand-20250101T000000Z.db", 400)
    gone = rotation.rotate(paths.backups, {"hour": 24, "day": 14, "week": 8, "month": 12}, 10**9)
    assert gone == tuple(f"day-202603{day:02}.db" for day in range(1, 7))
    assert (paths.backups / "by-hand-20250101T000000Z.db").exists()


def test_the_oldest_goes_until_all_fit_and_the_newest_whole_one_always_stays(paths):
    for day in range(1, 6):
        make(paths.backups, f"day-202603{day:02}.db", 30 - day, size=100)
    counts = {"hour": 24, "day": 14, "week": 8, "month": 12}
    assert rotation.rotate(paths.backups, counts, 250) == tuple(f"day-202603{day:02}.db" for day in (1, 2, 3))
    assert rotation.rotate(paths.backups, counts, 1) == ("day-20260304.db",)
    assert [path.name for path in paths.backups.glob("day-*")] == ["day-20260305.db"]


def test_hours_beyond_their_count_go_by_age_and_not_by_name(paths):
    for hour in range(6):
        make(paths.backups, f"hour-{hour:02}.db", 1 if hour > 3 else 0)
    assert set(rotation.rotate(paths.backups, {"hour": 4, "day": 1}, 10**9)) == {"hour-04.db", "hour-05.db"}


def test_clk1_after_a_clock_that_was_ahead_the_new_copies_stay_and_the_oldest_go(paths, rules):
    """By name and time of change a copy of today is older than all that was made in the weeks of the wrong year."""
    counts = {"hour": 24, "day": 3, "week": 2, "month": 2}
    ahead = ledger.NOON + 3650 * DAY_S
    weeks = (ahead, ahead + DAY_S, ahead + 2 * DAY_S)
    for start in (ledger.NOON, *weeks, ledger.NOON + 9 * DAY_S, ledger.NOON - DAY_S):
        run_ticks(paths, rules, 1, start=start)
        made = whole(paths, rotation.names_of(start)["day"])
        os.utime(made, (start, start))
        rotation.stands_for(made, counts, start)
        rotation.rotate(paths.backups, counts, 10**9)
        assert made.exists()
    days = {path.name for path in paths.backups.glob("day-*")}
    assert days == {rotation.names_of(at)["day"] for at in (weeks[-1], ledger.NOON + 9 * DAY_S, start)}
    rotation.rotate(paths.backups, counts, 1)
    assert [path.name for path in paths.backups.glob("day-*")] == [made.name]


def test_a_database_begun_anew_counts_on_from_the_copies_that_lie_there(paths, rules):
    """Else its own would be the oldest of them, and the first to go."""
    run_ticks(paths, rules, 9)
    old = whole(paths, "day-20260301.db")
    with closing(sqlite3.connect(old)) as db, db:  # it can't be trusted any more
        db.execute("UPDATE state SET body = x'00'")
    paths.db.unlink()
    for path in paths.backups.glob("hour-*.db"):
        path.unlink()
    before = copies.order_of(old)
    run_ticks(paths, rules, 1, start=ledger.NOON + DAY_S)
    assert before > 0
    assert copies.order_of(paths.db) > before


@pytest.mark.parametrize(("mb", "days"), [(1, 1), (200, 1), (201, 2), (1300, 7)])
def test_a_large_file_is_copied_whole_every_few_days(mb, days):
    """DB7: cards die of writes."""
    assert rotation.interval_s(mb * 10**6, 200 * 10**6) == days * DAY_S


def test_the_chain_tells_the_first_row_that_was_changed_or_follows_a_row_that_is_gone(paths, rules):
    run_ticks(paths, rules, 3, events=2)
    good = query.chain(paths)
    assert (good.rows, good.broken) == (6, None)
    assert good.last == shell(paths, "SELECT chain FROM events ORDER BY id DESC LIMIT 1")[0][0]
    with closing(sqlite3.connect(paths.db)) as db, db:
        db.execute("DELETE FROM events WHERE id = 3")
    broken = query.chain(paths)
    assert (broken.broken, broken.at) == (4, "2026-03-01T12:02:00Z")
