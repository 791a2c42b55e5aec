"""Every device kind there is, and the least its options need to be built."""

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import mine_controller.devices as room
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, declarations, fill

CANARY = "canary-4711-of-the-mine"
CASES = Path(__file__).resolve().parents[1] / "cases"


def _discover() -> dict[str, Any]:
    names = sorted(found.name for found in pkgutil.iter_modules(room.__path__) if not found.name.startswith("_"))
    modules = {name: importlib.import_module(f"mine_controller.devices.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "Options") and hasattr(module, "parse")}


KINDS = _discover()

# What a kind needs beside addresses, secrets and the examples it declares.
EXTRA: dict[str, dict[str, Any]] = {
    "power_signal": {"selector": "#status"},
    "octopus": {"region": "H"},
    "nordpool": {"area": "SE3"},
    "tariff": {"price": 28.4, "timezone": "Europe/London"},
    "prices_csv": {"path": "/prices.csv"},
}
# What makes a kind whole for the contract: a page with a meaning, outlets that can be switched.
WHOLE: dict[str, dict[str, Any]] = {
    "power_signal": {"run": ("run",), "off": ("off",)},
    "http_pdu": {
        "read_url": "/cm?cmnd=Status%2010",
        "watts_path": "StatusSNS.ENERGY.Power",
        "on_url": "/cm?cmnd=Power{outlet}%20On",
        "off_url": "/cm?cmnd=Power{outlet}%20Off",
        "success_path": "POWER{outlet}",
        "success_on": ("on",),
        "success_off": ("off",),
    },
    "cgminer": {"stop_command": "ascdisable|0", "run_command": "ascenable|0"},
}
# An address its lane takes, where "1" is none.
ADDRESS = {"redfish": "A1", "jaws": "AA1", "dummy_pool": ""}

# Kinds that behave differently by an option: each is a subject of its own.
VARIANTS = {
    "mqtt": {"ask": {"through": "ask"}},
    "nmminer": {"udp": {"source": "udp"}},
    "controlbyweb": {"json": {"dialect": "state_json"}, "xml": {"dialect": "state_xml"}, "x332": {"dialect": "x332"}},
}
SUBJECTS = [subject for kind in sorted(KINDS) for subject in (kind, *(f"{kind} {n}" for n in VARIANTS.get(kind, ())))]


def variant(subject: str) -> tuple[str, dict[str, Any]]:
    """The kind of a subject ("controlbyweb json") and its options."""
    kind, _, name = subject.partition(" ")
    return kind, VARIANTS[kind][name] if name else {}


def build(kind: str, url: str, **more: Any) -> Any:
    """The kind's options for a unit at `url`, with the canary for every secret."""
    options = KINDS[kind].Options
    hints = get_type_hints(options)
    values: dict[str, Any] = {}
    for name, declared in declarations(options):
        if hints[name] is Secret:
            values[name] = Secret(CANARY)
        elif name == "hosts":
            values |= of_url(hints, url)
        elif name == "host" and "port" in hints and urlsplit(url).port:  # a bare TCP service: an address and its port
            values |= {"host": str(urlsplit(url).hostname), "port": urlsplit(url).port}
        elif name == "places":
            values[name] = (f"127.0.0.1:{urlsplit(url).port or 9}", "127.0.0.2:9")
        elif declared.kind == "host" and declared.required:
            values |= of_place(hints, name, url)
        elif declared.kind == "url" and (declared.required or declared.default):
            example = urlsplit(declared.example if declared.required else declared.default)
            values[name] = url + example.path + (f"?{example.query}" if example.query else "")
        elif declared.required and name not in EXTRA.get(kind, {}):
            values[name] = of_text(hints[name], declared.example)
    return fill(options, {**values, **EXTRA.get(kind, {}), **more})


def of_url(hints: dict[str, Any], url: str) -> dict[str, Any]:
    """A LAN fleet of one: its address and, where the url names one, its port."""
    place = urlsplit(url)
    named = {"port": place.port} if place.port and "port" in hints else {}
    return {"hosts": (str(place.hostname),), **named}


def of_place(hints: dict[str, Any], name: str, url: str) -> dict[str, Any]:
    """A unit that is asked by host and port: those of the url, for every port it has."""
    place = urlsplit(url)
    ports = {port: place.port for port in hints if place.port and (port == "port" or port.endswith("_port"))}
    return {name: str(place.hostname), **ports}


def address(kind: str) -> str:
    """How a command calls a unit of this kind."""
    return "127.0.0.1" if "hosts" in KINDS[kind].Options._fields else ADDRESS.get(kind, "1")


def of_text(kind: Any, text: str) -> Any:
    if kind in (int, float, str):
        return kind(text)
    return tuple(word.strip() for word in text.split(",")) if kind is not bool else text == "yes"


def of_json(kind: str, path: Path) -> Any:
    """Options of a case: JSON values as the declarations want them, the examples for the rest."""
    hints = get_type_hints(KINDS[kind].Options)
    given = json.loads(path.read_text())
    values = {
        name: Secret(value) if hints.get(name) is Secret else of_list(value) if isinstance(value, list) else value
        for name, value in given.items()
    }
    return build(kind, "http://192.0.2.1", **values)


def of_list(rows: list[Any]) -> tuple[Any, ...]:
    """Texts, or the pools an owner has written."""
    return tuple(Pool(**row) if isinstance(row, dict) else row for row in rows)
