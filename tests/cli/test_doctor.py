"""`minectl doctor`, `probe` and `record` as typed, against a port on which nobody listens."""

import json

import pytest
from cli.place import Place, closed_port

from mine_controller.ops import doctor
from mine_controller.ops.checks.check import Machine


@pytest.fixture
def silent(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "Machine", lambda: Machine(tmp_path, run=lambda _line: ""))
    return Place(tmp_path, port=closed_port())


def checks(done):
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_a_device_that_does_not_answer_fails_with_its_remedy(silent):
    done = silent.run("doctor", "--json")
    found = checks(done)
    assert done.exit_code == 1
    for section in silent.config.endpoints:
        assert found[section]["verdict"] == "fail"
        assert f'minectl probe "{section}"' in found[section]["remedy"]
    assert "refused" in found["roomalert intake"]["text"]


def test_what_answered_in_the_last_tick_is_not_asked_again(silent):
    found = checks(silent.ticks(3).run("doctor", "--json"))
    assert found["roomalert intake"]["text"].startswith("answered 1")
    assert all(found[section]["verdict"] == "ok" for section in silent.config.endpoints)


def test_a_live_probe_asks_every_device_now(silent):
    found = checks(silent.ticks(3).run("doctor", "--live-probe", "--json"))
    assert found["roomalert intake"]["verdict"] == "fail"


def test_a_good_site_has_nothing_that_failed_and_ends_with_zero(silent):
    done = silent.ticks(3).run("doctor")
    assert done.exit_code == 0, done.stdout
    assert "29 checks: 0 failed" in done.stdout
    assert "slowest obedience" in done.stdout
    assert "your notice is 600 s" in done.stdout


def test_a_failure_says_what_helps_on_the_next_line(silent):
    lines = silent.run("doctor").stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("fail  redfish pdu1"))
    assert lines[at + 1].strip().startswith("-> it is there and nothing listens")


def test_a_broken_config_without_a_good_one_before_it_fails_and_does_not_end_the_examination(silent):
    silent.path.write_text("[site]\nname = x\n")
    done = silent.run("doctor", "--json")
    found = checks(done)
    assert done.exit_code == 1
    assert "config.txt has" in found["config"]["text"]
    assert "memory" in found


def test_no_secret_is_told(silent):
    told = silent.run("doctor").output + silent.run("probe", "redfish pdu1").output
    assert "canary" not in told


def test_probe_shows_the_exchange_and_ends_with_one_when_nothing_is_read(silent):
    done = silent.run("probe", "roomalert intake")
    assert done.exit_code == 1
    assert "GET http://127.0.0.1:" in done.stdout
    told = json.loads(silent.run("probe", "intake", "--json").stdout)
    assert (told["section"], told["ok"]) == ("roomalert intake", False)


def test_a_section_that_is_none_is_told_with_the_nearest_one(silent):
    done = silent.run("probe", "roomalert intak")
    assert (done.exit_code, "did you mean roomalert intake?" in done.stderr) == (2, True)
    assert "several are called so: iotawatt fans, controlbyweb fans" in silent.run("probe", "fans").stderr


def test_record_of_a_silent_device_stores_nothing(silent, tmp_path):
    done = silent.run("record", "roomalert intake", "--to", str(tmp_path / "case"))
    assert (done.exit_code, "no answer: connection refused" in done.stderr) == (1, True)
    assert not (tmp_path / "case").exists()


def test_record_writes_over_no_folder_that_holds_something(silent, tmp_path):
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "mine.txt").write_text("x")
    assert "is not empty" in silent.run("record", "intake", "--to", str(tmp_path / "case")).stderr


def test_live_sends_a_test_by_every_channel_and_asks_every_device(silent, monkeypatch):
    seen = {}

    def examine(_path, **about):
        seen.update(about)
        return ()

    monkeypatch.setattr(doctor, "examine", examine)
    assert silent.run("doctor", "--live").exit_code == 0
    assert (seen["ask_now"], seen["send"]) == (True, True)
    silent.run("doctor", "--live-probe")
    assert (seen["ask_now"], seen["send"]) == (True, False)


def test_a_config_that_is_not_there_has_no_line(silent):
    silent.path.unlink()
    text = checks(silent.run("doctor", "--json"))["config"]["text"]
    assert text.startswith("config.txt has a problem: is gone; `minectl config undo`")
