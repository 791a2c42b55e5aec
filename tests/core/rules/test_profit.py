"""What a coin earns and who rests for it, to the penny: the rule `profit` by itself."""

import pytest
from core.rule_desk import Desk, wired

from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import State, Unit
from mine_controller.core.money.prices import NOW, ROLE
from mine_controller.core.option import fill
from mine_controller.core.rules import profit
from mine_controller.core.wording.words import sentence

POOLS = (PoolFacts("dgb", "DGB"), PoolFacts("btc", "BTC"), PoolFacts("btc two", "BTC"), PoolFacts("xmr", "XMR"))
NAMES = ("dgb", "btc", "btc two", "xmr")


def section(**values):
    return fill(profit.Section, values)


class Paid(Desk):
    """Three miners of 250 J/TH: a quarter of a penny an hour for each TH/s at 1 p, so that 6 p a day just pays."""

    def __init__(
        self, *, guard=True, choose=False, better_pct=10, margin_pct=5, groups=("bitaxe shelf",) * 3, **values
    ):
        super().__init__("profit", miners=3)
        sections = [(name, section(value=value)) for name, value in values.items()]
        plain = self.options._replace(guard=guard, choose=choose, better_pct=better_pct, margin_pct=margin_pct)
        self.options = profit.with_sections(plain, sections)
        specs = tuple(
            spec._replace(group=group, pools=NAMES) for spec, group in zip(self.wiring.miners, groups, strict=True)
        )
        self.wiring = self.wiring._replace(miners=specs)
        self.state = State(units={f"m00{at}": Unit(dj_th=2500) for at in range(3)})
        wired(self, ROLE)
        self.roles[NOW] = 1.0

    def view(self):
        return super().view()._replace(pools=POOLS)

    def off(self):
        return [limit.what[4:] for limit in self.last.limits if limit.what.startswith("off ")]

    def on_pool(self, at, pool):
        spec = self.wiring.miners[at]
        self.channels[f"{spec.group}/{spec.mac}:pool"] = Value(pool, self.now)
        return self


# -- who rests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("earns", "off"), [(6.0, 0), (6.01, 0), (5.99, 3)])
def test_who_costs_more_than_it_earns_rests_and_on_the_penny_it_does_not(earns, off):
    desk = Paid(BTC=earns)
    desk.see()
    assert len(desk.off()) == off
    bans = [limit for limit in desk.last.limits if limit.what.startswith("ban ")]
    assert len(bans) == off
    assert {(limit.amount, limit.how) for limit in desk.last.limits} <= {(0, "gentle")}
    assert desk.events() == ["profit_low"] * bool(off)


@pytest.mark.parametrize(("earns", "off"), [(6.29, 3), (6.31, 0)])
def test_who_rests_comes_back_with_its_margin_only(earns, off):
    desk = Paid(BTC=5.9)
    desk.see()
    assert len(desk.off()) == 3
    desk.options = Paid(BTC=earns).options
    desk.see()
    assert len(desk.off()) == off
    assert desk.events() == ([] if off else ["profit_back"])


def test_not_knowing_the_price_frees_nobody_and_stops_nobody():
    desk = Paid(BTC=1.0)
    desk.see(**{NOW: None})
    assert desk.off() == []
    desk.see(**{NOW: 1.0})
    desk.state = desk.state._replace(units={})
    desk.see(**{NOW: None})
    assert desk.off() == ["m000", "m001", "m002"]
    desk.options = desk.options._replace(guard=False)
    desk.see(**{NOW: 1.0})
    assert desk.off() == []


def test_a_coin_whose_worth_is_not_known_any_more_frees_nobody_and_stops_nobody():
    """Law 4: a service of prices that is silent for a day starts no miner that rests."""
    desk = Paid(BTC=9.0)
    told = section(difficulty=126e12, reward=3.125, price_from="pool x:price")
    desk.options = profit.with_sections(desk.options, [("BTC", told)])
    desk.channels["pool x:price"] = Value(80_000.0, desk.now)
    desk.see()
    assert desk.off() == ["m000", "m001", "m002"]
    del desk.channels["pool x:price"]
    desk.on_pool(0, "btc")
    desk.wiring = desk.wiring._replace(miners=(*desk.wiring.miners[:2], desk.wiring.miners[2]._replace(id="m009")))
    desk.see()
    assert desk.off() == ["m000", "m001"], "one by its pool, one by the best that it can mine; who ran goes on"
    assert desk.events() == []
    desk.options = profit.with_sections(desk.options, [("DGB", section(value=9.0))])
    desk.see()
    assert desk.off() == [], "of a coin that left the config nothing is asked"


def test_of_whom_nothing_was_learned_nothing_is_said():
    desk = Paid(BTC=1.0)
    desk.state = State(units={"m000": Unit(dj_th=2500), "m001": Unit(run_dw=5)})
    desk.see()
    assert desk.off() == ["m000"]
    assert dict(desk.last.limits[0].reason.numbers) == {
        "miner": "m000", "earns": round(1 / 24, 4), "costs": 0.25, "coin": "BTC",
    }  # fmt: skip


def test_it_is_told_once_that_some_rest_and_once_that_none_do():
    desk = Paid(BTC=6.0)
    desk.state = State(units={"m000": Unit(dj_th=2501), "m001": Unit(dj_th=2500)})
    desk.see()
    assert (desk.off(), desk.events()) == (["m000"], ["profit_low"])
    desk.state = State(units={"m000": Unit(dj_th=2501), "m001": Unit(dj_th=4000)})
    desk.see()
    assert (len(desk.off()), desk.events()) == (2, [])
    desk.state = State()
    desk.see()
    assert (desk.off(), desk.events()) == ([], ["profit_back"])
    desk.see()
    assert desk.events() == []


def test_a_miner_is_judged_by_the_coin_of_its_pool_else_by_the_best_that_it_can_mine():
    desk = Paid(BTC=9.0, DGB=4.0)
    desk.on_pool(0, "dgb").on_pool(1, "btc").on_pool(2, "a pool nobody wrote down").see()
    assert desk.off() == ["m000"]
    desk.on_pool(0, "xmr").see()
    assert desk.off() == [], "what Monero earns is not known"
    both = Paid(groups=("xmrig pc", "bitaxe shelf", "bitaxe shelf"), XMR=900.0, BTC=1.0)
    both.see()
    assert both.off() == ["m001", "m002"]


# -- what a coin earns ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age_s", "worth"), [(86_400, 3.9115), (86_401, None)])
def test_a_told_figure_counts_for_a_day(age_s, worth):
    coin = section(difficulty_from="pool x:difficulty", reward=3.125, price_from="pool x:price", fee_pct=2.0)
    told = {"pool x:difficulty": Value(126e12, 100_000 - age_s), "pool x:price": Value(80_000, 100_000)}
    found = profit.value_of(coin, told, 100_000)
    assert found == (None if worth is None else pytest.approx(worth, abs=0.001))
    assert profit.value_of(coin, {**told, "pool x:price": Value("dear", 100_000)}, 100_000) is None
    assert profit.value_of(coin, {"pool x:difficulty": told["pool x:difficulty"]}, 100_000) is None


def test_what_is_written_is_worth_what_is_written_and_nonsense_is_worth_nothing():
    plain = section(difficulty=126e12, reward=3.125, price=80_000.0)
    assert profit.value_of(plain._replace(value=7.5), {}, 0) == 7.5
    assert profit.value_of(plain, {}, 0) == pytest.approx(3.9115 / 0.98, abs=0.001)
    assert profit.value_of(plain._replace(price=0.0), {}, 0) == 0
    assert profit.value_of(plain._replace(difficulty=0.0), {}, 0) is None
    assert profit.value_of(plain._replace(difficulty=-1.0), {}, 0) is None
    assert profit.value_of(plain._replace(price=-1.0), {}, 0) is None


def test_a_share_of_monero_is_one_hash():
    coin = section(difficulty=4e11, reward=0.6, price=150.0)
    assert profit.value_of(coin, {}, 0, "xmr") == pytest.approx(1e12 * 86_400 / 4e11 * 0.6 * 150 * 100)
    assert profit.value_of(coin, {}, 0, "BTC") == pytest.approx(1e12 * 86_400 / (4e11 * 2**32) * 0.6 * 150 * 100)


@pytest.mark.parametrize(
    ("coin", "missing"),
    [
        (section(value=1.0), ""),
        (section(), "difficulty, reward, price"),
        (section(difficulty=1.0, reward=1.0), "price"),
        (section(difficulty_from="x:y", reward=1.0, price=1.0), ""),
        (section(difficulty=1.0, reward=1.0, price_from="x:y"), ""),
        (section(price=1.0, reward=1.0), "difficulty"),
        (section(difficulty=1.0, price=1.0), "reward"),
    ],
)
def test_a_section_that_says_too_little_is_told_what_is_missing(coin, missing):
    found = profit.check(coin)
    assert [one.rpartition("or ")[2] for one in found] == ([missing] if missing else [])
    assert profit.check(Paid(BTC=1.0).options) == []


# -- where they go ----------------------------------------------------------------------------------------------------


def wished(desk):
    desk.see()
    return {wish.what: wish.value for wish in desk.last.wishes}


def test_each_section_goes_to_the_coin_that_pays_most_of_those_it_can_mine():
    groups = ("bitaxe shelf", "xmrig pc", "bitaxe shelf")
    desk = Paid(guard=False, choose=True, groups=groups, BTC=8.0, DGB=5.0, XMR=900.0)
    assert wished(desk) == {"pool bitaxe shelf": "btc", "pool xmrig pc": "xmr"}
    assert desk.memory["coins"] == {"bitaxe shelf": "BTC", "xmrig pc": "XMR"}
    assert wished(Paid(guard=False, choose=True, XMR=900.0)) == {}
    assert wished(Paid(guard=False, BTC=8.0)) == {}


@pytest.mark.parametrize(("pays", "pool"), [(5.5, "dgb"), (5.51, "btc")])
def test_a_coin_must_pay_more_by_its_share_to_be_gone_over_to(pays, pool):
    desk = Paid(guard=False, choose=True, DGB=5.0, BTC=4.0)
    assert wished(desk) == {"pool bitaxe shelf": "dgb"}
    desk.options = Paid(guard=False, choose=True, DGB=5.0, BTC=pays).options
    assert wished(desk) == {"pool bitaxe shelf": pool}


def test_without_a_coin_the_rule_says_nothing_and_keeps_what_it_knows():
    desk = Paid()
    desk.memory = {"resting": ["m000"]}
    desk.see()
    assert desk.last == ((), (), (), {"resting": ["m000"]})


def test_a_coin_whose_worth_is_not_known_for_a_while_is_not_left_for_another():
    """After each boot, until its service answered, the shelf went to the coin with a written value; where that pays
    hardly less, it stayed there."""
    told = section(difficulty=1e12, reward=3.125, price_from="market x:price")
    desk = Paid(guard=False, choose=True)
    desk.options = profit.with_sections(desk.options, [("BTC", told), ("DGB", section(value=5.0))])
    desk.channels["market x:price"] = Value(1000.0, desk.now)
    assert wished(desk) == {"pool bitaxe shelf": "btc"}
    del desk.channels["market x:price"]
    assert wished(desk) == {"pool bitaxe shelf": "btc"}
    assert sentence(desk.last.wishes[0].reason) == "BTC is mined on: what it pays is not known now"
    assert desk.memory["coins"] == {"bitaxe shelf": "BTC"}
    desk.channels["market x:price"] = Value(1.0, desk.now)
    assert wished(desk) == {"pool bitaxe shelf": "dgb"}


@pytest.mark.parametrize("gone", ["coin", "pool"])
def test_a_coin_that_is_taken_out_of_the_config_is_left_at_once(gone):
    desk = Paid(guard=False, choose=True, BTC=8.0, DGB=5.0)
    assert wished(desk) == {"pool bitaxe shelf": "btc"}
    if gone == "coin":
        desk.options = Paid(guard=False, choose=True, DGB=5.0).options
    else:
        miners = tuple(one._replace(pools=("dgb",)) for one in desk.wiring.miners)
        desk.wiring = desk.wiring._replace(miners=miners)
    assert wished(desk) == {"pool bitaxe shelf": "dgb"}
