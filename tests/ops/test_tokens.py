"""Tokens: kept as digests, in a file nobody else may read."""

import threading
from contextlib import suppress

import pytest

from mine_controller.ops import tokens
from mine_controller.ops.tokens import TokenError
from mine_controller.store.db import Places


@pytest.fixture
def paths(tmp_path):
    return Places.under(tmp_path)


def test_a_token_is_found_again_and_its_text_is_kept_nowhere(paths):
    text = tokens.add(paths, "phone", "operate", 7)
    assert len(text) > 40
    found = tokens.find(tokens.load(paths), text)
    assert (found.name, found.role, found.added_at) == ("phone", "operate", 7)
    assert text not in tokens.path_of(paths).read_text()
    assert tokens.path_of(paths).stat().st_mode & 0o777 == 0o600
    for wrong in ("", text[:-1], text + "x", text.upper(), "\ud800"):
        assert tokens.find(tokens.load(paths), wrong) is None


def test_a_revoked_token_is_gone_and_the_others_stay(paths):
    kept, gone = tokens.add(paths, "a", "read", 1), tokens.add(paths, "b", "admin", 1)
    assert tokens.revoke(paths, "b").role == "admin"
    assert tokens.find(tokens.load(paths), gone) is None
    assert tokens.find(tokens.load(paths), kept).name == "a"
    with pytest.raises(TokenError, match="there is no token 'b'; there are a"):
        tokens.revoke(paths, "b")


def test_a_token_revoked_while_another_one_is_added_stays_revoked(paths, monkeypatch):
    """Both had read the file before either wrote it: who wrote last put the revoked one back, or lost the new one."""
    tokens.add(paths, "old", "admin", 1)
    both, load = threading.Barrier(2), tokens.load

    def slowly(paths):
        known = load(paths)
        with suppress(threading.BrokenBarrierError):  # the other one waits for its turn
            both.wait(0.5)
        return known

    monkeypatch.setattr(tokens, "load", slowly)
    others = [
        threading.Thread(target=tokens.add, args=(paths, "new", "read", 2)),
        threading.Thread(target=tokens.revoke, args=(paths, "old")),
    ]
    for one in others:
        one.start()
    for one in others:
        one.join()
    assert [one.name for one in load(paths)] == ["new"]


@pytest.mark.parametrize(
    ("name", "role", "said"), [("", "read", "no name"), ("a b", "read", "no name"), ("a", "root", "no role")]
)
def test_a_wrong_name_or_role_adds_nothing(paths, name, role, said):
    with pytest.raises(TokenError, match=said):
        tokens.add(paths, name, role, 1)
    assert tokens.load(paths) == ()


def test_a_name_is_given_once(paths):
    tokens.add(paths, "a", "read", 1)
    with pytest.raises(TokenError, match="already"):
        tokens.add(paths, "a", "admin", 1)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "{}x", '[{"name": "a", "role": "root", "digest": "", "added_at": 1}]', "null"]
)
def test_a_damaged_file_has_no_token_that_counts(paths, text):
    tokens.path_of(paths).write_text(text)
    tokens.path_of(paths).chmod(0o600)
    with pytest.raises(TokenError, match="damaged"):
        tokens.load(paths)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_others_may_read_has_none_either(paths, mode):
    tokens.add(paths, "a", "read", 1)
    tokens.path_of(paths).chmod(mode)
    with pytest.raises(TokenError, match="chmod 600"):
        tokens.load(paths)


def test_roles_hold_what_stands_before_them():
    assert [tokens.may("operate", one) for one in tokens.ROLES] == [True, True, False]
