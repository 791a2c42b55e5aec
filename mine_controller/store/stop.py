"""The file `stop`: emergency-stop as a level. It works with a dead database and, by its copy in memory, a dead disk. A
third one lies beside the config, so that a changed `data_dir` lifts no stop."""

import os
from contextlib import suppress
from pathlib import Path

from mine_controller.store.db import Paths, StoreTrouble, plain

MOST = 4096


def _copies(paths: Paths) -> tuple[Path, Path, Path]:
    return paths.stop, paths.run / "stop", paths.stop_kept


def stop_requested(paths: Paths) -> str | None:
    """Give why everything is to stop ("who: reason"), or None when nobody asks for it.

    A stop file that is there and can't be read counts: not knowing never frees.
    """
    for path in _copies(paths):
        try:
            with path.open("rb") as file:
                said = plain(file.read(MOST).decode("utf-8", "replace").strip(), 200)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return f"the stop file can't be read: {error.strerror or error}"
        return said or "a stop file without a word"
    return None


def raise_stop(paths: Paths, who: str, reason: str) -> None:
    """Ask for the stop in all places. One is enough; StoreTrouble when none could be written.

    A full disk has room for a name: an empty file counts as well, and only does not say who asks.
    """
    line = f"{plain(who, 60)}: {plain(reason, 120)}\n"
    failures = []
    for path in _copies(paths):
        try:
            write_whole(path, line.encode())
        except OSError as error:
            if not _touched(path):
                failures.append(f"{path}: {error.strerror or error}")
    if len(failures) == len(_copies(paths)):
        raise StoreTrouble("io", "no stop file could be written: " + "; ".join(failures))


def _touched(path: Path) -> bool:
    """Whether a file without a word is there now."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
    except OSError:
        return False
    return True


def lower_stop(paths: Paths) -> None:
    """Withdraw it in all places. StoreTrouble when one of them can't be removed: the stop then still holds."""
    failures = []
    for path in _copies(paths):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            if not _is_absent(path):  # a disk that can't be written refuses even for a file that isn't there
                failures.append(f"{path} can't be removed: {error.strerror or error}")
    if failures:
        raise StoreTrouble("io", "; ".join(failures))


def _is_absent(path: Path) -> bool:
    """True only where it is certain: not knowing never frees."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def write_whole(path: Path, body: bytes) -> None:
    """Write a file that is there whole or not at all, and is on the disk when this returns. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with suppress(OSError):  # the draft of a failed write; the failure itself is raised
            draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a rename to the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
