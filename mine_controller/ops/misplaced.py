"""Miners in `[asic ...]` that asic-rs only reads: nothing can be told to them there, which a first stop would find out.

Asked before by `minectl doctor`, because that first stop may be the co-op's.
"""

from collections.abc import Iterator

from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.ops.machine import FAIL, Check
from mine_controller.wire.asic_child import ELSEWHERE

NAMED = 6  # miners in one line


def misplaced(config: Config, book: Book) -> Iterator[Check]:
    """One line for each kind that some of them belong to."""
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
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        text = f"{', '.join(names[:NAMED])}{more}: read through asic-rs and not commanded, a stop included"
        yield Check("miners", FAIL, text, f"move them into a section [{kind} ...]")
