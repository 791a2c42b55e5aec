"""Foreman (foreman.mn) as one fleet: it knows the miners by its own ids and changes them through its agent on site.

Two families of paths exist: `/api/...` as the vendor's own Java client uses it (the defaults here), and v2, whose lists
come in pages of `limit` and `offset` under `results`, with the `total` there is (as a public Go client reads them: one
that asks for no more than 100 at a time; a page may hold fewer than were asked for). Every path is a template. One call
a second is allowed. Commands are jobs: the answer names a number, and its status (pending, in-progress, complete,
failed; success for complete in the vendor's swagger.yaml) is asked later; it explains, but proves nothing. Foreman's
watts are estimates (5 to 20 % off by the vendor's help pages) and are not read.

By that swagger.yaml (foreman-api, 1.0.0) a miner's `status` is one of health (pending, okay, warn, fail, disabled),
`active` says whether it is enabled in Foreman, `seen` is yes or no, and `metrics.hashRate` a text in H/s: `okay` is no
proof that it hashes, so a hash rate of 0 beside it makes the word unknown (set `hashrate_path`), and v2's `state`,
where it means something, goes before `okay`.
"""

import re
from collections.abc import Sequence
from typing import Any

from mine_controller.core.model.command import (
    ACCEPTED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.model.quantity import WORDS
from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer, _turns
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import BODY_CAP, Request, Response, Wire, WireError

CAN = Can(reads=("address", "word", "hashrate_ths", "ticket"), verbs=("run", "stop"), fleet=True, gentle=True)
LANE = LaneSpec(width=1, call_s=1.0, batch=False, proof_s=40)
OUTSIDE = True
BUDGET_S = 15.0  # pages and tickets come at one call a second

LIST_CAP = 4 * BODY_CAP  # 1 MiB: some 3,000 miners in one answer
MARGIN = 0.05  # share added to the pause: the other side counts arrivals, not departures
LOGIN_REFUSED = (401, 403)
TOO_MANY = 429
TICKETS_ONLY = ("-",)  # a look that names tickets and no miners
MAC_DIGITS = 12
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_OKAY = ("okay", "ok", "success")
_LISTS = ("results", "miners", "data")
_TOTALS = ("total", "count")
_DONE = "success"


class Options(NamedTuple):
    """One site at Foreman."""

    url: str = option(
        "https://dashboard.foreman.mn", kind="url", help="base address; https://api.foreman.mn for the v2 paths"
    )
    key: Secret = option(help="API key", example="file:foreman.key")
    client: str = option(help="number of the client (the site's account)", example="1234")
    pickaxe: str = option("", help="id of the agent on site")
    nominal_w: int = option(3400, unit="W", low=1, high=20_000, help="what one miner draws, unless fleet.csv says")
    standby_w: int = option(25, unit="W", low=0, high=500, help="what a sleeping miner draws")
    miners_path: str = option(
        "/api/miners/{client}/{pickaxe}", help="list of miners", example="/api/v2/clients/{client}/miners"
    )
    power_mode_path: str = option("/api/actions/power-mode/{miner}", help="where a miner's power mode is set")
    status_path: str = option("/api/actions/status/{command}", help="where a job's status is asked")
    run_mode: str = option("normal", choices=("low", "normal", "high"), help="power mode that means run")
    stop_mode: str = option("sleeping", help="power mode that means stop")
    paged: bool = option(False, help="the list comes in pages (v2)")
    page_size: int = option(500, low=10, high=1000, help="miners a page")
    max_pages: int = option(10, low=1, high=100, help="pages read at most")
    calls_per_s: float = option(1.0, low=0.05, high=20, unit="calls/s", help="what Foreman allows")
    max_age_s: int = option(600, low=120, high=3600, unit="s", help="older words of a miner do not count")
    hashrate_path: str = option(
        "", help="where a miner's hash rate stands in the list, in H/s", example="metrics.hashRate"
    )
    hashing: tuple[str, ...] = option(
        ("okay", "ok", "normal", "healthy", "online", "hashing", "mining", "running", "active"),
        help="status words that mean hashing",
    )
    sleeping: tuple[str, ...] = option(("sleeping", "sleep", "asleep"), help="status words that mean sleeping")
    booting: tuple[str, ...] = option(
        ("booting", "starting", "rebooting", "warming"), help="status words that mean booting"
    )
    stopped: tuple[str, ...] = option(("stopped", "paused", "curtailed"), help="status words that mean stopped")
    error: tuple[str, ...] = option(
        ("error", "fail", "failed", "failing", "warning", "unhealthy"), help="status words of a fault"
    )
    offline: tuple[str, ...] = option(
        ("offline", "unreachable", "missing", "inactive", "dead"), help="status words for out of reach"
    )
    proof_s: int = option(0, low=0, high=600, unit="s", help="how long a miner takes to obey; 0 = 40")
    ramp_patience_s: int = option(600, low=60, high=3600, unit="s", help="how long a start may take before it failed")
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE


_SAID = tuple(word for word in WORDS["word"] if word in Options._fields)  # what its status words can mean


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _access.key_faults("key", options.key)


class _Pace:
    """One call after the other, never faster than allowed, and later still after "too many calls"."""

    def __init__(self, wire: Wire, options: Options) -> None:
        self._wire = wire
        self._gap_s = (1 + MARGIN) / options.calls_per_s
        self._next = wire.now()

    def call(self, request: Request, longest_s: float) -> Response | None:
        """The answer; None when the time is over before this call's turn, or while Foreman asks to wait beyond it."""
        while self._turn():
            self._next = self._wire.now() + self._gap_s
            answer = self._wire.call(request, min(self._wire.until, self._wire.now() + longest_s))
            if answer.status != TOO_MANY:
                return answer
            self._next = self._wire.now() + max(self._gap_s, _answer.wait_s(answer.headers))
        return None

    def _turn(self) -> bool:
        wait_s = self._next - self._wire.now()
        if self._wire.now() + max(wait_s, 0.0) >= self._wire.until:
            return False
        if wait_s > 0:
            self._wire.sleep(wait_s)
        return self._wire.now() + _turns.LEAST_S < self._wire.until


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "miners" (or "miners0", "miners1" ... when paged), then "ticket:<id>" as far as time allows."""
    pace = _Pace(wire, options)
    replies = [] if ask.channels == TICKETS_ONLY else _list(pace, options)
    replies += [_ticket(pace, options, ticket) for ticket in ask.tickets if _ID.fullmatch(ticket)]
    return tuple(replies)


def _list(pace: _Pace, options: Options) -> list[Reply]:
    path = options.miners_path
    if not options.paged:
        return [_reply("miners", pace.call(_request(options, path, LIST_CAP), _access.COMMAND_S))]
    replies: list[Reply] = []
    seen = 0
    for page in range(options.max_pages):
        mark = "&" if "?" in path else "?"
        there = f"{path}{mark}limit={options.page_size}&offset={seen}"
        try:
            answer = pace.call(_request(options, there, LIST_CAP), _access.COMMAND_S)
        except WireError as error:
            if not replies:
                raise
            replies.append(Reply(f"miners{page}", _access.SILENT, {"why": error.why}, b""))
            break
        replies.append(_reply(f"miners{page}", answer))
        found = _found(replies[-1])
        seen += found
        if not found or _is_last(replies[-1], found, seen, options.page_size):
            break
    return replies


def _reply(name: str, answer: Response | None) -> Reply:
    if answer is None:
        return Reply(name, _access.SILENT, {"why": "too many calls, or out of time"}, b"")
    return Reply(name, answer.status, dict(answer.headers), answer.body)


def _found(page: Reply) -> int:
    """How many miners a page lists; one that can't be read lists none."""
    try:
        return len(_rows(page))
    except BadReply:
        return 0


def _is_last(page: Reply, found: int, seen: int, asked: int) -> bool:
    """By the sum of all miners where the list tells it; else by a page that is not full, by its own limit or ours."""
    total = _total(page)
    if total is not None:
        return seen >= total
    own = _answer.number(_answer.dig(_answer.tree(page), "limit"))
    return found < (asked if own is None else min(asked, own))


def _total(page: Reply) -> int | None:
    """How many miners there are in all, where the list says so."""
    tree = _answer.tree(page)
    told = next((n for name in _TOTALS if (n := _answer.number(_answer.dig(tree, name))) is not None), None)
    return None if told is None else int(told)


def _ticket(pace: _Pace, options: Options, ticket: str) -> Reply:
    name, path = f"ticket:{ticket}", options.status_path.replace("{command}", _access.part(ticket))
    try:
        return _reply(name, pace.call(_request(options, path), _access.READ_S))
    except WireError as error:
        return Reply(name, _access.SILENT, {"why": error.why}, b"")


def _request(options: Options, path: str, cap: int = BODY_CAP, method: str = "GET", body: bytes = b"") -> Request:
    filled = path.replace("{client}", _access.part(options.client)).replace("{pickaxe}", _access.part(options.pickaxe))
    headers = {"accept": "application/json", "authorization": f"Token {options.key.reveal()}"}
    if body:
        headers["content-type"] = "application/json"
    url = _access.under(options.url, filled)
    return Request(method, url, headers, body, pin=options.pin, ca_file=options.ca_file, cap=cap)


def _rows(reply: Reply) -> list[dict[str, Any]]:
    """The miners of one answer: a list, or an object that holds one under `results`."""
    found = _answer.tree(reply)
    if isinstance(found, dict):
        found = next((found[name] for name in _LISTS if isinstance(found.get(name), list)), found)
    if not isinstance(found, list):
        raise BadReply(f"{reply.name}: no list of miners")
    return [row for row in found if isinstance(row, dict)]


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """By mac `address` (Foreman's id), `word` and, where configured, `hashrate_ths`; by job its `ticket`."""
    lists = [reply for reply in replies if reply.name.startswith("miners")]
    found: list[Found] = []
    if lists:
        found += _fleet(lists, options)
    for reply in replies:
        if reply.name.startswith("ticket:"):
            found.append(_job(reply))
    return tuple(found)


def _fleet(lists: list[Reply], options: Options) -> list[Found]:
    rows: list[dict[str, Any]] = []
    cut = ""
    for at, reply in enumerate(lists):
        try:
            rows += _rows(reply)
        except BadReply as error:
            if at == 0:
                raise
            cut = str(error)
    total = _total(lists[0])
    if not cut and total is not None and len(rows) < total:
        cut = f"{len(rows)} of {total} miners; it comes in pages: paged = yes, and enough max_pages"
    now = _answer.moment(lists[0].headers.get("date", ""))
    known: dict[str, dict[str, Any] | None] = {}
    for row in rows:
        mac = _mac(row.get("mac"))
        if mac:
            known[mac] = None if mac in known and not _same(known[mac], row) else row
    found = [each for mac, one in known.items() for each in _miner(mac, one, now, options)]
    return [*found, *([Found("", "text", f"list cut short: {cut}")] if cut else [])]


def _same(one: dict[str, Any] | None, other: dict[str, Any]) -> bool:
    """A list that changes between two pages may name a miner twice; two miners with one mac are nobody."""
    return one is not None and one.get("id") == other.get("id")


def _mac(value: Any) -> str:
    """aa:bb:cc:dd:ee:ff, or "" for what is no mac (empty, all zeros, a broadcast)."""
    digits = re.sub(r"[^0-9a-f]", "", value.lower()) if isinstance(value, str) and len(value) < 40 else ""
    if len(digits) != MAC_DIGITS or digits in ("0" * MAC_DIGITS, "f" * MAC_DIGITS):
        return ""
    return ":".join(digits[at : at + 2] for at in range(0, MAC_DIGITS, 2))


def _miner(mac: str, row: dict[str, Any] | None, now: float | None, options: Options) -> list[Found]:
    if row is None:
        why = "Foreman lists two miners with this mac"
        return [Found(mac, "address", None, why), Found(mac, "word", None, why)]
    name = row.get("id")
    address = str(name) if isinstance(name, str | int) and not isinstance(name, bool) else ""
    good = _ID.fullmatch(address) is not None
    found = [Found(mac, "address", address if good else None, "" if good else "Foreman gives it no id")]
    word, why = _word(row, now, options)
    rate = _answer.number(_answer.dig(row, options.hashrate_path)) if options.hashrate_path and not why else None
    if word == "hashing" and rate == 0:
        word, why = None, "Foreman finds nothing wrong with it, and no hash rate"
    found.append(Found(mac, "word", word, why))
    return found if rate is None else [*found, Found(mac, "hashrate_ths", rate / 1e12)]


def _word(row: dict[str, Any], now: float | None, options: Options) -> tuple[str | None, str]:
    """The miner's word, or None and why: what Foreman heard long ago, or nobody knows when, says nothing about now."""
    if row.get("active") is False:
        return None, "it is disabled in Foreman, which does not look at it then"
    told = row.get("lastUpdated") or row.get("seen")
    heard = _heard(told)
    if heard is None and isinstance(told, str):
        return None, f"Foreman heard of it at {_answer.clean(told, 30)!r}, which is no time with a zone"
    if now is not None and heard is not None and abs(now - heard) > options.max_age_s:
        ago_min = round((now - heard) / 60)
        return None, f"Foreman heard of it {ago_min} min ago" if ago_min > 0 else f"its time lies {-ago_min} min ahead"
    health, state = _meant(row, "status", options), _meant(row, "state", options)
    if state and health in ("hashing", ""):
        return state, ""
    if health:
        return health, ""
    shown = row.get("status", row.get("state"))
    return None, f"unknown status {_answer.clean(shown, 30)!r}" if shown is not None else "Foreman gives no status"


def _meant(row: dict[str, Any], name: str, options: Options) -> str:
    """The word that its status or state stands for; "" for what is in no list."""
    text = row.get(name)
    text = text.strip().lower() if isinstance(text, str) else ""
    return next((word for word in _SAID if text and text in (each.lower() for each in getattr(options, word))), "")


def _heard(value: Any) -> float | None:
    """Epoch seconds at which Foreman last heard of it, from seconds, milliseconds or an ISO text; None: unreadable."""
    import datetime as dt  # noqa: PLC0415 - only a list of miners needs it

    number = _answer.number(value)
    if number is not None:
        seconds = number / 1000 if number > 1e11 else number
        return seconds if seconds > 1e9 else None
    try:
        when = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
        return when.timestamp() if when is not None and when.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _job(reply: Reply) -> Found:
    ticket = reply.name.removeprefix("ticket:")
    try:
        status = _answer.table(reply).get("status")
    except BadReply as error:
        return Found(ticket, "ticket", None, str(error))
    word = status.strip().lower().replace("_", "-") if isinstance(status, str) else ""
    word = "complete" if word == _DONE else word
    if word in WORDS["ticket"]:
        return Found(ticket, "ticket", word)
    return Found(ticket, "ticket", None, f"unknown status {_answer.clean(status, 30)!r}")


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """One call a miner at Foreman's pace. "Too many calls" is waited out: nothing was done then."""
    pace = _Pace(wire, options)
    final, silent = "", 0
    for command in batch:
        if final:
            outcome = Outcome(command.id, REFUSED, final)
        elif silent >= _turns.GIVE_UP:
            outcome = Outcome(command.id, UNREACHABLE, "Foreman can't be reached; not tried again in this round")
        else:
            outcome, final = _one(pace, options, command)
        silent = silent + 1 if outcome.verdict == UNREACHABLE else 0
        report(outcome)


def _one(pace: _Pace, options: Options, command: Command) -> tuple[Outcome, str]:
    """The outcome, and a reason when it says the same for every other miner (the key is not taken)."""
    if command.verb not in ("run", "stop"):
        return Outcome(command.id, UNSUPPORTED, "Foreman takes run and stop only"), ""
    if not _ID.fullmatch(command.address):
        return Outcome(command.id, REFUSED, "not known to Foreman by an id"), ""
    mode = options.run_mode if command.verb == "run" else options.stop_mode
    path = options.power_mode_path.replace("{miner}", _access.part(command.address))
    body = b'{"powerMode":"%s"}' % mode.replace("\\", "").replace('"', "").encode()
    try:
        answer = pace.call(_request(options, path, method="POST", body=body), _access.COMMAND_S)
    except WireError as error:
        return _turns.lost(command, error), ""
    if answer is None:
        return Outcome(command.id, NOT_SENT, "the lane's time was over"), ""
    if answer.status in LOGIN_REFUSED:
        why = f"Foreman does not take the key ({answer.status})"
        return Outcome(command.id, REFUSED, why), why
    return _accepted(command, answer), ""


def _accepted(command: Command, answer: Response) -> Outcome:
    if not 200 <= answer.status < 300:
        return _turns.judged(command, answer, _detail(answer))
    try:
        told = _answer.table(Reply("answer", answer.status, answer.headers, answer.body))
    except BadReply as error:
        return Outcome(command.id, UNKNOWN, str(error))
    status = told.get("status")
    if not isinstance(status, str):
        return Outcome(command.id, UNKNOWN, "the answer does not say how it went")
    if status.lower() not in _OKAY:
        return Outcome(command.id, REFUSED, f"Foreman says {_answer.clean(status)!r}")
    job = told.get("command")
    ticket = str(job) if isinstance(job, str | int) and not isinstance(job, bool) else ""
    return Outcome(command.id, ACCEPTED, "", ticket if _ID.fullmatch(ticket) else None)


def _detail(answer: Response) -> str:
    """Foreman's errors look like {"detail": "..."}."""
    try:
        detail = _answer.table(Reply("answer", 200, {}, answer.body)).get("detail")
    except BadReply:
        return ""
    return detail if isinstance(detail, str) else ""
