"""Restore and its drill: what a person does on the worst day, and tries on a good one."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from mine_controller.config import kept
from mine_controller.config.model import Config
from mine_controller.config.replace import replace_file
from mine_controller.config.sites import FLEET, names, template
from mine_controller.record import NamedTuple
from mine_controller.store.copies import kept_files, stamp
from mine_controller.store.db import Places, StoreError
from mine_controller.store.note import Who
from mine_controller.store.putback import Judged, choose, judge, restore
from mine_controller.store.query import last_book

LATEST = "latest"
ON_DISK = "/var/tmp"  # noqa: S108 - a folder of its own is made in it
LISTS = ("fleet.csv", "profiles.txt")  # what a person wrote beside config.txt
LIST_MODE = 0o644


class Restored(NamedTuple):
    """What was done. `notes`: what became of the files that lay in the copy."""

    copy: Judged
    newer: Path | None
    aside: Path | None
    notes: tuple[str, ...]


class Drill(NamedTuple):
    """What a restore would give. `rows`: (table, in the copy, after the restore, in the database now). `worn`: of how
    many of the `miners` the starts and hours are known."""

    copy: Judged
    newer: Path | None
    rows: tuple[tuple[str, int, int, int | None], ...]
    mode: str
    miners: int
    worn: int
    files: tuple[str, ...]
    troubles: tuple[str, ...]


def chosen(config: Config, which: str) -> tuple[Path, Path | None]:
    """The copy meant, and the newer one whose control part goes over it. Raises StoreError."""
    if which == LATEST:
        return choose(config.paths.backups)
    named = Path(which)
    here = named.is_absolute() or os.path.exists(which)  # noqa: PTH110 - False where the folder one stands in is closed
    path = named if here else config.paths.backups / which
    if not path.exists():
        raise StoreError(f"there is no {which}, here or in {config.paths.backups}; `minectl backup --list` shows them")
    return path, None


def put_in_force(config: Config, which: str, now_s: int, who: Who) -> Restored:
    """Restore, under the lock that the caller holds. Raises StoreError, StoreTrouble, OSError."""
    copy, newer = chosen(config, which)
    done = restore(config.paths, copy, now_s, newer=newer, who=who)
    places = {path.name: path for path in config.paths.beside}
    notes = [_beside(places[name], body, now_s) for name, body in done.files.items() if name in places]
    settings, path = done.files.get(kept.NAME), config.paths.config
    if settings is not None and not (path.exists() and settings == kept.kept_text(config)):
        notes.append(_settings(path, settings, now_s))
    return Restored(done.copy, newer, done.aside, tuple(note for note in notes if note))


def unpacked(copy: Path, path: Path) -> tuple[str, ...]:
    """Write the settings that lie in a copy where there are none (`path`); what was written, () = it holds none.

    For a new machine, before there is a config. Raises StoreTrouble for what is no copy, OSError.
    """
    files = kept_files(copy)
    if kept.NAME not in files:
        return ()
    lists = [path.with_name(name) for name in LISTS if name in files]
    notes = [_beside(place, files[place.name], 0) for place in lists if _free(place)]
    return (*notes, _settings(path, files[kept.NAME], 0))


def _settings(path: Path, body: bytes, now_s: int) -> str:
    """config.txt out of a copy, with CHANGE-ME where a secret stood: in its place where that is free, else beside."""
    text, missing = kept.put_back_text(body)
    told = "; to type again in it: " + ", ".join(missing) if missing else ""
    if not path.exists():
        replace_file(path, text, 0o600)
        return f"{path.name} was missing and is back{told}"
    other = path.with_name(f"{path.name}.from-copy-{stamp(now_s)}")
    replace_file(other, text, 0o600)
    return f"{path.name} is another one now and was left as it is; the copy's lies beside it as {other.name}{told}"


def _free(path: Path) -> bool:
    """Nothing of a person is there: no file, or the list without a miner that `init` makes on a new machine."""
    if not path.exists():
        return True
    return path.name == FLEET and path.read_bytes() in {template(site, FLEET).encode() for site in names()}


def _beside(path: Path, body: bytes, now_s: int) -> str:
    """A list that is gone comes back; one that is another by now stays, and the copy's lies beside it."""
    if _free(path):
        replace_file(path, body, LIST_MODE)
        return f"{path.name} was missing and is back"
    if path.read_bytes() == body:
        return ""
    other = path.with_name(f"{path.name}.from-copy-{stamp(now_s)}")
    replace_file(other, body, LIST_MODE)
    return f"{path.name} is another one now and was left as it is; the copy's lies beside it as {other.name}"


def drill(config: Config, which: str, now_s: int, say: Callable[[str], None] = lambda _what: None) -> Drill:
    """Restore into a folder of its own, open it as a tick would, count, compare; nothing is left. Raises as above."""
    copy, newer = chosen(config, which)
    need = copy.stat().st_size + (newer.stat().st_size if newer is not None else 0)
    with tempfile.TemporaryDirectory(prefix="minectl-drill-", dir=_room(need + need // 10)) as name:
        there = Places.under(Path(name))
        say("restoring")
        done = restore(there, copy, now_s, newer=newer, who=Who("drill"))
        say("opening")
        after = judge(there.db, count=True)
        found = last_book(there)
        say("counting")
        before = dict(judge(copy, check=False, count=True).counts)
        now = dict(judge(config.paths.db, check=False, count=True).counts) if config.paths.db.exists() else {}
        rows = tuple((table, before.get(table, 0), count, now.get(table)) for table, count in after.counts)
        troubles = tuple(_troubles(after, rows, found.trouble))
        state, miners = found.book.state, dict(after.counts).get("miners", 0)
        return Drill(done.copy, newer, rows, state.mode, miners, len(state.miners), tuple(done.files), troubles)


def _room(need: int) -> str:
    """A folder for so many bytes: on the disk, because /tmp is memory on newer systems. Raises StoreError."""
    is_named = "TMPDIR" in os.environ or not os.access(ON_DISK, os.W_OK | os.X_OK)
    try:
        folder = tempfile.gettempdir() if is_named else ON_DISK
    except OSError as error:
        text = (
            "the drill finds no folder to try it in: name one on a disk with room, TMPDIR=/mnt minectl restore --drill"
        )
        raise StoreError(text) from error
    free = shutil.disk_usage(folder).free
    if free < need:
        raise StoreError(
            f"the drill needs {need / 1e6:.0f} MB in {folder}, which has {free / 1e6:.0f} MB: make room there"
        )
    return folder


def _troubles(after: Judged, rows: tuple[tuple[str, int, int, int | None], ...], told: tuple[str, ...]) -> list[str]:
    out = [after.why] if after.why else []
    out += told
    out += [f"{table}: {was} rows in the copy, {got} after" for table, was, got, _now in rows if got < was]
    return out
