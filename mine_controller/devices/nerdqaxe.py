"""NerdQaxe++ and its relatives: the v2 interface, and the older v1 where a board does not have it.

The v2 dashboard names no unit, so `/api/v2/system` is read beside it. A stop is the board's shutdown: nothing hashes
until a restart, which is how it runs again. Where one-time codes are on, changing settings needs one; whether shutdown
and restart do differs between the firmware's document and its source.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNSUPPORTED, Command, Outcome
from mine_controller.core.option import option
from mine_controller.devices import _answer, _boards, _hosts, _http, _turns
from mine_controller.devices._boards import Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.wire.door import Response, Wire

CAN = Can(
    reads=("address", "word", "power_w", "chip_c", "hashrate_ths"), verbs=("run", "stop"), fleet=True, gentle=True
)
LANE = LaneSpec(width=1, call_s=5.0, batch=True, proof_s=20)  # the board is read once more, 20 s after a command
BUDGET_S = 12.0  # two reads one after the other

SYSTEM, DASHBOARD, INFO = "/api/v2/system", "/api/v2/dashboard", "/api/system/info"
SHUTDOWN, RESTART = "/api/system/shutdown", "/api/system/restart"
_NO_METER = "no power sensor answers"
_CODES = "refused (401): switch its one-time codes off, and ask from a private address like 192.168.1.5"


class Options(NamedTuple):
    """One shelf of boards."""

    hosts: tuple[str, ...] = _boards.HOSTS
    port: int = _boards.PORT
    nominal_w: int = option(80, unit="W", low=1, high=500, help="what one board draws, unless fleet.csv says")
    standby_w: int = option(5, unit="W", low=0, high=100, help="what a board draws after its shutdown")
    boot_s: int = _boards.BOOT_S
    ramp_patience_s: int = _boards.PATIENCE_S


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _hosts.faults(options.hosts)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "<address> system" and "<address> dashboard"; "<address> info" from a board that has no v2."""
    systems = _boards.ask(wire, options, SYSTEM, ask.memory, "system")
    there = [one for one in _boards.answered(systems) if one.status != 401]
    new = [_host(one) for one in there if _is_object(one)]
    old = [_host(one) for one in there if not _is_object(one)]
    return (
        *systems,
        *_boards.ask_more(wire, options.port, new, DASHBOARD, "dashboard"),
        *_boards.ask_more(wire, options.port, old, INFO, "info"),
    )


def _host(reply: Reply) -> str:
    return reply.name.partition(" ")[0]


def _is_object(reply: Reply) -> bool:
    """Whether the board knows the path: the older one answers with a redirect or with its page."""
    try:
        return bool(_answer.table(reply))
    except BadReply:
        return False


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """By mac `address`, `word`, `power_w`, `chip_c`, `hashrate_ths`, and texts (model, clock, trouble ...)."""
    return _boards.fleet(replies, lambda parts: _old(parts, options) if "info" in parts else _new(parts, options))


def _new(parts: Mapping[str, Reply], options: Options) -> Unit:
    system = _boards.only(parts, "system")
    name = _boards.named(_answer.dig(system, "network.macAddr"))
    about = _boards.texts(name, model=system.get("deviceModel"), firmware=system.get("version"))
    try:
        board = _boards.only(parts, "dashboard")
    except BadReply as error:
        return Unit(name, (Found(name, "word", None, str(error)), *about))
    return Unit(name, (*_dashboard(name, board, options), *about))


def _dashboard(name: str, board: dict[str, Any], options: Options) -> list[Found]:
    def dig(path: str) -> Any:
        return _answer.dig(board, path)

    fans = [row for row in _list(dig("thermal.fans")) if isinstance(row, dict)]
    word, why = _word(dig("system.shutdown"), dig("system.boardError"), dig("performance.hashRate"))
    if word == "hashing" and (early := _boards.working(1, dig("system.uptime"), options.boot_s))[0] != word:
        word, why = early
    return [
        Found(name, "word", word, why),
        _boards.known(name, "power_w", _boards.above_zero(dig("power.watts")), _NO_METER),
        _boards.hottest(name, (dig("thermal.asicTemp"), *_list(dig("thermal.asicTemps")))),
        _rate(name, dig("performance.hashRate")),
        *_boards.heat(name, "regulator", dig("thermal.vrTemp")),
        *_boards.texts(
            name,
            clock=_clock(dig("performance.frequency")),
            fan=_boards.fan([row.get("speed") for row in fans], [row.get("rpm") for row in fans]),
            shares=_boards.shares(dig("performance.sharesAccepted"), dig("performance.sharesRejected")),
            uptime=_boards.uptime(dig("system.uptime")),
            pool=_pool(dig("stratum.pools"), dig("stratum.usingFallback")),
            trouble=_trouble(dig("system.boardError")) or "none",
        ),
    ]


def _old(parts: Mapping[str, Reply], options: Options) -> Unit:
    info = _boards.only(parts, "info")
    name = _mac(info)
    word, why = _word(info.get("shutdown"), info.get("boardError"), info.get("hashRate"))
    if word == "hashing":
        word, why = _boards.working(info.get("hashRate"), info.get("uptimeSeconds"), options.boot_s)
    return Unit(
        name,
        (
            Found(name, "word", word, why),
            _boards.known(name, "power_w", _boards.above_zero(info.get("power")), _NO_METER),
            _boards.hottest(name, (info.get("temp"), *_list(info.get("asicTemps")))),
            _rate(name, info.get("hashRate")),
            *_boards.heat(name, "regulator", info.get("vrTemp")),
            *_boards.texts(
                name,
                model=info.get("deviceModel"),
                firmware=info.get("version"),
                clock=_clock(info.get("frequency")),
                fan=_boards.fan((info.get("fanspeed"),), (info.get("fanrpm"), info.get("fanrpm2"))),
                shares=_boards.shares(info.get("sharesAccepted"), info.get("sharesRejected")),
                uptime=_boards.uptime(info.get("uptimeSeconds")),
                pool=_boards.pool(info.get("stratumURL"), info.get("stratumPort")),
                trouble=_trouble(info.get("boardError")) or "none",
            ),
        ),
    )


def _mac(info: dict[str, Any]) -> str:
    """Who it is. Raises BadReply for a board of another make: it would be stopped in a way it does not know."""
    if "nerd" not in _boards.shown_text(info.get("deviceModel")).lower():
        raise BadReply(f"is no NerdQaxe but {_boards.shown_text(info.get('ASICModel'), 30) or 'something else'!r}")
    return _boards.named(info.get("macAddr"))


def _word(shutdown: Any, error: Any, rate: Any) -> tuple[str | None, str]:
    if _trouble(error) is not None:
        return "error", ""
    if _boards.flag(shutdown):
        return "stopped", ""
    return _boards.working(rate, None, 0)


def _trouble(error: Any) -> str | None:
    code = _answer.number(error)
    return f"board error {code:g}" if code else None


def _rate(name: str, value: Any) -> Found:
    rate = _boards.not_negative(value)
    return _boards.known(name, "hashrate_ths", None if rate is None else rate / 1e3, "gives no hash rate")


def _clock(value: Any) -> str | None:
    mhz = _boards.above_zero(value)
    return None if mhz is None else f"{mhz:g} MHz"


def _pool(pools: Any, fallback: Any) -> str | None:
    """The pool it is connected to: the first of them that says so, else the first."""
    rows = [row for row in _list(pools) if isinstance(row, dict)]
    up = [row for row in rows if row.get("connected") is True] or rows[1 if _boards.flag(fallback) else 0 :]
    return _boards.pool(up[0].get("host"), up[0].get("port")) if up else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Shutdown and restart, all boards at once; each is read first: who it is, and whether it needs the command."""
    _boards.act(wire, options, batch, report, _look, _decide, _judge)


def _look(command: Command) -> bytes:
    return _http.pack("GET", _boards.place(command), INFO)


def _decide(command: Command, seen: Reply) -> Outcome | bytes:
    info = _boards.only({"": seen})
    refusal = _boards.stranger(command, _mac(info))
    if refusal is not None:
        return refusal
    down = _boards.flag(info.get("shutdown"))
    if down is None and command.verb == "run":
        return Outcome(command.id, REFUSED, "does not say whether it is shut down: a restart could interrupt it")
    if down is not None and down == (command.verb == "stop"):
        return Outcome(command.id, APPLIED, "was so already")
    return _http.pack("POST", _boards.place(command), SHUTDOWN if command.verb == "stop" else RESTART)


def _judge(command: Command, answer: Response) -> Outcome:
    """The board answers before it does it, so a good answer is taken, not done."""
    if answer.status in (404, 405, 501):
        return Outcome(command.id, UNSUPPORTED, "its firmware has no shutdown: update it or wire it to an outlet")
    if answer.status == 401:
        return Outcome(command.id, REFUSED, _CODES)
    if 200 <= answer.status < 300:
        return Outcome(command.id, ACCEPTED)
    return _turns.judged(command, answer)
