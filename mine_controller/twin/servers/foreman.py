"""Foreman (foreman.mn): the calls of the vendor's own Java client and the v2 reads third-party clients use.

One call a second on one path pattern, else 429 with Retry-After. A power-mode command is a job: pending, in-progress,
complete or failed within 2 to 8 s.
"""

import re
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, Final

from mine_controller.record import NamedTuple
from mine_controller.twin.answer import Answer, Asked, json_answer, text_answer
from mine_controller.twin.noise import key_of, uniform
from mine_controller.twin.world import Action, World

FIRST_ID: Final = 1001  # id of miner 0
FIRST_JOB: Final = 4711
PACE_S: Final = 1.0
_MODES: Final = {"sleeping": "stop", "low": "run", "normal": "run", "high": "run"}


class Job(NamedTuple):
    """One asynchronous command: when it was taken, begun and over."""

    taken_s: float
    begun_s: float
    over_s: float
    ends: str  # complete or failed


class Unit:
    """The service as seen by one client and its on-site agent. `loses`: share of commands that fail on the way."""

    def __init__(self, world: World, key: str, *, client: int = 1234, pickaxe: str = "7", loses: float = 0.02) -> None:
        self.world, self.key, self.client, self.pickaxe, self.loses = world, key, client, pickaxe, loses
        self._jobs: dict[int, Job] = {}
        self._last_s: dict[str, float] = {}
        self._noise = key_of(world.seed, "foreman")

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call; the reply carries the service's own time, against which `seen` counts."""
        answer = self._answer(asked, at_s)
        date = formatdate(self.world.start_wall_s + int(at_s), usegmt=True)
        return answer._replace(headers={**answer.headers, "Date": date})

    def _answer(self, asked: Asked, at_s: float) -> Answer:
        if asked.path == "/api/ping":
            return text_answer("pong", kind="text/plain")
        if asked.headers.get("authorization") != f"Token {self.key}":
            return json_answer({"detail": "Invalid token."}, 401)
        wait_s = self._too_soon(f"{asked.method} " + re.sub(r"\d+", "N", asked.path), at_s)
        if wait_s:
            return json_answer({"detail": "Request was throttled."}, 429, Retry_After="1")
        return self._route(asked, at_s)

    def _too_soon(self, pattern: str, at_s: float) -> float:
        last = self._last_s.get(pattern)
        if last is not None and 0 <= at_s - last < PACE_S - 0.001:
            return PACE_S - (at_s - last)
        self._last_s[pattern] = at_s
        return 0.0

    def _route(self, asked: Asked, at_s: float) -> Answer:
        path = asked.path
        if asked.method == "POST" and (found := re.fullmatch(r"/api/actions/power-mode/(\d+)", path)):
            return self._power_mode(int(found[1]) - FIRST_ID, asked.tree(), at_s)
        if found := re.fullmatch(r"/api/actions/status/(\d+)", path):
            return self._status(int(found[1]), at_s)
        if path == f"/api/ping/{self.client}":
            return text_answer("pong", kind="text/plain")
        if path == f"/api/miners/{self.client}/{self.pickaxe}":
            return json_answer([self._miner(i, at_s) for i in range(len(self.world.boards.sizes))])
        if path == f"/api/pickaxe/{self.client}":
            return json_answer([{"key": self.pickaxe, "label": "container", "status": "online"}])
        if path.startswith(f"/api/v2/clients/{self.client}"):
            return self._v2(path, asked.query, at_s)
        return json_answer({"detail": "Not found."}, 404)

    def _miner(self, i: int, at_s: float) -> dict[str, Any]:
        word = self.world.word(i)
        now = self.world.start_wall_s + int(at_s)
        seen = datetime.fromtimestamp(now - now % 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "id": FIRST_ID + i,
            "name": miner_name(i),
            "apiIp": miner_ip(i),
            "apiPort": 4028,
            "mac": miner_mac(i).upper(),
            "platform": "whatsminer",
            "minerType": "Whatsminer M30S++",
            "status": word,
            "active": True,
            "seen": seen if word != "offline" else "2026-07-01T00:00:00Z",
            "lastUpdated": seen,
        }

    def _v2(self, path: str, query: dict[str, str], at_s: float) -> Answer:
        count = len(self.world.boards.sizes)
        if path.rstrip("/").endswith("/miners"):
            first = int(query.get("offset", "0")) if query.get("offset", "0").isdigit() else 0
            size = int(query.get("limit", "50")) if query.get("limit", "50").isdigit() else 50
            rows = [self._miner(i, at_s) for i in range(first, min(count, first + min(size, 500)))]
            results = [{**row, "ip": row["apiIp"], "pools": []} for row in rows]
            return json_answer({"limit": min(size, 500), "offset": first, "total": count, "results": results})
        online = sum(self.world.word(i) != "offline" for i in range(count))
        miners = {"total": count, "online": online, "offline": count - online}
        watts = round(1.08 * self.world.miners_w())  # its own estimate, not a measurement
        return json_answer([{"id": self.client, "name": "container", "miners": miners, "powerDraw": watts}])

    def _power_mode(self, i: int, tree: Any, at_s: float) -> Answer:
        mode = tree.get("powerMode") if isinstance(tree, dict) else None
        if not 0 <= i < len(self.world.boards.sizes):
            return json_answer({"detail": "Not found."}, 404)
        if mode not in _MODES:
            return json_answer({"powerMode": ["not a valid choice"]}, 400)
        number = FIRST_JOB + len(self._jobs)
        over_s = at_s + 2 + 6 * uniform(self._noise, number)
        lost = uniform(self._noise, -number) < self.loses or self.world.word(i) == "offline"
        self._jobs[number] = Job(at_s, at_s + 1, over_s, "failed" if lost else "complete")
        if not lost:
            self.world.schedule(over_s - 0.5, Action("miner", i, _MODES[mode]))
        return json_answer({"command": number, "status": "okay"})

    def _status(self, number: int, at_s: float) -> Answer:
        job = self._jobs.get(number)
        if job is None:
            return json_answer({"detail": "Not found."}, 404)
        word = "pending" if at_s < job.begun_s else "in-progress" if at_s < job.over_s else job.ends
        return json_answer({"command": number, "status": word})


def miner_name(i: int) -> str:
    """a001 for miner 0."""
    return f"a{i + 1:03}"


def miner_mac(i: int) -> str:
    """A locally administered address, lower case."""
    return f"02:4d:43:00:{i // 256:02x}:{i % 256:02x}"


def miner_ip(i: int) -> str:
    """An address of the documentation range; nothing connects to it."""
    return f"192.0.2.{i + 1}" if i < 250 else f"198.51.100.{i - 249}"
