"""`minectl miners` as typed: the list, what one or many are told, and the lines of fleet.csv."""

import json
from types import SimpleNamespace

import pytest
from cli.home import FLEET

from mine_controller.config.fleet import FLAGS
from mine_controller.core.model.command import Command
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.reason import Reason
from mine_controller.ops import miners as unit_rows
from mine_controller.ops import outcomes as what_came
from mine_controller.store import query
from mine_controller.store.db import StoreTrouble


def rows(done):
    return {row["id"]: row for row in json.loads(done.stdout)}


# -- looking --


def test_the_list_shows_who_it_is_and_what_it_does(seen):
    done = seen.run("miners")
    left, top = done.stdout.splitlines()[1], done.stdout.splitlines()[4]
    for word in ("b01", "Left", "Gamma 601", "127.77.1.1", "running", "hashing", "18", "1.21 TH/s", "58.5", "main"):
        assert word in left
    assert "956 kH/s" in top
    assert "4 of 4 running, 54 W (3 of 4 known)" in done.stdout


def test_what_is_not_known_is_a_dash_and_null_never_0(seen):
    seen.plant.silent.add("b02")
    found = rows(seen.ticks(5).run("miners", "list", "--json"))
    assert found["b02"]["chip_c"] is None
    assert (found["n01"]["power_w"], found["n01"]["hashrate_ths"], found["n01"]["mode"]) == (None, None, None)


def test_a_rate_told_before_a_unit_fell_silent_is_a_dash_and_stands_among_its_readings_with_its_age(seen, monkeypatch):
    seen.plant.silent.add("b02")
    real = seen._readings
    gone = Reading("bitaxe shelf/02:77:00:00:00:02:word", None, 0, "no answer in 8.0 s")
    monkeypatch.setattr(seen, "_readings", lambda: [*real(), gone])
    found = rows(seen.ticks(1).run("miners", "list", "--json"))
    assert (found["b01"]["hashrate_ths"], found["b02"]["hashrate_ths"]) == (1.21, None)
    assert found["n01"]["hashrate"] == "956.4 kH/s"
    tree = json.loads(seen.run("miners", "show", "b02", "--json").stdout)
    told = tree["readings"]["bitaxe shelf/02:77:00:00:00:02:hashrate_ths"]
    assert (tree["hashrate_ths"], told["value"], told["age_s"] >= 100) == (None, 1.21, True)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("--row", "a"), {"b01", "b02"}),
        (("--model", "gamma"), {"b01", "b02"}),
        (("--group", "bitaxe  shelf", "--row", "b"), {"b03"}),
        (("--all",), {"b01", "b02", "b03", "n01"}),
    ],
)
def test_filters_narrow_the_list(seen, words, ids):
    assert set(rows(seen.run("miners", "list", *words, "--json"))) == ids


def test_show_tells_every_reading_with_its_age_and_its_reason(seen):
    seen.plant.silent.add("b02")
    seen.ticks(2)
    done = seen.run("miners", "show", "b02")
    assert "bitaxe shelf/02:77:00:00:00:02" in done.stdout
    assert "model:text" not in done.stdout
    tree = json.loads(seen.run("miners", "show", "b01", "--json").stdout)
    assert tree["readings"]["bitaxe shelf/02:77:00:00:00:01:power_w"]["value"] == 18
    assert tree["modes"][0] == "eco"
    assert tree["ways"][0]["lane"] == "bitaxe shelf"


def test_before_the_first_tick_the_list_says_that_nothing_is_known(home):
    done = home.run("miners")
    assert done.exit_code == 0
    assert "No tick has run yet" in done.stderr
    assert "0 of 4 running, 0 W (0 of 4 known)" in done.stdout


def test_an_empty_fleet_tells_how_to_fill_it(home):
    home.fleet.write_text("id,mac,group\n")
    done = home.run("miners")
    assert (done.exit_code, "minectl discover --add" in done.stderr) == (1, True)
    done = home.run("miners", "list", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


# -- telling them something --


def test_stop_holds_one_miner_off_and_tells_what_was_sent(seen):
    done = seen.run("miners", "stop", "b01", "--for", "2h", "--reason", "hums")
    assert done.exit_code == 0
    assert "set-state miner.b01 stop: done, in force for" in done.stdout
    assert "  b01 stop: applied by bitaxe shelf" in done.stdout
    assert seen.plant.power["b01"] == 2
    assert rows(seen.run("miners", "list", "--json"))["b01"]["held"]["miner"].startswith("stop by ")


def test_the_request_carries_uid_tty_and_reason(seen, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "eve")
    seen.run("miners", "restart", "b01", "--reason", "stuck", "--no-tick")
    asked = seen.requests()[-1]
    assert (asked.verb, asked.args, asked.actor, asked.reason) == ("errand", ("b01", "restart"), "eve", "stuck")
    assert asked.uid >= 0


@pytest.mark.parametrize(
    ("words", "args"),
    [
        (("restart", "b01"), [("b01", "restart")]),
        (("restart", "--group", "bitaxe shelf"), [("group=bitaxe shelf", "restart")]),
        (("restart", "--model", "Gamma"), [("model=Gamma", "restart")]),
        (("restart", "--model", "Gamma", "--row", "a"), [("b01", "restart"), ("b02", "restart")]),
        (("locate", "on", "--row", "a"), [("row=a", "locate", "on")]),
        (("fan", "auto", "b01"), [("b01", "fan", "auto")]),
        (("fan", "60", "b02", "b01"), [("b01", "fan", "60"), ("b02", "fan", "60")]),
        (
            ("tune", "b01", "--frequency-mhz", "500", "--core-voltage-mv", "1100"),
            [("b01", "tune", "frequency_mhz=500 core_voltage_mv=1100")],
        ),
        (("mode", "eco", "b01", "--once"), [("b01", "mode", "eco")]),
        (("mode", "eco", "b01"), [("mode.b01", "eco")]),
        (("mode", "eco", "--group", "bitaxe shelf"), [("mode.bitaxe shelf", "eco")]),
        (("pool", "solo", "b01"), [("pool.b01", "solo")]),
        (("pool", "solo", "b01", "--once"), [("b01", "pool", "solo")]),
        (("stop", "--all"), [("miners", "stop")]),
        (("start", "--row", "a"), [("miner.b01", "run"), ("miner.b02", "run")]),
        (("quarantine", "b02"), [("b02",)]),
    ],
)
def test_each_verb_files_what_the_tick_understands(seen, words, args):
    done = seen.run("miners", *words, "--yes", "--no-tick")
    assert done.exit_code == 0, done.output
    assert [request.args for request in seen.requests()] == args


def test_an_errand_is_sent_and_its_outcome_told(seen):
    done = seen.run("miners", "restart", "b02", "--reason", "stuck")
    assert done.exit_code == 0, done.output
    assert "errand b02 restart: done, 1 of 1 taken" in done.stdout
    assert ("b02", "restart", "") in seen.plant.sent
    assert "  b02 restart: applied by bitaxe shelf" in done.stdout


def test_an_errand_to_a_board_that_rests_says_what_it_waits_for(seen):
    seen.run("miners", "stop", "b02", "--for", "1h", "--reason", "hums")
    done = seen.run("miners", "restart", "b02", "--reason", "stuck")
    assert done.exit_code == 75, done.output
    assert ("b02", "restart", "") not in seen.plant.sent
    assert "  b02 restart: waits: it is sleeping, and this needs it awake; given up after 60 min" in done.stdout


def came(verb, *verdicts, miner="b02"):
    return [{"miner": miner, "verb": verb, "value": None, "lane": "x", "verdict": one, "why": ""} for one in verdicts]


@pytest.mark.parametrize(
    ("words", "outcomes", "code"),
    [
        (("restart", "b02"), came("restart", "refused"), 1),
        (("restart", "b02"), came("restart", "unreachable"), 1),
        (("quarantine", "b02"), came("stop", "unsupported"), 1),
        (("stop", "b02"), came("stop", "unsupported", "applied"), 0),  # a second gentle way did
        (("stop", "b02"), [*came("stop", "unsupported"), *came("off", "applied")], 0),  # its outlet did
        (("stop", "b02"), [*came("stop", "unsupported"), *came("off", "refused")], 1),
        (("start", "b02"), [*came("run", "refused"), *came("on", "applied")], 0),
        (("mode", "eco", "b02"), came("mode", "refused"), 1),
        (("restart", "b02"), came("restart", "waits"), 75),
        (("restart", "b02"), came("restart", "unknown"), 0),
        (("locate", "on", "b02"), [*came("locate", "applied"), *came("restart", "waits"), *came("pool", "refused")], 0),
        (("restart", "--row", "a"), [*came("restart", "applied", miner="b01"), *came("restart", "refused")], 1),
    ],
)
def test_what_a_device_refused_is_no_exit_0(seen, monkeypatch, words, outcomes, code):
    monkeypatch.setattr(what_came, "outcomes", lambda *_: outcomes)
    assert seen.run("miners", *words, "--yes").exit_code == code


def test_outcomes_stand_in_the_json_too(seen):
    done = seen.run("miners", "stop", "b01", "--for", "1h", "--json")
    tree = json.loads(done.stdout)
    assert tree["outcomes"][0]["verdict"] == "applied"
    assert tree["requests"][0]["verdict"] == "done"


def test_a_mode_is_kept_until_changed_and_auto_ends_it(seen):
    assert seen.run("miners", "mode", "eco", "b01").exit_code == 0
    assert rows(seen.run("miners", "list", "--json"))["b01"]["held"]["mode"].startswith("eco by ")
    done = seen.run("miners", "auto", "b01")
    assert "clear-state mode.b01: done" in done.stdout
    assert "automatic already" in seen.run("miners", "auto", "b01").stdout


def test_who_is_held_with_its_group_or_with_everybody_is_not_called_automatic(seen):
    seen.run("miners", "mode", "eco", "--group", "bitaxe shelf", "--yes")
    done = seen.run("miners", "auto", "b01")
    ends = '`minectl clear-state "mode.bitaxe shelf"` ends it for all that it holds'
    assert (done.exit_code, ends in done.stderr, "automatic already" in done.stdout) == (1, True, False)
    assert seen.run("miners", "auto", "--group", "bitaxe shelf", "--yes").exit_code == 0
    assert "automatic already" in seen.run("miners", "auto", "b01").stdout
    seen.run("miners", "stop", "--all", "--for", "1h", "--yes")
    assert 'still held by miners: b01; `minectl clear-state "miners"`' in (seen.run("miners", "auto", "b01").stderr)


def test_what_is_told_once_against_a_hold_is_said_to_go_back(seen):
    seen.run("miners", "mode", "eco", "b01")
    note = "Note: b01 is held in mode eco and goes back, unless `minectl miners auto b01` ends it."
    assert note in seen.run("miners", "mode", "turbo", "b01", "--once", "--dry-run").stderr
    assert note in seen.run("miners", "tune", "b01", "--frequency-mhz", "500", "--dry-run").stderr
    assert note not in seen.run("miners", "mode", "eco", "b01", "--once", "--dry-run").stderr
    assert note not in seen.run("miners", "restart", "b01", "--dry-run").stderr


def test_more_than_one_is_asked_about_first(seen):
    done = seen.run("miners", "restart", "--row", "a", input="n\n")
    assert done.exit_code == 2
    assert "Tell 2 miners (b01, b02) to restart?" in done.stderr
    assert "nothing was asked of anybody" in done.stderr
    assert not seen.config.paths.inbox.exists()
    assert seen.run("miners", "restart", "--row", "a", "--no-tick", input="y\n").exit_code == 0


def test_without_anybody_to_answer_many_are_not_told(seen):
    assert seen.run("miners", "stop", "--all", input="").exit_code == 2
    assert not seen.config.paths.inbox.exists()


def test_a_dry_run_shows_who_would_be_asked_and_who_can_not(seen):
    done = seen.run("miners", "mode", "eco", "--once", "--all", "--dry-run")
    assert done.exit_code == 0
    assert "Would ask 3 of 4 to mode eco: b01, b02, b03" in done.stdout
    assert "request: errand b01 mode eco" in done.stdout
    assert "can't: n01 (nmminer top) takes no mode" in done.stdout
    assert not seen.config.paths.inbox.exists()
    tree = json.loads(seen.run("miners", "restart", "b01", "--dry-run", "--json").stdout)
    assert tree["requests"] == [{"verb": "errand", "args": ["b01", "restart"], "reason": "by hand"}]


def test_who_can_not_take_it_is_told_and_the_others_are_asked(seen):
    done = seen.run("miners", "fan", "60", "--row", "b", "--yes", "--no-tick")
    assert [request.args for request in seen.requests()] == [("b03", "fan", "60")]
    assert "n01 (nmminer top) takes no fan" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("restart",), 2, "name a miner, or say --model"),
        (("restart", "b0"), 2, "did you mean b0"),
        (("restart", "b01", "--all"), 2, "but not both"),
        (("restart", "--model", "S19"), 2, "no miner fits --model S19"),
        (("mode", "warp", "b01"), 1, "has no mode 'warp'; it has eco"),
        (("mode", "warp", "b01", "--once"), 1, "has no mode 'warp'"),
        (("mode", "b01", "eco"), 2, "`minectl miners mode eco b01`"),
        (("pool", "b01", "b02", "solo"), 2, "`minectl miners pool solo b01 b02`"),
        (("pool", "other", "b01"), 1, "has no pool 'other'; it has main, solo"),
        (("limit", "9000", "b01"), 1, "takes no limit"),
        (("tune", "n01", "--frequency-mhz", "500"), 1, "takes no tune"),
        (("fan", "140", "b01"), 2, "neither auto nor a share"),
        (("tune", "b01"), 2, "say what to set"),
        (("show", "zz"), 2, "there is no miner 'zz'"),
        (("profile", "quiet", "b01"), 2, "there is no profile 'quiet'"),
        (("quarantine", "b01", "--release"), 1, "there is nothing to do"),
    ],
)
def test_what_can_not_be_is_told_with_the_remedy_and_files_nothing(seen, words, code, said):
    done = seen.run("miners", *words)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
    assert not seen.config.paths.inbox.exists()


def test_a_mac_a_serial_or_an_address_will_do_for_an_id(seen):
    for name in ("02-77-00-00-00-02", "127.77.1.2", "027700000002"):
        assert json.loads(seen.run("miners", "show", name, "--json").stdout)["id"] == "b02"
    assert json.loads(seen.run("miners", "show", "nm-cyd-000001", "--json").stdout)["id"] == "n01"


def test_in_shadow_mode_it_says_that_nothing_is_sent(seen):
    seen.path.write_text(seen.path.read_text().replace("live = yes", "live = no"))
    done = seen.run("miners", "restart", "b01", "--no-tick")
    assert (done.exit_code, "shadow mode" in done.stderr) == (0, True)


def test_a_database_that_can_not_be_read_is_one_sentence(seen, monkeypatch):
    def broken(_config):
        raise StoreTrouble("corrupt", "the database is damaged")

    monkeypatch.setattr(unit_rows, "miners", broken)
    done = seen.run("miners")
    assert (done.exit_code, done.stderr) == (
        1,
        "minectl: the database is damaged; `minectl doctor` tells what helps\n",
    )


def test_an_outcome_without_an_answer_is_unknown(seen, monkeypatch):
    command = Command("1.0.1", "miner b01", "restart", "bitaxe shelf", "127.77.1.1", 0, Reason("x", "y"))
    recorded = SimpleNamespace(commands=(command,), outcomes=())
    monkeypatch.setattr(query, "records", lambda *_words: iter((recorded,)))
    (told,) = what_came.outcomes(seen.config, 0, ["b01"])
    assert (told["verdict"], told["why"]) == ("unknown", "the tick ended before its answer")


def test_quarantine_without_a_word_lists_who_is_in_it(seen):
    assert "Nobody is in quarantine." in seen.run("miners", "quarantine").stdout
    assert json.loads(seen.run("miners", "quarantine", "--json").stdout) == []


def test_only_miners_in_quarantine_are_released(seen, monkeypatch):
    real = unit_rows.miners

    def held(config):
        found = real(config)
        changed = tuple({**row, "quarantine": "hot" if row["id"] == "b02" else None} for row in found.rows)
        return found._replace(rows=changed)

    monkeypatch.setattr(unit_rows, "miners", held)
    assert "b02" in seen.run("miners", "quarantine").stdout
    seen.run("miners", "quarantine", "--row", "a", "--release", "--yes", "--no-tick")
    assert [(one.verb, one.args) for one in seen.requests()] == [("release", ("b02",))]


def test_a_start_that_nothing_could_come_of_is_refused_with_what_keeps_the_miner_off(seen):
    seen.run("miners", "quarantine", "b03")
    marked = seen.fleet.read_text().replace(",note\n", ",flags\n", 1).replace("shelf,,a,\n", "shelf,,a,spare\n")
    seen.fleet.write_text(marked.replace("shelf,Left,a,", "shelf,Left,a,maintenance"))
    seen.plant.power["b01"] = 2
    seen.later()
    seen.ticks(1)
    for name, why in (("b01", "is marked maintenance in fleet.csv"), ("b03", "`minectl release b03` lets it out")):
        done = seen.run("miners", "start", name, "--no-tick")
        assert (done.exit_code, why in done.stderr) == (1, True), done.stderr
    done = seen.run("miners", "start", "b02", "--for", "1h", "--no-tick")
    assert (done.exit_code, "spare" in done.stderr) == (0, False), "it runs, and may be kept running"


# -- the list itself --


def test_add_writes_one_line_and_an_audit_row(seen):
    done = seen.run("miners", "add", "b07", "02-77-00-00-00-07", "--group", "bitaxe shelf", "--row", "c")
    assert done.exit_code == 0, done.output
    assert seen.fleet.read_text() == FLEET + "b07,02-77-00-00-00-07,bitaxe shelf,,c,\n"
    row = seen.requests()[-1]
    assert (row.verb, row.args) == ("config", ("fleet.csv b07", "", "02-77-00-00-00-07 in bitaxe shelf"))
    seen.later()
    seen.ticks()
    assert [event.kind for event in query.events(seen.config.paths, kind="request")]


def test_the_list_is_changed_with_what_the_check_notes_of_it(home):
    gone = "nmminer top]: is asked, but nothing in [wiring] or fleet.csv uses it\n"
    done = home.run("miners", "remove", "n01", "--yes")
    assert "\nnote: config.txt:" in done.stdout
    assert done.stdout.endswith(gone)
    assert "note:" not in home.run("miners", "add", "n01", "NM-CYD-000001", "--group", "nmminer top").stdout
    home.fleet.write_text("id,mac,group\n")
    done = home.run("miners", "add", "b07", "02:77:00:00:00:07", "--group", "bitaxe shelf")
    assert done.stdout.endswith("\nnote: config.txt: absent, so their rules don't exist: outlets\n")


def test_add_needs_the_section_where_there_are_several(home):
    done = home.run("miners", "add", "b07", "02:77:00:00:00:07")
    assert (done.exit_code, "'bitaxe shelf' or 'nmminer top'" in done.stderr) == (2, True)


def test_add_refuses_what_the_file_has_no_column_for(home):
    home.fleet.write_text("id,mac,group\n")
    done = home.run("miners", "add", "b07", "02:77:00:00:00:07", "--group", "bitaxe shelf", "--flags", "protected")
    assert (done.exit_code, "has no column flags: add it to its first line" in done.stderr) == (2, True), done.output
    assert home.fleet.read_text() == "id,mac,group\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("b01", "02:77:00:00:00:07"), "b01 stands twice"),
        (("b07", "02:77:00:00:00:01"), "stands twice"),
        (("b07", "nonsense!"), "neither a MAC address nor a serial"),
    ],
)
def test_a_line_that_would_not_check_is_not_written(home, words, said):
    done = home.run("miners", "add", *words, "--group", "bitaxe shelf")
    assert (done.exit_code, said in done.stderr) == (2, True)
    assert home.fleet.read_text() == FLEET


def test_remove_takes_the_line_and_keeps_the_wear_book(seen):
    done = seen.run("miners", "remove", "b02", "--yes")
    assert done.exit_code == 0
    assert seen.fleet.read_text() == FLEET.replace("b02,02:77:00:00:00:02,bitaxe shelf,,a,\n", "")
    assert seen.fleet.with_name("fleet.csv.previous").read_text() == FLEET
    assert seen.requests()[-1].args == ("fleet.csv b02", "02:77:00:00:00:02 in bitaxe shelf", "")


def test_a_dry_run_of_remove_shows_the_line_and_changes_nothing(seen):
    before = (seen.path.parent / "fleet.csv").read_text()
    done = seen.run("miners", "remove", "b02", "b02", "--dry-run")
    assert (done.exit_code, done.stdout.count("would take out b02: ")) == (0, 1)
    assert (seen.path.parent / "fleet.csv").read_text() == before
    assert seen.run("miners", "remove", "nobody", "--dry-run").exit_code == 2


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("9240.5 / 9188.1 / ? H/s rx/0", "9.24 kH/s rx/0"),
        ("512 H/s", "512 H/s"),
        ("1015.4 kH/s", "1.02 MH/s"),
        ("quick", "quick"),
        (None, None),
    ],
)
def test_a_processors_rate_stands_in_a_fitting_unit(told, shown):
    from mine_controller.cli.miners import _rate  # noqa: PLC0415

    assert _rate({"hashrate_ths": None, "hashrate": told}) == shown


def test_remove_asks_first_and_names_nobody_unknown(home):
    done = home.run("miners", "remove", "b02", input="n\n")
    assert (done.exit_code, home.fleet.read_text()) == (2, FLEET)
    assert "there is no miner 'zz'" in home.run("miners", "remove", "zz").stderr


VERBS = (
    "list", "show", "add", "remove", "stop", "start", "restart", "mode", "pool", "limit", "fan", "locate", "tune",
    "profile", "quarantine", "auto",
)  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(home, verb):
    done = home.run("miners", verb, "--help")
    assert done.exit_code == 0
    assert f"  minectl miners {verb}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_the_help_of_add_names_every_flag(seen):
    assert all(flag in seen.run("miners", "add", "--help").stdout for flag in FLAGS)
