"""A person's errand as a request: whom it means, what it may say, who can't take it. Pure.

errand WHOM VERB [VALUE]: WHOM is a miner's id, --all, row=a, group=bitaxe shelf, or model=S19 (part of the name).
"""

import re

from mine_controller.core.fleet import on_above_w
from mine_controller.core.model.command import ERRANDS, NOT_SENT, UNREACHABLE
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.quantity import QUANTITIES
from mine_controller.core.model.state import Errand, State
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.refusal import Refused
from mine_controller.record import NamedTuple

FIELDS = (2, 3)
TUNED = ("frequency_mhz", "core_voltage_mv")
LIMIT_PCT = 110  # of nominal: a power limit beyond that is a typing error; so is one at which it would count as off
SHOWN = 3
_PAIR = re.compile(r"([a-z_]+)=([0-9]{1,6})")


class _Asked(NamedTuple):
    verb: str
    value: str


def take_errand(request: Request, image: Image, state: State, policy: Policy) -> tuple[State, str]:
    """The state with an errand for each miner that can take it, and "n of m taken". Raises Refused when nobody can."""
    if len(request.args) not in FIELDS:
        raise Refused("an errand takes whom, what and its value, for example: errand m001 mode eco")
    whom, verb, value = (*request.args, "")[:3]
    if verb not in ERRANDS:
        raise Refused(f"there is no errand {verb[:20]!r}; there are {', '.join(ERRANDS)}")
    asked = _Asked(verb, value.strip())
    _check(asked)
    specs = _whom(whom, image, policy)
    cannot = {spec.id: why for at, spec in specs if (why := _cannot(spec, at, asked, image, policy))}
    taken = [spec.id for _, spec in specs if spec.id not in cannot]
    if not taken:
        raise Refused(_told(cannot) if len(specs) == 1 else f"none of {len(specs)} can take it: {_told(cannot)}")
    anew = set(taken)
    old = [one for one in state.errands if one.verb != verb or one.miner not in anew or not _waits(one)]
    new = [Errand(name, verb, asked.value, request.id, image.clock.plant_s) for name in taken]
    why = f"{len(taken)} of {len(specs)} taken"
    return state._replace(errands=(*old, *new)), f"{why}; {_told(cannot)}" if cannot else why


def _waits(errand: Errand) -> bool:
    """Not sent, or to be sent again: a new errand of its kind takes its place."""
    return errand.sent_s is None or errand.answer in (NOT_SENT, UNREACHABLE)


def _told(cannot: dict[str, str]) -> str:
    told = [why for _, why in list(cannot.items())[:SHOWN]]
    return "; ".join(told) + (f"; and {len(cannot) - SHOWN} more" if len(cannot) > SHOWN else "")


def _check(asked: _Asked) -> None:
    """What is wrong with the value whoever it is for."""
    verb, value = asked
    if verb == "restart" and value:
        raise Refused("restart takes no value")
    if verb == "locate" and value not in ("on", "off"):
        raise Refused("locate is on or off")
    if verb == "fan" and value != "auto" and not (_digits(value) and int(value) <= 100):
        raise Refused("fan is auto or a share from 0 to 100")
    if verb == "limit" and not (_digits(value) and int(value) > 0):
        raise Refused("limit is a number of watts, for example 2800")
    if verb == "tune":
        _check_tune(value)
    if verb in ("mode", "pool") and not value:
        raise Refused(f"{verb} needs its word, for example: errand m001 {verb} {'eco' if verb == 'mode' else 'main'}")


def _check_tune(value: str) -> None:
    pairs = [_PAIR.fullmatch(part) for part in value.split()]
    names = [pair[1] for pair in pairs if pair]
    known = bool(pairs) and all(pairs) and len(set(names)) == len(names) and set(names) <= set(TUNED)
    if not known:
        raise Refused('tune takes settings like "frequency_mhz=525 core_voltage_mv=1150"')
    for pair in pairs:
        row = QUANTITIES[pair[1]] if pair else None
        if pair and row and not row.low <= int(pair[2]) <= row.high:
            raise Refused(f"{pair[1]} is between {row.low:g} and {row.high:g} {row.unit}")


def _digits(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= 6


def _whom(whom: str, image: Image, policy: Policy) -> list[tuple[int, MinerSpec]]:
    """Columns and specs of everybody meant. Raises Refused when that is nobody."""
    everybody = list(enumerate(policy.wiring.miners))
    if whom == "--all":
        found = everybody
    elif "=" in whom:
        key, _, name = whom.partition("=")
        if key == "row":
            found = [one for one in everybody if one[1].row == name]
        elif key == "group":
            found = [one for one in everybody if one[1].group == " ".join(name.split())]
        elif key == "model":
            found = [one for one in everybody if name and name.casefold() in _model(one[1], image).casefold()]
        else:
            raise Refused(f"{whom[:40]!r} means nobody; write an id, --all, model=S19, row=a or group=bitaxe shelf")
    else:
        found = [one for one in everybody if one[1].id == whom]
    if not found:
        raise Refused(f"there is no miner {whom[:60]!r}; see fleet.csv")
    return found


def _model(spec: MinerSpec, image: Image) -> str:
    told = image.channels.get(f"{spec.group}/{spec.mac} model:text")
    return str(told.value) if told is not None and told.value is not None else ""


def _cannot(spec: MinerSpec, at: int, asked: _Asked, image: Image, policy: Policy) -> str:
    """Why this miner can't take it, "" when it can."""
    lane = policy.wiring.lanes.get(spec.group)
    if lane is not None and not lane.live:
        return f"{spec.id}: [{spec.group}] has live = no"
    if asked.verb not in spec.verbs:
        able = [verb for verb in ERRANDS if verb in spec.verbs]
        return f"{spec.id} ({spec.group}) takes no {asked.verb}; it takes {', '.join(able) or 'no errand'}"
    if asked.verb == "mode" and asked.value not in spec.modes:
        return f"{spec.id} has no mode {asked.value[:20]!r}; it has {', '.join(spec.modes) or 'none'}"
    if asked.verb == "pool" and asked.value not in spec.pools:
        return f"{spec.id} has no pool {asked.value[:30]!r}; it has {', '.join(spec.pools) or 'none'}"
    if asked.verb == "limit" and int(asked.value) * 100 > spec.nominal_w * LIMIT_PCT:
        return f"{spec.id}: {asked.value} W is more than it may draw ({spec.nominal_w} W)"
    if asked.verb == "limit" and int(asked.value) <= on_above_w(spec):
        return f"{spec.id}: {asked.value} W is so little that it would count as off (up to {on_above_w(spec)} W)"
    if image.miners.address[at] is None:
        return f"{spec.id} is not reachable: nobody answered as this unit lately"
    return ""
