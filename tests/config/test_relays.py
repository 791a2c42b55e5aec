"""The wall's pump and the lamp: relays that are no fan's, and what may not hang on the lamp's."""

from pathlib import Path

import pytest

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError

TEXT = (Path(__file__).parent / "site.txt").read_text(encoding="utf-8")
SECTIONS = """
[controlbyweb spare]
url = http://192.168.1.104
relays = 8

[controlbyweb same]
url = http://192.168.1.104/
relays = 8

[redfish strip]
url = https://192.168.1.105
user = admin
password = canary

[raritan rack]
url = https://192.168.1.106
user = admin
password = canary
outlets = 12

[http_pdu plug]
url = http://192.168.1.107
outlets = left, right
read_url = /state
state_path = on
on_url = /on/{outlet}
off_url = /off/{outlet}

[http_pdu other]
url = http://192.168.1.107
outlets = left
read_url = /other
state_path = on
on_url = /other/on/{outlet}
off_url = /other/off/{outlet}

[controlbyweb later]
url = CHANGE-ME

[permissive]
relay = controlbyweb spare/7

"""
MINER = "a007,02:aa:bb:cc:dd:07,cloud mine,,redfish strip/A1,,,,,,\n"


@pytest.fixture
def site(write):
    fleet = (Path(__file__).parent / "site.csv").read_text(encoding="utf-8") + MINER

    def put(*lines):
        text = TEXT.replace("[wiring]", f"{SECTIONS}[wiring]").replace("[end]", "\n".join(lines) + "\n[end]")
        return write(text, fleet=fleet)

    return put


def told(path):
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [f"{one.option}: {one.text}" for one in caught.value.problems]


@pytest.mark.parametrize(
    "channel",
    ["controlbyweb spare/8", "redfish strip/B2", "raritan rack/12", "http_pdu plug/right", "http_pdu other/left"],
)
def test_a_lamp_hangs_on_any_relay_or_outlet_that_nothing_else_has(site, channel):
    config = load(site(f"lamp =  {channel.replace(' ', '  ')}", "fan 3 = switch http_pdu plug/left"))
    assert config.policy.wiring.lamp == channel
    section = channel.partition("/")[0]
    assert section in config.policy.wiring.lanes
    assert not [one for one in config.notes if one.section == section and "uses it" in one.text]


def test_the_board_of_the_permissive_relay_is_not_told_as_one_that_nothing_uses(site):
    config = load(site())
    assert "controlbyweb spare" not in [one.section for one in config.notes if "uses it" in one.text]


def test_without_a_line_there_is_no_lamp(site):
    assert load(site()).policy.wiring.lamp == ""


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (("lamp = relay fans/1",), "lamp: relay fans/1 belongs to fan 1 already"),
        (("lamp = relay fans/01",), "lamp: relay fans/01 is the switch of fan 1 already"),
        (("lamp = controlbyweb spare/3", "fan 3 = switch controlbyweb spare/3"), "belongs to lamp already"),
        (("fan 3 = switch controlbyweb spare/3", "lamp = controlbyweb same/3"), "is the switch of fan 3 already"),
        (("wall = controlbyweb spare/4", "lamp = controlbyweb spare/4"), "belongs to wall already"),
        (("wall = controlbyweb spare/4", "lamp = controlbyweb same/04"), "is the wall's pump already"),
        (("lamp = redfish strip/A1",), "lamp: redfish strip/A1 is the outlet of a007 already: a lamp has a relay"),
        (("lamp = redfish strip/a1",), "is the outlet of a007 already"),
        (("stop = controlbyweb spare/5", "lamp = controlbyweb spare/5"), "is read as stop already"),
        (("lamp = controlbyweb spare/7",), "is the relay of [permissive] already"),
        (("lamp = controlbyweb same/07",), "is the relay of [permissive] already"),
    ],
)
def test_nothing_else_may_hang_on_what_switches_the_lamp(site, lines, word):
    found = told(site(*lines))
    assert any(word in text for text in found), found
    assert len(found) == 1


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (("wall = controlbyweb spare/4", "fan 3 = switch controlbyweb spare/04"), "04 is the wall's pump already"),
        (("wall = relay fans/01",), "wall: relay fans/01 is the switch of fan 1 already"),
        (("wall = controlbyweb same/3", "fan 3 = switch controlbyweb spare/3"), "spare/3 is the wall's pump already"),
        (("fan 3 = switch relay fans/002",), "fan 3: relay fans/002 is the switch of fan 2 already"),
        (("fan 3 = switch http_pdu plug/left", "fan 4 = switch http_pdu plug/LEFT"), "is the switch of fan 3 already"),
        (("lamp = controlbyweb spare/3", "fan 3 = switch controlbyweb spare/03"), "spare/03 is the lamp already"),
        (("fan 3 = switch controlbyweb spare/07",), "fan 3: controlbyweb spare/07 is the relay of [permissive]"),
        (("wall = controlbyweb spare/7",), "wall: controlbyweb spare/7 is the relay of [permissive] already"),
        (
            ("fan 3 = switch controlbyweb spare/3", "stop = controlbyweb same/03"),
            "fan 3: controlbyweb spare/3 is read as",
        ),
        (("wall = controlbyweb spare/4", "stop = controlbyweb spare/4"), "wall: controlbyweb spare/4 is read as stop"),
        (("stop = controlbyweb same/7",), "stop: controlbyweb same/7 is the relay of [permissive]: each good tick"),
    ],
)
def test_two_outputs_on_one_relay_are_refused_however_its_number_is_written(site, lines, word):
    found = told(site(*lines))
    assert any(word in text for text in found), found
    assert len(found) == 1


@pytest.mark.parametrize(
    ("relay", "word"), [("04", "is the wall's pump already (line {}): "), ("4", "belongs to wall already (line {})")]
)
def test_of_two_outputs_on_one_relay_both_lines_are_named(site, relay, word):
    path = site("wall = controlbyweb spare/4", f"fan 3 = switch controlbyweb spare/{relay}")
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    lines = path.read_text().split("\n")
    first = lines.index("wall = controlbyweb spare/4") + 1
    assert lines[problem.line - 1].startswith("fan 3 =")
    assert word.format(first) in problem.text


JAWS = "path = /pdu{at}/jaws/"
BODIES = """outlets = 1, 2
read_url = /{at}
state_path = on
on_url = /set
off_url = /set
on_body = {{"unit": {at}, "on": {{outlet}}}}
off_body = {{"unit": {at}, "off": {{outlet}}}}"""


@pytest.mark.parametrize(("kind", "own"), [("jaws", JAWS), ("http_pdu", BODIES)])
def test_outlets_of_two_units_behind_one_gateway_are_two(site, kind, own):
    units = "".join(f"[{kind} u{at}]\nurl = https://192.168.1.109\n{own.format(at=at)}\n\n" for at in (1, 2))
    path = site()
    path.write_text(path.read_text().replace("[wiring]", f"{units}[wiring]"))
    rows = "".join(f"b{at},02:aa:bb:cc:ee:{at:02},cloud mine,,{kind} u{at}/1,,,,,,\n" for at in (1, 2))
    fleet = path.parent / "fleet.csv"
    fleet.write_text(fleet.read_text() + rows)
    outlets = [miner.outlet for miner in load(path).policy.wiring.miners]
    assert outlets[-2:] == [f"{kind} u1/1", f"{kind} u2/1"]


def test_outlets_of_two_units_behind_one_address_are_two(site):
    linked = "[raritan second]\nurl = https://192.168.1.106\nuser = admin\npassword = canary\npdu = 2\n\n"
    path = site("lamp = raritan rack/3", "fan 3 = switch raritan second/3")
    path.write_text(path.read_text().replace("[wiring]", f"{linked}[wiring]"))
    assert load(path).policy.wiring.lamp == "raritan rack/3"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("lamp = controlbyweb spare/9", "lamp: [controlbyweb spare] has no 9: it has 1 to 8"),
        ("lamp = controlbyweb spare/0", "has no 0"),
        ("wall = controlbyweb spare/9", "wall: [controlbyweb spare] has no 9: it has 1 to 8"),
        ("fan 3 = switch controlbyweb spare/9", "fan 3: [controlbyweb spare] has no 9: it has 1 to 8"),
        ("fan 3 = switch http_pdu plug/lift", "fan 3: [http_pdu plug] has no lift: it has left and right"),
        ("lamp = raritan rack/13", "has no 13: it has 1 to 12"),
        ("lamp = http_pdu other/right", "has no right: it has left"),
        ("lamp = controlbyweb spare", "names no channel, like `controlbyweb spare/1`"),
        ("lamp = controlbyweb spar/1", "did you mean controlbyweb spare"),
        ("lamp = meter fans/1", "does not read switch"),
        ("lamp = cloud mine/1", "does not read switch"),
        ("lamp 1 = controlbyweb spare/1", "nothing that can be wired"),
        ("lamb = controlbyweb spare/1", "did you mean lamp"),
        ("lamp = switch controlbyweb spare/1", "is not a channel"),
    ],
)
def test_what_can_not_be_switched_is_told(site, line, word):
    found = told(site(line))
    assert any(word in text for text in found), found


def test_a_lamp_on_a_board_that_is_not_yet_active_waits_and_is_nobodys_proof(site):
    config = load(site("lamp = controlbyweb later/1"))
    assert config.policy.wiring.lamp == ""
    assert any((note.option, "left out" in note.text) == ("lamp", True) for note in config.notes)
    path = site("lamp = controlbyweb later/1")
    text = path.read_text().replace("fan 2 =", "#fan 2 =").replace("fan 1 =", "#fan 1 =")
    path.write_text(text)
    assert any("fan_proof is required" in text for text in told(path))


def test_the_walls_pump_and_the_lamp_are_shown_as_wired(site):
    from mine_controller.config.show import tree  # noqa: PLC0415 - one test of that room

    shown = tree(load(site("wall = controlbyweb spare/4", "lamp = controlbyweb spare/3")))["wiring"]
    assert (shown["wall"], shown["lamp"]) == ("controlbyweb spare/4", "controlbyweb spare/3")
    assert "lamp" not in tree(load(site()))["wiring"]


@pytest.mark.parametrize(
    ("rows", "line", "word"),
    [
        (("redfish strip/a1",), "", "redfish strip/a1 is redfish strip/A1 of a007 (line 5): each miner has its own"),
        (("raritan rack/4", "raritan rack/04"), "", "rack/04 is raritan rack/4 of b0 (line 6)"),
        (("redfish again/A1",), "", "redfish again/A1 is redfish strip/A1 of a007 (line 5)"),
        (("redfish strip/A2",), "fan 3 = switch redfish strip/A2", "strip/A2 is the switch of fan 3 already"),
        (("redfish again/a2",), "wall = redfish strip/A2", "again/a2 is the wall's pump already (config.txt, line"),
        (("redfish named/A1",), "", "redfish named/A1 is redfish strip/A1 of a007 (line 5): each miner has its own"),
        (("raritan rack/4", "raritan zero/4"), "", "raritan zero/4 is raritan rack/4 of b0 (line 6)"),
        (("http_pdu plug/middle",), "", "[http_pdu plug] has no middle: it has left and right"),
        (("raritan rack/13",), "", "[raritan rack] has no 13: it has 1 to 12"),
    ],
)
def test_an_outlet_feeds_one_miner_and_nothing_else_and_is_there(site, rows, line, word):
    login = "user = admin\npassword = canary\n"
    again = f"[redfish again]\nurl = https://192.168.1.105/\n{login}\n"
    again += f"[redfish named]\nurl = https://192.168.1.105\n{login}pdu = /redfish/v1/PowerEquipment/RackPDUs/1\n\n"
    again += f"[raritan zero]\nurl = https://192.168.1.106\n{login}outlets = 12\npdu = 0\n\n"  # as where it is left out
    path = site(line)
    path.write_text(path.read_text().replace("[wiring]", f"{again}[wiring]"))
    listed = [f"b{at},02:aa:bb:cc:ee:{at:02},cloud mine,,{outlet},,,,,,\n" for at, outlet in enumerate(rows)]
    fleet = path.parent / "fleet.csv"
    fleet.write_text(fleet.read_text() + "".join(listed))
    with pytest.raises(ConfigError) as caught:
        load(path)
    found = [(one.file, one.line, one.option, word in one.text) for one in caught.value.problems]
    assert ("fleet.csv", 5 + len(rows), "outlet", True) in found, caught.value.problems


@pytest.mark.parametrize(
    "line", ["fan 3 = switch controlbyweb spare/1", "wall = controlbyweb spare/1", "lamp = controlbyweb spare/1"]
)
def test_a_board_without_relays_switches_nothing(site, line):
    """`relays = 0` was taken for a board that does not say: its fan was wired, and never there."""
    path = site(line)
    path.write_text(path.read_text().replace("104\nrelays = 8", "104\nrelays = 0").replace("spare/7", "same/7"))
    (found,) = told(path)
    assert found.endswith("[controlbyweb spare] has no 1: it has none at all")


def test_a_linked_unit_behind_the_same_address_has_outlets_of_its_own(site):
    path = site()
    linked = "[raritan two]\nurl = https://192.168.1.106\nuser = admin\npassword = canary\npdu = 2\n\n"
    path.write_text(path.read_text().replace("[wiring]", f"{linked}[wiring]"))
    fleet = path.parent / "fleet.csv"
    rows = [
        f"b{at},02:aa:bb:cc:ee:{at:02},cloud mine,,raritan {unit}/4,,,,,,\n" for at, unit in enumerate(("rack", "two"))
    ]
    fleet.write_text(fleet.read_text() + "".join(rows))
    assert {spec.outlet for spec in load(path).policy.wiring.miners} >= {"raritan rack/4", "raritan two/4"}


@pytest.mark.parametrize(
    "line", ["fan 3 = switch controlbyweb spare/2", "wall = controlbyweb spare/2", "lamp = controlbyweb spare/2"]
)
def test_a_board_that_has_one_relay_by_its_dialect_switches_no_second(site, line):
    """It was wired by `relays`, 4 where nothing is written, and every command to it was refused, day after day."""
    path = site(line)
    path.write_text(path.read_text().replace("104\nrelays = 8", "104\ndialect = single").replace("spare/7", "spare/1"))
    (found,) = told(path)
    assert found.endswith("controlbyweb spare/2 can't be switched: a board of dialect = single has one relay, 1")
