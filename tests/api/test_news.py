"""What the check notes of a change, told with the answer to it: new notes, and no others."""

import pytest
from api.served import Served
from cli.agile import BANDS, Home

from mine_controller.ops import replies

STRATEGY = "/api/settings/agile-solo-strategy"
SOLO = "[pool bch]\nurl = stratum+tcp://bch.example:3333\nuser = w\ncoin = BCH\n\n"
NO_POOL = "no active [pool] mines BCH: miners stay on their pools"


@pytest.fixture
def attic(tmp_path, monkeypatch):
    """A band for BCH, and one pool that mines it."""
    monkeypatch.setattr(replies, "start_tick", lambda _config: replies.Started(0))
    return Served(Home(tmp_path, SOLO + BANDS.replace("coin = DGB", "coin = BCH")))


def test_a_pool_that_a_band_lived_of_goes_with_a_caution(attic):
    done = attic.send("DELETE", "/api/pools/bch", role="admin")
    assert done.status_code == 202
    (note,) = done.json()["notes"]
    assert note.endswith(f"[band 2] coin: {NO_POOL}")


def test_a_pool_that_nobody_misses_goes_without_one(attic):
    new = {"name": "more", "url": "stratum+tcp://more.example:3333", "wallet": "w", "coin": "BCH"}
    assert "notes" not in attic.post("/api/pools", new, "admin").json()
    assert "notes" not in attic.send("DELETE", "/api/pools/more", role="admin").json()


def test_a_note_is_told_when_it_is_new_and_not_with_each_change_after(attic):
    first = attic.send("PATCH", "/api/pools/bch", {"coin": "XEC"}, "admin").json()
    assert any(NO_POOL in note for note in first["notes"])
    after = attic.send("PATCH", "/api/pools/bch", {"fallback": "btc"}, "admin").json()
    assert "notes" not in after


def test_a_band_for_a_coin_that_nobody_mines_is_told_before_and_after(attic):
    rows = attic.get(f"{STRATEGY}/bands").json()["bands"]
    bands = [{"id": row["name"], "max_price": row["below"], "target_coin": row["coin"] or ""} for row in rows]
    bands[2]["target_coin"] = "KAS"
    shown = attic.post(f"{STRATEGY}/bands/preview", {"bands": bands}).json()
    done = attic.send("PATCH", f"{STRATEGY}/bands/3", {"target_coin": "KAS"}, "admin").json()
    for notes in (shown["notes"], done["notes"]):
        assert [note.partition(": ")[2] for note in notes] == [f"[band 3] coin: {NO_POOL.replace('BCH', 'KAS')}"]


def test_a_cell_that_takes_the_last_outlets_away_is_told_once(served):
    done = served.send("PATCH", "/api/miners/m000", {"outlet": "", "name": "Left"}, "admin").json()
    assert done["notes"] == ["config.txt: absent, so their rules don't exist: some_outlets"]
    assert "notes" not in served.send("PATCH", "/api/miners/m001", {"outlet": ""}, "admin").json()
