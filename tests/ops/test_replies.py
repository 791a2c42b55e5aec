"""A person's request on its way: who starts the tick, who waits for whom, what comes back."""

import pytest
from cli.place import Place

from mine_controller.ops import replies
from mine_controller.ops.replies import Started, Wanted, answers, cautions, file, start_tick, take


class Person:
    uid, actor, tty = 1000, "eve", "/dev/pts/1"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_tick_in_a_process_of_its_own_tells_its_code_and_last_line(place):
    place.path.write_text("[site]\n")
    done = start_tick(place.config)
    assert done.code == 2
    assert "there is no section" in done.said


def test_a_tick_that_hangs_is_told_to_end(place, monkeypatch):
    monkeypatch.setattr(replies, "TICK_S", 0.01)
    done = start_tick(place.config)
    assert done.code != 0


def test_while_another_tick_is_at_work_its_verdict_is_waited_for(place):
    number = file(place.config, Person(), Wanted("set-state", ("fans", "9"), "hot"))
    said, waited = [], []

    def pause(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            place.ticks()

    started, found = take(
        place.config, [number], start=lambda _config: Started(75), pause=pause, busy=lambda: said.append(1)
    )
    assert (found[0].verdict, started.code, len(waited), said) == ("done", 75, 3, [1])


def test_when_the_other_tick_ends_without_taking_it_one_is_started_again(place):
    number = file(place.config, Person(), Wanted("set-state", ("fans", "9"), "hot"))
    codes = [75, 75, 0]

    def start(_config):
        code = codes.pop(0)
        if code == 0:
            place.ticks()
        return Started(code)

    _, found = take(place.config, [number], start=start, pause=lambda _seconds: None)
    assert found[0].verdict == "done"
    assert codes == []


def test_waiting_has_an_end(place):
    number = file(place.config, Person(), Wanted("set-state", ("fans", "9"), "hot"))
    waited = []
    _, found = take(place.config, [number], start=lambda _config: Started(75), pause=waited.append)
    assert found == answers(place.config, [number])
    assert found[0].verdict == ""
    assert sum(waited) <= 180


@pytest.mark.parametrize(
    ("args", "flags", "said"),
    [
        (("inlet_c", "20"), (), "no value of inlet_c frees"),
        (("signal", "run"), (), "add --stand-in"),
        (("signal", "run"), ("stand-in",), "only while the power signal can't be read"),
        (("signal", "run"), ("accept-penalty",), "penalty is yours"),
        (("miners", "run"), (), "a wish, not an order"),
        (("fan.3", "off"), (), "stays on all the same"),
    ],
)
def test_what_a_value_can_and_cannot_do_on_a_live_site_is_said(place, args, flags, said):
    told = cautions(place.config, Wanted("set-state", args, "x", 1000, flags), 500)
    assert any(said in one for one in told)


@pytest.mark.parametrize("key", ["mode.m001", "pool.m001", "mode.bitaxe shelf", "strategy", "band", "away"])
def test_what_holds_until_it_is_cleared_is_not_said_to_end(place, key):
    """The verdict beside it says "in force until cleared": both can't be true."""
    assert not [one for one in cautions(place.config, Wanted("set-state", (key, "x"), "x"), 500) if "ends" in one]
    assert any("ends after 4 h" in one for one in cautions(place.config, Wanted("set-state", ("fans", "3"), "x"), 500))


def test_a_lowering_for_a_short_time_needs_no_caution(place):
    assert cautions(place.config, Wanted("set-state", ("miners", "stop"), "x", 1000), 500) == ()


def test_what_root_makes_is_given_to_the_owner_of_the_folder(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(replies.os, "geteuid", lambda: 0)
    monkeypatch.setattr(replies.os, "chown", lambda path, uid, gid: given.append((path, uid, gid)))
    replies.give_to_owner(tmp_path / "inbox.db")
    assert given == [(tmp_path / "inbox.db", tmp_path.stat().st_uid, tmp_path.stat().st_gid)]
