"""install.sh beside another install.sh, and beside a tick at work."""

import fcntl
import os
import subprocess

import pytest
from collect.peers import eventually
from staging import staged, summary

# The first that plays waits until it may go on; any other plays at once.
WAITS = f"""
if mkdir "$FAKES/playing" 2>/dev/null; then while ! [ -e "$FAKES/go" ]; do sleep 0.05; done; fi
echo '{summary()}'
"""
AT_WORK = "another install.sh is at work"


@pytest.fixture
def machine(tmp_path):
    made = staged(tmp_path)
    made.install()
    return made


def begun(machine):
    """An install.sh that runs meanwhile."""
    env = os.environ | {"PYTHON": f"{machine.fakes}/python3", "FAKES": str(machine.fakes), "TMPDIR": str(machine.tmp)}
    command = ["bash", machine.clone / "install.sh", "--root", machine.root]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_two_at_once_never_build_into_one_folder(machine):
    """Each removed what the other had built so far, and the mark of the first stood beside the half of the second."""
    machine.version("1.1.0")
    machine.plays(WAITS)
    with begun(machine) as first:
        try:
            eventually((machine.fakes / "playing").exists)
            for words in ((), ("--rollback",), ("--uninstall",)):
                assert AT_WORK in machine.install(*words, code=1)
            machine.install("--dry-run")
            assert machine.current() == "1.0.0"
        finally:
            (machine.fakes / "go").touch()
        told = first.communicate(timeout=60)[0]
    assert first.returncode == 0, told
    assert machine.current() == "1.1.0"
    machine.install("--rollback")
    assert machine.current() == "1.0.0"


def test_what_a_package_starts_does_not_keep_the_lock(machine):
    """On a machine without systemd the web server and cron are children of the installation of their package."""
    fakes = 'apt-get() { [[ ! -e /proc/self/fd/9 ]] || echo "$1 holds it"; }'
    assert machine.calls(f"{fakes}; exec 9<{machine.root}; apt_get cron") == ""


def test_the_program_of_a_tick_at_work_is_not_removed_under_it(machine):
    """Two upgrades while one tick was at work: it would have ended between a command and its proof."""
    machine.version("1.1.0")
    machine.install()
    machine.version("1.2.0")
    old = machine.root / "opt/minectl/1.0.0"
    with (machine.root / "var/lib/minectl/minectl.lock").open("w") as tick:
        fcntl.flock(tick, fcntl.LOCK_EX)
        with begun(machine) as third:
            line = next((line for line in third.stdout if "tick at work" in line), "")
            there = old.exists()
            fcntl.flock(tick, fcntl.LOCK_UN)
            third.communicate(timeout=60)
    assert line
    assert there
    assert not old.exists()
