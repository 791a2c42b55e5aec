"""The document of the last tick: www/status.json when it is as new as the database, else made from the last book."""

import json
from typing import Any

from mine_controller import __version__
from mine_controller.config.model import Config
from mine_controller.core.words import sentence
from mine_controller.ops.recall import Seen, last_seen
from mine_controller.render.given import EventLine, History, SiteFacts
from mine_controller.store import query

DAY_S = 86_400
EVENTS = 40
FILE = "status.json"
LARGEST = 4_000_000


def status(config: Config, now_s: int) -> dict[str, Any] | None:
    """The document with its age as of `now_s`; None when no tick has run. Raises StoreTrouble."""
    newest = query.ticks(config.paths, limit=1)
    shown = written(config)
    if shown is None or (newest and (shown.get("tick_at") or 0) < newest[0].tick_at):
        seen = last_seen(config.paths, config.policy) if newest else None
        shown = made(config, seen, now_s) if seen is not None else shown
    if shown is not None and isinstance(shown.get("tick_at"), int):
        shown["age_s"] = max(0, now_s - shown["tick_at"])
    return shown


def written(config: Config) -> dict[str, Any] | None:
    """What the last tick wrote for the page; None when there is none or it can't be read."""
    try:
        with (config.paths.www / FILE).open("rb") as file:
            tree = json.loads(file.read(LARGEST))
    except (OSError, ValueError):
        return None  # no page yet, or a disk in trouble: the book is asked instead
    return tree if isinstance(tree, dict) and "mode" in tree else None


def made(config: Config, seen: Seen, now_s: int) -> dict[str, Any]:
    """The document from the book."""
    from mine_controller.render.status_json import document  # noqa: PLC0415 - only where the file is missing or old

    return document(seen.book, site_facts(config, now_s), day(config, now_s), sentence, now_s)


def site_facts(config: Config, now_s: int) -> SiteFacts:
    """What the faces need to know of the place."""
    from mine_controller.ports.clock import utc_offset_s  # noqa: PLC0415 - only where the file is missing or old

    site, policy = config.site, config.policy
    return SiteFacts(
        name=site.name,
        wiring=policy.wiring,
        version=__version__,
        tick_s=site.tick_s,
        cap_w=policy.site.power_cap_w,
        live=site.live,
        utc_offset_s=utc_offset_s(site.timezone, now_s),
        zone=site.timezone,
        temperature_unit=site.temperature_unit,
        absent=policy.wiring.absent,
        publish=site.publish,
        config_note=config.broken[0].text if config.last_good and config.broken else "",
    )


def day(config: Config, now_s: int) -> History:
    """The log of the last 24 hours; the curves are the page's."""
    from datetime import datetime  # noqa: PLC0415 - only where the file is missing or old

    rows = query.events(config.paths, since=now_s - DAY_S, limit=EVENTS)
    lines = [
        EventLine(int(datetime.fromisoformat(row.timestamp).timestamp()), row.kind, row.severity, row.about, row.text)
        for row in reversed(rows)
    ]
    return History(events=tuple(lines))
