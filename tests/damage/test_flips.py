"""One bit of the database is another one: the state is the same, or it is told that it is not (DB2, DB3)."""

import random
import sqlite3
from contextlib import closing

import pytest
from store import ledger
from store.test_store import SHA, full_book, run_ticks

from mine_controller.store import query
from mine_controller.store.db import Places, StoreError
from mine_controller.store.store import open_store

TRIALS = 600


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """(the bytes of a database of 34 ticks, its book, where in the file the row of the state lies)."""
    paths, rules = Places.under(tmp_path_factory.mktemp("mine")), ledger.policy(4)
    run_ticks(paths, rules, 34, book=full_book(rules), events=1)
    good = query.last_book(paths, ledger.BOOT, SHA).book
    with closing(sqlite3.connect(paths.db)) as db:
        (body,) = db.execute("SELECT body FROM state").fetchone()
    whole = paths.db.read_bytes()
    spots = [at for at in range(0, len(body) - 64, 16) if whole.count(body[at : at + 16]) == 1]
    return whole, good, sorted({whole.index(body[at : at + 16]) for at in spots})


def flipped(whole, dice, near):
    """One bit of the file, or one of the row of the state and what stands around it."""
    spot = (
        dice.randrange(len(whole)) if near is None else min(len(whole) - 1, dice.choice(near) + dice.randrange(-40, 16))
    )
    out = bytearray(whole)
    out[spot] ^= 1 << dice.randrange(8)
    return bytes(out)


def met(paths, good):
    """What the next tick finds; fails when it is another state and nobody says so."""
    try:
        store = open_store(paths, "1.0", wall_s=ledger.NOON)
    except StoreError:
        return "refused"
    with store:
        found = store.load(ledger.BOOT, SHA)
    if found.trouble:
        return "told"
    assert found.book.state == good.state, "another state, and nobody says so"
    assert found.book.image == good.image, "another image, and nobody says so"
    return "same"


def trials(mine, paths, seed, count):
    whole, good, near = mine
    assert len(near) > 40
    dice, seen = random.Random(seed), {"same": 0, "told": 0, "refused": 0}
    for number in range(count):
        paths.db.write_bytes(flipped(whole, dice, near if number % 2 else None))
        seen[met(paths, good)] += 1
        for bad in paths.db.parent.glob("*.bad-*"):
            bad.unlink()
    return seen


def test_six_hundred_flipped_bits_never_give_a_silently_wrong_state(mine, paths):
    """DB2, DB3: half of them in the row of the state itself, where each one is told."""
    seen = trials(mine, paths, 1, TRIALS)
    assert seen["same"] + seen["told"] + seen["refused"] == TRIALS
    assert seen["told"] > TRIALS // 3
    assert seen["same"] > TRIALS // 4


def test_a_damaged_name_in_the_schema_is_damage_and_no_end_of_the_tick(mine, paths):
    """DB2: SQLite quotes such a name in its message, where it is no text and no message comes about."""
    whole, good, _ = mine
    first = whole.index(b"CREATE TABLE")
    told = 0
    for at in range(first, first + 40):
        paths.db.write_bytes(whole[:at] + b"\xcc" + whole[at + 1 :])
        assert met(paths, good) in ("told", "refused", "same")
        paths.db.write_bytes(whole[:at] + b"\xcc" + whole[at + 1 :])
        told += bool(query.last_book(paths, ledger.BOOT, SHA).trouble)
    assert told > 20


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2, 8))
def test_thousands_of_flipped_bits(mine, paths, seed):
    assert sum(trials(mine, paths, seed, 2000).values()) == 2000
