"""Every command tells how it is used: examples and exit codes."""

import pytest
from click.testing import CliRunner

from mine_controller.cli.main import COMMANDS, group

MINE = [
    "status", "explain", "history", "events", "alarms", "set-state", "clear-state", "emergency-stop", "resume", "fans",
    "health", "doctor", "probe", "record", "audit-ticks", "backup", "restore", "prune", "export", "bundle", "reset",
]  # fmt: skip


@pytest.mark.parametrize("name", MINE)
def test_help_has_examples_and_exit_codes(name):
    assert name in COMMANDS
    done = CliRunner().invoke(group, [name, "--help"])
    assert done.exit_code == 0
    assert f"minectl {name}" in done.stdout
    assert "Exit: 0" in done.stdout


@pytest.mark.parametrize("name", MINE)
def test_help_keeps_to_the_width_of_a_terminal(name):
    done = CliRunner().invoke(group, [name, "--help"], terminal_width=100)
    assert max(map(len, done.stdout.splitlines())) <= 110
    assert "\b" not in done.stdout


GROUPS = {
    "config": ("check", "show", "get", "set", "unset", "edit", "undo", "import", "sample"),
    "fans": ("list", "on", "off", "all-on", "auto"),
    "alarms": ("list", "ack", "shelve", "unshelve", "kinds", "stats"),
}


@pytest.mark.parametrize(
    "words", [("init",), ("tick",), ("demo",), *((a, b) for a, some in GROUPS.items() for b in some)]
)
def test_help_of_every_verb_has_an_example(words):
    done = CliRunner().invoke(group, [*words, "--help"])
    assert done.exit_code == 0
    assert f"  minectl {' '.join(words)}" in done.stdout.replace("Example: minectl", "Example:\n  minectl")
