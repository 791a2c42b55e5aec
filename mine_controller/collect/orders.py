"""Commands that come over a broker: heard here, judged by whoever started us, answered on a topic of their own.

A command is a payload on one of the topics named; everything else is refused and said so: a retained one (somebody's
order of last month would be obeyed at each start), one that is too long, one a second too many. What became of the last
one stands on the answer topic, and each in the log. While this line stands the broker has "online" for it, and when it
breaks the broker says "offline" by itself.
"""

import json
import time
from collections.abc import Callable

from mine_controller.collect.ways import TURN_S, Desk
from mine_controller.record import NamedTuple
from mine_controller.wire import mqtt
from mine_controller.wire.collected import Broker
from mine_controller.wire.door import WireError
from mine_controller.wire.publish import Post, Standing, Will

LONGEST = 200  # characters of a payload; no word of ours is near that
MINUTE_S = 60
A_MINUTE = 30  # commands, and refusals that are told: a broken automation must fill neither the audit log nor ours
PART_S = 1.0
SHOWN = 60
ONLINE, OFFLINE = "online", "offline"
# A line that broke without the broker seeing it leaves its "offline" a keepalive and a half later, when the next line
# has long said "online": so that is said again.
AGAIN_S = 30.0


class Judged(NamedTuple):
    """What became of a command, as a sentence; `ok`: a request was filed."""

    ok: bool
    text: str


class Orders(NamedTuple):
    """What one section takes. `judge` gets the topic and the payload, and never raises; `name` is told in answers."""

    broker: Broker
    topics: tuple[str, ...]
    listening: str
    answer: str
    judge: Callable[[str, str], Judged]


class OrderWay:
    """The commands of one section."""

    def __init__(self, section: str, orders: Orders, desk: Desk) -> None:
        self.sections, self.orders, self.desk = (section,), orders, desk
        self.version = mqtt.V5
        self.lately: list[float] = []
        self.refused: list[float] = []
        self.answers: list[Post] = []

    def attempt(self) -> str:
        """One connection, from its start to its loss."""
        will = Will(self.orders.listening, OFFLINE)
        line = Standing(self.orders.broker, self.orders.topics, self.take, self.version, will)
        try:
            line.open()
            self._stay(line, time.monotonic() + mqtt.GREET_S)
            line.part(time.monotonic() + PART_S)
        except WireError as error:
            return error.why
        finally:
            if line.is_strange:  # it took the connection but not our greeting: the other version next time
                self.version = mqtt.V311 if self.version == mqtt.V5 else mqtt.V5
            line.close()
        return "collect was stopped"

    def _stay(self, line: Standing, ready_by: float) -> None:
        told_at = None
        while not self.desk.ended.is_set():
            line.turn(TURN_S)
            now = time.monotonic()
            if line.ready and (told_at is None or now - told_at >= AGAIN_S):
                told_at, why = now, mqtt.refusal(line.denied)
                self.desk.tell(self.sections, why or line.refused)
                line.refused = ""  # what is forbidden still is told again, what is allowed now is not
                line.send([Post(self.orders.listening, OFFLINE if why else ONLINE)])
            if not line.ready and now > ready_by:
                raise WireError("timeout", "the broker does not answer our greeting")
            line.send(self.answers)
            self.answers = []

    def take(self, message: mqtt.Message) -> None:
        """One command; what becomes of it is said."""
        name = message.topic.rpartition("/")[2]
        judged = self._judged(message)
        if not judged.ok:
            self.refused = _of_the_minute(self.refused)
            if len(self.refused) > A_MINUTE:
                return
            self.refused.append(time.monotonic())
            if len(self.refused) > A_MINUTE:
                judged = Judged(False, f"{judged.text}; what else is refused in this minute is not told")
        self.desk.say(f"[{self.sections[0]}] {name}: {judged.text}")
        told = {"text": f"{name}: {judged.text}"[:250], "ok": judged.ok, "at": int(time.time())}
        self.answers = [Post(self.orders.answer, json.dumps(told))]

    def _judged(self, message: mqtt.Message) -> Judged:
        if message.retained:
            return Judged(False, "refused: a retained command is an old one; publish it without retain")
        if message.cut or len(message.body) > LONGEST:
            return Judged(False, "refused: no command is that long")
        try:
            payload = message.body.decode()
        except UnicodeDecodeError:
            return Judged(False, "refused: this is no text")
        if not payload.isprintable():
            return Judged(False, "refused: this is no plain text")
        self.lately = _of_the_minute(self.lately)
        if len(self.lately) >= A_MINUTE:
            return Judged(False, f"refused: more than {A_MINUTE} commands in a minute")
        self.lately.append(time.monotonic())
        return self.orders.judge(message.topic, payload)


def _of_the_minute(moments: list[float]) -> list[float]:
    now = time.monotonic()
    return [at for at in moments if now - at < MINUTE_S]
