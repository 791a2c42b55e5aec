"""Short stories on a small twin: the real drivers, rules and store, no sockets and no waiting."""

from pathlib import Path

from mine_controller.config.load import load
from mine_controller.play import demo
from mine_controller.twin import coop, home, story

HEAD = "title test\ndate 2026-07-15\nweather july\n\n"


def quiet(at: int, of: int) -> None:
    """No progress bar."""


def play(
    folder: Path, text: str, *, start: str = "13:30", hours: float = 1.5, miners: int = 24, seed: int = 1, pdus: int = 2
):
    """(day, config) after `hours` of the story from `start` on."""
    told = story.parse(HEAD + text)
    hour, minute = start.split(":")
    start_wall_s = told.start_wall_s() + int(hour) * 3600 + int(minute) * 60
    site = coop.build(seed, start_wall_s, story=told, miners=miners, pdus=pdus, extras=False)
    config = demo.write_config(folder, site)
    return demo.live_through(site, config, seed, hours, quiet), config


def packaged(folder: Path, name: str, *, start: str = "13:30", hours: float = 1.5, miners: int = 24, seed: int = 1):
    """The same for a packaged story."""
    told = story.packaged(name)
    hour, minute = start.split(":")
    start_wall_s = told.start_wall_s() + int(hour) * 3600 + int(minute) * 60
    site = coop.build(seed, start_wall_s, story=told, miners=miners, pdus=7, extras=False)
    config = demo.write_config(folder, site)
    return demo.live_through(site, config, seed, hours, quiet), config


def at_home(
    folder: Path, text: str, *, start: str = "13:30", hours: float = 1.5, seed: int = 1, only=("bitaxe",), tick_s=120
):
    """(day, config) of a home fleet of these makes."""
    told = story.parse(HEAD + text)
    hour, minute = start.split(":")
    start_wall_s = told.start_wall_s(home.ZONE) + int(hour) * 3600 + int(minute) * 60
    site = home.build(seed, start_wall_s, story=told, only=only)
    config = demo.write_config(folder, site)
    if tick_s != config.site.tick_s:
        path = config.paths.config
        path.write_text(path.read_text(encoding="utf-8").replace("tick_s = 120", f"tick_s = {tick_s}"), "utf-8")
        config = load(path)
    return demo.live_through(site, config, seed, hours, quiet), config
