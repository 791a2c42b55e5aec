from devices.kinds import CANARY, build
from devices.virtual import Scripted, ok

from mine_controller.core.option import Secret
from mine_controller.devices import emoncms
from mine_controller.devices.kind import Ask


def test_the_key_goes_in_a_header_and_never_in_the_address():
    server = Scripted(lambda request: ok(b"[]"))
    emoncms.fetch(server.wire, build("emoncms", "http://192.0.2.12"), Ask())
    assert server.paths == ["/emoncms/feed/list.json"]
    assert server.asked[0].headers == {"authorization": f"Bearer {CANARY}"}


def test_without_a_key_none_is_sent():
    server = Scripted(lambda request: ok(b"[]"))
    emoncms.fetch(server.wire, build("emoncms", "http://192.0.2.12", api_key=Secret("")), Ask())
    assert server.asked[0].headers == {}


def test_a_feed_of_another_quantity_is_no_power():
    replies = (emoncms.Reply("feeds", 200, {"date": "Thu, 13 Nov 2025 03:13:30 GMT"}, b'[{"id":1,"name":"a","unit":"V",'
        b'"time":1763003600,"value":"230.1"}]'),)  # fmt: skip
    found = emoncms.parse(replies, build("emoncms", "http://192.0.2.12"))
    assert {(each.channel, each.quantity, each.value) for each in found} == {
        ("feed 1", "voltage_v", 230.1),
        ("a", "voltage_v", 230.1),
    }
