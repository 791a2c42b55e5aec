"""config.txt and fleet.csv as they lie on the disk: read once, with what helps where they can't be."""

import errno
import os
import stat
from pathlib import Path

from mine_controller.config import fleet as fleet_file
from mine_controller.config.model import ConfigError, Problem
from mine_controller.record import NamedTuple

SYSTEM = Path("/etc/minectl/config.txt")


class Source(NamedTuple):
    """Both files as read, once. `mode` is config.txt's; `fleet` None: there is no fleet.csv."""

    path: Path
    config: bytes
    fleet: bytes | None
    mode: int


def read_source(path: Path) -> Source:
    """Both files' bytes; raises ConfigError when config.txt can't be read."""
    try:
        mode = path.stat().st_mode
        raw = read_file(path)
    except FileNotFoundError:
        raise ConfigError((Problem(0, "", "", _missing(path)),)) from None
    except OSError as error:
        inside = "; name the file in it" if isinstance(error, IsADirectoryError) else ""
        raise ConfigError((Problem(0, "", "", f"can't be read: {_why(error)}{inside}"),)) from None
    return Source(path, raw, _fleet(path.parent / fleet_file.FILE), mode)


def real(path: Path) -> Path:
    """The file behind links; of links in a ring the path itself, where `Path.resolve` gives up."""
    return Path(os.path.realpath(path))


def read_file(path: Path) -> bytes:
    """Its bytes; raises OSError also for what is no file: a pipe would be waited for."""
    if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
        raise OSError(errno.EINVAL, "it is a pipe or a device, no file")
    return path.read_bytes()


def _missing(path: Path) -> str:
    """What helps: a new config is advised only where none has ever been, for it would be that of another mine."""
    signs = (f"{path.name}.previous", *((fleet_file.FILE, "mine_data.db") if path.name == SYSTEM.name else ()))
    if any((path.parent / name).exists() for name in signs):  # another name may only be mistyped
        return "is gone; `minectl config undo` brings back the text that ran last"
    return f"is missing; `minectl init --site coop-container {path.parent}` makes one"


def _fleet(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = Problem(0, "", "", f"can't be read: {_why(error)}", fleet_file.FILE)
        raise ConfigError((problem,)) from None


def _why(error: OSError) -> str:
    closed = "; it is another user's: put sudo in front, or chown it to the user of the ticks"
    return f"{error.strerror}{closed if isinstance(error, PermissionError) else ''}"


def sha(source: Source) -> str:
    """sha256 over both files, hex."""
    from hashlib import sha256  # noqa: PLC0415 - OpenSSL loads when it is needed

    fleet = b"-" if source.fleet is None else b"+" + source.fleet
    return sha256(len(source.config).to_bytes(8, "big") + source.config + fleet).hexdigest()
