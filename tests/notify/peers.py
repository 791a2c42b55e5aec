"""Peers on 127.0.0.1: an SMTP server with AUTH and error codes, and an HTTP server that plays Telegram, Twilio, Discord
and healthchecks with the answers it is given."""

import base64
import json
import socketserver
import threading
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """`answers`: what the next calls get, the last one for ever: (status, body, headers), HANG or CUT.

    `routes`: the last word of a path -> what answers there instead, given what was asked.
    """

    def __init__(self) -> None:
        self.answers: list[Any] = [(200, {"ok": True}, {})]
        self.asked: list[Asked] = []
        self.routes: dict[str, Callable[[Asked], Any]] = {}
        self.over = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = Asked(self.command, self.path, dict(self.headers), body)
                peer.asked.append(asked)
                route = peer.routes.get(self.path.rpartition("/")[2])
                answer = route(asked) if route else peer.answers.pop(0) if len(peer.answers) > 1 else peer.answers[0]
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
                text = (
                    said if isinstance(said, bytes) else (said if isinstance(said, str) else json.dumps(said)).encode()
                )
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


class BotApi:
    """The Bot API on an Http: updates by offset as the service keeps them, and everything the bot said.

    `refuse`: method -> the answer it gets instead of the good one.
    """

    def __init__(self, http: Http) -> None:
        self.updates: list[Any] = []
        self.offsets: list[int | None] = []
        self.said: list[dict[str, str]] = []
        self.pressed: list[dict[str, str]] = []
        self.refuse: dict[str, Any] = {}
        http.routes |= {"getUpdates": self._updates, "sendMessage": self._send, "answerCallbackQuery": self._press}

    def _updates(self, asked: Asked) -> Any:
        if "getUpdates" in self.refuse:
            return self.refuse["getUpdates"]
        offset = asked.json.get("offset")
        self.offsets.append(offset)
        if offset is not None and offset < 0:
            self.updates = self.updates[offset:]
        elif offset is not None:
            self.updates = [one for one in self.updates if one["update_id"] >= offset]
        return (200, {"ok": True, "result": self.updates[: asked.json["limit"]]}, {})

    def _send(self, asked: Asked) -> Any:
        self.said.append(asked.form)
        taken = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}
        return self.refuse.get("sendMessage", (200, {"ok": True, "result": taken}, {}))

    def _press(self, asked: Asked) -> Any:
        self.pressed.append(asked.form)
        return self.refuse.get("answerCallbackQuery", (200, {"ok": True, "result": True}, {}))

    def write(self, number: int, text: str, at: int, chat: int = -100, user: int = 7, kind: str = "group") -> None:
        """Somebody writes in a chat."""
        who = {"id": user, "is_bot": False, "first_name": "Eve <b>", "username": "eve"}
        message = {"message_id": number, "date": at, "chat": {"id": chat, "type": kind}, "from": who, "text": text}
        self.updates.append({"update_id": number, "message": message})

    def press(self, number: int, data: str, chat: int = -100, user: int = 7) -> None:
        """Somebody presses a button."""
        who = {"id": user, "is_bot": False, "first_name": "Eve", "username": "eve"}
        message = {"message_id": 1, "date": 1, "chat": {"id": chat, "type": "group"}}
        query = {"id": f"q{number}", "from": who, "message": message, "data": data, "chat_instance": "x"}
        self.updates.append({"update_id": number, "callback_query": query})


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
            peer.greeted += line.split()[1:] if verb == "EHLO" else []
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
        self.greeted: list[str] = []  # what each client called itself
        self.over = threading.Event()
        self.server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Talk, bind_and_activate=True)
        self.server.daemon_threads, self.server.peer = True, self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
