"""NMMiner of firmware up to 1.8, which only shouts: read by way of collect, told its pool by a datagram if at all."""

import json
import socket
import time

import pytest
from devices.kinds import CASES, build
from devices.scripted import Script, errand, order, told
from twin.lan import rig_of

from mine_controller.core.model.command import ACCEPTED, REFUSED, UNREACHABLE, UNSUPPORTED
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret
from mine_controller.devices import nmminer
from mine_controller.devices.kind import Ask, Seen
from mine_controller.twin.servers import nmminer as served
from mine_controller.wire.collected import Hear
from mine_controller.wire.door import Response, WireError
from mine_controller.wire.http import live

DATAGRAM = (CASES / "nmminer" / "datagram" / "udp_12345_datagram.json").read_text()
EXPECTED = json.loads((CASES / "nmminer" / "datagram" / "expected.json").read_text())
HOST, MAC, OTHER = "192.168.1.77", "02:00:00:00:00:77", "02:00:00:00:00:78"


def options(**more):
    return build("nmminer", "http://192.0.2.1", **{"hosts": (HOST, "192.168.1.78"), "source": "udp", **more})


def shout(source=HOST, body=DATAGRAM, age_s=3.0, note=MAC):
    return {"source": source, "body": body, "age_s": age_s, "retained": False, "cut": False, "note": note}


def script(*shouts, **about):
    tree = {"at": 1, "pulse_age_s": 1.0, "up_s": 9.0, "line": "", "pushed": list(shouts), **about}
    return Script(lambda _: told(tree))


def read(*shouts, memory=None, **about):
    replies = nmminer.fetch(script(*shouts, **about).wire, options(), Ask(memory=memory or {}))
    return nmminer.parse(replies, options())


def test_a_datagram_that_collect_heard_means_what_the_recorded_one_means():
    found = [[each.channel, each.quantity, each.value] for each in read(shout()) if each.quantity != "memory"]
    assert sorted(map(repr, found)) == sorted(map(repr, EXPECTED))


def test_collect_alone_is_asked():
    wire = script(shout())
    nmminer.fetch(wire.wire, options(), Ask())
    assert [each.url for each in wire.requests] == ["collect:///"]


def test_what_collect_is_to_hear_are_the_addresses_of_the_section():
    assert nmminer.pushed(options(udp_port=4711)) == Hear(udp_port=4711, hosts=(HOST, "192.168.1.78"))
    assert nmminer.pushed(options(source="http")) is None


def test_sec3_a_datagram_that_names_another_address_is_nobodys():
    """SEC3."""
    found = read(shout(), shout("192.168.1.78", note="02:00:00:00:00:78"))
    assert {each.channel for each in found if each.quantity == "word"} == {MAC}
    assert any("another address" in str(each.value) for each in found if each.quantity == "text")


@pytest.mark.parametrize(
    ("told", "quantity", "value"),
    [
        ({"HashRate": "113.13K"}, "rate_hs", 113_130.0),
        ({"HashRate": "113.13K"}, "word", "hashing"),
        ({"HashRate": "950"}, "rate_hs", 950.0),
        ({"Share": "1/138"}, "accepted_n", 138.0),
        ({"Uptime": "00d 01:23:46"}, "uptime_s", 5026.0),
        ({"BestDiff": "2.417K\r4.021M"}, "best_diff_n", 4_021_000.0),
        ({"BestDiff": "0.000 /480.5K"}, "best_diff_n", 480_500.0),
        ({"ip": ..., "IP": HOST}, "address", HOST),
    ],
)
def test_a_datagram_is_read_in_the_words_of_every_firmware(told, quantity, value):
    """As the maker's own programs say (NMController_client, README.md) and others read it: a rate without its unit, the
    best of this start beside the best ever, the address in capitals."""
    body = {key: value for key, value in {**json.loads(DATAGRAM), **told}.items() if value is not ...}
    found = {each.quantity: each.value for each in read(shout(body=json.dumps(body))) if each.channel == MAC}
    assert found[quantity] == value


@pytest.mark.parametrize("model", ["NMAxe", "NMAxe-Gamma", "NMQAxe++"])
def test_a_board_with_asics_that_shouts_in_the_same_words_is_no_lottery_miner(model):
    """Of the same maker and on the same port (ESP-Miner-NMAxe, monitor.cpp): counted as 1 W, it would draw 20 W."""
    body = json.dumps({**json.loads(DATAGRAM), "BoardType": model, "HashRate": "1.2034TH/s", "Power": "18.4W"})
    found = read(shout(body=body), shout("192.168.1.78", DATAGRAM.replace(HOST, "192.168.1.78"), note=OTHER))
    assert {each.channel for each in found if each.quantity == "word"} == {OTHER}
    assert any(f"is a {model}, no lottery miner" in str(each.value) for each in found if each.quantity == "text")
    assert nmminer.recognise(Seen(HOST, (), {"udp": body.encode()})) is None


def test_a_board_that_stopped_shouting_is_unknown_and_was_the_one_we_knew():
    found = read(shout(), shout("192.168.1.78", age_s=61), memory={"192.168.1.78": "02:00:00:00:00:78"})
    (word,) = [each for each in found if each.channel == "02:00:00:00:00:78" and each.quantity == "word"]
    assert (word.value, word.why) == (None, "no datagram for 61 s")


@pytest.mark.parametrize(
    ("shouts", "about", "why"),
    [
        ([], {}, "no datagram from any of its addresses in 60 s"),
        ([shout(age_s=99)], {}, "no datagram from any"),
        ([shout(age_s=None)], {}, "no datagram from any"),
        ([shout()], {"pulse_age_s": 75}, "collect does not run"),
        ([], {"line": "UDP port 12345 can't be listened to"}, "UDP port 12345 can't be"),
    ],
)
def test_sup_silence_is_the_endpoints_fault_with_its_reason(shouts, about, why):
    with pytest.raises(WireError, match=why):
        read(*shouts, **about)


@pytest.mark.parametrize("verb", ["pool", "restart"])
def test_such_a_board_is_never_told_anything_unless_its_owner_says_so(verb):
    outcomes, wire = [], script()
    nmminer.apply(wire.wire, options(), [order(f"{HOST} {MAC}", verb)], outcomes.append)
    assert [each.verdict for each in outcomes] == [UNSUPPORTED]
    assert wire.requests == []


POOL = Pool("bch", "stratum+tcp://bch.example:3333", "wallet.old", Secret("word"), "BCH")


def told_to_change(value="bch", *, unit=MAC, shouts=(), send=lambda _: Response(204, {}, b""), **more):
    """(outcome, datagrams sent) of a change of pool."""
    tree = {"at": 1, "pulse_age_s": 1.0, "up_s": 9.0, "line": "", "pushed": list(shouts or [shout()])}
    wire, outcomes = Script(lambda one: send(one) if one.url.startswith("udp:") else told(tree)), []
    about = {"udp_settings": True, "pools": (POOL,), **more}
    nmminer.apply(wire.wire, options(**about), [errand(HOST, "pool", value, unit=unit)], outcomes.append)
    return outcomes[0], [one for one in wire.requests if one.url.startswith("udp:")]


def test_its_pool_goes_as_one_datagram_to_its_own_address_and_never_to_all():
    outcome, [sent] = told_to_change()
    assert outcome.verdict == ACCEPTED
    assert sent.url == f"udp://{HOST}:12347"
    assert json.loads(sent.body) == {
        "IP": HOST,
        "PrimaryPool": POOL.url,
        "PrimaryAddress": "wallet.old",
        "PrimaryPassword": "word",
    }
    assert "word" not in outcome.why


def test_the_twins_old_board_takes_that_datagram_and_shouts_the_new_pool_after_its_next_start():
    rig = rig_of(served.FACTS, host=HOST, firmware="v1.6.03")
    unit = served.Unit(rig)
    _, [sent] = told_to_change()
    unit.hear(sent.body, 6.0)
    rig.do("restart")
    unit.datagram(7.0)
    replies = (nmminer.Reply(f"{HOST} udp", 200, {"mac": MAC}, unit.datagram(90.0)),)
    found = {
        each.quantity: each.value for each in nmminer.parse(replies, options(pools=(POOL,))) if each.channel == MAC
    }
    assert found["pool"] == "bch"


@pytest.mark.parametrize(
    ("about", "verdict"),
    [
        ({"value": "nobodys"}, REFUSED),
        ({"unit": "02:00:00:00:00:99"}, UNREACHABLE),
        ({"unit": ""}, UNREACHABLE),
        ({"shouts": [shout(age_s=61)]}, UNREACHABLE),
        ({"shouts": [shout("192.168.1.78")]}, UNREACHABLE),
    ],
)
def test_cmd6_who_is_not_surely_the_one_that_is_meant_is_sent_nothing(about, verdict):
    outcome, sent = told_to_change(**about)
    assert (outcome.verdict, sent) == (verdict, [])


def test_a_datagram_that_can_not_leave_is_unreachable():
    def fail(_):
        raise WireError("unreachable", "the datagram was not sent: no way there")

    outcome, _ = told_to_change(send=fail)
    assert (outcome.verdict, outcome.why) == (UNREACHABLE, "the datagram was not sent: no way there")


def test_a_real_wire_sends_it_and_refuses_to_shout_at_everybody():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as board:
        board.bind(("127.0.0.1", 0))
        board.settimeout(2)
        wire = live(time.monotonic() + 2)
        wire.call(nmminer.Request("SEND", f"udp://127.0.0.1:{board.getsockname()[1]}", body=b"hello"), wire.until)
        assert board.recv(100) == b"hello"
        with pytest.raises(WireError, match="not sent"):
            wire.call(nmminer.Request("SEND", "udp://127.255.255.255:9", body=b"hello"), wire.until)
