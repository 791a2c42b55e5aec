"""Settings of stock Antminers of the 9 to 17 series: a form whose fields count by their place.

`set_miner_conf.cgi` of these boards is a shell script. Whatever the fields are called, the first is the address of the
first pool, the second its user, and so on; from them it writes all settings anew, restarts the miner program and says
`ok` half a minute later, when the vendor's own page has hung up already. A field left out is a setting lost, and the
JSON that newer boards take would become the address of a pool. So the fields are those of the unit's own settings page,
in its order, filled with its settings as they were read right before; where one of them is not known here, nothing is
sent. What the unit has kept is read back, because its answer says nothing.

Facts after the script and the page of an S9, and after what Foreman's agent sends to L3+, S9 and T17+; a T17+ of June
2020 sleeps in work mode 254.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

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
from mine_controller.devices import _answer, _antminer, _antminer_fetch, _asic_rs, _hosts, _turns
from mine_controller.devices._antminer_web import BLINK, CONF, PAGE, SET, Answer, Call, Digest
from mine_controller.devices.kind import BadReply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Wire, WireError

ANSWER_S = 33.0  # its script sleeps for 31 s before it answers
LEAST_S = 12.0  # with less time than this left, its settings could not be read back
BACK_S = 4.0  # of that for reading them back
PLACES = 3
NO_SLEEP = "this model has no sleep mode: its outlet has to stop it"
NO_MODES = "the work modes of this series are not known"
NO_PAGE = "its settings page says nothing of the fields it sends: nothing was sent"

_DATA = re.compile(rb"set_miner_conf\.cgi['\"].{0,600}?\bdata\s*:\s*\{([^{}]{1,4000})\}", re.DOTALL)
_FIELD = re.compile(r"\s*(_ant_[a-z0-9_]{1,40})\s*:\s*[A-Za-z0-9_]{1,60}\s*")
_POOL = re.compile(r"_ant_pool([1-3])(url|user|pw)")
_NUMBER = re.compile(r"_ant_((?:freq|voltage)[0-9]{0,2})")
_FLAGS = {
    "_ant_nobeeper": "bitmain-nobeeper",
    "_ant_notempoverctrl": "bitmain-notempoverctrl",
    "_ant_fan_customize_switch": "bitmain-fan-ctrl",
}
_TEXTS = {"_ant_fan_customize_value": "bitmain-fan-pwm", "_ant_work_mode": "bitmain-work-mode"}
_PARTS = {"url": "url", "user": "user", "pw": "pass"}
# What its script gives back as it was: it knows a score of escapes and no others, and takes % for the start of one.
_SENDABLE = re.compile(r"[ !#$&'()*+,\-./0-9:;<=>?@A-Z\[\]^_a-z{|}~]{0,400}")
_UNESCAPED = "!~*'() "


class UnsendableError(Exception):
    """Settings that can't be sent back as they are. The text is the reason."""


class Change(NamedTuple):
    """One command, the unit's settings as read right before, and what is to be different (named as they are)."""

    command: Command
    conf: Mapping[str, Any]
    new: Mapping[str, Any]


def chosen(command: Command, conf: Mapping[str, Any], value: _asic_rs.Wanted, *, sleeps: bool) -> Any:
    """What is to be different, or the Outcome where nothing is to be sent. `sleeps`: the owner says it has a mode."""
    mode = _antminer.work_mode({"conf": conf})
    if command.verb == "mode":
        return Outcome(command.id, UNSUPPORTED, NO_MODES)
    if command.verb in ("stop", "run"):
        if not sleeps or mode is None:
            return Outcome(command.id, UNSUPPORTED, NO_SLEEP)
        asleep = mode == _antminer.OLD_ASLEEP
        if asleep == (command.verb == "stop"):
            return Outcome(command.id, ACCEPTED, f"its configuration says {'sleep' if asleep else 'run'} already")
        return {"bitmain-work-mode": "0" if asleep else str(_antminer.OLD_ASLEEP)}
    if command.verb == "fan":
        return (
            {"bitmain-fan-ctrl": False}
            if value.value == "auto"
            else {"bitmain-fan-ctrl": True, "bitmain-fan-pwm": value.value}
        )
    return {"pools": [{"url": url, "user": user, "pass": word} for url, user, word in value.pools]}


def fields(page: bytes) -> list[str]:
    """The names of the fields a settings page sends, in its order; [] when it does not tell them for certain."""
    found = _DATA.search(page)
    rows = found[1].decode("latin-1").split(",") if found else []
    names = [told[1] for row in rows if (told := _FIELD.fullmatch(row))]
    return names if names and len(names) == len(rows) == len(set(names)) else []


def form(names: Sequence[str], conf: Mapping[str, Any]) -> str:
    """These settings as such a page sends them. UnsendableError where they can't be sent as they are."""
    told = []
    for name in names:
        value = _value(name, conf)
        if not _SENDABLE.fullmatch(value):
            raise UnsendableError(
                f"{name.removeprefix('_ant_')} holds a character that this unit's settings can't take"
            )
        told.append(f"{name}={quote(value, safe=_UNESCAPED).replace(' ', '+')}")
    return "&".join(told)


def _value(name: str, conf: Mapping[str, Any]) -> str:
    if pool := _POOL.fullmatch(name):
        at = int(pool[1]) - 1
        rows = conf.get("pools")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UnsendableError("its settings tell no pools")
        return str(rows[at].get(_PARTS[pool[2]], "")) if at < len(rows) else ""
    if name in _FLAGS:
        return "true" if _is_on(conf.get(_FLAGS[name])) else "false"
    number = _NUMBER.fullmatch(name)
    setting = f"bitmain-{number[1]}" if number else _TEXTS.get(name)
    if setting is None:
        raise UnsendableError(f"its settings page sends {name.removeprefix('_ant_')[:30]}, which is not known here")
    value = conf.get(setting, "")
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise UnsendableError(f"its {setting} is no setting that can be sent back")
    return str(value)


def _is_on(value: Any) -> bool:
    return value is True or value == "true"


def change(wire: Wire, web: Digest, changes: Sequence[Change], report: Report) -> None:
    """Send each unit one form, all at once, and read back what it has kept."""
    going = []
    for each in _first_of_each(changes, report):
        if wire.now() + LEAST_S >= wire.until:
            report(Outcome(each.command.id, NOT_SENT, "the lane's time is too short for its settings"))
        else:
            going.append(each)
    pages = web.calls([Call(_host(each), PAGE) for each in going])
    filled = [(each, _filled(each, page, report)) for each, page in zip(going, pages, strict=True)]
    ready = [(each, told) for each, told in filled if told]
    longest_s = min(ANSWER_S, wire.until - wire.now() - BACK_S)
    answers = web.calls([Call(_host(each), SET, told) for each, told in ready], longest_s)
    web.forget(_host(each) for each, _ in ready)
    kept = web.calls([Call(_host(each), CONF) for each, _ in ready])
    for (each, _), answer, conf in zip(ready, answers, kept, strict=True):
        report(_judged(each, answer, conf))


def _first_of_each(changes: Sequence[Change], report: Report) -> list[Change]:
    """While such a unit takes one form it forgets every other."""
    first: dict[str, Change] = {}
    for each in changes:
        if first.setdefault(_host(each), each) is not each:
            report(Outcome(each.command.id, NOT_SENT, "it takes one change of its settings at a time"))
    return list(first.values())


def _host(change: Change) -> str:
    return _hosts.wanted(change.command)[0]


def _filled(change: Change, page: Answer, report: Report) -> str:
    """The form that does it; "", and told, when there is none. Nothing was changed yet."""
    command = change.command
    if isinstance(page, WireError):
        report(Outcome(command.id, UNREACHABLE, f"before the command: {page.why}"))
        return ""
    names = fields(page.body) if page.status == 200 else []
    if not names or ("bitmain-work-mode" in change.new and "_ant_work_mode" not in names):
        report(Outcome(command.id, UNSUPPORTED, NO_SLEEP if names else NO_PAGE))
        return ""
    try:
        return form(names, {**change.conf, **change.new})
    except UnsendableError as error:
        report(Outcome(command.id, REFUSED, str(error)))
        return ""


def _judged(change: Change, answer: Answer, told: Answer) -> Outcome:
    """By what it has kept. What else became different on the way is said."""
    command = change.command
    if isinstance(answer, WireError) and not answer.sent:
        return _turns.lost(command, answer)
    if not isinstance(answer, WireError) and answer.status == 401:
        return Outcome(command.id, REFUSED, _asic_rs.PASSWORD)
    try:
        kept = _antminer_fetch.table(told)
    except BadReply as error:
        return Outcome(command.id, UNKNOWN, f"sent, and its settings could not be read again: {error}"[:120])
    if not all(_same(kept.get(name), value) for name, value in change.new.items()):
        return Outcome(command.id, UNKNOWN, "sent, and it has not kept it")
    lost = [name for name, value in change.conf.items() if name not in change.new and not _same(kept.get(name), value)]
    if lost:
        names = ", ".join(_answer.clean(name, 30) for name in lost[:3])
        return Outcome(command.id, ACCEPTED, f"kept; its settings {names} are different now, too")
    return Outcome(command.id, ACCEPTED, "kept; its miner program starts anew")


def _same(kept: Any, wanted: Any) -> bool:
    """Whether a setting is this one. Of pools the places that are in use count, and not their passwords."""
    if isinstance(wanted, list):
        return _used(kept) == _used(wanted)
    if isinstance(wanted, bool) or wanted in ("true", "false"):
        return _is_on(kept) == _is_on(wanted)
    return str(kept) == str(wanted)


def _used(pools: Any) -> list[tuple[str, str]]:
    rows = [row for row in pools if isinstance(row, dict) and row.get("url")] if isinstance(pools, list) else []
    return [(str(row.get("url")), str(row.get("user", ""))) for row in rows]


def light(web: Digest, batch: Sequence[Command], report: Report) -> None:
    """Its light on or off, and what it says of it afterwards: to the request itself some never answer."""
    good = []
    for command in batch:
        refusal = _asic_rs.checked(command, ()).refusal
        if refusal:
            report(Outcome(command.id, REFUSED, refusal))
        else:
            good.append(command)
    hosts = [_hosts.wanted(command)[0] for command in good]
    forms = [f"action={'start' if command.value == 'on' else 'stop'}Blink" for command in good]
    sent = web.calls([Call(host, BLINK, form) for host, form in zip(hosts, forms, strict=True)])
    told = web.calls([Call(host, BLINK, "action=onPageLoaded") for host in hosts])
    for command, first, answer in zip(good, sent, told, strict=True):
        report(_lit(command, first, answer))


def _lit(command: Command, first: Answer, answer: Answer) -> Outcome:
    if isinstance(first, WireError) and not first.sent:
        return _turns.lost(command, first)
    if not isinstance(first, WireError) and first.status == 401:
        return Outcome(command.id, REFUSED, _asic_rs.PASSWORD)
    try:
        lit = _antminer_fetch.table(answer).get("isBlinking")
    except BadReply as error:
        return Outcome(command.id, UNKNOWN, str(error))
    if lit in (True, False, "true", "false") and _is_on(lit) == (command.value == "on"):
        return Outcome(command.id, ACCEPTED)
    return Outcome(command.id, UNKNOWN, "its light is not as it was told")
