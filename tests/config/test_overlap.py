"""Sections that would both ask one unit are told, each two of them with the first address they share."""

import time
from types import SimpleNamespace

import pytest

from mine_controller.config import sites
from mine_controller.config.load import load
from mine_controller.config.model import Endpoint
from mine_controller.config.overlap import shared
from mine_controller.config.sample import sample
from mine_controller.devices._hosts import expand
from mine_controller.play.demo import SITES, build, write_config

TWO = """[site]
name = Garage

[antminer garage]
hosts = 10.0.1.40-46

[cgminer row]
every_s = 60
hosts = {hosts}

[wiring]
[end]
"""


@pytest.fixture(autouse=True)
def stand_in_kinds():
    """Here only the real kinds count."""


def section(kind, name, *hosts, **more):
    return Endpoint(kind, name, SimpleNamespace(hosts=hosts, **more), True, 0, 1)


def told(folder, text):
    """The notes on addresses that two sections share."""
    path = folder / "config.txt"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return [one for one in load(path).notes if "both would ask" in one.text]


def number(address):
    a, b, c, d = map(int, address.split("."))
    return ((a * 256 + b) * 256 + c) * 256 + d


def test_two_sections_that_share_an_address_are_told_with_the_first_one_they_share(tmp_path):
    (note,) = told(tmp_path, TWO.format(hosts="10.0.1.45-60, 10.0.1.44"))
    assert (note.line, note.section, note.option) == (9, "cgminer row", "hosts")
    assert note.text == "10.0.1.44 is among those of [antminer garage] too, so both would ask that unit"


def test_sections_that_lie_side_by_side_are_not_told(tmp_path):
    assert told(tmp_path, TWO.format(hosts="10.0.1.47-60, 10.0.1.1-39")) == []


def test_the_first_shared_address_is_the_one_that_a_search_of_every_address_finds():
    sets = (("10.0.1.1-9", "10.0.1.30-40"), ("10.0.1.10-29", "10.0.0.0/30"), ("10.0.1.35", "10.0.1.2-3"), ("10.0.0.2",))
    kinds = ("bitaxe", "avalon", "cgminer", "asic")
    sections = [section(kind, "one", *hosts) for kind, hosts in zip(kinds, sets, strict=True)]
    wanted = {}
    for at, one in enumerate(sections):
        for other in sections[at + 1 :]:
            both = set(map(number, expand(one.options.hosts))) & set(map(number, expand(other.options.hosts)))
            if both:
                wanted[(one.section, other.section)] = min(both)
    assert shared(sections) == wanted
    assert len(wanted) == 2


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        (section("xmrig", "a", "10.0.1.1", port=8080), section("xmrig", "b", "10.0.1.1", port=8081), 0),
        (section("xmrig", "a", "10.0.1.1", port=8080), section("xmrig", "b", "10.0.1.1", port=8080), 1),
        (section("xmrig", "a", "10.0.1.1", port=8080), section("cgminer", "b", "10.0.1.1", port=4028), 0),
        (section("bitaxe", "a", "10.0.1.1", port=80), section("cgminer", "b", "10.0.1.1", port=4028), 1),
    ],
)
def test_another_port_of_one_kind_is_another_unit_and_a_computer_may_run_two_programs(one, other, count):
    assert len(shared([one, other])) == count


def test_ten_thousand_addresses_on_each_side_cost_next_to_nothing():
    wide = [section(kind, "one", "10.0.0.0-10.0.39.15") for kind in ("antminer", "avalon", "bitaxe", "cgminer")]
    shared(wide)
    began = time.perf_counter()
    found = shared(wide)
    assert time.perf_counter() - began < 0.01  # written out it would be 40,000 addresses
    assert len(found) == 6


@pytest.mark.parametrize("site", [*sites.names(), "sample"])
def test_no_packaged_site_is_told_of(tmp_path, site):
    text = sample() if site == "sample" else sites.template(site)
    assert told(tmp_path, text) == []


@pytest.mark.parametrize("site", SITES)
def test_no_demo_is_told_of(tmp_path, site):
    config = write_config(tmp_path, build(1, 1, None, ending_now=False, kind=site))
    assert [one for one in config.notes if "both would ask" in one.text] == []
