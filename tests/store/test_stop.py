import errno
import os

import pytest

from mine_controller.store import stop
from mine_controller.store.db import StoreTrouble
from mine_controller.store.stop import lower_stop, raise_stop, stop_requested


def test_no_file_is_no_stop(paths):
    assert stop_requested(paths) is None


def test_a_stop_says_who_and_why_until_it_is_lowered(paths):
    raise_stop(paths, "ann", "smell of\nburning")
    assert stop_requested(paths) == "ann: smell of burning"
    lower_stop(paths)
    assert stop_requested(paths) is None


def test_each_copy_alone_holds_the_stop(paths):
    places = (paths.stop, paths.run / "stop", paths.stop_kept)
    for kept in places:
        raise_stop(paths, "ann", "test")
        for gone in places:
            if gone != kept:
                gone.unlink()
        assert stop_requested(paths) == "ann: test"


def test_a_stop_holds_when_the_data_moves_elsewhere_and_is_lowered_there(paths, tmp_path):
    raise_stop(paths, "ann", "test")
    moved = paths._replace(stop=tmp_path / "other" / "stop", run=tmp_path / "other" / "run")
    assert stop_requested(moved) == "ann: test"
    lower_stop(moved)
    assert stop_requested(moved) is None


def test_a_file_touched_by_hand_is_a_stop(paths):
    paths.stop.touch()
    assert stop_requested(paths) == "a stop file without a word"


def test_a_stop_that_can_not_be_read_is_a_stop(paths):
    paths.stop.mkdir()
    assert stop_requested(paths).startswith("the stop file can't be read")


def test_a_dead_disk_leaves_the_copy_in_memory(paths):
    paths.stop.mkdir()
    (paths.stop / "x").touch()
    raise_stop(paths, "ann", "test")
    assert (paths.run / "stop").read_text() == "ann: test\n"


def test_db1_a_full_disk_has_room_for_a_stop_without_a_word(paths, monkeypatch):
    def full(_path, _body):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stop, "write_whole", full)
    paths.run.mkdir(parents=True, exist_ok=True)
    raise_stop(paths, "ann", "smoke")
    assert [path.read_bytes() for path in (paths.stop, paths.run / "stop", paths.stop_kept)] == [b""] * 3
    assert stop_requested(paths) == "a stop file without a word"
    lower_stop(paths)
    assert stop_requested(paths) is None


def test_a_stop_that_can_be_written_nowhere_is_told(paths):
    paths.run.write_text("a file where the folder should be")
    for path in (paths.stop, paths.stop_kept):
        path.mkdir()
        (path / "x").touch()
    with pytest.raises(StoreTrouble, match="no stop file could be written"):
        raise_stop(paths, "ann", "test")


def test_a_stop_that_can_not_be_removed_still_holds_and_says_so(paths):
    paths.stop.mkdir()
    with pytest.raises(StoreTrouble, match="can't be removed"):
        lower_stop(paths)
    assert stop_requested(paths)


def test_lowering_twice_is_no_error(paths):
    lower_stop(paths)
    lower_stop(paths)
    assert stop_requested(paths) is None


@pytest.fixture
def half_fixed(paths, monkeypatch):
    """The disk is read-only and tmpfs is not, and a stop stands in both."""
    raise_stop(paths, "ann", "smoke")
    remove = stop.Path.unlink

    def read_only(path, missing_ok=False):
        if path == paths.stop:
            raise OSError(errno.EROFS, "Read-only file system")
        remove(path, missing_ok)

    monkeypatch.setattr(stop.Path, "unlink", read_only)
    return paths


def test_a_stop_on_tmpfs_alone_is_lifted_while_the_disk_is_read_only(half_fixed):
    os.unlink(half_fixed.stop)  # noqa: PTH108 - the other way is refused here
    lower_stop(half_fixed)
    assert stop_requested(half_fixed) is None


def test_a_stop_that_stays_in_one_place_is_gone_from_the_other_and_holds(half_fixed):
    with pytest.raises(StoreTrouble, match="stop can't be removed: Read-only"):
        lower_stop(half_fixed)
    assert stop_requested(half_fixed) == "ann: smoke"
    assert not (half_fixed.run / "stop").exists()
