"""Sections that decide nothing at this site, and options that others outdo, are noted."""

from pathlib import Path

import pytest

from mine_controller.config.load import load

TEXT = (Path(__file__).parent / "site.txt").read_text(encoding="utf-8")
BARE = "[site]\nname = Shelf\n\n{}\n[bitaxe shelf]\nhosts = 127.0.0.9\n\n[wiring]\n{}\n[end]\n"
FLEET = "id,mac,group\nm1,02:00:00:00:00:01,bitaxe shelf\n"
OTHER = "[cloud mine]\nurl = http://127.0.0.7:9\nkey = canary-key\n\n"
CHARGE = "[mqtt pack]\nhost = 127.0.0.6\ntopics = pack charge_pct tele/pack json Soc 0..100\n\n"
GIVES = "supply_kw supply_kw tele/inverter json Kw 0..900"
EARNS = "[profit BTC]\nvalue = 5\n"


def noted(write, sections="", wiring="", fleet=FLEET):
    notes = load(write(BARE.format(sections, wiring), fleet)).notes
    return [(one.section, one.option, one.text) for one in notes if one.section]


@pytest.mark.parametrize(
    ("section", "needs"),
    [
        ("[supply]\nmargin_pct = 6", "write source_kw, or wire supply_kw or generator_load_pct"),
        ("[demand]\nmargin_pct = 6", "write limit_kw"),
        ("[uplinks]\ndown_s = 120", "[wiring] has no active uplink"),
        ("[air]\nidle_fans = 2", "[wiring] has no active fan"),
        ("[run_on]\nfans = 3", "[wiring] has no active fan"),
        ("[branch]\nleast = 2", "no miner of fleet.csv has a breaker or a phase"),
        ("[tuning all]\ngoal = rate", "write miners"),
    ],
)
def test_a_section_that_decides_nothing_here_is_noted(write, section, needs):
    """Somebody wrote what is to hold when the internet or the source is gone; nothing looked at either."""
    title = section.partition("]")[0].removeprefix("[")
    ((where, _, text),) = noted(write, f"{section}\n\n")
    assert where == title
    assert text.startswith(f"decides nothing: {needs}")


def test_the_pump_of_a_wall_that_nobody_wired_is_noted(write):
    probe = "[probe intake]\nhost = 127.0.0.5\n\n"
    found = noted(write, f"{probe}[wall]\non_c = 28\n\n", "inlet_c = probe intake/1\nhumidity_pct = probe intake/1\n")
    assert found == [("wall", "", "decides nothing: [wiring] has no active wall")]


def test_what_has_all_it_needs_is_no_news(write):
    sections = (
        "[supply]\nsource_kw = 0.04\n\n[demand]\nlimit_kw = 0.03\n\n"
        "[branch]\nleast = 2\n\n[tuning all]\nminers = m1\n\n"
    )
    assert noted(write, sections, fleet="id,mac,group,phase\nm1,02:00:00:00:00:01,bitaxe shelf,L1\n") == []
    assert noted(write) == [], "what nobody wrote is not told"
    text = TEXT.replace("[wiring]", "[air]\nidle_fans = 2\n\n[run_on]\nfans = 2\n\n[wiring]")
    assert not [one for one in load(write(text)).notes if "decides nothing" in one.text]


@pytest.mark.parametrize("rating", ["", "[supply]\nsource_kw = 0.04\n\n", "[supply]\nsource_curve = 25:450\n\n"])
def test_a_battery_without_a_rating_is_noted(write, rating):
    """Wired, required and shown, an empty one took nobody off."""
    found = [text for _, option, text in noted(write, rating + CHARGE, "battery_soc_pct = mqtt pack/pack\n") if option]
    assert [text.partition(":")[0] for text in found] == ([] if rating else ["decides nothing"])


def test_a_guard_of_profit_without_a_price_of_power_is_noted(write):
    words = "judges nobody while [wiring] has no active price: what costs more than it earns runs on"
    assert noted(write, f"{EARNS}\n") == [("profit BTC", "guard", words)]
    assert noted(write, f"[profit]\nmargin_pct = 9\n\n{EARNS}\n") == [("profit", "guard", words)]
    assert noted(write, f"[profit]\nguard = no\n\n{EARNS}\n") == []


def test_a_fee_beside_the_worth_that_is_written_is_noted(write):
    """2 % of a pool were taken off nothing."""
    off = "[profit]\nguard = no\n\n"
    found = noted(write, f"{off}{EARNS}reward = 3.125\nfee_pct = 2\n\n")
    assert found == [("profit BTC", "value", "stands, so nothing is made of reward, fee_pct")]


def test_a_search_of_miners_that_take_no_setting_is_noted(write):
    fleet = FLEET + "c1,02:00:00:00:00:02,cloud mine\n"
    (found,) = noted(write, f"{OTHER}[tuning all]\nminers = cloud mine\n\n", fleet=fleet)
    assert found == ("tuning all", "miners", "decides nothing: none of them takes a clock or a mode")
    assert noted(write, f"{OTHER}[tuning all]\nminers = cloud mine, m1\n\n", fleet=fleet) == []


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("highest_mhz = 700\ngoal = rate", ["highest_mhz"]),
        ("highest_mhz = 650\ngoal = rate", []),
        ("highest_mhz = 700", []),  # it only ever goes down
        ("lowest_mhz = 290\nlowest_mv = 999", ["lowest_mhz", "lowest_mv"]),
        ("lowest_mhz = 300\nlowest_mv = 1000", []),
    ],
)
def test_a_search_beyond_what_its_boards_may_be_set_to_is_noted(write, options, names):
    """Each board was told so for three hours, and then its search was given up for good."""
    found = noted(write, f"[tuning all]\nminers = bitaxe shelf\n{options}\n\n")
    assert [option for _, option, _ in found] == names
    assert all("of [bitaxe shelf], where it is refused" in text for _, _, text in found)


@pytest.mark.parametrize("option", ["nominal_w = 5400", "standby_w = 60"])
def test_a_power_in_site_that_no_miner_takes_is_noted(write, option):
    """Every section of miners has a figure of its own, also where nobody wrote one."""
    name = option.partition(" ")[0]
    text = BARE.format("", "").replace("name = Shelf\n", f"name = Shelf\n{option}\n")
    found = [(one.section, one.option, one.text) for one in load(write(text, FLEET)).notes if one.section]
    said = {"nominal_w": "18 W of [bitaxe shelf]", "standby_w": "3 W of [bitaxe shelf]"}[name]
    words = f"counts for no miner: each has the figure of its section, so write it there ({said})"
    assert found == [("site", name, words)]
    same = text.replace(option, f"{name} = {said.partition(' ')[0]}")  # as a sample of before had it
    assert not [one for one in load(write(same, FLEET)).notes if one.section], "there is nothing to write anew"
    later = text.replace("hosts = 127.0.0.9", "hosts = CHANGE-ME")
    assert not [one for one in load(write(later, FLEET)).notes if one.section == "site"]


@pytest.mark.parametrize(
    ("every_s", "grace_s", "said"),
    [
        (600, 360, "counts as silent from 360 s on (grace_s of [signal]): the site is curtailed as blind"),
        (600, 900, "counts as missed from 240 s on: nothing starts"),
        (240, 360, ""),
    ],
)
def test_a_page_of_the_utility_that_is_asked_too_seldom_is_noted(write, every_s, grace_s, said):
    """With `max_age signal` as long a mine was curtailed as blind before each look, by a page that said run."""
    text = TEXT.replace("url = https://coop.example/signal", f"url = https://coop.example/signal\nevery_s = {every_s}")
    text = text.replace("[wiring]", f"[signal]\ngrace_s = {grace_s}\nnotice_s = 1200\n\n[wiring]\nmax_age signal = 900")
    found = [one.text for one in load(write(text)).notes if one.option == "signal"]
    words = f"is asked every {every_s} s and {said} before each look"
    assert found == ([words] if said else [])


@pytest.mark.parametrize(
    ("commands", "names"),
    [
        ("", []),
        ("run_command = ascenable|0\n", []),
        ("stop_command = ascdisable|0\nrun_command = ascenable|0\n", []),
        ("stop_command = ascdisable|0\n", ["stop_command"]),
    ],
)
def test_a_stop_without_a_start_is_noted(write, commands, names):
    """It is worth having against smoke, and was refused: who took it out had boards that nothing stops any more."""
    found = noted(write, f"[cgminer old]\nhosts = 127.0.0.8\n{commands}\n")
    assert [(where, option) for where, option, _ in found if option] == [("cgminer old", name) for name in names]
    assert all("run_command" in text for _, option, text in found if option)
