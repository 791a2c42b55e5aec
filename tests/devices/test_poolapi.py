"""Pools' services: wallets as channels, exact amounts, hours rolled up, and one truth told in six dialects (POL1)."""

import json
from decimal import Decimal

import pytest
from devices.kinds import KINDS, build
from devices.scripted import Script, told
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core import series
from mine_controller.core.due import Asked
from mine_controller.core.freeze import freeze
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.wiring import EndpointSpec, Wiring
from mine_controller.core.option import Secret
from mine_controller.core.pools import blocks
from mine_controller.devices import _poolapi, braiinspool, ckpool, solopool
from mine_controller.devices.ask import ask
from mine_controller.devices.kind import Ask, Reply
from mine_controller.twin.answer import asked
from mine_controller.twin.servers import poolapi
from mine_controller.twin.servers.poolapi import Earner, Service
from mine_controller.wire.door import Response, Wire

WALLET = "D8exampleexampleexampleexample1111"
OTHER = "D9exampleexampleexampleexample2222"
LABEL = "D8exam..le1111"
WALL_S = 1_763_000_000
BASE = "http://192.0.2.1"
KIND_NAMES = ("solopool", "supportxmr", "ckpool", "publicpool", "braiinspool", "p2pool")
CHANNEL = {"braiinspool": "account", "p2pool": "node"}


class Shelf:
    live = True

    def __init__(self, kind, options):
        self.kind, self.options = kind, options


class Watched:
    """A pool's service, its driver, and an image that grows: `ask` and `freeze` as a tick has them."""

    def __init__(self, kind, earners, **options):
        self.kind, self.service = kind, Service(kind, earners, WALL_S)
        self.options = build(kind, BASE, **options)
        if kind == "braiinspool":
            self.options = self.options._replace(token=Secret(poolapi.TOKEN))
        self.section = f"{kind} x"
        ends = {self.section: EndpointSpec(self.section, 300)}
        self.wiring = Wiring({}, (), (), (), {}, ends)
        self.image, self.at_s = None, 0

    def look(self, at_s, *, rebooted=False):
        self.at_s = at_s
        channels = self.image.channels if self.image else {}
        if rebooted:
            self.image = freeze(self.image, (), self.wiring, self.clock()._replace(rebooted=True))
            channels = self.image.channels
        readings = ask([Asked(self.section)], {self.section: Shelf(self.kind, self.options)}, channels,
                       lambda _: at_s, lambda _, until: self.wire(until), 1e9, threads=False,
                       wall_s=WALL_S + at_s)  # fmt: skip
        self.image = freeze(self.image, readings, self.wiring, self.clock())

    def clock(self):
        return Clock(self.at_s, WALL_S + self.at_s)

    def wire(self, until):
        def call(request, _until):
            answer = self.service.answer(asked(request.method, request.url, request.headers), self.at_s)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status, headers, answer.body)

        return Wire(call, lambda: 0.0, lambda _: None, until)

    def __getitem__(self, key):
        return self.image.channels[f"{self.section}/{key}"].value

    def why(self, key):
        return self.image.channels[f"{self.section}/{key}"].why


def earner(**more):
    return Earner(WALLET, **{"workers": {"attic": 1.2e12, "shelf": 0.5e12, "spare": 0.0}, **more})


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_six_services_tell_one_truth(kind):
    pool = Watched(kind, [earner()], **({} if kind in CHANNEL else {"wallets": (WALLET,)}))
    pool.look(100_000)
    pool.look(100_300)
    channel = CHANNEL.get(kind, LABEL)
    assert pool[f"{channel}:hashrate_hs"] == 1_700_000_000_000
    assert pool[f"{channel}:workers_n"] == 2
    assert pool[f"{channel}:share_wall_s"] in (WALL_S + 99_980, WALL_S + 100_280)
    assert pool[f"{channel} worker attic:hashrate_hs"] == 1_200_000_000_000
    assert pool.image.channels[f"{pool.section}:health"].value == "ok"
    assert series.read(pool[f"{channel} rate:history"]).values == (1_700_000_000_000,)


@pytest.mark.parametrize("kind", ["solopool", "supportxmr", "braiinspool"])
def test_balances_go_from_immature_to_paid_and_nothing_is_lost_on_the_way(kind):
    coin = "XMR" if kind == "supportxmr" else "BTC"
    one = earner(coin=coin)
    pool = Watched(kind, [one], **({} if kind in CHANNEL else {"wallets": (WALLET,)}))
    scale = 10 if kind == "solopool" else 1
    channel, reward = CHANNEL.get(kind, LABEL), poolapi.REWARDS[coin] * scale
    pool.look(100_000)
    one.blocks.append((100_100.0, 920_001))
    for at_s in (100_300, 100_600):
        pool.look(at_s)
    owed = [name for name in ("immature_n", "unpaid_n") if f"{pool.section}/{channel}:{name}" in pool.image.channels]
    assert sum(pool[f"{channel}:{name}"] for name in owed) == reward
    one.paid_blocks = 1
    for at_s in (200_000, 200_300):
        pool.look(at_s)
    assert pool[f"{channel}:paid_n"] == reward
    assert sum(pool[f"{channel}:{name}"] for name in owed) == 0


@pytest.mark.parametrize("kind", ["ckpool", "publicpool"])
def test_a_share_becomes_no_block_when_the_network_becomes_easier(kind):
    """DigiByte's difficulty halves and doubles within hours: what was no block then is none now."""
    one = earner(coin="DGB", best=900_000_000, difficulty=1_000_000_000)
    pool = Watched(kind, [one], wallets=(WALLET,), coin="DGB")
    books, told = {}, []

    def look(at_s):
        nonlocal books
        pool.look(at_s)
        books, events = blocks.found(pool.image, pool.wiring, books)
        told.extend(dict(event.reason.numbers)["block"] for event in events)

    look(100_000)
    one.difficulty = 500_000_000
    look(100_300)
    look(100_600)
    assert told == []
    one.best = 950_000_000
    look(100_900)
    look(101_200)
    assert told == ["share-9.5e+08"]
    assert pool[f"{LABEL} block:text"] == "share-9.5e+08"


@pytest.mark.parametrize("kind", ["ckpool", "publicpool"])
def test_an_old_best_share_is_no_block_after_a_boot_either(kind):
    one = earner(coin="DGB", best=900_000_000, difficulty=1_000_000_000)
    pool = Watched(kind, [one], wallets=(WALLET,), coin="DGB")
    pool.look(100_000)
    books, _ = blocks.found(pool.image, pool.wiring, {})
    one.difficulty = 500_000_000
    pool.look(100_600, rebooted=True)
    assert blocks.found(pool.image, pool.wiring, books)[1] == ()
    one.best = 950_000_000
    pool.look(100_900, rebooted=True)
    assert len(blocks.found(pool.image, pool.wiring, books)[1]) == 1, "what was found meanwhile is told"


@pytest.mark.parametrize("kind", ["ckpool", "publicpool"])
def test_an_old_best_share_rounded_otherwise_is_no_block(kind):
    """public-pool keeps a wallet's best as a float of 32 bits, and a session's as one of 64: as the session ends the
    same share is a little less, and DigiByte's network may be easier than it by then."""
    one = earner(coin="DGB", best=912_345_678, difficulty=1_000_000_000)
    pool = Watched(kind, [one], wallets=(WALLET,), coin="DGB")
    pool.look(100_000)
    books, _ = blocks.found(pool.image, pool.wiring, {})
    one.difficulty, one.best = 500_000_000, 912_345_664
    pool.look(100_300)
    assert blocks.found(pool.image, pool.wiring, books)[1] == ()


def test_a_share_told_with_its_fraction_and_without_it_is_one_block():
    """CKPool keeps the best of this round as a double and the best ever as a whole number."""
    told = {"hashrate1hr": "1T", "workers": 1, "bestshare": 950_000_000.7, "bestever": 950_000_000}
    pool = '{"Workers": 1}\n{"diff": 50.0, "accepted": 250000000}'
    replies = (
        Reply("former", 200, {"wall_s": str(WALL_S), "coin": "BTC 8"}, json.dumps({f"{LABEL} best": "9 8"}).encode()),
        Reply(f"user {LABEL}", 200, {}, json.dumps(told).encode()),
        Reply("pool", 200, {}, pool.encode()),
    )
    found = ckpool.parse(replies, build("ckpool", BASE, wallets=(WALLET,), coin="BTC"))
    assert [one.value for one in found if one.channel == f"{LABEL} block"] == ["share-9.5e+08"]


@pytest.mark.parametrize("kind", ["supportxmr", "solopool"])
def test_what_a_day_earned_is_the_sum_now_less_the_sum_a_day_ago(kind):
    coin = "XMR" if kind == "supportxmr" else "DGB"
    one = earner(coin=coin)
    pool = Watched(kind, [one], wallets=(WALLET,))
    hour = 3600 - WALL_S % 3600
    for at_s in range(hour, hour + 26 * 3600, 1800):
        if at_s == hour + 20 * 3600:
            one.blocks.append((float(at_s), 920_002))
        pool.look(at_s)
        if kind == "supportxmr" and at_s < hour + 24 * 3600:
            told = pool.image.channels.get(f"{pool.section}/{LABEL}:earned_day_n")  # swept where it was never known
            assert told is None or (told.value, told.why) == (None, "known after a day")
    assert pool[f"{LABEL}:earned_day_n"] == poolapi.REWARDS[coin] * (10 if kind == "solopool" else 1)
    rates = series.read(pool[f"{LABEL} rate:history"])
    assert rates.values == (1_700_000_000_000,) * 24


def test_hours_outlive_a_boot_and_nothing_else_does():
    pool = Watched("supportxmr", [earner(coin="XMR")], wallets=(WALLET,))
    for at_s in range(0, 5 * 3600, 1800):
        pool.look(at_s)
    pool.service.mood = "down"
    pool.look(6 * 3600, rebooted=True)
    assert f"{pool.section}/{LABEL}:unpaid_n" not in pool.image.channels
    pool.service.mood = "ok"
    pool.look(7 * 3600)
    values = series.read(pool[f"{LABEL} rate:history"]).values
    assert len(values) >= 7
    assert values[0] == values[-1] == 1_700_000_000_000
    assert None in values, "an hour nobody saw is not known"


def test_another_coin_at_the_same_wallet_begins_its_own_hours_and_its_old_blocks_are_no_news():
    """An address of BTC is one of BCH too: what one had earned was the other's loss or gain for a day."""
    one = earner(blocks=[(0.0, 920_001)])
    pool = Watched("solopool", [one], wallets=(WALLET,), coin="BTC")
    for at_s in range(0, 3 * 3600, 1800):
        pool.look(at_s)
    books, _ = blocks.found(pool.image, pool.wiring, {})
    pool.options, one.blocks = pool.options._replace(coin="BCH"), [(0.0, 700_001), (60.0, 700_002)]
    for at_s in (3 * 3600, 3 * 3600 + 300):
        pool.look(at_s)
        assert [len(series.read(pool[f"{LABEL} {name}:history"]).values) for name in _poolapi.SERIES] == [1, 1, 1]
        books, events = blocks.found(pool.image, pool.wiring, books)
        assert events == ()
    one.blocks.append((3 * 3600.0, 700_003))
    pool.look(3 * 3600 + 600)
    assert [dict(event.reason.numbers)["block"] for event in blocks.found(pool.image, pool.wiring, books)[1]] == [
        "700003"
    ]


def test_a_series_the_other_coins_answer_does_not_tell_is_not_taken_over_later_either():
    was = Ask(memory={f"{LABEL} held": "20404 1 7", f"{LABEL} rate": "489700 1 5", LABEL: "BTC 9"}, wall_s=WALL_S)
    options = build("solopool", BASE, wallets=(WALLET,), coin="BCH")
    script = Script(lambda _: told({"currentHashrate": 1}))
    found = {(each.channel, each.quantity): each.value for each in solopool.parse(
        solopool.fetch(script.wire, options, was), options)}  # fmt: skip
    assert found[(f"{LABEL} held", "history")] == ""
    assert series.read(found[(f"{LABEL} rate", "history")]).values == (1,)
    assert found[(LABEL, "memory")] == "BCH 9"


@pytest.mark.parametrize("mood", ["down", "page", "limit", "nonsense"])
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_service_out_of_its_mind_is_unknown_and_its_last_figures_only_get_older(kind, mood):
    pool = Watched(kind, [earner()], **({} if kind in CHANNEL else {"wallets": (WALLET,)}))
    pool.look(0)
    pool.service.mood = mood
    pool.look(300)
    pool.look(600)
    channel = CHANNEL.get(kind, LABEL)
    told = pool.image.channels[f"{pool.section}/{channel}:workers_n"]
    assert (told.value, told.at_s) == (2, 0)
    assert told.why
    assert len(json.dumps({key: value.value for key, value in pool.image.channels.items()})) < 6000


def test_one_lost_wallet_leaves_the_other_readable():
    pool = Watched("ckpool", [earner()], wallets=(WALLET, OTHER))
    pool.look(0)
    assert pool[f"{LABEL}:workers_n"] == 2
    assert pool[f"{_poolapi.short(OTHER)}:workers_n"] is None
    assert "does not know this wallet" in pool.why(f"{_poolapi.short(OTHER)}:workers_n")


@pytest.mark.parametrize(("coin", "host"), [("DGB", "dgb-sha"), ("BCH", "bch"), ("XMR", "xmr")])
def test_solopool_has_a_host_for_each_coin(coin, host):
    script = Script(lambda _: told({"currentHashrate": 1}))
    options = build("solopool", BASE, wallets=(WALLET,), coin=coin)._replace(url=solopool.URL)
    solopool.fetch(script.wire, options, Ask())
    assert [request.url for request in script.requests] == [f"https://{host}.solopool.org/api/accounts/{WALLET}"]


@pytest.mark.parametrize("every_s", [120, 300, 600, 1800, 3600])
def test_where_time_is_short_no_wallet_waits_for_ever(every_s):
    def slow(_request):
        return told({"currentHashrate": 1, "stats": {}})

    options = build("solopool", BASE, wallets=(WALLET, OTHER))
    first = []
    for at_s in range(0, 30 * every_s, every_s):
        script = Script(slow, budget_s=5.0, call_s=6.0)
        replies = solopool.fetch(script.wire, options, Ask(at_s=at_s))
        first.append(replies[1].name)
        assert replies[2].headers["why"] == _poolapi.LATE
        found = solopool.parse(replies, options)
        assert {each.channel.partition(" ")[0] for each in found} == {replies[1].name[8:], "coin", "digits"}
    assert min(first.count(name) for name in (f"account {LABEL}", f"account {_poolapi.short(OTHER)}")) >= 10


def test_a_wallets_prefix_is_no_part_of_its_name():
    assert _poolapi.short("bitcoincash:qq1234567890abcdef") == "qq1234..abcdef"
    assert _poolapi.short("short") == "short"


@pytest.mark.parametrize(
    ("wallets", "fault"),
    [
        ((WALLET,), None),
        (("bitcoincash:qq1234567890abcdef",), None),
        (("../etc/passwd",), "is no address"),
        (("a b c d e f g h",), "is no address"),
        ((WALLET, WALLET), "begin and end alike"),
        (tuple(f"D{n}example{n}" for n in range(9)), "are the most"),
    ],
)
def test_what_a_list_of_wallets_may_be(wallets, fault):
    faults = _poolapi.faults(wallets)
    assert (faults == []) if fault is None else any(fault in one for one in faults)


def test_p2pools_wallets_need_somebody_to_ask():
    options = build("p2pool", BASE, wallets=(WALLET,))
    assert KINDS["p2pool"].faults(options) == [
        "observer: nobody to ask about the wallets; name one, or take the wallets out"
    ]


def test_the_token_goes_in_its_header_and_the_two_questions_take_turns():
    options = build("braiinspool", BASE, token=Secret("canary-of-braiins"))
    script = Script(lambda _: told({"btc": {"hash_rate_60m": 1.0, "workers": {}}}))
    first = braiinspool.fetch(script.wire, options, Ask())
    memory = {each.channel: each.value for each in braiinspool.parse(first, options) if each.quantity == "memory"}
    braiinspool.fetch(script.wire, options, Ask(memory=memory))
    assert script.asked == ["GET /accounts/profile/json/btc/", "GET /accounts/workers/json/btc/"]
    assert {request.headers["Pool-Auth-Token"] for request in script.requests} == {"canary-of-braiins"}
    assert "canary" not in repr(first)


def test_workers_that_can_not_be_read_leave_an_accounts_balances_readable():
    """A long list of workers may be more than is taken of one answer: the profile has its turn all the same."""
    pool = Watched("braiinspool", [earner()])
    answer, paths = pool.service.answer, []

    def broken(request, at_s):
        paths.append(request.path)
        told = answer(request, at_s)
        return told._replace(status=500) if "workers" in request.path else told

    pool.service.answer = broken
    for at_s in (100_000, 100_300, 100_600, 100_900):
        pool.look(at_s)
    assert [path.split("/")[2] for path in paths] == ["profile", "workers"] * 2
    told = pool.image.channels[f"{pool.section}/account:unpaid_n"]
    assert (told.at_s, told.why) == (100_600, "")
    assert "500" in pool.why("account:workers_all_n")
    pool.service.mood = "down"
    for at_s in (101_200, 101_500, 101_620):
        pool.look(at_s)
    assert pool.image.channels[f"{pool.section}:health"].value is None


@given(st.integers(0, 10**19))
def test_amounts_are_exact_in_every_form(amount):
    assert _poolapi.whole(amount) == _poolapi.whole(str(amount)) == amount
    written = f"{Decimal(amount).scaleb(-8):f}"
    assert _poolapi.coins(written, 8) == amount


@pytest.mark.parametrize("value", [None, True, -1, "-1", "1e3", float("nan"), float("inf"), 1.5, "", "9" * 40, [], {}])
def test_what_is_no_amount_is_none(value):
    assert _poolapi.whole(value) is None


@pytest.mark.parametrize(
    "value", [None, True, "abc", "-0.1", "0.000000001", "NaN", "Infinity", "", "1" * 50, [], 1e300]
)
def test_what_is_no_amount_of_coins_is_none(value):
    assert _poolapi.coins(value, 8) is None


def test_an_amount_that_json_made_a_float_of_still_comes_out_even():
    assert _poolapi.coins(0.00012345, 8) == 12_345
    assert _poolapi.coins(0.1 + 0.2, 8) is None


def test_names_of_workers_can_write_no_keys():
    rows = {"a/b:c\n<script>": {"hr": 5, "offline": False}, "x" * 99: {"hr": 6, "offline": False}}
    body = json.dumps({"currentHashrate": 1, "workers": rows, "stats": {}}).encode()
    options = build("solopool", BASE, wallets=(WALLET,))
    found = solopool.parse((Reply(f"account {LABEL}", 200, {}, body),), options)
    names = [each.channel for each in found if " worker " in each.channel]
    assert names == [f"{LABEL} worker a_b_c_script_", f"{LABEL} worker xxxxx..{'x' * 17}"]


def test_nine_hundred_workers_are_a_few_readings():
    rows = {f"w{at}": {"hr": at, "offline": False} for at in range(900)}
    body = json.dumps({"currentHashrate": 1, "workers": rows, "stats": {}}).encode()
    options = build("solopool", BASE, wallets=(WALLET,))
    assert len(solopool.parse((Reply(f"account {LABEL}", 200, {}, body),), options)) < 60


def workers(found):
    return {each.channel.partition(" worker ")[2]: each.value for each in found if " worker " in each.channel}


def test_a_workers_name_may_hold_points_and_an_address_is_no_name():
    # ckpool's stratifier.c: strsep(workername, "._") is the address, all behind it the worker's own name
    names = (f"{WALLET}.row1.10", f"{WALLET}.row2.10", f"{WALLET}_rig3", WALLET)
    rows = [{"workername": name, "hashrate1hr": f"{at}T"} for at, name in enumerate(names, 1)]
    reply = Reply(f"user {LABEL}", 200, {}, json.dumps({"hashrate1hr": "10T", "worker": rows}).encode())
    found = workers(ckpool.parse((reply,), build("ckpool", BASE, wallets=(WALLET,))))
    assert found == {"row1.10": 1e12, "row2.10": 2e12, "rig3": 3e12, "_": 4e12}


def test_an_accounts_workers_keep_the_whole_name_behind_the_user():
    rows = {f"user.row{at}.10": {"hash_rate_unit": "Gh/s", "hash_rate_60m": at, "last_share": 1} for at in (1, 2)}
    reply = Reply("workers account", 200, {}, json.dumps({"btc": {"workers": rows}}).encode())
    found = workers(braiinspool.parse((reply,), build("braiinspool", BASE, token=Secret("x"))))
    assert found == {"row1.10": 1e9, "row2.10": 2e9}


def test_long_names_of_workers_that_differ_at_their_ends_stay_two():
    rows = {f"user.farm-1.container-12.row{at}.10": {"hash_rate_unit": "Gh/s", "hash_rate_60m": at} for at in (1, 2)}
    reply = Reply("workers account", 200, {}, json.dumps({"btc": {"workers": rows}}).encode())
    found = workers(braiinspool.parse((reply,), build("braiinspool", BASE, token=Secret("x"))))
    assert found == {"farm-..tainer-12.row1.10": 1e9, "farm-..tainer-12.row2.10": 2e9}
