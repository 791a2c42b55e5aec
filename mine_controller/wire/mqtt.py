"""MQTT (paho-mqtt): a line to a broker that hears topics, and one short look at them.

One short look is `Request("READ", "mqtt://host:port", body=...)` (or mqtts), answered as `wire.collected` answers; the
body is JSON: `topics` to hear, `live` those of them that must arrive anew (a retained message will not do), `ask`
pairs of topic and payload to publish once they are heard. What may be published there is the one request for a reading
that Tasmota knows, "<...>/Status" with 8 or 10, whoever asks. What we tell of ourselves goes by `wire.publish`.

Version 5 is spoken first, because there a broker can be told to keep long messages to itself; a broker that does not
know it, whether it says so, hangs up or is silent (amqtt 0.12), is spoken to in 3.1.1. Nothing is stored for us while
we are away, and the name is a new one each time: two clients of one name throw each other out.
"""

import json
import os
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mine_controller.record import NamedTuple
from mine_controller.wire.collected import BODY_MOST, Arrival, Broker, packed
from mine_controller.wire.door import Request, Response, WireError
from mine_controller.wire.trust import UNTRUSTED, distrusted

if TYPE_CHECKING:
    from paho.mqtt.client import Client

V311, V5 = 4, 5  # as CONNECT calls them
PORT, TLS_PORT = 1883, 8883
PACKET_MOST = 64 * 1024  # bytes of one packet; a message of 256 MB is legal MQTT
CONNECT_S = 5.0
GREET_S = 6.0  # from the connection to the answer to our subscription
GREET_SHARE = 2 / 3  # of a bounded talk: a broker that is silent to version 5 till then gets the rest in the older one
LOOK_S = 4.0
KEEPALIVE_S = 30
MESSAGES_MOST = 200  # of one short look
_STATUS = re.compile(r"(?:[^/+#]{1,100}/){1,8}[Ss]tatus")
_READINGS = ("8", "10")


class Message(NamedTuple):
    """One message as it arrived; `retained`: the broker had it in store, for who knows how long."""

    topic: str
    body: bytes
    retained: bool
    cut: bool


def is_reading(topic: str, payload: str) -> bool:
    """Whether publishing this asks for a reading and does nothing else."""
    return bool(_STATUS.fullmatch(topic)) and payload in _READINGS


class Line:
    """One connection, driven by `turn` from one thread. `ready`: the broker took the subscription."""

    def __init__(
        self, broker: Broker, topics: Sequence[str], take: Callable[[Message], None], version: int, name: str = ""
    ) -> None:
        """`name`: who we are to the broker; "" = a new one each time, because two of one name throw each other out."""
        self._broker, self._topics, self._take, self.version = broker, tuple(topics), take, version
        self._why = ""
        self.greeted = self.ready = self._opened = False
        self.denied: list[str] = []
        self._client = _client(version, self._because, name)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._heard
        self._client.on_disconnect = self._left

    def open(self, timeout_s: float = CONNECT_S) -> None:
        """Connect. Raises WireError."""
        broker, client = self._broker, self._client
        if broker.user:
            client.username_pw_set(broker.user, broker.password or None)
        client.connect_timeout = max(0.05, min(CONNECT_S, timeout_s))
        began = time.monotonic()
        try:
            if broker.tls:
                client.tls_set_context(_context(broker.ca_file))
            client.connect(broker.host, broker.port, KEEPALIVE_S, **self._greeting())
        except (OSError, ValueError) as error:  # an address that is none is a ValueError, UnicodeError included
            fault = _blame(error, time.monotonic() - began, tls=broker.tls)
        else:
            self._opened = True
            return
        raise fault

    def _greeting(self) -> dict[str, Any]:
        return _greeting(self.version)

    @property
    def is_strange(self) -> bool:
        """It took the connection and not our greeting: it may know another version only."""
        return self._opened and not self.greeted

    def turn(self, seconds: float) -> None:
        """Wait for the broker so long at most, and take what it sends. Raises WireError when the line is lost."""
        client = self._client
        sock = client.socket()
        if sock is None:
            raise self._lost()
        code = 0
        if self._is_waiting(sock, seconds):
            try:
                code = int(client.loop_read())
            except Exception:  # noqa: BLE001 - the library raises whatever a malformed packet makes it stumble over
                raise WireError("bad_http", "does not speak MQTT") from None
        if not code and client.want_write():
            code = int(client.loop_write())
        if code or int(client.loop_misc()):
            raise self._lost()

    def _is_waiting(self, sock: Any, seconds: float) -> bool:
        """Whether there is something to read; poll, because select ends at 1,024 open files."""
        if getattr(sock, "pending", int)():
            return True
        poll = select.poll()
        poll.register(sock, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        return any(events & ~select.POLLOUT for _, events in poll.poll(max(0.0, seconds) * 1000))

    def ask(self, topic: str, payload: str) -> None:
        """Publish a request for a reading; ValueError for anything else."""
        if not is_reading(topic, payload):
            raise ValueError(topic)
        self._client.publish(topic, payload)

    def close(self) -> None:
        """Say goodbye, and close the socket whatever became of that."""
        self._client.on_disconnect = None
        self._client.disconnect()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _lost(self) -> WireError:
        if self._why:
            return WireError("closed", self._why)
        return WireError("closed", "the broker closed the connection" if self.greeted else "no MQTT broker answers")

    # what the library calls; none of these may raise

    def _connected(self, client: "Client", _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.greeted = "protocol version" not in str(reason).lower()
            self._because(f"the broker refuses the login: {reason}")
            return
        self.greeted = True
        client.subscribe(_wishes(self._topics, self.version))

    def _subscribed(self, _client: "Client", _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        pairs = zip(self._topics, reasons, strict=False)
        self.denied = [topic for topic, reason in pairs if reason.is_failure]
        self.ready = True

    def _left(self, _client: "Client", _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._because(f"the broker says goodbye: {reason}")

    def _because(self, why: str) -> None:
        self._why = self._why or why

    def _heard(self, _client: "Client", _data: Any, message: Any) -> None:
        try:
            topic = str(message.topic)
        except UnicodeDecodeError:
            return  # none that we asked for
        if topic in self._topics:
            body = bytes(message.payload)
            cut = len(body) > BODY_MOST
            self._take(Message(topic, b"" if cut else body, bool(message.retain), cut))


def _client(version: int, because: Callable[[str], None], name: str = "") -> "Client":
    from paho.mqtt import client as paho  # noqa: PLC0415 - only sites with a broker pay for the library
    from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion  # noqa: PLC0415 - as above

    class Bounded(paho.Client):
        """The library's client with an end to what it keeps in memory."""

        def _sock_recv(self, bufsize: int) -> bytes:
            if bufsize > PACKET_MOST:  # what is left of the packet it has begun
                because(f"a message of more than {PACKET_MOST // 1024} KiB was sent")
                raise ConnectionError
            return super()._sock_recv(bufsize)

        def _send_pubrec(self, mid: int) -> MQTTErrorCode:
            del mid  # we never ask for a delivery in two steps, whose first halves would pile up
            return MQTTErrorCode.MQTT_ERR_PROTOCOL

    return Bounded(
        CallbackAPIVersion.VERSION2,
        client_id=name or f"minectl-{os.urandom(6).hex()}",
        clean_session=True if version == V311 else None,
        protocol=MQTTProtocolVersion(version),
        reconnect_on_failure=False,
    )


def _greeting(version: int) -> dict[str, Any]:
    """What CONNECT says beside the login: start clean, and long messages are not wanted."""
    if version != V5:
        return {}
    from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415 - as above
    from paho.mqtt.properties import Properties  # noqa: PLC0415

    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # the library's own types end here
    properties.MaximumPacketSize = PACKET_MOST
    return {"clean_start": True, "properties": properties}


def _wishes(topics: Sequence[str], version: int) -> list[Any]:
    if version != V5:
        return [(topic, 0) for topic in topics]
    from paho.mqtt.subscribeoptions import SubscribeOptions  # noqa: PLC0415 - as above

    return [(topic, SubscribeOptions(qos=0)) for topic in topics]


class _Tidy(ssl.SSLSocket):
    """Closed when the handshake fails; the library leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:  # whatever it was goes on up; the connection must not stay open
            self.close()
            raise


def _context(ca_file: str) -> ssl.SSLContext:
    from certifi import where  # noqa: PLC0415 - only brokers with TLS

    try:
        context = ssl.create_default_context(cafile=ca_file or where())
    except ssl.SSLError:
        raise ssl.SSLError("CA file can't be read") from None
    context.sslsocket_class = _Tidy
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates made at home lack what later rules ask for
    return context


def _blame(error: Exception, spent_s: float, *, tls: bool = False) -> WireError:
    """What a failed connection is called, without a word of the error, which may hold the address or a path."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = distrusted(error)
        return WireError("tls", f"the broker's certificate {why}{': is ca_file right?' if why == UNTRUSTED else ''}")
    if isinstance(error, ssl.SSLError) or (tls and isinstance(error, ConnectionResetError)):
        return WireError("tls", "TLS failed: is it a port with TLS, and ca_file a certificate?")
    if isinstance(error, socket.gaierror | UnicodeError):
        return WireError("dns", "the broker's name can't be resolved")
    if isinstance(error, ConnectionRefusedError):
        return WireError("refused", "the broker refuses the connection")
    if isinstance(error, FileNotFoundError | PermissionError):
        return WireError("tls", "ca_file can't be read")
    if isinstance(error, TimeoutError):
        return WireError("unreachable", f"no connection to the broker in {spent_s:.1f} s")
    return WireError("unreachable", "no way to the broker")


class _Look:
    """One short look: what is wanted, and what has come so far."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.topics = tuple(dict.fromkeys(wanted["topics"]))
        self.live = frozenset(wanted.get("live", ()))
        self.asks = [(topic, payload) for topic, payload in wanted.get("ask", ())]
        if not all(is_reading(*pair) for pair in self.asks):
            raise WireError("bad_http", "only a request for a reading may be published")
        self.count = 0
        self.came: dict[tuple[str, bool], tuple[Message, float]] = {}

    def take(self, message: Message) -> None:
        self.count += 1
        self.came[message.topic, message.retained] = (message, time.monotonic())

    @property
    def is_over(self) -> bool:
        """Everything has come, or more than anybody can have wanted."""
        return self.count > MESSAGES_MOST or all(
            (topic, False) in self.came or (topic not in self.live and (topic, True) in self.came)
            for topic in self.topics
        )

    def answer(self, line: str) -> Response:
        now = time.monotonic()
        came = sorted(self.came.values(), key=lambda one: one[1])
        return packed((Arrival(one.topic, one.body, one.retained, now - at, one.cut) for one, at in came), line=line)


def exchange(request: Request, until: float) -> Response:
    """One short look: over when everything has come, after 4 s, or at `until`. Raises WireError without a broker."""
    place = urlsplit(request.url)
    tls = place.scheme == "mqtts"
    _, user, password = request.auth or ("", "", "")
    port = place.port or (TLS_PORT if tls else PORT)
    broker = Broker(place.hostname or "", port, user, password, tls, request.ca_file)
    look, ends = _Look(json.loads(request.body)), min(until, time.monotonic() + LOOK_S)
    try:
        return _look(broker, look, ends, V5)
    except _OldBrokerError:
        return _look(broker, look, ends, V311)


class _OldBrokerError(WireError):
    """The broker did not greet: it may not know version 5."""


def greet_by(version: int, ends: float) -> float:
    """Until when a broker that was reached just now has to greet, so that there is time for the older version."""
    left = max(0.0, ends - time.monotonic())
    return ends - left * (1 - GREET_SHARE) if version == V5 else ends


def _look(broker: Broker, look: _Look, ends: float, version: int) -> Response:
    line = Line(broker, look.topics, look.take, version)
    try:
        line.open(ends - time.monotonic())
        _drive(line, look, ends)
    finally:
        line.close()
    if not line.ready:
        raise WireError("timeout", "the broker does not answer in time")
    return look.answer(refusal(line.denied))


def _drive(line: Line, look: _Look, ends: float) -> None:
    asks, greeted_by = look.asks, greet_by(line.version, ends)
    while not (line.ready and look.is_over) and (left := (ends if line.greeted else greeted_by) - time.monotonic()) > 0:
        if line.ready and asks:
            for topic, payload in asks:
                line.ask(topic, payload)
            asks = []
        try:
            line.turn(left)
        except WireError as error:
            if line.version == V5 and line.is_strange:
                raise _OldBrokerError(error.kind, error.why) from None
            raise
    if line.version == V5 and line.is_strange:
        raise _OldBrokerError("timeout", "the broker does not greet")


def refusal(denied: Sequence[str]) -> str:
    """What is told of topics that the broker does not let us hear."""
    return f"the broker refuses to let it hear {', '.join(denied)}"[:200] if denied else ""
