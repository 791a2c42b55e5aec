"""The knock at a pool's door: which words it hears, and what its answer or its silence proves."""

import pytest
from devices.kinds import build
from devices.scripted import Script

from mine_controller.core.model.pool import Pool
from mine_controller.devices import stratum
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.wire.door import Response, WireError

BASE = "http://192.0.2.1"
POOLS = (Pool("main", "stratum+tcp://192.0.2.1:3333", "wallet.rig"), Pool("tls", "stratum+ssl://192.0.2.2:443", "w"))


def knocked(answer, pools=POOLS, **more):
    script = Script(answer, **more)
    options = build("stratum", BASE, pools=pools)
    return script, stratum.parse(stratum.fetch(script.wire, options, Ask()), options)


def links(found):
    return {each.channel: each.value for each in found if each.quantity == "link"}


def test_a_knock_names_nobody_and_a_port_behind_tls_is_only_opened():
    script, found = knocked(lambda request: Response(200 if request.body else 204, {"took_ms": "12.5"}, b'{"id":1}'))
    assert [request.body for request in script.requests] == [stratum.HELLO, b""]
    assert not any(b"wallet" in request.body for request in script.requests)
    assert links(found) == {"main": "up", "tls": "up"}


@pytest.mark.parametrize("scheme", ["stratum2+tcp", "stratum2+tls", "stratum+wss", "stratum+tls", "stratum+ssl"])
def test_a_door_of_other_words_is_only_opened(scheme):
    script, found = knocked(
        lambda _: Response(204, {"took_ms": "12.5"}, b""),
        (Pool("v2", f"{scheme}://v2.example:3336/u95GEReVMjK6k5", "w"),),
    )
    assert [request.body for request in script.requests] == [b""]
    assert links(found) == {"v2": "up"}


@pytest.mark.parametrize(("coin", "user"), [("XMR", "rig"), ("zeph", "rig"), ("", "4" + "A" * 94 + "+20000")])
def test_a_randomx_pool_is_only_opened_for_p2pool_bans_whoever_says_another_word(coin, user):
    door = Pool("monero", "stratum+tcp://192.0.2.7:3333", user, coin=coin)
    script, found = knocked(lambda _: Response(204, {"took_ms": "1"}, b""), (door, POOLS[0]))
    assert [request.body for request in script.requests] == [b"", stratum.HELLO]
    assert links(found) == {"monero": "up", "main": None}


@pytest.mark.parametrize(
    ("kind", "link"), [("refused", "down"), ("unreachable", "down"), ("dns", None), ("timeout", None), ("closed", None)]
)
def test_only_a_door_that_can_not_be_reached_is_down(kind, link):
    def lost(_request):
        raise WireError(kind, "said why")

    _, found = knocked(lost)
    assert links(found) == {"main": link, "tls": link}
    assert all(each.why for each in found if each.value is None)


def test_silence_proves_nothing_and_no_time_is_no_answer():
    _, found = knocked(lambda _: Response(204, {"took_ms": "3"}, b""), POOLS[:1])
    assert links(found) == {"main": None}
    _, found = knocked(lambda _: Response(200, {"took_ms": "3"}, b"{}"), budget_s=1.0, call_s=2.0)
    assert links(found) == {"main": "up"}
    with pytest.raises(BadReply, match="no pool"):
        knocked(lambda _: Response(204, {}, b""), ())
