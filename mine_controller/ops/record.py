"""Store what a device answers as a test case: options, raw answers without secrets, and what is read in them."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mine_controller.core.option import Secret, declarations
from mine_controller.devices.ask import Endpoint, kind_named
from mine_controller.devices.kind import Ask, BadReply, Found, Reply
from mine_controller.ops import _redact
from mine_controller.wire.door import Wire

REFUSED = "refused"  # the name under which expected.json holds the reason of an answer that can't be read
_SUFFIX = {
    "application/json": ".json",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/xml": ".xml",
    "application/xml": ".xml",
}


def record(endpoint: Endpoint, wire: Wire, folder: Path, *, keep_macs: bool = False) -> tuple[Path, ...]:
    """Ask once and store the case in `folder` (made if need be): the files written, in order.

    options.json: every option but addresses, secrets as stars · replies.json: name, status, headers and file of each ·
    expected.json: [channel, quantity, value] of everything read, or {"refused": why}. Nothing is switched.
    An answer the driver can't read is stored too: that is what samples are for. Raises WireError when the device does
    not answer, OSError when the folder can't be written, ImportError for a kind that is none.
    """
    module = kind_named(endpoint.kind)
    secrets = _redact.forms_of(endpoint.options)
    macs: dict[bytes, bytes] | None = None if keep_macs else {}
    raw = module.fetch(wire, endpoint.options, Ask())
    replies = tuple(_redact.reply(reply, secrets, macs) for reply in raw)
    folder.mkdir(parents=True, exist_ok=True)
    bodies = _named(replies)
    written = [_write(folder / "options.json", _dumped(_options(module, endpoint.options, secrets)))]
    written.append(_write(folder / "replies.json", _dumped(_index(replies, bodies))))
    written += [_write(folder / name, reply.body) for name, reply in zip(bodies, replies, strict=True)]
    written.append(_write(folder / "expected.json", _rows(expected(module, replies, endpoint.options))))
    return tuple(written)


def expected(module: Any, replies: Sequence[Reply], options: Any) -> list[list[Any]] | dict[str, str]:
    """What a driver reads in these answers, as expected.json holds it; what it only remembers is left out."""
    try:
        found: Sequence[Found] = module.parse(replies, options)
    except BadReply as error:
        return {REFUSED: str(error)}
    return [[one.channel, one.quantity, one.value] for one in found if one.quantity != "memory"]


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


def _rows(rows: list[list[Any]] | dict[str, str]) -> bytes:
    """One reading a line, so that two recordings can be compared by eye."""
    if isinstance(rows, dict):
        return _dumped(rows)
    lines = ",\n ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[{lines}]\n".encode("utf-8", errors="replace")


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
