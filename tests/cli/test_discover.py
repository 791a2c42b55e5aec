"""`minectl discover` as typed, against units on addresses of this machine."""

import json
import sys

import pytest
from cli.home import FLEET, Home
from click.testing import CliRunner
from ops.shelf import api, units, web
from wire.silence import silent_port

from mine_controller.cli import discover as cli
from mine_controller.cli.main import group
from mine_controller.devices.kind import Guess
from mine_controller.ops import discover
from mine_controller.store import query
from mine_controller.store.db import StoreTrouble


def info(mac):
    return web({"/": b"AxeOS", "/api/system/info": json.dumps({"ASICModel": "BM1370", "macAddr": mac}).encode()})


def board(seen):
    raw = seen.answers.get("GET /api/system/info", b"")
    if b"BM1370" not in raw:
        return None
    return Guess("bitaxe", 3, "Gamma", "v2.9.0", json.loads(raw.partition(b"\r\n\r\n")[2])["macAddr"])


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path)


@pytest.fixture
def lan(monkeypatch):
    """Three boards (one listed), a router, a box of an unknown make, and silence; on ports of their own."""
    monkeypatch.setattr(discover, "recognisers", lambda: {"bitaxe": board})
    real = discover.look
    monkeypatch.setattr(discover, "look", lambda plan, shown: real(plan._replace(wait_s=0.4), shown))
    with silent_port() as page, silent_port() as rpc:
        usual = discover.Ports((rpc,), (page,), ())
        monkeypatch.setattr(
            discover, "ports", lambda _config, xmrig=(), more=(): usual._replace(xmrig=xmrig, more=more)
        )
        scripts = {
            ("127.77.1.1", page): info("02:77:00:00:00:01"),
            ("127.77.1.8", page): info("02:77:00:00:00:08"),
            ("127.77.1.9", page): info("02:77:00:00:00:09"),
            ("127.77.1.30", page): web({"/": b"a router"}),
            ("127.77.1.31", rpc): api({}),
        }
        with units(scripts):
            yield


NET = "127.77.1.0/26"


def test_the_table_tells_who_is_known_new_and_unknown(home, lan):
    done = home.run("discover", NET)
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "b01" in lines["127.77.1.1"]
    assert "Gamma" in lines["127.77.1.8"]
    assert "new" in lines["127.77.1.8"]
    assert "unknown make" in lines["127.77.1.31"]
    assert "127.77.1.30" not in lines
    assert "1 known, 2 new, 1 unknown make on 62 addresses" in done.stdout
    assert "1 more answers, but as no miner that is known here: 127.77.1.30" in done.stdout
    assert "`minectl discover --add` lists the new ones" in done.stdout
    assert home.fleet.read_text() == FLEET


def test_add_appends_lines_once_and_tells_the_audit_log(home, lan):
    home.ticks(1)
    done = home.run("discover", NET, "--add")
    assert done.exit_code == 0, done.output
    assert "b04 is in fleet.csv now: 02:77:00:00:00:08, [bitaxe shelf]" in done.stdout
    text = home.fleet.read_text()
    assert text.startswith(FLEET)
    assert text.count("\n") == FLEET.count("\n") + 2
    assert home.fleet.with_name("fleet.csv.previous").read_text() == FLEET
    rows = [one.args for one in home.requests()]
    assert rows[0] == ("fleet.csv b04", "", "02:77:00:00:00:08 in bitaxe shelf")
    assert all(one.uid >= 0 and one.verb == "config" for one in home.requests())
    again = home.run("discover", NET, "--add")
    assert "there was nothing to add" in again.stdout
    assert home.fleet.read_text() == text


def test_a_unit_that_moved_is_told_from_where(home, lan, monkeypatch):
    monkeypatch.setattr(query, "miners", lambda _paths: ({"id": "b01", "ip": "127.77.1.77"},))
    done = home.run("discover", NET)
    assert "b01, moved from 127.77.1.77" in done.stdout
    assert "1 moved, 2 new" in done.stdout


def test_where_units_were_is_not_known_when_the_database_is_broken(home, lan, monkeypatch):
    def broken(_paths):
        raise StoreTrouble("corrupt", "the database is damaged")

    monkeypatch.setattr(query, "miners", broken)
    done = home.run("discover", NET)
    assert (done.exit_code, "the database is damaged" in done.stderr) == (0, True)


NOBODY_YET = FLEET.partition("\n")[0] + "\n"
NO_OUTLET = "config.txt: absent, so their rules don't exist: outlets"


def test_the_first_lines_are_told_with_what_the_check_notes_of_them(home, lan):
    home.fleet.write_text(NOBODY_YET)
    done = home.run("discover", NET, "--add")
    assert done.stdout.endswith(f"[bitaxe shelf]\nnote: {NO_OUTLET}\n")
    assert "note:" not in home.run("discover", NET, "--add").stdout


def test_json_holds_the_notes_and_stays_json(home, lan):
    home.fleet.write_text(NOBODY_YET)
    assert json.loads(home.run("discover", NET, "--add", "--json").stdout)["notes"] == [NO_OUTLET]
    assert json.loads(home.run("discover", NET, "--add", "--json").stdout)["notes"] == []


def test_json_holds_everything_found_and_added(home, lan):
    home.path.write_text(home.path.read_text().replace("127.77.1.1-20", "127.77.1.1-8"))
    tree = json.loads(home.run("discover", NET, "--add", "--json").stdout)
    assert {one["address"]: one["state"] for one in tree["found"]} == {
        "127.77.1.1": "known",
        "127.77.1.8": "new",
        "127.77.1.9": "new",
        "127.77.1.30": "other",
        "127.77.1.31": "unknown make",
    }
    assert [row["id"] for row in tree["added"]] == ["b04"]
    assert tree["not_added"] == [
        {"address": "127.77.1.9", "kind": "bitaxe", "why": "no [bitaxe ...] section covers it"}
    ]
    assert tree["commands"] == ['minectl config set "bitaxe shelf.hosts" "127.77.1.1-8, 127.77.1.9"']
    assert tree["doors"]["knocked"] == 124


def test_who_has_no_section_is_told_with_what_to_write(home, lan):
    home.path.write_text(home.path.read_text().replace("127.77.1.1-20", "127.77.1.1-8"))
    done = home.run("discover", NET, "--add")
    assert "127.77.1.9 (bitaxe) was not added: no [bitaxe ...] section covers it" in done.stderr
    assert 'minectl config set "bitaxe shelf.hosts" "127.77.1.1-8, 127.77.1.9"' in done.stderr


def test_that_nobody_could_be_added_is_told_and_no_success(home, lan):
    home.path.write_text(home.path.read_text().replace("127.77.1.1-20", "127.77.1.1-7"))
    done = home.run("discover", NET)
    assert "says what the new ones need before they can be listed" in done.stdout
    done = home.run("discover", NET, "--add")
    assert (done.exit_code, "nothing to add" in done.stdout) == (1, False)
    assert "fleet.csv stays as it is: none of the 2 new units could be added" in done.stderr
    tree = home.run("discover", NET, "--add", "--json")
    assert (tree.exit_code, len(json.loads(tree.stdout)["not_added"])) == (1, 2)
    assert home.fleet.read_text() == FLEET


def test_a_fleet_that_would_not_check_is_left_as_it_is(home, lan):
    home.ticks(1)
    home.path.write_text(home.path.read_text().replace("[end]", "[bitaxe\n[end]"))
    done = home.run("discover", NET, "--add")
    assert done.exit_code == 2
    assert home.fleet.read_text() == FLEET


def test_it_works_before_there_is_a_config(tmp_path, monkeypatch, lan):
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    monkeypatch.setattr(cli, "config_path", lambda _given: tmp_path / "config.txt")
    done = CliRunner().invoke(group, ["discover", NET], catch_exceptions=False)
    assert (done.exit_code, "3 new" in done.stdout) == (0, True)
    assert "`minectl init --site home-fleet DIR` makes one" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("10.0.0.0/8",), "ask for a /16 or less"),
        (("8.8.8.0/24",), "is no private network"),
        (("router",), "is no address, range or network"),
        (("127.77.1.0/30", "--ports", "80a"), "'80a' is no port; write 8080,8081"),
        (("127.77.1.0/30", "--xmrig-ports", "70000"), "'70000' is no port"),
    ],
)
def test_what_can_not_be_searched_is_told_and_nothing_is_knocked_at(home, monkeypatch, words, said):
    monkeypatch.setattr(discover, "look", lambda *_words: pytest.fail("knocked"))
    done = home.run("discover", *words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_ports_asked_for_are_searched(home, monkeypatch):
    plans = []

    def look(plan, shown):
        plans.append(plan)
        return discover.Looked((), discover.Tally(), {}, "UDP port 12345 can't be listened to: in use")

    monkeypatch.setattr(discover, "look", look)
    done = home.run("discover", "127.77.1.0/30", "--ports", "8081, 9999", "--xmrig-ports", "18088", "--listen", "6")
    assert plans[0].ports.more == (8081, 9999)
    assert plans[0].ports.xmrig == (18_088,)
    assert plans[0].listen_s == 6
    assert "no miner on 2 addresses" in done.stdout
    assert "Note: UDP port 12345 can't be listened to: in use" in done.stderr


def test_a_machine_that_is_on_no_network_says_so(home, monkeypatch):
    def look(plan, shown):
        tally = discover.Tally()
        tally.done, tally.failed["network is unreachable"] = 6, 6
        return discover.Looked((), tally, {})

    monkeypatch.setattr(discover, "look", look)
    done = home.run("discover", "127.77.1.0/30")
    assert (done.exit_code, "6 doors: network is unreachable" in done.stderr) == (1, True)


def test_on_a_terminal_a_bar_shows_how_far_it_is(monkeypatch):
    class Terminal:
        text = ""

        def isatty(self):
            return True

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with cli._progress() as shown:
        shown(50, 100)
        shown(100, 100)
    assert "Knocking" in terminal.text
    assert "100%" in terminal.text


def test_help_has_examples():
    done = CliRunner().invoke(group, ["discover", "--help"])
    assert "minectl discover 10.0.0.0/24 10.0.7.0/24" in done.stdout
    assert "Exit: 0" in done.stdout
