"""A branch that went dark at once, on the whole controller."""

import pytest
from core.plant import WALL, Plant, policy, request, wiring
from core.rule_desk import Desk

from mine_controller.core.model.state import MinerBook, Shed, State

BRANCH = ("m000", "m001", "m002", "m003")


class Fused(Plant):
    """Miners behind a breaker that can trip: open, nothing on it draws, whatever it is told."""

    open = False

    def readings(self, asked):
        if self.open:
            self.power |= dict.fromkeys(BRANCH, 0)
        return super().readings(asked)


def site(count=12, on="breaker", **options):
    wires = wiring(count)
    miners = tuple(one._replace(**{on: "b1"}) if one.id in BRANCH else one for one in wires.miners)
    wires = wires._replace(miners=miners)
    plant = Fused(wires, policy(wires, **options))
    plant.ticks(4)
    return plant


def told(plant):
    """What was said of branches, in order."""
    return [e.kind for d in plant.decisions for e in d.events if e.kind in ("branch_tripped", "branch_back")]


def runs(plant, since):
    """Who of the branch was told to run since that second."""
    return {target[6:] for at, target, verb, _ in plant.sent if at > since and verb in ("run", "on")} & set(BRANCH)


@pytest.mark.parametrize("on", ["breaker", "phase"])
def test_hw1_a_branch_that_went_dark_is_not_started_until_a_person_has_seen_it(on):
    plant = site(on=on)
    plant.open, since = True, plant.now
    plant.ticks(12)  # min_off is long over
    assert told(plant) == ["branch_tripped"]
    assert runs(plant, since) == set()
    assert {plant.decisions[-1].plan.skip[name].code for name in BRANCH} == {"tripped"}
    assert sum(plant.power[one.id] for one in plant.wiring.miners[4:]) == 8 * 3400
    plant.requests = (request("ack"),)
    plant.tick()
    assert told(plant) == ["branch_tripped", "branch_back"]
    plant.open = False
    plant.ticks(12)
    assert runs(plant, since) == set(BRANCH)
    assert all(plant.power[name] == 3400 for name in BRANCH)
    assert plant.violations == []


def test_hw1_it_is_over_when_somebody_closed_it_and_the_miners_came_by_themselves():
    plant = site()
    plant.open = True
    plant.ticks(3)
    plant.open = False
    plant.power |= dict.fromkeys(BRANCH[:1], 3400)
    plant.tick()
    assert told(plant) == ["branch_tripped"]  # one of four may have another supply
    plant.power |= dict.fromkeys(BRANCH[:2], 3400)
    plant.tick()
    assert told(plant) == ["branch_tripped", "branch_back"]


def test_hw1_of_a_phase_and_its_breakers_the_phase_is_told():
    plant = site()
    both = tuple(one._replace(phase="L1") if one.id in BRANCH else one for one in plant.wiring.miners)
    plant.wiring = plant.wiring._replace(miners=both)
    plant.policy = plant.policy._replace(wiring=plant.wiring)
    plant.open = True
    plant.ticks(3)
    [event] = plant.events("branch_tripped")
    assert (event.about, dict(event.reason.numbers)) == ("phase L1", {"branch": "phase L1", "miners": 4})


def idles(plant):
    plant.power |= dict.fromkeys(BRANCH, 5)


def blacks_out(plant):
    plant.power |= dict.fromkeys(plant.power, 0)


def loses_some(plant):
    plant.power |= dict.fromkeys(BRANCH[:3], 0)


def goes_blind(plant):
    plant.power |= dict.fromkeys(BRANCH, 0)
    plant.dead.add(plant.wiring.miners[0].outlet.partition("/")[0])


def is_told(plant):
    """By us, and to the end: at its outlets, which show 0 W then."""
    plant.liars = set(BRANCH)
    plant.requests = tuple(
        request("set-state", f"miner.{name}", "stop", until=WALL + plant.now + 7200, number=at)
        for at, name in enumerate(BRANCH)
    )


@pytest.mark.parametrize("happens", [idles, blacks_out, loses_some, goes_blind, is_told])
def test_hw1_what_is_no_trip(happens):
    plant = site()
    happens(plant)
    plant.ticks(3)
    assert told(plant) == []
    assert any(plant.power[name] < 3400 for name in BRANCH)


def test_hw1_how_many_make_a_trip_is_the_owners():
    plant = site(branch={"least": 5})
    plant.open = True
    plant.ticks(3)
    assert told(plant) == []


def test_a_site_without_branches_remembers_nothing_of_them():
    plant = Plant(wiring(4))
    plant.ticks(2)
    assert plant.state.memory["branch"] == {}


# -- the rule by itself, to the second and the watt -----------------------------------------------------------------


BREAKERS = ("", "", "a", "b", "b", "b")


def judged(*, dark=(0, 0, 0), ago_s=0, fell=3, on_n=2, memory=None, shed=None, now=10_000, **options):
    """What is held of six miners, of which the last three hang on breaker b: who else runs, who went dark when."""
    desk = Desk("branch", 6, **options)
    miners = tuple(spec._replace(breaker=name) for spec, name in zip(desk.wiring.miners, BREAKERS, strict=True))
    desk.wiring, desk.fleet, desk.now = desk.wiring._replace(miners=miners), {"on_n": on_n}, now
    gone = [spec.id for spec in miners[3:]][:fell]
    books = {name: MinerBook(last_stop_s=desk.now - ago_s) for name in gone}
    desk.state = State(miners=books, last={"awake": gone}, shed=shed)
    view = desk.view()
    watts = (*view.image.miners.power_w[:3], *dark)
    view = view._replace(image=view.image._replace(miners=view.image.miners._replace(power_w=watts)))
    found = desk.rule.advise(view, memory or {}, desk.options)
    return [one.about for one in found.events if one.kind == "branch_tripped"], found


def held(found):
    return [one.what for one in found.limits]


def test_hw1_so_many_dark_at_once_are_a_trip_and_their_bans_say_how_many():
    told, found = judged()
    assert told == ["breaker b"]
    assert [(one.what, one.amount) for one in found.limits] == [(f"ban m00{at}", 0) for at in (3, 4, 5)]
    assert {dict(one.reason.numbers)["miners"] for one in found.limits} == {3}
    assert judged(fell=2)[0] == []
    assert judged(fell=2, least=2)[0] == ["breaker b"]


@pytest.mark.parametrize(("watts", "trips"), [(3, True), (4, False), (None, False)])
def test_hw1_a_branch_is_dead_up_to_three_watts_and_only_where_they_are_known(watts, trips):
    assert bool(judged(dark=(0, watts, 0))[0]) is trips


@pytest.mark.parametrize(("ago_s", "trips"), [(150, True), (151, False)])
def test_hw1_who_went_dark_longer_ago_than_meters_take_did_not_go_together(ago_s, trips):
    assert bool(judged(ago_s=ago_s)[0]) is trips


def test_hw1_in_the_first_seconds_of_a_controller_nobody_has_fallen_who_never_ran():
    assert judged(now=100, ago_s=100)[0] == []
    assert judged(now=100, ago_s=99)[0] == ["breaker b"]


def test_hw1_while_everything_is_being_cut_no_branch_has_tripped_and_afterwards_it_may():
    cut = Shed(1, 0, 0, 0, 0)
    assert judged(shed=cut)[0] == []
    assert judged(shed=cut._replace(ended_s=9000))[0] == ["breaker b"]


def test_hw1_one_miner_that_runs_elsewhere_tells_a_trip_from_a_black_out():
    assert judged(on_n=1)[0] == ["breaker b"]
    assert judged(on_n=0)[0] == []


def test_hw1_a_branch_that_went_from_the_config_holds_who_fell_with_it_as_long_as_they_are_listed():
    kept = {"tripped": {f"breaker {name}": {"miners": ["m003", "m004"], "since_s": 1} for name in ("b", "gone")}}
    _, found = judged(fell=0, memory=kept)
    assert held(found) == ["ban m003", "ban m004", "ban m005"]
    assert set(found.memory["tripped"]) == {"breaker b", "breaker gone"}
    kept["tripped"] = {"breaker gone": {"miners": ["m998", "m999"], "since_s": 1}}
    _, found = judged(fell=0, memory=kept)
    assert (held(found), found.memory, [event.kind for event in found.events]) == ([], {}, ["branch_back"])


def _called(plant, **names):
    """Fleet.csv and [wiring] as edited: other names of a breaker (`breaker`), or of miners by what they were called."""
    miners = tuple(
        spec._replace(
            id=names.get(spec.id, spec.id), breaker=names.get("breaker", spec.breaker) if spec.breaker else ""
        )
        for spec in plant.wiring.miners
    )
    for book in (plant.power, plant.outlet):
        rows = {names.get(name, name): row for name, row in book.items()}
        book.clear()
        book.update(rows)
    plant.wiring = plant.wiring._replace(miners=miners)
    plant.policy = plant.policy._replace(wiring=plant.wiring)


def test_hw1_the_ack_of_its_own_name_lets_a_branch_go_and_that_of_another_alarm_does_not():
    plant = site()
    plant.open = True
    plant.ticks(2)
    plant.smoke = "alarm"
    plant.tick()
    names = {one["kind"]: one["id"] for one in plant.state.alarms.values()}
    plant.requests = (request("ack", names["smoke"]),)
    plant.tick()
    assert told(plant) == ["branch_tripped"], "who has seen the smoke has not looked at the breaker"
    plant.requests = (request("ack", names["branch_tripped"]),)
    plant.tick()
    assert told(plant) == ["branch_tripped", "branch_back"]


def test_a_breaker_by_another_name_starts_nothing_on_the_branch_that_tripped():
    plant = site()
    plant.open, since = True, plant.now
    plant.ticks(2)
    _called(plant, breaker="row1")
    plant.ticks(12)
    assert told(plant) == ["branch_tripped"]
    assert runs(plant, since) == set()
    assert "branch_tripped breaker b1" in plant.state.alarms
    plant.requests = (request("ack"),)
    plant.tick()
    assert told(plant) == ["branch_tripped", "branch_back"]


ROW = ("m004", "m005", "m006", "m007")


@pytest.mark.parametrize(
    ("corrected", "held"),
    [
        (dict.fromkeys(BRANCH, "b2") | dict.fromkeys(ROW, "b1"), BRANCH),  # the two names were mixed up
        (dict.fromkeys(BRANCH[:2], "b3"), BRANCH),
        (dict.fromkeys(BRANCH[:3], ""), BRANCH),
        (dict.fromkeys((*BRANCH, "m008"), "b3"), (*BRANCH, "m008")),  # with another one on it
    ],
)
def test_no_other_breaker_beside_its_name_starts_who_fell_with_a_branch(corrected, held):
    plant = site()
    _breakers(plant, dict.fromkeys(ROW, "b2"))
    plant.open, since = True, plant.now
    plant.ticks(2)
    _breakers(plant, corrected)
    plant.ticks(12)
    assert told(plant) == ["branch_tripped"]
    assert runs(plant, since) == set()
    bans = plant.decisions[-1].envelope.bans
    assert {name for name, why in bans.items() if why.code == "tripped"} == set(held)


def _breakers(plant, names):
    """Fleet.csv as edited: these miners hang on other breakers."""
    miners = tuple(spec._replace(breaker=names.get(spec.id, spec.breaker)) for spec in plant.wiring.miners)
    plant.wiring = plant.wiring._replace(miners=miners)
    plant.policy = plant.policy._replace(wiring=plant.wiring)


def test_who_fell_with_a_branch_is_known_by_its_new_name_when_it_is_on_again():
    plant = site()
    plant.open = True
    plant.ticks(2)
    plant.open = False
    names = {name: f"row1-{name}" for name in BRANCH}
    _called(plant, **names)
    plant.power |= dict.fromkeys(names.values(), 3400)  # somebody has closed it
    plant.ticks(2)
    assert told(plant) == ["branch_tripped", "branch_back"]
    assert plant.state.memory["branch"] == {}


def test_a_tripped_branch_whose_miners_were_taken_off_the_list_is_over():
    plant = site()
    plant.open = True
    plant.ticks(2)
    plant.wiring = plant.wiring._replace(miners=plant.wiring.miners[4:])
    plant.policy = plant.policy._replace(wiring=plant.wiring)
    plant.ticks(2)
    assert told(plant) == ["branch_tripped", "branch_back"]
    assert not [key for key in plant.state.alarms if key.startswith("branch_tripped")]
