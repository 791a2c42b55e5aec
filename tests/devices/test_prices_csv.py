"""A table of prices over the changes of the clocks, as different programs write them."""

import datetime as dt

import pytest
from devices.kinds import build

from mine_controller.core import prices
from mine_controller.core.prices import Slot
from mine_controller.devices import prices_csv
from mine_controller.devices.kind import Ask
from mine_controller.wire import local

URL = "http://127.0.0.1:1"


@pytest.mark.parametrize(("zone", "rows", "hours"), [
    ("Europe/Berlin", ("2026-03-29 00:00,2026-03-29 01:00,1", "2026-03-29 01:00,2026-03-29 02:00,2",
                       "2026-03-29 03:00,2026-03-29 04:00,3"), (-1, 0, 1, 2)),
    ("Europe/Berlin", ("2026-03-29 00:00,2026-03-29 01:00,1", "2026-03-29 01:00,2026-03-29 03:00,2",
                       "2026-03-29 03:00,2026-03-29 04:00,3"), (-1, 0, 1, 2)),
    ("Europe/Berlin", ("2026-10-25 01:00,2026-10-25 02:00,1", "2026-10-25 02:00,2026-10-25 03:00,2",
                       "2026-10-25 02:00,2026-10-25 03:00,3"), (-1, 0, 1, 2)),
    ("Europe/Berlin", ("2026-10-25 01:00,2026-10-25 02:00,1", "2026-10-25 02:00,2026-10-25 02:00,2",
                       "2026-10-25 02:00,2026-10-25 03:00,3"), (-1, 0, 1, 2)),
    ("Australia/Lord_Howe", ("2026-10-04 01:00,2026-10-04 01:30,1", "2026-10-04 01:30,2026-10-04 02:00,2",
                             "2026-10-04 02:30,2026-10-04 03:00,3"), (-9.5, -9, -8.5, -8)),
])  # fmt: skip
def test_an_end_is_understood_on_every_change_of_the_clocks_however_its_table_writes_it(tmp_path, zone, rows, hours):
    """The last slot before a change ends at a time no clock shows, or by the clock of before: one refused the table."""
    (tmp_path / "p.csv").write_text("\n".join(["start,end,price", *rows]))
    day_s = int(dt.datetime.fromisoformat(f"{rows[0][:10]}T00:00Z").timestamp())
    options = build("prices_csv", URL, path="/p.csv", end_column="end", timezone=zone)
    wire = local.live(9e9, tmp_path)
    found = prices_csv.parse(prices_csv.fetch(wire, options, Ask(wall_s=day_s)), options)
    (text,) = [each.value for each in found if each.quantity == "slots"]
    edges = [day_s + round(3600 * hour) for hour in hours]
    assert prices.read(text) == tuple(map(Slot, edges, edges[1:], (1, 2, 3)))
