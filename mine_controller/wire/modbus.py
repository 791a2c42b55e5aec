"""Modbus TCP, for reading only (pymodbus): there is no call in here that could change a register or a coil.

Asked by `Request("READ", "modbus://host:port/unit", body=...)`; the body is a JSON list of [function, address, count],
function 3 or 4, all read over one connection that is closed afterwards. The answer has status 200 and, for each read in
order, [exception code or 0, registers as hex]. The first read without an answer ends the call: a silent meter costs its
time-out once, where the library's own defaults would be four times 3 s.
"""

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mine_controller.wire.door import Request, Response, WireError

if TYPE_CHECKING:
    from pymodbus.client import ModbusTcpClient

ANSWER_S = 2.0
PORT = 502
MOST_READS = 64
MOST_BYTES = 4096  # of one answer; a frame has 260 at most
RTU = "rtu"  # header "framer": frames as on the serial line, through a plain gateway


def exchange(request: Request, until: float) -> Response:
    """Every read of the request. WireError: refused, unreachable, timeout, closed, bad_http (no Modbus answer)."""
    reads = json.loads(request.body)
    client, unit = _client(request, until)
    try:
        if not client.connect():  # type: ignore[no-untyped-call]  # the library's own types end here
            raise WireError("refused" if until > time.monotonic() else "timeout", "no connection to the meter")
        answers = [_read(client, unit, read, until) for read in reads[:MOST_READS]]
    finally:
        client.close()  # type: ignore[no-untyped-call]
    return Response(200, {}, json.dumps(answers).encode())


def _client(request: Request, until: float) -> "tuple[ModbusTcpClient, int]":
    import logging  # noqa: PLC0415 - only sites with a Modbus meter pay for the library

    from pymodbus import FramerType  # noqa: PLC0415

    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # what went wrong is told as a reading's reason
    place = urlsplit(request.url)
    framer = FramerType.RTU if request.headers.get("framer") == RTU else FramerType.SOCKET
    client = _waiting()(
        place.hostname or "",
        port=place.port or PORT,
        framer=framer,
        timeout=_left(until),
        retries=0,
        trace_packet=_bounded,
    )
    return client, int(place.path.strip("/") or 1)


def _waiting() -> "type[ModbusTcpClient]":
    """The library's client; its own way to wait, select, ends at 1,024 open files, and a large fleet has more."""
    from pymodbus.client import ModbusTcpClient  # noqa: PLC0415 - see above
    from pymodbus.exceptions import ConnectionException  # noqa: PLC0415 - the same

    class Waiting(ModbusTcpClient):
        def recv(self, size: int | None) -> bytes:
            if self.socket is None:
                raise ConnectionException
            self.socket.settimeout(self.comm_params.timeout_connect)
            try:
                data = self.socket.recv(size or MOST_BYTES)
            except TimeoutError:
                return b""
            if not data:
                self.close()  # type: ignore[no-untyped-call]
                raise ConnectionException
            return data

    return Waiting


def _bounded(sending: bool, data: bytes) -> bytes:
    """The library collects whatever comes until its time is over; a torrent ends here."""
    from pymodbus.exceptions import ModbusException  # noqa: PLC0415 - see above

    if not sending and len(data) > MOST_BYTES:
        raise ModbusException("no Modbus answer")
    return data


def _left(until: float) -> float:
    left_s = min(ANSWER_S, until - time.monotonic())
    if left_s <= 0:
        raise WireError("timeout", "no time left to ask")
    return left_s


def _read(client: "ModbusTcpClient", unit: int, read: list[int], until: float) -> list[Any]:
    from pymodbus.exceptions import ConnectionException, ModbusException  # noqa: PLC0415

    function, address, count = read
    client.comm_params.timeout_connect = _left(until)
    ask = client.read_input_registers if function == 4 else client.read_holding_registers
    try:
        answer = ask(address, count=count, device_id=unit)
    except ConnectionException:
        raise WireError("closed", "the meter closed the connection") from None
    except (ModbusException, OSError, ValueError) as error:
        late = "No response" in str(error) or until <= time.monotonic()
        raise WireError(
            "timeout" if late else "bad_http", "no answer in time" if late else "no Modbus answer"
        ) from None
    if answer.function_code & 0x7F != function:  # the library takes whatever comes in its transaction
        raise WireError("bad_http", "answers another question")
    if answer.isError():
        return [int(getattr(answer, "exception_code", 0)) or 4, ""]
    if len(answer.registers) != count:
        raise WireError("bad_http", f"{len(answer.registers)} registers for {count} asked")
    return [0, b"".join(register.to_bytes(2, "big") for register in answer.registers).hex()]
