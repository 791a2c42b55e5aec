"""Who a unit is that tells nobody who asks: read once by driver and login of the section that serves it."""

import time

import pytest
from devices.antminers import MAC, Board, stock_api
from devices.racks import Api, Rack
from devices.test_whatsminer import OLD, Old

from mine_controller.config.model import Endpoint
from mine_controller.core.option import Secret, fill
from mine_controller.devices import antminer, cgminer, whatsminer
from mine_controller.devices.kind import Guess
from mine_controller.ops.identify import identified

HALL, GARAGE, STRANGE = "10.0.1.1", "10.0.1.2", "10.0.9.9"
S19 = (Guess("antminer", 3, "Antminer S19 Pro"), "")
MODULES = {"antminer": antminer, "cgminer": cgminer, "whatsminer": whatsminer}


def section(kind, name, hosts, **options):
    return Endpoint(kind, name, fill(MODULES[kind].Options, {"hosts": hosts, **options}), True, 0, 1)


def asked(units, guessed, *sections):
    """Who they are then, and the rack that was asked."""
    rack = Rack(units, began=time.monotonic())  # the clock of whoever gives it its time
    found = identified(guessed, sections, lambda _section, _until: rack.wire)
    return {host: one.unit for host, (one, _) in found.items() if one is not None}, rack


def test_a_stock_antminer_tells_its_mac_to_the_login_of_its_section():
    found, _ = asked({HALL: Board().ports}, {HALL: S19}, section("antminer", "hall", (f"{HALL}-{GARAGE}",)))
    assert found == {HALL: MAC}


def test_a_login_goes_to_the_hosts_of_its_section_alone():
    units = {HALL: Board().ports, STRANGE: Board().ports}
    found, rack = asked(units, {HALL: S19, STRANGE: S19}, section("antminer", "hall", (HALL,)))
    assert found == {HALL: MAC, STRANGE: ""}
    assert {host for host, _, _ in rack.sent} == {HALL}


def test_with_a_wrong_password_nobody_is_known_and_nothing_fails():
    hall = section("antminer", "hall", (HALL,), password=Secret("wrong"))
    assert asked({HALL: Board().ports}, {HALL: S19}, hall)[0] == {HALL: ""}


def test_a_whatsminer_tells_its_mac_in_another_answer_which_needs_no_section():
    found, _ = asked({HALL: {4028: Old()}}, {HALL: (Guess("whatsminer", 3, "M20S"), "")})
    assert found == {HALL: OLD}


def test_what_a_section_of_another_kind_reads_is_known_by_that_sections_word():
    """An S9 under [cgminer ...]: its mac stands in config."""
    garage = section("cgminer", "garage", (GARAGE,), macs=(f"{GARAGE} 02:00:00:00:00:46",))
    found, _ = asked({GARAGE: {4028: stock_api()}}, {GARAGE: S19}, garage)
    assert found == {GARAGE: "02:00:00:00:00:46"}


def test_of_two_sections_that_cover_a_unit_the_one_whose_driver_reads_it_is_asked():
    shelf = section("whatsminer", "shelf", (f"{HALL}-{GARAGE}",))
    garage = section("cgminer", "garage", (GARAGE,), macs=(f"{GARAGE} 02:00:00:00:00:46",))
    found, _ = asked({GARAGE: {4028: stock_api()}}, {GARAGE: S19}, shelf, garage)
    assert found == {GARAGE: "02:00:00:00:00:46"}


@pytest.mark.parametrize(
    "guessed",
    [
        {HALL: (Guess("antminer", 3, unit="02:00:00:00:00:07"), "")},  # has told it
        {HALL: (None, "cgminer could not read its answers")},
        {STRANGE: S19},  # no section, and a login would be needed
    ],
)
def test_nobody_is_asked_who_has_told_it_or_whom_no_section_knows(guessed):
    hall = section("antminer", "hall", (HALL,))
    rack = Rack({HALL: Board().ports, STRANGE: Board().ports})
    assert identified(guessed, (hall,), lambda _section, _until: rack.wire) == guessed
    assert rack.sent == []


def test_two_sections_that_cover_an_address_are_not_tried_in_turn():
    both = (section("antminer", "hall", (HALL,)), section("antminer", "barn", (HALL,)))
    found, rack = asked({HALL: Board().ports}, {HALL: S19}, *both)
    assert (found, rack.sent) == ({HALL: ""}, [])


def test_a_unit_that_answers_nothing_more_stays_unknown():
    found, _ = asked({HALL: {4028: Api()}}, {HALL: S19}, section("antminer", "hall", (HALL,)))
    assert found == {HALL: ""}
