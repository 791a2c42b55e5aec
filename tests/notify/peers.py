"""Peers on 127.0.0.1: an SMTP server with AUTH and error codes, and an HTTP server that plays Telegram, Twilio, Discord
and healthchecks with the answers it is given."""

import base64
import json
import socketserver
import threading
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs

HANG = "hang"  # headers, then silence
CUT = "cut"  # nothing at all


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


class Http:
    """`answers`: what the next calls get, the last one for ever: (status, body, headers), HANG or CUT."""

    def __init__(self) -> None:
        self.answers: list[Any] = [(200, {"ok": True}, {})]
        self.asked: list[Asked] = []
        self.over = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                peer.asked.append(Asked(self.command, self.path, dict(self.headers), body))
                answer = peer.answers.pop(0) if len(peer.answers) > 1 else peer.answers[0]
                self.close_connection = True
                if answer == CUT:
                    return
                if answer == HANG:
                    self.send_response(200)
                    self.send_header("Content-Length", "100")
                    self.end_headers()
                    peer.over.wait(20)
                    return
                status, said, headers = answer
                text = said.encode() if isinstance(said, str) else json.dumps(said).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), "Connection": "close", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


class _Talk(socketserver.StreamRequestHandler):
    """One connection to the mail server; `self.server.peer` is the Smtp."""

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        peer = self.server.peer
        self.say(peer.codes.get("greet", "220 peer ready"))
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            address = line.partition("<")[2].partition(">")[0]
            bad = peer.codes.get(f"{verb} {address}") or peer.codes.get(verb)
            if bad == HANG:
                peer.over.wait(20)
                return
            if bad:
                self.say(bad)
            elif not self.good(verb, line, address):
                return

    def good(self, verb, line, address):
        peer = self.server.peer
        if verb == "EHLO":
            self.wfile.write(b"250-peer\r\n250-SMTPUTF8\r\n250 AUTH PLAIN\r\n")
        elif verb == "AUTH":
            peer.logins.append(base64.b64decode(line.split()[2]).decode())
            self.say("235 welcome")
        elif verb == "DATA":
            self.say("354 go on")
            raw = b""
            while (part := self.rfile.readline()) != b".\r\n":
                raw += part
            peer.mails.append(message_from_bytes(raw, policy=default))
            self.say("250 taken")
        else:
            peer.rcpt += [address] if verb == "RCPT" else []
            self.say("221 bye" if verb == "QUIT" else "250 ok")
        return verb != "QUIT"


class Smtp:
    """`codes`: verb or "RCPT <address>" -> the line it answers instead of the good one."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}
        self.mails: list[Any] = []
        self.logins: list[str] = []
        self.rcpt: list[str] = []
        self.over = threading.Event()
        self.server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Talk, bind_and_activate=True)
        self.server.daemon_threads, self.server.peer = True, self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
