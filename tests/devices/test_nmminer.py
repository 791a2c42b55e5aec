import json
import re

import pytest
from devices.kinds import CASES, build
from devices.shelf import Shelf
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.devices import nmminer
from mine_controller.devices.kind import Ask, BadReply, Reply, Seen

INFO = json.loads((CASES / "nmminer" / "system_info" / "system_info.json").read_text())
DATAGRAM = (CASES / "nmminer" / "datagram" / "udp_12345_datagram.json").read_bytes()
TOLD = "nm-cyd-c5-ab12cd"
NAME = "NM-CYD-C5-AB12CD"  # as fleet.csv keeps it
MAC = "02:00:00:00:00:77"


def options(**more):
    return build("nmminer", "http://192.0.2.1", **{"hosts": ("10.0.0.1",), **more})


def read(told, **more):
    chosen = options(**more)
    return nmminer.parse(nmminer.fetch(Shelf(lambda *_: told).wire, chosen, Ask()), chosen)


def info(**parts):
    return {name: {**part, **parts.get(name, {})} for name, part in INFO.items()}


def of(found, quantity, channel=NAME):
    (one,) = [each for each in found if (each.channel, each.quantity) == (channel, quantity)]
    return one


def test_one_read_of_the_page_the_owner_chose():
    shelf = Shelf(lambda *_: INFO)
    nmminer.fetch(shelf.wire, options(path="/probe"), Ask())
    assert shelf.asked == ["GET 10.0.0.1 /probe"]


def test_both_pages_tell_the_same_hash_rate():
    probe = {"model": "NMMiner", "hostname": TOLD, "ver": "v2.0.04", "hr": 956432, "ut": 4321}
    assert of(read(INFO), "hashrate_ths") == of(read(probe), "hashrate_ths")


@pytest.mark.parametrize("model", ["NMAxe", "NMAxe-Gamma", "NMQAxe++"])
def test_the_makers_boards_with_asics_answer_alike_and_are_no_lottery_miners(model):
    """Their firmware tells the same `identity` and `miner`: their watts would have been counted as 1 W."""
    for told in (info(identity={"hwModel": model}), {"model": model, "hostname": TOLD, "ver": "v2.9", "hr": 5e11}):
        with pytest.raises(BadReply, match=f"is a {re.escape(model)}, no lottery miner"):
            read(told)
    page = json.dumps(info(identity={"hwModel": model})).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
    assert nmminer.recognise(Seen("10.0.0.1", (80,), {"GET /api/system/info": head + page})) is None
    page = json.dumps(INFO).encode()
    assert nmminer.recognise(Seen("10.0.0.1", (80,), {"GET /api/system/info": head + page})) is not None


@pytest.mark.parametrize("missing", [0, None, -1, "", -273.0])
def test_no_sensor_is_unknown_and_never_zero_degrees(missing):
    one = of(read(info(temps={"vcore": missing, "asic": missing})), "chip_c")
    assert (one.value, one.why) == (None, "no temperature sensor")


@pytest.mark.parametrize(("rate", "word"), [(0.0009, "hashing"), (0, None), (None, None), (-1, None), ("x", None)])
def test_the_word_follows_the_hash_rate(rate, word):
    one = of(read(info(miner={"hashRate": rate})), "word")
    assert one.value == word
    assert one.why or word


def test_it_has_no_watts_and_no_stop():
    assert "power_w" not in {each.quantity for each in read(INFO)}
    assert nmminer.CAN.verbs == ("pool", "restart", "locate")


@pytest.mark.parametrize("name", ["", None, 7, "a b", "x" * 60, "ab/cd"])
def test_a_board_without_a_usable_name_is_nobody(name):
    with pytest.raises(BadReply, match="tells no host name"):
        read(info(identity={"hostName": name}))


def test_passwords_on_the_settings_page_are_in_no_text():
    with pytest.raises(BadReply) as refused:
        read({"PrimaryPool": "a", "PrimaryPassword": "canary-4711"})
    assert "canary" not in str(refused.value)


def test_a_datagram_tells_what_the_unit_shows():
    heard = nmminer.datagram(DATAGRAM)
    assert (heard.address, heard.rate_hs, heard.chip_c) == ("192.168.1.77", 1_015_400, None)
    assert (heard.accepted, heard.rejected, heard.uptime_s) == (412, 3, 1377)
    assert (heard.pool, heard.firmware, heard.model) == ("public-pool.io:21496", "v1.6.03", "cyd 2.8")


@pytest.mark.parametrize(
    ("text", "rate_hs"),
    [
        ("1013.4KH/s", 1_013_400),
        ("1.0154MH/s", 1_015_400),
        ("12 H/s", 12),
        ("0.000KH/s", 0),
        ("nan", None),
        ("-1MH/s", None),
        (7, None),
        ("1e9MH/s", None),
    ],
)
def test_a_hash_rate_is_read_with_its_unit(text, rate_hs):
    assert nmminer.datagram(changed(HashRate=text)).rate_hs == rate_hs


def changed(**more):
    return json.dumps({**json.loads(DATAGRAM), **more}).encode()


@pytest.mark.parametrize("text", ["", "001d", "1d 1:2", None, 5, "x" * 100])
def test_a_run_time_that_can_not_be_read_is_unknown(text):
    assert nmminer.datagram(changed(Uptime=text)).uptime_s is None


@pytest.mark.parametrize("text", ["", "3", "3/x/99%", None, 5])
def test_shares_that_can_not_be_read_are_unknown(text):
    heard = nmminer.datagram(changed(Share=text))
    assert (heard.accepted, heard.rejected) == (None, None)


def heard_from(address, mac, body=DATAGRAM):
    return nmminer.parse((Reply(f"{address} udp", 200, {"mac": mac}, body),), options())


def test_a_datagram_counts_for_the_mac_it_came_from():
    assert of(heard_from("192.168.1.77", MAC), "address", MAC).value == "192.168.1.77"


def test_a_datagram_with_anothers_address_is_refused():
    with pytest.raises(BadReply, match="another address"):
        heard_from("192.168.1.78", MAC)


@pytest.mark.parametrize(
    ("mac", "why"),
    [("", "its mac is not known"), ("192.168.1.77", "tells no mac"), ("ff:ff:ff:ff:ff:ff", "tells no mac")],
)
def test_a_datagram_from_nobody_is_refused(mac, why):
    """No board tells its mac in one: it is this machine that has to know it, and behind a router it never does."""
    with pytest.raises(BadReply, match=why):
        heard_from("192.168.1.77", mac)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"ip": 1, "HashRate": ""}', b"{" + b" " * 2000, b"\xff\xfe"])
def test_what_is_no_datagram_is_refused(raw):
    with pytest.raises(BadReply):
        nmminer.datagram(raw)


@given(st.integers(0, len(DATAGRAM) - 1), st.integers(0, 255))
def test_a_damaged_datagram_is_read_or_refused(at, value):
    body = bytearray(DATAGRAM)
    body[at] = value
    try:
        heard = nmminer.datagram(bytes(body))
    except BadReply:
        return
    assert heard.rate_hs is None or heard.rate_hs >= 0
