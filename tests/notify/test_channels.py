"""Each channel against a peer that answers as its service does, errors included."""

import time

import pytest
from notify.peers import CUT, HANG

from mine_controller.core.option import Secret, fill
from mine_controller.notify import deadman, discord, email, sms, telegram
from mine_controller.notify.message import EMERGENCY, INFO, WARNING, Button, Message
from mine_controller.notify.post import Call, post

TOKEN = "4711:canary-token"
NEWS = Message(WARNING, "Coop: warning, fan lost", "fan 3 gives no air #12", "<b>fan 3</b> gives no air #12", "#12")


def soon():
    return time.monotonic() + 5


def quick():
    return time.monotonic() + 0.4


# -- telegram ---------------------------------------------------------------------------------------------------------


def bot(http, **more):
    return fill(telegram.Options, {"token": Secret(TOKEN), "chat_id": "-100", "api_url": http.url, **more})


SAID = {"ok": True, "result": {"message_id": 42, "date": 1763003600, "chat": {"id": -100, "type": "supergroup"}}}


def no(code, text, **parameters):
    return (code, {"ok": False, "error_code": code, "description": text, "parameters": parameters}, {})


def test_telegram_gets_the_html_in_its_chat(http):
    http.answers = [(200, SAID, {})]
    assert telegram.send(bot(http), NEWS, soon()) == (True, False, None, "")
    asked = http.asked[0]
    assert asked.path == f"/bot{TOKEN}/sendMessage"
    assert asked.form["chat_id"] == "-100"
    assert (asked.form["text"], asked.form["parse_mode"]) == (NEWS.html, "HTML")
    assert len(http.asked) == 1, "no call but the one that tells"


def test_telegram_makes_no_sound_for_information_only(http):
    http.answers = [(200, SAID, {})]
    telegram.send(bot(http), NEWS._replace(level=INFO), soon())
    telegram.send(bot(http), NEWS._replace(level=EMERGENCY), soon())
    assert [asked.form.get("disable_notification", "false").lower() for asked in http.asked] == ["true", "false"]


def test_telegram_says_how_long_it_wants_to_be_left_alone(http):
    http.answers = [no(429, "Too Many Requests: retry after 17", retry_after=17)]
    sent = telegram.send(bot(http), NEWS, soon())
    assert (sent.ok, sent.permanent, sent.retry_after_s) == (False, False, 17)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (no(401, "Unauthorized"), "token"),
        (no(403, "Forbidden: bot was blocked by the user"), "blocked"),
        (no(400, "Bad Request: chat not found"), "chat not found"),
    ],
)
def test_telegram_refuses_for_good(http, answer, word):
    http.answers = [answer]
    sent = telegram.send(bot(http), NEWS, soon())
    assert (sent.ok, sent.permanent) == (False, True)
    assert word.lower() in sent.why.lower()
    assert "canary" not in sent.why


def test_an_alarm_follows_a_group_that_became_a_supergroup_and_says_what_to_set(http):
    """It happens when somebody is made an admin of the group; nobody looks at the config then."""
    http.answers = [no(400, "Bad Request: upgraded", migrate_to_chat_id=-100999), (200, SAID, {})]
    sent = telegram.send(bot(http), NEWS._replace(buttons=((Button("Ack", "ack:fire"),),)), soon())
    assert (sent.ok, sent.why) == (True, "the chat has moved: set chat_id = -100999")
    told = http.asked[1].form
    assert (told["chat_id"], told["parse_mode"]) == ("-100999", "HTML")
    assert told["text"] == f"{NEWS.html}\n{sent.why}", "who reads it there need not look into a log"
    assert "reply_markup" not in told, "what is pressed there is not heard before chat_id is set"


def test_a_message_without_room_for_it_follows_its_group_as_it_stands(http):
    http.answers = [no(400, "Bad Request: upgraded", migrate_to_chat_id=-100999), (200, SAID, {})]
    long = "x" * (telegram.MOST - 10)
    assert telegram.send(bot(http), NEWS._replace(html=long), soon()).ok
    assert http.asked[1].form["text"] == long


def test_a_chat_that_moved_on_and_on_is_told_and_left_alone(http):
    http.answers = [no(400, "Bad Request: upgraded", migrate_to_chat_id=-100999)]
    sent = telegram.send(bot(http), NEWS, soon())
    assert (sent.ok, sent.permanent, len(http.asked)) == (False, True, 2)
    assert "chat_id = -100999" in sent.why


@pytest.mark.parametrize("answer", [(502, "<html>Bad Gateway</html>", {}), CUT, (200, "not json", {})])
def test_telegram_down_is_tried_again(http, answer):
    http.answers = [answer]
    sent = telegram.send(bot(http), NEWS, soon())
    assert (sent.ok, sent.permanent) == (False, False)
    assert sent.why


def test_html_that_telegram_can_not_read_goes_as_plain_text(http):
    http.answers = [no(400, "Bad Request: can't parse entities: unclosed start tag"), (200, SAID, {})]
    sent = telegram.send(bot(http), NEWS, soon())
    assert sent.ok
    assert "plain text" in sent.why
    assert http.asked[1].form["text"] == NEWS.text
    assert "parse_mode" not in http.asked[1].form


# -- discord ----------------------------------------------------------------------------------------------------------


def hook(http):
    return fill(discord.Options, {"webhook": Secret(f"{http.url}/api/webhooks/77/canary-hook")})


def test_discord_gets_an_embed_in_its_colour_that_mentions_nobody(http):
    assert discord.send(hook(http), NEWS, soon()).ok
    asked = http.asked[0]
    assert asked.path == "/api/webhooks/77/canary-hook?wait=true"
    assert asked.json["allowed_mentions"] == {"parse": []}
    assert asked.json["embeds"] == [{"title": NEWS.subject, "description": NEWS.text, "color": 0xF59E0B}]
    assert "minectl" in asked.headers["User-Agent"]


@pytest.mark.parametrize(
    ("answer", "permanent", "wait_s"),
    [
        ((429, {"message": "You are being rate limited.", "retry_after": 64.57, "global": False}, {}), False, 64.57),
        ((429, "slow down", {"Retry-After": "8"}), False, 8),
        ((404, {"message": "Unknown Webhook", "code": 10015}, {}), True, None),
        ((401, {"message": "401: Unauthorized", "code": 0}, {}), True, None),
        ((302, "", {"Location": "http://127.0.0.1:1/"}), True, None),
        ((500, "oh", {}), False, None),
        ((200, "<html>Sign in</html>", {"Content-Type": "text/html; charset=utf-8"}), False, None),
        (CUT, False, None),
    ],
)
def test_discord_errors_say_what_to_do(http, answer, permanent, wait_s):
    http.answers = [answer]
    sent = discord.send(hook(http), NEWS, soon())
    assert (sent.ok, sent.permanent, sent.retry_after_s) == (False, permanent, wait_s)
    assert "canary" not in sent.why


@pytest.mark.parametrize(
    ("version", "told", "wait_s"),
    [("", 6457, 6.457), ("/v7", 6457, 6.457), ("/v8", 64, 64), ("/v10", 64.57, 64.57), ("", 64.57, 64.57)],
)
def test_discord_counts_whole_milliseconds_before_version_8_of_its_api_and_seconds_since(http, version, told, wait_s):
    """An address copied from Discord names no version; an emergency waited hours in place of seconds."""
    http.answers = [(429, {"message": "You are being rate limited.", "retry_after": told, "global": False}, {})]
    there = fill(discord.Options, {"webhook": Secret(f"{http.url}/api{version}/webhooks/77/canary-hook")})
    assert discord.send(there, NEWS, soon()).retry_after_s == pytest.approx(wait_s)


def test_a_web_page_is_no_word_of_a_webhook_that_anything_was_kept(http):
    """The address of the channel in place of that of its webhook, or a hotel's sign-in before the internet."""
    http.answers = [(200, "<html>Sign in</html>", {"Content-Type": "TEXT/HTML"})]
    assert discord.send(hook(http), NEWS, soon()).why == "200 and a web page: is it the address of a webhook?"


# -- sms --------------------------------------------------------------------------------------------------------------


def twilio(http, **more):
    made = {"account": "AC77", "token": Secret("canary-auth"), "sender": "+15550001111", "to": ("+15550002222",)}
    return fill(sms.Options, made | {"api_url": http.url} | more)


QUEUED = (201, {"sid": "SM1", "status": "queued"}, {})


def test_sms_goes_to_every_number(http):
    http.answers = [QUEUED]
    options = twilio(http, to=("+15550002222", "+15550003333"))
    assert sms.send(options, NEWS, soon()).ok
    assert sorted(asked.form["To"] for asked in http.asked) == ["+15550002222", "+15550003333"]
    assert http.asked[0].path == "/2010-04-01/Accounts/AC77/Messages.json"
    assert (http.asked[0].form["From"], http.asked[0].form["Body"]) == ("+15550001111", NEWS.text)


def test_a_messaging_service_stands_in_its_own_field(http):
    http.answers = [QUEUED]
    sms.send(twilio(http, sender="MG01"), NEWS, soon())
    assert http.asked[0].form["MessagingServiceSid"] == "MG01"


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        ((400, {"code": 21211, "message": "The 'To' number is not a valid phone number.", "status": 400}, {}), True),
        ((401, {"code": 20003, "message": "Authenticate", "status": 401}, {}), True),
        ((429, {"code": 20429, "message": "Too Many Requests", "status": 429}, {}), False),
        ((503, "<html>", {}), False),
        (CUT, False),
    ],
)
def test_sms_errors_say_what_to_do(http, answer, permanent):
    http.answers = [answer]
    sent = sms.send(twilio(http), NEWS, soon())
    assert (sent.ok, sent.permanent) == (False, permanent)
    assert sent.why
    assert "canary" not in sent.why


def test_one_wrong_number_is_told_and_the_others_are_not_sent_to_twice(http):
    wrong = (400, {"code": 21211, "message": "not valid", "status": 400}, {})
    http.routes["Messages.json"] = lambda asked: wrong if asked.form["To"].endswith("2222") else QUEUED
    sent = sms.send(twilio(http, to=("+15550002222", "+15550003333")), NEWS, soon())
    assert sent.ok
    assert "+15..222" in sent.why


def test_on_a_slow_line_every_number_is_written_to_once_and_who_was_told_counts(http):
    """One after the other took longer than a delivery: all counted as untold and were written to again each minute."""

    def slow(asked):
        http.over.wait(20 if asked.form["To"].endswith("4444") else 0.5)
        return QUEUED

    http.routes["Messages.json"] = slow
    options = twilio(http, to=("+15550004444", "+15550002222", "+15550003333"))
    sent = post([Call("sms", sms, options, NEWS)], time.monotonic() + 2)["sms"]
    assert (sent.ok, sent.permanent, sent.why) == (True, False, "+15..444: no answer in time")
    assert sorted(asked.form["To"][-4:] for asked in http.asked) == ["2222", "3333", "4444"]


def test_a_number_without_its_country_is_found_before_it_is_needed(http):
    assert sms.check(twilio(http, to=("555-1234",)))
    assert sms.check(twilio(http)) == ()


# -- e-mail -----------------------------------------------------------------------------------------------------------


def mailbox(smtp, **more):
    made = {"server": "127.0.0.1", "port": smtp.port, "security": "none", "username": "mine@example.com"}
    return fill(email.Options, made | {"password": Secret("canary-mail"), "to": ("a@example.com",)} | more)


def test_a_mail_has_both_forms_a_stable_id_and_says_that_a_machine_wrote_it(smtp):
    options = mailbox(smtp, to=("a@example.com", "b@example.com"))
    assert email.send(options, NEWS, soon()) == (True, False, None, "")
    assert email.send(options, NEWS, soon()).ok
    first, second = smtp.mails
    assert smtp.logins[0].endswith("canary-mail")
    assert first["Subject"] == NEWS.subject
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_body(("plain",)).get_content().strip() == NEWS.text
    assert first.get_body(("html",)).get_content().strip() == NEWS.html
    assert smtp.rcpt[:2] == ["a@example.com", "b@example.com"]


def test_a_mail_is_plain_letters_on_the_way_as_not_every_server_takes_others(smtp):
    warm = NEWS._replace(subject="Grube: 41 °C", text="inlet 41 °C is over 40 °C", html="<p>41 °C</p>")
    options = mailbox(smtp)
    assert email.mail(options, warm).as_bytes().isascii()
    assert email.mail(options, warm._replace(html="")).as_bytes().isascii()
    assert email.send(options, warm, soon()).ok
    assert smtp.mails[0]["Subject"] == warm.subject
    assert smtp.mails[0].get_body(("plain",)).get_content().strip() == warm.text


def test_no_word_of_a_device_can_add_a_header(smtp):
    email.send(mailbox(smtp), NEWS._replace(subject="fan\r\nBcc: evil@example.com"), soon())
    assert smtp.mails[0]["Bcc"] is None
    assert smtp.rcpt == ["a@example.com"]


@pytest.mark.parametrize(
    ("codes", "permanent"),
    [
        ({"AUTH": "535 5.7.8 bad login"}, True),
        ({"AUTH": "454 4.7.0 later"}, False),
        ({"RCPT": "550 no such user"}, True),
        ({"RCPT": "451 greylisted"}, False),
        ({"DATA": "554 spam"}, True),
        ({"MAIL": "421 too busy"}, False),
        ({"greet": "554 go away"}, True),
        ({"EHLO": "500 what", "HELO": "421 bye"}, False),
    ],
)
def test_the_codes_of_a_mail_server_say_what_to_do(smtp, codes, permanent):
    smtp.codes = codes
    sent = email.send(mailbox(smtp), NEWS, soon())
    assert (sent.ok, sent.permanent) == (False, permanent)
    assert sent.why
    assert "canary" not in sent.why


@pytest.mark.parametrize("account", [{"username": "höhle@example.com"}, {"password": Secret("canary-straße")}])
def test_letters_that_no_sign_in_takes_are_told_with_what_helps(smtp, account):
    sent = email.send(mailbox(smtp, **account), NEWS, soon())
    assert (sent.ok, sent.permanent) == (False, True)
    assert sent.why == "username or password has letters beyond ASCII, which no sign-in takes: make an app password"
    assert smtp.logins == []


@pytest.mark.parametrize(
    ("server", "port", "wrong"),
    [
        ("smtp.example.com:465", 587, True),
        ("[::1]:465", 587, True),
        ("smtp.example.com:587", 587, False),
        ("smtp.example.com", 465, False),
        ("[::1]", 25, False),
    ],
)
def test_a_port_behind_the_mail_server_that_nobody_looks_at_is_told(smtp, server, port, wrong):
    told = email.check(mailbox(smtp, server=server, port=port, security="auto"))
    assert bool(told) is wrong
    assert not wrong or "write port = 465 if that is meant" in told[0]


@pytest.mark.parametrize(
    ("to", "wrong"),
    [
        ("a@example.com; b@example.com", True),
        ("a@example.com b@example.com", True),
        ("example.com", True),
        ("a@b@c", True),
        ("a@example.com", False),
        ("The owner <a@example.com>", False),
    ],
)
def test_two_addresses_that_no_comma_parts_are_none(smtp, to, wrong):
    told = email.check(mailbox(smtp, to=(to,)))
    assert told == ((f"to: {to} is not an address like owner@example.com",) if wrong else ())


@pytest.mark.parametrize("answer", ["421 4.4.2 too late", "250 ok", "554 never heard of it", HANG])
def test_a_mail_that_was_taken_is_not_sent_again_for_what_is_said_to_the_goodbye(smtp, answer):
    smtp.codes = {"QUIT": answer}
    began = time.monotonic()
    assert email.send(mailbox(smtp), NEWS, soon()).ok
    assert time.monotonic() - began < 3, "in time for the delivery to know it"
    assert len(smtp.mails) == 1


@pytest.mark.parametrize(
    ("sender", "wrong"),
    [
        ("mine@", True),
        ("mine@example.com, other@example.com", True),
        ("Mine <mine@example.com", True),
        ("", False),
        ("The mine <mine@example.com>", False),
    ],
)
def test_a_sender_no_mail_can_come_from_is_found_before_it_is_needed(smtp, sender, wrong):
    told = email.check(mailbox(smtp, sender=sender))
    assert told == ((f"sender: {sender} is not an address like mine@example.com",) if wrong else ())


def test_one_refused_recipient_is_told_and_the_other_has_the_mail(smtp):
    smtp.codes = {"RCPT b@example.com": "550 no such user"}
    sent = email.send(mailbox(smtp, to=("a@example.com", "b@example.com")), NEWS, soon())
    assert sent.ok
    assert "b@example.com" in sent.why


def test_a_password_never_goes_in_the_clear_when_starttls_is_wanted(smtp):
    sent = email.send(mailbox(smtp, security="auto"), NEWS, soon())
    assert not sent.ok
    assert smtp.logins == []


def test_a_password_in_the_clear_to_another_machine_is_refused_by_the_config(smtp):
    assert any("in the clear" in text for text in email.check(mailbox(smtp, server="mail.example.com")))
    assert email.check(mailbox(smtp)) == ()
    assert any(text.startswith("sender:") for text in email.check(mailbox(smtp, username="")))


# -- dead-man ---------------------------------------------------------------------------------------------------------


def check(http):
    return fill(deadman.Options, {"url": Secret(f"{http.url}/5d1e-canary")})


@pytest.mark.parametrize(
    ("word", "path"),
    [("success", ""), ("fail", "/fail"), ("start", "/start"), ("log", "/log")],
)
def test_the_dead_man_is_pinged_with_the_reason(http, word, path):
    http.answers = [(200, "OK", {})]
    assert deadman.ping(check(http), word, "inlet unknown", soon()).ok
    assert [(asked.path, asked.body) for asked in http.asked] == [(f"/5d1e-canary{path}", b"inlet unknown")]


def test_a_question_mark_of_the_address_stays_behind_the_word(http):
    options = fill(deadman.Options, {"url": Secret(f"{http.url}/key/mine?create=1")})
    deadman.ping(options, "fail", "", soon())
    assert http.asked[0].path == "/key/mine/fail?create=1"


@pytest.mark.parametrize(
    ("answer", "calls"), [((404, "not found", {}), 1), ((200, "not found", {}), 1), ((500, "", {}), 2), (CUT, 2)]
)
def test_a_ping_is_tried_twice_unless_the_check_is_gone(http, answer, calls):
    http.answers = [answer]
    sent = deadman.ping(check(http), "success", "", soon())
    assert not sent.ok
    assert len(http.asked) == calls
    assert "canary" not in sent.why


# -- all of them ------------------------------------------------------------------------------------------------------


def test_a_service_that_hangs_after_its_headers_ends_with_the_delivery(http, smtp):
    http.answers = [HANG]
    smtp.codes = {"MAIL": HANG}
    until = quick()
    rows = [("telegram", telegram, bot(http)), ("discord", discord, hook(http)), ("sms", sms, twilio(http))]
    rows += [("email", email, mailbox(smtp)), ("deadman", deadman, check(http))]
    calls = [Call(title, channel, options, NEWS) for title, channel, options in rows]
    sent = post(calls, until)
    assert time.monotonic() < until + 2
    others = ("telegram", "sms", "email", "deadman")
    assert [(sent[title].ok, sent[title].permanent) for title in others] == [(False, False)] * 4
    assert sent["discord"].ok, "its 200 says that the message is kept; the body is not needed"


def test_whatever_a_channel_raises_is_an_answer_without_its_secrets(http):
    class Broken:
        TEXT, HTML, MOST = "sms.txt", "", 100

        @staticmethod
        def send(options, message, until):
            raise RuntimeError(f"no route to {options.webhook.reveal()} or /api/webhooks/77/canary-hook?wait=true")

    sent = post([Call("discord", Broken, hook(http), NEWS)], soon())["discord"]
    assert not sent.ok
    assert "RuntimeError" in sent.why
    assert "canary" not in sent.why
