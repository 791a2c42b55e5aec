"""`minectl drill` as typed, on the numbers-only plant."""

import json
import re
import signal

import pytest
from cli.place import Place

from mine_controller.cli import drill as typed
from mine_controller.core.alarms.machine import LETTERS
from mine_controller.ops import replies
from mine_controller.ops.drills import scene as drill
from mine_controller.ops.recall import kept_book
from mine_controller.ports.listen import NAMED as CHAT_TAKES
from mine_controller.store import query
from mine_controller.store.inbox import file_request

NAME = ("--site", "Coop test")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(typed, "pause", lambda _seconds: None)
    kept = [(one, signal.getsignal(one)) for one in (signal.SIGTERM, signal.SIGHUP)]
    yield
    for one, handler in kept:
        signal.signal(one, handler)


def overrides(place):
    return [one.key for one in kept_book(place.config.paths).state.overrides]


def logged(place):
    return json.loads(place.run("drill", "list", "--json").stdout)


def test_a_curtailment_that_is_proven_in_time_passes_and_gives_the_signal_back(place):
    done = place.ticks(4, of=8).run("drill", "curtail", *NAME)
    assert (done.exit_code, done.stdout.splitlines()[-1][:22]) == (0, "drill curtail: PASSED ")
    assert "signal is set to off" in done.stdout
    assert "27192 W -> 200 W, proven" in done.stdout or "27191 W -> 200 W, proven" in done.stdout
    assert "signal is given back" in done.stdout
    assert overrides(place) == []


def test_a_curtailment_that_nothing_proves_fails_with_the_names_of_the_stragglers(place):
    place.ticks(4, of=12)
    place.plant.mute = place.plant.welded = set(place.plant.power)
    done = place.run("drill", "curtail", *NAME, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["result"], told["figures"]["shed_100_s"]) == (1, "failed", None)
    assert "m000" in told["figures"]["stragglers"]
    assert overrides(place) == []


@pytest.mark.parametrize("site", ["Coop tset", "coop test", ""])
def test_the_wrong_name_of_the_site_does_nothing(place, site):
    done = place.ticks(3, of=3).run("drill", "curtail", "--site", site)
    assert (done.exit_code, "nothing was done" in done.stderr) == (1, True)
    assert place.requests() == ()


def test_without_the_option_the_name_is_asked_for(place):
    done = place.ticks(4, of=8).run("drill", "curtail", input="Coop test\n")
    assert (done.exit_code, "This stops every miner of Coop test." in done.stderr) == (0, True)


def test_in_shadow_mode_a_drill_proves_nothing_and_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    shadow = Place(tmp_path, live=False).ticks(3)
    done = shadow.run("drill", "curtail", *NAME)
    assert (done.exit_code, "NOT TRIED" in done.stdout, "shadow mode sends nothing" in done.stdout) == (1, True, True)
    assert shadow.requests() == ()


def test_during_a_real_curtailment_no_drill_begins(place):
    place.ticks(3, of=8)
    place.plant.signal = "off"
    done = place.ticks(2).run("drill", "curtail", *NAME)
    assert (done.exit_code, "the mine is in CURTAILED" in done.stdout) == (1, True)
    assert place.requests() == ()


def test_before_the_first_tick_no_drill_begins(place):
    assert "no tick has run yet" in place.run("drill", "curtail", *NAME).stdout


def test_ctrl_c_gives_back_what_was_set(place, monkeypatch):
    place.ticks(4, of=12)
    place.plant.mute = place.plant.welded = set(place.plant.power)
    pauses = iter(range(3))

    def interrupted(_seconds):
        if next(pauses, None) is None and "signal" in overrides(place):
            raise KeyboardInterrupt

    monkeypatch.setattr(typed, "pause", interrupted)
    done = place.run("drill", "curtail", *NAME)
    assert (done.exit_code, "what was set is given back" in done.stderr) == (130, True)
    assert overrides(place) == []
    assert logged(place)[0]["result"] == "ended"


def test_a_line_whose_loss_is_told_twice_gives_back_all_the_same(place, monkeypatch):
    """The shell and the kernel both tell of it: the second word broke off the giving back, and the mine stood still."""
    place.ticks(4, of=12)
    place.plant.mute = place.plant.welded = set(place.plant.power)

    def lost(_seconds):
        if "signal" in overrides(place):
            signal.raise_signal(signal.SIGHUP)

    def again(*about):
        signal.raise_signal(signal.SIGHUP)
        give_back(*about)

    give_back = drill.clear
    monkeypatch.setattr(typed, "pause", lost)
    monkeypatch.setattr(drill, "clear", again)
    assert place.run("drill", "curtail", *NAME).exit_code == 130
    assert overrides(place) == []


def test_a_drill_whose_reader_is_gone_is_in_the_log_all_the_same(place, monkeypatch):
    """`minectl drill ... | head -1`: nothing could be shown any more, and so nothing was written down either."""
    place.ticks(4, of=12)
    shown = []

    def echo(text="", **_about):
        if "signal is set" in text or shown:
            shown.append(text)
            raise BrokenPipeError

    with monkeypatch.context() as patch:
        patch.setattr(typed.click, "echo", echo)
        assert place.run("drill", "curtail", *NAME).exit_code == 141
    assert (overrides(place), [row["result"] for row in logged(place)]) == ([], ["ended"])


def test_what_nobody_gives_back_ends_by_itself(place, monkeypatch):
    """A kill -9 in the middle of a drill."""
    place.ticks(4, of=8)
    monkeypatch.setattr("mine_controller.ops.drills.scene.clear", lambda *_about: None)
    place.run("drill", "curtail", *NAME)
    book = kept_book(place.config.paths)
    left_s = [one.until_s - book.image.clock.plant_s for one in book.state.overrides]
    assert len(left_s) == 1
    assert 0 < left_s[0] <= 2400


def test_a_request_that_no_tick_takes_is_no_drill(place, monkeypatch):
    place.ticks(3, of=3)
    monkeypatch.setattr(replies, "start_tick", lambda _config: replies.Started(2, "config.txt:3: bad"))
    done = place.run("drill", "curtail", *NAME)
    assert done.exit_code == 1
    assert "no tick took the request (exit 2: config.txt:3: bad)" in done.stdout


# -- fans ----------------------------------------------------------------------------------------------------------


def dark(place):
    """Curtailed for longer than the fans run on."""
    place.ticks(4, of=24)
    place.plant.signal = "off"
    return place.ticks(10)


def fans(place, on):
    return [one["fan"] for one in json.loads(place.run("fans", "--json").stdout) if one["on"] is on]


def test_a_fan_that_stands_still_is_proven_on_and_off(place):
    name = fans(dark(place), on=False)[0]
    done = place.run("drill", "fan", name, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["result"]) == (0, "passed")
    assert told["figures"]["on"]["watts"] >= 900
    assert told["figures"]["off"]["watts"] <= 450
    assert overrides(place) == []


def test_a_fan_that_turns_in_a_dark_mine_is_proven_off_and_on(place):
    name = fans(dark(place), on=True)[0]
    done = place.run("drill", "fan", name, "--json")
    assert list(json.loads(done.stdout)["figures"]) == ["off", "on"]
    assert (done.exit_code, overrides(place)) == (0, [])


def test_a_fan_whose_belt_is_off_fails_by_its_watts(place):
    name = fans(dark(place), on=False)[0]
    place.plant.broken = {name}
    done = place.run("drill", "fan", name)
    assert done.exit_code == 1
    assert f"fan {name} was told on and that is not proven: relay on, 0 W of 1500" in done.stdout
    assert overrides(place) == []


def test_while_miners_draw_power_a_fan_that_turns_is_left_alone(place):
    """CMD10: no fan goes down over miners that run, not even for a drill."""
    place.ticks(4, of=6)
    name = fans(place, on=True)[0]
    done = place.run("drill", "fan", name)
    assert (done.exit_code, "fans stay while miners draw power" in done.stdout) == (1, True)
    assert place.requests() == ()


@pytest.mark.parametrize("name", ["10", "", "x"])
def test_a_fan_that_is_not_wired_is_named_as_such(place, name):
    done = place.ticks(3, of=3).run("drill", "fan", name)
    assert (done.exit_code, "there is no fan" in done.stdout) == (1, True)


# -- page ----------------------------------------------------------------------------------------------------------


def test_a_page_passes_when_every_channel_took_it_and_somebody_acked(place, monkeypatch):
    place.ticks(2, of=3)
    monkeypatch.setattr(typed, "sent", lambda _config: {"telegram": "", "email owner": ""})
    paths = place.config.paths

    def owner(_seconds):
        if not place.requests():
            file_request(paths, "telegram", "eve", -1, "", "ack", ("--all",))

    monkeypatch.setattr(typed, "pause", owner)
    done = place.run("drill", "page")
    assert (done.exit_code, "acked by eve" in done.stdout) == (0, True)


def test_what_a_page_asks_for_is_an_ack_of_the_drill_alone_in_words_the_chat_takes(place, monkeypatch):
    told = []
    monkeypatch.setattr("mine_controller.notify.post.senders", lambda _channels: {"sms": object()})
    monkeypatch.setattr("mine_controller.notify.post.post", lambda calls, *_more: told.extend(calls) or {})
    typed.sent(place.config)
    asked = re.findall(r"`([^`]*)`", told[0].message.text)
    assert asked == ["minectl alarms ack drill", "/ack drill"]
    name = asked[1].removeprefix("/ack ")
    assert CHAT_TAKES.fullmatch(name)
    assert not set(name) <= set(LETTERS), "no alarm is ever called so"


def test_a_page_that_nobody_acks_fails(place, monkeypatch):
    monkeypatch.setattr(typed, "sent", lambda _config: {"telegram": ""})
    done = place.ticks(2, of=2).run("drill", "page", "--wait", "10s")
    assert (done.exit_code, "nobody acked" in done.stdout) == (1, True)


def test_a_channel_that_takes_nothing_fails_the_page_even_with_an_ack(place, monkeypatch):
    monkeypatch.setattr(typed, "sent", lambda _config: {"telegram": "", "sms": "401"})
    file_request(place.config.paths, "telegram", "eve", -1, "", "ack", ("--all",))
    done = place.ticks(2, of=2).run("drill", "page", "--no-ack")
    assert (done.exit_code, "sms: 401" in done.stdout) == (1, True)


def test_without_a_channel_there_is_nobody_to_page(place):
    assert "no channel is configured" in place.ticks(2, of=2).run("drill", "page").stdout


# -- restore and the log -------------------------------------------------------------------------------------------


def test_a_copy_that_opens_passes_and_changes_nothing(place):
    place.ticks(3, of=3)
    assert place.run("backup").exit_code == 0
    before = query.ticks(place.config.paths)
    done = place.run("drill", "restore")
    assert (done.exit_code, "works:" in done.stdout) == (0, True)
    assert query.ticks(place.config.paths) == before


def test_without_a_copy_the_drill_fails(place):
    done = place.ticks(2, of=2).without_hourly_copies().run("drill", "restore", "nothing.db")
    assert (done.exit_code, "there is no nothing.db" in done.stdout) == (1, True)


def test_every_drill_leaves_a_row_with_its_result_and_who_held_it(place, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "eve")
    place.ticks(2, of=2).run("drill", "page")
    row = logged(place)[0]
    assert (row["drill"], row["result"], row["actor"]) == ("page", "not tried", "eve")
    assert query.chain(place.config.paths).broken is None
