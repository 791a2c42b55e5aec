"""What must agree between sections: the marks of a grid, the rhythm and what it leaves time for, fans and miners, whom
or what a rule names, in what money prices are, and which folders stay apart.

A name that leads nowhere is a note: its miner may only have left fleet.csv, and nothing is less safe for it.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mine_controller.config import catalogue
from mine_controller.config.lines import UNFILLED, Document, Section, nearest
from mine_controller.config.model import Paths
from mine_controller.config.site import Options as Site
from mine_controller.config.site import tick_s
from mine_controller.config.wiring import Kinds
from mine_controller.config.work import Work
from mine_controller.core.model.wiring import MinerSpec, Wiring
from mine_controller.core.money.bands import never_mines
from mine_controller.core.power.room import START_SHARE_PCT
from mine_controller.core.rules.air import startable

SITE, GRID, WIRING, LOAD = "site", "grid", "wiring", "generator_load_pct"
LOWEST_HZ = 45  # no grid is meant to be slower
BEAT, ALL = "heartbeat", "*"  # the latter: every section that tells
TELEGRAM = "telegram"
PRICES = "slots"  # what a source of prices reads
FAR_PCT = 10  # marks further below are those of another grid
GENTLE_S = 120  # what a tick needs to stop a mine without its outlets, and to prove it

NAMING = {"schedule": ("of", "modes"), "tuning": ("miners",), "profit": ("difficulty_from", "price_from")}
GRACES = (
    ("signal", {"signal"}, "the site is curtailed as blind"),
    ("supply", {"supply_kw", "battery_soc_pct"}, "unknown_kw is all the source counts as giving"),
    ("solar", {"export_w"}, "the miners rest"),
)

Rules = Mapping[str, Any]


def marks(document: Document, rules: Rules, facts: Site, work: Work) -> None:
    """Marks of a 50 Hz grid protect nothing on one of 60 Hz, and those of 60 Hz keep everything off on one of 50."""
    nominal_hz, options = facts.nominal_hz, rules.get(GRID)
    if 0 < nominal_hz < LOWEST_HZ:
        line = document.sections[SITE].entries["nominal_hz"].line
        work.tell(line, SITE, "nominal_hz", f"{nominal_hz:g} Hz is no grid's: write 50 or 60, or take it out")
    elif nominal_hz and options is not None and options.block_hz and options.off_hz:  # all or none is told by itself
        entries, belongs = document.sections[GRID].entries, f"nominal_hz = {nominal_hz:g} of [{SITE}]"
        if options.block_hz >= nominal_hz:
            work.tell(entries["block_hz"].line, GRID, "block_hz", f"must be below {belongs}, or nothing ever starts")
        elif options.off_hz * 100 < nominal_hz * (100 - FAR_PCT):
            text = f"is more than {FAR_PCT} % below {belongs}: it would protect nothing"
            work.tell(entries["off_hz"].line, GRID, "off_hz", text)


def pace(document: Document, rules: Rules, facts: Site, wiring: Wiring, work: Work) -> None:
    """Ticks further apart than what is to be done within them, and graces that a single look uses up."""
    apart_s, signal = tick_s(facts), rules.get("signal")
    if signal is not None and signal.obey_within_s < apart_s + GENTLE_S:
        text = (
            f"ticks are {apart_s} s apart and obey_within_s = {signal.obey_within_s} of [signal]: the load is not down"
        )
        text += f" that soon, or only by cutting every outlet; with {apart_s + GENTLE_S} s or more it stops gently"
        _slow(document, "signal", "obey_within_s", text, work)
    for name, roles, then in GRACES:
        grace_s = getattr(rules.get(name), "grace_s", apart_s + 1)
        if grace_s <= apart_s and roles & wiring.roles.keys() and getattr(rules[name], "fail_safe", "off") == "off":
            text = (
                f"ticks are {apart_s} s apart and grace_s = {grace_s} of [{name}]: a single look that fails, and {then}"
            )
            _slow(document, name, "grace_s", text, work)


def _slow(document: Document, title: str, option: str, text: str, work: Work) -> None:
    """Told where the option is written, else where the rhythm is."""
    for where, name in ((title, option), (SITE, "tick_s"), (SITE, "tick_minutes")):
        if where in document.sections and name in document.sections[where].entries:
            work.note(document.sections[where].entries[name].line, where, name, text)
            return


def places(document: Document, paths: Paths, work: Work) -> None:
    """The page's folder is shown to everybody, with all that lies in it: secrets and the database never may."""
    shown, section = os.path.realpath(paths.www), document.sections.get(SITE)
    for option, folder in (("data_dir", paths.db.parent), ("run_dir", paths.run), ("www_dir", paths.www)):
        if section is not None and option in section.entries and (why := _nowhere(folder)):
            text = f"leads to no folder: {why}; write another"
            work.tell(section.entries[option].line, SITE, option, text)
    inside = [one for one in (paths.config, paths.db) if os.path.commonpath((shown, os.path.realpath(one))) == shown]
    if inside and section is not None:
        option = "www_dir" if "www_dir" in section.entries else "data_dir"
        line = section.entries[option].line if option in section.entries else section.line
        text = f"would show {' and '.join(one.name for one in inside)} to whoever sees the page: take a folder apart"
        work.tell(line, SITE, option, text)


def _nowhere(folder: Path) -> str:
    """Why nothing can ever lie at a path; one that is only not there, or not now, may come."""
    try:
        (folder / "x").lstat()
    except OSError as error:
        return str(error.strerror) if error.errno in (errno.ENAMETOOLONG, errno.ELOOP) else ""
    return ""


def phases(document: Document, wiring: Wiring, work: Work) -> None:
    """A breaker on a phase that no line limits, where others are: its miners would count on none. And branches that are
    too weak for one of their own miners."""
    section = document.sections.get(WIRING)
    if section is not None and (wiring.breakers or wiring.phases):
        _weak(section, wiring, work)
    keys = [key.partition(" ") for key in section.entries] if section is not None else []
    known = [name for word, _, name in keys if word == "phase"]
    for breaker in wiring.breakers if known else ():
        if section is not None and breaker.phase and breaker.phase not in known:
            key = f"breaker {breaker.name}"
            text = f"there is no phase {breaker.phase}{nearest(breaker.phase, known)}"
            work.tell(section.entries[key].line, WIRING, key, text)


def _weak(section: Section, wiring: Wiring, work: Work) -> None:
    """Who draws more than its branch bears never starts, even alone: most likely a figure is wrong."""
    for word, branches in (("breaker", wiring.breakers), ("phase", wiring.phases)):
        limits = {branch.name: branch.limit_w for branch in branches}
        over: dict[str, list[MinerSpec]] = {}
        for spec in wiring.miners:
            name, start_w = getattr(spec, word), spec.nominal_w * START_SHARE_PCT // 100
            if spec.paths and name in limits and start_w > limits[name]:
                over.setdefault(name, []).append(spec)
        for name, specs in over.items():
            key, one = f"{word} {name}", specs[0]
            more = f" and {len(specs) - 1} more" if specs[1:] else ""
            text = f"bears {limits[name]} W: too little for {one.id} ({one.nominal_w} W){more}, even alone: no start"
            work.note(section.entries[key].line, WIRING, key, text)


def air(document: Document, rules: Rules, wiring: Wiring, work: Work) -> None:
    """Fewer fans than the miners need: those beyond what the fans can carry, or all of them, never start."""
    fans, miners = len(wiring.fans), sum(bool(spec.paths) for spec in wiring.miners)
    most = startable(fans, rules["air"]) if fans and "air" in rules else miners
    if most >= miners:
        return
    text = f"{fans} fans, one of them the spare, give air to {most} of {miners} miners: the others do not start"
    if fans == 1:
        text = "one fan alone is the spare, and gives air to nobody: no miner starts"
    work.note(document.sections[WIRING].line, WIRING, "", text)


def generator(document: Document, rules: Rules, wiring: Wiring, work: Work) -> None:
    """A load in per cent of a rating nobody has written: an idle generator would leave room for no miner."""
    options = rules.get("supply")
    if LOAD in wiring.roles and options is not None and not (options.source_kw or options.source_curve):
        text = "is a share of a rating that [supply] does not tell: write its source_kw, or an idle mine may not start"
        work.note(document.sections[WIRING].entries[LOAD].line, WIRING, LOAD, text)


def money(document: Document, facts: Site, kinds: Kinds, work: Work) -> None:
    """A publisher's prices in another currency than the site's: bands and sums would be off by the rate of exchange."""
    for title, wired in kinds.items():
        if wired.endpoint is None or PRICES not in wired.module.CAN.reads:
            continue
        told = getattr(wired.module, "CURRENCY", "") or getattr(wired.endpoint.options, "currency", "")
        if told and told != facts.currency.upper():
            text = f"its prices are in {told} and `currency` of [{SITE}] is {facts.currency[:20]}: make them the same"
            work.note(document.sections[title].line, title, "", text)


def channels(document: Document, found: Mapping[str, Any], work: Work) -> None:
    """Heartbeats that come by nothing, channels that stand there twice, users of a chat where nobody is listened to."""
    _beats(document, found, work)
    first: dict[tuple[str, Any], str] = {}
    for title, options in found.items():
        other = first.setdefault((title.partition(" ")[0], options), title) if hasattr(options, "least") else title
        if other != title:
            said = f"says the same as [{other}] (line {document.sections[other].line})"
            work.note(document.sections[title].line, title, "", f"{said}: each message comes twice, take one out")
        if title.partition(" ")[0] == TELEGRAM and options.users and options.chat_id.startswith("@"):
            text = f"nobody is listened to in {options.chat_id[:40]}: write the number of the chat as chat_id"
            work.note(document.sections[title].entries["users"].line, title, "users", text)


def _beats(document: Document, channels: Mapping[str, Any], work: Work) -> None:
    """A heartbeat by a section that is not there, or that tells nobody: its silence would mean nothing."""
    for title, options in channels.items():
        if title.partition(" ")[0] != BEAT or not options.channels:
            continue
        ways = [one for one in document.sections.values() if hasattr(_channel(one.kind), "least")]
        known = {ALL, *(way.kind for way in ways), *(way.title for way in ways)}
        for name in options.channels:
            if name not in known:
                told = f"there is no [{name[:60]}] that tells anybody: no heartbeat comes by it"
                line = document.sections[title].entries["channels"].line
                work.note(line, title, "channels", f"{told}{nearest(name, known - {ALL})}")


def _channel(kind: str) -> Any:
    return getattr(catalogue.find("channel", kind), "Options", None)


def names(document: Document, rules: Rules, kinds: Kinds, wiring: Wiring, work: Work) -> None:
    """Miners, groups, modes and channels that a rule's sections name and nothing here has; pools nobody is put on."""
    _pools(document, rules, kinds, work)
    said = list(_names(rules))
    if not said:
        return  # most sites: a fleet's names are not gathered at every tick
    groups = [title for title, wired in kinds.items() if wired.module.CAN.fleet]
    known = {*groups, *(spec.id for spec in wiring.miners)}
    modes = {mode for wired in kinds.values() for mode in getattr(wired.module, "MODES", ())}
    for title, option, text in said:
        if option == "modes":
            told = "" if text in modes else f"no miner here has a mode {text[:30]!r}"
        elif option in ("of", "miners"):
            near = "" if text in known else nearest(text, groups)
            told = "" if text in known else f"there is no miner and no group {text[:40]!r}{near}: it means nobody"
        else:
            told = _unheard(text, kinds)
        if told:
            section = document.sections[title]
            work.note(section.entries[option].line, title, option, told)


def _pools(document: Document, rules: Rules, kinds: Kinds, work: Work) -> None:
    """Stand-ins that a section's miners may not be put on, and two names of what they can't tell apart."""
    local = ("uplinks", "offline_pool", getattr(rules.get("uplinks"), "offline_pool", ""))
    same: dict[str, str] = {}
    for title, wired in kinds.items():
        ways = getattr(wired.endpoint.options, "pools", ()) if wired.endpoint and wired.module.CAN.fleet else ()
        known = [pool for pool in ways if not never_mines(title, pool.coin)]
        leans = [(f"pool {pool.name}", "fallback", pool.fallback) for pool in known]
        for of, option, name in (*leans, local) if ways else ():
            if name and name not in [pool.name for pool in known] and not _waits(document, name):
                coin = next((pool.coin for pool in ways if pool.name == name), "")
                why = f"they can't mine {coin}" if coin else "its `pools` leave it out"
                text = f"{name} stands in for nobody of [{title}]: {why}"
                work.note(document.sections[of].entries[option].line, of, option, text)
        first: dict[tuple[str, int, str], str] = {}
        for pool in known:
            other = first.setdefault((pool.host, pool.port, pool.user), pool.name)
            if other != pool.name:
                text = f"has url and user of [pool {other}], so miners of [{title}] are never seen on it"
                same.setdefault(f"pool {pool.name}", text)
    for of, text in same.items():
        work.note(document.sections[of].line, of, "", text)


def _waits(document: Document, pool: str) -> bool:
    section = document.sections.get(f"pool {pool}")
    return section is None or any(entry.value == UNFILLED for entry in section.entries.values())


def _names(rules: Rules) -> Iterator[tuple[str, str, str]]:
    """(section, option, one name in it)."""
    for rule, options in NAMING.items():
        for one in getattr(rules.get(rule), "sections", ()):
            for option in options:
                value = getattr(one.section, option)
                yield from (
                    (f"{rule} {one.name}", option, name)
                    for name in ((value,) if isinstance(value, str) else value)
                    if name
                )


def _unheard(channel: str, kinds: Kinds) -> str:
    """Why a channel is never known, "" when its section is there."""
    source, colon, _ = channel.partition(":")
    title = source.partition("/")[0]
    if not colon:
        return f"{channel[:60]!r} is no channel like `ckpool main:difficulty`, so it is never known"
    return "" if title in kinds else f"there is no section [{title[:60]}], so it is never known{nearest(title, kinds)}"
