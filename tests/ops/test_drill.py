"""What a drill goes by: watts of a fan, the contract's seconds, and a log row whatever happens."""

import sqlite3
from contextlib import closing

import pytest
from cli.place import Place

from mine_controller.core.model.image import Fan
from mine_controller.core.model.state import Shed
from mine_controller.core.model.wiring import FanSpec
from mine_controller.ops import replies
from mine_controller.ops.drills import curtail, fan, page
from mine_controller.ops.drills import scene as drill
from mine_controller.store import query
from mine_controller.store.db import StoreTrouble

SPEC = FanSpec("3", "controlbyweb fans/3", "iotawatt fans/Fan_3", 1500)


class Eve:
    uid, actor, tty = 1000, "eve", "pts/0"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    return Place(tmp_path)


def scene(place):
    return drill.Scene(place.config, Eve(), pause=lambda _seconds: None)


def test_a_mine_that_never_began_to_curtail_is_not_said_to_be_above_no_watts(place):
    """It was "not proven below None W"."""
    here = scene(place)
    assert curtail._judged(here, curtail._figures(None, 300, [])) is False
    assert here.steps[-1].text == "no tick began to curtail; `minectl explain` tells why"


@pytest.mark.parametrize(
    ("on", "watts", "at", "value", "shows"),
    [
        (True, 900, 101, "on", True),
        (True, 899, 101, "on", False),
        (None, 1500, 101, "on", True),  # the relay does not answer, the watts do
        (False, 1500, 101, "on", False),  # the relay says the contrary: welded, or the wrong fan
        (True, 1500, 100, "on", False),  # read before it was asked for
        (True, None, 101, "on", False),
        (False, 450, 101, "off", True),
        (False, 451, 101, "off", False),
        (True, 0, 101, "off", False),
        (False, None, 101, "off", False),  # a silent meter proves nothing
    ],
)
def test_a_fan_is_what_its_fresh_watts_say_and_its_relay_does_not_deny(on, watts, at, value, shows):
    assert fan._shows(Fan("3", on, at, watts, at), SPEC, value, since_s=100) is shows


def test_the_seconds_count_from_the_signal_as_the_contract_counts_them():
    shed = Shed(1000, 1120, "signal", 9000, 500, 1130, 1150, 1160, 1170, 200, 3, 1)
    figures = curtail._figures(shed, 300, ["miner m003"])
    assert (figures["first_command_s"], figures["shed_100_s"], figures["stragglers"]) == (130, 170, ["m003"])


def test_an_event_of_before_is_not_the_one_of_this_drill():
    old = Shed(1000, 1120, "signal", 9000, 500)
    assert curtail._fresh(old, old) is None
    assert curtail._fresh(old._replace(seen_s=5000), old) is not None


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), StoreTrouble("full", "the disk is full")])
def test_whatever_ends_a_drill_goes_up_and_is_in_the_log(place, fault):
    def work(_scene, _figures):
        raise fault

    with pytest.raises(type(fault)):
        drill.run("curtail", scene(place.ticks(2, of=2)), work)
    (row,) = query.events(place.config.paths, kind="drill")
    assert (row.actor, row.about, "ended" in row.text) == ("eve", "curtail", True)


def test_the_row_tells_who_held_it_and_what_came_of_it(place):
    def work(where, _figures):
        where.tell("all well", good=True)
        return True

    result = drill.run("restore", scene(place.ticks(2, of=2)), work)
    (row,) = query.events(place.config.paths, kind="drill")
    assert (result.passed, row.text) == (True, "drill restore passed, held by eve: all well")


def test_where_no_database_is_a_drill_still_tells_its_result(place):
    result = drill.run("page", scene(place), page.page(lambda _config: {"telegram": ""}, 0))
    assert (result.passed, place.config.paths.db.exists()) == (True, False)


def test_a_tick_is_run_where_no_timer_runs_one(place, monkeypatch):
    place.ticks(2, of=3)
    monkeypatch.setattr("mine_controller.ops.replies.start_tick", lambda _config: place.ticks() and replies.Started(0))
    before = query.ticks(place.config.paths, limit=1)[0].tick_at
    scene(place).next_tick()
    assert query.ticks(place.config.paths, limit=1)[0].tick_at > before


def test_the_timers_own_tick_is_waited_for_and_no_other_is_run(place, monkeypatch):
    place.ticks(2, of=3)
    monkeypatch.setattr(replies, "start_tick", lambda _config: pytest.fail("the timer runs"))
    pauses = []

    def pause(_seconds):
        pauses.append(1)
        if len(pauses) == 3:
            place.ticks()

    drill.Scene(place.config, Eve(), pause=pause).next_tick()
    assert len(pauses) == 3


def test_a_tick_at_work_is_waited_for_to_its_end(place, monkeypatch):
    """Of a demo, or of cron when it took the drill's request: that one was taken for none, and looked at for 17 s."""
    place.ticks(3, of=3)
    monkeypatch.setattr(replies, "start_tick", lambda _config: replies.Started(replies.BUSY))
    at_work = query.ticks(place.config.paths, limit=1)[0]
    ended_at(place, at_work.tick_at, None)
    pauses = []

    def pause(_seconds):
        pauses.append(1)
        if len(pauses) == 40:
            ended_at(place, at_work.tick_at, at_work.ended_at)

    drill.Scene(place.config, Eve(), pause=pause).next_tick()
    assert len(pauses) == 40


def ended_at(place, tick_at, moment):
    with closing(sqlite3.connect(place.config.paths.db)) as db:
        db.execute("UPDATE mine_states SET ended_at = ? WHERE tick_at = ?", (moment, tick_at))
        db.commit()


def test_a_curtailment_is_looked_at_for_the_contracts_seconds_however_short_its_ticks_are(place, monkeypatch):
    """A demo ticks every 30 s: four looks were over before a minute and a half was, and it was called failed."""
    place.ticks(4, of=20)
    place.plant.mute = place.plant.welded = set(place.plant.power)

    looks = []
    monkeypatch.setattr(replies, "start_tick", lambda _config: place.ticks() and replies.Started(0))
    monkeypatch.setattr(drill.Scene, "next_tick", lambda _scene: looks.append(1) or 30)
    assert drill.run("curtail", scene(place), curtail.curtail).word == "failed"
    assert len(looks) * 30 > 300


def test_a_drill_whose_row_can_not_be_written_tells_its_result_all_the_same(place, monkeypatch):
    """On a disk that is read-only the copy had worked, and nobody was told."""

    def refused(*_given):
        raise StoreTrouble("readonly", "the database can't be written")

    monkeypatch.setattr(drill, "note", refused)
    where = scene(place.ticks(2, of=2))
    assert drill.run("page", where, page.page(lambda _config: {"telegram": ""}, 0)).passed is True
    assert where.steps[-1].text == "the event log does not have it: the database can't be written"
