"""What a page strikes out holds no more, and a word runs on through every tag that stays in its line."""

import pytest
from devices.kinds import KINDS

from mine_controller.core.option import fill
from mine_controller.devices import power_signal
from mine_controller.devices.kind import BadReply, Reply

PAGE = "<!DOCTYPE html><html><head><title>Power Signal</title></head><body><h1>Power Signal</h1>{}</body></html>"
LABEL = {"label": "Status"}
PLACE = {"selector": "#value"}


def read(body, chosen):
    told = {"url": "https://192.0.2.1/power-signal", "run": ("normal",), "off": ("control in effect",), **chosen}
    whole = PAGE.format(body).encode()
    headers = {"content-type": "text/html", "content-length": str(len(whole))}
    options = fill(KINDS["power_signal"].Options, told)
    found = power_signal.parse((Reply("page", 200, headers, whole),), options)
    return next(each.value for each in found if each.quantity == "signal")


@pytest.mark.parametrize(
    ("body", "chosen"),
    [
        ("<p>Status: <del>Normal</del> <ins>Control in effect</ins></p>", LABEL),  # it was run
        ("<p>Status: <del>Normal</del></p>", LABEL),
        ("<p>Status: <s>Normal</s></p>", LABEL),
        ("<p>Status: <span style='text-decoration: line-through'>Normal</span></p>", LABEL),
        ("<strike id=value>Normal</strike>", PLACE),
        ("<del><b id=value>Normal</b></del>", PLACE),
        ("<p>Status: <big>Normal</big> operation suspended</p>", LABEL),
        ("<p>Status: <acronym>Normal</acronym> only for irrigation</p>", LABEL),
    ],
)
def test_sig4_a_word_that_is_struck_out_or_only_a_part_of_its_line_is_not_run(body, chosen):
    with pytest.raises(BadReply, match="in none of the lists of words"):
        read(body, chosen)


@pytest.mark.parametrize(
    "body",
    ["<p style='text-decoration:line-through'>Status: Normal</p>", "<del><p>Status: Normal</p></del>"],
)
def test_sig4_a_whole_line_that_is_struck_out_is_not_there(body):
    with pytest.raises(BadReply, match="the place is not on the page"):
        read(body, LABEL)


@pytest.mark.parametrize(
    ("body", "chosen"),
    [
        ("<p>Status: <s class=icon></s>Normal</p>", LABEL),
        ("<p>Status: <big>Normal</big></p>", LABEL),
        ("<p><del>Status: Control in effect</del></p><p>Status: Normal</p>", LABEL),
        ("<p>Was <del>Control in effect</del></p><b id=value>Normal</b>", PLACE),
    ],
)
def test_what_is_struck_out_elsewhere_is_no_matter(body, chosen):
    assert read(body, chosen) == "run"
