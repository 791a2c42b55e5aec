"""A simulated year of the home that mines by price: `python bench/year.py [--days N] [--parts N] [--dir FOLDER]`.

Eleven boards tick every two minutes through their drivers, the rules and the store, on virtual time. The year is cut
into parts that each begin with an empty store at a local midnight; the seed draws afternoons without a publication,
hours without the internet, and price servers that are silent for up to two days. Both clock changes are in it. Boards
stay well: one that hears nothing and stands on no plug goes on at any price. Beside the store runs a ledger that knows
only what each tick saw of the boards and the tariff itself, and adds up in fractions; the world keeps the true account.

Each part is kept every few days (`kept`, `log` in its folder): a run that was ended goes on where it was when the same
words are typed again, and parts that are through are only read. Figures of what is through are said at the end; the
exit code is 1 when one of them misses its goal, 3 while days are missing.
"""

import argparse
import datetime as dt
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from figures import say

from mine_controller.config.load import load
from mine_controller.core.model.book import Book
from mine_controller.core.money.prices import price_at, slot_at, slots_of
from mine_controller.ops import costs
from mine_controller.play import demo
from mine_controller.play.twin import Audited, Virtual
from mine_controller.ports.live import ports_of
from mine_controller.store.money import columns
from mine_controller.tick import tick
from mine_controller.twin import agile, story
from mine_controller.twin.noise import key_of, uniform
from mine_controller.twin.story import Step
from mine_controller.twin.tariff import DAY_S, SLOT_S, VAT, ZONE

FIRST = dt.date(2026, 1, 1)
WS_A_KWH = 3_600_000
SINGLE = 1e-6  # kWh: what adding up floats may leave of nothing


class Ledger:
    """What boards drew by what each tick saw, and what that cost by the tariff; and none of `core/money/ledger.py`."""

    def __init__(self) -> None:
        self.paid: dict[str, Fraction] = {}  # pence by local day
        self.used_ws = 0
        self.unpriced_ws = 0
        self.last: tuple[int, tuple[int, ...], frozenset[int]] | None = None  # wall second, watts, slots it knew

    def add(self, book: Book, site: agile.Site, policy: Any) -> None:
        """One more tick: the stretch since the last one, at the watts that one saw."""
        image = book.image
        assert image is not None
        at_s = image.clock.wall_s
        guesses = columns(image, policy, book.state).get("guess_w") or (None,) * len(image.miners.power_w)
        watts = tuple(
            (guess or 0) if seen is None else seen for seen, guess in zip(image.miners.power_w, guesses, strict=True)
        )
        slot = slot_at(slots_of(image, policy.wiring), at_s)
        knew = frozenset(() if slot is None else (slot.start_s,))
        if self.last is not None:
            self._stretch(self.last[0], at_s, sum(self.last[1]), self.last[2] | knew, site)
        self.last = (at_s, watts, knew)

    def _stretch(self, begin_s: int, end_s: int, watts: int, known: frozenset[int], site: agile.Site) -> None:
        tariff = site.house.tariff
        while begin_s < end_s:
            slot_s = begin_s // SLOT_S * SLOT_S
            part_s = min(end_s, slot_s + SLOT_S) - begin_s
            self.used_ws += watts * part_s
            if slot_s in known:
                price = Fraction(str(round(tariff.price(slot_s) * VAT, 4)))
                day = dt.datetime.fromtimestamp(begin_s, tariff.zone).date().isoformat()
                self.paid[day] = self.paid.get(day, Fraction(0)) + price * watts * part_s / WS_A_KWH
            else:
                self.unpriced_ws += watts * part_s
            begin_s += part_s


class Dear:
    """Energy above standby in slots at or above off, by whether the price was known one tick before the slot began."""

    def __init__(self) -> None:
        self.known: dict[int, bool] = {}
        self.kwh = {True: 0.0, False: 0.0}
        self.slots = {True: 0, False: 0}
        self.before = 0.0
        self.slot_s = 0

    def look(self, book: Book, site: agile.Site, policy: Any, tick_s: int) -> None:
        """At the end of a tick: what is known of the next slot; when one is over, what was used in it."""
        image = book.image
        assert image is not None
        slots = slots_of(image, policy.wiring)
        now_s = site.house.start_wall_s + int(site.plant.now_s)
        after_s = now_s // SLOT_S * SLOT_S + SLOT_S
        if after_s - image.clock.wall_s >= tick_s:
            self.known[after_s] = price_at(slots, after_s) is not None
        used, slot_s = site.house.account.above_kwh, now_s // SLOT_S * SLOT_S
        if slot_s != self.slot_s:
            was_known = self.known.pop(self.slot_s, False)
            if self.slot_s and site.house.tariff.price(self.slot_s) * VAT >= agile.OFF_P:
                self.kwh[was_known] += used - self.before
                self.slots[was_known] += 1
            self.before, self.slot_s = used, slot_s


class Kept(NamedTuple):
    """A part at the end of a day."""

    days: int
    site: agile.Site
    ledger: Ledger
    dear: Dear
    ticks: int
    in_band_s: dict[str, int]
    steps: tuple[Step, ...] = ()  # of troubles that have begun or end later


class Part(NamedTuple):
    """Days `first`..`first + days` of the year."""

    folder: Path
    number: int
    first: dt.date
    days: int
    seed: int
    tick_s: int


def midnight_s(day: dt.date) -> int:
    """Where a local day begins."""
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE)).timestamp())


def troubles(part: Part, day: dt.date, start_wall_s: int) -> list[Step]:
    """What goes wrong on a day, out of the seed: (what, how often, longest hours, what ends it)."""
    begin_s = midnight_s(day) - start_wall_s
    rows = (
        ("internet", "down", "up", 1 / 20, 20),
        ("device", f"{agile.PRICES} silent", f"{agile.PRICES} ok", 1 / 20, 44),
    )
    found = []
    for what, begins, ends, chance, most_h in rows:
        draw = [uniform(key_of(part.seed, f"year {what} {begins} {n}"), day.toordinal()) for n in range(3)]
        if draw[0] < chance:
            at_s = begin_s + draw[1] * DAY_S
            found += [Step(at_s, what, begins), Step(at_s + 600 + draw[2] * most_h * 3600, what, ends)]
    return found


def begin(part: Part) -> Kept:
    """An empty store and a house at the midnight of the part's first day."""
    told = story.parse(f"title A year of the home\ndate {part.first}\nweather harvest\n")
    site = agile.build(part.seed, midnight_s(part.first), story=told)
    path = demo.write_config(part.folder, site).paths.config
    path.write_text(path.read_text("utf-8").replace("tick_s = 120", f"tick_s = {part.tick_s}"), "utf-8")
    return Kept(0, site, Ledger(), Dear(), 0, {})


def kept_of(part: Part) -> Kept:
    """Where it was ended; what the store knows beyond that day is set aside with it."""
    at = part.folder / "kept"
    if not at.exists():
        return begin(part)
    found = pickle.loads(at.read_bytes())  # noqa: S301 - written by this bench, in a folder of its own
    for name in ("mine_data.db", "mine_data.db-wal", "mine_data.db-shm", "inbox.db", "inbox.db-wal", "inbox.db-shm"):
        (part.folder / name).unlink(missing_ok=True)
        if (copy := part.folder / "kept.files" / name).exists():
            (part.folder / name).write_bytes(copy.read_bytes())
    return Kept(*found)


def keep(part: Part, kept: Kept) -> None:
    """The world, the ledger and the store of one moment; the old ones count until all of the new ones are there."""
    folder = part.folder / "kept.files"
    fresh = part.folder / "kept.fresh"
    fresh.mkdir(exist_ok=True)
    for old in fresh.iterdir():
        old.unlink()
    for name in ("mine_data.db", "mine_data.db-wal", "inbox.db", "inbox.db-wal"):
        if (there := part.folder / name).exists():
            (fresh / name).write_bytes(there.read_bytes())
    (part.folder / "kept.new").write_bytes(pickle.dumps(tuple(kept)))
    for old in folder.iterdir() if folder.exists() else ():
        old.unlink()
    folder.mkdir(exist_ok=True)
    for there in fresh.iterdir():
        there.replace(folder / there.name)
    (part.folder / "kept.new").replace(part.folder / "kept")


def live(part: Part) -> None:
    """Day after day to the end of the part, or from where it was ended."""
    part.folder.mkdir(parents=True, exist_ok=True)
    kept = kept_of(part)
    while kept.days < part.days:
        began, day = time.process_time(), part.first + dt.timedelta(days=kept.days)
        kept = a_day(part, kept, day)
        if kept.days % 5 == 0 or kept.days == part.days:
            keep(part, kept)
        account = kept.site.house.account
        line = (
            f"{day} {kept.ticks} ticks {account.kwh:.1f} kWh {account.cost_p:.1f} p above {account.above_kwh:.4f} kWh"
        )
        with (part.folder / "log").open("a", encoding="utf-8") as log:
            log.write(f"{line}, {time.process_time() - began:.1f} s CPU, load {os.getloadavg()[0]:.1f}\n")
    (part.folder / "found.json").write_text(json.dumps(found(part.folder, kept)), "utf-8")


def a_day(part: Part, kept: Kept, day: dt.date) -> Kept:
    """The ticks of one local day."""
    site, config = kept.site, load(part.folder / "config.txt")
    virtual = Virtual(config, site)
    journal = Audited(virtual, guard=False)
    ports = ports_of(virtual, journal)
    steps = sorted((*kept.steps, *troubles(part, day, site.house.start_wall_s)), key=lambda step: step.at_s)
    end_s = midnight_s(day + dt.timedelta(days=1)) - site.house.start_wall_s
    ticks, in_band_s = kept.ticks, dict(kept.in_band_s)
    while virtual.now_s < end_s:
        began_s = virtual.now_s
        while steps and steps[0].at_s <= began_s:
            site.play(steps.pop(0))
        book = tick(ports, config.policy)
        journal.ticks.clear()
        kept.ledger.add(book, site, config.policy)
        virtual.until_next(began_s)
        kept.dear.look(book, site, config.policy, part.tick_s)
        band = str(book.state.memory["band"]["band"])
        in_band_s[band] = in_band_s.get(band, 0) + round(virtual.now_s - began_s)
        ticks += 1
    return Kept(kept.days + 1, site, kept.ledger, kept.dear, ticks, in_band_s, tuple(steps))


def found(folder: Path, kept: Kept) -> dict[str, Any]:
    """The part in figures; the report is the one `minectl report costs` gives."""
    config, account = load(folder / "config.txt"), kept.site.house.account
    assert kept.ledger.last is not None
    days = costs.report(config, kept.days, "day", kept.ledger.last[0] - 1)
    by_day = {row["key"]: row["cost"] + row["guessed_cost"] for row in days.rows}
    off_p = [abs(float(kept.ledger.paid.get(day, 0)) - paid) for day, paid in by_day.items()]
    return {
        "days": kept.days,
        "ticks": kept.ticks,
        "report_p": days.total["cost"] + days.total["guessed_cost"],
        "ledger_p": float(sum(kept.ledger.paid.values(), Fraction(0))),
        "worst_day_p": max(off_p, default=0.0),
        "days_told": len(by_day),
        "unpriced_kwh": [days.total["unpriced_kwh"], kept.ledger.unpriced_ws / WS_A_KWH],
        "report_kwh": days.total["kwh"] + days.total["guessed_kwh"],
        "account": account._asdict(),
        "above_known_kwh": kept.dear.kwh[True],
        "above_unknown_kwh": kept.dear.kwh[False],
        "dear_slots": [kept.dear.slots[True], kept.dear.slots[False]],
        "in_band_s": kept.in_band_s,
    }


def so_far(part: Part) -> dict[str, Any] | None:
    """The figures of a part, up to the day it was kept at where it is not through; None: nothing was kept yet."""
    if (part.folder / "found.json").exists():
        row: dict[str, Any] = json.loads((part.folder / "found.json").read_text("utf-8"))
        return row
    at = part.folder / "kept"
    if not at.exists():
        return None
    with tempfile.TemporaryDirectory(prefix="minectl-year-") as name:  # the store as it was then; it may be in use
        folder = Path(name)
        for there in (*(part.folder / "kept.files").iterdir(), part.folder / "config.txt", part.folder / "fleet.csv"):
            shutil.copy(there, folder / there.name)  # with its mode: config.txt is 0600
        return found(folder, Kept(*pickle.loads(at.read_bytes())))  # noqa: S301 - written by this bench


def say_all(rows: list[dict[str, Any]]) -> bool:
    """The figures of all parts that are through; True when all goals are met."""

    def whole(name: str) -> float:
        return float(sum(row["account"][name] for row in rows))

    days, ticks = sum(row["days"] for row in rows), sum(row["ticks"] for row in rows)
    note = f"{days} days, {ticks} ticks"
    dear = [sum(row["dear_slots"][at] for row in rows) for at in (0, 1)]
    report, ledger = (sum(row[name] for row in rows) for name in ("report_p", "ledger_p"))
    in_band = {name: sum(row["in_band_s"].get(name, 0) for row in rows) for name in sorted(rows[0]["in_band_s"])}
    figures = (
        say("energy in slots at or above off", 100 * whole("above_kwh") / whole("kwh"), "%", goal=1.0, note=note),
        say("the same where the price was known one tick before", sum(row["above_known_kwh"] for row in rows) * 1000,
            "Wh", goal=SINGLE, note=f"{dear[0]} such slots, {dear[1]} of which it was not known"),
        say("the report beside the ledger, in all", abs(report - ledger), "p", goal=0.5, note=f"{report:.4f} p"),
        say("the same, the worst day", max(row["worst_day_p"] for row in rows), "p", goal=0.01),
        say("the report beside the true account", 100 * abs(report / whole("cost_p") - 1), "%",
            note=f"true: {whole('cost_p'):.1f} p for {whole('kwh'):.1f} kWh"),
        say("saved against always on", 100 * (1 - whole("cost_p") / whole("always_p")), "%", goal=20.0, least=True),
    )  # fmt: skip
    print("hours in band: " + ", ".join(f"{name} {spent / 3600:.0f}" for name, spent in in_band.items()))
    return all(one.holds is not False for one in figures)


def parts_of(words: argparse.Namespace) -> list[Part]:
    """The year in parts of about the same length."""
    edges = [words.days * n // words.parts for n in range(words.parts + 1)]
    return [
        Part(words.dir / f"part-{n + 1:02d}", n + 1, FIRST + dt.timedelta(days=edges[n]), edges[n + 1] - edges[n],
             words.seed, words.tick_s)
        for n in range(words.parts)
    ]  # fmt: skip


def run_all(parts: list[Part], jobs: int, until: float) -> None:
    """Each part in a process of its own, `jobs` at a time."""
    waiting = [part for part in parts if not (part.folder / "found.json").exists()]
    running: list[subprocess.Popen[bytes]] = []
    while (waiting or running) and time.monotonic() < until:
        running = [one for one in running if one.poll() is None]
        while waiting and len(running) < jobs:
            running.append(subprocess.Popen([sys.executable, *sys.argv, "--part", str(waiting.pop(0).number)]))
        time.sleep(0.5)
    for one in running:
        one.terminate()


def main() -> int:
    """Run what is missing, say what there is."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--days", type=int, default=365)
    asked.add_argument("--parts", type=int, default=5)
    asked.add_argument("--jobs", type=int, default=2)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--tick-s", type=int, default=120)
    asked.add_argument("--minutes", type=float, default=600.0, help="how long to run at most; go on by the same words")
    asked.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "minectl-year")
    asked.add_argument("--part", type=int, default=0, help=argparse.SUPPRESS)
    words = asked.parse_args()
    parts = parts_of(words)
    if words.part:
        live(parts[words.part - 1])
        return 0
    run_all(parts, words.jobs, time.monotonic() + words.minutes * 60)
    rows = [row for part in parts if (row := so_far(part)) is not None]
    held = bool(rows) and say_all(rows)
    missing = words.days - sum(row["days"] for row in rows)
    if missing:
        print(f"{missing} days are not through yet: the same words go on with them")
        return 3
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
