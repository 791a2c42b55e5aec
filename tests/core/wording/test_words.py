"""Numbers as people read them, and sentences that never lose what they were given."""

import pytest

from mine_controller.core.model.reason import Reason
from mine_controller.core.wording.words import sentence, show


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("power_w", 9_999, "9999 W"),
        ("power_w", 10_000, "10 kW"),
        ("power_w", -10_000, "-10 kW"),
        ("power_w", 952_400, "952 kW"),
        ("power_w", "unknown", "unknown"),
        ("for_s", 119, "119 s"),
        ("for_s", 120, "2 min"),
        ("for_s", 149, "2 min"),
        ("for_s", 151, "3 min"),
        ("for_s", 119 * 60, "119 min"),
        ("for_s", 120 * 60, "2 h"),
        ("for_s", 121 * 60, "2 h 1 min"),
        ("for_s", 180 * 60, "3 h"),
        ("for_s", 12.7, "12 s"),
        ("inlet_c", 35, "35.0"),
        ("inlet_c", 35.25, "35.2"),
        ("rise_k", 8, "8.0"),
        ("grid_hz", 49.5, "49.5"),
        ("grid_hz", 50.0, "50"),
        ("miners", 24, "24"),
    ],
)
def test_a_number_is_shown_the_way_people_read_it(name, value, text):
    assert show(name, value) == text


def test_a_reason_nobody_has_words_for_shows_all_it_carries():
    reason = Reason("never", "heard", (("power_w", 20_000), ("why", "dust")))
    assert sentence(reason) == "never: heard power_w=20 kW why=dust"
    assert sentence(Reason("never", "heard")) == "never: heard"


def test_a_number_that_is_not_there_is_a_question_mark():
    assert "?" in sentence(Reason("uplinks", "down", (("link", "fibre"),)))
    assert "fibre" in sentence(Reason("uplinks", "down", (("link", "fibre"),)))


@pytest.mark.parametrize(("more", "end"), [(0, "a01, s01"), (3, "a01, s01 and 3 more")])
def test_a_list_that_is_whole_has_no_more(more, end):
    numbers = (("unknown", 2), ("stragglers", "a01, s01"), ("more", more), ("power_w", 9_000), ("floor_w", 500))
    assert sentence(Reason("shed", "unverified", numbers)).endswith(end)
    assert f"{end}. Open their breakers" in sentence(Reason("shed", "unproven", numbers))
    stuck = (("miners", 2), ("names", "a01, s01"), ("more", more))
    assert sentence(Reason("uplinks", "stuck", stuck)).endswith(end)


def test_what_stands_on_after_its_cause_is_not_told_as_the_cause_itself():
    """A step down is held for minutes, a source whose sensor is dead counts as nothing, and a stop has no signal."""
    numbers = (("total_w", 2_116), ("available_w", 56_000))
    assert sentence(Reason("supply", "over", numbers)) == (
        "held under the margin of the 56 kW the source can give (2.1 kW in use)"
    )
    assert sentence(Reason("supply", "none", numbers)) == "the source counts as giving nothing"
    proven = (("power_w", 0), ("floor_w", 3_232), ("took_s", 8))
    assert (
        sentence(Reason("shed", "proven", proven))
        == "0 W measured, below 3232 W: proven down 8 s after it was asked for"
    )


def test_a_disk_that_is_read_only_is_not_called_nearly_full():
    said = sentence(Reason("alarm", "disk", (("why", "/var/lib/minectl is read-only"),)))
    assert said == "the disk of the database: /var/lib/minectl is read-only"


def test_what_a_miner_did_not_take_is_told_apart_from_what_it_answered():
    numbers = (("miner", "a03"), ("what", "mode eco"), ("verdict", "unknown"), ("why", "shows another setting"))
    assert sentence(Reason("errands", "failed", numbers)) == (
        "a03 did not take mode eco (unknown): shows another setting"
    )
    silent = (*numbers[:3], ("why", ""))
    assert sentence(Reason("errands", "failed", silent)) == "a03 did not take mode eco (unknown)"


def test_the_step_of_a_small_fleet_is_told_without_one_miners():
    assert "1 starts" not in sentence(Reason("ramp", "step", (("step", 1), ("recent", 0))))


def test_one_miner_on_a_pool_is_no_plural():
    numbers = (("pool", "xmr"), ("why", "its port can't be reached"), ("miners", 1))
    assert sentence(Reason("failover", "down", numbers)) == (
        "pool xmr is down (its port can't be reached); miners on it: 1, and nothing stands in"
    )


def test_how_long_ago_something_was_known_is_no_count_of_thousands_of_seconds():
    why = "no answer within 6 s, last known 8760 s ago"
    assert sentence(Reason("alarm", "device_unreachable", (("device", "x"), ("why", why)))) == (
        "x does not answer: no answer within 6 s, last known 2 h 26 min ago"
    )
    assert "last known 90 s ago" in sentence(Reason("alarm", "device_unreachable", (("why", "last known 90 s ago"),)))


@pytest.mark.parametrize(
    ("total_w", "cap_w", "text"),
    [
        (9_760, 10_000, "9.8 kW is over the margin of the 10 kW cap: shedding"),
        (9_960, 10_240, "10 kW is over the margin of the 10.2 kW cap: shedding"),
        (10_230, 9_990, "10.2 kW is over the margin of the 10 kW cap: shedding"),
        (9_400, 9_600, "9400 W is over the margin of the 9600 W cap: shedding"),
        (29_000, 30_000, "29 kW is over the margin of the 30 kW cap: shedding"),
    ],
)
def test_powers_of_one_sentence_have_one_unit(total_w, cap_w, text):
    assert sentence(Reason("cap", "over", (("total_w", total_w), ("cap_w", cap_w)))) == text


def test_a_small_power_beside_a_great_one_is_not_rounded_to_nothing():
    numbers = (("power_w", 40), ("floor_w", 12_345), ("took_s", 60))
    assert sentence(Reason("shed", "proven", numbers)).startswith("0.04 kW measured, below 12.3 kW:")
    numbers = (("meter_w", 0), ("sum_w", 972_400))
    assert sentence(Reason("cap", "disagree", numbers)) == "meter says 0 kW, outlets and fans say 972 kW"


def test_a_power_that_the_sentence_does_not_show_sets_no_unit():
    numbers = (("signal_w", 50_000), ("limit_w", 4_200))
    assert sentence(Reason("cap", "breaker", numbers)) == "branch limit 4200 W"
