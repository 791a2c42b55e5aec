"""A small server for the demo's page: one folder, loopback only, the headers the nginx sample sends."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"


class _Pages(SimpleHTTPRequestHandler):
    server_version = "minectl"
    sys_version = ""
    # The one file without an ending is `metrics`. From version 3 on, Prometheus takes none that names no format.
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {"": "text/plain; version=0.0.4"}

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """The demo's terminal belongs to the demo."""


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        """The library's asks a name server what the address is called, and waits for as long as that takes."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]


def listen(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server for `folder` on 127.0.0.1 that has the port and answers nobody yet. OSError when the port is taken."""
    return _Server(("127.0.0.1", port), partial(_Pages, directory=str(folder)))


def answer(server: ThreadingHTTPServer) -> None:
    """From now on it answers, in a thread of its own; whoever asked before has waited."""
    threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True, name="pages").start()


def serve_pages(folder: Path, port: int) -> ThreadingHTTPServer:
    """Both at once."""
    server = listen(folder, port)
    answer(server)
    return server
