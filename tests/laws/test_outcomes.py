"""Each outcome checker can fail: a handmade story that it flags, beside a good one that every checker lets pass."""

import pytest
from laws.histories import DARK_W, FULL_W, N, history, rows, story, ticks

from mine_controller.play.lasting import OUTCOMES, judge
from mine_controller.play.outcomes import MOMENTARY, History, Sample, Second, Ticked, Told, length_s, stretches

OFF = {"signal": "off"}
EVENT = ((600, FULL_W, {}), (200, FULL_W, OFF), (3600, DARK_W, OFF), (1200, DARK_W, {}), (3600, FULL_W, {}))
TOLD = Told("alarm-1.raise", "smoke", "raise", 2)
UNPROVEN = Told("alarm-2.raise", "curtail_unproven", "raise", 2)


def good():
    return history(story(*EVENT))


def never_dark():
    return history(story((600, FULL_W, {}), (900, FULL_W, OFF)))


def blind():
    return history(story((600, FULL_W, {}), (900, FULL_W, {"readable": False, "blind": True})))


def stands_still():
    return history(story((600, FULL_W, {}), (1600, FULL_W, {"readable": False, "still": True})))


def unmeasured():
    return history(story((3000, DARK_W, {"metered": False, "signal": "off"})), *ticks("CURTAILING", 20))


def back_again():
    return history(story((300, FULL_W, OFF), (900, DARK_W, OFF), (600, FULL_W, OFF)))


def again_and_again():
    """Five incidents, each within its two ticks."""
    backs = [part for _ in range(5) for part in ((1200, DARK_W, OFF), (200, FULL_W, OFF))]
    return history(story((200, FULL_W, OFF), *backs, (600, DARK_W, OFF)))


def restless():
    """A day in which nothing happens, and everybody starts twice."""
    samples = story((86_500, FULL_W, {}))
    return history(rows(samples, starts=lambda at: (int(at > 20_000) + int(at > 60_000),) * N))


def airless():
    return history(story((600, FULL_W, {}), (100, FULL_W, {"fans_n": 0})))


def airless_for_long():
    return history(story((600, FULL_W, {}), (600, FULL_W, {"fans_n": 0, "fans_able": 0})))


def hot():
    return history(story((900, FULL_W, {"inlet_c": 41.5, "shown_c": 38.0})))


def felt_by_nobody():
    return history(story((600, FULL_W, {}), (1800, FULL_W, {"sensed": False, "unfelt": True})))


def tripped():
    return history(story((50, FULL_W, {}), (50, FULL_W, {"tripped": 3})))


def not_shed():
    return history(story((1200, FULL_W, {"shown_c": 39.0})))


def more_in_the_heat():
    samples = story((1200, 600.0, {"shown_c": 39.0}))
    return history(rows(samples, on_n=lambda at: 3 if at < 600 else 5))


def over_the_cap():
    return history(story((100, FULL_W, {})), cap_w=90_000.0)


def near_the_cap():
    return history(story((1000, FULL_W, {})), cap_w=95_500.0)


def started_twice():
    samples = story((1200, FULL_W, {}))
    return history(rows(samples, starts=lambda at: (int(at > 200) + int(at > 500), *(0,) * 23)))


def no_run_on():
    return history(story((600, FULL_W, {}), (600, DARK_W, {"fans_n": 1})))


def no_run_on_of_a_part():
    return history(story((600, FULL_W / 5, {}), (600, DARK_W, {"fans_n": 1})))


def wet():
    return history(story((100, FULL_W, {"wet": 4})))


def never_back():
    return history(story((4000, DARK_W, {})))


def lost_later():
    """In full swing when all was well already; an hour of half of it comes after."""
    return history(story((6000, FULL_W, {}), (4000, FULL_W / 2, {})))


def swings():
    samples = story((3000, FULL_W, {}))
    return history(
        samples, *(one._replace(mode="RUNNING" if n % 2 else "RESUMING") for n, one in enumerate(ticks("", 20)))
    )


def writes_all_day():
    return history(story((1000, FULL_W, {})), *ticks("RUNNING", 8, told=(TOLD, TOLD._replace(key="b"))))


def needless_emergency():
    return history(story((1000, FULL_W, {})), *ticks("RUNNING", 8, emergencies=("x",), told=(TOLD,)))


def untold():
    return history(story((1000, FULL_W, {"clear": False})), *ticks("EMERGENCY", 2, emergencies=("smoke",)))


def told_again():
    return history(story((1000, FULL_W, {"clear": False})), *ticks("EMERGENCY", 2, told=(TOLD,)))


def untold_the_second_time():
    """The first one was told, and that it is over; the next one is not."""
    over = TOLD._replace(key="alarm-1.clear.site", what="clear")
    later = Ticked(600.0, 620.0, "EMERGENCY", ("water",))
    told = (Ticked(0.0, 20.0, "EMERGENCY", ("smoke",), (TOLD,)), Ticked(240.0, 260.0, "IDLE", told=(over,)))
    return history(story((1000, FULL_W, {"clear": False})), *told, later)


def uneven():
    samples = story((100, FULL_W, {}))
    return history(rows(samples, starts=lambda _: (9, *(0,) * 23)))


def killed_and_not_dark():
    made = story((600, FULL_W, {}), (1500, FULL_W, OFF))
    return history(made, *ticks("RUNNING", 12, killed=True), missed=(600.0,))


def stepped_and_not_dark():
    return history(story((600, FULL_W, {}), (1500, FULL_W, OFF)), *ticks("RUNNING", 12, stepped=True), missed=(600.0,))


def too_early():
    samples = story((300, FULL_W, OFF), (900, DARK_W, OFF), (900, FULL_W, {}))
    return history(rows(samples, starts=lambda at: (int(at > 850),) * N))


def dear():
    return history(story((600, FULL_W, {}), (600, FULL_W, {"price_off": True})))


def both_at_work():
    return history(story((100, FULL_W, {})), seconds=(Second(10.0, 0, 7),))


BAD = {
    "O1": (never_dark,), "O2": (blind, stands_still), "O3": (unmeasured,), "O4": (back_again, again_and_again),
    "O5": (airless, airless_for_long),
    "O6": (hot, felt_by_nobody, tripped), "O7": (not_shed, more_in_the_heat), "O8": (over_the_cap, near_the_cap),
    "O9": (started_twice, restless), "O10": (no_run_on, no_run_on_of_a_part), "O11": (wet,),
    "O12": (never_back, lost_later),
    "O13": (swings, writes_all_day, needless_emergency), "O14": (untold, untold_the_second_time, told_again),
    "O15": (uneven,),
    "O16": (killed_and_not_dark,), "O17": (stepped_and_not_dark,), "O18": (too_early,), "O19": (dear,),
    "O20": (both_at_work,),
}  # fmt: skip


@pytest.mark.parametrize(("name", "make"), [(name, make) for name, makes in BAD.items() for make in makes])
def test_the_checker_flags_its_handmade_bad_story(name, make):
    said = list(OUTCOMES[name](make()))
    assert said, name
    assert name in {found for found, _ in judge(make())}


def test_a_good_story_passes_them_all():
    assert judge(good()) == ()


@pytest.mark.parametrize("smoke", [True, False])
def test_o10_fans_off_after_a_stop_for_smoke_that_has_gone_are_no_fault(smoke):
    """A latch holds them until a person says resume; without smoke it is one."""
    made = history(story((600, FULL_W, {}), (60, FULL_W, {"smoke": smoke}), (600, DARK_W, {"fans_n": 0})))
    assert (list(OUTCOMES["O10"](made)) == []) is smoke


@pytest.mark.parametrize(("lasts_s", "able", "flagged"), [(60, 0, False), (60, 9, True), (300, 0, True)])
def test_o8_what_miners_draw_as_they_suffocate_is_excused_until_a_tick_can_see_it(lasts_s, able, flagged):
    """Only where the fans broke: with fans that are merely off, or a tick later, it is the controller's doing."""
    hot = {"fans_n": 0, "fans_able": able, "total_w": 98_500.0}
    made = history(story((600, FULL_W, {}), (lasts_s, FULL_W, hot)), cap_w=98_000.0)
    assert any("the cap is" in said for said in OUTCOMES["O8"](made)) is flagged


def test_every_outcome_has_a_bad_story():
    assert list(BAD) == list(OUTCOMES)[:20]  # the others in test_elsewhere.py
    assert set(MOMENTARY) < set(OUTCOMES)


# -- the tolerances are no loopholes ---------------------------------------------------------------------------------


def test_o1_an_emergency_excuses_only_where_an_outlet_can_not_be_switched():
    told = Ticked(840.0, 900.0, "CURTAILING", ("unproven",), (UNPROVEN,))
    loose = history(story((600, FULL_W, {}), (900, FULL_W, OFF)), told)
    free = history(story((600, FULL_W, {}), (900, FULL_W, {**OFF, "cuttable": True})), told)
    assert not list(OUTCOMES["O1"](loose))
    assert list(OUTCOMES["O1"](free))


@pytest.mark.parametrize(("letter", "excused"), [(UNPROVEN, True), (TOLD, False), (None, False)])
def test_an_emergency_about_something_else_excuses_nothing(letter, excused):
    """O1 to O6: smoke an hour ago says nobody that the utility was not obeyed."""
    told = () if letter is None else (letter,)
    off = story((600, FULL_W, {}), (900, FULL_W, OFF))
    blind_ = story((600, FULL_W, {}), (1200, FULL_W, {"readable": False, "blind": True}))
    hot_ = story((600, FULL_W, {}), (900, FULL_W, {"inlet_c": 41.5}))
    dark = story((600, FULL_W, {}), (3000, DARK_W, {"metered": False, "signal": "off"}))
    airless_ = story((600, FULL_W, {}), (600, FULL_W, {"fans_n": 0, "fans_able": 0}))
    for name, samples in (("O1", off), ("O2", blind_), ("O3", dark), ("O5", airless_), ("O6", hot_)):
        runs = (Ticked(120.0 * n, 120.0 * n + 20, "CURTAILING") for n in range(len(samples) // 12))
        told_at = {"O2": 1200.0}.get(name, 840.0)
        made = [one._replace(told=told, emergencies=("x",)) if one.at_s == told_at else one for one in runs]
        assert (list(OUTCOMES[name](history(samples, *made))) == []) is excused, name


def test_o1_a_dead_tick_adds_its_own_length_and_no_more():
    late = story((600, FULL_W, {}), (400, FULL_W, {**OFF, "cuttable": True}), (900, DARK_W, {**OFF, "cuttable": True}))
    for missed, flagged in (((), True), ((600.0,), False), ((9000.0,), True)):
        assert bool(list(OUTCOMES["O1"](history(late, missed=missed)))) is flagged


@pytest.mark.parametrize(("between", "flagged"), [("CURTAILED", False), ("EMERGENCY", False), ("RUNNING", True)])
def test_o3_a_curtailment_proven_before_the_meters_went_needs_no_word_until_it_ran_again(between, flagged):
    samples = story((600, FULL_W, OFF), (3000, DARK_W, {**OFF, "metered": False}))
    made = (*ticks("CURTAILED", 8), *ticks(between, 28)[8:12], *ticks("EMERGENCY", 28)[12:])
    assert bool(list(OUTCOMES["O3"](history(samples, *made)))) is flagged


def test_o9_a_start_that_the_outside_made_is_nobodys_fault():
    twice = started_twice()
    assert not list(OUTCOMES["O9"](twice._replace(touched=(450.0,))))


def test_o9_a_miner_that_ran_in_a_tick_nobody_kept_may_start_again():
    """Its start was not confirmed yet, and the tick that stopped it left nothing, on no disk and in no memory."""
    twice = started_twice()
    assert not list(OUTCOMES["O9"](twice._replace(unkept=(400.0,))))
    assert list(OUTCOMES["O9"](twice._replace(unkept=(100.0, 600.0))))


def test_o4_one_incident_is_allowed_in_an_event_however_short():
    assert not list(OUTCOMES["O4"](history(story((200, FULL_W, OFF), (900, DARK_W, OFF), (200, FULL_W, OFF)))))


def test_o4_an_emergency_excuses_only_where_an_outlet_can_not_be_switched():
    told = Ticked(1500.0, 1560.0, "CURTAILING", ("unverified",), (UNPROVEN,))

    def back(**about):
        off = {**OFF, **about}
        return history(story((300, FULL_W, off), (900, DARK_W, off), (600, FULL_W, off)), told)

    assert not list(OUTCOMES["O4"](back()))
    assert list(OUTCOMES["O4"](back(cuttable=True)))


def test_o4_an_emergency_that_stands_since_before_a_blackout_excuses_what_comes_back_after_it():
    """In the middle of an event the mains were gone for a minute: nobody is told again what is still true."""

    def back(*letters):
        told = [Ticked(120.0 * at, 120.0 * at + 20, "CURTAILING", told=(one,)) for at, one in enumerate(letters)]
        return history(story((1500, FULL_W, OFF), (60, DARK_W, OFF), (900, FULL_W, OFF)), *told)

    raised = Told("a2b3c-9.raise1", "curtail_unproven", "raise", 2)
    assert not list(OUTCOMES["O4"](back(raised)))
    assert list(OUTCOMES["O4"](back(raised, raised._replace(what="clear", level=0))))
    assert list(OUTCOMES["O4"](back(raised._replace(kind="smoke"))))


def test_o6_who_tripped_in_a_heat_wave_is_still_tripped_in_the_cool_after_it():
    samples = story((1200, 0.0, {}))
    for outside_c, found in ((lambda at: 41.0 if at < 800 else 5.0, 0), (lambda at: 30.0, 1)):
        story_ = rows(samples, ambient_c=outside_c, tripped=lambda at: int(at >= 600))
        assert len(list(OUTCOMES["O6"](history(story_)))) == found


def test_o12_when_it_becomes_warm_quickly_cold_metal_may_wait_as_long_again():
    def outside(rise_k):
        return lambda at: 10.0 + min(at / 2400, 1.0) * rise_k

    for warmer_k, minutes, found in ((0.0, 60, 1), (20.0, 60, 0), (20.0, 100, 1)):
        samples = rows(story((minutes * 60, FULL_W / 2, {})), ambient_c=outside(warmer_k))
        assert len(list(OUTCOMES["O12"](history(samples)))) == found, (warmer_k, minutes)


def test_o12_the_cold_of_the_hours_before_counts_as_well():
    """It was warm again when all became well; the metal was not."""

    def outside(at):
        return -15.0 if at < 600 else 27.0

    found = []
    for minutes in (60, 110):
        samples = rows(story((600 + minutes * 60, FULL_W / 2, {})), ambient_c=outside)
        found.append(len(list(OUTCOMES["O12"](history(samples)))))
    assert found == [0, 1]


def test_o18_a_site_that_was_dark_before_the_order_came_again_need_not_wait_anew():
    """One reading of `run` and off again: it is one curtailment, and its darkness is as old as that."""
    parts = ((300, FULL_W, {}), (600, DARK_W, OFF), (120, DARK_W, {}), (240, DARK_W, OFF), (1200, DARK_W, {}))
    samples = rows(story(*parts), starts=lambda at: (int(at > 1500),) * N)
    assert not list(OUTCOMES["O18"](history(samples)))
    late = ((300, FULL_W, {}), (600, FULL_W, {}), (120, FULL_W, {}), (240, DARK_W, OFF), (1200, DARK_W, {}))
    samples = rows(story(*late), starts=lambda at: (int(at > 1500),) * N)
    assert list(OUTCOMES["O18"](history(samples)))


def released(parts, start_s):
    """What O18 says of a start at that second, with ticks at every full 120 s."""
    return list(OUTCOMES["O18"](history(rows(story(*parts), starts=lambda at: (int(at >= start_s),) * N))))


def test_o18_the_second_tick_that_can_have_read_run_is_the_earliest():
    """The word changes just after a tick: the next one, at 1800 s, reads it first, the second comes at 1920."""
    parts = ((300, FULL_W, {}), (60, FULL_W, OFF), (1360, DARK_W, OFF), (1200, DARK_W, {}))
    assert released(parts, 1820)
    assert not released(parts, 1930)


def test_o18_darkness_of_another_reason_is_no_part_of_the_ten_minutes():
    parts = ((3600, DARK_W, {}), (240, DARK_W, OFF), (1800, DARK_W, {}))
    assert released(parts, 3980)
    assert not released(parts, 4210)


def test_o18_nobody_starts_in_the_first_minutes_of_the_dark_either():
    parts = ((300, FULL_W, {}), (20, FULL_W, OFF), (240, DARK_W, OFF), (1800, DARK_W, {}))
    assert released(parts, 420)


def test_o13_each_event_beyond_the_second_has_its_own_letters():
    """Three orders in two hours are three times a word, dark, a word and a report; one order is not that."""

    def told(events, letters):
        parts = [(600, FULL_W, {}), *[(600, DARK_W, OFF), (600, FULL_W, {})] * events]
        one = Told("a2b3c", "curtailed", "notice", 0)
        return history(story(*parts), Ticked(0.0, 20.0, told=(one,) * letters))

    assert not list(OUTCOMES["O13"](told(3, 13)))
    assert list(OUTCOMES["O13"](told(1, 13)))
    assert list(OUTCOMES["O13"](told(3, 15)))


def test_o9_a_day_of_one_start_each_is_a_calm_one():
    samples = rows(story((86_500, FULL_W, {})), starts=lambda at: (int(at > 20_000),) * N)
    assert not list(OUTCOMES["O9"](history(samples)))


def test_stretches_are_unbroken():
    samples = story((50, FULL_W, {}), (30, FULL_W, OFF), (20, FULL_W, {}), (10, FULL_W, OFF))
    found = stretches(samples, lambda one: one.signal == "off")
    assert [(one[0].at_s, length_s(one)) for one in found] == [(50.0, 20.0), (100.0, 0.0)]


@pytest.mark.parametrize(("lied", "hidden", "found"), [(False, False, True), (True, False, True), (True, True, False)])
def test_load_behind_a_pdu_that_lies_is_excused_only_where_no_meter_shows_it(lied, hidden, found):
    about = {"signal": "off", "miners_w": 40_000.0, "lied": lied, "hidden": hidden}
    samples = tuple(Sample(at_s=10.0 * at, **about) for at in range(60))
    assert bool(list(MOMENTARY["O1"](History(samples)))) is found
