"""XMRig on a computer of the owner's, over the HTTP interface of the running program (`http.enabled`, off by default).

The program tells no mac. Its `id` is made by it from the computer's network card and its port; `worker_id` is the name
its config gives it (else the host name): the option `identity` says which one fleet.csv holds. It measures no watts,
and its hash rate is that of a CPU algorithm, which is never added to others: it is a text. Pausing is what stops it
here; its own `stop` would end mining until someone starts the program again.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mine_controller.core.model.command import (
    ACCEPTED,
    APPLIED,
    REFUSED,
    UNKNOWN,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.option import Secret, option
from mine_controller.devices import _answer, _boards, _hosts, _http, _turns
from mine_controller.devices._boards import Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.wire.door import Response, Wire, WireError

CAN = Can(reads=("address", "word"), verbs=("run", "stop"), fleet=True, gentle=True)
LANE = LaneSpec(width=1, call_s=5.0, batch=True, proof_s=20)
BUDGET_S = 8.0

RPC = "/json_rpc"
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
    """The summary. Raises BadReply, in words that help."""
    if reply is not None and reply.status in (401, 403):
        raise BadReply(_NO_LOGIN if reply.status == 401 else _BAD_LOGIN)
    return _boards.only({"": reply} if reply is not None else {})


def _name(summary: dict[str, Any], options: Options) -> str:
    name = _boards.serial(summary.get(options.identity))
    if not name:
        raise BadReply(f"tells no {options.identity} that fleet.csv could hold")
    return name


def _unit(name: str, summary: dict[str, Any], options: Options) -> tuple[Found, ...]:
    word, why = _word(summary, options)
    up_s = summary.get("uptime", _answer.dig(summary, "connection.uptime"))
    return (
        Found(name, "word", word, why),
        *_boards.texts(
            name,
            model="XMRig",
            firmware=summary.get("version"),
            hashrate=_rate_text(summary),
            shares=_shares(summary),
            uptime=_boards.uptime(up_s),
            pool=_boards.pool(_answer.dig(summary, "connection.pool")),
        ),
    )


def _rates(summary: dict[str, Any]) -> list[float | None]:
    """H/s over 10 s, 60 s and 15 min; None where the program does not know yet."""
    return [_boards.not_negative(_answer.dig(summary, f"hashrate.total.{at}")) for at in range(3)]


def _rate_text(summary: dict[str, Any]) -> str | None:
    shown = [f"{rate:g}" if rate is not None else "?" for rate in _rates(summary)]
    if shown == ["?"] * 3:
        return None
    return f"{' / '.join(shown)} H/s {_boards.shown_text(summary.get('algo'), 20)}"


def _shares(summary: dict[str, Any]) -> str | None:
    good = _boards.not_negative(_answer.dig(summary, "results.shares_good"))
    total = _boards.not_negative(_answer.dig(summary, "results.shares_total"))
    return None if good is None or total is None else _boards.shares(good, max(0.0, total - good))


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
    return None, "gives no hash rate of the last 10 s" if rate is None else "no hash rate, and it is not paused"


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Pause and resume, all programs at once. Each is read before (who it is) and after (whether it obeyed)."""

    def look(command: Command) -> bytes:
        return _http.pack("GET", _boards.place(command), options.path, **_headers(options))

    def decide(command: Command, seen: Reply) -> Outcome | bytes:
        return _decide(command, seen, options)

    def prove(done: list[tuple[Command, Outcome]]) -> list[Outcome]:
        return _prove(wire, options, done, look)

    _boards.act(wire, options, batch, report, look, decide, _judge, prove)


def _decide(command: Command, seen: Reply, options: Options) -> Outcome | bytes:
    summary = _summary(seen)
    refusal = _boards.stranger(command, _name(summary, options))
    if refusal is not None:
        return refusal
    paused = _boards.flag(summary.get("paused"))
    if paused is not None and paused == (command.verb == "stop"):
        return Outcome(command.id, APPLIED, "was so already")
    if _boards.flag(summary.get("restricted")):
        return Outcome(command.id, REFUSED, _RESTRICTED)
    body = {"jsonrpc": "2.0", "id": 1, "method": _VERBS[command.verb]}
    return _http.pack("POST", _boards.place(command), RPC, body, **_headers(options))


def _judge(command: Command, answer: Response) -> Outcome:
    """The program's OK says that it took the call; `_prove` asks whether it paused."""
    if answer.status in (401, 403):
        return Outcome(command.id, REFUSED, _NO_LOGIN if answer.status == 401 else _BAD_LOGIN)
    if not 200 <= answer.status < 300:
        return _turns.judged(command, answer)
    told = _answer.table(_boards.reply("answer", answer))
    if _answer.dig(told, "error.code") == NO_METHOD:
        return Outcome(command.id, UNSUPPORTED, "this version can't pause: update it or wire it to an outlet")
    if told.get("error") is not None:
        return Outcome(command.id, REFUSED, f"says {_boards.shown_text(_answer.dig(told, 'error.message'), 60)!r}")
    if _boards.shown_text(_answer.dig(told, "result.status")).upper() == "OK":
        return Outcome(command.id, ACCEPTED)
    return Outcome(command.id, UNKNOWN, "the answer does not say how it went")


def _prove(wire: Wire, options: Options, done: list[tuple[Command, Outcome]], look: _boards.Look) -> list[Outcome]:
    """The outcomes, where the program took the call and says the wanted word now: applied."""
    late = wire.now() + _turns.LEAST_S >= wire.until
    taken = [] if late else [command for command, outcome in done if outcome.verdict == ACCEPTED]
    looks = [(_boards.place(command), look(command)) for command in taken]
    answers = _boards.volley(wire, options.port, looks, _boards.READ_S)
    seen = {command.id: answer for command, answer in zip(taken, answers, strict=True)}
    return [
        outcome._replace(verdict=APPLIED) if _obeyed(command, seen.get(command.id), options) else outcome
        for command, outcome in done
    ]


def _obeyed(command: Command, seen: Response | WireError | None, options: Options) -> bool:
    if seen is None or isinstance(seen, WireError):
        return False
    try:
        summary = _summary(_boards.reply(_boards.place(command), seen))
        if _boards.stranger(command, _name(summary, options)) is not None:
            return False
    except BadReply:
        return False  # it was taken, and that is all that can be said
    return _boards.flag(summary.get("paused")) is (command.verb == "stop")
