"""Which settings and errands the wishes of a round ask of which miner. Pure."""

from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reason import Wish
from mine_controller.core.pools.health import resolve
from mine_controller.core.view import View

SETTINGS = ("mode", "pool")  # what may be wanted as a level
FORMER = ("home", "back")  # the pool, the mode of before: wanted where nobody wishes another
ONCE = ("restart", "tune")  # what a rule may want once; it stops asking when it sees that it is so


def settings(view: View, envelope: Envelope) -> dict[tuple[str, str], Wish]:
    """By (miner, verb) the setting wanted of it: the stronger layer wins, then its own name before its group's; for a
    pool that is down, what stands in for it."""
    named: dict[str, list[Wish]] = {}
    for wish in envelope.wishes:  # the strongest layer first
        if wish.what.partition(" ")[0] in (*SETTINGS, *FORMER, "instead"):
            named.setdefault(wish.what, []).append(wish)
    first = {what: wishes[0] for what, wishes in named.items()}
    wanted: dict[tuple[str, str], Wish] = {}
    tuned = {wish.what[5:]: wish.layer for wish in envelope.wishes if wish.what.startswith("tune ")}
    for spec in view.wiring.miners if named else ():
        for verb, takes in (("mode", spec.modes), ("pool", spec.pools)):
            wishes = [wish for name in (spec.id, spec.group) for wish in named.get(f"{verb} {name}", ())]
            # A wish for what the config took away since (a person's is kept until cleared) stands in nobody's way.
            best = min((wish for wish in wishes if wish.value in takes), key=lambda one: one.layer, default=None)
            best = first.get(f"back {spec.id}") if verb == "mode" and best is None else best
            if verb == "mode" and best is not None and best.layer >= tuned.get(spec.id, best.layer + 1):
                continue  # who is tuned is in no mode
            meant = resolve(best, spec, first) if verb == "pool" else best
            if meant is not None and verb in spec.verbs and meant.value in takes:
                wanted[spec.id, verb] = meant
    return wanted


def once(view: View, envelope: Envelope) -> list[tuple[str, Wish]]:
    """Miners a rule wants restarted or tuned once; it stops asking when it sees the errand as sent, or as done."""
    asked: dict[str, Wish] = {}
    for wish in envelope.wishes:
        verb, _, name = wish.what.partition(" ")
        if verb == "restart" or (verb == "tune" and wish.value):
            asked.setdefault(name, wish)
    specs = view.wiring.miners if asked else ()
    return [
        (spec.id, asked[spec.id])
        for spec in specs
        if spec.id in asked and asked[spec.id].what.partition(" ")[0] in spec.verbs
    ]
