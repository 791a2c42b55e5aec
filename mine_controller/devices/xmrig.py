"""XMRig on a computer of the owner's, over the HTTP interface of the running program (`http.enabled`, off by default).

The program tells no mac. Its `id` is made by it from the computer's network card and its port; `worker_id` is the name
its config gives it (else the host name): the option `identity` says which one fleet.csv holds. It measures no watts,
and its hash rate is that of a CPU algorithm, which is never added to others: it is a text. Pausing is what stops it
here; its own `stop` would end mining until someone starts the program again.

A pool is changed in its config, which is read whole, gets the pool as its first, and goes back whole; that and pausing
need `http.restricted` off. One that watches its file (`watch`, on by default) only saves what comes in, and tells the
old config until it has read the file again (its source, Base.cpp). It has no restart: nothing here ever starts a
program.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from mine_controller.core.model.command import (
    ACCEPTED,
    APPLIED,
    REFUSED,
    UNKNOWN,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, option
from mine_controller.devices import _answer, _boards, _hosts, _http, _pools, _turns
from mine_controller.devices._boards import Unit
from mine_controller.devices._talks import Desk, Step
from mine_controller.devices.kind import Ask, BadReply, Can, Found, Guess, LaneSpec, Reply, Report, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Response, Wire, WireError

CAN = Can(
    reads=("address", "word", "uptime_s", "accepted_n", "rejected_n", "rate_hs", "best_diff_n", "pool", "text"),
    verbs=("pool", "run", "stop"),
    fleet=True,
    gentle=True,
)
LANE = LaneSpec(width=1, call_s=5.0, batch=True, proof_s=20)
BUDGET_S = 8.0

SETTLE_S = 60

RPC, CONFIG = "/json_rpc", "/1/config"
NO_METHOD = -32601  # JSON-RPC: the program does not know the method
_VERBS = {"stop": "pause", "run": "resume"}
_NO_LOGIN = "needs its access-token (401): write it in this section"
_BAD_LOGIN = "refuses the token, or is restricted (403): check the token, set http.restricted to false"
_RESTRICTED = "is restricted to reading: set http.restricted to false in its config"


class Options(NamedTuple):
    """Some computers with one port and one token."""

    hosts: tuple[str, ...] = option(
        help="addresses of the computers: single ones, ranges and networks", example="10.0.1.1-80"
    )
    port: int = option(8080, low=1, high=65_535, help="http.port of its config")
    token: Secret = option(Secret(""), help="http.access-token of its config")
    path: str = option("/2/summary", choices=("/2/summary", "/1/summary", "/api.json"), help="where its summary is")
    identity: str = option("id", choices=("id", "worker_id"), help="which of its names fleet.csv holds as mac")
    nominal_w: int = option(100, unit="W", low=1, high=5000, help="what mining adds to one computer's draw")
    standby_w: int = option(0, unit="W", low=0, high=1000, help="what is left of that while it is paused")
    boot_s: int = _boards.BOOT_S
    ramp_patience_s: int = _boards.PATIENCE_S
    pools: tuple[Pool, ...] = _pools.POOLS


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    wrong = _hosts.faults(options.hosts)
    if not options.token.reveal().isascii() or not options.token.reveal().isprintable():
        wrong.append("token: holds a character that no HTTP header may carry")
    return wrong


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """One reply an address."""
    return _boards.ask(wire, options, options.path, ask.memory, **_headers(options))


def _headers(options: Options) -> dict[str, str]:
    token = options.token.reveal()
    return {"authorization": f"Bearer {token}"} if token and not faults(options) else {}


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """By its id `address`, `word`, and texts (model, firmware, hashrate, pool ...)."""

    def read(parts: Mapping[str, Reply]) -> Unit:
        summary = _summary(parts.get(""))
        name = _name(summary, options)
        return Unit(name, _unit(name, summary, options))

    return _boards.fleet(replies, read, ("word",))


def _summary(reply: Reply | None) -> dict[str, Any]:
    """The summary. Raises BadReply, in words that help, also for a proxy of the same makers, which tells the work of
    its miners in the same words and in kH/s (xmrig-proxy 6, version.h and Hashrate.cpp)."""
    if reply is not None and reply.status in (401, 403):
        raise BadReply(_NO_LOGIN if reply.status == 401 else _BAD_LOGIN)
    summary = _boards.only({"": reply} if reply is not None else {})
    if summary.get("kind") == "proxy":
        raise BadReply("is an xmrig-proxy, which does not mine: its miners are what hosts is to name")
    return summary


def _name(summary: dict[str, Any], options: Options) -> str:
    name = _boards.serial(summary.get(options.identity))
    if not name:
        raise BadReply(f"tells no {options.identity} that fleet.csv could hold")
    return name


def _unit(name: str, summary: dict[str, Any], options: Options) -> tuple[Found, ...]:
    word, why = _word(summary, options)
    up_s = summary.get("uptime", _answer.dig(summary, "connection.uptime"))
    good, bad = _shares(summary)
    return (
        Found(name, "word", word, why),
        *_boards.numbers(name, uptime_s=_boards.not_negative(up_s), accepted_n=good, rejected_n=bad),
        *_boards.numbers(name, rate_hs=_rate_hs(summary), best_diff_n=_best(summary)),
        *_boards.pool_found(name, options.pools, _answer.dig(summary, "connection.pool")),
        *_boards.texts(
            name,
            model="XMRig",
            firmware=summary.get("version"),
            hashrate=_rate_text(summary),
            pool=_boards.pool(_answer.dig(summary, "connection.pool")),
        ),
    )


def _rates(summary: dict[str, Any]) -> list[float | None]:
    """H/s over 10 s, 60 s and 15 min; None where the program does not know yet."""
    return [_boards.not_negative(_answer.dig(summary, f"hashrate.total.{at}")) for at in range(3)]


def _rate_hs(summary: dict[str, Any]) -> float | None:
    """H/s over a minute, else over the shortest window; nothing while it is paused or has stopped for want of a pool,
    whatever the long windows keep."""
    short, minute, _long = _rates(summary)
    if _boards.flag(summary.get("paused")) or (short is None and _is_poolless(summary)):
        return 0.0
    return short if minute is None or short == 0 else minute


def _best(summary: dict[str, Any]) -> float | None:
    """The hardest share of this start: the first of its ten best."""
    best = _answer.dig(summary, "results.best.0")
    return _boards.difficulty(best)


def _rate_text(summary: dict[str, Any]) -> str | None:
    shown = [f"{rate:g}" if rate is not None else "?" for rate in _rates(summary)]
    if shown == ["?"] * 3:
        return None
    return f"{' / '.join(shown)} H/s {_boards.shown_text(summary.get('algo'), 20)}"


def _shares(summary: dict[str, Any]) -> tuple[float | None, float | None]:
    """Shares accepted and rejected."""
    good = _boards.not_negative(_answer.dig(summary, "results.shares_good"))
    total = _boards.not_negative(_answer.dig(summary, "results.shares_total"))
    return good, None if good is None or total is None else max(0.0, total - good)


def _word(summary: dict[str, Any], options: Options) -> tuple[str | None, str]:
    """Paused is its own word; without it the shortest window tells: the long ones stay high after a stop."""
    if _boards.flag(summary.get("paused")):
        return "sleeping", ""
    rate = _rates(summary)[0]
    if rate is not None and rate > 0:
        return "hashing", ""
    up_s = _boards.not_negative(summary.get("uptime"))
    if up_s is not None and up_s < options.boot_s:
        return "booting", ""
    if _is_poolless(summary):
        return "waiting", ""
    return None, "gives no hash rate of the last 10 s" if rate is None else "no hash rate, and it is not paused"


def _is_poolless(summary: dict[str, Any]) -> bool:
    """Whether it is connected to no pool: it tells for how long it is (ms; old programs only s), and 0 while it is not
    (XMRig 6, NetworkState.cpp)."""
    up = _answer.dig(summary, "connection.uptime_ms"), _answer.dig(summary, "connection.uptime")
    told = [_boards.not_negative(one) for one in up if one is not None]
    return bool(told) and all(one == 0 for one in told)


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """All programs at once. Each is read before (who it is) and after (whether it obeyed)."""
    _boards.talk(wire, options, batch, report, CAN.verbs, lambda desk: _talk(desk, options))


def _talk(desk: Desk, options: Options) -> Generator[Step, Response, None]:
    look = Step(_http.pack("GET", desk.host, options.path, **_headers(options)))
    summary = _summary(_boards.reply(desk.host, (yield look)))
    name = _name(summary, options)
    if desk.is_stranger(name):
        return
    restricted = _boards.flag(summary.get("restricted"))
    for command in desk.of("pool"):
        if restricted:
            desk.tell(command, REFUSED, _RESTRICTED)
        else:
            yield from _pool(desk, command, options)
    for command in desk.of("stop", "run"):
        paused = _boards.flag(summary.get("paused"))
        believed = not paused or not _rates(summary)[0]  # one that hashes is told again
        if believed and paused is not None and paused == (command.verb == "stop"):
            desk.tell(command, APPLIED, "was so already")
        elif restricted:
            desk.tell(command, REFUSED, _RESTRICTED)
        else:
            yield from _pause(desk, command, options, name, look)


def _pause(desk: Desk, command: Command, options: Options, name: str, look: Step) -> Generator[Step, Response, None]:
    """The program's OK says that it took the call; whether it paused, its summary says."""
    body = {"jsonrpc": "2.0", "id": 1, "method": _VERBS[command.verb]}
    answer = yield Step(_http.pack("POST", desk.host, RPC, body, **_headers(options)), changes=True)
    outcome = _judged(command, answer)
    if outcome.verdict == ACCEPTED:
        try:
            after = _summary(_boards.reply(desk.host, (yield look)))
            same = _name(after, options) == name
        except (WireError, BadReply):
            same, after = False, {}  # it was taken, and that is all that can be said
        if same and _boards.flag(after.get("paused")) is (command.verb == "stop"):
            outcome = outcome._replace(verdict=APPLIED)
    desk.say(outcome)


def _pool(desk: Desk, command: Command, options: Options) -> Generator[Step, Response, None]:
    """The whole config as it is, with this pool first, and back; the program connects to it at once."""
    pool = _pools.named(options.pools, command.value)
    if pool is None:
        desk.tell(command, REFUSED, f"{command.value[:40]!r} is no pool of this section")
        return
    look = Step(_http.pack("GET", desk.host, CONFIG, **_headers(options)))
    config = _config(_boards.reply(desk.host, (yield look)))
    rows = [row for row in config["pools"] if isinstance(row, dict)]
    if _is_first(rows, pool):
        desk.tell(command, APPLIED, "was so already")
        return
    first = next((row for row in rows if _is_pool(row, pool)), _row(pool))
    lacks = {"coin": pool.coin} if pool.coin and not (first.get("coin") or first.get("algo")) else {}
    body = {**config, "pools": [{**first, **lacks, "enabled": True}, *(row for row in rows if row is not first)]}
    answer = yield Step(_http.pack("PUT", desk.host, CONFIG, body, **_headers(options)), changes=True)
    if not 200 <= answer.status < 300:
        desk.say(_status(command, answer))
        return
    try:
        after = _config(_boards.reply(desk.host, (yield look)))
    except (WireError, BadReply):
        desk.tell(command, ACCEPTED, "took it, and could not be read again")
        return
    if _is_first([row for row in after["pools"] if isinstance(row, dict)], pool):
        desk.tell(command, APPLIED)
    elif config.get("watch") is True and after["pools"] == config["pools"]:
        desk.tell(command, ACCEPTED, "saved it, and uses it as soon as it has read its file again")
    else:
        desk.tell(command, UNKNOWN, "took it, and has another pool first")


def _config(reply: Reply) -> dict[str, Any]:
    """Its config. Raises BadReply; nothing of it is ever told, because it holds passwords."""
    if reply.status in (401, 403):
        raise BadReply(_NO_LOGIN if reply.status == 401 else _BAD_LOGIN)
    if not 200 <= reply.status < 300:
        raise BadReply(f"gives no config ({reply.status})")
    try:
        found = _answer.table(reply)
    except BadReply:
        raise BadReply("gives a config that is no JSON") from None
    if not isinstance(found.get("pools"), list):
        raise BadReply("gives a config without pools")
    return found


def _row(pool: Pool) -> dict[str, Any]:
    """A pool in the words of its config. Where a pool does not say which algorithm its work is for, the program goes by
    the pool's coin, and without one refuses the work for ever; one it does not know counts as none (XMRig 6, Client.cpp
    and Coin.cpp)."""
    tls = pool.url.partition("://")[0] in ("stratum+ssl", "stratum+tls", "stratum+tcps")
    row = {"url": f"{pool.host}:{pool.port}", "user": pool.user, "pass": pool.password.reveal(), "tls": tls}
    return {**row, "coin": pool.coin} if pool.coin else row


def _is_pool(row: dict[str, Any], pool: Pool) -> bool:
    there = _pools.where(row.get("url"))
    return there is not None and there == _pools.where(pool.url) and row.get("user") == pool.user


def _is_first(rows: Sequence[dict[str, Any]], pool: Pool) -> bool:
    """Whether the first pool that is switched on is this one."""
    on = [row for row in rows if row.get("enabled") is not False]
    return bool(on) and _is_pool(on[0], pool)


def _status(command: Command, answer: Response) -> Outcome:
    if answer.status in (401, 403):
        return Outcome(command.id, REFUSED, _NO_LOGIN if answer.status == 401 else _BAD_LOGIN)
    return _turns.judged(command, answer)


def _judged(command: Command, answer: Response) -> Outcome:
    if not 200 <= answer.status < 300:
        return _status(command, answer)
    told = _answer.table(_boards.reply("answer", answer))
    if _answer.dig(told, "error.code") == NO_METHOD:
        return Outcome(command.id, UNSUPPORTED, "this version can't pause: update it or wire it to an outlet")
    if told.get("error") is not None:
        return Outcome(command.id, REFUSED, f"says {_boards.shown_text(_answer.dig(told, 'error.message'), 60)!r}")
    if _boards.shown_text(_answer.dig(told, "result.status")).upper() == "OK":
        return Outcome(command.id, ACCEPTED)
    return Outcome(command.id, UNKNOWN, "the answer does not say how it went")


def recognise(seen: Seen) -> Guess | None:
    """By the name the program gives itself."""
    for asked in sorted(asked for asked in seen.answers if asked.endswith("summary")):
        told = _boards.seen_table(seen, asked)
        if _boards.shown_text(told.get("ua")).startswith("XMRig"):
            version, name = _boards.shown_text(told.get("version")), _boards.serial(told.get("id"))
            return Guess("xmrig", 3, "XMRig", version, name)
    return None
