"""What the fields of an Antminer mean where they are not what they should be: unknown, with a reason."""

import pytest

from mine_controller.devices import _antminer, _asic


def stock(stats, **more):
    rows = {"STATS": [{"Type": "Antminer S19 Pro"}, stats]} if isinstance(stats, dict) else {"STATS": stats}
    return _antminer.told(_antminer.STOCK, {"stats": rows, "summary": {"SUMMARY": [{"Elapsed": 5000}]}, **more}, 600)


def rate(told):
    (found,) = (one for one in _asic.found("02:00:00:00:00:01", "10.0.1.1", told, ()) if one.quantity == "hashrate_ths")
    return found.value, found.why


@pytest.mark.parametrize(
    ("unit", "ths"), [("GH", 0.11), ("GH/s", 0.11), ("MH/s", 0.00011), ("TH/s", 110.0), ("PH/s", 110_000.0)]
)
def test_a_rate_counts_in_the_unit_it_names(unit, ths):
    assert rate(stock({"rate_5s": 110, "rate_unit": unit})) == (pytest.approx(ths), "")


@pytest.mark.parametrize("unit", ["KSol/s", "", None, 5, ["GH/s"], "<b>"])
def test_a_rate_in_a_unit_that_is_not_known_shows_that_it_hashes_and_not_how_much(unit):
    told = stock({"rate_5s": 850.0, "rate_unit": unit, "GHS 5s": 850.0})
    assert told.word == "hashing"
    value, why = rate(told)
    assert value is None
    assert why.startswith("it counts in ")
    assert why.endswith(", which is not known here")


def test_a_rate_that_names_no_unit_counts_in_gigahashes():
    assert rate(stock({"rate_5s": 110_000}))[0] == 110.0


@pytest.mark.parametrize("stats", [None, "garbage", 0, False, {}, [None], ["x"]])
def test_only_an_empty_list_of_figures_is_a_unit_that_sleeps(stats):
    given = {"stats": {"STATS": stats}, "summary": {"SUMMARY": [{"Elapsed": 5000}]}}
    told = _antminer.told(_antminer.STOCK, given, 600)
    assert told.word is None
    assert told.why_word == "no hash rate, and it does not tell whether it sleeps"
    assert _antminer.told(_antminer.STOCK, {**given, "stats": {"STATS": []}}, 600).word == "sleeping"


@pytest.mark.parametrize("status", [True, "1", [1], None, 99])
def test_only_a_number_is_the_state_of_a_braiins_unit(status):
    given = {"details": {"status": status, "bosminer_uptime_s": 5000}, "stats_web": {}}
    assert _antminer.told(_antminer.BRAIINS, given, 600).word is None
    assert _antminer.told(_antminer.BRAIINS, {**given, "details": {"status": 1}}, 600).word == "stopped"


@pytest.mark.parametrize("count", [None, "many", -1, True])
def test_shares_of_a_pool_that_does_not_tell_them_are_not_left_out_of_the_sum(count):
    pools = [{"accepted": 900, "rejected": 3}, {"accepted": count, "rejected": 1}]
    told = _antminer.told(_antminer.VNISH, {"board": {"miner": {"pools": pools}}}, 600)
    assert (told.accepted, told.rejected) == (None, 4)


def test_a_vnish_unit_in_a_bath_has_no_fans_to_stand_still():
    """As an S19j Pro with VNish 1.2.0-rc5 told it: immersion, and four fans called lost."""
    fans = [{"id": at, "rpm": 0, "status": "lost"} for at in range(4)]
    cooling = {"fan_num": 4, "fans": fans, "settings": {"mode": {"name": "immersion"}}, "fan_duty": 100}
    assert _antminer.told(_antminer.VNISH, {"board": {"miner": {"cooling": cooling}}}, 600).fan_rpm is None
    cooling["settings"] = {"mode": {"name": "auto"}}
    assert _antminer.told(_antminer.VNISH, {"board": {"miner": {"cooling": cooling}}}, 600).fan_rpm == 0


@pytest.mark.parametrize(
    ("ghs", "turns", "rpm"), [(483979.25, [0, 0, 0, 0], None), (483979.25, [6000, 0, 5880, 6000], 0), (0.0, [0] * 4, 0)]
)
def test_a_stock_unit_that_hashes_while_none_of_its_fans_turns_has_none(ghs, turns, rpm):
    """An S21 XP Hyd. of January 2026 counts four fans and tells 0 rpm of each."""
    told = {"Elapsed": 602534, "GHS 5s": ghs, "fan_num": 4} | {f"fan{at}": turn for at, turn in enumerate(turns, 1)}
    assert stock(told).fan_rpm == rpm
    assert stock({"rate_5s": ghs, "fan_num": 4, "fan": turns}).fan_rpm == rpm


@pytest.mark.parametrize("active", [True, False])
def test_the_pool_it_works_for_is_the_one_that_gives_work_and_not_the_first_of_its_settings(active):
    rows = [
        {"URL": "dead.example:1", "User": "w", "Priority": 0, "Stratum Active": False},
        {"URL": "third.example:1", "User": "w", "Priority": 2, "Stratum Active": active},
        {"URL": "second.example:1", "User": "w", "Priority": 1, "Stratum Active": active},
    ]
    pool = stock({"GHS 5s": 9.0}, pools={"POOLS": rows}).pool
    assert pool == (("second.example:1", "w", None) if active else None)
