"""What a limit says of itself while it holds on after its figure has come back."""

from core.rule_desk import Desk

from mine_controller.core.wording.words import sentence


def heat(**options):
    return Desk("temperature", **options)


def stopped(**options):
    desk = heat(**options)
    desk.see(inlet_c=46.0)
    desk.fleet = {"on_n": 0}
    return desk


def said(desk, what="max_power_w"):
    return next(sentence(limit.reason) for limit in desk.last.limits if limit.what == what)


def test_a_stop_calls_no_cool_inlet_too_hot_and_says_what_its_end_waits_for():
    desk = stopped()
    assert said(desk) == "inlet 46.0 °C is over 40.0 °C: everything off until it is below 33.0 °C"
    desk.fleet = {}
    desk.see(inlet_c=36.0)
    assert said(desk) == "inlet 36.0 °C after a heat stop: everything off until it has been below 33.0 °C for 30 min"
    desk.see(inlet_c=20.0)
    desk.see(600)
    assert said(desk) == "inlet 20.0 °C after a heat stop: everything off for 20 min more at most"
    desk.see(inlet_c=None)
    assert said(desk) == "a heat stop, and the inlet is unknown: everything off until it is below 33.0 °C"
    latched = stopped(resets_a_day=0)
    latched.see(inlet_c=20.0)
    assert said(latched).endswith("everything off until `minectl resume`")


def test_a_heat_stop_that_ends_by_itself_within_a_day_does_not_say_that_only_a_person_ends_it():
    desk = heat(resets_a_day=1)
    for _ in range(2):
        desk.see(inlet_c=46.0)
        desk.fleet = {"on_n": 0}
        desk.see(inlet_c=20.0)
        desk.see(1800)
    assert said(desk).endswith("everything off until `minectl resume`, or for 23 h 26 min more at least")
    desk.see(84_600)
    assert not desk.memory.get("stop_s")


def test_shedding_calls_no_cooled_inlet_too_hot():
    desk = heat()
    desk.see(inlet_c=38.1)
    assert said(desk) == "inlet 38.1 °C is over 38.0 °C: shedding load step by step"
    desk.see(inlet_c=30.0)
    assert said(desk) == "inlet 30.0 °C, no longer over 38.0 °C: load stays down until it is below 36.0 °C for 6 min"
    desk.see(inlet_c=None)
    assert said(desk) == "heat shedding, and the inlet is unknown: load stays down until that is cool"
    desk.see(400)
    desk.see(inlet_c=30.0)
    assert said(desk).endswith("for 6 min"), "what was not seen was not cool"
