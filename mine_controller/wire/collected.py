"""collect.db: what was pushed to this machine and when, written by `minectl collect`, read here by the tick.

Asked by `Request("GET", "collect:///")` on a wire made for a section; the answer is JSON about that section alone:

    at           wall clock now, epoch seconds
    pulse_age_s  seconds since collect last gave a sign of life
    up_s         seconds since collect was started
    line         "" while its broker or port is heard, else why it is not
    pushed       [{source, path, retained, age_s, body, cut, note}]: the newest of each topic or sender, and of each
                 place in its JSON that counts by itself (`path`) the newest message that speaks of it

Ages are differences of the boot clock, which no step of the wall clock moves; `age_s` of a retained message is that of
its arrival and says nothing about its value. `body` is text (bytes that are no UTF-8 are replaced), "" where `cut`.
`wire.mqtt` answers in the same form, so that a driver reads both alike.
"""

import json
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from mine_controller.record import NamedTuple
from mine_controller.wire.door import Response, WireError

NOT_RUNNING = "collect does not run: systemctl enable --now minectl-collect"
BODY_MOST = 8 * 1024  # bytes of one message that are kept; longer ones are only told of
BUSY_S = 1.0
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SCHEMA = (
    """CREATE TABLE pushed (section TEXT NOT NULL, source TEXT NOT NULL, path TEXT NOT NULL, retained INT NOT NULL,
    body BLOB NOT NULL, cut INT NOT NULL, note TEXT NOT NULL, arrived_at INT NOT NULL, arrived_boot_s REAL NOT NULL,
    PRIMARY KEY (section, source, path, retained)) STRICT, WITHOUT ROWID""",
    "CREATE TABLE line (section TEXT PRIMARY KEY, why TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE pulse (id INTEGER PRIMARY KEY CHECK (id = 1), boot_id TEXT NOT NULL, boot_s REAL NOT NULL,
    began_boot_s REAL NOT NULL, at INT NOT NULL, pid INT NOT NULL) STRICT""",
)


class Broker(NamedTuple):
    """An MQTT broker and how to log in there."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: bool = False
    ca_file: str = ""  # "" = the usual certificates


class Hear(NamedTuple):
    """What collect is to hear for one section: topics of a broker, or datagrams of some senders to one port. `paths`:
    topics with the places in their JSON that count by themselves."""

    broker: Broker | None = None
    topics: tuple[str, ...] = ()
    udp_port: int = 0
    hosts: tuple[str, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()


class Arrival(NamedTuple):
    """One message as it came. `note` is what collect knows beside it: the sender's mac."""

    source: str
    body: bytes
    retained: bool
    age_s: float
    cut: bool = False
    note: str = ""
    path: str = ""


def packed(arrivals: Iterable[Arrival], **about: Any) -> Response:
    """The answer in the form told above."""
    pushed = [{**one._asdict(), "age_s": round(one.age_s, 1), "body": _text(one)} for one in arrivals]
    told = {"at": int(time.time()), **about, "pushed": pushed}
    return Response(200, {"content-type": "application/json"}, json.dumps(told).encode())


def _text(one: Arrival) -> str:
    return "" if one.cut else one.body.decode("utf-8", "replace")


def boot_s() -> float:
    """Seconds since this machine was started, time asleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """The kernel's name of this boot, "" where there is none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def exchange(file: Path | None, section: str) -> Response:
    """What was pushed for this section. WireError (missing): collect never ran since the machine was started."""
    if file is None or not file.exists():
        raise WireError("missing", NOT_RUNNING)
    try:
        return _read(file, section)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise WireError("missing", "collect.db is busy or can't be read") from None
    except sqlite3.Error:
        raise WireError("missing", "collect.db is damaged; collect makes a new one") from None
    return _mended(file, section)


def _mended(file: Path, section: str) -> Response:
    """After a kill in the middle of a commit SQLite puts the file right itself, if it may write."""
    try:
        return _read(file, section, "rw")
    except sqlite3.Error:
        raise WireError("missing", "collect.db can't be opened") from None


def _read(file: Path, section: str, mode: str = "ro") -> Response:
    uri = f"{file.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S)) as db:
        db.execute("PRAGMA query_only = ON")
        db.execute("BEGIN")  # one moment for all three tables
        pulse = db.execute("SELECT boot_id, boot_s, began_boot_s FROM pulse").fetchone()
        line = db.execute("SELECT why FROM line WHERE section = ?", (section,)).fetchone()
        rows = db.execute(
            "SELECT source, body, retained, arrived_boot_s, cut, note, path FROM pushed WHERE section = ?"
            " ORDER BY arrived_boot_s",
            (section,),
        ).fetchall()
    if pulse is None or pulse[0] != boot_id():
        raise WireError("missing", NOT_RUNNING)
    now_s = boot_s()
    arrivals = [Arrival(one[0], one[1], bool(one[2]), now_s - one[3], bool(one[4]), *one[5:]) for one in rows]
    return packed(
        arrivals,
        pulse_age_s=round(now_s - pulse[1], 1),
        up_s=round(now_s - pulse[2], 1),
        line="collect knows nothing of this section yet" if line is None else line[0],
    )
