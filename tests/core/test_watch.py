"""Books of what was seen: miners' changes, fans' proof and probes that never move, to the watt and the second."""

import pytest
from core.plant import wiring

from mine_controller.core.fleet import sum_up
from mine_controller.core.model.clock import Clock, Local
from mine_controller.core.model.image import Fan, Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase, FanBook, MinerBook, State
from mine_controller.core.model.wiring import FanSpec
from mine_controller.core.stuck import STUCK, is_stuck, watch_probes
from mine_controller.core.watch import _fan, watch_fans, watch_miners, watch_sensors

NOW = 10_000
WIRES = wiring(3, 2)
SPEC = FanSpec("1", "relay x/1", "meter x/1", 1500)


def image(watts=(3400, 3400, 3400), words=None, power_at=NOW, channels=None, fans=()):
    n = len(watts)
    miners = Miners(
        tuple(spec.id for spec in WIRES.miners[:n]), tuple(watts), (power_at,) * n, words or (None,) * n, (NOW,) * n,
        ("on",) * n, ("1",) * n,
    )  # fmt: skip
    return Image(Clock(NOW, NOW, local=Local("2026-07-15")), channels or {}, {}, fans, miners, {})


# -- miners ---------------------------------------------------------------------------------------------------------


def booked(state, watts=(3400, 3400, 3400), wires=WIRES, **seen):
    given = image(watts, **seen)
    return watch_miners(given, sum_up(given, state, wires._replace(fans=())), state, wires)


def test_who_is_seen_first_is_adopted_and_no_start_is_counted():
    books, events = booked(State(), (3400, 25, None))
    assert books == {"m000": MinerBook(on=True, day="2026-07-15"), "m001": MinerBook(day="2026-07-15")}
    assert events == ()


def test_a_start_and_a_stop_are_counted_and_told_where_nobody_here_asked_for_them():
    state = State(miners={"m000": MinerBook(), "m001": MinerBook(on=True), "m002": MinerBook(on=True)})
    books, events = booked(state, (3400, 25, None))
    assert (books["m000"].starts, books["m000"].last_start_s, books["m000"].on) == (1, NOW, True)
    assert (books["m001"].starts, books["m001"].last_stop_s, books["m001"].on) == (0, NOW, False)
    assert books["m002"] == MinerBook(on=True)
    assert [(one.kind, one.about) for one in events] == [("miner_on_unasked", "m000"), ("miner_off_unasked", "m001")]
    assert [one.reason.code for one in events] == ["miner_on", "miner_off"]
    told = state._replace(chases={"miner m000": Chase("run", 0, 1, 5), "miner m001": Chase("stop", 0, 1, 5)})
    assert booked(told, (3400, 25, None))[1] == ()


@pytest.mark.parametrize(("until_s", "told"), [(NOW, 1), (NOW + 1, 0)])
def test_one_that_settles_changes_silently(until_s, told):
    state = State(miners={"m000": MinerBook()}, settling={"m000": until_s})
    assert len(booked(state, (3400, 25, 25))[1]) == told


@pytest.mark.parametrize(("day", "day_starts"), [("2026-07-15", 4), ("2026-07-14", 1)])
def test_starts_of_a_day_begin_anew_with_it(day, day_starts):
    books, _ = booked(State(miners={"m000": MinerBook(starts=9, day=day, day_starts=3)}))
    assert (books["m000"].starts, books["m000"].day, books["m000"].day_starts) == (10, "2026-07-15", day_starts)


@pytest.mark.parametrize(
    ("watched_s", "run_s"), [(NOW - 120, 120), (NOW - 700, 600), (NOW, 0), (NOW + 50, 0), (None, 0)]
)
def test_running_time_is_what_passed_between_two_looks_and_ten_minutes_at_most(watched_s, run_s):
    last = {} if watched_s is None else {"watched_s": watched_s}
    books, _ = booked(State(miners={"m000": MinerBook(on=True), "m001": MinerBook()}, last=last), (3400, 25, 25))
    assert (books["m000"].run_s, books["m001"].run_s) == (run_s, 0)


def test_a_unit_without_any_meter_is_booked_by_its_word_and_not_while_it_settles():
    bare = WIRES._replace(miners=tuple(spec._replace(outlet="") for spec in WIRES.miners))
    state = State(miners={f"m00{at}": MinerBook(on=at == 1) for at in range(3)})
    said = {"watts": (None,) * 3, "words": ("hashing", "sleeping", "error"), "power_at": 0, "wires": bare}
    books, _ = booked(state, **said)
    assert [books[f"m00{at}"].on for at in range(3)] == [True, False, False]
    books, _ = booked(state._replace(settling={"m000": NOW + 1}), **said)
    assert books["m000"].on is False
    metered, _ = booked(state, **{**said, "power_at": NOW})
    assert metered == state.miners


# -- fans -----------------------------------------------------------------------------------------------------------


def fan(book, on, watts, *, on_at=NOW, watts_at=NOW):
    return _fan(Fan("1", on, on_at, watts, watts_at), SPEC, book, NOW)


PROVEN = FanBook("proven", 9000, NOW - 120)


@pytest.mark.parametrize(("watts", "state"), [(900, "proven"), (899, "suspect")])
def test_sixty_percent_of_its_watts_are_air(watts, state):
    assert fan(PROVEN, True, watts).state == state
    assert fan(PROVEN, None, watts).state == ("proven" if watts == 900 else "unknown")


def test_watts_prove_a_fan_whatever_its_relay_says_not():
    book = fan(FanBook("off", 5, bad_at=(1,)), None, 1500)
    assert (book.state, book.proven_s, book.bad_at) == ("proven", NOW, ())
    assert fan(PROVEN, None, 0, watts_at=NOW - 120).state == "proven", "these watts are older than the proof"


@pytest.mark.parametrize(("ago_s", "state"), [(240, "proven"), (241, "unknown")])
def test_a_proof_lasts_two_ticks_of_silence(ago_s, state):
    assert fan(FanBook("proven", 5, NOW - ago_s), None, None).state == state
    assert fan(FanBook("failed", 5, NOW - ago_s), None, None).state == "failed"


@pytest.mark.parametrize(("ago_s", "state"), [(240, "proven"), (241, "starting")])
def test_a_running_fan_whose_meter_is_silent_is_to_be_proven_anew(ago_s, state):
    book = fan(PROVEN, True, None, watts_at=NOW - ago_s)
    assert (book.state, book.since_s) == (state, 9000 if state == "proven" else NOW)
    assert fan(FanBook("suspect", 5), True, None, watts_at=NOW - 900).state == "suspect"


@pytest.mark.parametrize("was", ["off", "unknown", "welded"])
def test_a_fan_that_comes_on_has_its_time_to_spin_up(was):
    book = fan(FanBook(was, 5, starts=3, bad_at=(7,)), True, 0)
    assert (book.state, book.since_s, book.starts, book.bad_at) == ("starting", NOW, 3 + (was == "off"), ())
    young = FanBook("starting", NOW - 19)
    assert fan(young, True, 0) == young
    assert fan(FanBook("starting", NOW - 20), True, 0).bad_at == (NOW,)


def test_a_fan_that_never_proves_itself_fails_with_the_second_reading_a_proven_one_with_the_third():
    starting = FanBook("starting", NOW - 400, bad_at=(NOW - 120,))
    assert fan(starting, True, 0).state == "failed"
    assert fan(starting, True, 0).since_s == NOW
    assert fan(starting, True, 0, watts_at=NOW - 120).state == "starting", "the same reading again"
    assert fan(PROVEN, True, 0).state == "suspect"
    assert fan(FanBook("suspect", 5, bad_at=(1,)), True, 0).state == "suspect"
    assert fan(FanBook("suspect", 5, bad_at=(1, 2)), True, 0).state == "failed"
    failed = FanBook("failed", 5, bad_at=(1, 2, 3))
    assert fan(failed, True, 0) == failed
    assert fan(failed, True, 900).state == "proven"


def test_a_failed_fan_that_is_switched_off_rests_for_half_an_hour():
    assert fan(FanBook("failed", NOW - 1799), False, 0).state == "failed"
    book = fan(FanBook("failed", NOW - 1800, bad_at=(1,)), False, 0)
    assert (book.state, book.since_s, book.bad_at) == ("off", NOW, ())


@pytest.mark.parametrize(
    ("watts", "since_s", "was", "state"),
    [
        (451, NOW - 41, "off", "welded"), (450, NOW - 41, "off", "off"), (451, NOW - 40, "off", "off"),
        (451, NOW - 41, "welded", "welded"), (451, NOW - 41, "proven", "off"), (None, NOW - 41, "off", "off"),
    ],
)  # fmt: skip
def test_a_fan_that_draws_power_while_its_relay_is_off_is_welded(watts, since_s, was, state):
    book = fan(FanBook(was, since_s), False, watts)
    assert book.state == state
    assert book.since_s == (since_s if was == state else NOW)


@pytest.mark.parametrize(
    ("chase", "watts", "seen_s", "state"),
    [
        (Chase("on", 0, 3, NOW - 120, NOW - 10, "applied"), 0, NOW, "failed"),
        (Chase("on", 0, 3, NOW - 120, NOW - 10, "applied"), None, NOW, "failed"),
        (Chase("on", 0, 2, NOW - 120, NOW - 10), 0, NOW, "off"),
        (Chase("on", 0, 9, NOW - 119, NOW - 10), 0, NOW, "off"),
        (Chase("on", 0, 3, NOW - 120, NOW - 10), 0, NOW - 11, "off"),  # read before it was told last
        (Chase("on", 0, 3, NOW - 120, NOW - 10), 1500, NOW, "welded"),  # it turns, whatever its relay shows
        (Chase("off", 0, 3, NOW - 120, NOW - 10), 0, NOW, "off"),
        (None, 0, NOW, "off"),
    ],
)
def test_fan1_a_fan_whose_relay_stays_off_although_told_on_again_and_again_has_failed(chase, watts, seen_s, state):
    told = State(chases={"fan 1": chase} if chase is not None else {})
    fans = Fan("1", False, seen_s, watts, NOW), Fan("2", False, NOW, 0, NOW)
    books, events = watched(*fans, state=told, f1=FanBook("off", 5), f2=FanBook("off", 5))
    assert (books["1"].state, books["2"].state) == (state, "off")
    told = {"failed": [("fan_fault", "fan_deaf")], "welded": [("fan_welded", "fan_welded")], "off": []}
    assert [(one.kind, one.reason.code) for one in events] == told[state]


def watched(*fans, state=None, **books):
    books = {name[1:]: book for name, book in books.items()}
    return watch_fans(image(fans=fans), (state or State())._replace(fans=books), WIRES)


def test_only_a_fan_that_stays_proven_gathers_hours():
    lit = Fan("1", True, NOW, 1500, NOW), Fan("2", True, NOW, 1500, NOW)
    state = State(last={"watched_s": NOW - 120})
    books, events = watched(*lit, state=state, f1=PROVEN, f2=FanBook("starting", 5))
    assert (books["1"].run_s, books["2"].run_s, events) == (120, 0, ())
    assert watched(*lit, state=State(last={"watched_s": NOW - 900}), f1=PROVEN)[0]["1"].run_s == 600
    assert watched(*lit, f1=PROVEN)[0]["1"].run_s == 0


DARK_METER = {"site_power_w": Value(30, NOW), "grid_hz": Value(50.0, NOW - 20)}  # read 20 s apart, in every round


def doubted(watts, since_s=90, bad_at=(NOW - 60,), site=None, **seen):
    fans = (Fan("1", True, NOW, watts, NOW), Fan("2", False, NOW, 0, NOW))
    books = {"1": FanBook("starting", NOW - since_s, bad_at=bad_at), "2": FanBook("off", 5)}
    made = image(fans=fans, power_at=NOW - 900, **seen)._replace(site=DARK_METER if site is None else site)
    return watch_fans(made, State(fans=books), WIRES)[0]["1"].state


@pytest.mark.parametrize(("since_s", "state"), [(90, "starting"), (299, "starting"), (300, "failed")])
def test_a_doubt_that_no_look_ends_does_not_save_a_fan_that_never_turns(since_s, state):
    """A meter and a frequency that are always read apart left it starting for ever: nobody was told, none took over."""
    assert doubted(0, since_s) == state


@pytest.mark.parametrize("meter_w", [None, 33_000])
def test_without_a_meter_that_shows_no_load_there_is_no_doubt_and_a_fan_that_never_turns_has_failed(meter_w):
    """Another one takes its place two looks after it was told on, and not after five minutes."""
    assert doubted(0, site={"site_power_w": Value(meter_w, NOW)}) == "failed"
    assert doubted(0, site={}) == "failed"


def test_a_fan_that_turns_is_proven_in_doubt_too():
    """One of thirty watts is no load to the meter; miners waited for its air for ever."""
    small = WIRES._replace(fans=(WIRES.fans[0]._replace(normal_w=30), *WIRES.fans[1:]))
    fans = (Fan("1", True, NOW, 30, NOW), Fan("2", False, NOW, 0, NOW))
    state = State(fans={"1": FanBook("starting", NOW - 60), "2": FanBook("off", 5)})
    made = image(fans=fans, power_at=NOW - 900)._replace(site=DARK_METER)
    assert watch_fans(made, state, small)[0]["1"].state == "proven"


def test_where_somebody_hashes_it_is_the_meter_that_is_blind_and_no_fan_is_in_doubt():
    assert doubted(0, words=("hashing",) * 3) == "failed"


def test_a_fault_is_told_when_it_begins_and_its_end_where_an_alarm_stood():
    dead = Fan("1", True, NOW, 0, NOW), Fan("2", False, NOW, 1500, NOW)
    _, events = watched(*dead, f1=FanBook("suspect", 5, bad_at=(1, 2)), f2=FanBook("off", 5))
    assert [(one.kind, one.about) for one in events] == [("fan_fault", "fan 1"), ("fan_welded", "fan 2")]
    well = Fan("1", True, NOW, 1500, NOW), Fan("2", False, NOW, 0, NOW)
    stood = State(alarms={"fan_fault fan 1": {}, "fan_welded fan 2": {}})
    again = {"f1": FanBook("starting", 5), "f2": FanBook("welded", 5)}
    assert [one.kind for one in watched(*well, state=stood, **again)[1]] == ["fan_back", "fan_freed"]
    assert watched(*well, **again)[1] == ()
    assert dict(events[0].reason.numbers) == {"fan": "1", "watts": 0, "normal_w": 1500}


# -- probes that never move -----------------------------------------------------------------------------------------

PROBE = "roomalert intake/1:temp_c"


def marks(*steps, share_w=2040):
    """Marks of one probe after (second, value, watts of the first miner) steps; 10200 W are the whole fleet."""
    channels = {}
    for at_s, value, watts in steps:
        channels[PROBE] = Value(value, at_s, PROBE)
        watch_probes(channels, image((watts, 0, 0)).miners, WIRES)
    assert share_w * 5 == sum(spec.nominal_w for spec in WIRES.miners)
    return channels[PROBE + STUCK]


@pytest.mark.parametrize(
    ("last_s", "watts", "stuck"),
    [(3600, 2041, True), (3599, 2041, False), (3600, 2040, False)],
)
def test_tmp2_a_probe_is_stuck_after_an_hour_in_which_the_load_moved_by_more_than_a_fifth(last_s, watts, stuck):
    assert is_stuck(marks((0, 25.0, 0), (60, 25.0, watts), (last_s, 25.0, 100))) is stuck
    assert is_stuck(marks((0, 25.0, watts), (60, 25.0, 0), (last_s, 25.0, 100))) is stuck


def test_tmp2_a_tenth_of_a_degree_begins_anew_and_a_load_nobody_knows_is_no_movement():
    assert not is_stuck(marks((0, 25.0, 0), (60, 25.1, 3000), (3659, 25.1, 100)))
    assert is_stuck(marks((0, 25.0, 0), (60, 25.1, 3000), (3660, 25.1, 100)))
    assert not is_stuck(marks((0, 25.0, 0), (60, 25.0, None), (3600, 25.0, 100)))
    unknown = marks((0, 25.0, None))
    assert (unknown.value, unknown.why) == (25.0, "")
    assert is_stuck(marks((0, 25.0, None), (60, 25.0, 0), (3600, 25.0, 3000)))
    known = marks((0, 25.0, 0), (3600, 25.0, 3000), (3700, 25.0, 3001))
    assert known.why == "0 3000 stuck", "what has spoken stays as it is"


def test_tmp2_a_reading_that_is_doubted_or_missing_leaves_the_mark_alone():
    mark = Value(25.0, 5, PROBE, "0 9000 stuck")
    for shown in (None, Value(None, 9, PROBE, "gone"), Value(25.0, 9, PROBE, "gone")):
        channels = {PROBE + STUCK: mark} | ({} if shown is None else {PROBE: shown})
        watch_probes(channels, image().miners, WIRES)
        assert channels[PROBE + STUCK] == mark
    bare = {PROBE: Value(25.0, 9, PROBE)}
    watch_probes(bare, Miners(), WIRES)
    assert STUCK not in "".join(bare)


def test_tmp2_a_stuck_probe_is_told_once_with_its_figures_and_again_when_it_moves():
    about = PROBE.rpartition(":")[0]
    stuck = {PROBE + STUCK: Value(25.0, NOW - 4000, PROBE, "1000 9000 stuck")}
    [event] = watch_sensors(image(channels=stuck), State(), WIRES)
    assert (event.kind, dict(event.reason.numbers)) == (
        "sensor_stuck", {"sensor": about, "value_c": 25.0, "for_s": 4000, "moved_w": 8000},
    )  # fmt: skip
    told = State(alarms={f"sensor_stuck {about}": {}})
    assert watch_sensors(image(channels=stuck), told, WIRES) == ()
    moving = {PROBE + STUCK: Value(25.1, NOW, PROBE, "1000 9000")}
    assert [one.kind for one in watch_sensors(image(channels=moving), told, WIRES)] == ["sensor_moves"]
    assert [one.kind for one in watch_sensors(image(), told, WIRES)] == ["sensor_moves"]
    assert watch_sensors(image(channels=moving), State(), WIRES) == ()


def test_tmp2_a_stuck_probe_is_told_by_the_alarm_that_nobody_has_ended_yet():
    """One that is pending is no news, but its end is; one that is ending is news again, and its end is not."""
    about = PROBE.rpartition(":")[0]
    key = f"sensor_stuck {about}"
    pending, ending = State(last={"alarm_book": {"pending": {key: {}}}}), State(alarms={key: {"clear_s": NOW - 60}})
    stuck = image(channels={PROBE + STUCK: Value(25.0, NOW - 4000, PROBE, "1000 9000 stuck")})
    assert watch_sensors(stuck, pending, WIRES) == ()
    assert [one.kind for one in watch_sensors(image(), pending, WIRES)] == ["sensor_moves"]
    assert [one.kind for one in watch_sensors(stuck, ending, WIRES)] == ["sensor_stuck"]
    assert watch_sensors(image(), ending, WIRES) == ()
