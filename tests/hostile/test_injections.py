"""Foreign texts in the log, on the terminal, in messages and in spreadsheets stay texts (SEC2)."""
# ruff: noqa: RUF001 - letters that look like others are what is tried here

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest
from hostile.corpus import FORMULA, LOG, MARKUP, TERMINAL, XSS

from mine_controller.cli.output import csv_text, json_text, safe, table
from mine_controller.core.model.reason import Event, Reason
from mine_controller.notify import discord, email, sms, telegram
from mine_controller.notify.news import groups
from mine_controller.notify.words import Place, plain_text, write
from mine_controller.packaged import packaged
from mine_controller.ports.log import Log, line
from mine_controller.store.outbox import Letter

NOW = 1_784_142_000
EVERY = (*TERMINAL, *LOG, *MARKUP, *FORMULA, *XSS)
CHANNELS = pytest.mark.parametrize("channel", [telegram, email, sms, discord])
FIELD = re.compile(r' (\w+)=("[^"]*"|[\w./:-]+)')
STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
# What Discord makes of a text; a backslash before it takes that away.
DISCORD = re.compile(r"[*_~`|\[\]<>]")


def test_no_text_of_a_device_forges_a_line_or_a_field_of_the_log():
    for text in EVERY:
        made = line(NOW, "WARN", "signal_changed", about=text, tick=1, text=text)
        assert made.splitlines() == [made], repr(text)
        assert made.isprintable(), repr(text)
        assert [name for name, _ in FIELD.findall(made)] == ["about", "tick", "text"], made
        assert FIELD.sub("", made) == "2026-07-15T19:00:00Z WARN  signal_changed", made
        assert len(made) < 1000


def test_a_log_of_hostile_events_has_as_many_lines_as_events(tmp_path):
    log = Log(tmp_path / "mine.log")
    reasons = (Reason("signal", "blind", (("silent_s", 1), ("grace_s", 2), ("why", text))) for text in EVERY)
    log.events(NOW, NOW, [Event("blind", "warning", text, reason) for text, reason in zip(EVERY, reasons, strict=True)])
    lines = (tmp_path / "mine.log").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(EVERY)
    assert all(one.startswith("2026-07-15T19:00:00Z WARN  blind about=") for one in lines)


def test_no_text_of_a_device_writes_on_the_terminal():
    for text in EVERY:
        assert safe(text).isprintable(), repr(text)
        shown = table(("name", "value"), [(text, 1), ("b", 2)])
        assert len(shown.split("\n")) == 3
        assert shown.replace("\n", "").isprintable(), repr(text)
        assert json_text({"text": text}).replace("\n", "").isascii()
        assert not set(map(ord, json_text([text]).replace("\n", ""))) & {*range(32), 127}, repr(text)


def cells(text, delimiter):
    return [cell for row in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in row]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_spreadsheet_runs_a_text_of_a_device_whatever_it_takes_for_a_separator(delimiter):
    for text in EVERY:
        made = csv_text(("id", "text", "number"), [("a", text, -5), ("b", "c", 2.5)])
        assert made.count("\n") == 2, repr(text)
        ran = [cell for cell in cells(made, delimiter) if cell.strip(' \u00a0"').startswith(STARTS) and cell != "-5"]
        assert ran == [], repr(text)


def letters(text):
    body = {
        "kind": text,
        "about": text,
        "text": text,
        "at": str(NOW),
        "shadow": "",
        "what": "raise",
        "severity": "warning",
    }
    body |= {"alarm": "abcde", "state": "active", "cause": text, "does": text, "owner": text, "others": [text]}
    return groups((Letter(1, "k", 1, json.dumps(body), NOW, (), None),), "America/Chicago", NOW)


def written(channel, text):
    """The name of the site is the owner's own, in which the config takes no control character."""
    folders = (str(packaged("templates") / "messages"),)
    made = write(channel, letters(text), Place(text[:80] if text.isprintable() else "x", "America/Chicago", folders))
    assert made.trouble == "", repr(text)
    return made.message


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(attrs)))

    def handle_comment(self, data):
        self.found.append("comment")

    def handle_decl(self, decl):
        self.found.append("decl")


@CHANNELS
def test_no_text_of_a_device_becomes_markup_or_a_header_of_a_message(channel):
    plain = written(channel, "word")
    for text in EVERY:
        message = written(channel, text[:500])
        assert message.subject.isprintable(), repr(text)
        assert Tags(message.html).found == Tags(plain.html).found, repr(text)
        assert message.id in message.text, "the id is the last thing that may be lost"


@CHANNELS
def test_no_text_of_a_device_puts_control_characters_into_a_message(channel):
    for text in (*TERMINAL, *LOG):
        message = written(channel, text[:500])
        for form in (message.text, message.html):
            assert form.replace("\n", "").isprintable(), (repr(text), repr(form))


def test_no_text_of_a_device_becomes_a_link_or_a_mention_in_discord():
    for text in MARKUP:
        shown = discord.escaped(written(discord, text).text)
        assert not DISCORD.search(re.sub(r"\\(.)", "", shown)), shown
        assert re.sub(r"\\(.)", r"\1", shown) == written(discord, text).text
    assert len(discord.escaped("*" * 4000)) <= 4096


def test_the_plain_text_of_last_resort_says_the_same():
    facts = {"site": "x", "groups": letters("a\nb"), "left": 0, "count": 1, "shadow": False}
    assert "#1" in plain_text(facts)
