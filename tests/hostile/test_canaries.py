"""The secrets of a config, each with a name of its own, are in no byte of anything a site leaves behind (SEC5)."""

import base64
import io
import subprocess
import tarfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from play.days import HEAD

from mine_controller.cli.main import group
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.ops.bundle import _inside, bundle
from mine_controller.play import demo
from mine_controller.play.twin import Virtual
from mine_controller.ports.journal import Journal
from mine_controller.ports.live import Live, ports_of
from mine_controller.ports.tell import tell
from mine_controller.tick import tick
from mine_controller.twin import coop, story

TROUBLE = """13:33 device foreman mine unauthorised for 5m
13:33 device redfish pdu1 html for 9m
13:35 signal off for 6m
13:39 page html for 4m
00:00 miner a003 mute
"""
OWN = ("config.txt", "config.last-good", "config.last_good")  # only their owner can read them; see the test
CHANNELS = """
[discord]
webhook = http://127.0.0.1:9/api/webhooks/4711/canary-of-the-webhook
least = info

[telegram]
token = 4711:canary-of-the-token
chat_id = 99
api_url = http://127.0.0.1:9

[end]
"""
COMMANDS = ("status", "status --json", "events", "events --json", "config show", "health", "explain", "history --csv")


class Talking(Virtual):
    """The twin with the real page and the real channels, behind which nobody answers."""

    def show(self, book):
        Live.show(self, book)

    def tell(self, book, journal):
        tell(self.config, journal, self.log, int(self.clocks.sources.wall_s()), time.monotonic() + 5)


def secrets_of(config):
    plain = [str.__str__(one) for one in config.secrets]
    return plain, forms(plain)


def forms(plain):
    """Each as it stands and as it travels."""
    out = set()
    for one in plain:
        out |= {one.encode(), quote(one, safe="").encode(), base64.b64encode(one.encode()).rstrip(b"=")}
        for user in ("minectl", "admin", "1234"):
            out.add(base64.b64encode(f"{user}:{one}".encode()).rstrip(b"="))
    return sorted(out)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """(folder, config, argvs) of a site after half an hour of trouble."""
    folder, patch, argvs = tmp_path_factory.mktemp("site"), pytest.MonkeyPatch(), []
    told = story.parse(HEAD + TROUBLE)
    made = coop.build(1, told.start_wall_s() + 13 * 3600 + 1800, story=told, miners=8, pdus=1, extras=False)
    path = demo.write_config(folder, made).paths.config
    path.write_text(path.read_text().replace("\n[end]\n", CHANNELS))
    config = load(path)
    real = subprocess.Popen.__init__

    def started(self, args, *more, **options):
        argvs.append(repr(args))
        real(self, args, *more, **options)

    patch.setattr(subprocess.Popen, "__init__", started)
    live = Talking(config, made)
    for _ in range(9):
        began = live.now_s
        tick(ports_of(live, Journal(config, live.clocks, live.log)), config.policy)
        live.until_next(began)
    yield folder, config, argvs
    patch.undo()


def spilled(body, hidden):
    return [one for one in hidden if one in body]


def test_no_secret_is_in_any_byte_a_site_writes(site):
    folder, config, argvs = site
    plain, hidden = secrets_of(config)
    assert len(plain) >= 4
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".ballast"]
    assert {"mine_data.db", "mine.log", "status.json", "index.html"} <= {path.name for path in files}
    for path in files:
        body = path.read_bytes()
        if path.name in OWN:
            assert path.stat().st_mode & 0o077 == 0
            continue
        assert not spilled(body, hidden), path
        if path.suffix == ".db":
            assert not [one for part in _inside(body) for one in spilled(part, hidden)], path
    assert not spilled(" ".join(argvs).encode(), hidden)


def test_no_secret_is_in_a_bundle(site):
    _, config, _ = site
    _, hidden = secrets_of(config)
    body = bundle(config, 5, 1_789_000_000, "{}").body
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        parts = {one.name: tar.extractfile(one).read() for one in tar.getmembers()}
    assert parts
    for name, part in parts.items():
        assert not spilled(part, hidden), name
        assert not [one for piece in (_inside(part) if name.endswith(".db") else ()) for one in spilled(piece, hidden)]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_secret_is_in_what_a_command_prints(site, command):
    folder, config, _ = site
    _, hidden = secrets_of(config)
    done = CliRunner().invoke(group, [*command.split(), "--config", str(folder / "config.txt")])
    assert done.exit_code in ((2,) if command == "health" else (0, 1)), done.output  # a plugin's word for critical
    assert done.output.strip()
    assert not spilled(done.output.encode(), hidden)


def test_no_secret_is_in_the_problems_of_a_config_damaged_at_any_line(site, tmp_path):
    folder, config, _ = site
    _, hidden = secrets_of(config)
    lines = (folder / "config.txt").read_text().splitlines()
    path = Path(tmp_path / "config.txt")
    for at in range(len(lines)):
        for damaged in (
            lines[at] + " ; note",
            lines[at].replace("=", "", 1),
            "x" + lines[at],
            lines[at].replace(" = ", "y = ", 1),
        ):
            path.write_text("\n".join([*lines[:at], damaged, *lines[at + 1 :]]) + "\n")
            path.chmod(0o644)
            with pytest.raises(ConfigError) as caught:
                load(path)
            assert not spilled(repr(caught.value.problems).encode() + str(caught.value).encode(), hidden), damaged
