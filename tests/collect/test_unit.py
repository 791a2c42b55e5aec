"""What starts the collector."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "cron" / "minectl-collect.service"


def service():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(UNIT.read_text())
    return parser["Service"]


def test_the_unit_writes_in_memory_and_requests_only_and_is_started_again_after_a_fault():
    told = service()
    assert told["ExecStart"] == "/opt/minectl/current/bin/minectl collect --config /etc/minectl/config.txt"
    assert (told["ReadWritePaths"], told["ProtectSystem"], told["CapabilityBoundingSet"]) == (
        "/run/minectl /var/lib/minectl",
        "strict",
        "",
    )
    assert (told["Restart"], told["User"]) == ("on-failure", "minectl")
    assert "RuntimeDirectory" not in told  # systemd would delete the page and the tick's files with it


@pytest.mark.peer
def test_systemd_understands_every_line(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    command = "/opt/minectl/current/bin/minectl"
    (tmp_path / UNIT.name).write_text(UNIT.read_text().replace(command, shutil.which("true")))
    run = ["systemd-analyze", "verify", "--man=no", tmp_path / UNIT.name]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "minectl" in line] == []
