"""`minectl serve` and `minectl tokens` as typed; the service as a real process."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.place import closed_port

from mine_controller.ops import tokens

ROOT = Path(__file__).resolve().parents[2]


def test_a_token_is_printed_once_and_listed_without_its_text(place):
    done = place.run("tokens", "add", "phone")
    text = done.stdout.strip()
    assert text.startswith("minectl_")
    assert "shown this once" in done.stderr
    listed = place.run("tokens", "list", "--json")
    assert [(one["name"], one["role"]) for one in json.loads(listed.stdout)] == [("phone", "operate")]
    assert text not in listed.stdout
    assert tokens.find(tokens.load(place.config.paths), text).name == "phone"


def test_tokens_are_revoked_and_what_is_wrong_is_told(place):
    place.run("tokens", "add", "phone", "--role", "admin")
    assert "already" in place.run("tokens", "add", "phone").stderr
    assert place.run("tokens", "revoke", "phone").stdout == "phone (admin) is revoked.\n"
    done = place.run("tokens", "revoke", "phone")
    assert (done.exit_code, "there is none" in done.stderr) == (1, True)
    assert "nothing can be asked" in place.run("tokens").stdout


def test_a_certificate_needs_its_key(place, tmp_path):
    cert = tmp_path / "c.pem"
    cert.write_text("x")
    done = place.run("serve", "--cert", str(cert))
    assert (done.exit_code, "go together" in done.stderr) == (2, True)


def test_files_that_are_no_certificate_are_one_sentence(place, tmp_path):
    cert, key = tmp_path / "c.pem", tmp_path / "k.pem"
    for path in (cert, key):
        path.write_text("x")
    done = place.run("serve", "--port", str(closed_port()), "--cert", str(cert), "--key", str(key))
    said = f"minectl: {cert} and {key} are no certificate and its key, as PEM\n"
    assert (done.exit_code, done.stderr) == (2, said)


def test_a_port_that_is_taken_is_one_sentence_and_1(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = place.run("serve", "--port", str(port))
    said = f"minectl: can't listen on 127.0.0.1:{port}: Address already in use; --host and --port say where else\n"
    assert (done.exit_code, done.stderr) == (1, said)


def test_a_host_that_can_be_no_name_is_one_sentence_and_1(place):
    done = place.run("serve", "--host", "a..b")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("minectl: can't listen on a..b:5000: ")


def test_an_address_that_a_name_has_twice_is_listened_on_once(place, monkeypatch):
    one, bound = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", closed_port())), []
    monkeypatch.setattr("socket.getaddrinfo", lambda *_about, **_more: [one, one])  # as glibc tells of /etc/hosts
    monkeypatch.setattr("uvicorn.Server.run", lambda _self, sockets: bound.extend(sockets))
    done = place.run("serve", "--host", "localhost")
    assert len(bound) == 1, done.stderr
    bound[0].close()


def test_the_address_that_is_printed_can_be_opened(place, monkeypatch):
    monkeypatch.setattr("mine_controller.cli.serve._sockets", lambda _host, _port: [])
    monkeypatch.setattr("uvicorn.Server.run", lambda _self, sockets: sockets)
    for host, shown in (("::1", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("localhost", "localhost")):
        assert place.run("serve", "--host", host).stderr.splitlines()[-1] == f"http://{shown}:5000/docs"


@pytest.mark.parametrize("name", ["serve", "tokens"])
def test_help_tells_examples_and_exit_codes(place, name):
    done = place.run(name, "--help")
    assert f"  minectl {name}" in done.stdout
    assert "Exit: 0" in done.stdout


def test_a_missing_extra_is_one_sentence(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = place.run("serve")
    assert done.exit_code == 1
    assert "sudo ./install.sh" in done.stderr
    assert "pip install minectl" not in done.stderr.replace("'", ""), "that name may be somebody else's package"


@contextmanager
def process(place, port):
    line = [sys.executable, "-P", "-c", "from mine_controller.cli.main import main; main()", "serve"]
    line += ["--config", str(place.path), "--port", str(port)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(line, stderr=subprocess.PIPE, env=env) as one:
        try:
            yield one
        finally:
            one.kill()


def ask(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def wait_open(port):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("it does not listen")


def test_the_real_service_answers_on_loopback_alone_and_ends_when_told(place):
    place.ticks(1)
    port = closed_port()
    with process(place, port) as one:
        wait_open(port)
        status, headers, body = ask(port, "GET", "/api/status")
        assert (status, json.loads(body)["mode"]) == (200, "INIT")
        assert "server" not in {name.lower() for name in headers}
        assert ask(port, "POST", "/api/debug/emergency-shutdown")[0] == 401
        assert ask(port, "GET", "/api/status", headers={"Host": "evil.example"})[0] == 421
        lines = Path(f"/proc/{one.pid}/net/tcp").read_text().splitlines()
        listening = [line.split()[1] for line in lines if line.split()[1].endswith(f":{port:04X}")]
        assert {line.partition(":")[0] for line in listening} == {"0100007F"}
        one.send_signal(signal.SIGTERM)
        assert one.wait(20) == 0


def test_a_lost_line_ends_it_as_well_as_sigterm_does(place):
    """An owner's ssh that broke off: it fell out of its loop with a traceback, in the middle of an answer."""
    place.ticks(1)
    port = closed_port()
    with process(place, port) as one:
        wait_open(port)
        one.send_signal(signal.SIGHUP)
        assert one.wait(20) == 0
        assert b"Traceback" not in one.stderr.read()


def test_who_does_not_hear_of_a_lost_line_serves_on(place):
    """nohup"""
    place.ticks(1)
    port = closed_port()
    heard = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with process(place, port) as one:
            wait_open(port)
            one.send_signal(signal.SIGHUP)
            assert ask(port, "GET", "/api/status")[0] == 200
    finally:
        signal.signal(signal.SIGHUP, heard)
