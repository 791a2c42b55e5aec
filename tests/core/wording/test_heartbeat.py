"""The mine in a few lines: nothing unknown is shown as a number, every count says of how many."""

import pytest
from core.plant import Plant, policy, wiring

from mine_controller.core.model.book import Book
from mine_controller.core.model.state import State
from mine_controller.core.wording import heartbeat
from mine_controller.core.wording.heartbeat import Place
from mine_controller.core.wording.spoken import Units


def place(plant, **more):
    return Place(plant.policy, "9.9.9", **more)


def ticked(plant, count=4):
    for _ in range(count):
        plant.tick()
    return Book(plant.state, plant.image, (), plant.decisions[-1])


def lines(plant, book, **more):
    return heartbeat.status(book, place(plant, **more))


def test_a_healthy_mine_says_all_that_matters_in_seven_lines():
    plant = Plant(wiring(meter=True))
    plant.meter = 95_400
    told = lines(plant, ticked(plant))
    assert told[0].startswith("RUNNING for ")
    assert told[0].endswith("24 of 24 miners run")
    assert told[1] == "Power 95.4 kW of 1000.0 kW (10 %)"
    assert told[2] == "Inlet 25.0 °C, Outside 22.0 °C, Humidity 50.0 %"
    assert told[3] == "24 of 24 miners run, 9 of 9 fans on"
    assert told[4].startswith(("No open alarm", "1 open alarm:"))
    assert told[5].startswith("Inputs: power signal 0 s, ")
    assert told[6].endswith("minectl 9.9.9")


def test_what_is_unknown_is_said_to_be_unknown_with_its_reason_and_age():
    plant = Plant(wiring(meter=True))
    ticked(plant, 3)
    plant.dead = {"sel735 meter", "roomalert intake"}
    told = lines(plant, ticked(plant, 4))
    assert "Inlet unknown" in told[2]
    assert "meter unknown" in told[1]
    assert "24 of 24 known" in told[1], "miners alone, by their outlets"
    assert "inlet unknown for" in told[5]


def test_no_miner_measured_is_no_power_of_zero():
    plant = Plant(wiring())
    ticked(plant, 3)
    plant.dead = {"redfish pdu1", "foreman mine"}
    told = lines(plant, ticked(plant, 5))
    assert told[1] == "Power unknown of 1000.0 kW"
    assert "24 not measured" in told[3]


def test_the_open_alarms_are_named_the_gravest_first_and_silenced_ones_are_not():
    plant = Plant(wiring())
    book = ticked(plant)
    base = {"reason": ["alarm", "door_open", []], "at": 0, "id": "aaaaa"}
    since = plant.image.clock.plant_s
    alarms = {
        "a": base
        | {"kind": "door_open", "about": "door", "severity": "warning", "state": "active", "since_s": since - 60},
        "b": base
        | {"kind": "smoke", "about": "site", "severity": "emergency", "state": "acked", "since_s": since - 7200},
        "c": base | {"kind": "fan_fault", "about": "fan 1", "severity": "warning", "state": "shelved", "since_s": 1},
        "d": base | {"kind": "fan_fault", "about": "fan 2", "severity": "warning", "state": "suppressed", "since_s": 1},
    }
    book = book._replace(state=book.state._replace(alarms=alarms))
    assert lines(plant, book)[4] == "2 open alarms: smoke site (2 h, acked), door open door (60 s)"
    assert [(name, severity) for name, severity, _ in heartbeat.alarms(book, place(plant))] == [
        ("", "emergency"),
        ("aaaaa", "warning"),
    ]
    many = {str(n): alarms["a"] | {"about": f"door {n}"} for n in range(9)}
    assert lines(plant, book._replace(state=book.state._replace(alarms=many)))[4].endswith("and 4 more")


def test_before_the_first_tick_nothing_is_known():
    plant = Plant(wiring())
    empty = Book(State())
    assert lines(plant, empty) == (heartbeat.NOTHING,)
    assert heartbeat.why(empty, place(plant)) == (heartbeat.NOTHING,)
    assert heartbeat.fans(empty, place(plant)) == (heartbeat.NOTHING,)
    assert heartbeat.alarms(empty, place(plant)) == ()


def test_fahrenheit_is_for_display_in_every_line():
    plant, units = Plant(wiring()), Units(fahrenheit=True)
    assert "Inlet 77.0 °F" in lines(plant, ticked(plant), units=units)[2]
    reason = ["alarm", "temperature_danger", [["inlet_c", 39.2], ["limit_c", 38.0]]]
    alarm = {"kind": "temperature_danger", "about": "site", "severity": "emergency", "since_s": 1, "reason": reason}
    book = ticked(plant)
    told = heartbeat.alarms(book._replace(state=book.state._replace(alarms={"a": alarm})), place(plant, units=units))
    assert told[0][2].endswith(": inlet 102.6 °F is over 100.4 °F: dangerous")
    gone = alarm | {"chatter": 2, "clear_s": 2}
    told = heartbeat.alarms(book._replace(state=book.state._replace(alarms={"a": gone})), place(plant, units=units))
    assert ": comes and goes, not there now: inlet 102.6" in told[0][2]


def test_why_names_each_limit_that_bites_and_what_stays_off():
    plant = Plant(wiring())
    ticked(plant, 3)
    plant.signal = "off"
    told = heartbeat.why(ticked(plant, 3), place(plant))
    assert told[0].startswith("CURTAIL")
    assert any("the utility says off" in line for line in told[1:])
    assert any(line.startswith("24 stay off: ") for line in told)


def test_each_fan_has_its_line():
    plant = Plant(wiring(fans=2))
    plant.dead = set()
    book = ticked(plant)
    told = heartbeat.fans(book, place(plant))
    assert [line.partition(",")[0] for line in told] == ["Fan 1: on", "Fan 2: on"]
    assert all(line.endswith(" W of 1500 W, proven") for line in told)
    bare = Plant(wiring(fans=0), policy(wiring(fans=0)))
    assert heartbeat.fans(ticked(bare), place(bare)) == ("no fan is wired",)


def test_a_wiring_of_another_size_than_the_last_image_is_not_counted():
    plant = Plant(wiring())
    book = ticked(plant)
    grown = policy(wiring(miners=25))
    assert heartbeat.status(book, Place(grown, "9"))[3] == "9 of 9 fans on"


def test_how_long_it_is_so_is_said_with_the_mode():
    plant = Plant(wiring())
    book = ticked(plant)
    since = book.image.clock.plant_s - 300
    assert lines(plant, book._replace(state=book.state._replace(mode_s=since)))[0].startswith("RUNNING for 5 min: ")
    assert lines(plant, book._replace(state=book.state._replace(mode_s=0)))[0].startswith("RUNNING: ")
    now = book.state._replace(mode_s=book.image.clock.plant_s)
    assert lines(plant, book._replace(state=now))[0].startswith("RUNNING: "), "not for 0 s"


@pytest.mark.parametrize(
    ("watts", "cap_w", "told"),
    [
        (950, 1_500, "Power 0.9 kW of 1.5 kW (63 %)"),
        (40, 1_500, "Power 0.04 kW of 1.5 kW (3 %)"),
        (400, 900, "Power 400 W of 900 W (44 %)"),
    ],
)
def test_the_power_and_its_cap_have_one_unit(watts, cap_w, told):
    plant = Plant(wiring(meter=True))
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(power_cap_w=cap_w))
    book = ticked(plant, 3)
    site = {**book.image.site, "site_power_w": book.image.site["site_power_w"]._replace(value=watts)}
    assert lines(plant, book._replace(image=book.image._replace(site=site)))[1] == told
