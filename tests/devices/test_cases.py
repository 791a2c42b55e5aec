"""Recorded answers and what they mean: tests/cases/<kind>/<case>/ holds both.

options.json  the options that differ from the least needed
replies.json  [{"name", "status", "headers", "file"}], the raw bodies beside it
expected.json [[channel, quantity, value], ...] in any order, or {"refused": "part of the reason"}
"""

import json

import pytest
from devices.kinds import CASES, KINDS, of_json

from mine_controller.devices.kind import BadReply, Reply

FOLDERS = sorted(path.parent for path in CASES.glob("*/*/expected.json"))


def replies(folder):
    return tuple(
        Reply(one["name"], one.get("status", 200), one.get("headers", {}), body(folder, one))
        for one in json.loads((folder / "replies.json").read_text())
    )


def body(folder, one):
    return (folder / one["file"]).read_bytes() if one.get("file") else b""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_recorded_answer_means_what_is_written_beside_it(folder):
    kind = KINDS[folder.parent.name]
    options = of_json(folder.parent.name, folder / "options.json")
    expected = json.loads((folder / "expected.json").read_text())
    if isinstance(expected, dict):
        with pytest.raises(BadReply) as refused:
            kind.parse(replies(folder), options)
        assert expected["refused"] in str(refused.value)
        return
    found = [each for each in kind.parse(replies(folder), options) if each.quantity != "memory"]
    assert ordered([each.channel, each.quantity, each.value] for each in found) == ordered(expected)
    assert all(each.why for each in found if each.value is None)


def ordered(rows):
    return sorted((list(row) for row in rows), key=lambda row: (row[0], row[1]))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_recorded_answers_good_and_bad(kind):
    cases = [json.loads(path.read_text()) for path in (CASES / kind).glob("*/expected.json")]
    assert [case for case in cases if isinstance(case, list) and any(row[2] is not None for row in case)]
    assert len(cases) >= 2
