"""What people write to the bot: who is obeyed, once, and what they are told. Real ticks, a Bot API on loopback."""

import html
import json
import re
import sqlite3
from contextlib import closing

import pytest
from notify.mine import NOON, TELEGRAM, TOKEN, Mine
from notify.peers import HANG

from mine_controller.config.load import load
from mine_controller.ports import listen as listening
from mine_controller.ports.listen import bots
from mine_controller.store.inbox import file_request, pending
from mine_controller.store.stop import lower_stop, stop_requested


@pytest.fixture
def mine(tmp_path, http, api):
    """A site in Chicago that has heard its bot once: what was written before is not obeyed."""
    made = Mine(tmp_path, TELEGRAM.format(url=http.url), wall=NOON + 1200, timezone="America/Chicago")
    made.tick()
    api.said.clear()
    api.pressed.clear()
    return made


def requests(mine):
    return [(one.verb, one.args, one.actor, one.source) for one in pending(mine.config.paths)]


def texts(api):
    """What was answered: news begins with the site's name."""
    return [one["text"] for one in api.said if not one["text"].startswith("<b>Coop test</b>")]


def ask(mine, api, number, text, **more):
    api.write(number, text, mine.wall, **more)
    mine.tick()
    return texts(api)[-1] if texts(api) else ""


def test_what_was_written_before_the_first_tick_is_not_obeyed(tmp_path, http, api):
    api.write(41, "/stop", NOON)
    api.write(42, "/status", NOON)
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url), wall=NOON + 1200)
    mine.tick()
    assert api.offsets == [-1]
    mine.tick()
    assert api.offsets == [-1, 43]
    assert texts(api) == []


def test_a_status_is_answered_in_the_tick_that_hears_it_and_only_once(mine, api):
    said = ask(mine, api, 50, "/status@my_mine_bot")
    assert "8 of 8 miners run" in said
    assert "Power 27.2 kW" in said
    assert "minectl " in said
    mine.tick()
    assert len(texts(api)) == 1


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("/why", "Miners may draw"),
        ("/alarms", "open alarm"),
        ("/events", "07-15 07:20 restarted controller"),
        ("/fans", "Fan 9: on"),
        ("/help", "/stop everything off"),
        ("/resume", "minectl resume"),
        ("/ack", "Write the name"),
        ("/STOP@my_mine_bot!!", "Stop everything at"),  # a command ends where Telegram says that it ends
    ],
)
def test_each_question_has_an_answer(mine, api, command, word):
    assert word.lower() in html.unescape(ask(mine, api, 50, command)).lower()


@pytest.mark.parametrize("text", ["stop", "STOP EVERYTHING", "status", "/ stop", "hello <b>"])
def test_whoever_writes_to_the_bot_alone_is_told_what_it_understands(mine, api, text):
    """Silence would be taken for a stop that was heard; and talk takes no room from the answer to one."""
    for at in range(12):
        api.write(50 + at, text if at < 11 else "/stop", mine.wall, kind="private")
    mine.tick()
    said, asked = texts(api)
    assert (said[:18], "/stop everything off" in said, asked[:18]) == ("Nothing was done: ", True, "Stop everything at")
    assert stop_requested(mine.config.paths) is None


def test_chatter_in_the_group_is_none_of_ours(mine, api):
    assert ask(mine, api, 50, "good morning") == ""
    assert ask(mine, api, 51, "/weather") == ""


def test_a_foreign_chat_and_a_user_who_is_not_listed_get_no_answer_and_one_line(tmp_path, http, api):
    sections = TELEGRAM.format(url=http.url) + "users = 7, 8\n"
    mine = Mine(tmp_path, sections, wall=NOON + 1200)
    mine.tick()
    for number in range(60, 90):
        api.write(number, "/stop", mine.wall, chat=-666)
    api.write(91, "/stop", mine.wall, user=9)
    api.press(92, "ack:a2b3c", user=9)
    mine.tick()
    mine.tick()
    assert texts(api) == []
    assert requests(mine) == []
    lines = mine.notes("not listened to")
    assert len(lines) == 1
    assert "chat -666 user 7 (30 times)" in lines[0]
    assert "user 9 (2 times)" in lines[0]


def test_stop_asks_first_and_the_button_raises_the_stop_and_its_audit_row(mine, api):
    said = ask(mine, api, 50, "/stop")
    assert "Stop everything at <b>Coop test</b>, at the outlets until resumed" in said
    assert stop_requested(mine.config.paths) is None
    data = button(api.said[-1])
    assert len(data.encode()) <= 64
    api.press(51, data)
    mine.tick()
    assert "eve (7) by Telegram" in stop_requested(mine.config.paths)
    assert requests(mine) == [("emergency-stop", (), "eve (7)", "telegram")]
    assert "EMERGENCY STOP is set" in texts(api)[-1]
    assert "switches everything off at the outlets." in texts(api)[-1]
    assert api.pressed[-1]["callback_query_id"] == "q51"
    book = mine.tick()
    assert book.decision.why.code == "stop"


def test_where_no_outlet_is_known_the_bot_promises_none(mine, api):
    listed = mine.path.with_name("fleet.csv")
    listed.write_text(re.sub(r"redfish pdu1/[^,\n]*", "", listed.read_text()))
    mine.config = load(mine.path)
    said = ask(mine, api, 50, "/stop")
    assert "Stop everything at <b>Coop test</b>, by its own word, for fleet.csv knows no outlet, until resumed" in said
    api.press(51, button(api.said[-1]))
    mine.tick()
    assert "switches everything off by its own word, for fleet.csv knows no outlet." in texts(api)[-1]


def test_what_the_bot_tells_of_events_is_in_the_units_of_the_site(mine, api):
    mine.path.write_text(mine.path.read_text().replace("[site]\n", "[site]\ntemperature_unit = F\n", 1))
    mine.config = load(mine.path)
    mine.plant.inlet = 36.5
    for _ in range(3):
        mine.tick()
    assert "97.7 °F is over 95.0 °F" in ask(mine, api, 50, "/events")


def button(said):
    return json.loads(said["reply_markup"])["inline_keyboard"][0][0]["callback_data"]


def test_an_old_press_a_second_press_and_a_made_up_press_stop_nothing(mine, api):
    ask(mine, api, 50, "/stop")
    data = button(api.said[-1])
    api.press(51, data, chat=-100)
    mine.tick()
    lower_stop(mine.config.paths)
    api.press(52, data)
    mine.tick()
    assert stop_requested(mine.config.paths) is None, "the same button again after a resume"
    assert "was ended since" in texts(api)[-1]
    at, seal = data.split(":")[1:]
    for number, forged in enumerate((f"stop:{int(at) + 1}:{seal}", "stop:", "stop:x:y", f"stop:{at}:", "stop:é:é"), 53):
        api.press(number, forged)
    mine.tick()
    assert stop_requested(mine.config.paths) is None
    ask(mine, api, 60, "/stop")
    fresh = button(api.said[-1])
    mine.plant.now += 1000
    api.press(61, fresh)
    mine.tick()
    assert stop_requested(mine.config.paths) is None
    assert "too old" in texts(api)[-1]


def test_a_button_is_worth_nothing_in_another_chat_of_the_same_bot(tmp_path, http, api):
    second = TELEGRAM.format(url=http.url).replace("[telegram]", "[telegram family]").replace("-100", "-200")
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url) + "\n" + second, wall=NOON + 1200)
    mine.tick()
    assert len(bots(mine.config)) == 1
    ask(mine, api, 50, "/stop", chat=-100)
    data = button(api.said[-1])
    api.press(51, data, chat=-200)
    api.press(52, data, chat=-666)
    mine.tick()
    assert stop_requested(mine.config.paths) is None
    assert requests(mine) == []


def test_an_ack_is_a_request_for_the_next_tick_and_its_verdict_is_told_once(mine, api):
    mine.plant.smoke = "alarm"
    book = mine.tick()
    name = next(alarm["id"] for alarm in book.state.alarms.values() if alarm["kind"] == "smoke")
    told = next(one for one in api.said if "SMOKE" in one["text"])
    assert f"ack:{name}" in told["reply_markup"]
    assert f"shelve:{name}" not in told["reply_markup"], "an emergency of safety is never shelved"
    api.said.clear()
    api.press(50, f"ack:{name}")
    mine.tick()
    assert "next tick" in api.pressed[-1]["text"]
    assert requests(mine) == [("ack", (name,), "eve (7)", "telegram")]
    book = mine.tick()
    assert [alarm["acked_by"] for alarm in book.state.alarms.values() if alarm["kind"] == "smoke"] == ["eve (7)"]
    mine.tick()
    verdicts = [text for text in texts(api) if text.startswith(f"ack {name}: done")]
    assert len(verdicts) == 1
    api.write(51, f"/ack [{name}]", mine.wall)  # as /alarms has it
    mine.tick()
    assert [one[:2] for one in requests(mine)] == [("ack", (name,))] * 2


def test_a_refused_shelving_is_told_with_its_reason(mine, api):
    api.press(50, "shelve:zzzzz")
    mine.tick()
    assert requests(mine)[0][:2] == ("shelve", ("zzzzz", "3600"))
    mine.tick()
    assert any("shelve zzzzz: refused" in text for text in texts(api))


def test_killed_between_filing_and_keeping_the_offset_an_update_is_obeyed_once(mine, api, monkeypatch):
    api.press(50, "ack:a2b3c")

    def killed(*_args):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(listening, "keep_heard", killed)
        with pytest.raises(SystemExit):
            mine.tick()
    assert len(requests(mine)) == 1
    mine.tick()
    mine.tick()
    with closing(sqlite3.connect(mine.config.paths.inbox)) as db, db:
        assert db.execute("SELECT count(*) FROM requests").fetchone() == (1,)
    db.close()


def test_killed_between_the_stop_and_its_audit_row_the_stop_stands(mine, api, monkeypatch):
    ask(mine, api, 50, "/stop")
    api.press(51, button(api.said[-1]))

    def killed(*_args, **_more):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(listening, "file_request", killed)
        with pytest.raises(SystemExit):
            mine.tick()
    assert stop_requested(mine.config.paths) is not None
    mine.tick()
    assert [one[0] for one in requests(mine)] == ["emergency-stop"]


def test_a_command_that_lay_for_an_hour_is_not_obeyed_and_that_is_said(mine, api):
    api.write(50, "/alarms", mine.wall - 3600)
    mine.tick()
    assert "came too late: it was written 60 min ago" in texts(api)[-1]
    assert "reply_markup" not in api.said[-1]


def test_after_a_week_of_silence_the_numbers_may_begin_anew(mine, api):
    ask(mine, api, 900, "/help")
    mine.tick()
    mine.plant.now += 8 * 86_400
    ask(mine, api, 5, "/help")
    assert api.offsets[-1] is None
    assert len(texts(api)) == 2


@pytest.mark.parametrize(
    ("answer", "next_s", "word"),
    [
        (
            (429, {"ok": False, "error_code": 429, "description": "x", "parameters": {"retry_after": 500}}, {}),
            501,
            "429",
        ),
        ((401, {"ok": False, "error_code": 401, "description": "Unauthorized"}, {}), 900, "token"),
        ((409, {"ok": False, "error_code": 409, "description": "Conflict: terminated"}, {}), 900, "webhook"),
        ((502, "<html>canary-token</html>", {}), 60, "502"),
        ((200, "<html>log in to the hotel</html>", {}), 60, "can't be read"),
    ],
)
def test_a_chat_that_can_not_be_heard_is_left_alone_for_a_while(mine, api, http, answer, next_s, word):
    api.refuse["getUpdates"] = answer
    at = mine.wall
    mine.tick()
    assert word in mine.notes("can't hear")[-1]
    asked = len([one for one in http.asked if one.path.endswith("getUpdates")])
    mine.at(max(mine.wall, at + next_s - 1))
    mine.tick()
    again = len([one for one in http.asked if one.path.endswith("getUpdates")]) - asked
    assert again == (0 if next_s > 120 else 1)
    del api.refuse["getUpdates"]
    mine.at(mine.wall + 900)
    assert "minectl" in ask(mine, api, 70, "/status")
    assert "canary" not in mine.log()


def test_a_service_that_hangs_after_its_headers_does_not_hold_the_tick(mine, api, monkeypatch):
    monkeypatch.setattr("mine_controller.ports.live.LISTEN_S", 0.4)
    api.refuse["getUpdates"] = HANG
    mine.tick()
    assert "no " in mine.notes("can't hear")[-1]


def test_answers_that_are_refused_are_a_line_without_the_token(mine, api):
    api.refuse["sendMessage"] = (403, {"ok": False, "error_code": 403, "description": "bot was kicked"}, {})
    ask(mine, api, 50, "/status")
    assert "kicked" in mine.notes("not everything was answered")[-1]
    assert "canary" not in mine.log()


def test_a_button_pressed_too_long_ago_is_obeyed_and_not_answered(mine, api):
    old = {"ok": False, "error_code": 400, "description": "Bad Request: query is too old and response timeout expired"}
    api.refuse["answerCallbackQuery"] = (400, old, {})
    api.press(50, "ack:a2b3c")
    mine.tick()
    assert len(requests(mine)) == 1
    assert mine.notes("not everything was answered") == []


def test_a_stop_is_heard_while_miners_come_up(mine, api):
    """A climb has commands open for half an hour, and a relay that does not follow has one for ever."""
    mine.plant.power |= dict.fromkeys(mine.plant.power, 25)
    book = [mine.tick() for _ in range(8)][-1]
    assert {chase.want for chase in book.state.chases.values()} == {"run"}
    assert "Stop everything" in ask(mine, api, 50, "/stop")
    api.press(51, button(api.said[-1]))
    assert mine.tick().state.chases
    assert stop_requested(mine.config.paths) is not None


def test_a_site_that_does_not_want_to_listen_does_not(tmp_path, http, api):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url) + "listen = no\n", wall=NOON + 1200)
    mine.plant.smoke = "alarm"
    mine.tick()
    assert api.offsets == []
    assert all("reply_markup" not in one for one in api.said)
    assert api.said


def test_in_shadow_the_chat_is_answered_and_the_stop_says_that_nothing_is_sent(tmp_path, http, api):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url), live=False, wall=NOON + 1200)
    mine.tick()
    ask(mine, api, 50, "/stop")
    api.press(51, button(api.said[-1]))
    mine.tick()
    assert "Shadow mode: nothing is sent" in texts(api)[-1]


def test_no_secret_is_in_the_log_the_inbox_or_anything_said(mine, api, tmp_path):
    for number, text in enumerate(("/status", "/why", "/events", "/alarms", "/fans", "/stop", "/help"), 50):
        ask(mine, api, number, text)
    files = [path for path in tmp_path.iterdir() if path.is_file() and not path.name.startswith("config.")]
    kept = b"".join(path.read_bytes() for path in files)
    assert TOKEN.encode() not in kept
    assert "canary" not in repr(api.said)


def test_words_of_the_chat_can_not_forge_a_line_or_become_markup(mine, api):
    api.write(50, "/<b>x</b>@bot", mine.wall)
    api.updates[-1]["message"]["from"]["username"] = "eve\n2026-07-15T00:00:00Z ERROR fire"
    api.press(51, "ack:a2b3c")
    api.updates[-1]["callback_query"]["from"]["username"] = 'x" text="fire\n2026 ERROR'
    mine.tick()
    assert not any(line.startswith("2026 ERROR") for line in mine.log().splitlines())
    assert all("<b>x" not in text for text in texts(api))


@pytest.fixture
def full_disk(monkeypatch):
    """The disk takes nothing more; what lies in memory does."""

    def full(*_args):
        raise OSError(28, "No space left on device")

    def fill():
        monkeypatch.setattr("mine_controller.store.inbox.make_inbox", full)
        monkeypatch.setattr("mine_controller.store.heard.make_inbox", full)

    return fill


def test_on_a_full_disk_the_chat_is_answered_once_and_can_stop(mine, api, full_disk):
    full_disk()
    assert "8 of 8 miners run" in ask(mine, api, 50, "/status")
    mine.tick()
    assert len(texts(api)) == 1, "heard once"
    ask(mine, api, 51, "/stop")
    data = button(api.said[-1])
    api.press(52, "ack:a2b3c")
    api.press(53, data)
    mine.tick()
    assert "eve (7) by Telegram" in stop_requested(mine.config.paths)
    assert "ack a2b3c could not be written down and was not done: " in texts(api)[-2]
    assert "EMERGENCY STOP is set" in texts(api)[-1]
    assert mine.notes("the stop holds, and is not in the audit log")


def test_what_was_heard_on_a_full_disk_is_not_obeyed_again_on_a_free_one(mine, api, full_disk, monkeypatch):
    full_disk()
    ask(mine, api, 50, "/status")
    monkeypatch.undo()
    mine.tick()
    assert "8 of 8 miners run" in ask(mine, api, 51, "/status")
    assert len(texts(api)) == 2
    assert not list(mine.config.paths.run.glob("*-heard.json"))


def test_a_damaged_inbox_leaves_nobody_without_an_answer(mine, api):
    mine.config.paths.inbox.write_bytes(b"no database at all" * 500)
    mine.tick()
    assert "8 of 8 miners run" in ask(mine, api, 50, "/status")
    mine.tick()
    assert len(texts(api)) == 1


def test_what_was_written_while_the_inbox_was_damaged_is_heard(mine, api):
    """Before, the first tick beside it took it for a bot that was never heard, and dropped a stop among the rest."""
    ask(mine, api, 50, "/stop")
    data = button(api.said[-1])
    mine.config.paths.inbox.write_bytes(b"no database at all" * 500)
    api.press(51, data)
    api.write(52, "/status", mine.wall)
    mine.tick()
    assert "eve (7) by Telegram" in stop_requested(mine.config.paths)
    assert "EMERGENCY STOP is set" in texts(api)[-2]
    before = len(texts(api))
    mine.tick()
    assert len(texts(api)) == before


def test_a_stop_is_heard_also_where_somebody_else_put_the_damaged_inbox_aside(mine, api):
    ask(mine, api, 50, "/stop")
    data = button(api.said[-1])
    mine.config.paths.inbox.write_bytes(b"no database at all" * 500)
    api.press(51, data)
    file_request(mine.config.paths, "cli", "bob", 0, "tty", "ack", ("x",), "seen", at=mine.wall)
    mine.tick()
    assert "eve (7) by Telegram" in stop_requested(mine.config.paths)
    before = len(texts(api))
    mine.tick()
    assert len(texts(api)) == before
