"""profiles.txt: tuning presets by name, beside config.txt, for people to read, edit and copy to another site.

    [quiet]
    kind = bitaxe
    frequency_mhz = 450
    core_voltage_mv = 1100
    fan = auto

A profile goes to units of its kind only; what a unit takes of it, its driver and the tick judge. Comments and other
profiles stay as they are when one is saved or removed.
"""

import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mine_controller.config import catalogue
from mine_controller.config.lines import decode, nearest
from mine_controller.config.replace import replace_file
from mine_controller.core.model.quantity import QUANTITIES
from mine_controller.core.rules.tuning import MEASURED
from mine_controller.record import NamedTuple

FILE = "profiles.txt"
VOLTAGE = "core_voltage_mv"
TUNED = ("frequency_mhz", VOLTAGE)
SETTINGS = ("kind", *TUNED, "mode", "fan")
MOST = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_TITLE = re.compile(r"\[\s*([^\]]*?)\s*\]")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")


class ProfileError(Exception):
    """profiles.txt or what was asked of it is wrong; the text is one sentence with the remedy."""


class Profile(NamedTuple):
    """One preset; None or "" = left as it is. `fan` is auto or percent."""

    name: str
    kind: str
    frequency_mhz: int | None = None
    core_voltage_mv: int | None = None
    mode: str = ""
    fan: str = ""

    def errands(self) -> tuple[tuple[str, str], ...]:
        """(verb, value) in the order they are asked: a mode may bring settings of its own, which tune then changes."""
        tune = " ".join(f"{name}={value}" for name in TUNED if (value := getattr(self, name)) is not None)
        pairs = (("mode", self.mode), ("tune", tune), ("fan", self.fan))
        return tuple((verb, value) for verb, value in pairs if value)


def load(folder: Path) -> dict[str, Profile]:
    """Every profile by name; {} where there is no file. ProfileError names the first line that is wrong."""
    return {name: profile(name, values) for name, (_, values) in _sections(_text(folder)).items()}


def save(folder: Path, one: Profile, *, replace: bool) -> None:
    """Write one profile at the end, or over the one of that name. ProfileError."""
    text = _text(folder)
    known = _sections(text)
    if one.name in known and not replace:
        raise ProfileError(f"there is a profile {one.name} already: --replace writes over it")
    if one.name not in known and len(known) >= MOST:
        raise ProfileError(f"{FILE} holds {MOST} profiles: remove some first")
    profile(one.name, {name: str(value) for name, value in _values(one)})  # what could not be read is not written
    _of_miners(one.kind)
    if one.name in known:
        text = _without(text, one.name)
    body = [f"[{one.name}]", *(f"{name} = {value}" for name, value in _values(one))]
    gap = "\n\n" if text.strip() else ""
    _write(folder, text.rstrip("\n") + gap + "\n".join(body) + "\n")


def _of_miners(kind: str) -> None:
    """ProfileError for a kind no miner is of: nobody would ever take the profile."""
    modules = {name: catalogue.find("device", name) for name in catalogue.known("device")}
    kinds = [name for name, module in modules.items() if module is not None and module.CAN.fleet]
    if kind not in kinds:
        raise ProfileError(f"there are no miners of kind {kind!r}{nearest(kind, kinds)}")


def remove(folder: Path, name: str) -> Profile:
    """Take one profile out; gives what it was. ProfileError."""
    text = _text(folder)
    known = _sections(text)
    if name not in known:
        raise ProfileError(f"there is no profile {name[:40]!r}; there are {', '.join(known) or 'none yet'}")
    gone = profile(name, known[name][1])
    _write(folder, _without(text, name))
    return gone


def _values(one: Profile) -> list[tuple[str, Any]]:
    return [(name, value) for name in SETTINGS if (value := getattr(one, name)) not in (None, "")]


def profile(name: str, values: Mapping[str, str]) -> Profile:
    """A profile out of written values. ProfileError."""
    if not _NAME.fullmatch(name):
        raise ProfileError(f"{name[:40]!r} is no name of a profile: letters, digits, dot, dash and underscore")
    for key in values:
        if key not in SETTINGS:
            raise ProfileError(f"profile {name}: {key[:40]!r} is not a setting; there are {', '.join(SETTINGS)}")
    for key in ("kind", "mode"):
        if values.get(key) is not None and not _WORD.fullmatch(values[key]):
            raise ProfileError(f"profile {name}: {key} {values[key][:30]!r} is not one word in lower case")
    if "kind" not in values:
        raise ProfileError(f"profile {name}: kind is missing, like kind = bitaxe")
    fan = values.get("fan", "")
    if fan and fan != "auto" and not (fan.isascii() and fan.isdecimal() and len(fan) < 4 and int(fan) <= 100):
        raise ProfileError(f"profile {name}: fan is auto or a share from 0 to 100")
    numbers = {key: _number(name, key, values[key]) for key in TUNED if key in values}
    found = Profile(name, values["kind"], **numbers, mode=values.get("mode", ""), fan=fan)
    if not found.errands():
        raise ProfileError(f"profile {name} sets nothing: give it {', '.join(SETTINGS[1:])}")
    return found


def _number(name: str, key: str, text: str) -> int:
    row = QUANTITIES[key]
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and row.low <= int(text) <= row.high):
        raise ProfileError(f"profile {name}: {key} is a whole number of {row.unit} from {row.low:g} to {row.high:g}")
    return int(text)


def _sections(text: str) -> dict[str, tuple[int, dict[str, str]]]:
    """Name -> (line, values as written). ProfileError."""
    found: dict[str, tuple[int, dict[str, str]]] = {}
    now: dict[str, str] | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        title = _TITLE.fullmatch(line)
        if title:
            if title[1] in found:
                raise ProfileError(
                    f"{FILE}:{number}: [{title[1][:40]}] stands twice (first at line {found[title[1]][0]})"
                )
            now = {}
            found[title[1]] = (number, now)
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if now is None or not equals or not value or not line.isprintable() or key in now:
            raise ProfileError(
                f"{FILE}:{number}: {line[:40]!r} is not understood: write [name], and kind = bitaxe below"
            )
        now[key] = value
    return found


def _without(text: str, name: str) -> str:
    """The text without the lines of one profile; comments between its last value and the next section stay."""
    lines = text.split("\n")
    titles = [(at, found[1]) for at, line in enumerate(lines) if (found := _TITLE.fullmatch(line.strip()))]
    first = next(at for at, title in titles if title == name)
    end = next((at for at, _ in titles if at > first), len(lines))
    own = [at for at in range(first, end) if lines[at].strip()[:1] not in ("", "#", ";")]
    last = max(own) + 1
    while last < len(lines) and not lines[last].strip():
        last += 1
    return "\n".join([*lines[:first], *lines[last:]])


def _text(folder: Path) -> str:
    try:
        raw = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ProfileError(f"{FILE} can't be read: {error.strerror}") from None
    text, wrong = decode(raw, FILE)
    if wrong:
        raise ProfileError(f"{FILE}:{wrong[0].line}: {wrong[0].text}")
    return text.replace("\r\n", "\n")


def _write(folder: Path, text: str) -> None:
    path = folder / FILE
    try:
        info = (path if path.exists() else folder).stat()
        mode = stat.S_IMODE(info.st_mode) if path.exists() else 0o644
        replace_file(path, text.encode(), mode, (info.st_uid, info.st_gid))
    except OSError as error:
        raise ProfileError(f"{FILE} can't be written: {error.strerror}") from None


def voltage_untold(kind: str) -> bool:
    """Whether units of this kind tell the voltage that is measured, and not the one that is set."""
    return kind in MEASURED


def of_readings(name: str, kind: str, unit: Mapping[str, Any], given: Mapping[str, str]) -> Profile:
    """A preset as a unit runs now; `given` counts before what was read. ProfileError when nothing is known.

    `unit` is its row: readings, and what it `takes`. A unit that takes exact settings gives those and no mode: one
    write to its flash memory, not two. A voltage that is measured lies below the one that is set, and is no setting.
    The fan is not taken over: a reading says how fast it turns, not who set it.
    """
    exact = "tune" in unit["takes"] and isinstance(unit.get("frequency_mhz"), int | float)
    set_ = [key for key in TUNED if exact and not (key == VOLTAGE and voltage_untold(kind))]
    seen = {key: str(round(unit[key])) for key in set_ if isinstance(unit.get(key), int | float)}
    if not exact and "mode" in unit["takes"] and isinstance(unit.get("mode"), str):
        seen["mode"] = unit["mode"]
    values = {"kind": kind, **seen, **{key: value for key, value in given.items() if value}}
    if len(values) == 1:
        raise ProfileError("no frequency, voltage or mode of it is known: give them, like --frequency-mhz 525")
    return profile(name, values)


def told(one: Profile) -> dict[str, Any]:
    """For JSON and tables."""
    return {
        "name": one.name,
        "kind": one.kind,
        "frequency_mhz": one.frequency_mhz,
        "core_voltage_mv": one.core_voltage_mv,
        "mode": one.mode or None,
        "fan": one.fan or None,
    }


def find(folder: Path, name: str) -> Profile:
    """One profile. ProfileError names those there are."""
    known = load(folder)
    if name not in known:
        raise ProfileError(f"there is no profile {name[:40]!r}; {_there(list(known))}")
    return known[name]


def _there(names: Sequence[str]) -> str:
    return f"there are {', '.join(names)}" if names else "`minectl profiles save NAME --from ID` makes one"
