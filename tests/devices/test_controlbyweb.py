import json
import re

import pytest
from devices.kinds import build
from devices.virtual import Scripted, ok

from mine_controller.core.model.command import Command
from mine_controller.core.model.reason import Reason
from mine_controller.core.option import Secret
from mine_controller.devices import controlbyweb
from mine_controller.devices.kind import Ask, Reply
from mine_controller.wire.door import Response, WireError


class Board:
    """Four relays that do as they are told, in one dialect."""

    def __init__(self, dialect, stuck=False):
        self.dialect, self.stuck, self.relays = dialect, stuck, ["0"] * 4

    def __call__(self, request):
        path, _, query = request.url.partition("192.0.2.1/")[2].partition("?")
        wanted = {"state_json": "state.json", "single": "stateFull.xml"}.get(self.dialect, "state.xml")
        if path != wanted:
            return Response(404, {}, b"<html>404</html>")
        found = re.fullmatch(r"(?:relay|digitalIO)(\d?)(?:State)?=([01])", query)
        if found and not self.stuck:
            self.relays[int(found[1] or 1) - 1] = found[2]
        return ok(self.state())

    def state(self):
        if self.dialect == "x332":
            return f"<d><relaystates>{''.join(reversed(self.relays))}</relaystates></d>".encode()
        if self.dialect == "single":
            return f"HTTP/1.1 ?\n\n<d><relaystate>{self.relays[0]}</relaystate></d>".encode()
        name = {"state_json": '"relay{}":"{}"', "state_xml": "<relay{0}state>{1}</relay{0}state>"}.get(
            self.dialect, "<digitalIO{0}>{1}</digitalIO{0}>"
        )
        parts = [name.format(n, bit) for n, bit in enumerate(self.relays, 1)]
        return ("{" + ",".join(parts) + "}" if self.dialect == "state_json" else "".join(parts)).encode()


def options(**more):
    return build("controlbyweb", "http://192.0.2.1", **more)


def test_only_what_switches_a_relay_counts_as_a_command_whose_redirects_are_not_followed():
    asked = []

    def board(request):
        asked.append((request.url.partition("?")[2], request.changes))
        return unit(request)

    unit = Board("state_json")
    controlbyweb.fetch(Scripted(board).wire, options(dialect="auto"), Ask())
    told(Scripted(board).wire, options(dialect="auto"), command(2))
    assert asked == [("", False), ("", False), ("relay2=1", True)]


def command(n, verb="on"):
    return Command(f"1.0.{n}", f"fan {n}", verb, "controlbyweb fans", str(n), 0, Reason("test", "test"))


def told(wire, chosen, *commands):
    outcomes = []
    controlbyweb.apply(wire, chosen, commands, outcomes.append)
    return [(outcome.command, outcome.verdict) for outcome in outcomes]


@pytest.mark.parametrize("dialect", ["state_json", "state_xml", "single", "x332", "x401_old"])
def test_each_dialect_reads_back_what_it_was_told(dialect):
    unit = Scripted(board := Board(dialect))
    chosen = options(dialect=dialect)
    assert told(unit.wire, chosen, command(1), command(1, "off"), command(1)) == [("1.0.1", "applied")] * 3
    assert board.relays == ["1", "0", "0", "0"]
    assert len(unit.asked) == 3
    assert controlbyweb.parse(controlbyweb.fetch(unit.wire, chosen, Ask()), chosen)[0][:3] == ("1", "switch", "on")


def test_the_commands_are_absolute_and_named_as_the_unit_wants_them():
    wanted = {
        "state_json": "/state.json?relay3=1",
        "state_xml": "/state.xml?relay3State=1",
        "x332": "/state.xml?relay3State=1",
        "x401_old": "/state.xml?digitalIO3=1",
    }
    for dialect, path in wanted.items():
        unit = Scripted(Board(dialect))
        told(unit.wire, options(dialect=dialect), command(3))
        assert unit.paths == [path]


@pytest.mark.parametrize("dialect", ["state_json", "state_xml", "single"])
def test_auto_finds_the_dialect_and_remembers_it(dialect):
    unit = Scripted(Board(dialect))
    chosen = options()
    found = controlbyweb.parse(controlbyweb.fetch(unit.wire, chosen, Ask()), chosen)
    assert found[-1][:3] == ("dialect", "memory", dialect)
    unit.asked.clear()
    controlbyweb.fetch(unit.wire, chosen, Ask(memory={"dialect": dialect}))
    assert len(unit.asked) == 1


def test_auto_finds_the_dialect_once_for_a_whole_batch():
    unit = Scripted(Board("state_xml"))
    assert told(unit.wire, options(), command(2), command(3)) == [("1.0.2", "applied"), ("1.0.3", "applied")]
    assert unit.paths == ["/state.json", "/state.xml", "/state.xml?relay2State=1", "/state.xml?relay3State=1"]


@pytest.mark.parametrize("said", [ok(b"<html></html>"), ok(b"{}"), WireError("timeout", "x"), Response(500, {}, b"")])
def test_no_relay_is_switched_on_a_guess(said):
    unit = Scripted(lambda request: said)
    assert told(unit.wire, options(), command(1)) == [("1.0.1", "unreachable")]
    assert not any("=" in path for path in unit.paths)


def test_a_relay_that_does_not_follow_is_not_applied():
    unit = Scripted(Board("state_json", stuck=True))
    assert told(unit.wire, options(dialect="state_json"), command(1)) == [("1.0.1", "unknown")]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (Response(401, {}, b""), "refused"),
        (Response(500, {}, b""), "unknown"),
        (ok(b"thanks"), "unknown"),
        (ok(b'{"relay1":"x.x"}'), "unknown"),
        (WireError("timeout", "no answer in 3.0 s"), "unknown"),
        (WireError("closed", "cut"), "unknown"),
        (WireError("refused", "connection refused"), "unreachable"),
        (WireError("unreachable", "no route"), "unreachable"),
    ],
)
def test_what_came_back_is_what_is_told(said, verdict):
    unit = Scripted(lambda request: said)
    assert told(unit.wire, options(dialect="state_json"), command(1)) == [("1.0.1", verdict)]
    assert len(unit.asked) == 1


@pytest.mark.parametrize("address", ["0", "5", "", "-1", "1&relay2", "²", "100", "1x"])
def test_a_relay_the_board_does_not_have_is_refused_unsent(address):
    unit = Scripted(Board("state_json"))
    wrong = command(1)._replace(address=address)
    assert told(unit.wire, options(dialect="state_json"), wrong) == [("1.0.1", "refused")]
    assert unit.asked == []


def test_a_single_relay_has_no_second_one():
    unit = Scripted(Board("single"))
    assert told(unit.wire, options(dialect="single"), command(2)) == [("1.0.2", "refused")]
    assert unit.asked == []


def test_a_verb_that_is_not_for_relays_is_unsupported():
    assert told(Scripted(Board("single")).wire, options(dialect="single"), command(1, "stop"))[0][1] == "unsupported"


def test_a_batch_that_runs_out_of_time_says_what_was_not_sent():
    unit = Scripted(Board("state_json"), lasts_s=0.85)
    outcomes = told(unit.wire, options(dialect="state_json"), *(command(n) for n in (1, 2, 3)))
    assert [verdict for _, verdict in outcomes] == ["applied", "applied", "not_sent"]


@pytest.mark.parametrize(
    ("more", "auth"),
    [
        ({"dialect": "state_json", "password": Secret("")}, None),
        ({"dialect": "state_json", "password": Secret("webrelay")}, ("basic", "admin", "webrelay")),
        ({"dialect": "state_xml", "password": Secret("")}, ("basic", "none", "webrelay")),
        ({"dialect": "single", "user": "me", "password": Secret("own")}, ("basic", "me", "own")),
    ],
)
def test_the_makers_defaults_are_used_where_nothing_is_set(more, auth):
    unit = Scripted(Board(more["dialect"]))
    controlbyweb.fetch(unit.wire, options(**more), Ask())
    assert unit.asked[0].auth == auth


@pytest.mark.parametrize("body", [b"<a>" * 80_000, b"<a>" + b" " * 250_000, b"<" * 250_000, b"<relay1state>" * 19_000])
def test_a_quarter_megabyte_of_broken_xml_is_refused_at_once(body):
    with pytest.raises(controlbyweb.BadReply):
        controlbyweb.parse((Reply("state_xml", 200, {}, body),), options())


@pytest.mark.parametrize(
    ("dialect", "relay", "query"),
    [
        ("state_json", 2, "/state.json?pulseTime2=600&relay2=2"),
        ("state_xml", 2, "/state.xml?relay2State=2&pulseTime2=600"),
        ("x332", 2, "/state.xml?relay2State=2&pulseTime2=600"),
        ("single", 1, "/stateFull.xml?relayState=2&pulseTime=600"),
    ],
)
def test_a_pulse_and_its_length_stand_in_the_order_of_the_boards_own_manual(dialect, relay, query):
    unit = Scripted(lambda request: ok(state))
    state = (
        b'{"relay2":"1"}' if dialect == "state_json" else f"<d><relay{relay}state>1</relay{relay}state></d>".encode()
    )
    pulse = command(relay, "pulse")._replace(value="600")
    assert told(unit.wire, options(dialect=dialect), pulse) == [(pulse.id, "applied")]
    assert unit.paths == [query]


@pytest.mark.parametrize("rows", [("relay1", "digitalIO1"), ("digitalIO1", "relay1")])
def test_a_digital_output_of_the_same_number_is_not_taken_for_the_relay(rows):
    said = {"relay1": "1", "digitalIO1": "0"}
    body = json.dumps({name: said[name] for name in rows}).encode()
    found = controlbyweb.parse([Reply("state_json", 200, {}, body)], options(dialect="state_json", relays=1))
    assert found[0][:3] == ("1", "switch", "on")


@pytest.mark.parametrize(("told_by", "why"), [("x.x", "no sensor"), ("H24.9", "reads 'H24.9': no temperature")])
def test_a_probe_without_a_temperature_says_what_it_reads(told_by, why):
    body = f"<datavalues><relay1state>0</relay1state><units>C</units><sensor1temp>{told_by}</sensor1temp></datavalues>"
    found = controlbyweb.parse([Reply("state_xml", 200, {}, body.encode())], options(dialect="state_xml", relays=1))
    assert [(one.value, one.why) for one in found if one.channel == "sensor 1"] == [(None, why)]
