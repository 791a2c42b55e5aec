"""What holds for the whole tree: names, sizes, words, packaging."""

import ast
import fnmatch
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()
LEFT_OUT = {".venv", ".git", "build", "dist", "demo", "site", ".hypothesis", "__pycache__"}


def tree(*suffixes: str) -> Iterator[Path]:
    """The files that belong to the project, whether git is here or not."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part in LEFT_OUT or part.endswith((".egg-info", "_cache")) for part in parts)
        if not hidden and path.is_file() and (not suffixes or path.suffix in suffixes):
            yield path


SOURCES = [path for path in tree(".py") if path.relative_to(ROOT).parts[0] in ("mine_controller", "tests", "bench")]
named = pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))


@named
def test_no_module_is_a_drawer_for_odds_and_ends(file):
    assert file.stem not in {"util", "utils", "helper", "helpers", "common", "manager", "base", "misc"}


@named
def test_a_module_says_what_it_is_for(file):
    text = file.read_text()
    if text.strip() and "tests" not in file.parts:
        assert ast.get_docstring(ast.parse(text))


@named
def test_files_and_functions_stay_readable(file):
    text = file.read_text()
    assert text.count("\n") <= 450
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    assert [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= 60] == []


def test_nothing_is_left_for_later_and_nothing_names_this_machine_or_a_registry():
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"))
    hosts = "|".join(("pypi" + r"\.org", "files.python" + "hosted", "deb.debian" + r"\.org", "registry.npm" + "js"))
    places = r"(?:^|[^A-Za-z0-9_.])/(?:work|farm)/"
    never = re.compile(rf"\b(?:{marks})\b|{hosts}|{places}")
    texts = tree(".py", ".md", ".sh", ".toml", ".lock", ".txt", ".html", ".css", ".js", ".csv", "")
    assert [f"{path.relative_to(ROOT)}: {found[0]}" for path in texts if (found := never.search(read(path)))] == []


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def test_the_command_is_called_minectl():
    assert PROJECT["project"]["scripts"] == {"minectl": "mine_controller.cli.start:main"}
    assert (PROJECT["project"]["license"], PROJECT["project"]["requires-python"]) == ("MIT", ">=3.11")
    assert "the minectl authors" in (ROOT / "LICENSE").read_text()


def test_the_version_of_the_package_has_a_line_in_the_changelog():
    version = re.search(r'__version__ = "(.+)"', (ROOT / "mine_controller/__init__.py").read_text())[1]
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("folder", ["templates", "www", "cron", "sites"])
def test_every_data_file_beside_the_package_is_in_the_wheel(folder):
    rows = PROJECT["tool"]["setuptools"]["data-files"]
    there = {(f"share/minectl/{path.relative_to(ROOT).parent}", str(path.relative_to(ROOT))) for path in data(folder)}
    left = {name for where, name in there if not any(fnmatch.fnmatch(name, glob) for glob in rows.get(where, []))}
    assert left == set()


def test_every_data_file_inside_the_package_is_in_the_wheel():
    rows = PROJECT["tool"]["setuptools"]["package-data"]
    globs = [f"{package.replace('.', '/')}/{glob}" for package, some in rows.items() for glob in some]
    inside = [str(path.relative_to(ROOT)) for path in tree() if path.is_relative_to(ROOT / "mine_controller")]
    left = [name for name in inside if not any(fnmatch.fnmatch(name, glob) for glob in ["*.py", *globs])]
    assert left == []


def data(folder: str) -> Iterator[Path]:
    made = {".html", ".json", ""} if folder == "www" else set()  # what a tick writes there; git ignores it too
    return (path for path in tree() if path.relative_to(ROOT).parts[0] == folder and path.suffix not in made)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_every_dependency_is_locked_with_hashes(lock):
    text = (ROOT / lock).read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)(?: ; [^\\\n]+)? \\\n    --hash=sha256:", text, re.MULTILINE))
    wanted = PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"]
    if "test" in lock:
        wanted += PROJECT["project"]["optional-dependencies"]["test"]
    assert {re.match(r"[A-Za-z0-9-]+", line)[0].lower() for line in wanted} <= set(locked)
    assert len(re.findall(r"^[^#\s].*$", text, re.MULTILINE)) == len(locked)
    assert "://" not in text


def test_what_is_imported_is_asked_for_by_name():
    """What comes along with another library comes in whatever version that one bears with."""
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(line for lines in extras.values() for line in lines)]
    names = {re.match(r"[A-Za-z0-9-]+", line)[0].lower().replace("-", "_") for line in wanted}
    called = {"bs4": "beautifulsoup4", "paho": "paho_mqtt", "telegram": "python_telegram_bot", "distributed": "dask"}
    called |= dict.fromkeys(("starlette", "pydantic"), "fastapi")  # it is made of them, and says which fit
    found = set()
    for path in (path for path in tree(".py") if path.relative_to(ROOT).parts[0] == "mine_controller"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    foreign = found - set(sys.stdlib_module_names) - {"mine_controller"}
    assert {called.get(name, name) for name in foreign} <= names


def test_the_zones_that_a_system_may_leave_out_are_asked_for_by_name():
    """Debian 13 has US/Central, GB and a hundred more in a package of their own that no upgrade installs: what was a
    good `timezone` is none then, for the config and its last good copy alike. Python finds them in tzdata."""
    assert any(re.match(r"tzdata\b", line) for line in PROJECT["project"]["dependencies"])
    for name in ("US/Central", "GB", "America/Chicago"):
        assert resources.files("tzdata").joinpath("zoneinfo", name).is_file()


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("pymodbus", (3, 10)),  # before it a unit was called slave, and every meter failed
        ("requests", (2, 32, 3)),  # before it an adapter was not asked how TLS is judged: no pin, no ca_file
        ("urllib3", (2, 2)),  # before it an answer could not be read piece by piece
        ("paho-mqtt", (2, 2)),  # before it a broker had 30 s for TLS, and its goodbye was read wrongly
    ],
)
def test_no_older_library_is_let_in_than_knows_our_calls(name, least):
    line = next((one for one in PROJECT["project"]["dependencies"] if re.match(rf"{name}\b", one)), f"{name}>=0")
    assert tuple(map(int, line.partition(">=")[2].split("."))) >= least


def test_both_locks_agree():
    small, large = (
        re.findall(r"^(\S+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)
        for lock in ("requirements.lock", "requirements-test.lock")
    )
    assert set(small) <= set(large)


def test_the_readme_names_both_commands():
    assert "./install.sh demo\n" in README
    assert "./install.sh test\n" in README


def test_every_line_of_the_feature_table_names_a_test_that_exists():
    rows = feature_rows()
    tests = set(re.findall(r"^def (test_\w+)", "\n".join(read(path) for path in SOURCES), re.MULTILINE))
    unproven = [row for row, cited in rows if not cited or not set(cited) <= tests]
    assert len(rows) > 20
    assert unproven == []


def feature_rows() -> list[tuple[str, list[str]]]:
    """The lines of the table under the heading "What it does", with the tests each cites."""
    table = README.partition("\n## What it does")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| **")][1:]
    return [(line, re.findall(r"`(test_\w+)`", line)) for line in lines]


def test_links_inside_the_documents_lead_somewhere():
    links = ((page, link) for page in tree(".md") for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(page)))
    assert [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("script", ["install.sh", ".ci/run"])
def test_the_scripts_can_be_run_and_stop_at_the_first_fault(script):
    path = ROOT / script
    assert path.stat().st_mode & 0o111 == 0o111
    assert "set -euo pipefail" in path.read_text()
    subprocess.run(["bash", "-n", path], check=True)
