"""Stories of trouble drawn by a printed seed, as many as fit: the long run of the laws."""

import os
import random
import time

import pytest
from laws.stages import stage

from mine_controller.play.stage import Killed

MINUTES = float(os.environ.get("MINECTL_SOAK_MINUTES", "1"))
WEATHER = ("july", "heat_wave", "harvest", "january", "tropical")


def troubles(dice):
    """One trouble of any kind, as the words of a stage."""
    device = dice.choice(["roomalert intake", "iotawatt fans", "controlbyweb fans", "foreman mine", "redfish pdu1"])
    return dice.choice([
        [f"signal {dice.choice(['off', 'off', 'run', 'warn'])}"],
        [f"page {dice.choice(['ok', 'blank', 'mangled', 'silent', 'html', 'cut', 'refuse', 'bomb'])}"],
        [f"weather {dice.choice(WEATHER)}"],
        [f"fan {dice.randint(1, 9)} {dice.choice(['break', 'mend'])}"],
        [f"fan {n} {how}" for how in (dice.choice(["break", "mend"]),) for n in range(1, 10)],
        [f"sensor {dice.randint(1, 5)} {dice.choice(['unplug', 'stick 21.5', 'stick -40', 'well'])}"],
        [f"miner a{n:03} {how}" for how in (dice.choice(["mute", "liar", "dead", "well"]),)
         for n in dice.sample(range(1, 13), dice.randint(1, 4))],
        [f"device {device} {dice.choice(['silent', 'garbage', 'huge', 'drip', 'gone', 'frozen', 'ok'])}"],
        [f"outlet pdu{dice.randint(1, 2)}/A{dice.randint(1, 6)} {dice.choice(['weld', 'jam', 'mend'])}"],
        [f"kill {dice.randint(1, 40)}"],
        [f"clock {dice.choice([-50 * 31_557_600, -86_400, -3600, 3600, 86_400, 10 * 31_557_600])}"],
        [f"power_cut {dice.choice([20, 120, 600])}"],
        [f"reboot {dice.choice([60, 900])}"],
        [f"ask {dice.choice(['set-state miners stop', 'set-state fans 9', 'clear-state --all', 'resume'])}"],
        [f"stop {dice.choice(['on', 'off'])}"],
    ])  # fmt: skip


def on_the_feed(dice):
    """What only a site with a main meter can suffer from."""
    how = dice.choice(["still", "silent", "scaled 10", "scaled 0.1", "late 20", "late 60", "late 200", "well"])
    return [dice.choice([f"meter {how}", f"pdu pdu{dice.randint(1, 2)} {dice.choice(['zero', 'off', 'true'])}"])]


def story(seed, metered=False):
    """A stage and the deeds of its story; with a main meter some that are its own, beside those of the same seed."""
    dice = random.Random(seed)
    site = {"weather": dice.choice(WEATHER), "hour": dice.choice([2.0, 9.0, 13.0]), "running": dice.random() < 0.7}
    deeds, at = [], 4
    for _ in range(dice.randint(3, 12)):
        deeds += [(at, word) for word in troubles(dice)]
        at += dice.choice([0, 1, 1, 2, 3, 5, 8, 13])
    made = stage(12, seed=dice.randint(1, 3), metered=metered, **site)
    if metered:
        more = random.Random(f"{seed} on the feed")
        ats = [more.randint(4, at) for _ in range(more.randint(1, 4))]
        deeds += [(then, word) for then in ats for word in on_the_feed(more)]
    return made, deeds, at + 10


@pytest.mark.soak
def test_no_story_of_any_seed_breaks_a_guard_or_an_outcome():
    """G1-G15, O1-O20."""
    ends = time.monotonic() + 60 * MINUTES / 4
    seed = int(os.environ.get("MINECTL_SOAK_SEED", random.SystemRandom().randrange(1 << 30)))
    print(f"stories from seed {seed}")
    while time.monotonic() < ends:
        for metered in (False, True):
            site, deeds, ticks = story(seed, metered)
            found = site.play(deeds, ticks).found
            assert found == (), f"seed {seed}, metered {metered}: {found[:3]} after {deeds}"
        seed += 1


@pytest.mark.soak
def test_a_thousand_kills_at_random_calls_lose_no_event():
    """PRO3, O16."""
    ends = time.monotonic() + 60 * MINUTES / 8
    seed = int(os.environ.get("MINECTL_SOAK_SEED", "16"))
    dice = random.Random(seed)
    print(f"kills from seed {seed}")
    kills = 0
    while kills < 1000 and time.monotonic() < ends:
        deeds = [(5, "signal off"), (16, "signal run")]
        deeds += [(at, f"kill {dice.randint(1, 60)}") for at in range(1, 40) if dice.random() < 0.2]
        found = stage(12, seed=dice.randint(1, 9)).play(deeds, 44)
        kills += sum(tick.killed for tick in found.ticks)
        assert found.found == (), f"seed {seed}, kill {kills}: {deeds}"
    assert kills > 10
    assert issubclass(Killed, BaseException)
