"""The pools a fleet may work for: which of the owner's [pool] sections a unit's own words mean.

Units tell a pool as an URL with or without a scheme, or as host and port; compared is what they would connect to.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import option

OTHER = "other"
URL_LENGTH, PORT_LENGTH = 300, 20
POOLS: tuple[Pool, ...] = option(
    (), kind="pools", help="names of the [pool] sections its miners may be put on; default: every one"
)
_WHERE = re.compile(
    r"(?:[a-z0-9+.]+://)?(?:[^@/]*@)?(\[[0-9a-f:.]+\]|[^:/\s]+)(?::([0-9]{1,5}))?(?:/.*)?", re.IGNORECASE
)


def where(url: object, port: object = None) -> tuple[str, int] | None:
    """Host in lower case and port of what a unit calls its pool; None when it is nothing like that."""
    if not isinstance(url, str) or len(url) > URL_LENGTH:
        return None
    beside = str(port) if isinstance(port, int | str) else ""
    return _parted(url, beside if len(beside) <= PORT_LENGTH else "")


@lru_cache(maxsize=256)  # a fleet says the same of its pools thousands of times
def _parted(url: str, beside: str) -> tuple[str, int] | None:
    found = _WHERE.fullmatch(url.strip())
    if not found:
        return None
    number = found[2] or beside
    if not (number.isascii() and number.isdecimal() and 0 < int(number) < 65_536):
        return None
    return found[1].lower().rstrip("."), int(number)


def named(pools: Sequence[Pool], name: str) -> Pool | None:
    """The pool of this name, None when the section may not use it."""
    return next((pool for pool in pools if pool.name == name), None)


def name_of(pools: Sequence[Pool], url: object, user: object = None, port: object = None) -> str | None:
    """The name of the section this pool is, "other" when none is, None when the unit tells nothing usable.

    Two sections of one address are told apart by the user; a unit that tells no user is the first of them.
    """
    at = where(url, port)
    if at is None:
        return None
    same = [pool for pool in pools if where(pool.url) == at]
    if isinstance(user, str) and user:
        same = [pool for pool in same if pool.user == user]
    return same[0].name if same else OTHER


def are_dead(rows: Sequence[Mapping[str, object]]) -> bool:
    """Whether a unit says of every pool it uses that it gets nothing from it: "Dead" in the words of cgminer's family.
    A row that says anything else, or nothing, is no such word; "Disabled" ones are not used."""
    states = {str(row.get("Status", row.get("status"))).lower() for row in rows}
    live = any(row.get("Stratum Active", row.get("stratum-active")) in (True, "true") for row in rows)
    return not live and "dead" in states and states <= {"dead", "disabled"}
