"""Changing config.txt by key: comments and order stay, the result is checked first, the old file is kept for undo."""

import re
import stat
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from mine_controller.config import alarms, catalogue, keep, pools
from mine_controller.config.fleet import FILE
from mine_controller.config.lines import END, Document, decode, is_key, nearest, read
from mine_controller.config.load import SITE, build_config
from mine_controller.config.model import Config, ConfigError, Problem
from mine_controller.config.replace import replace_file
from mine_controller.config.source import Source, read_file, read_source, real
from mine_controller.config.work import FleetCommon
from mine_controller.core.option import Secret
from mine_controller.record import NamedTuple

PREVIOUS = ".previous"
STARS = "***"
_ENTRY = re.compile(r"([ \t]*[a-z][^=]*=[ \t]*)(.*?)([ \t]*\r?)")
_KEY = re.compile(r"[a-z][a-z0-9_ ]{0,80}")
_TITLE = re.compile(r"[a-z][a-z0-9_]*(?: [A-Za-z0-9_.-]+)?")


class Change(NamedTuple):
    """What was changed, for the audit: secrets are stars. `old` "" = it was not written before."""

    section: str
    option: str
    old: str
    new: str


class EditError(Exception):
    """The edit can't be done; the text is one sentence with the remedy."""


def split_key(key: str) -> tuple[str, str]:
    """("roomalert intake", "host") of "roomalert intake.host"."""
    section, dot, option = key.rpartition(".")
    if not dot or not section or not option:
        raise EditError(
            f"{key!r} is not a key: write SECTION.OPTION, like site.power_cap_kw or 'roomalert intake.host'"
        )
    return " ".join(section.split()), " ".join(option.split())


def set_value(path: Path, key: str, value: str) -> Change:
    """Write one value; EditError or, when the result doesn't check, ConfigError: then nothing has changed."""
    title, option = split_key(key)
    value = value.strip()
    if not value or not value.isprintable():
        raise EditError("a value is one line of text")
    source = read_source(path)
    text, wrong = decode(source.config)
    if wrong:
        raise ConfigError(wrong)
    document = read(text)
    section = document.sections.get(title)
    old = section.entries[option].value if section and option in section.entries else ""
    store(source, with_value(text, document, title, option, value))
    hide = is_secret(title, option)
    return Change(title, option, STARS if hide and old else old, STARS if hide else value)


def unset_value(path: Path, key: str) -> Change:
    """Take one line out, so that the default counts; errors as `set_value`."""
    title, option = split_key(key)
    source = read_source(path)
    text, wrong = decode(source.config)
    if wrong:
        raise ConfigError(wrong)
    section = read(text).sections.get(title)
    if section is None or option not in section.entries:
        raise EditError(f"{key} is not written in {path.name}")
    entry = section.entries[option]
    lines = text.split("\n")
    del lines[entry.line - 1]
    store(source, "\n".join(lines))
    return Change(title, option, STARS if is_secret(title, option) else entry.value, "")


Line = tuple[str, str, str | None]  # section, option, value; None takes the line out; no option: the whole section


def edited_text(raw: bytes, wanted: Iterable[Line]) -> bytes:
    """config.txt with these lines written or taken out, every comment kept; not checked. EditError, ConfigError."""
    text, wrong = decode(raw)
    if wrong:
        raise ConfigError(wrong)
    for title, option, given in wanted:
        document = read(text)
        if given is None:
            text = _without(text, document, title, option)
            continue
        value = given.strip()
        if not option or not value or not value.isprintable() or value == STARS:
            raise EditError(f"{title}.{option}: a value is one line of text")
        text = with_value(text, document, title, option, value)
    return text.encode()


def _without(text: str, document: Document, title: str, option: str) -> str:
    """One line less, or a section with all of its lines; what stands between them stays."""
    section = document.sections.get(title)
    if section is None or (option and option not in section.entries):
        raise EditError(f"{title}.{option}".rstrip(".") + " is not written")
    kept = (section.entries[option],) if option else tuple(section.entries.values())
    gone = {entry.line for entry in kept} | (set() if option else {section.line})
    return "\n".join(line for number, line in enumerate(text.split("\n"), 1) if number not in gone)


def diff(old: bytes, new: bytes, around: int = 2) -> tuple[str, ...]:
    """Lines that differ, as `diff -u` writes them, with some around; values of secrets are stars, in comments too."""
    from difflib import SequenceMatcher  # noqa: PLC0415 - only where somebody edits

    before, after = (decode(raw)[0].split("\n") for raw in (old, new))
    shown = (_starred(before), _starred(after))
    out: list[str] = []
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(around):
        out.append(f"@@ line {group[0][1] + 1} @@")
        for what, begin, end, new_begin, new_end in group:
            if what == "equal":
                out += [f" {line}" for line in shown[0][begin:end]]
                continue
            out += [f"-{line}" for line in shown[0][begin:end]]
            out += [f"+{line}" for line in shown[1][new_begin:new_end]]
    return tuple(out)


def _starred(lines: list[str]) -> list[str]:
    title, out = "", []
    for line in lines:
        bare = line.strip(" \t\r#;")
        if bare.startswith("["):
            title = bare.strip("[]")
        key, equals, value = (part.strip() for part in bare.partition("="))
        hide = equals and value and _KEY.fullmatch(key) and is_secret(title, key)
        out.append(line.replace(value, STARS) if hide else line.rstrip("\r"))
    return out


def changes(old: bytes, new: bytes) -> tuple[Change, ...]:
    """What differs between two texts of config.txt, option by option; comments and order don't count. Pure."""
    before, after = _values(old), _values(new)
    out = []
    for title, option in dict.fromkeys((*before, *after)):
        was, now = before.get((title, option), ""), after.get((title, option), "")
        if was != now:
            hide = is_secret(title, option)
            out.append(Change(title, option, STARS if hide and was else was, STARS if hide and now else now))
    return tuple(out)


def _values(raw: bytes) -> dict[tuple[str, str], str]:
    sections = read(decode(raw)[0]).sections.items()
    return {(title, name): entry.value for title, section in sections for name, entry in section.entries.items()}


def is_secret(title: str, option: str) -> bool:
    """True for an option whose value never appears in a text. An unknown one counts as secret."""
    kind = title.partition(" ")[0]
    if kind in (SITE, "wiring"):
        return False
    if option in FleetCommon._fields:
        return False
    if kind in (alarms.TITLE, alarms.KIND):
        return False
    if kind == keep.TITLE:
        return option not in keep.Options._fields
    if kind == pools.KIND:
        return option not in pools.Options._fields or catalogue.declared(pools.Options)[option][0] is Secret
    for room in ("rule", "device", "channel"):
        module = catalogue.find(room, kind)
        if module is not None:
            known = catalogue.declared(module.Options) | catalogue.declared(getattr(module, "SECTION", module.Options))
            return option not in known or known[option][0] is Secret
    return True


def with_value(text: str, document: Document, title: str, option: str, value: str) -> str:
    """The text with one value written: in its line, else at the end of its section, else in a new one. EditError."""
    if not is_key(option):  # with an equals sign in it, what was judged as the value would be the end of another one
        raise EditError(f"{option[:60]!r} is not a key: lower case letters, digits and _")
    if not value.isprintable():  # a second line could be a section of its own
        raise EditError(f"{title}.{option}: a value is one line of text")
    lines = text.split("\n")
    newline = "\r" if lines[0].endswith("\r") else ""
    section = document.sections.get(title)
    if section is None:
        if not _TITLE.fullmatch(title) or title == END:
            raise EditError(f"{title!r} is not a section{nearest(title, document.sections)}")
        new = [f"[{title}]{newline}", f"{option} = {value}{newline}", newline]
        return "\n".join(_before_end(lines, new))
    entry = section.entries.get(option)
    if entry is None:
        last = max((other.line for other in section.entries.values()), default=section.line)
        lines.insert(last, f"{option} = {value}{newline}")
    else:
        found = _ENTRY.fullmatch(lines[entry.line - 1])
        assert found, "the reader has seen this line as key = value"
        lines[entry.line - 1] = found[1] + value + found[3]
    return "\n".join(lines)


def _before_end(lines: list[str], new: list[str]) -> list[str]:
    at = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].strip() == f"[{END}]"), len(lines))
    return [*lines[:at], *new, *lines[at:]]


def store(source: Source, text: str) -> Config:
    """Check the new text, keep the old file as config.txt.previous, replace it with mode and owner kept."""
    raw = text.encode()
    config = build_config(source._replace(config=raw), {})
    swap(source, raw)
    return config


def swap(source: Source, raw: bytes) -> None:
    """Replace the file, when it is still as it was read."""
    path = source.path
    try:
        if path.read_bytes() != source.config:
            raise EditError(f"{path.name} was changed by somebody else meanwhile: look at it and try again")
        info = path.stat()
        mode, owner = stat.S_IMODE(info.st_mode), (info.st_uid, info.st_gid)
        replace_file(previous(path), source.config, mode, owner)
        replace_file(path, raw, mode, owner)
    except OSError as error:
        raise EditError(f"{path.name} can't be replaced: {error.strerror}") from None


def previous(path: Path) -> Path:
    """Where the text before the last edit is kept."""
    behind = real(path)
    return behind.with_name(behind.name + PREVIOUS)


def undo(path: Path) -> tuple[Change, ...]:
    """Change config.txt and config.txt.previous about, so that a second undo is a redo; what comes back is checked.

    A config.txt that is gone comes back as it last ran, which is no change.
    """
    if not path.exists():
        return _put_back(path)
    source = read_source(path)
    try:
        old = previous(path).read_bytes()
    except OSError:
        raise EditError(f"there is nothing to undo: no {path.name}{PREVIOUS}") from None
    build_config(source._replace(config=old), {})
    swap(source, old)
    return changes(source.config, old)


def _put_back(path: Path) -> tuple[Change, ...]:
    """Out of config.last-good, else out of config.txt.previous; with the owner of where it comes from."""
    from mine_controller.config.lastgood import NAME, text_of  # noqa: PLC0415 - only where config.txt is gone

    try:
        old, found = text_of(path) or (previous(path).read_bytes(), previous(path))
        info, fleet = found.stat(), path.parent / FILE
        if found == previous(path):
            build_config(Source(path, old, read_file(fleet) if fleet.exists() else None, info.st_mode), {})
        replace_file(path, old, 0o600, (info.st_uid, info.st_gid))
    except FileNotFoundError:
        text = f"neither {NAME} nor {path.name}{PREVIOUS} is there; every copy under backups holds it, without secrets"
        raise EditError(f"{path} is gone and can't be brought back: {text}") from None
    except OSError as error:
        raise EditError(f"{path.name} can't be written: {error.strerror}") from None
    return ()


def problem_lines(problems: tuple[Problem, ...], name: str = "config.txt") -> list[str]:
    """`config.txt:12: [site] tick_s: text`, one a problem or note; what is the same of other lines is counted.

    One section with a typo is missed by each of its 280 miners, and the line that is the cause would be off the screen.
    """
    out = []
    alike = Counter(one._replace(line=0) for one in problems)
    for problem in problems:
        same = alike.pop(problem._replace(line=0), 0)
        if not same:
            continue
        more = f" (the same in {same - 1} more line{'s' if same > 2 else ''})" if same > 1 else ""
        where = f"{problem.file or name}:{problem.line}" if problem.line else problem.file or name
        about = " ".join(part for part in (f"[{problem.section}]" if problem.section else "", problem.option) if part)
        out.append(f"{where}: {about}: {problem.text}{more}" if about else f"{where}: {problem.text}{more}")
    return out
