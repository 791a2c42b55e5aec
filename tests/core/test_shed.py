"""A curtailment as an event, to the watt and the second: what the bill dispute will ask for."""

import pytest

from mine_controller.core import shed
from mine_controller.core.fleet import Fleet
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.image import Image, Miners
from mine_controller.core.model.reason import Limit, Reason
from mine_controller.core.model.state import Chase, Shed, State
from mine_controller.core.wording.words import sentence, show

BEFORE_W, FLOOR_W = 100_000, 5_000
ORDER = Limit(2, "max_power_w", 0, Reason("signal", "off"))
OFF = Envelope(max_power_w=0, binding=(ORDER,), reasons=(ORDER,))
SIGNAL = State(memory={"signal": {"signal_s": 880}})


def image(now_s):
    return Image(Clock(now_s, now_s), {}, {}, (), Miners(), {})


def fleet(proof_w, *, unknown=0, trusted=0, meter_w=None, measured_w=0):
    plain = Fleet((), (), unknown, 0, 0, 0, measured_w, proof_w, BEFORE_W, 0, None, meter_w, 0, proof_w, trusted)
    return plain._replace(measured_w=measured_w, most_w=proof_w)


def begun(**changes):
    return Shed(880, 1000, "signal", BEFORE_W, FLOOR_W)._replace(**changes)


def after(kept, now_s, proof_w, *, commands=0, done=(), chases=None, rungs=None, **of_fleet):
    return shed.watch(kept, image(now_s), fleet(proof_w, **of_fleet), done, commands, chases or {}, rungs or {})


def test_it_begins_when_everything_must_stop_and_counts_from_the_signals_own_moment():
    kept = shed.begin_or_go_on(image(1000), fleet(90_000, measured_w=BEFORE_W), OFF, SIGNAL, 300)
    assert kept.within_s == 300
    assert (kept.signal_s, kept.seen_s, kept.cause, kept.before_w, kept.floor_w) == (
        880,
        1000,
        "signal",
        BEFORE_W,
        5000,
    )
    unseen = shed.begin_or_go_on(image(1000), fleet(90_000, measured_w=None), OFF, State(), 300)
    assert (unseen.signal_s, unseen.before_w) == (1000, 90_000)
    heat = OFF._replace(binding=(HEAT,), reasons=(HEAT,))
    assert shed.begin_or_go_on(image(1000), fleet(1), heat, SIGNAL, 300).signal_s == 1000
    assert (
        shed.begin_or_go_on(image(1000), fleet(1), OFF._replace(binding=(), reasons=()), SIGNAL, 300).cause == "limit"
    )


def test_a_limit_above_nothing_is_no_curtailment():
    assert shed.begin_or_go_on(image(1000), fleet(1), OFF._replace(max_power_w=1), State(), 300) is None
    assert shed.begin_or_go_on(image(1000), fleet(1), OFF._replace(max_power_w=None), State(), 300) is None


def test_what_economics_stops_is_no_curtailment_and_ends_none_that_another_asks_for():
    dear = Limit(4, "max_power_w", 0, Reason("schedule", "power"))
    alone, beside = OFF._replace(binding=(dear,), reasons=(dear,)), OFF._replace(reasons=(ORDER, dear))
    assert shed.begin_or_go_on(image(1000), fleet(1), alone, State(), 300) is None
    assert shed.begin_or_go_on(image(2000), fleet(1), beside, State(shed=begun()), 300) == begun()
    assert shed.begin_or_go_on(image(2000), fleet(1), alone, State(shed=begun()), 300).ended_s == 2000


def test_it_goes_on_while_it_is_asked_for_ends_once_and_the_next_is_another():
    kept = begun(hard=3)
    assert shed.begin_or_go_on(image(2000), fleet(1), OFF, State(shed=kept), 300) is kept
    ended = shed.begin_or_go_on(image(2000), fleet(1), Envelope(), State(shed=kept), 300)
    assert ended == kept._replace(ended_s=2000)
    assert shed.begin_or_go_on(image(2120), fleet(1), Envelope(), State(shed=ended), 300) is None
    assert shed.begin_or_go_on(image(2120), fleet(1), OFF, State(shed=ended), 300).seen_s == 2120


HEAT = Limit(0, "max_power_w", 0, Reason("temperature", "stop"))
BOTH = OFF._replace(binding=(HEAT,), reasons=(HEAT, *OFF.binding))


def test_an_order_that_comes_while_all_is_down_for_another_cause_is_an_event_of_its_own():
    hot = Shed(400, 400, "temperature", BEFORE_W, FLOOR_W, shed_100_s=450)
    memory = {"signal": {"signal_s": 880, "off_s": 1000}}
    kept = shed.begin_or_go_on(image(1000), fleet(600, measured_w=600), BOTH, State(memory=memory, shed=hot), 300)
    assert (kept.cause, kept.signal_s, kept.seen_s, kept.before_w, kept.shed_100_s) == ("signal", 880, 1000, 600, None)
    (report,) = shed.taken_over(hot, kept, 1000, {}, memory)
    told = dict(report.reason.numbers)
    assert (report.kind, told["cause"], told["lasted_s"], told["shed_100_s"]) == (
        "curtail_report",
        "temperature",
        600,
        50,
    )
    assert sentence(report.reason).startswith(
        "curtailed by temperature for 10 min, then by signal: first command never,"
    )
    assert shed.taken_over(kept, kept, 1000, {}, memory) == ()
    both = State(memory=memory, shed=kept)
    assert shed.begin_or_go_on(image(1120), fleet(1), BOTH, both, 300) is kept
    still_hot = shed.begin_or_go_on(
        image(2000), fleet(1), BOTH._replace(reasons=(HEAT,)), State(shed=kept._replace(shed_100_s=1000)), 300
    )
    assert (still_hot.cause, still_hot.signal_s) == ("temperature", 2000)


def test_an_order_while_another_stop_is_under_way_waits_for_its_proof_and_takes_it_for_its_own():
    hot = Shed(900, 900, "temperature", BEFORE_W, FLOOR_W, first_command_s=900, shed_50_s=910)
    memory = {"signal": {"signal_s": 880, "off_s": 1000}}
    state = State(memory=memory, shed=hot)
    assert shed.begin_or_go_on(image(1000), fleet(9_000), BOTH, state, 300) is hot
    state = State(memory=memory, shed=hot._replace(shed_90_s=1010, shed_100_s=1020, confirmed_w=700, gentle=9))
    kept = shed.begin_or_go_on(image(1120), fleet(600, measured_w=600), BOTH, state, 300)
    assert (kept.cause, kept.signal_s, kept.before_w, kept.gentle) == ("signal", 880, BEFORE_W, 9)
    assert (kept.first_command_s, kept.shed_50_s, kept.shed_90_s, kept.shed_100_s) == (900, 910, 1010, 1020)


@pytest.mark.parametrize(("dark_s", "by_s"), [(None, 800), (1200, 1500)])
def test_an_order_after_a_stop_that_is_not_proven_is_an_event_of_its_own_without_more_time(dark_s, by_s):
    hot = Shed(500, 500, "temperature", BEFORE_W, FLOOR_W, shed_100_s=dark_s, emergency="unproven", told_w=9_000)
    hot = hot._replace(dark_s=dark_s)
    memory = {"signal": {"signal_s": 1880, "off_s": 2000}}
    kept = shed.begin_or_go_on(image(2000), fleet(9_000, measured_w=9_000), BOTH, State(memory=memory, shed=hot), 300)
    assert (kept.cause, kept.signal_s, kept.seen_s, kept.before_w, kept.floor_w) == (
        "signal", 1880, 2000, 9_000, FLOOR_W,
    )  # fmt: skip
    (report,) = shed.taken_over(hot, kept, 2000, {}, memory)
    assert dict(report.reason.numbers)["lasted_s"] == 1500
    assert shed.deadline(kept, 300) == (by_s,), "who should have been dark since is cut, not asked anew"
    now, (told,) = after(kept, 2000, 9_000, measured_w=9_000)
    assert (told.kind, told.severity, now.emergency) == ("curtail_unproven", "emergency", "unproven")
    # Its end is the order's own too, although something else holds all down on and on.
    over = shed.begin_or_go_on(
        image(9200), fleet(9_000), BOTH._replace(reasons=(HEAT,)), State(memory=memory, shed=now), 300
    )
    assert (over.cause, over.seen_s, shed.deadline(over, 300)) == ("temperature", 9200, (by_s,))
    (report,) = shed.taken_over(now, over, 9200, {}, memory)
    told = dict(report.reason.numbers)
    assert (told["cause"], told["lasted_s"], told["shed_100_s"]) == ("signal", 7320, "never")
    assert shed.deadline(shed.watch(over, image(9200), fleet(10), (), 0, {}, {})[0], 300) is None


def test_what_holds_a_mine_down_that_is_proven_down_proves_nothing_anew():
    """After the utility's release "proven down 0 s after it was asked for" was told of a mine dark for hours."""
    kept, heat = begun(shed_100_s=1000, confirmed_w=600), BOTH._replace(reasons=(HEAT,))
    for proof_w, told in ((600, []), (9_000, [])):
        drawn = fleet(proof_w, measured_w=proof_w)
        over = shed.begin_or_go_on(image(2000), drawn, heat, State(shed=kept), 300)
        now, events = shed.watch(over, image(2000), drawn, (), 0, {}, {})
        assert ([event.kind for event in events], now.cause) == (told, "temperature")
    _, (proven,) = shed.watch(now, image(2060), fleet(600, measured_w=600), (), 1, {}, {})
    assert proven.kind == "curtailed", "somebody was awake: that it is dark again is news"
    assert shed.taken_over(kept, over, 2000, {}, {})[0].reason.code == "report"


def test_an_order_stands_as_such_while_the_rule_of_the_signal_fails():
    failed = Limit(2, "max_power_w", 0, Reason("decide", "rule_failed", (("rule", "signal"), ("error", "KeyError"))))
    kept = begun(shed_100_s=1000)
    envelope = OFF._replace(binding=(failed,), reasons=(failed,))
    assert shed.begin_or_go_on(image(2000), fleet(1), envelope, State(shed=kept), 300) is kept


def test_there_is_a_deadline_until_it_is_proven_or_over():
    assert shed.deadline(begun(), 600) == (1480,)
    assert shed.deadline(None, 600) is None
    assert shed.deadline(begun(ended_s=1100), 600) is None
    assert shed.deadline(begun(shed_100_s=1100), 600) is None


@pytest.mark.parametrize(
    ("proof_w", "marks"),
    [
        (50_001, (None, None, None)),
        (50_000, (1060, None, None)),
        (10_001, (1060, None, None)),
        (10_000, (1060, 1060, None)),
        (5_000, (1060, 1060, None)),
        (4_999, (1060, 1060, 1060)),
    ],
)
def test_milestones_are_reached_on_the_watt(proof_w, marks):
    kept, _ = after(begun(), 1060, proof_w)
    assert (kept.shed_50_s, kept.shed_90_s, kept.shed_100_s) == marks
    assert kept.confirmed_w == (proof_w if marks[2] else None)


def test_milestones_keep_their_first_moment():
    kept, events = after(begun(shed_50_s=1010, shed_90_s=1020, shed_100_s=1030, confirmed_w=1), 1060, 4_000)
    assert (kept.shed_50_s, kept.shed_90_s, kept.shed_100_s, kept.confirmed_w) == (1010, 1020, 1030, 4_000)
    assert events == ()


def test_the_first_proof_is_told_with_how_long_it_took():
    _, [event] = after(begun(), 1060, 4_000)
    assert (event.kind, dict(event.reason.numbers)) == ("curtailed", {"power_w": 4000, "floor_w": 5000, "took_s": 180})


def test_what_words_alone_prove_is_told_as_that_and_not_as_measured():
    _, [event] = after(begun(), 1060, 4_000, unknown=2, trusted=2)
    assert sentence(event.reason) == "4000 W, below 5000 W: down 3 min after it was asked for, 2 by their word alone"
    _, [event] = after(begun(), 1060, 4_000, unknown=2, meter_w=4_000)
    assert "measured" in sentence(event.reason)


def test_what_nobody_measures_is_not_proven_unless_a_word_is_the_best_there_can_be():
    assert after(begun(), 1060, 4_000, unknown=1)[0].shed_100_s is None
    assert after(begun(), 1060, 4_000, unknown=2, trusted=2)[0].shed_100_s == 1060
    assert after(begun(), 1060, 4_000, unknown=1, meter_w=4_000)[0].shed_100_s == 1060


def test_the_first_command_has_its_moment():
    assert after(begun(), 1060, 90_000, commands=3)[0].first_command_s == 1060
    assert after(begun(), 1060, 90_000)[0].first_command_s is None
    assert after(begun(first_command_s=1010), 1060, 90_000, commands=3)[0].first_command_s == 1010


def test_gentle_and_hard_stops_are_counted_by_the_rung_that_did_it():
    done = [(f"miner a{n}", Chase(want, rung, 1, 900)) for n, (want, rung) in enumerate(
        [("stop", 0), ("stop", 1), ("stop", 1), ("run", 0)])]  # fmt: skip
    kept, _ = after(begun(gentle=10, hard=20), 1060, 90_000, done=tuple(done), rungs={"miner a2": 2})
    assert (kept.gentle, kept.hard) == (12, 21)


@pytest.mark.parametrize(("now_s", "proof_w", "told"), [(1209, 90_000, 0), (1210, 5_000, 1), (1210, 4_999, 0)])
def test_it_is_an_emergency_after_two_ticks_above_the_floor_and_not_a_second_sooner(now_s, proof_w, told):
    kept, events = after(begun(shed_100_s=1100), now_s, proof_w)
    assert [event.kind for event in events] == ["curtail_unproven"] * told
    assert kept.emergency == ("unproven" if told else "")


@pytest.mark.parametrize(("now_s", "told"), [(1909, 0), (1910, 1)])
def test_whoever_starts_again_after_the_proof_has_two_ticks_of_its_own(now_s, told):
    """A black-out makes a stop dark by itself; the boards boot when the power is back and are told to stop then."""
    kept, _ = after(begun(), 1700, 4_000)
    assert kept.dark_s == 1700
    kept, events = after(kept, now_s, 90_000)
    assert [event.kind for event in events] == ["curtail_unproven"] * told
    assert kept.dark_s == 1700


def test_the_emergency_names_a_dozen_and_counts_the_rest_and_is_told_once():
    chases = {f"miner a{n:02}": Chase("stop" if n else "run", 0, 1, 900) for n in range(15)}
    kept, [event] = after(begun(), 1300, 90_000, chases=chases)
    numbers = dict(event.reason.numbers)
    assert (numbers["stragglers"].count("a"), numbers["more"]) == (12, 2)
    assert numbers["stragglers"].startswith("a01, a02")
    again, events = after(kept, 1420, 90_000, chases=chases)
    assert (again.emergency, events) == ("unproven", ())
    few = {name: chases[name] for name in ("miner a00", "miner a01")}
    assert dict(after(begun(), 1300, 90_000, chases=few)[1][0].reason.numbers)["more"] == 0


@pytest.mark.parametrize(
    ("power_w", "unknown", "told"),
    [
        ((25, None, None), 2, "no meter proves that 2 miners are off; look at a02, a03"),
        ((25, None, 3400), 1, "no meter proves that 1 miners are off; look at a01, a02"),
        ((400, 0, 9000), 0, "still 90 kW, over 5 kW; open: a03, a01. Open their breakers"),
    ],
)
def test_the_emergency_names_somebody_also_where_no_stop_is_open(power_w, unknown, told):
    names = ("a01", "a02", "a03")
    seen = image(1300)._replace(miners=Miners(names, power_w))
    chases = {"miner a01": Chase("stop", 0, 1, 900)} if 3400 in power_w else {}
    _, [event] = shed.watch(begun(), seen, fleet(90_000, unknown=unknown), (), 0, chases, {})
    assert sentence(event.reason) == told


def test_what_can_not_be_measured_is_unverified_and_the_emergency_stays_until_it_is():
    kept, _ = after(begun(), 1300, 90_000, unknown=1)
    assert kept.emergency == "unverified"
    assert after(kept, 1420, 4_000, unknown=1)[0].emergency == "unverified"
    assert after(kept, 1420, 5_000)[0].emergency == "unproven"
    assert after(kept, 1420, 4_999)[0].emergency == ""


def test_what_draws_by_its_meter_is_no_matter_of_proof_whoever_else_has_none():
    _, [event] = after(begun(), 1300, 90_000, unknown=1, measured_w=FLOOR_W)
    assert event.reason.code == "unproven"
    _, [event] = after(begun(), 1300, 90_000, unknown=1, measured_w=FLOOR_W - 1)
    assert event.reason.code == "unverified"


def test_it_is_told_anew_when_it_is_measured_and_when_it_has_grown():
    kept, [first] = after(begun(), 1300, 20_000, unknown=1)
    kept, [measured] = after(kept, 1420, 20_000, unknown=1, measured_w=20_000)
    assert [first.reason.code, measured.reason.code] == ["unverified", "unproven"]
    kept, events = after(kept, 1540, 39_999)
    assert events == ()
    kept, [grown] = after(kept, 1660, 40_000)
    assert sentence(grown.reason).startswith("still 40 kW, over 5 kW")
    kept, events = after(kept, 1780, 50_000)
    assert events == ()
    few = begun(emergency="unproven", told_w=5_000)
    assert after(few, 1300, 14_999)[1] == (), "twice as much, and no tenth of the mine"


def test_when_it_is_dark_at_last_that_is_told_also_after_an_earlier_proof():
    """Else the emergency of those who woke in the middle of an event stood to its end."""
    kept, _ = after(begun(), 1060, 4_000)
    kept, [woke] = after(kept, 1300, 90_000)
    kept, [dark] = after(kept, 1420, 4_000)
    assert (woke.kind, dark.kind, kept.emergency) == ("curtail_unproven", "curtailed", "")
    assert dict(dark.reason.numbers)["took_s"] == 540
    assert after(kept, 1540, 4_000)[1] == ()


def test_the_report_of_a_blind_curtailment_says_that_nobody_called_and_counts_alike():
    ended = begun(ended_s=2000)
    _, [event] = shed.watch(ended, image(2000), fleet(90_000), (), 0, {}, {}, blind=True)
    _, [usual] = after(ended, 2000, 90_000)
    assert event.reason.numbers == usual.reason.numbers
    assert sentence(event.reason).startswith("curtailed to be safe for 19 min, because the signal could not be read: ")
    assert sentence(usual.reason).startswith("curtailed by signal, 19 min until it was released: ")


@pytest.mark.parametrize(
    ("cause", "memory", "blind"),
    [("signal", {"signal": {"blind": 1}}, True), ("signal", {"signal": {}}, False), ("signal", {}, False),
     ("override", {"signal": {"blind": 1}}, False)],
)  # fmt: skip
def test_blind_is_only_what_the_signal_was_the_cause_of(cause, memory, blind):
    assert shed.is_blind(begun(cause=cause), memory) is blind
    assert shed.is_blind(None, memory) is False


def test_the_report_counts_from_the_signal_and_says_never_where_there_was_nothing():
    chases = {"miner a2": Chase("stop", 1, 1, 900), "miner a1": Chase("run", 0, 1, 900)}
    kept = begun(ended_s=2000, first_command_s=1000, shed_50_s=1010, shed_90_s=1020, shed_100_s=1030, confirmed_w=4_000)
    kept = kept._replace(within_s=240)
    _, [event] = after(kept, 2000, 90_000, chases=chases)
    assert dict(event.reason.numbers) == {
        "cause": "signal", "lasted_s": 1120, "first_command_s": 120, "shed_50_s": 130, "shed_90_s": 140,
        "shed_100_s": 150, "before_w": BEFORE_W, "confirmed_w": 4_000, "floor_w": FLOOR_W, "gentle": 0, "hard": 0,
        "stragglers": "a2:1", "emergency": "", "within_s": 240,
    }  # fmt: skip
    assert sentence(event.reason).startswith(
        "curtailed by signal, 19 min until it was released: first command +2 min, 50 % +2 min"
    )
    _, [bare] = after(begun(ended_s=2000), 2000, 90_000)
    numbers = dict(bare.reason.numbers)
    assert {numbers[f"shed_{share}_s"] for share in (50, 90, 100)} == {"never"}
    assert numbers["confirmed_w"] == "never"
    told = sentence(bare.reason)
    assert "first command never, 50 % never, 90 % never, proven never;" in told
    assert f"{show('before_w', BEFORE_W)} -> not proven (floor" in told
    assert after(None, 2000, 1) == (None, ())


def test_a_meter_that_tells_nothing_any_more_is_not_told_as_one_that_shows_nothing():
    """ "The site meter shows 0 W: it is not proven that the mine is down" was said of a meter found to be frozen."""
    kept = begun(emergency=shed.BY_METER, told_w=90_000, dark_s=None)
    unseen = fleet(90_000, meter_w=None, measured_w=600)._replace(most_w=600, fans_w=1500)
    told = shed.emergency(kept, unseen, image(2000), {})
    assert sentence(told.reason) == (
        "the site meter showed 90 kW more than the fans and is unknown now, the outlets and fans 2.1 kW: it is not "
        "proven that the mine is down. Look at the main meter, and open the breakers if it was right"
    )
    seen = shed.emergency(kept, unseen._replace(meter_w=92_000), image(2000), {})
    assert "shows 92 kW" in sentence(seen.reason)
