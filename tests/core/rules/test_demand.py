"""What was agreed on average, as a rule by itself."""

from core.rule_desk import Desk


def demand(**options):
    desk = Desk("demand", 10, 0, **{"limit_kw": 30, "margin_pct": 4.0} | options)
    desk.fleet = {"miners_w": 20_000, "other_w": 0}
    return desk


def test_demand_starts_end_at_the_margin_and_a_short_peak_stops_nobody():
    desk = demand()
    for _ in range(10):
        desk.see()
    assert (desk.limit("start_max_w"), desk.limit("max_power_w")) == (28_800, None)
    desk.fleet |= {"miners_w": 34_000}
    desk.see()
    numbers = dict(desk.last.limits[0].reason.numbers)
    assert numbers == {"average_w": (34_000 * 240 + 20_000 * 660) // 900, "limit_w": 30_000, "window_s": 900}
    assert desk.limit("max_power_w") is None


def test_demand_load_goes_down_when_the_average_would_pass_half_of_the_margin():
    desk = demand()
    for watts, down in ((29_400, None), (29_401, 28_800)):
        desk.memory, desk.fleet = {}, {"miners_w": watts, "other_w": 0}
        desk.see()
        assert desk.limit("max_power_w") == down
    assert (desk.events(), desk.limit("no_start")) == (["demand_near"], 0)
    desk.fleet |= {"miners_w": 10_000}
    desk.see(299)
    assert (desk.limit("max_power_w"), desk.events()) == (28_800, [])
    desk.see(1)
    assert desk.limit("max_power_w") is None


def test_demand_after_a_longer_window_was_written_time_nobody_watched_counts_as_the_load_now():
    """Parts of the shorter window had numbers of a far later time in the longer one, and stayed in it for good."""
    desk = demand(window_s=900)
    desk.fleet |= {"miners_w": 5_000}
    for _ in range(10):
        desk.see()
    desk.options = desk.options._replace(window_s=3600)
    desk.see()
    desk.fleet |= {"miners_w": 31_000}
    desk.see(7200)
    assert (dict(desk.last.limits[0].reason.numbers)["average_w"], desk.events()) == (31_000, ["demand_near"])


def test_demand_what_starts_counts_and_no_contract_is_no_rule():
    desk = demand()
    desk.fleet |= {"starting_w": 5000}
    desk.see()
    assert desk.limit("start_max_w") == 28_800, "the room takes it off itself"
    assert demand(limit_kw=0).see().limits == ()


def test_demand_the_window_slides_and_forgets():
    desk = demand()
    desk.fleet |= {"miners_w": 60_000}
    for _ in range(8):
        desk.see()
    desk.fleet |= {"miners_w": 0}
    averages = []
    for _ in range(10):
        desk.see()
        averages.append(dict(desk.last.limits[0].reason.numbers)["average_w"])
    # the larger of two looks counts for the time between them, and the load now for the tick ahead
    assert averages == [52_000, 44_000, 36_000, 28_000, 20_000, 12_000, 4000, 0, 0, 0]


def test_demand_time_nobody_watched_counts_as_the_load_now():
    desk = demand()
    desk.see()
    desk.fleet |= {"miners_w": 30_000}
    desk.see(901)
    assert dict(desk.last.limits[0].reason.numbers)["average_w"] == 30_000


def test_demand_the_first_look_counts_nothing_and_old_parts_are_let_go():
    desk = Desk("demand", limit_kw=100.0)
    desk.now = 380
    desk.see()
    assert (desk.memory["parts"], desk.memory["last_s"]) == ([], 500)
    for _ in range(40):
        desk.see(60)
    assert 15 <= len(desk.memory["parts"]) <= 16
    assert min(part[0] for part in desk.memory["parts"]) * 60 > desk.now - 900 - 60
    desk.see(960)
    assert desk.memory["parts"] == []
