"""What the guide has a person ask of a copy, by hand."""

import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mine_controller.store.migrations import migrate

GUIDE = Path(__file__).parents[2] / "docs" / "operating.md"
TOOL = "/opt/minectl/current/bin/sqlite-utils"
ASKED = [line.strip() for line in GUIDE.read_text("utf-8").splitlines() if TOOL in line]


@pytest.mark.parametrize("asked", ASKED)
def test_what_the_guide_asks_of_a_copy_with_sqlite_utils_is_answered(tmp_path, asked):
    copy = tmp_path / "by-hand-20260301T120000Z.db"
    db = sqlite3.connect(copy, isolation_level=None)
    migrate(db)
    db.execute("INSERT INTO events VALUES ('2026-03-01T12:00:00Z', 'curtail', 'info', 'site', '', 1, '', '', '')")
    db.close()
    words = [str(copy) if word.endswith(".db") else word for word in shlex.split(asked)[2:]]
    program = [sys.executable, "-m", "sqlite_utils"]
    done = subprocess.run([*program, *words], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_guide_asks_it():
    assert len(ASKED) == 3
