"""`minectl emergency-stop` where miners hang on no outlet: what it says is what can be done."""

import pytest
from cli.home import Home
from cli.place import Place

from mine_controller.core.model.command import Outcome
from mine_controller.ops import replies
from mine_controller.ops.replies import Started


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Three boards that obey and one miner that nothing can stop; each request starts a tick."""
    made = Home(tmp_path)

    def start(_config):
        made.ticks(1)
        return Started(0)

    monkeypatch.setattr(replies, "start_tick", start)
    made.ticks(1, of=2)
    return made


def test_without_outlets_none_is_promised_and_who_runs_on_is_named(home):
    done = home.run("emergency-stop", "--yes", "--reason", "smell")
    assert done.exit_code == 0
    assert "everything goes off by its own word, for fleet.csv knows no outlet, until" in done.stdout
    assert "at the outlets" not in done.stdout
    assert "Not seen off yet: n01." in done.stdout
    assert "Nothing can stop n01: pull the plug." in done.stderr


def test_who_says_that_it_knows_no_stop_is_named_too(home, monkeypatch):
    real = home._told

    def told(command):
        none = command.verb == "stop" and command.target == "miner b02"
        return Outcome(command.id, "unsupported", "no such command", None, home.plant.now) if none else real(command)

    monkeypatch.setattr(home, "_told", told)
    done = home.run("emergency-stop", "--yes", "--reason", "smell")
    assert "Not seen off yet: b02, n01." in done.stdout
    assert "Nothing can stop b02, n01: pull the plug." in done.stderr


def test_who_does_not_answer_is_counted_as_not_known(home):
    home.plant.silent.add("b02")
    home.ticks(3, of=4)
    done = home.run("emergency-stop", "--yes")
    assert "Not known: whether 1 of 4 are off." in done.stdout


def test_where_some_have_an_outlet_it_says_how_many_have_none(tmp_path):
    place = Place(tmp_path)
    assert "goes off at the outlets until" in place.run("emergency-stop", "--yes", "--no-tick").stdout
    listed = tmp_path / "fleet.csv"
    listed.write_text(listed.read_text() + "m999,02:11:22:33:00:ff,foreman mine,,,,,,,,\n")
    done = place.run("emergency-stop", "--yes", "--no-tick")
    assert "goes off at the outlets, 1 of 9 miners by their own word for want of one, until" in done.stdout


def beside(home, monkeypatch, each):
    """A program that keeps the lock; before each further try to start a tick beside it, `each` happens."""
    tries = []

    def start(_config):
        tries.append(1)
        return Started(replies.BUSY)

    monkeypatch.setattr(replies, "start_tick", start)
    monkeypatch.setattr(replies.time, "sleep", lambda _s: each())
    return tries


def test_where_another_ticks_without_a_pause_its_obeying_is_enough(home, monkeypatch):
    """A serving demo keeps the lock for good, and sees the stop in its next tick."""
    tries = beside(home, monkeypatch, lambda: home.ticks(1))
    done = home.run("emergency-stop", "--yes")
    assert done.exit_code == 0
    assert "Waiting ..." in done.stdout
    assert "EMERGENCY" in done.stdout
    assert len(tries) == 1


def test_a_tick_that_asked_before_the_stop_and_has_ended_has_not_obeyed_it(home, monkeypatch):
    tries = beside(home, monkeypatch, lambda: None)
    done = home.run("emergency-stop", "--yes")
    assert done.exit_code == 75
    assert "another tick is still at work; the stop stands" in done.stderr
    assert len(tries) == 1 + replies.LONGEST_TICK_S // replies.SOON_S


def test_a_stop_of_which_nothing_can_be_read_is_not_taken_for_obeyed(home, monkeypatch):
    beside(home, monkeypatch, lambda: home.config.paths.db.write_bytes(b"no database"))
    assert home.run("emergency-stop", "--yes").exit_code == 75


def test_without_a_config_that_can_be_used_it_says_that_nothing_was_stopped(place):
    place.path.write_text("[site\n")
    done = place.run("emergency-stop", "--yes")
    assert (done.exit_code, place.config.paths.stop.exists()) == (2, False)
    assert "nothing was stopped: mend what is said above, or open the main breaker" in done.stderr
