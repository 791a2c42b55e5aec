"""One look of the search for a best setting, to the second, the degree and the share."""

import pytest

from mine_controller.core.miners.tuning import Limits, Look, better, same, step, undo

HOME = (525, 1150)
LIMITS = Limits(moves=((-25, 0), (0, -20)), low=(400, 1060), high=(600, 1150), cooler=(-25, 0), window_s=600)
NOW = 50_000
DEAF_S = 3 * 3600


def look(at=HOME, *, now_s=NOW, steady=True, watts=15.0, ths=1.2, chip_c=60.0, accepted=100, rejected=0):
    return Look(now_s, at, steady, watts, ths, chip_c, accepted, rejected)


def book(**more):
    """A window of 480 s that is about to be full, of 15 W and 1.2 TH/s."""
    return {
        "phase": "look", "home": list(HOME), "now": list(HOME), "move": 0, "seen_s": 480, "sum_ws": 7200,
        "sum_mth": 576_000, "chip_c": 60.0, "away": 0, "at_s": NOW - 120, "acc": 0, "rej": 0,
    } | more  # fmt: skip


BEST = {"best": [525, 1150], "dj": 12_500, "mths": 1200}


def after(given, seen=None, limits=LIMITS):
    taken = step(given, seen or look(), limits)
    return taken.book, taken.want, taken.code, taken.why


# -- the window -----------------------------------------------------------------------------------------------------


def test_it_begins_with_a_steady_look_that_tells_its_setting():
    assert step({}, look(steady=False), LIMITS) == ({}, None, "", "")
    assert step({}, look(at=None), LIMITS).book == {}
    begun = step({}, look(), LIMITS)
    assert (begun.code, begun.book["home"], begun.book["now"], begun.book["at_s"]) == (
        "begun", [525, 1150], [525, 1150], NOW,
    )  # fmt: skip
    assert {begun.book[name] for name in ("move", "seen_s", "sum_ws", "sum_mth", "away")} == {0}
    assert (begun.book["acc"], begun.book["rej"]) == (100, 0)


def test_a_look_adds_its_seconds_to_the_window():
    found, want, code, _ = after(book(seen_s=0, sum_ws=0, sum_mth=0, chip_c=50.0), look(watts=15.4))
    assert (found["seen_s"], found["sum_ws"], found["sum_mth"], found["at_s"]) == (120, 1848, 144_000, NOW)
    assert (found["chip_c"], want, code) == (60.0, None, "")


@pytest.mark.parametrize(("passed_s", "seen_s"), [(300, 300), (301, 0)])
def test_looks_too_far_apart_begin_the_window_anew(passed_s, seen_s):
    found, *_ = after(book(seen_s=0, at_s=NOW - passed_s))
    assert found["seen_s"] == seen_s


@pytest.mark.parametrize(
    "unknown",
    [{"chip_c": None}, {"watts": None}, {"ths": None}, {"watts": 0.0}, {"ths": 0.0}, {"steady": False}, {"at": None}],
)
def test_a_look_that_is_not_whole_begins_the_window_anew(unknown):
    found, want, code, _ = after(book(), look(**unknown))
    assert (found["seen_s"], found["sum_ws"], found["sum_mth"], found["at_s"], want, code) == (0, 0, 0, NOW, None, "")


@pytest.mark.parametrize(("seen_s", "full"), [(479, False), (480, True)])
def test_the_window_is_judged_when_it_is_full(seen_s, full):
    found, _, code, _ = after(book(seen_s=seen_s))
    assert bool(code) is full
    assert ("best" in found) is full


# -- judging --------------------------------------------------------------------------------------------------------


def test_the_first_window_is_the_best_so_far_and_the_first_move_is_tried():
    found, want, code, why = after(book())
    assert (found["best"], found["dj"], found["mths"], found["dj0"], found["mths0"]) == (
        [525, 1150],
        12_500,
        1200,
        12_500,
        1200,
    )
    assert (want, code, why, found["phase"], found["asked_s"]) == ((500, 1150), "tries", "", "set", NOW)


def test_what_is_better_is_gone_on_from_and_what_is_not_turns_to_the_next_move():
    fine = book(now=[500, 1150], sum_mth=600_000, **BEST)
    found, want, code, _ = after(fine, look(at=(500, 1150), ths=1.3))
    assert (found["best"], want, code, found["move"]) == ([500, 1150], (475, 1150), "tries", 0)
    plain = book(now=[500, 1150], **BEST)
    found, want, code, why = after(plain, look(at=(500, 1150)))
    assert (want, code, why, found["move"]) == ((525, 1130), "tries", "no better", 1)


def test_when_no_move_is_left_it_goes_back_to_the_best_or_is_done_there():
    last = book(now=[525, 1130], move=1, **BEST)
    found, want, code, why = after(last, look(at=(525, 1130), ths=1.0))
    assert (want, code, why, found["phase"], found["move"]) == (HOME, "back", "no better", "back", 2)
    at_low = Limits(moves=((-25, 0),), low=(525, 1150), high=(600, 1150), cooler=(-25, 0), window_s=600)
    found, want, code, _ = after(book(), limits=at_low)
    assert (want, code, found["phase"], found["done_s"]) == (None, "done", "done", NOW)


@pytest.mark.parametrize(("dj", "wins"), [(9900, False), (9899, True), (10_001, False)])
def test_fewer_joules_by_its_share_are_better(dj, wins):
    assert better(dj, 1, {"dj": 10_000, "mths": 1}, LIMITS) is wins


@pytest.mark.parametrize(("mths", "wins"), [(1010, False), (1011, True), (999, False)])
def test_more_hashes_by_their_share_are_better_where_those_are_the_goal(mths, wins):
    assert better(1, mths, {"dj": 1, "mths": 1000}, LIMITS._replace(goal="rate")) is wins


@pytest.mark.parametrize(("chip_c", "why"), [(65.0, ""), (65.1, "hot"), (69.0, "hot")])
def test_a_chip_above_its_mark_in_the_window_is_too_hot(chip_c, why):
    found = after(book(chip_c=chip_c, **BEST))
    assert found[3] == (why or "no better")


def test_a_chip_far_above_its_mark_does_not_wait_for_the_window():
    assert after(book(seen_s=0), look(chip_c=69.0))[2] == ""
    found, want, code, why = after(book(seen_s=0), look(chip_c=69.1))
    assert (want, code, why) == ((500, 1150), "tries", "hot")
    found, want, code, why = after(book(now=[400, 1150], seen_s=0), look(at=(400, 1150), chip_c=99.0))
    assert (want, code, found["phase"], why) == (None, "left", "left", "hot even at the least that may be set")


@pytest.mark.parametrize(("mth_s", "why"), [(1140, "no better"), (1139, "short")])
def test_less_than_its_clock_promises_by_its_share_is_unstable(mth_s, why):
    """Of 1200 at the same clock five per cent less are 1140."""
    tired = book(now=[525, 1130], move=1, seen_s=480, sum_mth=mth_s * 480, **BEST)
    assert after(tired, look(at=(525, 1130), ths=mth_s / 1000))[3] == why
    modes = LIMITS._replace(short_pct=0.0)
    assert after(tired, look(at=(525, 1130), ths=mth_s / 1000), modes)[3] == "no better"


@pytest.mark.parametrize(
    ("took", "lost", "why"),
    [(97, 3, "no better"), (96, 4, "rejects"), (15, 4, "no better"), (16, 4, "rejects")],
)
def test_more_refused_shares_than_its_mark_are_too_many_where_there_are_enough_to_say(took, lost, why):
    counted = book(acc=1000, rej=50, **BEST)
    assert after(counted, look(accepted=1000 + took, rejected=50 + lost))[3] == why


def test_counters_that_fell_or_are_unknown_refuse_nothing():
    fell = book(acc=1000, rej=50, **BEST)
    assert after(fell, look(accepted=5, rejected=90))[3] == "no better"
    assert after(fell, look(accepted=2000, rejected=5))[3] == "no better"
    for acc, rej, seen in ((None, 0, {}), (0, None, {}), (0, 0, {"accepted": None}), (0, 0, {"rejected": None})):
        assert after(book(acc=acc, rej=rej, **BEST), look(**{"accepted": 10, "rejected": 90, **seen}))[3] == "no better"


# -- asking ---------------------------------------------------------------------------------------------------------


def test_a_setting_counts_when_the_board_tells_it_and_is_given_up_when_it_never_does():
    asked = book(phase="set", now=[500, 1150], asked_s=NOW - DEAF_S + 1)
    assert after(asked)[1:] == ((500, 1150), "", "")
    found, want, code, _ = after(asked | {"asked_s": NOW - DEAF_S})
    assert (found["phase"], want, code) == ("left", None, "left")
    found, want, code, _ = after(asked, look(at=(500, 1150)))
    assert (found["phase"], found["seen_s"], found["at_s"], want, code) == ("look", 0, NOW, None, "")
    back = asked | {"phase": "back"}
    found, want, code, _ = after(back, look(at=(500, 1150)))
    assert (found["phase"], found["done_s"], code) == ("done", NOW, "done")


def test_whoever_is_seen_at_another_setting_several_times_in_a_row_was_changed_by_hand():
    given = book(phase="done")
    for times in range(1, 3):
        given, *rest = after(given, look(at=(600, 1150)))
        assert (given["away"], rest) == (times, [None, "", ""])
    assert after(given, look())[0]["away"] == 0
    assert after(given, look(at=(600, 1150), steady=False))[0]["away"] == 0
    assert after(given, look(at=None))[0]["away"] == 0
    found, _, code, _ = after(given, look(at=(600, 1150)))
    assert (found["phase"], code) == ("left", "left")
    assert after(found, look())[1:] == (None, "", "")


def test_what_is_done_stays_as_it_is():
    done = book(phase="done")
    assert after(done) == (done, None, "", "")


# -- back home ------------------------------------------------------------------------------------------------------


def test_a_change_is_taken_back_and_not_asked_for_for_ever():
    away = book(phase="done", now=[500, 1150])
    taken = undo(away, look(at=(500, 1150)))
    assert (taken.want, taken.book["phase"], taken.book["now"], taken.book["asked_s"]) == (
        HOME,
        "back",
        [525, 1150],
        NOW,
    )
    late = undo(taken.book, look(at=(500, 1150), now_s=NOW + DEAF_S - 1))
    assert (late.want, late.book["asked_s"]) == (HOME, NOW)
    assert undo(taken.book, look(at=(500, 1150), now_s=NOW + DEAF_S)) == ({}, None, "", "")
    assert undo(taken.book, look()) == ({}, None, "", "")
    assert undo(away | {"phase": "left"}, look(at=(500, 1150))) == ({}, None, "", "")
    assert undo({"phase": "look"}, look(at=(500, 1150))) == ({}, None, "", "")


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ((525, 1150), (525, 1150), True), (None, (525, 0), False), ((525, 0), None, False), ((99, 0), (98, 0), False),
        ((525, 0), (525, 1150), True), ((525, 1150), (525, 0), True), ((1, 0), (1, 0), True), ((1, 0), (2, 0), False),
        ((100, 0), (99, 0), True), ((97, 0), (101, 0), True), ((97, 900), (101, 900), True),
        ((525, 1150), (529, 1152), True), ((529, 1152), (525, 1150), True), ((525, 1150), (530, 1150), False),
        ((525, 1150), (525, 1153), False),
    ],
)  # fmt: skip
def test_one_setting_is_the_same_as_far_as_a_board_tells(one, other, equal):
    assert same(one, other) is equal
