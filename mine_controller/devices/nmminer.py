"""NMMiner, the ESP32 lottery miner: about 1 MH/s and 1 W, neither metered nor able to stop.

Firmware 2.x answers over HTTP and tells no mac; its host name (`nm-cyd-c5-ab12cd`, from its chip) is its identity.
Firmware up to 1.8 only broadcasts datagrams to UDP port 12345, which name nothing but an address: `datagram` reads one,
and whoever heard it must add the sender's mac. A still older `/data` names nobody. Read only: it has no stop command,
and its settings hold pool passwords, so they are not asked for.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mine_controller.core.option import option
from mine_controller.devices import _answer, _boards, _hosts
from mine_controller.devices._boards import Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.wire.door import Wire

CAN = Can(reads=("address", "word", "chip_c", "hashrate_ths"), fleet=True)
LANE = LaneSpec()
BUDGET_S = 8.0

HEARD = "udp"  # part of a reply that is a datagram; its header "mac" is the sender's, added by whoever heard it
LONGEST = 1024  # bytes of a datagram
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([KMGT]?)H/s")
_SHARES = re.compile(r"([0-9]{1,12})/([0-9]{1,12})(?:[ /(].*)?")  # rejected first
_UPTIME = re.compile(r"([0-9]{1,5})d ([0-9]{1,2}):([0-9]{2}):([0-9]{2})")
_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


class Options(NamedTuple):
    """Some boards."""

    hosts: tuple[str, ...] = _boards.HOSTS
    port: int = _boards.PORT
    path: str = option(
        "/api/system/info", choices=("/api/system/info", "/probe"), help="which of its two status pages is read"
    )
    nominal_w: int = option(1, unit="W", low=1, high=20, help="what one board draws, unless fleet.csv says")
    standby_w: int = option(1, unit="W", low=0, high=20, help="it can't stop, so the same")


class Heard(NamedTuple):
    """What a unit told, in any of its dialects. None: not told."""

    name: str  # host name, "" where it tells none
    address: str  # as it says itself, "" where it does not
    model: str | None
    firmware: str | None
    rate_hs: float | None
    chip_c: float | None
    accepted: float | None
    rejected: float | None
    uptime_s: float | None
    pool: str | None


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _hosts.faults(options.hosts)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """One reply an address."""
    return _boards.ask(wire, options, options.path, ask.memory)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """By host name (a datagram: by the sender's mac) `address`, `word`, `chip_c`, `hashrate_ths`, and texts.

    A reply named "<address> udp" is a datagram from that address.
    """
    del options
    return _boards.fleet(replies, _read, ("word",))


def _read(parts: Mapping[str, Reply]) -> Unit:
    udp = parts.get(HEARD)
    if udp is None:
        heard = _status(_boards.only(parts))
        name = _boards.serial(heard.name)
        if not name:
            raise BadReply("tells no host name that fleet.csv could hold")
    else:
        heard, name = datagram(udp.body), _boards.named(udp.headers.get("mac"))
        if heard.address != udp.name.partition(" ")[0]:
            raise BadReply("a datagram that names another address than its sender's")
    return Unit(name, tuple(_unit(name, heard)))


def datagram(raw: bytes) -> Heard:
    """One datagram of firmware up to 1.8. Raises BadReply. It can be forged by anyone on the network: read only."""
    if len(raw) > LONGEST:
        raise BadReply("a datagram longer than any board sends")
    told = _answer.table(Reply("datagram", 200, {}, raw))
    if not isinstance(told.get("ip"), str) or "HashRate" not in told:
        raise BadReply("a datagram of something else")
    rejected, accepted = _pair(told.get("Share"))
    return Heard(
        name="",
        address=_answer.clean(told["ip"], 40),
        model=_text(told.get("BoardType")),
        firmware=_text(told.get("Version")),
        rate_hs=_rate_hs(told.get("HashRate")),
        chip_c=_boards.above_zero(told.get("Temp")),
        accepted=accepted,
        rejected=rejected,
        uptime_s=_uptime_s(told.get("Uptime")),
        pool=_boards.pool(told.get("PoolInUse")),
    )


def _status(told: dict[str, Any]) -> Heard:
    """Any of the HTTP pages. Raises BadReply for what is none of them."""
    if isinstance(told.get("identity"), dict) and isinstance(told.get("miner"), dict):
        return _info(told)
    if "hr" in told and "hostname" in told:
        return _probe(told)
    if "timeMining" in told:
        raise BadReply("is too old to say who it is: update its firmware")
    raise BadReply("is no status of an NMMiner")


def _info(told: dict[str, Any]) -> Heard:
    """`/api/system/info`: GH/s; a sensor that is not there is null."""

    def dig(path: str) -> Any:
        return _answer.dig(told, path)

    rate_ghs = _boards.not_negative(dig("miner.hashRate"))
    degrees = [found for key in ("vcore", "asic") if (found := _boards.above_zero(dig(f"temps.{key}"))) is not None]
    return Heard(
        name=dig("identity.hostName") or "",
        address="",
        model=_text(dig("identity.hwModel")),
        firmware=_text(dig("identity.fwVersion")),
        rate_hs=None if rate_ghs is None else rate_ghs * 1e9,
        chip_c=max(degrees, default=None),
        accepted=_boards.not_negative(dig("miner.sAccepted")),
        rejected=_boards.not_negative(dig("miner.sRejected")),
        uptime_s=_boards.not_negative(dig("miner.uptimeSeconds")),
        pool=_boards.pool(dig("stratum.url")),
    )


def _probe(told: dict[str, Any]) -> Heard:
    """`/probe`: H/s, and little else."""
    name, model, firmware = told.get("hostname"), _text(told.get("model")), _text(told.get("ver"))
    rate_hs, up_s = _boards.not_negative(told.get("hr")), _boards.not_negative(told.get("ut"))
    return Heard(name or "", "", model, firmware, rate_hs, None, None, None, up_s, None)


def _unit(name: str, heard: Heard) -> list[Found]:
    rate = heard.rate_hs
    word = ("hashing", "") if rate else (None, "gives no hash rate" if rate is None else "no hash rate (no pool?)")
    return [
        Found(name, "word", *word),
        _boards.known(name, "chip_c", heard.chip_c, "no temperature sensor"),
        _boards.known(name, "hashrate_ths", None if rate is None else round(rate / 1e12, 15), "gives no hash rate"),
        *_boards.texts(
            name,
            model=heard.model,
            firmware=heard.firmware,
            hashrate=None if rate is None else f"{rate / 1e3:.1f} kH/s",  # in TH/s two decimals show nothing of it
            shares=_boards.shares(heard.accepted, heard.rejected),
            uptime=_boards.uptime(heard.uptime_s),
            pool=heard.pool,
        ),
    ]


def _text(value: Any) -> str | None:
    return _answer.clean(value, 40) if isinstance(value, str) else None


def _rate_hs(value: Any) -> float | None:
    """H/s of a text like "1.0154MH/s"."""
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    return round(float(found[1]) * _UNITS[found[2]], 3) if found else None


def _pair(value: Any) -> tuple[float | None, float | None]:
    """(rejected, accepted) of a text like "3/412/99.3%"."""
    found = _SHARES.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 80 else None
    return (float(found[1]), float(found[2])) if found else (None, None)


def _uptime_s(value: Any) -> float | None:
    """Seconds of "000d 00:22:57", this start; what follows it (since ever) does not count."""
    found = _UPTIME.match(value) if isinstance(value, str) else None
    if not found:
        return None
    days, hours, minutes, seconds = (int(part) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
