"""Numbers for drawings. Templates write the elements, so every text passes autoescape and no markup is made here. Pure.

A plot is drawn in a box of `WIDE` x `HIGH` whole units that the browser stretches; strokes keep their width
(vector-effect) and labels stay outside the box, so that they are as large on a phone as on a wall screen.
"""

from collections.abc import Sequence

from mine_controller.record import NamedTuple

WIDE = 1440  # one unit a minute of a day
HIGH = 400

Number = float | int | None


class Scale(NamedTuple):
    """From `low`..`high` to 0..`size`; `flip` counts from the top, as screens do. What lies outside is clamped."""

    low: float
    high: float
    size: int
    flip: bool = False

    def at(self, value: float) -> int:
        """Where the value lies, in whole units."""
        width = self.high - self.low
        part = (value - self.low) / width if width else 0.0
        part = min(1.0, max(0.0, part))
        return round(self.size * (1 - part if self.flip else part))

    def pct(self, value: float) -> str:
        """Where the value lies as "63.5%", for drawings that stretch by themselves."""
        width = self.high - self.low
        part = (value - self.low) / width if width else 0.0
        return f"{100 * min(1.0, max(0.0, part)):.1f}%"


def nice(high: float, steps: int = 4) -> tuple[float, ...]:
    """Round tick values from 0 to at least `high`."""
    if high <= 0:
        return (0.0, 1.0)
    raw = high / steps
    size = 10.0 ** (len(f"{raw:.0f}") - 1 if raw >= 1 else 0)
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw)
    count = -(-high // step)
    return tuple(step * at for at in range(int(count) + 1))


def line(xs: Sequence[int], ys: Sequence[Number], scale: Scale, gap: int) -> str:
    """A path through the known points. Unknown ones, and holes longer than `gap` units, stay open."""
    parts: list[str] = []
    last_x: int | None = None
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            last_x = None
            continue
        parts.append(f"{'M' if last_x is None or x - last_x > gap else 'L'}{x} {scale.at(y)}")
        last_x = x
    return "".join(parts)


def area(xs: Sequence[int], ys: Sequence[Number], scale: Scale, gap: int) -> str:
    """The same line, each stretch of it closed down to the floor."""
    parts: list[str] = []
    run: list[tuple[int, int]] = []
    for x, y in zip(xs, ys, strict=True):
        if run and (y is None or x - run[-1][0] > gap):
            parts.append(_closed(run, scale.size))
            run = []
        if y is not None:
            run.append((x, scale.at(y)))
    if run:
        parts.append(_closed(run, scale.size))
    return "".join(parts)


def _closed(run: list[tuple[int, int]], floor: int) -> str:
    return f"M{run[0][0]} {floor}" + "".join(f"L{x} {y}" for x, y in run) + f"V{floor}Z"


def stairs(xs: Sequence[int], ys: Sequence[Number], scale: Scale, gap: int) -> str:
    """A step area: each value holds until the next one; for counts."""
    parts: list[str] = []
    open_x: int | None = None
    for x, y in zip(xs, ys, strict=True):
        if open_x is not None and (y is None or x - open_x > gap):
            parts.append(f"V{scale.size}Z")
            open_x = None
        if y is None:
            continue
        parts.append(f"M{x} {scale.size}V{scale.at(y)}" if open_x is None else f"H{x}V{scale.at(y)}")
        open_x = x
    if open_x is not None:
        parts.append(f"H{open_x + 1}V{scale.size}Z")
    return "".join(parts)


class Span(NamedTuple):
    """A stretch of time in one word."""

    word: str
    x: int
    width: int


def spans(xs: Sequence[int], words: Sequence[str | None], gap: int) -> tuple[Span, ...]:
    """Stretches of equal words, each up to where the next begins; holes longer than `gap` belong to nobody."""
    out: list[Span] = []
    for at, (x, word) in enumerate(zip(xs, words, strict=True)):
        end = xs[at + 1] if at + 1 < len(xs) and xs[at + 1] - x <= gap else x + 1
        if word is None:
            continue
        if out and out[-1].word == word and out[-1].x + out[-1].width == x:
            out[-1] = Span(word, out[-1].x, end - out[-1].x)
        else:
            out.append(Span(word, x, end - x))
    return tuple(out)


class Cell(NamedTuple):
    """One place on the wall."""

    x: int
    y: int


def cells(count: int, columns: int, pitch: int) -> tuple[Cell, ...]:
    """Places in reading order."""
    return tuple(Cell(at % columns * pitch, at // columns * pitch) for at in range(count))
