"""Which hosts TLS judges, out of sections as an owner writes them."""

import pytest

from mine_controller.core.option import Secret, fill
from mine_controller.notify import deadman, discord, email, heartbeat, sms, telegram
from mine_controller.notify.judged import hosts

BOT = {"token": Secret("4711:canary"), "chat_id": "-100"}
MAIL = {"server": "SMTP.example.com", "to": ("owner@example.com",), "sender": "mine@example.com"}
TEXTS = {"account": "AC1", "token": Secret("canary"), "sender": "+15550001111", "to": ("+15550002222",)}


@pytest.mark.parametrize(
    ("kind", "given", "host"),
    [
        (telegram, BOT, "api.telegram.org"),
        (telegram, BOT | {"api_url": "http://bots.example.com"}, None),
        (sms, TEXTS, "api.twilio.com"),
        (discord, {"webhook": Secret("https://discord.com/api/webhooks/7/canary")}, "discord.com"),
        (deadman, {"url": Secret("https://hc-ping.com/canary")}, "hc-ping.com"),
        (deadman, {"url": Secret("http://hc-ping.com/canary")}, None),
        (deadman, {"url": Secret("https://[canary")}, None),
        (deadman, {"url": Secret("https://192.0.2.7/canary")}, None),
        (deadman, {"url": Secret("https://[2001:db8::a]/canary")}, None),
        (email, MAIL, "smtp.example.com"),
        (email, MAIL | {"security": "none"}, None),
        (email, MAIL | {"server": "192.0.2.25"}, None),
    ],
)
def test_a_host_behind_tls_is_known_by_its_name(kind, given, host):
    assert hosts({"it": fill(kind.Options, given)}) == ({host} if host else set())


def test_what_tells_nobody_names_nobody():
    assert hosts({"heartbeat": fill(heartbeat.Options, {})}) == set()
    assert hosts({}) == set()
