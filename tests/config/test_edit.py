"""Changing config.txt by key."""

from pathlib import Path

import pytest

from mine_controller.config.edit import EditError, previous, problem_lines, set_value, split_key, undo, unset_value
from mine_controller.config.lastgood import remember
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError, Problem
from mine_controller.config.show import page, tree, value
from mine_controller.config.source import read_source

HERE = Path(__file__).parent
TEXT = (HERE / "site.txt").read_text(encoding="utf-8")


def test_one_line_changes_and_everything_else_stays(write):
    path = write()
    change = set_value(path, "temperature.warn_c", "34")
    assert change == ("temperature", "warn_c", "34.5", "34")
    assert path.read_text() == TEXT.replace("warn_c = 34.5", "warn_c = 34")
    assert load(path).policy.rules["temperature"].warn_c == 34


def test_a_value_not_yet_written_goes_to_the_end_of_its_section(write):
    path = write()
    assert set_value(path, "temperature.shed_c", "37").old == ""
    assert path.read_text() == TEXT.replace("warn_c = 34.5\n", "warn_c = 34.5\nshed_c = 37\n")


def test_a_section_not_yet_written_goes_before_the_end(write):
    path = write()
    set_value(path, "ramp.step_kw", "50")
    assert path.read_text() == TEXT.replace("[end]", "[ramp]\nstep_kw = 50\n\n[end]")


def test_windows_line_ends_stay(write):
    path = write(TEXT.replace("\n", "\r\n"))
    set_value(path, "temperature.warn_c", "34")
    set_value(path, "temperature.shed_c", "37")
    set_value(path, "ramp.step_kw", "50")
    assert b"\n" not in path.read_bytes().replace(b"\r\n", b"")


def test_mode_and_links_stay(write, tmp_path):
    path = write()
    path.chmod(0o400)
    link = tmp_path / "link.txt"
    link.symlink_to(path)
    set_value(link, "temperature.warn_c", "34")
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "config.txt.previous").stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize(
    ("key", "new"),
    [
        ("temperature.warn_c", "95"),
        ("temperature.warm_c", "35"),
        ("temprature.warn_c", "35"),
        ("site.name", "a ; b"),
        ("wiring.outlet_c", "prob intake/1"),
        ("signal.notice_s", "300"),
    ],
)
def test_a_result_that_does_not_check_changes_nothing(write, tmp_path, key, new):
    path = write()
    with pytest.raises(ConfigError) as caught:
        set_value(path, key, new)
    assert caught.value.problems
    assert path.read_text() == TEXT
    assert sorted(one.name for one in tmp_path.iterdir()) == ["config.txt", "fleet.csv"]


@pytest.mark.parametrize(
    ("key", "new"),
    [("warn_c", "1"), ("site.", "1"), (".name", "1"), ("end.name", "1"), ("A b.c", "1"), ("site.name = x", "1")],
)
def test_a_key_that_is_none_is_told(write, key, new):
    with pytest.raises(EditError):
        set_value(write(), key, new)


@pytest.mark.parametrize("new", ["", "  ", "a\nlive = yes", "a\rb", "a\x00"])
def test_a_value_is_one_line(write, new):
    path = write()
    with pytest.raises(EditError):
        set_value(path, "site.name", new)
    assert path.read_text() == TEXT


def test_secrets_are_stars_in_what_is_told(write):
    path = write()
    change = set_value(path, "relay fans.password", "canary")
    assert (change.old, change.new) == ("***", "***")
    assert load(path).endpoints["relay fans"].options.password.reveal() == "canary"
    assert set_value(path, "probe intake.host", "10.0.0.1")[2:] == ("192.168.1.100", "10.0.0.1")


def test_unset_brings_the_default_back(write):
    path = write()
    assert unset_value(path, "temperature.warn_c") == ("temperature", "warn_c", "34.5", "")
    assert load(path).policy.rules["temperature"].warn_c == 35
    with pytest.raises(EditError, match="not written"):
        unset_value(path, "temperature.warn_c")
    with pytest.raises(ConfigError):
        unset_value(path, "cloud mine.key")


def test_undo_goes_back_one_step_and_undo_again_goes_forth(write):
    path = write()
    set_value(path, "temperature.warn_c", "34")
    changed = path.read_text()
    undo(path)
    assert path.read_text() == TEXT
    undo(path)
    assert path.read_text() == changed


def test_undo_without_a_change_and_undo_to_something_broken_are_refused(write, tmp_path):
    path = write()
    with pytest.raises(EditError, match="nothing to undo"):
        undo(path)
    (tmp_path / "config.txt.previous").write_text("[site]\n")
    with pytest.raises(ConfigError):
        undo(path)
    assert path.read_text() == TEXT


def test_a_file_that_somebody_else_changed_meanwhile_is_left_alone(write):
    from mine_controller.config.edit import swap  # noqa: PLC0415 - the race is made by hand

    path = write()
    source = read_source(path)
    path.write_text(TEXT + "# theirs\n")
    with pytest.raises(EditError, match="somebody else"):
        swap(source, b"mine")
    assert path.read_text() == TEXT + "# theirs\n"


def test_keys_are_split_at_the_last_dot():
    assert split_key("roomalert in.take.host") == ("roomalert in.take", "host")
    assert split_key("wiring.fan 1") == ("wiring", "fan 1")


def test_show_is_typed_with_defaults_and_stars(write):
    shown = tree(load(write()))
    assert shown["site"]["power_cap_kw"] == 1000
    assert shown["temperature"]["warn_c"] == 34.5
    assert shown["temperature"]["shed_c"] == 38
    common = {"every_s": 0, "live": True, "budget_s": 0}
    assert shown["relay fans"] == {"host": "192.168.1.103", "password": "***"} | common
    assert shown["wiring"]["fan 2"] == ["switch relay fans/2", "watts meter fans/Fan_2", "normal 1500", "active_low"]
    assert shown["wiring"]["inlet_c"] == ["probe intake/1", "probe intake/2"]


def test_the_shown_page_has_no_secret(write):
    text = page(load(write()))
    assert "live = no" in text
    assert "canary" not in text
    assert "cret-7" not in text


def test_one_value_can_be_asked_for(write):
    config = load(write())
    assert value(config, "temperature.reset_s") == 1800
    assert value(config, "probe intake.host") == "192.168.1.100"
    assert value(config, "relay fans.password") == "***"
    with pytest.raises(EditError, match="did you mean warn_c"):
        value(config, "temperature.warm_c")
    with pytest.raises(EditError, match="did you mean temperature"):
        value(config, "temprature.warn_c")


def test_problems_are_lines_an_editor_can_jump_to():
    problems = (
        Problem(12, "site", "tick_s", "is wrong"),
        Problem(0, "", "", "is missing"),
        Problem(3, "", "mac", "is wrong", "fleet.csv"),
        Problem(4, "probe x", "", "unknown"),
    )
    assert problem_lines(problems) == [
        "config.txt:12: [site] tick_s: is wrong",
        "config.txt: is missing",
        "fleet.csv:3: mac: is wrong",
        "config.txt:4: [probe x]: unknown",
    ]


def test_what_each_of_many_lines_misses_is_one_line_and_counted():
    missed = [Problem(line, "", "group", "there is no section [foreman mine]", "fleet.csv") for line in range(2, 282)]
    cause = Problem(68, "foreman mien", "", "nothing is called foremen")
    assert problem_lines((cause, *missed, *missed[:1])) == [
        "config.txt:68: [foreman mien]: nothing is called foremen",
        "fleet.csv:2: group: there is no section [foreman mine] (the same in 280 more lines)",
    ]


def test_a_config_that_is_gone_comes_back_as_it_last_ran(write):
    path = write()
    remember(load(path))
    set_value(path, "site.power_cap_kw", "900")
    path.unlink()
    assert undo(path) == ()
    assert path.read_text() == TEXT
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_a_last_good_one_it_is_the_text_before_the_last_change(write):
    path = write()
    set_value(path, "site.power_cap_kw", "900")
    path.unlink()
    undo(path)
    assert path.read_text() == TEXT
    previous(path).write_text(TEXT.replace("1000", "much"))
    path.unlink()
    with pytest.raises(ConfigError):
        undo(path)
    assert not path.exists()


def test_with_neither_it_is_said_where_it_still_lies(write):
    path = write()
    path.unlink()
    neither = r"neither config.last-good nor config.txt.previous is there; every copy"
    with pytest.raises(EditError, match=neither) as told:
        undo(path)
    assert str(told.value).startswith(f"{path} is gone"), "by another path than was thought of it is another mine's"
