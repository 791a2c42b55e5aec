"""Settings of the 9 to 17 series: a form in its own page's order, everything else as it was, and read back."""

import pytest
from devices.antminers import NORTH, SOUTH, A, Board, options
from devices.old_antminers import PLACES, POOLS, S9, T17, TIMEOUT, OldBoard, page
from devices.racks import Rack
from devices.scripted import apply, order
from devices.test_antminer_commands import command

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret
from mine_controller.devices import _antminer, _antminer_form, antminer
from mine_controller.wire.door import WireError


def used(conf):
    return [row for row in conf["pools"] if row["url"]]


@pytest.mark.parametrize(("conf", "model"), [(S9, "Antminer S9"), (T17, "Antminer T17+"), (S9, "Antminer L3+")])
def test_a_pool_of_an_old_board_is_written_and_nothing_else_changes(conf, model):
    """Its script would take newer boards' JSON for the address of a pool."""
    board = OldBoard(conf, model, names=PLACES if "bitmain-work-mode" in conf else PLACES[:-1])
    outcome, _ = command(board.ports, "pool", "north")
    assert (outcome.verdict, outcome.why) == ("accepted", "kept; its miner program starts anew")
    assert [(row["url"], row["user"], row["pass"]) for row in used(board.conf)] == [
        (NORTH.url, NORTH.user, "x"),
        (SOUTH.url, SOUTH.user, "y"),
    ]
    settings = {name: str(value).lower() for name, value in board.conf.items() if name != "pools"}
    assert settings == {name: str(value).lower() for name, value in conf.items()}
    (headers,) = [headers for method, _, headers, _ in board.web.calls if method == "POST"]
    assert headers["content-type"].startswith("application/x-www-form-urlencoded")


def test_what_is_only_passed_on_comes_back_as_it_was():
    """Spaces and the signs of forms in a user or password are sent so that its script reads them."""
    board = OldBoard({**S9, "bitmain-fan-ctrl": "true", "bitmain-fan-pwm": "80"}, "Antminer S9", names=PLACES[:-1])
    assert command(board.ports, "fan", "60")[0].verdict == "accepted"
    assert used(board.conf) == POOLS
    assert (board.conf["bitmain-fan-ctrl"], board.conf["bitmain-fan-pwm"]) == ("true", "60")
    assert command(board.ports, "fan", "auto")[0].verdict == "accepted"
    assert "bitmain-fan-ctrl" not in board.conf


def test_the_fields_go_in_the_order_of_the_units_own_page():
    names = (*PLACES[9:], *PLACES[:9])
    board = OldBoard(T17, names=names, keeps=False)
    command(board.ports, "pool", "north")
    (form,) = board.forms
    assert [field.partition("=")[0] for field in form.split("&")] == [f"_ant_{name}" for name in names]


@pytest.mark.parametrize(
    ("more", "verdict", "why"),
    [
        ({"names": (*PLACES, "multi_level")}, "refused", "multi_level, which is not known"),
        ({"minerConfiguration": b"<html>no such page"}, "unsupported", "says nothing of the fields"),
        ({"minerConfiguration": page(PLACES, "/cgi-bin/other.cgi")}, "unsupported", "says nothing of the fields"),
        ({"minerConfiguration": None}, "unsupported", "says nothing of the fields"),
        ({"minerConfiguration": WireError("timeout", "no answer in 5.0 s")}, "unreachable", "before the command"),
    ],
)
def test_a_page_that_is_not_known_to_the_last_field_gets_nothing(more, verdict, why):
    board = OldBoard(T17, **more)
    outcome, _ = command(board.ports, "pool", "north")
    assert (outcome.verdict, why in outcome.why, board.forms) == (verdict, True, [])


@pytest.mark.parametrize("word", ['quo"te', "back\\slash", "50%2F50", "grave`", "ümlaut"])
def test_a_password_its_script_would_spoil_is_refused(word):
    board = OldBoard(T17)
    pool = Pool("north", "stratum+tcp://north.example:3333", "acct", Secret(word))
    outcome, _ = command(board.ports, "pool", "north", pools=(pool,))
    assert (outcome.verdict, board.forms) == ("refused", [])
    assert "pool1pw holds a character" in outcome.why
    assert word not in outcome.why


@pytest.mark.parametrize(
    ("more", "verdict", "why"),
    [
        ({"keeps": False}, "unknown", "has not kept it"),
        ({"keeps": False, "answer": b"ok\n"}, "unknown", "has not kept it"),
        ({"answer": b"ok\n"}, "accepted", "starts anew"),
        ({"answer": WireError("refused", "refused the connection"), "keeps": False}, "unreachable", "refused"),
    ],
)
def test_its_answer_says_nothing_and_what_it_has_kept_everything(more, verdict, why):
    outcome, _ = command(OldBoard(T17, **more).ports, "pool", "north")
    assert (outcome.verdict, why in outcome.why) == (verdict, True)


def test_a_setting_that_was_lost_on_the_way_is_named():
    board = OldBoard({**T17, "multi-version": "1"})
    outcome, _ = command(board.ports, "pool", "north")
    assert (outcome.verdict, outcome.why) == ("accepted", "kept; its settings multi-version are different now, too")


def test_settings_that_can_not_be_read_again_leave_it_open():
    reads = iter([T17 | {"pools": POOLS}])
    board = OldBoard(T17, get_miner_conf=lambda _: next(reads, TIMEOUT))
    outcome, _ = command(board.ports, "pool", "north")
    assert (outcome.verdict, outcome.why[:40]) == ("unknown", "sent, and its settings could not be read")


def test_an_old_board_sleeps_only_where_the_owner_says_so_and_its_page_has_work_modes():
    board = OldBoard(T17)
    assert command(board.ports, "stop")[0].verdict == "unsupported"
    assert board.forms == []
    assert command(board.ports, "stop", old_sleep=True)[0].verdict == "accepted"
    assert board.conf["bitmain-work-mode"] == "254"
    assert used(board.conf) == POOLS
    assert command(board.ports, "run", old_sleep=True)[0].verdict == "accepted"
    assert board.conf["bitmain-work-mode"] == "0"
    bare = OldBoard(T17, names=PLACES[:-1])
    assert command(bare.ports, "stop", old_sleep=True)[0].why == _antminer_form.NO_SLEEP
    nine = OldBoard(S9, "Antminer S9")
    assert command(nine.ports, "stop", old_sleep=True)[0].why == _antminer_form.NO_SLEEP
    assert bare.forms + nine.forms == []


def test_an_old_board_that_stored_sleep_and_hashes_on_for_minutes_is_rebooted():
    board = OldBoard({**T17, "bitmain-work-mode": "254"}, reboot={})
    assert command(board.ports, "stop", old_sleep=True)[0].why == "rebooting"
    assert board.forms == []


def test_a_model_nobody_knows_is_not_written_to():
    """Either way of writing destroys the settings of the other generation."""
    board = OldBoard(T17, "Antminer Q99")
    outcome, _ = command(board.ports, "pool", "north")
    assert (outcome.verdict, board.forms) == ("unsupported", [])
    assert "neither its settings nor its name" in outcome.why


def test_old_and_new_boards_of_one_section_are_told_in_one_batch():
    old, new = OldBoard(T17), Board()
    rack = Rack({A: old.ports, "10.0.1.2": new.ports}, budget_s=60.0)
    orders = [order(host, "pool")._replace(value="north", unit="") for host in (A, "10.0.1.2")]
    orders = [each._replace(id=f"c{at}") for at, each in enumerate(orders)]
    outcomes = apply(antminer, rack, options(hosts=(A, "10.0.1.2")), orders)
    assert [outcome.verdict for outcome in outcomes] == ["accepted", "accepted"]
    assert (len(old.forms), len(new.bodies)) == (1, 1)
    assert isinstance(old.forms[0], str)


def test_a_fault_beside_the_newer_boards_is_raised_where_it_is_told(monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(_antminer_form, "change", broken)
    new = Board()
    rack = Rack({A: OldBoard(T17).ports, "10.0.1.2": new.ports}, budget_s=60.0)
    orders = [order(host, "pool")._replace(value="north", unit="", id=host) for host in (A, "10.0.1.2")]
    with pytest.raises(ZeroDivisionError):
        apply(antminer, rack, options(hosts=(A, "10.0.1.2")), orders)
    assert len(new.bodies) == 1


def test_one_form_at_a_time_because_a_second_would_be_forgotten():
    board = OldBoard(T17)
    orders = [order(A, verb)._replace(value=value, unit="") for verb, value in (("pool", "north"), ("fan", "60"))]
    orders = [each._replace(id=f"c{at}") for at, each in enumerate(orders)]
    outcomes = apply(antminer, Rack({A: board.ports}), options(), orders)
    assert {outcome.command: outcome.verdict for outcome in outcomes} == {"c0": "accepted", "c1": "not_sent"}
    assert len(board.forms) == 1


def test_without_the_time_to_read_back_nothing_is_sent():
    board = OldBoard(T17)
    outcome, _ = command(None, "pool", "north", rack=Rack({A: board.ports}, budget_s=13.0))
    assert (outcome.verdict, board.forms) == ("not_sent", [])


@pytest.mark.parametrize(
    ("told", "light", "verdict"),
    [("on", True, "accepted"), ("off", False, "accepted"), ("on", False, "unknown"), ("maybe", True, "refused")],
)
def test_the_light_of_an_old_board_is_looked_at_afterwards(told, light, verdict):
    said = []

    def blink(body):
        said.append(body)
        return {"isBlinking": light} if body == "action=onPageLoaded" else TIMEOUT

    assert command(OldBoard(S9, "Antminer S9", blink=blink).ports, "locate", told)[0].verdict == verdict
    assert said == ([] if verdict == "refused" else [f"action={'start' if told == 'on' else 'stop'}Blink", said[-1]])


@pytest.mark.parametrize(
    ("verb", "verdict"), [("mode", "unsupported"), ("limit", "unsupported"), ("restart", "accepted")]
)
def test_what_an_old_board_can_not_is_told(verb, verdict):
    board = OldBoard(T17, reboot={})
    assert command(board.ports, verb, {"mode": "low", "limit": "1000"}.get(verb, ""))[0].verdict == verdict
    assert board.forms == []


@pytest.mark.parametrize(
    ("model", "conf", "generation"),
    [
        ("Antminer S9", {}, "old"),
        ("Antminer S9k", {}, "old"),
        ("Antminer S17 Pro", T17, "old"),
        ("Antminer T17+", T17, "old"),
        ("Antminer L3+", {}, "old"),
        ("Antminer S17", {**T17, "bitmain-freq-level": "100"}, "new"),
        ("Antminer S19j Pro", {}, "new"),
        ("Antminer T21", {}, "new"),
        ("Antminer L9", {}, "new"),
        ("Antminer KS5 Pro", {}, "new"),
        ("Antminer S90", {}, ""),
        (None, T17, ""),
    ],
)
def test_the_generation_is_told_by_the_settings_or_the_model(model, conf, generation):
    assert _antminer.generation(model, conf) == generation


@pytest.mark.parametrize(
    ("mode", "elapsed", "word"),
    [("254", 8105, "sleeping"), ("1", 30, "booting"), ("0", 8105, "error"), (None, 30, "booting")],
)
def test_an_old_unit_without_a_rate_is_asleep_by_its_own_number_alone(mode, elapsed, word):
    """Mode 1 is a way of working there, and not sleep as on newer boards."""
    version = {"VERSION": [{"Type": "Antminer T17+"}]}
    summary = {"SUMMARY": [{"Elapsed": elapsed, "GHS 5s": "0.00"}]}
    conf = {} if mode is None else {"bitmain-work-mode": mode}
    told = _antminer.told(_antminer.STOCK, {"version": version, "summary": summary, "conf": conf}, 600)
    assert (told.word, told.mode) == (word, None)
