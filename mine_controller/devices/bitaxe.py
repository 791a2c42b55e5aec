"""Bitaxe boards (AxeOS, the ESP-Miner firmware): one read over HTTP, pause and resume where the firmware has them.

Flags are 0/1 in old firmware and true/false in new; a sensor that is not there says -1; right after a start the hash
rate is a guess (1000 GH/s was seen 4 s after one). Pause came with 2.14.0, and a restart forgets it. After overheating
the firmware either stops its chip (`overheat_mode`, which is for a person to clear and never written here) or, the
older one, goes on at 50 MHz. The newest one (ESP-Miner from about 2.12 on, power_management_task.c) cools for half a
minute or longer, clears that word itself and goes on 100 MHz and 100 mV lower, its fan at 100 % by hand: as long
as the fan stands so, no mode and no tuning may raise the board again. Older firmware tells its last hash rate for ever
when its chip lost its voltage (a fault of the supply): then the voltage tells. The board takes requests from
private addresses only.

Modes are a chip frequency and a core voltage. The known ones are made of the two lists each chip has in the firmware's
device_config.h: standard is its default, eco its lowest, overclock its highest frequency. A board that is none of that
file is asked first which clocks it offers, and given no other, unless the owner wrote one down. Pools are one pair of
fields until 2.14 and a table of slots from 2.15 on, where a slot that holds the pool already is only chosen. Firmware
before 2.14 uses new settings after a restart, which is part of the command; 2.14 needs it for a pool. A board that was
told on its own page to mine for its second pool is told to use its first again with the pool. "Identify" is a toggle:
its answer says which way it went, and when that was the wrong one it is sent once more.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNKNOWN, UNREACHABLE, Command, Outcome
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import option
from mine_controller.devices import _answer, _axeos, _boards, _http, _pools
from mine_controller.devices._axeos import Clock, Info, Rail, Setting
from mine_controller.devices._boards import Unit
from mine_controller.devices._talks import LATE, Desk, Step
from mine_controller.devices.kind import Ask, BadReply, Can, Found, Guess, LaneSpec, Reply, Report, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Response, Wire, WireError

CAN = Can(
    reads=(
        *("address", "word", "power_w", "draw_w", "chip_c", "hashrate_ths", "fan_rpm", "fan_pct", "frequency_mhz"),
        *("core_voltage_mv", "uptime_s", "accepted_n", "rejected_n", "best_diff_n", "mode", "pool", "text"),
    ),
    verbs=("restart", "mode", "tune", "pool", "fan", "locate", "run", "stop"),
    fleet=True,
    gentle=True,
)
LANE = LaneSpec(width=1, call_s=5.0, batch=True, proof_s=20)  # the board is read once more, 20 s after a command
BUDGET_S = 8.0
MODES = _axeos.MODES
EVERY_S = 60
SETTLE_S = 60

INFO, PAUSE, RESUME = _axeos.INFO, "/api/system/pause", "/api/system/resume"
IDENTIFY, ASIC = "/api/system/identify", "/api/system/asic"
SAFE_MHZ = 50.0  # the clock that overheating firmware sets itself
LOWERS = 100  # MHz and mV that newer firmware takes off its clock each time,
REGULATED_MV = 1000  # though later than 2.14 no voltage below what its regulator gives (power_management_task.c)
LOWERS_MOST = 3  # times that are looked for
LIVE_CLOCK = (2, 14)  # firmware from which on a new clock needs no restart; a new pool needs none in one with a table
CLOCKS: _axeos.Modes = {
    "bm1397": {"eco": Clock(400, 1350), "standard": Clock(425, 1400), "turbo": Clock(500, 1400)}
    | {"overclock": Clock(600, 1500)},
    "bm1366": {"eco": Clock(400, 1100), "standard": Clock(485, 1200), "turbo": Clock(525, 1250)}
    | {"overclock": Clock(575, 1300)},
    "bm1368": {"eco": Clock(400, 1100), "standard": Clock(490, 1166), "turbo": Clock(525, 1200)}
    | {"overclock": Clock(575, 1250)},
    "bm1370": {"eco": Clock(400, 1000), "standard": Clock(525, 1150), "turbo": Clock(600, 1150)}
    | {"overclock": Clock(625, 1200)},
    "board-650": {"eco": Clock(350, 1100), "standard": Clock(400, 1150), "overclock": Clock(410, 1150)},
}
BOARDS = (  # of device_config.h (ESP-Miner up to 2.14): the clocks above are theirs
    *("2.2", "102", "0.11", "201", "202", "203", "204", "205", "207", "302", "303", "400", "401", "402", "403"),
    *("600", "601", "602", "603", "650", "701", "702", "800", "801"),
)
_SAYS = {"stop": "paused", "run": "resumed"}
_HOT = "stopped itself after overheating: cool it, then clear its overheat mode"
_LOWERED = "lowered its clock after overheating: cool it, then set its fan to auto"
_NO_POOL = ("not connected", "unreachable", "failed")
_PAUSED = "it is paused, and a restart would start it"


class Options(NamedTuple):
    """One shelf of boards."""

    hosts: tuple[str, ...] = _boards.HOSTS
    port: int = _boards.PORT
    nominal_w: int = option(18, unit="W", low=1, high=500, help="what one board draws, unless fleet.csv says")
    standby_w: int = option(3, unit="W", low=0, high=100, help="what a paused board draws")
    boot_s: int = _boards.BOOT_S
    ramp_patience_s: int = _boards.PATIENCE_S
    pools: tuple[Pool, ...] = _pools.POOLS
    modes: tuple[str, ...] = option(
        (),
        help="clocks of modes, in place of the known ones: chip (or board-650), mode, MHz, mV",
        example="BM1370 eco 490 1060, BM1370 overclock 625 1200",
    )
    lowest_mhz: int = _axeos.LOWEST_MHZ
    highest_mhz: int = _axeos.HIGHEST_MHZ
    lowest_mv: int = _axeos.LOWEST_MV
    highest_mv: int = _axeos.HIGHEST_MV


faults = _axeos.faults


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """One reply an address. A board is not read more than once in a call; how often the section is, says every_s."""
    return _boards.ask(wire, options, INFO, ask.memory)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """By mac `address`, `word`, what CAN names, and texts (model, clock, trouble ...)."""

    def read(parts: Mapping[str, Reply]) -> Unit:
        info = _boards.only(parts)
        return Unit(_mac(info), _unit(_mac(info), info, options))

    return _boards.fleet(replies, read)


def _mac(info: dict[str, Any]) -> str:
    """Who it is. Raises BadReply, also for the board's relative, which pauses in another way."""
    if _axeos.is_nerdqaxe(info):
        raise BadReply("is a NerdQaxe: its section is [nerdqaxe NAME]")
    if other := _axeos.other_make(info):
        raise BadReply(f"is {other!r}, no Bitaxe")
    return _boards.named(info.get("macAddr"))


def _unit(name: str, info: Info, options: Options) -> tuple[Found, ...]:
    word, why = _word(info, options)
    rate = _boards.not_negative(info.get("hashRate"))
    if word == "error" and _axeos.is_dark(info.get("coreVoltageActual")):
        rate = 0.0  # what it tells is of before
    board = _boards.shown_text(info.get("boardVersion"), 20)
    return (
        Found(name, "word", word, why),
        *_boards.watts(name, info.get("power")),
        _boards.hottest(name, (info.get("temp"), info.get("temp2"))),
        _boards.known(name, "hashrate_ths", None if rate is None else rate / 1e3, "gives no hash rate"),
        *_boards.numbers(
            name,
            fan_rpm=_boards.slowest((info.get("fanrpm"), info.get("fan2rpm"))),
            fan_pct=_boards.percent((info.get("fanspeed"),)),
            frequency_mhz=_boards.above_zero(info.get("frequency")),
            core_voltage_mv=_boards.above_zero(info.get("coreVoltage")),
            uptime_s=_boards.not_negative(info.get("uptimeSeconds")),
            accepted_n=_boards.not_negative(info.get("sharesAccepted")),
            rejected_n=_boards.not_negative(info.get("sharesRejected")),
            best_diff_n=_boards.difficulty(info.get("bestDiff")),
        ),
        *_axeos.mode_found(name, info, _clocks(info, options)),
        *_boards.pool_found(name, options.pools, *_active(info)),
        *_boards.heat(name, "regulator", info.get("vrTemp")),
        *_boards.texts(
            name,
            model=_model(info.get("ASICModel"), board),
            firmware=info.get("version"),
            clock=_clock(info),
            best=info.get("bestDiff"),
            pool=_boards.pool(_active(info)[0], _active(info)[2]),
            trouble=_trouble(info, options) or "none",
        ),
    )


def _clocks(info: Info, options: Options, known: _axeos.Modes | None = None) -> dict[str, Clock]:
    """The clocks of this board by mode: its board's own, else its chip's."""
    known = _axeos.modes(CLOCKS, options.modes) if known is None else known
    board = f"board-{_boards.shown_text(info.get('boardVersion'), 20)}".lower()
    return known.get(board) or known.get(_boards.shown_text(info.get("ASICModel"), 20).lower(), {})


def _model(chip: Any, board: str) -> str | None:
    if not isinstance(chip, str):
        return None
    return f"{chip} board {board}" if board else chip


def _clock(info: dict[str, Any]) -> str | None:
    mhz, volts = _boards.above_zero(info.get("frequency")), _boards.above_zero(info.get("coreVoltage"))
    return None if mhz is None else f"{mhz:g} MHz" + (f" {volts:g} mV" if volts is not None else "")


def _active(info: Info) -> tuple[Any, Any, Any]:
    """URL, user and port of the pool in use: the board says when that is the second one."""
    second = _on_second(info)
    if (slots := _slots(info)) is not None:
        index = info.get("secondaryPoolIndex" if second else "primaryPoolIndex")
        row = slots.get(index, {}) if isinstance(index, int) else {}
        return row.get("stratumURL"), row.get("stratumUser"), row.get("stratumPort")
    prefix = "fallbackStratum" if second else "stratum"
    return info.get(f"{prefix}URL"), info.get(f"{prefix}User"), info.get(f"{prefix}Port")


def _slots(info: Info) -> dict[int, Info] | None:
    """The table of pools by slot; None in firmware that has none."""
    rows = info.get("pools")
    if not isinstance(rows, list) or not isinstance(info.get("primaryPoolIndex"), int):
        return None
    return {row["id"]: row for row in rows if isinstance(row, dict) and type(row.get("id")) is int}


def _trouble(info: Info, options: Options) -> str | None:
    """What the board says is wrong with it, or that its clock stands where overheating leaves it; None: nothing."""
    if _hot(info):
        return "stopped itself after overheating"
    for key in ("power_fault", "hardware_fault"):
        fault = info.get(key)
        if isinstance(fault, str) and fault.strip():
            return f"{key.replace('_', ' ')}: {_answer.clean(fault)}"
    if _off(info, options):
        return _axeos.OFF
    mhz = _boards.above_zero(info.get("frequency"))
    if mhz is not None and (mhz <= SAFE_MHZ or _lowered(info, options)):
        more = "" if mhz <= SAFE_MHZ else ": cool it, then set its fan to auto"
        return f"clock lowered to {mhz:g} MHz, as the firmware does after overheating{more}"
    return None


def _off(info: Info, options: Options) -> bool:
    """Whether its chips have no voltage; the newest firmware takes it from them also while no pool answers."""
    idle = _boards.flag(info.get("miningPaused")) or _is_poolless(info)
    rail = Rail(idle, info.get("uptimeSeconds"), info.get("coreVoltageActual"), info.get("power"))
    return _axeos.is_off(rail, options.boot_s, 2 * options.standby_w)


def _lowered(info: Info, options: Options) -> Clock | None:
    """Its clock where that is what newer firmware leaves after overheating: so much below one of its modes, and the
    fan at 100 % by hand. The word `overheat_mode` is gone again by then. None: it is not."""
    clock, clocks = _axeos.clock_of(info), _clocks(info, options).values()
    by_hand = _boards.flag(info.get("autofanspeed")) is False and _boards.percent((info.get("manualFanSpeed"),)) == 100
    if clock is None or not by_hand or clock in clocks:
        return None
    for steps in range(LOWERS, LOWERS * LOWERS_MOST + 1, LOWERS):
        if any((one.mhz - steps, mv) == clock for one in clocks for mv in _lower(one.mv, steps)):
            return clock
    return None


def _lower(mv: int, steps: int) -> tuple[int, int]:
    """A voltage after that, without a least one and with it."""
    return mv - steps, max(mv - steps, min(mv, REGULATED_MV))


def _hot(info: dict[str, Any]) -> bool:
    return _boards.flag(info.get("overheat_mode")) is True


def _word(info: dict[str, Any], options: Options) -> tuple[str | None, str]:
    """Its own word, or None and why. A board without shares to make (no pool) hashes nothing and is not broken: while
    no pool answers, the newest firmware takes the power from its chip, and its hash rate, a mean, falls after that."""
    trouble = _trouble(info, options)
    if trouble is not None and not trouble.startswith("clock"):
        return "error", ""
    if _boards.flag(info.get("miningPaused")):
        return "sleeping", ""
    word, why = _boards.working(info.get("hashRate"), info.get("uptimeSeconds"), options.boot_s)
    watts = _boards.not_negative(info.get("power"))
    idle = (word is None and info.get("hashRate") is not None) or (watts is not None and watts <= 2 * options.standby_w)
    return ("waiting", "") if word != "booting" and idle and _is_poolless(info) else (word, why)


def _is_poolless(info: Info) -> bool:
    """Whether it says that no pool answers: "Not Connected", "SV1: Connection failed", "SV1: Pool unreachable"
    (ESP-Miner, stratum_v1_client.c and system.c). One that answered is told as "IPv4", "IPv6 (TLS)" and the like."""
    said = info.get("poolConnectionInfo")
    return isinstance(said, str) and any(word in said.lower() for word in _NO_POOL)


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """All boards at once. Each is read first (who it is, whether it needs the command); settings are one write."""
    _boards.talk(wire, options, batch, report, CAN.verbs, lambda desk: _talk(desk, options))


def _talk(desk: Desk, options: Options) -> Generator[Step, Response, None]:
    answer = yield Step(_http.pack("GET", desk.host, INFO))
    info = _boards.only({"": _boards.reply(desk.host, answer)})
    if desk.is_stranger(_mac(info)):
        return
    hot = _hot(info)
    if hot:  # old firmware lowers its clock for that: a new one would be taken up hot
        for command in desk.of("run", "restart", "mode", "tune"):
            desk.tell(command, REFUSED, _HOT)
    clocks = yield from _allowed(desk, info, options)
    wanted = _axeos.settings(desk, lambda command: _setting(command, info, options, clocks))
    if wanted:
        yield from _axeos.change(desk, info, wanted, _boards.REFUSES)
    paused = _boards.flag(info.get("miningPaused")) is True
    # of one that sleeps a restart is asked only where it is to run, of one in trouble whatever is wanted of it
    stays = paused and not desk.of("run") and (not desk.of("restart") or _word(info, options)[0] == "error")
    yield from _axeos.restarts(desk, _HOT if hot else _PAUSED if stays or desk.of("stop") else "", _boards.REFUSES)
    for command in desk.of("stop", "run"):
        yield from _pause(desk, command, info, options)
    for command in desk.of("locate"):
        yield from _locate(desk, command)


def _allowed(desk: Desk, info: Info, options: Options) -> Generator[Step, Response, dict[str, Clock]]:
    """The clocks, by mode, that may be written. A newer board, or another maker's, may have two chips on one supply, or
    others than their name says: of those only what the owner wrote down, what it runs and what its own page offers."""
    clocks, asked = _clocks(info, options), desk.of("mode")
    own = _clocks(info, options, _axeos.modes({}, options.modes))
    if _is_known(info) or {one.value for one in asked} <= own.keys():
        return clocks
    told: Info = {}
    try:
        answer = yield Step(_http.pack("GET", desk.host, ASIC))
        told = _answer.table(_boards.reply(desk.host, answer))
    except WireError as error:
        if error.why == LATE:
            raise
        for command in asked:
            desk.tell(command, UNREACHABLE, f"before the command: {error.why}")
    except BadReply:
        pass  # older firmware has no such page, and sends who asks to another
    now = _axeos.clock_of(info)
    return {mode: one for mode, one in clocks.items() if mode in own or one == now or _offers(told, one)}


def _is_known(info: Info) -> bool:
    """Whether it is a board of device_config.h; a Lucky Miner bears such numbers too, beside a name of its own."""
    return _boards.shown_text(info.get("boardVersion"), 20) in BOARDS and "minerModel" not in info


def _offers(told: Info, clock: Clock) -> bool:
    """Whether a board's page of its chips lists both numbers."""
    lists = told.get("frequencyOptions"), told.get("voltageOptions")
    return all(isinstance(found, list) and number in found for found, number in zip(lists, clock, strict=True))


def _setting(command: Command, info: Info, options: Options, clocks: dict[str, Clock]) -> Setting:
    """ValueError: it can't be; LookupError: nothing is known of how."""
    live = (_axeos.version(info) or (0, 0)) >= LIVE_CLOCK
    if command.verb == "pool":
        return _pooled(_axeos.pool_named(command, options.pools), info)
    if command.verb == "fan":
        return _axeos.fan(command, info)
    if command.verb == "tune":
        return _not_raised(_axeos.tuned(command, info, options, live=live), info, options)
    chip = _boards.shown_text(info.get("ASICModel"), 20)
    clocked = _axeos.clocked(_axeos.mode_clock(command, clocks, chip), live=live)
    return _not_raised(clocked, info, options)


def _not_raised(setting: Setting, info: Info, options: Options) -> Setting:
    """This clock, unless the board lowered its own after overheating and it is a higher one. ValueError."""
    own = _lowered(info, options)
    if own is not None and (setting.body["frequency"] > own.mhz or setting.body["coreVoltage"] > own.mv):
        raise ValueError(_LOWERED)
    return setting


def _pooled(pool: Pool, info: Info) -> Setting:
    """The first pool of the board becomes this one, and the one it prefers. ValueError."""
    slots, tls = _slots(info), _axeos.tls(pool)
    if tls and slots is None and "stratumTLS" not in info:
        raise ValueError(_axeos.NO_TLS)
    row = {"stratumURL": pool.host, "stratumPort": pool.port, "stratumUser": pool.user}
    secret = {"stratumPassword": pool.password.reveal()}
    back = {"useFallbackStratum": 0} if _prefers_second(info) or _on_second(info) else {}
    if slots is None:
        how = {"stratumTLS": int(tls), "stratumProtocol": "SV1"}  # what is left out stays as the old pool had it
        body = {**row, **secret, **{key: value for key, value in how.items() if key in info}}
        return Setting(
            {**({} if _axeos.is_pool(info, pool) else body), **back},
            lambda told: _axeos.is_pool(told, pool) and not _prefers_second(told),
            live=False,  # also in a fork that counts beyond 2.15: it has no table, so it has not that firmware's way
        )
    first, second = info["primaryPoolIndex"], info.get("secondaryPoolIndex")

    def seen(told: Info) -> bool:
        after = _slots(told)  # None also where it does not say which of them is its first
        if after is None or _prefers_second(told):
            return False
        return _axeos.is_pool(after.get(told["primaryPoolIndex"], {}), pool)

    held = next((slot for slot, one in slots.items() if _axeos.is_pool(one, pool)), None)
    if held is not None:
        swap = {"secondaryPoolIndex": first} if held == second else {}
        return Setting({"primaryPoolIndex": held, **swap, **back}, seen)
    slot = {"id": first, "stratumProtocol": "SV1", **row, **secret, "stratumTLS": int(tls)}
    return Setting({"pools": [slot], **back}, seen)


def _on_second(info: Info) -> bool:
    return _boards.flag(info.get("isUsingFallbackStratum")) is True


def _prefers_second(info: Info) -> bool:
    """Whether someone told it to mine for its second pool, also while the first answers (firmware from 2.9 on; told
    from 2.15 on). It stays so over a restart, and whatever its first pool is."""
    return _boards.flag(info.get("useFallbackStratum")) is True


def _pause(desk: Desk, command: Command, info: Info, options: Options) -> Generator[Step, Response, None]:
    paused = _boards.flag(info.get("miningPaused"))
    believed = not paused or not _axeos.draws_on(info, options.standby_w)
    if believed and paused is not None and paused == (command.verb == "stop"):
        desk.tell(command, APPLIED, "was so already")
        return
    answer = yield Step(_http.pack("POST", desk.host, PAUSE if command.verb == "stop" else RESUME), changes=True)
    desk.say(_judged(command, answer))


def _judged(command: Command, answer: Response) -> Outcome:
    if not 200 <= answer.status < 300:
        missing = "its firmware can't pause: update to 2.14.0 or wire it to an outlet"
        return _axeos.judged(command, answer, _boards.REFUSES, missing)
    message = _answer.table(_boards.reply("answer", answer)).get("message")
    if isinstance(message, str) and _SAYS[command.verb] in message.lower():
        return Outcome(command.id, APPLIED)
    return Outcome(command.id, UNKNOWN, "the answer does not say how it went")


def _locate(desk: Desk, command: Command) -> Generator[Step, Response, None]:
    on = _boards.switched(desk, command)
    if on is None:
        return
    for _ in range(2):
        answer = yield Step(_http.pack("POST", desk.host, IDENTIFY), changes=True)
        if not 200 <= answer.status < 300:
            desk.say(_axeos.judged(command, answer, _boards.REFUSES, "its firmware has no way to be found"))
            return
        message = _boards.shown_text(_said(answer), 80).lower()
        if "hi!" in message and ("no longer" not in message) == on:
            desk.tell(command, APPLIED, "for half a minute" if on else "")
            return
        if "no longer" not in message and "hi!" not in message:
            break
    desk.tell(command, ACCEPTED if on else UNKNOWN, "the answer does not say how it went")


def _said(answer: Response) -> Any:
    try:
        return _answer.table(_boards.reply("answer", answer)).get("message")
    except BadReply:
        return ""  # older firmware answers without a word


def recognise(seen: Seen) -> Guess | None:
    """By what its web interface tells; a NerdQaxe tells nearly the same and is none."""
    info = _boards.seen_table(seen, "GET /api/system/info")
    page = _boards.seen_page(seen)
    if b"nerd" in page.lower() or _axeos.is_nerdqaxe(info) or _axeos.other_make(info):
        return None
    if isinstance(info.get("ASICModel"), str) and "macAddr" in info:
        model = _model(info.get("ASICModel"), _boards.shown_text(info.get("boardVersion"), 20)) or ""
        firmware = _boards.shown_text(info.get("version"))
        return Guess("bitaxe", 3, model, firmware, _boards.mac(info.get("macAddr")))
    return Guess("bitaxe", 2) if b"AxeOS" in page else None
