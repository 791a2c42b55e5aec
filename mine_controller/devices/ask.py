"""Ask endpoints side by side, each in a thread of its own with a deadline of its own; whatever happens is a reading.

One dead device never delays the rest: a thread that overruns is left behind (it is a daemon and its wire is shut, so
it can't do anything late) and its endpoint is unknown, with the reason.
"""

import importlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import process_time
from types import ModuleType
from typing import Any, Protocol

from mine_controller.core.columns import Gathered, Readings
from mine_controller.core.due import Asked
from mine_controller.core.model.reading import Reading, Scalar, Value
from mine_controller.core.option import Secret
from mine_controller.devices._blame import Faults, nobody, where
from mine_controller.devices._patience import Patience
from mine_controller.devices.kind import Ask, BadReply, Findings, Found, Reply, Told
from mine_controller.wire import retry
from mine_controller.wire.door import Exchange, Job, Request, Response, Wire, WireError, in_rounds

BUDGET_S = 6.0  # for one endpoint, unless its kind declares BUDGET_S
PROBES = 6.0  # a broken endpoint gets this part of its budget (1 s) for its first answer; answering, all of it
SLACK_S = 0.1  # a driver's deadline lies this much before the thread's, so that its own reason is the one told
UNIT_SLACK_S = 0.001  # and so much more for each unit a group may hold: what came in time has yet to be parsed
MOST_SLACK_S = 3.0
SENT_STEPS, SENT_STEP_S = 15, 0.001  # so long questions go out first at most: whoever loads code holds up who asks
RESTS_S = 0.0002  # with less work than that in a step they all wait for answers
WHY_LENGTH = 120
TEXT_LENGTH = 200
AT_ONCE = 64  # units whose readings are looked through together
BOOKKEEPING = frozenset({"health", "fails", "memory", "tried", "again"})
SLOTS_LENGTH = 64 * 1024
HISTORY_LENGTH = 2000
_KIND = re.compile(r"[a-z][a-z0-9_]*")


class Endpoint(Protocol):
    """What ask and act need to know of a device section."""

    @property
    def kind(self) -> str:
        """The first word of the section: which driver."""

    @property
    def options(self) -> Any:
        """The driver's filled Options."""


ClockAt = Callable[[float], int]  # plant seconds at a moment of a wire's clock
WireFor = Callable[[str, float], Wire]  # (section, until) -> a wire for that endpoint, used by one thread
Strange = Callable[[str, Sequence[Reply], str], str]  # (section, its answers, why not read) -> a remark for the why


def ask(  # noqa: PLR0913 - what the shell has and no driver may reach for itself
    asked: Sequence[Asked],
    endpoints: Mapping[str, Endpoint],
    image_channels: Mapping[str, Value],
    clock_at: ClockAt,
    wire_for: WireFor,
    until: float,
    threads: bool = True,
    wall_s: int = 0,
    *,
    faults: Faults = nobody,
    strange: Strange | None = None,
    meanwhile: Callable[[], None] | None = None,
    counts: bool = True,
) -> Readings:
    """The readings of every endpoint asked, in the order asked; raises nothing that a device could cause.

    Beside the channels: `<endpoint>:health` ("ok", or None with why), `<endpoint>:fails` (failures in a row) and
    `<endpoint>/<name>:memory` (one of them, "patience", is ours: which addresses of a fleet rest). A failed endpoint's
    known channels come back as None with the reason. `until` and `clock_at` are in the wire's seconds. `threads=False`
    asks one after the other, each with its own wire's clock.
    `wall_s` is the wall clock now, for kinds that ask for dates. `faults` is told where a driver itself went wrong.
    `strange` is given what a kind that keeps SAMPLES could not read; what it answers ends the reason.
    `meanwhile` is called once everybody is asked: what it does costs no time while devices are thinking.
    `counts=False` in a look, of which one tick may have ten: its failures are not more of them in a row.
    """
    memories = _memories(image_channels)
    jobs = [_job(one, endpoints, memories, wire_for, until, clock_at) for one in asked]
    for job in jobs:
        job.wall_s, job.counts = wall_s, counts
    for job in jobs:
        _start(job) if threads else job.run()
    if meanwhile is not None:
        if threads and jobs:
            _all_asked(jobs[-1].done)
        meanwhile()
    gathered = Gathered()
    for job in jobs:
        _gather(gathered, job, image_channels, clock_at, strange)
        if job.fault:
            faults(job.asked.endpoint, job.fault)
    return gathered.all()


def _all_asked(last: threading.Event) -> None:
    """Wait until the threads that ask have nothing to do but wait, which the processor's time tells."""
    worked_s = process_time()
    for _ in range(SENT_STEPS):
        if last.wait(SENT_STEP_S):
            return
        before_s, worked_s = worked_s, process_time()
        if worked_s - before_s < RESTS_S:
            return


def _job(
    one: Asked,
    endpoints: Mapping[str, Endpoint],
    memories: Mapping[str, dict[str, str]],
    wire_for: WireFor,
    until: float,
    clock_at: ClockAt,
) -> "_Job":
    wire = wire_for(one.endpoint, until)
    memory = memories.get(one.endpoint, {})
    return _Job(one, endpoints.get(one.endpoint), memory, wire, until, clock_at(wire.now()))


def kind_named(name: str) -> ModuleType:
    """The driver module of a kind. ImportError when there is none."""
    if not _KIND.fullmatch(name):
        raise ImportError(name)
    module = importlib.import_module(f"mine_controller.devices.{name}")
    if not hasattr(module, "Options"):
        raise ImportError(name)
    return module


def secrets_of(options: Any) -> tuple[str, ...]:
    """The texts that must not appear anywhere, longest first."""
    fields = options if isinstance(options, tuple) else ()
    inner = [
        field for rows in fields if isinstance(rows, tuple) for row in rows if isinstance(row, tuple) for field in row
    ]
    secrets = {field.reveal() for field in (*fields, *inner) if isinstance(field, Secret)}  # inner: those of its pools
    return tuple(sorted((secret for secret in secrets if len(secret) > 3), key=len)[::-1])


def plain(text: str, secrets: Iterable[str], length: int = WHY_LENGTH) -> str:
    """A text of a device or driver as it may be stored and shown: no secret, no control character, not long."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text if len(text) <= length and text.isprintable() else _printable(text[:length])


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _budget_s(endpoint: Endpoint | None, module: Any) -> float:
    """Seconds for a whole read: the owner's (`budget_s` of the section), else its kind's, else what a LAN takes."""
    return float(getattr(endpoint, "budget_s", 0.0) or getattr(module, "BUDGET_S", BUDGET_S))


class _Job:
    """One endpoint being asked. The thread writes `found` or `why`, then sets `done`; only then is it read."""

    def __init__(
        self, asked: Asked, endpoint: Endpoint | None, memory: dict[str, str], wire: Wire, until: float, at_s: int
    ) -> None:
        self.asked = asked
        self.endpoint = endpoint
        self.memory = memory
        self.wire = wire
        self.at_s, self.wall_s, self.counts = at_s, 0, True
        self.slack_s = _slack_s(endpoint)
        self.module, self.why = _module(endpoint)
        budget_s = _budget_s(endpoint, self.module)
        self.began = wire.now()
        self.ends = min(until, self.began + budget_s)
        self.first_by = min(until, self.began + budget_s / PROBES) if asked.probe else self.ends
        self.answered = False
        self.over = False
        self.fault = ""
        self.unread: tuple[Reply, ...] = ()
        self.done = threading.Event()
        self.found: Sequence[Found | Told] = ()
        self.read_at = self.began

    @property
    def deadline(self) -> float:
        """When waiting ends: a probe that got an answer has the whole budget."""
        return self.ends if self.answered else self.first_by

    def run(self) -> None:
        """Fetch and parse."""
        try:
            if self.module is not None and self.endpoint is not None:
                self._ask(self.module, self.endpoint.options)
        except (WireError, BadReply) as error:
            self.why = str(error) or "no reason given"
        except Exception as error:  # noqa: BLE001
            # The place for bugs of drivers: whatever a hostile answer sets off in one of them is that endpoint's
            # failure with its name, and every other endpoint is still read. Of one unit among many: `_blame.alone`.
            self.why, self.fault = f"driver error: {type(error).__name__}", where(error)
        finally:
            self.done.set()

    def _ask(self, module: ModuleType, options: Any) -> None:
        what = Ask(self.asked.channels, self.asked.tickets, self.memory, self.at_s, self.wall_s, early=True)
        patience = Patience(self.memory, self.at_s, self.asked.channels)
        many = patience.over(self._many)
        wire = self.wire._replace(call=self._call, many=many, library=self._library, until=self._inner(self.ends))
        replies = module.fetch(wire if self.asked.probe else retry.reads(wire), options, what)
        self.read_at = self.wire.now()
        self.unread = tuple(replies) if getattr(module, "SAMPLES", False) else ()
        found = module.parse(replies, options)
        self.found = found.parts if isinstance(found, Findings) else tuple(found)
        if not self.found and not what.channels and not what.tickets:
            self.why = "nothing readable in the answer"
        self.found = (*self.found, *patience.found())

    def _call(self, request: Request, until: float) -> Response:
        if self.over:
            raise WireError("timeout", "its time is over")
        response = self.wire.call(request, min(until, self._inner(self.deadline)))
        self.answered = True
        return response

    def _many(self, batch: Sequence[Exchange], until: float) -> list[bytes | WireError]:
        """A fleet's batch: one address that answers is an answer of the endpoint, so a probe has its whole budget."""
        if self.over:
            return in_rounds(batch, lambda each: [WireError("timeout", "its time is over") for _ in each])
        self.answered = True  # silent addresses cost their connect time-out: a probe's second would end every fleet
        return self.wire.many(batch, min(until, self._inner(self.ends)))

    def _library(self, batch: Sequence[Job], until: float) -> list[dict[str, Any] | WireError]:
        if self.over:
            return [WireError("timeout", "its time is over") for _ in batch]
        self.answered = True  # as for `many`
        return self.wire.library(batch, min(until, self._inner(self.ends)))

    def _inner(self, deadline: float) -> float:
        most_s = (deadline - self.began) / (10 if self.slack_s == SLACK_S else 2)
        return deadline - min(self.slack_s, most_s)

    def wait(self) -> None:
        """Wait for the thread; at the deadline leave it behind."""
        for _ in range(2):  # a probe that was answered at the last moment has a second, later deadline
            if self.done.wait(max(0.0, self.deadline - self.wire.now())):
                return
        self.over = True
        self.found = ()
        self.why = f"no answer in {self.deadline - self.began:.1f} s"


def _slack_s(endpoint: Endpoint | None) -> float:
    hosts = getattr(endpoint.options, "hosts", ()) if endpoint is not None else ()
    if not isinstance(hosts, tuple) or not hosts:
        return SLACK_S
    from mine_controller.devices._hosts import expand  # noqa: PLC0415 - only groups on the LAN have addresses

    return min(MOST_SLACK_S, SLACK_S + UNIT_SLACK_S * len(expand(hosts)))


def _module(endpoint: Endpoint | None) -> tuple[ModuleType | None, str]:
    if endpoint is None:
        return None, "no such endpoint"
    try:
        return kind_named(endpoint.kind), ""
    except ImportError:
        return None, f"no driver for {endpoint.kind[:40]!r}"


def _start(job: _Job) -> None:
    try:
        threading.Thread(target=job.run, name=f"ask {job.asked.endpoint}", daemon=True).start()
    except RuntimeError:  # the machine has no thread left: asking in this one could hold up everything
        job.why = "no thread left to ask in"
        job.done.set()


def _gather(
    gathered: Gathered, job: _Job, channels: Mapping[str, Value], clock_at: ClockAt, strange: Strange | None
) -> None:
    job.wait()
    section = job.asked.endpoint
    secrets = secrets_of(job.endpoint.options) if job.endpoint is not None else ()
    if job.why:
        why = plain(job.why, secrets)
        if job.unread and strange is not None and not job.over:  # left behind: it may be reading a good answer still
            remark = plain(strange(section, job.unread, why), secrets)
            why = why[: WHY_LENGTH - len(remark)] + remark
        gathered.add(_failed(job, why, channels, clock_at(job.wire.now())))
        return
    at_s = clock_at(job.read_at)
    found, job.found = job.found, ()
    _stamp(gathered, section, found, at_s, secrets, channels)
    gathered.add((Reading(f"{section}:health", "ok", at_s), Reading(f"{section}:fails", 0, at_s)))


def _failed(job: _Job, why: str, channels: Mapping[str, Value], at_s: int) -> list[Reading]:
    section, wanted = job.asked.endpoint, set(job.asked.channels)
    unknown = [Reading(key, None, at_s, why) for key in channels if _is_value_of(section, wanted, key)]
    unknown.append(Reading(f"{section}:health", None, at_s, why))
    if not job.counts:
        return unknown
    before = channels.get(f"{section}:fails")
    fails = before.value if before is not None and isinstance(before.value, int) else 0
    return [*unknown, Reading(f"{section}:fails", fails + 1, at_s)]


def _is_value_of(section: str, wanted: set[str], key: str) -> bool:
    if not key.startswith(section):
        return False
    source, _, quantity = key.rpartition(":")
    endpoint, _, channel = source.partition("/")
    if endpoint != section or (wanted and channel not in wanted):
        return False
    return quantity not in BOOKKEEPING and quantity != "ticket" and not quantity.endswith("?")


def _stamp(
    gathered: Gathered,
    section: str,
    found: Sequence[Found | Told],
    at_s: int,
    secrets: tuple[str, ...],
    channels: Mapping[str, Value],
) -> None:
    """What was found, with its key and its time, some units after the other.

    A key or text that the image has is the image's own, so that a fleet's hundred thousand are in memory once.
    """
    parts = Findings(found).all() if secrets else found
    for start in range(0, len(parts), AT_ONCE):
        keys, values, whys = _columns(section, parts[start : start + AT_ONCE], secrets)
        whose = _looked_through(gathered, keys, values, whys, secrets, channels)
        gathered.keys += keys
        gathered.values += values
        gathered.whose += whose
        gathered.ats += [at_s] * len(keys)


def _looked_through(
    gathered: Gathered,
    keys: list[str],
    values: list[Scalar],
    whys: Sequence[str],
    secrets: tuple[str, ...],
    channels: Mapping[str, Value],
) -> list[int]:
    """The group of each; what may not be stored is taken out of the values, and what the image has stands for them."""
    whose = [gathered.group("")] * len(keys)
    unknown: dict[str, int] = {}  # a fleet says the same few sentences of all its units
    for at, value in enumerate(values):
        if type(value) is float or type(value) is int:
            continue
        if value is None:
            why = whys[at]
            if why not in unknown:
                unknown[why] = gathered.group(plain(why or "no value", secrets))
            whose[at] = unknown[why]
            continue
        if type(value) is str and not secrets and len(value) <= TEXT_LENGTH and value.isprintable():
            continue  # there is nothing to be taken out of it, whatever it is of
        told, doubt = _scalar(keys[at].rpartition(":")[2], value, secrets)
        values[at] = told
        if told is None:
            whose[at] = gathered.group(plain(whys[at] or doubt or "no value", secrets))
    for at, (key, held) in enumerate(zip(keys, map(channels.get, keys), strict=True)):
        if held is not None and held.source == key:
            keys[at] = held.source
            if type(held.value) is str and held.value == values[at]:
                values[at] = held.value
    return whose


def _columns(
    section: str, found: Iterable[Found | Told], secrets: tuple[str, ...]
) -> tuple[list[str], list[Scalar], list[str]]:
    """Keys, values, and why there is none. A fleet tells a dozen values of each unit, one after the other."""
    keys: list[str] = []
    values: list[Scalar] = []
    whys: list[str] = []
    of, source = "", section
    for part in found:
        if isinstance(part, Told):  # a mac or serial: there is nothing to hide in it, or to cut
            unit = f"{section}/{part.unit}"
            keys += [unit + tail for tail in part.tails]
            values += part.values
            whys += part.whys
        else:
            channel, quantity, value, why = part
            if channel != of:
                of, source = channel, f"{section}/{plain(str(channel), secrets, 80)}" if channel else section
            keys.append(f"{source}:{quantity}")
            values.append(value)
            whys.append(why)
    return keys, values, whys


def _scalar(quantity: str, value: Any, secrets: tuple[str, ...]) -> tuple[Scalar, str]:
    """Only int, float, str and None pass; whether a number is plausible is for `freeze` to say."""
    if value is None or type(value) in (int, float):
        return value, ""
    if type(value) is not str:
        return None, f"driver error: {type(value).__name__} for a value"
    if quantity == "memory":
        return value, ""  # opaque to everyone but its driver, shown to nobody
    if quantity == "slots":
        return (value, "") if len(value) <= SLOTS_LENGTH else (None, "too many prices")
    return plain(value, secrets, HISTORY_LENGTH if quantity == "history" else TEXT_LENGTH), ""


def _memories(channels: Mapping[str, Value]) -> dict[str, dict[str, str]]:
    """What each driver kept, by endpoint."""
    kept: dict[str, dict[str, str]] = {}
    for key, value in channels.items():
        if key.endswith((":memory", ":history")) and isinstance(value.value, str):
            section, _, name = key.rpartition(":")[0].partition("/")
            kept.setdefault(section, {})[name] = value.value
        elif key.endswith(":slots") and isinstance(value.value, str):  # what it published is what it compares with
            section = key[:-6].partition("/")[0]
            kept.setdefault(section, {}).update(slots=value.value, slots_why=value.why)
    return kept
