"""Miners in a section that is not theirs: a stop would not reach them, which a first stop would find out.

In `[asic ...]` those that asic-rs only reads; anywhere those so much smaller than their section says that they count as
off while they hash. Asked before by `minectl doctor`, because that first stop may be the co-op's.
"""

from collections.abc import Iterator

from mine_controller.config.model import Config
from mine_controller.core.fleet import on_above_w
from mine_controller.core.model.book import Book
from mine_controller.core.model.command import REFUSED, UNSUPPORTED
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.ops.checks.check import FAIL, Check
from mine_controller.wire.asic_child import ELSEWHERE

NAMED = 6  # miners in one line


def misplaced(config: Config, book: Book) -> Iterator[Check]:
    """One line for each kind that some of them belong to, and one for each size that is not theirs."""
    yield from _unread(config, book)
    yield from _undersized(config, book)


def _unread(config: Config, book: Book) -> Iterator[Check]:
    channels = book.image.channels if book.image is not None else {}
    found: dict[str, list[str]] = {}
    for spec in config.policy.wiring.miners:
        told = channels.get(f"{spec.group}/{spec.mac} firmware:text")
        if told is None or spec.group.partition(" ")[0] != "asic":
            continue
        kind = next((kind for name, kind in ELSEWHERE.items() if str(told.value).startswith(name)), "")
        if kind:
            found.setdefault(kind, []).append(spec.id)
    for kind, names in found.items():
        text = f"{_named(names)}: read through asic-rs and not commanded, a stop included"
        yield Check("miners", FAIL, text, f"move them into a section [{kind} ...]")


def _undersized(config: Config, book: Book) -> Iterator[Check]:
    """Who hashes by its own word and rate at watts that its section has for a stopped one. Not while it ramps."""
    found: dict[tuple[str, int, int], list[str]] = {}
    for spec in config.policy.wiring.miners:
        watts = _hashes_at_w(book, spec)
        if watts is not None and watts <= on_above_w(spec):
            found.setdefault((spec.group, spec.nominal_w, spec.standby_w), []).append(spec.id)
    for (group, nominal_w, standby_w), names in found.items():
        text = (
            f"{_named(names)}: hashing, and counted as off, because by [{group}] only a stopped one draws so little "
            f"(nominal_w {nominal_w}, standby_w {standby_w}): no stop is sent"
        )
        yield Check("miners", FAIL, text, "move them into a section with their own nominal_w and standby_w")


def _hashes_at_w(book: Book, spec: MinerSpec) -> int | float | None:
    """Its watts where it says that it hashes, shows a rate, and no start or stop that it takes is under way."""
    word, rate, watts = (_told(book, spec, quantity) for quantity in ("word", "hashrate_ths", "power_w"))
    chase, settles_s = book.state.chases.get(f"miner {spec.id}"), book.state.settling.get(spec.id, 0)
    moves = chase is not None and chase.answer not in (REFUSED, UNSUPPORTED)
    if book.image is None or word != "hashing" or not rate or moves or settles_s > book.image.clock.plant_s:
        return None
    return watts if isinstance(watts, int | float) else None


def _told(book: Book, spec: MinerSpec, quantity: str) -> str | int | float | None:
    told = book.image.channels.get(f"{spec.group}/{spec.mac}:{quantity}") if book.image is not None else None
    return told.value if told is not None and not told.why else None


def _named(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
