"""Discord by a webhook: an embed in the colour of its severity; nobody is ever mentioned.

Answers as seen from the service: 429 with retry_after, 404 "Unknown Webhook" and 401 for a webhook that is gone. An
address as the service shows it names no version of its API: an old one answers then, and counts retry_after in whole
milliseconds, which since version 8 are seconds (discord-api-docs, issues 2360 and 4722). Too many wrong answers in ten
minutes ban the address, so those are left alone for an hour.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from mine_controller.core.option import Secret, option
from mine_controller.notify.message import BODY_MOST, LEVELS, Message, Sent, left_s, one_line, own_login, wait_s
from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    from requests import Response

TEXT, HTML, MOST = "discord.txt", "", 4096  # as it is sent, with its backslashes
COLOURS = (0x3B82F6, 0xF59E0B, 0xDC2626)  # information, warning, emergency
TITLE_MOST = 120  # a title takes 256, of which every second may be a backslash
PAGE = "200 and a web page: is it the address of a webhook?"
_NEW = re.compile(r"/api/v(?:[89]|[1-9][0-9])/")  # of these the answers count in seconds
_MARKUP = re.compile(r"[\\*_~`|\[\]<>]|^[#-]", re.MULTILINE)


class Options(NamedTuple):
    """Where [discord] tells."""

    webhook: Secret = option(help="address of the channel's webhook; whoever has it can write there")
    least: str = option("info", choices=LEVELS, help="the least that is told here")


def check(options: Options) -> tuple[str, ...]:
    """An address; its text is not told."""
    good = options.webhook.reveal().startswith(("https://", "http://"))
    return () if good else ("webhook: is not an address that begins with https://",)


def send(options: Options, message: Message, until: float) -> Sent:
    """Post it and wait for the word that it was kept."""
    import requests  # noqa: PLC0415 - heavy

    embed = {"title": escaped(one_line(message.subject, TITLE_MOST)), "description": escaped(message.text)}
    embed["color"] = COLOURS[message.level]  # type: ignore[assignment]
    body = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    head = {"User-Agent": "minectl (notifications)"}
    call = requests.Request(
        "POST", options.webhook.reveal(), params={"wait": "true"}, json=body, headers=head, auth=own_login
    )
    try:
        with requests.Session() as session:
            made = session.prepare_request(call)
            answer = session.send(made, timeout=left_s(until), stream=True, allow_redirects=False)
            with answer:
                return _understood(answer, new=_NEW.search(options.webhook.reveal()) is not None)
    except (requests.RequestException, OSError, ValueError) as error:
        return Sent(ok=False, why=f"no good answer ({type(error).__name__})")  # its text holds the webhook


def escaped(text: str) -> str:
    """The text as it stands: what Discord would take for markup, a link's name or a mention has a backslash before it.

    Cut to what an embed takes, which only a text does that was not made to the measure of `size`.
    """
    return _MARKUP.sub(r"\\\g<0>", text)[:MOST]


def size(text: str) -> int:
    """The places it takes of the `MOST`, as it is sent: some letters are two, and each backslash is one."""
    return len(_MARKUP.sub(r"\\\g<0>", text).encode("utf-16-le", "replace")) // 2


def _understood(answer: "Response", *, new: bool) -> Sent:
    if answer.status_code in (200, 204):
        page = answer.headers.get("Content-Type", "").lower().startswith("text/html")
        return Sent(ok=False, why=PAGE) if page else Sent(ok=True)
    said = _json(next(answer.iter_content(BODY_MOST), b""))
    why = one_line(f"{answer.status_code} {said.get('message', '')}")
    if answer.status_code == 429:
        told = said.get("retry_after", answer.headers.get("Retry-After"))
        return Sent(ok=False, retry_after_s=wait_s(told / 1000 if isinstance(told, int) and not new else told), why=why)
    return Sent(ok=False, permanent=300 <= answer.status_code < 500, why=why)


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
