"""Time as the core sees it: handed in once a round, never read."""

from mine_controller.record import NamedTuple


class Local(NamedTuple):
    """The wall clock where the mine stands; made by the shell, because time zones are files."""

    date: str = "1970-01-01"
    minute: int = 0  # minute of the day, 0..1439
    weekday: int = 3  # 0 = Monday


class Clock(NamedTuple):
    """One round's time. `plant_s` follows the boot clock, never jumps or runs back, and drives every timer;
    `wall_s` (epoch seconds) only prices and is shown."""

    plant_s: int
    wall_s: int
    synced: bool = True
    stepped: bool = False  # the wall clock moved against the boot clock by more than 60 s since the last tick
    local: Local = Local()
    tick_s: int = 120  # how far apart ticks are planned
    began_s: int = 0  # plant time at which this tick began
    soft_end_s: int = 0  # plant time after which no further round begins
    opening: bool = True  # round 0: the only one in which anything may increase
    boot_id: str = ""  # which boot this is, and the seconds since it: the shell reads its own clock back from State
    boot_s: int = 0
    rebooted: bool = False  # first tick of a new boot: retained readings count for nothing
    day_s: int = 0  # wall time at which this day began where the mine stands; 0: nobody said
    day_end_s: int = 0  # and at which the next one begins: 23 to 25 h later
