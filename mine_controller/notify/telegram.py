"""Telegram: one chat a section, told by a bot. A second chat is a second section: [telegram family].

Codes and texts as the Bot API answered them: 429 with retry_after, 401 for a wrong token, 403 for a chat that blocked
the bot, 400 for a chat that does not exist, 400 with migrate_to_chat_id for a group that is a supergroup now, 5xx while
the service is down. What comes back from the chat is read by notify/chat.py.
"""

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mine_controller.core.option import Secret, option
from mine_controller.notify.message import INFO, LEVELS, Button, Message, Sent, left_s, one_line, wait_s
from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from telegram import Bot, InlineKeyboardMarkup

TEXT, HTML, MOST = "telegram.txt", "telegram.html", 4096
MOVED = "the chat has moved: set chat_id = {}"


class Options(NamedTuple):
    """Where [telegram] tells."""

    token: Secret = option(help="the bot's token, from @BotFather")
    chat_id: str = option(
        help="number of the chat or @name of the channel; only by its number it is listened to",
        example="-1001234567890",
    )
    least: str = option("info", choices=LEVELS, help="the least that is told here")
    quiet_info: bool = option(True, help="information makes no sound")
    listen: bool = option(
        True, help="buttons and commands (/status, /stop ...) from this chat are answered, after the next tick"
    )
    users: tuple[str, ...] = option(
        (), help="numbers of the only users who are listened to; empty = everybody in the chat", example="123456789"
    )
    api_url: str = option("https://api.telegram.org", kind="url", help="where the Bot API is")


def check(options: Options) -> tuple[str, ...]:
    """Users are known by their numbers: a name can be taken over by somebody else."""
    wrong = [
        f"users: {one[:40]} is not a number; @userinfobot tells it" for one in options.users if not one.isdecimal()
    ]
    if options.users and not options.listen:
        wrong.append("users: stands beside listen = no, so nobody is listened to")
    return tuple(wrong)


def hears(options: Options) -> bool:
    """Whether what is pressed and written in this chat is heard: it comes with the chat's number, and a name may be
    another chat's tomorrow."""
    return options.listen and not options.chat_id.startswith("@")


def send(options: Options, message: Message, until: float) -> Sent:
    """Send it as HTML; as plain text when Telegram can't read the HTML of the owner's template. A group that became a
    supergroup has another number, which the refusal names: what is told goes there, and says what to set."""
    import os  # noqa: PLC0415 - only a tick that tells something needs it

    os.environ.setdefault("PTB_TIMEDELTA", "true")  # else the library warns, on cron's mail, at every 429
    from telegram.error import ChatMigrated, TelegramError  # noqa: PLC0415 - 125 ms

    try:
        try:
            return _told(options, message, until)
        except ChatMigrated as moved:
            there = options._replace(chat_id=str(moved.new_chat_id))
            return _told(there, _moved(message, moved.new_chat_id), until)._replace(why=MOVED.format(moved.new_chat_id))
    except TimeoutError:
        return Sent(ok=False, why="no answer in time")
    except TelegramError as error:
        return refused(error)


def _told(options: Options, message: Message, until: float) -> Sent:
    """Sent, as HTML or as plain text; what the library raises goes on up."""
    import asyncio  # noqa: PLC0415 - see send

    from telegram.error import BadRequest  # noqa: PLC0415 - the same

    async def bounded(html: str) -> None:
        await asyncio.wait_for(_send(options, message._replace(html=html), until), left_s(until))

    try:
        asyncio.run(bounded(message.html))
    except BadRequest as error:
        if not message.html or "parse" not in str(error).lower():
            raise
        asyncio.run(bounded(""))
        return Sent(ok=True, why="the template's HTML was refused; sent as plain text")
    return Sent(ok=True)


def _moved(message: Message, chat: int) -> Message:
    """With what to set, where there is room for it, and without buttons: nobody hears them in a chat of that number."""
    bare = message._replace(buttons=())
    text, html = (f"{one}\n{MOVED.format(chat)}" if one else "" for one in (message.text, message.html))
    fits = max(len(one.encode("utf-16-le", "replace")) // 2 for one in (text, html)) <= MOST
    return bare._replace(text=text, html=html) if fits else bare


async def _send(options: Options, message: Message, until: float) -> None:
    async with bot_of(options, until) as bot:
        await bot.send_message(
            options.chat_id,
            message.html or message.text,
            parse_mode="HTML" if message.html else None,
            disable_notification=options.quiet_info and message.level == INFO,
            reply_markup=keyboard(message.buttons) if message.buttons and hears(options) else None,
        )


@asynccontextmanager
async def bot_of(options: Options, until: float) -> "AsyncIterator[Bot]":
    """The library's bot, with an end for each of its calls."""
    from telegram import Bot  # noqa: PLC0415 - heavy
    from telegram.request import HTTPXRequest  # noqa: PLC0415 - the same

    each_s = left_s(until)
    request = HTTPXRequest(connect_timeout=each_s, read_timeout=each_s, write_timeout=each_s, pool_timeout=each_s)
    address = f"{options.api_url.rstrip('/')}/bot"
    try:
        yield Bot(options.token.reveal(), address, request=request, get_updates_request=request)
    finally:
        await request.shutdown()


def keyboard(rows: tuple[tuple[Button, ...], ...]) -> "InlineKeyboardMarkup":
    """Buttons as the library has them."""
    from telegram import InlineKeyboardButton, InlineKeyboardMarkup  # noqa: PLC0415 - heavy

    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(one.label, callback_data=one.data) for one in row] for row in rows]
    )


def refused(error: Exception) -> Sent:
    """What an error of the library means for another try."""
    from telegram import error as errors  # noqa: PLC0415 - heavy

    tell: dict[type[Exception], Callable[[Any], Sent]] = {
        errors.RetryAfter: lambda one: Sent(ok=False, retry_after_s=_seconds(one.retry_after), why="too many messages"),
        errors.InvalidToken: lambda _: Sent(ok=False, permanent=True, why="the token is refused: ask @BotFather"),
        errors.Conflict: lambda _: Sent(
            ok=False, permanent=True, why="another program or a webhook takes what is written to this bot"
        ),
        errors.Forbidden: lambda one: Sent(ok=False, permanent=True, why=one_line(one.message)),
        errors.ChatMigrated: lambda one: Sent(ok=False, permanent=True, why=MOVED.format(one.new_chat_id)),
        errors.TimedOut: lambda _: Sent(ok=False, why="no answer in time"),
        errors.BadRequest: lambda one: Sent(ok=False, permanent=True, why=one_line(one.message)),
        errors.NetworkError: lambda one: Sent(ok=False, why=one_line(one.message)),
    }
    for kind, made in tell.items():
        if isinstance(error, kind):
            return made(error)
    return Sent(ok=False, why=one_line(str(error)))


def _seconds(told: Any) -> float | None:
    """The library has it as a timedelta, older versions of it as a number."""
    return wait_s(told.total_seconds() if hasattr(told, "total_seconds") else told)
