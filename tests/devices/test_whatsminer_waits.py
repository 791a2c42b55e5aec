"""A Whatsminer that hashes nothing because no pool answers it."""

import json

from devices.test_whatsminer import OLD, A, old, read, recorded, value


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
