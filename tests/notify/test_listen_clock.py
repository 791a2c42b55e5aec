"""What is written to the bot of a controller whose own clock is wrong."""

import pytest
from notify.mine import NOON, TELEGRAM, Mine
from notify.test_listen import button, texts

from mine_controller.store.stop import stop_requested


@pytest.fixture
def site(tmp_path, http, api):
    made = Mine(tmp_path, TELEGRAM.format(url=http.url), wall=NOON + 1200)
    made.tick()
    api.said.clear()
    return made


@pytest.mark.parametrize(("ahead_s", "told"), [(-2100, "35 min ago"), (2100, "35 min ahead of this clock")])
def test_clk1_clk2_a_stop_has_its_button_whatever_the_clock_of_the_controller_says(site, api, ahead_s, told):
    """A clock that booted half an hour behind, or jumped ahead, refused every stop from the chat."""
    api.write(50, "/stop", site.wall + ahead_s)
    site.tick()
    assert told in texts(api)[-1]
    assert stop_requested(site.config.paths) is None
    api.press(51, button(api.said[-1]))
    site.tick()
    assert stop_requested(site.config.paths) is not None


def test_clk1_a_command_out_of_the_future_names_the_clock(site, api):
    api.write(50, "/alarms", site.wall + 3600)
    site.tick()
    assert "60 min ahead of this clock: the clock of the controller is wrong" in texts(api)[-1]
