"""A CGMiner fleet read the plain way: every name looked for in every row of every unit, a `Found` for each value.

`devices/cgminer.py` finds out once a shape of rows where things stand, and tells columns. What it reads has to be what
is read here, for every answer there can be.
"""

import re

from mine_controller.devices import _cgminer, _cgminer_orders, _units
from mine_controller.devices._units import Unit
from mine_controller.devices.cgminer import (
    _HEADS,
    FASTEST_RPM,
    HIGHEST_C,
    LOWEST_C,
    READS,
    SMALL_THS,
    _given,
    _last_known,
    _word,
)
from mine_controller.devices.kind import BadReply, Found
from mine_controller.wire import cgminer
from mine_controller.wire.cgminer import number

_PROGRAMS = ("LUXminer", "BOSer", "BOSminer+", "BOSminer", "BMMiner", "BFGMiner", "CGMiner", "Miner")
_MODELS = ("PROD", "Type", "MODEL", "Model")
_WATTS = ("Power", "power", "watt", "total_power", "PSU Input Power")
_SPANS = ("1m", "5s", "20s", "30s", "5m", "av")
_SCALE = {"MHS": 1e-6, "GHS": 1e-3, "THS": 1.0}
_RATES = tuple((f"{unit} {span}", scale) for span in _SPANS for unit, scale in _SCALE.items())  # the preferred first
_SAMPLED = re.compile(r"(?:[0-9]{1,2} )?MHS ?\(Sample\)")
_TEMPERATURE = re.compile(r"(?:[Tt]emp|TEMP|[Tt]emperature|Chip Temp)[A-Za-z0-9_ ]*")
_NO_HEAT = re.compile(r"num|target|limit|hot|danger|cut|count|mode|avg|min", re.IGNORECASE)
_FAN = re.compile(r"[Ff]an_?[0-9]{1,2}|Fan Speed (?:In|Out)|fan_speed_(?:in|out)")


def parse(replies, options):
    by_host = {}
    for reply in replies:
        host, _, command = reply.name.partition(" ")
        by_host.setdefault(host, {})[command] = reply
    macs = dict(filter(None, map(_given, options.macs)))
    return _units.fleet([_unit(host, own, macs.get(host, ""), options) for host, own in by_host.items()])


def _unit(host, own, mac, options):
    try:
        trees = _trees(host, own)
    except cgminer.DownError as error:
        return _units.down(host, mac or _last_known(own), str(error))
    except BadReply as error:
        return Unit(host, mac or _last_known(own), (), str(error))
    version = cgminer.row(trees.get("version", {}), "VERSION")
    stats = cgminer.rows(trees.get("stats", {}), "STATS")
    unit = _units.identity(version, *stats) or mac
    if not unit:
        return Unit(host, "", (), f"{host} tells neither mac nor serial: write it into macs", nameless=True)
    program, release = _told((version,), _PROGRAMS)
    _, model = _told((version, *stats), _MODELS)
    found = _units.facts(unit, host, model, program and f"{program} {release}")
    found += _values(unit, trees, stats, options)
    return Unit(host, unit, tuple(found), memory=f"{unit} {'joined' if '' in own else 'single'}")


def _told(rows, names):
    for row in rows:
        for name in names:
            if row.get(name):
                return name, row[name]
    return "", ""


def _trees(host, own):
    whole = _cgminer.tree(own[""]) if "" in own else None
    parts = cgminer.sections(whole) if whole is not None else {}
    trees, why = {}, ""
    for command in (*READS, "pools"):
        try:
            if command in parts:
                trees[command] = _cgminer.granted(parts[command], command, host)
            elif whole is None and command in own:
                trees[command] = _cgminer.part(_cgminer.tree(own[command]), command, host)
            elif whole is not None and command in READS:  # pools were not asked: this is not an answer to them
                trees[command] = _cgminer.granted(whole, command, host)
        except BadReply as error:
            why = why or str(error)
    if not any(head in trees.get(command, {}) for command, head in _HEADS):
        raise BadReply(why or f"{host}: not a miner's answer")
    return trees


def _values(unit, trees, stats, options):
    summary = cgminer.row(trees.get("summary", {}), "SUMMARY")
    boards = cgminer.rows(trees.get("devs", {}), "DEVS")
    rows = (summary, *stats)
    heats = [heat for row in (*boards, *stats) for heat in _under(row, _is_heat)]
    turns = [turn for row in stats for turn in _under(row, _FAN.fullmatch)]
    rate, elapsed_s, watts = _rate_ths(rows, stats), _first(rows, ("Elapsed",)), _first(rows, _WATTS)
    pools = cgminer.rows(trees.get("pools", {}), "POOLS")
    word, why = _word(rate, elapsed_s, boards, pools, options)
    told = [("word", word, why)]
    told.append(("power_w", watts, "") if watts and watts > 0 else ("power_w", None, "this firmware tells no watts"))
    if rate is not None:
        told.append(("hashrate_ths", round(rate, 9), ""))
    told += _counted(turns, elapsed_s, summary)
    if heats:
        real = [heat for heat in heats if LOWEST_C <= heat <= HIGHEST_C]
        told.append(("chip_c", max(real), "") if real else ("chip_c", None, "no sensor answers"))
    best = cgminer.number(summary.get("Best Share"))  # of this start
    if best and best > 0:
        told.append(("best_diff_n", best, ""))
    found = [Found(unit, *one) for one in told]
    if rate is not None and 0 < rate < SMALL_THS:  # two decimals of TH/s show nothing of it
        found.append(Found(f"{unit} hashrate", "text", f"{rate * 1e3:.3f} GH/s"))
    if "pools" in trees:
        found += _cgminer_orders.pool_found(unit, pools, options.pools)
    return found


def _counted(turns, elapsed_s, summary):
    turning = [turn for turn in turns if 0 < turn < FASTEST_RPM]  # 0: often just no fan
    counts = (
        ("fan_rpm", min(turning) if turning else None),
        ("uptime_s", elapsed_s),
        ("accepted_n", cgminer.number(summary.get("Accepted"))),
        ("rejected_n", cgminer.number(summary.get("Rejected"))),
        ("stale_n", cgminer.number(summary.get("Stale"))),
    )
    return [(what, value, "") for what, value in counts if value is not None and value >= 0]


def _under(row, wanted):
    return [value for name in row if wanted(name) and (value := number(row[name])) is not None]


def _is_heat(name):
    return _TEMPERATURE.fullmatch(name) and not _NO_HEAT.search(name)


def _rate_ths(rows, stats):
    sampled = [rate for row in stats for rate in _under(row, _SAMPLED.fullmatch)]
    if sampled:
        return sum(sampled) * _SCALE["MHS"]
    for name, scale in _RATES:
        rate = _first(rows, (name,))
        if rate is not None and rate >= 0:
            return rate * scale
    return None


def _first(rows, among):
    for row in rows:
        for name in among:
            if name in row and (found := number(row[name])) is not None:
                return found
    return None
