"""The evaporative wall (O36) in the document, in the air panel and in the metrics: pump, tank, alarm, and why."""

import re

import pytest
import sample
from test_supply import book as with_channels
from test_supply import document, facts, page

from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import EQUIPMENT, Reason, Wish
from mine_controller.core.model.wiring import Role
from mine_controller.render import metrics

PUMP = "controlbyweb fans/10"
TANK = Role("tank", ("roomalert intake/switch 4:contact",), "worst", 240)
WARM = Reason("wall", "warm", (("inlet_c", 33.0), ("humidity_pct", 40.0)))


def walled(tank=True):
    roles = sample.facts().wiring.roles
    return facts(wall=PUMP, roles={**roles, "tank": TANK} if tank else roles)


def book(pump="on", tank="ok", want="on", dry=0, why=""):
    made = with_channels({f"{PUMP}:switch": pump} if pump else {}, {"wall": {"on": int(want == "on"), "dry_told": dry}})
    now_s = made.image.clock.plant_s
    seen = Value(None if why else tank, now_s, "roomalert intake/switch 4", why)
    made = made._replace(image=made.image._replace(site={**made.image.site, "tank": seen}))
    wish = Wish(EQUIPMENT, "wall", want, WARM)
    envelope = made.decision.envelope._replace(wishes=(wish,))
    return made._replace(decision=made.decision._replace(envelope=envelope))


def line(made, site=None):
    found = re.search(r'<p class="note pump[^"]*">(.*?)</p>', page(made, site or walled()), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split()) if found else None


def samples(made, site=None):
    text = metrics.metrics(document(made, site or walled()))
    return dict(row.split() for row in text.splitlines() if row.startswith("minectl_wall"))


def test_o36_the_document_has_the_wall_with_what_is_wanted_what_is_and_why():
    told = document(book(), walled())["wall"]
    assert (told["wanted"], told["on"], told["tank"], told["dry"]) == (True, True, "ok", False)
    assert told["reason"] == "inlet 33.0 °C in air of 40 %: the wall is kept wet"


def test_a_site_without_a_wall_shows_none_and_has_no_metric_of_it():
    assert document(book(), facts())["wall"] is None
    assert line(book(), facts()) is None
    assert samples(book(), facts()) == {}


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({}, "Evaporative wall: pump on, tank has water; inlet 33.0 °C in air of 40 %: the wall is kept wet"),
        ({"pump": "off"}, "pump off though wanted on"),
        ({"pump": ""}, "pump unknown, wanted on"),
        ({"tank": "alarm", "want": "off", "pump": "off"}, "pump off, TANK EMPTY"),
        ({"why": "no answer"}, "tank unknown (no answer)"),
        ({"dry": 1}, "COOLS NOTHING"),
    ],
)
def test_o36_hum3_the_air_panel_says_pump_tank_and_alarm(about, said):
    """HUM3: an owner sees at a glance whether the wall runs and whether it has water."""
    assert said in line(book(**about))


def test_a_wall_without_a_float_switch_says_nothing_of_a_tank():
    assert "tank" not in line(book(), walled(tank=False)).lower()


def test_o36_the_metrics_leave_out_what_is_unknown():
    assert samples(book()) == {
        "minectl_wall_pump_wanted": "1", "minectl_wall_pump_on": "1", "minectl_wall_tank_alarm": "0",
        "minectl_wall_dry": "0",
    }  # fmt: skip
    assert samples(book(pump="", why="no answer", dry=1)) == {"minectl_wall_pump_wanted": "1", "minectl_wall_dry": "1"}
    assert samples(book(tank="alarm"))["minectl_wall_tank_alarm"] == "1"


def test_an_old_word_of_the_pumps_relay_is_no_word():
    made = book()
    channels = dict(made.image.channels)
    key = f"{PUMP}:switch"
    channels[key] = channels[key]._replace(at_s=made.image.clock.plant_s - 100_000)
    made = made._replace(image=made.image._replace(channels=channels))
    assert document(made, walled())["wall"]["on"] is None


def test_before_the_first_decision_nothing_of_it_is_known():
    blank = sample.book("INIT")
    told = document(blank, walled())["wall"]
    assert (told["wanted"], told["on"], told["tank"], told["dry"]) == (None, None, None, None)


def test_the_documents_page_names_every_field_of_it():
    told = document(book(), walled())["wall"]
    assert set(told) == {"wanted", "on", "on_age_s", "tank", "tank_why", "dry", "reason"}
