"""What boards with AxeOS and its relatives share: their settings, changed by one PATCH and read back.

Settings lie in flash memory, which wears. So: a setting that is so already is not written; all settings asked for one
board in one batch (mode, pool, fan) are one PATCH; what a board stores it is not told again, because the next reading
says so. How often a mode may change at all is the core's to say.
"""

import re
from collections.abc import Callable, Generator, Sequence
from typing import Any

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNKNOWN, UNSUPPORTED, Command, Outcome
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import option
from mine_controller.devices import _answer, _boards, _errands, _hosts, _http, _pools, _turns
from mine_controller.devices._talks import Desk, Step
from mine_controller.devices.kind import BadReply, Found
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Response, WireError

INFO, SETTINGS, RESTART = "/api/system/info", "/api/system", "/api/system/restart"
MODES = ("eco", "standard", "turbo", "overclock")
SLOWEST_FAN_PCT = 20  # with less, a board in manual mode heats up until its firmware stops it
VERBS = ("mode", "tune", "pool", "fan")
_TLS = ("stratum+ssl", "stratum+tls", "stratum+tcps")
NO_TLS = "its firmware speaks no TLS to pools"
DEAD_MV = 100  # no chip hashes with less
OFF = "its chips have no voltage, as after overheating or a fault of its supply"
_VERSION = re.compile(r"v?([0-9]{1,3})\.([0-9]{1,3})(?:\D.*)?", re.DOTALL)
_ENTRY = re.compile(r"(\S+) +(eco|standard|turbo|overclock) +([0-9]{1,4}) +([0-9]{1,4})")

HIGHEST_MHZ: int = option(650, unit="MHz", low=100, high=1200, help="highest chip frequency `tune` and `modes` may set")
LOWEST_MHZ: int = option(300, unit="MHz", low=50, high=1200, help="lowest chip frequency they may set")
HIGHEST_MV: int = option(1300, unit="mV", low=800, high=1500, help="highest core voltage they may set")
LOWEST_MV: int = option(1000, unit="mV", low=700, high=1500, help="lowest core voltage they may set")


class Clock(NamedTuple):
    """A frequency and the core voltage that goes with it."""

    mhz: int
    mv: int


class Setting(NamedTuple):
    """`body` for the PATCH, how the board shows it afterwards, whether it needs no restart, and how it shows that it is
    getting there."""

    body: dict[str, Any]
    seen: Callable[[dict[str, Any]], bool]
    live: bool = True
    nears: Callable[[dict[str, Any]], bool] = lambda _: False


Modes = dict[str, dict[str, Clock]]  # by chip or model in lower case, by mode
Info = dict[str, Any]
Talking = Generator[Step, Response, Info]


def modes(known: Modes, entries: Sequence[str]) -> Modes:
    """The known ones, with those of the option `modes` in place of or beside them."""
    found = {name: dict(clocks) for name, clocks in known.items()}
    for entry in entries:
        read = _ENTRY.fullmatch(entry.strip())
        if read:
            found.setdefault(read[1].lower(), {})[read[2]] = Clock(int(read[3]), int(read[4]))
    return found


def faults(options: Any) -> list[str]:
    """What is wrong with the options of a shelf of such boards, as sentences."""
    return [*_hosts.faults(options.hosts), *mode_faults(options.modes, options)]


def mode_faults(entries: Sequence[str], options: Any) -> list[str]:
    """What is wrong with the option `modes`, as sentences."""
    wrong = []
    for entry in entries:
        read = _ENTRY.fullmatch(entry.strip())
        if not read:
            wrong.append(f"modes: {entry[:60]!r} is no entry like `BM1370 eco 490 1060` (chip, mode, MHz, mV)")
        elif why := outside(options, Clock(int(read[3]), int(read[4]))):
            wrong.append(f"modes: {entry[:60]!r}: {why}")
    return wrong


def outside(options: Any, clock: Clock) -> str:
    """Why this clock is beyond the section's bounds, "" when it is not."""
    if not options.lowest_mhz <= clock.mhz <= options.highest_mhz:
        return f"{clock.mhz} MHz is beyond {options.lowest_mhz} to {options.highest_mhz} MHz of this section"
    if not options.lowest_mv <= clock.mv <= options.highest_mv:
        return f"{clock.mv} mV is beyond {options.lowest_mv} to {options.highest_mv} mV of this section"
    return ""


def draws_on(info: Info, standby_w: int) -> bool:
    """Whether its own meter shows more than what is left of one that rests: it may say of itself that it does."""
    watts = _boards.not_negative(info.get("power"))
    return watts is not None and watts > 2 * standby_w


def version(info: Info) -> tuple[int, int] | None:
    """(2, 14) of a firmware "v2.14.0-...", None when it tells none."""
    found = _VERSION.fullmatch(info["version"]) if isinstance(info.get("version"), str) else None
    return (int(found[1]), int(found[2])) if found else None


def is_nerdqaxe(info: Info) -> bool:
    """Whether its firmware is the NerdQaxe's, which stops in a way of its own. Not every board of it is named after it
    (Q1370, Q1373), but all tell beside the model each chip's temperature and whether they are shut down
    (ESP-Miner-NerdQAxePlus of 2026: boards/q1370.cpp, handler_system.cpp)."""
    model = _boards.shown_text(info.get("deviceModel"))
    return "nerd" in model.lower() or (bool(model) and "shutdown" in info and "asicTemps" in info)


def other_make(info: Info) -> str:
    """The model of what answers in these words and is neither: it names its model and no board, which every ESP-Miner
    names. Its volts and its ways to stop are others, as with TNA-OS on Antminers (API document of its 0.10). "": none.
    """
    model = _boards.shown_text(info.get("deviceModel"))
    return "" if is_nerdqaxe(info) or "boardVersion" in info else model


class Rail(NamedTuple):
    """What tells whether its chips have a voltage, as the board says it. `idle`: it took that from them itself, and
    says so."""

    idle: Any
    uptime_s: Any
    core_mv: Any
    watts: Any


def is_dark(core_mv: Any) -> bool:
    """Whether the chips have no voltage, by this measurement of it."""
    told = _boards.not_negative(core_mv)
    return told is not None and told < DEAD_MV


def is_off(rail: Rail, boot_s: int, dead_w: float) -> bool:
    """Whether its chips have no voltage although nobody stopped it. Firmware that makes its hash rate of the nonces
    found goes on telling that of the last ones then (NerdQAxePlus, power_management_task.cpp and history.cpp; ESP-Miner
    of 2024, system.c, issues 752 and 803). A sensor that reads nothing is believed with the watts only."""
    if _boards.flag(rail.idle) or _boards.working(1, rail.uptime_s, boot_s)[0] != "hashing":
        return False
    watts = _boards.not_negative(rail.watts)
    return is_dark(rail.core_mv) and watts is not None and watts < dead_w


def clocked(clock: Clock, *, live: bool) -> Setting:
    """The setting that makes a board run so."""

    def seen(info: Info) -> bool:
        return clock_of(info) == clock

    return Setting({"frequency": clock.mhz, "coreVoltage": clock.mv}, seen, live)


def clock_of(info: Info) -> Clock | None:
    """How the board is set, None when it does not tell."""
    mhz, mv = _boards.above_zero(info.get("frequency")), _boards.above_zero(info.get("coreVoltage"))
    return None if mhz is None or mv is None else Clock(round(mhz), round(mv))


def tuned(command: Command, info: Info, options: Any, *, live: bool) -> Setting:
    """What `tune` asks for; what it does not name stays as it is. ValueError."""
    asked, now = _errands.tuning(command.value), clock_of(info)
    mhz = asked.get("frequency_mhz", now.mhz if now else 0)
    mv = asked.get("core_voltage_mv", now.mv if now else 0)
    if why := outside(options, Clock(mhz, mv)):
        raise ValueError(why)
    return clocked(Clock(mhz, mv), live=live)


def fan(command: Command, info: Info, auto: int = 1) -> Setting:
    """What `fan` asks for; `auto` is the firmware's number for it. Newer firmware has a key of its own for the speed in
    manual mode; older tells what the fan does, which its next round sets, some seconds later (ESP-Miner before 2.11,
    POWER_MANAGEMENT_task). ValueError."""
    percent = _errands.fan(command.value, SLOWEST_FAN_PCT)
    key = "manualFanSpeed" if "manualFanSpeed" in info else "fanspeed"
    body = {"autofanspeed": auto} if percent is None else {"autofanspeed": 0, key: percent}

    def by_hand(told: Info) -> bool:
        return percent is not None and _boards.flag(told.get("autofanspeed")) is False

    def seen(told: Info) -> bool:
        if percent is None:
            mode = told.get("autofanspeed")
            return mode == auto and isinstance(mode, int | float)  # true is 1
        return by_hand(told) and _answer.number(told.get(key)) == percent

    return Setting(body, seen, nears=lambda told: key == "fanspeed" and by_hand(told))


def pool_named(command: Command, pools: Sequence[Pool]) -> Pool:
    """The pool a command names. ValueError."""
    found = _pools.named(pools, command.value)
    if found is None:
        raise ValueError(f"{command.value[:40]!r} is no pool of this section")
    return found


def tls(pool: Pool) -> bool:
    """Whether a pool is to be spoken to with TLS."""
    return pool.url.partition("://")[0] in _TLS


def is_pool(told: Info, pool: Pool) -> bool:
    """Whether a board's fields are this pool, by where it connects and as whom."""
    there = _pools.where(told.get("stratumURL"), told.get("stratumPort"))
    return there is not None and there == _pools.where(pool.url) and told.get("stratumUser") == pool.user


def mode_clock(command: Command, clocks: dict[str, Clock], model: str) -> Clock:
    """The clock of the mode asked for. ValueError: no such mode; LookupError: nobody said what it is on this board."""
    if command.value not in MODES:
        raise ValueError(f"a mode is one of {', '.join(MODES)}, not {command.value[:20]!r}")
    if command.value not in clocks:
        raise LookupError(f"no clock is known for {command.value} of {model or 'its chip'}: write it into modes")
    return clocks[command.value]


def mode_found(name: str, info: Info, clocks: dict[str, Clock]) -> list[Found]:
    """The reading `mode`: the word whose clock it runs, or None and why; nothing where it tells no clock."""
    clock = clock_of(info)
    if clock is None:
        return []
    word = next((mode for mode, one in clocks.items() if one == clock), None)
    return [Found(name, "mode", word, "" if word else f"{clock.mhz} MHz {clock.mv} mV is none of its modes")]


def settings(desk: Desk, make: Callable[[Command], Setting]) -> list[tuple[Command, Setting]]:
    """The settings asked for; those that can't be are refused."""
    found = []
    for command in desk.of(*VERBS):
        try:
            found.append((command, make(command)))
        except ValueError as error:
            desk.tell(command, REFUSED, str(error))
        except LookupError as error:
            desk.tell(command, UNSUPPORTED, str(error.args[0]))
    return found


def change(desk: Desk, info: Info, wanted: Sequence[tuple[Command, Setting]], refused: str) -> Talking:
    """Write what is not so yet, in one PATCH, read it back and tell. The info after it; `refused` is what a 401 means.

    Of a setting that needs a restart nothing is told yet: that is for `restarted`.
    """
    left = []
    for command, setting in wanted:
        if setting.seen(info):
            desk.tell(command, APPLIED, "was so already")
        else:
            left.append((command, setting))
    if not left:
        return info
    body = {key: value for _, setting in left for key, value in setting.body.items()}
    answer = yield Step(_http.pack("PATCH", desk.host, SETTINGS, body), changes=True)
    if 200 <= answer.status < 300:
        return (yield from _read_back(desk, left))
    for command, _ in left:
        desk.say(judged(command, answer, refused, "its firmware has no settings over the network"))
    return info


def judged(command: Command, answer: Response, refused: str, missing: str) -> Outcome:
    """What an answer that is no success means; `refused` explains a 401, `missing` a path that is not there."""
    if answer.status == 401:
        return Outcome(command.id, REFUSED, refused)
    if answer.status in (404, 405, 501):
        return Outcome(command.id, UNSUPPORTED, missing)
    if answer.status == 400:  # its own words may repeat what was sent, a password with it
        return Outcome(command.id, REFUSED, "does not take these settings (400)")
    return _turns.judged(command, answer)


def _read_back(desk: Desk, written: Sequence[tuple[Command, Setting]]) -> Talking:
    try:
        answer = yield Step(_http.pack("GET", desk.host, INFO))
        after = _boards.only({"": _boards.reply(desk.host, answer)})
    except (WireError, BadReply) as error:
        for command, _ in written:
            desk.tell(command, ACCEPTED, f"took it, and could not be read again: {error}"[:120])
        return {}
    for command, setting in written:
        if not setting.seen(after):
            near = setting.nears(after)
            doubt = "answered that it did, and shows another setting"
            desk.tell(command, *((ACCEPTED, "took it, and gets there within seconds") if near else (UNKNOWN, doubt)))
        elif setting.live:
            desk.tell(command, APPLIED)
    return after


def restarts(desk: Desk, forbidden: str, refused: str) -> Generator[Step, Response, None]:
    """Restart once, where that was asked for or where something stored needs it. `forbidden` says why not to."""
    stored, asked = desk.of(*VERBS), desk.of("restart")
    if not stored and not asked:
        return
    if forbidden:
        _tell(desk, stored, f"stored; takes effect after its next restart, not now: {forbidden}")
        for command in asked:
            desk.tell(command, REFUSED, forbidden)
        return
    try:
        answer = yield Step(_http.pack("POST", desk.host, RESTART), changes=True)
    except (WireError, BadReply) as error:
        _tell(desk, stored, f"stored; its restart, which makes it count, was not answered: {error}"[:120])
        raise
    good = 200 <= answer.status < 300
    _tell(desk, stored, "stored; restarting to use it" if good else "stored; takes effect after its next restart")
    for command in asked:
        missing = "its firmware has no restart over the network"
        desk.say(Outcome(command.id, ACCEPTED, "restarting") if good else judged(command, answer, refused, missing))


def _tell(desk: Desk, commands: Sequence[Command], why: str) -> None:
    for command in commands:
        desk.tell(command, ACCEPTED, why)
