"""What the services of pools have in common: wallets as channels, exact amounts, hours and days rolled up.

A wallet is a channel by the first and last six characters of its address ("D8abcd..wxyz12"), the name it keeps when the
list in the config is sorted anew. Beside its figures it reports

    <wallet> rate:history    hash rate, mean of each of the last 24 hours
    <wallet> total:history   everything ever earned, at the end of each of the last 25 hours
    <wallet> held:history    what the pool owes (immature and unpaid), at the end of each of the last 30 days
    <wallet> block:text      the newest blocks it found, or "none"
    <wallet> best:history    the best shares of the last answer, where a share is all that tells of a block
    <wallet> worker <name>:hashrate_hs

and the section itself `coin:text` and `digits:text`, how many digits of an amount lie behind the point. What is kept of
a wallet is of one coin: an address of BTC is one of BCH and BC2 too, and with another one its hours begin anew.

Amounts are whole numbers of the smallest unit the service counts in, never floats. Nothing here is for control: a pool
lags by minutes and jumps by luck. One wallet that can't be read leaves the others readable.
"""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from mine_controller.core import series
from mine_controller.core.option import option
from mine_controller.core.pools import health
from mine_controller.devices import _access, _answer
from mine_controller.devices.kind import Ask, BadReply, Found, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

FORMER = "former"  # the reply that carries what is known and what time it is
PLACES = {"BTC": 8, "BCH": 8, "DGB": 8, "BC2": 8, "XMR": 12}
WALLETS_MOST = 8
WORKERS_MOST = 32
WORKER_LENGTH = 24
BLOCKS_TOLD = 4
SERIES = ("rate", "total", "held")
BEST = "best"
COIN = "coin"
RATE_HOURS, TOTAL_HOURS, HELD_DAYS = 24, 25, 30
AGENT = "minectl"
AMOUNTS = ("immature_n", "unpaid_n", "paid_n")
LATE = "not asked: out of time"
ALIKE = 1_000_000  # two difficulties that differ by less than this part are of one share
TURN_S = 300
SPREAD = 2_654_435_761  # Knuth's multiplier: every wallet has its turn, at whatever step of time the pool is asked

EVERY_S: int = option(300, unit="s", low=120, high=86_400, help="asked at most this often")
EXAMPLE = "D8exampleexampleexampleexample1111, D9exampleexampleexampleexample2222"
WALLETS: tuple[str, ...] = option(help="addresses the pool pays to", example=EXAMPLE)

_WALLET = re.compile(r"(?:[a-z]{3,20}:)?[A-Za-z0-9][A-Za-z0-9_.+-]{5,119}")
_WHOLE = re.compile(r"[0-9]{1,25}")
_COINS = re.compile(r"[0-9]{1,25}(?:\.[0-9]{0,25})?(?:[eE][-+]?[0-9]{1,2})?")  # Decimal takes digits of any script
_NAME = re.compile(r"[^A-Za-z0-9_.#@+-]+")


class Told(NamedTuple):
    """What was told of one wallet. `values` by quantity; None where it should stand and does not.

    `workers`: (name, H/s or None). `blocks`: (name, epoch seconds or None), newest first; None: not told this time.
    `bests`: the best shares, of a pool without a list of blocks: one that is new and as hard as `network` asks for is a
    block. An old one is none, however easy the network becomes.
    """

    values: dict[str, int | float | None]
    workers: tuple[tuple[str, int | None], ...] = ()
    blocks: tuple[tuple[str, int | None], ...] | None = None
    bests: tuple[int, ...] = ()
    network: int | None = None


Tell = Callable[[Mapping[str, Reply], str], Told]


# -- wallets ----------------------------------------------------------------------------------------------------------


def short(wallet: str) -> str:
    """How a wallet is called: without its prefix, the first and the last six characters."""
    bare = wallet.rpartition(":")[2]
    return bare if len(bare) <= 14 else f"{bare[:6]}..{bare[-6:]}"


def faults(wallets: Sequence[str]) -> list[str]:
    """What is wrong with the list, as sentences."""
    found = [
        f"wallets: {_answer.clean(wallet, 20)!r} is no address" for wallet in wallets if not _WALLET.fullmatch(wallet)
    ]
    if len(wallets) > WALLETS_MOST:
        found.append(f"wallets: {WALLETS_MOST} a section are the most; make a second one")
    if len({short(wallet) for wallet in wallets}) < len(wallets):
        found.append("wallets: two of them begin and end alike")
    return found


# -- asking -----------------------------------------------------------------------------------------------------------


def request(url: str, **headers: str) -> Request:
    """A request for JSON by name, so that a pool's owner knows who asks."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", url, {"accept": "application/json", "user-agent": AGENT, **named})


def gather(
    wire: Wire,
    ask: Ask,
    wallets: Sequence[str],
    wanted: Callable[[str], Iterable[tuple[str, Request]]],
    coin: str,
    places: int,
) -> list[Reply]:
    """What is known, then the answers for each wallet, named "<what> <wallet>". Never raises: silence is a reply.

    Where time runs out it is another wallet's turn to wait each time.
    """
    replies = [former(ask, coin, places)]
    turn = (ask.at_s // TURN_S * SPREAD >> 16) % max(1, len(wallets))
    for wallet in (*wallets[turn:], *wallets[:turn]):
        for what, asked in wanted(wallet):
            replies.append(_access.ask_beside(wire, f"{what} {short(wallet)}", asked))
    return replies


def former(ask: Ask, coin: str, places: int) -> Reply:
    """What `parse` needs of the past, as a reply: it stays pure. What is of another coin is "" there."""
    kept, now = ask.memory, f"{coin} {places}"
    parts = [(name, name.rpartition(" "), text) for name, text in kept.items()]
    known = {name: text if kept.get(label, now) == now else "" for name, (label, _, what), text in parts
             if what in (*SERIES, BEST)}  # fmt: skip
    return Reply(FORMER, 200, {"wall_s": str(ask.wall_s), COIN: now}, json.dumps(known).encode())


# -- reading ----------------------------------------------------------------------------------------------------------


def read(replies: Sequence[Reply], wallets: Sequence[str], reads: Sequence[str], tell: Tell) -> list[Found]:
    """Every wallet's figures. `tell` reads one wallet's replies by what they are. BadReply when none can be read."""
    was, wall_s = _past(replies)
    coin = next((reply.headers.get(COIN, "") for reply in replies if reply.name == FORMER), "")
    good: list[Found] = []
    bad: list[tuple[str, str]] = []
    for label, wallet in ((short(wallet), wallet) for wallet in wallets):
        mine = {reply.name.partition(" ")[0]: reply for reply in replies if reply.name.partition(" ")[2] == label}
        if not mine or all(reply.headers.get("why") == LATE for reply in mine.values()):
            continue  # what is known of it only gets older
        try:
            told = tell(mine, wallet)
            if all(value is None for value in told.values.values()):
                raise BadReply("nothing of a wallet in the answer")  # noqa: TRY301 - one place tells why
            good += _said(label, told, was, wall_s)
            good += [Found(label, "memory", coin)] if coin else []
        except BadReply as error:
            bad.append((label, str(error)))
    if not good:
        raise BadReply(bad[0][1] if bad else "no wallet was asked")
    return good + [Found(label, quantity, None, why) for label, why in bad for quantity in reads]


def about(coin: str, places: int) -> tuple[Found, ...]:
    """What amounts of the section are."""
    return Found("coin", "text", coin), Found("digits", "text", str(places))


def _past(replies: Sequence[Reply]) -> tuple[dict[str, str], int]:
    reply = next((reply for reply in replies if reply.name == FORMER), None)
    wall_s = reply.headers.get("wall_s", "0") if reply is not None else "0"
    try:
        known = json.loads(reply.body) if reply is not None else {}
    except ValueError:
        known = {}
    return (known if isinstance(known, dict) else {}), int(wall_s) if wall_s.isdecimal() else 0


def _worker(name: str) -> str:
    """A worker's name as part of a channel; of a long one both ends, because it is the last that tells units apart."""
    short = _NAME.sub("_", name[:200]) or "_"
    return short if len(short) <= WORKER_LENGTH else f"{short[:5]}..{short[7 - WORKER_LENGTH :]}"


def _said(label: str, told: Told, was: Mapping[str, str], wall_s: int) -> list[Found]:
    values = dict(told.values)
    found = _rolled(label, values, was, wall_s) if wall_s else []
    found += [
        Found(label, quantity, value, "" if value is not None else "not in the answer")
        for quantity, value in values.items()
    ]
    names = sorted((_worker(str(name)), rate) for name, rate in told.workers if rate is not None)
    found += [Found(f"{label} worker {name}", "hashrate_hs", rate) for name, rate in dict(names[:WORKERS_MOST]).items()]
    if told.bests and told.network is not None:
        told = told._replace(blocks=_by_shares(told.bests, told.network, was.get(f"{label} {BEST}") or None))
        found.append(Found(f"{label} {BEST}", "history", " ".join(map(str, told.bests))))  # a boot makes none new
    if told.blocks is not None:
        found.append(Found(f"{label} block", "text", _blocks(told.blocks)))
    return found


def _by_shares(bests: Sequence[int], network: int, was: str | None) -> tuple[tuple[str, None], ...] | None:
    """Known by the difficulty of its share, which one pool tells with its fraction and without, or as floats of two
    sizes. None: none is new."""
    before = [int(word) for word in (was or "").split() if _WHOLE.fullmatch(word)]
    fresh = (one for one in bests if all(abs(one - old) * ALIKE > one for old in before))
    hard = sorted({one for one in fresh if one >= network}, reverse=True)
    names = dict.fromkeys(f"share-{one:.4g}" for one in hard)
    return tuple((name, None) for name in names) if hard or was is None else None


def _blocks(blocks: Sequence[tuple[str, int | None]]) -> str:
    return (
        ", ".join(f"{_NAME.sub('_', name)[:20]} {minute(at_s)}".strip() for name, at_s in blocks[:BLOCKS_TOLD])
        or "none"
    )


def minute(at_s: int | None) -> str:
    """2025-11-13 03:13 (UTC); "" for a moment nobody told or none there can be."""
    if at_s is None or not 0 < at_s < 10**11:
        return ""
    return f"{dt.datetime.fromtimestamp(at_s, dt.UTC):%Y-%m-%d %H:%M}"


def _rolled(label: str, values: dict[str, Any], was: Mapping[str, str], wall_s: int) -> list[Found]:
    """The series with this answer in them; fills in what was earned in 24 h where the pool does not tell it itself."""
    hour, day = wall_s // series.HOUR_S, wall_s // series.DAY_S
    held, total = _sums(values)
    found = []
    for name, slot, value, most in (
        ("rate", hour, values.get("hashrate_hs"), RATE_HOURS),
        ("total", hour, total, TOTAL_HOURS),
        ("held", day, held, HELD_DAYS),
    ):
        if value is None:
            found += [Found(f"{label} {name}", "history", "")] if was.get(f"{label} {name}") == "" else []
            continue
        old = series.read(was.get(f"{label} {name}"))
        new = series.put(old, slot, int(value), most, mean=name == "rate")
        found.append(Found(f"{label} {name}", "history", series.write(new)))
        if name == "total" and "earned_day_n" not in values:
            before = new.at(slot - TOTAL_HOURS + 1)
            known = before is not None and value >= before
            why = "" if known else "known after a day" if before is None else "the pool's sum fell"
            found.append(Found(label, "earned_day_n", value - before if known and before is not None else None, why))
    return found


def _sums(values: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """What the pool owes, and that with everything paid; None while a part the pool tells of is not known."""
    told = {name: values[name] for name in AMOUNTS if name in values}
    owed = [value for name, value in told.items() if name != "paid_n"]
    held = sum(owed) if owed and None not in owed else None
    paid = told.get("paid_n")
    return held, held + paid if held is not None and paid is not None else None


# -- values -----------------------------------------------------------------------------------------------------------


def whole(value: Any) -> int | None:
    """A whole number that is not negative, exactly: an integer, a text of digits, or a number without a fraction."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**25
    return value if fits else None


def total(values: Iterable[int | None]) -> int | None:
    """The sum of them all; None when one is not known."""
    told = list(values)
    known = [value for value in told if value is not None]
    return sum(known) if len(known) == len(told) else None


def rounded(value: Any) -> int | None:
    """A rate or a difficulty as a whole number; also written with a letter behind it ("4.57G")."""
    number = health.scaled(value) if isinstance(value, str) else _answer.number(value)
    if number is None and isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e30:
        number = float(value)  # counts beyond what meters count to
    return round(number) if number is not None and 0 <= number < 1e30 else None


def coins(value: Any, places: int) -> int | None:
    """An amount written in coins ("0.00012345") in its smallest unit, exactly; None when it does not come out even."""
    text = value.strip() if isinstance(value, str) else repr(value) if isinstance(value, int | float) else ""
    try:
        amount = Decimal(text).scaleb(places) if _COINS.fullmatch(text) and not isinstance(value, bool) else None
    except InvalidOperation:
        return None
    if amount is None or not amount.is_finite() or not 0 <= amount < 10**25 or amount != amount.to_integral_value():
        return None
    return int(amount)


def moment(value: Any) -> int | None:
    """Epoch seconds; 0 is never. Milliseconds are understood by their size."""
    at = whole(value)
    if at is not None and at >= 10**11:
        at //= 1000
    return at or None
