"""A bundle replays elsewhere and holds no secret, not even inside its compressed records."""

import errno
import io
import json
import re
import sqlite3
import subprocess
import tarfile
import zlib
from contextlib import closing
from hashlib import sha256

import pytest
from cli.place import Place

from mine_controller.cli.bundle import command
from mine_controller.core.option import Secret
from mine_controller.ops import bundle
from mine_controller.ops.recall import Recalled, recall
from mine_controller.store.db import Places, StoreError
from mine_controller.store.samples import keep_sample

NOW = 1_789_000_000
CANARIES = (b"canary-pdu", b"canary-key")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path).ticks(6)


def opened(place, ticks=3):
    name, body, _ = bundle.bundle(place.config, ticks, NOW, '{"checks": "canary-key"}')
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {entry.name.removeprefix(f"{name}/"): tar.extractfile(entry).read() for entry in tar.getmembers()}, body


def test_a_bundle_has_what_is_needed_and_a_checksum_of_each(place):
    files, _ = opened(place)
    assert set(files) == {
        "README.txt", "bundle.json", "config.txt", "doctor.json", "fleet.csv", "mine.log", "mine_data.db",
    }  # fmt: skip
    about = json.loads(files["bundle.json"])
    assert about["sha256"] == {n: sha256(b).hexdigest() for n, b in files.items() if n != "bundle.json"}
    assert about["versions"]["sqlite"]
    assert b"password = ***" in files["config.txt"]


def test_no_secret_of_the_config_is_in_any_byte(place):
    place.config.paths.log.write_text("2026-07-15T19:02:31Z WARN text=canary-pdu\n")
    files, body = opened(place)
    parts = [body, *files.values(), *bundle._inside(files["mine_data.db"])]
    assert not [canary for canary in CANARIES for part in parts if canary in part]
    assert b"text=***" in files["mine.log"]


def sampled(place, number, body=b"<html>", why="no .signal"):
    files = {"page.html": body, "expected.json": b'{"refused": "%s"}' % why.encode()}
    digest = f"{number:08x}" + "f" * 56
    keep_sample(place.config.paths.samples, "power_signal-coop", digest, lambda: files, NOW + number)


def test_answers_that_nobody_could_read_are_in_it_without_secrets_and_with_a_checksum(place):
    sampled(place, 1, b"<p>canary-pdu</p>", "canary-key stands there")
    files, _ = opened(place)
    folder = "samples/power_signal-coop-00000001"
    assert files[f"{folder}/page.html"] == b"<p>***</p>"
    assert files[f"{folder}/expected.json"] == b'{"refused": "*** stands there"}'
    assert json.loads(files["bundle.json"])["sha256"][f"{folder}/page.html"] == sha256(b"<p>***</p>").hexdigest()
    assert b"1 answer that nobody could read: samples/" in files["README.txt"]


def test_samples_beyond_the_bound_stay_where_they_lie_and_that_is_told(place, monkeypatch):
    monkeypatch.setattr(bundle, "SAMPLE_BYTES", 100)
    for number in range(3):
        sampled(place, number, b"x" * 60, "")
    told = bundle.bundle(place.config, 3, NOW, "{}").samples
    assert told == f"1 answer that nobody could read: samples/; 2 more lie in {place.config.paths.samples}"


def test_samples_of_somebody_else_cost_no_bundle(place, monkeypatch):
    def forbidden(_folder, _most):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(bundle, "newest", forbidden)
    made = bundle.bundle(place.config, 3, NOW, "{}")
    assert made.samples == f"no samples: {place.config.paths.samples} can't be read: Permission denied"
    assert made.body


def test_a_secret_that_a_device_repeated_into_a_record_stops_the_bundle(place):
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        key, body = db.execute("SELECT id, body FROM records ORDER BY id DESC LIMIT 1").fetchone()
        told = zlib.compress(zlib.decompress(body).replace(b"Coop", b"canary-key") + b" canary-key")
        db.execute("UPDATE records SET body = ? WHERE id = ?", (told, key))
    with pytest.raises(StoreError, match=r"mine_data.db holds a secret"):
        opened(place)


def test_a_bundled_database_decides_its_ticks_again(place, tmp_path):
    files, _ = opened(place)
    path = tmp_path / "elsewhere.db"
    path.write_bytes(files["mine_data.db"])
    there = Places.under(tmp_path / "none")._replace(db=path)
    rounds = list(recall(there, 0, NOW + 10**9))
    again = [one for one in rounds if isinstance(one, Recalled)]
    assert len({one.recorded.tick_at for one in again}) >= 3
    assert all(one.same for one in again[-3:])


def test_only_the_last_ticks_and_their_anchor_are_in_it(place):
    place.ticks(40)
    files, _ = opened(place, ticks=2)
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(files["mine_data.db"])
        assert db.execute("SELECT count(*) FROM telemetry").fetchone()[0] <= 2
        assert db.execute("SELECT count(*) FROM records").fetchone()[0] < 46
        assert db.execute("SELECT count(*) FROM outbox").fetchone()[0] == 0


def test_short_secrets_are_not_looked_for_everywhere(place):
    config = place.config._replace(secrets=(Secret("x"), Secret("a b/c")))
    assert bundle.forms(config) == (b"a%20b%2Fc", b"a+b%2Fc", b"a b/c")


def test_the_example_of_its_help_finds_the_folder_beside_the_bundle_it_came_out_of(tmp_path):
    """minectl-* is the bundle of the example before as well, and a shell goes into one place at a time."""
    (tmp_path / "minectl-20260715T140000Z.tar.gz").touch()
    (tmp_path / "minectl-20260715T140000Z").mkdir()
    into = re.search(r"; (cd [^;]+);", command.epilog)[1]
    where = subprocess.check_output(["/bin/bash", "-c", f"{into} && pwd"], cwd=tmp_path, text=True)
    assert where == f"{tmp_path}/minectl-20260715T140000Z\n"
