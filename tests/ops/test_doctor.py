"""The doctor's findings that need no device."""

import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest
from cli.place import Place
from devices.kinds import build

from mine_controller.config.lastgood import remember
from mine_controller.config.load import load
from mine_controller.core.due import Asked
from mine_controller.core.miners import stopless
from mine_controller.core.model.book import Book
from mine_controller.core.model.state import State
from mine_controller.ops import doctor
from mine_controller.ops.checks import board, clocks, database, files, services
from mine_controller.ops.checks.check import Machine
from mine_controller.ops.doctor import Site, obedience, remedy_for
from mine_controller.ops.recall import kept_book
from mine_controller.ports.kept import Kept, write_kept
from mine_controller.ports.live import live_wire
from mine_controller.store.copies import back_up
from mine_controller.store.db import StoreTrouble


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def site(place, tmp_path, **changes):
    made = Site(place.config, kept_book(place.config.paths), place.wall, Machine(tmp_path), None, ask_now=False)
    return made._replace(**changes)


def only(checks):
    (check,) = checks
    return check


def test_the_contract_is_judged_as_if_every_miner_ran(place, tmp_path):
    place.plant.signal = "off"
    check = only(doctor._contract(site(place.ticks(3), tmp_path)))
    assert check.verdict == "ok"
    assert "with all 8 miners on (8 gently, 0 at the outlet); your notice is 600 s" in check.text


def test_whoever_has_said_that_it_knows_no_stop_is_named(place, tmp_path):
    """Without an outlet nothing is left; with one, that is how it is stopped."""
    book = kept_book(place.ticks(1).config.paths)
    said = {stopless.KEY: {"foreman mine": ["m001", "m002"]}}
    book = book._replace(state=book.state._replace(last={**book.state.last, **said}))
    check = only(doctor._contract(site(place, tmp_path, book=book)))
    assert "(6 gently, 2 at the outlet)" in check.text
    wiring = place.config.policy.wiring
    bare = tuple(spec._replace(paths=spec.paths[:1]) for spec in wiring.miners)
    policy = place.config.policy._replace(wiring=wiring._replace(miners=bare))
    check = only(doctor._contract(site(place, tmp_path, book=book, config=place.config._replace(policy=policy))))
    assert (check.verdict, check.text[:44]) == ("fail", "2 miners can't be stopped by anything; slowe")
    assert "m001, m002 said so when told to stop: `minectl miners stop` asks again" in check.remedy


def test_it_is_judged_before_the_first_tick_too(place):
    assert obedience(place.config, Book(State()), 300)["gentle"] == 8


def test_a_lane_slower_than_the_notice_fails(place, tmp_path):
    wiring = place.config.policy.wiring
    slow = {name: lane._replace(call_s=200.0) for name, lane in wiring.lanes.items()}
    policy = place.config.policy._replace(wiring=wiring._replace(lanes=slow))
    check = only(doctor._contract(site(place, tmp_path, config=place.config._replace(policy=policy))))
    assert (check.verdict, "1610 s" in check.text) == ("fail", True)


def test_a_miner_that_nothing_can_stop_fails(place, tmp_path):
    wiring = place.config.policy.wiring
    bare = tuple(spec._replace(paths=()) for spec in wiring.miners)
    policy = place.config.policy._replace(wiring=wiring._replace(miners=bare))
    check = only(doctor._contract(site(place, tmp_path, config=place.config._replace(policy=policy))))
    assert (check.verdict, "8 miners can't be stopped" in check.text) == ("fail", True)


def test_a_suspect_fan_is_named(place, tmp_path):
    place.ticks(2, of=3)
    place.plant.broken = {"4"}
    check = only(doctor._fans(site(place.ticks(), tmp_path)))
    assert (check.verdict, check.text) == ("warn", "8 proven, 1 suspect; see fan 4")


def test_old_ticks_fail(place, tmp_path):
    place.ticks(2)
    late = site(place, tmp_path)
    assert [only(doctor._ticks(late._replace(now_s=place.wall + s))).verdict for s in (0, 300, 900)] == [
        "ok", "warn", "fail",
    ]  # fmt: skip


def test_what_goes_by_the_date_is_asked_with_the_date(place, tmp_path):
    """Nord Pool and a fixed tariff failed every examination that asked them now, and no tick."""
    seen = site(place, tmp_path)
    tariff = SimpleNamespace(kind="tariff", options=build("tariff", "http://127.0.0.1"))
    seen = seen._replace(now_s=place.wall, config=seen.config._replace(endpoints={"tariff home": tariff}))
    assert doctor._ask(seen, (Asked("tariff home"),), live_wire) == {"tariff home": ""}


def test_a_damaged_database_fails_and_the_examination_goes_on(place, tmp_path):
    place.config.paths.db.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    checks = doctor.examine(place.path, now_s=0, wire_for=live_wire, machine=Machine(tmp_path))
    found = {check.name: check for check in checks}
    assert found["database"].verdict == "fail"
    assert "sets it aside" in found["database"].remedy
    assert "memory" in found


def test_a_database_that_is_closed_to_the_ticks_is_not_said_to_be_set_aside(place, tmp_path, monkeypatch):
    """No tick does that: it may be read again once it is the right user's."""
    place.ticks(1)

    def closed(_path):
        raise StoreTrouble("readonly", "the database can't be written: unable to open database file")

    monkeypatch.setattr(database, "reading", closed)
    check = only(database.database(place.config, place.wall))
    assert check.verdict == "fail"
    assert "chown" in check.remedy
    assert "sets it aside" not in check.remedy


def test_an_event_changed_afterwards_is_told(place, tmp_path):
    place.ticks(2)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE events SET text = 'nothing happened' WHERE id = 2")
    db.close()
    check = only(database.database(place.config, place.wall))
    assert (check.verdict, check.text) == ("warn", "event 2 was changed after it was written")


def test_a_broken_config_says_where_and_that_the_last_good_one_runs(place, tmp_path):
    remember(place.config)
    place.path.write_text(place.path.read_text().replace("power_cap_kw = 1000", "power_cap_kw = lots"))
    config, checks = doctor._config(place.path)
    assert config is not None
    assert checks[0].verdict == "fail"
    assert "line 5: [site] power_cap_kw" in checks[0].text
    assert "ticks go on with the last good one" in checks[0].text


def test_a_secrets_file_that_is_gone_is_not_undone_by_taking_a_change_back(place):
    path = place.config.paths.config
    text = path.read_text()
    path.write_text(text.replace("[end]", "[telegram]\ntoken = file:gone\nchat_id = 1\n\n[end]"))
    _, (check, *_) = doctor._config(path)
    assert check.verdict == "fail"
    assert "undo" not in check.remedy
    assert check.remedy.endswith("the files named have to be there, the ticks' own, and chmod 600")


def test_notes_of_the_config_are_shown(place):
    assert any("absent" in check.text for check in doctor._config(place.path)[1] if check.name == "note")


@pytest.mark.parametrize(
    ("why", "helps"),
    [
        ("connection refused", "nothing listens"),
        ("no answer in 6.0 s", "ping it"),
        ("name can't be resolved", "check the host name"),
        ("HTTP 401", "password"),
        ("certificate has expired", "https against http"),
        ("its certificate is another one than the pin says", "give the new one's fingerprint as pin"),
        ("no TLS in common: it may speak older ones only", "newer firmware"),
        ("no TLS at this port", "https against http"),
        ("HTTP 404", "the path or the model"),
        ("no such table row", "asks it by hand"),
        ("collect does not run: no sign of life for 485 s", "systemctl restart minectl-collect"),
        ("the broker refuses the connection", "whether the broker runs"),
    ],
)
def test_every_failure_has_a_remedy(why, helps):
    assert helps in remedy_for(why, "roomalert intake")


def test_a_page_is_old_after_two_ticks(place, tmp_path):
    www = place.config.paths.www
    assert only(doctor._page(site(place, tmp_path))).verdict == "warn"
    www.mkdir()
    (www / "status.json").write_text("{}")
    written = int((www / "status.json").stat().st_mtime)
    assert only(doctor._page(site(place, tmp_path, now_s=written + 10))).verdict == "ok"
    assert only(doctor._page(site(place, tmp_path, now_s=written + 400))).verdict == "warn"


def test_the_examination_says_each_step_before_it_takes_it(place, tmp_path):
    steps = []
    doctor.examine(
        place.ticks(2).path, now_s=place.wall, wire_for=None, machine=Machine(tmp_path, run=lambda _line: ""),
        say=steps.append,
    )  # fmt: skip
    assert steps[:3] == ["config", "rights", "lock"]
    assert {"devices", "memory"} <= set(steps)


def test_the_sites_own_config_is_what_is_examined(place):
    assert load(place.path).site.name == "Coop test"


# -- copies, channels, the board ----------------------------------------------------------------------------------


def verdicts(checks):
    return {check.name: (check.verdict, check.text) for check in checks}


def test_a_young_site_needs_no_copy_yet_and_an_old_one_without_fails(place, tmp_path):
    place.ticks(2).without_hourly_copies()
    assert only(doctor._backups(site(place, tmp_path))).verdict == "ok"
    late = site(place, tmp_path, now_s=place.wall + 3 * 3600)
    check = only(doctor._backups(late))
    assert (check.verdict, "no copy that can be trusted" in check.text) == ("fail", True)
    assert "minectl backup" in check.remedy


def test_copies_are_opened_and_a_bad_one_is_told(place, tmp_path):
    place.ticks(2).without_hourly_copies()
    backups = place.config.paths.backups
    back_up(place.config.paths.db, backups / "day-20260301.db")
    check = only(doctor._backups(site(place, tmp_path)))
    assert check.verdict == "ok"
    assert "1 good copies, the newest of" in check.text
    (backups / "hour-07.db").write_bytes(b"no database" * 500)
    assert "1 can't be trusted" in only(doctor._backups(site(place, tmp_path))).text


def test_what_keeping_could_not_do_fails(place, tmp_path):
    place.ticks(2)
    back_up(place.config.paths.db, place.config.paths.backups / "day-20260301.db")
    write_kept(place.config.paths, Kept(1, 1, 0, "after.sh ended with 3"))
    check = only(doctor._backups(site(place, tmp_path)))
    assert (check.verdict, "after.sh ended with 3" in check.text) == ("fail", True)


class Way:
    """A channel that answers as it is told."""

    def __init__(self, ok):
        self.ok = ok


def test_a_channel_is_only_sent_to_when_that_is_asked_for(place, tmp_path, monkeypatch):
    sent = []

    def tried(there):
        sent.extend(there.config.channels)
        return {"telegram": "", "email": "HTTP 401"}

    monkeypatch.setattr(doctor, "_tried", tried)
    config = place.config._replace(channels={"telegram": Way(ok=True), "email": Way(ok=False)})
    quiet = verdicts(doctor._channels(site(place, tmp_path, config=config)))
    assert (sent, {verdict for verdict, _ in quiet.values()}) == ([], {"ok"})
    loud = {check.name: check for check in doctor._channels(site(place, tmp_path, config=config, send=True))}
    assert (loud["telegram"].verdict, loud["email"].verdict) == ("ok", "fail")
    assert "password" in loud["email"].remedy
    assert loud["email"].remedy.endswith('`minectl notify test "email"` tries it again'), "probe knows no channels"


def test_a_site_that_tells_nobody_is_told(place, tmp_path):
    assert only(doctor._channels(site(place, tmp_path))).verdict == "warn"


def put(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def says(root, **said):
    return Machine(root, run=lambda line: said.get(line[0], ""))


@pytest.mark.parametrize(
    ("said", "verdict", "word"),
    [
        ("0x0", "ok", "never"),
        ("0x50000", "warn", "under-voltage"),
        ("0x80008", "fail", "heat"),
        ("0x1", "fail", "under"),
    ],
)
def test_a_raspberry_pi_that_slows_down_is_told_why(tmp_path, said, verdict, word):
    check = only(board.throttling(says(tmp_path, vcgencmd=f"throttled={said}\n")))
    assert (check.verdict, word in check.text) == (verdict, True)


def test_a_machine_without_that_command_has_nothing_to_say(tmp_path):
    assert list(board.throttling(says(tmp_path))) == []


def test_a_card_that_is_worn_or_written_to_by_reading_is_told(tmp_path):
    assert only(board.card(says(tmp_path))).verdict == "ok"
    put(tmp_path, "sys/block/mmcblk0/size", "1")
    put(tmp_path, "proc/mounts", "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n")
    assert only(board.card(says(tmp_path))).verdict == "ok"
    put(tmp_path, "proc/mounts", "/dev/mmcblk0p2 / ext4 rw 0 0\n")
    assert "noatime" in only(board.card(says(tmp_path))).remedy
    assert "log2ram" not in only(board.card(says(tmp_path))).remedy  # docs/machine.md: not needed
    put(tmp_path, "sys/block/mmcblk0/device/life_time", "0x02 0x09\n")
    assert only(board.card(says(tmp_path))).verdict == "fail"


def test_a_watchdog_nobody_feeds_is_told(tmp_path):
    assert only(board.watchdog(says(tmp_path))).verdict == "ok"
    put(tmp_path, "dev/watchdog", "")
    told = only(board.watchdog(says(tmp_path, systemctl="0\n")))
    assert (told.verdict, "[Manager]" in told.remedy) == ("warn", True)  # systemd ignores a line outside of a section
    assert only(board.watchdog(says(tmp_path, systemctl="15s\n"))).verdict == "ok"


def test_a_board_without_a_battery_clock_is_told(tmp_path):
    """CLK1."""
    assert only(clocks.rtc(says(tmp_path))).verdict == "warn"
    put(tmp_path, "etc/fake-hwclock.data", "")
    assert only(clocks.rtc(says(tmp_path))).verdict == "ok"
    put(tmp_path, "sys/class/rtc/rtc0/name", "")
    assert only(clocks.rtc(says(tmp_path))).text == "there is one"


def test_a_web_server_that_serves_another_folder_or_nothing_is_told(place, tmp_path):
    root = tmp_path / "box"
    assert only(services.web(place.config, says(root))).verdict == "ok"
    (root / "etc/nginx").mkdir(parents=True)
    assert only(services.web(place.config, says(root))).verdict == "warn"
    put(root, "etc/nginx/sites-enabled/minectl", "root /var/www;\n")
    assert "another folder" in only(services.web(place.config, says(root, systemctl="active\n"))).text
    put(root, "etc/nginx/sites-enabled/minectl", f"root {place.config.paths.www};\n")
    assert only(services.web(place.config, says(root, systemctl="active\n"))).verdict == "ok"
    assert only(services.web(place.config, says(root, systemctl="failed\n"))).verdict == "fail"


def test_a_log_that_nothing_turns_over_is_told_once_it_is_large(place, tmp_path):
    root = tmp_path / "box"
    assert only(services.logs(place.config, says(root))).verdict == "ok"
    with place.config.paths.log.open("wb") as file:
        file.truncate(60_000_000)
    assert only(services.logs(place.config, says(root))).verdict == "warn"
    put(root, "etc/logrotate.d/minectl", f"{place.config.paths.log.parent}/*.log {{ weekly }}\n")
    assert only(services.logs(place.config, says(root))).verdict == "ok"


def test_files_that_everybody_may_read_or_write_are_told(place):
    place.path.chmod(0o644)
    place.config.paths.fleet.chmod(0o666)
    found = [check for check in files.rights(place.config) if check.verdict != "ok"]
    assert [check.verdict for check in found] == ["warn", "fail"]
    assert "chmod 600" in found[0].remedy
    assert "fleet.csv" in found[1].text


def disk_of(**about):
    usual = {"f_flag": 0, "f_files": 100_000, "f_favail": 90_000, "f_bavail": 10**6, "f_bfree": 10**6}
    return SimpleNamespace(**usual | {"f_blocks": 2 * 10**6, "f_frsize": 4096} | about)


def test_a_disk_that_was_made_read_only_fails(place, monkeypatch):
    """DB6."""
    monkeypatch.setattr(files.os, "statvfs", lambda _path: disk_of(f_flag=files.os.ST_RDONLY))
    assert {check.verdict for check in files.disks(place.config)} == {"fail"}


def test_a_disk_without_room_for_files_fails(place, monkeypatch):
    monkeypatch.setattr(files.os, "statvfs", lambda _path: disk_of(f_favail=12))
    assert all("12 files only" in check.text for check in files.disks(place.config))
