"""emonCMS feeds: the last value of each, by name and by number.

Seen in the server's source: `feed/list.json` gives texts for numbers when they come from its cache; a feed keeps its
last value for ever, so `time` decides; a wrong key is 401 with a text, a missing one `false` or nothing with HTTP 200,
a wrong route 406, other errors `{"success":false,"message":...}` with HTTP 200. The time of the answer is the server's
own `Date`: this machine's clock says nothing about the server's. A virtual feed (`engine` 7) is worked out when it is
asked for and says the time of the question (VirtualFeed.php, `lastvalue`), however long ago its sources fell silent.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mine_controller.core.option import Secret, option
from mine_controller.devices import _access
from mine_controller.devices._answer import clean, moment, number, tree
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_. -]{0,59}")
_RESERVED = re.compile(r"feed \d+")
_VIRTUAL = 7  # Engine::VIRTUALFEED
# The unit as people write it in emonCMS, or choose it from its list (Lib/units.php): quantity, factor, what is added.
UNITS: dict[str, tuple[str, float, float]] = {
    "W": ("power_w", 1, 0),
    "kW": ("power_w", 1000, 0),
    "Wh": ("energy_kwh", 0.001, 0),
    "kWh": ("energy_kwh", 1, 0),
    "V": ("voltage_v", 1, 0),
    "A": ("current_a", 1, 0),
    "Hz": ("grid_hz", 1, 0),
    "°C": ("temp_c", 1, 0),
    "C": ("temp_c", 1, 0),
    "ºC": ("temp_c", 1, 0),
    "°F": ("temp_c", 5 / 9, -160 / 9),
    "K": ("temp_c", 1, -273.15),
    "%": ("humidity_pct", 1, 0),
    "%RH": ("humidity_pct", 1, 0),
}


class Options(NamedTuple):
    """What the owner says about the server."""

    url: str = option(
        help="address of the server, with its folder if it has one", kind="url", example="http://192.168.1.31/emoncms"
    )
    api_key: Secret = option(Secret(""), help="the read key of the account")
    timeout_s: float = option(5.0, low=1, high=6, unit="s", help="how long the request may take")
    stale_after_s: int = option(120, low=15, high=3600, unit="s", help="a feed with an older value counts as unknown")
    blank_unit: str = option("W", choices=tuple(UNITS), help="the unit of feeds that name none")
    virtual: bool = option(
        False, help="believe virtual feeds too: their time is always now, so a source that died long ago goes unnoticed"
    )
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE


CAN = Can(reads=tuple(sorted({quantity for quantity, _, _ in UNITS.values()})))
LANE = LaneSpec()


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _access.key_faults("api_key", options.api_key)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:  # noqa: ARG001 - one answer holds all feeds
    """All feeds in one request; the key goes in a header, where no log of addresses shows it."""
    key = options.api_key.reveal()
    headers = {"authorization": f"Bearer {key}"} if key else {}
    url = _access.under(options.url, "feed/list.json")
    wanted = Request("GET", url, headers, pin=options.pin, ca_file=options.ca_file)
    return (Reply("feeds", *wire.call(wanted, min(wire.until, wire.now() + options.timeout_s))),)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Channels are the feeds' names where only one has it, and "feed 12"."""
    if not replies:
        raise BadReply("no answer")
    feeds = _feeds(replies[0])
    now_s = moment(replies[0].headers.get("date", ""))
    names = [clean(feed.get("name", ""), 60) for feed in feeds]
    found: list[Found] = []
    for feed, name in zip(feeds, names, strict=True):
        quantity, value, why = _value(feed, now_s, options)
        if quantity:
            found += [Found(channel, quantity, value, why) for channel in _channels(feed, name, names)]
    if not found:
        raise BadReply("no feed with a unit that means something here")
    return tuple(found)


def _feeds(reply: Reply) -> list[dict[str, Any]]:
    if reply.status == 406:
        raise BadReply("no such route: does the address lack a folder such as /emoncms?")
    if reply.status == 200 and reply.body.strip() in (b"", b"false", b"[]"):
        raise BadReply(
            "no feeds: is the key missing, of another account, or kept back by its web server (Authorization)?"
        )
    answer = tree(reply)
    if isinstance(answer, dict) and answer.get("success") is False:
        raise BadReply(f"says {clean(answer.get('message', 'no'), 80)!r}")
    if not isinstance(answer, list):
        raise BadReply("not a list of feeds")
    return [feed for feed in answer if isinstance(feed, dict)]


def _channels(feed: dict[str, Any], name: str, names: list[str]) -> Iterator[str]:
    id_ = number(feed.get("id"))
    if id_ is not None and id_ >= 0:
        yield f"feed {id_:.0f}"
    if _NAME.fullmatch(name) and not _RESERVED.fullmatch(name) and names.count(name) == 1:
        yield name


def _value(feed: dict[str, Any], now_s: float | None, options: Options) -> tuple[str, float | None, str]:
    """Quantity ("" = of no use here), value, and why it is unknown."""
    unit = feed.get("unit") or options.blank_unit
    quantity, factor, more = UNITS.get(unit if isinstance(unit, str) else "", ("", 1.0, 0.0))
    why = _stale(number(feed.get("time")), now_s, options.stale_after_s)
    if number(feed.get("engine")) == _VIRTUAL and not options.virtual:
        why = "a virtual feed does not say how old its sources are: name the feed it comes from, or `virtual = yes`"
    value = number(feed.get("value"))
    if why or value is None:
        return quantity, None, why or "no number"
    return quantity, round(value * factor + more, 6), ""


def _stale(time_s: float | None, now_s: float | None, after_s: int) -> str:
    if time_s is None:
        return "the feed has no data yet"
    if now_s is None:
        return "the server does not say what time it is"
    if now_s - time_s > after_s:
        return f"the feed's last value is {now_s - time_s:.0f} s old"
    return "the feed's time lies in the future" if time_s - now_s > after_s else ""
