"""A wire without sockets: a function answers, time passes only by `call` (0.1 s) and `sleep`."""

from collections.abc import Callable

from mine_controller.wire.door import Request, Response, Wire, WireError

Said = Response | WireError


class Scripted:
    """`asked` holds every request; `paths` what followed the host."""

    def __init__(self, says: Callable[[Request], Said], lasts_s: float = 25.0, began: float = 1000.0) -> None:
        self.says, self.now, self.asked = says, began, list[Request]()
        self.wire = Wire(self._call, lambda: self.now, self._sleep, began + lasts_s)

    def _call(self, request: Request, until: float) -> Response:
        self.now += 0.1
        self.asked.append(request)
        said = self.says(request)
        if isinstance(said, WireError):
            raise said
        return said

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def paths(self) -> list[str]:
        return ["/" + request.url.split("/", 3)[3] for request in self.asked]


def ok(body: bytes = b"", **headers: str) -> Response:
    return Response(200, headers, body)
