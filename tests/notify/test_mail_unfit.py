"""A mail server that is spoken to in a way it does not take is told as that, with what helps."""

import socket
import ssl

import pytest
from notify.test_channels import NEWS, mailbox, quick, soon

from mine_controller.core.option import Secret, fill
from mine_controller.notify import email
from mine_controller.wire import names


@pytest.mark.parametrize(
    ("ehlo", "more", "says"),
    [
        ("", {"security": "tls"}, "no TLS from the start at port {port}: set security = starttls, or port = 465"),
        ("", {"security": "starttls"}, "no STARTTLS at port {port}: take port = 587, or 465 with security = tls"),
        ("250 peer", {}, email.NO_SIGN_IN),
        ("250-peer\r\n250 AUTH XOAUTH2", {}, email.NO_SIGN_IN),
        ("250-peer\r\n250 AUTH PLAIN", {"to": ("a@grübe.example",)}, email.BEYOND_SERVER),
    ],
)
def test_a_mail_server_that_is_spoken_to_wrongly_is_told_with_what_helps(smtp, ehlo, more, says):
    smtp.codes = {"EHLO": ehlo}
    sent = email.send(mailbox(smtp, **more), NEWS, soon())
    assert (sent.ok, sent.why) == (False, says.format(port=smtp.port))
    assert sent.permanent is ("to" in more)
    assert smtp.mails == []


def test_a_port_that_waits_for_tls_from_the_start_is_told_as_that():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        told = {"server": "127.0.0.1", "port": port, "security": "starttls", "username": "mine@example.com"}
        options = fill(email.Options, told | {"password": Secret("canary-mail"), "to": ("a@example.com",)})
        sent = email.send(options, NEWS, quick())
    assert sent == (False, False, None, f"no greeting at port {port}: one that begins with TLS needs security = tls")


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_that_is_not_trusted_is_told_with_the_reason(smtp, monkeypatch, security):
    def distrusted(_context, line, **_more):
        line.close()
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_message = "self-signed certificate"
        raise error

    smtp.codes = {"EHLO": "250-peer\r\n250 STARTTLS", "STARTTLS": "220 go on"}
    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", distrusted)
    sent = email.send(mailbox(smtp, security=security), NEWS, soon())
    assert sent.why == "the server's certificate is not trusted: self-signed certificate"


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(("server", "host"), [("[::1]", "::1"), ("[2001:db8::25]:587", "2001:db8::25")])
def test_a_mail_server_by_its_ipv6_address_is_asked_at_that(smtp, monkeypatch, server, host, security):
    """The config took it, and every mail went to a machine called "[", which there is none of."""
    asked = []

    def connect(name, port, _timeout_s):
        asked.append((name, port))
        raise OSError("no way there")

    monkeypatch.setattr(names, "reached", connect)
    options = mailbox(smtp, server=server, port=587, security=security)
    assert email.check(options) == ()
    assert not email.send(options, NEWS, soon()).ok
    assert asked == [(host, 587)]


@pytest.mark.parametrize(
    ("sender", "fits"),
    [
        ("Mine <mine@example.com>", True),
        ('"Mine, North" <mine@example.com>', True),
        ("Mine, North <mine@example.com>", False),
        ("mine@example.com,north", False),
    ],
)
def test_a_sender_that_a_mail_would_not_leave_from_is_told(smtp, sender, fits):
    """With a comma in it the library took "Mine" for the address, and every server refused the mail."""
    options = mailbox(smtp, sender=sender)
    assert (email.check(options) == ()) is fits
    if fits:
        assert email.send(options, NEWS, soon()).ok
        assert smtp.mails[0]["From"].addresses[0].addr_spec == "mine@example.com"
