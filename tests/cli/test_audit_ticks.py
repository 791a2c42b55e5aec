"""`minectl audit-ticks` as typed."""

import json
from types import SimpleNamespace

import pytest

from mine_controller.play import audit as audit_room


def test_good_ticks_have_no_violation_and_end_with_zero(place):
    place.ticks(3, of=6)
    place.plant.signal = "off"
    done = place.ticks(3).run("audit-ticks", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (told["ticks"], told["violations"], told["skipped"], told["differ"]) == (6, [], [], 0)
    assert told["rounds"] > 6


def test_a_violation_ends_with_one_and_says_guard_tick_and_sentence(place, monkeypatch):
    place.ticks(2)
    bad = SimpleNamespace(guard="G3", tick_at=1_789_000_000, sentence="40 starts where 1 may be")
    monkeypatch.setattr(audit_room, "audit", lambda _record: (bad,))
    done = place.run("audit-ticks")
    assert done.exit_code == 1
    assert "G3 2026-09-10T" in done.stdout
    assert "40 starts where 1 may be" in done.stdout


def test_limit_takes_the_newest_ticks_alone(place):
    place.ticks(5)
    assert json.loads(place.run("audit-ticks", "--limit", "2", "--json").stdout)["ticks"] == 2


@pytest.mark.parametrize("words", [(), ("--since", "1h")])
def test_no_ticks_is_no_violation(place, words):
    done = place.run("audit-ticks", *words)
    assert done.stdout == "0 ticks, 0 rounds: 0 violations\n"
    assert "nothing was checked" in done.stderr


def test_a_number_of_ticks_that_no_database_holds_is_a_sentence(place):
    place.ticks(1)
    done = place.run("audit-ticks", "--limit", "99999999999999999999")
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    assert "is not in the range 1<=x<=10000000" in done.stderr
