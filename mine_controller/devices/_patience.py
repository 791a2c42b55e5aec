"""Which addresses of a fleet are not asked this time, because they were silent or hung: a breaker for each of them.

`ask` lays `Patience` over the batch door of a kind, so that every fleet has it and no driver knows of it. What it
remembers between ticks is one text an endpoint, the memory "patience": groups of addresses in the same state.

    d 2 1840 10.0.1.7-10.0.1.9 10.0.1.40;v 0 2200 10.0.1.81-10.0.1.254

A letter, failures in a row, plant seconds at which it is asked again, the addresses. h: takes the connection and says
nothing (a tarpit, a hung process). d: no connection (dark, unplugged). v: nobody ever answered there. An address that
answers, whatever it says, leaves the list at once. Probes ride along: they go out in the round of all others and are
over with it, so that known tarpits cost a tick nothing. Every second one is waited for a little, and every fourth of a
hung one has the usual time, because slow firmware takes longer than the others do. When all addresses of a round are
resting, all of them are asked: an endpoint is never told silent without a question.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from mine_controller.devices import _hosts
from mine_controller.devices.kind import Found
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Exchange, Many, WireError, in_rounds

MEMORY = "patience"
NOTHING = "-"  # asked before, and all of them answered
HUNG, DARK, VACANT = "h", "d", "v"
RIDING = "r"
STEPS_S = {HUNG: (120, 240, 480, 900), DARK: (120,), VACANT: (600,)}
PROBE_S = {HUNG: 1.0, DARK: 0.5, VACANT: 1.0}
WHOLE_EVERY = 4  # so many failures of a hung one, and it is asked with all the time there is
RIDES_BUT_EVERY = 2  # so many failures, and a probe is waited for; the others last as long as the rest of their round
EMPTY_AFTER = 5  # so many failures of an address of which nobody knows a unit, and it counts as vacant
SLICE = 256  # vacant addresses asked in one round
EARLY_S = 30  # a tick that begins a little early still asks
_SHOWN = {HUNG: "takes connections and does not answer", DARK: "no connection", VACANT: "nobody ever answered there"}
_OURS = ("no time left", "no socket left")  # failures of this machine, which say nothing of the unit
_SILENT = {"timeout": HUNG, "unreachable": DARK}

Then = Callable[[bytes | WireError], Exchange | None]


class Rest(NamedTuple):
    """Why an address rests and until when."""

    state: str
    fails: int
    next_s: int


class Patience:
    """One endpoint's addresses during one fetch."""

    def __init__(self, memory: Mapping[str, str], at_s: int, channels: Iterable[str] = ()) -> None:
        self._before = memory.get(MEMORY, "")
        self._at_s = at_s
        self._known = {host: text for host, text in memory.items() if host != MEMORY}
        self._rests = read(self._before)
        self._wanted = set(channels)
        self._failed: set[str] = set()  # of this fetch: a driver's second question is not a second failure
        self._alive: set[str] = set()  # of this fetch: silence on another port of theirs says nothing
        self._resting: set[str] = set()  # those that were not asked in this fetch
        self._riding: set[str] = set()  # asked, and not waited for
        self._back: list[Exchange] = []  # what is to be said next to those of them that answered
        self._used = False

    def over(self, many: Many) -> Many:
        """The same door, where resting addresses are answered for and the others are watched."""

        def patient(batch: Sequence[Exchange], until: float) -> list[bytes | WireError]:
            self._used = True
            watched = list(map(self._watched, batch))
            answers = self._selected(many, watched, until) if self._rests else many(watched, until)
            for exchange, answer in zip(batch, answers, strict=True):
                self._note(exchange.host, answer)
            return answers

        return patient

    def found(self) -> tuple[Found, ...]:
        """What to remember; nothing when that is what is remembered already."""
        text = written(self._rests)
        return () if text == self._before or not self._used else (Found(MEMORY, "memory", text),)

    def _selected(self, many: Many, batch: Sequence[Exchange], until: float) -> list[bytes | WireError]:
        asked = self._asked([exchange.host for exchange in batch])
        self._resting |= {exchange.host for exchange in batch} - asked.keys()
        self._riding = {host for host, state in asked.items() if state == RIDING}
        short = [_within(each, asked[each.host]) for each in batch if each.host not in self._resting]
        answers = iter(many(short, until) if short else [])
        if self._back:  # they were known to be silent, so nobody waited for them: now they have the usual time
            many(self._back, until)
            self._back = []
        resting = in_rounds(
            [each for each in batch if each.host in self._resting],
            lambda exchanges: [self._excuse(each.host) for each in exchanges],
        )
        excuses = iter(resting)
        return [next(excuses if exchange.host in self._resting else answers) for exchange in batch]

    def _watched(self, exchange: Exchange) -> Exchange:
        """The same exchange, for whose unit a first answer counts, however the conversation ends."""
        if exchange.then is None:
            return exchange
        return exchange._replace(then=partial(self._heard, exchange.host, exchange.then))

    def _heard(self, host: str, then: Then, answer: bytes | WireError) -> Exchange | None:
        following = then(answer)
        if following is None or isinstance(answer, WireError):
            return following
        self._note(host, answer)
        if host not in self._riding:
            return following
        self._back.append(following)
        return None

    def _asked(self, hosts: Sequence[str]) -> dict[str, str]:
        """Who is asked, and in which state as a probe ("": in the usual way)."""
        asked: dict[str, str] = {}
        slots = SLICE
        for host in hosts:
            rest = self._rests.get(host)
            if rest is None or host in self._failed or self._is_fresh(rest):
                asked[host] = ""
            elif host not in self._resting and self._is_due(host, rest) and (rest.state != VACANT or slots > 0):
                slots -= rest.state == VACANT
                asked[host] = self._as_probe(host, rest)
        return asked or {host: self._rests[host].state for host in hosts if host not in self._resting}

    def _is_due(self, host: str, rest: Rest) -> bool:
        return self._is_wanted(host) or self._at_s + EARLY_S >= rest.next_s

    def _is_fresh(self, rest: Rest) -> bool:
        """Whether it failed for the first time in this very tick: a unit that is being told to stop or to restart is
        silent for a while, and whoever looks again wants to hear it."""
        return rest.fails == 1 and self._at_s + EARLY_S < rest.next_s

    def _is_wanted(self, host: str) -> bool:
        """Whether the unit at this address is one that was asked for by name."""
        return bool(self._wanted) and self._known.get(host, "").partition(" ")[0] in self._wanted

    def _as_probe(self, host: str, rest: Rest) -> str:
        if self._is_wanted(host) or (rest.state == HUNG and rest.fails % WHOLE_EVERY == 0):
            return ""
        return rest.state if rest.fails % RIDES_BUT_EVERY == 0 else RIDING

    def _excuse(self, host: str) -> WireError:
        rest = self._rests[host]
        wait_s = max(0, rest.next_s - self._at_s)
        times = f" ({rest.fails} times)" if rest.fails > 1 else ""
        return WireError("unreachable", f"{_SHOWN[rest.state]}{times}; asked again in {wait_s // 60 + 1} min")

    def _note(self, host: str, answer: bytes | WireError) -> None:
        """What an answer means for the next time."""
        if host in self._resting:
            return
        state = _silence(answer)
        if state is None:
            self._rests.pop(host, None)
            self._alive.add(host)
        elif state and host not in self._failed | self._alive:
            self._failed.add(host)
            self._rests[host] = self._next(host, state)

    def _next(self, host: str, state: str) -> Rest:
        before = self._rests.get(host)
        if before is not None and self._is_fresh(before):
            return before
        fails = before.fails + 1 if before is not None else 1
        unknown = host not in self._known
        first = unknown and before is None and not self._before
        empty = unknown and before is not None and (before.state == VACANT or fails >= EMPTY_AFTER)
        if state == DARK and (first or empty):
            return Rest(VACANT, 0, self._at_s + STEPS_S[VACANT][0])
        steps = STEPS_S[state]
        return Rest(state, fails, self._at_s + steps[min(fails, len(steps)) - 1])


def _within(exchange: Exchange, state: str) -> Exchange:
    """A dark one that takes the connection is alive and has the usual time; a hung one has to answer soon."""
    if not state:
        return exchange
    if state == RIDING:
        return exchange._replace(rides=True)
    if state == HUNG:
        return exchange._replace(within_s=PROBE_S[state])
    return exchange._replace(connect_s=PROBE_S[state])


def _silence(answer: bytes | WireError) -> str | None:
    """The state an answer puts its address in; None: it is alive, "": it says nothing of it."""
    if not isinstance(answer, WireError):
        return None
    if answer.why.startswith(_OURS):
        return ""
    return _SILENT.get(answer.kind)


def written(rests: Mapping[str, Rest]) -> str:
    """The text of `rests`; `read` gives them back. What is no IPv4 address is left out."""
    groups: dict[Rest, list[str]] = {}
    for host, rest in rests.items():
        groups.setdefault(rest, []).append(host)
    told = [
        f"{rest.state} {rest.fails} {rest.next_s} {' '.join(packed)}"
        for rest in sorted(groups)
        if (packed := _hosts.packed(groups[rest]))
    ]
    return ";".join(told) or NOTHING


def read(text: str) -> dict[str, Rest]:
    """The addresses and their states; {} for a text that says nothing, and without what can't be read."""
    rests: dict[str, Rest] = {}
    for group in text.split(";"):
        state, _, more = group.partition(" ")
        numbers = more.split(" ", 2)
        if state in STEPS_S and len(numbers) == 3 and all(number.isdecimal() for number in numbers[:2]):
            rest = Rest(state, int(numbers[0]), int(numbers[1]))
            rests |= dict.fromkeys(_hosts.written_out(tuple(numbers[2].split())), rest)
    return rests
