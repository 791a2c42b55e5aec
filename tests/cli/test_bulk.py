"""Many miners told at once: filed as one, or not at all."""

import resource
from contextlib import contextmanager

import pytest

from mine_controller.store import inbox

WHY = "stuck " * 40


@contextmanager
def no_file_grows_beyond(size):
    """What a full disk does to a database: SQLite is told that there is no more room."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def restart_three(site, **more):
    return site.run("miners", "restart", "b01", "b02", "b03", "--yes", "--reason", WHY, "--no-tick", **more)


@pytest.fixture
def nearly_full(seen):
    """An inbox of many pages in which one more request of that length has room, and no second one."""
    path, texts = seen.config.paths.inbox, []
    for _ in range(80):
        inbox.file_request(seen.config.paths, "cli", "eve", 0, "", "errand", ("b01", "restart"), WHY)
        texts.append(path.read_bytes())
    at = max(at for at in range(78) if len(texts[at]) == len(texts[at + 1]) < len(texts[at + 2]))
    path.write_bytes(texts[at])
    return seen, len(texts[at])


def test_a_disk_that_fills_up_in_the_middle_of_a_bulk_files_nothing_of_it(nearly_full):
    site, size = nearly_full
    was = site.requests()
    with no_file_grows_beyond(size):
        done = restart_three(site)
    assert site.requests() == was
    assert (done.exit_code, "nothing was filed: " in done.stderr) == (1, True), done.stderr


def test_ctrl_c_in_the_middle_of_a_bulk_files_nothing_of_it(seen, monkeypatch):
    asked = []

    def row(*words):
        asked.append(words)
        if len(asked) > 10:  # in the second request
            raise KeyboardInterrupt
        return usual(*words)

    usual = inbox.plain
    seen.run("miners", "restart", "b01", "--no-tick")
    was = seen.requests()
    monkeypatch.setattr(inbox, "plain", row)
    assert restart_three(seen).exit_code == 130
    assert seen.requests() == was


def test_a_bulk_has_numbers_in_a_row_and_is_one_commit(seen, monkeypatch):
    commits, usual = [], inbox.transaction

    def counted(db):
        commits.append(db)
        return usual(db)

    monkeypatch.setattr(inbox, "transaction", counted)
    assert restart_three(seen).exit_code == 0
    first = seen.requests()[0].id
    assert [(one.id - first, one.args[0]) for one in seen.requests()] == [(0, "b01"), (1, "b02"), (2, "b03")]
    assert len(commits) == 1
