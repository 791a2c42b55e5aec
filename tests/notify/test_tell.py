"""The outbox of a real tick on its way out: shadow, dry run, dead-man, a full disk, the exit code, imports."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cli.place import write_site

from mine_controller import __version__
from mine_controller.config.load import load
from mine_controller.core.decide import decide
from mine_controller.core.model.alarm import Telling
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Fan
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import State
from mine_controller.ports import live as live_ports
from mine_controller.ports import tell as tell_ports
from mine_controller.ports import unsaved
from mine_controller.ports.journal import Journal
from mine_controller.ports.letters import sum_of
from mine_controller.ports.live import Live, ports_of
from mine_controller.ports.pulse import trouble
from mine_controller.store.db import StoreTrouble
from mine_controller.store.outbox import EMERGENCY, Message
from mine_controller.store.query import letters as outbox
from mine_controller.store.store import Store, open_store
from mine_controller.tick import tick

MINECTL = str(Path(sys.executable).parent / "minectl")
SECTIONS = """\
[telegram]
token = 4711:canary-token
chat_id = -100
api_url = {url}/tg

[discord]
webhook = {url}/api/webhooks/77/canary-hook

[email]
server = 127.0.0.1
port = {port}
security = none
username = mine@example.com
password = canary-mail
to = owner@example.com

[deadman]
url = {url}/canary-check

[end]
"""
TAKEN = (200, {"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}}, {})


@pytest.fixture
def site(tmp_path, http, smtp):
    """A site whose devices are all dead: its first ticks have something to tell."""
    http.answers = [TAKEN]
    return make(tmp_path, http, smtp)


def make(folder, http, smtp, *, live=True):
    path = write_site(folder, live=live)
    path.write_text(path.read_text().replace("[end]", SECTIONS.format(url=http.url, port=smtp.port)))
    return path


def run(path, **given):
    """One tick in this process, `given` to its ports; those."""
    config = load(path)
    live = Live(config, **given)
    journal = Journal(config, live.clocks, live.log)
    tick(ports_of(live, journal), config.policy)
    return live, journal


def add(path, *letters):
    """Put messages into the outbox; (level, text)."""
    now = int(time.time())
    with closing(sqlite3.connect(path.parent / "mine_data.db")) as db, db:
        for at, (level, text) in enumerate(letters):
            body = {"kind": "fan_lost", "about": "fan 3", "text": text, "at": str(now), "shadow": ""}
            db.execute(
                "INSERT INTO outbox (key, level, body, due_at) VALUES (?,?,?,?)",
                (f"t{time.time_ns()}{at}", level, json.dumps(body), now - 1),
            )
    db.close()


def paths(http):
    return [asked.path for asked in http.asked]


def log(path):
    return (path.parent / "mine.log").read_text()


def secrets_in(text):
    return [word for word in ("canary-token", "canary-hook", "canary-mail", "canary-check") if word in text]


def test_a_tick_tells_what_lies_in_the_outbox_once(site, http, smtp):
    run(site)
    add(site, (1, "gives no air"))
    http.asked.clear()
    smtp.mails.clear()
    run(site)
    told = [asked for asked in http.asked if "canary-check" not in asked.path]
    assert sorted(asked.path.partition("?")[0] for asked in told) == [
        "/api/webhooks/77/canary-hook",
        "/tg/bot4711:canary-token/sendMessage",
    ]
    assert all(b"gives" in asked.body for asked in told)
    assert len(smtp.mails) == 1
    letters = outbox(load(site).paths)
    assert all(one.told_at for one in letters)
    assert all(one.tries[-1]["discord"] == "told" for one in letters)
    assert "channel=discord" in log(site)
    assert secrets_in(log(site)) == []


def test_a_failing_channel_is_a_line_in_the_log_and_a_note_without_secrets(site, http, smtp):
    run(site)
    add(site, (1, "gives no air"))
    http.answers = [(500, "canary-hook canary-token", {})]
    smtp.codes = {"AUTH": "535 who is canary-mail"}
    run(site)
    assert "could not tell" in log(site)
    letter = next(one for one in outbox(load(site).paths) if one.told_at is None)
    assert letter.tries[-1]["discord fails"] >= 1
    assert secrets_in(log(site) + repr(outbox(load(site).paths))) == []


def test_a_tick_under_a_repaired_config_looks_at_what_waits_and_the_next_one_does_not(site):
    run(site)
    run(site)
    later = int(time.time()) + 3600
    add(site, (0, "refused"))
    note = {"telegram": "no: 401", "telegram gone": 1, "telegram next": later}
    for config, looked_at in ((sum_of(load(site)), False), ("an older one", True)):
        with closing(sqlite3.connect(site.parent / "mine_data.db")) as db, db:
            tries = json.dumps([note | {"config": config, "at": later - 3600}])
            db.execute("UPDATE outbox SET due_at = ?, tries = ? WHERE body LIKE '%refused%'", (later, tries))
        db.close()
        _, journal = run(site)
        assert any("refused" in one.body for one in journal.letters) is looked_at


def test_a_new_password_in_its_own_file_makes_it_another_config_for_what_waits(site):
    secret = site.with_name("telegram.secret")
    site.write_text(site.read_text().replace("token = 4711:canary-token", f"token = file:{secret}"))
    sums = []
    for word in ("4711:canary-token", "4711:canary-token-2", "4711:canary-token"):
        secret.write_text(word)
        secret.chmod(0o600)
        sums.append(sum_of(load(site)))
    assert sums[0] == sums[2] != sums[1]
    assert len(sums[0]) == 14, "too little of the password to try others against"


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24", "2026-07-15"])
def test_the_quiet_ends_by_the_clock_also_in_the_nights_it_is_changed(site, day):
    quiet = "[quiet]\nbegin = 22:00\nend = 07:00\n\n[end]"
    site.write_text(site.read_text().replace("[end]", quiet).replace("timezone = UTC", "timezone = Europe/Berlin"))
    zone = ZoneInfo("Europe/Berlin")
    evening = datetime.fromisoformat(f"{day} 22:00").replace(tzinfo=zone)
    told = tell_ports.desk(load(site), int(evening.timestamp())).quiet_until
    assert datetime.fromtimestamp(told, zone).strftime("%H:%M") == "07:00"
    assert tell_ports.desk(load(site), told).quiet_until == 0


def test_the_exit_code_of_a_tick_does_not_know_whether_somebody_was_told(site, http, smtp):
    http.answers = [(401, "no", {})]
    smtp.codes = {"greet": "554 go away"}
    subprocess.run([MINECTL, "tick", "--config", site], check=True, timeout=60)
    add(site, (2, "fire"))
    done = subprocess.run([MINECTL, "tick", "--config", site], check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "could not tell" in log(site)
    assert secrets_in(log(site) + done.stdout) == []


def test_a_fault_of_our_own_in_telling_does_not_reach_the_tick(site, monkeypatch):
    run(site)
    add(site, (1, "gives no air"))

    def broken(*_args):
        raise KeyError("canary-token")

    monkeypatch.setattr(tell_ports, "deliver", broken)
    run(site)
    assert "telling failed: KeyError" in log(site)
    assert secrets_in(log(site)) == []


def test_shadow_tells_with_its_mark_and_a_dry_run_tells_nobody(tmp_path, http, smtp):
    http.answers = [TAKEN]
    path = make(tmp_path, http, smtp, live=False)
    for _ in range(4):
        run(path)
    letters = outbox(load(path).paths)
    assert letters, "dead devices are worth a message"
    assert all(mail["Subject"].startswith("[shadow] ") for mail in smtp.mails)
    assert smtp.mails
    add(path, (2, "fire"))
    http.asked.clear()
    subprocess.run([MINECTL, "tick", "--dry-run", "--config", path], check=True, timeout=60, capture_output=True)
    assert http.asked == []


def test_killed_between_sending_and_marking_it_is_told_again_with_the_same_id(site, http, monkeypatch):
    run(site)
    add(site, (1, "gives no air"))
    number = outbox(load(site).paths)[0].id

    def killed(*_args):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "mark", killed)
        with pytest.raises(SystemExit):
            run(site)
    run(site)
    hooks = [asked for asked in http.asked if "webhooks" in asked.path and f"#{number}".encode() in asked.body]
    assert len(hooks) == 2


def test_a_tick_that_could_not_be_saved_tells_that_once_an_hour_and_nothing_else(site, http, monkeypatch):
    run(site)
    add(site, (1, "gives no air"))
    http.asked.clear()

    def full(*_args, **_more):
        raise StoreTrouble("full", "no space left on the disk")

    monkeypatch.setattr(Store, "_write", full)
    (site.parent / "run" / "pinged-deadman").unlink()
    run(site)
    run(site)
    hooks = [asked.body for asked in http.asked if "webhooks" in asked.path]
    assert len(hooks) == 1
    assert b"could not be saved" in hooks[0]
    assert b"gives no air" not in hooks[0]
    assert any(path == "/canary-check/fail" for path in paths(http))


def hooks(http):
    return [asked.body for asked in http.asked if "webhooks" in asked.path]


SMOKE = Telling("smoke 1", "raise", EMERGENCY, "smoke", "site", "emergency", Reason("hazard", "smoke"), 0, 0)


@pytest.fixture
def burning(site, http, monkeypatch):
    """Smoke in the next tick, and a disk that takes nothing from now on; call `mended` when it does again."""
    run(site)
    http.asked.clear()

    def smoking(image, state, policy):
        found = decide(image, state, policy)
        return found._replace(tellings=(*found.tellings, SMOKE))

    def full(*_args, **_more):
        raise StoreTrouble("full", "no space left on the disk")

    with monkeypatch.context() as disk:
        disk.setattr(Store, "_write", full)
        with monkeypatch.context() as once:
            once.setattr("mine_controller.tick.decide", smoking)
            yield lambda: run(site), once.undo, disk.undo


def test_db1_an_emergency_is_told_while_nothing_can_be_saved_and_once(site, http, burning):
    """Smoke under a full disk: its letter lies in no outbox, and a channel that failed is tried again."""
    tick_once, smoke_told, disk_mended = burning
    http.answers = [(500, {}, {})]
    tick_once()
    smoke_told()
    assert any(b"SMOKE" in body for body in hooks(http))
    known = json.loads((site.parent / "run" / unsaved.NAME).read_text())
    (note, due_at, told_at) = known["smoke 1"]
    assert (note["discord"].partition(":")[0], told_at) == ("no", None)
    assert due_at > time.time()
    (site.parent / "run" / unsaved.NAME).write_text(json.dumps({"smoke 1": [{"began": 1}, 1, None]}))
    http.asked.clear()
    http.answers = [TAKEN]
    tick_once()
    assert sum(b"SMOKE" in body for body in hooks(http)) == 1
    tick_once()
    assert sum(b"SMOKE" in body for body in hooks(http)) == 1
    disk_mended()
    tick_once()
    assert sum(b"SMOKE" in body for body in hooks(http)) == 1
    (letter,) = [one for one in outbox(load(site).paths) if one.key == "smoke 1"]
    assert letter.told_at is not None
    assert letter.tries[-1]["discord"] == "told"
    assert not (site.parent / "run" / unsaved.NAME).exists()


def test_where_memory_is_full_too_each_emergency_and_the_trouble_itself_are_told_once(site, http, burning, monkeypatch):
    """No mark can be kept: what is told is what this tick raised, and the hour stands in the mark's own time."""
    tick_once, smoke_told, _ = burning
    monkeypatch.setattr(Store, "spill", lambda _: (_ for _ in ()).throw(StoreTrouble("io", "memory is full")))
    monkeypatch.setattr(unsaved, "write_whole", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))
    monkeypatch.setattr(Path, "write_text", truncating)
    tick_once()
    smoke_told()
    tick_once()
    tick_once()
    assert sum(b"SMOKE" in body for body in hooks(http)) == 1
    assert sum(b"could not be saved" in body for body in hooks(http)) == 1


def truncating(path, *_args, **_more):
    """A full disk: a file that is written loses what it held."""
    path.open("w").close()
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 1}', '{"a": ["x", 1, null]}', '{"a": [{}, 1, "x"]}'])
def test_a_damaged_note_of_what_was_told_past_the_outbox_counts_for_nothing(tmp_path, text):
    (tmp_path / unsaved.NAME).write_text(text)
    message = Message("smoke 1", EMERGENCY, "{}", 5)
    assert [one.due_at for one in unsaved.of_grave(tmp_path, (message,))] == [5]


def test_a_marking_that_fails_is_told_in_the_log(site, monkeypatch):
    run(site)
    add(site, (1, "gives no air"))

    def full(*_args):
        raise StoreTrouble("full", "no space left on the disk")

    monkeypatch.setattr(Store, "mark", full)
    run(site)
    assert "no space left" in log(site)


def test_the_dead_man_hears_fail_with_the_reason_while_a_required_input_is_unknown(site, http):
    run(site)
    run(site)
    pings = [asked for asked in http.asked if "canary-check" in asked.path]
    assert [asked.path for asked in pings] == ["/canary-check/fail"], "at most once a minute"
    assert b"signal" in pings[0].body
    assert b"inlet" in pings[0].body


def test_a_fresh_saved_tick_is_a_success(site):
    config = load(site)
    journal = run(site)[1]
    book = journal.load()
    journal.store.close()
    image = book.image
    known = {role: value._replace(value="ok") for role, value in image.site.items()}
    fans = tuple(fan._replace(watts=1500) for fan in image.fans)
    good = book._replace(image=image._replace(site=known, fans=fans), state=book.state._replace(mode="RUNNING"))
    assert trouble(config, good, "") == ""
    assert "could not be saved" in trouble(config, good, "full")
    assert "FAULT" in trouble(config, good._replace(state=book.state._replace(mode="FAULT")), "")
    assert "fan_proof" in trouble(
        config, good._replace(image=good.image._replace(fans=(Fan("1", None, 0, None, 0),))), ""
    )


def test_the_beginning_of_a_tick_is_pinged_only_where_it_is_wanted(site, http):
    run(site)
    assert "/canary-check/start" not in paths(http)
    site.write_text(site.read_text().replace("canary-check", "canary-check\nstart = yes"))
    run(site)
    until = time.monotonic() + 5
    while "/canary-check/start" not in paths(http) and time.monotonic() < until:
        os.sched_yield()
    assert "/canary-check/start" in paths(http)


def test_after_a_termination_nothing_is_told(site, http):
    live, journal = run(site)
    http.asked.clear()
    live.clocks.ended = True
    journal.unsaved = "x"
    live.tell(Book(State()), journal)
    live.ping(Book(State()), journal)
    assert http.asked == []


def test_telling_never_runs_into_the_kill_of_the_tick_nor_a_fast_tick_into_the_next(site):
    live = Live(load(site))
    clock = live.clocks(State(), None)

    def left(**change):
        return live._until(clock._replace(**change), live_ports.TELL_S) - time.monotonic()

    assert 14 < left() <= 15
    assert 0 < left(began_s=clock.began_s - 100) <= 2
    assert 2 < left(tick_s=10) <= 3


def test_a_tick_with_nothing_due_imports_no_channel_library(site):
    run(site)
    with open_store(load(site).paths, __version__) as store:
        store.mark([])
    code = f"""
import sys
from mine_controller.config.load import load
from mine_controller.ports.live import Live
from mine_controller.ports.journal import Journal
config = load({str(site)!r})
live = Live(config)
journal = Journal(config, live.clocks, live.log)
from mine_controller.core.decide import decide
from mine_controller.core.model.alarm import Telling
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Fan
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import State
live.tell(Book(State()), journal)
heavy = {{"telegram", "twilio", "requests", "smtplib", "jinja2", "asyncio", "httpx", "email.message", "ssl",
         "mine_controller.notify.deliver", "mine_controller.notify.words"}}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_only_letters_that_are_due_make_the_tick_look_into_the_outbox(site):
    _, journal = run(site)
    _, journal = run(site)
    assert journal.letters == ()
    add(site, (0, "later"), (0, "now"))
    with closing(sqlite3.connect(site.parent / "mine_data.db")) as db, db:
        db.execute("UPDATE outbox SET due_at = due_at + 3600 WHERE body LIKE '%later%'")
    db.close()
    _, journal = run(site)
    assert [("later" in one.body, "now" in one.body) for one in journal.letters] == [(True, False), (False, True)]
    told = {("later" in one.body): one.told_at for one in outbox(load(site).paths)[:2]}
    assert told[False]
