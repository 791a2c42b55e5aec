"""The controller itself: how warm it is, what room its disk and memory have, its load, whether it was slowed down.

It is read through a wire of its own (`wire.local`), so nothing is opened over the network. Files as the Linux kernel
has them: `/sys/class/thermal/thermal_zone<n>/temp` in thousandths of a degree, `/proc/meminfo`, `/proc/loadavg`,
`/sys/devices/system/cpu/online` as a list of ranges. On a Raspberry Pi the firmware driver tells in `get_throttled`, in
hexadecimal: bit 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft temperature limit, each now. On a Pi 5 that
file lies elsewhere, and kernels leave it out in favour of hwmon, where `rpi_volt` tells of under-voltage alone, of the
last 2 s (drivers/hwmon/raspberrypi-hwmon.c).

    machine self:board_c               the hottest zone
    machine self:load_pct              the one-minute load, 100 = every processor busy
    machine self/disk:free_pct         room on the disk (the scarcer of bytes and files)
    machine self/disk:contact          alarm: it is read-only
    machine self/memory:free_pct
    machine self/throttling:contact    alarm: the supply is weak or it is too hot, so it runs slower now
"""

import re
from collections.abc import Mapping, Sequence

from mine_controller.core.option import option
from mine_controller.devices import _answer
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

CAN = Can(reads=("board_c", "load_pct", "free_pct", "contact"))
LANE = LaneSpec()
HERE = True

ZONES = 12  # a board has a handful; their numbers have no gaps
MEMORY, LOAD, CPUS = "local:/proc/meminfo", "local:/proc/loadavg", "local:/sys/devices/system/cpu/online"
THROTTLED = (
    "local:/sys/devices/platform/soc/soc:firmware/get_throttled",
    "local:/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled",
)
HWMON = "local:/sys/class/hwmon/hwmon{}/{}"
HWMONS = 12  # a board has a handful; what was given up leaves a gap
VOLT = b"rpi_volt"
ZONE = "local:/sys/class/thermal/thermal_zone{}/temp"
NOW_BITS = 0xF
_ROW = re.compile(r"([A-Za-z()_0-9]{1,40}):\s+([0-9]{1,15}) kB")
_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
_GOOD = 200


class Options(NamedTuple):
    """The machine the ticks run on."""

    disk: str = option("/", kind="path", help="a folder on the disk that is watched")


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Some small files; what this machine does not have is an answer with status 404."""
    del ask
    places = {
        "memory": MEMORY,
        "load": LOAD,
        "cpus": CPUS,
        "disk": f"local-disk:{options.disk}",
    }
    replies = [*(_get(wire, name, place) for name, place in places.items()), _supply(wire)]
    for number in range(ZONES):
        reply = _get(wire, f"zone{number}", ZONE.format(number))
        if reply.status == 404:
            break
        replies.append(reply)
    return tuple(replies)


def _supply(wire: Wire) -> Reply:
    """Reply "throttled", or "voltage" where only that is told."""
    for place in THROTTLED:
        told = _get(wire, "throttled", place)
        if told.status != 404:
            return told
    for number in range(HWMONS):
        if _get(wire, "hwmon", HWMON.format(number, "name")).body.strip() == VOLT:
            return _get(wire, "voltage", HWMON.format(number, "in0_lcrit_alarm"))
    return told


def _get(wire: Wire, name: str, place: str) -> Reply:
    told = wire.call(Request("GET", place), wire.until)
    return Reply(name, told.status, told.headers, told.body)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Everything in the module's table. Raises BadReply when the machine tells none of it."""
    del options
    said = {reply.name: reply for reply in replies if reply.status == _GOOD}
    found = (
        *_heat([reply for name, reply in said.items() if name.startswith("zone")]),
        *_load(said),
        *_memory(said),
        *_disk(said),
        *_throttled(said),
    )
    if all(one.value is None for one in found):
        raise BadReply("this machine tells nothing of itself")
    return found


def _text(reply: Reply) -> str:
    return reply.body[:65_536].decode("ascii", "replace")


def _heat(zones: Sequence[Reply]) -> list[Found]:
    degrees = [value / 1000 for zone in zones if (value := _answer.number(_text(zone))) is not None]
    warm = [one for one in degrees if one > 0]  # a zone that is not measured says 0 or less
    return [
        Found("", "board_c", round(max(warm), 1) if warm else None, "" if warm else "this machine tells no temperature")
    ]


def _load(said: Mapping[str, Reply]) -> list[Found]:
    first = _text(said["load"]).split()[:1] if "load" in said else []
    load = _answer.number(first[0]) if first else None
    cpus = _count(_text(said["cpus"])) if "cpus" in said else 0
    if load is None or not cpus:
        return [Found("", "load_pct", None, "this machine tells no load")]
    return [Found("", "load_pct", round(100 * load / cpus))]


def _count(ranges: str) -> int:
    """How many numbers "0-3,6" names."""
    parts = [_RANGE.fullmatch(part.strip()) for part in ranges.split(",")[:64]]
    return sum(max(0, int(found[2] or found[1]) - int(found[1]) + 1) for found in parts if found)


def _memory(said: Mapping[str, Reply]) -> list[Found]:
    rows = dict(_ROW.findall(_text(said["memory"]))) if "memory" in said else {}
    whole, free = (_answer.number(rows.get(name)) for name in ("MemTotal", "MemAvailable"))
    if not whole or free is None or free > whole:
        return [Found("memory", "free_pct", None, "this machine tells no memory")]
    return [Found("memory", "free_pct", round(100 * free / whole, 1))]


def _disk(said: Mapping[str, Reply]) -> list[Found]:
    if "disk" not in said:
        return [Found("disk", "free_pct", None, "there is no such folder")]
    told = _answer.table(said["disk"])
    shares = []
    for whole_name, free_name in (("bytes", "bytes_free"), ("files", "files_free")):
        whole, free = _answer.number(told.get(whole_name)), _answer.number(told.get(free_name))
        if whole and free is not None and 0 <= free <= whole:  # a file system may count no files
            shares.append(100 * free / whole)
    room = Found("disk", "free_pct", round(min(shares), 1) if shares else None, "" if shares else "tells no room")
    return [room, Found("disk", "contact", "alarm" if told.get("read_only") is True else "ok")]


def _throttled(said: Mapping[str, Reply]) -> list[Found]:
    """Only a Raspberry Pi tells; elsewhere there is nothing to say, and nothing is said."""
    if "voltage" in said:
        word = {"0": "ok", "1": "alarm"}.get(_text(said["voltage"]).strip())
        return [Found("throttling", "contact", word, "" if word else "unreadable")]
    if "throttled" not in said:
        return []
    try:
        bits = int(_text(said["throttled"]).strip()[:20], 16)
    except ValueError:
        return [Found("throttling", "contact", None, "unreadable")]
    return [Found("throttling", "contact", "alarm" if bits & NOW_BITS else "ok")]
