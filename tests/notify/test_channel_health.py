"""NTF4: one channel that takes nothing any more while others do is told by them, and its end too."""

import time

import pytest
from click.testing import CliRunner
from notify.test_tell import TAKEN, add, make, run

from mine_controller.cli.main import group
from mine_controller.config.load import load
from mine_controller.ports import journal
from mine_controller.ports.channels import TRIED, health, note_tried, tried
from mine_controller.ports.clock import REAL, Clocks
from mine_controller.ports.journal import Journal
from mine_controller.ports.log import Log
from mine_controller.store.outbox import WARNING, Letter

CONFIG, NOW = "sum", 100_000
GONE = {"sms": "no: 401 Authenticate", "sms gone": 1, "config": CONFIG}
TOLD = {"sms": "told", "config": CONFIG}


def letter(*tries, told_at=None):
    return Letter(1, "key", WARNING, "{}", 0, tries, told_at)


@pytest.mark.parametrize(
    ("letters", "found"),
    [
        ([], {}),
        ([letter()], {}),
        ([letter({"email": "told", "at": 9, "config": CONFIG})], {}),
        ([letter({**TOLD, "at": 9})], {"sms": ""}),
        ([letter({**GONE, "at": 9})], {"sms": "401 Authenticate"}),
        ([letter({**GONE, "at": 9}, {**TOLD, "at": 20})], {"sms": ""}),
        ([letter({**GONE, "at": 9}), letter({**TOLD, "at": 10})], {"sms": ""}),  # it does not like this letter only
        ([letter({**GONE, "at": 9}, {**GONE, "at": 50}), letter({**TOLD, "at": 10})], {"sms": ""}),
        ([letter({**GONE, "at": 9}), letter({**TOLD, "at": 8}, {**TOLD, "at": 50})], {"sms": "401 Authenticate"}),
        ([letter({**GONE, "at": 9}), letter({**TOLD, "at": 9})], {"sms": ""}),
        ([letter({**GONE, "at": 9}), letter({**TOLD, "at": NOW + 1})], {"sms": "401 Authenticate"}),  # a wrong clock's
        ([letter({**GONE, "at": 9, "config": "old"})], {}),  # who knows: the cap was changed, or the password
        ([letter({**GONE, "at": 9, "config": "old"}), letter({**TOLD, "at": 8})], {}),
        ([letter({**GONE, "at": 9, "config": "old"}), letter({**TOLD, "at": 9})], {"sms": ""}),
        ([letter({"sms": "no: timed out", "at": 9, "config": CONFIG})], {}),
        ([letter({"sms": "no: timed out", "email": "told", "at": 9, "config": CONFIG})], {}),
        (
            [letter({"sms": "no: timed out", "email": "told", "at": 9, "config": CONFIG}, told_at=90_000)],
            {"sms": "timed out"},
        ),
        ([letter({"sms": "no: timed out", "at": 9, "config": CONFIG}, told_at=90_000)], {}),  # nor did any other
        ([letter({"sms": 7, "sms gone": 1, "at": "x", "config": CONFIG})], {"sms": "7"}),  # a damaged note
    ],
)
def test_ntf4_what_a_channel_said_of_its_letters_tells_whether_it_lives(letters, found):
    """NTF4."""
    assert health(letters, ("sms",), CONFIG, NOW) == found


@pytest.fixture
def site(tmp_path, http, smtp):
    """A site whose devices are all dead, with Telegram and mail."""
    http.answers = [TAKEN]
    return make(tmp_path, http, smtp)


def early(path, sources=REAL):
    """A tick half a minute ago: what it told was told before whatever is refused next, to the second."""
    run(path, sources=sources._replace(wall_s=lambda: time.time() - 30))


def refused(site, smtp):
    """A first tick, and one in which the mailbox takes no sign-in."""
    early(site)
    smtp.codes = {"AUTH": "535 no"}
    add(site, (1, "disk"))
    run(site)


def readings(path):
    """What the core was told of the channels by the last tick."""
    kept = Journal(load(path), Clocks("UTC", 120), Log(path.parent / "mine.log"))
    channels = kept.load().image.channels
    kept.store.close()
    return {name: (channels[f"{name}:health"].value, channels[f"{name}:health"].why)
            for name in load(path).policy.alarms.channels if f"{name}:health" in channels}  # fmt: skip


def test_ntf4_a_mailbox_that_refuses_is_told_until_it_takes_something(site, http, smtp):
    early(site)
    assert readings(site) == {}, "nothing is said of what is well"
    smtp.codes = {"AUTH": "535 no"}
    add(site, (1, "disk"))
    run(site)
    run(site)
    ((name, (value, why)),) = readings(site).items()
    assert (name, value) == ("email", None)
    assert why.startswith("535")
    smtp.codes = {}
    site.write_text("# mended\n" + site.read_text())
    add(site, (1, "disk"))
    run(site)
    run(site)
    assert readings(site) == {"email": ("ok", "")}


def test_ntf4_a_test_that_the_channel_takes_ends_its_alarm(site, http, smtp):
    """NTF4: an account that was paid again changes no config, and nobody waits for the next fire to see it."""
    refused(site, smtp)
    done = CliRunner().invoke(group, ["notify", "test", "email", "--config", str(site)])
    assert done.exit_code == 1
    run(site)
    assert readings(site)["email"][0] is None
    smtp.codes = {}
    done = CliRunner().invoke(group, ["notify", "test", "email", "--config", str(site)])
    assert (done.exit_code, done.exception) == (0, None), done.output
    run(site)
    assert readings(site) == {"email": ("ok", "")}


def test_ntf4_a_change_of_something_else_in_the_config_makes_no_dead_channel_well(site, http, smtp):
    """NTF4: the letter it refused for good is told by another and done, so nothing is tried anew."""
    refused(site, smtp)
    run(site)
    assert readings(site)["email"][0] is None
    site.write_text("# another cap\n" + site.read_text())
    run(site)
    run(site)
    assert readings(site)["email"][0] is None


def test_ntf4_a_dead_channel_is_dead_until_it_takes_something_also_behind_a_boot_and_many_messages(
    site, http, smtp, monkeypatch
):
    """NTF4: the image begins anew at a boot, and what the channel refused lies behind newer messages."""
    site.write_text(site.read_text().replace("[end]", "[alarm channel_dead]\ndelay_s = 0\n[end]"))
    began = time.monotonic() - 30
    after = REAL._replace(boot_s=lambda: time.monotonic() - began)  # booted just now: no letter is due again by that
    before = after._replace(boot_id=lambda: "the one before")
    early(site, before)
    smtp.codes = {"AUTH": "535 no"}
    add(site, (1, "disk"))
    run(site, sources=before)
    run(site, sources=before)
    assert dead(site) == ["email"]
    monkeypatch.setattr(journal, "LETTERS_LOOKED", 1)
    add(site, (0, "only for the chat"))
    run(site, sources=after)
    run(site, sources=after)
    assert (dead(site), readings(site)) == (["email"], {}), "nobody has seen it take anything"
    smtp.codes = {}
    assert CliRunner().invoke(group, ["notify", "test", "email", "--config", str(site)]).exit_code == 0
    run(site, sources=after)
    assert (dead(site), readings(site)) == ([], {"email": ("ok", "")})


def dead(path):
    """The channels whose alarm stands after the last tick."""
    kept = Journal(load(path), Clocks("UTC", 120), Log(path.parent / "mine.log"))
    alarms = kept.load().state.alarms.values()
    kept.store.close()
    return [alarm["about"] for alarm in alarms if alarm["kind"] == "channel_dead"]


@pytest.mark.parametrize("written", [b"", b"[1]", b"{", b'{"email": "x"}', b"\xff"])
def test_what_was_tried_and_can_not_be_read_was_not_tried(tmp_path, written):
    (tmp_path / TRIED).write_bytes(written)
    assert tried(tmp_path) == ()


def test_where_no_tick_has_made_its_folder_nobody_else_does(tmp_path):
    note_tried(tmp_path / "run", ["email"], 9)
    assert not (tmp_path / "run").exists()
    note_tried(tmp_path, ["email"], 9)
    note_tried(tmp_path, ["sms"], 12)
    assert health(tried(tmp_path), ("email", "sms"), CONFIG, NOW) == {"email": "", "sms": ""}
