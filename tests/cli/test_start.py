"""`minectl tick` at once, without the library of the command line; everything else as it always was."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mine_controller.cli import start
from mine_controller.cli.session import config_path
from mine_controller.cli.start import Asked
from mine_controller.store.lock import TickLock

RUN = [sys.executable, "-c", "from mine_controller.cli.start import main; main()"]
LOADED = """
import os, sys
from mine_controller.cli import start
def leave(code):
    print(code, "click" in sys.modules, "jinja2" in sys.modules)
    sys.stdout.flush()
    os._exit(code)
start.leave = leave
start.main()
"""


def run(*words, **more):
    return subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=60, check=False, **more)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["tick"], Asked()),
        (["tick", "--config", "a/config.txt"], Asked(Path("a/config.txt"))),
        (["tick", "-c", "a", "--dry-run"], Asked(Path("a"), dry_run=True)),
        (["tick", "--json", "--all", "--dry-run"], Asked(dry_run=True, everything=True, as_json=True)),
        (["tick", "--config", "/"], Asked(Path("/"))),  # as broken as any other: the last good one runs
        (["tick", "--config"], None),
        (["tick", "--help"], None),
        (["tick", "--now", "2026-07-15"], None),
        (["tick", "--dry"], None),
        (["tick", "more"], None),
        (["status"], None),
        (["--version"], None),
        ([], None),
    ],
)
def test_plain_words_of_a_tick_are_known_and_everything_else_is_for_the_whole_command_line(words, asked):
    assert start._tick_of(words) == asked


@pytest.mark.parametrize("words", [("export", "events"), ("bundle", "-o", "made.tar.gz"), ("discover", "127.77.9.1")])
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_whoever_starts_it_may_have_closed_its_lines(place, tmp_path, words, closed):
    """No bundle was made, without a word; and the label of the progress stood on top of an exported table."""
    place.ticks(2)
    line = ["sh", "-c", f'exec "$@" {closed}', "sh", *RUN, *words, "--config", str(place.config.paths.config)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "made.tar.gz").exists() is (words[0] == "bundle")
    if words[0] == "export" and closed == "2>&-":
        assert done.stdout.startswith("id,timestamp,")


def test_a_real_tick_never_loads_the_command_line_and_a_dry_one_not_the_page_either(place):
    place.ticks(1)
    config = str(place.config.paths.config)
    for words, page in ((["tick"], "True"), (["tick", "--dry-run"], "False")):
        done = subprocess.run(
            [sys.executable, "-c", LOADED, *words, "--config", config], capture_output=True, text=True, check=False
        )
        assert done.stdout.splitlines()[-1:] == [f"0 False {page}"], done.stderr


def test_both_ways_tell_the_same_plan(place):
    place.ticks(1)
    config = str(place.config.paths.config)
    quick = run("tick", "--dry-run", "--json", "--config", config)
    whole = run("tick", "--dry-run", "--json", f"--config={config}")
    assert (quick.returncode, whole.returncode) == (0, 0)
    assert json.loads(quick.stdout).keys() == json.loads(whole.stdout).keys()


@pytest.mark.parametrize("named", ["--config={}", "--config {}"])
def test_both_ways_end_alike_on_a_wrong_config_and_beside_another_tick(place, tmp_path, named):
    place.ticks(1)
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("[site]\nname =\nnonsense = 1\n\n[end]\n", encoding="utf-8")
    done = run("tick", *named.format(wrong).split(" "))
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert "nonsense" in done.stderr
    with TickLock(place.config.paths.lock):
        done = run("tick", *named.format(place.config.paths.config).split(" "))
    assert done.returncode == 75
    assert "another tick runs" in done.stderr


@pytest.mark.parametrize(
    "now", ["0001-01-01", "0001-01-01T00:00+14:00", "1969-12-31", "9999-12-31T23:59-14:00", "2026-02-30", ""]
)
def test_a_time_of_a_tick_that_no_clock_shows_is_a_sentence(place, now):
    done = place.run("tick", "--dry-run", "--now", now)
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    assert done.stderr == f"minectl: --now takes an ISO time such as 2026-07-15T14:00:00Z, not {now!r}\n"


def test_a_config_that_is_a_folder_or_missing_is_a_sentence(tmp_path):
    for path in (tmp_path, tmp_path / "none.txt"):
        done = run("tick", "--config", str(path))
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
        assert str(path) in done.stderr


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_a_plan_that_nobody_reads_on_ends_with_141_and_one_on_a_full_disk_with_a_sentence(place):
    place.ticks(1)
    words = ["tick", "--dry-run", "--config", str(place.config.paths.config)]
    process = subprocess.Popen([*RUN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (141, b"")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*RUN, *words], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert os.strerror(errno.ENOSPC).encode() in done.stderr


def test_a_tick_that_was_started_without_a_screen_ends_as_any_other(place, tmp_path):
    place.ticks(1)
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("[site]\n\n[end]\n", encoding="utf-8")
    shut = " ".join([sys.executable, "-c", f"'{RUN[-1]}'", "tick", '--config "$0" >&- 2>&-'])
    for config, code in ((place.config.paths.config, 0), (wrong, 2)):
        assert subprocess.run(["/bin/sh", "-c", shut, str(config)], check=False).returncode == code


HEAVY = {"asyncio", "bs4", "email", "http.client", "logging", "paho", "pymodbus", "requests", "ssl", "urllib.request"}
KIND = """
import importlib, sys
import mine_controller.config.load, mine_controller.devices.ask
for name in sys.argv[2:]:
    importlib.import_module(f"mine_controller.devices.{name}")
    for heavy in sys.argv[1].split():
        if sys.modules.pop(heavy, None):
            print(name, heavy)
"""


def test_no_kind_of_device_loads_a_library_before_it_needs_it():
    """A tick loads the kinds of all its sections; on a small board 17 ms here are a tenth of a second."""
    kinds = [path.stem for path in Path(start.__file__).parents[1].glob("devices/[a-z]*.py")]
    assert len(kinds) > 35
    told = subprocess.run(
        [sys.executable, "-c", KIND, " ".join(sorted(HEAVY)), *kinds], capture_output=True, text=True, check=True
    )
    assert told.stdout == ""


def test_a_config_in_a_folder_that_is_closed_is_a_sentence_that_names_sudo(tmp_path, monkeypatch, capsys):
    shut, seen = tmp_path / "etc" / "config.txt", Path.stat

    def stat(path, **more):
        if path == shut:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return seen(path, **more)

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(sys, "argv", ["minectl", "tick", "--config", str(shut)])
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert (
        ended.value.code,
        "Permission denied; it is another user's: put sudo in front" in capsys.readouterr().err,
    ) == (
        2,
        True,
    )


def test_from_a_folder_that_is_closed_the_installed_config_is_meant(tmp_path, monkeypatch):
    """`sudo -u minectl ...` in a home that only its owner may enter."""

    def exists(path, **_more):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    monkeypatch.setattr(Path, "exists", exists)
    assert config_path(None) == Path("/etc/minectl/config.txt")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("words", [("health",), ("status",), ("config", "get", "site.name"), ("tick", "--dry-run")])
def test_a_letter_that_the_screen_does_not_know_ends_no_command(place, words, encoding):
    """An old terminal, or monitoring in a locale of another time, whose plugin ended with 1 and a traceback."""
    text = place.path.read_text().replace("name = Coop test", "name = Mine \N{HOT BEVERAGE}")
    place.path.write_text(text, encoding="utf-8")
    place.ticks(2)
    told = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = run(*words, "--config", str(place.path), env=told, encoding="latin-1")
    assert (done.returncode, "Traceback" in done.stderr, bool(done.stdout)) == (0, False, True)


def test_a_program_that_reads_a_value_as_json_gets_every_letter_whatever_the_screen_knows(place):
    place.path.write_text(place.path.read_text().replace("name = Coop test", "name = Mine \N{HOT BEVERAGE}"), "utf-8")
    told = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = run("config", "get", "site.name", "--json", "--config", str(place.path), env=told)
    assert json.loads(done.stdout) == "Mine \N{HOT BEVERAGE}"


def test_a_dry_run_tells_its_degrees_on_a_screen_that_knows_none(place):
    place.ticks(2)
    program = """
from mine_controller.cli import start
from mine_controller.ops.recall import last_seen
def seen(config, *_about):
    return last_seen(config.paths, config.policy).book, 0
start._ticked = seen
start.main()
"""
    line = [sys.executable, "-c", program, "tick", "--dry-run", "--config", str(place.path)]
    told = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, env=told)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "inlet_c          25.0 ?C" in done.stdout
