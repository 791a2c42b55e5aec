"""Rows for the log of events from outside a tick's transactions: what keeping and people's commands have to tell."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from mine_controller.core.model.reason import Event
from mine_controller.record import NamedTuple
from mine_controller.store.db import Paths, connect, transaction, trouble_of
from mine_controller.store.events import add_events, event_row
from mine_controller.store.migrations import STEPS, refuse_newer, schema_of


class Who(NamedTuple):
    """A person behind a command, for its row in the log of events."""

    actor: str = ""
    uid: int = -1
    tty: str = ""
    source: str = "cli"

    @property
    def numbers(self) -> tuple[tuple[str, str | int], ...]:
        """As a reason carries them."""
        return (("actor", self.actor), ("source", self.source), ("uid", self.uid), ("tty", self.tty))


NOBODY = Who()


def note(paths: Paths, events: Sequence[Event], at: int) -> None:
    """Append them in one commit; the caller holds the lock.

    Raises StoreTrouble; StoreError for a file of a newer program, which alone knows what a row of it looks like.
    """
    try:
        with closing(connect(paths.db)) as db, transaction(db):
            refuse_newer(schema_of(db), STEPS)
            add_events(db, [event_row(event, at) for event in events])
    except (sqlite3.Error, OSError) as error:
        raise trouble_of(error) from error
