"""The slower pages: every miner, one miner, events, report, debug; when each is made again, and what it never says."""

import os
import re
import shlex
import time

import pytest
import sample
from click.testing import CliRunner
from drawn import EVERY_PAGE, given, past, rolled, slow
from test_bands import economy
from test_page import hostile, read

from mine_controller.cli.main import group
from mine_controller.core.money.ledger import Line
from mine_controller.render import aged, levers, others
from mine_controller.render import past as told_past
from mine_controller.render.given import History, Past, Rolled
from mine_controller.render.links import PAGES, miner_page
from mine_controller.render.write import show


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_each_page_is_well_formed_and_leads_to_the_others(name):
    text = slow(given(count=24))[name]
    reader = read(text)
    assert reader.wrong == []
    assert reader.open == []
    links = {value for tag, what, value in reader.attributes if (tag, what) == ("a", "href")}
    assert {page.rpartition("/")[2] for page, _ in PAGES} <= {one.rpartition("/")[2] for one in links}


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_hostile_texts_stay_texts_there_too(name):
    reader = read(slow(given(hostile()))[name])
    assert reader.wrong == []
    assert "img" not in reader.tags
    assert not [one for one in reader.attributes if one[1].startswith("on") or one[1] == "style"]


def test_before_the_first_tick_each_page_says_that_nothing_is_known():
    pages = slow(given((sample.book("INIT", 3), sample.facts(3), History()), told=Past()))
    assert "No event is recorded yet" in pages["events.html"]
    assert "Not enough is recorded yet" in pages["report.html"]
    assert not re.search(r">0\.?0* (W|kW|kWh)<", pages["report.html"])


def test_every_miner_stands_in_the_list_with_the_hooks_of_the_service():
    text = slow(given(count=280))["fleet.html"]
    assert text.count('<tr data-miner="a') == 280
    assert 'data-miner="a003" data-address="10.0.0.4"' in text
    assert 'id="service-slot" hidden' in text
    assert 'data-n="' in text, "figures to sort by"


def test_a_public_list_gives_no_address_away():
    pages = slow(given(count=12, publish="public"))
    assert "10.0.0." not in "".join(pages.values())
    assert "02:00:00" not in pages["miner.html"]


def test_a_miners_page_says_what_it_is_what_it_did_and_how_to_command_it():
    text = read(slow(given(count=24))["miner.html"]).text
    for said in ("a000", "nominal 3,400", "foreman mine, then redfish pdu1", "minectl set-state miner.a000 stop",
                 "Two days by the hour"):  # fmt: skip
        assert said in text


@pytest.mark.parametrize("name", ["a017", "A17", "a/../b", "..", "ä" * 90, "con", ""])
def test_a_miners_page_has_a_plain_name_of_its_own(name):
    page = miner_page(name)
    assert re.fullmatch(r"miner/[a-z0-9][a-z0-9_.-]{0,60}\.html", page)
    assert ".." not in page
    others_page = miner_page(name + "x")
    assert others_page != page


# -- debug --------------------------------------------------------------------------------------------------------


def lines(text):
    return re.findall(r"<code>(minectl [^<]*)</code>", text)


def test_each_line_of_the_debug_page_is_one_that_the_command_line_takes():
    """`--help` behind the words proves that the command, its options and its arguments parse."""
    found = {line.replace("&#39;", "'") for line in lines(slow(given(count=12))["debug.html"])}
    assert any(line.startswith("minectl set-state signal off --for 30m --reason") for line in found)
    assert any(line.startswith("minectl set-state fan.9 off") for line in found)
    assert any(line.startswith("minectl set-state max_power_kw 500") for line in found)
    for command in {shlex.split(line)[1] for line in found}:
        assert CliRunner().invoke(group, [command, "--help"]).exit_code == 0, command
    assert all(shlex.split(line)[0] == "minectl" for line in found)


def test_a_key_with_blanks_is_quoted_for_a_shell():
    assert shlex.split(levers.line("miner.a b; rm -rf /", "stop"))[2] == "miner.a b; rm -rf /"


def test_the_debug_page_shows_every_limit_and_which_ones_count():
    text = read(slow(given(count=280))["debug.html"]).text
    assert "start_max_w 950,000" in text
    assert "binds" in text
    assert "roomalert intake/2:temp_c" in text


@pytest.mark.parametrize(
    ("ths", "text"), [(None, "unknown"), (0.0, "0.00 TH/s"), (101.2, "101.20 TH/s"), (9.7163e-07, "972 kH/s")]
)
def test_an_hour_of_a_board_of_kilohashes_is_told_as_what_it_hashed(ths, text):
    assert others._hourly(ths).replace("\xa0", " ") == text
    assert (others._hours(21_480), others._hours(1800)) == ("6\xa0h", "0\xa0h"), (
        "the nearest hour, as report wear rounds"
    )


# -- report -------------------------------------------------------------------------------------------------------


def test_a_day_is_summed_over_what_is_known_alone():
    """Half of the ticks of a stretch without a figure: its energy counts for the other half, and that is said."""
    step = 12 * 3600
    at = sample.NOW // step * step
    day = Rolled(step, (at,), (360,), (180,), (1000.0,), (2000.0,), (20.0,), (30.0,), (9.0,), (5.0,), (0.25,),
                 (180 * 120_000.0,), (10_800.0,))  # fmt: skip
    [row] = told_past.days(Past(by_day={"2026-10-25": day}), sample.facts(5))
    assert row["day"] == "Sun 25 Oct"
    assert row["kwh"] == "6.0", "1 kW over 180 ticks of 120 s"
    assert row["known"] == "50 %"
    assert row["off"] == "3.0 h"


def test_the_energy_of_a_day_is_that_which_its_cost_is_of():
    """Two of eleven have no meter: what they are taken to draw is in the cost, so it is in the kWh beside it.

    The mean stands beside the highest, and both are of what is measured: a mean of 400 W over at most 260 W is none.
    """
    measured_ws = 250.0 * 3600
    day = Rolled(3600, (0,), (30,), (30,), (250.0,), (260.0,), (None,), (None,), (None,), (None,), (0.0,),
                 (measured_ws,), (0.0,))  # fmt: skip
    hour_ws = 3_600_000
    paid = Line("2026-11-12", hour_ws // 4, hour_ws // 4 * 12, guess_ws=hour_ws * 15 // 100, guess_cost=hour_ws)
    made = Past(by_day={"2026-11-12": day}, days=(paid,))
    site = sample.facts(5, economy=economy())
    [row] = told_past.days(made, site)
    assert (row["kwh"], row["mean"].replace("\xa0", " "), row["most"].replace("\xa0", " ")) == ("0.4", "250 W", "260 W")
    html = slow(given(told=made, economy=economy()))["report.html"]
    assert "Saved in 1 day<" in html
    assert "hold 0.1 kWh that no meter tells" in html


def test_a_hole_in_the_days_stays_open():
    hole = tuple(range(sample.NOW // 3600 * 3600 - 60 * 3600, sample.NOW // 3600 * 3600 - 40 * 3600, 3600))
    week = told_past.charts(past(week=rolled(3600, 7, hole)), sample.facts(5), given(count=5).zone, sample.NOW)[0]
    whole = told_past.charts(past(), sample.facts(5), given(count=5).zone, sample.NOW)[0]
    assert week["power"]["line"].count("M") == whole["power"]["line"].count("M") + 1


def test_savings_are_what_always_on_would_have_cost_more():
    hour_ws = 3_600_000
    days = tuple(Line(f"2026-07-{day}", 10 * hour_ws, 10 * hour_ws * 7_000_000, always_cost=30 * hour_ws * 7_000_000)
                 for day in (13, 14))  # fmt: skip
    site = sample.facts(5, economy=economy())
    shown = told_past.savings(Past(days=days), site)
    assert (shown["days"], shown["cost"], shown["saved"], shown["part"]) == ("2", "£1.40", "£2.80", "67 %")
    assert told_past.savings(Past(), site) is None


# -- when a page is made ------------------------------------------------------------------------------------------


def test_a_page_is_made_again_after_ten_minutes_and_the_report_after_an_hour(tmp_path):
    now = sample.NOW
    names = ("fleet.html", "events.html", "report.html", "debug.html")
    assert aged.due(tmp_path, now) == names
    show(tmp_path, dict.fromkeys(names, "x").items(), now)
    assert aged.due(tmp_path, now + 599) == ()
    assert aged.due(tmp_path, now + 600) == ("fleet.html", "events.html", "debug.html")
    assert aged.due(tmp_path, now + 3600) == names
    assert aged.due(tmp_path, now - 5) == names, "the clock was set back"


def test_missing_pages_of_miners_are_made_at_once_and_old_ones_a_few_a_tick(tmp_path):
    made = given(count=120)
    first = aged.miners_due(tmp_path, made)
    assert len(first) == 120
    show(tmp_path, {page: "x" for page, _, _ in first}.items(), made.now_s)
    assert aged.miners_due(tmp_path, made) == []
    later = made._replace(now_s=made.now_s + 700)
    again = aged.miners_due(tmp_path, later)
    assert len(again) == aged.MINERS_A_TICK
    show(tmp_path, {page: "x" for page, _, _ in again}.items(), later.now_s)
    rest = aged.miners_due(tmp_path, later)
    assert {page for page, _, _ in again}.isdisjoint(page for page, _, _ in rest)
    assert len(rest) == 40


@pytest.mark.parametrize(("count", "told"), [(12, "10 min"), (280, "10 min"), (1000, "26 min")])
def test_the_page_of_a_miner_says_how_often_it_is_made_in_a_fleet_of_that_size(count, told):
    made = given(count=count)
    [(_, unit, card)] = others.miners(made, {"a001"})
    assert others.miner(made, unit, card)["every"].replace("\xa0", " ") == told
    assert others.miner(made, unit, card)["every_s"] == made.round_s


def test_what_is_not_due_costs_no_card(tmp_path, monkeypatch):
    made = given(count=3)
    show(tmp_path, {page: "x" for page, _, _ in others.every_miner(made)}.items(), made.now_s)
    monkeypatch.setattr(others, "cards", lambda *_: pytest.fail("drawn for nothing"))
    assert aged.miners_due(tmp_path, made) == []


def test_the_missing_pages_of_a_huge_fleet_are_made_in_several_ticks(tmp_path, monkeypatch):
    monkeypatch.setattr(aged, "MISSING_A_TICK", 50)
    made, left = given(count=120), []
    for _ in range(3):
        wanted = aged.miners_due(tmp_path, made)
        left.append(len(wanted))
        show(tmp_path, {page: "x" for page, _, _ in wanted}.items(), made.now_s)
    assert left == [50, 50, 20]


def test_the_page_of_a_miner_that_is_gone_is_found_and_the_list_with_it_is_due(tmp_path):
    show(tmp_path, {"miner/a001.html": "x", "miner/gone.html": "x", "fleet.html": "x"}.items(), sample.NOW)
    left = aged.gone(tmp_path, aged.miner_names(given(count=5)))
    assert left == [tmp_path / "miner" / "gone.html"]
    assert aged.without(("debug.html",), left) == ("fleet.html", "debug.html"), "the list names it until then"
    assert aged.without((), []) == ()


def test_a_folder_of_pages_can_be_read_by_the_web_server(tmp_path):
    before = os.umask(0o077)
    try:
        show(tmp_path / "www", {"miner/a001.html": "x"}.items(), sample.NOW)
    finally:
        os.umask(before)
    assert (tmp_path / "www" / "miner").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "www" / "miner" / "a001.html").stat().st_mode & 0o777 == 0o644


def test_a_page_of_a_miner_takes_a_millisecond_not_ten():
    made = given(count=60)
    wanted = list(others.every_miner(made))
    list(aged.miners_drawn(made, wanted[:1], None, None))
    began = time.process_time()
    assert len(dict(aged.miners_drawn(made, wanted, None, None))) == 60
    assert time.process_time() - began < 1.0  # a bound that only a blunder breaks


def test_www_itself_can_be_looked_into_when_a_tick_makes_it_and_is_left_as_its_owner_made_it(tmp_path):
    """Its folders and files could be read whatever the umask says, and the folder around them could not."""
    before = os.umask(0o077)
    try:
        show(tmp_path / "www", {"index.html": "x"}.items())
        (tmp_path / "own").mkdir(mode=0o750)
        show(tmp_path / "own", {"index.html": "x"}.items())
    finally:
        os.umask(before)
    assert (tmp_path / "www").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700
