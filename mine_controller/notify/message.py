"""What a channel is given and what it answers; no channel knows another."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    from requests import PreparedRequest

INFO, WARNING, EMERGENCY = 0, 1, 2
LEVELS = ("info", "warning", "emergency")
DAY_S = 86_400
CALL_S = 10.0  # one call of a channel; all of them side by side have less than 15 s
BODY_MOST = 65_536  # bytes of an answer that are read


class Button(NamedTuple):
    """One button under a message: what stands on it and what comes back when it is pressed (1 to 64 bytes)."""

    label: str
    data: str


class Message(NamedTuple):
    """One message as it goes out. `html` is "" where the channel takes none; `id` names its letters: "#12 #14-#17".

    `level` is the severity of the gravest thing in it; `buttons` are rows, for channels that can show them.
    """

    level: int
    subject: str  # one line
    text: str
    html: str
    id: str
    buttons: tuple[tuple[Button, ...], ...] = ()


class Sent(NamedTuple):
    """What came of it. `permanent`: the same again would fail too. `why` holds no secret; with `ok` it is a remark.

    `retry_after_s`: how long the service wants to be left alone, None when it says nothing.
    """

    ok: bool
    permanent: bool = False
    retry_after_s: float | None = None
    why: str = ""


class Channel(Protocol):
    """A file of this room that delivers messages. `TEXT` and `HTML` name its templates; `MOST` counts characters, or
    what the file's own `size(text)` counts where it has one."""

    TEXT: str
    HTML: str
    MOST: int
    Options: Any
    send: Callable[[Any, Message, float], Sent]


def left_s(until: float, most_s: float = CALL_S) -> float:
    """Seconds that one call may take; never 0, which some libraries read as no limit."""
    return max(0.1, min(most_s, until - time.monotonic()))


def own_login(call: "PreparedRequest") -> "PreparedRequest":
    """As `auth` of a call: the login in its own address and no other. By itself requests takes one from ~/.netrc."""
    from requests.auth import HTTPBasicAuth  # noqa: PLC0415 - heavy
    from requests.utils import get_auth_from_url  # noqa: PLC0415 - the same

    user, password = get_auth_from_url(call.url or "")
    return HTTPBasicAuth(user, password)(call) if user or password else call


def one_line(text: str, most: int = 160) -> str:
    """Foreign text without line breaks and control characters, cut to `most`."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:most]


def is_due(due_at: int, now_s: int) -> bool:
    """True when its time has come; a time beyond tomorrow is one from before the clock was set back."""
    return not now_s < due_at <= now_s + DAY_S


def is_called(due_at: int, last: Mapping[str, str | int], config: str, now_s: int) -> bool:
    """True when a letter is to be looked at: its time has come, or what it waits for holds no more. Its `last` note is
    of another config, whose channels may have been repaired, or of a time ahead of this clock, which was set back."""
    if is_due(due_at, now_s):
        return True
    waits = "quiet" in last or any(key.endswith(" next") for key in last)
    return waits and not is_current(last, config, now_s)


def is_current(last: Mapping[str, str | int], config: str, now_s: int) -> bool:
    """Whether a letter's note tells of back-offs that still count."""
    at = last.get("at")
    return last.get("config") == config and not (isinstance(at, int) and at > now_s)


def wait_s(told: Any) -> float | None:
    """Seconds out of a Retry-After header or field; None when there is no sane number in it."""
    try:
        seconds = float(told)
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds <= DAY_S else None
