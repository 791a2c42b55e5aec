"""XMRig on a computer: the HTTP interface of the running program, with its token and its restriction.

`pause` and `resume` come and go; `stop` ends mining until the program starts again, and a start forgets a pause. It
measures no watts. Answers after the program's source: 401 without a token, 403 with a wrong one or while restricted,
415 for another content type than application/json, error -32601 for a method it does not know.
"""

import re
from typing import Any, Final
from zlib import crc32

from mine_controller.twin.answer import JSON, Answer, Asked, json_answer, text_answer
from mine_controller.twin.rig import Heat, Mode, Rig
from mine_controller.twin.servers.bitaxe import wrong

SUMMARIES: Final = ("/2/summary", "/1/summary", "/api.json")
MINUTE_S, QUARTER_S = 60.0, 900.0
ALGORITHM: Final = "rx/0"
FACTS: Final[dict[str, Any]] = {
    "kind": "xmrig",
    "model": "XMRig",
    "firmware": "6.22.0",
    "nominal_w": 120.0,
    "standby_w": 45.0,
    "rate_hs": 8_200.0,
    "boot_s": 25.0,
    "ramp_s": 8.0,
    "modes": {"standard": Mode()},
    "heat": Heat(rise_k=40, trip_c=95),
}


class Unit:
    """One program. `token` "" asks for none. It is restricted to reading while `rig.refuses`."""

    def __init__(self, rig: Rig, *, token: str = "") -> None:
        self.rig, self.token = rig, token
        self._ended_at = -1  # how many starts it had when `stop` ended it

    @property
    def id(self) -> str:
        """Its own name: 16 digits, made of the computer's network card."""
        return self.rig.serial or f"{crc32(self.rig.mac.encode()):08x}{crc32(self.rig.name.encode()):08x}"

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call."""
        self.rig.advance(at_s)
        return wrong(self.rig) or self._barred(asked) or self._route(asked, at_s)

    def _barred(self, asked: Asked) -> Answer | None:
        given = asked.headers.get("authorization", "")
        if self.token and given != f"Bearer {self.token}":
            return _error(403 if given else 401)
        if asked.method == "GET":
            return None
        if self.rig.refuses:
            return _error(403)
        return None if asked.headers.get("content-type") == JSON else _error(415)

    def _route(self, asked: Asked, at_s: float) -> Answer:
        path = asked.path
        if asked.method == "GET" and path in SUMMARIES:
            return json_answer(self._summary())
        if asked.method == "GET" and path == "/2/backends":
            threads = [{"intensity": 1, "affinity": at, "hashrate": self._rates()} for at in range(4)]
            return json_answer([{"type": "cpu", "enabled": True, "algo": ALGORITHM, "threads": threads}])
        if path in ("/1/config", "/2/config"):
            return self._config(asked)
        if asked.method == "POST" and path == "/json_rpc":
            return self._rpc(asked.tree(), at_s)
        return _error(404)

    def _rpc(self, tree: Any, at_s: float) -> Answer:
        method = tree.get("method") if isinstance(tree, dict) else None
        number = tree.get("id") if isinstance(tree, dict) else None
        about = {"id": number, "jsonrpc": "2.0"}
        if method not in ("pause", "resume", "stop"):
            return json_answer({**about, "error": {"code": -32601, "message": "Method not found"}})
        if method == "stop":
            self._ended_at = self.rig.starts
        if method != "resume" or self._ended_at != self.rig.starts:
            self.rig.do("run" if method == "resume" else "stop", at_s=at_s)
        return json_answer({**about, "error": None, "result": {"status": "OK"}})

    def _config(self, asked: Asked) -> Answer:
        """The whole document; a new one reconnects at once."""
        if asked.method == "GET":
            told = [{"url": url.rpartition("://")[2], "user": user, "pass": "x"} for url, user in self.rig.pools]
            return json_answer({"http": {"restricted": self.rig.refuses}, "pools": told, "autosave": True})
        tree = asked.tree()
        pools = tree.get("pools") if isinstance(tree, dict) else None
        if not isinstance(pools, list) or not all(isinstance(row, dict) and row.get("url") for row in pools):
            return _error(400)
        if self.rig.mute:
            return Answer(204, {}, b"")
        self.rig.pools[:] = [(_url(row["url"]), str(row.get("user", ""))) for row in pools]
        self.rig.first_pool = 0
        return Answer(204, {}, b"")

    # ---------------------------------------------------------------- state

    def _rates(self) -> list[float | None]:
        """H/s over 10 s, a minute and a quarter; null while the window is not full. The long ones lag behind."""
        up_s, now = self.rig.uptime_s(), self.rig.told_hs()
        mean = round(self.rig.mean_hs(), 1)
        return [round(now, 1), round(now, 1) if up_s >= MINUTE_S else None, mean if up_s >= QUARTER_S else None]

    def _summary(self) -> dict[str, Any]:
        rig = self.rig
        accepted, rejected, _ = rig.shares()
        up_s = int(rig.uptime_s())
        hashes = round(rig.mean_hs() * up_s)
        diff = {"avg_time": 31, "avg_time_ms": 31_000, "hashes_total": hashes}
        return {
            "id": self.id,
            "worker_id": rig.name,
            "uptime": up_s,
            "restricted": rig.refuses,
            "resources": {"load_average": [1.0, 1.0, 1.0], "hardware_concurrency": 8},
            "features": ["api", "asm", "http"],
            "results": {
                "diff_current": 9990,
                "shares_good": accepted,
                "shares_total": accepted + rejected,
                **diff,
                "best": [278_199, *[0] * 9],
            },
            "algo": ALGORITHM,
            "connection": {
                "pool": self._pool(),
                "ip": "192.0.2.10",
                "uptime": up_s if rig.pool_in_use() is not None else 0,
                "ping": 35,
                "failures": 0,
                "tls": None,
                "tls-fingerprint": None,
                "algo": ALGORITHM,
                "diff": 9990,
                "accepted": accepted,
                "rejected": rejected,
                **diff,
            },
            "version": rig.firmware,
            "kind": "miner",
            "ua": f"XMRig/{rig.firmware} (Linux x86_64)",
            "cpu": {},
            "donate_level": 1,
            "paused": rig.stopped,
            "algorithms": [ALGORITHM],
            "hashrate": {"total": self._rates(), "highest": round(rig.full_hs * 1.01, 1)},
            "hugepages": [1168, 1168],
        }

    def _pool(self) -> str:
        return self.rig.pools[self.rig.pool_shown()][0].rpartition("://")[2] if self.rig.pools else ""


def _url(text: object) -> str:
    return str(text) if re.match(r"[a-z0-9+]+://", str(text)) else f"stratum+tcp://{text}"


def _error(status: int) -> Answer:
    words = {400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 415: "UNSUPPORTED_MEDIA_TYPE"}
    return text_answer(f'{{"status":{status},"error":"{words[status]}"}}', status, JSON)
