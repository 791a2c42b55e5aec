"""What alarms remember of figures that drift: shares of an hour, watts of fans, the rise of the air."""

from types import SimpleNamespace

import pytest
from core.plant import wiring

from mine_controller.core.alarms.learn import FOLLOW, LEARN_N, forget, learned_book, share_book
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.image import Fan
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import FanBook, State

WIRES = wiring(2, 2)
OWN = [f"{spec.group}/{spec.mac}" for spec in WIRES.miners]
NOW = 100_000
PLAIN = AlarmPolicy()


def seen(now_s=NOW, *, last=None, alarms=(), channels=None, fans=(), states=("proven", "proven"), **air):
    load_w, nominal_w = air.get("load_w", 80_000), air.get("nominal_w", 100_000)
    books = {str(n): FanBook(state) for n, state in enumerate(states, 1)}
    return SimpleNamespace(
        now_s=now_s,
        state=State(last=last or {}, alarms={key: {} for key in alarms}),
        image=SimpleNamespace(channels=channels or {}, fans=fans),
        wiring=WIRES,
        fans=books,
        proven_fans=sum(state == "proven" for state in states),
        fleet=SimpleNamespace(measured_w=load_w, nominal_w=nominal_w),
        number=lambda name: {"inlet_c": air.get("inlet_c"), "outlet_c": air.get("outlet_c")}[name],
    )


def counters(now_s, *pairs, age_s=0):
    out = {}
    for own, pair in zip(OWN, pairs, strict=False):
        for name, count in zip(("accepted_n", "rejected_n"), pair, strict=True):
            out[f"{own}:{name}"] = Value(count, now_s - age_s, "", "")
    return out


def shares(marks, *pairs, now_s=NOW, bad=None, age_s=0):
    last = {"shares": {"marks": marks, "bad": bad or {}}}
    return share_book(seen(now_s, last=last, channels=counters(now_s, *pairs, age_s=age_s)), PLAIN)


def bad(old, new, was=None):
    return shares([[NOW - 3600, {"m000": old}]], new, bad=was)["bad"]


# -- shares ---------------------------------------------------------------------------------------------------------


def test_shares_are_looked_at_each_half_hour():
    mark = [NOW - 1794, {}]
    assert shares([mark], (1, 0)) is None
    assert shares([[NOW - 1795, {}]], (1, 0))["marks"][-1] == [NOW, {"m000": [1, 0]}]
    assert shares([], (1, 0))["marks"] == [[NOW, {"m000": [1, 0]}]]
    assert shares([[NOW + 60, {}]], (1, 0)) is not None, "a clock that ran back"


@pytest.mark.parametrize(("ago_s", "judged"), [(3594, False), (3595, True), (7200, True), (7201, False)])
def test_a_mark_judges_when_it_is_an_hour_old_and_not_two(ago_s, judged):
    found = shares([[NOW - ago_s, {"m000": [0, 0]}]], (50, 50))
    assert found["bad"] == ({"m000": [50.0, 100]} if judged else {})


def test_marks_are_kept_for_as_long_as_they_will_judge():
    found = shares([[NOW - 2401, {}], [NOW - 2400, {}], [NOW - 1800, {}]], (1, 0))
    assert [at for at, _ in found["marks"]] == [NOW - 2400, NOW - 1800, NOW]


@pytest.mark.parametrize(("rejected", "told"), [(50, False), (51, True)])
def test_more_than_five_percent_are_bad_and_five_are_not(rejected, told):
    assert bool(bad([0, 0], (1000 - rejected, rejected))) is told


def test_what_was_bad_stays_so_until_it_is_three_percent():
    was = {"m000": [9.0, 500]}
    assert bad([0, 0], (969, 31), was) == {"m000": [3.1, 1000]}
    assert bad([0, 0], (970, 30), was) == {}


def test_few_shares_and_counters_that_began_anew_prove_nothing():
    assert bad([0, 0], (25, 24)) == {}
    assert bad([0, 0], (25, 25)) == {"m000": [50.0, 50]}
    assert bad([10, 0], (9, 90)) == {}
    assert bad([0, 10], (90, 9)) == {}
    assert bad([0, 0], (0, 50)) == {"m000": [100.0, 50]}


def test_a_miner_nobody_hears_of_stays_as_it_was_and_one_that_began_anew_does_not():
    was = {"m000": [9.0, 500]}
    assert shares([[NOW - 3600, {"m000": [0, 0]}]], bad=was)["bad"] == was
    assert bad([10, 0], (9, 0), was) == {}


def test_a_miner_that_fleet_csv_lists_no_more_is_not_bad_for_ever():
    assert shares([[NOW - 3600, {}]], bad={"gone": [9.0, 80], "m000": [8.0, 90]})["bad"] == {"m000": [8.0, 90]}


def test_a_counter_counts_for_ten_minutes_and_only_with_its_other():
    assert shares([], (1, 0), age_s=600)["marks"][-1][1] == {"m000": [1, 0]}
    assert shares([], (1, 0), age_s=601)["marks"][-1][1] == {}
    assert shares([], (None, 5))["marks"][-1][1] == {}
    assert shares([], (5, None))["marks"][-1][1] == {}


# -- what fans and air usually do -----------------------------------------------------------------------------------

FANS = (Fan("1", True, NOW, 1500, NOW), Fan("2", None, NOW, 1400, NOW))


def rows(**given):
    found = learned_book(seen(**given), PLAIN)
    return None if found is None else found["of"]


def test_a_look_an_hour_and_nothing_where_nothing_was_ever_seen():
    assert rows() is None
    assert rows(last={"learned": {"at_s": NOW - 3594, "of": {}}}, fans=FANS) is None
    assert rows(last={"learned": {"at_s": NOW - 3595, "of": {}}}, fans=FANS) is not None
    assert rows(last={"learned": {"at_s": NOW + 9, "of": {}}}, fans=FANS) is not None, "a clock that ran back"
    assert rows(last={"learned": {"at_s": NOW - 3600, "of": {"air": {"n": 1}}}}) == {"air": {"n": 1}}
    assert learned_book(seen(now_s=3000, fans=FANS), PLAIN)["at_s"] == 3000


def test_only_watts_of_a_fan_that_is_proven_and_not_off_are_learned():
    fans = (*FANS, Fan("3", False, NOW, 1300, NOW), Fan("4", True, NOW, None, NOW), Fan("5", True, NOW, 9, NOW))
    found = rows(fans=fans, states=("proven", "proven", "proven", "proven", "suspect"))
    assert found == {f"fan {n}": {"n": 1, "is": watts, "now": watts, "off_s": 0} for n, watts in ((1, 1500), (2, 1400))}


def test_the_rise_of_the_air_is_by_kilowatt_and_fan_and_only_under_load():
    air = {"inlet_c": 20.0, "outlet_c": 36.0}
    assert rows(**air, load_w=80_000)["air"]["now"] == 0.4
    assert rows(**air, load_w=50_000)["air"]["now"] == 0.64
    assert rows(**air, load_w=49_999) is None
    assert rows(**air, load_w=None) is None
    assert rows(**air, load_w=0, nominal_w=0) is None
    assert rows(**air, states=("failed", "off")) is None
    assert rows(inlet_c=20.0) is None
    assert rows(outlet_c=36.0) is None


def one(row, watts, alarms=(), fan=FANS[0]):
    last = {"learned": {"at_s": NOW - 3600, "of": {"fan 1": row}}}
    return rows(last=last, fans=(fan._replace(watts=watts),), alarms=alarms)["fan 1"]


def test_the_first_looks_make_the_mean():
    assert one({"n": 1, "is": 1000.0}, 2000) == {"n": 2, "is": 1500.0, "now": 2000.0, "off_s": 0}
    assert one({"n": LEARN_N - 1, "is": 1000.0}, 1720)["is"] == 1010.0
    assert one({"n": LEARN_N, "is": 1000.0}, 1100) == {
        "n": LEARN_N, "is": round(1000 + 100 / FOLLOW, 4), "now": 1100.0, "off_s": 0,
    }  # fmt: skip


def test_a_fifth_away_from_what_was_learned_is_off_since_it_began_and_teaches_nothing():
    known = {"n": LEARN_N, "is": 1000.0}
    assert one(known, 1200)["off_s"] == 0
    assert one(known, 1201) == {"n": LEARN_N, "is": 1000.0, "now": 1201.0, "off_s": NOW}
    assert one(known, 799)["off_s"] == NOW
    assert one(known | {"off_s": 5}, 799)["off_s"] == 5
    assert one(known | {"off_s": 5}, 1000)["off_s"] == 0


def test_while_its_alarm_stands_it_is_off_until_it_is_nearer():
    known, stands = {"n": LEARN_N, "is": 1000.0}, ("filter_clogged fan 1",)
    assert one(known, 1151, stands)["off_s"] == NOW
    assert one(known, 1150, stands)["off_s"] == 0
    assert one(known, 1199, ("filter_clogged fan 2",))["off_s"] == 0


def test_a_fan_that_the_config_has_no_more_is_not_off_for_ever_and_one_nobody_reads_stays_as_it_was():
    off = {"n": LEARN_N, "is": 1500.0, "now": 900, "off_s": NOW - 90_000}
    last = {"learned": {"at_s": NOW - 3600, "of": {"fan 1": off, "fan 9": off, "air": off}}}
    found = learned_book(seen(last=last), PLAIN)
    assert found["of"] == {"fan 1": off, "air": off}


def test_what_was_learned_as_nothing_is_never_off():
    assert one({"n": LEARN_N, "is": 0.0}, 1000)["off_s"] == 0


def test_one_figure_is_learned_anew_when_its_owner_has_looked():
    last = {"learned": {"at_s": 5, "of": {"fan 1": {"n": 9}, "air": {"n": 9}}}, "acked_s": 3}
    assert forget(last, "fan 1") == {"learned": {"at_s": 5, "of": {"air": {"n": 9}}}, "acked_s": 3}
    assert forget(last, "fan 7") is last
    assert forget({}, "air") == {}
