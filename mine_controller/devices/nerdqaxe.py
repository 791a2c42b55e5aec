"""NerdQaxe++ and its relatives: the v2 interface, and the older v1 where a board does not have it.

The v2 dashboard names no unit, so `/api/v2/system` is read beside it. A stop is the board's shutdown: nothing hashes
until a restart, which is how it runs again. Where one-time codes are on (`otp`), changing settings needs one, and no
timer should hold those; whether shutdown and restart do differs between the firmware's document and its source.

After overheating, or when its supply failed, a board takes the voltage from its chips until a person restarts it: the
v2 interface tells a board error, the v1 only a core voltage of nothing beside its last hash rate. When a regulator
gives up by itself, that voltage is all that either tells (a NerdAxe Gaia of September 2026, NerdQAxePlus issue 709).

Settings are the same PATCH as a Bitaxe's, one for all that is asked of a board at once; a new pool is used at once, by
connecting anew. A flag of it is taken as true or false only, and fans that look after themselves are mode 2 (PID), or 1
on older firmware. Modes are a chip frequency and a core voltage: standard is what the firmware's board files start each
model with, the others are the owner's to write.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNSUPPORTED, Command, Outcome
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import option
from mine_controller.devices import _answer, _axeos, _boards, _errands, _http, _pools
from mine_controller.devices._axeos import Clock, Info, Rail, Setting
from mine_controller.devices._boards import Unit
from mine_controller.devices._talks import Desk, Step
from mine_controller.devices.kind import Ask, BadReply, Can, Found, Guess, LaneSpec, Reply, Report, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Response, Wire

CAN = Can(
    reads=(
        *("address", "word", "power_w", "draw_w", "chip_c", "hashrate_ths", "fan_rpm", "fan_pct", "frequency_mhz"),
        *("core_voltage_mv", "uptime_s", "accepted_n", "rejected_n", "best_diff_n", "mode", "pool", "text"),
    ),
    verbs=("restart", "mode", "tune", "pool", "fan", "run", "stop"),
    fleet=True,
    gentle=True,
)
LANE = LaneSpec(width=1, call_s=5.0, batch=True, proof_s=20)  # the board is read once more, 20 s after a command
BUDGET_S = 12.0  # two reads one after the other
MODES = _axeos.MODES
EVERY_S = 60
SETTLE_S = 60

SYSTEM, DASHBOARD, INFO = "/api/v2/system", "/api/v2/dashboard", _axeos.INFO
SHUTDOWN, RESTART = "/api/system/shutdown", _axeos.RESTART
CLOCKS: _axeos.Modes = {"nerdqaxe++": {"standard": Clock(600, 1150)}, "nerdqaxe+": {"standard": Clock(490, 1250)}}
CLASSIC, PID = 1, 2  # how its fans look after themselves; 0 is by hand
SV1 = 0
DEAD_W = 10  # no board hashes with less
_CODES = "refused (401): switch its one-time codes off, and ask from a private address like 192.168.1.5"
_NEEDS_CODE = "its one-time codes are on: settings can be changed by a person only"
_AT_WORK = ("hashing", "waiting")  # where a board that has just started only boots
_DOWN = "it is shut down, and a restart would start it"


class Options(NamedTuple):
    """One shelf of boards."""

    hosts: tuple[str, ...] = _boards.HOSTS
    port: int = _boards.PORT
    nominal_w: int = option(80, unit="W", low=1, high=500, help="what one board draws, unless fleet.csv says")
    standby_w: int = option(5, unit="W", low=0, high=100, help="what a board draws after its shutdown")
    boot_s: int = _boards.BOOT_S
    ramp_patience_s: int = _boards.PATIENCE_S
    pools: tuple[Pool, ...] = _pools.POOLS
    modes: tuple[str, ...] = option(
        (),
        help="clocks of modes: model, mode, MHz, mV; without it only standard of NerdQAxe++ and NerdQAxe+ is known",
        example="NerdQAxe++ eco 500 1100",
    )
    lowest_mhz: int = _axeos.LOWEST_MHZ
    highest_mhz: int = _axeos.HIGHEST_MHZ
    lowest_mv: int = _axeos.LOWEST_MV
    highest_mv: int = _axeos.HIGHEST_MV


faults = _axeos.faults


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
    """By mac `address`, `word`, what CAN names, and texts (model, clock, trouble ...)."""
    return _boards.fleet(replies, lambda parts: _old(parts, options) if "info" in parts else _new(parts, options))


def _new(parts: Mapping[str, Reply], options: Options) -> Unit:
    system = _boards.only(parts, "system")
    name = _boards.named(_answer.dig(system, "network.macAddr"))
    model = system.get("deviceModel")
    about = _boards.texts(name, model=model, firmware=system.get("version"))
    try:
        board = _boards.only(parts, "dashboard")
    except BadReply as error:
        return Unit(name, (Found(name, "word", None, str(error)), *about))
    return Unit(name, (*_dashboard(name, board, model, options), *about))


def _dashboard(name: str, board: dict[str, Any], model: Any, options: Options) -> list[Found]:
    def dig(path: str) -> Any:
        return _answer.dig(board, path)

    fans = [row for row in _list(dig("thermal.fans")) if isinstance(row, dict)]
    shutdown, error, up_s = dig("system.shutdown"), dig("system.boardError"), dig("system.uptime")
    rail = Rail(shutdown, up_s, _millivolts(dig("power.coreVoltageActual")), dig("power.watts"))
    off = _axeos.is_off(rail, options.boot_s, DEAD_W)
    pools, rate = dig("stratum.pools"), 0 if off else dig("performance.hashRate")
    row = _active(pools, dig("stratum.usingFallback"))
    word, why = ("error", "") if off else _word(shutdown, error, rate, pools)
    if word in _AT_WORK and (early := _boards.working(1, up_s, options.boot_s))[0] != "hashing":
        word, why = early
    return [
        Found(name, "word", word, why),
        *_boards.watts(name, dig("power.watts")),
        _boards.hottest(name, (dig("thermal.asicTemp"), *_list(dig("thermal.asicTemps")))),
        _rate(name, rate),
        *_boards.numbers(
            name,
            fan_rpm=_boards.slowest([row.get("rpm") for row in fans]),
            fan_pct=_boards.percent([row.get("speed") for row in fans]),
            frequency_mhz=_boards.above_zero(dig("performance.frequency")),
            core_voltage_mv=_boards.above_zero(_millivolts(dig("power.coreVoltageActual"))),
            uptime_s=_boards.not_negative(up_s),
            accepted_n=_boards.not_negative(dig("performance.sharesAccepted")),
            rejected_n=_boards.not_negative(dig("performance.sharesRejected")),
            best_diff_n=_boards.difficulty(dig("performance.bestDiff")),
        ),
        *_mode(name, dig("performance.frequency"), model, options),
        *_boards.pool_found(name, options.pools, row.get("host"), row.get("user"), row.get("port")),
        *_boards.heat(name, "regulator", dig("thermal.vrTemp")),
        *_boards.texts(
            name,
            clock=_clock(dig("performance.frequency")),
            best=dig("performance.bestDiff"),
            pool=_boards.pool(row.get("host"), row.get("port")),
            trouble=_trouble(error) or (_axeos.OFF if off else "none"),
        ),
    ]


def _old(parts: Mapping[str, Reply], options: Options) -> Unit:
    info = _boards.only(parts, "info")
    name, row = _mac(info), _pool_in_use(info)
    rail = Rail(info.get("shutdown"), info.get("uptimeSeconds"), info.get("coreVoltageActual"), info.get("power"))
    off = _axeos.is_off(rail, options.boot_s, DEAD_W)
    rate = 0 if off else info.get("hashRate")
    pools = _answer.dig(info, "stratum.pools")
    word, why = ("error", "") if off else _word(info.get("shutdown"), info.get("boardError"), rate, pools)
    if word in _AT_WORK and (early := _boards.working(1, info.get("uptimeSeconds"), options.boot_s))[0] != "hashing":
        word, why = early
    return Unit(
        name,
        (
            Found(name, "word", word, why),
            *_boards.watts(name, info.get("power")),
            _boards.hottest(name, (info.get("temp"), *_list(info.get("asicTemps")))),
            _rate(name, rate),
            *_boards.numbers(
                name,
                fan_rpm=_boards.slowest((info.get("fanrpm"), info.get("fanrpm2"))),
                fan_pct=_boards.percent((info.get("fanspeed"),)),
                frequency_mhz=_boards.above_zero(info.get("frequency")),
                core_voltage_mv=_boards.above_zero(info.get("coreVoltage")),
                uptime_s=_boards.not_negative(info.get("uptimeSeconds")),
                accepted_n=_boards.not_negative(info.get("sharesAccepted")),
                rejected_n=_boards.not_negative(info.get("sharesRejected")),
                best_diff_n=_boards.difficulty(info.get("bestDiff")),
            ),
            *_axeos.mode_found(name, info, _clocks(info.get("deviceModel"), options)),
            *_boards.pool_found(name, options.pools, row.get("host"), row.get("user"), row.get("port")),
            *_boards.heat(name, "regulator", info.get("vrTemp")),
            *_boards.texts(
                name,
                model=info.get("deviceModel"),
                firmware=info.get("version"),
                clock=_clock(info.get("frequency")),
                best=info.get("bestDiff"),
                pool=_boards.pool(row.get("host"), row.get("port")),
                trouble=_trouble(info.get("boardError")) or (_axeos.OFF if off else "none"),
            ),
        ),
    )


def _mac(info: dict[str, Any]) -> str:
    """Who it is. Raises BadReply for a board of another make: it would be stopped in a way it does not know."""
    if not _axeos.is_nerdqaxe(info):
        raise BadReply(f"is no NerdQaxe but {_boards.shown_text(info.get('ASICModel'), 30) or 'something else'!r}")
    return _boards.named(info.get("macAddr"))


def _word(shutdown: Any, error: Any, rate: Any, pools: Any) -> tuple[str | None, str]:
    if _trouble(error) is not None:
        return "error", ""
    if _boards.flag(shutdown):
        return "stopped", ""
    if _boards.not_negative(rate) == 0 and _is_poolless(pools):
        return "waiting", ""
    return _boards.working(rate, None, 0)


def _is_poolless(pools: Any) -> bool:
    """Whether it says of each of its pools that it is not connected to it."""
    told = [_boards.flag(row.get("connected")) for row in _list(pools) if isinstance(row, dict)]
    return bool(told) and not any(one is not False for one in told)


def _trouble(error: Any) -> str | None:
    code = _answer.number(error)
    return f"board error {code:g}" if code else None


def _rate(name: str, value: Any) -> Found:
    rate = _boards.not_negative(value)
    return _boards.known(name, "hashrate_ths", None if rate is None else rate / 1e3, "gives no hash rate")


def _clock(value: Any) -> str | None:
    mhz = _boards.above_zero(value)
    return None if mhz is None else f"{mhz:g} MHz"


def _millivolts(value: Any) -> float | None:
    """The measured core voltage, which the dashboard gives in volts."""
    volts = _boards.not_negative(value)
    return None if volts is None else round(volts * 1e3) if volts < 10 else volts


def _clocks(model: Any, options: Options) -> dict[str, Clock]:
    return _axeos.modes(CLOCKS, options.modes).get(_boards.shown_text(model).lower(), {})


def _mode(name: str, frequency: Any, model: Any, options: Options) -> list[Found]:
    """The dashboard tells the frequency that is set and the voltage that is measured: the frequency has to do."""
    mhz, clocks = _boards.above_zero(frequency), _clocks(model, options)
    if mhz is None:
        return []
    words = [mode for mode, clock in clocks.items() if clock.mhz == round(mhz)]
    why = f"{mhz:g} MHz is {'several' if words else 'none'} of its modes"
    return [Found(name, "mode", words[0], "") if len(words) == 1 else Found(name, "mode", None, why)]


def _active(pools: Any, fallback: Any) -> dict[str, Any]:
    """The pool it is connected to: the first of them that says so, else the first. Where one pool stands in for the
    other, firmware of spring 2026 lists the one in use alone, and under the first one's name whichever it is
    (handler_v2_dashboard.cpp, pull request 563): nothing where that is the second."""
    rows = [row for row in _list(pools) if isinstance(row, dict)]
    if _boards.flag(fallback) and len(rows) == 1:
        return {}
    up = [row for row in rows if row.get("connected") is True] or rows[1 if _boards.flag(fallback) else 0 :]
    return up[0] if up else {}


def _pool_in_use(info: Info) -> Info:
    """The pool it works for in the words of v1, whose first fields are only what is set; nothing where that is the
    second one and it does not name it."""
    rows = [row for row in _list(_answer.dig(info, "stratum.pools")) if isinstance(row, dict)]
    up = [_boards.flag(row.get("connected")) for row in rows]
    flags = info.get("isUsingFallbackStratum"), _answer.dig(info, "stratum.usingFallback")
    if True not in map(_boards.flag, flags) and up != [False, True]:
        first = _first_pool(info)
        return {"host": first["stratumURL"], "port": first["stratumPort"], "user": first["stratumUser"]}
    named = {
        key: info.get(f"fallbackStratum{word}") for key, word in (("host", "URL"), ("port", "Port"), ("user", "User"))
    }
    return named if isinstance(named["host"], str) else rows[1] if len(rows) > 1 else {}


def _first_pool(info: Info) -> Info:
    """The first pool in the words of v1, which newer firmware tells in an object of its own."""
    if isinstance(info.get("stratumURL"), str):
        return {key: info.get(key) for key in ("stratumURL", "stratumPort", "stratumUser")}
    row = _answer.dig(info, "stratum.pools.0")
    row = row if isinstance(row, dict) else {}
    return {"stratumURL": row.get("host"), "stratumPort": row.get("port"), "stratumUser": row.get("user")}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """All boards at once. Each is read first (who it is, whether it needs the command); settings are one write."""
    _boards.talk(wire, options, batch, report, CAN.verbs, lambda desk: _talk(desk, options))


def _talk(desk: Desk, options: Options) -> Generator[Step, Response, None]:
    answer = yield Step(_http.pack("GET", desk.host, INFO))
    info = _boards.only({"": _boards.reply(desk.host, answer)})
    if desk.is_stranger(_mac(info)):
        return
    if _boards.flag(info.get("otp")):
        for command in desk.of(*_axeos.VERBS):
            desk.tell(command, UNSUPPORTED, _NEEDS_CODE)
    wanted = _axeos.settings(desk, lambda command: _setting(command, info, options))
    if wanted:
        yield from _axeos.change(desk, info, wanted, _CODES)
    down = _boards.flag(info.get("shutdown"))
    # of one that is shut down a restart is asked only where it is to run, of one in trouble whatever is wanted of it
    asked = desk.of("run") or (desk.of("restart") and _trouble(info.get("boardError")) is None)
    stays = down is True and not asked
    yield from _axeos.restarts(desk, _DOWN if stays or desk.of("stop") else "", _CODES)
    believed = not down or not _axeos.draws_on(info, options.standby_w)
    for command in desk.of("stop", "run"):
        if down is None and command.verb == "run":
            desk.tell(command, REFUSED, "does not say whether it is shut down: a restart could interrupt it")
        elif believed and down is not None and down == (command.verb == "stop"):
            desk.tell(command, APPLIED, "was so already")
        else:
            path = SHUTDOWN if command.verb == "stop" else RESTART
            answer = yield Step(_http.pack("POST", desk.host, path), changes=True)
            desk.say(_judged(command, answer))


def _setting(command: Command, info: Info, options: Options) -> Setting:
    """ValueError: it can't be; LookupError: nothing is known of how."""
    if command.verb == "fan":
        return _axeos.fan(command, info, _auto(command, info))
    if command.verb == "tune":
        return _axeos.tuned(command, info, options, live=True)
    if command.verb == "mode":
        model = info.get("deviceModel")
        clock = _axeos.mode_clock(command, _clocks(model, options), _boards.shown_text(model))
        return _axeos.clocked(clock, live=True)
    pool = _axeos.pool_named(command, options.pools)
    row = {"stratumURL": pool.host, "stratumPort": pool.port, "stratumUser": pool.user}
    how = {"stratumTLS": _axeos.tls(pool), "stratumProtocol": SV1}  # what is left out stays as the old pool had it
    if how["stratumTLS"] and "stratumTLS" not in info:
        raise ValueError(_axeos.NO_TLS)
    body = {**row, "stratumPassword": pool.password.reveal()}
    body |= {key: value for key, value in how.items() if key in info}
    return Setting(body, lambda told: _axeos.is_pool(_first_pool(told), pool))


def _auto(command: Command, info: Info) -> int:
    """The mode in which its fans look after themselves: 2 (PID) where it tells a temperature for that; firmware before
    has 1, which newer firmware takes for 100 percent by hand. ValueError."""
    target = _answer.number(info.get("pidTargetTemp"))
    if target is not None and target < 0 and _errands.fan(command.value, _axeos.SLOWEST_FAN_PCT) is None:
        raise ValueError("it has no control of its own for these fans: give a speed in percent")
    return CLASSIC if target is None else PID


def _judged(command: Command, answer: Response) -> Outcome:
    """The board answers before it does it, so a good answer is taken, not done."""
    if 200 <= answer.status < 300:
        return Outcome(command.id, ACCEPTED)
    return _axeos.judged(command, answer, _CODES, "its firmware has no shutdown: update it or wire it to an outlet")


def recognise(seen: Seen) -> Guess | None:
    """By the model it names, or by its page."""
    info = _boards.seen_table(seen, "GET /api/system/info")
    if _axeos.is_nerdqaxe(info):
        model = _boards.shown_text(info.get("deviceModel"))
        return Guess("nerdqaxe", 3, model, _boards.shown_text(info.get("version")), _boards.mac(info.get("macAddr")))
    return Guess("nerdqaxe", 2) if b"Nerd" in _boards.seen_page(seen) else None
