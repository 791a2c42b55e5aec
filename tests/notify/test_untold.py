"""NTF4: all channels are dead for long. The dead-man's service and the page say what nobody was told."""

import json
import sqlite3
import time
from contextlib import closing

import pytest
from notify.test_tell import TAKEN, add, make, run

from mine_controller.config.load import load
from mine_controller.core.outputs.lamp import MESSAGES
from mine_controller.ports.clock import Clocks
from mine_controller.ports.journal import Journal
from mine_controller.ports.log import Log
from mine_controller.ports.pulse import trouble
from mine_controller.ports.show import facts
from mine_controller.ports.untold import untold
from mine_controller.store.outbox import EMERGENCY, INFO, WARNING, Letter

NOW, HOUR_S = 1_789_000_000, 3600


def letter(level, waited_s, *, told_at=None, **note):
    began = {"began": NOW - waited_s}
    return Letter(1, "key", level, "{}", NOW + 60, ({**began, **note},), told_at)


@pytest.mark.parametrize(
    ("waiting", "begins"),
    [
        ([], ""),
        ([letter(EMERGENCY, 899)], ""),
        ([letter(EMERGENCY, 900, telegram="no: 401")], "an emergency has reached nobody for 15 min; 1 such wait"),
        ([letter(WARNING, 6 * HOUR_S - 1)], ""),
        ([letter(WARNING, 6 * HOUR_S), letter(WARNING, 9)], "a warning has reached nobody for 6 h; 2 such wait"),
        ([letter(INFO, 90 * HOUR_S)], ""),
        ([letter(EMERGENCY, 9000, telegram="no: 401", discord="told")], ""),
        ([letter(EMERGENCY, 9000, told_at=NOW)], ""),
        ([letter(EMERGENCY, 1800, bare=NOW - 1800)], ""),
        ([letter(WARNING, 9 * HOUR_S, quiet=NOW + 1)], ""),
        ([letter(WARNING, 9 * HOUR_S, quiet=NOW)], "a warning"),
        ([letter(EMERGENCY, -9000)], ""),
        ([Letter(1, "key", EMERGENCY, "{}", NOW - 900, (), None)], "an emergency"),
        ([Letter(1, "key", EMERGENCY, '{"what": "clear", "severity": "info"}', NOW - 900, (), None)], ""),
    ],
)
def test_ntf4_what_has_reached_nobody_for_long_is_said(waiting, begins):
    """NTF4: after a quarter of an hour, a warning after six hours; quiet hours and information are no trouble."""
    said = untold(waiting, NOW)
    assert said.startswith(begins)
    assert bool(said) == bool(begins)


@pytest.fixture
def site(tmp_path, http, smtp):
    """A site whose devices are all dead."""
    http.answers = [TAKEN]
    return make(tmp_path, http, smtp)


def fresh(path, journal):
    """A book with which a tick would be a success."""
    book = journal.load()
    journal.store.close()
    image = book.image
    known = {role: value._replace(value="ok") for role, value in image.site.items()}
    fans = tuple(fan._replace(watts=1500) for fan in image.fans)
    good = book._replace(image=image._replace(site=known, fans=fans), state=book.state._replace(mode="RUNNING"))
    assert trouble(load(path), good, "") == ""
    return good


def sooner(some, by_s):
    return some - by_s if isinstance(some, int) and some > HOUR_S * 1000 else some


def aged(path, by_s):
    """Every letter is so much older, and what was noted of it too."""
    with closing(sqlite3.connect(path.parent / "mine_data.db")) as db, db:
        for number, tries in db.execute("SELECT id, tries FROM outbox").fetchall():
            notes = [{key: sooner(some, by_s) for key, some in note.items()} for note in json.loads(tries)]
            db.execute(
                "UPDATE outbox SET tries = ?, due_at = due_at - ? WHERE id = ?", (json.dumps(notes), by_s, number)
            )
    db.close()


def test_ntf4_with_every_channel_dead_the_dead_man_fails_and_the_page_says_so_until_one_takes_it(site, http, smtp):
    """NTF4: a token that was revoked a month ago must not be found out at the fire."""
    run(site)
    add(site, (2, "smoke"))
    http.answers, smtp.codes = [(404, "no", {})], {"AUTH": "535 no"}
    live, journal = run(site)
    good = fresh(site, journal)

    def pinged():
        http.asked.clear()
        (site.parent / "run" / "pinged-deadman").unlink(missing_ok=True)
        live.ping(good, journal)
        return next((asked.path, asked.body) for asked in http.asked if "canary-check" in asked.path)

    assert pinged()[0] == "/canary-check", "it has not waited for long"
    aged(site, HOUR_S)
    _, journal = run(site)
    path, body = pinged()
    assert path == "/canary-check/fail"
    assert b"an emergency has reached nobody" in body
    assert "an emergency has reached nobody" in facts(load(site), int(time.time())).untold_note
    http.answers, smtp.codes = [TAKEN], {}
    aged(site, 2 * HOUR_S)  # the channels' pause is over
    _, journal = run(site)
    assert pinged()[0] == "/canary-check"
    assert facts(load(site), int(time.time())).untold_note == ""


def with_lamp(path):
    text = path.read_text().replace("relays = 9", "relays = 10")
    path.write_text(text.replace("[wiring]\n", "[wiring]\nlamp = controlbyweb fans/10\n"))
    return path


def seen(path):
    """What the core was told of messages in the last tick, and for what the lamp is then lit."""
    journal = Journal(load(path), Clocks("UTC", 120), Log(path.parent / "mine.log"))
    told = journal.load().image.channels.get(MESSAGES)
    journal.store.close()
    return told and (told.value, told.why[:34])


def test_ntf4_the_lamp_hears_of_what_has_reached_nobody_until_one_takes_it(site, http, smtp):
    run(with_lamp(site))
    add(site, (2, "smoke"))
    http.answers, smtp.codes = [(404, "no", {})], {"AUTH": "535 no"}
    run(site)
    assert seen(site) is None, "it has not waited for long"
    aged(site, HOUR_S)
    run(site)
    assert seen(site) == (None, "an emergency has reached nobody fo")
    http.answers, smtp.codes = [TAKEN], {}
    aged(site, 2 * HOUR_S)
    run(site)
    assert seen(site)[0] is None, "this tick began before anybody was told"
    run(site)
    assert seen(site)[0] == "ok"


def test_without_a_lamp_nothing_is_read_of_messages(site, http, smtp):
    run(site)
    add(site, (2, "smoke"))
    http.answers, smtp.codes = [(404, "no", {})], {"AUTH": "535 no"}
    run(site)
    aged(site, HOUR_S)
    run(site)
    assert seen(site) is None
