"""Pools that are down, who stands in, who goes back. POL1: never a reason to cut power, never bouncing."""

from itertools import pairwise

import pytest
from core.plant import request
from core.shelf import SHELF, Shelf, boards
from hypothesis import given, settings
from hypothesis import strategies as st

from mine_controller.core import rules
from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.reading import Reading, Value
from mine_controller.core.model.reason import ECONOMICS, EQUIPMENT, PERSON, Reason, Wish
from mine_controller.core.model.wiring import EndpointSpec, UplinkSpec
from mine_controller.core.option import fill
from mine_controller.core.pools import blocks, health
from mine_controller.core.wording.words import sentence

POOLS = (PoolFacts("main", "BTC", "main.example", "reserve"), PoolFacts("reserve", "BTC", "reserve.example"))
CHECK = "stratum watch"
SOLO = "solopool dgb"
LINE = "uplink fibre"
WALLET = f"{SOLO}/D8abcd..wxyz12"


class Mine(Shelf):
    """Boards that count their shares on pools that work or don't, a check of the pools' ports, and one uplink."""

    def __init__(self, count=4, *, facts=POOLS, check=True, line=False, per_tick=20, **spec):
        wires = boards(count, pools=tuple(pool.name for pool in facts), **spec)
        ends = dict(wires.endpoints)
        for name in (CHECK,) if check else ():
            ends[name] = EndpointSpec(name)
        if line:
            ends[LINE] = EndpointSpec(LINE)
        ends[SOLO] = EndpointSpec(SOLO)
        uplinks = (UplinkSpec("fibre", LINE),) if line else ()
        super().__init__(wires._replace(endpoints=ends, uplinks=uplinks))
        self.policy = self.policy._replace(pools=facts)
        self.works = {pool.name: True for pool in facts}
        self.port = {pool.name: True for pool in facts}
        self.line = "up"
        self.shares = {spec.id: [100, 1] for spec in wires.miners}
        self.per_tick = per_tick
        self.blocks = None
        self.stats = ()
        self.ticks(12)

    def tick(self, *args, **more):
        for name, count in self.shares.items():
            if self.power[name] > 6 and self.works.get(self.pool[name]) and self.line == "up":
                count[0] += self.per_tick
                count[1] += 1
        return super().tick(*args, **more)

    def readings(self, asked):
        asked = asked - self.dead
        out = super().readings(asked)
        if SHELF in asked:
            for spec in self.wiring.miners:
                out.append(Reading(f"{SHELF}/{spec.mac}:accepted_n", self.shares[spec.id][0], self.now))
                out.append(Reading(f"{SHELF}/{spec.mac}:rejected_n", self.shares[spec.id][1], self.now))
        if CHECK in asked:
            for name, open_ in self.port.items():
                out.append(Reading(f"{CHECK}/{name}:link", "up" if open_ and self.line == "up" else "down", self.now))
        if LINE in asked:
            out.append(Reading(f"{LINE}:link", self.line, self.now))
        if SOLO in asked:
            out += [Reading(key, value, self.now) for key, value in self.stats]
            out += [Reading(f"{WALLET} block:text", self.blocks, self.now)] if self.blocks is not None else []
        return out

    def _do(self, name, command):
        return "unreachable" if command.lane in self.dead else super()._do(name, command)

    def breaks(self, name, *, port=False):
        self.works[name], self.port[name] = False, port

    def mends(self, name):
        self.works[name] = self.port[name] = True

    def on(self, name):
        return sum(pool == name for pool in self.pool.values())

    def moves(self):
        return [(at, name, value) for at, name, verb, value in self.told if verb == "pool"]

    def health(self, name):
        told = health.healths(self.image, self.wiring, self.policy.pools, self.state.memory["failover"], (True,) * 4)
        return next(one for one in told if one.name == name)


def test_a_pool_that_works_is_left_alone():
    mine = Mine()
    assert mine.moves() == []
    assert mine.events("pool_down") == []
    told = mine.health("main")
    assert (told.state, told.miners, told.connected, told.link, told.instead) == ("good", 4, 4, "up", "")
    assert told.accept_pct == pytest.approx(95.2, abs=0.1)
    assert told.share_age_s <= 120


@pytest.mark.parametrize(
    ("number", "text", "best"),
    [(8.13e9, None, 8.13e9), (None, "4.57M", 4.57e6), (1e6, "4.57M", 4.57e6), (9e6, "4.57M", 9e6), (None, None, None)],
)
def test_the_best_share_of_a_pool_is_told_by_whatever_its_miners_tell_it_with(number, text, best):
    """XMRig, Avalons and the family of cgminer tell a number; the text is one of small boards."""
    mine = Mine()
    mac = mine.wiring.miners[1].mac
    told = {f"{SHELF}/{mac}:best_diff_n": number, f"{SHELF}/{mac} best:text": text}
    known = {key: Value(value, mine.image.clock.plant_s) for key, value in told.items() if value is not None}
    mine.image = mine.image._replace(channels={**mine.image.channels, **known})
    assert mine.health("main").best == best


def test_a_dead_port_puts_the_miners_on_the_fallback_and_they_come_back_when_it_was_good_for_long():
    mine = Mine()
    mine.breaks("main")
    began = mine.now
    mine.ticks(6)
    assert mine.on("reserve") == 4
    assert min(at for at, _, _ in mine.moves()) - began >= 300
    (event,) = mine.events("pool_down")
    why = "pool main is down (its port can't be reached); miners on it: 4, and reserve stands in"
    assert sentence(event.reason) == why
    mine.mends("main")
    mended = mine.now
    mine.ticks(7)
    assert mine.on("reserve") == 4
    mine.ticks(12)
    assert mine.on("main") == 4
    assert min(at for at, _, value in mine.moves() if value == "main") - mended >= 900
    assert len(mine.events("pool_up")) == 1
    assert "moved" not in mine.state.memory["failover"]
    assert mine.violations == []


def test_who_was_off_for_hours_while_its_pool_came_back_goes_home_too():
    """A dear evening or a curtailment: what answers to nobody says no pool, and still has the stand-in's settings."""
    mine = Mine()
    mine.breaks("main")
    mine.ticks(6)
    assert mine.on("reserve") == 4
    mine.dead.add(SHELF)
    mine.ticks(10)
    mine.mends("main")
    mine.ticks(70)
    mine.dead.remove(SHELF)
    assert mine.on("reserve") == 4
    mine.ticks(20)
    assert mine.on("main") == 4
    assert "moved" not in mine.state.memory["failover"]
    assert mine.violations == []


def test_a_pool_that_takes_no_shares_is_down_although_its_port_answers():
    mine = Mine()
    mine.breaks("main", port=True)
    mine.ticks(5)
    assert mine.on("reserve") == 4
    (event,) = mine.events("pool_down")
    assert "took no share for" in dict(event.reason.numbers)["why"]
    mine.ticks(20)
    assert mine.on("reserve") == 4, "an open port is no proof that it takes shares"


def test_slow_miners_are_not_a_dead_pool():
    """A share every ten minutes is seen as often missing for half an hour."""
    mine = Mine(1, per_tick=0)
    for _ in range(40):
        mine.per_tick = 1
        mine.tick()
        mine.per_tick = 0
        mine.ticks(4)
    mine.ticks(15)
    assert mine.events("pool_down") == []


def test_without_a_check_the_miners_try_it_again_ever_more_seldom():
    mine = Mine(check=False)
    mine.breaks("main")
    mine.ticks(300)
    back = sorted({at for at, _, value in mine.moves() if value == "main"})
    gaps = [later - sooner for sooner, later in pairwise(back) if later - sooner > 600]
    assert len(gaps) >= 2
    assert gaps == sorted(gaps)
    assert gaps[0] >= 3600
    assert len(mine.events("pool_down")) == 1, "it is one outage, told once"
    mine.mends("main")
    mine.ticks(320)
    assert mine.on("main") == 4
    assert len(mine.events("pool_up")) == 1


def test_two_dead_pools_are_two_alarms_and_no_move():
    mine = Mine()
    mine.breaks("main")
    mine.breaks("reserve")
    mine.ticks(12)
    assert mine.moves() == []
    assert {event.about for event in mine.events("pool_down")} == {"main", "reserve"}


def test_a_pool_that_was_down_before_anybody_came_is_an_alarm_when_somebody_does():
    """A band or a night put a shelf on a pool that had been dead for days: it was told once, as information."""
    mine = Mine(facts=(PoolFacts("main"), PoolFacts("reserve")))
    mine.breaks("reserve")
    mine.ticks(10)
    assert [event.severity for event in mine.events("pool_down")] == ["info"]
    assert mine.state.alarms == {}
    mine.pool = dict.fromkeys(mine.pool, "reserve")
    mine.ticks(3)
    assert "pool_down reserve" in mine.state.alarms
    assert [event.severity for event in mine.events("pool_down")] == ["info", "warning"]
    mine.mends("reserve")
    mine.ticks(12)
    assert mine.state.alarms == {}
    mine.pool = dict.fromkeys(mine.pool, "main")
    mine.breaks("reserve")
    mine.ticks(10)
    assert [event.severity for event in mine.events("pool_down")] == ["info", "warning", "info"]


def test_who_comes_to_a_pool_that_is_back_and_not_yet_believed_is_no_alarm():
    """It was a warning that the pool is down, "it answers", for the minutes until it counts again."""
    mine = Mine(facts=(PoolFacts("main"), PoolFacts("reserve")))
    mine.breaks("reserve")
    mine.ticks(10)
    mine.mends("reserve")
    mine.ticks(2)
    mine.pool["b1"] = "reserve"
    mine.ticks(2)
    assert [event.severity for event in mine.events("pool_down")] == ["info"]
    mine.breaks("reserve")
    mine.ticks(5)
    assert [event.severity for event in mine.events("pool_down")] == ["info", "warning"]


def test_a_pool_that_all_have_left_by_themselves_is_not_down_for_ever():
    """Another band's pool is mined now: nobody goes back to try this one, and nothing knocks at it."""
    mine = Mine(check=False)
    mine.policy = mine.policy._replace(pools=tuple(pool._replace(fallback="") for pool in POOLS))
    mine.works["main"] = False
    mine.ticks(20)
    assert "pool_down main" in mine.state.alarms
    mine.pool = dict.fromkeys(mine.pool, "reserve")
    mine.ticks(4)
    assert "pool_down main" in mine.state.alarms, "it may be tried anew before long"
    mine.ticks(45)
    assert mine.state.alarms == {}
    (event,) = mine.events("pool_up")
    assert sentence(event.reason).startswith("nobody works for pool main any more")
    mine.pool = dict.fromkeys(mine.pool, "main")
    mine.ticks(20)
    assert "pool_down main" in mine.state.alarms, "it is told anew to who comes back"


def test_a_pool_that_a_stand_in_keeps_its_miners_from_stays_down_until_they_have_tried_it():
    mine = Mine(check=False)
    mine.works["main"] = False
    mine.ticks(400)
    assert not mine.events("pool_up")
    assert "pool_down main" in mine.state.alarms


def test_a_chain_of_fallbacks_is_followed_and_a_circle_ends():
    facts = (PoolFacts("a", "", "", "b"), PoolFacts("b", "", "", "c"), PoolFacts("c", "", "", "a"))
    assert health.stand_in("a", facts, {"a"}) == "b"
    assert health.stand_in("a", facts, {"a", "b"}) == "c"
    assert health.stand_in("a", facts, {"a", "b", "c"}) == ""
    assert health.stand_in("a", (PoolFacts("a", "", "", "gone"),), {"a"}) == ""
    mine = Mine(facts=(POOLS[0], PoolFacts("reserve", "", "", "third"), PoolFacts("third")))
    mine.breaks("main")
    mine.ticks(8)
    assert mine.on("reserve") == 4
    mine.breaks("reserve")
    mine.ticks(14)
    assert mine.on("third") == 4
    mine.mends("main")
    mine.ticks(24)
    assert mine.on("main") == 4


def test_while_the_line_is_down_no_pool_is_judged():
    """NET1: what nobody can reach is not the pool's fault."""
    mine = Mine(line=True)
    mine.line = "down"
    mine.ticks(20)
    assert [event for event in mine.events("pool_down") if event.kind == "pool_down"] == []
    assert mine.moves() == []
    mine.line = "up"
    mine.ticks(20)
    assert mine.events("pool_down") == []


def test_a_persons_word_stands_although_the_pool_is_down():
    mine = Mine()
    mine.requests = (request("set-state", "pool.b0", "main"),)
    mine.tick()
    mine.breaks("main")
    mine.ticks(14)
    assert mine.pool == {"b0": "main", "b1": "reserve", "b2": "reserve", "b3": "reserve"}


THREE = (POOLS[0], PoolFacts("reserve"), PoolFacts("third"))


def wants(mine, pool):
    """A schedule that wants everybody on one pool, all day."""
    rule = rules.load("schedule")
    always = rule.with_sections(fill(rule.Options), [("all day", fill(rule.SECTION, {"pool": pool}))])
    mine.policy = mine.policy._replace(rules={**mine.policy.rules, "schedule": always})


def test_what_economics_wants_and_a_dead_pool_do_not_pull_at_one_miner():
    """One writer: who is wanted on a dead pool is on its stand-in, who is wanted elsewhere is there."""
    mine = Mine(facts=THREE)
    wants(mine, "main")
    mine.breaks("main")
    mine.ticks(8)
    assert mine.on("reserve") == 4
    wants(mine, "third")
    mine.ticks(12)
    assert mine.on("third") == 4
    wants(mine, "main")
    mine.ticks(12)
    assert mine.on("reserve") == 4
    mine.mends("main")
    mine.ticks(20)
    assert mine.on("main") == 4
    assert [value for _, name, value in mine.moves() if name == "b0"] == ["reserve", "third", "reserve", "main"]
    assert mine.violations == []


def named(*wishes):
    return {wish.what: wish for wish in wishes}


def wish(layer, what, value):
    return Wish(layer, what, value, Reason("test", "test"))


@pytest.mark.parametrize(
    ("strongest", "others", "value"),
    [
        (None, (), None),
        (None, (("home b0", "main"),), "main"),
        (None, (("home b0", "main"), ("instead main", "reserve")), "reserve"),
        ((ECONOMICS, "main"), (("home b0", "reserve"),), "main"),
        ((ECONOMICS, "main"), (("instead main", "reserve"),), "reserve"),
        ((ECONOMICS, "reserve"), (("instead main", "reserve"), ("home b0", "main")), "reserve"),
        ((ECONOMICS, "main"), (("instead main", "strange"),), "main"),
        ((EQUIPMENT, "main"), (("instead main", "reserve"),), "main"),
        ((PERSON, "main"), (("instead main", "reserve"),), "main"),
    ],
)
def test_the_order_of_wishes_for_a_pool(strongest, others, value):
    """docs/decisions: person, the local pool, bands and schedules, home; a stand-in replaces the last two only."""
    (spec,) = boards(1).miners
    first = wish(strongest[0], "pool b0", strongest[1]) if strongest else None
    found = health.resolve(first, spec, named(*(wish(ECONOMICS, what, said) for what, said in others)))
    assert (found.value if found else None) == value


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(1, 12)), min_size=1, max_size=8))
def test_whatever_pools_do_no_miner_is_moved_twice_in_a_quarter_of_an_hour(spells):
    """POL1: at most one pool change a miner in 15 min, and no watt less for a pool."""
    mine = Mine(2)
    for works, port, reserve, ticks in spells:
        mine.works["main"], mine.port["main"], mine.works["reserve"] = works, port, reserve
        mine.ticks(ticks)
    for name in mine.pool:
        times = [at for at, who, _ in mine.moves() if who == name]
        assert all(later - sooner >= 900 for sooner, later in pairwise(times))
    assert {verb for _, _, verb, _ in mine.sent} <= {"pool"}
    assert mine.violations == []


garbage = st.none() | st.integers(-5, 10**19) | st.floats(allow_nan=True) | st.text(max_size=20) | st.booleans()
KEYS = [f"{WALLET}:{name}" for name in ("hashrate_hs", "workers_n", "unpaid_n", "best_n", "share_wall_s", "strange")]
KEYS += [f"{WALLET} block:text", f"{SOLO}:health", f"{WALLET} rate:history", f"{WALLET}:link", f"{SOLO}/main:link"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), garbage), max_size=12))
def test_what_a_pools_service_says_changes_no_decision(stats):
    """POL1: the same commands, envelope and plan with and without every word of it, right, wrong or late."""
    with_it, without = Mine(2), Mine(2)
    for mine in (with_it, without):
        mine.breaks("main")
    for _ in range(8):
        with_it.stats = tuple(stats)
        mine = [with_it.tick(), without.tick()]
        assert mine[0].commands == mine[1].commands
        assert mine[0].plan == mine[1].plan
        assert mine[0].envelope == mine[1].envelope
        assert mine[0].mode == mine[1].mode
    assert with_it.moves() == without.moves()
    assert with_it.violations == []


def test_a_block_is_told_once_and_old_ones_are_no_news():
    mine = Mine()
    mine.blocks = "811000 2025-11-01 10:00"
    mine.ticks(2)
    assert mine.events("block_found") == []
    mine.blocks = "812001 2025-11-13 03:13, 811000 2025-11-01 10:00"
    mine.ticks(3)
    (event,) = mine.events("block_found")
    assert sentence(event.reason) == "solopool dgb: block 812001 found 2025-11-13 03:13"
    mine.blocks = "811000 2025-11-01 10:00"  # an older copy of the answer
    mine.ticks(2)
    mine.blocks = "812001 2025-11-13 03:13, 811000 2025-11-01 10:00"
    mine.ticks(2)
    mine.tick(rebooted=True)
    mine.ticks(2)
    assert len(mine.events("block_found")) == 1


def test_the_first_block_of_a_wallet_that_had_none_is_news():
    mine = Mine()
    mine.blocks = blocks.NONE
    mine.ticks(2)
    mine.blocks = "812001 2025-11-13 03:13, 812000 2025-11-13 02:01"
    mine.ticks(2)
    assert [dict(event.reason.numbers)["block"] for event in mine.events("block_found")] == ["812000", "812001"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("4.57G", 4.57e9), ("85.4T", 85.4e12), ("0", 0.0), ("1.2 k", 1200.0), ("", None), ("G", None), ("1e9", None),
     ("1e+03G", 1e12), ("1e+99G", None), ("-4G", None), (None, None), (7, None), ("9" * 50, None)],
)  # fmt: skip
def test_numbers_with_a_letter_behind_them(text, value):
    assert health.scaled(text) == value
