"""The picture of docs/home-assistant.md: `python bench/homeassistant.py VENV`, with a real Home Assistant in VENV.

VENV holds homeassistant==2024.3.3 and what its frontend and MQTT need (the last release that runs on Python 3.11):

    pip install homeassistant==2024.3.3 home-assistant-frontend==20240307.0 paho-mqtt==1.6.1 josepy==1.14.0 \
        pyOpenSSL==24.0.0 janus==1.0.0 Pillow==10.2.0 psutil-home-assistant==0.0.1 securetar==2024.2.1 \
        SQLAlchemy==2.0.27 fnv-hash-fast==0.5.0 numpy==1.26.0 PyTurboJPEG==1.7.1

A simulated home is told to a Mosquitto of its own, Home Assistant finds it there, and every document of discovery must
have become an entity. Needs mosquitto and chromium; nothing leaves this machine. Writes docs/home-assistant.png.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from mine_controller.cli import collect
from mine_controller.collect import process
from mine_controller.config.load import load
from mine_controller.config.model import Config
from mine_controller.ops.recall import last_seen
from mine_controller.play import demo
from mine_controller.ports import homeassistant
from mine_controller.twin import agile

DOCS = Path(__file__).resolve().parents[1] / "docs"
SECTION = "[homeassistant]\nhost = 127.0.0.1\nport = {port}\ncommands = run, mode, pool, strategy, band\n\n[end]"
NIGHT = 1_794_441_600  # 2026-11-12 00:00 UTC: cheap hours
HOURS, WIDTH, HEIGHT = 4, 1180, 760
CONFIGURATION = """\
homeassistant: {{name: Home, unit_system: metric, time_zone: UTC, latitude: 52, longitude: 0}}
http: {{server_host: 127.0.0.1, server_port: {port}}}
frontend:
config:
lovelace: {{mode: yaml}}
logger: {{default: warning}}
"""


def main() -> None:
    """Simulate, tell, look."""
    venv = Path(sys.argv[1])
    folder = Path(tempfile.mkdtemp(prefix="minectl-ha-"))
    try:
        with _mosquitto(folder) as port, _hass(venv, folder, port) as web:
            token = _owner(web)
            config = _site(folder, port)
            told = _tell(config)
            with _collecting(config):
                time.sleep(5)
                asked = {"entity_id": "select.twin_agile_home_price_band", "option": "2"}
                _ask(f"{web}/api/services/select/select_option", json.dumps(asked), token=token["access_token"])
                time.sleep(2)
                _picture(venv, f"{web}/lovelace/0", token, web)
            names = {state["entity_id"] for state in _ask(f"{web}/api/states", token=token["access_token"])}
            print(f"{told} documents of discovery, {len(names)} entities that are enabled")
            print(DOCS / "home-assistant.png")
    finally:
        shutil.rmtree(folder)


def _site(folder: Path, port: int) -> Config:
    """A simulated home at the end of some hours, with the section."""
    site = agile.build(1, NIGHT)
    config = demo.write_config(folder / "site", site)
    demo.live_through(site, config, 1, HOURS, lambda *_: None, guard=False)
    text = config.paths.config.read_text(encoding="utf-8")
    config.paths.config.write_text(text.replace("[end]", SECTION.format(port=port)), encoding="utf-8")
    return load(config.paths.config)


def _tell(config: Config) -> int:
    seen = last_seen(config.paths, config.policy)
    assert seen is not None
    assert seen.book.image is not None
    doc = homeassistant.document(config, seen.book, seen.book.image.clock.wall_s)
    (title, options), *_ = config.channels.items()
    job = homeassistant.job_of(config, seen.book, title, options, doc)
    outcomes: dict[str, homeassistant.Came] = {}
    homeassistant._publish(job, time.monotonic() + 10, outcomes)  # noqa: SLF001 - the very call of a tick
    assert outcomes == {title: homeassistant.Came("")}, outcomes
    return sum(post.topic.endswith("/config") for post in job.batch.posts)


@contextmanager
def _collecting(config: Config) -> Iterator[None]:
    """Somebody who takes commands."""
    ended = threading.Event()
    work = threading.Thread(
        target=lambda: process.run(
            {}, config.paths.collect, ended, lambda: False, print, orders=collect.orders_of(config)
        )
    )
    work.start()
    try:
        yield
    finally:
        ended.set()
        work.join()


@contextmanager
def _mosquitto(folder: Path) -> Iterator[int]:
    port = _free_port()
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    with _running(["mosquitto", "-c", str(folder / "mosquitto.conf")]):
        time.sleep(1)
        yield port


@contextmanager
def _hass(venv: Path, folder: Path, broker: int) -> Iterator[str]:
    home, port = folder / "hass", _free_port()
    (home / ".storage").mkdir(parents=True)
    (home / "configuration.yaml").write_text(CONFIGURATION.format(port=port))
    shutil.copy(DOCS / "home-assistant-dashboard.yaml", home / "ui-lovelace.yaml")
    entry = {
        "entry_id": "mine", "version": 1, "minor_version": 2, "domain": "mqtt", "title": "broker", "options": {},
        "data": {"broker": "127.0.0.1", "port": broker, "discovery": True, "discovery_prefix": "homeassistant"},
        "pref_disable_new_entities": False, "pref_disable_polling": False, "source": "user", "unique_id": None,
        "disabled_by": None,
    }  # fmt: skip
    kept = {"version": 1, "minor_version": 1, "key": "core.config_entries", "data": {"entries": [entry]}}
    (home / ".storage" / "core.config_entries").write_text(json.dumps(kept))
    with _running([str(venv / "bin" / "hass"), "-c", str(home), "--skip-pip"]):
        time.sleep(15)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _owner(web: str) -> dict[str, Any]:
    """The first person of a new Home Assistant, past its questions."""
    person = {"client_id": f"{web}/", "name": "owner", "username": "owner", "password": "owner", "language": "en"}
    code = _ask(f"{web}/api/onboarding/users", json.dumps(person))["auth_code"]
    asked = urlencode({"grant_type": "authorization_code", "code": code, "client_id": f"{web}/"})
    token: dict[str, Any] = _ask(f"{web}/auth/token", asked, kind="application/x-www-form-urlencoded")
    for step in ("core_config", "analytics", "integration"):
        answer = {"client_id": f"{web}/", "redirect_uri": f"{web}/"} if step == "integration" else {}
        try:
            _ask(f"{web}/api/onboarding/{step}", json.dumps(answer), token=token["access_token"])
        except OSError as error:  # it wants integrations that are not there; the step counts as taken all the same
            print(f"onboarding {step}: {error}")
    return token


def _ask(url: str, body: str | None = None, *, token: str = "", kind: str = "application/json") -> Any:
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    asked = urllib.request.Request(url, body.encode() if body is not None else None, headers)  # noqa: S310 - our own host
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - the same
        return json.load(answer)


SHOT = """
import asyncio, aiohttp, json, sys
async def main(port, url, script, width, height):
    async with aiohttp.ClientSession() as session:
        pages = await (await session.get(f"http://127.0.0.1:{port}/json")).json()
        page = next(one for one in pages if one["type"] == "page")
        async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as line:
            async def do(number, method, **given):
                await line.send_json({"id": number, "method": method, "params": given})
                while True:
                    told = json.loads((await line.receive()).data)
                    if told.get("id") == number:
                        return told["result"]
            await do(1, "Page.enable")
            size = {"width": int(width), "height": int(height), "deviceScaleFactor": 1, "mobile": False}
            await do(2, "Emulation.setDeviceMetricsOverride", **size)
            await do(3, "Page.addScriptToEvaluateOnNewDocument", source=script)
            await do(4, "Page.navigate", url=url)
            await asyncio.sleep(12)
            print((await do(5, "Page.captureScreenshot", format="png"))["data"])
asyncio.run(main(*sys.argv[1:]))
"""


def _picture(venv: Path, url: str, token: dict[str, Any], web: str) -> None:
    """The dashboard, by a browser that is logged in."""
    kept = json.dumps(json.dumps({**token, "hassUrl": web, "clientId": f"{web}/", "expires": 9_999_999_999_999}))
    hidden = json.dumps('"always_hidden"')
    script = f"localStorage.setItem('hassTokens', {kept}); localStorage.setItem('dockedSidebar', {hidden});"
    port, profile = str(_free_port()), tempfile.mkdtemp(prefix="minectl-chromium-")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
    with _running([*command, f"--user-data-dir={profile}", f"--remote-debugging-port={port}", "about:blank"]):
        time.sleep(4)
        line = [str(venv / "bin" / "python"), "-c", SHOT, port, url, script, str(WIDTH), str(HEIGHT)]
        shot = subprocess.run(line, check=True, capture_output=True, text=True)
    (DOCS / "home-assistant.png").write_bytes(base64.b64decode(shot.stdout))
    shutil.rmtree(profile, ignore_errors=True)


if __name__ == "__main__":
    main()
