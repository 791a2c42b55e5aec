"""The outcome invariants O27 to O30: a home's miners, one by one."""

from collections.abc import Callable, Iterator

from mine_controller.play.outcomes import OBEY_S, Checker, History, Sample, length_s, stretches

DARK_S = 45 * 60
HELD_S = 4 * 3600  # what a person holds is over by then
MODE_S = 2700  # flash memory is written once in 25 minutes at most
WARM_C = 35.0
UNSET = frozenset(("a05",))  # a NerdQaxe's clocks have to be written into its section first
ENDLESS = frozenset(("a06", "a09", "a12"))  # no word stops a Nano 3S, an NMMiner, or a plain cgminer as listed here


class Held:
    """Between when and when a person holds a miner off, as far as that is certain."""

    def __init__(self, history: History) -> None:
        self.spans: list[tuple[float, float, str]] = []
        self.unsure: list[tuple[float, float, str]] = []  # asked while the clock stepped: it may have been refused
        for at, wish in enumerate(history.wishes):
            who = self._whom(wish.words)
            if who is None:
                continue
            later = history.wishes[at + 1 :]
            ends = [one.at_s for one in later if self._ends(one.words, wish.words)]
            until_s = min((*ends, *(() if wish.words[0] == "quarantine" else (wish.at_s + HELD_S,))), default=1e12)
            sure = not any(0 <= then - wish.at_s <= history.tick_s for then in history.missed)
            (self.spans if sure else self.unsure).append((wish.at_s, until_s, who))

    @staticmethod
    def _whom(words: tuple[str, ...]) -> str | None:
        if words[0] == "quarantine":
            return words[1]
        if words[0] != "set-state" or words[2] != "stop":
            return None
        return words[1].removeprefix("miner.") if words[1].startswith("miner.") else "*"

    @staticmethod
    def _ends(words: tuple[str, ...], stop: tuple[str, ...]) -> bool:
        if stop[0] == "quarantine":
            return words[0] == "release"
        return words == ("clear-state", "--all") or (words[0] in ("clear-state", "set-state") and words[1] == stop[1])

    def surely(self, name: str, at_s: float) -> bool:
        """It is to be dark at that second."""
        return any(since < at_s < until and who in ("*", name) for since, until, who in self.spans)

    def perhaps(self, name: str, at_s: float, after_s: float) -> bool:
        """It may be dark at that second, or could have been until so long before."""
        spans = (*self.spans, *self.unsure)
        return any(since <= at_s <= until + after_s and who in ("*", name) for since, until, who in spans)


def _at_home(history: History) -> bool:
    return bool(history.samples) and history.samples[0].house is not None


def _rows(history: History) -> Iterator[tuple[int, str]]:
    """The owner's miners: place and name."""
    return ((at, name) for at, name in enumerate(history.names) if name not in history.strangers)


def o27(history: History) -> Iterator[str]:
    """Light: a healthy miner that nobody wants dark is not dark for three quarters of an hour."""
    if not _at_home(history) or any("max_power_kw" in wish.words for wish in history.wishes):
        return
    held = Held(history)
    for at, name in _rows(history):

        def dark(one: Sample, at: int = at, name: str = name) -> bool:
            house = one.house
            idle = house is not None and house.fit[at] and not house.works[at] and house.room_c < WARM_C
            return idle and not held.perhaps(name, one.at_s, 0)

        for for_s in _longer(history, dark, DARK_S):
            yield f"{name} is dark for {for_s / 60:.0f} minutes, and nothing is wrong with it"


def _longer(history: History, is_so: Callable[[Sample], bool], most_s: float) -> Iterator[float]:
    """How long each stretch of it was that lasted longer than this and the ticks that could not run in it."""
    for stretch in stretches(history.samples, is_so):
        if length_s(stretch) > most_s + history.slack_s(stretch[0].at_s, stretch[-1].at_s):
            yield length_s(stretch)


def o28(history: History) -> Iterator[str]:
    """Off: what a person holds off is off within two ticks and a minute, and stays so."""
    if not _at_home(history):
        return
    held = Held(history)
    for at, name in _rows(history):
        if name in ENDLESS:
            continue

        def runs(one: Sample, at: int = at, name: str = name) -> bool:
            house = one.house
            return house is not None and house.fit[at] and house.works[at] and held.surely(name, one.at_s)

        for for_s in _longer(history, runs, OBEY_S):
            yield f"{name} works for {for_s:.0f} s though a person has stopped it"


def o29(history: History) -> Iterator[str]:
    """Strangers: no command ever reaches a miner that is not the owner's, and no stop one that nobody wants stopped."""
    if not _at_home(history):
        return
    held, last = Held(history), history.samples[-1].house
    assert last is not None
    for at, name in enumerate(history.names):
        if name in history.strangers and last.told[at]:
            yield f"{last.told[at]} commands reached {name}, which is somebody else's"
    if any("max_power_kw" in wish.words for wish in history.wishes):
        return
    set_anew = {wish.words[1].removeprefix("mode.") for wish in history.wishes if len(wish.words) > 1}
    for at, name in _rows(history):
        if name in set_anew:
            continue  # some firmware stops for another mode
        before = 0
        for one in history.samples:
            now = one.house.stops[at] if one.house is not None else before
            if now > before and not held.perhaps(name, one.at_s, OBEY_S + history.slack_s(one.at_s - OBEY_S, one.at_s)):
                yield f"{name} was told to stop, and nobody wanted that"
                break
            before = now


def o30(history: History) -> Iterator[str]:
    """Modes: the one that a person asked for is reached, where the miner is well, up and left alone all that time."""
    if not _at_home(history):
        return
    held = Held(history)
    for wish in history.wishes:
        if wish.words[0] != "set-state" or not wish.words[1].startswith("mode."):
            continue
        name, word = wish.words[1].removeprefix("mode."), wish.words[2]
        at, until_s = history.names.index(name), wish.at_s + MODE_S
        until_s += history.slack_s(wish.at_s, until_s)
        others = any(wish.at_s <= one.at_s <= until_s and one is not wish for one in history.wishes)
        span = [one.house for one in history.samples if wish.at_s <= one.at_s <= until_s and one.house is not None]
        well = all(house.fit[at] and house.works[at] for house in span[:6]) and all(house.fit[at] for house in span)
        if (
            name in UNSET
            or any(house.has and word not in house.has[at] for house in span)
            or held.perhaps(name, wish.at_s, MODE_S)
        ):
            continue
        if well and not others and history.samples[-1].at_s > until_s and span[-1].modes[at] != word:
            yield f"{name} is in mode {span[-1].modes[at] or 'none'} {MODE_S / 60:.0f} minutes after {word} was wished"


HOMES: dict[str, Checker] = {"O27": o27, "O28": o28, "O29": o29, "O30": o30}
