"""A serving demo takes config.txt and fleet.csv as they are by each live tick, like a real site."""

from types import SimpleNamespace

import pytest

from mine_controller.cli import demo as cli_demo
from mine_controller.config.lastgood import remember
from mine_controller.config.load import load
from mine_controller.play import demo
from mine_controller.play.pages import listen
from mine_controller.twin import home, story

HEAD = "date 2026-07-15\n"


class Beside:
    """What a person does between the live ticks of a demo, and the configs those ticks ran with."""

    def __init__(self, *does):
        self.does, self.ran, self.said = iter(does), [], []

    def as_written(self, config):
        return demo.as_written(config)

    def live_tick(self, config, _sources):
        self.ran.append(config)
        return "RUNNING"

    def pause(self, _paths):
        next(self.does)()


@pytest.fixture
def house(tmp_path):
    site = home.build(1, story=story.parse(HEAD), only=("bitaxe", "cgminer"))
    config = demo.write_config(tmp_path, site)
    remember(config)
    return SimpleNamespace(site=site, config=config, path=config.paths.config, fleet=tmp_path / "fleet.csv")


def rewritten(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def served(house, monkeypatch, *does):
    """The configs of the live ticks, one more than what is done between them."""
    beside = Beside(*does)
    monkeypatch.setattr(cli_demo, "_pause", beside.pause)
    pages = listen(house.config.paths.www, 0)
    try:
        cli_demo._serve(beside, house.config, None, len(does) + 1, pages)
    finally:
        pages.server_close()
    return beside.ran


def test_a_change_of_config_txt_counts_from_the_demos_next_tick(house, monkeypatch):
    first, then = served(house, monkeypatch, lambda: rewritten(house.path, "live = yes", "live = no"))
    assert (first.site.live, then.site.live) == (True, False)
    assert not then.policy.site.live


def test_a_line_taken_out_of_fleet_csv_counts_from_the_demos_next_tick(house, monkeypatch):
    def shorten():
        lines = house.fleet.read_text("utf-8").splitlines()
        house.fleet.write_text("\n".join(lines[:-1]) + "\n", "utf-8")

    first, then = served(house, monkeypatch, shorten)
    assert len(then.policy.wiring.miners) == len(first.policy.wiring.miners) - 1


def test_a_broken_config_gives_way_to_the_last_good_one_until_it_is_mended(house, monkeypatch):
    good = house.path.read_text("utf-8")
    broken, mended = served(
        house, monkeypatch, lambda: house.path.write_text("[site]\n"), lambda: house.path.write_text(good)
    )[1:]
    assert (broken.last_good, broken.sha) == (True, house.config.sha)
    assert broken.broken
    assert not mended.last_good


def test_without_a_last_good_one_the_config_that_ran_goes_on(house, monkeypatch):
    def lose():
        (house.config.paths.db.parent / "config.last-good").unlink()
        house.path.unlink()

    lost = served(house, monkeypatch, lose)[1]
    assert (lost.last_good, lost.sha) == (True, house.config.sha)
    assert "is gone" in lost.broken[0].text


def test_a_live_tick_on_the_last_good_config_says_so(tmp_path):
    site = home.build(1, story=story.parse(HEAD), only=("bitaxe",))
    with demo.on_sockets(site) as servers:
        config = demo.write_config(tmp_path, site)
        remember(config)
        config.paths.config.write_text("[site]\n", "utf-8")
        told = demo.live_tick(demo.as_written(config), demo.go_on(site, servers))
    assert "; the config has" in told
    assert told.endswith("faults, the last good one is in force")


def test_shadow_mode_typed_beside_the_demo_keeps_its_next_tick_from_commanding(tmp_path):
    site = home.build(1, story=story.parse(HEAD), only=("bitaxe",))
    with demo.on_sockets(site) as servers:
        config = demo.write_config(tmp_path, site)
        rewritten(config.paths.config, "live = yes", "live = no")
        sources = demo.go_on(site, servers)
        demo.live_tick(demo.as_written(config), sources)
        (config.paths.stop).touch()
        demo.live_tick(demo.as_written(config), sources)
        words = {rig.word() for rig in site.house.rigs.values()}
    assert words == {"hashing"}
    assert load(config.paths.config).site.live is False


def test_a_data_dir_that_can_not_be_written_ends_no_demo():
    class Blocked:
        def live_tick(self, _config, _sources):
            raise PermissionError(13, "Permission denied")

    assert "left out" in cli_demo._tick(Blocked(), None, None)
