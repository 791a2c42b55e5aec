"""config.txt as it lies in every copy of the database: each setting and comment, and stars where a secret stood.

Copies travel: to a stick, to another machine, to whoever helps. So no secret is in them, and a card that died loses no
setting: in what `put_back_text` gives, a section whose secret is to be typed again is not yet active, like a new one.
"""

import json
import re
from urllib.parse import quote, quote_plus

from mine_controller.config.edit import STARS, is_secret
from mine_controller.config.lines import UNFILLED, read
from mine_controller.config.model import Config
from mine_controller.config.values import is_literal
from mine_controller.core.option import Secret

NAME = "config.txt"
WORD = 8  # a secret shorter than this is looked for as a whole word only: "mine" may be one
SHORTEST = 4  # and one shorter than this only where it is written as one
_ENTRY = re.compile(r"([ \t]*[#;]*[ \t]*)([a-z][a-z0-9_]*(?: [A-Za-z0-9_.-]+)?)([ \t]*=[ \t]*)(.*?)([ \t\r]*)")
_TITLE = re.compile(r"\[([^\]]*)\]")
_TELLING = re.compile(r"(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|key)\b[ \t]*(?:is|was|:|=)[ \t]*)\S.*")


def texts(config: Config) -> dict[str, bytes]:
    """What goes into a copy besides the files that are copied as they are."""
    return {NAME: kept_text(config)}


def kept_text(config: Config) -> bytes:
    """The text of config.txt as it was read, without its secrets; references (file: env: cred:) stay. Pure."""
    hide = _forms(config)
    title, out = "", []
    for line in config.texts[0].reveal().split("\n"):
        if begun := _TITLE.fullmatch(line.strip(" \t\r#;")):
            title = begun[1]
        out.append(line if line.lstrip(" \t").startswith("[") else _without(line, title, hide))
    return "\n".join(out).encode()


def put_back_text(kept: bytes) -> tuple[bytes, tuple[str, ...]]:
    """(config.txt with CHANGE-ME in place of stars, which "section.option" are to be typed again). Raises nothing."""
    text = kept.decode("utf-8", "replace")
    lines, missing = text.split("\n"), []
    for title, section in read(text).sections.items():
        for option, entry in section.entries.items():
            if STARS in entry.value:
                key, equals, value = lines[entry.line - 1].partition("=")
                lines[entry.line - 1] = key + equals + value.replace(entry.value, UNFILLED)
                missing.append(f"{title}.{option}")
    return "\n".join(lines).encode(), tuple(missing)


def _without(line: str, title: str, hide: tuple[re.Pattern[str], ...]) -> str:
    entry = _ENTRY.fullmatch(line)
    if entry is None:
        return _TELLING.sub(rf"\1{STARS}", _starred(line, hide))
    mark, key, equals, value, tail = entry.groups()
    if value and is_literal(value) and value != UNFILLED and is_secret(title, key):
        value = STARS
    return f"{mark}{key}{equals}{_starred(value, hide)}{tail}"


def _starred(text: str, hide: tuple[re.Pattern[str], ...]) -> str:
    for form in hide:
        text = form.sub(STARS, text)
    return text


def _forms(config: Config) -> tuple[re.Pattern[str], ...]:
    """Every way a secret may stand elsewhere in the file (in an address, in a comment), the longest first."""
    found: set[str] = set()
    for one in config.secrets:
        plain = one.reveal() if isinstance(one, Secret) else str(one)
        if len(plain) >= SHORTEST:
            found |= {plain, quote(plain, safe=""), quote_plus(plain), json.dumps(plain)[1:-1]}
    return tuple(re.compile(_pattern(form)) for form in sorted(found, key=len, reverse=True))


def _pattern(form: str) -> str:
    return re.escape(form) if len(form) >= WORD else rf"(?<!\w){re.escape(form)}(?!\w)"
