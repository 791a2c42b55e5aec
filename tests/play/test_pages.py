"""The small server for the demo's page."""

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
