"""SIG3: what could not be read is kept, the newest twenty, for its owner's eyes only."""

import errno
import os

import pytest

from mine_controller.store import samples
from mine_controller.store.samples import Kept, keep_sample, newest

NOW = 1_789_000_000
HOUR = 3600


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "samples"


def keep(folder, number, at=NOW, stem="power_signal-coop", **files):
    made = files or {"page.html": b"page %d" % number}
    return keep_sample(folder, stem, f"{number:08x}" + "f" * 56, lambda: made, at)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_sample_is_a_folder_that_nobody_but_its_owner_reads(folder):
    old = os.umask(0)
    try:
        kept = keep(folder, 7, **{"page.html": b"<html>", "replies.json": b"[]"})
    finally:
        os.umask(old)
    assert kept == Kept("power_signal-coop-00000007", fresh=True)
    assert sorted(path.name for path in (folder / kept.name).iterdir()) == ["page.html", "replies.json"]
    assert (folder / kept.name / "page.html").read_bytes() == b"<html>"
    modes = {path: path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_the_same_answer_is_kept_once_and_costs_nothing_the_second_time(folder):
    keep(folder, 7)

    def never():
        raise AssertionError("made again")

    again = keep_sample(folder, "power_signal-coop", "00000007" + "0" * 56, never, NOW + 10 * HOUR)
    assert again == Kept("power_signal-coop-00000007")
    assert names(folder) == ["power_signal-coop-00000007"]


def test_the_newest_twenty_are_kept(folder):
    for number in range(25):
        assert keep(folder, number, NOW + number * HOUR).fresh
    assert names(folder) == [f"power_signal-coop-{number:08x}" for number in range(5, 25)]


def test_a_page_that_is_another_one_at_every_look_neither_washes_away_the_rest_nor_wears_out_the_card(folder):
    kept = [keep(folder, number, NOW + number * 120) for number in range(60)]
    assert sum(one.fresh for one in kept) == 2 * samples.AN_HOUR
    assert kept[10] == Kept("power_signal-coop-00000003", own=False)
    assert len(names(folder)) == 2 * samples.AN_HOUR


def test_what_this_hour_has_no_sample_for_is_not_shown_another_sections(folder):
    for number in range(4):
        keep(folder, number)
    assert keep(folder, 9, stem="power_signal-other") == Kept("", own=False)


def test_a_clock_that_was_ahead_keeps_nobody_from_keeping_and_the_new_one_stays(folder):
    for number in range(20):
        keep(folder, number, NOW + (number + 1) * 24 * HOUR)
    assert keep(folder, 99).fresh
    assert "power_signal-coop-00000063" in names(folder)
    assert len(names(folder)) == 20


def test_what_a_tick_left_that_died_on_the_way_is_cleared_and_what_a_person_put_there_stays(folder):
    for name in (".power_signal-coop-0000beef", ".git", "the login of july"):
        (folder / name).mkdir(parents=True)
    for number in range(25):
        keep(folder, number, NOW + number * HOUR)
    assert {".git", "the login of july"} <= set(names(folder))
    assert len(names(folder)) == 22
    assert not (folder / ".power_signal-coop-0000beef").exists()


def test_half_a_sample_is_none(folder, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(samples.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        keep(folder, 7)
    assert names(folder) == []


def test_the_last_of_the_disk_is_left_to_the_ticks_own_commits(folder, monkeypatch):
    class Disk:
        f_bavail, f_frsize = 15_000, 4096

    monkeypatch.setattr(samples.os, "statvfs", lambda _path: Disk())
    with pytest.raises(OSError, match="MB are free"):
        keep(folder, 7)
    assert names(folder) == []


def test_no_folder_is_made_where_the_database_has_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        keep(tmp_path / "gone" / "samples", 7)
    assert not (tmp_path / "gone").exists()


# -- for a bundle --


def test_the_newest_that_fit_are_read_whole_and_the_rest_is_counted(folder):
    for number, size in enumerate((10, 500, 300, 200)):
        keep(folder, number, NOW + number * HOUR, **{"page.html": b"x" * size, "replies.json": b"[]"})
    found, left = newest(folder, 520)
    assert {name: len(body) for name, body in found.items()} == {
        "power_signal-coop-00000003/page.html": 200, "power_signal-coop-00000003/replies.json": 2,
        "power_signal-coop-00000002/page.html": 300, "power_signal-coop-00000002/replies.json": 2,
        "power_signal-coop-00000000/page.html": 10, "power_signal-coop-00000000/replies.json": 2,
    }  # fmt: skip
    assert left == 1
    assert newest(folder / "none", 520) == ({}, 0)


def test_what_is_no_sample_of_ours_is_never_read(folder, tmp_path):
    keep(folder, 7)
    (tmp_path / "secret").write_bytes(b"canary")
    (folder / "my own page").mkdir()
    (folder / "my own page" / "page.html").write_bytes(b"canary")
    (folder / "power_signal-coop-00000007" / "link").symlink_to(tmp_path / "secret")
    (folder / "power_signal-coop-00000007" / "deeper").mkdir()
    (folder / "power_signal-coop-00000008").symlink_to(folder / "my own page")
    assert newest(folder, 10_000) == ({"power_signal-coop-00000007/page.html": b"page 7"}, 0)


def test_a_sample_that_a_tick_removes_meanwhile_is_no_trouble(folder, monkeypatch):
    keep(folder, 7)
    keep(folder, 8, NOW + 1)
    real = samples._samples
    monkeypatch.setattr(samples, "_samples", lambda where: [*real(where), (NOW + 2.0, where / "x-00000009")])
    assert [name.partition("/")[0][-1] for name in newest(folder, 10_000)[0]] == ["8", "7"]
