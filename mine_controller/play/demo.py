"""`minectl demo`: a simulated day through the real drivers, rules and store, then live ticks against sockets.

Nothing in here decides anything: history runs on virtual ports (play/twin.py), the live part on a real tick's ports.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mine_controller.config.lastgood import load_or_last_good
from mine_controller.config.load import load
from mine_controller.config.model import Config, ConfigError
from mine_controller.core.model.book import Book
from mine_controller.core.model.round import Round
from mine_controller.core.model.state import Shed, State
from mine_controller.play.audit import Violation
from mine_controller.play.twin import BOOT_ID, Audited, Virtual, file_wish
from mine_controller.ports.clock import Sources
from mine_controller.ports.journal import Journal
from mine_controller.ports.live import Live, ports_of
from mine_controller.ports.show import show
from mine_controller.record import NamedTuple
from mine_controller.tick import tick
from mine_controller.twin import agile, coop, home, net, offgrid, story
from mine_controller.twin.config_text import config_text
from mine_controller.twin.site import Site

Progress = Callable[[int, int], None]
SITES: dict[str, Callable[..., Site]] = {
    coop.Site.kind: coop.build,
    offgrid.Site.kind: offgrid.build,
    home.Site.kind: home.build,
    agile.Site.kind: agile.build,
}


class Event(NamedTuple):
    """One curtailment of the day: its last known shed, with the wall time of its signal and who was still open."""

    signal_at: int
    shed: Shed
    stragglers: tuple[tuple[str, int], ...]
    told: str  # the code of the emergency that was told, "" none


class Day(NamedTuple):
    """What the simulated hours came to."""

    site: Site
    seed: int
    ticks: int
    wall_s: float
    violations: tuple[Violation, ...]
    sha: str
    events: tuple[Event, ...]
    book_mode: str
    longest_tick_s: int
    in_band_s: dict[str, int] = {}  # noqa: RUF012 - seconds by price band, where the site has bands
    band_changes: int = 0


def build(seed: int, hours: int, told_by: str | None, *, ending_now: bool, kind: str = "coop-container") -> Site:
    """The twin of one of SITES; `ending_now` lets its history end at this moment.

    `told_by`: a story's file, or the name of a packaged one. OSError and StoryError say what is wrong with it.
    """
    told = None
    if told_by is not None:
        name = told_by.removesuffix(".txt")
        packaged = name in story.names() and not Path(told_by).exists()
        told = story.packaged(name) if packaged else story.read(Path(told_by))
    start = int(time.time()) - hours * 3600 if ending_now else None
    return SITES[kind](seed, start, story=told)


def write_config(folder: Path, site: Site) -> Config:
    """config.txt (0600) and fleet.csv of the twin, and the config as loaded from them."""
    folder.mkdir(parents=True, exist_ok=True)
    text, fleet = config_text(site, str(folder))
    path = folder / "config.txt"
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
    (folder / "fleet.csv").write_text(fleet, encoding="utf-8")
    return load(path)


def live_through(site: Site, config: Config, seed: int, hours: int, progress: Progress, *, guard: bool = True) -> Day:
    """Tick after tick until `hours` have passed in the world."""
    began = time.monotonic()
    virtual = Virtual(config, site)
    journal = Audited(virtual, guard=guard)
    ports = ports_of(virtual, journal)
    digest = hashlib.sha256()
    sheds: dict[int, Event] = {}
    in_band_s: dict[str, int] = {}
    end_s, count, longest = virtual.now_s + hours * 3600, 0, 0
    mode = "INIT"
    while virtual.now_s < end_s:
        tick_began = virtual.now_s
        book = tick(ports, config.policy)
        longest = max(longest, int(virtual.now_s - tick_began))
        rounds = journal.ticks.pop()
        _digest(digest, rounds)
        _follow(sheds, rounds, book.state, site.plant.start_wall_s)
        mode = book.state.mode
        count += 1
        virtual.until_next(tick_began)
        band = str(book.state.memory.get("band", {}).get("band") or "")
        in_band_s[band] = in_band_s.get(band, 0) + int(virtual.now_s - tick_began)
        progress(count, int(hours * 3600 / config.site.tick_s))
    show(config, book)
    spent = time.monotonic() - began
    events = tuple(sheds[key] for key in sorted(sheds))
    in_band_s.pop("", None)
    moves = int(book.state.memory.get("band", {}).get("changes") or 0)
    told = (digest.hexdigest(), events, mode, longest, in_band_s, moves)
    return Day(site, seed, count, spent, tuple(journal.violations), *told)


def _digest(digest: Any, rounds: tuple[Round, ...]) -> None:
    for this in rounds:
        decision = this.decision
        digest.update(repr((decision.mode, decision.why, decision.commands, decision.plan, decision.look)).encode())


def _follow(sheds: dict[int, Event], rounds: tuple[Round, ...], state: State, start_wall_s: int) -> None:
    """Keep the latest of every curtailment seen in these rounds."""
    for this in rounds:
        shed = this.decision.state.shed
        if shed is None:
            continue
        chases = this.decision.state.chases if this is not rounds[-1] else state.chases
        open_stops = tuple((name[6:], chase.rung) for name, chase in sorted(chases.items()) if chase.want == "stop")
        was = sheds.get(shed.seen_s)
        told = shed.emergency or (was.told if was else "")
        sheds[shed.seen_s] = Event(start_wall_s + shed.signal_s - _offset(this), shed, open_stops, told)


def _offset(this: Round) -> int:
    """Plant seconds ahead of the world's own, as this clock has them."""
    return this.clock.plant_s - this.clock.boot_s


def summary(day: Day) -> dict[str, Any]:
    """The one JSON object of `demo --json`."""
    world, starts = day.site.plant, day.site.starts()
    return {
        "site": day.site.kind,
        "seed": day.seed,
        "ticks": day.ticks,
        "wall_s": round(day.wall_s, 1),
        "energy_kwh": round(world.energy_kwh(), 1),
        "permitted_kwh": round(world.permitted_kwh(), 1),
        "violations": [{"guard": one.guard, "tick": one.tick_at, "sentence": one.sentence} for one in day.violations],
        "decisions_sha256": day.sha,
        "starts": {"min": min(starts), "max": max(starts)},
        "longest_tick_s": day.longest_tick_s,
        "events": [_event(event) for event in day.events],
        **_economy(day),
    }


def _economy(day: Day) -> dict[str, Any]:
    """What power cost by the twin's own account, where its site has prices. Pence with VAT."""
    if not isinstance(day.site, agile.Site):
        return {}
    account = day.site.house.account
    saved = account.always_p - account.cost_p
    return {
        "cost_p": round(account.cost_p, 2),
        "always_on_cost_p": round(account.always_p, 2),
        "saved_p": round(saved, 2),
        "saved_pct": round(100 * saved / account.always_p, 1) if account.always_p > 0 else None,
        "above_off_kwh": round(account.above_kwh, 4),
        "hours_in_band": {name: round(spent / 3600, 2) for name, spent in sorted(day.in_band_s.items())},
        "band_changes": day.band_changes,
    }


def _event(event: Event) -> dict[str, Any]:
    shed = event.shed

    def since(at_s: int | None) -> int | None:
        return at_s - shed.signal_s if at_s is not None else None

    stopped = shed.gentle + shed.hard
    return {
        "signal_at": event.signal_at,
        "cause": shed.cause,
        "first_command_s": since(shed.first_command_s),
        "shed_50_s": since(shed.shed_50_s),
        "shed_90_s": since(shed.shed_90_s),
        "shed_100_s": since(shed.shed_100_s),
        "power_before_w": shed.before_w,
        "power_confirmed_w": shed.confirmed_w,
        "floor_w": shed.floor_w,
        "gentle": shed.gentle,
        "hard": shed.hard,
        "gentle_share": round(shed.gentle / stopped, 3) if stopped else None,
        "stragglers": [{"miner": name, "rung": rung} for name, rung in event.stragglers],
        "emergency": event.told or None,
    }


# -- the live part --------------------------------------------------------------------------------------------------


@contextmanager
def on_sockets(site: Site, *, usual: bool = False) -> Iterator[net.Servers]:
    """Every device listening on 127.x.y.z; its world stands still until `go_on`. `usual`: as `net.serve` has it."""
    servers = net.serve(site, lambda: site.plant.now_s, usual=usual)
    try:
        yield servers
    finally:
        servers.close()


def go_on(site: Site, servers: net.Servers, *, caught_up: bool = False) -> Sources:
    """From now on the world runs in real time; the clocks of live ticks on it.

    `caught_up`: it goes on at this moment, not at the one when the simulation of its history began.
    """
    behind_s = time.time() - site.plant.start_wall_s - site.plant.now_s if caught_up else 0.0
    now_s = net.clock(site.plant.now_s + max(0.0, behind_s))
    servers.now_s = now_s
    start = site.plant.start_wall_s
    return Sources(now_s, lambda: start + now_s(), lambda: BOOT_ID, lambda: True)


def household(servers: net.Servers, config: Config) -> None:
    """From now on what a person of the story asks for goes where a person's word goes."""
    servers.wish = lambda person: file_wish(config, servers.site, person)


def as_written(config: Config) -> Config:
    """The config as its files have it now, for the next live tick; while they are broken, the last good one.

    Whoever tries a change in the demo sees what it does, as on a real site, whose every tick reads both files anew.
    """
    try:
        return load_or_last_good(config.paths.config)
    except ConfigError as error:  # not even a last good one is left: the one that ran until now goes on
        return config._replace(last_good=True, broken=error.problems)


def live_tick(config: Config, sources: Sources) -> str:
    """One tick through sockets; the mode it ended in, whether anything was read, and whether config.txt is broken."""
    live = Live(config, sources=sources)
    told = said(tick(ports_of(live, Journal(config, live.clocks, live.log)), config.policy))
    if not config.last_good:
        return told
    return f"{told}; the config has {len(config.broken)} faults, the last good one is in force"


def said(book: Book) -> str:
    """The mode; a mine of which nothing is read says so."""
    channels = book.image.channels if book.image is not None else {}
    asked = [value.value for key, value in channels.items() if key.endswith(":health")]
    return book.state.mode + ("" if "ok" in asked else ": NOTHING IS READ, no device answers")
