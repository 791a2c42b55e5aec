"""Antminer: four firmwares behind one kind, each read by what it says of itself."""

import json

import pytest
from devices.antminers import (
    CASES,
    CONF,
    MAC,
    NORTH,
    OTHER,
    A,
    B,
    Board,
    bos_api,
    lux_api,
    options,
    recorded,
    stock_api,
    summary,
)
from devices.racks import GONE, INVALID, Api, Rack, http, opened
from devices.scripted import value

from mine_controller.core.option import Secret
from mine_controller.devices import _antminer_fetch, _antminer_web, antminer
from mine_controller.devices._patience import Patience
from mine_controller.devices.kind import Ask, BadReply, Seen
from mine_controller.wire.door import WireError


def read(units, memory=None, at_s=100_000, **more):
    rack = Rack(units)
    told = options(hosts=tuple(units), **more)
    found = antminer.parse(antminer.fetch(rack.wire, told, Ask(memory=memory or {}, at_s=at_s)), told)
    return found, rack, {each.channel: each.value for each in found if each.quantity == "memory"}


def test_a_stock_unit_that_can_not_join_is_asked_one_by_one_and_that_is_remembered():
    found, rack, memory = read({A: Board().ports})
    assert rack.commands(A)[:3] == ["version+summary+stats+pools", "version", "summary"]
    assert memory[A] == f"{MAC} stock single 49526 p"
    assert value(found, MAC, "word") == "hashing"
    _, rack, again = read({A: Board().ports}, memory, at_s=100_050)
    assert rack.commands(A) == ["summary", "stats", "pools"]
    assert not [port for _, port, _ in rack.sent if port != 4028]
    assert value(found, MAC, "address") == A
    assert again[A].startswith(f"{MAC} stock single")


def test_a_stock_unit_is_asked_for_its_pools_only_where_pools_have_names():
    known = {A: f"{MAC} stock single 49526 p"}
    named, rack, _ = read({A: Board().ports}, known, at_s=100_050)
    bare, spared, _ = read({A: Board().ports}, known, at_s=100_050, pools=())
    assert (rack.commands(A), spared.commands(A)) == (["summary", "stats", "pools"], ["summary", "stats"])
    assert [each for each in named if each.quantity != "pool"] == list(bare)


def test_a_known_board_is_asked_everything_at_once_and_one_that_is_not_known_yet_command_by_command():
    hosts, known = (A, "10.0.1.2", "10.0.1.3"), "stock single 49526 p"
    memory = {host: f"02:00:00:00:00:0{at} {known}" for at, host in enumerate(hosts, 1)}
    told = options(hosts=hosts)
    together, apart = (Rack({host: Board().ports for host in hosts}) for _ in range(2))
    at_once = antminer.parse(antminer.fetch(together.wire, told, Ask(memory=memory, at_s=100_050)), told)
    slow = {host: f"{text}t" for host, text in memory.items()}
    in_turn = antminer.parse(antminer.fetch(apart.wire, told, Ask(memory=slow, at_s=100_050)), told)
    assert [one for one in in_turn if one.quantity != "memory"] == [one for one in at_once if one.quantity != "memory"]
    assert (together.volleys, apart.volleys) == ([9], [3, 3, 3])
    asked = [(host, json.loads(raw)["command"]) for host, _, raw in together.sent]
    assert asked == [(host, what) for host in hosts for what in ("summary", "stats", "pools")]


class Narrow:
    """An API that drops whoever comes while it answers another."""

    def __init__(self, api):
        self.api, self.busy = api, True

    def __call__(self, raw):
        if self.busy and b"summary" not in raw:
            return WireError("closed", "broke off the connection")
        return self.api(raw)


def narrow(memory, at_s, *, really=True):
    """One reading of two boards, of which the first drops who comes second, if it `really` does so today."""
    units = {A: Board().ports, B: Board().ports}
    api = Narrow(units[A][4028])
    units[A] = {**units[A], 4028: api}
    rack = Rack(units)
    rack_many = rack.wire.many

    def many(batch, until):
        api.busy = really and sum(each.host == A for each in batch) > 1
        return rack_many(batch, until)

    told = options(hosts=(A, B))
    found = antminer.parse(antminer.fetch(rack.wire._replace(many=many), told, Ask(memory=memory, at_s=at_s)), told)
    return found, rack, {each.channel: each.value for each in found if each.quantity == "memory"}


def flags(memory):
    return {host: text.split(" ")[-1] for host, text in memory.items() if host != "in_turn"}


def test_a_board_that_takes_one_connection_only_is_asked_in_turn_from_then_on_until_it_restarts():
    memory = {A: f"{MAC} stock single 49526 p", B: f"{OTHER} stock single 49526 p"}
    found, rack, kept = narrow(memory, 100_050)
    assert rack.volleys == [6, 1, 1], "its other commands go out again, one by one"
    assert value(found, MAC, "word") == value(found, OTHER, "word") == "hashing"
    assert flags(kept) == {A: "pd", B: "p"}
    found, rack, kept = narrow(memory | kept, 100_110)
    assert rack.volleys == [6, 1, 1]
    assert value(found, MAC, "word") == "hashing"
    assert flags(memory | kept) == {A: "pt", B: "p"}
    _, rack, _ = read({A: Board().ports}, {A: kept[A]}, at_s=100_170)
    assert rack.volleys == [1, 1, 1]
    _, rack, again = read({A: Board().ports}, {A: kept[A]}, at_s=190_000)
    assert again[A].split(" ")[-1] == "p", "it restarted"


def test_one_lost_answer_is_no_habit_of_a_board():
    """A packet gets lost: the board is asked all at once again, and no worse thought of when it answers."""
    memory = {A: f"{MAC} stock single 49526 p", B: f"{OTHER} stock single 49526 p"}
    memory |= narrow(memory, 100_050)[2]
    _, rack, kept = narrow(memory, 100_110, really=False)
    assert rack.volleys == [6]
    assert flags(kept)[A] == "p"


def test_a_known_board_that_is_silent_is_asked_nothing_again_and_is_nobodys_second_failure():
    memory = {A: f"{MAC} stock single 49526 p", "10.0.1.2": f"{OTHER} stock single 49526 p"}
    silent = {4028: lambda _raw: WireError("timeout", "no answer in 6.0 s")}
    found, rack, kept = read({A: Board().ports, "10.0.1.2": silent}, memory, at_s=100_050)
    assert rack.commands("10.0.1.2") == ["summary", "stats", "pools"]
    assert value(found, MAC, "word") == "hashing"
    assert kept.get("10.0.1.2", memory["10.0.1.2"]) == memory["10.0.1.2"]


def test_a_board_that_is_silent_at_the_first_command_in_turn_is_not_asked_the_others():
    memory = {A: f"{MAC} stock single 49526 p", "10.0.1.2": f"{OTHER} stock single 49526 pt"}
    silent = {4028: lambda _raw: WireError("timeout", "no answer in 6.0 s")}
    _, rack, _ = read({A: Board().ports, "10.0.1.2": silent}, memory, at_s=100_050)
    assert rack.commands("10.0.1.2") == ["summary"]


def test_who_a_stock_unit_is_is_asked_again_when_it_has_restarted():
    memory = {A: f"{OTHER} stock single 1000 p"}
    found, rack, _ = read({A: Board().ports}, memory)
    assert [port for _, port, _ in rack.sent if port == 80]
    assert value(found, MAC, "word") == "hashing"
    assert not [each for each in found if each.channel == OTHER]


HOUR = range(100_050, 103_650, 120)


def running(at_s, **web):
    """A board that has run since second 49526."""
    return Board(api=stock_api(summary=summary(elapsed=at_s - 49526)), **web).ports


def swapped(at_s, **web):
    """Two boards that started together and have each other's address now: where each is, and what is kept."""
    other = {"macaddr": OTHER, "minertype": "Antminer S19 Pro", "serinum": "SN2"}
    memory = {A: f"{MAC} stock single 49526 p", B: f"{OTHER} stock single 49526 p"}
    found, _, kept = read({A: running(at_s, get_system_info=other), B: running(at_s, **web)}, memory, at_s)
    where = {each.channel: each.value for each in found if each.quantity == "address"}
    kept = {**memory, **kept}
    return [where.get(unit) for unit in (MAC, OTHER)], [kept[at].partition(" ")[0] for at in (A, B)]


def test_boards_that_changed_addresses_without_a_restart_are_found_within_an_hour():
    """After a black-out all of them have run for equally long, so that their uptime tells none from another."""
    told = [swapped(at_s) for at_s in HOUR]
    assert told.count(([B, A], [OTHER, MAC])) == 2
    assert told.count(([A, B], [MAC, OTHER])) == 28


def test_a_board_that_does_not_say_who_it_is_when_another_one_has_moved_is_nobody():
    told = [swapped(at_s, get_system_info=None) for at_s in HOUR]
    assert [each for each in told if each != ([A, B], [MAC, OTHER])] == [([None, A], [OTHER, OTHER])]
    twice = dict.fromkeys((A, B), f"{OTHER} stock single 49526 p")
    other = {"macaddr": OTHER, "minertype": "Antminer S19 Pro", "serinum": "SN2"}
    found, _, kept = read({A: running(HOUR[0], get_system_info=other), B: running(HOUR[0])}, twice, HOUR[0])
    assert [value(found, unit, "address") for unit in (MAC, OTHER)] == [B, A]
    assert kept[B].startswith(MAC)


@pytest.mark.parametrize("answer", [GONE, http(b"no", 500), http(b"{}", 401), http(b"{}")])
def test_a_board_that_does_not_say_who_it_is_in_its_turn_is_who_it_was(answer):
    asked = 0
    for at_s in HOUR:
        found, rack, kept = read({A: {**running(at_s), 80: lambda _: answer}}, {A: f"{MAC} stock single 49526 p"}, at_s)
        assert value(found, MAC, "address") == A
        assert kept.get(A, MAC).startswith(MAC)
        asked += any(port == 80 for _, port, _ in rack.sent)
    assert asked == 1


@pytest.mark.parametrize("tick_s", [10, 120, 240, 600])
def test_every_board_has_its_turn_within_an_hour_however_far_apart_ticks_are(tick_s):
    hosts = [f"10.0.1.{at}" for at in range(1, 41)]
    kept = {host: f"02:00:00:00:01:{at:02x} stock single 49526 p" for at, host in enumerate(hosts)}
    kept["in_turn"] = str(100_080 - tick_s)
    asked = []
    for at_s in range(100_080, 103_680, tick_s):
        web = {80: lambda _: http(b"{}")}
        _, rack, told = read({host: {**running(at_s), **web} for host in hosts}, kept, at_s)
        kept |= told
        asked += sorted({host for host, port, _ in rack.sent if port == 80})
    assert sorted(asked) == sorted(hosts)


def test_a_restarted_unit_that_does_not_tell_its_mac_is_nobody():
    memory = {A: f"{OTHER} stock single 1000 p"}
    board = Board(get_system_info=None)
    with pytest.raises(BadReply, match="does not tell its mac"):
        read({A: board.ports}, memory)


def test_a_wrong_web_password_is_told_with_the_remedy():
    with pytest.raises(BadReply, match="set user and password"):
        read({A: Board().ports}, password=Secret("wrong"))


def test_a_wrong_password_is_told_before_the_silence_of_the_empty_addresses_of_a_range():
    with pytest.raises(BadReply, match=f"{B}: the login was refused"):
        read({A: {4028: lambda _: GONE}, B: Board().ports}, password=Secret("wrong"))


def test_a_unit_with_another_password_than_its_neighbour_is_told_beside_it():
    other = Board()
    other.web.password = "another"
    found, _, _ = read({A: Board().ports, B: other.ports, "10.0.1.3": {4028: lambda _: GONE}})
    assert value(found, MAC, "word") == "hashing"
    assert value(found, "", "text").startswith(f"can't be read: {B}: the login was refused: set user")


@pytest.mark.parametrize(("mode", "word"), [("1", "sleeping"), (1, "sleeping"), ("5", "sleeping"), ("0", "error")])
def test_a_unit_without_a_rate_is_asleep_only_when_its_configuration_says_so(mode, word):
    board = Board(conf={**CONF, "bitmain-work-mode": mode}, api=stock_api(summary=summary(rate=0.0)))
    found, _, _ = read({A: board.ports})
    assert value(found, MAC, "word") == word


def test_a_unit_whose_pools_are_all_dead_waits_for_them():
    dead = {"STATUS": [{"STATUS": "S"}], "POOLS": [{"POOL": 0, "URL": NORTH.url, "User": NORTH.user, "Status": "Dead"}]}
    board = Board(conf={**CONF, "bitmain-work-mode": "0"}, api=stock_api(summary=summary(rate=0.0), pools=dead))
    found, _, _ = read({A: board.ports})
    assert value(found, MAC, "word") == "waiting"
    asleep = Board(conf={**CONF, "bitmain-work-mode": "1"}, api=stock_api(summary=summary(rate=0.0), pools=dead))
    found, _, _ = read({A: asleep.ports})
    assert value(found, MAC, "word") == "sleeping"


def test_a_unit_that_has_stored_sleep_and_hashes_on_is_hashing():
    """It said yes and still draws its power."""
    stats = {"STATUS": {"STATUS": "S"}, "INFO": {"type": "Antminer S19"}, "STATS": [{"miner-mode": 1, "rate_5s": 9.0}]}
    found, _, _ = read({A: Board(api=stock_api(stats=stats)).ports})
    assert value(found, MAC, "word") == "hashing"
    assert [each.value for each in found if each.quantity == "mode"] == []


def test_a_sleeping_unit_whose_api_is_down_is_seen_asleep_by_its_web_interface():
    ports = {**Board(conf={**CONF, "bitmain-work-mode": "1"}).ports, 4028: lambda _: GONE}
    found, _, _ = read({A: ports}, {A: f"{MAC} stock single 1000 p"})
    assert value(found, MAC, "word") == "sleeping"


def test_an_average_never_proves_hashing():
    only = {"STATUS": [{"STATUS": "S"}], "SUMMARY": [{"Elapsed": 900, "GHS av": 111000.0}]}
    found, _, _ = read({A: Board(api=stock_api(summary=only)).ports})
    assert value(found, MAC, "hashrate_ths") is None
    assert value(found, MAC, "word") is None


def test_the_passwords_of_its_pools_are_not_in_what_is_recorded():
    board = Board(api=stock_api(summary=summary(rate=0.0)))
    rack = Rack({A: board.ports})
    replies = antminer.fetch(rack.wire, options(), Ask(at_s=100_000))
    assert any(reply.name == f"{A} conf" and reply.body for reply in replies)
    assert not [reply for reply in replies if b"secret-123" in reply.body]


def test_watts_come_from_the_power_service_where_there_is_one_and_it_is_asked_once_where_there_is_none():
    there = {**Board().ports, 6060: lambda _: http(b"miner power:3421")}
    found, _, memory = read({A: there})
    assert value(found, MAC, "power_w") == 3421
    assert memory[A].endswith(" -")
    _, rack, memory = read({A: {**Board().ports, 6060: lambda _: http(b"error 6060 cmd")}})
    assert memory[A].endswith(" p")
    _, rack, _ = read({A: Board().ports}, memory)
    assert not [port for _, port, _ in rack.sent if port == 6060]


@pytest.mark.parametrize("chains", [5, True, {"index": 1}, "none", [[1], None, 7]])
def test_a_unit_whose_chains_are_no_list_tells_the_rest_and_takes_no_other_with_it(chains):
    stats = {"STATUS": [{"STATUS": "S"}], "STATS": [{"Type": "Antminer S19 Pro"}, {"chain": chains, "fan_num": 0}]}
    info = {"macaddr": OTHER, "minertype": "Antminer S19 Pro", "serinum": "SN2"}
    found, _, _ = read({A: Board(api=stock_api(stats=stats)).ports, B: Board(get_system_info=info).ports})
    assert [value(found, unit, "word") for unit in (MAC, OTHER)] == ["hashing", "hashing"]


def test_luxos_is_told_apart_although_it_calls_itself_an_antminer():
    found, rack, memory = read({A: {4028: lux_api()}})
    assert rack.commands(A) == ["version+summary+stats+pools", "config+power+fans+temps"]
    assert value(found, "02:00:00:00:00:06", "power_w") == 1051
    _, rack, _ = read({A: {4028: lux_api()}}, memory, at_s=100_120)
    assert rack.commands(A) == ["version+summary+pools+config+power+fans+temps"]


def test_a_curtailed_luxos_sleeps():
    config = json.loads(recorded("luxos/config.json"))
    config["CONFIG"][0]["CurtailMode"] = "Sleep"
    api = lux_api()
    api.tables |= {"config": config, "summary": summary(rate=0.0)}
    found, _, _ = read({A: {4028: api}})
    assert value(found, "02:00:00:00:00:06", "word") == "sleeping"


def test_a_user_named_like_a_firmware_changes_nothing():
    pools = {"STATUS": [{"STATUS": "S"}], "POOLS": [{"URL": "stratum+tcp://luxminer:1", "User": '"LUXminer":'}]}
    _, _, memory = read({A: Board(api=stock_api(pools=pools)).ports})
    assert " stock " in memory[A]


REST = {
    "/api/v1/miner/details": "miner_details",
    "/api/v1/miner/stats": "miner_stats",
    "/api/v1/cooling/state": "cooling_state",
    "/api/v1/miner/hw/hashboards": "miner_hw_hashboards",
    "/api/v1/performance/tuner-state": "performance_tuner_state",
    "/api/v1/pools/": "pools",
}


class Rest:
    """The REST interface of Braiins OS: a token for the right password, recorded answers behind it."""

    def __init__(self, password="root", login=200):
        self.password, self.login = password, login

    def __call__(self, raw):
        _, path, headers, body = opened(raw)
        if path == "/api/v1/auth/login":
            good = body == {"username": "root", "password": self.password}
            return http({"token": "exampletoken", "timeout_s": 3600} if good else {}, self.login if good else 401)
        if headers.get("authorization") != "exampletoken":
            return http({}, 401)
        return http((CASES / "braiins_rest_25_07" / f"{REST[path]}.json").read_bytes())


def test_braiins_is_read_behind_its_login():
    found, rack, memory = read({A: {4028: bos_api(), 80: Rest()}})
    assert value(found, "02:00:00:00:00:05", "limit_w") == 3031
    assert "exampletoken" not in repr(memory)
    assert rack.volleys[-1] == 6


def test_a_braiins_unit_whose_fans_are_no_list_tells_the_rest():
    rest = Rest()

    def web(raw):
        return http({"fans": 3}) if opened(raw)[1].endswith("/cooling/state") else rest(raw)

    found, _, _ = read({A: {4028: bos_api(), 80: web}})
    assert value(found, "02:00:00:00:00:05", "limit_w") == 3031


def test_braiins_with_another_password_is_nobody_and_says_what_helps():
    with pytest.raises(BadReply, match="set user and password"):
        read({A: {4028: bos_api(), 80: Rest(password="other")}})


def test_vnish_tells_watts_and_not_its_efficiency():
    info = {"hr_measure": "GH/s", "fw_version": "1.2.6", "system": {"network_status": {"mac": MAC}}}
    board = (CASES / "vnish_mining" / "summary_mining.json").read_bytes()
    pages = {"/api/v1/summary": board, "/api/v1/info": info, "/api/v1/status": {"miner_state": "mining"}}
    version = {"STATUS": [{"STATUS": "S"}], "VERSION": [{"Type": "Antminer S19 (Vnish 1.2.6)"}]}
    unit = {4028: Api(version=version, summary=summary(), stats=INVALID, pools=INVALID)}
    found, _, _ = read({A: {**unit, 80: lambda raw: http(pages[opened(raw)[1]])}})
    assert value(found, MAC, "power_w") == 3180
    assert value(found, MAC, "accepted_n") == 900


@pytest.mark.parametrize(
    ("answers", "model"),
    [
        ({"version": (CASES / "stock_s19_pro" / "version.json").read_bytes()}, "Antminer S19 Pro"),
        ({"version": (CASES / "luxos" / "version.json").read_bytes()}, "Antminer S19k Pro"),
        ({"GET /": b'HTTP/1.1 401 X\r\nWWW-Authenticate: Digest realm="antMiner Configuration"\r\n\r\n'}, "Antminer"),
    ],
)
def test_an_antminer_is_recognised_whatever_runs_on_it(answers, model):
    guess = antminer.recognise(Seen(A, (4028,), answers))
    assert (guess.kind, guess.rank, guess.model) == ("antminer", 3, model)


@pytest.mark.parametrize(
    ("model", "draws"), [("Braiins Mini Miner BMM 100", (40, 2)), ("Antminer S19J88NoPic", (0, 0))]
)
def test_a_braiins_mini_miner_is_proposed_with_its_own_watts(model, draws):
    """40 W at work, 2 W while it does not mine (256foundation/asic-rs issue 275): in a section with the figures of an
    Antminer it counts as off."""
    version = b'{"STATUS":[{"STATUS":"S"}],"VERSION":[{"API":"3.7","BOSer":"boser-openwrt 0.1.0-912d084c"}]}'
    details = json.dumps({"STATUS": [{"STATUS": "S"}], "DEVDETAILS": [{"Chips": 4, "Model": model}]}).encode()
    guess = antminer.recognise(Seen(A, (4028,), {"version": version, "devdetails": details}))
    assert (guess.kind, guess.model, guess.draws) == ("antminer", model, draws)


def test_another_make_is_not_recognised():
    avalon = {
        "version": b'{"STATUS":[{"STATUS":"S"}],"VERSION":[{"PROD":"AvalonMiner"}]}',
        "GET /": b"HTTP/1.1 200 \r\n",
    }
    assert antminer.recognise(Seen(A, (4028,), avalon)) is None
    assert antminer.recognise(Seen(A, (), {})) is None


def test_a_login_whose_words_would_break_the_header_is_not_answered():
    head = 'WWW-Authenticate: Digest realm="a\\"b", nonce="1"\r\n'
    rack = Rack({A: {80: lambda _: http(b"", 401, head)}})
    web = _antminer_web.Digest(rack.wire, options())
    (answer,) = web.calls([_antminer_web.Call(A, _antminer_web.CONF)])
    assert isinstance(answer, WireError)
    assert len(rack.sent) == 1


def test_what_is_remembered_can_be_read_back_and_garbage_is_nothing():
    known = _antminer_fetch.Known(MAC, "stock", "single", 17, "p")
    assert _antminer_fetch.Known.of(known.text()) == known
    assert _antminer_fetch.Known.of("nonsense") == _antminer_fetch.Known()


def test_a_port_that_is_silent_beside_one_that_answers_does_not_put_the_unit_to_rest():
    rack, patience = Rack({A: {**Board().ports, 6060: lambda _: GONE}}), Patience({}, 100_000)
    wire = rack.wire._replace(many=patience.over(rack.wire.many))
    antminer.fetch(wire, options(), Ask(at_s=100_000))
    assert [port for _, port, _ in rack.sent if port == 6060]
    assert A not in "".join(each.value for each in patience.found())
