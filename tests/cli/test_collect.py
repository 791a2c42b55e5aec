"""`minectl collect` as it begins, goes on after a change, and ends."""

import pytest
from click.testing import CliRunner

from mine_controller.cli import collect
from mine_controller.cli.main import group
from mine_controller.collect import process
from mine_controller.config.lastgood import remember
from mine_controller.config.load import load
from mine_controller.wire.collected import Hear

TEXT = """\
[site]
name = Shed

[nmminer shelf]
hosts = 127.0.0.9
source = {source}
udp_port = {port}

[wiring]

[end]
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "config.txt"
    write(path)
    return path


def write(path, source="udp", port=12_345):
    path.write_text(TEXT.format(source=source, port=port))
    path.chmod(0o600)


def run(path):
    return CliRunner().invoke(group, ["collect", "--config", str(path)], catch_exceptions=False)


@pytest.fixture
def runs(monkeypatch):
    """What each run was to hear; `plan` says how each ends."""
    heard = []
    heard_plan = [process.ENDED]

    def pretend(hears, file, ended, stirred, say, orders):
        heard.append((hears, file, stirred))
        over = heard_plan.pop(0)
        return over() if callable(over) else over

    monkeypatch.setattr(process, "run", pretend)
    heard.append(heard_plan)
    return heard


def test_it_hears_what_the_sections_need(path, runs):
    done = run(path)
    assert (done.exit_code, done.output) == (0, "collecting for [nmminer shelf]\n")
    hears, file, _ = runs[1]
    assert hears == {"nmminer shelf": Hear(udp_port=12_345, hosts=("127.0.0.9",))}
    assert file == path.parent / "run" / "collect.db"


def test_without_a_section_that_needs_it_it_ends_well(path, runs):
    write(path, source="http")
    done = run(path)
    assert (done.exit_code, done.output) == (0, "no section of config.txt is pushed: nothing to collect\n")


def test_a_broken_config_is_one_sentence_and_exit_2(path, runs):
    path.write_text("[site]\nnam = Shed\n")
    done = run(path)
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert "is broken (line" in done.output


def test_a_dead_thread_is_exit_70(path, runs):
    runs[0][:] = [process.BROKEN]
    assert run(path).exit_code == 70


def test_a_changed_config_is_taken_over(path, runs):
    def change():
        write(path, port=4711)
        assert runs[-1][2]()
        return process.CHANGED

    runs[0][:] = [change, process.ENDED]
    assert run(path).exit_code == 0
    assert [hears["nmminer shelf"].udp_port for hears, _, _ in runs[1:]] == [12_345, 4711]


def test_a_change_that_breaks_it_is_told_once_and_changes_nothing(path, runs):
    def change():
        stirred = runs[-1][2]
        assert not stirred()
        path.write_text("[site]\n")
        assert [stirred(), stirred()] == [False, False]
        return process.ENDED

    runs[0][:] = [change]
    done = run(path)
    assert done.exit_code == 0
    assert done.output.count("going on as before") == 1


def test_a_secrets_file_that_is_there_again_is_taken_over(path, runs):
    secret = path.with_name("dead.secret")

    def put_back():
        secret.write_text("http://127.0.0.1:9/x\n")
        secret.chmod(0o600)

    def change():
        stirred = runs[-1][2]
        assert not stirred()
        put_back()
        assert stirred()
        return process.CHANGED

    path.write_text(path.read_text().replace("[wiring]", "[deadman]\nurl = file:dead.secret\n\n[wiring]"))
    put_back()
    remember(load(path))
    secret.unlink()
    runs[0][:] = [change, process.ENDED]
    done = run(path)
    assert (done.exit_code, done.output.count("collecting by the last good one")) == (0, 1)


def test_a_password_that_changed_in_its_file_is_taken_over(path, runs):
    """The broker has a new one: config.txt, which only names the file, stays as it is."""
    secret = path.with_name("broker.secret")
    secret.write_text("old\n")
    secret.chmod(0o600)
    broker = "[mqtt supply]\nhost = 127.0.0.9\nuser = mine\npassword = file: broker.secret\ntopics = a temp_c t/a\n"
    path.write_text(path.read_text().replace("[wiring]", f"{broker}\n[wiring]"))

    def change():
        stirred = runs[-1][2]
        assert not stirred()
        secret.write_text("newer\n")
        assert stirred()
        return process.CHANGED

    runs[0][:] = [change, process.ENDED]
    assert run(path).exit_code == 0
    assert [hears["mqtt supply"].broker.password for hears, _, _ in runs[1:]] == ["old", "newer"]


def test_only_kinds_that_are_pushed_are_heard(path):
    from mine_controller.config.load import load  # noqa: PLC0415

    assert list(collect.hears_of(load(path))) == ["nmminer shelf"]


def test_its_help_has_examples_and_exit_codes():
    done = CliRunner().invoke(group, ["collect", "--help"], terminal_width=100)
    assert done.exit_code == 0
    assert "  minectl collect" in done.stdout
    assert "Exit: 0" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110
