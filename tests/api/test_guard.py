"""Who gets in, how often, and what every answer carries."""

import asyncio

import pytest
from api.served import Served

from mine_controller.api.guard import BODY_MOST, Guard, Terms
from mine_controller.api.limits import KEPT, Limit, neighbourhood
from mine_controller.api.reads import document
from mine_controller.core.model.reading import Reading
from mine_controller.ops import tokens
from mine_controller.ops.recall import last_seen
from mine_controller.render.metrics import each, metrics
from mine_controller.store import query
from mine_controller.store.stop import stop_requested

SIGNAL = "/api/debug/power-signal"
OFF = {"value": "off", "for_s": 600, "reason": "drill"}


def writes(served):
    tree = served.get("/openapi.json").json()
    for path, verbs in tree["paths"].items():
        for verb in verbs:
            if verb != "get":
                yield verb.upper(), path.replace("{id}", "m001").replace("{ip}", "127.0.0.9").replace("{job}", "x")


def untouched(served):
    verbs = {one.verb for one in served.place.requests()}
    return verbs <= {"denied"} and stop_requested(served.place.config.paths) is None


def test_sec4_no_write_gets_in_without_a_token(served):
    """SEC4: every path that is not a read is 401, whatever is sent, and nothing is touched."""
    before = (served.place.path.read_bytes(), (served.place.path.parent / "fleet.csv").read_bytes())
    found = list(writes(served))
    assert len(found) > 20
    for verb, path in found:
        served.now_s += 60
        done = served.send(verb, path, OFF, role="")
        assert (verb, path, done.status_code) == (verb, path, 401)
        assert done.headers["www-authenticate"].startswith("Bearer")
    assert untouched(served)
    assert before == (served.place.path.read_bytes(), (served.place.path.parent / "fleet.csv").read_bytes())


def test_sec4_a_stolen_read_token_can_write_nothing(served):
    """SEC4"""
    for verb, path in writes(served):
        served.now_s += 60
        assert served.send(verb, path, OFF, role="read").status_code == 403
    assert untouched(served)


@pytest.mark.parametrize("word", ["Bearer nonsense", "Bearer ", "Basic YTpi", "bearer", "Bearer minectl_\xff"])
def test_a_token_that_nobody_has_is_none(served, word):
    served.bearer("operate")
    done = served.post(SIGNAL, OFF, role="", headers={"Authorization": word.encode("latin-1")})
    assert done.status_code == 401


def test_a_token_in_the_address_or_a_cookie_counts_for_nothing(served):
    token = served.bearer("admin")["Authorization"].removeprefix("Bearer ")
    done = served.post(
        f"{SIGNAL}?token={token}&access_token={token}", OFF, role="", headers={"Cookie": f"token={token}"}
    )
    assert done.status_code == 401


def test_a_revoked_token_ends_with_the_next_request(served):
    assert served.post(SIGNAL, OFF).status_code == 202
    tokens.revoke(served.place.config.paths, "operate")
    assert served.post(SIGNAL, OFF).status_code == 401


def test_a_file_of_tokens_that_others_may_read_opens_no_door(served):
    served.bearer("admin")
    tokens.path_of(served.place.config.paths).chmod(0o644)
    assert served.post(SIGNAL, OFF, role="admin").status_code == 401
    done = served.get("/healthz")
    assert done.status_code == 503
    assert "chmod 600" in done.json()["wrong"][0]


def test_who_sends_a_token_that_does_not_count_is_told_why(served):
    paths = served.place.config.paths
    assert "needs a token" in served.post(SIGNAL, OFF, role="").json()["error"]
    served.bearer("operate")
    tokens.path_of(paths).chmod(0o644)
    assert "chmod 600" in served.post(SIGNAL, OFF).json()["error"]
    tokens.path_of(paths).chmod(0o600)
    tokens.revoke(paths, "operate")
    assert "nobody has this token" in served.post(SIGNAL, OFF).json()["error"]
    served.place.path.rename(served.place.path.with_name("aside"))
    done = served.post("/api/debug/emergency-shutdown")
    assert (done.status_code, "config.txt: is gone" in done.json()["error"]) == (503, True)
    assert "config.txt: is gone" in served.get("/healthz").json()["wrong"][0]


def test_strangers_are_slowed_down_and_a_valid_token_beside_them_is_not(served):
    codes = [served.post(SIGNAL, OFF, role="").status_code for _ in range(14)]
    assert codes[:10] == [401] * 10
    assert set(codes[10:]) == {429}
    assert served.post(SIGNAL, OFF).status_code == 202


def test_too_often_says_when_again(served):
    for _ in range(30):
        assert served.post("/api/debug/raw-state", {}).status_code == 422
    done = served.post("/api/debug/raw-state", {})
    assert done.status_code == 429
    assert int(done.headers["retry-after"]) >= 1
    served.now_s += 2
    assert served.post("/api/debug/raw-state", {}).status_code == 422


def test_an_emergency_stop_is_never_too_often(served):
    for _ in range(31):
        served.post("/api/debug/raw-state", {})
    assert served.post("/api/debug/emergency-shutdown").status_code == 202
    assert stop_requested(served.place.config.paths) is not None
    served.settle()


def test_denials_are_in_the_audit_log_the_first_at_once_the_others_counted(served):
    for _ in range(3):
        served.post(SIGNAL, OFF, role="", headers={"X-Forwarded-For": "10.9.8.7"})
    first = served.place.requests()
    assert [(one.verb, one.actor, one.tty, one.source) for one in first] == [("denied", "nobody", "10.9.8.7", "api")]
    assert first[0].reason == f"POST {SIGNAL}: 401"
    served.now_s += 61
    served.get("/healthz")
    assert served.place.requests()[1].reason == f"POST {SIGNAL}: 401, and 1 more"
    served.place.ticks()
    texts = [row.text for row in query.events(served.place.config.paths, kind="request")]
    assert any("denied" in text and "nobody" in text for text in texts)


def test_a_read_only_token_that_writes_is_told_by_its_name(served):
    served.post(SIGNAL, OFF, role="read")
    assert served.place.requests()[0].actor == "token read"


def test_what_the_web_server_says_of_the_address_counts_only_from_this_machine(served):
    served.post(SIGNAL, OFF, role="", address="10.1.1.1", headers={"X-Forwarded-For": "10.9.8.7"})
    assert served.place.requests()[0].tty == "10.1.1.1"


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:5000", "", "127.0.0.1.evil.example", "a b", "[::1", "@"),
        *("evil.example@127.0.0.1", "127.0.0.1/evil.example", "127.0.0.1?evil.example", "127.0.0.1#evil.example"),
    ],
)
def test_a_name_that_is_not_ours_is_sent_away(served, host):
    done = served.get("/api/status", headers={"Host": host})
    assert done.status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168.1.50:5000", "localhost:5000", "[::1]:5000", "Mine.Example"])
def test_addresses_and_own_names_are_served(place, host):
    served = Served(place, Terms(names=("mine.example",)))
    assert served.get("/api/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_place_can_ask_for_nothing_even_with_a_token(served, headers):
    assert served.post(SIGNAL, OFF, headers=headers).status_code == 403
    assert untouched(served)


def test_the_services_own_page_may_ask(served):
    headers = {"Origin": "http://127.0.0.1:5000", "Sec-Fetch-Site": "same-origin"}
    assert served.post(SIGNAL, OFF, headers=headers).status_code == 202


def test_no_page_of_another_place_may_read_an_answer(served):
    done = served.send("OPTIONS", "/api/status", role="", headers={"Origin": "http://evil.example"})
    read = served.get("/api/status", headers={"Origin": "http://evil.example"})
    assert not [name for name in (*done.headers, *read.headers) if name.startswith("access-control")]


@pytest.mark.parametrize("told", [str(BODY_MOST + 1), "9" * 5000, "-1", "many"])
def test_a_body_that_is_said_to_be_too_large_is_not_waited_for(served, told):
    done = served.post(SIGNAL, content=b"{}", headers={"Content-Length": told})
    assert done.status_code == 413
    assert done.json()["error"] == "a body has at most 64 kB"


def test_a_browser_without_a_token_gets_the_page_for_it_and_nobody_else_does(place):
    served, browser = Served(place, Terms(read_token=True)), {"Accept": "text/html,*/*"}

    def answered(method, headers):
        done = served.send(method, "/api/status", role="", headers=headers)
        return done.status_code, done.headers["content-type"].partition(";")[0]

    assert answered("GET", browser) == (401, "text/html")
    assert answered("GET", {"X-Wish": "text/html"}) == (401, "application/json")
    assert answered("POST", browser) == (401, "application/json")
    assert answered("GET", browser | {"Host": "evil.example"}) == (421, "application/json")


def test_a_body_that_is_too_large_is_not_read(served):
    done = served.post(SIGNAL, {"value": "off", "reason": "x" * BODY_MOST})
    assert done.status_code == 413

    async def drip():
        for _ in range(70):
            yield b"x" * 1024

    done = served.post(SIGNAL, content=drip())
    assert done.status_code == 413


def test_reading_is_open_on_this_machine_alone(served):
    assert served.get("/api/status").status_code == 200
    assert served.get("/api/status", address="192.168.1.20").status_code == 401
    assert served.get("/api/status", role="read", address="192.168.1.20").status_code == 200
    assert served.get("/healthz", address="192.168.1.20").status_code == 200


def test_reading_can_be_closed_here_too(place):
    served = Served(place, Terms(read_token=True))
    assert served.get("/api/status").status_code == 401
    assert served.get("/api/status", role="read").status_code == 200


def test_every_answer_carries_the_headers_that_keep_a_browser_safe(served):
    for path in ("/api/status", "/docs", "/nothing", "/api/miners/zz"):
        headers = served.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert headers["cache-control"] == "no-store"
        assert "set-cookie" not in headers


def test_metrics_count_answers_by_path_and_never_by_what_a_stranger_typed(served):
    served.get("/api/miners/canary1")
    served.get("/canary2")
    text = served.get("/metrics").text
    assert 'minectl_serve_requests_total{method="GET",path="/api/miners/{id}",status="404"} 1' in text
    assert "minectl_info" in text
    assert "canary" not in text


def test_metrics_tell_each_miner_as_the_file_of_the_tick_does(served):
    assert "minectl_miner_" not in served.get("/metrics").text, "before the first tick nothing is known of any"
    served.place.ticks(2)
    config, text = served.place.config, served.get("/metrics").text
    book = last_seen(config.paths, config.policy).book
    written = metrics(document(config, book.image.clock.wall_s), each(book, config.policy.wiring))
    lines = [line for line in written.splitlines() if line.startswith("minectl_miner_")]
    assert len([line for line in lines if line.startswith("minectl_miner_power_watts{")]) == 8
    assert set(lines) <= set(text.splitlines())


def test_metrics_tell_the_hash_rate_that_the_last_tick_read(served, monkeypatch):
    real, rates = served.place.plant.readings, iter((99.5, 101.25, 104.75))

    def readings(of):
        told = "foreman mine/02:11:22:33:00:00:hashrate_ths"
        more = [Reading(told, next(rates), served.place.plant.now)] if "foreman mine" in of else []
        return [*real(of), *more]

    monkeypatch.setattr(served.place.plant, "readings", readings)
    served.place.ticks(3)
    assert 'minectl_miner_hashes_per_second{miner="m000"} 104750000000000' in served.get("/metrics").text.splitlines()
    channels = served.get("/api/state").json()["image"]["channels"]
    assert channels["foreman mine/02:11:22:33:00:00:hashrate_ths"]["value"] == 104.75


def test_a_websocket_is_closed(served):
    sent = []

    async def send(message):
        sent.append(message)

    guard: Guard = served.guard
    asyncio.run(guard({"type": "websocket"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_limit_forgets_the_longest_unseen_and_keeps_its_size():
    limit = Limit(1, 1, lambda: 0.0)
    for number in range(KEPT + 50):
        assert limit.take(str(number)) == 0
    assert len(limit._kept) == KEPT
    assert limit.take(str(KEPT + 49)) == 60


def test_one_household_counts_as_one():
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::2") != neighbourhood("2001:db9::1")
    assert neighbourhood("::ffff:10.0.0.1") == neighbourhood("10.0.0.1")
    assert neighbourhood("nonsense") == "?"
