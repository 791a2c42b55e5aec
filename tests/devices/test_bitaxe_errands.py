"""Modes, pools, fan, restart and light of a Bitaxe: one write for all of them, read back, and never a false success."""

import gzip
import json

import pytest
from devices.axe import MAC, A, Board, bodies, do, one, options, slots
from devices.kinds import CANARY
from devices.scripted import apply as applied
from devices.scripted import errand, verdicts
from devices.shelf import Shelf, http

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED
from mine_controller.devices import bitaxe, nerdqaxe
from mine_controller.devices.kind import Guess, Seen
from mine_controller.wire.door import WireError

GONE = WireError("timeout", "no answer in 8.0 s")


@pytest.mark.parametrize(
    ("chip", "mode", "clock"),
    [
        ("BM1370", "eco", (400, 1000)),
        ("BM1370", "overclock", (625, 1200)),
        ("BM1368", "turbo", (525, 1200)),
        ("BM1366", "eco", (400, 1100)),
        ("BM1397", "overclock", (600, 1500)),
    ],
)
def test_a_mode_is_the_clock_of_its_chip_and_applied_when_the_board_shows_it(chip, mode, clock):
    outcome, shelf = one(Board(ASICModel=chip), "mode", mode)
    assert bodies(shelf) == [{"frequency": clock[0], "coreVoltage": clock[1]}]
    assert (outcome.verdict, outcome.why) == (APPLIED, "")
    assert [each.partition(" ")[0] for each in shelf.asked] == ["GET", "PATCH", "GET"]


def test_the_modes_of_a_chip_get_faster_and_stay_inside_its_lists():
    for clocks in bitaxe.CLOCKS.values():
        in_order = [clocks[mode].mhz for mode in bitaxe.MODES if mode in clocks]
        assert in_order == sorted(in_order)


def test_a_mode_that_is_set_already_is_not_written_again():
    outcome, shelf = one(Board(), "mode", "standard")
    assert (outcome.verdict, outcome.why, shelf.sent()) == (APPLIED, "was so already", [])


def test_the_owners_clock_of_a_mode_goes_before_the_known_one():
    _, shelf = one(Board(), "mode", "eco", modes=("BM1370 eco 490 1060",))
    assert bodies(shelf) == [{"frequency": 490, "coreVoltage": 1060}]


@pytest.mark.parametrize("entry", ["BM1370 eco", "BM1370 idle 400 1000", "BM1370 eco 4000 1000", "BM1370 eco 400 300"])
def test_an_entry_of_modes_that_says_nothing_or_too_much_is_told(entry):
    assert len(bitaxe.faults(options(modes=(entry,)))) == 1


@pytest.mark.parametrize(("mode", "verdict"), [("hyper", REFUSED), ("", REFUSED), ("eco", UNSUPPORTED)])
def test_a_mode_nobody_knows_is_not_guessed(mode, verdict):
    outcome, shelf = one(Board(ASICModel="BM9999"), "mode", mode)
    assert (outcome.verdict, shelf.sent()) == (verdict, [])
    assert outcome.why


ASIC = ("GET", "/api/system/asic")
XP = {"ASICModel": "BM1370", "frequencyOptions": [350, 375, 380, 400, 410], "voltageOptions": [1000, 1060, 1150]}


@pytest.mark.parametrize(
    ("mode", "offered", "body"),
    [
        ("eco", XP, [{"frequency": 400, "coreVoltage": 1000}]),  # as both lists of the chip have it
        ("overclock", XP, []),  # two chips where its name promises one
        ("eco", http(b"", 302), []),
        ("eco", {"frequencyOptions": None}, []),
    ],
)
def test_a_board_of_another_maker_is_given_a_clock_that_it_offers_itself(mode, offered, body):
    board = Board(boardVersion="1110", answers={ASIC: offered})
    outcome, shelf = one(board, "mode", mode)
    assert bodies(shelf) == body
    assert outcome.verdict == (APPLIED if body else UNSUPPORTED)


def test_a_board_of_another_maker_that_bears_a_number_of_these_is_asked_as_well():
    """Nine chips on one supply that call themselves 302, as a Hex of six does (UpstreamData/pyasic, issue 278)."""
    lucky = Board("1.1.0", ASICModel="BM1366", boardVersion="302", minerModel="LV08", answers={ASIC: http(b"", 302)})
    outcome, shelf = one(lucky, "mode", "overclock")
    assert (outcome.verdict, bodies(shelf)) == (UNSUPPORTED, [])


def test_a_clock_that_the_owner_wrote_down_is_asked_of_no_board():
    board = Board(boardVersion="1110", answers={ASIC: XP})
    _, shelf = one(board, "mode", "eco", modes=("BM1370 eco 490 1060",))
    assert bodies(shelf) == [{"frequency": 490, "coreVoltage": 1060}]
    assert f"GET {A} /api/system/asic" not in shelf.asked


def test_a_board_that_can_not_be_asked_for_its_clocks_is_stopped_all_the_same():
    board = Board(boardVersion="1110", answers={ASIC: GONE})
    outcomes, shelf = do(board, errand(A, "mode", "eco"), errand(A, "stop", at=2))
    assert verdicts(outcomes) == [UNREACHABLE, APPLIED]
    assert shelf.sent() == [f"POST {A} /api/system/pause"]


def test_a_board_that_takes_a_setting_and_shows_another_is_not_believed():
    outcome, _ = one(Board(deaf=True), "mode", "eco")
    assert (outcome.verdict, outcome.why) == (UNKNOWN, "answered that it did, and shows another setting")


def test_a_setting_that_can_not_be_read_again_is_only_accepted():
    board = Board(answers={("GET", "/api/system/info"): [Board().info, GONE]})
    outcome, _ = one(board, "mode", "eco")
    assert outcome.verdict == ACCEPTED
    assert "could not be read again" in outcome.why


@pytest.mark.parametrize(
    ("answer", "verdict", "why"),
    [
        (http(b"Wrong API input " + CANARY.encode(), 400), REFUSED, "does not take these settings"),
        (http(b"", 401), REFUSED, "private addresses"),
        (http(b"", 404), UNSUPPORTED, "no settings"),
        (http(b"", 500), UNKNOWN, "500"),
        (GONE, UNKNOWN, "no answer"),
        (WireError("refused", "refused the connection"), UNREACHABLE, "refused"),
    ],
)
def test_what_a_board_does_not_take_says_why(answer, verdict, why):
    outcome, _ = one(Board(answers={("PATCH", "/api/system"): answer}), "mode", "eco")
    assert outcome.verdict == verdict
    assert why in outcome.why


@pytest.mark.parametrize("version", ["v2.4.5-3-gb5d1e36-dirty", "v2.13.9", "", ...])
def test_old_firmware_is_restarted_to_use_a_new_clock(version):
    outcome, shelf = one(Board(version=version), "mode", "eco")
    assert shelf.sent() == [f"PATCH {A} /api/system", f"POST {A} /api/system/restart"]
    assert (outcome.verdict, outcome.why) == (ACCEPTED, "stored; restarting to use it")


def test_a_paused_board_is_not_restarted_because_that_would_start_it():
    outcome, shelf = one(Board(version="v2.4.5", miningPaused=True), "mode", "eco")
    assert shelf.sent() == [f"PATCH {A} /api/system"]
    assert outcome.verdict == ACCEPTED
    assert "a restart would start it" in outcome.why


@pytest.mark.parametrize(("told", "verdict"), [({}, ACCEPTED), ({"power_fault": "over current"}, REFUSED)])
def test_a_paused_board_is_restarted_where_that_is_asked_for_as_the_letter_of_an_idle_one_says(told, verdict):
    """Core asks it of a unit that is to run; only of one in trouble it asks whatever is wanted of it."""
    outcome, shelf = one(Board(miningPaused=True, **told), "restart")
    assert (outcome.verdict, len(shelf.sent())) == (verdict, int(verdict == ACCEPTED))


def test_a_stop_in_the_same_batch_goes_before_any_restart():
    outcomes, shelf = do(Board(version="v2.4.5"), errand(A, "mode", "eco", 1), errand(A, "stop", "", 2))
    assert shelf.sent() == [f"PATCH {A} /api/system", f"POST {A} /api/system/pause"]
    assert verdicts(outcomes) == [ACCEPTED, APPLIED]


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ("frequency_mhz=575 core_voltage_mv=1200", {"frequency": 575, "coreVoltage": 1200}),
        ("frequency_mhz=575", {"frequency": 575, "coreVoltage": 1150}),
        ("core_voltage_mv=1100", {"frequency": 525, "coreVoltage": 1100}),
    ],
)
def test_tuning_sets_what_it_names_and_leaves_the_rest(value, body):
    outcome, shelf = one(Board(), "tune", value)
    assert (bodies(shelf), outcome.verdict) == ([body], APPLIED)


@pytest.mark.parametrize(
    "value", ["frequency_mhz=900", "core_voltage_mv=1400", "frequency_mhz=1", "volts=3", "frequency_mhz=5.5", "", "x"]
)
def test_tuning_beyond_the_bounds_or_the_words_is_refused(value):
    outcome, shelf = one(Board(), "tune", value)
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])
    assert outcome.why


def test_a_fork_numbered_high_without_a_table_of_pools_is_restarted_for_a_new_one():
    """Forks count their versions by themselves (ESP-Miner-TCH, ESP-Miner-Zyber), and one with the old fields for its
    pool looks at them when it starts, as firmware before the table did."""
    outcome, shelf = one(Board("v3.1.0"), "pool", "dgb")
    assert shelf.sent() == [f"PATCH {A} /api/system", f"POST {A} /api/system/restart"]
    assert (outcome.verdict, outcome.why) == (ACCEPTED, "stored; restarting to use it")


def test_a_pool_of_old_firmware_is_written_to_its_first_fields_and_used_after_a_restart():
    outcome, shelf = one(Board(), "pool", "dgb")
    assert bodies(shelf) == [
        {
            "stratumURL": "dgb.example",
            "stratumPort": 4444,
            "stratumUser": "acct.w1",
            "stratumPassword": CANARY,
        }
    ]
    assert shelf.sent()[-1] == f"POST {A} /api/system/restart"
    assert outcome.verdict == ACCEPTED


def test_a_pool_that_is_its_first_already_is_not_written_again():
    for url in ("btc.example", "stratum+tcp://BTC.example", "btc.example."):
        outcome, shelf = one(Board(stratumURL=url), "pool", "btc")
        assert (outcome.verdict, outcome.why, shelf.sent()) == (APPLIED, "was so already", [])


def test_a_slot_that_holds_the_pool_is_only_chosen():
    board = Board("v2.15.0", pools=slots("btc.example", "dgb.example"), primaryPoolIndex=0, secondaryPoolIndex=1)
    outcome, shelf = one(board, "pool", "dgb")
    assert bodies(shelf) == [{"primaryPoolIndex": 1, "secondaryPoolIndex": 0}]
    assert (outcome.verdict, shelf.sent()) == (APPLIED, [f"PATCH {A} /api/system"])


def test_a_pool_that_no_slot_holds_takes_the_place_of_the_first():
    board = Board("v2.15.0", pools=slots("a.example", "b.example"), primaryPoolIndex=1, secondaryPoolIndex=0)
    outcome, shelf = one(board, "pool", "dgb")
    (body,) = bodies(shelf)
    assert [(row["id"], row["stratumURL"], row["stratumPort"]) for row in body["pools"]] == [(1, "dgb.example", 4444)]
    assert outcome.verdict == APPLIED


def test_a_board_that_shows_no_usable_slot_afterwards_is_in_doubt_and_holds_nobody_else_up():
    after = {"macAddr": MAC, "pools": slots("btc.example"), "primaryPoolIndex": []}
    board = Board("v2.15.0", pools=slots("btc.example", "dgb.example"), primaryPoolIndex=0, secondaryPoolIndex=1)
    board.answers = {("GET", "/api/system/info"): [dict(board.info), after]}
    outcome, _ = one(board, "pool", "dgb")
    assert (outcome.verdict, outcome.why) == (UNKNOWN, "answered that it did, and shows another setting")


BACK = {"useFallbackStratum": 0}


def test_a_board_that_was_told_to_prefer_its_second_pool_is_told_to_use_its_first_again():
    """Its own page has a choice of the two (`useFallbackStratum`, kept in flash memory): whoever sets only the first
    one mines on for the second (ESP-Miner 2.15, main/tasks/stratum_task.c and main/http_server/http_server.c)."""
    outcome, shelf = one(Board(useFallbackStratum=True, isUsingFallbackStratum=True), "pool", "btc")
    assert (bodies(shelf), outcome.verdict) == ([BACK], ACCEPTED)
    assert shelf.sent()[-1] == f"POST {A} /api/system/restart"
    rows = {"pools": slots("btc.example", "dgb.example"), "primaryPoolIndex": 0, "secondaryPoolIndex": 1}
    outcome, shelf = one(Board("v2.15.0", useFallbackStratum=True, **rows), "pool", "btc")
    assert (bodies(shelf), outcome.verdict) == ([{"primaryPoolIndex": 0, **BACK}], APPLIED)


@pytest.mark.parametrize("more", [{"useFallbackStratum": 1}, {"isUsingFallbackStratum": 1}])
def test_a_new_pool_of_a_board_on_its_second_one_is_used_and_not_only_stored(more):
    """Firmware from 2.9 to 2.14 does not tell which of them is preferred, only which is in use."""
    _, shelf = one(Board(**more), "pool", "dgb")
    (body,) = bodies(shelf)
    assert body.items() >= {"stratumURL": "dgb.example", **BACK}.items()


def test_a_board_that_stands_in_with_its_second_pool_by_itself_is_left_alone():
    outcome, shelf = one(Board(useFallbackStratum=False, isUsingFallbackStratum=True), "pool", "btc")
    assert (outcome.verdict, outcome.why, shelf.sent()) == (APPLIED, "was so already", [])


def test_a_pool_with_tls_needs_firmware_that_speaks_it():
    outcome, shelf = one(Board(), "pool", "safe")
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])
    _, shelf = one(Board(stratumTLS=0), "pool", "safe")
    assert bodies(shelf)[0]["stratumTLS"] == 1


def test_a_board_that_spoke_stratum_v2_speaks_v1_to_a_new_pool():
    """Firmware with fields keeps the protocol of the pool before, which a pool of v1 does not understand."""
    _, shelf = one(Board(stratumProtocol="SV2"), "pool", "dgb")
    assert bodies(shelf)[0]["stratumProtocol"] == "SV1"


@pytest.mark.parametrize("name", ["", "nobody", "BTC"])
def test_a_pool_that_no_section_names_is_refused(name):
    outcome, shelf = one(Board(), "pool", name)
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])


def test_mode_pool_and_fan_of_one_board_are_one_write():
    batch = [errand(A, "mode", "eco", 1), errand(A, "pool", "dgb", 2), errand(A, "fan", "70", 3)]
    outcomes, shelf = do(Board(), *batch)
    (body,) = bodies(shelf)
    assert set(body) >= {"frequency", "coreVoltage", "stratumURL", "autofanspeed", "manualFanSpeed"}
    assert shelf.sent() == [f"PATCH {A} /api/system", f"POST {A} /api/system/restart"]
    assert sorted(verdicts(outcomes)) == [ACCEPTED, APPLIED, APPLIED]


@pytest.mark.parametrize(
    ("value", "more", "body"),
    [
        ("auto", {"autofanspeed": 0}, {"autofanspeed": 1}),
        ("70", {}, {"autofanspeed": 0, "manualFanSpeed": 70}),
        ("70 %", {"manualFanSpeed": ...}, {"autofanspeed": 0, "fanspeed": 70}),
    ],
)
def test_a_fan_is_set_in_the_words_of_its_firmware(value, more, body):
    outcome, shelf = one(Board(**more), "fan", value)
    assert (bodies(shelf), outcome.verdict) == ([body], APPLIED)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ({"autofanspeed": 0, "fanspeed": 40}, ACCEPTED),
        ({"autofanspeed": 0, "fanspeed": 70}, APPLIED),
        ({"autofanspeed": 1, "fanspeed": 40}, UNKNOWN),
    ],
)
def test_a_fan_that_gets_to_its_speed_only_seconds_later_is_no_doubt(after, verdict):
    """Firmware before 2.11 shows under `fanspeed` what the fan does, which its next round sets, up to 2 s later."""
    board = Board("v2.4.5", manualFanSpeed=...)
    board.answers = {("GET", "/api/system/info"): [dict(board.info), {**board.info, **after}]}
    outcome, _ = one(board, "fan", "70")
    assert outcome.verdict == verdict


@pytest.mark.parametrize("value", ["0", "19", "101", "-1", "fast", "", "5.5"])
def test_a_fan_so_slow_that_the_board_would_cook_is_refused(value):
    outcome, shelf = one(Board(), "fan", value)
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])


@pytest.mark.parametrize(("lit", "value", "posts"), [(0, "on", 1), (1, "on", 2), (1, "off", 1), (0, "off", 2)])
def test_a_light_that_is_a_toggle_ends_as_asked(lit, value, posts):
    board = Board()
    board.identifying = bool(lit)
    outcome, shelf = one(board, "locate", value)
    assert (outcome.verdict, board.identifying, len(shelf.sent())) == (APPLIED, value == "on", posts)


@pytest.mark.parametrize(("answer", "verdict"), [(http(b""), ACCEPTED), (http(b"", 404), UNSUPPORTED), (GONE, UNKNOWN)])
def test_a_light_that_does_not_say_is_not_claimed(answer, verdict):
    outcome, _ = one(Board(answers={("POST", "/api/system/identify"): answer}), "locate", "on")
    assert outcome.verdict == verdict


def test_a_restart_is_taken_and_not_proven():
    outcome, shelf = one(Board(), "restart")
    assert (outcome.verdict, shelf.sent()) == (ACCEPTED, [f"POST {A} /api/system/restart"])


@pytest.mark.parametrize(
    ("verb", "value"), [("restart", ""), ("run", ""), ("mode", "turbo"), ("tune", "frequency_mhz=575")]
)
@pytest.mark.parametrize("version", ["v2.4.5", "v2.14.1"])
def test_an_overheated_board_is_for_a_person(version, verb, value):
    """Old firmware has lowered its clock by itself: a new one, and the restart that uses it, would start it hot."""
    outcome, shelf = one(Board(overheat_mode=1, version=version, frequency=50, coreVoltage=1000), verb, value)
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])


def test_a_pool_of_an_overheated_board_is_stored_and_used_when_a_person_has_seen_to_it():
    outcome, shelf = one(Board(overheat_mode=1, version="v2.4.5"), "pool", "dgb")
    assert shelf.sent() == [f"PATCH {A} /api/system"]
    assert (outcome.verdict, "not now: stopped itself after overheating" in outcome.why) == (ACCEPTED, True)


def test_nothing_ever_clears_the_overheat_mode():
    batch = [
        errand(A, verb, value, at)
        for at, (verb, value) in enumerate(
            [("mode", "eco"), ("pool", "dgb"), ("fan", "70"), ("locate", "on"), ("restart", ""), ("run", "")]
        )
    ]
    _, shelf = do(Board(overheat_mode=1, miningPaused=True), *batch)
    assert not [raw for raw in shelf.raw if b"overheat" in raw]


@pytest.mark.parametrize(
    ("verb", "value"),
    [("mode", "eco"), ("tune", "frequency_mhz=575"), ("pool", "dgb"), ("fan", "70"), ("locate", "on"), ("restart", "")],
)
def test_a_stranger_at_the_address_is_sent_not_one_byte_of_change(verb, value):
    (outcome,), shelf = do(Board(), errand(A, verb, value, unit="02:00:00:00:00:99"))
    assert (outcome.verdict, outcome.why) == (REFUSED, "another unit answers at this address")
    assert shelf.asked == [f"GET {A} /api/system/info"]


def test_a_hundred_boards_take_as_many_rounds_as_one():
    hosts = [f"10.0.0.{at}" for at in range(1, 101)]
    boards = {host: Board() for host in hosts}
    shelf = Shelf(lambda host, *said: boards[host](host, *said))
    batch = [errand(host, "mode", "eco", at) for at, host in enumerate(hosts)]
    outcomes = applied(bitaxe, shelf, options(hosts=("10.0.0.1-100",)), batch)
    assert (verdicts(outcomes), shelf.volleys) == ([APPLIED] * 100, [100, 100, 100])


def test_when_time_is_over_after_the_write_it_is_told_as_taken():
    shelf = Shelf(Board(), budget_s=1.3)
    (outcome,) = applied(bitaxe, shelf, options(), [errand(A, "mode", "eco")])
    assert len(bodies(shelf)) == 1
    assert outcome.verdict == ACCEPTED


def seen(info=None, page=b""):
    answers = {"GET /": http(page)} if page else {}
    if info is not None:
        answers["GET /api/system/info"] = http(json.dumps(info).encode())
    return Seen(A, (80,), answers)


def test_a_bitaxe_is_recognised_by_its_status_or_its_page():
    guess = bitaxe.recognise(seen(Board().info))
    assert guess == Guess("bitaxe", 3, "BM1370 board 601", "v2.14.1", MAC)
    assert bitaxe.recognise(seen(page=b"<title>AxeOS</title>")).rank == 2


def packed(page):
    """As the boards send their page: gzip, whatever is asked for, and in chunks (ESP-Miner, http_server.c)."""
    body = gzip.compress(page, mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize(("title", "kind"), [("AxeOS", "bitaxe"), ("NerdAxe", "nerdqaxe"), ("Router", "")])
def test_a_board_that_tells_this_machine_nothing_is_recognised_by_its_page(title, kind):
    """It tells its status to private addresses only, its page to everyone."""
    answers = {"GET /": packed(b"<title>%b</title>" % title.encode()), "GET /api/system/info": http(b"", 401)}
    one = Seen(A, (80,), answers)
    assert [guess for guess in (bitaxe.recognise(one), nerdqaxe.recognise(one)) if guess] == (
        [Guess(kind, 2)] if kind else []
    )


@pytest.mark.parametrize(
    "page", [packed(b" " * 10_000_000), packed(b"AxeOS")[:90], b"\x00" * 40], ids=["endless", "cut off", "noughts"]
)
def test_a_page_of_a_stranger_that_is_broken_or_grows_without_end_is_nobodys(page):
    assert bitaxe.recognise(Seen(A, (80,), {"GET /": page})) is None


@pytest.mark.parametrize(
    "one",
    [
        *(seen(), seen({}), seen([1]), seen(page=b"AxeOS Nerd")),
        seen({**Board().info, "deviceModel": "NerdQAxe++"}),
        seen({**Board().info, "deviceModel": "Q1370", "shutdown": False, "asicTemps": [55]}),
        seen({"ASICModel": "BM1366", "deviceModel": "Antminer S19 XP", "macAddr": MAC, "shutdown": False}),
    ],
)
def test_what_is_no_bitaxe_is_not_taken_for_one(one):
    assert bitaxe.recognise(one) is None
