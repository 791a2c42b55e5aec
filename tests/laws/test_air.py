"""O5, O6, O12: where load without air is nobody's fault, and where it is; air that is nearly too wet for starts."""

import pytest
from laws.histories import DARK_W, FULL_W, history, story
from laws.stages import stage

from mine_controller.play.lasting import OUTCOMES
from mine_controller.play.outcomes import Ticked, Told
from mine_controller.play.truth import truth


def test_o5_a_fan_bank_that_failed_has_a_tick_and_a_minute():
    samples = story((600, FULL_W, {}), (170, FULL_W, {"fans_n": 0, "fans_able": 0}), (600, DARK_W, {"fans_n": 0}))
    assert not list(OUTCOMES["O5"](history(samples)))


def test_o5_air_lost_while_no_tick_could_run_is_told_by_the_first_that_can():
    """Outlets silent, the cloud gone, all fans lost, and the controller away for 900 s: nothing is left but to tell."""
    samples = story((600, FULL_W, {}), (2000, FULL_W, {"fans_n": 0, "fans_able": 0}))
    away = tuple(float(at) for at in range(600, 1500, 120))
    runs = (*range(0, 600, 120), *range(1560, 2600, 120))

    def told(first_s):
        lost = Told("alarm-3.raise", "air_lost", "raise", 2)
        made = tuple(Ticked(float(at), at + 20.0)._replace(told=(lost,) * (at >= first_s)) for at in runs)
        return list(OUTCOMES["O5"](history(samples, *made, missed=away)))

    assert told(1560) == []
    assert told(2400)
    assert told(9999)


@pytest.mark.parametrize(
    ("kind", "more", "flagged"),
    [
        ("fan_meter_blind", {}, False),
        ("fan_fault", {}, True),
        ("fan_meter_blind", {"inlet_c": 36.0}, True),
        ("fan_meter_blind", {"proven": True}, True),
    ],
)
def test_o5_who_is_told_that_nobody_reads_the_fans_may_have_load_while_the_inlet_is_cool(kind, more, flagged):
    samples = story((600, FULL_W, {}), (3000, FULL_W, {"fans_n": 0, "fans_able": 0, "proven": False, **more}))
    tick = Ticked(600.0, 620.0, "HOLD", told=(Told("alarm-1.raise", kind, "raise", 2),))
    assert bool(list(OUTCOMES["O5"](history(samples, tick)))) is flagged


def test_o5_behind_smoke_the_fans_stay_off_until_a_person_has_looked():
    samples = story((600, DARK_W, {}), (100, FULL_W, {"fans_n": 0}))
    smoke = Told("a2b3c-9-9.raise1", "smoke", "raise", 2)
    assert list(OUTCOMES["O5"](history(samples)))
    assert not list(OUTCOMES["O5"](history(samples, Ticked(0.0, 20.0, "EMERGENCY", told=(smoke,)))))


def test_o5_air_is_wanted_for_load_that_outlets_tell_of():
    samples = story((600, FULL_W, {}), (600, FULL_W, {"fans_n": 0, "fans_able": 0}))
    assert list(OUTCOMES["O5"](history(samples)))
    assert not list(OUTCOMES["O5"](history([one._replace(lied=True) for one in samples])))


@pytest.mark.parametrize(("smoke", "flagged"), [(True, False), (False, True)])
def test_o6_smoke_takes_the_air_from_who_is_still_on_his_way_down(smoke, flagged):
    samples = story((60, FULL_W, {}), (60, FULL_W, {"smoke": smoke, "fans_n": 0, "tripped": 3, "inlet_c": 39.0}))
    assert bool(list(OUTCOMES["O6"](history(samples)))) is flagged


def test_o12_nobody_has_to_come_back_in_air_that_may_forbid_every_start():
    assert list(OUTCOMES["O12"](history(story((4000, 600.0, {})))))
    assert not list(OUTCOMES["O12"](history(story((4000, 600.0, {"damp": True})))))


def test_the_truth_tells_damp_air_before_a_probe_must():
    made = stage(weather="july", hour=2.0)
    assert not truth(made.site).damp
    made.do("weather tropical")
    made.run(30)
    assert truth(made.site).damp
