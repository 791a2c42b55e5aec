"""The controller as a device: its own files through a wire of its own, and nothing else of the machine."""

import os
import time

import pytest
from devices.kinds import build

from mine_controller.devices import machine
from mine_controller.devices.kind import Ask
from mine_controller.ports.live import live_wire
from mine_controller.wire import local
from mine_controller.wire.door import Exchange, Request, WireError

SOON_S = 5.0


def wire(root):
    return local.live(time.monotonic() + SOON_S, root)


def put(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def pi(tmp_path):
    put(tmp_path, "proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 1000000 kB\n")
    put(tmp_path, "proc/loadavg", "2.00 1.0 1.0 1/2 3\n")
    put(tmp_path, "sys/devices/system/cpu/online", "0-3\n")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "55400\n")
    return tmp_path


def found(root, **options):
    filled = build("machine", "http://127.0.0.1", **options)
    return {
        (one.channel, one.quantity): one.value
        for one in machine.parse(machine.fetch(wire(root), filled, Ask()), filled)
    }


def test_a_machine_is_read_from_its_files(pi):
    values = found(pi)
    assert values["", "board_c"] == 55.4
    assert values["", "load_pct"] == 50
    assert values["memory", "free_pct"] == 25.0
    assert values["throttling", "contact"] == "ok"  # it was slow once; it is not now
    assert 0 <= values["disk", "free_pct"] <= 100


@pytest.fixture
def pi5(pi):
    """A kernel without the file: its hwmon driver tells of the voltage, under whatever number it got."""
    (pi / "sys/devices/platform/soc/soc:firmware/get_throttled").unlink()
    for number, name in enumerate(("cpu_thermal", "rp1_adc", "rpi_volt")):
        put(pi, f"sys/class/hwmon/hwmon{number}/name", name + "\n")
        put(pi, f"sys/class/hwmon/hwmon{number}/in0_lcrit_alarm", "1\n")
    return pi


def test_a_raspberry_pi_5_tells_under_another_name(pi5):
    put(pi5, "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled", "4\n")
    put(pi5, "sys/class/hwmon/hwmon2/in0_lcrit_alarm", "0\n")
    assert found(pi5)["throttling", "contact"] == "alarm"


@pytest.mark.parametrize(("said", "word"), [("1\n", "alarm"), ("0\n", "ok"), ("?", None)])
def test_a_kernel_without_that_file_tells_of_its_voltage(pi5, said, word):
    put(pi5, "sys/class/hwmon/hwmon2/in0_lcrit_alarm", said)
    assert found(pi5)["throttling", "contact"] == word


def test_where_no_raspberry_pi_is_nothing_is_said_of_its_supply(pi5):
    put(pi5, "sys/class/hwmon/hwmon2/name", "nct6775\n")
    assert ("throttling", "contact") not in found(pi5)


def test_this_very_machine_says_something_of_itself():
    options = build("machine", "http://127.0.0.1")
    replies = machine.fetch(live_wire("machine self", time.monotonic() + SOON_S), options, Ask())
    assert any(one.value is not None for one in machine.parse(replies, options))


def test_only_a_machine_section_gets_the_wire_to_its_files():
    with pytest.raises(WireError):
        live_wire("roomalert intake", time.monotonic() + 1).call(
            Request("GET", "local:/proc/meminfo"), time.monotonic() + 1
        )


@pytest.mark.parametrize(
    "url", ["local:/etc/shadow", "local:/proc/../etc/passwd", "http://127.0.0.1/", "file:///proc/meminfo", "local:"]
)
def test_nothing_else_of_this_machine_can_be_read(tmp_path, url):
    put(tmp_path, "etc/shadow", "secret")
    with pytest.raises(WireError):
        wire(tmp_path).call(Request("GET", url), time.monotonic() + 1)


def test_what_is_not_there_is_an_answer_and_no_failure(tmp_path):
    assert wire(tmp_path).call(Request("GET", "local:/proc/meminfo"), time.monotonic() + 1).status == 404
    assert wire(tmp_path).call(Request("GET", "local-disk:/nowhere"), time.monotonic() + 1).status == 404
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys/odd").mkdir()
    assert wire(tmp_path).call(Request("GET", "local:/sys/odd"), time.monotonic() + 1).status == 503


def test_a_wire_to_files_has_no_sockets_and_an_end(tmp_path):
    there = wire(tmp_path)
    (told,) = there.many([Exchange("127.0.0.1", 1, b"")], time.monotonic() + 1)
    assert isinstance(told, WireError)
    with pytest.raises(WireError, match="no time left"):
        there.call(Request("GET", "local:/proc/meminfo"), time.monotonic() - 1)


def test_db6_a_disk_that_takes_nothing_more_is_an_alarm_and_one_fenced_off_by_systemd_is_none(pi, monkeypatch):
    """Since Linux 6.12 ext4 is not marked after an error; a unit with ProtectSystem=strict sees all as read-only."""
    assert found(pi)["disk", "contact"] == "ok"
    put(pi, "proc/self/mountinfo", "30 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw,errors=remount-ro,emergency_ro\n")
    assert found(pi)["disk", "contact"] == "alarm"
    real = os.statvfs(pi)
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result((*real[:8], os.ST_RDONLY, real[9])))
    put(pi, "proc/self/mountinfo", "30 1 179:2 / / ro,relatime - ext4 /dev/mmcblk0p2 rw,errors=remount-ro\n")
    assert found(pi)["disk", "contact"] == "ok"
    (pi / "proc/self/mountinfo").unlink()
    assert found(pi)["disk", "contact"] == "alarm"
