"""`minectl bands`, `prices`, `pools`, `schedule` and `report costs`, as an owner types them."""

import json
import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path

import pytest
from cli.agile import BANDS, Home
from cli.conftest import seated

from mine_controller.cli.report import _notes
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.core.money.ledger import Line
from mine_controller.ops.chart import svg
from mine_controller.ops.costs import reported, row
from mine_controller.ops.windows import rows

QUIET = "[schedule quiet]\nhours = 22:00-07:00\nmodes = eco\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    return seated(Home(tmp_path), tmp_path, monkeypatch)


def problems(folder: Path, bands: str) -> list[str]:
    with pytest.raises(ConfigError) as wrong:
        Home(folder, bands)
    return [f"{one.section}: {one.option}: {one.text}" for one in wrong.value.problems]


# -- the config -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[band 1]\ncoin = off", "[band 1]\nmax_price = 40", "prices of 40 and above belong to no band"),
        ("max_price = 12", "max_price = 20", "must be below that of [band 2]"),
        ("max_price = 12\n", "", "max_price: is missing: only the first, dearest band has none"),
        ("bitaxe standard", "bitaxe loud", "bitaxe has no mode loud; it has eco, standard, turbo, overclock"),
        ("bitaxe standard", "octopus high", "octopus has no modes"),
        ("bitaxe standard", "bitaxe attic eco", "there is no section [bitaxe attic]"),
        ("bitaxe standard", "bitaxe", "'bitaxe' is not understood; write bitaxe eco"),
        ("bitaxe standard", "bitaxe eco, bitaxe turbo", "names bitaxe twice"),
        ("coin = BTC", "coin = BTC\npool = bct", "there is no [pool bct]"),
        ("coin = BTC", "coin = BTC\npool = dgb", "mines DGB, and the band is for BTC"),
        ("coin = BTC", "coin = best", "best needs [profit] with choose = yes"),
        ("[band 1]", "[band]\ndefault_band = 9\n[band 1]", "there is no [band 9]"),
        ("[band 3]", "[band off]", "a band called off mines nothing: write coin = off"),
    ],
)
def test_what_is_wrong_between_bands_is_told_with_its_line(tmp_path, old, new, told):
    assert any(told in one for one in problems(tmp_path, BANDS.replace(old, new)))


def test_a_coin_without_a_pool_is_a_note_and_no_error(tmp_path):
    notes = Home(tmp_path, BANDS.replace("coin = BTC", "coin = BCH")).config.notes
    assert any("no active [pool] mines BCH: miners stay on their pools" in one.text for one in notes)


def test_bands_without_a_price_are_a_note(home):
    home.path.write_text(home.path.read_text().replace("price = octopus agile\n", ""))
    assert any("decides nothing while [wiring] has no active price" in one.text for one in load(home.path).notes)


# -- bands ------------------------------------------------------------------------------------------------------------


def test_the_list_shows_edges_coins_modes_and_what_holds_now(home):
    home.prices(*[15.0] * 8, ticks=4).ticks(4)
    shown = home.run("bands").output
    assert shown.splitlines()[2].split()[:6] == [">", "2", "12.0", "20.0", "DGB", "-"]
    assert "bitaxe eco, nerdqaxe eco, avalon low" in shown
    assert "Now 2 since" in shown
    assert "the price is 15 p/kWh" in shown


def test_before_any_tick_the_list_says_so(home):
    assert "No tick has decided yet which band holds." in home.run("bands", "list").output


def test_bands_whose_price_left_the_config_are_listed_as_what_they_are(home):
    home.prices(*[15.0] * 8, ticks=3).ticks(2)
    home.path.write_text(home.path.read_text().replace("price = octopus agile\n", ""))
    home.ticks(1)
    assert home.run("bands", "list").output.splitlines()[-1] == "They decide nothing: [wiring] has no active price."


def test_set_keeps_comments_tells_the_audit_log_and_holds_at_once(home):
    home.prices(*[15.0] * 8, ticks=6).ticks(4)
    result = home.run("bands", "set", "2", "--max-price", "14", "--coin", "BTC")
    assert result.exit_code == 0, result.output
    assert "[band 2] max_price: 20 -> 14" in result.output
    text = home.path.read_text()
    assert "# nights and other half-price hours\n[band 2]\nmax_price = 14\ncoin = BTC\n" in text
    told = json.loads(home.run("events", "--kind", "request", "--json").output)
    assert any("band 2.max_price" in one["text"] for one in told)


def test_set_refuses_what_would_not_check_and_changes_nothing(home):
    before = home.path.read_text()
    result = home.run("bands", "set", "3", "--max-price", "25")
    assert (result.exit_code, home.path.read_text()) == (2, before)
    assert "must be below that of [band 2]" in result.output


@pytest.mark.parametrize("name", ["a b", "", "x]", "ä", "-"])
def test_a_name_no_band_can_have_is_refused_in_one_sentence(home, name):
    before = home.path.read_bytes()
    result = home.run("bands", "set", name, "--max-price", "3", "--no-tick")
    assert (result.exit_code, result.stderr.count("is no name of a band")) == (1, 1)
    assert home.path.read_bytes() == before


def test_a_value_of_several_lines_writes_no_section_of_its_own(home):
    before = home.path.read_bytes()
    done = home.run("bands", "set", "3", "--modes", "bitaxe eco\n[deadman]\nurl = https://ping.example/c")
    assert (done.exit_code, done.stderr) == (1, "minectl: band 3.modes: a value is one line of text\n")
    assert home.path.read_bytes() == before


def test_a_new_band_goes_to_its_place_by_price_above_the_comment_of_the_next(home):
    assert home.run("bands", "set", "mid", "--max-price", "30", "--coin", "DGB").exit_code == 0
    text = home.path.read_text()
    assert text.index("[band 1]") < text.index("[band mid]") < text.index("# nights") < text.index("[band 2]")
    assert home.run("bands", "set", "gift", "--max-price", "0", "--coin", "BTC").exit_code == 0
    assert [one.name for one in load(home.path).policy.rules["band"].sections] == ["1", "mid", "2", "3", "gift"]


def test_an_empty_value_takes_the_option_out(home):
    assert home.run("bands", "set", "3", "--modes", "").exit_code == 0
    assert load(home.path).policy.rules["band"].sections[2].section.modes == ()


def test_remove_takes_a_band_out_and_an_unknown_one_is_named(home):
    assert home.run("bands", "remove", "3").exit_code == 0
    assert "[band 3]" not in home.path.read_text()
    result = home.run("bands", "remove", "9")
    assert (result.exit_code, "there is no [band 9]" in result.output) == (1, True)


def test_reset_writes_the_usual_five_in_place_of_all_there_are(home):
    home.run("bands", "set", "mid", "--max-price", "30", "--coin", "DGB")
    assert home.run("bands", "reset", "--yes").exit_code == 0
    bands = load(home.path).policy.rules["band"].sections
    told = [(one.name, one.section.max_price, one.section.coin) for one in bands]
    assert told == [("1", 5000.0, "off"), ("2", 20.0, "DGB"), ("3", 12.0, "DGB"), ("4", 7.0, "BCH"), ("5", 4.0, "BTC")]
    assert bands[4].section.modes == ("bitaxe overclock", "nerdqaxe overclock", "avalon high")
    assert "# nights and other half-price hours" in home.path.read_text()
    assert home.run("config", "undo").exit_code == 0
    assert "[band mid]" in home.path.read_text()


def test_reset_asks_first(home):
    assert home.run("bands", "reset", input="n\n").exit_code == 2


# -- prices, pools, schedule ------------------------------------------------------------------------------------------


def test_reset_without_anybody_to_answer_says_what_asks_no_question(home):
    done = home.run("bands", "reset", input="")
    assert (done.exit_code, "nothing was changed; --yes asks no question" in done.stderr) == (2, True)


def test_prices_shows_what_will_hold_in_each_published_slot(home):
    home.prices(15.0, 15.0, 25.0, 25.0, 10.0, 10.0, ticks=4).ticks(4)
    shown = json.loads(home.run("prices", "--json").output)
    assert [one["band"] for one in shown["slots"]] == ["2", "2", "1", "1", "3", "3"]
    assert [one["band"] for one in shown["next"]] == ["1", "3"]
    assert "Next: band 1 at" in home.run("prices").output
    assert home.run("prices", "--next", "--csv").output.splitlines()[0] == "at,price,band,coin"


def test_pools_shows_who_works_where_and_never_a_wallet(home):
    home.prices(*[15.0] * 4, ticks=4).ticks(4)
    result = home.run("pools")
    assert result.exit_code == 0, result.output
    assert "dgb.example:3333" in result.output
    found = json.loads(home.run("pools", "--json").output)
    assert [(one["name"], one["coin"], one["miners"]) for one in found] == [("dgb", "DGB", 2), ("btc", "BTC", 0)]
    assert "walletcanary" not in result.output + json.dumps(found)


def test_schedule_shows_windows_and_band_changes_to_come(home):
    home.prices(15.0, 15.0, 25.0, 25.0, ticks=4).ticks(4)
    shown = home.run("schedule").output
    assert "quiet" in shown
    assert "22:00-07:00" in shown
    assert "modes eco" in shown
    assert ": band 1 (25 p/kWh)" in shown


@pytest.mark.parametrize("words", [("prices",), ("prices", "--next"), ("schedule",), ("bands",)])
def test_what_will_hold_is_told_with_how_long_ago_the_last_tick_was(home, words):
    """Of a controller that died an hour ago no band begins at noon."""
    home.prices(*[15.0] * 2, *[25.0] * 4, ticks=20).ticks(2, of=20)
    assert "OLD: the last tick was 38 min ago" in home.run(*words).stderr
    for form in {"prices": ("--json", "--csv"), "schedule": ("--json",), "bands": ("--json",)}[words[0]]:
        assert home.run(*words, form).stderr == ""


@pytest.mark.parametrize(
    ("now", "edge"),
    [
        ("2027-03-27T23:30Z", "in 6 h 30 min"),
        ("2026-10-24T22:30Z", "in 8 h 30 min"),
        ("2026-10-25T01:15Z", "in 5 h 45 min"),
        ("2026-07-15T11:00Z", "in 10 h 0 min"),
    ],
)
def test_when_a_window_opens_or_closes_is_told_over_a_change_of_the_clocks_too(home, now, edge):
    [window] = rows(home.config, int(datetime.fromisoformat(now).timestamp()))
    assert window["edge"] == edge


@pytest.mark.parametrize(("now", "edge"), [("2027-03-28T00:30Z", "in 30 min"), ("2027-03-27T00:30Z", "in 1 h 0 min")])
def test_a_window_from_a_time_that_is_left_out_begins_when_the_clock_has_gone_past_it(home, now, edge):
    home.path.write_text(home.path.read_text().replace("hours = 22:00-07:00", "hours = 01:30-05:00"))
    [window] = rows(load(home.path), int(datetime.fromisoformat(now).timestamp()))
    assert window["edge"] == edge


def test_windows_are_known_before_any_tick_and_a_site_without_any_needs_none(home):
    """They stand in the config: "nothing is known of them" stood below the very table that told them."""
    assert home.run("schedule").stderr == "No tick has run yet: none of it holds. `minectl tick` runs one.\n"
    home.path.write_text(home.path.read_text().replace(QUIET, ""))
    done = home.run("schedule")
    assert (done.stdout, done.stderr) == ("This site has no [schedule NAME] sections.\n", "")


# -- costs ------------------------------------------------------------------------------------------------------------


def test_costs_are_told_as_table_csv_json_and_drawing(home):
    home.prices(*[15.0] * 40, ticks=30).ticks(30)
    shown = home.run("report", "costs", "--days", "2").output
    assert "always on p" in shown
    found = json.loads(home.run("report", "costs", "--by", "band", "--days", "2", "--json").output)
    assert [one["key"] for one in found["rows"]] == ["2"]
    assert found["total"]["cost"] == found["rows"][0]["cost"] > 0
    assert found["total"]["earned"] > 0
    lines = home.run("report", "costs", "--by", "miner", "--days", "2", "--csv").output.splitlines()
    assert [line.split(",")[0] for line in lines] == ["key", "b0", "b1", "total"]
    drawing = ET.fromstring(home.run("report", "costs", "--days", "2", "--svg").output)
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert any("GBP" in (one.text or "") for one in drawing.iter())


def test_a_drawing_of_next_to_nothing_has_no_minus(home):
    drawn = svg(reported(home.config, (), 1, "day")._replace(rows=(row(Line("a", 3600, -8 * 3600 * 10**7)),)), "INR")
    assert "-0.00" not in drawn
    assert "0.00 INR" in drawn


def test_a_drawing_tells_the_energy_that_its_money_paid(home):
    """3.2 kWh for what 4.6 cost is a price nobody pays; the page shows the day with 4.6."""
    line = row(Line("a", 36 * 10**5, 0, 18 * 10**5))
    told = svg(reported(home.config, (), 1, "day")._replace(rows=(line,)), "GBP")
    assert "a: 1.500 kWh, " in told


def test_what_is_guessed_is_said_to_be_in_what_is_saved_and_not_in_the_cost_beside_it():
    """A cost of 8 beside 10 always on, and nothing saved, would be no sum that anybody could follow."""
    total = {"guessed_kwh": 0.71, "guessed_cost": 2.09, "unpriced_kwh": 0, "unknown_hours": 0, "unearned_hours": 0}
    changes, guessed = _notes(total, 1, "p")
    assert changes == "1 change of band."
    assert guessed.startswith("0.710 kWh more are guessed, for 2.09 p: in no meter, and not in kWh and cost above;")
    assert "saved and left counts them" in guessed
    assert _notes(total | {"guessed_kwh": 0}, 2, "p") == ["2 changes of band."]


def test_costs_of_a_site_without_prices_are_refused_with_the_remedy(place):
    result = place.run("report", "costs")
    assert (result.exit_code, "[wiring] has no price" in result.output) == (2, True)
    assert "`price = tariff NAME`" in result.output


def test_costs_before_any_tick_say_that_nothing_is_known(home):
    assert "Nothing is known of that time" in home.run("report", "costs").output


@pytest.mark.parametrize(("key", "value"), [("strategy", "off"), ("band", "3")])
def test_a_person_may_hold_a_band_for_as_long_as_it_is_wanted(home, key, value):
    home.prices(*[15.0] * 8, ticks=6).ticks(4)
    result = home.run("set-state", key, value, "--reason", "holiday")
    assert (result.exit_code, "in force until cleared" in result.output) == (0, True)
    assert "A person holds it" in home.run("bands").output
