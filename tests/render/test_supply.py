"""The sections on source, uplinks and holding pool: what is known, what is not, and nothing where there is none."""

import pytest
import sample
from drawn import given

from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import EndpointSpec, Role, UplinkSpec
from mine_controller.core.wording.words import sentence
from mine_controller.render import metrics, status_json, supply_panel, view
from mine_controller.render.others import debug
from mine_controller.render.page import render

LINK = "openmptcprouter router"
POOL = "dummy_pool local"
TOLD = {
    f"{LINK}/Starlink:link": "up",
    f"{LINK}/Starlink:latency_ms": 42.0,
    f"{LINK}/Starlink:loss_pct": 0.5,
    f"{LINK}/LTE:link": "down",
    f"{POOL}:health": "ok",
    f"{POOL}:switch": "on",
    f"{POOL}:link": "up",
    f"{POOL}:clients_n": 158,
    "machine controller:board_c": 61.0,
    "machine controller/disk:contact": "alarm",
}


def book(channels=TOLD, memory=None, site=None):
    """A running book with these channels beside its own."""
    made = sample.book("RUNNING")
    image = made.image
    now_s = image.clock.plant_s
    values = {key: Value(value, now_s, key, "") for key, value in channels.items()}
    own = {key: value for key, value in image.channels.items() if ":link" not in key}
    seen = {name: Value(value, now_s, "mqtt supply/source", "") for name, value in (site or {}).items()}
    image = image._replace(channels={**own, **values}, site={**image.site, **seen})
    return made._replace(image=image, state=made.state._replace(memory={**made.state.memory, **(memory or {})}))


def facts(**wired):
    found = sample.facts()
    wiring = found.wiring
    ends = {name: EndpointSpec(name) for name in (LINK, POOL, "machine controller")}
    roles = {**wiring.roles, "supply_kw": Role("supply_kw", ("mqtt supply/source:supply_kw",), "sum", 240)}
    links = (UplinkSpec("starlink", f"{LINK}/Starlink"), UplinkSpec("lte", f"{LINK}/LTE"))
    wiring = wiring._replace(
        **{"endpoints": {**wiring.endpoints, **ends}, "roles": roles, "uplinks": links, "dummy_pool": POOL, **wired}
    )
    return found._replace(wiring=wiring)


KEPT = {"supply": {"held_w": 900_000, "available_w": 950_000}, "uplinks": {"links": {"lte": {"up": 0, "bad_s": 5}}}}


def document(made=None, site=None):
    made = made or book(memory=KEPT, site={"supply_kw": 950.0})
    return status_json.document(made, site or facts(), sample.history("RUNNING"), sentence, sample.NOW + 3)


def page(made=None, site=None):
    given = (made or book(memory=KEPT, site={"supply_kw": 950.0}), site or facts())
    return render(view.view(*given, sample.history("RUNNING"), sentence, sample.NOW + 3))


def test_the_share_in_use_is_of_what_counts():
    told = document()["supply"]
    assert (told["held_w"], told["available_w"]) == (900_000, 950_000)
    assert told["used_pct"] == pytest.approx(100 * told["used_w"] / 900_000, abs=0.1)
    assert told["over"] is (told["used_w"] > 900_000)


def test_a_source_nobody_has_heard_of_yet_is_unknown_and_not_nought():
    told = document(book())["supply"]
    assert {told[name] for name in ("held_w", "available_w", "used_pct", "over")} == {None}
    assert "supply_held_watts" not in metrics.metrics(document(book()))


def test_of_a_source_that_is_not_heard_no_load_is_called_more_than_there_is():
    kept = {"supply": {"held_w": 0, "available_w": 0}}
    told = document(book(memory=kept, site={"supply_kw": None}))["supply"]
    assert (told["held_w"], told["over"]) == (0, None)


def test_more_used_than_there_is_stands_on_the_page():
    kept = {"supply": {"held_w": 400_000, "available_w": 400_000}}
    assert "more than there is" in page(book(memory=kept))
    assert "more than there is" not in page(book(memory={"supply": {"held_w": 990_000, "available_w": 990_000}}))


def test_what_is_used_of_a_source_that_gives_nothing_is_told_in_watts_and_is_not_unknown():
    kept = {"supply": {"held_w": 0, "available_w": 0}}
    shown = view.view(
        book(memory=kept, site={"supply_kw": 0.0}), facts(), sample.history("RUNNING"), sentence, sample.NOW
    )
    (figure,) = (one for one in shown["figures"] if one["name"] == "Supply used")
    assert (figure["value"], figure["note"]) == (shown["power"]["value"], "of 0\u00a0W that counts")
    assert (figure["unknown"], figure["tone"]) == (False, "bad")


def test_each_uplink_has_its_word_its_latency_and_what_rules_take_it_for():
    one, two = document()["uplinks"]
    assert (one["name"], one["link"], one["latency_ms"], one["loss_pct"]) == ("starlink", "up", 42.0, 0.5)
    assert (two["link"], two["counts"], two["latency_ms"]) == ("down", "down", None)
    assert two["down_since"] is not None
    assert "1 of 2 up" in page()


@pytest.mark.parametrize(
    ("links", "told"),
    [
        (("up", "down"), "1 of 2 up"),
        (("up", None), "1 of 2 (1 unknown) up"),
        (("down", None), "0 of 2 (1 unknown) up"),
        ((None, None), "unknown"),
    ],
)
def test_an_uplink_of_which_nothing_is_known_is_not_counted_as_one_that_is_down(links, told):
    made = document()
    uplinks = [one | {"link": link} for one, link in zip(made["uplinks"], links, strict=True)]
    shown = supply_panel.network(made | {"uplinks": uplinks}, view.Zone(0, "UTC"), sample.NOW)
    assert shown["value"] == told


def test_what_is_used_is_at_least_that_where_not_every_miner_is_known():
    """The power beside it said "at least", and the share of the supply did not."""
    made = document() | {"power_source": "parts", "power_known": 250, "power_of": 289}
    assert supply_panel.supply(made)["against"].startswith("at least 946.3")
    whole = supply_panel.supply(made | {"power_known": 289})
    assert whole["against"].startswith("946.3")


def test_the_debug_page_has_the_word_of_each_uplink_as_the_overview_does():
    made, site = book(memory=KEPT, site={"supply_kw": 950.0}), facts()
    shown = debug(given((made, site, sample.history("RUNNING"))))["debug"]
    links = {one["key"]: (one["value"], one["age"]) for one in shown["inputs"] if one["key"].startswith("uplink.")}
    assert links["uplink.starlink"] == ("up", "3\u00a0s ago")
    assert links["uplink.lte"][0] == "down"


def test_no_line_of_the_debug_page_has_a_number_in_powers_of_ten():
    site = facts()
    roles = {**site.wiring.roles, "site_power_w": Role("site_power_w", ("sel735 meter:power_w",), "sum", 240)}
    site = site._replace(wiring=site.wiring._replace(roles=roles))
    shown = debug(given((book(), site, sample.history("RUNNING"))))["debug"]
    [watts] = [one for one in shown["inputs"] if one["key"] == "site_power_w"]
    assert watts["lines"][0].startswith("minectl set-state site_power_w 24975000 --for")


def test_a_link_that_is_back_and_does_not_count_yet_says_so():
    back = {**TOLD, f"{LINK}/LTE:link": "up"}
    assert "counts again after some minutes" in page(book(back, KEPT))


def test_a_holding_pool_that_gives_no_work_or_does_not_run_is_said():
    assert "158 miners on it" in page()
    assert "1 miner on it" in page(book({**TOLD, f"{POOL}:clients_n": 1}, KEPT))
    idle = {**TOLD, f"{POOL}:link": "down"}
    assert "gives no work" in page(book(idle, KEPT))
    dead = {**TOLD, f"{POOL}:health": None}
    assert "not running" in page(book(dead, KEPT))
    assert "minectl_holding_pool_up 0" in metrics.metrics(document(book(dead, KEPT)))


def test_a_site_without_any_of_it_shows_no_section():
    made = status_json.document(
        sample.book("RUNNING"), sample.facts(), sample.history("RUNNING"), sentence, sample.NOW + 3
    )
    assert (made["supply"], made["uplinks"], made["holding_pool"], made["machines"]) == (None, [], None, [])
    shown = render(view.view(sample.book("RUNNING"), sample.facts(), sample.history("RUNNING"), sentence, sample.NOW))
    assert 'id="supply"' not in shown
    assert 'id="network"' not in shown


def test_metrics_are_in_base_units_and_the_controller_is_among_them():
    text = metrics.metrics(document())
    for line in (
        'uplink_up{uplink="lte"} 0',
        'uplink_latency_seconds{uplink="starlink"} 0.042',
        'uplink_loss_ratio{uplink="starlink"} 0.005',
        "holding_pool_miners 158",
        "supply_available_watts 950000",
        'machine_temperature_celsius{section="machine controller",part=""} 61',
        'machine_trouble{section="machine controller",part="disk"} 1',
    ):
        assert f"minectl_{line}\n" in text
    assert 'uplink_latency_seconds{uplink="lte"}' not in text, "unknown has no sample"
    assert "supply_kilowatts" not in text, "told in watts, once"


def silent(source, for_s, channels=TOLD):
    """The book where this endpoint has answered nothing for so long; what it said last is kept with its time."""
    made = book(channels, KEPT)
    now_s = made.image.clock.plant_s
    kept = {
        key: value._replace(at_s=now_s - for_s) if key.startswith(source) and not key.endswith(":health") else value
        for key, value in made.image.channels.items()
    }
    kept[f"{source}:health"] = Value(None, now_s, f"{source}:health", "no answer from 127.0.0.9")
    return made._replace(image=made.image._replace(channels=kept))


def test_a_router_that_fell_silent_leaves_no_uplink_up():
    """What it said hours ago stood on the page and in the metrics for ever: no alert of theirs could come."""
    for minutes, links in ((3, ["up", "down"]), (5, [None, None])):
        made = silent(LINK, 60 * minutes)
        assert [one["link"] for one in document(made)["uplinks"]] == links
        assert ("1 of 2 up" in page(made)) is (minutes == 3)
    (one, _two) = document(made)["uplinks"]
    assert (one["latency_ms"], one["loss_pct"], one["why"]) == (None, None, "no answer from 127.0.0.9")
    assert one["age_s"] == 303
    assert "minectl_uplink_" not in metrics.metrics(document(made))


def test_a_router_that_is_asked_seldom_is_not_unknown_in_between():
    wired = facts().wiring.endpoints | {LINK: EndpointSpec(LINK, every_s=600)}
    told = document(silent(LINK, 900), facts(endpoints=wired))["uplinks"]
    assert [one["link"] for one in told] == ["up", "down"]


def test_a_ups_that_fell_silent_is_neither_well_nor_in_trouble():
    """It said hours ago that the mains were gone: the warning stayed, whatever had become of them."""
    ups = "nut ups"
    wired = facts(endpoints=facts().wiring.endpoints | {ups: EndpointSpec(ups)})
    told = {**TOLD, f"{ups}/mains:contact": "alarm", f"{ups}:charge_pct": 80.0}
    assert 'machine_trouble{section="nut ups",part="mains"} 1' in metrics.metrics(document(book(told, KEPT), wired))
    made = document(silent(ups, 900, told), wired)
    assert "nut ups" not in metrics.metrics({**made, "inputs": []})
    assert {(one["value"], one["why"]) for one in made["machines"] if one["section"] == ups} == {
        (None, "no answer from 127.0.0.9")
    }


def test_a_holding_pool_that_fell_silent_is_not_open():
    made = silent(POOL, 900)
    text = metrics.metrics(document(made))
    assert "minectl_holding_pool_up 0" in text
    assert "holding_pool_open" not in text
    assert "holding_pool_miners" not in text


def test_hostile_words_of_a_router_stay_words():
    evil = {**TOLD, f"{LINK}/Starlink:link": '<script>alert(1)</script>"}\nevil 1'}
    site = facts(uplinks=(UplinkSpec('x"}\nevil', f"{LINK}/Starlink"),))
    assert "<script>alert" not in page(book(evil, KEPT), site)
    assert "\nevil" not in metrics.metrics(document(book(evil, KEPT), site))
