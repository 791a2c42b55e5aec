"""The lamp at the site beside the alarms: lit or dark as its relay says, what is wanted, and why."""

import re

import pytest
import sample
from test_supply import book as with_channels
from test_supply import document, facts, page

from mine_controller.core.model.reason import EQUIPMENT, Reason, Wish
from mine_controller.render.lamp import said

RELAY = "controlbyweb fans/10"
CALM = Reason("lamp", "calm")
UNTOLD = Reason("lamp", "untold", (("text", "an emergency has reached nobody for 16 min"),))


def wired():
    return facts(lamp=RELAY)


def book(relay="off", want="off", why="", age_s=0, reason=CALM):
    made = with_channels({f"{RELAY}:switch": relay} if relay else {})
    channels = dict(made.image.channels)
    if relay:
        value = channels[f"{RELAY}:switch"]
        channels[f"{RELAY}:switch"] = value._replace(why=why, at_s=value.at_s - age_s)
    made = made._replace(image=made.image._replace(channels=channels))
    envelope = made.decision.envelope._replace(wishes=(Wish(EQUIPMENT, "lamp", want, reason),))
    return made._replace(decision=made.decision._replace(envelope=envelope))


def line(made, site=None):
    found = re.search(r'<p class="note lamp([^"]*)">(.*?)</p>', page(made, site or wired()), re.DOTALL)
    return (found[1].strip(), " ".join(re.sub(r"<[^>]+>", "", found[2]).split())) if found else None


@pytest.mark.parametrize(
    ("about", "bad", "text"),
    [
        ({}, "", "Lamp at the site: dark; nothing calls for people"),
        ({"relay": "on", "want": "on", "reason": UNTOLD}, "",
         "Lamp at the site: lit; an emergency has reached nobody for 16 min"),
        ({"relay": "off", "want": "on", "reason": UNTOLD}, "doubt", "Lamp at the site: dark, wanted lit;"),
        ({"relay": "on"}, "doubt", "Lamp at the site: lit, wanted dark;"),
        ({"relay": ""}, "doubt", "Lamp at the site: unknown (never read), wanted dark;"),
        ({"why": "no answer in 6.0 s"}, "doubt", "Lamp at the site: unknown (no answer in 6.0 s), wanted dark;"),
        ({"age_s": 100_000}, "doubt", "Lamp at the site: unknown (no new reading), wanted dark;"),
    ],
)  # fmt: skip
def test_the_page_says_of_the_lamp_what_is_what_is_wanted_and_why(about, bad, text):
    found = line(book(**about))
    assert found[0] == bad
    assert found[1].startswith(text)


def test_a_site_without_a_lamp_says_nothing_of_one():
    assert document(book(), facts())["lamp"] is None
    assert line(book(), facts()) is None
    assert said(None) is None


def test_the_document_has_the_lamps_fields_and_unknown_is_null():
    told = document(book(relay="on", want="on", reason=UNTOLD), wired())["lamp"]
    assert (told["wanted"], told["on"], told["why"]) == (True, True, "")
    assert set(told) == {"wanted", "on", "on_age_s", "why", "reason"}
    told = document(sample.book("INIT"), wired())["lamp"]
    assert (told["wanted"], told["on"], told["reason"]) == (None, None, "")
    assert said(told) == {"text": "unknown (never read)", "why": "", "bad": True}
