"""Work that keeps a miner busy and can never be money. Pure.

A job is a well-formed block template: the coinbase pays 0 to an OP_RETURN output, and the block it claims to follow
does not exist (its hash is made here from a number), so nothing hashed on it can be a block of any chain. Field
forms after the Stratum V1 sources of cgminer, ESP-Miner and public-pool, checked by parsing and hashing in the tests.
"""

from mine_controller.record import NamedTuple

EXTRANONCE2_BYTES = 8
VERSION = "20000000"  # the bits miners may roll are zero, so that those who send XOR and those who send values agree
ROLLING_MASK = 0x1FFFE000  # what BIP 320 sets aside
NBITS = "17023a04"
# An Avalon (cgminer 4.12, libssplus.c) changes four bytes of extranonce2 in its own hardware, within one block of
# SHA-256, and pads what is behind as one block: the lengths below fit that, and a longer tag may stop every Avalon.
_TAG = b"/minectl/"
_HEIGHT = (900_000).to_bytes(3, "little")
_SCRIPT = bytes([len(_HEIGHT)]) + _HEIGHT + bytes([len(_TAG)]) + _TAG
_EXTRANONCE1_BYTES = 4
COINB1 = (
    "01000000" + "01" + "00" * 32 + "ffffffff"
    + f"{len(_SCRIPT) + _EXTRANONCE1_BYTES + EXTRANONCE2_BYTES:02x}" + _SCRIPT.hex()
)  # fmt: skip
COINB2 = "ffffffff" + "01" + "00" * 8 + "01" + "6a" + "00000000"  # one output: 0 to OP_RETURN
ONE = 1 << 32  # hashes a share of difficulty 1 takes on average


class Job(NamedTuple):
    """One notify. `number` never repeats within a run: ESP-Miner drops a notify whose id it knows."""

    number: int
    prevhash: str
    ntime_s: int

    @property
    def id(self) -> str:
        """The id on the wire."""
        return f"{self.number & 0xFFFFFFFF:08x}"

    def params(self, *, clean: bool) -> list[object]:
        """The nine parameters of mining.notify, clean_jobs last. `clean` only where the miner knows another prevhash:
        it throws its queue away."""
        return [
            self.id, self.prevhash, COINB1, COINB2, [], VERSION, NBITS, f"{self.ntime_s & 0xFFFFFFFF:08x}", clean
        ]  # fmt: skip


def prevhash_of(number: int) -> str:
    """The block that this run pretends to follow, in the word order of the wire: leading zeros like a real one."""
    word = f"{number & 0xFFFFFFFF:08x}"
    return word * 6 + "0001" + word[:4] + "00000000"


def extranonce1_of(connection: int) -> str:
    """4 bytes, different for each connection of a run."""
    return f"{connection & 0xFFFFFFFF:08x}"


def difficulty_for(hashrate_hs: float, share_every_s: float) -> float:
    """The difficulty at which that many hashes a second find a share every so many seconds; a power of two."""
    exact = hashrate_hs * share_every_s / ONE
    difficulty = 2.0**-20
    while difficulty * 2 <= exact:
        difficulty *= 2
    return difficulty
