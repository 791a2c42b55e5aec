import gzip
import hashlib
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest
from devices.faults import Fault
from urllib3 import HTTPResponse
from wire.serve import ok, serving

from mine_controller.wire import http, session
from mine_controller.wire.blame import blame
from mine_controller.wire.door import Request, WireError

HERE = Path(__file__).parent
SOON_S = 5.0  # far beyond what any of these needs


def ask(url, until_s=SOON_S, **about):
    until = time.monotonic() + until_s
    return http.live(until).call(Request("GET", url, **about), until)


def refused(url, until_s=SOON_S, **about):
    with pytest.raises(WireError) as error:
        ask(url, until_s, **about)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None
    return error.value


def test_an_answer_comes_back_with_lower_case_headers():
    with serving(lambda head: ok(b'{"a":1}', "ETag: x1\r\nX-Two: a\r\n")) as server:
        response = ask(server.url + "/state")
    assert (response.status, response.headers["etag"], response.body) == (200, "x1", b'{"a":1}')


def test_any_status_is_an_answer():
    with serving(lambda head: ok(b"no", status="503 Busy")) as server:
        assert ask(server.url)[0] == 503


def test_two_calls_of_one_wire_share_a_connection():
    until = time.monotonic() + SOON_S
    with serving(lambda head: ok()) as server:
        wire = http.live(until)
        for _ in range(3):
            wire.call(Request("GET", server.url), until)
        assert (server.dialled, len(server.heads)) == (1, 3)


def test_an_answer_behind_an_interim_one_is_not_taken_for_that_of_the_next_question():
    """What a unit said to the first question came out as its answer to the second, which may be a command."""
    until = time.monotonic() + SOON_S
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

    with serving(lambda head: hints if b"/first" in head else ok(b"of the second")) as server:
        wire = http.live(until)
        with pytest.raises(WireError) as error:
            wire.call(Request("GET", f"{server.url}/first"), until)
        assert (error.value.kind, error.value.sent) == ("bad_http", True)
        assert wire.call(Request("GET", f"{server.url}/second"), until).body == b"of the second"
        assert server.dialled == 2


def test_a_body_and_basic_credentials_are_sent_as_they_are():
    until = time.monotonic() + SOON_S
    with serving(lambda head: ok()) as server:
        wanted = Request("POST", server.url, {"content-type": "application/json"}, b'{"on":1}', ("basic", "ü", "p:w"))
        http.live(until).call(wanted, until)
    assert b'{"on":1}' in server.heads[0]
    assert b"Authorization: Basic w7w6cDp3" in server.heads[0]


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving(lambda head: ok()) as server:
        assert ask(server.url)[0] == 200


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_a_packed_answer_is_unpacked(pack):
    name = "gzip" if pack is gzip.compress else "deflate"
    with serving(lambda head: ok(pack(b"hello" * 1000), f"Content-Encoding: {name}\r\n")) as server:
        assert ask(server.url).body == b"hello" * 1000


def test_a_packed_answer_that_is_cut_is_no_answer():
    with serving(lambda head: ok(gzip.compress(b"hello" * 1000)[:-9], "Content-Encoding: gzip\r\n")) as server:
        assert refused(server.url).kind == "closed"


def test_an_encoding_nobody_asked_for_is_no_answer():
    with serving(lambda head: ok(b"x", "Content-Encoding: br\r\n")) as server:
        assert refused(server.url).kind == "bad_http"


def test_garbage_called_gzip_is_no_answer():
    with serving(lambda head: ok(b"not packed at all", "Content-Encoding: gzip\r\n")) as server:
        assert refused(server.url).kind == "bad_http"


def test_a_chunked_answer_is_read():
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with serving(lambda head: said) as server:
        assert ask(server.url).body == b"abcde"


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b'{"a":1}') + b"x" * 600_000, zlib.compress(b"")[:2] + b"\0\0\0\xff\xff" * 120_000],
    ids=["behind its end", "nothing in it"],
)
def test_a_packed_answer_without_an_end_is_too_large_however_little_it_holds(packed):
    with serving(lambda head: ok(packed, "Content-Encoding: gzip\r\n")) as server:
        assert refused(server.url).kind == "too_large"


def test_an_answer_of_exactly_the_cap_is_taken_and_one_byte_more_is_not():
    with serving(lambda head: ok(b"x" * 1000)) as server:
        assert len(ask(server.url, cap=1000).body) == 1000
        assert refused(server.url, cap=999).kind == "too_large"


@pytest.fixture
def broken(request):
    fault = Fault(request.param)
    yield fault
    fault.close()


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ("refusing", "refused"),
        ("silent", "timeout"),
        ("cut", "closed"),
        ("nothing", "closed"),
        ("reset", "closed"),
        ("headless", "bad_http"),
        ("huge", "too_large"),
        ("bomb", "too_large"),
        ("drip", "timeout"),
        ("away", "redirect"),
        ("circle", "redirect"),
    ],
    indirect=["broken"],
)
def test_each_fault_has_its_name_and_ends_in_time(broken, kind):
    began = time.monotonic()
    error = refused(broken.url + "/a?key=canary-4711", 0.3)
    assert error.kind == kind
    assert time.monotonic() - began < 2
    assert "canary" not in str(error)
    assert "127.0.0.1" not in str(error)


@pytest.mark.parametrize("broken", ["huge", "bomb"], indirect=True)
def test_an_endless_answer_costs_no_more_than_its_cap(broken):
    refused(broken.url)
    tracemalloc.start()
    refused(broken.url)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_stalled_body_ends_at_the_deadline():
    stop = threading.Event()

    def stall(head):
        return b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" if not stop.is_set() else None

    with serving(stall) as server:
        began = time.monotonic()
        assert refused(server.url, 0.2).kind == "timeout"
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://mine.invalid/", "dns"),
        ("http://", "unreachable"),
        ("nonsense", "unreachable"),
        ("http://[::1", "unreachable"),
        ("http://127.0.0.1:99999/", "unreachable"),
        (f"http://{'a' * 70}.example/", "dns"),
    ],
)
@pytest.mark.parametrize("tolerant", [False, True])
def test_an_address_that_leads_nowhere_sends_nothing(url, kind, tolerant, monkeypatch):
    def nameless(host, *rest, **more):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", nameless)
    error = refused(url, tolerant=tolerant)
    assert not error.sent
    assert error.kind in (kind, "unreachable", "dns")


def test_no_time_left_is_no_request():
    with serving(lambda head: ok()) as server:
        assert not refused(server.url, -1).sent
        assert server.heads == []


def test_a_redirect_on_the_same_host_is_followed():
    def script(head):
        return ok(b"here") if b"GET /b" in head else ok(status="302 Found", head="Location: /b\r\n")

    with serving(script) as server:
        assert ask(server.url + "/a").body == b"here"


def test_credentials_never_follow_a_redirect_to_another_host():
    with serving(lambda head: ok()) as other:
        away = f"Location: http://localhost:{other.port}/\r\n"
        with serving(lambda head: ok(status="307 Away", head=away)) as server:
            assert refused(server.url, auth=("basic", "a", "b")).kind == "redirect"
        assert other.heads == []


@pytest.mark.parametrize(
    "login", [{"auth": ("basic", "a", "b")}, {"auth": ("digest", "a", "b")}, {"headers": {"authorization": "Token x"}}]
)
def test_credentials_never_follow_a_redirect_to_another_port_of_the_host(login):
    with serving(lambda head: ok()) as other:
        away = f"Location: {other.url}/\r\n"
        with serving(lambda head: ok(status="302 Found", head=away)) as server:
            error = refused(server.url, **login)
            assert (error.kind, error.why) == ("redirect", "redirected to another port")
        assert other.heads == []


@pytest.mark.parametrize("place", ["http://[", "//[::1", "http://127.0.0.1:abc/", "http://127.0.0.1:99999/"])
def test_a_redirect_to_what_is_no_address_is_a_redirect_like_any_other(place):
    with serving(lambda head: ok(status="302 Found", head=f"Location: {place}\r\n")) as server:
        assert refused(server.url).kind == "redirect"


def test_from_http_to_https_a_redirect_is_followed_at_their_usual_ports():
    def to(place, url="http://a.example/x"):
        return session._redirected(Request("GET", url), HTTPResponse(b"", {"location": place}, 301))

    assert to("https://a.example/x") == "https://a.example/x"
    assert to("https://a.example:443/x") == "https://a.example:443/x"
    for place, url in (
        ("https://a.example:8443/", "http://a.example/"),
        ("https://a.example/", "http://a.example:81/"),
    ):
        with pytest.raises(WireError, match="another port"):
            to(place, url)


def test_a_redirected_post_is_not_sent_again():
    until = time.monotonic() + SOON_S
    with serving(lambda head: ok(status="302 Found", head="Location: /b\r\n")) as server:
        with pytest.raises(WireError) as error:
            http.live(until).call(Request("POST", server.url + "/a", body=b"x"), until)
        assert (error.value.kind, len(server.heads)) == ("redirect", 1)


@pytest.mark.parametrize("place", ["/login.htm", "/a?relay1=0", "/a?relay1=1"])
def test_a_command_by_get_is_sent_once_whatever_page_it_is_led_to(place):
    with serving(lambda head: ok(status="302 Found", head=f"Location: {place}\r\n")) as server:
        assert refused(server.url + "/a?relay1=1", changes=True).why == "redirected where only an answer will do"
        assert len(server.heads) == 1


def test_a_command_follows_to_tls_where_it_is_the_same_one():
    def to(place):
        wanted = Request("GET", "http://a.example/x?relay1=1", changes=True)
        return session._redirected(wanted, HTTPResponse(b"", {"location": place}, 301))

    assert to("https://a.example/x?relay1=1") == "https://a.example/x?relay1=1"
    with pytest.raises(WireError, match="only an answer will do"):
        to("https://a.example/login")


CHALLENGE = 'WWW-Authenticate: Digest realm="IoTaWatt", qop="auth", nonce="abcdef", opaque="12"\r\n'


def test_a_digest_challenge_is_answered_once_and_remembered():
    def script(head):
        return ok(b"in") if b"Authorization: Digest" in head else ok(status="401 No", head=CHALLENGE)

    until = time.monotonic() + SOON_S
    with serving(script) as server:
        wire = http.live(until)
        for _ in range(2):
            assert (
                wire.call(Request("GET", server.url + "/s?x", auth=("digest", "admin", "secret")), until).body == b"in"
            )
    assert len(server.heads) == 3
    sent = server.heads[1].decode()
    ha1, ha2 = (hashlib.md5(text).hexdigest() for text in (b"admin:IoTaWatt:secret", b"GET:/s?x"))
    fields = dict(part.split("=", 1) for part in sent.partition("Digest ")[2].splitlines()[0].split(", "))
    told = {name: value.strip('"') for name, value in fields.items()}
    proof = f"{ha1}:{told['nonce']}:{told['nc']}:{told['cnonce']}:auth:{ha2}"
    assert told["response"] == hashlib.md5(proof.encode()).hexdigest()


@pytest.mark.parametrize("before", ['Basic realm="a, Digest b", ', "NTLM, ", 'WWW-Authenticate: Basic realm="x"\r\n'])
def test_a_digest_challenge_is_found_behind_another_kind(before):
    """Whoever offers both may name the other one first: the login was never answered, and every answer was 401."""
    head = before + CHALLENGE if before.startswith("WWW") else CHALLENGE.replace("Digest", before + "Digest")

    def script(asked):
        return ok(b"in") if b"Authorization: Digest" in asked else ok(status="401 No", head=head)

    with serving(script) as server:
        assert ask(server.url, auth=("digest", "admin", "secret"))[2] == b"in"
    sent = server.heads[1].decode()
    assert 'realm="IoTaWatt"' in sent
    assert 'nonce="abcdef"' in sent


def test_a_wrong_digest_password_is_an_answer_with_401():
    with serving(lambda head: ok(status="401 No", head=CHALLENGE)) as server:
        assert ask(server.url, auth=("digest", "admin", "wrong"))[0] == 401
    assert len(server.heads) == 2


@pytest.mark.parametrize("challenge", ['realm="x"', 'qop="auth-int", nonce="1", realm="x", algorithm="MD9"'])
def test_a_digest_challenge_that_makes_no_sense_is_bad_http(challenge):
    with serving(lambda head: ok(status="401 No", head=f"WWW-Authenticate: Digest {challenge}\r\n")) as server:
        assert refused(server.url, auth=("digest", "admin", "secret")).kind == "bad_http"


@pytest.fixture
def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "unit.pem")
    with serving(lambda head: ok(b"safe"), context) as server:
        yield server


def fingerprint():
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert((HERE / "unit.crt").read_text())).hexdigest()


def test_a_self_signed_certificate_is_not_trusted_by_itself(tls):
    assert refused(tls.url).kind == "tls"
    assert tls.heads == []


def test_a_pinned_certificate_is_trusted_however_the_pin_is_written(tls):
    pin = fingerprint()
    colons = ":".join(pin[i : i + 2] for i in range(0, 64, 2)).upper()
    assert ask(tls.url, pin=pin).body == ask(tls.url, pin=colons).body == b"safe"


def test_another_certificate_than_the_pinned_one_gets_no_request(tls):
    assert refused(tls.url, pin="0" * 64, auth=("basic", "a", "b")).kind == "tls"
    assert tls.heads == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", "no TLS in common: it may speak older ones only"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "no TLS in common: it may speak older ones only"),
        ("UNSUPPORTED_PROTOCOL", "no TLS in common: it may speak older ones only"),
        ("UNSAFE_LEGACY_RENEGOTIATION_DISABLED", "no TLS in common: it may speak older ones only"),
        ("DH_KEY_TOO_SMALL", "no TLS in common: it may speak older ones only"),
        ("WRONG_VERSION_NUMBER", "no TLS at this port"),
        ("RECORD_LAYER_FAILURE", "no TLS at this port"),  # the same since OpenSSL 3.2
        ("UNEXPECTED_MESSAGE", "TLS failed"),
    ],
)
def test_why_tls_failed_is_told_apart(said, why):
    """It was one sentence with that of a changed certificate, and sent an owner after a forger."""
    error = ssl.SSLError(1, f"[SSL: {said}] x")
    error.reason = said
    assert (blame(error, 1.0).kind, blame(error, 1.0).why) == ("tls", why)


def _plain(server):
    line, _ = server.accept()
    with line:
        line.recv(4096)
        line.sendall(b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")


def test_old_tls_a_port_without_it_and_another_certificate_are_told_apart_for_real(tls):
    with socket.create_server(("127.0.0.1", 0)) as plain:
        threading.Thread(target=_plain, args=(plain,), daemon=True).start()
        port = plain.getsockname()[1]
        assert refused(f"https://127.0.0.1:{port}/", pin="0" * 64).why == "no TLS at this port"
    assert refused(tls.url, pin="0" * 64).why == "its certificate is another one than the pin says"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "unit.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")  # none that is left over since; TLS 1.0 itself may be missing on this machine
    with serving(lambda head: ok(b"old"), context) as old:
        assert refused(old.url, pin=fingerprint()).why == "no TLS in common: it may speak older ones only"


def test_a_pin_that_is_no_sha256_is_told(tls):
    assert "sha256" in str(refused(tls.url, pin="abc"))


def test_a_ca_file_is_trusted_and_a_missing_one_is_told(tls):
    assert ask(tls.url, ca_file=str(HERE / "unit.crt")).body == b"safe"
    assert "CA file" in str(refused(tls.url, ca_file=str(HERE / "missing.crt")))


def test_the_process_has_one_tls_context_for_each_way_to_trust(tls):
    session._context.cache_clear()
    for _ in range(3):
        ask(tls.url, pin=fingerprint())
    assert session._context.cache_info().misses == 1


def test_sleep_ends_with_the_wire():
    began = time.monotonic()
    http.live(began + 0.05).sleep(60)
    assert time.monotonic() - began < 5
