"""Every parser against answers no device should give: read or refused, in time and in bounds (SEC1, MIN2)."""

import math
import random
import resource
import time
import tracemalloc
from functools import partial

import pytest
from devices.kinds import CASES, KINDS, build, of_json
from devices.test_contract import fake, judged
from hostile.payloads import answers, cases, decodes, payload

from mine_controller.core.model.quantity import QUANTITIES, WORDS
from mine_controller.devices.ask import BOOKKEEPING
from mine_controller.devices.kind import Ask, Found
from mine_controller.wire.door import Response

SUITE, SOAK = 150, 10_000
SECONDS = 2.0  # of this process; the slowest took 0.05 s
PEAK = 12_000_000
RESIDENT_KB = 150_000
HEAD = {"date": "Thu, 13 Nov 2025 03:13:20 GMT"}


def options_of(kind, folder):
    path = folder / "options.json"
    return of_json(kind, path) if path.exists() else build(kind, "http://192.0.2.1")


def wire_of(dice, folder):
    """The recorded answers, one or all of them changed, and how many of the changed ones decode."""
    bodies = [path.read_bytes() for path in answers(folder)]
    chosen = range(len(bodies)) if dice.random() < 0.5 else [dice.randrange(len(bodies))]
    changed = {at: payload(dice, bodies[at]) for at in chosen}
    status = dice.choice((200, 200, 200, 200, 204, 401, 500))
    responses = [Response(status, HEAD, changed.get(at, body)) for at, body in enumerate(bodies)]
    return fake(responses), sum(map(decodes, changed.values())), len(changed)


def sane(found):
    """What a driver says is a known quantity and a finite number, or a text, or unknown for a reason."""
    for one in found:
        assert isinstance(one, Found)
        known = one.quantity in QUANTITIES or one.quantity in WORDS or one.quantity in BOOKKEEPING
        assert known or isinstance(one.value, str | None), one
        assert one.value is not None or one.why, one
        assert not isinstance(one.value, float) or math.isfinite(one.value), one


def read(kind, wire, options):
    return KINDS[kind].parse(KINDS[kind].fetch(wire, options, Ask()), options)


def try_out(kind, seed, count):
    """(decoded, all) of the payloads; fails at the first that does harm and names its number."""
    folders, decoded, total = cases(kind), 0, 0
    for number in range(count):
        dice = random.Random(f"{kind} {seed} {number}")
        folder = dice.choice(folders)
        options = options_of(kind, folder)
        wire, good, many = wire_of(dice, folder)
        decoded, total = decoded + good, total + many
        began = time.process_time()
        try:
            sane(judged(partial(read, kind, wire, options)))
        except Exception as error:
            raise AssertionError(f"payload {number} of seed {seed} in {folder.relative_to(CASES)}") from error
        assert time.process_time() - began < SECONDS, f"payload {number} of seed {seed}"
    return decoded, total


RECORDED = [kind for kind in sorted(KINDS) if cases(kind)]


@pytest.mark.parametrize("kind", RECORDED)
def test_a_hostile_answer_is_read_or_refused(kind):
    decoded, total = try_out(kind, 1, SUITE)
    assert total >= SUITE
    assert decoded / total > 0.4, "about half of them get past the decoder"


def test_hostile_answers_of_every_kind_take_little_memory():
    for kind in RECORDED:
        try_out(kind, 2, 2)  # imports and caches are paid
    tracemalloc.start()
    for kind in RECORDED:
        try_out(kind, 3, 6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < PEAK


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", RECORDED)
def test_ten_thousand_hostile_answers_of_each_kind(kind):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decoded, total = try_out(kind, 4, SOAK)
    assert total >= SOAK
    assert decoded / total > 0.4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < RESIDENT_KB
