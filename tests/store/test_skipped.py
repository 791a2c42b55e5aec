"""PRO1: ticks that found the lock taken, counted by the next one that gets it."""

import errno
import os
import time

import pytest

from mine_controller.store import skipped as room
from mine_controller.store.skipped import MOST_BYTES, note_skip, skipped

BEGAN, TICK_S = 5000, 120


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "minectl.lock"


def at(lock, *moments):
    file = lock.with_name("minectl.lock.skipped")
    file.write_text("".join(f"{one}\n" for one in moments))
    return file


def counted(lock, now_s=6000, since_s=BEGAN):
    return skipped(lock, since_s, now_s, TICK_S)


def test_each_skip_is_a_line_with_the_second_of_the_boot_clock(lock):
    before = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    note_skip(lock)
    note_skip(lock)
    lines = lock.with_name("minectl.lock.skipped").read_text().splitlines()
    assert len(lines) == 2
    assert all(before <= int(line) <= before + 60 for line in lines)
    assert not lock.exists(), "nothing else is touched"


def test_nobody_skipped_is_none_and_makes_no_file(lock):
    assert counted(lock) == 0
    assert list(lock.parent.iterdir()) == []


def test_ticks_that_could_not_begin_since_the_last_one_did_are_counted(lock):
    at(lock, 5120, 5240, 5361)
    assert counted(lock) == 3
    assert counted(lock, since_s=5130) == 2
    assert counted(lock, now_s=5300) == 2, "what is of the future is of another boot"


def test_none_is_counted_twice_and_none_lost_if_the_tick_that_counted_it_never_saved(lock):
    file = at(lock, 5120, 5240, 5360)
    assert [counted(lock), counted(lock)] == [3, 3], "until a tick has saved, they are not told yet"
    assert counted(lock, since_s=5480) == 0
    assert not file.exists(), "the one that saved began after them: they have served"


def test_skips_that_come_while_a_tick_is_at_work_are_the_next_ones(lock):
    at(lock, 5120, 5500, 5620)
    assert counted(lock, since_s=5380) == 2


def test_what_people_start_beside_a_tick_at_work_takes_no_beat_away(lock):
    at(lock, 5003, 5010, 5030, 5060, 5119, 5121, 5150, 5238)
    assert counted(lock) == 2


def test_lines_of_the_boot_before_count_once(lock):
    at(lock, 905_000, 905_120, 905_121, 905_240)
    assert counted(lock, now_s=60, since_s=None) == 3
    assert counted(lock, now_s=180, since_s=60) == 0
    assert not lock.with_name("minectl.lock.skipped").exists()


def test_a_torn_or_foreign_line_is_no_skip(lock):
    at(lock, 5120, "", "52x0", "-5240", "5" * 5000, 5360)
    assert counted(lock) == 2


def test_the_file_stays_small_however_long_nobody_can_begin(lock):
    file = at(lock, *range(MOST_BYTES))
    size = file.stat().st_size
    note_skip(lock)
    assert file.stat().st_size == size
    at(lock, "1" * (MOST_BYTES - 5))
    note_skip(lock)
    assert MOST_BYTES - 4 < file.stat().st_size < MOST_BYTES + 12


def test_a_full_disk_costs_the_count_and_nothing_else(lock, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for call in ("open", "write"):
        with monkeypatch.context() as patch:
            patch.setattr(room.os, call, full)
            note_skip(lock)
    assert counted(lock) == 0


def test_a_link_somebody_laid_there_is_not_followed(lock):
    precious = lock.with_name("precious")
    precious.write_text("")
    lock.with_name("minectl.lock.skipped").symlink_to(precious)
    note_skip(lock)
    assert precious.read_text() == ""


def test_what_can_not_be_read_is_said(lock):
    lock.with_name("minectl.lock.skipped").mkdir()
    note_skip(lock)
    with pytest.raises(OSError, match=os.strerror(errno.EISDIR)):
        counted(lock)
