"""Whether the local pool lives, as the rule `uplinks` sees it."""

import pytest
from core.rule_desk import Desk

from mine_controller.core.model.reading import Value
from mine_controller.core.rules import uplinks as rule

DOOR = "ckpool local"


def lives(switch="on", link="up", *, age_s=0, why=""):
    desk = Desk("uplinks")
    desk.channels = {
        f"{DOOR}:switch": Value(switch, desk.now - age_s), f"{DOOR}:link": Value(link, desk.now - age_s, "", why),
    }  # fmt: skip
    return rule._lives(desk.view(), DOOR)


def test_a_local_pool_lives_when_it_is_open_and_gives_work():
    assert lives()
    assert not lives(switch="off")
    assert not lives(link="down")
    assert not lives(why="gone")
    assert not rule._lives(Desk("uplinks").view(), DOOR)


@pytest.mark.parametrize(("age_s", "found"), [(600, True), (601, False)])
def test_its_word_counts_for_ten_minutes(age_s, found):
    assert lives(age_s=age_s) is found
