"""The process in which asic-rs works: one line of jobs on stdin, a line for each on stdout, then gone.

Run as `python -I asic_child.py`; it imports nothing of minectl, so that starting it costs an interpreter and the
wheel. Jobs run side by side in one event loop. It ends by itself when its time is over, and with the process that
started it: at the end of stdin, and by the kernel's word (PR_SET_PDEATHSIG) should a call of the library hold Python.

What the library makes up is told as it came and judged by who reads it: `is_mining` is false or true where nothing
was read, a control's False may mean refused, lost or late, and a restart is True on some firmware whatever happened
(all read in asic-rs 0.8.6).
"""

import asyncio
import contextlib
import ctypes
import http.client
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PR_SET_PDEATHSIG = 1
LATE_S = 2.0  # the alarm that ends even a process whose Python is held, this long after its time
TEXT = 200
FANS, BOARDS, POOLS = 16, 16, 12  # a unit has fewer; a hostile one may not fill the pipe

# Firmware that a kind of our own commands, because the library does it harm or hides what it said. An Avalon's limit
# it sends as a work level with the unit behind ("2.5 kW"), and its stop for a moment of this machine's clock.
ELSEWHERE = {
    "AntMiner Stock": "antminer",
    "LuxOS": "antminer",
    "WhatsMiner Stock": "whatsminer",
    "AvalonMiner Stock": "avalon",
}
VNISH, TUNED, TUNE = "VNish", "tuned", "tune one on its own page"
VNISH_PORT, VNISH_S, VNISH_CAP = 80, 5.0, 65_536  # the library knows no other port, either
VNISH_RUNS = ("initializing", "starting", "auto-tuning", "mining")
VNISH_WAITS = frozenset((state, True) for state in VNISH_RUNS)
VNISH_AFTER = {"stop": ("stopped", "shutting-down"), "run": VNISH_RUNS, "restart": ("restarting", *VNISH_RUNS[:2])}
PLACES = 3
OLD_STILL = "taken, but it did not start anew for it"
NO_TLS = "asic-rs leaves the TLS of a pool out on VNish, so that it would not connect: use its port without"

Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Read the jobs, do them, tell."""
    _die_with_parent()
    line = sys.stdin.buffer.readline()
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    request = json.loads(line)
    signal.setitimer(signal.ITIMER_REAL, request["for_s"] + LATE_S)  # its default action ends the process
    try:
        import pyasic_rs  # noqa: F401, PLC0415 - not every machine has a wheel
    except ImportError as error:
        _say({"missing": type(error).__name__})
        return
    with contextlib.suppress(TimeoutError):
        asyncio.run(_all(request["jobs"], request["for_s"]))
    sys.stdout.flush()
    os._exit(0)  # the wheel was seen to abort while the interpreter takes itself apart


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_stdin() -> None:
    """Nothing more is ever written to it, so its end is the end of whoever wrote."""
    sys.stdin.buffer.read()
    os._exit(1)


def _say(tree: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(tree) + "\n")
    sys.stdout.flush()


async def _all(jobs: list[dict[str, Any]], for_s: float) -> None:
    # A thread each, made when it is needed: by default there are four more than cores, and slow units would hold them.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max(1, len(jobs))))
    async with asyncio.timeout(for_s):
        await asyncio.gather(*(_one(job) for job in jobs))


async def _one(job: dict[str, Any]) -> None:
    def began() -> None:
        _say({"job": job["job"], "began": True})

    try:
        told = await _job(job, began)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of Rust is no Exception; it is this job's answer
        told = {"error": _plain(f"{type(error).__name__}: {error}", job)}
    _say({"job": job["job"], "told": told})


def _plain(text: str, job: dict[str, Any]) -> str:
    """An error's text without the job's secrets."""
    for _, _, secret in (*job["logins"], *job["pools"]):
        if secret:
            text = text.replace(secret, "***")
    return " ".join(text.split())[:TEXT]


async def _job(job: dict[str, Any], began: Callable[[], None]) -> dict[str, Any]:
    from pyasic_rs import MinerFactory  # noqa: PLC0415 - main has tried it

    factory = MinerFactory()
    for firmware, user, password in job["logins"]:
        with contextlib.suppress(ValueError):  # a firmware this version does not register for logins
            factory = factory.with_firmware_discovery_auth(firmware, user, password)
    miner = await factory.get_miner(job["host"])
    if miner is None:
        return {"none": True}
    for firmware, user, password in job["logins"]:
        if firmware == miner.firmware:
            miner.set_auth(user, password)
    return await (_read(miner) if job["do"] == "read" else _command(miner, job, began))


async def _read(miner: Any) -> dict[str, Any]:
    from pyasic_rs.data import DataField  # noqa: PLC0415 - main has tried it

    left_out = [DataField.Chips, DataField.Messages, DataField.TuningCapabilities]
    data = await miner.get_data(exclude=left_out)
    return {
        "make": miner.make,
        "model": miner.model,
        "firmware": miner.firmware,
        "version": data.firmware_version,
        "mac": data.mac,
        "serial": data.serial_number,
        "mining": data.is_mining,
        "state": _state(data.operating_state),
        "watts": data.wattage,
        "limit": data.tuning_target.watts if data.tuning_target is not None else None,
        "mode": _mode(data.tuning_target),
        "rate": _ths(data.hashrate),
        "uptime": data.uptime.total_seconds() if data.uptime is not None else None,
        "fans": [fan.rpm for fan in data.fans[:FANS]],
        "boards": [_board(board) for board in data.hashboards[:BOARDS]],
        "pools": [_pool(pool) for group in data.pools[:POOLS] for pool in group.pools[:POOLS]],
    }


def _state(state: Any) -> str | None:
    """Its name; one that the library has none for in the firmware's own words."""
    if state is None:
        return None
    raw = getattr(state, "raw", None)
    return raw[:TEXT] if isinstance(raw, str) else type(state).__name__.rpartition("_")[2]


def _mode(target: Any) -> str | None:
    mode = target.target_mode if target is not None else None
    return str(mode).rpartition(".")[2].lower() if mode is not None else None


def _ths(rate: Any) -> float | None:
    from pyasic_rs.data import HashRateUnit  # noqa: PLC0415 - main has tried it

    return float(rate.as_unit(HashRateUnit.TH).value) if rate is not None else None


def _board(board: Any) -> dict[str, Any]:
    chips = [board.outlet_chip_temperature, board.inlet_chip_temperature]
    return {"board": board.board_temperature, "chips": chips, "active": board.active}


def _pool(pool: Any) -> dict[str, Any]:
    url = pool.url
    return {
        "host": url.host if url is not None else None,
        "port": url.port if url is not None else None,
        "user": pool.user,
        "active": pool.active,
        "accepted": pool.accepted_shares,
        "rejected": pool.rejected_shares,
    }


async def _command(miner: Any, job: dict[str, Any], began: Callable[[], None]) -> dict[str, Any]:
    """Who it is, whether it can, then the command. Nothing is sent to another unit than the one named."""
    named = {text.lower() for text in (await miner.get_mac(), await miner.get_serial_number()) if text}
    about = {"make": miner.make, "firmware": miner.firmware}
    if miner.firmware in ELSEWHERE:
        return {**about, "elsewhere": ELSEWHERE[miner.firmware]}
    if job["unit"] and job["unit"].lower() not in named:
        return {**about, "stranger": bool(named)}
    value, refusal = await _fit(miner, job)
    if refusal:
        return {**about, "refused": refusal}
    able, send = _verb(miner, {**job, "value": value})
    if not able:
        return {**about, "unsupported": True}
    began()
    said = await send()
    return {**about, **(await _vnish(miner, job, said=said) if miner.firmware == VNISH else {"said": said})}


async def _vnish(miner: Any, job: dict[str, Any], *, said: Any) -> dict[str, Any]:
    """What became of a command to VNish. 0.8.6 takes an empty answer, which is all that its starts and stops give, for
    a no, and never looks whether a setting waits for a start (`restart_required`, in each description from 1.2.6 to
    1.3.4). A stopped unit takes its settings up when it starts."""
    if said is not True:
        return {"said": (await _state_of(job["host"]))[0] in VNISH_AFTER.get(job["do"], ())}
    if job["do"] not in ("pool", "limit") or await _state_of(job["host"]) not in VNISH_WAITS:
        return {"said": True}
    done = await miner.restart() is True or await _state_of(job["host"]) not in VNISH_WAITS
    return {"said": True} if done else {"error": OLD_STILL}


async def _state_of(host: str) -> tuple[Any, bool]:
    """What a VNish unit says that it does, and whether it keeps to old settings until it starts anew."""
    try:
        told = await asyncio.wait_for(asyncio.to_thread(_status, host), VNISH_S)  # its sockets bound a piece, not all
    except TimeoutError:
        told = {}
    state = told.get("miner_state")
    return state if isinstance(state, str) else "", told.get("restart_required") is True


def _status(host: str) -> dict[str, Any]:
    """Its status, which needs no login; {} when it can't be read: what the unit does is read again each tick."""
    asking = http.client.HTTPConnection(host, VNISH_PORT, timeout=VNISH_S)
    try:
        asking.request("GET", "/api/v1/status")
        told = json.loads(asking.getresponse().read(VNISH_CAP))
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return {}
    finally:
        asking.close()
    return told if isinstance(told, dict) else {}


async def _fit(miner: Any, job: dict[str, Any]) -> tuple[str, str]:
    """The value as this firmware may be given it by the library, or why it may not. On VNish 0.8.6 sets the strongest
    preset below a limit, also one that starts hours of tuning, and sends a pool's host and port alone."""
    value = str(job["value"])
    if miner.firmware != VNISH:
        return value, ""
    schemes = {url.partition("://")[0] for url, _, _ in job["pools"] if "://" in url}
    if job["do"] == "pool" and schemes - {"stratum+tcp"}:
        return "", NO_TLS
    if job["do"] == "limit":
        presets = await miner.get_presets()
        names = [preset.name.strip() for preset in presets if preset.status == TUNED]
        fits = [int(name) for name in names if name.isdecimal() and int(name) <= float(value)]
        none = f"it has no tuned preset of {value} W or less: {TUNE}" if presets else "its presets can't be read"
        return (str(max(fits)), "") if fits else ("", none)
    return value, ""


def _verb(miner: Any, job: dict[str, Any]) -> tuple[bool, Callable[[], Any]]:
    """Whether it can, and what would do it."""
    from pyasic_rs import config  # noqa: PLC0415 - main has tried it

    value = job["value"]

    def fan() -> Any:
        return miner.set_fan_config(config.FanConfig.manual(int(value)))

    def pools() -> Any:
        rows = [config.Pool(url=url, username=user, password=word) for url, user, word in job["pools"]]
        if miner.firmware == VNISH:  # its description has three places, and the library can't write an empty one
            rows += rows[-1:] * (PLACES - len(rows))
        return miner.set_pools_config([config.PoolGroup(name="minectl", quota=1, pools=rows)])

    named = {"stop": "pause", "run": "resume", "restart": "restart"}.get(job["do"], "")
    if named:
        return getattr(miner, f"supports_{named}"), getattr(miner, named)
    verbs: dict[str, tuple[str, Callable[[], Any]]] = {
        "limit": ("set_power_limit", lambda: miner.set_power_limit(float(value))),
        "mode": ("tuning_config", lambda: miner.set_tuning_config(config.TuningConfig.mode(_word(value)))),
        "pool": ("pools_config", pools),
        "fan": ("fan_config", fan),
        "locate": ("set_fault_light", lambda: miner.set_fault_light(value == "on")),
    }
    if job["do"] not in verbs or (job["do"], value) == ("fan", "auto"):  # auto wants a target temperature
        return False, pools
    able, send = verbs[job["do"]]
    return getattr(miner, f"supports_{able}"), send


def _word(value: str) -> Any:
    from pyasic_rs.data import MiningMode  # noqa: PLC0415 - main has tried it

    return {"low": MiningMode.Low, "normal": MiningMode.Normal, "high": MiningMode.High}[value]


if __name__ == "__main__":
    main()
