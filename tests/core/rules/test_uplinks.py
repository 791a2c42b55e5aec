"""Whether the local pool lives, and what is remembered as home, as the rule `uplinks` sees it."""

import pytest
from core.offgrid_plant import LINKS, ROW, Offgrid, wiring
from core.rule_desk import Desk

from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import UplinkSpec
from mine_controller.core.rules import uplinks as rule

DOOR = "ckpool local"


def lives(switch="on", link="up", *, age_s=0, why=""):
    desk = Desk("uplinks")
    desk.channels = {
        f"{DOOR}:switch": Value(switch, desk.now - age_s), f"{DOOR}:link": Value(link, desk.now - age_s, "", why),
    }  # fmt: skip
    return rule._lives(desk.view(), DOOR)


def test_a_local_pool_lives_when_it_is_open_and_gives_work():
    assert lives()
    assert not lives(switch="off")
    assert not lives(link="down")
    assert not lives(why="gone")
    assert not rule._lives(Desk("uplinks").view(), DOOR)


@pytest.mark.parametrize(("age_s", "found"), [(600, True), (601, False)])
def test_its_word_counts_for_ten_minutes(age_s, found):
    assert lives(age_s=age_s) is found


# -- where miners are at home -----------------------------------------------------------------------------------------


def site(**pools):
    plant = Offgrid(wiring(5, roles=(), uplinks=LINKS), uplinks={"offline_pool": "local", "sleep_after_s": 0})
    plant.pool |= pools
    plant.ticks(4)
    return plant


def cut(plant):
    """The tick in which the last way is proven down."""
    plant.links = dict.fromkeys(LINKS, "down")
    plant.tick()


def homes(plant):
    return plant.state.memory["uplinks"].get("home")


def test_home_is_where_they_worked_when_the_last_way_went_and_not_where_they_fled_to_since():
    plant = site(w003="reserve")
    assert homes(plant) is None
    cut(plant)
    assert homes(plant) == {ROW: "main", "w003": "reserve"}
    plant.pool |= {"w001": "reserve", "w002": "local", "w003": "main"}
    plant.tick()
    assert homes(plant) == {ROW: "main", "w003": "reserve"}


def test_the_next_outage_finds_homes_anew_and_a_miner_on_the_local_pool_keeps_its_last():
    plant = site(w003="reserve", w004="reserve")
    cut(plant)
    assert homes(plant) == {ROW: "main", "w003": "reserve", "w004": "reserve"}
    plant.links = dict.fromkeys(LINKS, "up")
    plant.ticks(8)
    plant.pool |= {"w000": "reserve", "w003": "main"}
    plant.ticks(2)
    plant.pool["w004"] = "local"  # where that was, says nothing of its home
    cut(plant)
    assert homes(plant) == {ROW: "main", "w000": "reserve", "w004": "reserve"}


# -- the turn there and back -----------------------------------------------------------------------------------------

DOWN = {"up": 0, "bad_s": 9_000, "at_s": 9_990}


def turned(a, b, **kept):
    """(the memory after one turn of two links, the kinds of what is told) at second 10 000."""
    desk, events = Desk("uplinks"), []
    desk.wiring = desk.wiring._replace(uplinks=tuple(UplinkSpec(name, f"uplink {name}") for name in "ab"))
    kept = {"links": {"a": a, "b": b}} | kept
    rule._turn(desk.view(), kept, desk.options, events)
    return kept, [event.kind for event in events]


@pytest.mark.parametrize(("for_s", "told"), [(299, []), (300, ["offline"])])
def test_miners_are_moved_when_the_last_way_is_down_for_five_minutes(for_s, told):
    assert turned(DOWN, DOWN | {"bad_s": 10_000 - for_s})[1] == told


def test_a_link_that_just_answered_is_waited_for():
    assert turned(DOWN, DOWN | {"good": 1})[1] == []


def test_going_offline_begins_every_book_of_the_return_anew():
    silent = {"up": 1, "at_s": 9_000, "first_s": 100}
    kept, told = turned(DOWN, silent, back_s=500, restarted=["m001"], named=2)
    assert told == ["offline"]
    assert (kept["off_s"], kept["back_s"], kept["restarted"], kept["named"]) == (10_000, 0, [], 0)
    assert (kept["links"]["a"], kept["links"]["b"]) == (DOWN, silent | {"up": 0, "bad_s": 10_000})


def test_who_was_named_stays_named_in_the_next_outage_or_nobody_would_tell_that_he_is_back():
    assert turned(DOWN, DOWN, named=1)[0]["named"] == 1
    desk = Desk("uplinks")
    for gone, told in ((True, []), (False, ["pool_returned"])):
        kept, events = {"back_s": desk.now - 600, "named": 1}, []
        rule._return(desk.view(), kept, desk.options._replace(offline_pool="local"), [], events, gone=gone)
        assert [event.kind for event in events] == told, "while no way is left nobody has come back"


def test_it_is_over_when_a_link_is_up_and_not_when_one_merely_can_not_be_judged():
    kept, told = turned(DOWN, {"up": 1, "at_s": 9_990}, off_s=9_500)
    assert (told, kept["off_s"], kept["left_s"], kept["back_s"]) == (["online"], 0, 9_500, 10_000)
    assert turned(DOWN, {"at_s": 9_990}, off_s=9_500)[1] == []
    assert turned(DOWN, {"up": 1, "at_s": 9_000}, off_s=9_500)[1] == [], "up by its last word, and silent since"
    assert turned(DOWN, {"up": 1, "at_s": 9_990})[1] == []


@pytest.mark.parametrize("second", ["w004", "w002"])
def test_who_fled_by_itself_from_an_outage_too_short_to_move_anybody_is_named_and_started_anew_too(second):
    plant = site()
    cut(plant)
    plant.pool["w002"], plant.stays = "local", {"w002"}
    plant.links = dict.fromkeys(LINKS, "up")
    plant.ticks(14)
    assert not plant.events("offline")
    assert len(plant.events("pool_stuck")) == 1
    plant.ticks(12)
    assert plant.orders("restart") == [("w002", "")]
    assert plant.pool["w002"] == "main"
    assert len(plant.events("pool_returned")) == 1
    cut(plant)
    plant.pool[second], plant.stays = "local", {second}
    plant.links = dict.fromkeys(LINKS, "up")
    plant.ticks(26)
    assert (len(plant.events("pool_stuck")), plant.pool[second]) == (2, "main")
    assert plant.violations == []


# -- shares -----------------------------------------------------------------------------------------------------------


def test_the_loss_of_a_half_hour_is_not_told_of_one_with_too_few_shares():
    """Curtailed for a day, the page and the metrics went on with what was lost before it."""
    plant = Offgrid(wiring(4, roles=(), uplinks=LINKS))
    for _ in range(34):
        plant.shares = [plant.shares[0] + 100, plant.shares[1] + 2]
        plant.tick()
    assert plant.state.memory["uplinks"]["share_loss_pct"] == 1.96
    for _ in range(34):
        plant.tick()
    assert "share_loss_pct" not in plant.state.memory["uplinks"]


def test_the_loss_of_a_half_hour_is_not_told_where_the_last_one_was_not_seen():
    desk = Desk("uplinks")
    kept = {"share_loss_pct": 1.96, "shares_s": desk.now - 9000}
    rule._share_loss(desk.view(), kept, rule.Options(), [])
    assert kept == {"shares_s": desk.now - 9000}
