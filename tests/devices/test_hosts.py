"""What `hosts` of a fleet may hold."""

import pytest
from devices.scripted import order

from mine_controller.devices import _hosts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10.0.1.7", ("10.0.1.7",)),
        ("10.0.1.8-10", ("10.0.1.8", "10.0.1.9", "10.0.1.10")),
        ("10.0.1.254-10.0.2.1", ("10.0.1.254", "10.0.1.255", "10.0.2.0", "10.0.2.1")),
        ("10.0.2.0/30", ("10.0.2.1", "10.0.2.2")),
        ("10.0.2.4/31", ("10.0.2.4", "10.0.2.5")),
        ("10.0.2.4/32", ("10.0.2.4",)),
    ],
)
def test_an_entry_is_an_address_a_range_or_a_network(written, meant):
    assert _hosts.expand((written,)) == meant
    assert _hosts.faults((written,)) == []


@pytest.mark.parametrize("entry", ["root:canary@10.0.1.7", "root:canary@10.0.2.0/24", "root:canary@10.0.1.8-10"])
def test_a_password_in_an_entry_is_refused_without_repeating_it(entry):
    (said,) = _hosts.faults((entry,))
    assert "canary" not in said
    assert "write those as options of their own" in said


def test_an_identity_at_several_addresses_is_unknown_and_says_where():
    two = _hosts.doubled("02:01", ["10.0.0.1", "10.0.0.9"], ("word",))
    assert [(one.channel, one.quantity, one.value) for one in two] == [
        ("02:01", "address", None), ("02:01", "word", None), ("02:01 addresses", "text", "10.0.0.1 and 10.0.0.9"),
    ]  # fmt: skip
    assert two[0].why == "10.0.0.1 and 10.0.0.9 tell the same identity"
    four = _hosts.doubled("02:01", [f"10.0.0.{at}" for at in (1, 2, 3, 4)], ())
    assert four[-1].value == "10.0.0.1, 10.0.0.2 and 2 more"


def test_a_network_of_254_holds_neither_its_own_nor_the_broadcast_address():
    found = _hosts.expand(("10.0.2.0/24",))
    assert len(found) == 254
    assert (found[0], found[-1]) == ("10.0.2.1", "10.0.2.254")


def test_an_address_written_twice_is_asked_once_and_in_the_order_written():
    assert _hosts.expand(("10.0.1.9", "10.0.1.8-10")) == ("10.0.1.9", "10.0.1.8", "10.0.1.10")


WRONG = """miner.lan 10.0.1 10.0.1. 10.0.1.256 10.0.1.1-256 10.0.1.1- 10.0.1.5/24 10.0.0.0/33 ::1 10.0.1.9-3
10.0.2.1-10.0.1.1 10.0.1.01 10.0.1.1-2-3"""


@pytest.mark.parametrize("wrong", ["", *WRONG.split()])
def test_what_is_none_of_them_is_told_and_left_out(wrong):
    (said,) = _hosts.faults((wrong,))
    assert said.startswith("hosts: ")
    assert _hosts.expand((wrong, "10.0.1.7")) == ("10.0.1.7",)


def test_a_slip_of_the_pen_does_not_become_a_scan_of_millions():
    (said,) = _hosts.faults(("10.0.0.0/8",))
    assert "16777214 addresses" in said
    assert len(_hosts.expand(("10.0.0.0/8", "192.168.0.1"))) == _hosts.MOST


def test_a_command_may_carry_the_identity_behind_its_address():
    assert _hosts.wanted(order("10.0.1.7", "stop")) == ("10.0.1.7", "")
    assert _hosts.wanted(order("10.0.1.7 00:AA:bb:cc:dd:ee", "stop")) == ("10.0.1.7", "00:aa:bb:cc:dd:ee")
