"""install.sh: the hour on the twin that a new version has to get through before it is switched to."""

import re
import shlex
import sys

import pytest
from staging import ROOT, staged, summary


@pytest.fixture
def machine(tmp_path):
    return staged(tmp_path)


def upgraded(machine, *words, code=0):
    """A first install, then a newer version; what that says."""
    machine.install("--no-trial")
    machine.version("1.1.0")
    return machine.install(*words, code=code)


def test_sec7_a_new_version_plays_an_hour_of_its_twin_before_the_switch(machine):
    now = 'readlink "$FAKES/../root/opt/minectl/current"'
    machine.plays(f"{now} > \"$FAKES/before\"; echo '{summary()}'")
    told = upgraded(machine)
    assert told.index("checks the config") < told.index("plays an hour of its twin") < told.index("switch /opt/minectl")
    assert (machine.fakes / "before").read_text() == "1.0.0\n"
    assert machine.current() == "1.1.0"
    [words] = machine.trials
    assert "--story one-hour --hours 1 --seed 1 --no-serve --json --dir " in words
    assert words.rpartition(" ")[2].startswith(str(machine.tmp)), "never in a folder that is in use"
    assert list(machine.tmp.iterdir()) == [], "and nothing of it is left"


@pytest.mark.parametrize(
    ("plays", "why"),
    [
        ("echo 'Traceback of the program' >&2; exit 1", "Traceback of the program\nit ended with 1"),
        ("exit 124", "it did not end within 5 minutes"),
        ("exit 137", "it was killed: no memory left"),
        ("echo {", "its summary can't be read"),
        ("true", "its summary can't be read"),
        (summary(violations=[{"guard": "G3", "sentence": "started too many"}]), "G3: started too many"),
        (summary(ticks=0), "nothing was played"),
        (summary(events=[]), "nothing was played"),
        (summary(events=[{"shed_100_s": None}]), "the stop was never proven"),
        (summary(starts={"min": 0, "max": 0}), "nothing was started again"),
    ],
)
def test_sec7_a_version_that_fails_on_its_twin_is_not_switched_to(machine, plays, why):
    machine.plays(f"echo {shlex.quote(plays)}" if plays.startswith('{"') else plays)
    told = upgraded(machine, code=1)
    assert why in told
    assert "nothing was switched and what ran before runs on" in told
    assert "--no-trial switches all the same" in told
    assert (machine.current(), list(machine.tmp.iterdir())) == ("1.0.0", [])


def test_sec7_a_version_that_hangs_on_its_twin_is_ended(machine):
    script = machine.clone / "install.sh"
    script.write_text(re.sub(r"^TRIAL_S=\d+", "TRIAL_S=1", script.read_text(), flags=re.MULTILINE))
    machine.plays("exec sleep 50")
    assert "it did not end within" in upgraded(machine, code=1)
    assert machine.current() == "1.0.0"


def test_sec7_a_version_that_failed_is_tried_again_without_being_built_again(machine):
    machine.plays("exit 137")
    upgraded(machine, code=1)
    asked = machine.asked_of_pip
    machine.plays(f"echo '{summary()}'")
    assert "/opt/minectl/1.1.0 is complete already" in machine.install()
    assert (machine.current(), machine.asked_of_pip) == ("1.1.0", asked)


def test_sec7_whoever_knows_why_switches_without_the_trial(machine):
    machine.plays("exit 1")
    assert "not tried on the twin" in upgraded(machine, "--no-trial")
    assert machine.current() == "1.1.0"
    assert machine.trials == []
    assert "--no-trial" in machine.run("--help")


def test_what_runs_already_and_the_way_back_need_no_trial(machine):
    upgraded(machine, "--no-trial")
    machine.plays("exit 1")
    machine.install()
    machine.install("--rollback")
    assert (machine.current(), machine.trials) == ("1.0.0", [])


@pytest.mark.parametrize(("fault", "why"), [("", ""), ("relays_prove", "G1: "), ("young_run_on", "never proven")])
def test_sec7_the_program_of_this_tree_gets_through_its_hour_and_one_with_a_planted_fault_does_not(machine, fault, why):
    """The program itself, not one of paper."""
    wrong = f"plant(named({fault!r}))" if fault else "nullcontext()"
    code = (
        "from contextlib import nullcontext; from mine_controller.cli.main import main; "
        "from mine_controller.play.planted import plant; from mine_controller.play.shown import named\n"
        f"with {wrong}: main()"
    )
    machine.plays(f'PYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -c {shlex.quote(code)} "$@"')
    told = upgraded(machine, code=int(bool(fault)))
    assert why in told
    assert machine.current() == ("1.0.0" if fault else "1.1.0")
