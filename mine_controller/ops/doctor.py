"""Doctor: everything a site needs to run, looked at once, each with its remedy. Nothing is written or switched."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from mine_controller.config.model import Config, ConfigError
from mine_controller.core.due import Asked
from mine_controller.core.fleet import sum_up
from mine_controller.core.forecast import time_to_obey
from mine_controller.core.freeze import freeze
from mine_controller.core.miners.stopless import left, said
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.state import State
from mine_controller.core.view import View
from mine_controller.ops.checks import board, clocks, files, services
from mine_controller.ops.checks.check import FAIL, OK, WARN, Check, Machine
from mine_controller.ops.checks.database import database
from mine_controller.ops.checks.misplaced import misplaced
from mine_controller.ops.checks.silence import answered, judged
from mine_controller.ops.recall import kept_book
from mine_controller.ports.kept import HOUR_S, read_kept
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.copies import copies_in
from mine_controller.store.db import StoreTrouble, reading
from mine_controller.store.putback import all_copies
from mine_controller.wire.door import Wire

ASK_S = 15.0  # for all endpoints side by side
NAMED = 6  # miners in one line
WireFor = Callable[[str, float], Wire]


class Site(NamedTuple):
    """What the checks are handed."""

    config: Config
    book: Book
    now_s: int
    machine: Machine
    wire_for: WireFor | None  # None: no device may be asked
    ask_now: bool  # ask every endpoint even where the last tick has just done so
    send: bool = False  # send a test by every channel


Step = tuple[str, Callable[[Site], Iterable[Check]]]


def examine(
    path: Path,
    *,
    now_s: int,
    wire_for: WireFor | None,
    machine: Machine | None = None,
    ask_now: bool = False,
    send: bool = False,
    say: Callable[[str], None] = lambda _what: None,
) -> tuple[Check, ...]:
    """Every check, in order. `say` hears the name of each step first; without `wire_for` no device is asked."""
    machine = machine or Machine()
    say("config")
    config, checks = _config(path)
    if config is None:
        return (*checks, *board.heat(machine), *board.memory(machine))
    try:
        book = kept_book(config.paths)
    except StoreTrouble:
        book = Book(State())  # the step "database" tells what is wrong with it
    site = Site(config, book, now_s, machine, wire_for, ask_now, send)
    for name, step in STEPS_TAKEN:
        say(name)
        checks.extend(step(site))
    return tuple(checks)


# -- config -------------------------------------------------------------------------------------------------------


def _config(path: Path) -> tuple[Config | None, list[Check]]:
    from mine_controller.config.lastgood import load_or_last_good  # noqa: PLC0415 - imported by the step that uses it

    try:
        config = load_or_last_good(path)
    except ConfigError as error:
        return None, [_broken(error.problems)]
    if config.last_good:
        return config, [_broken(config.broken, "; ticks go on with the last good one")]
    wiring = config.policy.wiring
    mode = "live" if config.site.live else "shadow mode: nothing is sent until live = yes"
    text = f"{len(config.endpoints)} endpoints, {len(wiring.fans)} fans, {len(wiring.miners)} miners, {mode}"
    notes = [Check("note", OK, " ".join(part for part in (_where(note), note.text) if part)) for note in config.notes]
    return config, [Check("config", OK, text), *notes]


def _broken(problems: tuple[Any, ...], more: str = "") -> Check:
    first = problems[0]
    many = f"{len(problems)} problems, the first" if len(problems) > 1 else "a problem"
    line = f" in line {first.line}" if first.line else ""  # 0: of the file as a whole, or it is not there
    text = f"config.txt has {many}{line}: {_where(first)} {first.text}".replace("  ", " ")
    helps = "`minectl config undo` takes the last change back"
    if all(one.text.startswith("file ") for one in problems):  # secrets that are gone or closed: no change undoes that
        helps = "the files named have to be there, the ticks' own, and chmod 600"
    return Check("config", FAIL, f"{text}{more}", f"`minectl config check` lists all of them, {helps}")


def _where(problem: Any) -> str:
    section = f"[{problem.section}]" if problem.section else ""
    return f"{section} {problem.option}".strip()


# -- store --------------------------------------------------------------------------------------------------------


def _ticks(site: Site) -> Iterator[Check]:
    try:
        rows = query.ticks(site.config.paths, limit=1)
    except StoreTrouble:
        return  # told by the step "database"
    tick_s = site.config.site.tick_s
    if not rows:
        yield Check("ticks", WARN, "no tick has run yet", "minectl tick --dry-run, then minectl tick")
        return
    age_s = max(0, site.now_s - rows[0].tick_at)
    verdict = FAIL if age_s > 5 * tick_s else WARN if age_s > 2 * tick_s else OK
    remedy = "" if verdict == OK else "look at the timer below and at journalctl -t minectl, then run minectl tick"
    yield Check("ticks", verdict, f"the last one began {age_s} s ago: {rows[0].mode}", remedy)


def _backups(site: Site) -> Iterator[Check]:
    """Copies are fresh and can be trusted: each is opened here."""
    paths = site.config.paths
    if not paths.db.exists():
        yield Check("backups", OK, "nothing to copy yet")
        return
    kept, good = read_kept(paths), [one for one in all_copies(paths.backups) if not one.why]
    by_hand = "`minectl backup` makes one now and says what is wrong"
    if not good:
        young = site.now_s - _first_at(site) < 2 * HOUR_S
        text = "no copy yet: the first hour of ticks makes one" if young else "there is no copy that can be trusted"
        yield Check("backups", OK if young else FAIL, text, "" if young else by_hand)
        return
    age_s = max(0, site.now_s - good[0].tick_at)
    bad = len(list(copies_in(paths.backups))) - len(good)
    whole = next((one for one in good if one.whole), None)
    text = f"{len(good)} good copies, the newest of {age_s // 60} min ago"
    text += f", with all of the history of {(site.now_s - whole.tick_at) / 86_400:.1f} days ago" if whole else ""
    if kept.trouble:
        yield Check("backups", FAIL, f"{text}; the last hour: {kept.trouble}", by_hand)
    elif bad:
        yield Check(
            "backups", WARN, f"{text}; {bad} can't be trusted", "`minectl backup --list` names them: remove them"
        )
    elif age_s > 3 * HOUR_S:
        yield Check("backups", WARN, text, by_hand)
    else:
        yield Check("backups", OK, text)


def _first_at(site: Site) -> int:
    """When the first tick of this database ran."""
    try:
        with reading(site.config.paths.db) as db:
            found = db.execute("SELECT tick_at FROM mine_states ORDER BY timestamp LIMIT 1").fetchone()
    except StoreTrouble:
        return 0  # told by the step "database"; a copy is wanted all the more
    return int(found[0]) if found else site.now_s


# -- devices ------------------------------------------------------------------------------------------------------


def _devices(site: Site) -> Iterator[Check]:
    """Each endpoint: as the last tick found it when that is fresh and good, else asked now, all side by side."""
    known = {} if site.ask_now else answered(site.config, site.book, site.now_s)
    if site.wire_for is None:
        yield from _as_last_seen(site, known)
        return
    todo = tuple(Asked(name) for name in site.config.endpoints if name not in known)
    asked = _ask(site, todo, site.wire_for) if todo else {}
    for name in site.config.endpoints:
        if name in known:
            yield Check(name, OK, f"answered {known[name]} s ago in the last tick")
        elif asked.get(name):
            found = Check(name, FAIL, f"not read: {asked[name]}", remedy_for(asked[name], name))
            yield judged(found, site.config, site.book, site.now_s)
        else:
            yield Check(name, OK, "answers")
    if not site.config.endpoints:
        yield Check("devices", WARN, "no device section is active", "fill in what is CHANGE-ME in config.txt")


def _as_last_seen(site: Site, known: dict[str, int]) -> Iterator[Check]:
    """Each endpoint by what the last tick found, however old: for whoever looks from elsewhere."""
    seen = site.book.image.channels if site.book.image is not None else {}
    for name in site.config.endpoints:
        health = seen.get(f"{name}:health")
        if name in known:
            yield Check(name, OK, f"answered {known[name]} s ago in the last tick")
        elif health is None or health.value == "ok":
            yield Check(name, WARN, "no fresh answer is kept, and it is not asked now")
        else:
            why = health.why or "no reason given"
            found = Check(name, FAIL, f"not read in the last tick: {why}", remedy_for(why, name))
            yield judged(found, site.config, site.book, site.now_s)


def _ask(site: Site, todo: tuple[Asked, ...], wire_for: WireFor) -> dict[str, str]:
    """Why each could not be read, "" where it could."""
    from mine_controller.devices.ask import ask  # noqa: PLC0415 - imports requests with it

    until = time.monotonic() + ASK_S
    readings = ask(todo, site.config.endpoints, {}, int, wire_for, until, wall_s=site.now_s)
    return {
        one.key.removesuffix(":health"): "" if one.value == "ok" else one.why or "no reason given"
        for one in readings
        if one.key.endswith(":health")
    }


_REMEDIES = (
    (
        ("collect does not run",),
        "`journalctl -u minectl-collect -n 50` says why: `sudo systemctl restart minectl-collect`",
    ),
    (("broker refuses the connection",), "check the port, and whether the broker runs"),
    (("401", "403", "password", "login", "unauthor", "forbidden"), "check user, password or key in its section"),
    (("refused",), "it is there and nothing listens: check the port, and whether its web server is on"),
    (("resolve", "dns", "name or service"), "check the host name, or write the address"),
    (
        ("than the pin says",),
        "another unit, or its certificate is new: if you know why, give the new one's fingerprint as pin",
    ),
    (("no tls in common",), "newer firmware, or http where nobody else is on its network"),
    (("certificate", "tls", "ssl"), "check https against http in its section, or give its certificate with pin"),
    (("no answer", "timed out", "timeout", "unreachable", "no route"), "check power, cable and address: ping it"),
    (("404", "not found"), "the path or the model is another one: check its section"),
)


def remedy_for(why: str, section: str, again: str = "") -> str:
    """What helps against a failure, in one sentence; `again`: what tries it once more, where `probe` does not."""
    low = why.lower()
    first = next((remedy for words, remedy in _REMEDIES if any(word in low for word in words)), "")
    more = again or f'`minectl probe "{section}"` asks it by hand'
    return f"{first}; {more}" if first else more


def _channels(site: Site) -> Iterator[Check]:
    """The ways to the owner: what is configured, and with `send` whether a test arrives."""
    from mine_controller.notify.post import senders  # noqa: PLC0415 - imported by the step that uses it

    channels = senders(site.config.channels)
    waiting = [note.section for note in site.config.notes if note.text.startswith("not yet active") and _is_way(note)]
    if not channels:
        remedy = "fill in [telegram], [email] or [sms]: `minectl config sample telegram` shows one"
        yield Check("channels", WARN, "nobody is told anything: no channel is active", remedy)
    for title in waiting:
        remedy = f"`minectl config sample {title.partition(' ')[0]}` shows what each option means"
        yield Check(title, WARN, "not yet active: something in it is still CHANGE-ME", remedy)
    results = _tried(site) if site.send else {}
    for title in channels:
        if title not in results:
            yield Check(title, OK, "filled in; `minectl doctor --live` sends a test")
        elif results[title]:
            remedy = remedy_for(results[title], title, f'`minectl notify test "{title}"` tries it again')
            yield Check(title, FAIL, f"the test did not arrive: {results[title]}", remedy)
        else:
            yield Check(title, OK, "it took the test")


def _is_way(note: Any) -> bool:
    from mine_controller.config import catalogue  # noqa: PLC0415 - imported by the step that uses it

    return note.section.partition(" ")[0] in catalogue.files("channel")


def _tried(site: Site) -> dict[str, str]:
    """A test message by every channel: why it did not arrive, "" where it did."""
    from mine_controller.notify.post import Call, post, senders  # noqa: PLC0415 - imported by the step that uses it
    from mine_controller.notify.words import trial, write  # noqa: PLC0415 - the same
    from mine_controller.ports.tell import place  # noqa: PLC0415 - the same

    there, calls = place(site.config), []
    for title, options in senders(site.config.channels).items():
        channel: Any = import_module(f"mine_controller.notify.{title.partition(' ')[0]}")
        written = write(channel, trial(there, shadow=not site.config.site.live), there)
        calls.append(Call(title, channel, options, written.message))
    sent = post(calls, time.monotonic() + ASK_S)
    return {title: "" if one.ok else one.why or "no reason given" for title, one in sent.items()}


def _permissive(site: Site) -> Iterator[Check]:
    """The relay that falls when good ticks stay away: is it pulsed, and does it hold?"""
    from mine_controller.notify.permissive import lane_of  # noqa: PLC0415 - the same
    from mine_controller.ports.permissive import permissive_of, withheld  # noqa: PLC0415 - imported by its step

    for title, options in permissive_of(site.config):
        read = f"{'/'.join(lane_of(options))}:switch"
        seen = site.book.image.channels.get(read) if site.book.image is not None else None
        why = withheld(site.config, site.book, "", options) or ("" if seen and seen.value == "on" else "it reads off")
        text = f"{options.relay} holds for {options.pulse_s} s after each good tick"
        remedy = "miners behind its contactor are cut off meanwhile; `grep permissive mine.log` tells what was sent"
        yield Check(
            title, WARN if why else OK, f"{text}; now it does not: {why}" if why else text, remedy if why else ""
        )


# -- contract, air, page ------------------------------------------------------------------------------------------


def _contract(site: Site) -> Iterator[Check]:
    """How long it takes until everything is off, against what the contract gives."""
    wiring, options = site.config.policy.wiring, site.config.policy.rules.get("signal")
    if not wiring.miners:
        yield Check("contract", WARN, "no miner is known, so nothing is stopped or started", "list them in fleet.csv")
        return
    if options is None:
        yield Check("contract", OK, "no power signal is wired")
        return
    forecast = obedience(site.config, site.book, options.obey_within_s)
    text = (
        f"slowest obedience {forecast['seconds']} s with all {len(wiring.miners)} miners on "
        f"({forecast['gentle']} gently, {forecast['hard']} at the outlet); your notice is {options.notice_s} s"
    )
    late = "" if forecast["seconds"] <= options.obey_within_s else f", obey_within_s is {options.obey_within_s} s"
    if forecast["unreachable"]:
        known = said(site.book.state.last)
        named = [spec.id for spec in wiring.miners if spec.paths and not left(spec, known)]
        remedy = "give them an outlet in fleet.csv, or a group that can stop them"
        if named:
            more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
            remedy += f"; {', '.join(named[:NAMED])}{more} said so when told to stop: `minectl miners stop` asks again"
        yield Check("contract", FAIL, f"{forecast['unreachable']} miners can't be stopped by anything; {text}", remedy)
    elif forecast["seconds"] + site.config.site.tick_s > options.notice_s:
        remedy = "more PDU sections side by side, outlet groups, or a faster lane"
        yield Check("contract", FAIL, f"{text}, and a tick may read it {site.config.site.tick_s} s late", remedy)
    elif late:
        yield Check("contract", WARN, text + late, "raise obey_within_s as far as the contract allows, or add lanes")
    else:
        yield Check("contract", OK, text)


def obedience(config: Config, book: Book, obey_within_s: int) -> dict[str, Any]:
    """`time_to_obey` as if every miner were on, by the lanes' measured pace."""
    wiring, tick_s = config.policy.wiring, config.site.tick_s
    clock = book.image.clock if book.image is not None else Clock(1, 0, tick_s=tick_s, began_s=1, soft_end_s=91)
    image = freeze(book.image, (), wiring, clock._replace(rebooted=False))
    fleet = sum_up(image, book.state, wiring)
    fleet = fleet._replace(on=(True,) * len(wiring.miners))
    view = View(image, fleet, wiring, config.policy.site, book.state, book.state.fans)
    return time_to_obey(view, obey_within_s)


def _fans(site: Site) -> Iterator[Check]:
    wired, books = site.config.policy.wiring.fans, site.book.state.fans
    if not wired:
        yield Check("fans", OK, "none wired")
        return
    unmetered = [spec.name for spec in wired if not spec.watts]
    by_state: dict[str, list[str]] = {}
    for spec in wired:
        by_state.setdefault(books[spec.name].state if spec.name in books else "not seen", []).append(spec.name)
    text = ", ".join(f"{len(names)} {state}" for state, names in sorted(by_state.items()))
    failed = [*by_state.get("failed", ()), *by_state.get("suspect", ())]
    if failed:
        remedy = "look at the fan, its relay and its clamp; `minectl fans` shows the watts"
        yield Check("fans", WARN, f"{text}; see fan {', '.join(failed)}", remedy)
    elif unmetered:
        remedy = "a fan without watts proves no air: give it `watts` in [wiring]"
        yield Check("fans", WARN, f"{text}; fan {', '.join(unmetered)} is not metered", remedy)
    elif by_state.keys() & {"not seen", "unknown"}:
        yield Check(
            "fans", WARN, text, "a fan counts once a tick has seen its relay and its watts: see the devices above"
        )
    else:
        yield Check("fans", OK, text)


def _page(site: Site) -> Iterator[Check]:
    www, tick_s = site.config.paths.www, site.config.site.tick_s
    status = www / "status.json"
    try:
        age_s = max(0, site.now_s - int(status.stat().st_mtime))
    except OSError:
        remedy = f"a tick writes it; check that {www} can be written"
        yield Check("page", WARN, "there is no www/status.json yet", remedy)
        return
    if not os.access(www, os.W_OK):
        yield Check("page", FAIL, f"{www} can't be written", f"chown it to who runs the ticks: {www}")
    elif age_s > 2 * tick_s:
        yield Check("page", WARN, f"it is {age_s} s old", "mine.log says why it is not written: grep page mine.log")
    else:
        yield Check("page", OK, f"written {age_s} s ago in {www}")


STEPS_TAKEN: tuple[Step, ...] = (
    ("rights", lambda site: files.rights(site.config)),
    ("lock", lambda site: files.lock(site.config, site.machine)),
    ("ticks", _ticks),
    ("database", lambda site: database(site.config, site.now_s)),
    ("backups", _backups),
    ("disk", lambda site: files.disks(site.config, site.machine.root)),
    ("card", lambda site: board.card(site.machine)),
    ("clock", lambda site: clocks.clocks(site.book.state, site.machine)),
    ("battery clock", lambda site: clocks.rtc(site.machine)),
    ("devices", _devices),
    ("miners", lambda site: misplaced(site.config, site.book)),
    ("channels", _channels),
    ("contract", _contract),
    ("permissive", _permissive),
    ("fans", _fans),
    ("page", _page),
    ("web server", lambda site: services.web(site.config, site.machine)),
    ("log", lambda site: services.logs(site.config, site.machine)),
    ("timer", lambda site: services.timers(site.config, site.machine)),
    ("watchdog", lambda site: board.watchdog(site.machine)),
    ("throttling", lambda site: board.throttling(site.machine)),
    ("heat", lambda site: board.heat(site.machine)),
    ("memory", lambda site: board.memory(site.machine)),
)
