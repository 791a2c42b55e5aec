"""Each guard can fail: a handmade bad record that it flags, beside the good one that it lets pass."""

import pytest
from core.plant import Plant, wiring

from mine_controller.core.decide import decide
from mine_controller.core.freeze import freeze
from mine_controller.core.model.command import Command
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Limit, Reason
from mine_controller.core.model.state import Chase, MinerBook, Override, Unit
from mine_controller.core.model.wiring import BreakerSpec
from mine_controller.play.audit import GUARDS, Record, _fleet, _planned_w, audit

WHY = Reason("test", "made")


def record(*, running=True, ticks=4, now=True, rules=None, wires=None, **world):
    """The decision of the next round of a plant that has run for a while, opening unless told otherwise."""
    plant = Plant(wires or wiring(12), rules, running=running)
    plant.ticks(ticks)
    for name, value in world.items():
        setattr(plant, name, value)
    clock = plant.image.clock._replace(plant_s=plant.now, wall_s=plant.now, began_s=plant.now, opening=True)
    image = plant.image._replace(clock=clock)
    if now:
        image = freeze(plant.image, plant.readings(set(plant.wiring.endpoints)), plant.wiring, clock, plant.requests)
    return Record(image, plant.state, decide(image, plant.state, plant.policy), plant.policy)


def starting():
    """A round in which miners are started for good."""
    for ticks in range(3, 9):
        good = record(running=False, ticks=ticks)
        if good.decision.plan.starts and any(c.verb == "run" for c in good.decision.commands):
            return good
    raise AssertionError("nobody was started")


def curtailing():
    return record(signal="off")


def flagged(bad):
    return {one.guard for one in audit(bad)}


def decided(good, **changed):
    return good._replace(decision=good.decision._replace(**changed))


def planned(good, **changed):
    return decided(good, plan=good.decision.plan._replace(**changed))


def site(good, **values):
    channels = {name: good.image.site[name]._replace(value=value) for name, value in values.items()}
    return good._replace(image=good.image._replace(site={**good.image.site, **channels}))


def aged(good, name, age_s):
    value = good.image.site[name]
    return good._replace(
        image=good.image._replace(site={**good.image.site, name: value._replace(at_s=good.image.clock.plant_s - age_s)})
    )


def command(target="miner m001", verb="run", code="x", number=1):
    return Command(f"9.9.{number}", target, verb, "foreman mine", "1", 0, Reason("choose", code))


def with_override(good, **about):
    one = Override("inlet_c", "20", "test", 0, "owner", "testing", 1)._replace(**about)
    return decided(good, state=good.decision.state._replace(overrides=(one,)))


def fans(good, **about):
    return good._replace(image=good.image._replace(fans=tuple(fan._replace(**about) for fan in good.image.fans)))


def just_stopped(good, **about):
    name = good.policy.wiring.miners[good.decision.plan.starts[0]].id
    book = MinerBook()._replace(**about)
    return good._replace(
        before=good.before._replace(miners={**good.before.miners, name: book}, chases={}),
    )


def capped(good, cap_w=9_000, **wires):
    site_facts = good.policy.site._replace(power_cap_w=cap_w)
    return good._replace(policy=good.policy._replace(site=site_facts, wiring=good.policy.wiring._replace(**wires)))


def sends(*commands):
    return decided(record(), commands=commands)


def fans_down(good, **changed):
    reason = Reason("choose", "fan_down")
    down = Command("9.9.8", "fan 9", "off", "controlbyweb fans", "9", 0, reason)
    return decided(good, commands=(*good.decision.commands, down), **changed)


BAD = {
    "G1 in the wrong mode": ("G1", lambda: decided(starting(), mode="HOLD")),
    "G1 on an old signal": ("G1", lambda: aged(starting(), "signal", 400)),
    "G1 on a signal that says off": ("G1", lambda: site(starting(), signal="off")),
    "G1 without an inlet": ("G1", lambda: site(starting(), inlet_c=None)),
    "G1 in frost": ("G1", lambda: site(starting(), inlet_c=2.0)),
    "G1 near the dew point": ("G1", lambda: site(starting(), dew_c=23.5)),
    "G1 without air": ("G1", lambda: fans(starting(), watts=0)),
    "G1 with a stepped clock": ("G1", lambda: stepped(starting())),
    "G1 against a limit": ("G1", lambda: forbidden(starting())),
    "G1 blind to watts": ("G1", lambda: unmetered(starting())),
    "G1 blind to the meter": ("G1", lambda: unread(starting())),
    "G2 too soon after a stop": ("G2", lambda: just_stopped(starting(), last_stop_s=10_400)),
    "G2 too soon after a start": ("G2", lambda: just_stopped(starting(), last_start_s=10_400)),
    "G3 too many at once": ("G3", lambda: planned(starting(), starts=tuple(range(8)))),
    "G3 too many an hour": ("G3", lambda: many_starts(starting())),
    "G3 too many a day": ("G3", lambda: just_stopped(starting(), day=starting().image.clock.local.date, day_starts=8)),
    "G4 over the cap": ("G4", lambda: capped(starting())),
    "G4 over a breaker": ("G4", lambda: breakered(starting(), "breakers")),
    "G4 over a phase": ("G4", lambda: breakered(starting(), "phases")),
    "G4 over a breaker by who is on the way": ("G4", lambda: breakered(climbing(starting()), "breakers", 11_000)),
    "G4 a phase above the others": ("G4", lambda: apart(climbing(starting()))),
    "G5 somebody runs on": ("G5", lambda: spared(curtailing())),
    "G5 too much runs on": ("G5", lambda: ordered(record(), 20_000)),
    "G6 fans down over load": ("G6", lambda: fans_down(record())),
    "G6 fans down over load that counts as dark": ("G6", lambda: fans_down(long_dark(record()))),
    "G6 one fan left": ("G6", lambda: fans_down(record(), plan=record().decision.plan._replace(fans_on=("1",)))),
    "G7 start before stop": ("G7", lambda: decided(record(), commands=(command(), command(verb="stop", number=2)))),
    "G7 stop before fan": ("G7", lambda: sends(command("fan 1", "on"), command(verb="stop", number=2))),
    "G7 an errand beside a stop": ("G7", lambda: sends(command(verb="stop"), command(verb="mode", number=2))),
    "G8 no intent": ("G8", lambda: decided(record(), commands=(command(),))),
    "G8 an errand without intent": ("G8", lambda: decided(record(), commands=(command(verb="mode"),))),
    "G8 one name for two": ("G8", lambda: decided(record(), commands=(command(), command("miner m002")))),
    "G9 an old value counts": ("G9", lambda: aged(record(), "inlet_c", 900)),
    "G9 not a number": ("G9", lambda: remembers(record(), float("nan"))),
    "G9 infinite": ("G9", lambda: remembers(record(), float("inf"))),
    "G10 no such edge": ("G10", lambda: record()._replace(before=record().before._replace(mode="FAULT"))),
    "G10 no reason": ("G10", lambda: decided(record(), why=Reason("x", ""))),
    "G10 a weaker layer first": ("G10", lambda: bound(1, 0)),
    "G10 a looser limit binds": ("G10", lambda: bound(0, 0, 500)),
    "G11 another decision": ("G11", lambda: decided(record(), why=WHY)),
    "G12 worse runs more": ("G12", lambda: planned(record(), run=())),
    "G12 heat takes fans": ("G12", lambda: planned(record(), fans_on=tuple("123456789x"))),
    "G13 starts the running": ("G13", lambda: decided(record(), commands=(command(),))),
    "G13 cuts the dark": ("G13", lambda: decided(record(running=False), commands=(command("miner m011", "off"),))),
    "G14 a test frees": ("G14", lambda: planned(freed(), run=(True,) * 13)),
    "G15 for ever": ("G15", lambda: with_override(record())),
    "G15 for a day": ("G15", lambda: with_override(record(), until_s=10_000 + 86_400, kind="output")),
}  # fmt: skip


def bound(*layers):
    """Limits of watts of these layers; the first is said to bind. A third number: what the first one allows."""
    amount = layers[2] if len(layers) > 2 else 0
    limits = [Limit(layer, "max_power_w", 0, WHY) for layer in layers[:2]]
    limits[0] = limits[0]._replace(amount=amount)
    good = record()
    return decided(good, envelope=good.decision.envelope._replace(binding=(limits[0],), reasons=tuple(limits)))


def stepped(good):
    return good._replace(image=good.image._replace(clock=good.image.clock._replace(stepped=True)))


def forbidden(good):
    return decided(good, envelope=good.decision.envelope._replace(no_start=WHY))


def unmetered(good):
    nothing = (None,) * len(good.image.miners.power_w)
    return good._replace(image=good.image._replace(miners=good.image.miners._replace(power_w=nothing)))


def unread(good):
    """A site meter is wired, and nothing is known of it; the outlets are read well."""
    blind = Value(None, good.image.clock.plant_s, "meter", "no answer")
    return good._replace(image=good.image._replace(site={**good.image.site, "site_power_w": blind}))


def ordered(good, most_w):
    """Safety allows so many watts, and nobody stops."""
    limit = Limit(0, "max_power_w", most_w, WHY)
    return decided(good, envelope=good.decision.envelope._replace(binding=(limit,), reasons=(limit,)))


def long_dark(good):
    """The rule believes that all has been dark for a long time."""
    state = good.decision.state
    return decided(good, state=state._replace(memory={**state.memory, "run_on": {"dark_s": 1}}))


def many_starts(good):
    last = {**good.decision.state.last, "starts": [good.image.clock.plant_s - 60] * 200}
    return decided(good, state=good.decision.state._replace(last=last))


def breakered(good, what, limit_w=100):
    miners = tuple(spec._replace(breaker="b1", phase="b1") for spec in good.policy.wiring.miners)
    return capped(good, 1_000_000, miners=miners, **{what: (BreakerSpec("b1", limit_w),)})


def climbing(good):
    """Everybody but the last and the one that starts now was told to run before, and draws next to nothing yet."""
    now_s = good.image.clock.plant_s
    told = {f"miner {spec.id}": Chase("run", 0, 1, now_s - 60, now_s - 60) for spec in good.policy.wiring.miners[1:-1]}
    plan = good.decision.plan._replace(starts=good.decision.plan.starts[:1])
    return decided(good._replace(before=good.before._replace(chases=told)), plan=plan)


def apart(good):
    """All that start are on one phase, and the other has one miner that rests."""
    names = ["L1" if at < len(good.policy.wiring.miners) - 1 else "L2" for at in range(len(good.policy.wiring.miners))]
    miners = tuple(spec._replace(phase=name) for spec, name in zip(good.policy.wiring.miners, names, strict=True))
    phases = (BreakerSpec("L1", 1_000_000), BreakerSpec("L2", 10_000))
    return capped(good, 1_000_000, miners=miners, phases=phases)


def spared(good):
    state = good.decision.state
    return decided(good, state=state._replace(chases={k: v for k, v in state.chases.items() if k != "miner m003"}))


def remembers(good, value):
    state = good.decision.state
    return decided(good, state=state._replace(memory={**state.memory, "test": {"value": [value]}}))


def freed():
    """A live site with a test value in force."""
    good = record(inlet=36.5)
    return with_override(good, until_s=good.image.clock.plant_s + 60)


@pytest.mark.parametrize("name", BAD)
def test_the_guard_flags_its_handmade_bad_record(name):
    guard, make = BAD[name]
    bad = make()
    assert guard in flagged(bad), audit(bad)


@pytest.mark.parametrize("make", [record, starting, curtailing], ids=["quiet", "starting", "curtailing"])
def test_a_good_record_passes_every_guard(make):
    assert audit(make()) == ()


def test_g4_counts_with_what_a_miner_was_seen_to_draw_where_that_is_more_than_its_plate():
    """As the start itself does: by the plate alone a phase was called uneven that was not, and a full one free."""
    plate = climbing(starting())
    units = {spec.id: Unit(run_dw=37_400) for spec in plate.policy.wiring.miners}
    seen = plate._replace(before=plate.before._replace(units=units))
    by_plate, by_draw = (max(_planned_w(one, _fleet(one))) for one in (plate, seen))
    assert (by_plate, by_draw) == (3400 * 105 // 100, 3740 * 105 // 100)


def test_every_guard_has_a_bad_record():
    assert {guard for guard, _ in BAD.values()} == set(GUARDS)


def test_a_violation_names_the_tick_and_a_number():
    one = next(iter(audit(aged(record(), "inlet_c", 900))))
    assert one.tick_at == record().image.clock.wall_s
    assert "900 s" in one.sentence
