"""The tightest of every limit, with every reason kept. Order can't matter. Pure."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from mine_controller.core.fleet import branch_w
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reason import Limit, Reason, Wish
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.view import View

# what -> True when the larger amount is the tighter one
_FLOORS = frozenset({"fans_min"})
_SEVERITY = {"cut": 0, "ladder": 1, "gentle": 2}
T = TypeVar("T")


def narrow(limits: Iterable[Limit], wishes: Iterable[Wish] = ()) -> Envelope:
    """Fold limits into one envelope. Ties go to the stronger layer, then to the reason's own order."""
    given = tuple(sorted(limits, key=_rank))
    tightest: dict[str, Limit] = {}
    for limit in given:
        best = tightest.get(limit.what)
        if best is None or _tighter(limit, best):
            tightest[limit.what] = limit
    amount = {what: limit.amount for what, limit in tightest.items()}
    return Envelope(
        max_power_w=amount.get("max_power_w"),
        start_max_w=amount.get("start_max_w"),
        max_miners=amount.get("max_miners"),
        start_miners=amount.get("start_miners"),
        start_step_w=amount.get("start_step_w"),
        fans_min=amount.get("fans_min", 0),
        fans_max=_fans_max(tightest),
        no_start=_reason(tightest, "no_start"),
        no_fan_down=_reason(tightest, "no_fan_down"),
        bans=_named(tightest, "ban ", _its_reason),
        offs=_named(tightest, "off ", _its_reason),
        breakers=_named(tightest, "breaker ", _its_amount),
        phases=_named(tightest, "phase ", _its_amount),
        phases_apart_w=amount.get("phases_apart_w"),
        how=_how(given, amount),
        binding=tuple(dict.fromkeys(limit for limit in given if tightest[limit.what] is limit and _bites(limit))),
        wishes=tuple(sorted(wishes, key=lambda wish: (wish.layer, wish.what, wish.reason))),
        reasons=given,
    )


def _how(given: tuple[Limit, ...], amount: dict[str, int]) -> str:
    """What may enforce it: as the tightest power limit says; where none is given, as those do that stop miners else."""
    off = [limit for limit in given if limit.what == "max_power_w" and limit.amount == amount["max_power_w"]]
    if not off:
        few = amount.get("max_miners")
        off = [limit for limit in given if limit.what.startswith("off ")]
        off += [limit for limit in given if limit.what == "max_miners" and limit.amount == few]
    return min((limit.how for limit in off), key=lambda how: _SEVERITY[how], default="ladder")


def severest(envelope: Envelope, view: View) -> str:
    """What may enforce this round's stops: a gentle limit, however tight, softens no hard one that is exceeded."""
    if envelope.how != "gentle":
        return envelope.how
    over = [limit.how for limit in envelope.reasons if limit.how != "gentle" and _is_exceeded(limit, view)]
    return min(over, key=lambda how: _SEVERITY[how], default="gentle")


def is_full(view: View, envelope: Envelope) -> bool:
    """True when as many miners run as may."""
    most = envelope.max_miners
    return most is not None and view.fleet.on_n + view.fleet.starting_n >= most


def binding_power(envelope: Envelope) -> Limit | None:
    """What power is limited by now, the strongest of those that ask for the same."""
    return next((limit for limit in envelope.binding if limit.what == "max_power_w"), None)


def _is_exceeded(limit: Limit, view: View) -> bool:
    """True when what runs now is more than the limit: watts on the whole, on a branch or a phase, miners, one miner."""
    fleet, specs = view.fleet, view.wiring.miners
    word, _, name = limit.what.partition(" ")
    if word == "max_power_w":
        return fleet.miners_w > max(limit.amount, fleet.standby_w)
    if word == "max_miners":
        return fleet.on_n > limit.amount
    mine = [at for at, spec in enumerate(specs) if name in _names(spec, word)]
    if not any(fleet.on[at] for at in mine):  # no stop takes off what sleepers draw
        return False
    return sum(branch_w(at, view.image, fleet, view.wiring) for at in mine) > limit.amount


def _names(spec: MinerSpec, word: str) -> tuple[str, ...]:
    return {"breaker": (spec.breaker,), "phase": (spec.phase,), "off": (spec.id,)}.get(word, ())


def _rank(limit: Limit) -> tuple[int, str, int, str, str, str]:
    return (
        limit.layer,
        limit.what,
        limit.amount,
        limit.how,
        limit.reason.rule,
        f"{limit.reason.code}{limit.reason.numbers}",
    )


def _tighter(limit: Limit, best: Limit) -> bool:
    return limit.amount > best.amount if limit.what in _FLOORS else limit.amount < best.amount


def _reason(tightest: dict[str, Limit], what: str) -> Reason | None:
    limit = tightest.get(what)
    return limit.reason if limit is not None else None


def _its_reason(limit: Limit) -> Reason:
    return limit.reason


def _its_amount(limit: Limit) -> int:
    return limit.amount


def _named(tightest: dict[str, Limit], prefix: str, pick: Callable[[Limit], T]) -> dict[str, T]:
    return {what[len(prefix) :]: pick(limit) for what, limit in sorted(tightest.items()) if what.startswith(prefix)}


def _fans_max(tightest: dict[str, Limit]) -> int | None:
    """A ceiling gives way to a floor (heat and air win over cold), but smoke's ceiling of 0 gives way to nothing."""
    ceiling, floor = tightest.get("fans_max"), tightest.get("fans_min")
    if ceiling is None:
        return None
    if floor is None or ceiling.how == "cut":
        return ceiling.amount
    return max(ceiling.amount, floor.amount)


def _bites(limit: Limit) -> bool:
    return not limit.what.startswith(("ban ", "breaker ", "phase ", "phases_apart_w", "start_step_w"))
