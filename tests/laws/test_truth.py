"""What a sample says of the twin: an excuse is there only where the trouble is."""

from itertools import pairwise

import pytest
from laws.stages import fleet, stage, weak


def last(*words):
    here = stage().run(1)
    for text in words:
        here.do(text)
    return here.run(1).history.samples[-1]


@pytest.mark.parametrize(
    ("words", "sensed"),
    [
        ((), True),
        (("sensor 2 stick 21.5",), True),
        (("sensor 1 unplug", "sensor 4 unplug"), True),
        (("sensor 1 unplug", "sensor 3 stick 85"), False),
        (("device roomalert intake frozen",), False),
    ],
)
def test_one_probe_of_the_inlet_that_is_ill_is_outvoted_and_excuses_nothing(words, sensed):
    assert last(*words).sensed is sensed
    assert not last(*words).unfelt


@pytest.mark.parametrize("how", ["silent", "gone", "garbage", "slow 9"])
def test_a_monitor_that_nobody_can_use_leaves_the_inlet_to_its_ladder(how):
    assert last(f"device roomalert intake {how}").unfelt


@pytest.mark.parametrize(
    ("how", "blind", "still"), [("ok", False, False), ("slow 5", False, False), ("slow 6", True, False),
                                ("blank", True, False), ("frozen", False, True)],
)  # fmt: skip
def test_a_page_is_blind_or_stands_still_or_can_be_read(how, blind, still):
    seen = last(f"page {how}")
    assert (seen.blind, seen.still) == (blind, still)


@pytest.mark.parametrize(
    ("words", "about"),
    [
        ((), {"said": True, "measured": True, "heard": True, "linked": True, "online": True, "lends": True}),
        (("readings text",), {"said": False}),
        (("device mqtt supply frozen",), {"said": False, "lies": True}),
        (("device sel735 meter silent",), {"measured": False}),
        (("device cgminer rows refuse",), {"heard": False}),
        (("uplink LTE down",), {"online": True}),
        (("internet down", "holding down"), {"online": False, "lends": False}),
        (("phase 3 lost",), {"phases": 2, "fed": True}),
        (("generator trip",), {"fed": False, "given_w": 0.0}),
        (("miner a002 mute",), {"ill": frozenset({1})}),
    ],
)
def test_what_is_true_of_a_weak_source(words, about):
    here = weak().run(1)
    assert here.history.samples[-1].clear
    for text in words:
        here.do(text)
    seen = here.run(1).history.samples[-1]
    assert {name: getattr(seen.weak, name) for name in about} == about
    assert seen.clear is (not words or words[0].startswith("uplink"))


def test_what_the_outside_starts_is_no_start_of_the_program():
    here = weak().run(2)
    here.do("phase 2 lost")
    here.run(1).do("phase 2 back")
    made = here.run(1).history
    begun = [now.at_s for was, now in pairwise(made.samples) if sum(now.starts) > sum(was.starts)]
    assert begun
    assert all(made.was_touched(at) for at in begun)


def test_what_is_true_of_a_home():
    here = fleet().run(1)
    for text in ("miner a01 mute", "swap a02 127.0.1.40", "device avalon desk silent", "ask set-state miner.a03 stop"):
        here.do(text)
    made = here.run(1).history
    house = made.samples[-1].house
    unfit = {name for name, fit in zip(made.names, house.fit, strict=True) if not fit}
    assert (unfit, made.strangers) == ({"a01", "a02", "a06"}, ("x01",))
    assert [name for name, works in zip(made.names, house.works, strict=True) if not works] == ["a03"]
    assert [name for name, stops in zip(made.names, house.stops, strict=True) if stops] == ["a03"]
    assert made.wishes[0].words == ("set-state", "miner.a03", "stop")


def test_what_a_person_asked_for_in_a_tick_that_died_is_in_the_next():
    """As in a real inbox."""
    here = fleet().run(1)
    here.do("ask set-state miner.a03 stop")
    here.do("kill 3")
    assert here.run(1).ticks[-1].killed
    assert [one.key for one in here.run(1).book.state.overrides] == ["miner.a03"]


def test_what_comes_within_a_tick_comes_at_its_second():
    here = fleet().run(1)
    here.do("within 1 swap a02 127.0.1.17")
    rig = here.site.house.rigs["a02"]
    assert rig.host == "127.0.1.12"
    assert here.run(1).site.house.rigs["a02"].host == "127.0.1.17"


@pytest.mark.parametrize("cap_kw", [40, 76])
def test_no_more_miners_go_for_the_cap_than_have_to_though_the_meter_lags_behind_them(cap_kw):
    """What it still showed of those who had stopped counted as others' load, so that more were stopped in each round:
    17 of 20 where 10 were enough, and the climb back took a quarter of an hour."""
    here = stage(cap_kw=cap_kw, metered=True, hour=2.0).run(3)
    settled = here.history.samples[-1]
    assert 0.85 * cap_kw * 1000 < settled.total_w < 0.98 * cap_kw * 1000
