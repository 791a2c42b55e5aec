"""What is found out about a unit in one look: when it counts as steady, who answers in its place, what is learned."""

import pytest
from core.order_desk import view
from core.plant import miner, policy, wiring

from mine_controller.core.miners.units import _Watch, exact_w, watch_units
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase, MinerBook, Unit

MAC = miner(0).mac


def look(*, strategy="efficiency", channels=None, **changes):
    columns = {"word": ("hashing",) * 4, "miners": {"m000": MinerBook(on=True)}, **changes}
    given = view(channels=channels or {}, **columns)
    rules = policy(wiring(4))
    rules = rules._replace(site=rules.site._replace(strategy=strategy))
    return _Watch(given.image, given.fleet, given.state, rules)


def own(**values):
    now_s = view().now_s
    return {f"foreman mine/{MAC}:{name}": Value(value, now_s) for name, value in values.items()}


# -- steady ---------------------------------------------------------------------------------------------------------


def steady(**changes):
    return look(**changes)._steady(wiring(4).miners[0], 0)


def test_it_is_steady_while_it_runs_and_hashes_and_nothing_was_told_it():
    assert steady()
    assert steady(word=(None,) * 4)
    assert not steady(word=("error",) * 4)
    assert not steady(running=False)
    assert not steady(miners={})
    assert not steady(miners={"m000": MinerBook()})
    assert not steady(chases={"miner m000": Chase("run", 0, 1, 5)})


@pytest.mark.parametrize(("left_s", "calm"), [(1, False), (0, True)])
def test_it_is_steady_from_the_second_on_in_which_it_has_settled(left_s, calm):
    assert steady(settling={"m000": view().now_s + left_s}) is calm


def test_it_is_steady_after_its_ramp():
    patience_s, now_s = wiring(1).miners[0].ramp_patience_s, view().now_s
    for ago_s, calm in ((patience_s - 1, False), (patience_s, True)):
        assert steady(miners={"m000": MinerBook(on=True, last_start_s=now_s - ago_s)}) is calm


# -- learning -------------------------------------------------------------------------------------------------------


def learned(unit=None, **changes):
    found = look(**changes).learned(wiring(4).miners[0], unit or Unit(), 0)
    return found.run_dw, found.dj_th


def test_watts_are_learned_slowly_and_within_half_and_a_third_more():
    assert learned() == (34_000, 0)
    assert learned(Unit(run_dw=33_200)) == (33_300, 0)
    assert learned(power_w=(1000, 0, 0, 0)) == (17_000, 0)
    assert learned(power_w=(9000, 0, 0, 0)) == (44_200, 0)
    assert learned(power_w=(None, 0, 0, 0)) == (0, 0)


def test_joules_are_learned_of_a_fresh_rate_and_of_no_other():
    assert learned(channels=own(hashrate_ths=100)) == (34_000, 340)
    assert learned(Unit(run_dw=34_000, dj_th=300), channels=own(hashrate_ths=100)) == (34_000, 305)
    assert learned(channels=own(hashrate_ths=100), strategy="wear") == (34_000, 0)
    for bad in (0, -1, "much", None):
        assert learned(channels=own(hashrate_ths=bad)) == (34_000, 0)
    now_s = view().now_s
    for age_s, dj_th in ((600, 340), (601, 0)):
        old = {f"foreman mine/{MAC}:hashrate_ths": Value(100, now_s - age_s)}
        assert learned(channels=old) == (34_000, dj_th)
    assert learned(channels={f"foreman mine/{MAC}:hashrate_ths": Value(100, now_s, "", "gone")}) == (34_000, 0)


@pytest.mark.parametrize("other", [{}, {"hashrate_ths": 0.0}])
def test_joules_of_who_tells_hashes_a_second_are_learned_of_them(other):
    """No hundredth of a terahash shows what a processor makes, so that [profit] never judged one."""
    assert learned(channels=own(rate_hs=8000, **other)) == (34_000, 34_000 * 10**12 // 8000)
    now_s = view().now_s
    old = {f"foreman mine/{MAC}:rate_hs": Value(8000, now_s - 601)}
    assert learned(channels=own(**other) | old) == (34_000, 0)
    assert learned(channels=own(rate_hs=0, hashrate_ths=100)) == (34_000, 340)


@pytest.mark.parametrize(("draw_w", "watts"), [(3400.5, 3400.5), (3399.5, 3399.5), (3400.51, 3400), ("lots", 3400)])
def test_the_fractions_of_a_board_are_of_the_watts_that_count(draw_w, watts):
    given = look(channels=own(draw_w=draw_w))
    assert exact_w(given.image, given.policy.wiring.miners[0], 0) == watts


# -- where it answers -----------------------------------------------------------------------------------------------


def stranger(age_s=0, mac="aa:bb", unit=None):
    given = look(channels={f"foreman mine/{mac}:address": Value("10.0.0.7", view().now_s - age_s)})
    found = given.placed(wiring(4).miners[0], unit or Unit(address="10.0.0.7"), None)
    return found.stranger, [one.kind for one in given.events]


def test_min3_another_unit_in_its_place_is_a_stranger_for_two_ticks():
    assert stranger() == ("aa:bb", ["stranger"])
    assert stranger(age_s=240) == ("aa:bb", ["stranger"])
    assert stranger(age_s=241) == ("", [])
    assert stranger(mac=MAC) == ("", [])
    assert stranger(mac=miner(2).mac) == ("", []), "one of ours: it moved"
    assert stranger(unit=Unit(address="10.0.0.7", stranger="old")) == ("old", [])
    assert stranger(unit=Unit(address="10.0.0.8")) == ("", [])
    assert stranger(unit=Unit()) == ("", [])
    assert len(stranger(mac="a" * 99)[0]) == 60


def test_a_move_is_told_between_addresses_of_a_network_only():
    for was, address, told in (
        ("10.0.0.7", "10.0.0.8", ["moved"]), ("fe80::1", "fe80::2", ["moved"]), ("1234", "4321", []),
        ("", "10.0.0.8", []), ("10.0.0.7", "4321", []),
    ):  # fmt: skip
        given = look()
        found = given.placed(wiring(4).miners[0], Unit(address=was, stranger="x"), address)
        assert (found.address, found.stranger) == (address, "")
        assert [one.kind for one in given.events] == told


def test_a_tenth_of_the_fleet_has_its_turn_in_each_opening_round():
    books = {f"m00{at}": MinerBook(on=True) for at in range(4)}
    given = view(word=("hashing",) * 4, miners=books, units={})
    rules = policy(wiring(4))

    def at(plant_s, **clock):
        seen = given.image._replace(clock=given.image.clock._replace(plant_s=plant_s, **clock))
        return {name for name, unit in watch_units(seen, given.fleet, given.state, rules).units.items() if unit.run_dw}

    assert [at(1200 * 9 + 120 * turn) for turn in range(5)] == [{"m000"}, {"m001"}, {"m002"}, {"m003"}, set()]
    assert at(1200 * 9, opening=False) == set()
