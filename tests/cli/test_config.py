"""`minectl config` and `minectl init` as typed."""

import json
import os

import click
import pytest
from click.testing import CliRunner

from mine_controller.cli.config import command
from mine_controller.cli.init import command as init_command
from mine_controller.config.lastgood import remember
from mine_controller.config.load import load
from mine_controller.store.inbox import pending

SITE = """\
# my site
[site]
name = Test mine
power_cap_kw = 1000

[cap]
margin_pct = 6

[wiring]

[end]
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    found = tmp_path / "config.txt"
    found.write_text(SITE)
    found.chmod(0o600)
    return found


def run(*words, **about):
    assert isinstance(command, click.Group)
    return CliRunner().invoke(command, words, catch_exceptions=False, **about)


def test_check_says_good_and_what_is_absent(path):
    done = run("check")
    assert done.exit_code == 0
    assert "note: " in done.stdout
    assert "absent" in done.stdout
    assert "shadow mode" in done.stdout


def test_check_tells_every_problem_with_its_line_and_ends_with_two(path):
    path.write_text(SITE.replace("margin_pct = 6", "margin_pct = 95\nmargin = 6").replace("[end]", ""))
    done = run("check")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "config.txt:7: [cap] margin_pct: 95 is outside 3 to 30 %" in done.stderr
    assert "config.txt:8: [cap] margin: is not an option of [cap] (did you mean margin_pct?)" in done.stderr
    assert "must be [end]" in done.stderr
    assert "3 problems" in done.stderr


def test_check_refuses_a_mine_whose_list_of_miners_is_gone(path, tmp_path):
    fleet = tmp_path / "fleet.csv"
    path.write_text(SITE.replace("[wiring]", "[cgminer shed]\nhosts = 127.0.9.1\n\n[wiring]"))
    fleet.write_text("id,mac,group\na1,02:00:00:00:00:07,cgminer shed\n")
    remember(load(path))
    fleet.unlink()
    done = run("check")
    assert done.exit_code == 2
    assert "fleet.csv: is gone, and miners were listed (1): put it back" in " ".join(done.output.split())


def test_check_as_json_holds_problems_and_notes(path):
    good = json.loads(run("check", "--json").stdout)
    assert good["ok"] is True
    assert good["notes"]
    path.write_text("[site]\n")
    done = run("check", "--json")
    bad = json.loads(done.stdout)
    assert done.exit_code == 2
    assert bad["ok"] is False
    assert {"line", "section", "option", "text", "file"} == set(bad["problems"][0])


def test_a_missing_config_is_told_with_the_remedy(path):
    path.unlink()
    done = run("--config", str(path), "check")
    assert done.exit_code == 2
    assert "minectl init" in done.stderr


def test_config_may_be_named_before_or_behind_the_verb_or_by_the_environment(path, tmp_path, monkeypatch):
    other = tmp_path / "other.txt"
    other.write_text(SITE.replace("1000", "500"))
    other.chmod(0o600)
    assert run("get", "site.power_cap_kw").stdout == "1000\n"
    assert run("--config", str(other), "get", "site.power_cap_kw").stdout == "500\n"
    assert run("get", "site.power_cap_kw", "--config", str(other)).stdout == "500\n"
    monkeypatch.setenv("MINECTL_CONFIG", str(other))
    assert run("get", "site.power_cap_kw").stdout == "500\n"


def test_show_and_get_are_typed(path):
    assert "[cap]\nmargin_pct = 6\nshed_pct = 97" in run("show").stdout
    shown = json.loads(run("show", "--json").stdout)
    assert shown["site"]["live"] is False
    assert run("get", "cap.margin_pct").stdout == "6\n"
    assert json.loads(run("get", "site.live", "--json").stdout) is False
    done = run("get", "cap.margin")
    assert done.exit_code == 2
    assert "did you mean margin_pct" in done.stderr


def test_set_undo_and_unset(path):
    done = run("set", "cap.margin_pct", "7")
    assert done.exit_code == 0
    assert "[cap] margin_pct: 6 -> 7" in done.stdout
    assert path.read_text() == SITE.replace("margin_pct = 6", "margin_pct = 7")
    assert run("undo").exit_code == 0
    assert path.read_text() == SITE
    assert "6 -> (default)" in run("unset", "cap.margin_pct").stdout


def test_a_set_that_would_not_check_is_refused_with_the_reason(path):
    done = run("set", "cap.margin_pct", "95")
    assert done.exit_code == 2
    assert "stays as it is" in done.stderr
    assert "95 is outside 3 to 30 %" in done.stderr
    assert path.read_text() == SITE


def editor(tmp_path, script):
    made = tmp_path / "editor"
    made.write_text(f"#!/bin/sh\n{script}\n")
    made.chmod(0o700)
    return str(made)


def test_edit_replaces_the_file_when_the_copy_checks(path, tmp_path, monkeypatch):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor(tmp_path, 'sed -i "s/margin_pct = 6/margin_pct = 8/" "$1"'))
    assert run("edit").exit_code == 0
    assert path.read_text() == SITE.replace("margin_pct = 6", "margin_pct = 8")
    assert (tmp_path / "config.txt.previous").read_text() == SITE


def test_edit_leaves_the_file_alone_when_the_copy_does_not_check(path, tmp_path, monkeypatch):
    monkeypatch.setenv("VISUAL", editor(tmp_path, 'sed -i "s/margin_pct = 6/margin_pct = nan/" "$1"'))
    done = run("edit")
    assert done.exit_code == 2
    assert "'nan' is not a whole number" in done.stderr
    assert path.read_text() == SITE
    assert list(tmp_path.glob("*.edit")) == []


@pytest.mark.parametrize(("number", "said"), [(30, "Read-only file system"), (28, "No space left on device")])
def test_edit_where_no_copy_can_be_written_says_so(path, tmp_path, monkeypatch, number, said):
    """A card that went read-only at night is told in a sentence, not in a traceback."""

    def refused(*_given, **_named):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("mine_controller.cli.config.tempfile.mkstemp", refused)
    done = run("edit")
    assert done.exit_code == 2
    assert done.stderr == f"config.txt stays as it is: no copy to edit can be written beside it ({said}).\n"
    assert path.read_text() == SITE


def test_edit_whose_half_written_copy_found_no_room_leaves_none(path, tmp_path, monkeypatch):
    class Full:
        def __init__(self, handle, _mode):
            os.close(handle)

        def __enter__(self):
            return self

        def __exit__(self, *_given):
            return None

        def write(self, _raw):
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr("mine_controller.cli.config.os.fdopen", Full)
    done = run("edit")
    assert done.exit_code == 2
    assert "no copy to edit can be written" in done.stderr
    assert list(tmp_path.glob("*.edit")) + list(tmp_path.glob(".*.edit")) == []


def test_edit_whose_editor_takes_the_copy_away_changes_nothing(path, tmp_path, monkeypatch):
    monkeypatch.setenv("VISUAL", editor(tmp_path, 'rm "$1"'))
    done = run("edit")
    assert done.exit_code == 2
    assert "what the editor left can't be read (No such file or directory)" in done.stderr
    assert path.read_text() == SITE


def test_edit_without_a_change_or_with_a_failing_editor_changes_nothing(path, tmp_path, monkeypatch):
    monkeypatch.setenv("VISUAL", "true")
    assert "Nothing was changed" in run("edit").stdout
    monkeypatch.setenv("VISUAL", "false")
    assert run("edit").exit_code == 2
    monkeypatch.setenv("VISUAL", "no-such-editor-here")
    assert "set $EDITOR" in run("edit").stderr
    assert path.read_text() == SITE


def test_import_writes_a_private_file_and_tells_every_key(path, tmp_path):
    old = tmp_path / "old.txt"
    old.write_text("[GENERAL]\nloop_interval_minutes = 2\nsms_api_key = canary\n")
    target = tmp_path / "new.txt"
    done = run("import", str(old), "--to", str(target))
    assert done.exit_code == 0
    assert "loop_interval_minutes -> [site] tick_s" in done.stderr
    assert "sms_api_key was not carried over because" in done.stderr
    assert target.stat().st_mode & 0o777 == 0o600
    assert "canary" not in done.output + target.read_text()
    again = run("import", str(old), "--to", str(target))
    assert again.exit_code == 2
    assert "exists" in again.stderr


def test_import_without_a_target_writes_nothing(path, tmp_path):
    old = tmp_path / "old.txt"
    old.write_text("LoopInterval=2\n")
    before = sorted(tmp_path.iterdir())
    done = run("import", str(old))
    assert done.stdout.endswith("[end]\n")
    assert sorted(tmp_path.iterdir()) == before


def test_sample_prints_one_section_or_all_of_them(path):
    assert run("sample").stdout.endswith("[end]\n")
    assert "#margin_pct = 5" in run("sample", "cap").stdout
    done = run("sample", "cpa")
    assert done.exit_code == 2
    assert "did you mean cap" in done.stderr


def test_init_makes_a_site_that_checks(path, tmp_path):
    target = tmp_path / "mine"
    done = CliRunner().invoke(init_command, ["--site", "coop-container", str(target)])
    assert done.exit_code == 0
    assert run("--config", str(target / "config.txt"), "check").exit_code == 0
    again = CliRunner().invoke(init_command, [str(target)])
    assert again.exit_code == 2
    assert "not empty" in again.stderr
    assert CliRunner().invoke(init_command, ["--force", str(target)]).exit_code == 0


def ticked(tmp_path):
    """As after a first tick: there is a database, so there is an audit log to tell."""
    (tmp_path / "mine_data.db").touch()


def filed(path):
    return [(one.verb, one.args, one.reason) for one in pending(load(path).paths)]


def test_every_change_asks_for_its_audit_row_with_secrets_as_stars(path, tmp_path, monkeypatch):
    ticked(tmp_path)
    run("set", "cap.margin_pct", "7")
    run("undo")
    monkeypatch.setenv("VISUAL", editor(tmp_path, 'sed -i "s/margin_pct = 6/margin_pct = 8/" "$1"'))
    run("edit")
    path.write_text(path.read_text().replace("[wiring]", "[foreman mine]\nclient = 1\nkey = canary-a\n\n[wiring]"))
    run("set", "foreman mine.key", "canary-b")
    assert filed(path) == [
        ("config", ("cap.margin_pct", "6", "7"), "changed"),
        ("config", ("cap.margin_pct", "7", "6"), "undone"),
        ("config", ("cap.margin_pct", "6", "8"), "edited"),
        ("config", ("foreman mine.key", "***", "***"), "changed"),
    ]
    assert b"canary" not in (tmp_path / "inbox.db").read_bytes()


def test_a_site_that_has_never_run_gets_no_inbox_from_a_change(path, tmp_path):
    run("set", "cap.margin_pct", "7")
    assert not (tmp_path / "inbox.db").exists()


def test_a_change_stands_when_the_audit_log_cannot_be_told(path, tmp_path):
    ticked(tmp_path)
    (tmp_path / "inbox.db").mkdir()
    done = run("set", "cap.margin_pct", "7")
    assert done.exit_code == 0
    assert "The change stands; the audit log could not be told" in done.stderr
    assert "margin_pct = 7" in path.read_text()


def test_an_undo_that_can_not_bring_back_a_file_that_is_gone_does_not_say_that_it_stays(path):
    path.with_name("config.txt.previous").write_text(SITE.replace("margin_pct = 6", "margin_pct = much"))
    path.unlink()
    done = run("undo", "--config", str(path))
    assert done.exit_code == 2
    assert f"{path} is still gone, because what was before would not check:" in done.stderr
    assert not path.exists()


def test_undo_tells_what_it_changed(path):
    run("set", "cap.margin_pct", "7")
    assert "[cap] margin_pct: 7 -> 6" in run("undo").stdout


def test_a_file_in_which_nothing_is_known_is_not_converted(path, tmp_path):
    other = tmp_path / "passwd"
    other.write_text("root:x:0:0::/root:/bin/sh\n")
    done = run("import", str(other), "--to", str(tmp_path / "new.txt"))
    assert done.exit_code == 2
    assert "nothing in it is an option" in done.stderr
    assert not (tmp_path / "new.txt").exists()


def test_an_old_file_of_which_nothing_is_carried_over_says_why_of_each_known_key(path, tmp_path):
    old = tmp_path / "config.py"
    old.write_text('NETWORK_SUBNET = "10.0.0.0/24"\nOTHER = 1\n')
    done = run("import", str(old))
    assert done.exit_code == 2
    assert "NETWORK_SUBNET was not carried over because `minectl discover` takes it" in done.stderr
    assert "OTHER" not in done.stderr


def test_an_old_file_that_is_not_utf8_is_told_with_the_remedy(path, tmp_path):
    old = tmp_path / "old.ini"
    for raw in ("LoopInterval=2\n".encode("utf-16"), b"LoopInterval=2\nname=M\xfcnster\n"):
        old.write_bytes(raw)
        done = run("import", str(old))
        assert (done.exit_code, "save the file as UTF-8" in done.stderr) == (2, True)


def test_a_mac_that_lost_its_zeros_in_a_spreadsheet_is_noted_by_the_check(place):
    table = place.path.with_name("fleet.csv")
    table.write_text(table.read_text().replace("02:11:22:33:00:03", "1122334455"))
    done = place.run("config", "check")
    assert done.exit_code == 0
    assert "fleet.csv:5: mac: 1122334455 is taken for a serial number; was it 00:11:22:33:44:55" in done.output
