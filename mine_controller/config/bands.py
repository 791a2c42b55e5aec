"""[band NAME] sections: what must be right between them, and how they are changed with every comment kept."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from mine_controller.config import catalogue, pools
from mine_controller.config.edit import Change, EditError, changes, store, with_value
from mine_controller.config.lines import Document, Section, decode, nearest, read
from mine_controller.config.model import ConfigError
from mine_controller.config.show import text as shown
from mine_controller.config.source import read_source
from mine_controller.core.money.bands import DEFAULTS, OFF, Band, split_mode
from mine_controller.core.money.bands import Section as Options

KIND = "band"
DECLARED: Any = Options
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


def written(band: Band) -> dict[str, str]:
    """What config.txt says of a band; what is as by default is left out."""
    values = band.section._asdict()
    usual = {name: about.default for name, (_, about) in catalogue.declared(DECLARED).items()}
    return {
        name: shown(list(value) if isinstance(value, tuple) else value)
        for name, value in values.items()
        if value != usual[name]
    }


def set_band(path: Path, name: str, values: Mapping[str, str]) -> tuple[Change, ...]:
    """Write some options of one band, which may be new; "" takes an option out, so that its default counts.

    EditError, or ConfigError when the result doesn't check: then nothing has changed.
    """
    source = read_source(path)
    text = _with_band(_parsed(source.config)[0], name, values)
    store(source, text)
    return changes(source.config, text.encode())


def set_bands(path: Path, wanted: Mapping[str, Mapping[str, str]]) -> tuple[Change, ...]:
    """All bands at once, as `with_bands` has them; errors as `set_band`."""
    source = read_source(path)
    text = with_bands(source.config, wanted)
    store(source, text)
    return changes(source.config, text.encode())


def with_bands(raw: bytes, wanted: Mapping[str, Mapping[str, str]]) -> str:
    """The text with exactly these bands (name -> options, "" = the default); comments stay. ConfigError: unreadable.

    Pure; whether the result checks is for whoever stores it, or looks at it first.
    """
    text, document = _parsed(raw)
    gone = [line for one in _bands(document) if one.name not in wanted for line in _lines_of(one)]
    text = _without(text, gone)
    for name, values in wanted.items():
        text = _with_band(text, name, values)
    return text


def _with_band(text: str, name: str, values: Mapping[str, str]) -> str:
    if not _NAME.fullmatch(name):
        raise EditError(f"{name[:40]!r} is no name of a band: letters, digits, dot, dash and underscore")
    title, document = f"{KIND} {name}", read(text)
    if title not in document.sections:
        text = _begun(text, document, name, values)
    for option, value in values.items():
        document = read(text)
        section = document.sections[title]
        if value.strip():
            text = with_value(text, document, title, option, value.strip())
        elif option in section.entries:
            text = _without(text, [section.entries[option].line])
    return text


def remove(path: Path, name: str) -> tuple[Change, ...]:
    """Take a band out; errors as `set_band`."""
    source = read_source(path)
    text, document = _parsed(source.config)
    section = document.sections.get(f"{KIND} {name}")
    if section is None:
        known = [one.name for one in _bands(document)]
        raise EditError(f"there is no [{KIND} {name}]{nearest(name, known)}")
    text = _without(text, _lines_of(section))
    store(source, text)
    return changes(source.config, text.encode())


def reset(path: Path) -> tuple[Change, ...]:
    """The five default bands in place of every band there is; what stands between them stays. Errors as `set_band`."""
    source = read_source(path)
    text, document = _parsed(source.config)
    found = _bands(document)
    at = found[0].line - 1 if found else _end(text)
    block: list[str] = []
    for band in DEFAULTS:
        block += [f"[{KIND} {band.name}]", *(f"{key} = {value}" for key, value in written(band).items()), ""]
    gone = {line for section in found for line in _lines_of(section)}
    lines = text.split("\n")
    newline = "\r" if lines[0].endswith("\r") else ""
    kept = [[line for number, line in enumerate(lines, 1) if number not in gone and (number <= at) is early]
            for early in (True, False)]  # fmt: skip
    text = "\n".join([*kept[0], *(line + newline for line in block), *kept[1]])
    store(source, text)
    return changes(source.config, text.encode())


def _parsed(raw: bytes) -> tuple[str, Document]:
    text, wrong = decode(raw)
    if wrong:
        raise ConfigError(wrong)
    return text, read(text)


def _bands(document: Document) -> list[Section]:
    return [section for section in document.sections.values() if section.kind == KIND and section.name]


def _lines_of(section: Section) -> list[int]:
    return [section.line, *(entry.line for entry in section.entries.values())]


def _without(text: str, gone: list[int]) -> str:
    return "\n".join(line for number, line in enumerate(text.split("\n"), 1) if number not in gone)


def _end(text: str) -> int:
    lines = text.split("\n")
    return next((at for at in range(len(lines) - 1, -1, -1) if lines[at].strip() == "[end]"), len(lines))


def _begun(text: str, document: Document, name: str, values: Mapping[str, str]) -> str:
    """A new band begins before the first one that is cheaper, else behind the last one."""
    lines = text.split("\n")
    newline = "\r" if lines[0].endswith("\r") else ""
    cheaper = next((one for one in _bands(document) if _edge(one) < _number(values.get("max_price", ""))), None)
    last = max((line for one in _bands(document) for line in _lines_of(one)), default=_end(text))
    at = cheaper.line - 1 if cheaper is not None else last
    while cheaper is not None and at and lines[at - 1].lstrip().startswith("#"):
        at -= 1  # what is written above a band belongs to it
    return "\n".join([*lines[:at], f"[{KIND} {name}]{newline}", newline, *lines[at:]])


def _edge(section: Section) -> float:
    entry = section.entries.get("max_price")
    return _number(entry.value if entry is not None else "")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")  # no edge, or nothing that could be one: `check` tells that


# -- what must be right -----------------------------------------------------------------------------------------------


def check(document: Document, rules: Mapping[str, Any], found: pools.Read, work: Any) -> None:
    """Every problem between the bands, and between them and the rest of the file, is told to `work`."""
    options = rules.get(KIND)
    if options is None:
        return
    bands: tuple[Band, ...] = options.sections
    own, names = document.sections.get(KIND), [band.name for band in bands]
    if options.default_band not in (*names, OFF):
        line = own.entries["default_band"].line if own is not None else 0
        told = f"there is no [{KIND} {options.default_band}]{nearest(options.default_band, names)}"
        work.tell(line, KIND, "default_band", told)
    _check_order(document, bands, work)
    for band in bands:
        section = document.sections[f"{KIND} {band.name}"]
        if band.name == OFF and not band.off:  # it would hold while no price is known, and for whoever wants it off
            work.tell(section.line, section.title, "coin", "a band called off mines nothing: write coin = off")
        _check_modes(section, document, band, work)
        _check_pool(section, band, found, work)
        if band.section.coin.lower() == "best" and not getattr(rules.get("profit"), "choose", False):
            work.tell(section.line, section.title, "coin", "best needs [profit] with choose = yes, and its coins")


def _check_order(document: Document, bands: tuple[Band, ...], work: Any) -> None:
    first = document.sections[f"{KIND} {bands[0].name}"]
    if "max_price" in first.entries:
        told = f"prices of {bands[0].section.max_price:g} and above belong to no band: the first band has no max_price"
        work.tell(first.entries["max_price"].line, first.title, "max_price", told)
    for dearer, band in pairwise(bands):
        section = document.sections[f"{KIND} {band.name}"]
        entry = section.entries.get("max_price")
        if entry is None:
            work.tell(section.line, section.title, "max_price", "is missing: only the first, dearest band has none")
        elif band.section.max_price >= dearer.section.max_price:
            told = f"must be below that of [{KIND} {dearer.name}], which stands before it: bands go from dear to cheap"
            work.tell(entry.line, section.title, "max_price", told)


def _check_modes(section: Section, document: Document, band: Band, work: Any) -> None:
    for text in band.section.modes:
        whose, mode = split_mode(text)
        kind = whose.partition(" ")[0]
        module = catalogue.find("device", kind)
        modes = tuple(getattr(module, "MODES", ()))
        line = section.entries["modes"].line
        if not modes:
            told = f"{whose} has no modes" if module is not None else f"nothing is called {whose}"
            work.tell(line, section.title, "modes", told)
        elif whose != kind and whose not in document.sections:
            work.tell(line, section.title, "modes", f"there is no section [{whose}]")
        elif mode not in modes:
            work.tell(line, section.title, "modes", f"{kind} has no mode {mode[:30]}; it has {', '.join(modes)}")


def _check_pool(section: Section, band: Band, found: pools.Read, work: Any) -> None:
    pool, coin = band.section.pool, band.section.coin
    known = (*found.pools, *found.pending)
    if pool and pool not in known:
        line = section.entries["pool"].line
        work.tell(line, section.title, "pool", f"there is no [pool {pool[:40]}]{nearest(pool, known)}")
    elif pool in found.pools and coin and not band.off:
        mined = found.pools[pool].coin
        if mined and mined.upper() != coin.upper():
            line = section.entries["pool"].line
            work.tell(line, section.title, "pool", f"mines {mined}, and the band is for {coin}")
    elif coin and not pool and not band.off and coin.lower() != "best" and coin.upper() not in _coins(found):
        work.note(section.line, section.title, "coin", f"no active [pool] mines {coin}: miners stay on their pools")


def _coins(found: pools.Read) -> set[str]:
    return {one.coin.upper() for one in found.pools.values()}
