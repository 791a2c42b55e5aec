"""[pool NAME] sections changed with every comment kept; the result is checked before it counts."""

import re
from collections.abc import Mapping
from pathlib import Path

from mine_controller.config.edit import Change, EditError, changes, store, with_value
from mine_controller.config.lines import Document, decode, nearest, read
from mine_controller.config.model import ConfigError
from mine_controller.config.pools import KIND
from mine_controller.config.source import read_source

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


def set_pool(path: Path, name: str, values: Mapping[str, str], *, new: bool) -> tuple[Change, ...]:
    """Write some options of one pool; `new`: it must not be there yet, else it must. "" takes an option out.

    Secrets in the answer are stars. EditError, or ConfigError when the result doesn't check: then nothing has changed.
    """
    source = read_source(path)
    text, document = _parsed(source.config)
    title = f"{KIND} {name}"
    if not _NAME.fullmatch(name):
        raise EditError(f"{name[:40]!r} is no name of a pool: letters, digits, dot, dash and underscore")
    if new and title in document.sections:
        raise EditError(f"there is a [{title}] already")
    if not new and title not in document.sections:
        raise EditError(_missing(document, name))
    for option, value in values.items():
        document = read(text)
        section = document.sections.get(title)
        if value:
            text = with_value(text, document, title, option, value)
        elif section is not None and option in section.entries:
            text = _without(text, [section.entries[option].line])
    store(source, text)
    return changes(source.config, text.encode())


def remove_pool(path: Path, name: str) -> tuple[Change, ...]:
    """Take a pool out; errors as `set_pool`."""
    source = read_source(path)
    text, document = _parsed(source.config)
    section = document.sections.get(f"{KIND} {name}")
    if section is None:
        raise EditError(_missing(document, name))
    text = _without(text, [section.line, *(entry.line for entry in section.entries.values())])
    store(source, text)
    return changes(source.config, text.encode())


def url_of(path: Path, name: str) -> str:
    """The address written for a pool, "" where there is none."""
    section = _parsed(read_source(path).config)[1].sections.get(f"{KIND} {name}")
    return section.entries["url"].value if section is not None and "url" in section.entries else ""


def _missing(document: Document, name: str) -> str:
    known = [section.name for section in document.sections.values() if section.kind == KIND]
    return f"there is no [{KIND} {name[:40]}]{nearest(name, known)}"


def _parsed(raw: bytes) -> tuple[str, Document]:
    text, wrong = decode(raw)
    if wrong:
        raise ConfigError(wrong)
    return text, read(text)


def _without(text: str, gone: list[int]) -> str:
    return "\n".join(line for number, line in enumerate(text.split("\n"), 1) if number not in gone)
