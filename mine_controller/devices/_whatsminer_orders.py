"""Commands to Whatsminers: API 3 where a unit answers it, else API 2; what each answer means.

Words and codes as MicroBT's manuals have them: API 2 says 131 done, 45 no permission, 135 token wrong, 136 too many
clients, 23 or 137 can't be deciphered; API 3 says 0, -1 failed, -2 no such command, -4 no permission.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
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
from mine_controller.core.option import Secret
from mine_controller.devices import _answer, _asic_rs, _cgminer, _cgminer_orders, _hosts, _turns, _whatsminer
from mine_controller.devices import _whatsminer_seal as seal
from mine_controller.devices._answer import dig
from mine_controller.devices.kind import BadReply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Wire, WireError

DONE, DENIED, BAD_TOKEN, TOO_MANY, TOKEN = 131, 45, 135, 136, 134
BAD_CIPHER = (23, 137)
PLACES = 3  # for pools
DELIVERED_V2, DELIVERED_V3 = "admin", "super"  # the passwords every unit leaves the maker with
OFF = "its write API is off: switch it on in WhatsMinerTool, after changing the maker's password"
PASSWORD = "wrong password: set that of the unit in this section"  # noqa: S105 - words
DENIED_V3 = "it gives no permission: switch its API on, and check account and password of this section"
FULL = "too many clients hold tokens, again later"
BOOTING = "booting, again later"
UNHEARD = "before the command: API 3 gives no answer that can be used"
NO_LOGIN = "its firmware takes no commands by its API"
# Some of these are obeyed without an answer: the connection ends with the process that would give it.
MUTE = frozenset({"reboot", "set_low_power", "set_normal_power", "set_high_power", "set.system.reboot"})
_BOOTING = re.compile(r"boot(?:ing|up)|initiali[sz]|not ready|process is down|starting", re.IGNORECASE)

Frames = Callable[[Wire, Any, Sequence[tuple[str, bytes]]], "list[bytes | WireError]"]


class Options(_cgminer.Fleet, Protocol):
    """What this needs of the section's options."""

    @property
    def password(self) -> Secret:
        """Of API 2."""

    @property
    def v3_account(self) -> str:
        """Of API 3."""

    @property
    def v3_password(self) -> Secret:
        """Of API 3."""

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The owner's pools."""


class Sealed(NamedTuple):
    """A command ready to go: its name, its bytes, and the key of its answer."""

    command: Command
    order: str
    send: bytes
    key: bytes = b""


def refused(command: Command, why: str) -> Outcome:
    """A refusal of ours."""
    return Outcome(command.id, REFUSED, why)


def apply(wire: Wire, options: Options, frames: Frames, batch: Sequence[Command], report: Report) -> None:
    """All steps for all units, those of API 3 first; what is lost before a command changes nothing."""
    if wire.now() + _turns.LEAST_S >= wire.until:
        for command in batch:
            report(Outcome(command.id, NOT_SENT, "the lane's time was over"))
        return
    new, old, unheard = _by_generation(wire, options, frames, batch, report)
    answers = frames(wire, options, [(_host(each.command), each.send) for each in new])
    for each, answer in zip(new, answers, strict=True):
        report(_judged(each, answer, _judged_v3))
    _apply_v2(wire, options, old, unheard, report)


def _host(command: Command) -> str:
    return _hosts.wanted(command)[0]


def _by_generation(
    wire: Wire, options: Options, frames: Frames, batch: Sequence[Command], report: Report
) -> tuple[list[Sealed], list[Command], dict[str, str]]:
    """Those of API 3, sealed; the others; and of these why API 3 may be there all the same, by command."""
    ask = _whatsminer.framed({"cmd": "get.device.info"})
    infos = frames(wire, options, [(_host(command), ask) for command in batch])
    new, old, unheard = [], [], dict[str, str]()
    for command, info in zip(batch, infos, strict=True):
        try:
            tree = _whatsminer.unframed(info) if isinstance(info, bytes) else {}
            why = _said(tree.get("msg")) or "it does not say who it is"
        except BadReply as error:
            tree, why = {}, str(error)
        if not _whatsminer.message(tree):
            old.append(command)
            if not isinstance(info, WireError) or info.kind != "refused":  # a closed port: there is none
                unheard[command.id] = f"{UNHEARD}: {info.why if isinstance(info, WireError) else why}"
            continue
        ready = _seal_v3(options, command, tree)
        if isinstance(ready, Outcome):
            report(ready)
        else:
            new.append(ready)
    return new, old, unheard


def _seal_v3(options: Options, command: Command, info: dict[str, Any]) -> Sealed | Outcome:
    told = _whatsminer.message(info)
    if refusal := _cgminer_orders.stranger(command, _whatsminer.identity({"v3info": info})):
        return refusal
    salt, now = told.get("salt"), info.get("when")
    if dig(told, "system.apiswitch") == "0":
        return refused(command, OFF)
    if not isinstance(salt, str) or not salt.isascii() or not isinstance(now, int):
        return refused(command, BOOTING)  # a unit that has its services up tells both
    order, param = _order_v3(command, options.pools)
    digest = seal.digest_v3(order, options.v3_password.reveal() or DELIVERED_V3, salt, now)
    tree: dict[str, Any] = {"cmd": order, "ts": now, "token": seal.token_v3(digest), "account": options.v3_account}
    if order == "set.miner.pools":
        param = seal.sealed(digest, json.dumps(param, separators=(",", ":")))
    if param is not None:
        tree["param"] = param
    return Sealed(command, order, _whatsminer.framed(tree))


def _order_v3(command: Command, pools: Sequence[Pool]) -> tuple[str, Any]:
    light = [{"color": "red", "period": 200, "duration": 100, "start": 0}]
    if command.verb == "pool":
        rows = _asic_rs.listed(pools, command.value)
        return "set.miner.pools", [{"pool": url, "worker": user, "passwd": word} for url, user, word in rows]
    return {
        "stop": ("set.miner.service", "stop"),
        "run": ("set.miner.service", "start"),
        "restart": ("set.system.reboot", None),
        "mode": ("set.miner.power_mode", command.value),
        "limit": ("set.miner.power_limit", int(command.value) if command.verb == "limit" else None),
        "locate": ("set.system.led", light if command.value == "on" else "auto"),
    }[command.verb]


Judge = Callable[[Sealed, bytes], Outcome]


def _judged(each: Sealed, answer: bytes | WireError, judge: Judge) -> Outcome:
    if isinstance(answer, WireError):
        if answer.sent and each.order in MUTE:
            return Outcome(each.command.id, ACCEPTED, "no answer, as to every command of this kind")
        return _turns.lost(each.command, answer)
    try:
        return judge(each, answer)
    except BadReply as error:
        return Outcome(each.command.id, UNKNOWN, str(error))


def _judged_v3(each: Sealed, answer: bytes) -> Outcome:
    tree = _whatsminer.unframed(answer)
    code, said = tree.get("code"), _said(tree.get("msg") or tree.get("desc"))
    if code == 0:
        return Outcome(each.command.id, ACCEPTED)
    if _BOOTING.search(said):
        return refused(each.command, BOOTING)
    if code == -4:
        return refused(each.command, DENIED_V3)
    if code == -2:
        return Outcome(each.command.id, UNSUPPORTED, "this firmware does not know the command")
    if isinstance(code, int):
        return refused(each.command, f"it says {said or code!r}")
    return Outcome(each.command.id, UNKNOWN, "the answer does not say how it went")


def _said(value: Any) -> str:
    return _answer.clean(value, 60) if isinstance(value, str) else ""


def _apply_v2(
    wire: Wire, options: Options, batch: Sequence[Command], unheard: Mapping[str, str], report: Report
) -> None:
    """`unheard`: units that may take their commands by API 3, so that a no here does not say that they take none.

    A unit that was stopped may leave its summary without an answer and tell who it is elsewhere: it is asked there once
    all others have their command, for whoever is silent altogether costs a step's time again.
    """
    firsts = [(command, cgminer.request("summary")) for command in batch]
    heard, lost = list[tuple[Command, Any]](), list[tuple[Command, Any]]()
    for command, answer in _cgminer_orders.step(wire, options, firsts):
        is_lost = isinstance(answer, Outcome) and answer.verdict == UNKNOWN
        (lost if is_lost else heard).append((command, answer))
    _told_v2(wire, options, heard, unheard, report)
    if wire.now() + _turns.LEAST_S < wire.until:
        lost = [(command, {}) for command, _ in lost]
    _told_v2(wire, options, lost, unheard, report)


def _told_v2(
    wire: Wire, options: Options, heard: Sequence[tuple[Command, Any]], unheard: Mapping[str, str], report: Report
) -> None:
    """From their summaries on: who they are, a token for each, and the command."""
    nameless: list[Command] = []

    def known(command: Command, tree: cgminer.Tree) -> bytes | Outcome:
        unit = _whatsminer.identity({"summary": tree, "get_miner_info": tree})
        if not unit and command not in nameless and _hosts.wanted(command)[1]:
            nameless.append(command)
            return cgminer.request("get_miner_info")
        if not unit and command.id in unheard:
            return Outcome(command.id, UNREACHABLE, unheard[command.id])
        return _cgminer_orders.stranger(command, unit) or cgminer.request("get_token")

    seconds = _cgminer_orders.before(heard, report, known)
    named = [step for step in seconds if step[0] not in nameless]
    asked = [step for step in seconds if step[0] in nameless]
    named += _cgminer_orders.before(_cgminer_orders.step(wire, options, asked), report, known)
    ready: dict[str, Sealed] = {}
    tokens = _cgminer_orders.step(wire, options, named)

    def kept(command: Command, tree: cgminer.Tree) -> bytes | Outcome:
        made = _seal_v2(options, command, tree)
        if isinstance(made, Outcome):
            doubt = unheard.get(command.id) if made.verdict == UNSUPPORTED else None
            return made._replace(verdict=UNREACHABLE, why=doubt) if doubt else made
        ready[command.id] = made
        return made.send

    _cgminer_orders.before(tokens, report, kept)
    sealed = list(ready.values())
    sends = [_cgminer.exchange(options, _host(each.command), each.send) for each in sealed]
    answers = wire.many(sends, min(wire.until, wire.now() + _cgminer.STEP_S)) if sends else []
    for each, answer in zip(sealed, answers, strict=True):
        report(_judged(each, answer, _judged_v2))


def _seal_v2(options: Options, command: Command, tree: cgminer.Tree) -> Sealed | Outcome:
    told, status = _whatsminer.message(tree), cgminer.status(tree)
    parts = [told.get(name) for name in ("time", "salt", "newsalt")]
    if status.code == cgminer.INVALID_COMMAND:
        return Outcome(command.id, UNSUPPORTED, NO_LOGIN)
    if status.code != TOKEN or not all(isinstance(part, str) and part.isascii() and part for part in parts):
        return _no(command, status, _said(tree.get("Msg")))
    time, salt, newsalt = (str(part) for part in parts)
    key = seal.key_v2(options.password.reveal() or DELIVERED_V2, salt)
    order, about = _order_v2(command, options.pools)
    text = json.dumps({"token": seal.sign_v2(key, time[-4:], newsalt), "cmd": order, **about}, separators=(",", ":"))
    data = json.dumps({"enc": 1, "data": seal.sealed(seal.cipher_v2(key), text)}, separators=(",", ":"))
    return Sealed(command, order, data.encode(), seal.cipher_v2(key))


def _order_v2(command: Command, pools: Sequence[Pool]) -> tuple[str, dict[str, Any]]:
    light = {"color": "red", "period": 200, "duration": 100, "start": 0}
    if command.verb == "pool":
        rows = [*_asic_rs.listed(pools, command.value), *[("", "", "")] * PLACES][:PLACES]
        places = [(f"pool{at}", f"worker{at}", f"passwd{at}") for at in range(1, PLACES + 1)]
        return "update_pools", {
            name: text for named, row in zip(places, rows, strict=True) for name, text in zip(named, row, strict=True)
        }
    return {
        "stop": ("power_off", {"respbefore": "true"}),
        "run": ("power_on", {}),
        "restart": ("reboot", {}),
        "mode": (f"set_{command.value}_power", {}),
        "limit": ("adjust_power_limit", {"power_limit": command.value}),
        "locate": ("set_led", light if command.value == "on" else {"param": "auto"}),
    }[command.verb]


def _judged_v2(each: Sealed, answer: bytes) -> Outcome:
    """A refusal may come in the open or sealed."""
    try:
        tree = cgminer.read(answer)
        if isinstance(tree.get("enc"), str):
            text = seal.opened(each.key, tree["enc"])
            tree = cgminer.read(text.encode()) if text is not None else {}
    except cgminer.UnreadableError as error:
        raise BadReply(str(error)) from None
    status = cgminer.status(tree)
    if status.good or (not status.letter and status.code == DONE):
        return Outcome(each.command.id, ACCEPTED)
    if not status.letter and status.code is None:
        return Outcome(each.command.id, UNKNOWN, "the answer does not say how it went")
    if status.code is None:  # a no is one also without its number
        return refused(each.command, _said(tree.get("Msg")) or "refused without a reason")
    if status.code == cgminer.INVALID_COMMAND:
        return Outcome(each.command.id, UNSUPPORTED, "this firmware does not know the command")
    return _no(each.command, status, _said(tree.get("Msg")))


def _no(command: Command, status: cgminer.Status, said: str) -> Outcome:
    """A refusal in words that help."""
    if status.code == DENIED:
        return refused(command, OFF)
    if status.code == BAD_TOKEN or status.code in BAD_CIPHER:
        return refused(command, PASSWORD)
    if status.code == TOO_MANY:
        return refused(command, FULL)
    if _BOOTING.search(said):
        return refused(command, BOOTING)
    if status.code is None:
        return Outcome(command.id, UNREACHABLE, "before the command: not the answer of a Whatsminer")
    return refused(command, f"it says {said or status.code!r}")
