"""A table of prices over the changes of the clocks, as different programs write them."""

import datetime as dt

import pytest
from devices.kinds import build

from mine_controller.core.money import prices
from mine_controller.core.money.prices import Slot
from mine_controller.devices import prices_csv
from mine_controller.devices.kind import Ask, BadReply
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


def test_the_owners_correction_counts_at_once_under_another_name_and_what_refuses_it_says_so(tmp_path):
    """PRC2: prices that are known do not change by themselves; with a year's table a typing error held for 30 days."""
    noon_s = int(dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC).timestamp())
    for name, price in (("wrong", 82.5), ("right", 28.5)):
        rows = [f"{noon_s + n * 1800},{price}" for n in range(1500)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["start,price", *rows]))

    def read(path, memory):
        options = build("prices_csv", URL, path=f"/{path}.csv")
        found = prices_csv.parse(
            prices_csv.fetch(local.live(9e9, tmp_path), options, Ask(memory=memory, wall_s=noon_s)), options
        )
        return {"slots" if one.quantity == "slots" else one.channel: one.value for one in found}

    memory = read("wrong", {})
    (tmp_path / "corrected.csv").write_bytes((tmp_path / "right.csv").read_bytes())
    (tmp_path / "wrong.csv").write_bytes((tmp_path / "right.csv").read_bytes())
    with pytest.raises(BadReply, match=r"count to their end; your correction\? Name a new `path`") as error:
        read("wrong", memory)
    assert len(str(error.value)) <= 120
    assert prices.price_at(prices.read(read("corrected", memory)["slots"]), noon_s) == 28.5


@pytest.mark.parametrize("first", ["", "sep=;\r\n", '"sep=;"\r\n', "\ufeffsep=;\r\n", "\ufeff"])
def test_a_table_as_a_spreadsheet_saves_it_is_read(tmp_path, first):
    """Rows that were emptied are saved as delimiters alone, above some a line tells the delimiter: each refused all."""
    rows = ["start;note;price", "2026-07-15T12:00Z;;28,5", "2026-07-15T13:00Z;peak;31,2", ";;", " ; ;", ""]
    (tmp_path / "p.csv").write_bytes((first + "\r\n".join(rows)).encode())
    noon_s = int(dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC).timestamp())
    options = build("prices_csv", URL, path="/p.csv", separator="semicolon", decimal_comma=True)
    found = prices_csv.parse(prices_csv.fetch(local.live(9e9, tmp_path), options, Ask(wall_s=noon_s)), options)
    (text,) = [each.value for each in found if each.quantity == "slots"]
    assert prices.read(text) == (Slot(noon_s, noon_s + 3600, 28.5), Slot(noon_s + 3600, noon_s + 7200, 31.2))


@pytest.mark.parametrize(
    ("row", "line"), [(";;31,2", 3), ("2026-07-15T13:00Z;;", 3), ("2026-07-15T13:", 3), ("Sum;;9", 3)]
)
@pytest.mark.parametrize("first", ["", "sep=;\r\n"])
def test_a_row_that_lacks_its_time_or_price_still_refuses_the_table_with_its_line(tmp_path, row, line, first):
    (tmp_path / "p.csv").write_text(f"{first}start;note;price\r\n2026-07-15T12:00Z;;28,5\r\n{row}\r\n")
    options = build("prices_csv", URL, path="/p.csv", separator="semicolon", decimal_comma=True)
    with pytest.raises(BadReply, match=f"line {line + bool(first)}: .* is no time and price"):
        prices_csv.parse(prices_csv.fetch(local.live(9e9, tmp_path), options, Ask(wall_s=1_784_116_800)), options)


@pytest.mark.parametrize("step_s", [60, 300, 900, 1800])
def test_of_a_table_of_a_month_in_quarters_today_is_known(tmp_path, step_s):
    """More slots than are kept: the farthest go, not those of now. A mine on such a table stood still for three weeks
    of four."""
    noon_s = int(dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC).timestamp())
    begin_s = noon_s - 3 * 86_400
    rows = [f"{at_s},{10 + at_s // step_s % 7}" for at_s in range(begin_s, noon_s + 31 * 86_400, step_s)]
    (tmp_path / "p.csv").write_text("\n".join(["start,price", *rows]))
    options = build("prices_csv", URL, path="/p.csv")
    found = prices_csv.parse(prices_csv.fetch(local.live(9e9, tmp_path), options, Ask(wall_s=noon_s)), options)
    slots = prices.read(next(one.value for one in found if one.quantity == "slots"))
    assert prices.price_at(slots, noon_s) == 10 + noon_s // step_s % 7
    assert prices.price_at(slots, noon_s - 3600) is not None, "a bill looks back"
    assert prices.coverage_end(slots, noon_s) >= noon_s + 60_000
