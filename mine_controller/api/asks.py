"""How a request over HTTP is put to the mine: filed in the inbox, taken by a tick that starts at once, answered.

Nothing here touches a device, or the database: the tick does, after it has judged.
"""

import json
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from starlette.responses import Response

from mine_controller.api.site import Site
from mine_controller.config.model import Config, ConfigError
from mine_controller.ops import replies
from mine_controller.ops.outcomes import ANSWERS_S, answered, outcomes
from mine_controller.ops.replies import BUSY, Answer, Started, Wanted
from mine_controller.record import NamedTuple
from mine_controller.store.db import Paths, StoreTrouble
from mine_controller.store.inbox import file_requests

SOURCE = "api"
WAIT_S = 120  # less than a web server in front gives it; whoever waits longer has the number to ask after
WAITERS = 8  # connections that may wait at a time; the others get their number at once
TROUBLE = 1
TAKEN = "the tick that was at work took it"
LOOK = "`minectl doctor` tells what helps"
NOBODY: tuple[int, Sequence[str]] = (0, ())


class Caller(NamedTuple):
    """Who asks: the token's name and role ("" and "" = nobody's token), and from where."""

    name: str
    role: str
    address: str


class Problem(Exception):  # noqa: N818 - an answer with a status, not a fault of the program
    """What was asked can't be done: the status, and one sentence with the remedy."""

    def __init__(self, status: int, text: str, **more: Any) -> None:
        super().__init__(text)
        self.status = status
        self.body = {"error": text, **more}


class Ascii(Response):
    """JSON with everything outside ASCII escaped: no byte of a device reaches anybody raw, no code point breaks it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Compact; what is no number is null."""
        return json.dumps(content, separators=(",", ":"), allow_nan=False, default=str).encode("ascii")


def file(paths: Paths, caller: Caller, wanted: Sequence[Wanted]) -> tuple[int, ...]:
    """Into the inbox with the token's name and the address, all of them or none; gives their ids. StoreTrouble."""
    fresh = not paths.inbox.exists()
    actor = f"token {caller.name}" if caller.name else "nobody"
    numbers = tuple(file_requests(paths, (SOURCE, actor, os.getuid(), caller.address), wanted))
    if fresh:
        replies.give_to_owner(paths.inbox)
    return numbers


class Desk:
    """Takes requests, starts ticks one at a time, and waits for those who want to."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._lock = threading.Lock()
        self._waiting: list[tuple[tuple[int, ...], Future[Started]]] = []
        self._at_work = False
        self._waiters = threading.BoundedSemaphore(WAITERS)

    def put(
        self,
        caller: Caller,
        wanted: Sequence[Wanted],
        *,
        wait: bool,
        more: dict[str, Any] | None = None,
        of: tuple[int, Sequence[str]] = NOBODY,
    ) -> Ascii:
        """File them all, have a tick take them; 202 with their numbers, or its outcome when waited for.

        `of`: the tick before, and the miners of which `outcomes` then says what they were told or wait for.
        200: done · 409: refused by the tick · 202: filed, and not judged yet, or its answer can't be read. Raises
        StoreTrouble: not filed.
        """
        config = self.site.config()
        numbers = file(config.paths, caller, wanted)
        body = {"request_id": numbers[0] if numbers else None, "request_ids": list(numbers), "tick_started": True}
        future, began_s = self.start(numbers), time.monotonic()
        if not wait or not self._waiters.acquire(blocking=False):
            return Ascii(body | (more or {}), 202)
        try:
            started = future.result(WAIT_S)
            left_s = min(ANSWERS_S, int(began_s + WAIT_S - time.monotonic())) if started.code == BUSY else 0
            told = {"outcomes": answered(lambda: outcomes(config, *of), most_s=left_s)} if of[1] else {}
            return _told(config, body | (more or {}) | told, wanted, numbers, started)
        except TimeoutError:
            return Ascii(body | (more or {}), 202)
        except StoreTrouble as trouble:  # it is filed all the same, and whoever asked again would have it twice
            notes = [*(more or {}).get("notes", ()), f"what came of it can't be read: {trouble.text}; {LOOK}"]
            return Ascii(body | (more or {}) | {"notes": notes}, 202)
        finally:
            self._waiters.release()

    def note(self, caller: Caller, wanted: Sequence[Wanted]) -> int | None:
        """Only file them, for the audit log: the next tick writes them down. Raises StoreTrouble."""
        return next(iter(file(self.site.config().paths, caller, wanted)), None)

    def start(self, numbers: tuple[int, ...] = ()) -> Future[Started]:
        """A tick, soon; while one is at work all that come meanwhile share the next."""
        future: Future[Started] = Future()
        with self._lock:
            self._waiting.append((numbers, future))
            if not self._at_work:
                try:
                    threading.Thread(target=self._work, name="ticks", daemon=True).start()
                except RuntimeError as error:  # none left just now: whoever asks next tries again
                    self._waiting.pop()
                    future.set_result(Started(TROUBLE, f"the tick could not be started: {error}"))
                else:
                    self._at_work = True
        return future

    def _work(self) -> None:
        while True:
            with self._lock:
                taken, self._waiting = self._waiting, []
                if not taken:
                    self._at_work = False
                    return
            started = self._tick(tuple(number for numbers, _ in taken for number in numbers))
            for _, future in taken:
                future.set_result(started)

    def _tick(self, numbers: tuple[int, ...]) -> Started:
        try:
            return replies.take(self.site.config(), numbers)[0]
        except (StoreTrouble, ConfigError, OSError) as trouble:
            return Started(TROUBLE, str(trouble))
        except Exception as error:  # noqa: BLE001 - a fault of one tick must not end this thread: no tick would start again
            return Started(TROUBLE, f"the tick could not be started: {type(error).__name__}")


def _told(
    config: Config, body: dict[str, Any], wanted: Sequence[Wanted], numbers: Sequence[int], started: Started
) -> Ascii:
    found = replies.answers(config, numbers)
    body |= {"outcome": [_outcome(one, answer) for one, answer in zip(wanted, found, strict=True)]}
    verdicts = {answer.verdict for answer in found}
    taken = started.code == BUSY and "" not in verdicts  # by the next round of a tick that was at work
    body |= {"tick": {"exit": started.code, "said": TAKEN if taken else started.said or None}}
    if "refused" in verdicts:
        return Ascii(body, 409)
    return Ascii(body, 202 if "" in verdicts or (started.code and not taken) else 200)


def _outcome(wanted: Wanted, answer: Answer) -> dict[str, Any]:
    return {
        "request": answer.request,
        "verb": wanted.verb,
        "args": list(wanted.args),
        "verdict": answer.verdict or None,
        "why": answer.why,
    }


def until(for_s: int) -> int:
    """Wall time at which it ends; 0 = until changed."""
    return int(time.time()) + for_s if for_s else 0
