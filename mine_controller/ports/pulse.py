"""The dead-man's ping: success only for a saved tick with fresh inputs and messages that get out, else fail."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

from mine_controller.config.model import Config
from mine_controller.config.site import required, word
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Image
from mine_controller.core.model.quantity import ROLES
from mine_controller.core.wording.words import sentence
from mine_controller.notify.deadman import ping
from mine_controller.notify.message import one_line
from mine_controller.notify.post import scrub, together
from mine_controller.ports.journal import Journal
from mine_controller.ports.log import Log
from mine_controller.ports.tell import hidden, once_in
from mine_controller.ports.untold import untold

EVERY_S = 55  # at most once a minute; timers are a few seconds early now and then


def pulse(config: Config, book: Book, journal: Journal, log: Log, now_s: int, until: float) -> None:
    """Ping unless the same was pinged within the minute. A failure is one line in the log."""
    wrong = trouble(config, book, journal.unsaved) or untold(journal.untold, now_s)
    told = "fail" if wrong else "success"
    text = wrong or f"{config.site.name}: {book.state.mode}"
    due = [(title, options) for title, options in _checks(config) if once_in(_mark(config, title, ""), EVERY_S, told)]
    # a name that is looked up, or its third silent address, knows no `until`: the relay after this waits for nobody
    came = together({title: partial(ping, options, told, text, until) for title, options in due}, until)
    for title, sent in came.items():
        if not sent.ok:
            remark = scrub(f"no ping: {sent.why}", hidden(config))
            log.say(now_s, "WARN", "deadman", channel=title, text=remark)


def begin(config: Config, until: float) -> None:
    """Tell that a tick has begun; nobody waits for it, and its failure is told by the ping at the end."""
    for title, options in _checks(config):
        if options.start and once_in(_mark(config, title, "-start"), EVERY_S, "start"):
            threading.Thread(target=ping, args=(options, "start", "", until), daemon=True).start()


def _checks(config: Config) -> list[tuple[str, Any]]:
    return [(title, options) for title, options in config.channels.items() if title.partition(" ")[0] == "deadman"]


def _mark(config: Config, title: str, what: str) -> Path:
    return config.paths.run / f"pinged{what}-{title.replace(' ', '-')}"


def trouble(config: Config, book: Book, unsaved: str) -> str:
    """Why this tick is no success, "" when it is one."""
    if unsaved:
        return one_line(f"the tick could not be saved: {unsaved}")
    if book.state.mode == "FAULT" or book.image is None:
        why = sentence(book.decision.why) if book.decision is not None else "nothing is known"
        return one_line(f"FAULT: {why}", 500)
    stale = _stale(book.image, required(config.facts) if config.facts is not None else ())
    return one_line(f"not fresh: {', '.join(stale)}", 500) if stale else ""


def _stale(image: Image, needed: tuple[str, ...]) -> list[str]:
    """The required inputs that are unknown; where none is required, everything being unknown."""
    stale = [
        f"{word(role)} ({value.why or 'unknown'})"
        for role, value in image.site.items()
        if role in ROLES and word(role) in needed and value.value is None
    ]
    if "fan_proof" in needed and image.fans and all(fan.watts is None for fan in image.fans):
        stale.append("fan_proof (no fan's watts are known)")
    if not needed and image.channels and all(value.value is None for value in image.channels.values()):
        stale.append("every input")
    return stale
