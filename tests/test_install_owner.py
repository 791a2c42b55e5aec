"""install.sh as root among what belongs to others: to the user of the ticks, and to the owner of the machine."""

import hashlib
import os
import shutil
import stat

import pytest
from staging import staged


@pytest.fixture
def machine(tmp_path):
    return staged(tmp_path)


def test_a_link_that_stands_for_the_config_gives_away_no_file_of_roots(machine, tmp_path):
    """Its folder belongs to the user of the ticks: whoever is that user could have had /etc/shadow for the asking."""
    machine.install()
    shadow = tmp_path / "shadow"
    shadow.write_text(machine.config.read_text())
    shadow.chmod(0o644)
    machine.config.unlink()
    machine.config.symlink_to(shadow)
    told = machine.install()
    assert stat.S_IMODE(shadow.stat().st_mode) == 0o644
    assert "/etc/minectl/config.txt is a link: its owner and rights stay as they are" in told


ROOTS_HANDS = "chown() { echo root: chown $*; }; chmod() { echo root: chmod $*; }; install() { echo root: $*; };"
USERS_HANDS = "as_user() { echo user: $*; }; dry=no;"


def test_what_lies_in_a_folder_of_the_ticks_user_is_made_by_that_user(machine):
    """As root `install -d -o minectl /run/minectl/www` gave him /etc, when a link there led to it."""
    told = machine.calls(f"{ROOTS_HANDS} {USERS_HANDS} make_folders; protect_config").splitlines()
    roots = [line for line in told if line.startswith("root: ")]
    assert "user: install -d -m 0755 /run/minectl/www" in told
    assert [line for line in roots if "/run/minectl/www" in line] == []
    assert "root: chown -h minectl:minectl /etc/minectl/config.txt" in told
    assert "user: chmod 0600 /etc/minectl/config.txt" in told
    assert "root: -d -m 0750 -o minectl -g minectl /var/lib/minectl" in roots


def test_the_same_tree_again_keeps_the_version_before_where_all_have_one_number(machine):
    """The third tree of one number was built a second time, and the way back led to that same third tree."""
    names = []
    for text in ("first", "second", "third"):
        (machine.clone / "templates/index.html").write_text(text)
        machine.install()
        names.append(machine.current())
    asked = machine.asked_of_pip
    assert f"/opt/minectl/{names[2]} is complete already" in machine.install()
    assert (machine.current(), machine.link("previous")) == (names[2], names[1])
    assert machine.asked_of_pip == asked


FULL_DISK = """#!/bin/sh
for target; do :; done
case "$target" in */cron.d/*) rm -f "$target"; : > "$target"; echo "No space left on device" >&2; exit 1 ;; esac
exec {install} "$@"
"""


def test_a_disk_that_is_full_leaves_the_ticks_the_file_that_begins_them(machine, monkeypatch):
    """The old cron file was taken away before there was room for the new one: no tick ever again."""
    machine.install()
    cron = machine.root / "etc/cron.d/minectl"
    before = cron.read_text()
    (machine.clone / "cron/minectl").write_text(before.replace("\nMAILTO", "\n# newer\nMAILTO"))
    full = machine.tmp.parent / "full"
    full.mkdir()
    (full / "install").write_text(FULL_DISK.format(install=shutil.which("install")))
    (full / "install").chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{full}:{os.environ['PATH']}")
        assert "No space left on device" in machine.install(code=1)
    assert cron.read_text() == before
    machine.install()
    assert "# newer" in cron.read_text()
    assert [path.name for path in cron.parent.iterdir()] == ["minectl"], "and nothing of it is left"


def test_places_of_the_owners_count_however_they_are_indented(machine):
    """The config's grammar lets them be; an install put its own over them, and the mine began with an empty history."""
    machine.install()
    text = "[site]\nname = x\n  data_dir = /srv/d\n\tlog_file=/srv/l\n run_dir = /srv/r\n www_dir = /srv/w\n[end]\n"
    machine.config.write_text(text)
    machine.install()
    assert machine.config.read_text() == text


def test_a_group_of_that_name_with_other_members_is_no_obstacle(machine):
    """It stays behind by `userdel` when somebody else is in it, and useradd made no user ever again."""
    told = machine.calls("getent() { [[ $1 == group ]]; }; useradd() { echo useradd $*; }; dry=no; make_user")
    assert "useradd --system --gid minectl --home-dir /var/lib/minectl" in told
    told = machine.calls("getent() { return 2; }; useradd() { echo useradd $*; }; dry=no; make_user")
    assert "useradd --system --user-group --home-dir /var/lib/minectl" in told


def nginx_of(machine):
    """The folder of nginx in the staging root, with our site enabled."""
    machine.install()
    return machine.root / "etc/nginx"


@pytest.mark.parametrize("ours_is_wrong", [True, False])
def test_a_web_server_that_refuses_another_site_keeps_ours_enabled(machine, ours_is_wrong):
    """An owner's own site with a lost certificate took the mine's page from the next reload on, and ours was blamed."""
    nginx = nginx_of(machine)
    says = f"[[ {str(ours_is_wrong).lower()} == true && ! -e {nginx}/sites-enabled/minectl ]]"
    told = machine.calls(f"nginx() {{ {says}; }}; root={machine.root}; reload_nginx", code=1)
    assert (nginx / "sites-enabled/minectl").is_symlink() != ours_is_wrong
    assert ("it was taken out again" in told) == ours_is_wrong
    assert ("not for the sake of the mine's site" in told) != ours_is_wrong


def test_an_uninstall_enables_no_welcome_page_among_sites_of_the_owners(machine):
    """Two default servers: nginx refused its files, and at the next boot the owner's own sites were gone too."""
    nginx = nginx_of(machine)
    (nginx / "sites-available/default").touch()
    (nginx / "sites-enabled/own").touch()
    machine.install("--uninstall")
    assert [path.name for path in (nginx / "sites-enabled").iterdir()] == ["own"]


def test_an_uninstall_keeps_what_the_owner_wrote_into_our_site_file(machine):
    nginx = nginx_of(machine)
    ours = nginx / "sites-available/minectl"
    locked = ours.read_text().replace("# deny all;", "deny all;")
    ours.write_text(locked)
    told = machine.install("--uninstall")
    assert "what was changed in sites-available/minectl is kept as sites-available/minectl-own" in told
    assert [path.name for path in nginx.rglob("*minectl*")] == ["minectl-own"]
    assert (nginx / "sites-available/minectl-own").read_text() == locked


@pytest.mark.parametrize("changed", [True, False])
def test_only_the_welcome_page_makes_room_and_no_site_that_the_owner_made_of_it(machine, changed):
    nginx = nginx_of(machine)
    default = nginx / "sites-available/default"
    default.write_text("as shipped\n")
    md5 = hashlib.md5(default.read_bytes()).hexdigest()
    if changed:
        default.write_text("proxy_pass http://127.0.0.1:8123;\n")
    (nginx / "sites-enabled/default").symlink_to("../sites-available/default")
    told = machine.calls(f"shipped_md5() {{ echo {md5}; }}; dry=no; root={machine.root}; show_page")
    assert (nginx / "sites-enabled/default").is_symlink() == changed
    assert ("sites-enabled/default is the owner's own and stays" in told) == changed


def test_cron_goes_on_where_nobody_starts_the_timer(machine):
    """Without systemd its start is left to the owner; until then nothing else would have begun a tick."""
    fake = "place() { :; }; drop() { echo drop $*; }; rhythm=timer"
    told = machine.calls(f"systemd_runs() {{ false; }}; {fake}; start_rhythm")
    assert "drop /etc/cron.d/minectl" not in told
    assert "what /etc/cron.d/minectl begins stays until the next install" in told
    told = machine.calls(f"systemd_runs() {{ true; }}; {fake}; start_rhythm")
    assert "drop /etc/cron.d/minectl" in told


def test_a_list_of_miners_that_root_brought_is_the_ticks_own(machine):
    """`sudo cp` under an umask of 077 made one that no tick could read, and `miners add` could not write it."""
    machine.install()
    fleet = machine.config.with_name("fleet.csv")
    fleet.touch()
    fleet.chmod(0o004)
    machine.install()
    assert stat.S_IMODE(fleet.stat().st_mode) == 0o604
    told = machine.calls(f"{ROOTS_HANDS} {USERS_HANDS} hand_over u+rw /etc/minectl/fleet.csv").splitlines()
    assert told == ["root: chown -h minectl:minectl /etc/minectl/fleet.csv", "user: chmod u+rw /etc/minectl/fleet.csv"]
