"""Stages for tests: a small container on its real drivers, its config read once a process."""

import tempfile
from functools import cache
from pathlib import Path

from mine_controller.config.load import load
from mine_controller.play import demo
from mine_controller.play.stage import Stage
from mine_controller.twin import agile, coop, offgrid, story
from mine_controller.twin import home as homes

HEAD = "title test\ndate 2026-07-15\n"


def _story(weather):
    return story.parse(f"{HEAD}weather {weather}\n")


def _site(miners, pdus, weather, hour, seed, running, metered):
    told = _story(weather)
    start = told.start_wall_s() + int(hour * 3600)
    return coop.build(seed, start, story=told, miners=miners, pdus=pdus, extras=False, running=running, metered=metered)


@cache
def _config(miners, pdus, cap_kw, metered):
    folder = Path(tempfile.mkdtemp(prefix="minectl-stage-"))
    config = demo.write_config(folder, _site(miners, pdus, "july", 12, 1, True, metered))
    if cap_kw == 1000:
        return config
    path = config.paths.config
    path.write_text(path.read_text("utf-8").replace("power_cap_kw = 1000", f"power_cap_kw = {cap_kw}"), "utf-8")
    return load(path)


def stage(
    miners=24, *, pdus=2, weather="july", hour=12.0, seed=1, running=True, cap_kw=1000, again=False, metered=False
):
    """A container of so many miners, in full swing unless told otherwise; `metered`: with a meter on its feed."""
    site = _site(miners, pdus, weather, hour, seed, running, metered)
    return Stage(_config(miners, pdus, cap_kw, metered), site, again=again)


def _weak_site(weather, hour, seed, plant):
    told = _story(weather)
    start = told.start_wall_s(offgrid.ZONE) + int(hour * 3600)
    return offgrid.build(seed, start, story=told, miners=24, extras=False, plant=plant)


@cache
def _weak_config(plant):
    return demo.write_config(Path(tempfile.mkdtemp(prefix="minectl-stage-")), _weak_site("savanna", 12, 1, plant))


def weak(*, weather="savanna", hour=12.0, seed=1, plant="diesel"):
    """Twenty-four miners on a weak source."""
    return Stage(_weak_config(plant), _weak_site(weather, hour, seed, plant))


def _fleet_site(weather, hour, seed):
    told = _story(weather)
    return homes.build(seed, told.start_wall_s(homes.ZONE) + int(hour * 3600), story=told)


@cache
def _fleet_config():
    return demo.write_config(Path(tempfile.mkdtemp(prefix="minectl-stage-")), _fleet_site("july", 12, 1))


def fleet(*, weather="july", hour=12.0, seed=1):
    """A home of twelve miners, and a neighbour's thirteenth."""
    return Stage(_fleet_config(), _fleet_site(weather, hour, seed))


@cache
def _home_config():
    folder = Path(tempfile.mkdtemp(prefix="minectl-home-"))
    return demo.write_config(folder, _house(1, 12))


def _house(seed, hour, weather="july", day=0):
    told = _story(weather)
    return agile.build(seed, told.start_wall_s(agile.ZONE) + day * 86_400 + int(hour * 3600), story=told)


def home(*, hour=12.0, seed=1, weather="july", day=0):
    """The eleven boards that follow the half-hour price; so many days after the story's own."""
    return Stage(_home_config(), _house(seed, hour, weather, day))
