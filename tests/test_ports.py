"""The live ports: clocks that never run back, an emergency stop in the middle of sending."""

import time
from datetime import datetime

import pytest
from play.days import HEAD

from mine_controller.core.due import Asked
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import Command
from mine_controller.core.model.image import Image, Miners
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import State
from mine_controller.play import demo
from mine_controller.ports.clock import Clocks, Sources, fold_of, midnight_s
from mine_controller.ports.live import Live
from mine_controller.render.text import Fold, Zone
from mine_controller.store.stop import lower_stop, raise_stop
from mine_controller.twin import coop, story
from mine_controller.wire.door import Response, Wire


class Times:
    """Clocks a test can move."""

    def __init__(self) -> None:
        self.boot, self.wall, self.name = 1000.0, 1_789_000_000.0, "boot one"

    @property
    def sources(self) -> Sources:
        return Sources(lambda: self.boot, lambda: self.wall, lambda: self.name, lambda: True)


def opening(times: Times, last: dict | None = None) -> Clock:
    return Clocks("America/Chicago", 120, times.sources)(State(last=last or {}), None)


def kept(clock: Clock) -> dict:
    return {"plant_s": clock.plant_s, "boot_s": clock.boot_s, "boot_id": clock.boot_id, "wall_s": clock.wall_s}


def test_plant_time_follows_the_boot_clock_and_not_the_wall():
    times = Times()
    first = opening(times)
    times.boot, times.wall = times.boot + 120, times.wall + 86_400
    second = opening(times, kept(first))
    assert second.plant_s - first.plant_s == 120
    assert second.stepped
    assert not second.rebooted


@pytest.mark.parametrize(
    ("zone", "noon", "began", "hours"),
    [
        ("Europe/London", "2026-03-29T12:00+01:00", "2026-03-29T00:00+00:00", 23),
        ("Europe/London", "2026-10-25T00:30+01:00", "2026-10-25T00:00+01:00", 25),
        ("Europe/London", "2026-10-25T12:00+00:00", "2026-10-25T00:00+01:00", 25),
        ("Asia/Kolkata", "2026-10-25T12:00+05:30", "2026-10-25T00:00+05:30", 24),
        ("Australia/Lord_Howe", "2026-10-04T12:00+11:00", "2026-10-04T00:00+10:30", 23.5),
        ("America/Havana", "2026-03-08T12:00-04:00", "2026-03-08T00:00-05:00", 23),
    ],
)
def test_a_local_day_begins_and_ends_where_the_wall_says_so(zone, noon, began, hours):
    times = Times()
    times.wall = datetime.fromisoformat(noon).timestamp()
    clock = Clocks(zone, 120, times.sources)(State(), None)
    begin_s = int(datetime.fromisoformat(began).timestamp())
    assert (clock.day_s, clock.day_end_s - clock.day_s) == (begin_s, hours * 3600)


@pytest.mark.parametrize("step", [-50 * 365 * 86_400, -3600, -61, 61, 3600, 10 * 365 * 86_400])
def test_clk1_clk2_a_stepped_wall_clock_is_seen_and_moves_no_timer(step):
    times = Times()
    first = opening(times)
    times.boot, times.wall = times.boot + 120, times.wall + 120 + step
    second = opening(times, kept(first))
    assert second.stepped
    assert second.plant_s - first.plant_s == 120


def test_clk1_a_new_boot_counts_only_its_own_seconds_and_says_so():
    times = Times()
    first = opening(times)
    times.boot, times.wall, times.name = 30.0, times.wall + 7200, "boot two"
    second = opening(times, kept(first))
    assert second.rebooted
    assert second.plant_s - first.plant_s == 30
    assert not second.stepped


def test_after_a_restore_timers_go_on_from_where_they_stood_however_long_the_machine_has_been_up():
    """Else ten minutes off, the starts and the heat stops of a day are over at once on a machine up for months."""
    times = Times()
    times.boot = 200 * 86_400.0
    back = opening(times, {"plant_s": 5_000, "boot_s": 4_000, "boot_id": "", "wall_s": 1})
    assert back.rebooted
    assert back.plant_s == 5_001
    times.boot += 120
    assert opening(times, kept(back)).plant_s == 5_121


def test_plant_time_never_runs_back_whatever_the_state_says():
    times = Times()
    ahead = {"plant_s": 10_000_000, "boot_s": 5, "boot_id": "boot one", "wall_s": 1}
    assert opening(times, ahead).plant_s > 10_000_000


def test_clk5_local_time_is_made_for_the_place_also_over_a_clock_change():
    times = Times()
    times.wall = 1_793_520_000.0  # 2026-11-01 08:00 UTC: an hour after the clocks went back in Chicago
    clock = opening(times)
    assert (clock.local.date, clock.local.minute) == ("2026-11-01", 2 * 60)


def test_clk5_a_change_of_the_clocks_is_known_in_the_days_that_a_page_tells_of_and_no_other_is():
    back = 1_793_516_400  # 2026-11-01 07:00 UTC
    fold = Fold(back, (-5 * 3600, "CDT"), (-6 * 3600, "CST"))
    days = {day: fold_of("America/Chicago", back + day * 86_400) for day in (-5, -3, -2, -1, 0, 1, 3, 30, 94, 96)}
    assert {day for day, found in days.items() if found == fold} == {-2, -1, 0, 1, 3, 30, 94}
    assert {day for day, found in days.items() if found is None} == {-5, -3, 96}
    assert fold_of("UTC", back) is None


def test_clk5_that_the_clocks_were_put_forward_is_known_too_and_no_hour_comes_twice():
    forward = 1_772_956_800  # 2026-03-08 08:00 UTC: in Chicago 02:00 CST becomes 03:00 CDT
    fold = fold_of("America/Chicago", forward + 6 * 3600)
    assert fold == Fold(forward, (-6 * 3600, "CST"), (-5 * 3600, "CDT"))
    zone = Zone(-5 * 3600, "CDT", fold)
    told = [zone.minute(forward + side) for side in (-7200, -3600, -60, 0, 3600)]
    assert told == ["00:00", "01:00", "01:59", "03:00", "04:00"]
    assert zone.near(forward - 9000, forward + 3600) == "Sat 7 Mar 23:30"
    assert fold_of("Australia/Lord_Howe", 1_775_400_000 + 86_400) is not None, "half an hour is a change"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("2026-10-24T23:00Z", "2026-10-26T00:00Z"),  # 25 hours
        ("2027-03-28T00:00Z", "2027-03-28T23:00Z"),  # 23 hours
        ("2027-07-14T23:00Z", "2027-07-15T23:00Z"),
    ],
)
def test_clk5_a_day_begins_at_its_midnight_whatever_the_clocks_do_later(begins, ends):
    begin_s, end_s = (int(datetime.fromisoformat(one).timestamp()) for one in (begins, ends))
    assert {midnight_s("Europe/London", at) for at in range(begin_s, end_s, 600)} == {begin_s}
    assert midnight_s("Europe/London", end_s) == end_s


def test_an_emergency_stop_ends_the_sending_within_seconds(tmp_path):
    told = story.parse(HEAD)
    site = coop.build(1, told.start_wall_s(), story=told, miners=8, pdus=1, extras=False)
    config = demo.write_config(tmp_path, site)
    sent = []

    def call(request, until):
        sent.append(request.url)
        if len(sent) == 3:
            raise_stop(config.paths, "test", "now")
        return Response(200, {"content-type": "application/json"}, b'{"status": "okay", "command": 1}')

    now = [0.0]

    def pause(seconds):
        now[0] += seconds

    live = Live(config, wire_for=lambda section, until: Wire(call, lambda: now[0], pause, until))
    clock = live.clocks(State(), None)
    stop = Command("", "miner a001", "stop", "foreman mine", "1", 0, Reason("signal", "curtail_off"))
    batch = tuple(stop._replace(id=f"{n}", target=f"miner a{n:03}", address=str(n)) for n in range(1, 21))
    outcomes = live.act(batch, clock)
    assert len(outcomes) == 20
    assert len(sent) <= 5
    assert {outcome.verdict for outcome in outcomes[6:]} <= {"unreachable", "not_sent"}
    lower_stop(config.paths)


@pytest.mark.parametrize(("late_s", "left"), [(60, {"page", "slower"}), (95, {"page"}), (103, set())])
def test_pro6_a_tick_that_is_late_leaves_its_pages_out_first(tmp_path, monkeypatch, late_s, left):
    """PRO6: a machine that is out of breath has told and pinged before it draws."""
    told = story.parse(HEAD)
    site = coop.build(1, told.start_wall_s(), story=told, miners=2, pdus=1, extras=False)
    config, times, drawn = demo.write_config(tmp_path, site), Times(), set()
    live = Live(config, sources=times.sources)
    clock = live.clocks(State(), None)
    image = Image(clock, {}, {}, (), Miners(), {}, ())

    def show(_config, _book, *, slower):
        drawn.update({"page", "slower"} if slower else {"page"})

    monkeypatch.setattr("mine_controller.ports.show.show", show)
    times.boot += late_s
    live.show(Book(State(), image))
    assert drawn == left
    assert ("left out" in (config.paths.log.read_text() if config.paths.log.exists() else "")) == (not left)


def test_an_emergency_stop_raised_while_devices_think_is_seen_in_this_very_round(tmp_path):
    told = story.parse(HEAD)
    site = coop.build(1, told.start_wall_s(), story=told, miners=2, pdus=1, extras=False)
    config = demo.write_config(tmp_path, site)

    def call(request, until):
        raise_stop(config.paths, "test", "now")
        return Response(200, {}, b"<html>42</html>")

    live = Live(config, wire_for=lambda section, until: Wire(call, time.monotonic, time.sleep, until))
    asked = tuple(Asked(name) for name in config.endpoints if name.startswith("power_signal"))
    found = live.ask(asked, None, live.clocks(State(), None))
    lower_stop(config.paths)
    assert [one.value for one in found if one.key == "stop:switch"] == ["on"]


def test_a_page_that_can_t_be_loaded_while_devices_think_costs_no_reading_and_is_a_line_in_the_log(
    tmp_path, monkeypatch
):
    told = story.parse(HEAD)
    site = coop.build(1, told.start_wall_s(), story=told, miners=2, pdus=1, extras=False)
    config = demo.write_config(tmp_path, site)
    answer = Response(200, {}, b"<html>42</html>")
    live = Live(config, wire_for=lambda section, until: Wire(lambda *_: answer, time.monotonic, time.sleep, until))

    def broken():
        raise ImportError("a part is gone")

    monkeypatch.setattr("mine_controller.ports.show.ready", broken)
    asked = tuple(Asked(name) for name in config.endpoints if name.startswith("power_signal"))
    found = live.ask(asked, None, live.clocks(State(), None))
    assert any(one.key == f"{asked[0].endpoint}:health" for one in found)
    assert "loading the page's parts failed: ImportError" in config.paths.log.read_text()
