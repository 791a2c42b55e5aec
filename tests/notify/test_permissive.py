"""The permissive relay: pulsed by good ticks alone, through the board's own driver; it falls when they stay away."""

import time

import pytest
from devices.kinds import build
from notify.mine import NOON, Mine

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.core.model.command import Command
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import Shed
from mine_controller.devices import controlbyweb
from mine_controller.ops.doctor import _permissive
from mine_controller.ports.permissive import permissive_of, withheld
from mine_controller.twin.answer import Asked
from mine_controller.twin.servers.controlbyweb import Unit
from mine_controller.twin.world import World
from mine_controller.wire.door import Response, Wire, WireError

SECTION = """
[controlbyweb guard]
url = http://127.0.0.2:9
dialect = state_xml

[permissive]
relay = controlbyweb guard/2
"""


class Guard:
    """The board of the permissive relay as a wire, with the seconds of the twin."""

    def __init__(self, dialect="webrelay10"):
        self.unit = Unit(World(1, miners=1), dialect)
        self.at_s, self.asked, self.dead = 0.0, [], False

    def wire(self, section, until):
        def call(request, _until):
            self.asked.append((section, request.url))
            if self.dead:
                raise WireError("unreachable", "no route")
            path, _, query = request.url.partition("://")[2].partition("/")[2].partition("?")
            pairs = dict(part.split("=") for part in query.split("&") if part)
            answer = self.unit.answer(Asked("GET", f"/{path}", pairs, {}, b""), self.at_s)
            return Response(answer.status, {}, answer.body)

        return Wire(call, time.monotonic, lambda _s: None, until)

    def on(self):
        self.unit._fall(self.at_s)
        return self.unit.relays[1]


@pytest.fixture
def guard():
    return Guard()


@pytest.fixture
def mine(tmp_path, guard):
    made = Mine(tmp_path, SECTION, wall=NOON + 1200)
    made.wire_for = guard.wire
    for _ in range(3):
        made.tick()
    return made


def test_each_good_tick_pulses_the_relay_anew(mine, guard):
    guard.asked.clear()
    mine.tick()
    assert [(section, url.partition("9/")[2]) for section, url in guard.asked] == [
        ("controlbyweb guard", "state.xml?relay2State=2&pulseTime2=600")
    ]
    assert guard.on()
    assert "applied" in mine.notes("permissive")[-1]


def test_it_falls_600_s_after_the_last_good_tick(mine, guard):
    """PRO5."""
    guard.at_s = 1000
    mine.tick()
    guard.at_s = 1500
    mine.tick()
    guard.at_s = 2099
    assert guard.on(), "each pulse begins the time anew"
    guard.at_s = 2100
    assert not guard.on()


def test_a_tick_that_does_not_know_its_inputs_does_not_pulse(mine, guard):
    mine.plant.dead = {"power_signal coop"}
    for _ in range(4):
        mine.tick()
    guard.asked.clear()
    mine.tick()
    assert guard.asked == []
    assert "not pulsed: not fresh: signal" in mine.notes("permissive")[-1]


def test_fault_and_a_lost_record_do_not_pulse(mine):
    (_, options), book = permissive_of(mine.config)[0], mine.tick()
    assert withheld(mine.config, book, "", options) == ""
    fault = book._replace(state=book.state._replace(mode="FAULT"))
    assert "FAULT" in withheld(mine.config, fault, "", options)
    assert "saved" in withheld(mine.config, book, "the disk is full", options)


def test_an_unproven_curtailment_lets_it_fall_only_where_the_owner_wants_that(mine):
    (_, options), book = permissive_of(mine.config)[0], mine.tick()
    shed = Shed(1, 1, "signal", 900_000, 27_000, emergency="unproven")
    bad = book._replace(state=book.state._replace(shed=shed))
    assert withheld(mine.config, bad, "", options) == ""
    trips = options._replace(trip_on_unproven=True)
    assert withheld(mine.config, bad, "", trips) == "a curtailment is unproven"
    assert withheld(mine.config, book, "", trips) == ""


def test_in_shadow_nothing_is_sent(tmp_path, guard):
    mine = Mine(tmp_path, SECTION, live=False, wall=NOON + 1200)
    mine.wire_for = guard.wire
    for _ in range(3):
        mine.tick()
    assert guard.asked == []
    assert "shadow mode" in mine.notes("permissive")[-1]


def test_a_board_with_live_no_is_not_touched(tmp_path, guard):
    mine = Mine(tmp_path, SECTION.replace("state_xml", "state_xml\nlive = no"), wall=NOON + 1200)
    mine.wire_for = guard.wire
    mine.tick()
    assert guard.asked == []
    assert "withheld" in mine.notes("permissive")[-1]


def test_a_silent_board_is_a_line_an_hour_and_the_tick_goes_on(mine, guard):
    guard.dead = True
    before = len(mine.notes("permissive"))
    for _ in range(3):
        assert mine.tick().decision is not None
    assert len(mine.notes("permissive")) == before + 1
    assert "no route" in mine.notes("permissive")[-1]


@pytest.mark.parametrize(
    ("dialect", "known", "query"),
    [
        ("x400", "state_json", "state.json?pulseTime2=600&relay2=2"),
        ("webrelay10", "state_xml", "state.xml?relay2State=2&pulseTime2=600"),
        ("x332", "x332", "state.xml?relay2State=2&pulseTime2=600"),
    ],
)
def test_each_dialect_pulses_in_its_own_words(dialect, known, query):
    board = Guard(dialect)
    outcomes = []
    options = build("controlbyweb", "http://192.0.2.1", dialect=known)
    command = Command("1", "permissive", "pulse", "x", "2", 0, Reason("permissive", "good_tick"), "", "600")
    controlbyweb.apply(board.wire("x", 10**9), options, (command,), outcomes.append)
    assert [one.verdict for one in outcomes] == ["applied"]
    assert board.asked[0][1].endswith(query)


@pytest.mark.parametrize("value", ["", "0", "-5", "x", "999999", "²"])
def test_a_pulse_without_a_sane_length_is_never_sent(value):
    board, outcomes = Guard(), []
    command = Command("1", "permissive", "pulse", "x", "2", 0, Reason("permissive", "good_tick"), "", value)
    options = build("controlbyweb", "http://192.0.2.1", dialect="state_xml")
    controlbyweb.apply(board.wire("x", 10**9), options, (command,), outcomes.append)
    assert [one.verdict for one in outcomes] == ["unsupported"]
    assert board.asked == []


@pytest.mark.parametrize(
    ("relay", "word"),
    [
        ("controlbyweb gard/2", "did you mean"),
        ("roomalert intake/1", "can't pulse"),
        ("controlbyweb fans/3", "drives fan 3"),
        ("controlbyweb guard/5", "has 4 relays"),
        ("controlbyweb guard/0", "has 4 relays"),
        ("guard", "is not a relay like"),
    ],
)
def test_a_relay_that_can_not_be_is_told_by_the_config_check(tmp_path, relay, word):
    mine = Mine(tmp_path, "")
    section = SECTION.replace("relay = controlbyweb guard/2", f"relay = {relay}")
    mine.path.write_text(mine.path.read_text().replace("[end]", f"{section}\n[end]"))
    with pytest.raises(ConfigError) as caught:
        load(mine.path)
    assert [problem for problem in caught.value.problems if word in problem.text], caught.value.problems


@pytest.mark.parametrize(
    ("dialect", "relay", "word"),
    [
        ("x401_old", 2, "a board of dialect = x401_old is not known to pulse for a given time"),
        ("single", 2, "a board of dialect = single has one relay, 1"),
        ("single", 1, ""),
        ("x332", 2, ""),
    ],
)
def test_a_board_that_never_takes_the_pulse_is_refused(tmp_path, dialect, relay, word):
    """The check said OK and no pulse was ever given: the contactor stayed open, told in the log alone."""
    mine = Mine(tmp_path, "")
    section = SECTION.replace("state_xml", dialect).replace("guard/2", f"guard/{relay}")
    mine.path.write_text(mine.path.read_text().replace("[end]", f"{section}\n[end]"))
    problems = ()
    try:
        load(mine.path)
    except ConfigError as error:
        problems = error.problems
    assert [(one.section, one.option, word in one.text) for one in problems] == (
        [("permissive", "relay", True)] if word else []
    )


@pytest.mark.parametrize(("more", "refused"), [("trip_on_unproven = yes", True), ("pulse_s = 601", True), ("", False)])
def test_two_sections_on_one_relay_are_refused_where_they_differ_and_noted_where_they_do_not(tmp_path, more, refused):
    """Each holds the relay for its own time, so the one with trip_on_unproven could never let it fall."""
    mine = Mine(tmp_path, "")
    again = f"[permissive strict]\nrelay = controlbyweb guard/02\n{more}\n"
    mine.path.write_text(mine.path.read_text().replace("[end]", f"{SECTION}\n{again}\n[end]"))
    problems, notes = (), ()
    try:
        notes = load(mine.path).notes
    except ConfigError as error:
        problems = error.problems
    (problem,) = [one for one in (*problems, *notes) if one.section == "permissive strict"]
    assert bool(problems) == refused
    assert (problem.section, problem.option) == ("permissive strict", "relay")
    line = mine.path.read_text().split("\n").index("relay = controlbyweb guard/2") + 1
    assert f"is the relay of [permissive] already (line {line})" in problem.text


@pytest.mark.parametrize("live", [True, False])
def test_a_board_that_is_never_commanded_on_a_live_site_is_noted(tmp_path, live):
    """The check said nothing, and the contactor fell 600 s after the other controller's last pulse."""
    text = SECTION.replace("state_xml", "state_xml\nlive = no")
    notes = Mine(tmp_path, text, live=live).config.notes
    told = [(one.section, one.option) for one in notes if "is never pulsed" in one.text]
    assert told == ([("permissive", "relay")] if live else [])


@pytest.mark.parametrize("relay", ["controlbyweb guard/x", "controlbyweb guard/", "controlbyweb guard/²", "gard 2/111"])
def test_a_relay_that_is_not_written_as_one_is_one_problem_and_never_the_end_of_the_check(tmp_path, relay):
    """CFG1: `fans/x` ended the check with an exception, and the tick, which then took no config.last-good."""
    mine = Mine(tmp_path, "")
    section = SECTION.replace("relay = controlbyweb guard/2", f"relay = {relay}")
    mine.path.write_text(mine.path.read_text().replace("[end]", f"{section}\n[end]"))
    with pytest.raises(ConfigError) as caught:
        load(mine.path)
    (problem,) = caught.value.problems
    assert "is not a relay like controlbyweb fans/9" in problem.text


@pytest.mark.parametrize(
    ("tick_s", "pulse_s", "refused", "noted"),
    [(600, 600, True, False), (300, 300, True, False), (300, 301, False, True), (300, 600, False, False)],
)
def test_a_pulse_no_longer_than_a_tick_is_refused_and_one_that_bears_no_late_tick_is_noted(
    tmp_path, tick_s, pulse_s, refused, noted
):
    """The relay fell before each tick, and the contactor with it: every miner was cut off all day long."""
    mine = Mine(tmp_path, "")
    text = mine.path.read_text().replace("[site]\n", f"[site]\ntick_s = {tick_s}\n")
    assert text.count("tick_s = ") == 1
    mine.path.write_text(text.replace("[end]", f"{SECTION}pulse_s = {pulse_s}\n\n[end]"))
    problems, notes = (), ()
    try:
        notes = load(mine.path).notes
    except ConfigError as error:
        problems = error.problems
    own = [(one.section, one.option) for one in (*problems, *notes) if one.option == "pulse_s"]
    assert (bool(problems), own) == (refused, [("permissive", "pulse_s")] if refused or noted else [])


def test_doctor_tells_whether_it_holds(mine):
    class Site:
        config, book = mine.config, mine.tick()

    (told,) = _permissive(Site)
    assert "holds for 600 s" in told.text
    assert "reads off" in told.text, "nothing reads the guard in this plant"


def test_doctor_looks_at_the_relay_that_is_pulsed_however_it_is_written(mine):
    """`guard/02` was pulsed as relay 2 and looked for under its own spelling, so doctor said it reads off for ever."""
    book = mine.tick()
    channels = dict(book.image.channels) | {"controlbyweb guard/2:switch": Value("on", 1)}
    mine.path.write_text(mine.path.read_text().replace("guard/2", "guard/02"))

    class Site:
        pass

    Site.config, Site.book = load(mine.path), book._replace(image=book.image._replace(channels=channels))
    (told,) = _permissive(Site)
    assert "reads off" not in told.text
