"""`minectl notify test` against peers that answer as the services do."""

import json

import pytest
from cli.place import write_site
from click.testing import CliRunner
from notify.peers import Http, Smtp

from mine_controller.cli.main import group

SECTIONS = """\
[discord]
webhook = {url}/canary-hook

[email]
server = 127.0.0.1
port = {port}
security = none
sender = mine@example.com
to = owner@example.com

[end]
"""


@pytest.fixture
def peers():
    http, smtp = Http(), Smtp()
    yield http, smtp
    http.close()
    smtp.close()


def site(folder, peers, sections=SECTIONS):
    path = write_site(folder, live=False)
    path.write_text(path.read_text().replace("[end]", sections.format(url=peers[0].url, port=peers[1].port)))
    return path


def typed(path, *words):
    return CliRunner().invoke(group, ["notify", "test", *words, "--config", str(path)])


def test_every_channel_gets_a_test_message(tmp_path, peers):
    done = typed(site(tmp_path, peers))
    assert done.exit_code == 0, done.output
    assert [line.split()[:2] for line in done.output.splitlines()[1:]] == [["discord", "told"], ["email", "told"]]
    assert peers[1].mails[0]["Subject"] == "[shadow] Coop test: info, test"


def test_one_channel_alone_can_be_tried(tmp_path, peers):
    assert typed(site(tmp_path, peers), "email").exit_code == 0
    assert peers[0].asked == []
    assert len(peers[1].mails) == 1


def test_a_channel_that_refuses_is_exit_1_with_the_reason_and_no_secret(tmp_path, peers):
    peers[0].answers = [(404, {"message": "Unknown Webhook"}, {})]
    done = typed(site(tmp_path, peers), "--json")
    assert done.exit_code == 1
    rows = {row["channel"]: row for row in json.loads(done.output)}
    assert rows["email"]["ok"]
    assert "Unknown Webhook" in rows["discord"]["text"]
    assert "canary" not in done.output


def test_an_unknown_channel_names_those_there_are(tmp_path, peers):
    done = typed(site(tmp_path, peers), "sms")
    assert done.exit_code == 1
    assert "discord, email" in done.stderr


def test_without_a_channel_it_says_how_to_get_one(tmp_path, peers):
    done = typed(site(tmp_path, peers, "[end]\n"))
    assert done.exit_code == 1
    assert "config sample telegram" in done.stderr
