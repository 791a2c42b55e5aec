"""The tightest of every limit, who may enforce it, and which of them bite."""

import pytest
from core.plant import Plant, wiring

from mine_controller.core.decide import _view
from mine_controller.core.envelope import narrow, severest
from mine_controller.core.model.reason import CONTRACT, ECONOMICS, EQUIPMENT, SAFETY, Limit, Reason, Wish


def limit(what, amount=0, layer=CONTRACT, how="ladder", rule="test"):
    return Limit(layer, what, amount, Reason(rule, "why"), how)


def test_the_smallest_ceiling_and_the_largest_floor_hold():
    found = narrow([limit("max_power_w", 9), limit("max_power_w", 5), limit("fans_min", 2), limit("fans_min", 4)])
    assert (found.max_power_w, found.fans_min) == (5, 4)
    assert narrow([]) == narrow([])._replace(fans_min=0, max_power_w=None, start_miners=None, no_start=None)


def test_of_two_the_same_the_stronger_layer_says_why():
    found = narrow([limit("no_start", layer=ECONOMICS, rule="b"), limit("no_start", layer=SAFETY, rule="z")])
    assert found.no_start.rule == "z"
    assert narrow([limit("no_start", rule="b"), limit("no_start", rule="a")]).no_start.rule == "a"


def test_limits_of_single_things_are_found_by_their_names():
    given = [limit("ban a1", rule="x"), limit("off a2", rule="y"), limit("breaker b 1", 7), limit("phase L1", 8)]
    found = narrow(given)
    assert {name: why.rule for name, why in found.bans.items()} == {"a1": "x"}
    assert {name: why.rule for name, why in found.offs.items()} == {"a2": "y"}
    assert (found.breakers, found.phases) == ({"b 1": 7}, {"L1": 8})


def test_a_ceiling_of_fans_gives_way_to_a_floor_unless_it_is_smoke():
    assert narrow([limit("fans_max", 3)]).fans_max == 3
    assert narrow([limit("fans_min", 3)]).fans_max is None
    floor = limit("fans_min", 5)
    assert narrow([limit("fans_max", 3), floor]).fans_max == 5
    assert narrow([limit("fans_max", 0, SAFETY, "cut"), floor]).fans_max == 0
    assert narrow([limit("fans_max", 0, SAFETY, "cut")]).fans_max == 0
    assert narrow([limit("fans_max", 5), limit("fans_min", 3)]).fans_max == 5


@pytest.mark.parametrize(
    ("given", "how"),
    [
        ([], "ladder"),
        ([("max_power_w", 5, "gentle")], "gentle"),
        ([("max_power_w", 5, "gentle"), ("max_power_w", 9, "cut")], "gentle"),
        ([("max_power_w", 5, "gentle"), ("max_power_w", 5, "cut")], "cut"),
        ([("max_power_w", 5, "gentle"), ("off a1", 0, "cut")], "gentle"),
        ([("off a1", 0, "gentle")], "gentle"),
        ([("off a1", 0, "gentle"), ("off a2", 0, "ladder")], "ladder"),
        ([("max_miners", 3, "gentle"), ("max_miners", 4, "cut")], "gentle"),
        ([("max_miners", 3, "gentle"), ("off a1", 0, "cut")], "cut"),
    ],
)
def test_the_tightest_limit_says_who_may_enforce_it(given, how):
    assert narrow([limit(what, amount, how=which) for what, amount, which in given]).how == how


def test_wishes_stand_in_the_order_of_their_layers():
    wishes = [Wish(layer, "mode a1", str(layer), Reason("x", "y")) for layer in (EQUIPMENT, SAFETY, ECONOMICS)]
    assert [wish.layer for wish in narrow([], wishes).wishes] == [SAFETY, EQUIPMENT, ECONOMICS]


# -- a gentle limit softens no hard one -----------------------------------------------------------------------------


def severity(*given, meter=False):
    plant = Plant(wiring(4, meter=meter))
    specs = tuple(
        spec._replace(breaker="b1" if at < 2 else "b2", phase="L1") for at, spec in enumerate(plant.wiring.miners)
    )
    plant.wiring = plant.wiring._replace(miners=specs)
    plant.policy = plant.policy._replace(wiring=plant.wiring)
    plant.frozen = True
    plant.tick()
    view, _ = _view(plant.image, plant.state, plant.policy)
    assert (view.fleet.miners_w, view.fleet.on_n) == (4 * 3400, 4)
    return severest(narrow([limit("max_power_w", 0, how="gentle"), *given]), view)


@pytest.mark.parametrize(
    ("what", "load"),
    [("max_power_w", 13_600), ("max_miners", 4), ("breaker b1", 6800), ("phase L1", 13_600), ("off m001", 3400)],
)
def test_a_hard_limit_counts_when_it_is_exceeded_and_not_when_it_is_just_kept(what, load):
    assert severity(limit(what, load)) == "gentle"
    assert severity(limit(what, load - 1)) == "ladder"
    assert severity(limit(what, load - 1, how="gentle")) == "gentle"


def test_the_hardest_of_those_exceeded_counts():
    assert severity(limit("max_miners", 3), limit("off m001", 0, how="cut")) == "cut"
    assert severity(limit("off nobody", 0, how="cut"), limit("no_start", 0, how="cut")) == "gentle"


def test_a_ceiling_below_what_sleeping_miners_draw_is_not_exceeded_by_sleepers():
    plant = Plant(wiring(4), running=False)
    plant.tick()
    view, _ = _view(plant.image, plant.state, plant.policy)
    assert view.fleet.miners_w == 100
    assert severest(narrow([limit("max_power_w", 0, how="gentle"), limit("max_power_w", 50)]), view) == "gentle"


def test_a_branch_is_exceeded_by_all_that_hangs_on_it_and_not_by_sleepers_alone():
    """As many are stopped there as that takes: a gentle limit beside it must not have them asked politely."""
    given = (limit("max_power_w", 0, how="gentle"), limit("breaker b1", 3500))
    plant = Plant(wiring(4))
    specs = tuple(spec._replace(breaker="b1") for spec in plant.wiring.miners)
    plant.wiring = plant.wiring._replace(miners=specs)
    plant.policy = plant.policy._replace(wiring=plant.wiring)
    plant.frozen = True
    plant.power |= {"m001": 300, "m002": 25, "m003": 25}
    plant.tick()
    assert severest(narrow(given), _view(plant.image, plant.state, plant.policy)[0]) == "ladder"
    plant.power["m000"] = 300
    plant.tick()
    few = (given[0], limit("breaker b1", 400))
    assert severest(narrow(few), _view(plant.image, plant.state, plant.policy)[0]) == "gentle"
