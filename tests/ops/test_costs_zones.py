"""Costs by local day where midnight lies inside an hour of UTC, and inside a slot of the exchange."""

from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from cli.agile import Home

from mine_controller.config.load import load
from mine_controller.core.money.prices import Slot
from mine_controller.ops.costs import report
from mine_controller.ops.recall import kept_book
from mine_controller.ports.clock import Clocks, Sources
from mine_controller.ports.journal import Journal
from mine_controller.ports.log import Log
from mine_controller.ports.show import of_tick
from mine_controller.tick import Ports, tick

EVERY_S = 120
ZONES = {  # a moment at whose local midnight the hour of UTC is half, three quarters or not over; the last two change
    "Asia/Kolkata": "2026-07-15",  # their clocks on that day, Lord Howe by half an hour
    "Asia/Kathmandu": "2027-01-01",
    "America/St_Johns": "2028-02-29",
    "Australia/Adelaide": "2026-10-04",
    "Australia/Lord_Howe": "2026-10-04",
}


def idle(book):
    del book


class Abroad(Home):
    """Ticks from an hour and a half before a midnight until as long after it, by prices of hours of UTC."""

    def __init__(self, folder, zone: str, day: str) -> None:
        super().__init__(folder)
        self.path.write_text(self.path.read_text().replace("Europe/London", zone))
        self.config, self.zone = load(self.path), zone
        self.midnight_s = int(datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=ZoneInfo(zone)).timestamp())
        self.day, self.seen = day, []
        self.began = self.midnight_s - 5430 - self.plant.now
        first_s = (self.midnight_s - 10_000) // 3600 * 3600
        slots = (Slot(at, at + 3600, 5.0 + (at // 3600) % 3) for at in range(first_s, first_s + 9 * 3600, 3600))
        self.plant.slots = tuple(slots)

    def live(self, until_s: int) -> None:
        sources = Sources(lambda: self.plant.now, lambda: self.wall, lambda: "boot-a", lambda: True)
        while self.wall < until_s:
            clocks = Clocks(self.zone, EVERY_S, sources)
            journal = Journal(self.config, clocks, Log(self.config.paths.log))
            began = self.plant.now
            tick(Ports(nullcontext, clocks, self._ask, self._act, journal, self._wait, idle, idle, idle),
                 self.config.policy)  # fmt: skip
            self.seen.append((kept_book(self.config.paths).image.clock.wall_s, dict(self.plant.asked)))
            self.plant.now = max(began + EVERY_S, self.plant.now)
            self.plant._grow()

    def paid(self) -> dict[str, tuple[Decimal, int]]:
        """Pence and watt seconds by local day: every second by itself."""
        out: dict[str, tuple[Decimal, int]] = {}
        for (at_s, watts), (after_s, _) in zip(self.seen, self.seen[1:], strict=False):
            for second in range(at_s, after_s):
                day = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(self.zone)).date().isoformat()
                price = next(one.price for one in self.plant.slots if one.start_s <= second < one.end_s)
                cost, energy = out.get(day, (Decimal(0), 0))
                drawn = sum(watts.values())
                out[day] = cost + Decimal(str(price)) * drawn / Decimal(3_600_000), energy + drawn
        return out


def costs(home: Abroad, days: int) -> dict[str, tuple[float, float]]:
    return {row["key"]: (row["cost"], row["kwh"]) for row in report(home.config, days, "day", home.wall).rows}


@pytest.mark.parametrize("zone", ZONES)
def test_what_was_drawn_before_a_midnight_is_of_the_day_before_wherever_the_hour_of_utc_ends(zone, tmp_path):
    home = Abroad(tmp_path, zone, ZONES[zone])
    home.live(home.midnight_s + 600)
    _same(home)  # the hour is not rolled up yet
    book = kept_book(home.config.paths)
    told = of_tick(home.config, book, home.wall).economy.total
    assert (told.energy_ws, told.seconds) == (home.paid()[home.day][1], home.seen[-1][0] - home.midnight_s)
    home.live(home.midnight_s + 5400)
    _same(home)


def _same(home: Abroad) -> None:
    expected, told = home.paid(), costs(home, 2)
    assert set(told) == set(expected)
    assert home.day in told
    for day, (cost, energy_ws) in expected.items():
        assert told[day] == pytest.approx((float(cost), energy_ws / 3_600_000), abs=0.0006), day
    assert costs(home, 1) == {home.day: told[home.day]}
