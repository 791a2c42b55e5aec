"""The ways in, a thread each: one a broker section, one a UDP port. Each comes back by itself, later and later."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from mine_controller.collect.parts import told
from mine_controller.collect.shelf import Shelf
from mine_controller.wire import mqtt, scan, udp
from mine_controller.wire.collected import Broker, Hear
from mine_controller.wire.door import WireError

FIRST_S, LONGEST_S = 1.0, 60.0  # pause before the next try: doubled each time
STEADY_S = 60.0  # a way that held so long begins again with the short pause
TURN_S = 0.5
FLOOD = 200  # messages a second of one section; whoever sends more is not heard for a while
DATAGRAM_MOST = 1024  # bytes; no board sends a longer one

Say = Callable[[str], None]


class Way(Protocol):
    """`attempt` listens until that is over and gives the reason; `sections` are whose way it is."""

    @property
    def sections(self) -> tuple[str, ...]:
        """Whose way it is."""

    def attempt(self) -> str:
        """Listen."""


class Desk:
    """What all ways share: the shelf, the log, and whether the process is to end."""

    def __init__(self, shelf: Shelf, say: Say) -> None:
        self.shelf, self.say = shelf, say
        self.ended = threading.Event()

    def tell(self, sections: tuple[str, ...], why: str) -> None:
        """How a way stands ("" = it is heard): for the tick, and once for the log."""
        for section in sections:
            if not self.ended.is_set() and self.shelf.line(section, why):
                self.say(f"[{section}] {why or 'is heard'}")

    def start(self, way: Way) -> threading.Thread:
        """A thread that listens on this way until the end."""
        thread = threading.Thread(target=self._keep, args=(way,), name=f"hear {way.sections[0]}", daemon=True)
        thread.start()
        return thread

    def _keep(self, way: Way) -> None:
        pause_s = FIRST_S
        while not self.ended.is_set():
            began = time.monotonic()
            self.tell(way.sections, way.attempt())
            if time.monotonic() - began >= STEADY_S:
                pause_s = FIRST_S
            self.ended.wait(pause_s)
            pause_s = min(LONGEST_S, 2 * pause_s)


class BrokerWay:
    """The topics of one section. Sections of one broker have a connection each: none suffers from another's flood."""

    def __init__(self, section: str, broker: Broker, hear: Hear, desk: Desk) -> None:
        self.sections, self.broker, self.topics, self.desk = (section,), broker, hear.topics, desk
        self.paths = {topic: tuple(path for one, path in hear.paths if one == topic) for topic, _ in hear.paths}
        self.version = mqtt.V5
        self.second = self.count = 0

    def attempt(self) -> str:
        """One connection, from its start to its loss."""
        line = mqtt.Line(self.broker, self.topics, self._take, self.version)
        self.count = 0
        try:
            line.open()
            self._stay(line, time.monotonic() + mqtt.GREET_S)
        except WireError as error:
            return error.why
        finally:
            if line.is_strange:  # it took the connection but not our greeting: the other version next time
                self.version = mqtt.V311 if self.version == mqtt.V5 else mqtt.V5
            line.close()
        return "collect was stopped"

    def _stay(self, line: mqtt.Line, ready_by: float) -> None:
        told = False
        while not self.desk.ended.is_set():
            line.turn(TURN_S)
            if line.ready and not told:
                told = True
                self.desk.tell(self.sections, mqtt.refusal(line.denied))
            if not line.ready and time.monotonic() > ready_by:
                raise WireError("timeout", "the broker does not answer our greeting")
            if self.count > FLOOD:
                raise WireError("too_large", f"more than {FLOOD} messages in a second: not heard for a while")

    def _take(self, message: mqtt.Message) -> None:
        now = int(time.monotonic())
        self.second, self.count = (now, self.count + 1) if now == self.second else (now, 1)
        topic, body, retained, cut = message
        paths = told(body, self.paths.get(topic, ()))
        self.desk.shelf.put(self.sections[0], topic, body, retained=retained, cut=cut, paths=paths)


class PortWay:
    """One UDP port, for every section whose boards shout there."""

    def __init__(self, port: int, senders: Mapping[str, tuple[str, ...]], desk: Desk, address: str = "") -> None:
        """`senders`: the sections that an address belongs to. `address`: where to listen; "" hears broadcasts."""
        self.port, self.senders, self.desk, self.address = port, senders, desk, address
        self.sections = tuple(dict.fromkeys(section for some in senders.values() for section in some))
        self.macs = udp.Macs()

    def attempt(self) -> str:
        """Listen until the end."""
        try:
            sock = scan.ear(self.port, self.address)
            self.desk.tell(self.sections, "")
            udp.listen(sock, self._take, self.desk.ended.is_set)
        except OSError as error:
            return f"UDP port {self.port} can't be listened to: {error.strerror}"
        return "collect was stopped"

    def _take(self, sender: str, body: bytes) -> None:
        sections = self.senders.get(sender, ())
        if sections and len(body) <= DATAGRAM_MOST:
            mac = self.macs.of(sender)
            for section in sections:
                self.desk.shelf.put(section, sender, body, note=mac)


def ways_of(hears: Mapping[str, Hear], desk: Desk, address: str = "") -> list[Way]:
    """Every way that the sections need."""
    ways: list[Way] = [
        BrokerWay(section, hear.broker, hear, desk) for section, hear in hears.items() if hear.broker is not None
    ]
    for port in sorted({hear.udp_port for hear in hears.values() if hear.udp_port}):
        senders: dict[str, tuple[str, ...]] = {}
        for section, hear in hears.items():
            for host in hear.hosts if hear.udp_port == port else ():
                senders[host] = (*senders.get(host, ()), section)
        if senders:
            ways.append(PortWay(port, senders, desk, address))
    return ways


def wanted(hears: Mapping[str, Hear]) -> dict[str, frozenset[str]]:
    """The sources of each section: what the shelf takes."""
    return {section: frozenset((*hear.topics, *hear.hosts)) for section, hear in hears.items()}
