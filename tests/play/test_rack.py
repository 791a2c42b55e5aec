"""Large miners of every family that can sleep, on outlets, under a daily signal: nobody obedient is cut under load."""

import os

import pytest
from play import rack

from mine_controller.play import demo

OBEDIENT = {kit.id for kit in rack.KITS}
X_WITHIN_S = 300
MIN_OFF_S = 300


def through(folder, days=0, more=""):
    """Whole days, or the afternoon from one o'clock on."""
    site = rack.build(rack.daily(more), from_h=0 if days else 13)
    config = rack.write(folder, site)
    begun = {name: [] for name in OBEDIENT}
    for name, rig in site.house.rigs.items():
        noted(rig, begun[name])
    return demo.live_through(site, config, 1, 24 * days or 4, lambda _done, _of: None), site, begun


def noted(rig, begun):
    """Keep the moment of every stop and start of this rig."""
    do = rig.do

    def told(verb, value="", at_s=None):
        before = rig.starts
        done = do(verb, value, at_s)
        if rig.starts > before:
            begun.append((rig.now_s, "start"))
        elif verb in ("stop", "off"):
            begun.append((rig.now_s, "stop"))
        return done

    rig.do = told


def judge(day, site, begun, days):
    assert day.violations == ()
    assert len(day.events) == days
    for event in day.events:
        proven = event.shed.shed_100_s
        assert proven is not None or event.told
        assert proven is None or proven - event.shed.signal_s <= X_WITHIN_S
    assert not OBEDIENT & set(site.outlets.cut), "an obedient miner was cut under load"
    starts = [rig.starts for rig in site.house.rigs.values()]
    assert max(starts) - min(starts) <= 3
    assert min(starts) >= days
    for moments in begun.values():
        stopped = None
        for at_s, what in moments:
            if what == "stop":
                stopped = at_s
            elif stopped is not None:
                assert at_s - stopped >= MIN_OFF_S


def test_cmd3_a_day_with_a_signal_cuts_no_obedient_miner_of_any_family_antminer_stock_included(tmp_path):
    day, site, begun = through(tmp_path)
    judge(day, site, begun, 1)
    assert day.events[0].shed.hard == 0


def test_a_liar_and_a_mute_miner_are_cut_and_nobody_else(tmp_path):
    more = "13:10 miner m2 mute for 3h\n13:10 miner w1 liar for 3h\n"
    day, site, _ = through(tmp_path, more=more)
    assert set(site.outlets.cut) == {"m2", "w1"}
    assert day.events[0].shed.shed_100_s is not None
    assert day.violations == ()


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_thirty_days_of_signals_wear_the_fleet_evenly_and_cut_nobody(tmp_path):
    days = int(os.environ.get("MINECTL_SOAK_DAYS", "30"))
    day, site, begun = through(tmp_path, days)
    judge(day, site, begun, days)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_o15_thirty_days_of_twenty_steps_and_a_signal_a_day_wear_the_fleet_evenly(tmp_path):
    """G2, CMD3: equal miners by turns, none again within its time off, nobody obedient cut."""
    days = int(os.environ.get("MINECTL_SOAK_DAYS", "30"))
    day, site, begun = through(tmp_path, days, rack.stepped())
    judge(day, site, begun, days)
    assert sum(rig.starts for rig in site.house.rigs.values()) >= days * (len(OBEDIENT) + len(rack.STEPS_KW) * 2)
