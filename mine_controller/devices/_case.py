"""A device's answers as the files of a test case, without secrets: what `record` stores, and what is kept of an answer
that nobody could read.

    options.json   every option but addresses, secrets as stars
    replies.json   name, status, headers and file of each answer, the bodies beside it
    expected.json  [channel, quantity, value] of everything read, or {"refused": why}
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from mine_controller.core.option import Secret, declarations
from mine_controller.devices import _redact
from mine_controller.devices.kind import Reply

REFUSED = "refused"  # the name under which expected.json holds the reason of an answer that can't be read
Rows = list[list[Any]] | dict[str, str]
_SUFFIX = {
    "application/json": ".json",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/xml": ".xml",
    "application/xml": ".xml",
}


def case(module: Any, options: Any, replies: Sequence[Reply], expected: Rows) -> dict[str, bytes]:
    """The files by name, in the order in which they are written. `replies` went through `_redact` already."""
    bodies = _named(replies)
    files = {
        "options.json": _dumped(_options(module, options, _redact.forms_of(options))),
        "replies.json": _dumped(_index(replies, bodies)),
    }
    files |= {name: reply.body for name, reply in zip(bodies, replies, strict=True)}
    return files | {"expected.json": _rows(expected)}


def _options(module: Any, options: Any, secrets: Sequence[bytes]) -> dict[str, Any]:
    """Every option, so that a case stays what it was when a default changes. Addresses say nothing of an answer's
    meaning and much about a site: they are left out. Secrets are stars where they are set."""
    found: dict[str, Any] = {}
    for name, declared in declarations(module.Options):
        value = getattr(options, name)
        if isinstance(value, Secret):
            if value.reveal_length():
                found[name] = _redact.STARS
        elif declared.kind not in ("url", "host", "hosts", "path"):
            found[name] = _redact.url(value, secrets) if isinstance(value, str) else value
    return found


def _named(replies: Sequence[Reply]) -> list[str]:
    """A file name for each answer, after its request."""
    names: list[str] = []
    for reply in replies:
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", reply.name)[:60].strip("_") or "reply"
        stem = f"{stem}_" if stem in ("options", "replies", "expected") else stem
        name = stem + _SUFFIX.get(kind, _guessed(reply.body))
        names.append(name if name not in names else f"{len(names)}_{name}")
    return names


def _guessed(body: bytes) -> str:
    start = body.lstrip()[:1]
    return ".json" if start in (b"{", b"[") else ".html" if start == b"<" else ".bin"


def _index(replies: Sequence[Reply], files: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"name": reply.name, "status": reply.status, "headers": reply.headers, "file": file}
        for reply, file in zip(replies, files, strict=True)
    ]


def _dumped(tree: Any) -> bytes:
    return (json.dumps(tree, indent=1, ensure_ascii=False) + "\n").encode("utf-8", errors="replace")


def _rows(rows: Rows) -> bytes:
    """One reading a line, so that two recordings can be compared by eye."""
    if isinstance(rows, dict):
        return _dumped(rows)
    lines = ",\n ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[{lines}]\n".encode("utf-8", errors="replace")
