import json

import pytest
from devices.kinds import CANARY, build
from devices.virtual import Scripted, ok

from mine_controller.core.option import Secret
from mine_controller.devices import emoncms
from mine_controller.devices.kind import Ask, BadReply


def test_the_key_goes_in_a_header_and_never_in_the_address():
    server = Scripted(lambda request: ok(b"[]"))
    emoncms.fetch(server.wire, build("emoncms", "http://192.0.2.12"), Ask())
    assert server.paths == ["/emoncms/feed/list.json"]
    assert server.asked[0].headers == {"authorization": f"Bearer {CANARY}"}


def test_without_a_key_none_is_sent():
    server = Scripted(lambda request: ok(b"[]"))
    emoncms.fetch(server.wire, build("emoncms", "http://192.0.2.12", api_key=Secret("")), Ask())
    assert server.asked[0].headers == {}


def test_a_key_that_no_header_carries_is_told_with_the_config():
    told = emoncms.faults(build("emoncms", "http://192.0.2.12", api_key=Secret("ключ")))
    assert [each.partition(":")[0] for each in told] == ["api_key"]
    assert emoncms.faults(build("emoncms", "http://192.0.2.12", api_key=Secret(""))) == []


def test_a_key_that_the_servers_own_web_server_kept_back_is_among_the_reasons():
    """Apache with FastCGI hands no Authorization header on unless it is told to (emoncms issue 682)."""
    options = build("emoncms", "http://192.0.2.12")
    with pytest.raises(BadReply, match="key missing, of another account, or kept back by its web server"):
        emoncms.parse((emoncms.Reply("feeds", 200, {}, b"false"),), options)


def test_a_feed_of_another_quantity_is_no_power():
    replies = (emoncms.Reply("feeds", 200, {"date": "Thu, 13 Nov 2025 03:13:30 GMT"}, b'[{"id":1,"name":"a","unit":"V",'
        b'"time":1763003600,"value":"230.1"}]'),)  # fmt: skip
    found = emoncms.parse(replies, build("emoncms", "http://192.0.2.12"))
    assert {(each.channel, each.quantity, each.value) for each in found} == {
        ("feed 1", "voltage_v", 230.1),
        ("a", "voltage_v", 230.1),
    }


def values(*feeds, **options):
    rows = [{"id": at, "time": 1763003600, "value": "74.3"} | feed for at, feed in enumerate(feeds, 1)]
    reply = emoncms.Reply("feeds", 200, {"date": "Thu, 13 Nov 2025 03:13:30 GMT"}, json.dumps(rows).encode())
    return emoncms.parse((reply,), build("emoncms", "http://192.0.2.12", **options))


@pytest.mark.parametrize("engine", [7, "7"])
def test_a_virtual_feed_says_nothing_of_the_age_of_its_sources(engine):
    # VirtualFeed.php, lastvalue: `time` is the server's time() at the question, and the source's last value is taken
    # whatever its age. A fan's clamp that died last week would be worth its watts of then.
    feed = {"unit": "W", "engine": engine, "time": 1763003610}
    (doubted,) = values(feed)
    assert (doubted.value, doubted.why[:46]) == (None, "a virtual feed does not say how old its source")
    (believed,) = values(feed, virtual=True)
    assert believed.value == 74.3


@pytest.mark.parametrize(("unit", "temp_c"), [("°F", 23.5), ("K", -198.85), ("°C", 74.3)])
def test_every_unit_of_heat_in_the_servers_list_is_understood(unit, temp_c):
    (found,) = values({"unit": unit, "engine": "5"})  # Lib/units.php: °C, K and °F
    assert (found.quantity, found.value) == ("temp_c", temp_c)
