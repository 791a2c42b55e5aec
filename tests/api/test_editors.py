"""The dashboard that sets states, the form of config.txt and the bands: what is told, tried, written, refused."""

import pytest
from api.served import Served, everything
from cli.agile import Home

from mine_controller.api.reads import document
from mine_controller.config.lastgood import remember
from mine_controller.config.load import load
from mine_controller.ops import replies
from mine_controller.play.demo import SITES, build, write_config
from mine_controller.store import query
from mine_controller.store.inbox import file_request

STRATEGY = "/api/settings/agile-solo-strategy"


@pytest.fixture
def attic(tmp_path, monkeypatch):
    home = Home(tmp_path)
    home.prices(15, 8, 25, 30, 11, 9, ticks=2)
    home.ticks(2)

    def tick(_config):
        home.config = load(home.path)
        home.ticks()
        return replies.Started(0)

    monkeypatch.setattr(replies, "start_tick", tick)
    return Served(home)


# -- the decision before it is taken ---------------------------------------------------------------------------------


def test_a_preview_tells_the_decision_with_and_without_and_touches_nothing(served):
    served.place.ticks(62)
    before = everything(served.place), query.ticks(served.place.config.paths, limit=1)
    found = served.post("/api/debug/preview", {"sets": [{"key": "signal", "value": "off", "for_s": 600}]}).json()
    assert (found["now"]["mode"], found["then"]["mode"]) == ("RUNNING", "CURTAILING")
    assert (found["now"]["miners_run"], found["then"]["miners_run"]) == (8, 0)
    assert found["then"]["commands"][0]["verb"] == "stop"
    assert found["asked"][0]["verdict"] == "done"
    assert {"mode", "miners_run", "commands"} <= {one["what"] for one in found["changed"]}
    assert before == (everything(served.place), query.ticks(served.place.config.paths, limit=1))


def test_what_a_preview_shows_is_what_the_tick_then_decides(served):
    served.place.ticks(62)
    sets = [{"key": "inlet_c", "value": 39, "for_s": 600}]
    shown = served.post("/api/debug/preview", {"sets": sets, "reason": "hot"}).json()["then"]
    served.post("/api/debug/temperature?wait=1", {"value": 39, "for_s": 600, "reason": "hot"})
    done = served.get("/api/debug/board").json()
    assert (done["mode"], done["why"]) == (shown["mode"], shown["why"])


def test_the_dashboard_speaks_in_the_units_of_its_site(served):
    """As every other face does: a reader in °F finds no limit of 38 there."""
    served.place.ticks(1)
    served.place.path.write_text(served.place.path.read_text().replace("[site]\n", "[site]\ntemperature_unit = F\n", 1))
    sets = [{"key": "inlet_c", "value": 39, "for_s": 600}]
    shown = served.post("/api/debug/preview", {"sets": sets, "reason": "hot"}).json()["then"]
    assert "inlet 102.2 °F is over 100.4 °F" in shown["why"]
    assert served.post("/api/debug/raw-state?wait=1", sets[0] | {"reason": "hot"}).status_code == 200
    board = served.get("/api/debug/board").json()
    told = [board["why"], *(one["text"] for one in board["limits"]), *(one["text"] for one in shown["limits"])]
    assert any("°F" in one for one in told)
    assert not any("°C" in one for one in told)


def test_sec4_a_preview_on_a_live_site_frees_nothing(served):
    """SEC4: also what is only shown must not promise that a test value loosens what a sensor forbids."""
    served.place.plant.inlet = 39.0
    served.place.ticks(62)
    found = served.post("/api/debug/preview", {"sets": [{"key": "inlet_c", "value": 10, "for_s": 600}]}).json()
    assert found["then"]["miners_run"] <= found["now"]["miners_run"]
    assert any("frees" in note for note in found["asked"][0]["notes"])


def test_a_preview_of_what_can_not_be_says_so_and_takes_no_part(served):
    served.place.ticks(62)
    sets = [{"key": "grid_hz", "value": 50}, {"key": "bogus", "value": "1"}, {"key": "signal", "value": "maybe"}]
    found = served.post("/api/debug/preview", {"sets": sets}).json()
    assert [one["verdict"] for one in found["asked"]] == ["refused"] * 3
    assert "nothing in [wiring] provides grid_hz" in found["asked"][0]["why"]
    assert found["changed"] == []


def test_giving_a_value_back_is_previewed_and_done(served):
    served.place.ticks(62)
    served.post("/api/debug/power-signal?wait=1", {"value": "off", "for_s": 1800, "reason": "drill"})
    board = served.get("/api/debug/board").json()
    assert [(one["key"], one["value"], one["actor"]) for one in board["overrides"]] == [
        ("signal", "off", "token operate")
    ]
    assert board["waiting"] == [], "the tick has answered it"
    file_request(served.place.config.paths, "cli", "eve", 1000, "", "ack", ("none",))
    assert [one["verb"] for one in served.get("/api/debug/board").json()["waiting"]] == ["ack"]
    found = served.post("/api/debug/preview", {"clears": ["signal"]}).json()
    assert (found["now"]["mode"], found["then"]["mode"]) == ("CURTAILED", "IDLE")
    assert {"what": "permitted_w", "now": 0, "then": 27_200} in found["changed"]
    assert served.post("/api/debug/clear?wait=1", {"key": "signal", "reason": "over"}).status_code == 200
    assert served.get("/api/debug/board").json()["overrides"] == []
    assert served.post("/api/debug/clear?wait=1", {"key": "signal"}).status_code == 409


def test_before_the_first_tick_there_is_nothing_to_decide_on(served):
    done = served.post("/api/debug/preview", {"sets": [{"key": "signal", "value": "off"}]})
    assert (done.status_code, "no tick has run" in done.json()["error"]) == (409, True)
    assert served.get("/api/debug/board").json()["mode"] is None


def test_the_board_names_every_key_with_what_it_may_be(served):
    served.place.ticks(1)
    keys = {one["key"]: one for one in served.get("/api/debug/board").json()["keys"]}
    assert keys["signal"]["choices"] == ["run", "off", "warn", "unknown"]
    assert (keys["inlet_c"]["low"], keys["inlet_c"]["high"], keys["inlet_c"]["unit"]) == (-40, 80, "°C")
    assert {"fan.9", "fans", "miners", "miner.m007", "max_power_kw"} <= keys.keys()
    assert "grid_hz" not in keys
    for key, about in keys.items():
        value = about["choices"][0] if about.get("choices") else about["low"]
        assert served.post("/api/debug/preview", {"sets": [{"key": key, "value": value}]}).status_code == 200
        served.now_s += 60


def test_a_twin_is_stepped(served):
    served.place.ticks(1)
    assert served.post("/api/debug/step?wait=1").status_code == 200
    assert ("tick", ("step",)) in [(one.verb, one.args) for one in served.place.requests()]


def test_a_real_mine_keeps_its_own_time(served):
    text = served.place.path.read_text()
    served.place.path.write_text(text.replace("http://127.0.0.1:9/signal", "http://192.0.2.1/signal"))
    done = served.post("/api/debug/step")
    assert (done.status_code, "no twin" in done.json()["error"]) == (409, True)
    assert served.place.requests() == ()


@pytest.mark.parametrize("kind", sorted(SITES))
def test_each_packaged_site_is_known_as_a_twin(tmp_path, kind):
    """One of them has meters and a broker by their host alone."""
    config = write_config(tmp_path, build(1, 1, None, ending_now=True, kind=kind))
    assert document(config, 1_795_000_000)["simulated"]


# -- config.txt as a form --------------------------------------------------------------------------------------------


def edits(served, *lines, role="admin", method="POST", path="/api/config/check", **more):
    changes = [dict(zip(("section", "option", "value"), line, strict=False)) for line in lines]
    sha = served.get("/api/config", "admin").json()["sha"]
    return served.send(method, path, {"sha": sha, "changes": changes, **more}, role)


def test_settings_are_shown_to_an_admin_alone_and_secrets_to_nobody(served):
    assert served.get("/api/config").status_code == 401
    assert served.get("/api/config", "operate").status_code == 403
    assert served.get("/api/config/sections/site").status_code == 401
    found = served.get("/api/config", "admin")
    assert found.status_code == 200
    assert "canary" not in found.text
    pdu = next(one for one in found.json()["sections"] if one["title"] == "redfish pdu1")
    password = next(one for one in pdu["options"] if one["key"] == "password")
    assert (password["type"], password["written"], password["value"]) == ("secret", True, "")


def test_the_form_is_made_of_the_declarations(served):
    found = served.get("/api/config", "admin").json()
    site = next(one for one in found["sections"] if one["title"] == "site")
    options = {one["key"]: one for one in site["options"]}
    assert (options["power_cap_kw"]["type"], options["power_cap_kw"]["value"]) == ("float", "1000")
    assert (options["live"]["type"], options["live"]["default"]) == ("bool", "no")
    assert options["name"]["required"]
    assert {"site", "temperature", "band", "redfish", "telegram", "pool", "alarm"} <= {
        one["kind"] for one in found["kinds"]
    }


def test_every_kind_of_section_has_a_form(served):
    for one in served.get("/api/config", "admin").json()["kinds"]:
        title = one["kind"] + (f" {one['names'][0] if one['names'] else 'x1'}" if one["named"] else "")
        served.now_s += 60
        done = served.get(f"/api/config/sections/{title}", "admin")
        assert (title, done.status_code) == (title, 200)
        assert done.json()["options"], title
    assert served.get("/api/config/sections/nonsense one", "admin").status_code == 404
    assert served.get("/api/config/sections/alarm nonsense", "admin").status_code == 404


def test_a_change_is_checked_with_its_difference_before_anything_is_written(served):
    before = everything(served.place)
    done = edits(served, ("site", "power_cap_kw", "900")).json()
    assert done["ok"]
    assert done["changed"] == [{"what": "site.power_cap_kw", "old": "1000", "new": "900"}]
    assert {"-power_cap_kw = 1000", "+power_cap_kw = 900"} <= set(done["diff"])
    wrong = edits(served, ("site", "power_cap_kw", "1e9"), ("site", "bogus", "1")).json()
    assert not wrong["ok"]
    assert len(wrong["problems"]) == 2
    assert everything(served.place) == before


def test_a_save_keeps_every_comment_is_audited_and_undone(served):
    served.place.ticks(1)
    served.place.path.write_text(served.place.path.read_text().replace("[site]", "# ours\n[site]"))
    before = served.place.path.read_text()
    done = edits(served, ("site", "power_cap_kw", "900"), ("temperature", "warn_c", "34"), method="PATCH",
                 path="/api/config?wait=1", reason="summer")  # fmt: skip
    assert done.status_code == 200
    after = served.place.path.read_text()
    assert after.replace("900", "1000").replace("[temperature]\nwarn_c = 34\n\n", "") == before
    rows = [one.args for one in served.place.requests() if one.verb == "config"]
    assert rows == [("site.power_cap_kw", "1000", "900"), ("temperature.warn_c", "", "34")]
    assert {one.reason for one in served.place.requests() if one.verb == "config"} == {"summer"}
    assert served.send("POST", "/api/config/undo?wait=1", None, "admin").status_code == 200
    assert served.place.path.read_text() == before


def test_what_would_not_check_is_not_saved(served):
    before = everything(served.place)
    done = edits(served, ("site", "power_cap_kw", "-1"), method="PATCH", path="/api/config")
    assert (done.status_code, "power_cap_kw" in done.json()["problems"][0]) == (422, True)
    assert everything(served.place) == before


def test_two_who_edit_at_once_do_not_write_over_each_other(served):
    sha = served.get("/api/config", "admin").json()["sha"]
    served.place.path.write_text(served.place.path.read_text().replace("1000", "950"))
    body = {"sha": sha, "changes": [{"section": "site", "option": "power_cap_kw", "value": "900"}]}
    done = served.send("PATCH", "/api/config", body, "admin")
    assert (done.status_code, "meanwhile" in done.json()["error"]) == (409, True)
    assert "950" in served.place.path.read_text()


def test_sec5_a_secret_is_written_and_never_read_back(served):
    """SEC5: neither the old nor the new one stands in a difference, an answer or the audit log."""
    done = edits(served, ("redfish pdu1", "password", "newcanary"), method="PATCH", path="/api/config?wait=1")
    assert done.status_code == 200
    assert "password = newcanary" in served.place.path.read_text()
    shown = edits(served, ("redfish pdu1", "password", "thirdcanary")).text + done.text
    assert "canary" not in shown
    assert "password = ***" in shown
    assert "canary" not in str(served.place.requests())
    assert edits(served, ("redfish pdu1", "password", "***")).status_code == 409


@pytest.mark.parametrize("value", ["file:/etc/minectl/config.txt", " file:x", "env:PATH", "cred:telegram"])
def test_sec5_no_file_of_the_controller_is_made_a_secret_from_elsewhere(served, value):
    """SEC5: with an address beside it, such a "password" would carry the file to whoever asked for it."""
    before = everything(served.place)
    assert edits(served, ("redfish pdu1", "password", value)).status_code == 409
    assert edits(served, ("redfish pdu1", "password", value), method="PATCH", path="/api/config").status_code == 409
    pool = {"name": "x", "url": "stratum+tcp://pool.test:3333", "wallet": "w", "password": value}
    assert served.post("/api/pools", pool, "admin").status_code == 409
    assert everything(served.place) == before


def test_a_commented_secret_is_starred_in_a_difference_too(served):
    path = served.place.path
    path.write_text(path.read_text().replace("password = canary-pdu", "#password = oldcanary\npassword = canary-pdu"))
    assert "canary" not in edits(served, ("redfish pdu1", "password", "x")).text


def test_files_of_the_controller_are_not_named_from_elsewhere(served):
    for option in ("data_dir", "www_dir", "log_file"):
        done = edits(served, ("site", option, "/tmp/x"))
        assert (done.status_code, "minectl config set" in done.json()["error"]) == (409, True)


@pytest.mark.parametrize(
    ("section", "option"),
    [("site", "data_dir=/tmp/x"), ("keep", "after_backup =/bin/x"), ("redfish pdu1", "user=x"), ("site", "#a")],
)
def test_sec5_a_key_brings_no_value_of_its_own_past_those_who_judge_values(served, section, option):
    """SEC5: `data_dir=/tmp/x` as the name of an option would have written a file's name that may not come from here."""
    before = everything(served.place)
    for method, path in (("POST", "/api/config/check"), ("PATCH", "/api/config")):
        assert edits(served, (section, option, "y"), method=method, path=path).status_code == 409
    assert everything(served.place) == before


def test_lines_and_whole_sections_are_taken_out(served):
    served.place.path.write_text(served.place.path.read_text().replace("[end]", "[temperature]\nwarn_c = 34\n\n[end]"))
    assert edits(served, ("temperature", "warn_c", None)).json()["diff"].count("-warn_c = 34") == 1
    gone = edits(served, ("temperature",)).json()
    assert (gone["ok"], [line for line in gone["diff"] if line[0] == "-"]) == (True, ["-[temperature]", "-warn_c = 34"])
    assert edits(served, ("nothing",)).status_code == 409
    assert edits(served, ("site", "bogus", None)).status_code == 409


@pytest.mark.parametrize("value", ["a\nb = c", "", "   ", "a\r[end]", "a\u2028b"])
def test_a_value_is_one_line_and_nothing_else(served, value):
    before = everything(served.place)
    done = edits(served, ("site", "name", value), method="PATCH", path="/api/config")
    assert done.status_code in (409, 422)
    assert everything(served.place) == before


def test_a_broken_config_is_mended_in_the_form(served):
    """The tokens are those of the last good one."""
    served.place.ticks(1)
    remember(served.place.config)
    text = served.place.path.read_text()
    served.place.path.write_text(text.replace("power_cap_kw = 1000", "power_cap_kw = lots"))
    found = served.get("/api/config", "admin").json()
    assert (found["ok"], len(found["problems"])) == (False, 1)
    done = edits(served, ("site", "power_cap_kw", "900"), method="PATCH", path="/api/config?wait=1")
    assert done.status_code == 200
    assert served.get("/api/config", "admin").json()["ok"]


# -- bands -----------------------------------------------------------------------------------------------------------


def as_written(served):
    rows = served.get(f"{STRATEGY}/bands").json()["bands"]
    return [{name: row[name] for name in ("id", "max_price", "target_coin", "pool", "modes")} | {
        "target_coin": row["target_coin"] or "", "pool": row["pool"] or ""} for row in rows]  # fmt: skip


def test_bands_are_previewed_on_the_published_prices(attic):
    bands, before = as_written(attic), everything(attic.place)
    same = attic.post(f"{STRATEGY}/bands/preview", {"bands": bands}).json()
    assert (same["ok"], same["diff"]) == (True, [])
    assert [one["price"] for one in same["slots"]] == [15, 8, 25, 30, 11, 9]
    assert all(one["now"] == one["then"] for one in same["slots"])
    bands[2]["max_price"] = 8.5
    assert same["notes"] == []
    found = attic.post(f"{STRATEGY}/bands/preview", {"bands": bands}).json()
    assert "+max_price = 8.5" in found["diff"]
    assert [(one["now"], one["then"]) for one in found["slots"]][-2:] == [("3", "2"), ("3", "2")]
    assert {one["band"]: one["then"] - one["now"] for one in found["hours"]}["2"] > 0
    assert everything(attic.place) == before


def test_bands_that_would_not_check_are_told_and_not_written(attic):
    bands, before = as_written(attic), everything(attic.place)
    bands[2]["max_price"] = 50
    found = attic.post(f"{STRATEGY}/bands/preview", {"bands": bands}).json()
    assert (found["ok"], found["slots"]) == (False, [])
    assert "bands go from dear to cheap" in found["problems"][0]
    assert attic.send("PUT", f"{STRATEGY}/bands", {"bands": bands}, "admin").status_code == 422
    assert attic.send("PUT", f"{STRATEGY}/bands", {"bands": [bands[0], bands[0]]}, "admin").status_code == 422
    assert everything(attic.place) == before


def test_two_edges_that_only_fit_together_are_moved_at_once(attic):
    bands = as_written(attic)
    bands[1]["max_price"], bands[2]["max_price"] = 11, 10
    done = attic.send("PUT", f"{STRATEGY}/bands?wait=1", {"bands": bands, "reason": "winter"}, "admin")
    assert done.status_code == 200
    text = attic.place.path.read_text()
    assert "# nights and other half-price hours\n[band 2]\nmax_price = 11\n" in text
    assert [one["max_price"] for one in as_written(attic)] == [None, 11, 10]


def test_a_band_comes_and_goes(attic):
    body = {"id": "gift", "max_price": 0, "target_coin": "BTC", "bitaxe_mode": "standard"}
    assert attic.post(f"{STRATEGY}/bands?wait=1", body, "admin").status_code == 200
    assert [one["id"] for one in as_written(attic)] == ["1", "2", "3", "gift"]
    assert attic.post(f"{STRATEGY}/bands", body, "admin").status_code == 409
    assert attic.post(f"{STRATEGY}/bands", body).status_code == 403
    assert attic.send("DELETE", f"{STRATEGY}/bands/gift?wait=1", role="admin").status_code == 200
    assert [one["id"] for one in as_written(attic)] == ["1", "2", "3"]
    assert attic.send("DELETE", f"{STRATEGY}/bands/gift", role="admin").status_code == 409


def test_what_a_band_may_name_is_told(attic):
    found = attic.get(f"{STRATEGY}/bands").json()["choices"]
    assert found["coins"] == ["off", "DGB", "BTC"]
    assert [one["name"] for one in found["pools"]] == ["dgb", "btc"]
    assert {"eco", "standard"} <= set(found["modes"]["bitaxe"])


def test_a_pool_is_called_as_people_call_it(served):
    """A55: the owner's own example has a space in its name, and was refused without a word of what to write."""
    new = {"name": " Solopool DGB ", "url": "stratum+tcp://solo.example", "port": 3333, "wallet": "w1", "coin": "DGB"}
    assert served.post("/api/pools?wait=1", new, "admin").status_code == 200
    assert "[pool Solopool-DGB]\n" in served.place.path.read_text()
    assert served.get("/api/pools/Solopool-DGB/health").json()["coin"] == "DGB"
    for name in ("Solopool/DGB", "", " ", "a" * 40, 5, None):
        assert served.post("/api/pools", new | {"name": name}, "admin").status_code == 422
