"""config.txt as a form: each section with every option its declaration knows, its bounds, and what is written.

Secrets never leave: of one it is told only that something is written.
"""

import re
from collections.abc import Iterable
from typing import Any

from mine_controller.config import alarms, catalogue, keep, pools, site
from mine_controller.config.edit import is_secret
from mine_controller.config.lines import Document, Section
from mine_controller.config.load import SITE
from mine_controller.config.show import text
from mine_controller.config.wiring import TITLE as WIRING
from mine_controller.config.work import Common, FleetCommon
from mine_controller.core.alarms.catalogue import KINDS as ALARMS
from mine_controller.core.model.quantity import ROLES
from mine_controller.core.option import Option, Secret

TYPES = {int: "int", float: "float", bool: "bool", str: "text", Secret: "secret"}
HERE_ONLY = ("path",)  # files of this machine are named at its terminal, never over a network
Row = dict[str, Any]


def form(document: Document) -> list[Row]:
    """Every section that is written, in the order of the file."""
    return [section(document, title) for title in document.sections]


def section(document: Document, title: str) -> Row:
    """One section, written or not. KeyError: nothing is called that."""
    written = document.sections.get(title)
    kind, _, name = title.partition(" ")
    found = written or Section(0, kind, name, {})
    if kind == WIRING:
        about, rows = "Which channel is what.", list(_wired(found))
    else:
        about, declared = _declared(kind, name)
        rows = [_option(found, key, *one) for key, one in declared.items() if one[1].kind != "sections"]
        rows += [_strange(found, key) for key in found.entries if key not in declared]
    return {"title": title, "kind": kind, "name": name, "line": found.line, "about": about, "options": rows}


def kinds() -> list[Row]:
    """Every kind of section there may be; `named`: it takes a name, so there may be several."""
    rows = [_kind(SITE, "The place.", named=False)]
    for name, module in catalogue.rules().items():
        if hasattr(module, "SECTION"):
            rows.append(_kind(name, _about(module), named=True))
        elif _fields(getattr(module, "Options", None)):
            rows.append(_kind(name, _about(module), named=False))
    rows += [_kind(pools.KIND, _about(pools), named=True)]
    for room in ("device", "channel"):
        rows += [_kind(name, _about(catalogue.find(room, name)), named=True) for name in catalogue.known(room)]
    rows += [_kind(keep.TITLE, _about(keep), named=False), _kind(alarms.TITLE, _about(alarms), named=False)]
    return [*rows, _kind(alarms.KIND, "One kind of alarm.", named=True, names=tuple(ALARMS))]


def _kind(name: str, about: str, *, named: bool, names: Iterable[str] = ()) -> Row:
    return {"kind": name, "about": about, "named": named, "names": list(names)}


def here_only(title: str, option: str) -> bool:
    """True for what names a file of this machine."""
    kind, _, name = title.partition(" ")
    try:
        declared = {} if kind == WIRING else _declared(kind, name)[1]
    except KeyError:
        return False  # the check tells it
    return option in declared and declared[option][1].kind in HERE_ONLY


def _declared(kind: str, name: str) -> tuple[str, dict[str, tuple[Any, Option]]]:
    """What its module says of it, and its options. KeyError."""
    fixed: dict[str, tuple[str, Any]] = {
        SITE: ("The place.", site.Options),
        pools.KIND: (_about(pools), pools.Options),
        keep.TITLE: (_about(keep), keep.Options),
        alarms.TITLE: (_about(alarms), alarms.Options),
    }
    if kind in fixed:
        return fixed[kind][0], catalogue.declared(fixed[kind][1])
    if kind == alarms.KIND:
        return f"How the alarm {name} is treated.", catalogue.declared(alarms.options_of(name))
    rules = catalogue.rules()
    if kind in rules:
        return _about(rules[kind]), _of_rule(rules[kind], named=bool(name))
    module: Any = catalogue.find("device", kind)
    if module is not None:
        return _about(module), _of_device(module)
    module = catalogue.find("channel", kind)
    if module is None:
        raise KeyError(kind)
    return _about(module), catalogue.declared(module.Options)


def _of_rule(module: Any, *, named: bool) -> dict[str, tuple[Any, Option]]:
    options = module.SECTION if named and hasattr(module, "SECTION") else getattr(module, "Options", None)
    return catalogue.declared(options) if options is not None else {}


def _of_device(module: Any) -> dict[str, tuple[Any, Option]]:
    extra: Any = FleetCommon if module.CAN.fleet else Common
    return catalogue.declared(extra) | catalogue.declared(module.Options)


def _fields(options: Any) -> bool:
    return options is not None and any(one.kind != "sections" for _, one in catalogue.declared(options).values())


def _about(module: Any) -> str:
    """The first paragraph of the module's docstring on one line."""
    return re.sub(r"\s+", " ", (module.__doc__ or "").strip().partition("\n\n")[0])


def _option(found: Section, key: str, annotation: Any, about: Option) -> Row:
    entry = found.entries.get(key)
    hidden = annotation is Secret
    made = _row(key, TYPES.get(annotation, "list"), about.help, "" if entry is None or hidden else entry.value)
    made |= {"unit": about.unit, "low": about.low, "high": about.high, "choices": list(about.choices)}
    made |= {"required": about.required, "example": about.example, "written": entry is not None}
    return made | {"default": "" if about.required or hidden else _usual(about), "here_only": about.kind in HERE_ONLY}


def _usual(about: Option) -> str:
    default = about.default
    return text(list(default) if isinstance(default, tuple) else default)


def _row(key: str, kind: str, told: str, value: str) -> Row:
    made: Row = {"key": key, "type": kind, "help": told, "value": value, "unit": "", "low": None, "high": None}
    return made | {"choices": [], "required": False, "example": "", "default": "", "written": True, "here_only": False}


def _strange(found: Section, key: str) -> Row:
    """A line that no declaration knows: the check tells what is wrong, and it can be taken out."""
    hidden = is_secret(found.title, key)
    return _row(
        key, "secret" if hidden else "text", "nothing is known of this", "" if hidden else found.entries[key].value
    )


def _wired(found: Section) -> Iterable[Row]:
    """Roles, each a list of channels, and whatever else is written there."""
    for name, role in ROLES.items():
        entry = found.entries.get(name)
        made = _row(name, "text", f"{role.label}: channels that report {role.quantity}", entry.value if entry else "")
        yield made | {"written": entry is not None}
    for key, entry in found.entries.items():
        if key not in ROLES:
            yield _row(key, "text", "", entry.value)
