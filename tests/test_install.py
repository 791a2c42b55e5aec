"""install.sh in a staging root, with a Python of paper: what is placed where, what is kept, what is switched when."""

import os
import re
import shutil
import stat
import subprocess

import pytest
from staging import ROOT, staged


@pytest.fixture
def machine(tmp_path):
    return staged(tmp_path)


def test_the_demo_runs_in_the_clone_with_the_container_of_the_co_op(machine):
    told = machine.run("demo", "--port", "0")
    assert "minectl demo --site coop-container --dir demo --port 0" in told.splitlines()
    assert "--require-hashes -r requirements.lock" in machine.asked_of_pip[0]
    assert not machine.root.exists()


def test_a_second_demo_installs_nothing_again_until_the_lock_changes(machine):
    machine.run("demo")
    once = machine.asked_of_pip
    machine.run("demo")
    assert machine.asked_of_pip == once
    with (machine.clone / "requirements.lock").open("a") as lock:
        lock.write("# renewed\n")
    machine.run("demo")
    assert machine.asked_of_pip == once * 2


def test_a_python_without_ensurepip_is_told_the_one_line_that_helps(machine):
    (machine.fakes / "no-ensurepip").touch()
    told = machine.run("demo", code=2)
    assert "sudo apt install python3-venv" in told
    assert told.count("\n") == 1
    assert not (machine.clone / ".venv").exists()


def test_a_python_that_is_too_old_is_refused_by_its_number(machine):
    (machine.fakes / "old").touch()
    assert "needs Python 3.11 or newer, this is Python 3." in machine.run("demo", code=2)


def test_versions_that_are_not_to_be_had_give_way_to_those_of_pyproject(machine):
    (machine.fakes / "trouble").write_text("No matching distribution\n")
    assert "taking what pyproject.toml allows" in machine.run("demo")
    assert machine.asked_of_pip[-1].endswith("-e .")


def test_a_download_with_another_hash_is_never_worked_around(machine):
    (machine.fakes / "trouble").write_text("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n")
    assert "is not what requirements.lock says" in machine.run("demo", code=1)
    assert len(machine.asked_of_pip) == 1


def test_something_else_called_venv_is_not_removed(machine):
    (machine.clone / ".venv").mkdir()
    (machine.clone / ".venv/precious").touch()
    assert "move it away" in machine.run("demo", code=2)
    assert (machine.clone / ".venv/precious").exists()


def test_soak_wants_its_minutes_and_says_when_there_is_nothing_to_soak(machine):
    assert "soak needs --minutes N" in machine.run("soak", code=2)
    told = machine.run("soak", "--minutes", "2", code=5)
    assert "-m soak --timeout 720" in told
    assert "no tests marked soak" in told


def test_an_option_without_its_value_ends_at_once_and_nothing_is_done(machine):
    assert "soak needs --minutes N" in machine.run("soak", "--minutes", code=2)
    for words in (("--site", "--dry-run"), ("--site",), ("--root", "--dry-run"), ("--root", "")):
        assert f"{words[0]} needs a" in machine.install(*words, code=2)
    assert not machine.root.exists() or machine.files() == set()


def test_an_install_places_program_config_rhythm_page_and_rotation(machine):
    told = machine.install("--site", "home-fleet")
    assert machine.files() == {
        "etc/cron.d/minectl",
        "etc/logrotate.d/minectl",
        "etc/minectl/config.txt",
        "etc/nginx/sites-available/minectl",
        "etc/nginx/sites-enabled/minectl",
        "etc/systemd/system/minectl-collect.service",
        "etc/systemd/system/minectl-dummy-pool.service",
        "etc/systemd/system/minectl-serve.service",
        "etc/tmpfiles.d/minectl.conf",
        "usr/local/bin/minectl",
        "usr/local/share/man/man1/minectl.1",
    }
    assert machine.current() == "1.0.0"
    assert (machine.root / "opt/minectl/current/bin/minectl").exists()
    assert "left out in a staging root: Debian packages python3-venv" in told
    assert "left out in a staging root: nginx: check and reload" in told
    assert "[site] live = yes" in told


def test_a_first_config_is_for_the_user_of_the_ticks_alone_and_knows_where_things_lie(machine):
    machine.install()
    assert stat.S_IMODE(machine.config.stat().st_mode) == 0o600
    lines = machine.config.read_text().splitlines()
    assert {"data_dir = /var/lib/minectl", "www_dir = /run/minectl/www", "run_dir = /run/minectl"} <= set(lines)
    assert "log_file = /var/log/minectl/mine.log" in lines


def test_a_config_brought_from_another_folder_learns_where_things_lie(machine):
    machine.install()
    machine.config.write_text("[site]\nname = brought\nwww_dir = /srv/mine\n[end]\n")
    told = machine.install()
    assert "where data, log and page lie" in told
    text = machine.config.read_text()
    assert "data_dir = /var/lib/minectl\n" in text
    assert "log_file = /var/log/minectl/mine.log\n" in text
    assert text.count("www_dir") == 1
    assert "www_dir = /srv/mine\n" in text


def test_a_site_whose_data_lie_beside_its_config_goes_on_so(machine):
    machine.install()
    machine.config.write_text("[site]\nname = old\n[end]\n")
    (machine.config.parent / "mine_data.db").touch()
    machine.install()
    assert machine.config.read_text() == "[site]\nname = old\n[end]\n"


def test_a_second_install_changes_nothing(machine):
    machine.install()
    asked = machine.asked_of_pip
    told = machine.install()
    assert machine.asked_of_pip == asked
    assert "/opt/minectl/1.0.0 is complete already" in told
    assert "config.txt is kept" in told
    assert "\nfile " not in told


def test_a_release_that_this_machines_python_does_not_find_any_more_is_built_anew(machine):
    """A new Debian brings another Python: every tick ends with `No module named 'mine_controller'`."""
    machine.install()
    asked = machine.asked_of_pip
    another_python(machine)
    told = machine.install()
    assert "minectl 1.0.0 into /opt/minectl/1.0.0" in told
    assert len(machine.asked_of_pip) == 2 * len(asked)
    assert "is complete already" in machine.install()


def test_rollback_to_a_release_of_another_python_says_so(machine):
    machine.install()
    machine.version("1.1.0")
    machine.install()
    another_python(machine)
    told = machine.install("--rollback", code=2)
    assert "version 1.0.0 can't run any more: this machine's Python is another one" in told
    assert machine.current() == "1.1.0"


def test_the_clones_own_environment_of_another_python_is_installed_anew(machine):
    machine.run("demo")
    asked = machine.asked_of_pip
    another_python(machine)
    machine.run("demo")
    assert machine.asked_of_pip == asked * 2


def another_python(machine):
    """What was made before this moment is of a Python that is gone."""
    flag = machine.fakes / "other-python"
    flag.touch()
    now = flag.stat().st_mtime
    os.utime(flag, (now - 100, now - 100))
    for python in (*machine.root.glob("opt/minectl/*/bin/python"), *machine.clone.glob(".venv/bin/python")):
        os.utime(python, (now - 200, now - 200))


def test_an_upgrade_keeps_the_config_and_the_version_before(machine):
    machine.install()
    mine = machine.config.read_text().replace("[end]", "# by hand\n[end]")
    machine.config.write_text(mine)
    machine.version("1.1.0")
    machine.install()
    assert machine.config.read_text() == mine
    assert "# by hand" in mine
    assert (machine.current(), machine.link("previous")) == ("1.1.0", "1.0.0")


def test_a_config_that_the_new_version_refuses_stops_the_switch(machine):
    machine.install()
    machine.config.write_text("broken\n")
    machine.version("1.1.0")
    told = machine.install(code=2)
    assert "config.txt:3: broken" in told
    assert "nothing was switched" in told
    assert machine.current() == "1.0.0"


def test_a_failed_download_leaves_no_half_release(machine):
    machine.install()
    machine.version("1.1.0")
    (machine.fakes / "trouble").write_text("no network\n")
    assert "nothing was changed" in machine.install(code=1)
    assert machine.current() == "1.0.0"
    assert not (machine.root / "opt/minectl/1.1.0").exists()


def test_a_changed_tree_with_the_same_number_gets_a_folder_of_its_own(machine):
    machine.install()
    (machine.clone / "templates/index.html").write_text("new")
    machine.install()
    assert re.fullmatch(r"1\.0\.0-[0-9a-f]{8}", machine.current())


def test_rollback_goes_to_the_version_before_and_back_again(machine):
    machine.install()
    machine.version("1.1.0")
    machine.install()
    machine.install("--rollback")
    assert machine.current() == "1.0.0"
    machine.install("--rollback")
    assert machine.current() == "1.1.0"


def test_rollback_without_a_version_before_says_so(machine):
    machine.install()
    assert "no version before" in machine.install("--rollback", code=2)


def test_rollback_asks_the_old_version_about_the_config_first(machine):
    machine.install()
    machine.version("1.1.0")
    machine.install()
    machine.config.write_text("broken\n")
    machine.install("--rollback", code=2)
    assert machine.current() == "1.1.0"


def test_only_this_version_and_the_one_before_stay_on_the_disk(machine):
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        machine.version(version)
        machine.install()
    kept = {path.name for path in (machine.root / "opt/minectl").iterdir()}
    assert kept == {"1.1.0", "1.2.0", "current", "previous"}


def test_the_timer_takes_the_place_of_cron_and_gives_it_back(machine):
    machine.install()
    machine.install("--timer")
    assert "etc/systemd/system/minectl.timer" in machine.files()
    assert "etc/cron.d/minectl" not in machine.files()
    machine.install("--cron")
    assert "etc/systemd/system/minectl.timer" not in machine.files()
    assert "etc/cron.d/minectl" in machine.files()


def test_ticks_are_begun_by_the_one_until_they_are_begun_by_the_other(machine):
    """A step that fails in between, by a masked unit or a full disk, must not leave the mine without ticks."""
    machine.install()
    told = machine.install("--timer")
    assert told.index("systemd: start minectl.timer") < told.index("remove /etc/cron.d/minectl")
    told = machine.install("--cron")
    assert told.index("file /etc/cron.d/minectl") < told.index("systemd: cron runs") < told.index("stop minectl.timer")


@pytest.mark.parametrize("word", ["--timer", "--fast"])
def test_an_upgrade_keeps_the_timer_and_what_the_owner_wrote_beside_it(machine, word):
    machine.install(word)
    (machine.root / "etc/systemd/system/minectl.timer.d").mkdir(exist_ok=True)
    (machine.root / "etc/systemd/system/minectl.timer.d/override.conf").write_text("[Timer]\nOnUnitActiveSec=30\n")
    before = machine.files()
    machine.version("1.1.0")
    told = machine.install()
    assert machine.files() == before
    assert ("fast.conf" in "".join(before), "as before (--cron goes back to cron)" in told) == (word == "--fast", True)


def test_an_upgrade_keeps_the_minutes_that_the_owner_wrote_into_the_cron_file(machine):
    machine.install()
    cron = machine.root / "etc/cron.d/minectl"
    cron.write_text(
        cron.read_text().replace("\n*/2 * * * * minectl timeout -k 5 110 ", "\n*/5 * * * * minectl timeout 9 ")
    )
    machine.version("1.1.0")
    machine.install()
    lines = (ROOT / "cron/minectl").read_text().replace("\n*/2 * * * * minectl ", "\n*/5 * * * * minectl ")
    assert cron.read_text() == lines
    assert stat.S_IMODE(cron.stat().st_mode) == 0o644


def test_a_change_of_version_restarts_the_services_that_run(machine):
    """They would stay with the version before, whose folder the next but one upgrade removes."""
    restart = "systemd: restart what runs of minectl-collect minectl-dummy-pool minectl-serve"
    assert restart not in machine.install()
    machine.version("1.1.0")
    told = machine.install()
    assert restart in told
    assert told.index(restart) < told.index("nginx: "), "also where nginx then refuses its files"
    assert restart not in machine.install()
    assert restart in machine.install("--rollback")


def test_a_dry_run_says_every_step_and_does_none(machine):
    told = machine.install("--dry-run")
    assert all(line.startswith(("would: ", "left out")) for line in told.splitlines())
    assert "would: switch /opt/minectl/current to 1.0.0" in told
    assert machine.files() == set()
    assert machine.asked_of_pip == []


def test_uninstall_keeps_config_and_data_unless_told_otherwise(machine):
    machine.install()
    (machine.root / "var/lib/minectl/mine_data.db").touch()
    told = machine.install("--uninstall")
    assert machine.files() == {"etc/minectl/config.txt", "var/lib/minectl/mine_data.db"}
    assert not (machine.root / "opt/minectl").exists()
    assert "they stay as they are" in told
    machine.install("--uninstall", "--purge")
    assert machine.files() == set()


def test_a_fast_site_has_its_timer_every_fifteen_seconds_and_gives_it_back(machine):
    machine.install("--fast")
    drop_in = machine.root / "etc/systemd/system/minectl.timer.d/fast.conf"
    assert "OnUnitActiveSec=15" in drop_in.read_text().replace("OnUnitActiveSec=15s", "OnUnitActiveSec=15")
    machine.install("--timer")
    assert not drop_in.exists()


def test_the_extras_are_taken_where_they_can_be_had(machine):
    machine.install()
    assert any("--require-hashes -r requirements-extras.lock" in line for line in machine.asked_of_pip)


def test_the_welcome_page_of_nginx_makes_room_and_returns(machine):
    for name in ("sites-available", "sites-enabled"):
        (machine.root / "etc/nginx" / name).mkdir(parents=True)
    (machine.root / "etc/nginx/sites-available/default").touch()
    welcome = machine.root / "etc/nginx/sites-enabled/default"
    welcome.symlink_to("../sites-available/default")
    machine.install()
    assert not welcome.is_symlink()
    machine.install("--uninstall")
    assert welcome.resolve() == machine.root / "etc/nginx/sites-available/default"


@pytest.mark.parametrize("as_link", [True, False])
def test_an_upgrade_leaves_a_page_of_the_owners_with_his_locks_in_force(machine, as_link):
    machine.install()
    own, enabled = (machine.root / "etc/nginx" / name for name in ("sites-available/mine", "sites-enabled/minectl"))
    own.write_text("deny all;\n")
    enabled.unlink()
    if as_link:
        enabled.symlink_to("../sites-available/mine")
    else:
        enabled.write_text(own.read_text())
    told = machine.install()
    assert enabled.read_text() == "deny all;\n"
    assert "is one of your own and stays" in told


def test_what_the_owner_wrote_into_our_site_file_stays_in_force(machine):
    """Its comments invite him to: who may look, a password. An upgrade must not open the page again."""
    machine.install()
    sites = machine.root / "etc/nginx"
    ours, enabled = sites / "sites-available/minectl", sites / "sites-enabled/minectl"
    locked = re.sub(r"# (deny all;|allow 192)", r"\1", ours.read_text())
    ours.write_text(locked)
    for version in ("1.0.0", "1.1.0"):
        machine.version(version)
        told = machine.install()
        assert enabled.read_text() == locked
        assert "minectl is one of your own and stays" in told
    assert str(enabled.readlink()) == "../sites-available/minectl-own"
    assert ours.read_text() != locked
    enabled.unlink()
    enabled.symlink_to("../sites-available/minectl")
    ours.write_text(locked + "# again\n")
    assert "would: nginx: what was changed" in machine.install("--dry-run")
    machine.install()
    assert enabled.read_text() == locked + "# again\n"
    assert (sites / "sites-available/minectl-own").read_text() == locked


def test_a_site_file_that_nobody_changed_is_renewed_by_an_upgrade_also_after_a_rollback(machine):
    enabled = machine.root / "etc/nginx/sites-enabled/minectl"
    shipped = machine.clone / "cron/minectl.nginx"
    for version, back in (("1.0.0", False), ("1.1.0", True), ("1.2.0", False)):
        machine.version(version)
        shipped.write_text(f"# of {version}\n")
        told = machine.install()
        assert "of your own" not in told
        assert enabled.read_text() == f"# of {version}\n"
        if back:
            machine.install("--rollback")


def test_a_web_server_that_is_gone_or_refuses_its_files_does_not_keep_the_program_installed(machine):
    """Its refusal ended the uninstall before /opt/minectl was taken away, and said that the mine is run."""
    refuses = "nginx() { return 1; };"
    assert machine.calls(f"{refuses} leave_nginx").startswith("nginx was not reloaded")
    text = (machine.clone / "install.sh").read_text()
    assert 'on_system "nginx: reload" leave_nginx\n' in text


def test_a_user_who_is_still_in_use_stays_and_is_named(machine):
    told = machine.calls("userdel() { return 8; }; remove_user")
    assert told == "the user minectl stays, as said above; later: sudo userdel minectl\n"


def test_a_machine_without_nginx_is_installed_to_its_end(machine):
    told = machine.calls("command() { return 1; }; rm() { echo gone; }; reload_nginx")
    assert told == "there is no nginx here: the page is written to /run/minectl/www, and served by nobody\n"


def test_purge_alone_and_unknown_words_are_refused_before_anything_happens(machine):
    assert "--purge goes with --uninstall" in machine.install("--purge", code=2)
    assert "unknown: --force" in machine.install("--force", code=2)
    assert machine.files() == set()


@pytest.mark.skipif(os.getuid() == 0, reason="root may install")
def test_a_production_install_without_root_is_refused(machine):
    assert "needs root" in machine.run(code=2)


@pytest.mark.peer
def test_every_shell_script_is_clean():
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    scripts = [ROOT / name for name in ("install.sh", ".ci/run", "cron/minectl.command")]
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert done.stdout == ""
