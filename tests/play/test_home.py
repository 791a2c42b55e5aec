"""Whole ticks on the home fleet: no meter, no outlet, no fan; each unit is read and told by its own firmware."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from play.days import HEAD, at_home, quiet

from mine_controller.cli import demo as cli_demo
from mine_controller.config import sites
from mine_controller.ops import miners
from mine_controller.play import demo
from mine_controller.store import query
from mine_controller.twin import home, story

MINECTL = str(Path(sys.executable).parent / "minectl")
MIXED = tuple(dict.fromkeys(lot.kind for lot in home.LOTS))


def log(config):
    return config.paths.log.read_text(encoding="utf-8")


def status(config):
    return json.loads((config.paths.www / "status.json").read_text(encoding="utf-8"))


def rigs(day):
    return day.site.house.rigs


def test_an_ordinary_hour_reads_every_unit_and_leaves_them_be(tmp_path):
    day, config = at_home(tmp_path, "", only=MIXED, hours=1)
    made = status(config)
    assert day.book_mode == "RUNNING"
    assert day.violations == ()
    assert {card["online"] for card in made["units"]} == {True}
    assert {card["word"] for card in made["units"]} == {"hashing"}
    assert [one["algorithm"] for one in made["totals"]["hashrates"]] == ["SHA-256", "rx/0"]
    assert made["simulated"] is True
    assert day.site.starts() == [0] * len(made["units"])


def test_a_unit_a_person_stops_sleeps_by_its_own_word_and_comes_back(tmp_path):
    stopped, _ = at_home(tmp_path / "a", "14:00 person miner.a01 stop\n", hours=1)
    assert rigs(stopped)["a01"].word() == "sleeping"
    assert rigs(stopped)["a02"].word() == "hashing"
    back, _ = at_home(tmp_path / "b", "14:00 person miner.a01 stop for 20m\n", hours=1)
    assert rigs(back)["a01"].word() == "hashing"
    assert rigs(back)["a01"].starts == 1
    assert (stopped.violations, back.violations) == ((), ())


def test_everything_stops_but_what_is_not_listed_and_all_of_it_comes_back_step_by_step(tmp_path):
    day, _ = at_home(tmp_path, "14:00 person miners stop for 30m\n", hours=2, only=("bitaxe", "nerdqaxe"))
    event = day.events[0].shed
    assert (event.gentle, event.hard) == (5, 0)
    assert event.shed_100_s is not None
    assert event.shed_100_s - event.seen_s <= 120
    assert rigs(day)["x01"].starts == 0, "a stranger is never commanded"
    assert {rigs(day)[name].starts for name in ("a01", "a02", "a03", "a04", "a05")} == {1}
    assert day.book_mode == "RUNNING"
    assert day.violations == ()


def test_a_liar_is_told_by_its_own_watts_and_the_others_are_not_held_up(tmp_path):
    """CMD2: it answers that it paused and draws on; no outlet can help, so somebody is told."""
    text = "13:31 miner a02 liar\n14:00 person miners stop\n"
    day, _ = at_home(tmp_path, text, hours=1)
    assert rigs(day)["a02"].power_w() > 15
    assert {rigs(day)[name].word() for name in ("a01", "a03", "a04")} == {"sleeping"}
    assert [name for name, _ in day.events[-1].stragglers] == ["a02"]
    assert day.events[-1].told == "unproven"
    assert day.violations == ()


def test_a_swapped_unit_is_followed_and_a_command_reaches_the_one_it_is_meant_for(tmp_path):
    """MIN3: the unit is known by its mac, wherever it answers."""
    day, config = at_home(tmp_path, "13:40 swap a01 127.0.1.13\n14:00 person miner.a01 stop\n", hours=1)
    assert rigs(day)["a01"].word() == "sleeping"
    assert rigs(day)["a03"].word() == "hashing"
    cards = {card["id"]: card for card in status(config)["units"]}
    assert (cards["a01"]["address"], cards["a03"]["address"]) == ("127.0.1.13", "127.0.1.11")


def test_a_dead_unit_is_offline_on_the_page_and_told_once(tmp_path):
    day, config = at_home(tmp_path, "13:40 miner a03 dead\n", hours=1)
    cards = {card["id"]: card for card in status(config)["units"]}
    assert cards["a03"]["online"] is False
    assert cards["a01"]["online"] is True
    assert status(config)["totals"]["offline"] == 1
    assert len([line for line in log(config).splitlines() if " miner_offline " in line]) == 1
    assert day.violations == ()


def test_a_slow_start_is_waited_for_and_not_repeated(tmp_path):
    """CMD4: the Q takes eight times its usual boot after a power cut; nobody starts it a second time meanwhile."""
    text = "13:31 miner a08 dead for 20m\n13:52 miner a08 slow_boot\n"
    day, _ = at_home(tmp_path, text, hours=1.5, only=("avalon",))
    assert rigs(day)["a08"].word() == "hashing"
    assert rigs(day)["a08"].starts == 1
    assert day.violations == ()


@pytest.mark.parametrize("fault", ["silent", "tarpit", "garbage", "refuses", "api_dies"])
def test_one_bad_unit_takes_no_other_with_it(tmp_path, fault):
    """MIN1: one that hangs, drips, garbles or refuses is its own trouble."""
    day, config = at_home(tmp_path, f"13:40 miner a02 {fault}\n", hours=0.6)
    cards = {card["id"]: card["online"] for card in status(config)["units"]}
    assert {name for name, there in cards.items() if there} >= {"a01", "a03", "a04"}
    assert day.book_mode == "RUNNING"
    assert day.violations == ()


def test_a_replaced_unit_is_one_letter_and_every_page_counts_it_alike(tmp_path):
    """What answers at its address was told, and minutes after that it is silent; and it counted as one that runs."""
    _, config = at_home(tmp_path, "13:40 miner a02 dead\n13:40 swap x01 127.0.1.12\n", hours=1)
    told = [(body["what"], body["kind"]) for one in query.letters(config.paths, 99) if (body := json.loads(one.body))]
    assert [kind for what, kind in told if what == "raise"] == ["stranger"]
    made = status(config)
    assert made["why"] == "3 of 4 miners run, of 1 it is not known"
    assert (made["miners"]["running"], made["miners"]["unknown"]) == (3, 1)
    assert {row["id"]: row["address"] for row in miners.miners(config).rows}["a02"] is None


def test_a_stranger_on_the_shelf_is_shown_and_never_listed(tmp_path):
    _, config = at_home(tmp_path, "13:31 miner x01 dead for 20m\n", hours=1)
    assert [one["address"] for one in status(config)["unlisted"]] == ["127.0.1.17"]
    assert "x01" not in (tmp_path / "fleet.csv").read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_decisions_and_another_one_does_not(tmp_path):
    text = "14:00 person max_power_kw 0.04 for 20m\n"
    first, _ = at_home(tmp_path / "a", text)
    again, _ = at_home(tmp_path / "b", text)
    other, _ = at_home(tmp_path / "c", text, seed=2)
    assert first.sha == again.sha
    assert first.sha != other.sha


def test_with_a_tick_every_15_s_a_small_board_is_still_read_once_a_minute(tmp_path, monkeypatch):
    read = {}

    def counted(name):
        real = getattr(home.Site, name)

        def count(self, served, asked, at_s):
            read.setdefault(served.unit, []).append(at_s)
            return real(self, served, asked, at_s)

        monkeypatch.setattr(home.Site, name, count)

    counted("answer")
    counted("talk")
    day, config = at_home(tmp_path, "", only=("bitaxe", "whatsminer"), hours=0.25, tick_s=15)
    assert day.ticks == 60
    assert 13 <= len(read["a01"]) <= 16
    assert len(read["a10"]) >= 60
    assert {card["online"] for card in status(config)["units"]} == {True}
    assert status(config)["tick_s"] == 15
    assert day.violations == ()


def test_at_15_s_a_stop_is_obeyed_as_at_two_minutes(tmp_path):
    day, _ = at_home(tmp_path, "13:35 person miners stop\n", hours=0.25, tick_s=15)
    event = day.events[0].shed
    assert event.shed_100_s is not None
    assert event.shed_100_s - event.seen_s <= 120
    assert day.violations == ()


def test_a_unit_stopped_to_keep_under_a_limit_did_not_go_dark_by_itself(tmp_path):
    _, config = at_home(tmp_path, "13:40 person max_power_kw 1.2 for 20m\n", hours=0.4, only=("avalon",))
    assert "went dark by itself" not in log(config)


def test_a_unit_without_watts_that_was_told_to_run_did_not_come_on_by_itself(tmp_path):
    text = "13:40 person miner.a07 stop for 20m\n"
    _, config = at_home(tmp_path, text, hours=0.8, only=("antminer",))
    assert "came on by itself" not in log(config)


def test_units_without_any_meter_that_all_say_they_sleep_are_no_emergency(tmp_path):
    day, config = at_home(tmp_path, "13:40 person miners stop\n", hours=0.5, only=("xmrig",))
    assert rigs(day)["a11"].word() == "sleeping"
    assert "curtail_unproven" not in log(config)


def test_the_packaged_day_goes_by_without_a_violation_and_everybody_is_back_at_its_end(tmp_path):
    """From half past two: the visitors, the neighbour's board, everything back in steps before five."""
    told = story.packaged("home-day")
    site = home.build(1, told.start_wall_s(home.ZONE) + 14 * 3600 + 1800, story=told)
    config = demo.write_config(tmp_path, site)
    day = demo.live_through(site, config, 1, 2.5, quiet)
    assert day.violations == ()
    assert day.book_mode == "RUNNING"
    assert site.unfit == []
    obeys = [kit.id for kit in site.kits if kit.listed and kit.id not in ("a02", "a06", "a09", "a12")]
    assert {rigs(day)[name].starts for name in obeys} == {1}, "a liar, a Nano, an S9 and an NMMiner never stopped"
    assert all(rigs(day)[kit.id].hashing for kit in site.kits if kit.listed)
    assert day.longest_tick_s <= 110


def test_the_command_offers_the_sites_there_are():
    assert tuple(demo.SITES) == cli_demo.SITES
    assert set(demo.SITES) <= set(sites.names())


def test_a_live_tick_over_sockets_reads_the_same_house(tmp_path):
    site = home.build(1, story=story.parse(HEAD), only=("bitaxe", "cgminer"))
    with demo.on_sockets(site) as servers:
        config = demo.write_config(tmp_path, site)
        sources = demo.go_on(site, servers)
        demo.live_tick(config, sources)
        made = status(config)
    assert {card["online"] for card in made["units"]} == {True}
    assert made["simulated"] is True
    assert "127.0.1.11" in {card["address"] for card in made["units"]}


def test_the_demo_of_the_house_prints_one_json_object_and_its_page(tmp_path):
    words = ["demo", "--site", "home-fleet", "--hours", "2", "--no-serve", "--json", "--dir", str(tmp_path / "d")]
    done = subprocess.run([MINECTL, *words], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["site"] == "home-fleet"
    assert found["ticks"] == 60
    assert found["violations"] == []
    assert found["energy_kwh"] > 0.9 * found["permitted_kwh"]
    assert "Each miner" in (tmp_path / "d" / "www" / "index.html").read_text(encoding="utf-8")
