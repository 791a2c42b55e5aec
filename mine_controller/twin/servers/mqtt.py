"""A broker on which the source's controller tells what it can give, as a Tasmota writes: one JSON message a topic.

`talk` is MQTT 3.1.1 on a line that stays open: CONNECT, SUBSCRIBE (answered at once by a message of each topic), PING;
a newer version is refused by its number, as old brokers do. `answer` is the same for the door without sockets.
"""

import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer
from mine_controller.twin.container import Container
from mine_controller.twin.noise import key_of, normal

SENSOR: Final = "tele/source/SENSOR"
ALIVE: Final = "tele/source/LWT"
CONNECT, PUBLISH, SUBSCRIBE, PING, BYE = 1, 3, 8, 12, 14
OLD_VERSION: Final = 4
Say = Callable[[float], bytes]  # what a topic says at a plant second


class Unit:
    """The broker. `mangled` bends the message as bad sensors do: "" (well), nan, watts, text, gone."""

    def __init__(self, world: Container) -> None:
        self.world = world
        self.mangled = ""
        self.topics: dict[str, Say] = {SENSOR: self._sensor, ALIVE: self._alive}

    def _alive(self, at_s: float) -> bytes:
        del at_s
        return b"Offline" if self.mangled == "gone" else b"Online"

    def _sensor(self, at_s: float) -> bytes:
        source = self.world.source
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=self.world.start_wall_s + int(at_s))
        noise = 1 + 0.002 * normal(key_of(self.world.seed, "ina219"), int(at_s // 10))
        kilowatts: Any = round(source.available_w / 1000, 1)
        bent = {"nan": float("nan"), "watts": source.available_w, "text": "450 kW"}
        told = {"Available": bent.get(self.mangled, kilowatts), "Load": round(source.load_w / 1000, 1)}
        if source.plant.battery_kwh:
            told["Charge"] = round(source.soc_pct, 1)
        if source.plant.engines_w:
            told |= {"EngineLoad": round(source.engines_pct()), "Fuel": round(source.fuel_l)}
        bus = {"Voltage": round(48 * noise, 3), "Current": round(1.9 * noise, 3), "Power": round(91.2 * noise, 1)}
        return json.dumps({"Time": moment.isoformat(), "Source": told, "INA219": bus}).encode()

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """What a short look would have heard."""
        tree = asked.tree()
        wanted = tree.get("topics", []) if isinstance(tree, dict) else []
        pushed = [
            {"source": topic, "retained": False, "age_s": 0.1, "body": say(at_s).decode(), "cut": False, "note": ""}
            for topic, say in self.topics.items()
            if topic in wanted
        ]
        return json_answer({"at": self.world.start_wall_s + int(at_s), "line": "", "pushed": pushed})

    def talk(self, raw: bytes, at_s: float) -> bytes:
        """The answers to every whole packet in `raw`."""
        out = b""
        while len(raw) >= 2:
            length, at = _length(raw)
            body, kind = raw[at : at + length], raw[0] >> 4
            if len(body) < length or kind == BYE:
                break
            out += self._packet(kind, body, at_s)
            raw = raw[at + length :]
        return out

    def _packet(self, kind: int, body: bytes, at_s: float) -> bytes:
        if kind == CONNECT:
            known = len(body) > 6 and body[6] == OLD_VERSION
            return bytes([0x20, 2, 0, 0 if known else 1])
        if kind == PING:
            return bytes([0xD0, 0])
        if kind != SUBSCRIBE or len(body) < 2:
            return b""
        wanted = _filters(body[2:])
        out = bytes([0x90, 2 + len(wanted)]) + body[:2] + bytes(len(wanted))
        return out + b"".join(_publish(topic, say(at_s)) for topic, say in self.topics.items() if topic in wanted)


def _length(raw: bytes) -> tuple[int, int]:
    """The remaining length of a packet, and where its body begins."""
    value = 0
    for at, byte in enumerate(raw[1:5]):
        value |= (byte & 127) << 7 * at
        if not byte & 128:
            return value, at + 2
    return 1 << 30, len(raw)


def _filters(raw: bytes) -> list[str]:
    found = []
    while len(raw) >= 3:
        (size,) = struct.unpack(">H", raw[:2])
        found.append(raw[2 : 2 + size].decode("utf-8", "replace"))
        raw = raw[3 + size :]
    return found


def _publish(topic: str, body: bytes) -> bytes:
    name = topic.encode()
    packet = struct.pack(">H", len(name)) + name + body
    size, head = len(packet), b"\x30"
    while True:
        size, low = divmod(size, 128)
        head += bytes([low | (0x80 if size else 0)])
        if not size:
            return head + packet
