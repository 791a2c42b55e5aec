"""Blocks that pools say our wallets found: each told once, however often and however late a pool repeats itself. Pure.

A pool's kind reports the newest blocks of a wallet as the text `<wallet> block`: "812345 2025-11-13 03:13, 812001 ...",
or "none". The first word names the block. What is seen first for a wallet is history, not news; so is what is seen
first of another coin at the same wallet.
"""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.wiring import Wiring

KINDS = frozenset({"solopool", "supportxmr", "ckpool", "publicpool", "braiinspool", "p2pool"})
KEY_END = " block:text"
NONE = "none"
KNOWN = 12  # names remembered of each wallet; a text tells fewer


def found(image: Image, wiring: Wiring, known: Mapping[str, Any]) -> tuple[dict[str, list[str]], tuple[Event, ...]]:
    """What is known after this round, by channel, and the events of blocks not told before."""
    kept = {name: list(names) for name, names in known.items() if _section(name) in wiring.endpoints}
    if not any(end.partition(" ")[0] in KINDS for end in wiring.endpoints):
        return kept, ()
    events: list[Event] = []
    for key, told in image.channels.items():
        if key.endswith(KEY_END) and key.partition(" ")[0] in KINDS and not told.why:
            coin = image.channels.get(f"{_section(key)}/coin:text")
            _look(_place(key[: -len(":text")], coin, kept), told, kept, events)
    return kept, tuple(events)


def _place(channel: str, coin: Value | None, kept: dict[str, list[str]]) -> str:
    """Under what its names are kept; those of another coin are let go. Kept without a coin, they are of this one."""
    if coin is None:
        return channel
    place = f"{channel} {coin.value}"
    if channel in kept:
        kept.setdefault(place, kept.pop(channel))
    for other in [name for name in kept if name.startswith(f"{channel} ") and name != place]:
        del kept[other]
    return place


def _section(channel: str) -> str:
    return channel.partition("/")[0]


def _look(channel: str, told: Value, kept: dict[str, list[str]], events: list[Event]) -> None:
    rows = [row.strip() for row in str(told.value).split(",") if row.strip() not in ("", NONE)]
    names = [row.partition(" ")[0] for row in rows]
    if channel in kept:
        fresh = [row for row in rows if row.partition(" ")[0] not in kept[channel]]
        events += [_event(_section(channel), row) for row in reversed(fresh)]
        names = list(dict.fromkeys((*names, *kept[channel])))
    kept[channel] = names[:KNOWN]


def _event(section: str, row: str) -> Event:
    name, _, when = row.partition(" ")
    numbers = (("pool", section), ("block", name), ("at", when))
    return Event("block_found", "info", section, Reason("failover", "block", numbers))
