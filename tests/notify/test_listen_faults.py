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


def test_after_trouble_few_are_asked_for_at_a_time_so_that_a_slow_line_brings_them_whole(site, http, api):
    api.refuse["getUpdates"] = (500, {}, {})
    site.tick()
    del api.refuse["getUpdates"]
    for number in range(50, 58):
        api.write(number, "/why", site.wall)
    site.tick()
    asked = [one.json for one in http.asked if one.path.endswith("getUpdates")]
    assert [one["limit"] for one in asked[-3:]] == [100, 5, 5]
    assert [one.get("offset") for one in asked[-2:]] == [None, 55]
    assert len(texts(api)) == 8


def test_a_chat_written_by_its_name_gets_no_buttons_that_nobody_hears(tmp_path, http, api):
    """Ack and Status stood under each alarm, and whoever pressed them was a stranger: the chat has a number there."""
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url).replace("-100", "@coop"), wall=NOON + 1200)
    mine.plant.smoke = "alarm"
    mine.tick()
    assert api.said
    assert all("reply_markup" not in one for one in api.said)
    assert api.offsets == []
