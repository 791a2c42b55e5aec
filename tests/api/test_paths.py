"""The pages of the service, and what holds on every path that its own document names."""

import pytest
from api.served import Served, everything

from mine_controller.api.guard import Terms

# -- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/debug", "/debug.html", "/config", "/bands"])
def test_the_editors_are_empty_of_the_site_and_open_to_whoever_must_log_in(place, path):
    place.ticks(1)
    closed = Served(place, Terms(read_token=True))
    done = closed.get(path)
    assert (done.status_code, done.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Coop test" not in done.text
    for word in ("style=", "onclick", "<script>", "https://"):
        assert word not in done.text
    assert closed.get("/service.js").headers["content-type"].startswith("text/javascript")


def test_a_browser_without_a_token_is_asked_for_one_and_a_program_is_told(place):
    place.config.paths.www.mkdir()
    (place.config.paths.www / "index.html").write_text("<html><head></head><p>secret place")
    closed = Served(place, Terms(read_token=True))
    asked = closed.get("/", headers={"Accept": "text/html,*/*"})
    assert (asked.status_code, "sv-locked" in asked.text, "secret place" in asked.text) == (401, True, False)
    assert closed.get("/api/status").json()["error"].startswith("reading needs a token")
    token = closed.bearer("read")["Authorization"].removeprefix("Bearer ")
    assert "secret place" in closed.get("/", headers={"Minectl-Token": token}).text


def test_pages_get_the_script_that_adds_buttons_and_everything_else_stays_as_it_is(served):
    www = served.place.config.paths.www
    (www / "miner").mkdir(parents=True)
    text = "<!doctype html><html><head><title>x</title></head><body>é</body></html>"
    (www / "miner" / "m001.html").write_text(text)
    (www / "a.svg").write_text("<svg><!-- </head> --></svg>")
    found = served.get("/miner/m001.html")
    added = '<link rel="stylesheet" href="/service.css"><script src="/service.js" defer></script></head>'
    assert found.text == text.replace("</head>", added)
    assert int(found.headers["content-length"]) == len(found.content)
    assert served.get("/a.svg").text == (www / "a.svg").read_text()
    assert served.get("/miner/none.html").status_code == 404


def test_the_token_in_its_own_header_counts_like_a_bearer_token(served):
    token = served.bearer("operate")["Authorization"].removeprefix("Bearer ")
    headers = {"Minectl-Token": token, "Authorization": "Basic b3duZXI6eA=="}
    assert served.get("/api/me", headers=headers).json() == {"name": "operate", "role": "operate"}
    assert served.get("/api/me", headers={"Minectl-Token": "x"}).json() == {"name": None, "role": None}
    done = served.post("/api/debug/clear", {"key": "signal"}, "", headers=headers)
    assert done.status_code == 202
    served.settle()


# -- every path ------------------------------------------------------------------------------------------------------


def operations(served):
    """(method, path with something in its places) of the document itself, so that no new path is left out."""
    for path, verbs in served.get("/openapi.json").json()["paths"].items():
        told = (
            path.replace("{id}", "m001").replace("{ip}", "127.0.0.9").replace("{job}", "x").replace("{title}", "site")
        )
        for verb in verbs:
            yield verb.upper(), told


def test_head_answers_on_every_path_that_can_be_read(served):
    served.place.ticks(1)
    served.place.config.paths.www.mkdir(exist_ok=True)
    (served.place.config.paths.www / "index.html").write_text("<html><head></head><p>page")
    reads = [path for verb, path in operations(served) if verb == "GET"]
    for path in (
        *reads,
        "/",
        "/docs",
        "/docs/style.css",
        "/openapi.json",
        "/debug",
        "/config",
        "/bands",
        "/service.js",
    ):
        served.now_s += 60
        got, head = served.get(path, "admin"), served.send("HEAD", path, role="admin")
        assert (path, head.status_code, head.content) == (path, got.status_code, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert served.send("HEAD", path, role="").status_code in (200, 401, 404)
    assert served.send("HEAD", "/api/debug/fans").status_code == served.get("/api/debug/fans").status_code


def test_sec4_every_write_is_refused_slowed_down_and_audited_and_touches_nothing(served):
    """SEC4: without a token and with a read token, on each path that the document names, whatever is sent."""
    before = everything(served.place)
    writes = [one for one in operations(served) if one[0] != "GET"]
    assert len(writes) >= 35
    for role, status in (("", 401), ("read", 403)):
        for verb, path in writes:
            served.now_s += 61
            codes = [served.send(verb, path, {"value": "off", "reason": "x"}, role).status_code for _ in range(12)]
            assert (verb, path, codes[0]) == (verb, path, status)
            assert (verb, path, set(codes[10:])) == (verb, path, {429})
    served.now_s += 61
    served.get("/healthz")
    denied = [one for one in served.place.requests() if one.verb == "denied"]
    told = " ".join(one.reason for one in denied)
    assert all(f"{verb} {path}: " in told for verb, path in writes)
    assert {one.actor for one in denied} == {"nobody", "token read"}
    assert everything(served.place) == before


def test_an_operator_changes_no_file_on_any_path(served):
    """What a lost phone with an operator's token can do: ask for states, never rewrite the site."""
    before, bodies = everything(served.place)[0], {
        "PUT": {"bands": [{"id": "1"}]}, "PATCH": {"name": "x", "url": "stratum+tcp://a:1", "max_price": 1},
    }  # fmt: skip
    for verb, path in operations(served):
        served.now_s += 61
        if verb != "GET" and "debug" not in path and "discover" not in path:
            served.send(verb, path, bodies.get(verb, {"name": "x", "id": "x", "max_price": 1, "ids": ["m001"]}))
    served.settle()
    assert everything(served.place)[0] == before
