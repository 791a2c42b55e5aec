"""Sections that somebody wrote and that decide nothing here, and options that others outdo: notes, for nothing is less
safe than without them. A rule whose inputs are roles tells it by itself (config/load.py); these need something else.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mine_controller.config.lines import Document
from mine_controller.config.wiring import TITLE as WIRING
from mine_controller.config.wiring import Kinds
from mine_controller.config.work import Work
from mine_controller.core.model.wiring import MinerSpec, Wiring
from mine_controller.core.rules.signal import STEP_S

SITE, SIGNAL, BATTERY, PRICE = "site", "signal", "battery_soc_pct", "price"
SHOWN = 3
CLOCKS = (("highest_mhz", 1), ("lowest_mhz", -1), ("lowest_mv", -1))  # of a search and of its boards; 1: an upper bound
OTHERS = (
    "difficulty",
    "difficulty_from",
    "reward",
    "price",
    "price_from",
    "fee_pct",
)  # by which a coin's worth follows

Rules = Mapping[str, Any]
_Said = Iterator[tuple[str, str, str]]  # section, option, text


def note(document: Document, rules: Rules, wiring: Wiring, kinds: Kinds, work: Work) -> None:
    """One note on the line of each, where it is written at all."""
    said = (*_needs(rules, wiring), *_battery(rules, wiring), *_profit(document, rules, wiring))
    said += (*_powers(document, wiring, kinds), *_asked(rules, wiring, kinds), *_stops(kinds))
    for title, option, text in (*said, *_tuning(rules, wiring, kinds)):
        section = document.sections.get(title)
        if section is not None:
            line = section.entries[option].line if option in section.entries else section.line
            work.note(line, title, option, text)


def _needs(rules: Rules, wiring: Wiring) -> _Said:
    """Rules that wait for a number, or for a line of [wiring] that is no role."""
    branched = any(spec.breaker or spec.phase for spec in wiring.miners)
    demand = rules.get("demand")
    for title, there, text in (
        ("supply", _has_source(rules, wiring), "write source_kw, or wire supply_kw or generator_load_pct"),
        ("demand", demand is None or demand.limit_kw, "write limit_kw, what was agreed"),
        ("uplinks", wiring.uplinks, "[wiring] has no active uplink, so nobody sees whether there is a way out"),
        ("air", wiring.fans, "[wiring] has no active fan"),
        ("run_on", wiring.fans, "[wiring] has no active fan"),
        ("wall", wiring.wall or "wall" not in rules, "[wiring] has no active wall"),
        ("branch", branched, "no miner of fleet.csv has a breaker or a phase"),
    ):
        if not there:
            yield title, "", f"decides nothing: {text}"


def _has_source(rules: Rules, wiring: Wiring) -> bool:
    return _is_rated(rules, wiring) or "generator_load_pct" in wiring.roles


def _is_rated(rules: Rules, wiring: Wiring) -> bool:
    options = rules.get("supply")
    return options is None or bool(options.source_kw or options.source_curve) or "supply_kw" in wiring.roles


def _powers(document: Document, wiring: Wiring, kinds: Kinds) -> _Said:
    """What [site] says of a miner's power counts until its section is active: each kind has a figure of its own."""
    groups = dict.fromkeys(spec.group for spec in wiring.miners)
    ends = {group: wired.endpoint for group in groups if (wired := kinds.get(group)) is not None}
    for name in ("nominal_w", "standby_w"):
        own = {group: getattr(end.options, name, None) for group, end in ends.items() if end is not None}
        entries = document.sections[SITE].entries if SITE in document.sections else {}
        if name not in entries or {str(watts) for watts in own.values()} == {entries[name].value}:
            continue  # whose sections say the same has nothing to write there
        if groups and len(own) == len(groups) and None not in own.values():
            said = ", ".join(f"{watts} W of [{group}]" for group, watts in tuple(own.items())[:SHOWN])
            text = "counts for no miner: each has the figure of its section, so write it there"
            yield SITE, name, f"{text} ({said}{', ...' if len(own) > SHOWN else ''})"


def _asked(rules: Rules, wiring: Wiring, kinds: Kinds) -> _Said:
    """A page whose answers grow older than they are believed before it is asked again, where `max_age` bears it."""
    role, options = wiring.roles.get(SIGNAL), rules.get(SIGNAL)
    titles = [key.rpartition(":")[0].partition("/")[0] for key in role.keys] if role is not None else []
    ends = [kinds[title].endpoint for title in titles if title in kinds]
    every_s = min((end.every_s for end in ends if end is not None), default=0)
    if options is None or every_s <= 2 * STEP_S:
        return
    said = f"counts as missed from {2 * STEP_S} s on: nothing starts"
    if every_s >= options.grace_s and options.fail_safe == "off":
        said = f"counts as silent from {options.grace_s} s on (grace_s of [signal]): the site is curtailed as blind"
    yield WIRING, SIGNAL, f"is asked every {every_s} s and {said} before each look"


def _stops(kinds: Kinds) -> _Said:
    """A command that stops beside none that starts: good for smoke, and the end of a miner that only rests."""
    for title, wired in kinds.items():
        options = wired.endpoint.options if wired.endpoint is not None else None
        if getattr(options, "stop_command", "") and not getattr(options, "run_command", ""):
            text = "has no run_command beside it: what it stops, for whatever reason, somebody has to start by hand"
            yield title, "stop_command", text


def _battery(rules: Rules, wiring: Wiring) -> _Said:
    """Its charge is a share of a rating: without one an empty battery takes nobody off."""
    if BATTERY in wiring.roles and not _is_rated(rules, wiring):
        text = "decides nothing: its charge counts as a share of what the source gives, and nothing tells that:"
        yield WIRING, BATTERY, f"{text} write source_kw in [supply], or wire supply_kw"


def _profit(document: Document, rules: Rules, wiring: Wiring) -> _Said:
    options = rules.get("profit")
    if options is None:
        return
    if options.guard and PRICE not in wiring.roles:
        title = "profit" if "profit" in document.sections else f"profit {options.sections[0].name}"
        yield title, "guard", "judges nobody while [wiring] has no active price: what costs more than it earns runs on"
    for coin in options.sections:
        beside = [name for name in OTHERS if getattr(coin.section, name)]
        if coin.section.value and beside:
            yield f"profit {coin.name}", "value", f"stands, so nothing is made of {', '.join(beside)}"


def _tuning(rules: Rules, wiring: Wiring, kinds: Kinds) -> _Said:
    for task in getattr(rules.get("tuning"), "sections", ()):
        title, section = f"tuning {task.name}", task.section
        specs = [spec for spec in wiring.miners if {spec.id, spec.group} & set(section.miners)]
        verbs = [spec.verbs for spec in specs]
        verbs += [kinds[name].module.CAN.verbs for name in section.miners if name in kinds]  # who will be listed there
        if not section.miners:
            yield title, "", "decides nothing: write miners, those that look for their setting"
        elif verbs and not any({"tune", "mode"} & set(known) for known in verbs):
            yield title, "miners", "decides nothing: none of them takes a clock or a mode"
        yield from _clocks(title, section, specs, kinds)


def _clocks(title: str, section: Any, specs: list[MinerSpec], kinds: Kinds) -> _Said:
    """A search that wants what its boards refuse is given up after hours, where it stands."""
    for group in dict.fromkeys(spec.group for spec in specs if "tune" in spec.verbs):
        endpoint = kinds[group].endpoint if group in kinds else None
        for name, sign in CLOCKS:
            theirs, own = getattr(endpoint and endpoint.options, name, None), getattr(section, name)
            used = sign < 0 or section.goal == "rate"  # no other search ever goes up
            if used and theirs is not None and own * sign > theirs * sign:
                yield title, name, f"{own} is beyond {name} = {theirs} of [{group}], where it is refused"
