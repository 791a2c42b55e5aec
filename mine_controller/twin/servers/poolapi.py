"""Services of pools as they answer: solopool, nodejs-pool, CKPool, public-pool, Braiins Pool, P2Pool with an observer.

All six tell of the same `Earner`, each in its own words and units, so that a driver's figures can be held against one
truth. `mood` makes a server late, wrong or lost: "ok", "down" (502), "page" (a web page in place of JSON), "limit"
(429), "stale" (its figures stand still), "nonsense" (numbers that can't be).
"""

from dataclasses import dataclass, field
from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, not_found, text_answer

DAY_S: Final = 86_400
REWARDS: Final = {"BTC": 312_500_000, "BCH": 312_500_000, "DGB": 27_500_000_000, "XMR": 600_000_000_000}
MATURE_S: Final = 100 * 600
TOKEN: Final = "twin-pool-token"  # noqa: S105 - opens nothing but the twin
STEPS: Final = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"))
MOODS: Final = ("ok", "down", "page", "limit", "stale", "nonsense")


@dataclass
class Earner:
    """One wallet at a pool. Rates in H/s, amounts in the coin's smallest unit, times in plant seconds.

    `blocks` are (found_at_s, height); what is older than a day's worth of blocks is mature, `paid_upto` of it is paid.
    """

    wallet: str
    coin: str = "BTC"
    workers: dict[str, float] = field(default_factory=lambda: {"rig1": 1.2e12})
    best: int = 8_134_563_102
    blocks: list[tuple[float, int]] = field(default_factory=list)
    paid_blocks: int = 0
    difficulty: int = 152_271_405_346_198

    @property
    def rate_hs(self) -> int:
        """All workers together."""
        return round(sum(self.workers.values()))

    @property
    def online(self) -> int:
        """Workers with a rate."""
        return sum(rate > 0 for rate in self.workers.values())

    def amounts(self, at_s: float) -> tuple[int, int, int]:
        """Immature, unpaid, paid."""
        reward = REWARDS[self.coin]
        mature = sum(at_s - found_s >= MATURE_S for found_s, _ in self.blocks)
        paid = min(self.paid_blocks, mature)
        return reward * (len(self.blocks) - mature), reward * (mature - paid), reward * paid

    def day(self, at_s: float) -> int:
        """Earned in the last 24 h."""
        return REWARDS[self.coin] * sum(at_s - found_s < DAY_S for found_s, _ in self.blocks)


class Service:
    """One pool's service. `kind` names the driver that reads it; `start_wall_s` is the wall time of plant time 0."""

    def __init__(self, kind: str, earners: list[Earner], start_wall_s: int = 1_763_000_000) -> None:
        self.kind, self.start_wall_s = kind, start_wall_s
        self.earners = {earner.wallet: earner for earner in earners}
        self.mood = "ok"
        self.stood_at_s: float | None = None
        self.asked: list[str] = []

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call, in the words of the kind and the mood of the day."""
        self.asked.append(asked.path)
        if self.mood == "down":
            return text_answer("<html><body><h1>502 Bad Gateway</h1></body></html>", 502)
        if self.mood == "page":
            return text_answer("<!doctype html><title>Just a moment...</title>")
        if self.mood == "limit":
            return text_answer("Too Many Requests", 429, "text/plain", Retry_After="300")
        if self.mood == "stale":
            at_s = self.stood_at_s = at_s if self.stood_at_s is None else self.stood_at_s
        answer: Answer = getattr(self, f"_{self.kind}")(asked, at_s)
        if self.mood == "nonsense" and answer.status == 200:
            return Answer(200, answer.headers, _nonsense(answer.body))
        return answer

    def _wall(self, at_s: float) -> int:
        return self.start_wall_s + int(at_s)

    def _one(self, path: str, before: str, after: str = "") -> Earner | None:
        inside = path.startswith(before) and path.endswith(after)
        return self.earners.get(path[len(before) : len(path) - len(after)]) if inside else None

    def _solopool(self, asked: Asked, at_s: float) -> Answer:
        earner = self._one(asked.path.removeprefix("/api"), "/accounts/")
        if earner is None:
            return json_answer({}) if "/accounts/" in asked.path else not_found()
        immature, unpaid, paid = (10 * amount for amount in earner.amounts(at_s))  # counted in 1e-9
        workers = {
            name: {"hr": round(rate), "sharesValid": 7, "offline": rate <= 0} for name, rate in earner.workers.items()
        }
        rewards = [
            {"height": height, "timestamp": self._wall(found_s), "amount": 10 * REWARDS[earner.coin], "matured": True}
            for found_s, height in sorted(earner.blocks, reverse=True)
        ]
        tree: dict[str, Any] = {
            "currentHashrate": earner.rate_hs,
            "hashrate": earner.rate_hs,
            "workersOnline": earner.online,
            "workersTotal": len(workers),
            "workers": workers,
            "stats": {"lastShare": self._wall(at_s) - 20, "balance": unpaid, "immature": immature, "paid": paid},
            "earnings": [{"period": DAY_S, "blocks": 0, "amount": 10 * earner.day(at_s), "luck": 0}],
            "rewards": rewards or None,
        }
        return json_answer(tree)

    def _supportxmr(self, asked: Asked, at_s: float) -> Answer:
        path = asked.path.removeprefix("/api")
        every = self._one(path, "/miner/", "/stats/allWorkers")
        if every is not None:
            rates = {name: {"identifer": name, "hash": round(rate)} for name, rate in every.workers.items()}
            return json_answer({"global": {"identifer": "global", "hash": every.rate_hs}, **rates})
        earner = self._one(path, "/miner/", "/stats")
        immature, unpaid, paid = earner.amounts(at_s) if earner is not None else (0, 0, 0)
        known = earner is not None
        tree = {
            "hash": earner.rate_hs if earner is not None else 0,
            "identifier": "global",
            "lastHash": self._wall(at_s) - 20 if known else 0,
            "totalHashes": 0,
            "validShares": round(at_s / 20) if known else 0,
            "invalidShares": None,
            "amtPaid": paid,
            "amtDue": immature + unpaid,
            "txnCount": 0,
        }
        return json_answer(tree)

    def _ckpool(self, asked: Asked, at_s: float) -> Answer:
        if asked.path == "/pool/pool.status":
            difficulty = next(iter(self.earners.values())).difficulty
            parts = (
                '{"Users":9000,"Workers":21000}',
                '{"hashrate1hr":"156P"}',
                f'{{"diff":40.0,"accepted":{difficulty * 2 // 5}}}',
            )
            return text_answer("\n".join(parts) + "\n", kind="application/octet-stream")
        earner = self._one(asked.path, "/users/")
        if earner is None:
            return not_found()
        worker = [
            {"workername": f"{earner.wallet}.{name}", "hashrate1hr": scaled(rate)}
            for name, rate in earner.workers.items()
        ]
        tree = {
            "hashrate1hr": scaled(earner.rate_hs),
            "lastshare": self._wall(at_s) - 20,
            "workers": earner.online,
            "bestshare": float(earner.best),
            "bestever": earner.best,
            "worker": worker,
        }
        return json_answer(tree)

    def _publicpool(self, asked: Asked, at_s: float) -> Answer:
        path = asked.path.removeprefix("/api")
        if path == "/network":
            return json_answer({"blocks": 920_000, "difficulty": next(iter(self.earners.values())).difficulty})
        earner = self._one(path, "/client/")
        if earner is None:
            return json_answer({"statusCode": 404, "message": "Not Found"}, 404)
        rows = [
            {
                "sessionId": f"57a6{at:04x}",
                "name": name,
                "bestDifficulty": f"{earner.best:.2f}",
                "hashRate": rate,
                "lastSeen": _iso(self._wall(at_s) - 20),
            }
            for at, (name, rate) in enumerate(earner.workers.items())
        ]
        return json_answer({"bestDifficulty": f"{earner.best:.2f}", "workersCount": earner.online, "workers": rows})

    def _braiinspool(self, asked: Asked, at_s: float) -> Answer:
        if asked.headers.get("pool-auth-token") != TOKEN:
            return text_answer("Invalid Access Token", 403, "text/plain")
        earner = next(iter(self.earners.values()))
        if asked.path == "/accounts/workers/json/btc/":
            rows = {
                f"example.{name}": {
                    "state": "ok" if rate > 0 else "off",
                    "last_share": self._wall(at_s) - 20,
                    "hash_rate_unit": "Gh/s",
                    "hash_rate_60m": rate / 1e9,
                }
                for name, rate in earner.workers.items()
            }
            return json_answer({"btc": {"workers": rows}})
        immature, unpaid, paid = earner.amounts(at_s)
        btc = {
            "hash_rate_unit": "Gh/s",
            "hash_rate_60m": earner.rate_hs / 1e9,
            "ok_workers": earner.online,
            "low_workers": 0,
            "off_workers": len(earner.workers) - earner.online,
            "dis_workers": 0,
            "current_balance": coins(immature + unpaid),
            "all_time_reward": coins(immature + unpaid + paid),
        }
        return json_answer({"username": "example", "btc": btc})

    def _p2pool(self, asked: Asked, at_s: float) -> Answer:
        earner = self._one(asked.path, "/api/payouts/")
        if earner is not None:
            rows = [
                {"main_height": height, "timestamp": self._wall(found_s), "coinbase_reward": REWARDS[earner.coin]}
                for found_s, height in sorted(earner.blocks, reverse=True)
            ]
            return json_answer(rows)
        node = next(iter(self.earners.values()))
        workers = [
            f"192.168.0.9:{at},60,1000,{rate:.0f},{name}" for at, (name, rate) in enumerate(node.workers.items())
        ]
        files: dict[str, dict[str, Any]] = {
            "/local/stratum": {
                "hashrate_1h": node.rate_hs,
                "connections": node.online,
                "shares_found": round(at_s / 3600),
                "shares_failed": 0,
                "last_share_found_time": self._wall(at_s) - 20,
                "workers": workers,
            },
            "/pool/stats": {"pool_statistics": {"totalBlocksFound": len(node.blocks)}},
            "/network/stats": {"difficulty": node.difficulty, "timestamp": self._wall(at_s) - 60},
        }
        found = files.get(asked.path)
        return json_answer(found) if found is not None else not_found()


def scaled(rate: float) -> str:
    """4.57G, as CKPool writes it; 0 has no letter."""
    for step, letter in STEPS:
        if rate >= step:
            return f"{rate / step:.3g}{letter}"
    return f"{rate:.0f}"


def coins(amount: int) -> str:
    """Satoshis as a text in BTC."""
    return f"{amount // 10**8}.{amount % 10**8:08}"


def _iso(wall_s: int) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415 - only some answers hold a date

    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _nonsense(body: bytes) -> bytes:
    """The same shape with numbers that can't be."""
    import re  # noqa: PLC0415 - only for that fault

    return re.sub(rb"(?<=[:,\[])-?\d[\d.]*", b"-1e999", body)
