"""The short event stories and the year: made from seed and number alone, and able to tell a miss."""

import tempfile
from functools import cache
from pathlib import Path

import pytest
from laws.stages import stage

from mine_controller.play import demo, months, tales
from mine_controller.play.planted import BUGS, plant
from mine_controller.play.stage import Stage

OWN = ("kill", "clock", "reboot", "power_cut", "disk", "ask", "stop", "wake", "second")


@cache
def config():
    return tales.settle_in(Path(tempfile.mkdtemp(prefix="minectl-tales-")))


def number_of(name, after_s, seed=1):
    """The story of this single fault at this moment."""
    return next(one for one in tales.tales(seed, 1500) if [(f.name, at) for f, at in one.faults] == [(name, after_s)])


def test_every_single_fault_comes_at_every_moment_before_any_is_drawn():
    faults = tales.catalogue()
    names = [fault.name for fault in faults]
    assert len(names) == len(set(names)) > 250
    grid = len(names) * len(tales.MOMENTS) + len(tales.WEATHERS)
    told = tales.tales(1, grid + 200)
    singles = {(fault.name, at) for one in told[:grid] for fault, at in one.faults}
    assert singles == {(name, at) for name in names for at in tales.MOMENTS.values()}
    assert {len(one.faults) for one in told[grid:]} == {2, 3}
    assert {one.weather for one in told[:grid]} == {weather for weather, _ in tales.WEATHERS}


def test_every_deed_of_the_catalogue_is_one_a_stage_knows():
    for fault in tales.catalogue():
        for text in fault.deeds:
            assert Stage.knows(text) or text.partition(" ")[0] in OWN, text


def test_a_story_is_made_of_its_seed_and_number():
    assert tales.tales(7, 1600)[1500:] == tales.tales(7, 1600)[1500:]
    assert tales.tales(7, 1600)[1599] != tales.tales(8, 1600)[1599]
    assert tales.tales(7, 1600)[1599] == tales.tales(7, 3000)[1599]


def test_every_pdu_dead_behind_the_cloud_is_told_and_a_quiet_event_is_down_in_time():
    """O1: 280 miners by the cloud alone take longer than 300 s; whoever is on call knows."""
    told = tales.live(number_of("every PDU silent", -40), config())
    assert told.emergency == "unverified"
    assert told.kept
    assert not told.in_time
    assert told.found == ()
    quiet = tales.live(tales.tales(1, 1)[0], config())
    assert quiet.in_time
    assert quiet.emergency == ""
    assert quiet.before_w > 900_000


def test_sig2_a_page_that_stands_still_is_found_out_by_its_date():
    """SIG2: the word comes, the page shows yesterday's for ever."""
    told = tales.live(number_of("page frozen", -600), config())
    assert told.judged
    assert told.under_s is not None
    assert told.under_s <= told.due_s


def test_pro5_a_controller_that_is_off_is_told_of_by_who_hears_its_dead_man():
    """PRO5: it lies dead for 15 minutes as the word comes; nobody else can tell."""
    tale = number_of("reboot 900", 0)
    told = tales.live(tale, config())
    assert not told.in_time
    assert not told.emergency
    assert told.lost_s > 0
    assert 0 < told.deadman_s < 420
    assert told.told
    assert told.kept
    without = tales.live(tale, demo.write_config(Path(tempfile.mkdtemp(prefix="minectl-tales-")), tales.site_of(tale)))
    assert without.deadman_s is None
    assert not without.told


def test_a_miss_needs_a_page_that_shows_the_word_and_outlets_that_can_be_switched():
    shut = tales.live(number_of("every PDU gone", 0), config())
    assert (shut.shown, shut.open_way, shut.possible) == (True, False, False)
    blind = tales.live(number_of("page gone", 0), config())
    assert (blind.shown, blind.open_way, blind.possible) == (False, True, False)
    killed = tales.live(number_of("kill 3", 0), config())
    assert (killed.possible, killed.lost_s) == (False, 120)
    deaf = tales.live(number_of("every miner mute", 0), config())
    assert deaf.possible
    assert deaf.in_time


def test_o4_contacts_that_weld_in_the_dark_are_answered_by_the_miners_own_word():
    """O4: 31 miners wake behind contacts that no longer open; the cloud's word ends it within two ticks and a minute.

    Nobody can tell how many watts they draw, since another PDU's meter is silent too.
    """
    tale = tales.tales(1, 2948)[2947]
    assert [(fault.name, at) for fault, at in tale.faults] == [
        ("a PDU's outlets weld", 480),
        ("device redfish pdu4 drip", -600),
    ]
    told = tales.live(tale, config())
    assert told.in_time
    assert told.found == ()


def test_a_program_that_does_not_obey_is_a_miss():
    bug = next(one for one in BUGS if one.name == "signal_ignored")
    with plant(bug):
        told = tales.live(tales.tales(1, 1)[0], config())
    assert told.possible
    assert not told.kept
    assert told.under_s is None
    assert "O1" in {name for name, _ in told.found}


def test_a_word_of_a_story_comes_at_its_own_second():
    site = stage(12)
    site.later(135.0, "signal off")
    site.tick()
    assert site.site.true_signal == "run"
    site.tick()
    assert next(one.at_s for one in site.sampler.samples if one.signal == "off") == 140.0
    with pytest.raises(ValueError, match="nothing a stage can do"):
        site.later(1.0, "kill 7")


def test_a_month_has_its_events_on_different_days_two_to_six_hours_each():
    found = months.events(months.Month(7, 3), 0, 31)
    assert len(found) == months.EVENTS
    assert len({begin // 86_400 for begin, _ in found}) == months.EVENTS
    assert all(7200 <= end - begin <= 21_600 for begin, end in found)
    assert found == months.events(months.Month(7, 3), 0, 31)
    assert found != months.events(months.Month(7, 4), 0, 31)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", range(1, 13))
def test_o8_two_days_of_every_month_stay_under_the_cap_and_use_what_is_permitted(number):
    """O8, O15."""
    lived = months.live(months.Month(number, 1, 2), config())
    assert (lived.over_cap, lived.late, lived.violations) == (0, 0, ())
    assert lived.spread <= 3
    assert lived.used_kwh >= 0.9 * lived.permitted_kwh  # an event in two days weighs more than five in a month


# -- with a meter on the feed -----------------------------------------------------------------------------------------


@cache
def metered():
    return tales.settle_in(Path(tempfile.mkdtemp(prefix="minectl-tales-")), metered=True)


def on_the_feed(name, after_s):
    told = tales.tales(1, 71, metered=True)
    return next(one for one in told if [(f.name, at) for f, at in one.faults] == [(name, after_s)])


def test_a_metered_site_has_tales_of_its_own_and_the_others_are_as_they_were():
    faults = tales.on_the_feed()
    grid = len(faults) * len(tales.MOMENTS) + len(tales.WEATHERS)
    told = tales.tales(1, grid + 50, metered=True)
    assert all(one.metered and "a meter on the feed" in one.name for one in told)
    assert {fault for one in told[:grid] for fault, _ in one.faults} == set(faults)
    assert all(one.faults[0][0] in faults and len(one.faults) in (2, 3) for one in told[grid:])
    assert not any(one.metered for one in tales.tales(1, 1600))
    assert not {fault.name for fault in faults} & {fault.name for fault in tales.catalogue()}
    for text in (text for fault in faults for text in fault.deeds):
        assert Stage.knows(text), text


def test_a_true_meter_proves_a_dark_mine_in_the_same_tick_and_a_late_one_is_waited_for():
    """MET2, O1: 280 miners, lamps, and a meter that shows means."""
    for tale in (tales.tales(1, 1, metered=True)[0], on_the_feed("meter late 20", 0)):
        told = tales.live(tale, metered())
        assert told.in_time
        assert (told.emergency, told.found) == ("", ())


def test_what_a_lying_pdu_hides_is_told_and_never_proven():
    """MET2, PDU4: every outlet shows nothing, the meter shows the mine; its air stays."""
    told = tales.live(on_the_feed("every PDU zero", 0), metered())
    assert told.kept
    assert told.emergency
    assert told.found == ()
    unseen = told._replace(hidden=True, emergency="", under_s=None)
    assert unseen.kept
    assert not unseen._replace(hidden=False).kept


def test_o6_fans_come_back_where_the_inlet_climbs_over_a_mine_that_every_outlet_calls_dark():
    """Found by a drawn story: every PDU shows 0 W, the cloud that hears the miners is cut, no meter. 280 tripped."""
    faults = {fault.name: fault for fault in (*tales.catalogue(), *tales.on_the_feed())}
    told = tales.Tale(
        0, 969, ((faults["every PDU zero"], 0), (faults["device foreman mine cut"], -600)), "harvest", 9.0, 34, True
    )  # fmt: skip
    lived = tales.live(told, config())
    assert lived.found == ()
    assert lived.hidden
