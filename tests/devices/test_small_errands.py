"""Errands of the other small miners and of plain CGMiner: what each takes and says; a stranger gets none."""

import json

import pytest
from devices.farm import Farm, section, status
from devices.kinds import CANARY, CASES, build
from devices.nerd import Nerd
from devices.scripted import apply as applied
from devices.scripted import errand, value
from devices.shelf import Shelf, http, opened

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNKNOWN, UNSUPPORTED
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, fill
from mine_controller.devices import cgminer, nerdqaxe, nmminer, xmrig
from mine_controller.devices.kind import Ask, Guess, Seen
from mine_controller.wire.door import WireError

A, MAC = "10.0.0.1", "02:00:00:00:00:01"
GONE = WireError("timeout", "no answer in 8.0 s")
POOLS = (
    Pool("btc", "stratum+tcp://btc.example:3333", "acct.w1", Secret(CANARY)),
    Pool("dgb", "stratum+tcp://dgb.example:4444", "acct.w1", Secret(CANARY)),
)


def options(module, **more):
    return build(module.__name__.rpartition(".")[2], "http://192.0.2.1", hosts=(A,), pools=POOLS, **more)


def do(module, answer, *batch, **more):
    shelf = Shelf(answer)
    outcomes = applied(module, shelf, options(module, **more), batch)
    assert CANARY not in repr(outcomes)
    return outcomes, shelf


def bodies(shelf):
    return [opened(raw)[2] for raw in shelf.raw if not raw.startswith(b"GET")]


SUMMARY = json.loads((CASES / "xmrig" / "summary_of_6" / "summary_6.json").read_text())


class Rig:
    """A program with a config it takes back whole, unless it tells these pools `after` that."""

    def __init__(self, pools, put=None, restricted=False, after=None, **more):
        self.config = {"autosave": True, "donate-level": 1, "http": {"access-token": CANARY}, "pools": pools, **more}
        self.put, self.restricted, self.after = put, restricted, after

    def __call__(self, host, method, path, body):
        if path == "/2/summary":
            return {**SUMMARY, "restricted": self.restricted}
        assert path == "/1/config"
        if method == "PUT":
            if self.put is not None:
                return self.put
            self.config = body if self.after is None else {**self.config, "pools": self.after}
            return {}
        return self.config


def row(url, user="acct.w1", **more):
    return {"url": url, "user": user, "pass": "x", "keepalive": True, **more}


def test_a_pool_of_a_program_goes_first_and_everything_else_goes_back_as_it_was():
    rig = Rig([row("btc.example:3333"), row("other.example:1")])
    (outcome,), shelf = do(xmrig, rig, errand(A, "pool", "dgb"))
    (body,) = bodies(shelf)
    assert outcome.verdict == APPLIED
    assert body["pools"][0] == {
        "url": "dgb.example:4444",
        "user": "acct.w1",
        "pass": CANARY,
        "tls": False,
        "enabled": True,
    }
    assert body["pools"][1:] == [row("btc.example:3333"), row("other.example:1")]
    assert {key: body[key] for key in ("autosave", "donate-level", "http")} == {
        "autosave": True,
        "donate-level": 1,
        "http": {"access-token": CANARY},
    }


def test_a_new_pool_of_a_program_takes_its_coin_along():
    """Where a pool does not say with its work which algorithm it is for, the program goes by the coin it was given, and
    without one refuses the work for ever (XMRig 6, src/base/net/stratum/Client.cpp)."""
    pools = (Pool("xmr", "stratum+tcp://xmr.example:4444", "acct.w1", Secret(CANARY), "XMR"),)
    shelf = Shelf(Rig([row("btc.example:3333")]))
    given = build("xmrig", "http://192.0.2.1", hosts=(A,), pools=pools)
    (outcome,) = applied(xmrig, shelf, given, [errand(A, "pool", "xmr")])
    assert (outcome.verdict, bodies(shelf)[0]["pools"][0]["coin"]) == (APPLIED, "XMR")


@pytest.mark.parametrize(
    ("words", "coin"),
    [({}, "XMR"), ({"coin": None, "algo": None}, "XMR"), ({"coin": "monero"}, "monero"), ({"algo": "rx/0"}, None)],
)
def test_a_pool_it_has_already_gets_the_coin_it_lacks(words, coin):
    """An earlier minectl wrote it without, and it is taken again as it stands."""
    pools = (Pool("xmr", "stratum+tcp://xmr.example:4444", "acct.w1", Secret(CANARY), "XMR"),)
    shelf = Shelf(Rig([row("btc.example:3333"), row("xmr.example:4444", **words)]))
    given = build("xmrig", "http://192.0.2.1", hosts=(A,), pools=pools)
    applied(xmrig, shelf, given, [errand(A, "pool", "xmr")])
    assert bodies(shelf)[0]["pools"][0].get("coin") == coin


def test_a_pool_it_has_already_only_moves_up_and_keeps_its_own_words():
    rig = Rig([row("btc.example:3333"), row("dgb.example:4444", enabled=False, tls=True)])
    (outcome,), shelf = do(xmrig, rig, errand(A, "pool", "dgb"))
    assert outcome.verdict == APPLIED
    assert bodies(shelf)[0]["pools"] == [row("dgb.example:4444", enabled=True, tls=True), row("btc.example:3333")]


@pytest.mark.parametrize("first", [[row("dgb.example:4444")], [row("x:1", enabled=False), row("dgb.example:4444")]])
def test_a_pool_that_is_the_first_one_on_already_is_not_written_again(first):
    (outcome,), shelf = do(xmrig, Rig(first), errand(A, "pool", "dgb"))
    assert (outcome.verdict, outcome.why, shelf.sent()) == (APPLIED, "was so already", [])


@pytest.mark.parametrize(
    ("put", "verdict"),
    [({}, UNKNOWN), (http(b"", 403), REFUSED), (http(b"", 401), REFUSED), (http(b"", 500), UNKNOWN), (GONE, UNKNOWN)],
)
def test_a_config_that_is_not_taken_is_not_claimed(put, verdict):
    (outcome,), _ = do(xmrig, Rig([row("btc.example:3333")], put=put), errand(A, "pool", "dgb"))
    assert outcome.verdict == verdict
    assert outcome.why


@pytest.mark.parametrize(
    ("watch", "after", "verdict"),
    [(True, "btc.example:3333", ACCEPTED), (True, "x:1", UNKNOWN), (False, "btc.example:3333", UNKNOWN)],
)
def test_a_program_that_watches_its_file_tells_the_old_pools_until_it_has_read_it_again(watch, after, verdict):
    """`watch` is on by default: a config that comes in is only saved at first (XMRig 6, src/base/kernel/Base.cpp)."""
    rig = Rig([row("btc.example:3333")], watch=watch, after=[row(after)])
    (outcome,), _ = do(xmrig, rig, errand(A, "pool", "dgb"))
    assert outcome.verdict == verdict
    assert outcome.why


def test_a_restricted_program_is_sent_no_config_and_a_restart_is_none_of_ours():
    (pool, restart), shelf = do(xmrig, Rig([], restricted=True), errand(A, "pool", "dgb"), errand(A, "restart", "", 2))
    assert (restart.verdict, pool.verdict, shelf.sent()) == (REFUSED, UNSUPPORTED, [])
    assert "http.restricted" in restart.why


@pytest.mark.parametrize("config", [http(b"<html>" + CANARY.encode()), {"pools": CANARY}, http(CANARY.encode(), 500)])
def test_a_config_that_can_not_be_read_is_not_written_and_nothing_of_it_is_told(config):
    (outcome,), shelf = do(xmrig, lambda h, m, p, b: config if "config" in p else SUMMARY, errand(A, "pool", "dgb"))
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])


INFO = json.loads((CASES / "nmminer" / "system_info" / "system_info.json").read_text())


class Lottery:
    """A board of firmware 2.x; `settings` None: older."""

    def __init__(self, settings=(), restart=None, deaf=False, find=None):
        first = {"PrimaryPool": "stratum+tcp://btc.example:3333", "PrimaryAddress": "acct.w1"}
        self.settings = None if settings is None else {**first, "PrimaryPassword": CANARY, **dict(settings)}
        self.restart, self.deaf, self.find = restart, deaf, find

    def __call__(self, host, method, path, body):
        if path == "/api/swarm/find":
            return {"status": "ok"} if self.find is None else self.find
        if path == "/api/setting/mining":
            if self.settings is None:
                return http(b"", 404)
            if method == "GET":
                return self.settings
            self.settings |= {} if self.deaf else body
            return http(b"OK")
        if path == "/api/system/restart":
            return {"status": "ok"} if self.restart is None else self.restart
        return INFO


def test_a_lottery_miners_pool_is_stored_read_back_and_used_after_the_restart_that_follows():
    (outcome,), shelf = do(nmminer, Lottery(), errand(A, "pool", "dgb"))
    assert bodies(shelf)[0] == {
        "PrimaryPool": "stratum+tcp://dgb.example:4444",
        "PrimaryAddress": "acct.w1",
        "PrimaryPassword": CANARY,
    }
    assert shelf.sent() == [f"POST {A} /api/setting/mining", f"POST {A} /api/system/restart"]
    assert (outcome.verdict, outcome.why) == (ACCEPTED, "stored; restarting to use it")


def test_a_lottery_miner_on_that_pool_is_left_alone():
    (outcome,), shelf = do(nmminer, Lottery(), errand(A, "pool", "btc"))
    assert (outcome.verdict, shelf.sent()) == (APPLIED, [])


def test_a_pool_that_did_not_stick_needs_no_restart():
    (outcome,), shelf = do(nmminer, Lottery(deaf=True), errand(A, "pool", "dgb"))
    assert (outcome.verdict, len(shelf.sent())) == (UNKNOWN, 1)


def test_a_lottery_miner_without_settings_over_http_says_what_helps():
    (outcome,), shelf = do(nmminer, Lottery(settings=None), errand(A, "pool", "dgb"))
    assert (outcome.verdict, shelf.sent()) == (UNSUPPORTED, [])
    assert "2.x" in outcome.why


@pytest.mark.parametrize(
    ("restart", "verdict"),
    [(None, ACCEPTED), (http(b"", 404), UNSUPPORTED), (http(b"", 501), UNSUPPORTED), (GONE, UNKNOWN)],
)
def test_a_lottery_miner_is_restarted_once(restart, verdict):
    (outcome,), shelf = do(nmminer, Lottery(restart=restart), errand(A, "restart"))
    assert (outcome.verdict, shelf.sent()) == (verdict, [f"POST {A} /api/system/restart"])


def test_a_restart_that_is_lost_leaves_the_pool_stored_and_says_so():
    (outcome,), _ = do(nmminer, Lottery(restart=GONE), errand(A, "pool", "dgb"))
    assert outcome.verdict == ACCEPTED
    assert outcome.why.startswith("stored; its restart")


@pytest.mark.parametrize(
    ("find", "verdict"),
    [(None, APPLIED), (http(b"", 404), UNSUPPORTED), (http(b"busy", 500), UNKNOWN), (GONE, UNKNOWN)],
)
def test_a_lottery_miner_flashes_its_screen_to_be_found(find, verdict):
    """The maker's API reference: POST /api/swarm/find, answered {"status": "ok"}."""
    (outcome,), shelf = do(nmminer, Lottery(find=find), errand(A, "locate", "on"))
    assert (outcome.verdict, shelf.sent()) == (verdict, [f"POST {A} /api/swarm/find"])


def test_a_lottery_miner_stops_flashing_by_itself():
    (outcome, other), shelf = do(nmminer, Lottery(), errand(A, "locate", "off"), errand(A, "locate", "blue", 2))
    assert (outcome.verdict, outcome.why, shelf.sent()) == (APPLIED, "it ends by itself within seconds", [])
    assert other.verdict == REFUSED


@pytest.mark.parametrize("verb", ["stop", "mode"])
def test_a_lottery_miner_has_no_stop_and_no_modes(verb):
    (outcome,), shelf = do(nmminer, Lottery(), errand(A, verb))
    assert (outcome.verdict, shelf.asked) == (UNSUPPORTED, [])


@pytest.mark.parametrize(
    ("module", "answer", "verb", "wanted"),
    [
        (nerdqaxe, Nerd(), "mode", "standard"),
        (nerdqaxe, Nerd(), "restart", ""),
        (nerdqaxe, Nerd(), "pool", "dgb"),
        (xmrig, Rig([]), "pool", "dgb"),
        (nmminer, Lottery(), "pool", "dgb"),
        (nmminer, Lottery(), "restart", ""),
    ],
)
def test_a_stranger_at_the_address_is_sent_not_one_byte_of_change(module, answer, verb, wanted):
    (outcome,), shelf = do(module, answer, errand(A, verb, wanted, unit="02:00:00:00:00:99"))
    assert (outcome.verdict, outcome.why) == (REFUSED, "another unit answers at this address")
    assert (len(shelf.asked), shelf.sent()) == (1, [])


class Miner:
    """A plain CGMiner. `access` by command: Y, N or "" where it does not know it."""

    def __init__(self, pools=("btc.example:3333",), users="acct.w1", restart=None, **access):
        self.pools, self.users, self.access, self.restart = list(pools), users, access, restart
        self.active, self.done = 0, []

    def __call__(self, command, parameter):
        if command in ("version", "stats"):
            row = {"CGMiner": "4.12", "MAC": MAC} if command == "version" else {"temp1": 60}
            return section(command.upper(), row)
        if command == "pools":
            return section("POOLS", *map(self.row, range(len(self.pools))))
        if command == "check":
            known = self.access.get(parameter, "Y")
            return section("CHECK", {"Exists": "Y" if known else "N", "Access": known or "N"})
        self.done.append(f"{command}|{parameter}")
        if command == "addpool":
            self.pools.append(parameter.partition(",")[0].partition("://")[2])
        if command == "switchpool":
            self.active = int(parameter)
        return self.restart or {"STATUS": status("S", 27, f"did {parameter}")}

    def row(self, at):
        row = {"POOL": at, "URL": f"stratum+tcp://{self.pools[at]}", "User": self.users, "Priority": at}
        return {**row, "Status": "Alive", "Stratum Active": at == self.active}


def plain(miner, verb, wanted="", unit=MAC):
    farm = Farm({A: miner})
    opts = fill(cgminer.Options, {"hosts": (A,), "pools": POOLS})
    (outcome,) = applied(cgminer, farm, opts, [errand(A, verb, wanted, unit=unit)])
    assert CANARY not in repr(outcome)
    return outcome, farm


def test_a_pool_a_miner_has_is_switched_to_and_one_it_has_not_is_added_before():
    miner = Miner(pools=("btc.example:3333", "dgb.example:4444"))
    assert plain(miner, "pool", "dgb")[0].verdict == "applied"
    assert miner.done == ["switchpool|1"]
    miner = Miner()
    assert plain(miner, "pool", "dgb")[0].verdict == "applied"
    assert miner.done == [f"addpool|stratum+tcp://dgb.example:4444,acct.w1,{CANARY}", "switchpool|1"]


def test_a_pool_it_works_for_is_not_switched_to_again():
    miner = Miner()
    outcome, _ = plain(miner, "pool", "btc")
    assert (outcome.why, miner.done) == ("was so already", [])


@pytest.mark.parametrize(
    ("access", "verdict", "sent"),
    [
        ({"switchpool": "N"}, "refused", 0),
        ({"switchpool": ""}, "unsupported", 0),
        ({"addpool": "N"}, "refused", 0),
        ({"addpool": ""}, "unsupported", 0),
    ],
)
def test_nothing_is_sent_that_check_does_not_permit(access, verdict, sent):
    miner = Miner(**access)
    outcome, _ = plain(miner, "pool", "dgb")
    assert (outcome.verdict, len(miner.done)) == (verdict, sent)


def test_a_pool_that_is_added_and_not_listed_is_not_claimed():
    miner = Miner(users="somebody")
    assert plain(miner, "pool", "dgb")[0].verdict == "unknown"
    assert [each.partition("|")[0] for each in miner.done] == ["addpool"]


def test_a_restart_goes_out_when_it_is_permitted():
    miner = Miner(restart={"STATUS": "RESTART"})
    assert plain(miner, "restart")[0].verdict == "accepted"
    assert miner.done == ["restart|"]
    miner = Miner()
    miner.access["restart"] = "N"
    assert (plain(miner, "restart")[0].verdict, miner.done) == ("refused", [])


@pytest.mark.parametrize(("verb", "wanted"), [("pool", "dgb"), ("restart", "")])
def test_a_stranger_that_is_a_plain_miner_gets_nothing(verb, wanted):
    miner = Miner()
    outcome, farm = plain(miner, verb, wanted, unit="02:00:00:00:00:99")
    assert (outcome.verdict, miner.done, farm.sent(A)) == ("refused", [], ["version", "stats"])


@pytest.mark.parametrize("verb", ["mode", "fan", "locate", "limit", "tune"])
def test_a_plain_miner_takes_nothing_its_api_has_no_word_for(verb):
    outcome, farm = plain(Miner(), verb, "eco")
    assert (outcome.verdict, farm.asked) == ("unsupported", [])


def test_the_pool_of_a_plain_miner_is_read_where_pools_have_names_and_only_there():
    miner = Miner(pools=("btc.example:3333", "dgb.example:4444"))
    miner.active = 1

    def answer(command, parameter):
        tables = {"summary": section("SUMMARY", {"MHS 5s": 1e6, "Stale": 3}), "devs": section("DEVS", {"Enabled": "Y"})}
        parts = {name: [tables[name] if name in tables else miner(name, "")] for name in command.split("+")}
        return {**parts, "id": 1}

    for pools, question in ((POOLS, "version+summary+stats+devs+pools"), ((), "version+summary+stats+devs")):
        opts, farm = fill(cgminer.Options, {"hosts": (A,), "pools": pools}), Farm({A: answer})
        found = cgminer.parse(cgminer.fetch(farm.wire, opts, Ask()), opts)
        assert farm.sent(A) == [question]
        assert [each.value for each in found if each.quantity == "pool"] == (["dgb"] if pools else [])
        assert value(found, MAC, "stale_n") == 3


def http_seen(asked, tree):
    return Seen(A, (80,), {asked: http(json.dumps(tree).encode())})


PROBE = {"model": "NMMiner", "hostname": "nm-cyd-c5-ab12cd", "ver": "v2.0.04", "hr": 956432, "ut": 4321}


@pytest.mark.parametrize(
    ("module", "one", "guess"),
    [
        (nerdqaxe, http_seen("GET /api/system/info", Nerd().info), ("nerdqaxe", 3, "NerdQAxe++", "1.0.36", MAC)),
        (nerdqaxe, Seen(A, (80,), {"GET /": http(b"<title>NerdAxe</title>")}), ("nerdqaxe", 2, "", "", "")),
        (xmrig, http_seen("GET /2/summary", SUMMARY), ("xmrig", 3, "XMRig", "6.22.0", "92F3104F9A2EE78C")),
        (nmminer, http_seen("GET /probe", PROBE), ("nmminer", 3, "NMMiner", "v2.0.04", "NM-CYD-C5-AB12CD")),
        (
            cgminer,
            Seen(A, (4028,), {"version": json.dumps(Miner()("version", "")).encode()}),
            ("cgminer", 1, "", "CGMiner 4.12", MAC),
        ),
    ],
)
def test_a_unit_is_recognised_by_what_it_says(module, one, guess):
    assert module.recognise(one) == Guess(*guess)


def test_a_datagram_makes_a_lottery_miner_of_its_sender_and_of_nobody_else():
    body = (CASES / "nmminer" / "datagram" / "udp_12345_datagram.json").read_bytes()
    guess = nmminer.recognise(Seen("192.168.1.77", (), {"udp": body}))
    assert guess == Guess("nmminer", 2, "cyd 2.8", "v1.6.03", "")
    assert nmminer.recognise(Seen("192.168.1.78", (), {"udp": body})) is None


@pytest.mark.parametrize("module", [nerdqaxe, xmrig, nmminer, cgminer])
@pytest.mark.parametrize(
    "answers",
    [{}, {"GET /api/system/info": b"junk"}, {"version": b"{"}, {"GET /probe": http(b"[]")}, {"GET /": http(b"AxeOS")}],
)
def test_what_says_nothing_of_the_kind_is_nobody(module, answers):
    assert module.recognise(Seen(A, (), answers)) is None
