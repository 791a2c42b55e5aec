"""The work of the holding pool: parsed and hashed as a miner would."""

import hashlib

import pytest

from mine_controller.stratum.jobs import (
    COINB1,
    COINB2,
    EXTRANONCE2_BYTES,
    ROLLING_MASK,
    VERSION,
    Job,
    difficulty_for,
    extranonce1_of,
    prevhash_of,
)


def sha256d(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def coinbase(extranonce1="5a000001", extranonce2="00" * EXTRANONCE2_BYTES):
    return bytes.fromhex(COINB1 + extranonce1 + extranonce2 + COINB2)


def test_the_coinbase_is_a_whole_transaction_that_pays_nobody():
    raw = coinbase()
    assert raw[:5] == bytes.fromhex("0100000001")
    script_length = raw[41]
    script = raw[42 : 42 + script_length]
    rest = raw[42 + script_length :]
    assert b"/minectl/" in script
    assert rest[:5] == bytes.fromhex("ffffffff01")  # sequence, one output
    assert rest[5:13] == bytes(8)  # of value 0
    assert rest[13:15] == b"\x01\x6a"  # to OP_RETURN
    assert rest[15:] == bytes(4)  # lock time, and nothing behind it


def test_the_coinbase_hashes_to_what_was_measured():
    assert sha256d(coinbase()).hex() == "b472c82ec0788523d8b5801ba4a8361d99025e46403fd7802011af8fb84620d0"


def test_an_avalon_can_count_its_extranonce_up_in_its_own_hardware():
    """cgminer 4.12, libssplus.c: it changes four bytes within one block of SHA-256, and pads what is behind as one."""
    at = len(COINB1) // 2 + 4
    whole, rest = divmod(len(coinbase()) - at // 64 * 64, 64)
    assert at % 64 + 4 <= 64
    assert whole >= 1
    assert 1 <= rest <= 55


def test_a_job_has_the_forms_a_miner_checks():
    job_id, prevhash, coinb1, coinb2, branches, version, nbits, ntime, clean = Job(
        10, prevhash_of(5), 1_750_000_000
    ).params(clean=True)
    assert job_id == "0000000a"
    assert len(prevhash) == 64
    assert bytes.fromhex(prevhash)
    assert (coinb1, coinb2, branches) == (COINB1, COINB2, [])
    assert version == VERSION
    assert int(version, 16) & ROLLING_MASK == 0
    assert len(nbits) == len(ntime) == 8
    assert clean is True


def test_the_hash_it_follows_begins_with_zeros_where_it_is_read_and_differs_by_run():
    words = [prevhash_of(0xABABABAB)[at : at + 8] for at in range(0, 64, 8)]
    display = "".join(reversed(words))
    assert display == "00000000" + "0001abab" + "abababab" * 6
    assert prevhash_of(1) != prevhash_of(2)


def test_every_connection_has_an_extranonce_of_its_own():
    assert len({extranonce1_of(number) for number in range(10_000)}) == 10_000
    assert len(extranonce1_of(2**40)) == 8


@pytest.mark.parametrize(("hashrate_hs", "difficulty"), [(100e12, 262_144), (1e12, 4096), (100e3, 2**-12)])
def test_the_difficulty_gives_a_share_every_twenty_seconds_or_a_little_more_often(hashrate_hs, difficulty):
    assert difficulty_for(hashrate_hs, 20) == difficulty
    assert 10 <= difficulty * 2**32 / hashrate_hs <= 20
