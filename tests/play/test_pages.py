"""The small server for the demo's page."""

import socket
import urllib.request

from mine_controller.play.pages import serve_pages


def test_a_prometheus_of_today_takes_the_metrics_of_a_demo(tmp_path):
    """From version 3 on it refuses a target that does not name the format."""
    (tmp_path / "metrics").write_text("minectl_live 1\n")
    pages = serve_pages(tmp_path, 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{pages.server_port}/metrics") as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
    finally:
        pages.shutdown()
        pages.server_close()


def test_a_demo_asks_no_name_server_what_127_0_0_1_is_called(tmp_path, monkeypatch):
    """Without a line in /etc/hosts the library's server waited for one, and the demo seemed to hang."""

    def looked_up(*name):
        raise AssertionError(name)

    monkeypatch.setattr(socket, "getfqdn", looked_up)
    monkeypatch.setattr(socket, "gethostbyaddr", looked_up)
    (tmp_path / "index.html").write_text("a mine")
    pages = serve_pages(tmp_path, 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{pages.server_port}/") as answer:
            assert answer.read() == b"a mine"
    finally:
        pages.shutdown()
        pages.server_close()
