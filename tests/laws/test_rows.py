"""Rows of the hazard list as whole ticks: the real corridor, drivers, store and outbox on a small container."""

import resource
import sqlite3
from contextlib import closing, contextmanager

import pytest
from laws.stages import stage

from mine_controller.config.load import load
from mine_controller.play import demo
from mine_controller.play.twin import Audited, Virtual
from mine_controller.ports.live import ports_of
from mine_controller.store import query
from mine_controller.tick import tick
from mine_controller.twin import coop, story

N = 12
MAIL = "[email]\nserver = 127.0.0.1\nsender = mine@example.org\nto = owner@example.org\nleast = info\n\n"


class Mine:
    """Ticks of a real journal in virtual time. `wall_ahead_s` steps the wall clock."""

    def __init__(self, folder):
        told = story.parse("title rows\ndate 2026-07-15\nweather july\n")
        self.site = coop.build(1, told.start_wall_s() + 12 * 3600, story=told, miners=N, pdus=2, extras=False)
        path = demo.write_config(folder, self.site).paths.config
        path.write_text(path.read_text("utf-8").replace("[end]", f"{MAIL}[end]"), "utf-8")
        self.config = load(path)
        self.virtual = Virtual(self.config, self.site)
        self.journal = Audited(self.virtual)
        self.wall_ahead_s = 0
        sources, start = self.virtual.clocks.sources, self.site.plant.start_wall_s
        wall = lambda: start + self.virtual.now_s + self.wall_ahead_s  # noqa: E731 - a clock
        self.virtual.clocks.sources = sources._replace(wall_s=wall)

    def ticks(self, count):
        for _ in range(count):
            began = self.virtual.now_s
            self.book = tick(ports_of(self.virtual, self.journal), self.config.policy)
            assert self.virtual.now_s - began <= 110
            self.virtual.until_next(began)
        return self

    def say(self, text):
        word, _, rest = text.partition(" ")
        self.site.play(story.Step(self.virtual.now_s, word, rest))
        return self

    @property
    def kw(self):
        return self.site.world.miners_w() / 1000

    def kinds(self):
        return {event.kind for event in query.events(self.config.paths, limit=999)}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setattr("mine_controller.store.db.BUSY_MS", 20)
    return Mine(tmp_path).ticks(4)


def obeys_and_remembers(mine, during):
    """The word of the utility comes while the disk is ill: obeyed at once; afterwards nothing is missing."""
    before = len(query.ticks(mine.config.paths))
    with during:
        mine.say("signal off").ticks(3)
        assert mine.kw < 1
    mine.ticks(2)
    assert mine.book.state.mode == "CURTAILED"
    assert len(query.ticks(mine.config.paths)) == before + 5
    assert mine.book.state.shed.shed_100_s - mine.book.state.shed.signal_s <= 300
    assert "curtailed" in mine.kinds()
    assert mine.journal.violations == []
    with closing(sqlite3.connect(mine.config.paths.db)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@contextmanager
def no_file_may_grow(path):
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_db1_a_disk_that_is_full_when_the_utility_calls_costs_neither_the_curtailment_nor_its_record(mine):
    """DB1: the kernel itself refuses every write past the size the database has."""
    obeys_and_remembers(mine, no_file_may_grow(mine.config.paths.db))


@contextmanager
def read_only(monkeypatch):
    real = sqlite3.connect

    def connect(name, *args, **options):
        return real(str(name).replace("mode=rwc", "mode=ro").replace("mode=rw", "mode=ro"), *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr("mine_controller.store.db.sqlite3.connect", connect)
        yield


def test_db6_a_disk_that_turned_read_only_costs_neither_the_curtailment_nor_its_record(mine, monkeypatch):
    """DB6."""
    obeys_and_remembers(mine, read_only(monkeypatch))


@contextmanager
def held(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM state").fetchone()
        yield
        other.execute("ROLLBACK")


def test_db8_a_reader_that_does_not_let_go_costs_neither_the_curtailment_nor_its_record(mine):
    """DB8."""
    obeys_and_remembers(mine, held(mine.config.paths.db))


def test_dns1_a_resolver_that_hangs_costs_the_page_alone_and_no_tick_its_time():
    """DNS1: names resolve after a minute; what lies in the plant has addresses and is read and switched as ever."""
    site = stage(N).run(4)
    site.do("page slow 60")
    site.do("device foreman mine slow 60")
    ticks = [site.tick() for _ in range(6)]
    assert max(tick.end_s - tick.at_s for tick in ticks) <= 110
    site.run(2)  # past the grace nobody can read, and whoever is not told of runs no longer
    assert site.site.world.miners_w() < 1000
    assert site.found == ()


def test_clk4_an_hour_that_comes_twice_or_never_brings_no_second_letter(mine):
    """CLK4: what the clock asks for goes by the moment it belongs to, and is written with the tick."""

    def beats():
        return [one.key for one in query.letters(mine.config.paths) if one.key.startswith("heartbeat.")]

    mine.ticks(30)
    first = beats()
    assert len(first) == 2
    mine.wall_ahead_s -= 3600  # an hour comes again
    mine.ticks(28)
    assert beats() == first
    mine.wall_ahead_s += 86_400  # a day never comes
    mine.ticks(30)
    again = beats()
    assert len(again) == len(set(again)) == 4  # 13:00 and 14:00 of the next day are new
    assert mine.book.state.mode == "RUNNING"
    assert mine.journal.violations == []
