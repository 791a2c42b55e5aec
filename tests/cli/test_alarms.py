"""`minectl alarms`: lists, ack, shelf, kinds, statistics, on a site with a dead fan."""

import json

import pytest

from mine_controller.core.alarms.catalogue import KINDS


@pytest.fixture
def broken(place):
    place.ticks(2, of=8)
    place.plant.broken = {"3"}
    place.ticks(5)
    return place


def rows(place, *words):
    return json.loads(place.run("alarms", "list", "--json", *words).stdout)


def fan(place):
    return next(row for row in rows(place, "--all") if row["kind"] == "fan_fault")


def test_an_alarm_is_listed_with_its_name_cause_and_what_to_do(broken):
    found = fan(broken)
    assert (found["about"], found["state"], found["severity"], found["times"]) == ("fan 3", "active", "warning", 1)
    assert all(found[name] for name in ("id", "cause", "does", "owner"))
    assert found["id"] in broken.run("alarms").stdout


def test_an_ack_by_name_reaches_the_tick_and_is_shown_with_who_it_was(broken):
    name = fan(broken)["id"]
    assert broken.run("alarms", "ack", name, "--reason", "seen", "--no-tick").exit_code == 0
    assert (broken.requests()[0].verb, broken.requests()[0].args) == ("ack", (name,))
    broken.ticks(1)
    assert fan(broken)["state"] == "acked"
    assert "seen by" in broken.run("alarms").stdout


def test_an_ack_of_all_has_no_name(place):
    place.run("alarms", "ack", "--all", "--no-tick")
    assert place.requests()[0].args == ()


def test_one_alarm_and_all_at_once_is_refused(place):
    assert place.run("alarms", "ack", "a2b3c", "--all", "--no-tick").exit_code == 2
    assert place.run("alarms", "unshelve", "--no-tick").exit_code == 2


def test_a_shelved_alarm_leaves_the_list_and_the_list_says_so(broken):
    name = fan(broken)["id"]
    done = broken.run("alarms", "shelve", name, "--for", "1h", "--reason", "waiting for the part", "--no-tick")
    assert done.exit_code == 0
    assert broken.requests()[0].args == (name, "3600")
    broken.ticks(1)
    assert not [row for row in rows(broken) if row["kind"] == "fan_fault"]
    assert fan(broken)["shelved_until"].endswith("Z")
    assert "1 more" in broken.run("alarms").stdout
    broken.run("alarms", "unshelve", name, "--no-tick")
    broken.ticks(1)
    assert fan(broken)["state"] == "active"


def test_a_shelf_needs_a_time_and_a_reason(place):
    assert place.run("alarms", "shelve", "a2b3c", "--reason", "x", "--no-tick").exit_code == 2
    assert place.run("alarms", "shelve", "a2b3c", "--for", "1h", "--no-tick").exit_code == 2


def test_every_kind_is_listed_with_what_counts_here(place):
    found = json.loads(place.run("alarms", "kinds", "--json").stdout)
    assert [row["kind"] for row in found] == list(KINDS)
    assert next(row for row in found if row["kind"] == "temperature_warning")["threshold"] == 35
    assert "temperature_danger" in place.run("alarms", "kinds").stdout
    assert all(row["route"] in ("info", "warning", "emergency") for row in found)
    assert next(row for row in found if row["kind"] == "smoke")["route"] == "emergency"


def test_the_owners_section_shows_in_the_kinds(place):
    path = place.config.paths.config
    path.write_text(path.read_text().replace("[end]", "[alarm fan_fault]\ncool_s = 900\n[end]"))
    row = next(row for row in json.loads(place.run("alarms", "kinds", "--json").stdout) if row["kind"] == "fan_fault")
    assert (row["cool_s"], row["own"]) == (900, True)


def test_statistics_count_what_was_raised_told_acked_and_stands(broken):
    broken.run("alarms", "ack", fan(broken)["id"], "--no-tick")
    broken.ticks(1)
    found = json.loads(broken.run("alarms", "stats", "--days", "400", "--json").stdout)
    row = next(row for row in found if row["kind"] == "fan_fault")
    assert (row["raised"], row["told"], row["acked"], row["standing"]) == (1, 1, 1, 1)
    assert row["ack_mean_s"] >= 120
    assert "fan_fault" in broken.run("alarms", "stats", "--days", "400").stdout
    assert broken.run("alarms", "stats", "--csv", "--days", "400").stdout.startswith("kind,raised,told")


def test_a_site_without_a_tick_has_no_alarm_and_no_statistics(place):
    assert place.run("alarms", "list").stdout == "No alarm is open.\n"
    assert place.run("alarms", "stats").stdout == "No alarm in the last 7 days.\n"


def test_alarms_that_can_not_be_read_are_not_none(place):
    place.ticks(2).config.paths.db.write_bytes(b"\0garbage" * 999)
    for words in (("alarms",), ("alarms", "list", "--json"), ("pools",)):
        done = place.run(*words)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "the database is damaged" in done.stderr
