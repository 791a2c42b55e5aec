"""Lines of fleet.csv come and go; whatever a person wrote stays as it is."""

import stat

import pytest

from mine_controller.config import fleet_edit
from mine_controller.config.edit import EditError
from mine_controller.config.fleet import read
from mine_controller.config.fleet_edit import append, remove, with_cells, with_rows, without_rows
from mine_controller.config.lastgood import remember
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError

NEW = {"id": "b01", "mac": "02:aa:00:00:00:07", "group": "cloud mine", "note": "Bitaxe, found"}
HEAD = b"id,mac,group,name,outlet,breaker,phase,row,nominal_w,flags,note\n"


def test_a_new_line_stands_behind_the_bytes_of_a_person():
    mine = b'\xef\xbb\xbf# my rack\r\nmac ; ID;group\r\n02-AA-bb-cc-dd-01 ;a001; "cloud mine"\r\n;;\r\n'
    after = with_rows(mine, [NEW])
    assert after == mine + b"02:aa:00:00:00:07;b01;cloud mine\r\n"
    assert [row.id for row in read(after.decode("utf-8-sig"))[0]] == ["a001", "b01"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiter_and_columns_are_those_of_the_file(delimiter):
    mine = delimiter.join(["group", "note", "id", "mac"]).encode()  # and no line end
    after = with_rows(mine, [NEW])
    assert after.startswith(mine + b"\n")
    rows, problems = read(after.decode())
    assert (rows[0].note, rows[0].group, problems) == ("Bitaxe, found", "cloud mine", ())


def test_the_line_in_which_a_spreadsheet_names_its_delimiter_stays_as_it_is():
    head = b"\xef\xbb\xbfsep=;\r\nid;mac;group\r\n"
    mine = head + b"a001;02:aa:00:00:00:01;cloud mine\r\n"
    assert with_rows(mine, [NEW]) == mine + b"b01;02:aa:00:00:00:07;cloud mine\r\n"
    assert without_rows(mine, ["a001"])[0] == head
    changed, told = with_cells(mine, "a001", {"group": "coop"})
    assert (changed, told) == (head + b"a001;02:aa:00:00:00:01;coop\r\n", (("group", "cloud mine", "coop"),))


def test_emptied_columns_at_the_end_of_the_first_line_stay_as_they_are():
    raw = b"id;mac;group;;\r\nb01;02:00:00:00:00:01;bitaxe shelf;;\r\n"
    after = with_rows(raw, [{"id": "b02", "mac": "02:00:00:00:00:02", "group": "bitaxe shelf"}])
    assert after == raw + b"b02;02:00:00:00:00:02;bitaxe shelf;;\r\n"
    assert without_rows(after, ["b02"])[0] == raw


def test_a_file_with_that_line_alone_gets_its_first_line_in_that_delimiter():
    assert with_rows(b"sep=;\n", [NEW]).startswith(b"sep=;\n" + HEAD.replace(b",", b";"))


def test_a_file_without_a_first_line_gets_one():
    assert with_rows(b"", [NEW]).startswith(HEAD)
    assert with_rows(b"# to be filled\n", [NEW]).startswith(b"# to be filled\n" + HEAD)


@pytest.mark.parametrize("text", ["a\nb", "bell\x07", "x" * 400])
def test_a_cell_that_is_no_line_is_refused(text):
    with pytest.raises(EditError, match="note"):
        with_rows(HEAD, [{**NEW, "note": text}])


def test_a_cell_of_a_person_is_not_left_out_where_the_file_has_no_column_for_it(write):
    path = write(fleet="id,mac,group\n")
    with pytest.raises(EditError, match="no column note: add it to its first line"):
        append(path, [NEW], whole=True)
    assert path.with_name("fleet.csv").read_text() == "id,mac,group\n"
    assert append(path, [{**NEW, "note": ""}], whole=True).policy.wiring.miners[0].id == "b01"


@pytest.mark.parametrize("note", ["hums", ""])
def test_a_cell_is_neither_changed_nor_emptied_where_there_is_no_such_column(note):
    with pytest.raises(EditError, match="no column note: add it to its first line"):
        with_cells(b"id,mac,group\nb01,02:aa:00:00:00:07,g\n", "b01", {"note": note})


@pytest.mark.parametrize("head", [b"name,id,mac,group\n", b"row\tname\tid\tmac\tgroup\n"])
def test_no_cell_makes_a_comment_of_the_line_of_a_miner(head):
    """As a comment it is out of the fleet: nobody asks or stops it any more, and nobody had said so."""
    row = {"id": "b01", "mac": "02:aa:00:00:00:07", "group": "cloud mine", "name": "Left"}
    listed = with_rows(head, [row])
    with pytest.raises(EditError, match="'#1' would make its line a comment"):
        with_cells(listed, "b01", {"name": "#1"})
    with pytest.raises(EditError, match="'#1' would make its line a comment"):
        with_rows(head, [{**row, "name": "#1"}])
    assert [one.name for one in read(with_rows(HEAD, [{**row, "name": "#1"}]).decode())[0]] == ["#1"]


def test_a_first_line_that_names_no_columns_is_left_alone():
    with pytest.raises(EditError, match="config check"):
        with_rows(b"a001,02:aa:00:00:00:01\n", [NEW])
    with pytest.raises(ConfigError):
        with_rows(b"id,mac,group\n\xff\xfe\n", [NEW])


def test_only_the_line_of_the_miner_goes():
    mine = HEAD + b"# first\r\na001,02:aa:00:00:00:01,g,,,,,,,,\r\n\n a002 ,02:aa:00:00:00:02,g,,,,,,,,\na003,SN123,g"
    after, gone = without_rows(mine, ["a002"])
    assert after == HEAD + b"# first\r\na001,02:aa:00:00:00:01,g,,,,,,,,\r\n\na003,SN123,g"
    assert [(row.id, row.mac) for row in gone] == [("a002", "02:aa:00:00:00:02")]


def test_a_miner_that_is_not_listed_is_told_with_the_nearest_one():
    with pytest.raises(EditError, match="did you mean a001"):
        without_rows(HEAD + b"a001,02:aa:00:00:00:01,g,,,,,,,,\n", ["a0011"])


def test_the_file_is_replaced_whole_and_the_old_one_kept(write):
    path = write()
    fleet = path.with_name("fleet.csv")
    before = fleet.read_bytes()
    fleet.chmod(0o640)
    config = append(path, [NEW])
    assert config.policy.wiring.miners[-1].id == "b01"
    assert fleet.read_bytes().startswith(before)
    assert path.with_name("fleet.csv.previous").read_bytes() == before
    assert stat.S_IMODE(fleet.stat().st_mode) == 0o640
    assert [row.id for row in remove(path, ["b01"])] == ["b01"]
    assert fleet.read_bytes() == before


def test_a_missing_file_is_made(write):
    path = write(fleet=None)
    append(path, [NEW])
    assert path.with_name("fleet.csv").read_bytes().startswith(HEAD)


def test_a_file_that_is_gone_is_not_made_anew_with_one_miner_in_it(write):
    """The ticks went on with all that it had listed; a list of one would be good, and nobody stops the others."""
    path = write()
    remember(load(path))
    path.with_name("fleet.csv").unlink()
    with pytest.raises(EditError, match=r"^fleet.csv is gone, and miners were listed \([0-9]+\): put it back"):
        append(path, [NEW])
    assert not path.with_name("fleet.csv").exists()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**NEW, "id": "a001"}, "stands twice"),
        ({**NEW, "mac": "02:aa:bb:cc:dd:01"}, "stands twice"),
        ({**NEW, "group": "poul mine"}, "did you mean cloud mine"),
        ({**NEW, "mac": "?"}, "neither a MAC"),
    ],
)
def test_what_would_not_check_is_not_written(write, row, said):
    path = write()
    before = path.with_name("fleet.csv").read_bytes()
    with pytest.raises(ConfigError) as wrong:
        append(path, [row])
    assert said in wrong.value.problems[0].text
    assert path.with_name("fleet.csv").read_bytes() == before
    assert not path.with_name("fleet.csv.previous").exists()


def test_a_file_that_changed_meanwhile_is_left_alone(write, monkeypatch):
    path = write()
    fleet, real = path.with_name("fleet.csv"), fleet_edit.build_config

    def slowly(source, over):
        config = real(source, over)
        fleet.write_text("somebody else's\n")
        return config

    monkeypatch.setattr(fleet_edit, "build_config", slowly)
    with pytest.raises(EditError, match="somebody else"):
        append(path, [NEW])
    assert fleet.read_text() == "somebody else's\n"


def test_a_folder_that_can_not_be_written_is_told(write, monkeypatch):
    path = write()

    def full(*words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fleet_edit, "replace_file", full)
    with pytest.raises(EditError, match="No space left"):
        append(path, [NEW])
