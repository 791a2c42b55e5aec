"""`backup`, `restore`, `prune`, `export`, `bundle`, `reset` as typed."""

import csv
import errno
import io
import json
import os
import sqlite3
import tarfile
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from mine_controller.cli.main import group
from mine_controller.ops import keep
from mine_controller.ops.recall import kept_book
from mine_controller.ports.clock import REAL
from mine_controller.store import query
from mine_controller.store.copies import back_up
from mine_controller.store.db import StoreTrouble
from mine_controller.store.lock import TickLock
from mine_controller.store.samples import keep_sample


def test_backup_makes_a_copy_and_list_shows_it(place):
    done = place.ticks(3).without_hourly_copies().run("backup")
    assert done.exit_code == 0, done.output
    assert "3 ticks): opened, whole, good" in done.stdout
    (row,) = json.loads(place.run("backup", "--list", "--json").stdout)
    assert (row["holds"], row["beside"], row["trouble"]) == ("history", ["config.txt", "fleet.csv"], "")
    assert "by-hand-" in place.run("backup", "--list").stdout


def test_backup_to_another_folder_leaves_the_own_one_alone(place, tmp_path):
    (tmp_path / "usb").mkdir()
    place.ticks(1).without_hourly_copies().run("backup", "--to", str(tmp_path / "usb"))
    assert len(list((tmp_path / "usb").iterdir())) == 1
    assert "no copy yet" in place.run("backup", "--list").stdout


def test_a_stick_that_is_not_plugged_in_is_no_folder_on_the_card(place, tmp_path):
    place.ticks(1).without_hourly_copies()
    done = place.run("backup", "--to", str(tmp_path / "usb"))
    assert (done.exit_code, "is not there; plug it in" in done.stderr) == (1, True)
    assert not (tmp_path / "usb").exists()


def test_a_mount_point_with_nothing_mounted_takes_no_copy(place, tmp_path, monkeypatch):
    (tmp_path / "media" / "stick").mkdir(parents=True)
    monkeypatch.setattr(keep, "STICKS", (tmp_path / "media",))
    if (tmp_path / "media").stat().st_dev != Path("/").stat().st_dev:
        pytest.skip("temporary files lie on a disk of their own")
    done = place.ticks(1).run("backup", "--to", str(tmp_path / "media" / "stick"))
    assert (done.exit_code, "nothing is mounted at" in done.stderr) == (1, True)
    assert list((tmp_path / "media" / "stick").iterdir()) == []


def test_backup_without_a_database_says_what_helps(place):
    done = place.run("backup")
    assert (done.exit_code, "`minectl tick` makes one" in done.stderr) == (1, True)


def test_a_damaged_database_gives_no_copy(place):
    place.config.paths.db.write_bytes(b"no database at all" * 400)
    done = place.run("backup")
    assert (done.exit_code, "no copy was made" in done.stderr) == (1, True)
    assert not list(place.config.paths.backups.glob("*"))


def test_an_empty_database_is_said_to_be_one_and_no_other_programs(place):
    """A card that lost the file's bytes: `status` took it for a mine without a tick, `backup` for another program's."""
    place.ticks(2).config.paths.db.write_bytes(b"")
    for words in (("backup",), ("prune", "--yes"), ("export", "states"), ("bundle", "-o", "it.tar.gz"), ("events",)):
        done = place.run(*words)
        assert (done.exit_code, done.stdout, "the database is an empty file" in done.stderr) == (1, "", True), words
    found = json.loads(place.run("status", "--json").stdout or "{}")
    assert "no tick" not in json.dumps(found)
    assert not list(place.config.paths.backups.glob("by-hand*"))


def test_a_drill_writes_nothing_into_a_file_that_a_newer_program_has_changed(place):
    with closing(sqlite3.connect(place.ticks(2).without_hourly_copies().config.paths.db)) as db:
        db.execute("PRAGMA user_version = 99")
    before = place.config.paths.db.read_bytes()
    done = place.run("drill", "restore")
    assert (done.exit_code, "the event log does not have it: the database has schema 99" in done.stdout) == (1, True)
    assert place.config.paths.db.read_bytes() == before


def test_restore_in_one_command_and_the_next_tick_begins_in_init(place):
    place.ticks(3, of=6).run("backup")
    place.ticks(2).without_hourly_copies()
    done = place.run("restore", "--yes")
    assert done.exit_code == 0, done.output
    assert "The next tick begins in INIT." in done.stdout
    assert len(query.ticks(place.config.paths)) == 3
    (aside,) = place.path.parent.glob("mine_data.db.before-restore-*Z")
    assert len(query.ticks(place.config.paths._replace(db=aside))) == 5
    assert kept_book(place.config.paths).state.mode == "INIT"
    place.ticks(1)
    assert len(query.ticks(place.config.paths)) == 4


def test_after_a_lost_card_the_settings_come_out_of_the_copy_and_the_secrets_are_typed(place, tmp_path):
    place.ticks(2).run("backup")
    (copy,) = place.config.paths.backups.glob("by-hand-*.db")
    new = tmp_path / "new"
    new.mkdir()
    there = ("restore", str(copy), "--yes", "--config", str(new / "config.txt"))
    first = CliRunner().invoke(group, there)
    assert first.exit_code == 1
    assert "to type again in it: redfish pdu1.password, foreman mine.key" in first.stderr
    assert (new / "fleet.csv").read_bytes() == place.config.paths.fleet.read_bytes()
    assert not (new / "mine_data.db").exists()
    text = (new / "config.txt").read_text()
    for secret in ("canary-pdu", "canary-key"):
        text = text.replace("CHANGE-ME", secret, 1)
    (new / "config.txt").write_text(text)
    again = CliRunner().invoke(group, there)
    assert again.exit_code == 0, again.output
    assert len(query.ticks(place.config.paths._replace(db=new / "mine_data.db"))) == 2


def test_a_copy_without_settings_says_what_helps_where_there_are_none(place, tmp_path):
    back_up(place.ticks(1).config.paths.db, tmp_path / "old.db")
    done = CliRunner().invoke(group, ["restore", str(tmp_path / "old.db"), "-c", str(tmp_path / "nowhere.txt")])
    assert (done.exit_code, "minectl init" in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [("--yes",), ("--drill",)])
def test_what_is_restored_is_not_called_unrestored_because_nobody_reads_on(place, monkeypatch, words):
    """`minectl restore | head -1` said that nothing was restored, and the copy was in force."""
    place.ticks(3)

    def enough(*_about, **_more):
        raise BrokenPipeError

    place.run("backup")
    monkeypatch.setattr("mine_controller.cli.restore._tell", enough)
    monkeypatch.setattr("mine_controller.cli.restore.table", enough)
    done = place.run("restore", *words)
    assert (done.exit_code, "nothing was restored" in done.stderr) == (141, False)


def test_restore_asks_and_a_no_changes_nothing(place):
    place.ticks(2).run("backup")
    before = place.config.paths.db.read_bytes()
    done = place.run("restore", input="n\n")
    assert done.exit_code == 1
    assert place.config.paths.db.read_bytes() == before


def test_restore_waits_for_no_tick_that_never_ends(place, monkeypatch):
    monkeypatch.setattr(keep, "WAIT_S", -1.0)
    place.ticks(1).run("backup")
    with TickLock(place.config.paths.lock):
        done = place.run("restore", "--yes")
    assert (done.exit_code, "has been at work" in done.stderr) == (75, True)


def test_a_damaged_copy_is_refused_and_nothing_is_changed(place, tmp_path):
    place.ticks(2)
    (tmp_path / "odd.db").write_bytes(b"hello" * 999)
    before = place.config.paths.db.read_bytes()
    done = place.run("restore", str(tmp_path / "odd.db"), "--yes")
    assert (done.exit_code, "no usable copy" in done.stderr) == (1, True)
    assert place.config.paths.db.read_bytes() == before


def test_the_drill_says_that_it_works_and_changes_nothing(place):
    place.ticks(3).run("backup")
    before = place.config.paths.db.read_bytes()
    done = place.run("restore", "--drill")
    assert (done.exit_code, "It works; nothing was changed." in done.stdout) == (0, True)
    assert "know 8 miners, the starts and hours of 8 of them" in done.stdout
    told = json.loads(place.run("restore", "--drill", "--json").stdout)
    assert (told["ok"], told["rows"]["mine_states"]) == (True, {"copy": 3, "restored": 3, "now": 3})
    assert place.config.paths.db.read_bytes() == before
    assert list(place.path.parent.glob("*before-restore*")) == []


def old(place, count=50):
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        at = int(time.time()) - 500 * 86_400
        db.executemany("INSERT INTO records VALUES (?, x'00')", [((at + n * 120) * 64,) for n in range(count)])


def test_prune_says_first_and_does_then(place, monkeypatch):
    monkeypatch.setattr(keep, "pause_left_s", lambda _config, _now: 100.0)
    old(place.ticks(2))
    assert json.loads(place.run("prune", "--dry-run", "--json").stdout)["tables"] == {"records": 50}
    done = place.run("prune", "--yes", "--json")
    assert json.loads(done.stdout)["rows"] == 50
    assert "Nothing is past its time" in place.run("prune").stdout


def test_prune_by_a_clock_ten_years_ahead_does_not_eat_the_year(place, monkeypatch):
    """The ticks take nothing out by a clock that nobody keeps; typed, it took every record."""
    place.ticks(3)
    ahead = time.time() + 3650 * 86_400
    monkeypatch.setattr("mine_controller.cli.prune.time", SimpleNamespace(time=lambda: ahead))
    monkeypatch.setattr(keep, "REAL", REAL._replace(synced=lambda: False), raising=False)
    done = place.run("prune", "--yes", "--days", "30")
    assert (done.exit_code, "Nothing is past its time" in done.stdout) == (0, True)
    assert "nobody keeps this machine's clock right" in done.stderr


def test_prune_takes_nothing_out_of_a_file_that_a_newer_program_has_changed(place, monkeypatch):
    """After a `--rollback`: what is kept there, and for how long, only the newer program knows."""
    monkeypatch.setattr(keep, "pause_left_s", lambda _config, _now: 100.0)
    old(place.ticks(2))
    with closing(sqlite3.connect(place.config.paths.db)) as db:
        db.execute("PRAGMA user_version = 99")
    before = place.config.paths.db.read_bytes()
    for words in (("--yes",), ("--dry-run", "--json"), ("--vacuum", "--yes")):
        done = place.run("prune", *words)
        assert (done.exit_code, type(done.exception), done.stdout) == (1, SystemExit, "")
        assert "the database has schema 99, this program knows 1: install the newer program again" in done.stderr
    assert place.config.paths.db.read_bytes() == before


def test_prune_asks_and_vacuum_says_what_it_costs(place):
    old(place.ticks(2))
    done = place.run("prune", "--vacuum", input="n\n")
    assert done.exit_code == 1
    assert "Take 50 rows out for good?" in done.stderr
    assert "in which no tick runs" in done.stderr
    assert json.loads(place.run("prune", "--dry-run", "--json").stdout)["rows"] == 50


@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_export_gives_the_same_rows_in_every_form(place, tmp_path, form):
    done = place.ticks(4).run("export", "states", "--format", form, "-o", str(tmp_path / "out"))
    assert (done.exit_code, "4 rows in" in done.stdout) == (0, True)
    text = (tmp_path / "out").read_text()
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
    else:
        rows = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
    assert [row["mode"] for row in rows] == [row.mode for row in query.ticks(place.config.paths)][::-1]


@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_an_export_of_nothing_is_still_a_file_of_its_form(place, form):
    done = place.ticks(1).run("export", "stats", "--format", form)
    assert done.exit_code == 0
    assert done.stdout.strip() == {"csv": "timestamp,miner_id,hashrate,temperature,power,fan_speed,status",
                                   "json": "[]", "ndjson": ""}[form]  # fmt: skip


def test_the_states_of_all_years_go_into_prometheus(place):
    done = place.ticks(3).run("export", "states", "--format", "openmetrics")
    assert done.exit_code == 0
    assert done.stdout.count('minectl_miners_configured{mine="Coop test"} 8 ') == 3
    assert done.stdout.endswith("# EOF\n")
    told = place.run("export", "states", "--format", "openmetrics", "-o", str(place.path.parent / "years.om"))
    assert "3 rows in" in told.stdout


def test_only_states_have_names_of_metrics(place):
    done = place.ticks(1).run("export", "events", "--format", "openmetrics")
    assert (done.exit_code, "only states" in done.stderr) == (2, True)


def test_a_formula_of_a_device_is_not_run_by_a_spreadsheet(place):
    place.ticks(1)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE events SET text = '=HYPERLINK(\"http://evil\")' WHERE id = 1")
    assert "'=HYPERLINK" in place.run("export", "events").stdout


def test_an_export_that_fails_leaves_no_half_file(place, tmp_path):
    place.ticks(1)
    done = place.run("export", "states", "-o", str(tmp_path / "nowhere" / "out.csv"))
    assert (done.exit_code, "No such file" in done.stderr) == (1, True)


def test_a_bundle_can_be_explained_and_audited_without_a_config(place, tmp_path, monkeypatch):
    done = place.ticks(5).run("bundle", "-o", str(tmp_path / "it.tar.gz"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "it.tar.gz").stat().st_mode & 0o077 == 0
    elsewhere = tmp_path / "elsewhere"
    with tarfile.open(tmp_path / "it.tar.gz") as tar:
        tar.extractall(elsewhere, filter="data")
    (db,) = elsewhere.rglob("mine_data.db")
    monkeypatch.chdir(elsewhere)
    explained = CliRunner().invoke(group, ["explain", "--db", str(db)], catch_exceptions=False)
    assert (explained.exit_code, explained.stdout.startswith("Tick ")) == (0, True)
    audited = CliRunner().invoke(group, ["audit-ticks", "--db", str(db), "--json"], catch_exceptions=False)
    assert (audited.exit_code, json.loads(audited.stdout)["ticks"]) == (0, 5)


def test_a_bundle_of_a_mine_whose_devices_are_silent_is_made_and_asks_none(place, tmp_path):
    place.ticks(3, of=900).run("bundle", "-o", str(tmp_path / "it.tar.gz"))
    with tarfile.open(tmp_path / "it.tar.gz") as tar:
        (entry,) = [entry for entry in tar.getmembers() if entry.name.endswith("doctor.json")]
        checks = {check["name"]: check for check in json.loads(tar.extractfile(entry).read())}
    assert "not asked now" in checks["roomalert intake"]["text"]


def test_a_bundle_is_made_where_no_disk_takes_a_temporary_file(place, tmp_path, monkeypatch):
    """A card that has gone read-only: it is wanted then. Nor does one that is killed leave a copy in /tmp."""
    place.ticks(2)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    done = place.run("bundle", "-o", str(tmp_path / "it.tar.gz"))
    assert done.exit_code == 0, done.output
    with tarfile.open(tmp_path / "it.tar.gz") as tar:
        (entry,) = [entry for entry in tar.getmembers() if entry.name.endswith("mine_data.db")]
        (tmp_path / "it.db").write_bytes(tar.extractfile(entry).read())
    audited = CliRunner().invoke(
        group, ["audit-ticks", "--db", str(tmp_path / "it.db"), "--json"], catch_exceptions=False
    )
    assert (audited.exit_code, json.loads(audited.stdout)["ticks"]) == (0, 2)


def test_no_secret_is_in_a_bundle(place, tmp_path):
    place.ticks(2).run("bundle", "-o", str(tmp_path / "it.tar.gz"))
    with tarfile.open(tmp_path / "it.tar.gz") as tar:
        bodies = [tar.extractfile(entry).read() for entry in tar.getmembers()]
    assert not [body for body in bodies if b"canary" in body]


def test_a_bundle_says_what_it_holds_of_answers_that_nobody_could_read(place, tmp_path):
    words = ("bundle", "-o", str(tmp_path / "it.tar.gz"))
    assert "nobody could read" not in place.ticks(2).run(*words).stdout
    keep_sample(place.config.paths.samples, "power_signal-coop", "0" * 64, lambda: {"page.html": b"<html>"}, 1)
    assert place.run(*words).stdout.endswith("\n1 answer that nobody could read: samples/\n")


def test_reset_asks_sets_aside_and_says_who(place):
    place.ticks(3)
    assert place.run("reset", input="n\n").exit_code == 1
    done = place.run("reset", "--keep-wear", "--yes", "--json")
    aside = Path(json.loads(done.stdout)["aside"])
    assert (aside / "mine_data.db").exists()
    assert query.ticks(place.config.paths) == ()
    (told,) = query.events(place.config.paths)
    assert (told.kind, bool(told.actor)) == ("reset", True)
    assert place.ticks(1).run("status").exit_code == 0


def test_a_reset_that_the_disk_refuses_says_that_nothing_was_changed_and_what_helps(place, monkeypatch):
    def full(*_given, **_named):
        raise StoreTrouble("full", "the disk is full")

    place.ticks(3)
    monkeypatch.setattr("mine_controller.store.putback.draft_anew", full)
    done = place.run("reset", "--keep-wear", "--yes")
    assert (done.exit_code, len(query.ticks(place.config.paths))) == (1, 3)
    assert "nothing was changed: the disk is full; `minectl doctor` tells what helps" in done.stderr


def test_a_bundle_goes_beside_the_database_where_its_user_may_not_write_here(place, tmp_path, monkeypatch):
    """`sudo minectl bundle`: the user of the ticks stands in the home of whoever typed it."""
    allowed = os.access
    place.ticks(1)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.setattr(os, "access", lambda path, how, **more: path != "." and allowed(path, how, **more))
    done = place.run("bundle")
    (made,) = place.config.paths.db.parent.glob("minectl-*.tar.gz")
    assert done.stdout.startswith(f"{made} (")
    assert list((tmp_path / "home").iterdir()) == []


def test_a_copy_is_found_by_its_name_from_a_folder_that_is_closed(place, monkeypatch):
    """`sudo minectl restore NAME` in a home that only its owner may enter."""
    seen = Path.exists

    def exists(path, **more):
        if not path.is_absolute():
            raise PermissionError(13, "Permission denied", str(path))
        return seen(path, **more)

    place.ticks(2).without_hourly_copies().run("backup")
    (made,) = place.config.paths.backups.iterdir()
    monkeypatch.setattr(Path, "exists", exists)
    done = place.run("restore", "--drill", made.name)
    assert (done.exit_code, done.stderr.count("Permission denied")) == (0, 0)


def test_a_copy_that_a_disk_does_not_take_is_a_sentence(place, monkeypatch):
    def refused(*_given):
        raise OSError(errno.EROFS, "Read-only file system", "backups/by-hand.db.draft")

    place.ticks(2)
    monkeypatch.setattr("mine_controller.ops.keep.by_hand", refused)
    done = place.run("backup")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no copy was made: backups/by-hand.db.draft: Read-only file system" in done.stderr


def test_a_bundle_that_the_disk_cuts_off_is_none(place, tmp_path, monkeypatch):
    """A file of 0 bytes lay there by the name of a bundle; one of before was gone."""
    place.ticks(2)
    target = tmp_path / "it.tar.gz"
    target.write_bytes(b"of before")

    def full(*_given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(Path, "write_bytes", lambda path, _body: (path.write_text(""), full()))
    done = place.run("bundle", "-o", str(target))
    assert (done.exit_code, target.read_bytes()) == (1, b"of before")
    assert "it.tar.gz: No space left on device" in done.stderr
