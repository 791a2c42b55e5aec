"""Ways to the internet, and where miners work while there is none (NET1, NET2, POL1).

Each link has its own state and its own event. When every one is proven down, by a second look within the tick where it
takes one, the local pool is opened for whoever finds no other; once that has lasted `down_s` miners are put on it where
the owner named it. Both end as soon as one link has been good for `good_s`. Who is still on
the local pool then is put back, one by one, however long that takes; who did not come back in time is named and started
anew once. A router that answers nothing proves no link down; that most miners have lost their work meanwhile does.
Nobody is started while there is no pool to work for. All of it are levels: what a unit says of its own pool decides,
and a missed moment does not matter.
"""

from typing import Any

from mine_controller.core import links
from mine_controller.core.miners.awake import rests
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import ECONOMICS, EQUIPMENT, Advice, Event, Limit, Reason, Wish
from mine_controller.core.model.state import Unit
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = EQUIPMENT
NEEDS = ()
FRESH_S = 600
LOOK_S = 10  # when nothing answers any more, a second probe within the tick
NEW = Unit()
NEVER = Value(None, 0)
SHOWN = 12
CHANCE = 2.0  # standard deviations of so few events: what lies within them may be luck
OPENS_S = 60  # a local pool gives work so long after it is wanted
STRANDED, LATELY_S = 3, 900  # so many miners at least, dark by themselves not longer ago than this
WORKS_S = 600  # and most of them at work again for so long have found a way


class Options(NamedTuple):
    """Numbers of [uplinks]; which links there are stands in [wiring]."""

    confirm: int = option(2, low=1, high=10, help="bad probes in a row that prove a link down")
    good_probes: int = option(3, low=2, high=20, help="good probes in a row before a link counts again")
    good_s: int = option(360, unit="s", low=60, high=3600, help="and so long from the first of them to the last")
    max_loss_pct: float = option(50.0, unit="%", low=1, high=100, help="a link that loses more counts as down")
    max_latency_ms: float = option(0.0, unit="ms", low=0, high=60_000, help="so does a slower one; 0 = never")
    down_s: int = option(
        300, unit="s", low=60, high=7200, help="every link down so long before miners are moved or stopped"
    )
    silent_s: int = option(900, unit="s", low=300, high=86_400, help="a link nobody can judge so long is none either")
    offline_pool: str = option(
        "", help="the [pool] miners are put on meanwhile; empty = they stay where they are", example="local"
    )
    sleep_after_s: int = option(
        900, unit="s", low=0, high=86_400, help="without a local pool miners are stopped after this; 0 = they stay on"
    )
    close_after_s: int = option(
        240, unit="s", low=0, high=3600, help="the local pool closes so long after the return at the latest"
    )
    return_s: int = option(600, unit="s", low=300, high=7200, help="whoever is not back after this is named")
    share_loss_pct: float = option(1.0, unit="%", low=0.1, high=50, help="lost shares beyond this and chance are told")
    share_least: int = option(200, low=20, high=100_000, help="fewer shares in half an hour prove nothing")


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Watch every link; go to the local pool, stay, come back."""
    kept = dict(memory)
    events: list[Event] = []
    _forget_pool(view, kept, events)
    if not view.wiring.uplinks:
        return _unwatched(view, kept, options, events) if kept else Advice()
    _watch(view, kept, options, events)
    _share_loss(view, kept, options, events)
    if not any("up" in link for link in kept["links"].values()) and not _stranded_since(view, kept):
        return Advice((), (), tuple(events), kept)
    down_s = _turn(view, kept, options, events)
    wishes = _look(view, kept, options)
    limits: list[Limit] = []
    if kept.get("off_s"):
        _stay(view, kept, options, (wishes, limits, events))
    else:
        _return(view, kept, options, wishes, events, gone=bool(down_s))
    gone_s = view.now_s - down_s if down_s else 0
    if gone_s >= OPENS_S and options.sleep_after_s and not _has_work(view, options):
        nothing = Reason("uplinks", "no_work", (("for_s", gone_s),))
        limits.append(Limit(ECONOMICS, "no_start", 0, nothing))
    return Advice(tuple(limits), tuple(wishes), tuple(events), kept)


def _forget_pool(view: View, kept: dict[str, Any], events: list[Event]) -> None:
    """What was told of a local pool is over when the config has none any more."""
    for mark, kind, about in (
        ("dummy_told", "dummy_pool_over", "internet"),
        ("dead_told", "dummy_pool_alive", "internet"),
    ):
        if not view.wiring.dummy_pool and kept.pop(mark, 0):
            events.append(Event(kind, "info", about, Reason("uplinks", "pool_absent")))


def _unwatched(view: View, kept: dict[str, Any], options: Options, events: list[Event]) -> Advice:
    """The config has no link any more: whoever was put on a local pool goes home, it closes, and that is the end."""
    if kept.get("off_s"):
        kept["left_s"], kept["off_s"], kept["back_s"] = kept["off_s"], 0, view.now_s
        events.append(Event("online", "info", "internet", Reason("uplinks", "unwatched")))
    wishes: list[Wish] = []
    _return(view, kept, options, wishes, events, gone=False)
    door = view.image.channels.get(f"{view.wiring.dummy_pool}:switch", NEVER)
    over = "lent" not in kept and (not view.wiring.dummy_pool or door.value == "off")
    return Advice((), tuple(wishes), tuple(events), {} if over else kept)


def _watch(view: View, kept: dict[str, Any], options: Options, events: list[Event]) -> None:
    pace = links.Pace(
        options.confirm, options.good_probes, options.good_s, options.max_loss_pct, options.max_latency_ms
    )
    was, now = kept.get("links") or {}, {}
    kept["mute"] = 1
    for spec in view.wiring.uplinks:
        seen = links.probe(view, spec, pace)
        kept["mute"] = 0 if seen.good is not None else kept["mute"]
        now[spec.name], event = links.watch(spec.name, was.get(spec.name) or {}, seen, pace, view.now_s)
        events += [event] if event is not None else []
    kept["links"] = now


def _look(view: View, kept: dict[str, Any], options: Options) -> list[Wish]:
    """Every link failed just now and one is not proven down yet: miners have minutes at most, a tick may be as long."""
    specs, known = view.wiring.uplinks, kept["links"]
    failing = [known[spec.name].get("up") == 0 or known[spec.name].get("bad") for spec in specs]
    open_ends = [spec for spec in specs if 0 < int(known[spec.name].get("bad") or 0) < options.confirm]
    if not all(failing) or kept.get("off_s"):
        return []
    ends = dict.fromkeys(spec.channel.partition("/")[0] for spec in open_ends if known[spec.name].get("up") != 0)
    return [Wish(EQUIPMENT, f"look {end}", LOOK_S, Reason("uplinks", "look_again")) for end in ends]


def _turn(view: View, kept: dict[str, Any], options: Options, events: list[Event]) -> int:
    """Begin and end of being without the internet. Since when no way is left, 0 while there is one."""
    now_s = view.now_s
    if _found_work(view, kept, options):
        kept["stranded_s"] = 0
        kept["links"] = {name: {**link, "up": 1, "bad": 0, "bad_s": 0} for name, link in kept["links"].items()}
    down_s = links.all_down_since(kept["links"], view.wiring.uplinks, options.silent_s, now_s)
    down_s = down_s or _stranded_since(view, kept)
    any_up = any(link.get("up") == 1 for link in kept["links"].values())
    if down_s and not kept.get("down_s"):  # from now on some move by themselves
        kept["home"] = _homes(view, kept.get("home") or {}, _lent(kept, options))
    if kept.get("down_s") and not down_s:  # too short to move anybody, or not: who fled by himself has to come back
        kept["ended_s"], kept["restarted"], kept["named"] = now_s, [], _still_named(kept)
    kept["down_s"] = down_s
    if not kept.get("off_s") and down_s and not _trying(kept) and now_s - down_s >= options.down_s:
        kept["off_s"], kept["back_s"] = now_s, 0
        for name, link in kept["links"].items():  # one that fell silent has to prove itself like the others
            kept["links"][name] = {**link, "up": 0, "bad_s": int(link.get("bad_s") or 0) or now_s}
        kept["restarted"], kept["named"] = [], _still_named(kept)
        events.append(
            Event("offline", "warning", "internet", Reason("uplinks", "offline", (("for_s", now_s - down_s),)))
        )
    elif kept.get("off_s") and any_up and not down_s:
        numbers = (("for_s", now_s - int(kept["off_s"])),)
        kept["left_s"], kept["off_s"], kept["back_s"] = kept["off_s"], 0, now_s
        events.append(Event("online", "info", "internet", Reason("uplinks", "online", numbers)))
    return down_s


def _still_named(kept: dict[str, Any]) -> int:
    """Who was told of and is not back stays so, and his alarm with him, until that is told; else the book is new."""
    return 1 if kept.get("named") == 1 else 0


def _stranded_since(view: View, kept: dict[str, Any]) -> int:
    """Since when no link can be judged and most miners have gone dark by themselves: the router is dead, and with it
    the way out. Holds until a link is judged again, or most have found work that no local pool gives."""
    if kept.get("mute") and not kept.get("stranded_s"):
        stopped = (view.state.miners.get(spec.id) for spec in view.wiring.miners)
        lately = [book is not None and view.now_s - book.last_stop_s < LATELY_S for book in stopped]
        idle = sum(late and rests(view, at) for at, late in enumerate(lately))
        kept["stranded_s"] = view.now_s if idle >= STRANDED and idle > view.fleet.on_n else 0
    return int(kept.get("stranded_s") or 0)


def _found_work(view: View, kept: dict[str, Any], options: Options) -> bool:
    """Whether who was out of work behind a mute router runs again and no local pool explains it: only the miners can
    tell that there is a way out, as long as the router tells nothing."""
    if not kept.get("mute"):
        kept["stranded_s"] = 0
    idle = sum(rests(view, at) for at in range(len(view.wiring.miners))) if kept.get("stranded_s") else 0
    works = kept.get("stranded_s") and view.fleet.on_n > idle and not _has_work(view, options)
    kept["works_s"] = (int(kept.get("works_s") or 0) or view.now_s) if works else 0
    return bool(works) and view.now_s - int(kept["works_s"]) >= WORKS_S


def _trying(kept: dict[str, Any]) -> bool:
    """One that just answered may be back for good."""
    return any(link.get("good") for link in kept["links"].values())


def _lent(kept: dict[str, Any], options: Options) -> frozenset[str]:
    """The pools that are nobody's home: the one to go to now, and those that the config named before it."""
    return frozenset((*(kept.get("lent") or ()), options.offline_pool)) - {""}


def _homes(view: View, was: dict[str, str], lent: frozenset[str]) -> dict[str, str]:
    """Where each miner and most of each group work now: where they go back to. Who does not tell keeps what it had."""
    homes: dict[str, str] = {}
    counts: dict[str, dict[str, int]] = {}
    for spec in view.wiring.miners:
        pool = str(_told(view, spec).value)
        if pool in spec.pools and pool not in lent:
            homes[spec.id] = pool
            counts.setdefault(spec.group, {})[pool] = counts.get(spec.group, {}).get(pool, 0) + 1
    groups = {group: max(sorted(pools), key=lambda name: pools[name]) for group, pools in counts.items()}
    usual = {spec.id for spec in view.wiring.miners if homes.get(spec.id) == groups.get(spec.group)}
    silent = {name: pool for name, pool in was.items() if name not in homes}
    return silent | groups | {name: pool for name, pool in homes.items() if name not in usual}


def _told(view: View, spec: MinerSpec) -> Value:
    """What it said last of its pool, however long ago."""
    return view.image.channels.get(f"{spec.group}/{spec.mac}:pool", NEVER)


def _takes(spec: MinerSpec, pool: str) -> bool:
    return bool(pool) and "pool" in spec.verbs and pool in spec.pools


# -- without the internet -------------------------------------------------------------------------------------------

_Out = tuple[list[Wish], list[Limit], list[Event]]


def _stay(view: View, kept: dict[str, Any], options: Options, out: _Out) -> None:
    """The local pool open first, then the miners; without one they sleep after a while."""
    wishes, limits, events = out
    now_s, dummy = view.now_s, view.wiring.dummy_pool
    for_s = now_s - int(kept["off_s"])
    reason = Reason("uplinks", "held", (("for_s", for_s), ("pool", options.offline_pool or dummy)))
    ready = _has_work(view, options)
    if dummy:
        wishes.append(Wish(EQUIPMENT, "dummy_pool", "on", reason))
        _tell_pool(kept, ready, for_s, dummy, events)
    if ready:
        kept["ready_s"] = now_s
    back = _trying(kept) or kept.get("mute")
    if ready and not back:  # who goes home by itself as soon as a link answers, or nobody can judge one, is left there
        groups = {spec.group: None for spec in view.wiring.miners if _takes(spec, options.offline_pool)}
        wishes += [Wish(EQUIPMENT, f"pool {group}", options.offline_pool, reason) for group in groups]
        kept["lent"] = sorted(_lent(kept, options)) if groups else kept.get("lent") or []
    since_s = max(int(kept["off_s"]), int(kept.get("ready_s") or 0))
    told = not kept.get("stranded_s")  # else only who is awake can find out that there is a way again
    if told and options.sleep_after_s and now_s - since_s >= options.sleep_after_s:
        asleep = Reason("uplinks", "sleep", (("for_s", for_s),))
        limits.append(Limit(ECONOMICS, "max_miners", 0, asleep, "gentle"))


def _has_work(view: View, options: Options) -> bool:
    """Whether somebody gives work although there is no way out."""
    dummy = view.wiring.dummy_pool
    return _lives(view, dummy) if dummy else bool(options.offline_pool)


def _lives(view: View, dummy: str) -> bool:
    """Open, and a job was given to whoever asked as a miner would."""
    said = []
    for quantity in ("switch", "link"):
        told = view.image.channels.get(f"{dummy}:{quantity}")
        fresh = told is not None and not told.why and view.now_s - told.at_s <= FRESH_S
        said.append(told.value if told is not None and fresh else None)
    return said == ["on", "up"]


def _tell_pool(kept: dict[str, Any], ready: bool, for_s: int, dummy: str, events: list[Event]) -> None:
    numbers = (("pool", dummy), ("for_s", for_s))
    if ready and not kept.get("dummy_told"):
        kept["dummy_told"] = 1
        events.append(Event("dummy_pool", "warning", "internet", Reason("uplinks", "dummy", numbers)))
    dead = not ready and for_s >= FRESH_S // 2
    if dead and not kept.get("dead_told"):
        kept["dead_told"] = 1
        events.append(Event("dummy_pool_dead", "warning", dummy, Reason("uplinks", "dead", numbers)))
    if ready and kept.pop("dead_told", 0):
        events.append(Event("dummy_pool_alive", "info", dummy, Reason("uplinks", "alive", numbers)))


# -- back -----------------------------------------------------------------------------------------------------------


def _return(
    view: View, kept: dict[str, Any], options: Options, wishes: list[Wish], events: list[Event], *, gone: bool
) -> None:
    """Home for everybody who says, or must be thought, to be on the local pool still; then it closes.

    `gone`: no way is left, though not for long enough to move anybody: it opens for those who look for it themselves.
    """
    now_s, back_s = view.now_s, int(kept.get("back_s") or 0)
    lent = _lent(kept, options)
    takers = [] if gone or not lent else [spec for spec in view.wiring.miners if "pool" in spec.verbs]
    away = [spec for spec in takers if _away(view, kept, spec, lent)]
    if not gone and not away:
        kept.pop("lent", None)
    reason = Reason("uplinks", "gone" if gone else "return", () if gone else (("miners", len(away)),))
    for spec in away:
        home = _home(kept, spec, lent)
        wishes += [Wish(ECONOMICS, f"pool {spec.id}", home, reason)] if home else []
    waits = any(view.fleet.on[at] and spec in away for at, spec in enumerate(view.wiring.miners)) if away else False
    if view.wiring.dummy_pool:
        shut = not gone and not (back_s and waits and now_s - back_s < options.close_after_s)
        wishes.append(Wish(EQUIPMENT, "dummy_pool", "off" if shut else "on", reason))
        if shut and kept.pop("dummy_told", 0):
            events.append(Event("dummy_pool_over", "info", "internet", Reason("uplinks", "closed", reason.numbers)))
        if shut and kept.pop("dead_told", 0):
            events.append(Event("dummy_pool_alive", "info", view.wiring.dummy_pool, Reason("uplinks", "unneeded")))
    ended_s = max(back_s, int(kept.get("ended_s") or 0))
    if ended_s and not gone and now_s - ended_s >= options.return_s:
        _stuck(view, kept, away, wishes, events)


def _away(view: View, kept: dict[str, Any], spec: MinerSpec, lent: frozenset[str]) -> bool:
    """By its own word; one that has told nothing since it was last put anywhere, by where that was."""
    told, sent_s = _told(view, spec), view.state.units.get(spec.id, NEW).pool_s
    if told.value is not None and told.at_s >= sent_s:
        return told.value in lent
    left_s, back_s = int(kept.get("left_s") or 0), int(kept.get("back_s") or 0)
    return bool(back_s) and left_s <= sent_s < back_s


def _home(kept: dict[str, Any], spec: MinerSpec, lent: frozenset[str]) -> str:
    homes = kept.get("home") or {}
    known = str(homes.get(spec.id) or homes.get(spec.group) or "")
    return known if known in spec.pools else next((pool for pool in spec.pools if pool not in lent), "")


def _stuck(view: View, kept: dict[str, Any], away: list[MinerSpec], wishes: list[Wish], events: list[Event]) -> None:
    """Who runs and is not back in time: named once, started anew once. Who sleeps goes home when it wakes."""
    index = {spec.id: at for at, spec in enumerate(view.wiring.miners)}
    names = [spec.id for spec in away if view.fleet.on[index[spec.id]] and _told(view, spec).value]
    told = {errand.miner for errand in view.state.errands if errand.verb == "restart" and errand.sent_s is not None}
    restarted = [name for name in dict.fromkeys((*(kept.get("restarted") or []), *sorted(told))) if name in index]
    kept["restarted"] = restarted
    numbers = (
        ("miners", len(names)),
        ("names", ", ".join(names[:SHOWN])),
        ("more", max(0, len(names) - SHOWN)),
    )
    if names and not kept.get("named"):
        kept["named"] = 1
        events.append(Event("pool_stuck", "warning", "fleet", Reason("uplinks", "stuck", numbers)))
    elif not names and kept.get("named") == 1:
        kept["named"] = 2
        events.append(Event("pool_returned", "info", "fleet", Reason("uplinks", "returned")))
    anew = Reason("uplinks", "restart", (("miners", len(names)),))
    by_id = {spec.id: spec for spec in away}
    wishes += [
        Wish(ECONOMICS, f"restart {name}", "once", anew)
        for name in names
        if name not in restarted and "restart" in by_id[name].verbs
    ]


# -- shares ---------------------------------------------------------------------------------------------------------


def _share_loss(view: View, kept: dict[str, Any], options: Options, events: list[Event]) -> None:
    """Rejected and stale shares of the whole fleet over the last half hour, by the marks that alarms keep."""
    marks = (view.state.last.get("shares") or {}).get("marks") or []
    if len(marks) < 2:
        kept.pop("share_loss_pct", None)  # nobody looked half an hour ago
        return
    if int(marks[-1][0]) <= int(kept.get("shares_s") or 0):
        return
    kept["shares_s"] = int(marks[-1][0])
    before, now = marks[0][1], marks[-1][1]
    accepted = lost = 0
    for name in sorted(now):
        grown = [new - old for new, old in zip(now[name], before.get(name) or (), strict=False)]
        if len(grown) < 2 or min(grown) < 0:  # a counter that fell began anew and proves nothing
            continue
        accepted, lost = accepted + grown[0], lost + sum(grown[1:])
    if accepted + lost < options.share_least:
        kept.pop("share_loss_pct", None)  # what it was before says nothing of this half hour
        return
    loss_pct = round(lost * 100 / (accepted + lost), 2)
    at_goal = (accepted + lost) * options.share_loss_pct / 100
    kept["share_loss_pct"] = loss_pct
    numbers = (("loss_pct", loss_pct), ("shares", accepted + lost), ("goal_pct", options.share_loss_pct))
    if lost > at_goal + CHANCE * at_goal**0.5 and not kept.get("loss_told"):
        kept["loss_told"] = 1
        events.append(Event("share_loss", "warning", "shares", Reason("uplinks", "share_loss", numbers)))
    elif loss_pct * 2 <= options.share_loss_pct and kept.pop("loss_told", 0):
        events.append(Event("share_loss_over", "info", "shares", Reason("uplinks", "share_loss_over", numbers)))
