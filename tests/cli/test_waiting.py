"""What is asked of miners and can't be, or waits: told by name and with a reason, and never with exit code 0."""

import json
import re

import pytest
from cli.conftest import seated
from cli.home import FLEET, Home

from mine_controller.core.model.command import Outcome
from mine_controller.core.model.state import MinerBook
from mine_controller.devices import bitaxe
from mine_controller.ops import outcomes as what_came
from mine_controller.render.fleet import Unit

TWO = "2 addresses say they are this unit"
PDU = "\n[redfish pdu1]\nurl = http://127.0.0.1:9\nuser = admin\npassword = canary-pdu\n\n[wiring]\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """After the ticks in which every board was seen running; a few more may follow."""
    return seated(Home(tmp_path), tmp_path, monkeypatch).ticks(3, of=20)


def silence(home, name):
    home.plant.silent.add(name)
    return home.ticks(10)


def doubled(home, monkeypatch, name):
    """Two units claim this one's mac: the shelf's driver knows neither."""
    real, end = home._readings, f"02:77:00:00:00:{name[1:]}:address"
    monkeypatch.setattr(
        home,
        "_readings",
        lambda: [one._replace(value=None, why=TWO) if one.key.endswith(end) else one for one in real()],
    )
    return home.ticks(10)


def held(home, name):
    rows = json.loads(home.run("miners", "list", "--json").stdout)
    return next(row["held"] for row in rows if row["id"] == name)


# -- what can't be stopped --


@pytest.mark.parametrize("words", [("stop", "n01", "--for", "10m"), ("quarantine", "n01")])
def test_who_has_no_stop_and_no_outlet_is_refused_with_what_helps(home, words):
    done = home.run("miners", *words)
    assert done.exit_code == 1
    assert "n01 (nmminer top) has no stop" in done.stderr
    assert "pull its plug, or write the outlet it hangs on into fleet.csv" in done.stderr
    assert not home.config.paths.inbox.exists()


def test_a_stop_of_several_goes_to_those_that_have_one_and_names_the_others(home):
    done = home.run("miners", "stop", "--row", "b", "--yes")
    assert [one.args for one in home.requests()] == [("miner.b03", "stop")]
    assert (done.exit_code, "n01 (nmminer top) has no stop" in done.stderr) == (0, True)
    assert (home.plant.power["b03"], held(home, "n01")) == (2, {})
    home.run("miners", "stop", "--all", "--yes")
    assert home.requests()[-1].args == ("miners", "stop"), "everybody is everybody"


def test_whose_outlet_is_known_is_held_off_by_it(home):
    home.path.write_text(home.path.read_text().replace("\n[wiring]\n", PDU))
    home.fleet.write_text(FLEET.replace("row,note", "row,outlet").replace(",,b,\n", ",,b,redfish pdu1/A1\n", 2))
    home.fleet.write_text(home.fleet.read_text().replace("shelf,,b,redfish pdu1/A1", "shelf,,b,"))
    done = home.run("miners", "stop", "n01", "--no-tick")
    assert done.exit_code == 0, done.output
    assert [one.args for one in home.requests()] == [("miner.n01", "stop")]


def knows_no_stop(home, monkeypatch, *names):
    """The unit says so when it is told."""
    real = home._told

    def told(command):
        if command.verb == "stop" and command.target.removeprefix("miner ") in names:
            return Outcome(command.id, "unsupported", "this model has no command for it", None, home.plant.now)
        return real(command)

    monkeypatch.setattr(home, "_told", told)
    return home


SAYS_NONE = "b02 (bitaxe shelf) has said that it knows no stop over the network, and fleet.csv knows no outlet of it"


@pytest.mark.parametrize("words", [("stop", "b02", "--for", "1h"), ("quarantine", "b02")])
def test_who_says_that_it_knows_no_stop_is_told_as_that_with_what_a_person_can_do(home, monkeypatch, words):
    done = knows_no_stop(home, monkeypatch, "b02").run("miners", *words)
    assert done.exit_code == 1
    assert (
        "  b02 stop: unsupported by bitaxe shelf (this model has no command for it; nothing else can stop it: "
        "pull its plug, or write the outlet it hangs on into fleet.csv)\n"
    ) in done.stdout
    assert "has said" not in done.stderr, "it had not said so before"


@pytest.mark.parametrize("more", [("--no-tick",), ("--dry-run",), ()])
def test_who_has_said_so_before_is_told_of_beforehand(home, monkeypatch, more):
    knows_no_stop(home, monkeypatch, "b02").run("miners", "stop", "b02", "--for", "10m")
    done = home.run("miners", "stop", "--row", "a", "--for", "1h", "--yes", *more)
    assert f"Note: {SAYS_NONE}: it is told once more" in done.stderr
    assert "b01 (bitaxe shelf)" not in done.stderr
    assert done.exit_code == (0 if more else 1)
    assert "ways to stop it  bitaxe shelf (says it has no stop)" in home.run("miners", "show", "b02").stdout
    assert "ways to stop it  bitaxe shelf\n" in home.run("miners", "show", "b01").stdout


def test_where_the_outlet_did_what_its_own_word_could_not_the_stop_is_done(home, monkeypatch):
    home.path.write_text(home.path.read_text().replace("\n[wiring]\n", PDU))
    home.fleet.write_text(FLEET.replace("row,note", "row,outlet").replace("shelf,,a,", "shelf,,a,redfish pdu1/A1"))
    home.later()
    done = knows_no_stop(home, monkeypatch, "b02").run("miners", "stop", "b02", "--for", "1h")
    assert "  b02 stop: unsupported by bitaxe shelf (this model has no command for it)\n" in done.stdout
    assert "  b02 off: applied by redfish pdu1\n" in done.stdout
    assert done.exit_code == 0
    again = home.run("miners", "stop", "b02", "--for", "1h", "--dry-run")
    assert "has said" not in again.stderr


def test_where_nothing_is_sent_no_stop_is_promised(home):
    home.path.write_text(home.path.read_text().replace("[bitaxe shelf]\n", "[bitaxe shelf]\nlive = no\n"))
    done = home.run("miners", "stop", "b01")
    assert (done.exit_code, "[bitaxe shelf] has live = no: nothing is sent" in done.stderr) == (1, True)


# -- what waits --


def test_a_stop_of_a_unit_that_nobody_answers_as_is_filed_and_told_to_wait(home):
    done = silence(home, "b02").run("miners", "stop", "b02", "--for", "1h")
    assert "set-state miner.b02 stop: done, in force" in done.stdout
    assert "  b02 stop: waits: nobody answers as this unit; it is stopped when it does\n" in done.stdout
    assert done.exit_code == 75
    assert held(home, "b02")["miner"].startswith("stop by ")
    home.plant.silent.clear()
    home.ticks()
    assert ("b02", "stop", "") in home.plant.sent


def test_a_start_of_a_unit_that_nobody_answers_as_is_filed_and_told_to_wait(home):
    done = silence(home, "b02").run("miners", "start", "b01", "b02", "--for", "1h", "--yes")
    assert "set-state miner.b02 run: done, in force" in done.stdout
    assert [line for line in done.stdout.split("\n") if "waits" in line] == [
        "  b02 run: waits: nobody answers as this unit; it may start when it does"
    ]
    assert done.exit_code == 75
    home.plant.silent.clear()
    done = home.ticks().run("miners", "start", "b02", "--for", "1h")
    assert (done.exit_code, "waits" in done.stdout) == (0, False)


def test_a_start_that_a_limit_holds_back_is_a_wish_and_waits_for_nobodys_answer(home):
    home.run("miners", "stop", "b01", "--for", "1h")
    home.run("set-state", "max_power_kw", "0", "--for", "1h", "--reason", "x")
    done = home.run("miners", "start", "b01", "--for", "1h")
    assert (done.exit_code, "waits" in done.stdout, home.plant.power["b01"]) == (0, False, 2)


def test_a_start_whose_outlet_can_be_told_waits_for_no_answer(home):
    home.path.write_text(home.path.read_text().replace("\n[wiring]\n", PDU))
    lines = FLEET.replace("row,note", "row,outlet").replace("shelf,,a,", "shelf,,a,redfish pdu1/A1")
    home.fleet.write_text(lines)
    home.later()
    done = silence(home, "b02").run("miners", "start", "b02", "--for", "1h")
    assert ("b02 run: done, in force" in done.stdout, "waits" in done.stdout) == (True, False)


def test_a_start_of_a_unit_that_must_rest_says_for_how_long_and_counts(home):
    home.run("miners", "stop", "b01", "--for", "1h")
    done = home.run("miners", "start", "b01", "b02", "--for", "1h", "--yes")
    assert "set-state miner.b01 run: done, in force" in done.stdout
    lines = [line for line in done.stdout.split("\n") if "must stay off" in line]
    assert len(lines) == 1
    assert re.fullmatch(r"  b01 run: rests: must stay off \d+ min more", lines[0])
    assert done.exit_code == 0
    explained = home.run("explain").stdout
    assert lines[0].removeprefix("  b01 run: rests: ") in explained
    tree = json.loads(home.run("miners", "start", "b01", "--for", "1h", "--json").stdout)
    assert [(one["miner"], one["verb"], one["verdict"]) for one in tree["outcomes"]] == [("b01", "run", "rests")]


def test_a_start_of_a_unit_that_has_rested_says_nothing_of_rest(home):
    home.run("miners", "stop", "b01", "--for", "4h")
    done = home.ticks(12).run("miners", "start", "b01", "--for", "1h")
    assert (done.exit_code, "rests" in done.stdout) == (0, False)


def test_quarantine_of_a_silent_unit_waits_too(home):
    done = silence(home, "b02").run("miners", "quarantine", "b02")
    assert (done.exit_code, "b02 stop: waits: nobody answers" in done.stdout) == (75, True)


def test_a_mac_that_two_addresses_claim_is_why_a_stop_waits(home, monkeypatch):
    done = doubled(home, monkeypatch, "b02").run("miners", "stop", "--all", "--yes")
    assert f"  b02 stop: waits: nobody answers as this unit ({TWO})" in done.stdout
    assert "b01 stop: applied" in done.stdout
    assert done.exit_code == 75


def test_who_is_seen_off_already_waits_for_nothing(home):
    home.run("miners", "stop", "b01", "--for", "1h")
    done = home.ticks().run("miners", "stop", "b01", "--for", "2h")
    assert (done.exit_code, "waits" in done.stdout) == (0, False)


def test_a_mode_for_a_board_that_settles_says_for_how_long(home, monkeypatch):
    monkeypatch.setattr(bitaxe, "SETTLE_S", 300)
    home.later()
    home.run("miners", "restart", "b01")
    done = home.run("miners", "mode", "eco", "b01")
    assert "b01 mode eco: waits: it settles for " in done.stdout
    assert done.exit_code == 75
    assert home.ticks(4).plant.mode["b01"] == "eco"
    assert home.run("miners", "mode", "eco", "b01").exit_code == 0


@pytest.mark.parametrize("once", [(), ("--once",)])
def test_what_an_answering_board_waits_for_is_its_own_reason(home, once):
    home.run("miners", "mode", "eco", "b01")
    home.ticks(3)
    done = home.run("miners", "mode", "turbo", "b01", *once)
    assert "b01 mode turbo: waits: its flash memory is written at most every 25 min: " in done.stdout
    assert "does not answer" not in done.stdout
    assert done.exit_code == 75


def test_what_waits_behind_something_heavy_names_it_and_a_light_does_not_wait(home):
    home.run("miners", "mode", "eco", "b01", "--once")
    home.ticks(3)
    home.run("miners", "mode", "turbo", "b01", "--once")
    assert "b01 locate on: applied" in home.run("miners", "locate", "on", "b01").stdout
    done = home.run("miners", "restart", "b01")
    assert "b01 restart: waits: mode turbo was asked for before it and goes first; given up after " in done.stdout


def test_a_mode_for_a_silent_unit_waits_for_its_answer(home):
    done = silence(home, "b02").run("miners", "mode", "eco", "b02")
    assert "b02 mode eco: waits: nobody answers as this unit; told when it does" in done.stdout


def test_a_mode_a_board_took_and_has_not_shown_yet_waits_for_nothing(home, monkeypatch):
    monkeypatch.setattr(home.plant, "mode", dict.fromkeys(home.plant.mode, "standard"))
    real = home._told
    monkeypatch.setattr(
        home, "_told", lambda command: real(command._replace(verb="x") if command.verb == "mode" else command)
    )
    assert "b01 mode eco: applied" in home.run("miners", "mode", "eco", "b01").stdout
    home.plant.silent.add("b01")  # as a board that rests: it is not read again at once
    done = home.run("miners", "mode", "eco", "b01")
    assert (done.exit_code, "waits" in done.stdout) == (0, False)


def test_behind_an_outlet_without_a_meter_its_switch_is_all_that_can_be_known(home):
    spec = home.config.policy.wiring.miners[0]
    known = Unit(spec, "unknown", None, None, None, "off", None, MinerBook(quarantined="by hand"), "")
    assert list(what_came._stops(known, {}, set())) == []
    assert list(what_came._stops(known._replace(outlet="on"), {}, set())) != []
    assert list(what_came._stops(known._replace(power_w=900, state="running"), {}, set())) != []


# -- a dry run promises what the real one does --


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_mode_nobody_has_is_refused_by_a_dry_run_as_by_the_real_one(home, dry):
    done = home.run("miners", "mode", "low", "--all", "--yes", *dry)
    assert (done.exit_code, "b01 has no mode 'low'; it has eco" in done.output) == (1, True)
    assert not home.config.paths.inbox.exists()


def test_a_mode_for_all_is_asked_of_those_that_have_it(home):
    dry = home.run("miners", "mode", "eco", "--all", "--dry-run")
    assert "Would ask 3 of 4 to mode eco: b01, b02, b03" in dry.stdout
    assert "can't: n01 (nmminer top) takes no mode" in dry.stdout
    done = home.run("miners", "mode", "eco", "--all", "--yes", "--no-tick")
    assert (done.exit_code, [one.args for one in home.requests()]) == (0, [("mode.bitaxe shelf", "eco")])
    assert "Note: n01 (nmminer top) takes no mode" in done.stderr


def test_a_dry_run_is_judged_like_the_real_one(home):
    words = ("miners", "stop", "b01", "--reason", "")
    real, dry = home.run(*words), home.run(*words, "--dry-run")
    assert (dry.exit_code, dry.stderr) == (real.exit_code, real.stderr)
    assert (dry.exit_code, "a reason is needed" in dry.stderr) == (1, True)


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_dry_run_gives_the_notes_of_the_real_one(home, more):
    words = ("miners", "stop", "b01", *more)
    dry, real = home.run(*words, "--dry-run"), home.run(*words)
    assert "Note: on a live site it ends after 4 h" in real.stderr
    assert (dry.stderr, dry.exit_code) == (real.stderr, 0)
    assert "ends after" not in home.run("miners", "stop", "b01", "--for", "1h", "--dry-run").stderr
    assert "ends after" not in home.run("miners", "mode", "low", "--all", "--dry-run").stderr, "nobody has it"


def test_a_dry_run_lists_only_those_that_can_not(home):
    tree = json.loads(home.run("miners", "fan", "60", "--all", "--dry-run", "--json").stdout)
    assert list(tree["cannot"]) == ["n01"]
    assert "takes no fan" in tree["cannot"]["n01"]
    done = home.run("miners", "fan", "60", "n01", "--dry-run", "--json")
    assert (done.exit_code, json.loads(done.stdout)["requests"]) == (1, [])


# -- whoever is meant --


def test_an_id_is_found_whatever_its_case(home):
    assert json.loads(home.run("miners", "show", "B01", "--json").stdout)["id"] == "b01"
    done = home.run("miners", "stop", "B011")
    assert (done.exit_code, "did you mean b01" in done.stderr) == (2, True)
