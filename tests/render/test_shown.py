"""The pages as a tick leaves them in www/: out of a real database, through `ports.show`."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from cli.agile import Home
from cli.place import Place
from jinja2 import TemplateError

from mine_controller.config.load import load
from mine_controller.ops.costs import since
from mine_controller.ops.recall import kept_book, last_seen
from mine_controller.ports import show as shown
from mine_controller.ports.clock import midnight_s
from mine_controller.ports.show import facts, further, show
from mine_controller.render import past
from mine_controller.store import query
from mine_controller.store.inbox import file_request

PAGES = {"index.html", "fleet.html", "events.html", "report.html", "debug.html"}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path).ticks(3)


def seen(place):
    return last_seen(place.config.paths, place.config.policy).book


def drawn(place, after_s=5):
    book = seen(place)
    now_s = book.image.clock.wall_s + after_s
    show(place.config, book, now_wall_s=now_s)
    return place.config.paths.www, now_s


def test_one_tick_leaves_every_page_and_one_for_each_miner(place):
    www, _ = drawn(place)
    assert {one.name for one in www.iterdir()} >= PAGES
    assert len(list((www / "miner").glob("*.html"))) == 8
    assert {"style.css", "script.js", "sw.js", "app.webmanifest", "icon-192.png"} <= {one.name for one in www.iterdir()}
    links = re.findall(r'href="(miner/[^"]+)"', (www / "fleet.html").read_text())
    assert links
    assert all((www / link).is_file() for link in links)


@pytest.mark.parametrize("reason", ["nobody knows", "[1, 2, 3]", "{}", '["a", "report", [1]]'])
def test_a_report_that_somebody_changed_by_hand_costs_no_page(place, reason):
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE events SET reason = ?, kind = 'curtail_report' WHERE id = 2", (reason,))
    www, _ = drawn(place)
    assert {one.name for one in www.iterdir()} >= PAGES


def test_sec6_no_page_of_a_public_site_names_who_asked_for_something(tmp_path):
    """Not in the reason of the mode, the log, a note of quarantine, the debug page: the mode is a person's by it."""
    place = Place(tmp_path)
    place.path.write_text(place.path.read_text().replace("live = yes", "live = yes\npublish = public"))
    place.config = load(place.path)
    place.ticks(2, of=4)
    for verb, args in (
        ("set-state", ("max_power_kw", "10")),
        ("quarantine", ("m003",)),
        ("set-state", ("away", "yes")),
    ):
        file_request(place.config.paths, "cli", "rosa maria", 1000, "pts/1", verb, args, "humming")
    www, _ = drawn(place.ticks(2))
    told = {
        one.name: one.read_text() for one in www.rglob("*") if one.suffix in (".html", ".json", "") and one.is_file()
    }
    assert "a person set max_power_kw to 10" in told["index.html"]
    assert "put there by a person: humming" in told["m003.html"]
    assert [name for name, text in told.items() if "rosa" in text.lower()] == []


def test_the_next_tick_makes_the_first_page_anew_and_leaves_the_slow_ones(place):
    www, now_s = drawn(place)
    slow = [www / name for name in PAGES - {"index.html"}] + list((www / "miner").iterdir())
    before = [one.stat().st_ino for one in slow]
    first = (www / "index.html").stat().st_ino
    drawn(place, after_s=125)
    assert [one.stat().st_ino for one in slow] == before
    assert (www / "index.html").stat().st_ino != first
    assert {int(one.stat().st_mtime) for one in slow} == {now_s}, "aged by the mine's clock"
    drawn(place, after_s=700)
    assert (www / "report.html").stat().st_mtime == now_s
    assert (www / "fleet.html").stat().st_mtime == now_s + 695


def test_what_a_changed_config_no_longer_shows_is_gone_from_every_page_at_the_next_tick(place):
    """What a public site hides stood there for ten minutes more, and on the report for an hour."""
    www, now_s = drawn(place)
    slow = [*(www / name for name in PAGES - {"index.html"}), *(www / "miner").iterdir()]
    assert "Mac or serial" in (www / "miner" / "m003.html").read_text()
    drawn(place, after_s=65)
    assert {int(one.stat().st_mtime) for one in slow} == {now_s}, "the same config: nothing is due"
    place.path.write_text(place.path.read_text().replace("live = yes", "live = yes\npublish = public"))
    place.config = load(place.path)
    _, then_s = drawn(place, after_s=125)
    assert {int(one.stat().st_mtime) for one in slow} == {then_s}
    assert [one.name for one in slow if "Mac or serial" in one.read_text()] == []
    drawn(place, after_s=185)
    assert {int(one.stat().st_mtime) for one in slow} == {then_s}, "and once is enough"


@pytest.mark.parametrize("fails", [False, True], ids=["drawn", "a template fails"])
def test_a_miner_that_left_fleet_csv_has_no_page_after_the_next_tick(place, fails):
    """Neither its own page, which would say for ten minutes that it runs, nor its row in the list of all."""
    www, _ = drawn(place)
    csv = place.path.parent / "fleet.csv"
    csv.write_text("".join(line for line in csv.read_text().splitlines(keepends=True) if not line.startswith("m003")))
    place.config = load(place.path)
    if fails:
        place.config.paths.templates.mkdir()
        (place.config.paths.templates / "fleet.html").write_text("{{ nobody_knows_this }}")
        with pytest.raises(TemplateError):
            drawn(place, after_s=125)
    else:
        drawn(place, after_s=125)
        assert "m003" not in (www / "fleet.html").read_text()
    assert {one.name for one in (www / "miner").glob("*.html")} == {f"m00{at}.html" for at in (0, 1, 2, 4, 5, 6, 7)}


def test_the_report_sums_what_the_database_holds(place):
    www, now_s = drawn(place)
    rows = query.rolled(place.config.paths, now_s - 86_400, now_s + 1, 3600)
    ticks = query.ticks(place.config.paths)
    assert sum(row[1] for row in rows) == len(ticks) == 3
    at, count, known, mean_w, most_w, *_ = rows[-1]
    assert at % 3600 == 0
    assert 0 < known <= count
    assert mean_w <= most_w
    assert "Day by day" in (www / "report.html").read_text()


def test_the_energy_of_a_day_does_not_depend_on_how_far_apart_its_ticks_were(place):
    """Ticks each two minutes until noon, then each ten seconds, and between them some that persons started."""
    noon_s = int(datetime.fromisoformat("2026-07-14T12:00Z").timestamp())
    config = place.config._replace(site=place.config.site._replace(timezone="UTC", tick_s=10))
    ats = {*range(noon_s - 43_200, noon_s, 120), *range(noon_s, noon_s + 43_200, 10), noon_s - 999, noon_s - 7_003}
    ats -= set(range(noon_s - 3600, noon_s - 1800))  # an outage: nothing is known of half an hour
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        for at in sorted(ats):
            moment = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
            off = int(noon_s - 36_000 <= at < noon_s - 32_400)
            row = (moment, at, off)
            db.execute(
                "INSERT INTO mine_states (timestamp, tick_at, rounds, power_w, curtailed) VALUES (?, ?, 1, 1000, ?)",
                row,
            )
    made = further(config, facts(config, noon_s), noon_s + 86_400, report=True, miners=())
    [row] = [row for row in past.days(made, facts(config, noon_s)) if row["day"] == "Tue 14 Jul"]
    assert (row["kwh"], row["off"]) == ("23.5", "1.0 h")


@pytest.mark.parametrize(
    ("zone", "noon", "halves"),
    [
        ("Europe/London", "2026-10-25T12:00Z", 50),
        ("Europe/London", "2027-03-28T12:00Z", 46),
        ("America/Chicago", "2026-07-14T18:00Z", 48),
    ],
)
def test_a_day_of_the_report_is_one_by_the_sites_wall_clock(place, zone, noon, halves):
    """As the money beside it is: not one that begins at an hour of UTC."""
    noon_s = int(datetime.fromisoformat(noon).timestamp())
    config = place.config._replace(site=place.config.site._replace(timezone=zone))
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        for at in range(noon_s - 48 * 3600, noon_s + 48 * 3600, 1800):
            moment = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
            db.execute(
                "INSERT INTO mine_states (timestamp, tick_at, rounds, power_w) VALUES (?, ?, 1, 1000)", (moment, at)
            )
    by_day = further(config, facts(config, noon_s), noon_s + 48 * 3600, report=True, miners=()).by_day
    assert [sum(one.ticks) for one in list(by_day.values())[1:-1]].count(48) == (2 if halves != 48 else 3)
    assert sum(by_day[noon[:10]].ticks) == halves
    assert by_day[noon[:10]].at[0] == midnight_s(zone, noon_s)


def test_a_day_of_the_report_begins_at_midnight_also_where_that_is_a_quarter_past_an_hour_of_utc(place):
    config = place.config._replace(site=place.config.site._replace(timezone="Asia/Kathmandu"))
    noon_s = int(datetime.fromisoformat("2026-07-14T12:00+05:45").timestamp())
    that_day = range(noon_s - 12 * 3600, noon_s + 12 * 3600)
    rows = [(f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}", at, 1000 if at in that_day else 2000)
            for at in range(noon_s - 48 * 3600, noon_s + 48 * 3600, 300)]  # fmt: skip
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.executemany("INSERT INTO mine_states (timestamp, tick_at, rounds, power_w) VALUES (?, ?, 1, ?)", rows)
    by_day = further(config, facts(config, noon_s), noon_s + 47 * 3600, report=True, miners=()).by_day
    day = by_day["2026-07-14"]
    assert (sum(day.ticks), max(day.power_most_w), sum(day.energy_ws)) == (288, 1000, 86_400_000)


def test_what_the_days_of_the_report_cost_is_of_whole_days_and_of_as_many_as_the_costs_of_a_month(tmp_path):
    """The oldest of them was cut at the time of day it is now, beside the whole day's mean."""
    home = Home(tmp_path).prices(13.0, ticks=1).ticks(1)
    noon_s = int(datetime.fromisoformat("2026-10-26T12:00Z").timestamp())
    asked = []
    home.config = home.config._replace(site=home.config.site._replace(timezone="Europe/London"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shown, "segments", lambda _paths, since, *_more: asked.append(since) or ())
        site = shown.of_tick(home.config, kept_book(home.config.paths), noon_s)
        asked.clear()
        further(home.config, site, noon_s, report=True, miners=())
    assert asked == [since(home.config, 30, noon_s)]


def test_what_today_cost_begins_at_midnight_also_when_the_clocks_change(tmp_path, monkeypatch):
    asked = []
    home = Home(tmp_path).prices(13.0, ticks=1).ticks(1)
    monkeypatch.setattr(shown, "segments", lambda _paths, since, *_more: asked.append(since) or ())
    for now, midnight in (("2026-10-25T12:00Z", "2026-10-24T23:00Z"), ("2027-03-28T12:00Z", "2027-03-28T00:00Z")):
        now_s, began_s = (int(datetime.fromisoformat(one).timestamp()) for one in (now, midnight))
        shown.economy(home.config, kept_book(home.config.paths), now_s)
        assert asked.pop() == began_s


def test_a_database_that_cannot_be_read_leaves_the_pages_without_a_past(place):
    site_book = seen(place)
    now_s = site_book.image.clock.wall_s
    place.config.paths.db.write_bytes(b"no database at all, but as long as one that could be" * 100)
    assert further(place.config, None, now_s, report=False, miners=("m003",)).events == ()
    show(place.config, site_book, now_wall_s=now_s)
    www = place.config.paths.www
    told = {name: (www / name).read_text() for name in ("index.html", "events.html", "report.html", "miner/m003.html")}
    for name, text in told.items():
        assert "What was recorded can&#39;t be read now: " in text, name
        assert "is recorded yet" not in text, name
        assert "Nothing is recorded of it" not in text, name
    assert json.loads((www / "status.json").read_text())["past_note"]


def test_pages_made_while_the_database_could_not_be_read_are_made_again_at_the_next_tick(place):
    """They would say for ten minutes, the report for an hour, that nothing can be read."""
    site_book = seen(place)
    now_s, db = site_book.image.clock.wall_s, place.config.paths.db
    whole = db.read_bytes()
    db.write_bytes(b"no database at all, but as long as one that could be" * 100)
    show(place.config, site_book, now_wall_s=now_s)
    db.write_bytes(whole)
    show(place.config, site_book, now_wall_s=now_s + 120)
    www = place.config.paths.www
    assert [one.name for one in www.rglob("*.html") if "be read now" in one.read_text()] == []
    assert json.loads((www / "status.json").read_text())["past_note"] == ""


def test_a_miners_page_has_its_own_events_of_the_month_however_many_others_have(place):
    """They were picked out of the newest 401 of the whole site: two days of a home that follows the price."""
    book = seen(place)
    now_s = book.image.clock.wall_s
    ids = [("m003", "the first")] + [("m004", f"change {at}") for at in range(500)]
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.executemany(
            "INSERT INTO events (timestamp, kind, severity, about, text, actor, reason, chain)"
            " VALUES (?, 'errand_done', 'info', ?, ?, '', '[]', '')",
            [
                (f"{datetime.fromtimestamp(now_s - 9000 + at, UTC):%Y-%m-%dT%H:%M:%SZ}", *one)
                for at, one in enumerate(ids)
            ],
        )
    www, _ = drawn(place)
    first, busy, other = ((www / "miner" / f"m00{at}.html").read_text() for at in (3, 4, 5))
    assert "m003: the first" in first
    assert "Only the newest" not in first
    assert [f"m004: change {at}<" in busy for at in (499, 480, 479)] == [True, True, False]
    assert "Only the newest 20 stand here: <code>minectl events --about m004</code>" in busy
    assert "Nothing is recorded of it" in other


@pytest.mark.parametrize(("signal", "there"), [("off", True), ("run", False), (None, False), ("warn", False)])
def test_the_chart_says_signal_off_where_the_signal_said_off_and_not_wherever_the_mine_was_down(place, signal, there):
    """Blind for an hour, held down by a person, or still waiting after the release: the utility had said nothing."""
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE mine_states SET curtailed = 1, mode = 'CURTAILED', signal = ?", (signal,))
    www, _ = drawn(place)
    text = (www / "index.html").read_text()
    assert ("signal off</span>" in text, 'class="s-off"' in text) == (there, there)


def test_every_page_is_for_the_web_server_to_read(place):
    www, _ = drawn(place)
    for one in www.rglob("*"):
        wanted = 0o005 if one.is_dir() else 0o004
        assert one.stat().st_mode & wanted == wanted, one
