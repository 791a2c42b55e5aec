"""The addresses of a LAN fleet: what `hosts` may hold, written out.

An entry is one IPv4 address "10.0.1.7", a range in the last octet "10.0.1.1-80", a range between two addresses
"10.0.1.200-10.0.2.20", or a network "10.0.2.0/24" (without its first and last address). Nothing is looked up: a name
server that drips would hold up every miner behind it.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache

from mine_controller.core.model.command import Command
from mine_controller.core.option import option
from mine_controller.devices._answer import clean
from mine_controller.devices.kind import Found

MOST = 16_384  # addresses of one section: a typing error must not turn into a scan of half the internet
PORT_LOW, PORT_HIGH = 1, 65_535
_LAST_OCTET = re.compile(r"((?:[0-9]{1,3}\.){3})([0-9]{1,3})-([0-9]{1,3})")
_SHOWN = 40

HOSTS = option(
    kind="hosts",
    help="addresses of the miners: single ones, ranges and networks",
    example="10.0.1.1-80",
)


def wanted(command: Command) -> tuple[str, str]:
    """The address a command goes to and the identity (mac or serial) of the unit it is meant for, "" when not told.

    The identity is the command's own where it carries one, else what stands behind the address ("10.0.1.7 00:aa:...").
    """
    host, _, behind = command.address.partition(" ")
    unit = getattr(command, "unit", "") or behind.strip()
    return host, str(unit).lower()


def doubled(unit: str, hosts: Sequence[str], gone: Iterable[str]) -> list[Found]:
    """What is told of an identity that several addresses tell: `gone` is unknown, and which addresses they are."""
    more = len(hosts) - 2
    told = f"{hosts[0]} and {hosts[1]}" if not more else f"{hosts[0]}, {hosts[1]} and {more} more"
    unknown = [Found(unit, what, None, f"{told} tell the same identity") for what in ("address", *gone)]
    return [*unknown, Found(f"{unit} addresses", "text", told)]


def unread(whys: Sequence[str]) -> list[Found]:
    """One text of the endpoint for addresses where somebody answers who can't be read, each with its reason."""
    more = f" (and {len(whys) - 1} more)" if len(whys) > 1 else ""
    return [Found("", "text", clean(f"can't be read: {whys[0]}{more}", 160))] if whys else []


class BadHostsError(ValueError):
    """An entry that is no address, range or network; the message is the sentence for the owner."""


@lru_cache(maxsize=32)
def expand(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """As `written_out`, remembered: what a section's option says is asked for several times a round."""
    return written_out(hosts)


def written_out(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Every address once, in the order written. Total: an entry that can't be read is left out, `faults` tells it."""
    seen: dict[str, None] = {}
    for low, high in spans(hosts):
        for number in range(low, min(high, low + MOST - len(seen) - 1) + 1):
            seen[f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"] = None
    return tuple(seen)


def spans(hosts: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The first and last address of each entry as numbers; an entry that can't be read is left out."""
    for entry in hosts:
        with suppress(BadHostsError):
            yield _ends(entry)


def packed(addresses: Iterable[str]) -> list[str]:
    """Addresses as few entries, ranges where there are neighbours, for `written_out`; what is none is left out."""
    found: list[str] = []
    first = last = None
    for number in sorted({int(ipaddress.IPv4Address(each)) for each in addresses if is_address(each)}):
        if last is None or number != last + 1:
            found += _entry(first, last)
            first = number
        last = number
    return found + _entry(first, last)


def _entry(first: int | None, last: int | None) -> list[str]:
    if first is None or last is None:
        return []
    low, high = str(ipaddress.IPv4Address(first)), str(ipaddress.IPv4Address(last))
    return [low if first == last else f"{low}-{high}"]


def is_address(text: str) -> bool:
    """Whether it is an IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        return False


def faults(hosts: tuple[str, ...]) -> list[str]:
    """What is wrong with the entries, as sentences for the owner."""
    found: list[str] = []
    total = 0
    for entry in hosts:
        try:
            low, high = _ends(entry)
        except BadHostsError as error:
            found.append(str(error))
        else:
            total += high - low + 1
    if total > MOST:
        found.append(f"hosts hold {total} addresses, and {MOST} are the most of one section")
    return found


def _ends(entry: str) -> tuple[int, int]:
    """The first and the last address as numbers. BadHostsError."""
    text = entry.strip()
    if "@" in text:
        raise BadHostsError("hosts: an entry carries a user or password: write those as options of their own")
    try:
        low, high = _network(text) if "/" in text else _range(text)
    except ValueError:
        raise BadHostsError(f"hosts: {text[:_SHOWN]!r} is no address, range or network like 10.0.1.1-80") from None
    if low > high:
        raise BadHostsError(f"hosts: {text[:_SHOWN]!r} runs backwards")
    return low, high


def _network(text: str) -> tuple[int, int]:
    net = ipaddress.IPv4Network(text)
    first, last = int(net.network_address), int(net.broadcast_address)
    return (first + 1, last - 1) if net.prefixlen < ipaddress.IPV4LENGTH - 1 else (first, last)


def _range(text: str) -> tuple[int, int]:
    short = _LAST_OCTET.fullmatch(text)
    low, _, high = (f"{short[1]}{short[2]}-{short[1]}{short[3]}" if short else text).partition("-")
    first = int(ipaddress.IPv4Address(low.strip()))
    return first, int(ipaddress.IPv4Address(high.strip())) if "-" in text else first
