"""What the clock asks for: heartbeats on the hour, the weekly test, quiet hours; and what they do to a delivery."""

import json
import time

import pytest
from notify.test_deliver import DOWN, NOW, OK, Fake, World, after, counts, letter

from mine_controller.core.option import fill
from mine_controller.notify import channel_test, heartbeat, quiet, sms
from mine_controller.notify.deliver import Way, deliver
from mine_controller.notify.message import EMERGENCY, INFO, WARNING, Sent

NIGHT = fill(quiet.Options, {"begin": "22:00", "end": "07:00"})
NAP = fill(quiet.Options, {"begin": "13:00", "end": "14:30"})


def minute(text):
    return quiet.minute_of(text)


@pytest.mark.parametrize(
    ("at", "left_min"),
    [("21:59", 0), ("22:00", 540), ("23:59", 421), ("00:00", 420), ("06:59", 1), ("07:00", 0), ("12:00", 0)],
)
def test_a_quiet_over_midnight_lasts_until_its_end(at, left_min):
    assert quiet.left_s(NIGHT, minute(at)) == left_min * 60


def test_of_two_quiets_the_longer_counts_and_it_ends_on_the_minute():
    assert quiet.ends_at((NIGHT, NAP), minute("14:00"), NOW + 17) == NOW + 1800
    assert quiet.ends_at((NIGHT, NAP), minute("15:00"), NOW) == 0
    assert quiet.ends_at((), minute("14:00"), NOW) == 0


@pytest.mark.parametrize("text", ["", "7:00", "24:00", "22:60", "22.00", "22:00:00", "٢٢:00"])
def test_a_time_is_two_digits_and_two_digits(text):
    assert quiet.minute_of(text) is None
    assert quiet.check(NIGHT._replace(begin=text))
    assert channel_test.check(fill(channel_test.Options, {"at": text}))


def test_a_quiet_without_length_is_refused():
    assert quiet.check(NIGHT._replace(end="22:00"))
    assert quiet.check(NIGHT) == ()


def test_a_heartbeat_belongs_to_the_tick_on_the_hour_and_not_to_a_later_one():
    beats = [heartbeat.moment(60, at // 60, NOW + at, 120) for at in range(5, 7205, 120)]
    assert [at for at, beat in enumerate(beats) if beat] == [0, 1, 2, 30, 31, 32]
    assert set(beats) == {0, NOW, NOW + 3600}, "the same name for each tick near it"


@pytest.mark.parametrize(("every", "good"), [(0, True), (60, True), (15, True), (7, False), (1, False), (1440, True)])
def test_a_heartbeat_falls_on_the_same_times_each_day(every, good):
    assert (heartbeat.check(fill(heartbeat.Options, {"every_min": every})) == ()) is good
    assert heartbeat.moment(0, 0, NOW, 120) == 0


def test_the_weekly_test_has_its_day_and_its_hour():
    options = fill(channel_test.Options, {"day": "sunday", "at": "09:30"})
    assert channel_test.moment(options, 6, minute("09:30"), NOW + 5) == NOW
    assert channel_test.moment(options, 6, minute("09:32"), NOW + 125) == NOW
    assert channel_test.moment(options, 6, minute("10:30"), NOW) == 0
    assert channel_test.moment(options, 6, minute("09:29"), NOW) == 0
    assert channel_test.moment(options, 5, minute("09:30"), NOW) == 0


# -- deliveries -------------------------------------------------------------------------------------------------------


@pytest.fixture
def world():
    return World(Fake(), Fake(), Fake())


def run(world, letters, now_s=NOW, **desk):
    return deliver(tuple(letters), world.desk()._replace(**desk), now_s, time.monotonic() + 5)


def with_body(one, **more):
    return one._replace(body=json.dumps(json.loads(one.body) | more))


def test_in_the_quiet_warnings_wait_for_its_end_and_emergencies_never(world):
    letters = [letter(1, WARNING), letter(2, INFO), letter(3, EMERGENCY)]
    done = run(world, letters, quiet_until=NOW + 7200)
    assert counts(world) == (1, 1, 1)
    assert [message.id for message in world.telegram.got] == ["#3"]
    left = after(letters, done)
    assert [(one.id, one.due_at) for one in left] == [(1, NOW + 7200), (2, NOW + 7200)]


def test_what_waited_in_the_quiet_is_one_message_after_it(world):
    letters = []
    for tick in range(0, 7200, 600):
        letters.append(letter(tick + 1, at=NOW + tick, kind=f"kind_{tick % 3}"))
        letters = after(letters, run(world, letters, NOW + tick, quiet_until=NOW + 7200))
    assert counts(world) == (0, 0, 0)
    assert len(letters) == 12
    done = run(world, letters, NOW + 7200)
    assert counts(world) == (1, 1, 0)
    assert all(one.told_at for one in done.notes)
    assert len(done.notes) == 12


def test_an_emergency_in_the_quiet_does_not_take_the_waiting_with_it(world):
    letters = after([letter(1)], run(world, [letter(1)], quiet_until=NOW + 7200))
    later = NOW + 600
    run(world, [*letters, letter(2, EMERGENCY, at=later)], later, quiet_until=NOW + 7200)
    assert [message.id for message in world.telegram.got] == ["#2"]


def test_a_quiet_letter_is_noted_once(world):
    letters = after([letter(1)], run(world, [letter(1)], quiet_until=NOW + 7200))
    assert run(world, letters, NOW + 120, quiet_until=NOW + 7200) == ((), ())


def test_a_quiet_that_was_taken_out_of_the_config_holds_nothing_any_more(world):
    letters = after([letter(1)], run(world, [letter(1)], quiet_until=NOW + 7200))
    assert run(world, letters, NOW + 120, sum="c2").notes[0].told_at == NOW + 120
    still = run(world, letters, NOW + 120, sum="c2", quiet_until=NOW + 3600)
    assert [one.due_at for one in still.notes] == [NOW + 3600]
    assert run(world, after(letters, still), NOW + 240, sum="c2", quiet_until=NOW + 3600) == ((), ())


def beat(number, at=NOW, **more):
    return with_body(letter(number, INFO, at=at, kind="heartbeat"), what="heartbeat", until=str(at + 900), **more)


def test_a_heartbeat_goes_where_it_is_meant_to_and_is_no_news(world):
    run(world, [beat(1, to=["telegram"], text="RUNNING: all well")])
    assert counts(world) == (1, 0, 0)
    assert world.telegram.got[0].subject == "Coop: info, heartbeat"
    run(world, [beat(2, to=["telegram"], text="RUNNING: all well"), letter(3)])
    assert world.telegram.got[1].subject == "Coop: warning, fan lost", "not counted as one more"
    assert world.telegram.got[1].text.index("WARNING") < world.telegram.got[1].text.index("all well")
    assert world.email.got[0].id == "#3"


def test_a_heartbeat_that_could_not_be_told_in_time_is_never_told(world):
    world.telegram.answer = Sent(ok=False, why="no answer")
    letters = after([beat(1, to=["telegram"])], run(world, [beat(1, to=["telegram"])]))
    assert len(letters) == 1
    world.telegram.answer = Sent(ok=True)
    done = run(world, letters, NOW + 900)
    assert len(world.telegram.got) == 1
    assert [(one.told_at, one.note["over"]) for one in done.notes] == [(NOW + 900, "its time is over")]


def test_a_test_goes_to_every_channel_whatever_it_takes(world):
    run(world, [with_body(letter(1, INFO, kind="test"), to=["*"], what="test", severity="info")])
    assert counts(world) == (1, 1, 1)
    assert world.sms.got[0].level == INFO


def repeats(world, space_s, **desk):
    """Which of ten tellings of one emergency the SMS gets."""
    told = []
    for times in range(1, 11):
        before = len(world.sms.got)
        one = with_body(letter(times, EMERGENCY), what="raise" if times == 1 else "repeat", times=times)
        ways = (Way("sms", world.sms, (), EMERGENCY, space_s), Way("telegram", world.telegram, (), INFO))
        deliver((one,), world.desk()._replace(ways=ways, **desk), NOW, time.monotonic() + 5)
        told += [times] if len(world.sms.got) > before else []
    assert len(world.telegram.got) == 10
    return told


def test_repeats_of_an_emergency_are_half_an_hour_apart_by_sms_and_ten_minutes_elsewhere(world):
    assert repeats(world, 1800) == [1, 4, 5, 6, 7, 8, 9, 10], "0, 30 min, then hourly"
    assert fill(sms.Options, {"account": "", "token": "", "sender": "", "to": ()}).repeat_s == 1800


def test_an_owner_who_wants_every_repeat_by_sms_has_it(world):
    assert repeats(world, 600) == list(range(1, 11))


def test_sms_far_apart_follow_the_owner_s_numbers_of_repeats(world):
    assert repeats(world, 7200, repeats=(600, 3600)) == [1, 6, 8, 10]


def test_an_escalation_is_no_repeat(world):
    ways = (Way("sms", world.sms, (), EMERGENCY, 1800),)
    one = with_body(letter(1, EMERGENCY), what="escalate", times=2)
    deliver((one,), world.desk()._replace(ways=ways), NOW, time.monotonic() + 5)
    assert len(world.sms.got) == 1


def test_ntf5_what_was_over_before_anybody_could_be_told_is_told_as_over_by_every_channel(world):
    """After hours without a line a phone must not send somebody out for what is past."""
    world.sms.TEXT = "sms.txt"
    about = {"kind": "heat_stop", "about": "inlet", "severity": "emergency", "owner": "look for dead fans"}
    stop = [
        with_body(letter(1, EMERGENCY, at=NOW - 9000), **about, alarm="aaaaa", what="raise", state="active"),
        with_body(letter(2, EMERGENCY, at=NOW - 8400), **about, alarm="aaaaa", what="repeat", state="active"),
    ]
    stop[1] = with_body(stop[1], text="still, for 10 min, and nobody has acked it")
    over = with_body(letter(3, EMERGENCY, at=NOW - 7200), kind="heat_stop", alarm="aaaaa", what="clear")
    over = with_body(over, severity="info", text="over after 30 min: gives no air")
    run(world, [*stop, over])
    text = "Coop: EMERGENCY heat stop x2: gives no air (was, from 16:30 to 16:40, over at 17:00) #1 #2;"
    assert world.sms.got[0].text == f"{text} OVER heat stop: over after 30 min: gives no air (was, at 17:00) #3"
    assert "over at 17:00" in world.email.got[0].text
    assert world.telegram.got[0].buttons == (), "nothing is left to ack"
    again = with_body(letter(4, EMERGENCY, at=NOW - 60), **about, alarm="bbbbb", what="raise", state="active")
    run(world, [*stop, over, again])
    assert "TO DO: look for dead fans (from 16:30 to 18:59)" in world.sms.got[1].text, "it is there again"


def test_the_end_of_an_emergency_goes_to_the_phone_and_wakes_nobody_up_louder_than_it_must(world):
    """Its letter has the emergency's route and is itself information: Telegram shows it without a sound."""
    world.sms.TEXT = "sms.txt"
    over = with_body(letter(1, EMERGENCY), kind="heat_stop", alarm="aaaaa", what="clear", severity="info")
    quiet = world.desk()._replace(quiet_until=NOW + 9000)
    deliver((with_body(over, text="over after 9 min: 52 at the inlet"),), quiet, NOW, time.monotonic() + 5)
    assert world.sms.got[0].text == "Coop: OVER heat stop: over after 9 min: 52 at the inlet (at 19:00) #1"
    assert [message.level for message in (*world.telegram.got, *world.email.got)] == [INFO, INFO]
    assert world.email.got[0].subject == "Coop: over, heat stop"


def test_ntf5_a_phone_hears_of_an_end_that_all_others_were_told_before(world):
    """The letter of the end is told and closed while the phone's way is still shut."""
    world.sms.TEXT, world.sms.answer = "sms.txt", DOWN
    about = {"kind": "heat_stop", "about": "inlet", "alarm": "aaaaa", "owner": "look for dead fans"}
    stop = with_body(letter(1, EMERGENCY), **about, severity="emergency", what="raise", state="active")
    letters = after([stop], run(world, [stop]))
    assert letters[0].due_at > NOW + 1
    over = with_body(letter(2, INFO, at=NOW + 1), **about, severity="info", what="clear")
    letters = after([*letters, over], run(world, [*letters, over], NOW + 1))
    assert [one.id for one in letters] == [1]
    for config in ("c1", "c2"):  # a back-off of another config counts no more; that it is over does
        letters = after(letters, run(world, letters, letters[0].due_at, sum=config))
    world.sms.answer = OK
    assert run(world, letters, NOW + 7200, sum="c2").notes[0].told_at == NOW + 7200
    assert "TO DO: look for dead fans" in world.sms.got[0].text
    assert world.sms.got[-1].text == "Coop: EMERGENCY heat stop: gives no air (was, at 19:00, over at 19:00) #1"


def test_ntf5_of_two_of_a_kind_that_which_stands_is_told_and_can_be_acked(world):
    about = {"kind": "heat_stop", "severity": "emergency", "what": "raise", "state": "active"}
    first = with_body(letter(1, EMERGENCY, at=NOW - 900), **about, about="inlet", alarm="aaaaa", text="41 at the inlet")
    second = with_body(letter(2, EMERGENCY, at=NOW - 60), **about, about="row b", alarm="bbbbb", text="42 at row b")
    over = with_body(letter(3, INFO, at=NOW - 300), kind="heat_stop", alarm="aaaaa", what="clear", severity="info")
    run(world, [first, second, over])
    assert "42 at row b" in world.sms.got[0].text
    assert [row[0].data for row in world.telegram.got[0].buttons] == ["ack:bbbbb", "status"]


def test_ntf5_an_end_is_noted_once_beside_what_waits(world):
    world.sms.answer = DOWN
    stop = with_body(letter(1, EMERGENCY), alarm="aaaaa", what="raise", state="active", severity="emergency")
    letters = after([stop], run(world, [stop]))
    world.telegram.answer = DOWN
    over = with_body(letter(2, INFO, at=NOW + 1), alarm="aaaaa", what="clear", severity="info")
    noted = [tuple(one.id for one in run(world, [*letters, over], NOW + 1).notes)]
    letters = after([*letters, over], run(world, [*letters, over], NOW + 1))
    noted.append(tuple(one.id for one in run(world, letters, NOW + 2).notes))
    assert noted == [(2, 1), ()]
    assert letters[0].due_at == after([stop], run(world, [stop]))[0].due_at, "and waits as long as before"


def test_alarms_that_stand_have_buttons_and_emergencies_no_shelf(world):
    stands = {"what": "raise", "state": "active"}
    letters = [
        with_body(letter(1), alarm="aaaaa", severity="warning", **stands),
        with_body(letter(2, EMERGENCY), alarm="bbbbb", severity="emergency", **stands),
        with_body(letter(3), alarm="ccccc", severity="warning", state="cleared", what="clear"),
    ]
    run(world, letters)
    rows = [[button.data for button in row] for row in world.telegram.got[0].buttons]
    assert rows == [["ack:bbbbb"], ["ack:aaaaa", "shelve:aaaaa"], ["status"]]
    run(world, letters[2:])
    assert world.telegram.got[1].buttons == ()


def test_the_severity_is_the_alarm_s_own_also_where_its_route_is_a_higher_one(world):
    run(world, [with_body(letter(1, EMERGENCY), severity="info")])
    assert counts(world) == (1, 1, 1)
    assert world.telegram.got[0].level == INFO
    assert "INFO: fan lost" in world.telegram.got[0].text


def test_a_letter_says_since_when_and_what_is_to_be_done(world):
    more = {
        "since": str(NOW - 1800),
        "cause": "belt",
        "does": "runs the others",
        "owner": "look at it",
        "what": "raise",
    }
    run(world, [with_body(letter(1, EMERGENCY), **more)])
    assert all(word in world.telegram.got[0].text for word in ("Since 18:30", "belt", "runs the others", "look at it"))
