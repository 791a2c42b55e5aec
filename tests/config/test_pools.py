"""[pool NAME]: read, checked, given to the sections that may use them, and never told with their secrets."""

from pathlib import Path

import pytest

from mine_controller.config.edit import is_secret
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.config.sample import sample
from mine_controller.config.show import page, tree
from mine_controller.config.values import WrongValueError, stratum
from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret
from mine_controller.store.policies import pack_policy, unpack_policy

TEXT = (Path(__file__).parent / "site.txt").read_text(encoding="utf-8")
MAIN = "[pool main]\nurl = stratum+tcp://Pool.Example:3333\nuser = wallet.rig\npassword = canary-pw\ncoin = BTC\n"
SPARE = "[pool spare]\nurl = 10.0.0.9:3333\nuser = me\n"
COINS = ("BTC", "LTC", "XMR", "RVN")
SHELF = "[shelf one]\nhost = 10.0.0.5\n"


def site(write, *parts):
    return write(TEXT.replace("[wiring]", "\n".join(parts) + "\n[wiring]"))


def told(path):
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [f"{one.section} {one.option}: {one.text}" for one in caught.value.problems]


def test_a_section_may_use_every_pool_unless_it_names_some(write):
    config = load(site(write, MAIN + "fallback = spare\n", SPARE, SHELF))
    main, spare = config.pools
    assert main == Pool("main", "stratum+tcp://pool.example:3333", "wallet.rig", Secret("canary-pw"), "BTC", "spare")
    assert (spare.url, spare.password.reveal(), spare.host, spare.port) == (
        "stratum+tcp://10.0.0.9:3333", "x", "10.0.0.9", 3333,
    )  # fmt: skip
    assert config.endpoints["shelf one"].options.pools == (main, spare)
    config = load(site(write, MAIN, SPARE, SHELF + "pools = spare\n"))
    assert [pool.name for pool in config.endpoints["shelf one"].options.pools] == ["spare"]


def test_rules_know_the_pools_without_user_and_password(write):
    config = load(site(write, MAIN, SPARE, SHELF))
    assert config.policy.pools == (PoolFacts("main", "BTC", "pool.example"), PoolFacts("spare", "", "10.0.0.9"))
    options = {name: type(filled) for name, filled in config.policy.rules.items()}
    assert unpack_policy(pack_policy(config.policy), options) == config.policy


def test_miners_carry_the_names_of_their_pools(write):
    text = TEXT.replace("[wiring]", f"{MAIN}{SPARE}{SHELF}pools = main\n[wiring]")
    config = load(write(text, "id,mac,group\nb1,02:aa:bb:cc:dd:21,shelf one\n"))
    assert config.policy.wiring.miners[0].pools == ("main",)


def test_nobody_can_be_put_on_a_pool_whose_coin_it_can_not_mine(write):
    """Not by a slip of the hand either: `miners pool btc --all` in a house with a PC among the boards."""
    pools = "".join(f"[pool {coin.lower()}]\nurl = {coin}.example:3333\nuser = me\ncoin = {coin}\n" for coin in COINS)
    kinds = "[bitaxe b]\nhosts = 127.0.0.1\n[xmrig x]\nhosts = 127.0.0.2\n[antminer a]\nhosts = 127.0.0.3\n"
    text = TEXT.replace("[wiring]", f"{pools}{SPARE}{kinds}[wiring]")
    rows = "b1,02:aa:bb:cc:dd:21,bitaxe b\nx1,4f5a6b7c8d9e0f11,xmrig x\na1,02:aa:bb:cc:dd:23,antminer a\n"
    config = load(write(text, f"id,mac,group\n{rows}"))
    assert {spec.id: spec.pools for spec in config.policy.wiring.miners} == {
        "b1": ("btc", "ltc", "spare"), "x1": ("xmr", "rvn", "spare"), "a1": ("btc", "ltc", "spare"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("part", "word"),
    [
        (SHELF + "pools = mian\n", "shelf one pools: there is no [pool mian] (did you mean main?)"),
        (SHELF + "pools = main, main\n", "names something twice"),
        (MAIN.replace("main", "other"), "can't be called other"),
        (MAIN.replace("pool main", "pool"), "needs a name"),
        (SPARE + "fallback = mani\n", "pool spare fallback: there is no [pool mani] (did you mean main?)"),
        (SPARE + "fallback = spare\n", "can't stand in for itself"),
        (SPARE.replace("10.0.0.9:3333", "http://a.b"), "is not a pool's address"),
        (SPARE.replace("10.0.0.9:3333", "me:canary@a.b:3333"), "pool spare url: it carries a user or password: write"),
        (SPARE + "wallet = x\n", "is not an option of [pool]"),
    ],
)
def test_what_is_wrong_is_told_with_the_nearest_word(write, part, word):
    found = told(site(write, MAIN, part))
    assert any(word in text for text in found), found


def test_a_pool_not_filled_in_yet_is_left_out_with_a_note(write):
    config = load(site(write, MAIN, "[pool late]\nurl = a.b:1\nuser = CHANGE-ME\n", SHELF + "pools = main, late\n"))
    assert [pool.name for pool in config.endpoints["shelf one"].options.pools] == ["main"]
    notes = [note.text for note in config.notes]
    assert "not yet active: fill in user" in notes
    assert "[pool late] is left out while it is not yet active" in notes


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b:0", "a.b:70000", "me:pw@a.b:3333", "stratum+tcp://a b:1", "ftp://a:1"]
)
def test_an_address_that_is_none_is_refused_without_its_password(text):
    with pytest.raises(WrongValueError) as caught:
        stratum(text)
    assert "pw" not in str(caught.value)


def test_an_address_gets_its_scheme_and_lower_case():
    assert stratum("STRATUM+SSL://Pool.Example:443") == "stratum+ssl://pool.example:443"
    assert stratum("[2001:DB8::1]:3333") == "stratum+tcp://[2001:db8::1]:3333"
    assert stratum("pool.example:3334/extra") == "stratum+tcp://pool.example:3334/extra"


def test_no_text_of_the_config_tells_the_password(write):
    config = load(site(write, MAIN, SHELF))
    assert "canary-pw" not in page(config) + repr(tree(config)) + repr(config) + pack_policy(config.policy)
    assert tree(config)["pool main"]["user"] == "wallet.rig"
    assert tree(config)["shelf one"]["pools"] == ["main"]
    assert Secret("canary-pw") in config.secrets
    assert is_secret("pool main", "password")
    assert not is_secret("pool main", "url")


def test_the_sample_shows_a_pool_that_can_be_pasted(write):
    text = sample("pool")
    assert "[pool main]" in text
    assert "stratum+tcp://pool.example:3333" in text
    assert text in sample()
    assert any("not yet active" in note.text for note in load(site(write, text)).notes)


BITAXE, XMRIG = "[bitaxe b]\nhosts = 127.0.0.1\n", "[xmrig x]\nhosts = 127.0.0.2\n"
UPLINK = "[uplink one]\nplaces = 127.0.0.2:443, 127.0.0.3:443\n"
LEANS = MAIN + "fallback = spare\n"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((LEANS, SPARE, BITAXE), ""),
        (
            (LEANS, SPARE, BITAXE + "pools = main\n"),
            "spare stands in for nobody of [bitaxe b]: its `pools` leave it out",
        ),
        ((LEANS, SPARE + "coin = XMR\n", BITAXE), "spare stands in for nobody of [bitaxe b]: they can't mine XMR"),
        ((LEANS, SPARE + "coin = XMR\n", XMRIG), ""),  # nobody of it is ever on main
        ((LEANS, SPARE.replace("= me", "= CHANGE-ME"), BITAXE), ""),
        ((MAIN, SPARE, BITAXE + "pools = main\n"), ""),
    ],
)
def test_a_fallback_that_its_miners_may_not_use_is_noted(write, parts, text):
    """ "main is down, spare stands in" was told, and every board stayed on main."""
    found = [note.text for note in load(site(write, *parts)).notes if note.option == "fallback"]
    assert found == ([text] if text else [])


@pytest.mark.parametrize(
    ("user", "pools", "noted"), [("wallet.rig", "", True), ("wallet.two", "", False), ("wallet.rig", "twin", False)]
)
def test_two_names_of_one_pool_are_noted_where_a_miner_may_be_put_on_both(write, user, pools, noted):
    """Whoever was put on the second was read as on the first, and told again and again."""
    twin = MAIN.replace("pool main", "pool twin").replace("wallet.rig", user).replace("canary-pw", "d=64")
    shelf = BITAXE + (f"pools = {pools}\n" if pools else "")
    found = [note.text for note in load(site(write, MAIN, twin, shelf)).notes if note.section == "pool twin"]
    assert found == (["has url and user of [pool main], so miners of [bitaxe b] are never seen on it"] if noted else [])


@pytest.mark.parametrize(("pools", "noted"), [("", False), ("main", True), ("main, spare", False)])
def test_a_local_pool_that_a_sections_miners_may_not_use_is_noted(write, pools, noted):
    """In an outage they were neither put there nor stopped: the pool gave work to the others."""
    shelf = BITAXE + (f"pools = {pools}\n" if pools else "")
    path = site(write, MAIN, SPARE, shelf, "[uplinks]\noffline_pool = spare\n", UPLINK)
    path.write_text(path.read_text().replace("[end]", "uplink one = uplink one\n[end]"))
    found = [note.text for note in load(path).notes if note.option == "offline_pool"]
    assert found == (["spare stands in for nobody of [bitaxe b]: its `pools` leave it out"] if noted else [])
