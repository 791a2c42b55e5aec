"""The service over a year's file: `python bench/serve.py [MINERS] [DAYS]`. Wall time of a GET, in this process.

The floor is GET /docs/style.css through the same guard, so that a noisy machine shows as such.
"""

import asyncio
import sys
import tempfile
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import httpx
from cli import place as site  # type: ignore[import-not-found]  # the tests have it
from figures import say
from keep import DAY_S, HOUR_S, ms, put, read_hour

from mine_controller.api.app import create
from mine_controller.api.guard import Terms
from mine_controller.ops.recall import last_seen
from mine_controller.ports.show import show
from mine_controller.store.db import connect, transaction

GOAL_MS = 20.0
CALLS = 25
PATHS = ("/api/state", "/api/miners", "/api/stats", "/api/audit", "/metrics")


def year(folder: Path, miners: int, days: int) -> Path:
    """A site whose last tick ended now, with that many days before it, and its page."""
    site.MINERS = miners
    found = site.Place(folder)
    found.ticks(62)
    with closing(connect(found.config.paths.db)) as db:
        hour = read_hour(db)
        last = db.execute("SELECT max(tick_at) FROM mine_states").fetchone()[0] // HOUR_S * HOUR_S
        for day in range(1, days):
            with transaction(db):
                for number in range(24):
                    put(db, hour, last - 3 * HOUR_S - day * DAY_S + number * HOUR_S)
    seen = last_seen(found.config.paths, found.config.policy)
    if seen is not None:
        show(found.config, seen.book)
    return Path(found.path)


def main() -> None:
    """Print each figure."""
    miners = int(sys.argv[1]) if len(sys.argv) > 1 else 160
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 365
    with tempfile.TemporaryDirectory(prefix="minectl-year-") as name:
        clock = iter(range(0, 1_000_000, 60))
        guard = create(year(Path(name), miners, days), Terms(), now=lambda: float(next(clock)))
        size = (Path(name) / "mine_data.db").stat().st_size
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=guard), base_url="http://127.0.0.1:5000")
        with asyncio.Runner() as runner:

            def get(path: str) -> None:
                runner.run(client.get(path)).raise_for_status()

            floor = ms(lambda: get("/docs/style.css"), CALLS)
            status = ms(lambda: get("/api/status"), CALLS)
            note = f"{size / 1e6:.0f} MB, floor {floor:.1f} ms"
            say(f"GET /api/status on {days} days' file", status, "ms", goal=GOAL_MS, note=note)
            for path in PATHS:
                print(f"GET {path:16} {ms(lambda path=path: get(path)):8.1f} ms")  # type: ignore[misc]


if __name__ == "__main__":
    main()
