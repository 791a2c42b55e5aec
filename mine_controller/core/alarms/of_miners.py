"""What is wrong with single miners: silent, never heard, told twice, idle, put aside, too hot, rejected. Pure."""

from mine_controller.core.alarms.catalogue import ways_of
from mine_controller.core.alarms.chatter import now_and_then
from mine_controller.core.alarms.harvest import KEY as HARVEST
from mine_controller.core.alarms.look import Found, Look, event, hot
from mine_controller.core.fleet import AWAY, marks_of
from mine_controller.core.miners.hearing import APART_S
from mine_controller.core.once import Once, each
from mine_controller.core.pools.poolless import KEY as POOLLESS
from mine_controller.core.pools.poolless import WAITS
from mine_controller.core.reach import answers
from mine_controller.core.rules.wear import BY_PERSON
from mine_controller.core.view import View

# Chip temperatures that warn and that are a danger, by kind of section. Bitaxe firmware throttles at 75; Avalon's TMax
# and the container machines' highest chip run hotter by design. What is not named counts as a container machine.
CHIP_C = {
    "bitaxe": (68.0, 75.0),
    "nerdqaxe": (68.0, 75.0),
    "nmminer": (70.0, 80.0),
    "xmrig": (85.0, 95.0),
    "avalon": (95.0, 105.0),
}
CHIP_ELSE_C = (95.0, 105.0)
ASLEEP_S = 600  # who has answered so long after its stop answers while it sleeps: its silence is none of sleep
IDLE = frozenset({"sleeping", "stopped", "error"})  # words of a miner that hashes nothing


def silent(look: Look) -> Found:
    """Miners that drew power and neither draw nor answer, though nobody here told them to stop; and those that answered
    while they were stopped and no longer do."""
    view = look.view
    miners, books, chases = view.image.miners, view.state.miners, view.state.chases
    dark = {one.about for one in look.events if one.kind == "miner_off_unasked"}
    dark.update(view.state.last.get(POOLLESS) or ())  # they took their power themselves, and answered
    known = _known(view, "miner_offline")
    rows = zip(
        view.wiring.miners, miners.power_w, miners.word, miners.outlet, marks_of(view.wiring.miners), strict=True
    )
    for at, (spec, watts, word, outlet, mark_w) in enumerate(rows):
        if watts is not None and watts > mark_w:
            continue
        book, chase = books.get(spec.id), chases.get(f"miner {spec.id}")
        dark_s = book.last_stop_s if book is not None and not book.on else 0
        if word is not None and word != "offline" and miners.word_at[at] >= dark_s:
            continue  # it has answered since
        awake = book is not None and (book.on or 0 < dark_s <= miners.word_at[at] - ASLEEP_S)
        if spec.id not in known and spec.id not in dark and not (watts is None and awake):
            continue  # stopped by us, never seen, or it sleeps without a word
        if outlet == "off" or not spec.paths or any(flag in spec.flags for flag in AWAY):
            continue
        if (book is not None and book.quarantined) or (chase is not None and chase.want == "stop") or _down(view):
            yield f"miner_offline {spec.id}"
            continue
        heard_s = miners.word_at[at]
        if word == "offline":  # whoever speaks for it says so anew each time
            heard_s = dark_s or miners.power_at[at]
        silent_s = view.now_s - max(heard_s, miners.power_at[at] if watts is None else 0)
        found = event("miner_offline", spec.id, ("miner", spec.id), ("silent_s", silent_s))
        yield found if watts is not None else found._replace(reason=found.reason._replace(code="miner_silent"))


def unseen(look: Look) -> Found:
    """Miners that fleet.csv lists and nobody has ever heard or measured: an alarm about silence needs a word before."""
    view, miners = look.view, look.view.image.miners
    if all(miners.word_at) or all(miners.power_at):
        return
    rows = zip(view.wiring.miners, miners.word_at, miners.power_at, miners.outlet, miners.address, strict=True)
    for spec, word_at, power_at, outlet, address in rows:
        if word_at or power_at or outlet is not None or address is not None:
            continue
        if spec.paths and not any(flag in spec.flags for flag in AWAY):
            yield event("miner_unseen", spec.id, ("miner", spec.id))


def doubled(look: Look) -> Found:
    """Two units that tell one identity: a driver then knows neither, and says under which addresses they answer."""
    view, channels = look.view, look.view.image.channels
    specs = view.wiring.miners
    told = list(map(channels.get, _addresses_of(specs)))
    for spec, found in zip(specs, told, strict=True) if any(told) else ():
        if found is None or found.value is None:
            continue
        tried = channels.get(f"{spec.group}:tried")
        if not answers(view, spec.group):
            yield f"doubled {spec.id}"
        elif tried is not None and found.at_s >= tried.at_s - APART_S:
            yield event("doubled", spec.id, ("miner", spec.id), ("addresses", str(found.value)))


_addresses_of = Once(each(lambda spec: f"{spec.group}/{spec.mac} addresses:text"))


def idle(look: Look) -> Found:
    """Miners that draw power and say that they hash nothing: their watts say that they run, so nobody starts them.
    Silence is no end of it, nor is a stop that one only says it has taken.
    """
    view, miners = look.view, look.view.image.miners
    known, down = _known(view, "miner_idle"), _down(view)
    if not (known or not (down or IDLE.isdisjoint(miners.word))):
        return
    specs, books, chases = view.wiring.miners, view.state.miners, view.state.chases
    for spec, watts, word, mark_w in zip(specs, miners.power_w, miners.word, marks_of(specs), strict=True):
        if (watts is not None and watts <= mark_w) or any(flag in spec.flags for flag in AWAY):
            continue
        if word is not None and word not in IDLE:
            continue
        key, silent = f"miner_idle {spec.id}", word is None or watts is None
        if down or f"miner {spec.id}" in chases or view.state.settling.get(spec.id, 0) > view.now_s:
            if spec.id in known and key in view.state.alarms and not (down and silent):
                yield key
            continue
        book = books.get(spec.id)
        if word is None or watts is None:
            if spec.id in known:
                yield key
        elif book is None or not book.quarantined:
            yield event("miner_idle", spec.id, ("miner", spec.id), ("watts", watts), ("word", word))


def waiting(look: Look) -> Found:
    """Miners that no pool answers, by their own word: they earn nothing until one does. Silence is no end of it."""
    view, miners = look.view, look.view.image.miners
    known = _known(view, "miner_waits")
    if _down(view) or not (known or WAITS in miners.word):
        return
    for spec, word, outlet in zip(view.wiring.miners, miners.word, miners.outlet, strict=True):
        if word == WAITS and not any(flag in spec.flags for flag in AWAY):
            yield event("miner_waits", spec.id, ("miner", spec.id))
        elif word is None and spec.id in known and outlet != "off":
            yield f"miner_waits {spec.id}"


def put_aside(look: Look) -> Found:
    """CMD4: miners that nobody starts until a person has looked. Whom a person put aside, a person knows of."""
    books = look.view.state.miners
    held = {
        name: book.quarantined
        for name, book in books.items()
        if book.quarantined and not book.quarantined.startswith(BY_PERSON)
    }
    for spec in look.view.wiring.miners if held else ():
        if spec.id in held and not any(flag in spec.flags for flag in AWAY):
            yield event("quarantined", spec.id, ("miner", spec.id), ("why", held[spec.id]))


def _down(view: View) -> bool:
    """True while everything is meant to be off: silence is then no news."""
    return view.state.shed is not None and view.state.shed.ended_s is None


def _known(view: View, kind: str) -> frozenset[str]:
    """What this kind of alarm is open or pending about, less what is only held open."""
    pending = (view.state.last.get("alarm_book") or {}).get("pending") or {}
    begin = kind + " "
    there = (key for key, alarm in view.state.alarms.items() if key.startswith(begin) and not now_and_then(alarm))
    return frozenset(key[len(begin) :] for key in (*there, *pending) if key.startswith(begin))


def chips(look: Look) -> Found:
    """The hottest chip of each miner against the marks of its kind, or the owner's."""
    channels, oldest = look.view.image.channels, look.view.now_s - 240
    own = tuple(ways_of(look.policy, kind) for kind in ("chip_warning", "chip_danger"))
    specs = look.view.wiring.miners
    told = list(map(channels.get, _chip_keys_of(specs)))
    for spec, found in zip(specs, told, strict=True) if any(told) else ():
        if found is None:
            continue
        if not isinstance(found.value, int | float) or found.at_s < oldest:
            yield from (f"chip_warning {spec.id}", f"chip_danger {spec.id}")
            continue
        marks = CHIP_C.get(spec.group.partition(" ")[0], CHIP_ELSE_C)
        for kind, ways, usual_c in zip(("chip_warning", "chip_danger"), own, marks, strict=True):
            threshold_c = ways.threshold or usual_c
            clear_c = ways.clear or threshold_c - 3
            if found.value <= min(threshold_c, clear_c):
                continue
            if look.off_limits(kind, spec.id, found.value, (threshold_c, clear_c)):
                heat_c = float(found.value)
                yield hot(kind, spec.id, heat_c, (threshold_c, clear_c), ("miner", spec.id), ("chip_c", heat_c))


_chip_keys_of = Once(each(lambda spec: f"{spec.group}/{spec.mac}:chip_c"))


def shares(look: Look) -> Found:
    """What the share book holds against a miner: rejected of all in the last hour."""
    for name, row in ((look.view.state.last.get("shares") or {}).get("bad") or {}).items():
        yield event("high_reject", name, ("miner", name), ("reject_pct", row[0]), ("shares", row[1]))


def mute(look: Look) -> Found:
    """Who hashes by its own word and brings no share, as the last look at the harvest found."""
    if _down(look.view):
        return
    for name, since_s in ((look.view.state.last.get(HARVEST) or {}).get("mute") or {}).items():
        yield event("no_shares", name, ("miner", name), ("for_s", look.view.now_s - since_s))
