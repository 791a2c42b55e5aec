"""`minectl config edit` at a real terminal: an editor on a copy, what differs, and a person who says yes or no."""

import os
import pty
import select
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
        line = [sys.executable, "-P", "-c", "from mine_controller.cli.main import main; main()"]
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
