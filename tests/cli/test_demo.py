"""`minectl demo` as typed, without its day."""

from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from mine_controller.cli import demo
from mine_controller.config.site import LOCK
from mine_controller.ops.keep import waited
from mine_controller.play import demo as day
from mine_controller.store import lock
from mine_controller.store.lock import Busy, TickLock


@pytest.fixture
def paths(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    return SimpleNamespace(lock=tmp_path / "lock", inbox=tmp_path / "inbox.db", stop=tmp_path / "stop", run=run)


class Clock:
    """Time that passes by sleeping; at each second something may happen."""

    def __init__(self, happens: Any = lambda _now: None) -> None:
        self.now, self.happens = 0.0, happens

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.happens(self.now)


def run(*words):
    return CliRunner().invoke(demo.command, words, catch_exceptions=False)


def test_the_folder_of_a_demo_that_runs_is_not_cleared_under_it(tmp_path):
    """A second one cleared it first, and then said that the port was taken."""
    (tmp_path / lock.DEMO).touch()
    (tmp_path / "mine_data.db").write_bytes(b"a day")
    with TickLock(tmp_path / LOCK, shared=True):
        done = run("--dir", str(tmp_path))
    assert (done.exit_code, (tmp_path / "mine_data.db").read_bytes()) == (1, b"a day")
    assert f"a demo runs in {tmp_path}: end it, or choose another folder with --dir" in done.output


def test_a_demo_that_still_simulates_its_day_keeps_its_folder(tmp_path, monkeypatch):
    """Before its first tick it held nothing, and a second one wrote another site's config under it."""
    words = ("--no-serve", "--dir", str(tmp_path / "demo"))

    def meanwhile(*_: Any) -> None:
        second = run(*words)
        assert (second.exit_code, (tmp_path / "demo" / "config.txt").exists()) == (1, True)
        assert f"a demo runs in {tmp_path / 'demo'}" in second.output
        raise BrokenPipeError

    monkeypatch.setattr(day, "live_through", meanwhile)
    with pytest.raises(BrokenPipeError):
        run(*words)


def test_the_packaged_stories_are_listed():
    done = run("--story", "list")
    assert done.exit_code == 0
    assert "coop-day" in done.stdout.split()


def test_an_unknown_story_is_told_with_the_way_to_the_known_ones(tmp_path):
    done = run("--story", "nosuch", "--no-serve", "--hours", "1", "--dir", str(tmp_path / "d"))
    assert done.exit_code == 2
    assert "there is no story" in done.stderr
    assert "--story list" in done.stderr


def test_a_story_that_is_not_there_clears_no_demo(tmp_path):
    (tmp_path / lock.DEMO).touch()
    (tmp_path / "mine_data.db").write_bytes(b"a day")
    assert run("--story", "nosuch", "--no-serve", "--hours", "1", "--dir", str(tmp_path)).exit_code == 2
    assert (tmp_path / "mine_data.db").read_bytes() == b"a day"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "the story can't be read: line 1: no UTF-8 text"),
        (lambda path: path.mkdir(), "the story can't be read: Is a directory"),
    ],
)
def test_a_story_that_can_not_be_read_is_told_as_that(tmp_path, made, said):
    """A traceback, and the advice to try another port."""
    made(tmp_path / "mine.txt")
    done = run("--story", str(tmp_path / "mine.txt"), "--no-serve", "--hours", "1", "--dir", str(tmp_path / "d"))
    assert (done.exit_code, said in done.stderr) == (2, True)


def test_what_a_story_asks_of_units_that_are_not_there_is_told(tmp_path):
    """It changed nothing, and the day looked as if the mine had stood it."""
    (tmp_path / "mine.txt").write_text("00:10 fan 12 break\n00:20 fan 12 mend\n00:30 door on\n", "utf-8")
    done = run("--story", str(tmp_path / "mine.txt"), "--no-serve", "--hours", "1", "--dir", str(tmp_path / "d"))
    assert done.exit_code == 0
    assert "not done, because this site has no such unit: fan 12 break, fan 12 mend\n" in done.stderr


def test_a_taken_port_is_told_before_the_day_is_simulated(tmp_path, monkeypatch):
    def taken(config: Any, port: int) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(demo, "_pages", taken)
    done = run("--port", "81", "--hours", "240", "--dir", str(tmp_path / "d"))
    assert done.exit_code == 1
    assert "81" in done.stderr
    assert "try another --dir or --port" in done.stderr


def test_between_its_ticks_the_demo_leaves_no_tick_to_others(paths, monkeypatch):
    seen = []

    def others(now: float) -> None:
        with pytest.raises(Busy), TickLock(paths.lock):
            pass
        seen.append(now)

    monkeypatch.setattr(demo, "time", Clock(others))
    demo._pause(paths)
    assert seen[-1] == demo.LIVE_EVERY_S


def test_between_its_ticks_whoever_only_writes_is_let_in_at_once(paths, monkeypatch):
    """A drill's row, a prune, a restore: four minutes were waited for a lock that the demo gave up for an instant."""
    (paths.lock.parent / lock.DEMO).touch()
    site: Any = SimpleNamespace(paths=SimpleNamespace(lock=paths.lock, config=paths.lock.parent / "config.txt"))
    seen = []

    def writes(now: float) -> None:
        waited(site, pause=lambda _seconds: pytest.fail("nobody is at work")).__exit__(None, None, None)
        seen.append(now)

    monkeypatch.setattr(demo, "time", Clock(writes))
    demo._pause(paths)
    assert seen[-1] == demo.LIVE_EVERY_S


def test_a_lock_that_somebody_holds_makes_its_next_tick_come_no_sooner(paths, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(demo, "time", clock)
    with TickLock(paths.lock):
        demo._pause(paths)
    assert clock.now == demo.LIVE_EVERY_S


@pytest.mark.parametrize("asked", ["inbox", "stop"])
def test_what_a_person_asks_for_makes_its_next_tick_come_at_once(paths, monkeypatch, asked):
    clock = Clock(lambda now: getattr(paths, asked).touch() if now == 3 else None)
    monkeypatch.setattr(demo, "time", clock)
    demo._pause(paths)
    assert clock.now == 3


def test_a_tick_that_meets_another_one_is_left_out():
    class Meets:
        def live_tick(self, _config: Any, _sources: Any) -> str:
            raise Busy(3, 4711)

    assert "left out" in demo._tick(Meets(), None, None)


SHED = {"cause": "signal", "power_before_w": 939_400, "power_confirmed_w": 8_310, "gentle": 58, "hard": 213}


def test_the_summary_tells_each_curtailment_in_a_line():
    line = demo._curtailed(SHED | {"shed_100_s": 186, "emergency": None})
    assert line == "curtailed in 186 s after the signal: 939 kW -> 8.3 kW, 58 gently, 213 at the outlet"


def test_what_was_never_proven_is_not_called_curtailed():
    wish = {"cause": "override", "power_before_w": 7_010, "shed_100_s": None, "emergency": "unverified"}
    line = demo._curtailed(SHED | wish)
    assert line.startswith("not proven down after it was asked for: 7.0 kW before, ")
    assert line.endswith("; EMERGENCY unverified")


def test_a_folder_that_can_not_be_made_is_a_sentence_and_1(tmp_path):
    (tmp_path / "file").write_text("x")
    done = CliRunner().invoke(demo.command, ["--no-serve", "--hours", "1", "--dir", str(tmp_path / "file" / "demo")])
    assert done.exit_code == 1, done.output
    assert "try another --dir" in done.stderr
