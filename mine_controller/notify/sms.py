"""SMS through Twilio: short, without pictures, emergencies only unless the owner wants more.

Codes as the service documents them: 20003 bad credentials, 20429 too many requests, 21211 a bad number, 21610 a
recipient who has opted out. `queued` is not delivered: what the carrier does is not known here.

A segment holds 153 letters of the phone's own alphabet (GSM 03.38) but 67 of a message with one other letter in it, so
what stands in no phone's alphabet is written without: 41.2 °C is 41.2 C.
"""

import threading
import time
import unicodedata
from typing import TYPE_CHECKING

from mine_controller.core.option import Secret, option
from mine_controller.notify.message import LEVELS, Message, Sent, left_s, one_line
from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    from twilio.base.exceptions import TwilioRestException
    from twilio.rest import Client

TEXT, HTML, MOST = "sms.txt", "", 459  # three segments of plain letters: of more than one, each holds 153 and not 160
OTHER_MOST = 201  # three segments of other letters: each holds 67
NUMBER_FIRST = "+"
_PLAIN = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_DOUBLE = frozenset("^{}\\[~]|€")  # of the alphabet too, two places each
_WITHOUT = str.maketrans({"°": "", "·": "-", "–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "`": "'"})  # noqa: RUF001 - as above
SPARE_S = 0.2  # what came of those who answered is told before the delivery ends


class Options(NamedTuple):
    """Where [sms] tells."""

    account: str = option(help="account SID", example="AC0123456789abcdef0123456789abcdef")
    token: Secret = option(help="auth token of the account")
    sender: str = option(help="your Twilio number, or the SID of a messaging service (MG...)", example="+15550001111")
    to: tuple[str, ...] = option(help="who is told, with the country's code", example="+15550002222")
    least: str = option("emergency", choices=LEVELS, help="the least that is told here")
    repeat_s: int = option(
        1800, unit="s", low=0, high=86_400, help="the repeats of an emergency nobody acked come here this far apart"
    )
    api_url: str = option("https://api.twilio.com", kind="url", help="where the API is")


def check(options: Options) -> tuple[str, ...]:
    """Numbers as the service takes them."""
    wrong = [one for one in options.to if one[:1] != NUMBER_FIRST or not one[1:].isdigit()]
    return tuple(f"to: {one} is not a number like +15550002222" for one in wrong)


def plain(text: str) -> str:
    """The text in the phone's alphabet, accents left away where it has none; as it stands where that is not enough."""
    folded = "".join(map(_folded, text.translate(_WITHOUT)))
    return folded if _is_plain(folded) else text


def _folded(letter: str) -> str:
    if letter in _PLAIN or letter in _DOUBLE:
        return letter
    return "".join(one for one in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(one))


def _is_plain(text: str) -> bool:
    return all(letter in _PLAIN or letter in _DOUBLE for letter in text)


def size(text: str) -> int:
    """The places it takes of the `MOST`, as it is sent."""
    sent = plain(text)
    if _is_plain(sent):
        return len(sent) + sum(letter in _DOUBLE for letter in sent)
    return -(-len(sent.encode("utf-16-le", "replace")) * MOST // (2 * OTHER_MOST))


def send(options: Options, message: Message, until: float) -> Sent:
    """One call a recipient, side by side; ok when the service took it for at least one of them."""
    from twilio.http.http_client import TwilioHttpClient  # noqa: PLC0415 - heavy
    from twilio.rest import Client  # noqa: PLC0415 - 0.4 s

    http = TwilioHttpClient(timeout=left_s(until), pool_connections=False)
    client = Client(options.account, options.token.reveal(), http_client=http)
    client.api.base_url = options.api_url.rstrip("/")
    each = _each(client, options, plain(message.text), until - SPARE_S)
    failed = {number: sent for number, sent in each.items() if not sent.ok}
    told = "; ".join(f"{number[:3]}..{number[-3:]}: {sent.why}" for number, sent in failed.items())
    waits = [sent.retry_after_s for sent in failed.values() if sent.retry_after_s is not None]
    ok, permanent = len(failed) < len(each), all(sent.permanent for sent in failed.values())
    return Sent(ok, permanent and not ok, max(waits, default=None), told)


def _each(client: "Client", options: Options, text: str, until: float) -> dict[str, Sent]:
    """What came of each number by `until` (monotonic). One after the other the last ones would come too late on a slow
    line, all of it would count as untold, and the first ones would be written to again and again."""
    found: dict[str, Sent] = {}

    def run(number: str) -> None:
        try:
            found[number] = _one(client, options, number, text)
        except Exception as error:  # noqa: BLE001 - a library's surprise at one number is no reason to lose the others
            found[number] = Sent(ok=False, why=f"failed with {type(error).__name__}")

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in dict.fromkeys(options.to)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = Sent(ok=False, why="no answer in time")
    return {number: found.get(number, late) for number in options.to}


def _one(client: "Client", options: Options, number: str, text: str) -> Sent:
    from requests import RequestException  # noqa: PLC0415 - see send
    from twilio.base.exceptions import TwilioException, TwilioRestException  # noqa: PLC0415 - the same

    way = "messaging_service_sid" if options.sender.startswith("MG") else "from_"
    try:
        client.messages.create(to=number, body=text, **{way: options.sender})
    except TwilioRestException as error:
        return _refused(error)
    except (TwilioException, RequestException, OSError, ValueError) as error:
        return Sent(ok=False, why=f"no good answer ({type(error).__name__})")  # its text holds the account's address
    return Sent(ok=True)


def _refused(error: "TwilioRestException") -> Sent:
    later = error.status == 429 or error.status >= 500
    return Sent(ok=False, permanent=not later, why=one_line(f"{error.code or error.status} {error.msg}"))
