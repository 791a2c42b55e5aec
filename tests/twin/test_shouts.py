"""Boards of old firmware on real sockets: what they shout is heard as discovery and `collect` hear it."""

import json
import socket
import time

import pytest

from mine_controller.devices import nmminer
from mine_controller.devices.kind import Seen
from mine_controller.twin import home, net, story
from mine_controller.twin.servers.nmminer import EVERY_S
from mine_controller.twin.shouts import Air
from mine_controller.wire.scan import ear

HEAD = "title test\ndate 2026-07-15\nweather july\n"
HOST, ENOUGH_S = "127.0.1.71", 5.0


class Street:
    """A house whose one NMMiner is of an old firmware, and an ear on a free port."""

    def __init__(self, text=""):
        self.now = [60.0]
        site = home.build(1, story=story.parse(HEAD + text), only=("nmminer",))
        (board,) = site.served.values()
        board.server.old, board.server.rig.firmware = True, "v1.6.01"
        self.rig = board.server.rig
        self.ear = ear(0, "127.0.0.1")
        self.ear.settimeout(ENOUGH_S)
        air = Air("127.0.0.1", self.ear.getsockname()[1], 0)
        self.servers = net.serve(site, lambda: self.now[0], air=air)

    def heard(self):
        raw, (sender, _) = self.ear.recvfrom(2048)
        return sender, raw

    def quiet(self, for_s=0.3):
        self.ear.settimeout(for_s)
        try:
            return self.heard() is None
        except TimeoutError:
            return True
        finally:
            self.ear.settimeout(ENOUGH_S)

    def close(self):
        self.servers.close()
        self.ear.close()


@pytest.fixture
def street():
    opened = []

    def open_(text=""):
        opened.append(Street(text))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


def test_an_old_board_shouts_from_its_own_address_every_five_seconds_of_the_plant(street):
    there = street()
    sender, raw = there.heard()
    told = nmminer.datagram(raw)
    assert (sender, told.address, told.firmware) == (HOST, HOST, "v1.6.01")
    assert told.rate_hs == pytest.approx(956_432, rel=0.2)
    assert there.quiet()
    there.now[0] += EVERY_S
    assert there.heard()[0] == HOST


def test_a_search_that_listens_knows_the_board(street):
    sender, raw = street().heard()
    guess = nmminer.recognise(Seen(sender, (), {"udp": raw}))
    assert (guess.kind, guess.firmware) == ("nmminer", "v1.6.01")


def test_settings_sent_to_it_count_from_its_next_start(street):
    there = street()
    there.heard()
    wish = {"IP": HOST, "PrimaryPool": "stratum+tcp://other.example:3333", "PrimaryAddress": "wallet"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(json.dumps(wish).encode(), (HOST, there.servers.shouts.ports[HOST]))
    ends = time.monotonic() + ENOUGH_S
    while time.monotonic() < ends and "other.example" not in str(there.rig.kept().pools):
        there.quiet(0.02)
    assert there.rig.kept().pools[0] == ("stratum+tcp://other.example:3333", "wallet")


def test_a_silent_board_is_not_heard(street):
    there = street("00:02 miner a12 silent\n")
    there.heard()
    there.now[0] = 130.0
    assert there.quiet()


def test_a_house_of_newer_boards_shouts_nothing():
    site = home.build(1, story=story.parse(HEAD), only=("nmminer",))
    with net.serve(site, lambda: 60.0) as servers:
        assert servers.shouts is None
