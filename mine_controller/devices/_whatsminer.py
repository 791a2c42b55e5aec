"""Whatsminer by what its fields say: API 1 and 2 (CGMiner's envelope, port 4028) and API 3 (frames, port 4433). Pure.

Facts after recorded answers of an M20S (API 1.4) and an M60S (API 3.0.2) and MicroBT's manuals. API 3 tells its mode in
`get.miner.setting` alone, in the words that set it (a client tried on an M63S++, API 3.0.5); `power.mode` of its
description is a number that nobody explains.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mine_controller.devices import _asic, _units
from mine_controller.devices._answer import dig
from mine_controller.devices._asic import Told
from mine_controller.devices.kind import BadReply
from mine_controller.wire import cgminer
from mine_controller.wire.cgminer import number, row, rows

FRAME = 4  # bytes of a length in front, little end first
FRAME_CAP = 256 * 1024
_SPANS = ("MHS 1m", "MHS 5s", "HS RT")  # never av: it goes on after a stop
_RATES = ("hash-realtime", "hash-1min")
Trees = Mapping[str, Any]


def framed(tree: Mapping[str, Any]) -> bytes:
    """A request of API 3."""
    raw = json.dumps(tree, separators=(",", ":")).encode()
    return len(raw).to_bytes(FRAME, "little") + raw


def whole(data: bytes | bytearray) -> bool:
    """Whether a frame has come whole, or never will."""
    length = int.from_bytes(data[:FRAME], "little") if len(data) >= FRAME else None
    return length is not None and (length > FRAME_CAP or len(data) >= FRAME + length)


def unframed(data: bytes) -> dict[str, Any]:
    """The JSON object in a frame. Raises BadReply."""
    length = int.from_bytes(data[:FRAME], "little")
    if len(data) < FRAME or not 0 < length <= FRAME_CAP:
        raise BadReply("not a frame of API 3")
    if len(data) < FRAME + length:
        raise BadReply("the answer is cut off")
    try:
        tree = json.loads(data[FRAME : FRAME + length].decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        raise BadReply("not a frame of API 3") from None
    if not isinstance(tree, dict):
        raise BadReply("not a frame of API 3")
    return tree


def message(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The `Msg` of API 2 or `msg` of API 3 where it is an object, else {}."""
    told = tree.get("Msg", tree.get("msg"))
    return told if isinstance(told, dict) else {}


def summary(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A summary in either envelope: a section SUMMARY, or an object in `Msg`."""
    return row(tree, "SUMMARY") or message(tree)


def is_off(trees: Trees) -> bool:
    """Whether a unit of API 1 or 2 says that it was stopped by its API; older firmware has the other name for it."""
    status = message(trees.get("status", {}))
    off = status.get("mineroff", status.get("btmineroff"))
    return isinstance(off, str) and off.lower() == "true"


def told_v2(trees: Trees, patience_s: float) -> Told:
    """What a unit of API 1 or 2 tells."""
    sums, status = summary(trees.get("summary", {})), message(trees.get("status", {}))
    mhs = next((rate for span in _SPANS if (rate := number(sums.get(span))) is not None and rate >= 0), None)
    rate = mhs / 1e6 if mhs is not None else None
    uptime = _asic.counted(sums.get("Elapsed"))
    listed = rows(trees.get("pools", {}), "POOLS")
    word, why = _word("true" if is_off(trees) else "", "true", rate, uptime, patience_s, listed)
    active = [pool for pool in listed if pool.get("Stratum Active") is True]
    watts = next((watts for name in ("Power", "Power_RT") if (watts := _asic.above_zero(sums.get(name)))), None)
    details = row(trees.get("devdetails", {}), "DEVDETAILS")
    version = message(trees.get("get_version", {}))
    return Told(
        word=word,
        why_word=why,
        power_w=watts,
        why_power="its supply tells no watts",
        limit_w=_asic.above_zero(sums.get("Power Limit")),
        rate_ths=rate,
        chip_c=_asic.hottest([sums.get("Chip Temp Max")]),
        board_c=_asic.hottest([sums.get("Temperature")]),
        fan_rpm=_asic.slowest([sums.get("Fan Speed In"), sums.get("Fan Speed Out")]),
        uptime_s=uptime,
        accepted=_shares(sums, listed, "Accepted"),
        rejected=_shares(sums, listed, "Rejected"),
        stale=_shares(sums, listed, "Stale"),
        mode=_mode(sums.get("Power Mode")),
        pool=(active[0].get("URL"), active[0].get("User"), None) if active else None,
        model=_asic.shown(details.get("Model")) or "Whatsminer",
        firmware=_firmware(_release(sums) or _release(status) or version.get("fw_ver")),
    )


def _shares(sums: Mapping[str, Any], pools: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """By its summary, else by its pools: the summary of 2025's firmware counts none (20250321.14.Rel)."""
    return _asic.counted(sums[name]) if name in sums else _asic.summed(pools, name)


def _word(
    off: Any,
    means_off: str,
    rate: float | None,
    uptime_s: float | None,
    patience_s: float,
    pools: Sequence[Mapping[str, Any]],
) -> tuple[str | None, str]:
    """Stopped by its own word while nothing hashes; what still hashes is not stopped whatever it says."""
    if rate is not None and rate > 0:
        return "hashing", ""
    if isinstance(off, str) and off.lower() == means_off:
        return "stopped", ""
    return _asic.working(rate, uptime_s, patience_s, pools)


def _mode(value: Any) -> str | None:
    word = value.lower() if isinstance(value, str) else ""
    return word if word in ("low", "normal", "high") else None


def _release(told: Mapping[str, Any]) -> Any:
    return told.get("Firmware Version") or told.get("FirmwareVersion")


def _firmware(value: Any) -> str:
    return _asic.shown(value).strip("'")


def told_v3(trees: Trees, patience_s: float) -> Told:
    """What a unit of API 3 tells. It counts no shares."""
    info, sums = message(trees.get("v3info", {})), dig(message(trees.get("v3summary", {})), "summary")
    setting = message(trees.get("v3setting", {}))
    sums = sums if isinstance(sums, dict) else {}
    rate = next((rate for name in _RATES if (rate := number(sums.get(name))) is not None and rate >= 0), None)
    uptime = _asic.counted(sums.get("elapsed"))
    boards, pools = sums.get("board-temperature"), dig(message(trees.get("v3pools", {})), "pools")
    listed = [pool for pool in pools if isinstance(pool, dict)] if isinstance(pools, list) else []
    word, why = _word(dig(info, "miner.working"), "false", rate, uptime, patience_s, listed)
    active = next((pool for pool in listed if pool.get("stratum-active") is True), None)
    return Told(
        word=word,
        why_word=why,
        power_w=_asic.above_zero(sums.get("power-realtime")),
        why_power="its supply tells no watts",
        limit_w=_asic.above_zero(sums.get("power-limit")),
        rate_ths=rate,
        chip_c=_asic.hottest([sums.get("chip-temp-max")]),
        board_c=_asic.hottest(boards if isinstance(boards, list) else []),
        fan_rpm=_asic.slowest([sums.get("fan-speed-in"), sums.get("fan-speed-out")]),
        uptime_s=uptime,
        mode=_mode(setting.get("power-mode")),
        pool=(active.get("url"), active.get("account"), None) if active else None,
        model=_asic.shown(dig(info, "miner.type")) or "Whatsminer",
        firmware=_firmware(dig(info, "system.fwversion")),
    )


def identity(trees: Trees) -> str:
    """The unit's mac, or a serial where it tells none; "" when it tells neither."""
    info = message(trees.get("v3info", {}))
    about = message(trees.get("get_miner_info", {}))
    told = {"mac": dig(info, "network.mac"), "serial": dig(info, "miner.miner-sn")}
    return _units.identity(summary(trees.get("summary", {})), about, told)


def is_whatsminer(tree: cgminer.Tree) -> bool:
    """Whether an answer on the CGMiner port is one of theirs: a STATUS that is a letter, or the names of the makers."""
    status = tree.get("STATUS")
    shown = json.dumps(tree).upper()
    letter = isinstance(status, str) and len(status) == 1 and cgminer.status(tree).code is not None
    return letter or "BTMINER" in shown or "BITMICRO" in shown or "WHATSMINER" in shown
