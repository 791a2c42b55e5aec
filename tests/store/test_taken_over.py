"""An upgrade in place, and the way back: the first tick of another program goes on from the last one's state."""

import pytest
from store import ledger

from mine_controller.core.model.book import Book
from mine_controller.store import loading, query
from mine_controller.store.db import StoreTrouble, reading
from mine_controller.store.policies import unpack_policy
from mine_controller.store.ran_on import Policies
from mine_controller.store.state import pack_state
from mine_controller.store.store import open_store

SHA = "c0ffee" * 10
OLD, NEW = "1.0+aaaaaaaa", "2.0+bbbbbbbb"


def lived(paths, rules, code, number):
    """One whole tick of that program; what its load found to be wrong."""
    at = ledger.NOON + number * ledger.GAP
    with open_store(paths, code) as store:
        found = store.load(ledger.BOOT, SHA)
        before = found.book if found.tick_at else Book(ledger.full_state(rules))
        made = ledger.make_tick(rules, before, at)
        store.save(made.tick, made.rounds, made.book, at + 5)
    return found.trouble


def at(number):
    return ledger.NOON + number * ledger.GAP


def test_the_state_that_another_program_left_is_kept_to_decide_the_next_tick_again(paths, rules):
    for number, code in enumerate((OLD, OLD, OLD, NEW, NEW, OLD)):
        lived(paths, rules, code, number)
    assert query.anchors(paths) == (at(0), at(2), at(4)), "the hour's, and one at each change of program"
    assert query.anchor(paths, at(2)).state.last["wall_s"] == at(2)


def on_a_full_disk(paths, rules, code, number, monkeypatch):
    with monkeypatch.context() as full, open_store(paths, code) as store:
        full.setattr("mine_controller.store.store.write_rows", refused)
        found = store.load(ledger.BOOT, SHA)
        made = ledger.make_tick(rules, found.book if found.tick_at else Book(ledger.full_state(rules)), at(number))
        with pytest.raises(StoreTrouble):
            store.save(made.tick, made.rounds, made.book, at(number) + 5)
        store.spill()


def test_an_anchor_at_the_change_waits_with_the_rest_for_a_disk_that_takes_it(paths, rules, monkeypatch):
    lived(paths, rules, OLD, 0)
    lived(paths, rules, OLD, 1)
    on_a_full_disk(paths, rules, NEW, 2, monkeypatch)
    lived(paths, rules, NEW, 3)
    assert query.anchors(paths) == (at(0), at(1))


def test_policies_of_two_programs_that_wait_for_a_disk_are_both_kept(paths, rules, monkeypatch):
    newer = rules._replace(site=rules.site._replace(power_cap_w=900_000))
    on_a_full_disk(paths, rules, OLD, 0, monkeypatch)
    on_a_full_disk(paths, newer, NEW, 1, monkeypatch)
    lived(paths, newer, NEW, 2)
    caps = [unpack_policy(query.policy_text(paths, SHA[:16], code), {}).site.power_cap_w for code in (OLD, NEW)]
    assert caps == [1_000_000, 900_000]


def refused(*_given, **_named):
    raise OSError(28, "no room on the disk")


def test_what_another_program_makes_of_the_same_config_is_kept_beside_what_the_one_before_made(paths, rules):
    lived(paths, rules, OLD, 0)
    newer = rules._replace(site=rules.site._replace(power_cap_w=900_000))
    lived(paths, newer, NEW, 1)
    lived(paths, rules, OLD, 2)
    caps = [unpack_policy(query.policy_text(paths, SHA[:16], code), {}).site.power_cap_w for code in (OLD, NEW, "")]
    assert caps == [1_000_000, 900_000, 1_000_000]


def test_a_program_that_makes_the_same_of_a_config_keeps_nothing_twice(paths, rules):
    lived(paths, rules, OLD, 0)
    lived(paths, rules, NEW, 1)
    assert query.policy_text(paths, SHA, NEW) == query.policy_text(paths, SHA, OLD)
    with reading(paths.db) as db:
        assert db.execute("SELECT count(*) FROM configs").fetchone() == (1,)


def without_a_field(state):
    tree = pack_state(state)
    del tree["miners"]["hard_stops"]
    tree["miners"]["shine"] = [1] * len(state.miners)
    return tree


def test_other_fields_in_the_state_of_another_program_are_one_line_and_no_trouble(paths, rules, monkeypatch):
    with monkeypatch.context() as then:
        then.setattr(loading, "pack_state", without_a_field)
        lived(paths, rules, OLD, 0)
    assert lived(paths, rules, NEW, 1) == ()
    (told,) = query.events(paths, kind="database")
    fields = "miners: unknown field 'shine' left out; miners: hard_stops is missing"
    assert told.severity == "info"
    assert told.text == f"database: taken over from version {OLD}, whose state has other fields: {fields}"


def test_what_is_damaged_in_the_state_of_another_program_is_trouble_all_the_same(paths, rules, monkeypatch):
    with monkeypatch.context() as then:
        then.setattr(loading, "pack_state", lambda state: without_a_field(state) | {"mode": 7})
        lived(paths, rules, OLD, 0)
    assert lived(paths, rules, NEW, 1) == ("mode holds '7'",)


def test_a_field_that_is_missing_in_the_state_of_the_same_program_is_trouble(paths, rules, monkeypatch):
    with monkeypatch.context() as then:
        then.setattr(loading, "pack_state", without_a_field)
        lived(paths, rules, OLD, 0)
    assert len(lived(paths, rules, OLD, 1)) == 2


def test_a_tick_is_decided_again_by_the_policy_its_own_program_made_unpacked_once(paths, rules):
    lived(paths, rules, OLD, 0)
    newer = rules._replace(site=rules.site._replace(power_cap_w=900_000))
    lived(paths, newer, NEW, 1)
    policies = Policies(paths)
    found = [policies.of(row.config_sha, row.code) for row in reversed(query.ticks(paths))]
    assert found == [rules, newer]
    assert policies.of(SHA[:16], NEW) is Policies(paths).of(SHA[:16], NEW) is found[1]
    assert policies.of("never seen") is None
