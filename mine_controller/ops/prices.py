"""Published prices with their bands, and what holds when: as the last tick knows it. Nothing is asked of anybody."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mine_controller.config.model import Config
from mine_controller.core.freeze import freeze
from mine_controller.core.model.book import Book
from mine_controller.core.money.outlook import Outlook, outlook
from mine_controller.core.money.prices import clip, slots_of
from mine_controller.ops.recall import kept_book


def clock(config: Config, wall_s: int) -> str:
    """A moment as the wall clock of the site shows it: "2026-07-15 14:30 BST"."""
    return datetime.fromtimestamp(wall_s, ZoneInfo(config.site.timezone)).strftime("%Y-%m-%d %H:%M %Z")


def frozen(config: Config) -> Book:
    """The book of the last tick with roles and miners as the config wires them now. Raises StoreTrouble."""
    book = kept_book(config.paths)
    if book.image is None:
        return book
    clock_then = book.image.clock._replace(rebooted=False)
    return book._replace(image=freeze(book.image, (), config.policy.wiring, clock_then))


def now(config: Config, now_s: int) -> Outlook | None:
    """The bands as of now; None: the site has none, or no tick has run. Raises StoreTrouble."""
    book = frozen(config)
    return None if book.image is None else outlook(book.image, book.state, config.policy, now_s)


def slots(config: Config, from_s: int, to_s: int, now_s: int) -> list[dict[str, Any]]:
    """Slots of that time: at, start_s, end_s, price, band (None: it is past, or there are no bands), asked.

    Raises StoreTrouble.
    """
    book = frozen(config)
    if book.image is None:
        return []
    found = outlook(book.image, book.state, config.policy, now_s)
    planned = {one.start_s: one for one in found.planned} if found is not None else {}
    rows = []
    for start_s, end_s, price in clip(slots_of(book.image, config.policy.wiring), from_s, to_s):
        one = planned.get(start_s)
        rows.append(
            {
                "at": clock(config, start_s),
                "start_s": start_s,
                "end_s": end_s,
                "price": price,
                "band": one.band.name if one else None,
                "coin": (one.band.section.coin or None) if one else None,
                "asked": one.asked.name if one else None,
            }
        )
    return rows


def coming(config: Config, now_s: int) -> list[dict[str, Any]]:
    """The next changes of band: at, start_s, price, band, coin. Raises StoreTrouble."""
    found = now(config, now_s)
    return [
        {
            "at": clock(config, one.start_s),
            "start_s": one.start_s,
            "price": one.price,
            "band": one.band.name,
            "coin": one.band.section.coin or None,
        }
        for one in (found.coming if found is not None else ())
    ]
