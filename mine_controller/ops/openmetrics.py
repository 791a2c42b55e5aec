"""The ticks of all years as OpenMetrics with their times, under the names that www/metrics has, for Prometheus to take.

`promtool tsdb create-blocks-from` makes blocks of it, as docs/monitoring.md says; the panels of the dashboard then
reach as far back as the database does. A family stands together, as the format wants it, so the table is read once
for each.
Format: https://prometheus.io/docs/specs/om/open_metrics_spec/ (a unit's name at the end, seconds, "# EOF").
"""

from collections.abc import Iterator

from mine_controller.ops.event_report import epoch
from mine_controller.ops.export import SORTS, pieces
from mine_controller.record import NamedTuple
from mine_controller.store.db import Paths


class Family(NamedTuple):
    """One metric: `columns` of mine_states, each with the value of `label` ("" where there is none)."""

    name: str
    columns: tuple[tuple[str, str], ...]
    label: str = ""


FAMILIES = (
    Family("site_power_watts", (("power_w", ""),)),
    Family("power_cap_watts", (("cap_w", ""),)),
    Family("fans_power_watts", (("fan_w", ""),)),
    Family("temperature_celsius", (("inlet_c", "inlet"), ("outlet_c", "outlet")), "role"),
    Family("humidity_percent", (("humidity_pct", "humidity"),), "role"),
    Family("grid_frequency_hertz", (("grid_hz", "grid"),), "role"),
    Family("miners_configured", (("miners_total", ""),)),
    Family("miners_online", (("miners_online", ""),)),
    Family("miners_hashing", (("miners_hashing", ""),)),
    Family("mode", (("mode", ""),)),
)


def text(paths: Paths, site: str, since: int, until: int) -> Iterator[tuple[str, int]]:
    """(lines, rows read for them). `site` becomes the label `mine`. Raises StoreTrouble, ValueError."""
    mine = site.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    columns = SORTS["states"].columns
    for family in FAMILIES:
        places = [(columns.index(column), shown) for column, shown in family.columns]
        yield f"# TYPE minectl_{family.name} gauge\n", 0
        if family.name == "mode":
            yield from _modes(paths, mine, since, until)
            continue
        for rows in pieces(paths, "states", since, until):
            lines = [
                _line(family, mine, shown, row[at], epoch(row[0]))
                for row in rows
                for at, shown in places
                if row[at] is not None
            ]
            yield "".join(lines), len(rows)
    yield "# EOF\n", 0


def _modes(paths: Paths, mine: str, since: int, until: int) -> Iterator[tuple[str, int]]:
    """1 for the mode of each tick, and 0 once for the one that is over.

    A series that only stops goes on for five minutes in Prometheus, which would be two modes at once.
    """
    at, before = SORTS["states"].columns.index("mode"), None
    for rows in pieces(paths, "states", since, until):
        lines = []
        for row in rows:
            mode, at_s = row[at], epoch(row[0])
            if before not in (None, mode):
                lines.append(f'minectl_mode{{mine="{mine}",mode="{before}"}} 0 {at_s}\n')
            if mode is not None:
                lines.append(f'minectl_mode{{mine="{mine}",mode="{mode}"}} 1 {at_s}\n')
            before = mode
        yield "".join(lines), len(rows)


def _line(family: Family, mine: str, shown: str, value: float, at_s: int) -> str:
    more = f',{family.label}="{shown}"' if family.label else ""
    return f'minectl_{family.name}{{mine="{mine}"{more}}} {value} {at_s}\n'
