"""Pools on the page and as JSON: exact amounts, old figures said to be old, no wallet where the public looks."""

import json
import re

import pytest
import sample
from test_page import EVIL, read

from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import EndpointSpec
from mine_controller.core.wording.words import sentence
from mine_controller.render import page, pools, view
from mine_controller.render.given import History
from mine_controller.render.text import Zone
from mine_controller.render.times import moments

PLANT, NOW = sample.PLANT, sample.NOW
SOLO = "solopool dgb"
LABEL, SECOND = "D8exam..le1111", "D9exam..le2222"
POOLS = (PoolFacts("main", "DGB", "main.example", "reserve"), PoolFacts("reserve", "DGB", "reserve.example"))
HOURS = " ".join(str(1_700_000_000_000 + at * 10**9) for at in range(24))
FIGURES = {
    f"{LABEL}:hashrate_hs": 1_700_000_000_000,
    f"{LABEL}:workers_n": 2,
    f"{LABEL}:workers_all_n": 3,
    f"{LABEL}:immature_n": 275_000_000_001,
    f"{LABEL}:unpaid_n": 12_345,
    f"{LABEL}:paid_n": 0,
    f"{LABEL}:earned_day_n": 275_000_000_001,
    f"{LABEL}:blocks_n": 1,
    f"{LABEL}:share_wall_s": NOW - 60,
    f"{LABEL} block:text": "812001 2025-11-13 03:13",
    f"{LABEL} rate:history": f"489725 3 {HOURS}",
    f"{LABEL} held:history": "20405 1 100 - 400",
    f"{LABEL} worker attic:hashrate_hs": 1_200_000_000_000,
    f"{SECOND}:hashrate_hs": 0,
    "coin:text": "DGB",
    "digits:text": "9",
}


def book(channels=None, memory=None, at_s=PLANT - 30):
    made = sample.book("RUNNING")
    told = {f"{SOLO}/{key}": value if isinstance(value, Value) else Value(value, at_s)
            for key, value in (FIGURES if channels is None else channels).items()}  # fmt: skip
    told[f"{SOLO}:health"] = Value("ok", at_s)
    spec = sample.wiring().miners[0]
    told[f"{spec.group}/{spec.mac}:pool"] = Value("main", at_s)
    told[f"{spec.group}/{spec.mac} best:text"] = Value("8.13G", at_s)
    image = made.image._replace(channels={**made.image.channels, **told})
    state = made.state._replace(memory={**made.state.memory, "failover": memory or {}})
    return made._replace(image=image, state=state)


def facts(**more):
    made = sample.facts(pools=POOLS, **more)
    ends = {**made.wiring.endpoints, SOLO: EndpointSpec(SOLO, 300)}
    return made._replace(wiring=made.wiring._replace(endpoints=ends))


def shown(made, site=None):
    return pools.pools(pools.document(made, site or facts(), moments(made, NOW)), Zone(0, "UTC"), NOW)


def drawn(made, site=None):
    return page.render(view.view(made, site or facts(), History(), sentence, NOW))


def test_amounts_are_exact_to_the_last_digit():
    document = pools.document(book(), facts(), moments(book(), NOW))
    (wallet, _) = document["services"][0]["wallets"]
    assert (wallet["immature_n"], wallet["unpaid_n"]) == (275_000_000_001, 12_345)
    json.dumps(document, allow_nan=False)
    card = shown(book())["services"][0]["wallets"][0]
    assert [one["value"] for one in card["money"]] == [
        "275\u00a0DGB",
        "275\u00a0DGB",
        "0.00001234\u00a0DGB",
        "0\u00a0DGB",
    ]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 8, "unknown"),
        (0, 8, "0\u00a0BTC"),
        (12_345, 8, "0.00012345\u00a0BTC"),
        (2_100_000_000_000_000, 8, "21,000,000\u00a0BTC"),
        (9_007_199_254_740_993, 8, "90,071,992.54740993\u00a0BTC"),
        (23_171_671_600, 12, "0.02317167\u00a0BTC"),
        (7, 0, "7\u00a0BTC"),
    ],
)
def test_amounts_in_words(value, digits, text):
    assert pools.amount(value, digits, "BTC") == text


def test_a_day_of_hash_rate_is_a_line_and_a_sentence():
    spark = shown(book())["services"][0]["wallets"][0]["spark"]
    assert spark["line"].count("L") == 23
    assert spark["text"] == "from 1.70\u00a0TH/s to 1.72\u00a0TH/s, now 1.72\u00a0TH/s"
    held = shown(book())["services"][0]["wallets"][0]["held"]
    assert held["line"].count("M") == 2, "a day nobody saw is a hole"
    assert pools.spark([5], 24, str) is None
    assert pools.spark([None, None], 24, str) is None
    assert pools.spark([0, 0], 24, str)["line"]


def test_each_pool_has_a_row_with_its_health_and_who_stands_in():
    memory = {"pools": {"main": {"down_s": 5, "why": "its port can't be reached", "instead": "reserve",
                                 "took": [95, 0], "lost": [5, 0], "rose_s": PLANT - 600}}}  # fmt: skip
    main, reserve = shown(book(memory=memory))["rows"]
    assert (main["state"], main["instead"], main["accepted"]) == ("down", "reserve", "95\u00a0%")
    assert (main["share"], main["best"], main["miners"]) == ("10\u00a0min ago", "8.13\u00a0G", "1 of 1")
    assert (reserve["state"], reserve["share"], reserve["link"]) == ("unknown", "unknown", "not checked")
    html = drawn(book(memory=memory))
    assert "reserve stands in" in html
    assert "can&#39;t be reached" in html


def test_figures_of_yesterday_are_said_to_be_old_and_unknown_ones_why():
    card = shown(book(at_s=PLANT - 7200))["services"][0]["wallets"][0]
    assert card["old"] == "2\u00a0h old"
    lost = {key: Value(value, PLANT - 900, "", "answered 502") for key, value in FIGURES.items()}
    assert shown(book(lost))["services"][0]["wallets"][0]["why"] == "answered 502"


def test_who_left_the_pool_is_not_shown_as_working_there_and_its_last_share_stays():
    """public-pool takes a worker that disconnects off its list; what it said last is no figure of now."""
    old = PLANT - 3600
    lost = {f"{LABEL} worker attic:hashrate_hs": Value(1_200_000_000_000, old),
            f"{LABEL}:hashrate_hs": Value(1_700_000_000_000, old, "", "not in the answer"),
            f"{LABEL}:share_wall_s": Value(NOW - 3600, old)}  # fmt: skip
    made = book({**FIGURES, f"{LABEL} worker shelf:hashrate_hs": 5, **lost})
    card = shown(made)["services"][0]["wallets"][0]
    assert [one["name"] for one in card["workers"]] == ["shelf"]
    assert "<summary>1 worker</summary>" in drawn(made), "one is no plural"
    assert card["rate"] == "unknown"
    assert "last share" in [one["name"] for one in card["facts"]]
    half = book({**FIGURES, f"{LABEL} worker attic:hashrate_hs": Value(7, PLANT - 700)})
    assert len(shown(half)["services"][0]["wallets"][0]["workers"]) == 1, "Braiins Pool tells its workers by turns"


def test_public_pages_show_no_wallet_and_no_workers_name():
    html = drawn(book(), facts(publish="public"))
    assert "wallet 1" in html
    assert "worker 1" in html
    for hidden in (LABEL, SECOND, "D8exam", "le1111", "attic"):
        assert hidden not in html
    document = json.dumps(pools.document(book(), facts(publish="public"), moments(book(), NOW)))
    assert "D8exam" not in document
    assert "attic" not in document
    assert LABEL in drawn(book())


def test_a_site_without_pools_has_no_panel():
    made = sample.book("RUNNING")
    assert pools.pools(pools.document(made, sample.facts(), moments(made, NOW)), Zone(0, "UTC"), NOW) is None
    assert 'id="pools"' not in page.render(view.view(made, sample.facts(), History(), sentence, NOW))


def test_before_the_first_tick_there_is_nothing_to_say():
    made = sample.book("INIT")._replace(image=None, decision=None)
    assert pools.document(made, facts(), moments(made, NOW)) == {"pools": [], "services": []}


def test_what_a_service_sends_is_text_and_nothing_else():
    channels = {f"{LABEL}:hashrate_hs": 5, f"{LABEL} worker {EVIL}:hashrate_hs": 5, f"{LABEL} block:text": EVIL,
                "coin:text": EVIL, "digits:text": EVIL, f"{LABEL} rate:history": EVIL}  # fmt: skip
    html = drawn(book(channels))
    assert EVIL not in html
    read(html)
    panel = html.partition('id="pools"')[2].partition("</section>")[0]
    assert not {"script", "img", "iframe", "a"} & set(re.findall(r"<([a-z0-9]+)", panel))


def test_no_two_places_of_the_page_have_one_name_also_with_two_services():
    """The script opens again by its name what a person had opened."""
    made = view.view(book(), facts(), History(), sentence, NOW)
    made["pools"]["services"] = made["pools"]["services"] * 2
    names = re.findall(r' id="([^"]+)"', page.render(made))
    assert sum(name.startswith("d-workers") for name in names) == 2
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (0.0, "0"),
        (999.4, "999"),
        (999.6, "1\u00a0k"),
        (999_499, "999\u00a0k"),
        (999_960_000, "1\u00a0G"),
        (8.13e9, "8.13\u00a0G"),
        (2e22, "20\u00a0Z"),
    ],
)
def test_a_difficulty_has_three_figures_and_never_a_power_of_ten(value, text):
    assert pools.difficulty(value) == text
