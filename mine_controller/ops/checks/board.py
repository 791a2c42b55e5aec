"""The board it runs on: heat, memory, voltage, card, watchdog."""

from collections.abc import Iterator
from pathlib import Path

from mine_controller.ops.checks.check import FAIL, OK, WARN, Check, Machine, read

MEMORY_WARN_KB, MEMORY_FAIL_KB = 100_000, 50_000
HOT_C, TOO_HOT_C = 75, 85
WORN = 8  # of 10: what a card or an SSD says of its own wear
# Bits of `vcgencmd get_throttled` on a Raspberry Pi: 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft limit:
# now; 16 to 19: the same since the last boot.
_NOW, _SINCE = 0xF, 0xF0000


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
    told += [name.parent / "in0_lcrit_alarm" for name in names if read(name).strip() == "rpi_volt"]
    return read(told[0]) if told else ""


def card(machine: Machine) -> Iterator[Check]:
    """What is known of the wear of the disk, and whether it is one that wears out quickly."""
    blocks = machine.root / "sys/block"
    cards = sorted(path.name for path in blocks.glob("mmcblk[0-9]"))
    for name in cards:
        worn = max((int(part, 16) for part in read(blocks / name / "device/life_time").split() if part), default=0)
        if worn >= WORN:
            yield Check(
                "card", FAIL, f"{name} says {worn * 10} % of its life is over", "replace it and `minectl restore`"
            )
            return
    if not cards:
        yield Check("card", OK, "no memory card: this disk does not wear out by small writes")
        return
    mounts = [line.split() for line in read(machine.root / "proc/mounts").splitlines()]
    noisy = [row[1] for row in mounts if len(row) > 3 and row[0].startswith("/dev/mmcblk") and _keeps_atime(row[3])]
    remedy = "put noatime into /etc/fstab; an industrial card or an SSD lasts longer"
    if noisy:
        yield Check("card", WARN, f"{', '.join(cards)}: reading writes to {', '.join(noisy)}", remedy)
    else:
        yield Check("card", OK, f"{', '.join(cards)}; a spare card with a copy of this system is a good friend")


def _keeps_atime(options: str) -> bool:
    return not {"noatime", "relatime", "ro"} & set(options.split(","))


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
