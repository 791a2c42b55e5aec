"""A Whatsminer and its pools: none that answers, and which of them it works for."""

import json

import pytest
from devices.test_whatsminer import OLD, A, old, read, recorded, value

from mine_controller.devices import _whatsminer


def test_a_unit_whose_pools_are_all_dead_waits_for_them():
    sums = json.loads(recorded("summary.json"))
    sums["SUMMARY"][0].update(
        dict.fromkeys([name for name in sums["SUMMARY"][0] if name.startswith(("MHS", "HS"))], 0.0)
    )
    pools = json.loads(recorded("pools.json"))
    for row in pools["POOLS"]:
        row.update({"Status": "Dead", "Stratum Active": False})
    found, _, _ = read({A: {4028: old(summary=sums, pools=pools)}}, {A: f"{OLD} v2 M20S"})
    assert value(found, OLD, "word") == "waiting"
    found, _, _ = read({A: {4028: old(summary=sums)}}, {A: f"{OLD} v2 M20S"})
    assert value(found, OLD, "word") == "error"


@pytest.mark.parametrize("active", [True, False])
def test_the_pool_it_works_for_is_the_one_that_gives_work_and_not_the_first_of_its_settings(active):
    rows = [
        {"URL": "dead.example:1", "User": "w", "Stratum Active": False},
        {"URL": "second.example:1", "User": "w", "Stratum Active": active},
    ]
    pool = _whatsminer.told_v2({"pools": {"STATUS": [{"STATUS": "S"}], "POOLS": rows}}, 600).pool
    assert pool == (("second.example:1", "w", None) if active else None)
