"""Store what a device answers as a test case: options, raw answers without secrets, and what is read in them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mine_controller.devices import _redact
from mine_controller.devices._case import REFUSED, Rows, case
from mine_controller.devices.ask import Endpoint, kind_named
from mine_controller.devices.kind import Ask, BadReply, Found, Reply
from mine_controller.wire.door import Wire


def record(endpoint: Endpoint, wire: Wire, folder: Path, *, keep_macs: bool = False) -> tuple[Path, ...]:
    """Ask once and store the case (`devices/_case.py`) in `folder`, made if need be: the files written, in order.

    An answer the driver can't read is stored too: that is what samples are for. Nothing is switched. Raises WireError
    when the device does not answer, OSError when the folder can't be written, ImportError for a kind that is none.
    """
    module = kind_named(endpoint.kind)
    secrets = _redact.forms_of(endpoint.options)
    macs: dict[bytes, bytes] | None = None if keep_macs else {}
    raw = module.fetch(wire, endpoint.options, Ask(wall_s=int(time.time())))
    replies = tuple(_redact.reply(reply, secrets, macs) for reply in raw)
    files = case(module, endpoint.options, replies, expected(module, replies, endpoint.options))
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_write(folder / name, content) for name, content in files.items())


def expected(module: Any, replies: Sequence[Reply], options: Any) -> Rows:
    """What a driver reads in these answers, as expected.json holds it; what it only remembers is left out."""
    try:
        found: Sequence[Found] = module.parse(replies, options)
    except BadReply as error:
        return {REFUSED: str(error)}
    return [[one.channel, one.quantity, one.value] for one in found if one.quantity != "memory"]


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
