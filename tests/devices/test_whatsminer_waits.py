"""A Whatsminer and its pools: none that answers, which of them it works for, and what they took."""

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


NEWER = {"Elapsed": 169984.6, "MHS 1m": 112532192, "HS RT": 112436936, "Power": 3614.1, "Power Mode": "Normal"}


@pytest.mark.parametrize(
    ("first", "counts"),
    [
        ({"Accepted": 8714, "Rejected": 35, "Stale": 2}, (8720.0, 36.0, 2.0)),
        ({"Accepted": 8714, "Rejected": 35}, (8720.0, 36.0, None)),  # a sum of some of them is none
        ({"Accepted": -1, "Rejected": "x", "Stale": None}, (None, None, None)),
    ],
)
def test_firmware_whose_summary_counts_no_shares_tells_them_by_its_pools(first, counts):
    """20250321.14.Rel, as seven of one farm's twenty units answer it on the old port (mining-stack's fixtures)."""
    rows = [{"URL": "a", "User": "w", **first}, {"URL": "b", "User": "w", "Accepted": 6, "Rejected": 1, "Stale": 0}]
    trees = {"summary": {"STATUS": "S", "Code": 131, "Msg": NEWER}, "pools": {"POOLS": rows}}
    told = _whatsminer.told_v2(trees, 600)
    assert (told.word, told.rate_ths, told.power_w) == ("hashing", 112.532192, 3614.1)
    assert (told.accepted, told.rejected, told.stale) == counts


def test_shares_that_the_summary_counts_are_not_counted_by_pools():
    rows = [{"URL": "a", "User": "w", "Accepted": 1, "Rejected": 1, "Stale": 1}]
    sums = {**NEWER, "Accepted": 11940, "Rejected": 0, "Stale": 3}
    told = _whatsminer.told_v2({"summary": {"SUMMARY": [sums]}, "pools": {"POOLS": rows}}, 600)
    assert (told.accepted, told.rejected, told.stale) == (11940, 0, 3)


def test_a_unit_without_pools_has_counted_nothing_that_is_known():
    assert _whatsminer.told_v2({"summary": {"Msg": NEWER}, "pools": {"POOLS": []}}, 600).accepted is None
