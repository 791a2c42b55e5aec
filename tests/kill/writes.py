"""What a power cut may leave of a database, from the log of every write its process made.

A disk keeps what was written before the last sync of that file. Of what came after, each sector of each write and each
truncation is there or not, in any combination: that is what is drawn here. A file's new name is there once its folder
was synced; before that it may be.
"""

import random
import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

SECTOR = 512
TRACED = "openat,close,pwrite64,write,fsync,fdatasync,ftruncate,unlink,rename"
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\)\s+= (-?\d+)")
_BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Op(NamedTuple):
    """One change of one file: write (at, data), cut (at), sync, `named` (what it was called before: data).

    `folder`: the names are synced. `said`: what the program printed (data).
    """

    what: str
    file: str = ""
    at: int = 0
    data: bytes = b""


def read_log(text: str, names: tuple[str, ...]) -> list[Op]:
    """The operations on files of these names, in order, and everything printed."""
    ops: list[Op] = []
    opened: dict[str, str] = {}
    folder = ""
    for line in text.splitlines():
        found = _LINE.match(line)
        if not found or int(found[3]) < 0:
            continue
        call, args, result = found[1], found[2], found[3]
        texts = [bytes.fromhex(one.replace("\\x", "")) for one in _BYTES.findall(args)]
        first = args.partition(",")[0]
        if call == "openat":
            opened[result] = Path(texts[0].decode()).name
        elif call == "close":
            opened.pop(first, None)
        elif call == "write" and first == "1":
            ops.append(Op("said", data=texts[0]))
        elif call == "rename" and (called := [Path(one.decode()) for one in texts])[1].name in names:
            assert called[0].name in names, line
            ops.append(Op("named", called[1].name, data=called[0].name.encode()))
            folder = called[1].parent.name
        elif call in ("unlink", "rename"):
            assert not any(Path(one.decode()).name in names for one in texts), line
        elif opened.get(first) in names:
            ops.append(_op(call, opened[first], args, texts))
        elif call == "fsync" and folder and opened.get(first) == folder:
            ops.append(Op("folder"))
    return ops


def _op(call, name, args, texts):
    if call == "pwrite64":
        return Op("write", name, int(args.rpartition(",")[2]), texts[0])
    if call == "ftruncate":
        return Op("cut", name, int(args.rpartition(",")[2]))
    assert call in ("fsync", "fdatasync"), call
    return Op("sync", name)


class Disk:
    """The files as they surely are (`firm`), and what is under way since the last sync of each (`loose`)."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.firm = {name: bytearray() for name in names}
        self.loose: dict[str, list[Op]] = {name: [] for name in names}
        self.unnamed: set[str] = set()  # whose name may not be on the disk yet

    def take(self, op: Op) -> None:
        if op.what == "named":
            before = op.data.decode()
            assert not self.loose[before], f"{before} is called {op.file} before it is on the disk"
            self.firm[op.file], self.firm[before] = self.firm[before], bytearray()
            self.unnamed.add(op.file)
        elif op.what == "folder":
            self.unnamed.clear()
        elif op.what == "sync":
            for each in self.loose[op.file]:
                _apply(self.firm[op.file], each)
            self.loose[op.file] = []
        elif op.what != "said":
            self.loose[op.file].append(op)

    def after_cut(self, dice: random.Random, share: float) -> dict[str, bytes]:
        """What the files may hold when the power goes now; `share` of the loose sectors reached the disk."""
        out = {}
        for name, firm in self.firm.items():
            kept = bytearray(firm)
            for op in self.loose[name]:
                for piece in _pieces(op):
                    if dice.random() < share:
                        _apply(kept, piece)
            lost = name in self.unnamed and dice.random() >= share
            out[name] = b"" if lost else bytes(kept)
        return out


def _pieces(op):
    if op.what == "cut":
        return [op]
    ends = [0, *range(SECTOR - op.at % SECTOR, len(op.data), SECTOR), len(op.data)]
    return [Op("write", op.file, op.at + a, op.data[a:b]) for a, b in pairwise(ends) if a < b]


def _apply(data: bytearray, op: Op) -> None:
    if op.what == "cut":
        del data[op.at :]
        return
    if len(data) < op.at:
        data.extend(bytes(op.at - len(data)))
    data[op.at : op.at + len(op.data)] = op.data
