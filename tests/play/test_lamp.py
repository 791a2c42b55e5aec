"""The lamp on the tenth relay of the container's board: whole ticks, the real driver, the twin's relay."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from play.days import HEAD

from mine_controller.config.load import load
from mine_controller.core.decide import decide
from mine_controller.core.due import Asked, due
from mine_controller.core.freeze import freeze
from mine_controller.core.model.state import State
from mine_controller.play import demo
from mine_controller.play.stage import Stage
from mine_controller.ports.live import Live
from mine_controller.twin import coop, story
from mine_controller.twin.story import Step

MINECTL = str(Path(sys.executable).parent / "minectl")
BOARD = "controlbyweb fans"


def container(miners=12):
    told = story.parse(HEAD)
    return coop.build(1, told.start_wall_s() + 12 * 3600, story=told, miners=miners, pdus=1, extras=False)


def with_lamp(folder, site):
    path = demo.write_config(folder, site).paths.config
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[wiring]\n", "[wiring]\nlamp = controlbyweb fans/10\n"), encoding="utf-8")
    return load(path)


class Container:
    """A stage, and the board its lamp hangs on."""

    def __init__(self, folder):
        site = container()
        self.stage = Stage(with_lamp(folder, site), site, again=True)
        self.board = site.served[BOARD].server
        self.stage.run(3)

    @property
    def lit(self):
        return self.board.relays[9]

    def after(self, *words, ticks=1):
        for text in words:
            self.stage.do(text)
        self.stage.run(ticks)
        return self.lit

    def verdicts(self):
        """What came of the lamp's commands in the last tick."""
        outcomes = {one.command: one.verdict for this in self.stage.rounds for one in this.outcomes}
        sent = [one for this in self.stage.rounds for one in this.decision.commands if one.target == "lamp relay"]
        return [(one.verb, outcomes[one.id]) for one in sent]


@pytest.fixture
def lamp(tmp_path):
    found = Container(tmp_path)
    assert not found.lit
    yield found
    assert found.stage.guarded == []


def test_ntf4_the_real_board_lights_its_lamp_in_an_emergency_and_an_ack_darkens_it(lamp):
    assert lamp.after("water on")
    assert lamp.verdicts() == [("on", "applied")]
    assert lamp.after(ticks=3)
    assert lamp.verdicts() == []
    assert not lamp.after("ask ack")
    assert not lamp.after(ticks=3)


def test_the_lamp_stays_lit_through_an_emergency_stop(lamp):
    assert lamp.after("water on")
    assert lamp.after("stop on", ticks=4)
    assert lamp.stage.site.world.miners_w() < 1000
    assert lamp.after("stop off", "ask resume")


def test_a_lamp_that_somebody_switches_by_hand_is_put_right_in_the_next_tick(lamp):
    assert lamp.after("water on")
    lamp.board.relays[9] = False
    assert lamp.after()
    assert not lamp.after("ask ack")
    lamp.board.relays[9] = True
    assert not lamp.after()


@pytest.mark.parametrize("number", [5, 8, 11, 12, 13])
def test_a_controller_that_dies_over_its_command_lights_the_lamp_in_the_next_tick(lamp, number):
    lamp.after("water on", f"kill {number}")
    assert lamp.stage.ticks[-1].killed
    assert lamp.after()


def test_a_disk_that_takes_nothing_holds_no_lamp_back(lamp):
    assert lamp.after("disk dead", "water on")


@pytest.fixture
def small(tmp_path):
    """The same over real sockets, with eight miners."""
    site = container(8)
    with demo.on_sockets(site) as servers:
        yield site, servers, with_lamp(tmp_path, site)


def test_a_dry_run_says_what_the_lamp_would_be_told_and_switches_nothing(small):
    site, servers, config = small
    demo.go_on(site, servers)
    site.served[BOARD].server.relays[9] = True  # left on by somebody
    words = [MINECTL, "tick", "--dry-run", "--config", str(config.paths.config)]
    plan = json.loads(subprocess.run([*words, "--json"], capture_output=True, text=True, check=True).stdout)
    (told,) = [one for one in plan["commands"] if one["target"] == "lamp relay"]
    assert (told["verb"], told["lane"], told["address"]) == ("off", BOARD, "10")
    assert told["reason"] == "nothing calls for people"
    assert plan["lamp"] == {"wanted": "off", "sentence": told["reason"]}
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert f"  {BOARD}: off lamp relay (nothing calls for people)" in shown
    assert site.served[BOARD].server.relays[9] is True


@pytest.mark.parametrize(("water", "verb"), [("off", "off"), ("on", "on")])
def test_over_sockets_the_relay_is_read_told_and_read_again(small, water, verb):
    site, servers, config = small
    board, wiring = site.served[BOARD].server, config.policy.wiring
    board.relays[9] = verb == "off"
    site.play(Step(site.plant.now_s, "water", water))
    live = Live(config, sources=demo.go_on(site, servers))
    clock = live.clocks(State(), None)
    image = freeze(None, live.ask(due(None, None, wiring, clock), None, clock), wiring, clock)
    commands = decide(image, State(), config.policy).commands
    (told,) = [one for one in commands if one.target == "lamp relay"]
    assert (told.verb, [one.verdict for one in live.act((told,), clock)]) == (verb, ["applied"])
    again = freeze(image, live.ask((Asked(BOARD),), image, clock), wiring, clock)
    assert (board.relays[9], again.channels[f"{wiring.lamp}:switch"].value) == (verb == "on", verb)
