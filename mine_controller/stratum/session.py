"""One miner's line: bytes in, lines out, no sockets. Pure but for what it remembers.

Clients differ: cgminer waits for each answer, ESP-Miner sends configure, subscribe and authorize back to back. So every
request is answered by its id in the order it came, no order is asked for, and work begins once subscribe and authorize
have both been seen. Error codes as Stratum V1 pools use them: 20 other, 21 unknown job, 24 not authorised, 25 not
subscribed. NerdMiners send a nonce without its leading zeros (NerdMiner_v2 stratum.cpp: `String(nonce, HEX)`).
"""

import json
import math
from collections.abc import Callable
from typing import Any

from mine_controller.stratum.jobs import EXTRANONCE2_BYTES, ROLLING_MASK, Job, difficulty_for, extranonce1_of

LINE_MOST = 16 * 1024
JOBS_KEPT = 16
USER_MOST = 128
SHARE_EVERY_S = 20.0
MEASURE_S = 120.0  # after so long the difficulty is set anew from the shares that came
SHARES_SURE = 3  # so many in MEASURE_S are no luck
FLOOD, FLOOD_S = 60, 10.0  # so many shares in so short a time wait for no MEASURE_S
FLOOD_STEP = 64  # never too far: what came that fast comes less often than wanted by a hundred and more
LEAST, MOST = 2.0**-20, 2.0**40
# Hashes a second of a unit by what its user agent begins with; whoever is none of these starts as a large miner.
CLASSES: tuple[tuple[str, float], ...] = (
    ("bitaxe", 1e12),
    ("nerdqaxe", 4e12),
    ("nerdoctaxe", 8e12),
    ("nerdminer", 1e5),
    ("nmminer", 1e6),
    ("esp", 1e12),
    ("avalon nano", 4e12),
)
LARGE_HS = 1e14


class DropError(Exception):
    """This line is no miner's, or does not behave; the text is the reason for the log."""


class Session:
    """`feed` takes what arrived and gives what to send. DropError: close this one, nobody else is concerned."""

    def __init__(self, number: int, next_job: Callable[[], Job], now_s: float, hashrate_hs: float = 0.0) -> None:
        self.number = number
        self.user = ""
        self.agent = ""
        self.accepted = self.rejected = 0
        self.heard_s = self.began_s = now_s
        self.difficulty = difficulty_for(hashrate_hs or LARGE_HS, SHARE_EVERY_S)
        self._told_difficulty = 0.0
        self._least = LEAST
        self._fixed = hashrate_hs > 0
        self._next_job = next_job
        self._rest = b""
        self._jobs: dict[str, float] = {}  # the difficulty each was given at
        self._prevhash = ""
        self._subscribed = self._authorized = False
        self._measured_s, self._measured_from, self._measured = now_s, 0, False
        self._work = 0.0  # difficulty of the shares since _measured_s
        self._burst, self._burst_s = 0, now_s

    @property
    def working(self) -> bool:
        """True once it has been given work."""
        return self._subscribed and self._authorized

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        """The answers to every whole line that arrived."""
        self.heard_s = now_s
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_MOST:
            raise DropError("a line without an end")
        out: list[bytes] = []
        for line in lines:
            if len(line) > LINE_MOST:
                raise DropError("a line too long")
            if line.strip():
                out += self._answer(_request(line), now_s)
        return out

    def job(self, job: Job, now_s: float) -> list[bytes]:
        """A new job, after a new difficulty where there is one; nothing for a miner that is not working yet."""
        if not self.working:
            return []
        self._measure(now_s)
        out = []
        if self.difficulty != self._told_difficulty:
            self._told_difficulty, self._burst = self.difficulty, 0
            out.append(_line({"id": None, "method": "mining.set_difficulty", "params": [_plain(self.difficulty)]}))
        clean, self._prevhash = job.prevhash != self._prevhash, job.prevhash
        if clean:
            self._jobs.clear()
        self._jobs[job.id] = self.difficulty
        if len(self._jobs) > JOBS_KEPT:
            del self._jobs[next(iter(self._jobs))]
        return [*out, _line({"id": None, "method": "mining.notify", "params": job.params(clean=clean)})]

    def _measure(self, now_s: float) -> None:
        """Towards one share in SHARE_EVERY_S, in steps of two and only where it is far off.

        A miner whose shares were counted before and that sends none has been stopped: it keeps its difficulty, or it
        would come back with thousands of shares a second, and the whole fleet at once.
        """
        took_s = now_s - self._measured_s
        if self._fixed or took_s < MEASURE_S:
            return
        shares, work = self.accepted - self._measured_from, self._work
        self._measure_anew(now_s)
        if self._measured and not shares:
            return
        self._measured = self._measured or shares >= SHARES_SURE
        hashes = max(work, 0.5 * self.difficulty) * 2**32
        wanted = difficulty_for(hashes / took_s, SHARE_EVERY_S)
        if not 0.25 < wanted / self.difficulty < 4:
            self.difficulty = min(MOST, max(self._least, wanted))

    def _measure_anew(self, now_s: float) -> None:
        self._measured_s, self._measured_from, self._work = now_s, self.accepted, 0.0

    def _floods(self, job: str, now_s: float) -> bool:
        """Whether shares come far too fast, and the difficulty was raised.

        An Antminer takes its work at once and wakes its boards minutes later: it was asked for less meanwhile, and a
        hundred of them would bury this process until MEASURE_S is over. What was found before the miner heard of a new
        difficulty proves nothing about it.
        """
        if self._jobs[job] != self.difficulty:
            return False
        if not self._burst:
            self._burst_s = now_s
        self._burst += 1
        if self._burst < FLOOD:
            return False
        self._burst = 0
        if now_s - self._burst_s > FLOOD_S or self.difficulty >= MOST:
            return False
        self.difficulty = min(MOST, self.difficulty * FLOOD_STEP)
        self._measure_anew(now_s)
        return True

    def _answer(self, request: dict[str, Any], now_s: float) -> list[bytes]:
        method, number, params = request.get("method"), request.get("id"), request.get("params")
        if not isinstance(method, str):
            return []  # an answer to something: we ask miners nothing
        if number is not None and not isinstance(number, int | str):
            raise DropError("an id that is neither number nor text")
        given = params if isinstance(params, list) else []
        handle = _METHODS.get(method)
        if handle is None:
            return [_error(number, 20, "unknown method")] if number is not None else []
        before, accepted = self.working, self.accepted
        out = handle(self, number, given)
        flood = self.accepted > accepted and self._floods(given[1], now_s)
        if flood or (self.working and not before) or (before and method == "mining.subscribe"):
            out += self.job(self._next_job(), now_s)
        return out

    # -- the methods --------------------------------------------------------------------------------------------------

    def _configure(self, number: Any, params: list[Any]) -> list[bytes]:
        names = params[0] if params and isinstance(params[0], list) else []
        options = params[1] if len(params) > 1 and isinstance(params[1], dict) else {}
        result: dict[str, Any] = {}
        for name in names[:16]:
            if name == "version-rolling":
                result[name] = True
                result["version-rolling.mask"] = f"{_hex(options.get('version-rolling.mask')) & ROLLING_MASK:08x}"
            elif name == "minimum-difficulty":
                result[name] = self._promise(options)
            elif isinstance(name, str):
                result[name[:64]] = name == "subscribe-extranonce"
        return [_result(number, result)]

    def _promise(self, options: dict[str, Any]) -> bool:
        """The least difficulty that BIP 310 lets a miner ask for: what is answered true is kept for the connection."""
        if "minimum-difficulty.value" not in options:
            return True
        least = _difficulty(options["minimum-difficulty.value"])
        if not least:
            return False
        self._least = least
        self.difficulty = max(least, self.difficulty)
        return True

    def _subscribe(self, number: Any, params: list[Any]) -> list[bytes]:
        agent = params[0] if params and isinstance(params[0], str) else ""
        self.agent = "".join(letter for letter in agent[:USER_MOST] if letter.isprintable())
        self._subscribed = True
        self._told_difficulty = 0.0  # a subscribe puts the client back to difficulty 1
        self._prevhash = ""
        if not self._fixed and not self.accepted:
            start = next((hs for name, hs in CLASSES if self.agent.lower().startswith(name)), LARGE_HS)
            self.difficulty = max(self._least, difficulty_for(start, SHARE_EVERY_S))
        word = f"m{self.number:x}"
        both = [["mining.set_difficulty", word], ["mining.notify", word]]
        return [_result(number, [both, extranonce1_of(self.number), EXTRANONCE2_BYTES])]

    def _authorize(self, number: Any, params: list[Any]) -> list[bytes]:
        user = params[0] if params and isinstance(params[0], str) else ""
        self.user = "".join(letter for letter in user[:USER_MOST] if letter.isprintable())
        password = params[1] if len(params) > 1 and isinstance(params[1], str) else ""
        for part in password[:USER_MOST].split(","):
            if part.startswith("d="):
                self._want(part[2:])
        self._authorized = True
        return [_result(number, result=True)]

    def _suggest(self, number: Any, params: list[Any]) -> list[bytes]:
        if params:
            self._want(params[0])
        return self._yes(number, params)

    def _want(self, value: Any) -> None:
        """A difficulty the miner asks for; out of bounds or no number: kept as it is."""
        wanted = _difficulty(value)
        if wanted:
            self.difficulty, self._fixed = max(self._least, wanted), True

    def _submit(self, number: Any, params: list[Any]) -> list[bytes]:
        code, why = self._fault(params)
        if code:
            self.rejected += 1
            return [_error(number, code, why)]
        self.accepted += 1
        self._work += self._jobs[params[1]]
        return [_result(number, result=True)]

    def _fault(self, params: list[Any]) -> tuple[int, str]:
        """Well-formed and for a job it was given is all that is asked: nothing is hashed here."""
        if not self._authorized:
            return 24, "not authorised"
        if not self._subscribed:
            return 25, "not subscribed"
        if not 5 <= len(params) <= 6 or not all(isinstance(one, str) for one in params):
            return 20, "a share has five or six texts"
        words = all(0 < len(text) <= 8 and _is_hex(text) for text in params[3:])
        if not words or len(params[2]) != 2 * EXTRANONCE2_BYTES or not _is_hex(params[2]):
            return 20, "extranonce2, ntime, nonce or version is no such number"
        return (0, "") if params[1] in self._jobs else (21, "unknown job")

    def _yes(self, number: Any, _params: list[Any]) -> list[bytes]:
        """Also to mining.multi_version, which an Antminer S9 sends after each authorize: cgminer 4.x counts a "no" to
        what was no share as a rejected share (cgminer.c parse_stratum_response). Nobody waits for it without an id."""
        return [] if number is None else [_result(number, result=True)]

    def _ping(self, number: Any, _params: list[Any]) -> list[bytes]:
        return [_result(number, "pong")]


_METHODS: dict[str, Callable[[Session, Any, list[Any]], list[bytes]]] = {
    "mining.configure": Session._configure,  # noqa: SLF001 - the table of this very class
    "mining.subscribe": Session._subscribe,  # noqa: SLF001
    "mining.authorize": Session._authorize,  # noqa: SLF001
    "mining.suggest_difficulty": Session._suggest,  # noqa: SLF001
    "mining.submit": Session._submit,  # noqa: SLF001
    "mining.extranonce.subscribe": Session._yes,  # noqa: SLF001
    "mining.suggest_target": Session._yes,  # noqa: SLF001
    "mining.multi_version": Session._yes,  # noqa: SLF001
    "mining.ping": Session._ping,  # noqa: SLF001
}


def _request(line: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError):
        raise DropError("a line that is no JSON") from None
    if not isinstance(tree, dict):
        raise DropError("a line that is no request")
    return tree


def _is_hex(text: str) -> bool:
    return text.isascii() and all(letter in "0123456789abcdefABCDEF" for letter in text)


def _hex(value: Any) -> int:
    """The mask a client asks for; one that tells none takes any."""
    return int(value, 16) if isinstance(value, str) and 0 < len(value) <= 8 and _is_hex(value) else 0xFFFFFFFF


def _difficulty(value: Any) -> float:
    """A difficulty that may be asked for; 0 for what is out of bounds or no number."""
    try:
        wanted = 0.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return wanted if math.isfinite(wanted) and LEAST <= wanted <= MOST else 0.0


def _plain(difficulty: float) -> float:
    return int(difficulty) if difficulty >= 1 and difficulty == int(difficulty) else difficulty


def _result(number: Any, result: Any) -> bytes:
    return _line({"id": number, "error": None, "result": result})


def _error(number: Any, code: int, why: str) -> bytes:
    return _line({"id": number, "result": None, "error": [code, why, None]})


def _line(tree: dict[str, Any]) -> bytes:
    return json.dumps(tree, separators=(",", ":")).encode() + b"\n"
