"""Twin Antminers of the 9 to 17 series: their form does what the driver says, and JSON what it does on a real one."""

import json

import pytest
from twin.lan import MAC, MAIN, SPARE, options
from twin.units import CASES

from mine_controller.core.model.command import ACCEPTED, UNSUPPORTED
from mine_controller.devices import antminer as driver
from mine_controller.twin.answer import asked
from mine_controller.twin.servers import antminer_old


@pytest.mark.parametrize("name", ["antminer T17+", "antminer S9"])
def test_pool_fan_and_light_of_an_old_one_by_its_form(name):
    case = CASES[name]
    lan = case.lan()
    rig = lan.unit.rig
    for verb, value in [("pool", "spare"), ("fan", "40"), ("locate", "on")]:
        assert lan.tell(driver, case.options, verb, value).verdict == ACCEPTED
        lan.wait(60)
    assert (rig.pools[rig.pool_in_use()], rig.fan_set, rig.light) == (SPARE, 40, True)
    assert lan.read(driver, case.options)[MAC, "pool"] == "spare"
    lan.tell(driver, case.options, "fan", "auto")
    lan.wait(60)
    assert (rig.fan_set, rig.pools[0]) == (None, SPARE)
    assert rig.hashing


def test_a_t17_sleeps_by_its_own_number_and_wakes_again():
    case = CASES["antminer T17+"]
    lan = case.lan()
    for verb, word in [("stop", "sleeping"), ("run", "hashing")]:
        assert lan.tell(driver, case.options, verb).verdict == ACCEPTED
        lan.wait(600)
        assert lan.read(driver, case.options)[MAC, "word"] == word
    assert lan.unit.rig.pools[:2] == [MAIN, SPARE]


@pytest.mark.parametrize("section", [options(driver), options(driver, old_sleep=True)])
def test_an_s9_has_no_sleep_and_is_left_alone(section):
    lan = CASES["antminer S9"].lan()
    assert lan.tell(driver, section, "stop").verdict == UNSUPPORTED
    lan.wait(120)
    assert lan.unit.rig.hashing


def test_what_the_twin_makes_of_json_is_what_the_script_makes_of_it():
    """That is why a newer board's body must never reach an old one."""
    lan = CASES["antminer T17+"].lan()
    body = json.dumps({"miner-mode": 1, "pools": [{"url": "north.example:3333", "user": "w"}]}).encode()
    lan.unit._set(asked("POST", "/cgi-bin/set_miner_conf.cgi", {}, body))
    assert lan.unit.rig.pools[0] == ('{"miner-mode":', "1,")


def test_a_second_form_while_the_first_is_taken_is_forgotten():
    lan = CASES["antminer T17+"].lan()
    form = asked("POST", "/cgi-bin/set_miner_conf.cgi", {}, b"_ant_pool1url=one.example:1&_ant_pool1user=w")
    other = form._replace(body=form.body.replace(b"one", b"two"))
    assert [lan.unit._set(each).took_s for each in (form, other)] == [antminer_old.SETS_S] * 2
    assert lan.unit.rig.pools[0][0] == "one.example:1"
