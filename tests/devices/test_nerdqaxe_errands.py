"""Errands of NerdQaxes: settings are one write, a new pool and the fans in the words of each firmware."""

import pytest
from devices.kinds import CANARY, build
from devices.nerd import Nerd
from devices.scripted import apply as applied
from devices.scripted import errand, verdicts
from devices.shelf import Shelf, opened

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNSUPPORTED
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret
from mine_controller.devices import nerdqaxe

A = "10.0.0.1"
POOLS = (
    Pool("btc", "stratum+tcp://btc.example:3333", "acct.w1", Secret(CANARY)),
    Pool("dgb", "stratum+tcp://dgb.example:4444", "acct.w1", Secret(CANARY)),
    Pool("safe", "stratum+ssl://safe.example:443", "acct.w1", Secret(CANARY)),
)


def do(answer, *batch, **more):
    shelf = Shelf(answer)
    outcomes = applied(nerdqaxe, shelf, build("nerdqaxe", "http://192.0.2.1", hosts=(A,), pools=POOLS, **more), batch)
    assert CANARY not in repr(outcomes)
    return outcomes, shelf


def bodies(shelf):
    return [opened(raw)[2] for raw in shelf.raw if not raw.startswith(b"GET")]


def test_a_nerdqaxes_settings_are_one_write_that_counts_at_once():
    batch = [errand(A, "mode", "standard", 1), errand(A, "pool", "dgb", 2), errand(A, "fan", "60", 3)]
    outcomes, shelf = do(Nerd(), *batch)
    assert (verdicts(outcomes), len(bodies(shelf))) == ([APPLIED] * 3, 1)
    assert bodies(shelf)[0].items() >= {"frequency": 600, "coreVoltage": 1150, "stratumURL": "dgb.example"}.items()


@pytest.mark.parametrize(("model", "mode"), [("NerdQAxe++", "eco"), ("NerdOCTAXE", "standard")])
def test_a_mode_nobody_wrote_down_is_unsupported_and_says_what_helps(model, mode):
    (outcome,), shelf = do(Nerd(deviceModel=model), errand(A, "mode", mode))
    assert (outcome.verdict, shelf.sent()) == (UNSUPPORTED, [])
    assert "write it into modes" in outcome.why
    (outcome,), _ = do(Nerd(deviceModel=model), errand(A, "mode", mode), modes=(f"{model} {mode} 500 1100",))
    assert outcome.verdict == APPLIED


@pytest.mark.parametrize(
    ("verb", "wanted"), [("mode", "standard"), ("tune", "frequency_mhz=500"), ("pool", "dgb"), ("fan", "60")]
)
def test_a_board_with_one_time_codes_keeps_its_settings(verb, wanted):
    (outcome,), shelf = do(Nerd(otp=True), errand(A, verb, wanted))
    assert (outcome.verdict, shelf.sent()) == (UNSUPPORTED, [])
    assert "one-time codes" in outcome.why


def test_a_board_with_one_time_codes_is_still_stopped():
    (outcome,), shelf = do(Nerd(otp=True), errand(A, "stop"))
    assert (outcome.verdict, shelf.sent()) == (ACCEPTED, [f"POST {A} /api/system/shutdown"])


@pytest.mark.parametrize(
    ("told", "verdict"),
    [({}, ACCEPTED), ({"shutdown": True}, ACCEPTED), ({"shutdown": True, "boardError": 5}, REFUSED)],
)
def test_a_board_that_is_shut_down_is_restarted_where_that_is_asked_for(told, verdict):
    """Core asks it of a unit that is to run; only of one in trouble it asks whatever is wanted of it."""
    (outcome,), shelf = do(Nerd(**told), errand(A, "restart"))
    assert (outcome.verdict, len(shelf.sent())) == (verdict, int(verdict == ACCEPTED))


def test_newer_firmware_tells_its_pool_in_an_object_of_its_own():
    row = {"host": "dgb.example", "port": 4444, "user": "acct.w1"}
    (outcome,), shelf = do(Nerd(stratumURL=None, stratum={"pools": [row]}), errand(A, "pool", "dgb"))
    assert (outcome.verdict, shelf.sent()) == (APPLIED, [])


@pytest.mark.parametrize(
    ("pool", "told", "tls"), [("dgb", {"stratumTLS": True}, False), ("safe", {"stratumTLS": False}, True)]
)
def test_a_nerdqaxes_new_pool_is_spoken_to_as_its_url_says_and_not_as_the_old_one(pool, told, tls):
    """The firmware keeps what a write leaves out, and takes this key as true or false only."""
    board = Nerd(**told, stratumProtocol=1)
    (outcome,), shelf = do(board, errand(A, "pool", pool))
    assert outcome.verdict == APPLIED
    assert (bodies(shelf)[0]["stratumTLS"], bodies(shelf)[0]["stratumProtocol"]) == (tls, 0)


def test_a_nerdqaxe_that_speaks_no_tls_is_given_no_pool_that_needs_it():
    (outcome,), shelf = do(Nerd(), errand(A, "pool", "safe"))
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])
    _, shelf = do(Nerd(), errand(A, "pool", "dgb"))
    assert not bodies(shelf)[0].keys() & {"stratumTLS", "stratumProtocol"}


@pytest.mark.parametrize(
    ("told", "sent"),
    [
        ({"autofanspeed": 0, "pidTargetTemp": 55}, [2]),
        ({"autofanspeed": 1, "pidTargetTemp": 55}, [2]),
        ({"autofanspeed": 2, "pidTargetTemp": 55}, []),
        ({"autofanspeed": 0}, [1]),
        ({"autofanspeed": 1}, []),
    ],
)
def test_the_fans_of_a_nerdqaxe_look_after_themselves_in_the_mode_its_firmware_has(told, sent):
    """Mode 1 is gone from firmware that has 2: there it would mean 100 percent by hand."""
    (outcome,), shelf = do(Nerd(**told), errand(A, "fan", "auto"))
    assert (outcome.verdict, [body["autofanspeed"] for body in bodies(shelf)]) == (APPLIED, sent)


def test_a_nerdqaxe_that_tells_of_no_mode_for_its_fans_is_not_set_to_one_by_guess():
    (outcome,), shelf = do(Nerd(autofanspeed=0, pidTargetTemp=-1), errand(A, "fan", "auto"))
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])
    (outcome,), shelf = do(Nerd(autofanspeed=2, pidTargetTemp=55, manualFanSpeed=50), errand(A, "fan", "60"))
    assert (outcome.verdict, bodies(shelf)) == (APPLIED, [{"autofanspeed": 0, "manualFanSpeed": 60}])
