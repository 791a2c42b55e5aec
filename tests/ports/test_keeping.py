"""Keeping, as the tick does it in its spare time: verified copies, the owner's program, and what fails is told."""

import os
import re
import shutil
import time
from types import SimpleNamespace

import pytest
from cli.place import Place
from store import ledger

from mine_controller.config.model import Problem
from mine_controller.core.option import Secret
from mine_controller.ports import keeping
from mine_controller.ports.kept import is_due, read_kept, write_kept
from mine_controller.ports.live import Live
from mine_controller.ports.log import Log
from mine_controller.ports.own import own
from mine_controller.store import query
from mine_controller.store.copies import kept_files
from mine_controller.store.db import StoreTrouble
from mine_controller.store.inbox import file_request
from mine_controller.store.putback import judge
from mine_controller.store.stop import raise_stop

NOW = ledger.NOON


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path).ticks(2).without_hourly_copies()


def kept(place, now_s=NOW, hurried=lambda: "", spare_s=60.0, **options):
    config = place.config._replace(keep=place.config.keep._replace(**options))
    keeping.keep(config, Log(config.paths.log), now_s, time.monotonic() + spare_s, hurried)
    return read_kept(config.paths)


def names(place):
    return sorted(path.name for path in place.config.paths.backups.glob("*.db"))


def log(place):
    return place.config.paths.log.read_text()


def program(tmp_path, text):
    path = tmp_path / "after.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def told(place):
    return [row.text for row in query.events(place.config.paths, kind="backup_failed")]


def test_the_first_hour_makes_a_whole_copy_that_stands_for_its_week_and_month(place):
    after = kept(place)
    assert (after.hour, after.whole_at, after.trouble) == (NOW // 3600, NOW, "")
    assert names(place) == ["day-20260301.db", "month-202603.db", "week-2026W09.db"]
    copy = place.config.paths.backups / "day-20260301.db"
    assert judge(copy).why == ""
    assert set(kept_files(copy)) == {"fleet.csv", "config.txt"}
    assert b"canary" not in kept_files(copy)["config.txt"]
    assert "canary" not in copy.read_bytes().decode("latin-1")


def test_within_the_hour_nothing_more_is_done_and_within_the_day_no_whole_copy(place):
    kept(place)
    assert not is_due(place.config.paths, NOW + 1800)
    (place.config.paths.backups / "day-20260301.db").unlink()
    kept(place, NOW + 3600)
    assert "day-20260301.db" not in names(place)
    kept(place, NOW + 86_400)
    assert "day-20260302.db" in names(place)


def test_a_clock_set_back_by_a_year_makes_a_copy_and_no_loop(place):
    """CLK1."""
    kept(place)
    after = kept(place, NOW - 365 * 86_400)
    assert after.whole_at == NOW - 365 * 86_400
    assert "day-20250301.db" in names(place)
    assert not is_due(place.config.paths, NOW - 365 * 86_400)


def test_a_whole_copy_gives_way_to_a_person_and_is_tried_again_next_hour(place, monkeypatch):
    """DB8: a person's command waits no longer than a piece of it."""
    monkeypatch.setattr("mine_controller.store.copies.STEP_PAGES", 1)
    after = kept(place, hurried=lambda: "a person asked for something")
    assert (names(place), after.cut, after.whole_at, after.trouble) == ([], 1, 0, "")
    assert re.search(r"put off: \d+ % copied when a person asked for something", log(place))
    assert kept(place, NOW + 3600).whole_at == NOW + 3600


def test_a_day_without_a_whole_copy_is_trouble(place, monkeypatch):
    monkeypatch.setattr("mine_controller.store.copies.STEP_PAGES", 1)
    for hour in range(24):
        after = kept(place, NOW + hour * 3600, spare_s=-1)
    assert after.cut == 24
    assert "no whole copy for 24 hours" in after.trouble


def test_a_whole_copy_that_can_not_be_made_costs_none_that_is_there(place, monkeypatch):
    """A disk that got full took what was noted of the day's copy, and an hour later the copy itself."""
    before = kept(place)
    write_kept(place.config.paths, before._replace(whole_at=0))

    def full(*_about):
        raise StoreTrouble("full", "a whole copy needs 900 MB, and there are 3 MB free")

    monkeypatch.setattr(keeping, "back_up", full)
    after = kept(place, NOW + 3600)
    assert "a whole copy needs 900 MB" in after.trouble
    assert judge(place.config.paths.backups / "day-20260301.db").why == ""


def test_a_whole_copy_that_can_not_be_trusted_goes(place, monkeypatch):
    place.config.paths.backups.mkdir(exist_ok=True)  # an hour may have begun among the ticks above
    monkeypatch.setattr(keeping, "back_up", lambda _source, path, *_more: path.write_bytes(b"half a copy"))
    after = kept(place)
    assert "day-20260301.db: " in after.trouble
    assert names(place) == []


def test_an_hourly_copy_that_can_not_be_trusted_is_told_and_an_alarm_stands_until_a_good_hour(place):
    """DB2: a backup nobody opened is no backup."""
    kept(place)
    bad = place.config.paths.backups / f"hour-{(NOW // 3600 + 1) % 24:02}.db"
    bad.write_bytes(b"not a database")
    os.utime(bad, (NOW + 3600, NOW + 3600))
    assert f"{bad.name} can't be trusted" in kept(place, NOW + 3600).trouble
    assert len(told(place)) == 1
    health = {one.key: one for one in own(place.config, 77)}
    assert health["backup:health"].value is None
    assert bad.name in health["backup:health"].why
    bad.unlink()
    whole = place.config.paths.backups / "day-20260301.db"
    good = place.config.paths.backups / f"hour-{(NOW // 3600 + 2) % 24:02}.db"
    good.write_bytes(whole.read_bytes())
    os.utime(good, (NOW + 7200, NOW + 7200))
    assert kept(place, NOW + 7200).trouble == ""
    assert {one.key: one.value for one in own(place.config, 77)}["backup:health"] == "ok"


def test_a_missing_hourly_copy_is_told(place):
    kept(place)
    assert "there is no copy of this hour" in kept(place, NOW + 3600).trouble


def test_a_folder_that_can_not_be_written_is_told_once_an_hour(place):
    """DB6: the note of it lies in memory, so that the next tick does not begin again."""
    backups = place.config.paths.backups
    shutil.rmtree(backups, ignore_errors=True)
    backups.write_text("a file where the folder should be")
    after = kept(place)
    assert after.trouble
    assert not is_due(place.config.paths, NOW + 120)
    assert told(place)


def test_the_owners_program_gets_the_copy_and_none_of_our_secrets(place, tmp_path, monkeypatch):
    monkeypatch.setenv("CANARY_TOKEN", "canary")
    script = program(tmp_path, 'echo "$#" "$1"; env | grep -c CANARY; exit 0')
    assert kept(place, after_backup=script).trouble == ""
    copy = place.config.paths.backups / "day-20260301.db"
    assert f'text="1 {copy} 0"' in log(place)


def test_a_program_that_fails_is_told_with_what_it_said_and_without_secrets(place, tmp_path):
    place.config = place.config._replace(secrets=(Secret("canary-key"),))
    after = kept(place, after_backup=program(tmp_path, "echo no room for canary-key; exit 3"))
    assert "after.sh ended with 3 for day-20260301.db: no room for ***" in after.trouble
    assert "canary" not in log(place)


def test_a_program_that_hangs_is_ended_with_its_children(place, tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "LOOK_S", 0.02)
    script = program(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait")
    place.config = place.config._replace(keep=place.config.keep._replace(after_backup_s=0.3))
    after = kept(place, after_backup=script, after_backup_s=0.3)
    assert "took too long and was ended" in after.trouble
    child = (tmp_path / "child").read_text().strip()
    assert _gone(child)


def _gone(pid):
    """Ended: no such process any more, or one that waits for its parent to notice."""
    for _ in range(100):
        try:
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - a file of the kernel
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_a_program_that_is_not_there_is_told(place):
    assert "can't be run" in kept(place, after_backup="/nowhere/at/all").trouble


def test_without_a_folder_for_what_a_program_says_it_is_told_once_and_not_kept_again_at_every_tick(
    place, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    after = kept(place, after_backup=program(tmp_path, "echo sent"))
    assert (after.whole_at, not is_due(place.config.paths, NOW)) == (NOW, True)
    assert "after.sh can't be run: No such file or directory" in after.trouble


def test_an_emergency_stop_ends_the_keeping_at_once(place):
    paths = place.config.paths
    hurried = keeping.watch(paths, lambda: False)
    assert hurried() == ""
    raise_stop(paths, "eve", "smoke")
    assert "emergency stop" in hurried()


def test_a_request_and_the_end_of_the_process_do_too(place):
    ended = SimpleNamespace(now=False)
    hurried = keeping.watch(place.config.paths, lambda: ended.now)
    place.config.paths.inbox.write_bytes(b"x")
    assert hurried() == "a person asked for something"
    ended.now = True
    assert hurried() == "the tick was told to end"


def test_the_shell_says_what_is_wrong_with_its_own_files(place):
    good = {one.key: (one.value, one.why, one.at_s) for one in own(place.config, 9)}
    assert good["config:health"] == ("ok", "", 9)
    assert good["disk:health"][0] == "ok"
    wrong = (Problem(3, "site", "name", "is missing"), Problem(17, "", "", "a01 stands twice", "fleet.csv"))
    broken = {one.key: one.why for one in own(place.config._replace(last_good=True, broken=wrong), 9)}
    assert broken["config:health"] == "config.txt:3: is missing (and 1 more)"


@pytest.mark.parametrize(
    ("free_mb", "of_mb", "why"),
    [
        (4, 40_000, "4 MB of 40000 MB are free"),
        (999, 40_000, "999 MB of 40000 MB are free"),
        (1_900, 1_000_000, ""),  # of a large one a gigabyte is room enough
        (150, 1_000, ""),  # and of a small one a tenth
        (99, 1_000, "99 MB of 1000 MB are free"),
    ],
)
def test_a_full_disk_is_a_reading(place, monkeypatch, free_mb, of_mb, why):
    """DB1."""
    disk = {"f_bavail": free_mb, "f_blocks": of_mb, "f_frsize": 1_000_000, "f_files": 0, "f_favail": 0, "f_flag": 0}
    monkeypatch.setattr("mine_controller.ports.own.os.statvfs", lambda _path: SimpleNamespace(**disk))
    found = {one.key: one for one in own(place.config, 9)}["disk:health"]
    assert (found.value, found.why) == ("ok" if not why else None, why)


def test_a_tick_that_begins_before_the_hour_and_ends_in_it_leaves_the_keeping_to_the_next_one(place):
    kept(place)  # the hour before
    paths = place.config.paths
    keep_copies(place, ledger.clock(NOW + 3605, began=ledger.clock(NOW + 3585).plant_s))
    assert read_kept(paths).hour == NOW // 3600
    assert told(place) == []
    keep_copies(place, ledger.clock(NOW + 3615))
    assert read_kept(paths).hour == NOW // 3600 + 1


def keep_copies(place, clock):
    """As the tick does it when all else is done."""
    clocks = SimpleNamespace(
        ended=False, plant_now_s=lambda: 10_070, sources=SimpleNamespace(wall_s=lambda: NOW + 3605)
    )
    log_file = Log(place.config.paths.log)
    ports = SimpleNamespace(
        config=place.config, clocks=clocks, log=log_file, _harmless=lambda work, _what: work(), _judged=frozenset
    )
    Live.keep_copies(ports, SimpleNamespace(image=SimpleNamespace(clock=clock)), SimpleNamespace(unsaved=False))


@pytest.mark.parametrize(
    ("doubt", "left"), [({}, 0), ({"synced": False}, 1), ({"stepped": True}, 1), ({"wall_s": NOW + 3600}, 1)]
)
def test_once_an_hour_answered_requests_of_the_week_before_go_if_the_clock_is_to_be_believed(place, doubt, left):
    answered(place)
    keep_copies(place, ledger.clock(place.wall + 8 * 86_400)._replace(**doubt))
    assert len(place.requests()) == left
    assert ("1 requests let go" in log(place)) is (left == 0)


def answered(place):
    file_request(place.config.paths, "cli", "eve", 1000, "", "ack", ("none",), at=place.wall)
    place.ticks(1)
    assert len(place.requests()) == 1


def test_requests_that_can_not_be_let_go_are_a_line_in_the_log_and_no_alarm(place):
    answered(place)
    place.config.paths.inbox.write_bytes(b"no database at all, but long enough to look like one" * 40)
    keep_copies(place, ledger.clock(place.wall + 8 * 86_400))
    assert "old requests can't be let go" in log(place)
    assert "let go" not in read_kept(place.config.paths).trouble
