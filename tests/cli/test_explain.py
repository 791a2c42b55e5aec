"""`minectl explain` as typed."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

from cli.conftest import seated
from cli.place import Place

from mine_controller.config.load import load
from mine_controller.core.model.reading import Value
from mine_controller.ops import explain, miners
from mine_controller.store import query


def curtailed(place):
    place.ticks(2, of=4)
    place.plant.signal = "off"
    return place.ticks(2)


def test_the_last_tick_is_explained_with_its_inputs_and_limits(place):
    shown = curtailed(place).run("explain").stdout
    assert "CURTAILED: the utility says off" in shown
    assert "max_power_w" in shown
    assert "inlet_c" in shown
    assert "differently" not in shown


def test_a_tick_of_several_rounds_tells_what_each_one_sent(place):
    told = json.loads(curtailed(place).run("explain", "--tick", "1", "--json").stdout)
    assert [(one["mode"], one["commands"]) for one in told["rounds"]] == [("CURTAILING", 8), ("CURTAILED", 0)]
    assert told["rounds"][0]["outcomes"] == {"accepted": 8}
    assert told["same"] is True


def test_a_tick_is_named_by_its_number_by_a_time_or_by_how_many_back(place):
    curtailed(place)
    at = query.ticks(place.config.paths, limit=10)[3].tick_at
    later = datetime.fromtimestamp(at + 50, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    ways = [place.run("explain", "--tick", way, "--json").stdout for way in (str(at), later, "3")]
    assert {json.loads(one)["tick"] for one in ways} == {at}


def test_clk2_of_a_time_that_ran_twice_the_newer_tick_is_explained_and_the_older_one_named(place):
    begins = 1_789_000_000
    place.began = begins - place.plant.now
    place.ticks(40)
    place.plant.signal = "off"
    place.began -= 3_607
    place.ticks(20)
    at = begins + 40 * 120 - 3_607 + 5 * 120
    time = datetime.fromtimestamp(at + 2, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    shown = place.run("explain", "--tick", time).stdout
    assert shown.startswith(f"Tick {at} of ")
    older = begins + 1_680
    assert f"The clock ran over this time twice; this is the newer tick, the older one is --tick {older}." in shown
    assert "CURTAILED: " in shown
    told = json.loads(place.run("explain", "--tick", time, "--json").stdout)
    assert (told["tick"], told["older"], told["same"]) == (at, older, True)
    shown = place.run("explain", "--tick", str(older)).stdout
    assert shown.startswith(f"Tick {older} of ")
    assert "twice" not in shown
    assert "RUNNING: " in shown


def test_a_tick_that_never_was_is_one_sentence(place):
    curtailed(place)
    assert place.run("explain", "--tick", "40").stderr == "minectl: only 4 ticks are kept\n"
    done = place.run("explain", "--tick", "2020-01-01")
    assert (done.exit_code, "no tick is kept from 2020-01-01 or before" in done.stderr) == (1, True)
    assert place.run("explain", "--tick", "yesterday").exit_code == 2


def test_before_the_first_tick_it_says_how_to_get_one(place):
    assert "no tick has run yet; `minectl tick` runs one" in place.run("explain").stderr


def test_the_matrix_shows_cause_and_effect_and_sends_nothing(place):
    place.ticks(2)
    sent = len(place.plant.sent)
    rows = json.loads(place.run("explain", "--matrix", "--json").stdout)
    modes = {row["input"]: row["mode"] for row in rows}
    assert modes["as it is"] == "RUNNING"
    assert modes["signal = off"] == "CURTAILING"
    assert modes["smoke = alarm"] == "EMERGENCY"
    starts = {row["input"]: row["starts"] for row in rows}
    assert not any(starts[name] for name in ("signal = off", "signal unknown", "smoke = alarm", "inlet_c unknown"))
    assert modes["inlet_c silent for 1 h"] in {"CURTAILING", "EMERGENCY"}  # an hour blind: nothing runs on
    assert len(place.plant.sent) == sent
    assert "signal = off" in place.run("explain", "--matrix").stdout


def test_a_limit_that_two_images_share_is_told_once(place):
    place.ticks(2)
    place.run("set-state", "signal", "off", "--reason", "drill", "--no-tick")
    place.ticks(1)
    lines = [line for line in place.run("explain").stdout.splitlines() if line.startswith("  safety ")]
    assert len(lines) == len(set(lines)) > 0


def test_the_lamp_is_explained_where_one_is_wired_and_nowhere_else(place):
    assert "lamp" not in place.ticks(2, of=4).run("explain").stdout.lower()
    assert json.loads(place.run("explain", "--json").stdout)["lamp"] is None
    place.wire("lamp = controlbyweb fans/10")
    place.plant.smoke = "alarm"
    shown = place.ticks(2).run("explain").stdout
    assert "\nLamp:   on: nobody has acked an emergency: smoke of site\n" in shown
    assert "  controlbyweb fans: on lamp relay (nobody has" in shown
    assert json.loads(place.run("explain", "--json").stdout)["lamp"]["wanted"] == "on"


def test_who_reads_fahrenheit_is_told_so_by_every_command_and_machines_in_celsius(place):
    place.path.write_text(place.path.read_text().replace("[site]\n", "[site]\ntemperature_unit = F\n", 1))
    place.config = load(place.path)
    place.ticks(2, of=3)
    place.plant.inlet = 36.5
    place.ticks()
    told = {("explain",): "97.7 °F is over 95.0 °F", ("explain", "--matrix"): "102.2 °F is over 100.4 °F"}
    for words, said in told.items():
        shown = " ".join(place.run(*words).stdout.split())
        assert (said in shown, "°C" in shown) == (True, False), words
        assert "°F" not in json.dumps(json.loads(place.run(*words, "--json").stdout), ensure_ascii=False), words
    assert "inlet_c 97.7 °F" in " ".join(place.run("explain").stdout.split())
    assert "inlet_c = 102.2 °F SHEDDING" in " ".join(place.run("explain", "--matrix").stdout.split())


def test_a_modes_reason_is_told_in_fahrenheit_where_a_person_reads_it(place):
    place.path.write_text(place.path.read_text().replace("[site]\n", "[site]\ntemperature_unit = F\n", 1))
    place.ticks(2, of=3)
    place.plant.inlet = 41.5
    place.ticks()
    for words in (("history",), ("health",), ("resume", "--reason", "looked")):
        shown = place.run(*words).stdout
        assert ("106.7 °F" in shown, "°C" in shown) == (True, False), words
    assert "41.5 °C" in json.loads(place.run("history", "--json").stdout)[0]["reason"]


def test_what_was_read_a_moment_after_the_tick_began_is_of_now():
    """A value is as old as its answer; `explain` and `miners show` called it -1 s old."""
    later = Value("run", 101, "power_signal coop:signal", "")
    image = SimpleNamespace(clock=SimpleNamespace(plant_s=100), site={"signal": later})
    assert explain.inputs(image, None)[0]["age_s"] == 0
    assert miners._age_s(image, later) == 0


def test_a_tick_of_shadow_mode_says_that_nothing_was_sent_also_once_the_site_is_live(tmp_path, monkeypatch):
    place = seated(Place(tmp_path, live=False), tmp_path, monkeypatch)
    curtailed(place)
    for now in ("live = no", "live = yes"):
        place.path.write_text(place.path.read_text().replace("live = no", now))
        for tick in ("0", "1"):
            assert "shadow mode: what was decided was not sent" in place.run("explain", "--tick", tick).stdout
            assert json.loads(place.run("explain", "--tick", tick, "--json").stdout)["live"] is False


def test_a_tick_of_a_live_site_says_nothing_of_shadow_mode(place):
    assert "shadow" not in curtailed(place).run("explain").stdout
    assert json.loads(place.run("explain", "--json").stdout)["live"] is True
