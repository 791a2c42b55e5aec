"""What is no error and yet may not be what the owner wants: noted once a config is built."""

from collections.abc import Mapping
from typing import Any

from mine_controller.config.wiring import Wired
from mine_controller.config.work import Work
from mine_controller.core.model.wiring import Wiring
from mine_controller.core.pools.blocks import KINDS as SERVICES
from mine_controller.core.pools.health import CHECK

UNWIRED = SERVICES | {CHECK, "machine", "nut"}  # found by their kind, wherever they stand: pages, failover and alarms


def doubts(work: Work, wiring: Wiring, kinds: dict[str, Wired], channels: Mapping[str, Any]) -> None:
    """Sections nobody uses, a signal over plain http, literal secrets, protections that are absent."""
    used = _used(wiring) | {str(getattr(one, "relay", "")).partition("/")[0] for one in channels.values()}  # pulsed
    for title, wired in kinds.items():
        if wired.endpoint is not None and title not in used and title.partition(" ")[0] not in UNWIRED:
            work.note(wired.section.line, title, "", "is asked, but nothing in [wiring] or fleet.csv uses it")
    for title in _in_the_clear(wiring, kinds):
        url = kinds[title].section.entries["url"].line
        work.note(url, title, "url", "is plain http: whoever sits on the way can write run into it; take https")
    if work.literals:
        keys = ", ".join(f"{entry.key} (line {entry.line})" for entry in work.literals)
        work.note(work.literals[0].line, "", "", f"secrets stand in the file, which only its owner can read: {keys}")
    if wiring.absent:
        work.note(0, "", "", f"absent, so their rules don't exist: {', '.join(wiring.absent)}")


def _in_the_clear(wiring: Wiring, kinds: dict[str, Wired]) -> list[str]:
    """SIG6: sections of the signal that come from elsewhere over a line on which anybody can forge a release."""
    role, found = wiring.roles.get("signal"), []
    for title in dict.fromkeys(_section_of(key) for key in role.keys) if role is not None else ():
        endpoint = kinds[title].endpoint if title in kinds else None
        url = str(getattr(endpoint.options, "url", "")) if endpoint is not None else ""
        if url.startswith("http://") and not _is_near(url):
            found.append(title)
    return found


def _section_of(key: str) -> str:
    """The section that a reading comes from."""
    return key.rpartition(":")[0].partition("/")[0]


def _is_near(url: str) -> bool:
    """An address of this machine or of a private network: no stranger sits on that way."""
    from ipaddress import ip_address  # noqa: PLC0415 - only where a page comes over http
    from urllib.parse import urlsplit  # noqa: PLC0415

    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_private
    except ValueError:
        return False


def _used(wiring: Wiring) -> set[str]:
    """The sections that anything is wired to."""
    keys = [key.rpartition(":")[0] for role in wiring.roles.values() for key in role.keys]
    keys += [channel for fan in wiring.fans for channel in (fan.switch, fan.watts)]
    keys += [channel for miner in wiring.miners for channel in (miner.group, miner.outlet)]
    keys += [path.lane for miner in wiring.miners for path in miner.paths]
    keys += [uplink.channel for uplink in wiring.uplinks] + [wiring.dummy_pool, wiring.wall, wiring.lamp]
    return {key.partition("/")[0] for key in keys}
