"""What comes back from Telegram: updates fetched by offset, understood as far as they concern us, and answered.

Fetched with `requests`, which every tick has loaded anyway, and read here: the library costs a second to import on a
small board, and reads a batch as a whole, so that one damaged update would hold up all behind it for a day. Answers
go through the library.

As the Bot API documents it: an offset one above an update's number ends that update and all before it; updates are
kept for a day; a negative offset counts from the newest; 409 stands for a second reader or a webhook; the numbers begin
anew somewhere else after a week without any. Who is an admin of a group and stays anonymous writes as the group itself
(sender_chat), with a bot of Telegram's in place of the user. What is written into a channel comes as channel_post, from
the channel and from no user: only its admins can write there.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from mine_controller.notify.message import Button, Sent, left_s, one_line, own_login, wait_s
from mine_controller.notify.post import in_time
from mine_controller.notify.telegram import Options, bot_of, keyboard, refused
from mine_controller.record import NamedTuple

KINDS = ("message", "channel_post")
POLL_S = 4.0
LIMIT, FEW = 100, 5  # updates in one fetch; after trouble few, which also a slow line brings in the time there is
BODY_MOST = 1_000_000
TEXT_MOST, NAME_MOST, DATA_MOST = 200, 40, 64
ANONYMOUS = "an anonymous admin"
LATE, LARGE = "no answer in time", "an answer that can't be read"  # why a body is not whole
_UPDATE = re.compile(rb'"update_id"\s*:\s*([0-9]{1,15})')


class Update(NamedTuple):
    """One thing somebody did in a chat. `data` is a pressed button's, `press` what it is answered by; else both "".

    `at` is when a message was written; 0 for a button, whose message may be days old. `private`: a chat of two.
    """

    id: int
    chat: str
    user: str
    name: str
    text: str = ""
    data: str = ""
    press: str = ""
    at: int = 0
    private: bool = False


class Heard(NamedTuple):
    """What one fetch brought. `next`: the offset that ends all of it, None when there was nothing; `strange` updates
    can't be read or are none of ours. `sent` tells what went wrong; `full`: there may be more."""

    sent: Sent
    updates: tuple[Update, ...] = ()
    next: int | None = None
    strange: int = 0
    full: bool = False


class Reply(NamedTuple):
    """One answer. `press`: the button it answers with the short `toast`; `text` (HTML) "" sends no message."""

    chat: str
    text: str = ""
    buttons: tuple[tuple[Button, ...], ...] = ()
    press: str = ""
    toast: str = ""


def fetch(options: Options, offset: int | None, until: float, limit: int = LIMIT) -> Heard:
    """The updates from `offset` on; None: all there are. Back by `until` (monotonic); raises nothing."""
    return in_time(lambda: _fetch(options, offset, until, limit), until, lambda why: Heard(Sent(ok=False, why=why)))


def _fetch(options: Options, offset: int | None, until: float, limit: int) -> Heard:
    import requests  # noqa: PLC0415 - heavy

    url = f"{options.api_url.rstrip('/')}/bot{options.token.reveal()}/getUpdates"
    ask: dict[str, Any] = {"timeout": 0, "limit": limit, "allowed_updates": [*KINDS, "callback_query"]}
    if offset is not None:
        ask["offset"] = offset
    try:
        with requests.post(
            url, json=ask, timeout=left_s(until, POLL_S / 2), stream=True, allow_redirects=False, auth=own_login
        ) as answer:
            body, cut = _body(answer.iter_content(16_384), until)
            return read(answer.status_code, body, cut, limit)
    except (requests.RequestException, OSError, ValueError) as error:
        return Heard(Sent(ok=False, why=f"no good answer ({type(error).__name__})"))  # its text holds the token


def _body(parts: Iterator[bytes], until: float) -> tuple[bytes, str]:
    """As much as may be read in the time there is, and why that may not be all; "" where it is."""
    body = b""
    for part in parts:
        body += part
        if len(body) > BODY_MOST:
            return body, LARGE
        if left_s(until) <= 0.1:
            return body, LATE
    return body, ""


def read(status: int, body: bytes, cut: str = "", limit: int = LIMIT) -> Heard:
    """What an answer says. One that can't be read is skipped by the number of its first update; one that only came too
    late to be read to its end is asked for again: what nobody has read may be a stop."""
    try:
        said = json.loads(body) if cut != LARGE else None
    except (ValueError, RecursionError):
        said = None
    if status != 200:
        return Heard(_failed(status, said if isinstance(said, dict) else {}))
    found = said.get("result") if isinstance(said, dict) and said.get("ok") is True else None
    if not isinstance(found, list) and cut == LATE:
        return Heard(Sent(ok=False, why=LATE))
    if not isinstance(found, list):
        first = _UPDATE.search(body)
        return Heard(Sent(ok=False, why=LARGE), next=int(first[1]) + 1 if first else None, strange=1 if first else 0)
    numbers = [number for one in found if (number := _number(_part(one), "update_id")) >= 0]
    updates = tuple(update for one in found if (update := _update(_part(one))) is not None)
    after = max(numbers) + 1 if numbers else None
    return Heard(Sent(ok=True), updates, after, len(found) - len(updates), len(found) >= limit)


def _failed(status: int, said: dict[str, Any]) -> Sent:
    why = one_line(f"{status} {said.get('description', '')}")
    if status == 429:
        return Sent(ok=False, retry_after_s=wait_s(_part(said.get("parameters")).get("retry_after")), why=why)
    if status == 409:
        why = "another program or a webhook takes what is written to this bot: give this site a bot of its own"
    elif status in (401, 404):
        why = "the token is refused: ask @BotFather"
    return Sent(ok=False, permanent=400 <= status < 500, why=why)


def _part(one: Any) -> dict[str, Any]:
    return one if isinstance(one, dict) else {}


def _number(part: dict[str, Any], key: str) -> int:
    """A whole number that is not negative; -1 for anything else."""
    value = part.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15 else -1


def _id(part: dict[str, Any]) -> str:
    """A chat's or a user's number as text; "" for anything else."""
    value = part.get("id")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15 else ""


def _text(part: dict[str, Any], key: str, most: int) -> str:
    value = part.get(key)
    return one_line(value, most) if isinstance(value, str) else ""


def _update(one: dict[str, Any]) -> Update | None:
    """A message with a text, or a button, from a person in a chat; None for anything else."""
    pressed = _part(one.get("callback_query"))
    written = next((one[kind] for kind in KINDS if kind in one), None)
    message = _part(pressed.get("message") if pressed else written)
    chat, author = _part(message.get("chat")), _part(message.get("sender_chat"))
    user = _part(pressed.get("from") if pressed else author if "channel_post" in one else message.get("from"))
    number, press = _number(one, "update_id"), _text(pressed, "id", DATA_MOST)
    what = _text(pressed, "data", DATA_MOST) if pressed else _text(message, "text", TEXT_MOST)
    whole = number >= 0 and _id(user) and _id(chat) and what and (press or not pressed)
    group = not pressed and "" != _id(author) == _id(chat)  # an admin who stays anonymous
    if not whole or ((user.get("is_bot") is True or "channel_post" in one) and not (group or pressed)):
        return None
    known = _text(user, "username", NAME_MOST) or _text(user, "first_name", NAME_MOST) or "somebody"
    name = ANONYMOUS if group else known
    private = chat.get("type") == "private"
    if pressed:
        return Update(number, _id(chat), _id(user), name, "", what, press, 0, private)
    return Update(number, _id(chat), _id(user), name, what, "", "", max(0, _number(message, "date")), private)


def reply(options: Options, replies: Sequence[Reply], until: float) -> list[Sent]:
    """Answer in order until `until`; what was not reached is not in the list. Raises nothing."""
    done: list[Sent] = []
    late = in_time(lambda: _reply(options, replies, until, done), until, lambda why: Sent(ok=False, why=why))
    told = list(done)  # a thread left behind may still add to the other one
    return told if late.ok else [*told[: len(replies) - 1], late]


def _reply(options: Options, replies: Sequence[Reply], until: float, done: list[Sent]) -> Sent:
    import asyncio  # noqa: PLC0415 - only where somebody asked
    import os  # noqa: PLC0415 - the same

    os.environ.setdefault("PTB_TIMEDELTA", "true")  # else the library warns, on cron's mail, at every 429

    async def every() -> None:
        async with bot_of(options, until) as bot:
            for one in replies:
                done.append(await _one(bot, one))
                if not done[-1].ok and done[-1].retry_after_s is not None:
                    return

    async def bounded() -> None:
        await asyncio.wait_for(every(), left_s(until))

    try:
        asyncio.run(bounded())
    except TimeoutError:
        return Sent(ok=False, why="no answer in time")
    return Sent(ok=True)


async def _one(bot: Any, one: Reply) -> Sent:
    from telegram.error import BadRequest, TelegramError  # noqa: PLC0415 - heavy

    try:
        if one.press:
            try:
                await bot.answer_callback_query(one.press, one.toast[:180])
            except BadRequest:  # pressed too long ago: nobody waits for it any more
                if not one.text:
                    return Sent(ok=True, why="the button was pressed too long ago to be answered")
        if one.text:
            marks = keyboard(one.buttons) if one.buttons else None
            await bot.send_message(one.chat, one.text, parse_mode="HTML", reply_markup=marks)
    except TelegramError as error:
        return refused(error)
    return Sent(ok=True)
