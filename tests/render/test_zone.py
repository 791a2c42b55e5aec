"""Times as the page tells them, and the night in which an hour comes twice."""

import pytest
import sample

from mine_controller.core.wording.words import sentence
from mine_controller.render import page, past, view
from mine_controller.render.text import Fold, Zone

BACK = 1_793_516_400  # 2026-11-01 07:00 UTC: in Chicago 02:00 CDT becomes 01:00 CST
CDT, CST = (-5 * 3600, "CDT"), (-6 * 3600, "CST")
NIGHT = Zone(*CST, Fold(BACK, CDT, CST))


@pytest.mark.parametrize(
    ("at", "clock", "minute"),
    [
        (BACK - 3601, "00:59:59", "00:59"),
        (BACK - 3600, "01:00:00 CDT", "01:00 CDT"),
        (BACK - 1, "01:59:59 CDT", "01:59 CDT"),
        (BACK, "01:00:00 CST", "01:00 CST"),
        (BACK + 3599, "01:59:59 CST", "01:59 CST"),
        (BACK + 3600, "02:00:00", "02:00"),
    ],
)
def test_the_hour_that_comes_twice_says_which_it_is_and_no_other_does(at, clock, minute):
    assert (NIGHT.clock(at), NIGHT.minute(at)) == (clock, minute)
    assert NIGHT.near(at, BACK) == clock
    assert NIGHT.near(at, BACK + 86_400) == f"Sun 1 Nov {minute}"


def test_what_names_its_zone_anyhow_names_it_once():
    assert [NIGHT.clock_named(BACK + side) for side in (-1, 0)] == ["01:59:59 CDT", "01:00:00 CST"]
    assert [NIGHT.minute_named(BACK + side) for side in (-7200, 7200)] == ["00:00 CDT", "03:00 CST"]
    assert [NIGHT.iso(BACK + side)[11:] for side in (-1, 0)] == ["01:59:59-05:00", "01:00:00-06:00"]


def test_without_such_a_night_nothing_is_named():
    usual = Zone(*CDT)
    assert (usual.clock(BACK - 1), usual.minute(BACK), usual.clock(None)) == ("01:59:59", "02:00", "unknown")
    assert usual.clock_named(BACK) == "02:00:00 CDT"


def test_a_page_of_that_night_names_what_it_tells_of_that_hour_and_its_own_time_once():
    back = sample.NOW - 600
    site = sample.facts(utc_offset_s=CST[0], zone="CST", fold=Fold(back, CDT, CST))
    shown = view.view(sample.book("RUNNING"), site, sample.history("RUNNING"), sentence, sample.NOW + 3)
    html = page.render(shown)
    assert shown["now"]["text"].endswith(" CST")
    assert shown["now"]["written"].endswith(" CST")
    assert "CST CST" not in html
    told = [line["at"][-4:] for line in shown["events"]] + [row["hour"][-4:] for row in shown["trends"]["rows"]]
    assert {" CDT", " CST"} <= set(told)
    usual = view.view(sample.book("RUNNING"), sample.facts(), sample.history("RUNNING"), sentence, sample.NOW + 3)
    assert not any("CDT" in row["at"] for row in usual["events"])
    assert not any("CDT" in row["hour"] for row in usual["trends"]["rows"])


def test_no_two_hours_of_the_table_of_a_day_have_one_name():
    """At two in the afternoon its first and its last row were both 14:00, a day apart."""
    shown = view.view(sample.book("RUNNING"), sample.facts(), sample.history("RUNNING"), sentence, sample.NOW + 3)
    hours = [row["hour"] for row in shown["trends"]["rows"]]
    assert (hours[0], hours[14], hours[15], hours[-1]) == ("14:00", "00:00", "Mon 13 Jul 23:00", "Mon 13 Jul 14:00")
    assert len(set(hours)) == len(hours) == 25


@pytest.mark.parametrize(("was", "then"), [((-6 * 3600, "CST"), (-5 * 3600, "CDT")), ((-5 * 3600, "CDT"), CST)])
def test_days_and_hours_on_the_other_side_of_a_change_have_the_times_they_had(was, then):
    change = sample.NOW - 6 * 3600
    site = sample.facts(utc_offset_s=then[0], zone=then[1], fold=Fold(change, was, then))
    shown = view.view(sample.book("RUNNING"), site, sample.history("RUNNING"), sentence, sample.NOW + 3)
    zone = Zone(*then, site.fold)
    early = sample.NOW - 12 * 3600
    assert zone.minute(early) == Zone(*was).minute(early)
    hours = [row["hour"].rpartition(":")[0][-2:] for row in shown["trends"]["rows"]]
    assert Zone(*was).minute(early)[:2] in hours
    labels = past._day_labels(change - 3 * 86_400, change + 3 * 86_400, zone)
    assert len({one["text"] for one in labels}) == len(labels) == 6
    for one in labels:
        at = change - 3 * 86_400 + one["x"] * 6 * 86_400 / 1440
        assert abs((at + zone.offset_at(round(at)) + 43_200) % 86_400 - 43_200) < 400, "a midnight of its own side"
