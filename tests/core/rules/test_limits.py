"""A person, wear, grid and voltage and the clock on the wall, each as a rule by itself."""

import pytest
from core.rule_desk import Desk, wired

from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Advice
from mine_controller.core.model.state import MinerBook, Override, State
from mine_controller.core.model.wiring import EndpointSpec
from mine_controller.core.rules import load
from mine_controller.core.wording.words import sentence


def test_sec4_the_stop_file_cuts_everything_until_it_is_plainly_gone():
    desk = Desk("override")
    desk.see(stop="off")
    assert desk.last.limits == ()
    desk.see(stop="on")
    assert (desk.limit("max_power_w"), desk.events(), desk.last.limits[0].how) == (0, ["emergency_stop"], "cut")
    desk.see(60)
    assert (dict(desk.last.limits[0].reason.numbers), desk.events()) == ({"since_s": 60}, [])
    desk.see(stop=None)
    assert (desk.limit("max_power_w"), desk.events()) == (0, [])
    assert dict(desk.last.limits[0].reason.numbers) == {"since_s": 0}
    desk.see(stop="off")
    assert (desk.limit("max_power_w"), desk.events()) == (None, ["emergency_stop_over"])
    desk.see(stop=None)
    assert desk.last.limits == ()


@pytest.mark.parametrize(
    ("key", "value", "limits", "wishes"),
    [
        ("miners", "stop", {"max_power_w": 0}, {}),
        ("miners", "run", {}, {"miners": "run"}),
        ("miner.m001", "stop", {"off m001": 0, "ban m001": 0}, {}),
        ("miner.m001", "run", {}, {"miner m001": "run"}),
        ("max_power_kw", "12.5", {"max_power_w": 12_500}, {}),
        ("fans", "3", {"fans_min": 3}, {}),
        ("fans", "9", {"fans_min": 4}, {}),
        ("fan.2", "off", {}, {"fan 2": "off"}),
    ],
)
def test_what_a_person_set_is_a_limit_or_a_wish(key, value, limits, wishes):
    desk = Desk("override")
    desk.state = State(overrides=(Override(key, value, "output", 0, "owner", "why", 1),))
    desk.see(stop="off")
    assert {limit.what: limit.amount for limit in desk.last.limits} == limits
    assert {wish.what: wish.value for wish in desk.last.wishes} == wishes


def test_a_wanted_setting_is_a_wish_and_a_test_is_none():
    desk = Desk("override")
    setting = Override("mode.bitaxe shelf", "eco", "setting", 0, "owner", "why", 1)
    desk.state = State(overrides=(setting, setting._replace(key="signal", kind="test")))
    desk.see(stop="off")
    assert [(wish.what, wish.value) for wish in desk.last.wishes] == [("mode bitaxe shelf", "eco")]


def banned(book=None, *, now_s=100_000, last=None, settling=None, flags=(), channels=None, rest_s=0, on_n=0, **options):
    desk = Desk("wear", 1, **options)
    spec = desk.wiring.miners[0]._replace(flags=flags)
    desk.wiring = desk.wiring._replace(
        miners=(spec,), endpoints={**desk.wiring.endpoints, spec.group: EndpointSpec(spec.group, rest_s=rest_s)}
    )
    desk.fleet, desk.now = {"on_n": on_n}, now_s
    desk.channels = {f"{spec.group}/{spec.mac}:{name}": value for name, value in (channels or {}).items()}
    desk.state = State(miners={"m000": book} if book else {}, last=last or {}, settling=settling or {})
    desk.see(0)
    return [(limit.what, limit.reason.code, dict(limit.reason.numbers)) for limit in desk.last.limits]


def code(*args, **more):
    found = banned(*args, **more)
    return found[0][1] if found else None


def test_g2_a_miner_stays_off_for_its_time_and_apart_from_its_last_start():
    now = 100_000
    assert code(MinerBook(last_stop_s=now - 600)) is None
    assert banned(MinerBook(last_stop_s=now - 599)) == [("ban m000", "min_off", {"left_s": 1})]
    assert code(MinerBook(last_start_s=now - 660)) is None
    assert banned(MinerBook(last_start_s=now - 659)) == [("ban m000", "spacing", {"left_s": 1})]
    assert code(MinerBook()) is None
    assert code() is None
    assert code(MinerBook(last_stop_s=100), now_s=300) == "min_off"


def test_g3_a_day_has_only_so_many_starts_and_more_of_a_small_board():
    today = MinerBook(day="2026-07-15", day_starts=8)
    assert banned(today) == [("ban m000", "budget", {"starts": 8})]
    assert code(today._replace(day_starts=7)) is None
    assert code(today._replace(day="2026-07-14")) is None
    assert code(today, rest_s=60) is None
    assert code(today._replace(day_starts=48), rest_s=60) == "budget"
    assert code(today, rest_s=60, small_starts_a_day=4) == "budget"


def test_quarantine_flags_and_somebody_elses_hand_keep_a_miner_off():
    assert code(MinerBook(quarantined="did not start")) == "quarantined"
    assert code(flags=("spare",)) == "spare"
    assert code(flags=("maintenance",), on_n=1) == "maintenance"
    assert banned(MinerBook(), last={"writers": {"m000": 100_060}}) == [("ban m000", "two_writers", {"left_s": 60})]
    assert code(MinerBook(), last={"writers": {"m000": 100_000}}) is None
    by_hand = "put there by owner: dust"
    assert banned(MinerBook(quarantined=by_hand), on_n=1) == [("off m000", "quarantined", {"why": by_hand})]
    assert banned(MinerBook(quarantined="did not start"), on_n=1) == []


def test_what_was_told_something_a_moment_ago_settles_first():
    assert banned(MinerBook(), settling={"m000": 100_001}) == [("ban m000", "settling", {"left_s": 1})]
    assert code(MinerBook(), settling={"m000": 100_000}) is None


def test_cmd15_hot_boards_cool_first_but_not_for_ever():
    now = 100_000
    warm = {"board_c": Value(50.1, now)}
    book = MinerBook(last_stop_s=now - 1000)
    assert banned(book, channels=warm) == [("ban m000", "hot", {"board_c": 50.1, "limit_c": 50})]
    assert code(book, channels={"board_c": Value(50.0, now)}) is None
    assert code(book, channels={"board_c": Value(60.0, now - 240)}) == "hot"
    assert code(book, channels={"board_c": Value(60.0, now - 241)}) is None
    assert code(book, channels={"chip_c": Value(60.0, now)}) == "hot"
    assert code(book, channels={"board_c": Value(20.0, now), "chip_c": Value(60.0, now)}) is None
    assert code(book, channels={"board_c": Value(60.0, now, "", "timed out")}) is None
    assert code(book._replace(last_stop_s=now - 1799), channels=warm) == "hot"
    assert code(book._replace(last_stop_s=now - 1800), channels=warm) is None
    assert code(MinerBook(), channels=warm) is None


def test_frq_marks_of_a_grid_that_is_neither_of_fifty_nor_sixty():
    room = load("grid")
    desk = wired(Desk("grid"), "grid_hz")
    assert tuple(room._marks(desk.options, 50.0)) == (49.8, 49.5, 49.0)
    assert [round(mark, 6) for mark in room._marks(desk.options, 55.0)] == [54.78, 54.45, 53.9]
    desk.see(grid_hz=40.0)
    assert desk.codes("no_start") == ["unknown"]
    assert dict(desk.last.limits[0].reason.numbers) == {"why": "neither near 50 Hz nor near 60 Hz"}
    desk.why["grid_hz"] = "timed out"
    desk.see(grid_hz=None)
    assert dict(desk.last.limits[0].reason.numbers) == {"why": "timed out"}


def test_frq_a_low_frequency_blocks_sheds_and_cuts_by_its_own_words():
    """FRQ1, FRQ2: what is held says the figure and its marks."""
    marks = {"block_hz": 49.8, "shed_hz": 49.5}
    desk = wired(Desk("grid"), "grid_hz")
    assert desk.see(grid_hz=49.8).limits == ()
    desk.see(grid_hz=49.7)
    assert [(one.what, one.reason.code) for one in desk.last.limits] == [("no_start", "low")]
    assert said_of(desk, "low") == {"grid_hz": 49.7, **marks}
    desk.see(grid_hz=49.4)
    desk.see()
    assert (desk.limit("max_power_w"), desk.codes("no_start"), desk.events()) == (25_500, ["low"], ["frequency_shed"])
    assert said_of(desk, "shed") == {"grid_hz": 49.4, **marks, "cap_w": 25_500}
    desk.see(grid_hz=None)
    assert (desk.limit("max_power_w"), desk.codes("no_start")) == (25_500, ["unknown"])
    assert said_of(desk, "shed")["grid_hz"] == "unknown"
    desk.see(grid_hz=48.9)
    desk.see()
    assert (desk.limit("max_power_w"), desk.codes("max_power_w")) == (0, ["off"])


def voltage(**roles):
    desk = wired(Desk("voltage"), "voltage_v")
    desk.site = desk.site._replace(nominal_v=230.0)
    desk.see(**{"voltage_v": 230.0, "voltage_max_v": 231.0} | roles)
    return desk


def test_a_low_voltage_blocks_sheds_and_cuts_by_its_own_words():
    desk = voltage(voltage_v=216.1)
    assert desk.codes("no_start") == ["low"]
    desk = voltage(voltage_v=206.9)
    desk.see()
    assert (desk.limit("max_power_w"), desk.codes("max_power_w"), desk.events()) == (25_500, ["shed"], ["voltage_shed"])
    desk = voltage(voltage_v=195.4)
    desk.see()
    assert (desk.limit("max_power_w"), desk.codes("max_power_w")) == (0, ["off"])
    assert voltage(voltage_v=216.2).last.limits == ()
    assert voltage(voltage_v=None).codes("no_start") == ["unknown"]
    blind = voltage(voltage_v=None)
    blind.why["voltage_v"] = "frozen: the same watts for an hour and more while the load moved, last known 7680 s ago"
    [held] = blind.see().limits
    assert "while the ..., last known 2 h 8 min ago" in sentence(held.reason), "what is too long is cut before its age"
    bare = wired(Desk("voltage"), "voltage_v")
    assert bare.see(voltage_v=230.0).limits[0].reason.code == "no_nominal"


def test_a_high_voltage_blocks_starts_until_it_was_well_for_the_hold():
    desk = voltage(voltage_max_v=253.0)
    assert desk.last.limits == ()
    desk.see(voltage_max_v=253.1)
    assert (desk.codes("no_start"), desk.events(), desk.limit("max_power_w")) == (["too_high"], ["voltage_high"], None)
    desk.see(599, voltage_max_v=240.0)
    assert (desk.codes("no_start"), desk.events()) == (["too_high"], [])
    desk.see(1)
    assert (desk.codes("no_start"), desk.events()) == ([], ["voltage_high_over"])
    desk.see(voltage_max_v=254.0)
    desk.see(voltage_max_v=None)
    desk.see(599, voltage_max_v=240.0)
    assert desk.codes("no_start") == ["too_high"]
    desk.see(1)
    assert desk.codes("no_start") == []


def test_a_season_goes_over_new_year_and_begins_and_ends_on_its_days():
    room = load("schedule")

    def season(first, last):
        section = room.Section(("00:00-24:00",), (), first, last, "always", (), True, -1, -1.0, (), "")
        return [day for day in ("01-01", "03-31", "04-01", "10-01", "12-31") if room._in_season(section, day)]

    assert season("10-01", "03-31") == ["01-01", "03-31", "10-01", "12-31"]
    assert season("03-31", "10-01") == ["03-31", "04-01", "10-01"]
    assert season("04-01", "04-01") == ["04-01"]


def test_a_persons_word_of_being_away_goes_before_the_config():
    room = load("schedule")
    told = Override("away", "yes", "economy", 0, "owner", "", 1)
    assert room.is_away(room.Options(False, ()), (told,)) is True
    assert room.is_away(room.Options(True, ()), (told, told._replace(value="no"))) is False
    assert room.is_away(room.Options(True, ()), (told._replace(key="strategy"),)) is True
    assert room.is_away(room.Options(False, ()), ()) is False


def test_limits_of_a_section_are_what_it_says_and_nought_is_a_limit():
    room = load("schedule")
    desk = Desk("schedule", 3)

    def limits(**given):
        plain = {"of": (), "stop": False, "max_miners": -1, "max_kw": -1.0, "modes": (), "pool": ""} | given
        section = room.Section(("00:00-24:00",), (), "", "", "always", **plain)
        return {one.what: one.amount for one in room._limits(desk.view(), room.Named("night", section))}

    assert limits(max_kw=0.0) == {"max_power_w": 0, "start_max_w": 0}
    assert limits(max_kw=1.5) == {"max_power_w": 1500, "start_max_w": 1500}
    assert limits(max_miners=0) == {"max_miners": 0}
    assert limits(stop=True) == {"max_miners": 0}
    assert limits(stop=True, of=("m001",)) == {"off m001": 0, "ban m001": 0}
    assert len(limits(stop=True, of=("foreman mine",))) == 6
    assert limits() == {}


def test_what_is_said_of_a_low_voltage_names_it_and_the_nominal_one():
    desk = voltage(voltage_v=206.9)
    assert {"voltage_v": 206.9, "nominal_v": 230}.items() <= said_of(desk, "low").items()
    desk.see(60)
    assert said_of(desk, "shed") == {"voltage_v": 206.9, "nominal_v": 230, "cap_w": 25_500}
    assert dict(desk.last.events[0].reason.numbers) == {"voltage_v": 206.9, "nominal_v": 230}
    desk.see(60, voltage_v=None)
    assert said_of(desk, "shed") == {"voltage_v": "unknown", "nominal_v": 230, "cap_w": 25_500}
    desk = voltage(voltage_v=0.0)
    assert said_of(desk, "low")["voltage_v"] == 0.0, "nought is a voltage"


def test_what_is_said_of_a_high_voltage_names_it_while_it_is_known():
    desk = voltage(voltage_max_v=253.1)
    assert said_of(desk, "too_high") == {"high_v": 253.1, "most_v": 253.0}
    desk.see(voltage_max_v=None)
    assert said_of(desk, "too_high") == {"high_v": "unknown", "most_v": 253.0}


def said_of(desk, code):
    """The numbers of the last round's first limit with this code."""
    return dict(next(one.reason.numbers for one in desk.last.limits if one.reason.code == code))


@pytest.mark.parametrize(
    ("off", "shed", "block", "wrong"), [(85, 90, 94, 0), (90, 90, 94, 1), (85, 94, 94, 1), (91, 90, 94, 1)]
)
def test_the_marks_of_the_voltage_are_in_order_and_apart(off, shed, block, wrong):
    desk = Desk("voltage", off_pct=off, shed_pct=shed, block_pct=block)
    assert len(load("voltage").check(desk.options)) == wrong


def test_that_the_voltage_is_well_again_is_told_once():
    desk = voltage(voltage_v=206.9)
    desk.see(60)
    desk.see(60, voltage_v=230.0)
    desk.see(599)
    assert (desk.codes("max_power_w"), desk.codes("no_start"), desk.events()) == (["shed"], ["low"], [])
    desk.see(1)
    assert (desk.last.limits, desk.events()) == ((), ["voltage_back"])


def test_why_a_voltage_is_not_known_is_told_in_no_more_than_eighty_letters():
    for rule, role in (("voltage", "voltage_v"), ("grid", "grid_hz")):
        desk = wired(Desk(rule), role)
        desk.site = desk.site._replace(nominal_v=230.0)
        desk.why[role] = "x" * 81
        desk.see(**{role: None})
        assert said_of(desk, "unknown") == {"why": "x" * 76 + " ..."}
        desk.see(**{role: 230.0 if rule == "voltage" else 50.0})
        desk.see(**{role: None})
        assert said_of(desk, "unknown") == {"why": "x" * 76 + " ..."}, "nor after it was known"


@pytest.mark.parametrize("rule", ["voltage", "grid"])
def test_a_site_without_such_a_meter_is_told_nothing_of_it(rule):
    assert Desk(rule).see() == Advice()


def test_the_marks_of_the_voltage_are_tenths_of_a_volt():
    desk = wired(Desk("voltage"), "voltage_v")
    desk.site = desk.site._replace(nominal_v=233.3)
    desk.see(voltage_v=233.3, voltage_max_v=256.7)
    assert said_of(desk, "too_high")["most_v"] == 256.6


@pytest.mark.parametrize(
    ("off", "shed", "block", "wrong"),
    [
        (0, 0, 0, 0), (49.0, 49.5, 49.8, 0), (49.5, 49.5, 49.8, 1), (49.0, 49.8, 49.8, 1), (49.6, 49.5, 49.8, 1),
        (0, 49.5, 49.8, 1), (49.0, 0, 49.8, 1), (49.0, 49.5, 0, 1), (0, 0, 49.8, 1),
    ],
)  # fmt: skip
def test_the_marks_of_the_frequency_are_all_given_in_order_or_none(off, shed, block, wrong):
    desk = Desk("grid", off_hz=off, shed_hz=shed, block_hz=block)
    assert len(load("grid").check(desk.options)) == wrong


def test_marks_an_owner_gives_go_before_the_usual_ones():
    desk = Desk("grid", off_hz=48.0, shed_hz=48.5, block_hz=48.9)
    assert tuple(load("grid")._marks(desk.options, 50.0)) == (48.9, 48.5, 48.0)
