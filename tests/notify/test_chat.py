"""Updates as the Bot API gives them, and as nobody should: read in full, or skipped by their number, never raising."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.option import Secret, fill
from mine_controller.notify import chat, telegram
from mine_controller.notify.chat import Reply, Update, fetch, read, reply
from mine_controller.notify.message import Button

WHO = {"id": 7, "is_bot": False, "first_name": "Eve", "username": "eve"}
CHAT = {"id": -100, "type": "supergroup", "title": "Mine"}
WRITTEN = {
    "update_id": 9,
    "message": {"message_id": 3, "date": 1_784_142_000, "chat": CHAT, "from": WHO, "text": "/why"},
}
PRESSED = {
    "update_id": 10,
    "callback_query": {
        "id": "q1",
        "from": WHO,
        "message": {"message_id": 3, "date": 0, "chat": CHAT},
        "data": "ack:abcde",
    },
}


def soon(seconds=5.0):
    return time.monotonic() + seconds


def bot(http):
    return fill(telegram.Options, {"token": Secret("4711:canary-token"), "chat_id": "-100", "api_url": http.url})


def told(*updates):
    return json.dumps({"ok": True, "result": updates}).encode()


def test_a_message_and_a_button_are_understood(http, api):
    api.updates = [WRITTEN, PRESSED]
    got = fetch(bot(http), 9, soon())
    assert got.updates == (
        Update(9, "-100", "7", "eve", "/why", "", "", 1_784_142_000),
        Update(10, "-100", "7", "eve", "", "ack:abcde", "q1"),
    )
    assert (got.next, got.strange, got.full) == (11, 0, False)
    assert http.asked[0].json == {
        "timeout": 0, "limit": 100, "offset": 9, "allowed_updates": ["message", "channel_post", "callback_query"],
    }  # fmt: skip


def changed(update, **more):
    return json.loads(json.dumps(update)) | more


STRANGE = [
    {"update_id": 9},
    {"update_id": 9, "edited_message": WRITTEN["message"]},
    {"update_id": 9, "message": None},
    {"update_id": 9, "message": "text"},
    {"update_id": 9, "message": {**WRITTEN["message"], "text": 5}},
    {"update_id": 9, "message": {**WRITTEN["message"], "text": "\u2028\x00"}},
    {"update_id": 9, "message": {**WRITTEN["message"], "from": {**WHO, "is_bot": True}}},
    {"update_id": 9, "message": {**WRITTEN["message"], "from": {**WHO, "id": "7"}}},
    {"update_id": 9, "message": {**WRITTEN["message"], "chat": {"id": True}}},
    {"update_id": 9, "message": {**WRITTEN["message"], "chat": {"id": 10**30}}},
    {"update_id": 9, "callback_query": {**PRESSED["callback_query"], "message": None}},
    {"update_id": 9, "callback_query": {**PRESSED["callback_query"], "id": 5}},
    {"update_id": 9, "callback_query": {**PRESSED["callback_query"], "data": ["ack"]}},
]


@pytest.mark.parametrize("update", STRANGE)
def test_a_strange_update_is_passed_by_and_does_not_hold_up_the_next(update):
    got = read(200, told(update, PRESSED))
    assert [one.id for one in got.updates] == [10]
    assert (got.next, got.strange) == (11, 1)


ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}


@pytest.mark.parametrize(("sender", "heard"), [(-100, 1), (-200, 0), (None, 0), (True, 0)])
def test_an_admin_who_stays_anonymous_writes_as_the_group_itself_and_is_heard(sender, heard):
    """Telegram puts a bot in the admin's place: a /stop of the owner was passed by without a word."""
    message = {**WRITTEN["message"], "from": ANONYMOUS, "sender_chat": {"id": sender}, "text": "/stop"}
    got = read(200, told({"update_id": 9, "message": message}))
    assert [(one.user, one.name, one.text) for one in got.updates] == [
        ("1087968824", "an anonymous admin", "/stop")
    ] * heard


POSTED = {"update_id": 9, "channel_post": {"date": 1, "text": "/stop", "author_signature": "Somebody"}}


@pytest.mark.parametrize(("sender", "heard"), [(-100, 1), (-200, 0), (None, 0), (True, 0)])
def test_what_an_admin_writes_into_a_channel_is_heard_as_an_anonymous_admins(sender, heard):
    """It names no user at all: a /stop was passed by without a word, under messages whose buttons worked."""
    post = {**POSTED["channel_post"], "chat": {"id": -100, "type": "channel"}, "sender_chat": {"id": sender}}
    got = read(200, told({**POSTED, "channel_post": post}))
    assert [(one.chat, one.user, one.name, one.text, one.private) for one in got.updates] == [
        ("-100", "-100", "an anonymous admin", "/stop", False)
    ] * heard


@pytest.mark.parametrize("update", [{"update_id": -1}, {"update_id": "9"}, {"update_id": True}, {}, [], None, "x", 9])
def test_what_has_no_number_moves_no_offset(update):
    got = read(200, told(update))
    assert (got.updates, got.next) == ((), None)


def test_texts_are_cut_and_made_one_line():
    message = {**WRITTEN["message"], "text": "/why\n" + "x" * 100_000, "from": {**WHO, "username": "e" * 999}}
    (got,) = read(200, told({"update_id": 9, "message": message})).updates
    assert len(got.text) == 200
    assert "\n" not in got.text
    assert len(got.name) == 40


def test_an_answer_too_large_to_be_read_is_skipped_one_update_at_a_time(http, api, monkeypatch):
    monkeypatch.setattr(chat, "BODY_MOST", 5000)
    huge = {**WRITTEN["message"], "text": "x" * 100_000}
    api.updates = [{"update_id": 9, "message": huge}, PRESSED]
    got = fetch(bot(http), 9, soon())
    assert (got.sent.ok, got.updates, got.next) == (False, (), 10)
    assert [one.id for one in fetch(bot(http), got.next, soon()).updates] == [10]


def late(monkeypatch):
    """The time for hearing is over as soon as something has come."""
    monkeypatch.setattr(chat, "left_s", lambda _until, most_s=None: most_s or 0.1)


def test_what_came_whole_at_the_last_moment_is_understood(http, api, monkeypatch):
    late(monkeypatch)
    api.updates = [WRITTEN, PRESSED]
    got = fetch(bot(http), 9, soon())
    assert ([one.id for one in got.updates], got.next, got.sent.ok) == ([9, 10], 11, True)


def test_what_came_in_part_before_the_time_was_over_is_asked_for_again_and_not_skipped(http, api, monkeypatch):
    """A stop over a slow line was thrown away unread: nobody had heard it, and its number was ended."""
    late(monkeypatch)
    api.updates = [{"update_id": 9, "message": {**WRITTEN["message"], "text": "/stop " + "x" * 100_000}}]
    got = fetch(bot(http), 9, soon())
    assert (got.updates, got.next, got.sent.why) == ((), None, "no answer in time")


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"ok":true}', b'{"ok":false,"result":[]}', b'{"ok":true,"result":{}}', b"\xff\xfe", b"["],
)
def test_an_answer_that_is_none_changes_nothing(body):
    got = read(200, body)
    assert (got.sent.ok, got.updates, got.next) == (False, (), None)


def test_brackets_without_end_are_no_stack_overflow():
    assert not read(200, b'{"ok":true,"result":' + b"[" * 200_000).sent.ok


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["update_id", "message", "callback_query", "from", "chat", "id", "text", "data", "date"]), inner
    ),
    max_leaves=20,
).map(lambda tree: told(tree, PRESSED)))  # fmt: skip
def test_no_answer_whatever_raises(body):
    got = read(200, body)
    assert all(isinstance(one.id, int) and one.chat for one in got.updates)


def test_every_answer_goes_out_in_order_with_its_buttons(http, api):
    rows = ((Button("Ack", "ack:abcde"),),)
    sent = reply(bot(http), [Reply("-100", "<b>one</b>", rows), Reply("-100", "", press="q1", toast="taken")], soon())
    assert [one.ok for one in sent] == [True, True]
    assert (api.said[0]["text"], api.said[0]["parse_mode"]) == ("<b>one</b>", "HTML")
    assert json.loads(api.said[0]["reply_markup"]) == {
        "inline_keyboard": [[{"text": "Ack", "callback_data": "ack:abcde"}]]
    }
    assert api.pressed == [{"callback_query_id": "q1", "text": "taken"}]


def test_too_many_answers_end_with_the_first_that_is_refused_for_that(http, api):
    slow = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 17}}
    api.refuse["sendMessage"] = (429, slow, {})
    sent = reply(bot(http), [Reply("-100", "one"), Reply("-100", "two")], soon())
    assert [(one.ok, one.retry_after_s) for one in sent] == [(False, 17)]
    assert len(api.said) == 1


def test_an_answer_that_hangs_ends_in_time(http):
    http.answers = ["hang"]
    until = soon(0.4)
    sent = reply(bot(http), [Reply("-100", "one"), Reply("-100", "two")], until)
    assert time.monotonic() < until + 2
    assert not sent[-1].ok
    assert "canary" not in repr(sent)


def test_users_are_numbers():
    options = {"token": Secret("x"), "chat_id": "-100", "users": ("eve",)}
    assert telegram.check(fill(telegram.Options, options))
    assert telegram.check(fill(telegram.Options, options | {"users": ("7",), "listen": False}))
    assert telegram.check(fill(telegram.Options, options | {"users": ("7",)})) == ()


@pytest.mark.parametrize(("chat", "heard"), [("-100", True), ("@mine", False)])
def test_a_chat_written_by_its_name_is_told_and_not_heard(chat, heard):
    """Who writes comes with the chat's number: nothing that is pressed or written in @mine is ever known as from it."""
    options = fill(telegram.Options, {"token": Secret("x"), "chat_id": chat, "users": ("7",)})
    assert (telegram.check(options), telegram.hears(options)) == ((), heard)
