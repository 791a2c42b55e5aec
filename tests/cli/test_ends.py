"""How a command ends when nobody reads on, when the screen is a full disk, and at Ctrl-C."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

RUN = [sys.executable, "-c", "from mine_controller.cli.main import main; main()"]


def test_a_reader_that_has_enough_ends_a_list_quietly_with_141(place):
    place.ticks(2)
    process = subprocess.Popen(
        [*RUN, "history", "--config", str(place.config.paths.config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (141, b"")


@pytest.mark.parametrize("words", [("history",), ("export", "states")])
@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_a_screen_that_is_a_full_disk_is_a_sentence_and_1(place, words):
    place.ticks(2)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*RUN, *words, "--config", str(place.config.paths.config)], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
    assert os.strerror(errno.ENOSPC).encode() in done.stderr


def test_ctrl_c_while_a_tick_takes_the_request_says_that_it_stays_filed(place, monkeypatch):
    def interrupted(*_given, **_more):
        raise KeyboardInterrupt

    place.ticks(2)
    monkeypatch.setattr("mine_controller.cli.asking.take", interrupted)
    done = place.run("fans", "on", "3", "4")
    asked = [request.id for request in place.requests()]
    assert (done.exit_code, len(asked)) == (130, 2)
    assert f"not taken back: the tick takes what is filed ({asked[0]}, {asked[1]})" in done.stderr


def test_ctrl_c_before_anything_is_filed_ends_with_130_and_files_nothing(place, monkeypatch):
    def interrupted(*_given):
        raise KeyboardInterrupt

    place.ticks(2)
    monkeypatch.setattr("mine_controller.cli.asking.file_all", interrupted)
    done = place.run("fans", "on", "3")
    assert (done.exit_code, place.requests()) == (130, ())
    assert "ended by Ctrl-C" in done.stderr


def test_an_export_goes_into_a_device_or_a_pipe_and_does_not_take_its_place(place, tmp_path):
    place.ticks(2)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE)
    done = place.run("export", "states", "-o", str(fifo))
    said = reader.communicate()[0]
    assert done.exit_code == 0, done.output
    assert said.startswith(b"timestamp,mode,")
    assert fifo.is_fifo()


KILLED = """
import os, signal, sys, time
from mine_controller.cli.main import main
from mine_controller.ops import export

ends = int(sys.argv.pop())

def pieces(*_about):
    os.kill(os.getpid(), ends)
    time.sleep(30)
    yield []

export.pieces = pieces
main()
"""


@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGHUP])
def test_a_lost_line_leaves_no_half_of_an_export_behind(place, tmp_path, ends):
    """It lay there hidden for ever, as large as a history of years, and the terminal had lost its cursor."""
    place.ticks(2)
    line = [sys.executable, "-c", KILLED, "export", "states", "-o", "out.csv", "-c", str(place.path), str(int(ends))]
    folder = tmp_path / "here"
    folder.mkdir()
    assert subprocess.run(line, cwd=folder, check=False, timeout=60).returncode == -ends
    assert list(folder.iterdir()) == []


def test_who_does_not_hear_of_a_lost_line_goes_on_behind_it(place, tmp_path):
    """nohup"""
    place.ticks(2)
    line = [sys.executable, "-c", KILLED.replace("sleep(30)", "sleep(0)"), "export", "states", "-o", "out.csv"]
    line += ["-c", str(place.path), str(int(signal.SIGHUP))]
    quiet = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *line]
    assert subprocess.run(quiet, cwd=tmp_path, check=False, timeout=60).returncode == 0
    assert (tmp_path / "out.csv").exists()


def test_a_file_that_is_closed_to_the_user_is_a_sentence_with_its_name_and_1(place, monkeypatch):
    def closed(*_given):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/home/anna/usb")

    place.ticks(1)
    monkeypatch.setattr("mine_controller.ops.keep.by_hand", closed)
    done = place.run("backup", "--to", "/home/anna/usb")
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "minectl: /home/anna/usb: Permission denied; it is closed to the user " in done.stderr


@pytest.mark.parametrize("why", [errno.EROFS, errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("words", [("prune", "--yes", "--vacuum"), ("drill", "page")])
def test_a_disk_that_takes_no_lock_is_a_sentence_with_its_file_and_1(place, monkeypatch, words, why):
    """A card that has gone read-only, or has no file left to make: these two ended with a traceback."""

    def refused(path, *given, **named):
        if str(path).endswith("minectl.lock"):
            raise OSError(why, os.strerror(why), path)
        return real(path, *given, **named)

    place.ticks(1)
    real = os.open
    monkeypatch.setattr(os, "open", refused)
    done = place.run(*words)
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert done.stderr.endswith(f"minectl.lock: {os.strerror(why)}; `minectl doctor` tells what helps\n")


@pytest.mark.parametrize("option", ["--kind", "--about", "--actor"])
def test_letters_that_are_not_utf_8_are_a_sentence(place, option):
    """An ö out of a terminal of another encoding; Python has it as a letter that no file and no database takes."""
    place.ticks(1)
    done = place.run("events", option, "h\udcf6hle")
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    assert done.stderr == "minectl: 'h\\udcf6hle' has a letter that is not UTF-8; set the terminal to UTF-8\n"


def test_a_name_too_long_for_any_file_is_a_sentence(place):
    place.ticks(1)
    done = place.run("drill", "restore", "x" * 10_000)
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert done.stderr.endswith(f"{'x' * 40}...: {os.strerror(errno.ENAMETOOLONG)}\n")
