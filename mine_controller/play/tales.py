"""Short event stories of the co-op container: a fault, a moment, a weather, and the utility's word in the middle.

Every single fault of the catalogue comes at every moment; the rest of a count is drawn, two and three faults together.
A site with a meter on its feed has tales of its own: what ails the meter, PDUs that lie, and anything else beside them.
A tale is made from `seed` and its number alone, and lived on a `Stage`: all 280 miners, real drivers, real ticks.
"""

from itertools import product
from pathlib import Path
from random import Random
from typing import Final

from mine_controller.config.load import load
from mine_controller.config.model import Config
from mine_controller.play import demo
from mine_controller.play.deadman import raised
from mine_controller.play.outcomes import GRACE_S, MOST_S, OBEY_S, STANDS_STILL_S, TOLD_LATER_S, History
from mine_controller.play.stage import Stage
from mine_controller.play.truth import EVERY_S
from mine_controller.record import NamedTuple
from mine_controller.twin import coop, story
from mine_controller.twin.faults import KINDS

MINERS, PDUS, FANS, PROBES = 280, 7, 9, 5
BOUNDARIES: Final = 40  # places between two calls through the ports of one tick
LEAD_TICKS: Final = 8  # before the utility's word
EVENT_S: Final = 1080
BACK_TICKS: Final = 10  # after its release
MOMENTS: Final = {"long before": -600, "just before": -40, "with it": 0, "while obeying": 75, "in the dark": 480}
WEATHERS: Final = (
    ("july", 13.0), ("hot", 15.0), ("heat_wave", 11.0), ("harvest", 9.0), ("january", 6.0), ("tropical", 2.0),
)  # fmt: skip
DEADMAN: Final = "\n[deadman]\nurl = https://127.0.0.1/ping/twin\n"  # heard by `play/deadman.py`, never sent
SHARES: Final = (0.75, 1.0)  # of the drawn ones: two faults; three


class Fault(NamedTuple):
    """Something that goes wrong: words for `Stage.do`."""

    name: str
    deeds: tuple[str, ...]


Troubles = tuple[tuple[Fault, int], ...]


class Tale(NamedTuple):
    """One story. `faults` are (fault, seconds after the utility's word); `phase_s`: that word's second in its tick."""

    number: int
    seed: int
    faults: Troubles
    weather: str
    hour: float
    phase_s: int
    released: bool
    metered: bool = False

    @property
    def name(self) -> str:
        """In words."""
        told = " + ".join(f"{fault.name} ({after_s:+d} s)" for fault, after_s in self.faults)
        told = f"{told or 'nothing'}, a meter on the feed" if self.metered else told
        return f"{told or 'nothing'}, {self.weather} at {self.hour:g} h, {self.phase_s} s into a tick"


class Told(NamedTuple):
    """What came of a tale. Seconds after the utility's word, None = never; `found` are violations of G and O.

    `due_s`: by when it had to be down: 300 s, with the grace and lost ticks that lie in between. `lasted_s`: how long
    the word stood; where it was taken back before anything was due, nothing can be proven. `shown`: the page showed
    the word all the time until it was due; `open_way`: every outlet could be switched all that time; `lost_s`: what
    ticks that could not run added. `deadman_s`: when the outside service raised its alarm, if that stood by then.
    `hidden`: a PDU lied and no true meter showed it, at some time before it was due.
    """

    tale: Tale
    before_w: float
    floor_w: float
    under_s: float | None
    due_s: float
    lasted_s: float
    emergency: str
    found: tuple[tuple[str, str], ...]
    ticks: int
    shown: bool
    open_way: bool
    lost_s: float
    deadman_s: float | None
    hidden: bool = False

    @property
    def possible(self) -> bool:
        """Nothing between the utility's word and the outlets was at fault."""
        return self.shown and self.open_way and not self.lost_s

    @property
    def told(self) -> bool:
        """Whoever is on call knew: an emergency, or the dead-man's service where this program was off."""
        return bool(self.emergency) or self.deadman_s is not None

    @property
    def in_time(self) -> bool:
        """Under X within 300 s."""
        return self.under_s is not None and self.under_s <= OBEY_S

    @property
    def kept(self) -> bool:
        """Under X by when it was due, or somebody told."""
        down = self.under_s is not None and self.under_s <= self.due_s
        return down or self.told or not self.judged

    @property
    def judged(self) -> bool:
        """Whether the word stood long enough, and somebody could know what was drawn."""
        return self.lasted_s >= self.due_s and not self.hidden


def _lines(section: str) -> list[Fault]:
    """Every way a device's line can fail."""
    kinds = [f"{kind} 5" if kind == "slow" else kind for kind in KINDS[1:]]
    word = "page" if section == coop.PAGE else f"device {section}"
    return [Fault(f"{word} {kind}", (f"{word} {kind}",)) for kind in kinds]


def _every(name: str, *texts: str) -> Fault:
    return Fault(name, texts)


def _pdus(kind: str) -> tuple[str, ...]:
    return tuple(f"device redfish pdu{n} {kind}" for n in range(1, PDUS + 1))


def _miners(numbers: range, how: str) -> tuple[str, ...]:
    return tuple(f"miner a{n:03} {how}" for n in numbers)


def _outlets(numbers: range, how: str) -> tuple[str, ...]:
    share = -(-MINERS // PDUS)
    return tuple(f"outlet pdu{n // share + 1}/A{n % share + 1} {how}" for n in numbers)


PLANT_NET: Final = ("roomalert intake", "iotawatt fans", "controlbyweb fans")


def _devices() -> list[Fault]:
    sections = [coop.PAGE, *PLANT_NET, "foreman mine", *(f"redfish pdu{n}" for n in range(1, PDUS + 1))]
    one = [fault for section in sections for fault in _lines(section)]
    one += [_every(f"page {how}", f"page {how}") for how in ("blank", "mangled")]
    groups = [_every(f"every PDU {kind}", *_pdus(kind)) for kind in ("silent", "gone", "frozen", "unauthorised")]
    groups += [
        _every(f"{name} {kind}", *(f"device {section} {kind}" for section in PLANT_NET), *more)
        for kind in ("gone", "silent")
        for name, more in (("probes and fans", ()), ("the plant's network", _pdus(kind)))
    ]
    groups += [_every(f"internet {kind}", f"page {kind}", f"device foreman mine {kind}") for kind in ("gone", "silent")]
    return one + groups


def _air() -> list[Fault]:
    fans = [_every(f"fan {n} break", f"fan {n} break") for n in range(1, FANS + 1)]
    relays = [_every(f"relay {n} weld", f"relay {n} weld") for n in range(1, FANS + 1)]
    bank = [_every("every fan breaks", *(f"fan {n} break" for n in range(1, FANS + 1)))]
    hows = ("unplug", "stick 21.5", "stick 85", "stick -40")
    probes = [_every(f"sensor {n} {how}", f"sensor {n} {how}") for n in range(1, PROBES + 1) for how in hows]
    rest = [_every(text, text) for text in ("filter dirty", "smoke on", "water on", "door on", "mains off")]
    return [*fans, *relays, *bank, *probes, *rest]


def _machines() -> list[Fault]:
    share = MINERS // PDUS
    groups = {"a017": range(17, 18), "a PDU's miners": range(1, share + 1), "every miner": range(1, MINERS + 1)}
    hows = ("mute", "liar", "dead", "slow_boot", "api_dies")
    miners = [_every(f"{name} {how}", *_miners(ats, how)) for name, ats in groups.items() for how in hows]
    places = {"an outlet": range(16, 17), "a PDU's outlets": range(share), "every outlet": range(MINERS)}
    outlets = [_every(f"{name} {how}", *_outlets(at, how)) for name, at in places.items() for how in ("weld", "jam")]
    wakes = [_every(f"{n} wake by themselves", *(f"wake {at}" for at in range(1, n + 1))) for n in (1, 20)]
    return [*miners, *outlets, *wakes]


def _process() -> list[Fault]:
    texts = [f"kill {n}" for n in range(1, BOUNDARIES + 1)]
    texts += [f"clock {s}" for s in (-50 * 31_557_600, -86_400, -3600, -90, 90, 3600, 86_400, 10 * 31_557_600)]
    texts += ["disk dead", "reboot 60", "reboot 900", "power_cut 20", "power_cut 120", "power_cut 600", "second"]
    return [_every(text, text) for text in texts]


def _people() -> list[Fault]:
    words = ("set-state miners stop", "set-state miner.a017 stop", "set-state signal run", "set-state inlet_c 20",
             "set-state fans 9", "quarantine a017", "clear-state --all")  # fmt: skip
    return [*(_every(f"person: {text}", f"ask {text}") for text in words), _every("emergency stop", "stop on")]


def catalogue() -> tuple[Fault, ...]:
    """Every single fault: lines, air, machines, this program's own process, people."""
    return (*_devices(), *_air(), *_machines(), *_process(), *_people())


def on_the_feed() -> tuple[Fault, ...]:
    """What only a site with a meter on its feed can tell, or can suffer from."""
    hows = ("still", "silent", "scaled 10", "scaled 1.2", "scaled 0.1", "late 5", "late 20", "late 60", "late 200")
    lies = [_every(f"pdu1 {how}", f"pdu pdu1 {how}") for how in ("zero", "off")]
    lies += [_every(f"every PDU {how}", *(f"pdu pdu{n} {how}" for n in range(1, PDUS + 1))) for how in ("zero", "off")]
    return (*(_every(f"meter {how}", f"meter {how}") for how in hows), *lies)


def tales(seed: int, count: int, *, metered: bool = False) -> tuple[Tale, ...]:
    """The first `count`: every fault at every moment and nothing at all, then drawn ones.

    `metered`: of the sites with a meter on their feed; one at least of what is drawn is `on_the_feed`.
    """
    faults, moments = on_the_feed() if metered else catalogue(), tuple(MOMENTS.values())
    grid: list[Troubles] = [() for _ in WEATHERS]
    grid += [((fault, after_s),) for fault, after_s in product(faults, moments)]
    tale = _on_the_feed if metered else _tale
    return tuple(tale(seed, number, grid, faults) for number in range(count))


def _on_the_feed(seed: int, number: int, grid: list[Troubles], faults: tuple[Fault, ...]) -> Tale:
    """A tale of any site, with one more trouble where it is a drawn one."""
    told = _tale(seed, number, grid, catalogue() if number >= len(grid) else faults)._replace(metered=True)
    draw = Random(f"{seed} {number} on the feed")  # noqa: S311 - a story, not a secret
    own = ((draw.choice(faults), draw.choice(tuple(MOMENTS.values()))),) if number >= len(grid) else ()
    return told._replace(faults=(*own, *told.faults[1 if own else 0 :]))


def _tale(seed: int, number: int, grid: list[Troubles], faults: tuple[Fault, ...]) -> Tale:
    draw = Random(f"{seed} {number}")  # noqa: S311 - a story, not a secret
    if number < len(grid):
        chosen: Troubles = grid[number]
        weather, hour = WEATHERS[(number + number // len(WEATHERS)) % len(WEATHERS)]
    else:
        many = 2 if draw.random() < SHARES[0] else 3
        chosen = tuple((fault, draw.choice(tuple(MOMENTS.values()))) for fault in draw.sample(faults, many))
        weather, hour = draw.choice(WEATHERS)
    return Tale(number, 1 + draw.randrange(1000), chosen, weather, hour, draw.randrange(120), number % 2 == 0)


def template(weather: str = "july") -> story.Story:
    """A story in which nothing happens."""
    return story.parse(f"title a tale\ndate 2026-07-15\nweather {weather}\n")


def site_of(tale: Tale) -> coop.Site:
    """The container a tale begins with: in full swing."""
    told = template(tale.weather)
    start = told.start_wall_s(coop.ZONE) + int(tale.hour * 3600)
    return coop.build(
        tale.seed, start, story=told, miners=MINERS, pdus=PDUS, fans=FANS, extras=False, metered=tale.metered
    )


def settle_in(folder: Path, *, metered: bool = False) -> Config:
    """The config of every tale in that folder: the twin's own, and a dead-man that an outside service hears."""
    path = demo.write_config(folder, site_of(tales(1, 1, metered=metered)[0])).paths.config
    path.write_text(path.read_text("utf-8").replace("\n[end]", f"{DEADMAN}\n[end]"), "utf-8")
    return load(path)


def live(tale: Tale, config: Config) -> Told:
    """Play one. `config` is that of `settle_in` (its addresses are the same for every seed)."""
    stage = Stage(config, site_of(tale))
    tick_s = config.site.tick_s
    word_s = stage.now_s + LEAD_TICKS * tick_s + tale.phase_s
    stage.later(word_s, "signal off")
    if tale.released:
        stage.later(word_s + EVENT_S, "signal run")
    deeds = sorted((word_s + after_s, text) for fault, after_s in tale.faults for text in fault.deeds)
    ends_s = word_s + EVENT_S + (BACK_TICKS * tick_s if tale.released else 0)
    for at_s, text in deeds:
        while stage.now_s + tick_s <= at_s and not stage.knows(text):
            stage.tick()
        if stage.knows(text):
            stage.later(at_s, text)
        else:
            stage.do(text)
    while stage.now_s < ends_s:
        stage.tick()
    return _told(tale, stage, word_s)


def _told(tale: Tale, stage: Stage, word_s: float) -> Told:
    history = stage.history
    after = [one for one in history.samples if one.at_s > word_s]
    under = next((one.at_s - word_s for one in after if history.dark(one)), None)
    before_w = next((one.miners_w for one in reversed(history.samples) if one.at_s <= word_s), 0.0)
    due_s = _due_s(history, word_s)
    lasted_s = EVENT_S if tale.released else history.samples[-1].at_s - word_s
    until_s = word_s + due_s
    near = [one for one in after if one.at_s <= until_s]
    return Told(
        tale=tale,
        before_w=before_w,
        floor_w=history.floor_w,
        under_s=under,
        due_s=due_s,
        lasted_s=lasted_s,
        emergency=_emergency(history, word_s, due_s),
        found=stage.found,
        ticks=len(stage.ticks),
        shown=all(one.readable for one in near),
        open_way=all(one.cuttable for one in near),
        lost_s=history.slack_s(word_s, until_s),
        deadman_s=_after(raised(stage.away, word_s, until_s + TOLD_LATER_S), word_s),
        hidden=any(one.hidden for one in near),
    )


def _after(at_s: float | None, word_s: float) -> float | None:
    return None if at_s is None else at_s - word_s


def _due_s(history: History, word_s: float) -> float:
    """Seconds after the word: 300 from when it can be read, if a tick looked then; else the grace of a page that is
    not to be read, and 300 s. A page that stands still is found out after a while. Lost ticks add their own."""
    after = [one for one in history.samples if one.at_s > word_s]
    shown = next((one.at_s for one in after if one.readable), None)
    dark_s = _dark_since_s(history, word_s)
    late = shown is None or (dark_s is not None and not _looked(history, shown))
    if not late and shown is not None:
        due_s = max(0.0, shown - word_s - EVERY_S) + OBEY_S
    else:
        frozen = not any(one.blind for one in after)
        due_s = (dark_s or word_s) - word_s + GRACE_S + OBEY_S + (STANDS_STILL_S if frozen else 0)
    due_s = max(float(OBEY_S), due_s)
    return due_s + history.slack_s(word_s, word_s + due_s)


def _dark_since_s(history: History, word_s: float) -> float | None:
    """Since when the page did not show the truth, or first did not after the word; None: it always did."""
    since = None
    for one in history.samples:
        if not one.readable and since is None:
            since = one.at_s
        elif one.readable:
            if since is not None and one.at_s > word_s:
                break
            since = None
    return since


def _looked(history: History, shown_s: float) -> bool:
    """Whether a tick began while the page was readable, before it was not any more."""
    dark = next((one.at_s for one in history.samples if one.at_s > shown_s and not one.readable), None)
    return dark is None or any(shown_s - EVERY_S <= tick.at_s < dark - EVERY_S for tick in history.ticks)


def _emergency(history: History, word_s: float, due_s: float) -> str:
    """The code of the first emergency that was told in time, or stood before; "" none."""
    since_s, until_s = word_s - MOST_S, word_s + due_s + TOLD_LATER_S
    codes = [code for tick in history.ticks if since_s <= tick.end_s and tick.at_s <= until_s
             for code in tick.emergencies]  # fmt: skip
    return codes[0] if codes else ""
