"""The lamp or siren at the site (NET3, NTF4): what lights it, what darkens it, and that nothing else depends on it."""

import pytest
from core.order_desk import view
from core.plant import Plant, policy, request, wiring

from mine_controller.core.model.reading import Reading, Value
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import EndpointSpec, Lane
from mine_controller.core.outputs.lamp import HOLD_S, HUSH_S, MESSAGES, TARGET, light
from mine_controller.core.wording.words import sentence

BOARD = "controlbyweb lamp"
RELAY = f"{BOARD}/1"
UNTOLD = "an emergency has reached nobody for 16 min; 1 such wait: look at the channels of messages"


def lit_wiring(*, lane_live=True):
    wires = wiring(24)
    ends = {**wires.endpoints, BOARD: EndpointSpec(BOARD)}
    return wires._replace(lamp=RELAY, endpoints=ends, lanes={**wires.lanes, BOARD: Lane(BOARD, live=lane_live)})


class Lit(Plant):
    """A plant with a lamp on a board of its own."""

    def __init__(self, *, lane_live=True, **more):
        wires = lit_wiring(lane_live=lane_live)
        super().__init__(wires, policy(wires, **more))
        self.lamp, self.follows, self.tells, self.untold = "off", True, True, ""

    def readings(self, asked):
        out = super().readings(asked)
        if BOARD in asked and BOARD not in self.dead and self.tells:
            out.append(Reading(f"{RELAY}:switch", self.lamp, self.now))
        out.append(Reading(MESSAGES, None if self.untold else "ok", self.now, self.untold))
        return out

    def _do(self, name, command):
        if command.target == TARGET:
            self.lamp = command.verb if self.follows else self.lamp
            return "applied"
        return super()._do(name, command)

    def ask(self, *words, **more):
        self.requests = (request(*words, **more),)
        return self.tick()

    @property
    def told(self):
        return [verb for _, target, verb, _ in self.sent if target == TARGET]

    @property
    def why(self):
        (wish,) = [one for one in self.decisions[-1].envelope.wishes if one.what == "lamp"]
        return sentence(wish.reason)


def calm(**more):
    plant = Lit(**more)
    plant.ticks(4)
    assert (plant.lamp, plant.told, plant.events("lamp_stuck")) == ("off", [], [])
    return plant


# -- what lights and darkens it -----------------------------------------------------------------------------------


def test_ntf4_an_emergency_lights_the_lamp_in_its_own_tick_once_and_an_ack_darkens_it():
    plant = calm()
    assert plant.why == "nothing calls for people"
    plant.smoke = "alarm"
    plant.tick()
    assert (plant.lamp, plant.told) == ("on", ["on"])
    assert "smoke" in plant.why
    plant.ticks(5)
    assert plant.told == ["on"], "its relay says on: nothing more is to be told"
    plant.ask("ack")
    assert (plant.lamp, plant.told) == ("off", ["on", "off"])
    assert any(one["kind"] == "smoke" for one in plant.state.alarms.values()), "it still stands, and somebody knows"
    plant.ticks(5)
    assert (plant.lamp, plant.why) == ("off", "a person has seen what there is")
    assert plant.violations == []


def test_what_comes_after_the_ack_lights_it_again():
    plant = calm()
    plant.smoke = "alarm"
    plant.tick()
    plant.ask("ack")
    plant.stop = "on"
    plant.tick()
    assert (plant.lamp, plant.told) == ("on", ["on", "off", "on"])


def test_an_emergency_stop_darkens_no_lamp():
    plant = calm()
    plant.smoke = "alarm"
    plant.tick()
    plant.stop = "on"
    plant.ticks(4)
    assert (plant.total < 1000, plant.lamp, plant.told) == (True, "on", ["on"])


def test_a_warning_lights_nothing():
    plant = calm()
    plant.dead = {"iotawatt fans"}
    plant.ticks(6)
    assert plant.state.alarms
    assert {one["severity"] for one in plant.state.alarms.values()} == {"warning"}
    assert (plant.lamp, plant.told) == ("off", [])


def test_ntf4_net3_messages_that_reach_nobody_light_it_until_they_do():
    plant = calm()
    plant.untold = UNTOLD
    plant.tick()
    assert (plant.lamp, plant.why) == ("on", UNTOLD)
    plant.untold = ""
    plant.tick()
    assert (plant.lamp, plant.why) == ("on", "what lit the lamp is over: it goes out in a moment")
    plant.tick()
    assert (plant.lamp, plant.told) == ("off", ["on", "off"])


def test_ntf4_an_ack_darkens_what_nobody_was_told_for_a_day_and_a_new_emergency_lights_it_at_once():
    plant = calm()
    plant.untold = UNTOLD
    plant.tick()
    plant.ask("ack")
    acked = plant.now
    assert plant.lamp == "off"
    plant.smoke = "alarm"
    plant.tick()
    assert plant.lamp == "on"
    plant.ask("ack")
    plant.ticks(3)
    assert plant.lamp == "off"
    plant.now = acked + 86_400 + 600
    plant.ticks(2)
    assert (plant.lamp, plant.why) == ("on", UNTOLD)


def test_messages_about_what_was_acked_light_it_no_second_time():
    """The person at the site has acked; that nobody else could be told of it is no news to him."""
    plant = calm()
    plant.smoke = "alarm"
    plant.tick()
    plant.ask("ack")
    plant.untold = UNTOLD
    plant.ticks(3)
    assert (plant.lamp, plant.told) == ("off", ["on", "off"])


# -- word by word -------------------------------------------------------------------------------------------------


def alarm(kind="smoke", **more):
    return {"kind": kind, "about": kind, "severity": "emergency", "since_s": 100, "state": "active", **more}


def wish(alarms, *, memory=None, untold="", acked=False, wires=None):
    """The lamp's word, the code of its reason and what it remembers, one round by itself."""
    now_s = view(wires=wires or lit_wiring()).now_s
    told = {MESSAGES: Value(None if untold else "ok", now_s, "", untold)}
    given = view(wires=wires or lit_wiring(), channels=told, memory={"lamp": memory or {}},
                 last={"acked_s": now_s if acked else 0})  # fmt: skip
    found = light(given, {f"{one['kind']} {one['about']}": one for one in alarms}, {}, 3)
    return found.wishes[0].value, found.wishes[0].reason.code, found


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        ([], ("off", "calm")),
        ([alarm()], ("on", "emergency")),
        ([alarm(), alarm("water")], ("on", "emergencies")),
        ([alarm(severity="warning")], ("off", "calm")),
        ([alarm(acked_s=200, state="acked")], ("off", "seen")),
        ([alarm(acked_s=200), alarm("water")], ("on", "emergency")),
        ([alarm(state="shelved")], ("off", "seen")),
        ([alarm("heat_stop", under="air_lost fans", state="suppressed")], ("on", "emergency")),  # its cause is gone
        ([alarm("air_lost", acked_s=200, state="acked"), alarm("heat_stop", under="air_lost air_lost")],
         ("off", "seen")),
        ([alarm(clear_s=300)], ("on", "emergency")),  # not over yet
    ],
)  # fmt: skip
def test_an_emergency_counts_until_a_person_has_seen_it(alarms, said):
    assert wish(alarms)[:2] == said


def test_of_many_emergencies_the_oldest_is_named():
    many = [alarm("water", since_s=300), alarm("smoke", since_s=200), alarm("air_lost", since_s=250)]
    reason = wish(many)[2].wishes[0].reason
    assert sentence(reason) == "nobody has acked 3 emergencies, the oldest smoke of smoke"
    one = wish(many[:1])[2].wishes[0].reason
    assert sentence(one) == "nobody has acked an emergency: water of water"


@pytest.mark.parametrize(("gone_ago_s", "said"), [(0, "on"), (HOLD_S - 1, "on"), (HOLD_S, "off")])
def test_a_cause_that_comes_and_goes_makes_no_relay_chatter(gone_ago_s, said):
    now_s = view(wires=lit_wiring()).now_s
    assert wish([], memory={"on": 1, "gone_s": now_s - gone_ago_s if gone_ago_s else 0})[0] == said


def test_a_cause_that_is_back_before_the_lamp_is_dark_is_held_for_as_long_again():
    now_s = view(wires=lit_wiring()).now_s
    kept = wish([alarm()], memory={"on": 1, "gone_s": now_s - HOLD_S + 1})[2].memory["lamp"]
    assert wish([], memory=kept)[2].memory["lamp"]["gone_s"] == now_s


def test_in_a_later_round_of_a_tick_it_is_decided_and_not_told():
    for opening in (True, False):
        found = light(view(wires=lit_wiring(), opening=opening), {"smoke site": alarm()}, {}, 3)
        assert found.wishes[0].value == "on"
        assert [one.id.rpartition(".")[2] for one in found.commands] == ["3"] * opening


@pytest.mark.parametrize(("hushed_ago_s", "said"), [(1, "off"), (HUSH_S - 1, "off"), (HUSH_S, "on")])
def test_an_ack_counts_for_a_day(hushed_ago_s, said):
    now_s = view(wires=lit_wiring()).now_s
    assert wish([], untold=UNTOLD, memory={"on": 1, "hushed_s": now_s - hushed_ago_s})[0] == said


def test_an_ack_that_leaves_an_emergency_unseen_hushes_nothing():
    found = wish([alarm(), alarm("water", acked_s=5)], untold=UNTOLD, acked=True)
    assert (found[0], found[2].memory["lamp"]["hushed_s"]) == ("on", 0)


def test_where_no_lamp_is_wired_nothing_of_it_is_left():
    chases = {TARGET: Chase("on", 0, 1, 1, 1), "miner m000": Chase("run", 0, 1, 1)}
    found = light(view(), {"smoke smoke": alarm()}, chases, 0)
    assert (found.wishes, found.commands, found.memory, set(chases)) == ((), (), {}, {"miner m000"})


# -- how it is told ---------------------------------------------------------------------------------------------------


def test_a_relay_that_somebody_else_switched_is_told_again():
    plant = calm()
    plant.lamp = "on"
    plant.tick()
    assert (plant.lamp, plant.told) == ("off", ["off"])


def test_it_is_told_once_a_tick_at_most_however_many_rounds_a_tick_has():
    plant = calm()
    plant.follows, plant.smoke = False, "alarm"
    for _ in range(4):
        before, rounds = len(plant.told), len(plant.decisions)
        plant.tick()
        assert len(plant.told) - before <= 1
        of = plant.decisions[rounds:]
        assert not any(one.target == TARGET for later in of[1:] for one in later.commands)
    assert len(plant.told) == 4


def test_a_fast_tick_tells_it_again_no_sooner_than_after_a_minute():
    plant = calm()
    plant.tick_s, plant.follows, plant.smoke = 15, False, "alarm"
    plant.ticks(9)  # 135 s, and what commands take
    assert len(plant.told) <= 4


def test_a_relay_nobody_can_read_is_told_again_and_it_is_one_warning():
    plant = calm()
    plant.tells, plant.smoke = False, "alarm"
    plant.ticks(12)
    assert set(plant.told) == {"on"}
    assert len(plant.told) <= 12
    assert len(plant.events("lamp_stuck")) == 1


def test_a_board_that_is_dead_is_told_nothing_and_is_one_warning_as_any_device():
    plant = calm()
    plant.dead = {BOARD}
    plant.ticks(3)
    plant.untold = UNTOLD
    plant.ticks(10)
    assert plant.told == []
    assert [(one["kind"], one["about"]) for one in plant.state.alarms.values()] == [("device_unreachable", BOARD)]
    plant.dead = set()
    plant.ticks(8)
    assert plant.lamp == "on"
    assert plant.state.alarms == {}


def test_a_lamp_that_does_not_follow_for_ten_minutes_is_told_once_and_over_when_it_does():
    plant = calm()
    plant.lamp, plant.follows = "on", False
    plant.ticks(5)
    assert plant.events("lamp_stuck") == []
    plant.ticks(8)
    (told,) = plant.events("lamp_stuck")
    assert (told.severity, sentence(told.reason)) == (
        "warning", f"{RELAY} shows on where off is wanted: the lamp can't be relied on",
    )  # fmt: skip
    plant.follows = True
    plant.ticks(3)
    assert "lamp_stuck lamp" not in plant.state.alarms


def test_a_stuck_lamp_whose_board_dies_meanwhile_is_told_as_one_thing():
    plant = calm()
    plant.lamp, plant.follows = "on", False
    plant.ticks(3)
    plant.dead = {BOARD}
    plant.ticks(12)
    states = {one["kind"]: one["state"] for one in plant.state.alarms.values()}
    assert states == {"device_unreachable": "active", "lamp_stuck": "suppressed"}


@pytest.mark.parametrize("more", [{"live": False}, {"lane_live": False}])
def test_what_is_never_commanded_is_not_called_stuck(more):
    plant = Lit(**more)
    plant.lamp = "on"
    plant.ticks(12)
    assert plant.events("lamp_stuck") == []


# -- nothing else depends on it ------------------------------------------------------------------------------------


def test_no_miner_fan_or_figure_knows_of_the_lamp():
    """The same day with and without one: every decision is the same but for the lamp's own word."""
    with_lamp, without = Lit(), Lit()
    wires = without.wiring._replace(lamp="")
    without.wiring, without.policy = wires, without.policy._replace(wiring=wires)
    for plant in (with_lamp, without):
        plant.ticks(3)
        plant.signal = "off"
        plant.ticks(3)
        plant.signal, plant.broken = "run", {"3"}
        plant.ticks(9)
        plant.untold = UNTOLD
        plant.smoke = "alarm"
        plant.ticks(2)
        plant.smoke = "ok"
        plant.ask("ack")
        plant.untold = ""
        plant.ticks(6)
    assert with_lamp.told == ["on", "off"]
    assert with_lamp.violations == without.violations == []
    assert [_rest(one) for one in with_lamp.decisions] == [_rest(one) for one in without.decisions]


def _rest(decision):
    others = [(one.target, one.verb) for one in decision.commands if one.target != TARGET]
    state = decision.state
    return (decision.mode, decision.why, decision.plan, decision.look, others, state.shed, state.miners, state.fans)


def test_a_lamp_that_is_lit_when_the_config_loses_it_is_told_until_it_is_dark():
    """A siren went on for ever, whoever acked."""
    plant = calm()
    plant.smoke = "alarm"
    plant.tick()
    wires = plant.wiring._replace(lamp="")
    plant.wiring, plant.policy = wires, plant.policy._replace(wiring=wires)
    plant.ticks(8)
    (event,) = plant.events("lamp_stuck")
    assert (event.about, sentence(event.reason)) == (
        RELAY, f"{RELAY} shows on: the lamp was lit when [wiring] lost it, and nobody darkens it any more",
    )  # fmt: skip
    plant.lamp = "off"
    plant.ticks(6)
    assert f"lamp_stuck {RELAY}" not in plant.state.alarms
