"""What a JSON answer says, without trusting any of it: trees, numbers, texts, and an HTTP status in words."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from mine_controller.devices.kind import BadReply, Reply

_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,24})?")  # languages print a float with up to 17 digits
_STATUS = {
    **dict.fromkeys((301, 302, 303, 307, 308), "points to another address: is `url` to be https?"),
    401: "the login was refused",
    403: "the login may not do this",
    404: "there is no such thing",
    429: "too many calls",
}
HUGE = 1e18  # beyond this no meter counts, and no rate in H/s; it keeps float() from overflowing


def tree(reply: Reply) -> Any:
    """The JSON of an answer with a good status. Raises BadReply with the answer's name in it."""
    if reply.status == 0:
        raise BadReply(f"{reply.name}: {clean(reply.headers.get('why', 'no answer'))}")
    if not 200 <= reply.status < 300:
        raise BadReply(f"{reply.name}: {status_words(reply.status)}")
    try:
        return json.loads(reply.body, parse_constant=_nothing)
    except (ValueError, RecursionError):
        raise BadReply(f"{reply.name}: no JSON but {clean(reply.body[:40].decode('latin-1'), 40)!r}") from None


def _nothing(_constant: str) -> None:
    """NaN and Infinity are no values."""


def table(reply: Reply) -> dict[str, Any]:
    """The JSON object of an answer. Raises BadReply."""
    found = tree(reply)
    if not isinstance(found, dict):
        raise BadReply(f"{reply.name}: not a JSON object")
    return found


def rows(reply: Reply, *, all_of_them: bool = False) -> list[dict[str, Any]]:
    """The objects of an answer that is a JSON list. Raises BadReply; with `all_of_them` also for one that is none."""
    found = tree(reply)
    if not isinstance(found, list):
        raise BadReply(f"{reply.name}: not a JSON list")
    objects = [row for row in found if isinstance(row, dict)]
    if all_of_them and len(objects) < len(found):
        raise BadReply(f"{reply.name}: one in its list is no JSON object")
    return objects


def dig(found: Any, path: str) -> Any:
    """The value at a dotted path ("relays.0.ison"); None when there is none."""
    for key in path.split("."):
        if isinstance(found, dict):
            found = found.get(key)
        elif isinstance(found, list) and key.isascii() and key.isdigit() and len(key) < 6 and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found


def number(value: Any) -> float | None:
    """A finite number, also where a device writes it as a text; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if len(text) < 40 and _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < HUGE and math.isfinite(value) else None


def clean(text: Any, length: int = 60) -> str:
    """A device's text as it may be shown: printable, short."""
    shown = str(text)[: length * 4]
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else " " for letter in shown)
    return " ".join(shown.split())[:length]


def status_words(status: int) -> str:
    """An HTTP status as a reason."""
    told = _STATUS.get(status, "")
    return f"{told} ({status})" if told else f"answered {status}"


def wait_s(headers: Mapping[str, str], at_least_s: float = 1.0) -> float:
    """How long `Retry-After` asks to wait, in seconds; its date form is read against the answer's own `Date`."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit() and len(asked) < 9:
        return max(at_least_s, float(asked))
    then, now = moment(asked), moment(headers.get("date", ""))
    return max(at_least_s, then - now) if then is not None and now is not None else at_least_s


def moment(text: str) -> float | None:
    """Epoch seconds of an HTTP date, or None."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - few answers have a date that counts

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
