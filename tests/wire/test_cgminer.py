"""The CGMiner API's dialects, on recorded answers and on damaged ones."""

import contextlib
import json
import re
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.wire import cgminer
from mine_controller.wire.cgminer import DownError, Status, UnreadableError

CASES = Path(__file__).resolve().parents[1] / "cases"


@pytest.fixture(autouse=True, params=["few", "many"])
def fleet(request, monkeypatch):
    """Everything is read as one of a few answers and as one of a fleet's many."""
    monkeypatch.setattr(cgminer, "_answers", count(1 if request.param == "few" else cgminer.FEW + 1))
    return request.param


def quirk(number):
    (found,) = (CASES / "cgminer").glob(f"quirk_{number:02}_*/{number:02}_*")
    return found.read_bytes()


def avalon(name):
    return next((CASES / "avalon").glob(f"*/{name}")).read_bytes()


READ = {
    1: ("SUMMARY", {"GHS 5s": "13500.12", "GHS av": 13480.5, "Rejected": 1}),
    3: ("STATS", {"Elapsed": 5, "GHS 5s": 1.5}),
    4: ("STATS", {"Elapsed": 5, "GHS 5s": 1.5}),
    5: ("SUMMARY", {"Elapsed": 0, "MHS av": None, "MHS 5s": None, "Utility": None}),
    9: ("STATS", {"temp1": 46, "temp2": 43, "temp_max": 53}),
    16: ("SUMMARY", {"MHS av": "51278810.09", "Stale": "0"}),
}


@pytest.mark.parametrize("number", READ)
def test_a_quirk_is_read_as_what_was_meant(number):
    name, meant = READ[number]
    found = cgminer.row(cgminer.read(quirk(number)), name)
    assert {key: found[key] for key in meant} == meant


def test_a_comma_missing_between_two_objects_is_put_back():
    rows = cgminer.rows(cgminer.read(quirk(2)), "STATS")
    assert [row.get("Type") for row in rows] == ["Antminer S9", None]
    assert (rows[1]["chain_rate8"], rows[1]["temp2_8"]) == ("4500.01", 78)


def test_what_is_cut_off_is_refused_and_nothing_is_made_of_it():
    with pytest.raises(UnreadableError, match="cut off"):
        cgminer.read(quirk(6))


def test_damage_that_ends_properly_is_not_called_cut_off():
    with pytest.raises(UnreadableError, match="damaged beyond repair"):
        cgminer.read(b'{"STATUS":[{"Msg":}]}')


@pytest.mark.parametrize("raw", [b'{"STATUS":[]}\0\0', b'\0{"STATUS":[]}\0', b'{"STATUS":\0[]}\0'])
def test_terminators_too_many_part_nothing(raw):
    assert cgminer.read(raw) == {"STATUS": []}


def test_every_beginning_of_a_good_answer_is_refused():
    whole = quirk(1).rstrip(b"\0")
    for length in range(len(whole.rstrip()) - 1):
        with pytest.raises(UnreadableError):
            cgminer.read(whole[:length])
    text = quirk(16).strip()
    for length in range(len(text)):
        if text[:length].count(b"|") == 0:
            with pytest.raises(UnreadableError):
                cgminer.read(text[:length])


def test_a_front_end_without_its_miner_process_is_told_apart_from_garbage():
    with pytest.raises(DownError):
        cgminer.read(quirk(7))


@pytest.mark.parametrize("number", [18, 19])
def test_the_power_service_is_not_mistaken_for_the_api(number):
    with pytest.raises(UnreadableError, match="no CGMiner answer"):
        cgminer.read(quirk(number))


def test_the_power_service_tells_watts_or_nothing():
    assert cgminer.port_6060_power_w(quirk(19)) == 3421
    assert cgminer.port_6060_power_w(quirk(18)) is None


def test_a_line_break_inside_a_text_is_part_of_it():
    assert cgminer.status(cgminer.read(quirk(8))).text.count("\n") == 2


STATUSES = {
    8: ("I", 118),
    10: ("E", 45),
    11: ("E", 14),
    13: ("S", None),
    14: ("E", 45),
    15: ("S", 131),
    16: ("S", 11),
    17: ("S", None),
    20: ("S", 131),
}


@pytest.mark.parametrize("number", STATUSES)
def test_a_status_is_read_in_every_shape(number):
    status = cgminer.status(cgminer.read(quirk(number)))
    assert (status.letter, status.code) == STATUSES[number]
    assert status.good == (STATUSES[number][0] != "E")


def test_the_letter_decides_also_against_the_code():
    assert not Status("E", 119, "").good
    assert not cgminer.status({}).good
    assert not cgminer.status({"STATUS": []}).good
    assert not cgminer.status({"STATUS": "REBOOT"}).good


def test_pairs_in_brackets_become_an_object():
    tree = cgminer.read(quirk(15))
    assert tree["Msg"] == {"error_code": {"218": "2024-06-15 10:30:00"}}


def test_a_joined_answer_falls_into_its_parts_in_both_shapes():
    parts = cgminer.sections(cgminer.read(quirk(12)))
    assert set(parts) == {"summary", "pools"}
    assert cgminer.row(parts["pools"], "POOLS")["Status"] == "Alive"
    bare = {"summary": {"STATUS": [{"STATUS": "S"}], "SUMMARY": {"Elapsed": 1}}, "id": 1}
    assert cgminer.row(cgminer.sections(bare)["summary"], "SUMMARY") == {"Elapsed": 1}
    assert cgminer.sections(cgminer.read(quirk(1))) == {}


def test_a_sleeping_miner_has_statistics_without_rows():
    tree = cgminer.read(quirk(17))
    assert cgminer.rows(tree, "STATS") == []
    assert cgminer.row(tree, "STATS") == {}


def test_a_text_answer_keeps_commas_that_avalon_does_not_escape():
    told = cgminer.row(cgminer.read(avalon("estats_1066.txt")), "STATS")
    assert "SYSTEMSTATU[Work: In Work, Hash Board: 3 ] Elapsed[6355]" in told["MM ID0"]
    assert told["MM Count"] == "1"
    assert told["STATS"] == "0"


def test_text_rows_that_name_themselves_join_under_the_plural():
    (pool,) = cgminer.rows(cgminer.read(avalon("pools.txt")), "POOLS")
    assert (pool["POOL"], pool["Status"], pool["Proxy"]) == ("0", "Alive", "")
    assert cgminer.row(cgminer.read(avalon("version.txt")), "VERSION")["MAC"] == "aaa5836a0f14"


def test_escapes_in_a_text_answer_are_taken_out():
    tree = cgminer.read(rb"STATUS=S,Msg=a\,b\|c\=d\\e|SUMMARY,Elapsed=1|")
    assert cgminer.status(tree).text == r"a,b|c=d\e"
    assert cgminer.row(tree, "SUMMARY") == {"Elapsed": "1"}


@pytest.mark.parametrize(
    ("damaged", "meant"),
    [
        ('{"a":"x""b":2}', {"a": "x", "b": 2}),
        ('{"a":1"b":2}', {"a": 1, "b": 2}),
        (',"a":1}', {"a": 1}),
        ('{"a":[1,2,,]}', {"a": [1, 2]}),
        ('{"a":-nan,"b":"nan, inf","c":-Inf,}', {"a": None, "b": "nan, inf", "c": None}),
        ('{"a":"}{ ,} [, \\" ",}', {"a": '}{ ,} [, " '}),
        ('{"a":"","b":"",}', {"a": "", "b": ""}),
    ],
)
def test_a_repair_mends_what_stands_between_texts_and_nothing_inside_them(damaged, meant):
    assert cgminer.read(damaged.encode()) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("13500.12", 13500.12),
        ("58.94 W", 58.94),
        ("4052.00 RPM", 4052.0),
        ("49%", 49.0),
        (" 7 ", 7.0),
        ("-1", -1.0),
        ("", None),
        ("N/A", None),
        ("1 2 3", None),
        ("nan", None),
        (True, None),
        (float("inf"), None),
        (10**40, None),
        ("1e99", None),
        ([], None),
        (None, None),
    ],
)
def test_a_number_is_read_with_its_unit_and_nothing_else_is_one(value, meant):
    assert cgminer.number(value) == meant


def test_requests_are_json_or_text():
    assert cgminer.request("summary+stats") == b'{"command":"summary+stats"}'
    assert json.loads(cgminer.request("switchpool", "1")) == {"command": "switchpool", "parameter": "1"}
    assert cgminer.text_request("ascset", "0,softoff") == b"ascset|0,softoff"
    assert cgminer.text_request("version") == b"version"
    assert cgminer.escaped(r"a,b\c") == r"a\,b\\c"


HOSTILE = [
    b'{"a' + b'\\"' * 120_000 + b"\\",
    b"{" + b"[" * 250_000,
    b'{"a":' * 50_000,
    b"{" + b'["a":' * 50_000,
    b"{" + b'["' * 120_000,
    b"{" + b" " * 250_000,
    b"{" + b"1" * 250_000,
    b"{" + b"- " * 120_000,
    b"{" + b'"a":1' + b"," * 250_000 + b"x",
    b'{"b":1' + b" ," * 120_000 + b"x",
    b"STATUS=" + b"\\," * 120_000,
]


@pytest.mark.parametrize("raw", HOSTILE, ids=lambda raw: re.sub(rb"(.)\1+", rb"\1", raw[:9]).decode())
def test_a_hostile_answer_costs_no_more_than_its_length(raw):
    with pytest.raises(UnreadableError) as refused:  # a slip into quadratic time would take minutes here
        cgminer.read(raw)
    assert len(str(refused.value)) < 100


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: ("{" + text).encode()))
def test_whatever_comes_is_a_tree_or_unreadable(raw):
    with contextlib.suppress(UnreadableError):
        tree = cgminer.read(raw)
        assert isinstance(tree, dict)
        assert isinstance(cgminer.status(tree), Status)
        assert isinstance(cgminer.sections(tree), dict)


@pytest.mark.parametrize("inner", [b",a", b"\\|", b"=", b"|,="])
def test_a_long_text_answer_is_read_in_one_go(inner):
    assert "STATUS" in cgminer.read(b"STATUS=" + inner * 80_000 + b"|")


@given(
    st.recursive(
        st.none() | st.integers(-9, 9) | st.text(max_size=9), lambda t: st.lists(t) | st.dictionaries(st.text(), t)
    )
)
def test_good_json_is_left_as_it_is(value):
    assert cgminer.read(json.dumps({"STATUS": value}).encode()) == {"STATUS": value}


def both_ways(raw):
    """(as one of a few, as one of many): the tree or why there is none."""
    told = []
    for at in (1, cgminer.FEW + 1):
        cgminer._answers = count(at)
        try:
            told.append(json.dumps(cgminer.read(raw), default=str))
        except UnreadableError as error:
            told.append(str(error))
    return told


MAKES = ("antminer", "avalon", "cgminer", "whatsminer")
ANSWERS = sorted({path.read_bytes() for kind in MAKES for path in CASES.glob(f"{kind}/*/*")})
ANSWERS = [raw for raw in ANSWERS if raw[:1] == b"{"]
PIECES = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"nan",
    b"-",
    b"1e400",
    b"\xff",
    b"\t",
    b"0",
    b"\\ud800",
    b"\0",
    b" ",
]


@given(
    st.sampled_from(ANSWERS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from([b"", *PIECES])), max_size=3),
)
def test_a_fleets_answers_are_read_as_a_few_are_however_they_are_damaged(raw, damages):
    for share, cut, put in damages:
        at = int(share * len(raw))
        raw = raw[:at] + put + raw[at + cut :]
    few, many = both_ways(raw)
    assert few == many


@pytest.mark.parametrize("whole", [b'{"a":123456789012345678901234567890}', b'{"a":-18446744073709551616}'])
def test_a_whole_number_of_more_than_64_bits_is_no_number_either_way(fleet, whole):
    assert cgminer.number(cgminer.read(whole)["a"]) is None


@pytest.mark.parametrize(("answers", "loaded"), [(cgminer.FEW, "False"), (cgminer.FEW + 1, "True")])
def test_a_small_fleet_does_not_pay_for_the_library_of_a_large_one(answers, loaded):
    pytest.importorskip("orjson", reason="an extra")
    text = "import sys; from mine_controller.wire.cgminer import read\n"
    text += "for _ in range(int(sys.argv[1])): read(b'{\"a\":1}')\nprint('orjson' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", text, str(answers)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == loaded


def test_without_the_extra_everything_is_read_as_before(monkeypatch):
    monkeypatch.setitem(sys.modules, "orjson", None)
    cgminer._orjson.cache_clear()
    try:
        assert cgminer.read(quirk(1))["SUMMARY"]
        assert cgminer._orjson() is None
    finally:
        monkeypatch.undo()
        cgminer._orjson.cache_clear()


def test_a_text_of_nothing_but_commas_is_read_in_no_time():
    began = time.process_time()
    tree = cgminer.read(b"STATUS=S," + b"x," * 600_000 + b"|")
    assert len(cgminer.rows(tree, "STATUS")[0]["STATUS"]) == 2 * 600_000 + 1
    assert time.process_time() - began < 3.0  # adding piece by piece to the value took 10
