"""Sentences in the units that people on the spot read; what machines read stays as it is."""

import re

import pytest

from mine_controller.core.alarms.advice import ADVICE
from mine_controller.core.model.reason import Reason
from mine_controller.core.wording.sentences import SENTENCES
from mine_controller.core.wording.spoken import MINORS, Units, minor, price_unit, spoken, units
from mine_controller.core.wording.words import sentence, show, speaker

IOWA = units("F", "USD")
BERLIN = units("C", "EUR")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("inlet 38.2 °C is over 38.0 °C: dangerous", "inlet 100.8 °F is over 100.4 °F: dangerous"),
        (
            "every fan runs; 38 °C is where load begins to go down",
            "every fan runs; 100 °F is where load begins to go down",
        ),
        ("inlet probes show -3.5 to 41.0 °C", "inlet probes show 25.7 to 105.8 °F"),
        ("Inlet 31.2\u00a0°C", "Inlet 88.2\u00a0°F"),
        ("inlet ? °C, and the inlet is unknown", "inlet ? °C, and the inlet is unknown"),
        ("41.5 K warmer than at the inlet", "41.5 K warmer than at the inlet"),
        ("look at the probes: °F for °C, a cable", "look at the probes: °F for °C, a cable"),
    ],
)
def test_temperatures_are_told_as_finely_as_they_were(said, told):
    assert spoken(said, IOWA) == told
    assert spoken(said, BERLIN) == said


def test_a_price_is_told_in_the_hundredth_of_the_sites_currency():
    said = "band cheap at 12.5 p/kWh: BTC"
    assert spoken(said, BERLIN) == "band cheap at 12.5 ct/kWh: BTC"
    assert spoken(said, IOWA) == "band cheap at 12.5 ¢/kWh: BTC"
    assert spoken(said, units("C", "GBP")) == said
    assert (minor("SEK"), price_unit("SEK")) == ("cent", "cent/kWh")
    assert {minor(name) for name in MINORS} == {"p", "ct", "¢"}
    assert (minor("eur"), minor("gbp")) == ("ct", "p")


def test_every_sentence_with_a_temperature_or_price_is_understood():
    """A new template whose figure stands otherwise would stay in °C on a site that reads °F."""
    for (rule, code), template in SENTENCES.items():
        named = re.findall(r"{(\w+)}", template)
        said = sentence(Reason(rule, code, tuple((name, 20.0) for name in named)))
        told = spoken(said, IOWA)
        assert "°C" not in told, (rule, code)
        assert "p/kWh" not in told, (rule, code)
        assert not any(name.endswith("_k") and f"{{{name}}} °C" in template for name in named), "a difference is in K"


def test_advice_has_no_temperature_that_is_left_in_celsius():
    for kind, texts in ADVICE.items():
        for text in texts:
            assert not re.search(r"[0-9]\s?°C", spoken(text, IOWA)), kind


def test_nothing_is_done_where_nothing_is_to_be_done():
    assert speaker(Units()) is sentence
    why = Reason("temperature", "shed_over", (("inlet_c", 35.0),))
    assert speaker(IOWA)(why) == "inlet 95.0 °F: heat shedding ends"


def test_nought_has_no_minus_in_either_unit():
    assert spoken("inlet -18 °C", IOWA) == "inlet 0 °F"
    assert show("inlet_c", -0.04) == "0.0"
