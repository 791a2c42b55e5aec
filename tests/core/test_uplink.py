"""Ways to the internet and the local pool: NET1, NET2, POL1. Levels throughout; a missed moment does not matter."""

from itertools import pairwise

import pytest
from core.offgrid_plant import DUMMY, LINKS, Offgrid, wiring
from core.plant import request
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core import links
from mine_controller.core.links import Probe
from mine_controller.core.model.wiring import UplinkSpec
from mine_controller.core.wording.words import sentence

PACE = links.Pace(2, 3, 360, 50.0, 0.0)
HELD = {"offline_pool": "local"}


def site(count=20, *, dummy_pool=DUMMY, uplinks=LINKS, running=True, **options):
    wires = wiring(count, roles=(), uplinks=uplinks, dummy_pool=dummy_pool)
    plant = Offgrid(wires, uplinks=HELD | options, running=running)
    plant.ticks(4)
    return plant


def cut(plant, *, back=False):
    plant.links = dict.fromkeys(LINKS, "up" if back else "down")


def last(plant):
    return plant.decisions[-1]


def on(plant, pool):
    return sum(name == pool for name in plant.pool.values())


# -- one link ---------------------------------------------------------------------------------------------------------


def walk(probes, apart_s=120):
    """(up, event kind or "") after each probe."""
    kept, out, now_s = {}, [], 1000
    for good in probes:
        now_s += apart_s
        kept, event = links.watch("lte", kept, Probe(good, now_s, "gone"), PACE, now_s)
        out.append((kept.get("up"), event.kind if event is not None else ""))
    return out


@pytest.mark.parametrize(
    ("probes", "end"),
    [
        ([True], (1, "")),
        ([False], (None, "")),
        ([False, False], (0, "uplink_down")),
        ([True, False], (1, "")),
        ([True, False, False], (0, "uplink_down")),
        ([True, False, True, False], (1, "")),
        ([True, False, False, False], (0, "")),
        ([False, False, True, True, True], (0, "")),
        ([False, False, True, True, True, True], (1, "uplink_up")),
        ([False, False, True, True, False, True, True, True], (0, "")),
        ([False, False, True, True, None, True, True], (0, "")),
        ([None, None], (None, "")),
        ([True, None, None], (1, "")),
    ],
)
def test_net2_a_link_falls_by_two_probes_and_rises_by_three_over_six_minutes(probes, end):
    assert walk(probes)[-1] == end


def test_three_good_probes_within_seconds_are_not_enough():
    assert walk([False, False, *[True] * 30], apart_s=10)[-1] == (0, "")
    assert walk([False, False, *[True] * 38], apart_s=10)[-1][0] == 1


def test_net2_a_probe_a_second_early_within_its_tick_does_not_cost_another_tick():
    kept, told = {"up": 0, "bad": 2, "bad_s": 500, "at_s": 900}, []
    for at_s in (1002, 1120, 1240, 1360):
        kept, event = links.watch("lte", kept, Probe(True, at_s), PACE, at_s)
        told.append(event.kind if event is not None else "")
    assert told == ["", "", "", "uplink_up"]


def test_one_probe_seen_twice_is_one_probe():
    kept, event = links.watch("lte", {}, Probe(False, 1000, "gone"), PACE, 1000)
    kept, event = links.watch("lte", kept, Probe(False, 1000, "gone"), PACE, 1090)
    assert (kept["bad"], event) == (1, None)


def test_a_link_that_loses_most_is_down_and_says_so():
    plant = site()
    plant.loss["lte"] = 60.0
    plant.ticks(3)
    (told,) = plant.events("uplink_down")
    assert told.about == "lte"
    assert "60 % of the probes get lost" in sentence(told.reason)
    plant.loss["lte"] = 10.0
    plant.ticks(5)
    assert [event.about for event in plant.events("uplink_up")] == ["lte"]


def test_one_link_left_is_internet():
    plant = site()
    plant.links["starlink"] = "down"
    plant.ticks(20)
    assert len(plant.events("uplink_down")) == 1
    assert plant.told == []
    assert on(plant, "main") == 20


def test_a_link_nobody_can_judge_is_neither_up_nor_down_by_itself():
    plant = site()
    plant.dead = {"uplink starlink", "uplink lte"}
    plant.ticks(30)
    assert plant.told == []
    assert plant.events("offline") == []


def test_a_silent_link_counts_as_gone_with_the_others_after_its_time():
    plant = site()
    plant.dead = {"uplink starlink"}
    plant.links["lte"] = "down"
    plant.ticks(6)
    assert plant.events("offline") == []
    plant.ticks(8)
    assert len(plant.events("offline")) == 1
    plant.dead = set()
    plant.ticks(2)
    assert plant.events("online") == []  # it proves itself like any other
    plant.ticks(4)
    assert len(plant.events("online")) == 1


def test_since_when_there_is_no_way_out():
    both = (UplinkSpec("a", "uplink a"), UplinkSpec("b", "uplink b"))
    down, up = {"up": 0, "bad_s": 500, "at_s": 900}, {"up": 1, "at_s": 900}
    assert links.all_down_since({"a": down, "b": up}, both, 300, 1000) == 0
    assert links.all_down_since({"a": down, "b": up}, both, 60, 1000) == 500
    assert links.all_down_since({"a": down, "b": {**down, "bad_s": 700}}, both, 300, 1000) == 700
    assert links.all_down_since({"a": up, "b": up}, both, 60, 1000) == 0


# -- the local pool ---------------------------------------------------------------------------------------------------


def test_net1_the_local_pool_is_open_before_anybody_is_put_on_it():
    plant = site()
    cut(plant)
    plant.ticks(9)
    assert plant.told[0][1:3] == ("pool", "on")
    moves = [at for at, _, verb, _ in plant.told if verb == "pool"]
    assert min(moves) > plant.told[0][0]
    assert on(plant, "local") == 20
    assert len(plant.events("dummy_pool")) == 1
    assert plant.violations == []


def test_an_outage_of_six_hours_leaves_the_load_where_it_was_and_everybody_is_back_in_ten_minutes():
    plant = site(40)
    before = plant.total
    cut(plant)
    lowest = before
    for _ in range(180):
        plant.tick()
        lowest = min(lowest, plant.total)
    assert lowest >= before * 0.95
    cut(plant, back=True)
    began = plant.now
    while on(plant, "local"):
        plant.tick()
    assert plant.now - began <= 600
    plant.ticks(2)
    assert not plant.pool_open
    assert [len(plant.events(kind)) for kind in ("offline", "online", "dummy_pool", "dummy_pool_over")] == [1, 1, 1, 1]
    assert plant.violations == []


def test_everybody_goes_back_to_the_pool_it_came_from():
    plant = site(9)
    plant.pool |= {"w003": "reserve", "w005": "reserve"}
    plant.tick()
    before = dict(plant.pool)
    cut(plant)
    plant.ticks(15)
    assert on(plant, "local") == 9
    cut(plant, back=True)
    plant.ticks(12)
    assert plant.pool == before


def test_without_a_named_pool_it_is_only_opened_and_closed():
    """Where the local pool stands as a late slot in every unit, nobody has to be told anything."""
    plant = site(offline_pool="")
    cut(plant)
    plant.ticks(20)
    assert plant.pool_open
    assert plant.orders("pool") == []
    assert plant.total > 20 * 3390
    cut(plant, back=True)
    plant.ticks(6)
    assert not plant.pool_open
    assert plant.violations == []


def test_an_outage_shorter_than_asked_changes_nothing():
    plant = site()
    cut(plant)
    plant.ticks(2)
    cut(plant, back=True)
    plant.ticks(10)
    assert [(target, verb) for _, target, verb, _ in plant.told] == [("pool", "on"), ("pool", "off")]
    assert on(plant, "main") == 20


def test_a_pool_that_was_left_open_is_closed_while_there_is_internet():
    plant = site()
    plant.pool_open = True
    plant.ticks(2)
    assert plant.told[0][1:3] == ("pool", "off")


def test_a_lost_command_is_sent_again_and_an_obeyed_one_is_not():
    plant = site(0)
    obeys = Offgrid._do
    plant._do = lambda name, command: "unknown"
    cut(plant)
    plant.ticks(7)
    plant._do = lambda name, command: obeys(plant, name, command)
    plant.ticks(10)
    assert plant.pool_open
    assert [verb for _, name, verb, _ in plant.told if name == "pool"] == ["on"]


def test_a_local_pool_that_gives_no_work_is_told_and_takes_nobody_and_then_miners_sleep():
    plant = site()
    plant.pool_works = False
    cut(plant)
    plant.ticks(10)
    assert on(plant, "main") == 20
    assert len(plant.events("dummy_pool_dead")) == 1
    plant.ticks(8)
    assert plant.total == 20 * 25
    plant.pool_works = True
    plant.ticks(14)
    assert plant.total > 20 * 3390
    assert len(plant.events("dummy_pool_alive")) == 1


def test_without_any_local_pool_miners_sleep_after_a_quarter_of_an_hour_and_wake_with_the_internet():
    plant = site(dummy_pool="", offline_pool="")
    cut(plant)
    plant.ticks(8)
    assert plant.total > 20 * 3390
    plant.ticks(6)
    assert plant.total == 20 * 25
    assert sentence(last(plant).why).startswith("no internet")
    assert last(plant).envelope.how == "gentle"
    cut(plant, back=True)
    plant.ticks(24)
    assert plant.total > 20 * 3390
    assert plant.violations == []


def test_the_owner_may_let_them_run_on():
    plant = site(dummy_pool="", offline_pool="", sleep_after_s=0)
    cut(plant)
    plant.ticks(30)
    assert plant.total > 20 * 3390
    assert plant.told == []


def test_who_does_not_come_back_is_named_and_started_anew_once():
    plant = site()
    cut(plant)
    plant.ticks(14)
    plant.stays = {"w003", "w007"}
    cut(plant, back=True)
    plant.ticks(10)
    (told,) = plant.events("pool_stuck")
    assert "w003, w007" in sentence(told.reason)
    plant.ticks(20)
    assert sorted(plant.orders("restart")) == [("w003", ""), ("w007", "")]
    assert on(plant, "local") == 0
    assert len(plant.events("pool_returned")) == 1
    assert not plant.pool_open
    assert plant.violations == []


def test_one_that_never_comes_back_is_started_anew_once_and_no_more():
    plant = site(6)
    cut(plant)
    plant.ticks(14)
    restart = Offgrid._do
    plant._do = lambda name, command: "applied" if name == "w002" else restart(plant, name, command)
    cut(plant, back=True)
    plant.ticks(60)
    sent = [c for d in plant.decisions for c in d.commands if c.verb == "restart"]
    assert [command.target for command in sent] == ["miner w002"]
    assert len(plant.events("pool_stuck")) == 1


def test_a_miner_that_sleeps_through_the_return_goes_home_when_it_wakes():
    plant = site(6)
    cut(plant)
    plant.ticks(12)
    plant.requests = (request("set-state", "miner.w001", "stop"),)
    plant.ticks(2)
    cut(plant, back=True)
    plant.ticks(20)
    assert [name for name, pool in plant.pool.items() if pool == "local"] == ["w001"]
    assert plant.events("pool_stuck") == []
    plant.requests = (request("clear-state", "miner.w001", number=2),)
    plant.ticks(20)
    assert on(plant, "local") == 0


def test_a_miner_that_never_tells_its_pool_is_put_back_once():
    plant = site(6)
    plant.garbage = {f"whatsminer row_a/{spec.mac}:pool": None for spec in plant.wiring.miners}
    cut(plant)
    plant.ticks(40)
    assert on(plant, "local") == 6
    cut(plant, back=True)
    plant.ticks(40)
    assert on(plant, "main") == 6
    assert plant.orders("pool").count(("w002", "main")) == 1


def test_a_person_s_pool_counts_before_the_rule_s():
    plant = site(4)
    plant.requests = (request("set-state", "pool.w002", "reserve"),)
    plant.ticks(2)
    cut(plant)
    plant.ticks(20)
    assert plant.pool["w002"] == "reserve"
    assert on(plant, "local") == 3


def test_an_uplink_can_be_set_where_nothing_is_real():
    plant = site(2)
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(live=False))
    for number, (key, value, why) in enumerate(
        [
            ("uplink.lte", "down", "in force"),
            ("uplink.starlink", "down", "in force"),
            ("uplink.fibre", "down", "there is no uplink 'fibre'; there are starlink, lte"),
            ("uplink.lte", "slow", "one of up, down, unknown"),
        ]
    ):
        plant.requests = (request("set-state", key, value, number=number),)
        plant.tick(1)
        assert why in last(plant).verdicts[0].why
    plant.ticks(6)
    assert len(plant.events("offline")) == 1
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(live=True))
    plant.requests = (request("set-state", "uplink.lte", "down"),)
    plant.tick(1)
    assert "in shadow mode (site.live = no)" in last(plant).verdicts[0].why, "a demo is live, too"


def test_in_shadow_nothing_is_remembered_as_sent():
    plant = site(2)
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(live=False))
    plant._do = lambda name, command: "withheld"
    cut(plant)
    plant.ticks(12)
    assert not plant.pool_open
    assert [one for one in plant.state.chases if one.startswith("pool ")] == []


LINE = st.tuples(st.sampled_from(["up", "down"]), st.sampled_from(["up", "down"]), st.booleans())


@given(st.lists(LINE, min_size=8, max_size=14))
def test_pol1_flapping_lines_never_move_a_miner_twice_in_a_quarter_of_an_hour(story):
    plant = site(2)
    for starlink, lte, gone in story:
        plant.links = {"starlink": starlink, "lte": lte}
        plant.dead = {"uplink lte"} if gone else set()
        plant.ticks(3)
    assert plant.violations == []
    for spec in plant.wiring.miners:
        times = [at for at, name, verb, _ in plant.told if verb == "pool" and name == spec.id]
        assert all(later - earlier >= 900 for earlier, later in pairwise(times))
    told = [verb for _, name, verb, _ in plant.told if name == "pool"]
    assert all(one != other for one, other in pairwise(told))


# -- shares -----------------------------------------------------------------------------------------------------------


def test_lost_shares_are_held_against_their_goal_over_half_an_hour():
    plant = site(4)
    for _ in range(34):
        plant.shares[0] += 100
        plant.shares[1] += 2
        plant.tick()
    (told,) = plant.events("share_loss")
    assert "1.96 %" in sentence(told.reason)
    for _ in range(50):
        plant.shares[0] += 100
        plant.tick()
    assert len(plant.events("share_loss_over")) == 1


def test_a_share_that_came_too_late_is_lost_too_and_no_refusal_of_the_pool():
    plant = site(4)
    plant.shares = [0, 0, 0]
    for _ in range(34):
        plant.shares = [plant.shares[0] + 100, plant.shares[1], plant.shares[2] + 10]
        plant.tick()
    (told,) = plant.events("share_loss")
    assert "9.09 %" in sentence(told.reason)
    assert plant.events("high_reject") == []


@pytest.mark.parametrize(("lost", "told"), [(16, 0), (17, 1)])
def test_what_chance_makes_of_a_thousand_shares_is_no_loss(lost, told):
    """Ten are the goal, and two thirds of all half hours lie within three of what they are on average."""
    plant = site(1, share_least=200)
    plant.shares = [0, 0]
    plant.ticks(2)
    plant.shares = [1000 - lost, lost]
    for _ in range(40):
        plant.tick()
    assert len(plant.events("share_loss")) == told


def test_few_shares_prove_no_loss():
    plant = site(4, share_least=10_000)
    for _ in range(34):
        plant.shares[1] += 2
        plant.tick()
    assert plant.events("share_loss") == []


def test_every_sentence_of_an_outage_is_whole():
    plant = site(4)
    cut(plant)
    plant.ticks(14)
    cut(plant, back=True)
    plant.ticks(14)
    for decision in plant.decisions:
        for event in decision.events:
            assert "?" not in sentence(event.reason)
        for wish in decision.envelope.wishes:
            assert "?" not in sentence(wish.reason)
