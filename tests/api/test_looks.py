"""GET: bodies as scripts know them."""

import json
import sqlite3
import time
from contextlib import closing

import pytest
from api.served import Served
from cli.agile import Home
from cli.home import Home as Shelf

from mine_controller.config.lastgood import remember
from mine_controller.config.load import load
from mine_controller.store import query
from mine_controller.store.inbox import file_request

STRATEGY = "/api/settings/agile-solo-strategy"


@pytest.fixture
def shelf(tmp_path):
    return Served(Shelf(tmp_path))


@pytest.fixture
def attic(tmp_path):
    home = Home(tmp_path)
    home.prices(15, 8, 25, 30, ticks=3)
    home.ticks(3)
    return Served(home)


def test_status_has_what_scripts_read(served):
    served.place.ticks(2)
    found = served.get("/api/status").json()
    names = {"mode", "why", "next", "power_w", "cap_w", "temperatures", "fans", "signal", "price", "miners", "alarms"}
    assert names <= found.keys()
    assert (found["mode"], found["miners"]["total"], found["miners"]["online"]) == ("RUNNING", 8, 8)
    assert found["tick_at"] == query.ticks(served.place.config.paths, limit=1)[0].tick_at
    assert 0 <= found["age_s"] < 600


def test_before_the_first_tick_nothing_is_known_and_nothing_is_zero(served):
    found = served.get("/api/status").json()
    assert (found["mode"], found["power_w"], found["tick_at"]) == ("INIT", None, None)
    assert served.get("/api/state").json()["image"] is None
    stats = served.get("/api/stats").json()
    assert (stats["total_miners"], stats["online"], stats["power_w"]) == (8, None, None)
    assert stats["power_w_known"] == "0 of 8 known"


def test_state_is_the_whole_image_memory_and_decision_with_its_reasons_in_words(served):
    served.place.ticks(2)
    found = served.get("/api/state").json()
    assert found["image"]["channels"]["roomalert intake/1:temp_c"]["value"] is not None
    assert found["decision"]["why"]["text"] == "8 of 8 miners run"
    assert {"memory", "miners", "overrides"} <= found["state"].keys()
    assert "canary" not in json.dumps(found)


def test_the_two_documents_are_one(served, monkeypatch):
    served.place.ticks(1)
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: now_s)  # every age in them grows by the second
    one, two = served.get("/status.json").json(), served.get("/dashboard_data.json").json()
    assert one == two
    assert one["schema"] == 1


def test_a_miner_goes_by_mac_address_and_id(shelf):
    shelf.place.ticks(1)
    assert [one["id"] for one in shelf.get("/api/miners").json()["miners"]] == ["b01", "b02", "b03", "n01"]
    for name in ("b02", "02:77:00:00:00:02", "02-77-00-00-00-02", "127.77.1.2"):
        assert shelf.get(f"/api/miners/{name}").json()["id"] == "b02"
    assert shelf.get("/api/miners/NM-CYD-000001").json()["id"] == "n01"
    missing = shelf.get("/api/miners/b0")
    assert missing.status_code == 404
    assert "did you mean" in missing.json()["error"]


def test_stats_say_over_how_many(shelf):
    shelf.place.ticks(1)
    found = shelf.get("/api/stats").json()
    assert (found["total_miners"], found["online"], found["offline"]) == (4, 4, 0)
    assert (found["power_w"], found["power_w_known"]) == (54, "3 of 4 known")
    assert (found["avg_temp_c"], found["hashrate_ths"]) == (58.5, 3.63)


def test_a_rate_that_is_a_text_is_none_that_the_sum_lacks(shelf):
    shelf.place.ticks(1)
    assert [one["hashrate"] is None for one in shelf.get("/api/miners").json()["miners"]] == [True, True, True, False]
    assert shelf.get("/api/stats").json()["hashrate_ths_known"] == "3 of 3 known"


def test_prices_and_bands(attic):
    price = attic.get("/api/energy/current-price").json()["now"]
    assert (price["p_kwh"], price["band"]) == (15, "2")
    assert attic.get("/api/status").json()["price"] == price
    made = attic.get("/status.json").json()
    assert made["price"] == price
    assert (made["bands"]["band"], made["bands"]["price"]) == (price["band"], price["p_kwh"]), "no page yet"
    slots = attic.get("/api/energy/forecast?hours=3").json()
    assert [one["price"] for one in slots["slots"]] == [15, 8, 25, 30]
    assert {one["band"] for one in slots["slots"]} <= {"1", "2", "3"}
    found = attic.get(STRATEGY).json()
    assert (found["enabled"], found["band"], found["coin"]) == (True, "2", "DGB")
    assert found["modes"] == {"bitaxe shelf": {"mode": "eco", "pool": "dgb"}}
    assert found["next"]["band"] == slots["next"][0]["band"]
    bands = attic.get(f"{STRATEGY}/bands").json()["bands"]
    assert [(one["id"], one["max_price"], one["target_coin"]) for one in bands] == [
        ("1", None, "off"), ("2", 20, "DGB"), ("3", 12, "BTC"),
    ]  # fmt: skip
    assert (bands[1]["bitaxe_mode"], bands[1]["avalon_nano_mode"]) == ("eco", "low")


def test_pools_tell_their_health_and_no_user(attic):
    found = attic.get("/api/pools")
    assert [one["name"] for one in found.json()["pools"]] == ["dgb", "btc"]
    assert "canary" not in found.text
    assert attic.get("/api/pools/btc/health").json()["coin"] == "BTC"
    assert attic.get("/api/pools/nope/health").status_code == 404


def test_the_audit_log_is_searched(served):
    served.post("/api/debug/fans?wait=1", {"fan.3": "on", "reason": "belt"})
    found = served.get("/api/audit?kind=request&actor=token operate").json()["events"]
    assert len(found) == 1
    assert "fan.3 on" in found[0]["text"]
    assert served.get("/api/audit?actor=nobody").json()["events"] == []
    assert served.get(f"/api/audit?until={10**9}").json()["events"] == []
    assert served.get("/api/audit?since=never").status_code == 422


def test_the_reason_of_an_audit_row_comes_as_data_as_events_have_it(served):
    """It was JSON packed into a text, which whoever reads the answer had to unpack once more."""
    served.place.ticks(2)
    rows = served.get("/api/audit").json()["events"]
    typed = json.loads(served.place.run("events", "--json").stdout)
    assert [row["reason"] for row in rows] == [row["reason"] for row in typed]
    assert {type(row["reason"]) for row in rows} == {list}


@pytest.mark.parametrize("written", ["nobody knows", "[" * 20_000, "[NaN, 1]"])
def test_a_reason_that_was_changed_by_hand_costs_nobody_the_other_rows(served, written):
    served.place.ticks(2)
    with closing(sqlite3.connect(served.place.config.paths.db)) as db, db:
        db.execute("UPDATE events SET reason = ? WHERE id = 1", (written,))
    rows = served.get("/api/audit").json()["events"]
    typed = json.loads(served.place.run("events", "--json").stdout)
    assert len(rows) == len(typed) > 1


def test_docs_name_every_path_and_load_nothing_from_elsewhere(served):
    page, tree = served.get("/docs").text, served.get("/openapi.json").json()
    assert len(tree["paths"]) > 30
    for path in tree["paths"]:
        assert f"<code>{path}</code>" in page
    assert "http://127.0.0.1" in page
    assert 'rel="icon" href="/icon.svg"' in page, "or every look asks for a favicon.ico that is not there"
    for word in ("<script", "https://", "//cdn", "style="):
        assert word not in page
    assert served.get("/docs/style.css").headers["content-type"].startswith("text/css")


PROMISED = """\
GET /api/status
GET /api/state
GET /dashboard_data.json
GET /status.json
GET /api/miners
GET /api/miners/{id}
PATCH /api/miners/{id}
DELETE /api/miners/{id}
DELETE /api/miner/{ip}
POST /api/miner/{ip}/restart
POST /api/miners/{id}/restart
POST /api/miners/bulk/enable
POST /api/miners/bulk/disable
POST /api/miners/bulk/restart
POST /api/miners/bulk/mode
GET /api/stats
POST /api/discover
GET /api/discover/{job}
GET /api/settings/agile-solo-strategy
POST /api/settings/agile-solo-strategy/execute
POST /api/settings/agile-solo-strategy/enable
POST /api/settings/agile-solo-strategy/disable
GET /api/settings/agile-solo-strategy/bands
PATCH /api/settings/agile-solo-strategy/bands/{id}
POST /api/settings/agile-solo-strategy/bands/reset
GET /api/energy/current-price
GET /api/energy/forecast
POST /api/energy/update-prices
GET /api/pools
POST /api/pools
PATCH /api/pools/{id}
DELETE /api/pools/{id}
GET /api/pools/{id}/health
GET /api/profiles
POST /api/profiles
POST /api/profiles/{id}/apply
GET /api/audit
POST /api/debug/power-signal
POST /api/debug/miners
POST /api/debug/fans
POST /api/debug/temperature
POST /api/debug/raw-state
POST /api/debug/emergency-shutdown
GET /metrics
GET /healthz
"""


def test_every_promised_path_is_there(served):
    tree = served.get("/openapi.json").json()["paths"]
    assert [
        line for line in PROMISED.splitlines() if line.split()[0].lower() not in tree.get(line.split()[1], {})
    ] == []


def test_the_page_is_served_beside_and_nothing_around_it(served):
    www = served.place.config.paths.www
    www.mkdir()
    (www / "index.html").write_text("<p>the page</p>")
    assert served.get("/").text == "<p>the page</p>"
    for path in ("/../config.txt", "/%2e%2e/config.txt", "/..%2fconfig.txt", "//etc/passwd", "/tokens.json"):
        assert served.get(path).status_code == 404
    assert served.post("/index.html").status_code == 405


def test_a_public_site_tells_no_address(tmp_path):
    home = Shelf(tmp_path)
    home.path.write_text(home.path.read_text().replace("live = yes", "live = yes\npublish = public"))
    home.later()
    home.ticks(1)
    served = Served(home)
    for path in ("/api/miners", "/api/miners/b01", "/api/state"):
        assert "127.77.1" not in served.get(path).text


def test_sec6_a_public_site_names_nobody_over_http(tmp_path):
    home = Home(tmp_path)
    home.path.write_text(home.path.read_text().replace("live = yes", "live = yes\npublish = public"))
    fleet = home.config.paths.fleet
    fleet.write_text(fleet.read_text().replace("bitaxe shelf,", "bitaxe shelf,Rosas kitchen"))
    home.config = load(home.path)
    home.prices(15, 8, 25, 30, ticks=4)
    home.ticks(2)
    for key, value in (("strategy", "off"), ("max_power_kw", "0.01")):
        file_request(home.config.paths, "cli", "rosa maria", 1000, "pts/1", "set-state", (key, value), "humming")
    home.ticks(2)
    served = Served(home)
    for path in ("status", "state", "audit", "miners", "miners/b01", "debug/board", STRATEGY.removeprefix("/api/")):
        assert "rosa" not in served.get(f"/api/{path}").text.lower(), path
    assert served.get(STRATEGY).json()["reason"] == "strategy off by a person: humming"
    assert {one["actor"] for one in served.get("/api/audit?kind=request").json()["events"]} == {"a person"}


def test_a_config_that_was_changed_counts_at_once(shelf):
    assert shelf.get("/api/stats").json()["total_miners"] == 4
    lines = shelf.place.fleet.read_text().splitlines()
    shelf.place.fleet.write_text("\n".join(lines[:-1]) + "\n")
    assert shelf.get("/api/stats").json()["total_miners"] == 3


def test_a_tick_that_is_named_after_a_second_to_come_is_no_time_old(served, monkeypatch):
    served.place.ticks(2)
    newest = query.ticks(served.place.config.paths, limit=1)[0].tick_at
    monkeypatch.setattr("time.time", lambda: newest - 2.0)  # two ticks in a second: each has a name of its own
    assert served.get("/healthz").json()["tick_age_s"] == 0


def test_a_broken_config_is_told_and_not_a_fault(shelf):
    shelf.place.path.write_text("[site\n")
    done = shelf.get("/api/status")
    assert done.status_code == 503
    assert done.json()["problems"]
    assert shelf.get("/healthz").status_code == 503


def test_a_secrets_file_that_is_there_again_counts_at_once(shelf):
    path, secret = shelf.place.path, shelf.place.path.with_name("dead.secret")
    path.write_text(path.read_text().replace("[wiring]", "[deadman]\nurl = file:dead.secret\n\n[wiring]"))
    secret.touch(0o600)
    secret.write_text("http://127.0.0.1:9/x")
    remember(load(path))
    secret.rename(path.with_name("aside"))
    assert "the last good one counts" in shelf.get("/healthz").text
    path.with_name("aside").rename(secret)
    assert "the last good one counts" not in shelf.get("/healthz").text


def test_a_damaged_database_is_told_and_not_a_fault(served):
    served.place.ticks(1)
    served.place.config.paths.db.write_bytes(b"nonsense" * 2000)
    for path in ("/api/status", "/api/miners", "/api/audit", "/api/stats"):
        done = served.get(path)
        assert (path, done.status_code) == (path, 503)
        assert "doctor" in done.json()["error"]
