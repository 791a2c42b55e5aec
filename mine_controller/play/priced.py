"""The outcome invariants of a home that mines by the price: O19 board by board, and O31 to O33."""

from collections.abc import Iterator
from itertools import groupby, pairwise

from mine_controller.play.outcomes import Checker, History, Sample, Stretch, length_s, stretches
from mine_controller.play.places import Priced, Wish

STOPPING_S = 60
HEARD_S = 1200  # so long after something was wrong with a board or its line it may still be taken for silent
DARK_S = 45 * 60
SETTLED_S = 60 * 60  # a slot for which the band before is held, and 25 minutes between two writes to flash memory
FLASH_S = 1500
ONE_WRITE_S = 60  # mode and pool of a board are one write; it may take two commands
WARM_C = 35.0
BOOTS, BOOTS_S = 3, 5400
STANDS_S = 600  # what a person has set stands no more after this long
# Names, upper edge of the price, what is mined there, and how: an edge belongs to the dearer one.
BANDS: tuple[tuple[str, float, str, dict[str, str]], ...] = (
    ("5", 4.0, "btc", {"bitaxe": "overclock", "nerdqaxe": "turbo", "avalon": "high"}),
    ("4", 7.0, "bch", {"bitaxe": "overclock", "nerdqaxe": "turbo", "avalon": "high"}),
    ("3", 12.0, "dgb", {"bitaxe": "standard", "nerdqaxe": "standard", "avalon": "medium"}),
    ("2", 20.0, "dgb", {"bitaxe": "eco", "nerdqaxe": "eco", "avalon": "low"}),
)
OFF = "1"


def band_of(price: float) -> str:
    """The band a price asks for."""
    return next((name for name, below, _, _ in BANDS if price < below), OFF)


def _under_tariff(history: History) -> bool:
    return bool(history.samples) and history.samples[0].priced is not None


class Asked:
    """When what a person has set may count, for all of the house or for one board."""

    def __init__(self, history: History) -> None:
        self.spans: list[tuple[float, float, str]] = []
        for at, wish in enumerate(history.wishes):
            if whom := _whom(wish):
                ends = (one.at_s for one in history.wishes[at + 1 :] if _ends(one, wish))
                self.spans.append((wish.at_s, min(ends, default=1e12), whom))

    def of(self, name: str, since_s: float, until_s: float | None = None) -> bool:
        """Whether it may in that time, or at that second."""
        until_s = since_s if until_s is None else until_s
        return any(a <= until_s and since_s <= b + STANDS_S and who in ("*", name) for a, b, who in self.spans)


def _whom(wish: Wish) -> str:
    """Of whom it is: "*" all, "" nobody."""
    verb, *words = wish.words
    if verb == "quarantine":
        return words[0]
    if verb != "set-state":
        return ""
    what, _, name = words[0].partition(".")
    return name if what in ("miner", "mode", "pool") and name else "*"


def _ends(one: Wish, began: Wish) -> bool:
    if began.words[0] == "quarantine":
        return one.words[0] == "release"
    return one.words == ("clear-state", "--all")


def dear(history: History) -> Iterator[str]:
    """O19 for each board: it draws no more than at standby once a slot that is too dear has begun."""
    asked, limit_s = Asked(history), STOPPING_S + history.tick_s
    for at, name in enumerate(history.names):

        def draws(one: Sample, at: int = at, name: str = name) -> bool:
            now = one.priced
            draws = one.price_off and now is not None and now.fit[at] and now.draws[at]
            return draws and not asked.of(name, one.at_s)

        for stretch in stretches(history.samples, draws):
            since, until = stretch[0].at_s, stretch[-1].at_s
            most_s = limit_s if _well_before(history, at, since) else HEARD_S
            if length_s(stretch) > most_s + history.slack_s(since, until):
                yield f"{name} draws for {length_s(stretch):.0f} s in a slot that is too dear"


def _well_before(history: History, at: int, since_s: float) -> bool:
    """Nothing was wrong with it in the time in which it would still be taken for silent."""
    span = (one.priced for one in history.samples if since_s - HEARD_S <= one.at_s < since_s)
    return all(priced.fit[at] for priced in span if priced is not None)


def o31(history: History) -> Iterator[str]:
    """Light: a healthy board is not dark for 45 minutes in slots that are not too dear."""
    if not _under_tariff(history):
        return
    asked = Asked(history)
    for at, name in enumerate(history.names):

        def idle(one: Sample, at: int = at, name: str = name) -> bool:
            now = one.priced
            light = now is not None and now.told and OFF not in (band_of(now.price), band_of(now.then))
            idle = light and now is not None and now.fit[at] and not now.works[at] and now.room_c < WARM_C
            return idle and not asked.of(name, one.at_s) and not _restless(history, one.at_s)

        for stretch in stretches(history.samples, idle):
            since, until = stretch[0].at_s, stretch[-1].at_s
            if length_s(stretch) > DARK_S + history.slack_s(since, until):
                yield f"{name} is dark for {length_s(stretch) / 60:.0f} minutes though power is cheap enough"


def _restless(history: History, at_s: float) -> bool:
    """Three restarts within an hour: then nothing starts for half an hour (PRO8), and readings have to come first."""
    gone = [at for at in history.missed if at_s - BOOTS_S <= at <= at_s]
    return len(gone) > 1 and 1 + sum(after - at > history.tick_s for at, after in pairwise(gone)) >= BOOTS


def o32(history: History) -> Iterator[str]:
    """Flash: modes and pools are written into a board 25 minutes apart at least, but towards a dearer band, and for
    what a person asks for."""
    if not _under_tariff(history):
        return
    asked = Asked(history)
    for at, name in enumerate(history.names):
        for was, now in pairwise(_writes(history, at)):
            apart_s = now.at_s - was.at_s
            near = ONE_WRITE_S < apart_s < FLASH_S - history.tick_s
            excused = _dearer(was, now) or history.slack_s(was.at_s, now.at_s) or asked.of(name, was.at_s, now.at_s)
            if near and not excused:
                yield f"{name} is written twice within {apart_s / 60:.0f} minutes"


def _writes(history: History, at: int) -> Iterator[Sample]:
    for was, now in pairwise(history.samples):
        if was.priced is not None and now.priced is not None and now.priced.writes[at] > was.priced.writes[at]:
            yield now


def _dearer(was: Sample, now: Sample) -> bool:
    """This slot, or the next one, is of a dearer band than the one of the first write."""
    assert was.priced is not None
    assert now.priced is not None
    return int(band_of(max(now.priced.price, now.priced.then))) < int(band_of(was.priced.price))


def o33(history: History) -> Iterator[str]:
    """Bands: an hour after two slots of one band began a board works for that band's coin in its mode."""
    if not _under_tariff(history):
        return
    asked = Asked(history)
    for at, name in enumerate(history.names):

        def wrong(one: Sample, at: int = at, name: str = name) -> str:
            return "" if one.priced is None or asked.of(name, one.at_s) else _wrong(one.priced, at)

        for said, group in groupby(history.samples, wrong):
            stretch: Stretch = list(group)
            if said and length_s(stretch) > SETTLED_S + history.slack_s(stretch[0].at_s, stretch[-1].at_s):
                yield f"{name} {said} for {length_s(stretch) / 60:.0f} minutes"


def _wrong(now: Priced, at: int) -> str:
    """What is not as the band of this slot and the next one wants it, "" where nothing is or nobody can say."""
    name, kind = band_of(now.price), now.kinds[at]
    if not (now.told and now.fit[at] and now.works[at]) or name == OFF or band_of(now.then) != name:
        return ""
    [(coin, modes)] = [(coin, modes) for band, _, coin, modes in BANDS if band == name]
    if kind in modes and now.modes[at] not in ("", modes[kind]):  # "": its own firmware took it down when it was hot
        return f"is in mode {now.modes[at]} and not {modes[kind]} (band {name})"
    if kind in modes and now.pools[at] != coin:
        return f"works for {now.pools[at] or 'nobody'} and not {coin} (band {name})"
    return ""


PRICED: dict[str, Checker] = {"O31": o31, "O32": o32, "O33": o33}
