"""Replacing a file in one step, and what a kill in the middle of it leaves."""

import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from mine_controller.config import replace
from mine_controller.config.replace import replace_file

KILLED = """
import os, signal, sys
from pathlib import Path
from mine_controller.config.replace import replace_file
os.fsync = lambda _handle: os.kill(os.getpid(), signal.SIGKILL)
replace_file(Path(sys.argv[1]), b"half", 0o600)
"""


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def older(path, seconds):
    at = time.time() - seconds
    os.utime(path, (at, at))
    return path


def test_what_a_kill_left_beside_a_file_goes_when_that_is_written_again(tmp_path):
    """Drafts of config.txt with its secrets lay there for ever."""
    path = tmp_path / "config.txt"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.glob(".config.txt.*")
    replace_file(path, b"new", 0o600)
    assert left.exists()  # as young as one that another command writes now
    older(left, 3700)
    replace_file(path, b"newer", 0o600)
    assert (names_in(tmp_path), path.read_bytes()) == (["config.txt"], b"newer")


def test_what_another_command_writes_now_and_what_is_no_draft_stays(tmp_path):
    path = tmp_path / "config.txt"
    others = (
        ".config.txt.swp",
        ".config.txt.original",
        ".config.txt.minectl-draft-abcdefgh.bak",
        "config.txt.previous",
    )
    for name in (*others, ".config.abcdefgh.edit", ".fleet.csv.minectl-draft-abcdefgh"):
        older_file = tmp_path / name
        older_file.write_bytes(b"x")
        older(older_file, 9999)
    (tmp_path / ".config.txt.minectl-draft-folder12").mkdir()
    (tmp_path / ".config.txt.minectl-draft-link1234").symlink_to(tmp_path / ".fleet.csv.minectl-draft-abcdefgh")
    used = tmp_path / ".config.txt.minectl-draft-inuse123"
    with used.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        older(used, 9999)
        before = names_in(tmp_path)
        replace_file(path, b"new", 0o600)
        assert names_in(tmp_path) == sorted([*before, "config.txt"])


def test_a_draft_is_held_while_it_is_written(tmp_path, monkeypatch):
    path = tmp_path / "tokens.json"

    def looked(_handle):
        (draft,) = tmp_path.glob(".tokens.json.*")
        with draft.open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    monkeypatch.setattr(replace.os, "fsync", looked)
    monkeypatch.setattr(replace, "_sync", lambda _folder: None)
    replace_file(path, b"{}", 0o600)
    assert path.read_bytes() == b"{}"
