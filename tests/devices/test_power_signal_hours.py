"""A page's own time where its zone alone does not say it: the hour that comes twice, and a time with an offset."""

import pytest
from devices.kinds import KINDS
from devices.scripted import Script, value

from mine_controller.core.option import fill
from mine_controller.devices import power_signal
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.wire.door import Response

PAGE = """<!DOCTYPE html><html><head><title>Power Signal</title></head><body><span id="value">0</span>
<p>Updated: 11/01/2026 {}</p></body></html>"""
CHOSEN = fill(
    KINDS["power_signal"].Options,
    {
        "url": "https://192.0.2.1/power-signal",
        "selector": "#value",
        "run_if": ("< 1",),
        "off_if": (">= 1",),
        "time_pattern": "updated: ([0-9/]+ [0-9:]+)",
        "time_zone": "America/Chicago",
        "max_page_age_s": 1800,
    },
)


def night(*looks):
    """What each look came to: the page's time as read, or the refusal. A look: the time it tells, and that of UTC."""
    memory, told = {}, []
    for updated, now in looks:
        headers = {"content-type": "text/html", "date": f"Sun, 01 Nov 2026 {now}:00 GMT"}
        answer = Response(200, headers, PAGE.format(updated).encode())
        script = Script(lambda _, answer=answer: answer)
        try:
            found = power_signal.parse(power_signal.fetch(script.wire, CHOSEN, Ask(memory=memory)), CHOSEN)
        except BadReply as refused:
            told.append(str(refused))
        else:
            memory = {each.channel: each.value for each in found if each.quantity == "memory"}
            told.append(value(found, "page_time", "text"))
    return told


def test_sig2_a_page_whose_time_went_back_in_the_hour_that_comes_twice_is_in_the_second_one():
    looks = (("01:58", "06:59"), ("01:03", "07:04"), ("01:58", "07:59"), ("02:03", "08:04"))
    times = ["2026-11-01T06:58Z", "2026-11-01T07:03Z", "2026-11-01T07:58Z", "2026-11-01T08:03Z"]
    assert night(*looks) == times


def test_sig2_a_page_that_stands_still_in_the_hour_that_comes_twice_gets_old():
    looks = (("01:03", "06:04"), ("01:30", "06:31"), ("01:30", "07:32"))
    assert night(*looks)[2] == "the page is 62 min old by its own time"


def test_sig2_an_unknown_page_is_taken_for_the_older_one_in_the_hour_that_comes_twice():
    assert night(("01:03", "07:04")) == ["the page is 61 min old by its own time"]


@pytest.mark.parametrize("text", ["2026-07-15T14:05:00-0500", "2026-07-15T21:05:00+02:00", "2026-07-15T19:05:00Z"])
def test_a_page_time_with_an_offset_of_its_own_is_read_by_that(text):
    chosen = CHOSEN._replace(time_pattern="updated: ([0-9tz:+-]+)", time_format="%Y-%m-%dT%H:%M:%S%z")
    headers = {"content-type": "text/html", "date": "Wed, 15 Jul 2026 19:07:00 GMT"}
    answer = Response(200, headers, PAGE.replace("11/01/2026 {}", text).encode())
    found = power_signal.parse(power_signal.fetch(Script(lambda _: answer).wire, chosen, Ask()), chosen)
    assert value(found, "page_time", "text") == "2026-07-15T19:05Z"
