"""The service's own pages and files: empty of anything about the site, which their scripts ask for with a token.

So they are served to everybody, also where reading needs a token: a person must be able to log in.
"""

import re
from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from mine_controller import __version__
from mine_controller.packaged import packaged
from mine_controller.render.page import render

EDITORS = {"/debug": "debug", "/debug.html": "debug", "/config": "config", "/bands": "bands"}
FILES = {
    "/service.js": "text/javascript",
    "/service-debug.js": "text/javascript",
    "/service-config.js": "text/javascript",
    "/service-bands.js": "text/javascript",
    "/service.css": "text/css",
    "/script.js": "text/javascript",
    "/style.css": "text/css",
    "/icon.svg": "image/svg+xml",
}
OPEN = frozenset({*EDITORS, *FILES, "/healthz"})  # nothing of the site is in them
HEAD_END = re.compile(rb"</head\s*>", re.IGNORECASE)
ADDED = b'<link rel="stylesheet" href="/service.css"><script src="/service.js" defer></script></head>'
LARGEST = 4_000_000
router = APIRouter(include_in_schema=False)


@cache
def shell(name: str) -> str:
    """One of templates/service/ as text."""
    return render({"version": __version__, "name": name}, name=f"service/{name}.html")


def _page(name: str) -> Any:
    def get_page() -> HTMLResponse:
        return HTMLResponse(shell(name))

    return get_page


def _file(path: str, kind: str) -> Any:
    def get_file() -> Response:
        return Response((packaged("www") / path[1:]).read_bytes(), media_type=kind)

    return get_file


for _path, _name in EDITORS.items():
    router.add_api_route(_path, _page(_name), methods=["GET"], response_class=HTMLResponse)
for _path, _kind in FILES.items():
    router.add_api_route(_path, _file(_path, _kind), methods=["GET"])


class Pages(StaticFiles):
    """The files that ticks write, as a web server shows them; into each page goes the script that adds the buttons.

    Before the first tick there is no folder yet, and nothing in it.
    """

    async def check_config(self) -> None:
        """Asked before the first file. HTTPException 404 while the folder is not there."""
        try:
            await super().check_config()
        except RuntimeError:
            raise HTTPException(404) from None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One file."""
        await super().__call__(scope, receive, Added(send).send)


class Added:
    """Holds a page back until all of it is there, and sends it with the script."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """What is no whole page (304, a part, a picture) passes as it is."""
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
            return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False) and len(self._body) <= LARGEST:
            return
        await self._send_page(more=bool(message.get("more_body", False)))

    async def _send_page(self, *, more: bool) -> None:
        start, body = self._start, HEAD_END.sub(ADDED, bytes(self._body), count=1)
        self._start = None
        assert start is not None, "only a page that has begun is sent"
        headers = [(name, value) for name, value in start["headers"] if name not in (b"content-length", b"etag")]
        headers += [] if more else [(b"content-length", str(len(body)).encode())]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


def _is_page(message: Message) -> bool:
    kinds = [value for name, value in message.get("headers", ()) if name == b"content-type"]
    return message["status"] in (200, 404) and bool(kinds) and kinds[0].startswith(b"text/html")
