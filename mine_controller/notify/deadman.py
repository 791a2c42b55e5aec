"""The dead-man: a service elsewhere that raises the alarm when this controller falls silent (healthchecks and alike).

Success after a saved tick with fresh inputs, `/fail` with the reason otherwise. The service may drop pings beyond five
a minute, so there is at most one a minute and word. For ticks of two minutes: period 2 min, grace 5 min.
"""

from mine_controller.core.option import Secret, option
from mine_controller.notify.message import BODY_MOST, Message, Sent, left_s, one_line, own_login
from mine_controller.record import NamedTuple

PING_S = 5.0
TEXT, HTML, MOST = "sms.txt", "", 10_000
WORDS = {"success": "", "start": "/start", "fail": "/fail", "log": "/log"}


class Options(NamedTuple):
    """Where [deadman] is."""

    url: Secret = option(help="ping address of the check; whoever has it can keep the check quiet")
    start: bool = option(False, help="tell the beginning of each tick too: the service then shows how long one takes")


def check(options: Options) -> tuple[str, ...]:
    """An address; its text is not told."""
    good = options.url.reveal().startswith(("https://", "http://"))
    return () if good else ("url: is not an address that begins with https://",)


def send(options: Options, message: Message, until: float) -> Sent:
    """Leave a line in the check's log; it says nothing about the health of the mine."""
    return ping(options, "log", message.text, until)


def ping(options: Options, word: str, text: str, until: float) -> Sent:
    """`word`: success, start, fail or log. One retry where no answer came."""
    first = _once(options, word, text, until)
    return first if first.ok or first.permanent or left_s(until) < 1 else _once(options, word, text, until)


def _once(options: Options, word: str, text: str, until: float) -> Sent:
    import requests  # noqa: PLC0415 - heavy

    address, mark, query = options.url.reveal().partition("?")
    url = f"{address.rstrip('/')}{WORDS[word]}{mark}{query}"
    try:
        with requests.post(
            url, text.encode()[:10_000], timeout=left_s(until, PING_S / 2), stream=True, allow_redirects=False,
            auth=own_login,
        ) as answer:  # fmt: skip
            said = next(answer.iter_content(BODY_MOST), b"").decode("utf-8", "replace")
    except (requests.RequestException, OSError, ValueError) as error:
        return Sent(ok=False, why=f"no good answer ({type(error).__name__})")  # its text holds the address
    if answer.status_code in (200, 201) and "not found" not in said:
        return Sent(ok=True)
    gone = answer.status_code in (400, 404, 409) or answer.status_code < 300
    return Sent(ok=False, permanent=gone, why=one_line(f"{answer.status_code} {said}", 60))
