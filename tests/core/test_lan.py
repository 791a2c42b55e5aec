"""Units on the LAN without outlets: rest between reads, liars, spontaneous starts, and a second gentle path."""

import pytest
from core.plant import Plant, request, wiring
from core.shelf import SHELF, Shelf, boards

from mine_controller.core.due import Asked, due
from mine_controller.core.freeze import freeze
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.decision import Look
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.wiring import Path

CLOUD = "foreman mine"


def at(now_s, read_s, look=None, rest_s=60):
    """Who is asked at `now_s` when the shelf was read at `read_s`."""
    wires = boards(rest_s=rest_s)
    image = freeze(None, [Reading(f"{SHELF}:health", "ok", read_s)], wires, Clock(read_s, read_s))
    asked = due(image, look, wires, Clock(now_s, now_s, tick_s=15))
    return [one for one in asked if one.endpoint == SHELF]


def test_a_board_that_rests_is_not_asked_again_before_its_time():
    assert at(1059, 1000) == []
    assert at(1060, 1000) == [Asked(SHELF)]
    assert at(1015, 1000, rest_s=0) == [Asked(SHELF)]


def test_a_look_respects_the_rest_too_but_once_after_a_command():
    assert at(1020, 1000, Look(1020, (SHELF,))) == []
    assert at(1020, 1000, Look(1020, (f"once:{SHELF}",))) == [Asked(SHELF)]
    assert at(1020, 1000, Look(1020, (SHELF, f"once:{SHELF}"))) == [Asked(SHELF)]
    assert at(1020, 1000, Look(1020, ("once:nobody at_all",))) == []


def test_a_stopped_board_is_read_once_twenty_seconds_after_the_command_and_then_rests():
    shelf = Shelf(boards(rest_s=60))
    shelf.ticks(3)
    shelf.liars = {"b1"}
    shelf.asked_at.clear()
    shelf.signal = "off"
    began = shelf.now
    shelf.ticks(2)
    assert shelf.asked_at == [began, began + 20, began + 120, began + 140]
    assert len([one for one in shelf.sent if one[1] == "miner b1" and one[2] == "stop"]) == 2


def test_o4_a_board_that_starts_by_itself_while_curtailed_is_stopped_again():
    """O4: a spontaneous start of a unit without any outlet."""
    shelf = Shelf()
    shelf.ticks(3)
    shelf.signal = "off"
    shelf.ticks(3)
    shelf.power["b2"] = 18
    shelf.tick()
    assert shelf.power["b2"] == 3
    assert shelf.violations == []


def test_o4_the_same_for_one_known_by_its_word_alone():
    shelf = Shelf()
    shelf.metered = False
    shelf.ticks(3)
    shelf.signal = "off"
    shelf.ticks(3)
    shelf.power["b2"] = 18
    shelf.tick()
    assert shelf.power["b2"] == 3


def test_cmd2_a_liar_without_an_outlet_is_asked_again_and_ends_in_an_emergency():
    """CMD2: acked, still drawing, nothing above it on the ladder: told with its name."""
    shelf = Shelf(boards(4, nominal_w=3000, standby_w=25))
    shelf.power = dict.fromkeys(shelf.power, 3000)
    shelf.ticks(3)
    shelf.liars = {"b1"}
    shelf.signal = "off"
    shelf.ticks(4)
    assert len([one for one in shelf.sent if one[1] == "miner b1" and one[2] == "stop"]) >= 3
    emergency = shelf.events("curtail_unproven")
    assert dict(emergency[0].reason.numbers)["stragglers"] == "b1"


def lying_shelf(*, contract=False):
    """Four that run, one of which lies; a site without the utility's signal, unless `contract`."""
    wires = boards(4, nominal_w=3000, standby_w=25)
    if not contract:
        wires = wires._replace(roles={"stop": wires.roles["stop"]})
    shelf = Shelf(wires)
    if not contract:
        rules = {name: one for name, one in shelf.policy.rules.items() if name != "signal"}
        shelf.policy = shelf.policy._replace(rules=rules)
    shelf.power = dict.fromkeys(shelf.power, 3000)
    shelf.ticks(3)
    shelf.liars = {"b1"}
    return shelf


@pytest.mark.parametrize(("contract", "severity"), [(False, "warning"), (True, "emergency")])
def test_cmd2_a_persons_own_stop_that_one_does_not_obey_pages_nobody_where_no_utility_asks(contract, severity):
    """At home a board of one watt that knows no stop called people at night, who had just typed it themselves."""
    shelf = lying_shelf(contract=contract)
    shelf.requests = (request("set-state", "miners", "stop"),)
    shelf.tick()
    shelf.requests = ()
    shelf.ticks(6)
    assert [event.severity for event in shelf.events("curtail_unproven")] == [severity]
    [alarm] = shelf.state.alarms.values()
    assert (alarm["kind"], alarm["severity"]) == ("curtail_unproven", severity)


def test_cmd2_it_is_an_emergency_as_soon_as_more_than_a_person_asks_for_it():
    shelf = lying_shelf()
    shelf.requests = (request("set-state", "miners", "stop"),)
    shelf.tick()
    shelf.requests = ()
    shelf.ticks(6)
    shelf.stop = "on"
    shelf.ticks(3)
    alarm = next(one for one in shelf.state.alarms.values() if one["kind"] == "curtail_unproven")
    assert alarm["severity"] == "emergency"


class Twice(Plant):
    """Miners known to a shelf of their own and, by the same mac, to a fleet service."""

    def readings(self, asked):
        found = super().readings(asked)
        if "antminer row" in asked and "antminer row" not in self.dead:
            found += [Reading(f"antminer row/{unit.mac}:address", "10.1.0.1", self.now) for unit in self.wiring.miners]
            words = {unit.mac: self.power[unit.id] for unit in self.wiring.miners}
            found += [
                Reading(f"antminer row/{mac}:word", "hashing" if watts > 500 else "sleeping", self.now)
                for mac, watts in words.items()
            ]
        return found

    def _do(self, name, command):
        if command.lane == "antminer row" and name in self.deaf:
            return "refused"
        return super()._do(name, command)

    deaf: frozenset[str] = frozenset()


def twice(outlets=True):
    wires = wiring(4, outlets=outlets)
    own = wires.endpoints[CLOUD]._replace(name="antminer row", fleet=True)
    miners = tuple(
        unit._replace(group="antminer row", paths=(Path("antminer row", 20, gentle=True), *unit.paths))
        for unit in wires.miners
    )
    lane = wires.lanes[CLOUD]._replace(name="antminer row")
    wires = wires._replace(
        miners=miners,
        endpoints={**wires.endpoints, "antminer row": own},
        lanes={**wires.lanes, "antminer row": lane},
    )
    plant = Twice(wires)
    plant.ticks(4)
    return plant


def stops(plant, name):
    return [lane for _, target, verb, lane in plant.sent if target == f"miner {name}" and verb in ("stop", "off")]


def test_the_second_gentle_path_comes_before_the_outlet():
    plant = twice()
    plant.deaf = frozenset({"m001"})
    plant.signal = "off"
    plant.ticks(2)
    assert stops(plant, "m000") == ["antminer row"]
    assert stops(plant, "m001") == ["antminer row", CLOUD]
    assert plant.state.shed.hard == 0
    assert plant.state.shed.gentle == 4


def test_a_path_calls_a_unit_by_its_own_section_s_word():
    plant = twice()
    plant.deaf = frozenset({"m001"})
    plant.signal = "off"
    plant.tick()
    sent = [one for decision in plant.decisions for one in decision.commands if one.target == "miner m001"]
    assert sent[0].address == "10.1.0.1"
    assert sent[1].address == plant.image.channels[f"{CLOUD}/{plant.wiring.miners[1].mac}:address"].value
    assert sent[0].unit == sent[1].unit == plant.wiring.miners[1].mac


def test_the_second_path_is_the_first_when_the_unit_s_own_is_silent():
    plant = twice()
    plant.dead = {"antminer row"}
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(2)
    assert stops(plant, "m002") == [CLOUD]


def test_a_unit_nobody_knows_goes_to_its_outlet_at_once():
    plant = twice()
    plant.dead = {"antminer row", CLOUD}
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(2)
    assert [lane.partition(" ")[0] for lane in stops(plant, "m002")] == ["redfish"]


def test_a_mute_miner_climbs_past_both_gentle_paths():
    plant = twice()
    plant.mute = {"m003"}
    plant.signal = "off"
    plant.ticks(2)
    assert [lane.partition(" ")[0] for lane in stops(plant, "m003")] == ["antminer", "foreman", "redfish"]
    assert plant.state.shed.shed_100_s - plant.state.shed.signal_s <= 300


@pytest.mark.parametrize("dead", [{"antminer row"}, set()])
def test_starts_go_by_the_first_path_alone(dead):
    """CMD7: increases through one path only."""
    plant = twice()
    plant.signal = "off"
    plant.ticks(2)
    plant.dead = dead
    plant.signal = "run"
    plant.ticks(15)
    lanes = {lane for _, target, verb, lane in plant.sent if verb == "run"}
    assert lanes == (set() if dead else {"antminer row"})


@pytest.mark.parametrize(("rest_s", "startable"), [(0, False), (60, True)])
def test_a_small_board_may_start_more_often_a_day_than_a_large_machine(rest_s, startable):
    shelf = Shelf(boards(rest_s=rest_s))
    shelf.ticks(3)
    shelf.signal = "off"
    shelf.ticks(3)
    name = shelf.wiring.miners[0].id
    day = shelf.state.miners[name].day
    books = {**shelf.state.miners, name: shelf.state.miners[name]._replace(day_starts=20, day=day)}
    shelf.state = shelf.state._replace(miners=books)
    shelf.signal = "run"
    shelf.ticks(25)
    assert shelf.state.miners[name].on is startable


class Slow(Shelf):
    """Boards that come up at the watts of their mode: eco is 12 of 30."""

    def _grow(self):
        lit = list(self.starting)
        super()._grow()
        for name in lit:
            if name not in self.starting:
                self.power[name] = 12


@pytest.mark.parametrize(("mode", "failed"), [("eco", []), ("turbo", ["b0"])])
def test_a_start_in_a_low_mode_is_proven_by_its_word_and_its_watts_and_in_the_highest_only_by_half_of_nominal(
    mode, failed
):
    shelf = Slow(boards(1), running=False)
    shelf.mode["b0"] = mode
    shelf.ticks(12)
    assert shelf.power["b0"] == 12
    assert sorted({event.about for event in shelf.events("start_failed")}) == failed


@pytest.mark.parametrize(("watts", "asked"), [(70, [Asked(SHELF, probe=True)]), (0, [])])
def test_a_section_that_was_dark_is_asked_again_as_soon_as_a_plug_of_it_shows_power(watts, asked):
    """A dead one is asked every ten minutes; one whose plug came on answers in two."""
    wires = boards(1, flags=("plug",), outlet="http_pdu plug1/0", outlet_metered=True)
    told = [Reading(f"{SHELF}:health", None, 1000, "gone"), Reading(f"{SHELF}:fails", 9, 1000)]
    told += [Reading("http_pdu plug1/0:switch", "on", 1100), Reading("http_pdu plug1/0:power_w", watts, 1100)]
    image = freeze(None, told, wires, Clock(1100, 1100))
    found = due(image, None, wires, Clock(1120, 1120))
    assert [one for one in found if one.endpoint == SHELF] == asked


def silent(plant):
    """Endpoints whose silence is an alarm now."""
    return [alarm["about"] for alarm in plant.state.alarms.values() if alarm["kind"] == "device_unreachable"]


def test_a_section_all_of_whose_outlets_are_off_can_not_answer_and_is_no_alarm():
    site = Plant(wiring(4, outside=()))
    site.ticks(4)
    site.signal = "off"
    site.ticks(4)
    site.dead = {"foreman mine"}
    for name in site.outlet:
        site.outlet[name], site.power[name] = False, 0
    site.ticks(6)
    assert silent(site) == []
    site.outlet["m001"] = True
    site.ticks(3)
    assert silent(site) == ["foreman mine"]
