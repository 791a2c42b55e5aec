"""What each watch finds in one image, to the second and the tenth: marks, waiting times, and who is left out."""

from functools import partial

import pytest
from core.order_desk import view
from core.plant import wiring

from mine_controller.core.alarms.catalogue import default_ways
from mine_controller.core.alarms.watches import look_round
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import Chase, MinerBook, Override, Shed
from mine_controller.core.model.wiring import BreakerSpec, EndpointSpec, Role
from mine_controller.core.rules.wear import BY_PERSON
from mine_controller.core.wording.words import sentence

GONE = (None,) * 4


def seen(given, kind):
    """What the round finds of that kind: what about, and the keys it can't judge."""
    found = look_round(given, (), AlarmPolicy())
    return [one.about for one in found.wrong if one.kind == kind], {key for key in found.unknown if kind in key}


def sited(**roles):
    """A view with these roles wired and their values."""
    given = view()
    more = {name: Role(name, (f"meter m/{name}:x",), "high", 240) for name in roles}
    wires = given.wiring._replace(roles={**given.wiring.roles, **more})
    site = {**given.image.site, **{name: Value(value, given.now_s) for name, value in roles.items()}}
    return given._replace(wiring=wires, image=given.image._replace(site=site))


# -- marks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid_hz", "low", "high"),
    [
        (50.0, 0, 0), (49.5, 0, 0), (49.4, 1, 0), (50.5, 0, 0), (50.6, 0, 1), (60.0, 0, 0), (60.6, 0, 1), (59.4, 1, 0),
        (59.5, 0, 0), (55.1, 1, 0), (54.9, 0, 1),
    ],
)  # fmt: skip
def test_a_frequency_is_wrong_more_than_half_a_hertz_off_the_nearer_grid(grid_hz, low, high):
    given = sited(grid_hz=grid_hz)
    assert [len(seen(given, f"frequency_{side}")[0]) for side in ("low", "high")] == [low, high]


def test_a_frequency_nobody_knows_is_neither_and_none_where_there_is_no_meter():
    assert seen(sited(grid_hz=None), "frequency") == ([], {"frequency_low grid", "frequency_high grid"})
    assert seen(view(), "frequency") == ([], set())


@pytest.mark.parametrize(("inlet_c", "found"), [(35.0, []), (35.1, ["inlet"]), (None, [])])
def test_an_inlet_is_warm_above_its_mark(inlet_c, found):
    assert seen(sited(inlet_c=inlet_c), "temperature_warning")[0] == found


@pytest.mark.parametrize(("role", "kind"), [("door", "door_open"), ("mains", "mains_lost")])
def test_a_contact_that_says_alarm_is_one_and_silence_is_unknown(role, kind):
    assert seen(sited(**{role: "alarm"}), kind) == ([role], set())
    assert seen(sited(**{role: "ok"}), kind) == ([], set())
    assert seen(sited(**{role: None}), kind) == ([], {f"{kind} {role}"})


def test_a_branch_is_over_its_limit_by_what_is_known_of_its_own_miners():
    wires = wiring(4, breakers=(BreakerSpec("a", 6800), BreakerSpec("b", 6799), BreakerSpec("c", 0)))
    specs = tuple(spec._replace(breaker="ab"[at // 2]) for at, spec in enumerate(wires.miners))
    wires = wires._replace(miners=specs)
    assert seen(view(wires=wires, power_w=(3400,) * 4), "over_breaker") == (["breaker b"], set())
    blind = view(wires=wires, power_w=(3400, None, 3400, 3400))
    assert seen(blind, "over_breaker") == (["breaker b"], {"over_breaker breaker a"})
    assert seen(view(wires=wires, power_w=(3400, 3400, 3400, None)), "over_breaker")[0] == []


def test_a_branch_that_carries_too_much_is_named_in_the_sentence():
    """An SMS has nothing else, and a container has twelve of them."""
    wires = wiring(4, breakers=(BreakerSpec("L2-7", 6799),))
    wires = wires._replace(miners=tuple(spec._replace(breaker="L2-7") for spec in wires.miners))
    found = look_round(view(wires=wires, power_w=(3400,) * 4), (), AlarmPolicy()).wrong
    (told,) = [sentence(one.reason) for one in found if one.kind == "over_breaker"]
    assert told == "branch L2-7 carries 13.6 kW and stands 6.8 kW for long"


# -- figures that are read seldom -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every_s", "age_s", "counts"), [(0, 600, True), (0, 601, False), (600, 1200, True), (600, 1201, False)]
)
def test_a_figure_of_the_controller_counts_for_two_of_its_turns(every_s, age_s, counts):
    wires = wiring(4)
    wires = wires._replace(endpoints={**wires.endpoints, "machine self": EndpointSpec("machine self", every_s)})
    now_s = view(wires=wires).now_s
    hot = {"machine self:board_c": Value(90.0, now_s - age_s)}
    found, unknown = seen(view(wires=wires, channels=hot), "controller_hot")
    assert found == (["machine self"] if counts else [])
    assert unknown == (set() if counts else {"controller_hot machine self"})


# -- miners that fell silent ----------------------------------------------------------------------------------------


def silent(**changes):
    """Four miners that ran and of which nothing is known any more."""
    books = {f"m00{at}": MinerBook(on=True) for at in range(4)}
    columns = {"power_w": GONE, "word": GONE, "miners": books, "outlet": ("on",) * 4}
    return view(**{**columns, **changes})


@pytest.mark.parametrize(
    ("power_w", "told"),
    [
        (GONE, "m000 has not answered for X, and whether it draws power is not known"),
        ((0,) * 4, "m000 is dark and silent for X"),
    ],
)
def test_a_silent_one_is_called_dark_only_where_it_was_measured(power_w, told):
    """A board at home that fell off the network may heat the room on."""
    dark = Event("miner_off_unasked", "info", "m000", Reason("x", "y"))
    found = look_round(silent(power_w=power_w), (dark,), AlarmPolicy()).wrong
    (reason,) = [one.reason for one in found if (one.kind, one.about) == ("miner_offline", "m000")]
    assert sentence(reason._replace(numbers=(("miner", "m000"), ("silent_s", "X")))) == told


def test_one_whose_service_calls_it_offline_is_silent_since_it_went_dark():
    given = silent(power_w=(0,) * 4, word=("offline",) * 4)
    now_s = given.now_s
    books = {f"m00{at}": MinerBook(on=False, last_stop_s=now_s - 600) for at in range(4)}
    dark = Event("miner_off_unasked", "info", "m000", Reason("x", "y"))
    found = look_round(silent(power_w=(0,) * 4, word=("offline",) * 4, miners=books), (dark,), AlarmPolicy()).wrong
    (reason,) = [one.reason for one in found if (one.kind, one.about) == ("miner_offline", "m000")]
    assert sentence(reason) == "m000 is dark and silent for 10 min"


def test_one_that_is_left_out_hides_none_of_those_after_it():
    assert seen(silent(), "miner_offline")[0] == ["m000", "m001", "m002", "m003"]
    assert seen(silent(outlet=("on", "off", "on", "on")), "miner_offline")[0] == ["m000", "m002", "m003"]
    spoken = silent(word=("hashing", None, None, None))
    assert seen(spoken, "miner_offline")[0] == ["m001", "m002", "m003"]
    lit = silent(power_w=(3400, None, None, None))
    assert seen(lit, "miner_offline")[0] == ["m001", "m002", "m003"]
    slept = {f"m00{at}": MinerBook(on=at != 1) for at in range(4)}
    assert seen(silent(miners=slept), "miner_offline")[0] == ["m000", "m002", "m003"]


@pytest.mark.parametrize("flag", ["maintenance", "spare"])
def test_who_is_away_or_nobodys_is_not_missed(flag):
    wires = wiring(4)
    specs = (wires.miners[0]._replace(flags=(flag,)), wires.miners[1]._replace(paths=()), *wires.miners[2:])
    assert seen(silent(wires=wires._replace(miners=specs)), "miner_offline")[0] == ["m002", "m003"]


def test_whose_silence_is_explained_is_not_judged():
    given = silent()
    books = {**given.state.miners, "m000": MinerBook(on=True, quarantined="why")}
    chases = {"miner m001": Chase("stop", 0, 1, given.now_s), "miner m002": Chase("run", 0, 1, given.now_s)}
    found, unknown = seen(silent(miners=books, chases=chases), "miner_offline")
    assert found == ["m002", "m003"]
    assert unknown == {"miner_offline m000", "miner_offline m001"}


def test_cmd4_whom_a_person_put_aside_is_no_alarm_and_whom_nobody_did_is_one():
    given = view()
    books = {"m000": MinerBook(quarantined="did not start"), "m001": MinerBook(quarantined=f"{BY_PERSON}anna: fan")}
    given = given._replace(state=given.state._replace(miners={**given.state.miners, **books}))
    assert seen(given, "quarantined")[0] == ["m000"]


def test_while_everything_is_meant_to_be_off_nobody_is_missed():
    event = Shed(900, 1000, "signal", 13_600, 680)
    assert seen(silent(shed=event), "miner_offline") == ([], {f"miner_offline m00{at}" for at in range(4)})
    assert len(seen(silent(shed=event._replace(ended_s=1200)), "miner_offline")[0]) == 4


# -- devices that do not answer -------------------------------------------------------------------------------------


def unanswered(**changes):
    return view(channels={"foreman mine:health": Value(None, 1, "", "gone")}, **changes)


def test_a_service_is_missed_also_while_all_its_miners_are_without_power():
    assert seen(unanswered(outlet=("off",) * 4), "device_unreachable")[0] == ["foreman mine"]


def test_a_section_is_not_missed_while_all_its_units_are_without_power_or_boot():
    dead = partial(unanswered, wires=wiring(4, outside=()))
    assert seen(dead(), "device_unreachable")[0] == ["foreman mine"]
    assert seen(dead(outlet=("off",) * 4), "device_unreachable")[0] == []
    assert seen(dead(outlet=("off", "off", "off", "on")), "device_unreachable")[0] == ["foreman mine"]


@pytest.mark.parametrize(
    ("keys", "band", "found"),
    [
        (("nordpool prices:price",), {"band": "run"}, ["foreman mine"]),
        (("nordpool prices:price",), {}, ["foreman mine", "nordpool prices"]),
        (("nordpool prices:price", "octopus home:price"), {"band": "run"}, ["foreman mine", "nordpool prices"]),
    ],
)
def test_prc1_of_all_devices_only_the_one_source_of_prices_is_told_as_its_price(keys, band, found):
    names = ("foreman mine", "nordpool prices")
    given = view(channels={f"{name}:health": Value(None, 1, "", "gone") for name in names}, memory={"band": band})
    ends = {**given.wiring.endpoints, **{name: EndpointSpec(name) for name in names}}
    roles = {**given.wiring.roles, "price": Role("price", keys, "", 86_400)}
    given = given._replace(wiring=given.wiring._replace(endpoints=ends, roles=roles))
    assert seen(given, "device_unreachable")[0] == found


def test_only_a_word_against_the_utilitys_is_told_as_one():
    """Somebody who answers for a page that can't be read is no emergency, nor is a miner that is held off."""
    forced = Override("signal", "run", "penalty", 9999, "bob", "they phoned", 1)
    others = forced._replace(kind="person"), forced._replace(key="band")
    assert seen(view(overrides=(forced, *others)), "signal_forced")[0] == ["signal"]
    assert seen(view(overrides=others), "signal_forced")[0] == []


def test_a_unit_boots_for_its_patience_and_not_a_second_longer():
    dead = partial(unanswered, wires=wiring(4, outside=()))
    patience_s = wiring(1).miners[0].ramp_patience_s
    now_s = dead().now_s
    for ago_s, found in ((patience_s - 1, []), (patience_s, ["foreman mine"])):
        chases = {f"miner m00{at}": Chase("run", 0, 1, now_s - ago_s) for at in range(4)}
        assert seen(dead(chases=chases), "device_unreachable")[0] == found
        books = {f"m00{at}": MinerBook(last_start_s=now_s - ago_s) for at in range(4)}
        assert seen(dead(miners=books), "device_unreachable")[0] == found
    stops = {f"miner m00{at}": Chase("stop", 0, 1, now_s) for at in range(4)}
    assert seen(dead(chases=stops), "device_unreachable")[0] == ["foreman mine"]


# -- what was learned -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("for_s", "found"), [(86_399, []), (86_400, ["fan 3"])])
def test_o35_a_figure_is_off_for_a_day_before_it_is_told(for_s, found):
    given = view()
    rows = {"fan 3": {"off_s": given.now_s - for_s, "now": 1200, "is": 1500}, "fan 4": {"now": 1, "is": 1}}
    learned = view(last={**given.state.last, "learned": {"of": rows}})
    assert seen(learned, "filter_clogged")[0] == found


def test_a_miner_whose_shares_are_refused_is_told_with_the_figures():
    given = view()
    bad = {"m001": [6.5, 400]}
    found = look_round(view(last={**given.state.last, "shares": {"bad": bad}}), (), AlarmPolicy()).wrong
    assert [dict(one.reason.numbers) for one in found if one.kind == "high_reject"] == [
        {"miner": "m001", "reject_pct": 6.5, "shares": 400}
    ]


def test_chips_are_a_danger_where_the_owner_says_so_although_they_would_not_even_warn():
    wires = wiring(2)
    now_s = view(2).now_s
    hot = {f"foreman mine/{spec.mac}:chip_c": Value(60.0, now_s) for spec in wires.miners}
    policy = AlarmPolicy(kinds={"chip_danger": default_ways("chip_danger")._replace(threshold=50.0, clear=45.0)})
    found = look_round(view(2, channels=hot), (), policy).wrong
    assert [(one.kind, one.about) for one in found if one.kind.startswith("chip")] == [
        ("chip_danger", "m000"), ("chip_danger", "m001"),
    ]  # fmt: skip


def chips(chip_c, *, ago_s=0, group="foreman mine", standing=(), **ways):
    """What is found of the first miner's chips, and what of the second's, whose chips are far too hot."""
    given = view(2)
    specs = tuple(spec._replace(group=group) for spec in given.wiring.miners)
    told = [Value(chip_c, given.now_s - ago_s), Value(129.0, given.now_s)]
    keys = [f"{spec.group}/{spec.mac}:chip_c" for spec in specs]
    alarms = dict.fromkeys(f"{kind} m000" for kind in standing)
    given = given._replace(
        wiring=given.wiring._replace(miners=specs),
        image=given.image._replace(channels=dict(zip(keys, told, strict=True))),
        state=given.state._replace(alarms=alarms),
    )
    policy = AlarmPolicy(kinds={"chip_warning": default_ways("chip_warning")._replace(**ways)} if ways else {})
    found = look_round(given, (), policy)
    hot = [one.kind for one in found.wrong if one.kind.startswith("chip") and one.about == "m001"]
    assert hot == ["chip_warning", "chip_danger"], "whatever is said of one miner, the next is judged"
    wrong = [one.kind for one in found.wrong if one.kind.startswith("chip") and one.about == "m000"]
    return wrong, sorted(key for key in found.unknown if key.startswith("chip"))


UNSEEN = ["chip_danger m000", "chip_warning m000"]


@pytest.mark.parametrize(
    ("chip_c", "standing", "wrong"),
    [
        (95.0, (), []),
        (95.1, (), ["chip_warning"]),
        (92.1, ("chip_warning",), ["chip_warning"]),
        (92.0, ("chip_warning",), []),
        (105.0, ("chip_danger",), ["chip_warning", "chip_danger"]),
        (102.0, ("chip_danger",), ["chip_warning"]),
    ],
)
def test_a_hot_chip_stays_an_alarm_until_it_is_three_degrees_below_its_mark(chip_c, standing, wrong):
    assert chips(chip_c, standing=standing) == (wrong, [])


@pytest.mark.parametrize(
    ("chip_c", "standing", "wrong"),
    [(61.0, False, []), (61.1, False, ["chip_warning"]), (50.1, True, ["chip_warning"]), (50.0, True, [])],
)
def test_a_hot_chip_is_over_where_its_owner_says_so(chip_c, standing, wrong):
    stands = ("chip_warning",) if standing else ()
    assert chips(chip_c, standing=stands, threshold=61.0, clear=50.0)[0] == wrong


def told_of_chips(chip_c, *standing):
    """The sentences about the first miner, a Bitaxe (68 and 75 °C)."""
    given = view(1)
    spec = given.wiring.miners[0]._replace(group="bitaxe shelf")
    channels = {f"{spec.group}/{spec.mac}:chip_c": Value(chip_c, given.now_s)}
    given = given._replace(
        wiring=given.wiring._replace(miners=(spec,)),
        image=given.image._replace(channels=channels),
        state=given.state._replace(alarms=dict.fromkeys(f"{kind} m000" for kind in standing)),
    )
    wrong = look_round(given, (), AlarmPolicy()).wrong
    return {one.kind: sentence(one.reason) for one in wrong if one.kind.startswith("chip")}


def test_a_chip_that_has_come_down_is_not_told_as_over_its_mark():
    assert told_of_chips(68.1) == {"chip_warning": "m000 has chips of 68.1 °C, over 68.0 °C"}
    assert told_of_chips(67.9, "chip_warning") == {
        "chip_warning": "m000 has chips of 67.9 °C, no longer over 68.0 °C: ends at 65.0 °C"
    }
    assert told_of_chips(68.0, "chip_warning")["chip_warning"].endswith("no longer over 68.0 °C: ends at 65.0 °C")
    assert told_of_chips(74.0, "chip_warning", "chip_danger") == {
        "chip_warning": "m000 has chips of 74.0 °C, over 68.0 °C",
        "chip_danger": "m000 has chips of 74.0 °C, no longer over 75.0 °C: ends at 72.0 °C",
    }


@pytest.mark.parametrize(
    ("inlet_c", "kind", "told"),
    [
        (35.1, "temperature_warning", "inlet 35.1 °C is over 35.0 °C"),
        (34.9, "temperature_warning", "inlet 34.9 °C, no longer over 35.0 °C: ends at 33.0 °C"),
        (40.1, "temperature_danger", "inlet 40.1 °C is over 40.0 °C: dangerous"),
        (39.0, "temperature_danger", "inlet 39.0 °C, no longer over 40.0 °C: ends at 38.0 °C"),
    ],
)
def test_an_inlet_that_has_come_down_is_not_told_as_over_its_mark(inlet_c, kind, told):
    given = sited(inlet_c=inlet_c)
    given = given._replace(state=given.state._replace(alarms={f"{kind} inlet": None}))
    wrong = look_round(given, (), AlarmPolicy()).wrong
    assert [sentence(one.reason) for one in wrong if one.kind == kind] == [told]


def test_a_small_boards_chips_warn_where_a_container_machines_are_cool():
    assert chips(68.1, group="bitaxe shelf")[0] == ["chip_warning"]
    assert chips(68.1)[0] == []


@pytest.mark.parametrize(("chip_c", "ago_s", "unknown"), [(60.0, 240, []), (60.0, 241, UNSEEN), (None, 0, UNSEEN)])
def test_chips_nobody_has_read_for_four_minutes_are_neither_hot_nor_cool(chip_c, ago_s, unknown):
    assert chips(chip_c, ago_s=ago_s) == ([], unknown)


def test_a_miner_that_tells_no_chips_hides_nobody_elses():
    given = view(2)
    hot = {f"foreman mine/{given.wiring.miners[1].mac}:chip_c": Value(129.0, given.now_s)}
    assert seen(view(2, channels=hot), "chip_danger") == (["m001"], set())
