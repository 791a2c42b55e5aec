"""Nothing feeds the site: known by the meter, blamed on nobody."""

import pytest
from core.plant import Plant, wiring

from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Fan, Image, Miners
from mine_controller.core.model.reading import Reading, Value
from mine_controller.core.model.wiring import Role
from mine_controller.core.power.feed import APART_S, DEAD_V, DEAD_W, FRESH_S, asked_of, dead_by, is_dead

NOW = 10_000
DARK = {"site_power_w": Value(0, NOW), "grid_hz": Value(None, NOW - 900, "", "read 0")}


def image(site, *, fan=(0, NOW), miner=(None, 0)):
    units = Miners(("a1",), (miner[0],), (miner[1],), (None,), (0,), (None,), (None,))
    return Image(Clock(NOW, NOW), {}, site, (Fan("1", True, NOW, *fan),), units, {})


@pytest.mark.parametrize(
    ("more", "dead"),
    [
        ({}, True),
        ({"site_power_w": Value(DEAD_W, NOW)}, True),
        ({"site_power_w": Value(DEAD_W + 1, NOW)}, False),
        ({"site_power_w": Value(-DEAD_W - 1, NOW)}, False),
        ({"site_power_w": Value(None, NOW)}, False),
        ({"site_power_w": Value(0, NOW - FRESH_S - 1)}, False),
        ({"grid_hz": Value(49.9, NOW)}, False),
        ({"grid_hz": Value(49.9, NOW - APART_S - 1)}, True),  # told before it went dark
        ({"voltage_v": Value(228.0, NOW)}, False),
        ({"voltage_v": Value(None, 0)}, True),
        ({"voltage_v": Value(None, 0), "voltage_max_v": Value(231.0, NOW)}, False),  # two phases of three
        ({"voltage_v": Value(0.0, NOW), "voltage_max_v": Value(0.0, NOW)}, True),  # a sensor with a supply of its own
        ({"voltage_v": Value(0.4, NOW), "voltage_max_v": Value(DEAD_V, NOW)}, True),  # what a dead line picks up
        ({"voltage_v": Value(0.0, NOW), "voltage_max_v": Value(DEAD_V + 0.1, NOW)}, False),
        ({"voltage_v": Value(4.9, NOW), "voltage_max_v": Value(4.9, NOW)}, False),  # a shelf of boards on 5 V
    ],
)
def test_a_meter_that_shows_nothing_and_no_life_is_a_dead_feed(more, dead):
    assert is_dead(image(DARK | more)) is dead


@pytest.mark.parametrize(
    ("word", "word_at", "dead"),
    [("hashing", NOW, False), ("hashing", NOW - APART_S - 1, True), ("stopped", NOW, True), (None, 0, True)],
)
def test_while_a_miner_says_that_it_hashes_the_meter_is_blind_and_no_feed_is_dead(word, word_at, dead):
    seen = image(DARK)
    told = seen.miners._replace(word=(word,), word_at=(word_at,))
    assert is_dead(seen._replace(miners=told)) is dead


@pytest.mark.parametrize(
    ("more", "dead"),
    [({}, False), ({"mains": Value("alarm", NOW)}, True), ({"mains": Value("ok", NOW)}, False),
     ({"supply_kw": Value(0.0, NOW)}, True), ({"supply_kw": Value(33.0, NOW)}, False),
     ({"supply_kw": Value(None, NOW)}, False)],
)  # fmt: skip
def test_where_neither_frequency_nor_voltage_is_wired_the_contact_or_the_source_has_to_say_so(more, dead):
    assert is_dead(image({"site_power_w": Value(0, NOW)} | more)) is dead


SILENT = {"site_power_w": Value(None, NOW - 900), "supply_kw": Value(0.0, NOW), "grid_hz": Value(49.9, NOW - 900)}


@pytest.mark.parametrize(
    ("more", "by"),
    [
        ({}, "silence"),
        ({"site_power_w": Value(28_000, NOW - FRESH_S - 1)}, "silence"),
        ({"supply_kw": Value(33.0, NOW)}, ""),
        ({"supply_kw": Value(0.0, NOW - FRESH_S - 1)}, ""),
        ({"supply_kw": Value(None, NOW)}, ""),
        ({"grid_hz": Value(49.9, NOW)}, ""),
    ],
)
def test_where_everything_that_hangs_on_a_source_that_gives_nothing_is_silent_the_feed_is_dead(more, by):
    assert dead_by(image(SILENT | more, fan=(1500, NOW - 900), miner=(3400, NOW - 900))) == by


def test_an_air_that_moves_and_a_word_of_a_miner_are_no_silence():
    assert dead_by(image(SILENT, fan=(DEAD_W + 1, NOW))) == ""
    assert dead_by(image(SILENT, fan=(None, 0), miner=(25, NOW))) == ""
    assert dead_by(image(SILENT, fan=(0, NOW), miner=(25, NOW - APART_S))) == ""
    units = Miners(("a1",), (None,), (0,), ("hashing",), (NOW,), (None,), (None,))
    assert dead_by(image(SILENT, fan=(None, 0))._replace(miners=units)) == ""


@pytest.mark.parametrize(
    ("fan", "ago_s", "by"),
    [
        ((0, NOW), APART_S + 1, "silence"),
        ((DEAD_W, NOW), APART_S + 1, "silence"),
        ((0, NOW - 60), APART_S + 1, ""),  # the fans' own word is no newer
        ((None, 0), APART_S + 1, ""),  # not long enough to call it silence
    ],
)
def test_fans_that_draw_nothing_while_miners_fall_silent_are_dark_with_them(fan, ago_s, by):
    """Their meter lives on a supply of its own: the feed is gone, and no fan is to blame."""
    seen = image(SILENT, fan=fan, miner=(3400, NOW - ago_s))
    units = seen.miners._replace(word=("hashing",), word_at=(NOW - ago_s,))
    assert dead_by(seen._replace(miners=units)) == by


def test_what_draws_is_fed_and_what_drew_before_the_meter_was_read_proves_nothing():
    assert not is_dead(image(DARK, fan=(1500, NOW)))
    assert not is_dead(image(DARK, miner=(3400, NOW)))
    assert is_dead(image(DARK, fan=(1500, NOW - APART_S - 1), miner=(3400, NOW - APART_S - 1)))


def test_a_site_without_a_meter_or_before_it_was_read_is_not_dead():
    assert not is_dead(image({"grid_hz": Value(None, 0)}))


@pytest.mark.parametrize(
    ("tried_s", "key", "by"),
    [
        (NOW - 120, "foreman mine/aa:word", ""),
        (NOW - 120, "redfish pdu1/A1:power_w", ""),
        (NOW, "foreman mine/aa:word", "silence"),  # asked again, and it said nothing more
    ],
)
def test_who_was_not_asked_since_the_fans_were_is_not_silent(tried_s, key, by):
    """A section that is asked every other tick, in a night without sun: its miners sleep and would answer."""
    word, end = ("hashing", "") if key.endswith("power_w") else ("sleeping", NOW - 120), key.partition("/")[0]
    seen = image(SILENT, miner=(25, NOW - 120) if word[1] == "" else (None, 0))
    told = seen.miners if word[1] == "" else seen.miners._replace(word=(word[0],), word_at=(word[1],))
    channels = {key: Value(25 if word[1] == "" else "sleeping", NOW - 120, key), f"{end}:tried": Value(1, tried_s)}
    assert dead_by(seen._replace(miners=told, channels=channels)) == by


class Fed(Plant):
    """A cold site on a source that dies a second after the first fan was switched on; its meter tells both."""

    def __init__(self):
        wires = wiring(12, meter=True)
        hz = Role("grid_hz", ("sel735 meter:grid_hz",), "", 240)
        super().__init__(wires._replace(roles=wires.roles | {"grid_hz": hz}), running=False)
        self.meter, self.fed = 4000, True

    def readings(self, asked):
        out = super().readings(asked)
        if "sel735 meter" in asked:
            out.append(Reading("sel735 meter:grid_hz", 50.0 if self.fed else None, self.now, "" if self.fed else "0"))
        return out

    def act(self, decision):
        outcomes = super().act(decision)
        if self.fed and any(self.fan_on.values()):
            self.fed, self.meter, self.broken = False, 0, set(self.fan_on)
            self.power = dict.fromkeys(self.power, 0)
        return outcomes


def test_fans_that_were_just_switched_on_as_the_source_died_are_not_called_failed():
    """FAN1: their watts were read again and the meter was not, so each of them was a fault of its own, every night."""
    plant = Fed()
    plant.ticks(4)
    assert any(command.verb == "on" for decision in plant.decisions for command in decision.commands)
    assert plant.events("fan_fault") == []


def test_fan1_a_fan_that_does_not_turn_on_a_live_source_has_failed_though_the_meter_shows_no_load():
    plant = Fed()
    plant.meter, plant.broken, plant.power = 0, set(plant.fan_on), dict.fromkeys(plant.power, 0)
    plant.act = lambda decision: Plant.act(plant, decision)  # nothing dies
    plant.ticks(2)
    assert plant.events("fan_fault")


def test_what_tells_a_dead_feed_is_asked_only_where_something_can():
    assert asked_of(wiring(2)) == ()
    assert asked_of(wiring(2, meter=True)) == ("sel735 meter",)


def test_a_meter_that_is_asked_seldom_is_not_asked_with_every_fan():
    """`every_s` says at most so often: a service that is asked too often refuses longer."""
    wires = wiring(2, meter=True)
    seldom = wires.endpoints["sel735 meter"]._replace(every_s=300)
    assert asked_of(wires._replace(endpoints=wires.endpoints | {"sel735 meter": seldom})) == ()
