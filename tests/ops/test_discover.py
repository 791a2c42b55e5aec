"""Searching a network: where to look, what is asked of whom, what is made of the answers."""

import json
import socket
import threading
from types import SimpleNamespace

import pytest
from ops.shelf import api, units, web
from wire.silence import listener, silent_port

from mine_controller.config.model import Endpoint
from mine_controller.devices import _whatsminer
from mine_controller.devices.kind import Guess, Seen
from mine_controller.ops import discover
from mine_controller.ops.discover import BadTargetError, Plan, Ports, addresses, look, spans

NOBODY = SimpleNamespace(endpoints={})


def site(*sections):
    ends = [Endpoint(kind, name, SimpleNamespace(**options), True, 0, 1) for kind, name, options in sections]
    return SimpleNamespace(endpoints={one.section: one for one in ends})


@pytest.fixture
def no_kinds(monkeypatch):
    """What is asked does not depend on who recognises it."""
    monkeypatch.setattr(discover, "recognisers", dict)


def quietly(_done, _all):
    pass


# -- where to look --


def test_networks_ranges_and_single_addresses_are_searched_once_each():
    found = addresses(spans(["10.0.0.0/30", "10.0.0.2-3", "10.1.0.255-10.1.1.1", "10.2.0.9"], None))
    assert found == ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.1.0.255", "10.1.1.0", "10.1.1.1", "10.2.0.9")


def test_a_network_may_be_named_by_any_of_its_addresses():
    assert [one.text for one in spans(["192.168.1.50/24"], None)] == ["192.168.1.0/24"]


def test_without_a_word_it_is_the_networks_of_the_sections():
    config = site(
        ("bitaxe", "shelf", {"hosts": ("127.3.1.1-20", "127.3.1.40")}),
        ("avalon", "row", {"hosts": ("127.4.0.0/25",)}),
        ("iotawatt", "fans", {"url": "http://127.5.0.1"}),
    )
    assert [one.text for one in spans([], config)] == ["127.3.1.0/24", "127.4.0.0/24"]


@pytest.mark.parametrize("config", [None, NOBODY])
def test_without_a_word_and_without_sections_it_is_the_usual_home_network(config):
    assert [one.text for one in spans([], config)] == ["10.0.0.0/24"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["10.0.0.0/15"], "131072 addresses: ask for a /16 or less"),
        (["10.0.0.0/16", "10.1.0.0/24"], "too many for one search"),
        (["10.0.0.0-10.9.0.0"], "the most of one section"),
        (["10.0.0.9-2"], "runs backwards"),
        (["fe80::/64"], "is no IPv4 network"),
        (["miner.local"], "is no address, range or network"),
        (["10.0.0.300"], "is no address"),
    ],
)
def test_what_can_not_be_searched_is_told_in_a_sentence(given, said):
    with pytest.raises(BadTargetError, match=said):
        spans(given, None)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("10.0.0.0/24", False),
        ("192.168.1.1-80", False),
        ("127.0.0.0/24", False),
        ("169.254.0.0/24", False),
        ("8.8.8.0/24", True),
        ("10.255.255.0-11.0.0.1", True),
    ],
)
def test_a_network_of_the_internet_is_known_as_one(text, public):
    assert spans([text], None)[0].public is public


def test_ports_that_sections_name_are_searched_too():
    config = site(
        ("bitaxe", "shelf", {"hosts": ("127.3.1.1",), "port": 80}),
        ("avalon", "far", {"hosts": ("127.3.1.2",), "port": 14028}),
        ("xmrig", "pc", {"hosts": ("127.3.1.3",), "port": 18088}),
    )
    found = discover.ports(config, (), (8081, 80))
    assert found == Ports(xmrig=(18088,), more=(14028, 8081))
    assert discover.ports(config, (9999,), ()).xmrig == (9999,)
    assert discover.ports(None).every() == (4028, 80, 4433)


# -- what is asked --

asking = pytest.mark.usefixtures("no_kinds")


@asking
def test_every_open_door_is_asked_what_belongs_to_it():
    pages = {"/": b"<title>AxeOS</title>", "/api/system/info": b'{"ASICModel":"BM1370"}'}
    miner = api({"version": b'{"VERSION":[{"CGMiner":"4.12"}]}', "stats": b'{"STATS":[{"ID":"AVA1"}]}'})
    with silent_port() as one, silent_port() as two:
        ports = Ports(cgminer=(one,), web=(two,), whatsminer=())
        with units({("127.11.0.5", two): web(pages), ("127.11.0.7", one): miner}) as asked:
            looked = look(Plan(tuple(f"127.11.0.{n}" for n in range(1, 30)), ports, 0.5), quietly)
    board, box = looked.seen
    assert (board.host, board.open, box.host, box.open) == ("127.11.0.5", (two,), "127.11.0.7", (one,))
    assert set(board.answers) == {"GET /", "GET /api/system/info", "GET /probe"}
    assert board.answers["GET /"].startswith(b"HTTP/1.1 200 OK\r\n")
    assert board.answers["GET /probe"].startswith(b"HTTP/1.1 404")
    assert box.answers["stats"] == b'{"STATS":[{"ID":"AVA1"}]}\0'
    assert b"Invalid command" in box.answers["devdetails"]
    assert {host for host, _ in asked} == {"127.11.0.5", "127.11.0.7"}
    assert looked.tally.done == 58


@asking
def test_the_answers_are_read_while_silent_addresses_still_have_their_time(monkeypatch):
    released = threading.Event()
    real = discover.ask

    def seen(batch, ports):
        told = real(batch, ports)
        released.set()
        return told

    monkeypatch.setattr(discover, "ask", seen)
    done_before = []

    def shown(done, doors):
        if released.is_set() and done < doors:
            done_before.append(done)

    with silent_port() as port, units({("127.11.1.9", port): web({})}):
        look(Plan(("127.11.1.8", "127.11.1.9"), Ports((), (port,), ()), 1.0), shown)
    assert done_before


@asking
def test_a_door_that_takes_a_connection_and_never_answers_is_asked_once(monkeypatch):
    monkeypatch.setattr(discover, "ASK_S", 0.2)
    with listener("127.11.2.1") as sock:
        port = sock.getsockname()[1]
        with units({("127.11.2.2", port): lambda _asked: None}) as asked:
            looked = look(Plan(("127.11.2.2",), Ports((port,), (), ()), 0.2), quietly)
    assert (looked.seen[0].open, looked.seen[0].answers, len(asked)) == ((port,), {}, 1)


@asking
def test_a_door_that_hangs_up_on_one_question_is_asked_the_next():
    def moody(asked):
        return b"" if b"version" in asked else b"{}\0"

    with listener("127.11.3.1") as sock:
        port = sock.getsockname()[1]
        with units({("127.11.3.2", port): moody}):
            looked = look(Plan(("127.11.3.2",), Ports((port,), (), ()), 0.2), quietly)
    assert looked.seen[0].answers == {"devdetails": b"{}\0", "stats": b"{}\0"}


@asking
def test_a_framed_answer_is_whole_when_its_length_is_there():
    frame = _whatsminer.framed({"code": 0})
    with listener("127.11.4.1") as sock:
        port = sock.getsockname()[1]
        with units({("127.11.4.2", port): lambda asked: frame if asked[4:] == b'{"cmd":"get.device.info"}' else b""}):
            looked = look(Plan(("127.11.4.2",), Ports((), (), (port,)), 0.2), quietly)
    assert looked.seen[0].answers == {"get.device.info": frame}


@asking
def test_an_added_port_is_asked_as_api_and_as_page_but_the_usual_one_counts():
    with silent_port() as usual, silent_port() as added:
        scripts = {
            ("127.11.5.2", usual): api({"version": b"usual"}),
            ("127.11.5.2", added): api({"version": b"added"}),
            ("127.11.5.3", added): web({"/2/summary": b"{}"}),
        }
        with units(scripts):
            plan = Plan(("127.11.5.2", "127.11.5.3"), Ports((usual,), (), (), (added,), (added,)), 0.3)
            looked = look(plan, quietly)
    first, second = looked.seen
    assert first.answers["version"] == b"usual\0"
    assert first.open == tuple(sorted((usual, added)))
    assert second.answers["GET /2/summary"].startswith(b"HTTP/1.1 200")


@asking
def test_a_board_that_only_shouts_is_seen_by_its_datagram(monkeypatch):
    real = discover.ear

    def shouting(port):
        sock = real(port, "127.0.0.1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.11.6.2", 0))
            one.sendto(b'{"ip":"127.11.6.2"}', sock.getsockname())
        return sock

    monkeypatch.setattr(discover, "ear", shouting)
    with listener("127.11.6.1") as sock:
        plan = Plan(("127.11.6.2",), Ports((sock.getsockname()[1],), (), ()), 0.1, listen_s=0.1, udp_port=0)
        looked = look(plan, quietly)
    assert looked.seen == (Seen("127.11.6.2", (), {"udp": b'{"ip":"127.11.6.2"}'}),)


@asking
def test_a_port_that_can_not_be_listened_to_is_told_and_the_search_goes_on(monkeypatch):
    def taken(_port):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(discover, "ear", taken)
    looked = look(Plan((), Ports(), 0.1, listen_s=1), quietly)
    assert looked.deaf == "UDP port 12345 can't be listened to: Address already in use"


# -- what it is --


def test_the_guess_of_the_highest_rank_counts():
    kinds = {
        "cgminer": lambda _seen: Guess("cgminer", 1),
        "avalon": lambda _seen: Guess("avalon", 3, "A1246"),
        "bitaxe": lambda _seen: None,
    }
    assert discover.guess(Seen("127.0.0.9", (), {}), kinds) == (Guess("avalon", 3, "A1246"), "")
    assert discover.guess(Seen("127.0.0.9", (), {}), {}) == (None, "")


def test_a_kind_that_stumbles_over_hostile_bytes_is_named_and_hides_nobody():
    def stumbles(seen):
        return json.loads(seen.answers["version"])["x"]

    kinds = {"bad": stumbles, "good": lambda _seen: Guess("good", 2)}
    found, said = discover.guess(Seen("127.0.0.9", (), {"version": b"{}"}), kinds)
    assert (found, said) == (Guess("good", 2), "bad could not read its answers (KeyError)")


def test_only_kinds_that_recognise_anything_are_asked():
    assert all(callable(one) for one in discover.recognisers().values())
    assert "roomalert" not in discover.recognisers()
