"""Stand-in kinds with every sort of option, so that config's tests don't hang on one vendor's driver."""

from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from mine_controller.config import catalogue
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, option
from mine_controller.devices import _pools
from mine_controller.devices.kind import Can, LaneSpec


class PageOptions(NamedTuple):
    url: str = option(kind="url", help="the page", example="https://coop.example/signal")
    pattern: str = option("([A-Z]+)", kind="regex", help="what to look for")


class ProbeOptions(NamedTuple):
    host: str = option(kind="host", help="its address")
    offset_c: float = option(0.0, unit="°C", low=-5, high=5, help="correction")
    retries: int = option(1, low=0, high=3, help="how often again")
    fahrenheit: bool = option(False, help="it reports °F")
    names: tuple[str, ...] = option((), help="channels")


class RelayOptions(NamedTuple):
    host: str = option(kind="host", help="its address")
    password: Secret = option("", help="its password")


class PoolOptions(NamedTuple):
    url: str = option(kind="url", help="its API")
    key: Secret = option(help="the API key")
    calls_per_s: float = option(1.0, low=0.1, high=10, help="calls a second")
    nominal_w: int = option(3400, low=100, high=10_000, unit="W", help="a miner's power")


class ShelfOptions(NamedTuple):
    host: str = option(kind="host", help="its address")
    pools: tuple[Pool, ...] = _pools.POOLS
    settle_s: int = option(45, low=0, high=900, unit="s", help="how long it settles")


def _kind(options, can, lane=None, check=None, **more):
    parts = {"Options": options, "CAN": can, "LANE": lane or LaneSpec(), "__doc__": "A stand-in."} | more
    return SimpleNamespace(**parts, **({"check": check} if check else {}))


KINDS = {
    "page": _kind(PageOptions, Can(("signal",))),
    "probe": _kind(ProbeOptions, Can(("temp_c", "humidity_pct", "contact"))),
    "meter": _kind(ProbeOptions, Can(("power_w", "voltage_v"))),
    "relay": _kind(RelayOptions, Can(("switch",), ("on", "off"))),
    "pdu": _kind(RelayOptions, Can(("switch", "power_w"), ("on", "off"), outlets=True), LaneSpec(4, 0.2, proof_s=10)),
    "shelf": _kind(
        ShelfOptions,
        Can(("word", "address", "power_w"), ("run", "stop", "restart", "mode", "pool"), fleet=True, gentle=True),
        LaneSpec(proof_s=20),
        EVERY_S=60,
        SETTLE_S=30,
        MODES=("eco", "turbo"),
    ),
    "cloud": _kind(
        PoolOptions, Can(("word", "address"), ("run", "stop"), fleet=True, gentle=True), LaneSpec(proof_s=90)
    ),
}

HERE = Path(__file__).parent
TEXT = (HERE / "site.txt").read_text(encoding="utf-8")
FLEET = (HERE / "site.csv").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def stand_in_kinds(monkeypatch):
    """`catalogue` also knows the stand-ins; real kinds stay."""
    real_find, real_known = catalogue.find, catalogue.known

    def find(room, name):
        return KINDS.get(name) or real_find(room, name) if room == "device" else real_find(room, name)

    def known(room):
        return (*KINDS, *real_known(room)) if room == "device" else real_known(room)

    monkeypatch.setattr(catalogue, "find", find)
    monkeypatch.setattr(catalogue, "known", known)


@pytest.fixture
def write(tmp_path):
    """Write config.txt (0600) and fleet.csv; returns the path of config.txt."""

    def put(text=TEXT, fleet=FLEET, mode=0o600):
        path = tmp_path / "config.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        if fleet is not None:
            (tmp_path / "fleet.csv").write_bytes(fleet if isinstance(fleet, bytes) else fleet.encode())
        return path

    return put
