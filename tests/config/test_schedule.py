"""[schedule NAME] and [solar]: many sections of one rule, checked, shown, sampled and replayed."""

from pathlib import Path

import pytest

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.config.sample import sample
from mine_controller.config.show import page, tree
from mine_controller.core.rules.schedule import Options
from mine_controller.store.policies import pack_policy, unpack_policy

TEXT = (Path(__file__).parent / "site.txt").read_text(encoding="utf-8")
NIGHT = "[schedule night]\nhours = 22:00-07:00, 12:00-13:00\ndays = mon-fri\nstop = yes\n"
AWAY = "[schedule holiday]\nwhen = away\nmax_miners = 2\n"
AGILE = "[octopus agile]\nregion = H\n"


def site(write, *parts, wire=""):
    return write(TEXT.replace("[wiring]", "\n".join(parts) + "\n[wiring]" + wire))


def told(path):
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [f"{one.section} {one.option}: {one.text}" for one in caught.value.problems]


def test_every_named_section_is_one_window_of_the_rule(write):
    rule = load(site(write, NIGHT, "[schedule]\naway = yes\n", AWAY)).policy.rules["schedule"]
    assert rule.away is True
    assert [one.name for one in rule.sections] == ["night", "holiday"]
    assert rule.sections[0].section.hours == ("22:00-07:00", "12:00-13:00")
    assert rule.sections[1].section.max_miners == 2


def test_a_site_without_a_window_has_no_schedule(write):
    assert "schedule" not in load(site(write)).policy.rules
    assert "solar" not in load(site(write)).policy.rules


def test_the_schedule_comes_back_from_the_store_as_it_was(write):
    policy = load(site(write, NIGHT, AWAY)).policy
    options = {name: type(filled) for name, filled in policy.rules.items()}
    assert unpack_policy(pack_policy(policy), options) == policy
    assert isinstance(unpack_policy(pack_policy(policy), options).rules["schedule"], Options)


def test_what_is_wrong_with_a_window_is_told_with_its_section(write):
    found = told(site(write, "[schedule night]\nhours = 22-7\nstop = yes\n", "[schedule day]\ncolour = red\n"))
    assert any(text.startswith("schedule night hours:") for text in found)
    assert any(text.startswith("schedule day colour:") for text in found)


def test_the_sections_are_shown_and_sampled(write):
    config = load(site(write, NIGHT))
    assert tree(config)["schedule night"]["days"] == ["mon-fri"]
    assert "[schedule night]\nhours = 22:00-07:00, 12:00-13:00" in page(config)
    assert "#[schedule one]\n" in sample("schedule")
    assert "sections" not in sample("schedule")


def test_a_price_may_be_asked_every_half_hour_and_counts_as_long_as_it_is_published(write):
    config = load(site(write, AGILE, wire="\nprice = octopus agile"))
    assert config.policy.wiring.roles["price"].keys == ("octopus agile:slots",)
    assert config.endpoints["octopus agile"].every_s == 1800
    assert "price" not in config.policy.wiring.absent


def test_a_missing_price_is_no_missing_protection(write):
    absent = load(site(write)).policy.wiring.absent
    assert not {"price", "export_w"} & set(absent)


def test_prices_from_anybody_else_are_refused_by_the_config(write):
    found = told(site(write, AGILE + "url = https://cheap.example\n"))
    (one,) = found
    assert one.startswith("octopus agile url: prices are read from https://api.octopus.energy (or from this machine)")
