"""A rack of big miners without sockets: one function a (host, port) answers bytes, a clock moves once a volley."""

import hashlib
import json
import re

from mine_controller.wire.door import Wire, WireError, in_rounds

GONE = WireError("unreachable", "no connection in 2.0 s")
REFUSED = WireError("refused", "refused the connection")


class Rack:
    """`units` maps host to {port: answer(bytes) -> bytes | tree | WireError}; `library(jobs)` stands for asic-rs.

    `sent` are (host, port, bytes) in the order sent, `volleys` how many went together, `jobs` what asic-rs was given.
    """

    def __init__(self, units, library=None, budget_s=25.0, volley_s=0.5, began=1000.0):
        self.units, self.clock, self.volley_s, self.told = units, began, volley_s, library
        self.sent, self.volleys, self.jobs, self.pauses = [], [], [], []
        self.wire = Wire(self._call, lambda: self.clock, self._sleep, self.clock + budget_s, self._many, self._library)

    def _call(self, request, until):
        raise AssertionError(f"{request.url} asked alone until {until}")

    def _sleep(self, seconds):
        self.pauses.append(seconds)
        self.clock += seconds

    def _many(self, batch, until):
        assert until <= self.wire.until
        return in_rounds(batch, self._volley)

    def _volley(self, batch):
        self.volleys.append(len(batch))
        self.clock += self.volley_s
        return [self._one(each) for each in batch]

    def _one(self, exchange):
        self.sent.append((exchange.host, exchange.port, exchange.send))
        answer = self.units.get(exchange.host, {}).get(exchange.port)
        told = REFUSED if answer is None else answer(exchange.send)
        return json.dumps(told).encode() + b"\0" if isinstance(told, dict) else told

    def _library(self, jobs, until):
        assert until <= self.wire.until
        self.jobs += jobs
        return [self.told(job) for job in jobs]

    def commands(self, host, port=4028):
        """The API commands a unit got, "name" or "name|parameter"."""
        trees = [json.loads(raw) for at, to, raw in self.sent if (at, to) == (host, port)]
        return [f"{t['command']}|{t['parameter']}" if t.get("parameter") else t["command"] for t in trees]

    def posts(self, host):
        """(path, JSON body) of what a unit's web interface was sent beside reads."""
        found = [opened(raw) for at, port, raw in self.sent if at == host and port == 80]
        return [(path, body) for method, path, _, body in found if method == "POST"]


class Api:
    """A CGMiner API: `tables` by command, a tree, bytes or a WireError; the rest is unknown to it."""

    def __init__(self, joins=True, **tables):
        self.joins, self.tables = joins, tables

    def __call__(self, raw):
        name = json.loads(raw)["command"]
        if "+" in name:
            return self._joined(name.split("+")) if self.joins else INVALID
        return self.tables.get(name, INVALID)

    def _joined(self, names):
        return {name: [_tree(self.tables.get(name, INVALID))] for name in names} | {"id": 1}


def _tree(told):
    return json.loads(told) if isinstance(told, bytes) else told


INVALID = {"STATUS": [{"STATUS": "E", "When": 1, "Code": 14, "Msg": "Invalid command"}], "id": 1}


def opened(raw):
    """Method, path, headers and JSON body of a request; a form's body is its text."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if "urlencoded" in headers.get("content-type", ""):
        return method, path, headers, body.decode()
    return method, path, headers, json.loads(body) if body else None


def http(body, status=200, head=""):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {len(raw)}\r\n{head}\r\n".encode() + raw


class StockWeb:
    """The web interface of stock firmware: a digest login, and `pages` by path: a tree, bytes or `answer(body)`."""

    nonce, realm = "5b0f", "antMiner Configuration"

    def __init__(self, password="root", **pages):
        self.password, self.calls = password, []
        self.pages = {f"/cgi-bin/{name}.cgi": page for name, page in pages.items()}

    def __call__(self, raw):
        method, path, headers, body = opened(raw)
        if not self._allowed(method, path, headers.get("authorization", "")):
            told = f'WWW-Authenticate: Digest realm="{self.realm}", nonce="{self.nonce}", qop="auth"\r\n'
            return http(b"denied", 401, told)
        self.calls.append((method, path, headers, body))
        page = self.pages.get(path)
        told = page(body) if callable(page) else page
        if isinstance(told, WireError):
            return told
        return http(b"not found", 404) if told is None else http(told)

    def _allowed(self, method, path, given):
        """Checked by the formula of RFC 7616, written out here once more."""
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', given))
        if told.get("nonce") != self.nonce:
            return False
        one = _md5(f"root:{self.realm}:{self.password}")
        two = _md5(f"{method}:{path}")
        return told["response"] == _md5(f"{one}:{self.nonce}:{told['nc']}:{told['cnonce']}:auth:{two}")


def _md5(text):
    return hashlib.md5(text.encode()).hexdigest()
