"""What goes wrong in a driver over one unit of many: its own failure, told with its place, and no other unit's."""

import pytest
from devices.kinds import build

from mine_controller.devices import _boards, antminer, asic, avalon, cgminer, whatsminer
from mine_controller.devices._units import Unit
from mine_controller.devices.kind import BadReply, Found, Reply

A, B, MAC = "10.0.0.1", "10.0.0.2", "02:00:00:00:00:02"


def unreadable(*_):
    return {}[[]]


@pytest.mark.parametrize("kind", [antminer, asic, avalon, cgminer, whatsminer])
def test_a_bug_over_one_unit_of_a_fleet_leaves_the_others_known(kind, monkeypatch):
    def unit(first, *_):
        host = first if isinstance(first, str) else first.name
        return unreadable() if host == A else Unit(host, MAC, (Found(MAC, "word", "hashing"),))

    monkeypatch.setattr(kind, "_unit", unit)
    name = kind.__name__.rpartition(".")[2]
    part = "" if kind is asic else " summary"
    replies = [Reply(f"{host}{part}", 200, {}, b"{}") for host in (A, B)]
    found = list(kind.parse(replies, build(name, "http://10.0.0.1")))
    assert Found(MAC, "word", "hashing") in found
    ((remark,),) = [[each.value for each in found if each.quantity == "text"]]
    assert remark.startswith(f"can't be read: {A}: driver error: TypeError")


def test_a_bug_over_one_board_of_a_shelf_leaves_the_others_known():
    def read(parts):
        return unreadable() if A in next(iter(parts.values())).name else _boards.Unit(MAC, ())

    found = _boards.fleet([Reply(host, 200, {}, b"{}") for host in (A, B)], read)
    assert Found(MAC, "address", B) in found
    assert any(f"{A}: driver error: TypeError" in str(each.value) for each in found)


def test_where_nothing_but_that_one_answers_the_group_says_so():
    with pytest.raises(BadReply, match="driver error: TypeError"):
        _boards.fleet([Reply(A, 200, {}, b"{}")], unreadable)
