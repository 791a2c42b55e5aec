"""What we tell of ourselves over MQTT: a batch of messages within a bounded time, and a line that stays and answers.

A batch is over when the broker has confirmed every message. In version 5 it is connected to under a name that stays the
same and left with a will that the broker keeps for a while: the next batch under that name takes the will back, and
when none comes the broker publishes it by itself. That is a last will for a process that runs for a second every two
minutes. What is to go stale is told so too (message expiry). A broker that knows only 3.1.1 has neither.

Nothing is published on a topic with a wildcard or outside of what the caller says is ours.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mine_controller.record import NamedTuple
from mine_controller.wire.collected import Broker
from mine_controller.wire.door import WireError
from mine_controller.wire.mqtt import V5, V311, Line, Message, greet_by

if TYPE_CHECKING:
    from paho.mqtt.client import Client

TURN_S = 0.2
LEAVE_S = 0.1  # for the goodbye, after which the broker keeps the will
SWEEP_MOST = 2000
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,80}(?:/[A-Za-z0-9_-]{1,80}){1,8}")


class Post(NamedTuple):
    """One message. `lasts_s`: the broker forgets it after so long (version 5); 0 = never. payload "" deletes what is
    retained there."""

    topic: str
    payload: str
    lasts_s: int = 0
    retain: bool = True


class Will(NamedTuple):
    """What the broker says by itself: at once when a line breaks, or `after_s` after a batch."""

    topic: str
    payload: str
    after_s: int = 0


class Batch(NamedTuple):
    """What is to be told, as whom. `kept`: a filter over retained messages of ours, of which those that the batch does
    not hold are deleted; "" = none are. `ours`: topics that are kept as well, told at another time."""

    name: str
    posts: tuple[Post, ...]
    will: Will
    kept: str = ""
    ours: tuple[str, ...] = ()


class PartError(WireError):
    """The time was over before the broker had confirmed everything: only the first `told` of the posts."""

    def __init__(self, why: str, told: int) -> None:
        super().__init__("timeout", why)
        self.told = told


def is_ours(topic: str) -> bool:
    """Whether a topic is one that may be published on: plain levels, no wildcard, nothing of the broker's own."""
    return _TOPIC.fullmatch(topic) is not None


def publish(broker: Broker, batch: Batch, until: float) -> int:
    """Tell all of it by `until` (monotonic); gives how many old messages were deleted. Raises WireError (refused: the
    broker forbids a topic), PartError where a part was told; ValueError for a topic that is none of ours."""
    for topic in (*(post.topic for post in batch.posts), batch.will.topic):
        if not is_ours(topic):
            raise ValueError(topic)
    try:
        return _publish(broker, batch, until, V5)
    except _OldBrokerError:
        return _publish(broker, batch, until, V311)


class _OldBrokerError(WireError):
    """The broker did not greet: it may not know version 5."""


def _publish(broker: Broker, batch: Batch, until: float, version: int) -> int:
    line = _Batch(broker, batch, version)
    try:
        line.open(until - time.monotonic())
        try:
            line.drive(lambda: line.greeted, greet_by(version, until))
            line.drive(lambda: line.ready, until)
        except WireError as error:
            if version == V5 and line.is_strange:
                raise _OldBrokerError(error.kind, error.why) from None
            raise
        _confirm(line, line.send(batch.posts), until)
        gone = line.orphans()
        line.send([Post(topic, "") for topic in gone])
        line.drive(lambda: not line.open_mids, until)
        line.leave(until)
        line.check()
        return len(gone)
    finally:
        line.close()


def _confirm(line: "_Batch", sent: Sequence[int], until: float) -> None:
    """Wait for the broker's word for every post; after a part of it say goodbye as after all of it."""
    try:
        line.drive(lambda: not line.open_mids, until - LEAVE_S)
    except WireError as error:
        told = next((at for at, mid in enumerate(sent) if mid in line.open_mids), len(sent))  # without a gap
        if error.kind != "timeout" or not told:
            raise
        line.leave(until)
        line.check()
        raise PartError(error.why, told) from None


class _Teller(Line):
    """A line with a will that can publish."""

    def __init__(
        self, broker: Broker, topics: Sequence[str], take: Callable[[Message], None], version: int, will: Will,
        name: str = "",
    ) -> None:  # fmt: skip
        super().__init__(broker, topics, take, version, name)
        self.open_mids: dict[int, str] = {}  # what has yet to be confirmed, with its topic
        self.refused = ""  # what the broker said no to first, "" = nothing; only version 5 tells
        self._client.on_publish = self._confirmed
        self._client.will_set(will.topic, will.payload, qos=1, retain=True, properties=self._will_properties(will))

    def _will_properties(self, will: Will) -> Any:
        if self.version != V5 or not will.after_s:
            return None
        from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415 - only sites with a broker pay for the library
        from paho.mqtt.properties import Properties  # noqa: PLC0415 - as above

        properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # the library's types end here
        properties.WillDelayInterval = will.after_s
        return properties

    def send(self, posts: Sequence[Post]) -> list[int]:
        """Hand messages over; gives their numbers, each of which is confirmed once it is gone from `open_mids`."""
        mids = []
        for post in posts:
            told = self._client.publish(
                post.topic, post.payload.encode(), qos=1, retain=post.retain, properties=self._lasting(post)
            )
            self.open_mids[told.mid] = post.topic
            mids.append(told.mid)
        return mids

    def _lasting(self, post: Post) -> Any:
        if self.version != V5 or not post.lasts_s:
            return None
        from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415 - as above
        from paho.mqtt.properties import Properties  # noqa: PLC0415 - as above

        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # as above
        properties.MessageExpiryInterval = post.lasts_s
        return properties

    def drive(self, done: Callable[[], bool], until: float) -> None:
        """Turn until it is done. Raises WireError (timeout) at `until`."""
        while not done():
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise WireError("timeout", "the broker does not confirm in time")
            self.turn(min(TURN_S, left_s))

    def _confirmed(self, _client: "Client", _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        topic = self.open_mids.pop(mid, "")
        if reason is not None and reason.is_failure:
            self.refused = self.refused or f"the broker does not let us publish on {topic}: {reason}"

    def check(self) -> None:
        """Raise WireError where the broker took a message off us and said no to it."""
        if self.refused:
            raise WireError("refused", self.refused)


class _Batch(_Teller):
    """One batch: a lasting name, a will that waits, and what is retained under `kept`."""

    def __init__(self, broker: Broker, batch: Batch, version: int) -> None:
        super().__init__(broker, (), lambda _message: None, version, batch.will, batch.name)
        self._kept, self._will = batch.kept, batch.will
        self._ours = frozenset((*batch.ours, *(post.topic for post in batch.posts)))
        self._found: set[str] = set()

    def _greeting(self) -> dict[str, Any]:
        """Go on with the session of the batch before, so that its will is taken back, not told."""
        greeting = super()._greeting()
        if self.version == V5:
            greeting["clean_start"] = False
            greeting["properties"].SessionExpiryInterval = self._will.after_s + 60
        return greeting

    def _connected(self, client: "Client", data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure or self._kept:
            self._topics = (self._kept,)
            super()._connected(client, data, flags, reason, properties)
        else:
            self.greeted = self.ready = True

    def _heard(self, _client: "Client", _data: Any, message: Any) -> None:
        try:
            topic = str(message.topic)
        except UnicodeDecodeError:
            return
        if message.retain and message.payload and len(self._found) < SWEEP_MOST:
            self._found.add(topic)

    def orphans(self) -> list[str]:
        """Retained messages of ours that this batch does not hold."""
        return sorted(topic for topic in self._found - self._ours if is_ours(topic))

    def leave(self, until: float) -> None:
        """Say goodbye in such a way that the will stays with the broker."""
        if self._kept:
            self._client.unsubscribe(self._kept)
        if self.version == V5:
            from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415 - as above
            from paho.mqtt.reasoncodes import ReasonCode  # noqa: PLC0415 - as above

            self._client.on_disconnect = None
            self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
        while self._client.want_write() and time.monotonic() < until:
            self._client.loop_write()


class Standing(_Teller):
    """A line that stays: hears its topics, says that it is there, and that it is not when it breaks."""

    def __init__(
        self, broker: Broker, topics: Sequence[str], take: Callable[[Message], None], version: int, will: Will
    ) -> None:
        super().__init__(broker, topics, take, version, will)
        self._will = will

    def part(self, until: float) -> None:
        """Say that it is not there any more, and that nobody need say it for us."""
        try:
            self.send([Post(self._will.topic, self._will.payload)])
            self.drive(lambda: not self.open_mids, until)
        except (WireError, ValueError):
            return  # the line is broken: then the broker tells the will
