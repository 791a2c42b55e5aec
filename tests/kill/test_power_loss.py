"""The power goes at any write of the commit sequence: what was committed is there, what was not is not half there."""

import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from kill.writes import TRACED, Disk, Op, read_log
from store import ledger
from store.test_store import SHA

from mine_controller.store import query
from mine_controller.store.db import Places

WORKER = str(Path(__file__).resolve().parents[1] / "store" / "worker.py")
NAMES = ("mine_data.db", "mine_data.db-journal", "mine_data.db.draft")
UNSAFE = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=TRUNCATE")
db.execute("PRAGMA synchronous=OFF")
db.execute("CREATE TABLE t (n)")
for n in range(1, 9):
    db.execute("INSERT INTO t VALUES (?)", (n,))
    print("end", n, flush=True)
"""


def logged(folder, *command):
    """The log of every write of a program."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = folder / "calls.log"
    around = ["strace", "-f", "-qq", "-e", f"trace={TRACED}", "-e", "signal=none", "-xx", "-s", "400000"]
    subprocess.run([*around, "-o", str(log), sys.executable, *command], check=False, capture_output=True, timeout=100)
    text = log.read_text() if log.exists() else ""
    if "exited" not in text and "write(" not in text:
        pytest.skip("strace may not trace here")
    return read_log(text, NAMES)


def cuts(ops, dice, shares):
    """(what was promised when the power went, what the files then hold) at every operation."""
    disk, said = Disk(NAMES), ""
    for op in ops:
        if op.what == "said":
            said += op.data.decode()
            continue
        for share in shares:
            yield lines(said), disk.after_cut(dice, share)
        disk.take(op)
    yield lines(said), disk.after_cut(dice, 0.0)


def lines(said):
    """The words of every whole line that was printed; a program may print a line in pieces."""
    return [line.split() for line in said.split("\n")[:-1]]


def promised(said):
    """Ticks whose intent was on disk before the power went, and those that had ended."""
    return {int(at) for word, at, *_ in said if word == "sent"}, {int(at) for word, at, *_ in said if word == "end"}


def put(folder, files):
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return Places.under(folder)


def found(paths):
    """(ticks begun, ticks ended) after SQLite put the files right; the checks of the state are the store's own."""
    with closing(sqlite3.connect(paths.db)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'mine_states'").fetchone():
            return set(), set()
        rows = db.execute("SELECT tick_at, ended_at FROM mine_states").fetchall()
    loaded = query.last_book(paths, ledger.BOOT, SHA)
    assert loaded.trouble == ()
    assert query.broken_event(paths) is None
    if rows:
        assert loaded.tick_at == max(at for at, _ in rows), "the state is that of the newest tick"
    return {at for at, _ in rows}, {at for at, ended in rows if ended}


def trial(folder, ticks, seed, shares):
    ops = logged(folder, WORKER, str(folder / "mine"), "4", str(ticks), "act")
    dice, judged = random.Random(seed), 0
    for said, files in cuts(ops, dice, shares):
        if not files["mine_data.db"]:
            assert not promised(said)[0], "nothing was promised before the file was there"
            continue
        begun, ended = found(put(folder / "cut", files))
        sent, closed = promised(said)
        assert sent <= begun
        assert closed <= ended
        judged += 1
    return judged


def test_no_power_cut_takes_back_a_commit_or_leaves_half_of_one(tmp_path):
    """DB4: at every write of four ticks nothing, some and all of what was not synced has reached the disk."""
    assert trial(tmp_path, 4, 3, (0.0, 0.5, 1.0)) > 400


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(4, 8))
def test_many_power_cuts(tmp_path, seed):
    assert trial(tmp_path, 12, seed, (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)) > 3000


def test_a_new_name_is_lost_until_its_folder_is_synced_and_none_is_given_to_what_is_not_on_the_disk():
    draft, final = NAMES[2], NAMES[0]
    disk, dice = Disk(NAMES), random.Random(1)
    disk.take(Op("write", draft, 0, b"whole"))
    with pytest.raises(AssertionError, match="before it is on the disk"):
        disk.take(Op("named", final, data=draft.encode()))
    disk.take(Op("sync", draft))
    disk.take(Op("named", final, data=draft.encode()))
    assert [disk.after_cut(dice, share)[final] for share in (0.0, 1.0)] == [b"", b"whole"]
    disk.take(Op("folder"))
    assert disk.after_cut(dice, 0.0)[final] == b"whole"


def test_the_same_cuts_do_find_a_database_that_does_not_sync(tmp_path):
    """The trial is worth something: without syncs commits are lost or halved."""
    ops = logged(tmp_path, "-c", UNSAFE, str(tmp_path / "mine_data.db"))
    lost = 0
    for said, files in cuts(ops, random.Random(1), (0.0, 0.5)):
        paths = put(tmp_path / "cut", files)
        ended = max((int(n) for word, n in said if word == "end"), default=0)
        lost += ended > kept(paths)
    assert lost > 10


def kept(paths):
    try:
        with closing(sqlite3.connect(paths.db)) as db:
            return db.execute("SELECT max(n) FROM t").fetchone()[0] or 0
    except sqlite3.Error:
        return 0
