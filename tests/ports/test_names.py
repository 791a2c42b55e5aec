"""DNS1 through a tick's ports: what is known of names outlives the tick, and a dry run writes none of it."""

import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
from cli.place import write_site
from wire.serve import ok, serving

from mine_controller.config.load import load
from mine_controller.core.due import Asked
from mine_controller.core.model.book import Book
from mine_controller.core.model.state import State
from mine_controller.ports.dry import dry_tick
from mine_controller.ports.live import Live, ports_of
from mine_controller.tick import tick as whole

ASK = socket.getaddrinfo
PAGE = b'<html><body><b class="signal">run</b>' + b"<p>hello</p>" * 9 + b"</html>"


@pytest.fixture
def known(monkeypatch):
    """Whether coop.test can be looked up: the list is empty when it can't."""
    able = ["yes"]

    def look(host, *rest, **more):
        if host == "coop.test" and not able:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return ASK("127.0.0.1" if host == "coop.test" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look)
    monkeypatch.setattr(ipaddress.IPv4Address, "is_global", True)
    return able


@pytest.fixture
def config(tmp_path):
    with serving(lambda head: ok(PAGE, "Content-Type: text/html\r\n")) as server:
        path = write_site(tmp_path, port=server.port)
        path.write_text(path.read_text().replace(f"127.0.0.1:{server.port}/signal", f"coop.test:{server.port}/signal"))
        yield load(path)


def tick(config):
    """(the signal, why) of a tick that asks it alone."""
    live = Live(config)
    found = live.ask((Asked("power_signal coop"),), None, live.clocks(State(), None))
    live.ping(Book(State()), None)
    told = {one.key: one for one in found}
    return getattr(told.get("power_signal coop:signal"), "value", None), told["power_signal coop:health"].why


def test_dns1_a_signal_page_is_read_on_after_its_name_is_gone_and_the_log_says_so_once(config, known):
    assert tick(config) == ("run", "")
    known.clear()
    for _ in range(3):
        assert tick(config) == ("run", "")
    assert config.paths.log.read_text().count("coop.test: its name can't be looked up") == 1


def test_dns1_without_a_memory_a_name_that_leads_nowhere_is_an_unreadable_page(config, known):
    known.clear()
    assert tick(config) == (None, "name can't be resolved")


def test_a_dry_run_remembers_nothing(config, known):
    dry_tick(config, everything=False)
    assert not (config.paths.run / "names.json").exists()
    tick(config)
    assert (config.paths.run / "names.json").exists()


NAMED = str(Path(__file__).parents[1] / "wire" / "named.pem")  # of coop.test


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """A site whose dead-man stands behind TLS at coop.test, and what it heard."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", NAMED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(NAMED)
    with serving(lambda head: ok(), context) as server:
        path = write_site(tmp_path)
        section = f"[deadman]\nurl = https://coop.test:{server.port}/check\n\n[end]"
        path.write_text(path.read_text().replace("[end]", section))
        yield load(path), server.heads


def whole_tick(config):
    live = Live(config)
    whole(ports_of(live), config.policy)
    (config.paths.run / "pinged-deadman").unlink()  # it is pinged once a minute at most


def test_dns1_the_dead_man_is_pinged_on_while_its_name_leads_nowhere(checked, known):
    config, heard = checked
    whole_tick(config)  # the hour's first: names are looked up for the day that they can't be
    assert len(heard) == 1
    known.clear()
    whole_tick(config)
    whole_tick(config)
    assert len(heard) == 3
    assert config.paths.log.read_text().count("coop.test: its name can't be looked up") == 1


def test_dns1_without_a_memory_the_dead_man_hears_nothing_and_the_log_says_so(checked, known):
    config, heard = checked
    known.clear()
    whole_tick(config)
    assert heard == []
    assert "no ping" in config.paths.log.read_text()


def test_a_fault_of_ours_in_what_is_known_of_names_is_a_line_in_the_log(checked, known, monkeypatch):
    def broken(live):
        raise ZeroDivisionError

    config, _ = checked
    monkeypatch.setattr(Live, "_names", broken)
    whole(ports_of(Live(config)), config.policy)  # it ends as ever
    assert "telling failed: ZeroDivisionError" in config.paths.log.read_text()
