"""What doctor sees of the machine, on a machine made of files."""

import fcntl
import os
from pathlib import Path

import pytest
from cli.place import Place

from mine_controller.core.model.state import State
from mine_controller.ops.checks import board, check, clocks, files, services
from mine_controller.ops.checks.check import Machine
from mine_controller.ports.clock import Sources
from mine_controller.store.lock import TickLock
from mine_controller.wire import mounts

NOW = 1_789_000_000
LINE = "*/2 * * * * minectl timeout 110 minectl tick --config /etc/minectl/config.txt\n"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def only(checks):
    (check,) = checks
    return check


def machine(root, *, wall_s=NOW, boot_s=5000, boot="b", synced=True, says=None):
    sources = Sources(lambda: boot_s, lambda: wall_s, lambda: boot, lambda: synced)
    return Machine(root, sources, lambda line: (says or {}).get(line[0], ""))


def put(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def verdicts(checks):
    return {check.name: check.verdict for check in checks}


def test_one_cron_line_is_enough(place, tmp_path):
    put(tmp_path, "etc/cron.d/minectl", "# minectl tick\n" + LINE)
    assert only(services.timers(place.config, machine(tmp_path))).verdict == "ok"


@pytest.mark.parametrize("name", ["minectl.cron", "minectl.dpkg-old", "minectl~"])
def test_a_file_whose_name_cron_passes_over_starts_nothing_and_is_no_second_starter(place, tmp_path, name):
    put(tmp_path, f"etc/cron.d/{name}", LINE)
    check = only(services.timers(place.config, machine(tmp_path)))
    assert check.verdict == "warn"
    assert f"cron passes over {tmp_path}/etc/cron.d/{name}: letters, digits, - and _" in check.text
    put(tmp_path, "etc/cron.d/minectl", LINE)
    assert only(services.timers(place.config, machine(tmp_path))).verdict == "ok"


def test_cron_and_timer_together_are_two_writers(place, tmp_path):
    put(tmp_path, "etc/cron.d/minectl", LINE)
    check = only(services.timers(place.config, machine(tmp_path, says={"systemctl": "active\n"})))
    assert (check.verdict, "more than one" in check.text) == ("warn", True)


def fenced(root, *, paths="", system="strict", home="yes"):
    """A machine whose timer starts the ticks, as systemd tells of their unit when all its files are read."""
    shown = f"ProtectSystem={system}\nProtectHome={home}\nReadWritePaths={paths}\n"
    return machine(root)._replace(run=lambda line: {"is-active": "active\n", "show": shown}.get(line[1], ""))


def test_a_timer_whose_ticks_may_not_write_where_the_config_has_its_files_is_told(place, tmp_path):
    usual = "/var/lib/minectl /var/log/minectl -/run/minectl"
    check = only(services.timers(place.config, fenced(tmp_path, paths=usual)))
    assert (check.verdict, str(place.config.paths.db) in check.text) == ("fail", True)
    assert "sudo ./install.sh" in check.remedy
    put(tmp_path, "etc/cron.d/minectl", LINE)
    assert only(services.timers(place.config, machine(tmp_path))).verdict == "ok", "cron is not fenced in"


def test_a_timer_whose_ticks_may_write_all_their_files_is_fine(place, tmp_path):
    inside = f"/var/lib/minectl {tmp_path}"
    assert only(services.timers(place.config, fenced(tmp_path, paths=inside))).verdict == "ok"
    assert only(services.timers(place.config, fenced(tmp_path, system="no"))).verdict == "ok", "no fence at all"
    (tmp_path / "link").symlink_to(place.config.paths.db.parent)
    by_link = f"{tmp_path / 'link'} {place.config.paths.run} {place.config.paths.log.parent}"
    assert only(services.timers(place.config, fenced(tmp_path, paths=by_link))).verdict == "ok"


def test_files_in_a_home_that_the_ticks_can_not_see_are_told(place, tmp_path):
    paths = place.config.paths._replace(db=Path("/home/pi/mine/mine_data.db"))
    config = place.config._replace(paths=paths)
    check = only(services.timers(config, fenced(tmp_path, paths=f"/home/pi/mine {tmp_path}")))
    assert (check.verdict, "/home/pi/mine/mine_data.db" in check.text) == ("fail", True)
    assert "ProtectHome=no" in check.remedy
    assert only(services.timers(config, fenced(tmp_path, paths=f"/home/pi/mine {tmp_path}", home="no"))).verdict == "ok"


def test_a_commented_line_starts_nothing(place, tmp_path):
    put(tmp_path, "etc/crontab", "# " + LINE)
    assert only(services.timers(place.config, machine(tmp_path))).verdict == "warn"


def test_a_persons_own_crontab_counts(place, tmp_path):
    assert only(services.timers(place.config, machine(tmp_path, says={"crontab": LINE}))).verdict == "ok"


def test_a_missing_program_says_nothing():
    assert check.said(("no-such-program-here",)) == ""


@pytest.mark.parametrize(("milli", "verdict"), [("51000", "ok"), ("78000", "warn"), ("91000", "fail")])
def test_a_hot_controller_is_told(tmp_path, milli, verdict):
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "40000\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", milli)
    put(tmp_path, "sys/class/thermal/thermal_zone2/temp", "asleep")
    assert only(board.heat(machine(tmp_path))).verdict == verdict


@pytest.mark.parametrize(("left_kb", "verdict"), [(900_000, "ok"), (90_000, "warn"), (9_000, "fail")])
def test_little_memory_is_told(tmp_path, left_kb, verdict):
    put(tmp_path, "proc/meminfo", f"MemTotal: 999 kB\nMemAvailable:  {left_kb} kB\n")
    assert only(board.memory(machine(tmp_path))).verdict == verdict


def test_a_machine_that_tells_nothing_is_no_failure(tmp_path):
    assert only(board.memory(machine(tmp_path))).verdict == "ok"
    assert only(board.heat(machine(tmp_path))).verdict == "ok"


def state(wall_s, boot_s, boot="b"):
    return State(last={"plant_s": 1, "boot_id": boot, "boot_s": boot_s, "wall_s": wall_s})


def test_a_clock_kept_by_a_server_is_good(tmp_path):
    assert set(verdicts(clocks.clocks(state(NOW - 120, 4880), machine(tmp_path))).values()) == {"ok"}


@pytest.mark.parametrize(
    ("wall_s", "synced", "verdict"), [(1000, True, "fail"), (NOW - 4000, True, "fail"), (NOW, False, "warn")]
)
def test_a_clock_that_was_never_set_or_runs_back_or_is_left_alone_is_told(tmp_path, wall_s, synced, verdict):
    told = verdicts(clocks.clocks(state(NOW - 120, 4880), machine(tmp_path, wall_s=wall_s, synced=synced)))
    assert told["clock"] == verdict


def test_a_wall_clock_set_since_the_last_tick_is_told(tmp_path):
    checks = {one.name: one for one in clocks.clocks(state(NOW - 5000, 4880), machine(tmp_path))}
    assert "+4880 s" in checks["boot clock"].text


def test_a_kernel_without_a_boot_clock_fails(tmp_path):
    assert verdicts(clocks.clocks(State(), machine(tmp_path, boot="")))["boot clock"] == "fail"


def locks(tmp_path, path):
    inode = path.stat().st_ino
    put(tmp_path, "proc/locks", f"1: FLOCK  ADVISORY  WRITE 77 00:2a:{inode} 0 EOF\n")


def test_a_free_lock_is_good_whoever_signed_it_last(place, tmp_path):
    assert only(files.lock(place.config, machine(tmp_path))).text == "free"
    with TickLock(place.config.paths.lock):
        pass
    assert only(files.lock(place.config, machine(tmp_path))).text == "free"


def test_a_lock_held_longer_than_a_tick_may_last_fails(place, tmp_path):
    with TickLock(place.config.paths.lock):
        locks(tmp_path, place.config.paths.lock)
        assert only(files.lock(place.config, machine(tmp_path))).verdict == "ok"
        note = f"{os.getpid()} 1 1".ljust(47) + "\n"
        place.config.paths.lock.write_text(note)
        check = only(files.lock(place.config, machine(tmp_path)))
    assert (check.verdict, f"kill {os.getpid()}" in check.remedy) == ("fail", True)


def test_looking_at_the_lock_does_not_take_it(place, tmp_path):
    place.config.paths.lock.touch()
    with place.config.paths.lock.open() as file:
        list(files.lock(place.config, machine(tmp_path)))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_that_cannot_be_written_fails_with_who_should_run_this(place, monkeypatch):
    monkeypatch.setattr(files.os, "access", lambda path, _mode: "www" not in str(path))
    place.config.paths.www.mkdir()
    check = only(files.rights(place.config))
    assert check.verdict == "fail"
    assert str(place.config.paths.www) in check.text
    assert "sudo -u" in check.remedy


def test_on_a_read_only_disk_no_chown_is_advised(place, monkeypatch):
    monkeypatch.setattr(files.os, "access", lambda _path, _how: False)
    statvfs = os.statvfs_result((4096, 4096, 9, 9, 9, 9, 9, 9, os.ST_RDONLY, 255))
    monkeypatch.setattr(files.os, "statvfs", lambda _path: statvfs)
    check = next(check for check in files.rights(place.config) if check.name == "rights")
    assert check.verdict == "fail"
    assert "read-only" in check.remedy
    assert "or chown" not in check.remedy


@pytest.mark.parametrize(("free_mb", "verdict"), [(5000, "ok"), (150, "warn"), (50, "fail")])
def test_a_full_disk_is_told(monkeypatch, place, free_mb, verdict):
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _path: (32_000 * check.MB, 0, free_mb * check.MB))
    assert {check.verdict for check in files.disks(place.config)} == {verdict}


def test_a_small_disk_in_memory_is_not_called_full(monkeypatch, place):
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _path: (16 * check.MB, 0, 12 * check.MB))
    assert {check.verdict for check in files.disks(place.config)} == {"ok"}


def test_db6_a_disk_that_stopped_after_an_error_is_told_though_nothing_marks_it(place, monkeypatch):
    monkeypatch.setattr(mounts, "_table", lambda _root: ["30 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw,emergency_ro"])
    assert {(check.verdict, "read-only" in check.text) for check in files.disks(place.config)} == {("fail", True)}
    assert "no chown mends" in next(check for check in files.rights(place.config) if check.name == "rights").remedy


def test_db6_a_database_with_memory_laid_over_it_is_told(place, tmp_path):
    """Raspberry Pi OS, `overlayroot=tmpfs`: a start of the machine takes back all that was written since."""
    over = (
        "28 30 0:20 / /media/root-rw rw - tmpfs tmpfs-root rw\n"
        "30 1 0:21 / / rw - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay\n"
    )
    put(tmp_path, "proc/self/mountinfo", over)
    lost = [check for check in files.disks(place.config, tmp_path) if check.verdict == "fail"]
    assert [str(place.config.paths.db.parent) in check.text for check in lost] == [True]
    assert "overlayroot=tmpfs:recurse=0" in lost[0].remedy
    put(tmp_path, "proc/self/mountinfo", f"{over}31 30 179:3 / {place.config.paths.db.parent} rw - ext4 /dev/sda1 rw\n")
    assert not [check for check in files.disks(place.config, tmp_path) if check.verdict == "fail"]


@pytest.mark.parametrize(("said", "verdict"), [("0", "ok"), ("50000", "ok"), ("50005", "fail")])
def test_a_weak_supply_is_told_to_who_may_not_ask_the_firmware(tmp_path, said, verdict):
    """On a Raspberry Pi `vcgencmd` is for the group video, and the ticks' user, as whom doctor runs, is not in it."""
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", f"{said}\n")
    check = only(board.throttling(machine(tmp_path)))
    assert (check.verdict, "since its start" in check.text) == (verdict, False)


@pytest.mark.parametrize(("said", "verdict"), [("0", "ok"), ("1", "fail")])
def test_a_weak_supply_is_told_where_the_kernel_has_hwmon_alone(tmp_path, said, verdict):
    for number, name in enumerate(("cpu_thermal", "rpi_volt")):
        put(tmp_path, f"sys/class/hwmon/hwmon{number}/name", f"{name}\n")
        put(tmp_path, f"sys/class/hwmon/hwmon{number}/in0_lcrit_alarm", f"{said}\n")
    assert only(board.throttling(machine(tmp_path))).verdict == verdict


@pytest.mark.parametrize(("microvolts", "verdict"), [("2964099", "ok"), ("0", "warn"), ("strange", "ok")])
def test_clk1_the_clock_of_a_raspberry_pi_5_counts_with_a_battery_only(tmp_path, microvolts, verdict):
    """Linux of Raspberry Pi, drivers/rtc/rtc-rpi.c: the clock is on every board, its battery is bought apart."""
    put(tmp_path, "sys/class/rtc/rtc0/battery_voltage", f"{microvolts}\n")
    assert only(clocks.rtc(machine(tmp_path))).verdict == verdict
    put(tmp_path, "sys/class/rtc/rtc1/name", "rtc-ds1307 1-0068\n")
    assert only(clocks.rtc(machine(tmp_path))).verdict == "ok"
