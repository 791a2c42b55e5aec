"""Each miner of a small site on the page and in status.json."""

import json
import re

import pytest
import sample
from test_page import EVIL, read

from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import EndpointSpec, MinerSpec, Path, Wiring
from mine_controller.core.wording.words import sentence
from mine_controller.render import files, metrics, others, page, status_json, view, wall
from mine_controller.render.cards import SMALL
from mine_controller.render.fleet import units
from mine_controller.render.given import History, Past
from mine_controller.render.links import miner_page
from mine_controller.render.shelf import rate
from mine_controller.render.times import moments

PLANT, NOW = sample.PLANT, sample.NOW
SHELF, DESK, OFFICE = "bitaxe shelf", "nmminer desk", "xmrig office"


def spec(name, group=SHELF, **other):
    return MinerSpec(name, f"mac-{name}", group, 17, 3, paths=(Path(group, 20, gentle=True),), **other)


def wiring(*specs):
    groups = dict.fromkeys([one.group for one in specs] or [SHELF])
    return Wiring({}, (), tuple(specs), (), {}, {name: EndpointSpec(name, fleet=True) for name in groups})


def unit(one, at_s=PLANT - 4, **told):
    """Channels of a unit that answers; a name with "__" is a text ("model__")."""
    told = {"address": "10.0.0.7", "word": "hashing", "power_w": 17, "chip_c": 55.0, "hashrate_ths": 1.2} | told
    out = {}
    for name, value in told.items():
        key = f"{one.group}/{one.mac} {name[:-2]}:text" if name.endswith("__") else f"{one.group}/{one.mac}:{name}"
        out[key] = value if isinstance(value, Value) else Value(value, at_s, key)
    return out


def book(wired, channels, tried_s=PLANT - 5):
    seen = {f"{name}:tried": Value(1, tried_s) for name in wired.endpoints} | channels
    rows = [
        [seen.get(f"{one.group}/{one.mac}:{what}", Value(None, 0)) for what in ("power_w", "word", "address")]
        for one in wired.miners
    ]
    fresh = [[value if PLANT - value.at_s <= 240 else value._replace(value=None) for value in row] for row in rows]
    miners = Miners(
        tuple(one.id for one in wired.miners),
        tuple(row[0].value for row in fresh),
        tuple(row[0].at_s for row in rows),
        tuple(row[1].value for row in fresh),
        tuple(row[1].at_s for row in rows),
        tuple(None for _ in rows),
        tuple(row[2].value for row in fresh),
    )
    return Book(State(), Image(Clock(PLANT, NOW), seen, {}, (), miners, {}))


def made(wired, channels, **facts):
    return status_json.document(
        book(wired, channels), sample.facts(0, wiring=wired, **facts), History(), sentence, NOW + 3
    )


def shown(wired, channels, **facts):
    told = view.view(book(wired, channels), sample.facts(0, wiring=wired, **facts), History(), sentence, NOW + 3)
    return page.render(told)


def test_a_card_says_what_the_unit_is_and_what_it_does():
    one = spec("a01")
    told = unit(
        one, model__="BM1370 board 601", firmware__="v2.14.1", mode="eco", pool="solo", fan_pct=51, fan_rpm=3600
    )
    [card] = made(wiring(one), told)["units"]
    assert (card["id"], card["kind"], card["online"], card["word"]) == ("a01", "bitaxe", True, "hashing")
    assert (card["model"], card["firmware"]) == ("BM1370 board 601", "v2.14.1")
    assert (card["hashes_per_s"], card["algorithm"]) == (1.2e12, "SHA-256")
    assert (card["power_w"], card["chip_c"], card["fan_pct"], card["fan_rpm"]) == (17, 55.0, 51, 3600)
    assert (card["mode"], card["pool"], card["seen_at"]) == ("eco", "solo", NOW - 4)
    text = read(shown(wiring(one), told)).text
    for word in ("online", "1.20\u00a0TH/s", "55.0\u00a0°C", "17\u00a0W", "51\u00a0% 3,600\u00a0rpm", "eco", "v2.14.1"):
        assert word in text


def test_a_unit_that_did_not_answer_when_last_asked_is_offline_at_once():
    one = spec("a01")
    told = unit(one, PLANT - 125)
    told[f"{SHELF}/mac-a01:word"] = Value("hashing", PLANT - 125, "", "no answer in 8.0 s")
    document = made(wiring(one), told)
    [card] = document["units"]
    assert (card["online"], card["word"], card["why"]) == (False, None, "no answer in 8.0 s")
    assert (document["totals"]["online"], document["totals"]["offline"]) == (0, 1)
    assert document["miners"]["online"] == 0, "both faces count alike"
    assert (document["miners"]["hashing"], document["miners"]["words_known"]) == (None, 0)
    text = read(shown(wiring(one), told)).text
    assert "offline" in text
    assert "no answer in 8.0 s" in text
    assert "heard 2" in text


def test_hashing_is_of_those_that_answer_now():
    """The page said "Online 1 of 3; hashing 2 of 3 that answer": the word of one that is gone, and the cloud's."""
    specs = [spec("a01"), spec("a02"), spec("a03", DESK)]
    told = unit(specs[0]) | unit(specs[1], PLANT - 125) | unit(specs[2], word="offline", power_w=None)
    document = made(wiring(*specs), told)
    assert {name: document["miners"][name] for name in ("online", "hashing", "words_known")} == {
        "online": 1, "hashing": 1, "words_known": 1
    }  # fmt: skip


def silent_at_its_outlet():
    """A unit that answered 400 s ago and not since, while its outlet shows that it draws power; one beside it."""
    one, other = spec("a01", outlet="redfish pdu1/A1"), spec("a02")
    told = unit(one, PLANT - 400, power_w=Value(17, PLANT - 4)) | unit(other)
    told[f"{SHELF}/mac-a01:word"] = Value("hashing", PLANT - 400, "", "no answer in 8.0 s")
    return wiring(one, other), told


def test_the_rate_of_a_unit_that_fell_silent_is_unknown_has_its_age_and_is_in_no_sum():
    wired, told = silent_at_its_outlet()
    document = made(wired, told)
    card = document["units"][0]
    assert (card["online"], card["state"], card["power_w"]) == (True, "running", 17)
    assert (card["hashes_per_s"], card["last_hashes_per_s"], card["rate_at"]) == (None, 1.2e12, NOW - 400)
    assert document["totals"]["hashrates"] == [
        {"algorithm": "SHA-256", "hashes_per_s": 1.2e12, "known": 1, "of": 2},
    ]
    text = read(shown(wired, told)).text
    assert "1.20\u00a0TH/s 7\u00a0min ago" in text
    assert "not heard for 7\u00a0min" in text
    assert [one.hashes_per_s for one in metrics.each(book(wired, told), wired)] == [None, 1.2e12]


def test_the_pages_of_a_silent_unit_show_its_rate_as_what_it_was():
    wired, told = silent_at_its_outlet()
    seen = book(wired, told)
    facts = sample.facts(0, wiring=wired)
    given = others.Given(made(wired, told), seen, facts, Past(), sentence, NOW + 3)
    listed = {row["id"]: row["rate"] for row in others.fleet(given)["fleet"]["rows"]}
    assert listed == {"a01": "unknown", "a02": "1.2\u00a0TH/s"}
    figures = {}
    for _, one, card in others.every_miner(given):
        [figures[one.spec.id]] = [
            each for each in others.miner(given, one, card)["figures"] if each["name"] == "Hash rate"
        ]
    assert (figures["a01"]["value"], figures["a01"]["note"]) == ("unknown", "last 1.20\u00a0TH/s 7\u00a0min ago")
    assert figures["a02"]["note"] == "SHA-256"


def test_the_page_of_a_unit_says_which_of_its_ways_it_has_said_it_does_not_know():
    one = spec("a01")._replace(paths=(Path(SHELF, 20, gentle=True), Path("redfish pdu1", 10, gentle=False)))
    seen, facts = book(wiring(one), unit(one)), sample.facts(0, wiring=wiring(one))

    def stopped_by(**last):
        given = others.Given(
            made(wiring(one), unit(one)), seen._replace(state=State(last=last)), facts, Past(), sentence, NOW
        )
        [(_, each, card)] = others.every_miner(given)
        return next(fact["value"] for fact in others.miner(given, each, card)["facts"] if fact["name"] == "Stopped by")

    assert stopped_by() == "bitaxe shelf, then redfish pdu1"
    assert stopped_by(no_stop={SHELF: ["a01"]}) == "bitaxe shelf (says it has no stop), then redfish pdu1"


def test_a_rate_older_than_it_may_be_is_not_shown_even_as_what_it_was():
    wired, told = silent_at_its_outlet()
    told[f"{SHELF}/mac-a01:hashrate_ths"] = Value(1.2, PLANT - 601)
    [card, _] = made(wired, told)["units"]
    assert (card["hashes_per_s"], card["last_hashes_per_s"], card["rate_at"]) == (None, None, None)


def test_a_unit_whose_word_is_unknown_but_that_answers_is_online():
    one = spec("a01")
    told = unit(one, word=Value(None, 0, "", "gives no hash rate"))
    [card] = made(wiring(one), told)["units"]
    assert (card["online"], card["word"]) == (True, None)


def test_a_unit_never_seen_says_so_and_nothing_of_it_is_nought():
    document = made(wiring(spec("a01")), {})
    [card] = document["units"]
    assert card["why"] == "never seen"
    assert {card[name] for name in ("power_w", "hashes_per_s", "chip_c", "fan_rpm", "seen_at", "word")} == {None}
    assert document["totals"]["power_w"] is None
    assert document["totals"]["avg_chip_c"] is None
    text = read(shown(wiring(spec("a01")), {})).text
    assert "never heard" in text
    assert not re.search(r"(?<![\d.,])0(\.0+)?\s(W|°C|TH/s|H/s)", text)


def test_a_unit_without_a_meter_is_no_less_seen_for_that():
    """A stock Antminer tells no watts: its note is what it is told and why, never that nobody saw it."""
    wired = wiring(*(spec(name) for name in ("a01", "a02", "a03", "a04", "a05")))
    on, held, lost, sick, _ = wired.miners
    none = Value(None, 0)
    told = unit(on, power_w=none) | unit(held, power_w=none, word="sleeping") | unit(sick, power_w=none, word="error")
    told |= unit(lost, PLANT - 200, power_w=none)
    skip = {"a02": Reason("override", "set", (("actor", "ann"), ("key", "miner.a02"), ("to", "stop")))}
    usual = sample.book("RUNNING").decision
    seen = book(wired, told)._replace(decision=usual._replace(plan=usual.plan._replace(skip=skip)))
    rows = wall.rows(seen, units(seen, wired), sample.facts(0, wiring=wired), sentence, moments(seen, NOW))
    notes = {row["id"]: row["why"] for row in rows}
    assert notes == {
        "a01": "",
        "a02": sentence(skip["a02"]),
        "a03": "last known 3\u00a0min ago",
        "a04": "says error",
        "a05": "never seen",
    }


def test_what_is_older_than_it_may_be_is_unknown_and_names_stay():
    one = spec("a01")
    told = unit(one, model__=Value("BM1370", 10), chip_c=Value(99.0, PLANT - 500), mode=Value("eco", PLANT - 500))
    [card] = made(wiring(one), told)["units"]
    assert (card["model"], card["chip_c"], card["mode"]) == ("BM1370", None, "")


def test_hash_rates_of_different_algorithms_are_never_added():
    axe, cpu, esp = spec("a01"), spec("a02", OFFICE), spec("a03", DESK)
    told = unit(axe) | unit(cpu, hashrate_ths=None, hashrate__="11800.5 / 11790 / ? H/s rx/0")
    told |= unit(esp, hashrate_ths=0.0, hashrate__="1015.4 kH/s")
    totals = made(wiring(axe, cpu, esp), told)["totals"]
    assert totals["hashrates"] == [
        {"algorithm": "SHA-256", "hashes_per_s": 1.2e12 + 1015.4e3, "known": 2, "of": 2},
        {"algorithm": "rx/0", "hashes_per_s": 11800.5, "known": 1, "of": 1},
    ]
    text = read(shown(wiring(axe, cpu, esp), told)).text
    assert "11.8\u00a0kH/s" in text
    assert "1.02\u00a0MH/s" in text


def test_totals_say_of_how_many_and_count_only_who_is_there():
    here, away, mute = spec("a01"), spec("a02"), spec("a03")
    told = unit(here) | unit(away, PLANT - 200) | unit(mute, power_w=None, chip_c=65.0)
    totals = made(wiring(here, away, mute), told)["totals"]
    assert (totals["total"], totals["online"], totals["offline"]) == (3, 2, 1)
    assert (totals["power_w"], totals["power_known"]) == (17, 1)
    assert (totals["avg_chip_c"], totals["chip_known"]) == (60.0, 2)
    assert (totals["hashrates"][0]["known"], totals["hashrates"][0]["of"]) == (2, 3)
    text = read(shown(wiring(here, away, mute), told)).text
    for word in ("2 of 3", "1 offline", "1 of 3 known", "60.0\u00a0°C"):
        assert word in text


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("hashing", "running"),
        ("sleeping", "stopped"),
        ("stopped", "stopped"),
        ("booting", "starting"),
        ("error", "unknown"),
    ],
)
def test_a_unit_without_any_meter_is_counted_by_its_own_word(word, state):
    one, other = spec("a01", OFFICE), spec("a02")
    told = unit(one, power_w=Value(None, 0), word=word) | unit(other)
    miners = made(wiring(one, other), told)["miners"]
    assert miners[state] == (2 if state == "running" else 1)
    assert miners["running"] == (2 if word == "hashing" else 1)


@pytest.mark.parametrize(
    ("watts", "told"),
    [
        ((3, 3), "dark, measured"),
        ((None, None), "dark, by its own word"),
        ((3, None), "dark, measured; 1 dark, by its own word"),
    ],
)
def test_dark_is_called_measured_only_where_watts_prove_it(watts, told):
    """Decision 11: the word of a unit that nothing measures counts, and is not called a measurement."""
    one, other = spec("a01", OFFICE), spec("a02")
    said = unit(one, power_w=Value(watts[0], PLANT if watts[0] else 0), word="sleeping")
    said |= unit(other, power_w=Value(watts[1], PLANT if watts[1] else 0), word="sleeping")
    wired = wiring(one, other)
    seen = view.view(book(wired, said), sample.facts(0, wiring=wired), History(), sentence, NOW)
    tally = {row["state"]: row["told"] for row in seen["fleet"]["states"]}
    assert tally["stopped"] == told
    assert tally["running"] == "draws power"
    assert made(wired, said)["miners"]["by_word"] == watts.count(None)


def test_a_curtailment_that_words_alone_prove_is_not_called_measured():
    one, other = spec("a01", OFFICE), spec("a02")
    told = unit(one, power_w=Value(None, 0), word="sleeping") | unit(other, power_w=3, word="sleeping")
    wired = wiring(one, other)
    seen = book(wired, told)._replace(decision=sample.book("CURTAILED").decision)

    def mode(**changed):
        document = status_json.document(seen, sample.facts(0, wiring=wired), History(), sentence, NOW) | changed
        return view.frame(document, view.Zone(0, "UTC"))["mode"]["told"]

    assert mode() == "down, 1 of 2 by their own word alone"
    assert mode(power_source="meter") == "down, proven by measurement"


def test_a_unit_whose_meter_fell_silent_is_unknown_whatever_it_says():
    one = spec("a01")
    told = unit(one, power_w=Value(17, PLANT - 600))
    assert made(wiring(one), told)["units"][0]["state"] == "unknown"


def test_units_that_answer_and_are_not_listed_are_shown_apart():
    one, stranger = spec("a01"), spec("x01")
    told = unit(one) | unit(stranger, address="10.0.0.99", model__="BM1366")
    document = made(wiring(one), told)
    assert [card["id"] for card in document["units"]] == ["a01"]
    [seen] = document["unlisted"]
    assert (seen["group"], seen["unit"], seen["address"], seen["model"]) == (SHELF, "mac-x01", "10.0.0.99", "BM1366")
    text = read(shown(wiring(one), told)).text
    assert "in no line of fleet.csv" in text
    assert "10.0.0.99" in text


def test_units_that_are_not_listed_are_shown_on_a_large_site_too_and_all_of_them_are_counted():
    """A container's fleet section that reports 280 and lists none was `60`; where 61 are listed, no page named any."""
    strangers = [spec(f"x{at:03}") for at in range(SMALL + 5)]
    answers = {key: value for one in strangers for key, value in unit(one).items()}
    for listed in ([], [spec(f"a{at:03}") for at in range(SMALL + 1)]):
        wired = wiring(*listed)
        document = made(wired, answers)
        assert (document["unlisted_n"], len(document["unlisted"])) == (SMALL + 5, SMALL)
        text = " ".join(read(shown(wired, answers)).text.split())
        assert f"in no line of fleet.csv {SMALL + 5} " in text
        assert f"The first {SMALL} of them stand here" in text
        assert "mac-x000" in text
    assert "of them stand here" not in read(shown(wiring(), unit(strangers[0]))).text


def test_a_large_site_has_no_cards_and_says_null():
    many = [spec(f"a{at:03}") for at in range(SMALL + 1)]
    document = made(wiring(*many), {})
    assert document["units"] is None
    assert document["totals"] is None
    assert "Each miner" not in read(shown(wiring(*many), {})).text


def test_every_field_of_a_card_and_of_the_totals_is_documented():
    told = (files.found("templates").parent / "docs" / "status-json.md").read_text()
    one, stranger = spec("a01"), spec("x01")
    document = made(wiring(one), unit(one) | unit(stranger))
    names = [*document["units"][0], *document["totals"], *document["totals"]["hashrates"][0], *document["unlisted"][0]]
    for name in names:
        assert re.search(rf"\b{name}\b", told), name
    assert json.loads(status_json.text(document)) == document


def test_nothing_a_device_says_becomes_a_part_of_the_page():
    """SEC1: texts of hostile units stay texts, cut to a length."""
    one, stranger = spec("a01"), spec("x01")
    texts = dict.fromkeys(("model__", "firmware__", "fan__", "hashrate__", "mode__", "pool__", "trouble__"), EVIL * 9)
    evil = texts | dict.fromkeys(("word", "address", "mode", "pool"), EVIL * 9)
    told = unit(one, **evil) | unit(stranger, **evil)
    wired = wiring(one._replace(name=EVIL))
    reader = read(shown(wired, told))
    assert reader.wrong == []
    assert "img" not in reader.tags
    assert reader.tags.count("script") <= 2
    assert not [each for each in reader.attributes if each[1].startswith("on") or each[1] == "style"]
    assert "\u202e" not in reader.text
    assert max(map(len, reader.texts)) < 600


def test_a_public_page_shows_cards_without_addresses_macs_and_names():
    """SEC6: what tells where the mine is stays off a public page."""
    one = spec("a01")._replace(mac="02:4d:48:00:00:01", name="under the stairs")
    stranger = spec("x01")._replace(mac="nm-cyd-c5-ab12cd")
    told = unit(one, address="10.0.0.7") | unit(stranger, address="10.0.0.8")
    text = shown(wiring(one), told, publish="public")
    assert "a01" in text
    document = json.dumps(made(wiring(one), told, publish="public"))
    for hidden in ("10.0.0.", "02:4d", "stairs", "nm-cyd"):
        assert hidden not in text
        assert hidden not in document


@pytest.mark.parametrize(
    ("hs", "text"),
    [
        (None, "unknown"),
        (0.0, "0.00\u00a0H/s"),
        (950.0, "950\u00a0H/s"),
        (11_800.0, "11.8\u00a0kH/s"),
        (1.24e12, "1.24\u00a0TH/s"),
        (109.4e12, "109\u00a0TH/s"),
        (2.5e15, "2.50\u00a0PH/s"),
        (999.4e9, "999\u00a0GH/s"),
        (999.6e9, "1.00\u00a0TH/s"),
        (12e18, "12.0\u00a0EH/s"),
    ],
)
def test_hash_rates_are_written_with_the_unit_that_fits(hs, text):
    assert rate(hs) == text


@pytest.mark.parametrize(("scale", "told"), [("C", "a000 running 17 W 55 °C"), ("F", "a000 running 17 W 131 °F")])
def test_a_cell_of_the_wall_tells_its_chip_in_the_unit_of_the_site(scale, told):
    """It stood in Celsius over a legend in Fahrenheit."""
    many = [spec(f"a{at:03}") for at in range(SMALL + 1)]
    text = shown(wiring(*many), unit(many[0]), temperature_unit=scale)
    assert f"<title>{told}</title>" in text.replace("\u00a0", " ")


def test_a_card_of_a_public_page_leads_to_its_miners_page_also_where_its_name_is_masked():
    """The link was made of what stood in the name's place, and led nowhere."""
    specs = [spec("10.0.0.7"), spec("rosa-desk"), spec("a01")]
    told = {key: value for one in specs for key, value in unit(one).items()}
    text = shown(wiring(*specs), told, publish="public", people=("rosa",))
    cards = re.findall(r'<p class="head"><a href="([^"]+)"', text)
    assert cards == [miner_page(one.id) for one in specs]
