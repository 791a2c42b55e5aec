"""Who a unit is that tells nobody who asks: read once as a tick would read it, by its section's driver and login.

A stock Antminer keeps its mac behind a login, a Whatsminer tells it in another answer, some units have theirs written
in config only. A section's login goes to that section's hosts alone; without a section only kinds are read that ask
for none.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from mine_controller.config import catalogue
from mine_controller.config.model import Endpoint
from mine_controller.core.due import Asked
from mine_controller.core.option import fill
from mine_controller.devices import _hosts
from mine_controller.devices.ask import ask
from mine_controller.devices.kind import Guess
from mine_controller.ops.fleet_file import served
from mine_controller.wire.door import Wire

OPEN_KINDS = ("whatsminer",)  # their reads need no login
LONGEST_S = 8.0

WireFor = Callable[[str, float], Wire]
Guessed = dict[str, tuple[Guess | None, str]]  # by address: what it is, and which kind stumbled over it


def identified(guessed: Guessed, sections: Sequence[Endpoint], wire_for: WireFor) -> Guessed:
    """The same guesses, with the mac or serial of who had none where its own reading tells it. Bounded in time."""
    asked: dict[str, list[str]] = {}
    endpoints: dict[str, Endpoint] = {}
    for host, (one, _) in guessed.items():
        endpoint = _section_of(host, one.kind, sections) if one is not None and not one.unit else None
        if endpoint is not None:
            endpoints[endpoint.section] = endpoint
            asked.setdefault(endpoint.section, []).append(host)
    named = {title: _only(endpoints[title], hosts) for title, hosts in asked.items()}
    if not named:
        return guessed
    until = time.monotonic() + LONGEST_S
    found = ask(tuple(map(Asked, named)), named, {}, lambda _moment: 0, wire_for, until)
    units = dict(_units(named, zip(found.keys, found.values, strict=True)))
    return {
        host: (one._replace(unit=units[host]) if one is not None and host in units and not one.unit else one, trouble)
        for host, (one, trouble) in guessed.items()
    }


def _section_of(host: str, kind: str, sections: Iterable[Endpoint]) -> Endpoint | None:
    """The section whose driver reads it, the one that serves it first; for some kinds one made for it alone."""
    covering = [one for one in sections if host in _hosts.expand(tuple(one.options.hosts))]
    title, _ = served(kind, host, covering)
    own = [one for one in covering if one.section == title] or covering
    if len(own) == 1:
        return own[0]
    if own or kind not in OPEN_KINDS:
        return None
    module = catalogue.find("device", kind)
    options = fill(module.Options, {"hosts": (host,)}) if module is not None else None
    return Endpoint(kind, "search", options, live=False, every_s=0, line=0) if options is not None else None


def _only(endpoint: Endpoint, hosts: Sequence[str]) -> Endpoint:
    return endpoint._replace(options=endpoint.options._replace(hosts=tuple(hosts)))


def _units(named: Iterable[str], readings: Iterable[tuple[str, object]]) -> Iterable[tuple[str, str]]:
    """(address, mac or serial) out of readings "<section>/<unit>:address"."""
    titles = tuple(named)
    for key, value in readings:
        title = next((title for title in titles if key.startswith(f"{title}/")), None)
        if title is not None and key.endswith(":address") and isinstance(value, str):
            yield value.partition(":")[0], key[len(title) + 1 : -len(":address")]
