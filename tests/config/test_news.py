"""Which notes of the check are news after a change."""

import pytest

from mine_controller.config.model import Problem
from mine_controller.config.news import fresh, notes

BAND = Problem(20, "band 2", "coin", "no active [pool] mines BCH: miners stay on their pools")
ABSENT = "absent, so their rules don't exist"


def test_a_note_whose_line_has_moved_is_no_news():
    assert fresh([BAND], [BAND._replace(line=14)]) == ()


def test_the_same_words_about_another_section_are_news():
    other = BAND._replace(section="band 3")
    assert fresh([BAND], [BAND, other, other]) == (other,)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("inlet, smoke", "inlet, smoke", ()),
        ("inlet, smoke", "smoke", ()),
        ("inlet", "inlet, signal, smoke", ("signal, smoke",)),
    ],
)
def test_of_a_list_about_the_whole_file_only_what_came_to_it_is_news(before, after, told):
    found = fresh([Problem(0, "", "", f"{ABSENT}: {before}")], [Problem(0, "", "", f"{ABSENT}: {after}")])
    assert tuple(one.text for one in found) == tuple(f"{ABSENT}: {items}" for items in told)


def test_a_secret_that_stands_on_another_line_now_is_no_news():
    text = "secrets stand in the file, which only its owner can read: password (line {}), key (line {})"
    assert fresh([Problem(3, "", "", text.format(3, 9))], [Problem(5, "", "", text.format(5, 11))]) == ()


def test_a_config_that_does_not_check_has_no_notes(tmp_path):
    path = tmp_path / "config.txt"
    path.write_text("[site]\n")
    assert notes(path) == ()
