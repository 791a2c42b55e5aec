"""The editors and the buttons in a real browser, on a real port: what a person sees, presses and is told."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from api.live import CHROMIUM, Browser, Terms, listening
from cli.agile import Home
from cli.home import Home as Shelf

from mine_controller.config.load import load
from mine_controller.ops import replies, tokens
from mine_controller.ops.recall import last_seen
from mine_controller.ports.show import show

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.timeout(180),
]
EVIL = "<img src=x onerror=window.hit=1>"
PAGE = """<!doctype html><html lang="en"><head><title>shelf</title>
<link rel="icon" href="/icon.svg"></head><body><div id="page">
<div id="service-slot" hidden></div><main><article data-miner="b01" data-address="127.77.1.1"><h2>b01</h2></article>
<table><tr data-miner="b02" data-address="127.77.1.2">
<td>b02</td><td>18 W</td></tr></table></main></div></body></html>"""
SLOW = """
import json, sys
for done in range(0, 41, 10):
    print("PROGRESS", done, 40, file=sys.stderr, flush=True)
print(json.dumps({"found": [{"address": "127.77.1.9", "state": "new", "model": "<b>Gamma</b>", "kind": "bitaxe"}]}))
"""
RENEWED = """fetch("/").then((answer) => answer.text()).then((text) => document.getElementById("page").replaceWith(
  document.adoptNode(new DOMParser().parseFromString(text, "text/html").getElementById("page"))))"""
ASKED = """fetch("/api/config", {headers: {"Minectl-Token": sessionStorage.getItem("minectl-token")}})
  .then((answer) => answer.text()).then(() => new Promise((done) => setTimeout(done, 500)))"""
OVER = """[...document.querySelectorAll("body *")].filter((one) => !one.closest(".sv-diff, svg, .skip, .hide")
  && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((one) => one.tagName + "." + one.className + "#" + one.id).slice(0, 5)"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture
def tab(chromium):
    return chromium.fresh()


def ticking(home, monkeypatch):
    def tick(_config):
        home.config = load(home.path)
        home.ticks()
        return replies.Started(0)

    monkeypatch.setattr(replies, "start_tick", tick)
    return home


@pytest.fixture
def attic(tmp_path, monkeypatch):
    home = Home(tmp_path)
    home.prices(15, 8, 25, 30, 11, 9, *[7.5] * 40, ticks=2)
    home.ticks(2)
    return ticking(home, monkeypatch)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    home = Shelf(tmp_path)
    home.ticks(1, of=4)
    home.config.paths.www.mkdir(exist_ok=True)
    (home.config.paths.www / "index.html").write_text(PAGE)
    return ticking(home, monkeypatch)


def shelf_shown(shelf):
    """Its pages as a tick writes them."""
    seen = last_seen(shelf.config.paths, shelf.config.policy)
    show(shelf.config, seen.book)


def log_in(tab, text):
    """By the keyboard alone."""
    tab.until("document.querySelector('.sv-who button, .sv-slot button')")
    tab.run("document.querySelector('.sv-who button, .sv-slot button').focus()")
    tab.key("Enter", 13)
    tab.until("document.activeElement.id === 'sv-token'")
    tab.send("Input.insertText", text=text)
    tab.key("Enter", 13)


def calm(tab, live):
    """Nothing went wrong, and nothing was asked of another place."""
    assert tab.wrong == []
    assert [one for one in tab.asked if not one.startswith((live.at, "about:", "data:"))] == []
    assert tab.run("window.hit") is None


def test_a_value_is_previewed_set_seen_and_given_back(place, tab):
    place.ticks(62)
    with listening(place) as live:
        tab.go(f"{live.at}/debug")
        log_in(tab, live.token("operate"))
        tab.until("document.getElementById('sv-who').innerText.includes('operate')")
        tab.fill("#db-key-1", "signal")
        tab.fill("#db-value-1", "off")
        tab.until("document.getElementById('db-compare')")
        assert "CURTAILING" in tab.text("#db-compare")
        assert "stop miner m0" in tab.text("#db-preview")
        assert place.requests() == ()
        tab.fill("#db-reason", "drill")
        tab.click("#db-set")
        tab.until("document.getElementById('db-mode').innerText.startsWith('CURTAIL')")
        tab.until("document.querySelector('#db-log .sv-plus')")
        assert "signal = off" in tab.text("#db-held")
        tab.click("#db-held [aria-label='Give back signal']")
        tab.until("document.getElementById('db-held').innerText.includes('Nothing is set')")
        assert [(one.verb, one.actor) for one in place.requests()] == [
            ("set-state", "token operate"), ("clear-state", "token operate"),
        ]  # fmt: skip
        calm(tab, live)


def test_times_name_the_viewers_zone_and_another_day_its_date(attic, tab):
    asked = ("set-state", "strategy", "off", "--for", "3d", "--reason", "x")
    with listening(attic) as live:
        tab.send("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
        assert attic.run(*asked).exit_code == 0
        tab.go(f"{live.at}/debug")
        tab.until("document.getElementById('db-when').innerText.includes('Tick of')")
        assert re.search(r"Tick of \d\d:\d\d:\d\d (GMT\+5:30|IST)\.", tab.text("#db-when"))
        tab.until("document.querySelector('#db-held td')")
        assert re.search(r"until \w{3}\w* ?,? \d+ \w{3}", tab.text("#db-held"))
        stop = tab.text(".sv-danger")
    assert "at its outlet where it has one" in stop


def test_a_token_that_nobody_has_is_told_in_the_dialog(place, tab):
    with listening(place) as live:
        tab.go(f"{live.at}/debug")
        log_in(tab, "minectl_wrong")
        tab.until("document.querySelector('.sv-dialog [role=alert]').innerText.includes('nobody')")
        assert tab.run("sessionStorage.length") == 0
        assert tab.run("document.cookie") == ""


def test_a_setting_is_found_checked_shown_saved_and_undone(place, tab):
    before = place.path.read_text()
    with listening(place) as live:
        tab.go(f"{live.at}/config", live.token("admin"))
        tab.fill("#cf-find", "power_cap")
        tab.until("document.querySelector('[data-title=wiring]')?.hidden")
        tab.run("document.querySelector('[data-title=site]').open = true")
        cap = "[id='cf:site:power_cap_kw']"
        tab.fill(cap, "lots")
        tab.until("document.getElementById('cf-problems')")
        assert "power_cap_kw" in tab.text("#cf-problems")
        assert tab.run("document.getElementById('cf-go').disabled")
        tab.fill(cap, "900")
        tab.until("!document.getElementById('cf-go').disabled")
        assert "+power_cap_kw = 900" in tab.text("#cf-diff")
        assert place.path.read_text() == before
        tab.fill("#cf-reason", "summer")
        tab.click("#cf-go")
        tab.until("document.querySelector('.sv-said').innerText.includes('1 changed')")
        assert place.path.read_text() == before.replace("1000", "900")
        tab.until("!document.getElementById('cf-undo').disabled")
        tab.click("#cf-undo")
        tab.click(".sv-dialog [type=submit]")
        tab.until("document.querySelector('.sv-said').innerText.includes('changed back')")
        assert place.path.read_text() == before
        calm(tab, live)


def test_a_section_is_added_and_a_secret_never_shown(place, tab):
    with listening(place) as live:
        tab.go(f"{live.at}/config", live.token("admin"))
        tab.until("document.querySelector('[data-title=\"redfish pdu1\"]')")
        tab.run("document.querySelectorAll('.sv-section').forEach((one) => { one.open = true; })")
        tab.until("document.getElementById('cf:redfish pdu1:password')")
        assert "canary" not in tab.run("document.documentElement.outerHTML")
        tab.fill("#cf-kind", "pool")
        tab.fill("#cf-name", "main")
        tab.click("#cf-add button")
        tab.fill("[id='cf:pool main:url']", "stratum+tcp://pool.test:3333")
        tab.fill("[id='cf:pool main:user']", "nobody")
        tab.until("!document.getElementById('cf-go').disabled")
        tab.click("#cf-go")
        tab.until("document.querySelector('.sv-said').innerText.includes('2 changed')")
        assert "[pool main]\nurl = stratum+tcp://pool.test:3333\nuser = nobody\n" in place.path.read_text()
        calm(tab, live)


def test_bands_are_moved_on_tomorrows_prices_and_saved(attic, tab):
    with listening(attic) as live:
        tab.go(f"{live.at}/bands", live.token("admin"))
        tab.until("document.getElementById('bd-figures')")
        assert tab.run("document.getElementById('bd-go').disabled")
        bars = "document.querySelectorAll('.sv-chart rect.sv-b2').length"
        before = tab.run(bars)
        tab.fill("[data-id='3'] [data-what=price]", "8.5")
        tab.until(f"{bars} !== {before}")
        assert "from 8.5 to below 20" in tab.text("[data-id='2']")
        tab.until("document.querySelector('#bd-figures .sv-differs')")
        tab.fill("[data-id='3'] [data-what=price]", "50")
        tab.until("document.getElementById('bd-problems')")
        assert tab.run("document.getElementById('bd-go').disabled")
        tab.fill("[data-id='3'] [data-what=price]", "8.5")
        tab.until("!document.getElementById('bd-go').disabled")
        tab.click("#bd-go")
        tab.until("document.querySelector('.sv-said')?.innerText.includes('1 changed')")
        assert "[band 3]\nmax_price = 8.5\n" in attic.path.read_text()
        calm(tab, live)


def test_the_page_gets_buttons_that_restart_remove_and_search(shelf, tab, monkeypatch):
    def slow(_config, _words):
        line = [sys.executable, "-c", SLOW]
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    monkeypatch.setattr("mine_controller.api.search.searching", slow)
    with listening(shelf) as live:
        tab.go(f"{live.at}/")
        tab.until("!document.getElementById('service-slot').hidden")
        assert tab.run("document.querySelectorAll('.sv-acts').length") == 0
        log_in(tab, live.token("admin"))
        tab.until("document.querySelectorAll('.sv-acts').length === 2")
        tab.click("[aria-label='Restart b02']")
        tab.fill("#sv-reason", "hangs")
        tab.click(".sv-dialog [type=submit]")
        tab.until("document.querySelector('.sv-said').innerText.startsWith('Restart of b02: done')")
        assert shelf.plant.sent == [("b02", "restart", "")]
        assert "; b02 restart: applied" in tab.text(".sv-said"), "a request that was taken is none that was obeyed"
        tab.run(RENEWED)
        tab.until("document.querySelectorAll('.sv-acts').length === 2")
        tab.click(".sv-slot button")
        tab.until("document.querySelector('.sv-dialog h2').innerText === 'Discover miners'")
        tab.click(".sv-dialog [type=submit]")
        tab.until("document.querySelector('.sv-dialog').innerText.includes('1 found, 1 new')")
        assert "<b>Gamma</b>" in tab.text(".sv-dialog")
        tab.key("Escape", 27)
        tab.until("!document.querySelector('.sv-dialog')")
        tab.click("[aria-label='Remove b01']")
        tab.click(".sv-dialog [type=submit]")
        tab.until("document.querySelector('[data-miner=b01]').hidden")
        assert "b01" not in shelf.fleet.read_text()
        calm(tab, live)


def test_the_pages_as_ticks_write_them_get_their_buttons_and_stay_as_wide_as_the_screen(shelf, tab):
    (shelf.config.paths.www / "index.html").unlink()
    shelf_shown(shelf)
    with listening(shelf) as live:
        token = live.token("admin")
        for path, units in (("/", 4), ("/fleet.html", 4), ("/miner/b01.html", 1)):
            tab.go(f"{live.at}{path}", token)
            tab.until(f"document.querySelectorAll('[data-miner] .sv-acts').length >= {units}")
            assert "Discover miners" in tab.text("#service-slot")
            tab.wide(320)
            assert tab.run("document.documentElement.scrollWidth") <= 320
        calm(tab, live)


MOVED = """(() => {
  window.moved = 0;
  new MutationObserver((some) => { window.moved += some.length; })
    .observe(document.getElementById("service-slot"), { childList: true, subtree: true });
  setTimeout(() => { window.rested = true; }, 700);
})()"""


@pytest.mark.parametrize("path", ["/", "/fleet.html", "/miner/b01.html"])
def test_whoever_logs_in_on_a_page_as_ticks_write_it_gets_buttons_that_stand_still(shelf, tab, path):
    """The page names the service's script, and so does whoever serves it: two at work undo each other for ever."""
    (shelf.config.paths.www / "index.html").unlink()
    shelf_shown(shelf)
    with listening(shelf) as live:
        tab.go(f"{live.at}{path}")
        log_in(tab, live.token("admin"))
        tab.until("document.querySelectorAll('[data-miner] .sv-acts').length >= 1")
        tab.run(MOVED)
        tab.until("window.rested")
        assert tab.run("window.moved") == 0
        assert "Discover miners" in tab.text("#service-slot")
        calm(tab, live)


def test_a_page_that_needs_a_token_asks_for_it_and_then_shows_itself(shelf, tab):
    with listening(shelf, Terms(read_token=True)) as live:
        tab.go(f"{live.at}/")
        assert "b01" not in tab.text()
        log_in(tab, live.token("read"))
        tab.until("document.querySelector('[data-miner=b01]')")
        assert tab.run("document.querySelectorAll('.sv-acts').length") == 0
        tab.go(f"{live.at}/index.html")
        tab.until("document.querySelector('[data-miner=b01]')")


def test_a_page_behind_a_token_tells_its_age_renews_itself_and_turns_red_like_any_other(shelf, tab):
    (shelf.config.paths.www / "index.html").unlink()
    shelf_shown(shelf)
    with listening(shelf, Terms(read_token=True)) as live:
        tab.go(f"{live.at}/")
        log_in(tab, live.token("read"))
        tab.until("document.documentElement.classList.contains('is-old')")
        assert "what it does now is not known" in tab.text("#old")
        page = shelf.config.paths.www / "index.html"
        page.write_text(page.read_text().replace("</main>", "<p id=news>news</p></main>"))
        status = shelf.config.paths.www / "status.json"
        status.write_text(json.dumps(json.loads(status.read_text()) | {"written_at": 1}))
        tab.run("document.getElementById('page').dataset.refresh = 0.1")
        tab.until("document.getElementById('news')")
        assert not [one for one in tab.wrong if "status.json" in one]


@pytest.mark.parametrize(
    ("path", "field", "go"),
    [("config", "[id='cf:site:name']", "#cf-go"), ("bands", "#bd-rows li:nth-child(2) [data-what=price]", "#bd-go")],
)
def test_what_was_typed_outlives_a_token_that_is_gone_when_it_is_saved(attic, tab, path, field, go):
    with listening(attic) as live:
        tab.go(f"{live.at}/{path}", live.token("admin"))
        tab.until(f"document.querySelectorAll('{'.sv-section' if path == 'config' else '#bd-rows li'}').length > 1")
        tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        tab.fill(field, "19")
        tab.until(f"!document.querySelector('{go}').disabled")
        tokens.revoke(attic.config.paths, "admin")
        tab.click(go)
        tab.until("document.querySelector('#sv-token')")
        tab.fill("#sv-token", live.token("admin"))
        tab.click(".sv-dialog [type=submit]")
        tab.until("!document.querySelector('.sv-dialog')")
        tab.run(ASKED)  # what the login had asked for is there, too
        tab.until(f"!document.querySelector('{go}').disabled")
        assert tab.run(f"document.querySelector({json.dumps(field)}).value") == "19"
        tab.click(go)
        tab.until("document.querySelector('.sv-said').innerText.includes('1 changed')")


def test_an_emergency_stop_that_is_not_taken_says_so_where_it_was_pressed(place, tab):
    place.ticks(1)
    with listening(place) as live:
        tab.go(f"{live.at}/debug")
        tab.until("document.querySelector('#db-rows li')")
        tab.click("#db-stop")
        assert tab.text(".sv-dialog h2") == "Log in"
        tab.key("Escape", 27)
        token = live.token("operate")
        tab.go(f"{live.at}/debug?", token)
        tab.until("document.getElementById('sv-who').innerText.includes('operate')")
        tokens.revoke(place.config.paths, "operate")
        tab.click("#db-stop")
        tab.click(".sv-dialog [type=submit]")
        tab.until("document.querySelector('.sv-dialog .sv-wrong').innerText.startsWith('Not stopped: ')")
        assert not place.config.paths.stop.exists()
        assert tab.run("document.querySelector('.sv-dialog').open")


def axe():
    found = find_spec("axe_core_python")
    path = Path(str(found.origin)).parent / "axe.min.js" if found is not None else None
    return path.read_text() if path is not None and path.is_file() else ""


def open_all(tab, live, token):
    """Each editor with everything on it that can be there."""
    tab.go(f"{live.at}/debug", token)
    tab.until("document.querySelector('#db-rows li')")
    tab.fill("#db-key-1", "band")
    tab.fill("#db-value-1", "off")
    tab.until("document.getElementById('db-compare')")
    yield "debug"
    tab.go(f"{live.at}/config")
    tab.until("document.querySelector('[data-title=\"pool dgb\"]')")
    tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    tab.fill("[id='cf:site:name']", EVIL + "w" * 60)
    tab.until("document.getElementById('cf-diff')")
    yield "config"
    tab.run("document.getElementById('cf-drop').click()")
    tab.go(f"{live.at}/bands")
    tab.until("document.getElementById('bd-figures')")
    tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    yield "bands"


def test_no_editor_is_wider_than_its_screen_and_each_is_fit_for_everybody(attic, tab):
    attic.path.write_text(attic.path.read_text().replace("name = Attic", f"name = Attic {EVIL}"))
    attic.config = load(attic.path)
    attic.ticks()
    script, wide, unfit = axe(), [], []
    with listening(attic) as live:
        for name in open_all(tab, live, live.token("admin")):
            for width in (320, 768, 1440):
                tab.wide(width)
                over = tab.run(OVER)
                scroll = tab.run("document.documentElement.scrollWidth") > width
                wide += [(name, width, over)] if over or scroll else []
            for tone in ("light", "dark") if script else ():
                tab.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": tone}])
                tab.run(f"(() => {{ if (!window.axe) {{ {script} }} }})()")
                found = json.loads(tab.run("axe.run().then((one) => JSON.stringify(one.violations))"))
                unfit += [(name, tone, one["id"], [node["html"][:90] for node in one["nodes"][:3]]) for one in found]
        assert wide == []
        assert unfit == []
        assert tab.run("window.hit") is None
        assert [one for one in tab.wrong if "beforeunload" not in one] == []
