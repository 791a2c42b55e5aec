"""Commands to Antminer stock firmware: its web interface, because its API only reads and asic-rs's sleep is not kept.

Sleep is a work mode of the configuration. What was seen: `set_miner_conf.cgi` takes about 21 s; builds of 2022 store
the mode from one of two keys, some of 2025 only when both are there, some compare it as a text; an S19j Pro of
December 2022 stored it and hashed on until it was rebooted; a body without pools may wipe them. So the body holds what
the vendor's page sends: fans and pools as they were read right before, both mode keys, the frequency level, and where
the settings have them the share of the hash rate (S21, T21) and the switch that puts the unit's address behind the
worker's name, which the unit's script drops when it is left out. Pages of 2025 that tell frequency and voltage as
numbers send these two back as well. That script splits its words at blanks and knows no escapes: one blank in a pool's
password, and every setting is written empty. Such a body is not sent. (Scripts of S19 to S21 and KS units, and which
fields the pages of S21, T21, L9, KS5 and S21+ send, as the contracts of AgentScanner list them.) The 9 to 17 series
take a form instead: see `_antminer_form`. A unit of which neither its settings nor its name say which of the two it
takes is not written to, because either would destroy the settings of the other.
"""

import json
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mine_controller.core.model.command import (
    ACCEPTED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.model.pool import Pool
from mine_controller.devices import (
    _answer,
    _antminer,
    _antminer_fetch,
    _antminer_form,
    _antminer_modes,
    _asic_rs,
    _cgminer_orders,
    _errands,
    _hosts,
    _turns,
    _units,
)
from mine_controller.devices._antminer_fetch import table
from mine_controller.devices._antminer_form import NO_SLEEP, Change
from mine_controller.devices._antminer_web import BLINK, CONF, INFO, SET, Answer, Call, Digest
from mine_controller.devices.kind import BadReply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Response, Wire, WireError

SET_S = 35.0  # the most a change of the configuration was given by anybody; 21 s is what it takes
# With less time than this left, a change that was not stored is not sent once more: a look may take 5 s, and the script
# some more to write. A tick has 25 s for it all.
AGAIN_S = 10.0
# What a body of no known type is answered: older scripts take any, that of the S21 XP Imm. (FR-1.38 of October 2025, in
# HashSource's hashsource_antminer_S21x) this one to the letter.
UNREAD, OTHER_KIND = b"Illegal request", "application/json"
STORED_S = 2.0  # its answer comes before its file is there
REBOOT_AFTER_S = 180  # asleep by its own word and hashing for so long: it needs a reboot
REBOOT = "/cgi-bin/reboot.cgi"
MODES = {word: number for number, word in _antminer.MODES.items()}
PLACES = 3
NO_GENERATION = "neither its settings nor its name say how its web interface takes settings: nothing was sent"
# Sent back as read: left out, the script drops the second; what becomes of the others then, nobody shows. The page of
# FR-1.29(251029-U2L9H) has the last.
AS_READ = ("bitmain-hashrate-percent", "bitmain-user-ip-cat", "bitmain-power-target")
TUNED = ("bitmain-freq", "bitmain-voltage")  # the vendor's page sends them where they are numbers, not as texts
UNSENDABLE = (
    "pool {} on it has a blank, quote, backslash or letter beyond ASCII, over which its script may lose every setting:"
    " nothing was sent"
)
_SENDABLE = re.compile(r"[!#-\[\]-~]*")  # printable, and no blank, quote or backslash
LIMIT_WHY = "stock firmware takes no limit in watts, only the modes low, normal and high"


class Options(_antminer_fetch.Options, Protocol):
    """What this needs of the section's options."""

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The owner's pools."""

    @property
    def awake(self) -> str:
        """The mode that a sleeping unit is put into."""

    @property
    def old_sleep(self) -> bool:
        """Whether units of the 17 series are put to sleep."""

    @property
    def ramp_patience_s(self) -> int:
        """How long a start may take."""


class Unit(NamedTuple):
    """One command, what its unit's configuration was right before, and what that asks for."""

    command: Command
    conf: dict[str, Any]
    rate_ths: float | None
    uptime_s: float | None
    generation: str  # of its web interface
    offered: tuple[str, ...]  # its modes, where they are known


def apply(wire: Wire, options: Options, web: Digest, batch: Sequence[Command], report: Report) -> None:
    """Who it is, what it is set to, whether it hashes; then the one call that changes it."""
    known, models = _identified(web, batch, report)
    old = {command.id for command in known if _antminer.generation(models[command.id], {}) == _antminer.OLD}
    simple = [command for command in known if command.verb in ("restart", "locate")]
    lights = [command for command in simple if command.verb == "locate" and command.id in old]
    _antminer_form.light(web, lights, report)
    _simple(wire, web, [command for command in simple if command not in lights], report)
    others = [command for command in known if command not in simple]
    changes: list[tuple[Unit, dict[str, Any]]] = []
    forms: list[Change] = []
    reboots: list[Command] = []
    for unit in _configured(wire, web, options, others, models, report):
        chosen = _chosen(unit, options)
        if isinstance(chosen, Outcome):
            report(chosen)
        elif not chosen:
            reboots.append(unit.command)
        elif unit.generation == _antminer.OLD:
            forms.append(Change(unit.command, unit.conf, chosen))
        elif place := _unsendable(chosen):
            report(Outcome(unit.command.id, REFUSED, UNSENDABLE.format(place)))
        else:
            changes.append((unit, chosen))
    _simple(wire, web, reboots, report)
    _both(
        wire,
        lambda: _antminer_form.change(wire, web, forms, report),
        lambda: _change(wire, web, changes, report),
        apart=bool(forms and changes),
    )


def _both(wire: Wire, one: Callable[[], None], other: Callable[[], None], *, apart: bool) -> None:
    """Two things of which each takes most of a lane's time: apart where both have something to do."""
    if not apart:
        one()
        other()
        return
    failed: list[Exception] = []

    def beside() -> None:
        try:
            one()
        except Exception as error:  # noqa: BLE001 - raised again in the lane's own thread, whose fault is told
            failed.append(error)

    thread = threading.Thread(target=beside, name="act antminer forms", daemon=True)
    thread.start()
    other()
    thread.join(max(0.0, wire.until - wire.now()))
    if failed:
        raise failed[0]


def _host(command: Command) -> str:
    return _hosts.wanted(command)[0]


def _late(wire: Wire) -> bool:
    return wire.now() + _turns.LEAST_S >= wire.until


def _read(
    web: Digest, path: str, batch: Sequence[Command], report: Report, then: Callable[[Command, dict[str, Any]], bool]
) -> list[Command]:
    """Those whose answer `then` lets go on; the others are reported. Nothing was changed yet."""
    going = []
    for command, answer in zip(batch, web.calls([Call(_host(command), path) for command in batch]), strict=True):
        try:
            if then(command, table(answer)):
                going.append(command)
        except BadReply as error:
            verdict = UNREACHABLE if isinstance(answer, WireError) else REFUSED
            report(Outcome(command.id, verdict, f"before the command: {error}"))
    return going


def _identified(web: Digest, batch: Sequence[Command], report: Report) -> tuple[list[Command], dict[str, Any]]:
    """Those whose unit answers, and what each of these units calls its model."""
    models: dict[str, Any] = {}

    def same(command: Command, info: dict[str, Any]) -> bool:
        models[command.id] = info.get("minertype")
        unit = _units.identity({"mac": info.get("macaddr"), "serial": info.get("serinum")})
        refusal = _cgminer_orders.stranger(command, unit)
        if refusal is not None:
            report(refusal)
        return refusal is None

    return _read(web, INFO, batch, report, same), models


def _configured(
    wire: Wire, web: Digest, options: Options, batch: Sequence[Command], models: dict[str, Any], report: Report
) -> list[Unit]:
    confs: dict[str, dict[str, Any]] = {}

    def kept(command: Command, conf: dict[str, Any]) -> bool:
        confs[command.id] = conf
        return True

    going = _read(web, CONF, batch, report, kept)
    asked = _cgminer_orders.step(wire, options, [(command, cgminer.request("summary")) for command in going])
    summaries = {command.id: cgminer.row(told, "SUMMARY") if isinstance(told, dict) else {} for command, told in asked}
    units = []
    for command in going:
        told = _antminer.told(_antminer.STOCK, {"summary": {"SUMMARY": [summaries[command.id]]}}, 0)
        conf = confs[command.id]
        model = models.get(command.id)
        generation, offered = _antminer.generation(model, conf), _antminer_modes.offered(model)
        units.append(Unit(command, conf, told.rate_ths, told.uptime_s, generation, offered))
    return units


def _chosen(unit: Unit, options: Options) -> dict[str, Any] | Outcome:
    """The body that does it, {} for a reboot, or the outcome when nothing is to be sent."""
    command, conf = unit.command, unit.conf
    mode = _antminer.work_mode({"conf": conf})
    if command.verb == "limit":
        return Outcome(command.id, UNSUPPORTED, LIMIT_WHY)
    checked = _asic_rs.checked(command, options.pools)
    if checked.refusal:
        return Outcome(command.id, REFUSED, checked.refusal)
    if unit.generation == _antminer.OLD:
        waits = command.verb == "stop" and options.old_sleep and mode == _antminer.OLD_ASLEEP and _hashes_on(unit)
        return {} if waits else _antminer_form.chosen(command, conf, checked, sleeps=options.old_sleep)
    if not unit.generation:
        return Outcome(command.id, UNSUPPORTED, NO_GENERATION)
    if mode is None or not _pools_of(conf):
        why = NO_SLEEP if command.verb in ("stop", "run") else "this model is set in another way"
        return Outcome(command.id, UNSUPPORTED, why)
    if command.verb in ("stop", "run"):
        return _slept(unit, mode) if command.verb == "stop" else _woken(unit, mode, options)
    if command.verb == "mode":
        return _moded(unit, mode)
    if command.verb == "fan":
        auto = checked.value == _errands.AUTO
        speed = "100" if auto else checked.value
        numbered = isinstance(conf.get("bitmain-fan-pwm"), int)  # an S21+ of 2025, where others have a text
        fans = {"bitmain-fan-ctrl": not auto, "bitmain-fan-pwm": int(speed) if numbered else speed}
        return body({**conf, **fans}, mode)
    named = [{"url": url, "user": user, "pass": word} for url, user, word in checked.pools]
    return body({**conf, "pools": named}, mode)


def _moded(unit: Unit, mode: int) -> dict[str, Any] | Outcome:
    command, offered = unit.command, unit.offered
    if offered and command.value not in offered:
        why = f"this model has the modes {', '.join(offered)}, no {command.value}"
        return Outcome(command.id, UNSUPPORTED, why)
    if mode == _antminer.ASLEEP or (mode == _antminer.NOT_MINING and not unit.rate_ths):
        return Outcome(command.id, REFUSED, "it sleeps, and a mode would wake it")
    return body(unit.conf, MODES[command.value])


def _slept(unit: Unit, mode: int) -> dict[str, Any] | Outcome:
    if mode != _antminer.ASLEEP:
        return body(unit.conf, _antminer.ASLEEP)
    return {} if _hashes_on(unit) else Outcome(unit.command.id, ACCEPTED, "its configuration says sleep already")


def _hashes_on(unit: Unit) -> bool:
    """Asleep by its settings, it has hashed for minutes: it needs a reboot."""
    return bool(unit.rate_ths) and (unit.uptime_s or 0) >= REBOOT_AFTER_S


def _woken(unit: Unit, mode: int, options: Options) -> dict[str, Any] | Outcome:
    """Into the mode the command names, else the section's: what it was in before it slept is kept nowhere on it. A mode
    that its model has not would leave it asleep."""
    if mode in (_antminer.ASLEEP, _antminer.NOT_MINING):
        word = unit.command.value if unit.command.value in MODES else options.awake
        return body(unit.conf, MODES["normal" if unit.offered and word not in unit.offered else word])
    if unit.rate_ths or unit.uptime_s is None or unit.uptime_s < options.ramp_patience_s:
        return Outcome(unit.command.id, ACCEPTED, "its configuration says run already")
    return body(unit.conf, mode)


def _pools_of(conf: dict[str, Any]) -> list[dict[str, Any]]:
    """The three places for pools as read; [] when they can't be sent back as they are. A place with nothing in it is
    an empty one (so a T21 of January 2025 tells them, as AgentScanner's notes of October 2026 have it)."""
    told = conf.get("pools")
    rows = told if isinstance(told, list) else []
    good = all(isinstance(row, dict) and (not row or isinstance(row.get("url"), str)) for row in rows)
    return rows if good else []


def body(conf: dict[str, Any], mode: int, *, as_text: bool = False) -> dict[str, Any]:
    """What the vendor's page sends to change the mode: nothing else changes."""
    empty = {"url": "", "user": "", "pass": ""}
    pools = [{name: row.get(name, "") for name in empty} for row in _pools_of(conf)][:PLACES]
    work = str(mode) if as_text else mode
    made: dict[str, Any] = {name: conf[name] for name in ("bitmain-fan-ctrl", "bitmain-fan-pwm") if name in conf}
    made |= {"miner-mode": work, "bitmain-work-mode": work}
    made |= {name: conf[name] for name in AS_READ if conf.get(name) is not None}
    if "bitmain-freq-level" in conf:
        made["freq-level"] = conf["bitmain-freq-level"]
    if all(isinstance(conf.get(name), int | float) for name in TUNED):
        made |= {name: conf[name] for name in (*TUNED, "bitmain-freq-level") if name in conf}
    return {**made, "pools": [*pools, *([empty] * (PLACES - len(pools)))]}


def _unsendable(made: dict[str, Any]) -> int:
    """The first place of a pool that such a unit's script can't take, counted from 1; 0 when there is none."""
    texts = [[value for value in row.values() if isinstance(value, str)] for row in made["pools"]]
    return next((at for at, row in enumerate(texts, 1) if not all(map(_SENDABLE.fullmatch, row))), 0)


def _change(wire: Wire, web: Digest, changes: Sequence[tuple[Unit, dict[str, Any]]], report: Report) -> None:
    """Send each change once; where it was taken but not stored and there is time, once more with the mode as a text."""
    if _late(wire):
        for unit, _ in changes:
            report(Outcome(unit.command.id, NOT_SENT, "the lane's time was over"))
        return
    first = _sent(web, changes)
    good = [at for at, outcome in enumerate(first) if outcome.verdict == ACCEPTED]
    for at, outcome in enumerate(first):
        if at not in good:
            report(outcome)
    taken = [changes[at] for at in good]
    again = _not_stored(wire, web, taken)
    for unit, _ in taken:
        if unit.command.id not in again:
            report(Outcome(unit.command.id, ACCEPTED, "taken; it takes effect within minutes"))
    retried = [(unit, body({**unit.conf, **made}, made["miner-mode"], as_text=True)) for unit, made in taken]
    for outcome in _sent(web, [each for each in retried if each[0].command.id in again]):
        report(outcome)


def _sent(web: Digest, changes: Sequence[tuple[Unit, dict[str, Any]]]) -> list[Outcome]:
    calls = [Call(_host(unit.command), SET, made) for unit, made in changes]
    answers = web.talks(calls, SET_S, _otherwise)
    return [_taken(unit.command, answer) for (unit, _), answer in zip(changes, answers, strict=True)]


def _otherwise(call: Call, answer: Response) -> Call | None:
    """Who has not read the body for its type, has changed nothing, and gets it once more as the other type."""
    return call._replace(kind=OTHER_KIND) if UNREAD in answer.body and not call.kind else None


def _taken(command: Command, answer: Answer) -> Outcome:
    """M000 is a yes, any other code a no; no answer leaves it open, because the change may well come about."""
    if isinstance(answer, WireError):
        return _turns.lost(command, answer)
    try:
        told = table(_last_line(answer))
    except BadReply as error:
        return Outcome(command.id, REFUSED if answer.status == 401 else UNKNOWN, str(error))
    if told.get("code") == "M000":
        return Outcome(command.id, ACCEPTED)
    if "code" in told:
        return Outcome(command.id, REFUSED, f"its web interface says {_answer.clean(told.get('msg', ''), 60)!r}")
    return Outcome(command.id, UNKNOWN, "the answer does not say how it went")


def _last_line(answer: Response) -> Response:
    """The answer without the words that its script may write in lines before it."""
    last = answer.body.strip().rpartition(b"\n")[2]
    return answer._replace(body=last) if last.startswith(b"{") else answer


def _not_stored(wire: Wire, web: Digest, taken: Sequence[tuple[Unit, dict[str, Any]]]) -> set[str]:
    """Who said yes and kept its old mode, where there is time to find out and to send again."""
    if not taken or wire.now() + AGAIN_S > wire.until:
        return set()
    wire.sleep(STORED_S)
    answers = web.calls([Call(_host(unit.command), CONF) for unit, _ in taken])
    left = set()
    for (unit, made), answer in zip(taken, answers, strict=True):
        try:
            mode = _antminer.work_mode({"conf": table(answer)})
        except BadReply:
            continue  # it reloads: the next reading tells
        if mode is not None and mode != made["miner-mode"]:
            left.add(unit.command.id)
    return left


def _simple(wire: Wire, web: Digest, batch: Sequence[Command], report: Report) -> None:
    """A reboot or its light: one call."""
    good: list[tuple[Command, Call]] = []
    for command in batch:
        refusal = _asic_rs.checked(command, ()).refusal if command.verb == "locate" else ""
        if refusal:
            report(Outcome(command.id, REFUSED, refusal))
        elif command.verb == "locate":
            good.append((command, Call(_host(command), BLINK, {"blink": command.value == "on"})))
        else:
            good.append((command, Call(_host(command), REBOOT)))
    if _late(wire):
        for command, _ in good:
            report(Outcome(command.id, NOT_SENT, "the lane's time was over"))
        return
    for (command, call), answer in zip(good, web.calls([call for _, call in good]), strict=True):
        report(_rebooting(command, answer) if call.path == REBOOT else _blinking(command, answer))


def _rebooting(command: Command, answer: Answer) -> Outcome:
    if isinstance(answer, WireError):
        if answer.kind == "closed":
            return Outcome(command.id, ACCEPTED, "hung up without a word, as those do that reboot")
        return _turns.lost(command, answer)
    if answer.status == 401:
        return Outcome(command.id, REFUSED, _asic_rs.PASSWORD)
    return Outcome(command.id, ACCEPTED, "rebooting") if answer.status < 300 else _turns.judged(command, answer)


def _blinking(command: Command, answer: Answer) -> Outcome:
    """B000 is on, B100 is off."""
    if isinstance(answer, WireError):
        return _turns.lost(command, answer)
    if answer.status == 401:
        return Outcome(command.id, REFUSED, _asic_rs.PASSWORD)
    try:
        code = json.loads(answer.body).get("code")
    except (ValueError, RecursionError, AttributeError):
        code = None
    if code == ("B000" if command.value == "on" else "B100"):
        return Outcome(command.id, ACCEPTED)
    return Outcome(command.id, UNKNOWN, "the answer does not say how it went")
