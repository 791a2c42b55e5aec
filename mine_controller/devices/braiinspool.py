"""Braiins Pool (once Slush Pool): workers, hash rate and rewards of one account, by its access token.

Settings > Access Profiles makes a token that may use the web API; it goes in the header Pool-Auth-Token (the supplier's
page on monitoring). /accounts/profile/json/btc/ answers btc {hash_rate_unit, hash_rate_5m, hash_rate_60m, ok_workers,
low_workers, off_workers, dis_workers, current_balance, today_reward, all_time_reward}, amounts as texts in BTC;
/accounts/workers/json/btc/ answers btc.workers {"user.rig": {state, hash_rate_unit, hash_rate_60m, last_share}}. A
token that is wrong is 403. They ask for one request in 5 s at most, so the two take turns; workers that can't be read
leave the balances readable.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer, _poolapi
from mine_controller.devices._poolapi import Told
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Wire

ACCOUNT = ("hashrate_hs", "workers_n", "workers_all_n", "unpaid_n", "paid_n", "earned_day_n", "share_wall_s")
CAN = Can(reads=(*ACCOUNT, "text", "history"))
LANE = LaneSpec()
OUTSIDE = True
WHO = "account"  # the one channel, where other pools have wallets
PATHS = {"profile": "/accounts/profile/json/btc/", "workers": "/accounts/workers/json/btc/"}
TURN = "turn"  # the memory of what was asked last
UNITS = {"h/s": 1.0, "kh/s": 1e3, "mh/s": 1e6, "gh/s": 1e9, "th/s": 1e12, "ph/s": 1e15, "eh/s": 1e18}
STATES = ("ok_workers", "low_workers", "off_workers", "dis_workers")
PLACES = 8


class Options(NamedTuple):
    """One account."""

    token: Secret = option(help="access token of a profile that may use the web API", example="${secret:braiins}")
    url: str = option("https://pool.braiins.com", kind="url", help="its address")
    every_s: int = _poolapi.EVERY_S


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """The past, and "profile account" or "workers account" in turn."""
    what = "workers" if ask.memory.get(TURN) == "profile" else "profile"
    wanted = _poolapi.request(_access.under(options.url, PATHS[what]), Pool_Auth_Token=options.token.reveal())
    answer = (_access.ask_beside if what == "workers" else _access.ask)(wire, f"{what} {WHO}", wanted)
    return _poolapi.former(ask, "BTC", PLACES), answer


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Figures of the account. Raises BadReply where its profile can't be read; workers that can't are unknown, so that
    it is the profile's turn again."""
    del options
    asked = next((reply.name.partition(" ")[0] for reply in replies if reply.name.endswith(f" {WHO}")), "")
    if not asked:
        return ()
    try:
        found = _poolapi.read(replies, (WHO,), ACCOUNT, _tell)
    except BadReply as error:
        if asked != "workers":
            raise
        found = [Found(WHO, "workers_all_n", None, str(error))]
    return (*found, *_poolapi.about("BTC", PLACES), Found(TURN, "memory", asked))


def _tell(replies: Mapping[str, Reply], _who: str) -> Told:
    if "profile" in replies:
        return Told(_profile(_btc(_answer.table(replies["profile"]))))
    rows = _btc(_answer.table(replies["workers"])).get("workers") if "workers" in replies else None
    workers = [(name, row) for name, row in rows.items() if isinstance(row, dict)] if isinstance(rows, dict) else []
    shares = [at for _, row in workers if (at := _poolapi.moment(row.get("last_share"))) is not None]
    if not isinstance(rows, dict):
        raise BadReply("no workers in the answer")
    values: dict[str, int | float | None] = {"workers_all_n": len(rows)}
    values |= {"share_wall_s": max(shares)} if shares else {}
    return Told(values, tuple((name.partition(".")[2] or name, _rate(row, "hash_rate_60m")) for name, row in workers))


def _profile(profile: Mapping[str, Any]) -> dict[str, int | float | None]:
    counts = [_poolapi.whole(profile.get(name)) for name in STATES]
    known = [count for count in counts if count is not None]
    balance, ever = (_poolapi.coins(profile.get(name), PLACES) for name in ("current_balance", "all_time_reward"))
    whole = len(known) == len(STATES)
    return {
        "hashrate_hs": _rate(profile, "hash_rate_60m"),
        "workers_n": sum(known[:2]) if whole else None,
        "workers_all_n": sum(known) if whole else None,
        "unpaid_n": balance,
        "paid_n": ever - balance if ever is not None and balance is not None and ever >= balance else None,
    }


def _btc(told: Mapping[str, Any]) -> dict[str, Any]:
    found = told.get("btc")
    return found if isinstance(found, dict) else {}


def _rate(row: Mapping[str, Any], name: str) -> int | None:
    unit = UNITS.get(str(row.get("hash_rate_unit", "Gh/s")).lower())
    number = _answer.number(row.get(name))
    return round(number * unit) if number is not None and unit is not None and number >= 0 else None
