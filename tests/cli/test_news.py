"""A change typed at the command line tells what the check notes of it, and nothing it noted before."""

import pytest
from cli.agile import BANDS, Home
from click.testing import CliRunner

from mine_controller.cli.bands import command as bands_command
from mine_controller.cli.config import command as config_command
from mine_controller.ops import replies

NO_POOL = "no active [pool] mines {}: miners stay on their pools"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    monkeypatch.setattr(replies, "start_tick", lambda _config: replies.Started(0))
    return Home(tmp_path, BANDS)


def noted(command, *words):
    """The notes of a command that succeeds."""
    done = CliRunner().invoke(command, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return [line.partition("coin: ")[2] for line in done.stdout.split("\n") if line.startswith("note: ")]


def test_config_set_tells_what_is_new_and_undo_has_nothing_to_add(home):
    assert noted(config_command, "set", "pool dgb.coin", "XEC") == [NO_POOL.format("DGB")]
    assert noted(config_command, "undo") == []
    assert noted(config_command, "set", "site.name", "Loft") == []


def test_config_unset_and_edit_tell_it_too(home, monkeypatch):
    assert noted(config_command, "unset", "pool dgb.coin") == [NO_POOL.format("DGB")]
    monkeypatch.setenv("VISUAL", "sed -i s/coin.=.BTC/coin=KAS/")
    assert noted(config_command, "edit") == []
    monkeypatch.setenv("VISUAL", "sed -i '/max_price.=.12/,/coin/s/coin=KAS/coin=BTC/'")
    assert noted(config_command, "edit") == [NO_POOL.format("BTC")]


def test_bands_set_tells_it_too(home):
    assert noted(bands_command, "set", "3", "--coin", "KAS", "--no-tick") == [NO_POOL.format("KAS")]
    assert noted(bands_command, "set", "3", "--max-price", "11", "--no-tick") == []
