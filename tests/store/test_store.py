import json
import sqlite3
from contextlib import closing

import pytest
from store import ledger

from mine_controller.core.freeze import freeze
from mine_controller.core.model.book import Book
from mine_controller.core.model.command import APPLIED
from mine_controller.core.model.reading import Reading, Value
from mine_controller.core.model.reason import CONTRACT, PERSON, Event, Limit, Reason
from mine_controller.core.option import Secret
from mine_controller.store import events, query
from mine_controller.store.codec import sha
from mine_controller.store.db import StoreTrouble, iso
from mine_controller.store.history import COLUMNS, prune, roll_hour
from mine_controller.store.outbox import EMERGENCY, INFO, Mark, Message
from mine_controller.store.policies import pack_policy, unpack_policy
from mine_controller.store.state import clock_facts
from mine_controller.store.store import Extra, open_store

SHA = "c0ffee" * 10


def run_ticks(paths, rules, count=1, start=ledger.NOON, book=None, **what):
    """Whole ticks as processes would run them: open, load, journal when something is sent, save, close."""
    for number in range(count):
        at = start + number * ledger.GAP
        with open_store(paths, "1.0") as store:
            found = store.load(ledger.BOOT, SHA)
            before = found.book if found.tick_at or book is None else book
            made = ledger.make_tick(rules, before, at, **what)
            if made.rounds[0].decision.commands:
                store.journal(made.tick, [made.rounds[0]._replace(outcomes=())])
            store.save(made.tick, made.rounds, made.book, at + 5)
    return made


def shell(paths, sql):
    with closing(sqlite3.connect(paths.db)) as db:
        return db.execute(sql).fetchall()


def full_book(rules):
    return Book(ledger.full_state(rules))


def test_a_new_site_begins_with_an_empty_book_and_no_trouble(paths):
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert found.book == Book(found.book.state.__class__())
    assert (found.trouble, found.lost, found.tick_at) == ((), False, 0)


def test_the_next_tick_begins_where_the_last_one_ended(paths, rules):
    made = run_ticks(paths, rules, 3, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    facts = clock_facts(found.book.state)
    assert found.book.state._replace(last={}) == made.book.state._replace(last={})
    assert facts == made.tick.facts
    assert found.book.image.channels == made.book.image.channels
    assert (found.tick_at, found.book.died, found.trouble, found.config_changed) == (made.tick.at, "", (), False)


def test_after_a_boot_nothing_counts_as_seen_but_the_state_is_kept(paths, rules):
    run_ticks(paths, rules, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        found = store.load("another boot", SHA)
    assert found.book.image is None
    assert len(found.book.state.miners) == 4


def test_published_prices_outlive_a_boot_and_nothing_measured_does(paths, rules):
    """PRC1: a restart without internet keeps the prices that are known."""
    told = Reading("octopus agile:slots", "[[1784113200,1800,[12.5]]]", 50)
    image = freeze(None, [told], rules.wiring, ledger.clock(ledger.NOON - 120))
    run_ticks(paths, rules, book=full_book(rules)._replace(image=image))
    with open_store(paths, "1.0") as store:
        found = store.load("another boot", SHA)
    assert found.book.image.channels == {told.key: Value(told.value, 50, told.key, "")}


def test_another_config_is_noticed(paths, rules):
    run_ticks(paths, rules)
    with open_store(paths, "1.0") as store:
        assert store.load(ledger.BOOT, "d" * 60).config_changed


def test_a_tick_that_died_after_its_intent_is_named_and_told_once(paths, rules):
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        made = ledger.make_tick(rules, full_book(rules), ledger.NOON + 120, commands=2)
        store.journal(made.tick, [made.rounds[0]._replace(number=2, outcomes=())])
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert found.book.died == "tick of 12:02 UTC died in round 2"
    assert found.book.state.chases["miner a000"].sent_s is not None
    assert found.book.state.chases["miner a000"].answer == ""
    run_ticks(paths, rules, 2, start=ledger.NOON + 240)
    (told,) = query.events(paths, kind="died")
    assert "tick of 12:02 UTC died in round 2" in told.text


def test_the_intent_is_in_the_file_before_anything_is_sent(paths, rules):
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        made = ledger.make_tick(rules, full_book(rules), ledger.NOON, commands=3, events=1)
        extra = Extra((), (Message("curtail 1", INFO, "Curtailing", ledger.NOON),))
        store.journal(made.tick, [made.rounds[0]._replace(outcomes=())], extra)
        kept = query.record(paths, ledger.NOON)[0]
        assert kept.commands == made.rounds[0].decision.commands
        assert kept.outcomes == ()
        assert kept.decision_sha == sha(made.rounds[0].decision)
        assert [letter.key for letter in query.letters(paths, waiting=True)] == ["curtail 1"]
        assert len(query.events(paths, kind="test")) == 1
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 30)
    kept = query.record(paths, ledger.NOON)[0]
    assert [outcome.verdict for outcome in kept.outcomes] == [APPLIED] * 3
    assert len(query.events(paths, kind="test")) == 1
    assert shell(paths, "SELECT target, verb, lane, verdict FROM command_list")[0] == (
        "miner a000",
        "stop",
        "foreman mine",
        APPLIED,
    )


def test_every_round_of_a_tick_is_recorded_whether_it_commanded_or_not(paths, rules):
    made = ledger.make_tick(rules, full_book(rules), ledger.NOON, commands=1)
    first = made.rounds[0]
    rounds = tuple(first._replace(number=n, decision=first.decision._replace(commands=())) for n in range(1, 4))
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        store.journal(made.tick, [first._replace(outcomes=())])
        store.save(made.tick, (first, *rounds), made.book, ledger.NOON + 60)
    kept = query.record(paths, ledger.NOON)
    assert [(one.round, len(one.commands), len(one.outcomes)) for one in kept] == [
        (0, 1, 1),
        (1, 0, 0),
        (2, 0, 0),
        (3, 0, 0),
    ]
    assert query.ticks(paths)[0].rounds == 4


def test_a_record_freezes_into_the_image_it_came_from(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    last = run_ticks(paths, rules, 1, start=ledger.NOON + 240)
    start = query.anchor(paths, ledger.NOON + 239)
    image = start.image
    for kept in query.records(paths, start.tick_at + 1, ledger.NOON + 240):
        image = freeze(image, kept.readings, rules.wiring, kept.clock, kept.requests)
    assert image._replace(channels={}) == last.rounds[0].image._replace(channels={})
    assert (start.state.mode, start.config_sha) == ("RUNNING", SHA)


def test_the_hash_of_the_state_links_each_tick_to_the_one_before(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        state = store.load(ledger.BOOT, SHA).book.state
    run_ticks(paths, rules, 1, start=ledger.NOON + 240)
    assert query.record(paths, ledger.NOON + 240)[0].state_sha == sha(state)


def test_the_query_people_type_shows_the_newest_ticks(paths, rules):
    run_ticks(paths, rules, 12, book=full_book(rules))
    rows = shell(paths, "SELECT * FROM mine_states ORDER BY timestamp DESC LIMIT 10;")
    assert [row[0] for row in rows[:2]] == ["2026-03-01T12:22:00Z", "2026-03-01T12:20:00Z"]
    figures = dict(zip(COLUMNS, rows[0], strict=True))
    assert len(rows) == 10
    assert (figures["mode"], figures["signal"], figures["cap_w"], figures["miners_total"]) == (
        "RUNNING",
        "run",
        1_000_000,
        4,
    )
    assert (figures["miners_online"], figures["miners_hashing"], figures["fans_on"], figures["curtailed"]) == (
        4,
        4,
        9,
        0,
    )
    assert figures["reason"] == "3 of 4 miners run"
    assert 500_000 <= figures["power_w"] <= 509_000
    assert figures["ended_at"] == figures["tick_at"] + 5


def test_an_event_is_curtailed_in_the_record_too_while_a_graver_mode_stands_over_it(paths, rules):
    """For the bill: a heat stop or a person's stop in the middle of an event does not end it."""
    off = Limit(CONTRACT, "max_power_w", 0, Reason("signal", "curtail_off"))
    theirs = Limit(PERSON, "max_power_w", 0, Reason("override", "set"))
    for at, limits in ((0, (theirs, off)), (120, (theirs,)), (240, (theirs, off._replace(amount=9)))):
        made = ledger.make_tick(rules, full_book(rules), ledger.NOON + at)
        was = made.rounds[0].decision
        decision = was._replace(mode="MANUAL", envelope=was.envelope._replace(reasons=limits))
        with open_store(paths, "1.0") as store:
            store.load(ledger.BOOT, SHA)
            store.save(made.tick, (made.rounds[0]._replace(decision=decision),), made.book, ledger.NOON + at + 5)
    asked = "SELECT mode, curtailed FROM mine_states ORDER BY timestamp"
    assert shell(paths, asked) == [("MANUAL", 1), ("MANUAL", 0), ("MANUAL", 0)]


def test_what_is_unknown_is_null_and_not_zero(paths, rules):
    made = ledger.make_tick(rules, full_book(rules), ledger.NOON)
    image = freeze(
        None, (Reading("power_signal coop:signal", None, 9, "no answer"),), rules.wiring, ledger.clock(ledger.NOON)
    )
    plan = made.rounds[0].decision.plan._replace(measured_w=None)
    this = made.rounds[0]._replace(image=image, decision=made.rounds[0].decision._replace(plan=plan))
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        store.save(made.tick, (this,), made.book._replace(image=image), ledger.NOON + 5)
    asked = "signal, power_w, inlet_c, humidity_pct, grid_hz, supply_kw, price_p_kwh, fan_w, hashrate_ths"
    assert shell(paths, f"SELECT {asked} FROM mine_states") == [(None,) * 9]


def test_a_clock_that_runs_over_the_same_second_again_loses_no_tick(paths, rules):
    run_ticks(paths, rules, 2)
    run_ticks(paths, rules, 2)
    assert len(query.ticks(paths)) == 4
    assert len(list(query.records(paths, 0, ledger.NOON * 2))) == 4


def test_an_hour_that_is_over_is_rolled_up_with_lowest_mean_and_highest(paths, rules):
    run_ticks(paths, rules, 32, book=full_book(rules))
    ((hour_at, rolled),) = query.hours(paths)
    assert (hour_at, rolled["ticks"], rolled["ids"]) == (ledger.NOON, 30, ["a000", "a001", "a002", "a003"])
    low, mean, high = rolled["miners"]["power_w"][0]
    assert 3300 <= low < mean < high < 3500
    rows = shell(paths, "SELECT * FROM stats ORDER BY miner_id")
    assert rows[0][0:2] == ("a000", "2026-03-01T12:00:00Z")
    assert (rows[0][4], rows[0][5], rows[0][6]) == (round(mean), None, "hashing")
    miner = query.miners(paths)[0]
    assert (miner["id"], miner["ip"], miner["miner_type"], miner["outlet"], miner["starts"]) == (
        "a000",
        None,
        "foreman",
        "redfish pdu1/A1",
        3,
    )
    assert miner["discovered_at"] == "2026-03-01T12:00:00Z"
    assert miner["last_seen"] == "2026-03-01T13:00:00Z"


def test_the_fans_of_the_miners_are_in_the_hourly_rows_as_their_mean_speed(paths, rules):
    run_ticks(paths, rules, 3, book=full_book(rules))
    with closing(sqlite3.connect(paths.db)) as db, db:
        for at, rpm in enumerate((3000, 3300, None)):
            sets = (json.dumps([rpm, None, 0, None]), ledger.NOON + at * ledger.GAP)
            db.execute("UPDATE telemetry SET body = json_set(body, '$.fan_rpm', json(?)) WHERE tick_at = ?", sets)
        roll_hour(db, ledger.NOON, rules)
    rows = shell(paths, "SELECT fan_speed FROM stats ORDER BY miner_id")
    assert rows == [(3150,), (None,), (0,), (None,)]
    ((_, rolled),) = query.hours(paths)
    assert "fan_rpm" not in rolled["miners"], "what is kept for ever stays as small as it was"


def test_each_hour_leaves_an_anchor_and_a_copy(paths, rules):
    run_ticks(paths, rules, 62, book=full_book(rules))
    assert query.anchors(paths) == (ledger.NOON, ledger.NOON + 3600, ledger.NOON + 7200)
    assert [path.name for path in sorted(paths.backups.iterdir())] == ["hour-13.db", "hour-14.db"]


def test_what_is_past_its_time_is_pruned_in_small_bites_and_only_by_a_clock_to_be_believed(paths, rules, monkeypatch):
    monkeypatch.setattr("mine_controller.store.history.BITE", 20)
    run_ticks(paths, rules, 30, book=full_book(rules))
    year_s = 401 * 86_400
    doubtful = ledger.make_tick(rules, full_book(rules), ledger.NOON + year_s)
    for synced, left in ((False, 31), (True, 12)):
        made = doubtful
        at = made.tick.at + (0 if not synced else 3600)
        plant_s = ledger.clock(at).plant_s - (0 if synced else year_s)  # nobody keeps it, and the boot clock denies it
        image = made.book.image._replace(clock=ledger.clock(at)._replace(synced=synced, plant_s=plant_s))
        with open_store(paths, "1.0") as store:
            store.load(ledger.BOOT, SHA)
            store.save(made.tick._replace(at=at), made.rounds, made.book._replace(image=image), at + 5)
        assert shell(paths, "SELECT count(*) FROM records") == [(left,)]
    assert shell(paths, "SELECT count(*) FROM mine_states") == [(32,)]
    assert shell(paths, "SELECT count(*) FROM hours") == [(2,)]


def test_as_much_is_pruned_as_an_hour_brings_however_fast_the_site(paths, rules):
    """A site of ten-second ticks writes more than five hundred records an hour: its file would grow for ever."""
    run_ticks(paths, rules, 1, book=full_book(rules))
    now = ledger.NOON + 401 * 86_400
    left = []
    with closing(sqlite3.connect(paths.db)) as db:
        db.execute("DELETE FROM records")
        db.executemany("INSERT INTO records VALUES (?, x'00')", [(ledger.NOON * 64 + n,) for n in range(9000)])
        for came in (0, 900, 9000):
            young = [((now - 60) * 64 + n,) for n in range(came)]
            db.executemany("INSERT OR IGNORE INTO records VALUES (?, x'00')", young)
            prune(db, now)
            left += db.execute("SELECT count(*) FROM records WHERE id < ?", ((now - 3600) * 64,)).fetchone()
    assert left == [8500, 6700, 1700]


def test_where_nobody_keeps_the_clock_rows_go_once_the_boot_clock_says_they_are_old(paths, rules):
    """CLK3: a site without a time server; its file would grow for ever."""
    run_ticks(paths, rules, 30, book=full_book(rules))
    for days, telemetry, records in ((6, 31, 31), (8, 2, 32), (401, 1, 3)):
        at = ledger.NOON + days * 86_400
        made = ledger.make_tick(rules, full_book(rules), at)
        image = made.book.image._replace(clock=ledger.clock(at)._replace(synced=False))
        with open_store(paths, "1.0") as store:
            store.load(ledger.BOOT, SHA)
            store.save(made.tick, made.rounds, made.book._replace(image=image), at + 5)
        assert shell(paths, "SELECT count(*) FROM telemetry") == [(telemetry,)]
        assert shell(paths, "SELECT count(*) FROM records") == [(records,)]


def test_ten_second_ticks_keep_one_row_of_telemetry_a_minute(paths, rules):
    for number in range(12):
        run_ticks(paths, rules, 1, start=ledger.NOON + 10 * number, book=full_book(rules))
    assert shell(paths, "SELECT count(*) FROM telemetry") == [(2,)]
    assert len(query.ticks(paths)) == 12


def test_a_policy_is_kept_once_without_its_secrets_and_can_be_made_again(paths, rules):
    secret = rules._replace(rules={"api": ledger.Made(Secret("hunter2"), (), 5)})
    made = ledger.make_tick(rules, full_book(rules), ledger.NOON)
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        store.save(made.tick._replace(policy=secret), made.rounds, made.book, ledger.NOON + 5)
    written = query.policy_text(paths, SHA[:16])
    assert "hunter2" not in written
    assert json.loads(written)["rules"]["api"]["tick"] == "***"
    assert unpack_policy(pack_policy(rules), {}) == rules


def test_a_damaged_policy_is_refused():
    for written in ('{"rules": {}}', "[]", '{"rules": {}, "site": {"name": "x"}, "wiring": {}}'):
        with pytest.raises(ValueError, match="policy"):
            unpack_policy(written, {})


def test_messages_wait_in_the_outbox_until_they_are_told(paths, rules):
    messages = (
        Message("a", INFO, "one\ntwo", ledger.NOON),
        Message("b", EMERGENCY, "now", ledger.NOON),
        Message("c", INFO, "later", ledger.NOON + 999),
    )
    made = ledger.make_tick(rules, full_book(rules), ledger.NOON)
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 5, Extra((), (*messages, messages[0])))
        due = store.letters_due(ledger.NOON + 6)
        assert [(letter.key, letter.body) for letter in due] == [("b", "now"), ("a", "one\ntwo")]
        store.mark(
            [
                Mark(due[0].id, {"telegram": "delivered"}, 0, ledger.NOON + 7),
                Mark(due[1].id, {"telegram": "429"}, ledger.NOON + 67),
            ]
        )
        assert store.letters_due(ledger.NOON + 6) == ()
        assert [letter.tries for letter in store.letters_due(ledger.NOON + 67)] == [({"telegram": "429"},)]
    assert [letter.key for letter in query.letters(paths, waiting=True)] == ["c", "a"]


def test_a_message_told_once_is_not_told_again_by_its_key(paths, rules):
    for number in range(2):
        made = ledger.make_tick(rules, full_book(rules), ledger.NOON + number * 120)
        with open_store(paths, "1.0") as store:
            store.load(ledger.BOOT, SHA)
            store.save(made.tick, made.rounds, made.book, ledger.NOON + 5, Extra((), (Message("a", INFO, "x", 0),)))
            store.mark([Mark(letter.id, {}, 0, 5) for letter in store.letters_due(10**10)])
    assert len(query.letters(paths)) == 1


def test_the_events_are_a_chain_that_shows_a_changed_row(paths, rules):
    run_ticks(paths, rules, 3, events=2)
    assert query.broken_event(paths) is None
    with closing(sqlite3.connect(paths.db)) as db, db:
        db.execute("UPDATE events SET about = 'nothing' WHERE id = 4")
    assert query.broken_event(paths) == 4
    with closing(sqlite3.connect(paths.db)) as db, db:
        db.execute("UPDATE events SET about = 'event 1' WHERE id = 4")
        db.execute("DELETE FROM events WHERE id = 3")
    assert query.broken_event(paths) == 4


def test_who_follows_the_chain_lets_the_writer_in(paths, rules, monkeypatch):
    """One statement went through the events of years: on a card no tick could commit for as long as that took."""
    run_ticks(paths, rules, 3, events=4)
    true_link, worked = events.link, []

    def link(chain, row):
        with closing(sqlite3.connect(paths.db, timeout=0)) as db, db:
            db.execute("UPDATE mine_states SET rounds = rounds + 1")
        worked.append(row)
        return true_link(chain, row)

    monkeypatch.setattr(events, "link", link)
    monkeypatch.setattr(events, "PIECE", 3)
    assert query.broken_event(paths) is None
    assert len(worked) == query.chain(paths).rows - 1 >= 11
    with closing(sqlite3.connect(paths.db)) as db, db:
        db.execute("UPDATE events SET about = 'x' WHERE id = 4")  # the first of a piece
    assert query.broken_event(paths) == 4


def test_a_person_behind_an_event_can_be_searched_for(paths, rules):
    made = ledger.make_tick(rules, full_book(rules), ledger.NOON, events=1)
    person = Event(
        "override",
        "warning",
        "signal",
        Reason("override", "set", (("actor", "ann"), ("key", "signal"), ("value", "off"), ("text", "drill"))),
    )
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 5, Extra((person,)))
    (row,) = query.events(paths, actor="ann")
    assert (row.timestamp, row.text) == (iso(ledger.NOON + 5), "ann set signal to off: drill")
    assert [row.about for row in query.events(paths, about="event 0")] == ["event 0"]
    assert query.events(paths, since=ledger.NOON + 6) == ()
    assert len(query.events(paths, limit=1)) == 1


def test_a_state_json_can_not_hold_is_trouble_and_not_a_crash(paths, rules):
    made = ledger.make_tick(rules, full_book(rules), ledger.NOON)
    poisoned = made.book._replace(state=made.book.state._replace(memory={"x": {"y": {1, 2}}}))
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        with pytest.raises(StoreTrouble, match="can't be written down"):
            store.save(made.tick, made.rounds, poisoned, ledger.NOON + 5)
        with pytest.raises(StoreTrouble, match="nothing that could be spilled"):
            store.spill()


def test_one_store_may_serve_many_ticks(paths, rules):
    with open_store(paths, "1.0") as store:
        book = full_book(rules)
        store.load(ledger.BOOT, SHA)
        for number in range(5):
            made = ledger.make_tick(rules, book, ledger.NOON + number * 120, events=1)
            store.save(made.tick, made.rounds, made.book, made.tick.at + 5)
            book = store.load(ledger.BOOT, SHA).book
    assert len(query.ticks(paths)) == 5
    assert len(query.events(paths, kind="test")) == 5
    assert query.broken_event(paths) is None
