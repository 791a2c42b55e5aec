"""The document of the last tick: www/status.json when it is as new as the database, else made from the last book."""

import json
from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.wording.words import speaker
from mine_controller.ops.recall import Seen, kept_book, last_seen
from mine_controller.store import query

FILE = "status.json"
AGES = ("age_s", "asked_s")
LARGEST = 4_000_000


def status(config: Config, now_s: int) -> dict[str, Any] | None:
    """The document with its age as of `now_s`; None when no tick has run. Raises StoreTrouble."""
    newest = query.ticks(config.paths, limit=1)
    shown = _as_of(written(config), now_s)
    if shown is None or (newest and (shown.get("tick_at") or 0) < newest[0].tick_at):
        seen = last_seen(config.paths, config.policy) if newest else None
        shown = made(config, seen, now_s) if seen is not None else shown
    if shown is not None and isinstance(shown.get("tick_at"), int):
        shown["age_s"] = max(0, now_s - shown["tick_at"])
    return shown


def _as_of(shown: dict[str, Any] | None, now_s: int) -> dict[str, Any] | None:
    """The document with every age in it counted until now, not until it was written."""
    at = shown.get("written_at") if shown is not None else None
    return _older(shown, max(0, now_s - at)) if isinstance(at, int) else shown


def _older(tree: Any, by_s: int) -> Any:
    if isinstance(tree, dict):
        return {
            name: value + by_s if name.endswith(AGES) and isinstance(value, int) else _older(value, by_s)
            for name, value in tree.items()
        }
    return [_older(one, by_s) for one in tree] if isinstance(tree, list) else tree


def written(config: Config) -> dict[str, Any] | None:
    """What the last tick wrote for the page; None when there is none or it can't be read."""
    try:
        with (config.paths.www / FILE).open("rb") as file:
            tree = json.loads(file.read(LARGEST))
    except (OSError, ValueError):
        return None  # no page yet, or a disk in trouble: the book is asked instead
    return tree if isinstance(tree, dict) and "mode" in tree else None


def made(config: Config, seen: Seen, now_s: int) -> dict[str, Any]:
    """The document from the book, as the page has it."""
    from mine_controller.ports.show import history, of_tick  # noqa: PLC0415 - only where the file is old or gone
    from mine_controller.render.status_json import document  # noqa: PLC0415 - the same

    site = of_tick(config, seen.book, now_s)
    return document(seen.book, site, history(config, now_s), speaker(config.site.units), now_s)


def people(config: Config, now_s: int) -> tuple[str, ...]:
    """Whom a public site names nowhere. Raises StoreTrouble."""
    from mine_controller.ports.show import people as known  # noqa: PLC0415 - most sites are not public

    return known(config, kept_book(config.paths), now_s)
