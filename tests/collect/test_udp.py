"""Whose a datagram is: the sender's hardware address out of the kernel's table."""

from mine_controller.wire.udp import Macs


def macs(table):
    now, nudged = [0.0], []
    return now, nudged, Macs(lambda: dict(table), nudged.append, lambda: now[0])


def test_a_known_sender_has_its_mac_and_is_not_bothered():
    _, nudged, found = macs({"10.0.0.7": "02:00:00:00:00:07"})
    assert found.of("10.0.0.7") == "02:00:00:00:00:07"
    assert nudged == []


def test_an_unknown_one_is_looked_for_once_a_minute():
    now, nudged, found = macs({})
    for now[0] in (0, 1, 59, 61):
        assert found.of("10.0.0.7") == ""
    assert nudged == ["10.0.0.7", "10.0.0.7"]


def test_the_table_is_read_again_so_that_a_moved_address_is_noticed():
    table = {"10.0.0.7": "02:00:00:00:00:07"}
    now, _, found = macs(table)
    found.of("10.0.0.7")
    table["10.0.0.7"] = "02:00:00:00:00:08"
    assert found.of("10.0.0.7") == "02:00:00:00:00:07"
    now[0] = 10.0
    assert found.of("10.0.0.7") == "02:00:00:00:00:08"
