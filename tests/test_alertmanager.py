"""What the shipped alertmanager.yml sends to whom, by a real Alertmanager."""

import http.server
import json
import queue
import shutil
import subprocess
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from test_monitoring import free_port

SHIPPED = Path(__file__).resolve().parents[1] / "cron" / "prometheus" / "alertmanager.yml"


class Gateway(http.server.BaseHTTPRequestHandler):
    """Stands for the one before the SMS operator."""

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.put({one["labels"].get("kind") for one in told["alerts"]})
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


def alertmanager(stack, folder, gateway):
    """The shipped file, its SMS to `gateway` and without the mail; where it is asked."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("Alertmanager is not installed (apt-get install prometheus-alertmanager)")
    config = yaml.safe_load(SHIPPED.read_text("utf-8"))
    for receiver in config["receivers"]:
        receiver.pop("email_configs", None)
    text = yaml.safe_dump(config | {"global": {}}).replace("127.0.0.1:9095", f"127.0.0.1:{gateway}")
    (folder / "alertmanager.yml").write_text(text, "utf-8")
    address = f"127.0.0.1:{free_port()}"
    log = stack.enter_context((folder / "log").open("w"))
    server = subprocess.Popen(
        [program, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'data'}",
         f"--web.listen-address={address}", "--cluster.listen-address="],
        stdout=log, stderr=log,
    )  # fmt: skip
    stack.callback(server.wait, 10)
    stack.callback(server.terminate)
    return f"http://{address}"


def tell(address, **labels):
    """As a Prometheus tells it of one alert; tried until it is there."""
    labels = {"alertname": "MinectlEmergency", "severity": "emergency", "mine": "north"} | labels
    body = json.dumps([{"labels": labels}]).encode()
    asked = urllib.request.Request(f"{address}/api/v2/alerts", body, {"Content-Type": "application/json"})
    for _ in range(100):
        try:
            with urllib.request.urlopen(asked, timeout=2) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("Alertmanager does not answer")


@pytest.mark.peer
def test_another_kind_of_emergency_does_not_wait_behind_the_one_before(tmp_path):
    """All emergencies of minectl are one alert by name; in one group, smoke would wait five minutes behind a sensor."""
    with ExitStack() as stack:
        gateway = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway))
        gateway.heard = queue.SimpleQueue()
        threading.Thread(target=gateway.serve_forever, args=(0.05,), daemon=True).start()
        stack.callback(gateway.shutdown)
        address = alertmanager(stack, tmp_path, gateway.server_port)
        tell(address, kind="inlet_blind", about="inlet")
        assert gateway.heard.get(timeout=20) == {"inlet_blind"}
        tell(address, kind="smoke", about="smoke")
        assert gateway.heard.get(timeout=20) == {"smoke"}
