"""Chromium for the tests: a folder served on a free port of 127.0.0.1, a page looked at, what it then says."""

import html
import json
import os
import re
import select
import shlex
import shutil
import subprocess
from contextlib import contextmanager, suppress

from mine_controller.play import pages

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DARK = "--blink-settings=preferredColorScheme=0"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=OptimizationHints,MediaRouter,DialMediaRouteProvider,Translate",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@contextmanager
def served(folder):
    """The folder over HTTP with the headers of the demo's server; gives its address."""
    server = pages.listen(folder, 0)
    pages.answer(server)
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def look(url, profile, *more, budget_ms=6000):
    """The document as it stands once `budget_ms` of the page's own time have gone by."""
    command = [CHROMIUM, *FLAGS, f"--virtual-time-budget={budget_ms}", f"--user-data-dir={profile}", *more]
    said = subprocess.run([*command, "--dump-dom", url], capture_output=True, text=True, timeout=170, check=True)
    return said.stdout


class Opened:
    """A page in a Chromium that runs in real time, spoken to over its debugging pipe (JSON ended by a null byte)."""

    def __init__(self, profile):
        theirs, self._out = os.pipe()
        self._in, their_out = os.pipe()
        words = shlex.join([CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"])
        line = f"exec {words} 3<&{theirs} 4>&{their_out} 2>/dev/null"
        self._child = subprocess.Popen(["/bin/bash", "-c", line], pass_fds=(theirs, their_out))
        os.close(theirs)
        os.close(their_out)
        self._rest, self._count, self._session = b"", 0, None
        targets = self.ask("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]

    def ask(self, method, **params):
        """The answer to one command; events in between are passed over."""
        self._count += 1
        command = {"id": self._count, "method": method, "params": params}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self):
        while b"\0" not in self._rest:
            assert select.select([self._in], [], [], 60)[0], "chromium says nothing"
            more = os.read(self._in, 1 << 16)
            assert more, "chromium is gone"
            self._rest += more
        first, _, self._rest = self._rest.partition(b"\0")
        return json.loads(first)

    def value(self, code):
        """What a promise or an expression in the page comes to."""
        found = self.ask("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def go(self, url):
        """Open an address and wait until its document is whole."""
        self.ask("Page.navigate", url=url)
        return self.value(
            "new Promise((done) => document.readyState === 'complete' ? done(location.href)"
            " : addEventListener('load', () => done(location.href)))"
        )

    def close(self):
        """End it."""
        self._session = None
        with suppress(AssertionError, OSError):
            self.ask("Browser.close")
        os.close(self._out)
        os.close(self._in)
        self._child.wait(30)


def told(text):
    """What a probe left in <pre id="out">."""
    return json.loads(html.unescape(re.search(r'<pre id="out">(.*?)</pre>', text, re.DOTALL)[1]))


def asked(net_log):
    """Every address that a page asked for, by Chromium's own log; what Chromium asks for itself has no initiator."""
    events = [event.get("params") or {} for event in json.loads(net_log.read_text())["events"]]
    return {one["url"] for one in events if "url" in one and str(one.get("initiator", "")).startswith("http")}
