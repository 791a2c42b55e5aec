"""NMMiner, the ESP32 lottery miner: about 1 MH/s and 1 W, neither metered nor able to stop.

Firmware 2.x answers over HTTP and tells no mac; its host name (`nm-cyd-c5-ab12cd`, from its chip) is its identity.
Firmware up to 1.8 only broadcasts datagrams to UDP port 12345, which name nothing but an address: `datagram` reads one,
and whoever heard it must add the sender's mac: `source = udp` reads them by way of `minectl collect`. A still older
`/data` names nobody. It has no stop command.

Its pool is changed by a partial write of its settings over HTTP, read back, and a restart, because the maker's
documents differ on whether it counts without one. The settings hold pool passwords: they are asked for then only, and
nothing of them is told. Firmware up to 1.8 takes settings as datagrams that anyone may forge and nothing answers: not
from here.

The same maker's boards with ASICs (NMAxe, NMQAxe++) answer these pages and shout in the same form (their firmware's
source): they draw many times as much, and are told apart by the model they name.
"""

import json
import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from mine_controller.core.model.command import (
    ACCEPTED,
    APPLIED,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import option
from mine_controller.devices import _access, _answer, _boards, _hosts, _http, _pools, _pushed, _turns
from mine_controller.devices._boards import Unit
from mine_controller.devices._talks import Desk, Step
from mine_controller.devices.kind import Ask, BadReply, Can, Found, Guess, LaneSpec, Reply, Report, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire.collected import Hear
from mine_controller.wire.door import Request, Response, Wire, WireError

CAN = Can(
    reads=(
        *("address", "word", "chip_c", "hashrate_ths", "rate_hs", "uptime_s", "accepted_n", "rejected_n"),
        *("best_diff_n", "pool", "text"),
    ),
    verbs=("pool", "restart", "locate"),
    fleet=True,
)
LANE = LaneSpec(width=1, call_s=5.0, batch=True, proof_s=20)
BUDGET_S = 8.0
EVERY_S = 60
SETTLE_S = 60

SETTINGS, RESTART, FIND = "/api/setting/mining", "/api/system/restart", "/api/swarm/find"

HEARD = "udp"  # part of a reply that is a datagram; its header "mac" is the sender's, added by whoever heard it
LONGEST = 1024  # bytes of a datagram
FRESH_S = 60  # a board shouts every 5 s
UDP = "udp"
DEAF = "takes settings only as datagrams, which nothing answers: update it to 2.x, or say udp_settings = yes"
UNPLACED = "is heard, but its mac is not known (yet): is a router between it and this machine?"
MUTE = "its firmware takes no orders: update it to 2.x"
SENT = "sent as a datagram, which nothing answers; what it shouts will show whether it took it"
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([KMGT]?)(?:H/s)?")
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
    source: str = option(
        "http", choices=("http", UDP), help="udp = firmware up to 1.8, which only shouts: needs `minectl collect`"
    )
    udp_port: int = option(12_345, low=1, high=65_535, help="the port they shout to")
    udp_settings: bool = option(
        False, help="with source = udp: its pool is set by a datagram (firmware 1.5.01 to 1.8); try one board first"
    )
    udp_settings_port: int = option(12_347, low=1, high=65_535, help="the port where it hears settings")
    nominal_w: int = option(1, unit="W", low=1, high=20, help="what one board draws, unless fleet.csv says")
    standby_w: int = option(1, unit="W", low=0, high=20, help="it can't stop, so the same")
    pools: tuple[Pool, ...] = _pools.POOLS


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
    user: str | None = None
    best: str | None = None


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _hosts.faults(options.hosts)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """One reply an address. Raises WireError when none answers, or nothing collects what they shout."""
    if options.source == UDP:
        return _shouted(wire, options, ask.memory)
    return _boards.ask(wire, options, options.path, ask.memory)


def pushed(options: Options) -> Hear | None:
    """What `minectl collect` is to hear for such a section."""
    return Hear(udp_port=options.udp_port, hosts=_hosts.expand(options.hosts)) if options.source == UDP else None


def _shouted(wire: Wire, options: Options, memory: Mapping[str, str]) -> tuple[Reply, ...]:
    try:
        told = _pushed.told(_pushed.collected(wire))
    except BadReply as error:
        raise WireError("missing", str(error)) from None
    newest = {one.source: one for one in told.arrivals}
    replies = tuple(_datagram_of(host, newest.get(host), memory) for host in _hosts.expand(options.hosts))
    if all(one.status == _access.SILENT for one in replies):
        raise WireError("missing", told.line or f"no datagram from any of its addresses in {FRESH_S} s")
    return replies


def _datagram_of(host: str, heard: _pushed.Arrival | None, memory: Mapping[str, str]) -> Reply:
    if heard is not None and heard.age_s is not None and heard.age_s <= FRESH_S and not heard.cut:
        return Reply(f"{host} {HEARD}", 200, {"mac": heard.note}, heard.body.encode())
    age = "" if heard is None or heard.age_s is None else f" for {heard.age_s:.0f} s"
    return Reply(f"{host} {HEARD}", _access.SILENT, {"why": f"no datagram{age}", "unit": memory.get(host, "")}, b"")


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """By host name (a datagram: by the sender's mac) `address`, `word`, `chip_c`, `hashrate_ths`, and texts.

    A reply named "<address> udp" is a datagram from that address.
    """
    return _boards.fleet(replies, lambda parts: _read(parts, options), ("word",))


def _read(parts: Mapping[str, Reply], options: Options) -> Unit:
    udp = parts.get(HEARD)
    if udp is None:
        heard = _status(_boards.only(parts))
        name = _boards.serial(heard.name)
        if not name:
            raise BadReply("tells no host name that fleet.csv could hold")
    else:
        heard = datagram(udp.body)
        if heard.address != udp.name.partition(" ")[0]:
            raise BadReply("a datagram that names another address than its sender's")
        if not udp.headers.get("mac"):  # no board tells it: the kernel learns it of its own network
            raise BadReply(UNPLACED)
        name = _boards.named(udp.headers["mac"])
    return Unit(name, tuple(_unit(name, heard, options)))


def datagram(raw: bytes) -> Heard:
    """One datagram of firmware up to 1.8. Raises BadReply, also for the maker's boards of another kind, which shout in
    the same words to the same port (ESP-Miner-NMAxe, monitor.cpp). It can be forged by anyone: read only."""
    if len(raw) > LONGEST:
        raise BadReply("a datagram longer than any board sends")
    told = _answer.table(Reply("datagram", 200, {}, raw))
    address = told.get("ip", told.get("IP"))
    if not isinstance(address, str) or "HashRate" not in told:
        raise BadReply("a datagram of something else")
    rejected, accepted = _pair(told.get("Share"))
    heard = Heard(
        name="",
        address=_answer.clean(address, 40),
        model=_text(told.get("BoardType")),
        firmware=_text(told.get("Version")),
        rate_hs=_rate_hs(told.get("HashRate")),
        chip_c=_boards.above_zero(told.get("Temp")),
        accepted=accepted,
        rejected=rejected,
        uptime_s=_uptime_s(told.get("Uptime")),
        pool=_boards.pool(told.get("PoolInUse")),
        best=_best(told.get("BestDiff")),
    )
    return _lottery(heard)


def _status(told: dict[str, Any]) -> Heard:
    """Any of the HTTP pages. Raises BadReply for what is none of them, and for the maker's boards of another kind."""
    return _lottery(_page(told))


def _lottery(heard: Heard) -> Heard:
    """The same, unless it is one of the maker's boards with ASICs. Raises BadReply."""
    if "axe" in (heard.model or "").lower():
        raise BadReply(f"is a {heard.model}, no lottery miner: it draws many times as much")
    return heard


def _page(told: dict[str, Any]) -> Heard:
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
        user=dig("stratum.user") if isinstance(dig("stratum.user"), str) else None,
        best=_text(dig("miner.bestDiffEver")),
    )


def _probe(told: dict[str, Any]) -> Heard:
    """`/probe`: H/s, and little else."""
    name, model, firmware = told.get("hostname"), _text(told.get("model")), _text(told.get("ver"))
    rate_hs, up_s = _boards.not_negative(told.get("hr")), _boards.not_negative(told.get("ut"))
    return Heard(name or "", "", model, firmware, rate_hs, None, None, None, up_s, None)


def _unit(name: str, heard: Heard, options: Options) -> list[Found]:
    rate = heard.rate_hs
    word = ("hashing", "") if rate else (None, "gives no hash rate" if rate is None else "no hash rate (no pool?)")
    return [
        Found(name, "word", *word),
        _boards.known(name, "chip_c", heard.chip_c, "no temperature sensor"),
        _boards.known(name, "hashrate_ths", None if rate is None else round(rate / 1e12, 15), "gives no hash rate"),
        *_boards.numbers(name, uptime_s=heard.uptime_s, accepted_n=heard.accepted, rejected_n=heard.rejected),
        *_boards.numbers(name, rate_hs=rate, best_diff_n=_boards.difficulty(heard.best)),
        *_boards.pool_found(name, options.pools, heard.pool, heard.user),
        *_boards.texts(
            name,
            model=heard.model,
            firmware=heard.firmware,
            hashrate=None if rate is None else f"{rate / 1e3:.1f} kH/s",  # in TH/s two decimals show nothing of it
            best=heard.best,
            pool=heard.pool,
        ),
    ]


def _text(value: Any) -> str | None:
    return _answer.clean(value, 40) if isinstance(value, str) else None


def _rate_hs(value: Any) -> float | None:
    """H/s of a text like "1.0154MH/s", or "113.13K" as the first firmware has it (NMController_client, README.md)."""
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    return round(float(found[1]) * _UNITS[found[2]], 3) if found else None


def _best(value: Any) -> str | None:
    """The best ever; some firmware tells the best of this start before it ("0.000 /480.5K", or a carriage return)."""
    return _text(re.split(r"[\r/]", value)[-1]) if isinstance(value, str) and len(value) < 80 else None


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


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """All boards at once; each is read first, to know who it is. Those that only shout are told by a datagram each."""
    if options.source == UDP:
        for command in batch:
            report(_shout_at(wire, options, command))
        return
    _boards.talk(wire, options, batch, report, CAN.verbs, lambda desk: _talk(desk, options))


def _shout_at(wire: Wire, options: Options, command: Command) -> Outcome:
    """One datagram with its pool alone, to the unit that shouts from there. Nobody documents that the rest stays."""
    if not options.udp_settings or command.verb != "pool":
        return Outcome(command.id, UNSUPPORTED, DEAF if command.verb == "pool" else MUTE)
    pool, (host, unit) = _pools.named(options.pools, command.value), _hosts.wanted(command)
    if pool is None:
        return Outcome(command.id, REFUSED, f"{command.value[:40]!r} is no pool of this section")
    try:
        heard = _datagram_of(host, _pushed.told(_pushed.collected(wire)).last(host), {})
        if heard.status == _access.SILENT or not unit or heard.headers.get("mac", "").lower() != unit:
            return Outcome(
                command.id, UNREACHABLE, f"not sent: {heard.headers.get('why') or 'another unit shouts there'}"
            )
        told = {"PrimaryPool": pool.url, "PrimaryAddress": pool.user, "PrimaryPassword": pool.password.reveal()}
        body = json.dumps({"IP": host, **told}).encode()
        wire.call(Request("SEND", f"udp://{host}:{options.udp_settings_port}", body=body), wire.until)
    except (WireError, BadReply) as error:
        return Outcome(command.id, UNREACHABLE, str(error))
    return Outcome(command.id, ACCEPTED, SENT)


def _talk(desk: Desk, options: Options) -> Generator[Step, Response, None]:
    answer = yield Step(_http.pack("GET", desk.host, options.path))
    name = _boards.serial(_status(_boards.only({"": _boards.reply(desk.host, answer)})).name)
    if not name:
        raise BadReply("tells no host name that fleet.csv could hold")
    if desk.is_stranger(name):
        return
    for command in desk.of("locate"):
        yield from _locate(desk, command)
    for command in desk.of("pool"):
        yield from _pool(desk, command, options)
    stored, asked = desk.of("pool"), desk.of("restart")
    if stored or asked:
        yield from _restart(desk, stored, asked)


def _locate(desk: Desk, command: Command) -> Generator[Step, Response, None]:
    """Its screen flashes for some seconds, its light where it has one."""
    on = _boards.switched(desk, command)
    if on is None:
        return
    if not on:
        desk.tell(command, APPLIED, "it ends by itself within seconds")
        return
    answer = yield Step(_http.pack("POST", desk.host, FIND), changes=True)
    if answer.status == 404:
        desk.tell(command, UNSUPPORTED, "its firmware has no way to be found: update it")
    elif 200 <= answer.status < 300:
        desk.tell(command, APPLIED, "for some seconds")
    else:
        desk.say(_turns.judged(command, answer))


def _restart(desk: Desk, stored: list[Command], asked: list[Command]) -> Generator[Step, Response, None]:
    """Restart once, for what is stored and for who asked."""
    try:
        answer = yield Step(_http.pack("POST", desk.host, RESTART), changes=True)
    except (WireError, BadReply) as error:
        for command in stored:
            desk.tell(command, ACCEPTED, f"stored; its restart, which makes it count, was not answered: {error}"[:120])
        raise
    good = 200 <= answer.status < 300
    for command in stored:
        desk.tell(command, ACCEPTED, "stored; restarting to use it" if good else "stored; used after its next restart")
    for command in asked:
        if good:
            desk.tell(command, ACCEPTED, "restarting")
        elif answer.status == 404:
            desk.tell(command, UNSUPPORTED, "its firmware has no restart over HTTP: update it to 2.x")
        else:
            desk.say(_turns.judged(command, answer))


def _pool(desk: Desk, command: Command, options: Options) -> Generator[Step, Response, None]:
    """Store the pool and read it back; it stays untold when a restart is to make it count."""
    pool = _pools.named(options.pools, command.value)
    if pool is None:
        desk.tell(command, REFUSED, f"{command.value[:40]!r} is no pool of this section")
        return
    look = Step(_http.pack("GET", desk.host, SETTINGS))
    before = _settings((yield look))
    if before is None:
        desk.tell(command, UNSUPPORTED, "its firmware takes no settings over HTTP: update it to 2.x")
        return
    if _is_first(before, pool):
        desk.tell(command, APPLIED, "was so already")
        return
    body = {"PrimaryPool": pool.url, "PrimaryAddress": pool.user, "PrimaryPassword": pool.password.reveal()}
    answer = yield Step(_http.pack("POST", desk.host, SETTINGS, body), changes=True)
    if not 200 <= answer.status < 300:
        desk.say(_turns.judged(command, answer))
        return
    try:
        after = _settings((yield look))
    except (WireError, BadReply):
        return
    if after is None or not _is_first(after, pool):
        desk.tell(command, UNKNOWN, "answered that it did, and shows another pool")


def _settings(answer: Response) -> dict[str, Any] | None:
    """Its mining settings, None where it has none. Raises BadReply without a word of what they hold."""
    if answer.status in (404, 405, 501):
        return None
    try:
        told = _answer.table(_boards.reply("settings", answer))
    except BadReply:
        raise BadReply(f"its settings can't be read ({answer.status})") from None
    return told if "PrimaryPool" in told else None


def _is_first(told: dict[str, Any], pool: Pool) -> bool:
    there = _pools.where(told.get("PrimaryPool"))
    return there is not None and there == _pools.where(pool.url) and told.get("PrimaryAddress") == pool.user


def recognise(seen: Seen) -> Guess | None:
    """By the model its probe or its status names; or by a datagram, which names no unit."""
    for asked in ("GET /probe", "GET /api/system/info"):
        told = _boards.seen_table(seen, asked)
        try:
            heard = _status(told)
        except BadReply:
            continue
        rank = 3 if (heard.model or "").startswith("NMMiner") else 2
        return Guess("nmminer", rank, heard.model or "", heard.firmware or "", _boards.serial(heard.name))
    try:
        heard = datagram(seen.answers.get("udp", b""))
    except BadReply:
        return None
    return Guess("nmminer", 2, heard.model or "", heard.firmware or "") if heard.address == seen.host else None
