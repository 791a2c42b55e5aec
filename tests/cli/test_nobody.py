"""`minectl miners` where nobody is meant, or nobody has to be told."""

import json

import pytest


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
