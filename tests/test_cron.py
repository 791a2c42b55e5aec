"""What starts a tick, what serves its page and what turns its log over; the page with a real nginx."""

import configparser
import http.client
import http.server
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
CRON = ROOT / "cron"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
TICK = "/opt/minectl/current/bin/minectl tick --config /etc/minectl/config.txt"


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string((CRON / name).read_text())
    return parser


def test_cron_starts_a_tick_every_two_minutes_and_ends_it_from_outside():
    (line,) = re.findall(r"^\*.*$", (CRON / "minectl").read_text(), re.MULTILINE)
    assert line == f"*/2 * * * * minectl timeout -k 5 110 {TICK} 2>&1 | logger -t minectl"


def test_a_tick_of_cron_and_one_of_the_timer_take_memory_alike():
    (line,) = re.findall(r"^MALLOC_.*$", (CRON / "minectl").read_text(), re.MULTILINE)
    assert line == unit("minectl.service")["Service"]["Environment"]
    assert line == "MALLOC_ARENA_MAX=1"


def test_cron_reads_a_file_without_a_dot_in_its_name_and_with_a_last_newline():
    assert "." not in (CRON / "minectl").name
    assert (CRON / "minectl").read_text().endswith("\n")


def test_clk4_no_line_of_the_crontab_depends_on_a_certain_hour():
    lines = [line for line in (CRON / "minectl").read_text().splitlines() if re.match(r"[\d*]", line)]
    assert lines
    assert {tuple(line.split()[1:5]) for line in lines} == {("*",) * 4}


def test_clk4_the_timer_follows_the_boot_clock():
    timer = unit("minectl.timer")["Timer"]
    assert (timer["OnUnitActiveSec"], timer["OnBootSec"]) == ("120", "20")
    assert "OnCalendar" not in timer


def test_the_unit_ends_a_tick_as_cron_does_and_can_write_only_its_own_folders():
    service = unit("minectl.service")["Service"]
    assert (service["Type"], service["User"], service["ExecStart"]) == ("oneshot", "minectl", TICK)
    assert (service["TimeoutStartSec"], service["TimeoutStopSec"]) == ("110", "5")
    assert service["ReadWritePaths"].split() == ["-/var/lib/minectl", "-/var/log/minectl", "-/run/minectl"]
    assert (service["ProtectSystem"], service["NoNewPrivileges"]) == ("strict", "yes")
    assert service["CapabilityBoundingSet"] == ""


@pytest.mark.parametrize("name", ["minectl.service", "minectl-serve.service"])
def test_a_unit_with_ticks_begins_without_the_folder_of_its_log(name):
    """A /var/log in memory is empty after a boot: systemd began no tick, where one without a log does its work, and not
    the service with the button of the emergency stop."""
    paths = unit(name)["Service"]["ReadWritePaths"].split()
    assert [path for path in paths if not path.startswith("-/")] == []


@pytest.mark.peer
def test_systemd_understands_every_line_of_the_units(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    shutil.copy(CRON / "minectl.timer", tmp_path)
    text = (CRON / "minectl.service").read_text().replace(TICK, shutil.which("true"))
    (tmp_path / "minectl.service").write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", tmp_path / "minectl.service", tmp_path / "minectl.timer"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if str(tmp_path) in line or "minectl" in line] == []


def test_what_memory_forgets_is_made_anew_at_boot_as_the_installer_made_it():
    """/run always is memory, /var/log where the card is spared: without its folder, which only root can make, there
    would be no mine.log from the first restart on."""
    made = dict(
        re.findall(r"^d +(\S+) +(\d+) minectl minectl -$", (CRON / "minectl.tmpfiles").read_text(), re.MULTILINE)
    )
    placed = re.findall(r"^    folder (\d+) (/(?:run|var/log)/\S+)$", (ROOT / "install.sh").read_text(), re.MULTILINE)
    assert made == {"/run/minectl/www": "0755"} | {path: mode for mode, path in placed}


@pytest.mark.peer
def test_logrotate_understands_its_lines(tmp_path):
    logrotate = shutil.which("logrotate") or shutil.which("logrotate", path="/usr/sbin")
    if not logrotate:
        pytest.skip("logrotate is not installed")
    (tmp_path / "mine.log").write_text("x\n")
    text = (CRON / "minectl.logrotate").read_text().replace("/var/log/minectl", str(tmp_path))
    (tmp_path / "conf").write_text(re.sub(r"\n +(su|create) .*", "", text))
    state = ["--debug", "--state", tmp_path / "state", tmp_path / "conf"]
    done = subprocess.run([logrotate, *state], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "error" not in done.stderr


class Page(NamedTuple):
    """A served page: ask it."""

    port: int

    def get(self, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def closed_port() -> int:
    """Where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def site_text(folder: Path, port: int, upstream: int) -> str:
    """Our site file on other ports and folders; everything else as it is installed."""
    text = (CRON / "minectl.nginx").read_text()
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^    listen 80;", f"    listen 127.0.0.1:{port};", text, flags=re.MULTILINE)
    return text.replace("/run/minectl/www", str(folder / "www")).replace("127.0.0.1:5000", f"127.0.0.1:{upstream}")


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Page]:
    """A real nginx. It inherits a socket that already listens, so nothing waits for it and no port is guessed."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    user = "user root;" if os.getuid() == 0 else ""
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        (folder / "site").write_text(site_text(folder, port, upstream))
        (folder / "nginx.conf").write_text(
            f"daemon off; {user} worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{}}"
            f"http {{ include /etc/nginx/mime.types; access_log off; {temporary} include {folder}/site; }}"
        )
        command = [NGINX, "-p", folder, "-c", folder / "nginx.conf"]
        inherit = {"env": os.environ | {"NGINX": f"{listening.fileno()};"}, "pass_fds": [listening.fileno()]}
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, **inherit) as process:
            try:
                yield Page(port)
            finally:
                process.terminate()


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"service {self.path} for {self.headers['X-Forwarded-For']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def folder(tmp_path):
    if not NGINX:
        pytest.skip("nginx is not installed")
    www = tmp_path / "www"
    www.mkdir()
    for name, text in (("index.html", "<p>page"), ("status.json", "{}"), ("style.css", "p{}"), ("metrics", "up 1\n")):
        (www / name).write_text(text)
    return tmp_path


@pytest.fixture
def page(folder):
    with nginx(folder, closed_port()) as served:
        yield served


@pytest.mark.peer
def test_the_page_is_served_with_nothing_allowed_from_elsewhere(page):
    status, headers, body = page.get("/")
    assert (status, body, headers["content-type"]) == (200, "<p>page", "text/html; charset=utf-8")
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert headers["server"] == "nginx"


@pytest.mark.peer
def test_pages_and_data_are_never_kept_and_styles_are(page):
    for path in ("/", "/index.html", "/status.json", "/metrics"):
        assert page.get(path)[1]["cache-control"] == "no-store"
    assert page.get("/style.css")[1]["cache-control"] == "public, max-age=3600"
    assert page.get("/metrics")[1]["content-type"].startswith("text/plain")


@pytest.mark.peer
def test_an_error_page_has_the_same_headers(page):
    status, headers, _ = page.get("/nothing.html")
    assert (status, headers["cache-control"]) == (404, "no-store")
    assert "content-security-policy" in headers


@pytest.mark.peer
def test_the_page_can_only_be_read(page):
    assert page.get("/index.html", "PUT")[0] in (403, 405)
    assert page.get("/index.html", "POST")[0] in (403, 405)


@pytest.mark.peer
def test_without_the_service_its_paths_say_so_in_json(page):
    for path in ("/api/status", "/docs", "/debug", "/api/debug/fans"):
        status, headers, body = page.get(path)
        assert (status, headers["content-type"]) == (503, "application/json")
        assert "does not run" in body


@pytest.mark.peer
def test_the_service_is_reached_and_told_who_asks(folder):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with nginx(folder, service.server_port) as page:
            for path in ("/api/status", "/docs", "/openapi.json", "/healthz", "/debug.html", "/api/debug/fans"):
                status, headers, body = page.get(path)
                assert (status, body) == (200, f"service {path} for 127.0.0.1")
                assert headers["cache-control"] == "no-store"
        service.shutdown()
        thread.join()


def test_states_are_set_only_from_this_machine_until_the_owner_adds_an_address():
    text = (CRON / "minectl.nginx").read_text()
    block = text.partition("location ~ ^/(debug$")[2].partition("}")[0]
    assert re.findall(r"^ *(allow|deny) (\S+);", block, re.MULTILINE) == [
        ("allow", "127.0.0.1"),
        ("allow", "::1"),
        ("deny", "all"),
    ]
