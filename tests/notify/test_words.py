"""Templates: safe for HTML, short enough, the owner's first, never in the way of the message."""

import json

import pytest

from mine_controller.notify import discord, email, sms, telegram
from mine_controller.notify.news import groups, ids
from mine_controller.notify.words import Place, trial, write
from mine_controller.packaged import packaged
from mine_controller.store.outbox import Letter

NOW = 1_784_142_000
OURS = str(packaged("templates") / "messages")
EVERY = pytest.mark.parametrize("channel", [telegram, email, sms, discord])


def news(*kinds, text="gives no air", level=1):
    letters = []
    for at, kind in enumerate(kinds, 1):
        body = {"kind": kind, "about": "fan 3", "text": text, "at": str(NOW), "shadow": ""}
        letters.append(Letter(at, f"k{at}", level, json.dumps(body), NOW, (), None))
    return groups(letters, "America/Chicago", NOW)


def place(*folders, site="Coop"):
    return Place(site, "America/Chicago", (*map(str, folders), OURS))


@EVERY
def test_every_template_renders_and_names_site_text_time_and_id(channel):
    written = write(channel, news("fan_lost"), place())
    assert written.trouble == ""
    site = () if channel is discord else ("Coop",)  # there the subject is the title
    for form in filter(None, (written.message.text, written.message.html)):
        assert [word for word in (*site, "fan lost", "gives no air", "14:00", "#1") if word not in form] == []
    assert written.message.subject == "Coop: warning, fan lost"


def test_of_one_thing_told_several_times_at_once_the_last_word_is_the_one_that_holds():
    """After hours without an uplink: off, and run again since."""
    told = (("signal", "from run to off", 0), ("signal", "from off to run", 600))
    miners = (("a001", "a001 is dark", 0), ("a002", "a002 is dark", 600))

    def text(rows):
        bodies = ({"kind": "k", "about": about, "text": text, "at": NOW - 900 + later} for about, text, later in rows)
        letters = [Letter(at, f"k{at}", 1, json.dumps(body), NOW, (), None) for at, body in enumerate(bodies, 1)]
        [group] = groups(letters, "America/Chicago", NOW)
        return group.times, group.text

    assert text(told) == (2, "from off to run")
    assert text(miners) == (2, "a001 is dark")


@pytest.mark.parametrize("channel", [telegram, email])
def test_a_device_s_words_can_not_become_markup(channel):
    html = write(channel, news("fan_lost", text='<a href="http://evil">&</a>'), place(site="<b>")).message.html
    assert "<a" not in html
    assert "&lt;a" in html


@EVERY
def test_a_message_is_never_longer_than_its_channel_takes_and_counts_the_rest(channel):
    many = news(*(f"kind_{n}" for n in range(400)), text="words " * 30, level=2)
    message = write(channel, many, place()).message
    assert len(message.text.encode("utf-16-le")) // 2 <= channel.MOST
    assert len(message.html.encode("utf-16-le")) // 2 <= channel.MOST
    assert channel is email or "more" in message.text


def test_one_endless_text_is_cut_and_keeps_its_id():
    message = write(sms, news("fan_lost", text="😀" * 5000, level=2), place()).message
    assert len(message.text.encode("utf-16-le")) // 2 <= sms.MOST
    assert message.text.endswith("#1")


@pytest.mark.parametrize(
    ("letter", "as_sent"), [("w", "w"), ("°", ""), ("č", "c"), ("[", "["), ("я", "я"), ("😀", "😀")]
)
def test_what_goes_to_a_phone_is_three_segments_at_most(letter, as_sent):
    """Twilio: of a message in more than one segment each holds 153 places of the phone's alphabet, brackets take two;
    one other letter makes it 67 places a segment."""
    for length in range(60, 500, 11):
        text = write(sms, news("fan_lost", text=f"{letter}{'w' * length}{letter}", level=2), place()).message.text
        sent = sms.plain(text)
        assert ": " + as_sent + "www" in sent
        other = as_sent in {"я", "😀"}
        places = len(sent.encode("utf-16-le")) // 2 if other else len(sent) + sent.count("[")
        assert places <= 3 * (67 if other else 153)
        assert "#1" in text


def test_a_temperature_goes_to_a_phone_in_its_own_alphabet():
    assert sms.plain("inlet 52.1 °C is over 40 °C · Köln") == "inlet 52.1 C is over 40 C - Köln"
    assert sms.plain("шахта 52.1 °C") == "шахта 52.1 °C"


def test_a_command_to_type_does_not_cost_a_short_message_two_thirds_of_its_room():
    """The signs around it stand in no phone's alphabet: with them what to tell the utility was cut off."""
    text = "phone the utility: `minectl set-state signal run --stand-in` if it says run"
    assert sms.plain(text) == text.replace("`", "'")
    assert sms.size(text) == len(text)


def test_what_discord_would_take_for_markup_leaves_no_line_out_uncounted():
    """Each such letter costs a backslash more: what does not fit with them is counted, not cut off."""
    for length in range(40, 120, 7):
        many = news(*(f"kind_{n}" for n in range(60)), text="[x] *_*" + "w" * length)
        sent = discord.escaped(write(discord, many, place()).message.text)
        assert sent.splitlines()[-1].startswith("and ")
        assert sent.endswith("#60")


def test_the_owners_template_counts_before_ours(tmp_path):
    (tmp_path / "sms.txt").write_text("{{ groups[0].kind }} at {{ site }} {{ groups[0].ids }}")
    assert write(sms, news("fan_lost"), place(tmp_path)).message.text == "fan lost at Coop #1"


@pytest.mark.parametrize(
    "broken",
    [
        "{% for x in %}",
        "{{ nobody }}",
        "{{ 1 / 0 }}",
        "",
        "{{ ''.__class__.__mro__ }}",
        b"\xff\xfe",
        "{% include 'x' %}",
    ],
)
@EVERY
def test_a_broken_template_gives_way_to_plain_text_and_is_told(tmp_path, channel, broken):
    text = broken if isinstance(broken, bytes) else broken.encode()
    for name in ("subject.txt", channel.TEXT, channel.HTML or "none"):
        (tmp_path / name).write_bytes(text)
    written = write(channel, news("fan_lost"), place(tmp_path))
    assert "WARNING fan lost, fan 3: gives no air (at 14:00) #1" in written.message.text
    assert written.message.subject == "Coop: warning fan lost"
    assert written.message.html == ""
    assert channel.TEXT in written.trouble


def test_without_any_template_the_message_goes_out():
    written = write(email, news("fan_lost", "x"), Place("Coop", "UTC", ("/nonexistent",)))
    assert "#1" in written.message.text
    assert "#2" in written.message.text
    assert written.trouble


def test_a_test_message_says_that_nothing_has_happened():
    message = write(telegram, trial(place(), shadow=True), place()).message
    assert "test" in message.text
    assert message.subject.startswith("[shadow]")


def test_a_short_message_of_shadow_mode_says_what_that_means():
    """It has no room for what minectl does, and its sentence may say that outlets are off."""
    message = write(sms, trial(place(), shadow=True), place()).message
    assert "[shadow, nothing is sent] INFO test" in message.text


def test_ids_in_a_row_are_written_short():
    assert ids([3, 1, 2, 9, 7, 10]) == "#1-#3 #7 #9 #10"
    assert ids([]) == ""
