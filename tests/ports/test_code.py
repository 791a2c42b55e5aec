"""The name of the program that decides: its hash is kept, and never older than the sources."""

import os

import pytest

from mine_controller import __version__, core
from mine_controller.ports import code


@pytest.fixture
def sources(tmp_path, monkeypatch):
    folder = tmp_path / "core"
    (folder / "rules").mkdir(parents=True)
    (folder / "decide.py").write_text("one = 1\n")
    (folder / "rules" / "signal.py").write_text("two = 2\n")
    monkeypatch.setattr(core, "__path__", [str(folder)])
    return folder


def named(run):
    """As another process would find it."""
    code.deciding.cache_clear()
    return code.deciding(run)


@pytest.fixture(autouse=True)
def _forget():
    yield
    code.deciding.cache_clear()


def test_the_name_is_the_version_and_a_hash_over_the_sources(sources, tmp_path):
    version, _, digits = named(None).partition("+")
    assert version == __version__
    assert len(digits) == code.LONG
    assert named(tmp_path / "run") == named(tmp_path / "run") == named(None)


def test_what_was_hashed_once_is_not_read_again(sources, tmp_path, monkeypatch):
    before = named(tmp_path / "run")
    monkeypatch.setattr(code, "_hash", lambda files: pytest.fail("read again"))
    assert named(tmp_path / "run") == before


def test_a_changed_source_has_another_name_though_its_size_and_time_are_the_same(sources, tmp_path):
    before, file = named(tmp_path / "run"), sources / "rules" / "signal.py"
    info = file.stat()
    file.write_text("two = 3\n")
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert named(tmp_path / "run") != before
    assert named(tmp_path / "run") == named(None)


def test_a_moved_or_new_source_has_another_name(sources, tmp_path):
    before = named(tmp_path / "run")
    (sources / "decide.py").rename(sources / "decided.py")
    moved = named(tmp_path / "run")
    (sources / "new.py").write_text("")
    assert len({before, moved, named(tmp_path / "run")}) == 3


@pytest.mark.parametrize("damage", ["", "x", "\0\xff", "0" * 17])
def test_a_damaged_note_is_made_again(sources, tmp_path, damage):
    before = named(tmp_path / "run")
    (tmp_path / "run" / code.NAME).write_text(damage, encoding="latin-1")
    assert named(tmp_path / "run") == before


def test_without_a_folder_to_write_in_the_sources_are_read_each_time(sources, tmp_path):
    (tmp_path / "run").write_text("a file")
    assert named(tmp_path / "run") == named(None)


def test_sources_that_cant_be_read_leave_the_version_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(core, "__path__", [str(tmp_path / "none")])
    assert named(tmp_path / "run") == __version__
