"""`minectl watch` as typed, on a pipe and on a real pseudo-terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import click
import pytest

from mine_controller.cli import watch

LINES = [click.style("RUNNING: 8 of 8 miners run", fg="green", bold=True), *(f"line {at}" for at in range(30))]


def shown(columns=80, rows=24, colour=True, lines=None):
    return watch.fitted(LINES if lines is None else lines, columns, rows, colour=colour)


def plain(text):
    return [click.unstyle(line) for line in text.replace("\x1b[K", "").replace("\x1b[J", "").split("\r\n")]


@pytest.mark.parametrize("rows", [4, 10, 24, 60])
def test_the_screen_is_filled_and_never_scrolled(rows):
    lines = plain(shown(rows=rows))
    assert len(lines) == rows
    assert lines[-1] == watch.FOOT


def test_what_does_not_fit_is_said_and_not_lost_silently():
    assert plain(shown(rows=10))[-2] == "... 23 more: minectl status"
    assert "more" not in "".join(plain(shown(rows=60)))


def test_no_line_is_wider_than_the_terminal():
    assert max(map(len, plain(shown(columns=20)[3:]))) <= 20


def test_without_colours_there_are_none():
    assert "\x1b[32m" in shown()
    assert "\x1b[32m" not in shown(colour=False)


def test_into_a_pipe_it_is_the_status_once(place):
    place.ticks(2)
    done = place.run("watch")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "RUNNING: 8 of 8 miners run"
    assert "\x1b" not in done.stdout


def test_before_the_first_tick_there_is_one_sentence_and_exit_one(place):
    done = place.run("watch")
    assert done.exit_code == 1
    assert "no tick has run yet" in done.stderr


def test_a_time_that_is_none_is_a_usage_error(place):
    assert place.run("watch", "--every", "soon").exit_code == 2


def test_on_a_terminal_it_draws_ends_with_q_and_leaves_the_terminal_as_it_was(place):
    place.ticks(2)
    own, theirs = pty.openpty()
    code = "from mine_controller.cli.main import main; main()"
    command = [sys.executable, "-c", code, "watch", "-c", str(place.config.paths.config), "--every", "60s"]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    said = _until(own, watch.FOOT.encode())
    os.write(own, b"q")
    said += _until(own, b"\x1b[?1049l")
    assert child.wait(20) == 0
    os.close(own)
    text = said.decode()
    assert text.startswith(watch.ENTER)
    assert "RUNNING: 8 of 8 miners run" in click.unstyle(text)
    assert text.rstrip().endswith(watch.LEAVE)


@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_it_leaves_the_terminal_as_it_was(place, ends):
    """`timeout 1h minectl watch` left a shell without cursor and echo, on the terminal's other screen."""
    place.ticks(2)
    own, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    code = "from mine_controller.cli.main import main; main()"
    command = [sys.executable, "-c", code, "watch", "-c", str(place.config.paths.config), "--every", "60s"]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    _until(own, watch.FOOT.encode())
    for _ in range(100):  # one that comes just before it waits for a key is heard with the next
        if child.poll() is not None:
            break
        child.send_signal(ends)
        time.sleep(0.2)
    assert child.wait(1) == -ends
    assert termios.tcgetattr(theirs) == before
    os.close(theirs)
    assert watch.LEAVE.encode() in _until(own, watch.LEAVE.encode())
    os.close(own)


def test_what_ends_it_is_said_where_it_stays_to_be_read(place):
    """It was said on the terminal's other screen, and gone with that: the watch ended without a word."""
    place.ticks(2)
    place.config.paths.db.write_bytes(b"no database " * 400)
    own, theirs = pty.openpty()
    code = "from mine_controller.cli.main import main; main()"
    command = [sys.executable, "-c", code, "watch", "-c", str(place.config.paths.config)]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    said = _until(own, b"minectl doctor")
    if watch.LEAVE.encode() not in said:
        said += _until(own, watch.LEAVE.encode())
    assert child.wait(20) == 1
    os.close(own)
    there, stays = said.decode().split(watch.LEAVE)
    assert "minectl doctor" not in there
    assert "the database is damaged" in stays


def _until(own, mark):
    """What the terminal was told, up to a mark; at most 30 s."""
    said, end = b"", time.monotonic() + 30
    while mark not in said and time.monotonic() < end:
        if select.select([own], [], [], 1)[0]:
            said += os.read(own, 65_536)
    assert mark in said, said
    return said
