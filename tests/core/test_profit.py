"""Which coin is mined where the owner leaves that to what coins earn ([profit] choose, A72)."""

from core.market import BEGIN_S, HALF_S, Market, coins, half_hours

from mine_controller.core.money.bands import DEFAULTS


def market(**values):
    bands = [
        one._replace(section=one.section._replace(coin="best" if one.section.coin != "off" else "off"))
        for one in DEFAULTS
    ]
    return Market(half_hours(*[9.0] * 8), bands=bands, coins=coins(**values)._replace(choose=True, guard=False))


def test_boards_go_to_the_coin_that_pays_most_of_those_they_can_mine():
    home = market(DGB=5.0, BTC=8.0, XMR=900.0)  # no board mines Monero, whatever it pays
    home.until(BEGIN_S + HALF_S)
    assert set(home.pool.values()) == {"btc"}


def test_a_coin_that_pays_hardly_more_is_not_gone_over_to():
    home = market(DGB=5.0, BTC=5.4)
    coins = dict.fromkeys({one.group for one in home.wiring.miners}, "DGB")
    home.state = home.state._replace(memory={"profit": {"coins": coins}})
    home.until(BEGIN_S + HALF_S)
    assert set(home.pool.values()) == {"dgb"}
