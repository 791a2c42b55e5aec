"""What the source gives, as a rule by itself."""

import pytest
from core.offgrid_plant import SOURCE, Offgrid
from core.rule_desk import Desk, wired

from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase, MinerBook, State
from mine_controller.core.model.wiring import Role
from mine_controller.core.wording.words import sentence


def supply(miners=10, **options):
    desk = Desk("supply", miners, 0, **{"margin_pct": 4.0} | options)
    desk.fleet = {"other_w": 0}
    return desk


def test_sup_load_stays_under_the_margin_and_is_shed_from_half_of_it():
    desk = supply(source_kw=40)
    desk.see()
    assert (desk.limit("start_max_w"), desk.limit("max_power_w")) == (38_400, None)
    desk.fleet |= {"miners_w": 39_200}
    desk.see()
    assert desk.limit("max_power_w") is None
    desk.fleet |= {"miners_w": 39_201}
    desk.see()
    assert (desk.limit("max_power_w"), desk.limit("no_start"), desk.events()) == (38_400, 0, ["supply_step"])
    desk.fleet |= {"miners_w": 30_000}
    desk.see(299)
    assert (desk.limit("max_power_w"), desk.events()) == (38_400, [])
    desk.see(1)
    assert desk.limit("max_power_w") is None


def test_sup_what_starts_counts_before_it_draws():
    desk = supply(source_kw=40)
    desk.fleet |= {"miners_w": 30_000, "starting_w": 9_200}
    desk.see()
    assert desk.limit("max_power_w") is None
    desk.fleet |= {"starting_w": 9_201}
    desk.see()
    assert desk.limit("max_power_w") == 38_400


def test_sup_a_miner_seen_to_come_on_counts_at_full_power_until_its_patience_is_over():
    desk = supply(2, source_kw=40)
    desk.fleet = {"other_w": 0, "on": (True, True), "est_w": (1000, 3000), "miners_w": 4000}
    book = MinerBook(on=True, last_start_s=10_000)
    desk.state = State(miners={"m000": book})
    desk.see(599)
    assert desk.limit("start_max_w") == 38_400 - 2400
    desk.see(1)
    assert desk.limit("start_max_w") == 38_400
    desk.now = 10_000
    desk.state = State(miners={"m000": book}, chases={"miner m000": Chase("run", 0, 1, 1)})
    desk.see(1)
    assert desk.limit("start_max_w") == 38_400, "counted by the chase"
    desk.state = desk.state._replace(chases={"miner m000": Chase("stop", 0, 1, 1)})
    desk.see(1)
    assert desk.limit("start_max_w") == 36_000


@pytest.mark.parametrize(
    ("unknown", "who"), [(0, ""), (10, " with 10 miners of unknown watts counted at what they can draw,")]
)
def test_sup_load_that_nobody_measured_is_not_told_as_drawn(unknown, who):
    desk = supply(source_kw=34)
    desk.fleet |= {"unknown": unknown}
    desk.see()
    [short] = [one for one in desk.see(240).events if one.kind == "supply_short"]
    assert sentence(short.reason) == f"still 34 kW,{who} over the margin of the 34 kW the source can give"


def test_sup_load_that_stays_over_is_told_after_four_minutes_and_its_end_too():
    desk = supply(source_kw=30)
    desk.see()
    desk.see(239)
    assert "supply_short" not in desk.events()
    desk.see(1)
    assert desk.events() == ["supply_short"]
    desk.see()
    assert desk.events() == []
    desk.fleet |= {"miners_w": 20_000}
    desk.see()
    assert desk.events() == ["supply_enough"]


def test_sup_while_no_miner_runs_nothing_is_short():
    desk = supply(source_kw=1)
    desk.fleet |= {"on_n": 0, "miners_w": 250, "other_w": 6_000}
    for _ in range(5):
        desk.see()
        assert "supply_short" not in desk.events()
    desk.fleet |= {"on_n": 1, "miners_w": 3_600}
    desk.see()
    desk.see(240)
    assert desk.events() == ["supply_short"], "one that somebody switched on by hand"


def test_sup_a_source_that_leaves_nobody_running_is_told_as_that():
    desk = wired(supply(), "supply_kw")
    desk.see(supply_kw=50.0)
    desk.see(supply_kw=0.0)
    desk.fleet |= {"on_n": 0, "miners_w": 250, "other_w": 6_000}
    desk.see(240)
    [event] = desk.last.events
    assert (event.kind, sentence(event.reason)) == (
        "supply_short", "the source can give 0 W, too little for any miner: all are off (6250 W in use)",
    )  # fmt: skip
    desk.see(600)
    assert desk.events() == []


def test_sup_down_at_once_and_up_only_after_it_was_there_for_long_enough():
    desk = wired(supply(), "supply_kw")
    desk.see(supply_kw=40.0)
    desk.see(supply_kw=20.0)
    assert desk.memory["held_w"] == 20_000
    desk.see(1, supply_kw=30.0)
    desk.see(100, supply_kw=25.0)
    desk.see(198, supply_kw=40.0)
    assert desk.memory["held_w"] == 20_000
    desk.see(2)
    assert desk.memory["held_w"] == 25_000
    desk.see(101)
    assert desk.memory["held_w"] == 40_000


def test_sup_after_a_gap_nothing_is_up_by_itself():
    desk = wired(supply(), "supply_kw")
    desk.see(supply_kw=20.0)
    desk.see(300, supply_kw=40.0)
    assert desk.memory["held_w"] == 20_000
    desk.see(301)
    assert desk.memory["held_w"] == 20_000


@pytest.mark.parametrize(("up_after_s", "tick_s"), [(60, 120), (120, 120), (300, 600), (60, 60)])
def test_sup_a_wait_no_longer_than_a_tick_is_over_at_the_second_look_and_not_never(up_after_s, tick_s):
    """Each look came after what was taken for a gap: after one dip a mine never came back."""
    desk = wired(supply(up_after_s=up_after_s), "supply_kw")
    desk.clock = {"tick_s": tick_s}
    desk.see(tick_s, supply_kw=40.0)
    desk.see(tick_s + 2, supply_kw=20.0)
    desk.see(tick_s + 2, supply_kw=40.0)
    assert desk.memory["held_w"] == 20_000, "one look proves nothing"
    desk.see(tick_s + 2)
    assert desk.memory["held_w"] == 40_000


def test_sup_a_silent_source_keeps_its_word_for_the_grace_and_then_counts_as_the_owner_says():
    desk = wired(supply(unknown_kw=10, grace_s=600), "supply_kw")
    desk.see(supply_kw=40.0)
    desk.see(599, supply_kw=None)
    assert (desk.memory["held_w"], desk.codes("no_start"), desk.events()) == (40_000, ["unknown"], [])
    assert dict(desk.last.limits[0].reason.numbers)["silent_s"] == 599
    desk.see(1)
    assert (desk.memory["held_w"], desk.events()) == (10_000, ["supply_blind", "supply_step"])
    desk.see()
    assert desk.events() == []
    desk.see(supply_kw=40.0)
    assert desk.events() == ["supply_known"]  # it gives enough: that this counts only later is no shortage
    assert desk.memory["held_w"] == 10_000


@pytest.mark.parametrize(
    ("role", "unknown_kw", "require", "severity"),
    [
        ("supply_kw", 0, (), "emergency"),  # everything stops
        ("supply_kw", 10, (), "warning"),  # the owner has written what counts then
        ("supply_kw", 10, ("supply",), "emergency"),
        ("grid_hz", 0, (), "warning"),  # nothing starts; what runs runs
        ("grid_hz", 0, ("grid_frequency",), "emergency"),
    ],
)
def test_sup_a_blind_source_is_an_emergency_where_it_stops_the_mine_or_is_required(role, unknown_kw, require, severity):
    desk = wired(supply(source_kw=40, unknown_kw=unknown_kw, grace_s=600), role)
    desk.site = desk.site._replace(require=require)
    desk.see(**{role: 40.0})
    desk.see(599, **{role: None})
    assert desk.events() == []
    desk.see(1)
    assert [event.severity for event in desk.last.events if event.kind == "supply_blind"] == [severity]


def test_sup_of_two_that_are_silent_the_longer_silence_is_told():
    desk = wired(supply(source_kw=40), "grid_hz", "battery_soc_pct")
    desk.see(grid_hz=50.0, battery_soc_pct=100.0)
    desk.see(100, grid_hz=None)
    desk.see(100, battery_soc_pct=None)
    assert dict(desk.last.limits[0].reason.numbers) == {"what": "grid_hz, battery_soc_pct", "silent_s": 200}
    desk.see(500)
    blind = [event.reason for event in desk.last.events if event.kind == "supply_blind"]
    told = [(reason.code, dict(reason.numbers)["what"]) for reason in blind]
    assert told == [("unseen", "grid_hz"), ("blind", "battery_soc_pct")]


SILENT = {"meter m:health": Value(None, 0, "meter m:health", "no answer")}


def test_sup_of_two_that_are_silent_one_after_the_other_the_end_is_told_when_both_are_known():
    desk = wired(supply(source_kw=40, grace_s=600), "grid_hz", "battery_soc_pct")
    desk.see(grid_hz=50.0, battery_soc_pct=100.0)
    desk.see(600, grid_hz=None)
    assert desk.events() == ["supply_blind"]
    desk.see(grid_hz=50.0, battery_soc_pct=None)  # whose grace runs
    assert desk.events() == []
    desk.see(battery_soc_pct=100.0)
    assert desk.events() == ["supply_known"]
    desk.see()
    assert (desk.events(), desk.codes("no_start")) == ([], [])


def test_sup_a_word_that_was_not_heard_in_this_look_explains_no_sag():
    """It is younger than four minutes and counts; what sags now it has not seen."""
    desk = wired(supply(), "supply_kw", "grid_hz")
    desk.see(supply_kw=34.0, grid_hz=49.0)
    assert desk.memory["available_w"] == 34_000
    desk.channels = SILENT
    desk.see()
    assert desk.memory["available_w"] == 25_500
    desk.channels = {"meter m/supply_kw:x": Value(34.0, 0, "", "not a number")}
    desk.see()
    assert desk.memory["available_w"] == 25_500
    desk.channels = {}
    desk.see()
    assert desk.memory["available_w"] == 34_000


@pytest.mark.parametrize(("unknown_kw", "left_w"), [(0, 0), (12, 12_000), (90, 40_000)])
@pytest.mark.parametrize("stale", [None, 40.0])
def test_sup_a_source_that_is_silent_through_a_black_out_has_no_grace_after_it(unknown_kw, left_w, stale):
    desk = wired(supply(unknown_kw=unknown_kw), "supply_kw", "grid_hz", "site_power_w")
    desk.see(supply_kw=40.0, grid_hz=50.0, site_power_w=30_000)
    desk.channels, desk.fan_watts, desk.fleet = SILENT, 0, {"miners_w": 0, "on_n": 0, "meter_w": 0}
    desk.see(supply_kw=stale, grid_hz=None, site_power_w=0)
    assert desk.memory["gone"] == ["supply_kw"]
    desk.fleet = {"meter_w": 34_000, "other_w": 0}
    desk.see(grid_hz=50.0, site_power_w=34_000)
    assert desk.memory["held_w"] == left_w
    assert (desk.limit("max_power_w") is None) is (left_w == 40_000)
    desk.channels = {}
    desk.see(supply_kw=40.0)
    assert (desk.memory["gone"], desk.memory["available_w"]) == ([], 40_000)


@pytest.mark.parametrize(("silent", "gone"), [(("a",), []), (("b",), []), (("a", "b"), ["battery_soc_pct"])])
def test_sup_of_several_monitors_of_the_battery_one_that_answers_through_a_black_out_is_enough(silent, gone):
    desk = wired(supply(), "supply_kw", "grid_hz", "site_power_w")
    role = Role("battery_soc_pct", ("bms a/1:charge_pct", "bms b/1:charge_pct"), "cold", 240)
    desk.wiring = desk.wiring._replace(roles={**desk.wiring.roles, role.name: role})
    desk.see(supply_kw=40.0, battery_soc_pct=90.0, grid_hz=50.0, site_power_w=30_000)
    desk.channels = {f"bms {name}:health": Value(None, 0, "", "no answer") for name in silent}
    desk.fan_watts, desk.fleet = 0, {"miners_w": 0, "on_n": 0, "meter_w": 0}
    desk.see(grid_hz=None, site_power_w=0)
    assert desk.memory["gone"] == gone
    desk.see(grid_hz=50.0, site_power_w=1000)
    assert (desk.memory["held_w"] == 0) is bool(gone)


def test_sup_what_a_person_set_to_try_something_is_heard():
    desk = wired(supply(), "supply_kw", "grid_hz", "site_power_w")
    desk.see(supply_kw=40.0, grid_hz=50.0, site_power_w=30_000)
    desk.channels, desk.fan_watts, desk.fleet = SILENT, 0, {"miners_w": 0, "on_n": 0, "meter_w": 0}
    desk.see(grid_hz=None, site_power_w=0)
    assert desk.memory["gone"] == ["supply_kw"]
    desk.see(supply_kw=Value(30.0, desk.now, "test by anna", "set for a test"), grid_hz=50.0)
    assert desk.memory["gone"] == []


def test_sup_a_source_never_heard_of_counts_from_the_first_look():
    desk = wired(supply(unknown_kw=10), "supply_kw")
    desk.see(supply_kw=None)
    assert (desk.limit("max_power_w"), desk.limit("no_start")) == (None, 0)
    desk.see(599)
    assert desk.limit("start_max_w") is None
    desk.see(1)
    assert desk.limit("start_max_w") == 9_600


@pytest.mark.parametrize(
    ("hz", "left_w"), [(50.0, 40_000), (49.5, 40_000), (49.0, 30_000), (48.5, 20_000), (48.0, 20_000), (49.25, 35_000)]
)
def test_frq1_the_source_counts_as_weaker_while_the_frequency_sags(hz, left_w):
    desk = wired(supply(source_kw=40), "grid_hz")
    desk.see(grid_hz=hz)
    assert desk.memory["available_w"] == left_w


@pytest.mark.parametrize(("volts", "left_w"), [(230.0, 40_000), (216.2, 40_000), (205.85, 30_000), (195.5, 20_000)])
def test_sup_the_same_by_voltage(volts, left_w):
    desk = wired(supply(source_kw=40), "voltage_v")
    desk.site = desk.site._replace(nominal_v=230.0)
    desk.see(voltage_v=volts)
    assert desk.memory["available_w"] == left_w


def test_sup_the_worse_of_both_counts_once():
    desk = wired(supply(source_kw=40), "grid_hz", "voltage_v")
    desk.site = desk.site._replace(nominal_v=230.0)
    desk.see(grid_hz=49.0, voltage_v=195.5)
    assert desk.memory["available_w"] == 20_000


@pytest.mark.parametrize(("hz", "left_w"), [(59.5, 40_000), (59.0, 30_000), (53.1, 40_000)])
def test_frq1_whether_a_grid_is_of_fifty_or_sixty_it_shows_at_first_and_for_good(hz, left_w):
    desk = wired(supply(source_kw=40), "grid_hz")
    if hz > 55:
        desk.see(grid_hz=60.0)
    desk.see(grid_hz=hz)
    assert desk.memory["available_w"] == left_w
    assert desk.memory.get("nominal_hz") == (60.0 if hz > 55 else None)


def test_frq1_the_owners_word_of_it_goes_before():
    desk = wired(supply(source_kw=40), "grid_hz")
    desk.site = desk.site._replace(nominal_hz=60.0)
    desk.see(grid_hz=50.0)
    assert desk.memory["available_w"] == 20_000


def test_sup_a_battery_gives_less_the_emptier_it_is():
    for soc_pct, left_w in ((100.0, 40_000), (60.0, 40_000), (40.0, 20_000), (50.0, 30_000), (20.0, 0), (5.0, 0)):
        desk = wired(supply(source_kw=40), "battery_soc_pct")
        desk.see(battery_soc_pct=soc_pct)
        assert desk.memory["available_w"] == left_w


def test_sup_a_generators_own_load_tells_what_is_left():
    for load_pct, left_w in ((80.0, 34_000 + 4_000), (90.0, 34_000), (95.0, 32_000), (190.0, 0)):
        desk = wired(supply(source_kw=40), "generator_load_pct")
        desk.see(generator_load_pct=load_pct)
        assert desk.memory["available_w"] == left_w
    for load_pct, left_w in ((45.0, 68_000), (1.0, 34_000), (0.0, 34_000)):
        desk = wired(supply(), "generator_load_pct")
        desk.see(generator_load_pct=load_pct)
        assert desk.memory["available_w"] == left_w


def test_sup_a_generator_whose_rating_is_a_curve_lets_an_idle_mine_start():
    """Its load in per cent is of the curve's highest point: as a share of the load now it left an idle mine nothing."""
    desk = wired(supply(source_curve=("25:450", "40:410")), "generator_load_pct", "ambient_c")
    for load_pct, left_w in ((2.0, 34_000 + 396_000), (90.0, 34_000), (95.0, 34_000 - 22_500)):
        desk.see(generator_load_pct=load_pct, ambient_c=20.0)
        assert desk.memory["available_w"] == min(left_w, 450_000)


def test_sup_a_rating_by_temperature_counts_and_its_lowest_where_that_is_unknown():
    options = {"source_curve": ("25:45", "40:40", "50:30")}
    for outside_c, left_w in ((10.0, 45_000), (25.0, 45_000), (32.5, 42_500), (40.0, 40_000), (99.0, 30_000)):
        desk = supply(**options)
        desk.see(ambient_c=outside_c)
        assert desk.memory["available_w"] == left_w
    desk = supply(**options)
    desk.see(ambient_c=None)
    assert desk.memory["available_w"] == 30_000


def test_sup_the_lesser_of_what_is_written_and_what_it_says_less_the_reserve():
    desk = wired(supply(source_kw=40, reserve_kw=3), "supply_kw")
    desk.see(supply_kw=50.0)
    assert desk.memory["available_w"] == 37_000
    desk.see(supply_kw=20.0)
    assert desk.memory["available_w"] == 17_000
    desk.see(supply_kw=2.0)
    assert desk.memory["available_w"] == 0
    assert (desk.limit("max_power_w"), desk.codes("max_power_w")) == (0, ["none"])


def test_sup_without_any_source_there_is_no_rule():
    assert supply().see().limits == ()


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({}, 0),
        ({"sag_hz": 1.5}, 1),
        ({"sag_pct": 15.0}, 1),
        ({"sag_pct": 14.9, "sag_hz": 1.4}, 0),
        ({"source_curve": ("40:1", "25:2")}, 1),
        ({"source_curve": ("25:1", "25:2")}, 1),
        ({"soc_curve": ("20:50", "60:40")}, 1),
        ({"soc_curve": ("20:50", "60:50")}, 0),
        ({"soc_curve": ()}, 1),
        ({"source_curve": ("hot",)}, 1),
    ],
)
def test_sup_curves_are_curves_and_sags_sag(options, wrong):
    desk = supply(**options)
    assert len(desk.rule.check(desk.options)) == wrong


def test_met1_a_meter_that_the_sum_bears_out_is_what_is_drawn():
    desk = supply(source_kw=100)
    desk.fleet = {"meter_w": 34_500, "other_w": 1000}
    desk.see()
    assert dict(desk.last.limits[0].reason.numbers)["total_w"] == 34_500
    desk.fleet = {"meter_w": 32_000, "other_w": 0}
    desk.see()
    assert dict(desk.last.limits[0].reason.numbers)["total_w"] == 34_000, "more than 5 % apart: the larger"
    desk.fleet = {"meter_w": 33_000, "other_w": 0}
    desk.see()
    assert dict(desk.last.limits[0].reason.numbers)["total_w"] == 33_000


def test_met1_miners_nobody_commands_count_at_nominal():
    desk = supply(source_kw=100)
    foreign = tuple(spec._replace(paths=()) if at == 9 else spec for at, spec in enumerate(desk.wiring.miners))
    desk.wiring = desk.wiring._replace(miners=foreign)
    desk.fleet = {"on_n": 9, "other_w": 0}
    desk.see()
    assert dict(desk.last.limits[0].reason.numbers)["total_w"] == 9 * 3400 + 25 + 3375
    assert desk.limit("start_max_w") == 96_000 - 3375


def test_the_grace_of_a_silent_source_begins_at_its_last_word():
    """O21: a word of four minutes ago still counts, and is no word of now."""
    plant = Offgrid(supply={"grace_s": 600})
    plant.ticks(9)
    heard_s = plant.image.site["supply_kw"].at_s
    plant.dead = {SOURCE}
    while plant.total > 40 * 25:
        plant.tick()
        assert plant.now - heard_s <= 600 + 2 * 120
    assert dict(plant.decisions[-1].why.numbers)["silent_s"] >= 600
    assert len(plant.events("supply_blind")) == 1


def test_a_battery_that_is_wired_again_has_its_grace_anew():
    """What was last heard of it days before, before its line was taken out, stopped the mine in the first tick."""
    desk = wired(supply(source_kw=40), "battery_soc_pct")
    desk.see(battery_soc_pct=100.0)
    with_it = desk.wiring
    desk.wiring = with_it._replace(roles={name: r for name, r in with_it.roles.items() if name != "battery_soc_pct"})
    desk.roles.pop("battery_soc_pct")
    desk.see(86_400)
    desk.wiring = with_it
    desk.see(battery_soc_pct=None)
    assert desk.codes("no_start") == ["unknown"]
    assert (desk.limit("max_power_w"), desk.events()) == (None, [])
    desk.see(600)
    assert (desk.limit("max_power_w"), desk.events()) == (0, ["supply_blind", "supply_step"])
