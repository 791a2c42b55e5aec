"""What Home Assistant may ask for: a switch or a select each, and the request every payload stands for. Pure.

A payload that is not in the table is refused, so nothing that comes over the wire ever becomes a word of a request.
A switch that stands at "on" (a select at "auto") means: nobody holds it, the rules decide.
"""

from collections.abc import Iterable, Iterator

from mine_controller.core.model.policy import Policy
from mine_controller.core.model.state import Override
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.overrides import WORDS_OF_LIFE
from mine_controller.notify.homeassistant import Options, slug
from mine_controller.record import NamedTuple

ON, OFF, AUTO = "ON", "OFF", "auto"
SET, CLEAR = "set-state", "clear-state"
MINERS_MOST = 60  # a larger fleet has no device a miner

Asked = tuple[str, ...]  # verb and arguments of a request


class Order(NamedTuple):
    """`object` is its name in topics; `payloads` are in the order in which a select shows them.

    `idle` is the payload that shows while no override of `key` stands. `miner` "" = it is the site's.
    """

    component: str  # switch select
    object: str
    name: str
    key: str
    idle: str
    payloads: dict[str, Asked]
    miner: str = ""
    icon: str = ""

    def stands(self, overrides: Iterable[Override]) -> str:
        """The payload that describes what a person holds now."""
        for override in overrides:
            if override.key == self.key:
                asked = (SET, override.key, override.value)
                return next((payload for payload, one in self.payloads.items() if one == asked), self.idle)
        return self.idle


def orders(policy: Policy, options: Options) -> tuple[Order, ...]:
    """Everything that the owner opted into and this site has, in a fixed order."""
    small = options.miners and len(policy.wiring.miners) <= MINERS_MOST
    found = [one for word in dict.fromkeys(options.commands) for one in _of_site(word, policy)]
    for spec in policy.wiring.miners if small else ():
        found += [one for word in dict.fromkeys(options.commands) for one in _of_miner(word, spec)]
    return tuple(found)


def _of_site(word: str, policy: Policy) -> Iterator[Order]:
    if word == "run" and policy.wiring.miners:
        yield _switch("miners", "Miners may run", "miners", ("run", "stop"), icon="mdi:pickaxe")
    elif word in WORDS_OF_LIFE:
        on, off = WORDS_OF_LIFE[word]
        payloads: dict[str, Asked] = {ON: (SET, word, on), OFF: (SET, word, off)}
        if word == "away" and "schedule" in policy.rules:
            yield Order("switch", word, "Nobody at home", word, OFF, payloads, "", "mdi:home-export-outline")
        elif word == "strategy" and "band" in policy.rules:
            yield Order("switch", word, "Price strategy", word, ON, payloads, "", "mdi:chart-timeline-variant")
    elif word == "band" and "band" in policy.rules:
        names = (*(band.name for band in policy.rules["band"].sections), "off")
        yield _select("band", "Price band", "band", names, icon="mdi:cash-clock")
    elif word in ("mode", "pool"):
        yield from _of_groups(word, policy)


def _of_groups(word: str, policy: Policy) -> Iterator[Order]:
    """One select for a whole section of miners that take the same words."""
    groups: dict[str, list[MinerSpec]] = {}
    for spec in policy.wiring.miners:
        if word in spec.verbs:
            groups.setdefault(spec.group, []).append(spec)
    for group, specs in groups.items():
        common = [one for one in _words(word, specs[0]) if all(one in _words(word, spec) for spec in specs)]
        if common:
            yield _select(f"all_{word}_{slug(group)}", f"{word.title()} of {group}", f"{word}.{group}", common)


def _of_miner(word: str, spec: MinerSpec) -> Iterator[Order]:
    name = slug(spec.id)
    if word == "run":
        yield _switch(f"run_{name}", "May run", f"miner.{spec.id}", ("run", "stop"), spec.id, "mdi:pickaxe")
    elif word in ("mode", "pool") and word in spec.verbs and _words(word, spec):
        said = "Wanted " + word
        yield _select(f"{word}_{name}", said, f"{word}.{spec.id}", _words(word, spec), spec.id)


def _words(word: str, spec: MinerSpec) -> tuple[str, ...]:
    return spec.modes if word == "mode" else spec.pools


def _switch(name: str, label: str, key: str, words: tuple[str, str], miner: str = "", icon: str = "") -> Order:
    """On lets the rules decide again; off holds."""
    return Order("switch", name, label, key, ON, {ON: (CLEAR, key), OFF: (SET, key, words[1])}, miner, icon)


def _select(name: str, label: str, key: str, words: Iterable[str], miner: str = "", icon: str = "") -> Order:
    payloads: dict[str, Asked] = {AUTO: (CLEAR, key)}
    payloads |= {word: (SET, key, word) for word in words if word != AUTO}
    return Order("select", name, label, key, AUTO, payloads, miner, icon)
