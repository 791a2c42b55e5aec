"""Modes, pools, fan, light and reboot of Avalon families: each in its own words, each only where its list has it."""

import json

import pytest
from devices.farm import DENIED, INVALID, Farm, section, status
from devices.scripted import apply, errand, value, verdicts

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, fill
from mine_controller.devices import avalon
from mine_controller.devices.kind import Ask, Seen
from mine_controller.wire.door import WireError

A, MAC, CANARY = "10.0.1.1", "02:00:00:00:00:15", "canary-4711"
POOLS = (
    Pool("btc", "stratum+tcp://btc.example:3333", "acct.w1", Secret(CANARY)),
    Pool("bch", "stratum+tcp://bch.example:4444", "acct.w1", Secret(CANARY)),
    Pool("odd", "stratum+tcp://odd.example:4444", "a,b", Secret(CANARY)),
)
NANO3S = ("Avalon Nano3s", "help|fan-spd|ledset|workmode|worklevel|reboot|")
NANO3 = ("Avalon0o", "help|fan-spd|worklevel|reboot|")
MINI3 = ("Avalon Mini3", "help|fan-spd|workmode|worklevel|softoff|softon|reboot|")
Q = ("Avalon Q", "help|fan-spd|workmode|worklevel|softoff|softon|reboot|")
A15 = ("AvalonMiner 15-194", "help|fan-spd|workmode|softoff|softon|led|reboot|")
A10 = ("AvalonMiner 10xx", "")
CLOSED = WireError("closed", "hung up without an answer")


def options(**more):
    return fill(avalon.Options, {"hosts": (A,), "pools": POOLS, **more})


class Unit:
    """A unit of a family (product, its list). `says` replaces answers by the beginning of the ascset parameter."""

    def __init__(self, family=NANO3S, mode=0, pools=(("btc.example:3333", "acct.w1"),), switches=True, says=None):
        self.product, self.words = family
        self.mode, self.light, self.active = mode, 0, 0
        self.pools, self.switches, self.says = list(pools), switches, says or {}
        self.orders = []

    def __call__(self, command, parameter):
        if command == "version":
            return section("VERSION", {"PROD": self.product, "MODEL": "x", "MAC": MAC.replace(":", "")})
        if command == "pools":
            return section("POOLS", *map(self.row, range(len(self.pools))))
        if command == "switchpool":
            self.orders.append(f"switchpool {parameter}")
            if not self.switches:
                return INVALID
            self.active = int(parameter)
            return {"STATUS": status("S", 27, f"Switching to pool {parameter}")}
        if command == "setpool":
            self.orders.append(f"setpool {parameter}")
            return self.says.get("setpool", stored(parameter))
        assert command == "ascset"
        return self.ascset(parameter.partition(",")[2])

    def row(self, at):
        url, user = self.pools[at]
        row = {"POOL": at, "URL": f"stratum+tcp://{url}", "User": user, "Status": "Alive", "Priority": at}
        return {**row, "Stratum Active": at == self.active, "Password": CANARY}

    def ascset(self, order):
        word, _, rest = order.partition(",")
        if order == "help":
            return {"STATUS": status("I", 118, f"ASC 0 set info: {self.words}", 5000)} if self.words else INVALID
        if word in self.says:
            self.orders.append(order)
            return self.says[word]
        if rest == "get":
            return {"STATUS": status("I", 118, f"ASC 0 set info: {word} {self.mode}")}
        if rest in ("255", "1-255"):
            shown = f"WORKMODE[{self.mode}]" if word == "workmode" else f"LED[{self.light}]"
            return {"STATUS": status("I", 118, f"ASC 0 set info: {shown}")}
        self.orders.append(order)
        if word in ("workmode", "worklevel"):
            self.mode = int(rest.rpartition(",")[2])
        if word == "led":
            self.light = int(rest[-1])
        return stored(rest) if word == "setpool" else {"STATUS": status("S", 119, "ASC 0 set OK")}


def stored(sent):
    said = (
        f"ASC 0 set info: pool 0 success set to x\nworkerpassword is {sent}\nPlease reboot miner to make config work."
    )
    return {"STATUS": status("I", 118, said)}


def one(unit, verb, wanted="", **more):
    farm = Farm({A: unit})
    (outcome,) = apply(avalon, farm, options(**more), [errand(A, verb, wanted)])
    assert CANARY not in repr(outcome)
    return outcome


@pytest.mark.parametrize("wanted", ["low", "high", "eco"])
def test_a_mini_3_is_not_put_to_heat_or_into_the_night_by_a_word_for_power(wanted):
    unit = Unit(MINI3, mode=1)
    outcome = one(unit, "mode", wanted)
    assert (outcome.verdict, unit.orders) == ("unsupported", [])
    assert "heating, mining and night" in outcome.why


@pytest.mark.parametrize(
    ("family", "mode", "sent"),
    [
        (NANO3S, "medium", "workmode,set,1"),
        (NANO3S, "high", "workmode,set,2"),
        (NANO3, "medium", "worklevel,set,1"),
        (("Avalon0o", ""), "high", "worklevel,set,2"),
        (Q, "super", "workmode,set,2"),
        (Q, "medium", "workmode,set,1"),
        (("Avalon Q", ""), "standard", "workmode,set,1"),
    ],
)
def test_a_mode_is_set_in_the_familys_words_and_read_back(family, mode, sent):
    unit = Unit(family)
    outcome = one(unit, "mode", mode)
    assert (outcome.verdict, unit.orders) == ("applied", [sent])


@pytest.mark.parametrize("family", [A15, A10])
def test_a_mode_of_the_big_ones_counts_after_a_reboot_and_says_so(family):
    unit = Unit(family)
    outcome = one(unit, "mode", "high")
    assert (outcome.verdict, outcome.why) == ("accepted", "takes effect after a reboot")
    assert unit.orders == ["workmode,1"]


@pytest.mark.parametrize(("family", "mode"), [(NANO3S, "low"), (Q, "eco"), (A10, "low")])
def test_a_mode_that_is_set_already_is_not_written_again(family, mode):
    unit = Unit(family)
    outcome = one(unit, "mode", mode)
    assert (outcome.verdict, outcome.why, unit.orders) == ("applied", "was so already", [])


@pytest.mark.parametrize(("family", "mode"), [(NANO3S, "turbo"), (A10, "medium"), (Q, "")])
def test_a_mode_the_family_has_not_is_refused(family, mode):
    unit = Unit(family)
    assert (one(unit, "mode", mode).verdict, unit.orders) == ("refused", [])


def test_a_unit_that_calibrates_is_busy_and_told_so():
    text = "ASC 0 set failed: current mode 0 is caling Don't permit switch mode"
    for letter in "EI":
        unit = Unit(says={"workmode": {"STATUS": status(letter, 120, text)}})
        outcome = one(unit, "mode", "high")
        assert outcome.verdict == "refused"
        assert outcome.why.startswith("busy, again later")


def test_a_failure_told_with_the_letter_of_an_information_is_a_failure():
    unit = Unit(says={"fan-spd": {"STATUS": status("I", 118, "ASC 0 set info: error:2 parameter error")}})
    assert one(unit, "fan", "50").verdict == "refused"


@pytest.mark.parametrize(
    ("verb", "wanted", "words"),
    [("mode", "high", "help|reboot|"), ("fan", "50", "help|"), ("restart", "", "help|"), ("locate", "on", "help|")],
)
def test_what_its_list_lacks_is_not_sent(verb, wanted, words):
    unit = Unit(("AvalonMiner 15-194", words))
    assert (one(unit, verb, wanted).verdict, unit.orders) == ("unsupported", [])


@pytest.mark.parametrize(("wanted", "sent"), [("auto", "fan-spd,-1"), ("40", "fan-spd,40"), ("100%", "fan-spd,100")])
def test_a_fan_is_told_percent_or_auto(wanted, sent):
    unit = Unit()
    assert (one(unit, "fan", wanted).verdict, unit.orders) == ("accepted", [sent])


@pytest.mark.parametrize("wanted", ["14", "101", "", "fast"])
def test_a_fan_beyond_what_the_firmware_takes_is_refused(wanted):
    unit = Unit()
    assert (one(unit, "fan", wanted).verdict, unit.orders) == ("refused", [])


@pytest.mark.parametrize("family", [A15, A10])
def test_a_light_is_switched_and_read_back(family):
    unit = Unit(family)
    assert (one(unit, "locate", "on").verdict, unit.light) == ("applied", 1)
    assert (one(unit, "locate", "off").verdict, unit.light) == ("applied", 0)


@pytest.mark.parametrize("family", [NANO3S, ("Avalon0o", ""), Q])
def test_a_nanos_lamp_is_left_alone(family):
    unit = Unit(family)
    assert (one(unit, "locate", "on").verdict, unit.orders) == ("unsupported", [])


def test_a_reboot_that_hangs_up_is_obeyed_and_one_that_is_lost_is_not_claimed():
    assert one(Unit(says={"reboot": CLOSED}), "restart").verdict == "accepted"
    assert one(Unit(says={"reboot": WireError("timeout", "no answer in 8.0 s")}), "restart").verdict == "unknown"
    assert one(Unit(), "restart").why == "rebooting"


def test_a_pool_it_works_for_already_is_left_alone():
    unit = Unit()
    outcome = one(unit, "pool", "btc")
    assert (outcome.verdict, outcome.why, unit.orders) == ("applied", "was so already", [])


def test_a_pool_in_one_of_its_places_is_switched_to_at_once():
    unit = Unit(pools=[("btc.example:3333", "acct.w1"), ("bch.example:4444", "acct.w1")])
    outcome = one(unit, "pool", "bch")
    assert (outcome.verdict, unit.orders) == ("applied", ["switchpool 1"])


def test_the_same_address_with_another_user_is_another_pool():
    unit = Unit(pools=[("btc.example:3333", "acct.w1"), ("bch.example:4444", "somebody")])
    assert one(unit, "pool", "bch").why == "stored; takes effect after a reboot"


HASHED = "ff0000ff4813494d137e1631bba301d5"  # and so it stands in a client for the Nano 3, for the password root


@pytest.mark.parametrize(
    ("family", "sent"),
    [
        (NANO3S, f"setpool root,root,0,stratum+tcp://bch.example:4444,acct.w1,{CANARY}"),
        (Q, f"setpool root,root,0,stratum+tcp://bch.example:4444,acct.w1,{CANARY}"),
        (NANO3, f"setpool root,{HASHED},0,stratum+tcp://bch.example:4444,acct.w1,{CANARY}"),
        (A15, f"setpool,root,root,0,stratum+tcp://bch.example:4444,acct.w1,{CANARY}"),
        (A10, f"setpool,root,root,stratum+tcp://bch.example:4444,acct.w1,{CANARY}"),
    ],
)
def test_a_new_pool_is_written_in_the_familys_form_and_counts_after_a_reboot(family, sent):
    unit = Unit(family)
    outcome = one(unit, "pool", "bch")
    assert unit.orders == [sent]
    assert (outcome.verdict, outcome.why) == ("accepted", "stored; takes effect after a reboot")


def test_the_place_and_the_login_are_the_owners():
    unit = Unit()
    one(unit, "pool", "bch", pool_slot=2, user="admin", password=Secret("pw"))
    assert unit.orders[0].startswith("setpool admin,pw,2,")


class Locked(Unit):
    """A home unit as it leaves the maker or with another password: its user is admin (several clients of the Nano 3S,
    the Q and the Mini 3), and its web page asks for a password only."""

    password = "admin"

    def __call__(self, command, parameter):
        if command != "setpool" or parameter.startswith(f"admin,{self.password},"):
            return super().__call__(command, parameter)
        self.orders.append(parameter.partition(",stratum")[0])
        wrong = "userpass" if parameter.startswith("admin,") else "username"
        return {"STATUS": status("E", 132, f"Pool set error: {wrong} err")}


@pytest.mark.parametrize("family", [NANO3S, Q, MINI3])
def test_a_home_unit_that_knows_no_root_is_asked_as_admin(family):
    unit = Locked(family)
    assert one(unit, "pool", "bch").why == "stored; takes effect after a reboot"
    assert unit.orders == ["root,root,0", f"setpool admin,admin,0,stratum+tcp://bch.example:4444,acct.w1,{CANARY}"]


def test_a_home_units_own_password_is_tried_for_admin_and_a_wrong_one_is_told():
    unit = Locked(Q)
    unit.password = "mine"
    assert one(unit, "pool", "bch", password=Secret("mine")).verdict == "accepted"
    outcome = one(Locked(Q), "pool", "bch", password=Secret("other"))
    assert (outcome.verdict, "login" in outcome.why) == ("refused", True)


@pytest.mark.parametrize(("family", "more"), [(A15, {}), (NANO3, {}), (NANO3S, {"user": "me"})])
def test_nobody_else_is_asked_as_admin(family, more):
    unit = Unit(family, says={"setpool": {"STATUS": status("E", 132, "Pool set error: username err")}})
    assert one(unit, "pool", "bch", **more).verdict == "refused"
    assert len(unit.orders) == 1


def test_a_unit_that_can_not_switch_gets_it_written():
    unit = Unit(pools=[("btc.example:3333", "acct.w1"), ("bch.example:4444", "acct.w1")], switches=False)
    outcome = one(unit, "pool", "bch")
    assert [order.partition(" ")[0] for order in unit.orders] == ["switchpool", "setpool"]
    assert outcome.why == "stored; takes effect after a reboot"


def test_a_pool_that_waits_in_the_right_place_is_not_written_again():
    unit = Unit(pools=[("bch.example:4444", "acct.w1"), ("btc.example:3333", "acct.w1")], switches=False)
    unit.active = 1
    outcome = one(unit, "pool", "bch")
    assert (outcome.verdict, unit.orders) == ("accepted", ["switchpool 0"])


@pytest.mark.parametrize(
    ("answer", "verdict", "why"),
    [
        ({"STATUS": status("E", 132, f"Pool set error: Auth Failed! {CANARY}")}, "refused", "login"),
        ({"STATUS": status("E", 132, "userpass err")}, "refused", "login"),
        ({"STATUS": status("E", 132, f"Pool set error: {CANARY}")}, "refused", "does not take"),
        (DENIED, "refused", "does not take"),
        (INVALID, "unsupported", "does not know"),
        (WireError("timeout", "no answer"), "unknown", "no answer"),
    ],
)
def test_a_pool_that_is_not_taken_says_why_without_a_word_of_what_was_sent(answer, verdict, why):
    outcome = one(Unit(says={"setpool": answer}), "pool", "bch")
    assert outcome.verdict == verdict
    assert why in outcome.why


@pytest.mark.parametrize(("name", "more"), [("odd", {}), ("nobody", {}), ("bch", {"password": Secret("a,b")})])
def test_a_pool_that_can_not_be_said_in_its_api_is_refused(name, more):
    unit = Unit()
    assert (one(unit, "pool", name, **more).verdict, unit.orders) == ("refused", [])


def test_a_comma_in_the_login_is_told_beforehand():
    assert len(avalon.faults(options(user="a,b"))) == 1


@pytest.mark.parametrize(
    ("verb", "wanted"),
    [("mode", "high"), ("pool", "bch"), ("fan", "50"), ("locate", "on"), ("restart", ""), ("stop", ""), ("run", "")],
)
def test_a_stranger_at_the_address_is_sent_not_one_byte_of_change(verb, wanted):
    unit = Unit(A15)
    farm = Farm({A: unit})
    (outcome,) = apply(avalon, farm, options(), [errand(A, verb, wanted, unit="02:00:00:00:00:99")])
    assert (outcome.verdict, farm.sent(A)) == ("refused", ["version"])


def test_everything_for_one_unit_goes_one_after_the_other_and_the_reboot_after_the_settings():
    unit = Unit(A15)
    batch = [errand(A, "restart", "", 1), errand(A, "pool", "bch", 2), errand(A, "mode", "high", 3)]
    farm = Farm({A: unit})
    assert verdicts(apply(avalon, farm, options(), batch)) == ["accepted"] * 3
    assert [order.partition(",")[0] for order in unit.orders] == ["workmode", "setpool", "reboot"]
    assert set(farm.rounds) == {1}


def test_the_pool_it_works_for_has_the_owners_name():
    unit = Unit(pools=[("btc.example:3333", "acct.w1"), ("bch.example:4444", "acct.w1")])
    unit.active = 1

    def answer(command, parameter):
        if command == "estats":
            return section("STATS", {"MM ID0": "STATE[1] GHSspd[4000] Fan1[1200] FanR[30%] Freq[500.5] Elapsed[77]"})
        shares = {"Accepted": 7, "Rejected": 1, "Stale": 2, "Best Share": 12345}
        return section("SUMMARY", shares) if command == "summary" else unit(command, parameter)

    farm = Farm({A: answer})
    found = avalon.parse(avalon.fetch(farm.wire, options(), Ask()), options())
    assert farm.sent(A) == ["version", "estats", "summary", "pools"]
    wanted = {"pool": "bch", "fan_rpm": 1200, "fan_pct": 30, "frequency_mhz": 500.5, "uptime_s": 77, "accepted_n": 7}
    assert {name: value(found, MAC, name) for name in wanted} == wanted
    assert (value(found, MAC, "stale_n"), value(found, MAC, "best_diff_n")) == (2, 12345)
    assert CANARY not in repr(found)


def seen(tree, **more):
    return Seen(A, (4028,), {"version": json.dumps(tree).encode(), **more})


def test_an_avalon_is_recognised_by_the_beginning_of_its_name():
    nano = section("VERSION", {"PROD": "Avalon0o", "MODEL": "0o3", "LVERSION": "24071801", "MAC": "020000000033"})
    stats = json.dumps(section("STATS", {"MM ID0": "Ver[nano3-24071801_25462b2] HashStatus[1]"})).encode()
    told = ("avalon", 3, "Avalon nano3", "24071801", "02:00:00:00:00:33", (140, 5))
    assert avalon.recognise(seen(nano, stats=stats)) == told
    assert avalon.recognise(seen(nano)).model == "Avalon0o"
    assert avalon.recognise(Seen(A, (80,), {"GET /": b"<title>Avalon Device</title>"})).rank == 2


def test_a_mini_3_is_proposed_with_its_own_watts():
    """At its eco level one in a section with the figures of an A15 counts as off."""
    mini = section("VERSION", {"PROD": "Avalon Mini3", "MODEL": "Mini3", "DNA": "0201000000000036"})
    assert avalon.recognise(seen(mini)).draws == (800, 20)


@pytest.mark.parametrize("tree", [{}, section("VERSION", {"CGMiner": "4.12"}), INVALID, []])
def test_what_is_no_avalon_is_not_taken_for_one(tree):
    assert avalon.recognise(seen(tree)) is None
