"""Laws of one decision: the order of rules, obeyed commands, silence, one more limit, and deciding again."""

import random

import pytest
from core.plant import Plant, wiring
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.stages import stage

from mine_controller.core import rules
from mine_controller.core.decide import decide
from mine_controller.core.envelope import narrow
from mine_controller.core.freeze import freeze
from mine_controller.core.model.reason import LAYERS, Limit, Reason
from mine_controller.core.settle import settle
from mine_controller.play.planted import BUGS
from mine_controller.store.loading import pack_body, unpack_body
from mine_controller.tick import permitted

WHATS = ("max_power_w", "start_max_w", "max_miners", "start_miners", "fans_min", "fans_max", "no_start", "no_fan_down")
HOWS = ("cut", "ladder", "gentle")
NAMES = tuple(rules.NAMES)

limits = st.builds(
    lambda layer, what, amount, how, code: Limit(
        layer, what, 0 if what.startswith("no_") else amount, Reason("r", code), how
    ),
    st.integers(0, len(LAYERS) - 1),
    st.sampled_from((*WHATS, "ban m1", "off m1", "breaker b1", "phase L1")),
    st.integers(0, 900),
    st.sampled_from(HOWS),
    st.sampled_from("abc"),
)


def lived(seed, ticks=9):
    """A plant after a random life, its next round's image, and what it decides."""
    dice = random.Random(seed)
    plant = Plant(wiring(12), running=dice.random() < 0.7)
    plant.audited = False
    for _ in range(ticks):
        plant.signal = dice.choice(["run", "run", "off", None])
        plant.inlet = dice.choice([25.0, 25.0, 36.5, 39.0, 41.5, -6.0, None])
        plant.mute = {f"m{dice.randrange(12):03}"}
        plant.broken = {str(dice.randint(1, 9))} if dice.random() < 0.3 else set()
        plant.tick()
    return plant


def moving(seed):
    """The same where the next tick begins, after a while in which it may start or must stop: most have work to do."""
    plant, dice = lived(seed), random.Random(seed)
    plant.mute, plant.broken, plant.signal, plant.inlet = set(), set(), "run", 25.0
    plant.ticks(dice.randint(4, 12))
    plant.signal = dice.choice(["run", "run", "off"])
    plant.inlet = dice.choice([25.0, 25.0, 39.0, 41.5])
    clock = plant.image.clock._replace(plant_s=plant.now, began_s=plant.now, opening=True)
    plant.image = freeze(plant.image, plant.readings(set(plant.wiring.endpoints)), plant.wiring, clock)
    return plant


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.permutations(NAMES))
def test_the_order_of_rules_can_not_matter(seed, order):
    plant = lived(seed)
    right = decide(plant.image, plant.state, plant.policy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "NAMES", tuple(order))
        other = decide(plant.image, plant.state, plant.policy)
    assert (other.commands, other.plan, other.envelope, other.mode) == (
        right.commands,
        right.plan,
        right.envelope,
        right.mode,
    )
    assert other.state == right.state
    assert sorted(other.events) == sorted(right.events)


@given(st.lists(limits, max_size=8), limits)
def test_one_more_limit_of_any_kind_never_widens(given_limits, more):
    few, many = narrow(given_limits), narrow([*given_limits, more])
    for what in ("max_power_w", "start_max_w", "max_miners", "start_miners"):
        before, after = getattr(few, what), getattr(many, what)
        assert before is None or after <= before
    assert many.fans_min >= few.fans_min
    assert few.fans_max is None or many.fans_max <= max(few.fans_max, many.fans_min)
    assert few.no_start is None or many.no_start is not None
    assert few.no_fan_down is None or many.no_fan_down is not None
    assert set(few.bans) <= set(many.bans)
    assert set(few.offs) <= set(many.offs)
    assert all(many.breakers[name] <= watts for name, watts in few.breakers.items())
    assert all(many.phases[name] <= watts for name, watts in few.phases.items())


@given(st.lists(limits, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_any_limits_can_not_matter(given_limits, dice):
    shuffled = list(given_limits)
    dice.shuffle(shuffled)
    assert narrow(shuffled) == narrow(given_limits)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_an_obeyed_command_is_not_repeated(seed):
    """G13: whatever was told and done is not told again by the next decision on the same world."""
    plant = lived(seed)
    plant.mute = plant.broken = set()
    plant.signal = random.Random(seed).choice(["run", "off"])
    plant.inlet = 25.0
    plant.ticks(8)
    since = len(plant.sent)
    before = {spec.id: plant.power[spec.id] > 500 for spec in plant.wiring.miners}
    plant.tick()
    for _, target, verb, _ in plant.sent[since:]:
        if target.startswith("miner "):
            assert before[target[6:]] == (verb in ("stop", "off")), (target, verb)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_deciding_what_was_decided_again_gives_the_same_bytes(seed):
    """G11."""
    plant = lived(seed)
    first = decide(plant.image, plant.state, plant.policy)
    again = decide(plant.image, plant.state, plant.policy)
    assert repr(first) == repr(again)
    assert settle(first.state, first.commands, ()) == settle(again.state, again.commands, ())


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_what_was_written_and_read_back_decides_the_same(seed):
    """Each tick is a process of its own: what it reads is all that it knows of the one before."""
    plant = moving(seed)
    state, image, _, notes = unpack_body(pack_body(plant.state, plant.image, "sha"))
    assert (state, image.channels, notes) == (plant.state, plant.image.channels, ())
    right, other = (decide(plant.image, one, plant.policy) for one in (plant.state, state))
    assert (other.commands, other.plan, other.envelope, other.state) == (
        right.commands,
        right.plan,
        right.envelope,
        right.state,
    )


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_in_fleet_csv_moves_no_number(seed, dice):
    plant = moving(seed)
    order = dice.sample(range(12), 12)
    miners = plant.image.miners
    shuffled = type(miners)(*[tuple(column[at] for at in order) if column else column for column in miners])
    specs = tuple(plant.wiring.miners[at] for at in order)
    other = decide(
        plant.image._replace(miners=shuffled),
        plant.state,
        plant.policy._replace(wiring=plant.wiring._replace(miners=specs)),
    )
    right = decide(plant.image, plant.state, plant.policy)
    assert (other.mode, other.envelope, other.plan.fans_on, other.plan.permitted_w) == (
        right.mode,
        right.envelope,
        right.plan.fans_on,
        right.plan.permitted_w,
    )
    assert [len(getattr(other.plan, what)) for what in ("starts", "stops", "skip")] == [
        len(getattr(right.plan, what)) for what in ("starts", "stops", "skip")
    ]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_a_lower_cap_never_runs_or_starts_more(seed, cap_kw):
    plant = moving(seed)
    right = decide(plant.image, plant.state, plant.policy)
    site = plant.policy.site._replace(power_cap_w=cap_kw * 1000)
    lower = decide(plant.image, plant.state, plant.policy._replace(site=site))
    assert sum(lower.plan.run) <= sum(right.plan.run)
    assert len(lower.plan.starts) <= len(right.plan.starts)
    assert lower.plan.permitted_w <= right.plan.permitted_w


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_silence_from_everywhere_starts_nobody_and_takes_no_fan(seed):
    """Law 4 at its worst: every endpoint silent at once."""
    plant = lived(seed)
    plant.dead = set(plant.wiring.endpoints)
    fans_up = {name for name, on in plant.fan_on.items() if on}
    since = len(plant.sent)
    plant.ticks(12)
    sent = plant.sent[since:]
    assert not [one for one in sent if one[1].startswith("miner ") and one[2] in ("run", "on")]
    assert {name for name, on in plant.fan_on.items() if on} >= fans_up


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_what_may_go_out_unwritten_never_raises_the_load(seed):
    """DB1: over a whole life with a good end, in which miners were started."""
    plant = lived(seed)
    plant.mute = plant.broken = set()
    plant.signal, plant.inlet = "run", 25.0
    plant.ticks(16)
    commands = tuple(command for decision in plant.decisions for command in decision.commands)
    assert [command for command in commands if raises(command)]
    assert [command for command in permitted(commands, written=False) if raises(command)] == []


def raises(command):
    """Whether it may raise the load or take air away."""
    if command.target.startswith("miner "):
        return command.verb not in ("stop", "off")
    return command.verb == "off" and command.reason.code == "fan_down"


def test_two_stages_of_one_seed_are_one_story_and_another_seed_is_another():
    def story(seed):
        one = stage(12, seed=seed).play([(3, "signal off"), (4, "kill 9"), (8, "signal run")], 14)
        return [(round(sample.total_w), sample.starts) for sample in one.history.samples], one.ticks

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_a_stage_knows_no_other_words():
    with pytest.raises(ValueError, match="nothing a stage can do"):
        stage(12).do("dance")


def test_every_bug_says_what_it_is():
    assert all(bug.what and bug.by and ":" in bug.where for bug in BUGS)
