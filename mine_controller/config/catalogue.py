"""What sections there may be: one file a rule, a device kind or a channel, found by name, imported when it occurs."""

import os
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

from mine_controller.core.option import Option, Secret, declarations

Room = Literal["rule", "device", "channel"]
PACKAGES: dict[Room, str] = {
    "rule": "mine_controller.core.rules",
    "device": "mine_controller.devices",
    "channel": "mine_controller.notify",
}


@cache
def files(room: Room) -> tuple[str, ...]:
    """Every module name of the room, sorted; not all of them need be kinds."""
    folder = next(iter(import_module(PACKAGES[room]).__path__))
    names = os.listdir(folder)  # noqa: PTH208 - a Path a file is a third of a load's time
    return tuple(sorted(name[:-3] for name in names if name.endswith(".py") and name[0] != "_"))


@cache
def find(room: Room, name: str) -> ModuleType | None:
    """The module that serves sections of this name, or None."""
    if name not in files(room):
        return None
    module = import_module(f"{PACKAGES[room]}.{name}")
    return module if hasattr(module, "Options") and _serves(room, module) else None


def _serves(room: Room, module: ModuleType) -> bool:
    """A part of a channel that has the channel's Options at hand has none of its own, and no section."""
    return hasattr(module, "CAN") if room == "device" else bool(module.Options.__module__ == module.__name__)


def known(room: Room) -> tuple[str, ...]:
    """Every name that `find` would serve; imports the whole room, so only lists and problems ask for it."""
    return tuple(name for name in files(room) if find(room, name) is not None)


def rules() -> dict[str, ModuleType]:
    """Every rule, in the order in which their reasons are told."""
    package = import_module(PACKAGES["rule"])
    order = {name: at for at, name in enumerate(getattr(package, "NAMES", ()))}
    names = sorted(files("rule"), key=lambda name: (order.get(name, len(order)), name))
    return {name: import_module(f"{PACKAGES['rule']}.{name}") for name in names}


@cache
def declared(options: Any) -> dict[str, tuple[Any, Option]]:
    """Name -> (annotation, declaration) of every option; a secret's default becomes a Secret."""
    types = options.__annotations__
    out = {}
    for name, about in declarations(options):
        default = Secret(about.default) if types[name] is Secret and not about.required else about.default
        out[name] = (types[name], about._replace(default=default))
    return out
