"""A costs report as one SVG file that stands by itself: a bar a row, and always-on as its outline."""

from html import escape
from typing import Any

from mine_controller.ops.costs import Report

LEFT, WIDE, ROW, HEAD = 160, 560, 26, 46
MONEY = 100  # pence of a pound, cents of a euro


def svg(report: Report, currency: str) -> str:
    """The report as SVG text; a screen reader gets its title and every row's sentence."""
    rows = report.rows
    high = HEAD + ROW * max(1, len(rows)) + 24
    most = max([abs(value) for one in rows for value in (_paid(one), one["always_on_cost"])], default=0) or 1
    days = "today" if report.days == 1 else f"{report.days} days"
    title = f"Costs by {report.by}, {days}: {_money(_paid(report.total), currency)}"
    title += f", {_money(report.total['always_on_cost'], currency)} always on"
    box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 140} {high}"'
    lines = [
        f'<svg {box} role="img" aria-labelledby="t" font-family="sans-serif" font-size="13">',
        f'<title id="t">{escape(title)}</title>',
        f'<rect width="{LEFT + WIDE + 140}" height="{high}" fill="#fff"/>',
        f'<text x="12" y="26" font-size="16" font-weight="bold" fill="#111">{escape(title)}</text>',
        *(part for at, one in enumerate(rows) for part in _bar(one, HEAD + at * ROW, most, currency)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _paid(row: dict[str, Any]) -> float:
    return float(row["cost"] + row["guessed_cost"])


def _bar(row: dict[str, Any], y: int, most: float, currency: str) -> list[str]:
    paid, always = _paid(row), float(row["always_on_cost"])
    energy = row["kwh"] + row["guessed_kwh"]  # what the money beside it paid
    told = f"{row['key']}: {energy:.3f} kWh, {_money(paid, currency)}"
    fill = "#0b6e4f" if paid >= 0 else "#1f5fa8"  # blue: somebody paid for the power to be taken
    return [
        f"<g><title>{escape(told)}</title>",
        f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end" fill="#111">{escape(str(row["key"]))}</text>',
        f'<rect x="{LEFT}" y="{y + 3}" width="{_wide(always, most)}" height="18" fill="none" stroke="#888"/>',
        f'<rect x="{LEFT}" y="{y + 3}" width="{_wide(paid, most)}" height="18" fill="{fill}"/>',
        f'<text x="{LEFT + WIDE + 8}" y="{y + 16}" fill="#111">{escape(_money(paid, currency))}</text></g>',
    ]


def _wide(value: float, most: float) -> int:
    return round(WIDE * min(1.0, abs(value) / most))


def _money(minor: float, currency: str) -> str:
    return f"{minor / MONEY:z.2f} {currency}"
