"""The owner changes his config while things are going on: what it no longer has holds nothing and stands for nothing,
and what was under way is brought to its end.
"""

import pytest
from core.market import BEGIN_S, HALF_S, Market, coins, half_hours
from core.miners.test_renamed import call
from core.offgrid_plant import DUMMY, LINKS, Offgrid
from core.offgrid_plant import wiring as offgrid_wiring
from core.plant import Plant, policy, request, wiring
from core.shelf import Shelf, boards

from mine_controller.core import rules
from mine_controller.core.miners.waking import waking
from mine_controller.core.model.reason import ECONOMICS, PERSON, Reason, Wish
from mine_controller.core.model.state import Unit
from mine_controller.core.option import fill
from mine_controller.core.wording.words import sentence


def rewired(plant, **change):
    """From the next tick on the config wires it so."""
    plant.wiring = plant.wiring._replace(**change)
    plant.policy = plant.policy._replace(wiring=plant.wiring)


def without(plant, *roles):
    """From the next tick on nothing is wired as these roles, and the rules that need them are gone."""
    rewired(plant, roles={name: role for name, role in plant.wiring.roles.items() if name not in roles})
    gone = ("temperature", "cold", "wall") if "inlet_c" in roles else ()
    kept = {name: options for name, options in plant.policy.rules.items() if name not in gone}
    plant.policy = plant.policy._replace(rules=kept)


def held(plant):
    return plant.decisions[-1].envelope.no_start


@pytest.mark.parametrize("gone", ["ambient_c", "inlet_c"])
def test_a_probe_that_was_doubted_and_is_taken_out_of_the_config_holds_nothing(gone):
    """An outside probe that shows °F for °C makes every inlet look impossible; its owner takes it out."""
    plant = Plant(wiring(24))
    plant.ticks(4)
    plant.ambient = 60.0
    plant.ticks(3)
    assert held(plant).code == "doubted"
    without(plant, gone)
    plant.ticks(2)
    assert held(plant) is None
    assert plant.state.alarms == {}
    assert [event.reason.code for event in plant.events("inlet_believed")] == ["undoubted"]


def test_a_cap_that_is_taken_out_of_the_config_ends_what_was_told_of_it():
    wires = wiring(24)
    plant = Plant(wires, policy(wires, cap_kw=80))
    plant.ticks(2)
    assert list(plant.state.alarms) == ["over_cap site"]
    plant.policy = policy(wires, cap_kw=0)
    plant.ticks(2)
    assert plant.state.alarms == {}
    assert [sentence(event.reason) for event in plant.events("over_cap_cleared")] == ["the config has no cap any more"]
    assert held(plant) is None


def test_a_meter_and_outlets_that_disagreed_are_over_when_there_are_no_fans_to_add_up_any_more():
    wires = wiring(24, meter=True)
    plant = Plant(wires, policy(wires))
    plant.meter = 150_000
    plant.ticks(6)
    assert list(plant.state.alarms) == ["meters_disagree site"]
    fans = plant.wiring.fans
    rewired(plant, fans=())
    plant.ticks(2)
    assert plant.state.alarms == {}
    rewired(plant, fans=fans)
    plant.ticks(6)
    assert list(plant.state.alarms) == ["meters_disagree site"]


def test_somebody_elses_hand_on_a_miner_is_over_in_time_also_under_its_new_name():
    boards = Shelf()
    boards.ticks(8)
    for watts in (3, 18, 3):
        boards.power["b1"] = watts
        boards.tick()
    assert "two_writers b1" in boards.state.alarms
    call(boards, "b0", "shelf1", "b2", "b3")
    boards.ticks(2)
    assert [key for key in boards.state.alarms if key.startswith("two_writers")] == []


def test_smoke_whose_only_contact_is_taken_out_of_the_config_starts_nothing_until_a_person_resumes():
    """A config from before the contact was bought, or a line that was commented out, is nobody who has looked."""
    plant = Plant(wiring(24))
    plant.ticks(4)
    plant.smoke = "alarm"
    plant.ticks(3)
    without(plant, "smoke")
    plant.policy = plant.policy._replace(rules={n: own for n, own in plant.policy.rules.items() if n != "hazard"})
    plant.ticks(12)
    assert {plant.power[spec.id] for spec in plant.wiring.miners} == {0}
    assert list(plant.state.alarms) == ["smoke site"]
    plant.requests = (request("resume"),)
    plant.ticks(14)
    assert "smoke site" not in plant.state.alarms
    assert "hazard" not in plant.state.memory
    assert sum(plant.power.values()) > 80_000
    assert plant.violations == []


# -- a curtailment under way ------------------------------------------------------------------------------------------


def test_a_site_that_goes_live_in_an_event_tells_that_nobody_obeys():
    """In shadow mode nobody was woken for what could not have worked."""
    wires = wiring(24)
    plant = Plant(wires, policy(wires, live=False))
    plant.ticks(3)
    plant.mute = plant.welded = {spec.id for spec in wires.miners}
    plant.signal = "off"
    plant.ticks(6)
    assert plant.state.alarms == {}
    plant.policy = policy(wires)
    plant.ticks(4)
    assert list(plant.state.alarms) == ["curtail_unproven site"]
    assert [event.severity for event in plant.events("curtail_unproven")] == ["info", "emergency"]


def test_miners_that_are_listed_while_all_is_dark_are_no_curtailment_that_fails():
    wires, more = wiring(24), wiring(100)
    plant = Plant(wires, running=False)
    plant.signal = "off"
    plant.ticks(4)
    rewired(plant, miners=more.miners, lanes=more.lanes, endpoints=more.endpoints)
    plant.power |= {spec.id: 25 for spec in more.miners[24:]}  # as they stand there: on standby
    plant.outlet |= {spec.id: True for spec in more.miners[24:]}
    plant.ticks(6)
    assert (plant.decisions[-1].mode, plant.state.alarms) == ("CURTAILED", {})


# -- without the internet ---------------------------------------------------------------------------------------------


def offline(**options):
    """Every miner on the local pool, because no way to the internet is left."""
    wires = offgrid_wiring(8, roles=(), uplinks=LINKS, dummy_pool=DUMMY)
    plant = Offgrid(wires, uplinks={"offline_pool": "local", "sleep_after_s": 0} | options)
    plant.ticks(4)
    plant.links = dict.fromkeys(LINKS, "down")
    plant.ticks(8)
    assert (set(plant.pool.values()), plant.pool_open) == ({"local"}, True)
    return plant


def with_numbers(plant, rule, **options):
    """From the next tick on the section of this rule says so."""
    filled = fill(rules.load(rule).Options, options)
    plant.policy = plant.policy._replace(rules={**plant.policy.rules, rule: filled})


def test_uplinks_that_are_taken_out_of_the_config_leave_nobody_on_the_local_pool():
    plant = offline()
    rewired(plant, uplinks=())
    plant.ticks(12)
    assert (set(plant.pool.values()), plant.pool_open) == ({"main"}, False)
    assert plant.state.alarms == {}
    assert plant.state.memory["uplinks"] == {}
    told = [sentence(event.reason) for event in plant.events("online")]
    assert told == ["the config has no uplink any more: miners go back to their own pool"]


def test_who_was_put_on_a_local_pool_goes_home_also_when_the_config_names_it_no_longer():
    plant = offline()
    with_numbers(plant, "uplinks", sleep_after_s=0)
    plant.links = dict.fromkeys(LINKS, "up")
    plant.ticks(14)
    assert (set(plant.pool.values()), plant.pool_open) == ({"main"}, False)
    assert "lent" not in plant.state.memory["uplinks"]
    plant.pool["w003"] = "local"  # somebody wants it there now: it is a pool like any other
    plant.ticks(8)
    assert plant.pool["w003"] == "local"


def test_nobody_stays_on_the_local_pool_because_its_home_was_taken_out_of_the_config():
    plant = offline()
    miners = tuple(spec._replace(pools=("reserve", "local")) for spec in plant.wiring.miners)
    rewired(plant, miners=miners)
    plant.links = dict.fromkeys(LINKS, "up")
    plant.ticks(14)
    assert set(plant.pool.values()) == {"reserve"}


def test_what_was_told_of_a_local_pool_ends_with_it():
    plant = offline()
    assert "dummy_pool internet" in plant.state.alarms
    rewired(plant, dummy_pool="")
    plant.links = dict.fromkeys(LINKS, "up")
    plant.ticks(14)
    assert set(plant.pool.values()) == {"main"}
    assert plant.state.alarms == {}


# -- what people and prices want --------------------------------------------------------------------------------------


def test_a_pool_somebody_set_by_hand_keeps_nobody_there_after_it_left_the_config():
    market = Market(half_hours(*[10.0] * 8))
    market.requests = (request("set-state", "pool.bitaxe shelf", "btc"),)
    market.until(BEGIN_S + HALF_S)
    assert set(market.pool.values()) == {"btc"}
    rewired(market, miners=tuple(spec._replace(pools=("dgb", "bch")) for spec in market.wiring.miners))
    market.ticks(16)
    assert set(market.pool.values()) == {"dgb"}, "what the band wants"


def test_a_mode_somebody_set_by_hand_gives_way_to_the_bands_after_it_left_the_config():
    market = Market(half_hours(*[10.0] * 8))
    market.requests = (request("set-state", "mode.b0", "overclock"),)
    market.until(BEGIN_S + HALF_S)
    assert market.mode["b0"] == "overclock"
    rewired(market, miners=tuple(spec._replace(modes=("eco", "standard")) for spec in market.wiring.miners))
    market.ticks(30)
    assert market.mode["b0"] == "standard"


def test_who_wakes_is_told_the_mode_of_its_band_where_the_one_a_person_set_left_the_config():
    spec = boards(modes=("eco", "standard")).miners[0]
    why = Reason("band", "price")
    wishes = (Wish(PERSON, "mode b0", "overclock", why), Wish(ECONOMICS, f"mode {spec.group}", "standard", why))
    assert waking({}, wishes, spec) == "standard"


@pytest.mark.parametrize("dwell_slots", [1, 6])
def test_a_band_that_is_renamed_while_it_holds_stops_nobody(dwell_slots):
    market = Market(half_hours(*[30.0, *[10.0] * 8]), dwell_slots=dwell_slots)
    market.until(BEGIN_S + HALF_S * (dwell_slots + 1))
    market.ticks(4)
    assert (market.band, market.hashing()) == ("3", 2)
    bands = market.policy.rules["band"]
    named = tuple(band._replace(name=f"cheap {band.name}") for band in bands.sections)
    market.policy = market.policy._replace(rules={**market.policy.rules, "band": bands._replace(sections=named)})
    for _ in range(4):
        market.tick()
        assert (market.band, market.hashing()) == ("cheap 3", 2)


def test_a_price_that_was_missing_and_is_taken_out_of_the_config_is_missed_no_longer():
    market = Market(half_hours(*[10.0] * 2))
    market.until(BEGIN_S + 3 * HALF_S)
    assert list(market.state.alarms) == ["price_missing price"]
    wired = market.wiring.roles
    without(market, "price")
    market.ticks(2)
    assert market.state.alarms == {}
    told = [sentence(event.reason) for event in market.events("price_known")]
    assert told == ["[wiring] has no price any more: bands decide nothing"]
    rewired(market, roles=wired)
    market.ticks(8)
    assert list(market.state.alarms) == ["price_missing price"], "wired again, and still not known"


def without_rule(market, rule):
    """As the config does it whose rule has lost its sections or its inputs: it is not asked any more."""
    kept = {name: options for name, options in market.policy.rules.items() if name != rule}
    market.policy = market.policy._replace(rules=kept)


@pytest.mark.parametrize("what", ["bands", "price"])
def test_bands_that_the_config_has_no_more_are_told_once_with_how_miners_stay(what):
    """They stood in the last band's mode and pool for good, and nobody was told that nothing decides it any more."""
    market = Market(half_hours(*[10.0] * 8))
    market.until(BEGIN_S + HALF_S)
    before, modes, pools = len(market.events("band_change")), dict(market.mode), dict(market.pool)
    if what == "price":
        without(market, "price")
    without_rule(market, "band")
    market.ticks(6)
    told = [sentence(event.reason) for event in market.events("band_change")[before:]]
    gone = "no band decides any more: miners run at any price, in the mode and on the pool that band 3 left them"
    assert told == [gone]
    assert not market.events("price_known"), "it was never missed"
    assert (dict(market.mode), dict(market.pool)) == (modes, pools)
    assert "band" not in market.state.memory


def without_price(market):
    without(market, "price")


def without_guard(market):
    options = market.policy.rules["profit"]._replace(guard=False)
    market.policy = market.policy._replace(rules={**market.policy.rules, "profit": options})


@pytest.mark.parametrize("change", [without_price, without_guard])
def test_who_rested_because_mining_did_not_pay_runs_when_the_config_asks_for_it_no_more(change):
    market = Market(half_hours(*[10.0] * 8), coins=coins(DGB=0.01))
    market.ticks(2)
    units = {spec.id: Unit(dj_th=200, mac=spec.mac) for spec in market.wiring.miners}
    market.state = market.state._replace(units=units)
    market.ticks(12)
    assert market.state.memory["profit"]["resting"] == ["b0", "b1"]
    change(market)
    market.ticks(14)
    assert market.state.memory["profit"]["resting"] == []
    assert market.hashing() == 2
    text = "nobody rests for what mining costs: the config has no price any more, or guard = no"
    assert [sentence(event.reason) for event in market.events("profit_back")] == [text]


# -- what was about the one that is gone ------------------------------------------------------------------------------


def test_hot_air_that_came_back_in_sheds_nothing_once_the_config_has_no_inlet():
    plant = Plant(wiring(24))
    plant.ticks(4)
    plant.inlet = 30.0
    plant.ticks(5)
    assert "recirculating fans" in plant.state.alarms
    without(plant, "inlet_c")
    plant.ticks(2)
    assert plant.state.alarms == {}
    assert held(plant) is None


def test_what_a_person_holds_of_what_the_config_has_no_more_is_kept_and_is_no_manual_mode():
    plant = Plant(wiring(24), policy(wiring(24), live=False))
    plant.requests = (
        request("set-state", "fan.9", "on"),
        request("set-state", "miner.m003", "stop", number=2),
    )
    plant.ticks(4)
    assert plant.decisions[-1].mode == "MANUAL"
    whole = plant.wiring
    rewired(plant, fans=whole.fans[:8], miners=tuple(spec for spec in whole.miners if spec.id != "m003"))
    plant.tick()
    assert plant.decisions[-1].mode == "RUNNING"
    assert len(plant.state.overrides) == 2
    rewired(plant, miners=whole.miners)  # the list was cut off, and is put back
    plant.tick()
    assert plant.decisions[-1].mode == "MANUAL"


def test_what_a_person_asked_of_a_miner_that_left_the_list_is_told_as_not_done():
    shelf = Shelf()
    shelf.ticks(8)
    shelf.signal = "off"
    shelf.requests = (request("errand", "b1", "restart"),)
    shelf.ticks(2)
    assert [errand.miner for errand in shelf.state.errands] == ["b1"]
    rewired(shelf, miners=tuple(spec for spec in shelf.wiring.miners if spec.id != "b1"))
    shelf.signal = "run"
    shelf.ticks(12)
    assert shelf.state.errands == ()
    assert shelf.outcome()["why"] == "it is no longer in fleet.csv"
