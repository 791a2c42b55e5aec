"""A bundle: everything someone else needs to look into a trouble, and nothing they must not see.

    minectl-20260301T120000Z/
      README.txt  bundle.json   what this is; versions, and the SHA-256 of every other file
      config.txt  fleet.csv     the config as it counts, secrets as stars
      mine_data.db              the last ticks: records, policy, events, state; `minectl explain --db` reads it
      mine.log  doctor.json     the end of the log; what doctor says
      samples/                  the newest answers that nobody could read, as a tick has kept them

Hardware addresses and addresses of the local network are in it: a tick can't be decided again without them. Every
secret of the config is looked for in every byte before the file is written, inside the compressed records too.

Samples are kept without the secrets of their section, sessions and hardware addresses (`devices/_redact.py`), and only
folders made so are read. Here the secrets of all other sections are taken out as well.
"""

import io
import json
import platform
import sqlite3
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from mine_controller import __version__
from mine_controller.config.model import Config
from mine_controller.config.show import page
from mine_controller.core.option import Secret
from mine_controller.record import NamedTuple
from mine_controller.store.copies import stamp
from mine_controller.store.db import StoreError, reading, transaction
from mine_controller.store.migrations import migrate
from mine_controller.store.records import ROUNDS
from mine_controller.store.samples import newest

LOG_BYTES = 256 * 1024
SAMPLE_BYTES = 2_000_000
SAMPLES = "samples"
STARS = "***"
SHORTEST = 4  # a secret shorter than this would be found everywhere
TICKS = 720
_WHOLE = ("state", "names", "configs", "fleets", "miners")
README = """\
A bundle of minectl {version}, site {site}, made {at}.

  minectl explain --db mine_data.db --tick 3      every reason behind a tick, decided again
  minectl audit-ticks --db mine_data.db           the recorded ticks against the guards

config.txt shows the config as it counts, with stars for secrets. Hardware addresses and addresses of the local
network are in the records, because no tick can be decided again without them. bundle.json has a SHA-256 of each file.
{samples}
"""


class Bundle(NamedTuple):
    """What was made: the name of its folder, the tar.gz, and a line about the samples, "" where none is kept."""

    name: str
    body: bytes
    samples: str


def bundle(
    config: Config, ticks: int, now_s: int, doctor: str, say: Callable[[str], None] = lambda _what: None
) -> Bundle:
    """Put it together. Raises StoreTrouble, StoreError when a secret could not be taken out."""
    from mine_controller.store.db import iso  # noqa: PLC0415 - one use

    name = f"minectl-{stamp(now_s)}"
    hide = forms(config)
    say("records")
    samples, told = _samples(config.paths.samples)
    readme = README.format(version=__version__, site=config.site.name, at=iso(now_s), samples=told)
    files = {
        "README.txt": f"{readme.rstrip()}\n".encode(),
        "config.txt": starred(page(config).encode(), hide),
        "doctor.json": starred(doctor.encode(), hide),
        "mine.log": starred(_tail(config.paths.log), hide),
        "mine_data.db": excerpt(config.paths.db, ticks),
    }
    if config.paths.fleet.exists():
        files["fleet.csv"] = starred(config.paths.fleet.read_bytes(), hide)
    files |= {f"{SAMPLES}/{file}": starred(body, hide) for file, body in samples.items()}
    files["bundle.json"] = _about(config, files, now_s, ticks)
    say("searching for secrets")
    for file, body in files.items():
        for part in (body, *(_inside(body) if file.endswith(".db") else ())):
            if any(form in part for form in hide):
                raise StoreError(f"{file} holds a secret of the config that can't be taken out; nothing was written")
    say("packing")
    return Bundle(name, _packed(name, files, now_s), told)


def _samples(folder: Path) -> tuple[dict[str, bytes], str]:
    """The files of the newest samples that have room, and the line about them."""
    try:
        found, left = newest(folder, SAMPLE_BYTES)
    except OSError as error:  # kept for nobody's eyes but their owner's: whoever else makes a bundle does without
        return {}, f"no {SAMPLES}: {folder} can't be read: {error.strerror or error}"
    count = len({file.partition("/")[0] for file in found})
    here = f"{count} answer{'' if count == 1 else 's'} that nobody could read: {SAMPLES}/" if count else ""
    there = f"{left} more {'lies' if left == 1 else 'lie'} in {folder}" if left else ""
    return found, "; ".join(filter(None, (here, there)))


def forms(config: Config) -> tuple[bytes, ...]:
    """Every way a secret of the config may be written, the longest first."""
    plain = {one.reveal() if isinstance(one, Secret) else str(one) for one in config.secrets}
    out: set[str] = set()
    for secret in plain:
        if len(secret) >= SHORTEST:
            out |= {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    return tuple(one.encode() for one in sorted(out, key=len, reverse=True))


def starred(body: bytes, hide: tuple[bytes, ...]) -> bytes:
    """The text with stars for each of them."""
    for form in hide:
        body = body.replace(form, STARS.encode())
    return body


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_BYTES))
            return file.read(LOG_BYTES)
    except OSError as error:
        return f"no log: {error.strerror}\n".encode()


def excerpt(source: Path, ticks: int) -> bytes:
    """A database of the same shape with the last ticks and the anchor they can be decided again from."""
    # In memory: it is wanted most where no disk can be written any more, and one that is killed leaves nothing behind.
    with reading(source) as db, closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        migrate(copy)
        with transaction(copy):
            for name, where in _parts(db, ticks):
                _copy(db, copy, name, where)
        return copy.serialize()


def _parts(db: sqlite3.Connection, ticks: int) -> Iterator[tuple[str, str]]:
    first = db.execute(
        "SELECT min(tick_at) FROM (SELECT tick_at FROM mine_states ORDER BY timestamp DESC LIMIT ?)", (ticks,)
    ).fetchone()[0]
    first = int(first or 0)
    found = db.execute("SELECT max(tick_at) FROM anchors WHERE tick_at < ?", (first,)).fetchone()[0]
    anchor = int(found) if found is not None else first
    yield from ((name, "") for name in _WHOLE)
    yield "anchors", f"WHERE tick_at >= {anchor}"
    yield "records", f"WHERE id >= {anchor * ROUNDS}"
    yield "commands", f"WHERE id >= {anchor * ROUNDS}"
    yield "telemetry", f"WHERE tick_at >= {first}"
    since = f"strftime('%Y-%m-%dT%H:%M:%SZ', {anchor}, 'unixepoch')"
    yield "mine_states", f"WHERE timestamp >= {since}"
    yield "events", f"WHERE timestamp >= {since}"
    yield "verdicts", f"WHERE tick_at >= {anchor}"


def _copy(db: sqlite3.Connection, copy: sqlite3.Connection, name: str, where: str) -> None:
    rows = db.execute(f"SELECT * FROM {name} {where}")  # noqa: S608 - names and numbers of this file
    names = ", ".join(column[0] for column in rows.description)
    marks = ",".join("?" * len(rows.description))
    copy.executemany(f"INSERT INTO {name} ({names}) VALUES ({marks})", rows)  # noqa: S608 - columns of our own tables


def _inside(database: bytes) -> Iterator[bytes]:
    """Every compressed body of a database, unpacked."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(database)
        for name in ("state", "records", "anchors"):
            for (body,) in db.execute(f"SELECT body FROM {name}"):  # noqa: S608 - names of this file
                try:
                    yield zlib.decompress(body)
                except zlib.error:
                    yield body  # a damaged one is searched as it is


def _about(config: Config, files: dict[str, bytes], now_s: int, ticks: int) -> bytes:
    from hashlib import sha256  # noqa: PLC0415 - OpenSSL loads when it is needed

    about: dict[str, Any] = {
        "made_at": now_s,
        "site": config.site.name,
        "profile": config.site.profile,
        "live": config.site.live,
        "config_sha": config.sha,
        "ticks": ticks,
        "versions": {
            "minectl": __version__,
            "python": sys.version.split()[0],
            "sqlite": sqlite3.sqlite_version,
            "system": platform.platform(),
        },
        "sha256": {name: sha256(body).hexdigest() for name, body in files.items()},
    }
    return (json.dumps(about, indent=1) + "\n").encode()


def _packed(name: str, files: dict[str, bytes], now_s: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for file, body in files.items():
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size, entry.mtime, entry.mode = len(body), now_s, 0o640
            tar.addfile(entry, io.BytesIO(body))
    return out.getvalue()
