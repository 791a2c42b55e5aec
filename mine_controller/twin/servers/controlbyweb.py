"""ControlByWeb relay boards in their dialects. Commands are GETs and the answer is the new state.

webrelay10  /state.xml, relay1state; command relay1State=1
x400        /state.json and /state.xml, relay1; command relay1=0
x332        /state.xml, relaystates = 16 characters, relay 16 first; command relay2State=0
single      /stateFull.xml, relaystate; command relayState=1

State 2 is a pulse of pulseTime1 (on a single relay pulseTime) seconds, 1.5 without; another one begins the time anew.
"""

import re
from collections.abc import Mapping
from typing import Final

from mine_controller.twin.answer import Answer, Asked, basic_ok, denied, json_answer, not_found, text_answer
from mine_controller.twin.world import Action, World

DIALECTS: Final = ("webrelay10", "x400", "x332", "single")
_XML_HEAD: Final = '<?xml version="1.0" encoding="utf-8" ?>'


class Unit:
    """Relay n drives fan n; what hangs on the others is the world's. `active_low`: relay off means fan on."""

    def __init__(
        self, world: World, dialect: str = "webrelay10", *, password: str = "", active_low: bool = False
    ) -> None:
        self.world, self.dialect, self.password, self.active_low = world, dialect, password, active_low
        count = {"webrelay10": 10, "x400": max(10, len(world.fans.on)), "x332": 16, "single": 1}[dialect]
        self.relays = [False] * count
        self.pulses: dict[int, float] = {}  # relay: until when its pulse holds
        self.follow()

    def follow(self) -> None:
        """Take the relays from the fans, after the world was set up by other means."""
        for i, on in enumerate(self.world.fans.on[: len(self.relays)]):
            self.relays[i] = on != self.active_low

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """State, after doing what the query says."""
        if not basic_ok(asked, "admin" if self.dialect == "x400" else "none", self.password):
            return denied("ControlByWeb")
        if asked.path not in _paths(self.dialect):
            return not_found()
        self._fall(at_s)
        for name, value in asked.query.items():
            self._command(name, value, asked.query, at_s)
        if asked.query.get("noReply") == "1":
            return Answer(200, {}, b"")
        return self._state(asked.path, at_s)

    def _fall(self, at_s: float) -> None:
        """Pulses that are over."""
        for relay in [relay for relay, until in self.pulses.items() if until <= at_s]:
            self._switch(relay, on=False, at_s=self.pulses.pop(relay))

    def _command(self, name: str, value: str, query: Mapping[str, str], at_s: float) -> None:
        pattern = {"x400": r"relay(\d+)", "single": r"relay()State"}.get(self.dialect, r"relay(\d+)State")
        found = re.fullmatch(pattern, name)
        if not found or value not in ("0", "1", "2"):
            return
        relay = int(found[1] or "1") - 1
        if not 0 <= relay < len(self.relays):
            return
        self.pulses.pop(relay, None)
        if value == "2":
            self.pulses[relay] = at_s + float(query.get(f"pulseTime{found[1]}", "1.5"))
        self._switch(relay, on=value != "0", at_s=at_s)

    def _switch(self, relay: int, *, on: bool, at_s: float) -> None:
        self.relays[relay] = on
        if relay < len(self.world.fans.on):
            turns = on != self.active_low
            self.world.schedule(at_s, Action("fan", relay, "on" if turns else "off"))
        else:
            self.world.spare(relay, on, at_s)

    def _state(self, path: str, at_s: float) -> Answer:
        bits = [str(int(on)) for on in self.relays]
        if path.endswith(".json"):
            tree = {f"relay{i}": bit for i, bit in enumerate(bits, 1)}
            tree |= {"digitalInput1": "0", "digitalInput2": "x.x", "vin1": "12.1", "register1": "0.0"}
            tree |= {"utcTime": str(self.world.start_wall_s + int(at_s)), "serialNumber": "00:0C:C8:00:00:01"}
            return json_answer(tree, Cache_Control="no-store")
        return text_answer(_XML_HEAD + f"<datavalues>{_elements(self.dialect, bits)}</datavalues>", kind="text/xml")


def _paths(dialect: str) -> tuple[str, ...]:
    return {"x400": ("/state.json", "/state.xml"), "single": ("/stateFull.xml",)}.get(dialect, ("/state.xml",))


def _elements(dialect: str, bits: list[str]) -> str:
    if dialect == "x332":
        return f"<relaystates>{''.join(reversed(bits))}</relaystates><inputstates>{'0' * 18}</inputstates>"
    if dialect == "single":
        return f"<relaystate>{bits[0]}</relaystate><inputstate>0</inputstate>"
    end = "" if dialect == "x400" else "state"
    return "".join(f"<relay{i}{end}>{bit}</relay{i}{end}>" for i, bit in enumerate(bits, 1))
