"""What the owner of a twin's mine reads: each fault once and soon, and nothing while all is well (O13, O14)."""

import json
from collections import Counter

import pytest
from play.days import play

from mine_controller.store import query

FAULTS = """\
00:40 device redfish pdu1 silent for 20m
01:40 device foreman mine silent for 20m
02:40 page html for 20m
"""
ABOUT = {"redfish pdu1": 40, "foreman mine": 100, "signal": 160}  # what each is told about, and its minute


def letters(config):
    found = [(one, json.loads(one.body)) for one in query.letters(config.paths, 5000)]
    return [(one.level, body) for one, body in reversed(found)]


def test_o14_each_fault_is_told_once_within_240_s_and_once_when_it_is_over(tmp_path):
    _, config = play(tmp_path, FAULTS, start="00:00", hours=3.5, miners=12, pdus=1)
    told = letters(config)
    began = int(told[0][1]["at"])
    for about, minute in ABOUT.items():
        mine = [body for _, body in told if body["about"] == about and body["kind"] != "signal_changed"]
        raised = [body for body in mine if body["what"] == "raise"]
        assert len(raised) == 1, about
        assert int(raised[0]["at"]) - began - minute * 60 <= 240 + 60
        assert [body["what"] for body in mine].count("clear") == 1
    assert Counter(body["kind"] for _, body in told)["miner_offline"] == 0


@pytest.mark.soak
def test_o13_a_week_in_which_nothing_fails_is_at_most_ten_messages_a_day_and_no_emergency(tmp_path):
    _, config = play(tmp_path, "", start="00:00", hours=168)
    told = letters(config)
    assert not [body for level, body in told if level == 2]
    assert max(Counter(int(body["at"]) // 86_400 for _, body in told).values()) <= 10
