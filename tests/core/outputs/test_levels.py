"""Outputs that follow a wish: the local pool's door and the wall's pump, word by word."""

import pytest
from core.order_desk import WHY, view
from core.plant import wiring

from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Wish
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import Lane
from mine_controller.core.outputs.levels import levels

POOL, WALL = "ckpool local", "controlbyweb fans/10"
TARGET = f"pool {POOL}"


def seen(*, opening=True, channels=None, **lanes):
    wires = wiring(2)._replace(dummy_pool=POOL, wall=WALL)
    wires = wires._replace(lanes={**wires.lanes, POOL: Lane(POOL, **lanes)})
    return view(wires=wires, opening=opening, channels=channels or {})


def said(given, chases=None, **wishes):
    """Commands of the round, and what is chased after it."""
    chases = {} if chases is None else chases
    wanted = tuple(Wish(3, what, value, WHY) for what, value in wishes.items())
    found = levels(given, Envelope(wishes=wanted), chases, 5)
    return [(one.target, one.verb, one.lane, one.address, one.id.rpartition(".")[2]) for one in found], chases


def test_each_follows_its_own_wish_and_commands_are_numbered_on():
    assert said(seen(), dummy_pool="on", wall="on")[0] == [
        (TARGET, "on", POOL, "", "5"), ("wall pump", "on", "controlbyweb fans", "10", "6"),
    ]  # fmt: skip
    assert [one[0] for one in said(seen(), wall="on")[0]] == ["wall pump"]
    assert [one[0] for one in said(seen(), dummy_pool="off")[0]] == [TARGET]
    assert said(view(), dummy_pool="on", wall="on")[0] == []


def test_what_nobody_wishes_any_more_is_forgotten_and_nothing_else_is():
    open_ = {TARGET: Chase("on", 0, 1, 1, 1), "wall pump": Chase("on", 0, 1, 1, 1), "miner m000": Chase("run", 0, 1, 1)}
    told, left = said(seen(), dict(open_))
    assert (told, set(left)) == ([], {"miner m000"})
    told, left = said(seen(), dict(open_), wall="on")
    assert set(left) == {"wall pump", "miner m000"}


@pytest.mark.parametrize(
    ("value", "age_s", "why", "sent_ago_s", "done"),
    [
        ("on", 0, "", 20, True), ("off", 0, "", 70, False), ("on", 240, "", 250, True), ("on", 241, "", 250, False),
        ("on", 0, "gone", 70, False), ("on", 70, "", 70, False), ("on", 69, "", 70, True),
    ],
)  # fmt: skip
def test_the_output_itself_says_when_it_has_followed(value, age_s, why, sent_ago_s, done):
    now_s = seen().now_s
    open_ = {TARGET: Chase("on", 0, 1, 1, now_s - sent_ago_s)}
    told, left = said(seen(channels={f"{POOL}:switch": Value(value, now_s - age_s, "", why)}), open_, dummy_pool="on")
    assert (TARGET not in left) is done
    assert bool(told) is not done


@pytest.mark.parametrize(("ago_s", "again"), [(59, False), (60, True)])
def test_the_same_word_is_said_again_after_a_minute_and_another_at_once(ago_s, again):
    given = seen()
    open_ = {TARGET: Chase("on", 0, 3, 1, given.now_s - ago_s)}
    told, left = said(given, dict(open_), dummy_pool="on")
    assert bool(told) is again
    assert left[TARGET].tries == (4 if again else 3)
    told, left = said(given, dict(open_), dummy_pool="off")
    assert [one[1] for one in told] == ["off"]
    assert (left[TARGET].want, left[TARGET].tries, left[TARGET].sent_s) == ("off", 1, given.now_s)


@pytest.mark.parametrize(("wish", "value", "soon"), [("dummy_pool", "on", True), ("dummy_pool", "off", False),
                                                     ("wall", "off", True), ("wall", "on", False)])  # fmt: skip
def test_in_a_later_round_only_what_can_not_wait_is_said(wish, value, soon):
    assert bool(said(seen(opening=False), **{wish: value})[0]) is soon


def test_nothing_is_sent_to_an_end_that_is_dead_or_not_ours():
    dead = {f"{POOL}:health": Value(None, 1, "", "gone")}
    assert said(seen(channels=dead), dummy_pool="on")[0] == []
    assert said(seen(live=False), dummy_pool="on")[0] == []
    assert said(seen(live=False), dummy_pool="on")[1] == {}
