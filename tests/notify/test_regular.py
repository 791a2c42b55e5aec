"""Days of a real outbox under a wall clock: heartbeats, the weekly test, quiet nights, ten days without internet."""

import json
import sqlite3
import time
from contextlib import closing

import pytest
from notify.mine import NOON, TELEGRAM, Mine

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.notify.post import senders
from mine_controller.ops import health as health_of
from mine_controller.ports import heartbeat as regular_letters
from mine_controller.ports.log import Log
from mine_controller.ports.tell import tell
from mine_controller.store.db import Places
from mine_controller.store.outbox import (
    EMERGENCY,
    INFO,
    WARNING,
    Mark,
    Message,
    add_messages,
    due_letters,
    mark_letters,
)
from mine_controller.store.query import letters as outbox

EMAIL = """
[email]
server = 127.0.0.1
port = {port}
security = none
username = mine@example.com
password = canary-mail
to = owner@example.com
"""


def beats(api):
    return [one for one in api.said if "minectl " in one["text"] and "Inputs:" in one["text"]]


def hours(mine, api, count, start=NOON):
    """A tick at each full hour and one at half past; how many heartbeats each hour brought."""
    out = []
    for hour in range(count):
        before = len(beats(api))
        for minute in (0, 2, 30):
            mine.at(start + hour * 3600 + minute * 60 + 3).tick()
        out.append(len(beats(api)) - before)
    return out


def test_a_heartbeat_comes_on_the_hour_without_a_section_and_without_a_sound(tmp_path, http, api, smtp):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url) + EMAIL.format(port=smtp.port))
    assert hours(mine, api, 3) == [1, 1, 1]
    said = beats(api)[-1]
    assert said["disable_notification"].lower() == "true"
    assert all(word in said["text"] for word in ("miners run", "Inlet 25.0 °C", "of 1000.0 kW", "power signal"))
    assert not any("heartbeat" in mail["Subject"] for mail in smtp.mails)


def test_a_missed_hour_is_not_caught_up(tmp_path, http, api):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url), wall=NOON + 1200)
    mine.tick()
    mine.tick()
    assert beats(api) == []


def test_the_owner_says_how_often_and_by_what(tmp_path, http, api, smtp):
    sections = TELEGRAM.format(url=http.url) + EMAIL.format(port=smtp.port)
    mine = Mine(tmp_path, sections + "\n[heartbeat]\nevery_min = 240\nchannels = email\n", wall=NOON - 1800)
    for _ in range(4):
        mine.tick()
    mine.at(NOON + 5).tick()
    assert beats(api) == []
    assert [mail["Subject"] for mail in smtp.mails if "heartbeat" in mail["Subject"]] == ["Coop test: info, heartbeat"]
    count = len(smtp.mails)
    mine.at(NOON + 3605).tick()
    assert len(smtp.mails) == count


def test_no_heartbeats_where_the_owner_wants_none_or_nobody_takes_them(tmp_path, http, api):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url) + "least = warning\n", wall=NOON + 5)
    mine.tick()
    (tmp_path / "two").mkdir()
    other = Mine(tmp_path / "two", TELEGRAM.format(url=http.url) + "\n[heartbeat]\nevery_min = 0\n", wall=NOON + 5)
    other.tick()
    assert beats(api) == []


def test_heartbeats_of_an_outage_are_not_told_afterwards(tmp_path, http, api):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url), wall=NOON + 5)
    api.refuse["sendMessage"] = (502, "down", {})
    for hour in range(5):
        mine.at(NOON + hour * 3600 + 5).tick()
        mine.at(NOON + hour * 3600 + 1800).tick()
    assert beats(api), "tried in vain"
    del api.refuse["sendMessage"]
    api.said.clear()
    for minute in range(10, 58, 2):
        mine.at(NOON + 5 * 3600 + minute * 60).tick()
    assert api.said, "the news of the outage"
    assert beats(api) == []
    mine.at(NOON + 6 * 3600 + 5).tick()
    assert len(beats(api)) == 1


def test_a_quiet_night_has_no_heartbeat_and_one_message_in_the_morning(tmp_path, http, api):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url) + "\n[quiet]\nbegin = 22:00\nend = 07:00\n")
    night = NOON + 10 * 3600
    for tick in range(4):
        mine.at(night - 3600 + 1200 + tick * 120).tick()
    api.said.clear()
    mine.plant.signal = "off"
    for hour in (0, 1, 2):
        for minute in (0, 2, 4, 30):
            mine.at(night + hour * 3600 + minute * 60 + 5).tick()
    assert api.said == [], "a signal change is a warning and waits"
    mine.plant.signal = "run"
    for minute in range(0, 12, 2):
        mine.at(night + 8 * 3600 + minute * 60 + 5).tick()
    assert api.said == []
    mine.at(night + 9 * 3600 + 1200).tick()
    assert len(api.said) == 1
    assert "signal changed, 2 times" in api.said[0]["text"]
    assert "was, " in api.said[0]["text"]


def test_smoke_in_a_quiet_night_is_told_at_once(tmp_path, http, api):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url) + "\n[quiet]\n", wall=NOON + 12 * 3600 + 1200)
    mine.tick()
    mine.tick()
    api.said.clear()
    mine.plant.smoke = "alarm"
    mine.tick()
    assert any("EMERGENCY: smoke" in one["text"] for one in api.said)


def test_the_weekly_test_goes_by_every_channel_once_and_says_that_it_is_one(tmp_path, http, api, smtp):
    sections = TELEGRAM.format(url=http.url) + "least = emergency\n" + EMAIL.format(port=smtp.port)
    mine = Mine(tmp_path, sections + "\n[channel_test]\nday = wednesday\nat = 12:10\n")
    for tick in range(10):
        mine.at(NOON + tick * 120 + 5).tick()
    tests = [one for one in api.said if "weekly test" in one["text"]]
    assert len(tests) == 1
    assert "nothing has happened" in tests[0]["text"]
    assert len([mail for mail in smtp.mails if "test" in mail["Subject"].rpartition(":")[2]]) == 1
    mine.at(NOON + 86_400 + 605).tick()
    assert len([one for one in api.said if "weekly test" in one["text"]]) == 1


def test_a_fault_in_making_a_heartbeat_costs_the_tick_nothing(tmp_path, http, api, monkeypatch):
    def broken(*_args):
        raise KeyError("canary")

    monkeypatch.setattr(regular_letters, "regular", broken)
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url), wall=NOON + 5)
    book = mine.tick()
    assert book.decision is not None
    assert "no heartbeat: KeyError" in mine.log()


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ("[quiet]\nbegin = 7", "is not a time"),
        ("[heartbeat]\nevery_min = 50", "does not divide a day"),
        ("[channel_test]\nday = someday", "someday"),
        ("[heartbeat]\nchanels = x", "channels"),
    ],
)
def test_wrong_times_are_told_by_the_config_check(tmp_path, section, word):
    mine = Mine(tmp_path, "")
    mine.path.write_text(mine.path.read_text().replace("[end]", f"{section}\n[end]"))
    with pytest.raises(ConfigError) as caught:
        load(mine.path)
    assert any(word in problem.text for problem in caught.value.problems)


# -- ten days without internet ----------------------------------------------------------------------------------------


class Desk:
    """What `tell` needs of a journal, on a database of its own."""

    def __init__(self, db):
        self.db, self.unsaved, self.letters = db, "", ()

    def mark(self, marks: list[Mark]) -> None:
        """As the store does."""
        mark_letters(self.db, marks)


def written(key, level, at, text="x" * 200):
    severity = ("info", "warning", "emergency")[level]
    body = {"site": "Coop", "kind": f"{severity}_thing", "severity": severity, "about": "site", "at": str(at)}
    return Message(key, level, json.dumps(body | {"text": text, "shadow": ""}), at)


def test_ten_days_without_internet_are_one_digest_with_the_information_dropped_first(tmp_path, http, api):
    """NTF1: nothing grave is lost, information older than three days is counted, and one message tells all."""
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url))
    mine.tick()
    api.said.clear()
    api.refuse["sendMessage"] = (502, "down", {})
    log = Log(mine.config.paths.log)
    with closing(sqlite3.connect(mine.config.paths.db)) as db, db:
        db.execute("DELETE FROM outbox")
        desk = Desk(db)
        for hour in range(240):
            now = NOON + hour * 3600
            made = [written(f"i{hour}", INFO, now), written(f"w{hour}", WARNING, now)]
            made += [written("e", EMERGENCY, now)] if hour == 5 else []
            add_messages(db, made)
            if hour % 4 == 0:  # of the ticks of ten days
                desk.letters = due_letters(db, 10**10, 2000)
                tell(mine.config, desk, log, now, time.monotonic() + 5)
        tried = len(api.said)
        del api.refuse["sendMessage"]
        api.said.clear()
        desk.letters = due_letters(db, 10**10, 2000)
        tell(mine.config, desk, log, NOON + 241 * 3600, time.monotonic() + 5)
        left = due_letters(db, 10**10, 2000)
    db.close()
    assert tried <= 65, "one try a tick for all that waits"
    assert len(api.said) == 1
    text = api.said[0]["text"]
    assert text.index("EMERGENCY: emergency thing") < text.index("WARNING: warning thing, 240 times")
    assert "pieces of information" in text
    assert "was, from" in text
    assert left == ()


def test_the_digest_is_noted_as_told(tmp_path, http, api):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url), wall=NOON + 5)
    mine.tick()
    found = outbox(Places.under(tmp_path))
    assert found
    assert all(one.told_at for one in found)


def test_health_counts_what_nobody_has_seen_and_only_tells_what_was_acked(tmp_path, monkeypatch):
    mine = Mine(tmp_path, "", wall=NOON + 1200)
    book = mine.tick()
    base = {"kind": "fan_fault", "severity": "warning", "about": "fan 1", "since_s": 1}

    def judged(*states):
        alarms = {str(at): base | ({"state": state} if state else {}) for at, state in enumerate(states)}
        told = book._replace(state=book.state._replace(alarms=alarms))
        monkeypatch.setattr(health_of, "kept_book", lambda _paths: told)
        found = health_of.health(mine.config, mine.wall)
        return found.code, [text for text in found.says if "open" in text or "acked" in text]

    assert judged("acked", "shelved", "suppressed") == (0, ["1 acked"])
    assert judged("active", "acked")[0] == 1
    assert judged("")[1] == ["1 open warning: fan_fault fan 1"], "an alarm of an older program stands"


def test_times_are_no_channels_for_a_test_message(tmp_path, http, api):
    mine = Mine(tmp_path, TELEGRAM.format(url=http.url) + "\n[quiet]\n\n[heartbeat]\n\n[channel_test]\n")
    assert list(senders(mine.config.channels)) == ["telegram"]
