"""The service at a real port of this machine, and a real Chromium that is told what to do through a pipe."""

import itertools
import json
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from mine_controller.api.app import create
from mine_controller.api.guard import Terms
from mine_controller.ops import tokens

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPEN = Terms()
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)  # fmt: skip
LONG_S = 40


@contextmanager
def listening(place: Any, terms: Terms = OPEN, **about: Any) -> Iterator["Live"]:
    """The service of a site until the end of the block; `about`: more that the server is told."""
    guard = create(place.path, terms)
    with socket.create_server(("127.0.0.1", 0)) as door:
        settings = uvicorn.Config(
            guard, log_level="error", server_header=False, proxy_headers=False, ws="none", **about
        )
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            yield Live(place, door.getsockname()[1], server)
        finally:
            server.should_exit = True
            thread.join()


class Live:
    """Where it listens, and tokens for it."""

    def __init__(self, place: Any, port: int, server: uvicorn.Server) -> None:
        self.place, self.port, self.at = place, port, f"http://127.0.0.1:{port}"
        self.server = server

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Until it is so, LONG_S at most."""
        until = time.monotonic() + LONG_S
        while not is_so():
            assert time.monotonic() < until, "it does not come to that"
            time.sleep(0.02)

    def token(self, role: str) -> str:
        """A new token of this role."""
        return tokens.add(self.place.config.paths, role, role, 1)


class Browser:
    """One tab. `wrong` gathers what the page complains of, `asked` every address it asked for."""

    def __init__(self, profile: Path) -> None:
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        shell = f'exec "$@" 3<&{to_read} 4>&{from_write}'
        line = ["bash", "-c", shell, "chromium", str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        about: dict[str, Any] = {"pass_fds": (to_read, from_write), "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **about)
        os.close(to_read)
        os.close(from_write)
        self._to, self._from = to_write, from_read
        self._left, self._numbers, self._session, self._target = b"", itertools.count(1), "", ""
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.fresh()

    def fresh(self) -> "Browser":
        """A new tab that remembers nothing."""
        self._session, old = "", self._target
        if old:
            self.send("Target.closeTarget", targetId=old)
        self.wrong.clear()
        self.asked.clear()
        self._target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for what in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{what}.enable")
        return self

    def close(self) -> None:
        """The end of it."""
        self.process.kill()
        self.process.wait()
        os.close(self._to)
        os.close(self._from)

    def send(self, method: str, **about: Any) -> Any:
        """One command; gives its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": about}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + LONG_S
        while True:
            found = self._next(until)
            if found.get("id") == number:
                assert "error" not in found, found["error"]
                return found["result"]
            self._hear(found)

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self._from, 1 << 16)
            assert part, "the browser has gone"
            self._left += part
        text, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def _hear(self, event: dict[str, Any]) -> None:
        about = event.get("params", {})
        if event.get("sessionId", "") != self._session:
            return  # of a tab that is gone
        if event.get("method") == "Runtime.exceptionThrown":
            self.wrong.append(str(about["exceptionDetails"].get("exception", {}).get("description", about)))
        elif event.get("method") == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.wrong.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")
        elif event.get("method") == "Network.requestWillBeSent":
            self.asked.append(about["request"]["url"])

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until it holds."""
        end = time.monotonic() + LONG_S
        while not self.run(f"(() => {{ try {{ return Boolean({condition}) }} catch (_) {{ return false }} }})()"):
            assert time.monotonic() < end, f"never: {condition}\n{self.wrong}\n{self.run('document.body.innerText')}"

    def go(self, url: str, token: str = "") -> None:
        """Open an address, logged in with a token."""
        if token:
            source = f"sessionStorage.setItem('minectl-token', {json.dumps(token)})"
            self.send("Page.addScriptToEvaluateOnNewDocument", source=source)
        self.send("Page.navigate", url=url)
        self.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def wide(self, width: int, height: int = 900) -> None:
        """The size of the screen."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def fill(self, selector: str, value: str) -> None:
        """Write into a field, or choose, as a person does."""
        self.until(f"document.querySelector({json.dumps(selector)})")
        self.run(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.value = {json.dumps(value)};"
            "one.dispatchEvent(new Event('input', {bubbles: true}));"
            "one.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def click(self, selector: str) -> None:
        """Press it."""
        self.until(f"document.querySelector({json.dumps(selector)})")
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def key(self, name: str, code: int) -> None:
        """One key on the keyboard."""
        text = {"text": "\r"} if name == "Enter" else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=name, code=name, windowsVirtualKeyCode=code, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=name, code=name, windowsVirtualKeyCode=code)

    def text(self, selector: str = "body") -> str:
        """What is read there."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    def picture(self, path: Path) -> None:
        """The page as a picture, for eyes."""
        import base64  # noqa: PLC0415 - for eyes alone

        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
