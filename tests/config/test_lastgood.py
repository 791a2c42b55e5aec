"""A broken config never stops a mine that has run before (CFG1)."""

import os
from pathlib import Path

import pytest

from mine_controller.config import catalogue
from mine_controller.config.lastgood import NAME, load_or_last_good, remember
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError

HERE = Path(__file__).parent
TEXT = (HERE / "site.txt").read_text(encoding="utf-8")


def test_a_good_config_is_itself(write):
    config = load_or_last_good(write())
    assert (config.last_good, config.broken) == (False, ())


def test_a_broken_config_gives_way_to_the_last_good_one_and_tells_its_problems(write):
    good = load(write())
    remember(good)
    config = load_or_last_good(write(TEXT[:200], fleet="id,mac\n"))
    assert config.last_good
    assert config.policy == good.policy
    assert config.sha == good.sha
    assert [problem.file for problem in config.broken].count("fleet.csv") == 1
    assert any("cut off" in problem.text for problem in config.broken)


def _pipe(path):
    os.mkfifo(path)


def _ring(path):
    path.symlink_to(path.name)


@pytest.mark.parametrize("put", [_pipe, _ring, Path.mkdir])
def test_cfg1_what_is_no_file_in_the_configs_place_gives_way_too_and_is_not_waited_for(write, put):
    path = write()
    remember(load(path))
    path.unlink()
    put(path)
    config = load_or_last_good(path)
    assert config.last_good
    assert "can't be read" in config.broken[0].text


def test_cfg1_a_check_that_falls_over_is_a_broken_section_and_stops_no_tick(write, monkeypatch):
    good = load(write())
    remember(good)
    line = next(at for at, text in enumerate(TEXT.splitlines(), 1) if text == "[relay fans]")

    def check(options):
        return [] if options.host.endswith(".103") else [1 / 0]

    monkeypatch.setattr(catalogue.find("device", "relay"), "faults", check, raising=False)
    config = load_or_last_good(write(TEXT.replace("192.168.1.103", "192.168.1.104")))
    assert (config.last_good, config.sha) == (True, good.sha)
    told = [str(problem) for problem in config.broken if problem.line == line]
    assert len(told) == 1
    assert "ZeroDivisionError" in told[0]
    assert "change back" in told[0]


def test_a_deleted_config_is_a_broken_one(write):
    path = write()
    remember(load(path))
    path.unlink()
    assert load_or_last_good(path).last_good


def test_without_a_last_good_one_the_problems_are_raised(write):
    with pytest.raises(ConfigError):
        load_or_last_good(write("[site]\n"))


def test_the_copy_is_private_and_lies_beside_the_database(write, tmp_path):
    path = write(TEXT.replace("power_cap_kw", "data_dir = data\npower_cap_kw"))
    (tmp_path / "data").mkdir()
    remember(load(path))
    assert (tmp_path / "data" / NAME).stat().st_mode & 0o777 == 0o600
    write(TEXT.replace("power_cap_kw = 1000", "data_dir = data\npower_cap_kw = nan"))
    assert load_or_last_good(path).policy.site.power_cap_w == 1_000_000


def test_a_private_literal_still_loads_when_the_broken_file_is_open_to_all(write):
    path = write()
    remember(load(path))
    path.chmod(0o644)
    assert load_or_last_good(path).endpoints["relay fans"].options.password.reveal() == "s%cret-7"


def test_byte_order_marks_and_windows_line_ends_keep_their_sha(write):
    good = load(write(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()))
    remember(good)
    assert load_or_last_good(write("broken")).sha == good.sha


def test_the_same_config_is_not_written_again_and_a_new_one_is(write, tmp_path):
    remember(load(write()))
    os.utime(tmp_path / NAME, (1, 1))
    remember(load(write()))
    assert (tmp_path / NAME).stat().st_mtime == 1
    remember(load(write(TEXT + "\n")))
    assert (tmp_path / NAME).stat().st_mtime != 1


def test_what_runs_on_the_last_good_config_does_not_remember_it(write, tmp_path):
    remember(load(write()))
    config = load_or_last_good(write("broken"))
    (tmp_path / NAME).unlink()
    remember(config)
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize("how", ["open", "cut", "changed", "other site", "no json"])
def test_a_copy_that_is_not_as_it_was_written_counts_for_nothing(write, tmp_path, how):
    path = write()
    remember(load(path))
    kept = tmp_path / NAME
    raw = kept.read_bytes()
    changes = {
        "cut": raw[:-20],
        "changed": raw.replace(b"power_cap_kw = 1000", b"power_cap_kw = 9000"),
        "other site": raw.replace(str(path).encode(), b"/elsewhere/config.txt"),
        "no json": b"[]",
    }
    assert how == "open" or changes[how] != raw
    kept.write_bytes(changes.get(how, raw))
    kept.chmod(0o644 if how == "open" else 0o600)
    with pytest.raises(ConfigError):
        load_or_last_good(write("broken"))


def test_cfg1_a_fleet_that_is_gone_is_a_broken_config_where_miners_were_listed(write, tmp_path):
    path = write()
    good = load(path)
    remember(good)
    fleet = tmp_path / "fleet.csv"
    fleet.unlink()
    config = load_or_last_good(path)
    assert config.last_good
    assert config.policy.wiring.miners == good.policy.wiring.miners
    (problem,) = config.broken
    assert problem.told.startswith(f"fleet.csv: is gone, and miners were listed ({len(good.policy.wiring.miners)})")
    fleet.write_text("id,mac,group\n")  # somebody says that there are none any more
    assert not load_or_last_good(path).last_good
    assert load_or_last_good(path).policy.wiring.miners == ()


def test_a_site_that_never_had_a_list_has_lost_none(write, tmp_path):
    path = write()
    fleet = tmp_path / "fleet.csv"
    fleet.write_text("id,mac,group\n")
    remember(load(path))
    fleet.unlink()
    assert not load_or_last_good(path).last_good
    (tmp_path / NAME).unlink()
    assert not load_or_last_good(path).last_good


def with_files(text, folder):
    """The relay's password and a telegram token in files of their own."""
    for name in ("relay.secret", "bot.secret"):
        (folder / name).write_text("canary\n")
        (folder / name).chmod(0o600)
    text = text.replace("[end]", "[telegram]\ntoken = file:bot.secret\nchat_id = -100\n\n[end]")
    return text.replace("password = s%cret-7", "password = file:relay.secret")


@pytest.mark.parametrize("gone", ["relay.secret", "bot.secret"])
def test_a_secrets_file_that_is_gone_costs_its_own_section_and_no_tick(write, tmp_path, gone):
    path = write(with_files(TEXT, tmp_path))
    good = load(path)
    remember(good)
    (tmp_path / gone).unlink()
    config = load_or_last_good(path)
    assert config.last_good
    told = good.policy.alarms._replace(channels=tuple(config.channels))
    assert config.policy == good.policy._replace(alarms=told)
    assert (config.sha, set(config.endpoints)) == (good.sha, set(good.endpoints))
    assert [problem.text for problem in config.broken] == [f"file {gone}: No such file or directory"]
    password = config.endpoints["relay fans"].options.password.reveal()
    assert (password, list(config.channels)) == (
        ("no-secret-to-be-had", ["telegram"]) if gone == "relay.secret" else ("canary", [])
    )


def test_a_pool_whose_password_is_gone_rests_and_no_miner_gets_what_stands_in_for_it(write, tmp_path):
    pool = "[pool main]\nurl = stratum+tcp://pool.example:3333\nuser = me\npassword = file:pool.secret\n"
    miners = "[antminer row]\nhosts = 192.168.1.20-29\npools = main\n"
    (tmp_path / "pool.secret").write_text("canary\n")
    (tmp_path / "pool.secret").chmod(0o600)
    path = write(TEXT.replace("[end]", f"{pool}\n{miners}\n[end]"))
    good = load(path)
    assert [one.name for one in good.endpoints["antminer row"].options.pools] == ["main"]
    remember(good)
    (tmp_path / "pool.secret").unlink()
    config = load_or_last_good(path)
    assert config.last_good
    assert (config.pools, config.endpoints["antminer row"].options.pools) == ((), ())


def test_a_secret_of_the_environment_is_not_done_without(write, monkeypatch):
    """A tick by hand has none of what cron's has: it would lock the account at the device."""
    monkeypatch.setenv("PDU", "canary")
    path = write(TEXT.replace("password = s%cret-7", "password = env:PDU"))
    remember(load(path))
    monkeypatch.delenv("PDU")
    with pytest.raises(ConfigError):
        load_or_last_good(path)
