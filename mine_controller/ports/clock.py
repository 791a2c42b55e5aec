"""The shell's clocks, read once a round: plant time on the boot clock, wall time beside it, local time made here."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mine_controller.core.model.clock import Clock, Local
from mine_controller.core.model.state import State
from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    from mine_controller.render.text import Fold

SOFT_S = 80  # no further round begins after this much of a tick; its stages end by 88 s
TOLD_BACK_S, TOLD_AHEAD_S = 95 * 86_400, 180_000  # what pages tell by the hour lies within: ninety days, and 50 h
STEP_S = 60  # wall against boot clock, beyond this the wall clock was stepped (CLK1, CLK2)
UNKEPT_US = 16_000_000  # NTP_PHASE_LIMIT: the kernel's error after a boot, and nine hours after the last word


class Sources(NamedTuple):
    """Where time comes from; tests hand in their own. `boot_s` counts on through suspend and never steps."""

    boot_s: Callable[[], float]
    wall_s: Callable[[], float]
    boot_id: Callable[[], str]
    synced: Callable[[], bool]


def boot_id() -> str:
    """The kernel's name of this boot ("" where there is none)."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def synced() -> bool:
    """True while the kernel takes the clock for kept: by its own largest error, as `timedatectl` does.

    The flag STA_UNSYNC says less: chrony without `rtcsync` never clears it, however well it keeps the clock.
    """
    import ctypes  # noqa: PLC0415 - 3 ms, and only here

    class Timex(ctypes.Structure):
        _fields_ = (
            ("modes", ctypes.c_uint),
            ("offset", ctypes.c_long),
            ("freq", ctypes.c_long),
            ("maxerror", ctypes.c_long),
            ("rest", ctypes.c_long * 37),
        )

    told = Timex()
    try:
        return bool(ctypes.CDLL(None).adjtimex(ctypes.byref(told)) >= 0 and told.maxerror < UNKEPT_US)
    except (OSError, AttributeError):
        return False


REAL = Sources(lambda: time.clock_gettime(time.CLOCK_BOOTTIME), time.time, boot_id, synced)


def pretending(wall_s: int) -> Sources:
    """The real boot clock under a wall clock that stands at `wall_s` now (dry run and shadow only)."""
    ahead_s = wall_s - time.time()
    return REAL._replace(wall_s=lambda: time.time() + ahead_s)


class Clocks:
    """One tick's clock. `plant_at` turns the wire's monotonic seconds into plant seconds."""

    def __init__(self, timezone: str, tick_s: int, sources: Sources = REAL) -> None:
        self.timezone, self.tick_s, self.sources = timezone, tick_s, sources
        self.offset_s = 0
        self.ended = False  # a termination signal came: no further round
        self._boot_id = sources.boot_id()
        self._synced = sources.synced()

    def __call__(self, state: State, former: Clock | None) -> Clock:
        """The clock of the next round; `former` None: the opening of a tick."""
        boot_s, wall_s = self.sources.boot_s(), int(self.sources.wall_s())
        if former is None:
            return self._opening(state, boot_s, wall_s)
        plant_s = int(boot_s) + self.offset_s
        day_s, day_end_s = self.day(wall_s)
        return former._replace(
            plant_s=max(plant_s, former.plant_s + 1),
            wall_s=wall_s,
            local=self.local(wall_s),
            day_s=day_s,
            day_end_s=day_end_s,
            opening=False,
            stepped=False,
            rebooted=False,
            boot_s=int(boot_s),
            soft_end_s=former.began_s if self.ended else former.soft_end_s,
        )

    def _opening(self, state: State, boot_s: float, wall_s: int) -> Clock:
        last = state.last
        plant_was, boot_was, wall_was = (int(last.get(key) or 0) for key in ("plant_s", "boot_s", "wall_s"))
        same = bool(self._boot_id) and last.get("boot_id") == self._boot_id and int(boot_s) >= boot_was
        # A person's restore blanks the boot of its state: nobody knows how long ago it was, so its timers stood still.
        put_back = bool(self._boot_id) and plant_was > 0 and last.get("boot_id") == ""
        passed_s = int(boot_s) - boot_was if same else 0 if put_back else int(boot_s)
        plant_s = max(plant_was + passed_s, plant_was + 1)
        self.offset_s = plant_s - int(boot_s)
        day_s, day_end_s = self.day(wall_s)
        return Clock(
            plant_s=plant_s,
            wall_s=wall_s,
            synced=self._synced,
            stepped=same and abs((wall_s - wall_was) - (int(boot_s) - boot_was)) > STEP_S,
            local=self.local(wall_s),
            tick_s=self.tick_s,
            began_s=plant_s,
            soft_end_s=plant_s + min(SOFT_S, max(5, self.tick_s * 3 // 4)),
            opening=True,
            boot_id=self._boot_id,
            boot_s=int(boot_s),
            rebooted=not same,
            day_s=day_s,
            day_end_s=day_end_s,
        )

    def plant_now_s(self) -> int:
        """Plant time now."""
        return int(self.sources.boot_s()) + self.offset_s

    def plant_at(self, monotonic_s: float) -> int:
        """Plant time at a moment of the wire's clock."""
        return int(self.sources.boot_s() + monotonic_s - time.monotonic()) + self.offset_s

    def local(self, wall_s: int) -> Local:
        """The wall clock where the mine stands."""
        from datetime import UTC, datetime  # noqa: PLC0415 - start-up is part of every tick
        from zoneinfo import ZoneInfo  # noqa: PLC0415

        there = datetime.fromtimestamp(wall_s, UTC).astimezone(ZoneInfo(self.timezone))
        return Local(there.strftime("%Y-%m-%d"), there.hour * 60 + there.minute, there.weekday())

    def day(self, wall_s: int) -> tuple[int, int]:
        """When the day of that moment begins and ends there."""
        return midnight_s(self.timezone, wall_s), midnight_s(self.timezone, wall_s, -1)


def fold_of(timezone: str, wall_s: int) -> "Fold | None":
    """When the site's clocks change, within what pages tell at that moment; None: they don't.

    Of a change and its undoing in so few days, as around Ramadan in Morocco, neither is told.
    """
    from datetime import UTC, datetime  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    zone = ZoneInfo(timezone)

    def side(at: int) -> tuple[int, str]:
        there = datetime.fromtimestamp(at, UTC).astimezone(zone)
        offset = there.utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0, there.tzname() or timezone

    last, first = wall_s - TOLD_BACK_S, wall_s + TOLD_AHEAD_S  # the last moment of the one, the first of the other
    before, after = side(last), side(first)
    if after[0] == before[0]:
        return None
    from mine_controller.render.text import Fold  # noqa: PLC0415 - half of the year does without

    while first - last > 1:
        middle = (first + last) // 2
        last, first = (middle, first) if side(middle)[0] == before[0] else (last, middle)
    return Fold(first, before, after)


def midnight_s(timezone: str, wall_s: int, back: int = 0) -> int:
    """When the day of that moment, or one so many days before it, began by the site's wall clock (23 to 25 h).

    `back` -1: when the next one begins.
    """
    from datetime import datetime, timedelta  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    there = datetime.fromtimestamp(wall_s, ZoneInfo(timezone)) - timedelta(days=back)  # by the wall clock
    return int(there.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp())


def local_day(timezone: str) -> "Callable[[int], str]":
    """What names the local day of a moment: "2026-10-25"."""
    from datetime import datetime  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    zone = ZoneInfo(timezone)
    return lambda wall_s: datetime.fromtimestamp(wall_s, zone).date().isoformat()


def utc_offset_s(timezone: str, wall_s: int) -> int:
    """How far the site's wall clock is from UTC at that moment."""
    from datetime import UTC, datetime  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    offset = datetime.fromtimestamp(wall_s, UTC).astimezone(ZoneInfo(timezone)).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
