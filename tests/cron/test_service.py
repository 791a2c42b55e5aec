"""The site file of nginx in front of the real service, with a real browser before both."""

import http.client
import json

import pytest
import test_cron
from api.live import CHROMIUM, Browser, listening
from test_cron import NGINX, closed_port, nginx

from mine_controller.ops.recall import last_seen
from mine_controller.ports.show import show

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not NGINX, reason="nginx is not installed")]
ADDED = '<script src="/service.js" defer></script></head>'
INLINE = "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hit = 1'}))"
ALLOWED = "allow 127.0.0.1;\n        allow ::1;\n"
ONCE = ("content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy", "cache-control")


@pytest.fixture
def folder(tmp_path):
    """nginx shows what the ticks of the site wrote."""
    made = tmp_path / "nginx"
    made.mkdir()
    return made


def ask(port, path, method="GET", body=None, headers=None):
    """The status, every header with all of its values, and the body."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request(method, path, body, headers or {})
    answer = line.getresponse()
    text = answer.read().decode()
    line.close()
    found = {}
    for name, value in answer.getheaders():
        found.setdefault(name.lower(), []).append(value)
    return answer.status, found, text


def written(place, folder):
    place.ticks(3)
    seen = last_seen(place.config.paths, place.config.policy)
    show(place.config, seen.book)
    (folder / "www").symlink_to(place.config.paths.www)
    return place


def test_the_pages_are_files_whether_the_service_runs_or_not(place, folder):
    written(place, folder)
    with nginx(folder, closed_port()) as page:
        status, headers, body = page.get("/index.html")
        assert (status, body.count(ADDED)) == (200, 1)
        assert "script-src" not in headers["content-security-policy"]
        script = page.get("/service.js")
        assert (script[0], script[2], script[1]["cache-control"]) == (200, "", "no-store")
        assert page.get("/config")[0] == 503
    with listening(place) as live, nginx(folder, live.port) as page:
        assert page.get("/index.html")[2].count(ADDED) == 1
        assert "Minectl" in page.get("/service.js")[2]


def test_every_answer_of_the_service_has_each_header_once(place, folder):
    written(place, folder)
    with listening(place) as live, nginx(folder, live.port) as page:
        for path in ("/api/status", "/debug", "/config", "/bands", "/docs", "/service.css", "/api/nothing"):
            _, headers, _ = ask(page.port, path)
            assert [name for name in ONCE if len(headers[name]) != 1] == []
            assert headers["content-security-policy"][0].startswith("default-src 'self'")
            assert headers["cache-control"] == ["no-store"]
        assert json.loads(page.get("/api/status")[2])["mode"] == "RUNNING"
        status, _, body = page.get("/api/status", "HEAD")
        assert (status, body) == (200, "")


def test_whoever_may_not_set_states_gets_the_page_that_only_shows(place, folder, monkeypatch):
    """The address allow-list decides; the file in www/ is what is left, also while the service is away."""
    written(place, folder)
    (place.config.paths.www / "debug.html").write_text("<html><head></head><p>only shows")
    with listening(place) as live:
        with nginx(folder, live.port) as page:
            assert "db-form" in page.get("/debug.html")[2]
        usual = test_cron.site_text
        monkeypatch.setattr(test_cron, "site_text", lambda *about: usual(*about).replace(ALLOWED, ""))
        with nginx(folder, live.port) as page:
            status, headers, body = page.get("/debug.html")
            assert (status, "only shows" in body, "db-form" in body) == (200, True, False)
            assert "content-security-policy" in headers
            assert page.get("/debug")[0] == page.get("/api/debug/board")[0] == 403
            assert page.get("/config")[0] == 200
    with nginx(folder, closed_port()) as page:
        assert "only shows" in page.get("/debug.html")[2]


def test_a_front_door_on_this_machine_opens_nothing_that_is_for_this_machine_alone(place, folder):
    written(place, folder)
    visitor = {"X-Forwarded-For": "203.0.113.7"}
    with listening(place) as live, nginx(folder, live.port) as page:
        assert ask(page.port, "/debug")[0] == 200
        assert ask(page.port, "/debug", headers=visitor)[0] == 403
        assert ask(page.port, "/api/debug/board", headers=visitor)[0] == 403


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.timeout(180)
def test_a_person_behind_the_web_server_logs_in_and_sets_a_state_under_its_policy(place, folder, tmp_path):
    written(place, folder)
    tab = Browser(tmp_path / "profile")
    try:
        with listening(place) as live, nginx(folder, live.port) as page:
            at = f"http://127.0.0.1:{page.port}"
            tab.go(f"{at}/index.html", live.token("admin"))
            tab.until("document.querySelector('.sv-slot').innerText.includes('admin')")
            tab.go(f"{at}/debug")
            tab.until("document.querySelector('#db-rows li')")
            tab.fill("#db-key-1", "fan.3")
            tab.fill("#db-value-1", "on")
            tab.fill("#db-reason", "belt")
            tab.click("#db-set")
            tab.until("document.getElementById('db-held').innerText.includes('fan.3 = on')")
            tab.until("document.getElementById('db-mode').innerText !== '-'")
            assert [(one.actor, one.tty) for one in place.requests()] == [("token admin", "127.0.0.1")]
            assert tab.wrong == []
            tab.run(INLINE)
            assert tab.run("window.hit") is None
            assert any("Content Security Policy" in one for one in tab.wrong)
    finally:
        tab.close()


def test_a_foreign_page_is_sent_away_through_the_web_server_too(place, folder):
    """A port that is not 80 stands in Origin and Host alike, so our own page may ask and nobody else's."""
    written(place, folder)
    with listening(place) as live, nginx(folder, live.port) as page:
        head = {"Authorization": f"Bearer {live.token('operate')}", "Content-Type": "application/json"}
        body = json.dumps({"value": "off", "for_s": 60, "reason": "drill"})
        own = {**head, "Origin": f"http://127.0.0.1:{page.port}", "Sec-Fetch-Site": "same-origin"}
        assert ask(page.port, "/api/debug/power-signal", "POST", body, own)[0] == 202
        alien = {**head, "Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-site"}
        assert ask(page.port, "/api/debug/power-signal", "POST", body, alien)[0] == 403
