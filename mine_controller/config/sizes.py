"""Figures of a size that nobody means: in another unit, or too small for a single miner. Notes, no refusals."""

from mine_controller.config.lines import Document
from mine_controller.config.wiring import TITLE as WIRING
from mine_controller.config.work import Work
from mine_controller.core.model.wiring import MinerSpec, Wiring

TIMES = 300  # written in watts a figure is a thousand times too high; few may be listed as yet
KILOWATTS = {"site": "power_cap_kw", "demand": "limit_kw", "supply": "source_kw", "schedule": "max_kw"}
NOISE_W = 10  # a clamp on a wire without current shows some watts


def sizes(document: Document, wiring: Wiring, work: Work) -> None:
    """Figures in another unit than is asked for: nothing else shows that they protect nothing."""
    _in_watts(document, wiring, work)
    _for_nobody(document, wiring, work)
    for spec in wiring.fans:
        if spec.watts and spec.normal_w < NOISE_W:
            text = f"normal {spec.normal_w} W may be a meter's noise, which would prove air: is it in watts?"
            work.note(document.sections[WIRING].entries[f"fan {spec.name}"].line, WIRING, f"fan {spec.name}", text)
    _never_on(document, wiring, work)


def _in_watts(document: Document, wiring: Wiring, work: Work) -> None:
    listed_w = sum(spec.nominal_w for spec in wiring.miners) + sum(spec.normal_w for spec in wiring.fans)
    for section in document.sections.values():
        entry = section.entries.get(KILOWATTS.get(section.kind, ""))
        if entry is not None and wiring.miners and _number(entry.value) * 1000 > listed_w * TIMES:
            text = f"{entry.value} kW, and all that is listed draws {listed_w / 1000:g} kW: was that meant in watts?"
            work.note(entry.line, section.title, entry.key, text)


def _for_nobody(document: Document, wiring: Wiring, work: Work) -> None:
    """Ceilings that what all draw asleep fills, or leaves too little for the smallest: nobody would ever start."""
    own = [spec for spec in wiring.miners if spec.paths]
    more_w = min((spec.nominal_w - spec.standby_w for spec in own), default=0)
    least_w = sum(spec.standby_w for spec in wiring.miners) + more_w
    for section in document.sections.values() if own else ():
        entry = section.entries.get(KILOWATTS.get(section.kind, ""))
        if entry is not None and section.kind != "schedule" and 0 < _number(entry.value) * 1000 < least_w:
            text = f"{entry.value} kW: not even one miner may run beside those asleep: it takes {least_w / 1000:g} kW"
            work.note(entry.line, section.title, entry.key, text)


def _number(text: str) -> float:
    """What is no number is told where it is read."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _never_on(document: Document, wiring: Wiring, work: Work) -> None:
    """Whose mark of running lies no lower than what it draws then: it starts, is seen as dark, and has failed."""
    dark: dict[str, list[MinerSpec]] = {}
    for spec in wiring.miners:
        known = spec.group in document.sections  # one that is mistyped is told by itself
        if known and 2 * spec.standby_w >= spec.nominal_w and spec.paths and not spec.nameplate:
            dark.setdefault(spec.group, []).append(spec)
    for group, specs in dark.items():
        section, one = document.sections[group], specs[0]
        written = [section.entries[name].line for name in ("standby_w", "nominal_w") if name in section.entries]
        more = f", as {len(specs) - 1} more" if specs[1:] else ""
        text = (
            f"up to twice this, {2 * one.standby_w} W, is off: {one.id} ({one.nominal_w} W{more}) is never seen to run;"
        )
        text += " write what it draws asleep, in a section of its own where others draw more"
        work.note((written or [section.line])[0], group, "standby_w", text)
