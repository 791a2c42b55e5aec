"""Antminer by what its fields say: stock firmware (two shapes of stats), LuxOS, Braiins OS and VNish. Pure.

`trees` holds the answers by name: CGMiner ones ("summary", "stats" ...) as trees with their sections, web ones
("conf", "details", "board" ...) as JSON. Facts after recorded answers of an S19 Pro, an S19k Pro with LuxOS
2025.4, an S19 XP with Braiins 25.07, and VNish's API description 1.3.4.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mine_controller.devices import _asic
from mine_controller.devices._answer import dig
from mine_controller.devices._asic import Told
from mine_controller.wire import cgminer
from mine_controller.wire.cgminer import number, row, rows

STOCK, LUXOS, BRAIINS, VNISH = "stock", "luxos", "braiins", "vnish"
# Names of fields and the values of `Type` and `Description` only: a pool's user may be called anything. Firmware of
# others comes first, because it calls the unit an Antminer too.
_MARKS = (
    (re.compile(rb'"BOSer[^"\\]*"\s*:|"BOSminer\+?"\s*:|"Description"\s*:\s*"BOS', re.IGNORECASE), BRAIINS),
    (re.compile(rb'"LUXminer"\s*:|"Description"\s*:\s*"LUXminer', re.IGNORECASE), LUXOS),
    (re.compile(rb'"(?:type|miner_type)"\s*:\s*"[^"\\]{0,80}vnish', re.IGNORECASE), VNISH),
    (re.compile(rb'"type"\s*:\s*"antminer', re.IGNORECASE), STOCK),
)
_MAKES = {BRAIINS: "Braiins OS", LUXOS: "LuxOS", VNISH: "VNish"}
ASLEEP = 1
NOT_MINING = 5  # told so of firmware from July 2023 on; an S19 XP's page calls it Dry Keep Mode: see `_antminer_modes`
OLD_ASLEEP = 254  # the same of the 17 series, where its firmware has work modes at all
MODES = {0: "normal", 2: "high", 3: "low"}
OLD, NEW = "old", "new"  # generations of the web interface of stock firmware: a form, a tree
# What only the newer one has; of hydro models and the S21 the page tells no more than the last two.
_NEW_SETTINGS = ("bitmain-freq-level", "bitmain-pwth", "bitmain-hashrate-percent", "bitmain-user-ip-cat")
_OLD_MODELS = re.compile(r"antminer (?:[st](?:7|9|11|15|17)|l3)(?![0-9])", re.IGNORECASE)
_NEW_MODELS = re.compile(r"antminer (?:[st](?:19|2[0-9])|[ld][79]|k[sa7]|e9|e11|hs3|al[0-9]|dr7|x[59])", re.IGNORECASE)
_TERA = {"K": 1e-9, "M": 1e-6, "G": 1e-3, "T": 1.0, "P": 1e3}
_SPANS = ("5s", "1m", "5m")  # never av: it goes on after a stop
_SCALE = {f"{letter}H{end}": size for letter, size in _TERA.items() for end in ("", "/S")}
_WATTS = ("chain_power", "power", "Power", "watt", "total_power")
_CHIPS = re.compile(r"temp_chip[0-9]{1,2}|temp2_[0-9]{1,2}")
_BOARDS = re.compile(r"temp_pcb[0-9]{1,2}|temp_out_pcb_?[0-9]{1,2}|temp[0-9]{1,2}")
_FANS = re.compile(r"fan[0-9]{1,2}")
_BRAIINS_STATUS = {1: "stopped", 3: "sleeping", 4: "stopped"}
_VNISH_STATE = {
    "initializing": "booting",
    "starting": "booting",
    "restarting": "booting",
    "stopped": "stopped",
    "paused": "sleeping",
    "failure": "error",
}
Trees = Mapping[str, Any]


def family(raw: bytes) -> str:
    """Whose firmware answers, by what its answers say of themselves; "" when they name none of these."""
    return next((name for mark, name in _MARKS if mark.search(raw)), "")


def told(name: str, trees: Trees, patience_s: float) -> Told:
    """What a unit with this firmware tells."""
    reads = {LUXOS: _luxos, BRAIINS: _braiins, VNISH: _vnish}
    return reads.get(name, _stock)(trees, patience_s)


def _summary(trees: Trees) -> dict[str, Any]:
    return row(trees.get("summary", {}), "SUMMARY")


def _ghs(source: Mapping[str, Any]) -> float | None:
    """TH/s of the shortest window of a summary or old stats, which are in GH/s."""
    rates = (number(source.get(f"GHS {span}")) for span in _SPANS)
    return next((rate / 1e3 for rate in rates if rate is not None and rate >= 0), None)


def _counted(told_: Told, summary: Mapping[str, Any]) -> Told:
    """With the shares of a summary."""
    accepted, rejected, stale = (_asic.counted(summary.get(name)) for name in ("Accepted", "Rejected", "Stale"))
    return told_._replace(accepted=accepted, rejected=rejected, stale=stale)


def _pool_rows(trees: Trees) -> list[dict[str, Any]]:
    return rows(trees.get("pools", {}), "POOLS")


def _pool(trees: Trees) -> tuple[Any, Any, Any] | None:
    """The pool it works for: the active one with the lowest priority; of several groups the first."""
    active = [pool for pool in _pool_rows(trees) if pool.get("Stratum Active") is True]
    first = min(active, key=lambda pool: number(pool.get("Priority")) or 0, default=None)
    return (first.get("URL"), first.get("User"), None) if first else None


def _dashed(value: Any) -> Iterable[Any]:
    """The numbers of "78-50-69-70", of a list, or the one there is."""
    if isinstance(value, str):
        return value.split("-")
    return value if isinstance(value, list) else (value,)


def _heats(source: Mapping[str, Any], names: re.Pattern[str]) -> list[Any]:
    return [heat for name, value in source.items() if names.fullmatch(name) for heat in _dashed(value)]


def _version(trees: Trees) -> dict[str, Any]:
    """What names model and firmware: VERSION, else the first row of old stats, else INFO of new ones."""
    stats = trees.get("stats", {})
    info = stats.get("INFO")
    old = next((found for found in rows(stats, "STATS") if "Type" in found), {})
    return row(trees.get("version", {}), "VERSION") or old or (info if isinstance(info, dict) else {})


def _stock(trees: Trees, patience_s: float) -> Told:
    version, summary = _version(trees), _summary(trees)
    stats = next((found for found in reversed(rows(trees.get("stats", {}), "STATS")) if "Type" not in found), {})
    uptime = _asic.counted(summary.get("Elapsed", stats.get("Elapsed", stats.get("elapsed"))))
    rate, mode = _stock_rate(summary, stats), work_mode(trees)
    word, why = _stock_word(trees, _seen_rate(stats, rate), uptime, patience_s)
    new = _listed(stats, "chain")
    info = trees.get("info", {})
    told_ = Told(
        word=word,
        why_word=why,
        power_w=_watts(trees, stats),
        rate_ths=rate,
        why_rate=_why_no_rate(stats),
        chip_c=_asic.hottest([*_heats(stats, _CHIPS), *_chains(new, "temp_chip")]),
        board_c=_asic.hottest([*_heats(stats, _BOARDS), *_chains(new, "temp_pcb")]),
        fan_rpm=_slowest(_stock_fans(stats), number(stats.get("fan_num")), rate),
        uptime_s=uptime,
        mode=MODES.get(mode) if mode is not None and _generation(trees) != OLD else None,
        pool=_pool(trees),
        model=info.get("minertype") or version.get("Type") or version.get("type") or "Antminer",
        firmware=info.get("system_filesystem_version") or version.get("CompileTime"),
    )
    return _counted(told_, summary)


def _chains(chains: Iterable[dict[str, Any]], name: str) -> list[Any]:
    return [heat for chain in chains for heat in _dashed(chain.get(name))]


def _slowest(turns: Sequence[Any], fans: float | None, rate_ths: float | None) -> float | None:
    """The slowest fan. Whoever hashes while none turns has none: it stands in a bath or is cooled by water, and still
    counts four (as asic-rs's capture of an S21 XP Hyd. of January 2026 has it); one that lost them would stop."""
    return None if rate_ths and not any(map(number, turns)) else _asic.slowest(turns, fans)


def _stock_fans(stats: Mapping[str, Any]) -> list[Any]:
    listed = stats.get("fan")
    return listed if isinstance(listed, list) else [turn for name, turn in stats.items() if _FANS.fullmatch(name)]


def _seen_rate(stats: Mapping[str, Any], rate_ths: float | None) -> float | None:
    """A rate that shows whether it hashes: that of a unit that counts in something else is in nobody's TH/s."""
    return rate_ths if rate_ths is not None else _asic.counted(stats.get("rate_5s"))


def _stock_rate(summary: Mapping[str, Any], stats: Mapping[str, Any]) -> float | None:
    """TH/s; None also where it counts in a unit that is not known: its summary calls that GH/s all the same."""
    rate = _asic.counted(stats.get("rate_5s"))
    if rate is not None:
        scale = _SCALE.get(str(stats.get("rate_unit", "GH")).upper())
        return None if scale is None else rate * scale
    return next((rate for rate in (_ghs(summary), _ghs(stats)) if rate is not None), None)


def _why_no_rate(stats: Mapping[str, Any]) -> str:
    if _asic.counted(stats.get("rate_5s")) is None:
        return "it gives no current hash rate"
    return f"it counts in {_asic.shown(stats.get('rate_unit'))[:20]!r}, which is not known here"


def _generation(trees: Trees) -> str:
    version = _version(trees)
    model = trees.get("info", {}).get("minertype") or version.get("Type") or version.get("type")
    return generation(model, trees.get("conf", {}))


def generation(model: Any, conf: Mapping[str, Any]) -> str:
    """Which web interface a stock unit has, by its settings, else by its model; "" when neither says."""
    if any(name in conf for name in _NEW_SETTINGS):
        return NEW
    name = model if isinstance(model, str) else ""
    return OLD if _OLD_MODELS.match(name) else NEW if _NEW_MODELS.match(name) else ""


def work_mode(trees: Trees) -> int | None:
    """The work mode as a number: 0 normal, 1 sleep, 2 high, 3 low, 5 not mining; from stats, else from its config. Of
    the old generation only 0 normal and 254 sleep are known."""
    conf = trees.get("conf", {})
    stats = next(iter(rows(trees.get("stats", {}), "STATS")), {})
    for value in (conf.get("bitmain-work-mode"), conf.get("miner-mode"), stats.get("miner-mode")):
        mode = number(value)
        if mode is not None and mode >= 0:
            return int(mode)
    return None


def _stock_word(trees: Trees, rate: float | None, uptime_s: float | None, patience_s: float) -> tuple[str | None, str]:
    """Asleep by its mode while nothing hashes; a unit that still hashes is not asleep whatever it has stored."""
    mode, old = work_mode(trees), _generation(trees) == OLD
    empty = trees.get("stats", {}).get("STATS") == []
    if rate is not None and rate > 0:
        return "hashing", ""
    if old and "conf" in trees:
        return ("sleeping", "") if mode == OLD_ASLEEP else _asic.working(rate, uptime_s, patience_s, _pool_rows(trees))
    if not old and (mode in (ASLEEP, NOT_MINING) or (empty and mode is None)):
        return "sleeping", ""
    if mode is None or old:
        return None, "no hash rate, and it does not tell whether it sleeps"
    return _asic.working(rate, uptime_s, patience_s, _pool_rows(trees))


def _watts(trees: Trees, stats: Mapping[str, Any]) -> float | None:
    told_ = next((watts for name in _WATTS if (watts := _asic.above_zero(stats.get(name))) is not None), None)
    return told_ if told_ is not None else _asic.above_zero(trees.get("watts"))


def _luxos(trees: Trees, patience_s: float) -> Told:
    summary, config = _summary(trees), row(trees.get("config", {}), "CONFIG")
    rate, uptime = _ghs(summary), _asic.counted(summary.get("Elapsed"))
    fans = [fan.get("RPM") for fan in rows(trees.get("fans", {}), "FANS")]
    corners = ("TopLeft", "TopRight", "BottomLeft", "BottomRight")
    heats = [corner.get(name) for corner in rows(trees.get("temps", {}), "TEMPS") for name in corners]
    word, why = _asic.working(rate, uptime, patience_s, _pool_rows(trees))
    curtailed = config.get("CurtailMode")
    if word != "hashing" and isinstance(curtailed, str) and curtailed.lower() not in ("", "none"):
        word, why = "sleeping", ""
    told_ = Told(
        word=word,
        why_word=why,
        power_w=_asic.above_zero(row(trees.get("power", {}), "POWER").get("Watts")),
        rate_ths=rate,
        board_c=_asic.hottest(heats),
        fan_rpm=_slowest(fans, len(fans), rate),
        uptime_s=uptime,
        pool=_pool(trees),
        model=config.get("Model") or _version(trees).get("Type"),
        firmware=_firmware(LUXOS, _version(trees).get("LUXminer")),
    )
    return _counted(told_, summary)


def _firmware(name: str, version: Any) -> str:
    return f"{_MAKES[name]} {_asic.shown(version)}".strip()


def _braiins(trees: Trees, patience_s: float) -> Told:
    if "details" in trees or "stats_web" in trees:
        return _braiins_web(trees, patience_s)
    summary = _summary(trees)
    tuner = row(trees.get("tunerstatus", {}), "TUNERSTATUS")
    temps, fans = rows(trees.get("temps", {}), "TEMPS"), rows(trees.get("fans", {}), "FANS")
    mhs = next((rate for span in _SPANS if (rate := number(summary.get(f"MHS {span}"))) is not None), None)
    rate = mhs / 1e6 if mhs is not None else _ghs(summary)
    hashing = rate is not None and rate > 0
    told_ = Told(
        word="hashing" if hashing else None,
        why_word="no hash rate, and on this interface it does not tell whether it was paused",
        power_w=_asic.above_zero(tuner.get("ApproximateMinerPowerConsumption")) if hashing else None,
        limit_w=_asic.above_zero(tuner.get("PowerLimit")),
        rate_ths=rate,
        chip_c=_asic.hottest(temp.get("Chip") for temp in temps),
        board_c=_asic.hottest(temp.get("Board") for temp in temps),
        fan_rpm=_asic.slowest(fan.get("RPM") for fan in fans),
        uptime_s=_asic.counted(summary.get("Elapsed")),
        pool=_pool(trees),
        model=_version(trees).get("Type"),
        firmware=_firmware(BRAIINS, _version(trees).get("BOSer") or _version(trees).get("BOSminer+")),
    )
    return _counted(told_, summary)


def _braiins_web(trees: Trees, patience_s: float) -> Told:
    details, stats, cooling = (trees.get(name, {}) for name in ("details", "stats_web", "cooling"))
    rate = number(dig(stats, "miner_stats.real_hashrate.last_1m.gigahash_per_second"))
    rate = rate / 1e3 if rate is not None and rate >= 0 else None
    uptime = _asic.counted(details.get("bosminer_uptime_s"))
    status = details.get("status")
    state = _BRAIINS_STATUS.get(status) if type(status) is int else None  # true is 1
    word, why = (state, "") if state else _asic.working(rate, uptime, patience_s)
    fans = [fan.get("rpm") for fan in _listed(cooling, "fans")]
    counts = dig(stats, "pool_stats") or {}
    limit = dig(trees.get("tuner", {}), "mode_state.powertargetmodestate.current_target.watt")
    return Told(
        word=word,
        why_word=why,
        power_w=_asic.above_zero(dig(stats, "power_stats.approximated_consumption.watt")),
        limit_w=_asic.above_zero(limit),
        rate_ths=rate,
        chip_c=_asic.hottest([dig(cooling, "highest_temperature.temperature.degree_c")]),
        board_c=_asic.hottest(dig(board, "board_temp.degree_c") for board in _listed(trees, "boards", "hashboards")),
        fan_rpm=_asic.slowest(fans),
        uptime_s=uptime,
        accepted=_asic.counted(dig(counts, "accepted_shares")),
        rejected=_asic.counted(dig(counts, "rejected_shares")),
        stale=_asic.counted(dig(counts, "stale_shares")),
        pool=_active(pool for group in _listed(trees, "pools_web") for pool in _listed(group, "pools")),
        model=dig(details, "miner_identity.miner_model"),
        firmware=_firmware(BRAIINS, dig(details, "bos_version.current")),
    )


def _listed(tree: Any, *names: str) -> list[dict[str, Any]]:
    """The objects of a list somewhere in a tree; [] where there is none."""
    found = dig(tree, ".".join(names)) if names else tree
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _active(pools: Iterable[dict[str, Any]]) -> tuple[Any, Any, Any] | None:
    first = next((pool for pool in pools if pool.get("active") is True or pool.get("status") == "active"), None)
    return (first.get("url"), first.get("user"), None) if first else None


def _vnish(trees: Trees, patience_s: float) -> Told:
    """Watts are in `power_consumption`; `power_usage` holds J/TH. Pools of the maker (DevFee) are not the owner's."""
    miner = dig(trees.get("board", {}), "miner")
    if not isinstance(miner, dict) and "status" in trees:
        miner = {}
    if not isinstance(miner, dict):
        return _stock(trees, patience_s)._replace(firmware=_firmware(VNISH, ""))
    info = trees.get("info", {})
    unit = str(info.get("hr_measure") or "GH/s").upper()
    rate = number(miner.get("hr_realtime"))
    rate = rate * _SCALE[unit] if rate is not None and rate >= 0 and unit in _SCALE else None
    state = dig(trees.get("status", {}), "miner_state") or dig(miner, "miner_status.miner_state")
    word, why = _vnish_word(state, rate, _asic.counted(dig(miner, "miner_status.miner_state_time")), patience_s)
    pools = [pool for pool in _listed(miner, "pools") if pool.get("pool_type", "UserPool") == "UserPool"]
    fans = _listed(miner, "cooling.fans")
    bath = dig(miner, "cooling.settings.mode.name") == "immersion"  # its firmware calls every fan lost there
    lost = any(fan.get("status") == "lost" for fan in fans)
    return Told(
        word=word,
        why_word=why,
        power_w=_asic.above_zero(miner.get("power_consumption")),
        rate_ths=rate,
        chip_c=_asic.hottest([dig(miner, "chip_temp.max")]),
        board_c=_asic.hottest([dig(miner, "pcb_temp.max")]),
        fan_rpm=None if bath else 0.0 if lost else _asic.slowest(fan.get("rpm") for fan in fans),
        uptime_s=_asic.counted(_summary(trees).get("Elapsed")),
        accepted=_asic.summed(pools, "accepted"),
        rejected=_asic.summed(pools, "rejected"),
        stale=_asic.summed(pools, "stale"),
        pool=_active(pools),
        model=miner.get("miner_type") or info.get("miner"),
        firmware=_firmware(VNISH, info.get("fw_version") or ""),
    )


def _vnish_word(state: Any, rate: float | None, state_s: float | None, patience_s: float) -> tuple[str | None, str]:
    """`mining` and `auto-tuning` hash when there is a rate; of a state nobody knows nothing follows."""
    if state in ("mining", "auto-tuning"):
        return _asic.working(rate, state_s, patience_s)
    if state == "shutting-down":
        return ("hashing", "") if rate else ("stopped", "")
    word = _VNISH_STATE.get(state) if isinstance(state, str) else None
    return word, f"unknown state {_asic.shown(state)!r}"


def rate_is_zero(raw: bytes) -> bool:
    """Whether a summary as bytes shows no hash rate: such a unit is asked for its work mode."""
    try:
        rate = _ghs(row(cgminer.read(raw), "SUMMARY"))
    except cgminer.UnreadableError:
        return False
    return not rate
