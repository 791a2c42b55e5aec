"""The power signal as a rule by itself."""

import pytest
from core.rule_desk import Desk

from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Override, Shed, State
from mine_controller.core.wording.words import sentence


def signal(**options):
    desk = Desk("signal", **{"jitter_s": 0, "release_hold_s": 600} | options)
    desk.see(signal="run")
    return desk


def proven(desk, at_s):
    desk.state = desk.state._replace(shed=Shed(1, 1, "signal", 1, 1, shed_100_s=at_s))


def test_sig5_run_counts_again_after_two_readings_and_the_hold_after_the_proof():
    desk = signal()
    desk.see(signal="off")
    assert (desk.limit("max_power_w"), desk.events()) == (0, ["curtail", "signal_changed"])
    proven(desk, desk.now)
    desk.see(470, signal="run")
    assert desk.limit("max_power_w") == 0
    assert desk.codes("max_power_w") == ["confirming"]
    desk.see(129)
    assert desk.codes("max_power_w") == ["releasing"]
    assert dict(desk.last.limits[0].reason.numbers) == {"left_s": 1, "held_s": 599}
    desk.see(1)
    assert (desk.limit("max_power_w"), desk.events()) == (None, ["curtail_over"])


def test_sig5_fewer_readings_asked_for_in_the_middle_of_an_event_free_the_mine_after_the_hold():
    """Where nothing proves darkness the hold begins with the reading that confirms, which was then never marked."""
    desk = signal(confirm=5)
    desk.see(signal="off")
    for _ in range(3):
        desk.see(signal="run")
    assert desk.codes("max_power_w") == ["confirming"]
    desk.options = desk.options._replace(confirm=2)
    desk.see(signal="run")
    desk.see(599)
    assert desk.codes("max_power_w") == ["releasing"]
    desk.see(1)
    assert (desk.limit("max_power_w"), desk.events()) == (None, ["curtail_over"])


def test_sig5_no_hold_counts_from_the_readings_of_an_event_before():
    desk = signal()
    desk.see(signal="off")
    desk.see(signal="run")
    desk.see(signal="run")
    desk.see(600)
    assert desk.events() == ["curtail_over"]
    desk.options = desk.options._replace(confirm=5)
    desk.see(signal="off")
    for _ in range(3):
        desk.see(signal="run")
    desk.options = desk.options._replace(confirm=2)
    desk.see(signal="run")
    assert desk.codes("max_power_w") == ["releasing"]


def test_sig1_a_page_that_a_fast_site_asks_once_a_minute_is_not_missed_in_between():
    desk = signal()
    desk.clock = {"tick_s": 10}
    for _ in range(5):
        read = Value("run", desk.now, "power_signal coop:signal")
        for _ in range(24):
            desk.see(10, signal=read)
            assert (desk.codes("no_start"), desk.events()) == ([], [])
    desk.see(1, signal=read)
    assert desk.codes("no_start") == ["blind"], "nothing starts on a word older than 240 s"


def test_sig1_a_fast_site_tells_of_a_silent_page_after_240_s_as_any_other():
    desk = signal()
    desk.clock = {"tick_s": 10}
    read_s = desk.now
    told = []
    for _ in range(30):
        desk.see(10, signal=Value("run", read_s, "power_signal coop:signal", "no answer"))
        assert desk.codes("no_start") in (["missed"], ["blind"]), "nothing starts after the first miss"
        told += [(desk.now - read_s, kind) for kind in desk.events()]
    assert told == [(240, "signal_blind")]


def test_what_the_utility_says_is_what_its_page_says_now():
    def told():
        return [sentence(limit.reason) for limit in desk.last.limits if limit.what == "max_power_w"]

    desk = signal()
    desk.see(signal="off")
    assert told() == ["the utility says off (for 0 s)"]
    desk.see(600, signal=None)
    assert told() == ["the utility's last word is off (for 10 min), and it can't be read now"]
    desk.see(signal="run")
    words = "the utility says run: curtailed (for 12 min) until it has said so 2 times in a row, 1 so far"
    assert told() == [words]
    desk.see(signal="off")
    assert told() == ["the utility says off (for 14 min)"]


def test_sig5_an_off_between_two_runs_begins_the_count_anew():
    desk = signal()
    desk.see(signal="off")
    proven(desk, desk.now)
    desk.see(600, signal="run")
    desk.see(signal="off")
    desk.see(signal="run")
    assert desk.limit("max_power_w") == 0
    desk.see()
    assert desk.limit("max_power_w") is None


def test_sig5_what_can_not_be_proven_is_held_from_the_second_run_on():
    desk = signal()
    desk.see(signal="off")
    desk.see(900, signal="run")
    desk.see()
    desk.see(599)
    assert desk.limit("max_power_w") == 0
    desk.see(1)
    assert desk.limit("max_power_w") is None


def test_sig5_an_old_proof_is_none_of_this_event():
    desk = signal()
    proven(desk, desk.now - 5000)
    desk.see(signal="off")
    began = desk.now
    desk.see(signal="run")
    desk.see()
    desk.see(began + 599 - desk.now)
    assert desk.limit("max_power_w") == 0
    desk.see(1)
    assert desk.limit("max_power_w") is None


@pytest.mark.parametrize("jitter_s", [1, 30, 300])
def test_sig5_the_delay_of_an_event_is_fixed_and_at_most_what_is_said(jitter_s):
    found = set()
    for begin_s in range(40):
        desk = signal(jitter_s=jitter_s, release_hold_s=0)
        desk.see(100 + begin_s, signal="off")
        proven(desk, desk.now)
        began = desk.now
        desk.see(1, signal="run")
        for _ in range(400):
            desk.see(1)
            if desk.limit("max_power_w") is None:
                break
        wait_s = began * 7919 % (jitter_s + 1)
        assert desk.now - began == max(2, wait_s)
        found.add(wait_s)
    assert found <= set(range(jitter_s + 1))
    assert len(found) > min(jitter_s, 10)


def test_an_event_begins_one_tick_before_the_first_reading_that_shows_it_on_a_live_site():
    desk = signal()
    desk.see(signal="off")
    assert (desk.memory["off_s"], desk.memory["signal_s"]) == (desk.now, desk.now - 120)
    shadow = Desk("signal")
    shadow.site = shadow.site._replace(live=False)
    shadow.see(signal="run")
    shadow.see(signal="off")
    assert shadow.memory["signal_s"] == shadow.now
    first = Desk("signal")
    first.see(signal="off")
    assert first.memory["signal_s"] == first.now


def test_sig7_an_event_longer_than_it_should_be_is_told_and_told_again():
    desk = signal(warn_after_s=3600)
    desk.see(signal="off")
    desk.see(3599)
    assert desk.events() == []
    desk.see(1)
    assert desk.events() == ["curtail_long"]
    assert dict(desk.last.events[0].reason.numbers) == {"hours": 1}
    desk.see(1799)
    assert desk.events() == []
    desk.see(1)
    assert desk.events() == ["curtail_long"]


def test_sig1_one_miss_starts_nobody_two_ticks_are_told_and_the_grace_curtails():
    desk = signal()
    desk.roles["signal"] = Value("run", desk.now, "", "timed out")
    desk.see(0)
    assert desk.limit("no_start") is None
    desk.see(120)
    assert (desk.codes("no_start"), desk.events()) == (["missed"], [])
    desk.see(30)
    assert desk.codes("no_start") == ["missed"]
    desk.see(1)
    assert (desk.codes("no_start"), desk.events()) == (["blind"], [])
    desk.see(88)
    assert desk.events() == []
    desk.see(1)
    assert desk.events() == ["signal_blind"]
    desk.see(119)
    assert desk.limit("max_power_w") is None
    desk.see(1)
    assert (desk.limit("max_power_w"), desk.events()) == (0, ["signal_blind", "curtail"])
    assert [event.severity for event in desk.last.events] == ["emergency", "warning"]
    desk.see()
    assert desk.events() == []
    assert desk.memory["runs"] == 0
    desk.see(signal="run")
    assert desk.events() == ["signal_back"]
    assert desk.limit("max_power_w") == 0


def test_sig1_a_page_never_read_counts_from_the_first_look():
    desk = Desk("signal")
    desk.see(signal=None)
    assert (desk.codes("no_start"), desk.limit("max_power_w")) == (["blind"], None)
    desk.see(359)
    assert desk.limit("max_power_w") is None
    desk.see(1)
    assert desk.limit("max_power_w") == 0


def test_sig1_who_holds_hears_the_emergency_all_the_same_where_the_site_requires_the_signal():
    needs = signal(fail_safe="hold")
    needs.site = needs.site._replace(require=("signal",))
    for desk, told in ((signal(fail_safe="hold"), ["warning"]), (needs, ["warning", "emergency"])):
        desk.see(4000, signal=None)
        assert [event.severity for event in desk.last.events if event.kind == "signal_blind"] == told
        assert desk.limit("max_power_w") is None


def test_a_blind_curtailment_is_known_as_that_after_its_end_and_until_somebody_says_off():
    desk = signal()
    desk.see(361, signal=None)
    assert (desk.memory["cause"], desk.memory["blind"]) == ("blind", 1)
    desk.see(signal="run")
    desk.see(601)
    desk.see(601)
    assert (desk.limit("max_power_w"), desk.memory["cause"], desk.memory["blind"]) == (None, 0, 1)
    desk.see(signal="off")
    assert "blind" not in desk.memory
    called = signal()
    called.see(361, signal=None)
    called.see(signal="off")
    assert "blind" not in called.memory


def said(desk):
    return [(event.kind, event.severity, sentence(event.reason)) for event in desk.last.events]


def test_the_first_look_ever_is_no_change_of_the_signal():
    desk = Desk("signal")
    desk.see(signal="run")
    assert said(desk) == [("signal_first", "info", "the power signal says run at the first look")]
    desk.see()
    assert said(desk) == []
    desk.see(signal="warn")
    assert said(desk) == [("signal_changed", "warning", "power signal changed from run to warn")]


@pytest.mark.parametrize("word", ["warn", "off"])
def test_a_first_look_that_shows_trouble_is_told_and_not_as_a_change(word):
    desk = Desk("signal")
    desk.see(signal=word)
    assert said(desk)[-1] == ("signal_changed", "warning", f"the power signal says {word} at the first look")


def test_a_signal_that_could_not_be_read_at_first_is_told_when_it_comes():
    desk = Desk("signal")
    desk.see(signal=None)
    desk.see(signal="run")
    assert said(desk) == [("signal_changed", "warning", "power signal changed from unknown to run")]


def test_sig1_who_holds_at_his_own_risk_is_not_curtailed_but_nothing_starts():
    desk = signal(fail_safe="hold")
    desk.see(4000, signal=None)
    assert (desk.limit("max_power_w"), desk.limit("no_start")) == (None, 0)


def test_a_warning_of_the_utility_is_a_run_and_told():
    desk = signal()
    desk.see(signal="warn")
    assert (desk.limit("max_power_w"), desk.events()) == (None, ["signal_changed"])
    desk.see()
    assert desk.events() == []


def test_the_word_keeps_its_moment_while_it_is_said_again():
    desk = signal()
    began_s = desk.now
    desk.see(signal="run")
    assert (desk.memory["word"], desk.memory["word_s"]) == ("run", began_s)
    desk.see(signal="off")
    assert (desk.memory["word"], desk.memory["word_s"]) == ("off", desk.now)


def test_a_stand_in_is_not_told_as_a_page_that_can_be_read_again():
    desk = signal()
    desk.see(300, signal=None)
    assert desk.events() == ["signal_blind"]
    desk.state = State(overrides=(Override("signal", "run", "person", desk.now + 3600, "bob", "phoned", 1),))
    desk.see()
    [told] = [sentence(event.reason) for event in desk.last.events if event.kind == "signal_back"]
    assert told == "bob answers for the power signal, which can't be read: run"
    desk.state = State()
    desk.see(300)
    desk.see(signal="run")
    [told] = [sentence(event.reason) for event in desk.last.events if event.kind == "signal_back"]
    assert told == "power signal readable again: run"


def test_a_persons_stand_in_counts_only_while_the_page_is_unknown():
    hold = Override("signal", "off", "person", 0, "owner", "why", 1)
    desk = signal()
    desk.state = State(overrides=(hold,))
    desk.see(signal="run")
    assert desk.limit("max_power_w") is None
    desk.see(signal=None)
    assert desk.limit("max_power_w") == 0
    forced = signal()
    forced.state = State(overrides=(hold._replace(kind="penalty", value="run"),))
    for _ in range(3):
        forced.see(signal="off")
    assert forced.limit("max_power_w") is None


@pytest.mark.parametrize(("grace_s", "obey_s", "wrong"), [(360, 600, 0), (361, 600, 1), (360, 601, 1), (361, 601, 2)])
def test_the_grace_leaves_two_ticks_to_obey_in(grace_s, obey_s, wrong):
    desk = Desk("signal", grace_s=grace_s, notice_s=600, obey_within_s=obey_s)
    assert len(desk.rule.check(desk.options)) == wrong


def test_sig1_a_word_of_a_second_ago_that_is_doubted_now_starts_nobody():
    desk = signal()
    desk.roles["signal"] = Value("run", desk.now, "", "timed out")
    desk.see(1)
    assert (desk.codes("no_start"), desk.events()) == (["missed"], [])


def test_sig1_nobody_is_said_to_have_called_where_the_page_was_silent_too_long():
    """The owner would ask the utility why it curtails."""
    desk = signal()
    desk.see(360, signal=None)
    [told] = [sentence(limit.reason) for limit in desk.last.limits if limit.what == "max_power_w"]
    assert told == "the power signal can't be read; curtailed to be safe (for 0 s)"
