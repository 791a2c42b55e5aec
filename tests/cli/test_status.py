"""`minectl status` as typed."""

import json
import time

import pytest
from cli.place import Place
from click.testing import CliRunner

from mine_controller.cli.main import group
from mine_controller.cli.screen import _fans, _supply, screen
from mine_controller.ports.show import facts


def test_the_first_line_is_the_mode_and_why(place):
    place.ticks(2)
    first = place.run("status").stdout.splitlines()[0]
    assert first == "RUNNING: 8 of 8 miners run"


def test_no_line_is_wider_than_eighty_columns_even_with_long_reasons(place):
    place.ticks(2, of=4)
    place.plant.dead = {"roomalert intake"}
    place.plant.signal = None
    place.ticks(2)
    place.run("set-state", "fan.3", "off", "--reason", "the belt of this fan squeals so loudly that " * 4)
    lines = place.run("status").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("squeals" in line for line in lines)
    assert any("roomalert intake" in line and "no answer in 6.0 s" in line for line in lines)


def test_everything_an_owner_asks_for_is_on_the_screen(place):
    place.ticks(2)
    shown = place.run("status").stdout
    for word in ("Next", "Power", "of 1,000.0 kW cap", "inlet 25.0 °C", "9 of 9 on, 9 proven", "Signal", "run, since",
                 "8 of 8 running", "Obeying", "Alarms     none", "6 of 6 answer", "Data"):  # fmt: skip
        assert word in shown


def test_what_was_asked_for_and_no_tick_has_taken_yet_stands_below_the_mode(place):
    """A tick may need minutes until it does: who pressed the stop read RUNNING and no word of it."""
    place.ticks(2)
    assert "Asked" not in place.run("status").stdout
    place.run("emergency-stop", "--reason", "smoke seen", "--no-tick", "--yes")
    for at in range(1, 6):
        place.run("set-state", f"fan.{at}", "on", "--reason", "a try", "--no-tick")
    shown = place.run("status").stdout
    lines = shown.splitlines()
    assert lines[0].startswith("RUNNING")
    asked = [line for line in lines if line.startswith("Asked")]
    assert len(asked) == 4
    assert "emergency-stop" in asked[0]
    assert "fan.5 on" in asked[1]
    assert "and 2 more" in shown
    assert "no tick has taken it yet" in " ".join(shown.split())
    assert max(map(len, lines)) <= 80
    place.ticks(1)
    assert "Asked" not in place.run("status").stdout


def test_an_inbox_that_is_damaged_is_not_told_as_the_database(place):
    """What the mine knows is whole; what was asked for is lost, and the next request begins a new file."""
    place.ticks(2)
    place.config.paths.inbox.write_bytes(b"x" * 5000)
    shown = place.run("status").stdout
    words = "Asked what waits for a tick can't be read: file is not a database; ask for it again"
    assert words in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    place.run("fans", "on", "3", "--for", "1h", "--reason", "a try", "--no-tick")
    assert "Asked set-state fan.3 on" in " ".join(place.run("status").stdout.split())


def test_an_uplink_that_is_back_and_does_not_count_yet_says_so(place):
    """While the holding pool still has the miners, `up` alone would be a riddle."""
    shown = json.loads(place.ticks(2).run("status", "--json").stdout)
    words = (("a", "up", "up"), ("b", "up", "down"), ("c", "down", "up"), ("d", None, None), ("e", None, "down"))
    links = [{"name": name, "link": link, "counts": counts} for name, link, counts in words]
    told = " ".join(" ".join(screen(shown | {"uplinks": links}, place.config, shown["tick_at"])).split())
    assert "a up, b up (counts as down), c down (counts as up), d unknown, e unknown (counts as down)" in told


@pytest.mark.parametrize(("supply_kw", "told"), [(0.4, "source 400 W"), (390.0, "source 390.0 kW")])
def test_a_small_source_is_not_rounded_to_nothing_and_a_temperature_keeps_its_unit(place, supply_kw, told):
    shown = json.loads(place.ticks(2).run("status", "--json").stdout)
    known = {"age_s": 0, "why": "", "source": ""}
    readings = {"grid_hz": known | {"value": 49.98}, "supply_kw": known | {"value": supply_kw}}
    readings |= {"dew_c": known | {"value": 12.0}}
    lines = " ".join(" ".join(screen(shown | {"readings": readings}, place.config, shown["tick_at"])).split())
    assert f"grid 49.98 Hz, {told}, dew point 12.0 °C" in lines


def test_in_the_night_the_clocks_go_back_the_hour_that_comes_twice_is_named(place):
    back = 1_793_516_400  # 2026-11-01 07:00 UTC: in Chicago 02:00 CDT becomes 01:00 CST
    shown = json.loads(place.ticks(2).run("status", "--json").stdout)
    config = place.config._replace(site=place.config.site._replace(timezone="America/Chicago"))
    for since, text in ((back - 1800, "since 01:30:00 CDT"), (back + 1800, "since 01:30:00 CST")):
        assert any(text in line for line in screen(shown | {"mode_since": since}, config, back + 3600))
    assert facts(config, back).fold.at == back
    assert facts(config, back + 100 * 86_400).fold is None


def test_old_data_is_said_to_be_old_in_red_on_a_terminal_alone(place):
    place.ticks(2, of=12)  # the last one began twenty minutes ago
    assert "OLD: the last tick was 22 min ago" in place.run("status").stdout
    assert "\x1b" not in place.run("status").stdout
    assert "\x1b[31m\x1b[1mData" in place.run("status", color=True).stdout


def test_a_mine_of_which_nothing_is_read_says_so_before_any_figure(place):
    assert "NOTHING IS READ" not in place.ticks(2, of=6).run("status").stdout
    place.plant.dead = set(place.config.endpoints)
    shown = place.ticks(2).run("status").stdout
    assert "NOTHING IS READ: none of 6 inputs answers (no answer in 6.0 s)" in " ".join(shown.split())
    assert shown.index("NOTHING IS READ") < shown.index("Power")
    assert max(map(len, shown.splitlines())) <= 80


def test_fresh_data_is_not_called_old(place):
    assert "OLD" not in place.ticks(2).run("status").stdout


def test_json_is_the_document_of_the_page_with_its_age_now(place):
    place.ticks(2)
    place.config.paths.www.mkdir()
    tick_at = int(time.time()) - 7
    written = {"mode": "HOLD", "tick_at": tick_at, "age_s": 0}
    (place.config.paths.www / "status.json").write_text(json.dumps(written))
    told = json.loads(place.run("status", "--json").stdout)
    assert (told["mode"], told["tick_at"]) == ("HOLD", tick_at)
    assert 7 <= told["age_s"] <= 60


def test_every_age_of_the_page_is_counted_until_now(place):
    place.ticks(2)
    place.config.paths.www.mkdir()
    now = int(time.time())
    written = {"mode": "HOLD", "tick_at": now, "written_at": now - 50, "signal": {"age_s": 4, "since": 7}}
    written |= {"inputs": [{"asked_s": 5, "age_s": None}]}
    (place.config.paths.www / "status.json").write_text(json.dumps(written))
    told = json.loads(place.run("status", "--json").stdout)
    assert 54 <= told["signal"]["age_s"] <= 60
    assert told["signal"]["since"] == 7
    assert 55 <= told["inputs"][0]["asked_s"] <= 61
    assert told["inputs"][0]["age_s"] is None


@pytest.mark.parametrize(
    "body", ["{", "[1]", '{"mode": "RUNNING", "tick_at": 5}', '{"mode": "RUNNING", "tick_at": null}']
)
def test_a_page_that_is_cut_or_older_than_the_database_gives_way_to_the_book(place, body):
    place.ticks(2)
    place.config.paths.www.mkdir()
    (place.config.paths.www / "status.json").write_text(body)
    told = json.loads(place.run("status", "--json").stdout)
    assert told["why"] == "8 of 8 miners run"
    assert told["schema"] == 1


def test_before_the_first_tick_there_is_one_sentence_and_exit_one(place):
    done = place.run("status")
    assert done.exit_code == 1
    assert done.stderr == (
        "minectl: no tick has run yet; `minectl tick` runs one, `minectl tick --dry-run` without changing anything\n"
    )


def test_a_device_text_cannot_write_on_the_terminal(place):
    place.ticks(1, of=2)
    place.plant.garbage["power_signal coop:signal"] = "\x1b[2Jrun"
    place.ticks()
    assert "\x1b" not in place.run("status", color=False).output
    assert "\x1b[2J" not in place.run("status", color=True).output


def test_shadow_mode_is_said(tmp_path):
    assert "shadow mode: nothing is sent" in Place(tmp_path, live=False).ticks(2).run("status").stdout


def test_without_a_config_the_file_that_is_missed_is_named(tmp_path):
    done = CliRunner().invoke(group, ["status", "--config", str(tmp_path / "none.txt")])
    assert done.exit_code == 2
    assert "none.txt: is missing; `minectl init" in done.stderr


def test_the_lamp_is_on_the_screen_where_one_is_wired(place):
    assert "Lamp" not in place.ticks(2, of=4).run("status").stdout
    place.wire("lamp = controlbyweb fans/10")
    shown = place.ticks(2).run("status").stdout
    assert "\nLamp       unknown (never read), wanted dark; nothing calls for people\n" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_fans_whose_board_is_silent_are_not_called_off():
    def told(*ons):
        return _fans([{"name": str(at), "on": on, "state": "proven"} for at, on in enumerate(ons, 1)])

    assert told(None, None) == "relays unknown, 2 proven"
    assert told(True, None, False) == "1 of 3 on, 1 relays unknown, 3 proven"
    assert told(True, False) == "1 of 2 on, 2 proven"


def test_fans_that_no_meter_watches_are_not_told_as_nought_proven_and_starting():
    def fan(at, *, on, state, metered):
        return {"name": str(at), "on": on, "state": state, "metered": metered}

    dark = [fan(at, on=at != 3, state="off" if at == 3 else "starting", metered=False) for at in (1, 2, 3)]
    assert _fans(dark) == "2 of 3 on, no meter"
    assert _fans([dark[0], fan(2, on=True, state="failed", metered=False)]) == "2 of 2 on, no meter, 1 failed (2)"
    assert _fans([fan(7, on=True, state="proven", metered=True), *dark]) == "3 of 4 on, 1 proven, 2 no meter (1, 2)"


@pytest.mark.parametrize(("known", "told"), [(24, "33.0 kW counts, 45 % of it used"), (20, "at least 45 % of it used")])
def test_what_is_used_of_the_source_is_at_least_that_where_some_parts_are_unknown(known, told):
    supply = {"held_w": 33_000, "used_pct": 45.2, "over": False}
    shown = {"supply": supply, "power_source": "parts", "power_known": known, "power_of": 24}
    assert told in _supply(shown).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("told", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_who_wants_no_colours_gets_none_from_any_command(place, monkeypatch, told, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    place.ticks(2)
    shown = place.run("status", color=True, env=told).stdout
    assert ("\x1b[" in shown) is coloured
    assert "RUNNING: 8 of 8 miners run" in shown


def test_the_power_its_cap_and_what_is_free_have_one_unit(place):
    shown = json.loads(place.ticks(2).run("status", "--json").stdout)
    shown |= {"power_w": 9_740, "power_source": "meter", "cap_w": 10_000, "permitted_w": 9_100}
    lines = " ".join(" ".join(screen(shown, place.config, shown["tick_at"])).split())
    assert "9.7 kW of 10.0 kW cap (by the meter); miners may draw 9.1 kW" in lines.replace("\xa0", " ")
    shown |= {"power_w": 740, "cap_w": 900, "permitted_w": 850}
    lines = " ".join(" ".join(screen(shown, place.config, shown["tick_at"])).split())
    assert "740 W of 900 W cap (by the meter); miners may draw 850 W" in lines.replace("\xa0", " ")
