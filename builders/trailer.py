"""Chunks at the end of a sysupgrade image (fwtool): read within bounds, signature chunks stripped.

An opkg-era ImageBuilder makes a key of its own in each unpacked tree and signs every image with it: two trees, two
files. Without that chunk equal requests give equal bytes, and `sha256` is `sha256_unsigned`.

A chunk is its data and a trailer of 16 bytes, big endian: magic `FWx0`, crc, type (1 byte), padding (3), size of data
and trailer. The crc is zlib's over everything before the trailer, not inverted at the end.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAGIC = 0x46577830  # FWx0
SIGNATURE = 0
METADATA = 1
MAX_CHUNK = 32 * 1024
MAX_CHUNKS = 16

_TRAILER = struct.Struct(">IIB3xI")
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: where its data begins in the file, and where the chunk ends."""

    kind: int
    start: int
    end: int

    @property
    def data(self) -> slice:
        """The place of the data, without the trailer."""
        return slice(self.start, self.end - _TRAILER.size)


def chunks(path: Path) -> list[Chunk]:
    """The chunks of an image, the last one first. Stops at the first thing that is not a sound chunk."""
    with path.open("rb") as image:
        return list(_chunks(image))


def strip_signatures(path: Path) -> bool:
    """Cut signature chunks off the end, in place. True when the file changed."""
    end = None
    for chunk in chunks(path):
        if chunk.kind != SIGNATURE:
            break
        end = chunk.start
    if end is None:
        return False
    with path.open("r+b") as image:
        image.truncate(end)
        os.fsync(image.fileno())
    return True


def append(path: Path, kind: int, data: bytes) -> None:
    """Add one chunk to the end of an image. ValueError when a router would not read it."""
    if not data or len(data) + _TRAILER.size > MAX_CHUNK:
        raise ValueError(f"A chunk holds 1 to {MAX_CHUNK - _TRAILER.size} bytes, not {len(data)}.")
    with path.open("r+b") as image:
        image.seek(0, os.SEEK_END)
        image.write(data)
        crc = _crc(image, image.tell())
        image.write(_TRAILER.pack(MAGIC, crc, kind, len(data) + _TRAILER.size))


def _chunks(image: BinaryIO) -> Iterator[Chunk]:
    end = image.seek(0, os.SEEK_END)
    for _ in range(MAX_CHUNKS):
        if end < _TRAILER.size:
            return
        image.seek(end - _TRAILER.size)
        magic, crc, kind, size = _TRAILER.unpack(image.read(_TRAILER.size))
        # The size is unprotected, and 0 or 0xffffffff sends naive readers in circles.
        if magic != MAGIC or not _TRAILER.size <= size <= min(end, MAX_CHUNK):
            return
        if crc != _crc(image, end - _TRAILER.size):
            return
        yield Chunk(kind, end - size, end)
        end -= size


def _crc(image: BinaryIO, length: int) -> int:
    """The crc of the first `length` bytes; leaves the position behind them."""
    image.seek(0)
    crc = 0
    while length > 0:
        block = image.read(min(_BLOCK, length))
        if not block:
            break
        crc = zlib.crc32(block, crc)
        length -= len(block)
    return crc ^ 0xFFFFFFFF
