"""install.sh killed in its middle, as by a cut of power: what runs afterwards, and what the same command does then."""

import os
import subprocess

import pytest
from staging import staged

# Sourced by bash before install.sh; ends it before the first command like $CUT_AT, in which @ leads the file it is for.
CUT = """
set -o functrace
trap '[[ "$BASH_COMMAND@${path:-}" != $CUT_AT || $0 != */install.sh ]] || kill -9 $$' DEBUG
"""
BEFORE_CURRENT = 'point "$opt/current"'
BEFORE_RESTART = "restart_services"
MOMENTS = ('mv "$opt/switching.new"', 'point "$opt/previous"', BEFORE_CURRENT, BEFORE_RESTART)
RESTART = "systemd: restart what runs of minectl-collect"


@pytest.fixture
def machine(tmp_path):
    """1.1.0 runs here, and 1.0.0 is the version before."""
    made = staged(tmp_path)
    made.install()
    made.version("1.1.0")
    made.install()
    (tmp_path / "cut.sh").write_text(CUT)
    return made


def cut(machine, moment, *words):
    """The same as machine.install(*words), killed before the command of that moment."""
    fakes = machine.fakes
    env = os.environ | {"PYTHON": f"{fakes}/python3", "FAKES": str(fakes), "TMPDIR": str(machine.tmp)}
    env |= {"BASH_ENV": str(fakes.parent / "cut.sh"), "CUT_AT": moment if "@" in moment else f"{moment}*"}
    command = ["bash", machine.clone / "install.sh", "--root", machine.root, *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -9, f"{moment} was never reached: {done.stdout}{done.stderr}"
    assert (machine.root / "opt/minectl/current/bin/minectl").exists(), "there is always a version that ticks"


def links(machine):
    return machine.current(), machine.link("previous")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rollback_that_was_cut_off_is_brought_to_its_end_by_the_next_one(machine, moment):
    """It said that it had gone back, and the version that the owner wanted to leave ran on."""
    cut(machine, moment, "--rollback")
    told = machine.install("--rollback")
    assert links(machine) == ("1.0.0", "1.1.0")
    assert RESTART in told
    machine.install("--rollback")
    assert links(machine) == ("1.1.0", "1.0.0")


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_upgrade_that_was_cut_off_is_brought_to_its_end_by_the_next_one(machine, moment):
    machine.version("1.2.0")
    cut(machine, moment)
    told = machine.install()
    assert links(machine) == ("1.2.0", "1.1.0")
    assert RESTART in told, "what runs of the services is of the version before"
    assert RESTART not in machine.install()


@pytest.mark.parametrize("moment", MOMENTS[1:])
def test_an_upgrade_that_was_cut_off_can_be_taken_back(machine, moment):
    machine.version("1.2.0")
    cut(machine, moment)
    assert RESTART in machine.install("--rollback")
    assert links(machine) == ("1.1.0", "1.2.0")


def test_a_release_is_marked_as_whole_when_it_is_on_the_disk(machine):
    """Without that a cut of power leaves a mark beside files of no length, and the next install calls them complete."""
    machine.version("1.2.0")
    cut(machine, "sync")
    assert not (machine.root / "opt/minectl/1.2.0/.minectl-release").exists()
    machine.install()
    assert machine.current() == "1.2.0"


@pytest.mark.parametrize("words", [(), ("--rollback",)])
def test_what_a_switch_is_at_is_on_the_disk_before_it_begins(machine, words):
    """A cut of power could leave `switching` without its words: a rollback that was cut off went on the other way."""
    if not words:
        machine.version("1.2.0")
    cut(machine, 'sync "$opt/switching.new"', *words)
    assert not (machine.root / "opt/minectl/switching").exists()


def test_the_mark_of_a_release_has_its_words_on_the_disk_before_it_has_its_name(machine):
    """One without them has the next install build that release anew, under the ticks that run it."""
    machine.version("1.2.0")
    cut(machine, 'sync "$dir/.minectl-release.new"')
    assert not (machine.root / "opt/minectl/1.2.0/.minectl-release").exists()
    machine.install()
    assert machine.current() == "1.2.0"


@pytest.mark.parametrize(
    "moment", ["step*@/etc/nginx/sites-available/minectl", "step*@/etc/nginx/sites-enabled/minectl"]
)
def test_an_uninstall_that_was_cut_off_is_brought_to_its_end_by_the_next_one(machine, moment):
    """nginx kept our site file, and its welcome page was gone."""
    nginx = machine.root / "etc/nginx"
    (nginx / "sites-available/default").touch()
    cut(machine, moment, "--uninstall")
    machine.install("--uninstall")
    assert not list(nginx.rglob("minectl"))
    assert (nginx / "sites-enabled/default").exists()


def test_an_install_that_was_cut_off_leaves_the_owners_lock_on_the_page(machine):
    """Between two commands his site file lay nowhere that is looked at, and the next install opened the page."""
    sites = machine.root / "etc/nginx"
    ours = sites / "sites-available/minectl"
    locked = ours.read_text().replace("# deny all;", "deny all;")
    ours.write_text(locked)
    cut(machine, 'ln -sfn "../sites-available/$2"')
    assert (sites / "sites-enabled/minectl").read_text() == locked, "nginx reads it when it starts"
    machine.install()
    assert (sites / "sites-enabled/minectl").read_text() == locked
