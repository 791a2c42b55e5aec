"""Who is told when: routes, back-off, at-least-once, storms, old news."""

import json
import time
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from mine_controller.core.option import Secret, fill
from mine_controller.notify import deadman, telegram
from mine_controller.notify.deliver import Desk, Way, deliver, ways
from mine_controller.notify.message import EMERGENCY, INFO, WARNING, Sent
from mine_controller.notify.words import Place
from mine_controller.packaged import packaged
from mine_controller.store.outbox import Letter

NOW = 1_784_142_000
FOLDER = str(packaged("templates") / "messages")
OK = Sent(ok=True)
DOWN = Sent(ok=False, why="no answer")


class Fake:
    """A channel that keeps what it is given and answers as it is told."""

    TEXT, HTML, MOST = "telegram.txt", "", 4096

    def __init__(self, answer=OK):
        self.answer, self.got = answer, []

    def send(self, options, message, until):
        self.got.append(message)
        return self.answer


class World(NamedTuple):
    telegram: Fake
    email: Fake
    sms: Fake

    def desk(self, config="c1"):
        least = {"telegram": INFO, "email": WARNING, "sms": EMERGENCY}
        every = tuple(Way(title, getattr(self, title), SimpleNamespace(), least[title]) for title in self._fields)
        return Desk(tuple(way._replace(options=()) for way in every), Place("Coop", "UTC", (FOLDER,)), config)


@pytest.fixture
def world():
    return World(Fake(), Fake(), Fake())


def letter(number, level=WARNING, *, at=NOW, kind="fan_lost", about="fan 3", shadow="", **more):
    body = {"kind": kind, "about": about, "text": "gives no air", "at": str(at), "shadow": shadow}
    return Letter(number, f"k{number}", level, json.dumps(body), at, (), None)._replace(**more)


def run(world, letters, now_s=NOW, config="c1"):
    return deliver(tuple(letters), world.desk(config), now_s, time.monotonic() + 5)


def after(letters, done):
    """The open letters as the store keeps them after a delivery."""
    notes = {one.id: one for one in done.notes}
    out = []
    for one in letters:
        note = notes.get(one.id)
        if note is None:
            out.append(one)
        elif note.told_at is None:
            out.append(one._replace(tries=(*one.tries, note.note), due_at=note.due_at))
    return out


def counts(world):
    return tuple(len(channel.got) for channel in world)


@pytest.mark.parametrize(("level", "told"), [(INFO, (1, 0, 0)), (WARNING, (1, 1, 0)), (EMERGENCY, (1, 1, 1))])
def test_a_message_goes_the_route_of_its_severity_and_ends(world, level, told):
    done = run(world, [letter(1, level)])
    assert counts(world) == told
    assert [one.told_at for one in done.notes] == [NOW]


def test_nothing_due_sends_nothing_and_notes_nothing(world):
    assert run(world, [letter(1, at=NOW + 30)]) == ((), ())
    assert run(world, []) == ((), ())
    assert counts(world) == (0, 0, 0)


def test_280_failures_of_one_tick_are_one_message_a_channel_with_their_count(world):
    storm = [letter(n, about=f"miner a{n:03}", kind="miner_offline") for n in range(1, 281)]
    done = run(world, storm)
    assert sum(counts(world)) == 2
    text = world.telegram.got[0].text
    assert "280 times" in text
    assert "miner a001, miner a002, miner a003 and 277 more" in text
    assert "#1-#280" in text
    assert len(done.notes) == 280
    assert all(one.told_at == NOW for one in done.notes)


def test_the_gravest_stands_first_and_every_letter_is_named(world):
    run(world, [letter(1, INFO, kind="a"), letter(7, EMERGENCY, kind="b"), letter(8, WARNING, kind="c")])
    text = world.telegram.got[0].text
    assert text.index("EMERGENCY: b") < text.index("WARNING: c") < text.index("INFO: a")
    assert all(f"#{number}" in text for number in (1, 7, 8))
    assert world.telegram.got[0].subject == "Coop: emergency, b and 2 more"
    assert world.sms.got[0].subject == "Coop: emergency, b"


def test_killed_before_the_mark_the_same_letter_goes_again_with_the_same_id(world):
    run(world, [letter(12)])
    run(world, [letter(12)], NOW + 120)
    assert ["#12" in message.text for message in world.telegram.got] == [True, True]


def test_a_channel_that_fails_is_tried_after_1_2_4_minutes_up_to_an_hour_and_the_others_not_again(world):
    world.email.answer = DOWN
    letters, now_s, waits = [letter(1)], NOW, []
    for _ in range(8):
        done = run(world, letters, now_s)
        letters = after(letters, done)
        waits.append(letters[0].due_at - now_s)
        now_s = letters[0].due_at
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert counts(world) == (1, 8, 0)
    assert done.lines == (("email", False, "could not tell 1 messages: no answer"),)


def test_new_news_waits_with_a_failing_channel_and_goes_in_one_message(world):
    world.email.answer = DOWN
    letters = after([letter(1)], run(world, [letter(1)]))
    letters = after([*letters, letter(2, at=NOW + 30)], run(world, [*letters, letter(2, at=NOW + 30)], NOW + 30))
    assert counts(world) == (2, 1, 0)
    assert "#1" not in world.telegram.got[1].text
    assert [one.due_at for one in letters] == [NOW + 60, NOW + 60]
    world.email.answer = OK
    done = run(world, letters, NOW + 60)
    assert "#1 #2" in world.email.got[1].text
    assert [one.told_at for one in done.notes] == [NOW + 60, NOW + 60]


def test_a_new_emergency_does_not_wait_for_a_back_off_but_for_what_the_service_asked(world):
    world.telegram.answer = Sent(ok=False, retry_after_s=300, why="429")
    world.email.answer = DOWN
    letters = after([letter(1)], run(world, [letter(1)]))
    now_s = NOW + 10
    run(world, [*letters, letter(2, EMERGENCY, at=now_s)], now_s)
    assert counts(world) == (1, 2, 1)


def test_retry_after_is_obeyed_to_the_second(world):
    world.telegram.answer = Sent(ok=False, retry_after_s=17, why="429")
    letters = after([letter(1, INFO)], run(world, [letter(1, INFO)]))
    assert letters[0].due_at == NOW + 18
    run(world, letters, NOW + 16)
    assert counts(world)[0] == 1
    world.telegram.answer = OK
    assert run(world, letters, NOW + 18).notes[0].told_at == NOW + 18


def test_o14_an_emergency_nobody_was_told_of_goes_out_a_minute_after_any_channel_is_there_again(world):
    """O14: after six hours without any channel, warnings that wait an hour beside it."""
    for channel in world:
        channel.answer = DOWN
    letters, now_s = [letter(1), letter(2, EMERGENCY)], NOW
    while now_s < NOW + 6 * 3600:
        letters = after(letters, run(world, letters, now_s))
        now_s = min(one.due_at for one in letters)
    assert now_s - NOW - 6 * 3600 <= 60
    world.sms.answer = OK
    done = run(world, letters, now_s)
    assert len(world.sms.got) > 300
    kept = after(letters, done)
    assert kept[-1].tries[-1]["sms"] == "told"
    tried = counts(world)[1]
    run(world, kept, now_s + 61)
    assert counts(world)[1] == tried, "somebody knows: from here on the others are tried at their own pace"


def test_an_emergency_stays_open_until_one_channel_accepts(world):
    for channel in world:
        channel.answer = Sent(ok=False, permanent=True, why="401")
    letters, now_s = [letter(1, EMERGENCY)], NOW
    for _ in range(100):
        letters = after(letters, run(world, letters, now_s))
        assert letters, "nobody took it yet"
        now_s = letters[0].due_at
    assert now_s - NOW == 100 * 3600, "what refuses for good is tried once an hour"
    world.sms.answer = OK
    done = run(world, letters, now_s)
    assert done.notes[0].told_at == now_s, "told by one, refused for good by the others"


def test_a_warning_ends_a_day_after_somebody_was_told(world):
    world.email.answer = DOWN
    letters, now_s = [letter(1)], NOW
    while letters:
        letters = after(letters, run(world, letters, now_s))
        now_s = letters[0].due_at if letters else now_s
    assert 86_400 < now_s - NOW < 86_400 + 2 * 3600
    assert counts(world)[0] == 1


def test_ten_days_without_internet_are_one_digest_that_says_it_is_old(world):
    for channel in world:
        channel.answer = DOWN
    letters, now_s = [], NOW
    for hour in range(240):
        now_s = NOW + hour * 3600
        letters.append(letter(hour + 1, at=now_s, kind=f"kind_{hour % 3}"))
        letters = after(letters, run(world, letters, now_s))
    before = counts(world)
    assert len(letters) == 240
    world.telegram.answer = world.email.answer = OK
    done = run(world, letters, now_s + 4000)
    assert (len(world.telegram.got) - before[0], len(world.email.got) - before[1]) == (1, 1)
    assert world.telegram.got[-1].text.count("80 times") == 3
    assert "was, from 2026-07-15 19:00 to 2026-07-25 1" in world.telegram.got[-1].text
    assert all(one.told_at for one in done.notes)


def test_after_days_without_a_line_the_fire_of_a_minute_ago_stands_first(world):
    """A short message has room for a few; what is left out is the oldest."""
    past = [
        letter(1, EMERGENCY, at=NOW - 4 * 86_400, kind="obey"),
        letter(2, EMERGENCY, at=NOW - 3 * 86_400, kind="heat"),
        letter(3, EMERGENCY, at=NOW - 2 * 86_400, kind="pdu"),
        letter(4, EMERGENCY, at=NOW - 4 * 86_400, kind="line"),
    ]
    repeats = [letter(10 + at, EMERGENCY, at=NOW - (90 - at) * 3600, kind="line") for at in range(90)]
    world.sms.TEXT, world.sms.MOST = "sms.txt", 200
    fresh = [letter(200, EMERGENCY, at=NOW - 90, kind="smoke"), letter(201, EMERGENCY, at=NOW - 60, kind="fans")]
    run(world, [*past, *repeats, *fresh])
    text = world.telegram.got[0].text
    places = [text.index(f"EMERGENCY: {kind}") for kind in ("smoke", "fans", "line", "pdu", "heat", "obey")]
    assert places == sorted(places)
    assert "EMERGENCY smoke" in world.sms.got[0].text
    assert "obey" not in world.sms.got[0].text
    assert world.sms.got[0].subject == "Coop: emergency, smoke and 95 more"


def test_old_news_is_told_as_past_and_fresh_news_is_not(world):
    run(world, [letter(1, at=NOW - 3600, kind="old"), letter(2, at=NOW - 60, kind="new")])
    text = world.telegram.got[0].text
    assert "was, at 18:00 #1" in text
    assert "\nat 18:59 #2" in text


def test_shadow_says_so_and_does_not_hide_behind_what_is_real(world):
    run(world, [letter(1, shadow="yes")])
    assert world.telegram.got[0].subject.startswith("[shadow] ")
    assert "[shadow] WARNING" in world.telegram.got[0].text
    run(world, [letter(2, EMERGENCY), letter(3, shadow="yes")])
    assert not world.telegram.got[1].subject.startswith("[shadow] ")
    assert "[shadow] WARNING" in world.telegram.got[1].text


def test_a_repaired_config_is_tried_at_once_and_what_was_told_stays_told(world):
    world.email.answer = Sent(ok=False, permanent=True, why="535")
    first = [
        letter(1)._replace(tries=({"telegram": "told", "email": "no: 535", "email next": NOW + 999, "config": "c1"},))
    ]
    run(world, first, NOW)
    assert counts(world) == (0, 0, 0)
    world.email.answer = OK
    done = run(world, first, NOW, config="c2")
    assert counts(world) == (0, 1, 0)
    assert done.notes[0].told_at == NOW


def test_a_repaired_config_is_tried_before_the_hour_of_a_refusal_is_over(world):
    world.email.answer = world.telegram.answer = Sent(ok=False, permanent=True, why="401")
    left = after([letter(1)], run(world, [letter(1)]))
    assert left[0].due_at == NOW + 3600
    world.email.answer = world.telegram.answer = OK
    assert run(world, left, NOW + 120) == ((), ()), "nothing has changed"
    assert run(world, left, NOW + 240, config="c2").notes[0].told_at == NOW + 240


def test_a_clock_set_back_by_hours_does_not_hold_messages_for_hours(world):
    world.email.answer = world.telegram.answer = DOWN
    left = after([letter(1)], run(world, [letter(1)]))
    world.email.answer = world.telegram.answer = OK
    back = NOW - 10 * 3600
    done = run(world, [*left, letter(2, at=back)], back)
    assert {one.id: one.told_at for one in done.notes} == {1: back, 2: back}
    assert run(world, left, back).notes[0].told_at == back, "and without a new one"


def test_information_that_reached_nobody_in_days_ends_and_a_warning_does_not(world):
    world.telegram.answer = world.email.answer = DOWN
    old = NOW - 5 * 86_400
    done = run(world, [letter(1, INFO, at=old), letter(2, WARNING, at=old)])
    assert {one.id: one.told_at for one in done.notes} == {1: NOW, 2: None}


def test_a_letter_that_no_channel_takes_ends_and_says_so(world):
    desk = world.desk()._replace(ways=world.desk().ways[2:])
    done = deliver((letter(1, INFO),), desk, NOW, time.monotonic() + 5)
    assert done.notes[0].told_at == NOW
    assert done.notes[0].note["route"] == "no channel takes this"


def test_what_was_told_to_nobody_waits_an_hour_while_the_config_has_no_channel(world):
    """Its owner takes [telegram] out, saves, and writes it anew: what waited for days was gone between the two."""
    waiting = [letter(1, EMERGENCY), letter(2, WARNING), letter(3, INFO)]
    world.telegram.answer = world.email.answer = world.sms.answer = DOWN
    waiting = after(waiting, run(world, waiting))
    none, at = world.desk("c2")._replace(ways=()), NOW + 3 * 86_400
    bare = deliver(tuple(waiting), none, at, time.monotonic() + 5)
    assert [(one.id, one.due_at - at, one.told_at) for one in bare.notes] == [
        (1, 3600, None), (2, 3600, None), (3, 60, at)
    ]  # fmt: skip
    held = after(waiting, bare)[:2]
    assert deliver(tuple(held), none, at + 3599, time.monotonic() + 5).notes == ()
    over = deliver(tuple(held), none, at + 3600, time.monotonic() + 5)
    assert [one.told_at for one in over.notes] == [at + 3600] * 2
    world.telegram.answer = OK
    assert [one.note["telegram"] for one in run(world, held, at + 120, "c3").notes] == ["told", "told"]


def test_a_clock_set_back_by_a_year_does_not_hold_messages_for_a_year(world):
    assert run(world, [letter(1, at=NOW + 365 * 86_400)]).notes[0].told_at == NOW


@pytest.mark.parametrize("body", ["plain words", "[1]", "{", '{"at": "99999999999999", "text": 5}', ""])
def test_a_damaged_letter_is_told_as_it_stands(world, body):
    done = run(world, [letter(1, body=body, tries=({"telegram fails": "x", "telegram next": "y", "config": "c1"},))])
    assert done.notes[0].told_at == NOW
    assert "#1" in world.telegram.got[0].text


def test_the_dead_man_is_no_channel_for_messages_and_two_chats_are_two_channels():
    chat = fill(telegram.Options, {"token": Secret("x"), "chat_id": "1", "least": "warning"})
    found = ways(
        {"telegram": chat, "telegram family": chat, "deadman": fill(deadman.Options, {"url": Secret("http://x")})}
    )
    assert [(way.title, way.channel, way.least) for way in found] == [
        ("telegram", telegram, WARNING),
        ("telegram family", telegram, WARNING),
    ]
    assert ways({}) == ()


def test_what_refused_for_good_under_an_older_config_is_not_given_up_under_the_new_one(world):
    failing = {"telegram": "told", "email": "no: 451", "email fails": 1, "email next": NOW + 60, "config": "c2"}
    refused = {"telegram": "told", "email": "no: 535", "email gone": 1, "email next": NOW - 1, "config": "c1"}
    letters = [letter(1, tries=(failing,), due_at=NOW + 60), letter(2, tries=(refused,))]
    done = run(world, letters, NOW, config="c2")
    assert counts(world) == (0, 0, 0)
    assert [(one.id, one.told_at, one.due_at) for one in done.notes] == [(2, None, NOW + 60)]
