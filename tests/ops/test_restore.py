"""The drill: what would come of a restore, with nothing left behind."""

import errno
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli.place import Place

from mine_controller.config.kept import texts
from mine_controller.config.load import load
from mine_controller.config.sites import template
from mine_controller.ops import restore
from mine_controller.ops.recall import kept_book
from mine_controller.ops.reset import reset
from mine_controller.store import query
from mine_controller.store.copies import back_up, read_files
from mine_controller.store.db import StoreError
from mine_controller.store.note import Who

NOW = 1_789_000_000


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path).ticks(3).without_hourly_copies()
    back_up(
        place.config.paths.db, place.config.paths.backups / "day-20260301.db", read_files(place.config.paths.beside)
    )
    return place


def test_a_drill_counts_and_leaves_nothing(place, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(restore, "ON_DISK", str(scratch))
    place.ticks(2).without_hourly_copies()
    before = {path: path.read_bytes() for path in Path(tmp_path).rglob("*") if path.is_file()}
    found = restore.drill(place.config, "latest", NOW)
    assert found.troubles == ()
    rows = {table: rest for table, *rest in found.rows}
    assert rows["mine_states"] == [3, 3, 5]
    assert (found.mode, found.miners, found.files) == ("INIT", 8, ("fleet.csv",))
    assert {path: path.read_bytes() for path in Path(tmp_path).rglob("*") if path.is_file()} == before


def test_a_drill_works_with_the_database_gone(place):
    place.config.paths.db.unlink()
    rows = {table: rest for table, *rest in restore.drill(place.config, "latest", NOW).rows}
    assert rows["mine_states"] == [3, 3, None]


def test_a_drill_uses_the_disk_and_says_where_there_is_no_room_for_it(place, tmp_path, monkeypatch):
    """/tmp is memory on newer systems, and a history of years is larger than that of a small machine."""
    monkeypatch.setattr(restore, "ON_DISK", str(tmp_path))
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert restore.drill(place.config, "latest", NOW).troubles == ()
    assert not list(tmp_path.glob("minectl-drill-*"))
    monkeypatch.setattr(restore.shutil, "disk_usage", lambda _path: SimpleNamespace(free=0))
    with pytest.raises(StoreError, match=f"in {tmp_path}, which has 0 MB: make room there"):
        restore.drill(place.config, "latest", NOW)


def test_db6_a_drill_without_any_folder_for_it_says_how_to_name_one(place, monkeypatch):
    """/tmp and /var/tmp lie on the card that is read-only; it named the database, which was not at fault."""

    def nowhere():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/var/tmp']")

    place.ticks(2)
    back_up(place.config.paths.db, place.config.paths.backups / "by-hand.db")
    monkeypatch.setattr(restore, "ON_DISK", "/none")
    monkeypatch.setattr(restore.tempfile, "gettempdir", nowhere)
    with pytest.raises(StoreError, match="name one on a disk with room, TMPDIR=/mnt minectl restore --drill"):
        restore.drill(place.config, "by-hand.db", 0)


def test_rows_lost_on_the_way_are_trouble(place, monkeypatch):
    real = restore.judge

    def fewer(path, **about):
        found = real(path, **about)
        return found._replace(counts=tuple((name, 0) for name, _ in found.counts)) if "drill" in str(path) else found

    monkeypatch.setattr(restore, "judge", fewer)
    assert "mine_states: 3 rows in the copy, 0 after" in restore.drill(place.config, "latest", NOW).troubles


def test_a_list_that_is_gone_comes_back_and_one_that_is_another_stays(place):
    fleet = place.config.paths.fleet
    was = fleet.read_bytes()
    fleet.write_bytes(b"id,mac\n")
    done = restore.put_in_force(place.config, "day-20260301.db", NOW, Who("eve"))
    assert "was left as it is" in done.notes[0]
    assert fleet.read_bytes() == b"id,mac\n"
    (beside,) = fleet.parent.glob("fleet.csv.from-copy-*")
    assert beside.read_bytes() == was
    fleet.unlink()
    assert restore.put_in_force(place.config, "day-20260301.db", NOW + 1, Who("eve")).notes == (
        "fleet.csv was missing and is back",
    )
    assert fleet.read_bytes() == was


@pytest.mark.parametrize("site", ["coop-container", "home-fleet"])
def test_the_list_without_a_miner_of_a_new_machine_makes_room_for_the_copys(place, tmp_path, site):
    was = place.config.paths.fleet.read_bytes()
    place.config.paths.fleet.write_text(template(site, "fleet.csv"))
    done = restore.put_in_force(place.config, "day-20260301.db", NOW, Who("eve"))
    assert (done.notes, place.config.paths.fleet.read_bytes()) == (("fleet.csv was missing and is back",), was)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "fleet.csv").write_text(template(site, "fleet.csv"))
    restore.unpacked(place.config.paths.backups / whole_copy(place), tmp_path / "new" / "config.txt")
    assert (tmp_path / "new" / "fleet.csv").read_bytes() == was


def whole_copy(place):
    files = {**read_files(place.config.paths.beside), **texts(place.config)}
    back_up(place.config.paths.db, place.config.paths.backups / "day-20260302.db", files)
    return "day-20260302.db"


def test_a_list_comes_back_whole_or_not_at_all(place, monkeypatch):
    """What was killed in the middle of it had left half a list, and with that half a fleet."""
    lists = place.config.paths.fleet
    was = lists.read_bytes()
    lists.unlink()
    writes = Path.write_bytes

    def killed(path, body):
        writes(path, body[: len(body) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", killed)  # in place, and not beside and renamed
    with suppress(KeyboardInterrupt):
        restore.put_in_force(place.config, "day-20260301.db", NOW, Who("eve"))
    assert not lists.exists() or lists.read_bytes() == was


def test_the_same_settings_are_left_alone_and_others_lie_beside_without_secrets(place):
    name = whole_copy(place)
    assert restore.put_in_force(place.config, name, NOW, Who("eve")).notes == ()
    place.path.write_text(place.path.read_text().replace("power_cap_kw = 1000", "power_cap_kw = 900"))
    (note,) = restore.put_in_force(load(place.path), name, NOW + 1, Who("eve")).notes
    assert "to type again in it: redfish pdu1.password, foreman mine.key" in note
    (beside,) = place.path.parent.glob("config.txt.from-copy-*")
    assert "power_cap_kw = 1000" in beside.read_text()
    assert "canary" not in beside.read_text()
    assert beside.stat().st_mode & 0o777 == 0o600
    assert "power_cap_kw = 900" in place.path.read_text()


def test_a_config_that_is_gone_comes_back_and_says_which_secrets_are_missing(place):
    name = whole_copy(place)
    place.path.unlink()
    (note,) = restore.put_in_force(place.config, name, NOW, Who("eve")).notes
    assert note.startswith("config.txt was missing and is back; to type again in it: redfish pdu1.password, ")
    assert place.path.read_text().count("CHANGE-ME") == 2
    assert place.path.stat().st_mode & 0o777 == 0o600


def test_a_name_that_is_none_is_told(place):
    with pytest.raises(StoreError, match="backup --list"):
        restore.chosen(place.config, "day-19990101.db")


def test_after_a_restore_ticks_go_on_and_begin_in_init(place):
    restore.put_in_force(place.config, "latest", NOW, Who("eve"))
    assert kept_book(place.config.paths).state.mode == "INIT"
    place.ticks(1)
    assert len(query.ticks(place.config.paths)) == 4
    assert query.broken_event(place.config.paths) is None


def test_a_reset_begins_anew_and_keeps_wear_only_where_it_is_wanted(place):
    worn = kept_book(place.config.paths).state.miners
    aside = reset(place.config, NOW, Who("eve"), keep_wear=True)
    assert kept_book(place.config.paths).state.miners == worn
    assert (aside / "day-20260301.db").exists()
    place.ticks(1)
    reset(place.config, NOW + 9, Who("eve"), keep_wear=False)
    assert kept_book(place.config.paths).state.miners == {}
    place.ticks(1)
