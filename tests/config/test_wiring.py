"""[wiring] and fleet.csv against the sections."""

from pathlib import Path

import pytest

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.core.model.wiring import Path as Way

HERE = Path(__file__).parent
TEXT, FLEET = ((HERE / name).read_text(encoding="utf-8") for name in ("site.txt", "site.csv"))


def told(path):
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [f"{one.file}:{one.line} {one.option}: {one.text}" for one in caught.value.problems]


def wired(write, *lines):
    return write(TEXT.replace("[end]", "\n".join(lines) + "\n[end]"))


def test_roles_carry_reading_keys_votes_and_ages(write):
    roles = load(write()).policy.wiring.roles
    assert roles["inlet_c"].keys == ("probe intake/1:temp_c", "probe intake/2:temp_c")
    assert (roles["inlet_c"].vote, roles["inlet_c"].max_age_s) == ("heat", 200)
    assert roles["signal"].keys == ("page coop:signal",)
    assert roles["site_power_w"].keys == ("meter fans/Mains:power_w",)


def test_the_emergency_stop_is_always_wired(write):
    assert load(write()).policy.wiring.roles["stop"].keys == ("stop:switch",)
    roles = load(wired(write, "stop = relay fans/8")).policy.wiring.roles
    assert roles["stop"].keys == ("stop:switch", "relay fans/8:switch")


def test_fans_are_in_the_order_of_their_numbers(write):
    fans = load(write()).policy.wiring.fans
    assert [(fan.name, fan.normal_w, fan.active_low) for fan in fans] == [("1", 1400, False), ("2", 1500, True)]
    assert (fans[0].switch, fans[0].watts) == ("relay fans/1", "meter fans/Fan_1")


def test_breakers_count_eighty_percent(write):
    limits = {one.name: (one.limit_w, one.phase) for one in load(write()).policy.wiring.breakers}
    assert limits == {"b1": (7680, "L1"), "main": (266_043, "")}


def test_miners_have_their_gentle_way_first_and_the_outlet_last(write):
    first, _, third = load(write()).policy.wiring.miners
    assert first.paths == (Way("cloud mine", 90, gentle=True), Way("pdu pdu1", 10, gentle=False))
    assert third.paths == (Way("cloud mine", 90, gentle=True),)
    assert (first.id, first.mac, first.nominal_w, first.flags) == ("a001", "02:aa:bb:cc:dd:01", 3500, ("protected",))
    assert (third.mac, third.nominal_w, third.outlet) == ("SN12345678", 3400, "")


def test_a_whatsminer_that_is_set_to_stop_late_gets_the_time_its_section_says(write):
    """API 3 sets a random delay of up to 120 s before a stop (`time-randomized`): not lying, and not to be cut."""
    section = "[whatsminer row]\nhosts = 127.0.0.9\nproof_s = 140\n"
    path = write(TEXT.replace("[wiring]", f"{section}[wiring]"), FLEET.replace("cloud mine", "whatsminer row"))
    (first, *_) = load(path).policy.wiring.miners
    assert first.paths[0] == Way("whatsminer row", 140, gentle=True)


def test_lanes_are_paced_by_the_sections_own_number(write):
    lanes = load(write()).policy.wiring.lanes
    assert set(lanes) == {"relay fans", "pdu pdu1", "cloud mine"}
    assert lanes["cloud mine"].call_s == 0.5
    assert (lanes["pdu pdu1"].width, lanes["pdu pdu1"].live) == (4, False)


def test_endpoints_say_how_often_and_which_are_fleets(write):
    ends = load(write()).policy.wiring.endpoints
    assert ends["probe intake"].every_s == 60
    assert [name for name, end in ends.items() if end.fleet] == ["cloud mine"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("outlet_c = probe intak/1", "did you mean probe intake"),
        ("outlet_c = meter fans/1", "does not read temp_c: a meter reads power_w, voltage_v"),
        ("outlet_c = probe intake/1 ; north", "behind the value"),
        ("outlet_c = probe intake/1,,probe intake/2", "is not a channel"),
        ("outlet_c = probe intake/1, probe intake/1", "twice"),
        ("outlett_c = probe intake/1", "did you mean outlet_c"),
        ("max_age outlet_c = 240", "is not wired"),
        ("max_age humidity_pct = 5", "from 30 to 900"),
        ("max_age humidity_pct = 1_0", "from 30 to 900"),
        ("max_age humid = 60", "is not a role"),
        (f"max_age humidity_pct = {'9' * 5000}", "from 30 to 900"),  # no number at all to Python
        ("fan 3 = relay fans/3", "is not understood"),
        ("fan 3 = watts meter fans/3, normal 100", "names no switch"),
        ("fan 3 = switch relay fans/3, watts meter fans/3", "normal 1500"),
        ("fan 3 = switch relay fans/3, normal 0", "outside 1 to 50000"),
        ("fan 3 = switch relay fans/3, switch relay fans/4", "switch twice"),
        ("fan 3 = switch relay fans", "names no channel"),
        ("fan 3 = switch relay fans/1", "belongs to fan 1"),
        ("fan 3 = switch relay fans/3, watts meter fans/Fan_1, normal 100", "belongs to fan 1"),
        ("fan 3 = switch meter fans/3", "does not read switch"),
        ("fan 33 = switch relay fans/3", "1 to 32"),
        ("fan 03 = switch relay fans/3", "1 to 32"),
        ("breaker b2 = 40 A", "is not understood"),
        ("breaker b2 = 40A 240V", "is not understood"),
        ("breaker b2 = 0 A 240 V", "is not understood"),
        ("pump 1 = relay fans/3", "nothing that can be wired"),
    ],
)
def test_a_wrong_line_says_what_would_be_right(write, line, word):
    found = told(wired(write, line))
    assert any(word in text for text in found), found


def test_a_value_asked_for_too_rarely_is_told(write):
    found = told(write(TEXT.replace("every_s = 60", "every_s = 210")))
    assert any("asked every 210 s, but a value counts for 200 s only" in text for text in found)


@pytest.mark.parametrize("section", ["cloud mine", "pdu pdu1"])
def test_miners_asked_for_so_rarely_that_they_are_unknown_between_are_told(write, section):
    often = TEXT.replace(f"[{section}]", f"[{section}]\nevery_s = {{}}")
    (found,) = told(write(often.format(300)))
    assert "every_s: what it says of miners counts for 240 s: asked every 300 s, they are unknown between" in found
    assert load(write(often.format(240))).endpoints[section].every_s == 240


def test_a_role_not_yet_wired_is_a_note(write):
    config = load(wired(write, "smoke = CHANGE-ME"))
    assert "smoke" not in config.policy.wiring.roles
    assert any("not yet wired" in note.text for note in config.notes)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("a009,02:aa:bb:cc:dd:09,cloud mien,,,,,,,,", "did you mean cloud mine"),
        ("a009,02:aa:bb:cc:dd:09,pdu pdu1,,,,,,,,", "serves no miners"),
        ("a009,02:aa:bb:cc:dd:09,cloud mine,,pdu pdu2/A1,,,,,,", "did you mean pdu pdu1"),
        ("a009,02:aa:bb:cc:dd:09,cloud mine,,pdu pdu1,,,,,,", "is not an outlet"),
        ("a009,02:aa:bb:cc:dd:09,cloud mine,,meter fans/1,,,,,,", "is not an outlet"),
        ("a009,02:aa:bb:cc:dd:09,cloud mine,,,b2,,,,,", "no breaker b2"),
    ],
)
def test_a_miner_can_only_hang_on_what_there_is(write, row, word):
    found = told(write(fleet=FLEET + row + "\n"))
    assert [text for text in found if text.startswith("fleet.csv:5") and word in text], found


def test_miners_without_an_outlet_are_told_as_a_gap(write):
    assert "some_outlets" in load(write()).policy.wiring.absent
    assert "outlets" in load(write(fleet="id,mac,group\na1,02:aa:bb:cc:dd:01,cloud mine\n")).policy.wiring.absent


SHELF = "[shelf one]\nhost = 10.0.0.5\n"
BOARD = "b001,02:aa:bb:cc:dd:21,shelf one,,,b1,,,,,\n"


def shelf(write, more="", row=BOARD, lines=""):
    """The site with a shelf of boards beside its cloud."""
    text = TEXT.replace("[wiring]", f"{SHELF}{more}\n[wiring]").replace("[end]", f"{lines}\n[end]")
    return write(text, FLEET + row)


def test_a_miner_carries_what_its_kind_can_be_told(write):
    *_, cloud, board = load(shelf(write)).policy.wiring.miners
    assert board.verbs == ("run", "stop", "restart", "mode", "pool")
    assert (board.modes, board.settle_s, board.pools) == (("eco", "turbo"), 45, ())
    assert (cloud.verbs, cloud.modes, cloud.settle_s) == (("run", "stop"), (), 0)


def test_power_nobody_wrote_is_the_nameplate(write):
    first, second, _, board = load(shelf(write)).policy.wiring.miners
    assert [one.nameplate for one in (first, second, board)] == [False, True, True]
    written = TEXT.replace("calls_per_s = 2", "calls_per_s = 2\nnominal_w = 3300")
    assert [one.nameplate for one in load(write(written)).policy.wiring.miners] == [False, False, False]


def test_boards_rest_and_an_every_s_below_that_is_raised_with_a_note(write):
    config = load(shelf(write))
    assert (config.policy.wiring.endpoints["shelf one"].rest_s, config.endpoints["shelf one"].every_s) == (60, 0)
    config = load(shelf(write, "every_s = 20\n"))
    assert config.policy.wiring.endpoints["shelf one"].every_s == 60
    assert [note.text for note in config.notes if note.option == "every_s"] == [
        "counts as 60: its boards are not read more often"
    ]


def test_through_gives_a_second_gentle_path_before_the_outlet(write):
    row = BOARD.replace("shelf one,,,", "shelf one,,pdu pdu1/A9,")
    board = load(shelf(write, "through = cloud mine\n", row)).policy.wiring.miners[-1]
    assert [(path.lane, path.gentle) for path in board.paths] == [
        ("shelf one", True), ("cloud mine", True), ("pdu pdu1", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("through = shelf one", "is no other section of miners"),
        ("through = cloud mien", "did you mean cloud mine"),
        ("through = pdu pdu1", "is no other section of miners"),
    ],
)
def test_a_wrong_second_path_is_told(write, line, word):
    assert any(word in text for text in told(shelf(write, line + "\n")))


def test_only_sections_of_miners_have_a_second_path(write):
    found = told(write(TEXT.replace("live = no", "live = no\nthrough = cloud mine")))
    assert any("through" in text for text in found)


def test_a_phase_counts_eighty_percent_and_a_miner_is_on_its_breaker_s_phase(write):
    wiring = load(shelf(write, lines="phase L1 = 60 A 230 V\n")).policy.wiring
    assert [(one.name, one.limit_w) for one in wiring.phases] == [("L1", 11_040)]
    assert wiring.miners[-1].phase == "L1"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("phase L1 = 60 A", "is not understood"),
        ("phase L1 = 60 A 400 V 3ph", "is not understood"),
        ("phase L9 = 60 A 230 V", "there is no phase L1 in [wiring]"),
    ],
)
def test_a_wrong_phase_is_told(write, line, word):
    assert any(word in text for text in told(wired(write, line)))


def test_a_breaker_of_three_phases_that_names_one_is_told_with_what_to_write(write):
    """It was taken, and all that hangs on it was counted on that one phase; volts between phases gave the limit."""
    found = told(wired(write, "breaker b9 = 400 A 480 V 3ph phase L1"))
    assert len(found) == 1
    assert "breaker b9: is on all three phases (3ph) and on phase L1: write one of the two" in found[0]


def test_a_miner_on_another_phase_than_its_breaker_is_told(write):
    fleet = FLEET.replace("pdu pdu1/A2,b1,L1", "pdu pdu1/A2,b1,L2")
    assert told(write(fleet=fleet)) == ["fleet.csv:3 phase: is L2, and [wiring] has breaker b1 on L1: one is wrong"]
    main = load(write(fleet=FLEET.replace("pdu pdu1/A2,b1,L1", "pdu pdu1/A2,main,L2"))).policy.wiring
    assert [miner.phase for miner in main.miners] == ["L1", "L2", ""]


PLUG = """[http_pdu plug]
url = http://192.168.1.107
read_url = /state
on_url = /on
off_url = /off
state_path = on
"""


@pytest.mark.parametrize(
    ("line", "metered"), [("watts_path = watts", True), ("total_path = all", False), ("metered = no", False)]
)
def test_outlets_whose_watts_nobody_reads_have_no_meters(write, line, metered):
    """With `metered` left as it is, the dark outlet of a miner without watts of its own proved no stop."""
    plug = TEXT.replace("[wiring]", f"{PLUG}{line}\n\n[wiring]")
    config = load(write(plug, FLEET + "n1,02:aa:bb:cc:dd:09,cloud mine,,http_pdu plug/1,,,,,,\n"))
    assert config.policy.wiring.miners[-1].outlet == "http_pdu plug/1"
    assert config.policy.wiring.miners[-1].outlet_metered is metered


CLAMPS = "[iotawatt clamps]\nurl = http://192.168.1.31\n"
MAPPED = "[modbus_meter main]\nhost = 192.168.1.32\nrows = - power_w 370 int32, L1 voltage_v 358 int32 /100\n"
HEARD = "[mqtt roof]\nhost = 192.168.1.33\ntopics = sun power_w tele/roof\n"
PHASES = "[shelly em]\nurl = http://192.168.1.34\n"


@pytest.mark.parametrize(
    ("section", "line", "tells"),
    [
        (f"{CLAMPS}names = no\n", "export_w = iotawatt clamps/Roof", "watts of `input 1` and so on, for names = no"),
        (CLAMPS, "export_w = iotawatt clamps", "watts of `input 1` and so on, and those of its names"),
        (CLAMPS, "export_w = iotawatt clamps/Fan 1", "watts of `input 1` and so on, and those of its names"),
        (MAPPED, "export_w = modbus_meter main/roof", "power_w of the section itself, voltage_v of L1"),
        (MAPPED, "voltage_v = modbus_meter main/L2", "power_w of the section itself, voltage_v of L1"),
        (HEARD, "export_w = mqtt roof/moon", "power_w of sun"),
        (PHASES, "export_w = shelly em/0", "the whole and L1, L2, L3"),
        (f"{PHASES}channels = 0, 1\n", "export_w = shelly em", "channels 0, 1"),
    ],
)
def test_what_a_section_never_tells_is_noted_where_it_is_wired(write, section, line, tells):
    text = TEXT.replace("power_cap_kw", "nominal_v = 230\npower_cap_kw").replace(
        "[wiring]", f"{section}\n[wiring]\n{line}"
    )
    notes = [note.text for note in load(write(text)).notes if note.option == line.partition(" =")[0]]
    where = line.partition("= ")[2]
    assert notes == [f"{where} is never known: [{where.partition('/')[0]}] tells {tells}"]


@pytest.mark.parametrize(
    ("section", "line"),
    [
        (f"{CLAMPS}names = no\n", "export_w = iotawatt clamps/input 3"),
        (f"{CLAMPS}names = no\n", "voltage_v = iotawatt clamps/input 0"),
        (f"{CLAMPS}names = no\n", "grid_hz = iotawatt clamps"),
        (CLAMPS, "export_w = iotawatt clamps/Roof"),
        (MAPPED, "export_w = modbus_meter main"),
        (MAPPED, "voltage_v = modbus_meter main/L1"),
        (HEARD, "export_w = mqtt roof/sun"),
        (PHASES, "export_w = shelly em"),
        (PHASES, "voltage_v = shelly em/L3"),
        (f"{PHASES}channels = 0, 1\n", "export_w = shelly em/1"),
    ],
)
def test_what_a_section_tells_is_wired_without_a_word(write, section, line):
    text = TEXT.replace("power_cap_kw", "nominal_v = 230\npower_cap_kw").replace(
        "[wiring]", f"{section}\n[wiring]\n{line}"
    )
    assert not [note for note in load(write(text)).notes if note.section == "wiring"]
