"""A process for the tests that kill or measure: whole ticks in a loop, each told on stdout before and after.

Arguments: the folder, how many miners, how many ticks, "quiet" or "act".
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from store import ledger

from mine_controller.core.model.book import Book
from mine_controller.store.db import Places
from mine_controller.store.store import open_store


def header_changes(path: Path) -> int:
    """SQLite's own count of write transactions, bytes 24..27 of the file."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(28)[24:28], "big")


def written() -> int:
    """Bytes this process has handed to write calls."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["wchar"])


def main(folder: str, miners: int, ticks: int, how: str) -> None:
    paths, rules = Places.under(Path(folder)), ledger.policy(miners)
    with open_store(paths, "1.0") as store:
        first = store.load(ledger.BOOT, "c0ffee" * 10)
    start = first.tick_at + 120 if first.tick_at else ledger.NOON
    acts = how == "act"
    for number in range(ticks):
        at, before, changes = start + number * 120, written(), header_changes(paths.db)
        with open_store(paths, "1.0") as store:
            found = store.load(ledger.BOOT, "c0ffee" * 10)
            book = found.book if found.tick_at else Book(ledger.full_state(rules))
            made = ledger.make_tick(rules, book, at, commands=miners if acts else 0, events=2 if acts else 0)
            print("begin", at, flush=True)
            if acts:
                store.journal(made.tick, [made.rounds[0]._replace(outcomes=())])
            print("sent", at, flush=True)
            store.save(made.tick, made.rounds, made.book, at + 5)
        print("end", at, header_changes(paths.db) - changes, written() - before, ";".join(found.trouble), flush=True)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
