"""The meter on a container's feed: a mean of what is truly drawn, and everything that may ail it; PDUs that lie."""

import pytest

from mine_controller.play.truth import truth
from mine_controller.twin import coop, offgrid, story
from mine_controller.twin.config_text import config_text
from mine_controller.twin.mains import BESIDE_W, Meter
from mine_controller.twin.story import Step

QUERY = {"select": "[time.utc.unix,Fan_1.watts.d0,Mains.watts.d0]", "begin": "s-15s", "end": "s", "group": "all"}


def shown(site):
    """What a driver's query tells of the feed now."""
    unit = site.served["iotawatt fans"].server
    return unit._query({**QUERY, "header": "yes"}, site.world.now_s)["data"][0][2]


def told(site, words):
    what, _, rest = words.partition(" ")
    site.play(Step(site.world.now_s, what, rest))


@pytest.fixture
def metered(small):
    site = small(metered=True)
    site.advance(100)
    return site


def test_it_shows_miners_fans_and_what_hangs_beside_them(metered):
    world = metered.world
    assert world.power_w() == pytest.approx(world.miners_w() + world.fans.total_w() + BESIDE_W)
    assert shown(metered) == pytest.approx(world.power_w(), rel=0.01)
    assert truth(metered).total_w == world.power_w()


def test_it_is_behind_by_its_mean_and_by_whatever_it_is_late(metered):
    before_w = shown(metered)
    for outlet in range(24):
        metered.pdus[outlet // 12].switch(outlet % 12, False, 101)
    metered.advance(109)
    assert metered.world.power_w() < before_w / 5 < shown(metered) < before_w
    metered.advance(130)
    assert shown(metered) == pytest.approx(metered.world.power_w(), rel=0.05)
    told(metered, "meter late 60")
    assert shown(metered) == pytest.approx(before_w, rel=0.02)
    metered.advance(190)
    assert shown(metered) == pytest.approx(metered.world.power_w(), rel=0.05)


@pytest.mark.parametrize(("words", "factor"), [("scaled 10", 10), ("scaled 0.1", 0.1), ("well", 1)])
def test_a_wrong_factor_is_seen_by_who_knows_the_truth(metered, words, factor):
    told(metered, f"meter {words}")
    assert shown(metered) == pytest.approx(metered.world.power_w() * factor, rel=0.01)
    assert metered.world.meter.true is (factor == 1)


def test_one_that_stands_still_and_one_that_is_silent(metered):
    told(metered, "meter still")
    held = shown(metered)
    metered.advance(900)
    assert shown(metered) == held
    told(metered, "meter silent")
    assert shown(metered) is None
    assert "Mains" in [one["name"] for one in metered.served["iotawatt fans"].server._series()]
    told(metered, "meter well")
    assert shown(metered) != held


def test_it_remembers_as_much_as_a_late_one_needs():
    meter = Meter(1)
    for at in range(1, 2000):
        meter.note(at * 10.0, 1000.0 + at)
    assert len(meter._at_s) < 400
    meter.turn(["late", "600"])
    assert meter.watts(19_990, 5) == pytest.approx(2939, rel=0.01)


@pytest.mark.parametrize(("how", "on"), [("zero", "On"), ("off", "Off")])
def test_a_pdu_that_lies_shows_nothing_of_what_is_drawn(small, how, on):
    site = small()
    told(site, f"pdu pdu1 {how}")
    row = site.served["redfish pdu1"].server._outlet(0, 10.0)
    assert (row["PowerWatts"]["Reading"], row["PowerState"]) == (0.0, on)
    assert site.served["redfish pdu2"].server._outlet(0, 10.0)["PowerWatts"]["Reading"] > 3000
    assert site.world.miners_w() > 24 * 3000
    told(site, "pdu pdu1 true")
    assert site.served["redfish pdu1"].server._outlet(0, 10.0)["PowerWatts"]["Reading"] > 3000


@pytest.mark.parametrize(
    ("metered", "words", "hidden"),
    [
        (False, ("pdu pdu1 zero",), True),
        (True, ("pdu pdu1 zero",), False),
        (True, ("pdu pdu1 off", "meter late 60"), True),
        (True, ("pdu pdu1 off", "device iotawatt fans silent"), True),
        (True, ("meter still",), False),
    ],
)
def test_what_is_hidden_is_what_no_true_meter_shows(small, metered, words, hidden):
    site = small(metered=metered)
    for text in words:
        told(site, text)
    seen = truth(site)
    assert (seen.lied, seen.hidden, seen.clear) == (words[0].startswith("pdu"), hidden, False)
    assert seen.cuttable is not seen.lied


def test_watts_can_be_read_as_long_as_one_meter_tells_any(small):
    site = small(metered=True)
    told(site, "device redfish pdu1 silent")
    told(site, "device redfish pdu2 silent")
    assert truth(site).metered
    told(site, "meter silent")
    assert not truth(site).metered


def test_only_a_site_that_asks_for_it_has_one(small):
    plain, asked = small(), small(metered=True)
    assert "site_power_w" not in config_text(plain)[0]
    assert "\nsite_power_w = iotawatt fans/Mains\nfan 1" in config_text(asked)[0]
    assert "Mains" not in [one["name"] for one in plain.served["iotawatt fans"].server._series()]
    asked.advance(20)
    status = asked.served["iotawatt fans"].server._status({"inputs": ""}, 20.0)
    assert [one["channel"] for one in status["inputs"]] == list(range(11))
    told(plain, "meter still")
    told(plain, "pdu pdu9 zero")
    assert [step.what for step in plain.unfit] == ["meter", "pdu"]
    assert not offgrid.build(1, story=story.packaged("offgrid-day"), miners=4).metered
    assert isinstance(asked, coop.Site)
