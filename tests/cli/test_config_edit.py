"""`minectl config edit` at a real terminal: an editor on a copy, what differs, and a person who says yes or no."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.place import Place

from mine_controller.store.inbox import pending

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 60


class Terminal:
    """The command with a terminal of its own."""

    def __init__(self, place, editor):
        ours, theirs = pty.openpty()
        heard = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)"  # children of nohup are deaf to it
        line = [sys.executable, "-P", "-c", f"{heard}; from mine_controller.cli.main import main; main()"]
        line += ["config", "edit", "--config", str(place.path)]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "VISUAL": str(editor), "TERM": "xterm"}
        self.process = subprocess.Popen(line, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
        os.close(theirs)
        self.ours, self.text = ours, ""

    def until(self, word):
        """Read until it stands there."""
        end = time.monotonic() + LONG_S
        while word not in self.text:
            ready, _, _ = select.select([self.ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, self.text
            try:
                self.text += os.read(self.ours, 4096).decode()
            except OSError:  # Linux says so when the other side is closed
                break
        assert word in self.text, self.text

    def type(self, text):
        """A line of the person's."""
        self.text = ""
        os.write(self.ours, f"{text}\n".encode())

    def end(self):
        """The exit code."""
        self.until("")
        while True:
            try:
                part = os.read(self.ours, 4096)
            except OSError:
                break
            if not part:
                break
            self.text += part.decode()
        os.close(self.ours)
        return self.process.wait(LONG_S)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    return Place(tmp_path).ticks(1)


def editor(tmp_path, *scripts):
    """Each time it is opened it does the next of these to the copy."""
    made = tmp_path / "editor"
    steps = "".join(f'{at}) sed -i "{script}" "$1" ;; ' for at, script in enumerate(scripts))
    count = f'at=$(cat "{tmp_path}/at" 2>/dev/null || echo 0); echo $((at + 1)) > "{tmp_path}/at"'
    made.write_text(f"#!/bin/sh\n{count}\ncase $at in {steps} esac\n")
    made.chmod(0o700)
    return made


def test_a_person_sees_what_differs_and_saves_it(place, tmp_path):
    before = place.path.read_text()
    shown = Terminal(place, editor(tmp_path, "s/power_cap_kw = 1000/power_cap_kw = 900/"))
    shown.until("What now?")
    assert "-power_cap_kw = 1000" in shown.text
    assert "+power_cap_kw = 900" in shown.text
    assert "\x1b[32m" in shown.text
    assert place.path.read_text() == before
    shown.type("save")
    assert shown.end() == 0
    assert "`minectl config undo` takes it back" in shown.text
    assert place.path.read_text() == before.replace("1000", "900")
    assert [(one.args, one.reason) for one in pending(place.config.paths)] == [
        (("site.power_cap_kw", "1000", "900"), "edited")
    ]


def test_what_does_not_check_is_mended_in_the_same_copy_and_can_be_dropped(place, tmp_path):
    """The text a person typed is still there when the editor opens again."""
    before = place.path.read_text()
    scripts = ("s/power_cap_kw = 1000/power_cap_kw = lots/", "s/power_cap_kw = lots/power_cap_kw = 800/", "s/800/700/")
    shown = Terminal(place, editor(tmp_path, *scripts))
    shown.until("Edit again?")
    assert "power_cap_kw" in shown.text
    shown.type("y")
    shown.until("What now?")
    assert "+power_cap_kw = 800" in shown.text
    shown.type("edit")
    shown.until("What now?")
    assert "+power_cap_kw = 700" in shown.text
    shown.type("drop")
    assert shown.end() == 2
    assert place.path.read_text() == before
    assert list(tmp_path.glob("*.edit")) == []


def test_what_a_person_wrote_is_kept_where_somebody_else_was_quicker(place, tmp_path):
    """The file is as the other one made it, and what was written for an hour is not gone with the editor."""
    shown = Terminal(place, editor(tmp_path, "s/power_cap_kw = 1000/power_cap_kw = 900/"))
    shown.until("What now?")
    others = place.path.read_text().replace("power_cap_kw = 1000", "power_cap_kw = 800")
    place.path.write_text(others)
    shown.type("save")
    assert shown.end() == 2
    kept = tmp_path / "config.txt.edited"
    assert f"What you wrote is kept as {kept}." in shown.text.replace("\r\n", "")
    assert "power_cap_kw = 900" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert place.path.read_text() == others
    again = Terminal(place, editor(tmp_path, "", "s/power_cap_kw = 800/power_cap_kw = 850/"))
    again.until("What now?")
    place.path.write_text(others.replace("power_cap_kw = 800", "power_cap_kw = 810"))
    again.type("save")
    assert again.end() == 2
    assert "power_cap_kw = 900" in kept.read_text()
    assert "power_cap_kw = 850" in (tmp_path / "config.txt.edited-1").read_text()


def test_an_edit_that_a_lost_line_cut_off_is_named_by_the_next_one(place, tmp_path):
    """It may hold what somebody wrote, and it holds the secrets."""
    shown = Terminal(place, editor(tmp_path, "s/power_cap_kw = 1000/power_cap_kw = 900/"))
    shown.until("What now?")
    while shown.process.poll() is None:  # one that comes just before it waits for the person is heard with the next
        shown.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
    assert shown.end() == -signal.SIGHUP
    (left,) = tmp_path.glob(".config.*.edit")
    assert "power_cap_kw = 900" in left.read_text()
    again = Terminal(place, editor(tmp_path, "", ""))
    assert again.end() == 0
    assert f"{left} is of an edit that was cut off or is open" in again.text.replace("\r\n", "")
    assert left.exists()


def test_sec5_no_secret_stands_on_the_screen(place, tmp_path):
    """SEC5: neither the old one, nor the new one, nor those of the lines around."""
    shown = Terminal(place, editor(tmp_path, "s/canary-pdu/canary-new/"))
    shown.until("What now?")
    assert "canary" not in shown.text
    assert "password = ***" in shown.text
    shown.type("save")
    assert shown.end() == 0
    assert "canary" not in shown.text
    assert "canary-new" in place.path.read_text()
