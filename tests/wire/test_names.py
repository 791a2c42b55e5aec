"""DNS1: a service is reached by its name, and at the address where it answered last while no name can be looked up."""

import asyncio
import ipaddress
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from wire.serve import ok, serving

from mine_controller.wire import http
from mine_controller.wire import names as room
from mine_controller.wire.door import Request, WireError
from mine_controller.wire.names import Known, Names

HERE = Path(__file__).parent
NAMED = str(HERE / "named.pem")  # of coop.test, and of no address
HOUR = 3600
ASK = socket.getaddrinfo


class Resolver:
    """coop.test is this machine: `says` it, or "fails", or "hangs"."""

    def __init__(self):
        self.mood, self.asked, self.over = "says", 0, threading.Event()

    def __call__(self, host, *rest, **more):
        if host != "coop.test":
            return ASK("127.0.0.1" if host == "evil.test" else host, *rest, **more)
        self.asked += 1
        if self.mood == "hangs":
            self.over.wait(20)
        if self.mood != "says":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return ASK("127.0.0.1", *rest, **more)


@pytest.fixture
def resolver(monkeypatch):
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made)
    monkeypatch.setattr(ipaddress.IPv4Address, "is_global", True)  # the test's outside is this machine
    yield made
    made.over.set()


class Place:
    """Ticks of one machine: each has a process's own Names, and the file is what stays."""

    def __init__(self, path):
        self.path, self.now = path / "run" / "names.json", 1_789_000_000.0
        self.names = None

    def tick(self, url, until_s=5.0, **about):
        """(status or the kind of the error, lines for the log)."""
        self.names = Names(self.path, lambda: self.now)
        until = time.monotonic() + until_s
        try:
            came = http.live(until, names=lambda: self.names).call(Request("GET", url)._replace(**about), until).status
        except WireError as error:
            came = error.kind
        return came, self.names.keep()

    @property
    def held(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def coop():
    with serving(lambda head: ok()) as server:
        server.name = f"http://coop.test:{server.port}/signal"
        yield server


@pytest.fixture
def safe():
    """The same behind TLS, with what each client called it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(NAMED)
    asked = []
    context.sni_callback = lambda _sock, name, _context: asked.append(name)
    with serving(lambda head: ok(), context) as server:
        server.name, server.asked = f"https://coop.test:{server.port}/signal", asked
        yield server


@pytest.mark.parametrize("mood", ["fails", "hangs"])
def test_dns1_a_service_is_asked_where_it_answered_last_while_its_name_leads_nowhere(resolver, place, coop, mood):
    assert place.tick(coop.name) == (200, ())
    resolver.mood = mood
    place.now += 3 * HOUR
    began = time.monotonic()
    came, (line,) = place.tick(coop.name, 1.5)
    assert came == 200
    assert time.monotonic() - began < 1.2  # a third of the time at most
    assert line.startswith("coop.test: its name can't be looked up (")
    assert line.endswith("asked at 127.0.0.1, where it answered 3.0 h ago")
    assert [b"Host: coop.test" in head for head in coop.heads] == [True, True]


def test_dns1_the_log_says_it_once_until_the_name_leads_there_again(resolver, place, coop):
    said = []
    for mood in ("says", "fails", "fails", "fails", "says", "fails"):
        resolver.mood = mood
        came, lines = place.tick(coop.name)
        assert came == 200
        said.append(len(lines))
    assert said == [0, 1, 0, 0, 0, 1]


def test_dns1_tls_is_judged_by_the_name_and_not_by_the_address(resolver, place, safe):
    assert place.tick(safe.name, ca_file=NAMED)[0] == 200
    resolver.mood = "fails"
    assert place.tick(safe.name, ca_file=NAMED)[0] == 200
    assert safe.asked == ["coop.test"] * 2
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "unit.pem")  # good for 127.0.0.1, where the name was last, and not for the name
    with serving(lambda head: ok(), context) as other:
        assert place.tick(f"https://coop.test:{other.port}/", ca_file=str(HERE / "unit.crt"))[0] == "tls"
        assert other.heads == []


def test_what_failed_tls_is_not_remembered(resolver, place, safe):
    assert place.tick(safe.name)[0] == "tls"
    assert place.held == {}


def test_dns1_without_tls_nothing_is_told_to_an_address_that_is_only_remembered(resolver, place, coop, safe):
    place.tick(coop.name)
    place.tick(safe.name, ca_file=NAMED)
    resolver.mood = "fails"
    assert place.tick(coop.name, method="POST", body=b"on")[0] == "dns"
    assert place.tick(safe.name, method="POST", body=b"on", ca_file=NAMED)[0] == 200
    assert len(coop.heads) == 1


def test_dns1_an_address_counts_24_hours_from_when_it_was_confirmed(resolver, place, coop, safe):
    place.tick(coop.name)
    resolver.mood = "fails"
    place.now += 23 * HOUR
    assert place.tick(coop.name)[0] == 200
    place.now += 2 * HOUR
    assert place.tick(coop.name)[0] == "dns"  # without TLS only the name itself confirms
    resolver.mood = "says"
    place.tick(safe.name, ca_file=NAMED)
    resolver.mood = "fails"
    for _ in range(3):
        place.now += 23 * HOUR
        assert place.tick(safe.name, ca_file=NAMED)[0] == 200  # a certificate does, too
    place.now -= 48 * HOUR
    assert place.tick(coop.name)[0] == "dns"  # of a time to come: the clock was wrong then, or is now


def test_a_name_that_leads_somewhere_else_is_followed_there_at_once(resolver, place, coop):
    place.path.parent.mkdir()
    place.path.write_text(json.dumps({"coop.test": Known("203.0.113.7", int(place.now))}))
    assert place.tick(coop.name) == (200, ())
    assert place.held["coop.test"][0] == "127.0.0.1"


def test_addresses_in_the_plant_are_not_remembered(resolver, place, coop, monkeypatch):
    monkeypatch.setattr(ipaddress.IPv4Address, "is_global", False)
    assert place.tick(coop.name)[0] == 200
    assert place.held == {}


def test_who_has_an_address_is_not_looked_up_and_costs_no_import(coop):
    until = time.monotonic() + 5
    wire = http.live(until, names=lambda: pytest.fail("asked by name"))
    for host in ("127.0.0.1", "[::ffff:127.0.0.1]", "user@127.0.0.1"):
        assert wire.call(Request("GET", f"http://{host}:{coop.port}/"), until).status == 200
    loaded = "import sys, mine_controller.wire.session; sys.exit('mine_controller.wire.names' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_a_resolver_that_hangs_is_left_in_time_when_nothing_is_known(resolver, place, coop):
    resolver.mood = "hangs"
    began = time.monotonic()
    assert place.tick(coop.name, 0.4)[0] == "dns"
    assert time.monotonic() - began < 2
    assert coop.heads == []


def test_a_name_of_several_addresses_is_tried_at_each(resolver, place, coop, monkeypatch):
    monkeypatch.setattr(room, "look_up", lambda *_: ["127.0.0.9", "127.0.0.1"])
    assert place.tick(coop.name)[0] == 200
    assert place.held["coop.test"][0] == "127.0.0.1"


def test_a_host_that_refuses_or_is_silent_is_called_what_it_would_be_without_a_name(resolver, place):
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    assert place.tick(f"http://coop.test:{port}/")[0] == "refused"
    assert place.held == {}


def test_a_connection_that_takes_too_long_has_sent_nothing(resolver, place, monkeypatch):
    def slow(address, timeout, *rest):
        raise TimeoutError

    monkeypatch.setattr(room, "create_connection", slow)
    assert place.tick("http://coop.test/")[0] == "unreachable"


def test_the_newest_64_are_kept_and_what_is_fresh_is_not_written_again(resolver, place, coop):
    place.path.parent.mkdir()
    many = {f"h{n}.test": Known("203.0.113.7", int(place.now) - n) for n in range(90)}
    place.path.write_text(json.dumps(many))
    place.tick(coop.name)
    assert len(place.held) == 64
    assert "coop.test" in place.held
    assert "h89.test" not in place.held
    written = place.path.stat().st_mtime_ns
    place.now += HOUR / 2
    place.tick(coop.name)
    assert place.path.stat().st_mtime_ns == written
    place.now += HOUR
    place.tick(coop.name)
    assert place.held["coop.test"][1] == int(place.now)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "nonsense", '{"coop.test": 7}', '{"coop.test": ["evil.test", 1789000000, false]}', "[" * 9999),
        '{"coop.test": ["192.0.2.7", 1e999, false]}',
    ],
)
def test_a_file_that_makes_no_sense_is_no_memory(resolver, place, coop, text):
    place.path.parent.mkdir()
    place.path.write_text(text)
    resolver.mood = "fails"
    assert place.tick(coop.name)[0] == "dns"
    resolver.mood = "says"
    assert place.tick(coop.name)[0] == 200
    assert place.held["coop.test"][0] == "127.0.0.1"


def test_a_file_that_cannot_be_written_costs_the_memory_and_is_said(resolver, place, coop):
    place.path.parent.write_text("a file")
    came, (line,) = place.tick(coop.name)
    assert came == 200
    assert "can't be written" in line


async def _by_asyncio(port):
    return await asyncio.get_running_loop().getaddrinfo("coop.test", port, type=socket.SOCK_STREAM)


LIBRARIES = {
    "smtplib": lambda port: socket.create_connection(("coop.test", port), 2).close(),
    "requests": lambda port: requests.get(f"http://coop.test:{port}/", timeout=2).raise_for_status(),
    "httpx": lambda port: asyncio.run(_by_asyncio(port)),
}


@pytest.mark.parametrize("mood", ["fails", "hangs"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_dns1_libraries_that_look_up_themselves_are_lent_what_is_known(resolver, place, coop, library, mood):
    names = Names(place.path, lambda: place.now)
    room.renew(names, ["coop.test"], time.monotonic() + 5)
    resolver.mood = mood
    began = time.monotonic()
    with room.lent(names, {"coop.test"}):
        for _ in range(3):
            LIBRARIES[library](coop.port)
    assert time.monotonic() - began < room.LOOKUP_S + 2  # waited for once
    (line,) = names.keep()
    assert "asked at 127.0.0.1" in line
    assert socket.getaddrinfo is resolver


@pytest.mark.parametrize(
    ("hosts", "known", "later_s"),
    [({"other.test"}, True, 0), ({"coop.test"}, True, 25 * HOUR), ({"coop.test"}, False, 0)],
    ids=["another host", "after a day", "nothing known"],
)
def test_dns1_nothing_is_lent_of_what_is_not_known_to_be_right(resolver, place, coop, hosts, known, later_s):
    names = Names(place.path, lambda: place.now)
    if known:
        room.renew(names, ["coop.test"], time.monotonic() + 5)
    resolver.mood, place.now = "fails", place.now + later_s
    with room.lent(names, hosts), pytest.raises(OSError, match="Temporary failure"):
        LIBRARIES["smtplib"](coop.port)


SIX = [f"2001:db8::{at}" for at in range(1, 5)]
FOUR = ["203.0.113.7", "203.0.113.8"]


def test_addresses_of_both_kinds_are_tried_by_turns(monkeypatch):
    """Of a line whose IPv6 leads nowhere the four of that kind took all the time there was, one after the other."""
    rows = [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, 443)) for one in (*SIX, *FOUR)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    turns = [SIX[0], FOUR[0], SIX[1], FOUR[1], *SIX[2:]]
    assert room.look_up("coop.test", 443, 5) == turns
    with room.lent(Names(HERE / "none", lambda: 0), {"coop.test"}):
        assert [row[4][0] for row in socket.getaddrinfo("coop.test", 443)] == turns
        assert socket.getaddrinfo("other.test", 443) == rows
    rows.reverse()
    assert room.look_up("coop.test", 443, 5)[:2] == [FOUR[1], SIX[3]]


def test_what_is_looked_up_in_vain_leaves_what_was_known(resolver, place):
    names = Names(place.path, lambda: place.now)
    room.renew(names, ["coop.test"], time.monotonic() + 5)
    resolver.mood = "fails"
    room.renew(names, ["coop.test", "127.0.0.1"], time.monotonic() + 5)
    assert names.of("coop.test") == "127.0.0.1"
    assert names.of("127.0.0.1") == ""


def test_of_several_addresses_the_likelier_is_kept(resolver, place, monkeypatch):
    monkeypatch.setattr(room, "look_up", lambda *_: ["2001:db8::1", "203.0.113.7", "203.0.113.8"])
    names = Names(place.path, lambda: place.now)
    room.renew(names, ["coop.test"], time.monotonic() + 5)
    assert names.of("coop.test") == "203.0.113.7"


def test_no_name_is_looked_up_any_more_once_a_stop_is_asked_for(place, monkeypatch):
    asked = []
    monkeypatch.setattr(room, "look_up", lambda host, *_: asked.append(host) or ["203.0.113.7"])
    names = Names(place.path, lambda: place.now)
    hosts = ["a.test", "b.test", "c.test"]
    room.renew(names, hosts, time.monotonic() + 5, lambda: "an emergency stop" if asked else "")
    assert asked == ["a.test"]


def test_dns1_a_host_that_can_be_no_name_keeps_no_other_from_being_looked_up(resolver, place):
    names = Names(place.path, lambda: place.now)
    room.renew(names, ["a" * 70 + ".test", "coop.test"], time.monotonic() + 5)
    assert names.of("coop.test") == "127.0.0.1"
