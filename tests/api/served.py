"""The service over a place, asked as a person with curl would."""

import asyncio
from typing import Any

import httpx

from mine_controller.api.app import create
from mine_controller.api.guard import Terms
from mine_controller.ops import tokens
from mine_controller.store.stop import stop_requested

HOST = "127.0.0.1:5000"
HERE = "127.0.0.1"
OPEN = Terms()


class Served:
    """Asks with the token of a role ("" = none); its clock is `now_s`."""

    def __init__(self, place: Any, terms: Terms = OPEN, searching: Any = None) -> None:
        self.place, self.now_s = place, 1000.0
        self.tokens: dict[str, str] = {}
        self.guard = create(place.path, terms, now=lambda: self.now_s, searching=searching)
        app: Any = self.guard.app
        self.state = app.state

    def get(self, path: str, role: str = "", **about: Any) -> httpx.Response:
        return self.send("GET", path, None, role, **about)

    def post(self, path: str, body: Any = None, role: str = "operate", **about: Any) -> httpx.Response:
        return self.send("POST", path, body, role, **about)

    def send(
        self, method: str, path: str, body: Any = None, role: str = "operate", address: str = HERE, **about: Any
    ) -> httpx.Response:
        headers = {**(self.bearer(role) if role else {}), **about.pop("headers", {})}
        sent = {"json": body} if body is not None else {}
        return asyncio.run(self._asked(method, path, address, headers=headers, **sent, **about))

    async def _asked(self, method: str, path: str, address: str, **about: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.guard, client=(address, 40_000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            return await client.request(method, path, **about)

    def bearer(self, role: str) -> dict[str, str]:
        if role not in self.tokens:
            self.tokens[role] = tokens.add(self.place.config.paths, role, role, 1)
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def settle(self) -> None:
        """Until no tick is under way."""
        self.state.desk.start().result(30)


def everything(place: Any) -> Any:
    """All that a write could have touched."""
    paths = place.config.paths
    files = (place.path, paths.fleet, paths.config.parent / "profiles.txt")
    kept = [one.read_bytes() if one.exists() else None for one in files]
    return kept, [one for one in place.requests() if one.verb != "denied"], stop_requested(paths)
