"""Uplinks, the local pool and what supply rules need, as the owner writes them."""

from pathlib import Path

import pytest

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.core.model.wiring import UplinkSpec

TEXT = (Path(__file__).parent / "site.txt").read_text(encoding="utf-8")
SECTIONS = """
[uplink starlink]
places = 127.0.0.2:443, 127.0.0.3:443

[openmptcprouter router]
url = http://127.0.0.1:9
password = canary

[dummy_pool local]
host = 127.0.0.1

[pool main]
url = stratum+tcp://127.0.0.1:3333
user = me

[pool local]
url = stratum+tcp://127.0.0.1:3334
user = me

"""
LINES = """uplink starlink = uplink starlink
uplink lte = openmptcprouter router/lte
dummy_pool = dummy_pool local
"""


def site(write, lines=LINES, sections=SECTIONS, facts=""):
    text = TEXT.replace("power_cap_kw = 1000", f"power_cap_kw = 1000\n{facts}")
    return write(text.replace("[wiring]", f"{sections}[wiring]").replace("[end]", f"{lines}\n[end]"))


def told(path):
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [f"{one.section} {one.option}: {one.text}" for one in caught.value.problems]


def test_uplinks_and_the_local_pool_are_wired(write):
    config = load(site(write))
    wiring = config.policy.wiring
    assert wiring.uplinks == (
        UplinkSpec("starlink", "uplink starlink"),
        UplinkSpec("lte", "openmptcprouter router/lte"),
    )
    assert wiring.dummy_pool == "dummy_pool local"
    assert "dummy_pool local" in wiring.lanes
    assert not any("nothing in [wiring]" in note.text for note in config.notes if "pool" in note.section)


def test_a_site_without_them_has_none(write):
    wiring = load(write()).policy.wiring
    assert (wiring.uplinks, wiring.dummy_pool) == ((), "")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("uplink = uplink starlink", "needs a name"),
        ("uplink a_name_far_too_long_for_this = uplink starlink", "needs a name"),
        ("uplink one = uplink starling", "did you mean uplink starlink"),
        ("uplink one = probe intake/1", "does not read link"),
        ("dummy_pool = uplink starlink", "can't be opened and closed"),
        ("dummy_pool = dummy_pool local/1", "is one section"),
        ("dummy_pool one = dummy_pool local", "is one section"),
        ("uplnk one = uplink starlink", "nothing that can be wired"),
    ],
)
def test_a_wrong_line_says_what_would_be_right(write, line, word):
    found = told(site(write, lines=line))
    assert any(word in text for text in found), found


def test_the_pool_of_an_outage_must_be_a_pool(write):
    assert (
        load(site(write, sections=f"{SECTIONS}[uplinks]\noffline_pool = local\n\n"))
        .policy.rules["uplinks"]
        .offline_pool
        == "local"
    )
    found = told(site(write, sections=f"{SECTIONS}[uplinks]\noffline_pool = lokal\n\n"))
    assert found == ["uplinks offline_pool: there is no [pool lokal] (did you mean local?)"]


def test_a_wired_voltage_needs_its_nominal(write):
    found = told(site(write, lines="voltage_v = meter fans/L1"))
    assert found == ["site nominal_v: is missing: voltage_v is wired, and no voltage can be judged without"]
    config = load(site(write, lines="voltage_v = meter fans/L1", facts="nominal_v = 230"))
    assert config.policy.site.nominal_v == 230
    assert "voltage" in config.policy.rules


def test_the_rules_of_a_weak_source_exist_where_their_inputs_do(write):
    rules = load(write()).policy.rules
    assert {"supply", "demand", "uplinks"} <= set(rules)
    assert not {"grid", "voltage"} & set(rules)


def test_a_curve_that_is_none_is_told_at_its_line(write):
    found = told(site(write, sections="[supply]\nsource_curve = 40:100, 25:90\n\n", lines=""))
    assert found == ["supply source_curve: the figures before the colons must rise"]


def test_one_line_is_no_two_uplinks(write):
    (found,) = told(site(write, LINES.replace("router/lte", "router/lte\nuplink 4g = openmptcprouter router/lte")))
    assert found == "wiring uplink 4g: openmptcprouter router/lte is uplink lte already"


def test_the_local_pools_address_has_its_port_beside_it(write):
    sections = SECTIONS.replace("host = 127.0.0.1", "host = 127.0.0.1:3333")
    assert "dummy_pool local port: is an option of its own, not part of host" in told(site(write, sections=sections))
