"""The ticks of all years as OpenMetrics with their times, under the names that www/metrics has, for Prometheus to take.

`promtool tsdb create-blocks-from openmetrics FILE FOLDER` makes blocks of it; the panels of the dashboard then reach as
far back as the database does. A family stands together, as the format wants it, so the table is read once for each.
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
        for rows in pieces(paths, "states", since, until):
            lines = [
                _line(family, mine, shown, row[at], epoch(row[0]))
                for row in rows
                for at, shown in places
                if row[at] is not None
            ]
            yield "".join(lines), len(rows)
    yield "# EOF\n", 0


def _line(family: Family, mine: str, shown: str, value: float | str, at_s: int) -> str:
    if family.name == "mode":
        return f'minectl_mode{{mine="{mine}",mode="{value}"}} 1 {at_s}\n'
    more = f',{family.label}="{shown}"' if family.label else ""
    return f'minectl_{family.name}{{mine="{mine}"{more}}} {value} {at_s}\n'
