"""Whole ticks on the off-grid twin while a part of it answers nothing, and the source or the internet goes."""

import pytest
from play.test_offgrid import Played

from mine_controller.twin import story


def calm(folder, miners=10):
    """A mine whose neighbours take the same all the time."""
    played = Played(folder, miners=miners, start="09:00")
    played.site.world.source.neighbours = lambda _: 0.1
    return played


def play(played, *deeds):
    for words in deeds:
        what, _, rest = words.partition(" ")
        played.site.play(story.Step(played.virtual.now_s, what, rest))


@pytest.mark.parametrize("wrong", ["silent", "refuses", "liar", "mute"])
def test_sup_a_brown_out_is_no_burden_of_a_miner_that_does_not_stop(tmp_path, wrong):
    """It runs on, whatever it is told. Before, it was counted on with its stop, tick after tick, and the source tripped
    under what it drew."""
    played = calm(tmp_path).on(0.1)
    world = played.site.world
    setattr(world.seats[1], wrong, True) if wrong in ("silent", "refuses") else play(played, f"miner a002 {wrong}")
    played.on(0.1)
    play(played, "supply 60")
    played.on(0.4)
    assert world.boards.mode(1) == "running"
    assert 0 < played.rows[-1][1] <= world.source.available_w
    assert world.source.trips == 0
    assert played.journal.violations == []


def test_net_the_holding_pool_opens_also_where_the_router_never_answered(tmp_path):
    """From the first tick on no link could be judged, and the miners have lost their work all the same."""
    played = calm(tmp_path)
    play(played, "device openmptcprouter router unauthorised")
    played.on(0.3)
    before, starts = len(played.working), sum(played.site.starts())
    play(played, "internet down")
    played.on(0.5)
    assert played.site.world.holding_open
    assert {played.pool_of(seat) for seat in played.working} == {"holding"}
    assert len(played.working) >= before - 1, "the day gets hotter, and another fan turns"
    assert sum(played.site.starts()) - starts <= before + 2
    play(played, "internet up", "device openmptcprouter router ok")
    played.on(0.6)
    assert {played.pool_of(seat) for seat in played.working} == {"wallet.rig"}
    assert not played.site.world.holding_open
    assert played.journal.violations == []
