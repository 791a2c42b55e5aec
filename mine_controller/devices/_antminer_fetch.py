"""How Antminer boards are asked: their API first, then the web side of each firmware, every step with all at once.

Stock boards of the 19 series and newer take one command a connection; what can be joined is. What was learned of an
address is kept in memory: "<unit> <firmware> <joined|single> <since> <flags>". `since` is the plant second at which
its miner process started: while it stands still, the unit at the address is the one whose mac was read there. But after
a black-out all of them start at once, and then addresses may still change: so each in its turn says again who it is,
and where one is another one, all do.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from mine_controller.core.model.pool import Pool
from mine_controller.devices import _answer, _antminer, _antminer_web, _asic_rs, _cgminer, _hosts, _units
from mine_controller.devices._antminer import BRAIINS, LUXOS, STOCK, VNISH
from mine_controller.devices._antminer_web import Answer, Call, Digest, Reached
from mine_controller.devices._cgminer import Line
from mine_controller.devices.kind import Ask, BadReply, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Wire, WireError

FIRST = ("version", "summary", "stats", "pools")
PARTS = {
    "": FIRST,
    STOCK: ("summary", "stats", "pools"),
    LUXOS: ("version", "summary", "pools", "config", "power", "fans", "temps"),
    BRAIINS: ("version", "summary", "pools", "temps", "fans", "tunerstatus"),
    VNISH: FIRST,
}
STOCK_UNNAMED = ("summary", "stats")
# Flags: not tried again until the unit restarts. IN_TURN: took one connection and let another one wait in vain, in two
# readings one after the other. DOUBTED: in one; a packet may have been lost.
NO_POWER_PORT, NO_REST, IN_TURN, DOUBTED = "p", "r", "t", "d"
DRIFT_S = 180
TURN_S, TURNS = 120, 30  # each board says within an hour who it is
TURN = "in_turn"  # the memory of when boards were last asked in turn; no host is called so
_IS_JOINED = re.compile(rb'"(?:summary|version)"\s*:\s*[\[{]')
_ELAPSED = re.compile(rb'"Elapsed"\s*:\s*"?([0-9]{1,10})')
_MODE = re.compile(rb'"(?:miner-mode|bitmain-work-mode)"\s*:')
_WATTS = re.compile(rb'"(?:chain_power|power|Power|watt|total_power)"\s*:\s*"?[1-9]')
# The flag lies beside the command: inside "parameter" it is ignored, and firmware without it answers the older shape.
NEW_STATS = b'{"command":"stats","new_api":true}'


class Options(Reached, Protocol):
    """What this needs of the section's options."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Addresses, ranges and networks."""

    @property
    def port(self) -> int:
        """Port of the API."""

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Pools that have a name."""


class Known(NamedTuple):
    """What was learned of one address."""

    unit: str = ""
    family: str = ""
    how: str = ""
    since: int | None = None
    flags: str = ""

    @classmethod
    def of(cls, text: str) -> "Known":
        """Out of memory; what can't be read was never learned."""
        words = text.split(" ")
        if len(words) != 5 or not words[3].lstrip("-").isdigit():
            return cls()
        return cls(words[0].strip("-"), words[1].strip("-"), words[2].strip("-"), int(words[3]), words[4].strip("-"))

    def text(self) -> str:
        """As it is kept in memory."""
        return f"{self.unit or '-'} {self.family or '-'} {self.how or '-'} {self.since or 0} {self.flags or '-'}"


class Asking:
    """One reading of the whole section. `parts` are the answers of each address by name, `asked` its API's first."""

    def __init__(self, wire: Wire, options: Options, ask: Ask) -> None:
        self.wire, self.options, self.at_s = wire, options, ask.at_s
        self.hosts = _hosts.expand(options.hosts)
        self.turns = {host: -at % TURNS for at, host in enumerate(self.hosts)}
        self.due = _due(ask)
        self.known = {host: Known.of(ask.memory.get(host, "")) for host in self.hosts}
        self.held = Counter(known.unit for known in self.known.values())
        self.parts: dict[str, dict[str, Reply]] = {host: {} for host in self.hosts}
        self.asked = {host: self._wanted(host) for host in self.hosts}
        self.again: set[str] = set()  # restarted since the last reading, or never read: who is it?

    def replies(self) -> tuple[Reply, ...]:
        """Every answer, named "<host>" (joined) or "<host> <part>", what is known in "<host> known", and TURN."""
        self._api(self.hosts)
        self._learn()
        self._rest_of_api()
        self._web()
        told = (reply for host in self.hosts for reply in (*self.parts[host].values(), self._kept(host)))
        return (*told, Reply(TURN, 200, {}, str(self.at_s).encode()))

    def _kept(self, host: str) -> Reply:
        return Reply(f"{host} known", 200, {}, json.dumps(self.known[host].text()).encode())

    def _heard(self, replies: Iterable[Reply]) -> None:
        for reply in replies:
            host, _, part = reply.name.partition(" ")
            self.parts[host][part] = reply

    def _wanted(self, host: str) -> tuple[str, ...]:
        """Stock boards answer part by part, a connection each: no pools where none has a name to be told by."""
        family = self.known[host].family
        return STOCK_UNNAMED if family == STOCK and not self.options.pools else PARTS[family]

    def _api(self, hosts: Sequence[str]) -> None:
        joined = [host for host in hosts if self.known[host].how != "single"]
        lines = [Line(host, host, cgminer.request("+".join(self._wanted(host)))) for host in joined]
        single = [host for host in hosts if self.known[host].how == "single"]
        for reply in _cgminer.asked(self.wire, self.options, lines):
            if _can_not_join(reply):
                single.append(reply.name)
                self.known[reply.name] = self.known[reply.name]._replace(how="single")
            else:
                self.parts[reply.name][""] = reply
        at_once = [host for host in single if self._takes_several(host)]
        lost = self._several(at_once)
        self._one_by_one([host for host in single if host not in at_once or host in lost])

    def _takes_several(self, host: str) -> bool:
        """Known stock boards keep a second connection waiting while they answer the first (bmminer listens with a
        backlog), so that nobody waits for two answers one after the other."""
        known = self.known[host]
        return known.family == STOCK and bool(known.unit) and IN_TURN not in known.flags

    def _several(self, hosts: Sequence[str]) -> set[str]:
        """All commands of each at once. Who answered some and not others is given back, to be asked for those again."""
        lines = [Line(host, f"{host} {part}", _question(part)) for host in hosts for part in self._open(host)]
        replies = _cgminer.asked(self.wire, self.options, lines)
        heard = {line.host for line, reply in zip(lines, replies, strict=True) if reply.status}
        lost = {line.host for line, reply in zip(lines, replies, strict=True) if not reply.status} & heard
        self._heard(reply for line, reply in zip(lines, replies, strict=True) if reply.status or line.host not in lost)
        for host in heard:
            doubted = DOUBTED in self.known[host].flags
            if doubted:
                self._unflag(host, DOUBTED)
            if host in lost:
                self._flag(host, IN_TURN if doubted else DOUBTED)
        return lost

    def _one_by_one(self, hosts: Sequence[str]) -> None:
        """A command a connection, one after the other, of boards that are new or can't keep one waiting. Each goes at
        its own pace."""
        asked = {host: self._questions(host) for host in hosts if any(self._open(host))}
        self._heard(_cgminer.in_turn(self.wire, self.options, asked))

    def _open(self, host: str) -> Iterator[str]:
        return (part for part in self._wanted(host) if part not in self.parts[host])

    def _questions(self, host: str) -> _cgminer.Questions:
        """Who does not answer the first is not asked the others."""
        parts = tuple(self._open(host))
        for part in parts:
            reply = yield part, _question(part)
            if part == parts[0] and not reply.status:
                return

    def _learn(self) -> None:
        """Firmware, and whether the unit restarted since it was last asked (then it may be another one)."""
        for host, known in self.known.items():
            bodies = [reply.body for reply in self.parts[host].values()]
            family = _antminer.family(b"\n".join(bodies)) or known.family
            elapsed = next((found[1] for body in bodies if (found := _ELAPSED.search(body))), None)
            since = self.at_s - int(elapsed) if elapsed is not None else known.since
            same = known.since is not None and since is not None and abs(since - known.since) <= DRIFT_S
            if same and family == known.family:
                continue
            flags = "" if elapsed is not None else known.flags
            self.known[host] = known._replace(family=family, since=since, flags=flags)
            self.again.add(host)

    def _rest_of_api(self) -> None:
        """The commands of a firmware that was only now recognised."""
        new = [host for host in self.hosts if self._missing(host)]
        lines = [Line(host, host, cgminer.request("+".join(self._missing(host)))) for host in new if self._joins(host)]
        for reply in _cgminer.asked(self.wire, self.options, lines):
            self.parts[reply.name]["more"] = reply._replace(name=f"{reply.name} more")
        self._one_by_one([host for host in new if not self._joins(host)])

    def _joins(self, host: str) -> bool:
        return self.known[host].how != "single"

    def _missing(self, host: str) -> tuple[str, ...]:
        return tuple(part for part in self._wanted(host) if part not in self.asked[host] and self._answered(host))

    def _answered(self, host: str) -> bool:
        return any(reply.status and reply.body.strip(b"\0") for reply in self.parts[host].values())

    def _web(self) -> None:
        self._stock()
        flagged = [host for host in self._of(BRAIINS) if NO_REST not in self.known[host].flags]
        self._take(_antminer_web.braiins(self.wire, self.options, flagged))
        self._take(_antminer_web.vnish(self.wire, self.options, self._of(VNISH)))

    def _of(self, family: str) -> list[str]:
        return [host for host in self.hosts if self.known[host].family == family and self._answered(host)]

    def _take(self, answers: Iterable[tuple[str, Answer]]) -> None:
        for name, answer in answers:
            host, _, part = name.partition(" ")
            if part == "login" and not isinstance(answer, WireError) and answer.status == 404:
                self._flag(host, NO_REST)
            self.parts[host][part] = named(name, answer)

    def _flag(self, host: str, flag: str) -> None:
        self.known[host] = self.known[host]._replace(flags=self.known[host].flags + flag)

    def _unflag(self, host: str, flag: str) -> None:
        self.known[host] = self.known[host]._replace(flags=self.known[host].flags.replace(flag, ""))

    def _stock(self) -> None:
        """Who it is where that is not known for certain, its work mode where it shows no rate, its watts."""
        stock = [host for host in self.hosts if self.known[host].family == STOCK]
        who = [host for host in stock if self._who(host)]
        turns = [host for host in stock if host not in who and self._is_turn(host)]
        web = Digest(self.wire, self.options)
        self._asked_web(web, [*who, *turns], [host for host in stock if self._idle(host)])
        if any(list(map(self._moved, turns))):
            self._asked_web(web, [host for host in stock if host not in (*who, *turns)], ())
        self._watts([host for host in stock if self._answered(host) and self._no_watts(host)])

    def _asked_web(self, web: Digest, who: Sequence[str], idle: Sequence[str]) -> None:
        calls = [Call(host, _antminer_web.INFO) for host in who] + [Call(host, _antminer_web.CONF) for host in idle]
        for call, answer in zip(calls, web.calls(calls), strict=True):
            part = "info" if call.path == _antminer_web.INFO else "conf"
            reply = named(f"{call.host} {part}", answer)
            body = _antminer_web.modes_only(reply.body) if part == "conf" else reply.body
            self.parts[call.host][part] = reply._replace(body=body)

    def _is_turn(self, host: str) -> bool:
        return self.turns[host] in self.due

    def _moved(self, host: str) -> bool:
        """Whether another unit than the one that is known says that it is there. No answer leaves what is known."""
        try:
            info = _answer.table(self.parts[host]["info"])
        except BadReply:
            info = {}
        unit = _units.identity({"mac": info.get("macaddr"), "serial": info.get("serinum")})
        if not unit:
            del self.parts[host]["info"]
        return unit not in ("", self.known[host].unit)

    def _who(self, host: str) -> bool:
        unit = self.known[host].unit
        return not unit or self.held[unit] > 1 or host in self.again or not self._answered(host)

    def _idle(self, host: str) -> bool:
        """Whether only its configuration can tell that it sleeps; some builds stop their API when they do."""
        if not self._answered(host):
            return True
        if any(_MODE.search(reply.body) for reply in self.parts[host].values()):
            return False
        summary = self.parts[host].get("summary") or self.parts[host].get("")
        return summary is None or not summary.status or _antminer.rate_is_zero(summary.body)

    def _no_watts(self, host: str) -> bool:
        if NO_POWER_PORT in self.known[host].flags:
            return False
        return not any(_WATTS.search(reply.body) for reply in self.parts[host].values())

    def _watts(self, hosts: Sequence[str]) -> None:
        for host, answer in zip(hosts, _antminer_web.watts(self.wire, hosts), strict=True):
            if isinstance(answer, WireError) or cgminer.port_6060_power_w(answer) is None:
                self._flag(host, NO_POWER_PORT)
            else:
                self.parts[host]["watts"] = Reply(f"{host} watts", 200, {}, answer)


def _due(ask: Ask) -> frozenset[int]:
    """The turns that came since the last reading, however far apart readings are."""
    now, last = ask.at_s // TURN_S, ask.memory.get(TURN, "")
    since = max(int(last) // TURN_S, now - TURNS) if last.isdecimal() else now - 1
    return frozenset(turn % TURNS for turn in range(since + 1, now + 1))


def _question(part: str) -> bytes:
    return NEW_STATS if part == "stats" else cgminer.request(part)


def named(name: str, answer: Answer) -> Reply:
    """An answer under its name; one that never came has status 0 and says why."""
    if isinstance(answer, WireError):
        return Reply(name, 0, {"why": answer.why}, b"")
    return Reply(name, answer.status, {}, answer.body)


def table(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer. Raises BadReply, in words that help."""
    if isinstance(answer, WireError):
        raise BadReply(answer.why)
    if answer.status == 401:
        raise BadReply(_asic_rs.PASSWORD)
    return _answer.table(named("its web interface", answer))


def _can_not_join(reply: Reply) -> bool:
    """Whether to ask one by one: it answered something else, or hung up on a question it does not know."""
    if reply.status == 0:
        return reply.headers.get("why", "").startswith("hung up")
    return not _IS_JOINED.search(reply.body) and not reply.body.startswith(b"Socket connect")
