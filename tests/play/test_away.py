"""Whole ticks on the co-op's twin while what proves the air is away for a while."""

from mine_controller.core.due import LONGEST_BACKOFF_TICKS
from mine_controller.play import demo
from mine_controller.play.twin import Remembered, Virtual
from mine_controller.ports.live import ports_of
from mine_controller.tick import tick
from mine_controller.twin import coop, story

FANS = "iotawatt fans"


def test_a_meter_of_the_fans_that_was_away_for_some_minutes_is_read_soon_after_it_is_back(tmp_path):
    """It was away for eight minutes and unread for sixteen: the looks of one tick were failures in a row, each."""
    site = coop.build(3, story=story.parse("title x\ndate 2026-07-06\nweather july\n"), miners=8, pdus=1, extras=False)
    config = demo.write_config(tmp_path, site)
    virtual = Virtual(config, site)
    ports = ports_of(virtual, Remembered(virtual))
    site.expect(story.Step(1200, "device", f"{FANS} silent"))
    site.expect(story.Step(1680, "device", f"{FANS} ok"))
    fails = {}
    while virtual.now_s < 2400:
        began_s = virtual.now_s
        book = tick(ports, config.policy)
        fails[round(began_s)] = book.image.channels[f"{FANS}:fails"].value
        virtual.until_next(began_s)
    assert max(fails.values()) <= LONGEST_BACKOFF_TICKS, "no more than ticks it was asked in"
    assert [value for at_s, value in fails.items() if at_s >= 1920] == [0] * len([at for at in fails if at >= 1920])
