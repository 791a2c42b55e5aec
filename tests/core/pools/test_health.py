"""The book of one pool, share by share: what counts, when it is silent, down, tried and believed again (POL1)."""

import pytest
from core.order_desk import view
from core.plant import miner

from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import EndpointSpec, UplinkSpec
from mine_controller.core.pools import health as room

PACE = room.Pace(down_s=600, back_s=900, retry_s=1800)
WHO = 7


def crew(accepted, rejected=0, who=WHO, counting=2):
    return room.Crew((0, 1), 2, who, accepted, rejected, counting)


class Shop:
    """A book and its counters, two minutes a look."""

    def __init__(self, **book):
        self.book, self.now = dict(book), 50_000

    def look(self, accepted, rejected=0, *, passed_s=120, **of):
        self.now += passed_s
        before = dict(self.book)
        found = room.count(self.book, crew(accepted, rejected, **of), self.now)
        assert self.book == before, "the book that was handed in stays as it was"
        self.book = found
        return self.book


# -- counting -------------------------------------------------------------------------------------------------------


def test_the_first_look_counts_nothing_and_begins():
    book = Shop().look(1000, 3)
    assert book == {"since_s": 50_120, "who": WHO, "acc": 1000, "rej": 3, "at_s": 50_120}


def test_what_was_taken_and_refused_since_is_added_up():
    shop = Shop()
    shop.look(1000, 3)
    shop.look(1010, 4)
    book = shop.look(1013, 4)
    assert (book["took"], book["lost"], book["rose_s"]) == ([13, 0], [1, 0], 50_360)
    assert (book["hour_s"], book["before_s"]) == (50_240, 0)
    book = shop.look(1013, 4)
    assert (book["rose_s"], book["took"], book["at_s"]) == (50_360, [13, 0], 50_480)


@pytest.mark.parametrize(("accepted", "rejected", "who"), [(5, 3, WHO), (1010, 0, WHO), (1010, 3, 8)])
def test_counters_that_fell_and_other_miners_add_nothing(accepted, rejected, who):
    shop = Shop()
    shop.look(1000, 3)
    book = shop.look(accepted, rejected, who=who)
    assert "took" not in book
    assert (book["acc"], book["rej"], book["who"]) == (accepted, rejected, who)
    assert book["since_s"] == (50_120 if who == WHO else 50_240)


@pytest.mark.parametrize(("gap_s", "counted"), [(900, True), (901, False)])
def test_what_lies_in_a_long_gap_says_nothing(gap_s, counted):
    shop = Shop()
    shop.look(1000)
    assert ("took" in shop.look(1010, passed_s=gap_s)) is counted
    assert shop.book["since_s"] == (50_120 if counted else shop.now)


def test_while_nobody_counts_nothing_is_waited_for():
    shop = Shop()
    shop.look(1000)
    book = shop.look(0, counting=0)
    assert (book["since_s"], room.silent_s(book, shop.now)) == (0, None)
    assert shop.look(0)["since_s"] == shop.now


def test_an_hour_is_kept_beside_the_one_before_it_and_older_ones_are_let_go():
    shop = Shop(who=WHO, acc=0, rej=0, at_s=50_000, since_s=40_000, took=[9, 1], lost=[2, 5], hour_s=46_521, before_s=1)
    assert shop.look(1)["took"] == [10, 1], "3599 s of this hour"
    shop.book |= {"hour_s": 46_640}
    book = shop.look(3)
    assert (book["took"], book["lost"], book["before_s"], book["hour_s"]) == ([2, 10], [0, 2], 3600, 50_240)
    for old_s, before in ((7199, [1, 2]), (7200, [1, 0])):
        late = Shop(who=WHO, acc=0, rej=0, at_s=50_000, since_s=4, took=[2, 8], lost=[0, 0], hour_s=50_120 - old_s)
        book = late.look(1)
        assert (book["took"], book["before_s"]) == (before, old_s if before[1] else 0)


def test_how_long_a_share_is_waited_for_is_the_mean_or_the_last_few_where_those_are_slower():
    shop = Shop()
    shop.look(0)
    assert shop.look(2)["lately_s"] == 60
    assert "pause_s" not in shop.book, "two shares say nothing"
    book = shop.look(3)
    assert (book["lately_s"], book["pause_s"]) == ((3 * 60 + 120) // 4, 75)
    shop.look(3, passed_s=600)
    book = shop.look(4, passed_s=600)
    assert book["lately_s"] == (3 * 75 + 1200) // 4
    assert book["pause_s"] == max((shop.now - book["hour_s"]) // 4, book["lately_s"]) == 356


def test_the_share_that_is_accepted_needs_three_to_speak_of():
    assert room.accept_pct({"took": [2, 0], "lost": [0, 0]}) is None
    assert room.accept_pct({"took": [1, 1], "lost": [1, 0]}) == 66.7
    assert room.accept_pct({}) is None


# -- silence --------------------------------------------------------------------------------------------------------


def test_silence_counts_from_the_last_share_or_from_when_its_miners_began():
    assert room.silent_s({"since_s": 100, "rose_s": 400}, 1000) == 600
    assert room.silent_s({"since_s": 400, "rose_s": 100}, 1000) == 600
    assert room.silent_s({"since_s": 400}, 1000) == 600
    assert room.silent_s({"since_s": 0, "rose_s": 100}, 1000) is None


@pytest.mark.parametrize(
    ("pause_s", "quiet_s", "silent"), [(75, 599, False), (75, 600, True), (100, 799, False), (100, 800, True)]
)
def test_it_is_silent_after_eight_usual_pauses_and_its_time(pause_s, quiet_s, silent):
    book = {"since_s": 100, "rose_s": 1000, "pause_s": pause_s}
    assert room.is_silent(book, 600, 1000 + quiet_s) is silent


def test_how_often_many_bring_a_share_says_nothing_of_the_few_who_stay():
    """Ten miners left in a dear band and one slow board stayed: after a few minutes without a share of its own its pool
    was "down", and its miners were sent away."""
    book, now = {}, 1000
    for step in range(30):  # a share every 12 s
        book = room.count(book, crew(step * 10, counting=10), now + step * 120)
    now += 29 * 120
    assert book["pause_s"] == 12
    five = room.count(book, crew(400, who=8, counting=5), now + 120)
    assert (five["pause_s"], five["crew"]) == (24, 5), "half of them: one comes half as often"
    alone = room.count(book, crew(5, who=9, counting=1), now + 120)
    half = room.count(alone, crew(5, who=9, counting=1), now + 720)
    quiet = room.count(half, crew(5, who=9, counting=1), now + 1320)
    assert not room.is_silent(quiet, 900, now + 1320)
    assert room.proof(quiet, "up", 900, now + 1320) == ("good", "it answers")
    for share in (1, 2, 3):
        quiet = room.count(quiet, crew(5 + share, who=9, counting=1), now + 1320 + share * 600)
    assert quiet["pause_s"] >= 600, "its own, from three shares on"
    more = room.count(quiet, crew(700, who=7, counting=10), now + 3240)
    assert more["pause_s"] == quiet["pause_s"], "more of them wait no longer"


def test_of_whom_nobody_knows_how_often_a_share_comes_is_silent_only_when_it_is_tried():
    book = {"since_s": 1000}
    assert not room.is_silent(book, 600, 99_000)
    assert room.is_silent(book | {"down_s": 5, "try_s": -5}, 600, 1600)
    assert not room.is_silent(book | {"down_s": 5, "try_s": 5}, 600, 99_000)
    assert not room.is_silent({"down_s": 5, "try_s": -5}, 600, 99_000)


@pytest.mark.parametrize(
    ("book", "link", "word"),
    [
        ({"since_s": 100, "rose_s": 9500}, "down", "good"),
        ({"since_s": 100, "rose_s": 9400}, "down", "bad"),
        ({"since_s": 9500, "rose_s": 9500}, "down", "bad"),
        ({"since_s": 100, "rose_s": 9400, "pause_s": 75}, "up", "bad"),
        ({"since_s": 100, "rose_s": 9400, "pause_s": 76}, "up", "good"),
        ({"mute": 1}, "up", ""), ({"mute": 0}, "up", "good"), ({}, None, ""), ({}, "down", "bad"),
    ],
)  # fmt: skip
def test_shares_prove_most_then_the_check_then_their_absence(book, link, word):
    assert room.proof(book, link, 600, 10_000)[0] == word


def test_each_proof_has_its_words():
    assert room.proof({}, "down", 600, 9000)[1] == "its port can't be reached"
    assert (
        room.proof({"since_s": 1, "rose_s": 9000, "pause_s": 75}, None, 600, 9660)[1] == "it took no share for 11 min"
    )
    assert room.proof({"mute": 1}, "up", 600, 9000)[1] == "it answers, but took no shares"
    assert room.proof({}, None, 600, 9000)[1] == "nobody can tell"


# -- down, and up again ---------------------------------------------------------------------------------------------


def test_a_port_that_is_shut_is_down_after_its_time_and_silence_at_once():
    book, told = room.judge({}, "down", PACE, 10_000)
    assert (told, book["bad_s"], book["good_s"], book.get("down_s")) == ("", 10_000, 0, None)
    book, told = room.judge(book, "down", PACE, 10_599)
    assert (told, book["bad_s"]) == ("", 10_000)
    book, told = room.judge(book, "down", PACE, 10_600)
    assert (told, book["down_s"], book["mute"], book["try_s"], book["tries"]) == ("down", 10_600, 0, 12_400, 0)
    silent = {"since_s": 100, "rose_s": 9000, "pause_s": 75}
    book, told = room.judge(silent, "up", PACE, 10_000)
    assert (told, book["down_s"], book["mute"]) == ("down", 10_000, 1)


def test_it_is_believed_again_after_it_was_good_for_long_and_then_nothing_is_left_of_it():
    down = {"down_s": 9000, "mute": 0, "try_s": 20_000, "tries": 2, "instead": "other"}
    book, told = room.judge(down, "up", PACE, 10_000)
    assert (told, book["good_s"]) == ("", 10_000)
    book, told = room.judge(book, "up", PACE, 10_899)
    assert told == ""
    broken, _ = room.judge(book, "down", PACE, 10_899)
    assert (broken["good_s"], broken["bad_s"]) == (0, 10_899)
    book, told = room.judge(book, "up", PACE, 10_900)
    assert told == "up"
    assert {name: book[name] for name in down} == {"down_s": 0, "mute": 0, "try_s": 0, "tries": 0, "instead": ""}
    assert book["why"] == "it answers"


def test_without_a_check_its_miners_try_it_ever_more_seldom():
    down = {"down_s": 9000, "mute": 1, "try_s": 10_000, "tries": 0}
    assert room.judge(down, None, PACE, 9999)[0]["try_s"] == 10_000
    book, _ = room.judge(down, None, PACE, 10_000)
    assert (book["try_s"], room.is_tried(book), room.stands_aside(book)) == (-10_000, True, False)
    book |= {"since_s": 10_000}
    waits = []
    for tries in range(6):
        found = room._try_again(book | {"tries": tries}, "bad", PACE, 50_000)
        assert (found["tries"], room.stands_aside(found)) == (tries + 1, True)
        waits.append(found["try_s"] - 50_000)
    assert waits == [3600, 7200, 14_400, 28_800, 28_800, 28_800]
    assert room._try_again(book, "", PACE, 50_000)["try_s"] == -10_000
    assert room._try_again(book, "good", PACE, 50_000)["try_s"] == -10_000


def test_who_was_just_sent_to_try_a_pool_and_is_not_connected_yet_shows_nothing_of_it():
    """At a tick of 10 s the first look found the first of them before it had a line, and they were away for hours."""
    tried = {"down_s": 9000, "mute": 1, "try_s": -10_000, "tries": 1}
    book, _ = room.judge(tried | {"waits": 1}, None, PACE, 10_010)
    assert room.is_tried(book)
    back, _ = room.judge({name: book[name] for name in book if name != "waits"}, None, PACE, 10_020)
    assert (room.is_tried(back), back["bad_s"]) == (True, 0)
    book, _ = room.judge(book, None, PACE, 10_609)
    assert room.is_tried(book)
    book, _ = room.judge(book, None, PACE, 10_610)
    assert (room.stands_aside(book), book["tries"], book["try_s"]) == (True, 2, 10_610 + 7200)
    shut, _ = room.judge(tried, "down", PACE, 10_010)
    assert room.stands_aside(shut), "a shut port is one at once"


def test_what_is_not_down_is_neither_tried_nor_set_aside():
    assert not room.is_tried({"try_s": -5})
    assert not room.stands_aside({})
    assert room.stands_aside({"down_s": 5})


# -- who stands in --------------------------------------------------------------------------------------------------


def test_the_next_in_the_chain_that_is_well_stands_in():
    chain = (PoolFacts("a", fallback="b"), PoolFacts("b", fallback="c"), PoolFacts("c", fallback="a"))
    assert room.stand_in("a", chain, ()) == "b"
    assert room.stand_in("a", chain, ("b",)) == "c"
    assert room.stand_in("a", chain, ("b", "c")) == ""
    assert room.stand_in("c", chain, ()) == "a"
    assert room.stand_in("gone", chain, ()) == ""
    assert room.stand_in("x", (PoolFacts("x", fallback="nobody"),), ()) == ""


# -- what is read ---------------------------------------------------------------------------------------------------


def told(**values):
    own = f"foreman mine/{miner(0).mac}"
    return {f"{own}:{name}": value for name, value in values.items()}


@pytest.mark.parametrize(("age_s", "count"), [(600, 5), (601, None)])
def test_a_counter_counts_for_ten_minutes(age_s, count):
    now_s = view().now_s
    given = view(channels=told(accepted_n=Value(5, now_s - age_s)))
    assert room.counted(given.image, f"foreman mine/{miner(0).mac}:accepted_n") == count
    lost = view(channels=told(accepted_n=Value(5, now_s, "", "gone")))
    assert room.counted(lost.image, f"foreman mine/{miner(0).mac}:accepted_n") is None
    assert room.counted(lost.image, "foreman mine/nobody:accepted_n") is None


@pytest.mark.parametrize(("age_s", "name"), [(7200, "main"), (7201, "")])
def test_a_pool_that_was_named_two_hours_ago_still_has_its_miner(age_s, name):
    given = view(channels=told(pool=Value("main", view().now_s - age_s)))
    assert room.pool_of(given.image, given.wiring.miners[0]) == name


def test_a_crew_is_who_names_the_pool_and_counts_who_runs():
    now_s = view().now_s
    channels = {}
    for at, (name, took, lost) in enumerate([("main", 10, 1), ("main", 20, None), ("main", None, 7), ("other", 5, 0)]):
        own = f"foreman mine/{miner(at).mac}"
        channels |= {f"{own}:pool": Value(name, now_s), f"{own}:accepted_n": Value(took, now_s),
                     f"{own}:rejected_n": Value(lost, now_s)}  # fmt: skip
    given = view(channels=channels)
    found = room.crews(given.image, given.wiring, (True, True, True, False))
    assert {name: (one.at, one.running, one.accepted, one.rejected, one.counting) for name, one in found.items()} == {
        "main": ((0, 1, 2), 3, 30, 1, 2), "other": ((3,), 0, 0, 0, 0),
    }  # fmt: skip
    assert found["main"].who != room.crews(given.image, given.wiring, (True, False, True, False))["main"].who


@pytest.mark.parametrize(
    ("every_s", "age_s", "seen"), [(0, 600, "up"), (0, 601, None), (600, 1200, "up"), (600, 1201, None)]
)
def test_the_check_of_a_pools_door_counts_for_two_of_its_turns(every_s, age_s, seen):
    given = view()
    ends = {**given.wiring.endpoints, "stratum watch": EndpointSpec("stratum watch", every_s)}
    wires = given.wiring._replace(endpoints=ends)

    def link(value, why=""):
        read = {"stratum watch/main:link": Value(value, given.now_s - age_s, "", why)}
        return room.link_of(given.image._replace(channels=read), wires, "main")

    assert link("up") == seen
    assert link("up", "gone") is None
    assert link("sideways") is None


def test_the_line_is_down_when_every_way_out_says_so():
    given = view()
    wires = given.wiring._replace(uplinks=(UplinkSpec("a", "ping a/1"), UplinkSpec("b", "ping b/1")))

    def down(one, other, why=""):
        read = {"ping a/1:link": Value(one, 1), "ping b/1:link": Value(other, 1, "", why)}
        return room.line_is_down(given.image._replace(channels=read), wires)

    assert down("down", "down")
    assert not down("down", "up")
    assert not down("down", "down", "gone")
    assert not room.line_is_down(given.image, wires)
    assert not room.line_is_down(given.image, given.wiring)
