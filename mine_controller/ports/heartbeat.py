"""Letters that are made by the clock: the heartbeat on the hour, and the weekly test of the channels.

They are written with the tick they belong to. Every tick near the moment makes the same letter, with the same key, so
that the outbox keeps one of them, also after a kill.
"""

import json
from typing import Any

from mine_controller import __version__
from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.wording.heartbeat import Place, status
from mine_controller.notify import channel_test, heartbeat
from mine_controller.notify.message import INFO, LEVELS
from mine_controller.notify.quiet import ends_at
from mine_controller.store.outbox import Message

BEAT_LASTS_S = 900  # what could not be told by then is no heartbeat any more
TEST_LASTS_S = 6 * 3600
TEST_TEXT = "this is the weekly test of the ways to you; nothing has happened"


def regular(config: Config, book: Book, clock: Clock) -> tuple[Message, ...]:
    """What the clock asks for in this tick, which began at `clock`; mostly nothing."""
    minute = clock.local.minute
    quiet = [options for _, options in _sections(config, "quiet")]
    if ends_at(quiet, minute, clock.wall_s):
        beats = []
    else:
        told = _sections(config, "heartbeat") or [("heartbeat", heartbeat.Options(every_min=60, channels=()))]
        beats = [_beat(title, options, config, book, clock) for title, options in told]
    tests = [_test(title, options, config, clock) for title, options in _sections(config, "channel_test")]
    return tuple(message for message in (*beats, *tests) if message is not None)


def _sections(config: Config, kind: str) -> list[tuple[str, Any]]:
    return [(title, options) for title, options in config.channels.items() if title.partition(" ")[0] == kind]


def _beat(title: str, options: heartbeat.Options, config: Config, book: Book, clock: Clock) -> Message | None:
    at = heartbeat.moment(options.every_min, clock.local.minute, clock.wall_s, clock.tick_s)
    to = options.channels or informed(config)
    if not at or not to:
        return None
    text = "\n".join(status(book, place_of(config)))
    return _letter(f"{title}.{at}", config, clock, "heartbeat", text, to, BEAT_LASTS_S)


def informed(config: Config) -> tuple[str, ...]:
    """The sections that are told everything."""
    return tuple(title for title, options in config.channels.items() if getattr(options, "least", "") == LEVELS[INFO])


def place_of(config: Config) -> Place:
    """What the lines of the core need."""
    return Place(config.policy, __version__, config.site.units)


def _test(title: str, options: channel_test.Options, config: Config, clock: Clock) -> Message | None:
    at = channel_test.moment(options, clock.local.weekday, clock.local.minute, clock.wall_s)
    return _letter(f"{title}.{at}", config, clock, "test", TEST_TEXT, ("*",), TEST_LASTS_S) if at else None


def _letter(key: str, config: Config, clock: Clock, what: str, text: str, to: tuple[str, ...], lasts_s: int) -> Message:
    body = {
        "site": config.site.name,
        "kind": what,
        "severity": LEVELS[INFO],
        "about": "" if what == "heartbeat" else config.site.name,
        "at": str(clock.wall_s),
        "text": text,
        "shadow": "" if config.site.live else "yes",
        "what": what,
        "to": list(to),
        "until": str(clock.wall_s + lasts_s),
    }
    return Message(key, INFO, json.dumps(body, ensure_ascii=False), clock.wall_s)
