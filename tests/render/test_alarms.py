"""Alarms on the page and in status.json: who has to do what; what is seen, put off or only follows is not open."""

import sample
from test_page import read

from mine_controller.core.wording.words import sentence
from mine_controller.render import page, status_json, view
from mine_controller.render.given import History
from mine_controller.render.metrics import metrics


def alarm(about, state, **more):
    return sample.book("RUNNING", 5).state.alarms["fan_fault fan 6"] | {"about": about, "state": state} | more


def book():
    made = sample.book("RUNNING", 5)
    alarms = {
        "fan_fault fan 6": alarm("fan 6", "active", id="a2b3c"),
        "fan_fault fan 7": alarm("fan 7", "acked", id="b2b3c", acked_by="rosa", acked_s=sample.PLANT - 60),
        "fan_fault fan 8": alarm("fan 8", "shelved", id="c2b3c"),
        "fan_fault fan 9": alarm("fan 9", "suppressed", id="d2b3c", under="fan_fault fan 6"),
    }
    last = {"alarm_book": {"shelved": {"fan_fault fan 8": sample.PLANT + 600}}}
    return made._replace(state=made.state._replace(alarms=alarms, last=made.state.last | last))


def document(**facts):
    return status_json.document(book(), sample.facts(5, **facts), History(), sentence, sample.NOW)


def test_what_is_shelved_or_follows_from_another_is_not_open():
    made = document()
    assert [(one["about"], one["state"]) for one in made["alarms"]] == [("fan 6", "active"), ("fan 7", "acked")]
    assert [(one["about"], one["state"]) for one in made["alarms_aside"]] == [
        ("fan 8", "shelved"),
        ("fan 9", "suppressed"),
    ]
    assert made["alarm_counts"] == {"active": 1, "acked": 1, "shelved": 1, "suppressed": 1}
    assert made["alarms_aside"][0]["shelved_until"] == sample.NOW + 600
    assert 'minectl_alarms{severity="warning"} 2' in metrics(made)


def test_every_alarm_says_what_to_do_and_by_which_name_it_is_acked():
    text = read(page.render(view.view(book(), sample.facts(5), History(), sentence, sample.NOW))).text
    assert "1 open, 1 seen" in text
    assert "seen by rosa" in text
    assert "1 put off by a person and 1 that follow from these" in text
    assert "minectl alarms ack a2b3c" in text
    assert "ack b2b3c" not in text, "it is acked already"
    assert document()["alarms"][0]["remedy"] in text


def test_a_public_document_names_nobody_who_acked():
    assert document(publish="public")["alarms"][1]["acked_by"] == "a person"


def test_what_comes_and_goes_and_is_held_open_says_whether_it_is_there_now():
    gone = alarm("4g", "active", chatter=2, clear_s=sample.PLANT - 600, id="e2b3c")
    there = alarm("dsl", "active", chatter=2, id="f2b3c")
    made = sample.book("RUNNING", 5)
    made = made._replace(state=made.state._replace(alarms={"a": gone, "b": there}))
    told = status_json.document(made, sample.facts(5), History(), sentence, sample.NOW)["alarms"]
    assert [one["text"].startswith("comes and goes, not there now: ") for one in told] == [True, False]


def test_an_alarm_of_an_older_program_counts_as_open():
    made = sample.book("RUNNING", 5)
    told = status_json.document(made, sample.facts(5), History(), sentence, sample.NOW)
    assert told["alarm_counts"]["active"] == len(told["alarms"]) == 1


def test_a_hundred_alarms_do_not_push_the_mine_off_the_page():
    """A switch that died took 160 miners: the power stood 12,000 px below, on a page too heavy for a slow line."""
    made = sample.book("RUNNING", 160)
    grave = {"fire": alarm("room", "active", severity="emergency", id="zzzzz")}
    alarms = {f"lost {at}": alarm(f"a{at:03}", "active", id=f"id{at:03}") for at in range(160)} | grave
    made = made._replace(state=made.state._replace(alarms=alarms))
    text = page.render(view.view(made, sample.facts(160), sample.history(), sentence, sample.NOW))
    section = text[text.index('<section class="alarms') : text.index('<div class="panels">')]
    shown, _, folded = section.partition('<details id="d-alarms">')
    assert "161 open" in shown
    assert shown.count('class="alarm ') == view.ALARMS_SHOWN
    assert "zzzzz" in shown, "the gravest first"
    assert f"and {161 - view.ALARMS_SHOWN} more" in folded
    assert all(f"minectl alarms ack id{at:03}" in section for at in range(160)), "each can be acked"
    assert len(text.encode()) <= 150_000
