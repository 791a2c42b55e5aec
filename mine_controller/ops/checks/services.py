"""What works around minectl: who starts the ticks, the web server, who turns over the log."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mine_controller.config.model import Config, Paths
from mine_controller.ops.checks.check import FAIL, MB, OK, WARN, Check, Machine, read
from mine_controller.ops.checks.files import _written

_CRON_READS = re.compile(r"[A-Za-z0-9_-]+")  # of Debian: what packages and editors leave there starts nothing
_TIMER = "minectl.timer"
_HOMES = ("/home", "/root", "/run/user")  # what ProtectHome=yes shows to nobody


def timers(config: Config, machine: Machine) -> Iterator[Check]:
    """Exactly one thing starts the ticks."""
    found = [*_crontabs(machine), *_units(machine)]
    every = f"every {config.site.tick_s} s"
    if len(found) == 1:
        yield _fenced(config.paths, machine, f"{found[0]} starts the ticks (they should come {every})")
    elif found:
        remedy = "keep one: rm the cron line, or systemctl disable --now minectl.timer"
        yield Check("timer", WARN, f"more than one starts ticks: {', '.join(found)}", remedy)
    else:
        remedy = "./install.sh sets it up; by hand: cron/minectl into /etc/cron.d"
        named = [str(place) for place in _cron_files(machine) if not _CRON_READS.fullmatch(place.name)]
        deaf = [name for name in named if _starts_ticks(read(Path(name)))]
        why = f"; cron passes over {', '.join(deaf)}: letters, digits, - and _ make the name of a file it reads"
        yield Check("timer", WARN, f"neither a cron line nor a systemd timer is found{why if deaf else ''}", remedy)


def _fenced(paths: Paths, machine: Machine, text: str) -> Check:
    """Fine, unless the timer's unit, as systemd reads all its files, keeps a tick from writing where it has to."""
    asked = ("systemctl", "show", "minectl.service", "-p", "ProtectSystem", "-p", "ProtectHome", "-p", "ReadWritePaths")
    shown = {name: value for name, _, value in (line.partition("=") for line in machine.run(asked).splitlines())}
    if not text.startswith(_TIMER) or shown.get("ProtectSystem") != "strict":
        return Check("timer", OK, text)
    open_to = [os.path.realpath(word.lstrip("-+")) for word in shown.get("ReadWritePaths", "").split()]
    hidden = _HOMES if shown.get("ProtectHome") == "yes" else ()
    shut = [path for path in _written(paths) if not _lies_in(path, open_to) or _lies_in(path, hidden)]
    if not shut:
        return Check("timer", OK, text)
    lines = ("ProtectHome=no, " if any(_lies_in(one, hidden) for one in shut) else "") + "ReadWritePaths=FOLDER"
    remedy = "sudo ./install.sh writes the usual places into config.txt; or `sudo systemctl edit minectl`, [Service], "
    return Check("timer", FAIL, f"its ticks may not write {', '.join(map(str, shut))}", remedy + lines)


def _lies_in(path: Path, folders: Sequence[str]) -> bool:
    return any(Path(os.path.realpath(path)).is_relative_to(one) for one in folders)


def _cron_files(machine: Machine) -> list[Path]:
    folder = machine.root / "etc/cron.d"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _crontabs(machine: Machine) -> Iterator[str]:
    places = [machine.root / "etc/crontab"]
    places += [place for place in _cron_files(machine) if _CRON_READS.fullmatch(place.name)]
    for place in places:
        try:
            text = place.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # not ours to read; the timer below or the age of the last tick tells as much
        if _starts_ticks(text):
            yield str(place)
    if _starts_ticks(machine.run(("crontab", "-l"))):
        yield "your crontab"


def _starts_ticks(text: str) -> bool:
    lines = (line.strip() for line in text.splitlines())
    return any("minectl" in line and " tick" in line and not line.startswith("#") for line in lines)


def _units(machine: Machine) -> Iterator[str]:
    if machine.run(("systemctl", "is-active", _TIMER)).strip() == "active":
        yield _TIMER


def web(config: Config, machine: Machine) -> Iterator[Check]:
    """Who serves the page."""
    site = machine.root / "etc/nginx/sites-enabled/minectl"
    if not (machine.root / "etc/nginx").is_dir():
        yield Check("web server", OK, f"no nginx here; the page lies in {config.paths.www}")
        return
    if not (site.exists() or site.is_symlink()):
        remedy = "cp cron/minectl.nginx /etc/nginx/sites-available/minectl, link it to sites-enabled, nginx -s reload"
        yield Check("web server", WARN, "nginx is here and does not serve the page", remedy)
        return
    state = machine.run(("systemctl", "is-active", "nginx")).strip()
    if state in ("failed", "inactive"):
        yield Check("web server", FAIL, f"nginx is {state}", "nginx -t says why; then systemctl restart nginx")
        return
    root = str(config.paths.www)
    if root not in read(site):
        yield Check("web server", WARN, f"nginx serves another folder than {root}", f"set `root {root};` in {site}")
    else:
        yield Check("web server", OK, f"nginx serves {root}")


def logs(config: Config, machine: Machine) -> Iterator[Check]:
    """The log is turned over before it fills the disk."""
    try:
        size = config.paths.log.stat().st_size
    except OSError:
        size = 0
    rules = sorted((machine.root / "etc/logrotate.d").glob("*"))
    named = [path.name for path in rules if config.paths.log.parent.as_posix() in read(path)]
    remedy = f"cp cron/minectl.logrotate /etc/logrotate.d/minectl, with the path {config.paths.log}"
    if named:
        yield Check("log", OK, f"{size / MB:.1f} MB, turned over by /etc/logrotate.d/{named[0]}")
    else:
        verdict = WARN if size > 50 * MB or config.paths.log.is_relative_to("/var") else OK
        yield Check("log", verdict, f"{size / MB:.1f} MB, and nothing turns it over", remedy if verdict == WARN else "")
