"""`minectl miners` where nobody is meant, or nobody has to be told."""

import json

import pytest

from mine_controller.store import answered
from mine_controller.store.db import StoreTrouble


@pytest.mark.parametrize("words", [("stop",), ("show",), ("restart",), ("quarantine",)])
@pytest.mark.parametrize("name", ["", " "])
def test_a_name_that_is_empty_is_nobody_also_where_an_address_is_not_known(home, words, name):
    done = home.run("miners", *words, name)
    assert (done.exit_code, f"there is no miner '{name}'" in done.stderr) == (2, True), done.output
    assert not home.config.paths.inbox.exists()


def test_automatic_already_is_json_where_json_is_asked_for(seen):
    assert json.loads(seen.run("miners", "auto", "b01", "--json").stdout) == {"requests": [], "tick": None}
    dry = seen.run("miners", "auto", "b01", "--dry-run", "--json")
    assert json.loads(dry.stdout) == {"dry_run": True, "requests": [], "cannot": {}}
    assert seen.run("miners", "auto", "b01").stdout == "Nobody holds these miners: they are automatic already.\n"


def test_what_waits_to_be_held_is_let_go_too(seen):
    """A tick may need minutes until it takes a request: who thinks again in between is no "already"."""
    seen.run("miners", "quarantine", "b01", "--reason", "hums", "--no-tick")
    done = seen.run("miners", "quarantine", "b01", "--release")
    assert done.exit_code == 0, done.output
    assert seen.run("miners", "quarantine").stdout == "Nobody is in quarantine.\n"
    seen.run("miners", "stop", "b02", "--no-tick")
    done = seen.run("miners", "auto", "b02")
    assert (done.exit_code, "already" in done.output) == (0, False), done.output
    assert seen.run("miners", "auto", "b02").stdout == "Nobody holds these miners: they are automatic already.\n"


def test_a_release_that_waits_is_turned_too(seen):
    seen.run("miners", "quarantine", "b01", "--reason", "hums")
    seen.run("release", "--all", "--no-tick")
    done = seen.run("miners", "quarantine", "b01", "--reason", "it does hum")
    assert done.exit_code == 0, done.output
    assert "b01" in seen.run("miners", "quarantine").stdout


def test_a_fan_that_waits_to_be_held_goes_back_to_automatic(place):
    place.ticks()
    place.run("fans", "on", "3", "--for", "1h", "--reason", "smell", "--no-tick")
    done = place.run("fans", "auto", "3")
    assert (done.exit_code, "already" in done.output) == (0, False), done.output
    assert "already" in place.run("fans", "auto", "3").output


def test_automatic_for_a_fan_of_a_site_without_fans_says_that_it_has_none(home):
    """`there is no fan '3'; fans are ` ended where the names begin."""
    done = home.ticks().run("fans", "auto", "3")
    assert done.exit_code == 1
    assert done.stderr == "minectl: this site has no fans in [wiring], so there is none to switch\n"


@pytest.mark.parametrize(
    ("words", "code"), [(("quarantine", "b01"), 0), (("quarantine", "b01", "--release"), 1), (("auto", "b01"), 0)]
)
def test_a_damaged_inbox_keeps_nobody_from_putting_a_miner_aside(seen, words, code):
    """The request itself begins a new one; looking first for what waits in it ended the command with a traceback."""
    seen.config.paths.inbox.write_bytes(b"x" * 5000)
    done = seen.run("miners", *words, "--reason", "smells burnt")
    assert done.exit_code == code, done.output
    assert ("b01" in seen.run("miners", "quarantine").stdout) is (words == ("quarantine", "b01"))


@pytest.mark.parametrize("words", [("quarantine", "b01"), ("auto", "b01")])
def test_an_inbox_that_can_not_be_read_now_is_one_sentence(seen, words, monkeypatch):
    def locked(_paths):
        raise StoreTrouble("locked", "another program held the database")

    monkeypatch.setattr(answered, "waiting", locked)
    done = seen.run("miners", *words)
    assert (done.exit_code, "another program held" in done.stderr) == (1, True), done.output
