"""How often somebody may: a bucket of permits by name, filled again as time passes."""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

KEPT = 4096  # names; with more the longest unseen are forgotten, so that strangers can't fill the memory
HOME_BITS = 64  # one IPv6 household; it may take any of these addresses


class Limit:
    """`burst` at once, `a_minute` in the long run."""

    def __init__(self, burst: int, a_minute: int, now: Callable[[], float]) -> None:
        self._burst, self._a_second, self._now = burst, a_minute / 60, now
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name -> (permits, when)

    def take(self, name: str) -> int:
        """0 when it may; else after how many seconds it may again."""
        now_s = self._now()
        left, then_s = self._kept.pop(name, (float(self._burst), now_s))
        left = min(self._burst, left + (now_s - then_s) * self._a_second)
        wait_s = 0 if left >= 1 else max(1, round((1 - left) / self._a_second + 0.5))
        self._kept[name] = (left if wait_s else left - 1, now_s)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return wait_s


def neighbourhood(address: str) -> str:
    """Whom an address counts for: itself, or the network that one IPv6 household has."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "?"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, HOME_BITS), strict=False))
