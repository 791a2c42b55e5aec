"""SIG3: a page that came and could not be read is kept by itself, as `minectl record` would have kept it.

Imported by the tick that has one. The sample costs nothing but itself: where it can't be written, the log says so.
"""

import re
from collections.abc import Sequence
from hashlib import sha256

from mine_controller.config.model import Config
from mine_controller.devices import _redact
from mine_controller.devices._case import REFUSED, case
from mine_controller.devices.ask import kind_named
from mine_controller.devices.kind import Reply
from mine_controller.ports.log import Log
from mine_controller.store.samples import keep_sample

STEM = 30  # letters of a section's name in that of its samples: the reason has to have room for both


def sample(config: Config, section: str, replies: Sequence[Reply], why: str, log: Log, wall_s: int) -> str:
    """Keep it unless it is there; gives what to add to the reason, so that a person finds it: "; kept as ..."."""
    folder, endpoint = config.paths.samples, config.endpoints[section]
    body = b"".join(reply.body for reply in replies)
    digest = sha256(body).hexdigest()

    def files() -> dict[str, bytes]:
        secrets = _redact.forms_of(endpoint.options)
        clean = [_redact.reply(reply, secrets, {}) for reply in replies]
        return case(kind_named(endpoint.kind), endpoint.options, clean, {REFUSED: why})

    facts: dict[str, float | str] = {"device": section, "sha256": digest, "bytes": len(body)}
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", section)[:STEM]
    try:
        kept = keep_sample(folder, stem, digest, files, wall_s)
    except OSError as error:
        text = f"no sample of the page can be kept in {folder}: {error.strerror or error}"
        log.say(wall_s, "WARN", "sample", **facts, text=text)
        return ""
    if kept.fresh:
        log.say(wall_s, "INFO", "sample", **facts, file=f"{folder.name}/{kept.name}", text=why)
    elif not kept.own:
        log.say(wall_s, "INFO", "sample", **facts, text="not kept: this hour has had its samples")
    told = "kept as" if kept.own else "like"
    return f"; {told} {folder.name}/{kept.name}" if kept.name else ""
