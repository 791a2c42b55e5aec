"""The same ticks through real sockets: the drivers over `wire.http`, the twin listening on 127.0.0.1, in real time."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from play.days import HEAD

from mine_controller.play import demo
from mine_controller.play.pages import serve_pages
from mine_controller.twin import coop, story

MINECTL = str(Path(sys.executable).parent / "minectl")


@pytest.fixture
def small(tmp_path):
    """Eight miners on one PDU, listening; the world stands still until the test lets it run."""
    told = story.parse(HEAD + "13:31 signal off for 1h\n")
    start_wall_s = told.start_wall_s() + 13 * 3600 + 30 * 60
    site = coop.build(1, start_wall_s, story=told, miners=8, pdus=1, extras=False)
    with demo.on_sockets(site) as servers:
        config = demo.write_config(tmp_path, site)
        yield site, servers, config


def test_an_event_is_obeyed_over_sockets_and_the_page_says_so(small):
    site, servers, config = small
    demo.live_tick(config, demo.go_on(site, servers))
    site.advance(70)
    sources = demo.go_on(site, servers)
    began = time.monotonic()
    mode = demo.live_tick(config, sources)
    assert mode == "CURTAILED"
    assert time.monotonic() - began <= 90
    site.advance(sources.boot_s() + 10)  # the last ones are still running down
    assert site.world.miners_w() < 8 * 60
    status = json.loads((config.paths.www / "status.json").read_text(encoding="utf-8"))
    assert status["mode"] == "CURTAILED"
    assert status["signal"]["value"] == "off"
    assert status["simulated"] is True
    pages = serve_pages(config.paths.www, 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{pages.server_port}/") as answer:
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert b"CURTAILED" in answer.read()
    finally:
        pages.shutdown()
        pages.server_close()


def test_shadow_mode_decides_shows_and_sends_nothing(small):
    site, servers, config = small
    path = config.paths.config
    path.write_text(path.read_text(encoding="utf-8").replace("live = yes", "live = no"), encoding="utf-8")
    demo.go_on(site, servers)
    site.advance(70)
    demo.go_on(site, servers)
    before = site.world.miners_w()
    done = subprocess.run(
        [MINECTL, "tick", "--config", str(path), "--json"], capture_output=True, text=True, check=True
    )
    plan = json.loads(done.stdout)
    assert plan["mode"].startswith("CURTAIL")
    assert plan["commands"]
    assert plan["open"] == []
    assert site.world.miners_w() == pytest.approx(before, rel=0.02)


def test_a_dry_run_asks_with_reads_only(small, monkeypatch):
    site, servers, config = small
    demo.go_on(site, servers)
    asked = []
    real = type(servers).answer

    def watched(self, section, method, target, headers, body):
        asked.append((method, target))
        return real(self, section, method, target, headers, body)

    monkeypatch.setattr(type(servers), "answer", watched)
    subprocess.run(
        [MINECTL, "tick", "--dry-run", "--config", str(config.paths.config)], capture_output=True, check=True
    )
    assert asked
    assert {method for method, _ in asked} == {"GET"}
    assert not [target for _, target in asked if "relay" in target.lower() and "=" in target]


def test_the_demo_command_prints_one_json_object(tmp_path):
    done = subprocess.run(
        [MINECTL, "demo", "--hours", "1", "--seed", "3", "--no-serve", "--json", "--dir", str(tmp_path / "d")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert {"site", "seed", "ticks", "wall_s", "energy_kwh", "permitted_kwh", "violations", "decisions_sha256"} <= set(
        found
    )
    assert {"starts", "events"} <= set(found)
    assert found["ticks"] == 30
    assert found["violations"] == []
    assert (tmp_path / "d" / "www" / "index.html").exists()


def test_the_demo_never_clears_a_folder_that_is_not_its_own(tmp_path):
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    done = subprocess.run(
        [MINECTL, "demo", "--no-serve", "--dir", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert (tmp_path / "precious.txt").read_text(encoding="utf-8") == "mine"
