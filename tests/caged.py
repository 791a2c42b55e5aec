"""PROGRAM under the system calls that a unit of cron/ leaves it: `python caged.py UNIT PROGRAM ...`.

As systemd does it: what [Service] SystemCallFilter does not name ends the process (SIGSYS), and what ProtectClock
forbids fails with EPERM, where the former does not end it already.
"""

import configparser
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator

LIBRARY = "libseccomp.so.2"
KILL, ALLOW, EPERM = 0x8000_0000, 0x7FFF_0000, 0x0005_0001  # seccomp.h: SCMP_ACT_*
NO_NEW_PRIVILEGES = 3  # SCMP_FLTATR_CTL_NNP
OURS = {"execve", "seccomp", "prctl"}  # what systemd does itself between its filters and the program


def calls(group: str) -> Iterator[str]:
    """The names in a group of systemd's, and in the groups that it names."""
    command = ["systemd-analyze", "--no-pager", "syscall-filter", group]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in told.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            yield from calls(word)
        elif word and not word.startswith("#"):
            yield word


def load(library: ctypes.CDLL, default: int, names: set[str], action: int) -> None:
    """One filter more: `action` for these, `default` for all others."""
    context = library.seccomp_init(default)
    library.seccomp_attr_set(context, NO_NEW_PRIVILEGES, 1)
    for name in sorted(names):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and library.seccomp_rule_add_array(context, action, number, 0, None):
            raise OSError(f"no rule for {name}")
    if library.seccomp_load(context):
        raise OSError("the kernel takes no filter")


def main(unit: str, program: list[str]) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read(unit)
    service = parser["Service"]
    words = [*service["SystemCallFilter"].split(), "@default"]
    allowed = {name for word in words for name in (calls(word) if word.startswith("@") else [word])}
    library = ctypes.CDLL(LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    rule = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    library.seccomp_rule_add_array.argtypes = rule
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    if service.get("ProtectClock") == "yes":
        load(library, ALLOW, set(calls("@clock")), EPERM)
    load(library, KILL, allowed | OURS, ALLOW)
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
