"""Which of the owner's pools a unit's own words mean."""

import pytest

from mine_controller.core.model.pool import Pool
from mine_controller.devices import _pools

POOLS = (
    Pool("one", "stratum+tcp://pool.example:3333", "wallet.one"),
    Pool("two", "stratum+tcp://pool.example:3333", "wallet.two"),
    Pool("far", "stratum+tcp://far.example:443", "w"),
)


@pytest.mark.parametrize(
    ("url", "port", "there"),
    [
        ("stratum+tcp://Pool.Example.:3333/path", None, ("pool.example", 3333)),
        ("pool.example", 3333, ("pool.example", 3333)),
        ("pool.example", "3333", ("pool.example", 3333)),
        ("pool.example:1", 2, ("pool.example", 1)),
        ("pool.example", True, None),
        ("pool.example", 1, ("pool.example", 1)),
        ("pool.example", 0, None),
        ("pool.example", 65_536, None),
        ("pool.example", ["3333"], None),
        (17, 3333, None),
        ("x" * 301, 3333, None),
    ],
)
def test_a_pool_is_where_a_unit_would_connect_to(url, port, there):
    assert _pools.where(url, port) == there


def test_a_port_of_thousands_of_digits_is_none_and_takes_no_board_of_its_group_with_it():
    assert _pools.where("pool.example", "9" * 5000) is None
    assert _pools.name_of(POOLS, "pool.example", "wallet.one", "9" * 5000) is None


@pytest.mark.parametrize(
    ("user", "name"), [("wallet.two", "two"), ("wallet.one", "one"), (None, "one"), ("", "one"), ("stranger", "other")]
)
def test_two_pools_of_one_address_are_told_apart_by_their_user(user, name):
    assert _pools.name_of(POOLS, "pool.example:3333", user) == name


def test_what_stays_the_same_for_every_unit_of_a_fleet_is_worked_out_once():
    _pools._parted.cache_clear()
    for _ in range(100):
        assert _pools.name_of(POOLS, "far.example:443", "w") == "far"
    assert _pools._parted.cache_info().misses == 3  # what the unit says, and two different addresses of pools


@pytest.mark.parametrize(
    ("states", "dead"),
    [
        (("Dead",), True),
        (("Dead", "Dead"), True),
        (("Dead", "Disabled"), True),
        (("dead",), True),
        (("Dead", "Alive"), False),
        (("Dead", "Rejecting"), False),
        (("Dead", None), False),
        (("Disabled",), False),
        ((None,), False),
        ((), False),
    ],
)
def test_pools_are_dead_only_where_each_that_is_used_is_called_so(states, dead):
    assert _pools.are_dead([{"Status": state} if state else {} for state in states]) is dead


@pytest.mark.parametrize(
    "row", [{"Status": "Dead", "Stratum Active": True}, {"status": "dead", "stratum-active": True}]
)
def test_a_pool_that_gives_work_is_not_dead_whatever_it_is_called(row):
    assert not _pools.are_dead([row])
    assert not _pools.are_dead([{"Status": "Dead", "Stratum Active": False}, row])
