"""The real asic-rs against recorded answers, where it is installed and ports 80 and 4028 of 127.x.y.z are ours."""

import contextlib
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from mine_controller.wire import asic_rs
from mine_controller.wire.door import Job

pytestmark = pytest.mark.peer
pytest.importorskip("pyasic_rs", reason="asic-rs is not installed")
CASES = Path(__file__).resolve().parents[1] / "cases" / "antminer"
LOGINS = (("Braiins", "root", "root"), ("VNish", "root", "admin"))
HOST = f"127.{100 + os.getpid() % 100}.{os.getpid() // 100 % 250}."


class Server:
    """One listening unit; `heard` are "METHOD path" or CGMiner commands."""

    def __init__(self, server, host, port, handler):
        try:
            self.server = server((host, port), handler)
        except OSError as error:
            pytest.skip(f"port {port} can't be had here: {error.strerror}")
        self.server.heard = self.heard = []
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Web(ThreadingHTTPServer):
    daemon_threads = allow_reuse_address = True


class Tcp(ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


def web(host, pages, port=80):
    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            self.server.heard.append(f"{self.command} {self.path}")
            status, told = pages(self.path, self.headers, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - names of the library

        def handle(self):
            with contextlib.suppress(OSError):  # it asks several pages at once and hangs up on those it can spare
                super().handle()

        def log_message(self, *about):
            pass

    return Server(Web, host, port, Handler)


def api(host, tables):
    class Handler(BaseRequestHandler):
        def handle(self):
            raw = self.request.recv(65_536)
            if raw:
                command = json.loads(raw)["command"]
                self.server.heard.append(command)
                self.request.sendall(json.dumps(tables(command)).encode() + b"\0")

    return Server(Tcp, host, 4028, Handler)


@pytest.fixture
def units():
    made = []
    yield made
    for unit in made:
        unit.close()


def told(job):
    (answer,) = asic_rs.run([job], time.monotonic() + 20)
    return answer


def braiins(path, headers, body):
    path = path.rstrip("/")
    recorded = (
        CASES / "braiins_rest_25_07" / f"{path.removeprefix('/api/v1/').replace('/', '_').replace('-', '_')}.json"
    )
    if path == "":
        return 200, b"<html>Braiins OS</html>"
    if path == "/graphql":
        version = {"bos": {"info": {"version": {"full": "2025-08-06-0-3881c51d-25.07-plus"}}}}
        return 200, json.dumps({"data": {"bosminer": {"info": {"modelName": "Antminer S19 XP"}}, **version}}).encode()
    if path == "/api/v1/auth/login":
        good = json.loads(body) == {"username": "root", "password": "root"}
        return (200, (CASES / "braiins_commands" / "auth_login.json").read_bytes()) if good else (401, b"{}")
    if headers.get("authorization") != "exampletoken":
        return 401, b"{}"
    if path.startswith("/api/v1/actions/"):
        return 200, (CASES / "braiins_commands" / "actions_pause.json").read_bytes()
    return (200, recorded.read_bytes()) if recorded.exists() else (404, b"{}")


def test_it_pauses_braiins_os_once_and_only_the_right_unit(units):
    host = HOST + "1"
    units.append(web(host, braiins))
    assert told(Job(host, "stop", "02:00:00:00:00:99", logins=LOGINS))["stranger"] is True
    assert told(Job(host, "stop", "02:00:00:00:00:05", logins=LOGINS))["said"] is True
    assert [heard for heard in units[0].heard if heard.startswith("PUT")] == ["PUT /api/v1/actions/pause"]
    read = told(Job(host, "read", logins=LOGINS))
    assert (read["mac"].lower(), read["watts"], read["state"]) == ("02:00:00:00:00:05", 3137, "Mining")


def vnish(path, headers, body):
    info = {"miner": "Antminer S19", "fw_version": "1.2.6", "hr_measure": "GH/s", "platform": "xil"}
    info["system"] = {"network_status": {"mac": "02:00:00:00:00:0b", "hostname": "v"}}
    pages = {"/": b"<html>AnthillOS</html>", "/api/v1/info": json.dumps(info).encode()}
    if path == "/api/v1/unlock":
        good = json.loads(body) == {"pw": "admin"}
        return (200, (CASES / "vnish_commands" / "unlock_ok.json").read_bytes()) if good else (403, b"{}")
    if path == "/api/v1/mining/stop":
        return (200, b"{}") if headers.get("authorization") == "Bearer eyJ-example-token" else (401, b"{}")
    if path in pages:
        return 200, pages[path]
    return 500, (CASES / "vnish_commands" / "error.json").read_bytes()


def test_it_stops_vnish_and_says_no_more_than_no_to_a_wrong_password(units):
    host = HOST + "2"
    units.append(web(host, vnish))
    assert told(Job(host, "stop", "02:00:00:00:00:0b", logins=LOGINS))["said"] is True
    assert told(Job(host, "stop", "02:00:00:00:00:0b", logins=(("VNish", "root", "bad"),)))["said"] is False
    assert told(Job(host, "run", "02:00:00:00:00:0b", logins=LOGINS))["said"] is False


def test_it_reaches_for_the_write_api_of_a_whatsminer_that_it_only_reads(units):
    """Why no Whatsminer is handed to it; when this fails, the rule may go."""
    host = HOST + "3"

    def whatsminer(command):
        if command == "devdetails":
            return {"STATUS": [{"STATUS": "S"}], "DEVDETAILS": [{"Driver": "bitmicro", "Model": "M30S+_VE40"}]}
        if command == "get_version":
            return {"STATUS": "S", "Code": 131, "Msg": {"api_ver": "2.0.5", "fw_ver": "20230322.22.REL"}}
        return {"STATUS": "E", "Code": 14, "Msg": "invalid cmd", "Description": "whatsminer v2"}

    units.append(api(host, whatsminer))
    read = told(Job(host, "read"))
    assert "open_write_api" in units[0].heard
    assert (read["mining"], read["mac"], read["rate"]) == (True, None, None)


def test_a_limit_of_vnish_is_the_strongest_preset_it_is_tuned_for(units):
    """Without that, 0.8.6 sets the one of 3000 W."""
    settings = {"miner": {"overclock": {"preset": "2000", "globals": {"freq": 500}}}}
    told_ = (("disabled", "untuned"), ("2000", "tuned"), ("2500", "tuned"), ("3000", "untuned"))
    presets = [{"name": name, "pretty": f"{name} watt", "status": status} for name, status in told_]
    written = []

    def pages(path, headers, body):
        if path == "/api/v1/autotune/presets":
            return 200, json.dumps(presets).encode()
        if path == "/api/v1/settings" and body:
            written.append(json.loads(body))
            settings["miner"] |= written[-1]["miner"]
            return 200, b'{"restart_required":false,"reboot_required":false}'
        return (200, json.dumps(settings).encode()) if path == "/api/v1/settings" else vnish(path, headers, body)

    host = HOST + "7"
    units.append(web(host, pages))
    assert told(Job(host, "limit", "02:00:00:00:00:0b", "3200", logins=LOGINS))["said"] is True
    assert [body["miner"]["overclock"]["preset"] for body in written] == ["2500"]


def obeys(written, state="mining", *, wants=True):
    """A VNish unit that keeps what it is set to, and takes it up at its next start where it `wants` one."""
    settings = {"miner": {"overclock": {"preset": "2000"}}}
    presets = [{"name": name, "status": "tuned"} for name in ("2000", "2500")]

    def pages(path, headers, body):
        if path == "/api/v1/status":
            return 200, json.dumps({"miner_state": state, "restart_required": bool(written) and wants}).encode()
        if path in ("/api/v1/mining/start", "/api/v1/mining/restart"):
            return (200, b"null") if headers.get("authorization") == "Bearer eyJ-example-token" else (401, b"{}")
        if path == "/api/v1/autotune/presets":
            return 200, json.dumps(presets).encode()
        if path == "/api/v1/settings" and body:
            written.append(json.loads(body))
            settings["miner"] |= written[-1]["miner"]
            return 200, json.dumps({"restart_required": wants, "reboot_required": False}).encode()
        return (200, json.dumps(settings).encode()) if path == "/api/v1/settings" else vnish(path, headers, body)

    return pages


def orders(unit):
    posted = [heard for heard in unit.heard if heard.startswith("POST") and "unlock" not in heard]
    return [heard.rpartition("/")[2] for heard in posted]


POOL = (("stratum+tcp://north.example:3333", "acct.w1", "x"),)


def test_it_starts_and_restarts_vnish_and_writes_one_pool(units):
    """What 0.8.6 sends: a start and no resume, and the pool's host and port alone; here in each of its places."""
    written, host, mac = [], HOST + "9", "02:00:00:00:00:0b"
    units.append(web(host, obeys(written, wants=False)))
    assert told(Job(host, "run", mac, logins=LOGINS))["said"] is True
    assert told(Job(host, "restart", mac, logins=LOGINS))["said"] is True
    assert told(Job(host, "pool", mac, "north", LOGINS, POOL))["said"] is True
    assert orders(units[0]) == ["start", "restart", "settings"]
    rows = [(row["url"], row["user"], row["pass"]) for row in written[0]["miner"]["pools"]]
    assert rows == [("north.example:3333", "acct.w1", "x")] * 3


def test_a_pool_of_vnish_is_written_with_its_stand_ins_into_all_three_places(units):
    """Its description has three places, no more and no fewer; 0.8.6 writes as many as it is given."""
    written, host = [], HOST + "14"
    units.append(web(host, obeys(written, wants=False)))
    south = ("stratum+tcp://south.example:443", "acct.w2", "y")
    assert told(Job(host, "pool", "02:00:00:00:00:0b", "north", LOGINS, (*POOL, south)))["said"] is True
    rows = written[0]["miner"]["pools"]
    assert [row["user"] for row in rows] == ["acct.w1", "acct.w2", "acct.w2"]


@pytest.mark.parametrize(("state", "sent"), [("mining", ["settings", "restart"]), ("stopped", ["settings"])])
@pytest.mark.parametrize("job", [("pool", "north", POOL), ("limit", "2500", ())])
def test_a_setting_of_vnish_that_waits_for_a_start_gets_one_unless_the_unit_is_stopped(units, state, sent, job):
    """0.8.6 never starts it anew, so that it would hash for the old pool for good; who is stopped stays so."""
    host, (verb, value, pools) = HOST + "10", job
    units.append(web(host, obeys([], state)))
    assert told(Job(host, verb, "02:00:00:00:00:0b", value, LOGINS, pools))["said"] is True
    assert orders(units[0]) == sent


def test_a_state_that_it_has_no_name_for_is_told_in_the_words_of_the_firmware(units):
    """MARA's firmware 3.14 asleep, as captured in a test of asic-rs: the library knows no `Sleep`."""
    brief = {"status": "Sleep", "hashrate_realtime": 0, "power_consumption_estimated": 25, "elapsed": 264}
    pages = {"brief": brief, "overview": {"mac": "02:00:00:00:00:31"}}
    version = {"STATUS": [{"STATUS": "S", "Description": "MARAFW"}], "VERSION": [{"Model": "Antminer S19J Pro"}]}

    def mara(path, headers, body):
        told = pages.get(path.rpartition("/")[2])
        return (200, json.dumps(told).encode()) if told else (404, b"{}")

    host = HOST + "11"
    units += [web(host, mara), api(host, lambda command: version)]
    read = told(Job(host, "read"))
    assert (read["firmware"], read["state"], read["rate"], read["watts"]) == ("Marathon", "Sleep", 0, 25)


@pytest.mark.parametrize(("after", "known"), [("restarting", True), ("mining", False)])
def test_a_start_of_vnish_that_is_obeyed_without_a_word_is_seen_by_what_it_does(units, after, known):
    """Its description has no body for the answer, and 0.8.6 calls an empty one a failure."""
    host, written, restarted = HOST + "13", [], []
    obeyed = obeys(written)

    def pages(path, headers, body):
        if path == "/api/v1/mining/restart":
            restarted.append(path)
            return 200, b""
        if path == "/api/v1/status" and restarted:
            return 200, json.dumps({"miner_state": after, "restart_required": True}).encode()
        return obeyed(path, headers, body)

    units.append(web(host, pages))
    answer = told(Job(host, "pool", "02:00:00:00:00:0b", "north", LOGINS, POOL))
    assert (answer.get("said"), len(restarted)) == (True if known else None, 1)
    assert ("start anew" in answer.get("error", "")) is not known


@pytest.mark.parametrize(
    ("verb", "state", "said"),
    [
        ("stop", "stopped", True),
        ("stop", "shutting-down", True),
        ("stop", "mining", False),
        ("run", "starting", True),
        ("run", "stopped", False),
        ("restart", "restarting", True),
        ("restart", "mining", False),
    ],
)
def test_what_vnish_obeys_without_a_word_is_a_yes_when_its_state_shows_it(units, verb, state, said):
    """A real S19 answers these with 200 and nothing, which 0.8.6 calls a no (notes of an API user, VNish 1.2)."""

    def pages(path, headers, body):
        if path.startswith("/api/v1/mining/"):
            return 200, b""
        return (
            (200, json.dumps({"miner_state": state}).encode())
            if path == "/api/v1/status"
            else vnish(path, headers, body)
        )

    host = HOST + "15"
    units.append(web(host, pages))
    assert told(Job(host, verb, "02:00:00:00:00:0b", logins=LOGINS))["said"] is said


@pytest.mark.parametrize(("mode", "mining"), [({"Sleep": "on"}, False), ({"Sleep": "off"}, True), (None, True)])
def test_an_auradine_is_told_as_not_mining_only_where_its_mode_says_sleep(units, mode, mining):
    """So that a false may be believed of this one; when this fails, it may not."""
    good, host = {"STATUS": [{"STATUS": "S"}]}, HOST + "12"
    tables = {
        "version": {"VERSION": [{"GCMiner": "1.2.3"}]},
        "devdetails": {"DEVDETAILS": [{"Model": "AT2880"}]},
        "summary": {"SUMMARY": [{"MHS 5s": 0, "Elapsed": 500, "Wattage": 0}]},
    }
    pages = {"/token": {"Token": [{"Token": "abc"}]}, "/ipreport": {"IPReport": [{"mac": "02:00:00:00:00:41"}]}}
    pages |= {"/mode": {"Mode": [mode]}} if mode else {}

    def auradine(path, headers, body):
        return (200, json.dumps({**good, **pages[path]}).encode()) if path in pages else (404, b"{}")

    units += [web(host, auradine, 8080), api(host, lambda command: {**good, **tables.get(command, {})})]
    read = told(Job(host, "read"))
    assert (read["firmware"], read["mining"], read["state"]) == ("Auradine Stock", mining, None)


@pytest.mark.parametrize("model", ["1566", "Q"])
def test_an_avalon_gets_no_command_by_it(units, model):
    """0.8.6 would send a limit of 2500 W as worklevel 2.5 kW."""
    row = {"PROD": f"AvalonMiner {model}", "MODEL": model, "MAC": "020000000021", "CGMiner": "4.11.1"}
    host = HOST + "8"
    units.append(api(host, lambda command: {"STATUS": [{"STATUS": "S"}], "VERSION": [row], "id": 1}))
    assert told(Job(host, "limit", value="2500"))["elsewhere"] == "avalon"
    assert "ascset" not in units[0].heard
