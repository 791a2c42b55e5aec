"""Commands from Home Assistant: which topics take them, and a request in the inbox for each that holds."""

import os
import time
from collections.abc import Callable

from mine_controller.config.model import Config
from mine_controller.core.overrides import Refused
from mine_controller.notify.homeassistant import Options, broker
from mine_controller.notify.homeassistant_entities import Place
from mine_controller.notify.homeassistant_orders import Order, orders
from mine_controller.ops.replies import Wanted, give_to_owner, precheck
from mine_controller.ports.homeassistant import KIND, place_of
from mine_controller.record import NamedTuple
from mine_controller.store.db import StoreTrouble
from mine_controller.store.inbox import file_request
from mine_controller.wire.collected import Broker

SOURCE = "collect"
SHOWN = 40


class Taken(NamedTuple):
    """What became of a command."""

    ok: bool
    text: str


class Desk(NamedTuple):
    """Where one section's commands come from, and who judges them."""

    broker: Broker
    topics: tuple[str, ...]
    place: Place
    judge: Callable[[str, str], Taken]


def desks(config: Config) -> dict[str, Desk]:
    """By section; only those that the owner lets ask for anything."""
    out = {}
    for title, options in config.channels.items():
        if title.partition(" ")[0] == KIND and options.commands:
            place = place_of(config, options)
            known = {place.order(one.object): one for one in orders(config.policy, options)}
            if known:
                out[title] = Desk(broker(options), tuple(known), place, _judge(config, options, known))
    return out


def _judge(config: Config, options: Options, known: dict[str, Order]) -> Callable[[str, str], Taken]:
    def judge(topic: str, payload: str) -> Taken:
        """The payload is looked up, never put together: a word that is not in the table asks for nothing."""
        order = known.get(topic)
        asked = order.payloads.get(payload) if order is not None else None
        if order is None or asked is None:
            words = ", ".join(order.payloads) if order is not None else ""
            return Taken(False, f"refused: {payload[:SHOWN]!r} is none of {words}")
        return file(config, options, order, asked)

    return judge


def file(config: Config, options: Options, order: Order, asked: tuple[str, ...]) -> Taken:
    """Judge as far as the config can tell, and file it; the next tick decides."""
    verb, *args = asked
    wanted = Wanted(verb, tuple(args), f"{order.component} {order.name!r} in Home Assistant")
    try:
        if verb == "set-state":
            precheck(config, wanted, int(time.time()))
        number = _file(config, options, wanted)
    except Refused as refused:
        return Taken(False, f"refused: {refused}")
    except StoreTrouble as trouble:
        return Taken(False, f"not filed: {trouble.text}")
    return Taken(True, f"{' '.join(asked)} is filed as request {number}; the next tick takes it")


def _file(config: Config, options: Options, wanted: Wanted) -> int:
    fresh = not config.paths.inbox.exists()
    number = file_request(
        config.paths, SOURCE, options.actor, os.getuid(), "", wanted.verb, wanted.args, wanted.reason, wanted.until
    )
    if fresh:
        give_to_owner(config.paths.inbox)
    return number
