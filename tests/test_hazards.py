"""The table of hazards (docs/hazards.md): every row once, every named test there, every gap with its reason."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/hazards.md"
COUNTS = (
    ("SIG", 7), ("TMP", 6), ("HUM", 3), ("FAN", 5), ("PDU", 4), ("MET", 2), ("FRQ", 2), ("MQT", 2), ("PRC", 4),
    ("POL", 1), ("NET", 3), ("CMD", 15), ("PRO", 8), ("CLK", 5), ("DB", 8), ("CFG", 3), ("UPG", 1), ("NTF", 5),
    ("DNS", 1), ("MIN", 3), ("SEC", 7), ("HW", 3),
)  # fmt: skip
ROWS = tuple(f"{word}{number}" for word, count in COUNTS for number in range(1, count + 1))
STATES = {"works", "partly", "outside", "not built"}


def rows():
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.fullmatch(r"[A-Z]{2,3}\d+", cells[0]):
            yield cells


@cache
def known():
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE))
    return found


def test_the_table_of_hazards_has_every_row_once():
    assert [cells[0] for cells in rows()] == list(ROWS)


@pytest.mark.parametrize("cells", list(rows()), ids=lambda cells: cells[0])
def test_a_hazard_says_what_is_done_and_names_tests_that_exist_or_why_not(cells):
    _, wrong, done, state, proven = cells
    word, _, why = state.partition(": ")
    cited = re.findall(r"`(test_\w+)`", proven)
    assert wrong
    assert done
    assert word in STATES
    assert bool(why) == (word != "works")
    assert cited or word == "not built"
    assert set(cited) <= known(), set(cited) - known()
    assert len(cited) == len(set(cited))
    if word == "outside":
        assert re.search(r"\]\([a-z]+\.md#[\w-]+\)", done), "the page that says who has to do it"


def test_the_page_counts_its_own_states():
    counts = dict.fromkeys(sorted(STATES), 0)
    for cells in rows():
        counts[cells[3].partition(":")[0]] += 1
    told = re.search(r"Of (\d+) rows: (\d+) work, (\d+) partly, (\d+) outside, (\d+) not built\.", PAGE.read_text())
    assert told
    order = ("works", "partly", "outside", "not built")
    assert [int(one) for one in told.groups()] == [len(ROWS), *(counts[word] for word in order)]
