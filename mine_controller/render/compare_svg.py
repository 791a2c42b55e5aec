"""Two drawings of several courses of a mine over the same time: power above, inlet below. One SVG file, no script.

Whatever is written in it is escaped here, because no template stands between.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from mine_controller.record import NamedTuple
from mine_controller.render import svg
from mine_controller.render.text import Zone

WIDE, HIGH = 1000, 220
LEFT, TOP, BETWEEN, LEGEND = 60, 30, 46, 22
# Told apart by dashes too, for those who see no colours.
STROKES = (
    ("#888888", "2 4"), ("#1f5fbf", ""), ("#c2410c", "8 3"), ("#15803d", "12 3 2 3"), ("#7e22ce", "4 2"),
    ("#0f766e", "1 2"), ("#b91c1c", "16 4"), ("#a16207", "6 6"),
)  # fmt: skip
DAYS_LABELLED = 8
DAY_S = 86_400


class Course(NamedTuple):
    """One run: moments (wall seconds) and what it showed; None = not known."""

    name: str
    at_s: tuple[int, ...]
    miners_w: tuple[int | None, ...]
    inlet_c: tuple[float | None, ...]


def drawing(title: str, courses: Sequence[Course], zone: Zone) -> str:
    """The whole file. Courses beyond the strokes there are begin with the first stroke again."""
    moments = [at_s for course in courses for at_s in course.at_s]
    from_s, to_s = (min(moments), max(moments)) if moments else (0, 1)
    across = svg.Scale(from_s, max(to_s, from_s + 1), WIDE)
    watts = [value for course in courses for value in course.miners_w if value is not None]
    degrees = [value for course in courses for value in course.inlet_c if value is not None]
    plots = [_plot("kW", [_kw(course) for course in courses], courses, across, svg.nice(max(watts, default=0) / 1000))]
    if degrees:
        low = 5 * (int(min(degrees)) // 5)
        steps = tuple(float(low + 5 * n) for n in range(int(max(degrees) - low) // 5 + 2))
        plots.append(_plot("°C", [course.inlet_c for course in courses], courses, across, steps))
    high = TOP + LEGEND * len(courses) + len(plots) * (HIGH + BETWEEN)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 20} {high}" role="img" '
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    heading = f'<title>{escape(title)}</title>{paper}<text x="{LEFT}" y="20" font-size="16">{escape(title)}</text>'
    parts = [head + 'font-family="sans-serif" font-size="13">' + heading]
    parts += [_legend(at, course.name) for at, course in enumerate(courses)]
    for at, plot in enumerate(plots):
        top = TOP + LEGEND * len(courses) + at * (HIGH + BETWEEN)
        parts.append(f'<g transform="translate({LEFT} {top})">{plot}{_days(across, from_s, to_s, zone)}</g>')
    return "\n".join([*parts, "</svg>", ""])


def _kw(course: Course) -> tuple[float | None, ...]:
    return tuple(None if value is None else value / 1000 for value in course.miners_w)


def _stroke(at: int) -> str:
    colour, dashes = STROKES[at % len(STROKES)]
    return f'stroke="{colour}"' + (f' stroke-dasharray="{dashes}"' if dashes else "")


def _legend(at: int, name: str) -> str:
    y = TOP + LEGEND * at + 8
    line = f'<path d="M{LEFT} {y}h40" fill="none" stroke-width="2" {_stroke(at)}/>'
    return f'{line}<text x="{LEFT + 50}" y="{y + 4}">{escape(name)}</text>'


def _plot(
    unit: str, columns: Sequence[Sequence[float | None]], courses: Sequence[Course], across: svg.Scale,
    steps: tuple[float, ...],
) -> str:  # fmt: skip
    up = svg.Scale(steps[0], steps[-1], HIGH, flip=True)
    grid = "".join(
        f'<path d="M0 {up.at(value)}h{WIDE}" stroke="#dddddd"/>'
        f'<text x="-8" y="{up.at(value) + 4}" text-anchor="end">{value:g}</text>'
        for value in steps
    )
    lines = []
    for at, (column, course) in enumerate(zip(columns, courses, strict=True)):
        xs = [across.at(at_s) for at_s in course.at_s]
        path = svg.line(xs, column, up, max(20, 4 * WIDE // max(1, len(xs))))
        lines.append(f'<path d="{path}" fill="none" stroke-width="1.5" {_stroke(at)}/>')
    return f'{grid}<text x="-8" y="-10" text-anchor="end">{unit}</text>{"".join(lines)}'


def _days(across: svg.Scale, from_s: int, to_s: int, zone: Zone) -> str:
    """Midnights, or the hours of less than two days, below a plot; never more than fit side by side."""
    whole = to_s - from_s >= 2 * DAY_S
    step_s = DAY_S * -(-(to_s - from_s) // (DAY_S * DAYS_LABELLED)) if whole else 3 * 3600
    shift_s = zone.offset_s
    first_s = -(-(from_s + shift_s) // step_s) * step_s - shift_s
    out = []
    for at_s in range(first_s, to_s + 1, step_s):
        x, said = across.at(at_s), zone.day(at_s) if whole else zone.minute(at_s)
        out.append(f'<path d="M{x} {HIGH}v5" stroke="#666666"/>')
        out.append(f'<text x="{x}" y="{HIGH + 20}" text-anchor="middle">{escape(said)}</text>')
    return "".join(out)
