"""`minectl emergency-stop` where miners hang on no outlet: what it says is what can be done."""

import pytest
from cli.home import Home
from cli.place import Place

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
