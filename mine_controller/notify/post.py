"""All calls of one delivery side by side: a thread a channel, one end for all, no secret in any answer."""

import importlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from mine_controller.core.option import Secret
from mine_controller.notify.message import Channel, Message, Sent
from mine_controller.record import NamedTuple

_ROOM = "mine_controller.notify"
Done = TypeVar("Done")
SHORTEST_SECRET = 4
STARS = "***"
LOGGERS = ("telegram", "httpx", "httpcore", "twilio", "urllib3", "asyncio")


class Call(NamedTuple):
    """One message for one channel; `title` is the section, `options` its filled Options."""

    title: str
    channel: Channel
    options: Any
    message: Message


def post(calls: Sequence[Call], until: float, secrets: Sequence[Secret] = ()) -> dict[str, Sent]:
    """What came of each call, by title, at `until` (monotonic) at the latest. Never raises.

    A library may hang where no timeout reaches (looking up a name); its thread is then left behind and dies with the
    process. The message may still have gone out: it is told again, with the same id.
    """
    found = together(
        {call.title: partial(call.channel.send, call.options, call.message, until) for call in calls}, until
    )
    hidden = (*secrets, *(secret for call in calls for secret in secrets_of(call.options)))
    return {title: sent._replace(why=scrub(sent.why, hidden)) for title, sent in found.items()}


def together(works: dict[str, Callable[[], Sent]], until: float) -> dict[str, Sent]:
    """What came of each by `until`, side by side; secrets are yet to be taken out of what a library says."""
    _quiet()
    answers: dict[str, Sent] = {}

    def run(title: str, work: Callable[[], Sent]) -> None:
        try:
            answers[title] = work()
        except Exception as error:  # noqa: BLE001 - three libraries' surprises: none of them may end the tick
            answers[title] = Sent(ok=False, why=f"{type(error).__name__}: {error}"[:300])

    threads = [threading.Thread(target=run, args=work, daemon=True) for work in works.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = Sent(ok=False, why="no answer in time")
    return {title: answers.get(title, late) for title in works}


def _quiet() -> None:
    """Libraries that log a service's answer to standard error would put it, secrets and all, into cron's mail."""
    import logging  # noqa: PLC0415 - only a tick that tells something needs it

    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def senders(channels: dict[str, Any]) -> dict[str, Any]:
    """Of the sections of this room those that can be sent a message: not the times of heartbeats or of the quiet."""
    found = {title: importlib.import_module(f"{_ROOM}.{title.partition(' ')[0]}") for title in channels}
    return {title: channels[title] for title, module in found.items() if hasattr(module, "send")}


def in_time(work: Callable[[], Done], until: float, late: Callable[[str], Done]) -> Done:
    """What `work` gives, or `late(why)` when it has not come by `until` (monotonic) or raised; why holds no secret."""
    _quiet()
    done: list[Done] = []

    def run() -> None:
        try:
            done.append(work())
        except Exception as error:  # noqa: BLE001 - as in `together`; its text may hold a token, its kind can't
            done.append(late(f"failed with {type(error).__name__}"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(0.0, until - time.monotonic()))
    return done[0] if done else late("no answer in time")


def secrets_of(options: Any) -> tuple[Secret, ...]:
    """Every secret of a channel's options."""
    return tuple(value for value in options if isinstance(value, Secret))


def scrub(text: str, secrets: Iterable[Secret]) -> str:
    """The text without the secrets; of one that is an address, all that follows the host and each part of that too."""
    for secret in secrets:
        for part in _parts(secret.reveal()):
            text = text.replace(part, STARS)
    return text


def _parts(secret: str) -> list[str]:
    """The secret itself and how libraries quote it, the longest first."""
    from urllib.parse import quote  # noqa: PLC0415 - only a failure needs it

    behind = secret.partition("://")[2].partition("/")[2] if "://" in secret else secret
    parts = {secret, quote(secret, safe=""), behind}
    parts |= {one for one in re.split(r"[/:?]", behind) if len(one) > 2 * SHORTEST_SECRET}
    return sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True)
