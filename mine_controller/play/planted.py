"""Faults put into the program on purpose, each with the story that reveals it: whoever watches must see every one.

A bug is a replacement of one function for as long as a story is played. `by` names the invariants that
must speak up. The suite plays them all, and `minectl demo --plant NAME` one of them under a whole day.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Any

from mine_controller.record import NamedTuple

Wrap = Callable[[Any], Any]


class Bug(NamedTuple):
    """`where` is "module:name" under mine_controller, `wrap` makes the wrong function out of the right one.

    `deeds` are (tick number, what) for `Stage.play`, `ticks` how many; `stage` says which site and when it begins.
    """

    name: str
    what: str
    by: tuple[str, ...]
    where: str
    wrap: Wrap
    deeds: tuple[tuple[int, str], ...] = ()
    ticks: int = 30
    stage: dict[str, Any] = {}  # noqa: RUF012 - never changed


@contextmanager
def plant(bug: Bug) -> Iterator[None]:
    """The bug is in the program as long as this lasts."""
    module_name, _, path = bug.where.partition(":")
    owner, _, name = path.rpartition(".")
    module: Any = import_module(f"mine_controller.{module_name}")
    module = getattr(module, owner) if owner else module
    right = getattr(module, name)
    setattr(module, name, bug.wrap(right))
    try:
        yield
    finally:
        setattr(module, name, right)


# -- ways of being wrong --------------------------------------------------------------------------------------------


def _always(value: Any) -> Wrap:
    """Whatever it is asked."""
    return lambda _: lambda *_given, **_named: value


def _after(change: Callable[..., Any]) -> Wrap:
    """The right answer, changed: `change(answer, *given)`."""

    def wrap(right: Any) -> Any:
        def wrong(*given: Any, **named: Any) -> Any:
            return change(right(*given, **named), *given)

        return wrong

    return wrap


def _before(change: Callable[..., tuple[Any, ...]]) -> Wrap:
    """The right function, asked something else: `change(*given)` gives what it is asked."""

    def wrap(right: Any) -> Any:
        def wrong(*given: Any, **named: Any) -> Any:
            return right(*change(*given), **named)

        return wrong

    return wrap


def _without(*codes: str) -> Wrap:
    """A rule that keeps silent about limits of these words (all when none is named)."""

    def change(advice: Any, *_given: Any) -> Any:
        kept = tuple(one for one in advice.limits if codes and one.what not in codes and one.reason.code not in codes)
        return advice._replace(limits=kept)

    return _after(change)


def _options(**changed: Any) -> Wrap:
    """A rule that reads other numbers than its owner wrote."""
    return _before(lambda view, memory, options: (view, memory, options._replace(**changed)))


# -- more of them ---------------------------------------------------------------------------------------------------


def _never_climbs(step: Any, chase: Any, *_given: Any) -> Any:
    return step if step.chase.rung == chase.rung else step._replace(chase=chase, send=False, look_s=None)


def _trusts_replies(image: Any, state: Any, policy: Any) -> tuple[Any, ...]:
    told = {
        name[6:]
        for name, chase in state.chases.items()
        if chase.want == "stop" and chase.answer in ("accepted", "applied")
    }
    told |= {str(name) for name in state.last.get("believed", ())}
    specs = policy.wiring.miners
    watts = tuple(
        25 if spec.id in told and w is not None else w for spec, w in zip(specs, image.miners.power_w, strict=True)
    )
    return image._replace(miners=image.miners._replace(power_w=watts)), state, policy


def _unknown_is_dark(image: Any, state: Any, wiring: Any) -> tuple[Any, ...]:
    watts = tuple(0 if w is None else w for w in image.miners.power_w)
    return image._replace(miners=image.miners._replace(power_w=watts)), state, wiring


def _half_stops(stops: Any, *_given: Any) -> Any:
    return stops[: (len(stops) + 1) // 2]


def _stops_those_long_on(stops: Any, view: Any, _envelope: Any) -> Any:
    young = {
        at
        for at, spec in enumerate(view.wiring.miners)
        if (book := view.state.miners.get(spec.id)) and view.now_s - book.last_start_s < 7200
    }
    return tuple(at for at in stops if at not in young)


def _stops_nobody_twice(stops: Any, view: Any, _envelope: Any) -> Any:
    shed = view.state.shed
    return () if shed is not None and shed.shed_100_s is not None else stops


def _stops_nobody_after_a_gap(right: Any) -> Any:
    until = [0]

    def wrong(view: Any, envelope: Any) -> Any:
        gap_s = view.now_s - int(view.state.last.get("watched_s", view.now_s))
        until[0] = view.now_s + 900 if gap_s > 200 else until[0]
        return () if view.now_s < until[0] else right(view, envelope)

    return wrong


def _stops_half_for_nothing(right: Any) -> Any:
    count = [0]

    def wrong(view: Any, envelope: Any) -> Any:
        count[0] += 1
        half = len(view.fleet.on) // 2
        kept = tuple(at for at, on in enumerate(view.fleet.on) if on)[half:]
        return kept if kept and count[0] > 11 else right(view, envelope)

    return wrong


def _also_the_dark(stops: Any, view: Any, envelope: Any) -> Any:
    return tuple(range(len(view.wiring.miners))) if envelope.max_power_w == 0 else stops


def _backwards(compared: Any, *_given: Any) -> Any:
    return compared._replace(commands=tuple(reversed(compared.commands)))


def _forgets_intents(compared: Any, *_given: Any) -> Any:
    return compared._replace(chases={name: chase._replace(command="") for name, chase in compared.chases.items()})


def _hotter_is_better(step: int, view: Any, *_given: Any) -> int:
    return step if (view.number("inlet_c") or 0) > 29 else 0


def _with_tests_for_real(image: Any, state: Any, policy: Any) -> tuple[Any, ...]:
    from mine_controller.core.overrides import with_tests  # noqa: PLC0415 - the one this bug abuses

    return with_tests(image, state, policy.wiring) or image, state, policy


def _for_ever(override: Any, *_given: Any) -> Any:
    return override._replace(until_s=0)


def _changes_its_mind(right: Any) -> Any:
    count = [0]

    def wrong(*given: Any) -> Any:
        count[0] += 1
        answer = right(*given)
        return answer if count[0] % 2 else answer._replace(run=())

    return wrong


def _flips(right: Any) -> Any:
    def wrong(view: Any, *given: Any) -> Any:
        mode, why = right(view, *given)
        return ("RESUMING" if mode == "RUNNING" and view.state.mode == "RUNNING" else mode), why

    return wrong


def _follows_the_wall(clock: Any, clocks: Any, state: Any, _boot_s: Any, wall_s: int) -> Any:
    was = int(state.last.get("wall_s") or wall_s)
    ahead_s = wall_s - was - (clock.plant_s - int(state.last.get("plant_s") or clock.plant_s))
    moved = max(0, ahead_s)
    clocks.offset_s += moved
    return clock._replace(
        plant_s=clock.plant_s + moved,
        began_s=clock.began_s + moved,
        soft_end_s=clock.soft_end_s + moved,
        stepped=clock.stepped,
    )


def _worn_first(_order: Any, view: Any, _candidates: Any) -> Any:
    return lambda at: (-view.state.miners[view.wiring.miners[at].id].starts, at)


def _over_by_itself(limits: Any, view: Any, kept: Any, *_given: Any) -> Any:
    return [] if view.now_s - int(kept.get("off_s") or view.now_s) > 1800 else limits


def _forgets_a01(stops: Any, view: Any, *_given: Any) -> Any:
    return tuple(at for at in stops if view.wiring.miners[at].id != "a01")


def _silent(kept: Any, *_given: Any) -> Any:
    return kept._replace(tellings=())


def _told_the_first(right: Any) -> Any:
    told: list[str] = []

    def wrong(*given: Any) -> Any:
        kept = right(*given)
        grave = [one for one in kept.tellings if one.level >= 2 and one.what == "raise"]
        told.extend(one.alarm for one in grave)
        return kept._replace(tellings=tuple(one for one in kept.tellings if one not in grave or one.alarm == told[0]))

    return wrong


def _twice(kept: Any, *_given: Any) -> Any:
    return kept._replace(tellings=(*kept.tellings, *kept.tellings))


def _nothing_is_stale(_value: Any, now_s: int, max_age_s: int) -> tuple[Any, ...]:
    return _value, now_s, max_age_s + 10_000


def _word_is_run(value: Any, view: Any) -> Any:
    return value if value.value is not None else value._replace(value="run", at_s=view.now_s, why="")


# -- the stories ----------------------------------------------------------------------------------------------------

HALT, FREE = "ask set-state miners stop", "ask clear-state --all"
CURTAIL = ((5, "signal off"),)
MUTE = tuple((1, f"miner a{at:03} mute") for at in range(1, 5))
LIARS = tuple((1, f"miner a{at:03} liar") for at in range(1, 5))
CLOUDY = (*((3, f"device redfish pdu{n} silent") for n in (1, 2)), *CURTAIL)
HOT: dict[str, Any] = {"weather": "heat_wave", "hour": 13.0}
COLD_START: dict[str, Any] = {"running": False}
_RULES = "core.rules."
WEAK: dict[str, Any] = {"site": "offgrid-container"}
FLEET: dict[str, Any] = {"site": "home-fleet"}
NIGHT: dict[str, Any] = {"site": "agile-home", "hour": 0.0}  # some twelve pence until six
WAVES = tuple((5 + 12 * n, f"supply {60 if n % 2 else 90}") for n in range(12))
OUTAGE = ((4, "uplink LTE down"), (4, "uplink Starlink down"))

BUGS: tuple[Bug, ...] = (
    Bug("no_ladder", "a stop that is not obeyed is left at that", ("O1",), "core.compare.stops:pursue",
        _after(_never_climbs), (*MUTE, *CURTAIL), 14),
    Bug("trusts_replies", "a miner that said yes counts as dark", ("G5", "O1"), "core.decide:_view",
        _before(_trusts_replies), (*LIARS, *CURTAIL), 14),
    Bug("unknown_is_dark", "watts that nobody read count as none", ("O3",), "core.decide:sum_up",
        _before(_unknown_is_dark), CLOUDY, 16),
    Bug("unknown_is_run", "a page that can't be read says run", ("O2",), _RULES + "signal:_believed",
        _after(_word_is_run), ((3, "page blank"),), 16),
    Bug("copies_believed", "a page that stands still is a page", ("O2",), "devices.power_signal:_check_date",
        _always(()), ((3, "page frozen"), (5, "signal off")), 20),
    Bug("signal_ignored", "the signal is nobody's business", ("O1",), _RULES + "signal:advise",
        _without(), CURTAIL, 12),
    Bug("half_stops", "half of them is enough for now", ("G5",), "core.choose:_stops",
        _after(_half_stops), CURTAIL, 8),
    Bug("young_run_on", "who has just started is not stopped", ("G5", "O1"), "core.choose:_stops",
        _after(_stops_those_long_on), ((20, "signal off"),), 28, COLD_START),
    Bug("stops_once", "once dark, nobody is stopped again", ("O4", "G5"), "core.choose:_stops",
        _after(_stops_nobody_twice), (*CURTAIL, *((9, f"wake {at}") for at in range(1, 7))), 20),
    Bug("gap_is_rest", "after a missed tick the program looks around first", ("O16",), "core.choose:_stops",
        _stops_nobody_after_a_gap, ((5, "signal off"), (5, "kill 3"), (6, "kill 3")), 20),
    Bug("over_by_itself", "no event lasts longer than half an hour", ("O18",), _RULES + "signal:_curtail",
        _after(_over_by_itself), CURTAIL, 30),
    Bug("one_word", "a single word of run is enough", ("O18",), _RULES + "signal:advise",
        _options(confirm=1, jitter_s=0),
        ((5, "signal off"), (12, "ask set-state fans 9"), (14, "signal run")), 18),
    Bug("no_hold", "whoever was dark already comes back at once", ("O18",), _RULES + "signal:advise",
        _options(release_hold_s=0, jitter_s=0),
        ((1, "signal off"), (1, "ask set-state fans 9"), (4, "signal run")), 10, COLD_START),
    Bug("never_released", "no word of run is ever enough", ("O12",), _RULES + "signal:advise",
        _options(confirm=1_000_000), ((5, "signal off"), (9, "signal run")), 36),
    Bug("never_starts", "nobody is started", ("O12",), "core.choose:_starts",
        _always(()), (), 30, COLD_START),
    Bug("half_for_nothing", "after a while half of them are stopped for no reason", ("O12",), "core.choose:_stops",
        _stops_half_for_nothing, (), 60),
    Bug("no_min_off", "a miner may start right after its stop", ("G2", "O9"), _RULES + "wear:_ban",
        _always(None), tuple(zip((4, 6, 9, 10), (HALT, FREE) * 2, strict=True)), 16,
        {"miners": 2, "pdus": 1}),
    Bug("no_ramp", "everybody at once", ("G3",), _RULES + "ramp:advise",
        _without(), (), 8, COLD_START),
    Bug("no_cap", "the cap is not counted", ("G4", "O8"), _RULES + "cap:advise",
        _without(), (), 30, {"running": False, "cap_kw": 50}),
    Bug("starting_is_free", "who is on the way up takes nothing yet", ("G4",), "core.power.room:free_w",
        _before(lambda view, envelope: (view._replace(fleet=view.fleet._replace(starting_w=0)), envelope)),
        (), 30, {"running": False, "cap_kw": 40}),
    Bug("relays_prove", "a relay that is on is air", ("G1",), _RULES + "air:startable",
        _always(1000), ((0, "fan 1 break"), (0, "fan 2 break"), (0, "fan 3 break")), 12, COLD_START),
    Bug("no_air_rule", "miners start and run whatever the fans do", ("G1", "O5"), _RULES + "air:advise",
        _after(lambda advice, *_given: advice._replace(limits=(), wishes=())), (), 12, COLD_START),
    Bug("fans_off_at_stop", "fans stop with the miners", ("G6", "O10"), _RULES + "run_on:advise",
        _without(), CURTAIL, 14),
    Bug("heat_ignored", "no inlet is too hot", ("O6", "O7"), _RULES + "temperature:advise",
        _without(), (), 60, HOT),
    Bug("blind_is_cool", "an inlet that nobody knows is a cool one", ("O6",), _RULES + "temperature:_blind",
        _always(None), ((2, "device roomalert intake silent"),), 20),
    Bug("heat_watched", "above 38 degrees nothing is shed", ("O7",), _RULES + "temperature:_shed",
        _always(None), (), 60, HOT),
    Bug("hotter_is_better", "the hotter it is the more miners start", ("G12",), "core.choose:_step",
        _after(_hotter_is_better), (), 20, {"running": False, "again": True}),
    Bug("nothing_is_stale", "an old reading is as good as a new one", ("G9",), "core.freeze:_fresh",
        _before(_nothing_is_stale), ((4, "device roomalert intake silent"),), 12),
    Bug("no_window", "any air is good enough to start in", ("G1",), _RULES + "cold:advise",
        _without(), (), 12, {"running": False, "weather": "january", "hour": 6.0}),
    Bug("wet_starts", "cold boards start in warm wet air", ("O11", "G1"), _RULES + "cold:advise",
        _without(), ((1, "weather tropical"),), 24, {"running": False, "weather": "cold_spell", "hour": 6.0}),
    Bug("steps_are_nothing", "a stepped clock is a clock", ("G1",), _RULES + "boot:advise",
        _without("clock_step"), ((6, "clock -7200"),), 12, COLD_START),
    Bug("wall_is_time", "timers follow the wall clock", ("O17",), "ports.clock:Clocks._opening",
        _after(_follows_the_wall), ((4, HALT), (6, "clock 7200"), (11, FREE)), 16),
    Bug("backwards", "starts before fans, fans before stops", ("G7",), "core.decide:compare",
        _after(_backwards), (), 12, {"running": False, "miners": 60}),
    Bug("no_intent", "what is sent is not what was written down", ("G8",), "core.decide:compare",
        _after(_forgets_intents), CURTAIL, 7),
    Bug("same_name", "all commands are called alike", ("G8",), "core.compare.work:new_id",
        _always("1"), CURTAIL, 7),
    Bug("cuts_the_dark", "everybody is cut, whether he runs or not", ("G13",), "core.choose:_stops",
        _after(_also_the_dark), ((3, "smoke on"),), 8, COLD_START),
    Bug("no_reason", "a mode without a reason", ("G10",), "core.decide:mode_of",
        _after(lambda found, *_given: (found[0], found[1]._replace(code=""))), (), 4),
    Bug("fault_to_run", "out of a fault straight to work", ("G10",), "core.decide:mode_of",
        _after(lambda found, view, *_given: ("FAULT", found[1]) if view.now_s // 120 % 3 == 0 else found), (), 8),
    Bug("changes_its_mind", "asked twice it answers twice", ("G11",), "core.decide:choose",
        _changes_its_mind, (), 6, {"again": True}),
    Bug("tests_are_real", "a value set for a test frees", ("G14",), "core.decide:_view",
        _before(_with_tests_for_real), ((3, "ask set-state inlet_c 30"),), 9,
        {"running": False, "again": True, "weather": "heat_wave", "hour": 11.5}),
    Bug("for_ever", "what a person sets stands for ever", ("G15",), "core.overrides:_override",
        _after(_for_ever), ((3, "ask set-state fans 5"),), 6),
    Bug("flips", "a mode that swings without a cause", ("O13",), "core.decide:mode_of", _flips, (), 20),
    Bug("silent_alarms", "nobody is told", ("O14",), "core.decide:keep",
        _after(_silent), ((4, "smoke on"),), 8),
    Bug("told_the_first", "one emergency is told, and no other after it", ("O14",), "core.decide:keep",
        _told_the_first, ((2, "smoke on"), (4, "smoke off"), (6, "ask resume"), (9, "water on")), 12),
    Bug("told_twice", "everybody is told twice", ("O14",), "core.decide:keep",
        _after(_twice), ((4, "smoke on"),), 8),
    Bug("worn_first", "the most worn is started first", ("O15",), "core.choose:_start_order",
        _after(_worn_first), tuple((4 + 20 * n + 10 * k, word) for n in range(6) for k, word in enumerate(
            (HALT, FREE))), 130, {"running": False, "cap_kw": 30, "miners": 12}),
    Bug("price_ignored", "no price is too dear", ("O19",), _RULES + "band:advise",
        lambda right: lambda *given: right(*given)._replace(limits=(), wishes=()), (), 20,
        {"site": "agile-home", "hour": 15.0}),
    Bug("forgets_one", "of all that stop for the price one is left out", ("O19",), "core.choose:_stops",
        _after(_forgets_a01), (), 20, {"site": "agile-home", "hour": 15.0}),
    Bug("no_lock", "two ticks at once", ("O20",), "store.lock:TickLock",
        lambda _: lambda _path: nullcontext(), ((2, "second"),), 4),
    Bug("no_source", "what the source can give is nobody's business", ("O21",), _RULES + "supply:advise",
        _without(), ((5, "supply 88"),), 12, WEAK),
    Bug("no_frequency", "a low frequency is nobody's business", ("O22",), _RULES + "grid:advise",
        _without(), ((4, "device mqtt supply frozen"), (5, "supply 72")), 12, WEAK),
    Bug("weak_is_well", "a source that was weak a minute ago is well", ("O23",), _RULES + "voltage:advise",
        _options(hold_s=60), ((1, "supply 60"), (8, "phase 2 lost"), (10, "within 40 phase 2 back"),
         (10, "supply steady")), 20,
        WEAK),
    Bug("no_local_pool", "whoever has no work may wait for it", ("O24",), _RULES + "uplinks:advise",
        _after(lambda advice, *_given: advice._replace(wishes=())), OUTAGE, 14, WEAK),
    Bug("stays_away", "who was lent is never fetched back", ("O24",), _RULES + "uplinks:_return",
        _always(None), ((1, "miner a005 sticky"), *OUTAGE, (10, "uplink LTE up")), 34, WEAK),
    Bug("silence_is_fine", "that nobody knows the source is no emergency", ("O25",), _RULES + "supply:_grave",
        _always("warning"), ((5, "device mqtt supply silent"),), 16, WEAK),
    Bug("favourites", "the same few carry every change", ("O26",), "core.choose:_book",
        _after(lambda book, *_given: book._replace(starts=-book.starts)), WAVES, 150, WEAK),
    Bug("left_dark", "who was stopped once is not started again", ("O27",), "core.choose:_starts",
        _always(()), ((2, "ask set-state miner.a01 stop"), (6, "ask clear-state --all")), 36, FLEET),
    Bug("deaf", "what a person holds off runs", ("O28",), _RULES + "override:advise",
        _without(), ((2, "ask set-state miner.a02 stop"),), 10, FLEET),
    Bug("any_address", "whoever answers is the one", ("O29",), "devices._talks:Desk.is_stranger",
        _always(False), ((3, "ask set-state miner.a02 stop"), (3, "within 1 swap a02 127.0.1.17")), 6, FLEET),
    Bug("mode_forgotten", "a mode may be wished for", ("O30",), "core.miners.errands:settings",
        _always({}), ((3, "ask set-state mode.a01 eco"),), 30, FLEET),
    Bug("sleeps_on", "who was stopped for a price sleeps on when it has fallen", ("O31",), "core.choose:_starts",
        _always(()), ((2, "ask set-state strategy off"), (6, "ask clear-state --all")), 45, NIGHT),
    Bug("wears_flash", "a board that does not obey is written again and again", ("O32",),
        "core.miners.errands:FLASH_APART_S", lambda _: 0, ((1, "miner a01 mute"),), 20, {**NIGHT, "hour": 1.4}),
    Bug("band_without_mode", "a band has no modes", ("O33",), _RULES + "band:mode_of",
        _always(""), (), 50, {**NIGHT, "hour": 32.0}),
)  # fmt: skip
