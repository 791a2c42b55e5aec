"""CMD2: who says yes to a stop and draws on, three times in a week, has its outlet cut first from then on."""

import pytest
from core.plant import Plant, policy, wiring
from core.round_desk import view

from mine_controller.core.miners.liars import LIES, WEEK_S, lied, lies_often, with_lies
from mine_controller.core.model.state import Chase, MinerBook, Shed
from mine_controller.core.model.wiring import Path

DAY_S = 86_400
WORD, OUTLET = Path("foreman mine", 30, gentle=True), Path("pdu", 10, gentle=False)


def site(miners=24, **more):
    wires = wiring(miners, **more)
    plant = Plant(wires, policy(wires, wear={"min_off_s": 60}))
    plant.ticks(4)
    return plant


def event(plant):
    """One curtailment and the way back; what miner m005 was told to stop it, in order."""
    before = len(plant.sent)
    plant.signal = "off"
    plant.ticks(4)
    told = [verb for _, target, verb, _ in plant.sent[before:] if target == "miner m005"]
    plant.signal = "run"
    for _ in range(90):
        plant.tick()
        if not plant.state.chases and all(watts == 3400 for watts in plant.power.values()):
            return told
    raise AssertionError(plant.power)


def test_cmd2_after_three_lies_in_a_week_its_outlet_goes_first():
    plant = site()
    plant.liars = {"m005"}
    assert [event(plant)[0] for _ in range(LIES)] == ["stop"] * LIES
    assert [one.about for one in plant.events("liar")] == ["m005"]
    assert set(event(plant)) == {"off"}
    assert len(plant.events("liar")) == 1
    assert not [name for name, book in plant.state.miners.items() if book.lies and name != "m005"]


def test_a_week_later_its_word_is_tried_again():
    plant = site()
    plant.liars = {"m005"}
    for _ in range(LIES):
        event(plant)
    assert event(plant)[0] == "off"
    plant.now += WEEK_S
    plant.ticks(4)
    assert event(plant)[0] == "stop"


@pytest.mark.parametrize(("liars", "known"), [(3, True), (8, False)])
def test_when_a_fifth_goes_on_at_once_the_way_of_the_commands_is_to_blame_and_no_unit(liars, known):
    plant = site()
    plant.liars = {f"m{at:03}" for at in range(liars)}
    for _ in range(LIES):
        event(plant)
    assert any(book.lies for book in plant.state.miners.values()) is known
    assert bool(plant.events("liar")) is known


def test_a_known_liar_without_an_outlet_is_still_asked():
    plant = site(outlets=False)
    books = {**plant.state.miners, "m005": plant.state.miners["m005"]._replace(lies=(plant.now,) * LIES)}
    plant.state = plant.state._replace(miners=books)
    assert event(plant)[0] == "stop"


def chase(**about):
    return Chase("stop", 0, 1, 1000, 1000, "accepted")._replace(**about)


@pytest.mark.parametrize(
    ("now", "watts", "path", "is_lie"),
    [
        (chase(), 3400, WORD, True),
        (chase(answer="applied"), 3400, WORD, True),
        (chase(answer="unreachable"), 3400, WORD, False),  # said nothing
        (chase(answer="refused"), 3400, WORD, False),  # said no
        (chase(), None, WORD, False),  # nobody measured it
        (chase(sent_s=1010), 3400, WORD, False),  # its time was not over: the outlet's last call came
        (chase(sent_s=None), 3400, WORD, False),
        (chase(), 3400, OUTLET, False),
    ],
)
def test_only_a_yes_that_its_watts_deny_is_a_lie(now, watts, path, is_lie):
    assert lied(now, path, watts, 1030) is is_lie


def test_three_within_a_week_are_often():
    now_s = 10 * DAY_S
    assert lies_often(MinerBook(lies=(now_s - WEEK_S + 1, now_s - 5, now_s)), now_s)
    assert not lies_often(MinerBook(lies=(now_s - WEEK_S, now_s - 5, now_s)), now_s)
    assert not lies_often(MinerBook(lies=(now_s,) * (LIES - 1)), now_s)
    assert not lies_often(MinerBook(), now_s)


@pytest.mark.parametrize(("away", "liars"), [(0, 4), (5, 0)])
def test_a_fifth_that_went_on_is_one_of_the_miners_that_are_there(away, liars):
    """Four of twenty are nobody's lie; five more on a shelf made liars of them."""
    seen = view(25)
    seen = seen._replace(fleet=seen.fleet._replace(away_n=away))
    after, _ = with_lies(seen, ["m000", "m001", "m002", "m003"], None)
    assert sum(bool(book.lies) for book in after.state.miners.values()) == liars


def test_a_fifth_that_goes_on_is_counted_through_all_rounds_of_one_curtailment():
    """Their proofs are overdue one after the other: one of ten, and two more in the next round."""
    stop = Shed(900, 900, "signal", 34_000, 680)
    after, events = with_lies(view(10), ["m000"], stop)
    assert (after.state.miners["m000"].lies, events) == ((view(10).now_s,), ())
    after, _ = with_lies(after, ["m001", "m002"], stop)
    assert not any(book.lies for book in after.state.miners.values())
    another = stop._replace(seen_s=950)
    after, _ = with_lies(after, ["m001", "m002"], another)
    assert [name for name, book in after.state.miners.items() if book.lies] == ["m001", "m002"]
