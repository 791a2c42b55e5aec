"""Promises of the feature table (docs/features.md) that no room's own test holds: columns, log, memory, papers."""

import json
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from mine_controller import __version__
from mine_controller.cli.demo import command as demo
from mine_controller.cli.serve import command as serve
from mine_controller.config.catalogue import declared, find
from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.reason import Event, Reason
from mine_controller.play.pages import listen
from mine_controller.ports.log import Log
from mine_controller.store.migrations import STEPS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MEMORY_KB = 128 * 1024
REASON = Reason("signal", "changed", (("before", "run"), ("word", "off")))

COLUMNS = {
    "mine_states": "timestamp mode reason signal power_w cap_w inlet_c outlet_c humidity_pct grid_hz supply_kw"
    " price_p_kwh fan_w fans_on miners_total miners_online miners_hashing hashrate_ths curtailed",
    "miners": "id ip miner_type model mac firmware discovered_at last_seen starts last_start last_stop outlet",
    "stats": "miner_id timestamp hashrate temperature power fan_speed status",
    "events": "timestamp kind severity about text",
}


@pytest.mark.parametrize("table", COLUMNS)
def test_tables_have_the_columns_that_people_query_in_their_order(table):
    """C35, O18, H38, H39."""
    schema = "\n".join(step for steps in STEPS for step in ([steps] if isinstance(steps, str) else steps))
    made = re.search(rf"CREATE TABLE {table} \((.*?)\)\s*STRICT", schema, re.DOTALL)[1]
    names = [part.split()[0] for part in re.sub(r"\([^)]*\)", "", made).split(",")]
    wanted = COLUMNS[table].split()
    assert names[: len(wanted)] == wanted


@pytest.mark.parametrize(("level", "kept"), [("info", 3), ("warning", 2), ("error", 1), ("debug", 3)])
def test_the_log_tells_as_much_as_its_level(tmp_path, level, kept):
    """C45: events below the level are left out; grave ones never."""
    log = Log(tmp_path / "mine.log", level)
    log.events(
        1_784_142_151, 1, [Event("mode", severity, "site", REASON) for severity in ("info", "warning", "emergency")]
    )
    assert len((tmp_path / "mine.log").read_text().splitlines()) == kept


@pytest.mark.parametrize(("level", "kept"), [("debug", 2), ("info", 0)])
def test_debug_tells_what_is_unknown_and_what_became_of_each_command(tmp_path, level, kept):
    """C45."""
    order = Command("1.0.1", "fan 3", "on", "controlbyweb fans", "3", 0, REASON)
    this = SimpleNamespace(
        readings=(
            Reading("roomalert intake/1:temp_c", None, 1, "timed out"),
            Reading("roomalert intake/2:temp_c", 20.0, 1),
        ),
        decision=SimpleNamespace(commands=(order,)),
        outcomes=(Outcome("1.0.1", "refused", "locked"),),
    )
    (tmp_path / "mine.log").touch()
    Log(tmp_path / "mine.log", level).details(1_784_142_151, 1_784_142_151, this)
    lines = (tmp_path / "mine.log").read_text().splitlines()
    assert len(lines) == kept
    if kept:
        assert 'key="roomalert intake/1:temp_c" why="timed out"' in lines[0]
        assert "verb=on" in lines[1]
        assert "verdict=refused why=locked" in lines[1]


MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_a_tick_fits_a_machine_of_half_a_gigabyte_many_times_over(tmp_path):
    """A51, C68."""
    minectl = str(Path(sys.executable).with_name("minectl"))
    subprocess.run([minectl, "init", "--site", "home-fleet", str(tmp_path / "m")], check=True, capture_output=True)
    words = [sys.executable, "-c", MEASURE, minectl, "tick", "--dry-run", "-c", str(tmp_path / "m/config.txt")]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    code, rss_kb = map(int, done.stdout.split())
    assert (code, rss_kb < MEMORY_KB) == (0, True), f"{rss_kb} kB"


POOL_SERVICES = ("solopool", "supportxmr", "ckpool", "publicpool", "braiinspool", "p2pool")


@pytest.mark.parametrize("name", POOL_SERVICES)
def test_a_pools_service_is_asked_every_five_minutes(name):
    """A28."""
    assert declared(find("device", name).Options)["every_s"][1].default == 300


def test_the_service_is_at_port_5000_of_this_machine_unless_told_otherwise():
    """O28, H23."""
    defaults = {option.name: option.default for option in serve.params}
    assert (defaults["host"], defaults["port"]) == ("127.0.0.1", 5000)


def test_the_demo_is_at_port_8080_of_this_machine_unless_told_otherwise(tmp_path):
    """A18."""
    assert {option.name: option.default for option in demo.params}["port"] == 8080
    with closing(listen(tmp_path, 0).socket) as found:
        assert found.getsockname()[0] == "127.0.0.1"


# What a paper has to tell: row of the table -> page and words that must stand in it.
TOLD = {
    "O2": ("machine.md", "Ubuntu Server 24.04", "Debian 13", "Raspberry Pi OS"),
    "O4": ("uplinks.md", "OpenMPTCProuter", "wizard", "key"),
    "O24": ("uplinks.md", "share_loss", "1 %"),
    "O25": ("uplinks.md", "USB Ethernet", "Wi-Fi"),
    "C20": ("operating.md", "nmcli", "dhcpcd.conf", "192.168.1.50"),
    "C32": ("operating.md", "journalctl -t minectl", "/var/log/minectl/mine.log"),
    "C53": ("security.md", "WireGuard", "ufw", "Passwords"),
    "C54": ("security.md", "Caddy", "Tailscale", "tls internal"),
    "C57": (
        "security.md",
        "access.log",
    ),
    "C63": ("operating.md", "Restart.", "Reset.", "systemctl restart cron nginx"),
    "C75": ("operating.md", "in series", "frequency response", "A human at the breaker"),
    "H35": ("troubleshooting.md", "Nobody is found", "API does not answer"),
    "A58": ("messages.md", "@BotFather", "New webhook"),
    "A69": ("troubleshooting.md", "## Prices and bands", "## Messages do not come"),
    "CMD9": (
        "operating.md",
        "off at power-up",
    ),
    "SITES": (
        "monitoring.md",
        "## Many mines",
    ),
}


@pytest.mark.parametrize("row", TOLD)
def test_the_papers_tell_what_was_asked_for(row):
    page, *words = TOLD[row]
    text = (DOCS / page).read_text()
    assert [word for word in words if word not in text] == []


def test_the_page_says_its_version():
    """C76."""
    assert "{{ version }}" in (ROOT / "templates/parts/foot.html").read_text()
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", __version__)


def test_a_contributor_finds_the_rules_and_a_kind_added():
    """C73, H33."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert "docs/adding-a-kind.md" in text
    assert "./install.sh test" in text


def test_the_manifest_makes_an_app_of_the_page():
    """A68, H50: installed from HTTPS or localhost (docs/security.md)."""
    manifest = json.loads((ROOT / "www/app.webmanifest").read_text())
    sizes = {icon["sizes"] for icon in manifest["icons"]}
    assert {"192x192", "512x512"} <= sizes
    assert all((ROOT / "www" / icon["src"]).is_file() for icon in manifest["icons"])
    assert manifest["display"] == "standalone"
