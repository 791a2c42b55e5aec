"""What is put around the service: its unit, and the web server's site."""

import configparser
import re
from pathlib import Path

CRON = Path(__file__).resolve().parents[2] / "cron"


def test_the_unit_serves_as_its_own_user_on_loopback_and_never_ends_a_tick():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string((CRON / "minectl-serve.service").read_text())
    service = parser["Service"]
    assert service["ExecStart"] == "/opt/minectl/current/bin/minectl serve --config /etc/minectl/config.txt"
    assert (service["User"], service["KillMode"], service["Restart"]) == ("minectl", "process", "on-failure")
    assert (service["ProtectSystem"], service["NoNewPrivileges"]) == ("strict", "yes")
    assert service["CapabilityBoundingSet"] == ""


def test_sec4_the_paths_that_set_states_are_behind_the_closed_door_of_the_web_server():
    """SEC4: of two patterns nginx takes the first that fits, so the open one must not fit /api/debug/."""
    text = (CRON / "minectl.nginx").read_text()
    blocks = re.findall(r"location ~ (\S+) \{(.*?)\n    \}", text, re.DOTALL)
    for path in ("/api/debug/raw-state", "/api/debug/emergency-shutdown", "/debug"):
        body = next(body for pattern, body in blocks if re.search(pattern, path))
        assert "deny all;" in body
    for path in ("/api/status", "/docs", "/docs/style.css", "/openapi.json", "/api/debugger"):
        assert "deny all;" not in next(body for pattern, body in blocks if re.search(pattern, path))
    assert all("X-Forwarded-For $remote_addr;" in body for _, body in blocks)
