"""The outcome invariants O1 to O11: what truly happened at a site, whatever its controller believed.

The twin knows the truth: a `History` holds a sample of it every ten seconds and a line for each tick. A checker takes
a history and yields sentences; a good history yields none. O12 to O20 are in `lasting.py`, those of a weak source (O21
to O26) in `weak.py`, of a home (O27 to O30) in `homes.py`, of prices (O31 to O33) in `priced.py`; `judge` in
`lasting.py` runs them all.
Figures are those of a site with ticks of 120 s: "two ticks + 60 s" is 300 s.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import dropwhile, pairwise

from mine_controller.play.places import Household, Priced, Weak, Wish
from mine_controller.record import NamedTuple

OBEY_S = 300  # two ticks and a minute
TOLD_LATER_S = 120  # an emergency that says it was not obeyed may come a tick after the load should have been down
GRACE_S = 360  # how long a silent page is believed
STANDS_STILL_S = 720  # 600 s of a Date that does not move, seen at the next tick
MOST_S = 7200  # what may excuse a delay lies no further back than this
MIN_OFF_S = 600
RUN_ON_S = 600
NO_AIR_S = 180
BLIND_S = 1500  # nobody can read the fans: the inlet's own ladder has 20 minutes when it is silent too
SPREAD = 3  # starts of one miner and another
EVERY_S = 10.0  # seconds a sample stands for
DAY_S = 86_400
HELD_SHARE = 0.01  # of an event, over X
MUCH_SHARE = 0.105  # of what all draw: 100 kW of a container
CALM_STARTS = 1.2  # a miner and day
COLD_C = 5.0
STOP_C, SHED_C = 40.0, 38.0
UNPROVEN, EMERGENCY = "curtail_unproven", 2
AIRLESS = ("air_lost", UNPROVEN)
UNREAD, EASY_C = "fan_meter_blind", 35.0
NOISE_K = 1.5  # by what a probe may be off and late
LIED_SHARE = 0.01  # of what all draw: then only the meter on the feed shows it, with its error of the whole mine
PROBE_S = 180  # what a probe in air and its page's refresh add to a reading's age


class Sample(NamedTuple):
    """The truth of one moment. `at_s`: plant seconds of the twin; powers in watts."""

    at_s: float
    signal: str = "run"  # the utility's true word
    readable: bool = True  # its page shows that word to whoever asks
    blind: bool = False  # its page shows nobody anything
    still: bool = False  # it shows for ever what it showed once
    miners_w: float = 0.0
    total_w: float = 0.0
    fans_n: int = 9  # fans that truly turn
    fans_able: int = 9  # fans that could
    inlet_c: float = 25.0
    shown_c: float = 25.0  # what the probes show of it
    ambient_c: float = 20.0
    sensed: bool = True  # the room monitor answers, and at most one probe at the inlet is ill
    unfelt: bool = False  # it tells nobody anything
    metered: bool = True  # at least one outlet meter answers, or the one on the feed
    lied: bool = False  # a PDU says that nothing is drawn, whatever is
    hidden: bool = False  # it does, and no true meter on the feed shows otherwise
    proven: bool = True  # what the fans draw can be read
    cuttable: bool = False  # every outlet can be switched: then there is no excuse
    on_n: int = 0  # miners that hash
    starts: tuple[int, ...] = ()  # true starts so far, by miner
    tripped: int = 0  # miners whose firmware stopped them for heat
    wet: int = 0  # miners that are being powered up below the dew point
    damp: bool = False  # air that may forbid every start
    smoke: bool = False
    permitted_w: float = 0.0  # what the healthy miners could draw now by right
    clear: bool = True  # nothing at all is wrong with the site, and nobody asked for anything
    price_off: bool = False  # the price of now is one at which nothing is to be mined
    price_known: bool = True  # and whoever asked a tick before its slot could know it
    weak: Weak | None = None  # what feeds it, where that is a weak source
    house: Household | None = None  # its miners one by one, where it is a home
    priced: Priced | None = None  # its boards under their tariff, where it mines by the price


class Told(NamedTuple):
    """A letter about an alarm. `level` 2 is an emergency; `what`: raise, repeat, escalate, clear ..."""

    key: str
    kind: str
    what: str
    level: int


class Ticked(NamedTuple):
    """One tick as it went. `emergencies`: codes of the emergency events it told. `killed`: it left nothing behind."""

    at_s: float
    end_s: float
    mode: str = "RUNNING"
    emergencies: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()
    killed: bool = False
    stepped: bool = False


class Second(NamedTuple):
    """A tick that was begun while another one was at work: how it ended, and how many devices it reached."""

    at_s: float
    exit_code: int
    reached: int


class History(NamedTuple):
    """A site's true story. `touched`: when the outside itself started miners (mains back, a supply mended)."""

    samples: tuple[Sample, ...]
    ticks: tuple[Ticked, ...] = ()
    floor_w: float = 4080.0  # X: below this it counts as curtailed
    nominal_w: float = 81_600.0
    cap_w: float = 0.0  # 0 = none
    tick_s: int = 120
    fans: int = 9  # how many there are
    touched: tuple[float, ...] = ()
    missed: tuple[
        float, ...
    ] = ()  # moments at which no tick could run or start anybody: killed, no power, a stepped clock
    seconds: tuple[Second, ...] = ()
    unkept: tuple[float, ...] = ()  # ticks of which neither disk nor memory kept anything: what they did is not known
    wishes: tuple[Wish, ...] = ()  # what persons asked for
    names: tuple[str, ...] = ()  # of the miners of a home
    strangers: tuple[str, ...] = ()  # those of them that are not its owner's

    @property
    def lasted_s(self) -> float:
        """How much of the truth is here."""
        return self.samples[-1].at_s - self.samples[0].at_s if self.samples else 0.0

    def dark(self, one: Sample) -> bool:
        """Under X, as far as that can be known."""
        return one.miners_w < self.floor_w + (self.nominal_w * LIED_SHARE if one.lied else 0.0)

    def slack_s(self, since_s: float, until_s: float) -> float:
        """What ticks that could not run add to a deadline: each its own length, and the first one of the next."""
        slack_s, before_s = 0, -1
        while slack_s != before_s:  # what was missed in the time it adds counts too
            before_s = slack_s
            slack_s = self.tick_s * sum(since_s - self.tick_s <= at <= until_s + slack_s for at in self.missed)
        return slack_s

    def told(self, kind: str, since_s: float, until_s: float) -> bool:
        """True when a letter of that time says that this emergency is there; one about another thing says nothing."""
        near = (tick for tick in self.ticks if since_s <= tick.end_s and tick.at_s <= until_s)
        return any((one.kind, one.level) == (kind, EMERGENCY) and one.what != "clear" for t in near for one in t.told)

    def stands(self, kind: str, at_s: float) -> bool:
        """True when that alarm was told as an emergency by then, and not that it is over."""
        told = [one for tick in self.ticks if tick.end_s <= at_s for one in tick.told if one.kind == kind]
        return bool(told) and told[-1].what != "clear" and told[-1].level == EMERGENCY

    def was_touched(self, at_s: float, within_s: float = 300.0) -> bool:
        """True when miners may have started by themselves at that moment."""
        return any(0 <= at_s - then <= within_s for then in self.touched)


Stretch = Sequence[Sample]


def stretches(samples: Sequence[Sample], holds: Callable[[Sample], bool]) -> list[Stretch]:
    """Every unbroken run of samples for which `holds`."""
    out: list[list[Sample]] = []
    inside = False
    for sample in samples:
        if holds(sample):
            if not inside:
                out.append([])
            out[-1].append(sample)
        inside = holds(sample)
    return list(out)


def length_s(stretch: Stretch) -> float:
    """Seconds from its first sample to its last."""
    return stretch[-1].at_s - stretch[0].at_s


def _obeyed(history: History, stretch: Stretch, limit_s: float) -> bool:
    """Down below X, or told, within the limit; a stretch that is over before the limit proves nothing."""
    begin = stretch[0].at_s
    limit_s += history.slack_s(begin, begin + limit_s)
    if any(history.dark(one) for one in stretch if one.at_s - begin <= limit_s):
        return True
    if length_s(stretch) <= limit_s:
        return True
    if all(one.cuttable for one in stretch):
        return False
    if history.stands(UNPROVEN, begin) or history.told(UNPROVEN, begin, begin + limit_s + TOLD_LATER_S):
        return True
    return length_s(stretch) <= limit_s + TOLD_LATER_S


def o1(history: History) -> Iterator[str]:
    """Curtail: the signal is readable as off, and 300 s later the load is under X.

    Where an outlet can't be switched, an emergency told is as good.
    """
    for stretch in stretches(history.samples, lambda one: one.signal == "off" and one.readable and not one.hidden):
        if not _obeyed(history, stretch, OBEY_S):
            left_w, after_s = stretch[-1].miners_w, length_s(stretch)
            yield f"{left_w:.0f} W {after_s:.0f} s after the signal, X is {history.floor_w:.0f} W"


def o2(history: History) -> Iterator[str]:
    """Blind: the signal can't be read for the grace, and 300 s later the load is under X, or an emergency is told.

    A page that stands still is as good as none, once the date of its answers has shown it.
    """
    for stretch in stretches(history.samples, lambda one: (one.blind or one.still) and not one.hidden):
        found_s = STANDS_STILL_S if any(one.still for one in stretch) else 0
        if not _obeyed(history, stretch, found_s + GRACE_S + OBEY_S):
            yield f"{stretch[-1].miners_w:.0f} W after {length_s(stretch):.0f} s without a readable signal"


def o3(history: History) -> Iterator[str]:
    """Blind proof: it curtails, nothing can be measured for two ticks, and that is told."""
    dark = stretches(history.samples, lambda one: not one.metered)
    for stretch in dark:
        begin, end = stretch[0].at_s, stretch[-1].at_s
        ticks = [one for one in history.ticks if begin <= one.at_s and one.end_s <= end]
        modes = ["CURTAILING", "EMERGENCY"]
        if ticks and ticks[0].mode == "CURTAILED":  # proven before, and whatever stops it too, until it runs again
            ticks = list(dropwhile(lambda one: one.mode in ("CURTAILED", "EMERGENCY"), ticks))
        if ticks and ticks[0].mode not in modes:  # then nothing can ever have proven it
            modes.append("CURTAILED")
        curtailing = [one for one in ticks if one.mode in modes]
        if len(curtailing) <= 3 or curtailing[-1].at_s - curtailing[0].at_s < 3 * history.tick_s:
            continue
        if not (history.stands(UNPROVEN, begin) or history.told(UNPROVEN, begin, end)):
            yield f"{len(curtailing)} ticks of curtailment that nothing measured, and nobody was told"


def o4(history: History) -> Iterator[str]:
    """Hold: once it is curtailed the load comes back over X for at most two ticks, and in all for 1 % of the event.

    One such incident is allowed in an event of any length. Telling excuses only where an outlet can't be switched.
    """
    for event in stretches(history.samples, lambda one: one.signal == "off" and one.readable and not one.hidden):
        down = next((at for at, one in enumerate(event) if history.dark(one)), None)
        if down is None:
            continue
        backs = stretches(event[down:], lambda one: not history.dark(one))
        begin, over_s = event[down].at_s, sum(length_s(back) + EVERY_S for back in backs)
        most_s = max(OBEY_S, length_s(event) * HELD_SHARE) + history.slack_s(begin, event[-1].at_s)
        over = [one for back in backs for one in back]
        if over_s > most_s and not _told_in_need(history, over, (begin, event[-1].at_s)):
            yield f"over X for {over_s:.0f} s in {len(backs)} incidents of an event of {length_s(event):.0f} s"
        for back in backs:
            begin = back[0].at_s
            late = length_s(back) > OBEY_S + history.slack_s(begin, begin + OBEY_S)
            if late and not _told_in_need(history, back, (begin, begin + OBEY_S + TOLD_LATER_S)):
                yield f"over X for {length_s(back):.0f} s in the middle of an event"


def _told_in_need(history: History, stretch: Stretch, between_s: tuple[float, float]) -> bool:
    """Told in that time, or told before and not over since (a blackout in the middle of it ends nothing); and an outlet
    could not be switched: where all can, there is no excuse."""
    told = history.told(UNPROVEN, *between_s) or history.stands(UNPROVEN, between_s[0])
    return told and not all(one.cuttable for one in stretch)


def o5(history: History) -> Iterator[str]:
    """Air: load without a single turning fan lasts a tick and a minute at most, and only where a fan failed, or where
    smoke keeps the fans off until a person has looked (a contact that welds then feeds a miner without air). Where
    nobody can read the fans and the owner is told so, it may stay as long as the inlet is cool (FAN4)."""
    for stretch in stretches(history.samples, lambda one: one.fans_n < 1 and not one.smoke and _loaded(history, one)):
        begin = stretch[0].at_s
        slack_s = history.slack_s(begin, stretch[-1].at_s)
        limit_s = NO_AIR_S if all(one.proven for one in stretch) else BLIND_S
        told_by_s = begin + limit_s + history.slack_s(begin, begin + limit_s) + TOLD_LATER_S
        why = AIRLESS if any(one.proven or one.inlet_c >= EASY_C for one in stretch) else (*AIRLESS, UNREAD)
        known = any(history.stands(kind, begin) or history.told(kind, begin - limit_s, told_by_s) for kind in why)
        if length_s(stretch) > limit_s + slack_s and not known:
            yield f"{stretch[-1].miners_w:.0f} W without air for {length_s(stretch):.0f} s"
        if not _fan_failed(history, begin - NO_AIR_S - slack_s, begin) and not history.stands("smoke", begin):
            yield f"{stretch[0].miners_w:.0f} W without air while no fan had failed"


def _loaded(history: History, one: Sample) -> bool:
    """There is load, by outlets that tell it: which miner draws behind one that says 0 W no meter on the feed shows."""
    return one.miners_w > history.nominal_w / 20 and not one.lied


def _fan_failed(history: History, since_s: float, until_s: float) -> bool:
    near = [one for one in history.samples if since_s <= one.at_s <= until_s]
    return any(was.fans_able > now.fans_able for was, now in pairwise(near)) or (bool(near) and near[0].fans_able == 0)


def o6(history: History) -> Iterator[str]:
    """Heat: no load above 40 degrees for more than two ticks; none where nobody has known the inlet for twenty minutes;
    no firmware trip while the air is all there. Smoke takes the fans off at once, over whoever still runs.

    A contact that can't be opened is told of instead.
    """
    for stretch in stretches(history.samples, lambda one: one.unfelt and not one.hidden):
        if not _obeyed(history, stretch, BLIND_S):
            yield f"{stretch[-1].miners_w:.0f} W after {length_s(stretch):.0f} s in which nobody knew the inlet"
    hot = stretches(
        history.samples,
        lambda one: one.inlet_c > STOP_C + 0.5 and one.sensed and not one.hidden and one.miners_w >= history.floor_w,
    )
    for stretch in hot:
        begin = stretch[0].at_s
        limit_s = OBEY_S + PROBE_S + history.slack_s(begin, begin + OBEY_S)
        told = history.told(UNPROVEN, begin - limit_s, begin + limit_s) or history.stands(UNPROVEN, begin)
        stuck = told and not all(one.cuttable for one in stretch)
        if length_s(stretch) > limit_s and not stuck:
            yield f"{stretch[-1].miners_w:.0f} W at {stretch[-1].inlet_c:.1f} °C for {length_s(stretch):.0f} s"
    if all(one.fans_able >= history.fans - 1 for one in history.samples):
        for was, now in pairwise(history.samples):  # who tripped in a heat wave is still tripped in the cool after it
            if now.tripped > was.tripped and now.ambient_c <= SHED_C and not now.smoke:
                yield f"{now.tripped} firmware trips at {now.ambient_c:.0f} °C outside with the fans whole"


def o7(history: History) -> Iterator[str]:
    """Shedding: while the probes show more than 38 degrees the miners that hash get fewer, 5 % a tick, never more."""
    for stretch in stretches(history.samples, lambda one: one.shown_c > SHED_C + 0.5 and one.sensed):
        settled = [one for one in stretch if one.at_s - stretch[0].at_s >= 2 * history.tick_s]
        more = [(was.on_n, now.on_n) for was, now in pairwise(settled) if now.on_n > was.on_n]
        if more and not history.was_touched(stretch[-1].at_s, length_s(stretch)):
            yield f"{more[0][1]} miners instead of {more[0][0]} at {stretch[-1].shown_c:.1f} °C"
        begin, lost_s = stretch[0], history.slack_s(stretch[0].at_s, stretch[-1].at_s)
        if begin.weak is not None and history.was_touched(stretch[-1].at_s, length_s(stretch)):
            continue
        for one in settled:
            steps = int((one.at_s - begin.at_s - lost_s) // history.tick_s) - 3
            most = int(begin.on_n * 0.95 ** max(0, steps)) + 1
            if steps > 0 and one.on_n > most:
                yield f"{one.on_n} miners after {steps} steps of shedding, at most {most} may be left"
                break


def o8(history: History) -> Iterator[str]:
    """Cap: never a sample over it, and 98 % of it in nearly all.

    Miners whose air has stopped draw more as they get hot, as much as a full site has left, before a tick can see it.
    """
    if not history.cap_w:
        return
    over = [one.total_w for one in history.samples if one.total_w > history.cap_w and not _suffocates(history, one)]
    if over:
        yield f"{max(over):.0f} W in {len(over)} samples, the cap is {history.cap_w:.0f} W"
    near = sum(one.total_w > history.cap_w * 0.98 for one in history.samples)
    if near * 1000 > len(history.samples) and near > 30:
        yield f"{near} of {len(history.samples)} samples over 98 % of the cap"


def _suffocates(history: History, one: Sample) -> bool:
    """No fan turns, and one that could failed since the last tick began."""
    since_s = one.at_s - history.tick_s
    near = (before for before in history.samples if since_s <= before.at_s <= one.at_s)
    return one.fans_n < 1 and any(before.fans_able > one.fans_able for before in near)


def o9(history: History) -> Iterator[str]:
    """Starts: no miner truly starts twice within its time off; a day without events has 1.2 a miner at most."""
    yield from _calm_days(history)
    last: dict[int, float] = {}
    for was, now in pairwise(history.samples):
        if was.starts == now.starts:
            continue
        for at, (before, after) in enumerate(zip(was.starts, now.starts, strict=True)):
            if after == before:
                continue
            gap_s = now.at_s - last.get(at, -1e9)
            if any(last.get(at, 0) <= then <= now.at_s for then in history.unkept):
                gap_s = MIN_OFF_S  # that it ran and was stopped meanwhile is known to nobody
            if gap_s < MIN_OFF_S and not history.was_touched(now.at_s, MIN_OFF_S):
                yield f"miner {at + 1} started twice within {gap_s:.0f} s"
            last[at] = now.at_s


def _calm_days(history: History) -> Iterator[str]:
    """Starts a miner in every whole day of fair weather without a word of the utility, and without a fault."""
    calm = stretches(history.samples, lambda one: one.clear and one.signal != "off" and one.shown_c < SHED_C)
    for stretch in calm:
        if length_s(stretch) < DAY_S or history.was_touched(stretch[-1].at_s, length_s(stretch)):
            continue
        days = length_s(stretch) / DAY_S
        begun = sum(stretch[-1].starts) - sum(stretch[0].starts)
        if begun > CALM_STARTS * days * len(stretch[0].starts):
            yield f"{begun} starts of {len(stretch[0].starts)} miners in {days:.1f} days in which nothing happened"


def o10(history: History) -> Iterator[str]:
    """Run-on: after a stop of much load two fans turn on for ten minutes, unless it is cold or there was smoke."""
    for was, now in pairwise(stretches(history.samples, lambda _: True)[0] if history.samples else ()):
        if not (was.miners_w >= history.floor_w > now.miners_w):
            continue
        before = [one for one in history.samples if 0 <= now.at_s - one.at_s <= OBEY_S]
        if max((one.miners_w for one in before), default=0.0) < history.nominal_w * MUCH_SHARE:
            continue
        if any(one.smoke for one in before):
            continue  # it stopped for smoke, which keeps fans off until a person says resume, also once it has gone
        if any(one.lied for one in history.samples if 0 <= now.at_s - one.at_s <= RUN_ON_S):
            continue  # the run-on counts from when the outlets showed nothing, and nobody else tells when that was
        after = [one for one in history.samples if 0 < one.at_s - now.at_s < RUN_ON_S]
        whole = all(one.fans_able >= history.fans for one in (now, *after))
        if any(one.inlet_c < COLD_C + NOISE_K for one in (now, *after)):
            continue  # there fewer fans are the heater
        bad = [one for one in after if one.fans_n < 2 and not one.smoke]
        if bad and whole and not history.was_touched(now.at_s + RUN_ON_S, 2 * RUN_ON_S):
            yield f"{bad[0].fans_n} fans {bad[0].at_s - now.at_s:.0f} s after the stop"


def o11(history: History) -> Iterator[str]:
    """Condensation: no board is powered up below the dew point."""
    wet = [one for one in history.samples if one.wet and not history.was_touched(one.at_s)]
    if wet:
        yield f"{max(one.wet for one in wet)} miners powered up wet, first at {wet[0].at_s:.0f} s"


Checker = Callable[[History], Iterator[str]]
MOMENTARY: dict[str, Checker] = {
    "O1": o1, "O2": o2, "O3": o3, "O4": o4, "O5": o5, "O6": o6, "O7": o7, "O8": o8, "O9": o9, "O10": o10, "O11": o11,
}  # fmt: skip
