"""Meters over Modbus TCP: a server of another maker (libmodbus), frames packed by hand, a meter that is silent."""

import json
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from devices.kinds import build
from devices.virtual import Scripted, ok
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.devices import _modbus, gavazzi, modbus_meter, sdm630, sel735
from mine_controller.devices.kind import Ask, Reply
from mine_controller.wire import http, retry
from mine_controller.wire.door import Response, Wire, WireError

HERE = Path(__file__).parent
ROOM = HERE.parents[1] / "mine_controller"


def words(number):
    return divmod(number & 0xFFFFFFFF, 65_536)


@pytest.fixture(scope="session")
def meter(tmp_path_factory):
    """The program of peer_modbus.c."""
    program = tmp_path_factory.mktemp("modbus") / "peer"
    if not shutil.which("gcc") or not Path("/usr/include/modbus/modbus.h").exists():
        pytest.skip("no gcc or libmodbus-dev here: a server of another maker can't be built")
    command = ["gcc", "-O1", "-I/usr/include/modbus", str(HERE / "peer_modbus.c"), "-o", str(program), "-lmodbus"]
    subprocess.run(command, check=True)
    return program


@contextmanager
def serving(program, registers):
    """Port of a meter with these registers, and a list of the functions it was asked for."""
    given = [str(part) for pair in registers.items() for part in pair]
    process = subprocess.Popen([program, *given], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    asked = []
    try:
        yield int(process.stdout.readline()), asked
    finally:
        process.kill()
        asked += process.communicate()[1].split()


def registers():
    found = {}
    for address, value in {900: 5998, 370: 33_900_000, 358: 27_710, 360: 27_695, 362: 27_702, 350: 41_250}.items():
        found[address], found[address + 1] = words(value)
    for at, pair in enumerate(zip(*[iter(b"SEL-735-R113-V1\0".ljust(40, b"\0"))] * 2, strict=True)):
        found[at] = pair[0] * 256 + pair[1]
    return found


def options(port, kind="sel735", **more):
    return build(kind, "http://127.0.0.1", **more)._replace(host="127.0.0.1", port=port)


def read(chosen, memory=None, module=sel735):
    replies = module.fetch(retry.reads(http.live(time.monotonic() + 6)), chosen, Ask(memory=memory or {}, at_s=1000))
    return {(each.channel, each.quantity): each for each in module.parse(replies, chosen)}


def test_a_real_meter_of_another_maker_is_read(meter):
    with serving(meter, registers()) as (port, asked):
        found = read(options(port))
    assert found["", "grid_hz"].value == 59.98
    assert found["", "power_w"].value == 339_000
    assert found["L2", "voltage_v"].value == 276.95
    assert found["identity", "memory"].value == f"1000 127.0.0.1:{port}/1 {options(port).serial}".strip()
    assert set(asked) == {"3"}


def test_input_registers_are_asked_with_function_4(meter):
    high, low = struct.unpack(">HH", struct.pack(">f", 49.97))
    with serving(meter, {0x46: high, 0x47: low}) as (port, asked):
        found = read(options(port, "modbus_meter", rows=("- grid_hz 0x46 float32 fc4",)), module=modbus_meter)
    assert found["", "grid_hz"].value == pytest.approx(49.97, abs=1e-4)
    assert set(asked) == {"4"}


WHO = "192.0.2.7:502/1 3230010001"


@pytest.mark.parametrize(
    ("memory", "at_s", "asked"),
    [
        ({}, 1000, True),
        ({"identity": f"1000 {WHO}"}, 2000, False),
        ({"identity": f"1000 {WHO}"}, 87_400, True),
        ({"identity": "1000 192.0.2.6:502/1 3230010001"}, 2000, True),  # it has another address now
        ({"identity": "1000 192.0.2.7:502/2 3230010001"}, 2000, True),
        ({"identity": "1000 192.0.2.7:502/1"}, 2000, True),  # nobody said then which one must answer
        ({"identity": "1000"}, 2000, True),
    ],
)
def test_who_it_is_is_asked_once_a_day_and_whenever_another_one_is_meant(memory, at_s, asked):
    blocks = []

    def peer(request, until):
        blocks.append(request.body)
        raise WireError("refused", "no")

    chosen = options(502, serial="3230010001")._replace(host="192.0.2.7")
    with pytest.raises(WireError):
        sel735.fetch(http.live(9e9)._replace(call=peer, now=lambda: 0.0), chosen, Ask((), (), memory, at_s))
    assert [b"[3, 0, 20]" in body for body in blocks] == [asked]


@pytest.mark.parametrize(
    ("at", "serial", "why"),
    [
        (0, "", "does not tell who it is: the meter says it has no such register"),
        (20, "3230010001", "does not tell its serial number: the meter says it has no such register"),
        (20, "", ""),
    ],
)
def test_a_meter_that_does_not_say_who_it_is_is_not_believed(at, serial, why):
    """Another make answers the same addresses with something else, and 59.98 Hz may be anything there."""
    make = b"SEL-735-R113-V1\0".ljust(40, b"\0").hex()
    texts = [[3, place, 20, 2, ""] if place == at else [3, place, 20, 0, make] for place in (0, 20)]
    body = json.dumps([*texts, [3, 900, 2, 0, "0000176e"]]).encode()
    chosen = options(502)._replace(serial=serial)
    if why:
        with pytest.raises(_modbus.BadReply, match=why):
            sel735.parse((Reply("registers", 200, {}, body),), chosen)
    else:
        assert sel735.parse((Reply("registers", 200, {}, body),), chosen)[0].value == 59.98


@pytest.mark.parametrize(
    ("volts", "amps", "told"),
    [
        ((230.1, 0.0, 229.4), (210.0, 0.4, 205.0), [230.1, 0.0, 229.4]),
        ((230.1, 2.6, 229.4), (210.0, 0.0, 205.0), [230.1, 2.6, 229.4]),
        ((230.1, 0.0, 229.4), (210.0, 208.0, 205.0), [230.1, None, 229.4]),  # its fuse, not the phase
        ((230.1, 12.0, 229.4), (210.0, 0.0, 205.0), [230.1, None, 229.4]),
        ((230.1, 0.0, 229.4), None, [230.1, None, 229.4]),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), [None, None, None]),  # it may not be wired at all
        ((0.1, 0.0, 0.1), (210.0, 0.0, 205.0), [None, None, None]),
    ],
)
def test_hw1_a_phase_that_shows_nothing_beside_one_that_is_alive_is_lost(volts, amps, told):
    """O23: nothing is what it has then, and no word that can't be read, after which the last one counts on."""
    rows = [(358, volts), *([(350, amps)] if amps else [])]
    packed = [[3, first, 6, 0, struct.pack(">3i", *(round(100 * one) for one in three)).hex()] for first, three in rows]
    body = json.dumps([*packed, [3, 900, 2, 0, "0000176e"]]).encode()
    found = sel735.parse((Reply("registers", 200, {}, body),), options(502))
    assert [one.value for one in found if one.quantity == "voltage_v"] == told


@pytest.mark.parametrize("kind", [sdm630, gavazzi, modbus_meter])
def test_a_serial_number_that_nothing_would_check_is_refused(kind):
    chosen = options(502, "modbus_meter", rows=("- grid_hz 900 int16",))._replace(serial="12345")
    assert [fault.partition(":")[0] for fault in kind.faults(chosen)] == ["serial"]
    assert kind.faults(chosen._replace(serial="")) == []


def test_frq1_a_silent_meter_costs_its_time_out_once():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(WireError) as lost:
            read(options(silent.getsockname()[1]))
    assert lost.value.kind == "timeout"
    assert time.monotonic() - began < 2.5 + 1.0  # the rest is the machine's


def frames(*answers):
    """A meter that answers each request with the next of these frames, the transaction id put in front."""
    server = socket.create_server(("127.0.0.1", 0))

    def work():
        peer, _ = server.accept()
        with peer:
            for answer in answers:
                request = peer.recv(300)
                if not request:
                    return
                peer.sendall((request[:2] if answer[:2] != b"\xff\xff" else b"\xff\xff") + answer[2:])
            peer.recv(1)

    threading.Thread(target=work, daemon=True).start()
    return server


HERTZ = bytes.fromhex("000200000007010304 0000176e")
BUSY = bytes.fromhex("000200000003018306")
OTHER_UNIT = bytes.fromhex("000200000007020304 0000176e")
SHORT = bytes.fromhex("000200000005010302 0000")


@pytest.mark.parametrize(
    ("answers", "value", "why"),
    [
        ([HERTZ] * 3, 59.98, ""),
        ([BUSY, HERTZ, HERTZ], 59.98, ""),
        ([BUSY] * 3, None, "it is busy"),
    ],
)
def test_frames_packed_by_hand_are_understood(answers, value, why):
    with frames(*answers) as server:
        chosen = options(server.getsockname()[1], "modbus_meter", rows=("- grid_hz 900 uint32 /100",))
        if value is None:
            with pytest.raises(modbus_meter._modbus.BadReply, match=why):
                read(chosen, module=modbus_meter)
        else:
            assert read(chosen, module=modbus_meter)["", "grid_hz"].value == value


@pytest.mark.parametrize("answer", [SHORT, b"\0\0HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xff" + HERTZ[2:]])
def test_met1_an_answer_that_is_none_is_unknown_with_a_reason(answer):
    with frames(answer, answer, answer) as server:
        chosen = options(server.getsockname()[1], "modbus_meter", rows=("- grid_hz 900 uint32 /100",))
        with pytest.raises((WireError, modbus_meter._modbus.BadReply)) as lost:
            read(chosen, module=modbus_meter)
    assert str(lost.value)


def test_nothing_in_this_program_can_write_over_modbus():
    texts = {path: path.read_text() for path in sorted(ROOM.rglob("*.py")) if "modbus" in path.read_text()}
    assert texts
    for path, text in texts.items():
        if "twin" not in path.parts:
            assert not re.search(r"\bwrite_(?:coil|register|single|multiple|file|read)|mask_write|readwrite_", text), (
                path
            )


def test_met1_the_factor_that_would_fit_is_named_and_not_used():
    one = _modbus.row("- grid_hz 900 uint32 /100")
    block = _modbus._Read(_modbus.Block(3, 900, 2), 0, struct.pack(">I", 599_800))
    value, why = _modbus._value(one, block)
    assert value is None
    assert why.endswith("would fit with x0.0001")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("grid_hz 900", "CHANNEL QUANTITY"),
        ("- speed 900 int16", "is none of grid_hz"),
        ("- grid_hz 900 int64", "CHANNEL QUANTITY"),
        ("- grid_hz 900 int16 /0", "none of little"),
        ("- grid_hz 900 int16 40..7.0.0", "not a number"),
        ("- grid_hz 900 int16 na", "none of little"),
        ("- grid_hz 99999 int16", "behind the last register"),
        ("- grid_hz 65535 uint32", "behind the last register"),
        ("- grid_hz 900 uint32 70..40", "70..40 runs backwards"),
        ("- power_w 900 int32 5..5", "runs backwards"),
    ],
)
def test_a_row_that_can_not_be_read_is_told(text, word):
    assert any(word in fault for fault in modbus_meter.faults(options(1, "modbus_meter", rows=(text,))))


@pytest.mark.parametrize(
    ("address", "at"),
    [("0900", 900), ("00000", 0), ("0012", 12), ("0x0010", 16), ("0xFFFF", 65_535), ("65535", 65_535)],
)
def test_an_address_is_read_as_manuals_print_it(address, at):
    assert modbus_meter.faults(options(1, "modbus_meter", rows=(f"- grid_hz {address} int16",))) == []
    assert _modbus.row(f"- grid_hz {address} int16").address == at


@pytest.mark.parametrize(
    ("host", "wrong"),
    [
        ("192.0.2.1:503", True),
        ("192.0.2.1:502", False),
        ("192.0.2.1", False),
        ("[fd00::5]", False),
        ("[fd00::5]:502", False),
        ("[fd00::5]:503", True),
    ],
)
def test_a_port_behind_the_host_that_nobody_looks_at_is_told(host, wrong):
    found = modbus_meter.faults(options(1, "modbus_meter", rows=("- grid_hz 900 int16",))._replace(host=host, port=502))
    assert [text.startswith("port: is 502") for text in found] == [True] * wrong


@pytest.mark.parametrize("host", ["[fd00::5]", "[fd00::5]:502"])
def test_an_ipv6_address_is_asked_whole(host):
    server = Scripted(lambda _: ok(b"[]"))
    modbus_meter.fetch(
        server.wire, options(502, "modbus_meter", rows=("- grid_hz 900 int16",))._replace(host=host), Ask()
    )
    assert server.asked[0].url == "modbus://[fd00::5]:502/1"


def test_a_value_that_is_named_twice_is_told():
    rows = ("- grid_hz 900 int16", "L1 voltage_v 902 int16", "- grid_hz 904 int16")
    assert modbus_meter.faults(options(1, "modbus_meter", rows=rows)) == ["rows: - grid_hz stands twice"]


def test_reads_are_merged_over_small_gaps_and_split_at_the_meters_most():
    rows = [_modbus.row(f"- power_w {address} int32") for address in (10, 12, 20, 40, 42)]
    assert _modbus.plan(rows, 125) == ((3, 10, 12), (3, 40, 4))
    assert _modbus.plan(rows, 3) == ((3, 10, 2), (3, 12, 2), (3, 20, 2), (3, 40, 2), (3, 42, 2))


@given(st.lists(st.tuples(st.integers(0, 60_000), st.sampled_from(sorted(_modbus.SIZES))), min_size=1, max_size=20))
def test_every_row_lies_whole_in_one_read_and_no_read_is_too_long(places):
    rows = [_modbus.row(f"- power_w {address} {kind}") for address, kind in places]
    blocks = _modbus.plan(rows, 11)
    assert all(block.size <= 11 for block in blocks)
    for row in rows:
        ends = row.address + _modbus.SIZES[row.type]
        assert any(block.address <= row.address and ends <= block.address + block.size for block in blocks)


def told(watts, volts=27_710, amps=41_250, kind=sel735):
    """What a SEL-735 with these raw values of power, of each voltage and of each current is worth."""
    at = {370: watts, 376: watts // 3, 378: watts // 3, 380: watts // 3, 900: 5998}
    at |= dict.fromkeys((358, 360, 362), volts) | dict.fromkeys((350, 352, 354), amps)
    reads = [[3, address, 2, 0, struct.pack(">i", raw).hex()] for address, raw in at.items()]
    body = json.dumps(reads).encode()
    return {(one.channel, one.quantity): one for one in kind.parse((Reply("registers", 200, {}, body),), options(1))}


@pytest.mark.parametrize(
    ("raw", "watts"),
    [
        ({"watts": 33_900_000}, 339_000),
        ({"watts": -33_900_000}, -339_000),  # clamps the wrong way round are told elsewhere
        ({"watts": 33_900}, None),  # POWR_SCA = kilo: 339 W, a mine that seems to stand still
        ({"watts": 33_900_000, "amps": 41}, None),  # amps in kA
        ({"watts": 20_000, "amps": 30}, 200),  # nearly nothing runs: nothing to compare with
        ({"watts": 0, "amps": 0}, 0),
    ],
)
def test_watts_that_volts_and_amps_can_not_make_are_not_believed(raw, watts):
    found = told(**raw)
    assert (found["", "power_w"].value, found["L1", "voltage_v"].value) == (watts, 277.1)
    assert watts is not None or found["", "power_w"].why.endswith("compare with its display")
    assert watts is None or found["L2", "power_w"].value == pytest.approx(watts / 3, abs=1)


def balanced(each, total, amps=41_250):
    """The same where the phases' watts differ, as behind an inverter that keeps the sum at nothing."""
    at = {370: total, 900: 5998} | dict(zip((376, 378, 380), each, strict=True))
    at |= dict.fromkeys((358, 360, 362), 27_710) | dict.fromkeys((350, 352, 354), amps)
    reads = [[3, address, 2, 0, struct.pack(">i", raw).hex()] for address, raw in at.items()]
    found = sel735.parse((Reply("registers", 200, {}, json.dumps(reads).encode()),), options(1))
    return {(one.channel, one.quantity): one.value for one in found}


@pytest.mark.parametrize(
    ("each", "total", "watts"),
    [
        ((9_000_000, -4_000_000, -5_000_000), 0, 0),  # one phase buys what the others sell
        ((9_000_000, -4_000_000, -4_990_000), 10_000, 100),
        ((9_000, -4_000, -5_000), 0, None),  # the phases' own scale is wrong: they say nothing of the sum
        ((9_000_000, 4_000_000, 5_000_000), 18_000, None),  # nothing flows back, so the sum is wrong
        ((9_000_000, -1_000_000, -1_000_000), 7_000, None),  # 70 kW by the phases, 70 W by the sum: kilowatts
    ],
)
def test_a_sum_of_nothing_is_believed_where_phases_run_against_each_other(each, total, watts):
    assert balanced(each, total)["", "power_w"] == watts


def gateway(talk, now=time.monotonic, until=None):
    """A wire whose every conversation is `talk(request, until)`, which answers zeros."""

    def call(request, until):
        talk(request, until)
        return Response(
            200, {}, json.dumps([[0, "00" * 2 * count] for _, _, count in json.loads(request.body)]).encode()
        )

    return Wire(call, now, lambda _: None, now() + 6 if until is None else until)


def asking(wire, chosen):
    """A meter asked in a thread of its own, as `ask` does it."""
    thread = threading.Thread(target=sdm630.fetch, args=(wire, chosen, Ask()), daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(("hosts", "together"), [(("10.0.0.1", "10.0.0.1"), False), (("10.0.0.1", "10.0.0.2"), True)])
def test_meters_behind_one_gateway_are_asked_one_after_the_other(hosts, together):
    """Many gateways take one connection, and a plain one sends each answer to all (OpenPLC_v3, issue 195)."""
    meeting, met = threading.Barrier(2), []

    def talk(_request, _until):
        try:
            meeting.wait(5 if together else 0.3)
            met.append(True)
        except threading.BrokenBarrierError:
            met.append(False)

    meters = [options(502, "sdm630", unit=unit)._replace(host=host) for unit, host in enumerate(hosts, 1)]
    for thread in [asking(gateway(talk), meter) for meter in meters]:
        thread.join(10)
    assert met == [together, together]


def test_a_silent_meter_takes_no_time_from_another_behind_its_gateway():
    clock, left = [0.0], []
    entered, waiting, over = threading.Event(), threading.Event(), threading.Event()

    def silent(_request, _until):
        entered.set()
        over.wait(5)

    def asked():
        waiting.set()
        return clock[0]

    first, second = (options(502, "sdm630", unit=unit) for unit in (1, 2))
    threads = [asking(gateway(silent, lambda: 0.0), first)]
    assert entered.wait(5)
    other = gateway(lambda _, until: left.append(until - clock[0]), lambda: 0.0)._replace(now=asked)
    threads.append(asking(other, second))
    assert waiting.wait(5)
    clock[0] = 2.0
    over.set()
    for thread in threads:
        thread.join(5)
    assert left == [pytest.approx(_modbus.ANSWER_S)]


def test_a_meter_whose_gateway_is_never_free_says_so():
    entered, over = threading.Event(), threading.Event()

    def silent(_request, _until):
        entered.set()
        over.wait(5)

    chosen = options(502, "sdm630")
    thread = asking(gateway(silent), chosen)
    assert entered.wait(5)
    with pytest.raises(WireError, match="other meters behind the same address"):
        sdm630.fetch(gateway(lambda *_: None, until=time.monotonic() + 0.05), chosen, Ask())
    over.set()
    thread.join(5)
