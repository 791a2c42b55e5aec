"""A part of an answer that can't be read makes what is made of it unknown: never 0, never the rest, never another's."""

import json
from copy import deepcopy

import pytest
from devices.kinds import CASES, KINDS, of_json
from devices.test_cases import replies

from mine_controller.devices.kind import BadReply

WALLET = "D8exam..le1111"
MONERO = "48exam..ple333"
TWO = "publicpool/two_connections_of_one_worker", "client"
OWN = "solopool/monero_counts_its_own_workers", "account"
OWED = "solopool/one_of_two_wallets_is_unknown", "account"
XMR = "supportxmr/one_wallet_as_answered", "workers"
PAID = "p2pool/a_wallet_was_paid_in_two_blocks", "payouts"
COINS = "braiinspool/a_profile_in_exact_satoshis", "profile"
CORDS = "jaws/metered_outlets", "cords"
LINK = "openwrt/mwan3_one_link_down", "mwan3"
PROBES = "roomalert/32e_empty_slots", "getData.json"


def changed(tree, path, leaf):
    tree = deepcopy(tree)
    holder = tree
    *way, last = path
    for key in way:
        holder = holder[key]
    holder[last] = leaf
    return tree


def read(case, name, path, leaf):
    folder = CASES / case
    kind = KINDS[folder.parent.name]
    options = of_json(folder.parent.name, folder / "options.json")
    whole = replies(folder)
    named = [at for at, one in enumerate(whole) if one.name.partition(" ")[0] == name]
    at = next(at for at in named if whole[at].body.strip() not in (b"", b"{}"))
    body = json.dumps(changed(json.loads(whole[at].body), path, leaf)).encode()
    told = (*whole[:at], whole[at]._replace(body=body), *whole[at + 1 :])
    found = [kind.parse(each, options) for each in (whole, told)]
    return [{(one.channel, one.quantity): (one.value, one.why) for one in each} for each in found]


@pytest.mark.parametrize(
    ("case", "path", "leaf", "key"),
    [
        (TWO, ["workers", 0, "hashRate"], None, (WALLET, "hashrate_hs")),
        (TWO, ["workers", 0, "hashRate"], "NaN", (WALLET, "hashrate_hs")),
        (TWO, ["workers", 0], None, (WALLET, "hashrate_hs")),
        (OWN, ["workers"], "garbage", (MONERO, "workers_n")),
        (OWN, ["workers", "a"], None, (MONERO, "workers_n")),
        (OWN, ["workers", "a", "offline"], "no", (MONERO, "workers_n")),
        (XMR, ["den"], None, (MONERO, "workers_n")),
        (PAID, [0], None, (MONERO, "earned_day_n")),
        (PAID, [0, "coinbase_reward"], "garbage", (MONERO, "earned_day_n")),
        (PAID, [0, "timestamp"], None, (MONERO, "earned_day_n")),
        (COINS, ["btc", "current_balance"], "٣", ("account", "unpaid_n")),
        (COINS, ["btc", "current_balance"], "1_0", ("account", "unpaid_n")),
    ],
)
def test_what_holds_an_unreadable_part_is_unknown(case, path, leaf, key):
    try:
        good, bad = read(*case, path, leaf)
    except BadReply as refused:
        assert str(refused)  # noqa: PT017 - nothing of it is told, with the reason
        return
    assert good[key][0] is not None
    assert bad.get(key, (None, "left out"))[0] is None
    assert bad.get(key, (None, "left out"))[1]


def test_the_blocks_of_a_list_that_is_none_are_not_none():
    good, bad = read(*OWED, ["rewards"], "garbage")
    (key,) = (key for key in good if key[1] == "blocks_n" and good[key][0])
    assert bad[key] == (None, "not in the answer")
    _, cut = read(*OWED, ["rewards", 0, "height"], None)
    assert cut[key] == (None, "not in the answer")


@pytest.mark.parametrize(("what", "leaf"), [("latency", -1), ("packetloss", -1), ("packetloss", 101)])
def test_a_ping_that_was_not_measured_counts_in_no_mean(what, leaf):
    good, bad = read(*LINK, ["result", 1, "interfaces", "wan", "track_ip", 0, what], leaf)
    assert (good["wan", "latency_ms"][0], good["wan", "loss_pct"][0]) == (45, 10)
    assert (bad["wan", "latency_ms"][0], bad["wan", "loss_pct"][0]) == (49, 20)  # the other one's


@pytest.mark.parametrize("leaf", [None, [616]])
def test_a_cord_that_is_none_is_not_left_out_of_the_sum(leaf):
    _, bad = read(*CORDS, [1], leaf)
    assert bad["", "power_w"] == (None, "cords: one in its list is no JSON object")


def test_no_probe_takes_the_number_of_another_when_a_list_of_them_is_none():
    with pytest.raises(BadReply, match="its internal_sen is no list"):
        read(*PROBES, ["internal_sen"], None)
