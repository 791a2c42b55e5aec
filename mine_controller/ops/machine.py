"""What doctor looks at in the machine itself: rights, lock, disks, clocks, who starts the ticks, heat, memory."""

import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mine_controller.config.model import Config, Paths
from mine_controller.core.model.state import State
from mine_controller.ports.clock import REAL, STEP_S, Sources
from mine_controller.record import NamedTuple
from mine_controller.store.lock import holder
from mine_controller.store.state import clock_facts
from mine_controller.wire.mounts import overlaid, read_only

OK, WARN, FAIL = "ok", "warn", "fail"
MB = 1_000_000
ROOM_WARN, ROOM_FAIL = 200 * MB, 100 * MB
SMALL_SHARE = 5  # a file system in memory may be smaller than that: a fifth of it is enough, a tenth is not
MEMORY_WARN_KB, MEMORY_FAIL_KB = 100_000, 50_000
HOT_C, TOO_HOT_C = 75, 85
HELD_S = 110
FILES_FAIL = 1000
EMPTY_UV = 1_000_000  # microvolts: a clock's cell has some 3 V
WORN = 8  # of 10: what a card or an SSD says of its own wear
_CRON_READS = re.compile(r"[A-Za-z0-9_-]+")  # of Debian: what packages and editors leave there starts nothing
_TIMER = "minectl.timer"
_HOMES = ("/home", "/root", "/run/user")  # what ProtectHome=yes shows to nobody
FIRST_S = 1_735_689_600  # 2025-01-01: a clock before this was never set


class Check(NamedTuple):
    """One line of doctor. `remedy` "" where there is nothing to do."""

    name: str
    verdict: str  # ok warn fail
    text: str
    remedy: str = ""


def _said(line: tuple[str, ...]) -> str:
    """What a short command prints; "" when it is missing, fails or hangs."""
    found = shutil.which(line[0])
    if found is None:
        return ""
    try:
        done = subprocess.run([found, *line[1:]], capture_output=True, timeout=5, check=False)  # noqa: S603 - fixed lines
    except (OSError, subprocess.TimeoutExpired):
        return ""  # as good as not there: the caller says what it could not find
    return done.stdout.decode("utf-8", "replace")


class Machine(NamedTuple):
    """Where doctor looks; tests hand in their own."""

    root: Path = Path("/")
    sources: Sources = REAL
    run: Callable[[tuple[str, ...]], str] = _said


# -- files --------------------------------------------------------------------------------------------------------


def rights(config: Config) -> Iterator[Check]:
    """Every file and folder of the site can be written by who runs this."""
    paths = config.paths
    shut = [path for path in _written(paths) if not _writable(path) or _read_only(path)]
    who = _name(os.geteuid())
    owner = paths.db.parent.stat().st_uid if paths.db.parent.exists() else os.geteuid()
    if shut:
        remedy = f"run this as the user of the ticks (sudo -u {_name(owner)} minectl doctor), or chown them"
        if all(map(_read_only, shut)):
            remedy = "their disk is read-only, which no chown mends: see the line `disk` below"
        yield Check("rights", FAIL, f"{who} can't write {', '.join(map(str, shut))}", remedy)
    elif os.geteuid() == 0 and owner != 0:
        text = f"this is root, the data belongs to {_name(owner)}"
        yield Check("rights", WARN, text, f"use sudo -u {_name(owner)} minectl ..., so that no file becomes root's")
    else:
        yield Check("rights", OK, f"{who} can write all files of the site")
    yield from _private(paths)


def _read_only(path: Path) -> bool:
    """Whether its file system is; where it is not there, that of the folder it would be made in."""
    there = next((one for one in (path, *path.parents) if one.exists()), path)
    return read_only(there)


def _private(paths: Paths) -> Iterator[Check]:
    """What may hold secrets is read by its owner alone; nothing of the site is written by everybody."""
    for path in (paths.config, paths.db.parent / "config.last-good"):
        mode = path.stat().st_mode if path.exists() else 0
        if mode & 0o077:
            text = f"{path.name} can be read by others (mode {stat.S_IMODE(mode):03o})"
            yield Check("rights", WARN, text, f"chmod 600 {path}, unless every secret in it is a file: or env:")
    loose = [str(path) for path in (*_written(paths), paths.fleet) if path.exists() and path.stat().st_mode & 0o002]
    if loose:
        yield Check("rights", FAIL, f"anybody can write {', '.join(loose)}", f"chmod o-w {' '.join(loose)}")


def _written(paths: Paths) -> tuple[Path, ...]:
    return (paths.db, paths.inbox, paths.lock, paths.stop, paths.log, paths.www, paths.run, paths.backups)


def _writable(path: Path) -> bool:
    """It can be written, or be made in the nearest folder that exists."""
    while not path.exists():
        if path.parent == path:
            return False
        path = path.parent
        if path.exists():
            return path.is_dir() and os.access(path, os.W_OK | os.X_OK)
    return os.access(path, os.W_OK)


def _name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - only doctor names users

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def lock(config: Config, machine: Machine) -> Iterator[Check]:
    """Nobody has held the lock for longer than a tick may last. The lock itself is not touched."""
    last = holder(config.paths.lock)
    if not _held(config.paths.lock, machine.root):
        yield Check("lock", OK, "free")
        return
    age_s = last.holder_age_s if last else None
    who = f"process {last.holder}" if last else "a process"
    if age_s is not None and age_s > HELD_S:
        remedy = f"it hangs; cron's `timeout` would have ended it: kill {last.holder if last else ''}".rstrip()
        yield Check("lock", FAIL, f"held by {who} for {age_s} s", remedy)
    else:
        yield Check("lock", OK, f"a tick is at work ({who}, {age_s if age_s is not None else '?'} s)")


def _held(path: Path, root: Path) -> bool:
    """Look into the kernel's list of locks; trying it would make a tick that begins just now go away."""
    try:
        inode = path.stat().st_ino
        listed = (root / "proc/locks").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False  # no lock file yet, or no such list here: nothing says that it is held
    rows = (line.split() for line in listed.splitlines())
    return any("FLOCK" in row and any(cell.endswith(f":{inode}") for cell in row) for row in rows)


def disks(config: Config, root: Path = Path("/")) -> Iterator[Check]:
    """Room on every file system that is written, and whether what is learnt outlasts this boot."""
    kept_in = Path(os.path.realpath(config.paths.db.parent))
    if overlaid(kept_in, root):
        text = f"memory is laid over {kept_in}: a restart of this machine takes back all that was written there"
        remedy = "a partition of its own; with an overlay file system overlayroot=tmpfs:recurse=0 (docs/machine.md)"
        yield Check("disk", FAIL, text, remedy)
    seen: dict[int, str] = {}
    for path in _written(config.paths):
        while not path.exists() and path != path.parent:
            path = path.parent  # noqa: PLW2901 - the folder it would be made in
        seen.setdefault(path.stat().st_dev, str(path if path.is_dir() else path.parent))
    for name in seen.values():
        yield _room(name)


def _room(name: str) -> Check:
    total, _used, free = shutil.disk_usage(name)
    disk = os.statvfs(name)
    text = f"{free // MB} MB free at {name}"
    if read_only(Path(name)):
        remedy = "look at dmesg: a card that fails is made read-only; then replace it and `minectl restore`"
        return Check("disk", FAIL, f"{name} is mounted read-only", remedy)
    if disk.f_files and disk.f_favail < min(FILES_FAIL, disk.f_files // SMALL_SHARE):
        return Check(
            "disk", FAIL, f"{text}, and room for {disk.f_favail} files only", "remove what makes many small files"
        )
    remedy = "make room: old backups, logs and packages first (`journalctl --vacuum-size=50M`)"
    if free < min(ROOM_FAIL, total // (2 * SMALL_SHARE)):
        return Check("disk", FAIL, text, remedy)
    return Check("disk", WARN, text, remedy) if free < min(ROOM_WARN, total // SMALL_SHARE) else Check("disk", OK, text)


# -- clocks -------------------------------------------------------------------------------------------------------


def clocks(state: State, machine: Machine) -> Iterator[Check]:
    """The wall clock is set and follows a time server; the boot clock runs beside it."""
    wall_s, boot_s = machine.sources.wall_s(), machine.sources.boot_s()
    facts = clock_facts(state)
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(wall_s))
    ntp = "timedatectl set-ntp true (and let UDP port 123 out)"
    if wall_s < FIRST_S:
        yield Check("clock", FAIL, f"it is {now}: the clock was never set", ntp)
    elif facts is not None and wall_s < facts.wall_s - STEP_S:
        yield Check("clock", FAIL, f"it is {now}, which is before the last tick", ntp)
    elif machine.sources.synced():
        yield Check("clock", OK, f"it is {now}, kept by a time server")
    else:
        yield Check("clock", WARN, f"it is {now}, and no time server keeps it", ntp)
    if boot_s <= 0 or not machine.sources.boot_id():
        yield Check("boot clock", FAIL, "the kernel tells no boot clock", "minectl needs Linux with CLOCK_BOOTTIME")
    elif facts is not None and facts.boot_id == machine.sources.boot_id():
        apart_s = (wall_s - facts.wall_s) - (boot_s - facts.boot_s)
        if abs(apart_s) > STEP_S:
            text = f"the wall clock was set by {apart_s:+.0f} s since the last tick"
            yield Check("boot clock", WARN, text, "timers follow the boot clock; the next tick says so and goes on")
        else:
            yield Check("boot clock", OK, "wall and boot clock agree since the last tick")
    else:
        yield Check("boot clock", OK, f"up for {boot_s / 3600:.1f} h; no tick in this boot yet")


# -- the box ------------------------------------------------------------------------------------------------------


def timers(config: Config, machine: Machine) -> Iterator[Check]:
    """Exactly one thing starts the ticks."""
    found = [*_crontabs(machine), *_units(machine)]
    every = f"every {config.site.tick_s} s"
    if len(found) == 1:
        yield _fenced(config.paths, machine, f"{found[0]} starts the ticks (they should come {every})")
    elif found:
        remedy = "keep one: rm the cron line, or systemctl disable --now minectl.timer"
        yield Check("timer", WARN, f"more than one starts ticks: {', '.join(found)}", remedy)
    else:
        remedy = "./install.sh sets it up; by hand: cron/minectl into /etc/cron.d"
        named = [str(place) for place in _cron_files(machine) if not _CRON_READS.fullmatch(place.name)]
        deaf = [name for name in named if _starts_ticks(_read(Path(name)))]
        why = f"; cron passes over {', '.join(deaf)}: letters, digits, - and _ make the name of a file it reads"
        yield Check("timer", WARN, f"neither a cron line nor a systemd timer is found{why if deaf else ''}", remedy)


def _fenced(paths: Paths, machine: Machine, text: str) -> Check:
    """Fine, unless the timer's unit, as systemd reads all its files, keeps a tick from writing where it has to."""
    asked = ("systemctl", "show", "minectl.service", "-p", "ProtectSystem", "-p", "ProtectHome", "-p", "ReadWritePaths")
    shown = {name: value for name, _, value in (line.partition("=") for line in machine.run(asked).splitlines())}
    if not text.startswith(_TIMER) or shown.get("ProtectSystem") != "strict":
        return Check("timer", OK, text)
    open_to = [os.path.realpath(word.lstrip("-+")) for word in shown.get("ReadWritePaths", "").split()]
    hidden = _HOMES if shown.get("ProtectHome") == "yes" else ()
    shut = [path for path in _written(paths) if not _lies_in(path, open_to) or _lies_in(path, hidden)]
    if not shut:
        return Check("timer", OK, text)
    lines = ("ProtectHome=no, " if any(_lies_in(one, hidden) for one in shut) else "") + "ReadWritePaths=FOLDER"
    remedy = "sudo ./install.sh writes the usual places into config.txt; or `sudo systemctl edit minectl`, [Service], "
    return Check("timer", FAIL, f"its ticks may not write {', '.join(map(str, shut))}", remedy + lines)


def _lies_in(path: Path, folders: Sequence[str]) -> bool:
    return any(Path(os.path.realpath(path)).is_relative_to(one) for one in folders)


def _cron_files(machine: Machine) -> list[Path]:
    folder = machine.root / "etc/cron.d"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _crontabs(machine: Machine) -> Iterator[str]:
    places = [machine.root / "etc/crontab"]
    places += [place for place in _cron_files(machine) if _CRON_READS.fullmatch(place.name)]
    for place in places:
        try:
            text = place.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # not ours to read; the timer below or the age of the last tick tells as much
        if _starts_ticks(text):
            yield str(place)
    if _starts_ticks(machine.run(("crontab", "-l"))):
        yield "your crontab"


def _starts_ticks(text: str) -> bool:
    lines = (line.strip() for line in text.splitlines())
    return any("minectl" in line and " tick" in line and not line.startswith("#") for line in lines)


def _units(machine: Machine) -> Iterator[str]:
    if machine.run(("systemctl", "is-active", _TIMER)).strip() == "active":
        yield _TIMER


def heat(machine: Machine) -> Iterator[Check]:
    """The controller's own temperature, where the machine tells it."""
    shown = []
    for zone in sorted((machine.root / "sys/class/thermal").glob("thermal_zone*/temp")):
        try:
            shown.append(int(zone.read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):
            continue  # a sensor that is asleep
    if not shown:
        yield Check("heat", OK, "this machine tells no temperature")
        return
    hottest = max(shown)
    verdict = FAIL if hottest >= TOO_HOT_C else WARN if hottest >= HOT_C else OK
    remedy = "" if verdict == OK else "give the controller air: it slows down, and cards die of heat"
    yield Check("heat", verdict, f"the controller is at {hottest:.0f} °C", remedy)


def memory(machine: Machine) -> Iterator[Check]:
    """Memory that is left."""
    try:
        text = (machine.root / "proc/meminfo").read_text(encoding="ascii", errors="replace")
        rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        left_kb = int(rows["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError, IndexError):
        yield Check("memory", OK, "this machine does not tell what is left")
        return
    verdict = FAIL if left_kb < MEMORY_FAIL_KB else WARN if left_kb < MEMORY_WARN_KB else OK
    remedy = "" if verdict == OK else "end what is not needed on this machine; a tick takes about 60 MB"
    yield Check("memory", verdict, f"{left_kb // 1000} MB left", remedy)


# -- the board ----------------------------------------------------------------------------------------------------

# Bits of `vcgencmd get_throttled` on a Raspberry Pi: 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft limit:
# now; 16 to 19: the same since the last boot.
_NOW, _SINCE = 0xF, 0xF0000


def throttling(machine: Machine) -> Iterator[Check]:
    """Whether a Raspberry Pi has slowed down: mostly its power supply."""
    said = machine.run(("vcgencmd", "get_throttled")).strip().partition("=")[2]
    try:
        bits = int(said or _told_now(machine.root), 16)
    except ValueError:
        return  # no Raspberry Pi
    what = "under-voltage" if bits & 0x10001 else "heat"
    remedy = "a supply of 5.1 V and 3 A, a short thick cable" if bits & 0x10001 else "give the controller air"
    if bits & _NOW:
        yield Check("throttling", FAIL, f"the controller runs slower now: {what}", remedy)
    elif said and bits & _SINCE:
        yield Check("throttling", WARN, f"the controller ran slower since its start: {what}", remedy)
    else:
        yield Check("throttling", OK, "it never slowed down since its start" if said else "it does not slow down now")


def _told_now(root: Path) -> str:
    """What the kernel says of it: the firmware answers the group video alone, which the ticks' user is not in."""
    told = [*(root / "sys/devices/platform").glob("soc*/soc*:firmware/get_throttled")]
    names = (root / "sys/class/hwmon").glob("hwmon*/name")  # newer kernels tell of under-voltage alone, as 0 or 1
    told += [name.parent / "in0_lcrit_alarm" for name in names if _read(name).strip() == "rpi_volt"]
    return _read(told[0]) if told else ""


def card(machine: Machine) -> Iterator[Check]:
    """What is known of the wear of the disk, and whether it is one that wears out quickly."""
    blocks = machine.root / "sys/block"
    cards = sorted(path.name for path in blocks.glob("mmcblk[0-9]"))
    for name in cards:
        worn = max((int(part, 16) for part in _read(blocks / name / "device/life_time").split() if part), default=0)
        if worn >= WORN:
            yield Check(
                "card", FAIL, f"{name} says {worn * 10} % of its life is over", "replace it and `minectl restore`"
            )
            return
    if not cards:
        yield Check("card", OK, "no memory card: this disk does not wear out by small writes")
        return
    mounts = [line.split() for line in _read(machine.root / "proc/mounts").splitlines()]
    noisy = [row[1] for row in mounts if len(row) > 3 and row[0].startswith("/dev/mmcblk") and _keeps_atime(row[3])]
    remedy = "put noatime into /etc/fstab; an industrial card or an SSD lasts longer"
    if noisy:
        yield Check("card", WARN, f"{', '.join(cards)}: reading writes to {', '.join(noisy)}", remedy)
    else:
        yield Check("card", OK, f"{', '.join(cards)}; a spare card with a copy of this system is a good friend")


def _keeps_atime(options: str) -> bool:
    return not {"noatime", "relatime", "ro"} & set(options.split(","))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""  # this machine does not tell


def watchdog(machine: Machine) -> Iterator[Check]:
    """A hung controller restarts itself only where a hardware watchdog is fed by systemd."""
    if not (machine.root / "dev/watchdog").exists():
        yield Check("watchdog", OK, "this machine has no hardware watchdog: a hang needs a person or a switched outlet")
        return
    told = machine.run(("systemctl", "show", "-p", "RuntimeWatchdogUSec", "--value")).strip()
    if told in ("", "0", "infinity"):
        file = "/etc/systemd/system.conf.d/watchdog.conf"  # as docs/machine.md has it
        remedy = f"two lines, [Manager] and RuntimeWatchdogSec=14, into {file}, then reboot"
        yield Check("watchdog", WARN, "there is a hardware watchdog and nobody feeds it", remedy)
    else:
        yield Check("watchdog", OK, f"a hang of the controller restarts it after {told}")


def rtc(machine: Machine) -> Iterator[Check]:
    """Without a battery clock the time after a power cut is the one of before it, until a time server answers."""
    found = [_read(one / "battery_voltage").strip() for one in (machine.root / "sys/class/rtc").glob("rtc*")]
    if found and all(said.isdecimal() and int(said) < EMPTY_UV for said in found):
        text = "there is one, without a battery: it stands still while the power is off"
        yield Check("battery clock", WARN, text, "plug its battery in (a Raspberry Pi 5 is sold without)")
        return
    if found:
        yield Check("battery clock", OK, "there is one")
        return
    kept = (machine.root / "etc/fake-hwclock.data").exists() or (
        machine.root / "var/lib/systemd/timesync/clock"
    ).exists()
    text = "there is none: after a power cut the clock stands where it stood until a time server answers"
    remedy = "timers are safe (they follow the boot clock), prices and logs are not: a DS3231 module costs little"
    yield Check("battery clock", OK if kept else WARN, text, "" if kept else remedy)


def web(config: Config, machine: Machine) -> Iterator[Check]:
    """Who serves the page."""
    site = machine.root / "etc/nginx/sites-enabled/minectl"
    if not (machine.root / "etc/nginx").is_dir():
        yield Check("web server", OK, f"no nginx here; the page lies in {config.paths.www}")
        return
    if not (site.exists() or site.is_symlink()):
        remedy = "cp cron/minectl.nginx /etc/nginx/sites-available/minectl, link it to sites-enabled, nginx -s reload"
        yield Check("web server", WARN, "nginx is here and does not serve the page", remedy)
        return
    state = machine.run(("systemctl", "is-active", "nginx")).strip()
    if state in ("failed", "inactive"):
        yield Check("web server", FAIL, f"nginx is {state}", "nginx -t says why; then systemctl restart nginx")
        return
    root = str(config.paths.www)
    if root not in _read(site):
        yield Check("web server", WARN, f"nginx serves another folder than {root}", f"set `root {root};` in {site}")
    else:
        yield Check("web server", OK, f"nginx serves {root}")


def logs(config: Config, machine: Machine) -> Iterator[Check]:
    """The log is turned over before it fills the disk."""
    try:
        size = config.paths.log.stat().st_size
    except OSError:
        size = 0
    rules = sorted((machine.root / "etc/logrotate.d").glob("*"))
    named = [path.name for path in rules if config.paths.log.parent.as_posix() in _read(path)]
    remedy = f"cp cron/minectl.logrotate /etc/logrotate.d/minectl, with the path {config.paths.log}"
    if named:
        yield Check("log", OK, f"{size / MB:.1f} MB, turned over by /etc/logrotate.d/{named[0]}")
    else:
        verdict = WARN if size > 50 * MB or config.paths.log.is_relative_to("/var") else OK
        yield Check("log", verdict, f"{size / MB:.1f} MB, and nothing turns it over", remedy if verdict == WARN else "")
