"""What failed starts leave in the wear books: failures, quarantine, hard stops; and when they are nobody's fault."""

import pytest
from core.round_desk import compared, view

from mine_controller.core.miners import failures
from mine_controller.core.model.state import Chase, MinerBook

DAY_S = 86_400
STOP = Chase("stop", 0, 1, 900)


def judged(given, books=None, *, row=0, miners=4, limit=3, away=0):
    seen = view(miners)
    fleet = seen.fleet._replace(away_n=away)
    seen = seen._replace(state=seen.state._replace(miners=books or {}), fleet=fleet)
    return seen.now_s, failures.judge(seen, given, limit, (row, seen.now_s - 300))


def test_nothing_that_happened_changes_no_book():
    books = {"m000": MinerBook(starts=3)}
    assert judged(compared(), books)[1] == books


def test_a_start_that_failed_is_remembered_for_a_day_and_too_many_are_quarantine():
    now_s, books = judged(compared(failed=["m000"]))
    assert books["m000"].fails == (now_s,)
    assert books["m000"].quarantined == ""
    old = MinerBook(fails=(now_s - DAY_S, now_s - DAY_S + 1))
    _, books = judged(compared(failed=["m000"]), {"m000": old})
    assert books["m000"].fails == (now_s - DAY_S + 1, now_s)
    assert books["m000"].quarantined == ""
    _, books = judged(compared(failed=["m000"]), {"m000": old._replace(fails=(now_s - 9, now_s - 5))})
    assert books["m000"].quarantined == "did not start"
    _, books = judged(compared(failed=["m000"]), {"m000": MinerBook(quarantined="by a person")})
    assert books["m000"].quarantined == "by a person"


@pytest.mark.parametrize(("row", "miners", "counts"), [(3, 4, True), (4, 4, False), (4, 25, True), (5, 25, False)])
def test_when_nobody_starts_it_is_no_miners_fault(row, miners, counts):
    _, books = judged(compared(failed=["m000"]), row=row, miners=miners)
    assert ("m000" in books) is counts


def test_who_lies_on_a_shelf_makes_no_crowd_larger():
    _, books = judged(compared(failed=["m000"]), row=4, miners=25, away=5)
    assert "m000" not in books


def test_what_turns_out_to_be_nobodys_fault_is_taken_back_as_far_as_the_row_goes():
    """No internet: boards stand idle and one start after the other comes to nothing."""
    now_s = view().now_s
    before, within = now_s - 301, now_s - 300
    books = {
        "m000": MinerBook(fails=(before, within)),
        "m001": MinerBook(fails=(before, within, now_s), quarantined="did not start"),
        "m002": MinerBook(fails=(before, within, now_s), quarantined="by a person"),
        "m003": MinerBook(fails=(before - 2, before - 1, before, now_s), quarantined="did not start"),
    }
    _, found = judged(compared(failed=["m000"]), books, row=4)
    assert {name: (len(book.fails), book.quarantined) for name, book in found.items()} == {
        "m000": (1, ""), "m001": (1, ""), "m002": (1, "by a person"), "m003": (3, "did not start"),
    }  # fmt: skip
    assert judged(compared(failed=["m003"]), books, row=3)[1]["m000"] == books["m000"]


def test_a_row_of_failed_starts_ends_with_the_first_that_succeeds():
    seen = view(last={"failed_starts": 3, "failing_since": 70})
    assert failures.in_a_row(seen, compared(failed=["m000", "m001"])) == (5, 70)
    assert failures.in_a_row(seen, compared()) == (3, 70)
    proven = [("miner m002", Chase("run", 0, 1, 900))]
    assert failures.in_a_row(seen, compared(done=proven, failed=["m000"])) == (1, seen.now_s)
    assert failures.in_a_row(seen, compared(done=[("miner m002", STOP)])) == (3, 70)
    assert failures.in_a_row(view(last={}), compared()) == (0, seen.now_s)
    assert failures.in_a_row(view(last={"failed_starts": 3}), compared()) == (3, seen.now_s)


def test_pdu3_a_miner_whose_outlet_feeds_another_is_put_aside():
    _, books = judged(compared(mapped=["m001"]), {"m001": MinerBook(starts=7)})
    assert books["m001"] == MinerBook(starts=7, quarantined="its outlet feeds another miner")


def test_a_stop_by_the_outlet_is_hard_and_one_by_its_own_word_is_not():
    books = {"m000": MinerBook(on=False, hard_stops=2), "m001": MinerBook(on=False, hard_stops=2)}
    done = [("miner m000", STOP._replace(rung=1)), ("miner m001", STOP), ("miner m003", STOP._replace(rung=1))]
    _, found = judged(compared(done=done), books)
    assert {name: book.hard_stops for name, book in found.items()} == {"m000": 3, "m001": 2}


def test_a_start_proven_by_its_word_is_on_in_its_book_and_counted_once():
    books = {"m000": MinerBook(on=False, starts=2), "m001": MinerBook(on=True, starts=2)}
    done = [(f"miner m00{n}", Chase("run", 0, 1, 900)) for n in range(3)]
    now_s, found = judged(compared(done=done), books)
    assert (found["m000"].on, found["m000"].starts, found["m000"].last_start_s) == (True, 3, now_s)
    assert found["m001"].starts == 2
    assert "m002" not in found
    assert judged(compared(done=[("miner m000", STOP)]), books)[1]["m000"].on is False


def test_how_many_rungs_of_a_miner_are_gentle():
    seen = view()
    assert failures.gentle_rungs(seen, compared(done=[("miner m000", STOP), ("fan 1", STOP)])) == {"miner m000": 1}
    assert failures.gentle_rungs(seen, compared()) == {}
