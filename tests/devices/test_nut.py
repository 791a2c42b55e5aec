"""A UPS over a real socket: one line there, a list back, whatever is behind it."""

import socketserver
import threading
import time

import pytest
from devices.kinds import build
from devices.virtual import Scripted, ok

from mine_controller.devices import nut
from mine_controller.devices.kind import Ask
from mine_controller.wire import http
from mine_controller.wire.door import WireError

LIST = b'BEGIN LIST VAR ups\nVAR ups ups.status "OL"\nVAR ups battery.charge "87"\nEND LIST VAR ups\n'


class Upsd(socketserver.ThreadingTCPServer):
    """Answers `LIST VAR` with `said` and keeps the line open as upsd does, until LOGOUT."""

    daemon_threads = True

    def __init__(self, said, patient=True):
        self.said, self.patient, self.heard = said, patient, []
        super().__init__(("127.0.0.1", 0), Session)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.server.heard.append(line)
            if line.startswith(b"LIST"):
                self.wfile.write(self.server.said)
            if line == b"LOGOUT\n" and not self.server.patient:
                self.wfile.write(b"OK Goodbye\n")
                return


@pytest.fixture
def upsd():
    made = []

    def start(said, **about):
        made.append(Upsd(said, **about))
        return made[-1]

    yield start
    for server in made:
        server.shutdown()
        server.server_close()


def read(server):
    options = build("nut", f"http://127.0.0.1:{server.server_address[1]}")
    wire = http.live(time.monotonic() + 5)
    return nut.parse(nut.fetch(wire, options, Ask()), options)


@pytest.mark.parametrize("patient", [True, False])
def test_a_list_is_read_to_its_end_whether_the_line_is_closed_or_not(upsd, patient):
    server = upsd(LIST, patient=patient)
    began = time.monotonic()
    found = {(one.channel, one.quantity): one.value for one in read(server)}
    assert time.monotonic() - began < 1
    assert (found["mains", "contact"], found["", "charge_pct"]) == ("ok", 87.0)
    assert server.heard[0] == b"LIST VAR ups\n"


def test_nothing_but_reading_is_ever_sent(upsd):
    server = upsd(LIST, patient=False)
    read(server)
    assert set(server.heard) <= {b"LIST VAR ups\n", b"LOGOUT\n"}


def test_a_refusal_is_told_with_what_helps(upsd):
    with pytest.raises(nut.BadReply, match="`upsc -l` lists them"):
        read(upsd(b"ERR UNKNOWN-UPS\n"))


def test_no_upsd_is_a_reason(upsd):
    server = upsd(LIST)
    port = server.server_address[1]
    server.shutdown()
    server.server_close()
    with pytest.raises(WireError):
        nut.fetch(http.live(time.monotonic() + 5), build("nut", f"http://127.0.0.1:{port}"), Ask())


def test_the_address_must_be_one_and_the_name_can_not_carry_a_command():
    good = build("nut", "http://127.0.0.1:3493")
    assert nut.faults(good) == []
    assert "write the address" in nut.faults(good._replace(host="ups.local"))[0]
    assert nut.faults(good._replace(host="127.0.0.1:3494")) == ["port: is an option of its own, not part of host"]
    assert nut.faults(good._replace(host="[fd00::5]:3494")) == ["port: is an option of its own, not part of host"]
    assert "no name of a UPS" in nut.faults(good._replace(ups="ups\nSET VAR"))[0]


def test_an_ipv6_address_is_one_and_is_asked_without_its_brackets():
    options = build("nut", "http://127.0.0.1:3493")._replace(host="[fd00::5]")
    asked = []

    def many(batch, _until):
        asked.extend(batch)
        return [LIST]

    nut.fetch(Scripted(ok).wire._replace(many=many), options, Ask())
    assert nut.faults(options) == []
    assert [each.host for each in asked] == ["fd00::5"]


def test_a_lost_supply_is_the_role_mains():
    replies = (nut.Reply("vars", 200, {}, LIST.replace(b'"OL"', b'"OB LB"')),)
    found = {(one.channel, one.quantity): one.value for one in nut.parse(replies, build("nut", "http://127.0.0.1:1"))}
    assert (found["mains", "contact"], found["battery", "contact"]) == ("alarm", "alarm")


@pytest.mark.parametrize(
    ("status", "alarm", "mains", "battery"),
    [
        ("ALARM OL", "No battery installed!", "ok", "alarm"),  # usbhid-ups.c, ups_alarm_set: no RB goes with it
        ("OL CHRG ALARM", "Battery charger fail!", "ok", "alarm"),
        ("ALARM OL", "Fan failure!", "ok", "ok"),
        ("OL", "Battery voltage too low!", "ok", "ok"),  # an alarm that is over: the word ALARM is gone
        ("CAL DISCHRG", "", "alarm", "ok"),  # it calibrates, which NUT says is done on the battery
        ("OL CAL DISCHRG", "", "ok", "ok"),  # the mains are there
        ("OB CAL LB", "", "alarm", "alarm"),
        ("WAIT", "", None, None),  # sstate.c, while the driver's first list has not come
    ],
)
def test_what_is_wrong_with_the_battery_may_stand_in_the_alarm_alone(status, alarm, mains, battery):
    said = LIST.replace(b'"OL"', f'"{status}"\nVAR ups ups.alarm "{alarm}"'.encode())
    found = {
        (one.channel, one.quantity): one.value
        for one in nut.parse((nut.Reply("vars", 200, {}, said),), build("nut", "http://127.0.0.1:1"))
    }
    assert (found["mains", "contact"], found["battery", "contact"]) == (mains, battery)
    assert found.get(("alarm", "text"), "") == alarm


@pytest.mark.parametrize("status", [b'"OL OFF"', b'"OFF"'])
def test_a_ups_whose_output_is_off_protects_nothing(status):
    replies = (nut.Reply("vars", 200, {}, LIST.replace(b'"OL"', status)),)
    found = {(one.channel, one.quantity): one.value for one in nut.parse(replies, build("nut", "http://127.0.0.1:1"))}
    assert found["battery", "contact"] == "alarm"


@pytest.mark.parametrize(
    ("status", "told", "mains"),
    [
        ("OL DISCHRG", {"input.voltage": "0.0"}, "alarm"),  # CyberPower UT, mains gone (networkupstools/nut, pull 811)
        ("OL DISCHRG", {"input.voltage": "140.0", "input.transfer.low": "160"}, "alarm"),
        ("OL DISCHRG", {"input.voltage": "232.0", "input.transfer.low": "160"}, "ok"),  # APC BK650M2-CH, full (1970)
        ("OL DISCHRG", {}, None),  # it says both, and nothing settles it
        ("OL DISCHRG CHRG LB RB", {}, "ok"),  # an APC BX1600MI for a second or two, many times a day (2347)
        ("OL CAL DISCHRG", {}, "ok"),  # it says why
        ("OL", {"input.voltage": "0.0"}, "ok"),  # a driver that knows no volts
        ("OL CHRG", {"input.voltage": "0.0"}, "ok"),
    ],
)
def test_a_ups_that_is_on_line_and_discharging_at_once_is_believed_by_its_volts(status, told, mains):
    volts = "".join(f'\nVAR ups {name} "{value}"' for name, value in told.items())
    said = LIST.replace(b'"OL"', f'"{status}"{volts}'.encode())
    parsed = nut.parse((nut.Reply("vars", 200, {}, said),), build("nut", "http://127.0.0.1:1"))
    found = {(one.channel, one.quantity): one for one in parsed}
    assert found["mains", "contact"].value == mains
    assert bool(found["mains", "contact"].why) is (mains is None)
