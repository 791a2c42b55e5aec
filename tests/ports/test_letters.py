"""Where the miners of an unproven curtailment hang: said in the letter, never in what is recorded."""

import json
from types import SimpleNamespace

from core.plant import LOCAL, WALL, wiring

from mine_controller.core.model.alarm import Telling
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.reason import Reason
from mine_controller.core.wording.spoken import Units
from mine_controller.ports.letters import PLACED, letter

CLOCK = Clock(10_000, WALL, local=LOCAL)
CELSIUS = Units()
SMS_LEAVES = 300  # of its 480 letters, beside the site, what to do and the number


def site(change=lambda at, spec: spec, miners=20, units=CELSIUS, live=True):
    plain = wiring(miners)
    specs = tuple(change(at, spec) for at, spec in enumerate(plain.miners))
    policy = SimpleNamespace(wiring=plain._replace(miners=specs))
    return SimpleNamespace(policy=policy, site=SimpleNamespace(name="Coop container", live=live, units=units)), specs


def placed(at, spec):
    return spec._replace(outlet=f"redfish pdu1/A{at}", breaker=f"B{at // 4}")


def said(config, names, more=0, code="unproven"):
    numbers = (
        ("power_w", 40_000),
        ("floor_w", 5_000),
        ("unknown", 1),
        ("stragglers", ", ".join(names)),
        ("more", more),
    )
    told = Telling(
        "a2b3c.raise", "raise", 2, "curtail_unproven", "site", "emergency", Reason("shed", code, numbers), 9_400, 600
    )
    return json.loads(letter(told, config, CLOCK).body)["text"]


def test_whoever_has_to_go_out_is_told_outlet_and_breaker():
    config, specs = site(placed)
    text = said(config, [specs[3].id, specs[4].id])
    assert text == (
        f"still 40 kW, over 5 kW; open: {specs[3].id} (redfish pdu1/A3, breaker B0), "
        f"{specs[4].id} (redfish pdu1/A4, breaker B1). Open their breakers"
    )
    assert f"{specs[3].id} (redfish pdu1/A3, breaker B0)" in said(config, [specs[3].id], code="unverified")


def test_of_a_miner_only_what_is_known_is_told():
    halves = {0: {"breaker": ""}, 1: {"outlet": ""}, 2: {"outlet": "", "breaker": ""}}
    config, specs = site(lambda at, spec: placed(at, spec)._replace(**halves.get(at, {})))
    names = [spec.id for spec in specs[:3]]
    assert f"open: {names[0]} (redfish pdu1/A0), {names[1]} (breaker B0), {names[2]}. Open" in said(config, names)
    assert "open: gone1. Open" in said(config, ["gone1"]), "it has left fleet.csv meanwhile"
    assert "open: . Open" in said(config, [])


def test_of_many_the_first_few_have_their_place_and_nobody_is_left_uncounted():
    config, specs = site(placed)
    names = [spec.id for spec in specs[:12]]
    text = said(config, names, 5)
    assert text.count("redfish pdu1/") == PLACED
    assert f", {names[11]} and 5 more. Open their breakers" in text
    assert len(text) <= SMS_LEAVES


def test_long_names_do_not_push_the_rest_out_of_a_short_message():
    config, specs = site(lambda at, spec: placed(at, spec)._replace(id=f"{at:02}" + "m" * 30, outlet="x" * 60 + "/1"))
    text = said(config, [spec.id for spec in specs[:12]], 5)
    shown = sum(spec.id in text for spec in specs[:12])
    assert f"{specs[0].id} ({'x' * 60}/1, breaker B0)" in text
    assert f" and {12 - shown + 5} more. Open their breakers" in text
    assert len(text) <= SMS_LEAVES


def test_where_no_place_is_known_the_names_stay_as_they_were():
    config, specs = site(lambda at, spec: spec._replace(outlet="", breaker="", id="long" * 7 + f"{at:03}"))
    names = [spec.id for spec in specs[:12]]
    assert f"open: {', '.join(names)} and 5 more. Open" in said(config, names, 5)


def test_a_letter_is_in_the_units_of_who_reads_it():
    config, _ = site(units=Units(fahrenheit=True))
    why = Reason("alarm", "temperature_warning", (("inlet_c", 36.0), ("limit_c", 35.0)))
    told = Telling("a2b3c.raise", "raise", 1, "temperature_warning", "site", "warning", why, 9_400, 600)
    body = json.loads(letter(told, config, CLOCK).body)
    assert body["text"] == "inlet 96.8 °F is over 95.0 °F"
    assert "°C" not in json.dumps(body, ensure_ascii=False)


def test_in_shadow_mode_nobody_is_told_that_something_is_off_now():
    """Whoever goes in because of "outlets and fans are off" has to know that nothing was sent."""
    smoke = Telling("a2b3c.raise", "raise", 2, "smoke", "site", "emergency", Reason("hazard", "smoke", ()), 9_400, 600)
    does = {live: json.loads(letter(smoke, site(live=live)[0], CLOCK).body)["does"] for live in (True, False)}
    assert does[False] == f"shadow mode, nothing is sent; live: {does[True]}"
    over = letter(smoke._replace(what="clear"), site(live=False)[0], CLOCK)
    assert json.loads(over.body)["does"] == ""


def test_of_smoke_whose_contact_is_good_again_nobody_is_told_to_call_the_fire_brigade():
    """Days later each hour's letter still said so; who looked in vain the first night stays at home the next."""
    smoke = Telling("a2b3c.raise", "raise", 2, "smoke", "site", "emergency", Reason("hazard", "smoke", ()), 9_400, 600)
    was = Reason("hazard", "smoke_held", (("since_s", 7200), ("good_s", 6840)))
    later = smoke._replace(what="repeat", reason=was, for_s=7200)
    first, body = (json.loads(letter(told, site()[0], CLOCK).body) for told in (smoke, later))
    assert "call the fire brigade" in first["owner"]
    assert "fire brigade" not in json.dumps(body)
    assert body["cause"] == "the smoke contact said alarm and does so no more"
    assert "minectl resume" in body["owner"]
    assert body["text"].endswith(
        "has been good for 114 min: outlets, fans stay off until a person has looked: minectl resume"
    )
    gone = later._replace(reason=Reason("hazard", "smoke_only_gone", (("since_s", 7200),)))
    assert json.loads(letter(gone, site()[0], CLOCK).body)["owner"] == body["owner"]


def test_what_a_letter_counts_has_a_noun():
    """ "With it 1 curtail" stood in the letter of each event of the utility."""
    why = Reason("signal", "changed", (("was", "run"), ("now", "off")))
    told = Telling("a.b", "notice", 1, "signal_changed", "signal", "warning", why, 9_400, 0)
    counted = told._replace(folded=(("curtail", 1), ("miner_offline", 3)))
    assert json.loads(letter(counted, site()[0], CLOCK).body)["text"].endswith(
        "; with it 1 curtailment, 3 miner offline"
    )
