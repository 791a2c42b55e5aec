"""What the kernel's table of mounts tells of a path; its lines are as Linux 6.1 to 6.15 and overlayroot make them."""

from pathlib import Path

import pytest

from mine_controller.wire import mounts

HERE = Path("/var/lib/minectl")
CARD = "30 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 {}\n"
DATA = "40 30 179:3 /minectl /var/lib/minectl rw,noatime - ext4 /dev/mmcblk0p3 rw\n"
OVERLAY = (
    "28 30 0:20 / /media/root-rw rw,relatime - tmpfs tmpfs-root rw\n"
    "30 1 0:21 / / rw,relatime - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay\n"
)
RECURSED = (
    "41 30 0:22 / /var/lib/minectl rw - overlay /media/root-ro/data rw,lowerdir=/media/root-ro/data,"
    "upperdir=/media/root-rw/overlay/data,workdir=/media/root-rw/overlay-workdir/data\n"
)


def machine(root, table):
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(table)
    return root


@pytest.mark.parametrize(
    ("options", "stopped"),
    [
        ("rw,errors=remount-ro", False),
        ("ro,errors=remount-ro", True),
        ("rw,errors=remount-ro,emergency_ro", True),
        ("rw,shutdown", True),
    ],
)
def test_db6_a_file_system_that_takes_nothing_more_is_known_by_its_own_options(tmp_path, options, stopped):
    assert mounts.stopped(HERE, machine(tmp_path, CARD.format(options))) is stopped


def test_what_only_this_process_may_not_write_is_no_read_only_disk(tmp_path):
    fenced = CARD.format("rw").replace("rw,noatime", "ro,noatime")  # as ProtectSystem=strict lays it over
    assert mounts.stopped(HERE, machine(tmp_path, fenced)) is False


def test_a_machine_without_such_a_table_leaves_it_open(tmp_path):
    assert mounts.stopped(HERE, tmp_path) is None
    assert not mounts.overlaid(HERE, tmp_path)


def test_the_nearest_mount_counts_and_of_two_on_one_folder_the_later(tmp_path):
    later = DATA.replace(" - ext4 /dev/mmcblk0p3 rw", " - ext4 /dev/sda1 ro")
    assert mounts.stopped(HERE, machine(tmp_path, CARD.format("rw") + DATA + later)) is True
    assert mounts.stopped(Path("/var/lib/minectl-old"), tmp_path) is False


@pytest.mark.parametrize(
    ("table", "lost"),
    [
        (CARD.format("rw"), False),
        (OVERLAY, True),  # no partition of its own
        (OVERLAY + RECURSED, True),  # overlayroot=tmpfs lays itself over every line of fstab
        (OVERLAY + DATA, False),  # overlayroot=tmpfs:recurse=0 does not
        ("30 1 0:21 / / rw - overlay overlay rw,upperdir=/var/lib/containers/u\n", False),
        (CARD.format("rw") + "44 30 0:9 / /var rw - tmpfs tmpfs rw\n", False),  # nobody takes that for a disk
    ],
)
def test_what_lies_overlaid_is_known(tmp_path, table, lost):
    assert mounts.overlaid(HERE, machine(tmp_path, table)) is lost
