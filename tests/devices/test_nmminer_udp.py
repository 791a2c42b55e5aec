"""NMMiner of firmware up to 1.8, which only shouts: read by way of collect, never told anything."""

import json

import pytest
from devices.kinds import CASES, build
from devices.scripted import Script, order, told

from mine_controller.core.model.command import UNSUPPORTED
from mine_controller.devices import nmminer
from mine_controller.devices.kind import Ask
from mine_controller.wire.collected import Hear
from mine_controller.wire.door import WireError

DATAGRAM = (CASES / "nmminer" / "datagram" / "udp_12345_datagram.json").read_text()
EXPECTED = json.loads((CASES / "nmminer" / "datagram" / "expected.json").read_text())
HOST, MAC = "192.168.1.77", "02:00:00:00:00:77"


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
def test_such_a_board_is_never_told_anything(verb):
    outcomes, wire = [], script()
    nmminer.apply(wire.wire, options(), [order(f"{HOST} {MAC}", verb)], outcomes.append)
    assert [each.verdict for each in outcomes] == [UNSUPPORTED]
    assert wire.requests == []
