"""[keep]: a section of its own, with defaults where a site has none."""

import pytest
from cli.place import write_site

from mine_controller.config import keep
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.config.sample import sample
from mine_controller.config.show import value


def site(folder, *lines):
    path = write_site(folder)
    path.write_text(path.read_text().replace("[end]", "\n".join(lines) + "\n\n[end]"))
    return path


def test_a_site_without_the_section_has_the_defaults(tmp_path):
    config = load(write_site(tmp_path))
    assert config.keep == keep.defaults()
    assert (config.keep.hourly, config.keep.daily, config.keep.weekly, config.keep.monthly) == (24, 14, 8, 12)


def test_its_numbers_are_read_and_shown(tmp_path):
    config = load(site(tmp_path, "[keep]", "daily = 30", "after_backup = bin/offsite"))
    assert config.keep.daily == 30
    assert config.keep.after_backup == str(tmp_path / "bin/offsite")
    assert value(config, "keep.daily") == 30


@pytest.mark.parametrize("line", ["daily = 0", "hourly = 25", "dayly = 3", "daily = many"])
def test_what_can_not_be_is_told_with_its_line(tmp_path, line):
    with pytest.raises(ConfigError) as refused:
        load(site(tmp_path, "[keep]", line))
    (problem,) = refused.value.problems
    assert problem.section == "keep"
    assert problem.line > 0


def test_it_takes_no_name(tmp_path):
    with pytest.raises(ConfigError, match="1 problems"):
        load(site(tmp_path, "[keep well]", "daily = 3"))


def test_it_is_in_the_sample():
    assert "#[keep]\n" in sample()
    assert "#after_backup =" in sample(keep.TITLE)


def test_what_a_person_wrote_beside_the_config_is_named_and_never_the_config(tmp_path):
    assert [path.name for path in load(write_site(tmp_path)).paths.beside] == ["fleet.csv", "profiles.txt"]
