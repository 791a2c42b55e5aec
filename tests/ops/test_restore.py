"""The drill: what would come of a restore, with nothing left behind."""

import tempfile
from pathlib import Path

import pytest
from cli.place import Place

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
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
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
