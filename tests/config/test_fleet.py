"""fleet.csv as people and spreadsheets write it."""

import pytest

from mine_controller.config.fleet import doubts, mac_or_serial, read

HEAD = "id,mac,group\n"


def told(text):
    return [(one.line, f"{one.option}: {one.text}") for one in read(text)[1]]


def test_a_spreadsheets_semicolons_tabs_quotes_and_case_are_read():
    for mark in ",;\t":
        text = (
            f'ID{mark}Mac{mark}GROUP{mark}note\r\na1{mark}02:AA:BB:CC:DD:01{mark}foreman mine{mark}"by {mark} door"\r\n'
        )
        rows, wrong = read(text)
        assert not wrong
        assert (rows[0].id, rows[0].mac, rows[0].group, rows[0].note) == (
            "a1", "02:aa:bb:cc:dd:01", "foreman mine", f"by {mark} door",
        )  # fmt: skip


def test_comments_blank_lines_and_empty_rows_are_skipped_and_lines_still_count():
    rows, wrong = read(f"# mine\n\n{HEAD}# a0\n,,\n\na1,02:aa:bb:cc:dd:01,foreman mine\n")
    assert not wrong
    assert [(row.id, row.line) for row in rows] == [("a1", 7)]


@pytest.mark.parametrize("sep", ["sep=;", "SEP=;\r", '"sep=;"', "sep=; ", "sep=;;;"])
def test_the_line_in_which_a_spreadsheet_names_its_delimiter_is_skipped_and_counts(sep):
    rows, wrong = read(f"{sep}\nid;mac;group\na1;02:aa:bb:cc:dd:01;foreman mine\n")
    assert not wrong
    assert [(row.id, row.line) for row in rows] == [("a1", 3)]
    assert read(sep + "\n") == ((), ())


def test_columns_that_were_emptied_in_a_spreadsheet_are_no_columns():
    rows, problems = read("id;mac;group;;;\r\nb01;02:00:00:00:00:01;bitaxe shelf;;;\r\n")
    assert [row.id for row in rows] == ["b01"]
    assert problems == ()
    _, problems = read("id;mac;group;;;\r\nb01;02:00:00:00:00:01;bitaxe shelf;;left;\r\n")
    assert [problem.text for problem in problems] == ["has 6 cells for 3 columns: quote a cell with a comma in it"]


def test_a_line_like_it_further_down_is_no_miner_and_told():
    assert [line for line, _ in told(f"{HEAD}sep=;\n")][:1] == [2]
    assert [line for line, _ in told(f"sep=,\nsep=,\n{HEAD}")][:1] == [2]


def test_an_empty_file_is_no_miner():
    assert read("") == ((), ())
    assert read("# nothing yet\n") == ((), ())


def test_columns_may_stand_in_any_order_and_rows_may_end_early():
    rows, wrong = read(
        "flags,group,mac,nominal_w,id\nspare|protected,foreman mine,020000000001,3300,a1\n,g h,SN-00042,,a2\n"
    )
    assert not wrong
    assert (rows[0].flags, rows[0].nominal_w, rows[0].mac) == (("spare", "protected"), 3300, "02:00:00:00:00:01")
    assert (rows[1].nominal_w, rows[1].mac) == (0, "SN-00042")


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("id,mac\na1,02:aa:bb:cc:dd:01\n", 1, "group: is missing"),
        ("id,mac,group,nominal\n", 1, "did you mean nominal_w"),
        ("id,mac,group,id\n", 1, "stands twice"),
        (HEAD + "a1,02:aa:bb:cc:dd:01,g m,more\n", 2, "4 cells for 3 columns"),
        (HEAD + "a 1,02:aa:bb:cc:dd:01,g m\n", 2, "short name"),
        (HEAD + "a1,02:aa:bb:cc:dd,g m\n", 2, "neither a MAC"),
        (HEAD + "a1,00:00:00:00:00:00,g m\n", 2, "neither a MAC"),
        (HEAD + "a1," + "9" * 3000 + ",g m\n", 2, "too long"),
        (HEAD + "a1,02:aa:bb:cc:dd:01\r,g m\n", 2, "control character"),
        (HEAD + "a1,,g m\n", 2, "neither a MAC"),
        (HEAD + "a1,2.00001E+10,g m\n", 2, "mac: '2.00001E+10' is a number that a spreadsheet made of it: format"),
        (HEAD.replace(",", ";") + "a1;2,00001E+10;g m\n", 2, "is a number that a spreadsheet made of it"),
        ("id,mac,group,flags,outlet\na1,02:aa:bb:cc:dd:01,g m,plug,\n", 2, "flags: plug says that its outlet stops it"),
        (HEAD + "a1,02:aa:bb:cc:dd:01,\n", 2, "group: is empty"),
        (HEAD + "a1,02:aa:bb:cc:dd:01,g m\na1,02:aa:bb:cc:dd:02,g m\n", 3, "a1 stands twice (first at line 2)"),
        (HEAD + "a1,02:aa:bb:cc:dd:01,g m\nA1,02:aa:bb:cc:dd:02,g m\n", 3, "twice"),
        (HEAD + "a1,02:aa:bb:cc:dd:01,g m\na2,02-AA-BB-CC-DD-01,g m\n", 3, "mac: 02:aa:bb:cc:dd:01 stands twice"),
        (
            "id,mac,group,outlet\na1,02:aa:bb:cc:dd:01,g m,p/1\na2,02:aa:bb:cc:dd:02,g m,p/1\n",
            3,
            "outlet: p/1 stands twice",
        ),
        ("id,mac,group,nominal_w\na1,02:aa:bb:cc:dd:01,g m,3_400\n", 2, "whole number of watts"),
        ("id,mac,group,nominal_w\na1,02:aa:bb:cc:dd:01,g m,0\n", 2, "whole number of watts"),
        ("id,mac,group,nominal_w\na1,02:aa:bb:cc:dd:01,g m,99999\n", 2, "whole number of watts"),
        ("id,mac,group,flags\na1,02:aa:bb:cc:dd:01,g m,protectd\n", 2, "did you mean protected"),
        ("id,mac,group,note\na1,02:aa:bb:cc:dd:01,g m,a\x07b\n", 2, "control character"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, line, word):
    assert any(at == line and word in one for at, one in told(text)), told(text)


def test_every_bad_row_is_told_at_once():
    rows = "".join(f"a{number},bad:mac,g m\n" for number in range(20))
    assert [line for line, _ in told(HEAD + rows)] == list(range(2, 22))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("02:AA:BB:CC:DD:EE", "02:aa:bb:cc:dd:ee"),
        ("02-aa-bb-cc-dd-ee", "02:aa:bb:cc:dd:ee"),
        ("02aabbccddee", "02:aa:bb:cc:dd:ee"),
        ("02AA.BBCC.DDEE", "02:aa:bb:cc:dd:ee"),
        ("02AA.BBCC", ""),
        ("YNAHA2UBCJGJF0041", "YNAHA2UBCJGJF0041"),
        ("ynaha2ubcjgjf0041", "YNAHA2UBCJGJF0041"),
        ("ff:ff:ff:ff:ff:ff", ""),
        ("01:00:5e:00:00:01", ""),
        ("0g:aa:bb:cc:dd:ee", ""),
        ("abc", ""),
    ],
)
def test_an_identity_is_written_in_one_way(text, found):
    assert mac_or_serial(text) == found


def test_a_number_that_may_be_a_mac_without_its_zeros_is_noted_once():
    """It was taken for a serial number without a word, and told as never found an hour later."""
    rows, problems = read(HEAD + "a1,1122334455,g m\na2,22334455668,g m\na3,02:77:00:00:00:07,g m\n")
    (note,) = doubts(rows)
    assert problems == ()
    assert (note.line, note.option, note.file) == (2, "mac", "fleet.csv")
    assert "1122334455 is taken for a serial number (as in 1 more line); was it 00:11:22:33:44:55" in note.text


@pytest.mark.parametrize("serial", ["HTM1122334455", "11223344556677", "1122", "13223344556"])
def test_a_serial_that_was_no_mac_is_no_doubt(serial):
    """The last would be a mac of many: 01:32 ..."""
    assert doubts(read(HEAD + f"a1,{serial},g m\n")[0]) == ()
