"""What a config says, read a second time by other means: only the declarations are shared with the loader."""

import csv
import re
from decimal import Decimal
from pathlib import Path
from typing import get_type_hints

from mine_controller.core.option import Secret, declarations


def sections(text):
    """{title: {key: value}} of a text whose form was accepted."""
    found, now = {}, None
    for raw in text.removeprefix("\ufeff").split("\n"):
        line = raw.strip(" \t\r")
        if not line or line[0] in "#;":
            continue
        if line.startswith("["):
            now = found.setdefault(line[1:-1], {})
            continue
        key, _, value = line.partition("=")
        assert now is not None
        assert key.strip(" \t") not in now, "a key that stands twice has no meaning"
        now[key.strip(" \t")] = value.strip(" \t")
    assert list(found)[-1] == "end"
    assert not found.pop("end")
    return found


def differences(config, text, fleet, folder=Path("/nowhere")):
    """Everything in which the loaded config is not what the two texts say; an empty list for a faithful one."""
    said = sections(text)
    out = []
    if any("CHANGE-ME" in entries.values() for entries in said.values()):
        # What is not filled in takes no part, and neither does what is wired to it: that has to be said.
        return [] if any("not yet" in note.text for note in config.notes) else ["left out without a note"]
    for title, entries in said.items():
        options = _options(config, title)
        if title != "wiring" and not title.startswith(("pool ", "band ")) and options is None:
            out.append(f"[{title}] has vanished")
        if options is not None:
            out += [f"[{title}] {one}" for one in _fields(options, entries, folder)]
    known = {title for title in said if title in config.endpoints}
    out += [f"{title} came from nowhere" for title in set(config.endpoints) - known]
    out += [f"[pool {pool.name}] came from nowhere" for pool in config.pools if f"pool {pool.name}" not in said]
    out += [f"[{title}] has vanished" for title in said if title.startswith("pool ") and not _pool(config, title)]
    out += _common(config, said)
    out += _pools(config, said)
    out += _wiring(config, said.get("wiring", {}))
    return [*out, *_fleet(config, fleet)]


def _options(config, title):
    if title == "site":
        return config.facts
    if title in config.endpoints:
        return config.endpoints[title].options
    return config.policy.rules.get(title) or config.channels.get(title)


def _pool(config, title):
    return next((pool for pool in config.pools if f"pool {pool.name}" == title), None)


def _pools(config, said):
    for title, entries in said.items():
        pool = _pool(config, title) if title.startswith("pool ") else None
        for key in ("url", "user"):
            if pool is not None and key in entries and _spelt(key, getattr(pool, key)) != _spelt(key, entries[key]):
                yield f"[{title}] {key} is {getattr(pool, key)!r}"


def _fields(options, entries, folder):
    hints = get_type_hints(type(options))
    for name, declared in declarations(type(options)):
        value = getattr(options, name)
        if declared.kind in ("pools", "sections"):
            continue
        if name not in entries:
            if not declared.required and value != declared.default:
                yield f"{name} is {value!r} and was never written"
        elif not _means(hints[name], declared, value, entries[name], folder):
            yield f"{name} is {value!r}, the file says {entries[name]!r}"


def _means(annotation, declared, value, text, folder):
    """Whether `value` is what a person reads in `text`."""
    if annotation is Secret:
        return value.reveal() == text
    if annotation is bool:
        return value is {"yes": True, "no": False}.get(text)
    if annotation in (int, float):
        return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) is not None and Decimal(text) == Decimal(str(value))
    if annotation is str and declared.kind == "path":
        return value == str(folder / text)
    if annotation is str:
        return value == text
    return list(value) == [part.strip(" \t") for part in text.split(",")]


def _common(config, said):
    """What every endpoint may be told beside its own options."""
    for title, endpoint in config.endpoints.items():
        entries = said.get(title, {})
        own = getattr(type(endpoint.options), "_field_defaults", {}).get("every_s")
        raised = any((note.section, note.option) == (title, "every_s") for note in config.notes)  # said, so no silence
        said_s = int(entries.get("every_s", own.default if own is not None else 0))
        if endpoint.every_s != said_s and not (raised and endpoint.every_s > said_s):
            yield f"[{title}] every_s is {endpoint.every_s}"
        if endpoint.live != (entries.get("live", "yes") == "yes"):
            yield f"[{title}] live is {endpoint.live}"


def _wiring(config, entries):
    wiring = config.policy.wiring
    fans = {fan.name: fan for fan in wiring.fans}
    for key, text in entries.items():
        parts = [" ".join(part.split()) for part in text.split(",")]  # a tab inside a name is a space, as in fleet.csv
        if key.startswith("fan "):
            fan = fans.pop(key[4:], None)
            found = None if fan is None else _fan(fan)
            wanted = {"normal": "1500", "watts": "", **dict(part.partition(" ")[::2] for part in parts)}
            if found != {**wanted, "normal": str(int(wanted["normal"]))}:
                yield f"{key} is {found}, the file says {text!r}"
        elif key.startswith("max_age "):
            if wiring.roles[key[8:]].max_age_s != int(text):
                yield f"{key} is {wiring.roles[key[8:]].max_age_s}"
        elif key in wiring.roles:
            if [name.rpartition(":")[0] for name in wiring.roles[key].keys] != parts:
                yield f"{key} is {wiring.roles[key].keys}, the file says {text!r}"
        elif key.partition(" ")[0] not in ("uplink", "breaker", "phase", "dummy_pool", "wall", "lamp"):
            yield f"{key} has vanished"
    relays = (("wall", wiring.wall), ("lamp", wiring.lamp))
    yield from (f"{name} is {wired}" for name, wired in relays if wired != " ".join(entries.get(name, "").split()))
    yield from (f"fan {name} came from nowhere" for name in fans)
    yield from (f"{role} came from nowhere" for role in wiring.roles if role not in entries and role != "stop")


def _fan(fan):
    more = {"active_low": ""} if fan.active_low else {}
    return {"switch": fan.switch, "watts": fan.watts, "normal": str(fan.normal_w), **more}


def _fleet(config, fleet):
    """Every row that is no comment is one miner, cell by cell."""
    lines = [line for line in fleet.removeprefix("\ufeff").replace("\r", "").split("\n") if line.strip(" \t;,")]
    lines = [line for line in lines if not line.lstrip(' "\t').startswith("#")]
    if not lines:
        return
    delimiter = max(";,\t", key=lines[0].count)
    names, *cells = [[cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))] for line in lines]
    names = [name.lower() for name in names]
    miners = {miner.id: miner for miner in config.policy.wiring.miners}
    for row in cells:
        said = dict(zip(names, row, strict=False))
        miner = miners.pop(said["id"], None)
        if miner is None:
            yield f"miner {said['id']} has vanished"
            continue
        for name in ("group", "outlet", "phase", "row", "name", "breaker"):
            if getattr(miner, name) != " ".join(said.get(name, "").split()):
                yield f"miner {miner.id}: {name} is {getattr(miner, name)!r}"
        if _bare(miner.mac) != _bare(said["mac"]):
            yield f"miner {miner.id}: mac is {miner.mac!r}"
        if said.get("nominal_w") and miner.nominal_w != int(said["nominal_w"]):
            yield f"miner {miner.id}: nominal_w is {miner.nominal_w}"
        if set(miner.flags) != set(said.get("flags", "").split()):
            yield f"miner {miner.id}: flags are {miner.flags}"
    yield from (f"miner {name} came from nowhere" for name in miners)


def _spelt(key, text):
    """A pool's address in one spelling: in lower case, with its scheme, without leading zeros of its port."""
    if key != "url":
        return text
    whole = text.lower() if "://" in text else f"stratum+tcp://{text.lower()}"
    return re.sub(r":0+(?=[0-9])", ":", whole)


def _bare(mac):
    return re.sub("[:-]", "", mac).lower()
