"""The documents: what is made is current, what is named exists, what can be typed is understood, examples work."""

import ast
import importlib
import importlib.util
import json
import re
import shlex
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import click
import pytest

from mine_controller.cli.main import COMMANDS, group
from mine_controller.config import catalogue
from mine_controller.config.load import load
from mine_controller.core.alarms.catalogue import KINDS
from mine_controller.core.due import Asked
from mine_controller.core.model.command import Command
from mine_controller.core.model.reason import Reason
from mine_controller.devices.act import act
from mine_controller.devices.ask import ask
from mine_controller.wire import http

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
STATES = {"works", "partly", "dropped", "missing"}


def _maker():
    spec = importlib.util.spec_from_file_location("bench_docs", ROOT / "bench/docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = _maker()


# -- what is made -----------------------------------------------------------------------------------------------------


def test_every_page_that_is_made_is_current():
    assert [str(path.relative_to(ROOT)) for path in MAKER.stale()] == [], "python bench/docs.py writes them"


def test_every_device_kind_has_its_page_with_all_its_options_and_verbs():
    for name in catalogue.known("device"):
        page = (DOCS / "kinds" / f"{name}.md").read_text()
        module = catalogue.find("device", name)
        words = [*module.Options._fields, *module.CAN.verbs, *module.CAN.reads]
        assert [word for word in words if f"`{word}`" not in page] == [], name


def test_a_page_of_a_kind_that_is_gone_is_found(tmp_path, monkeypatch):
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds/gone.md").write_text("of a device nobody sells any more")
    monkeypatch.setattr(MAKER, "DOCS", tmp_path)
    assert tmp_path / "kinds/gone.md" in MAKER.stale()


def test_the_manual_page_is_one_that_man_can_set():
    subprocess.run(["man", "--version"], check=True, capture_output=True)
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", str(DOCS / "minectl.1")],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LANG": "C.UTF-8", "PAGER": "cat"},
    )
    assert done.stderr == ""
    assert [name for name in COMMANDS if f"minectl {name}" not in done.stdout] == []


# -- what can be typed ------------------------------------------------------------------------------------------------


def commands():
    """Every command and every verb of it: its words and itself."""

    def walk(command, words, parent):
        context = click.Context(command, info_name=words[-1], parent=parent)
        yield words, command
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                yield from walk(command.get_command(context, name), (*words, name), context)

    yield from walk(group, ("minectl",), None)


ALL = dict(commands())


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_shows_examples(words):
    told = (ALL[words].epilog or "").replace("\b", "")
    lines = told.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert [line for line in lines if line.startswith(f"  {' '.join(words)}")], f"{' '.join(words)} --help: no example"


def understood(line):
    """Click's own reading of a command line, without doing anything. UsageError says what it does not understand."""
    words = shlex.split(line, comments=True)[1:]
    for stop in ("|", ">", "<", "&&", ";"):
        words = words[: words.index(stop)] if stop in words else words
    command, parent = group, None
    while True:
        context = click.Context(command, info_name="minectl", parent=parent)
        try:
            command.parse_args(context, list(words))
        except click.exceptions.NoArgsIsHelpError:
            return
        except click.BadParameter as wrong:
            if wrong.param is None or not isinstance(wrong.param.type, click.Path):
                raise
            return  # a file that only the reader has
        if not isinstance(command, click.Group) or not context._protected_args:
            return
        words = [*context._protected_args, *context.args]
        _, command, words = command.resolve_command(context, words)
        parent = context


def lines_of(told):
    """Command lines in examples: the explanation stands behind two or more blanks."""
    for line in told.replace("\b", "").splitlines():
        found = re.match(r"\s+(?:\$ )?(?:sudo (?:-u \w+ )?)?(minectl .+)", line)
        if found:
            yield re.split(r"\s{2,}", found[1])[0]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_example_of_the_help_is_understood(words):
    for line in lines_of(ALL[words].epilog or ""):
        understood(line)


def typed():
    for page in PAGES:
        for line in re.findall(r"^    .*$", page.read_text(), re.MULTILINE):
            yield from ((page.relative_to(ROOT), one) for one in lines_of(line))


@pytest.mark.parametrize(("page", "line"), sorted(set(typed())), ids=str)
def test_every_command_line_in_the_documents_is_understood(page, line):
    if re.search(r"\b[A-Z]{3,}\b", line.partition("minectl ")[2]):  # a word the reader replaces
        line = re.sub(r'"[^"]*\b[A-Z]{3,}\b[^"]*"', '"kind name"', line)
    understood(line)


def told():
    """What the program, its samples and these documents tell people to type: `minectl ...` between back-ticks."""
    texts = [*PAGES, ROOT / "install.sh"]
    for folder in ("mine_controller", "templates", "sites", "cron"):
        texts += [
            path for path in sorted((ROOT / folder).rglob("*")) if path.is_file() and "__pycache__" not in str(path)
        ]
    for path in texts:
        words = re.findall(r"`(?:sudo )?(minectl [^`\n{}]+)`", path.read_text(encoding="utf-8", errors="replace"))
        yield from ((line, str(path.relative_to(ROOT))) for line in words)


def test_every_command_that_people_are_told_to_type_exists():
    """What is left out (a miner, a reason) is the reader's; a verb or an option that is not there is our fault."""
    wrong = []
    for line, where in told():
        try:
            understood(line)
        except (click.MissingParameter, click.BadParameter, click.BadOptionUsage, click.exceptions.Exit):
            continue
        except click.UsageError as error:
            wrong.append(f"{where}: {line}: {error.format_message()}")
    assert wrong == []


def test_a_line_that_nobody_understands_is_found():
    with pytest.raises(click.UsageError):
        understood("minectl status --no-such-option")
    with pytest.raises(click.UsageError):
        understood("minectl miners juggle a001")


# -- what is named ----------------------------------------------------------------------------------------------------


def anchors(page):
    heads = re.findall(r"^#{1,6} (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_links_to_sections_lead_to_one():
    wrong = []
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", page.read_text()):
            there = (page.parent / target) if target else page
            if anchor not in anchors(there):
                wrong.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert wrong == []


def test_every_alarm_leads_to_one_section_of_what_helps():
    found = MAKER.sections((DOCS / "troubleshooting.md").read_text())
    assert sorted(set(KINDS) - set(found)) == [], "name it in a line `Alarms:` of docs/troubleshooting.md"
    assert sorted(set(found) - set(KINDS)) == []


def test_a_kind_that_stands_under_two_headings_is_found():
    with pytest.raises(ValueError, match="smoke"):
        MAKER.sections("## One\nAlarms: `smoke`\n## Two\nAlarms: `smoke`\n")


def test_every_picture_of_the_readme_is_there_and_made_by_the_script():
    script = (ROOT / "bench/picture.py").read_text()
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert pictures
    assert [name for name in pictures if not (ROOT / name).is_file() or Path(name).name not in script] == []


# -- the table of features --------------------------------------------------------------------------------------------


def feature_rows():
    for line in (DOCS / "features.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.fullmatch(r"[OCHRA]\d+", cells[0]):
            yield cells


def test_the_feature_table_has_every_row_once():
    counts = {"O": 39, "C": 79, "H": 53, "R": 40, "A": 73}
    wanted = [f"{letter}{number}" for letter, count in counts.items() for number in range(1, count + 1)]
    assert [cells[0] for cells in feature_rows()] == wanted


def test_what_works_names_tests_that_exist_and_what_does_not_says_why():
    tests = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tests |= set(re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE))
    for row, what, state, where in feature_rows():
        word, _, why = state.partition(": ")
        assert what, row
        assert word in STATES, row
        assert bool(why) == (word != "works"), row
        cited = re.findall(r"`(test_\w+)`", where)
        assert set(cited) <= tests, (row, set(cited) - tests)
        assert cited or word != "works", row


def samples():
    for page in PAGES:
        if page.parent.name == "kinds" or page.name == "adding-a-kind.md":
            continue  # those of kinds are the sample's own, which has tests; the guide's is loaded below
        for number, block in enumerate(re.findall(r"^```ini\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)):
            yield pytest.param(block, id=f"{page.name} {number}")


@pytest.mark.parametrize("block", list(samples()))
def test_every_piece_of_config_in_the_documents_checks(block, tmp_path):
    written = re.sub(r"(file|env|cred):\S+", "https://a.secret", block)
    written += "" if "[wiring]" in written else "\n[wiring]\n"
    (tmp_path / "config.txt").write_text(f"[site]\nname = A page\n\n{written}\n[end]\n")
    (tmp_path / "config.txt").chmod(0o600)
    assert load(tmp_path / "config.txt")  # a problem is a ConfigError


# -- the kind that the guide adds -------------------------------------------------------------------------------------


def guide():
    """File name -> text of the blocks that begin with a line naming a file."""
    text = (DOCS / "adding-a-kind.md").read_text()
    blocks = re.findall(r"^`([\w./-]+)`:\n\n```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return dict(blocks)


@pytest.fixture
def added(tmp_path, monkeypatch):
    """The kind of the guide in a folder of its own, where the program looks for kinds as well."""
    (tmp_path / "acme.py").write_text(guide()["mine_controller/devices/acme.py"])
    devices = importlib.import_module("mine_controller.devices")
    monkeypatch.setattr(devices, "__path__", [str(tmp_path), *devices.__path__])
    catalogue.files.cache_clear()
    catalogue.find.cache_clear()
    yield importlib.import_module("mine_controller.devices.acme")
    catalogue.files.cache_clear()
    catalogue.find.cache_clear()
    sys.modules.pop("mine_controller.devices.acme", None)
    vars(devices).pop("acme", None)


def test_the_guides_kind_reads_what_it_says_it_reads(added):
    case = {Path(name).name: text for name, text in guide().items() if name.startswith("tests/cases/acme/works/")}
    kind = importlib.import_module("mine_controller.devices.kind")
    options = importlib.import_module("mine_controller.core.option").fill(
        added.Options, {"url": "http://192.0.2.1"} | json.loads(case["options.json"])
    )
    replies = tuple(
        kind.Reply(one["name"], one.get("status", 200), {}, case[one["file"]].encode())
        for one in json.loads(case["replies.json"])
    )
    found = [[one.channel, one.quantity, one.value] for one in added.parse(replies, options)]
    assert sorted(found) == sorted(json.loads(case["expected.json"]))
    with pytest.raises(kind.BadReply):
        added.parse((kind.Reply("state", 200, {}, b"<html>"),), options)


class Board(BaseHTTPRequestHandler):
    """The board of the guide, as it says it answers."""

    def do_GET(self):
        relays = [{"n": number, "on": on} for number, on in self.server.relays.items()]
        self.tell({"relays": relays, "celsius": 23.5})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        number = int(self.path.rpartition("/")[2])
        self.server.relays[number] = body["on"]
        self.tell({"n": number, "on": body["on"]})

    def tell(self, tree):
        body = json.dumps(tree).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def board():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Board)
    server.daemon_threads = True
    server.relays = {1: True, 2: False}
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_guides_kind_is_found_by_its_name_asked_and_told(added, tmp_path, board):
    written = guide()["config.txt"].replace("http://192.168.1.60", f"http://127.0.0.1:{board.server_port}")
    (tmp_path / "config.txt").write_text(written)
    (tmp_path / "config.txt").chmod(0o600)
    config = load(tmp_path / "config.txt")
    assert list(config.endpoints) == ["acme dampers"]
    assert [fan.name for fan in config.policy.wiring.fans] == ["1"]
    until = time.monotonic() + 5
    read = ask([Asked("acme dampers")], config.endpoints, {}, int, lambda _, end: http.live(end), until)
    values = {one.key: one.value for one in read}
    assert (values["acme dampers/1:switch"], values["acme dampers/2:switch"]) == ("on", "off")
    assert values["acme dampers:temp_c"] == 23.5
    orders = [
        Command("1.0.1", "fan 2", "on", "acme dampers", "2", 0, Reason("x", "y", ())),
        Command("1.0.2", "fan 9", "off", "acme dampers", "9", 0, Reason("x", "y", ())),
    ]
    outcomes = act(orders, config.endpoints, (), int, lambda _, end: http.live(end), until)
    assert [one.verdict for one in outcomes] == ["applied", "refused"]
    assert board.relays == {1: True, 2: True}


def test_the_guides_code_is_typed_and_documented():
    tree = ast.parse(guide()["mine_controller/devices/acme.py"])
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert {"fetch", "parse", "apply"} <= {one.name for one in functions}
    assert all(one.returns is not None for one in functions)
    assert all(ast.get_docstring(one) for one in functions if not one.name.startswith("_"))
