"""`minectl serve`: the local HTTP service, a process of its own (a systemd unit starts it)."""

import errno
import ipaddress
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import click

from mine_controller.cli.options import config_option
from mine_controller.cli.session import config_path, fail, load_config

HERE = "127.0.0.1"
PORT = 5000
LINES = 64  # connections at a time
REMEDY = "`sudo ./install.sh` tries it again; in a checkout: .venv/bin/pip install '.[serve]'"
NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@click.command(
    epilog="""\b
Examples:
  minectl serve                            http://127.0.0.1:5000/docs; nginx passes it on (cron/minectl.nginx)
  minectl tokens add phone                 what may ask for something
  minectl serve --read-token               reading needs a token, too
  minectl serve --host 192.168.1.50 --cert mine.crt --key mine.key

\b
It reads what ticks left and files requests; it opens no connection to a device. A tick that judges them is
started at once. Off this machine (--host) every path needs a token, and without --cert tokens can be read on
the way. It needs FastAPI, which `sudo ./install.sh` brings; in a checkout: .venv/bin/pip install '.[serve]'.

\b
Exit: 0 ended · 1 the port can't be had, or FastAPI is missing · 2 config or usage"""
)
@config_option
@click.option("--host", default=HERE, show_default=True, help="The address it listens at.")
@click.option("--port", type=click.IntRange(1, 65_535), default=PORT, show_default=True, help="And the port.")
@click.option("--read-token", is_flag=True, help="Reading needs a token, too.")
@click.option("--name", "names", multiple=True, help="One more name this machine is called by in a browser.")
@click.option("--cert", type=click.Path(exists=True, dir_okay=False), help="Certificate, for HTTPS.")
@click.option("--key", type=click.Path(exists=True, dir_okay=False), help="And its key.")
def command(
    config: Path | None,
    host: str,
    port: int,
    read_token: bool,
    names: tuple[str, ...],
    cert: str | None,
    key: str | None,
) -> None:
    """Serve status, requests with a token and documentation over HTTP."""
    if (cert is None) != (key is None):
        fail("--cert and --key go together", 2)
    path = config_path(config).absolute()
    load_config(path, last_good=True)
    try:
        import uvicorn  # noqa: PLC0415 - an extra of its own

        from mine_controller.api.app import create  # noqa: PLC0415 - the same
        from mine_controller.api.guard import Terms  # noqa: PLC0415 - the same
        from mine_controller.api.lines import Line  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        fail(f"{error.name} is not installed: {REMEDY}")
    application: Any = create(path, Terms(read_token, names))
    settings = uvicorn.Config(
        application, http=Line, host=host, port=port, ssl_certfile=cert, ssl_keyfile=key, proxy_headers=False,
        server_header=False, access_log=False, log_level="warning", limit_concurrency=LINES, timeout_keep_alive=5,
        timeout_graceful_shutdown=5, h11_max_incomplete_event_size=16_384, ws="none",
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ended)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, _hung_up)
    _ready(settings)
    sockets = _sockets(host, port)
    if not _is_here(host):
        secure = "" if cert else "; without --cert whoever is on that network can read tokens on the way"
        click.echo(f"Note: {host} can be reached from elsewhere, so every path needs a token{secure}.", err=True)
    click.echo(f"http{'s' if cert else ''}://{f'[{host}]' if ':' in host else host}:{port}/docs", err=True)
    server = uvicorn.Server(settings)
    server.run(sockets)
    sys.exit(0 if server.started else 1)


def _sockets(host: str, port: int) -> list[socket.socket]:
    """One for each address of that name that this machine has; or one sentence and exit 1."""
    bound: list[socket.socket] = []
    trouble: OSError | None = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, kind, number, _, place in dict.fromkeys(found):  # two lines of /etc/hosts tell one address twice
            try:
                bound.append(_bound(socket.socket(family, kind, number), place))
            except OSError as error:
                trouble = error
                if error.errno not in NOT_HERE:  # localhost has an address of IPv6 also where the machine has none
                    break
    except OSError as error:
        trouble = error
    except UnicodeError:
        fail(f"can't listen on {host[:60]}:{port}: that is no name of a host; --host and --port say where else")
    if trouble is not None and (not bound or trouble.errno not in NOT_HERE):
        for one in bound:
            one.close()
        fail(f"can't listen on {host}:{port}: {trouble.strerror or trouble}; --host and --port say where else")
    return bound


def _bound(one: socket.socket, place: Any) -> socket.socket:
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if one.family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(place)
    except OSError:
        one.close()
        raise
    return one


def _ready(settings: Any) -> None:
    """Load what the server needs, its certificate too; or one sentence and exit 2."""
    try:
        settings.load()
    except OSError as error:  # what OpenSSL refuses is one as well, with a place in its source for a reason
        why = f" ({error.strerror})" if error.errno in errno.errorcode else ""
        fail(f"{settings.ssl_certfile} and {settings.ssl_keyfile} are no certificate and its key, as PEM{why}", 2)


def _ended(*_about: object) -> None:
    """Asked to end, it ends well: the server raises the signal again when it has closed its lines."""
    sys.exit(0)


def _hung_up(*_about: object) -> None:
    """A lost line ends it the same way: the server hears of the other signal only."""
    signal.raise_signal(signal.SIGTERM)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
