"""What the mail library does by itself, and must not do here."""

import socket
import ssl
import threading
from socket import AF_INET, AF_INET6, SOCK_STREAM

import pytest
from notify.test_channels import NEWS, mailbox, quick, soon

from mine_controller.notify import email
from mine_controller.wire import names


@pytest.fixture
def over():
    """Set at the end, for whoever hangs."""
    event = threading.Event()
    yield event
    event.set()


def test_o14_a_mail_goes_out_while_this_machines_own_name_can_not_be_looked_up(smtp, monkeypatch, over):
    """The library looks it up for its greeting, without any end: with a dead name server no mail was ever told."""

    def hangs(*_name):
        over.wait(3)
        return "too.late.example"

    for look in ("getfqdn", "gethostbyaddr", "gethostbyname"):
        monkeypatch.setattr(socket, look, hangs)
    monkeypatch.setattr(email, "NAME_S", 0.05, raising=False)
    assert email.send(mailbox(smtp), NEWS, soon()).ok
    assert smtp.greeted == ["[127.0.0.1]"]


def test_a_mail_server_is_greeted_by_the_full_name_where_there_is_one(smtp, monkeypatch):
    monkeypatch.setattr(socket, "getfqdn", lambda *_: "controller.mine.example")
    assert email.send(mailbox(smtp), NEWS, soon()).ok
    assert smtp.greeted == ["controller.mine.example"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_made_at_home_is_judged_alike_by_every_python(smtp, monkeypatch, security):
    """From 3.13 on Python asks for extensions that a house's own authority never wrote: a new system, and no mail."""
    real, flags = ssl.create_default_context, []

    def later(*about, **more):
        context = real(*about, **more)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def wrap(context, line, **_more):
        flags.append(context.verify_flags)
        line.close()
        raise OSError("enough is seen")

    smtp.codes = {"EHLO": "250-peer\r\n250 STARTTLS", "STARTTLS": "220 go on"}
    monkeypatch.setattr(ssl, "create_default_context", later)
    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    email.send(mailbox(smtp, security=security), NEWS, quick())
    assert [one & ssl.VERIFY_X509_STRICT for one in flags] == [0]


def test_a_mail_goes_out_where_the_servers_first_addresses_lead_nowhere(smtp, monkeypatch):
    """The first one was waited for as long as there was time: over a line whose IPv6 was dead no mail ever left."""
    asked = []

    def tried(where, timeout_s, *_more):
        asked.append((where[0], timeout_s))
        if where[0] != "127.0.0.1":
            raise TimeoutError
        line = socket.socket()
        line.connect(where)
        return line

    places = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "127.0.0.1"]
    rows = [(AF_INET6 if ":" in one else AF_INET, SOCK_STREAM, 6, "", (one, smtp.port)) for one in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    monkeypatch.setattr(socket, "create_connection", tried)
    monkeypatch.setattr(names, "create_connection", tried)
    sent = email.send(mailbox(smtp, server="mail.example"), NEWS, soon())
    assert (sent.ok, len(smtp.mails)) == (True, 1)
    assert [place for place, _ in asked] == ["2001:db8::1", "127.0.0.1"]
    assert asked[0][1] <= names.CONNECT_S
