"""PRO1: how many ticks found the lock taken, as readings of the tick that got it."""

import pytest
from cli.place import Place

from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.ports.dry import dry_tick
from mine_controller.ports.own import skips

AT_S, BOOT = 70_000, 5_000  # plant time, and the boot clock beside it
ROW, ALL = "lock/row:skipped_n", "lock:skipped_n"


@pytest.fixture
def config(tmp_path):
    return Place(tmp_path).config


def clock(after_s, boot_id="boot-a"):
    return Clock(AT_S + after_s, 0, began_s=AT_S + after_s, boot_id=boot_id, boot_s=BOOT + after_s)


def image(after_s, all_n=None, **changed):
    """What the last tick saw, that began `after_s` seconds into it all."""
    channels = {} if all_n is None else {ALL: Value(all_n, AT_S, ALL)}
    return Image(clock(after_s)._replace(**changed), channels, {}, (), Miners(), {})


def skipped_at(config, *seconds):
    file = config.paths.lock.with_name("minectl.lock.skipped")
    file.write_text("".join(f"{BOOT + one}\n" for one in seconds))
    return file


def told(config, last, now):
    return {one.key: one.value for one in skips(config, last, now)}


def test_ticks_left_out_are_told_in_a_row_and_all_since_the_controller_started(config):
    assert told(config, None, clock(0)) == {ROW: 0, ALL: 0}
    skipped_at(config, 120, 240)
    assert told(config, image(0), clock(360)) == {ROW: 2, ALL: 2}
    assert told(config, image(0, all_n=5), clock(360)) == {ROW: 2, ALL: 7}
    assert told(config, image(360, all_n=7), clock(480)) == {ROW: 0, ALL: 7}


def test_a_tick_of_many_rounds_counts_from_its_beginning(config):
    """Its last round may be minutes later; what it kept from beginning meanwhile is told by the next one."""
    skipped_at(config, 120, 240)
    last = image(0, plant_s=AT_S + 300, boot_s=BOOT + 300)
    assert told(config, last, clock(360)) == {ROW: 2, ALL: 2}


def test_another_boot_begins_anew(config):
    skipped_at(config, 120, 240)
    assert told(config, image(0, all_n=7), clock(600, "boot-b")) == {ROW: 2, ALL: 2}


def test_what_can_not_be_counted_is_unknown_and_never_none(config):
    config.paths.lock.with_name("minectl.lock.skipped").mkdir()
    [reading] = skips(config, image(0, all_n=7), clock(120))
    assert (reading.key, reading.value) == (ROW, None)
    assert "can't be counted" in reading.why


def test_a_dry_run_leaves_the_count_to_the_tick(tmp_path):
    place = Place(tmp_path).ticks(1)
    file = skipped_at(place.config)
    dry_tick(place.config, everything=False)
    assert file.exists()
