"""Avalon: long status texts, watts only from the wall, and a stop that each family spells differently."""

import json
from pathlib import Path

import pytest
from devices.farm import DENIED, INVALID, Farm, gone, section, status
from devices.scripted import apply, order, value, verdicts

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import fill
from mine_controller.devices import avalon
from mine_controller.devices.kind import Ask, Seen
from mine_controller.wire.door import WireError

CASES = Path(__file__).resolve().parents[1] / "cases" / "avalon"
A, B = "10.0.1.1", "10.0.1.2"
MAC = "02:00:00:00:00:15"
WORK = "Ver[15-194-24000000_0] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] TMax[80] PS[0 1 2 3 3450 5 3650] MPO[3500] "
POOL = Pool("a", "stratum+tcp://a.example:1", "w")
RATES = "GHSspd[190000.00] GHSmm[195000.00] GHSavg[188500.00] SoftOFF[0]"


def recorded(name):
    """An answer of a real Q (.json) or A10 (.txt)."""
    return next(CASES.glob(f"{'q_' if name.endswith('.json') else 'a10'}*/{name}")).read_bytes()


def options(**more):
    return fill(avalon.Options, {"hosts": (A,), **more})


class Unit:
    """A unit with this product name and status text; `orders` are the ascset requests it got."""

    def __init__(
        self, product="AvalonMiner 15-194", told=WORK + RATES, words="help|softoff|softon|reboot|", answer=None, mac=MAC
    ):
        self.version = section("VERSION", {"PROD": product, "MODEL": product.split()[-1], "MAC": mac.replace(":", "")})
        self.told, self.words, self.answer, self.orders = told, words, answer, []

    def __call__(self, command, parameter):
        if command == "ascset":
            return self.ascset(parameter.partition(",")[2])
        tables = {
            "version": self.version,
            "estats": section("STATS", {"ID": "AVA100", "MM ID0": self.told}),
            "summary": section("SUMMARY", {"MHS 1m": 50_000_000.0, "MHS av": 1.0}),
        }
        return tables.get(command, INVALID)

    def ascset(self, order):
        if order == "help":
            return {"STATUS": status("I", 118, f"ASC 0 set info: {self.words}", 5000)} if self.words else INVALID
        self.orders.append(order)
        return self.answer or {"STATUS": status("I", 118, f"ASC 0 set info: success {order}")}


def read(unit, **more):
    farm = Farm({A: unit})
    found = avalon.parse(avalon.fetch(farm.wire, options(**more), Ask()), options(**more))
    return found, farm


def test_a_unit_at_work_is_read_in_three_steps():
    found, farm = read(Unit())
    assert farm.sent(A) == ["version", "estats", "summary"]
    assert value(found, MAC, "word") == "hashing"
    assert value(found, MAC, "power_w") == 3650
    assert value(found, MAC, "hashrate_ths") == 190
    assert value(found, MAC, "chip_c") == 80
    assert value(found, f"{MAC} model", "text") == "Avalon 15-194"


def one_after_the_other(farm):
    """A door where the first unit has said everything before the second is asked at all."""

    def many(batch, until):
        for exchange in batch:
            following = exchange
            while following is not None:
                (answer,) = farm.wire.many([following._replace(then=None)], until)
                following = following.then(answer)
        return [b""] * len(batch)

    return farm.wire._replace(many=many)


@pytest.mark.parametrize("early", [True, False])
def test_no_unit_waits_with_its_next_question_for_another(early):
    hosts, opts = ("10.0.1.1", "10.0.1.2", "10.0.1.3"), options(hosts=("10.0.1.1-3",))
    units = {host: Unit(mac=f"02:00:00:00:00:0{at}") for at, host in enumerate(hosts, 1)}
    together, apart = Farm(units), Farm(units)
    read_at_once = avalon.parse(avalon.fetch(together.wire, opts, Ask()), opts)
    replies = avalon.fetch(one_after_the_other(apart), opts, Ask(early=early))
    assert avalon.parse(replies, opts) == read_at_once
    assert together.rounds == [3, 3, 3]
    assert apart.asked == [(host, what) for host in hosts for what in ("version", "estats", "summary")]
    assert [reply.name for reply in replies if reply.made] == ([*hosts] if early else [])


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize(
    ("silent", "sent", "kept"),
    [
        ("version", ["version"], []),
        ("estats", ["version", "estats"], [("word", None), ("power_w", None)]),
        ("summary", ["version", "estats", "summary"], [("word", "hashing"), ("power_w", 3650)]),
    ],
)
def test_silence_ends_the_questions_and_what_was_said_before_counts(silent, sent, kept, early):
    units = {A: lambda c, p: gone(c, p) if c == silent else Unit()(c, p), B: Unit(mac="02:00:00:00:00:16")}
    farm, opts = Farm(units), options(hosts=("10.0.1.1-2",))
    found = avalon.parse(avalon.fetch(farm.wire, opts, Ask(memory={A: "x"}, early=early)), opts)
    assert farm.sent(A) == sent
    told = {(one.channel, one.quantity): one for one in found}
    for quantity, known in kept:
        assert told[MAC, quantity].value == known
        assert known is not None or "no connection" in told[MAC, quantity].why
    assert told["02:00:00:00:00:16", "word"].value == "hashing"


def test_a_pool_is_asked_for_last_and_only_where_pools_have_names():
    pools = (Pool("one", "stratum+tcp://pool.example:3333", "w"),)
    row = {"POOL": 0, "URL": "stratum+tcp://pool.example:3333", "User": "w", "Stratum Active": True}
    unit = Unit()
    found, farm = read(lambda c, p: section("POOLS", row) if c == "pools" else unit(c, p), pools=pools)
    assert farm.sent(A) == ["version", "estats", "summary", "pools"]
    assert value(found, MAC, "pool") == "one"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Ver[15] Temp[ 25 ] SYSTEMSTATU[Work: In Work, Hash Board: 3 ]",
         {"Ver": "15", "Temp": "25", "SYSTEMSTATU": "Work: In Work, Hash Board: 3"}),
        ("Nonce Mask[25] Nonce Mask[26] ", {"Nonce Mask": "25"}),
        ("a[b[c] d]e] f[", {"b": "c"}),
        ("[nameless] -Led[0]", {"Led": "0"}),
        ("x" * 50 + "[1]", {"x" * 41: "1"}),
        ("", {}),
    ],
)  # fmt: skip
def test_a_status_text_falls_into_names_and_what_stands_in_their_brackets(text, told):
    assert avalon.pairs({"STATS": [{"ID": "AVA100", "MM ID0": text}]}) == told


def test_a_unit_without_a_current_rate_is_asked_for_its_summary():
    found, farm = read(Unit(told=WORK + "GHSavg[50291.83]"))
    assert farm.sent(A) == ["version", "estats", "summary"]
    assert value(found, MAC, "hashrate_ths") == 50


def test_a_q_is_asked_for_its_short_status():
    lines = {name: recorded(f"{name}.json") for name in ("version", "litestats", "summary")}
    found, farm = read(lambda command, _parameter: lines[command])
    assert farm.sent(A) == ["version", "litestats", "summary"]
    assert value(found, "02:00:00:00:00:04", "word") == "sleeping"


def test_firmware_without_estats_is_asked_for_stats():
    unit = Unit()
    found, farm = read(lambda c, p: INVALID if c == "estats" else unit("estats" if c == "stats" else c, p))
    assert farm.sent(A) == ["version", "estats", "stats", "summary"]
    assert value(found, MAC, "word") == "hashing"


def test_units_are_asked_as_text_where_that_is_set():
    lines = {"version": recorded("version.txt"), "estats": recorded("estats_1066.txt")}
    found, farm = read(lambda command, _p: lines.get(command, gone("", "")), dialect="text")
    assert farm.sent(A) == ["version", "estats", "summary"]
    assert value(found, "aa:a5:83:6a:0f:14", "hashrate_ths") == 50.29183


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ("SYSTEMSTATU[Work: In Work, Hash Board: 3 ] GHSspd[1.0]", "hashing"),
        ("SYSTEMSTATU[Work: In Work, Hash Board: 3 ] GHSspd[0.00]", "booting"),
        ("SYSTEMSTATU[Work: In Work, Hash Board: 3 ] Elapsed[500] GHSspd[0.00]", "booting"),
        ("SYSTEMSTATU[Work: In Init, Hash Board: 3 ] GHSspd[0.00]", "booting"),
        ("SYSTEMSTATU[Work: In Idle, Hash Board: 1] SoftOFF[4] GHSspd[0.00]", "sleeping"),
        ("SYSTEMSTATU[Work: In Idle, Hash Board: 1] GHSspd[0.00] GHSavg[44350]", "stopped"),
        ("SYSTEMSTATU[Work: In Idle, Hash Board: 3 ] Elapsed[23] SoftOFF[6] GHSspd[0.00]", "booting"),
        ("SYSTEMSTATU[Work: In Idle, Hash Board: 3 ] Elapsed[220] SoftOFF[5] GHSspd[0.00]", "sleeping"),
        ("SYSTEMSTATU[Work: In Fault, Hash Board: 0] GHSspd[0.00]", "error"),
        ("STATE[2] SoftOFF[4] GHSspd[0.00]", "sleeping"),
        ("STATE[3] GHSspd[0.00]", "error"),
        ("HashStatus[1] GHSspd[4010]", "hashing"),
        ("HashStatus[0] Elapsed[9000] GHSspd[0.00]", "stopped"),
        ("HashStatus[0] Elapsed[20] GHSspd[0.00]", "booting"),
        ("SYSTEMSTATU[Work: In Trance] GHSspd[0.00]", None),
        ("TMax[80]", None),
    ],
)
def test_the_word_is_what_the_unit_says_it_does(told, word):
    assert value(read(Unit(told=told))[0], MAC, "word") == word


@pytest.mark.parametrize(
    ("told", "watts"),
    [
        ("WALLPOWER[3600] PS[0 1 2 3 4 5 3650] MPO[3500]", 3600),
        ("WALLPOWER[0] PS[0 1 2 3 4 5 3650] MPO[3500]", 3650),
        ("PS[0 1221 4 0 0 2245 146] MPO[800]", 146),
        ("Ver[nano3-24071801_1] PS[0 0 0 27530 4 130 4430] MPO[140]", 130),
        ("PS[0 1217 1279 221 2834 1280]", None),
        ("PS[0 1 2 3 4 5 0] MPO[3500]", None),
        ("PS[0 1 2 3 4 5 44300] MPO[140]", None),
        ("TMax[80]", None),
    ],
)
def test_watts_are_those_at_the_wall_or_unknown(told, watts):
    assert value(read(Unit(told=told))[0], MAC, "power_w") == watts


@pytest.mark.parametrize(("summed", "rate", "word"), [(51_000_000.0, 51.0, "hashing"), (0.0, 0.0, "booting")])
def test_a_current_rate_of_nothing_long_after_the_start_is_looked_up_in_the_summary(summed, rate, word):
    """An A1066 with firmware of July 2020, 46 h after its start, its chips at 69 °C, tells GHSspd[0.00]; so does one
    whose pool is gone."""
    told = "Ver[1066-50-20080702_0] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] Elapsed[166914] TMax[69] GHSspd[0.00] "
    unit = Unit("AvalonMiner 10xx", told + "GHSavg[51187.10]")
    found, _ = read(lambda c, p: section("SUMMARY", {"MHS 1m": summed}) if c == "summary" else unit(c, p))
    assert (value(found, MAC, "hashrate_ths"), value(found, MAC, "word")) == (rate, word)


def test_an_average_since_the_start_is_no_rate_of_an_idle_unit():
    unit = Unit(told="SYSTEMSTATU[Work: In Idle, Hash Board: 1] GHSavg[44350.83]")
    found, _ = read(lambda c, p: INVALID if c == "summary" else unit(c, p))
    assert value(found, MAC, "hashrate_ths") is None


def test_a_chip_at_zero_degrees_is_a_chip_without_a_reading():
    assert value(read(Unit(told="STATE[2] TMax[0]"))[0], MAC, "chip_c") is None


@pytest.mark.parametrize(
    ("told", "mode"),
    [
        ("Ver[Q-25052801_1] WORKMODE[0]", "low"),
        ("Ver[Q-25052801_1] WORKMODE[1]", "medium"),
        ("Ver[Q-25052801_1] WORKMODE[2]", "high"),
        ("Ver[Q-25052801_1] WORKMODE[7]", None),
        ("Ver[nano3-24071801_1] WORKLEVEL[2]", "high"),
        ("Ver[nano3s-25012001_1] WORKMODE[1] WORKLEVEL[0]", "medium"),
        ("Ver[1066-19101244_1] WORKMODE[1]", "high"),
    ],
)
def test_a_work_mode_has_the_word_of_its_family(told, mode):
    (one,) = [each for each in read(Unit(told=f"STATE[1] {told}"))[0] if each.quantity == "mode"]
    assert one.value == mode
    assert one.why or mode


def test_a_status_text_that_can_not_be_read_leaves_the_unit_known_and_its_state_unknown():
    unit = Unit()
    found, _ = read(lambda c, p: unit(c, p) if c == "version" else WireError("timeout", "no answer in 6.0 s"))
    assert value(found, MAC, "address") == A
    assert value(found, MAC, "word") is None


def command(unit, verb, address=A, **more):
    farm = Farm({A: unit})
    (outcome,) = apply(avalon, farm, options(**more), [order(address, verb)])
    return outcome, farm


@pytest.mark.parametrize(
    ("text", "state", "word"),
    [
        ("SYSTEMSTATU[Work: In Idle, Hash Board: 1] Elapsed[9000] SoftOFF[0] GHSspd[0.00]", "Dead", "waiting"),
        ("SYSTEMSTATU[Work: In Idle, Hash Board: 1] Elapsed[9000] SoftOFF[0] GHSspd[0.00]", "Alive", "stopped"),
        ("SYSTEMSTATU[Work: In Idle, Hash Board: 1] Elapsed[9000] SoftOFF[4] GHSspd[0.00]", "Dead", "sleeping"),
        ("SYSTEMSTATU[Work: In Idle, Hash Board: 1] Elapsed[20] SoftOFF[0] GHSspd[0.00]", "Dead", "booting"),
        (WORK + RATES, "Dead", "hashing"),
        ("HashStatus[0] Elapsed[9000] SoftOFF[0] GHSspd[0.00]", "Dead", "waiting"),
    ],
)
def test_a_unit_that_is_idle_because_its_pools_are_dead_waits_for_them(text, state, word):
    unit = Unit(told=text)
    pools = section("POOLS", {"POOL": 0, "URL": "stratum+tcp://a.example:1", "Status": state})
    found, _ = read(lambda command, more: pools if command == "pools" else unit(command, more), pools=(POOL,))
    assert value(found, MAC, "word") == word


@pytest.mark.parametrize(
    ("product", "words", "verb", "sent"),
    [
        ("AvalonMiner 15-194", "help|softoff|softon|", "stop", "softoff,1:5005"),
        ("AvalonMiner 15-194", "help|softoff|softon|", "run", "softon,1:5005"),
        ("Avalon Q", "help|softoff|softon|", "stop", "softoff,1:5005"),
        ("Avalon Q", "", "stop", "softoff,1:1700000005"),
        ("AvalonMiner 1346", "help|softoff|softon|", "stop", "softoff"),
        ("AvalonMiner 1346", "help|softoff|softon|", "run", "softon,1:5005"),
        ("AvalonMiner 1346", "help|softoff|reboot|", "run", "reboot,0"),
        ("AvalonMiner 1346", "", "run", "reboot,0"),
        ("Avalon Mini3", "help|softoff|softon|", "stop", "softoff,1:5005"),
        ("AvalonMiner 10xx", "", "stop", "hashpower,0"),
        ("AvalonMiner 10xx", "help|hashpower|reboot|", "run", "reboot,0"),
    ],
)
def test_each_family_is_stopped_and_started_in_its_own_words(product, words, verb, sent):
    unit = Unit(product, words=words)
    outcome, _ = command(unit, verb)
    assert unit.orders == [sent]
    assert outcome.verdict == "accepted"


def test_the_modes_of_a_mini_3_are_no_steps_of_power_and_have_no_word_here():
    found, _ = read(Unit("Avalon Mini3", "Ver[Mini3-25022401_cb28ba7] STATE[1] WORKMODE[2] GHSspd[37000.00]"))
    assert value(found, MAC, "mode") is None
    found, _ = read(Unit("Avalon Q", "Ver[Q-25052801_14a19a2] STATE[1] WORKMODE[2] GHSspd[81000.00]"), status="estats")
    assert value(found, MAC, "mode") == "high"


@pytest.mark.parametrize(("product", "words"), [("Avalon Nano3s", "help|workmode|reboot|"), ("Avalon0o", "")])
def test_a_unit_without_a_stop_gets_none(product, words):
    unit = Unit(product, words=words)
    outcome, _ = command(unit, "stop")
    assert (outcome.verdict, unit.orders) == ("unsupported", [])


def test_the_owner_may_say_how_a_unit_is_stopped():
    unit = Unit("AvalonMiner 1246")
    assert command(unit, "stop", stop="softoff")[0].verdict == "accepted"
    assert unit.orders == ["softoff"]
    assert command(Unit(), "stop", stop="none")[0].verdict == "unsupported"


def test_the_recorded_answers_to_commands_are_accepted_and_their_list_is_understood():
    lines = {"0,help": recorded("ascset_help.json"), "0,softoff,1:1753431296": recorded("ascset_softoff.json")}
    outcome, farm = command(lambda c, p: lines[p] if c == "ascset" else recorded("version.json"), "stop")
    assert (outcome.verdict, outcome.why) == ("accepted", "ASC 0 set info: success softoff:1753434821")
    assert farm.sent(A)[-1] == "ascset|0,softoff,1:1753431296"


def test_the_recorded_text_answer_of_an_a10_is_accepted():
    lines = {"0,help": INVALID, "0,hashpower,0": recorded("hashpower_off.txt")}
    outcome, _ = command(lambda c, p: lines[p] if c == "ascset" else recorded("version.txt"), "stop", dialect="text")
    assert outcome.verdict == "accepted"


def test_a_stranger_at_the_address_gets_no_command():
    unit = Unit()
    outcome, farm = command(unit, "stop", f"{A} 02:00:00:00:00:99")
    assert (outcome.verdict, outcome.why) == ("refused", "another unit answers at this address")
    assert farm.sent(A) == ["version"]


def test_the_right_unit_at_the_address_gets_it_once():
    unit = Unit()
    assert command(unit, "stop", f"{A} {MAC}")[0].verdict == "accepted"
    assert len(unit.orders) == 1


@pytest.mark.parametrize(
    ("answer", "verdict", "why"),
    [
        (DENIED, "refused", "only read"),
        ({"STATUS": status("E", 119, "ASC 0 set OK")}, "refused", "set OK"),
        ({"STATUS": status("E", 120, "ASC 0 set failed: Don't permit switch mode")}, "refused", "busy"),
        (INVALID, "unsupported", "does not know"),
        (WireError("closed", "hung up without an answer"), "unknown", "hung up without a word"),
        (WireError("timeout", "no answer in 6.0 s"), "unknown", "no answer"),
        (b"Socket connect failed: Connection refused\0", "unknown", "does not run"),
        ({"id": 1}, "unknown", "does not say"),
    ],
)
def test_only_a_word_of_success_is_taken_for_one(answer, verdict, why):
    outcome, _ = command(Unit(answer=answer), "stop")
    assert outcome.verdict == verdict
    assert why in outcome.why


NANO3 = (
    "HashStatus[1] Ver[nano3-24071801_42c628d]  DNA[0000000000000000]  HDNA[02010000ab12cd34] PS[0 0 0 4 2734 125 346]"
)
BOARD = "02010000AB12CD34"


def test_a_nano_3_whose_version_names_nobody_is_known_by_the_serial_of_its_hash_board():
    """Firmware of July 2024: two of one owner could not be told apart (Schnitzel/hass-miner issue 458)."""
    unit = Unit("Avalonnano", NANO3, "help|worklevel|reboot|", mac="")
    assert value(read(unit)[0], BOARD, "power_w") == 125
    seen = {
        name: json.dumps(answer).encode()
        for name, answer in {"version": unit.version, "stats": unit("estats", "")}.items()
    }
    assert avalon.recognise(Seen(A, (4028,), seen)).unit == BOARD
    outcome, farm = command(unit, "restart", f"{A} {BOARD}")
    assert (outcome.verdict, farm.sent(A)) == ("accepted", ["version", "estats", "ascset|0,help", "ascset|0,reboot,0"])
    assert command(unit, "restart", f"{A} 02010000AB12CD35")[0].verdict == "refused"


def test_a_nano_3_whose_status_text_is_lost_once_is_still_the_one_that_was_there():
    unit, opts = Unit("Avalonnano", NANO3, mac=""), options(hosts=("10.0.1.1-2",))
    farm = Farm({A: lambda c, p: gone(c, p) if c == "estats" else unit(c, p), B: Unit()})
    found = avalon.parse(avalon.fetch(farm.wire, opts, Ask(memory={A: BOARD})), opts)
    assert "no connection" in next(one.why for one in found if (one.channel, one.quantity) == (BOARD, "word"))


def test_an_outlet_verb_is_not_for_a_miner():
    assert command(Unit(), "off")[0].verdict == "unsupported"


def test_a_whole_fleet_is_stopped_in_three_steps_with_one_command_each():
    hosts = [f"10.0.1.{at}" for at in range(1, 81)]
    units = {host: Unit() for host in hosts}
    farm = Farm(units)
    batch = [order(host, "stop", at) for at, host in enumerate(hosts)]
    assert verdicts(apply(avalon, farm, options(hosts=("10.0.1.1-80",)), batch)) == ["accepted"] * 80
    assert farm.rounds == [80, 80, 80]
    assert {len(unit.orders) for unit in units.values()} == {1}


def test_a_status_text_of_nothing_but_letters_is_read_in_one_go():
    tree = {"STATS": [{"MM ID0": "a " * 120_000 + json.dumps("[")}]}
    assert avalon.pairs(tree) == {}
