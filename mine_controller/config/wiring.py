"""[wiring] and fleet.csv -> `Wiring`: which channel is what. Every reference is checked against what its kind can do.

* inlet_c = roomalert intake/1, roomalert row_b/1
* max_age inlet_c = 240
* fan 1 = switch controlbyweb fans/1, watts iotawatt fans/Fan_1, normal 1500
* breaker b1 = 400 A 480 V 3ph, phase L1 = 60 A 230 V
* wall, lamp = controlbyweb fans/8: config/relays.py; uplink starlink, dummy_pool = dummy_pool local: config/uplinks.py
"""

import re
from collections.abc import Mapping
from sys import intern
from typing import Any

from mine_controller.config import branches, pools, relays, uplinks
from mine_controller.config.fleet import FILE, Row
from mine_controller.config.lines import UNFILLED, Entry, Section, has_tail, nearest
from mine_controller.config.model import Endpoint
from mine_controller.config.site import word as need_word
from mine_controller.config.work import Work
from mine_controller.core.model.quantity import QUANTITIES, ROLES, TEXT_AGES_S, TEXT_MAX_AGE_S
from mine_controller.core.model.wiring import (
    BreakerSpec,
    EndpointSpec,
    FanSpec,
    Lane,
    MinerSpec,
    Path,
    Role,
    Wiring,
)
from mine_controller.record import NamedTuple

TITLE = "wiring"
STOP_KEY = "stop:switch"  # the level file of emergency-stop, always there
FANS = 32
FAN_NORMAL_W = 1500
AGES_S = (30, 900)
_WORDS = ("fan 1", "breaker b1", "phase L1", "max_age inlet_c", "uplink one", "dummy_pool", *relays.WORDS)

_REFERENCE = re.compile(r"([a-z][a-z0-9_]*(?: [A-Za-z0-9_.-]+)?)(?:/([^/,]{1,60}))?")
_FAN_PART = re.compile(r"(switch|watts) (.+)|normal ([0-9]{1,5})|(active_low)")


class Wired(NamedTuple):
    """An endpoint section and the module behind it. `endpoint` None: not yet active."""

    section: Section
    module: Any
    endpoint: Endpoint | None
    through: str = ""  # another fleet section that knows the same miners


Kinds = Mapping[str, Wired]


class Defaults(NamedTuple):
    """What [site] says of miners of which nothing better is known."""

    nominal_w: int
    standby_w: int


class Built(NamedTuple):
    """The wiring, and which of its needs are only missing because a section is not filled in yet."""

    wiring: Wiring
    pending: tuple[str, ...]
    wrong: tuple[str, ...]  # needs whose own line was told already: nobody is told twice


def build(section: Section, rows: tuple[Row, ...], kinds: Kinds, defaults: Defaults, work: Work) -> Built:
    """The whole plant; problems and dropped references are told to `work`."""
    wirer = _Wirer(section, kinds, work)
    for entry in section.entries.values():
        wirer.line(entry)
    wirer.ages()
    miners = _Miners(wirer, defaults).specs(rows)
    active = {title: (end, wired.module) for title, wired in kinds.items() if (end := wired.endpoint) is not None}
    wiring = Wiring(
        roles=wirer.roles,
        fans=tuple(sorted(wirer.fans, key=lambda fan: int(fan.name))),
        miners=miners,
        breakers=tuple(wirer.breakers),
        lanes={title: _lane(end, module) for title, (end, module) in active.items() if module.CAN.verbs},
        endpoints={title: _end(title, *found) for title, found in active.items()},
        phases=tuple(wirer.phases),
        uplinks=tuple(wirer.uplinks.uplinks.values()),
        dummy_pool=wirer.uplinks.dummy_pool,
    )
    wiring = wiring._replace(absent=absent(wiring, kinds), wall=wirer.relays.wall, lamp=wirer.relays.lamp)
    if any(wired.endpoint is None and _proves(wired) for wired in kinds.values()):
        wirer.pending.append("power")
    return Built(wiring, tuple(dict.fromkeys(wirer.pending)), tuple(dict.fromkeys(wirer.wrong)))


def has_power(wiring: Wiring, kinds: Kinds) -> bool:
    """True when curtailment can be proven in watts: a site meter, metered outlets, or a fleet that reports watts."""
    if "site_power_w" in wiring.roles:
        return True
    return any(wired.endpoint is not None and _proves(wired) for wired in kinds.values())


def absent(wiring: Wiring, kinds: Kinds) -> tuple[str, ...]:
    """The protections no section configures, in the words of `require` where it has one."""
    out = [need_word(name) for name, role in ROLES.items() if role.protects and name not in wiring.roles]
    out = [name for name in out if name != need_word("site_power_w")]
    if not any(fan.watts for fan in wiring.fans):
        out.append("fan_proof")
    if not has_power(wiring, kinds):
        out.append("power")
    if "site_power_w" not in wiring.roles:
        out.append("site_meter")
    if wiring.miners and not all(miner.outlet for miner in wiring.miners):
        out.append("some_outlets" if any(miner.outlet for miner in wiring.miners) else "outlets")
    if not wiring.breakers:
        out.append("breakers")
    return tuple(out)


def _proves(wired: Wired) -> bool:
    return (wired.module.CAN.outlets or wired.module.CAN.fleet) and _metered(wired)


def _metered(wired: Wired) -> bool:
    said = [getattr(wired.endpoint and wired.endpoint.options, name, True) for name in ("metered", "watts_path")]
    return "power_w" in wired.module.CAN.reads and all(said)  # without a path nobody reads its watts


def _end(title: str, endpoint: Endpoint, module: Any) -> EndpointSpec:
    rest_s, outside = int(getattr(module, "EVERY_S", 0)), getattr(module, "OUTSIDE", False)
    return EndpointSpec(title, endpoint.every_s, module.CAN.fleet, rest_s, outside, getattr(module, "HERE", False))


def _lane(endpoint: Endpoint, module: Any) -> Lane:
    spec, rate = module.LANE, getattr(endpoint.options, "calls_per_s", 0)
    return Lane(endpoint.section, spec.width, 1 / rate if rate else spec.call_s, spec.batch, endpoint.live)


class _Wirer:
    """[wiring] line by line."""

    def __init__(self, section: Section, kinds: Kinds, work: Work) -> None:
        self.section, self.kinds, self.work = section, kinds, work
        self.roles: dict[str, Role] = {}
        self.fans: list[FanSpec] = []
        self.breakers: list[BreakerSpec] = []
        self.phases: list[BreakerSpec] = []
        self.uplinks = uplinks.Lines(self)
        self.relays = relays.Lines(self)
        self.max_ages: dict[str, Entry] = {}
        self.pending, self.wrong = list[str](), list[str]()
        self.fan_channels: dict[str, Entry] = {}
        self._role("stop", (STOP_KEY,))

    def tell(self, entry: Entry, text: str) -> None:
        """One more problem of a line."""
        self.work.tell(entry.line, TITLE, entry.key, text)
        word = entry.key.partition(" ")[0]
        self.wrong.append(need_word(word) if word in ROLES else "fan_proof" if word == "fan" else word)

    def line(self, entry: Entry) -> None:
        """One entry of [wiring]."""
        word, _, name = entry.key.partition(" ")
        if entry.value == UNFILLED:
            self._later(entry, word)
        elif has_tail(entry.value):
            self.tell(entry, "has something behind the value: comments stand on their own lines")
        elif word == "fan" and name:
            self._fan(entry, name)
        elif word in ("breaker", "phase") and name:
            known = self.breakers if word == "breaker" else self.phases
            known += branches.line(entry, word, name, self.tell)
        elif entry.key in relays.WORDS:
            self.relays.line(entry)
        elif word in uplinks.WORDS:
            self.uplinks.line(entry)
        elif word == "max_age" and name:
            self.max_ages[name] = entry
        elif word in ROLES and not name:
            self._role_line(entry, word)
        else:
            self.tell(entry, f"is nothing that can be wired{nearest(entry.key, (*ROLES, *_WORDS))}")

    def _later(self, entry: Entry, word: str) -> None:
        self.work.note(entry.line, TITLE, entry.key, "is not yet wired: fill it in")
        self.pending.append(need_word(word) if word in ROLES else "fan_proof" if word == "fan" else word)

    def _role_line(self, entry: Entry, name: str) -> None:
        parts = [" ".join(part.split()) for part in entry.value.split(",")]
        for part in dict.fromkeys(part for part in parts if parts.count(part) > 1):
            self.tell(entry, f"names {part or 'an empty place'} twice")
        keys = [key for part in dict.fromkeys(parts) if (key := self._key(entry, name, part))]
        if keys:
            self._role(name, (STOP_KEY, *keys) if name == "stop" else tuple(keys))

    def _role(self, name: str, keys: tuple[str, ...]) -> None:
        kind = ROLES[name]
        self.roles[name] = Role(name, keys, kind.vote, _max_age_s(kind.quantity))

    def _key(self, entry: Entry, role: str, text: str) -> str:
        quantity = ROLES[role].quantity
        channel = self.channel(entry, text, quantity, need_word(role))
        return f"{channel}:{quantity}" if channel else ""

    def channel(self, entry: Entry, text: str, quantity: str, need: str) -> str:
        """The channel of a reference, when its kind can read the quantity; "" and a problem or note else."""
        found = _REFERENCE.fullmatch(text)
        if not found:
            self.tell(entry, f"{text[:60]!r} is not a channel like `roomalert intake/1`")
            return ""
        wired = self.kinds.get(found[1])
        if wired is None:
            self.tell(entry, f"there is no section [{found[1]}]{nearest(found[1], self.kinds)}")
            return ""
        if quantity not in wired.module.CAN.reads:
            reads = ", ".join(wired.module.CAN.reads)
            self.tell(entry, f"[{found[1]}] does not read {quantity}: a {wired.section.kind} reads {reads}")
            return ""
        self._often_enough(entry, wired, quantity)
        if wired.endpoint is None:
            self.work.note(entry.line, TITLE, entry.key, f"is left out while [{found[1]}] is not yet active")
            self.pending.append(need)
            return ""
        lacks = getattr(wired.module, "lacks", None)
        if lacks is not None and (told := lacks(wired.endpoint.options, found[2] or "", quantity)):
            self.work.note(entry.line, TITLE, entry.key, f"{text} is never known: [{found[1]}] tells {told[:200]}")
        return text

    def switches(self, channel: str) -> bool:
        """True when the section behind a channel takes on and off."""
        wired = self.kinds.get(channel.partition("/")[0])
        return wired is not None and "on" in wired.module.CAN.verbs

    def _often_enough(self, entry: Entry, wired: Wired, quantity: str) -> None:
        every_s = wired.endpoint.every_s if wired.endpoint else 0
        own = self.section.entries.get(f"max_age {entry.key}")
        max_age_s = int(own.value) if own and re.fullmatch(r"[0-9]{1,6}", own.value) else _max_age_s(quantity)
        if every_s > max_age_s:
            text = f"[{wired.section.title}] is asked every {every_s} s, but a value counts for {max_age_s} s only"
            self.tell(entry, text)

    def ages(self) -> None:
        """`max_age ROLE = seconds` lines, once every role is known."""
        low, high = AGES_S
        for name, entry in self.max_ages.items():
            value = int(entry.value) if re.fullmatch(r"[0-9]{1,6}", entry.value) else -1
            if name not in ROLES:
                self.tell(entry, f"{name} is not a role{nearest(name, ROLES)}")
            elif not low <= value <= high:
                self.tell(entry, f"{entry.value[:20]!r} is not a whole number of seconds from {low} to {high}")
            elif name in self.roles:
                self.roles[name] = self.roles[name]._replace(max_age_s=value)
            elif name not in self.section.entries:
                self.tell(entry, f"{name} is not wired")

    def _fan(self, entry: Entry, name: str) -> None:
        parts = self._fan_parts(entry)
        if not re.fullmatch(r"[1-9][0-9]?", name) or int(name) > FANS:
            self.tell(entry, f"fans are numbered 1 to {FANS}")
            return
        if not parts:
            return
        switch = self.relay(entry, parts["switch"], "switch")
        watts = self.relay(entry, parts["watts"], "power_w") if "watts" in parts else ""
        normal_w = int(parts.get("normal", FAN_NORMAL_W))
        if switch and not 1 <= normal_w <= 50_000:
            self.tell(entry, f"normal {normal_w} is outside 1 to 50000 W")
        elif switch:
            self.fans.append(FanSpec(name, switch, watts, normal_w, "active_low" in parts))

    def _fan_parts(self, entry: Entry) -> dict[str, str]:
        parts: dict[str, str] = {}
        for part in entry.value.split(","):
            found = _FAN_PART.fullmatch(" ".join(part.split()))
            word = found and (found[1] or ("normal" if found[3] else "active_low"))
            if not found or not word:
                form = "switch controlbyweb fans/1, watts iotawatt fans/Fan_1, normal 1500[, active_low]"
                self.tell(entry, f"{part.strip()[:60]!r} is not understood; write {form}")
                return {}
            if word in parts:
                self.tell(entry, f"names {word} twice")
                return {}
            parts[word] = found[2] or found[3] or ""
        if "switch" not in parts:
            self.tell(entry, "names no switch")
        elif "watts" in parts and "normal" not in parts:
            self.tell(entry, "names watts but not the normal power that proves the fan, like `normal 1500`")
        else:
            return parts
        return {}

    def relay(self, entry: Entry, text: str, quantity: str) -> str:
        """A fan's channel or another relay's; no two lines may have the same."""
        channel = self.channel(entry, text, quantity, entry.key if entry.key in relays.WORDS else "fan_proof")
        wired = self.kinds.get(channel.partition("/")[0]) if channel else None
        if wired and "/" not in channel:
            self.tell(entry, f"{channel} names no channel, like `{channel}/1`")
            return ""
        if wired and quantity == "switch" and not self.switches(channel):
            self.tell(entry, f"[{wired.section.title}] can't switch: a {wired.section.kind} only reads")
            return ""
        first = self.fan_channels.setdefault(f"{channel}:{quantity}", entry) if channel else entry
        if first != entry:
            self.tell(entry, f"{channel} belongs to {first.key} already (line {first.line})")
        return channel


def _max_age_s(quantity: str) -> int:
    row = QUANTITIES.get(quantity)
    return row.max_age_s if row else TEXT_AGES_S.get(quantity, TEXT_MAX_AGE_S)


class _Miners:
    """fleet.csv against the sections."""

    def __init__(self, wirer: _Wirer, defaults: Defaults) -> None:
        self.kinds, self.work, self.defaults = wirer.kinds, wirer.work, defaults
        # A breaker line that could not be read was told already; the miners on it are not told again.
        keys = [key.partition(" ") for key in wirer.section.entries]
        self.breakers = [name for word, _, name in keys if word == "breaker" and name]
        self.phases = [name for word, _, name in keys if word == "phase"]
        self.phase_of = {breaker.name: breaker.phase for breaker in wirer.breakers}
        self.same: dict[Any, Any] = {}  # equal ways to stop are one object: a fleet has the same few
        self._throughs()

    def _throughs(self) -> None:
        """`through` names another section of miners that can stop one."""
        fleets = [title for title, other in self.kinds.items() if other.module.CAN.fleet]
        for title, wired in self.kinds.items():
            entry = wired.section.entries.get("through")
            if not wired.through or entry is None:
                continue
            other = self.kinds.get(wired.through)
            rest = [one for one in fleets if one != title]
            if wired.through == title or other is None or not other.module.CAN.fleet:
                text = f"{wired.through[:60]!r} is no other section of miners{nearest(wired.through, rest)}"
                self.work.tell(entry.line, title, "through", text)
            elif "stop" not in other.module.CAN.verbs:
                self.work.tell(entry.line, title, "through", f"[{wired.through}] can stop nobody")

    def specs(self, rows: tuple[Row, ...]) -> tuple[MinerSpec, ...]:
        """Every listed miner, in the order of the file."""
        return tuple(self._spec(row) for row in rows)

    def tell(self, row: Row, column: str, text: str) -> None:
        """One more problem of a row."""
        self.work.tell(row.line, "", column, text, FILE)

    def _spec(self, row: Row) -> MinerSpec:
        group, outlet = self._group(row), self._outlet(row)
        if row.breaker and row.breaker not in self.breakers:
            self.tell(row, "breaker", f"[wiring] has no breaker {row.breaker}{nearest(row.breaker, self.breakers)}")
        breakers = self.phase_of.get(row.breaker, "")
        phase = row.phase or breakers
        if row.phase and self.phases and row.phase not in self.phases:
            self.tell(row, "phase", f"there is no phase {row.phase} in [wiring]{nearest(row.phase, self.phases)}")
        elif breakers and phase != breakers:
            self.tell(row, "phase", f"is {phase}, and [wiring] has breaker {row.breaker} on {breakers}: one is wrong")
        options = group.endpoint.options if group and group.endpoint else None
        paths = _paths(group, self.kinds.get(group.through) if group else None, outlet, plug="plug" in row.flags)
        return MinerSpec(
            id=row.id,
            mac=intern(row.mac),
            group=row.group,
            nominal_w=row.nominal_w or int(getattr(options, "nominal_w", 0)) or self.defaults.nominal_w,
            standby_w=int(getattr(options, "standby_w", self.defaults.standby_w)),
            outlet=row.outlet if outlet else "",
            outlet_metered=bool(outlet and _metered(outlet)),
            breaker=row.breaker,
            phase=phase,
            row=row.row,
            flags=row.flags,
            name=row.name,
            paths=self.same.setdefault(paths, paths),
            ramp_patience_s=int(getattr(options, "ramp_patience_s", 600)),
            **(_abilities(group) if group and group.endpoint else {}),
            nameplate=not (row.nominal_w or (group and "nominal_w" in group.section.entries)),
        )

    def _group(self, row: Row) -> Wired | None:
        wired = self.kinds.get(row.group)
        fleets = [title for title, other in self.kinds.items() if other.module.CAN.fleet]
        if row.group and wired is None:
            self.tell(row, "group", f"there is no section [{row.group}]{nearest(row.group, fleets)}")
        elif wired and not wired.module.CAN.fleet:
            self.tell(row, "group", f"[{row.group}] serves no miners{nearest(row.group, fleets)}")
            return None
        return wired

    def _outlet(self, row: Row) -> Wired | None:
        if not row.outlet:
            return None
        title, slash, _ = row.outlet.partition("/")
        wired = self.kinds.get(title)
        pdus = [other for other, known in self.kinds.items() if known.module.CAN.outlets]
        if wired is None:
            self.tell(row, "outlet", f"there is no section [{title}]{nearest(title, pdus)}")
        elif not wired.module.CAN.outlets or not slash:
            self.tell(row, "outlet", f"{row.outlet} is not an outlet; write one like `redfish pdu1/A1`")
        elif wired.endpoint is not None:
            return wired
        return None


def _abilities(group: Wired) -> dict[str, Any]:
    """What a miner of this section may be told beside run and stop."""
    module, options = group.module, group.endpoint.options if group.endpoint else None
    known = getattr(options, "pools", ()) if "pool" in module.CAN.verbs else ()
    return {
        "verbs": tuple(module.CAN.verbs),
        "modes": tuple(getattr(module, "MODES", ())) if "mode" in module.CAN.verbs else (),  # an option tells clocks
        "pools": pools.names_for(group.section.title, known),
        "settle_s": int(getattr(options, "settle_s", getattr(module, "SETTLE_S", 0))),
    }


def _paths(group: Wired | None, through: Wired | None, outlet: Wired | None, *, plug: bool) -> tuple[Path, ...]:
    """The gentle way first, a second gentle one where there is one, the outlet last; a plug is the only way."""
    out = [
        Path(fleet.section.title, _proof_s(fleet), gentle=True)
        for fleet in (() if plug and outlet else (group, through))
        if fleet and fleet.endpoint and "stop" in fleet.module.CAN.verbs
    ]
    if outlet and outlet.endpoint and "off" in outlet.module.CAN.verbs:
        out.append(Path(outlet.section.title, _proof_s(outlet), gentle=False))
    return tuple(out)


def _proof_s(wired: Wired) -> int:
    options = wired.endpoint.options if wired.endpoint else None
    return int(getattr(options, "proof_s", 0) or wired.module.LANE.proof_s)
