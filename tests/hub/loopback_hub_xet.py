"""Files that hf_xet's own client wrote into a folder: the loopback Hub gives it ``local://<folder>`` as its store.

The scheme is not documented; hf_xet 1.8.0 has it. Each token gets a folder of its own, as hf_xet's database takes one
process at a time. Its shard files say which SHA-256 is which xet hash; the bytes are read by hf_xet from a copy.
"""

import shutil
import struct
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

RECORD = 48  # bytes: a hash of 32, then what depends on the kind of record
END = b"\xff" * 32
VERIFICATION, METADATA = 1 << 31, 1 << 30  # flags of a file's first record: further records follow


class Written(NamedTuple):
    """A file in a store."""

    sha256: str
    xet_hash: str
    size: int


def read_shard(content: bytes) -> Iterator[Written]:
    """The files that a shard lists: one record each, then its segments, their verification, and its SHA-256."""
    place = RECORD  # after the shard's own header
    while (file := content[place : place + RECORD])[:32] not in (END, b""):
        flags, segments = struct.unpack_from("<II", file, 32)
        place += RECORD
        size = sum(struct.unpack_from("<I", content, place + RECORD * n + 36)[0] for n in range(segments))
        place += RECORD * segments * (2 if flags & VERIFICATION else 1)
        if flags & METADATA:
            yield Written(hex_of(content[place : place + 32]), hex_of(file[:32]), size)
            place += RECORD


def hex_of(hashed: bytes) -> str:
    """A hash as hf_xet spells it: four little-endian numbers of 64 bits."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", hashed))


def fetch(stores: Path, wanted: Collection[str]) -> Iterator[bytes]:
    """The bytes of those of the wanted SHA-256 that any store has."""
    import hf_xet

    missing = set(wanted)
    for store in stores.iterdir():
        shards = [read_shard(path.read_bytes()) for path in store.glob("xet/xorbs/shards/*.mdb")]
        found = {file.sha256: file for files in shards for file in files if file.sha256 in missing}
        if not found:
            continue
        missing -= found.keys()
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(store, copy, dirs_exist_ok=True)
            with hf_xet.XetSession().new_file_download_group(endpoint=f"local://{copy}") as group:
                for sha256, file in found.items():
                    group.start_download_file(hf_xet.XetFileInfo(file.xet_hash, file.size), f"{copy}/{sha256}.out")
            for sha256 in found:
                yield Path(copy, f"{sha256}.out").read_bytes()
