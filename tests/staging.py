"""A clone and a staging root on a machine of paper, for the tests of install.sh."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PARTS = (
    "install.sh",
    "docs/minectl.1",
    "pyproject.toml",
    "requirements.lock",
    "requirements-test.lock",
    "requirements-extras.lock",
    "README.md",
    "LICENSE",
    "cron",
)

# Makes virtual environments at once and notes what pip is asked for.
FAKE_PYTHON = """#!/bin/sh
there() {{ [ -e "{fakes}/$1" ]; }}
case "$*" in
"-m venv "*)
    mkdir -p "$3/bin" && touch "$3/pyvenv.cfg" && cp "$0" "$3/bin/python" && cp "{fakes}/minectl" "$3/bin/minectl"
    if there full; then echo "No space left on device" >&2; exit 1; fi ;;
"-m pip "*)
    echo "$*" >> "{fakes}/pip.log"
    case "$*" in *extras.lock) if there no-extras; then exit 1; fi ;; esac
    case "$*" in *lock*) if there trouble; then cat "{fakes}/trouble" >&2; exit 1; fi ;; esac
    for what; do :; done
    venv=${{0%/bin/python}}
    if [ -d "$what/cron" ]; then mkdir -p "$venv/share/minectl" && cp -R "$what/cron" "$venv/share/minectl/"; fi ;;
"-m pytest "*) echo "pytest $*"; exit 5 ;;
*maxsize*) there narrow ;;
*ensurepip*) if there no-ensurepip; then exit 1; fi ;;
*"import mine_controller"*) if there other-python && [ "$0" -ot "{fakes}/other-python" ]; then exit 1; fi ;;
*version_info*) if there old; then exit 1; fi ;;
*) exec "{python}" "$@" ;;
esac
"""
FAKE_MINECTL = """#!/bin/sh
case "$*" in *--no-serve*) echo "$*" >> "$FAKES/trials.log"; . "$FAKES/twin"; exit ;; esac
case "$1 $2" in
"init --force") mkdir -p "$5" && printf '[site]\\nname = %s\\n[end]\\n' "$4" > "$5/config.txt" ;;
"config set") sed -i "s|^\\[site\\]|[site]\\n${5#site.} = $6|" "$4" ;;
"config check") if grep -q broken "$4"; then echo "config.txt:3: broken" >&2; exit 2; fi ;;
*) echo "minectl $*" ;;
esac
"""


class Machine(NamedTuple):
    """A clone and a staging root on one pretended machine."""

    clone: Path
    root: Path
    fakes: Path
    tmp: Path

    def run(self, *words: str, code: int = 0) -> str:
        env = os.environ | {"PYTHON": str(self.fakes / "python3"), "FAKES": str(self.fakes), "TMPDIR": str(self.tmp)}
        command = ["bash", self.clone / "install.sh", *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def install(self, *words: str, code: int = 0) -> str:
        return self.run("--root", str(self.root), *words, code=code)

    def calls(self, shell: str, code: int = 0) -> str:
        """A piece of shell among the functions of install.sh, which does none of its steps."""
        env = os.environ | {"PATH": f"{self.fakes}:{os.environ['PATH']}"}
        command = ["bash", "-c", f"source {self.clone}/install.sh --help >/dev/null; dry=yes; {shell}"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def version(self, version: str) -> None:
        (self.clone / "mine_controller/__init__.py").write_text(f'__version__ = "{version}"\n')

    def current(self) -> str:
        return self.link("current")

    def link(self, name: str) -> str:
        return str((self.root / "opt/minectl" / name).readlink())

    def files(self) -> set[str]:
        paths = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file() or path.is_symlink())
        return {str(path) for path in paths if path.parts[:2] != ("opt", "minectl")}

    @property
    def config(self) -> Path:
        return self.root / "etc/minectl/config.txt"

    def plays(self, script: str) -> None:
        """What every version does from now on when it is to play its twin: a piece of shell."""
        (self.fakes / "twin").write_text(script)

    @property
    def trials(self) -> list[str]:
        log = self.fakes / "trials.log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def asked_of_pip(self) -> list[str]:
        log = self.fakes / "pip.log"
        return log.read_text().splitlines() if log.exists() else []


def summary(**changed: object) -> str:
    """What `minectl demo --json` says of an hour in which all went well, but for these."""
    day = {"ticks": 30, "violations": [], "events": [{"shed_100_s": 189}], "starts": {"min": 0, "max": 1}}
    return json.dumps(day | changed)


def staged(tmp_path: Path) -> Machine:
    """A clone of version 1.0.0 with nothing installed yet; each version that is tried on its twin does well."""
    made = Machine(*(tmp_path / name for name in ("clone", "root", "fakes", "tmp")))
    made.fakes.mkdir()
    made.tmp.mkdir()
    made.plays(f"echo '{summary()}'")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, made.clone / name)
        else:
            (made.clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, made.clone / name)
    for folder in ("mine_controller", "templates", "www", "sites"):
        (made.clone / folder).mkdir()
    made.version("1.0.0")
    python = FAKE_PYTHON.format(fakes=made.fakes, python=sys.executable)
    for name, text in (("python3", python), ("minectl", FAKE_MINECTL)):
        (made.fakes / name).write_text(text)
        (made.fakes / name).chmod(0o755)
    return made
