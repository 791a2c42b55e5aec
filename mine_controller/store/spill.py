"""When the disk refuses: the newest state and everything not yet written, as one file in memory.

`run/intents.json` is whole or not there (atomic rename) and carries its own hash. The next commit that works takes it
along; the next load takes whichever is newer, the file or the database.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from mine_controller.record import NamedTuple
from mine_controller.store.codec import canonical
from mine_controller.store.db import StoreTrouble
from mine_controller.store.stop import write_whole

NAME = "intents.json"
RECORDS_MOST = 200  # bodies kept while the disk refuses; the tables of events and messages are kept longer
ROWS_MOST = 2000

# What a commit writes beside the state: rows by table, in the order of its columns.
Rows = dict[str, list[tuple[Any, ...]]]
_BODIES = ("records", "anchors")


class StateRow(NamedTuple):
    """The row `state`: `seq` counts commits, `hour_at` is the hour being filled, `body` is the squeezed state."""

    version: int
    seq: int
    tick_at: int
    round: int
    hour_at: int
    body: bytes

    def digest(self) -> bytes:
        """Give the SHA-256 over the whole row."""
        head = f"{self.version} {self.seq} {self.tick_at} {self.round} {self.hour_at} ".encode("ascii")
        return hashlib.sha256(head + self.body).digest()


class Spilled(NamedTuple):
    """What could not be committed. `base` is the `seq` of the newest state that was."""

    state: StateRow
    base: int
    rows: Rows


def merge(older: Rows, newer: Rows) -> Rows:
    """Give both, older rows first, each table cut to its newest rows."""
    out = {}
    for name in dict.fromkeys((*older, *newer)):
        most = RECORDS_MOST if name in _BODIES else ROWS_MOST
        out[name] = [*older.get(name, []), *newer.get(name, [])][-most:]
    return out


def write_spill(run: Path, spilled: Spilled) -> Path:
    """Write the file. StoreTrouble("io"): not even this worked, so nothing may increase."""
    tree = {
        "state": [*spilled.state[:-1], _text(spilled.state.body)],
        "base": spilled.base,
        "rows": {name: [[_text(value) for value in row] for row in rows] for name, rows in spilled.rows.items()},
    }
    body = {"sha256": hashlib.sha256(canonical(tree)).hexdigest(), **tree}
    path = run / NAME
    try:
        write_whole(path, json.dumps(body, separators=(",", ":")).encode("ascii"))
    except OSError as error:
        raise StoreTrouble("io", f"{path} can't be written: {error.strerror or error}") from error
    return path


def _text(value: Any) -> Any:
    return {"b": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else value


def _value(written: Any) -> Any:
    return base64.b64decode(written["b"], validate=True) if isinstance(written, dict) else written


def read_spill(run: Path) -> Spilled | None:
    """Give what lies there; None: nothing. StoreTrouble("corrupt"): something does and can't be trusted."""
    path = run / NAME
    try:
        body = json.loads(path.read_bytes())
        held = body.pop("sha256")
        if held != hashlib.sha256(canonical(body)).hexdigest():
            raise StoreTrouble("corrupt", f"{path} is damaged")
        state = StateRow(*map(_value, body["state"]))
        rows = {name: [tuple(map(_value, row)) for row in rows] for name, rows in body["rows"].items()}
        return Spilled(state, int(body["base"]), rows)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreTrouble("corrupt", f"{path} can't be read: {error!r}") from error


def clear_spill(run: Path) -> None:
    """Remove it once it is committed; what can't be removed is older than the database from now on, and ignored."""
    try:
        (run / NAME).unlink(missing_ok=True)
    except OSError:
        return
