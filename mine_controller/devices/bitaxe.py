"""Bitaxe boards (AxeOS, the ESP-Miner firmware): one read over HTTP, pause and resume where the firmware has them.

Flags are 0/1 in old firmware and true/false in new; a sensor that is not there says -1; right after a start the hash
rate is a guess (1000 GH/s was seen 4 s after one). Pause came with 2.14.0. After overheating the firmware either stops
its chip (`overheat_mode`) or, the older one, goes on at 50 MHz. The board takes requests from private addresses only.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mine_controller.core.model.command import APPLIED, REFUSED, UNKNOWN, UNSUPPORTED, Command, Outcome
from mine_controller.core.option import option
from mine_controller.devices import _answer, _boards, _hosts, _http, _turns
from mine_controller.devices._boards import Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.wire.door import Response, Wire

CAN = Can(
    reads=("address", "word", "power_w", "chip_c", "hashrate_ths"), verbs=("run", "stop"), fleet=True, gentle=True
)
LANE = LaneSpec(width=1, call_s=5.0, batch=True, proof_s=20)  # the board is read once more, 20 s after a command
BUDGET_S = 8.0

INFO, PAUSE, RESUME = "/api/system/info", "/api/system/pause", "/api/system/resume"
SAFE_MHZ = 50.0  # the clock that overheating firmware sets itself
_NO_METER = "no power sensor answers"
_SAYS = {"stop": "paused", "run": "resumed"}


class Options(NamedTuple):
    """One shelf of boards."""

    hosts: tuple[str, ...] = _boards.HOSTS
    port: int = _boards.PORT
    nominal_w: int = option(18, unit="W", low=1, high=500, help="what one board draws, unless fleet.csv says")
    standby_w: int = option(3, unit="W", low=0, high=100, help="what a paused board draws")
    boot_s: int = _boards.BOOT_S
    ramp_patience_s: int = _boards.PATIENCE_S


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _hosts.faults(options.hosts)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """One reply an address. A board is not read more than once in a call; how often the section is, says every_s."""
    return _boards.ask(wire, options, INFO, ask.memory)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """By mac `address`, `word`, `power_w`, `chip_c`, `hashrate_ths`, and texts (model, clock, trouble ...)."""

    def read(parts: Mapping[str, Reply]) -> Unit:
        info = _boards.only(parts)
        return Unit(_mac(info), _unit(_mac(info), info, options))

    return _boards.fleet(replies, read)


def _mac(info: dict[str, Any]) -> str:
    """Who it is. Raises BadReply, also for the board's relative, which pauses in another way."""
    if "nerd" in _boards.shown_text(info.get("deviceModel")).lower():
        raise BadReply("is a NerdQaxe: its section is [nerdqaxe NAME]")
    return _boards.named(info.get("macAddr"))


def _unit(name: str, info: dict[str, Any], options: Options) -> tuple[Found, ...]:
    word, why = _word(info, options)
    rate = _boards.not_negative(info.get("hashRate"))
    board = _boards.shown_text(info.get("boardVersion"), 20)
    return (
        Found(name, "word", word, why),
        _boards.known(name, "power_w", _boards.above_zero(info.get("power")), _NO_METER),
        _boards.hottest(name, (info.get("temp"), info.get("temp2"))),
        _boards.known(name, "hashrate_ths", None if rate is None else rate / 1e3, "gives no hash rate"),
        *_boards.heat(name, "regulator", info.get("vrTemp")),
        *_boards.texts(
            name,
            model=_model(info.get("ASICModel"), board),
            firmware=info.get("version"),
            clock=_clock(info),
            fan=_boards.fan((info.get("fanspeed"),), (info.get("fanrpm"), info.get("fan2rpm"))),
            shares=_boards.shares(info.get("sharesAccepted"), info.get("sharesRejected")),
            uptime=_boards.uptime(info.get("uptimeSeconds")),
            pool=_pool(info),
            trouble=_trouble(info) or "none",
        ),
    )


def _model(chip: Any, board: str) -> str | None:
    if not isinstance(chip, str):
        return None
    return f"{chip} board {board}" if board else chip


def _clock(info: dict[str, Any]) -> str | None:
    mhz, volts = _boards.above_zero(info.get("frequency")), _boards.above_zero(info.get("coreVoltage"))
    return None if mhz is None else f"{mhz:g} MHz" + (f" {volts:g} mV" if volts is not None else "")


def _pool(info: dict[str, Any]) -> str | None:
    """The pool in use: the board says when that is the second one."""
    first = _boards.pool(info.get("stratumURL"), info.get("stratumPort"))
    if _boards.flag(info.get("isUsingFallbackStratum")):
        return _boards.pool(info.get("fallbackStratumURL"), info.get("fallbackStratumPort"))
    return first


def _trouble(info: dict[str, Any]) -> str | None:
    """What the board says is wrong with it, or that its clock stands where overheating leaves it; None: nothing."""
    if _hot(info):
        return "stopped itself after overheating"
    for key in ("power_fault", "hardware_fault"):
        fault = info.get(key)
        if isinstance(fault, str) and fault.strip():
            return f"{key.replace('_', ' ')}: {_answer.clean(fault)}"
    mhz = _boards.above_zero(info.get("frequency"))
    if mhz is not None and mhz <= SAFE_MHZ:
        return f"clock lowered to {mhz:g} MHz, as the firmware does after overheating"
    return None


def _hot(info: dict[str, Any]) -> bool:
    return _boards.flag(info.get("overheat_mode")) is True


def _word(info: dict[str, Any], options: Options) -> tuple[str | None, str]:
    """Its own word, or None and why. A board without shares to make (no pool) hashes nothing and is not broken."""
    trouble = _trouble(info)
    if trouble is not None and not trouble.startswith("clock"):
        return "error", ""
    if _boards.flag(info.get("miningPaused")):
        return "sleeping", ""
    return _boards.working(info.get("hashRate"), info.get("uptimeSeconds"), options.boot_s)


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Pause and resume, all boards at once; each is read first: who it is, and whether it needs the command."""
    _boards.act(wire, options, batch, report, _look, _decide, _judge)


def _look(command: Command) -> bytes:
    return _http.pack("GET", _boards.place(command), INFO)


def _decide(command: Command, seen: Reply) -> Outcome | bytes:
    info = _boards.only({"": seen})
    refusal = _boards.stranger(command, _mac(info))
    if refusal is not None:
        return refusal
    paused = _boards.flag(info.get("miningPaused"))
    if command.verb == "run" and _hot(info):
        return Outcome(command.id, REFUSED, "stopped itself after overheating: cool it, then clear its overheat mode")
    if paused is not None and paused == (command.verb == "stop"):
        return Outcome(command.id, APPLIED, "was so already")
    return _http.pack("POST", _boards.place(command), PAUSE if command.verb == "stop" else RESUME)


def _judge(command: Command, answer: Response) -> Outcome:
    if answer.status in (404, 405, 501):
        return Outcome(command.id, UNSUPPORTED, "its firmware can't pause: update to 2.14.0 or wire it to an outlet")
    if answer.status == 401:
        return Outcome(command.id, REFUSED, _boards.REFUSES)
    if not 200 <= answer.status < 300:
        return _turns.judged(command, answer)
    message = _answer.table(_boards.reply("answer", answer)).get("message")
    if isinstance(message, str) and _SAYS[command.verb] in message.lower():
        return Outcome(command.id, APPLIED)
    return Outcome(command.id, UNKNOWN, "the answer does not say how it went")
