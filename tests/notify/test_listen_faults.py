"""What goes wrong on the way to one answer costs that answer, and never a stop."""

import pytest
from notify.mine import NOON, TELEGRAM, Mine
from notify.test_listen import button, texts

from mine_controller.ports import listen as listening
from mine_controller.store.stop import stop_requested


@pytest.fixture
def site(tmp_path, http, api):
    made = Mine(tmp_path, TELEGRAM.format(url=http.url), wall=NOON + 1200)
    made.tick()
    api.said.clear()
    return made


def broken(*_given):
    raise LookupError("a secret, perhaps")


def test_a_question_whose_answer_can_not_be_made_holds_up_no_stop_behind_it(site, api, monkeypatch):
    """It was heard anew at each tick, with all that was written since, and the bot was deaf for a day."""
    monkeypatch.setattr(listening.lines, "why", broken)
    api.write(50, "/why", site.wall)
    api.write(51, "/stop", site.wall)
    site.tick()
    assert "this could not be answered: LookupError" in texts(api)[0]
    api.press(52, button(api.said[-1]))
    site.tick()
    assert stop_requested(site.config.paths) is not None
    assert len(texts(api)) == 3
    assert len(site.notes("LookupError")) == 1
    assert "a secret" not in site.log()
