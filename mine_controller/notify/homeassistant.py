"""Home Assistant through an MQTT broker: what the mine is, published after each tick, and the few commands it may give.

Each tick publishes one small JSON document to `TOPIC/NODE/state` (and one a miner on a small site), retained, with the
documents that make Home Assistant find everything by itself (its MQTT discovery). Commands, where the owner opts in,
come back through `minectl collect` as requests that the next tick judges like anybody's.

Whoever may publish on the broker may give those commands: give the broker users and passwords first.
"""

import re
import zlib

from mine_controller.core.option import Secret, option
from mine_controller.record import NamedTuple
from mine_controller.wire.collected import Broker

PORT, TLS_PORT = 1883, 8883
NODE_MOST = 40
# What Home Assistant may be allowed to ask for, a word each.
COMMANDS = ("run", "mode", "pool", "strategy", "away", "band")
# First levels of topics that other things listen to: what we publish there could be taken for a command.
TAKEN = ("cmnd", "stat", "tele", "zigbee2mqtt", "shellies", "esphome", "homie", "homeassistant", "octoprint", "frigate")
_LEVEL = re.compile(r"[A-Za-z0-9_-]{1,40}")
_OTHERS = re.compile(r"[^a-z0-9]+")


class Options(NamedTuple):
    """One broker that Home Assistant listens to as well."""

    host: str = option(kind="host", help="address of the broker, usually Home Assistant's own", example="192.168.1.20")
    port: int = option(0, low=0, high=65_535, help="its port; 0 = 1883, with tls 8883")
    user: str = option("", help="user name, where the broker asks for one")
    password: Secret = option(Secret(""), help="its password")
    tls: bool = option(False, help="yes = with TLS; without it the password can be read on the network")
    ca_file: str = option("", kind="path", help="certificate file to trust instead of the public ones")
    prefix: str = option("homeassistant", help="discovery prefix, as set in Home Assistant's MQTT integration")
    topic: str = option("minectl", help="first level of every topic that is published")
    node: str = option("", help="name of this mine in topics; empty = made from the site's name", example="container_1")
    miners: bool = option(True, help="yes = a device for each miner, on sites of at most 60 of them")
    commands: tuple[str, ...] = option(
        (), help=f"what Home Assistant may ask for, of {', '.join(COMMANDS)}; empty = nothing, it only looks",
        example="run, mode",
    )  # fmt: skip
    actor: str = option("Home Assistant", help="the name under which its commands stand in the audit log")
    page: str = option("", kind="url", help="address of this mine's page, for the button Visit in Home Assistant")


def check(options: Options) -> tuple[str, ...]:
    """What is wrong with these options, as sentences."""
    found = [
        f"{name}: {text[:40]!r} is not one level of a topic: letters, digits, _ and -"
        for name, text in (("prefix", options.prefix), ("topic", options.topic), ("node", options.node or "ok"))
        if not _LEVEL.fullmatch(text)
    ]
    found += [f"topic: {options.topic} belongs to other devices"] if options.topic.lower() in TAKEN else []
    found += ["topic: is the same as prefix"] if options.topic == options.prefix else []
    found += [
        f"commands: {word[:40]!r} is none of {', '.join(COMMANDS)}" for word in options.commands if word not in COMMANDS
    ]
    if ":" in options.host.rpartition("]")[2]:  # behind an IPv6 address in its brackets
        found.append("port: is an option of its own, not part of host")
    if options.user and not options.password.reveal_length():
        found.append("password: is missing beside user")
    if options.ca_file and not options.tls:
        found.append("ca_file: means nothing without tls = yes")
    if not options.actor.strip():
        found.append("actor: is empty, and every command has one who gave it")
    return tuple(found)


def broker(options: Options) -> Broker:
    """Where to connect."""
    port = options.port or (TLS_PORT if options.tls else PORT)
    host = options.host.strip("[]")  # sockets take an IPv6 address without its brackets
    return Broker(host, port, options.user, options.password.reveal(), options.tls, options.ca_file)


def slug(text: str) -> str:
    """A name as one level of a topic: small letters, digits, _. A name that loses something by it gets a mark of its
    own, so that no two become one and none holds a wildcard."""
    plain = _OTHERS.sub("_", text.lower()).strip("_")[:NODE_MOST]
    if plain == text:
        return plain
    return f"{plain}_{zlib.crc32(text.encode()):08x}".lstrip("_")


def node_of(options: Options, site: str) -> str:
    """This mine's level in every topic. "Coop container" is coop_container; what has no such letters gets a number."""
    plain = _OTHERS.sub("_", site.lower()).strip("_")[:NODE_MOST]
    return options.node or plain or slug(site)
