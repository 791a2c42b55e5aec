"""Antminer of the 9 to 17 series with stock firmware: the same API and login, settings by a script that counts places.

Its `set_miner_conf.cgi` takes what lies between ampersands: the first piece is the address of the first pool, whatever
is written in it. It keeps that at once, starts the miner program anew and answers half a minute later. The 17 series
has work modes, of which 254 is sleep. Shapes after the script and settings page of an S9 and the settings of a T17+.
"""

from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, text_answer
from mine_controller.twin.rig import Habits, Heat, Mode, Rig
from mine_controller.twin.servers import antminer
from mine_controller.twin.servers.antminer import Page
from mine_controller.twin.servers.cgminer import Call, Tree

SETS_S: Final = 32.0  # its script sleeps before it answers
SLEEP: Final = 254
POOLS: Final = tuple(f"pool{at}{part}" for at in (1, 2, 3) for part in ("url", "user", "pw"))
PLACES: Final = (*POOLS, "nobeeper", "notempoverctrl", "fan_customize_switch", "fan_customize_value", "freq", "voltage")
MODE: Final = "work_mode"
# The escapes the script undoes, one after the other; any other stays as it is written.
ESCAPES: Final = (
    *("23#", "24$", "25%", "26&", "2C,", "2B+", "3A:", "3B;", "3C<", "3D="),
    *("3E>", "3F?", "40@", "5B[", "5D]", "5E^", "7B{", "7C|", "7D}", "2F/"),
)
FACTS: Final[dict[str, Any]] = {
    "kind": "antminer",
    "model": "Antminer T17+",
    "firmware": "Tue Jun 16 10:11:10 CST 2020",
    "nominal_w": 3200.0,
    "standby_w": 40.0,
    "rate_ths": 64.0,
    "fans": 4,
    "fan_rpm": 6000.0,
    "boot_s": 60.0,
    "ramp_s": 120.0,
    "modes": {"normal": Mode(1.0, 1.0, 610)},
    "mode": "normal",
    "heat": Heat(rise_k=45, tau_s=53, trip_c=95, cool_c=50, recovers=False),
    "habits": Habits(sleep_lasts=True, reloads=True),
}
S9: Final = {**FACTS, "model": "Antminer S9", "nominal_w": 1320.0, "rate_ths": 13.5, "fans": 2}


class Unit(antminer.Unit):
    """One unit. `has_modes`: its firmware has work modes."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self.has_modes = "17" in rig.model
        self._mode_number = SLEEP if rig.stopped else 0
        self._busy_s = 0.0  # until when its script forgets every other form

    def one(self, asked: Call) -> Tree | None:
        """It knows the older shape of statistics alone."""
        return super().one(asked._replace(tree={name: asked.tree[name] for name in asked.tree if name != "new_api"}))

    def _stats(self, asked: Call) -> Tree:
        tree = super()._stats(asked)
        row = tree["STATS"][1]
        row |= {"GHS 5s": f"{row['GHS 5s']:.2f}", "Mode": self._stored_mode()}
        return tree

    def _pages(self) -> dict[str, Page]:
        newer = ("stats", "summary", "pools", "get_blink_status")
        pages = {path: page for path, page in super()._pages().items() if path[9:-4] not in newer}
        return pages | {"/cgi-bin/minerConfiguration.cgi": lambda _: text_answer(self._page())}

    def _fields(self) -> tuple[str, ...]:
        return (*PLACES, MODE) if self.has_modes else PLACES

    def _page(self) -> str:
        pairs = ",".join(f"_ant_{name}:_ant_{name}" for name in self._fields())
        call = f"url: '/cgi-bin/set_miner_conf.cgi', type: 'POST', dataType: 'json', data: {{{pairs}}}"
        return f"<html><script>function send() {{ jQuery.ajax({{{call}}}); }}</script></html>"

    def _blink(self, asked: Asked) -> Answer:
        action = asked.body.decode("latin-1").removeprefix("action=")
        if action in ("startBlink", "stopBlink"):
            self.rig.do("locate", "on" if action == "startBlink" else "off", self.at_s)
        return json_answer({"isBlinking": self.rig.light})

    # ---------------------------------------------------------------- settings

    def _stored_mode(self) -> int:
        return self._mode_number

    def _conf(self) -> Tree:
        rig = self.rig
        pools = [*rig.pools, *[("", "")] * 3][:3]
        tree: Tree = {"pools": [{"url": url, "user": user, "pass": "123" if url else ""} for url, user in pools]}
        tree |= {"api-listen": True, "api-network": True, "api-groups": "A:" + ":".join(antminer.READS)}
        if rig.fan_set is not None:
            tree |= {"bitmain-fan-ctrl": True, "bitmain-fan-pwm": f"{round(rig.fan_set)}"}
        tree |= {"bitmain-use-vil": True} | ({"bitmain-work-mode": f"{self._stored_mode()}"} if self.has_modes else {})
        return tree | {"bitmain-freq": "O" if self.has_modes else "650", "bitmain-voltage": "1950"}

    def _set(self, asked: Asked) -> Answer:
        """`ok`, whatever it was sent."""
        if self.at_s >= self._busy_s:
            self._busy_s = self.at_s + SETS_S
            pieces = asked.body.decode("latin-1").replace("&", " ").split()
            self._keep({name: _plain(name, piece) for name, piece in zip(self._fields(), pieces, strict=False)})
        return text_answer("ok\n", kind="text/plain")._replace(took_s=SETS_S)

    def _keep(self, told: dict[str, str]) -> None:
        if self.rig.mute:
            return
        rows = [(told.get(f"pool{at}url", ""), told.get(f"pool{at}user", "")) for at in (1, 2, 3)]
        self.rig.pools[:] = [row for row in rows if row[0]]
        self.rig.do("pool", "0", self.at_s)
        own = told.get("fan_customize_switch") == "true"
        self.rig.do("fan", told.get("fan_customize_value", "") if own else "auto", self.at_s)
        mode = told.get(MODE, "")
        if self.has_modes and mode.isdecimal():
            self._mode_number = int(mode)
            self.rig.do("stop" if int(mode) == SLEEP else "run", at_s=self.at_s)


def _plain(name: str, piece: str) -> str:
    value = piece.replace("+", " ")
    for escape in ESCAPES:
        value = value.replace(f"%{escape[:2]}", escape[2])
    return value.replace(f"_ant_{name}=", "", 1)
