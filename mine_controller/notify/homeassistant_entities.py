"""Every entity Home Assistant is told of, and the values it reads. Pure: the page's document in, topics and JSON out.

A document of discovery is retained at PREFIX/<component>/minectl_NODE/<object>/config; its fields are those of Home
Assistant's MQTT integration as documented in 2024 and in 2026 (`object_id`, which goes away there, is not used).
Values are read by `value_template` out of one JSON document a device; what is unknown is null, and shown as unknown.
`expire_after` makes a value unavailable when ticks stay away, whatever the broker keeps.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mine_controller.core.alarms.catalogue import KINDS, ways_of
from mine_controller.core.model.alarm import SEVERITIES
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.quantity import ROLES
from mine_controller.core.model.state import Override
from mine_controller.core.model.wiring import FanSpec, MinerSpec
from mine_controller.core.wording.spoken import price_unit
from mine_controller.notify.homeassistant import Options, node_of, slug
from mine_controller.notify.homeassistant_orders import MINERS_MOST, OFF, ON, Order, orders
from mine_controller.record import NamedTuple

LATE_TICKS = 3  # so many ticks may stay away before values are no longer available
LEAST_LATE_S = 60
TEXT_MOST = 255  # characters of a state in Home Assistant
UNKNOWN = "unknown"  # what a text says that is not known: a null would be shown as the word None
HUSHED = ("suppressed", "shelved")  # alarms that follow from another one, or that a person put aside
Doc = Mapping[str, Any]


class Place(NamedTuple):
    """Names and times that every entity carries."""

    options: Options
    site: str
    version: str
    tick_s: int

    @property
    def node(self) -> str:
        """This mine's level in topics."""
        return node_of(self.options, self.site)

    @property
    def base(self) -> str:
        """What every topic of ours begins with."""
        return f"{self.options.topic}/{self.node}"

    @property
    def late_s(self) -> int:
        """When what we said is no longer true without news."""
        return max(LEAST_LATE_S, LATE_TICKS * self.tick_s)

    @property
    def available(self) -> str:
        """Topic: online while ticks come, offline by the broker's own word when they stay away."""
        return f"{self.base}/available"

    @property
    def listening(self) -> str:
        """Topic: online while `minectl collect` takes commands."""
        return f"{self.base}/listening"

    @property
    def answer(self) -> str:
        """Topic: what became of the last command."""
        return f"{self.base}/answer"

    @property
    def unit(self) -> str:
        """What identifies this mine in Home Assistant, and the node of its discovery topics."""
        return f"minectl_{self.node}"

    def order(self, name: str) -> str:
        """Topic on which a command is heard."""
        return f"{self.base}/set/{name}"

    def state(self, miner: str = "") -> str:
        """Topic of the values of the site, or of one miner."""
        return f"{self.base}/miner/{slug(miner)}/state" if miner else f"{self.base}/state"


class Entity(NamedTuple):
    """One entity. `value`: its field in the device's JSON; `more`: further fields of discovery."""

    component: str
    object: str
    name: str
    value: str
    more: dict[str, Any]
    miner: str = ""


_W = {"unit_of_measurement": "W", "device_class": "power", "state_class": "measurement"}
_C = {"unit_of_measurement": "°C", "device_class": "temperature", "state_class": "measurement"}
_PCT = {"unit_of_measurement": "%", "state_class": "measurement"}
_COUNT = {"state_class": "measurement"}
RATES = {"xmrig": ("kH/s", 1e3), "nmminer": ("kH/s", 1e3)}  # by kind of section; else TH/s
_DIAGNOSTIC = {"entity_category": "diagnostic"}
MODES = (
    "FAULT", "EMERGENCY", "MANUAL", "CURTAILING", "CURTAILED", "SHEDDING", "HOLD", "INIT", "RESUMING", "RUNNING",
    "IDLE",
)  # fmt: skip
STATES = ("running", "starting", "stopping", "stopped", "quarantined", "unknown")

_SITE: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("sensor", "mode", "State", {"device_class": "enum", "options": [*MODES], "icon": "mdi:state-machine"}),
    ("sensor", "why", "Why", {"icon": "mdi:comment-question-outline"}),
    ("sensor", "next", "Next", {"icon": "mdi:calendar-clock"}),
    ("sensor", "power_w", "Power", _W),
    ("sensor", "permitted_w", "Permitted for miners", _W),
    ("sensor", "miners_running", "Miners running", _COUNT | {"icon": "mdi:pickaxe"}),
    ("sensor", "miners", "Miners", {"icon": "mdi:pickaxe"}),
    ("sensor", "miners_online", "Miners online", _COUNT | {"icon": "mdi:lan-connect"}),
    ("sensor", "alarms", "Open alarms", _COUNT | {"icon": "mdi:alert-outline"}),
    ("binary_sensor", "alarm", "Alarm", {"device_class": "problem"}),
    ("binary_sensor", "emergency", "Emergency", {"device_class": "safety"}),
    ("binary_sensor", "stopped", "Emergency stop", {"device_class": "problem"}),
    ("binary_sensor", "live", "Live", {"icon": "mdi:shield-half-full"} | _DIAGNOSTIC),
    ("sensor", "tick_at", "Last look", {"device_class": "timestamp"} | _DIAGNOSTIC),
)
_ROLES: dict[str, dict[str, Any]] = {
    "inlet_c": _C | {"suggested_display_precision": 1},
    "outlet_c": _C | {"suggested_display_precision": 1},
    "ambient_c": _C | {"suggested_display_precision": 1},
    "humidity_pct": _PCT | {"device_class": "humidity"},
    "grid_hz": {"unit_of_measurement": "Hz", "device_class": "frequency", "state_class": "measurement"},
    "voltage_v": {"unit_of_measurement": "V", "device_class": "voltage", "state_class": "measurement"},
    "supply_kw": {"unit_of_measurement": "kW", "device_class": "power", "state_class": "measurement"},
    "battery_soc_pct": _PCT | {"device_class": "battery"},
    "generator_load_pct": _PCT | {"icon": "mdi:engine"},
}
_CONTACTS = {"smoke": "smoke", "water": "moisture", "door": "door", "mains": "problem"}
_MINER: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("sensor", "state", "State", {"device_class": "enum", "options": [*STATES], "icon": "mdi:pickaxe"}),
    ("sensor", "power_w", "Power", _W),
    ("sensor", "hashrate", "Hash rate", {"state_class": "measurement", "icon": "mdi:speedometer"}),
    ("sensor", "chip_c", "Chip", _C | {"suggested_display_precision": 1}),
    ("sensor", "fan_rpm", "Fan", {"unit_of_measurement": "rpm", "state_class": "measurement", "icon": "mdi:fan"}),
    ("sensor", "mode", "Mode", {"icon": "mdi:tune"}),
    ("sensor", "pool", "Pool", {"icon": "mdi:pool"}),
    ("binary_sensor", "online", "Online", {"device_class": "connectivity"} | _DIAGNOSTIC),
)


# -- which there are ---------------------------------------------------------------------------------------------------


def entities(policy: Policy, place: Place, currency: str = "") -> tuple[Entity, ...]:
    """Everything this site has; the same from tick to tick while its config is the same."""
    found = [Entity(component, name, label, name, more) for component, name, label, more in _SITE]
    found += _by_wiring(policy, currency)
    found += _alarms(policy)
    if place.options.commands:
        found.append(Entity("sensor", "answer", "Last command", "text", {"icon": "mdi:message-reply-text"}))
    for spec in _told(policy, place.options):
        found += [
            Entity(component, f"{slug(spec.id)}_{name}", label, name, more | _rate_of(name, spec), spec.id)
            for component, name, label, more in _MINER
            if name not in ("mode", "pool") or name in spec.verbs
        ]
    return (*found, *(_of_order(one) for one in orders(policy, place.options)))


def _told(policy: Policy, options: Options) -> tuple[MinerSpec, ...]:
    """The miners that have a device of their own."""
    specs = policy.wiring.miners
    return specs if options.miners and len(specs) <= MINERS_MOST else ()


def _rate_of(name: str, spec: MinerSpec) -> dict[str, Any]:
    if name != "hashrate":
        return {}
    return {"unit_of_measurement": rate_unit(spec)[0], "suggested_display_precision": 2}


def rate_unit(spec: MinerSpec) -> tuple[str, float]:
    """The unit of its hash rate and how many hashes a second that is: a processor's would be 0.00 TH/s."""
    return RATES.get(spec.group.partition(" ")[0], ("TH/s", 1e12))


def _by_wiring(policy: Policy, currency: str) -> Iterator[Entity]:
    roles = policy.wiring.roles
    if policy.site.power_cap_w:
        yield Entity("sensor", "cap_w", "Power cap", "cap_w", _W)
    for name, more in _ROLES.items():
        if name in roles:
            yield Entity("sensor", name, ROLES[name].label, name, more)
    for name, device_class in _CONTACTS.items():
        if name in roles:
            yield Entity("binary_sensor", name, ROLES[name].label, name, {"device_class": device_class})
    if "signal" in roles:
        words = {"device_class": "enum", "options": ["run", "off", "warn", UNKNOWN], "icon": "mdi:transmission-tower"}
        yield Entity("sensor", "signal", "Power signal", "signal", words)
    if "band" in policy.rules:
        unit = {"unit_of_measurement": price_unit(currency), "state_class": "measurement", "icon": "mdi:cash"}
        yield Entity("sensor", "price", "Price", "price", unit)
        yield Entity("sensor", "band", "Band", "band", {"icon": "mdi:cash-clock"})
        yield Entity("sensor", "coin", "Coin", "coin", {"icon": "mdi:bitcoin"})
    yield from _fans(policy.wiring.fans)


def _fans(fans: Sequence[FanSpec]) -> Iterator[Entity]:
    for fan in fans:
        name = slug(fan.name)
        yield Entity("binary_sensor", f"fan_{name}", f"Fan {fan.name}", f"fan_{name}", {"device_class": "running"})
        if fan.watts:
            yield Entity("sensor", f"fan_{name}_w", f"Fan {fan.name} power", f"fan_{name}_w", _W | _DIAGNOSTIC)
    if fans:
        yield Entity("sensor", "fans_on", "Fans on", "fans_on", _COUNT | {"icon": "mdi:fan"})


def _alarms(policy: Policy) -> Iterator[Entity]:
    """One a kind that stands; Home Assistant shows those of emergencies at once, the others when they are enabled."""
    for kind, row in KINDS.items():
        ways = ways_of(policy.alarms, kind)
        if row.once or not ways.on:
            continue
        more = {"device_class": "problem", "enabled_by_default": (ways.level or row.severity) == SEVERITIES[-1]}
        name = f"Alarm {kind.replace('_', ' ')}"
        yield Entity("binary_sensor", f"alarm_{kind}", name, f"alarm_{kind}", more | _DIAGNOSTIC)


def _of_order(order: Order) -> Entity:
    more: dict[str, Any] = {"entity_category": "config"} if order.miner else {}
    if order.icon:
        more["icon"] = order.icon
    if order.component == "select":
        more["options"] = list(order.payloads)
    else:
        more |= {"payload_on": ON, "payload_off": OFF}
    return Entity(order.component, f"set_{order.object}", order.name, f"set_{order.object}", more, order.miner)


# -- discovery ---------------------------------------------------------------------------------------------------------


def discovery(found: Sequence[Entity], policy: Policy, place: Place, models: Mapping[str, str]) -> dict[str, str]:
    """Topic -> retained JSON of every entity. `models`: what each miner is, by id, where it is known."""
    specs = {spec.id: spec for spec in policy.wiring.miners}
    out = {}
    for one in found:
        spec = specs.get(one.miner)
        device = _site_device(place) if spec is None else _miner_device(spec, place, models.get(one.miner, ""))
        topic = f"{place.options.prefix}/{one.component}/{place.unit}/{one.object}/config"
        out[topic] = _json(_config(one, place) | {"device": device, "origin": _origin(place)})
    return out


def _config(one: Entity, place: Place) -> dict[str, Any]:
    answer, commanded = one.object == "answer", one.component in ("switch", "select")
    config: dict[str, Any] = {
        "name": one.name,
        "unique_id": f"{place.unit}_{one.object}",
        "state_topic": place.answer if answer else place.state(one.miner),
        "value_template": f"{{{{ value_json.{one.value} }}}}",
        **one.more,
    }
    if commanded:
        config |= {"command_topic": place.order(one.object.removeprefix("set_")), "retain": False, "qos": 1}
        config["availability"] = [{"topic": place.available}, {"topic": place.listening}]
        config["availability_mode"] = "all"
        return config
    if not answer:
        config["expire_after"] = place.late_s
    if one.object == "alarm":
        config |= {"json_attributes_topic": f"{place.base}/alarms"}
    config["availability"] = [{"topic": place.listening if answer else place.available}]
    return config


def _site_device(place: Place) -> dict[str, Any]:
    page = {"configuration_url": place.options.page} if place.options.page else {}
    return {
        "identifiers": [place.unit],
        "name": place.site,
        "manufacturer": "minectl",
        "model": "Mine",
        "sw_version": place.version,
        **page,
    }


def _miner_device(spec: MinerSpec, place: Place, model: str) -> dict[str, Any]:
    name = f"{spec.id} {spec.name}".strip()
    known = {"model": model} if model else {}
    unit = f"{place.unit}_miner_{slug(spec.id)}"
    return {"identifiers": [unit], "name": name, "via_device": place.unit, **known}


def _origin(place: Place) -> dict[str, str]:
    return {"name": "minectl", "sw_version": place.version}


# -- values ------------------------------------------------------------------------------------------------------------


def states(
    doc: Doc, policy: Policy, place: Place, alarms: Iterable[Doc], overrides: Sequence[Override]
) -> dict[str, str]:
    """Topic -> JSON of every device's values. `doc` is the page's own document; `alarms` the open ones."""
    asked = orders(policy, place.options)
    told = [one for one in alarms if one["state"] not in HUSHED]
    held = {f"set_{order.object}": order.stands(overrides) for order in asked if not order.miner}
    out = {place.state(): _json(_site_values(doc, policy) | _alarm_values(told, policy) | held)}
    out[f"{place.base}/alarms"] = _json({"open": [{k: v for k, v in one.items() if k != "state"} for one in told[:50]]})
    units = {unit["id"]: unit for unit in doc.get("units") or ()}
    for spec in _told(policy, place.options):
        own = {f"set_{order.object}": order.stands(overrides) for order in asked if order.miner == spec.id}
        out[place.state(spec.id)] = _json(_miner_values(units.get(spec.id) or {}, rate_unit(spec)[1]) | own)
    return out


def _site_values(doc: Doc, policy: Policy) -> dict[str, Any]:
    miners, bands, signal, coming = (doc.get(name) or {} for name in ("miners", "bands", "signal", "next"))
    readings = doc.get("readings") or {}
    fans = {one["name"]: one for one in doc.get("fans") or ()}
    values: dict[str, Any] = {
        "mode": _text(doc.get("mode")),
        "why": _text(doc.get("why")),
        "next": _text(coming.get("text")),
        "power_w": doc.get("power_w"),
        "cap_w": doc.get("cap_w"),
        "permitted_w": doc.get("permitted_w"),
        "miners_running": miners.get("running"),
        "miners": _of(miners.get("running"), miners.get("total")),
        "miners_online": miners.get("online"),
        "stopped": _switch(doc.get("emergency_stop")),
        "live": _switch(doc.get("live")),
        "tick_at": _iso(doc.get("tick_at")),
        "signal": _text(signal.get("value")),
        "price": bands.get("price"),
        "band": _text(bands.get("band")),
        "coin": _text(bands.get("coin")),
        "fans_on": sum(one.get("on") is True for one in fans.values()) if _any_known(fans.values()) else None,
    }
    values |= {name: (readings.get(name) or {}).get("value") for name in _ROLES if name in policy.wiring.roles}
    for name in _CONTACTS:
        if name in policy.wiring.roles:
            word = (readings.get(name) or {}).get("value")
            values[name] = None if word is None else _switch(word == "alarm")
    for fan in policy.wiring.fans:
        seen = fans.get(fan.name) or {}
        values |= {f"fan_{slug(fan.name)}": _switch(seen.get("on")), f"fan_{slug(fan.name)}_w": seen.get("watts")}
    return values


def _any_known(fans: Iterable[Doc]) -> bool:
    return any(one.get("on") is not None for one in fans)


def _alarm_values(told: Sequence[Doc], policy: Policy) -> dict[str, Any]:
    kinds = {one["kind"] for one in told}
    return {
        "alarms": len(told),
        "alarm": _switch(bool(told)),
        "emergency": _switch(any(one["severity"] == SEVERITIES[-1] for one in told)),
        **{one.value: _switch(one.value.removeprefix("alarm_") in kinds) for one in _alarms(policy)},
    }


def _miner_values(unit: Doc, hashes: float) -> dict[str, Any]:
    rate = unit.get("hashes_per_s")
    return {
        "state": _text(unit.get("state")),
        "power_w": unit.get("power_w"),
        "hashrate": None if rate is None else round(rate / hashes, 3),
        "chip_c": unit.get("chip_c"),
        "fan_rpm": unit.get("fan_rpm"),
        "mode": _text(unit.get("mode")),
        "pool": _text(unit.get("pool")),
        "online": _switch(unit.get("online")),
    }


def _of(running: int | None, total: int | None) -> str:
    return UNKNOWN if running is None or total is None else f"{running} of {total}"


def _switch(on: bool | None) -> str | None:
    return None if on is None else ON if on else OFF


def _text(text: str | None) -> str:
    """What a state may hold; "" is no state."""
    return (text or "")[:TEXT_MOST] or UNKNOWN


def _iso(wall_s: int | None) -> str | None:
    from datetime import UTC, datetime  # noqa: PLC0415 - only where Home Assistant is told

    return None if wall_s is None else datetime.fromtimestamp(wall_s, UTC).isoformat()


def _json(tree: Mapping[str, Any]) -> str:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
