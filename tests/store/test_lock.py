import errno
import fcntl
import os
import subprocess
import sys

import pytest

from mine_controller.store import lock
from mine_controller.store.lock import Busy, TickLock, holder


def test_a_second_holder_is_turned_away_at_once_and_told_who_holds_it(tmp_path):
    with TickLock(tmp_path / "lock"), pytest.raises(Busy) as caught, TickLock(tmp_path / "lock"):
        pass
    assert caught.value.holder == os.getpid()
    assert 0 <= caught.value.holder_age_s < 60
    assert f"process {os.getpid()}" in str(caught.value)


def test_the_age_of_the_holder_follows_the_boot_clock(tmp_path, monkeypatch):
    with TickLock(tmp_path / "lock"):
        now_s = lock._boot_s()
        monkeypatch.setattr(lock, "_boot_s", lambda: now_s + 115)
        with pytest.raises(Busy) as caught, TickLock(tmp_path / "lock"):
            pass
    assert 115 <= caught.value.holder_age_s < 175


def test_the_lock_is_free_again_afterwards_and_its_file_stays(tmp_path):
    path = tmp_path / "lock"
    for _ in range(3):
        with TickLock(path):
            inode = path.stat().st_ino
    assert path.stat().st_ino == inode
    assert holder(path).holder == os.getpid()


def test_a_killed_holder_frees_it(tmp_path):
    path = tmp_path / "lock"
    script = (
        "import sys; from pathlib import Path; from mine_controller.store.lock import TickLock\n"
        "with TickLock(Path(sys.argv[1])): print('in', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b"in\n"
        with pytest.raises(Busy) as caught, TickLock(path):
            pass
        assert caught.value.holder == child.pid
        child.kill()
        child.wait()
        with TickLock(path):
            pass


def test_an_unreadable_note_is_an_unknown_holder(tmp_path):
    path = tmp_path / "lock"
    path.write_text("nonsense")
    assert holder(path) is None
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Busy, match=r"another process has been at work$"), TickLock(path):
            pass


def test_a_lock_nobody_ever_took_has_no_holder(tmp_path):
    assert holder(tmp_path / "lock") is None
    assert not (tmp_path / "lock").exists()


def test_a_full_disk_does_not_keep_the_lock_from_holding(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lock.os, "pwrite", full)
    with TickLock(tmp_path / "lock"), pytest.raises(Busy), TickLock(tmp_path / "lock"):
        pass


def test_an_error_inside_frees_the_lock(tmp_path):
    with pytest.raises(RuntimeError), TickLock(tmp_path / "lock"):
        raise RuntimeError
    with TickLock(tmp_path / "lock"):
        pass


def test_db6_where_no_file_can_be_made_a_tick_locks_the_nearest_folder(tmp_path):
    """A partition that is not mounted: the folder is there, or a part of its way, and nothing can be made in it."""
    (tmp_path / "blocked").write_text("a file where a folder should be")
    path = tmp_path / "blocked/data/lock"
    busy = pytest.raises(Busy, match=r"another process has been at work$")
    with TickLock(path, anyhow=True), busy, TickLock(path, anyhow=True):
        pass
    with TickLock(path, anyhow=True):
        pass
    with pytest.raises(NotADirectoryError), TickLock(path):
        pass


def test_a_lock_that_is_closed_to_who_looks_has_no_known_holder(tmp_path, monkeypatch):
    """`doctor` ended there, before its line about rights that says what helps."""
    path = tmp_path / "lock"
    with TickLock(path):
        pass

    def closed(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(lock.os, "open", closed)
    assert holder(path) is None


def test_db6_where_the_file_is_closed_to_the_tick_it_locks_the_folder(tmp_path, monkeypatch):
    """A tick begun by root under umask 077 made it: those of cron's user ended in a traceback, every two minutes."""
    real = os.open

    def closed(path, *more):
        if str(path).endswith("lock"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *more)

    path = tmp_path / "lock"
    path.touch()
    monkeypatch.setattr(lock.os, "open", closed)
    with TickLock(path, anyhow=True), pytest.raises(Busy), TickLock(path, anyhow=True):
        pass
    with pytest.raises(PermissionError), TickLock(path):
        pass


def test_a_folder_that_is_not_there_yet_is_made_for_the_lock_of_a_tick(tmp_path):
    """Else two ticks could hold two locks: the folder's, and the file's in it that is made meanwhile."""
    with TickLock(tmp_path / "new/data/lock", anyhow=True):
        assert (tmp_path / "new/data/lock").is_file()


def test_who_shares_it_lets_others_share_and_no_tick_run(tmp_path):
    path = tmp_path / "lock"
    with TickLock(path, shared=True), TickLock(path, shared=True), pytest.raises(Busy), TickLock(path):
        pass
    with TickLock(path), pytest.raises(Busy), TickLock(path, shared=True):
        pass
