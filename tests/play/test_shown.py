"""A planted bug as `minectl demo --plant NAME` shows it."""

import json

from click.testing import CliRunner

from mine_controller.cli.main import group
from mine_controller.play.planted import BUGS


def typed(*words):
    return CliRunner().invoke(group, ["demo", "--no-serve", *words])


def test_a_day_with_a_planted_bug_tells_the_laws_it_breaks_and_fails(tmp_path):
    done = typed("--plant", "same_name", "--hours", "1", "--dir", str(tmp_path / "d"), "--json")
    told = json.loads(done.stdout.splitlines()[-1])
    assert done.exit_code == 1, done.output
    assert told["bug"] == "same_name"
    assert told["without it"] == []
    assert "G8" in {law["name"] for law in told["its own story"]}
    assert told["seen"]


def test_a_bug_that_nobody_sees_is_another_exit_code(tmp_path, monkeypatch):
    blind = BUGS[0]._replace(name="blind", where="play.truth:_wet", wrap=lambda right: right, ticks=2, deeds=())
    monkeypatch.setattr("mine_controller.play.shown.BUGS", (blind,))
    done = typed("--plant", "blind", "--hours", "1", "--dir", str(tmp_path / "d"))
    assert done.exit_code == 3
    assert "its own story: no law broken" in done.stdout


def test_the_list_names_every_bug_and_a_strange_name_is_refused(tmp_path):
    listed = typed("--plant", "list")
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [bug.name for bug in BUGS]
    assert typed("--plant", "nothing", "--dir", str(tmp_path / "d")).exit_code == 2
    assert not (tmp_path / "d").exists()
