"""The machine's clocks: right, kept, and over a power cut."""

import time
from collections.abc import Iterator

from mine_controller.core.model.state import State
from mine_controller.ops.checks.check import FAIL, OK, WARN, Check, Machine, read
from mine_controller.ports.clock import STEP_S
from mine_controller.store.state import clock_facts

FIRST_S = 1_735_689_600  # 2025-01-01: a clock before this was never set
EMPTY_UV = 1_000_000  # microvolts: a clock's cell has some 3 V


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


def rtc(machine: Machine) -> Iterator[Check]:
    """Without a battery clock the time after a power cut is the one of before it, until a time server answers."""
    found = [read(one / "battery_voltage").strip() for one in (machine.root / "sys/class/rtc").glob("rtc*")]
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
