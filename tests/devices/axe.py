"""A Bitaxe that keeps what it is told, and what its driver does to it."""

from devices.kinds import CANARY, build
from devices.scripted import apply as applied
from devices.scripted import errand
from devices.shelf import Shelf, http, opened

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret
from mine_controller.devices import bitaxe

A, MAC = "10.0.0.1", "02:00:00:00:00:01"
POOLS = (
    Pool("btc", "stratum+tcp://btc.example:3333", "acct.w1", Secret(CANARY), "BTC"),
    Pool("dgb", "stratum+tcp://dgb.example:4444", "acct.w1", Secret(CANARY), "DGB"),
    Pool("safe", "stratum+ssl://tls.example:5555", "acct.w1", Secret(CANARY), "BTC"),
)


def options(**more):
    return build("bitaxe", "http://192.0.2.1", **{"hosts": ("10.0.0.1-3",), "pools": POOLS, **more})


class Board:
    """A board that keeps what it is told. `answers` replace its own by path; `deaf` takes a PATCH and keeps nothing."""

    def __init__(self, version="v2.14.1", deaf=False, answers=None, **more):
        self.info = {
            "macAddr": MAC,
            "version": version,
            "ASICModel": "BM1370",
            "boardVersion": "601",
            "frequency": 525,
            "coreVoltage": 1150,
            "hashRate": 1100,
            "uptimeSeconds": 900,
            "miningPaused": False,
            "overheat_mode": 0,
            "stratumURL": "btc.example",
            "stratumPort": 3333,
            "stratumUser": "acct.w1",
            "autofanspeed": 1,
            "fanspeed": 40,
            "manualFanSpeed": 60,
        }
        self.info = {key: value for key, value in {**self.info, **more}.items() if value is not ...}
        self.deaf, self.answers, self.identifying = deaf, answers or {}, False

    def __call__(self, host, method, path, body):
        if (method, path) in self.answers:
            answer = self.answers[method, path]
            return answer.pop(0) if isinstance(answer, list) else answer
        if method == "GET":
            return dict(self.info)
        if method == "PATCH":
            if not self.deaf:
                self.patch(body)
            return http(b"")
        if path == "/api/system/identify":
            self.identifying = not self.identifying
            says = 'The device says "Hi!" for 30 seconds.' if self.identifying else 'The device no longer says "Hi!".'
            return {"message": says}
        if path == "/api/system/restart":
            return http(b"System will restart shortly.")
        self.info["miningPaused"] = path.endswith("pause")
        return {"message": f"Mining {'paused' if path.endswith('pause') else 'resumed'}"}

    def patch(self, body):
        for row in body.get("pools", ()):
            at = [one["id"] for one in self.info["pools"]].index(row["id"])
            self.info["pools"][at] = {**row, "stratumPassword": "*****"}
        self.info |= {key: value for key, value in body.items() if key not in ("pools", "stratumPassword")}


def slots(*hosts):
    rows = [{"id": at, "stratumURL": host, "stratumPort": 3333 + 1111 * at} for at, host in enumerate(hosts)]
    return [{**row, "stratumUser": "acct.w1", "stratumPassword": "*****"} for row in rows]


def do(board, *batch, **more):
    shelf = Shelf(board)
    outcomes = applied(bitaxe, shelf, options(**more), batch)
    assert CANARY not in repr(outcomes)
    return outcomes, shelf


def one(board, verb, value="", **more):
    (outcome,), shelf = do(board, errand(A, verb, value), **more)
    return outcome, shelf


def bodies(shelf):
    return [opened(raw)[2] for raw in shelf.raw if raw.startswith(b"PATCH")]
