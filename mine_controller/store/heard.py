"""How far a chat was listened to: a row a bot in inbox.db, beside the requests that came out of it.

The row is written after what was heard was filed. Killed between the two, it is heard again; the key of each request
then tells that it was filed already. While the disk takes nothing, or the file is damaged, the row lies in memory
(`run/NAME-heard.json`): a chat is answered then too, and each thing once.
"""

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from mine_controller.store.db import Paths, StoreTrouble, connect, reading, transaction, trouble_of
from mine_controller.store.inbox import make_inbox, was_set_aside
from mine_controller.store.stop import write_whole

SERVICE_KEEPS_S = 86_400  # what nobody fetched is forgotten after that
_TABLE = "CREATE TABLE IF NOT EXISTS heard (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"


def heard(paths: Paths, name: str, now_s: int) -> dict[str, Any]:
    """Give what was kept under this name; empty when there is nothing. `now_s` is wall time.

    Beside a file that can't be read, or was put aside for that in the last day, it is not known how far it was: from 0
    on everything the service has is heard, so that nothing written meanwhile is lost, and what the last tick heard
    perhaps twice.
    """
    with suppress(OSError, ValueError, RecursionError):
        spare = json.loads(_spare(paths, name).read_bytes())
        if isinstance(spare, dict):
            return spare
    try:
        rows = _rows(paths, "heard", "SELECT value FROM heard WHERE name = ?", name)
        kept = json.loads(rows[0][0]) if rows else _unknown(paths, now_s)
    except (StoreTrouble, OSError):
        return {"next": 0}
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def keep_heard(paths: Paths, name: str, value: dict[str, Any]) -> None:
    """Keep it in the place of what was there, in memory where the disk takes nothing. Raises StoreTrouble."""
    text = json.dumps(value, separators=(",", ":"))
    try:
        make_inbox(paths.inbox)
        with closing(connect(paths.inbox)) as db, transaction(db):
            db.execute(_TABLE)
            row = (name, text)
            db.execute("INSERT INTO heard VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", row)
    except (sqlite3.Error, OSError) as error:
        try:
            write_whole(_spare(paths, name), text.encode())
        except OSError:
            raise trouble_of(error) from error
    else:
        with suppress(OSError):  # an old one makes nothing be heard twice: the service has forgotten what it tells of
            _spare(paths, name).unlink(missing_ok=True)


def _unknown(paths: Paths, now_s: int) -> dict[str, Any]:
    return {"next": 0} if was_set_aside(paths.inbox, now_s - SERVICE_KEEPS_S) else {}


def _spare(paths: Paths, name: str) -> Path:
    return paths.run / f"{name}-heard.json"


def filed_before(paths: Paths, key: str) -> bool:
    """True when a request with this key is there. Raises StoreTrouble when that can't be told."""
    return bool(_rows(paths, "requests", "SELECT 1 FROM requests WHERE key = ?", key))


def _rows(paths: Paths, table: str, select: str, value: str) -> list[tuple[Any, ...]]:
    if not paths.inbox.exists() or paths.inbox.stat().st_size == 0:
        return []
    with reading(paths.inbox) as db:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is None:
            return []
        return list(db.execute(select, (value,)).fetchall())
