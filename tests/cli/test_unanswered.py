"""A question that nobody answers (no terminal, Ctrl-C): what did not happen is said, and what asks none."""

import pytest

from mine_controller.store import query
from mine_controller.store.stop import stop_requested


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("emergency-stop", "minectl: nothing was stopped; --yes asks no question"),
        ("reset", "minectl: nothing was changed; --yes asks no question"),
        ("restore", "minectl: nothing was changed; --yes asks no question"),
        ("prune --vacuum", "minectl: nothing was taken out; --yes asks no question"),
        ("drill curtail", "minectl: nothing was done; --site NAME asks no question"),
    ],
)
def test_a_question_without_an_answer_says_what_did_not_happen_and_what_asks_none(place, words, said):
    place.ticks(2)
    assert place.run("backup").exit_code == 0
    newest = query.ticks(place.config.paths, limit=1)
    done = place.run(*words.split())
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].endswith(said)
    assert "Aborted" not in done.stderr
    assert not stop_requested(place.config.paths)
    assert query.ticks(place.config.paths, limit=1) == newest


def test_a_secret_that_nobody_types_leaves_the_config_as_it_is(place):
    before = place.path.read_bytes()
    done = place.run("config", "set", "redfish pdu1.password", "-")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].endswith(
        "minectl: config.txt stays as it is: nothing was typed; file:PATH in place of - asks no question"
    )
    assert place.path.read_bytes() == before
