"""`minectl miners remove`: what it says of miners that run on."""

import json


def test_remove_says_whom_nobody_stops_any_more(seen):
    lit = [row["id"] for row in json.loads(seen.run("miners", "--json").stdout) if row["state"] == "running"]
    done = seen.run("miners", "remove", *lit[:2], "--dry-run")
    more = f"taken out, they run on, and nobody stops them; `minectl miners stop {lit[0]}` comes before this."
    assert done.stderr == f"Note: {lit[0]}, {lit[1]} ran at the last tick: {more}\n"
    alone = seen.run("miners", "remove", lit[1], "--dry-run").stderr
    assert "it runs on, and nobody stops it; " in alone


def test_remove_of_miners_of_whom_nothing_is_known_says_nothing_of_them(home):
    assert home.run("miners", "remove", "b02", "--dry-run").stderr == ""
