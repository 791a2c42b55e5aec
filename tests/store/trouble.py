"""What the tests of full, damaged and read-only files share."""

from store import ledger
from store.test_store import SHA

from mine_controller.store import query
from mine_controller.store.outbox import EMERGENCY, Message
from mine_controller.store.store import Extra

LETTER = Extra((), (Message("alarm 1", EMERGENCY, "the disk is full", ledger.NOON),))


def fill_up(store):
    """From here on this file may not grow."""
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")


def load_and_make(store, rules, at, **what):
    found = store.load(ledger.BOOT, SHA)
    return ledger.make_tick(rules, found.book, at, **what)


def state_of(paths):
    return query.last_book(paths, ledger.BOOT, SHA).book.state
