"""The tick's journal: letters of alarms in the transaction of their state; the shell's own troubles as readings."""

import json
import os
from types import SimpleNamespace

import pytest
from core.plant import LOCAL, WALL, Plant, wiring

from mine_controller.core.freeze import freeze
from mine_controller.core.model.alarm import Telling
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.round import Round
from mine_controller.play import demo
from mine_controller.ports.journal import Journal
from mine_controller.ports.letters import letter, text_of
from mine_controller.ports.live import Live, ports_of
from mine_controller.ports.own import own
from mine_controller.store import query
from mine_controller.store.db import StoreTrouble
from mine_controller.twin import coop
from mine_controller.wire import mounts

CLOCK = Clock(10_000, WALL, local=LOCAL)
REASON = Reason("watch", "fan_failed", (("fan", "3"), ("watts", 0), ("normal_w", 1500)))


@pytest.fixture
def site(tmp_path):
    return demo.write_config(tmp_path, coop.build(1, miners=8, pdus=1, extras=False))


def desk(config):
    live = Live(config)
    return Journal(config, live.clocks, live.log)


def telling(what="raise", **more):
    facts = {"severity": "warning", "level": 1, "alarm": "a2b3c", "state": "active", "since_s": 9_400, "for_s": 600}
    return Telling(f"a2b3c.{what}", what, kind="fan_fault", about="fan 3", reason=REASON, **{**facts, **more})


def body(one, config):
    return json.loads(letter(one, config, CLOCK).body)


# -- letters --------------------------------------------------------------------------------------------------------


def test_a_letter_carries_cause_figure_since_what_is_done_and_what_to_do(site):
    found = body(telling(), site)
    assert "fan 3 is told on and draws 0 W" in found["text"]
    assert (found["alarm"], found["state"], found["kind"], found["about"]) == ("a2b3c", "active", "fan_fault", "fan 3")
    assert found["since"] == str(WALL - 600)
    assert all(found[name] for name in ("cause", "does", "owner"))
    assert found["shadow"] == ("" if site.site.live else "yes")


def test_a_letter_about_the_end_asks_for_nothing(site):
    found = body(telling("clear", level=0, state="cleared", for_s=720), site)
    assert found["text"].startswith("over after 12 min: ")
    assert found["since"] == str(WALL - 600), "since when it was told as there, whatever it took until its end was told"
    assert found["owner"] == ""


def test_a_storm_names_three_and_counts_the_rest_and_consequences():
    said = text_of(telling(others=tuple(f"fan {n}" for n in range(4, 10)), folded=(("start_failed", 14),)))
    assert said.endswith("(and fan 4, fan 5, fan 6 and 3 more); with it 14 start failed")


@pytest.mark.parametrize(
    ("what", "begin"), [("repeat", "still, for 10 min"), ("chatter", "raised 3 times"), ("escalate", "graver now")]
)
def test_what_is_told_again_says_why(what, begin):
    assert text_of(telling(what, times=3)).startswith(begin)


def test_a_kind_nobody_listed_makes_a_letter_too(site):
    assert body(telling()._replace(kind="never_heard"), site)["owner"]


def test_letters_are_due_at_once_at_the_level_of_their_route(site):
    one = letter(telling(level=2), site, CLOCK)
    assert (one.key, one.level, one.due_at) == ("a2b3c.raise", 2, WALL)


# -- in the transaction ---------------------------------------------------------------------------------------------


def rounds_of(plant, decision):
    return (Round(0, CLOCK, (), (), plant.image, decision),)


def test_letters_are_committed_with_the_state_and_told_once_however_often_it_is_written(site):
    plant = Plant(wiring(4))
    decision = plant.tick(rounds=1)._replace(tellings=(telling(),))
    desk_, rounds = desk(site), rounds_of(plant, decision)
    book = desk_.load()
    desk_.journal(rounds)
    desk_.save(Book(decision.state, plant.image, (), decision), rounds)
    assert book.image is None
    assert [one.key for one in query.letters(site.paths)] == ["a2b3c.raise"]
    again = desk(site)
    again.load()
    again.save(Book(decision.state, plant.image, (), decision), rounds)
    assert len(query.letters(site.paths)) == 1


# -- what the shell knows of itself -----------------------------------------------------------------------------------


def image(**health):
    channels = {f"{name}:health": Value(value, 1, "", "") for name, value in health.items()}
    return Image(CLOCK, channels, {}, (), Miners(), {})


def test_nothing_is_said_while_all_is_well(site):
    assert desk(site).readings(image(), CLOCK) == ()
    assert desk(site).readings(None, CLOCK) == ()


def test_db6_a_database_that_refused_is_a_reading_and_so_is_that_it_works_again(site):
    sore = desk(site)
    sore._say(StoreTrouble("full", "the disk is full"))
    [reading] = sore.readings(image(), CLOCK)
    assert (reading.key, reading.value, reading.why) == (
        "store:health",
        None,
        str(StoreTrouble("full", "the disk is full")),
    )
    [reading] = desk(site).readings(image(store=None), CLOCK)
    assert (reading.key, reading.value) == ("store:health", "ok")


def test_db1_a_state_that_waits_on_tmpfs_is_trouble_of_the_database(site):
    site.paths.run.mkdir(parents=True, exist_ok=True)
    (site.paths.run / "intents.json").write_text("{}")
    sore = desk(site)
    sore.load()
    assert [one.key for one in sore.readings(image(), CLOCK)] == ["store:health"]
    sore.store.close()


ROOMY = {"f_bavail": 2_000, "f_frsize": 1_048_576, "f_blocks": 1_000_000, "f_files": 0, "f_favail": 0, "f_flag": 0}
ODD_DISKS = [
    ({"f_files": 10**6, "f_favail": 3}, "3 files more can be made at "),
    ({"f_flag": os.ST_RDONLY}, " is read-only"),
    ({"f_bavail": 100, "f_frsize": 1_000_000, "f_blocks": 32_000}, "100 MB of 32000 MB are free"),
]


@pytest.mark.parametrize(("odd", "why"), ODD_DISKS, ids=["files", "read-only", "full"])
def test_db1_what_is_wrong_with_a_disk_stands_tick_after_tick_for_the_same_reason(site, monkeypatch, odd, why):
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(**ROOMY | odd))
    last, live = None, Live(site)
    ports = ports_of(live, desk(site))
    for passed_s in (0, 120, 240):
        clock = CLOCK._replace(plant_s=CLOCK.plant_s + passed_s)
        last = freeze(last, ports.ask((), last, clock), site.policy.wiring, clock)
        health = last.channels["disk:health"]
        assert (health.value, why in health.why) == (None, True)


def test_db6_a_disk_that_takes_nothing_more_after_an_error_is_told_though_it_is_not_marked(site, monkeypatch):
    monkeypatch.setattr(mounts, "_table", lambda _root: ["30 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw,emergency_ro"])
    disk, *_others = own(site, 1)
    assert (disk.key, disk.value, disk.why) == ("disk:health", None, f"{site.paths.db.parent} is read-only")


def test_a_tick_that_died_is_one_letter(site):
    plant = Plant(wiring(4))
    decision = plant.tick(rounds=1)._replace(tellings=())
    desk_, rounds = desk(site), rounds_of(plant, decision)
    desk_.load()
    desk_.died = "tick 2026-07-15T12:00:00Z has no end"
    desk_.journal(rounds)
    desk_.save(Book(decision.state, plant.image, (), decision), rounds)
    [found] = query.letters(site.paths)
    assert (found.level, json.loads(found.body)["kind"]) == (1, "died")
