"""The doctor's findings that need no device."""

import sqlite3

import pytest
from cli.place import Place

from mine_controller.config.lastgood import remember
from mine_controller.config.load import load
from mine_controller.core.model.book import Book
from mine_controller.core.model.state import State
from mine_controller.ops import doctor
from mine_controller.ops.doctor import Site, obedience, remedy_for
from mine_controller.ops.machine import Machine
from mine_controller.ops.recall import kept_book
from mine_controller.ports.live import live_wire


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def site(place, tmp_path, **changes):
    made = Site(place.config, kept_book(place.config.paths), place.wall, Machine(tmp_path), None, ask_now=False)
    return made._replace(**changes)


def only(checks):
    (check,) = checks
    return check


def test_the_contract_is_judged_as_if_every_miner_ran(place, tmp_path):
    place.plant.signal = "off"
    check = only(doctor._contract(site(place.ticks(3), tmp_path)))
    assert check.verdict == "ok"
    assert "with all 8 miners on (8 gently, 0 at the outlet); your notice is 600 s" in check.text


def test_it_is_judged_before_the_first_tick_too(place):
    assert obedience(place.config, Book(State()), 300)["gentle"] == 8


def test_a_lane_slower_than_the_notice_fails(place, tmp_path):
    wiring = place.config.policy.wiring
    slow = {name: lane._replace(call_s=200.0) for name, lane in wiring.lanes.items()}
    policy = place.config.policy._replace(wiring=wiring._replace(lanes=slow))
    check = only(doctor._contract(site(place, tmp_path, config=place.config._replace(policy=policy))))
    assert (check.verdict, "1610 s" in check.text) == ("fail", True)


def test_a_miner_that_nothing_can_stop_fails(place, tmp_path):
    wiring = place.config.policy.wiring
    bare = tuple(spec._replace(paths=()) for spec in wiring.miners)
    policy = place.config.policy._replace(wiring=wiring._replace(miners=bare))
    check = only(doctor._contract(site(place, tmp_path, config=place.config._replace(policy=policy))))
    assert (check.verdict, "8 miners can't be stopped" in check.text) == ("fail", True)


def test_a_suspect_fan_is_named(place, tmp_path):
    place.ticks(2, of=3)
    place.plant.broken = {"4"}
    check = only(doctor._fans(site(place.ticks(), tmp_path)))
    assert (check.verdict, check.text) == ("warn", "8 proven, 1 suspect; see fan 4")


def test_old_ticks_fail(place, tmp_path):
    place.ticks(2)
    late = site(place, tmp_path)
    assert [only(doctor._ticks(late._replace(now_s=place.wall + s))).verdict for s in (0, 300, 900)] == [
        "ok", "warn", "fail",
    ]  # fmt: skip


def test_a_damaged_database_fails_and_the_examination_goes_on(place, tmp_path):
    place.config.paths.db.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    checks = doctor.examine(place.path, now_s=0, wire_for=live_wire, machine=Machine(tmp_path))
    found = {check.name: check for check in checks}
    assert found["database"].verdict == "fail"
    assert "sets it aside" in found["database"].remedy
    assert "memory" in found


def test_an_event_changed_afterwards_is_told(place, tmp_path):
    place.ticks(2)
    with sqlite3.connect(place.config.paths.db) as db:
        db.execute("UPDATE events SET text = 'nothing happened' WHERE id = 2")
    db.close()
    check = only(doctor._database(site(place, tmp_path)))
    assert (check.verdict, check.text) == ("warn", "event 2 was changed after it was written")


def test_a_broken_config_says_where_and_that_the_last_good_one_runs(place, tmp_path):
    remember(place.config)
    place.path.write_text(place.path.read_text().replace("power_cap_kw = 1000", "power_cap_kw = lots"))
    config, checks = doctor._config(place.path)
    assert config is not None
    assert checks[0].verdict == "fail"
    assert "line 5: [site] power_cap_kw" in checks[0].text
    assert "ticks go on with the last good one" in checks[0].text


def test_notes_of_the_config_are_shown(place):
    assert any("absent" in check.text for check in doctor._config(place.path)[1] if check.name == "note")


@pytest.mark.parametrize(
    ("why", "helps"),
    [
        ("connection refused", "nothing listens"),
        ("no answer in 6.0 s", "ping it"),
        ("name can't be resolved", "check the host name"),
        ("HTTP 401", "password"),
        ("certificate has expired", "https against http"),
        ("HTTP 404", "the path or the model"),
        ("no such table row", "shows every exchange"),
    ],
)
def test_every_failure_has_a_remedy(why, helps):
    assert helps in remedy_for(why, "roomalert intake")


def test_a_page_is_old_after_two_ticks(place, tmp_path):
    www = place.config.paths.www
    assert only(doctor._page(site(place, tmp_path))).verdict == "warn"
    www.mkdir()
    (www / "status.json").write_text("{}")
    written = int((www / "status.json").stat().st_mtime)
    assert only(doctor._page(site(place, tmp_path, now_s=written + 10))).verdict == "ok"
    assert only(doctor._page(site(place, tmp_path, now_s=written + 400))).verdict == "warn"


def test_the_examination_says_each_step_before_it_takes_it(place, tmp_path):
    steps = []
    doctor.examine(
        place.ticks(2).path, now_s=place.wall, wire_for=None, machine=Machine(tmp_path, run=lambda _line: ""),
        say=steps.append,
    )  # fmt: skip
    assert steps[:3] == ["config", "rights", "lock"]
    assert {"devices", "memory"} <= set(steps)


def test_the_sites_own_config_is_what_is_examined(place):
    assert load(place.path).site.name == "Coop test"
