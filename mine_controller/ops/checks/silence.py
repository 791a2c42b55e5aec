"""Which sections answered lately, and whose silence is no fault."""

from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.ops.checks.check import OK, Check

FRESH_TICKS = 2
WHY = "nobody answers, because every miner of it is off at its outlet"


def answered(config: Config, book: Book, now_s: int) -> dict[str, int]:
    """Sections that were read well in the last ticks: how many seconds ago. `now_s` is wall time, here and below."""
    image = book.image
    if image is None:
        return {}
    out = {}
    for name in config.endpoints:
        health = image.channels.get(f"{name}:health")
        age_s = now_s - image.clock.wall_s + image.clock.plant_s - health.at_s if health is not None else -1
        if health is not None and health.value == "ok" and 0 <= age_s <= FRESH_TICKS * image.clock.tick_s:
            out[name] = age_s
    return out


def judged(check: Check, config: Config, book: Book, now_s: int) -> Check:
    """What was found of a section that could not be read; nothing is wrong with one that is dark."""
    return Check(check.name, OK, WHY) if check.name in dark(config, book, now_s) else check


def dark(config: Config, book: Book, now_s: int) -> frozenset[str]:
    """Sections that ask miners themselves, each of which is off at an outlet that was read in the last ticks."""
    image = book.image
    if image is None:
        return frozenset()
    late_s, fresh_s = now_s - image.clock.wall_s, FRESH_TICKS * image.clock.tick_s
    lit: set[str] = set()
    seen: set[str] = set()
    for spec in config.policy.wiring.miners:
        switch = image.channels.get(f"{spec.outlet}:switch") if spec.outlet else None
        off = switch is not None and switch.value == "off"
        fresh = switch is not None and 0 <= late_s + image.clock.plant_s - switch.at_s <= fresh_s
        (seen if off and fresh else lit).add(spec.group)
    asked = {name for name, one in config.endpoints.items() if hasattr(one.options, "hosts")}
    return frozenset((seen - lit) & asked)
